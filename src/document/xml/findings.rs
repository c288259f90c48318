//! What was found in a document.

use super::super::fault::Fault;
use super::super::fields::FieldId;
use super::super::limits::Limits;
use super::super::shape::Node;
use super::super::tape::{Span, Subject};
use super::super::{Presence, Record};

#[derive(Default)]
pub(crate) struct Findings {
    found: Presence,
    outside: Presence,
    subject: Option<Span>,
    records: Vec<Record>,
    subjects: Vec<Option<Span>>,
}

impl Findings {
    #[inline]
    pub(crate) fn value(&mut self, node: &Node, at: Option<Span>) -> Option<FieldId> {
        if node.is_subject && at.is_some() {
            self.subject = at;
        }
        match node.field {
            Some(field) => self.found.present.insert(field),
            None if !node.is_subject => self.unmapped(),
            None => {}
        }
        node.field
    }

    #[inline]
    pub(crate) fn unmapped(&mut self) {
        self.found.unmapped = self.found.unmapped.saturating_add(1);
    }

    pub(crate) fn misshapen(&mut self, field: FieldId) {
        self.found.misshapen.insert(field);
    }

    pub(crate) fn open_record(&mut self, limits: &Limits) -> Result<Subject, Fault> {
        if self.records.len() >= limits.records_max {
            return Err(Fault::TooManyRecords);
        }
        self.outside = std::mem::take(&mut self.found);
        Ok(Subject(u32::try_from(self.records.len()).unwrap_or(u32::MAX)))
    }

    pub(crate) fn close_record(&mut self) {
        let presence = std::mem::replace(&mut self.found, self.outside);
        self.records.push(Record { presence });
        self.subjects.push(self.subject.take());
    }
}
