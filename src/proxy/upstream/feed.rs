//! The body of a request to a partner: whole, or fed piece by piece.
//!
//! Invariants of one that is fed:
//! - at most one piece waits, so that a partner that does not read stops who feeds it;
//! - it is known of each piece whether the connection took it, and after [`Feed::cut`] none is
//!   taken any more;
//! - a body that was cut ends in an error, so that its end cannot be taken for that of the whole.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::Notify;

/// The body of a request to a partner.
#[derive(Debug)]
pub enum Load {
    /// All of it is there.
    Whole(Option<Bytes>),
    /// It comes piece by piece.
    Fed(Fed),
}

/// The end of a body that pieces are put into. Dropping it cuts the body, unless it is finished.
#[derive(Debug)]
pub struct Feed(Arc<Shared>);

/// The end that a connection takes them from.
#[derive(Debug)]
pub struct Fed(Arc<Shared>);

/// A body whose connection takes nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection takes no more of the request")]
pub struct Closed;

/// The error that a body ends in when it is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request was broken off")]
pub struct Cut;

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: Option<Bytes>,
    taken: u64,
    is_finished: bool,
    is_cut: bool,
    is_closed: bool,
    reader: Option<Waker>,
}

impl Load {
    /// A body that is fed, and the end to feed it by.
    #[must_use]
    pub fn fed() -> (Feed, Self) {
        let shared = Arc::new(Shared::default());
        (Feed(Arc::clone(&shared)), Self::Fed(Fed(shared)))
    }

    /// Waits, apart from the body itself, until the connection has taken all of it.
    pub(crate) fn taken(&self) -> impl Future<Output = ()> + Send + use<> {
        let shared = match self {
            Self::Whole(_) => None,
            Self::Fed(fed) => Some(Arc::clone(&fed.0)),
        };
        async move {
            if let Some(shared) = shared {
                shared.wait(State::is_over).await;
            }
        }
    }
}

impl From<Bytes> for Load {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes))
    }
}

impl Feed {
    /// Puts a piece in, as soon as no other waits.
    ///
    /// # Errors
    /// The connection takes nothing any more; the piece is dropped.
    pub async fn push(&self, piece: Bytes) -> Result<(), Closed> {
        self.0.wait(|state| state.waiting.is_none() || state.is_closed).await;
        let mut state = self.0.state();
        if state.is_closed || state.is_cut {
            return Err(Closed);
        }
        state.waiting = Some(piece);
        state.wake();
        Ok(())
    }

    /// Says that nothing more comes, and waits until the connection has taken all of it.
    ///
    /// # Errors
    /// The connection takes nothing any more.
    pub async fn finish(&self) -> Result<(), Closed> {
        self.0.finish();
        self.0.wait(State::is_over).await;
        if self.0.state().waiting.is_none() { Ok(()) } else { Err(Closed) }
    }

    /// Ends the body here; how many pieces the connection has taken, which stays so.
    #[must_use]
    pub fn cut(&self) -> u64 {
        let mut state = self.0.state();
        state.is_cut = true;
        if state.waiting.take().is_some() {
            state.is_finished = false;
        }
        state.wake();
        self.0.changed.notify_waiters();
        state.taken
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let _ = self.cut();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self) {
        let mut state = self.state();
        state.is_finished = true;
        state.wake();
        drop(state);
        self.changed.notify_waiters();
    }

    async fn wait(&self, until: impl Fn(&State) -> bool) {
        loop {
            // Made before the look, so that no change between the two is missed.
            let changed = self.changed.notified();
            if until(&self.state()) {
                return;
            }
            changed.await;
        }
    }
}

