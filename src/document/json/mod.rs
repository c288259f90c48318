//! JSON (RFC 8259): one pass over a body, by the grammar, the limits, duplicate names, and the walk
//! along the shape.
//!
//! Invariants:
//! - the parser keeps its own stack, of at most `depth_max` frames, and never calls itself;
//! - a value goes to the tape only from a place that the shape leads to;
//! - nothing counts as found in a record except between its brackets.

mod frame;
mod lines;
mod scan;
mod tape;

use super::fault::{BadDocument, Fault};
use super::findings::Findings;
use super::limits::Limits;
use super::names::{Name, Names, Print};
use super::raw::{Lexis, Scalar};
use super::shape::{Node, NodeId, Shape};
use super::span::{Span, offset};
use super::text;
use frame::{Frame, Place};
use scan::Cursor;
pub(crate) use tape::{Container, Form, Op, Step, Subject, Tape};

/// Reads a body, one text, that stands at a node of the shape.
pub(super) fn parse(
    body: &[u8],
    root: NodeId,
    shape: &Shape,
    limits: &Limits,
    findings: &mut Findings,
) -> Result<Tape, BadDocument> {
    read(Parser::new(body, shape, limits, findings), root, Form::Text)
}

/// Reads a body of one text a line, which stands at a node of the shape as an array would.
pub(super) fn parse_lines(
    body: &[u8],
    root: NodeId,
    shape: &Shape,
    limits: &Limits,
    findings: &mut Findings,
) -> Result<Tape, BadDocument> {
    read(Parser::new(body, shape, limits, findings), root, Form::Lines)
}

fn read(mut parser: Parser<'_>, root: NodeId, form: Form) -> Result<Tape, BadDocument> {
    let body = parser.cursor.body;
    if body.starts_with(b"\xEF\xBB\xBF") {
        return Err(BadDocument::whole(Fault::ByteOrderMark));
    }
    text::check(body, parser.limits)?;
    let result = match form {
        Form::Text => parser.document(root),
        Form::Lines => parser.lines(root),
    };
    if let Err(fault) = result {
        return Err(BadDocument { fault, offset: parser.cursor.at, path: parser.path() });
    }
    Ok(Tape { ops: parser.tape, copied: parser.copied, form })
}

/// What a value is.
pub(super) fn scalar(value: &[u8]) -> Scalar<'_> {
    let value = str::from_utf8(value).unwrap_or_default();
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(text) if text.contains('\\') => Scalar::Text(scan::unescape(text).into()),
        Some(text) => Scalar::Text(text.into()),
        None if value.starts_with(char::is_alphabetic) => Scalar::Word(value),
        None => Scalar::Number(value),
    }
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    shape: &'a Shape,
    limits: &'a Limits,
    names: Names<'a>,
    /// The container that is being read, and those around it.
    top: Frame,
    around: Vec<Frame>,
    tape: Vec<Op>,
    copied: usize,
    findings: &'a mut Findings,
}

impl<'a> Parser<'a> {
    fn new(
        body: &'a [u8],
        shape: &'a Shape,
        limits: &'a Limits,
        findings: &'a mut Findings,
    ) -> Self {
        Self {
            cursor: Cursor { body, at: 0 },
            shape,
            limits,
            names: Names::new(body),
            top: Frame::NONE,
            around: Vec::with_capacity(DEPTH_USUAL),
            tape: Vec::with_capacity(body.len() / BYTES_PER_OP),
            copied: 0,
            findings,
        }
    }

    fn document(&mut self, root: NodeId) -> Result<(), Fault> {
        self.cursor.skip_space();
        if self.cursor.is_end() {
            return Err(Fault::Empty);
        }
        self.check_root()?;
        self.value(Place::Mapped(root), Step::Element(0))?;
        while !self.around.is_empty() {
            if self.top.is_object { self.member()? } else { self.element()? }
        }
        self.cursor.skip_space();
        if self.cursor.is_end() { Ok(()) } else { Err(Fault::Trailing) }
    }

    /// Checks that an object or array begins here.
    fn check_root(&self) -> Result<(), Fault> {
        match self.cursor.peek() {
            b'{' | b'[' => Ok(()),
            b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => Err(Fault::ScalarRoot),
            _ => Err(Fault::ValueMissing),
        }
    }

