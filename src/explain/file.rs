//! A transfer that nobody has sent, explained by a rehearsal of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::scene::{Scene, Seen, Subject};
use super::{Explained, Why};
use crate::consent::Terms;
use crate::decision::Verdict;
use crate::document::Limits;
use crate::policy::{Policy, Route};
use crate::rehearsal::{Ending, Rehearsal, Rehearsed, rehearse};
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
    /// The body.
    pub body: &'a Bytes,
    /// When it would be decided.
    pub now: Timestamp,
    /// How large it may be.
    pub limits: &'a Limits,
}

/// Explains what would become of a transfer, given the consents of its subjects.
#[must_use]
pub fn file(
    policy: &Arc<Policy>,
    asked: &Asked<'_>,
    consents: &dyn Fn(&str) -> Vec<Terms>,
) -> Explained {
    let rehearsed = rehearse(
        policy,
        &Rehearsal {
            route: asked.route,
            purpose: asked.purpose,
            legal_request: asked.legal_request,
            body: asked.body,
            consents,
            blocks: &[],
            now: asked.now,
            limits: asked.limits,
        },
    );
    let mut explained = told(policy, asked, &rehearsed);
    if let (Some(transfer), Some(decision)) = (rehearsed.transfer(), rehearsed.decision()) {
        let claim = transfer.claim();
        let goes = rehearsed.reason().is_none();
        let told = |verdict: &Verdict| told_of(verdict, claim.route(), goes);
        let mut verdicts: Vec<Told> = decision.verdicts.iter().map(told).collect();
        let mut outside = told(&decision.outside);
        let subjects = transfer.subjects().map(|id| match id {
            Some(id) => Subject::Consents(consents(&id)),
            None => Subject::Unidentified,
        });
        let mut of = decision.of.clone();
        if of.is_empty() {
            // Refused before its records were looked at; what they hold is known all the same.
            let alike = crate::decision::Decision::alike(transfer.document(), why(&rehearsed));
            verdicts = alike.verdicts.iter().map(told).collect();
            outside = told(&alike.outside);
            of = alike.of;
        }
        let seen = of.into_iter().zip(subjects);
        let people: Vec<Seen> = seen.map(|(verdict, subject)| Seen { verdict, subject }).collect();
        let denied = rehearsed.reason().map(|reason| (reason, explained.place.clone()));
        let scene = Scene {
            claim,
            now: asked.now,
            denied,
            verdicts: &verdicts,
            outside: &outside,
            people: &people,
        };
        scene.explain(&mut explained);
    }
    explained.gather();
    explained
}

fn why(rehearsed: &Rehearsed) -> crate::reason::Reason {
    rehearsed.reason().unwrap_or(crate::reason::Reason::NoSubjects)
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
        let field: Option<&crate::policy::Field> = route.fields.get(usize::from(field));
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
    Told {
        refused: verdict.refused.map(|(reason, field)| (reason, field.and_then(text))),
        present: verdict.present.iter().filter_map(text).collect(),
        sent,
        removed: verdict.removed.iter().filter_map(|(id, r)| Some((text(*id)?, *r))).collect(),
        unmapped: verdict.unmapped,
    }
}
