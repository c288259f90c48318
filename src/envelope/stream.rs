//! The chunks of an envelope: one HPKE context, sealed and opened in order.

use hpke::aead::{AeadTag, ChaCha20Poly1305};
use hpke::inout::InOutBuf;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::CryptoRng;
use hpke::{Deserializable, OpModeR, OpModeS, Serializable};

use super::format::{self, BadEnvelope, CHUNK, TAG};
use super::kem::TabledX25519;
use super::key::{BadKey, RecipientKey, RecipientSecret};

type EncappedKey = <X25519HkdfSha256 as hpke::Kem>::EncappedKey;

/// Seals a body behind a prefix and returns the whole envelope.
///
/// # Errors
/// A key that no secret can be shared with; such a key does not get past [`RecipientKey::read`].
pub fn seal(
    prefix: &[u8],
    body: &[u8],
    key: &RecipientKey,
    random: &mut impl CryptoRng,
) -> Result<Vec<u8>, BadKey> {
    let info = format::info(prefix);
    let (enc, mut context) = hpke::setup_sender_with_rng::<
        ChaCha20Poly1305,
        HkdfSha256,
        TabledX25519,
    >(&OpModeS::Base, key.public(), &info, random)
    .map_err(|_| BadKey::LowOrder)?;

    let chunks = body.len() / CHUNK + 1;
    let mut envelope = Vec::with_capacity(prefix.len() + ENC + body.len() + chunks * TAG);
    envelope.extend_from_slice(prefix);
    envelope.extend_from_slice(&enc.to_bytes());
    let full = body.chunks_exact(CHUNK);
    let last = full.remainder();
    for chunk in full.chain([last]) {
        let start = envelope.len();
        envelope.extend_from_slice(chunk);
        let (_, placed) = envelope.split_at_mut_checked(start).ok_or(BadKey::Form)?;
        let tag =
            context.seal_inout_detached(InOutBuf::from(placed), b"").map_err(|_| BadKey::Form)?;
        envelope.extend_from_slice(&tag.to_bytes());
    }
    Ok(envelope)
}

/// Opens what stands behind a prefix: `enc` and the chunks.
///
/// # Errors
/// Anything that is not exactly what [`seal`] made for this key and prefix.
pub fn open(prefix: &[u8], sealed: &[u8], key: &RecipientSecret) -> Result<Vec<u8>, BadEnvelope> {
    let (enc, chunks) = sealed.split_at_checked(ENC).ok_or(BadEnvelope::Short)?;
    let enc = EncappedKey::from_bytes(enc).map_err(|_| BadEnvelope::Sealed)?;
    let mut context = hpke::setup_receiver::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        key.hpke(),
        &enc,
        &format::info(prefix),
    )
    .map_err(|_| BadEnvelope::Sealed)?;

    let mut body = Vec::with_capacity(chunks.len());
    let full = chunks.chunks_exact(CHUNK + TAG);
    let last = full.remainder();
    if last.len() < TAG {
        return Err(BadEnvelope::Short);
    }
    for chunk in full.chain([last]) {
        let (text, tag) = chunk.split_last_chunk::<TAG>().ok_or(BadEnvelope::Short)?;
        let start = body.len();
        body.extend_from_slice(text);
        let (_, placed) = body.split_at_mut_checked(start).ok_or(BadEnvelope::Short)?;
        let tag = AeadTag::from_bytes(tag).map_err(|_| BadEnvelope::Sealed)?;
        context
            .open_inout_detached(InOutBuf::from(placed), b"", &tag)
            .map_err(|_| BadEnvelope::Sealed)?;
    }
    Ok(body)
}

/// The bytes of an encapsulated X25519 key.
const ENC: usize = 32;
