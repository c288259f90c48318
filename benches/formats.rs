//! What the redaction of a document costs by format and size, without and with the detectors:
//! 2 KiB, 64 KiB, 1 MiB and 16 MiB of the same records, in each an IIN, a telephone number, an
//! e-mail address and a comment that are looked at.
//!
//! `cargo bench --bench formats`

#![allow(clippy::unwrap_used, reason = "a bench that cannot start has nothing to measure")]

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::BytesCount;
use otkel::document::{
    Csv, Document, FieldPath, FieldSet, Formula, Limits, Shape, Syntax, Xml, XmlKind,
};
use otkel::policy::OnFound;
use otkel::redaction::{Screen, Selection, Watch, select, select_screened};
use otkel::vocabulary::{Kind, Kinds};

/// The mapped members of a record; the last two are not kept.
const NAMES: [&str; 8] =
    ["iin", "family", "birth_date", "email", "phone", "comment", "city", "street"];
const KEPT: u8 = 6;
const FORMATS: [Format; 5] = [Format::Json, Format::Ndjson, Format::Csv, Format::Xml, Format::Form];

/// How the records are written.
#[derive(Clone, Copy)]
enum Format {
    Json,
    Ndjson,
    Csv,
    Xml,
    Form,
}

/// A body to redact.
#[derive(Clone, Copy)]
struct Size {
    format: Format,
    kib: usize,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = match self.format {
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Csv => "csv",
            Format::Xml => "xml",
            Format::Form => "form",
        };
        write!(f, "{format:6} {:5} KiB", self.kib)
    }
}

fn main() {
    divan::main();
}

fn sizes() -> impl Iterator<Item = Size> {
    FORMATS.into_iter().flat_map(|format| [2, 64, 1024, 16_384].map(|kib| Size { format, kib }))
}

#[divan::bench(args = sizes())]
fn redact(bencher: Bencher<'_, '_>, size: Size) {
    bench(bencher, size, select);
}

/// Each value is looked at; every identifier is allowed where it stands, as in most documents.
#[divan::bench(args = sizes())]
fn redact_with_detectors(bencher: Bencher<'_, '_>, size: Size) {
    let own = [Kind::Iin, Kind::Phone, Kind::Email].into_iter().collect();
    let watch = Watch { kinds: Kinds::ALL.minus(own), found: OnFound::Mask };
    let screen = Screen::new(vec![watch; NAMES.len()]);
    bench(bencher, size, |document, selection| select_screened(document, selection, &screen));
}

/// Each identifier is masked.
#[divan::bench(args = sizes())]
fn redact_and_mask(bencher: Bencher<'_, '_>, size: Size) {
    let screen = Screen::new(vec![Watch { kinds: Kinds::ALL, found: OnFound::Mask }; NAMES.len()]);
    bench(bencher, size, |document, selection| select_screened(document, selection, &screen));
}

fn bench(
    bencher: Bencher<'_, '_>,
    size: Size,
    write: impl Fn(&Document, &Selection<'_>) -> Vec<u8>,
) {
    let (body, shape) = (body(size), shape(size.format));
    let limits = Limits {
        bytes_max: 64 << 20,
        elements_max: 1 << 24,
        members_max: 1 << 24,
        records_max: 1 << 20,
        values_max: 1 << 24,
        ..Limits::default()
    };
    let redact = || {
        let document = Document::parse(body.clone(), Arc::clone(&shape), &limits).unwrap();
        let kept: FieldSet = (0..KEPT).collect();
        let records = vec![Some(0); document.records().len()];
        let out =
            write(&document, &Selection { outside: &kept, records: &records, verdicts: &[kept] });
        assert!(out.len() > body.len() / 4, "little is left");
        out
    };
    bencher.counter(BytesCount::new(body.len())).bench_local(redact);
}

fn shape(format: Format) -> Arc<Shape> {
    let path = |text: &str| FieldPath::parse(text).unwrap();
    let syntax = match format {
        Format::Json => Syntax::Json,
        Format::Ndjson => Syntax::Ndjson,
        Format::Csv => Syntax::Csv(Csv { delimiter: b',', formula: Formula::Keep }),
        Format::Xml => Syntax::Xml(Xml { kind: XmlKind::Plain, namespaces: Vec::new() }),
        Format::Form => Syntax::Form,
    };
    let shape = match format {
        Format::Form => {
            let fields = NAMES.map(|name| path(&format!("$.{name}[*]")));
            Shape::of(syntax, &fields, None, &path("$.id"))
        }
        Format::Json | Format::Ndjson | Format::Csv | Format::Xml => {
            let subjects = if matches!(format, Format::Xml) { "$.learners.l[*]" } else { "$[*]" };
            let fields = NAMES.map(|name| path(&format!("{subjects}.{name}")));
            Shape::of(syntax, &fields, Some(&path(subjects)), &path(&format!("{subjects}.iin")))
        }
    };
    Arc::new(shape.unwrap())
}

fn body(size: Size) -> Bytes {
    let mut records = Vec::new();
    let mut bytes = 0;
    while bytes < size.kib << 10 {
        records.push(record(size.format, records.len()));
        bytes += records.last().map_or(0, String::len) + 1;
    }
    Bytes::from(match size.format {
        Format::Json => format!("[{}]", records.join(",")),
        Format::Ndjson => records.join("\n") + "\n",
        Format::Csv => format!("{}\n{}\n", NAMES.join(","), records.join("\n")),
        Format::Xml => format!("<learners>{}</learners>", records.concat()),
        Format::Form => format!("id=1&{}", records.join("&")),
    })
}

fn record(format: Format, n: usize) -> String {
    let values = [
        format!("{:012}", 940_301_400_000_u64 + n as u64),
        "Нұрғалиева".to_owned(),
        format!("1994-03-{:02}", n % 28 + 1),
        format!("aigerim.nurgaliyeva.{n}@example.kz"),
        format!("+7 701 555 {:04}", n % 10_000),
        "Тыңдаушы дипломымен бітірді; documents were checked on arrival, №12.".to_owned(),
        "Алматы".to_owned(),
        "Абай даңғылы, 52".to_owned(),
    ];
    let pairs = NAMES.into_iter().zip(values);
    match format {
        Format::Json | Format::Ndjson => {
            let members = pairs.map(|(name, value)| format!(r#""{name}":"{value}""#));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Format::Csv => pairs.map(|(_, value)| format!("\"{value}\"")).collect::<Vec<_>>().join(","),
        Format::Xml => {
            let elements = pairs.map(|(name, value)| format!("<{name}>{value}</{name}>"));
            format!("<l>{}</l>", elements.collect::<String>())
        }
        Format::Form => pairs
            .map(|(name, value)| format!("{name}={}", encoded(&value)))
            .collect::<Vec<_>>()
            .join("&"),
    }
}

fn encoded(value: &str) -> String {
    let encode = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    value.bytes().map(encode).collect()
}
