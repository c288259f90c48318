//! Blocking transfers and lifting blocks: one service for the command line and the admin API.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::consents::Changed;
use super::{
    Append, Guard, NewSubject, Reader, RecordRow, Recorder, StoreError, SubjectRef, Unrecorded,
};
use crate::consent::Identifier;
use crate::consent::block::{BadBlock, Block, Reach};
use crate::consent::record::Evidence;
use crate::ledger::entry::{BlockEvent, Entry, RecordKind};
use crate::ledger::line::SubjectKey;
use crate::policy::Policy;
use crate::time::Clock;
use crate::vocabulary::{Name, PurposeId};

/// The blocks of a store, with the ledger that records every change to them.
#[derive(Clone)]
pub struct Blocks {
    reader: Reader,
    recorder: Recorder,
    clock: Arc<dyn Clock>,
}

/// A block as it is asked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewBlock {
    /// The subject, where only one's data are blocked.
    #[serde(default)]
    pub subject: Option<Identifier>,
    /// The partner, where only its transfers are blocked.
    #[serde(default)]
    pub partner: Option<Name>,
    /// The purpose, where only its transfers are blocked.
    #[serde(default)]
    pub purpose: Option<PurposeId>,
    /// The document that the block rests on, by its number or place.
    pub document: String,
}

impl NewBlock {
    /// Holds the names against the rules: a block of a name that they do not have blocks nothing.
    ///
    /// # Errors
    /// A partner or purpose that the rules do not have.
    pub fn fits(&self, policy: &Policy) -> Result<(), Unblocked> {
        if self.partner.as_ref().is_some_and(|it| !policy.partners.contains_key(it)) {
            return Err(Unblocked::Partner);
        }
        if self.purpose.is_some_and(|it| !policy.register.purposes.contains_key(&it)) {
            return Err(Unblocked::Purpose);
        }
        Ok(())
    }
}

impl Blocks {
    /// The blocks behind a reader and a recorder of one store.
    #[must_use]
    pub fn new(reader: Reader, recorder: Recorder, clock: Arc<dyn Clock>) -> Self {
        Self { reader, recorder, clock }
    }

    /// Blocks transfers. Those that are not yet recorded are stopped by it.
    ///
    /// Blocks the thread until it is on disk.
    ///
    /// # Errors
    /// A block that names nothing or no document, or a store that cannot record it.
    pub fn add(&self, new: &NewBlock, by: &str) -> Result<Changed, Unblocked> {
        let id = Uuid::now_v7();
        self.commit(|| self.stage(id, new, by))
    }

    /// Lifts a block by a decision.
    ///
    /// Blocks the thread until it is on disk.
    ///
    /// # Errors
    /// A decision that is not named and digested, a block that does not exist or is lifted
    /// already, or a store that cannot record it.
    pub fn lift(&self, block: Uuid, decision: &Evidence, by: &str) -> Result<Changed, Unblocked> {
        self.commit(|| self.stage_lift(block, decision, by))
    }

    /// Every block record, the one that changed last at the end.
    ///
    /// # Errors
    /// The store failed, or holds what this program cannot read.
    pub fn list(&self) -> Result<Vec<Block>, Unblocked> {
        let stored = self.reader.blocks()?;
        stored.iter().map(|stored| Ok(Block::read(&stored.body)?)).collect()
    }

    /// Records what is staged, anew where something came in between.
    fn commit(&self, staged: impl Fn() -> Result<Append, Unblocked>) -> Result<Changed, Unblocked> {
        let mut last = Unrecorded::Stale;
        for _ in 0..TRIES {
            let append = staged()?;
            let record = append.record.as_ref().map_or(Uuid::nil(), |row| row.record);
            match self.recorder.append_blocking(vec![append]).pop() {
                Some(Ok(position)) => return Ok(Changed { record, seq: position.seq }),
                Some(Err(Unrecorded::Stale)) => {}
                Some(Err(why)) => return Err(Unblocked::Unrecorded(why)),
                None => last = Unrecorded::Stopped,
            }
        }
        Err(Unblocked::Unrecorded(last))
    }

