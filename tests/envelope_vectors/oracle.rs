//! The format once more, from its description: HPKE's own context for each recipient, HKDF and
//! ChaCha20-Poly1305. It seals what the program never would.

use chacha20poly1305::aead::{Aead as _, KeyInit as _};
use hkdf::Hkdf;
use hpke::aead::{AeadCtxS, ChaCha20Poly1305};
use hpke::kdf::HkdfSha256;
use hpke::kem::{X25519HkdfSha256, XWing};
use hpke::{Deserializable as _, Kem as HpkeKem, OpModeS, Serializable as _};
use sha2::{Digest as _, Sha256};

use super::*;

/// What comes before the key's bytes, of any header.
pub(super) fn prefix(mode: Mode, json: &str) -> Vec<u8> {
    let length = u16::try_from(json.len()).unwrap().to_be_bytes();
    [b"OTK1", &[mode.byte(), 0][..], &length, json.as_bytes()].concat()
}

/// Mode 1 with chunks as they are given.
pub(super) fn direct(prefix: &[u8], chunks: &[&[u8]], to: &str) -> Vec<u8> {
    let info = info(b"OTK1 direct\0", prefix);
    let (enc, sealed, _) = hpke(to, &info, chunks, &[]);
    [prefix, &enc, &sealed.concat()].concat()
}

/// Mode 2 with a key for each recipient, and chunks as they are given, sealed by the first one.
pub(super) fn wrapped(prefix: &[u8], chunks: &[&[u8]], to: &[(&str, [u8; 32])]) -> Vec<u8> {
    let info = info(b"OTK1 wrap\0\0\0", prefix);
    let wraps = to.iter().flat_map(|(to, input)| {
        let (enc, sealed, _) = hpke(to, &info, &[input], &[]);
        [enc, sealed.concat()]
    });
    let wraps: Vec<Vec<u8>> = wraps.collect();
    [prefix, &wraps.concat(), &committed(&to[0].1, &info, chunks)].concat()
}

/// Mode 3 with chunks as they are given.
pub(super) fn kept(prefix: &[u8], chunks: &[&[u8]], to: &str) -> Vec<u8> {
    let digest: [u8; 32] = Sha256::digest(prefix).into();
    let label = [&b"OTK1 kept\0\0\0"[..], &digest, &SALT].concat();
    let (enc, _, input) = hpke(to, b"OTK1 kept\0\0\0", &[], &label);
    let info = info(b"OTK1 kept\0\0\0", prefix);
    [prefix, &enc, &committed(&input, &info, chunks)].concat()
}

/// Salt, commitment and chunks by c2sp.org/chunked-encryption.
fn committed(input: &[u8; 32], info: &[u8], chunks: &[&[u8]]) -> Vec<u8> {
    let label = b"c2sp.org/chunked-encryption@v1+AEAD_CHACHA20_POLY1305\0";
    let mut all = [0; 76];
    let hkdf = Hkdf::<Sha256>::from_prk(input).unwrap();
    hkdf.expand(&[&label[..], &SALT, info].concat(), &mut all).unwrap();
    let cipher = chacha20poly1305::ChaCha20Poly1305::new(all[..32].try_into().unwrap());
    let mut out = [&SALT[..], &all[44..]].concat();
    for (chunk, n) in chunks.iter().zip(0_u8..) {
        let mut nonce: [u8; 12] = all[32..44].try_into().unwrap();
        nonce[11] ^= n;
        out.extend(cipher.encrypt(&nonce.into(), *chunk).unwrap());
    }
    out
}

fn info(label: &[u8; 12], prefix: &[u8]) -> Vec<u8> {
    [&label[..], &Sha256::digest(prefix)].concat()
}

/// `enc`, the chunks sealed one after the other, and the secret of a label.
fn hpke(
    to: &str,
    info: &[u8],
    chunks: &[&[u8]],
    label: &[u8],
) -> (Vec<u8>, Vec<Vec<u8>>, [u8; 32]) {
    match secret(to).kem() {
        Kem::X25519 => hpke_of::<X25519HkdfSha256>(to, info, chunks, label),
        Kem::MlKem768X25519 => hpke_of::<XWing>(to, info, chunks, label),
    }
}

fn hpke_of<K: HpkeKem>(
    to: &str,
    info: &[u8],
    chunks: &[&[u8]],
    label: &[u8],
) -> (Vec<u8>, Vec<Vec<u8>>, [u8; 32]) {
    let public = K::PublicKey::from_bytes(secret(to).public()).unwrap();
    let (enc, mut context): (_, AeadCtxS<ChaCha20Poly1305, HkdfSha256, K>) =
        hpke::setup_sender_with_rng(&OpModeS::Base, &public, info, &mut Fixed).unwrap();
    let sealed = chunks.iter().map(|chunk| context.seal(chunk, b"").unwrap()).collect();
    let mut secret = [0; 32];
    context.export(label, &mut secret).unwrap();
    (enc.to_bytes().to_vec(), sealed, secret)
}

/// The bytes of an encapsulated key.
pub(super) fn enc_length(to: &str) -> usize {
    match secret(to).kem() {
        Kem::X25519 => 32,
        Kem::MlKem768X25519 => 1120,
    }
}

/// What [`Fixed`] gives for a salt.
const SALT: [u8; 24] = [5; 24];
