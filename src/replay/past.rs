//! What a consent record was at a place in the ledger: the events that had been recorded by then.

use std::collections::{HashMap, HashSet};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::consent::{Record, Terms};
use crate::ledger::canonical::Members;
use crate::ledger::entry::RecordKind;
use crate::ledger::tree::Hash;
use crate::store::{Snapshot, StoreError, StoredEntry, StoredRecord};

/// The records that change again later, as they were at a place in the ledger.
///
/// Whoever goes through the ledger from its beginning hands over each entry. Of a record that is
/// what it was left as, nothing is kept: that is nearly all of them.
#[derive(Debug, Default)]
pub struct Past {
    open: HashMap<Uuid, Hash>,
}

impl Past {
    /// Takes the next entry.
    ///
    /// # Errors
    /// The store failed.
    pub fn pass(
        &mut self,
        snapshot: &mut dyn Snapshot,
        entry: &StoredEntry,
    ) -> Result<(), StoreError> {
        let Some((record, digest)) = consent_event(&entry.bytes) else { return Ok(()) };
        match snapshot.record(&record)? {
            Some(stored) if stored.seq > entry.seq => self.open.insert(record, digest),
            _ => self.open.remove(&record),
        };
        Ok(())
    }

    /// The terms of a subject's consents as they were before an entry; `None` where
    /// the record that names the subject is gone.
    ///
    /// # Errors
    /// The store failed, or holds what this program cannot read.
    pub fn consents(
        &self,
        snapshot: &mut dyn Snapshot,
        record: &Uuid,
        before: u64,
    ) -> Result<Option<Vec<Terms>>, StoreError> {
        let Some(named) = snapshot.record(record)? else { return Ok(None) };
        let mut terms = Vec::new();
        for stored in snapshot.records_of(&named.subject)? {
            if stored.kind == RecordKind::Consent {
                let digest = self.open.get(&stored.record);
                terms.extend(as_it_was(&stored, digest, before)?);
            }
        }
        Ok(Some(terms))
    }

    /// As if every entry before one had been handed over, for the records of the subjects whom
    /// some records name: goes back from there until each that changed since is found.
    ///
    /// # Errors
    /// The store failed.
    pub fn before<'r>(
        snapshot: &mut dyn Snapshot,
        records: impl Iterator<Item = &'r Uuid>,
        before: u64,
    ) -> Result<Self, StoreError> {
        let (mut past, mut wanted) = (Self::default(), HashSet::new());
        for record in records {
            let Some(named) = snapshot.record(record)? else { continue };
            let stored = snapshot.records_of(&named.subject)?.into_iter();
            let changed =
                |stored: &StoredRecord| stored.kind == RecordKind::Consent && stored.seq >= before;
            wanted.extend(stored.filter(changed).map(|stored| stored.record));
        }
        let mut end = before;
        while end > 0 && !wanted.is_empty() {
            let start = end.saturating_sub(PAGE);
            let page =
                snapshot.entries(start, usize::try_from(end - start).unwrap_or(usize::MAX))?;
            for entry in page.iter().rev().filter(|entry| entry.seq < end) {
                let Some((record, digest)) = consent_event(&entry.bytes) else { continue };
                if wanted.remove(&record) {
                    past.open.insert(record, digest);
                }
            }
            end = start;
        }
        Ok(past)
    }
}

/// The terms after the events that an entry's digest was made of; `None` before the first one.
fn as_it_was(
    stored: &StoredRecord,
    digest: Option<&Hash>,
    before: u64,
) -> Result<Option<Terms>, StoreError> {
    const DAMAGED: StoreError = StoreError::Damaged("a consent record cannot be read");
    let mut record: Record = serde_json::from_slice(&stored.body).map_err(|_| DAMAGED)?;
    if stored.seq >= before {
        let Some(digest) = digest else { return Ok(None) };
        loop {
            let bytes = record.bytes().map_err(|_| DAMAGED)?;
            if Sha256::digest(&bytes).as_slice() == digest {
                break;
            }
            record.events.pop().ok_or(DAMAGED)?;
        }
    }
    Terms::of(&record).map(Some).ok_or(DAMAGED)
}

/// The record that an entry is a consent event of, and the digest of it after that.
fn consent_event(bytes: &[u8]) -> Option<(Uuid, Hash)> {
    let members = Members::read(bytes).ok()?;
    members.text("type").filter(|kind| *kind == RecordKind::Consent.word())?;
    let record = Uuid::try_parse(members.text("record")?).ok()?;
    let digest = HEXLOWER.decode(members.text("digest")?.as_bytes()).ok()?;
    Some((record, digest.try_into().ok()?))
}

const PAGE: u64 = 512;
