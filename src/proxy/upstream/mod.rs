//! The client side: one request to one partner, and the partner's answer.
//!
//! Invariants:
//! * A request goes only to the partner's verified name, over TLS 1.3, at a public address or one
//!   that the operator has written down.
//! * It is built anew: the headers given, `Host`, and `Content-Length` or, where the body is fed,
//!   `Transfer-Encoding`, and nothing else.
//! * It is never sent twice. A connection from the pool that was closed before anything of the
//!   request was written is replaced; that is all.
//! * Redirects are answers like any other.

mod address;
mod answer;
mod connect;
mod failure;
mod feed;

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use hyper::{Method, Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::sync::Semaphore;
use tokio::time::Instant;

pub use answer::AnswerBody;
use answer::Bounds;
use connect::Connector;
pub use failure::{AnswerFault, Failure, Unknown, Unsent};
pub use feed::{Closed, Cut, Feed, Load};

/// How one partner is reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The partner's host name, as in its certificate.
    pub host: String,
    /// The partner's port.
    pub port: u16,
    /// Addresses to connect to in place of what the name resolves to, each with its port.
    pub resolve: Vec<SocketAddr>,
    /// Whether the name may resolve to an address that is not public.
    pub private_addresses: bool,
    /// How the partner is verified, from [`crate::tls::connector`].
    pub tls: Arc<ClientConfig>,
    /// How long each step may take.
    pub deadlines: Deadlines,
    /// The longest body of an answer, in bytes.
    pub answer_bytes_max: u64,
    /// Requests that may be open at once.
    pub open_max: usize,
    /// How long an unused connection is kept, in milliseconds.
    pub pool_idle_ms: u64,
}

impl Settings {
    /// Settings with every default, for a partner at `host` and `port`.
    #[must_use]
    pub fn new(host: &str, port: u16, tls: Arc<ClientConfig>) -> Self {
        Self {
            host: host.to_owned(),
            port,
            resolve: Vec::new(),
            private_addresses: false,
            tls,
            deadlines: Deadlines::default(),
            answer_bytes_max: 16 * 1024 * 1024,
            open_max: 256,
            pool_idle_ms: 60_000,
        }
    }
}

/// How long each step of a request may take, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Name, address and handshake together. Default 5 s.
    pub connect_ms: u64,
    /// From a connection, or the last piece of a body that is fed, to the head of the answer.
    /// Default 30 s.
    pub answer_ms: u64,
    /// Between two pieces of the answer. Default 30 s.
    pub answer_idle_ms: u64,
    /// From the request to the end of the answer. Default 120 s.
    pub answer_total_ms: u64,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect_ms: 5_000,
            answer_ms: 30_000,
            answer_idle_ms: 30_000,
            answer_total_ms: 120_000,
        }
    }
}

/// A request to a partner.
#[derive(Debug)]
pub struct Outbound {
    /// The method.
    pub method: Method,
    /// Path and query, in origin form.
    pub path: String,
    /// The fields that the partner is to see. Those of the connection are left out.
    pub headers: HeaderMap,
    /// The body.
    pub body: Load,
}

/// The way to one partner.
pub struct Upstream {
    client: Client<Connector, Load>,
    authority: String,
    deadlines: Deadlines,
    answer_bytes_max: u64,
    places: Arc<Semaphore>,
}

/// A host that is no host name or address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the partner's host is not a host name or address")]
pub struct BadHost;

