//! The command line: transcripts in `cli/*.txt`, and the program itself while it serves.
//!
//! | a line of a transcript | what |
//! |---|---|
//! | `# …` | says something |
//! | `$ …` | a line for the shell, run in the folder of a fresh demonstration |
//! | `> …` | a line that it writes to standard output |
//! | `! …` | a line that it writes to standard error |
//! | `? n` | its exit code, where that is not 0 |
//!
//! What differs from run to run stands as `[uuid]`, `[time]`, `[hash]`, `[key]`,
//! `[address]` and `[folder]`. `OTKEL_FREEZE=1` writes the transcripts anew: read the
//! difference before keeping it.
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
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use otkel::demo::sample::AIGERIM;
use otkel::time::Timestamp;
use uuid::Uuid;
use world::*;

#[tokio::test(flavor = "multi_thread")]
async fn consents_are_kept_from_the_command_line() {
    goes_as_written("consent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_of_a_partner_is_imported() {
    goes_as_written("import").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mock_partner_runs_in_one_command() {
    goes_as_written("mock").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_are_printed() {
    goes_as_written("schema").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_tried_before_they_are_sent() {
    goes_as_written("test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_are_blocked_from_the_command_line() {
    goes_as_written("block").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_made_and_never_overwritten() {
    goes_as_written("keygen").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_in_the_language_asked_for() {
    goes_as_written("language").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_that_cannot_be_opened_is_told_why() {
    goes_as_written("open").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pseudonym_is_revealed_once_it_is_recorded() {
    goes_as_written("pseudonym").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_signed_with_the_program_or_with_openssl() {
    goes_as_written("rules").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_is_explained_before_it_is_sent() {
    goes_as_written("explain").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sets_of_rules_are_compared_by_effect() {
    goes_as_written("diff").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_cannot_keep_its_promises_does_not_start() {
    goes_as_written("serve").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_is_verified_and_a_changed_one_is_told_where() {
    goes_as_written("verify").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_who_breaks_a_file_is_told_what_where_and_how() {
    goes_as_written("officer").await;
}

#[test]
fn every_transcript_is_run() {
    let source = fs::read_to_string(file!()).unwrap();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(source.contains(&format!("goes_as_written(\"{name}\")")), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_told_to_end_finishes_what_is_under_way() {
    let gate = Gate::new();
    let well = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    let stub = Stub::that(Act::Waits(gate.clone(), well));
    let mut world = World::plan().real_time().stub("training-gb", stub).prepare().await;
    assert!(world.otkel(&["consent", "import", "consents.ndjson"]).status.success());
    world.serve(&[]);
    let mut wire = Wire::of(&world).await;
    wire.write(&enrol(learners(&[AIGERIM])).bytes()).await;
    gate.heard().await;
    let mut process = world.process();
    let told = tokio::task::block_in_place(|| process.terminate());
    assert_eq!(told, "stopping: transfers under way are finished and settled");
    gate.open();
    assert_eq!(wire.read().await.status, 200);
    assert!(tokio::task::block_in_place(|| process.wait()).success());
    let verified = String::from_utf8(world.otkel(&["verify"]).stdout).unwrap();
    assert!(verified.starts_with("sound: 27 entries"), "{verified}");
    assert!(verified.contains("1 disclosure, 1 outcome"), "{verified}");
    assert!(!verified.contains("outcome unknown"), "{verified}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_opens_what_it_gets_from_the_command_line() {
    let stub = Stub::with(Papers::Proper);
    let world = World::plan().stub("training-gb", stub).start().await;
    assert_eq!(world.ask(enrol(learners(&[AIGERIM]))).await.status, 200);
    let heard = world.heard("training-gb");
    let start = heard.windows(4).position(|window| window == b"OTK1").unwrap();
    fs::write(world.folder().join("payload"), &heard[start..]).unwrap();
    let (out, err, code) = shell(&world, "otkel open --key keys/training-gb.key <payload");
    assert_eq!((out, err, code), (surnames(1), String::new(), 0));
}

async fn goes_as_written(name: &str) {
    let world = World::plan().real_time().prepare().await;
    let path = folder().join(format!("{name}.txt"));
    let written = fs::read_to_string(&path).unwrap();
    let is_said = |line: &&str| line.starts_with(['#', '$']) || line.is_empty();
    let mut came = String::new();
    for line in written.lines().filter(is_said) {
        writeln!(came, "{line}").unwrap();
        let Some(command) = line.strip_prefix("$ ") else { continue };
        let (out, err, code) = tokio::task::block_in_place(|| shell(&world, command));
        for (mark, text) in [('>', out), ('!', err)] {
            for line in masked(&text, world.folder()).lines() {
                writeln!(came, "{}", format!("{mark} {line}").trim_end()).unwrap();
            }
        }
        if code != 0 {
            writeln!(came, "? {code}").unwrap();
        }
    }
    if std::env::var_os("OTKEL_FREEZE").is_some() {
        fs::write(&path, &came).unwrap();
    }
    assert_eq!(came, fs::read_to_string(&path).unwrap());
}

/// Standard output, standard error and exit code of a shell's line in a world's folder.
fn shell(world: &World, line: &str) -> (String, String, i32) {
    let program = Path::new(env!("CARGO_BIN_EXE_otkel")).parent().unwrap();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", program.display());
    let mut command = Command::new("/bin/sh");
    command.args(["-c", line]).current_dir(world.folder()).env_clear().env("PATH", path);
    let done = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(done.stdout), text(done.stderr), done.status.code().unwrap())
}

/// A text with a word in the place of everything that differs from run to run.
fn masked(text: &str, folder: &Path) -> String {
    let text = text.replace(folder.to_str().unwrap(), "[folder]");
    let mut came = String::new();
    for piece in
        text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && !"-_.:+/=".contains(c))
    {
        let word =
            piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && !"=-_+/".contains(c));
        came.push_str(mask(word));
        came.push_str(&piece[word.len()..]);
    }
    came
}

fn mask(word: &str) -> &str {
    let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_kid = matches!(word.len(), 22 | 43 | 44)
        && word.bytes().any(|b| b.is_ascii_uppercase())
        && word.bytes().any(|b| b.is_ascii_lowercase());
    let is_key = word.len() == 44 && word.ends_with('=');
    if Uuid::parse_str(word).is_ok() && !word.starts_with("01920000-") {
        "[uuid]"
    } else if Timestamp::parse(word).is_ok() {
        "[time]"
    } else if word.len() == 64 && is_hex {
        "[hash]"
    } else if is_kid || is_key || word.contains("/disclosures+") {
        "[key]"
    } else if word.starts_with("127.0.0.1:") && word != "127.0.0.1:8444" {
        "[address]"
    } else {
        word
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli")
}
