//! What a transfer, a record and a field have to pass, each with its reason, in the order in which
//! the decision asks: the first that is shut is the reason that is told and recorded, and who
//! explains a decision tells of all of them.

use super::fields::{Bars, Ground};
use super::{Case, Circumstances, Found};
use crate::consent::Standing;
use crate::document::FieldId;
use crate::policy::{Abroad, Basis, Field, FieldSource, LegalRequest, PartnerKind, Purpose};
use crate::reason::Reason;
use crate::time::Timestamp;
use crate::transfer::Claim;
use crate::vocabulary::{CategoryId, Country};

/// Something that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gate {
    /// No block of the partner or the purpose is in force.
    Blocks,
    /// The partner is not suspended by hand.
    PartnerStatus,
    /// The partner's entry is within its days.
    PartnerDays,
    /// The partner's entry is reviewed.
    PartnerReview,
    /// The agreement binds.
    Agreement,
    /// The undertaking binds.
    Undertaking,
    /// The purpose has not ended.
    PurposeEnd,
    /// The route is within its days.
    RouteDays,
    /// A state body's request is in force.
    StateRequest,
    /// The purpose may go abroad.
    PurposeAbroad,
    /// The purpose may go to these countries.
    PurposeCountries,
    /// The purpose may go to this partner.
    PurposePartners,
    /// There is a record.
    Records,
    /// The record says whose it is.
    Subject,
    /// No block of the subject is in force.
    SubjectBlocks,
    /// A consent of the subject says yes.
    Consent,
    /// Nothing prohibits the category in a country.
    Prohibition,
    /// The register lets the category abroad.
    CategoryAbroad,
    /// The purpose uses the category.
    PurposeCategory,
    /// The partner may have the category for the purpose.
    PartnerCategory,
    /// The route sends the field for the purpose.
    RouteOnly,
    /// The category identifies nobody, where the purpose is a study.
    Study,
    /// The request lists the category.
    RequestCategory,
    /// A consent that says yes lists the category.
    ConsentCategory,
    /// One of these is not older than the field.
    ConsentDay,
    /// One of these was given through the state service, where the values are of a state system.
    ConsentChannel,
}

/// A gate, and why it is shut, if it is.
pub type Asked = (Gate, Option<Reason>);

/// All that is asked of a claim and of what was found in its document.
pub struct Gates<'a>(Case<'a>);

impl<'a> Gates<'a> {
    /// What is asked under the rules of a claim; `None` where they do not have its purpose.
    #[must_use]
    pub fn of(claim: &'a Claim, found: Found<'a>) -> Option<Self> {
        let purpose = claim.purpose_entry()?;
        Some(Self(Case { claim, route: claim.route(), purpose, found }))
    }

    /// What the whole transfer has to pass.
    #[must_use]
    pub fn whole(&self, circumstances: &Circumstances) -> Vec<Asked> {
        let asked = self.0.whole(circumstances);
        // What is not about this transfer is no gate of it.
        let Case { claim: _, route, purpose, .. } = self.0;
        let is_asked = |gate: Gate| match gate {
            Gate::PurposeEnd => purpose.ended.is_some(),
            Gate::RouteDays => route.opens.is_some() || route.closes.is_some(),
            Gate::StateRequest => route.basis == Basis::StateRequest,
            Gate::PurposeAbroad => route.is_cross_border(),
            Gate::PurposeCountries => route.is_cross_border() && purpose.countries.is_some(),
            Gate::PurposePartners => purpose.partners.is_some(),
            _ => true,
        };
        asked.into_iter().filter(|(gate, _)| is_asked(*gate)).collect()
    }

    /// What a record of a standing has to pass.
    #[must_use]
    pub fn record(&self, standing: Option<&Standing>) -> Vec<Asked> {
        let Some(standing) = standing else {
            return vec![(Gate::Subject, Some(Reason::SubjectUnidentified))];
        };
        let blocked = Standing::Refused(Reason::SubjectBlocked);
        let block = (*standing == blocked).then_some(Reason::SubjectBlocked);
        let mut asked = vec![(Gate::Subject, None), (Gate::SubjectBlocks, block)];
        if self.0.route.basis == Basis::Consent && block.is_none() {
            asked.push((Gate::Consent, standing.reason()));
        }
        asked
    }

