//! A whole envelope: made for its recipients, and opened by one of them.

use std::sync::Arc;

use hpke::inout::InOutBuf;
use hpke::rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::context::{self, COMMITMENT, OpenChunk, SALT, SealChunk, enc_length};
use super::format::{self, BadEnvelope, CHUNK, Header, Mode, Recipient, TAG};
use super::kept::{self, KeptContext};
use super::key::{BadKey, RecipientKey, RecipientSecret};
use super::pad::{MARKER, Text};

/// Whom an envelope is for, and how they get its key.
pub enum To<'a> {
    /// Mode 1.
    Direct(&'a RecipientKey),
    /// Mode 2: 1 to 16 recipients.
    Wrapped(Vec<&'a RecipientKey>),
    /// Mode 3.
    Kept(Arc<KeptContext>),
}

impl To<'_> {
    /// The mode.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        match self {
            Self::Direct(_) => Mode::Direct,
            Self::Wrapped(_) => Mode::Wrapped,
            Self::Kept(_) => Mode::Kept,
        }
    }

    /// The recipients, as the header names them.
    #[must_use]
    pub fn recipients(&self) -> Vec<Recipient> {
        let of = |key: &RecipientKey| Recipient::new(key.kem(), key.kid().to_owned());
        match self {
            Self::Direct(key) => vec![of(key)],
            Self::Wrapped(keys) => keys.iter().map(|key| of(key)).collect(),
            Self::Kept(context) => vec![Recipient::new(context.kem, context.kid.clone())],
        }
    }
}

/// Seals a body behind a prefix and returns the whole envelope.
///
/// The prefix must be of the same mode and name the same recipients, and say whether there is
/// padding.
///
/// # Errors
/// A key that no secret can be shared with; such a key does not get past [`RecipientKey::read`].
pub fn seal(
    prefix: &[u8],
    text: Text<'_>,
    to: &To<'_>,
    random: &mut impl CryptoRng,
) -> Result<Vec<u8>, BadKey> {
    let info = format::info(to.mode(), prefix);
    let with_room = |for_key: usize| {
        let chunks = text.length / CHUNK + 1;
        let room = prefix.len() + for_key + text.length + chunks * TAG;
        let mut envelope = Vec::with_capacity(room);
        envelope.extend_from_slice(prefix);
        envelope
    };
    match to {
        To::Direct(key) => {
            let (enc, mut context) = context::sender(key, &info, random)?;
            let mut envelope = with_room(enc.len());
            envelope.extend_from_slice(&enc);
            seal_chunks(envelope, text, &mut *context)
        }
        To::Wrapped(keys) => {
            let mut input = Zeroizing::new([0; 32]);
            random.fill_bytes(&mut *input);
            let wrapped = keys.iter().map(|key| enc_length(key.kem()) + WRAPPED).sum::<usize>();
            let mut envelope = with_room(wrapped + SALT + COMMITMENT);
            for key in keys {
                let (enc, mut context) = context::sender(key, &info, random)?;
                envelope.extend_from_slice(&enc);
                let mut sealed = *input;
                let tag = context.seal(InOutBuf::from(&mut sealed[..])).ok_or(BadKey::Form)?;
                envelope.extend_from_slice(&sealed);
                envelope.extend_from_slice(&tag);
            }
            seal_committed(envelope, text, &info, random, |_| Some(input))
        }
        To::Kept(context) => {
            let mut envelope = with_room(context.enc.len() + SALT + COMMITMENT);
            envelope.extend_from_slice(&context.enc);
            seal_committed(envelope, text, &info, random, |salt| context.input(prefix, salt))
        }
    }
}

/// Writes a fresh salt, the commitment and the chunks.
fn seal_committed(
    mut envelope: Vec<u8>,
    text: Text<'_>,
    info: &[u8; 44],
    random: &mut impl CryptoRng,
    input: impl FnOnce(&[u8; SALT]) -> Option<context::Secret32>,
) -> Result<Vec<u8>, BadKey> {
    let mut salt = [0; SALT];
    random.fill_bytes(&mut salt);
    let input = input(&salt).ok_or(BadKey::Form)?;
    let mut derived = context::derive(&input, &salt, info).ok_or(BadKey::Form)?;
    envelope.extend_from_slice(&salt);
    envelope.extend_from_slice(&derived.commitment);
    seal_chunks(envelope, text, &mut derived.chunks)
}

