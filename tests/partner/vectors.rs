//! The known answers in `tests/vectors/envelope`: every envelope there that must be refused is, in
//! a request that nothing else is wrong with.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use data_encoding::HEXLOWER;
use otkel::envelope::{Kem, RecipientSecret, frames};
use otkel::keyfile;
use otkel::signing::Sign as _;
use serde_json::{Value, json};

use crate::edit::edited;
use crate::letter::{CLIENT, Post, SIGNER, Sent, signer};
use crate::world::{World, write};
use otkel::time::Clock as _;

/// A proxy with one of the private keys, and how the request is sent that the vectors are for.
struct Stage {
    world: World,
    sent: Sent,
}

impl Stage {
    async fn new(index: &Value, key: &str) -> Self {
        let name = &index["request"]["iss"];
        let more = format!(
            "[[gateway]]\nname = {name}\ncertificate = \"{CLIENT}\"\nkeys = [\"{}\"]\n",
            signer(SIGNER).key()
        );
        let mut world = World::with(&more).await;
        let key = &index["recipients"][key];
        let raw = HEXLOWER.decode(key["secret"].as_str().unwrap().as_bytes()).unwrap();
        let kem = Kem::from_id(key["kem"].as_u64().unwrap().try_into().unwrap()).unwrap();
        let secret = RecipientSecret::read(kem, &raw.try_into().unwrap()).unwrap();
        write(&world.folder, "9.key", &keyfile::pem(&secret));
        world.partner.reload().await.unwrap();
        let text = |name: &str| index["request"][name].as_str().unwrap().to_owned();
        let letter = world.letter("");
        let sent = Sent { method: text("m"), path: text("p"), id: text("did"), ..letter.sent };
        Self { world, sent }
    }

    /// Sees that an envelope is refused, with this code.
    async fn refuses(&self, envelope: Vec<u8>, code: &str, name: &str) {
        let reply = self.world.way.send(&self.sent.post(envelope)).await;
        assert_eq!(reply.field("otkel-error"), Some(code), "{name}");
        assert!(self.world.app.asked().is_empty(), "{name} reached the application");
    }
}

const KEYS: [&str; 2] = ["x25519", "mlkem768-x25519"];

#[tokio::test]
async fn every_envelope_that_must_be_refused_is() {
    let index = index();
    let mut count = 0;
    for key in KEYS {
        let stage = Stage::new(&index, key).await;
        let refused = index["refused"].as_array().unwrap().iter();
        for vector in refused.filter(|vector| vector["key"] == key) {
            let envelope = match vector["of"].as_str() {
                Some(of) => edited(read(of), &vector["edit"]),
                None => read(vector["file"].as_str().unwrap()),
            };
            let code = if vector["why"] == "Key" { "unknown-kid" } else { "cannot-open" };
            stage.refuses(envelope, code, vector["name"].as_str().unwrap()).await;
            count += 1;
        }
        let misdirected = index["misdirected"].as_array().unwrap().iter();
        for vector in misdirected.filter(|vector| vector["key"] == key) {
            let name = vector["file"].as_str().unwrap();
            stage.refuses(read(name), "not-for-this-request", name).await;
            count += 1;
        }
    }
    assert_eq!(count, len(&index, "refused") + len(&index, "misdirected"));
    assert!(count > 200);
}

/// A byte cut or changed anywhere; of the many places every so many.
#[tokio::test]
async fn an_envelope_that_was_cut_or_changed_anywhere_is_refused() {
    let index = index();
    for key in KEYS {
        let stage = Stage::new(&index, key).await;
        for (kind, edit) in [("cuts", "cut"), ("flips", "flip")] {
            let ranges = index[kind].as_array().unwrap().iter();
            for range in ranges.filter(|range| range["key"] == key) {
                let name = range["of"].as_str().unwrap();
                let number = |end: &str| usize::try_from(range[end].as_u64().unwrap()).unwrap();
                for n in (number("from")..number("to")).step_by(53) {
                    let envelope = edited(read(name), &json!([edit, n]));
                    let reply = stage.world.way.send(&stage.sent.post(envelope)).await;
                    assert!((400..500).contains(&reply.status), "{name} {edit} {n}");
                }
            }
        }
        assert!(stage.world.app.asked().is_empty());
    }
}

