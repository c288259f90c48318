//! The entries of the ledger and their bytes.
//!
//! An entry is one JSON object in the canonical form of RFC 8785: members sorted by name, no
//! white space, strings and integers below 2^53 only. The leaf of the Merkle tree is the hash of
//! exactly these bytes, so every struct here lists its members in the order in which they are
//! written, and a test holds each against an independent canonicaliser.
//!
//! | member | in | what |
//! |---|---|---|
//! | `v` | all | version of this format, 1 |
//! | `type` | all | the kind: [`Entry::kind`] |
//! | `seq` | all | position in the ledger, counted from 0, without gaps |
//! | `time` | all | RFC 3339, UTC, three decimals |
//! | `did` | all four of a decision | its id, a version 7 UUID (RFC 9562) |
//!
//! Members that a later version of this program added are left out of older entries, and stand for
//! nothing there.
//!
//! No entry holds a personal value. A subject appears as a tag: HMAC-SHA-256 under that subject's
//! own random key, cut to 128 bits, different in every entry, meaningless once the key is gone.

mod receipt;
mod write;

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;
use uuid::Uuid;

use crate::reason::Reason;
use crate::time::Timestamp;
use crate::vocabulary::{CategoryId, Country, Name, PurposeId};
pub use receipt::{Proof, Receipt};

/// The version of the entry format.
pub const VERSION: u8 = 1;

/// What an entry says, before the ledger gives it a position.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A set of rules came into force.
    Activation(Activation),
    /// A person or program did something to the gateway itself.
    Admin(Admin),
    /// Transfers were blocked, or a block was lifted.
    Block(BlockEvent),
    /// A consent was given, refused or withdrawn.
    Consent(ConsentEvent),
    /// Personal data is about to leave.
    Disclosure(Box<Disclosure>),
    /// What became of a disclosure.
    Outcome(Outcome),
    /// What a partner signed of a disclosure.
    Receipt(Receipt),
    /// A transfer was refused and nothing left.
    Refusal(Refusal),
}

impl Entry {
    /// The canonical bytes of this entry at a position in the ledger.
    ///
    /// `time` is when it is recorded; a disclosure or refusal carries the time of its decision.
    #[must_use]
    pub fn bytes(&self, seq: u64, time: Timestamp) -> Vec<u8> {
        write::bytes(self, seq, time)
    }

    /// The entry's kind, the member `type`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Activation(_) => "activation",
            Self::Admin(_) => "admin",
            Self::Block(_) => RecordKind::Block.word(),
            Self::Consent(_) => RecordKind::Consent.word(),
            Self::Disclosure(_) => "disclosure",
            Self::Outcome(_) => "outcome",
            Self::Receipt(_) => "receipt",
            Self::Refusal(_) => "refusal",
        }
    }

    /// The record beside the ledger that this entry is an event of.
    #[must_use]
    pub const fn record(&self) -> Option<(RecordKind, Uuid)> {
        match self {
            Self::Block(event) => Some((RecordKind::Block, event.record)),
            Self::Consent(event) => Some((RecordKind::Consent, event.record)),
            Self::Activation(_)
            | Self::Admin(_)
            | Self::Disclosure(_)
            | Self::Outcome(_)
            | Self::Receipt(_)
            | Self::Refusal(_) => None,
        }
    }
}

/// A kind of record that is kept beside the ledger. Each of its events is an entry of this type,
/// with the record's id as `record` and its SHA-256 after the event as `digest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// What keeps transfers from going.
    Block,
    /// What a subject allowed.
    Consent,
}

impl RecordKind {
    /// The `type` of its entries.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Consent => "consent",
        }
    }

    /// The kind whose entries have this `type`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Block, Self::Consent].into_iter().find(|kind| kind.word() == word)
    }
}

impl From<Disclosure> for Entry {
    fn from(disclosure: Disclosure) -> Self {
        Self::Disclosure(Box::new(disclosure))
    }
}

/// A set of rules came into force.
#[derive(Clone, Debug)]
pub struct Activation {
    /// Who activated it: `start`, `signal`, `file-change`, or an officer's name.
    pub by: String,
    /// Each file's path below the rules folder, with its SHA-256 in hexadecimal.
    pub files: BTreeMap<String, String>,
    /// SHA-256 over the names and digests of all files, in hexadecimal.
    pub policy: String,
    /// The officers who signed this digest, sorted; none where no signature is asked for.
    pub signed_by: Vec<Name>,
}

/// A person or program did something to the gateway itself.
#[derive(Clone, Debug)]
pub struct Admin {
    /// What was done, one of a closed list of words.
    pub act: &'static str,
    /// Who did it.
    pub by: String,
    /// The document that it rests on, by its number or place.
    pub document: Option<String>,
    /// The thing it was done to: a record id or a name, never a personal value.
    pub object: Option<String>,
    /// The partner that it concerns.
    pub partner: Option<Name>,
}

