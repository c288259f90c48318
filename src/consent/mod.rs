//! What a subject allowed, and what that answers for one transfer.
//!
//! A consent answers in four ways: granted, refused, lapsed (withdrawn or expired), or unknown.
//! Only the first lets the subject's record through. An explicit no covers every consent for the
//! same purpose and recipient that was given before it.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod block;
pub mod import;
pub mod record;

use uuid::Uuid;

pub use import::Identifier;
pub use record::{BadRecord, Record};

use crate::reason::Reason;
use crate::time::Timestamp;
use crate::vocabulary::{CategorySet, Country, Name, PurposeId};
use record::{Scope, State};

/// The terms of one consent record: the part that decisions look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The record's id.
    pub record: Uuid,
    /// The state after the last event about the whole consent.
    pub state: State,
    /// When it was given: the time of the event that gave it.
    pub given: Timestamp,
    /// When its last event happened.
    pub changed: Timestamp,
    /// The first moment at which it no longer holds.
    pub valid_until: Timestamp,
    /// The purposes.
    pub purposes: Vec<PurposeId>,
    /// The categories.
    pub categories: CategorySet,
    /// The recipients; none where no third party may have the data.
    pub recipients: Vec<Name>,
    /// The countries; none where the data may not go abroad.
    pub countries: Vec<Country>,
    /// Whether transfer to third parties was withdrawn on its own.
    pub third_party_withdrawn: bool,
    /// Whether cross-border transfer was withdrawn on its own.
    pub cross_border_withdrawn: bool,
}

impl Terms {
    /// Reads the stored bytes of a record.
    ///
    /// # Errors
    /// Bytes that are not a record; such a consent answers nothing, and the transfer is refused.
    pub fn read(bytes: &[u8]) -> Result<Self, BadRecord> {
        let record: Record = serde_json::from_slice(bytes)
            .map_err(|_| BadRecord(vec![record::Fault::Form("not a stored record".into())]))?;
        Self::of(&record).ok_or(BadRecord(vec![record::Fault::Missing("events", None)]))
    }

    /// The terms of a record, unless it has no event.
    #[must_use]
    pub fn of(record: &Record) -> Option<Self> {
        let last = record.last()?;
        let whole = |scope: Option<Scope>| scope.is_none_or(|scope| scope == Scope::All);
        let state = record.events.iter().rev().find(|event| whole(event.scope))?.event_state;
        let gave = record.events.iter().rev().find(|event| event.event_state.is_usable());
        let withdrawn = |scope| {
            record.events.iter().any(|event| {
                event.event_state == State::ConsentWithdrawn && event.scope == Some(scope)
            })
        };
        Some(Self {
            record: record.record_id,
            state,
            given: gave.map_or(last.event_time, |event| event.event_time),
            changed: last.event_time,
            valid_until: gave.and_then(|event| event.valid_until).unwrap_or(last.event_time),
            purposes: record.purposes.clone(),
            categories: record.pii_information.iter().copied().collect(),
            recipients: record.recipient_third_parties.clone(),
            countries: record.cross_border.countries.clone(),
            third_party_withdrawn: withdrawn(Scope::ThirdParty),
            cross_border_withdrawn: withdrawn(Scope::CrossBorder),
        })
    }

    /// What this consent alone answers, with how near it came to a yes.
    fn answer(&self, question: &Question<'_>) -> Result<(), Reason> {
        let separate = !question.separate || self.purposes.len() == 1;
        if !separate || !self.purposes.contains(&question.purpose) {
            return Err(Reason::PurposeNotConsented);
        }
        match self.state {
            State::ConsentGiven | State::RenewedConsentGiven => {}
            State::ConsentRefused => return Err(Reason::ConsentRefused),
            State::ConsentWithdrawn | State::ConsentRevoked => {
                return Err(Reason::ConsentWithdrawn);
            }
            State::ConsentExpired => return Err(Reason::ConsentExpired),
            State::ConsentUnknown
            | State::ConsentRequested
            | State::ConsentRequestDeferred
            | State::ConsentInvalidated => return Err(Reason::NoConsent),
        }
        if self.third_party_withdrawn {
            return Err(Reason::ConsentWithdrawn);
        }
        if self.recipients.is_empty() {
            return Err(Reason::ThirdPartyNotConsented);
        }
        if !self.recipients.contains(question.partner) {
            return Err(Reason::RecipientNotConsented);
        }
        if question.now < self.given {
            return Err(Reason::ConsentNotYetValid);
        }
        if question.now >= self.valid_until {
            return Err(Reason::ConsentExpired);
        }
        self.answer_abroad(question)
    }

