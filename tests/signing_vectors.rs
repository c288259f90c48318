//! Known answers for signed requests, receipts and key lists, in `vectors/signing/index.json`: what
//! the program writes, byte for byte, and what every receiver must refuse.
//!
//! | member | what |
//! |---|---|
//! | `keys` | key pairs by name: the `seed` (RFC 8032) in hexadecimal, `public` in base64, `kid` |
//! | `bad_keys` | public keys in base64 under which anybody could sign |
//! | `rfc9421` | the example B.2.6 of RFC 9421: its key, signature base and signature |
//! | `requests` | requests as they were received at `now`, all said to be by the key `gateway` |
//! | `jws` | texts that are said to be receipts by the key `partner` |
//! | `receipts` | receipts that are signed, held against what was `sent` |
//! | `lists` | key lists, one after the other; a reader of `before` takes `text` at `now` or not |
//!
//! What is refused says `why`, in the words of the program; a receiver may have others.
//! `OTKEL_FREEZE=1` writes the file anew.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

#[path = "support/python.rs"]
mod python;
#[path = "signing_vectors/requests.rs"]
mod requests;
#[path = "signing_vectors/texts.rs"]
mod texts;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;

use data_encoding::{BASE64, HEXLOWER};
use otkel::signing::receipt::Receipt;
use otkel::signing::{BadSigningKey, Sign as _, SigningKey, VerifyKey};
use otkel::time::Timestamp;
use serde_json::{Value, json};
use zeroize::Zeroizing;

#[test]
fn the_program_writes_these_very_bytes() {
    let made = json!({
        "keys": keys(),
        "bad_keys": BAD_KEYS,
        "rfc9421": rfc9421(),
        "requests": requests::made(),
        "jws": texts::jws(),
        "receipts": texts::receipts(),
        "lists": texts::lists(),
    });
    if std::env::var_os("OTKEL_FREEZE").is_some() {
        fs::create_dir_all(file().parent().unwrap()).unwrap();
        fs::write(file(), serde_json::to_string_pretty(&made).unwrap() + "\n").unwrap();
    }
    for (member, made) in made.as_object().unwrap() {
        assert_eq!(frozen()[member], *made, "{member}");
    }
}

#[test]
fn the_example_of_rfc_9421_comes_out_byte_for_byte() {
    let example = frozen()["rfc9421"].clone();
    let seed: [u8; 32] = hex(&example["seed"]).try_into().unwrap();
    let key = SigningKey::from_seed(&Zeroizing::new(seed));
    assert_eq!(key.key().to_string(), example["public"]);
    let base = example["base"].as_str().unwrap().as_bytes();
    assert_eq!(BASE64.encode(&key.sign(base).unwrap()), example["signature"]);
}

#[test]
fn keys_under_which_anybody_could_sign_are_no_keys() {
    for key in list("bad_keys") {
        let bad = VerifyKey::parse(key.as_str().unwrap()).unwrap_err();
        assert!(matches!(bad, BadSigningKey::Weak | BadSigningKey::Public), "{key}");
    }
}

#[test]
fn each_request_is_taken_or_refused_as_it_is_written() {
    for case in list("requests") {
        let key = public("gateway");
        let took = requests::read(&case, &key).err();
        assert_eq!(json!(took), case["why"], "{}", case["name"]);
    }
}

#[test]
fn each_text_is_taken_or_refused_as_it_is_written() {
    for case in list("jws") {
        let took = texts::read(&case["text"], &public("partner")).err();
        assert_eq!(json!(took), case["why"], "{}", case["name"]);
    }
    for case in list("receipts") {
        let took = texts::check(&case, &public("partner")).err();
        assert_eq!(json!(took), case["why"], "{}", case["name"]);
    }
    for case in list("lists") {
        let took = texts::follow(&case, &public("gateway")).err();
        assert_eq!(json!(took), case["why"], "{}", case["name"]);
    }
}

#[test]
fn other_libraries_take_the_same_but_for_what_they_let_pass() {
    let told = oracle(&["vectors".as_ref(), file().as_os_str()], Stdio::null());
    let told: Value = serde_json::from_str(&told).unwrap();
    for member in ["requests", "jws", "receipts"] {
        let taken = list(member).into_iter().filter(|case| {
            let name = case["name"].as_str().unwrap();
            case["why"].is_null() || LENIENT.contains(&(member, name))
        });
        let taken: Vec<Value> = taken.map(|case| case["name"].clone()).collect();
        assert_eq!(told[member], json!(taken), "{member}");
    }
}

#[test]
fn a_receipt_that_another_library_signed_is_taken() {
    let said = texts::plain();
    let folder = std::env::temp_dir().join(format!("otkel-receipt-{}", std::process::id()));
    fs::write(&folder, serde_json::to_vec(&said).unwrap()).unwrap();
    let seed = frozen()["keys"]["partner"]["seed"].clone();
    let arguments = ["receipt".as_ref(), OsStr::new(seed.as_str().unwrap())];
    let made = oracle(&arguments, File::open(&folder).unwrap().into());
    fs::remove_file(&folder).unwrap();
    assert_eq!(made.lines().count(), 2);
    for text in made.lines() {
        assert_eq!(Receipt::read(text, [&public("partner")]).as_ref(), Ok(&said), "{text}");
    }
}

