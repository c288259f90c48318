//! What the parsers of all syntaxes find: which mapped fields, in which records, and whose.

use super::fault::Fault;
use super::fields::FieldId;
use super::raw::{Lexis, Raw};
use super::shape::Node;
use super::span::{Span, offset};
use super::{Presence, Record};

/// What was found in a request so far.
pub(crate) struct Findings {
    /// What was found in this record, or outside of all.
    pub(crate) found: Presence,
    /// In a record: what was found outside of all.
    outside: Presence,
    records_max: usize,
    subject: Option<SubjectAt>,
    records: Vec<Record>,
    subjects: Vec<Option<SubjectAt>>,
    piece: u32,
}

/// Where the value stands that identifies a subject.
#[derive(Clone, Copy)]
pub(crate) struct SubjectAt {
    /// The number of the piece that it stands in.
    pub(crate) piece: u32,
    span: Span,
    lexis: Lexis,
}

impl SubjectAt {
    /// The value, in the bytes of its piece.
    pub(crate) fn raw<'a>(&self, bytes: &'a [u8]) -> Raw<'a> {
        Raw { bytes: self.span.of(bytes), lexis: self.lexis }
    }
}

impl Findings {
    pub(crate) fn new(records_max: usize) -> Self {
        Self {
            found: Presence::default(),
            outside: Presence::default(),
            records_max,
            subject: None,
            records: Vec::new(),
            subjects: Vec::new(),
            piece: 0,
        }
    }

    /// Begins the next piece: another content with bytes of its own.
    pub(crate) fn next_piece(&mut self) {
        self.piece = self.piece.saturating_add(1);
    }

    /// Counts a value where the shape leads to, which identifies its subject if it can; the field
    /// that it is, if it is one.
    #[inline]
    pub(crate) fn value(
        &mut self,
        node: &Node,
        span: Span,
        lexis: Lexis,
        identifies: bool,
    ) -> Option<FieldId> {
        if node.is_subject && identifies {
            self.subject(span, lexis);
        }
        if let Some(field) = node.field {
            self.found.present.insert(field);
        } else if !node.is_subject {
            self.unmapped();
        }
        node.field
    }

    /// Counts the name of a member that `.*` stands for; the field that it is, if it is one.
    pub(crate) fn key(
        &mut self,
        node: &Node,
        span: Span,
        lexis: Lexis,
        identifies: bool,
    ) -> Option<FieldId> {
        let (field, is_subject) = node.key?;
        if is_subject && identifies {
            self.subject(span, lexis);
        }
        self.found.present.insert(field);
        Some(field)
    }

    fn subject(&mut self, span: Span, lexis: Lexis) {
        self.subject = Some(SubjectAt { piece: self.piece, span, lexis });
    }

    /// Counts something that no rule maps.
    #[inline]
    pub(crate) fn unmapped(&mut self) {
        self.found.unmapped = self.found.unmapped.saturating_add(1);
    }

    /// Counts a field whose value holds more than a scalar.
    pub(crate) fn misshapen(&mut self, field: FieldId) {
        self.found.misshapen.insert(field);
    }

    /// Begins a record; returns its number.
    pub(crate) fn open_record(&mut self) -> Result<u32, Fault> {
        if self.records.len() >= self.records_max {
            return Err(Fault::TooManyRecords);
        }
        self.outside = std::mem::take(&mut self.found);
        Ok(offset(self.records.len()))
    }

    /// Ends the record.
    pub(crate) fn close_record(&mut self) {
        let presence = std::mem::replace(&mut self.found, self.outside);
        self.records.push(Record { presence });
        self.subjects.push(self.subject.take());
    }

    /// Everything that was found: outside of records, in them, and whose they are.
    pub(crate) fn finish(self) -> (Presence, Vec<Record>, Vec<Option<SubjectAt>>) {
        (self.found, self.records, self.subjects)
    }
}
