//! Known answers for the envelope, in `vectors/envelope/`: what the program seals, byte for byte,
//! and what every receiver must refuse.
//!
//! `index.json` tells all of it, so that a receiver in any language can be held against it:
//!
//! | member | what |
//! |---|---|
//! | `recipients` | key pairs by name: `kem`, the raw keys in hexadecimal, and the key's `kid` |
//! | `recipient` | that of the name `x25519` again |
//! | `opens` | files that open; their body has byte n mod 251 at place n, unless `body` has it |
//! | `refused` | `of`, a file that opens, changed by `edit`, or a `file` of its own; and `why` |
//! | `flips`, `cuts` | each byte (or length) of `of` from `from` to before `to` is as bad |
//! | `request` | members that the header must have in common with the request it came with |
//! | `misdirected` | files that open, and whose header has another `member` than `request` |
//! | `replies` | sealed answers to that request: see `envelope_vectors/replies.rs` |
//! | `bad_keys` | raw public keys in hexadecimal that no sender may seal to |
//! | `streams`, `broken`, `signed`, `badly_signed` | see `envelope_vectors/frames.rs` |
//!
//! Each file is opened with the key that `key` names in `recipients`; without it, `x25519`. What
//! else stands in `opens` can be read from the file too: the `mode`, the `kem`, whether it has
//! padding (`pad`), and the body's `length`.
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

#[path = "envelope_vectors/direct.rs"]
mod direct;
#[path = "support/edit.rs"]
mod edit;
#[path = "envelope_vectors/frames.rs"]
mod frames;
#[path = "envelope_vectors/modes.rs"]
mod modes;
#[path = "envelope_vectors/opened.rs"]
mod opened;
#[path = "envelope_vectors/oracle.rs"]
mod oracle;
#[path = "envelope_vectors/padding.rs"]
mod padding;
#[path = "envelope_vectors/replies.rs"]
mod replies;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fs;
use std::path::PathBuf;

use data_encoding::HEXLOWER;
use edit::edited;
use hpke::rand_core::{TryCryptoRng, TryRng};
use otkel::envelope::format::{self, CHUNK, Recipient, TAG};
use otkel::envelope::pad::Text;
use otkel::envelope::stream::{self, To};
use otkel::envelope::{
    BadEnvelope, Header, Kem, Mode, Next, Opener, Padding, RecipientKey, RecipientSecret, open,
};
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
    for vector in list(&index, "opens") {
        let (envelope, key) = (read(word(vector, "file")), key_of(vector));
        let (header, body) = open(&envelope, &key).unwrap();
        let want = vector["body"].as_str().map(|hex| HEXLOWER.decode(hex.as_bytes()).unwrap());
        assert_eq!(body, want.unwrap_or_else(|| pattern(body.len())), "{vector}");
        assert_eq!(json!(body.len()), vector["length"], "{vector}");
        assert_eq!((json!(header.pad), json!(envelope[4])), pair(vector, "pad", "mode"));
        assert_eq!(json!(key.kem().id()), vector["kem"]);
        assert_eq!(differing(&header, &index["request"]), None, "{vector}");
        for size in [1, 1000, CHUNK + TAG] {
            assert_eq!(piece_by_piece(&envelope, &key, size), Ok(body.clone()), "{vector} {size}");
        }
    }
}

#[test]
fn each_bad_envelope_is_refused_for_its_reason() {
    let index = frozen_index();
    for vector in list(&index, "refused") {
        let envelope = match vector["of"].as_str() {
            Some(of) => edited(read(of), &vector["edit"]),
            None => read(word(vector, "file")),
        };
        let key = key_of(vector);
        let why = open(&envelope, &key).err();
        let told = why.map(|why| format!("{why:?}"));
        assert_eq!(told.as_deref(), vector["why"].as_str(), "{}", vector["name"]);
        let streamed = piece_by_piece(&envelope, &key, 4096);
        assert_eq!(streamed.err(), why, "{}", vector["name"]);
    }
}

#[test]
fn no_byte_can_be_changed_and_none_be_missing() {
    let index = frozen_index();
    let number = |vector: &Value, name: &str| usize::try_from(vector[name].as_u64().unwrap());
    let places = |vector: &Value| number(vector, "from").unwrap()..number(vector, "to").unwrap();
    for vector in list(&index, "flips") {
        let (envelope, key) = (read(word(vector, "of")), key_of(vector));
        for place in places(vector) {
            let flipped = edited(envelope.clone(), &json!(["flip", place]));
            assert!(open(&flipped, &key).is_err(), "byte {place}: {vector}");
        }
    }
    for vector in list(&index, "cuts") {
        let (envelope, key) = (read(word(vector, "of")), key_of(vector));
        assert!(open(&envelope, &key).is_ok(), "{vector}");
        for length in places(vector) {
            assert!(open(&envelope[..length], &key).is_err(), "{length} bytes: {vector}");
        }
    }
}

