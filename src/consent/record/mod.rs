//! One consent record: the fields of ISO/IEC TS 27560 and the seven items of 94-V Art. 8(4).
//!
//! A record is read once, here, and what it lacks is named. Its last event decides its state; no
//! event brings a withdrawn consent back: a new consent is a new record.
//!
//! | item of Art. 8(4) | member |
//! |---|---|
//! | 1) the operator | `pii_controllers` |
//! | 2) the subject's name | `subject_name_present` |
//! | 3) the term | `valid_until` of the event that gives the consent |
//! | 4) transfer to third parties | `recipient_third_parties`, `[]` where there is none |
//! | 5) cross-border transfer | `cross_border` |
//! | 6) publication | `publication` |
//! | 7) the list of data | `pii_information` |

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::Timestamp;
use crate::vocabulary::{CategoryId, Country, Name, PurposeId};

/// A consent record that is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The schema that the record follows, [`SCHEMA`].
    pub schema_version: String,
    /// The record's id.
    pub record_id: Uuid,
    /// The keyed pseudonym of the subject in hexadecimal, never the identifier.
    pub pii_principal_id: String,
    /// Whether the evidence shows surname, name and patronymic (Art. 8(4)2)).
    pub subject_name_present: bool,
    /// The operators (Art. 8(4)1)).
    pub pii_controllers: Vec<Controller>,
    /// The notice that was shown.
    pub privacy_notice: Notice,
    /// The language in which it was shown (BCP 47).
    pub language: String,
    /// The purposes.
    pub purposes: Vec<PurposeId>,
    /// The categories of data (Art. 8(4)7)).
    pub pii_information: Vec<CategoryId>,
    /// The recipients (Art. 8(4)4)); empty where no third party may have the data.
    pub recipient_third_parties: Vec<Name>,
    /// Whether and where the data may go abroad (Art. 8(4)5)).
    pub cross_border: CrossBorder,
    /// Whether and where the data may be published (Art. 8(4)6)).
    pub publication: Publication,
    /// Where the data are kept (Art. 12(2)).
    pub storage_locations: Vec<Country>,
    /// How long they are kept: an ISO 8601 duration, or the event that ends it.
    pub retention_period: String,
    /// The law that governs the consent.
    pub jurisdiction: Country,
    /// The basis, with the article.
    pub lawful_basis: String,
    /// How the subject can withdraw: a URL, an address or a telephone number.
    pub withdrawal_method: String,
    /// Where the data were collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection_method: Option<String>,
    /// `subject`, or the authority of the representative.
    pub given_by: String,
    /// Until when the subject is a minor, if it was one: until then only a representative
    /// consents (Art. 7(1), 8(1)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minor_until: Option<Timestamp>,
    /// Whether decisions made without a person were explained and accepted (Art. 19-1).
    #[serde(default, skip_serializing_if = "is_false")]
    pub automated_processing: bool,
    /// Whether the subject is told of each transfer (Art. 19(1)).
    pub notify_on_transfer: bool,
    /// What happened to the consent, oldest first.
    pub events: Vec<Event>,
}

/// An operator that a consent was given to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Controller {
    /// The BIN.
    pub party_id: String,
    /// The legal name.
    pub name: String,
    /// The postal address.
    pub address: String,
    /// An e-mail address, telephone number or URL.
    pub contact: String,
}

/// The notice that was shown when a consent was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// Where it was published.
    pub uri: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its exact text, in hexadecimal.
    pub sha256: String,
}

/// Whether and where data may go abroad.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrossBorder {
    /// Whether cross-border transfer takes place.
    pub allowed: bool,
    /// The countries.
    pub countries: Vec<Country>,
}

/// Whether and where data may be published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// Whether publication takes place.
    pub allowed: bool,
    /// The public sources.
    pub sources: Vec<String>,
}

/// Something that happened to a consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When it happened.
    pub event_time: Timestamp,
    /// How the will was expressed.
    pub event_type: EventType,
    /// The state of the consent from then on.
    pub event_state: State,
    /// Until when the consent holds, on events that give it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// How the subject told the operator.
    pub channel: Channel,
    /// The proof (Art. 25(2)(5)), on events that give consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// What a withdrawal is about; all of the consent where absent (Art. 8(7)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
}

/// How a will was expressed (DPV); an implied consent is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventType {
    /// `dpv:ExpressedConsent`.
    ExpressedConsent,
    /// `dpv:ExplicitlyExpressedConsent`.
    ExplicitlyExpressedConsent,
}