impl Admin {
    /// An act of which there is no more to say.
    #[must_use]
    pub const fn plain(act: &'static str, by: String) -> Self {
        Self { act, by, document: None, object: None, partner: None }
    }
}

/// Transfers were blocked, or a block was lifted (94-V Art. 24(1)(3), 25(2)(8)).
#[derive(Clone, Debug)]
pub struct BlockEvent {
    /// Who did it: an operator's name.
    pub by: String,
    /// SHA-256 of the document that a lifting rests on, in hexadecimal.
    pub decision: Option<String>,
    /// SHA-256 of the block record's canonical JSON after this event, in hexadecimal.
    pub digest: String,
    /// The partner, where only its transfers are blocked.
    pub partner: Option<Name>,
    /// The purpose, where only its transfers are blocked.
    pub purpose: Option<PurposeId>,
    /// The block record's id.
    pub record: Uuid,
    /// The state after the event: `blocked` or `lifted`.
    pub state: &'static str,
    /// The subject's tag in this entry, where only one subject's data are blocked.
    pub subject: Option<String>,
    /// When the event happened.
    pub when: Timestamp,
}

/// A consent was given, refused or withdrawn.
#[derive(Clone, Debug)]
pub struct ConsentEvent {
    /// Who told the gateway: an operator's name, or `import`.
    pub by: String,
    /// The categories that the consent lists.
    pub categories: Vec<CategoryId>,
    /// The countries that it lets the data go to.
    pub countries: Vec<Country>,
    /// SHA-256 of the consent record's canonical JSON after this event, in hexadecimal.
    pub digest: String,
    /// The purposes that it covers.
    pub purposes: Vec<PurposeId>,
    /// The recipients that it names.
    pub recipients: Vec<Name>,
    /// The consent record's id.
    pub record: Uuid,
    /// The state after the event, a term of the Data Privacy Vocabulary such as `ConsentGiven`.
    pub state: &'static str,
    /// The subject's tag in this entry.
    pub subject: String,
    /// When the consent ends.
    pub valid_until: Timestamp,
    /// When the event happened, which may be long before it was recorded.
    pub when: Timestamp,
}

/// Who asked for what: the part that disclosures and refusals share.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The caller's name, unless its certificate belongs to nobody known.
    pub caller: Option<Name>,
    /// The partner's name, once a route was found.
    pub partner: Option<Name>,
    /// SHA-256 of the rules in force, in hexadecimal.
    pub policy: Option<String>,
    /// The purpose, once one was settled.
    pub purpose: Option<PurposeId>,
    /// The route's name, once one was found.
    pub route: Option<Name>,
}

/// The recipient as the rules in force name it (45 CFR 164.528(b)(2)(ii); 94-V Art. 22(1)(5)).
#[derive(Clone, Debug, Serialize)]
pub struct Recipient {
    /// The postal address.
    pub address: String,
    /// Every country the data go to: seat, processing, storage and endpoint.
    pub countries: Vec<Country>,
    /// The legal name.
    pub name: String,
    /// The BIN, or the registration number with its country.
    pub party: String,
}

/// The sealed payload that a disclosure sends.
#[derive(Clone, Debug, Serialize)]
pub struct Payload {
    /// The length of the envelope in bytes.
    pub bytes: u64,
    /// The KEM of the keys, where it is not `x25519`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kem: Option<&'static str>,
    /// The id of the partner's key.
    pub kid: String,
    /// The ids of all keys that it is sealed to, the partner's first, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kids: Vec<String>,
    /// The media type of what is inside.
    pub media: String,
    /// How the recipients get its key, where that is not `direct`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<&'static str>,
    /// SHA-256 of the envelope in hexadecimal.
    pub sha256: String,
}

/// On what a transfer rests (94-V Art. 7(5)).
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Basis {
    /// The subjects' consents, which their lines name: `"consent"`.
    #[serde(serialize_with = "write::consent")]
    Consent,
    /// A state body's request that was accepted (94-V Art. 9).
    Request(Box<Request>),
}

/// A state body's request that was accepted.
#[derive(Clone, Debug, Serialize)]
pub struct Request {
    /// The item of Art. 9, such as `9(1)`.
    pub article: String,
    /// The date of its document.
    pub date: Date,
    /// The number of its document.
    pub document: String,
    /// Who approved it.
    pub officer: Name,
    /// The name that the caller gave.
    pub request: Name,
}

/// Who is told of a transfer, and until when (94-V Art. 19(1)).
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Notify {
    /// The last day.
    pub due: Date,
    /// The number of subject records.
    pub n: u64,
}

