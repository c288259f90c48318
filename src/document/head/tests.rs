//! Promises of the head of a request.

use std::sync::Arc;

use super::super::Document;
use super::*;
use crate::document::Scalar;

const FIELDS: [&str; 5] =
    ["path.iin", "query.email", "query.tag[*]", "header.x-learner", "header.x-mark[*]"];

fn content(path: &str, query: &str, headers: &[(&str, &str)]) -> Content {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Content {
        path: vec![("iin".to_owned(), path.to_owned())],
        query: Some(query.to_owned()),
        headers: headers.iter().map(owned).collect(),
        ..Content::default()
    }
}

fn read(content: Content) -> Result<Document, BadDocument> {
    let fields = FIELDS.map(|text| FieldPath::parse(text).unwrap());
    let subject = FieldPath::parse("path.iin").unwrap();
    let shape = Shape::of(crate::document::Syntax::Empty, &fields, None, &subject).unwrap();
    Document::parse(content, Arc::new(shape), &Limits::default())
}

fn values(document: &Document) -> Vec<(FieldId, String)> {
    let text = |scalar| match scalar {
        Scalar::Text(text) => text.into_owned(),
        Scalar::Number(_) | Scalar::Word(_) => panic!("a head has texts only"),
    };
    document.values().map(|value| (value.field, text(value.scalar))).collect()
}

#[test]
fn values_are_found_in_path_query_and_header() {
    let query = "tag=a%2Cb&email=%D0%B0+b%40c&tag=&secret=1&x=%26";
    let headers = [("x-learner", "Аян"), ("x-mark", "5"), ("x-mark", "4"), ("x-other", "x")];
    let document = read(content("850101300123", query, &headers)).unwrap();
    let found = values(&document);
    let expected =
        [(2, "a,b"), (1, "а b@c"), (2, ""), (0, "850101300123"), (3, "Аян"), (4, "5"), (4, "4")];
    assert_eq!(found, expected.map(|(field, text)| (field, text.to_owned())));
    assert_eq!(document.subject(0).as_deref(), Some("850101300123"));
    assert_eq!((document.records().len(), document.records()[0].presence.unmapped), (1, 2));
}

#[test]
fn a_query_is_read_as_a_form_and_named_as_a_query() {
    for (query, said) in [
        ("tag=1&email=1&email=2", "repeated name at byte 14, in `query.email`"),
        ("tag=&email=%C3", "bytes that are not UTF-8 at byte 11, in `query.email`"),
        ("secret=%", "`%` without two hexadecimal digits at byte 7, in `query.?`"),
    ] {
        let bad = read(content("1", query, &[])).unwrap_err();
        assert_eq!(bad.to_string(), said, "{query}");
    }
}

#[test]
fn a_header_has_one_value_unless_a_rule_says_more() {
    let bad = read(content("1", "", &[("x-learner", "a"), ("x-learner", "a")])).unwrap_err();
    assert_eq!(bad.to_string(), "repeated name at byte 0, in `header.x-learner`");
}

#[test]
fn a_request_without_a_body_has_none() {
    let full = Content { body: Bytes::from_static(b" "), ..content("1", "", &[]) };
    assert_eq!(read(full).unwrap_err().fault, Fault::Trailing);
}
