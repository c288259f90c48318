//! Whole transfers by each rule that the law or the policy asks for: what it stops, what it lets
//! through, and what the ledger then says.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "support/world.rs"]
mod world;

use otkel::demo::sample::{AIGERIM, DANIYAR, NURLAN};
use otkel::time::Timestamp;
use serde_json::{Value, json};
use world::*;

const GB: &str = "training-gb";
const DE: &str = "learning-de";
const MINISTRY: &str = "ministry-kz";
const REGISTER: &str = "register.toml";
const GB_FILE: &str = "partners/training-gb.toml";
const EMAIL: &str = "\"$.learners[*].email\" = \"D07\"";

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// One learner with an e-mail address.
fn learner(iin: &str) -> String {
    let learner = json!({"iin": iin, "family_name": "Тест", "email": "t@example.kz"});
    json!({"learners": [learner]}).to_string()
}

/// What is left of [`learner`] at the training partner.
fn named() -> String {
    surnames(1)
}

fn with_email() -> &'static str {
    r#"{"learners":[{"email":"t@example.kz","family_name":"Тест"}]}"#
}

/// A line of the example's register in the purpose of training.
fn training(line: &str) -> Plan {
    let all = "categories = [\"D01\", \"D04\", \"D07\", \"D08\", \"D20\"]";
    World::plan().rule(REGISTER, all, &format!("{all}\n{line}"))
}

fn certificates() -> Ask {
    let teacher = json!({"certificate_number": "KZ-7-0001", "family_name": "Тест", "iin": NURLAN});
    result(json!({"teachers": [teacher]}).to_string()).path("/ministry-kz/certificates")
}

fn study(answer: &Value) -> Ask {
    let mut answer = answer.clone();
    answer["iin"] = AIGERIM.into();
    result(json!({"answers": [answer]}).to_string()).path("/research-kz/autumn-study")
}

// --- state bodies: 94-V Art. 9, clause 4.2 of the policy

