//! Any bytes as a multipart body: no crash, the same parts read from what was written, and nothing
//! written that is not kept.

use std::sync::{Arc, LazyLock};

use otkel::document::{
    Content, Document, FieldId, FieldPath, FieldSet, Limits, Multipart, MultipartKind, Opaque,
    Part, Scalar, Shape, Syntax,
};
use otkel::redaction::{Selection, select};

const FIELDS: [&str; 6] = ["$.note", "$.tag[*]", "$.l[*].iin", "$.png", "$.jpeg", "$.pdf"];

static SHAPE: LazyLock<Arc<Shape>> = LazyLock::new(|| {
    let path = |text| FieldPath::parse(text).unwrap();
    let part = |name: &str, syntax| Part { name: name.to_owned(), syntax };
    let parts = vec![
        part("l", Syntax::Json),
        part("png", Syntax::Opaque(Opaque::Png)),
        part("jpeg", Syntax::Opaque(Opaque::Jpeg)),
        part("pdf", Syntax::Opaque(Opaque::Pdf)),
    ];
    let syntax = Syntax::Multipart(Multipart { kind: MultipartKind::FormData, parts });
    let (subjects, subject) = (path("$.l[*]"), path("$.l[*].iin"));
    Arc::new(Shape::of(syntax, &FIELDS.map(path), Some(&subjects), &subject).unwrap())
});

/// Holds the promises against one body, whose boundary is `b`.
pub(crate) fn run(body: &[u8]) {
    let Some(document) = read("b", body) else { return };
    for record in 0..document.records().len() {
        let _ = document.subject(record);
    }
    let kept = written(&document, &(0..6).collect());
    if !kept.starts_with(b"--") || kept.len() < 60 {
        assert_eq!(document.values().count(), 0, "something was lost");
        return;
    }
    let again = reread(&kept).expect("written, but refused");
    assert!(values(&again) == values(&document), "kept, but not the same");
    assert!(written(&again, &(0..6).collect()) == kept, "written differently");
    let dropped = written(&document, &FieldSet::EMPTY);
    let left = reread(&dropped).map_or(0, |left| left.values().count());
    assert_eq!(left, 0, "something was left");
}

fn read(boundary: &str, body: &[u8]) -> Option<Document> {
    let content = Content {
        boundary: Some(boundary.to_owned()),
        body: body.to_vec().into(),
        ..Content::default()
    };
    Document::parse(content, SHAPE.clone(), &Limits::default()).ok()
}

/// Reads what was written: its boundary is `otkel-` and 32 digits.
fn reread(body: &[u8]) -> Option<Document> {
    read(std::str::from_utf8(body.get(2..40)?).ok()?, body)
}

fn written(document: &Document, kept: &FieldSet) -> Vec<u8> {
    let records = vec![Some(0); document.records().len()];
    select(document, &Selection { outside: kept, records: &records, verdicts: &[*kept] })
}

fn values(document: &Document) -> Vec<(FieldId, String)> {
    let text = |scalar| match scalar {
        Scalar::Text(text) => text.into_owned(),
        Scalar::Number(text) | Scalar::Word(text) => text.to_owned(),
    };
    document.values().map(|value| (value.field, text(value.scalar))).collect()
}
