//! Promises of cutting.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

use super::*;
use crate::document::{Csv, Document, FieldPath, Limits, Shape, Syntax};

type Cut = Vec<Result<Bytes, (Fault, usize, String)>>;

/// What a stream is cut into, pushed in pieces of these lengths, over and over.
fn cut(records: Records, limits: (usize, usize), stream: &[u8], steps: &[usize]) -> Cut {
    let mut cutter = Cutter::new(records, limits.0, limits.1);
    let (mut parts, mut rest) = (Vec::new(), stream);
    for step in steps.iter().cycle() {
        let (now, later) = rest.split_at((*step).min(rest.len()));
        rest = later;
        if now.is_empty() {
            cutter.finish();
        } else {
            cutter.push(now);
        }
        while let Some(part) = cutter.next_part() {
            parts.push(match part {
                Ok(part) => Ok(part),
                Err(bad) => Err((bad.fault, bad.offset, bad.path)),
            });
        }
        if now.is_empty() {
            return parts;
        }
    }
    parts
}

fn whole(records: Records, limits: (usize, usize), stream: &str) -> Cut {
    cut(records, limits, stream.as_bytes(), &[usize::MAX])
}

fn parts(parts: &[&str]) -> Cut {
    parts.iter().map(|part| Ok(Bytes::copy_from_slice(part.as_bytes()))).collect()
}

fn fault(fault: Fault, offset: usize, path: &str) -> Cut {
    vec![Err((fault, offset, path.to_owned()))]
}

const WIDE: (usize, usize) = (100, 1000);