    /// What a field has to pass in a record of a standing, or outside of all records.
    #[must_use]
    pub fn field(&self, field: FieldId, standing: Option<&Standing>) -> Vec<Asked> {
        let Some(mapped) = self.0.route.fields.get(usize::from(field)) else { return Vec::new() };
        let mut asked: Vec<Asked> = self.0.fixed(field, mapped).into_iter().flatten().collect();
        let bars = Bars::of(&self.0);
        if self.0.purpose.depersonalise && !mapped.categories().is_empty() {
            let reason = bars.is_identifying(field).then_some(Reason::IdentifierInStudy);
            asked.push((Gate::Study, reason));
        }
        let ground = match (self.0.route.basis, standing) {
            (Basis::StateRequest, Some(_)) => Ground::Request,
            (Basis::Consent, Some(Standing::Granted(grants))) => Ground::Grants(grants),
            _ => return asked,
        };
        asked.extend(bars.granted(mapped, ground).into_iter().flatten());
        asked
    }
}

impl Case<'_> {
    /// What stands in the way of the whole transfer, whatever is in it.
    pub(super) fn barrier(&self, circumstances: &Circumstances) -> Option<Reason> {
        let unequal = self.found.records.len() != circumstances.standings.len();
        let shut = self.whole(circumstances).into_iter().find_map(|(_, reason)| reason);
        shut.or_else(|| unequal.then_some(Reason::NoConsent))
    }

    fn whole(&self, circumstances: &Circumstances) -> [Asked; 13] {
        let Circumstances { blocked, now, .. } = circumstances;
        let (now, partner) = (*now, self.claim.partner());
        let unless = |open: bool, reason: Reason| (!open).then_some(reason);
        let within = |since: Timestamp, until: Timestamp| since <= now && now < until;
        let agreed = partner.agreement.as_ref().is_some_and(|a| within(a.since, a.until));
        let bound = partner.undertaking.as_ref().is_some_and(|u| within(u.since, u.until));
        let in_days = within(partner.valid_from, partner.valid_to);
        let goes_on = self.purpose.ended.is_none_or(|ended| now < ended);
        let waits = self.route.opens.is_some_and(|opens| now < opens);
        let is_over = self.route.closes.is_some_and(|closes| closes <= now);
        let Purpose { cross_border, partners, countries, .. } = self.purpose;
        let may_cross = *cross_border || !self.route.is_cross_border();
        let goes = |country: &Country| {
            *country == Country::KZ || countries.as_ref().is_none_or(|all| all.contains(country))
        };
        let to_all = self.route.countries.iter().all(goes);
        let to_partner = partners.as_ref().is_none_or(|all| all.contains(&partner.name));
        [
            (Gate::Blocks, *blocked),
            (Gate::PartnerStatus, unless(partner.active, Reason::PartnerSuspended)),
            (Gate::PartnerDays, unless(in_days, Reason::PartnerSuspended)),
            (Gate::PartnerReview, unless(now < partner.review_due, Reason::PartnerSuspended)),
            (Gate::Agreement, unless(agreed, Reason::PartnerNotBound)),
            (Gate::Undertaking, unless(bound, Reason::PartnerNotBound)),
            (Gate::PurposeEnd, unless(goes_on, Reason::PurposeEnded)),
            (Gate::RouteDays, unless(!waits && !is_over, Reason::RouteClosed)),
            (Gate::StateRequest, unless(self.is_requested(now), Reason::LegalRequestIncomplete)),
            (Gate::PurposeAbroad, unless(may_cross, Reason::PurposeNotCrossBorder)),
            (Gate::PurposeCountries, unless(to_all, Reason::CountryNotForPurpose)),
            (Gate::PurposePartners, unless(to_partner, Reason::PartnerNotForPurpose)),
            (Gate::Records, unless(!self.found.records.is_empty(), Reason::NoSubjects)),
        ]
    }

    fn is_requested(&self, now: Timestamp) -> bool {
        let in_force = |request: &LegalRequest| request.date <= now && now < request.until;
        let is_asked = self.claim.legal_request().is_some_and(|(_, request)| in_force(request));
        let is_state = self.claim.partner().kind == PartnerKind::StateBody;
        self.route.basis == Basis::Consent || (is_asked && is_state)
    }

    /// What a field has to pass whatever the subject says; `None` where it is not asked.
    pub(super) fn fixed(&self, id: FieldId, field: &Field) -> [Option<Asked>; 5] {
        let by_consent = self.route.basis == Basis::Consent;
        let asked = |gate, open: fn(&Self, CategoryId) -> bool, reason, is_asked: bool| {
            let categories = Some(field.categories()).filter(|all| is_asked && !all.is_empty())?;
            let open = categories.iter().all(|category| open(self, category));
            Some((gate, (!open).then_some(reason)))
        };
        let only = self.route.only.get(&self.claim.purpose());
        let only = only.map(|only| {
            (Gate::RouteOnly, (!only.contains(id)).then_some(Reason::FieldNotForPurpose))
        });
        // What a state body asks for is listed in its request, not under a purpose.
        [
            asked(Gate::Prohibition, Self::is_free, Reason::CountryProhibited, true),
            asked(
                Gate::CategoryAbroad,
                Self::may_leave,
                Reason::CategoryNotAbroad,
                self.route.is_cross_border(),
            ),
            asked(Gate::PurposeCategory, Self::is_used, Reason::CategoryNotForPurpose, by_consent),
            asked(
                Gate::PartnerCategory,
                Self::partner_may,
                Reason::CategoryNotForPartner,
                by_consent,
            ),
            only,
        ]
    }

    fn is_free(&self, category: CategoryId) -> bool {
        let prohibited = &self.claim.policy().register.prohibited;
        let bars = |country: &Country| {
            prohibited.get(country).is_some_and(|categories| categories.contains(category))
        };
        !self.route.countries.iter().any(bars)
    }

    fn may_leave(&self, category: CategoryId) -> bool {
        let entry = self.claim.policy().register.categories.get(&category);
        match entry.map(|entry| entry.abroad) {
            Some(Abroad::Allow) => true,
            Some(Abroad::IfRequired) => self.purpose.required.contains(category),
            Some(Abroad::Deny) | None => false,
        }
    }

    fn is_used(&self, category: CategoryId) -> bool {
        self.purpose.categories.contains(category)
    }

    fn partner_may(&self, category: CategoryId) -> bool {
        let listed = self.claim.partner().purposes.get(&self.claim.purpose());
        listed.is_some_and(|categories| categories.contains(category))
    }
}

