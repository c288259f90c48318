//! Consents: what they let through, over HTTP, from another process, and while transfers race.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

#[path = "support/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use otkel::demo::sample::{AIGERIM, DANIYAR, MADINA, NURLAN, SALTANAT, YERLAN};
use otkel::time::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use world::*;

const GB: &str = "training-gb";
const KZ: &str = "attestation-kz";

const RESULT: &str =
    r#"{"iin":"580101100015","family_name":"Сәрсенова","result":{"score":92.50,"passed":true}}"#;

// --- what a consent must say, and what it then lets through: 94-V Art. 7(6), 8, 15, 16

#[tokio::test(flavor = "multi_thread")]
async fn a_consented_record_goes_and_nobody_elses() {
    let world = World::start().await;
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    sent.reaches(GB, &surnames(1)).has_lines(1);
    assert_eq!(sent.lines[0][0]["consent"], record(2).to_string());
    assert_eq!(sent.entry()["recipient"]["countries"], json!(["GB"]));
    assert_eq!(sent.entry()["cross_border"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_consent_nothing_goes() {
    let world = World::start().await;
    world.send(enrol(learners(&[NURLAN]))).await.is_refused("NO_CONSENT").has_lines(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_without_evidence_is_not_taken() {
    let world = World::start().await;
    for evidence in [Value::Null, json!({"reference": " ", "sha256": "5e".repeat(32)})] {
        let bad = consent(20, NURLAN, |c| c["events"][0]["evidence"] = evidence);
        let why = world.try_grant(&bad).unwrap_err();
        assert!(why.contains("CONSENT_UNPROVEN") && !why.contains(NURLAN), "{why}");
    }
    world.send(enrol(learners(&[NURLAN]))).await.is_refused("NO_CONSENT");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_the_seven_items_of_a_consent_is_asked_for() {
    let world = World::start().await;
    for (item, member, named) in [
        (1, "pii_controllers", "pii_controllers"),
        (2, "subject_name_present", "subject_name_present"),
        (3, "/events/0/valid_until", "events[].valid_until"),
        (4, "recipient_third_parties", "recipient_third_parties"),
        (5, "cross_border", "cross_border"),
        (6, "publication", "publication"),
        (7, "pii_information", "pii_information"),
    ] {
        let bad = consent(20, NURLAN, |c| {
            let (holder, name) = member.rsplit_once('/').unwrap_or(("", member));
            c.pointer_mut(holder).unwrap().as_object_mut().unwrap().remove(name).unwrap();
        });
        let why = world.try_grant(&bad).unwrap_err();
        let want = format!("CONSENT_INCOMPLETE: `{named}` is missing (94-V Art. 8(4) item {item})");
        assert!(why.contains(&want), "{why}");
    }
    world.send(enrol(learners(&[NURLAN]))).await.is_refused("NO_CONSENT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_holds_to_the_last_millisecond_of_its_term_and_not_one_more() {
    let world = World::start().await;
    let until = Timestamp::parse("2026-12-01T00:00:00Z").unwrap();
    world.grant(&consent(20, NURLAN, |c| c["events"][0]["valid_until"] = json!(until)));
    world.clock.set(until.plus_millis(-1));
    world.send(enrol(learners(&[NURLAN]))).await.reaches(GB, &surnames(1));
    world.clock.set(until);
    world.send(enrol(learners(&[NURLAN]))).await.is_refused("CONSENT_EXPIRED").has_lines(1);
    world.send(enrol(learners(&[SALTANAT]))).await.is_refused("CONSENT_EXPIRED");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_consent_is_not_taken() {
    let world = World::start().await;
    for (pointer, term) in
        [("/retention_period", "endless"), ("/events/0/valid_until", "9999-12-30T00:00:00.000Z")]
    {
        let endless = consent(20, NURLAN, |c| *c.pointer_mut(pointer).unwrap() = term.into());
        let why = world.try_grant(&endless).unwrap_err();
        assert!(why.contains("must end") && why.contains("Art. 8(5)"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_begins_later_does_not_hold_yet() {
    let world = World::start().await;
    let now = Timestamp::parse(NOON).unwrap();
    let given = now.plus_millis(60_000);
    world.grant(&consent(20, NURLAN, |c| c["events"][0]["event_time"] = json!(given)));
    world.send(enrol(learners(&[NURLAN]))).await.is_refused("CONSENT_NOT_YET_VALID");
    world.clock.set(given);
    world.send(enrol(learners(&[NURLAN]))).await.reaches(GB, &surnames(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_third_party_gets_what_the_subject_kept_from_third_parties() {
    let world = World::start().await;
    world.grant(&consent(20, NURLAN, |c| c["recipient_third_parties"] = json!([])));
    world.send(enrol(learners(&[NURLAN]))).await.is_refused("THIRD_PARTY_NOT_CONSENTED");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_recipient_than_the_one_named_gets_nothing() {
    let world = World::start().await;
    world.grant(&consent(20, NURLAN, |c| c["recipient_third_parties"] = json!([KZ])));
    world.send(enrol(learners(&[NURLAN]))).await.is_refused("RECIPIENT_NOT_CONSENTED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_for_the_country_alone_stops_at_the_border() {
    let world = World::start().await;
    world.grant(&consent(20, NURLAN, |c| {
        c["recipient_third_parties"] = json!([GB, KZ]);
        c["cross_border"] = json!({"allowed": false, "countries": []});
    }));
    let text = RESULT.replace(AIGERIM, NURLAN);
    world.send(result(&text)).await.reaches(KZ, &text).has_lines(1);
    world.send(enrol(learners(&[NURLAN]))).await.is_refused("CROSS_BORDER_NOT_CONSENTED");
    world.send(enrol(learners(&[MADINA]))).await.is_refused("CROSS_BORDER_NOT_CONSENTED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_country_that_the_consent_does_not_name_gets_nothing() {
    let world = World::start().await;
    world.grant(&consent(20, NURLAN, |c| c["cross_border"]["countries"] = json!(["DE", "FR"])));
    world.send(enrol(learners(&[NURLAN]))).await.is_refused("COUNTRY_NOT_CONSENTED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_country_that_protects_personal_data_needs_consent_all_the_same() {
    let adequate = "[adequate.GB]\nreference = \"an act\"\nsince = 2026-01-01\n";
    let world = World::plan().rule("register.toml", "[adequate]", adequate).start().await;
    world.send(enrol(learners(&[MADINA]))).await.is_refused("CROSS_BORDER_NOT_CONSENTED");
    world.send(enrol(learners(&[NURLAN]))).await.is_refused("NO_CONSENT");
    world.send(enrol(learners(&[AIGERIM]))).await.reaches(GB, &surnames(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_law_prohibits_no_consent_lets_through() {
    let act = "[prohibited.GB]\ncategories = [\"D01\"]\nreference = \"an act\"\n\n[adequate]";
    let world = World::plan().rule("register.toml", "[adequate]", act).start().await;
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    sent.is_refused("REQUIRED_FIELD_REMOVED").at("$.learners[*].family_name");
    let removed = &sent.verdicts()[0]["removed"];
    assert_eq!(removed["$.learners[*].family_name"], "COUNTRY_PROHIBITED");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_law_prohibits_is_the_reason_where_nothing_else_is() {
    let act = "[prohibited.GB]\ncategories = [\"D01\"]\nreference = \"an act\"\n\n[adequate]";
    let required = "required = [\"$.learners[*].family_name\"]";
    let plan = World::plan().rule("register.toml", "[adequate]", act);
    let world = plan.rule("partners/training-gb.toml", required, "").start().await;
    world.send(enrol(learners(&[AIGERIM]))).await.is_refused("COUNTRY_PROHIBITED").has_lines(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_at_home_with_a_machine_abroad_is_abroad() {
    let world = World::plan()
        .rule("partners/attestation-kz.toml", "country = \"KZ\"", "country = \"DE\"")
        .rule(
            "partners/attestation-kz.toml",
            "[purposes]",
            "[assessment]\nreference = \"1\"\ndate = 2026-08-20\n[purposes]",
        )
        .rule("register.toml", "required = [\"D01\"]\n", "required = [\"D01\", \"D04\"]\n")
        .start()
        .await;
    world.send(result(RESULT)).await.is_refused("CROSS_BORDER_NOT_CONSENTED");
    world.grant(&consent(20, AIGERIM, |c| {
        c["recipient_third_parties"] = json!([KZ]);
        c["cross_border"]["countries"] = json!(["DE"]);
    }));
    let sent = world.send(result(RESULT)).await;
    sent.reaches(KZ, RESULT);
    assert_eq!(sent.entry()["cross_border"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_consent_lets_nothing_through() {
    let world = World::start().await;
    world.send(enrol(learners(&[YERLAN]))).await.is_refused("CONSENT_WITHDRAWN").has_lines(1);
}

// --- the admin API

#[tokio::test(flavor = "multi_thread")]
async fn without_an_officers_token_nothing_is_told_but_health() {
    let world = World::start().await;
    let path = format!("/consents/{}/withdraw", record(2));
    for (method, path) in [
        ("GET", "/metrics"),
        ("GET", "/checkpoint"),
        ("GET", "/decisions/01920000-0000-7000-8000-000000000002"),
        ("GET", "/consents/01920000-0000-7000-8000-000000000002"),
        ("POST", "/consents"),
        ("POST", "/consents/search"),
        ("POST", path.as_str()),
    ] {
        for token in [None, Some(""), Some("0".repeat(64).as_str())] {
            let (status, told) = world.admin_as(token, method, path, "{}").await;
            assert_eq!((status, &told["title"]), (401, &json!("no officer's token")), "{path}");
        }
    }
    let (status, told) = world.admin_as(None, "GET", "/health", "").await;
    assert_eq!((status, &told["status"]), (200, &json!("ok")));
    world.send(enrol(learners(&[AIGERIM]))).await.reaches(GB, &surnames(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_given_over_http_lets_the_next_transfer_through() {
    let world = World::start().await;
    world.send(enrol(learners(&[NURLAN]))).await.is_refused("NO_CONSENT");
    let text = consent(20, NURLAN, |_| {}).to_string();
    let (status, told) = world.admin("POST", "/consents", &text).await;
    assert_eq!((status, &told["record"]), (201, &json!(record(20))));
    let entry = &world.entries(told["entry"].as_u64().unwrap())[0];
    assert_eq!((&entry["state"], &entry["by"]), (&json!("ConsentGiven"), &json!("officer")));
    world.send(enrol(learners(&[NURLAN]))).await.reaches(GB, &surnames(1));
    let (status, told) = world.admin("POST", "/consents", &text).await;
    assert_eq!(status, 409, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_withdrawn_over_http_stops_the_same_transfer() {
    let world = World::start().await;
    world.send(enrol(learners(&[AIGERIM]))).await.reaches(GB, &surnames(1));
    let path = format!("/consents/{}/withdraw", record(2));
    let (status, told) = world.admin("POST", &path, r#"{"channel":"written"}"#).await;
    assert_eq!(status, 200, "{told}");
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    sent.is_refused("CONSENT_WITHDRAWN").has_lines(1);
    let (status, _) = world.admin("POST", &path, r#"{"channel":"written"}"#).await;
    assert_eq!(status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_of_cross_border_transfer_leaves_the_country_open() {
    let world = World::start().await;
    world.grant(&consent(20, NURLAN, |c| {
        c["recipient_third_parties"] = json!([GB, KZ]);
    }));
    world.withdraw_part(record(20), json!({"channel": "form", "scope": "cross-border"}));
    world.send(enrol(learners(&[NURLAN]))).await.is_refused("CONSENT_WITHDRAWN");
    world.send(results(learners(&[NURLAN]))).await.reaches(KZ, &learners(&[NURLAN]));
    world.withdraw_part(record(20), json!({"channel": "form", "scope": "third-party"}));
    world.send(results(learners(&[NURLAN]))).await.is_refused("CONSENT_WITHDRAWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_consent_after_a_withdrawal_is_a_new_record() {
    let world = World::start().await;
    world.withdraw(record(2));
    let now = Timestamp::parse(NOON).unwrap().plus_millis(1000);
    world.clock.set(now);
    world.grant(&consent(20, AIGERIM, |c| c["events"][0]["event_time"] = json!(now)));
    world.send(enrol(learners(&[AIGERIM]))).await.reaches(GB, &surnames(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subjects_consents_are_found_by_an_identifier_in_the_body() {
    let world = World::start().await;
    let who = json!({"scheme": "kz-iin", "id": DANIYAR}).to_string();
    let (status, found) = world.admin("POST", "/consents/search", &who).await;
    assert_eq!((status, found.as_array().unwrap().len()), (200, 3));
    assert!(!found.to_string().contains(DANIYAR));
    let (status, shown) = world.admin("GET", &format!("/consents/{}", record(3)), "").await;
    assert_eq!(
        (status, &shown),
        (
            200,
            found.as_array().unwrap().iter().find(|c| c["record_id"] == json!(record(3))).unwrap()
        )
    );
    let nobody = json!({"scheme": "kz-iin", "id": NURLAN}).to_string();
    assert_eq!(world.admin("POST", "/consents/search", &nobody).await, (200, json!([])));
    let (status, _) = world.admin("GET", &format!("/consents/{}", record(99)), "").await;
    assert_eq!(status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_is_incomplete_is_answered_with_all_that_is_wrong() {
    let world = World::start().await;
    let from = world.gateway().reader.size();
    let bad = consent(20, NURLAN, |c| {
        c["subject_name_present"] = json!(false);
        c["events"][0].as_object_mut().unwrap().remove("evidence");
    });
    let (status, told) = world.admin("POST", "/consents", &bad.to_string()).await;
    let title = told["title"].as_str().unwrap();
    assert_eq!(status, 422);
    assert!(title.contains("Art. 8(4) item 2") && title.contains("CONSENT_UNPROVEN"), "{title}");
    assert!(!told.to_string().contains(NURLAN));
    assert_eq!(world.gateway().reader.size(), from);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_starts_again_knows_what_it_knew() {
    let mut world = World::start().await;
    world.send(enrol(learners(&[AIGERIM]))).await.reaches(GB, &surnames(1));
    world.withdraw(record(2));
    let size = world.gateway().reader.size();
    world.stop().await;
    world.run().await;
    assert_eq!(world.entries(size)[0]["type"], "activation");
    world.send(enrol(learners(&[AIGERIM]))).await.is_refused("CONSENT_WITHDRAWN");
    world.send(enrol(learners(&[DANIYAR]))).await.reaches(GB, &surnames(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_recorded_is_not_sent() {
    let world = World::start().await;
    let from = world.gateway().reader.size();
    let other = rusqlite::Connection::open(world.folder().join("store/otkel.db")).unwrap();
    other.execute_batch("ALTER TABLE decisions RENAME TO gone").unwrap();
    let before = world.arrived();
    for _ in 0..2 {
        let words = world.ask(enrol(learners(&[AIGERIM]))).await;
        let problem: Value = serde_json::from_slice(&words.body).unwrap();
        assert_eq!((words.status, &problem["code"]), (503, &json!("LOG_UNAVAILABLE")));
        assert!(words.headers.contains_key("retry-after"));
    }
    assert_eq!((world.arrived(), world.gateway().reader.size()), (before, from));
    assert_eq!(world.admin_as(None, "GET", "/health", "").await.0, 503);
}

// --- another process

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_by_another_process_stops_the_next_transfer() {
    let world = World::start().await;
    world.send(enrol(learners(&[AIGERIM]))).await.reaches(GB, &surnames(1));
    let id = record(2).to_string();
    let done = world.otkel(&["consent", "withdraw", &id, "--channel", "form", "--by", "desk"]);
    assert!(done.status.success(), "{done:?}");
    let before = world.arrived();
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    assert_eq!(
        (sent.problem()["code"].as_str(), world.arrived()),
        (Some("CONSENT_WITHDRAWN"), before)
    );
    // The gateway may see the other process's entry in the same turn.
    assert_eq!(sent.entries.last().unwrap()["reason"], "CONSENT_WITHDRAWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_takes_the_good_lines_and_names_the_bad() {
    let world = World::start().await;
    let lines = [
        consent(20, NURLAN, |_| {}).to_string(),
        "{".to_owned(),
        consent(21, NURLAN, |c| c["subject_name_present"] = json!(false)).to_string(),
        String::new(),
        consent(20, NURLAN, |_| {}).to_string(),
        consent(22, NURLAN, |c| c["purposes"] = json!([NURLAN])).to_string(),
        consent(23, NURLAN, |c| c["pii_information"] = json!(["D01"])).to_string(),
    ];
    let file = world.folder().join("more.ndjson");
    fs::write(&file, lines.join("\n")).unwrap();
    let done = world.otkel(&["consent", "import", file.to_str().unwrap()]);
    let (out, err) =
        (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
    assert_eq!(
        (done.status.code(), out.as_str()),
        (Some(1), "2 consents imported, 4 refused\n"),
        "{err}"
    );
    let numbers: Vec<&str> = err
        .lines()
        .map(|line| line.split(".ndjson:").nth(1).unwrap().split(':').next().unwrap())
        .collect();
    assert_eq!(numbers, ["2", "3", "5", "6"], "{err}");
    assert!(!err.contains(NURLAN), "{err}");
    assert_eq!(world.ask(enrol(learners(&[NURLAN]))).await.status, 200);
    assert_eq!(world.received(GB).len(), 1);
}

// --- races

#[tokio::test(flavor = "multi_thread")]
async fn no_disclosure_stands_after_a_withdrawal_however_they_race() {
    let world = Arc::new(World::start().await);
    for round in 100..112 {
        let iin = format!("{round:012}");
        world.grant(&consent(round, &iin, |_| {}));
        let (from, received) = (world.gateway().reader.size(), world.received(GB).len());
        let withdrawn = Arc::new(AtomicBool::new(false));
        let mut racing = JoinSet::new();
        for _ in 0..4 {
            racing.spawn(keep_sending(Arc::clone(&world), iin.clone(), Arc::clone(&withdrawn)));
        }
        world.ask(enrol(learners(&[&iin]))).await;
        if round % 3 == 0 {
            let id = record(round).to_string();
            let done = world.otkel(&["consent", "withdraw", &id, "--channel", "form"]);
            assert!(done.status.success(), "{done:?}");
        } else {
            world.withdraw(record(round));
        }
        withdrawn.store(true, Ordering::SeqCst);
        racing.join_all().await;
        holds(&world, (from, received), round);
    }
}

/// Sends transfers of a subject and of another one until some time after a withdrawal.
async fn keep_sending(world: Arc<World>, iin: String, withdrawn: Arc<AtomicBool>) {
    loop {
        let last = withdrawn.load(Ordering::SeqCst);
        world.ask(enrol(learners(&[&iin, AIGERIM]))).await;
        if last {
            return;
        }
    }
}

/// Holds what happened in one round against the promise.
fn holds(world: &World, (from, received): (u64, usize), round: u64) {
    let (entries, lines) = (world.entries(from), world.lines(from));
    let withdrawn = |e: &Value| e["type"] == "consent" && e["record"] == json!(record(round));
    let at = entries.iter().position(withdrawn).unwrap();
    let goes = |lines: &[Value]| lines.iter().any(|line| line["consent"] == json!(record(round)));
    let is_disclosure = |n: &usize| entries[*n]["type"] == "disclosure";
    assert!((0..at).filter(is_disclosure).any(|n| goes(&lines[n])), "none came before");
    assert!((at..entries.len()).any(|n| is_disclosure(&n)), "none came after");
    let after = (at..entries.len()).find(|n| is_disclosure(n) && goes(&lines[*n]));
    assert_eq!(after, None, "{entries:#?}");

    let did = |n: usize| entries[n]["did"].as_str().unwrap().to_owned();
    let places: BTreeMap<String, usize> =
        (0..entries.len()).filter(is_disclosure).map(|n| (did(n), n)).collect();
    let got = world.received(GB).split_off(received);
    assert_eq!(got.len(), places.len(), "what was recorded was sent, and nothing else");
    for payload in got {
        let place = places[&payload.header.did.to_string()];
        let records = String::from_utf8_lossy(&payload.body).matches("family_name").count();
        let stood = lines[place].iter().filter(|line| line.get("consent").is_some()).count();
        assert_eq!(records, stood, "what was sent is what was recorded");
    }
}
