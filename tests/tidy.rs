//! Rules of the house that no compiler knows: layering, sizes, dead files and leftovers.
//!
//! Each check reads the tracked files and answers with findings; a finding names the file, the
//! line and the offending word. Words a check looks for are written here in two halves, so that
//! this file passes its own checks.

#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(
    clippy::case_sensitive_file_extension_comparisons,
    reason = "our own names are lower case"
)]

#[path = "tidy/proof.rs"]
mod proof;
#[path = "tidy/source.rs"]
mod source;

use source::{
    File, Finding, Tree, code, crate_modules, functions, is_module, module_of, numbered,
    production, words_in,
};

#[test]
fn the_tree_is_tidy() {
    let tree = Tree::tracked();
    let findings: Vec<Finding> = CHECKS.iter().flat_map(|check| check(&tree)).collect();
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
}

type Check = fn(&Tree) -> Vec<Finding>;

const CHECKS: [Check; 11] = [
    core_is_pure,
    core_points_backwards_only,
    core_denies_clocks_and_files,
    files_are_short,
    functions_are_short,
    lines_are_short,
    sources_are_reachable,
    nothing_is_left_over,
    only_the_command_line_prints,
    nothing_names_a_machine_or_holds_a_key,
    cargo_knows_every_test_and_bench,
];

/// Core modules with their rank: one may use those of its own rank and below.
const CORE: [(&str, u8); 16] = [
    ("diagnostic", 0),
    ("reason", 0),
    ("time", 0),
    ("vocabulary", 0),
    ("document", 1),
    ("detection", 1),
    ("ledger", 1),
    ("signing", 1),
    ("consent", 2),
    ("policy", 3),
    ("transfer", 4),
    ("decision", 5),
    ("redaction", 6),
    ("rehearsal", 7),
    ("comparison", 7),
    ("envelope", 8),
];

const IMPURE: [&str; 14] = [
    "tokio",
    "hyper",
    "hyper_util",
    "rustls",
    "rusqlite",
    "axum",
    "std::fs",
    "std::net",
    "std::thread",
    "std::process",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "now_v7",
];

fn core_is_pure(tree: &Tree) -> Vec<Finding> {
    let words = |file: &File| words_in(file, code(&file.text), &IMPURE, "the core does no IO");
    core(tree).flat_map(|(file, _)| words(file)).collect()
}

fn core_points_backwards_only(tree: &Tree) -> Vec<Finding> {
    let forward = |file: &File, rank: u8| {
        let may_use = |name: &str| CORE.iter().any(|(core, r)| *core == name && *r <= rank);
        let uses = crate_modules(&file.text).into_iter();
        let bad = uses.filter(|(_, name)| is_module(tree, name) && !may_use(name));
        let rule = "a core module uses only the core modules before it";
        bad.map(|(line, name)| file.finding(line, &name, rule)).collect::<Vec<_>>()
    };
    core(tree).flat_map(|(file, rank)| forward(file, rank)).collect()
}

fn core_denies_clocks_and_files(tree: &Tree) -> Vec<Finding> {
    const DENY: &str = "#![deny(clippy::disallowed_methods, clippy::disallowed_types)]";
    let is_root = |path: &str| {
        path.strip_prefix("src/").is_some_and(|below| {
            below.strip_suffix("/mod.rs").unwrap_or(below).matches('/').count() == 0
        })
    };
    let roots = core(tree).filter(|(file, _)| is_root(&file.path)).map(|(file, _)| file);
    let bare = roots.filter(|file| !file.text.lines().any(|line| line == DENY));
    bare.map(|file| file.finding(1, DENY, "a core module begins with this attribute")).collect()
}

fn files_are_short(tree: &Tree) -> Vec<Finding> {
    let long = |file: &&File| {
        !file.path.ends_with("/tests.rs") && production(&file.text).lines().count() > 500
    };
    let rule = "a file has at most 500 lines without its tests";
    let finding = |file: &File| file.finding(501, "line 501", rule);
    rust(tree, "").filter(long).map(finding).collect()
}

fn functions_are_short(tree: &Tree) -> Vec<Finding> {
    let long = |file: &File| {
        let functions = functions(&file.text).into_iter().filter(|(_, _, lines)| *lines > 70);
        let rule = "a function has at most 70 lines";
        functions.map(|(line, name, _)| file.finding(line, &name, rule)).collect::<Vec<_>>()
    };
    rust(tree, "").flat_map(long).collect()
}

