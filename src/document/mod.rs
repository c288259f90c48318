//! A document of a transfer: strictly parsed, with the places of its mapped fields and subjects.
//!
//! Invariants:
//! - a `Document` is one JSON text by RFC 8259 and RFC 7493, read in one pass under [`Limits`];
//! - every record is an object or array that the shape's `subjects` reaches, in the body's order;
//! - no name that the shape does not name can be read from any value of this module.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod fault;
mod fields;
mod limits;
mod names;
mod parse;
mod path;
mod scan;
mod shape;
mod tape;
mod xml;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

pub use fault::{BadDocument, Fault};
pub use fields::{FieldId, FieldSet};
pub use limits::Limits;
pub use path::{BadPath, FieldPath, Segment};
pub use shape::{BadShape, Shape};
pub(crate) use tape::{Container, Op, Span, Step, Subject};

/// A parsed document.
pub struct Document {
    body: Bytes,
    tape: Vec<Op>,
    copied: usize,
    outside: Presence,
    records: Vec<Record>,
    subjects: Vec<Option<Span>>,
}

/// A subject's part of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// What was found in it.
    pub presence: Presence,
}

/// Which mapped fields were found, and how much besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    /// The mapped fields that hold a string, number, boolean or null.
    pub present: FieldSet,
    /// The mapped fields that hold an object or array, of which nothing is ever written.
    pub misshapen: FieldSet,
    /// How many members and elements no rule maps; what lies inside one is not counted again.
    pub unmapped: u32,
}

/// The value of a mapped field.
pub struct Value<'a> {
    /// The field.
    pub field: FieldId,
    /// What it is.
    pub scalar: Scalar<'a>,
}

/// A string, a number, or a word of JSON.
pub enum Scalar<'a> {
    /// A string, without its escapes.
    Text(Cow<'a, str>),
    /// A number as it is written.
    Number(&'a str),
    /// `true`, `false` or `null`.
    Word,
}

impl<'a> Scalar<'a> {
    fn of(value: &'a [u8]) -> Self {
        let value = str::from_utf8(value).unwrap_or_default();
        match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(text) if text.contains('\\') => Self::Text(scan::unescape(text).into()),
            Some(text) => Self::Text(text.into()),
            None if value.starts_with(char::is_alphabetic) => Self::Word,
            None => Self::Number(value),
        }
    }
}

impl Document {
    /// Reads a body.
    ///
    /// # Errors
    /// The first fault that was met, with its place.
    #[allow(clippy::needless_pass_by_value, reason = "a transfer holds its shape by `Arc`")]
    pub fn parse(body: Bytes, shape: Arc<Shape>, limits: &Limits) -> Result<Self, BadDocument> {
        parse::parse(body, &shape, limits)
    }

    /// The subjects' records, in the order of the body.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// What was found outside of all records.
    #[must_use]
    pub fn outside(&self) -> &Presence {
        &self.outside
    }

    /// The value that identifies the subject of a record: a string without its escapes, or the
    /// text of a whole number.
    ///
    /// `None` where the record has no such value or it is empty, null, a boolean, a number with
    /// fraction or exponent, an object or an array.
    #[must_use]
    pub fn subject(&self, record: usize) -> Option<Cow<'_, str>> {
        let value = (*self.subjects.get(record)?)?;
        match Scalar::of(value.of(&self.body)) {
            Scalar::Text(text) => Some(text),
            Scalar::Number(number) => Some(number.into()),
            Scalar::Word => None,
        }
    }

    /// The length of the body, in bytes.
    #[must_use]
    pub fn body_bytes(&self) -> usize {
        self.body.len()
    }

    /// The body, of which a writer copies what the tape says.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The values of the mapped fields, in the order of the body.
    pub fn values(&self) -> impl Iterator<Item = Value<'_>> {
        self.tape.iter().filter_map(|op| match *op {
            Op::Value { field, value, .. } => {
                Some(Value { field, scalar: Scalar::of(value.of(&self.body)) })
            }
            Op::Open { .. } | Op::Close { .. } => None,
        })
    }

    /// What is mapped, in the order of the body.
    pub(crate) fn tape(&self) -> &[Op] {
        &self.tape
    }

    /// How many bytes everything on the tape has, if it is written without white space.
    pub(crate) fn copied_bytes(&self) -> usize {
        self.copied
    }
}

/// Says how large the document is, never what is in it.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("body_bytes", &self.body.len())
            .field("records", &self.records.len())
            .finish_non_exhaustive()
    }
}
