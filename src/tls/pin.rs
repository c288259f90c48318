//! Pinned partner keys: checked besides the chain and the name, never instead of them.

use std::fmt;
use std::sync::Arc;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// SHA-256 of a `SubjectPublicKeyInfo` in DER (RFC 7469, 2.4).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pin([u8; 32]);

impl Pin {
    /// Reads `sha256:` and 64 hexadecimal digits.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(text: &str) -> Result<Self, BadPin> {
        let digits = text.strip_prefix("sha256:").ok_or(BadPin)?;
        let bytes = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).map_err(|_| BadPin)?;
        bytes.try_into().map(Self).map_err(|_| BadPin)
    }

    /// The pin of the key in a certificate in DER.
    ///
    /// # Errors
    /// Bytes that are not a certificate.
    pub fn of_certificate(der: &[u8]) -> Result<Self, BadPin> {
        let (_, parsed) = X509Certificate::from_der(der).map_err(|_| BadPin)?;
        Ok(Self(Sha256::digest(parsed.tbs_certificate.subject_pki.raw).into()))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pin is `sha256:` and the 64 hexadecimal digits of the key's SHA-256")]
pub struct BadPin;

/// The partner's key is none of those pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the partner's key is none of those pinned")]
pub struct PinMismatch;

/// Verifies the chain and the name, and then the pins if there are any.
#[derive(Debug)]
pub(super) struct PinnedVerifier {
    chain: Arc<WebPkiServerVerifier>,
    pins: Vec<Pin>,
}

impl PinnedVerifier {
    pub(super) const fn new(chain: Arc<WebPkiServerVerifier>, pins: Vec<Pin>) -> Self {
        Self { chain, pins }
    }

    fn check_pin(&self, certificate: &CertificateDer<'_>) -> Result<(), PinMismatch> {
        let pin = Pin::of_certificate(certificate).map_err(|_| PinMismatch)?;
        if self.pins.is_empty() || self.pins.contains(&pin) { Ok(()) } else { Err(PinMismatch) }
    }
}

impl ServerCertVerifier for PinnedVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified =
            self.chain.verify_server_cert(certificate, intermediates, name, ocsp, now)?;
        self.check_pin(certificate)
            .map_err(|mismatch| CertificateError::Other(OtherError(Arc::new(mismatch))))?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_reads_back_as_written_and_nothing_else_is_one() {
        let text = format!("sha256:{}", "0a".repeat(32));
        assert_eq!(Pin::parse(&text).unwrap().to_string(), text);
        assert_eq!(Pin::parse(&text.replace("0a", "0A")).unwrap().to_string(), text);
        for bad in ["", "sha256:", "sha1:00", "0a0a", &format!("{text}0b"), "sha256:zz"] {
            assert_eq!(Pin::parse(bad), Err(BadPin), "{bad}");
        }
    }
}
