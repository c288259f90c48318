//! One pass over an XML body: the grammar, the limits, namespaces, and the walk along the shape.
//!
//! The grammar is XML 1.0 (fifth edition) with Namespaces in XML 1.0 (third edition), narrowed:
//! UTF-8 only, no document type declaration, so no entities but the five of the standard.
//!
//! Names are matched by their namespaces, never by the prefixes of the body. A prefix that stands
//! in a value, as in `xsi:type`, is text like any other: it is not resolved and not rewritten.
//!
//! Invariants:
//! - the parser keeps its own stack, of at most `depth_max` frames, and never calls itself;
//! - a value goes to the tape only from a place that the shape leads to;
//! - nothing counts as found in a record except between its tags.

mod attributes;
mod element;
mod frame;
mod prolog;
mod scan;
mod soap;
mod space;
mod tape;
mod text;

use bytes::Bytes;

use super::fault::{BadDocument, Fault};
use super::fields::FieldId;
use super::findings::Findings;
use super::limits::Limits;
use super::names::Print;
use super::raw::Lexis;
use super::shape::{Node, NodeId, Shape};
use super::span::{Span, offset};
use super::syntax::Xml;
use super::text::utf8;
use attributes::Attribute;
use frame::{Frame, Kind};
use scan::{COMMENT, Cursor, INSTRUCTION, SECTION};
use soap::Part;
use space::Spaces;
pub(crate) use tape::{Listed, Name, Op, Tape};
pub(crate) use text::{
    copy_without_remarks, decode_attribute, decode_text, encode_attribute, encode_text,
};

/// Reads a body, which is UTF-8 now; `charset` is what it was converted from, if it was.
pub(super) fn parse(
    body: &Bytes,
    root: NodeId,
    context: Context<'_>,
    findings: &mut Findings,
) -> Result<Tape, BadDocument> {
    let text = check_text(body, context.limits)?;
    let mut parser = Parser::new(text, root, context, findings);
    match parser.document() {
        Ok(()) => Ok(parser.tape),
        Err(fault) => Err(BadDocument { fault, offset: parser.cursor.at, path: parser.path() }),
    }
}

/// What a body is read by.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) shape: &'a Shape,
    pub(super) xml: &'a Xml,
    /// The charset that the body was converted from, if it was.
    pub(super) charset: Option<&'a str>,
    pub(super) limits: &'a Limits,
}

/// Checks what can be seen without knowing where tags begin.
fn check_text<'a>(body: &'a [u8], limits: &Limits) -> Result<&'a str, BadDocument> {
    let text = utf8(body, limits)?;
    match scan::find_bad_character(text) {
        Some(at) => Err(BadDocument { offset: at, ..BadDocument::whole(Fault::BadCharacter) }),
        None => Ok(text),
    }
}

struct Parser<'a, 'f> {
    cursor: Cursor<'a>,
    context: Context<'a>,
    findings: &'f mut Findings,
    spaces: Spaces<'a>,
    /// The element that is being read, and those around it. The outermost is the document.
    top: Frame,
    around: Vec<Frame>,
    /// The attributes of the last start tag.
    attributes: Vec<Attribute>,
    /// How often each child of the open elements' nodes was met.
    counts: Vec<u32>,
    /// The element whose start tag is read, and whether it is at fault.
    next: Frame,
    is_next_bad: bool,
    /// The last part of a SOAP message's frame.
    soap_last: Part,
    /// Whether `]]>` stands anywhere in the body.
    has_section_end: bool,
    tape: Tape,
}

/// What stands between two tags.
struct Run {
    start: usize,
    end: usize,
    /// Whether it is only white space, comments and instructions.
    is_blank: bool,
    has_remarks: bool,
}

impl<'a, 'f> Parser<'a, 'f> {
    fn new(text: &'a str, root: NodeId, context: Context<'a>, findings: &'f mut Findings) -> Self {
        let body = text.as_bytes();
        Self {
            cursor: Cursor { text, at: 0 },
            context,
            findings,
            spaces: Spaces::new(body, context.xml),
            top: Frame::new(Kind::Container, root),
            around: Vec::with_capacity(DEPTH_USUAL),
            attributes: Vec::new(),
            counts: Vec::new(),
            next: Frame::new(Kind::Inside, root),
            is_next_bad: false,
            soap_last: Part::Envelope,
            has_section_end: memchr::memmem::find(body, b"]]>").is_some(),
            tape: Tape::new(body.len(), context.xml),
        }
    }

    fn document(&mut self) -> Result<(), Fault> {
        self.count_children(self.top.node);
        self.prolog()?;
        self.start()?;
        while !self.around.is_empty() {
            self.content()?;
        }
        self.epilog()
    }

    /// Goes past the text that stands here and the tag after it.
    #[inline]
    fn content(&mut self) -> Result<(), Fault> {
        let run = self.run()?;
        let is_end = self.cursor.rest().get(1) == Some(&b'/');
        match self.top.kind {
            Kind::Inside => {}
            Kind::Leaf if is_end => {
                self.top.value = Span::new(offset(run.start), offset(run.end));
                self.top.has_remarks = run.has_remarks;
            }
            Kind::Leaf => self.misshapen(),
            Kind::Container => self.text(&run, is_end)?,
        }
        if !run.is_blank {
            self.check_soap_text(run.start)?;
        }
        if is_end { self.end() } else { self.start() }
    }

