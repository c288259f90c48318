//! A recorded decision, explained by the rules that were in force then.

use std::collections::BTreeSet;

use serde_json::Value;
use uuid::Uuid;

use super::scene::{Scene, Seen, Subject};
use super::{Explained, FieldExplained, Group, Why};
use crate::policy::origin::Origin;
use crate::replay::again::Person;
use crate::replay::past::Past;
use crate::replay::recorded::{Line, Recorded, Told, Unreadable};
use crate::replay::{people, rules};
use crate::store::{Snapshot, StoreError, StoredDecision};
use crate::transfer::Claim;

/// Why a decision cannot be explained.
#[derive(Debug, thiserror::Error)]
pub enum Unexplained {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The entry cannot be read.
    #[error(transparent)]
    Entry(#[from] Unreadable),
}

/// Explains a recorded decision; `None` where there is none with this id.
///
/// # Errors
/// The store failed, or holds what this program cannot read.
pub fn decision(snapshot: &mut dyn Snapshot, did: &Uuid) -> Result<Option<Explained>, Unexplained> {
    let Some(stored) = snapshot.decision(did)? else { return Ok(None) };
    let StoredDecision { seq, entry, lines, outcome, receipt } = stored;
    let unreadable = || Unreadable(seq);
    let Some(recorded) = Recorded::read(seq, &entry, lines.as_deref())? else {
        return Err(unreadable().into());
    };
    let entry: Value = serde_json::from_slice(&entry).map_err(|_| unreadable())?;
    let receipt = receipt.map_or_else(|| of_stream(snapshot, &entry), |bytes| Ok(Some(bytes)))?;
    let receipt = receipt.map(|bytes| serde_json::from_slice(&bytes).map_err(|_| unreadable()));
    let outcome = match outcome {
        Some(bytes) => serde_json::from_slice(&bytes).map_err(|_| unreadable())?,
        None if recorded.reason.is_none() => "unknown: no outcome is recorded".into(),
        None => "nothing was sent".into(),
    };
    let mut explained = told(&recorded, &entry);
    explained.outcome = Some(outcome);
    explained.receipt = receipt.transpose()?;
    if let Some(policy) = rules(snapshot, &recorded.policy)? {
        explained.rules_kept = true;
        let purpose = recorded.purpose.and_then(|id| policy.register.purposes.get(&id));
        explained.purpose_title = purpose.map(|purpose| purpose.title.clone());
        if let Some(place) = recorded.route.as_ref().and_then(|name| policy.route(name)) {
            let file = format!("partners/{}.toml", place.partner.name);
            explained.rule = Some(Origin { file, line: place.route.line });
        }
        if let (Some(route), Some(purpose), Some(lines)) =
            (&recorded.route, recorded.purpose, &recorded.lines)
            && let Ok(claim) = Claim::on_route(&policy, route, purpose, recorded.request.as_ref())
        {
            let seen = seen(snapshot, &recorded, lines)?;
            let denied = recorded.reason.map(|reason| (reason, recorded.place.clone()));
            let scene = Scene {
                claim: &claim,
                now: recorded.time,
                denied,
                verdicts: &recorded.verdicts,
                outside: &recorded.outside,
                people: &seen,
            };
            scene.explain(&mut explained);
        }
    }
    if explained.records.is_empty() {
        explained.records = without_rules(&recorded);
    }
    explained.gather();
    Ok(Some(explained))
}

/// The receipt of the record stream that a disclosure is a part of: it stands with the part that
/// has the stream's id.
fn of_stream(snapshot: &mut dyn Snapshot, entry: &Value) -> Result<Option<Vec<u8>>, StoreError> {
    let stream = entry.pointer("/stream/id").and_then(Value::as_str);
    let Some(stream) = stream.and_then(|id| Uuid::try_parse(id).ok()) else { return Ok(None) };
    Ok(snapshot.decision(&stream)?.and_then(|first| first.receipt))
}

/// What the entry alone says.
fn told(recorded: &Recorded, entry: &Value) -> Explained {
    let refused = recorded.reason.is_some();
    let member = |name: &str| entry.get(name).cloned();
    Explained {
        decision: Some(recorded.did),
        kind: if refused { "refusal" } else { "disclosure" },
        entry: Some(recorded.seq),
        time: Some(recorded.time),
        caller: recorded.caller.clone(),
        partner: recorded.partner.clone(),
        route: recorded.route.clone(),
        purpose: recorded.purpose,
        again: member("again"),
        recipient: member("recipient"),
        basis: member("basis"),
        policy: recorded.policy.clone(),
        result: if refused { "refused" } else { "sent" },
        reason: recorded.reason.map(Why::of),
        place: recorded.place.clone(),
        ..Explained::default()
    }
}

/// What is known of each record's subject.
fn seen(
    snapshot: &mut dyn Snapshot,
    recorded: &Recorded,
    lines: &[Line],
) -> Result<Vec<Seen>, StoreError> {
    let records = lines.iter().filter_map(|line| line.consents().next());
    let past = Past::before(snapshot, records, recorded.seq)?;
    let people = people(snapshot, &past, recorded)?.into_iter();
    let seen = people.zip(lines).map(|(person, line)| Seen {
        verdict: line.verdict,
        subject: match person {
            Person::Known(terms) => Subject::Consents(terms),
            Person::Said(reason) => Subject::Said(reason),
            Person::Unidentified => Subject::Unidentified,
            Person::Unknown => Subject::Unknown,
        },
    });
    Ok(seen.collect())
}

/// The verdicts as they are recorded, where there is nothing to hold them against.
fn without_rules(recorded: &Recorded) -> Vec<Group> {
    let goes = recorded.reason.is_none();
    let group = |told: &Told| {
        let mut group = Group::of(told, goes);
        let fields: BTreeSet<&String> = told.present.iter().chain(told.removed.keys()).collect();
        let field = |field: &&String| FieldExplained {
            category: told.sent.get(*field).filter(|category| *category != "-").cloned(),
            ..FieldExplained::of(field, told, goes)
        };
        group.fields = fields.iter().map(field).collect();
        group
    };
    let mut groups: Vec<Group> = recorded.verdicts.iter().map(group).collect();
    for (number, line) in (1_usize..).zip(recorded.lines.iter().flatten()) {
        if let Some(group) = groups.get_mut(line.verdict) {
            group.subjects.push(number);
            group.records = group.records.saturating_add(1);
        }
    }
    if recorded.outside != Told::default() {
        groups.push(group(&recorded.outside));
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Reason;

    #[test]
    fn without_its_rules_a_decision_is_told_as_it_is_recorded() {
        let told = Told {
            present: ["$.a".to_owned(), "$.b".to_owned()].into(),
            sent: [("$.a".to_owned(), "D01".to_owned())].into(),
            removed: [("$.b".to_owned(), Reason::CategoryNotConsented)].into(),
            unmapped: 2,
            ..Told::default()
        };
        let group = Group::of(&told, true);
        assert_eq!((group.decision, group.unmapped_members_removed), ("redacted", 2));
        assert_eq!(FieldExplained::of("$.a", &told, true).did, "sent");
        assert_eq!(FieldExplained::of("$.a", &told, false).did, "withheld");
        assert_eq!(FieldExplained::of("$.b", &told, true).did, "removed");
        assert_eq!(FieldExplained::of("$.c", &told, true).did, "absent");
    }
}
