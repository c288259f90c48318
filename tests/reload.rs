//! Rules that come into force while the gateway runs: whole or not at all, signed, and recorded.
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
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use otkel::activation::signature::OfficerSecret;
use otkel::demo::sample::AIGERIM;
use otkel::demo::world::ed25519_pem;
use otkel::keyfile;
use otkel::time::Clock as _;
use serde_json::{Value, json};
use world::*;

const GB: &str = "training-gb";
const GB_FILE: &str = "policies/partners/training-gb.toml";

/// A field of the training partner's route, and the same out of the map.
const GIVEN: &str = "\"$.learners[*].given_name\" = \"D01\"";
const GIVEN_OFF: &str = "# given name";

const NAMED: &str =
    r#"{"learners":[{"iin":"580101100015","family_name":"Тест","given_name":"Айгерім"}]}"#;
const BOTH: &str = r#"{"learners":[{"family_name":"Тест","given_name":"Айгерім"}]}"#;

fn shell(world: &World, line: &str) {
    let mut command = Command::new("/bin/sh");
    let done = command.args(["-ec", line]).current_dir(world.folder()).status().unwrap();
    assert!(done.success(), "{line}");
}

async fn reload(world: &World) -> (u16, Value) {
    world.admin("POST", "/rules/reload", "").await
}

async fn in_force(world: &World) -> Value {
    world.admin("GET", "/rules", "").await.1
}

