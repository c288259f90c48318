//! Giving, withdrawing and showing consents: one service for the command line and the admin API.

use std::collections::BTreeMap;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    Append, Guard, NewSubject, Reader, RecordRow, Recorder, StoreError, StoredRecord, SubjectRef,
    Unrecorded,
};
use crate::consent::record::{Channel, Event, EventType, Evidence, Scope, State};
use crate::consent::{BadRecord, Identifier, Record, import};
use crate::ledger::entry::{ConsentEvent, Entry, RecordKind};
use crate::ledger::line::SubjectKey;
use crate::time::{Clock, Timestamp};

/// The consents of a store, with the ledger that records every change to them.
#[derive(Clone)]
pub struct Consents {
    reader: Reader,
    recorder: Recorder,
    clock: Arc<dyn Clock>,
}

/// A change to a consent or block that is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The record.
    pub record: Uuid,
    /// The position of its event in the ledger.
    pub seq: u64,
}

/// How a subject withdrew a consent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawal {
    /// How the subject told the operator.
    pub channel: Channel,
    /// What is withdrawn; all of it where absent.
    #[serde(default)]
    pub scope: Option<Scope>,
    /// The proof, where there is one.
    #[serde(default)]
    pub evidence: Option<Evidence>,
}

impl Consents {
    /// The consents behind a reader and a recorder of one store.
    #[must_use]
    pub fn new(reader: Reader, recorder: Recorder, clock: Arc<dyn Clock>) -> Self {
        Self { reader, recorder, clock }
    }

    /// Records one consent as it is handed in (see [`import::read`]).
    ///
    /// Blocks until it is on disk.
    ///
    /// # Errors
    /// A consent that is incomplete or exists already, or a store that cannot record it.
    pub fn grant(&self, text: &str, by: &str) -> Result<Changed, Unchanged> {
        let mut results = self.grant_all(&[text], by);
        results.pop().unwrap_or(Err(Unchanged::Unrecorded(Unrecorded::Stopped)))
    }

    /// Records many consents in as few commits as can be, each answered for itself.
    ///
    /// Blocks until all are on disk.
    #[must_use]
    pub fn grant_all(&self, texts: &[&str], by: &str) -> Vec<Result<Changed, Unchanged>> {
        let stale = || Err(Unchanged::Unrecorded(Unrecorded::Stale));
        let mut results: Vec<_> = texts.iter().map(|_| stale()).collect();
        let mut left: Vec<usize> = (0..texts.len()).collect();
        let mut tries = 0;
        // Of several consents of one subject a commit takes the first; the others follow in turn.
        while !left.is_empty() && tries < TRIES {
            let batch: Vec<&str> = left.iter().filter_map(|n| texts.get(*n)).copied().collect();
            let before = left.len();
            let granted = left.iter().copied().zip(self.grant_batch(&batch, by));
            let mut again = Vec::new();
            for (n, result) in granted.collect::<Vec<_>>() {
                if matches!(result, Err(Unchanged::Unrecorded(Unrecorded::Stale))) {
                    again.push(n);
                }
                if let Some(place) = results.get_mut(n) {
                    *place = result;
                }
            }
            tries = if again.len() < before { 0 } else { tries + 1 };
            left = again;
        }
        results
    }

    /// Withdraws a consent. Transfers that are not yet recorded are stopped by it.
    ///
    /// Blocks until it is on disk.
    ///
    /// # Errors
    /// A record that does not exist or is withdrawn already, or a store that cannot record it.
    pub fn withdraw(
        &self,
        record: Uuid,
        withdrawal: &Withdrawal,
        by: &str,
    ) -> Result<Changed, Unchanged> {
        let mut last = Unrecorded::Stale;
        for _ in 0..TRIES {
            let append = self.stage_withdrawal(record, withdrawal, by)?;
            match self.recorder.append_blocking(vec![append]).pop() {
                Some(Ok(position)) => return Ok(Changed { record, seq: position.seq }),
                Some(Err(Unrecorded::Stale)) => {}
                Some(Err(why)) => return Err(Unchanged::Unrecorded(why)),
                None => last = Unrecorded::Stopped,
            }
        }
        Err(Unchanged::Unrecorded(last))
    }

    /// A consent record, with the keyed pseudonym of its subject.
    ///
    /// # Errors
    /// The store failed, or holds what this program cannot read.
    pub fn show(&self, record: Uuid) -> Result<Option<Value>, Unchanged> {
        let Some(stored) = self.stored(&record)? else { return Ok(None) };
        Ok(Some(shown(&stored.body)?))
    }

    /// The consent records of a subject.
    ///
    /// # Errors
    /// The store failed, or holds what this program cannot read.
    pub fn of_subject(&self, subject: &Identifier) -> Result<Vec<Value>, Unchanged> {
        let reference = self.reader.reference(subject.scheme.as_str(), &subject.id);
        self.reader.consents(&reference)?.iter().map(|(_, body)| shown(body)).collect()
    }

    fn stored(&self, record: &Uuid) -> Result<Option<StoredRecord>, StoreError> {
        let stored = self.reader.record(record)?;
        Ok(stored.filter(|stored| stored.kind == RecordKind::Consent))
    }