#[test]
fn a_misdirected_envelope_opens_and_says_so() {
    let index = frozen_index();
    for vector in list(&index, "misdirected") {
        let (header, _) = open(&read(word(vector, "file")), &key_of(vector)).unwrap();
        assert_eq!(differing(&header, &index["request"]).as_deref(), vector["member"].as_str());
    }
    let members = list(&index, "misdirected").map(|vector| word(vector, "member"));
    let members: BTreeSet<&str> = members.collect();
    assert_eq!(members.len(), index["request"].as_object().unwrap().len());
}

#[test]
fn the_index_names_every_file() {
    let index = frozen_index();
    let kinds = ["opens", "refused", "misdirected", "replies", "streams", "signed", "badly_signed"];
    let named = kinds.iter().flat_map(|kind| list(&index, kind));
    let named = named.filter_map(|vector| vector["file"].as_str()).map(str::to_owned);
    let named: BTreeSet<String> = named.chain(["index.json".into()]).collect();
    let there = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let there: BTreeSet<String> = there.map(|name| name.into_string().unwrap()).collect();
    assert_eq!(named, there);
}

/// The files and their index, as they are made.
#[derive(Default)]
struct Made {
    files: BTreeMap<String, Vec<u8>>,
    opens: Vec<Value>,
    refused: Vec<Value>,
    flips: Vec<Value>,
    cuts: Vec<Value>,
    misdirected: Vec<Value>,
}

impl Made {
    /// An envelope that opens to this body.
    fn opens(&mut self, file: &str, envelope: Vec<u8>, key: &str, body: &[u8]) {
        let (mode, header) = read_start(&envelope);
        let mut vector = json!({
            "file": file,
            "length": body.len(),
            "mode": mode.byte(),
            "kem": secret(key).kem().id(),
            "key": key,
            "pad": header.pad,
        });
        if body != pattern(body.len()) {
            vector["body"] = json!(HEXLOWER.encode(body));
        }
        self.opens.push(vector);
        self.files.insert(file.to_owned(), envelope);
    }

    /// An envelope that does not open.
    fn refuses(&mut self, name: &str, envelope: Vec<u8>, key: &str, why: &str) {
        let file = format!("bad-{name}.otk1");
        self.refused.push(json!({"name": name, "file": file, "key": key, "why": why}));
        self.files.insert(file, envelope);
    }

    /// An envelope that opens, and no more once it is changed so.
    fn refuses_edited(&mut self, name: &str, (of, key): (&str, &str), edit: &Value, why: &str) {
        let vector = json!({"name": name, "of": of, "edit": edit, "key": key, "why": why});
        self.refused.push(vector);
    }

    /// An envelope that opens, and no more once any of these bytes is changed or any cut off.
    fn no_byte_of(&mut self, of: &str, key: &str, places: &[(usize, usize)]) {
        let range = |from: usize, to: usize| json!({"of": of, "key": key, "from": from, "to": to});
        self.flips.extend(places.iter().map(|(from, to)| range(*from, *to)));
        self.cuts.push(range(0, self.files[of].len()));
    }
}

/// The files and their index, as this program makes them.
fn made() -> (BTreeMap<String, Vec<u8>>, Value) {
    let mut made = Made::default();
    direct::add(&mut made);
    modes::add(&mut made);
    padding::add(&mut made);
    misdirect(&mut made);
    let pair = |name: &str| {
        let secret = secret(name);
        json!({
            "kem": secret.kem().id(),
            "secret": HEXLOWER.encode(&[seed(name); 32]),
            "public": HEXLOWER.encode(secret.public()),
            "kid": secret.kid(),
        })
    };
    let Value::Object(request) = json!(header(OURS)) else { panic!("no object") };
    let request = request.into_iter().filter(|(name, _)| SHARED.contains(&name.as_str()));
    let mut files = made.files;
    let streams = frames::add(&mut files);
    let replies = replies::add(&mut files);
    let mut index = json!({
        "recipient": pair(OURS),
        "recipients": KEYS.map(|name| (name, pair(name))).into_iter().collect::<BTreeMap<_, _>>(),
        "request": request.collect::<serde_json::Map<_, _>>(),
        "opens": made.opens,
        "refused": made.refused,
        "flips": made.flips,
        "cuts": made.cuts,
        "misdirected": made.misdirected,
        "replies": replies,
        "bad_keys": modes::bad_keys(),
    });
    for (name, vectors) in streams {
        index[name] = vectors;
    }
    (files, index)
}

