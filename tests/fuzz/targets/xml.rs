//! Any bytes as an XML document: no crash, nothing accepted that `roxmltree` refuses, and nothing
//! written that is not kept.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use otkel::document::{Document, FieldPath, FieldSet, Limits, Scalar, Shape, Syntax, Xml, XmlKind};
use otkel::redaction::{Selection, select};

const FIELDS: [&str; 7] = [
    "$.r.note",
    "$.r.l[*].iin",
    "$.r.l[*]['@id']",
    "$.r.l[*].name['#text']",
    "$.r.l[*]['e:mark'][*]",
    "$.r.l[*].name['@e:lang']",
    "$.r.l[*].row[1]",
];

static SHAPE: LazyLock<Arc<Shape>> = LazyLock::new(|| {
    let path = |text| FieldPath::parse(text).unwrap();
    let namespaces = vec![("e".to_owned(), "urn:e".to_owned())];
    let syntax = Syntax::Xml(Xml { kind: XmlKind::Plain, namespaces });
    let (records, subject) = (path("$.r.l[*]"), path("$.r.l[*].iin"));
    Arc::new(Shape::of(syntax, &FIELDS.map(path), Some(&records), &subject).unwrap())
});

/// Holds the promises against one body.
pub(crate) fn run(body: &[u8]) {
    let limits = Limits::default();
    let Ok(document) = Document::parse(Bytes::copy_from_slice(body), SHAPE.clone(), &limits) else {
        return;
    };
    let body = str::from_utf8(body).expect("accepted here, not UTF-8");
    // The other parser forgets a carriage return after a reference; so says XML 1.0 §2.11.
    let body = body.replace("\r\n", "\n").replace('\r', "\n");
    let whole = roxmltree::Document::parse(&body).expect("accepted here, refused there");
    for record in 0..document.records().len() {
        let _ = document.subject(record);
    }

    let none = values(&written(&document, &FieldSet::EMPTY));
    assert!(none.is_empty(), "something was left");
    let kept = written(&document, &(0..7).collect());
    let (mut all, known) = (values(&kept), found(&document));
    let theirs = all_of(&whole);
    assert!(known.iter().all(|value| theirs.contains(value)), "read differently");
    all.sort_unstable();
    assert_eq!(all, known, "something else was written than was found");
    let again = Document::parse(Bytes::from(kept.clone()), SHAPE.clone(), &limits);
    let again = again.expect("written, but refused");
    assert_eq!(written(&again, &(0..7).collect()), kept, "written differently again");
}

fn written(document: &Document, kept: &FieldSet) -> String {
    let records = vec![Some(0); document.records().len()];
    let selection = Selection { outside: kept, records: &records, verdicts: &[*kept] };
    String::from_utf8(select(document, &selection)).expect("written, but not UTF-8")
}

/// The values of the fields, sorted, but for empty ones.
fn found(document: &Document) -> Vec<String> {
    let text = |scalar: Scalar<'_>| match scalar {
        Scalar::Text(text) => text.into_owned(),
        Scalar::Number(_) | Scalar::Word(_) => unreachable!("XML has only texts"),
    };
    let mut values: Vec<String> = document.values().map(|value| text(value.scalar)).collect();
    values.retain(|value| !value.is_empty());
    values.sort_unstable();
    values
}

fn values(text: &str) -> Vec<String> {
    let text = &text.replace("\r\n", "\n").replace('\r', "\n");
    all_of(&roxmltree::Document::parse(text).expect("written, but not XML"))
}

/// All attributes and texts, but for empty ones; comments do not divide a text.
fn all_of(document: &roxmltree::Document<'_>) -> Vec<String> {
    let mut values = Vec::new();
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        values.extend(node.attributes().map(|attribute| attribute.value().to_owned()));
        let mut text = String::new();
        for child in node.children() {
            if child.is_element() {
                values.push(std::mem::take(&mut text));
            } else if child.is_text() {
                text.push_str(child.text().unwrap_or_default());
            }
        }
        values.push(text);
    }
    values.retain(|value| !value.is_empty());
    values
}
