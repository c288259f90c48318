//! Padding: a body's length is hidden among others.
//!
//! The body is followed by one byte 80 and then zeros, as in ISO/IEC 7816-4. Which length is aimed
//! at is the sender's choice and says nothing to the receiver: a multiple of so many bytes, or the
//! next length of `PADMÉ` (Nikitin et al., PETS 2019), which is at most 12 % longer and
//! shows only the order of magnitude and a few bits more.

use bytes::Bytes;

use super::format::{BadEnvelope, CHUNK};
use crate::policy::Padding;

/// A body, with what is to be filled up behind it.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    /// The body.
    pub(super) body: &'a [u8],
    /// The bytes of body and padding: more than the body's where there is padding.
    pub(super) length: usize,
}

impl<'a> Text<'a> {
    /// A body, filled up where that is asked for.
    #[must_use]
    pub fn new(body: &'a [u8], padding: Option<Padding>) -> Self {
        let length = padding.map_or(body.len(), |padding| padded(body.len() + 1, padding));
        Self { body, length }
    }
}

/// The length to fill up to, of at least so many bytes.
fn padded(least: usize, padding: Padding) -> usize {
    match padding {
        Padding::Multiple(of) => {
            let of = usize::try_from(of).unwrap_or(usize::MAX).max(1);
            least.checked_next_multiple_of(of).unwrap_or(least)
        }
        Padding::Padme => {
            let exponent = least.ilog2();
            let mantissa = exponent.checked_ilog2().map_or(0, |bits| bits + 1);
            least.checked_next_multiple_of(1 << (exponent - mantissa)).unwrap_or(least)
        }
    }
}

/// Takes the padding off a text that comes piece by piece.
///
/// A marker and the zeros behind it are held back as a number, as they may be the padding. Where
/// they turn out to be the body's own they are given out in pieces, so that memory stays constant.
#[derive(Default)]
pub(super) struct Unpad {
    is_padded: bool,
    held: Option<u64>,
    marker_due: bool,
    zeros_due: u64,
    after: Bytes,
}

impl Unpad {
    pub(super) fn new(is_padded: bool) -> Self {
        Self { is_padded, ..Self::default() }
    }

    /// Takes the next piece, once those before have been given out.
    pub(super) fn take(&mut self, mut text: Bytes) {
        if !self.is_padded {
            self.after = text;
            return;
        }
        let last = text.iter().rposition(|byte| *byte != 0);
        let zeros = |from: usize| u64::try_from(text.len() - from).unwrap_or(u64::MAX);
        match (last, self.held) {
            (None, Some(held)) => self.held = Some(held.saturating_add(zeros(0))),
            (None, None) => self.after = text,
            (Some(last), held) => {
                let is_marker = text.get(last) == Some(&MARKER);
                self.held = is_marker.then(|| zeros(last + 1));
                self.marker_due = held.is_some();
                self.zeros_due = held.unwrap_or(0);
                if is_marker {
                    text.truncate(last);
                }
                self.after = text;
            }
        }
    }

    /// The next bytes that are the body's for certain.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        if std::mem::take(&mut self.marker_due) {
            return Some(Bytes::from_static(&[MARKER]));
        }
        if self.zeros_due > 0 {
            let piece = self.zeros_due.min(ZEROS.len() as u64);
            self.zeros_due -= piece;
            return Some(Bytes::from_static(&ZEROS).slice(..usize::try_from(piece).ok()?));
        }
        Some(std::mem::take(&mut self.after)).filter(|text| !text.is_empty())
    }

    /// Takes word that the text is complete.
    ///
    /// # Errors
    /// It has no padding where it should.
    pub(super) const fn end(&self) -> Result<(), BadEnvelope> {
        if self.is_padded && self.held.is_none() { Err(BadEnvelope::Pad) } else { Ok(()) }
    }
}

/// The byte that ends a body that is filled up.
pub(super) const MARKER: u8 = 0x80;
static ZEROS: [u8; CHUNK] = [0; CHUNK];
