//! Every file of `tests/vectors/csv`, `ndjson` and `form` is parsed and, where it is accepted,
//! written again.
//!
//! A vector is some `name: value` lines, an empty line, and the body without the last line feed:
//! - `expect`: `accepted`, or the fault in lower case with hyphens;
//! - `why`: what the vector is about;
//! - `at` and `in`: the offset and path of the fault;
//! - `output`: what is written of an accepted body when every field is kept, with escapes;
//! - `form`: `escaped` where the body is written with `\r`, `\n`, `\t`, `\\` and `\x00`;
//! - `delimiter` and `formula`: those of a table, if not `,` and `refuse`.
//!
//! The fields are those of `shape`: each record of a table or of lines has its `iin`, and a form is
//! one record.

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
use otkel::document::{Csv, Document, FieldPath, FieldSet, Formula, Limits, Shape, Syntax};
use otkel::redaction::{Selection, select};

#[test]
fn every_table_does_what_it_says() {
    run_all("csv", 40);
}

#[test]
fn all_lines_do_what_they_say() {
    run_all("ndjson", 20);
}

#[test]
fn every_form_does_what_it_says() {
    run_all("form", 25);
}

fn run_all(syntax: &str, least: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(syntax);
    let (mut count, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy();
        let (expected, found) = run(syntax, &text, &name);
        count += 1;
        if expected != found {
            wrong.push(format!("{name}: {found}, not {expected}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(count >= least, "{count} vectors");
}

/// What a vector expects, and what is found.
fn run(syntax: &str, text: &str, name: &str) -> (String, String) {
    let (head, body) = text.split_once("\n\n").expect(name);
    let head: BTreeMap<&str, &str> =
        head.lines().map(|line| line.split_once(": ").expect(name)).collect();
    let body = body.strip_suffix('\n').expect(name);
    let body = if head.get("form") == Some(&"escaped") { unescape(body) } else { body.into() };

    let expect = *head.get("expect").expect(name);
    assert!(name.starts_with(expect), "{name} is named for what it expects");
    let expected = match expect {
        "accepted" => String::from_utf8(unescape(head["output"])).unwrap(),
        fault => format!("{fault} at {} in {}", head["at"], head["in"]),
    };
    let shape = shape(syntax, &head);
    let found = match Document::parse(Bytes::from(body), shape, &Limits::default()) {
        Ok(document) => all_of(&document),
        Err(bad) => {
            format!("{} at {} in {}", hyphened(&format!("{:?}", bad.fault)), bad.offset, bad.path)
        }
    };
    (expected, found)
}

fn shape(syntax: &str, head: &BTreeMap<&str, &str>) -> Arc<Shape> {
    let path = |text: &&str| FieldPath::parse(text).unwrap();
    let formulas = BTreeMap::from([
        ("refuse", Formula::Refuse),
        ("keep", Formula::Keep),
        ("neutralise", Formula::Neutralise),
    ]);
    let formula = formulas[head.get("formula").unwrap_or(&"refuse")];
    let delimiter = head.get("delimiter").map_or(b',', |text| unescape(text)[0]);
    let table = (&["$[*].iin", "$[*]['Тегі']", "$[*].note"][..], Some("$[*]"), "$[*].iin");
    let lines = (&["$[*].iin", "$[*].mark", "$[*].tags[*]"][..], Some("$[*]"), "$[*].iin");
    let form = (&["$.iin", "$.name", "$.tags[*]"][..], None, "$.iin");
    let (syntax, (fields, subjects, subject)) = match syntax {
        "csv" => (Syntax::Csv(Csv { delimiter, formula }), table),
        "ndjson" => (Syntax::Ndjson, lines),
        _ => (Syntax::Form, form),
    };
    let fields: Vec<FieldPath> = fields.iter().map(path).collect();
    let subjects = subjects.as_ref().map(path);
    Arc::new(Shape::of(syntax, &fields, subjects.as_ref(), &path(&subject)).unwrap())
}

fn all_of(document: &Document) -> String {
    let all: FieldSet = (0..3).collect();
    let records = vec![Some(0); document.records().len()];
    let selection = Selection { outside: &all, records: &records, verdicts: &[all] };
    String::from_utf8(select(document, &selection)).unwrap()
}

fn unescape(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        let (byte, length) = match (first, after) {
            (b'\\', [b'r', ..]) => (b'\r', 1),
            (b'\\', [b'n', ..]) => (b'\n', 1),
            (b'\\', [b't', ..]) => (b'\t', 1),
            (b'\\', [b'\\', ..]) => (b'\\', 1),
            (b'\\', [b'x', high, low, ..]) => {
                let digits = [*high, *low].map(char::from).iter().collect::<String>();
                (u8::from_str_radix(&digits, 16).unwrap(), 3)
            }
            _ => (*first, 0),
        };
        bytes.push(byte);
        rest = &after[length..];
    }
    bytes
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
