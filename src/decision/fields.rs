//! The fields of a record: which of them leave, and what stands in the way of the others.

use uuid::Uuid;

use super::{Case, Verdict};
use crate::consent::{Grant, Grants, Standing};
use crate::document::{FieldId, FieldSet, Presence};
use crate::policy::{Basis, Field, FieldSource};
use crate::reason::Reason;
use crate::vocabulary::{CategoryId, CategorySet};

/// What stands in the way of each field whatever the subject says.
pub(super) struct Bars<'a> {
    case: &'a Case<'a>,
    fixed: Vec<Option<Reason>>,
    /// The fields that leave only by a consent through the state service.
    of_state: FieldSet,
    /// The fields of which a study gets none.
    identifying: FieldSet,
    /// Whether some field is covered by later consents only.
    has_newer: bool,
    /// The categories that a state body's request lists.
    pub(super) requested: CategorySet,
}

/// What lets a record's fields through.
#[derive(Clone, Copy)]
pub(super) enum Ground<'a> {
    /// The subject's consents.
    Grants(&'a Grants),
    /// A state body's request.
    Request,
    /// Nothing: members outside of all records are nobody's.
    Nobody,
}

impl<'a> Bars<'a> {
    pub(super) fn of(case: &'a Case<'a>) -> Self {
        let register = &case.claim.policy().register;
        let fields = || (0..=FieldId::MAX).zip(&case.route.fields);
        let shut = |(id, field)| case.fixed(id, field).into_iter().flatten().find_map(|(_, r)| r);
        let fixed: Vec<Option<Reason>> = fields().map(shut).collect();
        let identifies = |category: &CategoryId| {
            register.categories.get(category).is_none_or(|entry| entry.identifies)
        };
        let by_consent = case.route.basis == Basis::Consent;
        let of_state = |field: &Field, bar: &Option<Reason>| {
            let is_personal = !field.categories().is_empty();
            by_consent && is_personal && bar.is_none() && field.source == FieldSource::State
        };
        Self {
            case,
            of_state: (fields().zip(&fixed).filter(|((_, field), bar)| of_state(field, bar)))
                .map(|((id, _), _)| id)
                .collect(),
            identifying: (fields())
                .filter(|(_, field)| field.categories().iter().any(|id| identifies(&id)))
                .map(|(id, _)| id)
                .collect(),
            has_newer: case.route.fields.iter().any(|field| field.since.is_some()),
            requested: (case.claim.legal_request())
                .map_or(CategorySet::EMPTY, |(_, request)| request.categories),
            fixed,
        }
    }

    /// Whether every subject whose record leaves is told of it (94-V Art. 19).
    pub(super) fn all_are_told(&self) -> bool {
        self.case.purpose.notify_on_transfer && self.case.route.basis == Basis::Consent
    }

