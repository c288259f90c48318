//! Cutting a stream of records into parts, each a complete document of its format.
//!
//! Invariants:
//! - the parts hold the records of the stream, each once, in its order, byte for byte;
//! - the same bytes make the same parts and the same fault, however they are pushed;
//! - where every part is a well-formed document, the whole stream was one: what stands between
//!   records is checked here, each record where its part is parsed;
//! - never more is held than one part, the record that did not fit into it, and what was cut from
//!   the bytes that were pushed last.

mod json;

use std::collections::VecDeque;

use bytes::Bytes;
use memchr::{memchr, memchr_iter};

use super::fault::{BadDocument, Fault};
use super::path::Segment;

/// What a stream of records looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Records {
    /// The rows of a CSV table; each part begins with its header row.
    Csv,
    /// The elements of a JSON array at the root; each part is an array.
    Json,
    /// The lines of NDJSON.
    Ndjson,
}

/// Cuts a stream of records into parts.
///
/// Take all parts after each push: what was cut is held until it is taken.
pub struct Cutter {
    lexer: Lexer,
    part: Part,
    /// The offset in the stream of the next byte.
    at: usize,
    is_over: bool,
}

/// Finds where records end.
enum Lexer {
    Json(json::At),
    Lines(Lines),
}

impl Cutter {
    /// A cutter that makes parts of at most so many records and bytes.
    ///
    /// A part has at least one record; one that is longer than `bytes_max` alone is a fault.
    #[must_use]
    pub fn new(records: Records, records_max: usize, bytes_max: usize) -> Self {
        let lines =
            |now| Lexer::Lines(Lines { now, is_open: false, is_quoted: false, empty: None });
        let (lexer, head, end) = match records {
            Records::Csv => (lines(Line::Head), &b""[..], None),
            Records::Json => (Lexer::Json(json::At::Start), &b"["[..], Some(b']')),
            Records::Ndjson => (lines(Line::Json), &b""[..], None),
        };
        let part = Part { head: head.to_vec(), end, records_max, bytes_max, ..Part::default() };
        Self { lexer, part, at: 0, is_over: false }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.is_over {
            return;
        }
        let mut from = Input { bytes, at: 0, offset: self.at };
        let result = match &mut self.lexer {
            Lexer::Json(at) => at.push(&mut from, &mut self.part),
            Lexer::Lines(lines) => lines.push(&mut from, &mut self.part),
        };
        self.at += bytes.len();
        self.stop_at(result);
    }

    /// Takes the end of the stream.
    pub fn finish(&mut self) {
        if self.is_over {
            return;
        }
        let result = match &mut self.lexer {
            Lexer::Json(at) => at.finish(self.at),
            Lexer::Lines(lines) => lines.finish(self.at, &mut self.part),
        };
        if result.is_ok() {
            self.part.send();
        }
        self.is_over = true;
        self.stop_at(result);
    }

    /// The next part; `None` until more is pushed, and for good after the end.
    ///
    /// An empty array and a header row without rows make no part. After a fault nothing follows,
    /// and what stood before it in the same part is gone.
    ///
    /// # Errors
    /// The fault of the stream, by its offset from the start of the stream.
    pub fn next_part(&mut self) -> Option<Result<Bytes, BadDocument>> {
        self.part.ready.pop_front().map(Ok).or_else(|| self.part.fault.take().map(Err))
    }

    fn stop_at(&mut self, result: Result<(), (Fault, usize)>) {
        if let Err((fault, offset)) = result {
            let number = u32::try_from(self.part.count).unwrap_or(u32::MAX);
            let path = format!("${}", Segment::Index(number));
            self.part.fault = Some(BadDocument { fault, offset, path });
            self.part.out = Vec::new();
            self.is_over = true;
        }
    }
}

/// What was pushed, and how far it was read.
struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The offset in the stream of the first byte.
    offset: usize,
}

impl<'a> Input<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// What is left.
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Where the next byte stands in the stream.
    fn place(&self) -> usize {
        self.offset + self.at
    }
}

/// The part that is being made, and those that are.
#[derive(Default)]
struct Part {
    /// What every part begins with, and ends with.
    head: Vec<u8>,
    end: Option<u8>,
    records_max: usize,
    bytes_max: usize,
    /// The records of this part with what stands before them; the last one may not be complete.
    out: Vec<u8>,
    /// Where the record that is being read begins in `out`, and in the stream.
    record: usize,
    place: usize,
    /// How many records this part has, and how many were read in all.
    records: usize,
    count: u64,
    ready: VecDeque<Bytes>,
    fault: Option<BadDocument>,
}