    #[inline]
    fn member(&mut self) -> Result<(), Fault> {
        if !self.next(b'}')? {
            return self.close();
        }
        if self.top.count as usize > self.limits.members_max {
            return Err(Fault::TooManyMembers);
        }
        self.top.child = None;
        let name = self.name()?;
        let span = Span::new(name.at, offset(self.cursor.at));
        let mut step = Step::Member(span);
        let text = self.names.text(name);
        let print = Print::of(text);
        let place = match self.top.node {
            None => Place::Inside,
            Some(node) => match self.shape.node(node).member(print, text, self.top.hint) {
                None => Place::Unmapped,
                Some((node, child)) => {
                    self.top.child = Some(child);
                    self.top.hint = child + 1;
                    if self.shape.node(node).key.is_some() {
                        step = self.key(node, span);
                    }
                    Place::Mapped(node)
                }
            },
        };
        if !self.names.add(&mut self.top.names, name, print) {
            self.cursor.at = name.at as usize;
            return Err(Fault::DuplicateName);
        }
        self.cursor.skip_space();
        if self.cursor.peek() != b':' {
            return Err(self.cursor.fault(Fault::ColonMissing));
        }
        self.cursor.at += 1;
        self.cursor.skip_space();
        self.value(place, step)
    }

    #[inline]
    fn element(&mut self) -> Result<(), Fault> {
        if !self.next(b']')? {
            return self.close();
        }
        self.element_value()
    }

    /// Reads the element that was counted last.
    #[inline]
    fn element_value(&mut self) -> Result<(), Fault> {
        if self.top.count as usize > self.limits.elements_max {
            return Err(Fault::TooManyElements);
        }
        let index = self.top.count - 1;
        let place = match self.top.node {
            None => Place::Inside,
            Some(node) => {
                self.shape.node(node).element(index).map_or(Place::Unmapped, Place::Mapped)
            }
        };
        self.value(place, Step::Element(index))
    }

    /// Goes to the next member or element, and counts it; false where there is none.
    #[inline]
    fn next(&mut self, bracket: u8) -> Result<bool, Fault> {
        self.cursor.skip_space();
        let byte = self.cursor.peek();
        if byte == bracket {
            return Ok(false);
        }
        if self.top.count > 0 {
            if byte != b',' {
                return Err(self.cursor.fault(Fault::CommaMissing));
            }
            self.cursor.at += 1;
            self.cursor.skip_space();
        }
        self.top.count += 1;
        Ok(true)
    }

    #[inline]
    fn name(&mut self) -> Result<Name, Fault> {
        let at = self.cursor.at;
        if self.cursor.peek() != b'"' {
            return Err(self.cursor.fault(Fault::NameMissing));
        }
        let is_escaped = self.cursor.string()?;
        let (start, end) = (at + 1, self.cursor.at - 1);
        if end - start > self.limits.key_bytes_max {
            self.cursor.at = at;
            return Err(Fault::KeyTooLong);
        }
        let (at, start, end) = (offset(at), offset(start), offset(end));
        let name = Name { at, start, end, is_unescaped: false };
        if !is_escaped {
            return Ok(name);
        }
        let raw = str::from_utf8(self.names.text(name)).unwrap_or_default();
        let text = scan::unescape(raw);
        Ok(self.names.unescape(at, &text))
    }

    #[inline]
    fn value(&mut self, place: Place, step: Step) -> Result<(), Fault> {
        let at = self.cursor.at;
        let identifies = match self.cursor.peek() {
            b'"' => self.string()?,
            b'-' | b'0'..=b'9' => self.number()?,
            b'{' => return self.open(place, step, true),
            b'[' => return self.open(place, step, false),
            b't' => self.cursor.literal(b"true").map(|()| false)?,
            b'f' => self.cursor.literal(b"false").map(|()| false)?,
            b'n' => self.cursor.literal(b"null").map(|()| false)?,
            b'+' | b'.' => return Err(Fault::BadNumber),
            _ => return Err(self.cursor.fault(Fault::ValueMissing)),
        };
        let value = Span::new(offset(at), offset(self.cursor.at));
        match place {
            Place::Inside => {}
            Place::Unmapped => self.findings.unmapped(),
            Place::Mapped(node) => {
                self.check_room()?;
                self.scalar(self.shape.node(node), step, value, identifies);
            }
        }
        Ok(())
    }

    /// Goes past a string; returns whether it has characters.
    #[inline]
    fn string(&mut self) -> Result<bool, Fault> {
        let at = self.cursor.at;
        self.cursor.string()?;
        let length = self.cursor.at - at - 2;
        if length > self.limits.string_bytes_max {
            self.cursor.at = at;
            return Err(Fault::StringTooLong);
        }
        Ok(length > 0)
    }

    #[inline]
    fn number(&mut self) -> Result<bool, Fault> {
        let at = self.cursor.at;
        let whole = self.cursor.number()?;
        if self.cursor.at - at > self.limits.number_bytes_max {
            self.cursor.at = at;
            return Err(Fault::NumberTooLong);
        }
        Ok(whole)
    }

