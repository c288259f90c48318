//! Promises of writing.

mod model;

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

use crate::document::{Document, Fault, FieldId, Limits, Shape};
use crate::redaction::changes::{Changes, change, changes_of};
use crate::redaction::{Selection, select};

use super::*;
use model::{Model, leaves, spell};

fn set(fields: &[FieldId]) -> FieldSet {
    fields.iter().copied().collect()
}

fn parse(body: &str, shape: &Arc<Shape>) -> Document {
    Document::parse(Bytes::copy_from_slice(body.as_bytes()), Arc::clone(shape), &Limits::default())
        .unwrap()
}

/// What is written of a body for one verdict on all records.
fn kept(body: &str, model: &Model, outside: &[FieldId], inside: &[FieldId]) -> String {
    let document = parse(body, &model.shape());
    let records = vec![Some(0); document.records().len()];
    let (outside, verdicts) = (set(outside), [set(inside)]);
    let selection = Selection { outside: &outside, records: &records, verdicts: &verdicts };
    String::from_utf8(select(&document, &selection)).unwrap()
}

fn learners() -> Model {
    Model::new(
        &["$.batch", "$.l[*].iin", "$.l[*].name.family", "$.l[*].marks[*]", "$.l[*].row[1]"],
        Some("$.l[*]"),
        "$.l[*].iin",
    )
}

#[test]
fn kept_bytes_are_those_of_the_body() {
    let body = r#"{ "b\u0061tch" : 53.00e+0 ,
        "l" : [ { "iin" : "\u00e9\/ é" , "x" : 1 , "marks" : [ -0 , true , null ] } ] } "#;
    let written = kept(body, &learners(), &[0], &[1, 3]);
    let expected = r#"{"b\u0061tch":53.00e+0,"l":[{"iin":"\u00e9\/ é","marks":[-0,true,null]}]}"#;
    assert_eq!(written, expected);
}

