//! The kit's other examples: signatures under requests, receipts, sealed answers, streams of parts.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use getrandom::SysRng;
use hpke::rand_core::UnwrapErr;
use otkel::envelope::format::{Mode, Part};
use otkel::envelope::pad::Text;
use otkel::envelope::reply::{self, Answer, Asked};
use otkel::envelope::stream::{self, To};
use otkel::envelope::{Header, Kem, RecipientKey, RecipientSecret, ReplyKey, format, frames};
use otkel::gateway::SystemClock;
use otkel::signing::receipt::{Bytes, Expected, Receipt, Status};
use otkel::signing::request::{self, Covered, Message, Signed};
use otkel::signing::{Sign as _, SigningKey, VerifyKey};
use otkel::time::{Clock as _, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::cases::{self, REQUEST};
use super::tools::LANGUAGES;
use super::{fresh_folder, sha256};

#[test]
fn requests_of_the_gateway_are_told_from_all_others() {
    let folder = fresh_folder("signed");
    let body = b"what is sealed";
    let (sent, other) = (folder.join("body"), folder.join("other"));
    fs::write(&sent, body).unwrap();
    fs::write(&other, b"what is sealeD").unwrap();
    let (ours, theirs) = (key(1), key(2));
    let now = SystemClock.now();
    let covered = Covered::Digest(Sha256::digest(body).into());
    let good = signed(&ours, covered, now);
    let job = |signed: &Signed, file: &Path, change: [&str; 2]| {
        let mut job = json!({
            "do": "verify", "method": "POST", "url": URL, "body": file,
            "keys": {ours.key().kid(): ours.key().to_string()},
            "headers": {
                "content-type": MEDIA, "otkel-id": REQUEST[4],
                "content-digest": signed.digest.as_deref().unwrap_or_default(),
                "signature-input": signed.input, "signature": signed.signature,
            },
        });
        match change {
            ["", _] => {}
            [member @ ("method" | "url"), value] => job[member] = value.into(),
            [header, value] => job["headers"][header] = value.into(),
        }
        job
    };
    let old = signed(&ours, covered, now.plus_millis(-400_000));
    let early = signed(&ours, covered, now.plus_millis(400_000));
    let mut uncovered = signed(&ours, Covered::Parts, now);
    uncovered.digest.clone_from(&good.digest);
    let another_digest = signed(&ours, Covered::Digest([7; 32]), now).digest.unwrap();
    let unchanged = ["", ""];
    let stream = signed_as(frames::MEDIA_TYPE_SIGNED, &ours, Covered::Parts, now);
    let mut parts = job(&stream, &sent, ["content-type", frames::MEDIA_TYPE_SIGNED]);
    parts["body"] = Value::Null;
    let mut no_stream = job(&uncovered, &sent, unchanged);
    no_stream["body"] = Value::Null;
    let jobs = [
        job(&good, &sent, unchanged),
        parts,
        no_stream,
        job(&stream, &sent, ["content-type", frames::MEDIA_TYPE_SIGNED]),
        job(&good, &other, unchanged),
        job(&good, &sent, ["method", "PUT"]),
        job(&good, &sent, ["url", "https://partner.example/v1/other"]),
        job(&good, &sent, ["content-type", "application/json"]),
        job(&good, &sent, ["otkel-id", "01920000-0000-7000-8000-000000000008"]),
        job(&good, &sent, ["content-digest", &another_digest]),
        job(&good, &sent, ["signature", &old.signature]),
        job(&good, &sent, ["signature-input", &good.input.replace("otk1", "otk2")]),
        job(&signed(&theirs, covered, now), &sent, unchanged),
        job(&old, &sent, unchanged),
        job(&early, &sent, unchanged),
        job(&uncovered, &sent, unchanged),
    ];
    for (name, told) in talk(&folder, &jobs) {
        assert_eq!(told[..2], [ours.key().kid(); 2], "{name}");
        for (n, told) in told.iter().enumerate().skip(2) {
            assert!(told.starts_with("refused: "), "{name}: {n}: {told}");
        }
    }
}

#[test]
fn a_receipt_is_taken_by_the_gateway() {
    let folder = fresh_folder("receipt");
    let (body, reply, pem) = (folder.join("body"), folder.join("reply"), folder.join("identity"));
    fs::write(&body, b"what is sealed").unwrap();
    fs::write(&reply, b"what is answered").unwrap();
    let identity = key(3);
    fs::write(&pem, identity.to_pem().unwrap().as_bytes()).unwrap();
    let job = |status: &str, reply: Value, parts: Option<u64>| {
        json!({
            "do": "receipt", "key": pem, "iss": REQUEST[1], "aud": REQUEST[0], "did": REQUEST[4],
            "body": body, "status": status, "reply": reply, "parts": parts,
        })
    };
    let jobs = [job("accepted", json!(reply), None), job("rejected", Value::Null, Some(3))];
    let bytes = |data: &[u8]| Bytes::new(&Sha256::digest(data).into(), data.len() as u64);
    for (name, told) in talk(&folder, &jobs) {
        let read = |n: usize| Receipt::read(&told[n], [identity.key()]).expect(&told[n]);
        let expected = |parts| Expected {
            iss: REQUEST[1],
            aud: REQUEST[0],
            did: did(),
            env: bytes(b"what is sealed"),
            parts,
            now: SystemClock.now().seconds(),
        };
        for (n, status, parts) in [(0, Status::Accepted, None), (1, Status::Rejected, Some(3))] {
            assert_eq!(read(n).check(&expected(parts)), Ok(()), "{name}");
            assert_eq!(read(n).status, status, "{name}");
        }
        assert_eq!(read(0).reply, Some(bytes(b"what is answered")), "{name}");
        assert_eq!(read(1).reply, None, "{name}");
    }
}

#[test]
fn a_sealed_answer_opens_at_the_gateway() {
    let folder = fresh_folder("reply");
    for kem in [Kem::X25519, Kem::MlKem768X25519] {
        let reply_key = RecipientSecret::read(kem, &[13; 32]).unwrap();
        let re = Some(ReplyKey::of(&reply_key));
        let envelope = folder.join("envelope");
        fs::write(&envelope, sealed(&Header { re, ..header() }, b"a question")).unwrap();
        for length in [0, 16383, 16384, 40000] {
            let (body, to) = (folder.join("body"), folder.join("to"));
            fs::write(&body, cases::pattern(length)).unwrap();
            let job = json!({
                "do": "reply", "envelope": envelope, "status": 201, "media": "text/plain",
                "body": body, "to": to,
            });
            for (name, told) in talk(&folder, &[job]) {
                // Python's library has no context for the other KEM.
                if name == "Python" && kem != Kem::X25519 {
                    assert!(told[0].starts_with("refused: "), "{}", told[0]);
                    continue;
                }
                let answer = fs::read(to.with_extension(name)).expect(&told[0]);
                let answer = reply::open(&answer, &reply_key, &ASKED);
                let body = cases::pattern(length);
                let expected = Answer { status: 201, media: "text/plain".into(), body };
                assert!(answer == Ok(expected), "{name}: {kem:?}, {length} bytes");
            }
        }
    }
}

#[test]
fn a_stream_opens_part_by_part_to_its_last() {
    let folder = fresh_folder("parts");
    let by = key(1);
    let part = |n: u64, id: Uuid| {
        let stream = Some(Part { id, n, last: n == 2 });
        let did = Uuid::from_u128(id.as_u128() + u128::from(n));
        let body = cases::pattern(usize::try_from(n).unwrap() * 9000);
        sealed(&Header { did, stream, ..header() }, &body)
    };
    let [first, second, last] = [0, 1, 2].map(|n| part(n, did()));
    let alien = part(1, Uuid::from_u128(5));
    let orders: [&[&Vec<u8>]; 8] = [
        &[&first, &second, &last],
        &[],
        &[&first, &second],
        &[&first, &last],
        &[&second, &last],
        &[&first, &second, &second, &last],
        &[&first, &second, &last, &last],
        &[&first, &alien, &last],
    ];
    let pem = cases::write_key(&folder, "x25519");
    let mut jobs = Vec::new();
    let mut add = |frames: &[u8], by: Option<String>| {
        let file = folder.join(format!("{}.otk1s", jobs.len()));
        fs::write(&file, frames).unwrap();
        jobs.push(json!({
            "do": "parts", "body": file, "key": pem, "request": REQUEST, "by": by,
        }));
    };
    let frame = |envelope: &&Vec<u8>, signer: Option<&SigningKey>| {
        let signature =
            signer.map(|key| key.sign(&request::part(&Sha256::digest(envelope).into())).unwrap());
        frames::frame(envelope, signature.as_ref()).unwrap()
    };
    let stream = |parts: &[&Vec<u8>], signer: Option<&SigningKey>| {
        parts.iter().flat_map(|part| frame(part, signer)).collect::<Vec<u8>>()
    };
    let signer = Some(by.key().to_string());
    add(&stream(orders[0], Some(&by)), signer.clone());
    for order in orders {
        add(&stream(order, None), None);
    }
    add(&stream(orders[0], Some(&key(2))), signer.clone());
    add(&stream(orders[0], None), signer);
    let whole = stream(orders[0], None);
    add(&whole[..whole.len() - 1], None);
    let bodies = [0, 9000, 18000].map(|length| sha256(&cases::pattern(length))).join(" ");
    for (name, told) in talk(&folder, &jobs) {
        assert_eq!(told[..2], [bodies.clone(), bodies.clone()], "{name}");
        for (n, told) in told.iter().enumerate().skip(2) {
            assert!(told.starts_with("refused: "), "{name}: {n}: {told}");
        }
    }
}

/// Sees that each language takes a request, as it was heard, for one of a key.
pub(crate) fn is_signed(heard: &BTreeMap<String, String>, body: &Path, key: &VerifyKey) {
    let job = json!({
        "do": "verify", "method": heard["method"], "body": body, "headers": heard,
        "url": format!("https://{}{}", heard["host"], heard["path"]),
        "keys": {key.kid(): key.to_string()},
    });
    for (name, told) in talk(&fresh_folder("heard"), &[job]) {
        assert_eq!(told, [key.kid()], "{name}");
    }
}

/// Has every language that has the examples do the jobs; what each tells of each, in order.
fn talk(folder: &Path, jobs: &[Value]) -> Vec<(&'static str, Vec<String>)> {
    let list = folder.join("jobs");
    let lines: Vec<String> = jobs.iter().map(Value::to_string).collect();
    fs::write(&list, lines.join("\n")).unwrap();
    let told = LANGUAGES.iter().filter_map(|language| Some((language.name, language.talk(&list)?)));
    let told: Vec<_> = told.collect();
    for (name, lines) in &told {
        assert_eq!(lines.len(), jobs.len(), "{name}");
    }
    told
}

fn signed(by: &SigningKey, body: Covered, now: Timestamp) -> Signed {
    signed_as(MEDIA, by, body, now)
}

fn signed_as(content_type: &str, by: &SigningKey, body: Covered, now: Timestamp) -> Signed {
    let id = REQUEST[4];
    let message = Message { method: "POST", target_uri: URL, content_type, id, body };
    request::sign(&message, now, by).unwrap()
}

fn sealed(header: &Header, body: &[u8]) -> Vec<u8> {
    let secret = cases::secret("x25519");
    let time = Timestamp::EPOCH;
    let key = RecipientKey::read(secret.kem(), secret.public(), time, time).unwrap();
    let prefix = format::prefix(Mode::Direct, header).unwrap();
    let random = &mut UnwrapErr(SysRng);
    stream::seal(&prefix, Text::new(body, None), &To::Direct(&key), random).unwrap()
}

fn header() -> Header {
    let recipient = format::Recipient::new(Kem::X25519, cases::secret("x25519").kid().into());
    cases::header(&[recipient], false)
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([seed; 32]))
}

fn did() -> Uuid {
    REQUEST[4].parse().unwrap()
}

const URL: &str = "https://partner.example/v1/enrolments";
const MEDIA: &str = "application/vnd.otkel";
const ASKED: Asked<'static> = Asked {
    did: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0007),
    gateway: REQUEST[0],
    partner: REQUEST[1],
    method: REQUEST[2],
    path: REQUEST[3],
};
