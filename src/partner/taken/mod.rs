//! Which messages were taken: one file, so that none is accepted twice, not even after a crash.
//!
//! Invariants:
//! * [`Taken::take`] returns after the id has been synced to disk, and before anyone else can take
//!   the same id; only then may a byte of the message be passed on.
//! * An id is never given back. A message whose application failed stays taken.
//! * An id is forgotten only together with every older one, and whatever was sealed before the
//!   newest forgotten moment is refused from then on, whatever the clock says. A file that is made
//!   anew begins with the moment it was made, so a lost file does not let old messages in again.
//! * After a failure nothing is taken until the file has been opened and synced again.

mod work;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::store::StoreError;
use crate::time::Timestamp;
use work::{Job, Worker};

/// The messages that were taken. Clones are the same.
#[derive(Clone)]
pub struct Taken {
    jobs: mpsc::Sender<Job>,
    is_well: Arc<AtomicBool>,
    thread: Arc<Thread>,
}

/// A message that is about to be passed on.
#[derive(Clone, Debug)]
pub struct Coming {
    /// The gateway that it comes from.
    pub gateway: String,
    /// The disclosure's id, of which a gateway has each only once.
    pub did: Uuid,
    /// When it was sealed, in seconds since the Unix epoch.
    pub iat: i64,
    /// SHA-256 of the envelope.
    pub sha256: [u8; 32],
    /// The time now.
    pub now: Timestamp,
}

/// Why a message is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untaken {
    /// It was taken before. With it comes the receipt that was given for the same bytes, if any.
    #[error("the message was taken before")]
    Again(Option<String>),
    /// It was sealed before the moment up to which ids are forgotten.
    #[error("the message is older than what is remembered")]
    Forgotten,
    /// It could not be written down.
    #[error("the message could not be written down")]
    Unwritten,
}

impl Taken {
    /// Opens the file, or makes it.
    ///
    /// Ids are kept for `keep_s` seconds from when their envelopes were sealed.
    ///
    /// # Errors
    /// A file that cannot be used, or does not keep what durability needs.
    pub fn open(path: &Path, keep_s: i64, now: Timestamp) -> Result<Self, StoreError> {
        Self::start(Worker::open(path, keep_s, now)?)
    }

    /// As [`Self::open`], in memory only: for a partner that is a mock and ends with its process.
    ///
    /// # Errors
    /// The engine failed.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::start(Worker::in_memory()?)
    }

    fn start(worker: Worker) -> Result<Self, StoreError> {
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let is_well = Arc::clone(&worker.is_well);
        let thread = std::thread::Builder::new()
            .name("taken".to_owned())
            .spawn(move || worker.run(waiting))?;
        Ok(Self { jobs, is_well, thread: Arc::new(Thread(Some(thread))) })
    }

    /// Takes a message, once.
    ///
    /// # Errors
    /// It may not be passed on.
    pub async fn take(&self, coming: Coming) -> Result<(), Untaken> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Take(coming, reply)).await.map_err(|()| Untaken::Unwritten)?;
        answer.await.unwrap_or(Err(Untaken::Unwritten))
    }

    /// Keeps the receipt of a message that was taken, for whoever asks again with the same bytes.
    ///
    /// It is written after everything that was asked for before. That it was is not waited for:
    /// without it the message stays taken all the same.
    pub async fn answered(&self, gateway: &str, did: Uuid, receipt: String) {
        // A closed queue is told by the next message.
        let _ = self.send(Job::Answered { gateway: gateway.to_owned(), did, receipt }).await;
    }

    /// Sees to it that a gateway's key list never goes back: this is the text of number `seq`.
    ///
    /// # Errors
    /// A list with a higher number, or another one with this number, was seen before.
    pub async fn list(&self, gateway: &str, seq: u64, text: &str) -> Result<(), OldList> {
        let (reply, answer) = oneshot::channel();
        let (gateway, text) = (gateway.to_owned(), text.to_owned());
        let job = Job::List { gateway, seq, text, reply };
        self.send(job).await.map_err(|()| OldList::Unwritten)?;
        answer.await.unwrap_or(Err(OldList::Unwritten))
    }

    /// The newest list of a gateway that was seen.
    pub async fn newest_list(&self, gateway: &str) -> Option<String> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Newest { gateway: gateway.to_owned(), reply }).await.ok()?;
        answer.await.ok()?
    }

    /// What tells whether the last thing that was to be written was written. It does not keep the
    /// file open.
    pub fn health(&self) -> impl Fn() -> bool + Send + Sync + use<> {
        let is_well = Arc::clone(&self.is_well);
        move || is_well.load(Ordering::Acquire)
    }

    /// Writes what waits, and closes the file. Returns once no clone is left that could write.
    pub async fn close(self) {
        let Self { jobs, thread, .. } = self;
        drop(jobs);
        // The last clone waits for the thread, which ends when nobody can ask it any more.
        if tokio::task::spawn_blocking(move || drop(thread)).await.is_err() {
            tracing::error!("the file of taken messages was not closed cleanly");
        }
    }

    async fn send(&self, job: Job) -> Result<(), ()> {
        self.jobs.send(job).await.map_err(|_| ())
    }
}

/// Why a gateway's key list is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OldList {
    /// One with a higher number was seen before.
    #[error("a list with the number {0} was seen before")]
    Older(u64),
    /// Another one with the same number was seen before.
    #[error("another list with the same number was seen before")]
    Changed,
    /// Its number could not be written down.
    #[error("its number could not be written down")]
    Unwritten,
}

/// The thread; whoever holds it last waits for its end.
struct Thread(Option<JoinHandle<()>>);

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes down messages ended by a fault of its own");
        }
    }
}

/// How many may wait to be written down.
const QUEUE: usize = 1024;

#[cfg(test)]
mod tests;
