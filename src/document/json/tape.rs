//! The tape: what of a document a shape maps, in the order of the body.
//!
//! Invariants:
//! - every `Open` has its `Close`, and what stands between them stands inside that container;
//! - the first operation is the `Open` of the root, the last one its `Close`;
//! - a key or value of an operation is one that the shape maps; nothing unmapped has an operation.

use crate::document::{FieldId, Lexis, Raw, Span};

/// What of a JSON text is mapped, in its order.
pub(crate) struct Tape {
    /// The operations.
    pub(crate) ops: Vec<Op>,
    /// How many bytes everything on the tape has, if it is written without white space.
    pub(crate) copied: usize,
    /// Of what it is the tape.
    pub(crate) form: Form,
}

/// How JSON texts stand in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One text.
    Text,
    /// One text a line, as elements of an array without brackets.
    Lines,
}

impl Tape {
    /// The values of the mapped fields.
    pub(crate) fn values<'a>(
        &'a self,
        bytes: &'a [u8],
    ) -> impl Iterator<Item = (FieldId, Raw<'a>)> + 'a {
        let raw = |span: Span| Raw { bytes: span.of(bytes), lexis: Lexis::Json };
        self.ops.iter().flat_map(move |op| {
            let (step, value) = match *op {
                Op::Value { step, field, value } => (Some(step), Some((field, raw(value)))),
                Op::Open { step, .. } => (Some(step), None),
                Op::Close { .. } => (None, None),
            };
            let key = match step {
                Some(Step::Mapped(name, field)) => Some((field, raw(name))),
                Some(Step::Member(_) | Step::Element(_)) | None => None,
            };
            key.into_iter().chain(value)
        })
    }
}

/// Where an operation's value stands in its container.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    /// The member whose name, in quotes, is this part of the body.
    Member(Span),
    /// The member whose name, in quotes, is this part of the body, and a field itself.
    Mapped(Span, FieldId),
    /// The element with this number; the root is number 0 of nothing.
    Element(u32),
}

impl Step {
    /// How many bytes of the body it has.
    #[inline]
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Member(name) | Self::Mapped(name, _) => name.len(),
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
