//! What the application does, or does not do, and what the gateway is told of it.

use otkel::signing::receipt::Status;
use tokio::net::TcpListener;

use crate::application::{Act, App};
use crate::letter::Way;
use crate::world::{World, configuration};

const SHORT: &str = "[limits]\nreply_ms = 200\nreply_bytes_max = 1000\n";

#[tokio::test]
async fn an_application_that_is_down_is_told_of_and_the_id_stays_taken() {
    let app = App::start().await;
    // A port that nobody listens on.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let world = World::configured(app, &configuration(closed, "")).await.unwrap();
    let post = world.letter("{}").post();
    let reply = world.way.send(&post).await;
    assert_eq!(reply.refusal(), (502, "application-unreachable"));
    // Nothing of it has reached the application, and nothing will.
    assert_eq!(world.receipt(&reply, &post, None).status, Status::Rejected);
    world.refuses(&post, 409, "replayed").await;
    let app = App::start_at(closed).await;
    assert_eq!(world.way.send(&world.letter("{}").post()).await.status, 201);
    assert_eq!(app.asked().len(), 1);
}

#[tokio::test]
async fn whether_a_message_was_taken_is_left_open_where_nobody_said_so() {
    let world = World::with(SHORT).await;
    for (act, status, code) in [
        (Act::Closes, 502, "application-broke-off"),
        (Act::Hangs, 504, "application-too-slow"),
        (Act::Says(200, Vec::new(), vec![b'x'; 1001]), 502, "application-broke-off"),
        (
            Act::Says(200, vec![("content-encoding", "gzip")], vec![b'x'; 10]),
            502,
            "application-broke-off",
        ),
    ] {
        world.app.act(act);
        let post = world.letter("{}").post();
        let reply = world.way.send(&post).await;
        assert_eq!(reply.refusal(), (status, code));
        assert_eq!(world.receipt(&reply, &post, None).status, Status::Deferred, "{code}");
        world.refuses(&post, 409, "replayed").await;
    }
    // The connection to it is a new one again.
    world.app.act(Act::Says(201, Vec::new(), Vec::new()));
    world.takes().await;
}

#[tokio::test]
async fn a_gateway_that_hangs_up_does_not_stop_what_was_taken() {
    let world = World::new().await;
    world.app.act(Act::Waits);
    let post = world.letter("{}").post();
    let mut line = world.way.connect().await;
    line.write(&post.bytes()).await.unwrap();
    world.app.begun().await;
    drop(line);
    world.app.open();
    // The message has its receipt all the same, for the gateway to ask for again.
    let reply = loop {
        let reply = world.way.send(&post).await;
        assert_eq!(reply.refusal(), (409, "replayed"));
        if reply.field("otkel-receipt").is_some() {
            break reply;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(world.receipt(&reply, &post, None).status, Status::Accepted);
    assert_eq!(world.app.asked().len(), 1);
}

#[tokio::test]
async fn a_stop_lets_what_is_under_way_end() {
    let world = World::new().await;
    world.app.act(Act::Waits);
    let (way, post): (Way, _) = (world.way.clone(), world.letter("{}").post());
    let first = tokio::spawn(async move { way.send(&post).await });
    world.app.begun().await;
    let World { partner, app, way, .. } = world;
    let stopping = tokio::spawn(partner.stop());
    // New connections are refused from some moment on; the open request is not dropped.
    while way.try_connect().await.is_ok() {
        tokio::task::yield_now().await;
    }
    app.open();
    assert_eq!(first.await.unwrap().status, 201);
    stopping.await.unwrap();
}

#[tokio::test]
async fn health_and_counters_are_told_beside() {
    let app = App::start().await;
    let text = configuration(app.address, "");
    let text = text.replace("taken =", "status = \"127.0.0.1:0\"\ntaken =");
    let world = World::configured(app, &text).await.unwrap();
    world.takes().await;
    let mut letter = world.letter("{}");
    letter.sent.signer = None;
    world.refuses(&letter.post(), 403, "unsigned").await;
    let status = world.partner.status.unwrap();
    let ask = async |path: &str| {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(status).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    };
    assert!(ask("/health").await.starts_with("HTTP/1.1 200"));
    let counters = ask("/metrics").await;
    assert!(counters.contains("otkel_partner_messages_total{result=\"accepted\"} 1"), "{counters}");
    assert!(counters.contains("otkel_partner_messages_total{result=\"unsigned\"} 1"));
    assert!(ask("/").await.starts_with("HTTP/1.1 404"));
}
