//! `[route.stream]` and `[route.answer]`: how a body goes in parts, and what comes back.

use std::sync::Arc;

use super::format;
use super::table::{Item, Table};
use super::web;
use super::word;
use crate::document::{FieldPath, Root, Segment, Shape, Syntax};
use crate::policy::{AnswerField, AnswerRules, Inner, Stream};

/// Reads how a body is cut into parts.
pub(super) fn stream(
    table: &mut Table<'_>,
    syntax: Option<&Syntax>,
    subjects: Option<&FieldPath>,
    inner: Option<&Inner>,
) -> Option<Option<Stream>> {
    let meaning = "`[route.stream]` has `records` and `bytes`, how much goes in one part at most";
    table.optional("stream", meaning, |item| {
        let stream = item.table(parts);
        let is_cut = |syntax| matches!(syntax, &(Syntax::Json | Syntax::Ndjson | Syntax::Csv(_)));
        if syntax.is_some_and(|syntax| !is_cut(syntax)) {
            return item.wrong_since(
                "such a body cannot go in parts",
                "remove it, or write `format = \"ndjson\"`, `csv` or `json`",
            );
        }
        if subjects.is_none_or(|path| path.segments() != [Segment::Every]) {
            return item.wrong_since(
                "the records of a stream are the elements of the body",
                "write `subjects = \"$[*]\"`",
            );
        }
        if inner.is_some() {
            return item.wrong_since(
                "a stream is one request of many parts, so none of them holds a request",
                "remove `inner`, or the stream",
            );
        }
        stream
    })
}

fn parts(table: &mut Table<'_>) -> Option<Stream> {
    let meaning = "`records` is how many records go in one part at most, 1 to 100000";
    let records = table.or(RECORDS, "records", meaning, |item| word::count(item, RECORDS_MAX));
    let meaning = "`bytes` is how long one part is at most, 1024 to 16777216; a record that is \
        longer goes alone";
    let bytes = table.or(BYTES, "bytes", meaning, |item| {
        let bytes = word::count(item, BYTES_MAX)?;
        if bytes < BYTES_MIN { item.wrong("out of range") } else { Some(bytes) }
    });
    Some(Stream { records_max: records?, bytes_max: bytes? })
}

/// Reads what the caller gets of the partner's answer.
pub(super) fn answer(table: &mut Table<'_>) -> Option<Option<AnswerRules>> {
    let meaning = "`[route.answer]` has `format`, `fields` and `headers`: what the caller gets of \
        the partner's answer";
    table.optional("answer", meaning, |item| {
        item.table(|table| {
            let syntax = format::read_answer(table);
            let map = table.required("fields", FIELDS, |item| fields(item, syntax.clone()));
            let meaning = "`headers` lists the partner's headers that are passed on, in lower case";
            let headers =
                table.or(Vec::new(), "headers", meaning, |item| word::distinct(item, web::header));
            let (shape, fields) = map?;
            Some(AnswerRules { shape, fields, headers: headers?, line: table.line() })
        })
    })
}

fn fields(item: &Item<'_>, syntax: Option<Syntax>) -> Option<(Arc<Shape>, Vec<AnswerField>)> {
    let fields = item.entries(|key, item| {
        let kept = item.one_of(&[("keep", ())]);
        let path = match FieldPath::parse(key.text) {
            Ok(path) => path,
            Err(bad) => return key.wrong(&bad, "write a path such as `$.status`"),
        };
        if path.root() != Root::Body {
            return key.wrong("no value of the answer's body", "write a path such as `$.status`");
        }
        if let Some(Err((message, help))) =
            syntax.as_ref().map(|syntax| format::leads_into(syntax, &path))
        {
            return key.wrong(message, help);
        }
        let (text, line) = (path.to_string(), key.line());
        kept.map(|()| (key.span.clone(), AnswerField { path, text, line }))
    })?;
    if fields.is_empty() {
        return item.wrong("no field: nothing could come back");
    }
    let (spans, fields): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
    let paths: Vec<FieldPath> = fields.iter().map(|field| field.path.clone()).collect();
    match Shape::of_nobody(syntax?, &paths) {
        Ok(shape) => Some((Arc::new(shape), fields)),
        Err(bad) => {
            let span = bad.field().and_then(|field| spans.get(usize::from(field)).cloned());
            item.wrong_at(span.unwrap_or_else(|| item.span()), bad, FIELDS)
        }
    }
}

const FIELDS: &str = "`fields` lists what the caller gets, `{ \"$.status\" = \"keep\" }`; nothing \
    else of the body is passed on";

const RECORDS: u32 = 500;
const RECORDS_MAX: u32 = 100_000;
const BYTES: u32 = 1 << 20;
const BYTES_MIN: u32 = 1024;
const BYTES_MAX: u32 = 16 << 20;