    /// Goes on to the next tag.
    #[inline]
    fn run(&mut self) -> Result<Run, Fault> {
        let start = self.cursor.at;
        let mut run = Run { start, end: start, is_blank: true, has_remarks: false };
        let mut length = 0;
        loop {
            let from = self.cursor.at;
            self.cursor.skip_space();
            let byte = self.cursor.peek();
            if byte != b'<' && byte != b'&' {
                run.is_blank = false;
                self.cursor.skip_text();
                self.check_section_end(from)?;
            }
            match self.cursor.peek() {
                b'<' => {
                    length += self.cursor.at - from;
                    let after = self.cursor.rest().get(1).copied().unwrap_or(0);
                    if after == b'!' || after == b'?' {
                        length += self.remark(&mut run)?;
                    } else {
                        run.end = self.cursor.at;
                        break;
                    }
                }
                b'&' => {
                    let c = self.cursor.reference()?;
                    run.is_blank &= matches!(c, ' ' | '\t' | '\n' | '\r');
                    length += self.cursor.at - from;
                }
                _ => return Err(Fault::Truncated),
            }
        }
        if length > self.context.limits.string_bytes_max {
            self.cursor.at = start;
            return Err(Fault::StringTooLong);
        }
        Ok(run)
    }

    /// Checks that no `]]>` stands in the text from here on to the cursor (§2.4).
    #[inline]
    fn check_section_end(&mut self, from: usize) -> Result<(), Fault> {
        if !self.has_section_end {
            return Ok(());
        }
        let text = self.cursor.body().get(from..self.cursor.at).unwrap_or_default();
        let Some(position) = memchr::memmem::find(text, b"]]>") else { return Ok(()) };
        self.cursor.at = from + position;
        Err(Fault::SectionEnd)
    }

    /// Goes past a comment, instruction or CDATA section in the content of an element; returns the
    /// length of what is text.
    fn remark(&mut self, run: &mut Run) -> Result<usize, Fault> {
        let rest = self.cursor.rest();
        if rest.starts_with(SECTION) {
            let start = self.cursor.at;
            run.is_blank &= !self.cursor.section()?;
            return Ok(self.cursor.at - start);
        }
        run.has_remarks = true;
        if rest.starts_with(COMMENT) {
            self.cursor.comment()?;
        } else if rest.starts_with(INSTRUCTION) {
            self.instruction()?;
        } else {
            return Err(self.bad_markup());
        }
        Ok(0)
    }

    /// Records the text of an element that is no field as a whole.
    #[inline]
    fn text(&mut self, run: &Run, is_end: bool) -> Result<(), Fault> {
        let is_all = is_end && self.top.children == 0 && run.start < run.end;
        if run.is_blank && !is_all {
            return Ok(());
        }
        let shape = self.context.shape;
        let node = shape.node(self.top.node).named(Print::of(TEXT), TEXT, 0);
        let node = node.map(|(id, _)| shape.node(id)).filter(|node| node.is_leaf());
        self.top.has_content |= !run.is_blank || node.is_some();
        let Some(node) = node else {
            if !run.is_blank {
                self.findings.unmapped();
            }
            return Ok(());
        };
        if std::mem::replace(&mut self.top.has_text, true) {
            self.cursor.at = run.start;
            return Err(Fault::TextInPieces);
        }
        let value = Span::new(offset(run.start), offset(run.end));
        self.check_room()?;
        if let Some(field) = self.found(node, value) {
            self.push(Op::Text { field, value, has_remarks: run.has_remarks }, value.len());
        }
        Ok(())
    }

    /// Records the value of an element, or of its text.
    #[inline]
    fn found(&mut self, node: &Node, value: Span) -> Option<FieldId> {
        let raw = value.of(self.cursor.body());
        let identifies = node.is_subject && !decode_text(raw).is_empty();
        self.findings.value(node, value, Lexis::XmlText, identifies)
    }

    /// Puts an operation on the tape, with a value of so many bytes.
    #[inline]
    fn push(&mut self, op: Op, bytes: usize) {
        let name = match op {
            Op::Open { name, .. } | Op::Field { name, .. } => 2 * name.span.len() + 5,
            Op::Attribute { name, .. } => name.span.len() + 4,
            Op::Text { .. } | Op::Close { .. } => 0,
        };
        self.tape.copied += name + bytes;
        self.tape.ops.push(op);
    }

    fn check_room(&self) -> Result<(), Fault> {
        let is_full = self.tape.ops.len() >= self.context.limits.values_max;
        if is_full { Err(Fault::TooManyValues) } else { Ok(()) }
    }

    /// Where the parser stands, in names that the shape knows.
    #[cold]
    fn path(&self) -> String {
        let frames = self.around.iter().chain([&self.top]).skip(1);
        let next = self.is_next_bad.then_some(self.next.step);
        let steps = frames.map(|frame| frame.step).chain(next);
        steps.fold("$".to_owned(), |path, step| path + &step.text(self.context.shape))
    }
}

/// The member by which rules name the text of an element.
const TEXT: &[u8] = b"#text";
/// So many elements are inside each other in most documents.
const DEPTH_USUAL: usize = 8;

#[cfg(test)]
mod tests;
