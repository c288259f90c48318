//! Blocks: what they keep from going, at once and in every process, and how alone they are lifted;
//! and the limits on how much and how often.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

#[path = "support/world.rs"]
mod world;

use std::io::Write as _;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use otkel::demo::sample::{AIGERIM, DANIYAR, NURLAN};
use otkel::time::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use world::*;

const GB: &str = "training-gb";
const KZ: &str = "attestation-kz";

// --- what a block reaches: 94-V Art. 24(1)(3), 25(2)(8)

#[tokio::test(flavor = "multi_thread")]
async fn a_block_of_a_subject_stops_that_subjects_records_alone() {
    let world = World::start().await;
    let block = world.block(json!({"subject": who(AIGERIM), "document": "No. 7"})).await;
    world.send(enrol(learners(&[AIGERIM]))).await.is_refused("SUBJECT_BLOCKED").has_lines(1);
    let both = world.send(enrol(learners(&[AIGERIM, DANIYAR]))).await;
    both.reaches(GB, &surnames(1)).has_lines(2);
    assert_eq!(both.verdicts()[0]["reason"], "SUBJECT_BLOCKED");
    assert!(both.lines[0][0].get("consent").is_none() && both.lines[0][1].get("consent").is_some());
    world.send(results(learners(&[AIGERIM]))).await.is_refused("SUBJECT_BLOCKED");
    assert_eq!(world.lift(&block, DECISION).await.0, 200);
    world.send(enrol(learners(&[AIGERIM]))).await.reaches(GB, &surnames(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_of_a_partner_or_a_purpose_stops_all_that_goes_there_or_for_that() {
    let world = World::start().await;
    let partner = world.block(json!({"partner": GB, "document": "No. 7"})).await;
    world.send(enrol(learners(&[AIGERIM]))).await.is_refused("PARTNER_BLOCKED").has_lines(1);
    world.send(results(learners(&[AIGERIM]))).await.reaches(KZ, &learners(&[AIGERIM]));
    let purpose = world.block(json!({"purpose": "P09", "document": "No. 8"})).await;
    world.send(results(learners(&[AIGERIM]))).await.is_refused("PURPOSE_BLOCKED");
    let letter = || subscribe(subscribers(AIGERIM)).purpose("P10a");
    assert_eq!(world.ask(letter()).await.status, 200);
    assert_eq!(world.lift(&partner, DECISION).await.0, 200);
    world.send(enrol(learners(&[AIGERIM]))).await.is_refused("PURPOSE_BLOCKED");
    assert_eq!(world.lift(&purpose, DECISION).await.0, 200);
    world.send(enrol(learners(&[AIGERIM]))).await.reaches(GB, &surnames(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_of_several_things_stops_only_what_fits_them_all() {
    let world = World::start().await;
    let parts = json!({"subject": who(AIGERIM), "partner": GB, "purpose": "P09"});
    let with = |member: &str, value: Value| {
        let mut block = parts.clone();
        block[member] = value;
        block["document"] = json!("No. 7");
        block
    };
    for (member, other) in [("subject", who(DANIYAR)), ("partner", json!(KZ))] {
        world.block(with(member, other)).await;
        world.send(enrol(learners(&[AIGERIM]))).await.reaches(GB, &surnames(1));
    }
    world.block(with("purpose", json!("P10a"))).await;
    world.send(enrol(learners(&[AIGERIM]))).await.reaches(GB, &surnames(1));
    world.block(with("purpose", json!("P09"))).await;
    world.send(enrol(learners(&[AIGERIM]))).await.is_refused("SUBJECT_BLOCKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_that_nobody_has_met_can_be_blocked() {
    let world = World::start().await;
    let block = world.block(json!({"subject": who(NURLAN), "document": "No. 7"})).await;
    world.grant(&consent(20, NURLAN, |_| {}));
    world.send(enrol(learners(&[NURLAN]))).await.is_refused("SUBJECT_BLOCKED");
    assert_eq!(world.lift(&block, DECISION).await.0, 200);
    world.send(enrol(learners(&[NURLAN]))).await.reaches(GB, &surnames(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_outlives_a_restart() {
    let mut world = World::start().await;
    world.block(json!({"partner": GB, "document": "No. 7"})).await;
    world.stop().await;
    world.run().await;
    world.send(enrol(learners(&[AIGERIM]))).await.is_refused("PARTNER_BLOCKED");
}

// --- how it is recorded, and lifted

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_lifted_by_a_decision_and_nothing_else() {
    let world = World::start().await;
    let block = world.block(json!({"partner": GB, "document": "No. 7"})).await;
    let from = world.gateway().reader.size();
    for (status, decision) in [
        (400, "{}".to_owned()),
        (400, r#"{"reference": "No. 8"}"#.to_owned()),
        (422, json!({"reference": "No. 8", "sha256": "ab"}).to_string()),
        (422, json!({"reference": " ", "sha256": "ab".repeat(32)}).to_string()),
    ] {
        let (told, problem) = world.lift(&block, &decision).await;
        assert_eq!(told, status, "{problem}");
    }
    let nobodys = record(99).to_string();
    assert_eq!(world.lift(&nobodys, DECISION).await.0, 404);
    assert_eq!(world.lift(&record(2).to_string(), DECISION).await.0, 404, "a consent is no block");
    assert_eq!(world.gateway().reader.size(), from);
    world.send(enrol(learners(&[AIGERIM]))).await.is_refused("PARTNER_BLOCKED");
    assert_eq!(world.lift(&block, DECISION).await.0, 200);
    assert_eq!(world.lift(&block, DECISION).await.0, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_would_block_nothing_is_refused() {
    let world = World::start().await;
    let from = world.gateway().reader.size();
    for (status, block) in [
        (422, json!({"document": "No. 7"})),
        (422, json!({"partner": GB, "document": ""})),
        (422, json!({"partner": "training-uk", "document": "No. 7"})),
        (422, json!({"purpose": "P99", "document": "No. 7"})),
        (422, json!({"subject": who(""), "document": "No. 7"})),
        (422, json!({"subject": who(AIGERIM), "document": format!("about {AIGERIM}")})),
        (400, json!({"partner": GB})),
        (400, json!({"partner": GB, "document": "No. 7", "until": "tomorrow"})),
    ] {
        let (told, problem) = world.admin("POST", "/blocks", &block.to_string()).await;
        assert_eq!(told, status, "{problem}");
        assert!(!problem.to_string().contains(AIGERIM), "{problem}");
    }
    assert_eq!(world.gateway().reader.size(), from);
    assert_eq!(world.admin_as(None, "POST", "/blocks", "{}").await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_about_a_block_is_in_the_ledger_and_nothing_about_a_person() {
    let world = World::start().await;
    let from = world.gateway().reader.size();
    let parts = json!({"subject": who(NURLAN), "purpose": "P09", "document": "No. 7"});
    let block = world.block(parts).await;
    assert_eq!(world.lift(&block, DECISION).await.0, 200);
    let [blocked, lifted] = world.entries(from).try_into().unwrap();
    for (entry, state) in [(&blocked, "blocked"), (&lifted, "lifted")] {
        assert_eq!((&entry["type"], &entry["by"]), (&json!("block"), &json!("officer")));
        assert_eq!((&entry["record"], &entry["state"]), (&json!(block), &json!(state)));
        assert_eq!((&entry["purpose"], entry.get("partner")), (&json!("P09"), None));
        assert_eq!(entry["subject"].as_str().unwrap().len(), 32);
    }
    assert_eq!((blocked.get("decision"), &lifted["decision"]), (None, &json!("5e".repeat(32))));
    let (status, all) = world.admin("GET", "/blocks", "").await;
    assert_eq!((status, all.as_array().unwrap().len()), (200, 1));
    assert_eq!(all[0]["events"][1]["decision"]["reference"], "No. 8");
    let verified = world.otkel(&["verify"]);
    assert!(verified.status.success(), "{verified:?}");
    assert!(String::from_utf8_lossy(&verified.stdout).contains(" 2 block,"), "{verified:?}");

    let shown = world.otkel(&["block", "list"]).stdout;
    assert!(String::from_utf8_lossy(&shown).contains(&block));
    for entry in std::fs::read_dir(world.folder().join("store")).unwrap().map(Result::unwrap) {
        assert_eq!(count(&std::fs::read(entry.path()).unwrap(), NURLAN.as_bytes()), 0);
    }
    assert_eq!(count(&shown, NURLAN.as_bytes()), 0);
}

// --- another process

#[tokio::test(flavor = "multi_thread")]
async fn a_block_by_another_process_stops_the_next_transfer() {
    let world = World::start().await;
    world.send(enrol(learners(&[AIGERIM]))).await.reaches(GB, &surnames(1));
    let add = ["block", "add", "--document", "No. 7", "--by", "desk"];
    let done = told(&world, &[&add[..], &["--subject-stdin"]].concat(), &who(AIGERIM).to_string());
    let before = world.arrived();
    assert_eq!(code(&world, enrol(learners(&[AIGERIM]))).await, "SUBJECT_BLOCKED");
    let partner = told(&world, &[&add[..], &["--partner", GB]].concat(), "");
    assert_eq!(code(&world, enrol(learners(&[DANIYAR]))).await, "PARTNER_BLOCKED");
    assert_eq!(world.arrived(), before);
    for said in [done, partner] {
        let id = said.split(' ').nth(1).unwrap();
        let lift = ["block", "lift", id, "--decision", "No. 8", "--sha256", &"5e".repeat(32)];
        told(&world, &lift, "");
    }
    assert_eq!(world.ask(enrol(learners(&[AIGERIM]))).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_comes_into_force_though_the_rules_on_disk_do_not_load() {
    let world = World::plan().rule("register.toml", "[controller]", "[controller]").start().await;
    let register = world.folder().join("policies/register.toml");
    std::fs::write(register, "not a register").unwrap();
    told(&world, &["block", "add", "--partner", GB, "--document", "No. 7"], "");
    assert_eq!(code(&world, enrol(learners(&[AIGERIM]))).await, "PARTNER_BLOCKED");
}

// --- races

#[tokio::test(flavor = "multi_thread")]
async fn no_disclosure_stands_after_a_block_however_they_race() {
    let world = Arc::new(World::start().await);
    for round in 0..9 {
        let from = world.gateway().reader.size();
        let blocked = Arc::new(AtomicBool::new(false));
        let mut racing = JoinSet::new();
        for _ in 0..4 {
            racing.spawn(keep_sending(Arc::clone(&world), Arc::clone(&blocked)));
        }
        world.ask(enrol(learners(&[AIGERIM]))).await;
        let block = match round % 3 {
            0 => {
                let add = ["block", "add", "--partner", GB, "--document", "No. 7"];
                told(&world, &add, "").split(' ').nth(1).unwrap().to_owned()
            }
            1 => world.block(json!({"purpose": "P09", "document": "No. 7"})).await,
            _ => world.block(json!({"subject": who(AIGERIM), "document": "No. 7"})).await,
        };
        blocked.store(true, Ordering::SeqCst);
        racing.join_all().await;
        let entries = world.entries(from);
        let at = entries.iter().position(|entry| entry["type"] == "block").unwrap();
        let is_disclosure = |entry: &Value| entry["type"] == "disclosure";
        assert!(entries[..at].iter().any(is_disclosure), "none came before");
        assert!(entries[at..].iter().any(|entry| entry["type"] == "refusal"), "none came after");
        assert!(!entries[at..].iter().any(is_disclosure), "round {round}: {entries:#?}");
        assert_eq!(world.lift(&block, DECISION).await.0, 200);
    }
}

/// Sends transfers until some time after a block.
async fn keep_sending(world: Arc<World>, blocked: Arc<AtomicBool>) {
    loop {
        let last = blocked.load(Ordering::SeqCst);
        world.ask(enrol(learners(&[AIGERIM]))).await;
        if last {
            return;
        }
    }
}

// --- how much may go to a partner in a day, and how often a caller may ask

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_gets_so_many_subjects_and_records_a_day() {
    let quota = "quota = { subjects_per_day = 1, records_per_day = 3 }\nseat = \"GB\"";
    let mut world =
        World::plan().rule("partners/training-gb.toml", "seat = \"GB\"", quota).start().await;
    world.clock.set(Timestamp::parse("2026-11-22T18:59:30.250Z").unwrap());
    world.send(enrol(learners(&[AIGERIM]))).await.reaches(GB, &surnames(1));
    // Those who may not go do not count, nor does what is refused.
    let more = world.send(enrol(learners(&[AIGERIM, NURLAN]))).await;
    more.reaches(GB, &surnames(1));
    for over in [&[DANIYAR][..], &[AIGERIM, AIGERIM]] {
        let sent = world.send(enrol(learners(over))).await;
        sent.is_refused("QUOTA_EXCEEDED").has_lines(over.len());
        assert_eq!(sent.headers["retry-after"], "30");
        assert_eq!(sent.problem()["resets"], "2026-11-22T19:00:00.000Z");
        assert_eq!(sent.verdicts()[0]["reason"], "QUOTA_EXCEEDED");
    }
    world.stop().await;
    world.run().await;
    world.send(enrol(learners(&[AIGERIM]))).await.reaches(GB, &surnames(1));
    world.send(enrol(learners(&[AIGERIM]))).await.is_refused("QUOTA_EXCEEDED");
    world.send(results(learners(&[AIGERIM]))).await.reaches(KZ, &learners(&[AIGERIM]));
    world.clock.set(Timestamp::parse("2026-11-22T19:00:00Z").unwrap());
    world.send(enrol(learners(&[DANIYAR]))).await.reaches(GB, &surnames(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_has_so_many_requests_a_minute() {
    let world = World::plan()
        .edit("name = \"lms\"", "name = \"lms\"\nrequests_per_minute = 3")
        .start()
        .await;
    world.clock.set(Timestamp::parse("2026-11-22T09:45:07.250Z").unwrap());
    world.send(enrol(learners(&[AIGERIM]))).await.reaches(GB, &surnames(1));
    world.send(enrol("{")).await.is_refused("DOCUMENT_UNPARSABLE");
    world.send(enrol("{").path("/nowhere")).await.is_refused("ROUTE_UNKNOWN");
    for _ in 0..2 {
        let sent = world.send(enrol(learners(&[AIGERIM]))).await;
        sent.is_refused("REQUESTS_EXCEEDED");
        assert_eq!(sent.headers["retry-after"], "53");
        assert_eq!(sent.problem()["resets"], "2026-11-22T09:46:00.000Z");
        assert_eq!(sent.entry()["caller"], "lms");
    }
    assert_eq!(world.ask(subscribe(subscribers(AIGERIM)).purpose("P10a")).await.status, 200);
    world.clock.set(Timestamp::parse("2026-11-22T09:46:00Z").unwrap());
    world.send(enrol(learners(&[AIGERIM]))).await.reaches(GB, &surnames(1));
}

// --- words

const DECISION: &str = r#"{"reference": "No. 8",
    "sha256": "5E5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e"}"#;

fn who(iin: &str) -> Value {
    json!({"scheme": "kz-iin", "id": iin})
}

impl World {
    /// Blocks; the block's id.
    async fn block(&self, block: Value) -> String {
        let (status, told) = self.admin("POST", "/blocks", &block.to_string()).await;
        assert_eq!(status, 201, "{told}");
        told["block"].as_str().unwrap().to_owned()
    }

    async fn lift(&self, block: &str, decision: &str) -> (u16, Value) {
        self.admin("POST", &format!("/blocks/{block}/lift"), decision).await
    }
}

/// The code of a refusal.
async fn code(world: &World, ask: Ask) -> String {
    let words = world.ask(ask).await;
    let problem: Value = serde_json::from_slice(&words.body).unwrap();
    problem["code"].as_str().unwrap().to_owned()
}

/// What the program says when it succeeds.
fn told(world: &World, arguments: &[&str], input: &str) -> String {
    let output = tokio::task::block_in_place(|| run(world, arguments, input));
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn run(world: &World, arguments: &[&str], input: &str) -> Output {
    let mut command = world.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}