impl Part {
    /// Begins a record.
    fn open(&mut self, place: usize) {
        if self.records == 0 {
            self.out.reserve(self.bytes_max.min(ROOM_MAX));
            self.out.extend_from_slice(&self.head);
        } else if self.end.is_some() {
            self.out.push(b',');
        }
        self.record = self.out.len();
        self.place = place;
    }

    /// Adds to the record that is open.
    fn add(&mut self, bytes: &[u8]) -> Result<(), (Fault, usize)> {
        self.out.extend_from_slice(bytes);
        let around = self.head.len() + usize::from(self.end.is_some());
        let length = self.out.len().saturating_sub(self.record).saturating_add(around);
        if length > self.bytes_max { Err((Fault::RecordTooLong, self.place)) } else { Ok(()) }
    }

    /// Ends the record that is open; if the part grew too long by it, it begins the next one.
    fn close(&mut self) {
        let length = self.out.len() + usize::from(self.end.is_some());
        if length > self.bytes_max && self.records > 0 {
            let record = self.out.split_off(self.record);
            if self.end.is_some() {
                self.out.pop();
            }
            self.send();
            self.open(self.place);
            self.out.extend_from_slice(&record);
        }
        self.records += 1;
        self.count += 1;
        if self.records >= self.records_max {
            self.send();
        }
    }

    /// Forgets the record that is open.
    fn drop(&mut self) {
        self.out.truncate(self.record);
    }

    /// Hands the part over, if it has records.
    fn send(&mut self) {
        let mut out = std::mem::take(&mut self.out);
        if std::mem::take(&mut self.records) > 0 {
            out.extend(self.end);
            self.ready.push_back(out.into());
        }
    }
}

/// Cuts at line feeds; in a table only at those outside of quotes.
///
/// A row of a well-formed table has an even number of quotes, and a line feed stands in quotes if
/// and only if the quotes of the row before it are odd in number.
struct Lines {
    /// What the line is that is read now.
    now: Line,
    /// Whether a line has begun, and whether the quotes in it are odd in number.
    is_open: bool,
    is_quoted: bool,
    /// Where the empty line stands that may only be the last.
    empty: Option<usize>,
}

/// What a line is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    /// One JSON text.
    Json,
    /// The header row of a table.
    Head,
    /// Another row of a table, or a part of one.
    Row,
}

impl Lines {
    fn push(&mut self, from: &mut Input<'_>, part: &mut Part) -> Result<(), (Fault, usize)> {
        while from.peek().is_some() {
            if let Some(empty) = self.empty {
                return Err((Fault::EmptyLine, empty));
            }
            if !self.is_open {
                part.open(from.place());
                self.is_open = true;
            }
            let rest = from.rest();
            let length = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            let line = rest.get(..length).unwrap_or_default();
            from.at += length;
            if self.now != Line::Json {
                self.is_quoted ^= memchr_iter(b'"', line).count() % 2 == 1;
            }
            part.add(line)?;
            if line.ends_with(b"\n") && !self.is_quoted {
                self.end_line(part)?;
            }
        }
        Ok(())
    }

    fn end_line(&mut self, part: &mut Part) -> Result<(), (Fault, usize)> {
        self.is_open = false;
        let line = part.out.get(part.record..).unwrap_or_default();
        let is_empty = matches!(line, b"\n" | b"\r\n");
        match self.now {
            Line::Json if line.iter().all(u8::is_ascii_whitespace) => {
                return Err((Fault::EmptyLine, part.place));
            }
            Line::Head if is_empty => return Err((Fault::EmptyLine, part.place)),
            Line::Head => {
                self.now = Line::Row;
                part.head = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line).to_vec();
                part.drop();
            }
            Line::Row if is_empty => {
                if (line.len() == 2) != part.head.ends_with(b"\r\n") {
                    return Err((Fault::MixedLineEnds, part.place));
                }
                self.empty = Some(part.place);
                part.drop();
            }
            Line::Json | Line::Row => part.close(),
        }
        Ok(())
    }

    fn finish(&mut self, end: usize, part: &mut Part) -> Result<(), (Fault, usize)> {
        if end == 0 {
            return Err((Fault::Empty, 0));
        }
        if self.is_quoted {
            return Err((Fault::QuoteOpen, part.place));
        }
        if self.is_open { self.end_line(part) } else { Ok(()) }
    }
}

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// At most so many bytes are reserved for a part before it has them.
const ROOM_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests;
