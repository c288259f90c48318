//! Writing a batch.

use jiff::Span;
use rusqlite::{Connection, params};

use super::{Batch, Index, StoreError, StoredEntry, integer, list_key};

/// Writes a batch in the transaction that is open.
pub(super) fn batch(to: &Connection, batch: &Batch) -> Result<(), StoreError> {
    subjects(to, batch)?;
    records(to, batch)?;
    entries(to, batch)?;
    rule_files(to, batch)?;
    key_lists(to, batch)?;
    quotas(to, batch)?;
    to.prepare_cached("UPDATE head SET frontier = ?1, records = ?2 WHERE one = 1")?
        .execute(params![batch.head.frontier.to_bytes(), integer(batch.head.records)?])?;
    Ok(())
}

fn subjects(to: &Connection, batch: &Batch) -> Result<(), StoreError> {
    if batch.subjects.is_empty() {
        return Ok(());
    }
    let mut insert = to.prepare_cached("INSERT INTO subjects VALUES (?1, ?2)")?;
    for (reference, key) in &batch.subjects {
        insert.execute(params![reference.0, key])?;
    }
    Ok(())
}

fn records(to: &Connection, batch: &Batch) -> Result<(), StoreError> {
    if batch.records.is_empty() {
        return Ok(());
    }
    let mut write = to.prepare_cached(
        "INSERT INTO records (kind, subject, seq, record, body) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (record) DO UPDATE SET seq = excluded.seq, body = excluded.body",
    )?;
    for record in &batch.records {
        let (kind, seq, id) = (record.kind.word(), integer(record.seq)?, record.record.as_bytes());
        write.execute(params![kind, record.subject.0, seq, id, record.body])?;
    }
    Ok(())
}

fn entries(to: &Connection, batch: &Batch) -> Result<(), StoreError> {
    let mut entry = to.prepare_cached("INSERT INTO entries VALUES (?1, ?2, ?3, ?4)")?;
    let mut decision = to.prepare_cached("INSERT OR IGNORE INTO decisions VALUES (?1, ?2)")?;
    let mut outcome = to.prepare_cached("INSERT INTO outcomes VALUES (?1, ?2)")?;
    for new in &batch.entries {
        let StoredEntry { seq, bytes, leaf, lines } = &new.stored;
        let seq = integer(*seq)?;
        entry.execute(params![seq, leaf, bytes, lines])?;
        match &new.index {
            Index::None => 0,
            Index::Decision(did) => decision.execute(params![did.as_bytes(), seq])?,
            Index::OutcomeOf(of) => outcome.execute(params![integer(*of)?, seq])?,
        };
    }
    Ok(())
}

fn rule_files(to: &Connection, batch: &Batch) -> Result<(), StoreError> {
    for file in &batch.rule_files {
        to.prepare_cached("INSERT OR IGNORE INTO rule_files VALUES (?1, ?2)")?
            .execute(params![file.sha256, &*file.bytes])?;
    }
    Ok(())
}

fn key_lists(to: &Connection, batch: &Batch) -> Result<(), StoreError> {
    for list in &batch.key_lists {
        let [partner, recipient, identity] = list_key(&list.owner);
        let (number, sha256) = (integer(list.mark.seq)?, list.mark.sha256);
        to.prepare_cached("INSERT OR REPLACE INTO key_lists VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![partner, recipient, identity, number, sha256, list.text])?;
    }
    Ok(())
}

/// Writes what has gone to partners, and removes some of what is two days old or older: a few rows
/// with each batch, so that no commit is long. Yesterday stays for decisions just before midnight.
fn quotas(to: &Connection, batch: &Batch) -> Result<(), StoreError> {
    let Some(newest) = batch.quotas.used.keys().map(|(_, day)| *day).max() else {
        return Ok(());
    };
    let mut used = to.prepare_cached(
        "INSERT INTO quota_used (day, partner, subjects, records) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET subjects = excluded.subjects, records = excluded.records",
    )?;
    for ((partner, day), count) in &batch.quotas.used {
        let (subjects, records) = (integer(count.subjects)?, integer(count.records)?);
        used.execute(params![day.to_string(), partner.as_str(), subjects, records])?;
    }
    let mut subject = to.prepare_cached("INSERT INTO quota_subjects VALUES (?1, ?2, ?3)")?;
    for (partner, day, reference) in &batch.quotas.new {
        subject.execute(params![day.to_string(), partner.as_str(), reference.0])?;
    }
    let old = newest.saturating_sub(Span::new().days(1)).to_string();
    to.prepare_cached("DELETE FROM quota_used WHERE day < ?1")?.execute([&old])?;
    to.prepare_cached(
        "DELETE FROM quota_subjects WHERE (day, partner, subject) IN
             (SELECT day, partner, subject FROM quota_subjects WHERE day < ?1 LIMIT ?2)",
    )?
    .execute(params![old, PRUNED_MAX])?;
    Ok(())
}

const PRUNED_MAX: i64 = 1000;
