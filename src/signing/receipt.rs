//! A partner's receipt: what it got, and what it did with it, signed.
//!
//! It is a compact JWS ([`super::jws`]) of type `otkel-receipt+jws` in the header `Otkel-Receipt`
//! of the answer, whose payload is the JSON of [`Receipt`] with these members and no other, so
//! that a ledger can keep it verbatim without keeping anything personal.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::jws::{self, BadJws};
use super::{Sign, Unsigned, VerifyKey};

/// What a partner says it got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The version of the receipt, 1.
    pub v: u8,
    /// The partner.
    pub iss: String,
    /// The gateway that sent it.
    pub aud: String,
    /// When the receipt was made, in seconds since the Unix epoch.
    pub iat: i64,
    /// The disclosure's id; of a stream, the stream's.
    pub did: Uuid,
    /// The body of the request, as it was received.
    pub env: Bytes,
    /// What became of it.
    pub status: Status,
    /// Whether it could be opened.
    pub opened: bool,
    /// The number of envelopes in it, where they are those of a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<u64>,
    /// The body of the answer, where that is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Bytes>,
}

/// Bytes, by their digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bytes {
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// Their number.
    pub len: u64,
}

impl Bytes {
    /// Bytes of this digest and number.
    #[must_use]
    pub fn new(sha256: &[u8; 32], len: u64) -> Self {
        Self { sha256: HEXLOWER.encode(sha256), len }
    }
}

/// What became of a payload at the partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It was taken.
    Accepted,
    /// It was not taken, and will not be.
    Rejected,
    /// It is kept, and whether it is taken is not known yet.
    Deferred,
}

impl Status {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Deferred => "deferred",
        }
    }
}

/// What a gateway knows of a payload that it sent.
#[derive(Clone, Debug)]
pub struct Expected<'a> {
    /// The partner.
    pub iss: &'a str,
    /// The gateway itself.
    pub aud: &'a str,
    /// The disclosure's id, or the stream's.
    pub did: Uuid,
    /// The body of the request.
    pub env: Bytes,
    /// The number of envelopes in it, where they are those of a stream.
    pub parts: Option<u64>,
    /// The time, in seconds since the Unix epoch.
    pub now: i64,
}

impl Receipt {
    /// Signs the receipt.
    ///
    /// # Errors
    /// The key did not sign.
    pub fn sign(&self, by: &dyn Sign) -> Result<String, Unsigned> {
        let payload = serde_json::to_vec(self).map_err(|_| Unsigned)?;
        jws::sign(TYPE, &payload, by)
    }

    /// Reads a receipt that one of the keys signed.
    ///
    /// # Errors
    /// Any other text.
    pub fn read<'a>(
        text: &str,
        keys: impl IntoIterator<Item = &'a VerifyKey>,
    ) -> Result<Self, BadReceipt> {
        if text.len() > LENGTH_MAX {
            return Err(BadReceipt::Length);
        }
        let (payload, _) = jws::read(text, TYPE, keys)?;
        jws::object(&payload).ok_or(BadReceipt::Payload)
    }

    /// What a receipt says, whoever signed it.
    ///
    /// # Errors
    /// Text that cannot be a receipt.
    pub fn unproven(text: &str) -> Result<Self, BadReceipt> {
        if text.len() > LENGTH_MAX {
            return Err(BadReceipt::Length);
        }
        jws::object(&jws::unproven(text, TYPE)?).ok_or(BadReceipt::Payload)
    }

    /// Holds the receipt against what was sent.
    ///
    /// # Errors
    /// The first thing that does not agree.
    pub fn check(&self, sent: &Expected<'_>) -> Result<(), BadReceipt> {
        let agrees = [
            (self.v == 1, BadReceipt::Payload),
            (self.iss == sent.iss, BadReceipt::Issuer),
            (self.aud == sent.aud, BadReceipt::Audience),
            (self.did == sent.did, BadReceipt::Id),
            (self.env == sent.env, BadReceipt::Envelope),
            (self.parts == sent.parts, BadReceipt::Parts),
            (self.iat.abs_diff(sent.now) <= SKEW_MAX, BadReceipt::Time),
        ];
        let wrong = agrees.into_iter().find(|(agrees, _)| !agrees);
        wrong.map_or(Ok(()), |(_, why)| Err(why))
    }
}

/// Why a receipt proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReceipt {
    /// It is too long for a header.
    #[error("the receipt is longer than 2048 bytes")]
    Length,
    /// It is not signed as it must be.
    #[error(transparent)]
    Jws(#[from] BadJws),
    /// It has other members than a receipt, or not all of them.
    #[error("the receipt is not one of version 1")]
    Payload,
    /// It is another partner's.
    #[error("the receipt's `iss` is another partner")]
    Issuer,
    /// It is for another gateway.
    #[error("the receipt's `aud` is another gateway")]
    Audience,
    /// It is of another disclosure.
    #[error("the receipt's `did` is another disclosure")]
    Id,
    /// It is of other bytes.
    #[error("the receipt's `env` is not what was sent")]
    Envelope,
    /// It counts other envelopes.
    #[error("the receipt's `parts` is not the number that was sent")]
    Parts,
    /// It is of another answer.
    #[error("the receipt's `reply` is not the sealed answer that it came with")]
    Reply,
    /// It was made at another time.
    #[error("the receipt's `iat` is not the time at which it came: compare the clocks")]
    Time,
}

impl BadReceipt {
    /// The word that records have for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Jws(BadJws::Form) => "form",
            Self::Jws(BadJws::Header) => "header",
            Self::Jws(BadJws::Algorithm) => "algorithm",
            Self::Jws(BadJws::Type) => "type",
            Self::Jws(BadJws::Key) => "key",
            Self::Jws(BadJws::Signature) => "signature",
            Self::Payload => "payload",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Id => "id",
            Self::Envelope => "envelope",
            Self::Parts => "parts",
            Self::Reply => "reply",
            Self::Time => "time",
        }
    }
}

/// The JWS type of receipts.
pub const TYPE: &str = "otkel-receipt+jws";
/// The bytes of the longest receipt.
pub const LENGTH_MAX: usize = 2048;
/// By how many seconds the partner's clock may differ.
const SKEW_MAX: u64 = 300;
