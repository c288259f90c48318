use hpke::rand_core::{TryCryptoRng, TryRng};
use uuid::Uuid;

use super::format::{CHUNK, Recipient, TAG};
use super::*;
use crate::time::Timestamp;

/// Fixed bytes in the place of random ones, so that an envelope comes out the same every time.
struct Fixed(u8);

impl TryRng for Fixed {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from(self.0))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from(self.0))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        bytes.fill(self.0);
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}

fn secret(seed: u8) -> RecipientSecret {
    RecipientSecret::read(Kem::X25519, &[seed; 32]).unwrap()
}

fn key_of(secret: &RecipientSecret) -> RecipientKey {
    let time = |s| Timestamp::from_seconds(s).unwrap();
    RecipientKey::read(secret.kem(), secret.public(), time(0), time(4_000_000_000)).unwrap()
}

fn header(kid: &str) -> Header {
    Header {
        v: 1,
        did: Uuid::from_u128(7),
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
        rcpt: vec![Recipient::new(Kem::X25519, kid.into())],
    }
}

fn sealed(body: &[u8]) -> Vec<u8> {
    let secret = secret(9);
    let prefix = format::prefix(Mode::Direct, &header(secret.kid())).unwrap();
    direct(&prefix, body, &secret)
}

fn direct(prefix: &[u8], body: &[u8], secret: &RecipientSecret) -> Vec<u8> {
    let key = key_of(secret);
    stream::seal(prefix, Text::new(body, None), &To::Direct(&key), &mut Fixed(5)).unwrap()
}

#[test]
fn a_body_of_any_length_opens_as_it_was() {
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 200_000] {
        let body: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let envelope = sealed(&body);
        let (header, opened) = open(&envelope, &secret(9)).unwrap();
        assert_eq!(opened, body, "{length}");
        assert_eq!(header.aud, "training-gb");
        let chunks = length / CHUNK + 1;
        assert_eq!(
            envelope.len(),
            format::prefix(Mode::Direct, &header).unwrap().len() + 32 + length + chunks * TAG
        );
    }
}

#[test]
fn no_byte_can_be_changed_or_cut() {
    let envelope = sealed(b"{\"iin\":\"580101100015\"}");
    for n in 0..envelope.len() {
        let mut changed = envelope.clone();
        changed[n] ^= 1;
        assert!(open(&changed, &secret(9)).is_err(), "byte {n}");
        assert!(open(&envelope[..n], &secret(9)).is_err(), "cut at {n}");
    }
    let longer = [&envelope[..], &[0]].concat();
    assert!(open(&longer, &secret(9)).is_err());
    assert_eq!(open(&envelope, &secret(8)).unwrap_err(), BadEnvelope::Key);
}

#[test]
fn a_body_cut_at_the_edge_of_a_chunk_does_not_open() {
    let envelope = sealed(&vec![7; 3 * CHUNK + 5]);
    let chunks = envelope.len() - (3 * (CHUNK + TAG) + 5 + TAG);
    for kept in 0..3 {
        let cut = &envelope[..chunks + kept * (CHUNK + TAG)];
        assert_eq!(open(cut, &secret(9)).unwrap_err(), BadEnvelope::Short, "{kept}");
    }
    let mut swapped = envelope.clone();
    swapped[chunks..chunks + 2 * (CHUNK + TAG)].rotate_left(CHUNK + TAG);
    assert_eq!(open(&swapped, &secret(9)).unwrap_err(), BadEnvelope::Sealed);
    let mut dropped = envelope;
    dropped.drain(chunks..chunks + CHUNK + TAG);
    assert_eq!(open(&dropped, &secret(9)).unwrap_err(), BadEnvelope::Sealed);
}

#[test]
fn a_header_that_two_readers_could_read_apart_is_refused() {
    let secret = secret(9);
    let good = serde_json::to_string(&header(secret.kid())).unwrap();
    for bad in [
        good.replacen('{', r#"{"aud":"other","#, 1),
        good.replacen('{', r#"{"x":1,"\u0078":2,"#, 1),
        good.replace("\"v\":1", "\"v\":2"),
        good.replace("\"aead\":3", "\"aead\":2"),
        good.replace("]}", ",{}]}"),
        good.trim_start_matches('{').to_owned(),
    ] {
        let length = u16::try_from(bad.len()).unwrap().to_be_bytes();
        let prefix = [b"OTK1\x01\x00", &length[..], bad.as_bytes()].concat();
        let envelope = direct(&prefix, b"{}", &secret);
        assert!(open(&envelope, &secret).is_err(), "{bad}");
    }
}

#[test]
fn keys_of_low_order_are_refused() {
    let mut one = [0; 32];
    one[0] = 1;
    let order_8: [u8; 32] = data_encoding::HEXLOWER
        .decode(b"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")
        .unwrap()
        .try_into()
        .unwrap();
    for raw in [[0; 32], one, order_8] {
        let time = Timestamp::from_seconds(0).unwrap();
        assert_eq!(
            RecipientKey::read(Kem::X25519, &raw, time, time).unwrap_err(),
            BadKey::LowOrder
        );
    }
}

#[test]
fn the_key_that_became_valid_last_is_sealed_to_and_an_expired_one_never() {
    let entry = |seed: u8, nbf: i64, exp: i64| {
        let time = |s| Timestamp::from_seconds(s).unwrap();
        let entry = key::ListedKey::of(&secret(seed), time(nbf), time(exp));
        serde_json::to_string(&entry).unwrap()
    };
    let list = format!(
        r#"{{"v":1,"iss":"training-gb","seq":1,"keys":[{},{}]}}"#,
        entry(1, 0, 100),
        entry(2, 50, 200)
    );
    let keys = RecipientKeys::read(list.as_bytes(), "training-gb").unwrap();
    let at =
        |s| keys.current(Timestamp::from_seconds(s).unwrap(), Kem::X25519).map(RecipientKey::kid);
    assert_eq!(at(49), Some(secret(1).kid()));
    assert_eq!(at(50), Some(secret(2).kid()));
    assert_eq!(at(200), None);
    assert_eq!(RecipientKeys::read(list.as_bytes(), "other").unwrap_err(), BadKey::Issuer);
}
