//! A decision in words: every gate that a transfer, its records and their fields had to pass, the
//! line of the rules that opened or shut each, and what would have to change.
//!
//! A subject is a number in the order of the document, never an identifier.

mod file;
mod gate;
mod recorded;
mod scene;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

pub use file::{Asked, Facts, file};
pub use recorded::{Unexplained, decision};

use crate::policy::Words;
use crate::policy::origin::Origin;
use crate::reason::{Language, Reason};
use crate::replay::difference::Numbers;
use crate::replay::recorded::Told;
use crate::time::Timestamp;
use crate::vocabulary::{CategoryId, Name, PurposeId};

/// A transfer, explained.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Explained {
    /// The decision's id, where it is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Uuid>,
    /// `disclosure` or `refusal` as it is recorded, `rehearsal` where it is not.
    pub kind: &'static str,
    /// Its position in the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// When it was decided.
    pub time: Option<Timestamp>,
    /// The caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<Name>,
    /// The partner.
    pub partner: Option<Name>,
    /// The route.
    pub route: Option<Name>,
    /// The purpose.
    pub purpose: Option<PurposeId>,
    /// What the purpose is called.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "titles")]
    pub purpose_title: Option<Words>,
    /// The recipient as it is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<Value>,
    /// On what it rests, as it is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis: Option<Value>,
    /// The digest of the rules that decided.
    pub policy: String,
    /// Whether these rules are kept: without them only what is recorded can be told.
    pub rules_kept: bool,
    /// `sent` or `refused`.
    pub result: &'static str,
    /// Why nothing left, if nothing did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Why>,
    /// The field, or another place, that the reason is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The line of the rules that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Origin>,
    /// What the whole transfer had to pass.
    pub gates: Vec<Step>,
    /// The records, those that were treated alike together; what is outside of all comes last.
    pub records: Vec<Group>,
    /// The decision by which the same transfer went first, where the partner did not know its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again: Option<Value>,
    /// What became of it, as it is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Value>,
    /// What the partner signed of it, as it is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Value>,
}

/// A reason in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// The reason.
    pub reason: Reason,
}

impl Why {
    /// A reason.
    #[must_use]
    pub const fn of(reason: Reason) -> Self {
        Self { reason }
    }
}

impl Serialize for Why {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reason = self.reason;
        json!({
            "code": reason,
            "clause": reason.clause(),
            "kk": reason.words(Language::Kk),
            "ru": reason.words(Language::Ru),
            "en": reason.words(Language::En),
            "cure": reason.cure(Language::En),
        })
        .serialize(serializer)
    }
}

/// Something that was asked.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Its name.
    pub gate: &'static str,
    /// What it asks for.
    pub what: &'static str,
    /// Why it is shut, if it is.
    pub shut: Option<Why>,
    /// The line of the rules that opens or shuts it; none where no rule does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Origin>,
}

impl Step {
    /// Whether it is shut.
    #[must_use]
    pub const fn is_shut(&self) -> bool {
        self.shut.is_some()
    }
}

/// Records that were treated alike, or what is outside of all.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Group {
    /// Their numbers.
    #[serde(serialize_with = "numbers")]
    pub subjects: Numbers,
    /// How many there are.
    pub records: u64,
    /// `permitted`, `redacted`, `withheld` or `refused`.
    pub decision: &'static str,
    /// Why the whole record stayed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Why>,
    /// The field that the reason is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_field: Option<String>,
    /// The line of the rules that decided, where one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Origin>,
    /// What each record had to pass.
    pub gates: Vec<Step>,
    /// The subjects' consents, and what each said.
    pub consents: Vec<Consent>,
    /// Every field of the map.
    pub fields: Vec<FieldExplained>,
    /// How many members were left out because no rule maps them.
    pub unmapped_members_removed: u64,
    /// The line that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmapped_rule: Option<Origin>,
}

/// A consent, and what it says.
#[derive(Clone, Debug, Serialize)]
pub struct Consent {
    /// The number of the record whose subject gave it.
    pub of: usize,
    /// The consent record.
    pub record: Uuid,
    /// The categories that it lists.
    pub categories: Vec<CategoryId>,
    /// When it was given.
    pub given: Timestamp,
    /// The first moment at which it no longer holds.
    pub valid_until: Timestamp,
    /// All that keeps it from a yes.
    pub obstacles: Vec<Why>,
}

