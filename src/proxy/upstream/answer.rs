//! A partner's answer: its head checked, its body bounded in length and time while it streams.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::{Response, StatusCode};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{AnswerFault, Unknown};

/// What an answer may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) bytes_max: u64,
    pub(super) idle: Duration,
    pub(super) total: Duration,
    pub(super) until: Instant,
}

/// The body of a partner's answer. It ends in an error if it is late, stands still, is too long
/// or is cut short. Trailer fields are dropped.
#[derive(Debug)]
pub struct AnswerBody {
    inner: Incoming,
    bytes_left: u64,
    idle: Duration,
    total: Duration,
    until: Instant,
    clock: Pin<Box<Sleep>>,
    /// Since when the partner is being waited for; not while the caller is.
    waiting: Option<Instant>,
    _place: OwnedSemaphorePermit,
}

impl AnswerBody {
    fn new(inner: Incoming, bounds: Bounds, place: OwnedSemaphorePermit) -> Self {
        Self {
            inner,
            bytes_left: bounds.bytes_max,
            idle: bounds.idle,
            total: bounds.total,
            until: bounds.until,
            clock: Box::pin(sleep_until(bounds.until)),
            waiting: None,
            _place: place,
        }
    }

    /// The same body, whose time begins only now: its head came before the request had ended.
    #[must_use]
    pub fn from_now(self) -> Self {
        Self { until: Instant::now() + self.total, ..self }
    }

    fn poll_clock(&mut self, cx: &mut Context<'_>) -> Poll<AnswerFault> {
        if self.waiting.is_none() {
            let now = Instant::now();
            self.waiting = Some(now);
            self.clock.as_mut().reset(self.until.min(now + self.idle));
        }
        ready!(self.clock.as_mut().poll(cx));
        let is_late = self.clock.deadline() == self.until;
        Poll::Ready(if is_late { AnswerFault::Late } else { AnswerFault::Stalled })
    }

    fn count(&mut self, data: &Bytes) -> Result<(), AnswerFault> {
        let left = self.bytes_left.checked_sub(data.len() as u64);
        self.bytes_left = left.ok_or(AnswerFault::TooLarge)?;
        Ok(())
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = AnswerFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerFault>>> {
        let body = &mut *self;
        loop {
            let Poll::Ready(frame) = Pin::new(&mut body.inner).poll_frame(cx) else {
                return body.poll_clock(cx).map(|fault| Some(Err(fault)));
            };
            body.waiting = None;
            let data = match frame {
                None => return Poll::Ready(None),
                Some(Err(_)) => return Poll::Ready(Some(Err(AnswerFault::Broken))),
                Some(Ok(frame)) => frame.into_data(),
            };
            if let Ok(data) = data {
                let counted = body.count(&data);
                return Poll::Ready(Some(counted.map(|()| Frame::data(data))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Takes an answer whose head has come.
pub(super) fn take(
    answer: Response<Incoming>,
    bounds: Bounds,
    place: OwnedSemaphorePermit,
) -> Result<Response<AnswerBody>, Unknown> {
    let headers = answer.headers();
    let head_bytes: usize =
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let lengths = headers.get_all(CONTENT_LENGTH).iter().count();
    let is_plain = answer.status() >= StatusCode::OK
        && head_bytes <= HEAD_BYTES_MAX
        && lengths <= 1
        && !(lengths == 1 && headers.contains_key(TRANSFER_ENCODING))
        && answer.body().size_hint().lower() <= bounds.bytes_max;
    if !is_plain {
        return Err(Unknown::AnswerForm);
    }
    Ok(answer.map(|body| AnswerBody::new(body, bounds, place)))
}

const HEAD_BYTES_MAX: usize = 16 * 1024;
