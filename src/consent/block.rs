//! A block: what keeps transfers of a subject's data, to a partner or for a purpose from going,
//! whatever the consents say (94-V Art. 24(1)(3), 25(2)(8)).
//!
//! It may name any of the three, at least one, and reaches the transfers that all of them fit. It
//! holds from its record on, and is lifted only by a decision that is on paper.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::record::{Evidence, is_sha256};
use crate::reason::Reason;
use crate::time::Timestamp;
use crate::vocabulary::{Name, PurposeId};

/// A block record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// The schema that the record follows, [`SCHEMA`].
    pub schema_version: String,
    /// The record's id.
    pub record_id: Uuid,
    /// The keyed pseudonym of the subject in hexadecimal, never the identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pii_principal_id: Option<String>,
    /// The partner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<Name>,
    /// The purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<PurposeId>,
    /// The document that it rests on, by its number or place.
    pub document: String,
    /// What happened to the block, oldest first.
    pub events: Vec<Event>,
}

/// What a block reaches: the transfers that everything named here fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// The keyed pseudonym of the subject in hexadecimal, never the identifier.
    pub subject: Option<String>,
    /// The partner.
    pub partner: Option<Name>,
    /// The purpose.
    pub purpose: Option<PurposeId>,
}

/// Something that happened to a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When it happened.
    pub time: Timestamp,
    /// Who did it: an operator's name.
    pub by: String,
    /// The state from then on.
    pub state: State,
    /// The decision that a lifting rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Evidence>,
}

/// The state of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Transfers are blocked.
    Blocked,
    /// They no longer are.
    Lifted,
}

impl State {
    /// The word that records and ledger entries carry.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Lifted => "lifted",
        }
    }
}

/// The schema of the records that this program reads and writes.
pub const SCHEMA: &str = "otkel block/1";

impl Block {
    /// A new block, in force.
    ///
    /// # Errors
    /// It reaches nothing in particular, or rests on no document.
    pub fn new(
        record_id: Uuid,
        reach: Reach,
        document: &str,
        (by, now): (&str, Timestamp),
    ) -> Result<Self, BadBlock> {
        if reach == Reach::default() {
            return Err(BadBlock::Boundless);
        }
        if !is_reference(document) {
            return Err(BadBlock::Document);
        }
        let event = Event { time: now, by: by.to_owned(), state: State::Blocked, decision: None };
        Ok(Self {
            schema_version: SCHEMA.to_owned(),
            record_id,
            pii_principal_id: reach.subject,
            partner: reach.partner,
            purpose: reach.purpose,
            document: document.to_owned(),
            events: vec![event],
        })
    }

    /// Lifts the block.
    ///
    /// # Errors
    /// It is lifted already, or the decision is not named and digested.
    pub fn lift(
        &mut self,
        decision: &Evidence,
        (by, now): (&str, Timestamp),
    ) -> Result<(), BadBlock> {
        let last = self.events.last().ok_or(BadBlock::Form)?;
        if last.state == State::Lifted {
            return Err(BadBlock::Lifted(self.record_id));
        }
        if !is_reference(&decision.reference) || !is_sha256(&decision.sha256) {
            return Err(BadBlock::Undecided);
        }
        let sha256 = decision.sha256.to_ascii_lowercase();
        let event = Event {
            time: now.max(last.time),
            by: by.to_owned(),
            state: State::Lifted,
            decision: Some(Evidence { sha256, ..decision.clone() }),
        };
        self.events.push(event);
        Ok(())
    }

    /// Whether it keeps transfers from going.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        self.events.last().is_none_or(|event| event.state == State::Blocked)
    }

    /// Reads the stored bytes of a record.
    ///
    /// # Errors
    /// Bytes that are not such a record; whoever depends on it must then refuse.
    pub fn read(bytes: &[u8]) -> Result<Self, BadBlock> {
        serde_json::from_slice(bytes).map_err(|_| BadBlock::Form)
    }

    /// The canonical JSON (RFC 8785) of the record: what is stored and digested.
    ///
    /// # Errors
    /// None that a block can cause.
    pub fn bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json_canonicalizer::to_vec(self)
    }
}

/// The terms of a block in force: the part that decisions look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The record's id.
    pub record: Uuid,
    /// The partner, where only its transfers are blocked.
    pub partner: Option<Name>,
    /// The purpose, where only its transfers are blocked.
    pub purpose: Option<PurposeId>,
}

impl Terms {
    /// The terms of a block, `None` of one that was lifted.
    #[must_use]
    pub fn of(block: &Block) -> Option<Self> {
        block.is_in_force().then(|| Self {
            record: block.record_id,
            partner: block.partner.clone(),
            purpose: block.purpose,
        })
    }

    /// Whether a transfer to this partner for this purpose is blocked.
    #[must_use]
    pub fn covers(&self, partner: &Name, purpose: PurposeId) -> bool {
        self.partner.as_ref().is_none_or(|named| named == partner)
            && self.purpose.is_none_or(|named| named == purpose)
    }
}

/// Why a transfer is blocked whoever its subjects are, by the blocks that name no subject.
#[must_use]
pub fn barrier(blocks: &[Terms], partner: &Name, purpose: PurposeId) -> Option<Reason> {
    let mut covering = blocks.iter().filter(|block| block.covers(partner, purpose)).peekable();
    covering.peek()?;
    let names_partner = covering.any(|block| block.partner.is_some());
    Some(if names_partner { Reason::PartnerBlocked } else { Reason::PurposeBlocked })
}

