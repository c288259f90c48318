//! A mock partner: takes envelopes over mutual TLS, opens them, and answers in the form of what was
//! inside.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::certificates::Unmade;
use super::shown;
use crate::envelope::frames::{self, BadStream, Sequence};
use crate::envelope::request::{self, Request as Inner};
use crate::envelope::{self, Header, RecipientSecret};
use crate::proxy::body;
use crate::proxy::front::HeadFault;
use crate::server::{self, Body, Limits, Service};
use crate::tls::{self, Identity, Peer, TlsFault};

/// A mock partner that listens.
pub struct MockPartner {
    /// Where it listens.
    pub address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

/// A payload that a partner opened.
#[derive(Clone, Debug)]
pub struct Received {
    /// What the envelope says about itself.
    pub header: Header,
    /// What was inside.
    pub body: Bytes,
}

impl Received {
    /// The request that was inside, where it was one.
    #[must_use]
    pub fn request(&self) -> Option<Inner> {
        (self.header.cty == request::MEDIA_TYPE).then(|| Inner::decode(&self.body).ok()).flatten()
    }

    /// What was inside, for a person to read: text as it is, of anything else how much there is.
    #[must_use]
    pub fn shown(&self) -> String {
        match self.request() {
            Some(request) => shown::request(&request),
            None => shown::body(&self.header.cty, &self.body),
        }
    }
}

/// What a mock partner is made of.
pub struct Setup<'a> {
    /// The partner's name, which envelopes for it bear.
    pub name: &'a str,
    /// The folder with `<name>.pem`, `<name>.key` and `authority.pem`.
    pub certificates: &'a Path,
    /// The partner's private key.
    pub secret: RecipientSecret,
    /// Where to say what was received, as it comes.
    pub tell: Option<mpsc::UnboundedSender<Received>>,
}

impl MockPartner {
    /// Starts a mock partner on a port that the system chooses.
    ///
    /// # Errors
    /// A certificate that cannot be used, or no port.
    pub async fn start(setup: Setup<'_>, stop: CancellationToken) -> Result<Self, NoPartner> {
        let file = |name: &str, ending: &str| setup.certificates.join(format!("{name}.{ending}"));
        let identity = Identity::load(&file(setup.name, "pem"), &file(setup.name, "key"))?;
        let acceptor = tls::acceptor(&identity, &file("authority", "pem"))?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let received = Arc::new(Mutex::new(Vec::new()));
        let desk = Desk(Arc::new(Inside {
            name: setup.name.to_owned(),
            secret: setup.secret,
            received: Arc::clone(&received),
            tell: setup.tell,
        }));
        tokio::spawn(server::serve(listener, acceptor, Limits::default(), desk, stop));
        Ok(Self { address, received })
    }

