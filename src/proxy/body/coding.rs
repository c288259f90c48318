//! Content codings (RFC 9110 section 8.4.1), each read as exactly one stream.
//!
//! Refused besides corrupt and truncated bodies:
//! - anything after the end of the stream, so also a second member of gzip and a second frame of
//!   Zstandard: readers differ about them;
//! - windows that would take more memory than a body is worth: those of Zstandard beyond 8 MiB
//!   (RFC 9659), and the large ones that RFC 7932 does not know, of Brotli;
//! - `deflate` without the frame of zlib (RFC 1950).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder};
use async_compression::zstd::DParameter;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Body;
use hyper::header::HeaderValue;
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};
use tokio_util::io::StreamReader;

/// The coding of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// `br`: Brotli (RFC 7932).
    Brotli,
    /// `deflate`: zlib (RFC 1950).
    Deflate,
    /// `gzip` (RFC 1952).
    Gzip,
    /// `zstd`: Zstandard (RFC 8878).
    Zstd,
}

impl Coding {
    /// The only coding that the values of `Content-Encoding` name.
    ///
    /// # Errors
    /// Several codings, or one that is not read here.
    pub fn named<'a>(values: impl IntoIterator<Item = &'a HeaderValue>) -> Result<Self, BadCoding> {
        let mut values = values.into_iter();
        let (Some(only), None) = (values.next(), values.next()) else { return Err(BadCoding) };
        let name = only.to_str().map_err(|_| BadCoding)?;
        let is_it = |(word, _): &&(&str, Self)| word.eq_ignore_ascii_case(name);
        NAMES.iter().find(is_it).map(|(_, coding)| *coding).ok_or(BadCoding)
    }

    /// Reads a body in this coding.
    pub(super) fn decode<B>(self, body: B) -> Pin<Box<dyn AsyncRead + Send>>
    where
        B: Body<Data = Bytes, Error = io::Error> + Send + 'static,
    {
        let body = Box::pin(StreamReader::new(body.into_data_stream()));
        match self {
            Self::Brotli => Box::pin(Only::new(BrotliDecoder::new(NoLargeWindow::new(body)))),
            Self::Deflate => Box::pin(Only::new(ZlibDecoder::new(body))),
            Self::Gzip => Box::pin(Only::new(GzipDecoder::new(body))),
            Self::Zstd => {
                let window = DParameter::window_log_max(ZSTD_WINDOW_LOG_MAX);
                Box::pin(Only::new(ZstdDecoder::with_params(body, &[window])))
            }
        }
    }
}

/// A content coding that is not read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content coding is none of {ACCEPTED}")]
pub struct BadCoding;

/// The codings that are read, as `Accept-Encoding` lists them.
pub const ACCEPTED: &str = "gzip, br, zstd, deflate";

static NAMES: [(&str, Coding); 4] = [
    ("br", Coding::Brotli),
    ("deflate", Coding::Deflate),
    ("gzip", Coding::Gzip),
    ("zstd", Coding::Zstd),
];

/// A decoder over a body of which nothing may be left when it has come to its end.
struct Only<D> {
    decoder: D,
    is_over: bool,
}

impl<D> Only<D> {
    const fn new(decoder: D) -> Self {
        Self { decoder, is_over: false }
    }
}

impl<D: AsyncRead + Below + Unpin> AsyncRead for Only<D> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = out.filled().len();
        if !self.is_over {
            ready!(Pin::new(&mut self.decoder).poll_read(cx, out))?;
            if out.filled().len() > before || out.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            self.is_over = true;
        }
        let left = ready!(Pin::new(self.decoder.below()).poll_fill_buf(cx))?;
        Poll::Ready(if left.is_empty() { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) })
    }
}

/// A decoder that shows what it reads from.
trait Below {
    type Reader: AsyncBufRead + Unpin;

    fn below(&mut self) -> &mut Self::Reader;
}

macro_rules! below {
    ($($decoder:ident),+) => {
        $(impl<R: AsyncBufRead + Unpin> Below for $decoder<R> {
            type Reader = R;

            fn below(&mut self) -> &mut R {
                self.get_mut()
            }
        })+
    };
}

below!(BrotliDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder);

/// A Brotli stream whose first byte announces no large window, of up to 1 GiB: the decoder would
/// take it.
struct NoLargeWindow<R> {
    inner: R,
    is_checked: bool,
}

impl<R> NoLargeWindow<R> {
    const fn new(inner: R) -> Self {
        Self { inner, is_checked: false }
    }
}

impl<R: AsyncBufRead + Unpin> AsyncBufRead for NoLargeWindow<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        let bytes = ready!(Pin::new(&mut this.inner).poll_fill_buf(cx))?;
        if !this.is_checked && bytes.first().is_some_and(|first| first & 0x7F == LARGE_WINDOW) {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        this.is_checked |= !bytes.is_empty();
        Poll::Ready(Ok(bytes))
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        Pin::new(&mut self.inner).consume(amount);
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for NoLargeWindow<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, out)
    }
}

/// The first seven bits of a Brotli stream that announces a large window.
const LARGE_WINDOW: u8 = 0x11;
/// 8 MiB: what RFC 9659 lets a sender use.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
