//! The keys that sign and verify.

use std::fmt;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes};
use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The bytes of a signature.
pub const SIGNATURE: usize = 64;

/// A private Ed25519 key, wherever it is kept.
pub trait Sign: Send + Sync {
    /// The public half.
    fn key(&self) -> &VerifyKey;

    /// Signs a message. A key that is kept in a token may take milliseconds.
    ///
    /// # Errors
    /// The token did not sign.
    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE], Unsigned>;
}

/// Whoever keeps the private key did not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signing key cannot be used now")]
pub struct Unsigned;

/// A private key in memory; wiped when dropped, and never shown.
pub struct SigningKey {
    secret: ed25519_dalek::SigningKey,
    public: VerifyKey,
}

impl SigningKey {
    /// The key of a seed: 32 bytes that nobody knows (RFC 8032 section 5.1.5).
    #[must_use]
    pub fn from_seed(seed: &Zeroizing<[u8; 32]>) -> Self {
        let secret = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = VerifyKey::new(secret.verifying_key());
        Self { secret, public }
    }

    /// Reads a PKCS #8 private key (RFC 8410) in PEM (RFC 7468).
    ///
    /// # Errors
    /// Text that is no Ed25519 private key.
    pub fn from_pem(pem: &str) -> Result<Self, BadSigningKey> {
        let secret =
            ed25519_dalek::SigningKey::from_pkcs8_pem(pem).map_err(|_| BadSigningKey::Private)?;
        let public = VerifyKey::new(secret.verifying_key());
        Ok(Self { secret, public })
    }

    /// The key as PKCS #8 PEM, to be kept in a file.
    ///
    /// # Errors
    /// None that a key can cause; the library's own is passed on.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, BadSigningKey> {
        let pair = KeypairBytes { secret_key: self.secret.to_bytes(), public_key: None };
        pair.to_pkcs8_pem(LineEnding::LF).map_err(|_| BadSigningKey::Private)
    }
}

impl Sign for SigningKey {
    fn key(&self) -> &VerifyKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE], Unsigned> {
        Ok(self.secret.sign(message).to_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.public.kid).finish_non_exhaustive()
    }
}

/// A public Ed25519 key; as text, base64 (RFC 4648 section 4) of its 32 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyKey {
    key: VerifyingKey,
    kid: String,
}

impl VerifyKey {
    /// Reads base64 of the 32 bytes of a public key.
    ///
    /// # Errors
    /// Any other text, or a key of low order, under which anybody could sign.
    pub fn parse(text: &str) -> Result<Self, BadSigningKey> {
        let bytes = BASE64.decode(text.as_bytes()).map_err(|_| BadSigningKey::Public)?;
        Self::from_bytes(&bytes)
    }

    /// Takes the 32 bytes of a public key.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadSigningKey> {
        let key = VerifyingKey::try_from(bytes).map_err(|_| BadSigningKey::Public)?;
        if key.is_weak() { Err(BadSigningKey::Weak) } else { Ok(Self::new(key)) }
    }

    fn new(key: VerifyingKey) -> Self {
        let x = BASE64URL_NOPAD.encode(key.as_bytes());
        let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        Self { key, kid: BASE64URL_NOPAD.encode(&Sha256::digest(jwk)) }
    }

    /// The key's id: its JWK thumbprint (RFC 7638, RFC 8037), 43 characters.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether this is the key's signature under a message.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8; SIGNATURE]) -> bool {
        self.key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Display for VerifyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(self.key.as_bytes()))
    }
}

impl fmt::Debug for VerifyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VerifyKey").field(&self.kid).finish()
    }
}

/// Why something is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSigningKey {
    /// No private key.
    #[error("not an Ed25519 private key in PKCS#8 PEM")]
    Private,
    /// No public key.
    #[error("not an Ed25519 public key: base64 of 32 bytes")]
    Public,
    /// A key of low order.
    #[error("a key of low order: anybody could sign under it")]
    Weak,
}
