//! The thread that writes, in batches: all that waits goes into one transaction.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{Coming, OldList, Untaken};
use crate::store::{StoreError, sqlite};
use crate::time::Timestamp;

/// Something to be written.
pub(super) enum Job {
    Take(Coming, oneshot::Sender<Result<(), Untaken>>),
    Answered { gateway: String, did: Uuid, receipt: String },
    List { gateway: String, seq: u64, text: String, reply: oneshot::Sender<Result<(), OldList>> },
    Newest { gateway: String, reply: oneshot::Sender<Option<String>> },
}

/// What a job comes to, to be told after the commit.
enum Told {
    Take(oneshot::Sender<Result<(), Untaken>>, Result<(), Untaken>),
    List(oneshot::Sender<Result<(), OldList>>, Result<(), OldList>),
    Newest(oneshot::Sender<Option<String>>, Option<String>),
    Nobody,
}

/// What the thread owns.
pub(super) struct Worker {
    /// `None` in memory, where there is nothing to open again.
    path: Option<PathBuf>,
    connection: Connection,
    keep_s: i64,
    /// When it was last looked for what may be forgotten.
    swept: Timestamp,
    pub(super) is_well: Arc<AtomicBool>,
}

impl Worker {
    pub(super) fn open(path: &Path, keep_s: i64, now: Timestamp) -> Result<Self, StoreError> {
        // Made here, so that nobody else can read it; SQLite gives its other files the same mode.
        OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let connection = sqlite::connect(path)?;
        Self::with(Some(path.to_owned()), connection, keep_s, now.seconds())
    }

    pub(super) fn in_memory() -> Result<Self, StoreError> {
        Self::with(None, Connection::open_in_memory()?, i64::MAX, i64::MIN)
    }

    fn with(
        path: Option<PathBuf>,
        mut connection: Connection,
        keep_s: i64,
        horizon: i64,
    ) -> Result<Self, StoreError> {
        let inner = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: i64 = inner.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match version {
            0 => {
                inner.execute_batch(SCHEMA)?;
                inner.execute("INSERT INTO horizon VALUES (?1)", [horizon])?;
                inner.pragma_update(None, "user_version", VERSION)?;
            }
            VERSION => {}
            _ => return Err(StoreError::Schema("another program made it, or a newer one")),
        }
        inner.commit()?;
        let is_well = Arc::new(AtomicBool::new(true));
        Ok(Self { path, connection, keep_s, swept: Timestamp::EPOCH, is_well })
    }

    pub(super) fn run(mut self, mut waiting: mpsc::Receiver<Job>) {
        let mut jobs = Vec::with_capacity(BATCH);
        while waiting.blocking_recv_many(&mut jobs, BATCH) > 0 {
            match self.write(&jobs) {
                Ok(results) => {
                    self.is_well.store(true, Ordering::Release);
                    let told = jobs.drain(..).zip(results).map(|(job, result)| result.to(job));
                    told.for_each(Told::tell);
                }
                Err(error) => {
                    self.is_well.store(false, Ordering::Release);
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::error!(%error, cause, "messages cannot be written down");
                    // Whoever waits is told by the end of the channel.
                    jobs.clear();
                }
            }
        }
    }

    /// Writes a batch in one transaction, and returns after its commit.
    fn write(&mut self, jobs: &[Job]) -> Result<Vec<Outcome>, StoreError> {
        if !self.is_well.load(Ordering::Acquire) {
            self.recover()?;
        }
        let inner = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut results = Vec::with_capacity(jobs.len());
        for job in jobs {
            results.push(match job {
                Job::Take(coming, _) => {
                    if coming.now.plus_millis(-SWEEP_MS) >= self.swept {
                        forget(&inner, coming.now.seconds().saturating_sub(self.keep_s))?;
                        self.swept = coming.now;
                    }
                    Outcome::Take(take(&inner, coming)?)
                }
                Job::Answered { gateway, did, receipt } => {
                    let sql = "UPDATE taken SET receipt = ?3 WHERE gateway = ?1 AND did = ?2";
                    let mut statement = inner.prepare_cached(sql)?;
                    statement.execute(params![gateway, did.as_bytes(), receipt])?;
                    Outcome::Answered
                }
                Job::List { gateway, seq, text, .. } => {
                    Outcome::List(list(&inner, gateway, *seq, text)?)
                }
                Job::Newest { gateway, .. } => {
                    Outcome::Newest(newest(&inner, gateway)?.map(|(_, text)| text))
                }
            });
        }
        inner.commit()?;
        Ok(results)
    }

