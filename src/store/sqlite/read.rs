//! The read side of SQLite: a pool of connections that write nothing.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row};
use uuid::Uuid;

use super::{checkpoint, connect, entries, head, integer, kind, limit, list_key, migrate, natural};
use crate::envelope::list::Mark;
use crate::ledger::canonical::Members;
use crate::ledger::tree::Hash;
use crate::store::{
    Head, ListOwner, Lookup, RuleFile, Snapshot, StoreError, StoredCheckpoint, StoredDecision,
    StoredEntry, StoredRecord, StoredSubject, SubjectRef, TakenList,
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
        let sql = "SELECT s.key, r.kind, r.record, r.body
                   FROM subjects s LEFT JOIN records r ON r.subject = s.ref WHERE s.ref = ?1
                   ORDER BY r.seq";
        self.read(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query([&reference.0])?;
            let mut subject: Option<StoredSubject> = None;
            while let Some(row) = rows.next()? {
                if subject.is_none() {
                    subject = Some(StoredSubject { key: row.get(0)?, records: Vec::new() });
                }
                let is_record = row.get_ref(1)? != rusqlite::types::ValueRef::Null;
                if let Some(subject) = subject.as_mut().filter(|_| is_record) {
                    let record = Uuid::from_bytes(row.get(2)?);
                    subject.records.push((kind(row, 1)?, record, row.get(3)?));
                }
            }
            Ok(subject)
        })
    }

    fn record(&self, id: &Uuid) -> Result<Option<StoredRecord>, StoreError> {
        self.read(|connection| record_of(connection, id))
    }

    fn blocks(&self) -> Result<Vec<StoredRecord>, StoreError> {
        let sql = "SELECT kind, subject, seq, record, body FROM records
                   WHERE kind = 'block' ORDER BY seq";
        self.read(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_and_then([], record)?;
            rows.collect()
        })
    }

    fn rule_file(&self, sha256: &Hash) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|connection| rule_bytes(connection, sha256))
    }

    fn key_list(&self, owner: &ListOwner) -> Result<Option<TakenList>, StoreError> {
        let sql = "SELECT number, sha256, text FROM key_lists
                   WHERE partner = ?1 AND recipient = ?2 AND identity = ?3";
        self.read(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(list_key(owner))?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let mark = Mark { seq: natural(row.get(0)?)?, sha256: row.get(1)? };
            Ok(Some(TakenList { owner: owner.clone(), mark, text: row.get(2)? }))
        })
    }

    fn decision(&self, did: &Uuid) -> Result<Option<StoredDecision>, StoreError> {
        self.read(|connection| decision(connection, did))
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
        migrate::check(&connection)?;
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

    fn records(
        &mut self,
        after: Option<Uuid>,
        max: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        // Below every id, also one that is too short.
        let (comparison, after) = match &after {
            None => (">=", &[][..]),
            Some(after) => (">", &after.as_bytes()[..]),
        };
        let sql = format!(
            "SELECT kind, subject, seq, record, body FROM records
             WHERE record {comparison} ?1 ORDER BY record LIMIT ?2"
        );
        let mut statement = self.prepare_cached(&sql)?;
        let rows = statement.query_and_then((after, limit(max)), record)?;
        rows.collect()
    }

    fn record(&mut self, id: &Uuid) -> Result<Option<StoredRecord>, StoreError> {
        record_of(self, id)
    }

    fn records_of(&mut self, subject: &SubjectRef) -> Result<Vec<StoredRecord>, StoreError> {
        let sql = "SELECT kind, subject, seq, record, body FROM records
                   WHERE subject = ?1 ORDER BY seq";
        let mut statement = self.prepare_cached(sql)?;
        let rows = statement.query_and_then([&subject.0], record)?;
        rows.collect()
    }

    fn decision(&mut self, did: &Uuid) -> Result<Option<StoredDecision>, StoreError> {
        decision(self, did)
    }

    fn rule_bytes(&mut self, sha256: &Hash) -> Result<Option<Vec<u8>>, StoreError> {
        rule_bytes(self, sha256)
    }

    fn rule_file(&mut self, after: Option<Hash>) -> Result<Option<RuleFile>, StoreError> {
        let (comparison, after) = match &after {
            None => (">=", &[][..]),
            Some(after) => (">", &after[..]),
        };
        let sql = format!(
            "SELECT sha256, bytes FROM rule_files
             WHERE sha256 {comparison} ?1 ORDER BY sha256 LIMIT 1"
        );
        let file = |row: &Row<'_>| {
            let bytes: Vec<u8> = row.get(1)?;
            Ok(RuleFile { sha256: row.get(0)?, bytes: bytes.into() })
        };
        Ok(self.prepare_cached(&sql)?.query_row([after], file).optional()?)
    }
}

fn record(row: &Row<'_>) -> Result<StoredRecord, StoreError> {
    Ok(StoredRecord {
        kind: kind(row, 0)?,
        subject: SubjectRef(row.get(1)?),
        seq: natural(row.get(2)?)?,
        record: Uuid::from_bytes(row.get(3)?),
        body: row.get(4)?,
    })
}

fn record_of(connection: &Connection, id: &Uuid) -> Result<Option<StoredRecord>, StoreError> {
    let sql = "SELECT kind, subject, seq, record, body FROM records WHERE record = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([id.as_bytes()])?;
    rows.next()?.map(record).transpose()
}

fn decision(connection: &Connection, did: &Uuid) -> Result<Option<StoredDecision>, StoreError> {
    // A receipt stands right before its outcome.
    let sql = "SELECT d.seq, e.bytes, e.lines, r.bytes, b.bytes
               FROM decisions d JOIN entries e ON e.seq = d.seq
               LEFT JOIN outcomes o ON o.disclosure = d.seq
               LEFT JOIN entries r ON r.seq = o.seq
               LEFT JOIN entries b ON b.seq = o.seq - 1 WHERE d.did = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([did.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let seq = natural(row.get(0)?)?;
    let before: Option<Vec<u8>> = row.get(4)?;
    Ok(Some(StoredDecision {
        seq,
        entry: row.get(1)?,
        lines: row.get(2)?,
        outcome: row.get(3)?,
        receipt: before.filter(|bytes| is_receipt_of(bytes, seq)),
    }))
}

fn is_receipt_of(entry: &[u8], disclosure: u64) -> bool {
    Members::read(entry).is_ok_and(|members| {
        members.text("type") == Some("receipt") && members.number("of") == Some(disclosure)
    })
}

fn rule_bytes(connection: &Connection, sha256: &Hash) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT bytes FROM rule_files WHERE sha256 = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([sha256], |row| row.get(0)).optional()?)
}
