//! Copies the write-ahead log into the database file, beside the writer.
//!
//! A commit only appends to the log. Were the writer to copy it as well, every few thousand commits
//! one would wait for megabytes to be written and synced. A passive checkpoint blocks nobody; what
//! it cannot do under constant writing is let the log begin anew, so the writer's own checkpoint
//! stays as the last resort, and finds little left to copy.

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::connect;
use crate::store::StoreError;

/// The thread that copies; it ends when this is dropped.
pub(super) struct Backfill {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Backfill {
    pub(super) fn start(path: &Path) -> Result<Self, StoreError> {
        let connection = connect(path)?;
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new().name("backfill".to_owned()).spawn(move || {
            let mut well = true;
            while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                let copied = copy(&connection);
                // The writer meets the same failure, and stops; this only says so once.
                if let Err(error) = &copied
                    && well
                {
                    tracing::warn!(%error, "the write-ahead log could not be copied");
                }
                well = copied.is_ok();
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Backfill {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that copies the write-ahead log panicked");
        }
    }
}

/// Copies what has come since, if it is enough to be worth two syncs.
fn copy(connection: &Connection) -> rusqlite::Result<()> {
    let state = |sql| {
        connection.query_row(sql, [], |row| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)))
    };
    let (logged, copied) = state("PRAGMA wal_checkpoint(NOOP)")?;
    if logged.saturating_sub(copied) >= PAGES_MIN {
        state("PRAGMA wal_checkpoint(PASSIVE)")?;
    }
    Ok(())
}

const PAUSE: Duration = Duration::from_millis(50);
const PAGES_MIN: i64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_copied_while_the_writer_holds_its_connection() {
        let folder = std::env::temp_dir().join(format!("otkel-backfill-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("store.db");
        std::fs::write(&path, "").unwrap();
        let writer = connect(&path).unwrap();
        let backfill = Backfill::start(&path).unwrap();
        writer.execute_batch("CREATE TABLE t (b BLOB)").unwrap();
        let fill = || writer.execute("INSERT INTO t VALUES (zeroblob(8000000))", []).unwrap();
        fill();
        let copied = || {
            let sql = "PRAGMA wal_checkpoint(NOOP)";
            writer.query_row(sql, [], |row| Ok(row.get::<_, i64>(2)? > PAGES_MIN)).unwrap()
        };
        assert!((0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            copied()
        }));
        drop(backfill);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
