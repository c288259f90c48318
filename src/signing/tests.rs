use zeroize::Zeroizing;

use super::list::SigningList;
use super::receipt::{Bytes, Expected, Receipt, Status};
use super::request::{self, BadSignature, Covered, Freshness, Message};
use super::*;
use crate::time::Timestamp;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([seed; 32]))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

fn message() -> Message<'static> {
    Message {
        method: "POST",
        target_uri: "https://api.training-gb.example/v1/enrolments",
        content_type: "application/vnd.otkel",
        id: "01a20459-4fb3-73b7-9f21-1709b2ed5b96",
        body: Covered::Digest([7; 32]),
    }
}

fn fresh(now: i64) -> Freshness {
    Freshness { now: at(now), age_max: 300, skew_max: 30 }
}

const NOW: i64 = 1_795_356_000;

#[test]
fn a_key_is_known_by_its_thumbprint() {
    // RFC 8037 appendix A.3.
    let text = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let key = VerifyKey::parse(text).unwrap();
    assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    assert_eq!(key.to_string(), text);
}

#[test]
fn a_key_of_low_order_or_none_is_not_taken() {
    assert_eq!(VerifyKey::from_bytes(&[0; 32]), Err(BadSigningKey::Weak));
    let mut one = [0; 32];
    one[0] = 1;
    assert_eq!(VerifyKey::from_bytes(&one), Err(BadSigningKey::Weak));
    assert_eq!(VerifyKey::parse("AAAA"), Err(BadSigningKey::Public));
    assert!(SigningKey::from_pem("-----BEGIN PRIVATE KEY-----\n").is_err());
}

#[test]
fn a_key_comes_back_from_its_file() {
    let pem = key(3).to_pem().unwrap();
    assert_eq!(SigningKey::from_pem(&pem).unwrap().key(), key(3).key());
    let secret = pem.lines().nth(1).unwrap();
    assert!(!format!("{:?}", key(3)).contains(secret));
}

#[test]
fn a_request_verifies_as_it_was_signed_and_in_no_other_way() {
    let key = key(1);
    let signed = request::sign(&message(), at(NOW), &key).unwrap();
    let fields = (signed.input.as_str(), signed.signature.as_str());
    let verify = |message: &Message<'_>| {
        request::verify(message, fields, [key.key()], fresh(NOW)).map(|key| key.kid().to_owned())
    };
    assert_eq!(verify(&message()).as_deref(), Ok(key.key().kid()));
    let changed = [
        Message { method: "PUT", ..message() },
        Message { target_uri: "https://api.training-gb.example/v1/others", ..message() },
        Message { content_type: "application/json", ..message() },
        Message { id: "01a20459-4fb3-73b7-9f21-1709b2ed5b97", ..message() },
        Message { body: Covered::Digest([8; 32]), ..message() },
    ];
    for other in changed {
        assert_eq!(verify(&other), Err(BadSignature::Wrong), "{other:?}");
    }
    assert_eq!(verify(&Message { body: Covered::Parts, ..message() }), Err(BadSignature::Form));
    let digest = signed.digest.clone().unwrap();
    assert_eq!(request::read_digest(&digest), Some([7; 32]));
}

#[test]
fn a_request_is_taken_for_a_short_time_only() {
    let key = key(1);
    let signed = request::sign(&message(), at(NOW), &key).unwrap();
    let fields = (signed.input.as_str(), signed.signature.as_str());
    let at = |now| request::verify(&message(), fields, [key.key()], fresh(now)).map(|_| ());
    assert_eq!(at(NOW - 31), Err(BadSignature::Future));
    assert_eq!(at(NOW - 30), Ok(()));
    assert_eq!(at(NOW + 329), Ok(()));
    assert_eq!(at(NOW + 330), Err(BadSignature::Old));
    let stranger = self::key(2);
    let other = request::verify(&message(), fields, [stranger.key()], fresh(NOW));
    assert_eq!(other, Err(BadSignature::Key));
}

#[test]
fn no_other_form_of_signature_is_read() {
    let key = key(1);
    let signed = request::sign(&message(), at(NOW), &key).unwrap();
    let input = &signed.input;
    for other in [
        input.replace("gw=", "sig1="),
        input.replace("created=1", "created=+1"),
        input.replace("created=1", "created=01"),
        input.replace(";tag=\"otk1\"", ""),
        input.replace("otk1", "otk2"),
        input.replace("ed25519", "rsa-v1_5-sha256"),
        input.replace("\"@method\" ", ""),
        input.replace("\"@method\" \"@target-uri\"", "\"@target-uri\" \"@method\""),
        format!("{input}, b=();created=1"),
        format!("{input} "),
        String::new(),
    ] {
        let fields = (other.as_str(), signed.signature.as_str());
        let verified = request::verify(&message(), fields, [key.key()], fresh(NOW));
        assert_eq!(verified, Err(BadSignature::Form), "{other}");
    }
}

