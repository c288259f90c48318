//! The keys of a recipient: X25519 (RFC 7748), or ML-KEM-768 with X25519
//! (draft-ietf-hpke-pq: MLKEM768-X25519).
//!
//! | KEM | private key | public key | encapsulated key |
//! |---|---|---|---|
//! | 0x0020, X25519 | 32 bytes | 32 | 32 |
//! | 0x647a, MLKEM768-X25519 | 32: the seed | 1216: ML-KEM's 1184, X25519's 32 | 1120 |
//!
//! Keys of low order would share the same secret with everybody (RFC 7748 section 6.1). None is
//! taken, neither alone nor as the half of a hybrid key, where it would leave one half alone to
//! hold; nor is an ML-KEM key with a coefficient beyond the modulus (FIPS 203 section 7.2).

use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use hpke::kem::{X25519HkdfSha256, XWing};
use hpke::rand_core::CryptoRng;
use hpke::{Deserializable, Serializable};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::kem::TabledKey;
use crate::time::Timestamp;
use crate::vocabulary::Kem;

/// A public key that payloads are sealed to, with the time in which it may be used.
#[derive(Clone)]
pub struct RecipientKey {
    kid: String,
    public: Public,
    from: Timestamp,
    until: Timestamp,
}

/// A public key, ready for use.
#[derive(Clone)]
pub(super) enum Public {
    X25519(TabledKey),
    MlKem768X25519(Arc<<XWing as hpke::Kem>::PublicKey>),
}

impl RecipientKey {
    /// Takes the raw bytes of a public key.
    ///
    /// # Errors
    /// Bytes of another length, a point of low order or a malformed ML-KEM key.
    pub fn read(kem: Kem, raw: &[u8], from: Timestamp, until: Timestamp) -> Result<Self, BadKey> {
        let point = raw.last_chunk().ok_or(BadKey::Form)?;
        if !contributes(point) {
            return Err(BadKey::LowOrder);
        }
        let public = match kem {
            Kem::X25519 => TabledKey::from_bytes(raw).map(Public::X25519),
            Kem::MlKem768X25519 => {
                Deserializable::from_bytes(raw).map(Arc::new).map(Public::MlKem768X25519)
            }
        };
        let public = public.map_err(|_| BadKey::Form)?;
        Ok(Self { kid: kid(raw), public, from, until })
    }

    /// The key's id.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The KEM that it is for.
    #[must_use]
    pub const fn kem(&self) -> Kem {
        match self.public {
            Public::X25519(_) => Kem::X25519,
            Public::MlKem768X25519(_) => Kem::MlKem768X25519,
        }
    }

    /// Whether the key may be sealed to.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    /// Until when the key may be sealed to.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    pub(super) const fn public(&self) -> &Public {
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

    /// Whether any key is for a KEM, valid now or not.
    #[must_use]
    pub fn has(&self, kem: Kem) -> bool {
        self.0.iter().any(|key| key.kem() == kem)
    }

