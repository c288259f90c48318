//! What is not as it must be is refused with its own code, and nothing of it goes any further.

use otkel::envelope::format::{Part, ReplyKey};
use otkel::envelope::{Kem, RecipientSecret};
use otkel::signing::Sign as _;
use otkel::time::{Clock as _, Timestamp};
use uuid::Uuid;

use crate::application::App;
use crate::letter::{CLIENT, HOST, Letter, Post, SIGNER, secret, signer};
use crate::world::{World, configuration, gateway};

type Case = (&'static str, u16, &'static str, Post);

#[tokio::test]
async fn an_envelope_must_be_for_this_very_request() {
    let world = World::new().await;
    let with = |change: fn(&mut Letter)| {
        let mut letter = world.letter(r#"{"iin":"580101100015"}"#);
        change(&mut letter);
        letter.post()
    };
    let other = (422, "not-for-this-request");
    for (what, (status, code), post) in [
        ("another partner", other, with(|l| l.header.aud = "training-de".into())),
        ("another gateway", other, with(|l| l.header.iss = "gw.other.kz".into())),
        ("another route", other, with(|l| l.sent.path = "/v1/other".into())),
        ("a query besides", other, with(|l| l.sent.path += "?admin=1")),
        ("another method", other, with(|l| l.sent.method = "PUT".into())),
        ("another id", other, with(|l| l.sent.id = Uuid::now_v7().to_string())),
        ("an answer", other, with(|l| l.header.st = Some(200))),
        ("the time is over", (422, "expired"), with(|l| l.header.exp = l.header.iat)),
        ("another key", (422, "unknown-kid"), with(|l| l.to = vec![(Kem::X25519, 50)])),
        ("a part by itself", (400, "bad-stream"), with(a_part)),
        ("a purpose of two lines", (422, "cannot-open"), with(|l| l.header.pur = "P\nX: y".into())),
        ("a type of two lines", (422, "cannot-open"), with(|l| l.header.cty = "a\r\nX: y".into())),
        ("no time", (422, "cannot-open"), with(|l| l.header.exp = i64::MAX)),
        ("a weak reply key", (422, "cannot-open"), with(|l| l.header.re = Some(weak()))),
        (
            "no request inside",
            (422, "bad-inner-request"),
            with(|l| {
                l.header.cty = "message/bhttp".into();
            }),
        ),
    ] {
        println!("{what}");
        world.refuses(&post, status, code).await;
    }
    world.takes().await;
}

fn a_part(letter: &mut Letter) {
    letter.header.stream = Some(Part { id: letter.header.did, n: 0, last: true });
}

fn weak() -> ReplyKey {
    let secret: RecipientSecret = secret(Kem::X25519, 1);
    let (kid, pk) = (otkel::envelope::key::kid(&[0; 32]), "A".repeat(43));
    ReplyKey { kid, pk, ..ReplyKey::of(&secret) }
}

#[tokio::test]
async fn a_request_must_be_signed_by_its_gateway_just_as_it_is() {
    let world = World::new().await;
    let post = || world.letter("{}").post();
    let by = |seed| {
        let mut letter = world.letter("{}");
        letter.sent.signer = seed;
        letter.post()
    };
    let twice = |name: &str| {
        let mut post = post();
        post.fields.push((name.to_owned(), post.value(name).to_owned()));
        post
    };
    let moved = |change: fn(&mut Post)| {
        let mut post = post();
        change(&mut post);
        post
    };
    let bad = "bad-signature";
    let id = Uuid::now_v7().to_string();
    let frames = "application/vnd.otkel.envelopes";
    let cases: [Case; 16] = [
        ("unsigned", 403, "unsigned", by(None)),
        ("somebody else's key", 403, bad, by(Some(50))),
        ("no signature", 403, bad, post().field("signature", None)),
        ("no input", 403, bad, post().field("signature-input", None)),
        ("two signatures", 403, bad, twice("signature")),
        ("two inputs", 403, bad, twice("signature-input")),
        ("no digest", 403, bad, post().field("content-digest", None)),
        ("two digests", 400, "bad-digest", twice("content-digest")),
        ("no such digest", 400, "bad-digest", post().field("content-digest", Some("md5=:AA:"))),
        ("another id", 403, bad, post().field("otkel-id", Some(&id))),
        ("another path", 403, bad, moved(|post| post.path = "/v1/other".into())),
        ("another method", 403, bad, moved(|post| post.method = "PUT".into())),
        ("as frames", 403, bad, post().field("content-type", Some(frames))),
        ("another digest", 403, bad, {
            let other = post();
            post().field("content-digest", Some(other.value("content-digest")))
        }),
        ("another body", 400, "bad-digest", moved(|post| *post.body.last_mut().unwrap() ^= 1)),
        ("the whole of another", 400, "bad-digest", Post { body: post().body, ..post() }),
    ];
    for (what, status, code, post) in cases {
        println!("{what}");
        world.refuses(&post, status, code).await;
    }
    world.takes().await;
}

#[tokio::test]
async fn a_signature_without_a_digest_covers_no_envelope() {
    let world = World::new().await;
    let letter = world.letter("{}");
    let post = letter.sent.frames([&letter.envelope()]);
    let post = Post { body: letter.envelope(), ..post };
    let post = post.field("content-type", Some("application/vnd.otkel"));
    world.refuses(&post, 403, "bad-signature").await;
}

#[tokio::test]
async fn what_is_stale_or_of_the_future_is_refused_to_the_second() {
    let world = World::new().await;
    // What was sealed before the file was made is refused for that.
    world.clock.move_by(1000);
    let now = world.clock.now().seconds();
    let at = |created: i64, iat: i64| {
        let mut letter = world.letter("{}");
        letter.sent.created = Timestamp::from_seconds(now + created).unwrap();
        letter.header.iat = now + iat;
        letter.post()
    };
    for (created, iat) in [(-330, 0), (0, -330), (31, 0), (0, 31), (-100_000, -100_000)] {
        println!("{created} {iat}");
        world.refuses(&at(created, iat), 403, "not-fresh").await;
    }
    for (created, iat) in [(-329, 0), (0, -329), (30, 30)] {
        assert_eq!(world.way.send(&at(created, iat)).await.status, 201, "{created} {iat}");
    }
}

#[tokio::test]
async fn the_head_must_say_what_it_is() {
    let world = World::new().await;
    let post = || world.letter("{}").post();
    let id = post().value("otkel-id").to_owned();
    let twice = {
        let mut post = post();
        post.fields.push(("otkel-id".to_owned(), id.clone()));
        post
    };
    let host = {
        let mut letter = world.letter("{}");
        letter.sent.host = "api.other.example".into();
        letter.post()
    };
    let media = |media: Option<&str>| post().field("content-type", media);
    let signed = "application/vnd.otkel; parts=signed";
    for (status, code, post) in [
        (400, "bad-id", post().field("otkel-id", None)),
        (400, "bad-id", post().field("otkel-id", Some("7"))),
        (400, "bad-id", post().field("otkel-id", Some(&id.to_uppercase()))),
        (400, "bad-id", post().field("otkel-id", Some(&id.replace('-', "")))),
        (400, "bad-id", twice),
        (415, "media-type", media(None)),
        (415, "media-type", media(Some("application/json"))),
        (415, "media-type", media(Some(signed))),
        (421, "other-host", host),
        (400, "bad-head", post().field("transfer-encoding", Some("chunked"))),
        (400, "bad-head", Post { path: "/v1/../admin".into(), ..post() }),
    ] {
        world.refuses(&post, status, code).await;
    }
    world.takes().await;
}

#[tokio::test]
async fn only_a_known_gateway_may_send() {
    let world = World::new().await;
    let post = world.letter("{}").post();
    let stranger = world.way_with(&world.authority.issue(&["caller.example.kz"]));
    let reply = stranger.send(&post).await;
    assert_eq!(reply.refusal(), (403, "unknown-gateway"));
    let nobody = world.way_with(&world.authority.issue_self_signed(&[CLIENT]));
    assert!(nobody.try_send(&post).await.is_none());
    assert!(world.app.asked().is_empty());
    assert_eq!(world.way.send(&post).await.status, 201);
}

#[tokio::test]
async fn a_gateway_speaks_for_itself_only() {
    let other = format!(
        "{}[[gateway]]\nname = \"gw.other.kz\"\ncertificate = \"gw-client.other.kz\"\n\
         keys = [\"{}\"]\n",
        gateway(&format!("keys = [\"{}\"]", signer(SIGNER).key())),
        signer(50).key()
    );
    let world = World::with(&other).await;
    let theirs = world.way_with(&world.authority.issue(&["gw-client.other.kz"]));
    let mut letter = world.letter("{}");
    // The first gateway's request, as it is, over the connection of the second.
    assert_eq!(theirs.send(&letter.post()).await.refusal(), (403, "bad-signature"));
    // Signed by the second, the envelope is still the first one's.
    letter.sent.signer = Some(50);
    assert_eq!(theirs.send(&letter.post()).await.refusal(), (422, "not-for-this-request"));
    world.refuses(&letter.post(), 403, "bad-signature").await;
    letter.header.iss = "gw.other.kz".into();
    assert_eq!(theirs.send(&letter.post()).await.status, 201);
    assert_eq!(world.app.asked()[0].field("otkel-gateway"), "gw.other.kz");
}

#[tokio::test]
async fn where_a_gateway_need_not_sign_all_else_is_checked() {
    let world = World::with(&gateway("signed = false")).await;
    let unsigned = |change: fn(&mut Letter)| {
        let mut letter = world.letter("{}");
        letter.sent.signer = None;
        change(&mut letter);
        letter.post()
    };
    let post = unsigned(|_| {});
    let reply = world.way.send(&post).await;
    assert_eq!(reply.status, 201);
    world.receipt(&reply, &post, None);
    world.refuses(&post, 409, "replayed").await;
    world.refuses(&unsigned(|l| l.header.iat -= 330), 403, "not-fresh").await;
    world
        .refuses(&unsigned(|l| l.sent.path = "/v1/other".into()), 422, "not-for-this-request")
        .await;
    // A signature that is there is checked all the same, and no key is known for it.
    world.refuses(&world.letter("{}").post(), 403, "bad-signature").await;
    let wrong = unsigned(|_| {}).field("content-digest", Some("sha-256=:AA==:"));
    world.refuses(&wrong, 400, "bad-digest").await;
}

#[tokio::test]
async fn what_is_no_whole_envelope_does_not_open() {
    let world = World::new().await;
    let letter = world.letter(&"x".repeat(40_000));
    let envelope = letter.envelope();
    let start = envelope.len() - (2 * 16_400 + 40_000 - 2 * 16_384 + 16);
    let mut swapped = envelope.clone();
    swapped[start..start + 2 * 16_400].rotate_left(16_400);
    let mut flags = envelope.clone();
    flags[5] = 1;
    for bytes in [
        b"{}".to_vec(),
        Vec::new(),
        envelope[..start].to_vec(),
        envelope[..start + 16_400].to_vec(),
        envelope[..start + 2 * 16_400].to_vec(),
        [&envelope[..], b"\0"].concat(),
        [&envelope[..], &envelope[..]].concat(),
        swapped,
        flags,
    ] {
        world.refuses(&letter.sent.post(bytes), 422, "cannot-open").await;
    }
    assert_eq!(world.way.send(&letter.sent.post(envelope)).await.status, 201);
}

#[tokio::test]
async fn a_refusal_says_what_to_do_and_holds_nothing_of_the_message() {
    let world = World::new().await;
    let mut letter = world.letter(r#"{"iin":"580101100015"}"#);
    letter.to = vec![(Kem::X25519, 50)];
    letter.header.p = "/v1/580101100015".into();
    letter.sent.path = letter.header.p.clone();
    let reply = world.send(&letter).await;
    let problem: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    let members: Vec<&String> = problem.as_object().unwrap().keys().collect();
    assert_eq!(members, ["code", "cure", "status", "title", "type"]);
    assert_eq!(problem["type"], "urn:otkel:partner:unknown-kid");
    assert_eq!((&problem["status"], &problem["code"]), (&422.into(), &"unknown-kid".into()));
    assert!(!String::from_utf8(reply.body).unwrap().contains("5801"));
    assert_eq!(reply.fields.iter().filter(|(_, value)| value.contains("5801")).count(), 0);
}

#[tokio::test]
async fn a_proxy_that_could_not_check_does_not_start() {
    for (from, to, why) in [
        ("taken.db", "no/such/folder/taken.db", "taken messages"),
        ("identity.key", "9.key", "identity"),
        ("private = [\"9.key\"]", "private = [\"identity.key\"]", "private key"),
        ("private = [\"9.key\"]", "private = [\"9.key\"]\nlist = \"identity.key\"", "key list"),
        ("client_ca = \"ca.pem\"", "client_ca = \"server.key\"", "authorities"),
    ] {
        let app = App::start().await;
        let text = configuration(app.address, "").replace(from, to);
        assert!(text.contains(to));
        let error = World::configured(app, &text).await.err().expect(why).to_string();
        assert!(error.contains(why), "{error}");
    }
    let (app, host) = (App::start().await, HOST);
    let text = configuration(app.address, "").replace(host, "127.0.0.1:x");
    assert!(World::configured(app, &text).await.is_err());
}