fn seal_chunks(
    mut envelope: Vec<u8>,
    text: Text<'_>,
    chunks: &mut (impl SealChunk + ?Sized),
) -> Result<Vec<u8>, BadKey> {
    let Text { body, length } = text;
    let start = envelope.len();
    envelope.resize(start + length + (length / CHUNK + 1) * TAG, 0);
    let (_, room) = envelope.split_at_mut_checked(start).ok_or(BadKey::Form)?;
    for (place, from) in room.chunks_mut(CHUNK + TAG).zip((0..=length).step_by(CHUNK)) {
        let (place, tag) = place.split_last_chunk_mut::<TAG>().ok_or(BadKey::Form)?;
        let to = from + place.len();
        let part = body.get(from.min(body.len())..to.min(body.len())).unwrap_or_default();
        let chunk = if part.len() == place.len() {
            // To seal from one buffer into another is faster than to copy and seal in place.
            InOutBuf::new(part, place).map_err(|_| BadKey::Form)?
        } else {
            let (head, tail) = place.split_at_mut_checked(part.len()).ok_or(BadKey::Form)?;
            head.copy_from_slice(part);
            if let Some(marker) = tail.first_mut().filter(|_| from <= body.len()) {
                *marker = MARKER;
            }
            InOutBuf::from(place)
        };
        *tag = chunks.seal(chunk).ok_or(BadKey::Form)?;
    }
    Ok(envelope)
}

/// The bytes between an envelope's prefix and its first chunk.
pub(super) fn key_length(mode: Mode, header: &Header) -> Result<usize, BadEnvelope> {
    let encs = header.rcpt.iter().map(|recipient| recipient.suite().map(enc_length));
    let encs = encs.sum::<Result<usize, _>>()?;
    Ok(match mode {
        Mode::Direct => encs,
        Mode::Wrapped => encs + header.rcpt.len() * WRAPPED + SALT + COMMITMENT,
        Mode::Kept => encs + SALT + COMMITMENT,
    })
}

/// Gets an envelope's key from the bytes between its prefix and its first chunk.
pub(super) fn unlock(
    (mode, header): (Mode, &Header),
    prefix: &[u8],
    bytes: &[u8],
    secrets: &[RecipientSecret],
) -> Result<Box<dyn OpenChunk + Send + Sync>, BadEnvelope> {
    let wrapped = if mode == Mode::Wrapped { WRAPPED } else { 0 };
    let mut bytes = bytes;
    let mut found = None;
    for recipient in &header.rcpt {
        let kem = recipient.suite()?;
        let enc = take(&mut bytes, enc_length(kem))?;
        let wrapped = take(&mut bytes, wrapped)?;
        let secret = secrets.iter().find(|secret| secret.kid() == recipient.kid);
        if let Some(secret) = secret.filter(|_| found.is_none()) {
            if secret.kem() != kem {
                return Err(BadEnvelope::Suite);
            }
            found = Some((secret, enc, wrapped));
        }
    }
    let (secret, enc, wrapped) = found.ok_or(BadEnvelope::Key)?;
    let info = format::info(mode, prefix);
    let (input, committed) = match mode {
        Mode::Direct => {
            let context: Box<dyn OpenChunk + Send + Sync> = context::receiver(secret, enc, &info)?;
            return Ok(context);
        }
        Mode::Wrapped => {
            let (sealed, tag) = wrapped.split_first_chunk::<32>().ok_or(BadEnvelope::Short)?;
            let mut input = Zeroizing::new(*sealed);
            let tag = tag.first_chunk().ok_or(BadEnvelope::Short)?;
            let mut context = context::receiver(secret, enc, &info)?;
            context.open(InOutBuf::from(&mut input[..]), tag).ok_or(BadEnvelope::Sealed)?;
            (input, bytes)
        }
        Mode::Kept => {
            let salt = bytes.first_chunk().ok_or(BadEnvelope::Short)?;
            let context = context::receiver(secret, enc, format::LABEL_KEPT)?;
            (kept::input(&*context, prefix, salt).ok_or(BadEnvelope::Sealed)?, bytes)
        }
    };
    let (salt, commitment) = committed.split_first_chunk().ok_or(BadEnvelope::Short)?;
    let derived = context::derive(&input, salt, &info).ok_or(BadEnvelope::Sealed)?;
    // Both are public or become so, so the time that comparing takes tells nothing.
    if derived.commitment != *commitment {
        return Err(BadEnvelope::Commitment);
    }
    Ok(Box::new(derived.chunks))
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], BadEnvelope> {
    let (taken, rest) = bytes.split_at_checked(length).ok_or(BadEnvelope::Short)?;
    *bytes = rest;
    Ok(taken)
}

/// The bytes of a sealed input key.
const WRAPPED: usize = 32 + TAG;
