use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};

use super::head::{self, Framing};
use super::{BodyFault, Front, HeadFault};

fn read(head: &str) -> Result<Framing, HeadFault> {
    let mut seen = 0;
    match head::find_end(head.as_bytes(), &mut seen)? {
        Some(end) => head::read(&head.as_bytes()[..end]),
        None => panic!("the head has no end: {head:?}"),
    }
}

#[test]
fn a_good_head_tells_how_its_body_is_framed() {
    for (fields, framing) in [
        ("", Framing::Length(0)),
        ("Content-Length: 0\r\n", Framing::Length(0)),
        ("content-length:17\r\n", Framing::Length(17)),
        ("CONTENT-LENGTH: \t 999999999999999999 \t\r\n", Framing::Length(999_999_999_999_999_999)),
        ("Transfer-Encoding: chunked\r\n", Framing::Chunked),
        ("transfer-encoding: CHUNKED\r\nExpect: 100-Continue\r\n", Framing::Chunked),
        ("Connection: Keep-Alive\r\n", Framing::Length(0)),
        ("Connection: close, TE\r\nTE: trailers, gzip\r\n", Framing::Length(0)),
        ("x-empty:\r\nx-text: \u{e9}\t\"a\"\r\n", Framing::Length(0)),
    ] {
        let head = format!("POST /a?b HTTP/1.1\r\nHost: a.example:8443\r\n{fields}\r\n");
        assert_eq!(read(&head), Ok(framing), "{fields:?}");
    }
}

#[test]
fn a_bad_field_is_named() {
    use HeadFault::{
        BareCarriageReturn, BareLineFeed, BothLengths, CodingList, ConnectionOption, Expectation,
        FieldName, FieldValue, HostForm, HostRepeated, LengthForm, LengthRepeated, ObsFold,
        SpaceBeforeColon, Upgrade,
    };
    for (fields, fault) in [
        ("content-length: 1\r\ntransfer-encoding: chunked\r\n", BothLengths),
        ("transfer-encoding: chunked\r\ncontent-length: 1\r\n", BothLengths),
        ("content-length: 1\r\ncontent-length: 1\r\n", LengthRepeated),
        ("content-length: 1\r\ncontent-length: 2\r\n", LengthRepeated),
        ("content-length: 1, 1\r\n", LengthForm),
        ("content-length: +1\r\n", LengthForm),
        ("content-length: -1\r\n", LengthForm),
        ("content-length: 0x1\r\n", LengthForm),
        ("content-length: 1 1\r\n", LengthForm),
        ("content-length:\r\n", LengthForm),
        ("content-length: 1234567890123456789\r\n", LengthForm),
        ("transfer-encoding: gzip, chunked\r\n", CodingList),
        ("transfer-encoding: chunked, chunked\r\n", CodingList),
        ("transfer-encoding: identity\r\n", CodingList),
        ("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", CodingList),
        ("transfer-encoding: \"chunked\"\r\n", CodingList),
        ("transfer-encoding: chunked;q=1\r\n", CodingList),
        ("transfer-encoding: xchunked\r\n", CodingList),
        ("transfer-encoding:\r\n", CodingList),
        ("Host: a\r\n", HostRepeated),
        ("x : 1\r\n", SpaceBeforeColon),
        ("transfer-encoding : chunked\r\n", SpaceBeforeColon),
        ("x\t: 1\r\n", SpaceBeforeColon),
        (" x: 1\r\n", ObsFold),
        ("x: 1\r\n 2\r\n", ObsFold),
        ("x: 1\r\n\ttransfer-encoding: chunked\r\n", ObsFold),
        ("x\r\n", FieldName),
        (": 1\r\n", FieldName),
        ("x(y): 1\r\n", FieldName),
        ("x\u{e9}: 1\r\n", FieldName),
        ("x\0: 1\r\n", FieldName),
        ("x: a\0b\r\n", FieldValue),
        ("x: a\u{7f}b\r\n", FieldValue),
        ("x: a\u{b}\r\n", FieldValue),
        ("x: a\rtransfer-encoding: chunked\r\n", BareCarriageReturn),
        ("x: a\r\r\n", BareCarriageReturn),
        ("x: a\ny: b\r\n", BareLineFeed),
        ("x: a\n\n", BareLineFeed),
        ("x: a\r\n\n", BareLineFeed),
        ("upgrade: websocket\r\n", Upgrade),
        ("connection: keep-alive, Upgrade\r\n", Upgrade),
        ("connection: x-secret\r\n", ConnectionOption),
        ("connection: close, host\r\n", ConnectionOption),
        ("connection:\r\n", ConnectionOption),
        ("expect: 200-ok\r\n", Expectation),
        ("expect: 100-continue\r\nexpect: 100-continue\r\n", Expectation),
    ] {
        let head = format!("POST /a HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n");
        assert_eq!(read(&head), Err(fault), "{fields:?}");
    }
    assert_eq!(read("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"), Err(HostForm));
}

