//! Writing what remains of a content that is one value: all of it, another text, or nothing.

use super::Kept;
use super::edit::{Edit, Edits, New};
use crate::document::whole::Tape;

/// Writes the content, if it is kept.
pub(super) fn write(tape: &Tape, body: &[u8], kept: &Kept<'_>, edits: &mut impl Edits) -> Vec<u8> {
    let fields = kept.base(edits);
    let value = tape.value(body).filter(|(field, _)| fields.contains(*field));
    match value.map(|(field, raw)| edits.edit(field, raw)) {
        Some(Edit::Keep) => body.to_vec(),
        Some(Edit::Put(New::Text(text) | New::Number(text))) => text.into_bytes(),
        Some(Edit::Put(New::Null) | Edit::Remove) | None => Vec::new(),
    }
}
