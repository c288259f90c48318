//! What consents that were given under the old rules still cover, and cover now, under the new.

use std::sync::Arc;

use super::trial::{Stays, Trial, full, of_before};
use crate::consent::Terms;
use crate::policy::{Basis, Policy, Route};
use crate::reason::Reason;
use crate::time::Timestamp;
use crate::vocabulary::{CategoryId, Name, PurposeId};

/// A field of which consents from before now say something else, or which they do not cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    /// The route, by its full name.
    pub route: Name,
    /// The purpose.
    pub purpose: PurposeId,
    /// Whether it is about consents that name other purposes beside this one.
    pub bundle: bool,
    /// The field's path.
    pub field: String,
    /// The field's category.
    pub category: Option<CategoryId>,
    /// What is new about it.
    pub what: Covering,
}

/// What is new about a field and consents from before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Covering {
    /// It leaves from now on, with nobody asked again.
    AtOnce,
    /// It left, and needs a new consent from now on.
    NoLonger(Reason),
    /// It may leave now, but not by consents from before.
    NotYet(Reason),
}

/// The fields of all routes that are on both sides and rest on consent.
pub(super) fn covers(old: &Arc<Policy>, new: &Arc<Policy>, at: Timestamp) -> Vec<Cover> {
    let routes = new.partners.values().flat_map(|partner| &partner.routes);
    let on_both = routes.filter_map(|route| Some((old.route(&route.name)?.route, route)));
    on_both.flat_map(|(before, after)| of_route((old, before), (new, after), at)).collect()
}

fn of_route(
    (old, before): (&Arc<Policy>, &Route),
    (new, after): (&Arc<Policy>, &Route),
    at: Timestamp,
) -> Vec<Cover> {
    if before.basis != Basis::Consent || after.basis != Basis::Consent {
        return Vec::new();
    }
    let purposes = after.purposes.iter().filter(|purpose| before.purposes.contains(purpose));
    let of = |purpose: &PurposeId| {
        let before = Trial::on(old, &before.name, *purpose, None, at).ok()?;
        let after = Trial::on(new, &after.name, *purpose, None, at).ok()?;
        Some(of_purpose(&before, &after))
    };
    purposes.filter_map(of).flatten().collect()
}

fn of_purpose(before: &Trial, after: &Trial) -> Vec<Cover> {
    let others = before.claim.policy().register.purposes.keys();
    let other = others.copied().find(|purpose| *purpose != before.claim.purpose());
    let alone = with(before, after, None);
    let bundle = other.map(|other| with(before, after, Some(other))).unwrap_or_default();
    // What is true of every consent is told once.
    let same = |cover: &&Cover| {
        !alone.iter().any(|alone| alone.field == cover.field && alone.what == cover.what)
    };
    let bundle: Vec<Cover> = bundle.iter().filter(same).cloned().collect();
    alone.into_iter().chain(bundle).collect()
}

fn with(before: &Trial, after: &Trial, beside: Option<PurposeId>) -> Vec<Cover> {
    let consent = of_before(before, beside);
    let (left, leaves) = (before.fields(Some(&consent)), after.fields(Some(&consent)));
    let (could, can) = (before.fields(Some(&of_now(before))), after.fields(Some(&of_now(after))));
    let (old, new) = (before.claim.route(), after.claim.route());
    let mut covers = Vec::new();
    for ((field, leaves), can) in new.fields.iter().zip(leaves).zip(can) {
        let place = old.fields.iter().position(|was| was.text == field.text);
        let was =
            |verdicts: &[Verdict]| place.and_then(|n| verdicts.get(n)).is_some_and(Verdict::is_ok);
        let what = match (was(&left), leaves) {
            (false, Ok(())) => Covering::AtOnce,
            (true, Err(stays)) if can.is_ok() => Covering::NoLonger(stays.reason),
            (false, Err(stays)) if can.is_ok() && !was(&could) => Covering::NotYet(stays.reason),
            _ => continue,
        };
        covers.push(Cover {
            route: new.name.clone(),
            purpose: after.claim.purpose(),
            bundle: beside.is_some(),
            field: field.text.clone(),
            category: field.category,
            what,
        });
    }
    covers
}

/// A consent to all that a trial asks.
fn of_now(trial: &Trial) -> Terms {
    full(&trial.question(), &trial.claim.policy().register, trial.now)
}

type Verdict = Result<(), Stays>;
