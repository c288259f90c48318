//! Whole transfers: what reaches the partner, what stays, and what the ledger says of it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

#[path = "support/world.rs"]
mod world;

use otkel::demo::sample::{AIGERIM, DANIYAR, MADINA, NURLAN, YERLAN};
use otkel::time::Timestamp;
use serde_json::{Value, json};
use world::*;

const GB: &str = "training-gb";
const KZ: &str = "attestation-kz";
const DE: &str = "mailing-de";

const RESULT: &str =
    r#"{"iin":"580101100015","family_name":"Сәрсенова","result":{"score":92.50,"passed":true}}"#;

// --- purpose: 94-V Art. 7(8), 14, 15(2)

#[tokio::test(flavor = "multi_thread")]
async fn a_purpose_must_be_named_where_the_route_serves_several() {
    let world = World::start().await;
    world.send(subscribe(subscribers(AIGERIM))).await.is_refused("PURPOSE_UNKNOWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purpose_that_the_register_does_not_have_is_unknown() {
    let world = World::start().await;
    for purpose in ["P11", "P08", "P12", "P99", "p07", "", "реклама"] {
        let ask = subscribe(subscribers(AIGERIM)).purpose(purpose);
        world.send(ask).await.is_refused("PURPOSE_UNKNOWN");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_purpose_is_unknown() {
    let retired = "[purpose.P07]\nstatus = \"retired\"";
    let plan = World::plan().rule("register.toml", "[purpose.P07]", retired);
    let one = "purposes = [\"P10a\"]";
    let plan = plan.rule("partners/mailing-de.toml", "purposes = [\"P07\", \"P10a\"]", one);
    let world = plan.rule("partners/mailing-de.toml", "P07 = [\"D01\", \"D07\"]", "").start().await;
    let ask = subscribe(subscribers(AIGERIM));
    world.send(ask.clone().purpose("P07")).await.is_refused("PURPOSE_UNKNOWN");
    world.send(ask).await.reaches(DE, r#"{"subscribers":[{"email":"someone@example.kz"}]}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_purposes_are_one_too_many() {
    let world = World::start().await;
    let ask = || subscribe(subscribers(AIGERIM));
    world.send(ask().purpose("P07, P10a")).await.is_refused("PURPOSE_AMBIGUOUS");
    let twice = ask().purpose("P10a").purpose("P10a");
    world.send(twice).await.is_refused("PURPOSE_AMBIGUOUS");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purpose_of_another_route_is_not_this_ones() {
    let world = World::start().await;
    let ask = enrol(learners(&[AIGERIM])).purpose("P07");
    world.send(ask).await.is_refused("PURPOSE_NOT_FOR_ROUTE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_to_one_purpose_is_none_to_another() {
    let world = World::start().await;
    let ask = |purpose| subscribe(subscribers(AIGERIM)).purpose(purpose);
    world.send(ask("P07")).await.is_refused("PURPOSE_NOT_CONSENTED").has_lines(1);
    let sent = world.send(ask("P10a")).await;
    sent.reaches(DE, r#"{"subscribers":[{"email":"someone@example.kz"}]}"#);
    assert_eq!(sent.entry()["purpose"], "P10a");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundled_consent_does_not_cover_advertising() {
    let world = World::start().await;
    world.grant(&consent(20, NURLAN, |c| {
        c["recipient_third_parties"] = json!([DE]);
        c["cross_border"]["countries"] = json!(["DE"]);
        c["purposes"] = json!(["P09", "P10a"]);
    }));
    let ask = subscribe(subscribers(NURLAN)).purpose("P10a");
    world.send(ask).await.is_refused("PURPOSE_NOT_CONSENTED");
}

// --- fields: 94-V Art. 7(9), 8(4)7), 14

#[tokio::test(flavor = "multi_thread")]
async fn a_field_leaves_only_if_map_partner_and_consent_all_let_it() {
    let world = World::start().await;
    let body = json!({
        "course": {"code": "PED-7", "secret": 1},
        "learners": [{
            "iin": DANIYAR, "family_name": "Ахметов", "email": "d@example.kz",
            "phone": "+7 701 000 00 00", "employment": {"position": "мұғалім", "salary": 1},
        }],
    });
    let sent = world.send(enrol(body.to_string())).await;
    let got = &sent.received[0].1.body;
    let got: Value = serde_json::from_slice(got).unwrap();
    let learner = json!({"family_name": "Ахметов", "employment": {"position": "мұғалім"}});
    assert_eq!(got, json!({"course": {"code": "PED-7"}, "learners": [learner]}));
    let verdict = &sent.verdicts()[0];
    assert_eq!(verdict["decision"], "redacted");
    assert_eq!(verdict["removed"], json!({"$.learners[*].email": "CATEGORY_NOT_CONSENTED"}));
    assert_eq!((&verdict["unmapped"], &sent.verdicts()[1]["unmapped"]), (&2.into(), &1.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_looks_like_a_mapped_one_is_not_it() {
    let world = World::start().await;
    let body = format!(
        r#"{{"learners":[{{"iin":"{AIGERIM}","family_name":"Тест","Family_name":"a",
            "family_name ":"b","famіly_name":"c","given_n\u0061me":"Айгерім","":"d"}}]}}"#
    );
    let text = r#"{"learners":[{"family_name":"Тест","given_name":"Айгерім"}]}"#;
    let sent = world.send(enrol(body)).await;
    let got =
        String::from_utf8_lossy(&sent.received[0].1.body).replace("given_n\\u0061me", "given_name");
    assert_eq!(got, text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_category_that_the_register_keeps_at_home_does_not_go_abroad() {
    let world = World::plan()
        .rule("partners/training-gb.toml", "P09 = [\"D01\",", "P09 = [\"D04\", \"D01\",")
        .rule(
            "partners/training-gb.toml",
            "\"$.learners[*].family_name\" = \"D01\"",
            "\"$.learners[*].family_name\" = \"D01\"\n\"$.learners[*].iin\" = \"D04\"",
        )
        .start()
        .await;
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    sent.reaches(GB, &surnames(1));
    assert_eq!(sent.verdicts()[0]["removed"]["$.learners[*].iin"], "CATEGORY_NOT_ABROAD");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapped_field_that_holds_an_object_stays() {
    let world = World::start().await;
    let body = format!(
        r#"{{"learners":[{{"iin":"{AIGERIM}","family_name":"Тест","email":{{"a":["x@y.kz"]}}}}]}}"#
    );
    let sent = world.send(enrol(body)).await;
    sent.reaches(GB, &surnames(1));
    assert_eq!(sent.verdicts()[0]["removed"]["$.learners[*].email"], "FIELD_SHAPE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_unknown_members_only_does_not_go() {
    let world = World::start().await;
    let body = format!(r#"{{"iin":"{AIGERIM}","blood_group":"A+"}}"#);
    world.send(result(body)).await.is_refused("FIELD_UNKNOWN").has_lines(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_to_the_letter_refuses_one_member_more() {
    let world = World::start().await;
    world.send(result(RESULT)).await.reaches(KZ, RESULT).has_lines(1);
    let more = RESULT.replace("\"passed\":true", "\"passed\":true,\"comment\":\"\"");
    world.send(result(more)).await.is_refused("FIELD_UNKNOWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_a_required_field_does_not_go() {
    let world = World::start().await;
    let body = format!(r#"{{"learners":[{{"iin":"{AIGERIM}","email":"a@example.kz"}}]}}"#);
    let sent = world.send(enrol(body)).await;
    sent.is_refused("REQUIRED_FIELD_REMOVED").at("$.learners[*].family_name").has_lines(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_whose_required_field_is_not_consented_does_not_go() {
    let world = World::start().await;
    world.grant(&consent(20, NURLAN, |c| c["pii_information"] = json!(["D08"])));
    let sent = world.send(enrol(learners(&[NURLAN]))).await;
    sent.is_refused("REQUIRED_FIELD_REMOVED").at("$.learners[*].family_name");
    let removed = &sent.verdicts()[0]["removed"];
    assert_eq!(removed["$.learners[*].family_name"], "CATEGORY_NOT_CONSENTED");
}

// --- records: one line a subject

#[tokio::test(flavor = "multi_thread")]
async fn of_a_batch_those_who_may_not_go_are_dropped() {
    let world = World::start().await;
    let sent = world.send(enrol(learners(&[AIGERIM, MADINA, NURLAN, DANIYAR]))).await;
    sent.reaches(GB, &surnames(2)).has_lines(4);
    let verdict = |line: usize| {
        let number = usize::try_from(sent.lines[0][line]["verdict"].as_u64().unwrap()).unwrap();
        sent.verdicts()[number]["reason"].clone()
    };
    let reasons: Vec<Value> = (0..4).map(verdict).collect();
    let want = json!([null, "CROSS_BORDER_NOT_CONSENTED", "NO_CONSENT", null]);
    assert_eq!(Value::Array(reasons), want);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_batch_that_must_be_complete_one_refusal_stops_all() {
    let world = World::start().await;
    world.grant(&consent(20, NURLAN, |c| c["recipient_third_parties"] = json!([KZ])));
    let both = learners(&[AIGERIM, NURLAN]);
    world.send(results(&both)).await.reaches(KZ, &both).has_lines(2);
    let sent = world.send(results(learners(&[AIGERIM, YERLAN, NURLAN]))).await;
    sent.is_refused("CONSENT_WITHDRAWN").has_lines(3);
    let withheld = sent.verdicts().iter().find(|verdict| verdict["decision"] == "withheld");
    assert_eq!(withheld.unwrap()["n"], 2);
    assert_eq!(sent.problem()["subjects"]["CONSENT_WITHDRAWN"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_are_dropped_the_transfer_is_refused() {
    let world = World::start().await;
    let sent = world.send(enrol(learners(&[NURLAN, YERLAN]))).await;
    sent.is_refused("NO_CONSENT").has_lines(2);
    let subjects = json!({"NO_CONSENT": 1, "CONSENT_WITHDRAWN": 1});
    assert_eq!(sent.problem()["subjects"], subjects);
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_in_groups_keep_their_order_and_lose_those_who_may_not_go() {
    let world = World::start().await;
    let learner = |iin: &str| format!(r#"{{"iin":"{iin}","family_name":"Тест"}}"#);
    let group = |name: &str, learners: &[String]| {
        format!(r#"{{"name":"{name}","learners":[{}]}}"#, learners.join(","))
    };
    let groups = |groups: [String; 3]| format!(r#"{{"groups":[{}]}}"#, groups.join(","));
    let (a, b) = (&[learner(NURLAN), learner(AIGERIM)], &[learner(DANIYAR)]);
    let body = groups([group("A", a), group("B", b), group("C", &[])]);
    let left = &[r#"{"family_name":"Тест"}"#.to_owned()];
    let text = groups([group("A", left), group("B", left), group("C", &[])]);
    world.send(enrol_groups(body)).await.reaches(GB, &text).has_lines(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_without_records_is_refused() {
    let world = World::start().await;
    for body in [r#"{"learners":[]}"#, r#"{"course":{"code":"x"}}"#, "{}"] {
        world.send(enrol(body)).await.is_refused("NO_SUBJECTS").has_lines(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_does_not_say_whose_it_is_does_not_go() {
    let world = World::start().await;
    let body = [r#"{"family_name":"a"}"#, r#"{"iin":null,"family_name":"b"}"#, r#"{"iin":{}}"#];
    let body = format!(r#"{{"learners":[{}]}}"#, body.join(","));
    world.send(enrol(body)).await.is_refused("SUBJECT_UNIDENTIFIED").has_lines(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_person_has_one_tag_in_a_transfer_and_others_in_others() {
    let world = World::start().await;
    let first = world.send(enrol(learners(&[NURLAN, AIGERIM, NURLAN]))).await;
    let again = world.send(enrol(learners(&[NURLAN]))).await;
    first.reaches(GB, &surnames(1)).has_lines(3);
    again.is_refused("NO_CONSENT");
    let tag = |sent: &Sent, line: usize| sent.lines[0][line]["tag"].as_str().unwrap().to_owned();
    assert_eq!(tag(&first, 0), tag(&first, 2));
    assert_ne!(tag(&first, 0), tag(&first, 1));
    assert_ne!(tag(&first, 0), tag(&again, 0));
    let both = world.send(enrol(learners(&[AIGERIM, AIGERIM]))).await;
    both.reaches(GB, &surnames(2)).has_lines(2);
    assert_eq!(tag(&both, 0), tag(&both, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_records_go_in_one_entry_with_a_line_each() {
    let world = World::start().await;
    let people: Vec<&str> = [AIGERIM, DANIYAR, NURLAN, MADINA, YERLAN].repeat(100);
    let sent = world.send(enrol(learners(&people))).await;
    sent.reaches(GB, &surnames(200)).has_lines(500);
    assert_eq!(sent.entries.len(), 2);
}

// --- the partner's entry: 94-V Art. 10, 11, 22

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_whose_agreement_or_undertaking_ends_gets_nothing_more() {
    for table in ["agreement", "undertaking"] {
        let until = format!("[{table}]\nuntil = 2026-11-30\n");
        let file = "partners/training-gb.toml";
        let plan = World::plan().rule(file, "valid_to = 2027-12-31", "valid_to = 2027-12-30");
        let plan =
            plan.rule(file, "\nuntil = 2027-12-31", "").rule(file, &format!("[{table}]\n"), &until);
        let other = if table == "agreement" { "[undertaking]\n" } else { "[agreement]\n" };
        let plan = plan.rule(file, other, &format!("{other}until = 2027-12-31\n"));
        let world = plan.start().await;
        let last = Timestamp::parse("2026-12-01T00:00:00+05:00").unwrap();
        world.clock.set(last.plus_millis(-1));
        world.send(enrol(learners(&[AIGERIM]))).await.reaches(GB, &surnames(1));
        world.clock.set(last);
        world.send(enrol(learners(&[AIGERIM]))).await.is_refused("PARTNER_NOT_BOUND").has_lines(1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_without_an_undertaking_gets_nothing() {
    let duties = "[undertaking]\nsince = 2026-09-01\nuntil = 2027-12-31\n\
                  duties = [\"10\", \"11\", \"12(2)\", \"14\", \"15\", \"22\"]\n";
    let world = World::plan().rule("partners/training-gb.toml", duties, "").start().await;
    world.send(enrol(learners(&[AIGERIM]))).await.is_refused("PARTNER_NOT_BOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_whose_review_is_overdue_gets_nothing_more() {
    let world = World::start().await;
    let overdue = Timestamp::parse("2027-11-02T00:00:00+05:00").unwrap();
    // The sample's consents and keys end before; these do not.
    let world_consent = consent(20, NURLAN, |c| {
        c["events"][0]["valid_until"] = json!("2028-06-01T00:00:00.000Z");
    });
    world.grant(&world_consent);
    world.clock.set(overdue);
    world.send(enrol(learners(&[NURLAN]))).await.is_refused("PARTNER_SUSPENDED").has_lines(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_partner_gets_nothing() {
    let plan = World::plan().rule("partners/training-gb.toml", "\"active\"", "\"suspended\"");
    let world = plan.start().await;
    world.send(enrol(learners(&[AIGERIM]))).await.is_refused("PARTNER_SUSPENDED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_whose_key_has_ended_gets_nothing() {
    let world = World::start().await;
    world.clock.set(Timestamp::parse("2027-02-20T07:00:00Z").unwrap());
    world.send(enrol(learners(&[AIGERIM]))).await.is_refused("PARTNER_KEY_UNAVAILABLE");
}

// --- callers

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_uses_its_own_routes_only() {
    let world = World::start().await;
    let ask = enrol(learners(&[AIGERIM])).by("crm");
    let sent = world.send(ask).await;
    sent.is_refused("CALLER_NOT_ALLOWED");
    assert_eq!(sent.entry()["caller"], "crm");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_belongs_to_no_caller_may_do_nothing() {
    let world = World::start().await;
    let ask = enrol(learners(&[AIGERIM])).by("gateway-client");
    let sent = world.send(ask).await;
    sent.is_refused("CALLER_UNKNOWN");
    assert_eq!(sent.entry().get("route"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partners_own_host_and_path_do_as_well_as_the_gateways() {
    let world = World::start().await;
    let there = |ask: Ask| ask.host("api.training-gb.example").path("/v1/enrolments");
    let ask = || there(enrol(learners(&[AIGERIM])));
    world.send(ask()).await.reaches(GB, &surnames(1)).has_lines(1);
    world.send(ask().http2()).await.reaches(GB, &surnames(1));
    let with_port = ask().host("API.training-gb.example:443");
    world.send(with_port).await.reaches(GB, &surnames(1));
    world.send(there(enrol(learners(&[NURLAN])))).await.is_refused("NO_CONSENT");
    let mixed = ask().path("/training-gb/enrolments");
    world.send(mixed).await.is_refused("ROUTE_UNKNOWN");
    let other = ask().host("api.attestation-kz.example");
    world.send(other).await.is_refused("ROUTE_UNKNOWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_of_http_give_the_same() {
    let world = World::start().await;
    for body in [learners(&[AIGERIM]), learners(&[NURLAN])] {
        let one = world.send(enrol(&body)).await;
        let two = world.send(enrol(&body).http2()).await;
        assert_eq!(one.status, two.status);
        let payload = |sent: &Sent| sent.received.first().map(|(_, r)| r.body.clone());
        assert_eq!(payload(&one), payload(&two));
        assert_eq!(one.entry()["verdicts"], two.entry()["verdicts"]);
    }
}

// --- the envelope is for this very request

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_says_whose_it_is_what_for_and_until_when() {
    let world = World::start().await;
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    let header = &sent.received[0].1.header;
    let now = Timestamp::parse(NOON).unwrap();
    let said = (header.iss.as_str(), header.aud.as_str(), header.pur.as_str());
    assert_eq!(said, ("gw.demo.example", GB, "P09"));
    assert_eq!((header.m.as_str(), header.p.as_str()), ("POST", "/v1/enrolments"));
    assert_eq!((header.iat, header.onw), (now.seconds(), false));
    assert_eq!(header.exp, now.plus_millis(365 * 24 * 3600 * 1000).seconds());
    assert_eq!(header.rcpt[0].kid, sent.entry()["payload"]["kid"]);
}

// --- the answer

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_speaks_the_callers_language() {
    let world = World::start().await;
    for (asked, title) in [
        ("kk", "субъектінің келісімі белгісіз"),
        ("ru-RU, en;q=0.5", "согласие субъекта неизвестно"),
        ("en", "no consent of the subject is known"),
        ("fr", "no consent of the subject is known"),
    ] {
        let ask = enrol(learners(&[NURLAN])).header("accept-language", asked);
        let sent = world.send(ask).await;
        sent.is_refused("NO_CONSENT");
        assert_eq!(sent.problem()["title"], title);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_what_to_do_and_is_not_cached() {
    let world = World::start().await;
    let sent = world.send(enrol(learners(&[NURLAN]))).await;
    let problem = sent.problem();
    assert_eq!(problem["type"], "urn:otkel:refusal:NO_CONSENT");
    assert_eq!(problem["cure"], "obtain and import the subject's consent");
    assert_eq!(problem["rule"], "training-gb.enrol");
    assert_eq!(problem["clause"], "94-V Art. 7(6), 15(1)");
    assert_eq!(sent.headers["cache-control"], "no-store");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_explained_field_by_field() {
    let world = World::start().await;
    let first = format!(r#"{{"iin":"{DANIYAR}","family_name":"Т","email":"d@e.kz","x":1}}"#);
    let second = format!(r#"{{"iin":"{NURLAN}","family_name":"Н"}}"#);
    let body = format!(r#"{{"learners":[{first},{second}]}}"#);
    let sent = world.send(enrol(body)).await;
    let (status, told) = world.admin("GET", &format!("/decisions/{}", sent.decision()), "").await;
    assert_eq!((status, &told["kind"]), (200, &json!("disclosure")), "{told:#}");
    let title = told["purpose_title"]["en"].as_str().unwrap();
    assert!(title.starts_with("training, final attestation"), "{title}");
    assert_eq!(told["outcome"]["result"], "delivered");
    let first = &told["records"][0];
    let field = |name: &str| {
        let fields = first["fields"].as_array().unwrap();
        fields.iter().find(|field| field["field"] == name).unwrap().clone()
    };
    assert_eq!(field("$.learners[*].family_name")["did"], "sent");
    let email = field("$.learners[*].email");
    assert_eq!(
        (&email["did"], &email["reason"]["clause"]),
        (&json!("removed"), &json!("94-V Art. 8(4)7)"))
    );
    assert_eq!(first["unmapped_members_removed"], 1);
    assert_eq!(told["records"][1]["reason"]["code"], "NO_CONSENT");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_carried_and_refused_is_counted_and_signed() {
    let mut world = World::start().await;
    world.send(enrol(learners(&[AIGERIM]))).await.reaches(GB, &surnames(1));
    world.send(enrol(learners(&[NURLAN]))).await.is_refused("NO_CONSENT");
    world.send(enrol(learners(&[NURLAN]))).await.is_refused("NO_CONSENT");
    let (_, metrics) = world.admin("GET", "/metrics", "").await;
    let counted = |line: &str| metrics.as_str().unwrap().lines().any(|told| told == line);
    assert!(counted("otkel_transfers_carried_total 1"), "{metrics}");
    assert!(counted("otkel_transfers_refused_total{reason=\"NO_CONSENT\"} 2"), "{metrics}");
    let size = world.gateway().reader.size();
    world.stop().await;
    world.run().await;
    let (status, note) = world.admin("GET", "/checkpoint", "").await;
    assert_eq!(status, 200);
    let covers: u64 = note.as_str().unwrap().lines().nth(1).unwrap().parse().unwrap();
    assert!(covers >= size, "{note}");
}
