//! What a request reads: a subject's key, consents and blocks, from a bounded cache in front of
//! the engine.
//!
//! Invariants:
//! 1. The snapshot that [`Reader::facts`] gives is the size of the ledger that this process has
//!    *seen*: the recorder has dropped from the cache every subject that an entry below it
//!    concerns. It is loaded before any subject is looked up.
//! 2. Facts are put into the cache only through a placeholder taken before the engine was asked.
//!    Dropping a subject removes its placeholder too, so a slow read cannot put back what a commit
//!    has just made old.
//! 3. The recorder commits, drops the subjects concerned, raises the size seen, and only then
//!    releases those who wait. So once an event of a consent or block has been acknowledged, no
//!    later call gives the facts from before it.
//! 4. Events of other processes are not seen until the recorder reads the head again. The facts may
//!    then be older than the ledger, but never newer than the snapshot says, and the guard of the
//!    append finds every event at or above the snapshot.
//! 5. A failed read is an error, never the answer that a subject has no consent or block.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::{Cache, GuardResult};
use uuid::Uuid;

use super::{
    Facts, Lookup, Snapshot, StoreError, StoreSecret, StoredDecision, StoredEntry, StoredRecord,
    SubjectRef,
};
use crate::consent::Terms;
use crate::consent::block::{self, Block};
use crate::ledger::entry::RecordKind;
use crate::ledger::line::SubjectKey;

/// The read side of a store; clones share one cache.
#[derive(Clone)]
pub struct Reader {
    shared: Arc<Shared>,
}

/// What is known of one subject.
#[derive(Clone, Debug, PartialEq)]
pub struct SubjectFacts {
    /// How the store knows the subject.
    pub reference: SubjectRef,
    /// The subject's own key, with which its tags are made.
    pub key: SubjectKey,
    /// The terms of every consent record; the one whose last event is the newest comes last.
    pub consents: Vec<Terms>,
    /// The terms of every block in force.
    pub blocks: Vec<block::Terms>,
}

struct Shared {
    lookup: Box<dyn Lookup>,
    secret: StoreSecret,
    cache: Cache<SubjectRef, Facts>,
    seen: AtomicU64,
}

impl Reader {
    /// Puts a cache for a number of subjects in front of an engine.
    ///
    /// # Errors
    /// The head cannot be read.
    pub fn new(
        lookup: Box<dyn Lookup>,
        secret: StoreSecret,
        subjects_max: usize,
    ) -> Result<Self, StoreError> {
        let seen = AtomicU64::new(lookup.head()?.size());
        let cache = Cache::new(subjects_max.max(1));
        Ok(Self { shared: Arc::new(Shared { lookup, secret, cache, seen }) })
    }

    /// How the store knows the subject with this identifier in this scheme, such as `iin`.
    #[must_use]
    pub fn reference(&self, scheme: &str, identifier: &str) -> SubjectRef {
        self.shared.secret.reference(scheme, identifier)
    }

    /// The snapshot, and what is known of each subject, `None` of one that is not known.
    ///
    /// The snapshot is for [`super::Guard`]: an append with it fails if any of these subjects has
    /// an event of a consent or block that the facts may not show.
    ///
    /// # Errors
    /// The store failed or holds what this program cannot read; nothing is then known.
    pub fn facts(&self, refs: &[SubjectRef]) -> Result<(u64, Vec<Facts>), StoreError> {
        // INVARIANT 1: before the lookups.
        let snapshot = self.size();
        let facts = refs.iter().map(|reference| self.subject(reference));
        Ok((snapshot, facts.collect::<Result<_, _>>()?))
    }