impl State {
    /// Whether the connection will take nothing more of it.
    fn is_over(&self) -> bool {
        self.is_closed || self.is_cut || (self.is_finished && self.waiting.is_none())
    }

    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl Fed {
    fn poll(&self, cx: &Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let mut state = self.0.state();
        if let Some(piece) = state.waiting.take() {
            state.taken += 1;
            self.0.changed.notify_waiters();
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        match (state.is_finished, state.is_cut) {
            (true, _) => Poll::Ready(None),
            (false, true) => Poll::Ready(Some(Err(Cut))),
            (false, false) => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Fed {
    fn drop(&mut self) {
        self.0.state().is_closed = true;
        self.0.changed.notify_waiters();
    }
}

impl Body for Load {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match &mut *self {
            Self::Whole(whole) => Poll::Ready(whole.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Fed(fed) => fed.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.as_ref().is_none_or(Bytes::is_empty),
            Self::Fed(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => {
                SizeHint::with_exact(whole.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Fed(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use http_body_util::BodyExt as _;

    use super::*;

    fn now<F: Future>(future: F) -> Poll<F::Output> {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    fn taken(load: &mut Load) -> Poll<Option<Result<Bytes, Cut>>> {
        now(load.frame()).map(|frame| frame.map(|frame| frame.map(|f| f.into_data().unwrap())))
    }

    fn piece(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn one_piece_waits_and_no_more() {
        let (feed, mut load) = Load::fed();
        assert!(taken(&mut load).is_pending());
        assert_eq!(now(feed.push(piece("a"))), Poll::Ready(Ok(())));
        assert!(now(feed.push(piece("b"))).is_pending());
        assert_eq!(taken(&mut load), Poll::Ready(Some(Ok(piece("a")))));
        assert_eq!(now(feed.push(piece("c"))), Poll::Ready(Ok(())));
        assert!(now(feed.finish()).is_pending(), "not while a piece waits");
        assert_eq!(taken(&mut load), Poll::Ready(Some(Ok(piece("c")))));
        assert_eq!(now(feed.finish()), Poll::Ready(Ok(())));
        assert_eq!(taken(&mut load), Poll::Ready(None));
        assert_eq!(feed.cut(), 2);
    }

    #[test]
    fn a_cut_body_has_no_good_end_and_gives_nothing_more() {
        let (feed, mut load) = Load::fed();
        let _ = now(feed.push(piece("a")));
        let _ = taken(&mut load);
        let _ = now(feed.push(piece("b")));
        assert_eq!(feed.cut(), 1);
        assert_eq!(taken(&mut load), Poll::Ready(Some(Err(Cut))));
        assert_eq!(now(feed.push(piece("c"))), Poll::Ready(Err(Closed)));
        assert_eq!(feed.cut(), 1);

        let (feed, mut load) = Load::fed();
        let _ = now(feed.push(piece("a")));
        drop(feed);
        assert_eq!(taken(&mut load), Poll::Ready(Some(Err(Cut))), "nobody said that it was all");

        let (feed, mut load) = Load::fed();
        let _ = now(feed.push(piece("a")));
        let _ = now(feed.finish());
        assert_eq!(feed.cut(), 0);
        assert_eq!(taken(&mut load), Poll::Ready(Some(Err(Cut))), "the last piece never left");
    }

    #[test]
    fn a_finished_body_stays_so() {
        let (feed, mut load) = Load::fed();
        assert_eq!(now(feed.finish()), Poll::Ready(Ok(())));
        drop(feed);
        assert_eq!(taken(&mut load), Poll::Ready(None));
    }

    #[test]
    fn a_connection_that_is_gone_takes_nothing() {
        let (feed, load) = Load::fed();
        let _ = now(feed.push(piece("a")));
        let whole = load.taken();
        drop(load);
        assert_eq!(now(whole), Poll::Ready(()));
        assert_eq!(now(feed.push(piece("b"))), Poll::Ready(Err(Closed)));
        assert_eq!(now(feed.finish()), Poll::Ready(Err(Closed)));
        assert_eq!(feed.cut(), 0);
    }

    #[test]
    fn what_waits_is_woken() {
        let (feed, mut load) = Load::fed();
        let _ = now(feed.push(piece("a")));
        let mut pushing = when_woken(feed.push(piece("b")));
        assert!(!pushing());
        let _ = taken(&mut load);
        assert!(pushing());
    }

    /// Whether a future that was polled has been woken and is ready, each time it is asked.
    fn when_woken<F: Future>(future: F) -> impl FnMut() -> bool {
        struct Woken(std::sync::atomic::AtomicBool);
        impl std::task::Wake for Woken {
            fn wake(self: Arc<Self>) {
                self.0.store(true, std::sync::atomic::Ordering::SeqCst);
            }
        }
        let woken = Arc::new(Woken(true.into()));
        let mut future = Box::pin(future);
        move || {
            let was = woken.0.swap(false, std::sync::atomic::Ordering::SeqCst);
            let waker = Waker::from(Arc::clone(&woken));
            was && future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
        }
    }
}
