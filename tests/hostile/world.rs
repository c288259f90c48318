//! A listener with a service that remembers, and clients that can send anything.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Collected, Empty, Full};
use hyper::body::{Frame, Incoming};
use hyper::{Request, Response, StatusCode};
use otkel::proxy::front::{BodyFault, HeadFault};
use otkel::server::{Body, Limits, Service, serve};
use otkel::tls::{Peer, acceptor, connector};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::tls::Authority;

pub(crate) const GATEWAY: &str = "gateway.example";
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A running listener, and all that its callers need.
pub(crate) struct World {
    pub(crate) authority: Authority,
    pub(crate) address: SocketAddr,
    pub(crate) service: Recorder,
    pub(crate) shutdown: CancellationToken,
    pub(crate) served: JoinHandle<()>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        let authority = Authority::new("callers");
        let identity = authority.issue(&[GATEWAY]).identity();
        let tls = acceptor(&identity, &authority.file()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = Recorder::default();
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(serve(listener, tls, limits, service.clone(), shutdown.clone()));
        Self { authority, address, service, shutdown, served }
    }

    /// What a good caller connects with.
    pub(crate) fn caller(&self) -> ClientConfig {
        let identity = self.authority.issue(&["caller.example"]).identity();
        (*connector(Some(&identity), &self.authority.file(), &[]).unwrap()).clone()
    }

    pub(crate) async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection of a good caller that speaks this protocol.
    pub(crate) async fn connect(&self, alpn: &str) -> Client {
        self.try_connect(alpn).await.unwrap()
    }

    pub(crate) async fn try_connect(&self, alpn: &str) -> io::Result<Client> {
        let mut config = self.caller();
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        self.connect_with(config).await
    }

    pub(crate) async fn connect_with(&self, config: ClientConfig) -> io::Result<Client> {
        let name = ServerName::try_from(GATEWAY).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, self.tcp().await).await.map(Client)
    }

    /// Whether a good caller is served.
    pub(crate) async fn is_well(&self) -> bool {
        let mut client = self.connect("http/1.1").await;
        client.send(b"GET /well HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        client.rest().await.starts_with("HTTP/1.1 200 OK\r\n")
    }
}

/// One connection of a caller.
pub(crate) struct Client(pub TlsStream<TcpStream>);

impl Client {
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).await.unwrap();
    }

    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        timeout(PATIENCE, async {
            self.0.write_all(bytes).await?;
            self.0.flush().await
        })
        .await
        .expect("the gateway takes the bytes")
    }

    /// All that still comes, to the end of the connection. Panics if it does not end.
    pub(crate) async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        // A connection cut short is an end like any other here.
        let _ = timeout(PATIENCE, self.0.read_to_end(&mut bytes))
            .await
            .expect("the gateway ends the connection");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// One piece of what comes.
    pub(crate) async fn some(&mut self) -> String {
        let mut bytes = vec![0; 64 * 1024];
        let length = timeout(PATIENCE, self.0.read(&mut bytes)).await.expect("an answer").unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }
}

/// What the service was asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) line: String,
    pub(crate) fault: Option<HeadFault>,
    /// The length of the body, or why it could not be read.
    pub(crate) body: Result<usize, Option<BodyFault>>,
}

/// A service that remembers what it was asked.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Record>);

#[derive(Default)]
struct Record {
    calls: Mutex<Vec<Call>>,
    peers: Mutex<Vec<Peer>>,
    begun: AtomicUsize,
    endless: AtomicUsize,
}

impl Recorder {
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.0.calls.lock().unwrap().clone()
    }

    pub(crate) fn peers(&self) -> Vec<Peer> {
        self.0.peers.lock().unwrap().clone()
    }

    pub(crate) fn begun(&self) -> usize {
        self.0.begun.load(Ordering::SeqCst)
    }

    /// How many endless answers are still being given.
    pub(crate) fn endless(&self) -> usize {
        self.0.endless.load(Ordering::SeqCst)
    }

    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        fault: Option<HeadFault>,
    ) -> Answer {
        self.0.begun.fetch_add(1, Ordering::SeqCst);
        let line = format!("{} {}", request.method(), request.uri().path());
        let path = request.uri().path().to_owned();
        if fault.is_none() && path == "/slow" {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        if fault.is_none() && path == "/never" {
            std::future::pending::<()>().await;
        }
        let body = match fault {
            None => request.into_body().collect().await.map_err(|error| BodyFault::of(&error)),
            Some(_) => Ok(Collected::default()),
        }
        .map(|body| body.to_bytes().len());
        let status = match (fault, body) {
            (Some(fault), _) => fault.status(),
            (None, Err(_)) => StatusCode::BAD_REQUEST,
            (None, Ok(_)) => StatusCode::OK,
        };
        self.0.calls.lock().unwrap().push(Call { line, fault, body });
        Answer { status, is_endless: path == "/endless" }
    }
}

pub(crate) struct Answer {
    status: StatusCode,
    is_endless: bool,
}

impl Service for Recorder {
    async fn call(
        &self,
        request: Request<Incoming>,
        peer: Arc<Peer>,
        fault: Option<HeadFault>,
    ) -> Response<Body> {
        self.0.peers.lock().unwrap().push((*peer).clone());
        let answer = self.answer(request, fault).await;
        let body = if answer.is_endless {
            self.0.endless.fetch_add(1, Ordering::SeqCst);
            Endless(Arc::clone(&self.0)).boxed()
        } else {
            Full::from("answer").map_err(|never: Infallible| match never {}).boxed()
        };
        let mut response = Response::new(body);
        *response.status_mut() = answer.status;
        response
    }
}

/// A body without an end.
struct Endless(Arc<Record>);

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 16 * 1024])))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.0.endless.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What hyper alone makes of the same bytes: the calls that a service behind it gets.
pub(crate) async fn bare(bytes: &[u8]) -> Vec<Call> {
    let (ours, mut theirs) = tokio::io::duplex(256 * 1024);
    let recorder = Recorder::default();
    let service = hyper::service::service_fn(|request| {
        let recorder = recorder.clone();
        async move {
            recorder.answer(request, None).await;
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    theirs.write_all(bytes).await.unwrap();
    theirs.shutdown().await.unwrap();
    let connection = hyper::server::conn::http1::Builder::new()
        .half_close(true)
        .serve_connection(hyper_util::rt::TokioIo::new(ours), service);
    let mut answers = Vec::new();
    let (_, read) = tokio::join!(connection, theirs.read_to_end(&mut answers));
    read.unwrap();
    recorder.calls()
}

/// Whether something is so within half a second.
pub(crate) async fn soon(is_so: impl Fn() -> bool) -> bool {
    for _ in 0..500 {
        if is_so() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    false
}

/// Waits until something is so. Panics if it never is.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..PATIENCE.as_millis() / 10 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}");
}