/// The state of a consent (`dpv:hasConsentStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are the terms of DPV")]
pub enum State {
    ConsentGiven,
    RenewedConsentGiven,
    ConsentUnknown,
    ConsentRequested,
    ConsentRequestDeferred,
    ConsentRefused,
    ConsentWithdrawn,
    ConsentExpired,
    ConsentRevoked,
    ConsentInvalidated,
}

impl State {
    /// Whether a consent in this state can let data through.
    #[must_use]
    pub const fn is_usable(self) -> bool {
        matches!(self, Self::ConsentGiven | Self::RenewedConsentGiven)
    }

    /// The DPV term, without its prefix.
    #[must_use]
    pub const fn term(self) -> &'static str {
        match self {
            Self::ConsentGiven => "ConsentGiven",
            Self::RenewedConsentGiven => "RenewedConsentGiven",
            Self::ConsentUnknown => "ConsentUnknown",
            Self::ConsentRequested => "ConsentRequested",
            Self::ConsentRequestDeferred => "ConsentRequestDeferred",
            Self::ConsentRefused => "ConsentRefused",
            Self::ConsentWithdrawn => "ConsentWithdrawn",
            Self::ConsentExpired => "ConsentExpired",
            Self::ConsentRevoked => "ConsentRevoked",
            Self::ConsentInvalidated => "ConsentInvalidated",
        }
    }
}

/// How the subject told the operator (94-V Art. 8(1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Channel {
    Written,
    DigitalSignature,
    StateService,
    NonStateService,
    OneTimeCode,
    Form,
}

/// The proof of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Where the proof is kept.
    pub reference: String,
    /// SHA-256 of the proof, in hexadecimal.
    pub sha256: String,
}

/// What a withdrawal is about (Art. 8(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// All of the consent.
    All,
    /// Transfer to third parties.
    ThirdParty,
    /// Cross-border transfer.
    CrossBorder,
}

/// The schema of the records that this program reads and writes.
pub const SCHEMA: &str = "https://w3id.org/dpv/schema/dpv-27560#record otkel/1";

impl Record {
    /// Checks what the types cannot say, at the time of import.
    ///
    /// # Errors
    /// Every item that is missing or cannot be, by its member and its item of Art. 8(4).
    pub fn check(&self, now: Timestamp) -> Result<(), BadRecord> {
        let mut faults = Vec::new();
        let mut want = |holds: bool, fault: Fault| {
            if !holds {
                faults.push(fault);
            }
        };
        want(self.schema_version == SCHEMA, Fault::Schema);
        want(!self.pii_controllers.is_empty(), Fault::Missing("pii_controllers", Some(1)));
        let named = |c: &Controller| filled(&c.party_id) && filled(&c.name);
        want(self.pii_controllers.iter().all(named), Fault::Missing("pii_controllers", Some(1)));
        want(self.subject_name_present, Fault::Missing("subject_name_present", Some(2)));
        want(!self.pii_information.is_empty(), Fault::Missing("pii_information", Some(7)));
        want(!self.purposes.is_empty(), Fault::Missing("purposes", None));
        let countries = &self.cross_border.countries;
        want(self.cross_border.allowed != countries.is_empty(), Fault::CrossBorder);
        let sources = &self.publication.sources;
        want(self.publication.allowed != sources.is_empty(), Fault::Publication);
        want(self.storage_locations.contains(&Country::KZ), Fault::Storage);
        want(!endless(&self.retention_period), Fault::Endless("retention_period"));
        want(self.jurisdiction == Country::KZ, Fault::Jurisdiction);
        want(filled(&self.lawful_basis), Fault::Missing("lawful_basis", None));
        want(filled(&self.withdrawal_method), Fault::Missing("withdrawal_method", None));
        want(filled(&self.given_by), Fault::Missing("given_by", None));
        want(matches!(&*self.language, "kk" | "ru" | "en"), Fault::Language);
        want(is_sha256(&self.privacy_notice.sha256), Fault::Digest("privacy_notice.sha256"));
        want(!self.events.is_empty(), Fault::Missing("events", None));
        let events = self.events.iter().enumerate();
        faults.extend(events.flat_map(|(n, event)| event.faults(n, now)));
        if !self.events.is_sorted_by_key(|event| event.event_time) {
            faults.push(Fault::Order);
        }
        if faults.is_empty() { Ok(()) } else { Err(BadRecord(faults)) }
    }

    /// Whether the subject gave it, not a representative.
    #[must_use]
    pub fn is_by_subject(&self) -> bool {
        self.given_by.trim().eq_ignore_ascii_case("subject")
    }

    /// The event that decides.
    #[must_use]
    pub fn last(&self) -> Option<&Event> {
        self.events.last()
    }

    /// The canonical JSON (RFC 8785) of the record: what is stored and digested.
    ///
    /// # Errors
    /// None that a record which was read can cause.
    pub fn bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json_canonicalizer::to_vec(self)
    }
}

