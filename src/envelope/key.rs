//! The keys of a recipient: X25519 (RFC 7748).

use data_encoding::BASE64URL_NOPAD;
use hpke::Deserializable;
use hpke::kem::X25519HkdfSha256;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use x25519_dalek::{PublicKey, StaticSecret};

use super::kem::TabledKey;
use crate::time::Timestamp;

type HpkePrivate = <X25519HkdfSha256 as hpke::Kem>::PrivateKey;

/// A public key that payloads are sealed to, with the time in which it may be used.
#[derive(Clone)]
pub struct RecipientKey {
    kid: String,
    public: TabledKey,
    from: Timestamp,
    until: Timestamp,
}

impl RecipientKey {
    /// Takes the 32 raw bytes of a public key.
    ///
    /// # Errors
    /// A point of low order, which any key pair would share a secret with (RFC 7748 section 6.1).
    pub fn read(raw: &[u8; 32], from: Timestamp, until: Timestamp) -> Result<Self, BadKey> {
        let probe = StaticSecret::from(*b"any scalar shows a low-order key")
            .diffie_hellman(&PublicKey::from(*raw));
        if !probe.was_contributory() {
            return Err(BadKey::LowOrder);
        }
        let public = TabledKey::from_bytes(raw).map_err(|_| BadKey::Form)?;
        Ok(Self { kid: kid(raw), public, from, until })
    }

    /// The key's id.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Whether the key may be sealed to.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    pub(super) const fn public(&self) -> &TabledKey {
        &self.public
    }
}

impl std::fmt::Debug for RecipientKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecipientKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// The keys of one partner.
#[derive(Clone, Debug, Default)]
pub struct RecipientKeys(Vec<RecipientKey>);

impl RecipientKeys {
    /// Reads a key list: `{"v":1,"iss":…,"seq":…,"keys":[{"kid","kem","pk","nbf","exp"}]}`.
    ///
    /// # Errors
    /// Anything that is not such a list, a `kid` that is not its key's, or a key that is unusable.
    pub fn read(json: &[u8], partner: &str) -> Result<Self, BadKey> {
        let list: KeyList = serde_json::from_slice(json).map_err(|_| BadKey::Form)?;
        if list.v != 1 {
            return Err(BadKey::Form);
        }
        if list.iss != partner {
            return Err(BadKey::Issuer);
        }
        list.keys.iter().map(ListedKey::read).collect::<Result<_, _>>().map(Self)
    }

    /// The key to seal to: of those that are valid now, the one that became valid last.
    #[must_use]
    pub fn current(&self, now: Timestamp) -> Option<&RecipientKey> {
        self.0.iter().filter(|key| key.is_valid(now)).max_by_key(|key| key.from)
    }
}

/// A partner's key list, as it is exchanged.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyList {
    /// The version of the list, 1.
    pub v: u8,
    /// The partner.
    pub iss: String,
    /// The number of this list; it never goes back.
    pub seq: u64,
    /// The keys.
    pub keys: Vec<ListedKey>,
}

/// A key in a partner's list.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedKey {
    /// The key's id.
    pub kid: String,
    /// HPKE KEM id: 32 for X25519.
    pub kem: u16,
    /// The raw public key, base64url without padding.
    pub pk: String,
    /// From when it may be used, in seconds since the Unix epoch.
    pub nbf: i64,
    /// From when it may not be used any more, in seconds since the Unix epoch.
    pub exp: i64,
}

impl ListedKey {
    fn read(&self) -> Result<RecipientKey, BadKey> {
        let raw = BASE64URL_NOPAD.decode(self.pk.as_bytes()).map_err(|_| BadKey::Form)?;
        let raw: [u8; 32] = raw.try_into().map_err(|_| BadKey::Form)?;
        let time = |seconds| Timestamp::from_seconds(seconds).ok_or(BadKey::Form);
        if self.kem != 0x0020 {
            return Err(BadKey::Kem);
        }
        if self.kid != kid(&raw) {
            return Err(BadKey::Kid);
        }
        RecipientKey::read(&raw, time(self.nbf)?, time(self.exp)?)
    }
}

/// A recipient's private key; wiped from memory when dropped, and never shown.
pub struct RecipientSecret {
    secret: StaticSecret,
    hpke: HpkePrivate,
}

impl RecipientSecret {
    /// Takes the 32 raw bytes of a private key.
    ///
    /// # Errors
    /// None that 32 bytes can cause; the library's own check is passed on.
    pub fn read(raw: [u8; 32]) -> Result<Self, BadKey> {
        let secret = StaticSecret::from(raw);
        let hpke = HpkePrivate::from_bytes(secret.as_bytes()).map_err(|_| BadKey::Form)?;
        Ok(Self { secret, hpke })
    }

    /// Makes a new key from the system's random numbers, with its raw bytes to be kept.
    #[must_use]
    pub fn generate() -> (StaticSecret, PublicKey) {
        let secret = StaticSecret::random();
        let public = PublicKey::from(&secret);
        (secret, public)
    }

    /// The public key's 32 raw bytes.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        PublicKey::from(&self.secret).to_bytes()
    }

    /// The key's id.
    #[must_use]
    pub fn kid(&self) -> String {
        kid(&self.public())
    }

    pub(super) const fn hpke(&self) -> &HpkePrivate {
        &self.hpke
    }
}

impl std::fmt::Debug for RecipientSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecipientSecret").finish_non_exhaustive()
    }
}

/// The id of a public key: 22 characters.
#[must_use]
pub fn kid(public: &[u8; 32]) -> String {
    let digest = Sha256::digest(public);
    BASE64URL_NOPAD.encode(digest.first_chunk::<16>().map_or(&[][..], |half| half))
}

/// Why a key or key list cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Not the form that it must have.
    #[error("not a key list of version 1 with raw X25519 keys in base64url")]
    Form,
    /// The list is another partner's.
    #[error("the key list's `iss` is not this partner")]
    Issuer,
    /// Another KEM than this version seals to.
    #[error("only KEM 32 (X25519) is supported")]
    Kem,
    /// The id is not the key's.
    #[error("a `kid` is not the id of its key")]
    Kid,
    /// A key of low order.
    #[error("a key is of low order and would give no secrecy")]
    LowOrder,
}
