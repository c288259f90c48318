//! From appends to a batch: each is checked against the ledger and the appends before it, given its
//! position and turned into bytes. Nothing is written here.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::queue::Answer;
use super::recorder::{Append, Position, Unrecorded};
use super::{
    Batch, Head, Index, NewEntry, StoreError, StoreSecret, StoredConsent, StoredEntry, SubjectRef,
    Transaction,
};
use crate::ledger::entry::Entry;
use crate::ledger::tree::leaf_hash;
use crate::time::Timestamp;

/// A batch, and how each of its appends is answered once it is committed.
pub(super) struct Staged {
    pub(super) batch: Batch,
    pub(super) answers: Vec<Answer>,
    /// Subjects whose facts the batch changes, or that turned out to be known.
    pub(super) concerned: Vec<SubjectRef>,
}

/// Stages appends in their order. A stale or contradictory one is answered and left out.
pub(super) fn stage(
    transaction: &mut dyn Transaction,
    appends: Vec<Append>,
    secret: &StoreSecret,
    now: Timestamp,
) -> Result<Staged, StoreError> {
    let seen = Seen::look_up(transaction, &appends)?;
    let head = transaction.head().clone();
    let batch = Batch { head, entries: Vec::with_capacity(appends.len()), ..Batch::default() };
    let mut stage = Stage { batch, seen, concerned: Vec::new() };
    let mut answers = Vec::with_capacity(appends.len());
    for append in appends {
        answers.push(match stage.refusal(&append) {
            Some(refusal) => Err(refusal),
            None => Ok(stage.place(append, secret, now)?),
        });
    }
    Ok(Staged { batch: stage.batch, answers, concerned: stage.concerned })
}

/// What the ledger says about all that the appends name, kept up as they are staged.
#[derive(Default)]
struct Seen {
    consents: HashMap<SubjectRef, u64>,
    subjects: HashSet<SubjectRef>,
    records: HashMap<Uuid, SubjectRef>,
    settled: HashSet<u64>,
}

impl Seen {
    fn look_up(transaction: &mut dyn Transaction, appends: &[Append]) -> Result<Self, StoreError> {
        let newest = transaction.head().consents;
        let guards = appends.iter().filter_map(|append| append.guard.as_ref());
        // Only where some consent event is newer than the snapshot are the subjects looked at.
        let guarded: Vec<_> = guards
            .filter(|guard| guard.snapshot < newest)
            .flat_map(|guard| guard.subjects.iter().copied())
            .collect();
        let new = appends.iter().flat_map(|append| &append.new_subjects);
        let new: Vec<_> = new.map(|subject| subject.reference).collect();
        let rows = appends.iter().filter_map(|append| append.consent.as_ref());
        let records: Vec<_> = rows.map(|row| row.record).collect();
        let settles: Vec<_> = appends.iter().filter_map(|append| settles(&append.entry)).collect();

        let consents = transaction.newest_consents(&guarded)?;
        let known = transaction.known(&new)?;
        let owners = transaction.subjects_of(&records)?;
        let settled = transaction.settled(&settles)?;
        Ok(Self {
            consents: guarded
                .iter()
                .zip(consents)
                .filter_map(|(s, seq)| Some((*s, seq?)))
                .collect(),
            subjects: new.iter().zip(known).filter_map(|(s, is)| is.then_some(*s)).collect(),
            records: records.iter().zip(owners).filter_map(|(r, s)| Some((*r, s?))).collect(),
            settled: settles.iter().zip(settled).filter_map(|(d, is)| is.then_some(*d)).collect(),
        })
    }
}

struct Stage {
    batch: Batch,
    seen: Seen,
    concerned: Vec<SubjectRef>,
}

impl Stage {
    /// Why an append cannot follow what is there.
    fn refusal(&mut self, append: &Append) -> Option<Unrecorded> {
        let Append { entry, new_subjects, guard, consent, .. } = append;
        let newest = self.batch.head.consents;
        let old = guard.as_ref().is_some_and(|guard| {
            let newer = |s: &SubjectRef| {
                self.seen.consents.get(s).is_some_and(|seq| *seq >= guard.snapshot)
            };
            guard.snapshot < newest && guard.subjects.iter().any(newer)
        });
        let known = new_subjects.iter().any(|new| self.seen.subjects.contains(&new.reference));
        if known {
            // Made by another process: whoever thinks otherwise must read again.
            self.concerned.extend(new_subjects.iter().map(|new| new.reference));
        }
        if old || known {
            return Some(Unrecorded::Stale);
        }
        if event(entry) != consent.as_ref().map(|row| row.record) {
            return Some(Unrecorded::RecordMismatch);
        }
        let owner =
            consent.as_ref().and_then(|row| Some((row, self.seen.records.get(&row.record)?)));
        if owner.is_some_and(|(row, owner)| row.subject != *owner) {
            return Some(Unrecorded::RecordTaken);
        }
        let settled = settles(entry).is_some_and(|of| self.seen.settled.contains(&of));
        settled.then_some(Unrecorded::Settled)
    }

