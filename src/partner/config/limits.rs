//! How much and how long: every limit is a named key with a default.

use serde::Deserialize;

use crate::partner::{forward, receiver};
use crate::server;

/// The `[limits]` table. Names end in their unit; `_max` is the largest value that passes.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of one envelope, and of what is inside of it.
    pub body_bytes_max: usize,
    /// Time for an envelope to come, and from one piece of a stream to the next.
    pub body_ms: u64,
    /// Bytes of a stream of envelopes, or of an envelope that is passed on as it comes.
    pub stream_bytes_max: u64,
    /// Time from the head of such a request to its end.
    pub stream_ms: u64,
    /// Seconds that an envelope and a signature may be old.
    pub age_s: u32,
    /// Seconds by which a gateway's clock may differ.
    pub skew_s: u32,
    /// Seconds for which it is kept which messages were taken, from when they were sealed.
    pub keep_s: u32,
    /// Messages under way at once.
    pub messages_max: usize,
    /// Connections from gateways at once.
    pub connections_max: usize,
    /// Requests at once on one HTTP/2 connection.
    pub streams_max: u32,
    /// Requests that a gateway may abandon on one HTTP/2 connection.
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
    /// Time that messages under way have to finish after a stop was asked for.
    pub drain_ms: u64,
    /// Time to connect to the application.
    pub connect_ms: u64,
    /// Time for the application to begin its reply, and then to end it.
    pub reply_ms: u64,
    /// Bytes of the application's reply.
    pub reply_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 16 << 20,
            body_ms: 30_000,
            stream_bytes_max: 16 << 30,
            stream_ms: 1_800_000,
            age_s: 300,
            skew_s: 30,
            keep_s: 86_400,
            messages_max: 64,
            connections_max: 256,
            streams_max: 64,
            abandoned_max: 128,
            handshake_ms: 5_000,
            head_ms: 10_000,
            idle_ms: 60_000,
            request_ms: 120_000,
            connection_ms: 3_600_000,
            drain_ms: 30_000,
            connect_ms: 2_000,
            reply_ms: 30_000,
            reply_bytes_max: 16 << 20,
        }
    }
}

impl Limits {
    /// Whether the limits agree with one another.
    pub(super) fn agree(&self) -> Result<(), (&'static str, &'static str)> {
        let fresh_s = u64::from(self.age_s) + u64::from(self.skew_s);
        if u64::from(self.keep_s) < fresh_s {
            return Err((
                "messages would be forgotten while they are fresh",
                "raise `keep_s` above the sum of `age_s` and `skew_s`",
            ));
        }
        Ok(())
    }

    /// The limits of the receiver.
    #[must_use]
    pub fn receiver(&self, as_it_comes: bool) -> receiver::Limits {
        receiver::Limits {
            body_bytes_max: self.body_bytes_max,
            stream_bytes_max: self.stream_bytes_max,
            body_ms: self.body_ms,
            stream_ms: self.stream_ms,
            age_s: self.age_s.into(),
            skew_s: self.skew_s.into(),
            messages_max: self.messages_max,
            as_it_comes,
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

    /// How the application at an address is reached.
    #[must_use]
    pub fn application(&self, address: &str) -> forward::Settings {
        forward::Settings {
            address: address.to_owned(),
            connect_ms: self.connect_ms,
            reply_ms: self.reply_ms,
            reply_bytes_max: self.reply_bytes_max,
        }
    }
}
