//! Writing what remains of a JSON document.
//!
//! What is written is the document without everything that the selection does not keep:
//! - kept names and values are the bytes of the body; white space between them is not written;
//! - an object or array that lost everything it had vanishes, with its name where it has one, so
//!   that not even their number shows; one that was empty in the body stays;
//! - a record that is left out vanishes, and so do scalar elements;
//! - in an array mapped by number the number of an element is its name: `null` stands for what
//!   vanished before a kept element, and an object or array that lost everything stays, empty;
//! - the brackets of the root are always written; where the body has one text a line, its root has
//!   none, and each text ends its line.

use std::collections::HashSet;

use super::Kept;
use super::edit::{Edit, Edits, New};
use crate::document::json::{Container, Form, Op, Step, Tape};
use crate::document::{FieldId, FieldSet, Lexis, Raw, Span};

/// Writes what the selection keeps of a JSON text, as the edits would have it.
pub(super) fn write(tape: &Tape, body: &[u8], kept: &Kept<'_>, edits: &mut impl Edits) -> Vec<u8> {
    let fields = kept.base(edits);
    let mut writer = Writer {
        body,
        out: Vec::with_capacity(tape.copied),
        frames: Vec::with_capacity(DEPTH_USUAL),
        fields,
        around: fields,
        form: tape.form,
        edits,
    };
    let mut at = 0;
    while let Some(op) = tape.ops.get(at) {
        at += 1;
        match *op {
            Op::Value { step, field, value } => {
                if writer.fields.contains(field) {
                    writer.value(step, field, value);
                }
            }
            Op::Open { step, container, record, close } => {
                let enters = match record {
                    None => true,
                    Some(record) => match kept.verdict(record.0) {
                        Some((verdict, fields)) => {
                            writer.edits.enter(Some(verdict));
                            writer.fields = fields;
                            true
                        }
                        None => false,
                    },
                };
                if !(enters && writer.open(step, container)) {
                    at = (close as usize).saturating_add(1);
                    writer.leave(enters && record.is_some(), kept);
                }
            }
            Op::Close { is_empty, is_record } => {
                writer.close(is_empty);
                writer.leave(is_record, kept);
            }
        }
    }
    writer.out
}

struct Writer<'a, E> {
    body: &'a [u8],
    out: Vec<u8>,
    /// The objects and arrays that are open.
    frames: Vec<Frame>,
    /// The fields that are kept here, and around the records.
    fields: &'a FieldSet,
    around: &'a FieldSet,
    form: Form,
    edits: &'a mut E,
}

/// An object or array that is being written.
struct Frame {
    /// The length of the output before it, if it goes when it has lost everything.
    removable: Option<usize>,
    container: Container,
    /// How many elements were written.
    elements: u32,
    /// The names that are fields, as they were written: what was different may have become alike.
    names: HashSet<Vec<u8>>,
}

