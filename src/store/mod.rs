//! Where the ledger and what belongs to it are kept, and the one place that writes them.
//!
//! | module | what |
//! |---|---|
//! | [`recorder`] | one thread that owns the write connection: batches, commits, checkpoints |
//! | [`reader`] | what a request reads: a subject's key, consents and blocks, cached |
//! | [`sqlite`] | the embedded engine |
//! | [`secret`] | the store's secret: how subjects are found and their keys wrapped |
//! | [`reveal`] | which value a pseudonym stands for, once it is on record that it is said |
//! | [`audit`] | runs [`crate::ledger::verify`] over one snapshot of a store |
//!
//! An engine is three traits. [`Store`] is the write side; its [`Transaction`] holds the head row
//! locked, so that any number of processes append to one gap-free sequence. [`Lookup`] is the read
//! side, and [`Snapshot`] a long consistent read for those who go through everything.
//!
//! Invariants:
//! 1. A position is handed out only after the transaction that wrote it has been synced to disk.
//! 2. The head row is written with the entries that it counts, in one transaction.
//! 3. Entries are only ever inserted; no statement of an engine changes or deletes one.

use jiff::civil::Date;
use uuid::Uuid;

use crate::ledger::entry::RecordKind;
use crate::ledger::line::SubjectKey;
use crate::ledger::tree::{Frontier, Hash};
use crate::tls::FileFault;
use crate::vocabulary::Name;

pub mod audit;
pub mod blocks;
pub mod disclosure;
pub mod key_lists;
pub mod consents;
mod publish;
mod queue;
pub mod quota;
pub mod reader;
pub mod recorder;
pub mod reveal;
pub mod roll;
pub mod rule_files;
pub mod secret;
pub mod sqlite;
mod stage;

pub use blocks::{Blocks, NewBlock, Unblocked};
pub use consents::{Consents, Unchanged, Withdrawal};
pub use disclosure::{Disclosed, Fate, Recorded, Settled};
pub use key_lists::{ListOwner, TakenList};
pub use quota::{QuotaUse, Used};
pub use reader::{Reader, SubjectFacts};
pub use recorder::{Append, Guard, NewSubject, Position, RecordRow, Recorder, Unrecorded};
pub use roll::Roll;
pub use rule_files::RuleFile;
pub use secret::{StoreSecret, SubjectRef};

/// The write side of an engine: one connection, owned by one thread.
pub trait Store: Send {
    /// Begins a transaction and locks the head row until it ends.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process held the lock for too long.
    fn begin(&mut self) -> Result<Box<dyn Transaction + '_>, StoreError>;

    /// Reads the head row without locking it.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn head(&mut self) -> Result<Head, StoreError>;

    /// The newest checkpoints, newest first, at most `max`.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn checkpoints(&mut self, max: usize) -> Result<Vec<StoredCheckpoint>, StoreError>;

    /// Keeps a checkpoint with its frontier, and drops the frontiers of those older than the newest
    /// one at or below `published`.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn keep(&mut self, checkpoint: &StoredCheckpoint, published: u64) -> Result<(), StoreError>;

    /// Opens the store anew after a failure, and has every page that may not have reached the disk
    /// written again.
    ///
    /// # Errors
    /// The store is still not well.
    fn recover(&mut self) -> Result<(), StoreError>;
}

/// A transaction that holds the head row. Dropping it undoes it.
pub trait Transaction {
    /// The head as it is locked.
    fn head(&self) -> &Head;

    /// Up to `max` entries from a position on, in order.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn entries(&mut self, from: u64, max: usize) -> Result<Vec<StoredEntry>, StoreError>;

    /// The position of the newest event of each subject's records, if it ever had one.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn newest_events(&mut self, of: &[SubjectRef]) -> Result<Vec<Option<u64>>, StoreError>;

    /// Whether each subject is known.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn known(&mut self, subjects: &[SubjectRef]) -> Result<Vec<bool>, StoreError>;

    /// The kind of each record and the subject it belongs to, if it exists.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn owners(&mut self, records: &[Uuid]) -> Result<Vec<Option<Owner>>, StoreError>;

    /// Whether each disclosure, given by position, has an outcome.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn settled(&mut self, disclosures: &[u64]) -> Result<Vec<bool>, StoreError>;