fn lines_are_short(tree: &Tree) -> Vec<Finding> {
    let long = |file: &File| {
        let lines = numbered(&file.text).filter(|(_, line)| line.chars().count() > 100);
        let end = |line: &str| line.chars().skip(100).collect::<String>();
        let rule = "a line has at most 100 characters";
        lines.map(|(number, line)| file.finding(number, &end(line), rule)).collect::<Vec<_>>()
    };
    let sources = tree.files.iter().filter(|f| f.path.ends_with(".rs") || f.path.ends_with(".c"));
    sources.flat_map(long).collect()
}

fn sources_are_reachable(tree: &Tree) -> Vec<Finding> {
    let named = |file: &&File| {
        let (folder, name) = module_of(&file.path);
        let parents = ["/mod.rs", ".rs", "/lib.rs", "/main.rs"].map(|end| format!("{folder}{end}"));
        let line = format!("mod {name};");
        let declares = |parent: &File| {
            parents.contains(&parent.path) && parent.text.lines().any(|l| l.ends_with(&line))
        };
        tree.files.iter().any(declares)
    };
    let is_root = |path: &str| path == "src/lib.rs" || path == "src/main.rs";
    let below = rust(tree, "src/").filter(|file| !is_root(&file.path));
    let rule = "no `mod` names this file, so nothing compiles it";
    below.filter(|file| !named(file)).map(|file| file.finding(1, &file.path, rule)).collect()
}

fn nothing_is_left_over(tree: &Tree) -> Vec<Finding> {
    const LEFT: [&str; 6] = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("dbg", "!"),
        concat!("todo", "!"),
        concat!("unimplemented", "!"),
    ];
    let left = |file: &File| words_in(file, numbered(&file.text), &LEFT, "finish it or drop it");
    let written = [".rs", ".c", ".toml", ".md", "/run", "/make", ".conf", ".lua"];
    let by_us = |file: &&File| written.iter().any(|end| file.path.ends_with(end));
    tree.files.iter().filter(by_us).flat_map(left).collect()
}

fn only_the_command_line_prints(tree: &Tree) -> Vec<Finding> {
    const PRINT: [&str; 4] = ["println!", "eprintln!", "print!", "eprint!"];
    let elsewhere = rust(tree, "src/").filter(|file| !file.path.starts_with("src/cli/"));
    let prints = |file: &File| words_in(file, code(&file.text), &PRINT, "only src/cli prints");
    elsewhere.flat_map(prints).collect()
}

fn nothing_names_a_machine_or_holds_a_key(tree: &Tree) -> Vec<Finding> {
    const MACHINE: [&str; 3] =
        [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tmp/", "otkel")];
    const KEY: &str = concat!("PRIVATE", " KEY");
    let find = |file: &File, words: &[&str], rule| {
        let lines = numbered(&file.text);
        let hit = |line: &str| words.iter().find(|word| line.contains(**word)).copied();
        let hits = lines.filter_map(|(number, line)| Some((number, hit(line)?)));
        hits.map(|(number, word)| file.finding(number, word, rule)).collect::<Vec<_>>()
    };
    let machines = tree.files.iter().flat_map(|f| find(f, &MACHINE, "a path of one machine"));
    let others = tree.files.iter().filter(|file| !file.path.ends_with(".rs"));
    machines.chain(others.flat_map(|f| find(f, &[KEY], "a private key is never kept"))).collect()
}

fn cargo_knows_every_test_and_bench(tree: &Tree) -> Vec<Finding> {
    let top = |path: &str| {
        let folders = path.matches('/').count();
        (path.starts_with("tests/") || path.starts_with("benches/"))
            && (folders == 1 || folders == 2 && path.ends_with("/main.rs"))
    };
    let unknown = rust(tree, "").filter(|f| top(&f.path) && !tree.targets.contains(&f.path));
    unknown.map(|file| file.finding(1, &file.path, "cargo builds no target from it")).collect()
}

fn rust<'a>(tree: &'a Tree, folder: &'a str) -> impl Iterator<Item = &'a File> {
    tree.files.iter().filter(move |f| f.path.starts_with(folder) && f.path.ends_with(".rs"))
}

/// The files of the core modules with their ranks, files of tests excepted.
fn core(tree: &Tree) -> impl Iterator<Item = (&File, u8)> {
    let rank = |file: &File| {
        let top = file.path.strip_prefix("src/")?.split(['/', '.']).next()?;
        CORE.iter().find(|(name, _)| *name == top).map(|(_, rank)| *rank)
    };
    let production = rust(tree, "src/").filter(|file| !file.path.ends_with("/tests.rs"));
    production.filter_map(move |file| Some((file, rank(file)?)))
}
