//! Which requests of a connection are open, since when, and how many were abandoned.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;

use super::{Body, Limits};

/// The requests of one connection.
#[derive(Debug)]
pub(super) struct Flights(Mutex<Record>);

#[derive(Debug)]
struct Record {
    /// Open requests, oldest first.
    open: Vec<Open>,
    begun: u64,
    quiet_since: Instant,
    abandoned: u32,
}

#[derive(Debug)]
struct Open {
    number: u64,
    begun: Instant,
    /// The time that it has beyond that of every request.
    more: Duration,
}

/// The next moment at which a connection has overstepped a limit, and which limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Head(Instant),
    Idle(Instant),
    Request(Instant),
}

impl Flights {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Record {
            open: Vec::new(),
            begun: 0,
            quiet_since: Instant::now(),
            abandoned: 0,
        })))
    }

    /// Begins a request, whose number on the connection is counted from 0.
    pub(super) fn begin(self: &Arc<Self>) -> (Lease, Flight) {
        let mut record = self.record();
        let number = record.begun;
        record.begun += 1;
        record.open.push(Open { number, begun: Instant::now(), more: Duration::ZERO });
        drop(record);
        let lease = Lease { flights: Arc::clone(self), number };
        (lease, Flight { flights: Arc::clone(self), number, is_done: false })
    }

    pub(super) fn due(&self, limits: &Limits) -> Due {
        let record = self.record();
        match record.open.iter().map(|open| open.begun + open.more).min() {
            Some(begun) => Due::Request(begun + Duration::from_millis(limits.request_ms)),
            None if record.begun == 0 => {
                Due::Head(record.quiet_since + Duration::from_millis(limits.head_ms))
            }
            None => Due::Idle(record.quiet_since + Duration::from_millis(limits.idle_ms)),
        }
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.record().open.is_empty()
    }

    pub(super) fn abandoned(&self) -> u32 {
        self.record().abandoned
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time that one request has, which it bears among its extensions.
#[derive(Clone, Debug)]
pub struct Lease {
    flights: Arc<Flights>,
    pub(super) number: u64,
}

impl Lease {
    /// Gives the request so much time beyond that of every request, from its head on.
    pub fn extend(&self, more: Duration) {
        let mut record = self.flights.record();
        if let Some(open) = record.open.iter_mut().find(|open| open.number == self.number) {
            open.more = more;
        }
    }
}

/// One open request. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Flight {
    flights: Arc<Flights>,
    number: u64,
    is_done: bool,
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut record = self.flights.record();
        record.open.retain(|open| open.number != self.number);
        if record.open.is_empty() {
            record.quiet_since = Instant::now();
        }
        if !self.is_done {
            record.abandoned = record.abandoned.saturating_add(1);
        }
    }
}

/// The body of an answer, with the request that it keeps open until it has been taken.
#[derive(Debug)]
pub(super) struct Carried {
    body: Body,
    flight: Flight,
}

impl Carried {
    pub(super) fn new(body: Body, mut flight: Flight) -> Self {
        flight.is_done = body.is_end_stream();
        Self { body, flight }
    }
}

impl HttpBody for Carried {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        self.flight.is_done = !matches!(frame, Some(Ok(_))) || self.body.is_end_stream();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
