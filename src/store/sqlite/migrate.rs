//! The schema's versions: numbered SQL, applied once, each held against its SHA-256.

use data_encoding::HEXLOWER;
use rusqlite::{Connection, TransactionBehavior};
use sha2::{Digest, Sha256};

use crate::store::{StoreError, StoreSecret};

/// Brings the schema up to date, and binds a new store to its secret.
pub(super) fn migrate(connection: &mut Connection, secret: &StoreSecret) -> Result<(), StoreError> {
    let inner = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    inner.execute_batch(
        "CREATE TABLE IF NOT EXISTS
             migrations (number INTEGER PRIMARY KEY, sha256 TEXT NOT NULL) STRICT;
         CREATE TABLE IF NOT EXISTS secrets (mark BLOB NOT NULL) STRICT;",
    )?;
    let applied = applied(&inner)?;
    for sql in MIGRATIONS.iter().skip(applied) {
        inner.execute_batch(sql)?;
        inner.execute("INSERT INTO migrations (sha256) VALUES (?1)", [digest(sql)])?;
    }
    if applied == 0 {
        inner.execute("INSERT INTO secrets VALUES (?1)", [secret.mark()])?;
    }
    let mark: [u8; 16] = inner.query_row("SELECT mark FROM secrets", [], |row| row.get(0))?;
    if mark != secret.mark() {
        return Err(StoreError::OtherSecret);
    }
    Ok(inner.commit()?)
}

/// Holds a schema that is only read against this program's.
pub(super) fn check(connection: &Connection) -> Result<(), StoreError> {
    if applied(connection)? == MIGRATIONS.len() {
        return Ok(());
    }
    Err(StoreError::Schema("an older program made it; starting the gateway brings it up to date"))
}

/// How many migrations were applied.
fn applied(connection: &Connection) -> Result<usize, StoreError> {
    let applied: Vec<String> = connection
        .prepare("SELECT sha256 FROM migrations ORDER BY number")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    if applied.len() > MIGRATIONS.len() {
        return Err(StoreError::Schema("a newer program has been here"));
    }
    if applied.iter().zip(MIGRATIONS).any(|(known, sql)| *known != digest(sql)) {
        return Err(StoreError::Schema("a migration is not the one applied"));
    }
    Ok(applied.len())
}

fn digest(sql: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(sql))
}

const MIGRATIONS: [&str; 3] = [
    include_str!("../schema.sql"),
    include_str!("../schema-2.sql"),
    include_str!("../schema-3.sql"),
];