    /// Everything received so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Why a mock partner does not start.
#[derive(Debug, thiserror::Error)]
pub enum NoPartner {
    /// A certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsFault),
    /// No port.
    #[error("no port to listen on")]
    Port(#[from] io::Error),
    /// A file could not be made.
    #[error(transparent)]
    Unmade(#[from] Unmade),
}

#[derive(Clone)]
struct Desk(Arc<Inside>);

struct Inside {
    name: String,
    secret: RecipientSecret,
    received: Arc<Mutex<Vec<Received>>>,
    tell: Option<mpsc::UnboundedSender<Received>>,
}

impl Service for Desk {
    async fn call(
        &self,
        request: Request<Incoming>,
        _peer: Arc<Peer>,
        fault: Option<HeadFault>,
    ) -> Response<Body> {
        if fault.is_some() {
            return answer(StatusCode::BAD_REQUEST, r#"{"error":"malformed head"}"#.into());
        }
        let taken = if is_stream(&request) {
            self.take_stream(request).await
        } else {
            self.take(request).await
        };
        match taken {
            Ok(received) => accepted(&received),
            Err(why) => answer(StatusCode::UNPROCESSABLE_ENTITY, format!(r#"{{"error":"{why}"}}"#)),
        }
    }
}

impl Desk {
    /// The checks that every receiver must make: the envelope opens, and is for this very request.
    async fn take(&self, request: Request<Incoming>) -> Result<Received, &'static str> {
        let (parts, incoming) = request.into_parts();
        let envelope = body::read(incoming, BODY_BYTES_MAX, BODY_TIME)
            .await
            .map_err(|_| "the body did not arrive whole")?;
        let received = self.open(&parts, &envelope, |header| header.did)?;
        self.keep(received.clone());
        Ok(received)
    }

    /// As [`Self::take`], of a stream of envelopes: each as it comes, in its order, to the last.
    async fn take_stream(&self, request: Request<Incoming>) -> Result<Received, &'static str> {
        let (parts, mut incoming) = request.into_parts();
        let (mut buffer, mut sequence, mut last) = (BytesMut::new(), Sequence::default(), None);
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|_| "the stream broke off")?;
            buffer.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
            while let Some(envelope) = next(&parts, &mut buffer).map_err(|_| "no frame")? {
                let stream = |header: &Header| header.stream.map_or(header.did, |part| part.id);
                let received = self.open(&parts, &envelope, stream)?;
                sequence.take(&received.header).map_err(|_| "not the next part")?;
                self.keep(received.clone());
                last = Some(received);
            }
        }
        sequence.finish().map_err(|_| "the stream is not whole")?;
        last.filter(|_| buffer.is_empty()).ok_or("the stream is cut off")
    }

    /// Opens an envelope for a request whose `Otkel-Id` is the one that `id` finds in its header.
    fn open(
        &self,
        request: &Parts,
        envelope: &[u8],
        id: impl Fn(&Header) -> Uuid,
    ) -> Result<Received, &'static str> {
        let (header, body) =
            envelope::open(envelope, &self.0.secret).map_err(|_| "the envelope does not open")?;
        let named = request.headers.get("otkel-id").and_then(|value| value.to_str().ok());
        let same = header.aud == self.0.name
            && header.m == request.method.as_str()
            && header.p == request.uri.path()
            && named == Some(id(&header).to_string().as_str());
        if same { Ok(Received { header, body: body.into() }) } else { Err("not for this request") }
    }

    fn keep(&self, received: Received) {
        if let Some(tell) = &self.0.tell {
            // Nobody listens any more when the demonstration is over.
            let _ = tell.send(received.clone());
        }
        self.0.received.lock().unwrap_or_else(PoisonError::into_inner).push(received);
    }
}

fn is_stream(request: &Request<Incoming>) -> bool {
    let media = request.headers().get(CONTENT_TYPE);
    media.is_some_and(|media| media == frames::MEDIA_TYPE || media == frames::MEDIA_TYPE_SIGNED)
}

fn next(request: &Parts, buffer: &mut BytesMut) -> Result<Option<Bytes>, BadStream> {
    if request.headers.get(CONTENT_TYPE).is_some_and(|it| it == frames::MEDIA_TYPE) {
        return frames::next(buffer);
    }
    Ok(frames::next_signed(buffer)?.map(|(envelope, _)| envelope))
}

/// An answer in the form of what was received.
fn accepted(received: &Received) -> Response<Body> {
    let header = &received.header;
    let did = header.stream.map_or(header.did, |part| part.id);
    if received.request().is_some_and(|request| request.method == "GET") {
        let found = r#""certificates":[{"number":"KZ-7-0001","clerk":"Архивова Сәуле"}]"#;
        return answer(StatusCode::OK, format!(r#"{{"id":"{did}",{found}}}"#));
    }
    let media = header.cty.split(';').next().unwrap_or_default();
    let namespace = match media {
        "text/xml" => "http://schemas.xmlsoap.org/soap/envelope/",
        "application/soap+xml" => "http://www.w3.org/2003/05/soap-envelope",
        _ => return answer(StatusCode::OK, format!(r#"{{"accepted":true,"id":"{did}"}}"#)),
    };
    let accepted = format!(r#"<accepted xmlns="urn:archive-kz:1"><id>{did}</id></accepted>"#);
    let text =
        format!(r#"<s:Envelope xmlns:s="{namespace}"><s:Body>{accepted}</s:Body></s:Envelope>"#);
    let mut answer = answer(StatusCode::OK, text);
    if let Ok(media) = HeaderValue::from_str(&format!("{media}; charset=utf-8")) {
        answer.headers_mut().insert(CONTENT_TYPE, media);
    }
    answer
}

fn answer(status: StatusCode, text: String) -> Response<Body> {
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

const BODY_BYTES_MAX: usize = 64 << 20;
const BODY_TIME: Duration = Duration::from_secs(30);
