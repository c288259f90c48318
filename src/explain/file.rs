//! A transfer that nobody has sent, explained by a rehearsal of it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::scene::{Scene, Seen, Subject};
use super::{Explained, Why};
use crate::consent::{Standing, Terms, block};
use crate::decision::{Decision, Verdict};
use crate::document::{FieldId, Limits};
use crate::policy::{Field, Policy, Route};
use crate::reason::Reason;
use crate::redaction::{Manifest, Tally};
use crate::rehearsal::{Block, Body, Ending, Head, Rehearsal, Rehearsed, rehearse};
use crate::replay::recorded::Told;
use crate::time::Timestamp;
use crate::vocabulary::Name;

/// A transfer as it would be asked for.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// The route's full name.
    pub route: &'a Name,
    /// The value of `Otkel-Purpose`, if it is sent.
    pub purpose: Option<&'a str>,
    /// The value of `Otkel-Legal-Request`, if it is sent.
    pub legal_request: Option<&'a str>,
    /// What stands before the body.
    pub head: &'a Head,
    /// The body, as it is sent.
    pub body: &'a Bytes,
    /// When it would be decided.
    pub now: Timestamp,
    /// How large it may be.
    pub limits: &'a Limits,
}

/// What is known of subjects, by their identifiers in the route's scheme.
pub struct Facts<'a> {
    /// A subject's consents.
    pub consents: &'a dyn Fn(&str) -> Vec<Terms>,
    /// The blocks in force of a subject, or those that name none.
    pub blocks: &'a dyn Fn(Option<&str>) -> Vec<block::Terms>,
}

/// Explains what would become of a transfer.
#[must_use]
pub fn file(policy: &Arc<Policy>, asked: &Asked<'_>, facts: &Facts<'_>) -> Explained {
    let try_with = |blocks: &[Block]| {
        let rehearsal = Rehearsal {
            route: asked.route,
            purpose: asked.purpose,
            legal_request: asked.legal_request,
            head: asked.head,
            body: Body::Sent(asked.body),
            consents: facts.consents,
            blocks,
            now: asked.now,
            limits: asked.limits,
        };
        rehearse(policy, &rehearsal)
    };
    let mut rehearsed = try_with(&[]);
    let blocks = blocks(&rehearsed, facts);
    if !blocks.is_empty() {
        rehearsed = try_with(&blocks);
    }
    let mut explained = told(policy, asked, &rehearsed);
    scene(&rehearsed, asked, facts, &mut explained);
    explained.gather();
    explained
}

/// The blocks that are about a transfer's subjects, or about nobody in particular.
fn blocks(rehearsed: &Rehearsed, facts: &Facts<'_>) -> Vec<Block> {
    let subjects: BTreeSet<String> = (rehearsed.transfer().into_iter())
        .flat_map(|transfer| transfer.subjects().flatten().map(Cow::into_owned))
        .collect();
    let of = |subject: Option<&str>| {
        let blocks = (facts.blocks)(subject).into_iter();
        let subject = subject.map(ToOwned::to_owned);
        blocks.map(move |terms| Block { subject: subject.clone(), terms }).collect::<Vec<_>>()
    };
    of(None).into_iter().chain(subjects.iter().flat_map(|id| of(Some(id)))).collect()
}