    /// Gives an append its position and adds it to the batch.
    fn place(
        &mut self,
        append: Append,
        secret: &StoreSecret,
        now: Timestamp,
    ) -> Result<Position, StoreError> {
        let Append { entry, lines, new_subjects, consent, .. } = append;
        let seq = self.batch.head.size();
        for new in new_subjects {
            let wrapped = secret.wrap(&new.reference, &new.key)?;
            self.seen.subjects.insert(new.reference);
            self.concerned.push(new.reference);
            self.batch.subjects.push((new.reference, wrapped));
        }
        if let Some(row) = consent {
            self.seen.consents.insert(row.subject, seq);
            self.seen.records.insert(row.record, row.subject);
            self.concerned.push(row.subject);
            self.batch.head.consents = seq.saturating_add(1);
            let (subject, record, body) = (row.subject, row.record, row.body);
            self.batch.consents.push(StoredConsent { subject, seq, record, body });
        }
        self.seen.settled.extend(settles(&entry));

        let bytes = entry.bytes(seq, now);
        let leaf = leaf_hash(&bytes);
        self.batch.head.frontier.push(leaf);
        let stored = StoredEntry { seq, bytes, leaf, lines };
        self.batch.entries.push(NewEntry { stored, index: index(&entry) });
        Ok(Position { seq })
    }
}

fn settles(entry: &Entry) -> Option<u64> {
    match entry {
        Entry::Outcome(outcome) => Some(outcome.of),
        _ => None,
    }
}

fn event(entry: &Entry) -> Option<Uuid> {
    match entry {
        Entry::Consent(event) => Some(event.record),
        _ => None,
    }
}

const fn index(entry: &Entry) -> Index {
    match entry {
        Entry::Disclosure(entry) => Index::Decision(entry.did),
        Entry::Refusal(entry) => Index::Decision(entry.did),
        Entry::Outcome(entry) => Index::OutcomeOf(entry.of),
        Entry::Activation(_) | Entry::Admin(_) | Entry::Consent(_) => Index::None,
    }
}

/// Follows entries that another process appended, from a head that this one has derived itself.
///
/// Gives the subjects whose consents they concern. The head row is taken only if it is what the
/// entries' own bytes lead to, so this process never signs a root that it has not derived.
pub(super) fn follow(
    transaction: &mut dyn Transaction,
    from: &Head,
    mut passed: impl FnMut(&Head),
) -> Result<Vec<SubjectRef>, StoreError> {
    let end = transaction.head().clone();
    let (mut head, mut records) = (from.clone(), Vec::new());
    passed(&head);
    while head.size() < end.size() {
        let entries = transaction.entries(head.size(), super::reader::PAGE)?;
        if entries.is_empty() {
            return Err(StoreError::Damaged("an entry is missing"));
        }
        for entry in entries.into_iter().take_while(|entry| entry.seq < end.size()) {
            if entry.seq != head.size() {
                return Err(StoreError::Damaged("an entry is missing"));
            }
            head.frontier.push(leaf_hash(&entry.bytes));
            if let Some(record) = consent_record(&entry.bytes) {
                head.consents = head.size();
                records.push(record);
            }
            passed(&head);
        }
    }
    if head != end {
        return Err(StoreError::Damaged("the head row does not follow from the entries"));
    }
    let subjects = transaction.subjects_of(&records)?;
    let lost = subjects.iter().any(Option::is_none);
    if lost {
        return Err(StoreError::Damaged("a consent record is missing"));
    }
    Ok(subjects.into_iter().flatten().collect())
}

/// The consent record that an entry is an event of.
fn consent_record(bytes: &[u8]) -> Option<Uuid> {
    let members = crate::ledger::canonical::Members::read(bytes).ok()?;
    let record = members.text("record").filter(|_| members.text("type") == Some("consent"))?;
    Uuid::try_parse(record).ok()
}
