//! Re-derives a whole log from its stored bytes and names the first thing that is wrong.
//!
//! Fed in this order: each entry, with every kept checkpoint of the size then reached just before
//! the next entry; what is left of the checkpoints; the records; the head. What it can and
//! cannot see:
//!
//! | change | seen as |
//! |---|---|
//! | bytes of an entry | [`Fault::Altered`], by its leaf hash |
//! | bytes and leaf hash | [`Fault::Rewritten`], by the next checkpoint, or [`Fault::Head`] |
//! | entry deleted, moved | [`Fault::Missing`], [`Fault::OutOfOrder`] |
//! | a receipt, its outcome apart | [`Fault::Receipt`] |
//! | a subject line | [`Fault::Lines`] |
//! | entries, head and kept checkpoints cut off | [`Fault::Cut`], by a published checkpoint |
//! | consent or block record | [`Fault::Record`], by the digest in its last event |

use std::collections::{BTreeMap, HashMap};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::canonical::Members;
use super::checkpoint::{BadCheckpoint, Checkpoint, PublicKey};
use super::entry::{RecordKind, VERSION};
use super::line;
use super::tree::{Frontier, Hash, leaf_hash};
use crate::signing::receipt::Receipt;

/// A log being re-derived.
#[derive(Debug)]
pub struct Verifier {
    key: Option<PublicKey>,
    published: Option<Checkpoint>,
    tree: Frontier,
    signed: u64,
    checkpoints: u64,
    kinds: BTreeMap<String, u64>,
    open: BTreeMap<u64, Open>,
    receipts: BTreeMap<String, u64>,
    /// The last entry and the disclosure that it is a receipt of, if it is one.
    receipt: Option<(u64, u64)>,
    records: HashMap<Uuid, Event>,
    newest_event: u64,
}

/// What a sound log holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The number of entries.
    pub size: u64,
    /// The RFC 6962 root over them.
    pub root: Hash,
    /// The number of entries of each kind.
    pub kinds: BTreeMap<String, u64>,
    /// The number of checkpoints that hold.
    pub checkpoints: u64,
    /// The number of entries that some checkpoint covers; those after it could have been cut off.
    pub signed: u64,
    /// The size of the log right after the newest event of a record, 0 without one.
    pub records: u64,
    /// The number of receipts of each status.
    pub receipts: BTreeMap<String, u64>,
    /// Disclosures without an outcome: the data left, and what became of them is unknown.
    pub open: Vec<OpenDisclosure>,
}

/// A disclosure whose outcome is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenDisclosure {
    /// The position.
    pub seq: u64,
    /// The decision's id.
    pub did: Uuid,
    /// When it was decided, RFC 3339.
    pub time: String,
}

