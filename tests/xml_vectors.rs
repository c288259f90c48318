//! Every file of `tests/vectors/xml` is parsed and, where it is accepted, written again.
//!
//! A vector is some `name: value` lines, an empty line, and the body without the last line feed:
//! - `expect`: `accepted`, or the fault in lower case with hyphens;
//! - `why`: what the vector is about;
//! - `kind`: `plain`, `soap-1.1` or `soap-1.2`;
//! - `charset`: what the body was converted from, if it was;
//! - `at` and `in`: the offset and path of the fault;
//! - `output`: what is written of an accepted document when every field is kept;
//! - `values`: the values of the fields as JSON, where they are not as they stand in the output;
//! - `form`: `hex` where the body is written as hexadecimal bytes.
//!
//! The records are the learners, each with its `iin`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a vector that cannot be read fails the test"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use otkel::document::{
    Content, Document, FieldPath, FieldSet, Limits, Scalar, Shape, Syntax, Xml, XmlKind,
};
use otkel::redaction::{Selection, select};

/// The fields of a learner, below the element that holds the learners.
const FIELDS: [&str; 8] = [
    "$.learner[*].iin",
    "$.learner[*]['@id']",
    "$.learner[*].name.family",
    "$.learner[*].tag[*]",
    "$.learner[*].period[1]",
    "$.learner[*]['e:mark']",
    "$.learner[*].remark['#text']",
    "$.learner[*].remark['@e:lang']",
];

#[test]
fn every_vector_does_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/xml");
    let (mut count, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy();
        let (expected, found) = run(&text, &name);
        count += 1;
        if expected != found {
            wrong.push(format!("{name}:\n  {found}\n  not\n  {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 130, "{count} vectors");
}

/// What a vector expects, and what is found.
fn run(text: &str, name: &str) -> (String, String) {
    let (head, body) = text.split_once("\n\n").expect(name);
    let head: BTreeMap<&str, &str> =
        head.lines().map(|line| line.split_once(": ").expect(name)).collect();
    let body = body.strip_suffix('\n').expect(name);
    let body = if head.get("form") == Some(&"hex") { bytes(body) } else { body.into() };
    let charset = head.get("charset").map(|charset| (*charset).to_owned());
    let content = Content { charset, ..Bytes::from(body).into() };

    let expect = *head.get("expect").expect(name);
    assert!(name.starts_with(expect), "{name} is named for what it expects");
    let expected = match expect {
        "accepted" => head["output"].to_owned(),
        fault => format!("{fault} at {} in {}", head["at"], head["in"]),
    };
    let found = match Document::parse(content, shape(head["kind"]), &Limits::default()) {
        Ok(document) => {
            if let Some(expected) = head.get("values") {
                let expected: Vec<String> = serde_json::from_str(expected).expect(name);
                assert_eq!(values(&document), expected, "{name}");
            }
            all_of(&document)
        }
        Err(bad) => {
            format!("{} at {} in {}", hyphened(&format!("{:?}", bad.fault)), bad.offset, bad.path)
        }
    };
    (expected, found)
}

fn shape(kind: &str) -> Arc<Shape> {
    let (kind, soap, root) = match kind {
        "plain" => (XmlKind::Plain, None, "$.order"),
        "soap-1.1" => {
            let soap = "http://schemas.xmlsoap.org/soap/envelope/";
            (XmlKind::Soap11, Some(soap), "$['s:Envelope']['s:Body']['e:enrol']")
        }
        "soap-1.2" => {
            let soap = "http://www.w3.org/2003/05/soap-envelope";
            (XmlKind::Soap12, Some(soap), "$['s:Envelope']['s:Body']['e:enrol']")
        }
        other => panic!("{other} is no kind"),
    };
    let own = ("e".to_owned(), "urn:example:enrol".to_owned());
    let soap = soap.map(|uri| ("s".to_owned(), uri.to_owned()));
    let namespaces = soap.into_iter().chain([own]).collect();
    let root = FieldPath::parse(root).unwrap();
    let path = |text| FieldPath::parse(text).unwrap().below(&root);
    let fields: Vec<FieldPath> = FIELDS.iter().copied().chain(["$.note"]).map(path).collect();
    let syntax = Syntax::Xml(Xml { kind, namespaces });
    let (subjects, subject) = (path("$.learner[*]"), path("$.learner[*].iin"));
    Arc::new(Shape::of(syntax, &fields, Some(&subjects), &subject).unwrap())
}

fn all_of(document: &Document) -> String {
    let all: FieldSet = (0..9).collect();
    let records = vec![Some(0); document.records().len()];
    let selection = Selection { outside: &all, records: &records, verdicts: &[all] };
    String::from_utf8(select(document, &selection)).unwrap().replace('\n', "\\n")
}

fn values(document: &Document) -> Vec<String> {
    let text = |value: otkel::document::Value<'_>| match value.scalar {
        Scalar::Text(text) => text.into_owned(),
        Scalar::Number(other) | Scalar::Word(other) => panic!("{other} is no text"),
    };
    document.values().map(text).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

/// `TagMismatch` as `tag-mismatch`.
fn hyphened(name: &str) -> String {
    let mut text = String::new();
    for (at, c) in name.char_indices() {
        if c.is_ascii_uppercase() && at > 0 {
            text.push('-');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}
