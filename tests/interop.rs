//! Ledgers of this program, checked by `interop.py` with libraries that we did not write.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

#[path = "support/python.rs"]
mod python;
#[path = "support/world.rs"]
mod world;

use std::ffi::OsStr;
use std::fs;
use std::process::{Output, Stdio};

use otkel::config::Config;
use otkel::demo::sample;
use otkel::gateway::ledger_key;
use serde_json::Value;
use world::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_is_sound_by_the_rfcs_and_no_longer_once_a_byte_changed() {
    let mut world = World::start().await;
    for sample in sample::transfers() {
        world.ask(sampled(&sample)).await;
    }
    let entries = world.entries(0).len();
    world.stop().await;
    let told: Value = serde_json::from_str(&text(&check(&world))).unwrap();
    assert_eq!((told["entries"].as_u64(), told["open"].as_u64()), (Some(entries as u64), Some(0)));
    assert_eq!(told["signed"], told["entries"], "the last checkpoint covers everything");
    let ours = String::from_utf8(world.otkel(&["verify"]).stdout).unwrap();
    assert!(ours.contains(told["root"].as_str().unwrap()), "{ours}");

    let store = world.folder().join("store/otkel.db");
    let change = "UPDATE entries SET bytes = CAST(replace(bytes, 'P09', 'P07') AS BLOB) \
                  WHERE seq = (SELECT max(seq) FROM entries WHERE bytes LIKE '%P09%')";
    let database = rusqlite::Connection::open(&store).unwrap();
    assert_eq!(database.execute(change, []).unwrap(), 1);
    drop(database);
    assert!(!check(&world).status.success());
    assert_eq!(world.otkel(&["verify"]).status.code(), Some(1));
}

fn check(world: &World) -> Output {
    let text = fs::read_to_string(&world.config).unwrap();
    let config = Config::read("gateway.toml", &text, world.folder()).unwrap();
    let key = ledger_key(&config).unwrap().public().to_string();
    let (store, note) = (config.store.as_os_str(), config.checkpoint.as_os_str());
    python(&[store, key.as_ref(), note])
}

fn python(arguments: &[&OsStr]) -> Output {
    python::python("interop.py", arguments, Stdio::null())
}

fn text(output: &Output) -> String {
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{wrong}");
    String::from_utf8(output.stdout.clone()).unwrap()
}
