//! Partners at their worst: what is sent to them, what is recorded, and what the caller is told.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

#[path = "support/world.rs"]
mod world;

use std::time::Duration;

use otkel::demo::sample::{AIGERIM, NURLAN};
use serde_json::Value;
use world::*;

const GB: &str = "training-gb";
const WELL: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

async fn with(stub: Stub) -> World {
    World::plan().stub(GB, stub).start().await
}

// --- a partner that cannot prove who it is: nothing is sent

#[tokio::test(flavor = "multi_thread")]
async fn a_stub_with_its_own_certificate_is_spoken_to() {
    let world = with(Stub::with(Papers::Proper)).await;
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    assert_eq!((sent.status, sent.body.as_slice()), (200, &b"{}"[..]));
    sent.is_settled("delivered");
    assert!(sent.heard > 0);
}

async fn is_not_spoken_to(stub: Stub) {
    let world = with(stub).await;
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    sent.fails("PARTNER_UNREACHABLE", "failed").has_lines(1);
    assert_eq!(world.heard(GB), b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_gets_nothing() {
    is_not_spoken_to(Stub::with(Papers::Expired)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_self_signed_certificate_gets_nothing() {
    is_not_spoken_to(Stub::with(Papers::SelfSigned)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_host_gets_nothing() {
    is_not_spoken_to(Stub::with(Papers::OtherName)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_gets_nothing() {
    is_not_spoken_to(Stub::with(Papers::OtherAuthority)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_in_the_clear_gets_nothing() {
    is_not_spoken_to(Stub::that(Act::Plain(WELL))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_with_tls_1_2_only_gets_nothing() {
    is_not_spoken_to(Stub::old()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_other_than_the_one_pinned_gets_nothing() {
    let keys = "keys = \"keys/training-gb.keys.jws\"\n";
    let pinned = |pin: &str| World::plan().edit(keys, &format!("{keys}pins = [\"{pin}\"]\n"));
    let other = format!("sha256:{}", "5e".repeat(32));
    let world = pinned(&other).stub(GB, Stub::with(Papers::Proper)).start().await;
    world.send(enrol(learners(&[AIGERIM]))).await.fails("PARTNER_UNREACHABLE", "failed");
    assert_eq!(world.heard(GB), b"");
    let world = pinned("@CERTIFICATE_PIN@").start().await;
    world.send(enrol(learners(&[AIGERIM]))).await.reaches(GB, &surnames(1));
}

// --- a partner that breaks off: it may have the data, and the ledger says so

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_does_not_answer_in_time_leaves_the_outcome_unknown() {
    let plan = World::plan().limits("answer_ms = 200").stub(GB, Stub::that(Act::Stalls("")));
    let world = plan.start().await;
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    sent.fails("PARTNER_TIMEOUT", "unknown");
    assert!(sent.heard > 0, "the request left");
}

async fn breaks_off(act: Act) {
    let world = with(Stub::that(act)).await;
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    sent.fails("PARTNER_ANSWER_BAD", "unknown").has_lines(1);
    assert_eq!(count(&world.heard(GB), b"OTK1"), 1, "it is never sent twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_resets_leaves_the_outcome_unknown() {
    breaks_off(Act::Resets).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_closes_without_a_word_leaves_the_outcome_unknown() {
    breaks_off(Act::Says("")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_answers_garbage_leaves_the_outcome_unknown() {
    breaks_off(Act::Says("\u{16}\u{3}garbage\r\n\r\n")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_breaks_off_in_its_head_leaves_the_outcome_unknown() {
    breaks_off(Act::Says("HTTP/1.1 200 OK\r\ncontent-le")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_tells_two_lengths_leaves_the_outcome_unknown() {
    let both = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n\
                2\r\n{}\r\n0\r\n\r\n";
    breaks_off(Act::Says(both)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_was_an_answer_and_is_not_made_whole() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"acc";
    let world = with(Stub::that(Act::Says(half))).await;
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    assert_eq!((sent.status, sent.is_whole), (200, false));
    sent.is_settled("delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_announces_more_than_is_taken_is_not_begun() {
    let limits = World::plan().limits("answer_bytes_max = 8");
    let long = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n123456789";
    let world = limits.stub(GB, Stub::that(Act::Says(long))).start().await;
    world.send(enrol(learners(&[AIGERIM]))).await.fails("PARTNER_ANSWER_BAD", "unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_stands_still_is_broken_off() {
    let limits = World::plan().limits("answer_idle_ms = 200");
    let long = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n1234\r\n";
    let world = limits.stub(GB, Stub::that(Act::Stalls(long))).start().await;
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    assert_eq!((sent.status, sent.body.as_slice(), sent.is_whole), (200, &b"1234"[..], false));
    sent.is_settled("delivered");
}

// --- a partner that answers

#[tokio::test(flavor = "multi_thread")]
async fn a_partners_answer_comes_back_with_listed_headers_only() {
    let answer = "HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\netag: \"7\"\r\n\
                  retry-after: 9\r\ncontent-language: en\r\nset-cookie: a=b\r\nserver: x\r\n\
                  x-partner: y\r\notkel-decision: forged\r\ncontent-length: 9\r\n\r\n{\"ok\":1} ";
    let world = with(Stub::that(Act::Says(answer))).await;
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    assert_eq!((sent.status, sent.body.as_slice()), (202, &b"{\"ok\":1} "[..]));
    let names: Vec<&str> = sent.headers.keys().map(hyper::header::HeaderName::as_str).collect();
    for name in ["content-type", "etag", "retry-after", "content-language", "otkel-decision"] {
        assert_eq!(names.iter().filter(|n| **n == name).count(), 1, "{name} of {names:?}");
    }
    for name in ["set-cookie", "server", "x-partner"] {
        assert!(!names.contains(&name), "{name}");
    }
    assert_eq!(sent.is_settled("delivered")["did"], sent.decision());
    assert_eq!(sent.outcome()["status"], 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partners_refusal_and_redirect_are_answers() {
    for (answer, status) in [
        ("HTTP/1.1 422 No\r\ncontent-length: 2\r\n\r\n{}", 422),
        ("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n", 503),
        ("HTTP/1.1 307 There\r\nlocation: https://x.example/\r\ncontent-length: 0\r\n\r\n", 307),
    ] {
        let world = with(Stub::that(Act::Says(answer))).await;
        let sent = world.send(enrol(learners(&[AIGERIM]))).await;
        assert_eq!(sent.status, status);
        sent.is_settled("delivered");
        assert_eq!(sent.outcome()["status"], status);
        assert!(!sent.headers.contains_key("location"));
        assert_eq!(count(&world.heard(GB), b"OTK1"), 1);
    }
}

// --- what a partner sees of the request

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_sees_a_request_built_anew() {
    let world = with(Stub::with(Papers::Proper)).await;
    let mut ask = enrol(learners(&[AIGERIM]))
        .header("accept-language", "kk")
        .header("cookie", "session=marker")
        .header("authorization", "Bearer marker")
        .header("x-trace", "marker")
        .header("otkel-id", "marker")
        .header("signature", "marker")
        .header("signature-input", "marker")
        .header("content-digest", "sha-256=:marker:")
        .header("user-agent", "marker")
        .header("referer", "marker")
        .header("forwarded", "for=marker")
        .header("te", "trailers");
    ask.headers.push(("connection".to_owned(), b"te".to_vec()));
    let sent = world.send(ask).await;
    assert_eq!(sent.status, 200, "{sent:#?}");
    let heard = world.heard(GB);
    let end = heard.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let seen = String::from_utf8(heard[..end].to_vec()).unwrap();
    let mut lines: Vec<&str> = seen.split("\r\n").collect();
    assert_eq!(lines.remove(0), "POST /v1/enrolments HTTP/1.1");
    lines.sort_unstable();
    // What is signed, and by which key, is tested with receipts.
    let signed = ["content-digest: ", "signature: gw=:", "signature-input: gw=("];
    for start in signed {
        let at = lines.iter().position(|line| line.starts_with(start)).unwrap();
        lines.remove(at);
    }
    let id = format!("otkel-id: {}", sent.decision());
    let length = format!("content-length: {}", sent.entry()["payload"]["bytes"]);
    let want = [
        "accept-language: kk",
        &length,
        "content-type: application/vnd.otkel",
        "host: api.training-gb.example",
        &id,
    ];
    assert_eq!(lines, want);
    assert_eq!(count(&heard, b"marker"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_gets_the_credential_that_is_kept_for_it() {
    let credential = format!(
        "\n[partner.{GB}.credential]\nheader = \"Authorization\"\nfile = \"keys/credential\"\n"
    );
    let plan = World::plan().configure(&credential).stub(GB, Stub::with(Papers::Proper));
    let plan = plan.secret("keys/credential", "Bearer of-the-gateway\n");
    let world = plan.start().await;
    let ask = enrol(learners(&[AIGERIM])).header("authorization", "Bearer of-the-caller");
    assert_eq!(world.send(ask).await.status, 200);
    let heard = world.heard(GB);
    assert_eq!(count(&heard, b"authorization: Bearer of-the-gateway\r\n"), 1);
    assert_eq!(count(&heard, b"of-the-caller"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_transfer_does_not_even_connect() {
    let world = with(Stub::that(Act::Resets)).await;
    world.send(enrol(learners(&[NURLAN]))).await.is_refused("NO_CONSENT");
}

// --- a caller that goes away

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_hangs_up_does_not_undo_a_transfer() {
    let gate = Gate::new();
    let stub = Stub::that(Act::Waits(gate.clone(), WELL));
    let mut world = World::plan().stub(GB, stub).start().await;
    let from = world.gateway().reader.size();
    world.hang_up(enrol(learners(&[AIGERIM])), gate.heard()).await;
    // A round trip later the gateway knows that the caller is gone.
    world.ask(enrol(learners(&[NURLAN]))).await;
    let reader = world.gateway().reader.clone();
    let mut stopping = Box::pin(world.stop());
    let early = tokio::time::timeout(Duration::from_millis(100), &mut stopping).await;
    assert!(early.is_err(), "a gateway does not end with a transfer under way");
    gate.open();
    stopping.await;
    let entries = reader.entries(from).map(|entry| entry.unwrap().bytes);
    let entries: Vec<Value> =
        entries.map(|bytes| serde_json::from_slice(&bytes).unwrap()).collect();
    let [disclosure, refusal, receipt, outcome] = entries.as_slice() else {
        panic!("{entries:#?}")
    };
    assert_eq!((&disclosure["type"], &refusal["type"]), (&"disclosure".into(), &"refusal".into()));
    assert_eq!((&outcome["of"], &outcome["result"]), (&disclosure["seq"], &"delivered".into()));
    assert_eq!((&receipt["of"], &receipt["status"]), (&disclosure["seq"], &"missing".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stops_lets_a_transfer_under_way_finish() {
    let gate = Gate::new();
    let stub = Stub::that(Act::Waits(gate.clone(), WELL));
    let mut world = World::plan().stub(GB, stub).start().await;
    let mut wire = Wire::of(&world).await;
    wire.write(&enrol(learners(&[AIGERIM])).bytes()).await;
    gate.heard().await;
    let (answer, ()) = tokio::join!(wire.read(), async {
        gate.open();
        world.stop().await;
    });
    assert_eq!(answer.status, 200);
}
