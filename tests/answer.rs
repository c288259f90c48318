//! What a caller gets back: the partner's answer, and the manifest of its own transfers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "support/world.rs"]
mod world;

use otkel::demo::sample::{AIGERIM, DANIYAR, MADINA, NURLAN};
use serde_json::{Value, json};
use world::*;

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
