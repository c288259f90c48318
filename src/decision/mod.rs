//! The decision: which subjects' records may go, and which of their fields.
//!
//! Everything is denied unless each of these allows it: the partner's entry is in force, the
//! purpose may cross the border, the subject's consent covers purpose, partner, countries and
//! category, the purpose needs the category, the partner may have it, and the route maps the field.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use uuid::Uuid;

use crate::consent::{Grant, Grants, Question, Standing};
use crate::document::{FieldId, FieldSet, Presence};
use crate::policy::{Abroad, OnRefused, Partner, PartnerKind, Purpose, Route, Unmapped};
use crate::reason::Reason;
use crate::time::Timestamp;
use crate::transfer::{Claim, Transfer};
use crate::vocabulary::{CategoryId, Country};

/// A transfer of which at least one subject's record may go.
#[derive(Debug)]
pub struct Permitted {
    transfer: Transfer,
    decision: Decision,
}

/// A transfer of which nothing may go.
#[derive(Debug)]
pub struct Denial {
    /// The transfer.
    pub transfer: Transfer,
    /// Why.
    pub reason: Reason,
    /// The field that it is about, as its rule names it.
    pub field: Option<FieldId>,
    /// What was decided for each record, if it came to that.
    pub decision: Decision,
}

/// What was decided, record by record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// One verdict for all records that are treated alike.
    pub verdicts: Vec<Verdict>,
    /// For each record, the position of its verdict.
    pub of: Vec<usize>,
    /// For each record, the consents that let it through.
    pub consents: Consents,
    /// What happens to the members outside of all records.
    pub outside: Verdict,
}

/// The consents that each of a transfer's records rests on: none, one, and seldom more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consents {
    all: Vec<Uuid>,
    /// Where each record's end in `all`.
    ends: Vec<usize>,
}

impl Consents {
    /// Those of records that rest on none.
    #[must_use]
    pub fn none(records: usize) -> Self {
        Self { all: Vec::new(), ends: vec![0; records] }
    }

    /// The consents of each record, in the order of the records.
    pub fn iter(&self) -> impl Iterator<Item = &[Uuid]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| self.all.get(start..*end).unwrap_or_default())
    }

    fn push(&mut self, consents: impl Iterator<Item = Uuid>) {
        self.all.extend(consents);
        self.ends.push(self.all.len());
    }
}

/// What happens to the fields of one or more records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Why the whole record stays, if it does, with the field it is about.
    pub refused: Option<(Reason, Option<FieldId>)>,
    /// The fields that leave.
    pub keep: FieldSet,
    /// The fields that were there and stay, with the reason.
    pub removed: Vec<(FieldId, Reason)>,
    /// How many members no rule maps, over all records of this verdict.
    pub unmapped: u64,
    /// How many records this verdict is for.
    pub records: u64,
}

impl Permitted {
    /// The transfer.
    #[must_use]
    pub const fn transfer(&self) -> &Transfer {
        &self.transfer
    }

    /// What was decided.
    #[must_use]
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }

    /// The transfer again, when it has to be decided anew.
    #[must_use]
    pub fn into_transfer(self) -> Transfer {
        self.transfer
    }
}

/// What a transfer asks of each subject's consents.
#[must_use]
pub fn question(claim: &Claim, now: Timestamp) -> Question<'_> {
    let purpose = claim.purpose_entry();
    Question {
        purpose: claim.purpose(),
        separate: purpose.is_none_or(|purpose| purpose.separate_consent),
        partner: &claim.partner().name,
        countries: &claim.route().countries,
        wanted: claim.wanted(),
        automated: purpose.is_none_or(|purpose| purpose.automated_decision),
        published: claim.partner().kind == PartnerKind::PublicSource,
        notices: &claim.policy().register,
        now,
    }
}

/// What a decision rests on besides the transfer and the rules it was claimed under.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// The subjects' standings, one a record; `None` where the record does not say whose it is.
    pub standings: Vec<Option<Standing>>,
    /// Why transfers to the partner or for the purpose are blocked, if they are.
    pub blocked: Option<Reason>,
    /// The time of the decision.
    pub now: Timestamp,
}