    /// The key to seal to: of those for this KEM that are valid now, the one that became valid
    /// last. There is none where only keys of another KEM are valid: a weaker one never stands in.
    #[must_use]
    pub fn current(&self, now: Timestamp, kem: Kem) -> Option<&RecipientKey> {
        let fit = self.0.iter().filter(|key| key.kem() == kem && key.is_valid(now));
        fit.max_by_key(|key| key.from)
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedKey {
    /// The key's id.
    pub kid: String,
    /// HPKE KEM id: 32 for X25519, 25722 (0x647a) for MLKEM768-X25519.
    pub kem: u16,
    /// The raw public key, base64url without padding.
    pub pk: String,
    /// From when it may be used, in seconds since the Unix epoch.
    pub nbf: i64,
    /// From when it may not be used any more, in seconds since the Unix epoch.
    pub exp: i64,
}

impl ListedKey {
    /// The entry of a private key's public half.
    #[must_use]
    pub fn of(secret: &RecipientSecret, from: Timestamp, until: Timestamp) -> Self {
        Self {
            kid: secret.kid().to_owned(),
            kem: secret.kem().id(),
            pk: BASE64URL_NOPAD.encode(secret.public()),
            nbf: from.seconds(),
            exp: until.seconds(),
        }
    }

    fn read(&self) -> Result<RecipientKey, BadKey> {
        let time = |seconds| Timestamp::from_seconds(seconds).ok_or(BadKey::Form);
        read_public(&self.kid, self.kem, &self.pk, time(self.nbf)?, time(self.exp)?)
    }
}

/// Reads a public key as lists and headers have it.
pub(super) fn read_public(
    id: &str,
    kem: u16,
    pk: &str,
    from: Timestamp,
    until: Timestamp,
) -> Result<RecipientKey, BadKey> {
    let raw = BASE64URL_NOPAD.decode(pk.as_bytes()).map_err(|_| BadKey::Form)?;
    let kem = Kem::from_id(kem).ok_or(BadKey::Kem)?;
    if id != kid(&raw) {
        return Err(BadKey::Kid);
    }
    RecipientKey::read(kem, &raw, from, until)
}

/// A recipient's private key; wiped from memory when dropped, and never shown.
pub struct RecipientSecret {
    kid: String,
    public: Vec<u8>,
    secret: Secret,
}

/// A private key, ready for use. Both wipe themselves.
pub(super) enum Secret {
    X25519(<X25519HkdfSha256 as hpke::Kem>::PrivateKey),
    MlKem768X25519(Box<<XWing as hpke::Kem>::PrivateKey>),
}

impl RecipientSecret {
    /// Takes the 32 raw bytes of a private key.
    ///
    /// # Errors
    /// None that 32 bytes can cause; the library's own check is passed on.
    pub fn read(kem: Kem, raw: &[u8; 32]) -> Result<Self, BadKey> {
        let (public, secret) = match kem {
            Kem::X25519 => {
                let (public, secret) = pair::<X25519HkdfSha256>(raw)?;
                (public, Secret::X25519(secret))
            }
            Kem::MlKem768X25519 => {
                let (public, secret) = pair::<XWing>(raw)?;
                (public, Secret::MlKem768X25519(secret.into()))
            }
        };
        Ok(Self { kid: kid(&public), public, secret })
    }

    /// Makes a new key.
    ///
    /// # Errors
    /// None that 32 bytes can cause; the library's own check is passed on.
    pub fn generate(kem: Kem, random: &mut impl CryptoRng) -> Result<Self, BadKey> {
        let mut raw = Zeroizing::new([0; 32]);
        random.fill_bytes(&mut *raw);
        Self::read(kem, &raw)
    }

    /// The 32 raw bytes, to be kept in a file. For X25519 they are clamped (RFC 7748 section 5).
    #[must_use]
    pub fn raw(&self) -> Zeroizing<[u8; 32]> {
        let mut raw = Zeroizing::new([0; 32]);
        match &self.secret {
            Secret::X25519(secret) => secret.write_exact(&mut *raw),
            Secret::MlKem768X25519(secret) => secret.write_exact(&mut *raw),
        }
        raw
    }

    /// The public key's raw bytes.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// The key's id.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The KEM that it is for.
    #[must_use]
    pub const fn kem(&self) -> Kem {
        match self.secret {
            Secret::X25519(_) => Kem::X25519,
            Secret::MlKem768X25519(_) => Kem::MlKem768X25519,
        }
    }

    pub(super) const fn secret(&self) -> &Secret {
        &self.secret
    }
}

impl std::fmt::Debug for RecipientSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecipientSecret").field("kid", &self.kid).finish_non_exhaustive()
    }
}

fn pair<K: hpke::Kem>(raw: &[u8; 32]) -> Result<(Vec<u8>, K::PrivateKey), BadKey> {
    let secret = K::PrivateKey::from_bytes(raw).map_err(|_| BadKey::Form)?;
    Ok((K::sk_to_pk(&secret).to_bytes().to_vec(), secret))
}

/// Whether a point of X25519 adds anything to a secret: false for one of low order.
pub(super) fn contributes(point: &[u8; 32]) -> bool {
    let any = StaticSecret::from(*b"any scalar shows a low-order key");
    any.diffie_hellman(&PublicKey::from(*point)).was_contributory()
}

/// The id of a public key: 22 characters.
#[must_use]
pub fn kid(public: &[u8]) -> String {
    let digest = Sha256::digest(public);
    BASE64URL_NOPAD.encode(digest.first_chunk::<16>().map_or(&[][..], |half| half))
}

/// Why a key or key list cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Not the form that it must have.
    #[error("not a key list of version 1 with raw public keys in base64url")]
    Form,
    /// The list is another partner's.
    #[error("the key list's `iss` is not this partner")]
    Issuer,
    /// A KEM that this version does not seal to.
    #[error("only KEM 32 (X25519) and KEM 25722 (MLKEM768-X25519) are supported")]
    Kem,
    /// The id is not the key's.
    #[error("a `kid` is not the id of its key")]
    Kid,
    /// A key of low order.
    #[error("a key is of low order and would give no secrecy")]
    LowOrder,
}
