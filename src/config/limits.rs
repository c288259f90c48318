//! How much and how long: every limit is a named key with a default.

use std::time::Duration;

use serde::Deserialize;

use crate::document;
use crate::proxy::upstream::Deadlines;
use crate::server;

/// The `[limits]` table. Names end in their unit; `_max` is the largest value that passes.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body_bytes_max: usize,
    /// Time from the head of a request to the end of its body; of a record stream, from one piece
    /// of it to the next.
    pub body_ms: u64,
    /// Bytes that one byte of a compressed body may become, beyond the first MiB.
    pub inflate_ratio_max: u64,
    /// Bytes of a record stream.
    pub stream_bytes_max: u64,
    /// Parts of a record stream.
    pub stream_parts_max: u64,
    /// Time from the head of a record stream to its end.
    pub stream_ms: u64,
    /// Time for a partner to take a part of a record stream.
    pub part_ms: u64,
    /// Containers inside one another in a document.
    pub depth_max: usize,
    /// Members of one object.
    pub members_max: usize,
    /// Elements of one array.
    pub elements_max: usize,
    /// Bytes of one string.
    pub string_bytes_max: usize,
    /// Bytes of one member name.
    pub key_bytes_max: usize,
    /// Bytes of one number.
    pub number_bytes_max: usize,
    /// Subject records in one document.
    pub records_max: usize,
    /// Values, objects and arrays on the way to what rules map, in one document.
    pub values_max: usize,
    /// Transfers under way at once.
    pub transfers_max: usize,
    /// Connections from callers at once.
    pub connections_max: usize,
    /// Requests at once on one HTTP/2 connection.
    pub streams_max: u32,
    /// Requests that a caller may abandon on one HTTP/2 connection.
    pub abandoned_max: u32,
    /// Time for a TLS handshake.
    pub handshake_ms: u64,
    /// Time for the first head on a connection.
    pub head_ms: u64,
    /// Time that a connection may carry no request.
    pub idle_ms: u64,
    /// Time from the head of a request to the last byte of its answer.
    pub request_ms: u64,
    /// Time after which a connection is closed at its next pause.
    pub connection_ms: u64,
    /// Time that transfers under way have to finish after a stop was asked for.
    pub drain_ms: u64,
    /// Time to connect to a partner, TLS included.
    pub connect_ms: u64,
    /// Time for a partner to begin its answer.
    pub answer_ms: u64,
    /// Time between two parts of a partner's answer.
    pub answer_idle_ms: u64,
    /// Time for a partner's whole answer.
    pub answer_total_ms: u64,
    /// Bytes of a partner's answer.
    pub answer_bytes_max: u64,
    /// Requests to one endpoint of a partner at once.
    pub partner_transfers_max: usize,
    /// Records waiting for the store at once.
    pub queue_max: usize,
    /// Records in one commit.
    pub batch_max: usize,
    /// Times that a transfer is decided anew because its subjects' consents changed.
    pub decide_max: u32,
    /// Subjects whose consents are kept in memory.
    pub cached_subjects_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let document = document::Limits::default();
        Self {
            body_bytes_max: document.bytes_max,
            body_ms: 30_000,
            inflate_ratio_max: 100,
            stream_bytes_max: 16 << 30,
            stream_parts_max: 100_000,
            stream_ms: 1_800_000,
            part_ms: 30_000,
            depth_max: document.depth_max,
            members_max: document.members_max,
            elements_max: document.elements_max,
            string_bytes_max: document.string_bytes_max,
            key_bytes_max: document.key_bytes_max,
            number_bytes_max: document.number_bytes_max,
            records_max: document.records_max,
            values_max: document.values_max,
            transfers_max: 512,
            connections_max: 1024,
            streams_max: 64,
            abandoned_max: 128,
            handshake_ms: 5_000,
            head_ms: 10_000,
            idle_ms: 60_000,
            request_ms: 120_000,
            connection_ms: 3_600_000,
            drain_ms: 30_000,
            connect_ms: 5_000,
            answer_ms: 30_000,
            answer_idle_ms: 30_000,
            answer_total_ms: 90_000,
            answer_bytes_max: 16 << 20,
            partner_transfers_max: 256,
            queue_max: 4096,
            batch_max: 512,
            decide_max: 5,
            cached_subjects_max: 100_000,
        }
    }
}

impl Limits {
    /// The limits of a document.
    #[must_use]
    pub fn document(&self) -> document::Limits {
        document::Limits {
            bytes_max: self.body_bytes_max,
            depth_max: self.depth_max,
            members_max: self.members_max,
            elements_max: self.elements_max,
            string_bytes_max: self.string_bytes_max,
            key_bytes_max: self.key_bytes_max,
            number_bytes_max: self.number_bytes_max,
            records_max: self.records_max,
            values_max: self.values_max,
        }
    }

    /// The limits of the listener.
    #[must_use]
    pub const fn server(&self) -> server::Limits {
        server::Limits {
            connections_max: self.connections_max,
            handshake_ms: self.handshake_ms,
            head_ms: self.head_ms,
            idle_ms: self.idle_ms,
            request_ms: self.request_ms,
            connection_ms: self.connection_ms,
            streams_max: self.streams_max,
            abandoned_max: self.abandoned_max,
            drain_ms: self.drain_ms,
        }
    }

    /// The deadlines towards partners.
    #[must_use]
    pub const fn deadlines(&self) -> Deadlines {
        Deadlines {
            connect_ms: self.connect_ms,
            answer_ms: self.answer_ms,
            answer_idle_ms: self.answer_idle_ms,
            answer_total_ms: self.answer_total_ms,
        }
    }

    /// The time from the head of a record stream to its end.
    #[must_use]
    pub const fn stream(&self) -> Duration {
        Duration::from_millis(self.stream_ms)
    }

    /// The time from the head of a request to the end of its body.
    #[must_use]
    pub const fn body(&self) -> Duration {
        Duration::from_millis(self.body_ms)
    }
}
