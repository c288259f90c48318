//! The frame of a SOAP message: SOAP 1.1 §4, SOAP 1.2 part 1 §5.

use super::super::fault::Fault;
use super::super::syntax::XmlKind;
use super::Parser;
use super::scan::QName;
use super::space::Space;

/// What an element is in the frame of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The root of a message.
    Envelope,
    /// What intermediaries read.
    Header,
    /// What the message says.
    Body,
    /// Nothing of the frame, or no SOAP.
    None,
}

impl Parser<'_, '_> {
    /// What the element is in the frame of the message, which holds `Body`, after a `Header` or
    /// none, and nothing else.
    #[inline]
    pub(super) fn soap_part(&mut self, name: QName, space: Space) -> Result<Part, Fault> {
        let Some(soap) = self.soap().filter(|_| self.around.len() < 2) else {
            return Ok(Part::None);
        };
        let local = name.local().of(self.cursor.body());
        if self.around.is_empty() {
            return match local {
                b"Envelope" if space == soap => Ok(Part::Envelope),
                b"Envelope" if [Space::SOAP_1_1, Space::SOAP_1_2].contains(&space) => {
                    Err(Fault::SoapVersion)
                }
                _ => Err(Fault::NotSoap),
            };
        }
        let part = match (local, self.soap_last) {
            (b"Header", Part::Envelope) => Part::Header,
            (b"Body", Part::Envelope | Part::Header) => Part::Body,
            _ => return Err(Fault::SoapFrame),
        };
        if space != soap {
            return Err(Fault::SoapFrame);
        }
        self.soap_last = part;
        Ok(part)
    }

    /// Checks that no text stands in the envelope beside its parts.
    #[inline]
    pub(super) fn check_soap_text(&mut self, start: usize) -> Result<(), Fault> {
        if self.soap().is_none() || self.around.len() != 1 {
            return Ok(());
        }
        self.cursor.at = start;
        Err(Fault::SoapFrame)
    }

    /// Checks that the envelope does not end before its body.
    #[inline]
    pub(super) fn check_soap_end(&self) -> Result<(), Fault> {
        let is_missing = self.around.len() == 1 && self.soap_last != Part::Body;
        if is_missing && self.soap().is_some() { Err(Fault::SoapFrame) } else { Ok(()) }
    }

    /// The namespace of the message's frame, if it is SOAP.
    #[inline]
    pub(super) fn soap(&self) -> Option<Space> {
        match self.context.xml.kind {
            XmlKind::Plain => None,
            XmlKind::Soap11 => Some(Space::SOAP_1_1),
            XmlKind::Soap12 => Some(Space::SOAP_1_2),
        }
    }
}
