//! The key lists of partners: whose word counts, which list and which key is used, and what is done
//! when a partner does not know a key.
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
use std::sync::Arc;

use otkel::demo::sample::AIGERIM;
use otkel::demo::world::ed25519_pem;
use otkel::envelope::key::KeyList;
use otkel::envelope::{self, Kem};
use otkel::keyfile;
use otkel::proxy::rules::Rules;
use otkel::signing::SigningKey;
use otkel::time::{Clock as _, Timestamp};
use otkel::vocabulary::Name;
use serde_json::{Value, json};
use world::*;

const GB: &str = "training-gb";
const GB_FILE: &str = "partners/training-gb.toml";
const LIST: &str = "keys/training-gb.keys.jws";
const DAY: i64 = 24 * 3600 * 1000;
const MINUTE: i64 = 60_000;

fn one() -> Ask {
    enrol(learners(&[AIGERIM]))
}

fn kid(sent: &Sent) -> String {
    sent.entry()["payload"]["kid"].as_str().unwrap().to_owned()
}

fn move_on(world: &World, millis: i64) {
    world.clock.set(world.clock.now().plus_millis(millis));
}

async fn reload(world: &World) -> (u16, Value) {
    world.admin("POST", "/rules/reload", "").await
}

/// A world whose partner publishes its list, while the file of the gateway stays as it is.
async fn publishing(plan: Plan) -> World {
    let keys = "keys = \"keys/training-gb.keys.jws\"";
    let published = "keys = \"first.jws\"\nkeys_at = \"/.well-known/otkel/keys\"";
    let world = plan.own_rules().edit(keys, published).prepare().await;
    fs::copy(world.folder().join(LIST), world.folder().join("first.jws")).unwrap();
    let clock = world.clock.clone();
    world.begin(clock).await.unwrap()
}

/// The key lists that the ledger says were taken of a partner.
fn taken(world: &World, partner: &str) -> Vec<(String, String)> {
    let entries = world.entries(0).into_iter();
    let of_partner = entries
        .filter(|entry| entry["act"] == "partner-keys-accepted" && entry["partner"] == partner);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let seq = |object: String| object.split(" sha256:").next().unwrap().to_owned();
    of_partner.map(|entry| (text(&entry["by"]), seq(text(&entry["object"])))).collect()
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(by, seq)| ((*by).to_owned(), (*seq).to_owned())).collect()
}

// --- which key

