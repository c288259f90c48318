//! Keys in a PKCS#11 token, of `SoftHSM`: they sign as keys in files do, a token that failed is
//! used again, and nothing ever shows a PIN.
#![cfg(feature = "hsm")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "support/hsm.rs"]
mod hsm;
#[path = "support/world.rs"]
mod world;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cryptoki::context::Pkcs11;
use hsm::{Hsm, PIN, SETTINGS};
use otkel::config::{KeySource, TokenKey, TokenObject};
use otkel::demo::sample;
use otkel::keys;
use otkel::ledger::checkpoint::{Checkpoint, LogKey};
use otkel::signing::{Sign, SigningKey};
use world::*;
use zeroize::Zeroizing;

#[test]
fn a_key_in_a_token_signs_as_it_does_in_a_file() {
    Hsm::run("a_key_in_a_token_signs_as_it_does_in_a_file", |hsm| {
        let file = put(hsm, 1);
        let by_id = TokenKey { key: TokenObject::Id(vec![1]), ..hsm.key("key-1") };
        for place in [hsm.key("key-1"), by_id] {
            let token = open(&place).unwrap();
            assert_eq!(token.key(), file.key());
            for message in [&b""[..], b"OTK1", &[7; 10_000]] {
                assert_eq!(token.sign(message), file.sign(message));
            }
        }
    });
}

#[test]
fn many_sign_at_the_same_time() {
    Hsm::run("many_sign_at_the_same_time", |hsm| {
        put(hsm, 1);
        let token = open(&hsm.key("key-1")).unwrap();
        let sign = |n: u32| {
            let message = n.to_be_bytes();
            token.key().verify(&message, &token.sign(&message).unwrap())
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..12).map(|t| scope.spawn(move || (0..8).all(|n| sign(t * 8 + n)))).collect();
            assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
        });
    });
}

#[test]
fn a_worker_that_waits_for_a_token_does_not_hold_up_its_runtime() {
    Hsm::run("a_worker_that_waits_for_a_token_does_not_hold_up_its_runtime", |hsm| {
        put(hsm, 1);
        let key = open(&hsm.key("key-1")).unwrap();
        for threads in [0, 1] {
            let mut builder = match threads {
                0 => tokio::runtime::Builder::new_current_thread(),
                _ => tokio::runtime::Builder::new_multi_thread(),
            };
            let runtime = builder.worker_threads(1).build().unwrap();
            let key = Arc::clone(&key);
            let signed = runtime.block_on(async move {
                tokio::spawn(async move { key.sign(b"x") }).await.unwrap()
            });
            assert!(signed.is_ok());
        }
    });
}

#[test]
fn a_token_that_failed_is_used_again() {
    Hsm::run("a_token_that_failed_is_used_again", |hsm| {
        put(hsm, 1);
        let token = open(&hsm.key("key-1")).unwrap();
        for _ in 0..3 {
            lose_sessions();
            assert!(token.sign(b"after sessions were lost").is_ok());
            log_out();
            assert!(token.sign(b"after the login was lost").is_ok());
        }
        let (there, away) = (hsm.folder.join("tokens"), hsm.folder.join("away"));
        fs::rename(&there, &away).unwrap();
        fs::create_dir(&there).unwrap();
        lose_sessions();
        assert!(token.sign(b"while it is away").is_err());
        fs::remove_dir(&there).unwrap();
        fs::rename(&away, &there).unwrap();
        lose_sessions();
        assert!(token.sign(b"after it came back").is_ok());
    });
}

#[test]
fn a_refused_pin_is_not_tried_again_before_its_file_is_written() {
    Hsm::run("a_refused_pin_is_not_tried_again_before_its_file_is_written", |hsm| {
        put(hsm, 1);
        let token = open(&hsm.key("key-1")).unwrap();
        hsm.write_pin("00000000");
        let written = fs::metadata(hsm.pin_file()).unwrap().modified().unwrap();
        lose_sessions();
        assert!(token.sign(b"x").is_err());
        hsm.write_pin(PIN);
        let file = fs::File::options().write(true).open(hsm.pin_file()).unwrap();
        file.set_modified(written).unwrap();
        assert!(token.sign(b"x").is_err(), "a PIN was tried again");
        file.set_modified(written + Duration::from_secs(1)).unwrap();
        assert!(token.sign(b"x").is_ok());
    });
}

