//! What a subject allowed, and what that answers for one transfer.
//!
//! A consent answers in four ways: granted, refused, lapsed (withdrawn or expired), or unknown.
//! Only the first lets the subject's record through. An explicit no covers every consent for the
//! same purpose and recipient that was given before it.
//!
//! Of several consents that say yes each counts: what one of them covers may leave.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod block;
pub mod import;
pub mod record;

use std::cmp::Reverse;
use std::fmt;

use uuid::Uuid;

pub use import::Identifier;
pub use record::{BadRecord, Record};

use crate::reason::Reason;
use crate::time::Timestamp;
use crate::vocabulary::{CategorySet, Country, Name, PurposeId};
use record::{Channel, Scope, State};

/// The terms of one consent record: the part that decisions look at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a consent has these yes-or-no answers")]
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
    /// The version of the notice that was shown.
    pub notice: String,
    /// SHA-256 of the notice's exact text, in hexadecimal.
    pub notice_sha256: String,
    /// Whether the subject gave it, not a representative (94-V Art. 7(1), 8(1)).
    pub given_by_subject: bool,
    /// Until when the subject is a minor, if it was one.
    pub minor_until: Option<Timestamp>,
    /// The public sources in which the data may be published (Art. 8(4)6)).
    pub publication: Vec<String>,
    /// Whether decisions without a person were explained and accepted (Art. 19-1).
    pub automated: bool,
    /// Whether it was given through the state service (Art. 8(1), 8-1).
    pub through_state: bool,
    /// Whether the subject is told of each transfer (Art. 19(1)).
    pub notify: bool,
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
            notice: record.privacy_notice.version.clone(),
            notice_sha256: record.privacy_notice.sha256.clone(),
            given_by_subject: record.is_by_subject(),
            minor_until: record.minor_until,
            publication: record.publication.sources.clone(),
            automated: record.automated_processing,
            through_state: gave.is_some_and(|event| event.channel == Channel::StateService),
            notify: record.notify_on_transfer,
        })
    }

    /// What it lets through when it says yes.
    fn grant(&self) -> Grant {
        Grant {
            record: self.record,
            categories: self.categories,
            given: self.given,
            through_state: self.through_state,
            notify: self.notify,
        }
    }

    /// What this consent alone answers.
    fn answer(&self, question: &Question<'_>) -> Result<(), Reason> {
        CHECKS.iter().try_for_each(|check| check(self, question))
    }

    /// All that keeps this consent alone from saying yes.
    pub fn obstacles(&self, question: &Question<'_>) -> impl Iterator<Item = Reason> {
        CHECKS.iter().filter_map(|check| check(self, question).err())
    }

    fn is_for(&self, question: &Question<'_>) -> Result<(), Reason> {
        let separate = !question.separate || self.purposes.len() == 1;
        unless(separate && self.purposes.contains(&question.purpose), Reason::PurposeNotConsented)
    }

    fn is_given(&self, _: &Question<'_>) -> Result<(), Reason> {
        match self.state {
            State::ConsentGiven | State::RenewedConsentGiven => Ok(()),
            State::ConsentRefused => Err(Reason::ConsentRefused),
            State::ConsentWithdrawn | State::ConsentRevoked => Err(Reason::ConsentWithdrawn),
            State::ConsentExpired => Err(Reason::ConsentExpired),
            State::ConsentUnknown
            | State::ConsentRequested
            | State::ConsentRequestDeferred
            | State::ConsentInvalidated => Err(Reason::NoConsent),
        }
    }

    fn is_to_others(&self, question: &Question<'_>) -> Result<(), Reason> {
        unless(!self.third_party_withdrawn, Reason::ConsentWithdrawn)?;
        unless(!self.recipients.is_empty(), Reason::ThirdPartyNotConsented)?;
        unless(self.recipients.contains(question.partner), Reason::RecipientNotConsented)
    }

    fn is_in_force(&self, question: &Question<'_>) -> Result<(), Reason> {
        unless(self.given <= question.now, Reason::ConsentNotYetValid)?;
        let holds = question.now < self.valid_until && question.too_old < self.given;
        unless(holds, Reason::ConsentExpired)
    }

    fn is_to_there(&self, question: &Question<'_>) -> Result<(), Reason> {
        let mut abroad = question.countries.iter().filter(|country| **country != Country::KZ);
        let Some(first) = abroad.next() else { return Ok(()) };
        unless(!self.cross_border_withdrawn, Reason::ConsentWithdrawn)?;
        unless(!self.countries.is_empty(), Reason::CrossBorderNotConsented)?;
        let named = |country: &Country| self.countries.contains(country);
        unless(named(first) && abroad.all(named), Reason::CountryNotConsented)
    }

    fn is_public(&self, question: &Question<'_>) -> Result<(), Reason> {
        let named = || self.publication.iter().any(|s| s == question.partner.as_str());
        unless(!question.published || named(), Reason::PublicationNotConsented)
    }

    fn is_automated(&self, question: &Question<'_>) -> Result<(), Reason> {
        unless(!question.automated || self.automated, Reason::AutomatedNotConsented)
    }

    fn is_by_whom_it_may(&self, question: &Question<'_>) -> Result<(), Reason> {
        let minor = self.minor_until.is_some_and(|until| question.now < until);
        unless(!minor || !self.given_by_subject, Reason::RepresentativeRequired)
    }

    fn is_informed(&self, question: &Question<'_>) -> Result<(), Reason> {
        unless(question.notices.has(&self.notice, &self.notice_sha256), Reason::NoticeUnknown)
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

/// What a consent has to pass, in the order in which it came nearer to a yes.
type Check = fn(&Terms, &Question<'_>) -> Result<(), Reason>;

const CHECKS: [Check; 9] = [
    Terms::is_for,
    Terms::is_given,
    Terms::is_to_others,
    Terms::is_in_force,
    Terms::is_to_there,
    Terms::is_public,
    Terms::is_automated,
    Terms::is_by_whom_it_may,
    Terms::is_informed,
];

fn unless(holds: bool, reason: Reason) -> Result<(), Reason> {
    if holds { Ok(()) } else { Err(reason) }
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
    /// The categories that the route would send, to put the farthest of several consents first.
    pub wanted: CategorySet,
    /// Whether the purpose decides about the subject without a person (94-V Art. 19-1).
    pub automated: bool,
    /// Whether the recipient publishes what it gets (94-V Art. 7(3)).
    pub published: bool,
    /// The notices that count.
    pub notices: &'a dyn Notices,
    /// When the consents were given that are just too old, whatever they say (94-V Art. 8(5)).
    pub too_old: Timestamp,
    /// The time of the transfer.
    pub now: Timestamp,
}

/// The notices that consents may have been given to.
pub trait Notices: fmt::Debug {
    /// Whether a notice of this version has the text with this SHA-256, in hexadecimal.
    fn has(&self, version: &str, sha256: &str) -> bool;
}

impl Question<'_> {
    fn is_cross_border(&self) -> bool {
        self.countries.iter().any(|country| *country != Country::KZ)
    }
}

/// What one consent that says yes lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The consent record.
    pub record: Uuid,
    /// The categories that it lists.
    pub categories: CategorySet,
    /// When it was given: it covers no field that was mapped later (94-V Art. 15(2)).
    pub given: Timestamp,
    /// Whether it was given through the state service, so that it covers data of state systems.
    pub through_state: bool,
    /// Whether it asks that the subject is told of each transfer (94-V Art. 19(1)).
    pub notify: bool,
}

