//! The attributes of a start tag.

use super::super::fault::Fault;
use super::super::names::Print;
use super::super::raw::Lexis;
use super::super::shape::NodeId;
use super::super::span::{Span, offset};
use super::Parser;
use super::scan::QName;
use super::space::Space;
use super::tape::{Name, Op};
use super::text::decode_attribute;

/// An attribute that was met.
#[derive(Clone, Copy)]
pub(super) struct Attribute {
    name: QName,
    space: Space,
    /// What stands between its quotes.
    value: Span,
}

impl Parser<'_, '_> {
    /// Reads the rest of a start tag and declares its namespaces; returns whether the element is
    /// empty by its tag.
    #[inline]
    pub(super) fn attributes(&mut self) -> Result<bool, Fault> {
        self.attributes.clear();
        let mut count = 0;
        loop {
            let has_space = self.cursor.skip_space();
            match self.cursor.peek() {
                b'>' => {
                    self.cursor.at += 1;
                    return Ok(false);
                }
                b'/' => {
                    if !self.cursor.eat(b"/>") {
                        return Err(self.cursor.fault_in(b"/>", Fault::BadTag));
                    }
                    return Ok(true);
                }
                _ if !has_space => return Err(self.cursor.fault(Fault::BadTag)),
                _ => {}
            }
            count += 1;
            if count > self.context.limits.members_max {
                return Err(Fault::TooManyAttributes);
            }
            self.attribute()?;
        }
    }

    fn attribute(&mut self) -> Result<(), Fault> {
        let name = self.name()?;
        let value = self.value()?;
        let body = self.cursor.body();
        let after = self.cursor.at;
        self.cursor.at = name.start as usize;
        if name.prefix().of(body) == b"xmlns" {
            self.spaces.declare(name.local(), value)?;
        } else if name.whole().of(body) == b"xmlns" {
            self.spaces.declare(Span::new(0, 0), value)?;
        } else {
            self.attributes.push(Attribute { name, space: Space::NONE, value });
        }
        self.cursor.at = after;
        Ok(())
    }

    /// Goes past `=` and a value in quotes; returns what stands between the quotes.
    fn value(&mut self) -> Result<Span, Fault> {
        self.cursor.skip_space();
        if !self.cursor.eat(b"=") {
            return Err(self.cursor.fault(Fault::BadTag));
        }
        self.cursor.skip_space();
        let quote = self.cursor.peek();
        if quote != b'"' && quote != b'\'' {
            return Err(self.cursor.fault(Fault::BadTag));
        }
        self.cursor.at += 1;
        let start = self.cursor.at;
        loop {
            let length = memchr::memchr3(quote, b'<', b'&', self.cursor.rest());
            self.cursor.at =
                length.map_or(self.cursor.text.len(), |length| self.cursor.at + length);
            match self.cursor.peek() {
                b'&' => drop(self.cursor.reference()?),
                b'<' => return Err(Fault::TagInAttribute),
                0 => return Err(Fault::Truncated),
                _ => break,
            }
        }
        let end = self.cursor.at;
        if end - start > self.context.limits.string_bytes_max {
            self.cursor.at = start;
            return Err(Fault::StringTooLong);
        }
        self.cursor.at += 1;
        Ok(Span::new(offset(start), offset(end)))
    }

    /// Finds the namespaces of the attributes, and whether two have the same expanded name
    /// (Namespaces in XML 1.0 §6.3).
    #[inline]
    pub(super) fn check_attributes(&mut self) -> Result<(), Fault> {
        for attribute in &mut self.attributes {
            self.cursor.at = attribute.name.start as usize;
            attribute.space = self.spaces.of_attribute(attribute.name)?;
        }
        if let Some(twin) = self.twin() {
            self.cursor.at = twin;
            return Err(Fault::DuplicateAttribute);
        }
        Ok(())
    }

    /// The first attribute that stands there already, by its offset.
    fn twin(&self) -> Option<usize> {
        let body = self.cursor.body();
        let key = |one: &Attribute| (one.space, one.name.local().of(body));
        if self.attributes.len() <= PAIRED_MAX {
            let mut later = self.attributes.iter().enumerate();
            let is_twin = |(position, one): &(usize, &Attribute)| {
                self.attributes.iter().take(*position).any(|other| key(other) == key(one))
            };
            return later.find(is_twin).map(|(_, one)| one.name.start as usize);
        }
        let mut sorted: Vec<_> =
            self.attributes.iter().map(|one| (key(one), one.name.start as usize)).collect();
        sorted.sort_unstable();
        let twins = sorted.array_windows().filter(|[one, other]| one.0 == other.0);
        twins.map(|[_, other]| other.1).min()
    }

    /// Counts the attributes of an element that is one field.
    pub(super) fn unmapped_attributes(&mut self) {
        for _ in &self.attributes {
            self.findings.unmapped();
        }
    }

    /// Records the attributes of an element on the way to mapped fields.
    pub(super) fn record_attributes(&mut self, node: NodeId) -> Result<(), Fault> {
        for position in 0..self.attributes.len() {
            let Some(attribute) = self.attributes.get(position).copied() else { break };
            self.record_attribute(node, &attribute)?;
        }
        Ok(())
    }

    fn record_attribute(&mut self, node: NodeId, attribute: &Attribute) -> Result<(), Fault> {
        let shape = self.context.shape;
        let Attribute { name, space, value } = attribute;
        let start = self.tape.composed.len();
        let place = self.spaces.attribute_prefix(*space).and_then(|prefix| {
            self.tape.composed.push(b'@');
            self.tape.compose(prefix, name.local().of(self.cursor.body()));
            let member = self.tape.composed.get(start..).unwrap_or_default();
            shape.node(node).named(Print::of(member), member, 0)
        });
        let place = place.map(|(id, _)| shape.node(id)).filter(|node| node.is_leaf());
        let Some(node) = place else {
            self.tape.composed.truncate(start);
            self.findings.unmapped();
            return Ok(());
        };
        self.check_room()?;
        let text = decode_attribute(value.of(self.cursor.body()));
        let identifies = node.is_subject && !text.is_empty();
        if let Some(field) = self.findings.value(node, *value, Lexis::XmlAttribute, identifies) {
            let span = Span::new(offset(start + 1), offset(self.tape.composed.len()));
            let name = Name { span, is_composed: true };
            self.push(Op::Attribute { name, field, value: *value }, value.len());
        }
        Ok(())
    }
}

/// Up to this many attributes of one element are compared pair by pair.
const PAIRED_MAX: usize = 16;
