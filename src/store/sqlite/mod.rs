//! The embedded engine: SQLite in WAL mode with `synchronous = FULL`.
//!
//! A commit appends the changed pages to the write-ahead log and syncs it once. `NORMAL` would lose
//! acknowledged rows in a power cut. Every setting that this rests on is read back after it was
//! set. Other processes may write the same file: `BEGIN IMMEDIATE` takes the lock that the head
//! row needs.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Date;
use rusqlite::{Connection, OpenFlags, Row, TransactionBehavior, params};
use uuid::Uuid;

use super::{
    Batch, Head, Index, ListOwner, Lookup as _, Owner, Reader, Snapshot, Store, StoreError,
    StoreSecret, StoredCheckpoint, StoredEntry, SubjectRef, Transaction, Used,
};
use crate::ledger::entry::RecordKind;
use crate::ledger::tree::Frontier;
use crate::vocabulary::Name;

mod backfill;
mod migrate;
mod read;
mod write;

/// Opens or makes the store in a file, for writing and reading; the reader's cache holds a number
/// of subjects.
///
/// # Errors
/// The file is no store, is another program's or newer, does not keep a setting that durability
/// needs, or was made with another secret.
pub fn open(
    path: &Path,
    secret: StoreSecret,
    subjects_max: usize,
) -> Result<(Box<dyn Store>, Reader), StoreError> {
    let store = SqliteStore::open(path, &secret)?;
    let lookup = Box::new(read::SqliteLookup::new(path.to_path_buf()));
    Ok((Box::new(store), Reader::new(lookup, secret, subjects_max)?))
}

/// Begins a long consistent read of the store in a file; no secret is needed for it.
///
/// # Errors
/// The file is missing or is no store.
pub fn snapshot(path: &Path) -> Result<Box<dyn Snapshot>, StoreError> {
    // Opening a missing file would make an empty store of it.
    std::fs::metadata(path)?;
    read::SqliteLookup::new(path.to_path_buf()).snapshot()
}

/// The write connection.
struct SqliteStore {
    path: PathBuf,
    connection: Connection,
    _backfill: backfill::Backfill,
}

impl SqliteStore {
    fn open(path: &Path, secret: &StoreSecret) -> Result<Self, StoreError> {
        // Made here, so that nobody else can read it; SQLite gives its other files the same mode.
        OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let mut connection = connect(path)?;
        migrate::migrate(&mut connection, secret)?;
        let backfill = backfill::Backfill::start(path)?;
        Ok(Self { path: path.to_path_buf(), connection, _backfill: backfill })
    }
}

impl Store for SqliteStore {
    fn begin(&mut self) -> Result<Box<dyn Transaction + '_>, StoreError> {
        let inner = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let head = head(&inner)?;
        Ok(Box::new(SqliteTransaction { inner, head }))
    }

    fn head(&mut self) -> Result<Head, StoreError> {
        head(&self.connection)
    }

    fn checkpoints(&mut self, max: usize) -> Result<Vec<StoredCheckpoint>, StoreError> {
        let sql = "SELECT size, note, frontier FROM checkpoints ORDER BY size DESC LIMIT ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_and_then([limit(max)], checkpoint)?;
        rows.collect()
    }

    fn keep(&mut self, checkpoint: &StoredCheckpoint, published: u64) -> Result<(), StoreError> {
        let frontier = checkpoint.frontier.as_ref().map(Frontier::to_bytes);
        let inner = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        inner
            .prepare_cached("INSERT OR IGNORE INTO checkpoints VALUES (?1, ?2, ?3)")?
            .execute(params![integer(checkpoint.size)?, checkpoint.note, frontier])?;
        inner
            .prepare_cached(
                "UPDATE checkpoints SET frontier = NULL
                 WHERE size = (SELECT max(size) FROM checkpoints WHERE size < ?1)",
            )?
            .execute([integer(published)?])?;
        Ok(inner.commit()?)
    }

    /// Frames whose sync failed may be in the page cache and nowhere else, marked clean. Copying
    /// them into the database file and syncing that writes them again.
    fn recover(&mut self) -> Result<(), StoreError> {
        self.connection = connect(&self.path)?;
        let busy: i64 =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy == 0 { Ok(()) } else { Err(StoreError::Locked) }
    }
}

