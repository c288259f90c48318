//! Files for `otkel test`: those that are right, those that are wrong and what is said of them,
//! recordings; and the kit as the tests of another crate use it.
//!
//! `testkit/wrong/NAME.test.toml` has `NAME.txt` beside it, what the program says of it.
//! `OTKEL_FREEZE=1` writes these anew: read the difference before keeping it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use otkel::testkit::{Ask, Consent, Fault, Setup, Testkit};
use otkel::time::Timestamp;
use serde_json::{Value, json};

const GB: &str = "training-gb";
const ENROL: &str = "POST /training-gb/enrolments";
const AIGERIM: &str = "580101100015";

// --- files

#[test]
fn right_files_are_as_they_say() {
    let told = otkel(&["test", "tests/testkit/right", "docs/enrol.test.toml"]);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stdout));
    let summary = text(&told.stdout).lines().last().unwrap();
    assert_eq!(summary, "files: 4, not run: 0; steps: 23, differing: 0, skipped: 0");
}

#[test]
fn what_is_wrong_is_told_where_and_how() {
    let mut files = Vec::new();
    for entry in fs::read_dir(root().join("tests/testkit/wrong")).unwrap() {
        let path = entry.unwrap().path();
        files.extend(path.extension().is_some_and(|end| end == "toml").then_some(path));
    }
    assert!(files.len() > 5);
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap();
        let done = otkel(&["test", &format!("tests/testkit/wrong/{name}")]);
        let told = format!("{}? {}\n", text(&done.stdout), done.status.code().unwrap());
        let told = without_ids(&told);
        let frozen = path.with_file_name(name.replace(".test.toml", ".txt"));
        if std::env::var_os("OTKEL_FREEZE").is_some() {
            fs::write(&frozen, &told).unwrap();
        }
        assert_eq!(told, fs::read_to_string(&frozen).unwrap(), "{name}");
    }
}

#[test]
fn the_example_of_the_page_is_the_file_that_is_run() {
    let page = fs::read_to_string(root().join("docs/testing.md")).unwrap();
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(example, fs::read_to_string(root().join("docs/enrol.test.toml")).unwrap());
}

#[test]
fn the_page_names_every_key() {
    let page = fs::read_to_string(root().join("docs/testing.md")).unwrap();
    let schema: Value = serde_json::from_str(otkel::testkit::SCHEMA).unwrap();
    let definitions = schema["$defs"].as_object().unwrap();
    let mut tables = vec![&schema];
    // Those of consents are named with the cases of rule files.
    tables.extend(definitions.iter().filter(|(name, _)| *name != "consent").map(|(_, it)| it));
    for key in tables.iter().filter_map(|it| it["properties"].as_object()).flatten() {
        let key = key.0;
        let ways =
            ["`K`", "[[K]]", "[K]", "`K.", "{ K =", "{ consent = NAME, K", ", K, scope", ", K }`"];
        let mut ways = ways.iter().map(|way| way.replace(char::from(b'K'), key));
        assert!(ways.any(|way| page.contains(&way)), "{key}");
    }
}

// --- recordings

#[test]
fn a_recorded_demonstration_comes_out_the_same_again() {
    let folder = folder("recorded-demo");
    let file = folder.join("demo.test.toml");
    let file = file.to_str().unwrap();
    let made = otkel(&[
        "demo",
        "--once",
        "--dir",
        folder.join("demo").to_str().unwrap(),
        "--record",
        file,
    ]);
    assert!(made.status.success(), "{}", text(&made.stdout));
    let told = otkel(&["test", file]);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stdout));
    let steps = otkel::demo::sample::transfers();
    let summary =
        format!("files: 1, not run: 0; steps: {}, differing: 0, skipped: 0\n", steps.len());
    assert!(text(&told.stdout).ends_with(&summary), "{}", text(&told.stdout));
    for step in &steps {
        assert!(text(&told.stdout).contains(&format!(": {}\n", step.title)), "{}", step.title);
    }

    // What it says is held against what comes: a change anywhere in it is found.
    let recorded = fs::read_to_string(file).unwrap();
    for (from, to) in [
        (r#""family_name":"Сәрсенова"},{"family_name":"Ахметов""#, r#""family_name":"Сәрсенова""#),
        ("\"result\": \"delivered\"", "\"result\": \"failed\""),
        ("refused.code = \"NO_CONSENT\"", "refused.code = \"CONSENT_EXPIRED\""),
        ("onward = false", "onward = true"),
        ("p1.", "p2."),
        ("answer.status = 200", "answer.status = 202"),
    ] {
        assert!(recorded.contains(from), "{from}");
        fs::write(file, recorded.replacen(from, to, 1)).unwrap();
        let told = otkel(&["test", file]);
        assert_eq!(told.status.code(), Some(1), "{from}\n{}", text(&told.stdout));
        assert!(text(&told.stdout).contains("differing: 1,"), "{from}\n{}", text(&told.stdout));
    }
}

