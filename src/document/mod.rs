//! A document of a transfer: strictly parsed, with the places of its mapped fields and subjects.
//!
//! Invariants:
//! - a `Document` is one request's content in the syntax of its shape, read in one pass under
//!   [`Limits`], and piece by piece where the body has several;
//! - every record is a part of it that the shape's `subjects` reaches, in its order, or the whole;
//! - no name that the shape does not name can be read from any value of this module.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod charset;
pub(crate) mod csv;
mod cut;
mod fault;
mod fields;
mod findings;
pub(crate) mod form;
pub(crate) mod head;
pub(crate) mod json;
mod limits;
mod media;
pub(crate) mod multipart;
mod names;
mod opaque;
mod path;
mod raw;
mod shape;
mod span;
mod syntax;
mod text;
pub(crate) mod whole;
pub(crate) mod xml;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

pub use charset::{Charset, Converter};
pub use cut::{Cutter, Records};
pub use fault::{BadDocument, Fault};
pub use fields::{FieldId, FieldSet};
use findings::{Findings, SubjectAt};
pub use limits::Limits;
pub use media::MediaType;
pub use path::{BadPath, FieldPath, Root, Segment};
pub use raw::Scalar;
pub(crate) use raw::{Lexis, Raw};
use shape::NodeId;
pub use shape::{BadShape, Shape};
pub(crate) use span::Span;
pub use syntax::{Csv, Formula, Multipart, MultipartKind, Opaque, Part, Syntax, Xml, XmlKind};

/// What a request carries besides its claim.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// The values of the variable segments of its path, by name.
    pub path: Vec<(String, String)>,
    /// The query, without `?` and as it was sent.
    pub query: Option<String>,
    /// The header fields that the route maps, by name in lower case.
    pub headers: Vec<(String, String)>,
    /// What stands between the parts of the body, where it has several (RFC 2046 section 5.1.1).
    pub boundary: Option<String>,
    /// The charset that the body was converted from, if it was not in UTF-8.
    pub charset: Option<String>,
    /// The body: plain, and in UTF-8 where it is a text.
    pub body: Bytes,
}

impl From<Bytes> for Content {
    fn from(body: Bytes) -> Self {
        Self { body, ..Self::default() }
    }
}

/// Says how large the content is, never what is in it.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content").field("body_bytes", &self.body.len()).finish_non_exhaustive()
    }
}

/// A parsed document.
pub struct Document {
    content: Content,
    shape: Arc<Shape>,
    pieces: Vec<Piece>,
    outside: Presence,
    records: Vec<Record>,
    subjects: Vec<Option<SubjectAt>>,
}

/// A content of its own with what of it is mapped: the body, or a part of it.
pub(crate) struct Piece {
    pub(crate) bytes: Bytes,
    pub(crate) tape: Tape,
}

/// What of a piece is mapped, in its syntax.
pub(crate) enum Tape {
    Csv(csv::Tape),
    Form(form::Tape),
    Json(json::Tape),
    Xml(xml::Tape),
    /// A text, or what no rule looks into.
    Whole(whole::Tape),
    /// The parts, each of which is a piece of its own.
    Multipart(multipart::Tape),
    /// What stands in the head of the request, but for its query.
    Head(head::Tape),
    /// The query.
    Query(form::Tape),
    /// No body.
    Empty,
}

impl Piece {
    /// The values of the mapped fields, in their order.
    pub(crate) fn values(&self) -> Box<dyn Iterator<Item = (FieldId, Raw<'_>)> + '_> {
        match &self.tape {
            Tape::Csv(tape) => Box::new(tape.values(&self.bytes)),
            Tape::Form(tape) | Tape::Query(tape) => Box::new(tape.values(&self.bytes)),
            Tape::Json(tape) => Box::new(tape.values(&self.bytes)),
            Tape::Whole(tape) => Box::new(tape.value(&self.bytes).into_iter()),
            Tape::Head(tape) => Box::new(tape.values(&self.bytes)),
            Tape::Multipart(_) | Tape::Empty => Box::new(std::iter::empty()),
            Tape::Xml(tape) => Box::new(tape.values(&self.bytes)),
        }
    }
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

impl Document {
    /// Reads a content by the syntax of its shape.
    ///
    /// # Errors
    /// The first fault that was met, with its place.
    pub fn parse(
        content: impl Into<Content>,
        shape: Arc<Shape>,
        limits: &Limits,
    ) -> Result<Self, BadDocument> {
        let content = content.into();
        let mut findings = Findings::new(limits.records_max);
        if shape.is_whole() {
            findings.open_record().map_err(BadDocument::whole)?;
        }
        let mut pieces = body(&content, &shape, limits, &mut findings)?;
        if let (Some(query), true) = (&content.query, shape.maps(Root::Query)) {
            findings.next_piece();
            pieces.push(read_query(query, &shape, limits, &mut findings)?);
        }
        if shape.maps(Root::Path) || shape.maps(Root::Header) {
            findings.next_piece();
            pieces.push(head::parse(&content, &shape, limits, &mut findings)?);
        }
        if shape.is_whole() {
            findings.close_record();
        }
        let (outside, records, subjects) = findings.finish();
        Ok(Self { content, shape, pieces, outside, records, subjects })
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
        let at = (*self.subjects.get(record)?)?;
        at.raw(&self.pieces.get(at.piece as usize)?.bytes).identity()
    }

    /// The length of the body, in bytes.
    #[must_use]
    pub fn body_bytes(&self) -> usize {
        self.content.body.len()
    }

    /// What it was read from.
    #[must_use]
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// By what it was read.
    #[must_use]
    pub const fn shape(&self) -> &Arc<Shape> {
        &self.shape
    }

    /// The values of the mapped fields, in their order.
    pub fn values(&self) -> impl Iterator<Item = Value<'_>> {
        let values = self.pieces.iter().flat_map(Piece::values);
        values.map(|(field, raw)| Value { field, scalar: raw.scalar() })
    }

    /// The contents that it is made of.
    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }
}