    fn answer_abroad(&self, question: &Question<'_>) -> Result<(), Reason> {
        let mut abroad = question.countries.iter().filter(|country| **country != Country::KZ);
        let Some(first) = abroad.next() else { return Ok(()) };
        if self.cross_border_withdrawn {
            return Err(Reason::ConsentWithdrawn);
        }
        if self.countries.is_empty() {
            return Err(Reason::CrossBorderNotConsented);
        }
        let named = |country: &Country| self.countries.contains(country);
        if named(first) && abroad.all(named) { Ok(()) } else { Err(Reason::CountryNotConsented) }
    }

    /// Whether this is an explicit no to the question's purpose and recipient, and since when.
    fn denies(&self, question: &Question<'_>) -> Option<Timestamp> {
        let no = matches!(
            self.state,
            State::ConsentRefused | State::ConsentWithdrawn | State::ConsentRevoked
        ) || self.third_party_withdrawn
            || (self.cross_border_withdrawn && question.is_cross_border());
        let covers = self.purposes.contains(&question.purpose)
            && (self.recipients.is_empty() || self.recipients.contains(question.partner));
        (no && covers).then_some(self.changed)
    }
}

/// What a transfer asks of a subject's consents.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The purpose.
    pub purpose: PurposeId,
    /// Whether the purpose needs a consent of its own (94-V Art. 7(8), 15(2)).
    pub separate: bool,
    /// The recipient.
    pub partner: &'a Name,
    /// Every country the data go to.
    pub countries: &'a [Country],
    /// The categories that the route would send, to choose among several consents.
    pub wanted: CategorySet,
    /// The time of the transfer.
    pub now: Timestamp,
}

impl Question<'_> {
    fn is_cross_border(&self) -> bool {
        self.countries.iter().any(|country| *country != Country::KZ)
    }
}

/// The four-valued answer of a subject's consents to one transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The subject allowed it.
    Granted {
        /// The consent record.
        record: Uuid,
        /// The categories that it lists.
        categories: CategorySet,
    },
    /// The subject said no.
    Refused(Reason),
    /// The subject had said yes, and it no longer holds.
    Lapsed(Reason),
    /// Nobody asked, or not for this.
    Unknown(Reason),
}

impl Standing {
    /// What the consents of one subject answer.
    #[must_use]
    pub fn of(consents: &[Terms], question: &Question<'_>) -> Self {
        let denied = consents.iter().filter_map(|terms| terms.denies(question)).max();
        let mut best: Option<&Terms> = None;
        let mut nearest = Reason::NoConsent;
        for terms in consents {
            match terms.answer(question) {
                Ok(()) if denied.is_some_and(|no| no >= terms.given) => {
                    nearest = Reason::ConsentWithdrawn;
                }
                Ok(()) => {
                    let reach = |t: &Terms| t.categories.and(question.wanted).iter().count();
                    if best.is_none_or(|so_far| reach(so_far) < reach(terms)) {
                        best = Some(terms);
                    }
                }
                Err(reason) if nearness(reason) > nearness(nearest) => nearest = reason,
                Err(_) => {}
            }
        }
        match best {
            Some(terms) => Self::Granted { record: terms.record, categories: terms.categories },
            None => Self::no(nearest),
        }
    }

    fn no(reason: Reason) -> Self {
        match reason {
            Reason::ConsentRefused => Self::Refused(reason),
            Reason::ConsentWithdrawn | Reason::ConsentExpired => Self::Lapsed(reason),
            _ => Self::Unknown(reason),
        }
    }
}

/// How near a consent came to a yes: of several, the nearest one's reason is told.
fn nearness(reason: Reason) -> u8 {
    match reason {
        Reason::PurposeNotConsented => 1,
        Reason::ThirdPartyNotConsented => 2,
        Reason::RecipientNotConsented => 3,
        Reason::CrossBorderNotConsented => 4,
        Reason::CountryNotConsented => 5,
        Reason::ConsentNotYetValid => 6,
        Reason::ConsentExpired => 7,
        Reason::ConsentRefused => 8,
        Reason::ConsentWithdrawn => 9,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
