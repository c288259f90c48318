//! Promises of parsing.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::document::FieldPath;
use crate::document::names::TWINS;

use super::*;
use crate::document::{Document, Presence};
use bytes::Bytes;

const FIELDS: [&str; 6] = [
    "$.batch",
    "$.learners[*].iin",
    "$.learners[*].name.family",
    "$.learners[*].name.given",
    "$.learners[*].marks[*]",
    "$.learners[*].period[1]",
];

fn shape(fields: &[&str], subjects: Option<&str>, subject: &str) -> Arc<Shape> {
    let path = |text: &str| FieldPath::parse(text).unwrap();
    let fields: Vec<FieldPath> = fields.iter().map(|text| path(text)).collect();
    Arc::new(Shape::compile(&fields, subjects.map(path).as_ref(), &path(subject)).unwrap())
}

fn learners() -> Arc<Shape> {
    shape(&FIELDS, Some("$.learners[*]"), "$.learners[*].iin")
}

fn read(body: &str, shape: Arc<Shape>) -> Document {
    Document::parse(Bytes::copy_from_slice(body.as_bytes()), shape, &Limits::default()).unwrap()
}

fn refusal(body: &str, limits: &Limits) -> (Fault, usize, String) {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let bad = Document::parse(body, learners(), limits).unwrap_err();
    (bad.fault, bad.offset, bad.path)
}

fn present(presence: &Presence) -> Vec<u8> {
    presence.present.iter().collect()
}

fn subjects(document: &Document) -> Vec<Option<String>> {
    let records = 0..document.records().len();
    records.map(|record| document.subject(record).map(Cow::into_owned)).collect()
}

#[test]
fn fields_are_found_in_records_and_outside_of_them() {
    let body = r#"{"batch": 7, "learners": [
        {"iin": "850101300123", "name": {"family": "Сәрсен"}, "marks": [5, 4]},
        {"iin": null, "period": ["2026-01-01", "2026-06-30"]} ]}"#;
    let document = read(body, learners());
    assert_eq!(present(document.outside()), [0]);
    let found: Vec<_> = document.records().iter().map(|r| present(&r.presence)).collect();
    assert_eq!(found, [vec![1, 2, 4], vec![1, 5]]);
    assert_eq!(subjects(&document), [Some("850101300123".to_owned()), None]);
    assert_eq!(document.body_bytes(), body.len());
}

#[test]
fn only_the_topmost_unmapped_member_is_counted() {
    let body = r#"{"x": {"y": {"z": 1}, "w": [1, 2]}, "batch": 7, "v": null,
        "learners": [{"a": [[[]]], "name": {"middle": "-", "family": "F"}, "b": {}}]}"#;
    let document = read(body, learners());
    assert_eq!(document.outside().unmapped, 2);
    assert_eq!(document.records()[0].presence.unmapped, 3);
}

