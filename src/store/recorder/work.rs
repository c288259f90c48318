//! The recorder's thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::queue::{Answer, Job, Queue, Taken};
use super::super::stage::{Staged, follow, stage};
use super::super::{Head, Reader, Store, StoreError, StoredCheckpoint, publish};
use super::{Append, Options, Unrecorded};
use crate::ledger::checkpoint::{Checkpoint, LogKey};
use crate::ledger::entry::{Admin, Entry};
use crate::ledger::tree::{Frontier, Hash};
use crate::signing::Unsigned;
use crate::time::Clock;

/// What the thread owns.
pub(super) struct Worker {
    store: Box<dyn Store>,
    reader: Reader,
    queue: Arc<Queue>,
    options: Options,
    clock: Arc<dyn Clock>,
    /// The head up to which this process has derived the tree itself.
    head: Head,
    /// The size of the newest checkpoint that is kept, and of the one that is published.
    kept: u64,
    published: u64,
    next_tick: Instant,
    next_sign: Instant,
    next_publish: Instant,
}

impl Worker {
    /// Derives the head from the newest checkpoint that can be trusted, and holds it against the
    /// published one.
    pub(super) fn new(
        store: Box<dyn Store>,
        reader: Reader,
        queue: Arc<Queue>,
        (options, clock): (Options, Arc<dyn Clock>),
    ) -> Result<Self, StoreError> {
        let now = Instant::now();
        let mut worker = Self {
            store,
            reader,
            queue,
            options,
            clock,
            head: Head::default(),
            kept: 0,
            published: 0,
            next_tick: now,
            next_sign: now,
            next_publish: now,
        };
        worker.derive()?;
        Ok(worker)
    }

    pub(super) fn run(mut self) {
        loop {
            match self.queue.take(self.options.batch_max.max(1), self.next_tick) {
                Taken::Jobs(jobs) => self.record(jobs),
                Taken::Nothing => {}
                Taken::Closed => break,
            }
            if Instant::now() >= self.next_tick {
                self.tick();
            }
        }
        if let Err(error) = self.checkpoint() {
            tracing::error!(error = detail(&error), "the last checkpoint was not kept");
        }
    }

