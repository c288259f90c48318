//! An information system that sends transfers to a gateway over mutual TLS.

use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::proxy::upstream::{Failure, Outbound, Settings, Upstream};
use crate::tls::{self, Identity, TlsFault};

/// A caller with its own client certificate.
pub struct Caller {
    way: Upstream,
}

/// What a caller got back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The decision's id, from `Otkel-Decision`.
    pub decision: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Caller {
    /// A caller with the certificate `<name>.pem` and key `<name>.key` in a folder, which trusts
    /// `authority.pem` there.
    ///
    /// # Errors
    /// A file that cannot be used.
    pub fn new(certificates: &Path, name: &str, gateway: SocketAddr) -> Result<Self, TlsFault> {
        let file = |ending: &str| certificates.join(format!("{name}.{ending}"));
        let identity = Identity::load(&file("pem"), &file("key"))?;
        let authority = certificates.join("authority.pem");
        let mut settings = Settings::new(
            "localhost",
            gateway.port(),
            tls::connector(Some(&identity), &authority, &[])?,
        );
        settings.resolve = vec![gateway];
        let way =
            Upstream::new(&settings).map_err(|_| TlsFault::NoCertificate { path: authority })?;
        Ok(Self { way })
    }

    /// Sends one body with these headers.
    ///
    /// # Errors
    /// No whole answer came.
    pub async fn send(
        &self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Reply, Failure> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::try_from(*name);
            let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) else { continue };
            map.append(name, value);
        }
        let method = method.parse().unwrap_or_default();
        let outbound =
            Outbound { method, path: path.to_owned(), headers: map, body: body.into().into() };
        let response = self.way.forward(outbound).await?;
        let status = response.status().as_u16();
        let decision = response.headers().get("otkel-decision");
        let decision = decision.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let headers = response.headers().clone();
        let body = match response.into_body().collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => return Err(Failure::Unknown(crate::proxy::upstream::Unknown::Broken)),
        };
        Ok(Reply { status, decision, headers, body })
    }
}
