//! Known answers for the envelope, in `vectors/envelope/`: what the program seals, byte for byte,
//! and what every receiver must refuse.
//!
//! `index.json` tells all of it, so that a receiver in any language can be held against it:
//!
//! | member | what |
//! |---|---|
//! | `recipient` | the raw X25519 key pair in hexadecimal, and the key's id |
//! | `opens` | files that open, with their bodies' length; byte n of a body is n mod 251 |
//! | `streams`, `broken` | those of several envelopes: see `envelope_vectors/frames.rs` |
//! | `refused` | `of`, a file that opens, changed by `edit`, or a `file` of its own; and `why` |
//!
//! An edit is `["cut", n]` (keep n bytes), `["flip", n]` (the lowest bit of byte n),
//! `["set", n, v]` (byte n), `["drop", a, b]` (bytes a to b), `["swap", a, b, c]` (bytes a to b
//! with b to c) or `["append", v]`. `OTKEL_FREEZE=1` writes the files anew.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

#[path = "envelope_vectors/frames.rs"]
mod frames;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fs;
use std::path::PathBuf;

use data_encoding::HEXLOWER;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable as _, Kem as _, OpModeS, Serializable as _};
use otkel::envelope::format::{self, CHUNK, Recipient, TAG};
use otkel::envelope::pad::Text;
use otkel::envelope::stream::{self, To};
use otkel::envelope::{Header, Kem, Mode, RecipientKey, RecipientSecret, open};
use otkel::time::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

#[test]
fn the_program_makes_these_very_bytes() {
    let (files, index) = made();
    if std::env::var_os("OTKEL_FREEZE").is_some() {
        fs::create_dir_all(folder()).unwrap();
        for (name, bytes) in &files {
            fs::write(folder().join(name), bytes).unwrap();
        }
        let text = serde_json::to_string_pretty(&index).unwrap();
        fs::write(folder().join("index.json"), text + "\n").unwrap();
    }
    for (name, bytes) in &files {
        assert!(fs::read(folder().join(name)).unwrap() == *bytes, "{name} came out differently");
    }
    assert_eq!(frozen_index(), index);
}

#[test]
fn each_envelope_opens_to_its_body() {
    let index = frozen_index();
    let mut sizes = BTreeSet::new();
    for vector in index["opens"].as_array().unwrap() {
        let name = vector["file"].as_str().unwrap();
        let (header, body) = open(&read(name), &secret(OURS)).unwrap();
        assert_eq!(json!(body.len()), vector["length"], "{name}");
        assert_eq!(body, pattern(body.len()), "{name}");
        assert_eq!(header, self::header(OURS));
        sizes.insert(body.len());
    }
    assert!([0, 1, CHUNK - 1, CHUNK, CHUNK + 1].iter().all(|size| sizes.contains(size)));
}

#[test]
fn each_bad_envelope_is_refused_for_its_reason() {
    let index = frozen_index();
    for vector in index["refused"].as_array().unwrap() {
        let envelope = match vector["of"].as_str() {
            Some(of) => edited(read(of), &vector["edit"]),
            None => read(vector["file"].as_str().unwrap()),
        };
        let why = open(&envelope, &secret(OURS)).err().map(|why| format!("{why:?}"));
        assert_eq!(why.as_deref(), vector["why"].as_str(), "{}", vector["name"]);
    }
}

#[test]
fn the_index_names_every_file() {
    let index = frozen_index();
    let vectors =
        ["opens", "refused", "streams"].map(|kind| index[kind].as_array().unwrap().clone());
    let named = vectors.iter().flatten().filter_map(|vector| vector["file"].as_str());
    let named: BTreeSet<String> = named.map(str::to_owned).chain(["index.json".into()]).collect();
    let there = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let there: BTreeSet<String> = there.map(|name| name.into_string().unwrap()).collect();
    assert_eq!(named, there);
}

