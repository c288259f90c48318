//! Promises of parsing.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;

use super::super::syntax::{Syntax, XmlKind};
use super::super::{Document, FieldPath, Presence};
use super::space::SPACES_MAX;
use super::*;

const FIELDS: [&str; 7] = [
    "$.list.batch",
    "$.list.learner[*].iin",
    "$.list.learner[*].name.family",
    "$.list.learner[*].mark[*]",
    "$.list.learner[*].period[1]",
    "$.list.learner[*]['@id']",
    "$.list.learner[*].remark['#text']",
];

fn shape(fields: &[&str], subjects: Option<&str>, subject: &str) -> Arc<Shape> {
    let path = |text: &str| FieldPath::parse(text).unwrap();
    let fields: Vec<FieldPath> = fields.iter().map(|text| path(text)).collect();
    let namespaces = vec![("e".to_owned(), "urn:e".to_owned())];
    let syntax = Syntax::Xml(Xml { kind: XmlKind::Plain, namespaces });
    Arc::new(Shape::of(syntax, &fields, subjects.map(path).as_ref(), &path(subject)).unwrap())
}

fn learners() -> Arc<Shape> {
    shape(&FIELDS, Some("$.list.learner[*]"), "$.list.learner[*].iin")
}

fn read(body: &str, shape: Arc<Shape>) -> Document {
    let body = Bytes::copy_from_slice(body.as_bytes());
    Document::parse(body, shape, &Limits::default()).unwrap()
}

fn refusal(body: &str, shape: Arc<Shape>, limits: &Limits) -> Fault {
    Document::parse(Bytes::copy_from_slice(body.as_bytes()), shape, limits).expect_err(body).fault
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
    let body = "<list><batch>7</batch>
        <learner id='1'><iin>850101300123</iin><name><family>F</family></name><mark>5</mark>
            <mark>4</mark></learner>
        <learner><period>a</period><period>b</period><remark>x</remark></learner></list>";
    let document = read(body, learners());
    assert_eq!(present(document.outside()), [0]);
    let found: Vec<_> = document.records().iter().map(|r| present(&r.presence)).collect();
    assert_eq!(found, [vec![1, 2, 3, 5], vec![4, 6]]);
    assert_eq!(subjects(&document), [Some("850101300123".to_owned()), None]);
    assert_eq!(document.records()[1].presence.unmapped, 1);
}

#[test]
fn only_the_topmost_unmapped_element_is_counted() {
    let body = "<list a='1'><x b='2'><y c='3'>t</y>t<z/></x>text<batch>7</batch>
        <learner><a><b><c/></b></a>text<name>text<middle>-</middle>text</name></learner></list>";
    let document = read(body, learners());
    assert_eq!(document.outside().unmapped, 3);
    assert_eq!(document.records()[0].presence.unmapped, 5);
}

#[test]
fn a_field_that_holds_elements_is_misshapen() {
    let body = "<list><batch><iin>1</iin></batch><learner><iin> <x/>2</iin>
        <mark>5</mark><mark><mark>6</mark></mark></learner></list>";
    let document = read(body, learners());
    let [outside, record] = [*document.outside(), document.records()[0].presence];
    assert_eq!(outside.misshapen.iter().collect::<Vec<_>>(), [0]);
    assert_eq!(record.misshapen.iter().collect::<Vec<_>>(), [1, 3]);
    assert_eq!((present(&outside), present(&record)), (vec![], vec![3]));
    assert_eq!((outside.unmapped, record.unmapped), (0, 0));
    assert_eq!(subjects(&document), [None]);
}

#[test]
fn attributes_of_a_field_are_unmapped() {
    let body = "<list><batch a='1' xmlns:b='urn:b' b:c='2' xmlns='urn:c'/></list>";
    let document = read(body, learners());
    assert_eq!(document.outside().unmapped, 1, "another namespace");
    let document = read("<list><batch a='1' xmlns:b='urn:b' b:c='2'/></list>", learners());
    assert_eq!((present(document.outside()), document.outside().unmapped), (vec![0], 2));
}

#[test]
fn a_subject_is_a_text_that_is_not_empty() {
    for (value, expected) in [
        ("850101300123", Some("850101300123")),
        ("8501&#48;1<!-- x -->300<![CDATA[123]]>", Some("850101300123")),
        (" ", Some(" ")),
        ("", None),
        ("<!-- 850101300123 -->", None),
        ("<![CDATA[]]>", None),
        ("<b/>850101300123", None),
    ] {
        let body = format!("<list><learner><iin>{value}</iin></learner></list>");
        assert_eq!(subjects(&read(&body, learners()))[0].as_deref(), expected, "{value}");
    }
}

#[test]
fn a_subject_may_be_an_attribute_and_no_field() {
    let shape = shape(&["$.list.l[*].m"], Some("$.list.l[*]"), "$.list.l[*]['@e:id']");
    let body = "<list><l p:id='8&#53;' id='x' xmlns:p='urn:e'><m/></l><l id='1'/></list>";
    let document = read(body, shape);
    assert_eq!(subjects(&document), [Some("85".to_owned()), None]);
    let unmapped: Vec<_> = document.records().iter().map(|r| r.presence.unmapped).collect();
    assert_eq!(unmapped, [1, 1]);
}

