//! From appends to a batch: each is checked against the ledger and the appends before it, given its
//! position and turned into bytes. Nothing is written here.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::key_lists::Numbers;
use super::queue::Answer;
use super::quota::Quotas;
use super::recorder::{Append, Position, Unrecorded};
use super::{
    Batch, Head, Index, NewEntry, Owner, StoreError, StoreSecret, StoredEntry, StoredRecord,
    SubjectRef, Transaction,
};
use crate::ledger::entry::{Entry, Receipt, RecordKind};
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
    events: HashMap<SubjectRef, u64>,
    subjects: HashSet<SubjectRef>,
    records: HashMap<Uuid, Owner>,
    settled: HashSet<u64>,
    quotas: Quotas,
    lists: Numbers,
}

impl Seen {
    fn look_up(transaction: &mut dyn Transaction, appends: &[Append]) -> Result<Self, StoreError> {
        let newest = transaction.head().records;
        let guards = appends.iter().filter_map(|append| append.guard.as_ref());
        // Only where some event is newer than the snapshot are the subjects looked at.
        let guarded: HashSet<_> = guards
            .filter(|guard| guard.snapshot < newest)
            .flat_map(|guard| guard.subjects.iter().copied())
            .collect();
        let guarded = Vec::from_iter(guarded);
        let new = appends.iter().flat_map(|append| &append.new_subjects);
        let new: Vec<_> = new.map(|subject| subject.reference).collect();
        let rows = appends.iter().filter_map(|append| append.record.as_ref());
        let records: Vec<_> = rows.map(|row| row.record).collect();
        let settles: Vec<_> = appends.iter().filter_map(|append| settles(&append.entry)).collect();

        let events = transaction.newest_events(&guarded)?;
        let known = transaction.known(&new)?;
        let owners = transaction.owners(&records)?;
        let settled = transaction.settled(&settles)?;
        Ok(Self {
            events: guarded.iter().zip(events).filter_map(|(s, seq)| Some((*s, seq?))).collect(),
            subjects: new.iter().zip(known).filter_map(|(s, is)| is.then_some(*s)).collect(),
            records: records.iter().zip(owners).filter_map(|(r, s)| Some((*r, s?))).collect(),
            settled: settles.iter().zip(settled).filter_map(|(d, is)| is.then_some(*d)).collect(),
            quotas: Quotas::look_up(transaction, appends)?,
            lists: Numbers::look_up(transaction, appends)?,
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
        let Append { entry, new_subjects, guard, record, quota, receipt, .. } = append;
        let newest = self.batch.head.records;
        let old = guard.as_ref().is_some_and(|guard| {
            let newer =
                |s: &SubjectRef| self.seen.events.get(s).is_some_and(|seq| *seq >= guard.snapshot);
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
        match (entry.record(), record) {
            (None, None) => {}
            (Some((kind, id)), Some(row)) if id == row.record => {
                let owner = self.seen.records.get(&id);
                if owner.is_some_and(|owner| *owner != (kind, row.subject)) {
                    return Some(Unrecorded::RecordTaken);
                }
            }
            _ => return Some(Unrecorded::RecordMismatch),
        }
        let is_of = |receipt: &Receipt| settles(entry) == Some(receipt.of);
        if !receipt.as_ref().is_none_or(is_of) {
            return Some(Unrecorded::RecordMismatch);
        }
        if settles(entry).is_some_and(|of| self.seen.settled.contains(&of)) {
            return Some(Unrecorded::Settled);
        }
        if append.key_list.as_ref().is_some_and(|list| self.seen.lists.has_passed(list)) {
            return Some(Unrecorded::Superseded);
        }
        let exceeded = quota.as_ref().is_some_and(|take| self.seen.quotas.would_exceed(take));
        exceeded.then_some(Unrecorded::Quota)
    }

    /// Gives an append its position and adds it to the batch.
    fn place(
        &mut self,
        append: Append,
        secret: &StoreSecret,
        now: Timestamp,
    ) -> Result<Position, StoreError> {
        let Append { entry, lines, new_subjects, record, quota, rule_files, .. } = append;
        let (receipt, key_list) = (append.receipt, append.key_list);
        if let Some(receipt) = receipt {
            self.add(&Entry::Receipt(receipt), None, now);
        }
        let seq = self.batch.head.size();
        for new in new_subjects {
            let wrapped = secret.wrap(&new.reference, &new.key)?;
            self.seen.subjects.insert(new.reference);
            self.concerned.push(new.reference);
            self.batch.subjects.push((new.reference, wrapped));
        }
        if let (Some((kind, record)), Some(row)) = (entry.record(), record) {
            let subject = row.subject;
            self.seen.events.insert(subject, seq);
            self.seen.records.insert(record, (kind, subject));
            self.concerned.push(subject);
            self.batch.head.records = seq.saturating_add(1);
            self.batch.records.push(StoredRecord { kind, subject, seq, record, body: row.body });
        }
        if let Some(take) = quota {
            self.seen.quotas.take(&take, &mut self.batch.quotas);
        }
        self.batch.rule_files.extend(rule_files);
        if let Some(list) = key_list {
            self.seen.lists.take(&list);
            self.batch.key_lists.push(list);
        }
        self.seen.settled.extend(settles(&entry));

        self.add(&entry, lines, now);
        Ok(Position { seq })
    }

    /// Adds an entry at the end.
    fn add(&mut self, entry: &Entry, lines: Option<Vec<u8>>, now: Timestamp) {
        let seq = self.batch.head.size();
        let bytes = entry.bytes(seq, now);
        let leaf = leaf_hash(&bytes);
        self.batch.head.frontier.push(leaf);
        let stored = StoredEntry { seq, bytes, leaf, lines };
        self.batch.entries.push(NewEntry { stored, index: index(entry) });
    }
}

fn settles(entry: &Entry) -> Option<u64> {
    match entry {
        Entry::Outcome(outcome) => Some(outcome.of),
        _ => None,
    }
}

const fn index(entry: &Entry) -> Index {
    match entry {
        Entry::Disclosure(entry) => Index::Decision(entry.did),
        Entry::Refusal(entry) => Index::Decision(entry.did),
        Entry::Outcome(entry) => Index::OutcomeOf(entry.of),
        Entry::Activation(_)
        | Entry::Admin(_)
        | Entry::Block(_)
        | Entry::Consent(_)
        | Entry::Receipt(_) => Index::None,
    }
}

/// Follows entries that another process appended, from a head that this one has derived itself.
///
/// Gives the subjects whose consents or blocks they concern. The head row is taken only if it is
/// what the entries' own bytes lead to, so this process never signs a root that it has not derived.
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
            if let Some(record) = record_of(&entry.bytes) {
                head.records = head.size();
                records.push(record);
            }
            passed(&head);
        }
    }
    if head != end {
        return Err(StoreError::Damaged("the head row does not follow from the entries"));
    }
    let owners = transaction.owners(&records)?;
    let lost = owners.iter().any(Option::is_none);
    if lost {
        return Err(StoreError::Damaged("a consent or block record is missing"));
    }
    Ok(owners.into_iter().flatten().map(|(_, subject)| subject).collect())
}

/// The record that an entry is an event of.
fn record_of(bytes: &[u8]) -> Option<Uuid> {
    let members = crate::ledger::canonical::Members::read(bytes).ok()?;
    RecordKind::parse(members.text("type")?)?;
    Uuid::try_parse(members.text("record")?).ok()
}
