//! Recorded decisions made again: on the rules that were in force nothing differs, on others what
//! must differ does, and what is not recorded is not guessed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

#[path = "replay/treatments.rs"]
mod treatments;
#[path = "support/world.rs"]
mod world;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use otkel::demo::sample::{self, AIGERIM, DANIYAR, MADINA, NURLAN, SALTANAT, YERLAN};
use otkel::gateway::{SystemClock, read_rules};
use otkel::policy::Policy;
use otkel::reason::Reason;
use otkel::replay::again::Untold;
use otkel::replay::difference::{Change, Compared, Difference, Way, Whole};
use otkel::replay::recorded::Recorded;
use otkel::replay::{Totals, replay, rules};
use otkel::store::sqlite;
use otkel::time::{Clock as _, Timestamp};
use serde_json::{Value, json};
use world::*;

const GB: &str = "partners/training-gb.toml";
const KZ: &str = "partners/attestation-kz.toml";
const STUDY: &str = "partners/research-kz.toml";
const STATE: &str = "partners/ministry-kz.toml";
const REGISTER: &str = "register.toml";

// --- the same rules

#[tokio::test(flavor = "multi_thread")]
async fn on_the_rules_that_were_in_force_nothing_differs() {
    let world = busy().await;
    let mut snapshot = sqlite::snapshot(&store(&world)).unwrap();
    let digests: BTreeSet<String> =
        world.entries(0).iter().filter_map(|e| Some(e["policy"].as_str()?.to_owned())).collect();
    assert_eq!(digests.len(), 2, "the rules were changed once");
    let mut seen = 0;
    for digest in &digests {
        let policy = rules(&mut *snapshot, digest).unwrap().expect("kept");
        assert_eq!(policy.digest, *digest);
        let (_, made) = remade(&world, &policy);
        for (recorded, compared) in made.iter().filter(|(made, _)| made.policy == *digest) {
            seen += 1;
            assert_eq!(*compared, Compared::Same, "{recorded:#?}");
        }
    }
    assert_eq!(seen, decisions(&world).len());
    let reasons: BTreeSet<_> = decisions(&world)
        .iter()
        .flat_map(|entry| {
            let verdicts = entry["verdicts"].as_array().unwrap();
            let codes = verdicts.iter().chain([entry]).filter_map(|v| v["reason"].as_str());
            codes.map(ToOwned::to_owned).collect::<Vec<_>>()
        })
        .collect();
    for code in [
        "CALLER_NOT_ALLOWED",
        "CONSENT_EXPIRED",
        "CONSENT_WITHDRAWN",
        "DOCUMENT_UNPARSABLE",
        "FIELD_UNKNOWN",
        "IDENTIFIER_IN_STUDY",
        "LEGAL_REQUEST_INCOMPLETE",
        "NO_CONSENT",
        "PARTNER_BLOCKED",
        "PARTNER_SUSPENDED",
        "PURPOSE_NOT_CONSENTED",
        "PURPOSE_UNKNOWN",
        "QUOTA_EXCEEDED",
        "REQUIRED_FIELD_REMOVED",
        "ROUTE_UNKNOWN",
        "SUBJECT_BLOCKED",
        "SUBJECT_UNIDENTIFIED",
    ] {
        assert!(reasons.contains(code), "{code} is not among {reasons:?}");
    }
}

/// A ledger in which nearly everything has happened, and the rules were changed.
async fn busy() -> World {
    let quota = ("retention_days = 365", "retention_days = 365\nquota = { records_per_day = 40 }");
    let world = World::plan().own_rules().rule(GB, quota.0, quota.1).start().await;
    for transfer in sample::transfers() {
        world.send(sampled(&transfer)).await;
    }
    odd(&world).await;
    changing(&world).await;
    world.edit("policies/partners/training-gb.toml", "\"$.learners[*].email\" = \"D07\"", "");
    world.edit(
        "policies/partners/training-gb.toml",
        "status = \"active\"",
        "status = \"suspended\"",
    );
    assert_eq!(world.admin("POST", "/rules/reload", "").await.0, 200);
    for transfer in sample::transfers() {
        world.send(sampled(&transfer)).await;
    }
    odd(&world).await;
    world
}

