//! Closed-loop load: a number of keep-alive connections, each sending its next request as soon as
//! it has the whole answer to the last.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::document::Documents;
use crate::world::{GATEWAY, PATH, World};

/// What is sent where, for how long.
pub(crate) struct Plan {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) duration: Duration,
    pub(crate) documents: Arc<Documents>,
}

/// Connections that are open and have been used.
pub(crate) struct Ready {
    connections: Vec<Connection>,
    fault: Option<String>,
}

/// What became of the requests of a round.
pub(crate) struct Load {
    latencies: Vec<Duration>,
    elapsed: Duration,
    fault: Option<String>,
}

/// Opens the connections and sends a request or two on each.
pub(crate) async fn warm_up(world: &World, plan: &Plan) -> Ready {
    let next = Arc::new(AtomicUsize::new(0));
    let mut opening = JoinSet::new();
    for _ in 0..plan.connections {
        let (tls, address) = (TlsConnector::from(world.caller.clone()), plan.address);
        let (documents, next) = (plan.documents.clone(), next.clone());
        opening.spawn(async move {
            let sender = connect(tls, address).await?;
            let mut connection = Connection { sender, documents, next };
            connection.exchange().await?;
            connection.exchange().await?;
            Ok::<Connection, String>(connection)
        });
    }
    let opened = opening.join_all().await;
    let (mut connections, mut fault) = (Vec::new(), None);
    for connection in opened {
        match connection {
            Ok(connection) => connections.push(connection),
            Err(reason) => fault = Some(format!("while warming up: {reason}")),
        }
    }
    Ready { connections, fault }
}

impl Ready {
    /// Loads the peer for a while; returns when the last answer is in.
    ///
    /// The peer is idle before and after, so the CPU time it used between belongs to exactly the
    /// requests that are counted.
    pub(crate) async fn run(self, duration: Duration) -> Load {
        let start = Instant::now();
        let end = start + duration;
        let mut running = JoinSet::new();
        for mut connection in self.connections {
            running.spawn(async move { connection.repeat(end).await });
        }
        let results = running.join_all().await;
        let elapsed = start.elapsed();
        let mut load = Load { latencies: Vec::new(), elapsed, fault: self.fault };
        for (latencies, fault) in results {
            load.latencies.extend(latencies);
            load.fault = load.fault.or(fault);
        }
        load.latencies.sort_unstable();
        load
    }
}

impl Load {
    /// How many requests were answered with 200.
    pub(crate) fn completed(&self) -> usize {
        self.latencies.len()
    }

    /// Requests per second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// The time that this share of the requests did not exceed.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get((last as f64 * share) as usize).copied().unwrap_or_default()
    }

    /// Why the round does not count.
    pub(crate) fn fault(&self) -> Option<String> {
        self.fault.clone()
    }
}

struct Connection {
    sender: SendRequest<Full<Bytes>>,
    documents: Arc<Documents>,
    next: Arc<AtomicUsize>,
}

impl Connection {
    async fn repeat(&mut self, end: Instant) -> (Vec<Duration>, Option<String>) {
        let mut latencies = Vec::with_capacity(1 << 14);
        while Instant::now() < end {
            let start = Instant::now();
            if let Err(reason) = self.exchange().await {
                return (latencies, Some(reason));
            }
            latencies.push(start.elapsed());
        }
        (latencies, None)
    }

    async fn exchange(&mut self) -> Result<(), String> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let document = self.documents.of(turn);
        let request = Request::post(PATH)
            .header(HOST, GATEWAY)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(document))
            .unwrap();
        self.sender.ready().await.map_err(|error| error.to_string())?;
        let response =
            self.sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
        if status == 200 {
            return Ok(());
        }
        Err(format!("{status}: {}", String::from_utf8_lossy(&body.to_bytes())))
    }
}

async fn connect(
    tls: TlsConnector,
    address: SocketAddr,
) -> Result<SendRequest<Full<Bytes>>, String> {
    let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let name = ServerName::try_from(GATEWAY).unwrap();
    let stream = tls.connect(name, stream).await.map_err(|error| error.to_string())?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    Ok(sender)
}