#[test]
fn no_byte_of_what_is_taken_can_be_changed() {
    let (text, key) = (list("jws")[0]["text"].clone(), public("partner"));
    let text = text.as_str().unwrap();
    assert!(texts::read(&json!(text), &key).is_ok());
    for at in (0..text.len()).step_by(STEP) {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] ^= 1;
        let Ok(changed) = String::from_utf8(bytes) else { continue };
        assert!(texts::read(&json!(changed), &key).is_err(), "{at}");
        assert!(texts::read(&json!(text.get(..at)), &key).is_err(), "cut at {at}");
    }
    let (request, key) = (list("requests")[0].clone(), public("gateway"));
    for member in ["signature_input", "signature", "content_digest", "target_uri", "id"] {
        let text = request[member].as_str().unwrap();
        for at in (0..text.len()).step_by(STEP) {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] ^= 1;
            let mut changed = request.clone();
            changed[member] = String::from_utf8(bytes).unwrap().into();
            assert!(requests::read(&changed, &key).is_err(), "{member} {at}");
        }
    }
}

fn oracle(arguments: &[&OsStr], input: Stdio) -> String {
    let ran = python::python("signing_vectors/oracle.py", arguments, input);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

/// The key of a name: 32 times one byte is its seed.
fn key(name: &str) -> SigningKey {
    let (_, seed) = NAMES.iter().find(|(known, _)| *known == name).unwrap();
    SigningKey::from_seed(&Zeroizing::new([*seed; 32]))
}

fn keys() -> Value {
    let entry = |(name, seed): &(&str, u8)| {
        let public = key(name).key().clone();
        let seed = HEXLOWER.encode(&[*seed; 32]);
        let entry = json!({ "seed": seed, "public": public.to_string(), "kid": public.kid() });
        ((*name).to_owned(), entry)
    };
    Value::Object(NAMES.iter().map(entry).collect())
}

fn public(name: &str) -> VerifyKey {
    VerifyKey::parse(frozen()["keys"][name]["public"].as_str().unwrap()).unwrap()
}

fn rfc9421() -> Value {
    // RFC 9421, B.1.4 and B.2.6.
    json!({
        "seed": "9f8362f87a484a954e6e740c5b4c0e84229139a20aa8ab56ff66586f6a7d29c5",
        "public": "JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=",
        "base": "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@method\": POST\n\"@path\": /foo\n\
            \"@authority\": example.com\n\"content-type\": application/json\n\
            \"content-length\": 18\n\
            \"@signature-params\": (\"date\" \"@method\" \"@path\" \"@authority\" \
            \"content-type\" \"content-length\");created=1618884473;keyid=\"test-key-ed25519\"",
        "signature": "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lI\
            p5WPpBKRCw==",
    })
}

fn list(member: &str) -> Vec<Value> {
    frozen()[member].as_array().unwrap().clone()
}

fn frozen() -> Value {
    serde_json::from_slice(&fs::read(file()).unwrap()).unwrap()
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/signing/index.json")
}

fn hex(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

/// The same signature with the group's order added to its second half: RFC 8032 refuses it, but not
/// every program does.
fn malleated(signature: &[u8; 64]) -> [u8; 64] {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut changed = *signature;
    let mut carry = 0;
    for (byte, more) in changed[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(more) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    changed
}

const NAMES: [(&str, u8); 4] = [("gateway", 1), ("partner", 2), ("stranger", 3), ("next", 4)];
/// What the libraries take for as good: RFC 9421 and RFC 7515 leave it to whoever uses them.
const LENIENT: [(&str, &str); 8] = [
    ("requests", "in another order"),
    ("requests", "no alg"),
    ("requests", "no expires"),
    ("requests", "a nonce too"),
    ("requests", "two signatures"),
    ("requests", "cut"),
    ("requests", "base64 with more bits"),
    ("jws", "a member twice"),
];
/// Every so many bytes are tried; it has no divisor in common with the 4 of base64.
const STEP: usize = 3;
const NOW: i64 = 1_795_356_000;

/// The points of low order: 0, 1, -1, two of order 8 and their opposites, and other ways to write
/// them.
const BAD_KEYS: [&str; 9] = [
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "7P///////////////////////////////////////38=",
    "JuiVj8KyJ7BFw/SJ8u+Y8NXfrAXTxjM5sTgCiG1T/AU=",
    "xxdqcD1N2E+6PAt2DRBnDyogU/osOczGTsf9d5KsA3o=",
    "JuiVj8KyJ7BFw/SJ8u+Y8NXfrAXTxjM5sTgCiG1T/IU=",
    "xxdqcD1N2E+6PAt2DRBnDyogU/osOczGTsf9d5KsA/o=",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA=",
    "7v///////////////////////////////////////38=",
];
