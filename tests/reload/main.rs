//! Rules that come into force while the gateway runs: whole or not at all, signed, and recorded.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

#[path = "../support/world.rs"]
mod world;

mod configured;
mod officer;
mod refused;
mod signed;
mod under_way;

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

    let digest = text(&first["policy"]);
    assert!(world.otkel(&["rules", "show", "0", "--to", "first"]).status.success());
    let again = otkel::gateway::read_rules(&world.folder().join("first"), world.clock.now());
    assert_eq!(again.unwrap().0.digest, digest);
    let listed =
        |set: &str| String::from_utf8(world.otkel(&["rules", "show", set]).stdout).unwrap();
    assert_eq!(listed("0"), listed(&digest));
    assert_eq!(listed("0").lines().count(), files + 1);
    for unknown in ["1", "999", &"0".repeat(64)] {
        let told = world.otkel(&["rules", "show", unknown]);
        assert!(String::from_utf8(told.stderr).unwrap().contains("no such set"), "{unknown}");
    }
}
