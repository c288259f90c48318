//! What becomes of the kept values, one by one.

use crate::document::{FieldId, Raw};

/// Decides what becomes of each value that a selection keeps.
pub(crate) trait Edits {
    /// Goes on with values under a verdict, by its position; `None` is what lies outside of all
    /// records.
    fn enter(&mut self, verdict: Option<usize>);

    /// Is told that a name became like another beside it, and went with its value.
    fn clash(&mut self, _field: FieldId) {}

    /// What becomes of a value.
    fn edit(&mut self, field: FieldId, raw: Raw<'_>) -> Edit;

    /// A spreadsheet would take what should leave for a formula, where the rules refuse that:
    /// nothing leaves in its place, and the transfer is to be refused.
    fn formula(&mut self, field: FieldId);
}

/// What becomes of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// It leaves, byte for byte.
    Keep,
    /// It stays after all.
    Remove,
    /// This leaves in its place.
    Put(New),
}

/// What leaves in the place of a value. A syntax without numbers and null writes a number as its
/// text and null as nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum New {
    /// A text, without any escapes.
    Text(String),
    /// A number as JSON writes it.
    Number(String),
    /// Null.
    Null,
}

/// Every value leaves as it is.
pub(crate) struct Untouched;

impl Edits for Untouched {
    fn enter(&mut self, _verdict: Option<usize>) {}

    #[inline]
    fn edit(&mut self, _field: FieldId, _raw: Raw<'_>) -> Edit {
        Edit::Keep
    }

    fn formula(&mut self, _field: FieldId) {}
}
