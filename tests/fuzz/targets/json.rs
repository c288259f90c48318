//! Any bytes as a JSON document: no crash, nothing accepted that `serde_json` refuses, and nothing
//! written that is not kept.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use otkel::document::{Document, FieldPath, FieldSet, Limits, Shape};
use otkel::redaction::{Selection, select};
use serde_json::Value;

const FIELDS: [&str; 5] =
    ["$.note", "$.l[*].iin", "$.l[*].name.family", "$.l[*].marks[*]", "$.l[*].row[1]"];

static SHAPE: LazyLock<Arc<Shape>> = LazyLock::new(|| {
    let path = |text| FieldPath::parse(text).unwrap();
    let shape = Shape::compile(&FIELDS.map(path), Some(&path("$.l[*]")), &path("$.l[*].iin"));
    Arc::new(shape.unwrap())
});

/// Holds the promises against one body.
pub(crate) fn run(body: &[u8]) {
    let limits = Limits::default();
    let Ok(document) = Document::parse(Bytes::copy_from_slice(body), SHAPE.clone(), &limits) else {
        return;
    };
    let whole: Value = serde_json::from_slice(body).expect("accepted here, refused there");
    for record in 0..document.records().len() {
        let _ = document.subject(record);
    }

    let all: FieldSet = (0..5).collect();
    let kept = written(&document, &all);
    assert!(is_part(&kept, &whole), "something was added");
    assert!(!has_scalar(&written(&document, &FieldSet::EMPTY)), "something was left");
    let again = Bytes::from(kept.to_string());
    let again = Document::parse(again, SHAPE.clone(), &limits).expect("written, but refused");
    assert_eq!(written(&again, &all), kept, "written differently the second time");
}

fn written(document: &Document, kept: &FieldSet) -> Value {
    let records = vec![Some(0); document.records().len()];
    let selection = Selection { outside: kept, records: &records, verdicts: &[*kept] };
    serde_json::from_slice(&select(document, &selection)).expect("written, but not JSON")
}

/// Whether the part is the whole with members and elements left out, or made null in a row.
fn is_part(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            let is_in =
                |whole: Option<&Value>, part| whole.is_some_and(|whole| is_part(part, whole));
            part.iter().all(|(name, part)| is_in(whole.get(name), part))
        }
        (Value::Array(part), Value::Array(whole)) => {
            let mut whole = whole.iter();
            part.iter().all(|part| whole.any(|whole| part.is_null() || is_part(part, whole)))
        }
        _ => part == whole,
    }
}

fn has_scalar(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.values().any(has_scalar),
        Value::Array(elements) => elements.iter().any(has_scalar),
        _ => true,
    }
}
