//! Bodies that are too large, too slow, or never end.

use crate::letter::Post;
use crate::world::World;

const SHORT: &str = "[limits]\nbody_ms = 200\nstream_ms = 400\nbody_bytes_max = 100000\n";

#[tokio::test]
async fn an_envelope_beyond_the_limit_is_refused_by_its_length_alone() {
    let world = World::with(SHORT).await;
    let letter = world.letter(&"x".repeat(120_000));
    let post = letter.post();
    let mut line = world.way.connect().await;
    let head = post.head(&format!("content-length: {}", post.body.len()));
    line.write(head.as_bytes()).await.unwrap();
    assert_eq!(line.read().await.unwrap().refusal(), (413, "too-large"));
    assert!(world.app.asked().is_empty());
    let small = world.letter(&"x".repeat(90_000));
    assert_eq!(world.send(&small).await.status, 201);
}

#[tokio::test]
async fn an_envelope_beyond_the_limit_is_refused_without_a_length_too() {
    let world = World::with(SHORT).await;
    let post = world.letter(&"x".repeat(120_000)).post();
    let reply = chunked(&world, &post).await;
    assert_eq!(reply, Some((413, "too-large".to_owned())));
    assert!(world.app.asked().is_empty());
    let small = world.letter(&"x".repeat(90_000)).post();
    assert_eq!(chunked(&world, &small).await, Some((201, String::new())));
}

async fn chunked(world: &World, post: &Post) -> Option<(u16, String)> {
    let mut line = world.way.connect().await;
    let mut bytes = post.head("transfer-encoding: chunked").into_bytes();
    for chunk in post.body.chunks(10_000) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    // It may answer before it has heard all.
    let _ = line.write(&bytes).await;
    let reply = line.read().await?;
    Some((reply.status, reply.field("otkel-error").unwrap_or_default().to_owned()))
}

#[tokio::test]
async fn a_frame_beyond_the_limit_is_refused_by_its_length_alone() {
    let world = World::with(SHORT).await;
    let letter = world.letter("");
    let mut post = letter.sent.frames([]);
    post.body = 100_001_u32.to_be_bytes().to_vec();
    world.refuses(&post, 413, "too-large").await;
    post.body = u32::MAX.to_be_bytes().to_vec();
    let reply = world.way.send(&post).await;
    assert_eq!(reply.refusal(), (400, "bad-stream"));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let world = World::with(SHORT).await;
    let whole = world.letter(&"x".repeat(50_000));
    let frames = whole.sent.frames([&whole.envelope()]);
    for post in [whole.post(), frames] {
        let mut line = world.way.connect().await;
        let head = post.head(&format!("content-length: {}", post.body.len()));
        line.write(head.as_bytes()).await.unwrap();
        line.write(&post.body[..20_000]).await.unwrap();
        assert_eq!(line.read().await.unwrap().refusal(), (408, "too-slow"));
    }
    assert!(world.app.asked().is_empty());
    world.takes().await;
}

#[tokio::test]
async fn a_body_that_ends_early_is_nothing() {
    let world = World::new().await;
    let post = world.letter(&"x".repeat(50_000)).post();
    for cut in [0, 1, 20_000, post.body.len() - 1] {
        let mut line = world.way.connect().await;
        let head = post.head(&format!("content-length: {}", post.body.len()));
        line.write(head.as_bytes()).await.unwrap();
        line.write(&post.body[..cut]).await.unwrap();
        drop(line);
    }
    assert_eq!(world.way.send(&post).await.status, 201);
    assert_eq!(world.app.asked().len(), 1);
}

#[tokio::test]
async fn more_messages_than_are_allowed_are_turned_away() {
    let world = World::with("[limits]\nmessages_max = 1\n").await;
    world.app.act(crate::application::Act::Waits);
    let (way, post) = (world.way.clone(), world.letter("{}").post());
    let first = tokio::spawn(async move { way.send(&post).await });
    world.app.begun().await;
    world.refuses(&world.letter("{}").post(), 503, "busy").await;
    world.app.open();
    assert_eq!(first.await.unwrap().status, 201);
}