#[tokio::test(flavor = "multi_thread")]
async fn without_a_valid_key_nothing_leaves_until_there_is_one() {
    let world = World::plan().start().await;
    move_on(&world, 91 * DAY);
    let before = world.arrived();
    world.send(one()).await.is_refused("PARTNER_KEY_UNAVAILABLE");
    assert_eq!(world.arrived(), before);
    // The partner's file is looked at again, though not more than once a minute.
    let new = world.add_key(GB, world.clock.now());
    world.send(one()).await.is_refused("PARTNER_KEY_UNAVAILABLE");
    move_on(&world, MINUTE);
    let sent = world.ask(one()).await;
    assert_eq!(sent.status, 200);
    let disclosure = world.entries(0).into_iter().rfind(|entry| entry["type"] == "disclosure");
    assert_eq!(disclosure.unwrap()["payload"]["kid"], new);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_valid_keys_the_newer_is_used_and_a_later_one_waits_for_its_day() {
    let world = World::plan().own_rules().start().await;
    let first = kid(world.send(one()).await.reaches(GB, &surnames(1)));
    let later = world.add_key(GB, world.clock.now().plus_millis(10 * DAY));
    assert_eq!(reload(&world).await.0, 200);
    assert_eq!(kid(world.send(one()).await.reaches(GB, &surnames(1))), first);
    move_on(&world, 10 * DAY);
    assert_eq!(kid(world.send(one()).await.reaches(GB, &surnames(1))), later);
    let kids: Vec<String> = world.list(GB).keys.into_iter().map(|key| key.kid).collect();
    assert!(kids.contains(&first) && kids.contains(&later), "both are listed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_begins_tomorrow_lets_nothing_out_today() {
    let world = World::plan().own_rules().start().await;
    let tomorrow = world.clock.now().plus_millis(DAY);
    let new = world.add_key(GB, tomorrow);
    let mut list = world.list(GB);
    list.keys.retain(|key| key.kid == new);
    list.seq += 1;
    world.write_list(GB, &list);
    assert_eq!(reload(&world).await.0, 200);
    world.send(one()).await.is_refused("PARTNER_KEY_UNAVAILABLE");
    world.clock.set(tomorrow);
    assert_eq!(kid(world.send(one()).await.reaches(GB, &surnames(1))), new);
    list.keys.clear();
    list.seq += 1;
    world.write_list(GB, &list);
    assert_eq!(reload(&world).await.0, 422, "there is none at any time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_of_the_hybrid_without_a_key_for_it_is_refused() {
    let kem = "[envelope]\nkem = \"mlkem768-x25519\"\n\n[endpoint.main]";
    let plan = || World::plan().rule(GB_FILE, "[endpoint.main]", kem);
    let world = plan().start().await;
    let sent = world.send(one()).await;
    sent.reaches(GB, &surnames(1));
    assert_eq!(sent.received[0].1.header.rcpt[0].kem, Kem::MlKem768X25519.id());

    let world = plan().prepare().await;
    let mut list = world.list(GB);
    list.keys.retain(|key| key.kem == Kem::X25519.id());
    world.write_list(GB, &list);
    let clock = world.clock.clone();
    let Err(why) = world.begin(clock).await else { panic!("it started") };
    let (_, found) = why.diagnostics().unwrap();
    let told = found.to_string();
    for words in [
        "partners/training-gb.toml:",
        "the key list of `training-gb` has no key for `mlkem768-x25519`",
    ] {
        assert!(told.contains(words), "{told}");
    }
}

// --- which list

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_goes_back_or_changes_is_refused_across_restarts() {
    let mut world = World::plan().own_rules().start().await;
    let file = world.folder().join(LIST);
    let first = fs::read(&file).unwrap();
    let new = world.rotate(GB);
    assert_eq!(reload(&world).await.0, 200);
    assert_eq!(kid(world.send(one()).await.reaches(GB, &surnames(1))), new);
    let second = fs::read(&file).unwrap();

    fs::write(&file, &first).unwrap();
    let (status, told) = reload(&world).await;
    let message = told["problems"][0]["message"].as_str().unwrap();
    assert_eq!(status, 422);
    assert!(message.contains("its `seq` is 2, and the list with `seq` 3 was taken"), "{message}");
    assert_eq!(kid(world.send(one()).await.reaches(GB, &surnames(1))), new);

    let mut other = world.list(GB);
    (other.seq, other.keys[0].exp) = (3, other.keys[0].exp + 1);
    world.write_list(GB, &other);
    let (status, told) = reload(&world).await;
    let message = told["problems"][0]["message"].as_str().unwrap();
    assert!(status == 422 && message.contains("another list with `seq` 3 was taken"), "{message}");

    world.stop().await;
    fs::write(&file, &first).unwrap();
    let why = world.try_run(world.clock.clone()).await.unwrap_err().to_string();
    assert!(why.contains("its `seq` is 2, and the list with `seq` 3 was taken"), "{why}");
    fs::write(&file, &second).unwrap();
    world.run().await;
    assert_eq!(kid(world.send(one()).await.reaches(GB, &surnames(1))), new);
    assert_eq!(taken(&world, GB), pairs(&[("start", "seq 2"), ("officer", "seq 3")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_by_another_than_the_partner_is_refused() {
    let world = World::plan().own_rules().start().await;
    let first = kid(&world.send(one()).await);
    let thief = SigningKey::from_pem(&ed25519_pem().unwrap()).unwrap();
    let now = world.clock.now();
    let (_, key) = keyfile::generate(Kem::X25519, now, now.plus_millis(DAY)).unwrap();
    let forged = KeyList { v: 1, iss: GB.to_owned(), seq: 9, keys: vec![key] };
    let plain = serde_json::to_string(&forged).unwrap();
    let signed = forged.sign(&thief).unwrap();
    let good = fs::read_to_string(world.folder().join(LIST)).unwrap();
    // The partner's own signature, under what the thief wrote.
    let [head, _, signature] = good.trim().split('.').collect::<Vec<_>>().try_into().unwrap();
    let body = signed.split('.').nth(1).unwrap();
    let mixed = format!("{head}.{body}.{signature}");
    for (list, words) in [
        (&signed, "is signed by a key that is not known here"),
        (&mixed, "the signature of the JWS is wrong"),
        (&plain, "it is not signed: ask for the signed list"),
    ] {
        fs::write(world.folder().join(LIST), list).unwrap();
        let (status, told) = reload(&world).await;
        let message = told["problems"][0]["message"].as_str().unwrap();
        assert!(status == 422 && message.contains(words), "{words}: {message}");
        assert_eq!(kid(world.send(one()).await.reaches(GB, &surnames(1))), first);
    }
    assert_eq!(taken(&world, GB), pairs(&[("start", "seq 2")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_a_desk_is_signed_by_the_partner_and_never_goes_back() {
    let world = World::plan().own_rules().start().await;
    let (holder, now) = ("verify-kz.accounts", world.clock.now());
    let file = world.folder().join("keys/verify-kz.accounts.keys.jws");
    let first = fs::read(&file).unwrap();
    let (_, key) = keyfile::generate(Kem::X25519, now, now.plus_millis(DAY)).unwrap();
    world.publish(holder, key);
    assert_eq!(reload(&world).await.0, 200);
    let own = pairs(&[("start", "seq 2"), ("start", "accounts seq 2")]);
    let both = [own, pairs(&[("officer", "accounts seq 3")])].concat();
    assert_eq!(taken(&world, "verify-kz"), both);
    fs::write(&file, &first).unwrap();
    assert_eq!(reload(&world).await.0, 422);
}

// --- lists that are published

#[tokio::test(flavor = "multi_thread")]
async fn a_published_list_is_fetched_with_the_rules_and_outlives_a_restart() {
    let mut world = publishing(World::plan()).await;
    let new = world.rotate(GB);
    let (status, told) = reload(&world).await;
    assert_eq!((status, &told["changed"]), (200, &json!(false)));
    assert_eq!(kid(world.send(one()).await.reaches(GB, &surnames(1))), new);
    let by_itself = pairs(&[("start", "seq 2"), ("gateway", "seq 3")]);
    assert_eq!(taken(&world, GB), by_itself);
    // The gateway's own file is the first list still.
    world.stop().await;
    world.run().await;
    assert_eq!(kid(world.send(one()).await.reaches(GB, &surnames(1))), new);
    assert_eq!(taken(&world, GB), by_itself);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_partner_should_not_publish_changes_nothing() {
    let world = publishing(World::plan()).await;
    let file = world.folder().join(LIST);
    let first = fs::read(&file).unwrap();
    let new = world.rotate(GB);
    assert_eq!(reload(&world).await.0, 200);
    let secret = world.folder().join(format!("keys/{new}.key"));
    let thief = SigningKey::from_pem(&ed25519_pem().unwrap()).unwrap();
    let forged = KeyList { v: 1, iss: GB.to_owned(), seq: 9, keys: Vec::new() };
    let long = vec![b'a'; 1 << 20];
    for bad in [first, forged.sign(&thief).unwrap().into_bytes(), b"{}".to_vec(), long] {
        fs::write(&file, bad).unwrap();
        world.use_keys(GB, &[&secret]);
        assert_eq!(reload(&world).await.0, 200);
        assert_eq!(kid(world.send(one()).await.reaches(GB, &surnames(1))), new);
    }
    assert_eq!(taken(&world, GB).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_cannot_be_recorded_is_not_used() {
    let world = World::start().await;
    let (partner, now) = (Name::parse(GB).unwrap(), world.clock.now());
    let new = world.add_key(GB, now);
    let current = |rules: Arc<Rules>| {
        rules.keys[&partner].current(now, Kem::X25519).unwrap().kid().to_owned()
    };
    let activation = &world.gateway().activation;
    let store = rusqlite::Connection::open(world.folder().join("store/otkel.db")).unwrap();
    store.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_ne!(current(activation.renew(&partner).await), new, "it is not on disk");
    store.execute_batch("ROLLBACK").unwrap();
    move_on(&world, MINUTE);
    assert_eq!(current(activation.renew(&partner).await), new);
    assert_eq!(taken(&world, GB), pairs(&[("start", "seq 2"), ("gateway", "seq 3")]));
}

// --- a partner that does not know the key

/// What the ledger has of a transfer that went twice.
#[track_caller]
fn twice(sent: &Sent) -> [&Value; 4] {
    let of = |kind: &str| -> Vec<&Value> {
        sent.entries.iter().filter(|entry| entry["type"] == kind).collect()
    };
    let [first, second] = of("disclosure").try_into().unwrap();
    let [refused, outcome] = of("outcome").try_into().unwrap();
    assert_eq!((&refused["of"], &outcome["of"]), (&first["seq"], &second["seq"]));
    assert_eq!(
        (&refused["result"], &refused["status"], &refused["reason"]),
        (&json!("delivered"), &json!(422), &json!("PARTNER_KEY_UNAVAILABLE"))
    );
    assert_eq!((&first["again"], &second["again"]), (&Value::Null, &first["did"]));
    assert_ne!(first["payload"]["kid"], second["payload"]["kid"]);
    assert_eq!(second["did"], sent.decision());
    [first, refused, second, outcome]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_goes_once_more_when_the_partner_does_not_know_the_key() {
    for is_published in [true, false] {
        let plan = World::plan();
        let world = if is_published { publishing(plan).await } else { plan.start().await };
        world.send(one()).await.reaches(GB, &surnames(1));
        let new = world.rotate(GB);
        let sent = world.send(one()).await;
        assert_eq!(sent.status, 200, "{sent:#?}");
        let [first, _, second, outcome] = twice(&sent);
        let [(_, received)] = sent.received.as_slice() else { panic!("{sent:#?}") };
        assert_eq!(received.body, surnames(1).as_bytes());
        assert_eq!(
            (outcome["status"].as_u64(), &second["payload"]["kid"]),
            (Some(200), &json!(new))
        );
        assert_eq!(second["did"], received.header.did.to_string());
        // The list was on disk before anything was sealed to its keys.
        let acts = sent.entries.iter().find(|entry| entry["act"] == "partner-keys-accepted");
        let accepted = acts.unwrap()["seq"].as_u64();
        assert!(first["seq"].as_u64() < accepted && accepted < second["seq"].as_u64());
        let path = format!("/decisions/{}", sent.decision());
        assert_eq!(world.admin("GET", &path, "").await.1["again"], first["did"]);
        let told = world.otkel(&["explain", sent.decision()]);
        let told = String::from_utf8(told.stdout).unwrap();
        assert!(told.contains(first["did"].as_str().unwrap()), "{told}");
        // The next one goes by the new key at once.
        assert_eq!(kid(world.send(one()).await.reaches(GB, &surnames(1))), new);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_key_that_the_partner_does_not_know_is_the_last() {
    let script = "[[rule]]\nrefuse = \"unknown-kid\"\n";
    let world = World::plan().script(GB, script).start().await;
    world.add_key(GB, world.clock.now());
    let sent = world.send(one()).await;
    let [.., outcome] = twice(&sent);
    assert_eq!((sent.status, &sent.problem()["code"]), (503, &json!("PARTNER_KEY_UNAVAILABLE")));
    assert_eq!((&outcome["status"], &outcome["reason"]), (&json!(422), &sent.problem()["code"]));
    assert_eq!(sent.problem()["decision"], sent.decision());
    assert!(sent.received.is_empty());
    let told = world.otkel(&["verify"]);
    assert!(told.status.success(), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_has_no_other_key_gets_the_transfer_once() {
    let world = World::plan().script(GB, "[[rule]]\nrefuse = \"unknown-kid\"\n").start().await;
    let sent = world.send(one()).await;
    sent.fails("PARTNER_KEY_UNAVAILABLE", "delivered");
    assert_eq!(sent.entry()["again"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_is_withdrawn_meanwhile_stops_the_second_time() {
    let gate = Gate::new();
    let unknown = "HTTP/1.1 422 X\r\notkel-error: unknown-kid\r\ncontent-length: 0\r\n\r\n";
    let stub = Stub::that(Act::Waits(gate.clone(), unknown));
    let world = World::plan().stub(GB, stub).start().await;
    let now = world.clock.now();
    let (_, key) = keyfile::generate(Kem::X25519, now, now.plus_millis(DAY)).unwrap();
    world.publish(GB, key);
    let (from, withdraw) = (world.gateway().reader.size(), async {
        gate.heard().await;
        world.withdraw(record(2));
        gate.open();
    });
    let (answer, ()) = tokio::join!(world.ask(one()), withdraw);
    assert_eq!(answer.status, 403);
    let entries = world.entries(from);
    let kinds: Vec<&str> = entries.iter().filter_map(|entry| entry["type"].as_str()).collect();
    let expected = ["disclosure", "consent", "receipt", "outcome", "admin", "refusal"];
    assert_eq!(kinds, expected);
    assert_eq!(entries[5]["reason"], "CONSENT_WITHDRAWN");
}

// --- how envelopes are made

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_is_made_as_the_rules_of_the_partner_say() {
    let with = |rules: &str| {
        let rules = format!("[envelope]\n{rules}\n\n[endpoint.main]");
        World::plan().rule(GB_FILE, "[endpoint.main]", &rules)
    };
    let world = with("pad = 4096\nkept = { seconds = 60, messages = 2 }").start().await;
    let mut seals = Vec::new();
    for _ in 0..3 {
        let sent = world.send(one()).await;
        sent.reaches(GB, &surnames(1));
        let payload = &sent.entry()["payload"];
        assert_eq!(payload["mode"], "kept", "{payload}");
        assert!(payload["bytes"].as_u64() > Some(4096), "{payload}");
        assert!(sent.received[0].1.header.pad);
        seals.push(payload["sha256"].clone());
    }
    seals.dedup();
    assert_eq!(seals.len(), 3);

    let now = Timestamp::parse(NOON).unwrap();
    let (pem, key) = keyfile::generate(Kem::X25519, now, now.plus_millis(DAY)).unwrap();
    let desk = key.kid.clone();
    let rules = "also = [\"audit\"]\n[recipient.audit]\ntitle = \"Internal audit\"";
    let world = with(rules)
        .secret("keys/audit.key", &pem)
        .recipient(GB, "audit", key)
        .stub(GB, Stub::that(Act::Says(WELL)))
        .start()
        .await;
    let sent = world.send(one()).await;
    let kids = sent.entry()["payload"]["kids"].as_array().unwrap().clone();
    assert_eq!((kids.len(), &kids[1]), (2, &json!(desk)));
    let heard = world.heard(GB);
    let start = heard.windows(4).position(|bytes| bytes == b"OTK1").unwrap();
    for key in ["audit.key", "training-gb.key"] {
        let key = keyfile::read_secret(&world.folder().join("keys").join(key)).unwrap();
        let (_, body) = envelope::open(&heard[start..], &key).unwrap();
        assert_eq!(body, surnames(1).as_bytes());
    }
    move_on(&world, DAY);
    world.send(one()).await.is_refused("PARTNER_KEY_UNAVAILABLE");
}
