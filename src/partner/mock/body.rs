//! The body of an answer that comes slowly, or is cut off.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::script::Answer;
use crate::server::Body;

/// The body as an answer of a script sends it.
pub(super) fn sent(mut body: Bytes, answer: &Answer) -> Body {
    let whole = body.len();
    let until = answer.cut_after.map_or(whole, |cut| cut.min(whole));
    let drip = answer.drip.map(|drip| (drip, Box::pin(sleep(drip))));
    let is_cut = answer.cut_after.is_some();
    body.truncate(until);
    Slow { rest: body, whole, is_cut, drip }.boxed()
}

struct Slow {
    rest: Bytes,
    whole: usize,
    is_cut: bool,
    drip: Option<(Duration, Pin<Box<Sleep>>)>,
}

impl hyper::body::Body for Slow {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let body = &mut *self;
        if body.rest.is_empty() {
            let is_cut = std::mem::take(&mut body.is_cut);
            let cut = || Err(io::Error::other("the script cuts the answer"));
            return Poll::Ready(is_cut.then(cut));
        }
        let Some((drip, clock)) = &mut body.drip else {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut body.rest)))));
        };
        ready!(clock.as_mut().poll(cx));
        *clock = Box::pin(sleep(*drip));
        Poll::Ready(Some(Ok(Frame::data(body.rest.split_to(1)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.whole).unwrap_or(u64::MAX))
    }
}
