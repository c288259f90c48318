//! Cutting a stream of records into parts, each a complete document of its format.
//!
//! Invariants:
//! - the parts hold the records of the stream, each once, in its order, byte for byte;
//! - the same bytes make the same parts and the same fault, however they are pushed;
//! - where every part is a well-formed document, the whole stream was one: what stands between
//!   records is checked here, each record where its part is parsed;
//! - never more is held than one part, the record that did not fit into it, and what was pushed
//!   last.

use std::collections::VecDeque;

use bytes::Bytes;

use super::fault::{BadDocument, Fault};

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
    records: Records,
    records_max: usize,
    bytes_max: usize,
    ready: VecDeque<Bytes>,
    fault: Option<BadDocument>,
}

impl Cutter {
    /// A cutter that makes parts of at most so many records and bytes.
    ///
    /// A part has at least one record; one that is longer than `bytes_max` alone is a fault.
    #[must_use]
    pub fn new(records: Records, records_max: usize, bytes_max: usize) -> Self {
        Self { records, records_max, bytes_max, ready: VecDeque::new(), fault: None }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        let _ = (bytes, self.records, self.records_max, self.bytes_max);
    }

    /// Takes the end of the stream.
    pub fn finish(&mut self) {}

    /// The next part; `None` until more is pushed, and for good after the end.
    ///
    /// An empty array and a header row without rows make no part. After a fault nothing follows,
    /// and what stood before it in the same part is gone.
    ///
    /// # Errors
    /// The fault of the stream, by its offset from the start of the stream.
    pub fn next_part(&mut self) -> Option<Result<Bytes, BadDocument>> {
        self.ready.pop_front().map(Ok).or_else(|| self.fault.take().map(Err))
    }
}