#[test]
fn a_bad_request_line_is_named() {
    use HeadFault::{
        BareLineFeed, HostAbsent, Method, RequestLine, TargetForm, TargetSegment, Version,
    };
    for (line, fault) in [
        ("GET / HTTP/1.0", Version),
        ("GET / HTTP/1.2", Version),
        ("GET / HTTP/2.0", Version),
        ("GET / HTTP/1.10", Version),
        ("PRI * HTTP/2.0", Version),
        ("GET / http/1.1", RequestLine),
        ("GET /", RequestLine),
        ("GET  / HTTP/1.1", RequestLine),
        ("GET / HTTP/1.1 ", RequestLine),
        (" GET / HTTP/1.1", RequestLine),
        ("GET\t/ HTTP/1.1", RequestLine),
        ("GET /a b HTTP/1.1", RequestLine),
        ("CONNECT a.example:443 HTTP/1.1", Method),
        ("TRACE / HTTP/1.1", Method),
        ("G(T / HTTP/1.1", Method),
        ("ABCDEFGHIJKLMNOPQ / HTTP/1.1", Method),
        ("GET http://a.example/ HTTP/1.1", TargetForm),
        ("OPTIONS * HTTP/1.1", TargetForm),
        ("GET a.example:443 HTTP/1.1", TargetForm),
        ("GET /../a HTTP/1.1", TargetSegment),
    ] {
        let head = format!("{line}\r\nHost: a.example\r\n\r\n");
        assert_eq!(read(&head), Err(fault), "{line:?}");
    }
    assert_eq!(read("GET / HTTP/1.1\r\n\r\n"), Err(HostAbsent));
    assert_eq!(read("GET / HTTP/1.1\r\nHost:\r\n\r\n"), Err(HostAbsent));
    assert_eq!(read("GET / HTTP/1.1\nHost: a\n\n"), Err(BareLineFeed));
    assert_eq!(read("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), Err(RequestLine));
}

#[test]
fn a_head_is_bounded_in_fields_and_bytes() {
    let fields = |count| "x: 1\r\n".repeat(count);
    let head = |fields: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    assert_eq!(read(&head(&fields(63))), Ok(Framing::Length(0)));
    assert_eq!(read(&head(&fields(64))), Err(HeadFault::FieldsTooMany));

    let fits = head(&format!("x: {}\r\n", "y".repeat(16 * 1024 - 32)));
    assert_eq!(fits.len(), 16 * 1024);
    assert_eq!(Seen::of(fits.as_bytes(), &[]).fault, None);
    let long = head(&format!("x: {}\r\n", "y".repeat(16 * 1024 - 31)));
    assert_eq!(Seen::of(long.as_bytes(), &[]).fault, Some((0, HeadFault::HeadTooLong)));
}

#[test]
fn a_good_request_passes_unchanged_and_the_bad_one_after_it_does_not() {
    let good = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    let seen = Seen::of(format!("{good}GET //b HTTP/1.1\r\nHost: a\r\n\r\nmore").as_bytes(), &[]);
    let stand_in = "GET / HTTP/1.1\r\nhost: invalid\r\nconnection: close\r\n\r\n";
    assert_eq!(String::from_utf8(seen.bytes).unwrap(), format!("{good}{stand_in}"));
    assert_eq!(seen.fault, Some((1, HeadFault::TargetSegment)));
}

#[test]
fn bad_chunks_end_the_body_in_an_error() {
    let seen = Seen::of(
        b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n",
        &[],
    );
    assert_eq!(seen.error, Some(BodyFault::ChunkExtension));
    assert_eq!(seen.fault, None);
}

/// What can be read from a front, to the end.
#[derive(Debug, PartialEq)]
struct Seen {
    bytes: Vec<u8>,
    fault: Option<(u64, HeadFault)>,
    error: Option<BodyFault>,
    requests: u64,
}

impl Seen {
    /// Reads `bytes` through a front that gets them cut at `cuts`.
    fn of(bytes: &[u8], cuts: &[usize]) -> Self {
        let (mut front, verdict) =
            Front::new(Pieces { bytes: bytes.to_vec(), cuts: cuts.to_vec() });
        let mut seen = Self { bytes: Vec::new(), fault: None, error: None, requests: 0 };
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            let mut room = [0; 97];
            let mut out = ReadBuf::new(&mut room);
            match Pin::new(&mut front).poll_read(&mut cx, &mut out) {
                Poll::Pending => panic!("the pieces are always ready"),
                Poll::Ready(Ok(())) if out.filled().is_empty() => break,
                Poll::Ready(Ok(())) => seen.bytes.extend_from_slice(out.filled()),
                Poll::Ready(Err(error)) => {
                    seen.error = error.get_ref().and_then(|cause| cause.downcast_ref()).copied();
                    break;
                }
            }
        }
        seen.requests = front.requests;
        seen.fault = (0..99).find_map(|request| Some((request, verdict.of(request)?)));
        seen
    }
}

/// A stream that gives its bytes in pieces.
struct Pieces {
    bytes: Vec<u8>,
    cuts: Vec<usize>,
}

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = self.cuts.pop().unwrap_or(usize::MAX).max(1);
        let length = length.min(self.bytes.len()).min(out.remaining());
        out.put_slice(&self.bytes[..length]);
        self.bytes.drain(..length);
        Poll::Ready(Ok(()))
    }
}

