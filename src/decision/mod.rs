//! The decision: which subjects' records may go, and which of their fields.
//!
//! Everything is denied unless each of these allows it: nothing is blocked, the partner's entry is
//! in force, the purpose has not ended, the route is open, the purpose may go to this partner and
//! these countries; a consent of the subject covers purpose, partner, countries and category, or a
//! state body's request that is in force lists the category; the purpose needs the category, the
//! partner may have it, and the route maps the field. A study gets nothing that points to a person.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod fields;
pub mod gates;
pub mod identifier;

use std::sync::Arc;

use uuid::Uuid;

use fields::Bars;

use crate::consent::{Question, Standing};
use crate::document::{Document, FieldId, FieldSet, Presence, Record, Scalar, Value};
use crate::policy::legal::Number;
use crate::policy::{OnRefused, PartnerKind, Purpose, Route, Unmapped};
use crate::reason::Reason;
use crate::time::Timestamp;
use crate::transfer::{Claim, Transfer};

/// A transfer of which at least one subject's record may go.
#[derive(Debug)]
pub struct Permitted {
    transfer: Transfer,
    decision: Decision,
    trial: Option<Trial>,
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
    /// What the route's candidate would have done.
    pub trial: Option<Trial>,
}

/// What the rules that are tried on a route would have done with a transfer: it is recorded, and
/// changes nothing.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The route as it would be.
    pub route: Arc<Route>,
    /// Why nothing of the transfer would leave, if nothing would.
    pub reason: Option<Reason>,
    /// The field that it is about, as the candidate names it.
    pub field: Option<FieldId>,
    /// What would be decided for each record, if it came to that.
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
    /// How many of the records that may go are of subjects who are told of it (94-V Art. 19(1)).
    pub told: u64,
}

/// The consents that each of a transfer's records rests on: none, one, and seldom more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consents {
    all: Vec<Uuid>,
    /// Where each record's end in `all`.
    ends: Vec<usize>,
}

impl Consents {
    /// The consents of each record, in the order of the records.
    pub fn iter(&self) -> impl Iterator<Item = &[Uuid]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| self.all.get(start..*end).unwrap_or_default())
    }

    /// Ends a record: what was added since the one before is its own.
    fn end(&mut self) {
        self.ends.push(self.all.len());
    }
}

/// What happens to the fields of one or more records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Why the whole record stays, if it does, with the field it is about.
    pub refused: Option<(Reason, Option<FieldId>)>,
    /// The mapped fields that were there with a value.
    pub present: FieldSet,
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

    /// What the route's candidate would have done.
    #[must_use]
    pub const fn trial(&self) -> Option<&Trial> {
        self.trial.as_ref()
    }

    /// The transfer again, when it has to be decided anew.
    #[must_use]
    pub fn into_transfer(self) -> Transfer {
        self.transfer
    }

    /// The denial that comes of a permission which something later does not let pass, with the
    /// field that it is about.
    #[must_use]
    pub fn deny(self, reason: Reason, field: Option<FieldId>) -> Denial {
        let decision = Decision::default();
        Denial { transfer: self.transfer, reason, field, decision, trial: self.trial }
    }
}

/// What a transfer asks of each subject's consents.
#[must_use]
pub fn question(claim: &Claim, now: Timestamp) -> Question<'_> {
    let (purpose, register) = (claim.purpose_entry(), &claim.policy().register);
    let term = register.legal.get(&Number::ConsentTerm).map_or(0, |term| term.value);
    Question {
        purpose: claim.purpose(),
        separate: purpose.is_none_or(|purpose| purpose.separate_consent),
        partner: &claim.partner().name,
        countries: &claim.route().countries,
        wanted: claim.wanted(),
        automated: purpose.is_none_or(|purpose| purpose.automated_decision),
        published: claim.partner().kind == PartnerKind::PublicSource,
        notices: register,
        too_old: now.years_before(term),
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
    let trial = Trial::of(&transfer, circumstances);
    let claim = transfer.claim();
    let (decision, why) = weigh(claim, claim.route(), transfer.document(), circumstances);
    match why {
        None => Ok(Permitted { transfer, decision, trial }),
        Some((reason, field)) => Err(Box::new(Denial { transfer, reason, field, decision, trial })),
    }
}