fn receipt() -> Receipt {
    Receipt {
        v: 1,
        iss: "training-gb".into(),
        aud: "gw.example".into(),
        iat: NOW,
        did: uuid::Uuid::from_u128(7),
        env: Bytes::new(&[9; 32], 338),
        status: Status::Accepted,
        opened: true,
        parts: None,
        reply: None,
    }
}

fn expected() -> Expected<'static> {
    Expected {
        iss: "training-gb",
        aud: "gw.example",
        did: uuid::Uuid::from_u128(7),
        env: Bytes::new(&[9; 32], 338),
        parts: None,
        now: NOW + 2,
    }
}

#[test]
fn a_receipt_proves_what_it_says_and_nothing_else() {
    use receipt::BadReceipt::{Audience, Envelope, Id, Issuer, Jws, Parts, Payload, Time};
    let (key, other) = (key(1), key(2));
    let text = receipt().sign(&key).unwrap();
    let read = Receipt::read(&text, [other.key(), key.key()]).unwrap();
    assert_eq!(read, receipt());
    assert_eq!(read.check(&expected()), Ok(()));
    for (wrong, why) in [
        (Receipt { v: 2, ..receipt() }, Payload),
        (Receipt { iss: "learning-de".into(), ..receipt() }, Issuer),
        (Receipt { aud: "gw.other".into(), ..receipt() }, Audience),
        (Receipt { did: uuid::Uuid::nil(), ..receipt() }, Id),
        (Receipt { env: Bytes::new(&[9; 32], 339), ..receipt() }, Envelope),
        (Receipt { env: Bytes::new(&[8; 32], 338), ..receipt() }, Envelope),
        (Receipt { parts: Some(1), ..receipt() }, Parts),
        (Receipt { iat: NOW - 299, ..receipt() }, Time),
    ] {
        assert_eq!(wrong.check(&expected()), Err(why), "{wrong:?}");
    }
    assert_eq!(Receipt::read(&text, [other.key()]), Err(Jws(jws::BadJws::Key)));
    let row = format!(
        r#"[1,"training-gb","gw.example",{NOW},"{}",["{}",9],"accepted",true,null,null]"#,
        receipt().did,
        "07".repeat(32)
    );
    let row = jws::sign(receipt::TYPE, row.as_bytes(), &key).unwrap();
    assert_eq!(Receipt::read(&row, [key.key()]), Err(Payload));
    assert_eq!(Receipt::unproven(&row), Err(Payload));
    let with_more = jws::sign(receipt::TYPE, br#"{"v":1,"name":"Akhmetov"}"#, &key).unwrap();
    assert_eq!(Receipt::read(&with_more, [key.key()]), Err(Payload));
}

#[test]
fn a_jws_of_another_kind_is_refused() {
    use jws::BadJws::{Algorithm, Form, Header, Signature, Type};
    let key = key(1);
    let read = |text: &str| jws::read(text, "a+jws", [key.key()]).map(|(payload, _)| payload);
    let good = jws::sign("a+jws", b"{}", &key).unwrap();
    assert_eq!(read(&good), Ok(b"{}".to_vec()));
    let kid = key.key().kid();
    let with = |header: &str| {
        let signed = format!("{}.e30", data_encoding::BASE64URL_NOPAD.encode(header.as_bytes()));
        let signature = key.sign(signed.as_bytes()).unwrap();
        format!("{signed}.{}", data_encoding::BASE64URL_NOPAD.encode(&signature))
    };
    let before = format!(r#"{{"alg":"EdDSA","typ":"a+jws","kid":"{kid}"}}"#);
    assert!(read(&with(&before)).is_ok());
    for (header, why) in [
        (before.replace("EdDSA", "none"), Algorithm),
        (before.replace("EdDSA", "HS256"), Algorithm),
        (before.replace("a+jws", "b+jws"), Type),
        (before.replace('}', r#","crit":["x"]}"#), Header),
        (before.replace('}', r#","alg":"none"}"#), Header),
        (before.replace(r#""alg":"EdDSA","#, ""), Header),
        (format!(r#"["EdDSA","a+jws","{kid}"]"#), Header),
    ] {
        assert_eq!(read(&with(&header)), Err(why), "{header}");
    }
    let changed = good.replace(".e30.", ".e31.");
    for text in [format!("{good}="), format!("{good}."), good.replace('.', ""), changed] {
        assert_eq!(read(&text), Err(Form), "{text}");
    }
    let other = jws::sign("a+jws", b"[]", &key).unwrap();
    let (signed, _) = good.rsplit_once('.').unwrap();
    let swapped = format!("{signed}.{}", other.rsplit_once('.').unwrap().1);
    assert_eq!(read(&swapped), Err(Signature));
}

#[test]
fn a_list_is_trusted_by_the_list_before() {
    let (old, new) = (key(1), key(2));
    let list = SigningList {
        v: 1,
        iss: "gw.example".into(),
        seq: 2,
        keys: vec![
            list::Listed::new(old.key(), at(0), at(NOW + 100)),
            list::Listed::new(new.key(), at(NOW), at(NOW + 1000)),
        ],
    };
    let text = list.sign(&old).unwrap();
    let read = SigningList::read(&text, "gw.example", [old.key()]).unwrap();
    assert_eq!(read, list);
    let kids = |now| read.valid(at(now), 0).iter().map(|key| key.kid().to_owned()).collect();
    let (one, two) = (old.key().kid().to_owned(), new.key().kid().to_owned());
    let at_times: [Vec<String>; 3] = [kids(NOW - 1), kids(NOW), kids(NOW + 100)];
    assert_eq!(at_times, [vec![one.clone()], vec![one, two.clone()], vec![two]]);
    let other = SigningList::read(&text, "gw.other", [old.key()]);
    assert_eq!(other, Err(list::BadList::Issuer));
    assert!(SigningList::read(&text, "gw.example", [new.key()]).is_err());
}

#[test]
fn keys_are_rotated_without_a_meeting() {
    use list::BadList::{Changed, Jws, Older};
    let (one, two, thief) = (key(1), key(2), key(3));
    let listed = |key: &SigningKey, from, until| list::Listed::new(key.key(), at(from), at(until));
    let following = |before: Option<&SigningList>, keys, now| {
        SigningList::following(before, "gw.example", keys, at(now))
    };
    let given = [one.key().clone()];
    let next = |list: &SigningList, by: &SigningKey, before: Option<&SigningList>, now| {
        let text = list.sign(by).unwrap();
        SigningList::read_next(&text, "gw.example", (&given, before), at(now)).map(|_| ())
    };
    let refused = Err(Jws(jws::BadJws::Key));

    let first = following(None, vec![listed(&one, 0, NOW + 100)], NOW);
    assert_eq!(next(&first, &one, None, NOW), Ok(()));
    assert_eq!(next(&first, &two, None, NOW), refused);
    // The second key is announced by the first, and follows it.
    let both = vec![listed(&two, NOW + 50, NOW + 1000), listed(&one, 0, NOW + 100)];
    let second = following(Some(&first), both, NOW);
    assert_eq!((second.seq, second.keys.len()), (2, 2));
    assert_eq!(next(&second, &one, Some(&first), NOW), Ok(()));
    assert_eq!(next(&second, &two, Some(&first), NOW + 60), refused, "not announced yet");
    assert_eq!(next(&first, &one, Some(&second), NOW), Err(Older(2)));
    assert_eq!(next(&second, &one, Some(&second), NOW), Ok(()), "the same again");
    let other = SigningList { seq: 2, ..first.clone() };
    assert_eq!(next(&other, &one, Some(&second), NOW), Err(Changed));
    // The first key is over, though it was given: it signs no list any more.
    let third = following(Some(&second), vec![listed(&two, NOW + 50, NOW + 1000)], NOW + 100);
    assert_eq!(next(&third, &two, Some(&second), NOW + 100), Ok(()));
    assert_eq!(next(&third, &one, Some(&second), NOW + 100), refused);
    let stolen = following(Some(&third), vec![listed(&thief, 0, NOW + 9000)], NOW + 101);
    assert_eq!(next(&stolen, &one, Some(&third), NOW + 101), refused);
    assert_eq!(next(&stolen, &thief, Some(&third), NOW + 101), refused);
    // A key that is withdrawn before its time is over from then on.
    let early = following(Some(&second), vec![listed(&two, NOW, NOW + 1000)], NOW + 10);
    assert_eq!(early.valid(at(NOW + 11), 0), [two.key().clone()]);
    assert_eq!(next(&stolen, &one, Some(&early), NOW + 11), refused);
}
