//! DHKEM(X25519, HKDF-SHA256) (RFC 9180 section 4.1) for recipients that are sealed to often.
//!
//! Every envelope multiplies two points by the same new secret: the base point and the recipient's.
//! The first is left to a library that has formally verified machine code for it. The second point
//! stays the same for months, so it gets a table of its multiples. What comes out is, byte for
//! byte, what the HPKE library's own KEM gives, at a third of its cost; the tests say so.
//!
//! Why the table is as safe as the ladder of RFC 7748:
//! - X25519 maps a u-coordinate and a scalar to the u-coordinate of the multiple. Where the point
//!   is on the curve, the map of RFC 7748 section 4.1 carries it to the Edwards form and back, and
//!   multiplies the same. The sign that a u-coordinate leaves open negates the multiple, which has
//!   the same u-coordinate.
//! - The scalar is clamped and not reduced, so its factor 8 removes any part of small order, and a
//!   point of low order comes out as zero. Zero is refused (RFC 9180 section 7.1.4).
//! - A u-coordinate on the twist has no Edwards form. Such a key gets no table, and the ladder.
//! - Rows of the table are read whole and selected without a branch or an address that depends on
//!   the secret; which of the two ways is taken depends on the public key alone.
//! - The new key, the shared point and what was derived from them are wiped when they are dropped.

use std::sync::Arc;

use aws_lc_rs::agreement::{self, PrivateKey};
use curve25519_dalek::edwards::EdwardsBasepointTable;
use curve25519_dalek::montgomery::MontgomeryPoint;
use curve25519_dalek::traits::BasepointTable as _;
use hpke::kdf::{HkdfSha256, Kdf as _};
use hpke::kem::{SharedSecret, X25519HkdfSha256 as Plain};
use hpke::rand_core::CryptoRng;
use hpke::{Deserializable, HpkeError, Kem, Serializable};
use zeroize::{Zeroize as _, Zeroizing};

/// The KEM. Senders with a key of their own (modes `Auth` and `AuthPSK`) are not supported.
pub(super) struct TabledX25519;

/// A recipient's public key, with a table of its multiples unless it is on the twist.
#[derive(Clone)]
pub(super) struct TabledKey {
    plain: <Plain as Kem>::PublicKey,
    point: MontgomeryPoint,
    table: Option<Arc<EdwardsBasepointTable>>,
}

impl TabledKey {
    fn new(plain: <Plain as Kem>::PublicKey) -> Self {
        let point = MontgomeryPoint(plain.to_bytes().into());
        let edwards = point.to_edwards(0);
        let table = edwards.map(|point| Arc::new(EdwardsBasepointTable::create(&point)));
        Self { plain, point, table }
    }

    /// The u-coordinate of this key's multiple by a secret; zero for a key of low order.
    fn times(&self, secret: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        let Some(table) = &self.table else {
            return Zeroizing::new(self.point.mul_clamped(*secret).to_bytes());
        };
        let mut product = table.mul_base_clamped(*secret);
        let shared = Zeroizing::new(product.to_montgomery().to_bytes());
        product.zeroize();
        shared
    }
}

impl Kem for TabledX25519 {
    type PublicKey = TabledKey;
    type PrivateKey = <Plain as Kem>::PrivateKey;
    type EncappedKey = <Plain as Kem>::EncappedKey;
    type NSecret = <Plain as Kem>::NSecret;

    const KEM_ID: u16 = Plain::KEM_ID;

    fn sk_to_pk(secret: &Self::PrivateKey) -> TabledKey {
        TabledKey::new(Plain::sk_to_pk(secret))
    }

    fn derive_keypair(ikm: &[u8]) -> (Self::PrivateKey, TabledKey) {
        let (secret, public) = Plain::derive_keypair(ikm);
        (secret, TabledKey::new(public))
    }

    fn decap(
        secret: &Self::PrivateKey,
        sender: Option<&TabledKey>,
        enc: &Self::EncappedKey,
    ) -> Result<SharedSecret<Self>, HpkeError> {
        let shared = Plain::decap(secret, sender.map(|key| &key.plain), enc)?;
        Ok(SharedSecret(shared.0))
    }

    fn encap_with_rng(
        recipient: &TabledKey,
        sender: Option<(&Self::PrivateKey, &TabledKey)>,
        random: &mut impl CryptoRng,
    ) -> Result<(SharedSecret<Self>, Self::EncappedKey), HpkeError> {
        if sender.is_some() {
            return Err(HpkeError::EncapError);
        }
        let mut seed = Zeroizing::new([0; 32]);
        random.fill_bytes(&mut *seed);
        let secret = Zeroizing::new(HkdfSha256::derive_x25519_sk_eph_bytes(SUITE, &*seed));
        let enc = public_of(&secret).ok_or(HpkeError::EncapError)?;
        let point = recipient.times(&secret);
        // Every byte is looked at, so that the time says nothing of where the first one is set.
        if point.iter().fold(0, |all, byte| all | byte) == 0 {
            return Err(HpkeError::EncapError);
        }
        let context = [enc, recipient.point.to_bytes()].concat();
        let mut shared = SharedSecret::default();
        HkdfSha256::extract_and_expand(&*point, SUITE, &context, &mut shared.0)?;
        Ok((shared, Self::EncappedKey::from_bytes(&enc)?))
    }
}

/// The public key of a secret one.
fn public_of(secret: &[u8; 32]) -> Option<[u8; 32]> {
    let key = PrivateKey::from_private_key(&agreement::X25519, secret).ok()?;
    key.compute_public_key().ok()?.as_ref().try_into().ok()
}

impl Serializable for TabledKey {
    type OutputSize = <<Plain as Kem>::PublicKey as Serializable>::OutputSize;

    fn write_exact(&self, bytes: &mut [u8]) {
        self.plain.write_exact(bytes);
    }
}

impl Deserializable for TabledKey {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        <Plain as Kem>::PublicKey::from_bytes(bytes).map(Self::new)
    }
}

impl PartialEq for TabledKey {
    fn eq(&self, other: &Self) -> bool {
        self.plain == other.plain
    }
}

impl Eq for TabledKey {}

impl std::fmt::Debug for TabledKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.plain.fmt(f)
    }
}

/// `"KEM"` and the KEM's id (RFC 9180 section 4.1).
const SUITE: &[u8; 5] = b"KEM\x00\x20";

#[cfg(test)]
mod tests;
