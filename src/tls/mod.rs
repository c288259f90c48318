//! TLS on both sides (RFC 8446): who may call us, and whom we call.
//!
//! * Towards callers: TLS 1.3 with 1.2 as the floor, and a client certificate of the configured
//!   authorities on every connection. Session tickets are on, early data (0-RTT) is off.
//! * Towards partners: TLS 1.3 only. The certificate must chain to the partner's own authorities
//!   and bear the partner's host name, and where keys are pinned, one of the pins must match too.
//!   Nothing is resumed, so each new connection is checked whole.
//!
//! The system's list of authorities is never used, and neither is a process-wide provider.

mod files;
mod identity;
mod pin;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

pub use files::{FileFault, read, read_secret};
pub use identity::{Identity, Peer, PeerFault};
use pin::PinnedVerifier;
pub use pin::{BadPin, Pin, PinMismatch};

/// The configuration with which callers are accepted.
///
/// `callers` is a PEM file with the authorities whose client certificates are let in.
///
/// # Errors
/// A file that cannot be used, or a key that does not belong to the certificate.
pub fn acceptor(identity: &Identity, callers: &Path) -> Result<Arc<ServerConfig>, TlsFault> {
    let provider = provider();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(authorities(callers)?, Arc::clone(&provider))
            .build()
            .map_err(|_| TlsFault::NoAuthority { path: callers.to_owned() })?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(TlsFault::Provider)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(identity.chain(), identity.key())
        .map_err(|source| identity.refused(source))?;
    config.alpn_protocols = alpn();
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(TlsFault::Provider)?;
    config.send_tls13_tickets = 2;
    config.max_early_data_size = 0;
    config.require_ems = true;
    Ok(Arc::new(config))
}

/// The configuration with which one partner is called.
///
/// `partner` is a PEM file with the authorities that may vouch for the partner. Where `pins` is
/// not empty, the key in the partner's certificate must be one of them besides. `identity` is the
/// client certificate we present, if the partner wants one.
///
/// # Errors
/// A file that cannot be used, or a key that does not belong to the certificate.
pub fn connector(
    identity: Option<&Identity>,
    partner: &Path,
    pins: &[Pin],
) -> Result<Arc<ClientConfig>, TlsFault> {
    let provider = provider();
    let chain =
        WebPkiServerVerifier::builder_with_provider(authorities(partner)?, Arc::clone(&provider))
            .build()
            .map_err(|_| TlsFault::NoAuthority { path: partner.to_owned() })?;
    let verifier: Arc<dyn ServerCertVerifier> = Arc::new(PinnedVerifier::new(chain, pins.to_vec()));
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(TlsFault::Provider)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => builder
            .with_client_auth_cert(identity.chain(), identity.key())
            .map_err(|source| identity.refused(source))?,
    };
    config.alpn_protocols = alpn();
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    Ok(Arc::new(config))
}

/// Why TLS could not be set up. Each message names the file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// A file could not be read, or is open to others.
    #[error(transparent)]
    File(#[from] FileFault),
    /// A PEM file does not hold a certificate.
    #[error(
        "{path} holds no certificate: put the PEM certificate there, then those that signed it"
    )]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A PEM file does not hold a private key.
    #[error("{path} holds no private key: put the PEM key (PKCS #8, SEC 1 or PKCS #1) there")]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// A file of authorities holds none that can be used.
    #[error("{path} holds no authority: put the PEM certificates of the trusted authorities there")]
    NoAuthority {
        /// The file.
        path: PathBuf,
    },
    /// The key is not that of the certificate, or is of a kind that is not supported.
    #[error("{key} does not go with {certificate}: make a key and its certificate together")]
    Mismatch {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
        /// What the TLS library said.
        source: rustls::Error,
    },
    /// The cryptographic provider refused its own settings.
    #[error("the cryptographic provider cannot be used")]
    Provider(#[source] rustls::Error),
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn alpn() -> Vec<Vec<u8>> {
    vec![b"h2".to_vec(), b"http/1.1".to_vec()]
}

fn authorities(path: &Path) -> Result<Arc<RootCertStore>, TlsFault> {
    let none = || TlsFault::NoAuthority { path: path.to_owned() };
    let pem = read(path)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|_| none())?;
        roots.add(certificate).map_err(|_| none())?;
    }
    if roots.is_empty() { Err(none()) } else { Ok(Arc::new(roots)) }
}
