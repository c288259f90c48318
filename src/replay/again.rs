//! A recorded decision made again by other rules: by the decision itself, of what was recorded.
//!
//! What was not recorded is not guessed. Where the answer of a subject's consents is not known, the
//! decision is made twice, once as if they said no and once as if they said yes to everything; what
//! comes out both times is known all the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::recorded::{Line, Recorded, Told};
use crate::consent::{Grant, Grants, Question, Standing, Terms};
use crate::decision::{Circumstances, Decision, Found, judge, question};
use crate::diagnostic::Text;
use crate::document::{FieldId, FieldSet, Presence, Record};
use crate::policy::{Basis, Field, OnFound, Place, Policy, Route, Treatment};
use crate::reason::Reason;
use crate::transfer::Claim;

/// What is known of the subject of a line.
#[derive(Clone, Debug)]
pub enum Person {
    /// The consents as they were.
    Known(Vec<Terms>),
    /// What they answered.
    Said(Reason),
    /// The record did not say whose it was.
    Unidentified,
    /// Nothing.
    Unknown,
}

/// A decision that was made again.
#[derive(Debug)]
pub struct Again {
    /// The route that it was made on.
    pub route: Arc<Route>,
    /// The fields of both routes that leave by other treatments.
    pub treatments: BTreeMap<String, Treatments>,
    /// What was decided, and why nothing may leave, if nothing may; where something was not known,
    /// first as if the consents in question said no, then as if they said yes.
    pub made: Vec<Made>,
    /// Why the two are not one.
    pub unknown: Option<Untold>,
}

/// The treatments of a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Treatments {
    /// By the rules of its time, as rule files write it.
    pub before: String,
    /// By the others.
    pub after: String,
    /// Whether the later one shows more; `None` where it shows something else.
    pub shows_more: Option<bool>,
}

/// What was decided.
#[derive(Debug)]
pub struct Made {
    /// What was decided.
    pub decision: Decision,
    /// Why nothing may leave, if nothing may.
    pub denied: Option<Reason>,
}

/// Why it cannot be told from what is recorded what would have been decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Untold {
    /// The rules of that time are not kept, or cannot be read.
    Rules,
    /// The request was refused before its route and purpose were known.
    Claim,
    /// Another route would take the request, or its path is no longer one.
    Route,
    /// Whether the caller named its purpose.
    Purpose,
    /// The records would be others, or their subjects.
    Records,
    /// Which members no rule mapped then.
    Members,
    /// What consents that were not looked up would have answered.
    Consents,
    /// What the values were.
    Values,
    /// How much had gone on that day.
    Quota,
}

impl Untold {
    /// What it says to people.
    #[must_use]
    pub fn words(self) -> Text {
        let words = match self {
            Self::Rules => "the rules of that time are not kept",
            Self::Claim => "the path, purpose or request that the caller named is not recorded",
            Self::Route => "the request's path is no longer that of the same route",
            Self::Purpose => "whether the caller named the purpose is not recorded",
            Self::Records => "the route finds the subjects elsewhere in the document",
            Self::Members => "members that no rule mapped are counted, not named",
            Self::Consents => "the subject of a record without consent is not recorded",
            Self::Values => "the values, on which it depends, are not kept",
            Self::Quota => "how much of the new quota would have been used is not recorded",
        };
        words.into()
    }

    /// A word for it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Claim => "claim",
            Self::Route => "route",
            Self::Purpose => "purpose",
            Self::Records => "records",
            Self::Members => "members",
            Self::Consents => "consents",
            Self::Values => "values",
            Self::Quota => "quota",
        }
    }
}

/// A decision, with the rules of its time and those that it is made again by.
pub struct Case<'a> {
    /// The decision.
    pub recorded: &'a Recorded,
    /// The rules of its time.
    pub old: &'a Arc<Policy>,
    /// The others.
    pub new: &'a Arc<Policy>,
    /// The subject of each line.
    pub people: &'a [Person],
}

/// The answers that a subject's consents give, by what is asked of them.
type Denied = Result<Claim, Reason>;

