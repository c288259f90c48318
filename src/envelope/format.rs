//! The bytes of an envelope, mode 1 (`direct`).
//!
//! | offset | size | what |
//! |---|---|---|
//! | 0 | 4 | `OTK1`: 4F 54 4B 31 |
//! | 4 | 1 | mode: 01 |
//! | 5 | 1 | flags: 00, anything else is refused |
//! | 6 | 2 | `hlen`, the header's length, big-endian, 2 to 8192 |
//! | 8 | `hlen` | the header: one UTF-8 JSON object, carried verbatim |
//! | 8+`hlen` | 32 | `enc`, the encapsulated key of HPKE (RFC 9180) |
//! | … | 16400·n | n full chunks: 16384 bytes of ciphertext and a tag of 16 |
//! | … | 16 to 16399 | the last chunk: 0 to 16383 bytes of ciphertext and a tag of 16 |
//!
//! The *prefix* is everything before `enc`. It is authenticated through HPKE's
//! `info = "OTK1 direct" 00 || SHA-256(prefix)`, 44 bytes; the associated data are empty. Chunk k
//! is `ContextS.Seal("", chunk)` on one context, so its nonce is the base nonce XOR k (RFC 9180
//! section 5.2). The last chunk is always shorter than 16384 bytes, so a cut at a chunk's end is
//! seen, and a body below 16 KiB is exactly one single-shot HPKE message.
//!
//! A receiver must refuse a last chunk of 16384 plaintext bytes, must not act on plaintext before
//! the last chunk has opened, must compare the header with the request that carried it, and must
//! treat `did` as the key of idempotency.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::unique::Unique;

/// What an envelope says in the clear about itself; authenticated, not encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the header, 1.
    pub v: u8,
    /// The disclosure's id.
    pub did: Uuid,
    /// The gateway that sealed it.
    pub iss: String,
    /// The partner it is for.
    pub aud: String,
    /// The HTTP method of the request that carries it.
    pub m: String,
    /// The path of that request.
    pub p: String,
    /// The media type of what is inside.
    pub cty: String,
    /// When it was sealed, in seconds since the Unix epoch.
    pub iat: i64,
    /// The purpose that the recipient is bound to (94-V Art. 14, 15).
    pub pur: String,
    /// When the recipient must have destroyed the data, in seconds since the Unix epoch.
    pub exp: i64,
    /// Whether the recipient may pass the data on (94-V Art. 15).
    pub onw: bool,
    /// Which part of a record stream it is, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Part>,
    /// The recipient's key; exactly one in mode 1.
    pub rcpt: Vec<Recipient>,
}

/// Which part of a record stream an envelope holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The stream's id: that of its first part.
    pub id: Uuid,
    /// The part's number, counted from 0 without gaps.
    pub n: u64,
    /// Whether it is the last.
    pub last: bool,
}

/// The key that an envelope is sealed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The first 128 bits of SHA-256 over the raw public key, base64url without padding.
    pub kid: String,
    /// HPKE KEM id: 0x0020, DHKEM(X25519, HKDF-SHA256).
    pub kem: u16,
    /// HPKE KDF id: 0x0001, HKDF-SHA256.
    pub kdf: u16,
    /// HPKE AEAD id: 0x0003, ChaCha20-Poly1305.
    pub aead: u16,
}

impl Recipient {
    /// The one suite of this version, for a key.
    #[must_use]
    pub fn x25519(kid: String) -> Self {
        Self { kid, kem: 0x0020, kdf: 0x0001, aead: 0x0003 }
    }
}

/// Why bytes are not an envelope for this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEnvelope {
    /// It does not begin with `OTK1`.
    #[error("not an envelope: it does not begin with `OTK1`")]
    Magic,
    /// The mode is not one that this program opens.
    #[error("the envelope's mode is not 1 (direct)")]
    Mode,
    /// A flag is set that this version does not know.
    #[error("the envelope carries unknown flags")]
    Flags,
    /// It ends before it is complete.
    #[error("the envelope is cut off")]
    Short,
    /// The header is not the JSON object that it must be.
    #[error("the envelope's header is malformed, or names a member twice")]
    Header,
    /// The suite is not the one of this version.
    #[error("the envelope names another suite than X25519, HKDF-SHA256, ChaCha20-Poly1305")]
    Suite,
    /// It is sealed to another key.
    #[error("the envelope is sealed to another key")]
    Key,
    /// A chunk does not open: a byte was changed, cut, swapped or sealed for something else.
    #[error("the envelope does not open: it was changed, or is not for this key")]
    Sealed,
}

