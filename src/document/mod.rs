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
        let value = str::from_utf8(value.of(&self.body)).ok()?;
        let Some(text) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
            return Some(Cow::Borrowed(value));
        };
        let has_escapes = text.contains('\\');
        Some(if has_escapes { scan::unescape(text).into() } else { text.into() })
    }

    /// The length of the body, in bytes.
    #[must_use]
    pub fn body_bytes(&self) -> usize {
        self.body.len()
    }

    /// The body, to be read anew.
    #[must_use]
    pub fn into_body(self) -> Bytes {
        self.body
    }

    /// The body, of which a writer copies what the tape says.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
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