/// Reads the body by the shape's syntax: one piece, and one more for each part of several.
fn body(
    content: &Content,
    shape: &Shape,
    limits: &Limits,
    findings: &mut Findings,
) -> Result<Vec<Piece>, BadDocument> {
    let bytes = content.body.clone();
    let Syntax::Multipart(_) = shape.syntax() else {
        let (syntax, charset) = (shape.syntax(), content.charset.as_deref());
        let at = At { syntax, node: Shape::ROOT, charset };
        let tape = read(&bytes, at, shape, limits, findings)?;
        return Ok(vec![Piece { bytes, tape }]);
    };
    let boundary = content.boundary.as_deref().unwrap_or_default();
    let (tape, parts) = multipart::parse(&bytes, boundary, shape, limits, findings)?;
    let whole = Piece { bytes, tape: Tape::Multipart(tape) };
    Ok(std::iter::once(whole).chain(parts).collect())
}

/// Reads the query, which is a form.
fn read_query(
    query: &str,
    shape: &Shape,
    limits: &Limits,
    findings: &mut Findings,
) -> Result<Piece, BadDocument> {
    let bytes = Bytes::copy_from_slice(query.as_bytes());
    let tape = form::parse(&bytes, Shape::root(Root::Query), shape, limits, findings);
    let below = |bad: BadDocument| {
        let path = bad.path.strip_prefix('$').unwrap_or_default();
        BadDocument { path: format!("{}{path}", Root::Query.word()), ..bad }
    };
    Ok(Piece { tape: Tape::Query(tape.map_err(below)?), bytes })
}

/// How a content is written, where it stands in the shape, and from which charset it was
/// converted.
#[derive(Clone, Copy)]
struct At<'a> {
    syntax: &'a Syntax,
    node: NodeId,
    charset: Option<&'a str>,
}

/// Reads a content that is not made of parts.
fn read(
    bytes: &Bytes,
    At { syntax, node, charset }: At<'_>,
    shape: &Shape,
    limits: &Limits,
    findings: &mut Findings,
) -> Result<Tape, BadDocument> {
    Ok(match syntax {
        Syntax::Json => Tape::Json(json::parse(bytes, node, shape, limits, findings)?),
        Syntax::Text => Tape::Whole(whole::text(bytes, shape.node(node), limits, findings)?),
        Syntax::Opaque(kind) => {
            Tape::Whole(whole::opaque(*kind, bytes, shape.node(node), limits, findings)?)
        }
        Syntax::Empty if bytes.is_empty() => Tape::Empty,
        Syntax::Empty => return Err(BadDocument::whole(Fault::Trailing)),
        Syntax::Ndjson => Tape::Json(json::parse_lines(bytes, node, shape, limits, findings)?),
        Syntax::Csv(csv) => {
            let context = csv::Context { syntax: *csv, shape, limits };
            Tape::Csv(csv::parse(bytes, node, context, findings)?)
        }
        Syntax::Form => Tape::Form(form::parse(bytes, node, shape, limits, findings)?),
        Syntax::Xml(xml) => {
            let context = xml::Context { shape, xml, charset, limits };
            Tape::Xml(xml::parse(bytes, node, context, findings)?)
        }
        Syntax::Multipart(_) => return Err(BadDocument::whole(Fault::SyntaxUnknown)),
    })
}

/// Says how large the document is, never what is in it.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("body_bytes", &self.content.body.len())
            .field("records", &self.records.len())
            .finish_non_exhaustive()
    }
}
