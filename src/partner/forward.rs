//! The partner's application over plain HTTP/1.1: what it is asked, and what becomes of its reply.
//!
//! The request is built anew. It has the method, path and media type of the route, or of the
//! request inside of the envelope with that request's header fields, and these fields besides:
//!
//! | field | what |
//! |---|---|
//! | `Otkel-Id` | the disclosure's id, by which the application can tell a repetition |
//! | `Otkel-Gateway` | the gateway that sent it |
//! | `Otkel-Purpose` | the purpose that the data are bound to |
//! | `Otkel-Expires` | when they must have been destroyed (RFC 3339) |
//! | `Otkel-Onward` | whether they may be passed on: `yes` or `no` |
//! | `Otkel-Stream` | of a part of a stream: `<id>;n=<number from 0>;last=<0 or 1>` |
//!
//! Nothing of the gateway's own header fields is passed on. A request is sent once: a connection
//! that was closed before anything of it was written is replaced, and that is all.

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;

use super::application::{Application, Message, NoReply, Payload, Reply};
use crate::envelope::Header;
use crate::envelope::request::Request as Inner;
use crate::proxy::ID_HEADER;
use crate::proxy::upstream::Load;
use crate::time::Timestamp;

/// How the application is reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its address, `host:port`.
    pub address: String,
    /// Time for a connection, in milliseconds.
    pub connect_ms: u64,
    /// Time from the end of the request to the head of the reply, and from there to its end, in
    /// milliseconds.
    pub reply_ms: u64,
    /// Bytes of a reply's body.
    pub reply_bytes_max: usize,
}

/// The application behind an address.
pub struct Http {
    client: Client<HttpConnector, Load>,
    authority: String,
    reply: Duration,
    reply_bytes_max: usize,
}

impl Http {
    /// Sets up the way to the application. Nothing is connected yet.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_millis(settings.connect_ms)));
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .http1_max_buf_size(BUFFER_BYTES_MAX)
            .build(connector);
        Self {
            client,
            authority: settings.address.clone(),
            reply: Duration::from_millis(settings.reply_ms),
            reply_bytes_max: settings.reply_bytes_max,
        }
    }

    fn request(&self, message: Message) -> Option<Request<Load>> {
        let Message { header, gateway, method, path, inner, payload } = message;
        let (method, target, headers, load) = if let Some(inner) = inner {
            unpacked(inner)?
        } else {
            let load = match payload {
                Payload::Whole(bytes) => Load::from(bytes),
                Payload::Pieces(load) => load,
            };
            (method, path, media(&header)?, load)
        };
        let mut request = Request::new(load);
        *request.method_mut() = method;
        *request.uri_mut() = Uri::builder()
            .scheme("http")
            .authority(self.authority.as_str())
            .path_and_query(target)
            .build()
            .ok()?;
        *request.headers_mut() = headers;
        marks(request.headers_mut(), &header, &gateway)?;
        Some(request)
    }

    async fn reply(&self, answer: Response<Incoming>) -> Result<Reply, NoReply> {
        let (parts, body) = answer.into_parts();
        let is_plain = parts
            .headers
            .get_all(CONTENT_ENCODING)
            .iter()
            .all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
        if parts.status < StatusCode::OK || !is_plain {
            return Err(NoReply::Broken);
        }
        let body = Limited::new(body, self.reply_bytes_max).collect();
        let body = timeout(self.reply, body).await.map_err(|_| NoReply::Late)?;
        let body = body.map_err(|_| NoReply::Broken)?.to_bytes();
        Ok(Reply { status: parts.status, headers: parts.headers, body })
    }
}

impl Application for Http {
    async fn take(&self, message: Message) -> Result<Reply, NoReply> {
        let request = self.request(message).ok_or(NoReply::Unreached)?;
        let taken = request.body().taken();
        let answer = self.client.request(request);
        let late = async {
            taken.await;
            tokio::time::sleep(self.reply).await;
        };
        let answer = tokio::select! {
            biased;
            answer = answer => answer.map_err(|error| failure(&error))?,
            () = late => return Err(NoReply::Late),
        };
        self.reply(answer).await
    }
}