/// Waits until the rules in force say so.
async fn until(world: &World, what: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..400 {
        let rules = in_force(world).await;
        if what(&rules) {
            return rules;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it does not come to that: {:#}", in_force(world).await);
}

/// The newest activation in the ledger.
fn activation(world: &World) -> Value {
    let entries = world.entries(0);
    entries.into_iter().rfind(|entry| entry["type"] == "activation").unwrap()
}

// --- good sets

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_puts_other_rules_into_force() {
    let world = World::plan().own_rules().start().await;
    let before = in_force(&world).await;
    assert_eq!((&before["by"], &before["entry"]), (&json!("start"), &json!(0)));
    world.send(enrol(NAMED)).await.reaches(GB, BOTH);

    world.edit(GB_FILE, GIVEN, GIVEN_OFF);
    world.send(enrol(NAMED)).await.reaches(GB, BOTH);
    let (status, told) = reload(&world).await;
    assert_eq!((status, &told["changed"]), (200, &json!(true)), "{told}");

    let sent = world.send(enrol(NAMED)).await;
    sent.reaches(GB, &surnames(1));
    let (now, entry) = (in_force(&world).await, activation(&world));
    assert_ne!(now["digest"], before["digest"]);
    assert_eq!(sent.entry()["policy"], now["digest"]);
    for (shown, kept) in [("digest", "policy"), ("entry", "seq"), ("by", "by"), ("files", "files")]
    {
        assert_eq!(now[shown], entry[kept], "{shown}");
    }
    assert_eq!((&told["entry"], &now["by"]), (&entry["seq"], &json!("officer")));
    let explained = world.admin("GET", &format!("/decisions/{}", sent.decision()), "").await;
    assert_eq!(explained.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_are_in_force_already_are_not_activated_again() {
    let world = World::plan().own_rules().start().await;
    let size = world.gateway().reader.size();
    let (status, told) = reload(&world).await;
    assert_eq!((status, &told["changed"], &told["entry"]), (200, &json!(false), &json!(0)));
    fs::write(world.folder().join("policies/README.md"), "other words").unwrap();
    assert_eq!(reload(&world).await.1["changed"], false);
    assert_eq!(world.gateway().reader.size(), size);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_in_the_folder_activates_it() {
    let world = World::plan().own_rules().edit("watch = false", "watch = true").start().await;
    world.edit(GB_FILE, GIVEN, GIVEN_OFF);
    until(&world, |rules| rules["by"] == "file-change").await;
    world.send(enrol(NAMED)).await.reaches(GB, &surnames(1));
    assert_eq!(activation(&world)["by"], "file-change");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_swapped_activates_what_it_leads_to() {
    let world = World::plan().own_rules().edit("watch = false", "watch = true").start().await;
    let folder = world.folder();
    let at = |name: &str| folder.join(name);
    fs::rename(at("policies"), at("first")).unwrap();
    symlink("first", at("policies")).unwrap();
    // As a mounted volume has it: folders are links too, and lead to hidden ones.
    let links = "cp -r first second && mv second/partners second/.data";
    shell(&world, &format!("{links} && ln -s .data second/partners"));
    world.edit("second/partners/training-gb.toml", GIVEN, GIVEN_OFF);
    symlink("second", at("next")).unwrap();
    fs::rename(at("next"), at("policies")).unwrap();
    until(&world, |rules| rules["by"] == "file-change").await;
    world.send(enrol(NAMED)).await.reaches(GB, &surnames(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_activates_what_is_in_the_folder() {
    let mut world = World::plan().real_time().own_rules().prepare().await;
    world.serve(&[]);
    world.edit(GB_FILE, GIVEN, GIVEN_OFF);
    world.signal("HUP");
    until(&world, |rules| rules["by"] == "signal").await;
    world.edit(GB_FILE, GIVEN_OFF, "broken");
    world.signal("HUP");
    let rules = until(&world, |rules| rules["refused"]["by"] == "signal").await;
    assert_eq!(rules["refused"]["problems"][0]["file"], "partners/training-gb.toml");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_stay_in_force_over_a_restart() {
    let mut world = World::plan().own_rules().start().await;
    world.edit(GB_FILE, GIVEN, GIVEN_OFF);
    reload(&world).await;
    let digest = in_force(&world).await["digest"].clone();
    world.stop().await;
    world.run().await;
    let rules = in_force(&world).await;
    assert_eq!((&rules["digest"], &rules["by"]), (&digest, &json!("start")));
    world.send(enrol(NAMED)).await.reaches(GB, &surnames(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_finds_every_activation() {
    let world = World::plan().own_rules().start().await;
    world.edit(GB_FILE, GIVEN, GIVEN_OFF);
    fs::remove_file(world.folder().join("policies/partners/mailing-de.toml")).unwrap();
    reload(&world).await;
    let told = world.otkel(&["rules", "history"]);
    let told = String::from_utf8(told.stdout).unwrap();
    let entries = world.entries(0);
    let (first, last) = (&entries[0], activation(&world));
    let files = first["files"].as_object().unwrap().len();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let expected = format!(
        "entry 0  {}  by start\n  digest {}\n  {files} files\n\
         entry {}  {}  by officer\n  digest {}\n  changed partners/training-gb.toml\n  \
         removed partners/mailing-de.toml\n",
        text(&first["time"]),
        text(&first["policy"]),
        last["seq"],
        text(&last["time"]),
        text(&last["policy"]),
    );
    assert_eq!(told, expected);
}

// --- sets that do not come into force

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_keeps_the_rules_before_and_says_where() {
    let world = World::plan().own_rules().start().await;
    let (before, from) = (in_force(&world).await, world.gateway().reader.size());
    world.edit(GB_FILE, "on_refused = \"drop\"", "on_refused = \"dorp\"");
    world.edit("policies/register.toml", "[controller]", "[controler]");
    let (status, told) = reload(&world).await;
    assert_eq!(status, 422);
    let places: Vec<&Value> =
        told["problems"].as_array().unwrap().iter().map(|problem| &problem["file"]).collect();
    assert!(places.contains(&&json!("partners/training-gb.toml")), "{told:#}");
    assert!(places.contains(&&json!("register.toml")), "all at once: {told:#}");
    let dorp = |problem: &&Value| problem["message"].as_str().unwrap().contains("dorp");
    let problem = told["problems"].as_array().unwrap().iter().find(dorp).unwrap();
    assert!(problem["line"].as_u64() > Some(1) && problem["help"].is_string(), "{problem}");

    let [entry] = world.entries(from).try_into().unwrap();
    assert_eq!((&entry["act"], &entry["by"]), (&json!("rules-refused"), &json!("officer")));
    let now = in_force(&world).await;
    assert_eq!((&now["digest"], &now["entry"]), (&before["digest"], &before["entry"]));
    assert_eq!(now["refused"]["problems"], told["problems"]);
    let sent = world.send(enrol(NAMED)).await;
    sent.reaches(GB, BOTH);
    assert_eq!(sent.entry()["policy"], before["digest"]);

    world.edit(GB_FILE, "\"dorp\"", "\"drop\"");
    world.edit("policies/register.toml", "[controler]", "[controller]");
    assert_eq!(reload(&world).await.1["changed"], false);
    assert_eq!(in_force(&world).await["refused"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_gone_keeps_the_rules_before() {
    let world = World::plan().own_rules().start().await;
    let folder = world.folder();
    fs::rename(folder.join("policies"), folder.join("away")).unwrap();
    let (status, told) = reload(&world).await;
    let message = told["problems"][0]["message"].as_str().unwrap();
    assert!(status == 422 && message.contains("cannot be read"), "{told}");
    world.send(enrol(NAMED)).await.reaches(GB, BOTH);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_comes_with_what_the_configuration_keeps_of_it() {
    let world = World::plan().own_rules().prepare().await;
    let file = world.folder().join("policies/partners/mailing-de.toml");
    let kept = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let clock = world.clock.clone();
    let world = world.begin(clock).await.unwrap();
    let warned = in_force(&world).await["warnings"].to_string();
    assert!(warned.contains("the rules have no partner `mailing-de`"), "{warned}");
    let ask = || subscribe(subscribers(AIGERIM)).purpose("P10a");
    world.send(ask()).await.is_refused("ROUTE_UNKNOWN");

    fs::write(&file, kept).unwrap();
    world.edit("gateway.toml", "[partner.mailing-de]", "[partner.other]");
    let (status, told) = reload(&world).await;
    assert_eq!(status, 422);
    let told = told["problems"].to_string();
    assert!(told.contains("the partner `mailing-de` of the rules is missing here"), "{told}");
    assert!(told.contains("gateway.toml"), "{told}");

    world.edit("gateway.toml", "[partner.other]", "[partner.mailing-de]");
    assert_eq!(reload(&world).await.0, 200);
    let got = r#"{"subscribers":[{"email":"someone@example.kz"}]}"#;
    world.send(ask()).await.reaches("mailing-de", got);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_lost_a_route_in_the_configuration_loses_it_with_a_reload() {
    let world = World::plan().own_rules().start().await;
    world.edit("gateway.toml", "    \"training-gb.enrol\",\n", "");
    assert_eq!(reload(&world).await.1["changed"], false);
    world.send(enrol(NAMED)).await.is_refused("CALLER_NOT_ALLOWED");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_read_again_and_connections_are_kept() {
    let world = World::plan().own_rules().start().await;
    let kid = |sent: &Sent| sent.entry()["payload"]["kid"].clone();
    let first = kid(world.send(enrol(NAMED)).await.reaches(GB, BOTH));
    let ways = async || world.gateway().activation.in_force().now().await;
    let before = ways().await;

    let now = world.clock.now();
    let (_, key) = keyfile::generate(now.plus_millis(-1000), now.plus_millis(3_600_000));
    let kept = keyfile::list_with(None, GB, key).unwrap();
    fs::write(world.folder().join("keys/training-gb.json"), kept).unwrap();
    assert_eq!(reload(&world).await.1["changed"], false);
    let second = world.send(enrol(NAMED)).await;
    assert_ne!(kid(&second), first);

    let certificate = fs::read(world.certificates().join("lms.pem")).unwrap();
    let key = fs::read(world.certificates().join("lms.key")).unwrap();
    for (name, bytes) in [("other.pem", certificate), ("other.key", key)] {
        fs::write(world.folder().join(name), bytes).unwrap();
    }
    shell(&world, "chmod 600 other.key");
    let partner = "[partner.mailing-de]\nca = \"certificates/authority.pem\"\n";
    let ours = "certificate = \"certificates/gateway-client.pem\"\n\
        key = \"certificates/gateway-client.key\"\n";
    let other = "certificate = \"other.pem\"\nkey = \"other.key\"\n";
    world.edit("gateway.toml", &format!("{partner}{ours}"), &format!("{partner}{other}"));
    reload(&world).await;
    let after = ways().await;
    for (key, way) in &before.ways {
        let same = Arc::ptr_eq(&way.upstream, &after.ways[key].upstream);
        assert_eq!(same, key.0.as_str() != "mailing-de", "{key:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_does_not_come_into_force_where_it_is_forbidden() {
    let forbidden = "report_mode = \"forbidden\"\n";
    let world = World::plan().own_rules().configure(forbidden).start().await;
    let candidate = |until| format!("{GIVEN}\n[route.candidate]\nuntil = {until}\nrequired = []");
    world.edit(GB_FILE, GIVEN, &candidate("2026-12-31"));
    let (status, told) = reload(&world).await;
    let problem = &told["problems"][0];
    assert_eq!((status, &problem["file"]), (422, &json!("partners/training-gb.toml")), "{told:#}");
    let words = "the route `training-gb.enrol` tries a candidate, which is forbidden here";
    assert_eq!(problem["message"], words);
    let text = fs::read_to_string(world.folder().join(GB_FILE)).unwrap();
    let line = usize::try_from(problem["line"].as_u64().unwrap()).unwrap();
    assert_eq!(text.lines().nth(line - 1), Some("[[route]]"));

    world.edit(GB_FILE, "until = 2026-12-31\nrequired", "until = 2026-11-01\nrequired");
    let (status, told) = reload(&world).await;
    assert_eq!((status, &told["changed"]), (200, &json!(true)), "its trial is over: {told:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_keeps_a_gateway_from_its_start_where_it_is_forbidden() {
    let candidate = format!("{GIVEN}\n[route.candidate]\nuntil = 2026-12-31\nrequired = []");
    let plan = || World::plan().own_rules().rule("partners/training-gb.toml", GIVEN, &candidate);
    let Err(why) = plan().configure("report_mode = \"forbidden\"\n").try_start().await else {
        panic!("it starts")
    };
    assert!(why.to_string().contains("tries a candidate"), "{why}");
    plan().start().await;
}

// --- signatures of two officers

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_needs_two_signatures_does_not_start_without_them() {
    let world = signed_by_two().prepare().await;
    let clock = world.clock.clone();
    let Err(why) = world.begin(clock).await else { panic!("it starts unsigned") };
    assert!(why.to_string().contains("2 officers must sign the rules and 0 did"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_officers_sign_and_a_third_activates() {
    let world = signed_by_two().prepare().await;
    sign(&world, "aigul");
    sign(&world, "daniyar");
    let clock = world.clock.clone();
    let world = world.begin(clock).await.unwrap();
    assert_eq!(activation(&world)["signed_by"], json!(["aigul", "daniyar"]));

    world.edit(GB_FILE, GIVEN, GIVEN_OFF);
    let refused = async |words: &str| {
        let (status, told) = reload(&world).await;
        let problems = told["problems"].to_string();
        assert!(status == 422 && problems.contains(words), "{words}: {told:#}");
        assert_eq!(world.entries(0).last().unwrap()["act"], "rules-refused");
        world.send(enrol(NAMED)).await.reaches(GB, BOTH);
    };
    refused("the signature is not by `aigul` for the digest").await;
    fs::remove_dir_all(world.folder().join("policies/signatures")).unwrap();
    refused("2 officers must sign the rules and 0 did").await;
    sign(&world, "daniyar");
    refused("2 officers must sign the rules and 1 did").await;
    shell(&world, "cp policies/signatures/daniyar.sig policies/signatures/aigul.sig");
    refused("the signature is not by `aigul`").await;
    shell(&world, "mv policies/signatures/aigul.sig policies/signatures/other.sig");
    refused("the configuration has no officer `other` with a key").await;
    shell(&world, "mv policies/signatures/other.sig policies/signatures/officer.sig");
    refused("the configuration has no officer `officer` with a key").await;
    fs::remove_file(world.folder().join("policies/signatures/officer.sig")).unwrap();

    sign(&world, "aigul");
    assert_eq!(reload(&world).await.0, 200);
    let entry = activation(&world);
    assert_eq!(entry["signed_by"], json!(["aigul", "daniyar"]));
    assert_eq!(
        (&entry["by"], &in_force(&world).await["signed_by"]),
        (&json!("officer"), &entry["signed_by"])
    );
    let told = String::from_utf8(world.otkel(&["rules", "history"]).stdout).unwrap();
    assert_eq!(told.matches("  signed by aigul, daniyar\n").count(), 2, "{told}");
    world.send(enrol(NAMED)).await.reaches(GB, &surnames(1));
    assert_eq!(world.otkel(&["verify"]).status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_signature_activates_a_set_that_is_watched() {
    let world = signed_by_two().edit("watch = false", "watch = true").prepare().await;
    sign(&world, "aigul");
    sign(&world, "daniyar");
    let clock = world.clock.clone();
    let world = world.begin(clock).await.unwrap();
    world.edit(GB_FILE, GIVEN, GIVEN_OFF);
    sign(&world, "aigul");
    until(&world, |rules| rules["refused"]["by"] == "file-change").await;
    sign(&world, "daniyar");
    until(&world, |rules| rules["by"] == "file-change").await;
}

/// A world whose rules need the signatures of two officers, who have their keys in its folder.
fn signed_by_two() -> Plan {
    let officer = |name: &str| {
        let pem = ed25519_pem().unwrap();
        let public = OfficerSecret::from_pem(&pem).unwrap().public();
        let table = format!(
            "[[admin.officer]]\nname = \"{name}\"\ntoken_file = \"keys/officer.token\"\n\
             public_key = \"{public}\"\n"
        );
        (format!("keys/{name}.key"), pem, table)
    };
    let mut plan = World::plan().own_rules().configure("signatures = 2\n");
    for (file, pem, table) in ["aigul", "daniyar"].map(officer) {
        plan = plan.secret(&file, &pem).configure(&table);
    }
    plan
}

/// An officer signs the rules in the folder.
fn sign(world: &World, officer: &str) {
    let key = format!("keys/{officer}.key");
    let program = env!("CARGO_BIN_EXE_otkel");
    shell(world, &format!("{program} rules sign policies --officer {officer} --key {key} >signed"));
}

// --- transfers under way

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_under_way_is_decided_by_the_rules_in_force_at_its_record() {
    let world = World::plan().own_rules().start().await;
    let (mut wire, rest) = begun(&world).await;
    world.edit(GB_FILE, GIVEN, GIVEN_OFF);
    let digest = reload(&world).await.1["digest"].clone();
    let sent = world.watch(Box::pin(finished(&mut wire, &rest))).await;
    sent.reaches(GB, &surnames(1));
    assert_eq!(sent.entry()["policy"], digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_under_way_on_a_withdrawn_route_is_refused() {
    let world = World::plan().own_rules().start().await;
    let (mut wire, rest) = begun(&world).await;
    fs::remove_file(world.folder().join(GB_FILE)).unwrap();
    let digest = reload(&world).await.1["digest"].clone();
    let sent = world.watch(Box::pin(finished(&mut wire, &rest))).await;
    sent.is_refused("ROUTE_UNKNOWN");
    assert_eq!(sent.entry()["policy"], digest);
    assert_eq!(sent.entry()["caller"], "lms");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_under_way_of_a_caller_that_lost_the_route_is_refused() {
    let world = World::plan().own_rules().start().await;
    let (mut wire, rest) = begun(&world).await;
    world.edit("gateway.toml", "    \"training-gb.enrol\",\n", "");
    reload(&world).await;
    let sent = world.watch(Box::pin(finished(&mut wire, &rest))).await;
    sent.is_refused("CALLER_NOT_ALLOWED");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_a_partner_owes_holds_up_no_reload() {
    let gate = Gate::new();
    let stub = Stub::that(Act::Waits(gate.clone(), WELL));
    let world = Arc::new(World::plan().own_rules().stub(GB, stub).start().await);
    let asking = Arc::clone(&world);
    let asking = tokio::spawn(async move { asking.ask(enrol(NAMED)).await });
    gate.heard().await;
    fs::remove_file(world.folder().join(GB_FILE)).unwrap();
    assert_eq!(reload(&world).await.1["changed"], true);
    gate.open();
    assert_eq!(asking.await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_ledger_every_decision_carries_the_rules_in_force_at_its_place() {
    let world = Arc::new(World::plan().own_rules().start().await);
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let world = Arc::clone(&world);
        senders.spawn(async move {
            for number in 0..40 {
                let ask = if number % 2 == 1 { enrol("{") } else { enrol(NAMED) };
                world.ask(ask).await;
            }
        });
    }
    let mut reloads = 0;
    while !senders.is_empty() {
        let (from, to) = if reloads % 2 == 0 { (GIVEN, GIVEN_OFF) } else { (GIVEN_OFF, GIVEN) };
        world.edit(GB_FILE, from, to);
        assert_eq!(reload(&world).await.1["changed"], true);
        reloads += 1;
        while senders.try_join_next().is_some_and(|ended| ended.is_ok()) {}
    }

    let (mut digests, mut decisions) = (Vec::new(), 0);
    for entry in world.entries(0) {
        match entry["type"].as_str().unwrap() {
            "activation" => digests.push(entry["policy"].clone()),
            "disclosure" | "refusal" => {
                decisions += 1;
                assert_eq!(Some(&entry["policy"]), digests.last(), "{entry:#}");
                if entry["type"] == "disclosure" {
                    let sent = entry["verdicts"][0]["sent"]["D01"].as_array().unwrap().len();
                    assert_eq!(sent, if digests.len() % 2 == 1 { 2 } else { 1 }, "{entry:#}");
                }
            }
            _ => {}
        }
    }
    assert_eq!((digests.len(), decisions), (reloads + 1, 160));
}

/// A transfer whose head was read and whose body has come by half, and the other half.
async fn begun(world: &World) -> (Wire, Vec<u8>) {
    let bytes = enrol(NAMED).header("expect", "100-continue").bytes();
    let (first, rest) = bytes.split_at(bytes.len() - 20);
    let mut wire = Wire::of(world).await;
    wire.write(first).await;
    wire.read_continue().await;
    (wire, rest.to_vec())
}

async fn finished(wire: &mut Wire, rest: &[u8]) -> Words {
    wire.write(rest).await;
    wire.read().await
}
