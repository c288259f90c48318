//! Any bytes as a table: no crash, nothing accepted that another reader reads differently, and
//! nothing written that is not kept.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use otkel::document::{Csv, Document, FieldPath, FieldSet, Formula, Limits, Scalar, Shape, Syntax};
use otkel::redaction::{Selection, select};

const FIELDS: [&str; 3] = ["iin", "name", "note"];

static SHAPE: LazyLock<Arc<Shape>> = LazyLock::new(|| {
    let path = |text: &str| FieldPath::parse(text).unwrap();
    let fields = FIELDS.map(|name| path(&format!("$[*].{name}")));
    let syntax = Syntax::Csv(Csv { delimiter: b',', formula: Formula::Keep });
    Arc::new(Shape::of(syntax, &fields, Some(&path("$[*]")), &path("$[*].iin")).unwrap())
});

/// Holds the promises against one body.
pub(crate) fn run(body: &[u8]) {
    let Some(document) = parse(body) else { return };
    let (names, rows) = read(body).expect("accepted here, refused there");
    let mapped: Vec<usize> =
        (0..names.len()).filter(|n| FIELDS.contains(&names[*n].as_str())).collect();
    let cell = |row: &Vec<String>| mapped.iter().map(|n| row[*n].clone()).collect::<Vec<_>>();
    let cells: Vec<Vec<String>> = rows.iter().map(cell).collect();
    assert_eq!(texts(&document), cells.concat(), "read differently");
    assert_eq!(document.records().len(), rows.len());
    for record in 0..rows.len() {
        let _ = document.subject(record);
    }

    assert_eq!(written(&document, &FieldSet::EMPTY), b"", "something was left");
    let out = written(&document, &(0..3).collect());
    if mapped.is_empty() || rows.is_empty() {
        assert_eq!(out, b"", "something was added");
        return;
    }
    let kept: Vec<String> = mapped.iter().map(|n| names[*n].clone()).collect();
    assert_eq!(read(&out).expect("written, and bad"), (kept, cells), "something was added");
    let again = parse(&out).expect("written, but refused");
    assert_eq!(written(&again, &(0..3).collect()), out, "written differently the second time");
}

fn parse(body: &[u8]) -> Option<Document> {
    let body = Bytes::copy_from_slice(body);
    Document::parse(body, SHAPE.clone(), &Limits::default()).ok()
}

fn texts(document: &Document) -> Vec<String> {
    let text = |scalar| match scalar {
        Scalar::Text(text) => text.into_owned(),
        Scalar::Number(_) | Scalar::Word(_) => panic!("a cell is a text"),
    };
    document.values().map(|value| text(value.scalar)).collect()
}

fn written(document: &Document, kept: &FieldSet) -> Vec<u8> {
    let records = vec![Some(0); document.records().len()];
    select(document, &Selection { outside: kept, records: &records, verdicts: &[*kept] })
}

/// The names and rows that another reader finds.
fn read(body: &[u8]) -> Option<(Vec<String>, Vec<Vec<String>>)> {
    let mut reader = csv::Reader::from_reader(body);
    let of = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
    let names = of(reader.headers().ok()?);
    let rows: Result<Vec<_>, csv::Error> = reader.records().map(|row| Ok(of(&row?))).collect();
    Some((names, rows.ok()?))
}
