//! The README's commands, run as they stand, print what it shows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "support/demo.rs"]
mod demo;

use std::process::Command;

use demo::{Demo, folder};

const README: &str = include_str!("../README.md");

/// A command of the README and the output that it shows.
struct Shown {
    command: String,
    output: Vec<String>,
}

#[test]
fn the_demo_prints_the_lines_that_are_shown() {
    let shown = blocks().into_iter().next().unwrap().remove(0);
    assert_eq!(shown.command, "cargo run -- demo --once");
    let folder = folder("readme-once");
    let output = Command::new(env!("CARGO_BIN_EXE_otkel"))
        .args(["demo", "--once"])
        .current_dir(&folder)
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}");
    let mut lines = printed.lines();
    for line in shown.output.iter().filter(|line| *line != "…") {
        assert!(
            lines.any(|printed| printed == line),
            "not printed, or not here: {line}\n{printed}"
        );
    }
}

#[test]
fn curl_gets_the_answers_that_are_shown() {
    let mut demo = Demo::start("readme-curl");
    let (port, folder) = (demo.port, demo.folder.clone());
    for shown in blocks().into_iter().skip(1).flatten() {
        let command = shown
            .command
            .replace("8443", &port.to_string())
            .replace("8444", &(port + 1).to_string());
        let output =
            Command::new("sh").args(["-c", &command]).current_dir(&folder).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            without_ids(&printed),
            without_ids(&shown.output.join("\n")),
            "{command}\n{told}"
        );
    }
    let heard = README.split("what the mock partner opened: `").nth(1).unwrap();
    let heard = heard.split('`').next().unwrap();
    demo.says(|line| line == heard);
}

/// The console blocks, each a list of commands with their output.
fn blocks() -> Vec<Vec<Shown>> {
    let blocks = README.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.map(commands).collect()
}

fn commands(block: &str) -> Vec<Shown> {
    let mut shown: Vec<Shown> = Vec::new();
    let mut open = false;
    for line in block.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            shown.push(Shown { command: command.to_owned(), output: Vec::new() });
        } else if open {
            let last = shown.last_mut().unwrap();
            last.command.push('\n');
            last.command.push_str(line);
        } else {
            shown.last_mut().unwrap().output.push(line.to_owned());
            continue;
        }
        open = line.ends_with('\\');
    }
    shown
}

/// The text with every UUID replaced, as those differ from run to run.
fn without_ids(text: &str) -> String {
    let is_id = |part: &str| {
        part.len() == 36
            && part.split('-').map(str::len).eq([8, 4, 4, 4, 12])
            && part.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
    };
    let parts: Vec<&str> =
        text.trim().split('"').map(|part| if is_id(part) { "ID" } else { part }).collect();
    parts.join("\"")
}
