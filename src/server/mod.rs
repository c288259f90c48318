//! The listener: accepts connections over TLS, bounds every wait, and drains when told to stop.
//!
//! Invariants:
//! * No connection is without a limit at any time: the handshake, the first head, the pause
//!   between requests, each request until its answer is taken, and the connection's whole age.
//! * Bytes that do not complete the head of a request prolong nothing.
//! * At most `connections_max` connections are open; one more is closed at once.
//! * After [`serve`] returns, no connection of it is left.

mod connection;
mod flight;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper::{Request, Response};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::proxy::front::HeadFault;
use crate::tls::Peer;
use connection::Host;
pub use flight::Lease;

/// The body of an answer.
pub type Body = BoxBody<Bytes, io::Error>;

/// What answers requests.
pub trait Service: Clone + Send + Sync + 'static {
    /// Answers one request of `peer`.
    ///
    /// Where `fault` is given, the request must be answered with it and not carried: over HTTP/1.1
    /// `request` is then a stand-in and says nothing of what the peer sent.
    ///
    /// The future is dropped if the peer hangs up or a limit is reached: what must be finished
    /// belongs in a task of its own.
    fn call(
        &self,
        request: Request<Incoming>,
        peer: Arc<Peer>,
        fault: Option<HeadFault>,
    ) -> impl Future<Output = Response<Body>> + Send;
}

/// What one listener allows. All times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections that may be open at once. Default 1024.
    pub connections_max: usize,
    /// From the accepted connection to the end of the TLS handshake. Default 5 s.
    pub handshake_ms: u64,
    /// From the end of the handshake to the first whole head. Default 10 s.
    pub head_ms: u64,
    /// From the end of one request to the next whole head. Default 60 s.
    pub idle_ms: u64,
    /// From a whole head to the end of its answer, unless its [`Lease`] gives it more.
    /// Default 120 s.
    pub request_ms: u64,
    /// From the end of the handshake until no more requests are taken. Default 1 h.
    pub connection_ms: u64,
    /// Requests that may be open at once on one HTTP/2 connection. Default 64.
    pub streams_max: u32,
    /// Requests that a peer may abandon on one HTTP/2 connection. Default 128.
    pub abandoned_max: u32,
    /// From the wish to stop until open requests are dropped. Default 30 s.
    pub drain_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            handshake_ms: 5_000,
            head_ms: 10_000,
            idle_ms: 60_000,
            request_ms: 120_000,
            connection_ms: 3_600_000,
            streams_max: 64,
            abandoned_max: 128,
            drain_ms: 30_000,
        }
    }
}

/// Serves connections until `shutdown`, and then until the last one has ended or been dropped.
pub async fn serve<S: Service>(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    limits: Limits,
    service: S,
    shutdown: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(limits.connections_max.min(Semaphore::MAX_PERMITS)));
    let connections = TaskTracker::new();
    let host = Arc::new(Host { acceptor: TlsAcceptor::from(tls), limits, service, shutdown });
    while let Some(stream) = next_stream(&listener, &host.shutdown).await {
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::debug!(reason = "connections_max", "connection refused");
            continue;
        };
        let host = Arc::clone(&host);
        connections.spawn(async move {
            host.carry(stream).await;
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// The next connection, or `None` once it is time to stop.
async fn next_stream(listener: &TcpListener, shutdown: &CancellationToken) -> Option<TcpStream> {
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => return None,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => return Some(stream),
            Err(error) => {
                tracing::warn!(kind = %error.kind(), "a connection could not be accepted");
                if !is_of_one_connection(&error) {
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Whether an `accept` failed for its connection only. Otherwise (no descriptors, no memory) the
/// next one would fail at once, and the loop must not spin.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_out_of_descriptors_makes_the_loop_pause() {
        const ECONNABORTED: i32 = 103;
        const EMFILE: i32 = 24;
        const ENFILE: i32 = 23;
        assert!(is_of_one_connection(&io::Error::from_raw_os_error(ECONNABORTED)));
        assert!(!is_of_one_connection(&io::Error::from_raw_os_error(EMFILE)));
        assert!(!is_of_one_connection(&io::Error::from_raw_os_error(ENFILE)));
    }
}