/// What is wrong with a block. No message holds a value of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBlock {
    /// It names nothing.
    #[error("a block must name a subject, a partner or a purpose")]
    Boundless,
    /// The document is not named, or not as it should be.
    #[error("`document` must be 1 to 200 characters without control characters")]
    Document,
    /// The decision is not named and digested.
    #[error(
        "a block is lifted only by a decision: its `reference` of 1 to 200 characters and its \
         `sha256` of 64 hexadecimal digits"
    )]
    Undecided,
    /// It is lifted already.
    #[error("block {0} is lifted already")]
    Lifted(Uuid),
    /// Not a block record.
    #[error("not a stored block record")]
    Form,
}

fn is_reference(text: &str) -> bool {
    let fits = (1..=200).contains(&text.chars().count());
    fits && !text.trim().is_empty() && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse("2026-11-22T09:45:00Z").unwrap()
    }

    fn reach(subject: Option<&str>, partner: Option<&str>, purpose: Option<&str>) -> Reach {
        Reach {
            subject: subject.map(str::to_owned),
            partner: partner.map(|name| Name::parse(name).unwrap()),
            purpose: purpose.map(|id| PurposeId::parse(id).unwrap()),
        }
    }

    fn block(reach: Reach) -> Block {
        Block::new(Uuid::from_u128(1), reach, "No. 7", ("officer", now())).unwrap()
    }

    #[test]
    fn a_block_reaches_what_all_its_parts_fit() {
        let [gb, de] = ["training-gb", "mailing-de"].map(|name| Name::parse(name).unwrap());
        let [p09, p10] = ["P09", "P10a"].map(|id| PurposeId::parse(id).unwrap());
        let cases = [
            (reach(Some("00"), None, None), [true, true, true]),
            (reach(None, Some("training-gb"), None), [true, true, false]),
            (reach(None, None, Some("P09")), [true, false, true]),
            (reach(Some("00"), Some("training-gb"), Some("P09")), [true, false, false]),
        ];
        for (reach, covered) in cases {
            let terms = Terms::of(&block(reach.clone())).unwrap();
            let found = [(&gb, p09), (&gb, p10), (&de, p09)].map(|(n, p)| terms.covers(n, p));
            assert_eq!(found, covered, "{reach:?}");
        }
        let terms = |partner, purpose| Terms::of(&block(reach(None, partner, purpose))).unwrap();
        let by_purpose = [terms(None, Some("P09"))];
        assert_eq!(barrier(&[], &gb, p09), None);
        assert_eq!(barrier(&by_purpose, &gb, p10), None);
        assert_eq!(barrier(&by_purpose, &gb, p09), Some(Reason::PurposeBlocked));
        let both = [by_purpose.to_vec(), vec![terms(Some("training-gb"), None)]].concat();
        assert_eq!(barrier(&both, &gb, p09), Some(Reason::PartnerBlocked));
        assert_eq!(barrier(&both, &de, p09), Some(Reason::PurposeBlocked));
    }

    #[test]
    fn a_block_names_something_and_its_document() {
        let new = |reach, document| {
            Block::new(Uuid::from_u128(1), reach, document, ("officer", now())).unwrap_err()
        };
        assert_eq!(new(Reach::default(), "No. 7"), BadBlock::Boundless);
        for document in ["", " ", "a\nb", &"x".repeat(201)] {
            assert_eq!(new(reach(Some("00"), None, None), document), BadBlock::Document);
        }
    }

    #[test]
    fn a_block_is_lifted_once_and_only_by_a_decision() {
        let mut block = block(reach(None, None, Some("P09")));
        let evidence = |reference: &str, sha256: &str| Evidence {
            reference: reference.to_owned(),
            sha256: sha256.to_owned(),
        };
        let whole = block.clone();
        for decision in [evidence("", &"AB".repeat(32)), evidence("No. 8", "ab")] {
            let refused = block.lift(&decision, ("officer", now())).unwrap_err();
            assert_eq!(refused, BadBlock::Undecided);
        }
        assert_eq!(block, whole);
        let decision = evidence("No. 8", &"AB".repeat(32));
        // A clock that went back does not put the events out of order.
        let before = now().plus_millis(-5);
        block.lift(&decision, ("officer", before)).unwrap();
        assert_eq!((block.is_in_force(), Terms::of(&block)), (false, None));
        assert_eq!(block.events[1].time, now());
        let again = block.lift(&decision, ("officer", now())).unwrap_err();
        assert_eq!(again, BadBlock::Lifted(Uuid::from_u128(1)));
        assert_eq!(Block::read(&block.bytes().unwrap()), Ok(block));
    }

    #[test]
    fn the_bytes_are_as_documented() {
        let bytes = block(reach(None, Some("training-gb"), None)).bytes().unwrap();
        let expected = concat!(
            r#"{"document":"No. 7","events":[{"by":"officer","state":"blocked","#,
            r#""time":"2026-11-22T09:45:00.000Z"}],"partner":"training-gb","#,
            r#""record_id":"00000000-0000-0000-0000-000000000001","#,
            r#""schema_version":"otkel block/1"}"#,
        );
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        assert_eq!(Block::read(b"{}"), Err(BadBlock::Form));
    }
}
