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

use otkel::demo::sample::AIGERIM;
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
            for number in 0..25 {
                let ask = if number % 5 == 4 { enrol("{") } else { enrol(NAMED) };
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
    assert_eq!((digests.len(), decisions), (reloads + 1, 100));
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