/// All consents of a subject that say yes to one transfer: one, and seldom more.
///
/// They stand in an order that does not depend on the store's: the one with most of the wanted
/// categories first, then the newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants {
    first: Grant,
    more: Box<[Grant]>,
}

impl Grants {
    /// The only consent that says yes.
    #[must_use]
    pub fn one(grant: Grant) -> Self {
        Self { first: grant, more: Box::default() }
    }

    /// Adds a consent that says yes too, behind the others.
    pub fn add(&mut self, grant: Grant) {
        let more = std::mem::take(&mut self.more).into_iter();
        self.more = more.chain([grant]).collect();
    }

    /// The consent, where it is the only one.
    #[must_use]
    pub const fn only(&self) -> Option<&Grant> {
        if self.more.is_empty() { Some(&self.first) } else { None }
    }

    /// The consents, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Grant> + Clone {
        std::iter::once(&self.first).chain(&self.more)
    }

    fn in_order(self, wanted: CategorySet) -> Self {
        if self.more.is_empty() {
            return self;
        }
        let mut all: Vec<Grant> = self.iter().copied().collect();
        let reach = |grant: &Grant| grant.categories.and(wanted).iter().count();
        all.sort_by_key(|grant| (Reverse(reach(grant)), Reverse(grant.given), grant.record));
        let mut all = all.into_iter();
        all.next().map_or(self, |first| Self { first, more: all.collect() })
    }
}

/// The four-valued answer of a subject's consents to one transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The subject allowed it.
    Granted(Grants),
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
        let mut grants: Option<Grants> = None;
        let mut nearest = Reason::NoConsent;
        for terms in consents {
            match terms.answer(question) {
                Ok(()) if denied.is_some_and(|no| no >= terms.given) => {
                    nearest = Reason::ConsentWithdrawn;
                }
                Ok(()) => match &mut grants {
                    None => grants = Some(Grants::one(terms.grant())),
                    Some(grants) => grants.add(terms.grant()),
                },
                Err(reason) if nearness(reason) > nearness(nearest) => nearest = reason,
                Err(_) => {}
            }
        }
        match grants {
            Some(grants) => Self::Granted(grants.in_order(question.wanted)),
            None => Self::no(nearest),
        }
    }

    /// Why it is no yes.
    #[must_use]
    pub const fn reason(&self) -> Option<Reason> {
        match self {
            Self::Granted(_) => None,
            Self::Refused(reason) | Self::Lapsed(reason) | Self::Unknown(reason) => Some(*reason),
        }
    }

    /// The standing of a subject whose consents answer no for a reason.
    #[must_use]
    pub const fn no(reason: Reason) -> Self {
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
        Reason::PublicationNotConsented => 6,
        Reason::AutomatedNotConsented => 7,
        Reason::RepresentativeRequired => 8,
        Reason::NoticeUnknown => 9,
        Reason::ConsentNotYetValid => 10,
        Reason::ConsentExpired => 11,
        Reason::ConsentRefused => 12,
        Reason::ConsentWithdrawn => 13,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