    /// Counts a member's name that is a field, in the member's record where that is one.
    fn key(&mut self, node: NodeId, name: Span) -> Step {
        let node = self.shape.node(node);
        self.top.key = node.is_record.then_some(name);
        if node.is_record {
            return node.key.map_or(Step::Member(name), |(field, _)| Step::Mapped(name, field));
        }
        let field = self.findings.key(node, name, Lexis::Json, name.len() > 2);
        field.map_or(Step::Member(name), |field| Step::Mapped(name, field))
    }

    #[inline]
    fn scalar(&mut self, node: &Node, step: Step, value: Span, identifies: bool) {
        if let Some(field) = self.findings.value(node, value, Lexis::Json, identifies) {
            self.copied += step.len() + value.len() + 1;
            self.tape.push(Op::Value { step, field, value });
        }
    }

    fn open(&mut self, place: Place, step: Step, is_object: bool) -> Result<(), Fault> {
        if self.around.len() >= self.limits.depth_max {
            return Err(Fault::TooDeep);
        }
        let node = match place {
            Place::Inside => None,
            Place::Unmapped => {
                self.findings.unmapped();
                None
            }
            Place::Mapped(id) => self.enter(id, is_object),
        };
        self.check_room()?;
        let is_record = node.is_some_and(|node| self.shape.node(node).is_record);
        let record = if is_record { Some(self.open_record(node)?) } else { None };
        let is_kept = node.is_some() || self.around.is_empty();
        let frame = Frame {
            is_object,
            is_record,
            node,
            open: is_kept.then_some(offset(self.tape.len())),
            names: self.names.open(),
            ..Frame::NONE
        };
        if is_kept {
            let is_numbered = node.is_some_and(|node| self.shape.node(node).is_numbered());
            let container = match (is_object, is_numbered) {
                (true, _) => Container::Object,
                (false, false) => Container::Array,
                (false, true) => Container::Numbered,
            };
            self.copied += step.len() + 3;
            self.tape.push(Op::Open { step, container, record, close: 0 });
        }
        self.around.push(std::mem::replace(&mut self.top, frame));
        self.cursor.at += 1;
        Ok(())
    }

    /// The place where an object or array stands, if something in it can be mapped.
    fn enter(&mut self, id: NodeId, is_object: bool) -> Option<NodeId> {
        let node = self.shape.node(id);
        if if is_object { node.is_object() } else { node.is_array() } {
            return Some(id);
        }
        match node.field {
            Some(field) => self.findings.misshapen(field),
            None => self.findings.unmapped(),
        }
        None
    }

    fn check_room(&self) -> Result<(), Fault> {
        if self.tape.len() >= self.limits.values_max { Err(Fault::TooManyValues) } else { Ok(()) }
    }

    fn open_record(&mut self, node: Option<NodeId>) -> Result<Subject, Fault> {
        let record = self.findings.open_record()?;
        if let (Some(node), Some(name)) = (node, self.top.key.take()) {
            self.findings.key(self.shape.node(node), name, Lexis::Json, name.len() > 2);
        }
        Ok(Subject(record))
    }

    fn close(&mut self) -> Result<(), Fault> {
        if let Some(twin) = self.names.close(self.top.names) {
            return Err(self.late_duplicate(twin));
        }
        self.cursor.at += 1;
        if let Some(open) = self.top.open {
            let end = offset(self.tape.len());
            if let Some(Op::Open { close, .. }) = self.tape.get_mut(open as usize) {
                *close = end;
            }
            self.tape
                .push(Op::Close { is_empty: self.top.count == 0, is_record: self.top.is_record });
        }
        if self.top.is_record {
            self.findings.close_record();
        }
        self.top = self.around.pop().unwrap_or(Frame::NONE);
        Ok(())
    }

    #[cold]
    fn late_duplicate(&mut self, twin: Name) -> Fault {
        let text = self.names.text(twin);
        let node = self.top.node.map(|node| self.shape.node(node));
        let child = node.and_then(|node| node.member(Print::of(text), text, 0));
        self.top.child = child.map(|(_, child)| child);
        self.cursor.at = twin.at as usize;
        Fault::DuplicateName
    }

    /// Where the parser stands, in names that the shape knows.
    #[cold]
    fn path(&self) -> String {
        // The outermost frame stands for what is around the document.
        let frames = self.around.iter().chain([&self.top]).skip(1);
        let steps = frames.filter_map(|frame| frame.step(self.shape));
        "$".chars().map(String::from).chain(steps).collect()
    }
}

/// So many objects and arrays are inside each other in most documents.
const DEPTH_USUAL: usize = 8;
/// A body has at least so many bytes for each operation on its tape, in most documents.
const BYTES_PER_OP: usize = 32;

#[cfg(test)]
mod tests;