/// What the rules that are tried on the route would have decided.
#[derive(Clone, Debug, Serialize)]
pub struct Candidate {
    /// `permitted` or `refused`.
    pub decision: &'static str,
    /// The field, as its rule names it, that a refusal is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The reason, when refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What would be decided for the subjects; none where it did not come to that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<Verdict>,
}

/// What was decided for one or more subjects of a transfer alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// `permitted`, `redacted` or `refused`.
    pub decision: &'static str,
    /// How often an identifier was found that its field may not hold: by field, then by its kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "write::by_name")]
    pub found: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// How many values stayed although their field was to leave: by field, then by the reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "write::by_name")]
    pub lost: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// The number of subject records this verdict is for.
    pub n: u64,
    /// The mapped fields that were there, where nothing was sent of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub present: Vec<String>,
    /// The reason, when refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The field, as its rule names it, that a required-field refusal is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_field: Option<String>,
    /// Fields that were removed, with the reason; a rule's paths only, never a caller's.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "write::by_name")]
    pub removed: BTreeMap<String, Reason>,
    /// Fields that were sent, by category; `-` holds those that are not personal.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "write::by_name")]
    pub sent: BTreeMap<String, Vec<String>>,
    /// What was done to fields that were sent, where they did not leave as they were.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "write::by_name")]
    pub treated: BTreeMap<String, String>,
    /// The number of members removed because no rule maps them.
    #[serde(skip_serializing_if = "is_zero")]
    pub unmapped: u64,
}

/// The subject lines of a transfer: how many, and the root that binds them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Subjects {
    /// The number of lines.
    pub n: u64,
    /// The RFC 6962 root over the lines, in hexadecimal.
    pub root: String,
}

/// A part of a record stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StreamPart {
    /// The stream's id, the same for all of its parts: the decision's id that the caller got.
    pub id: Uuid,
    /// The number of the part among those that were to be sent, counted from 0. A refused part
    /// bears the number that it would have had.
    pub n: u64,
}

/// Personal data is about to leave.
#[derive(Clone, Debug)]
pub struct Disclosure {
    /// The decision's id.
    pub did: Uuid,
    /// When it was decided.
    pub time: Timestamp,
    /// The id of the disclosure by which the same transfer went first, where the partner did not
    /// know the key of that one.
    pub again: Option<Uuid>,
    /// Who asked for what.
    pub asked: Asked,
    /// On what it rests.
    pub basis: Basis,
    /// For each country abroad, the item of 94-V Art. 16 under which data may go there.
    pub border: BTreeMap<String, &'static str>,
    /// What the rules that are tried would have done.
    pub candidate: Option<Box<Candidate>>,
    /// Whether any country is not Kazakhstan.
    pub cross_border: bool,
    /// The BIN of the controller, who sends.
    pub exporter: String,
    /// Who is told of it, if anybody is.
    pub notify: Option<Notify>,
    /// The sealed payload.
    pub payload: Payload,
    /// The recipient.
    pub recipient: Recipient,
    /// The ledger's size when the consents were read.
    pub snapshot: u64,
    /// Which part it is of a record stream, if it is one.
    pub stream: Option<StreamPart>,
    /// The subject lines.
    pub subjects: Subjects,
    /// What was decided, one verdict for all subjects that were treated alike.
    pub verdicts: Vec<Verdict>,
}

/// A transfer was refused and nothing left.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The decision's id.
    pub did: Uuid,
    /// When it was decided.
    pub time: Timestamp,
    /// Who asked for what, as far as it was known.
    pub asked: Asked,
    /// On what it would have rested, when the document could be read.
    pub basis: Option<Basis>,
    /// What the rules that are tried would have done, when it came to a decision.
    pub candidate: Option<Box<Candidate>>,
    /// Why.
    pub reason: Reason,
    /// Where: a rule's path, a byte offset or a header name, never a value.
    pub place: Option<String>,
    /// Which part it is of a record stream, if it is one.
    pub stream: Option<StreamPart>,
    /// The subject lines, when the document could be read.
    pub subjects: Option<Subjects>,
    /// What was decided for the subjects, when the document could be read.
    pub verdicts: Vec<Verdict>,
}

/// What became of a disclosure.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The disclosure's id.
    pub did: Uuid,
    /// The position of the disclosure.
    pub of: u64,
    /// `delivered` when the partner answered, `failed` when surely nothing arrived, `unknown`
    /// otherwise.
    pub result: &'static str,
    /// Why it was not delivered.
    pub reason: Option<Reason>,
    /// The partner's HTTP status.
    pub status: Option<u16>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
pub(crate) mod tests;