impl Event {
    fn faults(&self, number: usize, now: Timestamp) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.event_time > now.plus_millis(CLOCK_SKEW_MILLIS) {
            faults.push(Fault::Future(number));
        }
        if self.event_state.is_usable() {
            match self.valid_until {
                None => faults.push(Fault::Missing("events[].valid_until", Some(3))),
                Some(until) if until <= self.event_time => faults.push(Fault::Backwards(number)),
                Some(until) if until > self.event_time.plus_millis(TERM_MAX_MILLIS) => {
                    faults.push(Fault::Endless("events[].valid_until"));
                }
                Some(_) => {}
            }
            match &self.evidence {
                None => faults.push(Fault::Unproven(number)),
                Some(evidence) if !filled(&evidence.reference) || !is_sha256(&evidence.sha256) => {
                    faults.push(Fault::Unproven(number));
                }
                Some(_) => {}
            }
        }
        faults
    }
}

/// What is wrong with a consent record: all of it at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct BadRecord(pub Vec<Fault>);

impl fmt::Display for BadRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, fault) in self.0.iter().enumerate() {
            write!(f, "{}{fault}", if n == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// One thing that is wrong with a consent record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The text is not a JSON object of this form; the place is a line and column.
    #[error("CONSENT_INCOMPLETE: {0}")]
    Form(String),
    /// A member is missing or empty, with its item of Art. 8(4).
    #[error("CONSENT_INCOMPLETE: `{0}` is missing{item}", item = item(*.1))]
    Missing(&'static str, Option<u8>),
    /// The schema is another.
    #[error("CONSENT_INCOMPLETE: `schema_version` must be `{SCHEMA}`")]
    Schema,
    /// `cross_border` says yes without a country, or no with one.
    #[error(
        "CONSENT_INCOMPLETE: `cross_border.countries` must name countries if, and only if, \
             `allowed` is true (94-V Art. 8(4) item 5)"
    )]
    CrossBorder,
    /// `publication` says yes without a source, or no with one.
    #[error(
        "CONSENT_INCOMPLETE: `publication.sources` must name sources if, and only if, \
             `allowed` is true (94-V Art. 8(4) item 6)"
    )]
    Publication,
    /// The data are not kept in Kazakhstan.
    #[error("CONSENT_INCOMPLETE: `storage_locations` must include `KZ` (94-V Art. 12(2))")]
    Storage,
    /// The term has no end.
    #[error(
        "CONSENT_INCOMPLETE: `{0}` must end: within a century, or at a named event \
             (94-V Art. 8(5))"
    )]
    Endless(&'static str),
    /// Another law governs.
    #[error("CONSENT_INCOMPLETE: `jurisdiction` must be `KZ`")]
    Jurisdiction,
    /// Not a language that a notice is shown in.
    #[error("CONSENT_INCOMPLETE: `language` must be `kk`, `ru` or `en`")]
    Language,
    /// Not a SHA-256 digest.
    #[error("CONSENT_UNPROVEN: `{0}` must be 64 hexadecimal digits")]
    Digest(&'static str),
    /// No usable evidence.
    #[error(
        "CONSENT_UNPROVEN: `events[{0}].evidence` must hold a reference and the SHA-256 of \
             the proof (94-V Art. 25(2)(5))"
    )]
    Unproven(usize),
    /// The event lies in the future.
    #[error("CONSENT_INCOMPLETE: `events[{0}].event_time` lies in the future")]
    Future(usize),
    /// The consent ends before it begins.
    #[error("CONSENT_INCOMPLETE: `events[{0}].valid_until` must lie after `event_time`")]
    Backwards(usize),
    /// The events are not in the order of their times.
    #[error("CONSENT_INCOMPLETE: `events` must stand oldest first")]
    Order,
    /// The subject's identifier is missing, or stands beside a pseudonym.
    #[error("CONSENT_INCOMPLETE: `subject` must hold `scheme` and `id`, and nothing else")]
    Subject,
}

fn item(number: Option<u8>) -> String {
    number.map_or_else(String::new, |number| format!(" (94-V Art. 8(4) item {number})"))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

fn filled(text: &str) -> bool {
    !text.trim().is_empty()
}

fn endless(term: &str) -> bool {
    !filled(term) || term.to_ascii_lowercase().contains("endless")
}

pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

const CLOCK_SKEW_MILLIS: i64 = 5 * 60 * 1000;
// What ends after a century has no end. How long a consent counts, the register says.
const TERM_MAX_MILLIS: i64 = 36_525 * 24 * 3600 * 1000;

#[cfg(test)]
pub(crate) mod tests;
