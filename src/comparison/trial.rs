//! One claim tried: which fields would leave, each on its own, given some consent.

use std::sync::Arc;

use uuid::Uuid;

use crate::consent::record::State;
use crate::consent::{Question, Standing, Terms};
use crate::decision::{Circumstances, Found, judge, question};
use crate::document::{FieldId, FieldSet, Presence, Record};
use crate::policy::{Basis, FieldSource, Policy, Register};
use crate::reason::Reason;
use crate::time::Timestamp;
use crate::transfer::Claim;
use crate::vocabulary::{CategorySet, Country, Name, PurposeId};

/// A claim and the time at which it is tried.
pub(super) struct Trial {
    pub(super) claim: Claim,
    pub(super) now: Timestamp,
}

/// Why a field stays, and the field that is at fault where that is another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stays {
    /// Why.
    pub reason: Reason,
    /// A field that the partner cannot do without, by its path.
    pub because: Option<String>,
}

impl Trial {
    /// The claims that can be made on a route: one a purpose, and on a route that rests on a state
    /// body's request one for each of these.
    pub(super) fn on(
        policy: &Arc<Policy>,
        route: &Name,
        purpose: PurposeId,
        request: Option<&Name>,
        now: Timestamp,
    ) -> Result<Self, Reason> {
        let claim = Claim::on_route(policy, route, purpose, request);
        claim.map(|claim| Self { claim, now }).map_err(|refused| refused.reason)
    }

    /// For each field of the map, whether it leaves beside what the partner cannot do without.
    pub(super) fn fields(&self, consent: Option<&Terms>) -> Vec<Result<(), Stays>> {
        let standing = match self.claim.route().basis {
            Basis::StateRequest => Standing::Unknown(Reason::NoConsent),
            Basis::Consent => Standing::of(
                consent.map(std::slice::from_ref).unwrap_or_default(),
                &self.question(),
            ),
        };
        let circumstances =
            Circumstances { standings: vec![Some(standing)], blocked: None, now: self.now };
        let route = self.claim.route();
        let numbered = || (0..=FieldId::MAX).zip(&route.fields);
        let required = |in_record: bool| -> FieldSet {
            let there =
                numbered().filter(|(n, f)| route.required.contains(*n) && f.in_record == in_record);
            there.map(|(n, _)| n).collect()
        };
        let (mut inside, outside) = (required(true), required(false));
        let mut verdicts = vec![Ok(()); route.fields.len()];
        // A public field outside of the records leaves only with a record, so the records go first.
        for in_record in [true, false] {
            let mut leaving = inside;
            for ((field, _), verdict) in
                numbered().zip(&mut verdicts).filter(|((_, f), _)| f.in_record == in_record)
            {
                let (mut record, mut around) = (inside, outside);
                if in_record {
                    record.insert(field);
                } else {
                    around.insert(field);
                }
                *verdict = self.field(field, record, around, &circumstances);
                if verdict.is_ok() {
                    leaving.insert(field);
                }
            }
            inside = leaving;
        }
        verdicts
    }

    /// What is asked of the subject's consents.
    pub(super) fn question(&self) -> Question<'_> {
        question(&self.claim, self.now)
    }

    fn field(
        &self,
        field: FieldId,
        record: FieldSet,
        outside: FieldSet,
        circumstances: &Circumstances,
    ) -> Result<(), Stays> {
        let found = |present| Presence { present, ..Presence::default() };
        let (records, outside) = ([Record { presence: found(record) }], found(outside));
        let found = Found { records: &records, outside: &outside };
        let (decision, denied) = judge(&self.claim, found, circumstances);
        let stays = |reason, because: Option<FieldId>| {
            let because = because.filter(|because| *because != field);
            let because = because.and_then(|n| self.claim.route().fields.get(usize::from(n)));
            Err(Stays { reason, because: because.map(|field| field.text.clone()) })
        };
        let verdicts = decision.verdicts.iter().chain([&decision.outside]);
        // The field's own reason says more than that the whole stays for want of anything else.
        let own = verdicts.clone().flat_map(|v| &v.removed).find(|(n, _)| *n == field);
        match (own, denied) {
            (Some((_, reason)), _) => stays(*reason, None),
            (None, Some((reason, because))) => stays(reason, because),
            (None, None) if verdicts.clone().any(|v| v.keep.contains(field)) => Ok(()),
            (None, None) => stays(Reason::FieldUnknown, None),
        }
    }
}

/// A consent to all that a question asks, given at a time.
pub(super) fn full(question: &Question<'_>, register: &Register, given: Timestamp) -> Terms {
    let newest = register.notices.iter().next_back();
    let sha256 = newest.map(|(_, notice)| notice.sha256.clone());
    Terms {
        record: Uuid::nil(),
        state: State::ConsentGiven,
        given,
        changed: given,
        valid_until: question.now.plus_millis(YEAR_MILLIS),
        purposes: vec![question.purpose],
        categories: register.categories.keys().copied().collect(),
        recipients: vec![question.partner.clone()],
        countries: abroad(question.countries),
        third_party_withdrawn: false,
        cross_border_withdrawn: false,
        notice: newest.map(|(version, _)| version.clone()).unwrap_or_default(),
        notice_sha256: sha256.unwrap_or_default(),
        given_by_subject: false,
        minor_until: None,
        publication: vec![question.partner.to_string()],
        automated: true,
        through_state: true,
        notify: false,
    }
}

/// The consent that was asked for under a claim's rules, by itself or, where `beside` names
/// another purpose, in one text with that; given long before.
pub(super) fn of_before(trial: &Trial, beside: Option<PurposeId>) -> Terms {
    let (claim, question) = (&trial.claim, trial.question());
    let given = trial.now.plus_millis(-YEAR_MILLIS);
    let full = full(&question, &claim.policy().register, given);
    let categories = claim.purpose_entry().map_or(CategorySet::EMPTY, |entry| entry.categories);
    let from_state = claim.route().fields.iter().any(|field| field.source == FieldSource::State);
    Terms {
        purposes: std::iter::once(question.purpose).chain(beside).collect(),
        categories,
        publication: if question.published { full.publication.clone() } else { Vec::new() },
        automated: question.automated,
        through_state: from_state,
        given_by_subject: true,
        ..full
    }
}

fn abroad(countries: &[Country]) -> Vec<Country> {
    countries.iter().copied().filter(|country| *country != Country::KZ).collect()
}

const YEAR_MILLIS: i64 = 365 * 24 * 3600 * 1000;