#[tokio::test(flavor = "multi_thread")]
async fn a_state_body_gets_what_its_accepted_request_lists_and_no_consent_is_asked() {
    let world = World::start().await;
    let ask = certificates().header("otkel-legal-request", "2026-114");
    let body = String::from_utf8(ask.body.clone()).unwrap();
    let sent = world.send(ask).await;
    sent.reaches(MINISTRY, &body).has_lines(1);
    let entry = &sent.entries[0];
    let basis = json!({
        "article": "9(10)", "date": "2026-10-01", "document": "№ 03-114/26",
        "officer": "a.mysalova", "request": "2026-114",
    });
    assert_eq!((&entry["basis"], &entry["border"]), (&basis, &Value::Null));
    assert_eq!(entry["exporter"], "500140000017");
    assert_eq!(sent.lines[0][0]["consent"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_request_that_is_in_force_a_state_body_gets_nothing() {
    let world = World::start().await;
    let named = |name: &str| certificates().header("otkel-legal-request", name);
    for ask in [
        certificates(),
        named("2026-115"),
        named(""),
        named("2026-114, 2026-114"),
        named("2026-114").header("otkel-legal-request", "2026-114"),
        certificates().header("otkel-legal-request", b"\xff"),
    ] {
        let sent = world.send(ask).await;
        sent.is_refused("LEGAL_REQUEST_INCOMPLETE").at("`Otkel-Legal-Request`");
    }
    world.clock.set(time("2027-11-01T00:00:00+05:00"));
    let sent = world.send(named("2026-114")).await;
    sent.is_refused("LEGAL_REQUEST_INCOMPLETE").has_lines(1);
    assert_eq!(sent.entries[0]["basis"]["request"], "2026-114");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_a_state_body_is_no_basis_for_anybody_else() {
    let world = World::start().await;
    for name in ["2026-114", "x", ""] {
        let ask = enrol(learner(AIGERIM)).header("otkel-legal-request", name);
        world.send(ask).await.is_refused("LEGAL_REQUEST_NOT_FOR_ROUTE");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_a_request_stays_here() {
    let world = World::plan().stub(MINISTRY, Stub::with(Papers::Proper)).start().await;
    world.send(certificates().header("otkel-legal-request", "2026-114")).await;
    let heard = world.heard(MINISTRY);
    assert_eq!((count(&heard, b"OTK1"), count(&heard, b"2026-114")), (1, 0));
}

// --- studies: 94-V Art. 17(1)

#[tokio::test(flavor = "multi_thread")]
async fn a_study_gets_what_says_nothing_of_who_it_was() {
    let world = World::start().await;
    let answer = json!({"position": "мұғалім", "experience_years": 12, "score": 87.5});
    let text = r#"{"answers":[{"experience_years":12,"position":"мұғалім","score":87.5}]}"#;
    world.send(study(&answer)).await.reaches("research-kz", text);
    for value in [
        json!("t@example.kz"),
        json!(AIGERIM),
        json!(580_101_100_015_u64),
        json!("+7 701 000 00 00"),
        json!("3425034b5e25cc2cb4d8e45d97c89bb49245f9dd41083546886fdc852a13c58d"),
    ] {
        let sent = world.send(study(&json!({"position": "мұғалім", "comment": value}))).await;
        sent.is_refused("IDENTIFIER_IN_STUDY").at("$.answers[*].comment").has_lines(1);
        let entry = sent.entries[0].to_string();
        assert!(!entry.contains("example.kz") && !entry.contains(AIGERIM), "{entry}");
        assert_eq!(sent.verdicts()[0]["decision"], "withheld");
    }
    let escaped = study(&json!({"comment": "X"}));
    let body = String::from_utf8(escaped.body.clone()).unwrap();
    let body = body.replace('X', "t\\u0040example\\u002ekz").into_bytes();
    world.send(Ask { body, ..escaped }).await.is_refused("IDENTIFIER_IN_STUDY");
}

// --- ends and days: 94-V Art. 12(2), 18

#[tokio::test(flavor = "multi_thread")]
async fn a_purpose_that_has_ended_gets_nothing_from_that_midnight() {
    let world = training("ended = 2026-11-23").start().await;
    let ask = || enrol(learners(&[AIGERIM]));
    world.clock.set(time("2026-11-22T23:59:59.999+05:00"));
    world.send(ask()).await.reaches(GB, &named());
    world.clock.set(time("2026-11-23T00:00:00+05:00"));
    world.send(ask()).await.is_refused("PURPOSE_ENDED").has_lines(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_takes_transfers_between_its_days_only() {
    let study_file = "partners/research-kz.toml";
    let plan = World::plan().rule(study_file, "open_from = 2026-11-01", "open_from = 2026-11-23");
    let plan = plan.rule(study_file, "open_until = 2027-10-31", "open_until = 2026-11-23");
    let world = plan.start().await;
    for (at, open) in [
        ("2026-11-22T23:59:59.999+05:00", false),
        ("2026-11-23T00:00:00+05:00", true),
        ("2026-11-23T23:59:59.999+05:00", true),
        ("2026-11-24T00:00:00+05:00", false),
    ] {
        world.clock.set(time(at));
        let sent = world.send(study(&json!({"score": 1}))).await;
        if open {
            assert_eq!(sent.status, 200, "{at}");
        } else {
            sent.is_refused("ROUTE_CLOSED");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purpose_goes_to_its_partners_and_countries_and_no_others() {
    let partners = training("partners = [\"attestation-kz\"]").start().await;
    let ask = || enrol(learners(&[AIGERIM]));
    partners.send(ask()).await.is_refused("PARTNER_NOT_FOR_PURPOSE");
    let countries = training("countries = [\"DE\"]").start().await;
    countries.send(ask()).await.is_refused("COUNTRY_NOT_FOR_PURPOSE");
    let sent =
        countries.send(result(r#"{"iin":"580101100015","family_name":"Т","result":{"score":1}}"#));
    assert_eq!(sent.await.status, 200, "at home no list of countries matters");
}

// --- fields: 94-V Art. 7(9), 8-1, 15(2)

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_another_purpose_of_the_route_stays() {
    let world = World::start().await;
    let body = r#"{"course":{"code":"P-7"},"learners":[{"iin":"580101100015",
        "email":"a@example.kz","family_name":"Тест"}]}"#;
    let sent = world.send(enrol(body).method("PUT").path("/learning-de/learners").purpose("P05"));
    let sent = sent.await;
    sent.reaches(DE, r#"{"course":{"code":"P-7"},"learners":[{"email":"a@example.kz"}]}"#);
    let removed = &sent.verdicts()[0]["removed"];
    assert_eq!(removed, &json!({"$.learners[*].family_name": "FIELD_NOT_FOR_PURPOSE"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_mapped_after_a_consent_leaves_only_by_a_later_one() {
    let since = "\"$.learners[*].email\" = { category = \"D07\", since = 2026-10-01 }";
    let world = World::plan().rule(GB_FILE, EMAIL, since).start().await;
    let sent = world.send(enrol(learner(AIGERIM))).await;
    sent.reaches(GB, &named());
    let removed = &sent.verdicts()[0]["removed"];
    assert_eq!(removed, &json!({"$.learners[*].email": "FIELD_NEWER_THAN_CONSENT"}));
    world.grant(&consent(20, AIGERIM, |c| {
        c["pii_information"] = json!(["D07"]);
        c["events"][0]["event_time"] = json!("2026-10-01T00:00:00+05:00");
    }));
    let sent = world.send(enrol(learner(AIGERIM))).await;
    sent.reaches(GB, with_email());
    let rests_on = [record(2), record(20)].map(|id| id.to_string());
    assert_eq!(sent.lines[0][0]["consents"], json!(rests_on), "it rests on both");
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_a_state_system_leave_by_a_consent_through_the_state_service_only() {
    let state = "\"$.learners[*].email\" = { category = \"D07\", source = \"state\" }";
    let world = World::plan().rule(GB_FILE, EMAIL, state).start().await;
    let sent = world.send(enrol(learner(AIGERIM))).await;
    sent.is_refused("STATE_CONSENT_REQUIRED").at("$.learners[*].email").has_lines(1);
    let verdict = &sent.verdicts()[0];
    assert_eq!(verdict["present"], json!(["$.learners[*].family_name", "$.learners[*].email"]));
    world.send(enrol(learners(&[AIGERIM]))).await.reaches(GB, &named());
    world.grant(&consent(20, AIGERIM, |c| {
        c["pii_information"] = json!(["D07"]);
        c["events"][0]["channel"] = json!("state-service");
    }));
    world.send(enrol(learner(AIGERIM))).await.reaches(GB, with_email());
}

// --- consents: 94-V Art. 7(1), 7(3), 8, 15(2), 19-1

#[tokio::test(flavor = "multi_thread")]
async fn what_two_consents_cover_together_leaves_and_the_line_names_both() {
    let world = World::start().await;
    let only = |number, category: &str, day: &str| {
        world.grant(&consent(number, NURLAN, |c| {
            c["pii_information"] = json!([category]);
            c["events"][0]["event_time"] = json!(format!("2026-09-{day}T00:00:00Z"));
        }));
    };
    only(20, "D01", "01");
    only(21, "D03", "02");
    let sent = world.send(enrol(learner(NURLAN))).await;
    sent.reaches(GB, &named());
    assert_eq!(sent.lines[0][0]["consent"], record(20).to_string());
    only(22, "D07", "03");
    let sent = world.send(enrol(learner(NURLAN))).await;
    sent.reaches(GB, with_email());
    let line = &sent.lines[0][0];
    assert_eq!(line["consents"], json!([record(22).to_string(), record(20).to_string()]));
    assert_eq!(line["consent"], Value::Null);
    world.withdraw(record(22));
    world.send(enrol(learner(NURLAN))).await.is_refused("CONSENT_WITHDRAWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_to_a_text_that_the_register_does_not_have_is_none() {
    let world = World::start().await;
    world.grant(&consent(20, NURLAN, |c| c["privacy_notice"]["version"] = json!("2025-01")));
    world.send(enrol(learner(NURLAN))).await.is_refused("NOTICE_UNKNOWN");
    let digest = |c: &mut Value| c["privacy_notice"]["sha256"] = json!("5e".repeat(32));
    world.grant(&consent(21, NURLAN, digest));
    world.send(enrol(learner(NURLAN))).await.is_refused("NOTICE_UNKNOWN");
    world.grant(&consent(22, NURLAN, |_| {}));
    world.send(enrol(learner(NURLAN))).await.reaches(GB, with_email());
}

#[tokio::test(flavor = "multi_thread")]
async fn for_a_minor_a_representative_consents() {
    let world = World::start().await;
    let minor = |c: &mut Value| c["minor_until"] = json!("2027-01-01T00:00:00+05:00");
    world.grant(&consent(20, NURLAN, minor));
    world.send(enrol(learner(NURLAN))).await.is_refused("REPRESENTATIVE_REQUIRED");
    world.grant(&consent(21, NURLAN, |c| {
        minor(c);
        c["given_by"] = json!("mother, birth certificate No. 12");
    }));
    world.send(enrol(learner(NURLAN))).await.reaches(GB, with_email());
    world.grant(&consent(22, DANIYAR, minor));
    world.clock.set(time("2027-01-01T00:00:00+05:00"));
    world.send(enrol(learner(DANIYAR))).await.reaches(GB, with_email());
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_without_a_person_need_a_consent_that_accepts_them() {
    let world = training("automated_decision = true").start().await;
    world.send(enrol(learner(AIGERIM))).await.is_refused("AUTOMATED_NOT_CONSENTED");
    world.grant(&consent(20, AIGERIM, |c| c["automated_processing"] = json!(true)));
    world.send(enrol(learner(AIGERIM))).await.reaches(GB, with_email());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_needs_a_consent_that_names_the_public_source() {
    let (third, public) = ("type = \"third-party\"", "type = \"public-source\"");
    let world = World::plan().rule(GB_FILE, third, public).start().await;
    world.send(enrol(learner(AIGERIM))).await.is_refused("PUBLICATION_NOT_CONSENTED");
    let in_source = |number, source: &str| {
        world.grant(&consent(number, AIGERIM, |c| {
            c["publication"] = json!({"allowed": true, "sources": [source]});
        }));
    };
    in_source(20, "https://cpm.example/graduates");
    world.send(enrol(learner(AIGERIM))).await.is_refused("PUBLICATION_NOT_CONSENTED");
    in_source(21, GB);
    world.send(enrol(learner(AIGERIM))).await.reaches(GB, with_email());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_counts_no_longer_than_the_register_says() {
    let (ten, one) = ("[legal.consent-term]\nvalue = 10", "[legal.consent-term]\nvalue = 1");
    let world = World::plan().rule(REGISTER, ten, one).start().await;
    let given = |number, at: &str| {
        world.grant(&consent(number, NURLAN, |c| {
            c["events"][0]["event_time"] = json!(at);
            c["events"][0]["valid_until"] = json!("2028-01-01T00:00:00Z");
        }));
    };
    given(20, "2025-11-22T07:00:00Z");
    world.send(enrol(learner(NURLAN))).await.is_refused("CONSENT_EXPIRED");
    given(21, "2025-11-22T07:00:00.001Z");
    world.send(enrol(learner(NURLAN))).await.reaches(GB, with_email());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_told_of_a_transfer_is_recorded_with_the_last_day() {
    let told = json!({"due": "2026-12-04", "n": 1});
    let world = World::start().await;
    world.grant(&consent(20, NURLAN, |c| c["notify_on_transfer"] = json!(true)));
    let sent = world.send(enrol(learners(&[AIGERIM, NURLAN]))).await;
    assert_eq!(sent.entries[0]["notify"], told);
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    assert_eq!(sent.entries[0]["notify"], Value::Null);
    let world = training("notify_on_transfer = true").start().await;
    let sent = world.send(enrol(learners(&[AIGERIM, NURLAN]))).await;
    assert_eq!(sent.entries[0]["notify"], told, "of two learners one may go");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_is_told_to_keep_data_no_longer_than_the_purpose_needs() {
    let kept = async |plan: Plan| {
        let sent = plan.start().await.send(enrol(learners(&[AIGERIM]))).await;
        let header = &sent.received[0].1.header;
        (header.exp - header.iat) / (24 * 3600)
    };
    assert_eq!(kept(training("retention_days = 30")).await, 30);
    assert_eq!(kept(training("retention_days = 3650")).await, 365);
}

// --- the border: 94-V Art. 16

#[tokio::test(flavor = "multi_thread")]
async fn the_ground_on_which_data_cross_the_border_is_recorded_for_each_country() {
    let ground = async |adequate: &str| {
        let world = World::plan().rule(REGISTER, "[adequate]", adequate).start().await;
        world.send(enrol(learner(NURLAN))).await.is_refused("NO_CONSENT");
        let sent = world.send(enrol(learner(AIGERIM))).await;
        sent.reaches(GB, with_email());
        assert_eq!(sent.entries[0]["basis"], "consent");
        sent.entries[0]["border"].clone()
    };
    assert_eq!(ground("[adequate]").await, json!({"GB": "16(3)(1)"}));
    let act = "reference = \"No. 1\"\nsince = 2026-01-01";
    let adequate = format!("[adequate.GB]\n{act}");
    assert_eq!(ground(&adequate).await, json!({"GB": "16(2)"}));
    let treaty = format!("[adequate]\n[treaty.GB]\n{act}");
    assert_eq!(ground(&treaty).await, json!({"GB": "16(3)(2)"}));
}

// --- report mode

#[tokio::test(flavor = "multi_thread")]
async fn a_candidates_verdict_stands_beside_and_the_transfer_goes_as_the_rules_say() {
    let candidate = "[route.candidate]\nuntil = 2026-11-22\nrequired = [\"$.learners[*].email\"]\n";
    let text = "# The same listeners in groups";
    let plan = World::plan().rule(GB_FILE, text, &format!("{candidate}\n{text}"));
    let world = plan.start().await;
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    sent.reaches(GB, &named());
    let candidate = &sent.entries[0]["candidate"];
    assert_eq!(candidate["decision"], "refused");
    assert_eq!(candidate["reason"], "REQUIRED_FIELD_REMOVED");
    assert_eq!(candidate["place"], "$.learners[*].email");
    assert_eq!(candidate["verdicts"][0]["present"], json!(["$.learners[*].family_name"]));
    let sent = world.send(enrol(learner(AIGERIM))).await;
    sent.reaches(GB, with_email());
    assert_eq!(sent.entries[0]["candidate"]["decision"], "permitted");
    let sent = world.send(enrol(learner(NURLAN))).await;
    sent.is_refused("NO_CONSENT");
    assert_eq!(sent.entries[0]["candidate"]["reason"], "NO_CONSENT");
    world.clock.set(time("2026-11-23T00:00:00+05:00"));
    let sent = world.send(enrol(learner(AIGERIM))).await;
    assert_eq!(sent.entries[0]["candidate"], Value::Null, "the trial is over");
}

// --- what a refusal leaves for those who decide it again

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_what_was_there() {
    let world = World::start().await;
    let body = json!({"course": {"code": "x"}, "learners": [
        {"iin": NURLAN, "family_name": "a"}, {"iin": NURLAN, "email": "b", "x": 1},
        {"iin": NURLAN, "family_name": "c"},
    ]});
    let sent = world.send(enrol(body.to_string())).await;
    sent.is_refused("NO_CONSENT").has_lines(3);
    let present: Vec<_> = sent.verdicts().iter().map(|v| (&v["n"], &v["present"])).collect();
    let want = [
        (json!(2), json!(["$.learners[*].family_name"])),
        (json!(1), json!(["$.learners[*].email"])),
        (json!(0), json!(["$.course.code"])),
    ];
    assert_eq!(present, want.iter().map(|(n, paths)| (n, paths)).collect::<Vec<_>>());
    let world = training("ended = 2026-01-01").start().await;
    let sent = world.send(enrol(body.to_string())).await;
    sent.is_refused("PURPOSE_ENDED").has_lines(3);
    let present: Vec<_> = sent.verdicts().iter().map(|v| (&v["n"], &v["present"])).collect();
    assert_eq!(present, want.iter().map(|(n, paths)| (n, paths)).collect::<Vec<_>>());
}