impl Case<'_> {
    /// Makes the decision again.
    ///
    /// # Errors
    /// Why that cannot be told.
    pub fn again(&self) -> Result<Again, Untold> {
        let (before, after) = (self.claim(self.old)?, self.claim(self.new)?);
        let Ok(before) = before else { return Err(Untold::Claim) };
        let route = Arc::clone(before.route());
        let after = match after {
            Ok(after) => after,
            Err(reason) => return Ok(refused(route, reason)),
        };
        let comparable = self.comparable(&before, &after);
        let (low, high) = (self.make(&before, &after, false), self.make(&before, &after, true));
        let unsure = low.standings != high.standings;
        let route = Arc::clone(after.route());
        // What stops the whole transfer does so whatever was in it.
        if let (true, Some(reason)) = (low.made.decision.of.is_empty(), low.made.denied) {
            return Ok(refused(route, reason));
        }
        comparable?;
        let unknown = unsure.then_some(Untold::Consents);
        let variants = if unsure { vec![low.made, high.made] } else { vec![low.made] };
        let made = variants.into_iter().map(|made| self.settled(made, &before, &after));
        let made = made.collect::<Result<_, _>>()?;
        let treatments = treatments(before.route(), &route);
        Ok(Again { route, treatments, made, unknown })
    }

    /// The claim under a set of rules.
    fn claim(&self, policy: &Arc<Policy>) -> Result<Denied, Untold> {
        let Recorded { route, purpose, request, .. } = self.recorded;
        let (Some(name), Some(purpose)) = (route, *purpose) else {
            return Err(Untold::Claim);
        };
        if !Arc::ptr_eq(policy, self.old) {
            let old = self.old.route(name).ok_or(Untold::Route)?;
            if let Some(reason) = self.moved(old)? {
                return Ok(Err(reason));
            }
            let new = self.new.route(name).ok_or(Untold::Route)?.route;
            let old = old.route;
            // With one purpose on the route a caller need not name it; with several it must.
            if old.purposes.len() == 1 && new.purposes.len() != 1 {
                return Err(Untold::Purpose);
            }
        }
        let claim = Claim::on_route(policy, name, purpose, request.as_ref());
        Ok(claim.map_err(|refused| refused.reason))
    }

    /// What takes the request of a route under the new rules: the same route, or nothing.
    fn moved(&self, Place { partner, route }: Place<'_>) -> Result<Option<Reason>, Untold> {
        let host = partner.endpoints.get(&route.endpoint).map(|endpoint| endpoint.host.as_str());
        let taker = |host: Option<&str>| {
            let path = route.template_at(host.is_some()).to_string();
            let method = |route: &Route| route.method_at(host.is_some()).to_owned();
            let mut at = self.new.routes_at(host, &path);
            at.find(|place| method(place.route) == method(route)).map(|place| &place.route.name)
        };
        match (taker(None), taker(host)) {
            (None, None) => Ok(Some(Reason::RouteUnknown)),
            (Some(here), Some(there)) if here == there && *here == route.name => Ok(None),
            _ => Err(Untold::Route),
        }
    }

    /// Whether what was recorded by the rules of one route says what there is for another.
    fn comparable(&self, before: &Claim, after: &Claim) -> Result<(), Untold> {
        let (old, new) = (before.route(), after.route());
        if !old.shape.has_records_of(&new.shape) || old.scheme != new.scheme {
            return Err(Untold::Records);
        }
        let is_new = |field: &&Field| !old.fields.iter().any(|f| f.path == field.path);
        let mut added = new.fields.iter().filter(is_new).peekable();
        if added.peek().is_none() {
            return Ok(());
        }
        let verdicts = self.recorded.verdicts.iter().chain([&self.recorded.outside]);
        let unmapped = verdicts.clone().any(|told| told.unmapped > 0);
        let nested = |field: &Field| {
            let touches = |f: &Field| f.path.leads_to(&field.path) || field.path.leads_to(&f.path);
            old.fields.iter().any(touches)
        };
        if unmapped || added.any(nested) { Err(Untold::Members) } else { Ok(()) }
    }

    fn make(&self, before: &Claim, after: &Claim, yes: bool) -> Tried {
        let recorded = self.recorded;
        let now = recorded.time;
        let (asked, asks) = (question(before, now), question(after, now));
        let same = is_same(&asked, &asks) && self.same_notices();
        let lines = recorded.lines.as_deref().unwrap_or_default();
        let standing = |(_, person): (&Line, &Person)| match person {
            Person::Known(terms) => Some(Standing::of(terms, &asks)),
            Person::Said(Reason::SubjectBlocked) => Some(Standing::Refused(Reason::SubjectBlocked)),
            Person::Said(reason) if same => Some(Standing::no(*reason)),
            Person::Unidentified => None,
            Person::Said(_) | Person::Unknown if after.route().basis == Basis::StateRequest => {
                Some(Standing::no(Reason::NoConsent))
            }
            Person::Said(_) | Person::Unknown if yes => Some(everything(after, &asks)),
            Person::Said(_) | Person::Unknown => Some(Standing::no(Reason::NoConsent)),
        };
        let standings: Vec<_> = lines.iter().zip(self.people).map(standing).collect();
        let fields = Fields::of(after.route());
        let found: BTreeMap<usize, Record> = (recorded.verdicts.iter().enumerate())
            .map(|(n, told)| (n, Record { presence: fields.presence(told) }))
            .collect();
        let nothing = Record::default();
        let record = |line: &Line| *found.get(&line.verdict).unwrap_or(&nothing);
        let records: Vec<Record> = lines.iter().map(record).collect();
        let outside = fields.presence(&recorded.outside);
        let blocked = recorded
            .reason
            .filter(|reason| matches!(reason, Reason::PartnerBlocked | Reason::PurposeBlocked));
        let circumstances = Circumstances { standings, blocked, now };
        let found = Found { records: &records, outside: &outside };
        let (decision, denied) = judge(after, found, &circumstances);
        let made = Made { decision, denied: denied.map(|(reason, _)| reason) };
        Tried { made, standings: circumstances.standings }
    }

    fn same_notices(&self) -> bool {
        let notices = |policy: &Policy| -> Vec<(String, String)> {
            let notices = policy.register.notices.iter();
            notices.map(|(version, notice)| (version.clone(), notice.sha256.clone())).collect()
        };
        Arc::ptr_eq(self.old, self.new) || notices(self.old) == notices(self.new)
    }

    /// What depends on more than the decision sees: the values of a study, and the day's quota.
    fn settled(&self, made: Made, before: &Claim, after: &Claim) -> Result<Made, Untold> {
        let recorded = self.recorded;
        let (old, new) = (before.partner().quota, after.partner().quota);
        if made.denied.is_some() {
            return Ok(made);
        }
        let made = self.study(made, before, after)?;
        if made.denied.is_some() {
            return Ok(made);
        }
        let made = self.valued(made, before, after)?;
        if made.denied.is_some() {
            return Ok(made);
        }
        let less = |old: Option<u64>, new: Option<u64>| {
            new.is_some_and(|new| old.is_none_or(|old| new < old))
        };
        match recorded.reason {
            Some(Reason::QuotaExceeded) if old == new => {
                Ok(Made { denied: Some(Reason::QuotaExceeded), ..made })
            }
            Some(Reason::QuotaExceeded) => Err(Untold::Quota),
            _ if less(old.subjects_per_day, new.subjects_per_day)
                || less(old.records_per_day, new.records_per_day) =>
            {
                Err(Untold::Quota)
            }
            _ => Ok(made),
        }
    }

    /// A transfer that a value stopped, which the treatments or what is looked for in it did not
    /// let pass: by the same rules for its field it would stop it again.
    fn valued(&self, made: Made, before: &Claim, after: &Claim) -> Result<Made, Untold> {
        let by_value = [
            Reason::TreatmentImpossible,
            Reason::IdentifierFound,
            Reason::FormulaFound,
            Reason::PartnerKeyUnavailable,
        ];
        let Some(reason) = self.recorded.reason.filter(|reason| by_value.contains(reason)) else {
            let may_stop = after.route().fields.iter().any(|f| may_stop(f, before, after));
            return if may_stop { Err(Untold::Values) } else { Ok(made) };
        };
        let rule = |claim: &Claim| {
            let route = claim.route();
            let field = route.fields.iter().find(|f| Some(&f.text) == self.recorded.place.as_ref());
            field.map(|f| (f.treatment.clone(), f.categories(), f.found.unwrap_or(route.found)))
        };
        if rule(before) == rule(after) {
            Ok(Made { denied: Some(reason), ..made })
        } else {
            Err(Untold::Values)
        }
    }

    fn study(&self, made: Made, before: &Claim, after: &Claim) -> Result<Made, Untold> {
        let is_study = |claim: &Claim| claim.purpose_entry().is_some_and(|p| p.depersonalise);
        if !is_study(after) {
            return Ok(made);
        }
        let recorded = self.recorded;
        let fields = Fields::of(after.route());
        let leaves = |field: FieldId| {
            let kept = made.decision.verdicts.iter().filter(|v| v.refused.is_none());
            kept.chain([&made.decision.outside]).any(|verdict| verdict.keep.contains(field))
        };
        if recorded.reason == Some(Reason::IdentifierInStudy) {
            // The value that pointed to a person would leave again.
            let place = recorded.place.as_deref().and_then(|text| fields.by_text.get(text));
            if place.is_some_and(|field| leaves(*field)) {
                return Ok(Made { denied: Some(Reason::IdentifierInStudy), ..made });
            }
            return Err(Untold::Values);
        }
        let lines = recorded.lines.as_deref().unwrap_or_default();
        let kept = lines.iter().zip(&made.decision.of).all(|(line, of)| {
            let sent = recorded.verdict(line).map(|told| fields.set(told.sent.keys()));
            let verdict = made.decision.verdicts.get(*of);
            let keep = verdict.filter(|v| v.refused.is_none()).map(|v| v.keep);
            within(keep.unwrap_or_default(), sent.unwrap_or_default())
        });
        let around = within(made.decision.outside.keep, fields.set(recorded.outside.sent.keys()));
        // What left of a study was looked at then, value by value.
        if is_study(before) && recorded.reason.is_none() && kept && around {
            Ok(made)
        } else {
            Err(Untold::Values)
        }
    }
}