#[test]
fn each_fault_is_named_with_its_cure_and_without_the_pin() {
    Hsm::run("each_fault_is_named_with_its_cure_and_without_the_pin", |hsm| {
        put(hsm, 1);
        put(hsm, 2);
        hsm.import(&SigningKey::from_seed(&seed(3)).to_pem().unwrap(), "key-2", "03");
        let good = || hsm.key("key-1");
        let missing = || PathBuf::from("/nonexistent/otkel");
        let not_a_module = hsm.folder.join("softhsm.conf");
        let cases = [
            (TokenKey { module: missing(), ..good() }, "`/nonexistent/otkel` cannot be used"),
            (TokenKey { module: not_a_module, ..good() }, "check its path"),
            (TokenKey { token: "other".into(), ..good() }, "there is no token `other`"),
            (TokenKey { pin_file: missing(), ..good() }, "/nonexistent/otkel cannot be read"),
            (hsm.key("key-9"), "has 0 Ed25519 keys labelled `key-9`"),
            (TokenKey { key: TokenObject::Id(vec![9]), ..good() }, "with the id `09`"),
            (hsm.key("key-2"), "has 2 Ed25519 keys labelled `key-2`"),
        ];
        for (place, words) in cases {
            fails(&place, words);
        }
        hsm.open_to_others(0o640);
        fails(&good(), "chmod 600");
        hsm.open_to_others(0o600);
        hsm.write_pin("00000000");
        fails(&good(), "`gateway` refuses the PIN in");
        hsm.write_pin("");
        fails(&good(), "`gateway` refuses the PIN in");
        assert!(!format!("{:?}", good()).contains(PIN));
    });
}

/// The driver is stopped: every session is gone, and with the last of them the login.
fn lose_sessions() {
    Pkcs11::new(hsm::module()).unwrap().finalize().unwrap();
}

/// Somebody else in the process logs out, and so everybody is.
fn log_out() {
    let module = Pkcs11::new(hsm::module()).unwrap();
    let slot = module.get_slots_with_token().unwrap()[0];
    module.open_ro_session(slot).unwrap().logout().unwrap();
}

#[test]
fn a_gateway_keeps_its_keys_in_a_token() {
    Hsm::run("a_gateway_keeps_its_keys_in_a_token", |hsm| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let file = "[{ file = \"keys/signing.key\" }]";
            let world = World::plan()
                .edit("key = \"keys/ledger.key\"", &hsm.table("key-1"))
                .edit(file, &format!("[{{ {} }}]", hsm.table("key-2")))
                .prepare()
                .await;
            let ledger = keys::read(&world.folder().join("keys/ledger.key")).unwrap();
            for (key, n) in [("ledger", 1), ("signing", 2)] {
                let file = world.folder().join(format!("keys/{key}.key"));
                let pem = fs::read_to_string(&file).unwrap();
                hsm.import(&pem, &format!("key-{n}"), &format!("0{n}"));
                fs::remove_file(file).unwrap();
            }
            let clock = world.clock.clone();
            let mut world = world.begin(clock).await.unwrap();
            // The partner checks the signature.
            assert_eq!(world.send(sampled(&sample::transfers()[0])).await.status, 200);
            // What is not signed is not sent.
            hsm.write_pin("00000000");
            lose_sessions();
            let refused = world.send(sampled(&sample::transfers()[0])).await;
            assert_eq!(refused.status, 503, "{refused:?}");
            hsm.write_pin(PIN);
            assert_eq!(world.send(sampled(&sample::transfers()[0])).await.status, 200);
            world.stop().await;
            let log = LogKey::new("gw.demo.example/disclosures", Arc::new(ledger)).unwrap();
            let note = fs::read_to_string(world.folder().join("checkpoint")).unwrap();
            assert!(Checkpoint::open(&note, log.public()).unwrap().size > 0);
            let verified = world.command(&["verify"]).env(SETTINGS, hsm.settings()).output();
            assert_eq!(verified.unwrap().status.code(), Some(0));
            let without = world.otkel(&["verify"]);
            assert_eq!(without.status.code(), Some(2));
            let said = String::from_utf8(without.stderr).unwrap();
            assert!(said.contains("the ledger key cannot be used: there is no token"), "{said}");
        });
    });
}

fn fails(place: &TokenKey, words: &str) {
    let why = open(place).err().unwrap();
    assert!(why.to_string().contains(words), "{words}: {why}");
    let all = format!("{why} {why:?}");
    assert!(!all.contains(PIN) && !all.contains("00000000"), "{all}");
}

fn open(place: &TokenKey) -> Result<Arc<dyn Sign>, keys::Unopened> {
    keys::open(&KeySource::Token(place.clone()))
}

/// A key in the token, labelled `key-N` and with the id N, and the same key in memory.
fn put(hsm: &Hsm, n: u8) -> SigningKey {
    let key = SigningKey::from_seed(&seed(n));
    hsm.import(&key.to_pem().unwrap(), &format!("key-{n}"), &format!("0{n}"));
    key
}

fn seed(n: u8) -> Zeroizing<[u8; 32]> {
    Zeroizing::new([n; 32])
}