/// What is decided of a claim and of what was found in its document, without the values: the
/// decision, and why nothing may leave, if nothing may.
///
/// It is what [`decide`] decides, but for the values of a study, which it cannot look at.
#[must_use]
pub fn judge(
    claim: &Claim,
    found: Found<'_>,
    circumstances: &Circumstances,
) -> (Decision, Option<(Reason, Option<FieldId>)>) {
    judge_by(claim, claim.route(), found, circumstances)
}

/// Which mapped fields were found in a document.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// In each record.
    pub records: &'a [Record],
    /// Outside of all records.
    pub outside: &'a Presence,
}

impl<'a> Found<'a> {
    /// What was found in a document.
    #[must_use]
    pub fn of(document: &'a Document) -> Self {
        Self { records: document.records(), outside: document.outside() }
    }
}

/// A transfer with the rules that it is held against.
struct Case<'a> {
    claim: &'a Claim,
    /// The claim's route, or its candidate.
    route: &'a Route,
    purpose: &'a Purpose,
    found: Found<'a>,
}

/// What is decided for each record, and why the whole transfer stays, if it does.
fn weigh(
    claim: &Claim,
    route: &Route,
    document: &Document,
    circumstances: &Circumstances,
) -> (Decision, Option<(Reason, Option<FieldId>)>) {
    let found = Found::of(document);
    let (decision, why) = judge_by(claim, route, found, circumstances);
    let why = why.or_else(|| {
        let purpose = claim.purpose_entry()?;
        identifier_in(&Case { claim, route, purpose, found }, document)
    });
    (decision, why)
}

fn judge_by(
    claim: &Claim,
    route: &Route,
    found: Found<'_>,
    circumstances: &Circumstances,
) -> (Decision, Option<(Reason, Option<FieldId>)>) {
    let Some(purpose) = claim.purpose_entry() else {
        return (Decision::default(), Some((Reason::PurposeUnknown, None)));
    };
    let case = Case { claim, route, purpose, found };
    if let Some(reason) = case.barrier(circumstances) {
        return (Decision::default(), Some((reason, None)));
    }
    let bars = Bars::of(&case);
    let mut decision = Decision::default();
    decision.consents.all.reserve(found.records.len());
    let mut last = None;
    for (record, standing) in found.records.iter().zip(&circumstances.standings) {
        let this = (&record.presence, standing.as_ref());
        decision.add(&bars, this, last.is_some_and(|last| bars.are_alike(last, this)));
        last = Some(this);
    }
    decision.outside = bars.outside(found.outside);
    let why = case.identifying(&bars).or_else(|| decision.whole(claim, route));
    (decision, why)
}

impl Case<'_> {
    /// A field of a study that identifies by its category, wherever it was found.
    fn identifying(&self, bars: &Bars<'_>) -> Option<(Reason, Option<FieldId>)> {
        if !self.purpose.depersonalise {
            return None;
        }
        let records = self.found.records.iter().map(|record| &record.presence);
        let mut all = records.chain([self.found.outside]);
        let field = all.find_map(|presence| bars.identifying(presence))?;
        Some((Reason::IdentifierInStudy, Some(field)))
    }
}

/// A field of a study whose value points to a person. It does not matter whose consents would let
/// it leave, so that one consent more never stops a transfer.
fn identifier_in(case: &Case<'_>, document: &Document) -> Option<(Reason, Option<FieldId>)> {
    if !case.purpose.depersonalise {
        return None;
    }
    let bars = Bars::of(case);
    let points = |value: &Value<'_>| match &value.scalar {
        Scalar::Text(text) => identifier::is_in(text),
        Scalar::Number(number) => identifier::is_number(number),
        Scalar::Word(_) => false,
    };
    let mut values = document.values();
    let found = values.find(|value| bars.may_leave(value.field) && points(value))?;
    Some((Reason::IdentifierInStudy, Some(found.field)))
}

