//! The signature under a request.

use otkel::signing::VerifyKey;
use otkel::signing::request::{self, BadSignature, Covered, Freshness, Message};

use super::*;

/// What a partner takes of a request to check it.
struct Heard {
    method: String,
    uri: String,
    media: String,
    id: String,
    digest: [u8; 32],
    fields: (String, String),
}

impl Heard {
    fn of(request: &Request<'_>) -> Self {
        let line: Vec<&str> = request.head.lines().next().unwrap().split(' ').collect();
        let digest = request::read_digest(request.header("content-digest")).unwrap();
        assert_eq!(digest, *Sha256::digest(&request.body));
        Self {
            method: line[0].into(),
            uri: format!("https://{}{}", request.header("host"), line[1]),
            media: request.header("content-type").into(),
            id: request.header("otkel-id").into(),
            digest,
            fields: (request.header("signature-input").into(), request.header("signature").into()),
        }
    }

    fn verify(&self, key: &VerifyKey, at: i64) -> Result<(), BadSignature> {
        let message = Message {
            method: &self.method,
            target_uri: &self.uri,
            content_type: &self.media,
            id: &self.id,
            body: Covered::Digest(self.digest),
        };
        let now = Timestamp::parse(NOON).unwrap().plus_millis(at * 1000);
        let fresh = Freshness { now, age_max: 300, skew_max: 0 };
        let fields = (&*self.fields.0, &*self.fields.1);
        request::verify(&message, fields, [key], fresh).map(drop)
    }
}

fn signing_key(world: &World) -> SigningKey {
    let pem = std::fs::read_to_string(world.folder().join("keys/signing.key")).unwrap();
    SigningKey::from_pem(&pem).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_signed_and_nothing_of_it_can_be_changed() {
    let heard = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&heard);
    let stub = Stub::answering(move |request| {
        *keep.lock().unwrap() = Some(Heard::of(request));
        with_receipt(&signed(request, |_| {}))
    });
    let world = World::plan().stub(GB, stub).start().await;
    assert_eq!(send(&world).await.status, 200);
    let key = signing_key(&world);
    let mut heard = heard.lock().unwrap().take().unwrap();
    assert_eq!(heard.uri, "https://api.training-gb.example/v1/enrolments");
    assert_eq!(heard.verify(key.key(), 0), Ok(()));
    assert_eq!(heard.verify(key.key(), 299), Ok(()));
    assert_eq!(heard.verify(key.key(), 300), Err(BadSignature::Old));
    assert_eq!(heard.verify(key.key(), -1), Err(BadSignature::Future));
    let other = SigningKey::from_seed(&Zeroizing::new([9; 32]));
    assert_eq!(heard.verify(other.key(), 0), Err(BadSignature::Key));

    let edits: [fn(&mut Heard); 6] = [
        |it| it.method = "PUT".into(),
        |it| it.uri.push('s'),
        |it| it.uri = it.uri.replace("training-gb", "training-de"),
        |it| it.media = "application/json".into(),
        |it| it.id = it.id.replace('0', "1"),
        |it| it.digest[0] ^= 1,
    ];
    for edit in edits {
        let mut changed = Heard { fields: heard.fields.clone(), ..copy(&heard) };
        edit(&mut changed);
        assert_eq!(changed.verify(key.key(), 0), Err(BadSignature::Wrong));
    }
    heard.fields.0 = heard.fields.0.replace("otk1", "otk2");
    assert_eq!(heard.verify(key.key(), 0), Err(BadSignature::Form));
}

fn copy(heard: &Heard) -> Heard {
    Heard {
        method: heard.method.clone(),
        uri: heard.uri.clone(),
        media: heard.media.clone(),
        id: heard.id.clone(),
        digest: heard.digest,
        fields: heard.fields.clone(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_cannot_take_signatures_gets_none() {
    let stub = Stub::answering(|request| {
        let head = request.head.to_lowercase();
        assert!(!head.contains("signature") && !head.contains("content-digest"), "{head}");
        with_receipt(&signed(request, |_| {}))
    });
    let plan = with_rules(World::plan().stub(GB, stub), "signed = false");
    let sent = send(&plan.start().await).await;
    assert_eq!((sent.status, status(&sent)), (200, Some("accepted")));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_that_signs_nothing_leaves() {
    let later = r#"{ file = "keys/signing.key", from = 2026-11-22T08:00:00Z }"#;
    let keys = r#"{ file = "keys/signing.key" }"#;
    let plan = || World::plan().edit(keys, later).stub(GB, Stub::that(Act::Says(WELL)));
    let world = plan().start().await;
    let sent = send(&world).await;
    sent.fails("SIGNING_KEY_UNAVAILABLE", "failed");
    assert_eq!((sent.heard, sent.receipts.len(), status(&sent)), (0, 0, None));
    world.clock.set(Timestamp::parse("2026-11-22T08:00:00Z").unwrap());
    assert_eq!(send(&world).await.status, 200, "its time has come");

    let unsigned = with_rules(plan(), "signed = false").start().await;
    assert_eq!(send(&unsigned).await.status, 200, "no key is needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_can_say_nothing_in_the_gateways_name() {
    let stub = Stub::answering(|request| {
        let heard = Heard::of(request);
        assert!(!request.head.contains("forged"), "{} {}", request.head, heard.id);
        with_receipt(&signed(request, |_| {}))
    });
    let world = World::plan().stub(GB, stub).start().await;
    let mut ask = enrol(learners(&[AIGERIM]));
    for name in ["signature", "signature-input", "content-digest", "otkel-id", "otkel-receipt"] {
        ask = ask.header(name, "forged");
    }
    assert_eq!(status(&world.send(ask).await), Some("accepted"));
}
