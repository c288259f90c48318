//! The README's commands, run as they stand, print what it shows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

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
    let folder = folder("readme-curl");
    let port = free_ports();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_otkel"))
        .args(["demo", "--port", &port.to_string()])
        .current_dir(&folder)
        .stdout(Stdio::piped())
        .spawn()
        .map(Ended)
        .unwrap();
    let mut said = BufReader::new(demo.0.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("Ctrl-C ends it")), "the demo did not start");
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
    assert!(said.any(|line| line.unwrap() == heard), "the partner's line is not shown");
}

/// A program that ends with the test, however that ends.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
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

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    symlink(concat!(env!("CARGO_MANIFEST_DIR"), "/policies"), folder.join("policies")).unwrap();
    folder
}

/// A port that is free, and whose next one is too.
fn free_ports() -> u16 {
    loop {
        let first = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
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