/// Whether the fields of the request inside of an envelope may go to an application.
///
/// Those that would speak of the connection, of the body's framing or in the receiver's own name
/// may not. A name of other characters than letters, digits and `-` could be read as one of them.
pub(super) fn is_passable(inner: &Inner) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_ours = |name: &str| {
        name.starts_with("otkel-")
            || name.starts_with("signature")
            || name.starts_with("proxy-")
            || OURS.contains(&name)
    };
    inner.headers.iter().all(|(name, value)| {
        name.bytes().all(is_plain) && !is_ours(name) && HeaderValue::from_str(value).is_ok()
    })
}

/// Whether what an envelope says of itself can be said in header fields.
pub(super) fn is_sayable(header: &Header) -> bool {
    let is_word = |text: &str| text.len() <= WORD_MAX && text.bytes().all(|b| b.is_ascii_graphic());
    is_word(&header.pur)
        && HeaderValue::from_str(&header.cty).is_ok()
        && Timestamp::from_seconds(header.exp).is_some()
}

type Unpacked = (Method, String, HeaderMap, Load);

/// The request inside of an envelope.
fn unpacked(inner: Inner) -> Option<Unpacked> {
    let mut headers = HeaderMap::new();
    for (name, value) in &inner.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_str(value).ok()?);
    }
    let method = Method::from_bytes(inner.method.as_bytes()).ok()?;
    Some((method, inner.target, headers, Load::from(Bytes::from(inner.body))))
}

fn media(header: &Header) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    if !header.cty.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(&header.cty).ok()?);
    }
    Some(headers)
}

/// What the application is told of a message besides.
fn marks(headers: &mut HeaderMap, header: &Header, gateway: &str) -> Option<()> {
    let expires = Timestamp::from_seconds(header.exp)?.to_string();
    let onward = if header.onw { "yes" } else { "no" };
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(ID_HEADER, HeaderValue::from_str(&header.did.to_string()).ok()?);
    headers.insert(GATEWAY, HeaderValue::from_str(gateway).ok()?);
    headers.insert(PURPOSE, HeaderValue::from_str(&header.pur).ok()?);
    headers.insert(EXPIRES, HeaderValue::from_str(&expires).ok()?);
    headers.insert(ONWARD, HeaderValue::from_static(onward));
    if let Some(part) = header.stream {
        let text = format!("{};n={};last={}", part.id, part.n, u8::from(part.last));
        headers.insert(STREAM, HeaderValue::from_str(&text).ok()?);
    }
    Some(())
}

/// Why there is no reply. In doubt something has reached the application.
fn failure(error: &Error) -> NoReply {
    if error.is_connect() {
        return NoReply::Unreached;
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<crate::proxy::upstream::Cut>() {
            return NoReply::Cut;
        }
        // Hyper calls a request canceled only where it hands it back unwritten.
        if error.downcast_ref().is_some_and(hyper::Error::is_canceled) {
            return NoReply::Unreached;
        }
        cause = error.source();
    }
    NoReply::Broken
}

/// Fields that no request inside of an envelope may have.
const OURS: [&str; 10] = [
    "connection",
    "content-digest",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
const GATEWAY: HeaderName = HeaderName::from_static("otkel-gateway");
const PURPOSE: HeaderName = HeaderName::from_static("otkel-purpose");
const EXPIRES: HeaderName = HeaderName::from_static("otkel-expires");
const ONWARD: HeaderName = HeaderName::from_static("otkel-onward");
const STREAM: HeaderName = HeaderName::from_static("otkel-stream");
const WORD_MAX: usize = 64;
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Shorter than the 5 s after which common application servers close a connection that rests.
const POOL_IDLE: Duration = Duration::from_secs(4);
