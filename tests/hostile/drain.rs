//! Stopping, and having no room.

use std::time::{Duration, Instant};

use otkel::server::Limits;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::flood::h2;
use crate::world::{PATIENCE, World, until};

#[tokio::test]
async fn an_open_request_is_finished_and_nothing_new_begun() {
    let world = World::new().await;
    let mut idle = world.connect("http/1.1").await;
    idle.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    idle.some().await;
    let mut client = world.connect("http/1.1").await;
    client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("both requests are begun", || world.service.begun() == 2).await;

    world.shutdown.cancel();
    assert_eq!(idle.rest().await, "", "a kept connection is closed");
    assert!(TcpStream::connect(world.address).await.is_err(), "the port is closed");
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nanswer"), "{answer}");
    timeout(PATIENCE, world.served).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_open_h2_request_is_finished() {
    let world = World::new().await;
    let mut client = world.connect("h2").await;
    client.send(&[h2::OPENING, &h2::get(1, "/slow")].concat()).await;
    until("the request is begun", || world.service.begun() == 1).await;
    world.shutdown.cancel();
    // Two GOAWAY frames frame the end: the second follows the answer to the gateway's PING.
    let mut answer = client.some().await.into_bytes();
    while !answer.windows(6).any(|part| part == b"answer") {
        client.send(&h2::frame(6, 1, 0, &[0x0b, 0x7b, 0xa2, 0xf0, 0x8b, 0x9b, 0xfe, 0x54])).await;
        answer.extend(client.some().await.into_bytes());
    }
    timeout(PATIENCE, world.served).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_request_that_does_not_end_is_dropped_in_time() {
    let world = World::with(Limits { drain_ms: 400, ..Limits::default() }).await;
    let mut one = world.connect("http/1.1").await;
    one.send(b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut other = world.connect("h2").await;
    other.send(&[h2::OPENING, &h2::get(1, "/never")].concat()).await;
    let _silent = world.connect("h2").await;
    let _unshaken = world.tcp().await;
    until("the requests are begun", || world.service.begun() == 2).await;
    let begun = Instant::now();
    world.shutdown.cancel();
    timeout(PATIENCE, world.served).await.expect("the listener ends").unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(390), "{:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn one_connection_too_many_is_closed_at_once() {
    let world = World::with(Limits { connections_max: 2, ..Limits::default() }).await;
    let one = world.connect("http/1.1").await;
    let mut two = world.connect("http/1.1").await;
    for _ in 0..20 {
        let mut stream = world.tcp().await;
        let end = timeout(Duration::from_secs(2), stream.read(&mut [0; 16])).await;
        assert!(matches!(end.expect("closed at once"), Ok(0) | Err(_)));
    }
    two.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(two.some().await.starts_with("HTTP/1.1 200 OK\r\n"), "those inside are served");
    drop(one);
    for _ in 0..100 {
        if world.try_connect("http/1.1").await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the place is not given back");
}
