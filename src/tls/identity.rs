//! Our certificate and key, and the identity of whoever connects.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::ServerConnection;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroize as _;

use super::{TlsFault, files};

/// Our own certificate chain and its private key.
pub struct Identity {
    certificate: PathBuf,
    key_file: PathBuf,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads a PEM chain (our certificate first) and a PEM key that only its owner may read.
    ///
    /// # Errors
    /// A file that cannot be used.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsFault> {
        let no_certificate = || TlsFault::NoCertificate { path: certificate.to_owned() };
        let pem = files::read(certificate)?;
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<_, _>>()
            .map_err(|_| no_certificate())?;
        if chain.is_empty() {
            return Err(no_certificate());
        }
        let pem = files::read_secret(key)?;
        let private = PrivateKeyDer::from_pem_slice(pem.expose_secret())
            .map_err(|_| TlsFault::NoKey { path: key.to_owned() })?;
        Ok(Self {
            certificate: certificate.to_owned(),
            key_file: key.to_owned(),
            chain,
            key: private,
        })
    }

    /// When our certificate ends, in seconds since the Unix epoch, or `None` if it cannot be read.
    #[must_use]
    pub fn expires_s(&self) -> Option<i64> {
        let leaf = self.chain.first()?;
        let (_, parsed) = X509Certificate::from_der(leaf).ok()?;
        Some(parsed.validity().not_after.timestamp())
    }

    pub(super) fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain.clone()
    }

    pub(super) fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }

    pub(super) fn refused(&self, source: rustls::Error) -> TlsFault {
        TlsFault::Mismatch {
            certificate: self.certificate.clone(),
            key: self.key_file.clone(),
            source,
        }
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// Who is at the other end of an accepted connection, as its verified certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// DNS and URI names of the subject alternative name extension (RFC 5280, 4.2.1.6), lower
    /// case. The common name is not among them.
    pub names: Vec<String>,
    /// SHA-256 of the certificate in DER.
    pub certificate_sha256: [u8; 32],
    /// The protocol version: `TLSv1_3` or `TLSv1_2`.
    pub tls: &'static str,
    /// The cipher suite, such as `TLS13_AES_256_GCM_SHA384`.
    pub suite: &'static str,
}

impl Peer {
    /// Reads the identity from a connection whose handshake is done.
    ///
    /// A resumed session is not verified again by the TLS library, so the end of the certificate
    /// is checked here once more.
    ///
    /// # Errors
    /// No certificate, one that cannot be read, or one that has ended.
    pub fn of(connection: &ServerConnection) -> Result<Self, PeerFault> {
        let certificate = connection
            .peer_certificates()
            .and_then(<[CertificateDer<'_>]>::first)
            .ok_or(PeerFault::NoCertificate)?;
        let (_, parsed) =
            X509Certificate::from_der(certificate).map_err(|_| PeerFault::Unreadable)?;
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if i64::try_from(now_s).is_ok_and(|now_s| parsed.validity().not_after.timestamp() < now_s) {
            return Err(PeerFault::Expired);
        }
        Ok(Self {
            names: names(&parsed)?,
            certificate_sha256: Sha256::digest(certificate).into(),
            tls: connection.protocol_version().and_then(|version| version.as_str()).unwrap_or("?"),
            suite: connection
                .negotiated_cipher_suite()
                .and_then(|suite| suite.suite().as_str())
                .unwrap_or("?"),
        })
    }
}

/// Why a peer's certificate gives no identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerFault {
    /// The certificate ended while its session could still be resumed.
    #[error("the client certificate has ended")]
    Expired,
    /// No client certificate was presented.
    #[error("no client certificate was presented")]
    NoCertificate,
    /// The certificate or its names cannot be read.
    #[error("the client certificate cannot be read")]
    Unreadable,
}

fn names(certificate: &X509Certificate<'_>) -> Result<Vec<String>, PeerFault> {
    let extension = certificate.subject_alternative_name().map_err(|_| PeerFault::Unreadable)?;
    let names = extension.map(|extension| extension.value.general_names.as_slice());
    Ok(names
        .unwrap_or_default()
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) | GeneralName::URI(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        })
        .collect())
}