fn scene(rehearsed: &Rehearsed, asked: &Asked<'_>, facts: &Facts<'_>, explained: &mut Explained) {
    let (Some(transfer), Some(decision)) = (rehearsed.transfer(), rehearsed.decision()) else {
        return;
    };
    let (claim, reason) = (transfer.claim(), rehearsed.reason());
    // Refused before its records were looked at, it is told what they held all the same.
    let alike = reason.filter(|_| decision.of.is_empty());
    let alike = alike.map(|reason| Decision::alike(transfer.document(), reason));
    let decision = alike.as_ref().unwrap_or(decision);
    let none = Manifest::default();
    let manifest = rehearsed.manifest().unwrap_or(&none);
    let told = |verdict: &Verdict, tally: Option<&Tally>| Told {
        lost: tally.map(|tally| counts(&tally.lost, claim.route())).unwrap_or_default(),
        found: tally.map(|tally| counts(&tally.found, claim.route())).unwrap_or_default(),
        ..told_of(verdict, claim.route(), reason.is_none())
    };
    let verdicts = decision.verdicts.iter().enumerate();
    let verdicts: Vec<Told> = verdicts.map(|(n, v)| told(v, manifest.verdicts.get(n))).collect();
    let blocked = Some(Standing::Refused(Reason::SubjectBlocked));
    let seen = |((verdict, id), standing): ((&usize, Option<Cow<'_, str>>), &Option<Standing>)| {
        let subject = match id {
            Some(_) if *standing == blocked => Subject::Said(Reason::SubjectBlocked),
            Some(id) => Subject::Consents((facts.consents)(&id)),
            None => Subject::Unidentified,
        };
        Seen { verdict: *verdict, subject }
    };
    let people = decision.of.iter().zip(transfer.subjects()).zip(&rehearsed.standings);
    let people: Vec<Seen> = people.map(seen).collect();
    let denied = reason.map(|reason| (reason, explained.place.clone()));
    let outside = told(&decision.outside, Some(&manifest.outside));
    let scene = Scene {
        claim,
        now: asked.now,
        denied,
        verdicts: &verdicts,
        outside: &outside,
        people: &people,
    };
    scene.explain(explained);
}

fn told(policy: &Policy, asked: &Asked<'_>, rehearsed: &Rehearsed) -> Explained {
    let known = match &rehearsed.ending {
        Ending::Refused(refused) => refused.known.clone(),
        Ending::Denied(_) | Ending::Permitted(_) => {
            rehearsed.transfer().map(|transfer| transfer.claim().known()).unwrap_or_default()
        }
    };
    let place = match &rehearsed.ending {
        Ending::Refused(refused) => refused.place.clone(),
        Ending::Denied(denial) => denial.field.and_then(|field| {
            let route = denial.transfer.claim().route();
            Some(route.fields.get(usize::from(field))?.text.clone())
        }),
        Ending::Permitted(_) => None,
    };
    let entry = known.purpose.and_then(|id| policy.register.purposes.get(&id));
    Explained {
        kind: "rehearsal",
        time: Some(asked.now),
        partner: known.partner,
        route: known.route,
        purpose: known.purpose,
        purpose_title: entry.map(|entry| entry.title.clone()),
        policy: policy.digest.clone(),
        rules_kept: true,
        result: if rehearsed.reason().is_some() { "refused" } else { "sent" },
        reason: rehearsed.reason().map(Why::of),
        place,
        ..Explained::default()
    }
}

fn told_of(verdict: &Verdict, route: &Route, goes: bool) -> Told {
    let text = |field| {
        let field: Option<&Field> = route.fields.get(usize::from(field));
        field.map(|field| field.text.clone())
    };
    let leaves = goes && verdict.refused.is_none();
    let sent: BTreeMap<String, String> = verdict
        .keep
        .iter()
        .filter(|_| leaves)
        .filter_map(|id| {
            let category = route.fields.get(usize::from(id))?.category;
            Some((text(id)?, category.map_or_else(|| "-".to_owned(), |id| id.to_string())))
        })
        .collect();
    let treatment = |id| {
        let field: Option<&Field> = route.fields.get(usize::from(id));
        let treatment = field.map(|field| &field.treatment).filter(|how| !how.is_keep())?;
        Some((text(id)?, treatment.word().to_owned()))
    };
    let treated = verdict.keep.iter().filter(|_| leaves).filter_map(treatment).collect();
    Told {
        treated,
        refused: verdict.refused.map(|(reason, field)| (reason, field.and_then(text))),
        present: verdict.present.iter().filter_map(text).collect(),
        sent,
        removed: verdict.removed.iter().filter_map(|(id, r)| Some((text(*id)?, *r))).collect(),
        unmapped: verdict.unmapped,
        ..Told::default()
    }
}

fn counts<K: fmt::Display>(
    counted: &BTreeMap<FieldId, BTreeMap<K, u64>>,
    route: &Route,
) -> BTreeMap<String, BTreeMap<String, u64>> {
    let named = counted.iter().filter_map(|(id, counts)| {
        let field = route.fields.get(usize::from(*id))?;
        Some((field.text.clone(), counts.iter().map(|(k, n)| (k.to_string(), *n)).collect()))
    });
    named.collect()
}