/// The first thing that is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The bytes are not those that the leaf hash was made of.
    #[error("entry {0} was altered: its bytes are not those of its leaf hash")]
    Altered(u64),
    /// No entry has the next position.
    #[error("entry {0} is missing")]
    Missing(u64),
    /// The entry at a position says that it belongs elsewhere.
    #[error("entry {seq} is out of order: it says that it is entry {says}")]
    OutOfOrder {
        /// Where it is.
        seq: u64,
        /// Where it says it is.
        says: u64,
    },
    /// The bytes are not canonical JSON.
    #[error("entry {0} is not canonical JSON")]
    NotCanonical(u64),
    /// The bytes are not an entry of the version that this program knows.
    #[error("entry {0} is not a ledger entry of version 1")]
    NotAnEntry(u64),
    /// The subject lines are not those that the entry binds.
    #[error("the subject lines of entry {0} are not those that it binds")]
    Lines(u64),
    /// The outcome is of no disclosure before it, or of one that has an outcome.
    #[error("entry {0} is the outcome of no open disclosure")]
    Outcome(u64),
    /// The receipt is not of the disclosure whose outcome follows, or says something else than its
    /// entry.
    #[error("entry {0} is not a receipt of the disclosure whose outcome follows it")]
    Receipt(u64),
    /// A checkpoint cannot be taken.
    #[error("the checkpoint at size {size}: {why}")]
    Checkpoint {
        /// The size that it is kept under.
        size: u64,
        /// What is wrong with it.
        why: BadCheckpoint,
    },
    /// The published checkpoint cannot be taken.
    #[error("the published checkpoint: {0}")]
    Published(BadCheckpoint),
    /// The entries lead to another root than was signed.
    #[error("entries were rewritten between {after} and {before}: the signed root is another")]
    Rewritten {
        /// The size of the last checkpoint that holds; entries below it are sound.
        after: u64,
        /// The size of the checkpoint that does not.
        before: u64,
    },
    /// Fewer entries are there than were signed.
    #[error("entry {size} and what follows are missing; a checkpoint covers {signed}")]
    Cut {
        /// The number of entries that are there.
        size: u64,
        /// The number that a checkpoint covers.
        signed: u64,
    },
    /// The head row is not what the entries lead to.
    #[error("the head row is not what the {0} entries lead to")]
    Head(u64),
    /// The record is not the one that its last event left.
    #[error("{kind} record {record} is not the one that entry {seq} left", kind = .kind.word())]
    Record {
        /// What it is, by its last event.
        kind: RecordKind,
        /// The record's id.
        record: Uuid,
        /// Its last event.
        seq: u64,
    },
    /// A record has no event in the log.
    #[error("{kind} record {0} has no entry", kind = .1.word())]
    RecordUnrecorded(Uuid, RecordKind),
    /// A rule file is not the one that its digest was made of.
    #[error("the rule file kept as {0} was altered: its bytes have another SHA-256")]
    RuleFile(String),
}

/// A disclosure without an outcome so far, and what its receipt may be of.
#[derive(Debug)]
struct Open {
    disclosure: OpenDisclosure,
    sent: Option<(String, u64)>,
    stream: Option<Uuid>,
}

impl Open {
    fn read(disclosure: OpenDisclosure, members: &Members<'_>) -> Self {
        let inner = |name| Members::read(members.raw(name)?.as_bytes()).ok();
        let payload = inner("payload");
        let sent =
            payload.and_then(|it| Some((it.text("sha256")?.to_owned(), it.number("bytes")?)));
        let stream = inner("stream").and_then(|it| Uuid::try_parse(it.text("id")?).ok());
        Self { disclosure, sent, stream }
    }

    /// Whether an entry can be the receipt of this disclosure. That the partner signed it was
    /// checked when it came, and anybody who has the partner's key can check it again.
    fn has_receipt(&self, status: &str, members: &Members<'_>) -> bool {
        let (jws, why) = (members.text("jws"), members.text("why"));
        match (status, jws, why, members.text("sha256").and_then(hash)) {
            ("missing", None, None, None) | ("wrong", None, Some(_), Some(_)) => true,
            ("missing" | "wrong", ..) => false,
            (_, Some(jws), None, None) => {
                Receipt::unproven(jws).is_ok_and(|receipt| self.is_said(status, &receipt))
            }
            _ => false,
        }
    }

    fn is_said(&self, status: &str, receipt: &Receipt) -> bool {
        let of = if let Some(stream) = self.stream {
            // A stream has one receipt, over the bodies of all its parts.
            receipt.did == stream && receipt.parts.is_some()
        } else {
            let env = (receipt.env.sha256.as_str(), receipt.env.len);
            let sent = self.sent.as_ref().map(|(sha256, bytes)| (sha256.as_str(), *bytes));
            receipt.did == self.disclosure.did && receipt.parts.is_none() && sent == Some(env)
        };
        of && receipt.status.word() == status
    }
}

#[derive(Clone, Copy, Debug)]
struct Event {
    kind: RecordKind,
    seq: u64,
    digest: Hash,
}

impl Event {
    const fn fault(self, record: Uuid) -> Fault {
        Fault::Record { kind: self.kind, record, seq: self.seq }
    }
}

impl Verifier {
    /// Begins, with the key that checkpoints are checked with; without it they are not looked at.
    #[must_use]
    pub fn new(key: Option<PublicKey>) -> Self {
        Self {
            key,
            published: None,
            tree: Frontier::default(),
            signed: 0,
            checkpoints: 0,
            kinds: BTreeMap::new(),
            open: BTreeMap::new(),
            receipts: BTreeMap::new(),
            receipt: None,
            records: HashMap::new(),
            newest_event: 0,
        }
    }