/// Decides a transfer by the rules it was claimed under.
///
/// # Errors
/// A denial, when nothing of the transfer may leave.
pub fn decide(transfer: Transfer, circumstances: &Circumstances) -> Result<Permitted, Box<Denial>> {
    let Circumstances { standings, blocked, now } = circumstances;
    let mut decision = Decision::default();
    let deny = |transfer, reason, field, decision| {
        Err(Box::new(Denial { transfer, reason, field, decision }))
    };
    let claim = transfer.claim();
    let Some(purpose) = claim.purpose_entry() else {
        return deny(transfer, Reason::PurposeUnknown, None, decision);
    };
    let document = transfer.document();
    let barrier = blocked
        .or_else(|| partner_barrier(claim.partner(), *now))
        .or_else(|| border_barrier(claim.route(), purpose))
        .or_else(|| document.records().is_empty().then_some(Reason::NoSubjects))
        .or_else(|| (document.records().len() != standings.len()).then_some(Reason::NoConsent));
    if let Some(reason) = barrier {
        return deny(transfer, reason, None, decision);
    }

    let bars = Bars::of(claim, purpose);
    for (record, standing) in document.records().iter().zip(standings) {
        decision.add(&bars, &record.presence, standing.as_ref());
    }
    decision.outside = bars.outside(document.outside());
    match decision.whole(claim.route()) {
        Some((reason, field)) => deny(transfer, reason, field, decision),
        None => Ok(Permitted { transfer, decision }),
    }
}

impl Decision {
    fn add(&mut self, bars: &Bars<'_>, presence: &Presence, standing: Option<&Standing>) {
        let verdict = bars.record(presence, standing);
        let alike = |v: &Verdict| {
            v.refused == verdict.refused && v.keep == verdict.keep && v.removed == verdict.removed
        };
        let position = self.verdicts.iter().position(alike).unwrap_or_else(|| {
            self.verdicts.push(Verdict { unmapped: 0, records: 0, ..verdict.clone() });
            self.verdicts.len() - 1
        });
        if let Some(shared) = self.verdicts.get_mut(position) {
            shared.unmapped = shared.unmapped.saturating_add(verdict.unmapped);
            shared.records = shared.records.saturating_add(1);
        }
        self.of.push(position);
        self.consents.push(bars.needed(standing, verdict.keep));
    }

    /// Why the whole transfer stays, if it does.
    fn whole(&self, route: &Route) -> Option<(Reason, Option<FieldId>)> {
        let unmapped = self.outside.unmapped > 0 || self.verdicts.iter().any(|v| v.unmapped > 0);
        if route.unmapped == Unmapped::Refuse && unmapped {
            return Some((Reason::FieldUnknown, None));
        }
        if self.outside.refused.is_some() {
            return self.outside.refused;
        }
        let refused = self.of.iter().filter_map(|n| self.verdicts.get(*n)?.refused);
        let all = self.verdicts.iter().all(|verdict| verdict.refused.is_some());
        let mut refused = refused;
        refused.next().filter(|_| all || route.on_refused == OnRefused::Refuse)
    }
}

/// What stands in the way of each field whatever the subject says.
struct Bars<'a> {
    route: &'a Route,
    fixed: Vec<Option<Reason>>,
}

impl<'a> Bars<'a> {
    fn of(claim: &'a Claim, purpose: &Purpose) -> Self {
        let route = claim.route();
        let prohibited = &claim.policy().register.prohibited;
        let partner = claim.partner().purposes.get(&claim.purpose()).copied().unwrap_or_default();
        let bar = |category: CategoryId| {
            let barred = |country: &Country| {
                prohibited.get(country).is_some_and(|set| set.contains(category))
            };
            if route.countries.iter().any(barred) {
                Some(Reason::CountryProhibited)
            } else if !purpose.categories.contains(category) {
                Some(Reason::CategoryNotForPurpose)
            } else if !partner.contains(category) {
                Some(Reason::CategoryNotForPartner)
            } else if route.is_cross_border() && !may_leave(claim, purpose, category) {
                Some(Reason::CategoryNotAbroad)
            } else {
                None
            }
        };
        let fixed = route.fields.iter().map(|field| field.category.and_then(bar)).collect();
        Self { route, fixed }
    }