#[test]
fn a_draft_is_completed_by_what_comes() {
    let folder = folder("draft");
    let (draft, whole) = (folder.join("draft.test.toml"), folder.join("whole.test.toml"));
    let rules = root().join("policies");
    let text_of_draft = format!(
        "rules = '{}'\ntime = 2026-11-22T10:00:00+05:00\n[[step]]\nname = \"asked\"\n\
         request = \"{ENROL}\"\nbody.json = '{{\"learners\":[{{\"iin\":\"{AIGERIM}\"}}]}}'\n",
        rules.display()
    );
    fs::write(&draft, text_of_draft).unwrap();
    let (draft, whole) = (draft.to_str().unwrap(), whole.to_str().unwrap());
    assert_eq!(otkel(&["test", draft]).status.code(), Some(2));
    assert_eq!(otkel(&["test", draft, "--record", whole]).status.code(), Some(0));
    let recorded = fs::read_to_string(whole).unwrap();
    assert!(recorded.contains("refused.code = \"NO_CONSENT\""), "{recorded}");
    assert_eq!(otkel(&["test", whole]).status.code(), Some(0));
}

#[tokio::test]
async fn a_recorded_kit_comes_out_the_same_again() -> Result<(), Fault> {
    let folder = folder("recorded-kit");
    let setup =
        Setup::new(root().join("policies")).at(noon()).caller("lms", &["training-gb.enrol"]);
    let setup = setup.edit(
        "partners/training-gb.toml",
        "onward_transfer = false",
        "onward_transfer = true",
    )?;
    let kit = setup.start().await?;
    let consent = kit.consent(&consent()).await?;
    kit.send(ENROL, learner(AIGERIM)).await?;
    let block = serde_json::from_value(json!({"partner": GB, "document": "it's {{order}} \"7\""}));
    let block = kit.block(&block.unwrap()).await?;
    kit.send(ENROL, learner(AIGERIM)).await?;
    kit.lift(block).await?;
    kit.set_time(noon().plus_millis(86_400_000));
    kit.send(ENROL, learner(AIGERIM)).await?;
    let plain = Ask::new(ENROL).body("text/plain", "a {{any}}\r\n'''\u{1}\"");
    kit.ask(plain).await?;
    kit.ask(Ask::new(ENROL).body("application/json", vec![0xff, 0, b'{'])).await?;
    let how = serde_json::from_value(json!({"channel": "form", "scope": "third-party"})).unwrap();
    kit.withdraw(consent, &how).await?;
    kit.consent(&Consent::new("911231200429", GB).of(&["P09"], &["D01"])).await?;
    kit.send(ENROL, learner("911231200429")).await?;
    kit.consent(&Consent { scheme: Some("kz-iin".into()), ..self::consent() }).await?;
    kit.play(GB, "[[rule]]\nstatus = 422\njson = { \"it's\" = [1] }\n")?;
    kit.send(ENROL, learner(AIGERIM)).await?;
    kit.play(GB, "[[rule]]\nfault = \"reset\"\n")?;
    kit.send(ENROL, learner(AIGERIM)).await?;
    kit.play(GB, "")?;
    kit.send(ENROL, learner(AIGERIM)).await?;
    let file = folder.join("kit.test.toml");
    kit.record(&file)?;
    let done = otkel(&["test", file.to_str().unwrap()]);
    assert_eq!(done.status.code(), Some(0), "{}", text_of(&done, &file));
    assert!(text(&done.stdout).contains("steps: 14, differing: 0"), "{}", text_of(&done, &file));
    Ok(())
}

// --- the kit, as another crate uses it

#[tokio::test]
async fn what_arrives_and_what_is_recorded_is_held_in_a_dozen_lines() -> Result<(), Fault> {
    let kit = Setup::new(root().join("policies")).at(noon()).start().await?;
    kit.consent(&consent()).await?;
    let sent = kit.send(ENROL, learner(AIGERIM)).await?;
    assert_eq!(sent.at(GB).json(), json!({"learners": [{"family_name": "A"}]}));
    assert_eq!(sent.record("disclosure")["purpose"], "P09");
    assert_eq!(sent.record("outcome")["result"], "delivered");
    assert_eq!(sent.refusal(), None);

    let sent = kit.send(ENROL, learner("911231200429")).await?;
    assert_eq!((sent.status, sent.refusal()), (403, Some("NO_CONSENT")));
    assert!(sent.received.is_empty() && sent.at(GB).json().is_null());
    Ok(())
}