impl<E: Edits> Writer<'_, E> {
    /// Writes a scalar, with what stands before it.
    #[inline]
    fn value(&mut self, step: Step, field: FieldId, value: Span) {
        match self.edits.edit(field, raw(self.body, value)) {
            Edit::Keep => match step {
                // Between a name and its value stands at least a colon: here, nothing but that.
                Step::Member(name) if name.end.saturating_add(1) == value.start => {
                    self.comma();
                    self.copy(Span::new(name.start, value.end));
                }
                _ => {
                    if self.step(step) {
                        self.copy(value);
                    }
                }
            },
            Edit::Remove => {}
            Edit::Put(new) => {
                if self.step(step) {
                    put(&new, &mut self.out);
                }
            }
        }
    }

    /// Writes what stands before a value; false where the value has no name that may leave.
    #[inline]
    fn step(&mut self, step: Step) -> bool {
        match step {
            Step::Member(name) => {
                self.comma();
                self.copy(name);
                self.out.push(b':');
                true
            }
            Step::Mapped(name, field) => self.name(name, field),
            Step::Element(index) => {
                self.comma();
                self.pad(index);
                true
            }
        }
    }

    /// Writes a member's name that is a field.
    fn name(&mut self, name: Span, field: FieldId) -> bool {
        if !self.fields.contains(field) {
            return false;
        }
        let mut written = Vec::new();
        match self.edits.edit(field, raw(self.body, name)) {
            Edit::Keep => written.extend_from_slice(name.of(self.body)),
            Edit::Put(New::Text(text) | New::Number(text)) => text_to(&text, &mut written),
            Edit::Put(New::Null) | Edit::Remove => return false,
        }
        let is_new = self.frames.last_mut().is_some_and(|f| f.names.insert(written.clone()));
        if is_new {
            self.comma();
            self.out.append(&mut written);
            self.out.push(b':');
        } else {
            self.edits.clash(field);
        }
        is_new
    }

    /// Puts `null` for the elements that vanished before this one, where numbers matter.
    #[inline]
    fn pad(&mut self, index: u32) {
        let between = self.between();
        let Some(frame) = self.frames.last_mut() else { return };
        if frame.container != Container::Numbered {
            return;
        }
        for _ in frame.elements..index {
            self.out.extend_from_slice(b"null");
            self.out.push(between);
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
            let between = self.between();
            self.out.push(between);
        }
    }

    /// What stands between two elements or members here.
    #[inline]
    fn between(&self) -> u8 {
        if self.form == Form::Lines && self.frames.len() == 1 { b'\n' } else { b',' }
    }

    /// Whether nothing was written since the last bracket was opened.
    #[inline]
    fn is_fresh(&self) -> bool {
        matches!(self.out.last(), None | Some(b'{' | b'['))
    }

    /// Whether it is the root that is opened or was closed, and it has no brackets.
    fn is_bare(&self) -> bool {
        self.form == Form::Lines && self.frames.is_empty()
    }

    /// Opens an object or array; false where it has no name that may leave.
    fn open(&mut self, step: Step, container: Container) -> bool {
        let before = self.out.len();
        if !self.step(step) {
            return false;
        }
        let goes = match (step, self.frames.last()) {
            (Step::Member(_) | Step::Mapped(..), _) => true,
            (Step::Element(_), Some(around)) => around.container != Container::Numbered,
            (Step::Element(_), None) => false,
        };
        let removable = goes.then_some(before);
        let is_bare = self.is_bare();
        self.frames.push(Frame { removable, container, elements: 0, names: HashSet::new() });
        if !is_bare {
            self.out.push(if container == Container::Object { b'{' } else { b'[' });
        }
        true
    }

    /// Goes on with what is around the record that was left.
    fn leave(&mut self, is_record: bool, kept: &Kept<'_>) {
        if is_record {
            self.fields = self.around;
            self.edits.enter(kept.around());
        }
    }

    fn close(&mut self, was_empty: bool) {
        let Some(frame) = self.frames.pop() else { return };
        match frame.removable {
            Some(before) if self.is_fresh() && !was_empty => self.out.truncate(before),
            None if self.is_bare() => {
                if !self.out.is_empty() {
                    self.out.push(b'\n');
                }
            }
            _ => self.out.push(if frame.container == Container::Object { b'}' } else { b']' }),
        }
    }
}

#[inline]
fn raw(body: &[u8], span: Span) -> Raw<'_> {
    Raw { bytes: span.of(body), lexis: Lexis::Json }
}

/// Writes a new value.
fn put(new: &New, out: &mut Vec<u8>) {
    match new {
        New::Text(text) => text_to(text, out),
        New::Number(number) => out.extend_from_slice(number.as_bytes()),
        New::Null => out.extend_from_slice(b"null"),
    }
}

/// Writes a string with its quotes (RFC 8259 section 7).
fn text_to(text: &str, out: &mut Vec<u8>) {
    // A string can always be written, and so can bytes to a vector.
    let _ = serde_json::to_writer(out, text);
}

/// So many objects and arrays are inside each other in most documents.
const DEPTH_USUAL: usize = 8;

#[cfg(test)]
mod tests;
