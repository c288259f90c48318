//! Record streams: carried part by part, and ended in every way that one can end.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

#[path = "../support/world.rs"]
mod world;

mod coded;
mod ended;
mod formats;
mod memory;
mod opened;
mod parts;

use std::time::Duration;

use otkel::demo::sample::{AIGERIM, DANIYAR, NURLAN, YERLAN};
use otkel::partner::mock::Received;
use serde_json::{Value, json};
use world::*;

const GB: &str = "training-gb";
const GB_FILE: &str = "policies/partners/training-gb.toml";

/// A world with a route that carries listeners as a JSON array, two a part.
fn plan() -> Plan {
    plan_with(2)
}

fn plan_with(records: u32) -> Plan {
    plan_of("json", records)
}

/// As [`plan`], with another format, or more to say of it.
fn plan_of(format: &str, records: u32) -> Plan {
    let (route, before) = (route(format, records), "# The same listeners in groups");
    let known = "    \"training-gb.enrol\",\n";
    World::plan()
        .own_rules()
        .rule("partners/training-gb.toml", before, &format!("{route}\n{before}"))
        .edit(known, &format!("{known}    \"training-gb.enrol-stream\",\n"))
}

fn route(format: &str, records: u32) -> String {
    let (format, more) = format.split_once(' ').unwrap_or((format, ""));
    format!(
        r#"
[[route]]
name = "enrol-stream"
request = "POST /training-gb/enrolment-streams"
to = "/v1/enrolment-streams"
endpoint = "main"
format = "{format}"
{more}
purposes = ["P09"]
subjects = "$[*]"
subject = "$.iin"
scheme = "kz-iin"
on_refused = "drop"
unmapped = "remove"
required = ["$[*].family_name"]
[route.stream]
records = {records}
bytes = 65536
[route.fields]
"$[*].family_name" = "D01"
"$[*].email" = "D07"
"#
    )
}

/// A stream's request; its body may follow piece by piece.
fn stream(body: impl AsRef<[u8]>) -> Ask {
    enrol(body).path("/training-gb/enrolment-streams")
}

fn person(iin: &str, name: &str) -> String {
    format!(r#"{{"iin":"{iin}","family_name":"{name}"}}"#)
}

fn array(people: &[String]) -> String {
    format!("[{}]", people.join(","))
}

/// A caller that sends a stream piece by piece.
struct Pour(Wire);

impl Pour {
    async fn begin(world: &World) -> Self {
        Self::begin_with(world, stream("")).await
    }

    async fn begin_with(world: &World, ask: Ask) -> Self {
        let mut wire = Wire::of(world).await;
        let head = [&ask.head()[..], b"transfer-encoding: chunked\r\n\r\n"].concat();
        wire.write(&head).await;
        Self(wire)
    }

    async fn send(&mut self, piece: impl AsRef<[u8]>) {
        let piece = piece.as_ref();
        let head = format!("{:x}\r\n", piece.len());
        self.0.write(&[head.as_bytes(), piece, b"\r\n"].concat()).await;
    }

    /// Ends the body, and takes the answer.
    async fn end(mut self) -> Words {
        self.0.write(b"0\r\n\r\n").await;
        self.0.read().await
    }

    /// Takes an answer that comes before the end.
    async fn answer(mut self) -> Words {
        self.0.read().await
    }
}

/// What the partner got, in its order.
fn bodies(world: &World) -> Vec<String> {
    let text = |received: &Received| String::from_utf8(received.body.to_vec()).unwrap();
    world.received(GB).iter().map(text).collect()
}

/// The number of each part that the partner got, and whether it was said to be the last.
fn numbers(world: &World) -> Vec<(u64, bool)> {
    let part = |received: &Received| received.header.stream.map(|part| (part.n, part.last));
    world.received(GB).iter().map(|received| part(received).unwrap()).collect()
}

/// Waits until the partner has got so many parts.
async fn arrived(world: &World, parts: usize) {
    until("the parts arrive", || world.received(GB).len() == parts).await;
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..1000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it does not come to that: {what}");
}

/// The ledger's entries of one type since a position.
fn entries(world: &World, from: u64, kind: &str) -> Vec<Value> {
    world.entries(from).into_iter().filter(|entry| entry["type"] == kind).collect()
}

/// Waits until each disclosure has its outcome, and gives the outcomes in the order of the parts.
async fn outcomes(world: &World, from: u64) -> Vec<(String, Value)> {
    let count = |kind| entries(world, from, kind).len();
    until("each part has its outcome", || count("outcome") == count("disclosure")).await;
    let outcomes = entries(world, from, "outcome");
    let of = |disclosure: Value| {
        let is_its = |outcome: &&Value| outcome["of"] == disclosure["seq"];
        let outcome = outcomes.iter().find(is_its).unwrap().clone();
        assert_eq!(outcome["did"], disclosure["did"]);
        (outcome["result"].as_str().unwrap().to_owned(), outcome)
    };
    entries(world, from, "disclosure").into_iter().map(of).collect()
}

fn results(outcomes: &[(String, Value)]) -> Vec<&str> {
    outcomes.iter().map(|(result, _)| result.as_str()).collect()
}

fn problem(words: &Words) -> Value {
    assert_eq!(words.headers["content-type"], "application/problem+json", "{words:?}");
    serde_json::from_slice(&words.body).unwrap()
}

fn size(world: &World) -> u64 {
    world.gateway().reader.size()
}