    /// The consents without which something of a record that one let through would stay.
    fn needed<'s>(
        &'s self,
        standing: Option<&'s Standing>,
        kept: FieldSet,
    ) -> impl Iterator<Item = Uuid> + 's {
        let grants = match standing {
            Some(Standing::Granted(grants)) => Some(grants),
            _ => None,
        };
        let mut so_far = FieldSet::EMPTY;
        let mut is_first = true;
        let needed = move |grant: &&Grant| {
            let before = so_far;
            for field in kept.iter().filter(|field| self.covers(grant, *field)) {
                so_far.insert(field);
            }
            std::mem::take(&mut is_first) || so_far != before
        };
        grants.into_iter().flat_map(Grants::iter).filter(needed).map(|grant| grant.record)
    }

    fn covers(&self, grant: &Grant, field: FieldId) -> bool {
        let category = self.route.fields.get(usize::from(field)).and_then(|field| field.category);
        category.is_some_and(|category| grant.categories.contains(category))
    }

    fn record(&self, presence: &Presence, standing: Option<&Standing>) -> Verdict {
        let unmapped = u64::from(presence.unmapped);
        let refuse =
            |reason| Verdict { refused: Some((reason, None)), unmapped, ..Verdict::default() };
        let consented = match standing {
            Some(Standing::Granted(grants)) => grants,
            Some(
                Standing::Refused(reason) | Standing::Lapsed(reason) | Standing::Unknown(reason),
            ) => {
                return refuse(*reason);
            }
            None => return refuse(Reason::SubjectUnidentified),
        };
        let mut verdict = self.fields(presence, Some(consented));
        verdict.unmapped = unmapped;
        let missing = self.missing(&verdict, true);
        verdict.refused = match (missing, verdict.keep.is_empty()) {
            (Some(field), _) => Some((Reason::RequiredFieldRemoved, Some(field))),
            (None, true) => Some(
                verdict.removed.first().map_or((Reason::FieldUnknown, None), |(field, reason)| {
                    (*reason, Some(*field))
                }),
            ),
            (None, false) => None,
        };
        verdict
    }

    fn outside(&self, presence: &Presence) -> Verdict {
        let mut verdict = self.fields(presence, None);
        verdict.unmapped = u64::from(presence.unmapped);
        verdict.refused =
            self.missing(&verdict, false).map(|field| (Reason::RequiredFieldRemoved, Some(field)));
        verdict
    }

    fn fields(&self, presence: &Presence, consented: Option<&Grants>) -> Verdict {
        let mut verdict = Verdict::default();
        for field in presence.present.iter() {
            match self.bar(field, consented) {
                None => verdict.keep.insert(field),
                Some(reason) => verdict.removed.push((field, reason)),
            }
        }
        verdict.removed.extend(presence.misshapen.iter().map(|field| (field, Reason::FieldShape)));
        verdict
    }

    /// Why a field stays; a field that the route does not know stays as unknown.
    fn bar(&self, field: FieldId, consented: Option<&Grants>) -> Option<Reason> {
        let n = usize::from(field);
        let (Some(mapped), Some(fixed)) = (self.route.fields.get(n), self.fixed.get(n)) else {
            return Some(Reason::FieldUnknown);
        };
        mapped.category?;
        let covered =
            consented.is_some_and(|all| all.iter().any(|grant| self.covers(grant, field)));
        fixed.or_else(|| (!covered).then_some(Reason::CategoryNotConsented))
    }

    fn missing(&self, verdict: &Verdict, in_record: bool) -> Option<FieldId> {
        let here = |field: &FieldId| {
            self.route.fields.get(usize::from(*field)).is_some_and(|f| f.in_record == in_record)
        };
        self.route.required.iter().find(|field| here(field) && !verdict.keep.contains(*field))
    }
}

fn may_leave(claim: &Claim, purpose: &Purpose, category: CategoryId) -> bool {
    match claim.policy().register.categories.get(&category).map(|entry| entry.abroad) {
        Some(Abroad::Allow) => true,
        Some(Abroad::IfRequired) => purpose.required.contains(category),
        Some(Abroad::Deny) | None => false,
    }
}

fn partner_barrier(partner: &Partner, now: Timestamp) -> Option<Reason> {
    let open = partner.active && partner.valid_from <= now && now < partner.valid_to;
    if !open || now >= partner.review_due {
        return Some(Reason::PartnerSuspended);
    }
    let agreed = partner.agreement.as_ref().is_some_and(|a| a.since <= now && now < a.until);
    let bound = partner.undertaking.as_ref().is_some_and(|u| u.since <= now && now < u.until);
    (!agreed || !bound).then_some(Reason::PartnerNotBound)
}

fn border_barrier(route: &Route, purpose: &Purpose) -> Option<Reason> {
    (route.is_cross_border() && !purpose.cross_border).then_some(Reason::PurposeNotCrossBorder)
}

#[cfg(test)]
mod tests;
