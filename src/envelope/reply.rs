//! Sealed answers: what a partner sends back, sealed to a key that came with the request.
//!
//! A sealed answer is an envelope in mode 1 to the key in the request's `re`. Its header has the
//! request's `did`, `m` and `p`, the partner as `iss`, the gateway as `aud`, and the answer's HTTP
//! status as `st`.

use hpke::rand_core::CryptoRng;
use uuid::Uuid;

use super::format::{self, BadEnvelope, Header, Recipient, ReplyKey};
use super::key::{self, BadKey, RecipientKey, RecipientSecret};
use super::pad::Text;
use super::stream::{self, To};
use crate::policy::Padding;
use crate::time::Timestamp;

impl ReplyKey {
    /// The key to seal to.
    ///
    /// # Errors
    /// A key that is malformed or of low order, or whose id is another's.
    pub fn read(&self) -> Result<RecipientKey, BadKey> {
        key::read_public(&self.kid, self.kem, &self.pk, Timestamp::EPOCH, Timestamp::EPOCH)
    }
}

/// An answer of a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The media type.
    pub media: String,
    /// The body.
    pub body: Vec<u8>,
}

/// Seals an answer to the request with this header.
///
/// # Errors
/// A header without a usable key.
pub fn seal(
    request: &Header,
    answer: &Answer,
    pad: Option<Padding>,
    now: Timestamp,
    random: &mut impl CryptoRng,
) -> Result<Vec<u8>, BadKey> {
    let key = request.re.as_ref().ok_or(BadKey::Form)?.read()?;
    let to = To::Direct(&key);
    let header = Header {
        iss: request.aud.clone(),
        aud: request.iss.clone(),
        cty: answer.media.clone(),
        iat: now.seconds(),
        stream: None,
        pad: pad.is_some(),
        re: None,
        st: Some(answer.status),
        rcpt: vec![Recipient::new(key.kem(), key.kid().to_owned())],
        ..request.clone()
    };
    let prefix = format::prefix(to.mode(), &header).map_err(|_| BadKey::Form)?;
    stream::seal(&prefix, Text::new(&answer.body, pad), &to, random)
}

/// The request that an answer must be to.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The disclosure's id.
    pub did: Uuid,
    /// The gateway.
    pub gateway: &'a str,
    /// The partner.
    pub partner: &'a str,
    /// The method.
    pub method: &'a str,
    /// The path.
    pub path: &'a str,
}

/// Opens a sealed answer to a request.
///
/// # Errors
/// An envelope that does not open, or that is no answer to this request.
pub fn open(
    envelope: &[u8],
    secret: &RecipientSecret,
    asked: &Asked<'_>,
) -> Result<Answer, BadReply> {
    let (header, body) = super::open(envelope, secret)?;
    let of = (header.did, &*header.aud, &*header.iss, &*header.m, &*header.p);
    let Asked { did, gateway, partner, method, path } = *asked;
    if of != (did, gateway, partner, method, path) {
        return Err(BadReply::Another);
    }
    let status = header.st.filter(|status| (200..=599).contains(status)).ok_or(BadReply::Status)?;
    Ok(Answer { status, media: header.cty, body })
}

/// Why an envelope is not the answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReply {
    /// It does not open.
    #[error(transparent)]
    Envelope(#[from] BadEnvelope),
    /// It is to another request, or from or for somebody else.
    #[error("the sealed answer is to another request")]
    Another,
    /// It has no HTTP status that an answer can have.
    #[error("the sealed answer has no HTTP status")]
    Status,
}
