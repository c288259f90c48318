//! The recorder: one thread that owns the write connection.
//!
//! It takes whatever waits as one batch, writes it in one transaction, syncs once, and then
//! releases all who wait; the next batch forms meanwhile.
//!
//! Invariants:
//! 1. A position is given only after its transaction has committed.
//! 2. An append whose guard names a subject with an event of a consent or block at or after its
//!    snapshot is not written. Events earlier in the same batch count.
//! 3. An append that would take a partner beyond its quota of the day is not written. Appends
//!    earlier in the same batch count.
//! 4. After any failed write or commit nothing is accepted until the store has been opened anew,
//!    its pages have been written again and its head re-derived from the last head that this
//!    process knew. That is tried at most once a second, and recorded as `store-recovered`.
//! 5. A root is signed only if this process has derived it from the entries' own bytes, and only
//!    after they are on disk.
//! 6. A key list is written only with the entry that says it was taken, and only over one of a
//!    lower number.

mod work;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use uuid::Uuid;

use super::queue::{AbandonAtEnd, Job, Queue, Reply};
use super::{QuotaUse, Reader, RuleFile, Store, StoreError, SubjectRef, TakenList};
use crate::ledger::checkpoint::LogKey;
use crate::ledger::entry::{Entry, Receipt};
use crate::ledger::line::SubjectKey;
use crate::time::Clock;

/// What the recorder is told at its start.
#[derive(Debug)]
pub struct Options {
    /// The most appends that may wait; more are refused as [`Unrecorded::Busy`].
    pub queue_max: usize,
    /// The most appends of one transaction.
    pub batch_max: usize,
    /// The shortest time between two checkpoints of a growing ledger.
    pub checkpoint_interval: Duration,
    /// The key that signs checkpoints; its name is the log's origin. Without it none are made.
    pub signer: Option<LogKey>,
    /// The file outside the store that always holds the newest checkpoint.
    pub publish: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            queue_max: 4096,
            batch_max: 256,
            checkpoint_interval: Duration::from_secs(1),
            signer: None,
            publish: None,
        }
    }
}

/// One entry to append, with what is written together with it.
#[derive(Clone, Debug)]
pub struct Append {
    /// The entry.
    pub entry: Entry,
    /// The subject lines of a disclosure or refusal.
    pub lines: Option<Vec<u8>>,
    /// Subjects that the entry or its lines tag for the first time.
    pub new_subjects: Vec<NewSubject>,
    /// What the decision was based on.
    pub guard: Option<Guard>,
    /// The record that the entry's event made or changed.
    pub record: Option<RecordRow>,
    /// What the disclosure takes of its partner's quota.
    pub quota: Option<QuotaUse>,
    /// The rule files that an activation names; those that are kept already stay.
    pub rule_files: Vec<RuleFile>,
    /// The receipt that stands right before an outcome.
    pub receipt: Option<Receipt>,
    /// The key list that was taken.
    pub key_list: Option<TakenList>,
}

impl Append {
    /// An entry that nothing else is written with.
    #[must_use]
    pub const fn plain(entry: Entry) -> Self {
        Self {
            entry,
            lines: None,
            new_subjects: Vec::new(),
            guard: None,
            record: None,
            quota: None,
            rule_files: Vec::new(),
            receipt: None,
            key_list: None,
        }
    }
}

/// A subject that the store does not know yet.
#[derive(Clone, Debug)]
pub struct NewSubject {
    /// How the store will know the subject.
    pub reference: SubjectRef,
    /// The subject's own key.
    pub key: SubjectKey,
}

impl NewSubject {
    /// A subject with a new random key.
    ///
    /// # Errors
    /// The operating system gave no random bytes.
    pub fn random(reference: SubjectRef) -> Result<Self, StoreError> {
        Ok(Self { reference, key: super::random_key()? })
    }
}

/// The facts that a decision was based on: if an event of a consent or block of any of these
/// subjects has come at or after the snapshot, the append is refused as [`Unrecorded::Stale`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// The snapshot that [`Reader::facts`] gave.
    pub snapshot: u64,
    /// The subjects, known or not.
    pub subjects: Vec<SubjectRef>,
}

/// A record after an event, which says what kind it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordRow {
    /// The subject; [`SubjectRef::EVERYONE`] for a block that names none.
    pub subject: SubjectRef,
    /// The record's id.
    pub record: Uuid,
    /// The record's canonical JSON.
    pub body: Vec<u8>,
}

/// Where an entry is, on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The entry's number, counted from 0.
    pub seq: u64,
}