/// Documents that nobody means to send.
async fn odd(world: &World) {
    let people = [AIGERIM, DANIYAR, MADINA, NURLAN, YERLAN, SALTANAT];
    world.send(enrol(learners(&people))).await;
    world.send(results(learners(&people))).await;
    let record = |more: &str| format!(r#"{{"learners":[{{"iin":"{AIGERIM}",{more}}}]}}"#);
    for more in [
        r#""family_name":"Т","given_name":{"first":"А"},"x":1,"y":[2]"#,
        r#""given_name":"А""#,
        r#""family_name":{"a":1},"email":"a@example.kz""#,
        r#""family_name":"Т","employment":{"position":"x","organisation":[1],"rank":2}"#,
    ] {
        world.send(enrol(record(more))).await;
    }
    world.send(enrol(r#"{"learners":[{"family_name":"Т"},{"iin":"","family_name":"Т"}]}"#)).await;
    world.send(enrol(r#"{"learners":[]}"#)).await;
    world.send(enrol(r#"{"course":{"code":{"x":1}},"list":3,"learners":[{"iin":1}]}"#)).await;
    world.send(enrol("{}").path("/nowhere")).await;
    world.send(result(format!(r#"{{"iin":"{AIGERIM}","family_name":"Т","iban":"x"}}"#))).await;
}

/// Consents and blocks that come and go, and a quota that is used up.
async fn changing(world: &World) {
    let again = || enrol(learners(&[AIGERIM, DANIYAR]));
    world.grant(&consent(40, NURLAN, |_| {}));
    world.send(enrol(learners(&[NURLAN]))).await.reaches("training-gb", &surnames(1));
    world.withdraw_part(record(40), json!({"channel": "written", "scope": "cross-border"}));
    world.send(enrol(learners(&[NURLAN]))).await.is_refused("CONSENT_WITHDRAWN");
    world.withdraw(record(3));
    world.send(again()).await.reaches("training-gb", &surnames(1));
    let later = Timestamp::parse(NOON).unwrap().plus_millis(60_000);
    world.clock.set(later.plus_millis(1));
    for (number, category) in [(41, "D01"), (42, "D07")] {
        world.grant(&consent(number, DANIYAR, |c| {
            c["pii_information"] = json!([category]);
            c["events"][0]["event_time"] = json!(later);
        }));
    }
    world.send(again()).await.reaches("training-gb", &surnames(2));
    let block = |what: Value| {
        let body = what.to_string();
        async move { world.admin("POST", "/blocks", &body).await }
    };
    let who = json!({"scheme": "kz-iin", "id": AIGERIM});
    assert_eq!(block(json!({"subject": who, "document": "No. 7"})).await.0, 201);
    world.send(again()).await;
    world.send(enrol(learners(&[AIGERIM]))).await.is_refused("SUBJECT_BLOCKED");
    assert_eq!(block(json!({"partner": "mailing-de", "document": "No. 8"})).await.0, 201);
    world.send(subscribe(subscribers(AIGERIM)).purpose("P10a")).await.is_refused("PARTNER_BLOCKED");
    while world.send(enrol(learners(&[DANIYAR; 12]))).await.status == 200 {}
    world.send(enrol(learners(&[DANIYAR; 12]))).await.is_refused("QUOTA_EXCEEDED");
}

// --- other rules

#[tokio::test(flavor = "multi_thread")]
async fn a_category_that_is_taken_away_stays_where_it_left() {
    let world = World::start().await;
    let body = format!(
        r#"{{"learners":[{{"iin":"{AIGERIM}","family_name":"Т","email":"a@b.kz"}},
            {{"iin":"{DANIYAR}","family_name":"А","email":"d@b.kz"}}]}}"#
    );
    world.send(enrol(body)).await.has_lines(2);
    world.send(enrol(learners(&[AIGERIM]))).await;
    let policy =
        edited(&world, &[(GB, "P09 = [\"D01\", \"D07\", \"D08\"]", "P09 = [\"D01\", \"D08\"]")]);
    let (totals, made) = remade(&world, &policy);
    assert_eq!((totals.decisions, totals.same), (2, 1));
    let difference = differs(&made[0]);
    assert_eq!((difference.way(), difference.after), (Way::Narrower, Whole::Sent));
    let [group, other] = difference.groups.as_slice() else { panic!("{difference:#?}") };
    assert_eq!((group.records.to_string(), other.records.to_string()), ("1".into(), "2".into()));
    let stays = |change: &Change| change.before == Some(Reason::CategoryNotConsented);
    assert!(other.fields.iter().all(stays), "his consent does not list it anyway");
    let email = Change {
        field: "$.learners[*].email".to_owned(),
        before: None,
        after: Some(Reason::CategoryNotForPartner),
        treatments: None,
    };
    assert_eq!(group.fields, [email].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_field_refuses_who_does_not_have_it() {
    let world = World::start().await;
    world.send(enrol(learners(&[AIGERIM, DANIYAR]))).await;
    let required = "required = [\"$.learners[*].family_name\"]";
    let more = "required = [\"$.learners[*].family_name\", \"$.learners[*].email\"]";
    let (_, made) = remade(&world, &edited(&world, &[(GB, required, more)]));
    let difference = differs(&made[0]);
    assert_eq!(difference.before, None);
    assert_eq!(difference.after, Whole::Refused(Reason::RequiredFieldRemoved));
    assert_eq!(difference.way(), Way::Narrower);
    assert_eq!(difference.groups[0].records.to_string(), "1-2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_counts_as_it_was_when_the_transfer_was_decided() {
    let world = World::start().await;
    world.send(enrol(learners(&[DANIYAR]))).await.reaches("training-gb", &surnames(1));
    world.withdraw(record(3));
    world.send(enrol(learners(&[DANIYAR]))).await.is_refused("CONSENT_WITHDRAWN");
    let same = edited(&world, &[(KZ, "# The body", "# the body")]);
    let (totals, _) = remade(&world, &same);
    assert_eq!((totals.same, totals.differing(), totals.untold()), (2, 0, 0));

    // What he consented to names GB alone, then as now; whose the second one is, nobody can tell.
    let moved = edited(&world, &[(GB, "storage = [\"GB\"]", "storage = [\"GB\", \"FR\"]")]);
    let (totals, made) = remade(&world, &moved);
    let difference = differs(&made[0]);
    assert_eq!(difference.after, Whole::Refused(Reason::CountryNotConsented));
    assert_eq!(made[1].1, Compared::Untold(Untold::Consents));
    assert_eq!(totals.untold, [(Untold::Consents, 1)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_rules_never_let_through_is_told_without_the_consents() {
    let world = World::start().await;
    world.send(enrol(learners(&[NURLAN]))).await.is_refused("NO_CONSENT");
    let closed = [
        (GB, "storage = [\"GB\"]", "storage = [\"GB\", \"FR\"]"),
        (
            REGISTER,
            "[adequate]",
            "[prohibited.FR]\ncategories = [\"D01\"]\nreference = \"x\"\n[adequate]",
        ),
    ];
    let (totals, _) = remade(&world, &edited(&world, &closed));
    assert_eq!((totals.untold(), totals.differing()), (0, 0), "it stays, whatever he would say");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_were_only_counted_are_not_guessed() {
    let world = World::start().await;
    let with =
        |more: &str| format!(r#"{{"learners":[{{"iin":"{AIGERIM}","family_name":"Т"{more}}}]}}"#);
    world.send(enrol(with(r#","nick":"x""#))).await;
    world.send(enrol(with(""))).await;
    let map = "\"$.learners[*].email\" = \"D07\"";
    let wide = format!("{map}\n\"$.learners[*].nick\" = \"D01\"");
    let (_, made) = remade(&world, &edited(&world, &[(GB, map, &wide)]));
    assert_eq!(made[0].1, Compared::Untold(Untold::Members));
    assert_eq!(made[1].1, Compared::Same, "there was nothing else in it");
    let (_, made) =
        remade(&world, &edited(&world, &[(GB, "unmapped = \"remove\"", "unmapped = \"refuse\"")]));
    assert_eq!(differs(&made[0]).after, Whole::Refused(Reason::FieldUnknown));
    assert_eq!(made[1].1, Compared::Same);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_is_suspended_gets_nothing_of_what_it_got() {
    let world = World::start().await;
    world.send(enrol(learners(&[AIGERIM]))).await;
    world.send(enrol(learners(&[NURLAN]))).await;
    let off = edited(&world, &[(GB, "status = \"active\"", "status = \"suspended\"")]);
    let (_, made) = remade(&world, &off);
    assert_eq!(differs(&made[0]).after, Whole::Refused(Reason::PartnerSuspended));
    let second = differs(&made[1]);
    assert_eq!((second.way(), second.before), (Way::Reasons, Some(Reason::NoConsent)));

    // The other way round, the consents of that day were not looked at for anybody.
    let world =
        World::plan().rule(GB, "status = \"active\"", "status = \"suspended\"").start().await;
    world.send(enrol(learners(&[AIGERIM]))).await.is_refused("PARTNER_SUSPENDED");
    let on = edited(&world, &[(GB, "status = \"suspended\"", "status = \"active\"")]);
    assert_eq!(remade(&world, &on).1[0].1, Compared::Untold(Untold::Consents));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_is_gone_or_moved_is_told() {
    let world = World::start().await;
    world.send(enrol(learners(&[AIGERIM]))).await;
    world.send(enrol("{}").path("/nowhere")).await.is_refused("ROUTE_UNKNOWN");
    let gone = [
        (GB, "\"enrol\"", "\"enlist\""),
        (GB, "POST /training-gb/enrolments", "POST /training-gb/elsewhere"),
        (GB, "to = \"/v1/enrolments\"", "to = \"/v2/enrolments\""),
    ];
    let (_, made) = remade(&world, &edited(&world, &gone));
    assert_eq!(differs(&made[0]).after, Whole::Refused(Reason::RouteUnknown));
    assert_eq!(made[1].1, Compared::Untold(Untold::Claim), "the path might be one now");
    let (_, made) = remade(&world, &edited(&world, &gone[..1]));
    assert_eq!(made[0].1, Compared::Untold(Untold::Route), "a caller may not use every route");
    let records = [(GB, "subject = \"$.iin\"", "subject = \"$.id\"")];
    let (_, made) = remade(&world, &edited(&world, &records));
    assert_eq!(made[0].1, Compared::Untold(Untold::Records));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_study_and_a_state_request_are_decided_again_as_far_as_can_be() {
    let world = World::start().await;
    let study = |more: &str| {
        let body = format!(r#"{{"answers":[{{"iin":"{AIGERIM}","score":9{more}}}]}}"#);
        result(body).path("/research-kz/answers")
    };
    let route = fs::read_to_string(policies().join(STUDY)).unwrap();
    let path = route.lines().find_map(|l| l.strip_prefix("request = \"POST ")).unwrap();
    let path = path.trim_end_matches('"');
    assert_eq!(world.send(study("").path(path)).await.status, 200);
    let refused = world.send(study(r#","comment":"a@example.kz""#).path(path)).await;
    refused.is_refused("IDENTIFIER_IN_STUDY");
    let state = r#"{"teachers":[{"iin":"580101100015","certificate_number":"KZ-7"}]}"#;
    let ask = result(state).path("/ministry-kz/certificates");
    assert_eq!(world.send(ask.header("otkel-legal-request", "2026-114")).await.status, 200);
    let (totals, _) = remade(&world, &edited(&world, &[]));
    assert_eq!((totals.same, totals.decisions), (3, 3));

    let open = edited(&world, &[(REGISTER, "depersonalise = true", "depersonalise = false")]);
    let (_, made) = remade(&world, &open);
    assert_eq!(made[0].1, Compared::Same);
    assert_eq!(differs(&made[1]).after, Whole::Sent);
    let less = edited(&world, &[(STUDY, "\"$.answers[*].comment\" = \"D20\"", "")]);
    assert_eq!(remade(&world, &less).1[1].1, Compared::Untold(Untold::Values));
    let over = edited(&world, &[(STATE, "until = 2027-10-31", "until = 2026-10-31")]);
    let last = remade(&world, &over).1.pop().unwrap();
    assert_eq!(differs(&last).after, Whole::Refused(Reason::LegalRequestIncomplete));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_not_counted_again() {
    let world = World::start().await;
    world.send(enrol(learners(&[AIGERIM]))).await;
    world.send(enrol(learners(&[NURLAN]))).await;
    let quota = "retention_days = 365\nquota = { subjects_per_day = 1 }";
    let (_, made) = remade(&world, &edited(&world, &[(GB, "retention_days = 365", quota)]));
    assert_eq!(made[0].1, Compared::Untold(Untold::Quota));
    assert_eq!(made[1].1, Compared::Same, "what is refused uses nothing up");
}

// --- the program

#[tokio::test(flavor = "multi_thread")]
async fn the_program_says_what_would_differ_and_names_nobody() {
    let mut world = World::plan().own_rules().start().await;
    let body = format!(
        r#"{{"learners":[{{"iin":"{AIGERIM}","family_name":"Zqvalue","email":"zq@b.kz"}},
            {{"iin":"{NURLAN}","family_name":"Zqvalue"}}],"zqkey":"Zqvalue"}}"#
    );
    let did = world.send(enrol(body)).await.decision().to_owned();
    world.stop().await;
    let same = world.otkel(&["replay"]);
    assert_eq!(same.status.code(), Some(0));
    let text = String::from_utf8(same.stdout).unwrap();
    let sum = "1 decisions: 1 as they were, 0 otherwise, 0 cannot be told, 0 not for the rules\n";
    assert_eq!(text, sum);

    let other = copied(&world, &[(GB, "P09 = [\"D01\", \"D07\", \"D08\"]", "P09 = [\"D01\"]")]);
    let other = other.to_str().unwrap();
    let differs = world.otkel(&["replay", other]);
    assert_eq!(differs.status.code(), Some(1));
    let text = String::from_utf8(differs.stdout).unwrap();
    assert_eq!(
        text,
        format!(
            "2026-11-22T07:00:00.000Z  {did}  training-gb.enrol  P09\n  \
               sent → sent\n    \
                 records 1\n      \
                   $.learners[*].email  leaves → stays CATEGORY_NOT_FOR_PARTNER\n\
             1 decisions: 0 as they were, 1 otherwise, 0 cannot be told, 0 not for the rules\n  \
               1 would send less\n"
        )
    );
    let json = world.otkel(&["replay", other, "--json"]);
    let lines = String::from_utf8(json.stdout).unwrap();
    let values: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(values[0]["decision"], did);
    assert_eq!(values[0]["way"], "narrower");
    assert_eq!(values[0]["groups"][0]["fields"][0]["after"], "CATEGORY_NOT_FOR_PARTNER");
    assert_eq!(values[1]["totals"]["differing"]["narrower"], 1);
    for told in [text, lines] {
        assert!(!told.contains(AIGERIM) && !told.to_lowercase().contains("zq"), "{told}");
    }
    fs::remove_dir_all(other).unwrap();
    let cannot = world.otkel(&["replay", "nowhere"]);
    assert_eq!(cannot.status.code(), Some(2));
}

// --- helpers

fn store(world: &World) -> PathBuf {
    world.folder().join("store/otkel.db")
}

fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")
}

fn decisions(world: &World) -> Vec<Value> {
    let is_decision = |e: &Value| e["type"] == "disclosure" || e["type"] == "refusal";
    world.entries(0).into_iter().filter(is_decision).collect()
}

/// Every decision of a world made again.
fn remade(world: &World, policy: &Arc<Policy>) -> (Totals, Vec<(Recorded, Compared)>) {
    let mut snapshot = sqlite::snapshot(&store(world)).unwrap();
    let mut made = Vec::new();
    let totals = replay(&mut *snapshot, policy, |_, came| {
        made.extend(came.map(|(recorded, compared)| (recorded.clone(), compared.clone())));
    });
    (totals.unwrap(), made)
}

#[track_caller]
fn differs((recorded, compared): &(Recorded, Compared)) -> &Difference {
    let Compared::Differs(difference) = compared else { panic!("{compared:?}: {recorded:#?}") };
    difference
}

/// The rules of a world with edits; each `from` must be there.
fn edited(world: &World, edits: &[(&str, &str, &str)]) -> Arc<Policy> {
    let folder = copied(world, edits);
    let (policy, _) = read_rules(&folder, SystemClock.now()).unwrap();
    fs::remove_dir_all(folder).unwrap();
    Arc::new(policy)
}

fn copied(world: &World, edits: &[(&str, &str, &str)]) -> PathBuf {
    let own = world.folder().join("policies");
    let from = if own.exists() { own } else { policies() };
    let to = fresh();
    for below in ["", "partners", "notices"] {
        fs::create_dir_all(to.join(below)).unwrap();
        for entry in fs::read_dir(from.join(below)).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), to.join(below).join(entry.file_name())).unwrap();
            }
        }
    }
    for (file, from, by) in edits {
        let text = fs::read_to_string(to.join(file)).unwrap();
        assert!(text.contains(from), "{file} does not hold {from:?}");
        fs::write(to.join(file), text.replace(from, by)).unwrap();
    }
    to
}
