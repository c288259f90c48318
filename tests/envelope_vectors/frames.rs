//! Known answers for streams of envelopes, in `vectors/envelope/` too.
//!
//! | member of the index | what |
//! |---|---|
//! | `streams` | files of frames that open, with the lengths of the parts' bodies |
//! | `broken` | `of`, such a file, made of its `frames` in this order, and `why` it is refused |
//! | `signed` | the same with an Ed25519 signature behind each envelope, by the key `signed_by` |
//! | `badly_signed` | `of`, such a file, changed by `edit`, or a `file` signed by another key |
//!
//! What is signed is `OTK1 part`, three bytes 00 and the SHA-256 of the envelope. Public keys are
//! in base64, the private one of `signed_by` consists of 32 bytes 14 (hexadecimal).
//!
//! The bodies of a stream's parts, one after the other, have byte n mod 251 at place n.

use otkel::envelope::format::Part;
use otkel::envelope::frames::{self, BadStream, Sequence};
use otkel::signing::request::part as to_sign;
use otkel::signing::{Sign as _, SigningKey, VerifyKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::*;

/// Adds the files; their members of the index.
pub(super) fn add(all: &mut BTreeMap<String, Vec<u8>>) -> [(&'static str, Value); 4] {
    let lengths = [5, CHUNK + 1, 0];
    let parts: Vec<Vec<u8>> = lengths
        .iter()
        .zip(0..)
        .map(|(length, n)| {
            let start: usize = lengths[..usize::try_from(n).unwrap()].iter().sum();
            let body = &pattern(start + length)[start..];
            part(STREAM, n, n == 2, body)
        })
        .collect();
    let frames = |parts: &[Vec<u8>]| {
        parts.iter().flat_map(|part| frames::frame(part, None).unwrap()).collect::<Vec<u8>>()
    };
    let signed = |seed: u8| {
        let key = signing_key(seed);
        let signed = parts.iter().flat_map(|part| {
            let signature = key.sign(&to_sign(&Sha256::digest(part).into())).unwrap();
            frames::frame(part, Some(&signature)).unwrap()
        });
        signed.collect::<Vec<u8>>()
    };
    let files = [
        (THREE_PARTS, frames(&parts)),
        (ONE_PART, frames(&[part(OTHER_STREAM, 0, true, &pattern(3))])),
        (SIGNED, signed(SIGNER)),
        (BADLY_SIGNED, signed(SIGNER + 1)),
    ];
    let broken: [(&[usize], &str); 7] = [
        (&[], "Incomplete"),
        (&[0, 1], "Incomplete"),
        (&[1, 2], "Order"),
        (&[0, 2], "Order"),
        (&[0, 0, 1, 2], "Order"),
        (&[1, 0, 2], "Order"),
        (&[0, 1, 2, 2], "AfterLast"),
    ];
    let vector = |(frames, why)| json!({"of": THREE_PARTS, "frames": frames, "why": why});
    let broken: Vec<Value> = broken.into_iter().map(vector).collect();
    let first = frames::LENGTH + parts[0].len();
    let end = files[2].1.len();
    let edit = |edit: Value| json!({"of": SIGNED, "edit": edit});
    let badly = json!([
        edit(json!(["flip", first])),
        edit(json!(["flip", first + 63])),
        edit(json!(["flip", end - 1])),
        edit(json!(["cut", end - 1])),
        edit(json!(["cut", first])),
        edit(json!(["drop", first, first + 64])),
        {"file": BADLY_SIGNED},
    ]);
    all.extend(files.map(|(name, bytes)| (name.to_owned(), bytes)));
    let streams = json!([
        {"file": THREE_PARTS, "lengths": lengths},
        {"file": ONE_PART, "lengths": [3]},
    ]);
    let signed_by = signing_key(SIGNER).key().to_string();
    let signed = json!([{"file": SIGNED, "lengths": lengths, "signed_by": signed_by}]);
    [("streams", streams), ("broken", broken.into()), ("signed", signed), ("badly_signed", badly)]
}

fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([seed; 32]))
}

fn part(id: u128, n: u64, last: bool, body: &[u8]) -> Vec<u8> {
    let stream = Some(Part { id: Uuid::from_u128(id), n, last });
    let did = Uuid::from_u128(id + u128::from(n));
    let header = Header { did, stream, ..header(OURS) };
    sealed(&format::prefix(Mode::Direct, &header).unwrap(), body, OURS)
}

