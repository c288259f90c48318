//! What an envelope costs beside its parts: bare ChaCha20-Poly1305, and the agreement on a secret
//! that every envelope needs unless a context is kept.
//!
//! `cargo bench --bench seal`. The last lines hold 1 MiB in each mode against the bare cipher in
//! turns, so that what else the machine does falls on both. The measure is the cipher's own
//! `encrypt` into a new buffer, as an envelope needs one too: at least 85 % is asked for. In place
//! it is faster, as nothing new is touched; and 16 KiB at a time slower, as each call has a price.

#![allow(clippy::unwrap_used, reason = "a bench that cannot start has nothing to measure")]
#![allow(clippy::print_stdout, reason = "what a bench is for")]

use std::time::{Duration, Instant};

use chacha20poly1305::aead::{Aead as _, AeadInOut as _};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _, Nonce};
use divan::Bencher;
use divan::counter::BytesCount;
use hpke::rand_core::UnwrapErr;
use otkel::envelope::format::CHUNK;
use otkel::envelope::pad::Text;
use otkel::envelope::stream::{self, To};
use otkel::envelope::{Keeping, Kem, Kept, RecipientKey, RecipientSecret};
use otkel::time::Timestamp;
use x25519_dalek::{PublicKey, StaticSecret};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SIZES: [usize; 3] = [1 << 10, 16 << 10, 1 << 20];
/// An envelope's header is about as long as this.
const PREFIX: [u8; 320] = [b' '; 320];

fn main() {
    divan::main();
    println!("\n1 MiB, medians of {ROUNDS} rounds in turns");
    let kept = Kept::new(Keeping { seconds: 3600, messages: u32::MAX });
    let (x25519, hybrid) = (key(Kem::X25519), key(Kem::MlKem768X25519));
    for (name, to) in [
        ("mode 1, X25519", To::Direct(&x25519)),
        ("mode 1, MLKEM768-X25519", To::Direct(&hybrid)),
        ("mode 2, two X25519", To::Wrapped(vec![&x25519, &x25519])),
        ("mode 3, X25519", of_kept(&kept, &x25519)),
    ] {
        let [in_place, chunks, bare, sealed] = in_turns(&to);
        let share = 100.0 * bare.as_secs_f64() / sealed.as_secs_f64();
        print!("{name:24} bare {bare:.2?} (in place {in_place:.2?}, by 16 KiB {chunks:.2?})");
        println!("  sealed {sealed:.2?}: {share:.0} %");
    }
}

/// The median times of the bare cipher in place, in place by 16 KiB, and into a new buffer, and of
/// an envelope.
fn in_turns(to: &To<'_>) -> [Duration; 4] {
    let cipher = ChaCha20Poly1305::new(&[7; 32].into());
    let nonce = Nonce::from([9; 12]);
    let (mut place, body) = (vec![b'x'; 1 << 20], vec![b'x'; 1 << 20]);
    let mut times: [Vec<Duration>; 4] = Default::default();
    for _ in 0..ROUNDS {
        let [in_place, chunks, bare, sealed] = &mut times;
        in_place.push(timed(|| {
            cipher.encrypt_inout_detached(&nonce, b"", place.as_mut_slice().into())
        }));
        chunks.push(timed(|| {
            let chunks = place.chunks_mut(CHUNK);
            chunks.map(|chunk| cipher.encrypt_inout_detached(&nonce, b"", chunk.into())).count()
        }));
        bare.push(timed(|| cipher.encrypt(&nonce, body.as_slice())));
        sealed.push(timed(|| seal(&body, to)));
    }
    times.map(|mut times| {
        times.sort_unstable();
        times.get(ROUNDS / 2).copied().unwrap_or_default()
    })
}

fn timed<T>(run: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let made = divan::black_box(run());
    let time = start.elapsed();
    drop(made);
    time
}

#[divan::bench(args = SIZES)]
fn mode_1_x25519(bencher: Bencher<'_, '_>, size: usize) {
    let key = key(Kem::X25519);
    measure(bencher, size, &To::Direct(&key));
}

#[divan::bench(args = SIZES)]
fn mode_1_mlkem768_x25519(bencher: Bencher<'_, '_>, size: usize) {
    let key = key(Kem::MlKem768X25519);
    measure(bencher, size, &To::Direct(&key));
}

#[divan::bench(args = SIZES)]
fn mode_2_two_x25519(bencher: Bencher<'_, '_>, size: usize) {
    let key = key(Kem::X25519);
    measure(bencher, size, &To::Wrapped(vec![&key, &key]));
}

#[divan::bench(args = SIZES)]
fn mode_3_x25519(bencher: Bencher<'_, '_>, size: usize) {
    let kept = Kept::new(Keeping { seconds: 3600, messages: u32::MAX });
    measure(bencher, size, &of_kept(&kept, &key(Kem::X25519)));
}

fn measure(bencher: Bencher<'_, '_>, size: usize, to: &To<'_>) {
    let body = vec![b'x'; size];
    bencher.counter(BytesCount::new(size)).bench_local(|| seal(&body, to));
}

fn seal(body: &[u8], to: &To<'_>) -> Vec<u8> {
    stream::seal(&PREFIX, Text::new(body, None), to, &mut UnwrapErr(getrandom::SysRng)).unwrap()
}

#[divan::bench(args = SIZES)]
fn chacha20poly1305(bencher: Bencher<'_, '_>, size: usize) {
    let cipher = ChaCha20Poly1305::new(&[7; 32].into());
    let mut body = vec![b'x'; size];
    bencher.counter(BytesCount::new(size)).bench_local(|| {
        cipher.encrypt_inout_detached(&Nonce::from([9; 12]), b"", body.as_mut_slice().into())
    });
}

/// An agreement that is kept is paid once for all messages of its time.
#[divan::bench]
fn kept_context_agreed_on(bencher: Bencher<'_, '_>) {
    let key = key(Kem::X25519);
    let kept = Kept::new(Keeping { seconds: 0, messages: 1 });
    bencher.bench_local(|| of_kept(&kept, &key));
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
    let secret = RecipientSecret::read(Kem::X25519, &[7; 32]).unwrap();
    bencher.bench_local(|| public(&secret));
}

fn key(kem: Kem) -> RecipientKey {
    public(&RecipientSecret::generate(kem, &mut UnwrapErr(getrandom::SysRng)).unwrap())
}

fn public(secret: &RecipientSecret) -> RecipientKey {
    let far = Timestamp::from_seconds(1 << 34).unwrap();
    RecipientKey::read(secret.kem(), secret.public(), Timestamp::EPOCH, far).unwrap()
}

fn of_kept<'a>(kept: &Kept, key: &RecipientKey) -> To<'a> {
    let mut random = UnwrapErr(getrandom::SysRng);
    To::Kept(kept.context(key, Timestamp::EPOCH, &mut random).unwrap())
}

const ROUNDS: usize = 400;
