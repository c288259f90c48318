//! Callers' connections: TLS with a client certificate, HTTP/1.1 or HTTP/2, or any bytes at all.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use otkel::tls::{self, Identity};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Ask, World};

/// An answer.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Whether the body came whole.
    pub(crate) is_whole: bool,
}

/// A caller's connection over HTTP/1.1, byte by byte.
pub(crate) struct Wire(TlsStream<TcpStream>);

impl Wire {
    /// Connects as the LMS.
    pub(crate) async fn of(world: &World) -> Self {
        Self(connect(world, "lms", b"http/1.1").await)
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        // A gateway that has heard enough may be gone before the last byte is written.
        let _ = self.0.write_all(bytes).await;
        let _ = self.0.flush().await;
    }

    /// Reads that the gateway waits for the body: its head is read.
    pub(crate) async fn read_continue(&mut self) {
        let mut told = [0; 25];
        self.0.read_exact(&mut told).await.unwrap();
        assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    }

    /// Reads one answer whose length is told.
    pub(crate) async fn read(&mut self) -> Words {
        let mut bytes = Vec::new();
        loop {
            if let Some(words) = parse(&bytes) {
                return words;
            }
            let mut part = vec![0; 8192];
            let length = self.0.read(&mut part).await.unwrap_or(0);
            assert!(length > 0, "no answer but {:?}", String::from_utf8_lossy(&bytes));
            bytes.extend_from_slice(part.get(..length).unwrap());
        }
    }
}

pub(super) async fn send_raw(world: &World, bytes: &[u8]) -> Words {
    let mut wire = Wire::of(world).await;
    wire.write(bytes).await;
    wire.read().await
}

pub(super) async fn send(world: &World, ask: &Ask) -> Words {
    let body = Full::new(Bytes::from(ask.body.clone()));
    let alpn: &[u8] = if ask.http2 { b"h2" } else { b"http/1.1" };
    let io = TokioIo::new(connect(world, ask.caller, alpn).await);
    if ask.http2 {
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        let uri = format!("https://{}{}", ask.host, ask.path);
        words(sender.send_request(request(ask, &uri, body)).await.unwrap()).await
    } else {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        let mut request = request(ask, &ask.path, body);
        request.headers_mut().insert("host", ask.host.parse().unwrap());
        words(sender.send_request(request).await.unwrap()).await
    }
}

/// Asks over HTTP/2, and hangs up as soon as `heard` says so.
pub(super) async fn hang_up(world: &World, ask: &Ask, heard: impl Future<Output = ()>) {
    let io = TokioIo::new(connect(world, ask.caller, b"h2").await);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let body = Full::new(Bytes::from(ask.body.clone()));
    let uri = format!("https://{}{}", ask.host, ask.path);
    tokio::select! {
        answer = sender.send_request(request(ask, &uri, body)) => panic!("{answer:?} came first"),
        () = heard => {}
    }
    drop(sender);
    connection.abort();
    assert!(connection.await.unwrap_err().is_cancelled());
}

/// Asks the admin API, which speaks HTTP in the clear on a loopback address.
pub(super) async fn admin(
    address: SocketAddr,
    token: Option<&str>,
    (method, path): (&str, &str),
    body: &str,
) -> Words {
    let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = Full::new(Bytes::from(body.to_owned()));
    words(sender.send_request(request.body(body).unwrap()).await.unwrap()).await
}

/// Asks for a transfer without showing a certificate; with TLS 1.3 the first read tells.
pub(super) async fn knock(world: &World) -> io::Result<()> {
    let authority = world.certificates().join("authority.pem");
    let config = tls::connector(None, &authority, &[]).unwrap();
    let stream = TcpStream::connect(world.addresses().0).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(config).connect(name, stream).await?;
    stream.write_all(&super::enrol("{}").bytes()).await?;
    let length = stream.read(&mut [0; 1]).await?;
    if length == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

async fn connect(world: &World, caller: &str, alpn: &[u8]) -> TlsStream<TcpStream> {
    let folder = world.certificates();
    let file = |ending: &str| folder.join(format!("{caller}.{ending}"));
    let identity = Identity::load(&file("pem"), &file("key")).unwrap();
    let authority = folder.join("authority.pem");
    let mut config = (*tls::connector(Some(&identity), &authority, &[]).unwrap()).clone();
    config.alpn_protocols = vec![alpn.to_vec()];
    let stream = TcpStream::connect(world.addresses().0).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

fn request(ask: &Ask, uri: &str, body: Full<Bytes>) -> Request<Full<Bytes>> {
    let mut request = Request::new(body);
    *request.method_mut() = ask.method.parse().unwrap();
    *request.uri_mut() = uri.parse::<Uri>().unwrap();
    for (name, value) in &ask.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().append(name, HeaderValue::from_bytes(value).unwrap());
    }
    request
}

async fn words(response: Response<hyper::body::Incoming>) -> Words {
    let (parts, mut incoming) = response.into_parts();
    let (mut body, mut is_whole) = (Vec::new(), true);
    while let Some(frame) = incoming.frame().await {
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) => body.extend_from_slice(&data),
            Ok(Err(_)) => {}
            Err(_) => is_whole = false,
        }
    }
    Words { status: parts.status.as_u16(), headers: parts.headers, body, is_whole }
}

fn parse(bytes: &[u8]) -> Option<Words> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        headers.append(name.parse::<HeaderName>().ok()?, value.parse().ok()?);
    }
    let length: usize = headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()?;
    let body = bytes.get(end + 4..)?.get(..length)?.to_vec();
    Some(Words { status, headers, body, is_whole: true })
}
