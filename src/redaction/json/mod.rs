//! Writing what remains of a JSON document.
//!
//! What is written is the document without everything that the selection does not keep:
//! - kept names and values are the bytes of the body; white space between them is not written;
//! - an object or array that lost everything it had is removed with its name; as an element of an
//!   array it stays, empty, and so does one that was empty in the body;
//! - a record that is left out vanishes, and so do scalar elements;
//! - in an array mapped by number, `null` stands for what vanished before a kept element, since
//!   there the number of an element is its name;
//! - the brackets of the root are always written.

use crate::document::{Container, Document, FieldSet, Op, Span, Step, Subject};

/// What of a document is kept. What it does not mention is left out.
#[derive(Clone, Copy, Debug)]
pub struct Selection<'a> {
    /// The fields that are kept outside of records.
    pub outside: &'a FieldSet,
    /// For each record, the verdict on it, or `None` where it is left out.
    pub records: &'a [Option<usize>],
    /// The verdicts: the fields of a record that are kept.
    pub verdicts: &'a [FieldSet],
}

impl<'a> Selection<'a> {
    /// The fields that are kept of a record, or `None` where it is left out.
    fn verdict(&self, record: Subject) -> Option<&'a FieldSet> {
        let verdict = (*self.records.get(record.0 as usize)?)?;
        self.verdicts.get(verdict)
    }
}

/// Writes what the selection keeps of the document.
#[must_use]
pub fn write(document: &Document, selection: &Selection<'_>) -> Vec<u8> {
    let tape = document.tape();
    let mut writer = Writer {
        body: document.body(),
        out: Vec::with_capacity(document.copied_bytes()),
        frames: Vec::with_capacity(DEPTH_USUAL),
        fields: selection.outside,
        outside: selection.outside,
    };
    let mut at = 0;
    while let Some(op) = tape.get(at) {
        at += 1;
        match *op {
            Op::Value { step, field, value } => {
                if writer.fields.contains(field) {
                    writer.value(step, value);
                }
            }
            Op::Open { step, container, record: None, .. } => writer.open(step, container),
            Op::Open { step, container, record: Some(record), close } => {
                match selection.verdict(record) {
                    Some(fields) => {
                        writer.open(step, container);
                        writer.fields = fields;
                    }
                    None if at == 1 => {
                        writer.open(step, container);
                        at = close as usize;
                    }
                    None => at = (close as usize).saturating_add(1),
                }
            }
            Op::Close { is_empty, is_record } => writer.close(is_empty, is_record),
        }
    }
    writer.out
}

struct Writer<'a> {
    body: &'a [u8],
    out: Vec<u8>,
    /// The objects and arrays that are open.
    frames: Vec<Frame>,
    /// The fields that are kept here, and outside of records.
    fields: &'a FieldSet,
    outside: &'a FieldSet,
}

/// An object or array that is being written.
struct Frame {
    /// The length of the output before it, if it goes when it has lost everything.
    removable: Option<usize>,
    container: Container,
    /// How many elements were written.
    elements: u32,
}

impl Writer<'_> {
    /// Writes a scalar, with what stands before it.
    #[inline]
    fn value(&mut self, step: Step, value: Span) {
        match step {
            // Between a name and its value stands at least a colon: here, nothing but that.
            Step::Member(name) if name.end.saturating_add(1) == value.start => {
                self.comma();
                self.copy(Span::new(name.start, value.end));
            }
            _ => {
                self.step(step);
                self.copy(value);
            }
        }
    }

    /// Writes what stands before a value.
    #[inline]
    fn step(&mut self, step: Step) {
        self.comma();
        match step {
            Step::Member(name) => {
                self.copy(name);
                self.out.push(b':');
            }
            Step::Element(index) => self.pad(index),
        }
    }

    /// Puts `null` for the elements that vanished before this one, where numbers matter.
    #[inline]
    fn pad(&mut self, index: u32) {
        let Some(frame) = self.frames.last_mut() else { return };
        if frame.container != Container::Numbered {
            return;
        }
        for _ in frame.elements..index {
            self.out.extend_from_slice(b"null,");
        }
        frame.elements = index.saturating_add(1);
    }

    #[inline]
    fn copy(&mut self, span: Span) {
        self.out.extend_from_slice(span.of(self.body));
    }

    #[inline]
    fn comma(&mut self) {
        if !self.is_fresh() && !self.frames.is_empty() {
            self.out.push(b',');
        }
    }

    /// Whether nothing was written since the last bracket was opened.
    #[inline]
    fn is_fresh(&self) -> bool {
        matches!(self.out.last(), Some(b'{' | b'['))
    }

    fn open(&mut self, step: Step, container: Container) {
        let before = self.out.len();
        self.step(step);
        let removable = matches!(step, Step::Member(_)).then_some(before);
        self.frames.push(Frame { removable, container, elements: 0 });
        self.out.push(if container == Container::Object { b'{' } else { b'[' });
    }

    fn close(&mut self, was_empty: bool, is_record: bool) {
        if is_record {
            self.fields = self.outside;
        }
        let Some(frame) = self.frames.pop() else { return };
        match frame.removable {
            Some(before) if self.is_fresh() && !was_empty => self.out.truncate(before),
            _ => self.out.push(if frame.container == Container::Object { b'}' } else { b']' }),
        }
    }
}

/// So many objects and arrays are inside each other in most documents.
const DEPTH_USUAL: usize = 8;

#[cfg(test)]
mod tests;