    /// Pages whose sync failed may be in the page cache and nowhere else, marked clean. Copying the
    /// log into the file and syncing that writes them again.
    fn recover(&mut self) -> Result<(), StoreError> {
        let Some(path) = &self.path else { return Ok(()) };
        self.connection = sqlite::connect(path)?;
        let busy: i64 =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy == 0 { Ok(()) } else { Err(StoreError::Locked) }
    }
}

/// What was written, before it is told.
enum Outcome {
    Take(Result<(), Untaken>),
    List(Result<(), OldList>),
    Newest(Option<String>),
    Answered,
}

impl Outcome {
    fn to(self, job: Job) -> Told {
        match (self, job) {
            (Self::Take(result), Job::Take(_, reply)) => Told::Take(reply, result),
            (Self::List(result), Job::List { reply, .. }) => Told::List(reply, result),
            (Self::Newest(text), Job::Newest { reply, .. }) => Told::Newest(reply, text),
            _ => Told::Nobody,
        }
    }
}

impl Told {
    /// Whoever asked may have gone away meanwhile; the id stays taken.
    fn tell(self) {
        match self {
            Self::Take(reply, result) => drop(reply.send(result)),
            Self::List(reply, result) => drop(reply.send(result)),
            Self::Newest(reply, text) => drop(reply.send(text)),
            Self::Nobody => {}
        }
    }
}

fn take(inner: &Transaction<'_>, coming: &Coming) -> Result<Result<(), Untaken>, StoreError> {
    let horizon: i64 =
        inner.prepare_cached("SELECT iat FROM horizon")?.query_row([], |row| row.get(0))?;
    if coming.iat < horizon {
        return Ok(Err(Untaken::Forgotten));
    }
    let Coming { gateway, did, iat, sha256, .. } = coming;
    let known: Option<([u8; 32], Option<String>)> = inner
        .prepare_cached("SELECT sha256, receipt FROM taken WHERE gateway = ?1 AND did = ?2")?
        .query_row(params![gateway, did.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((first, receipt)) = known {
        return Ok(Err(Untaken::Again(receipt.filter(|_| first == *sha256))));
    }
    inner.prepare_cached("INSERT INTO taken VALUES (?1, ?2, ?3, ?4, NULL)")?.execute(params![
        gateway,
        did.as_bytes(),
        iat,
        sha256
    ])?;
    Ok(Ok(()))
}

/// Forgets what was sealed before a moment, and that moment is never gone back behind.
fn forget(inner: &Transaction<'_>, before: i64) -> Result<(), StoreError> {
    let moved = inner.execute("UPDATE horizon SET iat = ?1 WHERE iat < ?1", [before])?;
    if moved > 0 {
        inner.execute("DELETE FROM taken WHERE iat < ?1", [before])?;
    }
    Ok(())
}

fn list(
    inner: &Transaction<'_>,
    gateway: &str,
    seq: u64,
    text: &str,
) -> Result<Result<(), OldList>, StoreError> {
    let number = i64::try_from(seq).unwrap_or(i64::MAX);
    match newest(inner, gateway)? {
        Some((newest, _)) if number < newest => {
            return Ok(Err(OldList::Older(newest.unsigned_abs())));
        }
        Some((newest, kept)) if number == newest && kept != text => {
            return Ok(Err(OldList::Changed));
        }
        _ => {}
    }
    inner
        .prepare_cached("INSERT OR REPLACE INTO lists VALUES (?1, ?2, ?3)")?
        .execute(params![gateway, number, text])?;
    Ok(Ok(()))
}

/// The newest list of a gateway that was seen, with its number.
fn newest(inner: &Transaction<'_>, gateway: &str) -> Result<Option<(i64, String)>, StoreError> {
    let mut statement = inner.prepare_cached("SELECT seq, text FROM lists WHERE gateway = ?1")?;
    let row = statement.query_row([gateway], |row| Ok((row.get(0)?, row.get(1)?)));
    Ok(row.optional()?)
}

const SCHEMA: &str = "
CREATE TABLE taken (
    gateway TEXT NOT NULL,
    did BLOB NOT NULL,
    iat INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    receipt TEXT,
    PRIMARY KEY (gateway, did)
) STRICT, WITHOUT ROWID;
CREATE INDEX taken_iat ON taken (iat);
CREATE TABLE horizon (iat INTEGER NOT NULL) STRICT;
CREATE TABLE lists (
    gateway TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    text TEXT NOT NULL
) STRICT;
";
const VERSION: i64 = 1;
const BATCH: usize = 256;
const SWEEP_MS: i64 = 60_000;
