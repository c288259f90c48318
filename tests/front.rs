//! Hostile requests through the whole gateway: refused with the right code, recorded, nothing sent.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

#[path = "support/world.rs"]
mod world;

use otkel::demo::sample::AIGERIM;
use world::*;

fn good() -> Ask {
    enrol(learners(&[AIGERIM]))
}

// --- bodies

#[tokio::test(flavor = "multi_thread")]
async fn a_body_beyond_the_limit_is_not_read() {
    let length = good().body.len();
    let world = World::plan().limits(&format!("body_bytes_max = {length}")).start().await;
    let mut longer = good();
    longer.body.push(b' ');
    world.send(longer.clone()).await.is_refused("BODY_TOO_LARGE");
    world.send(longer.clone().http2()).await.is_refused("BODY_TOO_LARGE");
    let chunked = |ask: &Ask| {
        let size = format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n", ask.body.len());
        [&ask.head(), size.as_bytes(), &ask.body, b"\r\n0\r\n\r\n"].concat()
    };
    world.send_raw(&chunked(&longer)).await.is_refused("BODY_TOO_LARGE");
    world.send_raw(&chunked(&good())).await.reaches("training-gb", &surnames(1));
    world.send(good()).await.reaches("training-gb", &surnames(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_never_comes_is_not_waited_for() {
    let world = World::plan().limits("body_ms = 100").start().await;
    let bytes = good().bytes();
    let sent = world.send_raw(&bytes[..bytes.len() - 1]).await;
    sent.is_refused("BODY_TOO_SLOW");
    let head = [&good().head(), &b"transfer-encoding: chunked\r\n\r\n5\r\n{"[..]].concat();
    world.send_raw(&head).await.is_refused("BODY_TOO_SLOW");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_beyond_a_limit_is_refused() {
    let limits = "depth_max = 4\nmembers_max = 3\nelements_max = 2\nstring_bytes_max = 16\n\
                  key_bytes_max = 12\nnumber_bytes_max = 6\nrecords_max = 2";
    let world = World::plan().limits(limits).start().await;
    world.send(good()).await.reaches("training-gb", &surnames(1));
    for bad in [
        r#"{"learners":[{"a":{"b":{}}}]}"#,
        r#"{"a":1,"b":2,"c":3,"d":4}"#,
        r#"{"learners":[{},{},{}]}"#,
        r#"{"a":"12345678901234567"}"#,
        r#"{"a234567890123":1}"#,
        r#"{"a":1234567}"#,
    ] {
        world.send(enrol(bad)).await.is_refused("DOCUMENT_BEYOND_LIMITS");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_two_readers_could_read_apart_is_refused() {
    let world = World::start().await;
    let name =
        |value: &str| format!(r#"{{"learners":[{{"iin":"{AIGERIM}",{value}}}]}}"#).into_bytes();
    let documents: [Vec<u8>; 14] = [
        b"".to_vec(),
        b"{".to_vec(),
        b"{} {}".to_vec(),
        [&b"\xef\xbb\xbf"[..], &good().body].concat(),
        name(r#""family_name":"a","family_name":"b""#),
        name(r#""family_name":"a","family_n\u0061me":"b""#),
        name(r#""x":{"a":1,"a":1},"family_name":"a""#),
        name(r#""family_name":"\ud800""#),
        name("\"family_name\":\"a\nb\""),
        name(r#""family_name":NaN"#),
        name(r#""family_name":"a","#),
        name(r#""family_name":01"#),
        [&name("")[..], b"\0"].concat(),
        b"{\"learners\":[{\"iin\":\"\xff\"}]}".to_vec(),
    ];
    for document in documents {
        let sent = world.send(enrol(&document)).await;
        sent.is_refused("DOCUMENT_UNPARSABLE");
        assert!(sent.entry().get("subjects").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_of_body_that_cannot_be_inspected_is_refused() {
    let world = World::start().await;
    for ask in [
        good().header("content-encoding", "gzip"),
        good().header("content-encoding", "identity"),
        good().without_type(),
        good().header("content-type", "text/json"),
        good().header("content-type", "application/zip"),
        good().header("content-type", "application/json; charset=utf-8; x=y"),
        good().header("content-type", "multipart/form-data; boundary=x"),
    ] {
        world.send(ask.clone()).await.is_refused("CONTENT_UNINSPECTABLE");
        world.send(ask.http2()).await.is_refused("CONTENT_UNINSPECTABLE");
    }
    let mut twice = good();
    twice.headers.push(twice.headers[0].clone());
    world.send(twice).await.is_refused("CONTENT_UNINSPECTABLE");
    let utf16 = good().header("content-type", "application/json; charset=utf-16");
    world.send(utf16).await.is_refused("CHARSET_NOT_DECLARED");
    let utf8 = good().header("content-type", "Application/JSON;charset=\"UTF-8\"");
    world.send(utf8).await.reaches("training-gb", &surnames(1));
}

// --- heads

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_no_rule_names_is_refused() {
    let world = World::start().await;
    for (ask, code) in [
        (good().path("/training-gb/enrolments?iin=1"), "QUERY_NOT_ALLOWED"),
        (good().path("/training-gb/enrolments?"), "QUERY_NOT_ALLOWED"),
        (good().path("/training-gb/enrolments/"), "ROUTE_UNKNOWN"),
        (good().path("/Training-gb/enrolments"), "ROUTE_UNKNOWN"),
        (good().path("/training-gb/enrol%6dents"), "ROUTE_UNKNOWN"),
        (good().path("/"), "ROUTE_UNKNOWN"),
        (good().method("PUT"), "METHOD_NOT_ALLOWED"),
        (good().method("GET"), "METHOD_NOT_ALLOWED"),
        (good().method("DELETE"), "METHOD_NOT_ALLOWED"),
        (good().host("elsewhere.example"), "HOST_UNKNOWN"),
        (good().host("192.0.2.1"), "HOST_UNKNOWN"),
    ] {
        world.send(ask.clone()).await.is_refused(code);
        world.send(ask.http2()).await.is_refused(code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_could_mean_two_things_is_malformed() {
    let world = World::start().await;
    for path in [
        "/training-gb/../training-gb/enrolments",
        "/training-gb/./enrolments",
        "/training-gb//enrolments",
        "/training-gb/%2e%2e/enrolments",
        "/training-gb/enrolments/..",
        "/training-gb%2fenrolments",
        "/training-gb/enrolments%00",
        "https://localhost/training-gb/enrolments",
        "*",
    ] {
        world.send_raw(&good().path(path).bytes()).await.is_refused("HEAD_MALFORMED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_could_mean_two_things_is_malformed() {
    let world = World::start().await;
    let head = |more: &str| [&good().head(), more.as_bytes()].concat();
    let body = good().body;
    let length = body.len();
    let told = format!("content-length: {length}\r\n");
    let whole = |head: Vec<u8>| [&head[..], told.as_bytes(), b"\r\n", &body].concat();
    let hosts = |hosts: &str| {
        let text = String::from_utf8(good().bytes()).unwrap();
        text.replace("host: localhost\r\n", hosts).into_bytes()
    };
    for bytes in [
        whole(head("transfer-encoding: chunked\r\n")),
        whole(head(&told)),
        whole(head("content-length: 1\r\n")),
        whole(head("transfer-encoding: identity\r\n")),
        whole(head("x y: z\r\n")),
        whole(head("x : y\r\n")),
        whole(head(" folded: y\r\n")),
        whole(head("x: a\rb\r\n")),
        whole(head("upgrade: h2c\r\nconnection: upgrade\r\n")),
        whole(head("connection: otkel-purpose\r\n")),
        whole(head("expect: 200-ok\r\n")),
        head(&format!("content-length: +{length}\r\n\r\n")),
        head("transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        hosts(""),
        hosts("host: localhost\r\nhost: localhost\r\n"),
        hosts("host: localhost\r\nhost: elsewhere.example\r\n"),
        hosts("host: a@localhost\r\n"),
        hosts("host: localhost\n"),
    ] {
        let sent = world.send_raw(&bytes).await;
        sent.is_refused("HEAD_MALFORMED");
        assert_eq!(sent.entry()["caller"], "lms");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_request_hidden_in_a_first_is_not_a_request() {
    let world = World::start().await;
    let smuggled = enrol(learners(&[AIGERIM])).bytes();
    let outer = [
        &good().head()[..],
        b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        &smuggled,
    ]
    .concat();
    let from = world.gateway().reader.size();
    world.send_raw(&outer).await.is_refused("HEAD_MALFORMED");
    assert_eq!(world.entries(from).len(), 1, "only the outer request was heard");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_key_is_refused_as_long_as_it_could_not_be_kept() {
    let world = World::start().await;
    world.send(good().header("idempotency-key", "1")).await.is_refused("IDEMPOTENCY_UNSUPPORTED");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_gateway_may_carry_is_refused_at_once() {
    let gate = Gate::new();
    let well = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    let stub = Stub::that(Act::Waits(gate.clone(), well));
    let plan = World::plan().limits("transfers_max = 1").stub("training-gb", stub);
    let world = plan.start().await;
    let mut wire = Wire::of(&world).await;
    wire.write(&good().bytes()).await;
    gate.heard().await;
    world.send(good()).await.is_refused("OVERLOADED");
    gate.open();
    assert_eq!(wire.read().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_without_a_certificate_is_not_let_in() {
    let world = World::start().await;
    let (from, before) = (world.gateway().reader.size(), world.arrived());
    assert!(world.knock_without_certificate().await.is_err());
    assert_eq!((world.gateway().reader.size(), world.arrived()), (from, before));
}
