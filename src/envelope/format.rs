//! The bytes of an envelope.
//!
//! | offset | size | what |
//! |---|---|---|
//! | 0 | 4 | `OTK1`: 4F 54 4B 31 |
//! | 4 | 1 | mode: 01 direct, 02 wrapped, 03 kept |
//! | 5 | 1 | flags: 00, anything else is refused |
//! | 6 | 2 | `hlen`, the header's length, big-endian, 2 to 8192 |
//! | 8 | `hlen` | the header: one UTF-8 JSON object, carried verbatim |
//! | 8+`hlen` | … | what the recipient gets the key from, by mode |
//! | … | 16400·n | n full chunks: 16384 bytes of ciphertext and a tag of 16 |
//! | … | 16 to 16399 | the last chunk: 0 to 16383 bytes of ciphertext and a tag of 16 |
//!
//! The *prefix* is everything up to the header's end; it is authenticated through its SHA-256 in
//! HPKE's `info`. Associated data are empty everywhere. The KDF is HKDF-SHA256, the AEAD
//! ChaCha20-Poly1305, the KEM what `rcpt` says: `enc`, the encapsulated key of HPKE (RFC 9180), has
//! 32 bytes for KEM 0x0020 and 1120 for 0x647a.
//!
//! **Mode 1, direct**: `enc`. One entry in `rcpt`. `info = "OTK1 direct" 00 || SHA-256(prefix)`, 44
//! bytes. Chunk k is `ContextS.Seal("", chunk)` on one context, so its nonce is the base nonce XOR
//! k (RFC 9180 section 5.2). A body below 16 KiB is exactly one single-shot HPKE message.
//!
//! **Mode 2, wrapped**: for each entry of `rcpt`, 1 to 16 and in their order, `enc` and 48 bytes,
//! `Seal("", ik)` with `info = "OTK1 wrap" 000000 || SHA-256(prefix)`; then a salt of 24 bytes and
//! a commitment of 32. `ik` is a fresh random key of 32 bytes. Key, base nonce and commitment are
//! ```text
//! key (32) || base_nonce (12) || commitment (32) = HKDF-Expand-SHA256(ik,
//!   "c2sp.org/chunked-encryption@v1+AEAD_CHACHA20_POLY1305" 00 || salt || info, 76)
//! ```
//! (c2sp.org/chunked-encryption), and chunk k is sealed with nonce `base_nonce` XOR k.
//!
//! **Mode 3, kept**: `enc`, salt, commitment. One entry in `rcpt`. [`super::kept`] says where `ik`
//! comes from; from there on it is as mode 2, with `info = "OTK1 kept" 000000 || SHA-256(prefix)`.
//!
//! The last chunk is always shorter than 16384 bytes, so a cut at a chunk's end is seen. Where the
//! header has `"pad":true`, what the chunks hold is the body, one byte 80 and any number of bytes
//! 00; a receiver takes off the zeros and the 80 once all has opened.
//!
//! A receiver must refuse a last chunk of 16384 plaintext bytes, must not act on plaintext before
//! the last chunk has opened, must compare the header with the request that carried it, and must
//! treat `did` as the key of idempotency.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::key::RecipientSecret;
use super::unique::Unique;
use crate::vocabulary::Kem;

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
    /// Whether the body is filled up to hide its length.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pad: bool,
    /// The key that the answer may be sealed to, where it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub re: Option<ReplyKey>,
    /// In a sealed answer: its HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub st: Option<u16>,
    /// The recipients' keys: 1 to 16 in mode 2, exactly one in the others.
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

/// A key that an envelope is sealed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The first 128 bits of SHA-256 over the raw public key, base64url without padding.
    pub kid: String,
    /// HPKE KEM id: 0x0020, DHKEM(X25519, HKDF-SHA256), or 0x647a, MLKEM768-X25519.
    pub kem: u16,
    /// HPKE KDF id: 0x0001, HKDF-SHA256.
    pub kdf: u16,
    /// HPKE AEAD id: 0x0003, ChaCha20-Poly1305.
    pub aead: u16,
}

