//! Peers that make the gateway wait.

use std::time::{Duration, Instant};

use otkel::server::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

use crate::flood::h2;
use crate::world::{Client, PATIENCE, World, until};

const LIMITS: Limits = Limits {
    connections_max: 64,
    handshake_ms: 400,
    head_ms: 500,
    idle_ms: 600,
    request_ms: 900,
    connection_ms: 60_000,
    streams_max: 8,
    abandoned_max: 16,
    drain_ms: 1_000,
};

/// The connection ends at its limit, and neither before nor long after.
async fn ends_after(limit_ms: u64, begun: Instant, end: impl Future<Output = ()>) {
    timeout(PATIENCE, end).await.expect("the gateway ends the connection");
    let taken = begun.elapsed();
    let limit = Duration::from_millis(limit_ms);
    assert!(taken >= limit.mul_f32(0.9), "ended after {taken:?}, too early for {limit:?}");
    assert!(
        taken <= limit * 2 + Duration::from_secs(2),
        "ended after {taken:?}, late for {limit:?}"
    );
}

#[tokio::test]
async fn a_silent_handshake_ends() {
    let world = World::with(LIMITS).await;
    let begun = Instant::now();
    let mut stream = world.tcp().await;
    ends_after(LIMITS.handshake_ms, begun, async {
        let _ = stream.read(&mut [0; 16]).await;
    })
    .await;
}

#[tokio::test]
async fn a_dripping_handshake_ends() {
    let world = World::with(LIMITS).await;
    let begun = Instant::now();
    let mut stream = world.tcp().await;
    ends_after(LIMITS.handshake_ms, begun, async {
        // A TLS record of 512 bytes that never becomes whole.
        for byte in [0x16, 3, 1, 2, 0].into_iter().chain(std::iter::repeat(1)) {
            if stream.write_all(&[byte]).await.is_err() {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// Sends a byte now and then until the connection ends.
async fn drip(client: &mut Client, bytes: &[u8]) {
    let (mut read, mut write) = tokio::io::split(&mut client.0);
    let drip = async {
        for byte in bytes {
            if write.write_all(&[*byte]).await.is_err() || write.flush().await.is_err() {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
        std::future::pending::<()>().await;
    };
    let mut end = [0; 1024];
    tokio::select! {
        () = drip => {}
        _ = read.read(&mut end) => {}
    }
}

#[tokio::test]
async fn a_dripping_first_head_ends() {
    let world = World::with(LIMITS).await;
    let mut client = world.connect("http/1.1").await;
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "y".repeat(4_000));
    ends_after(LIMITS.head_ms, Instant::now(), drip(&mut client, head.as_bytes())).await;
    assert!(world.service.calls().is_empty());
}

#[tokio::test]
async fn a_silent_first_head_ends() {
    let world = World::with(LIMITS).await;
    let mut client = world.connect("http/1.1").await;
    ends_after(LIMITS.head_ms, Instant::now(), async {
        client.rest().await;
    })
    .await;
}

#[tokio::test]
async fn a_kept_connection_ends_though_a_second_head_drips_in() {
    let world = World::with(LIMITS).await;
    let mut client = world.connect("http/1.1").await;
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.some().await;
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "y".repeat(4_000));
    ends_after(LIMITS.idle_ms, Instant::now(), drip(&mut client, head.as_bytes())).await;
    assert_eq!(world.service.calls().len(), 1);
}

#[tokio::test]
async fn a_silent_kept_connection_ends() {
    let world = World::with(LIMITS).await;
    let mut client = world.connect("http/1.1").await;
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.some().await;
    ends_after(LIMITS.idle_ms, Instant::now(), async {
        assert_eq!(client.rest().await, "");
    })
    .await;
}

#[tokio::test]
async fn a_body_that_never_comes_ends() {
    let world = World::with(LIMITS).await;
    let mut client = world.connect("http/1.1").await;
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx").await;
    ends_after(LIMITS.request_ms, Instant::now(), async {
        client.rest().await;
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_nobody_reads_ends() {
    let world = World::with(LIMITS).await;
    let mut client = world.connect("http/1.1").await;
    let begun = Instant::now();
    client.send(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("the answer begins", || world.service.endless() == 1).await;
    ends_after(LIMITS.request_ms, begun, until("it ends", || world.service.endless() == 0)).await;
}

/// The peer is there, but opens no window for the answer.
#[tokio::test]
async fn an_h2_answer_without_a_window_ends() {
    let world = World::with(LIMITS).await;
    let mut client = world.connect("h2").await;
    let begun = Instant::now();
    client.send(&[h2::OPENING, &h2::get(1, "/endless")].concat()).await;
    until("the answer begins", || world.service.endless() == 1).await;
    ends_after(LIMITS.request_ms, begun, async {
        while world.service.endless() > 0 {
            let _ = client.try_send(&h2::pong()).await;
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_is_read_slowly_ends() {
    let world = World::with(LIMITS).await;
    let mut client = world.connect("http/1.1").await;
    client.send(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await;
    ends_after(LIMITS.request_ms, Instant::now(), async {
        let mut bytes = [0; 1024];
        while client.0.read(&mut bytes).await.is_ok_and(|length| length > 0) {
            sleep(Duration::from_millis(1)).await;
            if world.service.endless() == 0 && !world.service.calls().is_empty() {
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_silent_h2_peer_ends() {
    let world = World::with(LIMITS).await;
    let mut client = world.connect("h2").await;
    ends_after(LIMITS.head_ms, Instant::now(), async {
        client.rest().await;
    })
    .await;
}

/// It answers no PING, and a peer that is not there need not be waited for.
#[tokio::test]
async fn an_h2_peer_that_falls_silent_ends() {
    let world = World::with(LIMITS).await;
    let mut client = world.connect("h2").await;
    client.send(&[h2::OPENING, &h2::get(1, "/endless")].concat()).await;
    until("the answer begins", || world.service.endless() == 1).await;
    ends_after(
        LIMITS.idle_ms / 3 * 2,
        Instant::now(),
        until("it ends", || world.service.endless() == 0),
    )
    .await;
}

#[tokio::test]
async fn an_h2_peer_that_only_pings_ends() {
    let world = World::with(LIMITS).await;
    let mut client = world.connect("h2").await;
    client.send(&[h2::OPENING, &h2::get(1, "/")].concat()).await;
    until("the request arrives", || world.service.calls().len() == 1).await;
    ends_after(LIMITS.idle_ms, Instant::now(), async {
        let (mut read, mut write) = tokio::io::split(&mut client.0);
        let pings = async {
            loop {
                if write.write_all(&[h2::ping(), h2::pong()].concat()).await.is_err()
                    || write.flush().await.is_err()
                {
                    std::future::pending::<()>().await;
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        let mut answers = Vec::new();
        tokio::select! {
            () = pings => {}
            _ = read.read_to_end(&mut answers) => {}
        }
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_too_old_takes_no_more_requests() {
    let world = World::with(Limits { connection_ms: 300, ..LIMITS }).await;
    let mut client = world.connect("http/1.1").await;
    let begun = Instant::now();
    let mut answers = 0;
    while client.try_send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.is_ok() {
        let mut bytes = [0; 1024];
        match client.0.read(&mut bytes).await {
            Ok(length) if length > 0 => answers += 1,
            _ => break,
        }
        sleep(Duration::from_millis(20)).await;
        assert!(begun.elapsed() < PATIENCE);
    }
    assert!(answers > 2, "{answers}");
    assert!(begun.elapsed() >= Duration::from_millis(280));
}
