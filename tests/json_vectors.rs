//! Every file of `tests/vectors/json` is parsed and, where it is accepted, written again.
//!
//! A vector is some `name: value` lines, an empty line, and the body without the last line feed:
//! - `expect`: `accepted`, or the fault in lower case with hyphens;
//! - `why`: what the vector is about;
//! - `at` and `in`: the offset and path of the fault;
//! - `output`: what is written of an accepted document when every field is kept;
//! - `form`: `hex` where the body is written as hexadecimal bytes.
//!
//! The fields are those of `FIELDS`, the records `$.learners[*]`, each with its `iin`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a vector that cannot be read fails the test"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use otkel::document::{Document, FieldPath, FieldSet, Limits, Shape};
use otkel::redaction::{Selection, select};

const FIELDS: [&str; 4] =
    ["$.note", "$.learners[*].iin", "$.learners[*].mark", "$.learners[*].tags[*]"];

#[test]
fn every_vector_does_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/json");
    let (mut count, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy();
        let (expected, found) = run(&text, &name);
        count += 1;
        if expected != found {
            wrong.push(format!("{name}: {found}, not {expected}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(count >= 100, "{count} vectors");
}

/// What a vector expects, and what is found.
fn run(text: &str, name: &str) -> (String, String) {
    let (head, body) = text.split_once("\n\n").expect(name);
    let head: BTreeMap<&str, &str> =
        head.lines().map(|line| line.split_once(": ").expect(name)).collect();
    let body = body.strip_suffix('\n').expect(name);
    let body = if head.get("form") == Some(&"hex") { bytes(body) } else { body.into() };

    let expect = *head.get("expect").expect(name);
    assert!(name.starts_with(expect), "{name} is named for what it expects");
    let expected = match expect {
        "accepted" => head["output"].to_owned(),
        fault => format!("{fault} at {} in {}", head["at"], head["in"]),
    };
    let found = match Document::parse(Bytes::from(body), shape(), &Limits::default()) {
        Ok(document) => all_of(&document),
        Err(bad) => {
            format!("{} at {} in {}", hyphened(&format!("{:?}", bad.fault)), bad.offset, bad.path)
        }
    };
    (expected, found)
}

fn shape() -> Arc<Shape> {
    let path = |text| FieldPath::parse(text).unwrap();
    let (subjects, subject) = (path("$.learners[*]"), path("$.learners[*].iin"));
    Arc::new(Shape::compile(&FIELDS.map(path), Some(&subjects), &subject).unwrap())
}

fn all_of(document: &Document) -> String {
    let all: FieldSet = (0..4).collect();
    let records = vec![Some(0); document.records().len()];
    let selection = Selection { outside: &all, records: &records, verdicts: &[all] };
    String::from_utf8(select(document, &selection)).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

/// `DuplicateName` as `duplicate-name`.
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