struct SqliteTransaction<'c> {
    inner: rusqlite::Transaction<'c>,
    head: Head,
}

impl SqliteTransaction<'_> {
    /// One answer for each key.
    fn each<K, V>(
        &self,
        sql: &str,
        keys: &[K],
        mut read: impl FnMut(&mut rusqlite::CachedStatement<'_>, &K) -> Result<V, StoreError>,
    ) -> Result<Vec<V>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut statement = self.inner.prepare_cached(sql)?;
        keys.iter().map(|key| read(&mut statement, key)).collect()
    }
}

impl Transaction for SqliteTransaction<'_> {
    fn head(&self) -> &Head {
        &self.head
    }

    fn entries(&mut self, from: u64, max: usize) -> Result<Vec<StoredEntry>, StoreError> {
        entries(&self.inner, from, max)
    }

    fn newest_events(&mut self, of: &[SubjectRef]) -> Result<Vec<Option<u64>>, StoreError> {
        self.each("SELECT max(seq) FROM records WHERE subject = ?1", of, |statement, subject| {
            let seq: Option<i64> = statement.query_row([&subject.0], |row| row.get(0))?;
            seq.map(natural).transpose()
        })
    }

    fn known(&mut self, subjects: &[SubjectRef]) -> Result<Vec<bool>, StoreError> {
        self.each("SELECT 1 FROM subjects WHERE ref = ?1", subjects, |statement, subject| {
            Ok(statement.exists([&subject.0])?)
        })
    }

    fn owners(&mut self, records: &[Uuid]) -> Result<Vec<Option<Owner>>, StoreError> {
        let sql = "SELECT kind, subject FROM records WHERE record = ?1";
        self.each(sql, records, |statement, record| {
            let mut rows = statement.query([record.as_bytes()])?;
            let owner = |row: &Row<'_>| Ok((kind(row, 0)?, SubjectRef(row.get(1)?)));
            rows.next()?.map(owner).transpose()
        })
    }

    fn settled(&mut self, disclosures: &[u64]) -> Result<Vec<bool>, StoreError> {
        self.each("SELECT 1 FROM outcomes WHERE disclosure = ?1", disclosures, |statement, seq| {
            Ok(statement.exists([integer(*seq)?])?)
        })
    }

    fn used(&mut self, of: &[(Name, Date)]) -> Result<Vec<Used>, StoreError> {
        let sql = "SELECT subjects, records FROM quota_used WHERE day = ?1 AND partner = ?2";
        self.each(sql, of, |statement, (partner, day)| {
            let mut rows = statement.query(params![day.to_string(), partner.as_str()])?;
            let Some(row) = rows.next()? else { return Ok(Used::default()) };
            Ok(Used { subjects: natural(row.get(0)?)?, records: natural(row.get(1)?)? })
        })
    }

    fn counted(&mut self, of: &[(Name, Date, SubjectRef)]) -> Result<Vec<bool>, StoreError> {
        let sql = "SELECT 1 FROM quota_subjects WHERE day = ?1 AND partner = ?2 AND subject = ?3";
        self.each(sql, of, |statement, (partner, day, subject)| {
            Ok(statement.exists(params![day.to_string(), partner.as_str(), subject.0])?)
        })
    }

    fn list_numbers(&mut self, of: &[ListOwner]) -> Result<Vec<Option<u64>>, StoreError> {
        let sql = "SELECT number FROM key_lists
                   WHERE partner = ?1 AND recipient = ?2 AND identity = ?3";
        self.each(sql, of, |statement, owner| {
            let mut rows = statement.query(list_key(owner))?;
            rows.next()?.map(|row| natural(row.get(0)?)).transpose()
        })
    }

    fn write(&mut self, batch: &Batch) -> Result<(), StoreError> {
        write::batch(&self.inner, batch)
    }

    fn commit(self: Box<Self>) -> Result<(), StoreError> {
        Ok(self.inner.commit()?)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
        match error.sqlite_error_code() {
            Some(DatabaseBusy | DatabaseLocked) => Self::Locked,
            _ => Self::Engine(Box::new(error)),
        }
    }
}