#[test]
fn without_subjects_the_document_is_the_record() {
    let shape = shape(&["$.a.iin"], None, "$.a.iin");
    let document = read("<a><iin>1</iin><x/></a>", shape);
    assert_eq!(document.outside(), &Presence::default());
    assert_eq!((document.records().len(), document.records()[0].presence.unmapped), (1, 1));
    assert_eq!(subjects(&document), [Some("1".to_owned())]);
}

#[test]
fn records_in_nested_lists_are_numbered_in_order() {
    let shape = shape(&["$.r.g[*].no"], Some("$.r.g[*].l[*]"), "$.r.g[*].l[*].id.iin");
    let body = "<r><g><no>1</no><l><id><iin>a</iin></id></l><l><id>0</id></l></g>
        <g/><g><l><id><iin>b</iin></id></l></g></r>";
    let document = read(body, shape);
    assert_eq!(subjects(&document), [Some("a".to_owned()), None, Some("b".to_owned())]);
    assert_eq!(present(document.outside()), [0]);
}

#[test]
fn names_that_no_rule_names_cannot_become_fields() {
    let fields = ["$.r.scores.*~", "$.r.scores.*"];
    let document = read("<r><scores><a>1</a></scores></r>", shape(&fields, None, "$.r.iin"));
    let presence = document.records()[0].presence;
    assert_eq!((present(&presence), presence.unmapped), (vec![], 1));
}

#[test]
fn a_refusal_names_nothing_that_the_shape_does_not() {
    let body =
        Bytes::from_static(b"<list><learner><x/><name><y z='1' z='2'/></name></learner></list>");
    let bad = Document::parse(body, learners(), &Limits::default()).unwrap_err();
    assert_eq!(bad.to_string(), "duplicate attribute at byte 34, in `$.list.learner[0].name`");
}

#[test]
fn every_limit_is_inclusive() {
    let limits = Limits {
        bytes_max: 120,
        depth_max: 3,
        members_max: 2,
        elements_max: 3,
        string_bytes_max: 8,
        key_bytes_max: 8,
        records_max: 2,
        values_max: 6,
        ..Limits::default()
    };
    let list = |content: &str| format!("<list>{content}</list>");
    let space = |count: usize| format!("<list/>{}", " ".repeat(count));
    for (fits, above, fault) in [
        (space(113), space(114), Fault::BodyTooLong),
        (list("<b><c/></b>"), list("<b><c><d/></c></b>"), Fault::TooDeep),
        ("<list b='' c=''/>".into(), "<list b='' c='' d=''/>".into(), Fault::TooManyAttributes),
        (list("<b/><c/><d/>"), list("<b/><c/><d/><e/>"), Fault::TooManyElements),
        (list("12345678"), list("123456789"), Fault::StringTooLong),
        (list("<b>12345678</b>"), list("<b>123456789</b>"), Fault::StringTooLong),
        (list("123&#50;"), list("1234&#50;"), Fault::StringTooLong),
        (list("1234<!--12345-->5678"), list("1234<!---->56789"), Fault::StringTooLong),
        ("<list b='12345678'/>".into(), "<list b='123456789'/>".into(), Fault::StringTooLong),
        (list("<abcdefgh/>"), list("<abcdefghi/>"), Fault::KeyTooLong),
        (list("<b abcdefgh=''/>"), list("<b abcdefghi=''/>"), Fault::KeyTooLong),
        (list("<b xml:lang=''/>"), list("<b xml:langs=''/>"), Fault::KeyTooLong),
        (list(&"<learner/>".repeat(2)), list(&"<learner/>".repeat(3)), Fault::TooManyRecords),
        (
            list("<learner id='1'><iin/></learner><learner/>"),
            list("<learner id='1'><iin/></learner><learner id='1'/>"),
            Fault::TooManyValues,
        ),
    ] {
        let parse = |body: String| Document::parse(Bytes::from(body), learners(), &limits);
        assert!(parse(fits).is_ok(), "{fault:?}");
        assert_eq!(parse(above).unwrap_err().fault, fault);
        assert!(fault.is_limit());
    }
}

#[test]
fn so_many_namespaces_may_be_in_scope() {
    let declare = |count: usize| {
        let mut body = "<list".to_owned();
        (0..count).for_each(|n| write!(body, " xmlns:a{n}='u{n}'").unwrap());
        body + "><x xmlns='urn:x'/><y xmlns='urn:y'/></list>"
    };
    read(&declare(SPACES_MAX - 1), learners());
    let limits = Limits::default();
    assert_eq!(refusal(&declare(SPACES_MAX), learners(), &limits), Fault::TooManyNamespaces);
    assert!(Fault::TooManyNamespaces.is_limit());
}

#[test]
fn a_duplicate_is_found_among_few_and_many_attributes() {
    for count in [2, 16, 17, 18, 300] {
        for later in [1, count / 2, count - 1] {
            let mut body = "<list".to_owned();
            let twin = |n| if n == later { 0 } else { n };
            (0..count).for_each(|n| write!(body, " a{}=''", twin(n)).unwrap());
            let body = body + "/>";
            let offset = body.rfind(" a0=").unwrap() + 1;
            let bad = Document::parse(Bytes::from(body), learners(), &Limits::default());
            let bad = bad.unwrap_err();
            assert_eq!((bad.fault, bad.offset), (Fault::DuplicateAttribute, offset), "{count}");
        }
    }
}