/// One of each mode, KEM and padding: they all bear the same id, so each needs a proxy of its own.
#[tokio::test]
async fn what_opens_is_taken_once() {
    let index = index();
    let mut kinds = BTreeSet::new();
    for vector in index["opens"].as_array().unwrap() {
        let kind = ["mode", "kem", "pad"].map(|member| vector[member].to_string());
        if vector["length"].as_u64().unwrap() < 16_384 || !kinds.insert(kind) {
            continue;
        }
        let stage = Stage::new(&index, vector["key"].as_str().unwrap()).await;
        let post = stage.sent.post(read(vector["file"].as_str().unwrap()));
        assert_eq!(stage.world.way.send(&post).await.status, 201, "{vector}");
        let body = stage.world.app.asked().remove(0).body.unwrap();
        assert_eq!(body.len() as u64, vector["length"].as_u64().unwrap());
        assert!(body.iter().enumerate().all(|(n, byte)| usize::from(*byte) == n % 251));
        stage.world.refuses(&post, 409, "replayed").await;
    }
    assert!(kinds.len() >= 7, "{kinds:?}");
}

#[tokio::test]
async fn every_stream_that_is_broken_is_refused() {
    let index = index();
    for vector in index["broken"].as_array().unwrap() {
        let stage = Stage::new(&index, "x25519").await;
        let all = cut(&read(vector["of"].as_str().unwrap()));
        let order = vector["frames"].as_array().unwrap().iter();
        let order: Vec<_> = order.map(|n| usize::try_from(n.as_u64().unwrap()).unwrap()).collect();
        let envelopes: Vec<_> = order.iter().map(|n| all[*n].clone()).collect();
        let reply = stage.world.way.send(&stage.stream(&all[0], &envelopes)).await;
        assert_eq!(reply.refusal(), (400, "bad-stream"), "{vector}");
        // Only what came in its place and was not the last.
        let passed = order.iter().zip(0..2).take_while(|(n, place)| **n == *place).count();
        assert_eq!(stage.world.app.asked().len(), passed, "{vector}");
    }
    for vector in index["streams"].as_array().unwrap() {
        let stage = Stage::new(&index, "x25519").await;
        let all = cut(&read(vector["file"].as_str().unwrap()));
        let post = stage.stream(&all[0], &all);
        let reply = stage.world.way.send(&post).await;
        assert_eq!(reply.status, 201, "{:?}", reply.refusal());
        let lengths: Vec<Value> = stage
            .world
            .app
            .asked()
            .iter()
            .map(|asked| asked.body.clone().unwrap().len().into())
            .collect();
        assert_eq!(lengths, *vector["lengths"].as_array().unwrap());
    }
}

impl Stage {
    /// A stream of these envelopes, with the id that the first one says.
    fn stream(&self, first: &[u8], envelopes: &[Vec<u8>]) -> Post {
        let length = usize::from(u16::from_be_bytes([first[6], first[7]]));
        let header: Value = serde_json::from_slice(&first[8..8 + length]).unwrap();
        let id = header["stream"]["id"].as_str().unwrap().to_owned();
        assert_eq!(header["iat"], self.world.clock.now().seconds());
        Sent { id, ..self.sent.clone() }.frames(envelopes)
    }
}

/// The envelopes in frames without signatures.
fn cut(body: &[u8]) -> Vec<Vec<u8>> {
    let mut buffer = bytes::BytesMut::from(body);
    let next = || frames::next(&mut buffer).unwrap().map(|envelope| envelope.to_vec());
    std::iter::from_fn(next).collect()
}

fn index() -> Value {
    serde_json::from_slice(&read("index.json")).unwrap()
}

fn len(index: &Value, kind: &str) -> usize {
    index[kind].as_array().unwrap().len()
}

fn read(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/envelope");
    fs::read(folder.join(name)).unwrap()
}
