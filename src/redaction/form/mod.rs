//! Writing what remains of a form or query: the pairs that are kept, in the order of the body.
//!
//! A kept pair is the bytes of the body. Null is an empty value.

use super::Kept;
use super::edit::{Edit, Edits, New};
use crate::document::form::{Tape, encode};
use crate::document::{Lexis, Raw, Span};

/// Writes what the selection keeps of a form, as the edits would have it.
pub(super) fn write(tape: &Tape, body: &[u8], kept: &Kept<'_>, edits: &mut impl Edits) -> Vec<u8> {
    let fields = kept.base(edits);
    let mut out = Vec::with_capacity(body.len());
    for (field, pair) in &tape.pairs {
        if !fields.contains(*field) {
            continue;
        }
        let raw = Raw { bytes: pair.value.of(body), lexis: Lexis::Percent };
        let new = match edits.edit(*field, raw) {
            Edit::Remove => continue,
            Edit::Keep => None,
            Edit::Put(new) => Some(new),
        };
        if !out.is_empty() {
            out.push(b'&');
        }
        let Some(new) = new else {
            out.extend_from_slice(Span::new(pair.name.start, pair.value.end).of(body));
            continue;
        };
        out.extend_from_slice(pair.name.of(body));
        out.push(b'=');
        if let New::Text(text) | New::Number(text) = new {
            encode(&text, &mut out);
        }
    }
    out
}

#[cfg(test)]
mod tests;