    /// How much has gone to each partner on a day.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn used(&mut self, of: &[(Name, Date)]) -> Result<Vec<Used>, StoreError>;

    /// Whether data of each subject have gone to a partner on a day.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn counted(&mut self, of: &[(Name, Date, SubjectRef)]) -> Result<Vec<bool>, StoreError>;

    /// The number of the newest key list that was taken of each owner.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn list_numbers(&mut self, of: &[ListOwner]) -> Result<Vec<Option<u64>>, StoreError>;

    /// Writes a batch.
    ///
    /// # Errors
    /// Any failure of the engine; the transaction must then be dropped.
    fn write(&mut self, batch: &Batch) -> Result<(), StoreError>;

    /// Commits, and returns once everything is on disk.
    ///
    /// # Errors
    /// Any failure; the batch may or may not have been written.
    fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

/// The read side of an engine, shared by many threads.
pub trait Lookup: Send + Sync {
    /// The head row.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn head(&self) -> Result<Head, StoreError>;

    /// A subject's wrapped key and records, read in one snapshot; the record whose last event is
    /// the newest comes last.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn subject(&self, reference: &SubjectRef) -> Result<Option<StoredSubject>, StoreError>;

    /// A record.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn record(&self, record: &Uuid) -> Result<Option<StoredRecord>, StoreError>;

    /// All block records, the one whose last event is the newest last.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn blocks(&self) -> Result<Vec<StoredRecord>, StoreError>;

    /// The bytes of a rule file, by their SHA-256.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn rule_file(&self, sha256: &Hash) -> Result<Option<Vec<u8>>, StoreError>;

    /// The newest key list that was taken of an owner.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn key_list(&self, owner: &ListOwner) -> Result<Option<TakenList>, StoreError>;

    /// The entry of a decision, with its subject lines and outcome.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn decision(&self, did: &Uuid) -> Result<Option<StoredDecision>, StoreError>;

    /// Up to `max` entries from a position on, in order.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn entries(&self, from: u64, max: usize) -> Result<Vec<StoredEntry>, StoreError>;

    /// The newest checkpoint's note.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn latest_checkpoint(&self) -> Result<Option<String>, StoreError>;

    /// Begins a long consistent read.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError>;
}

/// One consistent state of a whole store, read piece by piece.
pub trait Snapshot {
    /// The head row.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn head(&mut self) -> Result<Head, StoreError>;

    /// Up to `max` entries from a position on, in order.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn entries(&mut self, from: u64, max: usize) -> Result<Vec<StoredEntry>, StoreError>;

    /// Up to `max` checkpoints of a size above `after`, in order.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn checkpoints(&mut self, after: u64, max: usize) -> Result<Vec<StoredCheckpoint>, StoreError>;

    /// Up to `max` records, the first ones or those with an id above `after`, in order.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn records(&mut self, after: Option<Uuid>, max: usize)
    -> Result<Vec<StoredRecord>, StoreError>;

    /// A record, by its id.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn record(&mut self, id: &Uuid) -> Result<Option<StoredRecord>, StoreError>;

    /// The records of a subject, in the order of their last events.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn records_of(&mut self, subject: &SubjectRef) -> Result<Vec<StoredRecord>, StoreError>;

    /// The entry of a decision, with its subject lines and outcome.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn decision(&mut self, did: &Uuid) -> Result<Option<StoredDecision>, StoreError>;

    /// The bytes of the rule file with this SHA-256.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn rule_bytes(&mut self, sha256: &Hash) -> Result<Option<Vec<u8>>, StoreError>;

    /// The first rule file, or the first of a SHA-256 above `after`.
    ///
    /// # Errors
    /// Any failure of the engine.
    fn rule_file(&mut self, after: Option<Hash>) -> Result<Option<RuleFile>, StoreError>;
}

/// The head row: what is in the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The right edge of the tree over all entries; its size is the ledger's.
    pub frontier: Frontier,
    /// The size of the ledger right after the newest event of a record, 0 before the first.
    pub records: u64,
}

impl Head {
    /// The number of entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.frontier.size()
    }
}

