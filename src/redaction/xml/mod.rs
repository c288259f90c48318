//! Writing what remains of an XML document.
//!
//! What is written is the document without everything that the selection does not keep:
//! - kept names are those of the rules, with their prefixes, and the root declares the rules'
//!   namespaces, so that nothing leaves as a prefix or a namespace; a prefix inside a value, as in
//!   `xsi:type`, is not rewritten;
//! - kept values are the bytes of the body, without comments and processing instructions; white
//!   space between tags is not written;
//! - an element that lost everything it had is removed; one that was empty in the body stays;
//! - a record that is left out vanishes;
//! - in a list mapped by number, an empty element stands for what vanished before a kept one,
//!   since there the number of an element is its name;
//! - the root is always written, and the body of a SOAP message;
//! - an XML declaration is written where the body had one; its encoding is UTF-8.

use super::Kept;
use super::edit::{Edit, Edits, New};
use crate::document::xml::{
    Listed, Name, Op, Tape, copy_without_remarks, encode_attribute, encode_text,
};
use crate::document::{FieldId, FieldSet, Lexis, Raw, Span};

/// Writes what the selection keeps of an XML document, as the edits would have it.
pub(super) fn write(tape: &Tape, body: &[u8], kept: &Kept<'_>, edits: &mut impl Edits) -> Vec<u8> {
    let fields = kept.base(edits);
    let mut writer = Writer {
        tape,
        body,
        out: Vec::with_capacity(tape.copied),
        frames: Vec::with_capacity(DEPTH_USUAL),
        counts: Vec::new(),
        kept,
        fields,
        around: fields,
        is_left_out: false,
        edits,
    };
    if tape.is_declared {
        writer.out.extend_from_slice(DECLARATION);
    }
    for op in &tape.ops {
        writer.op(*op);
    }
    writer.out
}

struct Writer<'a, E> {
    tape: &'a Tape,
    body: &'a [u8],
    out: Vec<u8>,
    /// The elements that are open.
    frames: Vec<Frame>,
    /// The lists of the open elements, those of the innermost last.
    counts: Vec<Count>,
    kept: &'a Kept<'a>,
    /// The fields that are kept here, and around the records.
    fields: &'a FieldSet,
    around: &'a FieldSet,
    /// Whether what is read belongs to a record that is left out.
    is_left_out: bool,
    edits: &'a mut E,
}

/// An element that is open.
struct Frame {
    name: Name,
    /// Whether it is written; most are not in a record that is left out.
    is_written: bool,
    /// Whether it is written even if it has lost everything.
    is_fixed: bool,
    /// The start of its tag, to which the output goes back where it lost everything.
    mark: Mark,
    /// The length of the output after its name, and after its start tag if that has ended.
    named: usize,
    inner: Option<usize>,
    /// How many lists the elements around it have.
    lists: usize,
}

/// A place to which the output can go back.
#[derive(Clone, Copy)]
struct Mark {
    length: usize,
    /// The list of the element, and how many elements of that were written.
    count: Option<(usize, u32)>,
}

/// A value between two tags.
#[derive(Clone, Copy)]
struct Content {
    field: FieldId,
    value: Span,
    /// Whether comments or processing instructions stand in it.
    has_remarks: bool,
}

/// How many elements of a list were written.
struct Count {
    list: u32,
    written: u32,
}

impl<'a, E: Edits> Writer<'a, E> {
    #[inline]
    fn op(&mut self, op: Op) {
        match op {
            Op::Field { name, list, field, value, has_remarks } => {
                self.end_start_tag();
                if self.fields.contains(field) {
                    self.field(name, list, Content { field, value, has_remarks });
                }
            }
            Op::Text { field, value, has_remarks } => {
                self.end_start_tag();
                if self.fields.contains(field) {
                    self.text(Content { field, value, has_remarks });
                }
            }
            Op::Attribute { name, field, value } => {
                if self.fields.contains(field) {
                    self.attribute(name, field, value);
                }
            }
            Op::Open { name, list, record, is_fixed } => {
                self.end_start_tag();
                if let Some(record) = record {
                    self.enter(record);
                }
                self.open(name, list, is_fixed);
            }
            Op::Close { is_empty, is_record } => {
                self.end_start_tag();
                self.close(is_empty);
                if is_record {
                    self.fields = self.around;
                    self.is_left_out = false;
                    self.edits.enter(self.kept.around());
                }
            }
        }
    }

    fn enter(&mut self, record: u32) {
        let verdict = self.kept.verdict(record);
        self.is_left_out = verdict.is_none();
        self.fields = match verdict {
            Some((verdict, fields)) => {
                self.edits.enter(Some(verdict));
                fields
            }
            None => const { &FieldSet::EMPTY },
        };
    }

    fn open(&mut self, name: Name, list: Option<Listed>, is_fixed: bool) {
        let is_written = is_fixed || !self.is_left_out;
        let mut mark = Mark { length: self.out.len(), count: None };
        if is_written {
            mark = self.begin(name, list);
            if self.frames.is_empty() {
                self.out.extend_from_slice(&self.tape.declarations);
            }
        }
        let (named, lists) = (self.out.len(), self.counts.len());
        let inner = (!is_written).then_some(named);
        self.frames.push(Frame { name, is_written, is_fixed, mark, named, inner, lists });
    }

    /// Writes `<` and a name, after what stands for the elements that vanished before it.
    #[inline]
    fn begin(&mut self, name: Name, list: Option<Listed>) -> Mark {
        let length = self.out.len();
        let count = list.map(|list| self.pad(name, list));
        self.out.push(b'<');
        self.name(name);
        Mark { length, count }
    }

