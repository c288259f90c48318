//! Every check is shown a small bad tree that it must refuse and a good one that it must pass.

use super::*;

/// A tree of these files, in which cargo knows the targets named.
fn tree(files: &[(&str, &str)], targets: &[&str]) -> Tree {
    let file = |(path, text): &(&str, &str)| File { path: (*path).into(), text: (*text).into() };
    Tree {
        files: files.iter().map(file).collect(),
        targets: targets.iter().map(ToString::to_string).collect(),
    }
}

/// What a check finds in a tree of one file, as `line:word`.
fn finds(check: Check, path: &str, text: &str) -> Vec<String> {
    let findings = check(&tree(&[(path, text)], &[]));
    findings.iter().map(|finding| format!("{}:{}", finding.line, finding.word)).collect()
}

#[test]
fn io_in_the_core_is_found() {
    let check = core_is_pure;
    assert_eq!(finds(check, "src/time.rs", "use std::fs;\n"), ["1:std::fs"]);
    assert_eq!(finds(check, "src/ledger/x.rs", "\nuse tokio::io;\n"), ["2:tokio"]);
    assert_eq!(finds(check, "src/policy/x.rs", "Timestamp::now()"), ["1:Timestamp::now"]);
    assert_eq!(finds(check, "src/envelope/mod.rs", "Uuid::now_v7()"), ["1:now_v7"]);

    assert!(finds(check, "src/store/mod.rs", "use std::fs;\n").is_empty());
    assert!(finds(check, "src/time.rs", "/// Not tokio.\nuse crate::hyperbole;\n").is_empty());
    let tests = "use a::B;\n\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
    assert!(finds(check, "src/time.rs", tests).is_empty());
    assert!(finds(check, "src/ledger/tests.rs", "use std::fs;\n").is_empty());
}

#[test]
fn code_after_the_tests_is_still_production() {
    let hidden = "#[cfg(test)]\nmod tests {\n}\nuse std::fs;\n";
    assert_eq!(finds(core_is_pure, "src/time.rs", &format!("\n{hidden}")), ["5:std::fs"]);
    let hidden = "\n#[cfg(test)]\nmod tests;\nuse std::fs;\n";
    assert_eq!(finds(core_is_pure, "src/time.rs", hidden), ["4:std::fs"]);
    let fixture = "\n#[cfg(test)]\nfn fixture() {}\nuse std::fs;\n";
    assert_eq!(finds(core_is_pure, "src/time.rs", fixture), ["4:std::fs"]);
    let declared = "use a::B;\n\n#[cfg(test)]\n#[path = \"t.rs\"]\nmod tests;\n";
    assert_eq!(production(declared), "use a::B;\n");
}

#[test]
fn an_arrow_that_points_forward_is_found() {
    let used = |path: &str, text: &str| {
        let modules = ["store", "policy", "consent", "reason"];
        let mut files: Vec<(String, &str)> =
            modules.iter().map(|name| (format!("src/{name}/mod.rs"), "")).collect();
        files.push((path.to_owned(), text));
        let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), *t)).collect();
        let findings = core_points_backwards_only(&tree(&files, &[]));
        findings.iter().map(|f| format!("{}:{}", f.line, f.word)).collect::<Vec<_>>()
    };
    assert_eq!(used("src/ledger/x.rs", "\nuse crate::store::Store;\n"), ["2:store"]);
    assert_eq!(used("src/consent/x.rs", "use crate::policy::Policy;\n"), ["1:policy"]);
    let group = "use crate::{\n    reason::{Reason, store},\n    policy,\n};\n";
    assert_eq!(used("src/consent/x.rs", group), ["1:policy"]);

    assert!(used("src/policy/x.rs", "use crate::{consent, reason};\n").is_empty());
    assert!(used("src/store/x.rs", "use crate::policy;\n").is_empty());
    assert!(used("src/consent/x.rs", "// crate::store\ncrate::Macro!()\n").is_empty());
}

#[test]
fn a_core_module_without_its_lints_is_found() {
    let check = core_denies_clocks_and_files;
    let deny = "#![deny(clippy::disallowed_methods, clippy::disallowed_types)]";
    assert_eq!(finds(check, "src/policy/mod.rs", "//! Policy.\n"), [format!("1:{deny}")]);
    assert_eq!(finds(check, "src/time.rs", ""), [format!("1:{deny}")]);
    assert!(finds(check, "src/time.rs", &format!("//! Time.\n{deny}\n")).is_empty());
    assert!(finds(check, "src/policy/rule.rs", "").is_empty());
    assert!(finds(check, "src/store/mod.rs", "").is_empty());
}