/// The files and their index, as this program makes them.
fn made() -> (BTreeMap<String, Vec<u8>>, Value) {
    let mut files = BTreeMap::new();
    let mut opens = Vec::new();
    for (name, length) in [
        ("empty.otk1", 0),
        ("one-byte.otk1", 1),
        ("longest-single-shot.otk1", CHUNK - 1),
        ("full-chunk-and-empty-last.otk1", CHUNK),
        ("full-chunk-and-one-byte.otk1", CHUNK + 1),
        (THREE, 2 * CHUNK + 7000),
    ] {
        files.insert(name.to_owned(), sealed(&prefix(), &pattern(length), OURS));
        opens.push(json!({"file": name, "length": length}));
    }
    let json = prefix_of(&with_member(r#""note":"a member that nobody knows""#));
    files.insert("unknown-member.otk1".to_owned(), sealed(&json, &pattern(3), OURS));
    opens.push(json!({"file": "unknown-member.otk1", "length": 3}));

    let mut refused = edits(files[THREE].len());
    for (name, envelope, why) in whole() {
        let file = format!("bad-{name}.otk1");
        refused.push(json!({"name": name, "file": file, "why": why}));
        files.insert(file, envelope);
    }
    let ours = secret(OURS);
    let recipient = json!({
        "secret": HEXLOWER.encode(&[OURS; 32]),
        "public": HEXLOWER.encode(ours.public()),
        "kid": ours.kid(),
    });
    let (more, streams, broken) = frames::made();
    files.extend(more);
    let index = json!({
        "recipient": recipient,
        "opens": opens,
        "refused": refused,
        "streams": streams,
        "broken": broken,
    });
    (files, index)
}

/// Changes to the envelope of three chunks.
fn edits(length: usize) -> Vec<Value> {
    let enc = prefix().len();
    let first = enc + ENC;
    let (second, third) = (first + CHUNK + TAG, first + 2 * (CHUNK + TAG));
    let edits: [(&str, Value, &str); 24] = [
        ("no-bytes", json!(["cut", 0]), "Short"),
        ("cut-in-the-magic", json!(["cut", 3]), "Short"),
        ("cut-before-the-header", json!(["cut", 8]), "Short"),
        ("cut-in-the-header", json!(["cut", 100]), "Short"),
        ("cut-after-the-header", json!(["cut", enc]), "Short"),
        ("cut-in-the-key", json!(["cut", first - 1]), "Short"),
        ("cut-before-the-first-chunk", json!(["cut", first]), "Short"),
        ("cut-in-the-first-chunk", json!(["cut", first + 1000]), "Sealed"),
        ("cut-after-the-first-chunk", json!(["cut", second]), "Short"),
        ("cut-after-the-second-chunk", json!(["cut", third]), "Short"),
        ("cut-in-the-last-tag", json!(["cut", length - 1]), "Sealed"),
        ("a-byte-more", json!(["append", 0]), "Sealed"),
        ("other-magic", json!(["flip", 3]), "Magic"),
        ("other-mode", json!(["set", 4, 4]), "Mode"),
        ("flag", json!(["set", 5, 1]), "Flags"),
        ("another-flag", json!(["set", 5, 128]), "Flags"),
        ("longer-header", json!(["flip", 7]), "Header"),
        ("header-beyond-8192", json!(["set", 6, 33]), "Header"),
        ("other-key", json!(["flip", enc]), "Sealed"),
        ("other-byte-in-the-first-chunk", json!(["flip", first]), "Sealed"),
        ("other-byte-in-the-last-tag", json!(["flip", length - 1]), "Sealed"),
        ("first-chunk-gone", json!(["drop", first, second]), "Sealed"),
        ("second-chunk-gone", json!(["drop", second, third]), "Sealed"),
        ("chunks-swapped", json!(["swap", first, second, third]), "Sealed"),
    ];
    let vector = |(name, edit, why)| json!({"name": name, "of": THREE, "edit": edit, "why": why});
    edits.into_iter().map(vector).collect()
}

/// Envelopes that were sealed well around something bad.
fn whole() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let good = String::from_utf8(prefix()[8..].to_vec()).unwrap();
    let bad_header = |json: &str| sealed(&prefix_of(json), b"{}", OURS);
    let mut flipped = sealed(&prefix(), b"{}", OURS);
    let place = flipped.windows(3).position(|window| window == b"P09").unwrap();
    flipped[place + 2] = b'1';
    vec![
        ("last-chunk-full", last_chunk_full(), "Short"),
        ("other-purpose", flipped, "Sealed"),
        ("for-another-key", sealed(&prefix_of(&text(OTHER)), b"{}", OTHER), "Key"),
        ("sealed-to-another-key", sealed(&prefix(), b"{}", OTHER), "Sealed"),
        ("member-twice", bad_header(&with_member(r#""aud":"another""#)), "Header"),
        ("unknown-member-twice", bad_header(&with_member(r#""x":1,"\u0078":2"#)), "Header"),
        ("two-recipients", bad_header(&good.replace("]}", ",{}]}")), "Header"),
        ("version-2", bad_header(&good.replace("\"v\":1", "\"v\":2")), "Header"),
        ("header-no-object", bad_header(&good[1..]), "Header"),
        ("aes", bad_header(&good.replace("\"aead\":3", "\"aead\":2")), "Suite"),
        ("p-256", bad_header(&good.replace("\"kem\":32", "\"kem\":16")), "Suite"),
    ]
}

/// What a sender that breaks the rule makes: 16384 bytes in the last chunk, so that a cut there
/// could not be told from the end.
fn last_chunk_full() -> Vec<u8> {
    type Public = <X25519HkdfSha256 as Kem>::PublicKey;
    let public = Public::from_bytes(secret(OURS).public()).unwrap();
    let prefix = prefix();
    let (enc, mut context) =
        hpke::setup_sender_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &public,
            &format::info(Mode::Direct, &prefix),
            &mut Fixed,
        )
        .unwrap();
    let chunk = context.seal(&pattern(CHUNK), b"").unwrap();
    [&prefix[..], &enc.to_bytes(), &chunk].concat()
}

fn edited(mut bytes: Vec<u8>, edit: &Value) -> Vec<u8> {
    let number = |n: usize| usize::try_from(edit[n].as_u64().unwrap()).unwrap();
    let byte = |n: usize| u8::try_from(number(n)).unwrap();
    match edit[0].as_str().unwrap() {
        "cut" => bytes.truncate(number(1)),
        "flip" => bytes[number(1)] ^= 1,
        "set" => bytes[number(1)] = byte(2),
        "drop" => drop(bytes.drain(number(1)..number(2))),
        "swap" => bytes[number(1)..number(3)].rotate_left(number(2) - number(1)),
        "append" => bytes.push(byte(1)),
        other => panic!("{other} is no edit"),
    }
    bytes
}

fn sealed(prefix: &[u8], body: &[u8], to: u8) -> Vec<u8> {
    let time = |seconds| Timestamp::from_seconds(seconds).unwrap();
    let (from, until) = (time(0), time(4_000_000_000));
    let key = RecipientKey::read(Kem::X25519, secret(to).public(), from, until).unwrap();
    stream::seal(prefix, Text::new(body, None), &To::Direct(&key), &mut Fixed).unwrap()
}

fn header(to: u8) -> Header {
    Header {
        v: 1,
        did: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0007),
        iss: "gw.example".into(),
        aud: "training-gb".into(),
        m: "POST".into(),
        p: "/v1/enrolments".into(),
        cty: "application/json".into(),
        iat: 1_795_356_000,
        pur: "P09".into(),
        exp: 1_826_892_000,
        onw: false,
        stream: None,
        pad: false,
        re: None,
        st: None,
        rcpt: vec![Recipient::new(Kem::X25519, secret(to).kid().to_owned())],
    }
}

fn prefix() -> Vec<u8> {
    format::prefix(Mode::Direct, &header(OURS)).unwrap()
}

/// A header's JSON.
fn text(to: u8) -> String {
    serde_json::to_string(&header(to)).unwrap()
}

/// The good header's JSON with something before its first member.
fn with_member(members: &str) -> String {
    text(OURS).replacen('{', &format!("{{{members},"), 1)
}

fn prefix_of(json: &str) -> Vec<u8> {
    let length = u16::try_from(json.len()).unwrap().to_be_bytes();
    [b"OTK1\x01\x00", &length[..], json.as_bytes()].concat()
}

fn secret(byte: u8) -> RecipientSecret {
    RecipientSecret::read(Kem::X25519, &[byte; 32]).unwrap()
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect()
}

fn frozen_index() -> Value {
    serde_json::from_slice(&read("index.json")).unwrap()
}

fn read(name: &str) -> Vec<u8> {
    fs::read(folder().join(name)).unwrap()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/envelope")
}

/// The same bytes every time in the place of random ones.
struct Fixed;

impl TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0x0505_0505)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0x0505_0505_0505_0505)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill(5);
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}

const OURS: u8 = 9;
const OTHER: u8 = 8;
const ENC: usize = 32;
const THREE: &str = "three-chunks.otk1";
