//! The stream adapter that reads heads before hyper does.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::chunks::{Chunks, Progress};
use super::head::{self, Framing};
use super::{BodyFault, HeadFault};

/// What the front found on one connection: at most one bad head, after which nothing is read.
#[derive(Debug, Default)]
pub struct Verdict(OnceLock<(u64, HeadFault)>);

impl Verdict {
    /// The fault of a request, counted from 0 on its connection. `None` if its head is good.
    #[must_use]
    pub fn of(&self, request: u64) -> Option<HeadFault> {
        self.0.get().filter(|(bad, _)| *bad == request).map(|(_, fault)| *fault)
    }
}

/// A stream from which only strictly well-formed HTTP/1.1 requests can be read.
#[derive(Debug)]
pub struct Front<S> {
    inner: S,
    /// Bytes from `inner` between `start` and `end`, of which the first `cleared` may be read.
    store: Box<[u8]>,
    start: usize,
    end: usize,
    cleared: usize,
    /// How far the search for the end of the present head has come, from `start`.
    seen: usize,
    state: State,
    /// How many good heads there were.
    pub(super) requests: u64,
    verdict: Arc<Verdict>,
    linger: Option<Linger>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// A head is being gathered.
    Head,
    /// So many bytes of the present body are still to come.
    Length(u64),
    /// A chunked body is being followed.
    Chunked(Chunks),
    /// The present body cannot be read further.
    BadBody(BodyFault),
    /// The harmless head is being given out, from this byte on.
    BadHead(usize),
}

/// The wait, after our last byte, for the peer to read it and close.
#[derive(Debug)]
struct Linger {
    until: Pin<Box<Sleep>>,
    bytes_left: usize,
}

impl<S> Front<S> {
    /// Puts a front before a stream, and gives the place where its verdict will be.
    pub fn new(inner: S) -> (Self, Arc<Verdict>) {
        let verdict = Arc::new(Verdict::default());
        let front = Self {
            inner,
            store: vec![0; HEAD_BYTES_MAX].into_boxed_slice(),
            start: 0,
            end: 0,
            cleared: 0,
            seen: 0,
            state: State::Head,
            requests: 0,
            verdict: Arc::clone(&verdict),
            linger: None,
        };
        (front, verdict)
    }

    fn held(&self) -> &[u8] {
        self.store.get(self.start..self.end).unwrap_or_default()
    }

    /// Looks at the bytes held, and tells what to do next. Called with nothing cleared.
    fn step(&mut self) -> Step {
        match self.state {
            State::Head => self.step_head(),
            State::Length(0) => {
                self.state = State::Head;
                Step::Again
            }
            State::Length(left) if self.held().is_empty() => Step::Pass(left),
            State::Length(left) => {
                let held = self.held().len();
                self.cleared = usize::try_from(left).map_or(held, |left| left.min(held));
                self.state = State::Length(left - self.cleared as u64);
                Step::Again
            }
            State::Chunked(chunks) if self.held().is_empty() => match chunks.data() {
                0 => Step::Fill,
                data => Step::Pass(data),
            },
            State::Chunked(chunks) => self.step_chunks(chunks),
            State::BadBody(fault) => Step::Fail(fault),
            State::BadHead(_) => Step::End,
        }
    }

    fn step_head(&mut self) -> Step {
        let mut seen = self.seen;
        let found = head::find_end(self.held(), &mut seen);
        self.seen = seen;
        let length = match found {
            Ok(Some(length)) => length,
            Ok(None) if self.held().len() < HEAD_BYTES_MAX => return Step::Fill,
            Ok(None) => return self.refuse(HeadFault::HeadTooLong),
            Err(fault) => return self.refuse(fault),
        };
        match head::read(self.held().get(..length).unwrap_or_default()) {
            Err(fault) => self.refuse(fault),
            Ok(framing) => {
                self.seen = 0;
                self.requests = self.requests.wrapping_add(1);
                self.cleared = length;
                self.state = match framing {
                    Framing::Length(length) => State::Length(length),
                    Framing::Chunked => State::Chunked(Chunks::START),
                };
                Step::Again
            }
        }
    }

    fn step_chunks(&mut self, mut chunks: Chunks) -> Step {
        let (good, progress) = chunks.follow(self.held());
        self.cleared = good;
        self.state = match progress {
            Progress::More => State::Chunked(chunks),
            Progress::Done => State::Head,
            Progress::Bad(fault) => State::BadBody(fault),
        };
        Step::Again
    }