#[test]
fn long_files_functions_and_lines_are_found() {
    assert_eq!(finds(files_are_short, "src/a.rs", &"x\n".repeat(501)), ["501:line 501"]);
    assert!(finds(files_are_short, "src/a.rs", &"x\n".repeat(500)).is_empty());
    assert!(finds(files_are_short, "src/a/tests.rs", &"x\n".repeat(600)).is_empty());
    let tests =
        format!("{}\n#[cfg(test)]\nmod tests {{\n{}}}\n", "x\n".repeat(9), "y\n".repeat(600));
    assert!(finds(files_are_short, "src/a.rs", &tests).is_empty());

    let body =
        |lines: usize| format!("    pub async fn f<T>(\n{}    }}\n", "        x\n".repeat(lines));
    assert_eq!(finds(functions_are_short, "src/a.rs", &body(69)), ["1:f"]);
    assert!(finds(functions_are_short, "src/a.rs", &body(68)).is_empty());
    let many = format!("    fn f();\n{}", "    fn g() {}\n".repeat(80));
    assert!(finds(functions_are_short, "src/a.rs", &many).is_empty());

    assert_eq!(finds(lines_are_short, "tests/a.c", &format!("\n{}жш", "ж".repeat(99))), ["2:ш"]);
    assert!(finds(lines_are_short, "src/a.rs", &"ж".repeat(100)).is_empty());
}

#[test]
fn a_source_that_no_mod_names_is_found() {
    let found = |files: &[(&str, &str)]| sources_are_reachable(&tree(files, &[])).len();
    assert_eq!(found(&[("src/lib.rs", "mod b;"), ("src/a.rs", "")]), 1);
    assert_eq!(found(&[("src/lib.rs", "pub mod a;"), ("src/a/mod.rs", ""), ("src/a/b.rs", "")]), 1);
    assert_eq!(found(&[("src/main.rs", "mod a;"), ("src/a.rs", "mod tests;")]), 0);
    assert_eq!(found(&[("src/lib.rs", "mod a;"), ("src/a.rs", "mod b;"), ("src/a/b.rs", "")]), 0);
}

#[test]
fn leftovers_and_prints_are_found() {
    let todo = concat!("to", "do!()");
    assert_eq!(finds(nothing_is_left_over, "src/a.rs", todo), [concat!("1:to", "do!")]);
    let note = concat!("\n// TO", "DO: later");
    assert_eq!(finds(nothing_is_left_over, "tests/a.rs", note), [concat!("2:TO", "DO")]);
    assert!(finds(nothing_is_left_over, "src/a.rs", concat!("MAS", "TO", "DON")).is_empty());

    let check = only_the_command_line_prints;
    assert_eq!(finds(check, "src/proxy/mod.rs", "println!(\"x\");"), ["1:println!"]);
    assert!(finds(check, "src/cli/mod.rs", "println!(\"x\");").is_empty());
    assert!(finds(check, "tests/a.rs", "println!(\"x\");").is_empty());
}

#[test]
fn machine_paths_and_keys_are_found() {
    let check = nothing_names_a_machine_or_holds_a_key;
    let path = concat!("see /wo", "rk/x");
    assert_eq!(finds(check, "README.md", path), [concat!("1:/wo", "rk/")]);
    let key = concat!("-----BEGIN PRIVATE", " KEY-----");
    assert_eq!(finds(check, "certs/ca.key", key), [concat!("1:PRIVATE", " KEY")]);
    assert!(finds(check, "src/tls/mod.rs", key).is_empty());
}

#[test]
fn a_test_that_cargo_does_not_build_is_found() {
    let found = |path: &str, targets: &[&str]| {
        cargo_knows_every_test_and_bench(&tree(&[(path, "")], targets)).len()
    };
    assert_eq!(found("tests/a.rs", &["tests/b.rs"]), 1);
    assert_eq!(found("benches/a/main.rs", &[]), 1);
    assert_eq!(found("tests/a.rs", &["tests/a.rs"]), 0);
    assert_eq!(found("tests/support/a.rs", &[]), 0);
}

#[test]
fn a_finding_names_the_file_the_line_and_the_word() {
    let findings = core_is_pure(&tree(&[("src/time.rs", "use std::net;\n")], &[]));
    let words: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(words, ["src/time.rs:1: `std::net`: the core does no IO"]);
}
