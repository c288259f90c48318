//! Why a partner gave no answer, told apart by what the ledger must say of the transfer.

use std::io;

use rustls::{AlertDescription, CertificateError, Error as TlsError, PeerIncompatible};

use crate::tls::PinMismatch;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Surely no byte of the request has left.
    #[error("nothing was sent: {0}")]
    Unsent(Unsent),
    /// The request may have arrived, in part or whole.
    #[error("the outcome is unknown: {0}")]
    Unknown(Unknown),
}

/// Why no byte of a request has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unsent {
    /// The host's addresses are private, and neither the resolve table nor the settings allow it.
    #[error("the partner's host has no public address")]
    AddressPrivate,
    /// The host has no address.
    #[error("the partner's host has no address")]
    AddressUnknown,
    /// As many requests as the settings allow are open.
    #[error("too many requests to the partner are open")]
    Busy,
    /// The certificate is not of the partner's authorities, or is self-signed.
    #[error("the partner's certificate is not of its authorities")]
    CertificateAuthority,
    /// The certificate has ended or not begun.
    #[error("the partner's certificate is out of its time")]
    CertificateExpired,
    /// The certificate cannot be used for another reason.
    #[error("the partner's certificate cannot be used")]
    CertificateForm,
    /// The certificate bears another name.
    #[error("the partner's certificate bears another name")]
    CertificateName,
    /// The key is none of those pinned.
    #[error("the partner's key is none of those pinned")]
    CertificatePin,
    /// No connection came about in time.
    #[error("no connection to the partner in time")]
    ConnectTimeout,
    /// No address of the host took the connection.
    #[error("the partner takes no connection")]
    ConnectionRefused,
    /// The connection was closed before the request was begun.
    #[error("the connection was closed before the request was begun")]
    ConnectionLost,
    /// The handshake broke off.
    #[error("the TLS handshake with the partner broke off")]
    Handshake,
    /// What answered does not speak TLS.
    #[error("the partner does not speak TLS")]
    NotTls,
    /// The request cannot be written.
    #[error("the request cannot be written")]
    Request,
    /// The key that signs requests cannot be used.
    #[error("the request could not be signed")]
    Unsigned,
    /// The partner does not want our certificate.
    #[error("the partner refuses our certificate")]
    Unwelcome,
    /// The partner does not speak TLS 1.3.
    #[error("the partner does not speak TLS 1.3")]
    Version,
}

/// Why it is unknown whether a request has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unknown {
    /// The head of the answer cannot be used: too long, contradictory, no final answer, or one
    /// that announces a longer body than is taken.
    #[error("the partner's answer cannot be used")]
    AnswerForm,
    /// The connection broke, or what came was not HTTP.
    #[error("the connection to the partner broke")]
    Broken,
    /// No answer came in time.
    #[error("no answer from the partner in time")]
    Timeout,
}

/// Why the body of an answer ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum AnswerFault {
    /// The connection broke before the body was whole.
    #[error("the partner's answer was cut short")]
    Broken,
    /// The whole answer took too long.
    #[error("the partner's answer took too long")]
    Late,
    /// Nothing came for too long.
    #[error("the partner's answer stood still")]
    Stalled,
    /// The body is longer than is taken.
    #[error("the partner's answer is too long")]
    TooLarge,
}

impl From<AnswerFault> for io::Error {
    fn from(fault: AnswerFault) -> Self {
        let kind = match fault {
            AnswerFault::Broken => io::ErrorKind::UnexpectedEof,
            AnswerFault::Late | AnswerFault::Stalled => io::ErrorKind::TimedOut,
            AnswerFault::TooLarge => io::ErrorKind::FileTooLarge,
        };
        Self::new(kind, fault)
    }
}

impl Unsent {
    /// Reads what a failed TLS handshake says.
    pub(super) fn of_handshake(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
            None => Self::Handshake,
            Some(error) => Self::of_tls(error),
        }
    }

    fn of_tls(error: &TlsError) -> Self {
        match error {
            TlsError::InvalidCertificate(fault) => Self::of_certificate(fault),
            TlsError::InvalidMessage(_) => Self::NotTls,
            TlsError::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            )
            | TlsError::AlertReceived(AlertDescription::ProtocolVersion) => Self::Version,
            TlsError::AlertReceived(
                AlertDescription::AccessDenied
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateRequired
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::UnsupportedCertificate,
            ) => Self::Unwelcome,
            _ => Self::Handshake,
        }
    }

    fn of_certificate(fault: &CertificateError) -> Self {
        match fault {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::CertificateExpired,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::CertificateName
            }
            CertificateError::BadSignature | CertificateError::UnknownIssuer => {
                Self::CertificateAuthority
            }
            CertificateError::Other(other) if other.0.is::<PinMismatch>() => Self::CertificatePin,
            _ => Self::CertificateForm,
        }
    }
}
