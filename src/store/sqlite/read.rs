//! The read side of SQLite: a pool of connections that write nothing.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row};
use uuid::Uuid;

use super::{checkpoint, connect, entries, head, integer, limit, natural};
use crate::store::{
    Head, Lookup, Snapshot, StoreError, StoredCheckpoint, StoredConsent, StoredDecision,
    StoredEntry, StoredSubject, SubjectRef,
};

/// Connections that are not in use; as many are opened as threads read at once.
pub(super) struct SqliteLookup {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl SqliteLookup {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::new(Vec::new()) }
    }

    fn open(&self) -> Result<Connection, StoreError> {
        let connection = connect(&self.path)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }

    /// Reads with an idle connection; one that failed is not used again.
    fn read<V>(
        &self,
        read: impl FnOnce(&Connection) -> Result<V, StoreError>,
    ) -> Result<V, StoreError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = idle().pop();
        let connection = taken.map_or_else(|| self.open(), Ok)?;
        let value = read(&connection)?;
        idle().push(connection);
        Ok(value)
    }
}

impl Lookup for SqliteLookup {
    fn head(&self) -> Result<Head, StoreError> {
        self.read(head)
    }

    fn subject(&self, reference: &SubjectRef) -> Result<Option<StoredSubject>, StoreError> {
        // One statement, so one snapshot.
        let sql = "SELECT s.key, c.seq, c.record, c.body
                   FROM subjects s LEFT JOIN consents c ON c.subject = s.ref WHERE s.ref = ?1";
        self.read(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query([&reference.0])?;
            let mut subject: Option<StoredSubject> = None;
            let mut consents: Vec<(i64, Uuid, Vec<u8>)> = Vec::new();
            while let Some(row) = rows.next()? {
                if subject.is_none() {
                    subject = Some(StoredSubject { key: row.get(0)?, consents: Vec::new() });
                }
                if let Some(seq) = row.get(1)? {
                    consents.push((seq, Uuid::from_bytes(row.get(2)?), row.get(3)?));
                }
            }
            consents.sort_unstable_by_key(|(seq, ..)| *seq);
            Ok(subject.map(|subject| StoredSubject {
                consents: consents.into_iter().map(|(_, record, body)| (record, body)).collect(),
                ..subject
            }))
        })
    }

    fn consent(&self, record: &Uuid) -> Result<Option<StoredConsent>, StoreError> {
        let sql = "SELECT subject, seq, record, body FROM consents WHERE record = ?1";
        self.read(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query([record.as_bytes()])?;
            rows.next()?.map(consent).transpose()
        })
    }

    fn decision(&self, did: &Uuid) -> Result<Option<StoredDecision>, StoreError> {
        let sql = "SELECT d.seq, e.bytes, e.lines, r.bytes
                   FROM decisions d JOIN entries e ON e.seq = d.seq
                   LEFT JOIN outcomes o ON o.disclosure = d.seq
                   LEFT JOIN entries r ON r.seq = o.seq WHERE d.did = ?1";
        self.read(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query([did.as_bytes()])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            Ok(Some(StoredDecision {
                seq: natural(row.get(0)?)?,
                entry: row.get(1)?,
                lines: row.get(2)?,
                outcome: row.get(3)?,
            }))
        })
    }

    fn entries(&self, from: u64, max: usize) -> Result<Vec<StoredEntry>, StoreError> {
        self.read(|connection| entries(connection, from, max))
    }

    fn latest_checkpoint(&self) -> Result<Option<String>, StoreError> {
        let sql = "SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1";
        self.read(|connection| {
            Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?)
        })
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        let connection = self.open()?;
        // The snapshot begins with the first read.
        connection.execute_batch("BEGIN DEFERRED")?;
        head(&connection)?;
        Ok(Box::new(SqliteSnapshot(connection)))
    }
}

/// A connection in an open read transaction, which ends with it.
struct SqliteSnapshot(Connection);

impl Deref for SqliteSnapshot {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl Snapshot for SqliteSnapshot {
    fn head(&mut self) -> Result<Head, StoreError> {
        head(self)
    }

    fn entries(&mut self, from: u64, max: usize) -> Result<Vec<StoredEntry>, StoreError> {
        entries(self, from, max)
    }

    fn checkpoints(&mut self, after: u64, max: usize) -> Result<Vec<StoredCheckpoint>, StoreError> {
        let sql = "SELECT size, note, frontier FROM checkpoints
                   WHERE size > ?1 ORDER BY size LIMIT ?2";
        let mut statement = self.prepare_cached(sql)?;
        let rows = statement.query_and_then([integer(after)?, limit(max)], checkpoint)?;
        rows.collect()
    }

    fn consents(
        &mut self,
        after: Option<Uuid>,
        max: usize,
    ) -> Result<Vec<StoredConsent>, StoreError> {
        // Below every id, also one that is too short.
        let (comparison, after) = match &after {
            None => (">=", &[][..]),
            Some(after) => (">", &after.as_bytes()[..]),
        };
        let sql = format!(
            "SELECT subject, seq, record, body FROM consents
             WHERE record {comparison} ?1 ORDER BY record LIMIT ?2"
        );
        let mut statement = self.prepare_cached(&sql)?;
        let rows = statement.query_and_then((after, limit(max)), consent)?;
        rows.collect()
    }
}

fn consent(row: &Row<'_>) -> Result<StoredConsent, StoreError> {
    Ok(StoredConsent {
        subject: SubjectRef(row.get(0)?),
        seq: natural(row.get(1)?)?,
        record: Uuid::from_bytes(row.get(2)?),
        body: row.get(3)?,
    })
}
