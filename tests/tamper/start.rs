//! Starts that are refused, each with what is wrong.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::original::{Said, original};
use crate::serve::{Stage, start};

#[tokio::test]
async fn a_copy_of_the_whole_world_starts() {
    let world = world("whole");
    let server = start(Stage::program(), &world.join("gateway.toml")).await;
    assert!(server.unwrap().stop().success());
}

#[tokio::test]
async fn a_gateway_starts_with_its_own_files_only() {
    let other = Stage::new("tamper-other").await.world.folder;
    let from_other = |file: &'static str| {
        let from = other.join(file);
        move |world: &Path| {
            fs::copy(from, world.join(file)).unwrap();
        }
    };
    let store = "the store cannot be used";
    refused("other-secret", from_other("keys/store.secret"), &[store, "made with another secret"]);
    refused("other-key", from_other("keys/ledger.key"), &[store, "not by this log's key"]);
    refused(
        "other-name",
        |world| {
            let config = world.join("gateway.toml");
            let text = fs::read_to_string(&config).unwrap();
            let named = "name = \"gw.demo.example\"";
            assert!(text.contains(named));
            fs::write(config, text.replace(named, "name = \"gw.other.example\"")).unwrap();
        },
        &[store, "not by this log's key"],
    );
    refused(
        "other-key-unpublished",
        |world| {
            fs::remove_file(world.join("checkpoint")).unwrap();
            fs::copy(other.join("keys/ledger.key"), world.join("keys/ledger.key")).unwrap();
        },
        &[store, "not by this log's key"],
    );
}

#[test]
fn a_store_that_lacks_what_was_published_is_refused() {
    let behind = "the ledger does not follow its checkpoint: entries at its end are missing";
    refused("no-store", |world| fs::remove_file(world.join("store/otkel.db")).unwrap(), &[behind]);
    refused(
        "older",
        |world| {
            let left = original().signed[1];
            sql(world, &format!("DELETE FROM entries WHERE seq >= {left}"));
            sql(world, &format!("DELETE FROM checkpoints WHERE size > {left}"));
        },
        &["the store is damaged"],
    );
    refused(
        "emptied",
        |world| {
            let empty = "DELETE FROM entries; DELETE FROM checkpoints; DELETE FROM records;
                         UPDATE head SET frontier = x'0000000000000000', records = 0";
            sql(world, empty);
        },
        &[behind],
    );
}

#[test]
fn a_file_that_is_missing_or_something_else_is_refused_by_name() {
    for file in ["keys/store.secret", "keys/ledger.key"] {
        refused("missing", |world| fs::remove_file(world.join(file)).unwrap(), &[file]);
    }
    let garbage = |file: &'static str| {
        move |world: &Path| fs::write(world.join(file), "something else, of some length").unwrap()
    };
    refused("secret", garbage("keys/store.secret"), &["keys/store.secret", "exactly 32 bytes"]);
    refused("store", garbage("store/otkel.db"), &["store/otkel.db", "not a database"]);
    refused("checkpoint", garbage("checkpoint"), &["not by this log's key"]);
    refused(
        "newer",
        |world| sql(world, "INSERT INTO migrations (sha256) VALUES ('x')"),
        &["a newer program has been here"],
    );
    refused(
        "readable",
        |world| {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
            fs::set_permissions(world.join("keys/store.secret"), mode).unwrap();
        },
        &["keys/store.secret", "chmod 600"],
    );
}

#[test]
fn a_verification_of_nothing_is_no_verification() {
    let missing = original().world.join("store/nothing.db");
    let verify = |key: &str| {
        let mut verify = Stage::program();
        verify.args(["verify", "--key", key, "--store"]).arg(&missing);
        Said::of(&mut verify)
    };
    let said = verify(&original().key);
    assert!(said.code == 2 && said.text.contains("store/nothing.db"), "{said:?}");
    assert!(!missing.exists(), "a verification made a store");
    assert_eq!(verify("x").code, 2);
}

/// Changes a world, and its gateway does not start, and says why.
fn refused(name: &str, change: impl FnOnce(&Path), words: &[&str]) {
    let world = world(name);
    change(&world);
    let mut serve = Stage::program();
    serve.args(["serve", "--config"]).arg(world.join("gateway.toml"));
    let said = Said::of(&mut serve);
    assert_eq!(said.code, 2, "{name}: {}", said.text);
    for word in words {
        assert!(said.text.contains(word), "{name}: {word}\n{}", said.text);
    }
}

fn sql(world: &Path, sql: &str) {
    Connection::open(world.join("store/otkel.db")).unwrap().execute_batch(sql).unwrap();
}

/// A copy of the original's whole folder.
fn world(name: &str) -> PathBuf {
    let to = original().world.with_file_name("worlds").join(name);
    let _ = fs::remove_dir_all(&to);
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        fs::create_dir_all(to.join(&folder)).unwrap();
        for entry in fs::read_dir(original().world.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let below = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(below);
            } else {
                fs::copy(entry.path(), to.join(&below)).unwrap();
            }
        }
    }
    to
}