#[test]
fn elements_that_no_number_maps_are_unmapped() {
    let document = read(r#"{"learners": [{"period": [1, 2, 3, [4]]}]}"#, learners());
    let presence = document.records()[0].presence;
    assert_eq!((present(&presence), presence.unmapped), (vec![5], 3));
}

#[test]
fn a_field_that_holds_an_object_or_array_is_misshapen() {
    let body = r#"{"batch": {"iin": "1"}, "learners": [{"iin": ["2"], "marks": [5, {}]}]}"#;
    let document = read(body, learners());
    let [outside, record] = [*document.outside(), document.records()[0].presence];
    assert_eq!(outside.misshapen.iter().collect::<Vec<_>>(), [0]);
    assert_eq!(record.misshapen.iter().collect::<Vec<_>>(), [1, 4]);
    assert_eq!((present(&outside), present(&record)), (vec![], vec![4]));
    assert_eq!((outside.unmapped, record.unmapped), (0, 0));
    assert_eq!(subjects(&document), [None]);
}

#[test]
fn a_value_where_a_container_should_stand_is_unmapped() {
    let body = r#"{"learners": [{"name": "Сәрсен", "marks": {"0": 5}, "period": null}]}"#;
    let presence = read(body, learners()).records()[0].presence;
    assert_eq!((present(&presence), presence.unmapped), (vec![], 3));
}

#[test]
fn what_stands_where_a_record_should_is_unmapped() {
    let document = read(r#"{"learners": [1, "850101300123", [], null, {}]}"#, learners());
    assert_eq!((document.records().len(), document.outside().unmapped), (1, 4));
    let document = read(r#"{"learners": {"iin": "850101300123"}}"#, learners());
    assert_eq!((document.records().len(), document.outside().unmapped), (0, 1));
    let document = read(r#"[{"iin": "850101300123"}]"#, learners());
    assert_eq!((document.records().len(), document.outside().unmapped), (0, 1));
}

#[test]
fn records_in_nested_arrays_are_numbered_in_order() {
    let shape = shape(&["$.g[*].no"], Some("$.g[*].l[*]"), "$.g[*].l[*].id.iin");
    let body = r#"{"g": [{"no": 1, "l": [{"id": {"iin": "a"}}, {"id": 0}]},
        {"l": []}, {"l": [{"id": {"iin": "b"}}]}]}"#;
    let document = read(body, shape);
    assert_eq!(subjects(&document), [Some("a".to_owned()), None, Some("b".to_owned())]);
    assert_eq!(present(document.outside()), [0]);
}

#[test]
fn without_subjects_the_document_is_the_record() {
    let document = read(r#"{"iin": "1", "x": 2}"#, shape(&["$.iin"], None, "$.iin"));
    assert_eq!(document.outside(), &Presence::default());
    assert_eq!(document.records().len(), 1);
    assert_eq!(document.records()[0].presence.unmapped, 1);
    assert_eq!(subjects(&document), [Some("1".to_owned())]);
    let row = read(r#"["1", 2]"#, shape(&["$[1]"], None, "$[0]"));
    assert_eq!(subjects(&row), [Some("1".to_owned())]);
    let other = read(r#"["1", 2]"#, shape(&["$.iin"], None, "$.iin"));
    assert_eq!(subjects(&other), [None]);
    assert_eq!((other.records()[0].presence.unmapped, other.outside().unmapped), (1, 0));
}

#[test]
fn a_subject_is_a_string_or_a_whole_number() {
    for (value, expected) in [
        (r#""850101300123""#, Some("850101300123")),
        (r#""\u0038\n\ud83d\ude00""#, Some("8\n\u{1F600}")),
        (r#""5\"""#, Some("5\"")),
        ("850101300123", Some("850101300123")),
        ("-5", Some("-5")),
        (r#""""#, None),
        ("null", None),
        ("true", None),
        ("1.0", None),
        ("1e3", None),
        ("[1]", None),
        (r#"{"iin": 1}"#, None),
    ] {
        let body = format!(r#"{{"learners": [{{"iin": {value}}}]}}"#);
        assert_eq!(subjects(&read(&body, learners()))[0].as_deref(), expected, "{value}");
    }
    assert_eq!(read("{}", learners()).subject(0), None);
}

#[test]
fn a_subject_that_is_no_field_is_not_unmapped() {
    let shape = shape(&["$.l[*].mark"], Some("$.l[*]"), "$.l[*].iin");
    let document = read(r#"{"l": [{"iin": 1}, {"iin": {}}]}"#, shape);
    let unmapped: Vec<_> = document.records().iter().map(|r| r.presence.unmapped).collect();
    assert_eq!(unmapped, [0, 1]);
}

#[test]
fn known_names_are_known_in_any_spelling() {
    let document = read(r#"{"\u0062\u0061tch": 1}"#, learners());
    assert_eq!((present(document.outside()), document.outside().unmapped), (vec![0], 0));
}

#[test]
fn a_name_is_not_known_by_its_print_alone() {
    let [known, twin] = TWINS;
    let shape = shape(&[&format!("$.{known}")], None, "$.iin");
    let document = read(&format!(r#"{{"{twin}": 1}}"#), Arc::clone(&shape));
    assert_eq!(document.records()[0].presence.unmapped, 1);
    let document = read(&format!(r#"{{"{known}": 1, "{twin}": 1}}"#), shape);
    let presence = document.records()[0].presence;
    assert_eq!((present(&presence), presence.unmapped), (vec![0], 1));
}

#[test]
fn a_refusal_names_no_member_that_the_shape_does_not() {
    let limits = Limits::default();
    for (body, fault, offset, path) in [
        (r#"{"learners":[{"iin":1,"iin":2}]}"#, Fault::DuplicateName, 22, "$.learners[0].iin"),
        (r#"{"learners":[{},{"Аян":1,"Аян":2}]}"#, Fault::DuplicateName, 28, "$.learners[1].?"),
        (r#"{"Аян":{"iin":[1,{"b":x}]}}"#, Fault::ValueMissing, 25, "$.?.?[1].?"),
        (r#"{"learners":[{"name":{"Аян":+1}}]}"#, Fault::BadNumber, 31, "$.learners[0].name.?"),
        (r#"{"batch":1,Аян"#, Fault::NameMissing, 11, "$.?"),
        (r#"{"learners":[1,"#, Fault::Truncated, 15, "$.learners[1]"),
        (r#"{"batch":1}}"#, Fault::Trailing, 11, "$"),
        ("{", Fault::Truncated, 1, "$.?"),
    ] {
        assert_eq!(refusal(body, &limits), (fault, offset, path.to_owned()), "{body}");
    }
}

#[test]
fn a_late_duplicate_is_placed_like_an_early_one() {
    let mut members = String::new();
    (0..40).for_each(|n| write!(members, r#""Аян{n}":{n},"#).unwrap());
    let body = format!(r#"{{{members}"batch":1,"batch":2}}"#);
    let offset = body.rfind("\"batch").unwrap();
    let found = refusal(&body, &Limits::default());
    assert_eq!(found, (Fault::DuplicateName, offset, "$.batch".to_owned()));
    let body = format!(r#"{{{members}"Аян7":1}}"#);
    let offset = body.rfind("\"Аян").unwrap();
    let found = refusal(&body, &Limits::default());
    assert_eq!(found, (Fault::DuplicateName, offset, "$.?".to_owned()));
}

#[test]
fn a_refusal_reads_as_a_sentence() {
    let body = Bytes::from_static(br#"{"learners":[{"a":1,"a":2}]}"#);
    let bad = Document::parse(body, learners(), &Limits::default()).unwrap_err();
    assert_eq!(bad.to_string(), "duplicate member name at byte 20, in `$.learners[0].?`");
}

#[test]
fn every_limit_is_inclusive() {
    let limits = Limits {
        bytes_max: 90,
        depth_max: 3,
        members_max: 2,
        elements_max: 3,
        string_bytes_max: 4,
        key_bytes_max: 8,
        number_bytes_max: 5,
        records_max: 2,
        values_max: 7,
    };
    let space = |count: usize| format!("{{}}{}", " ".repeat(count));
    for (fits, above, fault) in [
        (space(88), space(89), Fault::BodyTooLong),
        ("[[{}]]".into(), r#"[[{"a":[]}]]"#.into(), Fault::TooDeep),
        (r#"{"a":1,"b":2}"#.into(), r#"{"a":1,"b":2,"c":3}"#.into(), Fault::TooManyMembers),
        ("[1,2,3]".into(), "[1,2,3,4]".into(), Fault::TooManyElements),
        (r#"["abcd"]"#.into(), r#"["abcde"]"#.into(), Fault::StringTooLong),
        (r#"["\n\n"]"#.into(), r#"["\u0041"]"#.into(), Fault::StringTooLong),
        (r#"{"abcdefgh":1}"#.into(), r#"{"abcdefghi":1}"#.into(), Fault::KeyTooLong),
        ("[-1234]".into(), "[-12345]".into(), Fault::NumberTooLong),
        (
            r#"{"learners":[{},{}]}"#.into(),
            r#"{"learners":[{},{},{}]}"#.into(),
            Fault::TooManyRecords,
        ),
        (
            r#"{"learners":[{"iin":1},{"iin":1}]}"#.into(),
            r#"{"batch":1,"learners":[{"iin":1},{"iin":1}]}"#.into(),
            Fault::TooManyValues,
        ),
    ] {
        let parse = |body: String| Document::parse(Bytes::from(body), learners(), &limits);
        assert!(parse(fits).is_ok(), "{fault}");
        assert_eq!(parse(above).unwrap_err().fault, fault);
        assert!(fault.is_limit());
    }
    assert!(!Fault::DuplicateName.is_limit());
}

#[test]
fn depth_costs_no_stack() {
    let limits = Limits { depth_max: usize::MAX, ..Limits::default() };
    let body = "[".repeat(1 << 20);
    assert_eq!(refusal(&body, &limits).0, Fault::Truncated);
}

#[test]
fn a_document_does_not_show_what_is_in_it() {
    let document = read(r#"{"batch": "secret", "secret": 1}"#, learners());
    assert_eq!(format!("{document:?}"), "Document { body_bytes: 32, records: 0, .. }");
}
