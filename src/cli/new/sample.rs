//! Cases of a draft: a transfer that is made up of its field map, with a consent and without.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::draft::Draft;
use crate::demo::sample::AIGERIM;
use crate::document::{FieldPath, Segment};

/// A case of a draft.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// Whether the subject has consented.
    pub(super) consented: bool,
    /// Whether decisions without a person were accepted.
    pub(super) automated: bool,
    /// What leaves; nothing where it is refused.
    pub(super) sent: Option<String>,
    /// The reasons.
    pub(super) reasons: Vec<String>,
}

impl Case {
    /// The case as TOML, for the rules of a draft.
    pub(super) fn toml(&self, draft: &Draft) -> String {
        let mut text = String::from("\n[[case]]\n");
        let name =
            if self.consented { "the subject has consented" } else { "nobody has consented" };
        let route = quoted(&draft.answer("route.name"));
        let _ = writeln!(text, "name = \"{name}\"\nroute = {route}");
        let purposes = draft.list("route.purposes");
        let purpose = purposes.first().map(|purpose| quoted(purpose)).unwrap_or_default();
        if purposes.len() > 1 {
            let _ = writeln!(text, "purpose = {purpose}");
        }
        let _ = writeln!(text, "time = {}T10:00:00+05:00", day(draft));
        let _ = writeln!(text, "transfer = {}", quoted(&transfer(draft)));
        match &self.sent {
            Some(sent) => {
                let _ = writeln!(text, "decision = \"allowed\"\nsent = {}", quoted(sent));
            }
            None => text.push_str("decision = \"refused\"\n"),
        }
        if !self.reasons.is_empty() {
            let _ = writeln!(text, "reasons = [\"{}\"]", self.reasons.join("\", \""));
        }
        if self.consented {
            self.consent(draft, &mut text);
        }
        text
    }

    fn consent(&self, draft: &Draft, text: &mut String) {
        let _ = writeln!(text, "[[case.consent]]\nsubject = \"{AIGERIM}\"");
        let fields = draft.fields.iter().map(|(_, category)| category.as_str());
        let mut categories: Vec<&str> = fields.filter(|category| *category != "public").collect();
        let listed = draft.categories.values().flat_map(|listed| listed.split(',').map(str::trim));
        let some = listed.filter(|category| !category.is_empty());
        if categories.is_empty() {
            categories.extend(some.take(1));
        }
        categories.sort_unstable();
        categories.dedup();
        let _ = writeln!(text, "categories = [\"{}\"]", categories.join("\", \""));
        let abroad = draft.abroad();
        if !abroad.is_empty() {
            let _ = writeln!(text, "countries = [\"{}\"]", abroad.join("\", \""));
        }
        if draft.answer("type") == "public-source" {
            let _ = writeln!(text, "publication = [\"{}\"]", draft.id);
        }
        if self.automated {
            text.push_str("automated = true\n");
        }
    }
}

// The first day on which everything is in force.
fn day(draft: &Draft) -> String {
    let starts = ["valid_from", "agreement.since", "undertaking.since"];
    starts.map(|key| draft.answer(key)).into_iter().max().unwrap_or_default()
}

// The document with every field of the map in it, and the subject.
fn transfer(draft: &Draft) -> String {
    let mut document = Value::Null;
    let mut put = |path: &[Segment], value: &str| {
        if let Some(place) = place(&mut document, path) {
            *place = Value::from(value);
        }
    };
    for (path, category) in &draft.fields {
        let Ok(path) = FieldPath::parse(path) else { continue };
        let value = if category == "D07" { "learner@example.kz" } else { "example" };
        put(path.segments(), value);
    }
    let records = draft.answers.get("route.subjects").map_or("$", String::as_str);
    let (records, own) =
        (FieldPath::parse(records), FieldPath::parse(&draft.answer("route.subject")));
    if let (Ok(records), Ok(own)) = (records, own) {
        put(own.below(&records).segments(), AIGERIM);
    }
    document.to_string()
}

// Makes the way to a path, through objects and arrays that are not there yet.
fn place<'v>(value: &'v mut Value, path: &[Segment]) -> Option<&'v mut Value> {
    let Some((step, rest)) = path.split_first() else { return Some(value) };
    let next = match step {
        Segment::Name(_) | Segment::Members => {
            let name = if let Segment::Name(name) = step { name } else { "any" };
            if value.is_null() {
                *value = Value::Object(Map::new());
            }
            value.as_object_mut()?.entry(name.to_owned()).or_insert(Value::Null)
        }
        Segment::Every | Segment::Index(_) => {
            let index =
                if let Segment::Index(index) = step { usize::try_from(*index).ok()? } else { 0 };
            if value.is_null() {
                *value = Value::Array(Vec::new());
            }
            let list = value.as_array_mut().filter(|_| index < ELEMENTS_MAX)?;
            while list.len() <= index {
                list.push(Value::Null);
            }
            list.get_mut(index)?
        }
    };
    place(next, rest)
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

// Elements of an array that a sample has.
const ELEMENTS_MAX: usize = 100;
