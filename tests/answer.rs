//! What a caller gets back: the partner's answer, and the manifest of its own transfers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "support/world.rs"]
mod world;

use otkel::demo::sample::{AIGERIM, DANIYAR, MADINA, NURLAN};
use serde_json::{Value, json};
use world::*;

const GB: &str = "training-gb";

// --- the partner's answer, where the route has rules for it

const LISTED: &str = r#"
headers = ["accept-language"]
[route.answer]
headers = ["x-intake"]
[route.answer.fields]
"$.status" = "keep"
"$.learners[*].number" = "keep"
[route.fields]
"$.course.code" = "public"
"$.course.start_date""#;
const UNLISTED: &str = r#"
headers = ["accept-language"]
[route.fields]
"$.course.code" = "public"
"$.course.start_date""#;

/// A partner that answers so, on a route that keeps two fields and one header of its answers.
async fn answering(answer: &'static str) -> World {
    let plan = World::plan().rule("partners/training-gb.toml", UNLISTED, LISTED);
    plan.stub(GB, Stub::that(Act::Says(answer))).start().await
}

async fn asked(answer: &'static str) -> Sent {
    answering(answer).await.send(enrol(learners(&[AIGERIM]))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_answer_only_what_is_listed_comes_back() {
    let answer = concat!(
        "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\nx-intake: 7\r\n",
        "x-other: 8\r\nset-cookie: a=b\r\ncontent-length: 118\r\n\r\n",
        r#"{"status": "new", "note": "for 580101100015", "learners": [{"number": 1.50, "#,
        r#""iin": "580101100015"}, {"iin": "9"}]}     "#
    );
    let sent = asked(answer).await;
    let body = r#"{"status":"new","learners":[{"number":1.50}]}"#;
    assert_eq!((sent.status, std::str::from_utf8(&sent.body).unwrap()), (201, body));
    assert_eq!(sent.headers["x-intake"], "7");
    assert!(!sent.headers.contains_key("x-other") && !sent.headers.contains_key("set-cookie"));
    sent.is_settled("delivered");
    assert_eq!((&sent.outcome()["status"], sent.outcome().get("reason")), (&201.into(), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partners_refusal_takes_the_same_way_back() {
    let answer = concat!(
        "HTTP/1.1 422 No\r\ncontent-type: application/json;charset=utf-8\r\n",
        "content-length: 42\r\n\r\n",
        r#"{"error":"580101100015?","status":"known"}"#
    );
    let sent = asked(answer).await;
    assert_eq!((sent.status, &*sent.body), (422, &br#"{"status":"known"}"#[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_a_body_comes_back() {
    for (answer, status) in [
        ("HTTP/1.1 204 Done\r\nx-intake: 7\r\n\r\n", 204),
        ("HTTP/1.1 500 No\r\nx-intake: 7\r\ncontent-length: 0\r\n\r\n", 500),
    ] {
        let sent = asked(answer).await;
        assert_eq!((sent.status, sent.body.len()), (status, 0));
        assert_eq!(sent.headers["x-intake"], "7");
        sent.is_settled("delivered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_inspected_is_withheld() {
    for answer in [
        "content-type: text/html\r\ncontent-length: 20\r\n\r\n<p>580101100015</p>\n",
        "content-length: 16\r\n\r\n{\"status\":\"new\"}",
        "content-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: 16\r\n\r\n\
         {\"status\":\"new\"}",
        "content-type: application/json\r\ncontent-length: 30\r\n\r\n\
         {\"status\":\"new\",\"status\":\"b\"}",
        "content-type: application/json\r\ncontent-length: 99\r\n\r\n{\"status\":\"new\"}",
        "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n10\r\n\
         {\"status\":\"new\"}",
        "content-type: application/json; charset=windows-1251\r\ncontent-length: 16\r\n\r\n\
         {\"status\":\"new\"}",
    ] {
        let head = "HTTP/1.1 200 OK\r\nx-intake: 580101100015\r\n";
        let sent = asked(Box::leak(format!("{head}{answer}").into_boxed_str())).await;
        assert_eq!((sent.status, &sent.problem()["code"]), (502, &"ANSWER_UNINSPECTABLE".into()));
        assert!(!sent.headers.contains_key("x-intake"), "{answer}");
        let told = String::from_utf8(sent.body.clone()).unwrap();
        assert!(!told.contains("580101100015") && !told.contains("new"), "{told}");
        sent.is_settled("delivered");
        let outcome = sent.outcome();
        assert_eq!(
            (&outcome["status"], &outcome["reason"]),
            (&200.into(), &"ANSWER_UNINSPECTABLE".into())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_beyond_the_limits_is_withheld() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
                  transfer-encoding: chunked\r\n\r\n10\r\n{\"status\":\"new\"}\r\n0\r\n\r\n";
    for (limit, status) in [("answer_bytes_max = 15", 502), ("answer_bytes_max = 16", 200)] {
        let plan = World::plan().rule("partners/training-gb.toml", UNLISTED, LISTED);
        let world = plan.limits(limit).stub(GB, Stub::that(Act::Says(answer))).start().await;
        let sent = world.send(enrol(learners(&[AIGERIM]))).await;
        assert_eq!(sent.status, status, "{limit}");
        sent.is_settled("delivered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_is_asked_for_an_answer_that_can_be_read() {
    let world = answering(WELL).await;
    world.send(enrol(learners(&[AIGERIM])).header("accept-encoding", "gzip")).await;
    assert_eq!(count(&world.heard(GB), b"accept-encoding: identity\r\n"), 1);
    assert_eq!(count(&world.heard(GB), b"gzip"), 0);
}

// --- the manifest

/// Asks for the manifest of a decision.
fn manifest(did: &str) -> Ask {
    enrol("").without_type().method("GET").path(&format!("/.well-known/otkel/manifests/{did}"))
}

async fn manifest_of(world: &World, did: &str) -> (u16, Value) {
    let sent = world.send(manifest(did)).await;
    assert!(sent.entries.is_empty(), "it is no transfer: {sent:#?}");
    assert_eq!(sent.headers["cache-control"], "no-store");
    (sent.status, serde_json::from_slice(&sent.body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_gets_the_manifest_of_what_it_sent() {
    let world = World::start().await;
    let body = json!({"learners": [
        {"iin": AIGERIM, "family_name": "Сәрсенова", "iban": "KZ86125KZT5004100100"},
        {"iin": MADINA, "family_name": "Оспанова"},
        {"iin": DANIYAR, "family_name": "Ахметов", "email": "d@example.kz"},
    ]});
    let sent = world.send(enrol(body.to_string())).await;
    let (status, got) = manifest_of(&world, sent.decision()).await;
    assert_eq!(status, 200);
    let entry = sent.entry();
    for member in ["did", "partner", "payload", "policy", "purpose", "route", "time", "verdicts"] {
        assert_eq!(got[member], entry[member], "{member}");
        assert!(!got[member].is_null(), "{member}");
    }
    let verdict = &got["verdicts"][0];
    assert_eq!((&verdict["n"], &verdict["unmapped"]), (&1.into(), &1.into()));
    assert_eq!(verdict["sent"], json!({"D01": ["$.learners[*].family_name"]}));
    assert_eq!(
        (&got["outcome"]["result"], &got["outcome"]["status"]),
        (&"delivered".into(), &200.into())
    );
    let text = got.to_string();
    for value in [AIGERIM, "Сәрсенова", "KZ86", "iban", "d@example.kz"] {
        assert!(!text.contains(value), "{value} in {text}");
    }
    for not_its_own in ["subjects", "recipient", "snapshot", "seq", "caller"] {
        assert!(got.get(not_its_own).is_none(), "{not_its_own}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_has_a_manifest_too() {
    let world = World::start().await;
    let sent = world.send(enrol(learners(&[NURLAN]))).await;
    let (status, got) = manifest_of(&world, sent.decision()).await;
    assert_eq!((status, &got["reason"]), (200, &"NO_CONSENT".into()));
    assert!(got.get("payload").is_none() && got.get("outcome").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_gets_a_manifest() {
    let world = World::start().await;
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    let did = sent.decision().to_owned();
    let none = world.send(manifest(&did).by("crm")).await;
    assert_eq!((none.status, none.entries.len()), (404, 0));
    let unknown = "01920000-0000-7000-8000-000000000002";
    assert_eq!(world.send(manifest(unknown)).await.body, none.body, "no word of what there is");
    for other in [did.to_uppercase(), did.replace('-', ""), format!("{did}/"), String::new()] {
        assert_eq!(manifest_of(&world, &other).await.0, 404, "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_is_only_at_the_gateways_own_host_and_only_read() {
    let world = World::start().await;
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    let ask = || manifest(sent.decision());
    world.send(ask().host("api.training-gb.example")).await.is_refused("ROUTE_UNKNOWN");
    world.send(ask().host("elsewhere.example")).await.is_refused("HOST_UNKNOWN");
    world.send(ask().method("POST")).await.is_refused("ROUTE_UNKNOWN");
    let query = ask().path(&format!("/.well-known/otkel/manifests/{}?a", sent.decision()));
    assert_eq!(world.send(query).await.entry()["type"], "refusal");
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_count_as_requests_of_their_caller() {
    let limited = World::plan().edit("name = \"lms\"", "name = \"lms\"\nrequests_per_minute = 2");
    let world = limited.start().await;
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    assert_eq!(manifest_of(&world, sent.decision()).await.0, 200);
    let too_many = world.send(manifest(sent.decision())).await;
    assert_eq!((too_many.status, &too_many.headers["retry-after"]), (429, &"60".parse().unwrap()));
    world.send(enrol(learners(&[AIGERIM]))).await.is_refused("REQUESTS_EXCEEDED");
}