    fn refuse(&mut self, fault: HeadFault) -> Step {
        // INVARIANT: set before hyper can see the request, and only here.
        let _ = self.verdict.0.set((self.requests, fault));
        self.state = State::BadHead(0);
        Step::Again
    }

    /// Gives cleared bytes, or those of the harmless head. False if there are none.
    fn give(&mut self, out: &mut ReadBuf<'_>) -> bool {
        if let State::BadHead(given) = &mut self.state
            && let Some(rest) = HARMLESS_HEAD.get(*given..).filter(|rest| !rest.is_empty())
        {
            *given += put(rest, out);
            return true;
        }
        if self.cleared == 0 {
            return false;
        }
        let given = put(self.held().get(..self.cleared).unwrap_or_default(), out);
        self.cleared -= given;
        self.start += given;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        true
    }

    /// Whether the peer may have sent bytes that nobody will read.
    fn is_cut_short(&self) -> bool {
        !self.held().is_empty() || !matches!(self.state, State::Head | State::Length(0))
    }
}

impl<S: AsyncRead + Unpin> Front<S> {
    /// Reads more bytes into the store. Ready with how many; 0 is the end of the stream.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.end == self.store.len() {
            self.store.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let mut room = ReadBuf::new(self.store.get_mut(self.end..).unwrap_or_default());
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut room))?;
        let filled = room.filled().len();
        self.end += filled;
        Poll::Ready(Ok(filled))
    }

    /// Reads at most `left` bytes of a body straight into `out`.
    fn poll_pass(
        &mut self,
        cx: &mut Context<'_>,
        left: u64,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = out.remaining().min(PASS_BYTES_MAX);
        let room = usize::try_from(left).map_or(room, |left| left.min(room));
        let mut part = ReadBuf::new(out.initialize_unfilled_to(room));
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut part))?;
        let passed = part.filled().len();
        out.advance(passed);
        match &mut self.state {
            State::Length(left) => *left = left.saturating_sub(passed as u64),
            State::Chunked(chunks) if passed > 0 => chunks.pass(passed as u64),
            _ => {}
        }
        Poll::Ready(Ok(()))
    }

    /// Reads and forgets what the peer still sends, for a while, so that it gets our answer.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let linger = self.linger.get_or_insert_with(|| Linger {
            until: Box::pin(sleep(LINGER)),
            bytes_left: LINGER_BYTES_MAX,
        });
        while linger.bytes_left > 0 && linger.until.as_mut().poll(cx).is_pending() {
            let mut waste = ReadBuf::new(&mut self.store);
            match ready!(Pin::new(&mut self.inner).poll_read(cx, &mut waste)) {
                Ok(()) if !waste.filled().is_empty() => {
                    linger.bytes_left = linger.bytes_left.saturating_sub(waste.filled().len());
                }
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

/// What a look at the held bytes asks for.
enum Step {
    /// Give what was cleared, or look again.
    Again,
    /// Read more and look again.
    Fill,
    /// Let so many bytes of a body through without looking.
    Pass(u64),
    /// End the body in an error.
    Fail(BodyFault),
    /// Nothing more comes.
    End,
}

impl<S: AsyncRead + Unpin> AsyncRead for Front<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let front = &mut *self;
        loop {
            if front.give(out) {
                return Poll::Ready(Ok(()));
            }
            match front.step() {
                Step::Again => {}
                Step::Fill => {
                    if ready!(front.poll_fill(cx))? == 0 {
                        return Poll::Ready(Ok(()));
                    }
                }
                Step::Pass(left) => return front.poll_pass(cx, left, out),
                Step::Fail(fault) => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)));
                }
                Step::End => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Front<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    /// Shuts the stream down, and lingers if the peer may still be sending: closing on unread
    /// bytes would reset the connection and destroy the answer on its way (RFC 9112, 9.6).
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(Pin::new(&mut self.inner).poll_shutdown(cx))?;
        }
        if self.is_cut_short() {
            ready!(self.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}

fn put(bytes: &[u8], out: &mut ReadBuf<'_>) -> usize {
    let length = bytes.len().min(out.remaining());
    out.put_slice(bytes.get(..length).unwrap_or_default());
    length
}

const HEAD_BYTES_MAX: usize = 16 * 1024;
const PASS_BYTES_MAX: usize = 16 * 1024;
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES_MAX: usize = 1024 * 1024;
const HARMLESS_HEAD: &[u8] = b"GET / HTTP/1.1\r\nhost: invalid\r\nconnection: close\r\n\r\n";
