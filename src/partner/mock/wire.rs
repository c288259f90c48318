//! Connections that a script may break: what an HTTP server never does, done on purpose.

use std::error::Error as _;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::script::Break;
use crate::server::{Body, Service};
use crate::tls::Peer;

/// Serves HTTP/1.1 until `stop`. An answer with a [`Break`] among its extensions is not given: the
/// connection ends in that way.
pub(super) async fn serve<S: Service>(
    listener: TcpListener,
    tls: &ServerConfig,
    service: S,
    stop: CancellationToken,
) {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { continue };
        let (acceptor, service, stop) = (acceptor.clone(), service.clone(), stop.clone());
        tokio::spawn(async move {
            let carried = carry(stream, &acceptor, service);
            tokio::select! {
                () = stop.cancelled() => {}
                ended = carried => {
                    if let Err(error) = ended {
                        tracing::debug!(kind = %error.kind(), "a connection of a mock ended");
                    }
                }
            }
        });
    }
}

async fn carry<S: Service>(
    stream: TcpStream,
    acceptor: &TlsAcceptor,
    service: S,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let stream = acceptor.accept(stream).await?;
    let peer = Arc::new(Peer::of(stream.get_ref().1).map_err(io::Error::other)?);
    let service = Arc::new(service);
    let answer = service_fn(move |request: Request<Incoming>| {
        let (service, peer) = (Arc::clone(&service), Arc::clone(&peer));
        Box::pin(async move { whole(service.call(request, peer, None).await) })
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
    let ended = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    let mut stream = connection.into_parts().io.into_inner();
    let cause = ended.as_ref().err().and_then(hyper::Error::source);
    match cause.and_then(|cause| cause.downcast_ref::<Broken>()) {
        Some(Broken(Break::Reset)) => return stream.get_ref().0.set_zero_linger(),
        Some(Broken(Break::Garbage)) => stream.write_all(GARBAGE).await?,
        _ => {}
    }
    stream.shutdown().await
}

/// The answer, where it is one to be given.
fn whole(answer: Response<Body>) -> Result<Response<Body>, Broken> {
    match answer.extensions().get() {
        Some(way) => Err(Broken(*way)),
        None => Ok(answer),
    }
}

/// No answer.
#[derive(Debug)]
struct Broken(Break);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the script breaks the connection")
    }
}

impl std::error::Error for Broken {}

const GARBAGE: &[u8] = b"\x16\x03\x01 this is not HTTP\r\n\r\n";
