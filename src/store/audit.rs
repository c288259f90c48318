//! Runs [`crate::ledger::verify`] over one consistent state of a store.

use data_encoding::HEXLOWER;

use super::{Snapshot, StoreError, StoredRecord, SubjectRef};
use crate::ledger::canonical::Members;
use crate::ledger::checkpoint::PublicKey;
use crate::ledger::entry::RecordKind;
use crate::ledger::verify::{Fault, Report, Verifier};

/// Re-derives everything that a store holds.
///
/// `key` checks the checkpoints, kept and `published`; without it neither is looked at.
///
/// # Errors
/// The first thing that is wrong, or a failure to read.
pub fn audit(
    snapshot: &mut dyn Snapshot,
    key: Option<PublicKey>,
    published: Option<&str>,
) -> Result<Report, Unsound> {
    let mut verifier = Verifier::new(key);
    if let Some(note) = published {
        verifier.published(note)?;
    }
    let mut kept = Kept { next: Vec::new().into_iter(), after: 0, peeked: None };
    loop {
        let entries = snapshot.entries(verifier.size(), PAGE)?;
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            kept.check(snapshot, &mut verifier, false)?;
            verifier.entry(entry.seq, &entry.bytes, &entry.leaf, entry.lines.as_deref())?;
        }
    }
    kept.check(snapshot, &mut verifier, true)?;
    records(snapshot, &mut verifier)?;
    rule_files(snapshot)?;
    let head = snapshot.head()?;
    let report = verifier.finish(&head.frontier)?;
    if head.records != report.records {
        return Err(Fault::Head(report.size).into());
    }
    Ok(report)
}

/// Why a store was not found sound.
#[derive(Debug, thiserror::Error)]
pub enum Unsound {
    /// Something in it is wrong.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// It could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The kept checkpoints, page by page.
struct Kept {
    next: std::vec::IntoIter<super::StoredCheckpoint>,
    after: u64,
    peeked: Option<super::StoredCheckpoint>,
}

impl Kept {
    /// Hands over the checkpoints that the verifier has reached, or all that are left.
    fn check(
        &mut self,
        snapshot: &mut dyn Snapshot,
        verifier: &mut Verifier,
        all: bool,
    ) -> Result<(), Unsound> {
        loop {
            if self.peeked.is_none() {
                self.peeked = self.read(snapshot)?;
            }
            match self.peeked.take_if(|kept| all || kept.size <= verifier.size()) {
                Some(kept) => verifier.checkpoint(kept.size, &kept.note)?,
                None => return Ok(()),
            }
        }
    }

    fn read(
        &mut self,
        snapshot: &mut dyn Snapshot,
    ) -> Result<Option<super::StoredCheckpoint>, StoreError> {
        if self.after == u64::MAX {
            return Ok(None);
        }
        if self.next.len() == 0 {
            self.next = snapshot.checkpoints(self.after, PAGE)?.into_iter();
        }
        let kept = self.next.next();
        self.after = kept.as_ref().map_or(u64::MAX, |kept| kept.size);
        Ok(kept)
    }
}

fn records(snapshot: &mut dyn Snapshot, verifier: &mut Verifier) -> Result<(), Unsound> {
    let mut after = None;
    loop {
        let page = snapshot.records(after, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.record);
        for StoredRecord { kind, subject, seq, record, body } in page {
            verifier.record(kind, &record, seq, &body)?;
            if subject_of(kind, &body) != Some(subject) {
                return Err(Fault::Record { kind, record, seq }.into());
            }
        }
    }
}

/// The subject that a record names. The body is bound by its last event; the column by which a
/// subject's records are found is not.
fn subject_of(kind: RecordKind, body: &[u8]) -> Option<SubjectRef> {
    let members = Members::read(body).ok()?;
    if kind == RecordKind::Block && members.raw("pii_principal_id").is_none() {
        return Some(SubjectRef::EVERYONE);
    }
    let named = HEXLOWER.decode(members.text("pii_principal_id")?.as_bytes()).ok()?;
    Some(SubjectRef(named.try_into().ok()?))
}

fn rule_files(snapshot: &mut dyn Snapshot) -> Result<(), Unsound> {
    let mut after = None;
    while let Some(file) = snapshot.rule_file(after)? {
        if !file.is_whole() {
            return Err(Fault::RuleFile(HEXLOWER.encode(&file.sha256)).into());
        }
        after = Some(file.sha256);
    }
    Ok(())
}

const PAGE: usize = 512;