#[tokio::test]
async fn the_clock_of_a_kit_moves_when_it_is_told_to() -> Result<(), Fault> {
    let kit = Setup::new(root().join("policies")).at(noon()).start().await?;
    let until = noon().plus_millis(1);
    kit.consent(&Consent { until: Some(until), ..consent() }).await?;
    assert_eq!(kit.send(ENROL, learner(AIGERIM)).await?.refusal(), None);
    kit.set_time(until);
    assert_eq!(kit.send(ENROL, learner(AIGERIM)).await?.refusal(), Some("CONSENT_EXPIRED"));
    Ok(())
}

#[tokio::test]
async fn a_kit_says_why_it_does_not_do_something() -> Result<(), Fault> {
    let setup = || Setup::new(root().join("policies")).at(noon());
    let told = |fault: Fault| fault.to_string();
    let edited = setup().edit("register.toml", "nowhere to be found", "");
    let why = "`register.toml` cannot be edited: it does not hold the text";
    assert_eq!(edited.map(drop).map_err(told), Err(why.to_owned()));
    let named = setup().caller(GB, &[]).start().await;
    let why = "a caller cannot be named `training-gb`: a partner or the gateway is";
    assert_eq!(named.map(drop).map_err(told), Err(why.to_owned()));
    let none = Testkit::start(root().join("nowhere")).await;
    assert!(none.map(drop).map_err(told).unwrap_err().contains("cannot be read"));

    let kit = setup().start().await?;
    let unknown = kit.consent(&Consent::new(AIGERIM, "nobody")).await;
    let why = "the consent does not fit the rules: there is no partner `nobody`";
    assert_eq!(unknown.map_err(told), Err(why.to_owned()));
    let unknown = kit.play("nobody", "").map_err(told);
    assert_eq!(unknown, Err("there is nothing of the name `nobody`".to_owned()));
    let bad = kit.play(GB, "[[rule]]\nstatsu = 200").map_err(told).unwrap_err();
    assert!(bad.contains("unknown key `statsu`") && bad.contains("training-gb:2:1"), "{bad}");
    let bad = kit.ask(Ask::new("GET /a b").header("a", "\n")).await;
    assert!(bad.map(drop).map_err(told).unwrap_err().starts_with("`GET /a b` cannot be written"));
    Ok(())
}

fn consent() -> Consent {
    Consent::new(AIGERIM, GB).of(&["P09"], &["D01", "D08"]).abroad(&["GB"])
}

fn learner(iin: &str) -> Value {
    json!({"learners": [{"iin": iin, "family_name": "A", "iban": "KZ00"}]})
}

fn noon() -> Timestamp {
    Timestamp::parse("2026-11-22T07:00:00Z").unwrap()
}

fn otkel(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_otkel"));
    command.args(arguments).current_dir(root()).env_remove("OTKEL_LANG");
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn text_of(done: &Output, file: &Path) -> String {
    let recorded = fs::read_to_string(file).unwrap();
    format!("{}{}\n{recorded}", text(&done.stdout), text(&done.stderr))
}

/// A text whose version 7 UUIDs, but for those of consents, and positions in the ledger are all
/// the same.
fn without_ids(text: &str) -> String {
    let is_of_id = |c: char| c.is_ascii_hexdigit() || c == '-';
    let mut told = String::new();
    for piece in text.split_inclusive(|c: char| !is_of_id(c)) {
        let word = piece.trim_end_matches(|c: char| !is_of_id(c));
        let is_id = word.len() == 36 && !word.starts_with("01920000-");
        told.push_str(if is_id { "[uuid]" } else { word });
        told.push_str(&piece[word.len()..]);
    }
    let line = |line: &str| match line.split_once("\"seq\": ").or(line.split_once("\"of\": ")) {
        Some((before, _)) if before.trim_start_matches(['+', '-', ' ']).is_empty() => {
            let key = if line.contains("\"seq\"") { "seq" } else { "of" };
            format!("{before}\"{key}\": [number]\n")
        }
        _ => format!("{line}\n"),
    };
    told.lines().map(line).collect()
}

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