impl Bars<'_> {
    /// What a field has to pass on its ground; `None` where it is not asked.
    pub(super) fn granted(&self, field: &Field, ground: Ground<'_>) -> [Option<Asked>; 3] {
        if field.categories().is_empty() {
            return [None, None, None];
        }
        let not_listed = Some(Reason::CategoryNotConsented);
        let grants = match ground {
            Ground::Grants(grants) => grants,
            Ground::Request => {
                let listed = self.requested.contains_all(field.categories());
                let reason = if listed { None } else { not_listed };
                return [Some((Gate::RequestCategory, reason)), None, None];
            }
            Ground::Nobody => return [Some((Gate::ConsentCategory, not_listed)), None, None],
        };
        let listing = || grants.iter().filter(|grant| super::fields::lists(grant, field));
        let listed = listing().next().is_some();
        let covers = listing().any(|grant| super::fields::covers(grant, field));
        let state = listing().any(|grant| grant.through_state);
        let day = listing().any(|grant| field.since.is_none_or(|since| since <= grant.given));
        let is_state = field.source == FieldSource::State;
        // Of several, one may be new enough and another of the right channel, and none both.
        let newer = listed && !covers && (!day || state);
        let newer = newer.then_some(Reason::FieldNewerThanConsent);
        [
            Some((Gate::ConsentCategory, if listed { None } else { not_listed })),
            (field.since.is_some() || newer.is_some()).then_some((Gate::ConsentDay, newer)),
            is_state.then_some((
                Gate::ConsentChannel,
                (!state).then_some(Reason::StateConsentRequired),
            )),
        ]
    }
}