#[test]
fn a_container_that_lost_everything_goes_with_its_name() {
    let body = r#"{"batch":1,"l":[{"iin":1,"name":{"family":2}},{"name":{}}]}"#;
    assert_eq!(kept(body, &learners(), &[], &[1]), r#"{"l":[{"iin":1},{"name":{}}]}"#);
    assert_eq!(kept(body, &learners(), &[0], &[]), r#"{"batch":1,"l":[{"name":{}}]}"#);
    let one = r#"{"l":[{"name":{"x":1},"marks":[1]}],"batch":1}"#;
    assert_eq!(kept(one, &learners(), &[0], &[2]), r#"{"batch":1}"#);
}

#[test]
fn nothing_kept_leaves_the_root() {
    let whole = Model::new(&["$.a.b", "$.c[*]"], None, "$.iin");
    assert_eq!(kept(r#"{"a":{"b":1},"c":[1,2],"iin":3}"#, &whole, &[], &[]), "{}");
    assert_eq!(kept("[1,2]", &whole, &[0, 1], &[0, 1]), "[]");
    assert_eq!(kept(r#"{"x":"y"}"#, &learners(), &[0], &[1]), "{}");
}

#[test]
fn the_number_of_elements_that_lost_everything_does_not_show() {
    let model = Model::new(&["$.n", "$.d[*].a", "$.d[*].e[*].b", "$.m[*][*]"], None, "$.iin");
    let body = r#"{"n":1,"d":[{"a":1},{"a":2,"e":[{"b":3},{"b":4}]},{}],"m":[[1],[2,3],[]]}"#;
    assert_eq!(kept(body, &model, &[], &[0]), r#"{"n":1,"d":[{}],"m":[[]]}"#);
    let body = r#"{"n":1,"d":[{"a":1},{"a":2,"e":[{"b":3},{"b":4}]}],"m":[[1],[2,3]]}"#;
    assert_eq!(kept(body, &model, &[], &[0]), r#"{"n":1}"#);
    assert_eq!(kept(body, &model, &[], &[2]), r#"{"d":[{"e":[{"b":3},{"b":4}]}]}"#);
}

#[test]
fn unmapped_and_misshapen_values_vanish() {
    let body = r#"{"l":[1,{"iin":{"iin":1},"name":"F","marks":[1,[2],{"a":3},4]},[5]],"l2":[]}"#;
    assert_eq!(kept(body, &learners(), &[0], &[1, 2, 3]), r#"{"l":[{"marks":[1,4]}]}"#);
}

#[test]
fn numbered_elements_keep_their_numbers() {
    let body = r#"{"l":[{"row":[1,"two",3]},{"row":[1]},{"row":[]}]}"#;
    let expected = r#"{"l":[{"row":[null,"two"]},{"row":[]}]}"#;
    assert_eq!(kept(body, &learners(), &[], &[4]), expected);
    let nested = Model::new(&["$.r[0].a", "$.r[2].b"], None, "$.iin");
    let body = r#"{"r":[{"a":1},{"x":1},{"b":2}]}"#;
    assert_eq!(kept(body, &nested, &[], &[1]), r#"{"r":[{},null,{"b":2}]}"#);
}

#[test]
fn a_record_that_is_left_out_vanishes() {
    let body = r#"{"l":[{"iin":1},{"iin":2},{"iin":3}],"batch":4}"#;
    let document = parse(body, &learners().shape());
    let (outside, verdicts) = (set(&[0]), [set(&[1]), set(&[2])]);
    let of = |records: &[Option<usize>]| {
        let selection = Selection { outside: &outside, records, verdicts: &verdicts };
        String::from_utf8(select(&document, &selection)).unwrap()
    };
    assert_eq!(of(&[None, Some(0), None]), r#"{"l":[{"iin":2}],"batch":4}"#);
    assert_eq!(of(&[Some(0), Some(1), Some(0)]), r#"{"l":[{"iin":1},{"iin":3}],"batch":4}"#);
    assert_eq!(of(&[None, None, None]), r#"{"batch":4}"#);
    assert_eq!(of(&[]), r#"{"batch":4}"#, "a record without a decision");
    assert_eq!(of(&[Some(9); 3]), r#"{"batch":4}"#, "a verdict that is not there");
}

#[test]
fn a_whole_document_that_is_left_out_is_empty() {
    let model = Model::new(&["$.a", "$.b.c"], None, "$.iin");
    let document = parse(r#"{"a":1,"b":{}}"#, &model.shape());
    let (outside, verdicts) = (set(&[0, 1]), [set(&[0, 1])]);
    let selection = Selection { outside: &outside, records: &[None], verdicts: &verdicts };
    assert_eq!(select(&document, &selection), b"");
}

#[test]
fn names_that_are_fields_leave_with_their_values_or_not_at_all() {
    let model = Model::new(&["$.scores.*~", "$.scores.*.mark", "$.batch"], None, "$.iin");
    let body = r#"{"batch":1,"scores":{"a b":{"mark":5,"x":1},"\u0063":{"mark":4},"d":7}}"#;
    let all = r#"{"batch":1,"scores":{"a b":{"mark":5},"\u0063":{"mark":4}}}"#;
    assert_eq!(kept(body, &model, &[], &[0, 1, 2]), all);
    assert_eq!(kept(body, &model, &[], &[1, 2]), r#"{"batch":1}"#);
    assert_eq!(kept(body, &model, &[], &[0, 2]), r#"{"batch":1}"#);
}

#[test]
fn a_record_may_be_a_member_whose_name_says_whose_it_is() {
    let model = Model::new(&["$.s.*~", "$.s.*.mark"], Some("$.s.*"), "$.s.*~");
    let body = r#"{"s":{"580101100015":{"mark":5},"911231200429":{"mark":4}}}"#;
    let document = parse(body, &model.shape());
    let whose: Vec<_> = (0..2).map(|n| document.subject(n).unwrap().into_owned()).collect();
    assert_eq!(whose, ["580101100015", "911231200429"]);
    let outside = set(&[]);
    let verdicts = [set(&[0, 1]), set(&[1])];
    let of = |records: &[Option<usize>]| {
        let selection = Selection { outside: &outside, records, verdicts: &verdicts };
        String::from_utf8(select(&document, &selection)).unwrap()
    };
    assert_eq!(of(&[None, Some(0)]), r#"{"s":{"911231200429":{"mark":4}}}"#);
    assert_eq!(of(&[Some(1), Some(0)]), r#"{"s":{"911231200429":{"mark":4}}}"#);
    assert_eq!(of(&[Some(1), None]), "{}");
}

/// Every name becomes the same, every other value a text that has to be escaped.
struct Alike;

impl Edits for Alike {
    fn enter(&mut self, _verdict: Option<usize>) {}

    fn edit(&mut self, field: FieldId, _raw: Raw<'_>) -> Edit {
        Edit::Put(New::Text(if field == 0 { "***" } else { "\"\n" }.to_owned()))
    }

    fn formula(&mut self, _field: FieldId) {}
}

#[test]
fn names_that_became_alike_are_written_once() {
    let model = Model::new(&["$.s.*~", "$.s.*", "$.n"], None, "$.iin");
    let document = parse(r#"{"s":{"a":1,"b":2},"n":0}"#, &model.shape());
    let (outside, verdicts) = (set(&[]), [set(&[0, 1, 2])]);
    let selection = Selection { outside: &outside, records: &[Some(0)], verdicts: &verdicts };
    let out = crate::redaction::write(&document, &selection, &mut Alike).body;
    assert_eq!(String::from_utf8(out).unwrap(), r#"{"s":{"***":"\"\n"},"n":"\"\n"}"#);
}

#[test]
fn verdicts_hold_only_inside_of_their_records() {
    let model = Model::new(&["$.a", "$.l[*].b"], Some("$.l[*]"), "$.l[*].iin");
    let body = r#"{"l":[{"b":1}],"a":2}"#;
    assert_eq!(kept(body, &model, &[1], &[0, 1]), r#"{"l":[{"b":1}]}"#);
    assert_eq!(kept(body, &model, &[0, 1], &[0]), r#"{"a":2}"#);
}

#[test]
fn the_space_reserved_is_what_everything_takes() {
    let body = r#"{"batch":1,"l":[{"iin":1,"name":{"family":2},"marks":[1,2]},{"iin":3}]}"#;
    let document = parse(body, &learners().shape());
    let length = kept(body, &learners(), &[0], &[1, 2, 3]).len();
    let [piece] = document.pieces() else { panic!("one body") };
    let crate::document::Tape::Json(tape) = &piece.tape else { panic!("not JSON") };
    assert!((length..length + 16).contains(&tape.copied));
}

/// Documents of known names, renamed ones and unknown ones, in places right and wrong.
fn documents() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec![
        "batch", "l", "g", "iin", "name", "family", "marks", "row", "IIN", "iin ", "Name", "",
        "ім'я", "nаme",
    ]);
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-zа-я\"\\\\\n]{0,4}".prop_map(Value::from),
    ];
    let value = scalar.prop_recursive(6, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map(name.clone().prop_map(String::from), inner, 0..7)
                .prop_map(|members| members.into_iter().collect()),
        ]
    });
    value.prop_map(|value| match value {
        Value::Object(_) | Value::Array(_) => value,
        scalar => Value::from(vec![scalar]),
    })
}

fn models() -> impl Strategy<Value = Model> {
    prop::sample::select(vec![
        learners(),
        Model::new(&["$.name", "$.marks[*]", "$.l.iin", "$.row[0].iin", "$.row[2]"], None, "$.iin"),
        Model::new(
            &["$.g[*].name", "$.g[*].l[*].name", "$.g[*].l[*].marks[*][*]", "$.batch[1]"],
            Some("$.g[*].l[*]"),
            "$.g[*].l[*].row[0]",
        ),
        Model::new(&["$[*].name.family", "$[*].marks[*]"], Some("$[*]"), "$[*].iin"),
        Model::new(&["$.batch", "$.l.iin", "$.l.name"], Some("$.l"), "$.l.iin"),
    ])
}

/// The record verdicts and their sets, and the fields kept outside.
type Choice = (FieldSet, Vec<Option<usize>>, Vec<FieldSet>);

fn choices() -> impl Strategy<Value = Choice> {
    let fields = || prop::collection::vec(0_u8..6, 0..6).prop_map(|fields| set(&fields));
    let verdicts = prop::collection::vec(prop::option::of(0_usize..3), 0..8);
    (fields(), verdicts, prop::collection::vec(fields(), 3))
}

/// What `serde_json` reads of what is written.
fn written(document: &Document, (outside, records, verdicts): &Choice) -> Value {
    let out = select(document, &Selection { outside, records, verdicts });
    if out.is_empty() {
        let body = &document.content().body;
        let is_object = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        return model::empty(is_object);
    }
    serde_json::from_slice(&out).unwrap()
}

/// Damage by bytes that mean something in JSON.
fn changes() -> impl Strategy<Value = Changes> {
    changes_of(b"{}[]\",:\\u0123456789dDe+-.ntf \n\0", 0..4)
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    any::<Vec<u8>>()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn everything_kept_is_the_same_document(document in documents(), noise in noise()) {
        let found = leaves(&document);
        prop_assume!(!found.is_empty() && found.len() <= 256 && !model::has_empty(&document));
        let paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
        let subject = if document.is_array() { "$[9999]" } else { "$.subject" };
        let model = Model::new(&paths, None, subject);
        let all: Vec<FieldId> = (0..=255).collect();
        let out = kept(&spell(&document, &noise), &model, &all, &all);
        prop_assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), document);
    }

    #[test]
    fn what_is_written_is_what_the_model_keeps(
        value in documents(), noise in noise(), model in models(), choice in choices(),
    ) {
        let document = parse(&spell(&value, &noise), &model.shape());
        prop_assert_eq!(written(&document, &choice), model.redact(&value, &choice));
    }

    #[test]
    fn nothing_outside_of_the_selection_is_written(
        value in documents(), noise in noise(), model in models(), choice in choices(),
    ) {
        let document = parse(&spell(&value, &noise), &model.shape());
        let input: Vec<Value> = leaves(&value).into_iter().map(|(_, leaf)| leaf).collect();
        for (path, leaf) in leaves(&written(&document, &choice)) {
            let is_gap = leaf.is_null() && path.ends_with(']');
            let is_kept = model.field_at(&path).is_some_and(|field| model.is_kept(field, &choice));
            prop_assert!(is_gap || is_kept && input.contains(&leaf), "{}", path);
        }
    }

    #[test]
    fn nothing_kept_leaves_no_value(value in documents(), noise in noise(), model in models()) {
        let out = kept(&spell(&value, &noise), &model, &[], &[]);
        prop_assert_eq!(leaves(&serde_json::from_str(&out).unwrap()), vec![]);
    }

    #[test]
    fn a_name_twice_is_refused_wherever_it_stands(
        value in documents(), noise in noise(), model in models(), pick in any::<Index>(),
    ) {
        let mut body = spell(&value, &noise);
        let members = model::members(&body);
        prop_assume!(!members.is_empty());
        let (at, member) = pick.get(&members);
        let (at, twin) = (*at, format!("{member},"));
        body.insert_str(at, &twin);
        let bad = Document::parse(Bytes::from(body), model.shape(), &Limits::default());
        prop_assert_eq!(bad.unwrap_err().fault, Fault::DuplicateName);
    }

    #[test]
    fn whatever_is_accepted_reads_the_same_elsewhere(
        value in documents(), noise in noise(), model in models(), choice in choices(),
        changes in changes(),
    ) {
        let mut body = spell(&value, &noise).into_bytes();
        change(&mut body, changes);
        let theirs = serde_json::from_slice::<Value>(&body);
        match Document::parse(Bytes::from(body), model.shape(), &Limits::default()) {
            Ok(document) => {
                let expected = model.redact(&theirs.unwrap(), &choice);
                prop_assert_eq!(written(&document, &choice), expected);
            }
            Err(bad) => {
                let is_stricter = matches!(bad.fault, Fault::DuplicateName | Fault::ScalarRoot);
                prop_assert!(theirs.is_err() || is_stricter, "{}", bad);
            }
        }
    }

    #[test]
    fn no_bytes_break_the_parser(body in any::<Vec<u8>>(), model in models()) {
        let length = body.len();
        let parsed = Document::parse(Bytes::from(body), model.shape(), &Limits::default());
        prop_assert!(parsed.map_or_else(|bad| bad.offset <= length, |_| true));
    }
}