/// Well-sealed envelopes that came with the wrong request.
fn misdirect(made: &mut Made) {
    let other = Header { did: Uuid::from_u128(8), ..header(OURS) };
    let headers = [
        ("did", "another-id", other),
        ("iss", "another-gateway", Header { iss: "gw.other".into(), ..header(OURS) }),
        ("aud", "another-partner", Header { aud: "training-de".into(), ..header(OURS) }),
        ("m", "another-method", Header { m: "PUT".into(), ..header(OURS) }),
        ("p", "another-path", Header { p: "/v1/grades".into(), ..header(OURS) }),
    ];
    for (member, name, header) in headers {
        let file = format!("misdirected-{name}.otk1");
        let vector = json!({"name": name, "file": file, "key": OURS, "member": member});
        made.misdirected.push(vector);
        let prefix = format::prefix(Mode::Direct, &header).unwrap();
        made.files.insert(file, sealed(&prefix, b"{}", OURS));
    }
}

/// The first member in which a header differs from the request.
fn differing(header: &Header, request: &Value) -> Option<String> {
    let header = json!(header);
    let members = request.as_object().unwrap();
    members.iter().find(|(name, value)| header[*name] != **value).map(|(name, _)| name.clone())
}

/// Opens an envelope whose bytes come in pieces of a size.
fn piece_by_piece(
    envelope: &[u8],
    key: &RecipientSecret,
    size: usize,
) -> Result<Vec<u8>, BadEnvelope> {
    let mut opener = Opener::new(std::slice::from_ref(key));
    let mut pieces = envelope.chunks(size);
    let mut body = Vec::new();
    loop {
        match opener.next()? {
            Next::More => match pieces.next() {
                Some(piece) => opener.push(piece),
                None => opener.end(),
            },
            Next::Text(text) => body.extend_from_slice(&text),
            Next::Whole => return Ok(body),
        }
    }
}

/// An envelope in mode 1.
fn sealed(prefix: &[u8], body: &[u8], to: &str) -> Vec<u8> {
    stream::seal(prefix, Text::new(body, None), &To::Direct(&public(to)), &mut Fixed).unwrap()
}

fn header(to: &str) -> Header {
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
        rcpt: vec![Recipient::new(secret(to).kem(), secret(to).kid().to_owned())],
    }
}

fn read_start(envelope: &[u8]) -> (Mode, Header) {
    let length = format::prefix_length(envelope).unwrap();
    format::read_prefix(&envelope[..length]).unwrap()
}

fn secret(name: &str) -> RecipientSecret {
    let kem = if name.ends_with("mlkem768-x25519") { Kem::MlKem768X25519 } else { Kem::X25519 };
    RecipientSecret::read(kem, &[seed(name); 32]).unwrap()
}

fn public(name: &str) -> RecipientKey {
    let secret = secret(name);
    let time = |seconds| Timestamp::from_seconds(seconds).unwrap();
    RecipientKey::read(secret.kem(), secret.public(), time(0), time(4_000_000_000)).unwrap()
}

/// The byte that a private key consists of.
fn seed(name: &str) -> u8 {
    match name {
        OURS => 9,
        OTHER => 8,
        PQ => 10,
        SECOND => 11,
        SECOND_PQ => 12,
        replies::KEY => 13,
        _ => 100 + name.strip_prefix("further-").unwrap().parse::<u8>().unwrap(),
    }
}

fn key_of(vector: &Value) -> RecipientSecret {
    secret(vector["key"].as_str().unwrap_or(OURS))
}

fn list<'a>(index: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    let list = index[name].as_array().unwrap();
    assert!(!list.is_empty(), "{name}");
    list.iter()
}

fn word<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().unwrap()
}

fn pair(vector: &Value, first: &str, second: &str) -> (Value, Value) {
    (vector[first].clone(), vector[second].clone())
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

const OURS: &str = "x25519";
const PQ: &str = "mlkem768-x25519";
const SECOND: &str = "second";
const SECOND_PQ: &str = "second-mlkem768-x25519";
/// Nobody whom an envelope reaches has this one.
const OTHER: &str = "other";
const KEYS: [&str; 5] = [OURS, PQ, SECOND, SECOND_PQ, replies::KEY];
/// What a header has in common with the request that it comes with.
const SHARED: [&str; 5] = ["did", "iss", "aud", "m", "p"];
