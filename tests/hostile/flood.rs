//! HTTP/2 peers that send too much of something, and HTTP/2 heads that say two things.

use std::time::Duration;

use otkel::proxy::front::HeadFault;
use otkel::server::Limits;

use crate::world::{Client, World, soon, until};

/// Frames written by hand (RFC 9113, 4.1), with literal header fields (RFC 7541, 6.2.2).
pub(crate) mod h2 {
    /// The preface and an empty SETTINGS frame.
    pub(crate) const OPENING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    pub(crate) const END_STREAM: u8 = 1;
    pub(crate) const END_HEADERS: u8 = 4;

    pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
        let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
        fields
            .iter()
            .flat_map(|(name, value)| [vec![0], text(name), text(value)].concat())
            .collect()
    }

    pub(crate) fn headers(stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
        frame(1, END_STREAM | END_HEADERS, stream, &block(fields))
    }

    pub(crate) fn get(stream: u32, path: &str) -> Vec<u8> {
        headers(stream, &plain(path))
    }

    pub(crate) fn plain(path: &str) -> [(&str, &str); 4] {
        [(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", path)]
    }

    /// Asks whether the peer is there.
    pub(crate) fn ping() -> Vec<u8> {
        frame(6, 0, 0, &[7; 8])
    }

    /// Answers what the gateway's library puts into its own PING frames.
    pub(crate) fn pong() -> Vec<u8> {
        frame(6, 1, 0, &[0x3b, 0x7c, 0xdb, 0x7a, 0x0b, 0x87, 0x16, 0xb4])
    }

    pub(crate) fn reset(stream: u32) -> Vec<u8> {
        frame(3, 0, stream, &8_u32.to_be_bytes())
    }
}

/// Sends until the gateway has had enough, and tells how many pieces that took.
async fn sent_until_ended(
    client: &mut Client,
    pieces: impl Iterator<Item = Vec<u8>>,
) -> Option<usize> {
    for (number, piece) in pieces.enumerate() {
        if client.try_send(&piece).await.is_err() {
            return Some(number);
        }
    }
    None
}

#[tokio::test]
async fn a_head_that_says_two_things_is_named() {
    use HeadFault::{
        HostConflict, HostForm, HostRepeated, Method, Scheme, TargetCharacter, TargetSegment,
    };
    let world = World::new().await;
    let with = |at: usize, value| {
        let mut fields = h2::plain("/").to_vec();
        fields[at].1 = value;
        fields
    };
    let and = |more: &[(&'static str, &'static str)]| [&h2::plain("/"), more].concat();
    for (fields, fault) in [
        (h2::plain("/").to_vec(), None),
        (and(&[("host", "a")]), None),
        (and(&[("host", "b")]), Some(HostConflict)),
        (and(&[("host", "a"), ("host", "a")]), Some(HostRepeated)),
        (with(2, "u@a"), Some(HostForm)),
        (with(1, "http"), Some(Scheme)),
        (with(3, "/a/../b"), Some(TargetSegment)),
        (with(3, "//a"), Some(TargetSegment)),
        (with(3, "/%2e/a"), Some(TargetCharacter)),
        (with(0, "TRACE"), Some(Method)),
    ] {
        let before = world.service.calls().len();
        let mut client = world.connect("h2").await;
        client.send(&[h2::OPENING, &h2::headers(1, &fields)].concat()).await;
        until(&format!("a call for {fields:?}"), || world.service.calls().len() > before).await;
        assert_eq!(world.service.calls()[before].fault, fault, "{fields:?}");
    }
}

#[tokio::test]
async fn a_head_that_http2_forbids_reaches_nobody() {
    let world = World::new().await;
    for more in [
        ("connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "websocket"),
        ("te", "gzip"),
        ("Host", "a"),
        ("x y", "z"),
        ("x", "y\r\nz: w"),
        (":path", "/b"),
    ] {
        let mut client = world.connect("h2").await;
        let fields = [&h2::plain("/")[..], &[more]].concat();
        client.send(&[h2::OPENING, &h2::headers(1, &fields)].concat()).await;
        let _ = client.try_send(&h2::ping()).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(world.service.calls().iter().all(|call| call.fault.is_some()), "{more:?}");
    }
    assert!(world.is_well().await);
}

#[tokio::test]
async fn an_h2_body_that_belies_its_length_is_an_error() {
    let world = World::new().await;
    let mut fields = h2::plain("/").to_vec();
    fields[0].1 = "POST";
    fields.push(("content-length", "5"));
    for body in [&b"abc"[..], b"abcdefg"] {
        let before = world.service.calls().len();
        let mut client = world.connect("h2").await;
        let head = h2::frame(1, h2::END_HEADERS, 1, &h2::block(&fields));
        let data = h2::frame(0, h2::END_STREAM, 1, body);
        client.send(&[h2::OPENING, &head, &data].concat()).await;
        until("a call", || world.service.calls().len() > before).await;
        assert_eq!(world.service.calls()[before].body, Err(None), "{body:?}");
    }
}

#[tokio::test]
async fn a_peer_that_resets_what_it_asks_is_sent_away() {
    let world = World::new().await;
    let mut client = world.connect("h2").await;
    client.send(h2::OPENING).await;
    let requests = (0..20_000).map(|number| {
        let stream = number * 2 + 1;
        [h2::get(stream, "/never"), h2::reset(stream)].concat()
    });
    let ended = sent_until_ended(&mut client, requests).await;
    assert!(ended.is_some(), "all 20000 were taken");
    let limits = Limits::default();
    assert!(world.service.begun() <= (limits.abandoned_max + limits.streams_max) as usize + 1);
    assert!(world.is_well().await);
}

#[tokio::test]
async fn a_peer_that_lets_each_request_begin_before_its_reset_is_sent_away() {
    let limits = Limits { abandoned_max: 20, ..Limits::default() };
    let world = World::with(limits).await;
    let mut client = world.connect("h2").await;
    client.send(h2::OPENING).await;
    for number in 0..100 {
        let stream = number * 2 + 1;
        let before = world.service.begun();
        if client.try_send(&h2::get(stream, "/never")).await.is_err() {
            break;
        }
        let has_begun = || world.service.begun() > before;
        if !soon(has_begun).await || client.try_send(&h2::reset(stream)).await.is_err() {
            break;
        }
    }
    client.rest().await;
    let begun = world.service.begun();
    assert!((20..=23).contains(&begun), "{begun}");
    assert!(world.is_well().await);
}

#[tokio::test]
async fn more_streams_than_allowed_are_not_begun() {
    let world = World::with(Limits { streams_max: 8, ..Limits::default() }).await;
    let mut client = world.connect("h2").await;
    client.send(h2::OPENING).await;
    let requests = (0..200).map(|number| h2::get(number * 2 + 1, "/never"));
    sent_until_ended(&mut client, requests).await;
    assert!(world.is_well().await);
    assert!(world.service.begun() <= 8 + 1, "{}", world.service.begun());
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    let world = World::new().await;
    let mut client = world.connect("h2").await;
    let head = h2::frame(1, h2::END_STREAM, 1, &h2::block(&h2::plain("/")));
    client.send(&[h2::OPENING, &head].concat()).await;
    let field = h2::block(&[("x", &"y".repeat(100))]);
    let more = std::iter::repeat_with(|| h2::frame(9, 0, 1, &field.repeat(150))).take(10_000);
    assert!(sent_until_ended(&mut client, more).await.is_some(), "160 MB of head were taken");
    assert!(world.service.calls().is_empty());
    assert!(world.is_well().await);
}

#[tokio::test]
async fn floods_of_small_frames_do_not_fill_the_memory() {
    let world = World::new().await;
    let before = resident_bytes();
    for frame in [h2::frame(4, 0, 0, &[0, 3, 0, 0, 0, 9]), h2::ping()] {
        let mut client = world.connect("h2").await;
        client.send(h2::OPENING).await;
        let pieces = frame.repeat(1_000);
        // Nothing is read, so the gateway must stop taking, or end the connection.
        let flood = async {
            for _ in 0..2_000 {
                if client.try_send(&pieces).await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(2), flood).await;
        assert!(world.is_well().await);
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 96 * 1024 * 1024, "{grown} bytes more");
}

fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}
