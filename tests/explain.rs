//! Explanations: they say what was decided, where in the rules, and all that would have to change;
//! of a file as of a recorded decision, and they name nobody.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

#[path = "support/world.rs"]
mod world;

use std::fs;
use std::path::Path;

use otkel::demo::sample::{AIGERIM, DANIYAR, MADINA, NURLAN};
use serde_json::{Value, json};
use world::*;

const GB: &str = "policies/partners/training-gb.toml";

#[tokio::test(flavor = "multi_thread")]
async fn a_file_and_the_decision_on_it_are_explained_alike() {
    let mut world = World::plan().own_rules().start().await;
    let bodies = [
        batch(),
        format!(r#"{{"learners":[{}]}}"#, record(NURLAN, "")),
        format!(r#"{{"learners":[{},{}]}}"#, record(AIGERIM, ""), r#"{"family_name":"Zqvalue"}"#),
    ];
    let mut decisions = Vec::new();
    for body in &bodies {
        decisions.push(world.send(enrol(body)).await.decision().to_owned());
    }
    world.stop().await;
    for (body, did) in bodies.iter().zip(&decisions) {
        let of_file = explained(&world, body, &["--at", NOON]);
        let of_decision = json_of(&world, &[did]);
        for member in ["result", "reason", "place", "gates", "purpose", "route", "policy", "time"] {
            assert_eq!(of_file[member], of_decision[member], "{member}");
        }
        // Which consents did not let a record through is not recorded.
        let mut without = [of_file, of_decision].map(|all| all["records"].clone());
        for groups in &mut without {
            for group in groups.as_array_mut().unwrap() {
                if group["decision"] == "refused" {
                    group["consents"] = json!([]);
                }
            }
        }
        assert_eq!(without[0], without[1]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_to_values_is_told_of_a_file_as_of_a_decision() {
    let email = "\"$.learners[*].email\" = \"D07\"";
    let masked = "\"$.learners[*].email\" = { category = \"D07\", mask = { last = 4 } }";
    let plan = World::plan().own_rules().rule("partners/training-gb.toml", email, masked);
    let mut world = plan.start().await;
    let mails = [r#""a@example.kz""#, "true", "false"];
    let learners = mails.map(|mail| record(AIGERIM, &format!(r#","email":{mail}"#)));
    let body = format!(r#"{{"learners":[{}]}}"#, learners.join(","));
    let did = world.send(enrol(&body)).await.decision().to_owned();
    world.stop().await;
    let all = [explained(&world, &body, &["--at", NOON]), json_of(&world, &[&did])];
    for told in all {
        let email = field(&told["records"][0], "$.learners[*].email");
        assert_eq!(email["treatment"], "mask = { first = 0, last = 4 }");
        assert_eq!(email["lost"], json!({"TREATMENT_IMPOSSIBLE": 2}));
        let name = field(&told["records"][0], "$.learners[*].family_name");
        assert_eq!((&name["did"], &name["treatment"]), (&json!("sent"), &Value::Null));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_is_told_with_its_gates_and_the_lines_of_the_rules() {
    let world = World::plan().own_rules().start().await;
    let told = explained(&world, &batch(), &["--at", NOON]);
    assert_eq!((&told["kind"], &told["result"]), (&json!("rehearsal"), &json!("sent")));
    let line = |rule: &Value| {
        let (file, line) = rule.as_str().unwrap().split_once(':').unwrap();
        let text = fs::read_to_string(world.folder().join("policies").join(file)).unwrap();
        text.lines().nth(line.parse::<usize>().unwrap() - 1).unwrap().to_owned()
    };
    let gate = |gates: &Value, name: &str| {
        let gates = gates.as_array().unwrap();
        gates.iter().find(|gate| gate["gate"] == name).unwrap_or_else(|| panic!("{name}")).clone()
    };
    assert_eq!(line(&gate(&told["gates"], "partner-status")["rule"]), "status = \"active\"");
    assert_eq!(line(&gate(&told["gates"], "purpose-abroad")["rule"]), "cross_border = true");

    let [first, second, third, outside] = told["records"].as_array().unwrap().as_slice() else {
        panic!("{told:#}")
    };
    assert_eq!((&first["subjects"], &first["decision"]), (&json!("1, 4"), &json!("redacted")));
    let email = field(first, "$.learners[*].email");
    assert_eq!((&email["did"], &email["category"]), (&json!("removed"), &json!("D07")));
    assert_eq!(email["reason"]["code"], "CATEGORY_NOT_CONSENTED");
    assert_eq!(email["reason"]["clause"], "94-V Art. 8(4)7)");
    assert_eq!(line(&email["line"]), "\"$.learners[*].email\" = \"D07\"");
    let listed = gate(&email["gates"], "partner-category");
    assert_eq!(line(&listed["rule"]), "P09 = [\"D01\", \"D07\", \"D08\"]");
    assert!(listed["shut"].is_null());
    assert_eq!(gate(&email["gates"], "consent-category")["shut"]["code"], "CATEGORY_NOT_CONSENTED");
    assert_eq!(email["to_change"].as_array().unwrap().len(), 1);
    let name = field(first, "$.learners[*].family_name");
    assert_eq!((&name["did"], &name["to_change"]), (&json!("sent"), &json!([])));
    assert_eq!(field(first, "$.learners[*].employment.position")["did"], "absent");
    assert_eq!(first["unmapped_members_removed"], 2);
    assert_eq!(line(&first["unmapped_rule"]), "unmapped = \"remove\"");
    let yes = json!(world::record(3));
    assert_eq!(first["consents"][0]["record"], yes, "{first:#}");
    assert_eq!(first["consents"][0]["obstacles"], json!([]));

    assert_eq!(
        (&second["subjects"], &second["reason"]["code"]),
        (&json!("2"), &json!("NO_CONSENT"))
    );
    assert_eq!(field(second, "$.learners[*].family_name")["did"], "withheld");
    assert_eq!(third["reason"]["code"], "CROSS_BORDER_NOT_CONSENTED");
    assert_eq!(field(outside, "$.course.code")["did"], "sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_stands_in_the_way_is_told_not_only_the_first() {
    let world = World::plan()
        .own_rules()
        .rule("partners/training-gb.toml", "P09 = [\"D01\", \"D07\", \"D08\"]", "P09 = [\"D01\"]")
        .rule(
            "register.toml",
            "categories = [\"D01\", \"D04\", \"D07\", \"D08\", \"D20\"]",
            "categories = [\"D01\", \"D04\", \"D20\"]",
        )
        .rule("partners/training-gb.toml", "valid_to = 2027-12-31", "valid_to = 2026-11-01")
        .rule("partners/training-gb.toml", "status = \"active\"", "status = \"suspended\"")
        .start()
        .await;
    let told = explained(&world, &batch(), &["--at", NOON]);
    assert_eq!(told["reason"]["code"], "PARTNER_SUSPENDED");
    assert_eq!(told["rule"], told["gates"][1]["rule"]);
    let shut: Vec<_> =
        told["gates"].as_array().unwrap().iter().filter(|g| !g["shut"].is_null()).collect();
    assert_eq!(shut.len(), 2, "the status and the days: {shut:#?}");
    let email = field(&told["records"][0], "$.learners[*].email");
    let codes: Vec<_> = (email["to_change"].as_array().unwrap().iter())
        .map(|change| change["because"]["code"].as_str().unwrap())
        .collect();
    let all = [
        "CATEGORY_NOT_FOR_PURPOSE",
        "CATEGORY_NOT_FOR_PARTNER",
        "CATEGORY_NOT_CONSENTED",
        "PARTNER_SUSPENDED",
    ];
    assert_eq!(codes, all);
    let consents = told["records"][0]["consents"].as_array().unwrap();
    let other = consents.iter().find(|c| c["record"] == json!(world::record(8))).unwrap();
    let obstacles = other["obstacles"].as_array().unwrap();
    let codes: Vec<_> = obstacles.iter().map(|why| why["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["PURPOSE_NOT_CONSENTED", "RECIPIENT_NOT_CONSENTED"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refused_record_that_stops_the_others_is_told_by_its_line() {
    let world = World::start().await;
    let body = learners(&[AIGERIM, NURLAN]);
    let did = world.send(results(&body)).await.decision().to_owned();
    let told = json_of(&world, &[&did]);
    assert_eq!(told["reason"]["code"], "NO_CONSENT");
    let rule = told["rule"].as_str().unwrap();
    let (file, line) = rule.split_once(':').unwrap();
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies").join(file);
    let text = fs::read_to_string(text).unwrap();
    assert_eq!(
        text.lines().nth(line.parse::<usize>().unwrap() - 1),
        Some("on_refused = \"refuse\"")
    );
    assert_eq!(told["records"][0]["decision"], "withheld");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_explained_by_the_rules_and_consents_of_its_time() {
    let world = World::plan().own_rules().start().await;
    let did = world.send(enrol(batch())).await.decision().to_owned();
    let before = json_of(&world, &[&did]);
    world.withdraw(world::record(3));
    world.edit(GB, "\"$.learners[*].email\" = \"D07\"", "");
    world.edit(GB, "# A training partner", "# One line more.\n# A training partner");
    assert_eq!(world.admin("POST", "/rules/reload", "").await.0, 200);
    assert_eq!(json_of(&world, &[&did]), before);
    let (status, told) = world.admin("GET", &format!("/decisions/{did}"), "").await;
    assert_eq!((status, &told), (200, &before));

    let later = world.send(enrol(batch())).await;
    let told = json_of(&world, &[later.decision()]);
    assert_ne!(told["policy"], before["policy"]);
    assert_eq!(told["records"][0]["reason"]["code"], "CONSENT_WITHDRAWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_rules_of_its_time_only_what_is_recorded_is_told() {
    let mut world = World::start().await;
    let did = world.send(enrol(batch())).await.decision().to_owned();
    world.stop().await;
    let store = rusqlite::Connection::open(world.folder().join("store/otkel.db")).unwrap();
    store.execute("DELETE FROM rule_files", []).unwrap();
    let told = json_of(&world, &[&did]);
    assert_eq!((&told["rules_kept"], &told["gates"]), (&json!(false), &json!([])));
    let first = &told["records"][0];
    assert_eq!(first["subjects"], "1, 4");
    assert_eq!(field(first, "$.learners[*].family_name")["did"], "sent");
    assert_eq!(field(first, "$.learners[*].family_name")["category"], "D01");
    let email = field(first, "$.learners[*].email");
    assert_eq!(email["reason"]["code"], "CATEGORY_NOT_CONSENTED");
    let text = world.otkel(&["explain", &did]);
    assert!(String::from_utf8(text.stdout).unwrap().contains("not kept: only what is recorded"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_explained_with_the_consents_and_blocks_of_the_store() {
    let world = World::start().await;
    let who = json!({"scheme": "kz-iin", "id": DANIYAR});
    let block = json!({"subject": who, "document": "No. 7"}).to_string();
    assert_eq!(world.admin("POST", "/blocks", &block).await.0, 201);
    let told = explained(&world, &batch(), &["--at", NOON]);
    assert_eq!(told["records"][0]["reason"]["code"], "SUBJECT_BLOCKED");
    let everyone = json!({"partner": "training-gb", "document": "No. 8"}).to_string();
    assert_eq!(world.admin("POST", "/blocks", &everyone).await.0, 201);
    let told = explained(&world, &batch(), &["--at", NOON]);
    assert_eq!(told["reason"]["code"], "PARTNER_BLOCKED");
    assert_eq!(told["gates"][0]["shut"]["code"], "PARTNER_BLOCKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_named() {
    let world = World::start().await;
    let did = world.send(enrol(batch())).await.decision().to_owned();
    let body = world.folder().join("zq.json");
    fs::write(&body, batch()).unwrap();
    let wrong = world.folder().join("zq.txt");
    fs::write(&wrong, format!("{{\"learners\":[{{\"iin\":\"{NURLAN}\",\"Zqkey\":Zqvalue")).unwrap();
    let bad = world.folder().join("bad.ndjson");
    fs::write(&bad, format!("{{\"subject\":{{\"id\":\"{NURLAN}\"}},\"zqkey\":\"Zqvalue\"}}\n"))
        .unwrap();
    let [body, wrong, bad] = [&body, &wrong, &bad].map(|path| path.to_str().unwrap());
    let route = ["--route", "training-gb.enrol", "--at", NOON];
    let asks: [&[&str]; 7] = [
        &["explain", &did],
        &["explain", &did, "--json"],
        &["explain", body],
        &["explain", body, "--json"],
        &["explain", wrong],
        &["explain", body, "--consents", bad],
        &["explain", NURLAN],
    ];
    for ask in asks {
        let output = world.otkel(&[ask, &route].concat());
        let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        for told in told {
            for secret in [AIGERIM, DANIYAR, MADINA, NURLAN, "Zqvalue", "Zqkey", "zqkey"] {
                assert!(!told.contains(secret), "{ask:?}: {told}");
            }
        }
    }
}

// --- helpers

/// Four records: two that are treated alike, one of somebody who was never asked, and one of
/// somebody who consented to no transfer abroad; in each something that no rule maps.
fn batch() -> String {
    let more = r#","email":"Zqvalue@example.kz","zqkey":"Zqvalue""#;
    let records = [(DANIYAR, more), (NURLAN, ""), (MADINA, more), (DANIYAR, more)];
    let records = records.map(|(iin, more)| record(iin, more)).join(",");
    format!(r#"{{"course":{{"code":"PED-7"}},"learners":[{records}]}}"#)
}

fn record(iin: &str, more: &str) -> String {
    format!(r#"{{"iin":"{iin}","family_name":"Zqvalue"{more}}}"#)
}

/// Explains a body as a file on the training partner's route.
fn explained(world: &World, body: &str, more: &[&str]) -> Value {
    let file = world.folder().join("body.json");
    fs::write(&file, body).unwrap();
    let arguments = [&[file.to_str().unwrap(), "--route", "training-gb.enrol"], more].concat();
    json_of(world, &arguments)
}

fn json_of(world: &World, arguments: &[&str]) -> Value {
    let output = world.otkel(&[&["explain"], arguments, &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn field<'v>(group: &'v Value, name: &str) -> &'v Value {
    let fields = group["fields"].as_array().unwrap();
    fields
        .iter()
        .find(|field| field["field"] == name)
        .unwrap_or_else(|| panic!("{name}: {group:#}"))
}
