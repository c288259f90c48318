//! The tape of an XML document: what of it a shape maps, in the order of the body.
//!
//! Invariants:
//! - the first operation is the `Open` of the root, the last one its `Close`; every `Open` has its
//!   `Close`, and what stands between them stands inside that element;
//! - the attributes of an element follow its `Open` at once;
//! - a name is one that the shape names, with the prefix that the rules declare, so no name and no
//!   prefix that the caller chose can be written.

use super::super::fields::FieldId;
use super::super::raw::{Lexis, Raw};
use super::super::span::Span;
use super::super::syntax::Xml;
use super::text::encode_attribute;

/// What of a document is mapped.
pub(crate) struct Tape {
    pub(crate) ops: Vec<Op>,
    /// The names that are not spelled in the body as in the rules.
    pub(super) composed: Vec<u8>,
    /// The namespaces that the rules declare, as attributes of the root.
    pub(crate) declarations: Vec<u8>,
    /// Whether the body begins with an XML declaration.
    pub(crate) is_declared: bool,
    /// How many bytes everything on the tape has, about.
    pub(crate) copied: usize,
}

/// The name of an element or attribute, as the rules spell it.
#[derive(Clone, Copy)]
pub(crate) struct Name {
    pub(super) span: Span,
    pub(super) is_composed: bool,
}

/// One operation.
#[derive(Clone, Copy)]
pub(crate) enum Op {
    /// The start of an element on the way to mapped fields.
    Open { name: Name, list: Option<Listed>, record: Option<u32>, is_fixed: bool },
    /// A mapped attribute: what stands between its quotes.
    Attribute { name: Name, field: FieldId, value: Span },
    /// The mapped text of the element that is open.
    Text { field: FieldId, value: Span, has_remarks: bool },
    /// An element that is one mapped field: what stands between its tags.
    Field { name: Name, list: Option<Listed>, field: FieldId, value: Span, has_remarks: bool },
    /// The end of the element that was opened last, whether it was empty in the body, and whether
    /// it was a record.
    Close { is_empty: bool, is_record: bool },
}

/// An element of a list that is mapped by number.
#[derive(Clone, Copy)]
pub(crate) struct Listed {
    /// Which list of its parent it belongs to.
    pub(crate) list: u32,
    /// Its number among its siblings of that name.
    pub(crate) number: u32,
}

impl Tape {
    pub(super) fn new(body_bytes: usize, xml: &Xml) -> Self {
        let mut declarations = Vec::new();
        for (prefix, uri) in &xml.namespaces {
            declarations.extend_from_slice(b" xmlns");
            if !prefix.is_empty() {
                declarations.push(b':');
                declarations.extend_from_slice(prefix.as_bytes());
            }
            declarations.extend_from_slice(b"=\"");
            encode_attribute(uri, &mut declarations);
            declarations.push(b'"');
        }
        let ops = Vec::with_capacity(body_bytes / BYTES_PER_OP);
        Self {
            ops,
            composed: Vec::new(),
            copied: declarations.len() + PROLOG,
            declarations,
            is_declared: false,
        }
    }

    /// Adds a name with its prefix.
    pub(super) fn compose(&mut self, prefix: &str, local: &[u8]) {
        if !prefix.is_empty() {
            self.composed.extend_from_slice(prefix.as_bytes());
            self.composed.push(b':');
        }
        self.composed.extend_from_slice(local);
    }

    /// The values of the mapped fields.
    pub(crate) fn values<'a>(
        &'a self,
        bytes: &'a [u8],
    ) -> impl Iterator<Item = (FieldId, Raw<'a>)> + 'a {
        let raw = |span: Span, lexis| Raw { bytes: span.of(bytes), lexis };
        self.ops.iter().filter_map(move |op| match *op {
            Op::Attribute { field, value, .. } => Some((field, raw(value, Lexis::XmlAttribute))),
            Op::Text { field, value, .. } | Op::Field { field, value, .. } => {
                Some((field, raw(value, Lexis::XmlText)))
            }
            Op::Open { .. } | Op::Close { .. } => None,
        })
    }

    /// The bytes of a name.
    #[inline]
    pub(crate) fn name<'a>(&'a self, name: Name, body: &'a [u8]) -> &'a [u8] {
        name.span.of(if name.is_composed { &self.composed } else { body })
    }
}

impl Name {
    /// No name.
    pub(super) const NONE: Self = Self { span: Span { start: 0, end: 0 }, is_composed: false };

    /// Where the name stands in the body, if it is spelled there as in the rules.
    #[inline]
    pub(crate) fn in_body(self) -> Option<Span> {
        (!self.is_composed).then_some(self.span)
    }
}

/// A body has at least so many bytes for each operation on its tape, in most documents.
const BYTES_PER_OP: usize = 32;
/// So many bytes has the XML declaration that is written.
const PROLOG: usize = 40;