/// Requests, some good and some bad, one after the other.
fn requests() -> impl Strategy<Value = Vec<u8>> {
    let request = prop_oneof![
        Just("GET /a HTTP/1.1\r\nHost: a\r\n\r\n"),
        Just("POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"),
        Just(
            "PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        ),
        Just(
            "PUT /d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n"
        ),
        Just("GET /e HTTP/1.1\nHost: a\n\n"),
        Just("GET /f HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    ];
    proptest::collection::vec(request, 1..5).prop_map(|requests| requests.concat().into_bytes())
}

/// The same, with a few bytes changed.
fn mangled() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        Just(b'\r'),
        Just(b'\n'),
        Just(b' '),
        Just(b':'),
        Just(b'0'),
        Just(b';'),
        Just(b','),
        Just(b'/'),
        Just(b'.'),
        Just(0),
        any::<u8>(),
    ];
    let change = (any::<prop::sample::Index>(), 0..3, byte);
    (requests(), proptest::collection::vec(change, 0..4)).prop_map(|(mut bytes, changes)| {
        for (at, how, byte) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        bytes
    })
}

/// What hyper makes of bytes that came through a front: methods and paths, and whether the body
/// could be read.
async fn calls(bytes: Vec<u8>) -> (Vec<(String, bool)>, Option<(u64, HeadFault)>) {
    let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
    let (front, verdict) = Front::new(ours);
    let calls = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&calls);
    let service = service_fn(move |request: Request<Incoming>| {
        let log = Arc::clone(&log);
        async move {
            let line = format!("{} {}", request.method(), request.uri());
            let is_whole = request.into_body().collect().await.is_ok();
            log.lock().unwrap().push((line, is_whole));
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    theirs.write_all(&bytes).await.unwrap();
    theirs.shutdown().await.unwrap();
    let connection =
        http1::Builder::new().half_close(true).serve_connection(TokioIo::new(front), service);
    let mut answers = Vec::new();
    let (_, read) = tokio::join!(connection, theirs.read_to_end(&mut answers));
    read.unwrap();
    let calls = calls.lock().unwrap().clone();
    (calls, (0..99).find_map(|request| Some((request, verdict.of(request)?))))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn however_the_bytes_are_cut_the_verdict_is_the_same(
        bytes in mangled(),
        cuts in proptest::collection::vec(0..40_usize, 0..64),
    ) {
        prop_assert_eq!(Seen::of(&bytes, &cuts), Seen::of(&bytes, &[]));
    }

    /// The counts of the front and of hyper never part: the fault is on the request that stands
    /// in for the bad one, it is the last, and hyper refuses none that the front let through.
    #[test]
    fn the_fault_always_meets_its_stand_in(bytes in mangled()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let seen = Seen::of(&bytes, &[]);
        let (calls, fault) = runtime.block_on(calls(bytes));
        prop_assert_eq!(fault, seen.fault);
        let is_cut = calls.iter().any(|(_, is_whole)| !is_whole);
        match fault {
            Some((bad, _)) => {
                prop_assert_eq!(calls.len() as u64, bad + 1);
                prop_assert_eq!(&calls.last().unwrap().0, "GET /");
            }
            None => prop_assert!(seen.error.is_none() || is_cut),
        }
        prop_assert_eq!(calls.len() as u64, seen.requests + u64::from(fault.is_some()));
    }
}
