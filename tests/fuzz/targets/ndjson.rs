//! Any bytes as lines of JSON: no crash, nothing accepted that `serde_json` refuses line by line,
//! and nothing written that is not kept.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use otkel::document::{Document, FieldPath, FieldSet, Limits, Shape, Syntax};
use otkel::redaction::{Selection, select};
use serde_json::Value;

static SHAPES: LazyLock<[Arc<Shape>; 2]> = LazyLock::new(|| {
    [Syntax::Ndjson, Syntax::Json].map(|syntax| {
        let path = |text| FieldPath::parse(text).unwrap();
        let fields = ["$[*].iin", "$[*].name.family", "$[*].marks[*]"].map(path);
        let shape = Shape::of(syntax, &fields, Some(&path("$[*]")), &path("$[*].iin"));
        Arc::new(shape.unwrap())
    })
});

/// Holds the promises against one body.
pub(crate) fn run(body: &[u8]) {
    let Some(document) = parse(0, body.to_vec()) else { return };
    let lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').collect();
    let lines = lines.strip_suffix(&[&b""[..]]).unwrap_or(&lines);
    for line in lines {
        let value: Value = serde_json::from_slice(line).expect("accepted here, refused there");
        assert!(value.is_object() || value.is_array());
    }
    // The same lines as an array, whose depth and length have the same limits.
    let array = [b"[", lines.join(&b',').as_slice(), b"]"].concat();
    let limits_differ = array.len() > Limits::default().bytes_max;
    let Some(array) = parse(1, array) else { return assert!(limits_differ) };
    assert_eq!(document.records(), array.records());

    for kept in [FieldSet::EMPTY, FieldSet::from_iter([0, 2]), (0..3).collect()] {
        let out = written(&document, &kept);
        let line = |line: &str| -> Value { serde_json::from_str(line).expect("written, but bad") };
        let values: Value = out.lines().map(line).collect();
        let expected: Value = serde_json::from_str(&written(&array, &kept)).unwrap();
        assert_eq!(values, expected, "written differently than an array");
    }
}

fn parse(shape: usize, body: Vec<u8>) -> Option<Document> {
    Document::parse(Bytes::from(body), SHAPES[shape].clone(), &Limits::default()).ok()
}

fn written(document: &Document, kept: &FieldSet) -> String {
    let records = vec![Some(0); document.records().len()];
    let selection = Selection { outside: kept, records: &records, verdicts: &[*kept] };
    String::from_utf8(select(document, &selection)).expect("written, but not UTF-8")
}
