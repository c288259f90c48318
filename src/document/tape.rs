//! The tape: what of a document a shape maps, in the order of the body.
//!
//! Invariants:
//! - every `Open` has its `Close`, and what stands between them stands inside that container;
//! - the first operation is the `Open` of the root, the last one its `Close`;
//! - a key or value of an operation is one that the shape maps; nothing unmapped has an operation.

use super::fields::FieldId;

/// A part of the body, quotes included where it is a string.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    #[inline]
    pub(crate) fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    /// How many bytes it has.
    #[inline]
    pub(crate) fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    /// Its bytes in the body.
    #[inline]
    pub(crate) fn of(self, body: &[u8]) -> &[u8] {
        body.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// Where an operation's value stands in its container.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    /// The member whose name, in quotes, is this part of the body.
    Member(Span),
    /// The element with this number; the root is number 0 of nothing.
    Element(u32),
}

impl Step {
    /// How many bytes of the body it has.
    #[inline]
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Member(name) => name.len(),
            Self::Element(_) => 0,
        }
    }
}

/// One operation.
#[derive(Clone, Copy)]
pub(crate) enum Op {
    /// A mapped scalar.
    Value { step: Step, field: FieldId, value: Span },
    /// The start of an object or array on the way to mapped fields.
    Open { step: Step, container: Container, record: Option<Subject>, close: u32 },
    /// The end of the container that was opened last, whether it was empty in the body,
    /// and whether it was a record.
    Close { is_empty: bool, is_record: bool },
}

/// What was opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    /// An object.
    Object,
    /// An array that is mapped element by element, or not at all.
    Array,
    /// An array whose elements are mapped by their numbers.
    Numbered,
}

/// The number of a record.
#[derive(Clone, Copy)]
pub(crate) struct Subject(pub(crate) u32);