impl Recipient {
    /// The suite of this version with a KEM, for a key.
    #[must_use]
    pub fn new(kem: Kem, kid: String) -> Self {
        Self { kid, kem: kem.id(), kdf: 0x0001, aead: 0x0003 }
    }

    pub(super) fn suite(&self) -> Result<Kem, BadEnvelope> {
        let kem = Kem::from_id(self.kem).filter(|_| (self.kdf, self.aead) == (0x0001, 0x0003));
        kem.ok_or(BadEnvelope::Suite)
    }
}

/// A key of the gateway's that the answer to an envelope may be sealed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyKey {
    /// The key's id, as in [`Recipient`].
    pub kid: String,
    /// HPKE KEM id, as in [`Recipient`].
    pub kem: u16,
    /// The raw public key, base64url without padding.
    pub pk: String,
}

impl ReplyKey {
    /// The public half of a private key.
    #[must_use]
    pub fn of(secret: &RecipientSecret) -> Self {
        let pk = BASE64URL_NOPAD.encode(secret.public());
        Self { kid: secret.kid().to_owned(), kem: secret.kem().id(), pk }
    }
}

/// How the recipients get the key of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// An HPKE context for this envelope alone.
    Direct,
    /// A random key, sealed to each of several recipients.
    Wrapped,
    /// A key from an HPKE context that serves for a while.
    Kept,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Direct, Self::Wrapped, Self::Kept];

    /// Its byte in the envelope.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Direct => 1,
            Self::Wrapped => 2,
            Self::Kept => 3,
        }
    }

    /// The word that records and people have for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Wrapped => "wrapped",
            Self::Kept => "kept",
        }
    }

    const fn label(self) -> &'static [u8; 12] {
        match self {
            Self::Direct => b"OTK1 direct\0",
            Self::Wrapped => b"OTK1 wrap\0\0\0",
            Self::Kept => LABEL_KEPT,
        }
    }
}

/// Why bytes are not an envelope for this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEnvelope {
    /// It does not begin with `OTK1`.
    #[error("not an envelope: it does not begin with `OTK1`")]
    Magic,
    /// The mode is not one that this program opens.
    #[error("the envelope's mode is none of 1, 2 and 3")]
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
    /// The suite is none of this version, or not that of the key.
    #[error("the envelope names a suite that this key is not for")]
    Suite,
    /// It is sealed to another key.
    #[error("the envelope is sealed to another key")]
    Key,
    /// A chunk does not open: a byte was changed, cut, swapped or sealed for something else.
    #[error("the envelope does not open: it was changed, or is not for this key")]
    Sealed,
    /// The key does not commit to this envelope: it could open to something else for others.
    #[error("the envelope's commitment is not that of its key")]
    Commitment,
    /// It opens, and does not end as its padding must.
    #[error("the envelope's padding is malformed")]
    Pad,
}

/// Writes the prefix of an envelope: all that stands before the key's bytes.
///
/// # Errors
/// A header beyond 8192 bytes, or with other recipients than the mode has.
pub fn prefix(mode: Mode, header: &Header) -> Result<Vec<u8>, BadEnvelope> {
    check_recipients(mode, &header.rcpt)?;
    let json = serde_json::to_vec(header).map_err(|_| BadEnvelope::Header)?;
    let length = u16::try_from(json.len()).map_err(|_| BadEnvelope::Header)?;
    if usize::from(length) > HEADER_MAX {
        return Err(BadEnvelope::Header);
    }
    let mut prefix = Vec::with_capacity(FIXED + json.len());
    prefix.extend_from_slice(MAGIC);
    prefix.extend_from_slice(&[mode.byte(), 0]);
    prefix.extend_from_slice(&length.to_be_bytes());
    prefix.extend_from_slice(&json);
    Ok(prefix)
}

