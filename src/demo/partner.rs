//! A mock partner: takes envelopes over mutual TLS, opens them, and answers.

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
use crate::envelope::frames::{self, Sequence};
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
            Ok(id) => answer(StatusCode::OK, format!(r#"{{"accepted":true,"id":"{id}"}}"#)),
            Err(why) => answer(StatusCode::UNPROCESSABLE_ENTITY, format!(r#"{{"error":"{why}"}}"#)),
        }
    }
}

impl Desk {
    /// The checks that every receiver must make: the envelope opens, and is for this very request.
    async fn take(&self, request: Request<Incoming>) -> Result<Uuid, &'static str> {
        let (parts, incoming) = request.into_parts();
        let envelope = body::read(incoming, BODY_BYTES_MAX, BODY_TIME)
            .await
            .map_err(|_| "the body did not arrive whole")?;
        let received = self.open(&parts, &envelope, |header| header.did)?;
        let id = received.header.did;
        self.keep(received);
        Ok(id)
    }

    /// As [`Self::take`], of a stream of envelopes: each as it comes, in its order, to the last.
    async fn take_stream(&self, request: Request<Incoming>) -> Result<Uuid, &'static str> {
        let (parts, mut incoming) = request.into_parts();
        let (mut buffer, mut sequence, mut id) = (BytesMut::new(), Sequence::default(), None);
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|_| "the stream broke off")?;
            buffer.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
            while let Some(envelope) = frames::next(&mut buffer).map_err(|_| "no frame")? {
                let stream = |header: &Header| header.stream.map_or(header.did, |part| part.id);
                let received = self.open(&parts, &envelope, stream)?;
                sequence.take(&received.header).map_err(|_| "not the next part")?;
                id = id.or(Some(received.header.did));
                self.keep(received);
            }
        }
        sequence.finish().map_err(|_| "the stream is not whole")?;
        id.filter(|_| buffer.is_empty()).ok_or("the stream is cut off")
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
    request.headers().get(CONTENT_TYPE).is_some_and(|media| media == frames::MEDIA_TYPE)
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