    /// The number of entries so far.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Takes the checkpoint that was published outside the store, before the first entry.
    ///
    /// # Errors
    /// It is not signed by the key, or there is no key.
    pub fn published(&mut self, note: &str) -> Result<(), Fault> {
        let key = self.key.as_ref().ok_or(Fault::Published(BadCheckpoint::Unsigned))?;
        self.published = Some(Checkpoint::open(note, key).map_err(Fault::Published)?);
        Ok(())
    }

    /// Takes the next entry: its position, bytes, leaf hash and subject lines as stored.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn entry(
        &mut self,
        seq: u64,
        bytes: &[u8],
        leaf: &[u8],
        lines: Option<&[u8]>,
    ) -> Result<(), Fault> {
        let expected = self.size();
        if seq > expected {
            return Err(Fault::Missing(expected));
        }
        if seq < expected {
            return Err(Fault::OutOfOrder { seq: expected, says: seq });
        }
        let hash = leaf_hash(bytes);
        if hash != *leaf {
            return Err(Fault::Altered(seq));
        }
        let members = Members::read(bytes).map_err(|_| Fault::NotCanonical(seq))?;
        let (Some(says), Some(kind)) = (members.number("seq"), members.text("type")) else {
            return Err(Fault::NotAnEntry(seq));
        };
        if members.number("v") != Some(u64::from(VERSION)) {
            return Err(Fault::NotAnEntry(seq));
        }
        if says != seq {
            return Err(Fault::OutOfOrder { seq, says });
        }
        check_lines(&members, lines).ok_or(Fault::Lines(seq))?;
        self.link(seq, kind, &members)?;
        count(&mut self.kinds, kind);
        self.tree.push(hash);
        self.reach_published()
    }

    /// Takes a kept checkpoint, once as many entries as it covers have been taken, or all.
    ///
    /// # Errors
    /// It is not signed by the key, or the entries lead elsewhere.
    pub fn checkpoint(&mut self, size: u64, note: &str) -> Result<(), Fault> {
        let Some(key) = &self.key else { return Ok(()) };
        let opened = Checkpoint::open(note, key).and_then(|opened| {
            if opened.size == size { Ok(opened) } else { Err(BadCheckpoint::Malformed) }
        });
        let opened = opened.map_err(|why| Fault::Checkpoint { size, why })?;
        if opened.size != self.size() {
            return Err(Fault::Cut { size: self.size(), signed: size });
        }
        self.hold(opened.root)?;
        self.checkpoints = self.checkpoints.saturating_add(1);
        Ok(())
    }

    /// Takes a record as stored, after the last entry.
    ///
    /// # Errors
    /// It is not what its last event left.
    pub fn record(
        &mut self,
        kind: RecordKind,
        record: &Uuid,
        seq: u64,
        body: &[u8],
    ) -> Result<(), Fault> {
        let event = self.records.remove(record).ok_or(Fault::RecordUnrecorded(*record, kind))?;
        let digest: Hash = Sha256::digest(body).into();
        let agrees = event.kind == kind && event.seq == seq && event.digest == digest;
        agrees.then_some(()).ok_or_else(|| event.fault(*record))
    }

    /// Ends, with the head row as stored.
    ///
    /// # Errors
    /// Something that should be there is not.
    pub fn finish(self, head: &Frontier) -> Result<Report, Fault> {
        let size = self.size();
        if let Some(published) = self.published.filter(|published| published.size > size) {
            return Err(Fault::Cut { size, signed: published.size });
        }
        if head.size() > size {
            return Err(Fault::Missing(size));
        }
        if *head != self.tree {
            return Err(Fault::Head(size));
        }
        if let Some((seq, _)) = self.receipt {
            return Err(Fault::Receipt(seq));
        }
        let gone = self.records.iter().min_by_key(|(_, event)| event.seq);
        if let Some((record, event)) = gone {
            return Err(event.fault(*record));
        }
        Ok(Report {
            size,
            root: self.tree.root(),
            kinds: self.kinds,
            checkpoints: self.checkpoints,
            signed: self.signed,
            records: self.newest_event,
            receipts: self.receipts,
            open: self.open.into_values().map(|open| open.disclosure).collect(),
        })
    }

    /// Follows what an entry says of other entries and of records.
    fn link(&mut self, seq: u64, kind: &str, members: &Members<'_>) -> Result<(), Fault> {
        if let Some((receipt, of)) = self.receipt.take()
            && (kind != "outcome" || members.number("of") != Some(of))
        {
            return Err(Fault::Receipt(receipt));
        }
        let id = |name| members.text(name).and_then(|text| Uuid::try_parse(text).ok());
        match kind {
            "disclosure" => {
                let (Some(did), Some(time)) = (id("did"), members.text("time")) else {
                    return Err(Fault::NotAnEntry(seq));
                };
                let disclosure = OpenDisclosure { seq, did, time: time.to_owned() };
                self.open.insert(seq, Open::read(disclosure, members));
            }
            "outcome" => {
                let disclosure = members.number("of").and_then(|of| self.open.remove(&of));
                if disclosure.is_none_or(|open| id("did") != Some(open.disclosure.did)) {
                    return Err(Fault::Outcome(seq));
                }
            }
            "receipt" => {
                let open = members.number("of").and_then(|of| self.open.get(&of));
                let open = open.filter(|open| id("did") == Some(open.disclosure.did));
                let status = members.text("status").unwrap_or_default();
                let Some(open) = open.filter(|open| open.has_receipt(status, members)) else {
                    return Err(Fault::Receipt(seq));
                };
                self.receipt = Some((seq, open.disclosure.seq));
                count(&mut self.receipts, status);
            }
            _ => {}
        }
        if let Some(kind) = RecordKind::parse(kind) {
            let digest = members.text("digest").and_then(hash);
            let (Some(record), Some(digest)) = (id("record"), digest) else {
                return Err(Fault::NotAnEntry(seq));
            };
            let event = Event { kind, seq, digest };
            let before = self.records.insert(record, event);
            if before.is_some_and(|before| before.kind != kind) {
                return Err(Fault::NotAnEntry(seq));
            }
            self.newest_event = seq.saturating_add(1);
        }
        Ok(())
    }

    fn reach_published(&mut self) -> Result<(), Fault> {
        match &self.published {
            Some(published) if published.size == self.tree.size() => {
                let root = published.root;
                self.hold(root)
            }
            _ => Ok(()),
        }
    }

    /// Holds the entries so far against a signed root.
    fn hold(&mut self, root: Hash) -> Result<(), Fault> {
        if self.tree.root() != root {
            return Err(Fault::Rewritten { after: self.signed, before: self.size() });
        }
        self.signed = self.size();
        Ok(())
    }
}

/// Holds subject lines against the number and root that an entry binds.
fn check_lines(members: &Members<'_>, lines: Option<&[u8]>) -> Option<()> {
    let Some(subjects) = members.raw("subjects") else { return lines.is_none().then_some(()) };
    let subjects = Members::read(subjects.as_bytes()).ok()?;
    let lines = lines.unwrap_or_default();
    let tree: Frontier = line::leaves(lines).collect();
    let canonical = line::split(lines).all(|line| Members::read(line).is_ok());
    let bound = subjects.number("n") == Some(tree.size())
        && subjects.text("root").and_then(hash) == Some(tree.root());
    (canonical && bound).then_some(())
}

fn count(counts: &mut BTreeMap<String, u64>, word: &str) {
    match counts.get_mut(word) {
        Some(count) => *count = count.saturating_add(1),
        None => drop(counts.insert(word.to_owned(), 1)),
    }
}

fn hash(hex: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    let fits = HEXLOWER.decode_len(hex.len()) == Ok(hash.len());
    let decoded = fits && HEXLOWER.decode_mut(hex.as_bytes(), &mut hash).is_ok();
    decoded.then_some(hash)
}

#[cfg(test)]
mod tests;
