//! Sealed answers: `replies` lists files that are sealed to the key `reply`, the body's `length`,
//! the HTTP `status` and media type `cty`; or `why` it is not taken for an answer to `request`.

use otkel::envelope::ReplyKey;
use otkel::envelope::reply::{self, Answer, Asked};

use super::*;

pub(super) fn add(files: &mut BTreeMap<String, Vec<u8>>) -> Vec<Value> {
    let asked = request();
    let mut vectors = Vec::new();
    for (name, status, length, pad) in [
        ("reply.otk1", 200, 30, None),
        ("reply-not-found.otk1", 404, 0, None),
        ("reply-padded.otk1", 201, CHUNK, Some(Padding::Multiple(4096))),
    ] {
        let envelope = seal(&asked, status, length, pad);
        vectors.push(json!({
            "file": name, "key": KEY, "status": status, "cty": MEDIA, "length": length,
        }));
        files.insert(name.to_owned(), envelope);
    }
    for (name, request, why) in [
        ("to-another-request", Header { did: Uuid::from_u128(8), ..asked.clone() }, "Another"),
        ("of-another-path", Header { p: "/v1/grades".into(), ..asked.clone() }, "Another"),
        ("of-another-partner", Header { aud: "training-de".into(), ..asked.clone() }, "Another"),
        ("to-another-gateway", Header { iss: "gw.other".into(), ..asked.clone() }, "Another"),
    ] {
        let file = format!("bad-reply-{name}.otk1");
        files.insert(file.clone(), seal(&request, 200, 3, None));
        vectors.push(json!({"file": file, "key": KEY, "why": why}));
    }
    // The request itself is no answer, although everything in it is right.
    let swapped =
        Header { iss: asked.aud.clone(), aud: asked.iss.clone(), re: None, ..header(KEY) };
    let prefix = format::prefix(Mode::Direct, &swapped).unwrap();
    files.insert("bad-reply-without-a-status.otk1".into(), sealed(&prefix, b"{}", KEY));
    vectors.push(json!({
        "file": "bad-reply-without-a-status.otk1", "key": KEY, "why": "Status",
    }));
    vectors
}

fn request() -> Header {
    Header { re: Some(ReplyKey::of(&secret(KEY))), ..header(OURS) }
}

fn seal(request: &Header, status: u16, length: usize, pad: Option<Padding>) -> Vec<u8> {
    let answer = Answer { status, media: MEDIA.into(), body: pattern(length) };
    reply::seal(request, &answer, pad, Timestamp::EPOCH, &mut Fixed).unwrap()
}

#[test]
fn each_answer_is_one_to_its_request_or_is_refused() {
    let asked = header(OURS);
    let asked = Asked {
        did: asked.did,
        gateway: &asked.iss,
        partner: &asked.aud,
        method: &asked.m,
        path: &asked.p,
    };
    for vector in list(&frozen_index(), "replies") {
        let opened = reply::open(&read(word(vector, "file")), &key_of(vector), &asked);
        if let Some(why) = vector["why"].as_str() {
            assert_eq!(format!("{:?}", opened.unwrap_err()), why, "{vector}");
            continue;
        }
        let answer = opened.unwrap();
        assert_eq!(answer.body, pattern(answer.body.len()));
        let told = json!([answer.status, answer.media, answer.body.len()]);
        assert_eq!(told, json!([vector["status"], vector["cty"], vector["length"]]));
    }
}

#[test]
fn an_answer_goes_to_no_bad_key() {
    let answer = Answer { status: 200, media: MEDIA.into(), body: Vec::new() };
    let good = request();
    let with = |change: &dyn Fn(&mut ReplyKey)| {
        let mut request = good.clone();
        change(request.re.as_mut().unwrap());
        reply::seal(&request, &answer, None, Timestamp::EPOCH, &mut Fixed).is_ok()
    };
    assert!(with(&|_| {}));
    assert!(!with(&|key| key.kid.push('x')));
    assert!(!with(&|key| key.kem = Kem::MlKem768X25519.id()));
    assert!(!with(&|key| key.pk = "AA".into()));
    let none = header(OURS);
    assert!(reply::seal(&none, &answer, None, Timestamp::EPOCH, &mut Fixed).is_err());
}

pub(super) const KEY: &str = "reply";
const MEDIA: &str = "application/json";
