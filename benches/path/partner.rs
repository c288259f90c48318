//! A mock partner: takes any request, answers 200 with a little JSON, and counts what it received.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A running mock partner.
pub(crate) struct Partner {
    address: SocketAddr,
    received: Arc<Mutex<Received>>,
}

/// What the partner received since it was last told to forget.
#[derive(Clone, Default)]
pub(crate) struct Received {
    requests: usize,
    json: usize,
    bytes: usize,
    first: Option<Bytes>,
}

/// What a partner must receive of a document.
#[derive(Clone, Copy)]
pub(crate) enum Arrival {
    /// All of it.
    Whole,
    /// JSON with the mapped members only.
    Redacted,
    /// Bytes that show none of it.
    Sealed,
}

impl Partner {
    pub(crate) async fn start(tls: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Received::default()));
        tokio::spawn(accept(listener, TlsAcceptor::from(Arc::new(tls)), received.clone()));
        Self { address, received }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts counting anew.
    pub(crate) fn forget(&self) {
        *self.received.lock().unwrap() = Received::default();
    }

    /// What arrived since.
    pub(crate) fn received(&self) -> Received {
        self.received.lock().unwrap().clone()
    }
}

impl Received {
    /// Bytes of body in an average request.
    pub(crate) fn bytes_per_request(&self) -> usize {
        self.bytes / self.requests.max(1)
    }

    /// Why this is not what the partner must have received of `sent` requests.
    pub(crate) fn fault(&self, sent: usize, arrival: Arrival) -> Option<String> {
        if self.requests != sent {
            return Some(format!("the partner received {} of {sent} requests", self.requests));
        }
        let first = self.first.as_deref().unwrap_or_default();
        let shows = |word: &str| first.windows(word.len()).any(|bytes| bytes == word.as_bytes());
        let (is_json, is_right) = match arrival {
            Arrival::Whole => (true, shows("family_name") && shows("address")),
            Arrival::Redacted => (true, shows("family_name") && !shows("address")),
            Arrival::Sealed => (false, !first.is_empty() && !shows("family_name")),
        };
        let right = if is_json { self.json } else { self.requests - self.json };
        (right != sent || !is_right).then(|| "the partner received something else".to_owned())
    }
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, received: Arc<Mutex<Received>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(serve(stream, tls.clone(), received.clone()));
    }
}

async fn serve(stream: TcpStream, tls: TlsAcceptor, received: Arc<Mutex<Received>>) {
    let _ = stream.set_nodelay(true);
    let Ok(stream) = tls.accept(stream).await else { return };
    let service = hyper::service::service_fn(move |request| answer(request, received.clone()));
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    received: Arc<Mutex<Received>>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let mut body = request.into_body();
    let is_first = received.lock().unwrap().first.is_none();
    let mut kept = Vec::new();
    let (mut start, mut bytes) = (None, 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        start = start.or(data.first().copied());
        bytes += data.len();
        if is_first {
            kept.extend_from_slice(&data);
        }
    }
    {
        let mut received = received.lock().unwrap();
        received.requests += 1;
        received.json += usize::from(start == Some(b'{'));
        received.bytes += bytes;
        if is_first {
            received.first = Some(kept.into());
        }
    }
    let answer = Bytes::from_static(br#"{"accepted":true,"group":"2026-11","seats_left":12}"#);
    let response = Response::builder().header(CONTENT_TYPE, "application/json");
    Ok(response.body(Full::new(answer)).unwrap())
}