/// Opens a stream: its bodies.
fn open_all(frames: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, BadStream> {
    let mut sequence = Sequence::default();
    let mut bodies = Vec::new();
    for envelope in frames {
        let (header, body) = open(envelope, &secret(OURS)).unwrap();
        sequence.take(&header)?;
        bodies.push(body);
    }
    sequence.finish().map(|()| bodies)
}

/// The envelopes of a file of frames.
fn envelopes(file: &str) -> Vec<Vec<u8>> {
    let mut buffer = read(file)[..].into();
    let all = std::iter::from_fn(|| frames::next(&mut buffer).unwrap().map(|e| e.to_vec()));
    let all = all.collect();
    assert!(buffer.is_empty());
    all
}

#[test]
fn each_stream_opens_to_its_bodies() {
    for vector in frozen_index()["streams"].as_array().unwrap() {
        let bodies = open_all(&envelopes(vector["file"].as_str().unwrap())).unwrap();
        let lengths: Vec<usize> = bodies.iter().map(Vec::len).collect();
        assert_eq!(json!(lengths), vector["lengths"]);
        let whole = bodies.concat();
        assert_eq!(whole, pattern(whole.len()));
    }
}

/// Opens a stream of signed parts: its bodies.
fn open_signed(bytes: &[u8], key: &VerifyKey) -> Option<Vec<Vec<u8>>> {
    let (mut buffer, mut envelopes) = (bytes.into(), Vec::new());
    while let Some((envelope, signature)) = frames::next_signed(&mut buffer).ok()? {
        if !key.verify(&to_sign(&Sha256::digest(&envelope).into()), &signature) {
            return None;
        }
        envelopes.push(envelope.to_vec());
    }
    buffer.is_empty().then(|| open_all(&envelopes).ok())?
}

#[test]
fn each_signed_stream_opens_by_its_key_alone() {
    let index = frozen_index();
    let vector = list(&index, "signed").next().unwrap();
    let key = VerifyKey::parse(word(vector, "signed_by")).unwrap();
    let bodies = open_signed(&read(word(vector, "file")), &key).unwrap();
    let lengths: Vec<usize> = bodies.iter().map(Vec::len).collect();
    assert_eq!(json!(lengths), vector["lengths"]);
    for vector in list(&index, "badly_signed") {
        let bytes = match vector["of"].as_str() {
            Some(of) => edited(read(of), &vector["edit"]),
            None => read(word(vector, "file")),
        };
        assert_eq!(open_signed(&bytes, &key), None, "{vector}");
    }
    assert_eq!(open_signed(&read(THREE_PARTS), &key), None, "without signatures");
}

#[test]
fn each_broken_stream_is_refused_for_its_reason() {
    for vector in frozen_index()["broken"].as_array().unwrap() {
        let all = envelopes(vector["of"].as_str().unwrap());
        let number = |n: &Value| usize::try_from(n.as_u64().unwrap()).unwrap();
        let chosen = vector["frames"].as_array().unwrap().iter().map(|n| all[number(n)].clone());
        let why = open_all(&chosen.collect::<Vec<_>>()).unwrap_err();
        assert_eq!(format!("{why:?}"), vector["why"], "{vector}");
    }
    let mixed = [&envelopes(THREE_PARTS)[..1], &envelopes(ONE_PART)].concat();
    assert_eq!(open_all(&mixed), Err(BadStream::Another));
    let alone = sealed(&format::prefix(Mode::Direct, &header(OURS)).unwrap(), b"{}", OURS);
    assert_eq!(open_all(&[alone]), Err(BadStream::NoPart));
}

#[test]
fn a_frame_has_a_length_that_an_envelope_has() {
    let next = |bytes: &[u8]| frames::next(&mut bytes.into());
    assert_eq!(next(&[0, 0, 0, 0]), Err(BadStream::Length));
    assert_eq!(next(&[0x10, 0, 0, 1]), Err(BadStream::Length));
    assert_eq!(next(b"OTK1"), Err(BadStream::Length));
    assert_eq!(next(&[0x10, 0, 0, 0]), Ok(None));
    assert_eq!(next(&[0, 0, 0]), Ok(None));
    assert_eq!(next(&[0, 0, 0, 2, 7]), Ok(None));
    assert_eq!(next(&[0, 0, 0, 1, 7, 8]), Ok(Some(vec![7].into())));
    assert!(!frames::begin_with(b'O') && frames::begin_with(0x10));
}

const STREAM: u128 = 0x0192_0000_0000_7000_8000_0000_0000_0010;
const OTHER_STREAM: u128 = 0x0192_0000_0000_7000_8000_0000_0000_0020;
const SIGNER: u8 = 0x14;
const SIGNED: &str = "three-signed-parts.otk1s";
const BADLY_SIGNED: &str = "bad-signed-by-another.otk1s";
const THREE_PARTS: &str = "three-parts.otk1s";
const ONE_PART: &str = "one-part.otk1s";
