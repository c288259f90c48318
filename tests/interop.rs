//! Envelopes and ledgers of this program, opened and checked by `interop.py` with libraries that
//! we did not write.
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
use std::path::Path;
use std::process::{Output, Stdio};

use otkel::config::Config;
use otkel::demo::sample::{self, AIGERIM, MADINA};
use otkel::gateway::ledger_key;
use serde_json::Value;
use world::*;

const GB: &str = "training-gb";

#[test]
fn python_opens_and_refuses_what_this_program_does() {
    let folder = manifest().join("tests/vectors/envelope");
    let told = text(&python(&["vectors".as_ref(), folder.as_os_str()]));
    let index: Value =
        serde_json::from_slice(&fs::read(folder.join("index.json")).unwrap()).unwrap();
    let number = |kind: &str| index[kind].as_array().unwrap().len();
    let want = format!("{} open, {} are refused, and ", number("opens"), number("refused"));
    assert!(told.starts_with(&want), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_opens_what_it_gets_with_pythons_hpke() {
    let world = World::plan().stub(GB, Stub::with(Papers::Proper)).start().await;
    let sent = world.send(enrol(learners(&[AIGERIM, MADINA]))).await;
    assert_eq!(sent.status, 200);
    let heard = world.heard(GB);
    let start = heard.windows(4).position(|window| window == b"OTK1").unwrap();
    let file = world.folder().join("payload.otk1");
    fs::write(&file, &heard[start..]).unwrap();
    let key = world.folder().join("keys").join(format!("{GB}.key"));
    let opened = python(&["envelope".as_ref(), key.as_os_str(), file.as_os_str()]);
    assert_eq!(text(&opened), surnames(1));
    let header: Value = serde_json::from_slice(&opened.stderr).unwrap();
    assert_eq!(header["did"], sent.decision());
    let other = world.folder().join("keys/mailing-de.key");
    assert!(!python(&["envelope".as_ref(), other.as_os_str(), file.as_os_str()]).status.success());
}

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
    python(&["ledger".as_ref(), store, key.as_ref(), note])
}

fn python(arguments: &[&OsStr]) -> Output {
    python::python("interop.py", arguments, Stdio::null())
}

fn text(output: &Output) -> String {
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{wrong}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn manifest() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
