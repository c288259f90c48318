//! Any bytes as a form: no crash, nothing accepted that another reader reads differently, and
//! nothing written that is not kept.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use otkel::document::{Document, FieldPath, FieldSet, Limits, Shape, Syntax};
use otkel::redaction::{Selection, select};

static SHAPE: LazyLock<Arc<Shape>> = LazyLock::new(|| {
    let path = |text| FieldPath::parse(text).unwrap();
    let fields = ["$.iin", "$.name", "$.tags[*]"].map(path);
    Arc::new(Shape::of(Syntax::Form, &fields, None, &path("$.iin")).unwrap())
});

/// Holds the promises against one body.
pub(crate) fn run(body: &[u8]) {
    let Some(document) = parse(body) else { return };
    let _ = document.subject(0);
    let all = read(body);
    for (kept, names) in [
        (FieldSet::EMPTY, &[][..]),
        (FieldSet::from_iter([1]), &["name"]),
        ((0..3).collect(), &["iin", "name", "tags"]),
    ] {
        let out = written(&document, &kept);
        let expected: Vec<(String, String)> =
            all.iter().filter(|(name, _)| names.contains(&name.as_str())).cloned().collect();
        assert_eq!(read(&out), expected, "something was added or left out");
        let again = parse(&out).expect("written, but refused");
        assert_eq!(written(&again, &kept), out, "written differently the second time");
    }
}

fn parse(body: &[u8]) -> Option<Document> {
    let body = Bytes::copy_from_slice(body);
    Document::parse(body, SHAPE.clone(), &Limits::default()).ok()
}

fn read(body: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(body).into_owned().collect()
}

fn written(document: &Document, kept: &FieldSet) -> Vec<u8> {
    let selection =
        Selection { outside: &FieldSet::EMPTY, records: &[Some(0)], verdicts: &[*kept] };
    select(document, &selection)
}