    fn stage(&self, id: Uuid, new: &NewBlock, by: &str) -> Result<Append, Unblocked> {
        let NewBlock { subject: identifier, partner, purpose, document } = new;
        if identifier.as_ref().is_some_and(|it| it.id.trim().is_empty() || it.id.len() > 128) {
            return Err(Unblocked::Subject);
        }
        if identifier.as_ref().is_some_and(|it| document.contains(&it.id)) {
            return Err(Unblocked::Personal);
        }
        let named = identifier.as_ref().map(|it| self.reader.reference(it.scheme.as_str(), &it.id));
        let reach = Reach {
            subject: named.map(|subject| HEXLOWER.encode(&subject.0)),
            partner: partner.clone(),
            purpose: *purpose,
        };
        let block = Block::new(id, reach, document, (by, self.clock.now()))?;
        let subject = named.unwrap_or(SubjectRef::EVERYONE);
        let (_, facts) = self.reader.facts(&[subject])?;
        let mut new_subjects = Vec::new();
        let key = if let Some(facts) = facts.into_iter().next().flatten() {
            facts.key.clone()
        } else {
            let created = NewSubject::random(subject)?;
            let key = created.key.clone();
            new_subjects.push(created);
            key
        };
        Ok(Append { new_subjects, ..change(&block, subject, &key)? })
    }

    fn stage_lift(&self, id: Uuid, decision: &Evidence, by: &str) -> Result<Append, Unblocked> {
        let snapshot = self.reader.size();
        let stored = self.reader.record(&id)?.filter(|it| it.kind == RecordKind::Block);
        let stored = stored.ok_or(Unblocked::Unknown)?;
        let mut block = Block::read(&stored.body)?;
        block.lift(decision, (by, self.clock.now()))?;
        let (_, facts) = self.reader.facts(&[stored.subject])?;
        let facts = facts.into_iter().next().flatten().ok_or(BadBlock::Form)?;
        let guard = Guard { snapshot, subjects: vec![stored.subject] };
        Ok(Append { guard: Some(guard), ..change(&block, stored.subject, &facts.key)? })
    }
}

/// Why nothing was blocked, lifted or shown. No message holds a value of a record.
#[derive(Debug, thiserror::Error)]
pub enum Unblocked {
    /// The block or the decision is incomplete, or the block is lifted already.
    #[error(transparent)]
    Bad(#[from] BadBlock),
    /// The subject's identifier cannot be one.
    #[error("the subject's `id` must be 1 to 128 bytes")]
    Subject,
    /// The document's reference holds the subject's identifier.
    #[error("`document` holds the subject's identifier, which is never kept")]
    Personal,
    /// The rules have no such partner.
    #[error("the rules have no such partner: name one that has a file in `partners`")]
    Partner,
    /// The rules have no such purpose.
    #[error("the rules have no such purpose: name one of the register")]
    Purpose,
    /// No such block.
    #[error("no such block")]
    Unknown,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be recorded.
    #[error("the change was not recorded: {0}")]
    Unrecorded(Unrecorded),
}

/// The entry and row of a block after its last event.
fn change(block: &Block, subject: SubjectRef, key: &SubjectKey) -> Result<Append, Unblocked> {
    let body = block.bytes().map_err(|_| BadBlock::Form)?;
    let last = block.events.last().ok_or(BadBlock::Form)?;
    let one = subject != SubjectRef::EVERYONE;
    let event = BlockEvent {
        by: last.by.clone(),
        decision: last.decision.as_ref().map(|decision| decision.sha256.clone()),
        digest: HEXLOWER.encode(&Sha256::digest(&body)),
        partner: block.partner.clone(),
        purpose: block.purpose,
        record: block.record_id,
        state: last.state.word(),
        subject: one.then(|| key.tag(&block.record_id).to_string()),
        when: last.time,
    };
    let row = RecordRow { subject, record: block.record_id, body };
    Ok(Append { record: Some(row), ..Append::plain(Entry::Block(event)) })
}

const TRIES: u32 = 5;
