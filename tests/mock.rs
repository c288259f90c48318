//! A mock partner by its script: each behaviour and each fault, as a gateway sees it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

#[path = "support/world.rs"]
mod world;

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use otkel::demo::sample::{self, AIGERIM, DANIYAR};
use otkel::gateway::SystemClock;
use otkel::partner::mock::Script;
use otkel::signing::{Sign as _, SigningKey};
use serde_json::{Value, json};
use world::*;

const GB: &str = "training-gb";

async fn with(script: &str) -> World {
    World::plan().script(GB, script).start().await
}

/// The ledger of a world re-derives from its stored bytes.
async fn is_sound(mut world: World) {
    world.stop().await;
    let verified = world.otkel(&["verify"]);
    let told = String::from_utf8(verified.stdout).unwrap();
    assert!(verified.status.success(), "{told}");
}

// --- answers

#[tokio::test(flavor = "multi_thread")]
async fn without_a_script_all_is_accepted_in_its_own_form() {
    let world = World::start().await;
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    sent.reaches(GB, &surnames(1));
    let body: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(body, json!({ "accepted": true, "id": sent.decision() }));
    assert_eq!(sent.receipts[0]["status"], "accepted");
    for sample in sample::transfers().iter().filter(|sample| sample.answer.is_some()) {
        let sent = world.send(sampled(sample)).await;
        let body = String::from_utf8(sent.body.clone()).unwrap();
        assert!(sample::fits(sample.answer.unwrap(), &body), "{body}");
    }
    is_sound(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_in_the_order_of_the_script() {
    let world = with(
        "[[rule]]\nwhen = { path = '/v1/*', nth = 2 }\nstatus = 503\n\
         headers = { retry-after = '7', x-partner = 'y' }\ntext = 'ертең'\n\
         [[rule]]\nwhen = { method = 'POST', purpose = 'P09', media = 'application/json' }\n\
         times = 2\nstatus = 201\njson = { enrolled = 1 }\n\
         [[rule]]\nwhen.body = { '$.learners[*].family_name' = 'Тест' }\nstatus = 422\n",
    )
    .await;
    let mut came = Vec::new();
    for _ in 0..4 {
        let sent = world.send(enrol(learners(&[AIGERIM]))).await;
        sent.is_settled("delivered");
        let status = sent.receipts[0]["status"].as_str().unwrap().to_owned();
        let retry = sent.headers.get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(sent.headers["otkel-receipt-status"], status.as_str());
        assert!(!sent.headers.contains_key("x-partner"));
        came.push((sent.status, status, retry, String::from_utf8(sent.body).unwrap()));
    }
    let is = |n: usize, status: u16, receipt: &str, body: &str| {
        let (came_status, came_receipt, _, came_body) = &came[n];
        assert_eq!((*came_status, came_receipt.as_str()), (status, receipt), "{came:#?}");
        assert!(came_body.contains(body), "{came:#?}");
    };
    is(0, 201, "accepted", r#"{"enrolled":1}"#);
    is(1, 503, "deferred", "ертең");
    assert_eq!(came[1].2.as_deref(), Some("7"));
    is(2, 201, "accepted", r#"{"enrolled":1}"#);
    is(3, 422, "rejected", r#""accepted":true"#);
    assert_eq!(world.received(GB).len(), 4);
    is_sound(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_knows_the_request_inside() {
    let found = "json = { certificates = [{ number = 'KZ-7-0002', clerk = 'A' }] }";
    let inside = "inside = { method = 'GET', path = '/v2/learners/*/certificates' }";
    let script = format!(
        "[[rule]]\nwhen.inside = {{ method = 'PUT' }}\nstatus = 500\n\
         [[rule]]\nwhen = {{ method = 'POST', path = '/v2/questions', {inside} }}\n{found}\n"
    );
    let world = World::plan().script("archive-kz", &script).start().await;
    let samples = sample::transfers();
    let sample = samples.iter().find(|sample| sample.request.0 == "GET").unwrap();
    let sent = world.send(sampled(sample)).await;
    let body = String::from_utf8(sent.body.clone()).unwrap();
    assert!(sent.status == 200 && body.contains("KZ-7-0002"), "{sent:#?}");
}

// --- receipts

#[tokio::test(flavor = "multi_thread")]
async fn each_receipt_is_recorded_for_what_it_is() {
    let cases = [
        ("accepted", "accepted", ""),
        ("rejected", "rejected", ""),
        ("deferred", "deferred", ""),
        ("none", "missing", ""),
        ("wrong-signature", "wrong", "signature"),
        ("other-id", "wrong", "id"),
        ("other-bytes", "wrong", "envelope"),
        ("garbage", "wrong", "form"),
    ];
    let rule =
        |(word, ..): &(&str, &str, &str)| format!("[[rule]]\ntimes = 1\nreceipt = '{word}'\n");
    let world = with(&cases.iter().map(rule).collect::<String>()).await;
    for (word, status, why) in cases {
        let sent = world.send(enrol(learners(&[AIGERIM]))).await;
        assert_eq!(sent.status, 200);
        sent.is_settled("delivered");
        assert_eq!(sent.headers["otkel-receipt-status"], status, "{word}");
        let [receipt] = sent.receipts.as_slice() else { panic!("{sent:#?}") };
        let told = if why.is_empty() { Value::Null } else { why.into() };
        assert_eq!(receipt.get("why").unwrap_or(&Value::Null), &told, "{word}: {receipt}");
        let is_good = receipt.get("jws").is_some();
        assert_eq!(is_good, !["missing", "wrong"].contains(&status), "{word}: {receipt}");
    }
    is_sound(world).await;
}

// --- sealed answers

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_answer_is_opened_and_a_plain_or_broken_one_is_withheld() {
    let file = format!("partners/{GB}.toml");
    let rules = "[[rule]]\ntimes = 1\nstatus = 201\njson = { a = 1 }\n\
                 [[rule]]\ntimes = 1\nreply = 'plain'\n[[rule]]\ntimes = 1\nreply = 'broken'\n";
    let route = "[[route]]\nname = \"enrol\"\n";
    let required = format!("[envelope]\nreply = \"required\"\n\n{route}");
    let plan = World::plan().rule(&file, route, &required);
    let world = plan.script(GB, rules).start().await;
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    assert_eq!((sent.status, sent.body.as_slice()), (201, br#"{"a":1}"#.as_slice()), "{sent:#?}");
    for _ in ["plain", "broken"] {
        let sent = world.send(enrol(learners(&[AIGERIM]))).await;
        assert_eq!(sent.problem()["code"], "ANSWER_UNPROVEN", "{sent:#?}");
        assert_eq!(sent.receipts[0]["status"], "accepted");
    }
    is_sound(world).await;
}

// --- faults

/// With a time limit that only those meet who give no answer.
async fn hasty(script: &str) -> World {
    World::plan().limits("answer_ms = 300\nanswer_idle_ms = 300").script(GB, script).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_late_or_never_leaves_the_outcome_unknown() {
    let world = hasty(
        "[[rule]]\ntimes = 1\nfault = 'hang'\n[[rule]]\ntimes = 1\ndelay_ms = 600000\n\
         [[rule]]\ndelay_ms = 1\n",
    )
    .await;
    for _ in ["hang", "delay"] {
        let sent = world.send(enrol(learners(&[AIGERIM]))).await;
        assert_eq!(sent.problem()["code"], "PARTNER_TIMEOUT");
        sent.is_settled("unknown");
        assert_eq!(sent.received.len(), 1, "it was received all the same");
    }
    world.send(enrol(learners(&[AIGERIM]))).await.reaches(GB, &surnames(1));
    is_sound(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_leaves_the_outcome_unknown() {
    for (fault, received) in [("reset", 1), ("garbage", 1), ("close", 0)] {
        let world = with(&format!("[[rule]]\ntimes = 1\nfault = '{fault}'\n")).await;
        let sent = world.send(enrol(learners(&[AIGERIM]))).await;
        assert_eq!(sent.problem()["code"], "PARTNER_ANSWER_BAD", "{fault}");
        sent.is_settled("unknown");
        assert_eq!(sent.received.len(), received, "{fault}");
        assert_eq!(sent.receipts, Vec::<Value>::new(), "{fault}");
        world.send(enrol(learners(&[AIGERIM]))).await.reaches(GB, &surnames(1));
        is_sound(world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_cut_or_comes_too_slowly_is_not_whole() {
    let world = hasty(
        "[[rule]]\ntimes = 1\ntext = 'a whole answer'\ncut_after = 3\n\
         [[rule]]\ntimes = 1\ntext = 'a whole answer'\ndrip_ms = 600000\n\
         [[rule]]\ntext = 'a whole answer'\ndrip_ms = 1\n",
    )
    .await;
    for _ in ["cut", "slow"] {
        let sent = world.send(enrol(learners(&[AIGERIM]))).await;
        assert!(!sent.is_whole || sent.status >= 500, "{sent:#?}");
        assert_ne!(sent.body, b"a whole answer");
    }
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    assert_eq!((sent.status, sent.body.as_slice()), (200, b"a whole answer".as_slice()));
    is_sound(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_before_the_body_has_no_receipt() {
    let world = with(
        "[[rule]]\nwhen = { method = 'POST', path = '/v1/enrolments', nth = 2 }\n\
         fault = 'early'\nstatus = 429\ntext = 'busy'\n",
    )
    .await;
    world.send(enrol(learners(&[AIGERIM]))).await.reaches(GB, &surnames(1));
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    assert_eq!((sent.status, sent.received.len()), (429, 0), "{sent:#?}");
    sent.is_settled("delivered");
    assert_eq!(sent.headers["otkel-receipt-status"], "missing");
    is_sound(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_that_of_a_receiver() {
    let world = with(
        "[[rule]]\ntimes = 1\nrefuse = 'replayed'\n[[rule]]\ntimes = 1\nrefuse = 'bad-digest'\n",
    )
    .await;
    for status in [409, 400] {
        let sent = world.send(enrol(learners(&[AIGERIM]))).await;
        assert_eq!((sent.status, sent.received.len()), (status, 0), "{sent:#?}");
        sent.is_settled("delivered");
    }
    is_sound(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_answered_as_its_first_part_asks() {
    let script = "[[rule]]\nwhen = { path = '/v2/marks', media = 'application/x-ndjson' }\n\
                  status = 202\nreceipt = 'deferred'\n";
    let world = World::plan().script("archive-kz", script).start().await;
    let samples = sample::transfers();
    let marks = samples.iter().find(|sample| sample.request.1 == "/archive-kz/marks").unwrap();
    let sent = world.send(sampled(marks)).await;
    assert_eq!(sent.headers["otkel-receipt-status"], "deferred", "{sent:#?}");
    assert!(sent.status == 202 && !sent.received.is_empty(), "{sent:#?}");
    assert!(sent.received.last().unwrap().1.header.stream.unwrap().last);
    is_sound(world).await;
}

// --- scripts that do not load

/// What a script is refused with, without the snippet.
fn refused(text: &str) -> String {
    let found = Script::read("script.toml", text, Path::new("")).unwrap_err();
    let mut told = String::new();
    for one in found.iter() {
        writeln!(told, "{one}\n  help: {}", one.help).unwrap();
    }
    told
}

#[test]
fn what_is_wrong_in_a_script_is_told_with_its_place_and_cure() {
    let cases = include_str!("mock/broken.txt");
    let mut came = String::new();
    for case in cases.split("\n@ ").skip(1) {
        let (title, rest) = case.split_once('\n').unwrap();
        let lines: Vec<&str> = rest.lines().filter_map(|line| line.strip_prefix("+ ")).collect();
        writeln!(came, "\n@ {title}").unwrap();
        for line in &lines {
            writeln!(came, "+ {line}").unwrap();
        }
        came.push_str(&refused(&(lines.join("\n") + "\n")));
    }
    let (head, _) = cases.split_once("\n@ ").unwrap();
    let came = format!("{head}{came}");
    if std::env::var_os("OTKEL_FREEZE").is_some() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mock/broken.txt");
        std::fs::write(file, &came).unwrap();
    }
    assert_eq!(came, cases);
}

// --- other gateways and messages than those it is for

#[tokio::test(flavor = "multi_thread")]
async fn a_mock_checks_what_every_receiver_checks() {
    let plan = World::plan().edit("name = \"gw.demo.example\"", "name = \"gw.other.example\"");
    let world = plan.start().await;
    let sent = world.send(enrol(learners(&[AIGERIM, DANIYAR]))).await;
    assert_eq!((sent.status, sent.received.len()), (422, 0), "{sent:#?}");
}

#[test]
fn every_script_of_the_documentation_loads() {
    let page = include_str!("../docs/partner/mock.md");
    let scripts: Vec<&str> =
        page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!scripts.is_empty());
    for script in scripts {
        Script::read("mock.md", script, Path::new("")).unwrap_or_else(|wrong| panic!("{wrong}"));
    }
    let schema: Value = serde_json::from_str(otkel::partner::mock::script::SCHEMA).unwrap();
    for table in ["rule", "when"] {
        for key in schema["$defs"][table]["properties"].as_object().unwrap().keys() {
            assert!(page.contains(&format!("`{key}`")) || key == "when", "{key} is not described");
        }
    }
}

// --- the program

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_sends_to_the_program_by_what_it_printed() {
    let world = World::plan().real_time().prepare().await;
    let signing = std::fs::read_to_string(world.folder().join("keys/signing.key")).unwrap();
    let signing = SigningKey::from_pem(&signing).unwrap().key().to_string();
    let script = "[[rule]]\nwhen.purpose = 'P09'\nstatus = 202\njson = { queued = true }\n";
    std::fs::write(world.folder().join("script.toml"), script).unwrap();
    let mut mock = Program::start(&world, &["--gateway-key", &signing]);
    let printed = mock.printed.join("\n");
    let told: toml::Table =
        toml::from_str(printed.split_once("configuration of the gateway:").unwrap().1).unwrap();
    let text = std::fs::read_to_string(&world.config).unwrap();
    let mut config: toml::Table = toml::from_str(&text).unwrap();
    for (table, key) in [("partner", GB), ("resolve", "api.training-gb.example:443")] {
        config[table].as_table_mut().unwrap().insert(key.to_owned(), told[table][key].clone());
    }
    std::fs::write(&world.config, toml::to_string(&config).unwrap()).unwrap();
    let world = world.begin(Arc::new(SystemClock)).await.unwrap();
    let sent = world.send(enrol(learners(&[AIGERIM]))).await;
    assert_eq!((sent.status, sent.body.as_slice()), (202, br#"{"queued":true}"#.as_slice()));
    assert_eq!(sent.headers["otkel-receipt-status"], "accepted");
    let heard: Value = serde_json::from_str(&mock.line()).unwrap();
    assert_eq!((&heard["id"], &heard["text"]), (&sent.decision().into(), &surnames(1).into()));
    assert_eq!((&heard["purpose"], &heard["onward"]), (&"P09".into(), &false.into()));
    assert_eq!(heard["media"], "application/json");
    is_sound(world).await;
}

/// `otkel partner --mock` for the training partner, as a program of its own.
struct Program {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    /// What it printed besides messages.
    printed: Vec<String>,
}

impl Program {
    fn start(world: &World, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_otkel"))
            .current_dir(world.folder())
            .args(["partner", "--mock", "script.toml", "--json", "--listen", "127.0.0.1:0"])
            .args(["--name", GB, "--host", "api.training-gb.example"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut err = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut printed: Vec<String> = Vec::new();
        while !printed.last().is_some_and(|line| line.contains("Ctrl-C")) {
            printed.push(err.next().unwrap().unwrap());
        }
        printed.pop();
        Self { child, out, printed }
    }

    fn line(&mut self) -> String {
        tokio::task::block_in_place(|| self.out.next().unwrap().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
