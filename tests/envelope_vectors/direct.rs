//! Mode 1: each envelope agrees on a key of its own.

use super::*;

pub(super) fn add(made: &mut Made) {
    for (name, length) in [
        ("empty.otk1", 0),
        (ONE_BYTE, 1),
        ("longest-single-shot.otk1", CHUNK - 1),
        ("full-chunk-and-empty-last.otk1", CHUNK),
        ("full-chunk-and-one-byte.otk1", CHUNK + 1),
        (THREE, 2 * CHUNK + 7000),
    ] {
        let body = pattern(length);
        made.opens(name, sealed(&prefix(), &body, OURS), OURS, &body);
    }
    let json = prefix_of(&with_member(r#""note":"a member that nobody knows""#));
    made.opens("unknown-member.otk1", sealed(&json, &pattern(3), OURS), OURS, &pattern(3));
    let place = Place { of: THREE, key: OURS, prefix: "", enc: prefix().len(), first: ENC };
    edits(made, &place, "Sealed");
    for (name, mode, why) in [("mode-0", 0, "Mode"), ("as-mode-2", 2, "Sealed")] {
        made.refuses_edited(name, (THREE, OURS), &json!(["set", 4, mode]), why);
    }
    made.refuses_edited("as-mode-3", (THREE, OURS), &json!(["set", 4, 3]), "Commitment");
    made.no_byte_of(ONE_BYTE, OURS, &[(0, made.files[ONE_BYTE].len())]);
    for (name, envelope, why) in bad() {
        made.refuses(name, envelope, OURS, why);
    }
    post_quantum(made);
}

/// The same for the hybrid KEM.
fn post_quantum(made: &mut Made) {
    let prefix = format::prefix(Mode::Direct, &header(PQ)).unwrap();
    for (name, length) in
        [(PQ_SMALL, 3), ("pq-longest-single-shot.otk1", CHUNK - 1), (PQ_THREE, 2 * CHUNK + 7000)]
    {
        let body = pattern(length);
        made.opens(name, sealed(&prefix, &body, PQ), PQ, &body);
    }
    let first = oracle::enc_length(PQ);
    edits(
        made,
        &Place { of: PQ_THREE, key: PQ, prefix: "pq-", enc: prefix.len(), first },
        "Sealed",
    );
    made.no_byte_of(PQ_SMALL, PQ, &[(0, prefix.len())]);

    // A sender that uses one half of the hybrid key alone.
    let mut weaker = header(PQ);
    weaker.rcpt[0].kem = Kem::X25519.id();
    let weak = format::prefix(Mode::Direct, &weaker).unwrap();
    let half: [u8; 32] = *secret(PQ).public().last_chunk().unwrap();
    let (from, until) = (Timestamp::EPOCH, Timestamp::from_seconds(1).unwrap());
    let half = RecipientKey::read(Kem::X25519, &half, from, until).unwrap();
    let to = To::Direct(&half);
    let envelope = stream::seal(&weak, Text::new(b"{}", None), &to, &mut Fixed).unwrap();
    made.refuses("pq-downgraded", envelope, PQ, "Suite");
    let mut weaker = prefix.clone();
    let place = weaker.windows(5).position(|window| window == b"25722").unwrap();
    weaker[place..place + 5].copy_from_slice(b"65535");
    made.refuses("unknown-kem", sealed(&weaker, b"{}", PQ), PQ, "Suite");

    // An encapsulated key with a point of low order: the hybrid would still agree on a secret.
    let mut low = made.files[PQ_SMALL].clone();
    let end = prefix.len() + first;
    low[end - 32..end].fill(0);
    made.refuses("pq-low-order", low, PQ, "Sealed");
}

/// Where the parts of a file of three chunks are.
pub(super) struct Place<'a> {
    pub(super) of: &'a str,
    pub(super) key: &'a str,
    /// What names in the index begin with.
    pub(super) prefix: &'a str,
    /// The place of the encapsulated key.
    pub(super) enc: usize,
    /// How far from there the first chunk begins.
    pub(super) first: usize,
}

/// Changes to an envelope of three chunks; `other` is why another encapsulated key is refused.
pub(super) fn edits(made: &mut Made, place: &Place<'_>, other: &str) {
    let length = made.files[place.of].len();
    let (enc, first) = (place.enc, place.enc + place.first);
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
        ("other-key", json!(["flip", enc]), other),
        ("other-byte-in-the-first-chunk", json!(["flip", first]), "Sealed"),
        ("other-byte-in-the-last-tag", json!(["flip", length - 1]), "Sealed"),
        ("first-chunk-gone", json!(["drop", first, second]), "Sealed"),
        ("second-chunk-gone", json!(["drop", second, third]), "Sealed"),
        ("chunks-swapped", json!(["swap", first, second, third]), "Sealed"),
    ];
    for (name, edit, why) in edits {
        let name = format!("{}{name}", place.prefix);
        made.refuses_edited(&name, (place.of, place.key), &edit, why);
    }
}

/// Envelopes that were sealed well around something bad.
fn bad() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let good = text(OURS);
    let bad_header = |json: &str| sealed(&prefix_of(json), b"{}", OURS);
    let mut flipped = sealed(&prefix(), b"{}", OURS);
    let place = flipped.windows(3).position(|window| window == b"P09").unwrap();
    flipped[place + 2] = b'1';
    let full = oracle::direct(&prefix(), &[&pattern(CHUNK)], OURS);
    let mut low_order = sealed(&prefix(), b"{}", OURS);
    low_order[prefix().len()..][..ENC].fill(0);
    vec![
        ("last-chunk-full", full, "Short"),
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
        ("low-order", low_order, "Sealed"),
        ("sha-512", bad_header(&good.replace("\"kdf\":1", "\"kdf\":3")), "Suite"),
        ("no-recipient", bad_header(&no_recipient(&good)), "Header"),
        ("without-a-partner", bad_header(&good.replace(r#""aud":"training-gb","#, "")), "Header"),
    ]
}

pub(super) fn no_recipient(json: &str) -> String {
    let start = json.find("[{").unwrap() + 1;
    format!("{}]}}", &json[..start])
}

fn prefix() -> Vec<u8> {
    format::prefix(Mode::Direct, &header(OURS)).unwrap()
}

/// A header's JSON.
fn text(to: &str) -> String {
    serde_json::to_string(&header(to)).unwrap()
}

/// The good header's JSON with something before its first member.
fn with_member(members: &str) -> String {
    text(OURS).replacen('{', &format!("{{{members},"), 1)
}

fn prefix_of(json: &str) -> Vec<u8> {
    oracle::prefix(Mode::Direct, json)
}

const ENC: usize = 32;
const ONE_BYTE: &str = "one-byte.otk1";
const THREE: &str = "three-chunks.otk1";
const PQ_SMALL: &str = "pq-three-bytes.otk1";
const PQ_THREE: &str = "pq-three-chunks.otk1";
