//! Treatments over real TLS: what the partner gets of a value, who can read it, and what the
//! ledger says of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "support/world.rs"]
mod world;

use std::fs;

use otkel::demo::sample::{AIGERIM, DANIYAR};
use otkel::envelope::{self, Kem};
use otkel::keyfile;
use otkel::time::Timestamp;
use serde_json::{Value, json};
use world::*;

const GB: &str = "training-gb";
const NAME: &str = "$.learners[*].family_name";
const MAIL: &str = "$.learners[*].email";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A world in which a field of the training partner's is treated.
fn plan(field: &str, category: &str, treatment: &str) -> Plan {
    treat(World::plan(), field, category, treatment).secret("keys/pseudonyms.secret", SECRET)
}

fn treat(plan: Plan, field: &str, category: &str, treatment: &str) -> Plan {
    let line = format!("\n\"{field}\" = \"{category}\"");
    let treated = format!("\n\"{field}\" = {{ category = \"{category}\", {treatment} }}");
    plan.rule("partners/training-gb.toml", &line, &treated)
}

fn body(iin: &str, name: &str, email: &Value) -> String {
    json!({"learners": [{"iin": iin, "family_name": name, "email": email}]}).to_string()
}

/// What the partner got of the first learner.
#[track_caller]
fn learner(sent: &Sent) -> Value {
    let [(_, payload)] = sent.received.as_slice() else { panic!("{sent:#?}") };
    let got: Value = serde_json::from_slice(&payload.body).unwrap();
    got["learners"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_masked_value_shows_what_the_rule_says_and_the_ledger_says_that_it_was_masked() {
    let world = plan(MAIL, "D07", "mask = { last = 3 }").start().await;
    let sent = world.send(enrol(body(AIGERIM, "Тест", &json!("ab@example.kz")))).await;
    sent.reaches(GB, r#"{"learners":[{"email":"**********.kz","family_name":"Тест"}]}"#);
    let verdict = &sent.verdicts()[0];
    assert_eq!(verdict["treated"], json!({MAIL: "mask"}));
    assert_eq!(verdict["sent"]["D07"], json!([MAIL]));
    assert_eq!((&verdict["decision"], &verdict["lost"]), (&"redacted".into(), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_cannot_be_treated_stays_and_is_counted() {
    let plan = plan(MAIL, "D07", "generalise = { date = \"year\" }");
    let world = plan.start().await;
    let sent = world.send(enrol(body(AIGERIM, "Тест", &json!("ab@example.kz")))).await;
    sent.reaches(GB, r#"{"learners":[{"family_name":"Тест"}]}"#);
    assert_eq!(sent.verdicts()[0]["lost"], json!({MAIL: {"TREATMENT_IMPOSSIBLE": 1}}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_value_that_cannot_be_treated_stops_the_transfer() {
    let world = plan(NAME, "D01", "generalise = { band = 10 }").start().await;
    let sent = world.send(enrol(body(AIGERIM, "Тест", &Value::Null))).await;
    sent.is_refused("TREATMENT_IMPOSSIBLE").at(NAME).has_lines(1);
    assert_eq!(sent.verdicts()[0]["present"], json!([NAME, MAIL]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pseudonym_is_stable_and_only_its_own_command_reveals_it() {
    let mut world = plan(NAME, "D01", "pseudonymise = \"name\"").real_time().start().await;
    let mut pseudonyms = Vec::new();
    for (iin, name) in [(AIGERIM, "Тест"), (DANIYAR, "Тест"), (AIGERIM, "Тесть")] {
        let sent = world.send(enrol(body(iin, name, &Value::Null))).await;
        pseudonyms.push(learner(&sent)["family_name"].as_str().unwrap().to_owned());
        assert_eq!(sent.verdicts()[0]["treated"], json!({NAME: "pseudonymise"}));
    }
    let [one, same, other] = pseudonyms.as_slice() else { panic!("three were sent") };
    assert!(one == same && one != other && one.starts_with("p1."), "{pseudonyms:?}");
    world.stop().await;
    let reveal = |partner: &str| {
        let words = ["pseudonym", "reveal", "--partner", partner, "--scope", "name"];
        let more = ["--document", "case 12/2026", "--by", "a.mysalova", one];
        world.otkel(&[&words[..], &more].concat())
    };
    let other_partner = reveal("learning-de");
    assert!(!other_partner.status.success() && other_partner.stdout.is_empty());
    let revealed = reveal(GB);
    assert_eq!(String::from_utf8(revealed.stdout).unwrap(), "Тест\n");
    world.run().await;
    let entries = world.entries(0);
    let told: Vec<&Value> =
        entries.iter().filter(|entry| entry["act"] == "pseudonym-revealed").collect();
    let [told] = told.as_slice() else { panic!("one reveal is recorded: {told:?}") };
    assert_eq!((&told["by"], &told["partner"]), (&json!("a.mysalova"), &json!(GB)));
    assert_eq!((&told["object"], &told["document"]), (&json!("name"), &json!("case 12/2026")));
    let text = told.to_string();
    assert!(!text.contains("Тест") && !text.contains(one.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_ledger_cannot_be_written_nothing_is_revealed() {
    let mut world = plan(NAME, "D01", "pseudonymise = \"name\"").real_time().start().await;
    let sent = world.send(enrol(body(AIGERIM, "Тест", &Value::Null))).await;
    let pseudonym = learner(&sent)["family_name"].as_str().unwrap().to_owned();
    world.stop().await;
    // The store's place is taken by a folder: no entry can be written.
    let config = fs::read_to_string(&world.config).unwrap();
    let line = config.lines().find(|line| line.starts_with("path = ")).unwrap();
    let store = world.folder().join(line.trim_start_matches("path = ").trim_matches('"'));
    fs::remove_file(&store).unwrap();
    fs::create_dir(&store).unwrap();
    let words = ["pseudonym", "reveal", "--partner", GB, "--scope", "name", "--document", "12"];
    let told = world.otkel(&[&words[..], &[&pseudonym]].concat());
    assert_eq!((told.status.code(), told.stdout.as_slice()), (Some(2), &b""[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_make_pseudonyms_do_not_come_into_force_without_a_secret() {
    let plan = treat(World::plan(), NAME, "D01", "pseudonymise = \"name\"")
        .edit("[pseudonyms]\nsecret = \"keys/pseudonyms.secret\"\n", "");
    let Err(why) = plan.try_start().await else { panic!("it started") };
    let told = why.to_string();
    assert!(
        told.contains("otkel keygen pseudonyms") && told.contains("training-gb.toml:"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_others_may_read_or_that_is_published_is_none() {
    let published: String = (0..32_u8).map(char::from).collect();
    for secret in ["too short", &published] {
        let plan = plan(NAME, "D01", "pseudonymise = \"name\"");
        let Err(why) = plan.secret("keys/pseudonyms.secret", secret).try_start().await else {
            panic!("it started")
        };
        assert!(why.to_string().contains("not 32 bytes that nobody knows"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_value_opens_with_the_partners_key_and_says_what_it_is() {
    let world = plan(MAIL, "D07", "encrypt = \"partner\"").start().await;
    let sent = world.send(enrol(body(AIGERIM, "Тест", &json!("ab@example.kz")))).await;
    let text = learner(&sent)["email"].as_str().unwrap().to_owned();
    assert!(text.starts_with("T1RLMQ"), "{text}");
    let key = keyfile::read_secret(&world.folder().join("keys/training-gb.key")).unwrap();
    let sealed = envelope::field::decode(text.as_bytes()).unwrap();
    let (header, value) = envelope::open(&sealed, &key).unwrap();
    assert_eq!(value, b"ab@example.kz");
    assert_eq!((header.cty.as_str(), header.p.as_str()), ("text/plain", MAIL));
    assert_eq!((header.aud.as_str(), header.did.to_string()), (GB, sent.decision().to_owned()));
    assert_eq!(sent.verdicts()[0]["treated"], json!({MAIL: "encrypt"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_for_another_recipient_stays_closed_to_the_partner() {
    let time = |text| Timestamp::parse(text).unwrap();
    let (from, until) = (time("2026-01-01T00:00:00Z"), time("2027-01-01T00:00:00Z"));
    let (pem, entry) = keyfile::generate(Kem::X25519, from, until).unwrap();
    let recipient = "[recipient.payroll]\ntitle = \"Payroll\"\n\n[purposes]";
    let world = plan(MAIL, "D07", "encrypt = \"payroll\"")
        .rule("partners/training-gb.toml", "[purposes]", recipient)
        .secret("keys/payroll.key", &pem)
        .recipient(GB, "payroll", entry)
        .start()
        .await;
    let sent = world.send(enrol(body(AIGERIM, "Тест", &json!(7)))).await;
    let sealed = learner(&sent)["email"].as_str().unwrap().to_owned();
    let sealed = envelope::field::decode(sealed.as_bytes()).unwrap();
    let key = |name: &str| keyfile::read_secret(&world.folder().join(name)).unwrap();
    let (header, value) = envelope::open(&sealed, &key("keys/payroll.key")).unwrap();
    assert_eq!((header.aud.as_str(), value.as_slice()), ("payroll", &b"7"[..]));
    assert!(envelope::open(&sealed, &key("keys/training-gb.key")).is_err());
    world.clock.set(until);
    let sent = world.send(enrol(body(AIGERIM, "Тест", &json!(7)))).await;
    sent.is_refused("PARTNER_KEY_UNAVAILABLE").at(MAIL);
}

/// A route of the training partner's besides those that it has.
fn route(name: &str, format: &str, subjects: &str, map: &str) -> String {
    format!(
        "[[route]]\nname = \"{name}\"\nrequest = \"POST /{name}\"\nto = \"/{name}\"\n\
         endpoint = \"main\"\npurposes = [\"P09\"]\nformat = \"{format}\"\n{subjects}\
         subject = \"$.iin\"\nscheme = \"kz-iin\"\non_refused = \"refuse\"\n\
         unmapped = \"remove\"\n[route.fields]\n{map}\n\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_has_one_pseudonym_in_every_format() {
    let how = "= { category = \"D01\", pseudonymise = \"name\" }";
    let csv = route("table", "csv", "subjects = \"$[*]\"\n", &format!("\"$[*].name\" {how}"));
    let form = route("form", "form", "", &format!("\"$.name\" {how}"));
    let case = "[[case]]\nname = \"a listener is enrolled";
    let world = plan(NAME, "D01", "pseudonymise = \"name\"")
        .rule("partners/training-gb.toml", case, &format!("{csv}{form}{case}"))
        .edit("routes = [\n", "routes = [\n  \"training-gb.table\", \"training-gb.form\",\n")
        .start()
        .await;
    let asked = |path: &str, media: &str, body: String| {
        enrol(body).path(path).without_type().header("content-type", media)
    };
    let table = format!("iin,name\r\n{AIGERIM},\"Тест\"\r\n");
    let pairs = format!("iin={AIGERIM}&name=%D0%A2%D0%B5%D1%81%D1%82");
    let [json, table, pairs] = [
        enrol(body(AIGERIM, "Тест", &Value::Null)),
        asked("/table", "text/csv", table),
        asked("/form", "application/x-www-form-urlencoded", pairs),
    ];
    let sent = world.send(json).await;
    let one = learner(&sent)["family_name"].as_str().unwrap().to_owned();
    for (ask, left) in [(table, format!("name\r\n{one}\r\n")), (pairs, format!("name={one}"))] {
        world.send(ask).await.reaches(GB, &left);
    }
}
