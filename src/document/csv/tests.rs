//! Promises of reading tables.

use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::document::{Document, FieldPath, Presence, Syntax};

fn read(body: &str, fields: &[&str], subjects: Option<&str>, subject: &str) -> Document {
    let path = |text: &str| FieldPath::parse(text).unwrap();
    let fields: Vec<FieldPath> = fields.iter().map(|text| path(text)).collect();
    let (syntax, subjects) = (Syntax::Csv(Csv::default()), subjects.map(path));
    let shape = Shape::of(syntax, &fields, subjects.as_ref(), &path(subject)).unwrap();
    let body = Bytes::copy_from_slice(body.as_bytes());
    Document::parse(body, Arc::new(shape), &Limits::default()).unwrap()
}

fn present(presence: &Presence) -> (Vec<FieldId>, u32) {
    (presence.present.iter().collect(), presence.unmapped)
}

const BODY: &str = "iin,x,\"name\",y\n850101300123,1,a,2\n,1,,2\n\"1\"\"2\",1,b,2\n";

#[test]
fn each_row_is_a_record() {
    let document = read(BODY, &["$[*].name", "$[*].iin"], Some("$[*]"), "$[*].iin");
    let found: Vec<_> = document.records().iter().map(|r| present(&r.presence)).collect();
    assert_eq!(found, vec![(vec![0, 1], 2); 3]);
    assert_eq!(document.outside(), &Presence::default());
    let subjects: Vec<_> = (0..3).map(|record| document.subject(record)).collect();
    assert_eq!(subjects, [Some("850101300123".into()), None, Some("1\"2".into())]);
}

#[test]
fn a_subject_need_not_be_a_field() {
    let document = read(BODY, &["$[*].name"], Some("$[*]"), "$[*].iin");
    assert_eq!(document.subject(0), Some("850101300123".into()));
    assert_eq!(document.values().count(), 3);
    assert_eq!(present(&document.records()[0].presence), (vec![0], 2));
}

#[test]
fn without_subjects_the_table_is_the_record() {
    let document = read(BODY, &["$[*].name"], None, "header.iin");
    assert_eq!(document.records().len(), 1);
    assert_eq!(present(&document.records()[0].presence), (vec![0], 9));
}

#[test]
fn a_path_that_leads_elsewhere_finds_nothing() {
    for fields in [&["$.name"][..], &["$[0].name"], &["$[*].name.family"], &["$[*].name[*]"]] {
        let document = read(BODY, fields, None, "header.iin");
        assert_eq!(document.values().count(), 0, "{fields:?}");
        assert!(document.records()[0].presence.unmapped > 0, "{fields:?}");
    }
    let rows = read(BODY, &["$[*]"], None, "header.iin");
    assert_eq!(rows.records()[0].presence.misshapen.iter().collect::<Vec<_>>(), [0]);
    let keys = read(BODY, &["$[*].*~", "$[*].*"], None, "header.iin");
    assert_eq!((keys.values().count(), present(&keys.records()[0].presence)), (0, (vec![], 12)));
}

#[test]
fn limits_hold() {
    let parse = |body: &str, limits: &Limits| {
        let path = |text: &str| FieldPath::parse(text).unwrap();
        let syntax = Syntax::Csv(Csv::default());
        let fields = [path("$[*].name")];
        let shape = Shape::of(syntax, &fields, Some(&path("$[*]")), &path("$[*].iin")).unwrap();
        let body = Bytes::copy_from_slice(body.as_bytes());
        let bad = Document::parse(body, Arc::new(shape), limits).unwrap_err();
        assert!(bad.fault.is_limit());
        (bad.fault, bad.offset, bad.path)
    };
    let body = "iin,name\n1,a\n2,b\n";
    let limits = Limits { records_max: 1, ..Limits::default() };
    assert_eq!(parse(body, &limits), (Fault::TooManyRecords, 13, "$[1].name".to_owned()));
    let limits = Limits { elements_max: 1, ..Limits::default() };
    assert_eq!(parse(body, &limits), (Fault::TooManyElements, 13, "$[1].name".to_owned()));
    let limits = Limits { values_max: 2, ..Limits::default() };
    assert_eq!(parse(body, &limits), (Fault::TooManyValues, 13, "$[1].name".to_owned()));
    let limits = Limits { bytes_max: 16, ..Limits::default() };
    assert_eq!(parse(body, &limits), (Fault::BodyTooLong, 16, "$".to_owned()));
}
