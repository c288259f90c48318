//! A decision in words: what was decided for which field, by which clause, and what became of it.

use serde_json::{Map, Value, json};

use crate::policy::Policy;
use crate::reason::{Language, Reason};
use crate::store::StoredDecision;
use crate::vocabulary::PurposeId;

/// Explains a stored decision field by field, or `None` where it cannot be read.
#[must_use]
pub fn decision(stored: &StoredDecision, policy: &Policy) -> Option<Value> {
    let entry: Value = serde_json::from_slice(&stored.entry).ok()?;
    let outcome = match &stored.outcome {
        Some(bytes) => serde_json::from_slice(bytes).ok()?,
        None if entry.get("type")? == "disclosure" => json!("unknown: no outcome is recorded"),
        None => json!("nothing was sent"),
    };
    let mut explained = Map::new();
    explained.insert("decision".into(), entry.get("did")?.clone());
    explained.insert("kind".into(), entry.get("type")?.clone());
    explained.insert("entry".into(), stored.seq.into());
    for member in ["time", "caller", "partner", "route", "purpose", "policy", "recipient"] {
        if let Some(value) = entry.get(member) {
            explained.insert(member.into(), value.clone());
        }
    }
    if let Some(title) = purpose_title(&entry, policy) {
        explained.insert("purpose_title".into(), title);
    }
    if let Some(code) = entry.get("reason").and_then(Value::as_str) {
        explained.insert("reason".into(), reason(code)?);
    }
    if let Some(place) = entry.get("place") {
        explained.insert("place".into(), place.clone());
    }
    let verdicts = entry.get("verdicts").and_then(Value::as_array);
    let records = verdicts.into_iter().flatten().map(|v| verdict(v, policy)).collect();
    explained.insert("records".into(), Value::Array(records));
    explained.insert("outcome".into(), outcome);
    Some(Value::Object(explained))
}

fn purpose_title(entry: &Value, policy: &Policy) -> Option<Value> {
    let purpose = PurposeId::parse(entry.get("purpose")?.as_str()?).ok()?;
    let title = &policy.register.purposes.get(&purpose)?.title;
    Some(json!({"kk": title.kk, "ru": title.ru, "en": title.en}))
}

/// One verdict, with every field that was sent or removed on a line of its own.
fn verdict(verdict: &Value, policy: &Policy) -> Value {
    let mut fields = Vec::new();
    for (category, paths) in verdict.get("sent").and_then(Value::as_object).into_iter().flatten() {
        let title = category_title(category, policy);
        for path in paths.as_array().into_iter().flatten() {
            fields.push(json!({
                "field": path, "category": category, "category_title": title, "did": "sent",
            }));
        }
    }
    for (path, code) in verdict.get("removed").and_then(Value::as_object).into_iter().flatten() {
        let why = code.as_str().and_then(reason);
        fields.push(json!({"field": path, "did": "removed", "reason": why}));
    }
    let outside = verdict.get("n").and_then(Value::as_u64) == Some(0);
    let mut explained = json!({
        "records": verdict.get("n"),
        "where": if outside { "outside of the subjects' records" } else { "in the records" },
        "decision": verdict.get("decision"),
        "fields": fields,
        "unmapped_members_removed": verdict.get("unmapped").cloned().unwrap_or(json!(0)),
    });
    let why = verdict.get("reason").and_then(Value::as_str).and_then(reason);
    if let (Some(why), Some(object)) = (why, explained.as_object_mut()) {
        object.insert("reason".into(), why);
        if let Some(field) = verdict.get("reason_field") {
            object.insert("reason_field".into(), field.clone());
        }
    }
    explained
}

fn category_title(category: &str, policy: &Policy) -> Value {
    let id = crate::vocabulary::CategoryId::parse(category).ok();
    match id.and_then(|id| policy.register.categories.get(&id)) {
        Some(entry) => json!(entry.title.en),
        None => json!("not personal"),
    }
}

fn reason(code: &str) -> Option<Value> {
    let reason = Reason::parse(code)?;
    Some(json!({
        "code": code,
        "clause": reason.clause(),
        "kk": reason.words(Language::Kk),
        "ru": reason.words(Language::Ru),
        "en": reason.words(Language::En),
        "cure": {
            "kk": reason.cure(Language::Kk),
            "ru": reason.cure(Language::Ru),
            "en": reason.cure(Language::En),
        },
    }))
}