/// Opens a connection and holds every setting against what it reads back.
pub(crate) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(32);
    for (name, wanted) in SETTINGS {
        connection.pragma_update(None, name, wanted)?;
        let kept: String = connection.pragma_query_value(None, name, |row| {
            Ok(match row.get_ref(0)? {
                rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                other => other.as_str()?.to_owned(),
            })
        })?;
        if kept != wanted {
            return Err(StoreError::Setting { name, wanted });
        }
    }
    connection.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
    connection.pragma_update(None, "cache_size", CACHE_KIB)?;
    Ok(connection)
}

fn head(connection: &Connection) -> Result<Head, StoreError> {
    let mut statement = connection.prepare_cached("SELECT frontier, records FROM head")?;
    let (frontier, records) = statement
        .query_row([], |row| Ok((Frontier::from_bytes(row.get_ref(0)?.as_blob()?), row.get(1)?)))?;
    let frontier = frontier.map_err(|_| StoreError::Damaged("the head row"))?;
    Ok(Head { frontier, records: natural(records)? })
}

fn entries(connection: &Connection, from: u64, max: usize) -> Result<Vec<StoredEntry>, StoreError> {
    let sql = "SELECT seq, leaf, bytes, lines FROM entries WHERE seq >= ?1 ORDER BY seq LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_and_then([integer(from)?, limit(max)], entry)?;
    rows.collect()
}

fn entry(row: &Row<'_>) -> Result<StoredEntry, StoreError> {
    Ok(StoredEntry {
        seq: natural(row.get(0)?)?,
        leaf: row.get(1)?,
        bytes: row.get(2)?,
        lines: row.get(3)?,
    })
}

fn checkpoint(row: &Row<'_>) -> Result<StoredCheckpoint, StoreError> {
    let frontier = match row.get_ref(2)?.as_blob_or_null().map_err(rusqlite::Error::from)? {
        Some(bytes) => Some(
            Frontier::from_bytes(bytes).map_err(|_| StoreError::Damaged("a checkpoint's row"))?,
        ),
        None => None,
    };
    Ok(StoredCheckpoint { size: natural(row.get(0)?)?, note: row.get(1)?, frontier })
}

fn kind(row: &Row<'_>, column: usize) -> Result<RecordKind, StoreError> {
    let word = row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?;
    RecordKind::parse(word).ok_or(StoreError::Damaged("a record of no known kind"))
}

/// How the newest key list of an owner is found.
fn list_key(owner: &ListOwner) -> [&str; 3] {
    [owner.partner.as_str(), owner.recipient.as_ref().map_or("", Name::as_str), &owner.identity]
}

fn integer(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Damaged("a position beyond 2^63"))
}

fn natural(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Damaged("a negative position"))
}

fn limit(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}

/// What a connection must keep. The `fullfsync` pair matters where fsync does not reach the disk.
const SETTINGS: [(&str, &str); 5] = [
    ("journal_mode", "wal"),
    ("synchronous", "2"),
    ("fullfsync", "1"),
    ("checkpoint_fullfsync", "1"),
    ("trusted_schema", "0"),
];
// How long one process waits for another's transaction.
const BUSY: Duration = Duration::from_secs(5);
// The last resort; see `backfill`.
const WAL_PAGES: i64 = 8000;
// Negative: in KiB.
const CACHE_KIB: i64 = -2_048;

#[cfg(test)]
mod tests;