#[test]
fn elements_of_an_array_are_cut_into_arrays() {
    let cut = |limits, stream| whole(Records::Json, limits, stream);
    let stream = " [ {\"a\": \"]},\\\"\"} ,[1,[2]] , \"x,\",-1.5e3\n,null ] \n";
    let all = r#"[{"a": "]},\""},[1,[2]],"x,",-1.5e3,null]"#;
    assert_eq!(cut(WIDE, stream), parts(&[all]));
    let two = [r#"[{"a": "]},\""},[1,[2]]]"#, r#"["x,",-1.5e3]"#, "[null]"];
    assert_eq!(cut((2, 1000), stream), parts(&two));
    let short = [r#"[{"a": "]},\""}]"#, r#"[[1,[2]],"x,"]"#, "[-1.5e3,null]"];
    assert_eq!(cut((9, 16), stream), parts(&short));
    assert_eq!(cut(WIDE, " [ ] "), parts(&[]));
}

#[test]
fn lines_are_cut_as_they_are() {
    let cut = |limits, stream| whole(Records::Ndjson, limits, stream);
    assert_eq!(cut((2, 99), "{}\r\n[1]\n{ }"), parts(&["{}\r\n[1]\n", "{ }"]));
    assert_eq!(cut((9, 7), "{}\r\n[1]\n{ }\n"), parts(&["{}\r\n", "[1]\n", "{ }\n"]));
}

#[test]
fn rows_are_cut_with_their_header() {
    let cut = |limits, stream| whole(Records::Csv, limits, stream);
    let stream = "\u{FEFF}a,\"b\n\"\r\n1,\"x\r\n\"\"\"\r\n,\r\n3,4\r\n\r\n";
    let head = "a,\"b\n\"\r\n";
    let rows = ["1,\"x\r\n\"\"\"\r\n,\r\n", "3,4\r\n"].map(|rows| format!("{head}{rows}"));
    assert_eq!(cut((2, 99), stream), parts(&[&rows[0], &rows[1]]));
    let each = ["1,\"x\r\n\"\"\"\r\n", ",\r\n3,4\r\n"].map(|rows| format!("{head}{rows}"));
    assert_eq!(cut((9, 20), stream), parts(&[&each[0], &each[1]]));
    assert_eq!(cut(WIDE, "a,b\n"), parts(&[]));
    assert_eq!(cut(WIDE, "a,b"), parts(&[]));
    assert_eq!(cut((1, 99), "a\tb\n\t\n \t"), parts(&["a\tb\n\t\n", "a\tb\n \t"]));
}

#[test]
fn what_stands_between_elements_is_strict() {
    let cut = |stream| whole(Records::Json, WIDE, stream);
    for (stream, expected, offset, path) in [
        ("", Fault::Empty, 0, "$[0]"),
        (" \n", Fault::Empty, 2, "$[0]"),
        ("\u{FEFF}[]", Fault::ByteOrderMark, 0, "$[0]"),
        ("{}", Fault::NotAnArray, 0, "$[0]"),
        ("[", Fault::Truncated, 1, "$[0]"),
        ("[1,2", Fault::Truncated, 4, "$[1]"),
        ("[{\"]\": 1", Fault::Truncated, 8, "$[0]"),
        ("[1,]", Fault::ValueMissing, 3, "$[1]"),
        ("[,1]", Fault::ValueMissing, 1, "$[0]"),
        ("[1,,2]", Fault::ValueMissing, 3, "$[1]"),
        ("[}]", Fault::ValueMissing, 1, "$[0]"),
        ("[1 2]", Fault::CommaMissing, 3, "$[1]"),
        ("[{}{}]", Fault::CommaMissing, 3, "$[1]"),
        ("[\"a\"\"b\"]", Fault::CommaMissing, 4, "$[1]"),
        ("[1}", Fault::CommaMissing, 2, "$[1]"),
        ("[1]]", Fault::Trailing, 3, "$[1]"),
        ("[1],[2]", Fault::Trailing, 3, "$[1]"),
    ] {
        assert_eq!(cut(stream), fault(expected, offset, path), "{stream}");
    }
}

#[test]
fn only_the_last_line_may_be_empty() {
    let lines = |stream| whole(Records::Ndjson, WIDE, stream);
    assert_eq!(lines("{}\n\n"), fault(Fault::EmptyLine, 3, "$[1]"));
    assert_eq!(lines("{}\n \r\n{}"), fault(Fault::EmptyLine, 3, "$[1]"));
    assert_eq!(lines("\n"), fault(Fault::EmptyLine, 0, "$[0]"));
    assert_eq!(lines(""), fault(Fault::Empty, 0, "$[0]"));
    let rows = |stream| whole(Records::Csv, WIDE, stream);
    assert_eq!(rows("a\n1\n\n2\n"), fault(Fault::EmptyLine, 4, "$[1]"));
    assert_eq!(rows("a\n1\n\n\n"), fault(Fault::EmptyLine, 4, "$[1]"));
    assert_eq!(rows("a\r\n1\r\n\n"), fault(Fault::MixedLineEnds, 6, "$[1]"));
    assert_eq!(rows("a\n1\n\r\n"), fault(Fault::MixedLineEnds, 4, "$[1]"));
    assert_eq!(rows("\na\n"), fault(Fault::EmptyLine, 0, "$[0]"));
    assert_eq!(rows("a\n\"1\n"), fault(Fault::QuoteOpen, 2, "$[0]"));
    assert_eq!(rows(""), fault(Fault::Empty, 0, "$[0]"));
}

#[test]
fn a_record_longer_than_a_part_is_a_fault() {
    let long = |records, stream| whole(records, (100, 10), stream);
    assert_eq!(long(Records::Json, "[12345678]"), parts(&["[12345678]"]));
    assert_eq!(long(Records::Json, "[1,123456789]"), fault(Fault::RecordTooLong, 3, "$[1]"));
    assert_eq!(long(Records::Ndjson, "{}\n{ 3456789}\n"), fault(Fault::RecordTooLong, 3, "$[1]"));
    assert_eq!(long(Records::Csv, "a,b\n1,345\n"), parts(&["a,b\n1,345\n"]));
    assert_eq!(long(Records::Csv, "a,b\n1,3456\n"), fault(Fault::RecordTooLong, 4, "$[0]"));
    assert_eq!(long(Records::Csv, "a,b,c,d,e,f\n"), fault(Fault::RecordTooLong, 0, "$[0]"));
}

#[test]
fn nothing_follows_a_fault() {
    let mut cutter = Cutter::new(Records::Json, 1, 100);
    cutter.push(b"[1,2,,3");
    cutter.push(b",4]");
    cutter.finish();
    let cut: Vec<bool> =
        std::iter::from_fn(|| cutter.next_part()).map(|part| part.is_ok()).collect();
    assert_eq!(cut, [true, true, false]);
}

#[test]
fn memory_is_bounded_by_the_part() {
    let mut cutter = Cutter::new(Records::Ndjson, 1 << 20, 1000);
    let mut total = 0;
    for _ in 0..10_000 {
        cutter.push(b"{\"iin\":\"850101300123\"}\n");
        assert!(cutter.part.out.capacity() <= 4000 && cutter.part.ready.len() <= 1);
        total += cutter.next_part().map_or(0, |part| part.unwrap().len());
    }
    cutter.finish();
    total += cutter.next_part().map_or(0, |part| part.unwrap().len());
    assert_eq!(total, 23 * 10_000);
}

fn streams() -> impl Strategy<Value = (Records, Vec<u8>)> {
    let of = |records| streams_of(records).prop_map(move |stream| (records, stream));
    prop_oneof![of(Records::Json), of(Records::Ndjson), of(Records::Csv)]
}

/// What is mapped in a document, or `None` where it is none.
fn values(records: Records, body: &[u8]) -> Option<Vec<String>> {
    let syntax = match records {
        Records::Csv => Syntax::Csv(Csv::default()),
        Records::Json => Syntax::Json,
        Records::Ndjson => Syntax::Ndjson,
    };
    let path = |text: &str| FieldPath::parse(text).unwrap();
    let (fields, subject) = ([path("$[*].a"), path("$[*].aa")], path("$[*].iin"));
    let shape = Shape::of(syntax, &fields, Some(&path("$[*]")), &subject).unwrap();
    let body = Bytes::copy_from_slice(body);
    let document = Document::parse(body, Arc::new(shape), &Limits::default()).ok()?;
    Some(document.values().map(|value| format!("{:?}", value.scalar)).collect())
}

/// Streams that are nearly well formed.
fn streams_of(records: Records) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<Index>(), prop::sample::select(b"[]{},\"\\\n\r 1a:\xEF;".to_vec()));
    let spoil = |text: String, places: Vec<(Index, u8)>| {
        let mut bytes = text.into_bytes();
        for (place, byte) in places {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    };
    let changes = prop::collection::vec(change, 0..3);
    let element =
        r#"(\{("a{0,3}":(1|"[\]},a]{0,4}"|\[\{\},2\]))?\}|[1-9]{1,3}|"(\\"|a){0,3}"|\[\])"#;
    let array = format!(r"\[( ?{element} ?(,\n?{element} ?){{0,5}})?\]\n?");
    let lines = format!(r"{element}\r?\n({element}\n){{0,5}}{element}\n?");
    let cell = r#"([a1;]{0,3}|"([a,\n]|\r\n|""){0,4}")"#;
    let rows = format!(r"{cell},{cell}\n({cell},{cell}\n){{0,5}}({cell},{cell})?\n?");
    let pattern = match records {
        Records::Csv => rows,
        Records::Json => array,
        Records::Ndjson => lines,
    };
    let text = prop::string::string_regex(&pattern).unwrap();
    (text, changes).prop_map(move |(text, changes)| spoil(text, changes))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn it_does_not_matter_how_a_stream_is_pushed(
        (records, stream) in streams(),
        records_max in 1_usize..5,
        bytes_max in 4_usize..60,
        steps in prop::collection::vec(1_usize..9, 1..4),
    ) {
        let limits = (records_max, bytes_max);
        let at_once = cut(records, limits, &stream, &[usize::MAX]);
        prop_assert_eq!(&cut(records, limits, &stream, &[1]), &at_once);
        prop_assert_eq!(&cut(records, limits, &stream, &steps), &at_once);
        for part in at_once.iter().flatten() {
            prop_assert!(part.len() <= bytes_max);
        }
    }

    #[test]
    fn where_all_parts_are_documents_the_stream_is_one(
        (records, stream) in streams(), records_max in 1_usize..5, bytes_max in 24_usize..60,
    ) {
        let parts = cut(records, (records_max, bytes_max), &stream, &[usize::MAX]);
        prop_assume!(!parts.iter().any(|p| matches!(p, Err((Fault::RecordTooLong, ..)))));
        let whole = values(records, &stream);
        if records == Records::Json && stream.trim_ascii_start().starts_with(b"{") {
            // A body that is one object has no records, and nothing of it leaves; it is no stream.
            prop_assert!(whole.is_none_or(|values| values.is_empty()));
            prop_assert!(parts.iter().any(Result::is_err));
        } else if parts.is_empty() {
            prop_assert!(whole.is_none_or(|values| values.is_empty()));
        } else {
            let read = |part: &Result<Bytes, _>| values(records, part.as_ref().ok()?);
            let read: Option<Vec<Vec<String>>> = parts.iter().map(read).collect();
            prop_assert_eq!(read.map(|parts| parts.concat()), whole);
        }
    }

    #[test]
    fn where_all_parts_are_arrays_the_stream_is_one(
        stream in streams_of(Records::Json), records_max in 1_usize..5, bytes_max in 20_usize..60,
    ) {
        let parts = cut(Records::Json, (records_max, bytes_max), &stream, &[usize::MAX]);
        prop_assume!(!parts.iter().any(|p| matches!(p, Err((Fault::RecordTooLong, ..)))));
        let read = |part: &Result<Bytes, _>| -> Option<Vec<Value>> {
            serde_json::from_slice(part.as_ref().ok()?).ok()
        };
        let read: Option<Vec<Vec<Value>>> = parts.iter().map(read).collect();
        let whole: Option<Vec<Value>> = serde_json::from_slice(&stream).ok();
        prop_assert_eq!(read.map(|parts| parts.concat()), whole);
    }
}