/// What one transaction writes.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The entries, in order, following those that are there.
    pub entries: Vec<NewEntry>,
    /// New subjects.
    pub subjects: Vec<(SubjectRef, WrappedKey)>,
    /// Records, new or changed, in the order of their events.
    pub records: Vec<StoredRecord>,
    /// Rule files; those that are kept already stay.
    pub rule_files: Vec<RuleFile>,
    /// Key lists that were taken, each in the place of the one before.
    pub key_lists: Vec<TakenList>,
    /// What has gone to partners, after the batch.
    pub quotas: quota::Taken,
    /// The head after the batch.
    pub head: Head,
}

/// One entry to be written.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// The entry as it is kept.
    pub stored: StoredEntry,
    /// How it is found.
    pub index: Index,
}

/// How an entry is found, besides by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// Not at all.
    None,
    /// By the decision's id.
    Decision(Uuid),
    /// As the outcome of the disclosure at a position.
    OutcomeOf(u64),
}

/// One entry as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// The position.
    pub seq: u64,
    /// The canonical bytes.
    pub bytes: Vec<u8>,
    /// The leaf hash.
    pub leaf: Hash,
    /// The subject lines.
    pub lines: Option<Vec<u8>>,
}

/// One checkpoint as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// The number of entries that it covers.
    pub size: u64,
    /// The signed note.
    pub note: String,
    /// The right edge of the tree at that size, kept for the newest few.
    pub frontier: Option<Frontier>,
}

/// One consent or block record as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// What it is.
    pub kind: RecordKind,
    /// The subject; [`SubjectRef::EVERYONE`] for a block that names none.
    pub subject: SubjectRef,
    /// The position of the record's last event.
    pub seq: u64,
    /// The record's id.
    pub record: Uuid,
    /// The record's canonical JSON.
    pub body: Vec<u8>,
}

/// One subject as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSubject {
    /// The subject's key, wrapped.
    pub key: WrappedKey,
    /// The records' kinds, ids and canonical JSON.
    pub records: Vec<(RecordKind, Uuid, Vec<u8>)>,
}

/// What a record is, and the subject it belongs to.
pub type Owner = (RecordKind, SubjectRef);

/// A subject's key as it is kept: nonce (24 bytes) ‖ XChaCha20-Poly1305 ciphertext and tag (48).
pub type WrappedKey = Vec<u8>;

/// One decision as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDecision {
    /// The position of the entry.
    pub seq: u64,
    /// The canonical bytes of the disclosure or refusal.
    pub entry: Vec<u8>,
    /// The subject lines.
    pub lines: Option<Vec<u8>>,
    /// The canonical bytes of the outcome, once there is one.
    pub outcome: Option<Vec<u8>>,
    /// The canonical bytes of the receipt, if there is one.
    pub receipt: Option<Vec<u8>>,
}

/// What a request knows of one subject.
pub type Facts = Option<std::sync::Arc<SubjectFacts>>;

/// Why the store cannot be used. No message holds a value that somebody sent.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process held the store for too long.
    #[error("the store is locked by another process")]
    Locked,
    /// The engine failed.
    #[error("the store failed")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is stored is not what this program writes.
    #[error("the store is damaged: {0}")]
    Damaged(&'static str),
    /// A setting that durability needs did not hold.
    #[error(
        "the store does not keep the setting `{name}` at `{wanted}`, so a record could be lost"
    )]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// What it must be.
        wanted: &'static str,
    },
    /// The tables are not those of this program.
    #[error("the store's schema is not this program's: {0}")]
    Schema(&'static str),
    /// The secret is of another store.
    #[error("the store was made with another secret")]
    OtherSecret,
    /// The secret's file cannot be used.
    #[error("the secret file cannot be used: {0}")]
    Secret(&'static str),
    /// The secret's file cannot be read, or is open to others.
    #[error(transparent)]
    SecretFile(#[from] FileFault),
    /// A file operation failed.
    #[error("a file of the store failed")]
    File(#[from] std::io::Error),
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    Randomness,
    /// The published checkpoint or a stored one does not fit the ledger.
    #[error("the ledger does not follow its checkpoint: {0}")]
    Checkpoint(&'static str),
}

/// Makes a new random key for a subject.
///
/// # Errors
/// The operating system gave no random bytes.
pub fn random_key() -> Result<SubjectKey, StoreError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| StoreError::Randomness)?;
    let key = SubjectKey::from_bytes(bytes);
    zeroize::Zeroize::zeroize(&mut bytes);
    Ok(key)
}