    /// The number of entries that this process has seen.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.shared.seen.load(Ordering::Acquire)
    }

    /// The entry of a decision, with its subject lines and outcome.
    ///
    /// # Errors
    /// The store failed.
    pub fn decision(&self, did: &Uuid) -> Result<Option<StoredDecision>, StoreError> {
        self.shared.lookup.decision(did)
    }

    /// The ids and canonical JSON of a subject's consent records.
    ///
    /// # Errors
    /// The store failed.
    pub fn consents(&self, of: &SubjectRef) -> Result<Vec<(Uuid, Vec<u8>)>, StoreError> {
        let records = self.lookup().subject(of)?.map(|subject| subject.records);
        let consents = records.unwrap_or_default().into_iter();
        let consents = consents.filter(|(kind, ..)| *kind == RecordKind::Consent);
        Ok(consents.map(|(_, record, body)| (record, body)).collect())
    }

    /// A record.
    ///
    /// # Errors
    /// The store failed.
    pub fn record(&self, record: &Uuid) -> Result<Option<StoredRecord>, StoreError> {
        self.lookup().record(record)
    }

    /// All block records, the one whose last event is the newest last.
    ///
    /// # Errors
    /// The store failed.
    pub fn blocks(&self) -> Result<Vec<StoredRecord>, StoreError> {
        self.lookup().blocks()
    }

    /// The entries from a position on, in order, read page by page.
    pub fn entries(&self, from: u64) -> impl Iterator<Item = Result<StoredEntry, StoreError>> {
        pages(from, |from| self.shared.lookup.entries(from, PAGE))
    }

    /// The newest checkpoint's note.
    ///
    /// # Errors
    /// The store failed.
    pub fn latest_checkpoint(&self) -> Result<Option<String>, StoreError> {
        self.shared.lookup.latest_checkpoint()
    }

    /// One consistent state of the whole store, for [`super::audit`].
    ///
    /// # Errors
    /// The store failed.
    pub fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        self.shared.lookup.snapshot()
    }

    /// Drops subjects from the cache, and whoever is just reading them finds no place to put them.
    pub(super) fn forget(&self, subjects: impl IntoIterator<Item = SubjectRef>) {
        for subject in subjects {
            self.shared.cache.remove(&subject);
        }
    }

    /// Drops every subject.
    pub(super) fn forget_all(&self) {
        self.shared.cache.clear();
    }

    /// Raises the size seen; every subject concerned must have been dropped before.
    pub(super) fn saw(&self, size: u64) {
        self.shared.seen.store(size, Ordering::Release);
    }

    pub(super) fn secret(&self) -> &StoreSecret {
        &self.shared.secret
    }

    pub(super) fn lookup(&self) -> &dyn Lookup {
        &*self.shared.lookup
    }

    fn subject(&self, reference: &SubjectRef) -> Result<Facts, StoreError> {
        match self.shared.cache.get_value_or_guard(reference, None) {
            GuardResult::Value(facts) => Ok(facts),
            GuardResult::Guard(place) => {
                let facts = self.read(reference)?;
                // INVARIANT 2: refused if the subject was dropped meanwhile.
                let _ = place.insert(facts.clone());
                Ok(facts)
            }
            GuardResult::Timeout => self.read(reference),
        }
    }

    fn read(&self, reference: &SubjectRef) -> Result<Facts, StoreError> {
        let Some(stored) = self.shared.lookup.subject(reference)? else { return Ok(None) };
        let key = self.shared.secret.unwrap(reference, &stored.key)?;
        let (mut consents, mut blocks) = (Vec::new(), Vec::new());
        for (kind, _, body) in &stored.records {
            match kind {
                RecordKind::Consent => consents.push(
                    Terms::read(body)
                        .map_err(|_| StoreError::Damaged("a consent record cannot be read"))?,
                ),
                RecordKind::Block => blocks.extend(block::Terms::of(
                    &Block::read(body)
                        .map_err(|_| StoreError::Damaged("a block record cannot be read"))?,
                )),
            }
        }
        Ok(Some(Arc::new(SubjectFacts { reference: *reference, key, consents, blocks })))
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader at {}", self.size())
    }
}

/// Goes through entries page by page; after an error nothing more comes.
pub(super) fn pages(
    from: u64,
    mut page: impl FnMut(u64) -> Result<Vec<StoredEntry>, StoreError>,
) -> impl Iterator<Item = Result<StoredEntry, StoreError>> {
    let mut next = Some(from);
    std::iter::from_fn(move || {
        let entries = match page(next?) {
            Ok(entries) => entries,
            Err(error) => {
                next = None;
                return Some(vec![Err(error)]);
            }
        };
        next = entries.last().and_then(|entry| entry.seq.checked_add(1));
        (!entries.is_empty()).then(|| entries.into_iter().map(Ok).collect::<Vec<_>>())
    })
    .flatten()
}

// Entries of some 1 KiB, so about half a mebibyte.
pub(super) const PAGE: usize = 512;