/// A field of the map, and what happened to it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FieldExplained {
    /// Its path.
    pub field: String,
    /// The line that maps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<Origin>,
    /// Its category, unless it is not personal.
    pub category: Option<String>,
    /// What the category is called.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "titles")]
    pub category_title: Option<Words>,
    /// `sent`; `removed`; `withheld` where it stayed with all the rest; `absent` where it was not
    /// there.
    pub did: &'static str,
    /// What was done to its values, where they left and not as they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub treatment: Option<String>,
    /// How many of its values stayed for what they are, by reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub lost: BTreeMap<String, u64>,
    /// How many identifiers were found in it that it may not hold, by kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub found: BTreeMap<String, u64>,
    /// Why it stayed, if it was there and did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Why>,
    /// The line of the rules that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Origin>,
    /// What it had to pass, in the order of the decision.
    pub gates: Vec<Step>,
    /// Everything that would have to change for it to leave.
    pub to_change: Vec<Change>,
}

/// Something that would have to change.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// What stands in the way, with its cure.
    pub because: Why,
    /// The line of the rules, where one stands in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Origin>,
}

impl Group {
    /// What was decided of records, before it is known of which.
    fn of(told: &Told, goes: bool) -> Self {
        let as_they_were = told.treated.is_empty() && told.lost.is_empty() && told.found.is_empty();
        let clean = told.removed.is_empty() && told.unmapped == 0 && as_they_were;
        let decision = match (&told.refused, goes, clean) {
            (Some(_), ..) => "refused",
            (None, false, _) => "withheld",
            (None, true, false) => "redacted",
            (None, true, true) => "permitted",
        };
        let refused = told.refused.as_ref();
        Self {
            decision,
            reason: refused.map(|(reason, _)| Why::of(*reason)),
            reason_field: refused.and_then(|(_, field)| field.clone()),
            unmapped_members_removed: told.unmapped,
            ..Self::default()
        }
    }
}

impl FieldExplained {
    fn of(field: &str, told: &Told, goes: bool) -> Self {
        let stayed = told.refused.as_ref().map(|(reason, _)| *reason);
        let (did, reason) = if let Some(reason) = told.removed.get(field) {
            ("removed", Some(*reason))
        } else if !told.present.contains(field) {
            ("absent", None)
        } else if goes && stayed.is_none() && told.sent.contains_key(field) {
            ("sent", None)
        } else {
            ("withheld", stayed)
        };
        let counts = |all: &BTreeMap<String, BTreeMap<String, u64>>| {
            all.get(field).filter(|_| did == "sent").cloned().unwrap_or_default()
        };
        Self {
            field: field.to_owned(),
            did,
            treatment: told.treated.get(field).filter(|_| did == "sent").cloned(),
            lost: counts(&told.lost),
            found: counts(&told.found),
            reason: reason.map(Why::of),
            ..Self::default()
        }
    }
}

impl Explained {
    /// Gathers for each field all that stands in its way: of its own, of its record, of the whole.
    fn gather(&mut self) {
        let whole = shut(&self.gates);
        let alone = |reason: &Option<Why>, rule: &Option<Origin>| {
            reason.as_ref().map(|why| Change::of(why.reason, rule.clone()))
        };
        let of_whole = alone(&self.reason, &self.rule);
        for group in &mut self.records {
            let of_record: Vec<Change> =
                shut(&group.gates).into_iter().chain(alone(&group.reason, &group.rule)).collect();
            for field in &mut group.fields {
                if !matches!(field.did, "removed" | "withheld") {
                    continue;
                }
                // What a field stays for with all the rest is told of its record.
                let removed = alone(&field.reason, &field.rule).filter(|_| field.did == "removed");
                let own = shut(&field.gates).into_iter().chain(removed);
                let others = whole.iter().chain(&of_record).chain(&of_whole).cloned();
                for change in own.chain(others) {
                    if field.to_change.iter().all(|known| known.because != change.because) {
                        field.to_change.push(change);
                    }
                }
            }
        }
    }
}

impl Change {
    fn of(reason: Reason, rule: Option<Origin>) -> Self {
        Self { because: Why::of(reason), rule }
    }
}

fn shut(gates: &[Step]) -> Vec<Change> {
    let change = |step: &Step| Some(Change::of(step.shut.as_ref()?.reason, step.rule.clone()));
    gates.iter().filter_map(change).collect()
}

#[expect(clippy::ref_option, reason = "serde passes a reference")]
fn titles<S: serde::Serializer>(words: &Option<Words>, serializer: S) -> Result<S::Ok, S::Error> {
    let words = words.as_ref().map(|w| json!({"kk": w.kk, "ru": w.ru, "en": w.en}));
    words.serialize(serializer)
}

fn numbers<S: serde::Serializer>(numbers: &Numbers, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(numbers)
}