struct Tried {
    made: Made,
    standings: Vec<Option<Standing>>,
}

fn refused(route: Arc<Route>, reason: Reason) -> Again {
    let made = Made { decision: Decision::default(), denied: Some(reason) };
    Again { route, treatments: BTreeMap::new(), made: vec![made], unknown: None }
}

/// Whether by the new rules a value of a field may stop a transfer that no value stopped before.
fn may_stop(field: &Field, before: &Claim, after: &Claim) -> bool {
    let (old, new) = (before.route(), after.route());
    let was = old.fields.iter().find(|other| other.path == field.path);
    let refuses =
        |field: &Field, route: &Route| field.found.unwrap_or(route.found) == OnFound::Refuse;
    let passes_any_text = |treatment: &Treatment| {
        matches!(treatment, Treatment::Mask(_) | Treatment::Truncate { .. })
    };
    let is_required = || {
        new.required.iter().any(|id| {
            new.fields.get(usize::from(id)).is_some_and(|required| required.path == field.path)
        })
    };
    let may_fail = || match (&field.treatment, was.map(|was| &was.treatment)) {
        (Treatment::Keep | Treatment::Pseudonymise { .. } | Treatment::Encrypt { .. }, _) => false,
        (after, Some(before)) if after == before => false,
        (after, Some(before)) => !(passes_any_text(after) && passes_any_text(before)),
        (_, None) => true,
    };
    (refuses(field, new) && !was.is_some_and(|was| refuses(was, old)))
        || (may_fail() && is_required())
}