/// Why an entry was not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrecorded {
    /// Too many appends are waiting.
    #[error("too many entries are waiting to be recorded")]
    Busy,
    /// An event of a consent or block, or a new subject, came after the snapshot: read the facts
    /// and decide again.
    #[error("the consents or blocks changed since they were read")]
    Stale,
    /// The store failed and has not been found well since. An entry whose commit failed may still
    /// have been written.
    #[error("the ledger cannot be written")]
    Stopped,
    /// More may not go to the partner on this day.
    #[error("the partner's quota of the day would be exceeded")]
    Quota,
    /// The record's id belongs to another subject, or to a record of another kind.
    #[error("the record's id belongs to another")]
    RecordTaken,
    /// An event without its record, a record without its event, or of another id; a receipt that
    /// is not of its outcome's disclosure.
    #[error("the event and the record do not belong together")]
    RecordMismatch,
    /// The disclosure has an outcome already.
    #[error("the disclosure already has an outcome")]
    Settled,
    /// That key list of the owner, or a later one, was taken already.
    #[error("a key list of this number, or a later one, was taken already")]
    Superseded,
}

/// The one way into the ledger; clones share one thread.
#[derive(Clone, Debug)]
pub struct Recorder {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    queue: Arc<Queue>,
    reader: Reader,
    batch_max: usize,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Recorder {
    /// Checks the ledger against its checkpoints and starts the thread.
    ///
    /// # Errors
    /// The store is behind its published checkpoint, does not follow it, or failed.
    pub fn start(
        store: Box<dyn Store>,
        reader: Reader,
        options: Options,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let queue = Arc::new(Queue::new(options.queue_max));
        let batch_max = options.batch_max.max(1);
        let worker =
            work::Worker::new(store, reader.clone(), Arc::clone(&queue), (options, clock))?;
        let abandon = AbandonAtEnd(Arc::clone(&queue));
        let thread = std::thread::Builder::new().name("recorder".to_owned()).spawn(move || {
            let _abandon = abandon;
            worker.run();
        })?;
        let thread = Mutex::new(Some(thread));
        Ok(Self { shared: Arc::new(Shared { queue, reader, batch_max, thread }) })
    }

    /// Appends one entry and returns its position once it is on disk.
    ///
    /// Dropping the future does not take the entry back.
    ///
    /// # Errors
    /// See [`Unrecorded`].
    pub async fn append(&self, append: Append) -> Result<Position, Unrecorded> {
        self.begin(append).await.unwrap_or(Err(Unrecorded::Stopped))
    }

    /// Hands one entry over; what is given tells once it is on disk.
    pub(super) fn begin(&self, append: Append) -> oneshot::Receiver<Result<Position, Unrecorded>> {
        let (reply, answer) = oneshot::channel();
        self.shared.queue.push(Job { append, reply: Reply::task(reply) });
        answer
    }

    /// The most entries of one transaction.
    pub(super) fn batch_max(&self) -> usize {
        self.shared.batch_max
    }

    /// Appends many entries, each answered for itself, waiting where [`Self::append`] would be
    /// busy.
    ///
    /// Blocks the thread, so it is for imports, never for async code. At most two batches of them
    /// wait at once, which leaves the rest of the queue to transfers.
    #[must_use]
    pub fn append_blocking(&self, appends: Vec<Append>) -> Vec<Result<Position, Unrecorded>> {
        let mut answers = vec![Err(Unrecorded::Stopped); appends.len()];
        let (reply, answered) = mpsc::channel();
        let mut waiting = 0_usize;
        let mut take = || {
            let Ok((number, answer)) = answered.recv() else { return };
            if let Some(place) = answers.get_mut(number) {
                *place = answer;
            }
        };
        for (number, append) in appends.into_iter().enumerate() {
            if waiting >= self.shared.batch_max.saturating_mul(2) {
                take();
                waiting -= 1;
            }
            let reply = Reply::thread(number, reply.clone());
            self.shared.queue.push_waiting(Job { append, reply });
            waiting += 1;
        }
        (0..waiting).for_each(|_| take());
        answers
    }

    /// The number of entries on disk.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.shared.reader.size()
    }

    /// The number of appends that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.queue.len()
    }

    /// Whether the store has failed and not been found well since.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.shared.queue.is_stopped()
    }

    /// Records what waits, signs a last checkpoint and ends the thread; later appends are refused.
    pub fn close(&self) {
        self.shared.close();
    }
}

impl Shared {
    fn close(&self) {
        self.queue.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the recorder's thread panicked");
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
pub(crate) mod tests;
