//! A recorded decision, read back from its entry and its subject lines.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::ledger::line;
use crate::reason::Reason;
use crate::time::Timestamp;
use crate::vocabulary::{Name, PurposeId};

/// A disclosure or refusal as it was recorded.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its position.
    pub seq: u64,
    /// The decision's id.
    pub did: Uuid,
    /// When it was decided.
    pub time: Timestamp,
    /// The caller, if it was known.
    pub caller: Option<Name>,
    /// The partner, if a route was found.
    pub partner: Option<Name>,
    /// The route, if one was found.
    pub route: Option<Name>,
    /// The purpose, if one was settled.
    pub purpose: Option<PurposeId>,
    /// The state body's request, where it rests on one.
    pub request: Option<Name>,
    /// The digest of the rules in force.
    pub policy: String,
    /// Why nothing left, if nothing did.
    pub reason: Option<Reason>,
    /// The field, or another place, that the reason is about.
    pub place: Option<String>,
    /// The verdicts on records.
    pub verdicts: Vec<Told>,
    /// The verdict on what was outside of all records; nothing was there where there is none.
    pub outside: Told,
    /// A line a record, if it came to records.
    pub lines: Option<Vec<Line>>,
}

/// A verdict as it was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Why the records stayed, if they did, with the field that it is about.
    pub refused: Option<(Reason, Option<String>)>,
    /// The mapped fields that were there with a value.
    pub present: BTreeSet<String>,
    /// Those that left, each with its category; `-` where it is not personal.
    pub sent: BTreeMap<String, String>,
    /// Those that stayed, and the ones that held an object or array.
    pub removed: BTreeMap<String, Reason>,
    /// How many members no rule mapped.
    pub unmapped: u64,
    /// What was done to those that left and not as they were.
    pub treated: BTreeMap<String, String>,
    /// How many values of those that left stayed for what they are, by reason.
    pub lost: BTreeMap<String, BTreeMap<String, u64>>,
    /// How many identifiers were found in those that left and may not hold them, by kind.
    pub found: BTreeMap<String, BTreeMap<String, u64>>,
}

/// The line of one record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Line {
    consent: Option<Uuid>,
    #[serde(default)]
    consents: Vec<Uuid>,
    /// The position of its verdict.
    pub verdict: usize,
}

impl Line {
    /// The consent records that it rested on.
    pub fn consents(&self) -> impl Iterator<Item = &Uuid> {
        self.consent.iter().chain(&self.consents)
    }
}

#[derive(Deserialize)]
struct Entry {
    r#type: String,
    did: Uuid,
    time: Timestamp,
    caller: Option<Name>,
    partner: Option<Name>,
    route: Option<Name>,
    purpose: Option<PurposeId>,
    #[serde(default)]
    policy: String,
    basis: Option<Value>,
    reason: Option<String>,
    place: Option<String>,
    subjects: Option<Value>,
    verdicts: Vec<Verdict>,
}

#[derive(Deserialize)]
struct Verdict {
    n: u64,
    #[serde(default)]
    present: BTreeSet<String>,
    reason: Option<String>,
    reason_field: Option<String>,
    #[serde(default)]
    removed: BTreeMap<String, String>,
    #[serde(default)]
    sent: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    unmapped: u64,
    #[serde(default)]
    treated: BTreeMap<String, String>,
    #[serde(default)]
    lost: BTreeMap<String, BTreeMap<String, u64>>,
    #[serde(default)]
    found: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Recorded {
    /// Reads an entry: `None` where it is no decision.
    ///
    /// # Errors
    /// A decision of a form that this program does not write.
    pub fn read(seq: u64, entry: &[u8], lines: Option<&[u8]>) -> Result<Option<Self>, Unreadable> {
        let bad = || Unreadable(seq);
        let kind: Kind<'_> = serde_json::from_slice(entry).map_err(|_| bad())?;
        if !matches!(kind.r#type, "disclosure" | "refusal") {
            return Ok(None);
        }
        let entry: Entry = serde_json::from_slice(entry).map_err(|_| bad())?;
        let is_refusal = entry.r#type == "refusal";
        let reason = entry.reason.as_deref().map(|code| Reason::parse(code).ok_or_else(bad));
        let reason = reason.transpose()?;
        if is_refusal != reason.is_some() {
            return Err(bad());
        }
        let lines = match (entry.subjects, lines) {
            (None, _) => None,
            (Some(_), lines) => Some(read_lines(lines.unwrap_or_default()).ok_or_else(bad)?),
        };
        let (mut verdicts, mut outside) = (Vec::new(), Told::default());
        for verdict in entry.verdicts {
            // What is outside of all records has a verdict for no record, and stands last.
            let is_outside = verdict.n == 0;
            let told = told(verdict).ok_or_else(bad)?;
            if is_outside { outside = told } else { verdicts.push(told) }
        }
        let request = entry.basis.as_ref().and_then(|basis| basis.get("request")?.as_str());
        Ok(Some(Self {
            seq,
            did: entry.did,
            time: entry.time,
            caller: entry.caller,
            partner: entry.partner,
            route: entry.route,
            purpose: entry.purpose,
            request: request.and_then(|name| Name::parse(name).ok()),
            policy: entry.policy,
            reason,
            place: entry.place,
            verdicts,
            outside,
            lines,
        }))
    }

    /// The verdict of a line.
    #[must_use]
    pub fn verdict(&self, line: &Line) -> Option<&Told> {
        self.verdicts.get(line.verdict)
    }
}

#[derive(Deserialize)]
struct Kind<'a> {
    r#type: &'a str,
}

/// The entry at a position is of a form that this program does not write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {0} cannot be read: check the ledger with `otkel verify`")]
pub struct Unreadable(pub u64);

fn read_lines(lines: &[u8]) -> Option<Vec<Line>> {
    line::split(lines).map(|line| serde_json::from_slice(line).ok()).collect()
}

fn told(verdict: Verdict) -> Option<Told> {
    let reason = verdict.reason.as_deref().map(Reason::parse);
    let refused = match reason {
        Some(reason) => Some((reason?, verdict.reason_field)),
        None => None,
    };
    let removed = verdict.removed.into_iter();
    let removed: Option<BTreeMap<String, Reason>> =
        removed.map(|(field, code)| Some((field, Reason::parse(&code)?))).collect();
    let of = |(category, fields): (String, Vec<String>)| {
        fields.into_iter().map(move |field| (field, category.clone()))
    };
    let sent: BTreeMap<String, String> = verdict.sent.into_iter().flat_map(of).collect();
    let removed = removed?;
    // Where something was sent, what was there is not written again.
    let there = removed.iter().filter(|(_, reason)| **reason != Reason::FieldShape);
    let there = there.map(|(field, _)| field).chain(sent.keys()).cloned();
    let present = verdict.present.into_iter().chain(there).collect();
    let Verdict { unmapped, treated, lost, found, .. } = verdict;
    Some(Told { refused, present, sent, removed, unmapped, treated, lost, found })
}