impl Upstream {
    /// Sets up the way to a partner. Nothing is connected yet.
    ///
    /// # Errors
    /// A host that is no host name or address.
    pub fn new(settings: &Settings) -> Result<Self, BadHost> {
        let bare = settings.host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| BadHost)?;
        let authority = match settings.port {
            443 => settings.host.clone(),
            port => format!("{}:{port}", settings.host),
        };
        uri(&authority, "/").ok_or(BadHost)?;
        Ok(Self {
            client: client(settings, Connector::new(settings, name)),
            authority,
            deadlines: settings.deadlines,
            answer_bytes_max: settings.answer_bytes_max,
            places: Arc::new(Semaphore::new(settings.open_max.min(Semaphore::MAX_PERMITS))),
        })
    }

    /// Sends one request, once, and gives the answer as soon as its head has come.
    ///
    /// # Errors
    /// What kept the answer away, and whether the request may have left.
    pub async fn forward(&self, outbound: Outbound) -> Result<Response<AnswerBody>, Failure> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| Failure::Unsent(Unsent::Busy))?;
        let bounds = Bounds {
            bytes_max: self.answer_bytes_max,
            idle: Duration::from_millis(self.deadlines.answer_idle_ms),
            total: Duration::from_millis(self.deadlines.answer_total_ms),
            until: Instant::now() + Duration::from_millis(self.deadlines.answer_total_ms),
        };
        let taken = outbound.body.taken();
        let mut request = self.request(outbound).ok_or(Failure::Unsent(Unsent::Request))?;
        let mut connection = capture_connection(&mut request);
        let mut answer = std::pin::pin!(self.client.request(request));
        let connect = Duration::from_millis(self.deadlines.connect_ms);
        // The request is written only after the connection is known: before, nothing has left.
        let early = tokio::select! {
            biased;
            answer = &mut answer => Some(answer),
            _ = connection.wait_for_connection_metadata() => None,
            () = tokio::time::sleep(connect) => {
                return Err(Failure::Unsent(Unsent::ConnectTimeout));
            }
        };
        let answer = if let Some(answer) = early {
            answer
        } else {
            tokio::select! {
                biased;
                answer = &mut answer => answer,
                () = self.waited(taken) => return Err(Failure::Unknown(Unknown::Timeout)),
            }
        };
        let answer = answer.map_err(|error| failure(&error))?;
        answer::take(answer, bounds, place).map_err(Failure::Unknown)
    }

    /// What a path there is called in full: `https://`, host, port unless it is 443, and path.
    #[must_use]
    pub fn target_uri(&self, path: &str) -> String {
        format!("https://{}{path}", self.authority)
    }

    /// Waits as long as an answer may take once the request was taken.
    async fn waited(&self, taken: impl Future<Output = ()>) {
        taken.await;
        tokio::time::sleep(Duration::from_millis(self.deadlines.answer_ms)).await;
    }

    fn request(&self, outbound: Outbound) -> Option<Request<Load>> {
        if !outbound.path.starts_with('/') || outbound.method == Method::CONNECT {
            return None;
        }
        let mut request = Request::new(outbound.body);
        *request.method_mut() = outbound.method;
        *request.uri_mut() = uri(&self.authority, &outbound.path)?;
        *request.headers_mut() = outbound.headers;
        for name in &CONNECTION_FIELDS {
            request.headers_mut().remove(name);
        }
        Some(request)
    }
}

fn client(settings: &Settings, connector: Connector) -> Client<Connector, Load> {
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_millis(settings.pool_idle_ms))
        .pool_max_idle_per_host(settings.open_max)
        .http1_max_buf_size(BUFFER_BYTES_MAX)
        .http2_max_header_list_size(HEAD_BYTES_MAX)
        .http2_initial_stream_window_size(STREAM_WINDOW_BYTES)
        .http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .http2_keep_alive_timeout(KEEP_ALIVE)
        .build(connector)
}

fn uri(authority: &str, path: &str) -> Option<Uri> {
    Uri::builder().scheme("https").authority(authority).path_and_query(path).build().ok()
}

/// Tells whether a request may have left. In doubt it may.
fn failure(error: &hyper_util::client::legacy::Error) -> Failure {
    if error.is_connect() {
        let cause = error.source().and_then(|cause| cause.downcast_ref::<Unsent>());
        return Failure::Unsent(cause.copied().unwrap_or(Unsent::ConnectionLost));
    }
    let cause = error.source().and_then(|cause| cause.downcast_ref::<hyper::Error>());
    // Hyper calls a request canceled only where it hands it back unwritten.
    if cause.is_some_and(hyper::Error::is_canceled) {
        return Failure::Unsent(Unsent::ConnectionLost);
    }
    Failure::Unknown(Unknown::Broken)
}

static CONNECTION_FIELDS: [HeaderName; 10] = [
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    HOST,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

const HEAD_BYTES_MAX: u32 = 16 * 1024;
const BUFFER_BYTES_MAX: usize = 64 * 1024;
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
const KEEP_ALIVE: Duration = Duration::from_secs(20);
