//! Envelopes that are passed on as they come, where the configuration says so.

use otkel::envelope::request::Request as Inner;
use otkel::signing::receipt::Status;

use crate::application::Act;
use crate::letter::{HOST, Letter, Post};
use crate::world::World;

const PASS: &str = "[stream]\npass = \"as-it-comes\"\n[limits]\nbody_bytes_max = 100000\n";

/// A text of more chunks than one.
fn long() -> String {
    "0123456789".repeat(20_000)
}

#[tokio::test]
async fn what_authenticates_arrives_whole_whatever_its_size() {
    let world = World::with(PASS).await;
    for text in [String::new(), "{}".to_owned(), long()] {
        let post = world.letter(&text).post();
        let reply = world.way.send(&post).await;
        assert_eq!(reply.status, 201, "{:?}", reply.refusal());
        assert_eq!(world.receipt(&reply, &post, None).status, Status::Accepted);
        let asked = world.app.asked().pop().unwrap();
        assert_eq!(asked.body, Ok(text.into_bytes()));
        assert_eq!(asked.field("otkel-purpose"), "P09");
        world.refuses(&post, 409, "replayed").await;
    }
}

#[tokio::test]
async fn what_does_not_authenticate_to_its_end_is_cut_off() {
    let world = World::with(PASS).await;
    let text = long();
    let broken: [fn(&Letter) -> Post; 5] = [
        |letter| {
            let mut envelope = letter.envelope();
            *envelope.last_mut().unwrap() ^= 1;
            letter.sent.post(envelope)
        },
        |letter| {
            let mut envelope = letter.envelope();
            envelope.truncate(envelope.len() - 5000);
            letter.sent.post(envelope)
        },
        // Cut behind a whole chunk.
        |letter| {
            let mut envelope = letter.envelope();
            let last = letter.text.len() % 16_384 + 16;
            envelope.truncate(envelope.len() - last);
            letter.sent.post(envelope)
        },
        |letter| {
            let mut envelope = letter.envelope();
            let length = envelope.len();
            envelope[length - 20_000] ^= 1;
            letter.sent.post(envelope)
        },
        // It opens, and is not what was signed.
        |letter| Post { body: letter.envelope(), ..letter.post() },
    ];
    for (n, make) in broken.into_iter().enumerate() {
        let letter = world.letter(&text);
        let post = make(&letter);
        let reply = world.way.send(&post).await;
        let expected = if n == 4 { (400, "bad-digest") } else { (422, "cannot-open") };
        assert_eq!(reply.refusal(), expected);
        assert_eq!(reply.field("otkel-receipt"), None);
        world.app.begun().await;
        let asked = world.app.asked().pop().unwrap();
        let came = asked.body.expect_err("it ended as if it were whole");
        assert!(text.as_bytes().starts_with(&came));
        // It cannot be sent again to the end either.
        assert_eq!(world.send(&letter).await.refusal(), (409, "replayed"));
    }
}

#[tokio::test]
async fn what_is_wrong_before_the_first_piece_reaches_nobody() {
    let world = World::with(PASS).await;
    let with = |change: fn(&mut Letter)| {
        let mut letter = world.letter(&long());
        change(&mut letter);
        letter.post()
    };
    world.refuses(&with(|l| l.header.aud = "other".into()), 422, "not-for-this-request").await;
    world.refuses(&with(|l| l.header.iat -= 330), 403, "not-fresh").await;
    world.refuses(&with(|l| l.to[0].1 = 50), 422, "unknown-kid").await;
    world.refuses(&with(|l| l.sent.signer = None), 403, "unsigned").await;
    let mut first = with(|_| {});
    first.body[1000] ^= 1;
    world.refuses(&first, 422, "cannot-open").await;
    let small = {
        let letter = world.letter("{}");
        let mut envelope = letter.envelope();
        envelope.pop();
        letter.sent.post(envelope)
    };
    world.refuses(&small, 422, "cannot-open").await;
}

#[tokio::test]
async fn a_request_inside_is_still_taken_whole() {
    let world = World::with(PASS).await;
    let inner = |length: usize| {
        let inner = Inner {
            method: "PUT".into(),
            authority: HOST.into(),
            target: "/v1/x?y=1".into(),
            headers: Vec::new(),
            body: vec![b'x'; length],
        };
        let mut letter = world.letter("");
        letter.header.cty = "message/bhttp".into();
        letter.text = inner.encode();
        letter
    };
    assert_eq!(world.send(&inner(60_000)).await.status, 201);
    let asked = world.app.asked().pop().unwrap();
    assert_eq!((&*asked.line, asked.body.unwrap().len()), ("PUT /v1/x?y=1", 60_000));
    let letter = inner(60_000);
    let mut envelope = letter.envelope();
    *envelope.last_mut().unwrap() ^= 1;
    world.refuses(&letter.sent.post(envelope), 422, "cannot-open").await;
    world.refuses(&inner(120_000).post(), 413, "too-large").await;
}

#[tokio::test]
async fn a_reply_that_comes_early_is_told_with_a_receipt_for_all_of_it() {
    let world = World::with(PASS).await;
    world.app.act(Act::Says(422, Vec::new(), b"no".to_vec()));
    let post = world.letter(&long()).post();
    let reply = world.way.send(&post).await;
    assert_eq!((reply.status, &*reply.body), (422, &b"no"[..]));
    assert_eq!(world.receipt(&reply, &post, None).status, Status::Rejected);
}