    fn grant_batch(&self, texts: &[&str], by: &str) -> Vec<Result<Changed, Unchanged>> {
        let mut new = BTreeMap::new();
        let staged: Vec<Result<Append, Unchanged>> =
            texts.iter().map(|text| self.stage(text, by, &mut new)).collect();
        let appends = staged.iter().filter_map(|s| s.as_ref().ok()).cloned().collect();
        let mut recorded = self.recorder.append_blocking(appends).into_iter();
        let result = |staged: Result<Append, Unchanged>| {
            let record = id_of(&staged?);
            match recorded.next() {
                Some(Ok(position)) => Ok(Changed { record, seq: position.seq }),
                Some(Err(why)) => Err(Unchanged::Unrecorded(why)),
                None => Err(Unchanged::Unrecorded(Unrecorded::Stopped)),
            }
        };
        staged.into_iter().map(result).collect()
    }

    fn stage(
        &self,
        text: &str,
        by: &str,
        new: &mut BTreeMap<SubjectRef, SubjectKey>,
    ) -> Result<Append, Unchanged> {
        let now = self.clock.now();
        let mut reference = None;
        let (_, record) = import::read(text, now, |subject| {
            let found = self.reader.reference(subject.scheme.as_str(), &subject.id);
            reference = Some(found);
            HEXLOWER.encode(&found.0)
        })?;
        let subject = reference.ok_or(Unchanged::Unknown)?;
        let (snapshot, facts) = self.reader.facts(&[subject])?;
        if self.reader.record(&record.record_id)?.is_some() {
            return Err(Unchanged::Exists(record.record_id));
        }
        let facts = facts.into_iter().next().flatten();
        let mut new_subjects = Vec::new();
        let key = match (facts, new.get(&subject)) {
            (Some(facts), _) => facts.key.clone(),
            (None, Some(key)) => key.clone(),
            (None, None) => {
                let created = NewSubject::random(subject)?;
                let key = created.key.clone();
                new.insert(subject, key.clone());
                new_subjects.push(created);
                key
            }
        };
        let mut append = change(&record, subject, &key, by)?;
        append.new_subjects = new_subjects;
        append.guard = Some(Guard { snapshot, subjects: vec![subject] });
        Ok(append)
    }

    fn stage_withdrawal(
        &self,
        id: Uuid,
        withdrawal: &Withdrawal,
        by: &str,
    ) -> Result<Append, Unchanged> {
        let snapshot = self.reader.size();
        let stored = self.stored(&id)?.ok_or(Unchanged::Unknown)?;
        let mut record: Record =
            serde_json::from_slice(&stored.body).map_err(|_| Unchanged::Unreadable)?;
        let last = record.last().ok_or(Unchanged::Unreadable)?;
        let gone = last.event_state == State::ConsentWithdrawn && last.scope.is_none();
        if gone {
            return Err(Unchanged::Withdrawn(id));
        }
        let now = self.clock.now().max(last.event_time);
        record.events.push(event(withdrawal, now));
        let (_, facts) = self.reader.facts(&[stored.subject])?;
        let facts = facts.into_iter().next().flatten().ok_or(Unchanged::Unreadable)?;
        let mut append = change(&record, stored.subject, &facts.key, by)?;
        append.guard = Some(Guard { snapshot, subjects: vec![stored.subject] });
        Ok(append)
    }
}

/// Why a consent was not changed or shown. No message holds a value of a record.
#[derive(Debug, thiserror::Error)]
pub enum Unchanged {
    /// The consent is incomplete or malformed.
    #[error(transparent)]
    Bad(#[from] BadRecord),
    /// A record with this id exists; a consent changes only by events.
    #[error("consent record {0} exists already; a new consent needs a new `record_id`")]
    Exists(Uuid),
    /// No such record.
    #[error("no such consent record")]
    Unknown,
    /// The record is withdrawn already.
    #[error("consent record {0} is withdrawn already")]
    Withdrawn(Uuid),
    /// The stored record cannot be read.
    #[error("the stored consent record cannot be read")]
    Unreadable,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be recorded.
    #[error("the change was not recorded: {0}")]
    Unrecorded(Unrecorded),
}

/// The entry and row of a record after its last event.
fn change(
    record: &Record,
    subject: SubjectRef,
    key: &SubjectKey,
    by: &str,
) -> Result<Append, Unchanged> {
    let body = record.bytes().map_err(|_| Unchanged::Unreadable)?;
    let last = record.last().ok_or(Unchanged::Unreadable)?;
    let given = record.events.iter().rev().find_map(|event| event.valid_until);
    let event = ConsentEvent {
        by: by.to_owned(),
        categories: record.pii_information.clone(),
        countries: record.cross_border.countries.clone(),
        digest: HEXLOWER.encode(&Sha256::digest(&body)),
        purposes: record.purposes.clone(),
        recipients: record.recipient_third_parties.clone(),
        record: record.record_id,
        state: last.event_state.term(),
        subject: key.tag(&record.record_id).to_string(),
        valid_until: given.unwrap_or(last.event_time),
        when: last.event_time,
    };
    let row = RecordRow { subject, record: record.record_id, body };
    Ok(Append { record: Some(row), ..Append::plain(Entry::Consent(event)) })
}

fn event(withdrawal: &Withdrawal, now: Timestamp) -> Event {
    Event {
        event_time: now,
        event_type: EventType::ExpressedConsent,
        event_state: State::ConsentWithdrawn,
        valid_until: None,
        channel: withdrawal.channel,
        evidence: withdrawal.evidence.clone(),
        scope: withdrawal.scope.filter(|scope| *scope != Scope::All),
    }
}

fn id_of(append: &Append) -> Uuid {
    append.record.as_ref().map_or(Uuid::nil(), |row| row.record)
}

fn shown(body: &[u8]) -> Result<Value, Unchanged> {
    serde_json::from_slice(body).map_err(|_| Unchanged::Unreadable)
}

const TRIES: u32 = 5;
