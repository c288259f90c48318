//! The body of a request: read under limits and deadlines, without its content coding.

mod coding;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body, Frame, Incoming};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::{Instant, timeout_at};

pub use coding::{ACCEPTED, BadCoding, Coding};

use crate::config::Limits;
use crate::document::Charset;
use crate::policy::Route;
use crate::reason::Reason;

/// How much of a body is taken, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of the body, as it comes and inflated.
    pub bytes_max: u64,
    /// Bytes that one byte of a compressed body may become, once it has become
    /// [`RATIO_FREE_BYTES`].
    pub ratio_max: u64,
    /// From one piece to the next.
    pub idle: Duration,
    /// When all of it must have come.
    pub until: Instant,
}

impl Bounds {
    /// Those of a body that is read as a whole, beginning now.
    #[must_use]
    pub fn whole(limits: &Limits) -> Self {
        let time = limits.body();
        let bytes_max = limits.body_bytes_max as u64;
        Self {
            bytes_max,
            ratio_max: limits.inflate_ratio_max,
            idle: time,
            until: Instant::now() + time,
        }
    }

    /// Those of a record stream, beginning now.
    #[must_use]
    pub fn stream(limits: &Limits) -> Self {
        Self {
            bytes_max: limits.stream_bytes_max,
            ratio_max: limits.inflate_ratio_max,
            idle: limits.body(),
            until: Instant::now() + limits.stream(),
        }
    }
}

/// Reads a body that has no content coding.
///
/// # Errors
/// A body beyond `max` bytes, one that takes longer than `deadline`, or one that ends before it
/// is complete.
pub async fn read(body: Incoming, max: usize, deadline: Duration) -> Result<Bytes, Reason> {
    let announced = body.size_hint().lower();
    if usize::try_from(announced).map_or(true, |announced| announced > max) {
        return Err(Reason::BodyTooLarge);
    }
    match tokio::time::timeout(deadline, collect(body, max)).await {
        Ok(read) => read,
        Err(_) => Err(Reason::BodyTooSlow),
    }
}

/// Reads a compressed body and inflates it.
///
/// # Errors
/// As [`Source::next`].
pub async fn inflate(body: Incoming, coding: Coding, bounds: Bounds) -> Result<Bytes, Reason> {
    let mut source = Source::new(body, Some(coding), bounds);
    let mut whole = BytesMut::new();
    while let Some(piece) = source.next().await? {
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// The charset that a route's bodies are converted from; `None` where they are UTF-8.
///
/// # Errors
/// The route names one that nothing can be read from.
pub fn charset(route: &Route) -> Result<Option<Charset>, Reason> {
    let Some(name) = &route.charset else { return Ok(None) };
    Charset::named(name).map(Some).ok_or(Reason::ContentUninspectable)
}

async fn collect(mut body: Incoming, max: usize) -> Result<Bytes, Reason> {
    let expected = body.size_hint().exact().and_then(|exact| usize::try_from(exact).ok());
    let mut whole = Bytes::new();
    let mut parts = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Reason::BodyIncomplete)?.into_data() else { continue };
        if data.len() > max.saturating_sub(whole.len().max(parts.len())) {
            return Err(Reason::BodyTooLarge);
        }
        if whole.is_empty() && parts.is_empty() {
            whole = data;
            continue;
        }
        if parts.is_empty() {
            parts.reserve(expected.unwrap_or(whole.len() * 2));
            parts.extend_from_slice(&whole);
        }
        parts.extend_from_slice(&data);
    }
    Ok(if parts.is_empty() { whole } else { parts.freeze() })
}

/// A body as it comes, piece by piece, without its content coding.
///
/// Nothing is read ahead: what nobody asks for stays with the caller.
pub struct Source {
    body: As,
    bounds: Bounds,
    given: u64,
    taken: Arc<AtomicU64>,
}

enum As {
    Plain(Pin<Box<dyn Body<Data = Bytes, Error = io::Error> + Send>>),
    Coded(Pin<Box<dyn AsyncRead + Send>>),
}

impl Source {
    /// The pieces of a body in a coding.
    #[must_use]
    pub fn new<B>(body: B, coding: Option<Coding>, bounds: Bounds) -> Self
    where
        B: Body<Data = Bytes, Error: std::error::Error + Send + Sync> + Send + 'static,
    {
        let taken = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&taken);
        let max = usize::try_from(bounds.bytes_max).unwrap_or(usize::MAX);
        let body = Limited::new(body, max)
            .map_err(|error| io::Error::new(kind(&*error), CUT))
            .map_frame(move |frame| counted(frame, &counter));
        let body = match coding {
            None => As::Plain(Box::pin(body)),
            Some(coding) => As::Coded(coding.decode(body)),
        };
        Self { body, bounds, given: 0, taken }
    }

    /// The next piece, never an empty one; `None` at the end.
    ///
    /// # Errors
    /// A body that is too large, too slow or ends before it is complete, and one that is not
    /// exactly one stream of its coding. After an error nothing more may be asked for.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Reason> {
        let until = self.bounds.until.min(Instant::now() + self.bounds.idle);
        let piece = timeout_at(until, self.body.piece()).await;
        let piece = piece.map_err(|_| Reason::BodyTooSlow)?.map_err(|error| reason(&error))?;
        self.given =
            self.given.saturating_add(piece.as_ref().map_or(0, |piece| piece.len() as u64));
        if matches!(self.body, As::Coded(_)) && self.given > self.inflated_max() {
            return Err(Reason::InflatedTooLarge);
        }
        Ok(piece)
    }

    /// The bytes that may have been given by now.
    fn inflated_max(&self) -> u64 {
        let taken = self.taken.load(Ordering::Relaxed);
        let by_ratio = taken.saturating_mul(self.bounds.ratio_max).max(RATIO_FREE_BYTES);
        by_ratio.min(self.bounds.bytes_max)
    }
}

impl As {
    async fn piece(&mut self) -> io::Result<Option<Bytes>> {
        match self {
            Self::Plain(body) => loop {
                let Some(frame) = body.frame().await else { return Ok(None) };
                if let Ok(data) = frame?.into_data()
                    && !data.is_empty()
                {
                    return Ok(Some(data));
                }
            },
            Self::Coded(body) => {
                let mut piece = BytesMut::with_capacity(PIECE_BYTES);
                let length = body.read_buf(&mut piece).await?;
                Ok((length > 0).then(|| piece.freeze()))
            }
        }
    }
}

fn counted(frame: Frame<Bytes>, counter: &AtomicU64) -> Frame<Bytes> {
    let length = frame.data_ref().map_or(0, Bytes::len);
    counter.fetch_add(length as u64, Ordering::Relaxed);
    frame
}

/// The kinds of error that tell what the body itself did; no coding makes them.
fn kind(error: &(dyn std::error::Error + 'static)) -> io::ErrorKind {
    if error.is::<LengthLimitError>() {
        io::ErrorKind::FileTooLarge
    } else {
        io::ErrorKind::ConnectionAborted
    }
}

fn reason(error: &io::Error) -> Reason {
    match error.kind() {
        io::ErrorKind::FileTooLarge => Reason::BodyTooLarge,
        io::ErrorKind::ConnectionAborted => Reason::BodyIncomplete,
        _ => Reason::ContentUninspectable,
    }
}

/// A compressed body may become so many bytes, whatever its ratio: 1 MiB.
pub const RATIO_FREE_BYTES: u64 = 1 << 20;
const PIECE_BYTES: usize = 64 << 10;
const CUT: &str = "the body ended early";

#[cfg(test)]
mod tests;
