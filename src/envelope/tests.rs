use hpke::rand_core::{TryCryptoRng, TryRng};
use uuid::Uuid;

use proptest::prelude::*;

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

/// The members of an object in a row, as serde would take them too.
fn in_a_row(value: &mut serde_json::Value) {
    let members = std::mem::take(value.as_object_mut().unwrap());
    let order = ["kid", "kem", "kdf", "aead", "pk"].into_iter();
    *value = order.filter_map(|name| members.get(name).cloned()).collect();
}

#[test]
fn a_header_is_an_object_and_so_is_each_in_it() {
    let kid = secret(9).kid().to_owned();
    let re = ReplyKey::of(&secret(3));
    let header = Header { re: Some(re), ..header(&kid) };
    let with = |edit: fn(&mut serde_json::Value)| {
        let mut value = serde_json::to_value(&header).unwrap();
        edit(&mut value);
        let json = value.to_string();
        let length = u16::try_from(json.len()).unwrap().to_be_bytes();
        let prefix = [b"OTK1\x01\0".as_slice(), &length, json.as_bytes()].concat();
        open(&direct(&prefix, b"body", &secret(9)), &secret(9)).map(drop)
    };
    assert_eq!(with(|_| {}), Ok(()));
    assert_eq!(with(|value| value["later"] = serde_json::json!([[1], {}])), Ok(()));
    let bad = [
        with(|value| in_a_row(&mut value["rcpt"][0])),
        with(|value| in_a_row(&mut value["re"])),
        with(|value| value["stream"] = serde_json::json!([value["did"], 0, true])),
        with(|value| {
            let names = ["v", "did", "iss", "aud", "m", "p", "cty", "iat", "pur", "exp", "onw"];
            let mut row: Vec<_> = names.iter().map(|name| value[*name].clone()).collect();
            let none = serde_json::Value::Null;
            row.extend([none.clone(), false.into(), none.clone(), none, value["rcpt"].clone()]);
            *value = row.into();
        }),
    ];
    assert_eq!(bad, [Err(BadEnvelope::Header); 4]);
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

/// An envelope for the first of these seeds, and perhaps for others.
fn sealed_to(mode: Mode, kem: Kem, body: &[u8], pad: Option<Padding>) -> Vec<u8> {
    let secrets = [9, 10, 11].map(|seed| RecipientSecret::read(kem, &[seed; 32]).unwrap());
    let keys = secrets.each_ref().map(key_of);
    let kept = Kept::new(Keeping { seconds: 60, messages: 10 });
    let mut random = Fixed(5);
    let to = match mode {
        Mode::Direct => To::Direct(&keys[0]),
        Mode::Wrapped => To::Wrapped(keys.iter().collect()),
        Mode::Kept => To::Kept(kept.context(&keys[0], Timestamp::EPOCH, &mut random).unwrap()),
    };
    let header = Header { pad: pad.is_some(), rcpt: to.recipients(), ..header("") };
    let prefix = format::prefix(mode, &header).unwrap();
    stream::seal(&prefix, Text::new(body, pad), &to, &mut random).unwrap()
}

/// Opens what comes in pieces; the sizes come again and again.
fn piece_by_piece(envelope: &[u8], sizes: &[usize], key: &RecipientSecret) -> (Vec<u8>, bool) {
    let mut opener = Opener::new(std::slice::from_ref(key));
    let (mut rest, mut sizes) = (envelope, sizes.iter().cycle());
    let mut body = Vec::new();
    loop {
        match opener.next() {
            Ok(Next::More) if rest.is_empty() => opener.end(),
            Ok(Next::More) => {
                let (piece, after) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
                opener.push(piece);
                assert!(opener.buffer.len() <= piece.len() + CHUNK + 8192 + 16 * 1200);
                rest = after;
            }
            Ok(Next::Text(text)) => {
                assert!(!text.is_empty() && text.len() <= CHUNK);
                body.extend_from_slice(&text);
            }
            Ok(Next::Whole) => {
                assert_eq!(opener.next(), Ok(Next::Whole));
                assert_eq!(opener.header().unwrap().aud, "training-gb");
                return (body, true);
            }
            Err(why) => {
                assert_eq!(opener.next(), Err(why));
                return (body, false);
            }
        }
    }
}

fn modes() -> impl Strategy<Value = (Mode, Kem)> {
    // The hybrid KEM is slow without optimisation.
    let kem = prop_oneof![7 => Just(Kem::X25519), 1 => Just(Kem::MlKem768X25519)];
    (prop::sample::select(&Mode::ALL[..]), kem)
}

fn paddings() -> impl Strategy<Value = Option<Padding>> {
    let multiple = (1_u32..50_000).prop_map(|of| Some(Padding::Multiple(of)));
    prop_oneof![Just(None), Just(Some(Padding::Padme)), multiple]
}

/// Bodies of any length, many of which look like padding.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![4 => Just(0_u8), 2 => Just(0x80), 1 => any::<u8>()];
    let edge = (0_usize..3, -3_isize..4)
        .prop_map(|(chunks, off)| (chunks * CHUNK).saturating_add_signed(off));
    let length = prop_oneof![0_usize..40, edge];
    (length, prop::collection::vec(byte, 1..40))
        .prop_map(|(length, part)| part.into_iter().cycle().take(length).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_is_sealed_opens_however_it_comes(
        (mode, kem) in modes(),
        body in bodies(),
        pad in paddings(),
        sizes in prop::collection::vec(1_usize..40_000, 1..4),
    ) {
        let envelope = sealed_to(mode, kem, &body, pad);
        let key = RecipientSecret::read(kem, &[9; 32]).unwrap();
        prop_assert!(open(&envelope, &key).unwrap().1 == body);
        prop_assert!(piece_by_piece(&envelope, &sizes, &key) == (body, true));
    }

    #[test]
    fn what_is_cut_never_comes_out_as_whole(
        (mode, kem) in modes(),
        body in bodies(),
        pad in paddings(),
        keep in any::<prop::sample::Index>(),
        at_an_edge in any::<bool>(),
    ) {
        let envelope = sealed_to(mode, kem, &body, pad);
        let key = RecipientSecret::read(kem, &[9; 32]).unwrap();
        let chunks = envelope.len() / (CHUNK + TAG);
        let last = envelope.len() - chunks * (CHUNK + TAG);
        let keep = if at_an_edge && chunks > 0 {
            last + keep.index(chunks) * (CHUNK + TAG)
        } else {
            keep.index(envelope.len())
        };
        let (text, is_whole) = piece_by_piece(&envelope[..keep], &[30_000], &key);
        prop_assert!(!is_whole && body.starts_with(&text));
        prop_assert!(open(&envelope[..keep], &key).is_err());
    }

    #[test]
    fn what_is_changed_gives_nothing_but_the_chunks_before(
        mode in prop::sample::select(&Mode::ALL[..]),
        body in bodies(),
        pad in paddings(),
        place in any::<prop::sample::Index>(),
        bit in 0_u32..8,
    ) {
        let mut envelope = sealed_to(mode, Kem::X25519, &body, pad);
        let start = format::prefix_length(&envelope).unwrap() + 80;
        let place = place.index(envelope.len());
        envelope[place] ^= 1 << bit;
        let (text, is_whole) = piece_by_piece(&envelope, &[CHUNK], &secret(9));
        // What is wrapped for the others is theirs to check.
        let is_anothers = mode == Mode::Wrapped && (start..start + 160).contains(&place);
        prop_assert_eq!(is_whole, is_anothers);
        prop_assert!(body.starts_with(&text));
    }
}

#[test]
fn a_padded_length_is_the_next_of_its_series() {
    let of = |padding| move |length: usize| Text::new(&vec![1; length], Some(padding)).length;
    let by_16 = of(Padding::Multiple(16));
    assert_eq!([0, 14, 15, 16, 31].map(by_16), [16, 16, 16, 32, 32]);
    assert_eq!([0, 7].map(of(Padding::Multiple(0))), [1, 8]);
    let padme = of(Padding::Padme);
    let lengths = [0, 1, 7, 8, 15, 16, 99, 999, 9_999, 100_000];
    assert_eq!(lengths.map(padme), [1, 2, 8, 10, 16, 18, 104, 1_024, 10_240, 100_352]);
    for length in (0..200_000).step_by(997) {
        let padded = padme(length);
        assert!(padded > length && (padded - length - 1) * 100 <= 12 * (length + 1), "{length}");
    }
}

#[test]
fn a_kept_context_serves_its_time_its_messages_and_its_key_only() {
    let (a, b) = (key_of(&secret(1)), key_of(&secret(2)));
    let kept = Kept::new(Keeping { seconds: 60, messages: 3 });
    let mut seed = 0;
    let mut context = |key, second| {
        seed += 1;
        let now = Timestamp::from_seconds(second).unwrap();
        kept.context(key, now, &mut Fixed(seed)).unwrap().enc.clone()
    };
    let first = context(&a, 100);
    assert_eq!([context(&a, 159), context(&a, 100)], [first.clone(), first.clone()]);
    let second = context(&a, 101);
    assert_ne!(second, first, "three messages are over");
    assert_eq!(context(&a, 160), second);
    let third = context(&a, 161);
    assert_ne!(third, second, "sixty seconds are over");
    let fourth = context(&a, 160);
    assert_ne!(fourth, third, "the clock was set back");
    let fifth = context(&b, 160);
    assert_ne!(fifth, fourth, "another key");
    assert_ne!(context(&a, 160), fourth, "what was replaced does not come back");
}

#[test]
fn a_kept_context_that_is_over_is_forgotten() {
    let kept = Kept::new(Keeping { seconds: 60, messages: 3 });
    let at = |second| Timestamp::from_seconds(second).unwrap();
    let context = kept.context(&key_of(&secret(1)), at(100), &mut Fixed(1)).unwrap();
    kept.forget(at(159));
    assert_eq!(std::sync::Arc::strong_count(&context), 2);
    kept.forget(at(160));
    assert_eq!(std::sync::Arc::strong_count(&context), 1);
}

#[test]
fn messages_under_one_context_share_nothing_but_it() {
    let key = key_of(&secret(9));
    let kept = Kept::new(Keeping { seconds: 60, messages: 10 });
    let prefix = format::prefix(Mode::Kept, &header(secret(9).kid())).unwrap();
    let seal = |salt| {
        let context = kept.context(&key, Timestamp::EPOCH, &mut Fixed(7)).unwrap();
        let text = Text::new(b"{}", None);
        stream::seal(&prefix, text, &To::Kept(context), &mut Fixed(salt)).unwrap()
    };
    let [one, two] = [seal(1), seal(2)];
    let (enc, rest) = one[prefix.len()..].split_at(32);
    assert_eq!(enc, &two[prefix.len()..][..32]);
    let other = &two[prefix.len() + 32..];
    assert_ne!(rest[24..56], other[24..56], "the commitment");
    assert_ne!(rest[56..], other[56..], "the same body under another key");
    let mixed = [&one[..prefix.len() + 32 + 56], &other[56..]].concat();
    assert_eq!(open(&mixed, &secret(9)).unwrap_err(), BadEnvelope::Sealed);
}

#[test]
fn a_partner_with_keys_of_a_weaker_kem_alone_gets_nothing() {
    let time = |s| Timestamp::from_seconds(s).unwrap();
    let list = |entries: &[key::ListedKey]| {
        let entries = serde_json::to_string(entries).unwrap();
        let json = format!(r#"{{"v":1,"iss":"training-gb","seq":1,"keys":{entries}}}"#);
        RecipientKeys::read(json.as_bytes(), "training-gb").unwrap()
    };
    let strong = RecipientSecret::read(Kem::MlKem768X25519, &[3; 32]).unwrap();
    let old = key::ListedKey::of(&strong, time(0), time(100));
    let weak = key::ListedKey::of(&secret(1), time(50), time(200));
    let both = list(&[old.clone(), weak.clone()]);
    let sealing = Sealing { kem: Kem::MlKem768X25519, ..Sealing::default() };
    let to = |keys: &RecipientKeys, second| {
        sealing.to(keys, time(second), &mut Fixed(1)).map(|to| to.recipients())
    };
    assert_eq!(to(&both, 99).unwrap()[0].kid, strong.kid());
    assert_eq!(to(&both, 100), Err(NoKey::Expired), "only the weaker key is left");
    let also = Sealing { also: vec![&both], ..sealing.clone() };
    let wrapped = also.to(&both, time(10), &mut Fixed(1)).unwrap();
    assert_eq!((wrapped.mode(), wrapped.recipients().len()), (Mode::Wrapped, 2));
    let weak = list(&[weak]);
    let also = Sealing { also: vec![&weak], ..sealing.clone() };
    assert!(matches!(also.to(&both, time(60), &mut Fixed(1)), Err(NoKey::Expired)));
    let kept = Kept::new(Keeping { seconds: 1, messages: 1 });
    let twice = Sealing { kept: Some(&kept), also: vec![&both], ..sealing.clone() };
    assert!(matches!(twice.to(&both, time(10), &mut Fixed(1)), Err(NoKey::Unusable)));
}

#[test]
fn secrets_are_not_shown() {
    for kem in Kem::ALL {
        let secret = RecipientSecret::read(kem, &[0x5a; 32]).unwrap();
        let shown = format!("{secret:?}");
        assert_eq!(shown, format!("RecipientSecret {{ kid: \"{}\", .. }}", secret.kid()));
    }
    let kept = Kept::new(Keeping { seconds: 1, messages: 1 });
    let context = kept.context(&key_of(&secret(1)), Timestamp::EPOCH, &mut Fixed(1)).unwrap();
    assert!(format!("{kept:?} {context:?}").len() < 150);
}
