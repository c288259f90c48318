//! Every file of `tests/vectors/multipart` is parsed and, where it is accepted, written again.
//!
//! How a vector is written: `support/vectors.rs`. A line feed of a body stands for CRLF, unless its
//! `form` says otherwise, and the boundary is `bound`. Besides it has:
//! - `why`: what the vector is about;
//! - `output`: each part's name, file name, type and content, and how many parts were left out.
//!
//! The parts are those of `FIELDS`: texts but for `learners`, which is JSON, and `act`, a PDF.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a vector that cannot be read fails the test"
)]

#[path = "support/vectors.rs"]
mod vectors;

use std::sync::Arc;

use otkel::document::{
    Content, Document, FieldPath, FieldSet, Limits, Multipart, MultipartKind, Opaque, Part, Shape,
    Syntax,
};
use otkel::redaction::{Selection, select};
use proptest::prelude::*;
use vectors::all_of;

const FIELDS: [&str; 5] =
    ["$.note", "$.learners[*].iin", "$.learners[*].mark", "$.tags[*]", "$.act"];

#[test]
fn every_vector_does_what_it_says() {
    vectors::hold("multipart", 60, str::to_owned, |vector| {
        let body = match vector.head.get("form") {
            Some(_) => vector.body(),
            None => vector.text.replace('\n', "\r\n").into(),
        };
        let content = |boundary: &str, body| Content {
            boundary: Some(boundary.to_owned()),
            body,
            ..Content::default()
        };
        let document = read(content("bound", body.into()))?;
        let out = all_of(&document, 5);
        let boundary = boundary(&out);
        let again = read(content(&boundary, out.clone().into())).expect(vector.name);
        assert_eq!(all_of(&again, 5), out, "{} is written differently again", vector.name);
        Ok(format!("{}, {} left out", shown(&out, &boundary), document.outside().unmapped))
    });
}

