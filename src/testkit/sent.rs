//! One request and all that came of it: the answer, the partners, the ledger.

use std::borrow::Cow;

use bytes::Bytes;
use hyper::header::HeaderMap;
use serde_json::Value;

use super::Ask;
use crate::partner::mock::Received;

/// What came of one request, with nothing else going on.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The request.
    pub ask: Ask,
    /// The status of the answer.
    pub status: u16,
    /// The headers of the answer.
    pub headers: HeaderMap,
    /// The body of the answer.
    pub body: Bytes,
    /// Whether the body of the answer came whole.
    pub is_whole: bool,
    /// What partners received, by their names.
    pub received: Vec<(String, Received)>,
    /// The entries of the ledger, in their order.
    pub entries: Vec<Value>,
}

impl Sent {
    /// What a partner received: the first of several payloads.
    #[must_use]
    pub fn at(&self, partner: &str) -> Arrived<'_> {
        let mut at = self.received.iter().filter(|(name, _)| name == partner);
        Arrived(at.next().map(|(_, received)| received))
    }

    /// The first entry of this type, such as `disclosure`; null where there is none.
    #[must_use]
    pub fn record(&self, kind: &str) -> &Value {
        let is_it = |entry: &&Value| entry.get("type").and_then(Value::as_str) == Some(kind);
        self.entries.iter().find(is_it).unwrap_or(&Value::Null)
    }

    /// The code with which it was refused, if the ledger has a refusal.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        self.record("refusal").get("reason").and_then(Value::as_str)
    }

    /// The answer as JSON; null where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What a partner received, or that it received nothing.
#[derive(Clone, Copy, Debug)]
pub struct Arrived<'s>(Option<&'s Received>);

impl<'s> Arrived<'s> {
    /// The payload, with the header of its envelope.
    #[must_use]
    pub const fn received(&self) -> Option<&'s Received> {
        self.0
    }

    /// The body that was inside: of a request that was sealed with its head, the request's.
    #[must_use]
    pub fn body(&self) -> Cow<'s, [u8]> {
        self.0.map_or(Cow::Borrowed(&[]), inside)
    }

    /// That body as text; empty where there is none.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }

    /// That body as JSON; null where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body()).unwrap_or_default()
    }
}

/// The body within a payload: of a request that was sealed with its head, the request's.
pub(super) fn inside(received: &Received) -> Cow<'_, [u8]> {
    match received.request() {
        Some(request) => Cow::Owned(request.body),
        None => Cow::Borrowed(&received.body),
    }
}
