//! A mock partner: takes envelopes over mutual TLS, opens them, and answers.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::certificates::Unmade;
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
        match self.take(request).await {
            Ok(received) => {
                let text = format!(r#"{{"accepted":true,"id":"{}"}}"#, received.header.did);
                if let Some(tell) = &self.0.tell {
                    // Nobody listens any more when the demonstration is over.
                    let _ = tell.send(received.clone());
                }
                let mut all = self.0.received.lock().unwrap_or_else(PoisonError::into_inner);
                all.push(received);
                answer(StatusCode::OK, text)
            }
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
        let (header, body) =
            envelope::open(&envelope, &self.0.secret).map_err(|_| "the envelope does not open")?;
        let id = parts.headers.get("otkel-id").and_then(|value| value.to_str().ok());
        let same = header.aud == self.0.name
            && header.m == parts.method.as_str()
            && header.p == parts.uri.path()
            && id == Some(header.did.to_string().as_str());
        if same { Ok(Received { header, body: body.into() }) } else { Err("not for this request") }
    }
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
