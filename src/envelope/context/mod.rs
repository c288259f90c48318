//! What chunks are sealed and opened by: HPKE contexts (RFC 9180 section 5), and the construction
//! of c2sp.org/chunked-encryption over one key.

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{KeyInit as _, Nonce};
use hkdf::Hkdf;
use hpke::aead::{AeadCtxR, AeadCtxS, AeadTag, ChaCha20Poly1305};
use hpke::inout::InOutBuf;
use hpke::kdf::HkdfSha256;
use hpke::kem::{X25519HkdfSha256, XWing};
use hpke::rand_core::CryptoRng;
use hpke::{Deserializable, Kem as HpkeKem, OpModeR, OpModeS, Serializable};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::format::{BadEnvelope, TAG};
use super::kem::TabledX25519;
use super::key::{self, BadKey, Public, RecipientKey, RecipientSecret, Secret};
use crate::vocabulary::Kem;

/// Seals chunks in order, each with a nonce of its own.
pub(super) trait SealChunk {
    /// Seals a chunk; `None` once there are no more nonces.
    fn seal(&mut self, chunk: InOutBuf<'_, '_, u8>) -> Option<[u8; TAG]>;
}

/// Opens chunks in the order in which they were sealed.
pub(super) trait OpenChunk {
    /// Opens a chunk; `None` where it is not the next one, unchanged.
    fn open(&mut self, chunk: InOutBuf<'_, '_, u8>, tag: &[u8; TAG]) -> Option<()>;
}

/// Gives secrets that come from a context, and that say nothing of it or of each other.
pub(super) trait Export {
    /// The secret of a label (RFC 9180 section 5.3).
    fn export(&self, label: &[u8]) -> Option<Secret32>;
}

/// A sender's context.
pub(super) trait Sender: SealChunk + Export + Send + Sync {}

/// A recipient's context.
pub(super) trait Receiver: OpenChunk + Export + Send + Sync {}

/// A secret that is wiped when dropped.
pub(super) type Secret32 = Zeroizing<[u8; 32]>;

type ContextS<K> = AeadCtxS<ChaCha20Poly1305, HkdfSha256, K>;
type ContextR<K> = AeadCtxR<ChaCha20Poly1305, HkdfSha256, K>;

impl<K: HpkeKem> SealChunk for ContextS<K> {
    fn seal(&mut self, chunk: InOutBuf<'_, '_, u8>) -> Option<[u8; TAG]> {
        Some(self.seal_inout_detached(chunk, b"").ok()?.to_bytes().into())
    }
}

impl<K: HpkeKem> OpenChunk for ContextR<K> {
    fn open(&mut self, chunk: InOutBuf<'_, '_, u8>, tag: &[u8; TAG]) -> Option<()> {
        self.open_inout_detached(chunk, b"", &AeadTag::from_bytes(tag).ok()?).ok()
    }
}

impl<K: HpkeKem> Export for ContextS<K> {
    fn export(&self, label: &[u8]) -> Option<Secret32> {
        let mut secret = Zeroizing::new([0; 32]);
        Self::export(self, label, &mut *secret).ok().map(|()| secret)
    }
}

impl<K: HpkeKem> Export for ContextR<K> {
    fn export(&self, label: &[u8]) -> Option<Secret32> {
        let mut secret = Zeroizing::new([0; 32]);
        Self::export(self, label, &mut *secret).ok().map(|()| secret)
    }
}

impl<K: HpkeKem> Sender for ContextS<K> where Self: Send + Sync {}
impl<K: HpkeKem> Receiver for ContextR<K> where Self: Send + Sync {}

/// Agrees on a context with a recipient's key: `enc`, and the context.
///
/// # Errors
/// A key that no secret can be shared with; such a key does not get past [`RecipientKey::read`].
pub(super) fn sender(
    key: &RecipientKey,
    info: &[u8],
    random: &mut impl CryptoRng,
) -> Result<(Vec<u8>, Box<dyn Sender>), BadKey> {
    match key.public() {
        Public::X25519(public) => sender_of::<TabledX25519>(public, info, random),
        Public::MlKem768X25519(public) => sender_of::<XWing>(public, info, random),
    }
}

fn sender_of<K: HpkeKem + 'static>(
    public: &K::PublicKey,
    info: &[u8],
    random: &mut impl CryptoRng,
) -> Result<(Vec<u8>, Box<dyn Sender>), BadKey>
where
    ContextS<K>: Sender,
{
    let (enc, context) = hpke::setup_sender_with_rng::<ChaCha20Poly1305, HkdfSha256, K>(
        &OpModeS::Base,
        public,
        info,
        random,
    )
    .map_err(|_| BadKey::LowOrder)?;
    Ok((enc.to_bytes().to_vec(), Box::new(context)))
}