    /// Writes empty elements for those that vanished before this one.
    fn pad(&mut self, name: Name, Listed { list, number }: Listed) -> (usize, u32) {
        let from = self.frames.last().map_or(0, |frame| frame.lists);
        let known = self.counts.iter().skip(from).position(|count| count.list == list);
        let position = known.map_or(self.counts.len(), |position| from + position);
        if known.is_none() {
            self.counts.push(Count { list, written: 0 });
        }
        let Some(count) = self.counts.get_mut(position) else { return (position, 0) };
        let written = std::mem::replace(&mut count.written, number.saturating_add(1));
        for _ in written..number {
            self.out.push(b'<');
            self.name(name);
            self.out.extend_from_slice(b"/>");
        }
        (position, written)
    }

    /// Takes back what was written since a mark.
    fn take_back(&mut self, mark: Mark) {
        self.out.truncate(mark.length);
        let Some((position, written)) = mark.count else { return };
        if let Some(count) = self.counts.get_mut(position) {
            count.written = written;
        }
    }

    #[inline]
    fn end_start_tag(&mut self) {
        if let Some(frame) = self.frames.last_mut()
            && frame.inner.is_none()
        {
            self.out.push(b'>');
            frame.inner = Some(self.out.len());
        }
    }

    fn close(&mut self, was_empty: bool) {
        let Some(frame) = self.frames.pop() else { return };
        self.counts.truncate(frame.lists);
        if !frame.is_written {
            return;
        }
        let has_attributes = frame.inner.is_some_and(|inner| inner > frame.named + 1);
        if frame.inner != Some(self.out.len()) {
            self.end_tag(frame.name);
        } else if has_attributes || was_empty || frame.is_fixed {
            self.out.pop();
            self.out.extend_from_slice(b"/>");
        } else {
            self.take_back(frame.mark);
        }
    }

    fn attribute(&mut self, name: Name, field: FieldId, value: Span) {
        let bytes = value.of(self.body);
        let new = match self.edits.edit(field, Raw { bytes, lexis: Lexis::XmlAttribute }) {
            Edit::Keep => None,
            Edit::Remove => return,
            Edit::Put(new) => Some(new),
        };
        self.out.push(b' ');
        self.name(name);
        self.out.push(b'=');
        let Some(new) = new else {
            // Between the quotes that stand around the value.
            let (start, end) = (value.start.saturating_sub(1), value.end.saturating_add(1));
            self.out.extend_from_slice(Span::new(start, end).of(self.body));
            return;
        };
        self.out.push(b'"');
        encode_attribute(text_of(&new), &mut self.out);
        self.out.push(b'"');
    }

    fn text(&mut self, Content { field, value, has_remarks }: Content) {
        let bytes = value.of(self.body);
        match self.edits.edit(field, Raw { bytes, lexis: Lexis::XmlText }) {
            Edit::Keep => self.content(bytes, has_remarks),
            Edit::Remove => return,
            Edit::Put(new) => encode_text(text_of(&new), &mut self.out),
        }
        // An element stays whose text is kept, even if that is empty.
        if let Some(frame) = self.frames.last_mut() {
            frame.is_fixed = true;
        }
    }

    #[inline]
    fn field(&mut self, name: Name, list: Option<Listed>, content: Content) {
        let Content { field, value, has_remarks } = content;
        let bytes = value.of(self.body);
        let edit = self.edits.edit(field, Raw { bytes, lexis: Lexis::XmlText });
        if edit == Edit::Remove {
            return;
        }
        if let Some(list) = list {
            self.pad(name, list);
        }
        match edit {
            Edit::Keep => {
                if !has_remarks && let Some(whole) = self.whole(name, value) {
                    self.out.extend_from_slice(whole);
                    return;
                }
                self.start_tag(name);
                self.content(bytes, has_remarks);
            }
            Edit::Put(new) => {
                self.start_tag(name);
                encode_text(text_of(&new), &mut self.out);
            }
            Edit::Remove => return,
        }
        self.end_tag(name);
    }

    /// The element as it stands in the body, if there its name is written as in the rules and
    /// nothing else stands in its tags.
    #[inline]
    fn whole(&self, name: Name, value: Span) -> Option<&'a [u8]> {
        let span = name.in_body().filter(|span| span.end.saturating_add(1) == value.start)?;
        let length = value.end as usize + 2 + span.len();
        let whole = self.body.get(span.start.saturating_sub(1) as usize..=length)?;
        whole.ends_with(b">").then_some(whole)
    }

    #[inline]
    fn start_tag(&mut self, name: Name) {
        self.out.push(b'<');
        self.name(name);
        self.out.push(b'>');
    }

    #[inline]
    fn content(&mut self, bytes: &[u8], has_remarks: bool) {
        if has_remarks {
            copy_without_remarks(bytes, &mut self.out);
        } else {
            self.out.extend_from_slice(bytes);
        }
    }

    #[inline]
    fn name(&mut self, name: Name) {
        self.out.extend_from_slice(self.tape.name(name, self.body));
    }

    #[inline]
    fn end_tag(&mut self, name: Name) {
        self.out.extend_from_slice(b"</");
        self.name(name);
        self.out.push(b'>');
    }
}

/// The text of a new value: of a number its digits, of null nothing.
fn text_of(new: &New) -> &str {
    match new {
        New::Text(text) | New::Number(text) => text,
        New::Null => "",
    }
}

/// What is written where the body begins with an XML declaration.
const DECLARATION: &[u8] = br#"<?xml version="1.0" encoding="UTF-8"?>"#;
/// So many elements are inside each other in most documents.
const DEPTH_USUAL: usize = 8;

#[cfg(test)]
mod tests;