/// The fields that two routes treat otherwise.
fn treatments(old: &Route, new: &Route) -> BTreeMap<String, Treatments> {
    let both = new.fields.iter().filter_map(|field| {
        let before = &old.fields.iter().find(|other| other.path == field.path)?.treatment;
        let after = &field.treatment;
        let shows_more = after.shows_more(before);
        let (before, after) =
            (*before != *after).then(|| (before.to_string(), after.to_string()))?;
        Some((field.text.clone(), Treatments { before, after, shows_more }))
    });
    both.collect()
}

/// Whether two questions have the same answer, the notices apart.
fn is_same(one: &Question<'_>, other: &Question<'_>) -> bool {
    one.purpose == other.purpose
        && one.separate == other.separate
        && one.partner == other.partner
        && one.countries == other.countries
        && one.automated == other.automated
        && one.published == other.published
        && one.now == other.now
}

/// A consent that says yes to everything that is asked.
fn everything(claim: &Claim, question: &Question<'_>) -> Standing {
    Standing::Granted(Grants::one(Grant {
        record: Uuid::nil(),
        categories: claim.policy().register.categories.keys().copied().collect(),
        given: question.now,
        through_state: true,
        notify: false,
    }))
}

fn within(part: FieldSet, whole: FieldSet) -> bool {
    part.iter().all(|field| whole.contains(field))
}

/// The fields of a route by their paths.
struct Fields<'r> {
    by_text: BTreeMap<&'r str, FieldId>,
}

impl<'r> Fields<'r> {
    fn of(route: &'r Route) -> Self {
        let fields = (0..=FieldId::MAX).zip(&route.fields);
        Self { by_text: fields.map(|(id, field)| (field.text.as_str(), id)).collect() }
    }

    fn set<'t>(&self, texts: impl IntoIterator<Item = &'t String>) -> FieldSet {
        texts.into_iter().filter_map(|text| self.by_text.get(text.as_str()).copied()).collect()
    }

    /// What was found, by the fields of this route.
    fn presence(&self, told: &Told) -> Presence {
        let shaped = told.removed.iter().filter(|(_, reason)| **reason == Reason::FieldShape);
        let misshapen: Vec<&String> = shaped.map(|(field, _)| field).collect();
        let there = told.present.iter().chain(misshapen.iter().copied());
        let lost = there.filter(|text| !self.by_text.contains_key(text.as_str())).count();
        let unmapped = told.unmapped.saturating_add(u64::try_from(lost).unwrap_or(u64::MAX));
        Presence {
            present: self.set(&told.present),
            misshapen: self.set(misshapen),
            unmapped: u32::try_from(unmapped).unwrap_or(u32::MAX),
        }
    }
}
