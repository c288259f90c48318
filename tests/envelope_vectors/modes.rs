//! Mode 2 (several recipients) and mode 3 (a kept context).

use otkel::envelope::{BadKey, Keeping, Kept};

use super::direct::{Place, edits};
use super::*;

pub(super) fn add(made: &mut Made) {
    wrapped(made, "wrapped", &[OURS, SECOND]);
    wrapped(made, "pq-wrapped", &[PQ, SECOND_PQ]);
    wrapped_for_others(made);
    bad_wrapped(made);
    kept(made, "kept", OURS);
    kept(made, "pq-kept", PQ);
    bad_kept(made);
}

/// Several recipients: the first one opens it.
fn wrapped(made: &mut Made, name: &str, keys: &[&str]) {
    let header = header_for(keys);
    let prefix = format::prefix(Mode::Wrapped, &header).unwrap();
    let (small, three) = (format!("{name}-three-bytes.otk1"), format!("{name}-three-chunks.otk1"));
    for (file, length) in [
        (&small, 3),
        (&format!("{name}-empty.otk1"), 0),
        (&format!("{name}-full-chunk.otk1"), CHUNK),
        (&three, 2 * CHUNK + 7000),
    ] {
        let body = pattern(length);
        let chunks: Vec<&[u8]> = chunks(&body).collect();
        let envelope = seal_wrapped(&header, &body, keys);
        let same = keys.iter().map(|key| (*key, [5; 32])).collect::<Vec<_>>();
        assert!(envelope == oracle::wrapped(&prefix, &chunks, &same), "{file}");
        made.opens(file, envelope, keys[0], &body);
    }
    let first: usize = keys.iter().map(|key| oracle::enc_length(key) + WRAPPED).sum();
    let salt = prefix.len() + first;
    let first = first + SALT + COMMITMENT;
    let tag = format!("{name}-");
    let place = Place { of: &three, key: keys[0], prefix: &tag, enc: prefix.len(), first };
    edits(made, &place, "Sealed");
    edit_commitment(made, &tag, (&three, keys[0]), salt);
    let own = prefix.len() + oracle::enc_length(keys[0]);
    let wraps = own + WRAPPED..salt;
    let swap = json!(["swap", prefix.len(), wraps.start, wraps.end]);
    made.refuses_edited(&format!("{tag}keys-swapped"), (&three, keys[0]), &swap, "Sealed");
    for (mode, why) in [(1, "Header"), (3, "Header")] {
        let name = format!("{tag}as-mode-{mode}");
        made.refuses_edited(&name, (&three, keys[0]), &json!(["set", 4, mode]), why);
    }
    let end = made.files[&small].len();
    if keys[0] == OURS {
        made.no_byte_of(&small, keys[0], &[(0, wraps.start), (salt, end)]);
    } else {
        made.no_byte_of(&small, keys[0], &[(own, wraps.start), (salt, end)]);
    }
}

/// The same seen by another recipient, by the only one and by the last of sixteen.
fn wrapped_for_others(made: &mut Made) {
    let body = pattern(3);
    let envelope = seal_wrapped(&header_for(&[OURS, SECOND]), &body, &[OURS, SECOND]);
    made.opens("wrapped-for-the-second.otk1", envelope, SECOND, &body);
    let alone = seal_wrapped(&header_for(&[OURS]), &body, &[OURS]);
    made.opens("wrapped-for-one.otk1", alone, OURS, &body);
    let mixed = seal_wrapped(&header_for(&[PQ, OURS]), &body, &[PQ, OURS]);
    made.opens("wrapped-for-two-kems.otk1", mixed, OURS, &body);
    let names: Vec<String> = (0..15).map(|n| format!("further-{n}")).collect();
    let sixteen: Vec<&str> = names.iter().map(String::as_str).chain([OURS]).collect();
    let envelope = seal_wrapped(&header_for(&sixteen), &body, &sixteen);
    made.opens("wrapped-for-sixteen.otk1", envelope, OURS, &body);
}