/// The length of the prefix that an envelope begins with, from as many of its bytes as there are.
///
/// # Errors
/// `Short` where more bytes are needed to tell, and what no envelope begins with.
pub fn prefix_length(start: &[u8]) -> Result<usize, BadEnvelope> {
    let Some([m0, m1, m2, m3, mode, flags, high, low]) = start.first_chunk::<FIXED>() else {
        let known = MAGIC.iter().zip(start).all(|(a, b)| a == b);
        return Err(if known { BadEnvelope::Short } else { BadEnvelope::Magic });
    };
    if [*m0, *m1, *m2, *m3] != *MAGIC {
        return Err(BadEnvelope::Magic);
    }
    mode_of(*mode)?;
    if *flags != 0 {
        return Err(BadEnvelope::Flags);
    }
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if !(2..=HEADER_MAX).contains(&length) {
        return Err(BadEnvelope::Header);
    }
    Ok(FIXED + length)
}

/// Reads a whole prefix.
///
/// # Errors
/// Bytes that are not exactly one.
pub fn read_prefix(prefix: &[u8]) -> Result<(Mode, Header), BadEnvelope> {
    if prefix_length(prefix)? != prefix.len() {
        return Err(BadEnvelope::Short);
    }
    let mode = prefix.get(MAGIC.len()).ok_or(BadEnvelope::Short)?;
    let mode = mode_of(*mode)?;
    let header = read_header(prefix.get(FIXED..).ok_or(BadEnvelope::Short)?)?;
    check_recipients(mode, &header.rcpt)?;
    Ok((mode, header))
}

/// What binds an envelope's key to its mode and prefix: 44 bytes.
#[must_use]
pub fn info(mode: Mode, prefix: &[u8]) -> [u8; 44] {
    let mut info = [0; 44];
    let (label, digest) = info.split_at_mut(LABEL_KEPT.len());
    label.copy_from_slice(mode.label());
    digest.copy_from_slice(&Sha256::digest(prefix));
    info
}

fn mode_of(byte: u8) -> Result<Mode, BadEnvelope> {
    Mode::ALL.into_iter().find(|mode| mode.byte() == byte).ok_or(BadEnvelope::Mode)
}

fn read_header(json: &[u8]) -> Result<Header, BadEnvelope> {
    // serde alone would take an unknown member twice, and two readers could then disagree.
    serde_json::from_slice::<Unique>(json).map_err(|_| BadEnvelope::Header)?;
    let value: Value = serde_json::from_slice(json).map_err(|_| BadEnvelope::Header)?;
    if !has_objects(&value) {
        return Err(BadEnvelope::Header);
    }
    let header: Header = serde_json::from_value(value).map_err(|_| BadEnvelope::Header)?;
    if header.v == 1 { Ok(header) } else { Err(BadEnvelope::Header) }
}

/// Whether objects stand where they must: serde takes their members in an array as well, which no
/// other reader does.
fn has_objects(header: &Value) -> bool {
    let recipients = header.get("rcpt").and_then(Value::as_array);
    let is_array = |name| header.get(name).is_some_and(Value::is_array);
    recipients.is_some_and(|all| all.iter().all(Value::is_object))
        && !["stream", "re"].into_iter().any(is_array)
}

fn check_recipients(mode: Mode, recipients: &[Recipient]) -> Result<(), BadEnvelope> {
    let most = if mode == Mode::Wrapped { RECIPIENTS_MAX } else { 1 };
    let mut kids: Vec<&str> = recipients.iter().map(|recipient| &*recipient.kid).collect();
    kids.sort_unstable();
    kids.dedup();
    if kids.len() != recipients.len() || !(1..=most).contains(&kids.len()) {
        return Err(BadEnvelope::Header);
    }
    recipients.iter().try_for_each(|recipient| recipient.suite().map(drop))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// The bytes of plaintext in a full chunk.
pub const CHUNK: usize = 16 * 1024;
/// The bytes of an authentication tag.
pub const TAG: usize = 16;
/// The most recipients of an envelope in mode 2.
pub const RECIPIENTS_MAX: usize = 16;
/// The media type of an envelope.
pub const MEDIA_TYPE: &str = "application/vnd.otkel";

pub(super) const LABEL_KEPT: &[u8; 12] = b"OTK1 kept\0\0\0";
const MAGIC: &[u8; 4] = b"OTK1";
const FIXED: usize = 8;
const HEADER_MAX: usize = 8192;
