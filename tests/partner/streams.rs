//! Streams of envelopes: every part in its place, once, signed, and none after a break.

use otkel::signing::receipt::{Bytes, Status};
use sha2::{Digest as _, Sha256};

use crate::application::Act;
use crate::letter::{Letter, Post, Reply, SIGNER, behind};
use crate::world::{World, gateway};
use otkel::time::Clock as _;

/// The frame of a part.
fn frame(part: &Letter) -> Vec<u8> {
    part.sent.frames([&part.envelope()]).body
}

/// A stream made of these frames, signed as that of the first part.
fn stream(first: &Letter, frames: &[Vec<u8>]) -> Post {
    Post { body: frames.concat(), ..first.sent.frames([]) }
}

fn texts(world: &World) -> Vec<String> {
    let asked = world.app.asked();
    asked.into_iter().map(|asked| String::from_utf8(asked.body.unwrap()).unwrap()).collect()
}

/// How many bytes and parts were taken of a stream, and their fate.
type Taken = (Bytes, Option<u64>, Status);

/// What the receipt of a stream that ended early says.
fn taken(reply: &Reply) -> Option<Taken> {
    reply.receipt().map(|receipt| (receipt.env, receipt.parts, receipt.status))
}

fn of(frames: &[Vec<u8>], status: Status) -> Taken {
    let body = frames.concat();
    let bytes = Bytes::new(&Sha256::digest(&body).into(), body.len() as u64);
    (bytes, Some(frames.len() as u64), status)
}

#[tokio::test]
async fn a_stream_arrives_part_by_part_in_its_order() {
    let world = World::new().await;
    let parts = Letter::parts(world.clock.now(), &[b"[1]", b"[2]", b"[3]"]);
    let frames: Vec<_> = parts.iter().map(frame).collect();
    let post = stream(&parts[0], &frames);
    let reply = world.way.send(&post).await;
    assert_eq!((reply.status, &*reply.body), (201, &b"done"[..]));
    assert_eq!(world.receipt(&reply, &post, Some(3)).status, Status::Accepted);
    assert_eq!(texts(&world), ["[1]", "[2]", "[3]"]);
    let id = parts[0].header.did;
    for (n, (asked, part)) in world.app.asked().iter().zip(&parts).enumerate() {
        assert_eq!(asked.field("otkel-id"), part.header.did.to_string());
        assert_eq!(asked.field("otkel-stream"), format!("{id};n={n};last={}", u8::from(n == 2)));
    }
    world.refuses(&post, 409, "replayed").await;
}

#[tokio::test]
async fn a_stream_of_one_part_and_one_without_signatures_arrive() {
    let world = World::with(&gateway("signed = false")).await;
    let mut parts = Letter::parts(world.clock.now(), &[b"[1]"]);
    parts[0].sent.signer = None;
    let post = parts[0].sent.frames([&parts[0].envelope()]);
    let reply = world.way.send(&post).await;
    assert_eq!(reply.status, 201);
    world.receipt(&reply, &post, Some(1));
    assert_eq!(texts(&world), ["[1]"]);
}

#[tokio::test]
async fn what_is_no_whole_stream_ends_where_it_breaks() {
    let now_parts = |world: &World| {
        let parts = Letter::parts(world.clock.now(), &[b"[1]", b"[2]", b"[3]"]);
        let frames: Vec<_> = parts.iter().map(frame).collect();
        (parts, frames)
    };
    let world = World::new().await;
    let (_, other) = now_parts(&world);
    // Which of the frames are sent, how much of the last, and how many are passed on. The last
    // part is passed on only where the body ends behind it.
    let cases: [(&str, Vec<isize>, usize, usize); 11] = [
        ("nothing", vec![], 0, 0),
        ("without its end", vec![0, 1], 0, 2),
        ("without its start", vec![1, 2], 0, 0),
        ("with a gap", vec![0, 2], 0, 1),
        ("swapped", vec![1, 0, 2], 0, 0),
        ("swapped at the end", vec![0, 2, 1], 0, 1),
        ("repeated", vec![0, 0, 1, 2], 0, 1),
        ("beyond its end", vec![0, 1, 2, 2], 0, 2),
        ("cut in a frame", vec![0, 1, 2], 1, 2),
        ("cut behind a length", vec![0, 1], 300, 1),
        ("with another stream's part", vec![0, -2, 2], 0, 1),
    ];
    for (what, order, cut, passed) in cases {
        println!("{what}");
        let (parts, frames) = now_parts(&world);
        let before = world.app.asked().len();
        let frames: Vec<_> = order
            .iter()
            .map(|n| if *n < 0 { other[1].clone() } else { frames[n.unsigned_abs()].clone() })
            .collect();
        let mut post = stream(&parts[0], &frames);
        post.body.truncate(post.body.len() - cut);
        let reply = world.way.send(&post).await;
        let code = if what.contains("another") { "not-for-this-request" } else { "bad-stream" };
        assert_eq!(reply.field("otkel-error"), Some(code));
        assert_eq!(world.app.asked().len() - before, passed);
        let expected = (passed > 0).then(|| of(&frames[..passed], Status::Accepted));
        assert_eq!(taken(&reply), expected);
    }
}