/// Writes the prefix of an envelope: all that stands before `enc`.
///
/// # Errors
/// A header beyond 8192 bytes.
pub fn prefix(header: &Header) -> Result<Vec<u8>, BadEnvelope> {
    let json = serde_json::to_vec(header).map_err(|_| BadEnvelope::Header)?;
    let length = u16::try_from(json.len()).map_err(|_| BadEnvelope::Header)?;
    if usize::from(length) > HEADER_MAX {
        return Err(BadEnvelope::Header);
    }
    let mut prefix = Vec::with_capacity(FIXED + json.len());
    prefix.extend_from_slice(MAGIC);
    prefix.extend_from_slice(&[MODE_DIRECT, 0]);
    prefix.extend_from_slice(&length.to_be_bytes());
    prefix.extend_from_slice(&json);
    Ok(prefix)
}

/// Reads the prefix of an envelope: the header, and what stands after it.
///
/// # Errors
/// Bytes that are not such a prefix.
pub fn read_prefix(envelope: &[u8]) -> Result<(Header, &[u8], &[u8]), BadEnvelope> {
    let Some((fixed, rest)) = envelope.split_first_chunk::<FIXED>() else {
        let known = MAGIC.iter().zip(envelope).all(|(a, b)| a == b);
        return Err(if known { BadEnvelope::Short } else { BadEnvelope::Magic });
    };
    let [m0, m1, m2, m3, mode, flags, high, low] = *fixed;
    if [m0, m1, m2, m3] != *MAGIC {
        return Err(BadEnvelope::Magic);
    }
    if mode != MODE_DIRECT {
        return Err(BadEnvelope::Mode);
    }
    if flags != 0 {
        return Err(BadEnvelope::Flags);
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    if !(2..=HEADER_MAX).contains(&length) {
        return Err(BadEnvelope::Header);
    }
    let (json, sealed) = rest.split_at_checked(length).ok_or(BadEnvelope::Short)?;
    let header = read_header(json)?;
    let (prefix, _) = envelope.split_at_checked(FIXED + length).ok_or(BadEnvelope::Short)?;
    Ok((header, prefix, sealed))
}

/// HPKE's `info` for a prefix: 44 bytes.
#[must_use]
pub fn info(prefix: &[u8]) -> [u8; 44] {
    let mut info = [0; 44];
    let (label, digest) = info.split_at_mut(LABEL.len());
    label.copy_from_slice(LABEL);
    digest.copy_from_slice(&Sha256::digest(prefix));
    info
}

fn read_header(json: &[u8]) -> Result<Header, BadEnvelope> {
    // serde alone would take an unknown member twice, and two readers could then disagree.
    serde_json::from_slice::<Unique>(json).map_err(|_| BadEnvelope::Header)?;
    let header: Header = serde_json::from_slice(json).map_err(|_| BadEnvelope::Header)?;
    let [recipient] = header.rcpt.as_slice() else { return Err(BadEnvelope::Header) };
    if header.v != 1 {
        return Err(BadEnvelope::Header);
    }
    if *recipient != Recipient::x25519(recipient.kid.clone()) {
        return Err(BadEnvelope::Suite);
    }
    Ok(header)
}

/// The bytes of plaintext in a full chunk.
pub const CHUNK: usize = 16 * 1024;
/// The bytes of an authentication tag.
pub const TAG: usize = 16;
/// The media type of an envelope.
pub const MEDIA_TYPE: &str = "application/vnd.otkel";

const MAGIC: &[u8; 4] = b"OTK1";
const MODE_DIRECT: u8 = 1;
const FIXED: usize = 8;
const HEADER_MAX: usize = 8192;
const LABEL: &[u8; 12] = b"OTK1 direct\0";