/// The context that a sender agreed on.
///
/// # Errors
/// No encapsulated key; that of another recipient gives a context that opens nothing.
pub(super) fn receiver(
    key: &RecipientSecret,
    enc: &[u8],
    info: &[u8],
) -> Result<Box<dyn Receiver>, BadEnvelope> {
    match key.secret() {
        Secret::X25519(secret) => receiver_of::<X25519HkdfSha256>(secret, enc, info),
        Secret::MlKem768X25519(secret) => {
            // The library takes a point of low order here, other libraries do not.
            let point = enc.last_chunk().ok_or(BadEnvelope::Short)?;
            if !key::contributes(point) {
                return Err(BadEnvelope::Sealed);
            }
            receiver_of::<XWing>(secret, enc, info)
        }
    }
}

fn receiver_of<K: HpkeKem + 'static>(
    secret: &K::PrivateKey,
    enc: &[u8],
    info: &[u8],
) -> Result<Box<dyn Receiver>, BadEnvelope>
where
    ContextR<K>: Receiver,
{
    let enc = K::EncappedKey::from_bytes(enc).map_err(|_| BadEnvelope::Sealed)?;
    let context =
        hpke::setup_receiver::<ChaCha20Poly1305, HkdfSha256, K>(&OpModeR::Base, secret, &enc, info)
            .map_err(|_| BadEnvelope::Sealed)?;
    Ok(Box::new(context))
}

/// The bytes of an encapsulated key.
pub(super) const fn enc_length(kem: Kem) -> usize {
    match kem {
        Kem::X25519 => 32,
        Kem::MlKem768X25519 => 1120,
    }
}

/// What one input key gives for one envelope.
pub(super) struct Derived {
    /// What its chunks are sealed and opened by.
    pub(super) chunks: Counted,
    /// What says that this key, and no other, is meant.
    pub(super) commitment: [u8; COMMITMENT],
}

/// Derives an envelope's key, base nonce and commitment from its input key.
pub(super) fn derive(input: &Secret32, salt: &[u8; SALT], info: &[u8]) -> Option<Derived> {
    let hkdf = Hkdf::<Sha256>::from_prk(&**input).ok()?;
    let mut all = Zeroizing::new([0; 76]);
    hkdf.expand_multi_info(&[LABEL, salt, info], &mut *all).ok()?;
    let (key, rest) = all.split_first_chunk::<32>()?;
    let (nonce, commitment) = rest.split_first_chunk::<12>()?;
    let cipher = chacha20poly1305::ChaCha20Poly1305::new(key.into());
    let chunks = Counted { cipher, nonce: *nonce, next: Some(0) };
    Some(Derived { chunks, commitment: *commitment.first_chunk()? })
}

/// ChaCha20-Poly1305 with the number of the chunk in the nonce.
pub(super) struct Counted {
    cipher: chacha20poly1305::ChaCha20Poly1305,
    nonce: [u8; 12],
    next: Option<u64>,
}

impl Counted {
    /// The nonce of the next chunk; none comes twice.
    fn nonce(&mut self) -> Option<Nonce> {
        let number = self.next?;
        self.next = number.checked_add(1);
        let mut nonce = self.nonce;
        for (byte, with) in nonce.iter_mut().rev().zip(number.to_le_bytes()) {
            *byte ^= with;
        }
        Some(nonce.into())
    }
}

impl SealChunk for Counted {
    fn seal(&mut self, chunk: InOutBuf<'_, '_, u8>) -> Option<[u8; TAG]> {
        let nonce = self.nonce()?;
        Some(self.cipher.encrypt_inout_detached(&nonce, b"", chunk).ok()?.into())
    }
}

impl OpenChunk for Counted {
    fn open(&mut self, chunk: InOutBuf<'_, '_, u8>, tag: &[u8; TAG]) -> Option<()> {
        let nonce = self.nonce()?;
        self.cipher.decrypt_inout_detached(&nonce, b"", chunk, tag.into()).ok()
    }
}

/// The bytes of a salt.
pub(super) const SALT: usize = 24;
/// The bytes of a commitment.
pub(super) const COMMITMENT: usize = 32;
const LABEL: &[u8] = b"c2sp.org/chunked-encryption@v1+AEAD_CHACHA20_POLY1305\0";

#[cfg(test)]
mod tests;