#[tokio::test]
async fn each_part_is_signed_for_itself() {
    let world = World::new().await;
    for change in [
        |part: &Letter, frame: &mut Vec<u8>| {
            let length = frame.len();
            frame.truncate(length - 64);
            frame.extend(behind(50, &part.envelope()));
        },
        |_: &Letter, frame: &mut Vec<u8>| *frame.last_mut().unwrap() ^= 1,
        // The signature of another envelope by the right key.
        |part: &Letter, frame: &mut Vec<u8>| {
            let length = frame.len();
            frame.truncate(length - 64);
            frame.extend(behind(SIGNER, &part.envelope()));
        },
        |_: &Letter, frame: &mut Vec<u8>| frame[100] ^= 1,
    ] {
        let parts = Letter::parts(world.clock.now(), &[b"[1]", b"[2]", b"[3]"]);
        let mut frames: Vec<_> = parts.iter().map(frame).collect();
        change(&parts[1], &mut frames[1]);
        let before = world.app.asked().len();
        let reply = world.way.send(&stream(&parts[0], &frames)).await;
        assert_eq!(reply.refusal(), (403, "bad-signature"));
        assert_eq!(world.app.asked().len() - before, 1);
        assert_eq!(taken(&reply), Some(of(&frames[..1], Status::Accepted)));
    }
}

#[tokio::test]
async fn a_stream_whose_parts_are_not_signed_is_refused_before_any() {
    let world = World::new().await;
    let parts = Letter::parts(world.clock.now(), &[b"[1]", b"[2]"]);
    let signed = parts[0].sent.frames([]);
    let mut plain = parts[0].sent.clone();
    plain.signer = None;
    let envelopes: Vec<_> = parts.iter().map(Letter::envelope).collect();
    let body = plain.frames(&envelopes).body;
    world.refuses(&plain.frames(&envelopes), 403, "unsigned").await;
    // Under a signed head whose media type says that parts are signed, they are read as such.
    let post = Post { body: body.clone(), ..signed.clone() };
    let reply = world.way.send(&post).await;
    assert!(reply.status >= 400 && world.app.asked().is_empty(), "{:?}", reply.refusal());
    let media = "application/vnd.otkel.envelopes";
    let post = Post { body, ..signed }.field("content-type", Some(media));
    world.refuses(&post, 403, "bad-signature").await;
}

#[tokio::test]
async fn parts_of_a_stream_are_taken_once_too() {
    let world = World::new().await;
    let parts = Letter::parts(world.clock.now(), &[b"[1]", b"[2]", b"[3]"]);
    let frames: Vec<_> = parts.iter().map(frame).collect();
    let cut = world.way.send(&stream(&parts[0], &frames[..2])).await;
    assert_eq!(cut.refusal(), (400, "bad-stream"));
    let world = world.restarted().await;
    // Now all of it, and then only what did not come before: neither is taken.
    world.refuses(&stream(&parts[0], &frames), 409, "replayed").await;
    world.refuses(&stream(&parts[0], &frames[2..]), 400, "bad-stream").await;
}

#[tokio::test]
async fn a_part_that_the_application_refuses_ends_the_stream() {
    let world = World::new().await;
    for (status, means) in [(422, Status::Rejected), (500, Status::Deferred)] {
        let begun = world.app.asked().len();
        world.app.act(Act::Refuses(begun + 2, status));
        let parts = Letter::parts(world.clock.now(), &[b"[1]", b"[2]", b"[3]"]);
        let frames: Vec<_> = parts.iter().map(frame).collect();
        let reply = world.way.send(&stream(&parts[0], &frames)).await;
        assert_eq!((reply.status, reply.field("otkel-error")), (status, None));
        assert_eq!(world.app.asked().len() - begun, 2);
        assert_eq!(taken(&reply), Some(of(&frames[..2], means)));
    }
}

#[tokio::test]
async fn each_part_is_checked_as_a_message_is() {
    let world = World::new().await;
    for (change, status, code) in [
        (
            (|part| part.header.p = "/v1/other".into()) as fn(&mut Letter),
            422,
            "not-for-this-request",
        ),
        (|part| part.header.aud = "training-de".into(), 422, "not-for-this-request"),
        (|part| part.header.iat -= 330, 403, "not-fresh"),
        (|part| part.header.exp = part.header.iat, 422, "expired"),
        (|part| part.to[0].1 = 50, 422, "unknown-kid"),
        (|part| part.header.stream = None, 422, "not-for-this-request"),
    ] {
        for n in 0..2 {
            let mut parts = Letter::parts(world.clock.now(), &[b"[1]", b"[2]"]);
            change(&mut parts[n]);
            let frames: Vec<_> = parts.iter().map(frame).collect();
            let before = world.app.asked().len();
            let reply = world.way.send(&stream(&parts[0], &frames)).await;
            let is_one = n == 0 && parts[0].header.stream.is_none();
            let expected = if is_one { (400, "bad-stream") } else { (status, code) };
            assert_eq!(reply.refusal(), expected, "{n}");
            assert_eq!(world.app.asked().len() - before, n);
        }
    }
}