impl Decision {
    /// The decision on a transfer that was refused before its records were looked at.
    #[must_use]
    pub fn alike(document: &Document, reason: Reason) -> Self {
        let refused = |presence: &Presence| Verdict {
            present: presence.present,
            unmapped: u64::from(presence.unmapped),
            ..Verdict::default()
        };
        let mut decision = Self { outside: refused(document.outside()), ..Self::default() };
        for record in document.records() {
            let verdict = refused(&record.presence);
            decision.push(Verdict { refused: Some((reason, None)), ..verdict });
            decision.consents.end();
        }
        decision
    }

    /// Adds a record, which may be like the one before.
    fn add(
        &mut self,
        bars: &Bars<'_>,
        (presence, standing): (&Presence, Option<&Standing>),
        as_before: bool,
    ) {
        let before = if as_before { self.of.last().copied() } else { None };
        let position = match before {
            Some(position) => self.count(position, u64::from(presence.unmapped)),
            None => self.push(bars.record(presence, standing)),
        };
        let Some(verdict) = self.verdicts.get(position) else { return };
        let asked = bars.rests_on(standing, verdict.keep, &mut self.consents.all);
        self.consents.end();
        if verdict.refused.is_none() && (asked || bars.all_are_told()) {
            self.told = self.told.saturating_add(1);
        }
    }

    fn push(&mut self, verdict: Verdict) -> usize {
        let alike = |v: &Verdict| {
            v.refused == verdict.refused
                && v.keep == verdict.keep
                && v.present == verdict.present
                && v.removed == verdict.removed
        };
        if let Some(position) = self.verdicts.iter().position(alike) {
            return self.count(position, verdict.unmapped);
        }
        self.of.push(self.verdicts.len());
        self.verdicts.push(Verdict { records: 1, ..verdict });
        self.verdicts.len().saturating_sub(1)
    }

    /// Counts one more record under a verdict that there is.
    fn count(&mut self, position: usize, unmapped: u64) -> usize {
        if let Some(shared) = self.verdicts.get_mut(position) {
            shared.unmapped = shared.unmapped.saturating_add(unmapped);
            shared.records = shared.records.saturating_add(1);
        }
        self.of.push(position);
        position
    }

    /// Why the whole transfer stays, if it does.
    ///
    /// The part that ends a record stream goes even if none of its records may: without it the
    /// partner would take the stream for one that broke off.
    fn whole(&self, claim: &Claim, route: &Route) -> Option<(Reason, Option<FieldId>)> {
        let unmapped = self.outside.unmapped > 0 || self.verdicts.iter().any(|v| v.unmapped > 0);
        if route.unmapped == Unmapped::Refuse && unmapped {
            return Some((Reason::FieldUnknown, None));
        }
        if self.outside.refused.is_some() {
            return self.outside.refused;
        }
        let mut refused = self.of.iter().filter_map(|n| self.verdicts.get(*n)?.refused);
        let ends_stream = claim.part().is_some_and(|part| part.last && part.n > 0);
        let all = !ends_stream && self.verdicts.iter().all(|verdict| verdict.refused.is_some());
        refused.next().filter(|_| all || route.on_refused == OnRefused::Refuse)
    }
}

impl Trial {
    /// Tries the route's candidate on a transfer, while its trial lasts.
    fn of(transfer: &Transfer, circumstances: &Circumstances) -> Option<Self> {
        let claim = transfer.claim();
        let candidate = claim.route().candidate.as_ref()?;
        if candidate.until <= circumstances.now {
            return None;
        }
        let route = &candidate.route;
        let trial = |decision, why: Option<(Reason, Option<FieldId>)>| {
            let (reason, field) = (why.map(|(reason, _)| reason), why.and_then(|(_, field)| field));
            Some(Self { route: Arc::clone(route), reason, field, decision })
        };
        if !route.purposes.contains(&claim.purpose()) {
            return trial(Decision::default(), Some((Reason::PurposeNotForRoute, None)));
        }
        match transfer.read_as(&route.shape) {
            Ok(document) => {
                let (decision, why) = weigh(claim, route, &document, circumstances);
                trial(decision, why)
            }
            Err(reason) => trial(Decision::default(), Some((reason, None))),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
