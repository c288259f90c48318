//! Promises of reading forms.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::document::{Document, FieldPath, Syntax};

fn read(body: &str, fields: &[&str], subject: &str) -> Document {
    let path = |text: &str| FieldPath::parse(text).unwrap();
    let fields: Vec<FieldPath> = fields.iter().map(|text| path(text)).collect();
    let shape = Shape::of(Syntax::Form, &fields, None, &path(subject)).unwrap();
    let body = Bytes::copy_from_slice(body.as_bytes());
    Document::parse(body, Arc::new(shape), &Limits::default()).unwrap()
}

#[test]
fn a_form_is_a_record() {
    let document =
        read("iin=8501%30%301&name=a&x=1&x=2&tags=b&tags=c", &["$.name", "$.tags[*]"], "$.iin");
    let presence = document.records()[0].presence;
    assert_eq!((presence.present.iter().collect(), presence.unmapped), (vec![0, 1], 2));
    assert_eq!(document.subject(0), Some("8501001".into()));
}

#[test]
fn a_path_that_leads_elsewhere_finds_nothing() {
    for fields in [&["$.name.family"][..], &["$.name[0]"], &["$[*].name"], &["$.*~", "$.*"]] {
        let document = read("name=a", fields, "header.iin");
        assert_eq!(document.values().count(), 0, "{fields:?}");
        assert_eq!(document.records()[0].presence.unmapped, 1, "{fields:?}");
    }
}

#[test]
fn a_fault_ends_the_pairs() {
    let found: Vec<bool> = pairs(b"a=1&=2&b=3").map(|pair| pair.is_ok()).collect();
    assert_eq!(found, [true, false]);
    assert_eq!(pairs(b"").count(), 0);
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(text in any::<String>()) {
        let mut encoded = Vec::new();
        encode(&text, &mut encoded);
        prop_assert_eq!(decode(&encoded), text.as_str());
        let other: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        prop_assert_eq!(String::from_utf8(encoded).unwrap(), other);
    }

    #[test]
    fn what_is_accepted_is_what_others_read(body in "([abc=&+%;А]|%[0-9A-F]{2}){0,20}") {
        let found: Result<Vec<Pair>, _> = pairs(body.as_bytes()).collect();
        if let Ok(found) = found {
            let text = |span: Span| decode(span.of(body.as_bytes())).into_owned();
            let found: Vec<(String, String)> =
                found.iter().map(|pair| (text(pair.name), text(pair.value))).collect();
            let other: Vec<(String, String)> =
                form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            prop_assert_eq!(found, other);
        }
    }
}
