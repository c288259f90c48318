//! A request of a caller, over TLS and HTTP/1.1 with its certificate.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Fault;
use crate::tls::{self, Identity};

/// One request of a caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// The caller's name; the first caller of the kit where it is empty.
    pub caller: String,
    /// The method.
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// The headers. Without `host`, that is `localhost`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Ask {
    /// A request without a body, as `GET /learners`.
    #[must_use]
    pub fn new(request: &str) -> Self {
        let (method, path) = request.split_once(' ').unwrap_or(("GET", request));
        Self { method: method.to_owned(), path: path.to_owned(), ..Self::default() }
    }

    /// By a caller of this name.
    #[must_use]
    pub fn by(self, caller: &str) -> Self {
        Self { caller: caller.to_owned(), ..self }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// With a JSON document as its body.
    #[must_use]
    pub fn json(self, text: impl Into<Bytes>) -> Self {
        self.body("application/json", text)
    }

    /// With a body of a media type.
    #[must_use]
    pub fn body(self, media: &str, body: impl Into<Bytes>) -> Self {
        let with = self.header(CONTENT_TYPE.as_str(), media);
        Self { body: body.into(), ..with }
    }

    fn request(&self) -> Result<Request<Full<Bytes>>, Fault> {
        let bad = || Fault::Request(format!("{} {}", self.method, self.path));
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.parse().map_err(|_| bad())?;
        *request.uri_mut() = self.path.parse::<Uri>().map_err(|_| bad())?;
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| bad())?;
            request.headers_mut().append(name, value);
        }
        if !request.headers().contains_key(HOST) {
            request.headers_mut().insert(HOST, HeaderValue::from_static("localhost"));
        }
        Ok(request)
    }
}

/// An answer to a caller.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Whether the body came whole.
    pub(super) is_whole: bool,
}

/// Sends a request on a connection of its own, with the certificate of the caller in a folder.
pub(super) async fn send(
    ask: &Ask,
    certificates: &Path,
    gateway: SocketAddr,
) -> Result<Answer, Fault> {
    let request = ask.request()?;
    let file = |ending: &str| certificates.join(format!("{}.{ending}", ask.caller));
    let identity = Identity::load(&file("pem"), &file("key"))?;
    let authority = certificates.join("authority.pem");
    let mut config = (*tls::connector(Some(&identity), &authority, &[])?).clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let stream = TcpStream::connect(gateway).await.map_err(Fault::Silent)?;
    let name = ServerName::try_from("localhost").map_err(|_| Fault::Hung)?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let io = TokioIo::new(stream.map_err(Fault::Silent)?);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(io).await.map_err(|_| Fault::Hung)?;
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(|_| Fault::Hung)?;
    let (head, mut incoming) = response.into_parts();
    let (mut body, mut is_whole) = (Vec::new(), true);
    while let Some(frame) = incoming.frame().await {
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) => body.extend_from_slice(&data),
            Ok(Err(_)) => {}
            Err(_) => is_whole = false,
        }
    }
    let (status, headers) = (head.status.as_u16(), head.headers);
    Ok(Answer { status, headers, body: body.into(), is_whole })
}