#[test]
fn parts_in_a_row_have_their_places_for_names() {
    let path = |text: &str| FieldPath::parse(text).unwrap();
    let part = |name: &str, syntax| Part { name: name.to_owned(), syntax };
    let kind = MultipartKind::Mixed;
    let numbered = Multipart { kind, parts: vec![part("1", Syntax::Json)] };
    let every = Multipart { kind, parts: vec![part("0", Syntax::Json)] };
    let body = |first: &str| {
        let json = "--bound\r\nContent-Type: application/json\r\nContent-ID: <a@b>\r\n\r\n\
            {\"iin\":\"1\",\"x\":2}\r\n";
        Content {
            boundary: Some("bound".to_owned()),
            body: format!("{first}{json}{json}--bound--").into(),
            ..Content::default()
        }
    };
    let write = |syntax, fields: &[&str], content: Content, kept: &[u8]| {
        let fields: Vec<FieldPath> = fields.iter().map(|text| path(text)).collect();
        let subject = fields.iter().find(|field| field.to_string() != "$[0]").unwrap();
        let subjects = (subject.to_string() == "$[*].iin").then(|| path("$[*]"));
        let shape = Shape::of(Syntax::Multipart(syntax), &fields, subjects.as_ref(), subject);
        let shape = Arc::new(shape.unwrap());
        let document = Document::parse(content, shape, &Limits::default()).unwrap();
        let kept: FieldSet = kept.iter().copied().collect();
        let records = vec![Some(0); document.records().len()];
        let selection = Selection { outside: &kept, records: &records, verdicts: &[kept] };
        let out = select(&document, &selection);
        format!("{} of {}", shown(&out, &boundary(&out)), records.len())
    };
    let text = "--bound\r\n\r\nЖ\r\n";
    let fields = ["$[0]", "$[1].iin"];
    assert_eq!(
        write(numbered.clone(), &fields, body(text), &[0, 1]),
        r#"text/plain; charset=utf-8 "Ж" | application/json "{\"iin\":\"1\"}" of 1"#
    );
    // The place of the second part is its name, so something stands in the first.
    assert_eq!(
        write(numbered.clone(), &fields, body(text), &[1]),
        r#"text/plain; charset=utf-8 "" | application/json "{\"iin\":\"1\"}" of 1"#
    );
    assert_eq!(write(numbered, &fields, body(text), &[0]), r#"text/plain; charset=utf-8 "Ж" of 1"#);
    assert_eq!(
        write(every, &["$[*].iin"], body(""), &[0]),
        r#"application/json "{\"iin\":\"1\"}" | application/json "{\"iin\":\"1\"}" of 2"#
    );
}

/// A part as a client may write it, with a value in it that no other part has.
fn part() -> impl Strategy<Value = (&'static str, String)> {
    let kinds = prop::sample::select(vec!["note", "learners", "tags", "act", "other"]);
    (kinds, "[a-z \\r\\n-]{0,20}", any::<bool>(), any::<bool>()).prop_map(written_part)
}

fn written_part((kind, text, is_file, is_quoted): (&'static str, String, bool, bool)) -> Made {
    let text = format!("{text}@{kind}@");
    let (media, content) = match kind {
        "learners" => {
            let text = text.replace(['\r', '\n'], "");
            ("application/json", format!(r#"[{{"iin":"{text}","@secret@":"@secret@"}},{{}}]"#))
        }
        "act" => ("application/pdf", format!("%PDF-1.4\nxref {text}\nstartxref\n9\n%%EOF")),
        _ => ("text/plain", text),
    };
    let file = if is_file { "; filename=\"@file@.txt\"" } else { "" };
    let name = if is_quoted { format!("\"{kind}\"") } else { kind.to_owned() };
    let head =
        format!("content-disposition: form-data; name={name}{file}\r\ncontent-type: {media}");
    (kind, format!("--bound\r\n{head}\r\n\r\n{content}\r\n"))
}

type Made = (&'static str, String);

proptest! {
    #[test]
    fn what_is_kept_stays_the_same_and_what_is_not_goes(
        parts in prop::collection::vec(part(), 1..6),
        chosen in any::<u8>(),
    ) {
        let mut met = std::collections::BTreeSet::new();
        let parts: Vec<Made> =
            parts.into_iter().filter(|(kind, _)| *kind == "tags" || met.insert(*kind)).collect();
        let body = parts.iter().map(|(_, part)| part.as_str()).collect::<String>() + "--bound--";
        prop_assume!(body.matches("--bound").count() == parts.len() + 1);
        let content = |boundary: &str, body: Vec<u8>| Content {
            boundary: Some(boundary.to_owned()),
            body: body.into(),
            ..Content::default()
        };
        let document = read(content("bound", body.into_bytes())).unwrap();
        let values = |document: &Document| {
            let values = document.values().map(|value| (value.field, value.scalar));
            values.map(|(field, scalar)| format!("{field} {scalar:?}")).collect::<Vec<_>>()
        };
        let all = all_of(&document, 5);
        if document.values().next().is_some() {
            let again = read(content(&boundary(&all), all.clone())).unwrap();
            prop_assert_eq!(values(&again), values(&document));
            prop_assert_eq!(&all_of(&again, 5), &all);
        }
        let kept: FieldSet = (0..5).filter(|field| chosen >> field & 1 == 1).collect();
        let records = vec![Some(0); document.records().len()];
        let selection = Selection { outside: &kept, records: &records, verdicts: &[kept] };
        let some = String::from_utf8(select(&document, &selection)).unwrap();
        for (field, kind) in [(0, "note"), (1, "learners"), (3, "tags"), (4, "act")] {
            let is_there = parts.iter().any(|(known, _)| *known == kind);
            let is_written = some.contains(&format!("@{kind}@"));
            prop_assert_eq!(is_written, is_there && kept.contains(field), "{} in {}", kind, some);
        }
        for never in ["@file@", "@secret@", "@other@", "bound"] {
            prop_assert!(!some.contains(never), "{} in {}", never, some);
        }
    }
}

fn read(content: Content) -> Result<Document, otkel::document::BadDocument> {
    let path = |text| FieldPath::parse(text).unwrap();
    let part = |name: &str, syntax| Part { name: name.to_owned(), syntax };
    let syntax = Syntax::Multipart(Multipart {
        kind: MultipartKind::FormData,
        parts: vec![part("learners", Syntax::Json), part("act", Syntax::Opaque(Opaque::Pdf))],
    });
    let (subjects, subject) = (path("$.learners[*]"), path("$.learners[*].iin"));
    let shape = Shape::of(syntax, &FIELDS.map(path), Some(&subjects), &subject).unwrap();
    Document::parse(content, Arc::new(shape), &Limits::default())
}

/// What stands between the parts of what was written.
fn boundary(out: &[u8]) -> String {
    let line = out.split(|byte| *byte == b'\r').next().unwrap();
    String::from_utf8(line[2..].strip_suffix(b"--").unwrap_or(&line[2..]).to_vec()).unwrap()
}

/// What was written in one line.
fn shown(out: &[u8], boundary: &str) -> String {
    let text = String::from_utf8_lossy(out).into_owned();
    let text = text.strip_suffix(&format!("--{boundary}--\r\n")).unwrap();
    let delimiter = format!("--{boundary}\r\n");
    let parts = text.split(&delimiter).skip(1);
    let shown = parts.map(|part| {
        let (head, content) = part.split_once("\r\n\r\n").unwrap();
        let head = head.replace("Content-Disposition: form-data; ", "").replace("\r\n", "; ");
        let content = content.strip_suffix("\r\n").unwrap();
        let content = if content.starts_with('%') { "%PDF…" } else { content };
        format!("{} {content:?}", head.replace("Content-Type: ", ""))
    });
    shown.collect::<Vec<_>>().join(" | ")
}