fn bad_wrapped(made: &mut Made) {
    let both = header_for(&[OURS, SECOND]);
    let prefix =
        |header: &Header| oracle::prefix(Mode::Wrapped, &serde_json::to_string(header).unwrap());
    let short: [&[u8]; 1] = [b"{}"];
    let same = |keys: &[&'static str]| keys.iter().map(|key| (*key, [5; 32])).collect::<Vec<_>>();
    let mut reversed = both.clone();
    reversed.rcpt.reverse();
    let other_key = [(SECOND, [6; 32]), (OURS, [5; 32])];
    let second = header_for(&[SECOND, OURS]);
    let names: Vec<String> = (0..16).map(|n| format!("further-{n}")).collect();
    let seventeen: Vec<&str> = names.iter().map(String::as_str).chain([OURS]).collect();
    let many: Vec<_> = seventeen.iter().map(|name| (*name, [5; 32])).collect();
    let none = json_without_recipients(&both);
    for (name, envelope, why) in [
        (
            "wrapped-not-listed",
            oracle::wrapped(
                &prefix(&header_for(&[SECOND, OTHER])),
                &short,
                &same(&[SECOND, OTHER]),
            ),
            "Key",
        ),
        (
            "wrapped-in-another-order",
            oracle::wrapped(&prefix(&reversed), &short, &same(&[OURS, SECOND])),
            "Sealed",
        ),
        (
            "wrapped-another-key-for-one",
            oracle::wrapped(&prefix(&second), &short, &other_key),
            "Commitment",
        ),
        (
            "wrapped-twice-for-one",
            oracle::wrapped(&prefix(&header_for(&[OURS, OURS])), &short, &same(&[OURS, OURS])),
            "Header",
        ),
        (
            "wrapped-for-seventeen",
            oracle::wrapped(&prefix(&header_for(&seventeen)), &short, &many),
            "Header",
        ),
        (
            "wrapped-for-nobody",
            oracle::wrapped(&oracle::prefix(Mode::Wrapped, &none), &short, &same(&[OURS])),
            "Header",
        ),
        (
            "wrapped-last-chunk-full",
            oracle::wrapped(&prefix(&both), &[&pattern(CHUNK)], &same(&[OURS, SECOND])),
            "Short",
        ),
        (
            "wrapped-bound-to-another-header",
            relabelled(&oracle::wrapped(&prefix(&both), &short, &same(&[OURS, SECOND]))),
            "Sealed",
        ),
    ] {
        made.refuses(name, envelope, OURS, why);
    }
}

/// One recipient, with whom a context is kept.
fn kept(made: &mut Made, name: &str, key: &str) {
    let prefix = format::prefix(Mode::Kept, &header(key)).unwrap();
    let (small, three) = (format!("{name}-three-bytes.otk1"), format!("{name}-three-chunks.otk1"));
    for (file, length) in [
        (&small, 3),
        (&format!("{name}-empty.otk1"), 0),
        (&format!("{name}-full-chunk.otk1"), CHUNK),
        (&three, 2 * CHUNK + 7000),
    ] {
        let body = pattern(length);
        let chunks: Vec<&[u8]> = chunks(&body).collect();
        let envelope = seal_kept(&prefix, Text::new(&body, None), key);
        assert!(envelope == oracle::kept(&prefix, &chunks, key), "{file}");
        made.opens(file, envelope, key, &body);
    }
    let salt = prefix.len() + oracle::enc_length(key);
    let tag = format!("{name}-");
    let first = oracle::enc_length(key) + SALT + COMMITMENT;
    let place = Place { of: &three, key, prefix: &tag, enc: prefix.len(), first };
    edits(made, &place, "Commitment");
    edit_commitment(made, &tag, (&three, key), salt);
    for (mode, why) in [(1, "Sealed"), (2, "Sealed")] {
        let name = format!("{tag}as-mode-{mode}");
        made.refuses_edited(&name, (&three, key), &json!(["set", 4, mode]), why);
    }
    let end = made.files[&small].len();
    if key == OURS {
        made.no_byte_of(&small, key, &[(0, end)]);
    } else {
        made.no_byte_of(&small, key, &[(0, prefix.len()), (salt, end)]);
    }
}

fn bad_kept(made: &mut Made) {
    let prefix = format::prefix(Mode::Kept, &header(OURS)).unwrap();
    let full = oracle::kept(&prefix, &[&pattern(CHUNK)], OURS);
    made.refuses("kept-last-chunk-full", full, OURS, "Short");
    // The same context, salt and body: only the header is another message's.
    let moved = relabelled(&oracle::kept(&prefix, &[b"{}"], OURS));
    made.refuses("kept-bound-to-another-header", moved, OURS, "Commitment");
    let other = format::prefix(Mode::Kept, &header(OTHER)).unwrap();
    made.refuses("kept-for-another-key", oracle::kept(&other, &[b"{}"], OTHER), OURS, "Key");
    let wrong = oracle::kept(&prefix, &[b"{}"], OTHER);
    made.refuses("kept-sealed-to-another-key", wrong, OURS, "Commitment");
    let two =
        oracle::prefix(Mode::Kept, &serde_json::to_string(&header_for(&[OURS, SECOND])).unwrap());
    made.refuses("kept-two-recipients", oracle::kept(&two, &[b"{}"], OURS), OURS, "Header");
}

/// The same bytes behind the header of another message.
fn relabelled(envelope: &[u8]) -> Vec<u8> {
    let mut moved = envelope.to_vec();
    let place = moved.windows(3).position(|window| window == b"P09").unwrap();
    moved[place + 2] = b'1';
    moved
}

fn edit_commitment(made: &mut Made, tag: &str, of: (&str, &str), salt: usize) {
    for (name, place) in [
        ("other-salt", salt),
        ("other-end-of-the-salt", salt + SALT - 1),
        ("other-commitment", salt + SALT),
        ("other-end-of-the-commitment", salt + SALT + COMMITMENT - 1),
    ] {
        let edit = json!(["flip", place]);
        made.refuses_edited(&format!("{tag}{name}"), of, &edit, "Commitment");
    }
}

pub(super) fn seal_wrapped(header: &Header, body: &[u8], keys: &[&str]) -> Vec<u8> {
    let prefix = format::prefix(Mode::Wrapped, header).unwrap();
    let keys: Vec<RecipientKey> = keys.iter().map(|key| public(key)).collect();
    let padding = header.pad.then_some(Padding::Padme);
    let to = To::Wrapped(keys.iter().collect());
    assert_eq!(to.recipients(), header.rcpt);
    stream::seal(&prefix, Text::new(body, padding), &to, &mut Fixed).unwrap()
}

pub(super) fn seal_kept(prefix: &[u8], text: Text<'_>, key: &str) -> Vec<u8> {
    let kept = Kept::new(Keeping { seconds: 60, messages: 10 });
    let context = kept.context(&public(key), Timestamp::EPOCH, &mut Fixed).unwrap();
    stream::seal(prefix, text, &To::Kept(context), &mut Fixed).unwrap()
}

pub(super) fn header_for(keys: &[&str]) -> Header {
    let rcpt = keys.iter().flat_map(|key| header(key).rcpt).collect();
    Header { rcpt, ..header(OURS) }
}

fn json_without_recipients(header: &Header) -> String {
    direct::no_recipient(&serde_json::to_string(header).unwrap())
}

fn chunks(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let full = body.chunks_exact(CHUNK);
    let last = full.remainder();
    full.chain([last])
}

/// Keys of low order and malformed ones.
pub(super) fn bad_keys() -> Vec<Value> {
    let good = |name| secret(name).public().to_vec();
    let mut beyond = good(PQ);
    beyond[..3].fill(0xff);
    let low = |point: [u8; 32]| [&good(PQ)[..1184], &point].concat();
    let hex = |hex: &str| HEXLOWER.decode(hex.as_bytes()).unwrap();
    let mut one = [0; 32];
    one[0] = 1;
    let keys = [
        ("zero", Kem::X25519, vec![0; 32]),
        ("one", Kem::X25519, one.to_vec()),
        ("order-8", Kem::X25519, hex(ORDER_8)),
        ("the-prime", Kem::X25519, hex(PRIME)),
        ("short", Kem::X25519, good(OURS)[..31].to_vec()),
        ("long", Kem::X25519, [&good(OURS)[..], &[0]].concat()),
        ("pq-low-order", Kem::MlKem768X25519, low([0; 32])),
        ("pq-order-8", Kem::MlKem768X25519, low(hex(ORDER_8).try_into().unwrap())),
        ("pq-beyond-the-modulus", Kem::MlKem768X25519, beyond),
        ("pq-short", Kem::MlKem768X25519, good(PQ)[..1215].to_vec()),
        ("pq-for-x25519", Kem::X25519, good(PQ)),
        ("x25519-for-pq", Kem::MlKem768X25519, good(OURS)),
    ];
    let vector = |(name, kem, raw): (&str, Kem, Vec<u8>)| {
        let public = HEXLOWER.encode(&raw);
        json!({"name": name, "kem": kem.id(), "public": public})
    };
    keys.into_iter().map(vector).collect()
}

#[test]
fn no_bad_key_is_sealed_to() {
    for vector in list(&frozen_index(), "bad_keys") {
        let kem = Kem::from_id(u16::try_from(vector["kem"].as_u64().unwrap()).unwrap()).unwrap();
        let raw = HEXLOWER.decode(word(vector, "public").as_bytes()).unwrap();
        let read = RecipientKey::read(kem, &raw, Timestamp::EPOCH, Timestamp::EPOCH);
        assert!(matches!(read, Err(BadKey::LowOrder | BadKey::Form)), "{vector}");
    }
}

const SALT: usize = 24;
const COMMITMENT: usize = 32;
const WRAPPED: usize = 48;
const ORDER_8: &str = "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800";
const PRIME: &str = "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f";
