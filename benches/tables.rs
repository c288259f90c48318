//! How fast tables and lines of JSON are parsed and what is kept of them written, and how fast
//! streams are cut into parts: 1 MiB each.
//!
//! `cargo bench --bench tables`

#![allow(clippy::unwrap_used, reason = "a bench that cannot start has nothing to measure")]

use std::sync::Arc;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::BytesCount;
use otkel::document::{
    Charset, Csv, Cutter, Document, FieldPath, FieldSet, Formula, Limits, Records, Shape, Syntax,
};
use otkel::redaction::{Selection, select};

/// The mapped columns of a learner; the last three are not kept.
const COLUMNS: [&str; 10] = [
    "iin",
    "family",
    "given",
    "birth_date",
    "email",
    "phone",
    "title",
    "city",
    "street",
    "comment",
];
const KEPT: u8 = 7;
const BYTES: usize = 1 << 20;
const RECORDS: [Records; 3] = [Records::Csv, Records::Ndjson, Records::Json];

fn main() {
    divan::main();
}

#[divan::bench(args = RECORDS)]
fn parse_and_write_kept(bencher: Bencher<'_, '_>, records: Records) {
    let (body, shape, limits) = (body(records), shape(records), Limits::default());
    let redact = || kept(&Document::parse(body.clone(), Arc::clone(&shape), &limits).unwrap());
    bencher.counter(BytesCount::new(body.len())).bench_local(redact);
}

#[divan::bench(args = RECORDS)]
fn parse(bencher: Bencher<'_, '_>, records: Records) {
    let (body, shape, limits) = (body(records), shape(records), Limits::default());
    let parse = || Document::parse(body.clone(), Arc::clone(&shape), &limits).unwrap();
    bencher.counter(BytesCount::new(body.len())).bench_local(parse);
}

#[divan::bench(args = RECORDS)]
fn cut(bencher: Bencher<'_, '_>, records: Records) {
    let body = body(records);
    bencher.counter(BytesCount::new(body.len())).bench_local(|| {
        let mut cutter = Cutter::new(records, 500, 256 << 10);
        let mut parts = 0;
        for bytes in body.chunks(16 << 10) {
            cutter.push(bytes);
            parts += std::iter::from_fn(|| cutter.next_part()).count();
        }
        cutter.finish();
        parts + std::iter::from_fn(|| cutter.next_part()).count()
    });
}

#[divan::bench]
fn convert_windows_1251(bencher: Bencher<'_, '_>) {
    let text = "Нургалиева;Айгерим;850101300123\r\n".repeat(BYTES / 33);
    let body = Bytes::from(encoding_rs::WINDOWS_1251.encode(&text).0.into_owned());
    let charset = Charset::named("windows-1251").unwrap();
    let convert = || charset.convert(body.clone(), usize::MAX).unwrap();
    bencher.counter(BytesCount::new(body.len())).bench_local(convert);
}

fn kept(document: &Document) -> Vec<u8> {
    let kept: FieldSet = (0..KEPT).collect();
    let records = vec![Some(0); document.records().len()];
    select(document, &Selection { outside: &kept, records: &records, verdicts: &[kept] })
}

fn shape(records: Records) -> Arc<Shape> {
    let path = |text: &str| FieldPath::parse(text).unwrap();
    let fields = COLUMNS.map(|name| path(&format!("$[*].{name}")));
    let syntax = match records {
        Records::Csv => Syntax::Csv(Csv { delimiter: b',', formula: Formula::Refuse }),
        Records::Json => Syntax::Json,
        Records::Ndjson => Syntax::Ndjson,
    };
    Arc::new(Shape::of(syntax, &fields, Some(&path("$[*]")), &path("$[*].iin")).unwrap())
}

fn body(records: Records) -> Bytes {
    let mut lines = Vec::new();
    let mut length = 0;
    while length < BYTES {
        lines.push(learner(lines.len(), records));
        length += lines.last().map_or(0, String::len) + 1;
    }
    Bytes::from(match records {
        Records::Csv => format!("id,{},updated_at\n{}\n", COLUMNS.join(","), lines.join("\n")),
        Records::Json => format!("[{}]", lines.join(",")),
        Records::Ndjson => lines.join("\n") + "\n",
    })
}

/// A learner of about 400 bytes: names in Cyrillic, a comment in quotes.
fn learner(n: usize, records: Records) -> String {
    let values = [
        format!("{:012}", 940_301_400_000_u64 + n as u64),
        "Нұрғалиева".to_owned(),
        "Айгерім".to_owned(),
        format!("1994-03-{:02}", n % 28 + 1),
        format!("aigerim.nurgaliyeva.{n}@example.kz"),
        format!("+7 701 555 {n:04}"),
        "Жобаларды басқару негіздері".to_owned(),
        "Алматы".to_owned(),
        "Абай даңғылы, 52".to_owned(),
        "Тыңдаушы \"Үздік\" дипломымен бітірді; documents were checked on arrival.".to_owned(),
    ];
    if records == Records::Csv {
        let cell = |value: &String| {
            let is_plain = !value.contains([',', '"']);
            if is_plain { value.clone() } else { format!("\"{}\"", value.replace('"', "\"\"")) }
        };
        let cells: Vec<String> = values.iter().map(cell).collect();
        return format!("{n},{},2026-05-29T17:02:44.001Z", cells.join(","));
    }
    let member = |(name, value): (&&str, &String)| format!("\"{name}\":{value:?}");
    let members: Vec<String> = COLUMNS.iter().zip(&values).map(member).collect();
    format!("{{\"id\":{n},{},\"updated_at\":\"2026-05-29T17:02:44.001Z\"}}", members.join(","))
}
