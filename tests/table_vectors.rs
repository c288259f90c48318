//! Every file of `tests/vectors/csv`, `ndjson` and `form` is parsed and, where it is accepted,
//! written again.
//!
//! How a vector is written: `support/vectors.rs`. Outputs are written with the escapes of bodies.
//! Besides it has:
//! - `why`: what the vector is about;
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

#[path = "support/vectors.rs"]
mod vectors;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use otkel::document::{Csv, Document, FieldPath, Formula, Limits, Shape, Syntax};
use vectors::{all_of, unescape};

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
    let output = |text: &str| String::from_utf8(unescape(text)).unwrap();
    vectors::hold(syntax, least, output, |vector| {
        let body = Bytes::from(vector.body());
        let document = Document::parse(body, shape(syntax, &vector.head), &Limits::default())?;
        Ok(String::from_utf8(all_of(&document, 3)).unwrap())
    });
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
