//! What an envelope costs beside its parts: bare ChaCha20-Poly1305, and the two multiplications of
//! X25519 that every envelope needs.
//!
//! `cargo bench --bench seal`

#![allow(clippy::unwrap_used, reason = "a bench that cannot start has nothing to measure")]

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _, Nonce};
use divan::Bencher;
use divan::counter::BytesCount;
use hpke::rand_core::UnwrapErr;
use otkel::envelope::pad::Text;
use otkel::envelope::stream::{self, To};
use otkel::envelope::{Kem, RecipientKey, RecipientSecret};
use otkel::time::Timestamp;
use x25519_dalek::{PublicKey, StaticSecret};

const SIZES: [usize; 3] = [1 << 10, 16 << 10, 1 << 20];
/// An envelope's header is about as long as this.
const PREFIX: [u8; 320] = [b' '; 320];

fn main() {
    divan::main();
}

#[divan::bench(args = SIZES)]
fn envelope(bencher: Bencher<'_, '_>, size: usize) {
    let (body, key) = (vec![b'x'; size], key());
    let mut random = UnwrapErr(getrandom::SysRng);
    bencher.counter(BytesCount::new(size)).bench_local(|| {
        stream::seal(&PREFIX, Text::new(&body, None), &To::Direct(&key), &mut random).unwrap()
    });
}

#[divan::bench(args = SIZES)]
fn chacha20poly1305(bencher: Bencher<'_, '_>, size: usize) {
    let cipher = ChaCha20Poly1305::new(&[7; 32].into());
    let mut body = vec![b'x'; size];
    bencher.counter(BytesCount::new(size)).bench_local(|| {
        cipher.encrypt_inout_detached(&Nonce::from([9; 12]), b"", body.as_mut_slice().into())
    });
}

#[divan::bench]
fn x25519_new_key(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| PublicKey::from(&StaticSecret::random()));
}

#[divan::bench]
fn x25519_shared_secret(bencher: Bencher<'_, '_>) {
    let (secret, public) = (StaticSecret::random(), PublicKey::from([9; 32]));
    bencher.bench_local(|| secret.diffie_hellman(&public));
}

#[divan::bench]
fn sha256_1_kib(bencher: Bencher<'_, '_>) {
    use sha2::Digest as _;
    bencher.bench_local(|| sha2::Sha256::digest([7; 1024]));
}

/// Reading a key is done once for a list of keys, not for an envelope.
#[divan::bench]
fn recipient_key(bencher: Bencher<'_, '_>) {
    bencher.bench_local(key);
}

fn key() -> RecipientKey {
    let secret = RecipientSecret::generate(Kem::X25519, &mut UnwrapErr(getrandom::SysRng)).unwrap();
    let far = Timestamp::from_seconds(1 << 34).unwrap();
    RecipientKey::read(Kem::X25519, secret.public(), Timestamp::EPOCH, far).unwrap()
}
