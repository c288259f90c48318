//! Any bytes as a stream of records: the same parts however they are pushed, and where every part
//! is a document, the stream is one with the same values.
//!
//! The first byte says what the records are, the second how they are cut, the third how pushed.

use std::sync::Arc;

use bytes::Bytes;
use otkel::document::{
    BadDocument, Csv, Cutter, Document, Fault, FieldPath, Limits, Records, Shape, Syntax,
};

/// Holds the promises against one stream.
pub(crate) fn run(input: &[u8]) {
    let [kind, size, step, stream @ ..] = input else { return };
    let records = [Records::Csv, Records::Json, Records::Ndjson][usize::from(kind % 3)];
    let limits = (1 + usize::from(size % 4), 8 + usize::from(*size));
    let at_once = cut(records, limits, stream, usize::MAX);
    let by_steps = cut(records, limits, stream, 1 + usize::from(step % 32));
    assert_eq!(by_steps, at_once, "it matters how the stream is pushed");

    let parts = match at_once {
        Ok(parts) => parts,
        Err(BadDocument { fault: Fault::NotAnArray | Fault::RecordTooLong, .. }) => return,
        Err(_) => return assert_eq!(values(records, stream), None, "refused, and good"),
    };
    assert!(parts.iter().all(|part| part.len() <= limits.1), "a part is too long");
    let whole = values(records, stream);
    if parts.is_empty() {
        return assert!(whole.is_none_or(|values| values.is_empty()), "records were lost");
    }
    let read: Option<Vec<_>> = parts.iter().map(|part| values(records, part)).collect();
    assert_eq!(read.map(|parts| parts.concat()), whole, "the parts are not the stream");
}

fn cut(
    records: Records,
    limits: (usize, usize),
    stream: &[u8],
    step: usize,
) -> Result<Vec<Bytes>, BadDocument> {
    let mut cutter = Cutter::new(records, limits.0, limits.1);
    let mut parts = Vec::new();
    for bytes in stream.chunks(step) {
        cutter.push(bytes);
        parts.extend(std::iter::from_fn(|| cutter.next_part()));
    }
    cutter.finish();
    parts.extend(std::iter::from_fn(|| cutter.next_part()));
    parts.into_iter().collect()
}

/// What is mapped in a document, or `None` where it is none.
fn values(records: Records, body: &[u8]) -> Option<Vec<String>> {
    let syntax = match records {
        Records::Csv => Syntax::Csv(Csv::default()),
        Records::Json => Syntax::Json,
        Records::Ndjson => Syntax::Ndjson,
    };
    let path = |text: &str| FieldPath::parse(text).unwrap();
    let (fields, subject) = ([path("$[*].a"), path("$[*].iin")], path("$[*].iin"));
    let shape = Shape::of(syntax, &fields, Some(&path("$[*]")), &subject).unwrap();
    let body = Bytes::copy_from_slice(body);
    let document = Document::parse(body, Arc::new(shape), &Limits::default()).ok()?;
    Some(document.values().map(|value| format!("{:?}", value.scalar)).collect())
}