    /// Writes one batch and answers it.
    fn record(&mut self, jobs: Vec<Job>) {
        let (appends, replies): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|job| (job.append, job.reply)).unzip();
        match self.commit(appends) {
            Ok(answers) => {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    reply.send(answer);
                }
            }
            Err(StoreError::Locked) => {
                for reply in replies {
                    reply.send(Err(Unrecorded::Busy));
                }
            }
            Err(error) => {
                // Stopped before anyone is told, so that nobody tries again in between.
                self.stop(&error);
                drop(replies);
            }
        }
    }

    /// Writes appends in one transaction. INVARIANT 1: returns after the commit.
    fn commit(&mut self, appends: Vec<Append>) -> Result<Vec<Answer>, StoreError> {
        let mut transaction = self.store.begin()?;
        if *transaction.head() != self.head {
            let subjects = follow(transaction.as_mut(), &self.head, |_| {})?;
            self.head = transaction.head().clone();
            self.reader.forget(subjects);
            self.reader.saw(self.head.size());
        }
        let now = self.clock.now();
        let staged = stage(transaction.as_mut(), appends, self.reader.secret(), now)?;
        let Staged { batch, answers, concerned } = staged;
        if !batch.entries.is_empty() {
            transaction.write(&batch)?;
            transaction.commit()?;
            self.head = batch.head;
        }
        self.reader.forget(concerned);
        self.reader.saw(self.head.size());
        Ok(answers)
    }

    fn stop(&mut self, error: &StoreError) {
        tracing::error!(error = detail(error), "the ledger cannot be written; refusing transfers");
        self.queue.stop();
        self.next_tick = Instant::now() + RECOVERY;
    }

    /// What is done about once a second: recover, or follow other processes and sign.
    fn tick(&mut self) {
        let interval = self.options.checkpoint_interval.clamp(INTERVAL_MIN, PUBLISH);
        self.next_tick = Instant::now() + interval.min(RECOVERY);
        if self.queue.is_stopped() {
            match self.recover() {
                Ok(()) => self.queue.resume(),
                Err(error) => {
                    tracing::error!(error = detail(&error), "the ledger still cannot be written");
                    self.next_tick = Instant::now() + RECOVERY;
                }
            }
            return;
        }
        let followed = self.catch_up();
        let sign = Instant::now() >= self.next_sign;
        let signed = followed.and_then(|()| if sign { self.checkpoint() } else { Ok(()) });
        if sign {
            self.next_sign = Instant::now() + interval;
        }
        match signed {
            Ok(()) | Err(StoreError::Locked) => {}
            Err(error) => self.stop(&error),
        }
    }

    /// INVARIANT 4: accepts again only after an entry has been committed.
    fn recover(&mut self) -> Result<(), StoreError> {
        self.store.recover()?;
        let entry = Entry::Admin(Admin::plain("store-recovered", "recorder".to_owned()));
        self.commit(vec![Append::plain(entry)])?;
        tracing::info!(size = self.head.size(), "the ledger can be written again");
        Ok(())
    }

    /// Follows what other processes appended, if anything.
    fn catch_up(&mut self) -> Result<(), StoreError> {
        if self.store.head()? == self.head {
            return Ok(());
        }
        self.commit(Vec::new()).map(drop)
    }

    /// Signs the head if it is new, keeps the note and publishes it. INVARIANT 5.
    fn checkpoint(&mut self) -> Result<(), StoreError> {
        let Some(signer) = &self.options.signer else { return Ok(()) };
        let size = self.head.size();
        let due = self.published < size || Instant::now() >= self.next_publish;
        if size == 0 || (self.kept == size && !due) || self.queue.is_stopped() {
            return Ok(());
        }
        // As with a place that cannot be written: the ledger goes on, and it is tried again.
        let Ok(note) = note(signer, &self.head.frontier) else {
            tracing::error!("a checkpoint could not be signed");
            return Ok(());
        };
        if self.kept < size {
            let frontier = Some(self.head.frontier.clone());
            let checkpoint = StoredCheckpoint { size, note: note.clone(), frontier };
            let anchor = if self.options.publish.is_some() { self.published } else { size };
            self.store.keep(&checkpoint, anchor)?;
            self.kept = size;
        }
        self.publish(size, &note);
        Ok(())
    }

    /// A place that cannot be written does not stop the ledger: it is tried again with every tick.
    fn publish(&mut self, size: u64, note: &str) {
        let Some(path) = &self.options.publish else {
            self.published = size;
            self.next_publish = Instant::now() + PUBLISH;
            return;
        };
        // Another process may have signed more of the same log in the meantime.
        let stays = |there: &str| {
            let signer = self.options.signer.as_ref();
            let there = signer.and_then(|key| Checkpoint::open(there, key.public()).ok());
            there.is_some_and(|there| there.size > size)
        };
        match publish::replace(path, note.as_bytes(), stays) {
            Ok(()) => {
                self.published = size;
                self.next_publish = Instant::now() + PUBLISH;
            }
            Err(error) => tracing::error!(%error, "the checkpoint could not be published"),
        }
    }

    /// Derives the head anew, at a start.
    fn derive(&mut self) -> Result<(), StoreError> {
        let published = self.published_checkpoint()?;
        let anchors = self.store.checkpoints(ANCHORS)?;
        self.kept = anchors.first().map_or(0, |newest| newest.size);
        let limit = published.as_ref().map_or(u64::MAX, |checkpoint| checkpoint.size);
        let anchor = anchors.iter().find(|it| it.frontier.is_some() && it.size <= limit);
        let frontier = self.trusted(anchor)?;

        let mut transaction = self.store.begin()?;
        let end = transaction.head().clone();
        if limit != u64::MAX && end.size() < limit {
            return Err(StoreError::Checkpoint("entries at its end are missing"));
        }
        let before = if end.records <= frontier.size() { end.records } else { 0 };
        let start = Head { frontier, records: before };
        let mut root: Option<Hash> = None;
        let _ = follow(transaction.as_mut(), &start, |head| {
            if head.size() == limit {
                root = Some(head.frontier.root());
            }
        })?;
        drop(transaction);
        if published.as_ref().is_some_and(|checkpoint| Some(checkpoint.root) != root) {
            return Err(StoreError::Checkpoint("entries before it were rewritten"));
        }
        self.published = published.map_or(0, |checkpoint| checkpoint.size);
        self.reader.forget_all();
        self.reader.saw(end.size());
        self.head = end;
        Ok(())
    }

    /// The checkpoint that is published, if there is one.
    fn published_checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        let (Some(path), Some(signer)) = (&self.options.publish, &self.options.signer) else {
            return Ok(None);
        };
        let Some(note) = publish::read(path)? else { return Ok(None) };
        Checkpoint::open(&note, signer.public())
            .map(Some)
            .map_err(|_| StoreError::Checkpoint("the published one is not by this log's key"))
    }

    /// The right edge that a kept checkpoint was signed over, or that of the empty tree.
    fn trusted(&self, anchor: Option<&StoredCheckpoint>) -> Result<Frontier, StoreError> {
        let Some(anchor) = anchor else { return Ok(Frontier::default()) };
        let Some(frontier) = &anchor.frontier else { return Ok(Frontier::default()) };
        let signed = self.options.signer.as_ref().is_none_or(|signer| {
            Checkpoint::open(&anchor.note, signer.public())
                .is_ok_and(|it| it.size == frontier.size() && it.root == frontier.root())
        });
        if signed && frontier.size() == anchor.size {
            Ok(frontier.clone())
        } else {
            Err(StoreError::Checkpoint("the newest one kept is not by this log's key"))
        }
    }
}

fn note(signer: &LogKey, frontier: &Frontier) -> Result<String, Unsigned> {
    let origin = signer.public().origin().to_owned();
    Checkpoint { origin, size: frontier.size(), root: frontier.root() }.sign(signer)
}

fn detail(error: &StoreError) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

const RECOVERY: Duration = Duration::from_secs(1);
const INTERVAL_MIN: Duration = Duration::from_millis(5);
// At the latest; a checkpoint file that somebody removed is put back.
const PUBLISH: Duration = Duration::from_mins(1);
// The published checkpoint is nearly always one of these; otherwise the whole log is read.
const ANCHORS: usize = 8;