    /// What happens to a record.
    pub(super) fn record(&self, presence: &Presence, standing: Option<&Standing>) -> Verdict {
        let refuse = |reason, field| Verdict {
            refused: Some((reason, field)),
            present: presence.present,
            unmapped: u64::from(presence.unmapped),
            ..Verdict::default()
        };
        let ground = match (standing, self.case.route.basis) {
            (None, _) => return refuse(Reason::SubjectUnidentified, None),
            (Some(Standing::Refused(Reason::SubjectBlocked)), _) => {
                return refuse(Reason::SubjectBlocked, None);
            }
            (Some(_), Basis::StateRequest) => Ground::Request,
            (Some(Standing::Granted(grants)), Basis::Consent) => Ground::Grants(grants),
            (
                Some(
                    Standing::Refused(reason)
                    | Standing::Lapsed(reason)
                    | Standing::Unknown(reason),
                ),
                Basis::Consent,
            ) => return refuse(*reason, None),
        };
        if let Ground::Grants(grants) = ground
            && let Some(field) = self.of_state_unasked(presence, grants)
        {
            return refuse(Reason::StateConsentRequired, Some(field));
        }
        let mut verdict = self.fields(presence, ground);
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

    /// What happens to the members outside of all records.
    pub(super) fn outside(&self, presence: &Presence) -> Verdict {
        let mut verdict = self.fields(presence, Ground::Nobody);
        verdict.refused =
            self.missing(&verdict, false).map(|field| (Reason::RequiredFieldRemoved, Some(field)));
        verdict
    }

    /// The first field that was there and that no study gets.
    pub(super) fn identifying(&self, presence: &Presence) -> Option<FieldId> {
        let found = presence.present.iter().chain(presence.misshapen.iter());
        found.into_iter().find(|field| self.identifying.contains(*field))
    }

    /// Whether there are consents by which the field would leave.
    pub(super) fn may_leave(&self, field: FieldId) -> bool {
        self.fixed.get(usize::from(field)).is_some_and(Option::is_none)
    }

    /// Whether no study gets a field.
    pub(super) fn is_identifying(&self, field: FieldId) -> bool {
        self.identifying.contains(field)
    }

    /// The consents without which a kept field would stay, or a wish to be told would not count;
    /// and whether there is such a wish.
    pub(super) fn rests_on(
        &self,
        standing: Option<&Standing>,
        kept: FieldSet,
        consents: &mut Vec<Uuid>,
    ) -> bool {
        let (Some(Standing::Granted(grants)), Basis::Consent) = (standing, self.case.route.basis)
        else {
            return false;
        };
        if let Some(only) = grants.only() {
            consents.push(only.record);
            return only.notify;
        }
        let mut so_far = FieldSet::EMPTY;
        let mut notify = false;
        for (n, grant) in grants.iter().enumerate() {
            let before = so_far;
            kept.iter().filter(|f| self.covers(grant, *f)).for_each(|f| so_far.insert(f));
            if n == 0 || so_far != before || (grant.notify && !notify) {
                consents.push(grant.record);
                notify |= grant.notify;
            }
        }
        notify
    }

    /// Whether two records differ in nothing that their verdict depends on. It need not see every
    /// such case, but most records of a batch are of one.
    pub(super) fn are_alike(
        &self,
        (presence, standing): (&Presence, Option<&Standing>),
        (other, others): (&Presence, Option<&Standing>),
    ) -> bool {
        let (Some(Standing::Granted(one)), Some(Standing::Granted(two))) = (standing, others)
        else {
            return false;
        };
        let (Some(one), Some(two)) = (one.only(), two.only()) else { return false };
        presence.present == other.present
            && presence.misshapen == other.misshapen
            && one.categories == two.categories
            && one.through_state == two.through_state
            && (one.given == two.given || !self.has_newer)
    }

    fn covers(&self, grant: &Grant, field: FieldId) -> bool {
        self.case.route.fields.get(usize::from(field)).is_some_and(|field| covers(grant, field))
    }

    fn fields(&self, presence: &Presence, ground: Ground<'_>) -> Verdict {
        let mut verdict = Verdict {
            present: presence.present,
            unmapped: u64::from(presence.unmapped),
            ..Verdict::default()
        };
        for field in presence.present.iter() {
            match self.bar(field, ground) {
                None => verdict.keep.insert(field),
                Some(reason) => verdict.removed.push((field, reason)),
            }
        }
        verdict.removed.extend(presence.misshapen.iter().map(|field| (field, Reason::FieldShape)));
        verdict
    }

    /// Why a field stays; a field that the route does not know stays as unknown.
    fn bar(&self, field: FieldId, ground: Ground<'_>) -> Option<Reason> {
        let n = usize::from(field);
        let (Some(field), Some(fixed)) = (self.case.route.fields.get(n), self.fixed.get(n)) else {
            return Some(Reason::FieldUnknown);
        };
        if fixed.is_some() {
            return *fixed;
        }
        if field.categories().is_empty() {
            return None;
        }
        let shut = || self.granted(field, ground).into_iter().flatten().find_map(|(_, r)| r);
        match ground {
            Ground::Grants(grants) if grants.iter().any(|grant| covers(grant, field)) => None,
            Ground::Request => shut(),
            // Whatever the gates say, what nobody covers stays.
            Ground::Grants(_) | Ground::Nobody => shut().or(Some(Reason::CategoryNotConsented)),
        }
    }

    /// The first field of a state system that is there without a consent through the state
    /// service (94-V Art. 8(1), 8-1, 10(4)). Whether another consent lists it does not matter, so
    /// that one consent more never takes anything away.
    fn of_state_unasked(&self, presence: &Presence, grants: &Grants) -> Option<FieldId> {
        if self.of_state.is_empty() {
            return None;
        }
        let is_asked = |field: FieldId| {
            let mut through_state = grants.iter().filter(|grant| grant.through_state);
            let field = self.case.route.fields.get(usize::from(field));
            field.is_some_and(|field| through_state.any(|grant| lists(grant, field)))
        };
        let mut present = presence.present.iter().filter(|field| self.of_state.contains(*field));
        present.find(|field| !is_asked(*field))
    }

    fn missing(&self, verdict: &Verdict, in_record: bool) -> Option<FieldId> {
        let route = self.case.route;
        let here = |field: &FieldId| {
            route.fields.get(usize::from(*field)).is_some_and(|f| f.in_record == in_record)
        };
        route.required.iter().find(|field| here(field) && !verdict.keep.contains(*field))
    }
}

/// Whether a consent lists all categories of a field that is personal: its own, and those that its
/// text may hold.
pub(super) fn lists(grant: &Grant, field: &Field) -> bool {
    let categories = field.categories();
    !categories.is_empty() && grant.categories.contains_all(categories)
}

/// Whether a consent covers a field (94-V Art. 8(4)7), 15(2)).
pub(super) fn covers(grant: &Grant, field: &Field) -> bool {
    lists(grant, field)
        && field.since.is_none_or(|since| since <= grant.given)
        && (field.source == FieldSource::Own || grant.through_state)
}
