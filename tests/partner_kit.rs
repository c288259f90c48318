//! The partner kit of `docs/partner/`: its receivers open what this program seals, and refuse all
//! that a receiver must refuse.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

#[path = "partner_kit/cases.rs"]
mod cases;
#[path = "support/edit.rs"]
mod edit;
#[path = "partner_kit/talk.rs"]
mod talk;
#[path = "partner_kit/tools.rs"]
mod tools;
#[path = "support/world.rs"]
mod world;

use std::fs;
use std::path::PathBuf;

use data_encoding::HEXLOWER;
use otkel::demo::sample::{AIGERIM, MADINA};
use otkel::partner::Refusal;
use otkel::signing::{Sign as _, SigningKey};
use sha2::{Digest as _, Sha256};

use cases::{Case, Expected};
use tools::{LANGUAGES, root};
use world::*;

#[test]
fn each_receiver_opens_and_refuses_the_vectors() {
    let cases = cases::vectors();
    assert!(cases.iter().filter(|case| case.refuses()).count() > 500);
    hold("vectors", &cases);
}

#[test]
fn each_receiver_opens_every_mode_kem_padding_and_size_that_it_can() {
    hold("made", &cases::made());
}

#[test]
fn each_receiver_refuses_an_envelope_for_another_request() {
    let cases = cases::other_requests();
    assert!(cases.iter().all(Case::refuses));
    hold("requests", &cases);
}

#[test]
fn each_receiver_says_one_line_and_gives_nothing_of_what_it_refuses() {
    let folder = fresh_folder("lines");
    let [good, bad] = ["full-chunk-and-one-byte.otk1", "bad-last-chunk-full.otk1"]
        .map(|name| root().join("tests/vectors/envelope").join(name));
    let (key, no_key) = (cases::write_key(&folder, "x25519"), folder.join("no-such-key.pem"));
    for language in LANGUAGES.iter() {
        let opened = language.receive(&good, &key, &cases::REQUEST);
        assert!(opened.status.success() && opened.stderr.is_empty(), "{}", language.name);
        assert_eq!(sha256(&opened.stdout), sha256(&cases::pattern(16385)), "{}", language.name);
        for (envelope, key) in [(&bad, &key), (&good, &no_key)] {
            let refused = language.receive(envelope, key, &cases::REQUEST);
            let told = String::from_utf8(refused.stderr).unwrap();
            assert_eq!(refused.status.code(), Some(1), "{}: {told}", language.name);
            assert!(refused.stdout.is_empty(), "{}", language.name);
            let is_line = told.starts_with("refused: ") && told.trim_end().lines().count() == 1;
            assert!(is_line, "{}: {told}", language.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_receiver_opens_what_the_gateway_sends_and_sees_that_it_did() {
    let world = World::plan().real_time().stub(GB, Stub::with(Papers::Proper)).start().await;
    let sent = world.send(enrol(learners(&[AIGERIM, MADINA]))).await;
    assert_eq!(sent.status, 200);
    let bytes = world.heard(GB);
    let (head, envelope) = cases::split(&bytes);
    let file = world.folder().join("payload.otk1");
    fs::write(&file, envelope).unwrap();
    let keys = world.folder().join("keys");
    tokio::task::block_in_place(|| {
        let request = ["gw.demo.example", GB, &head["method"], &head["path"], &head["otkel-id"]];
        for language in LANGUAGES.iter() {
            let opened = language.receive(&file, &keys.join(format!("{GB}.key")), &request);
            let told = String::from_utf8_lossy(&opened.stderr);
            assert_eq!(opened.stdout, surnames(1).as_bytes(), "{}: {told}", language.name);
            let other = language.receive(&file, &keys.join("mailing-de.key"), &request);
            assert!(!other.status.success(), "{}", language.name);
        }
        let signer = fs::read_to_string(keys.join("signing.key")).unwrap();
        talk::is_signed(&head, &file, SigningKey::from_pem(&signer).unwrap().key());
    });
}

#[test]
fn the_page_answers_as_the_receiving_proxy_does() {
    let page = fs::read_to_string(root().join("docs/partner/README.md")).unwrap();
    let (_, checks) = page.split_once("## The checks").unwrap();
    let last = |line: &str| line.strip_suffix(" |")?.rsplit_once("| ").map(|(_, cell)| cell.into());
    let answers = checks.lines().filter(|line| line.starts_with("| ")).filter_map(last);
    let answers: Vec<String> = answers.filter(|cell: &String| cell.ends_with('`')).collect();
    assert!(answers.len() >= 11);
    let ours = Refusal::ALL.map(|why| format!("{} `{}`", why.status().as_u16(), why.code()));
    for answer in answers {
        assert!(ours.contains(&answer), "{answer}");
    }
}

#[test]
fn each_receiver_is_short() {
    let folder = root().join("docs/partner");
    let names = ["receive.py", "receive.mjs", "receive.go", "Receive.java", "Receive.cs"];
    let folders = ["python", "node", "go", "java", "csharp"];
    for file in folders.iter().zip(names).map(|(folder, name)| format!("{folder}/{name}")) {
        let text = fs::read_to_string(folder.join(&file)).unwrap();
        let lines = code(&text).count();
        assert!((20..30).contains(&lines), "{file} has {lines} lines");
    }
    let listed = "import (\n\t\"a\"\n)\n// b\n\nfunc c() {\n\treturn\n}\n";
    assert_eq!(code(listed).collect::<Vec<_>>(), ["func c() {", "return"]);
}

/// The lines of a program that are not blank, a comment, an import or brackets alone.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let mut in_imports = false;
    text.lines().map(str::trim).filter(move |line| {
        let begins = line.starts_with("import (");
        let is_import = begins || in_imports;
        in_imports = is_import && *line != ")";
        let other = ["#", "//", "/**", "*", "\"\"\"", "import ", "from ", "using ", "package "];
        let is_other = other.iter().any(|start| line.starts_with(start));
        let is_bracket = line.chars().all(|c| "(){}[];, ".contains(c));
        !is_import && !is_other && !is_bracket
    })
}

/// Has every receiver of every language open the cases, and compares what it tells of each.
fn hold(name: &str, cases: &[Case]) {
    let folder = fresh_folder(name);
    let list = cases::write(cases, &folder);
    for language in LANGUAGES.iter() {
        for (module, opens) in language.receivers {
            let told = language.drive(module, &list);
            assert_eq!(told.len(), cases.len(), "{} {module}", language.name);
            for (case, told) in cases.iter().zip(told) {
                let is_right = match case.expected(*opens) {
                    Expected::Body(sha256) => told == sha256,
                    Expected::Refused => told.starts_with("refused: "),
                };
                assert!(is_right, "{} {module}: {}: {told}", language.name, case.name);
            }
        }
    }
}

fn fresh_folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("partner-kit-cases").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

const GB: &str = "training-gb";
