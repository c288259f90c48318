//! One connection to a partner: a checked address, and TLS to the partner's name.

use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use super::address::is_public;
use super::{Settings, Unsent};

/// Makes connections to one partner, whatever address is asked for.
#[derive(Clone)]
pub(super) struct Connector(Arc<Way>);

/// How the partner is reached.
struct Way {
    host: String,
    port: u16,
    name: ServerName<'static>,
    resolve: Vec<SocketAddr>,
    private_addresses: bool,
    tls: TlsConnector,
    connect: Duration,
}

impl Connector {
    pub(super) fn new(settings: &Settings, name: ServerName<'static>) -> Self {
        Self(Arc::new(Way {
            host: settings.host.clone(),
            port: settings.port,
            name,
            resolve: settings.resolve.clone(),
            private_addresses: settings.private_addresses,
            tls: TlsConnector::from(Arc::clone(&settings.tls)),
            connect: Duration::from_millis(settings.deadlines.connect_ms),
        }))
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Link>;
    type Error = Unsent;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Link>, Unsent>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unsent>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let way = Arc::clone(&self.0);
        Box::pin(async move {
            let link = timeout(way.connect, way.go()).await;
            link.map_err(|_| Unsent::ConnectTimeout)?.map(TokioIo::new)
        })
    }
}

impl Way {
    async fn go(&self) -> Result<Link, Unsent> {
        let stream = reach(&self.addresses().await?).await?;
        stream.set_nodelay(true).map_err(|_| Unsent::ConnectionRefused)?;
        let stream = self
            .tls
            .connect(self.name.clone(), stream)
            .await
            .map_err(|error| Unsent::of_handshake(&error))?;
        Ok(Link(stream))
    }

    async fn addresses(&self) -> Result<Vec<SocketAddr>, Unsent> {
        if !self.resolve.is_empty() {
            return Ok(self.resolve.clone());
        }
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let found: Vec<_> = lookup_host((host, self.port))
            .await
            .map_err(|_| Unsent::AddressUnknown)?
            .take(ADDRESSES_MAX)
            .collect();
        if found.is_empty() {
            return Err(Unsent::AddressUnknown);
        }
        let is_taken = |ip: IpAddr| self.private_addresses || is_public(ip);
        let taken: Vec<_> = found.into_iter().filter(|address| is_taken(address.ip())).collect();
        if taken.is_empty() { Err(Unsent::AddressPrivate) } else { Ok(taken) }
    }
}

/// Connects to the first address that takes the connection.
async fn reach(addresses: &[SocketAddr]) -> Result<TcpStream, Unsent> {
    for address in addresses {
        if let Ok(Ok(stream)) = timeout(ADDRESS_WAIT, TcpStream::connect(address)).await {
            return Ok(stream);
        }
    }
    Err(Unsent::ConnectionRefused)
}

/// A connection to the partner.
pub(super) struct Link(TlsStream<TcpStream>);

impl Connection for Link {
    fn connected(&self) -> Connected {
        let connected = Connected::new();
        match self.0.get_ref().1.alpn_protocol() {
            Some(b"h2") => connected.negotiated_h2(),
            _ => connected,
        }
    }
}

impl AsyncRead for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, out)
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

const ADDRESSES_MAX: usize = 8;
const ADDRESS_WAIT: Duration = Duration::from_secs(2);
