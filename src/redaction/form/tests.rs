//! Promises of writing forms.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::document::{Document, FieldId, FieldPath, FieldSet, Limits, Scalar, Shape, Syntax};
use crate::redaction::{Selection, select, write as write_document};

fn parse(body: &str, fields: &[&str]) -> Document {
    let path = |text: &str| FieldPath::parse(text).unwrap();
    let fields: Vec<FieldPath> = fields.iter().map(|text| path(text)).collect();
    let shape = Arc::new(Shape::of(Syntax::Form, &fields, None, &path("$.iin")).unwrap());
    Document::parse(Bytes::copy_from_slice(body.as_bytes()), shape, &Limits::default()).unwrap()
}

fn kept(document: &Document, fields: &[FieldId]) -> String {
    let verdicts = [fields.iter().copied().collect::<FieldSet>()];
    let selection =
        Selection { outside: &FieldSet::EMPTY, records: &[Some(0)], verdicts: &verdicts };
    String::from_utf8(select(document, &selection)).unwrap()
}

#[test]
fn pairs_that_are_not_kept_vanish() {
    let document = parse("a=1&b=2&x=3&c=4&c=5", &["$.a", "$.b", "$.c[*]"]);
    assert_eq!(kept(&document, &[0, 1, 2]), "a=1&b=2&c=4&c=5");
    assert_eq!(kept(&document, &[1]), "b=2");
    assert_eq!(kept(&document, &[2]), "c=4&c=5");
    assert_eq!(kept(&document, &[]), "");
    let none = Selection { outside: &FieldSet::EMPTY, records: &[None], verdicts: &[] };
    assert_eq!(select(&document, &none), b"");
}

struct Replaced;

impl Edits for Replaced {
    fn enter(&mut self, _verdict: Option<usize>) {}

    fn edit(&mut self, field: FieldId, _raw: Raw<'_>) -> Edit {
        match field {
            0 => Edit::Put(New::Text("Сә & b=1+1%".to_owned())),
            1 => Edit::Put(New::Null),
            2 => Edit::Remove,
            3 => Edit::Put(New::Number("-5".to_owned())),
            _ => Edit::Keep,
        }
    }

    fn formula(&mut self, _field: FieldId) {}
}

#[test]
fn new_values_are_percent_encoded() {
    let document = parse("a=1&b=2&c=3&d=4&e=", &["$.a", "$.b", "$.c", "$.d", "$.e"]);
    let all = (0..5).collect();
    let selection = Selection { outside: &FieldSet::EMPTY, records: &[Some(0)], verdicts: &[all] };
    let out = write_document(&document, &selection, &mut Replaced).body;
    let expected = "a=%D0%A1%D3%99+%26+b%3D1%2B1%25&b=&d=-5&e=";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

proptest! {
    #[test]
    fn everything_kept_is_the_same_form(
        pairs in prop::collection::vec(("[abc&=%+ А-я]{1,3}", "[a-z&=%+А-я \n\"]{0,5}"), 0..8),
    ) {
        let mut writer = form_urlencoded::Serializer::new(String::new());
        let body = writer.extend_pairs(&pairs).finish();
        let names: std::collections::BTreeSet<&str> =
            pairs.iter().map(|(name, _)| name.as_str()).collect();
        let fields: Vec<String> = names
            .iter()
            .map(|name| format!("${}[*]", crate::document::Segment::Name((*name).to_owned())))
            .collect();
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let document = parse(&body, &fields);
        let all: Vec<FieldId> = (0..=255).collect();
        prop_assert_eq!(kept(&document, &all), body);
        let texts: Vec<String> = document.values().map(|value| match value.scalar {
            Scalar::Text(text) => text.into_owned(),
            _ => unreachable!(),
        }).collect();
        let values: Vec<String> = pairs.iter().map(|(_, value)| value.clone()).collect();
        prop_assert_eq!(texts, values);
        let half: Vec<FieldId> = (0..=255).step_by(2).collect();
        let left: Vec<(String, String)> =
            form_urlencoded::parse(kept(&document, &half).as_bytes()).into_owned().collect();
        let names: Vec<&str> = names.into_iter().collect();
        let is_kept = |name: &str| names.iter().step_by(2).any(|kept| *kept == name);
        let expected: Vec<(String, String)> =
            pairs.iter().filter(|(name, _)| is_kept(name)).cloned().collect();
        prop_assert_eq!(left, expected);
    }
}
