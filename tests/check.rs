//! `otkel check`: what it says of rules that are good, whose cases differ, and that do not load.
//!
//! What it prints is kept in `check/*.txt`, with `[hash]` in the place of the rules' digest.
//! `OTKEL_FREEZE=1` writes the files anew: read the difference before keeping it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

use otkel::diagnostic::Diagnostics;
use otkel::policy::Policy;
use otkel::time::Timestamp;
use serde_json::{Value, json};

#[test]
fn good_rules_are_told_case_by_case() {
    said_as_written("good", &Rules::new(), 0);
}

#[test]
fn the_rules_as_they_are_shipped_pass() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_otkel"));
    command.args(["check", "--now", NOW, "--deny-warnings"]).current_dir(root()).env_clear();
    let done = command.output().unwrap();
    let told = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{told}");
    assert!(told.contains("\nok       training-gb: "), "{told}");
}

#[test]
fn a_case_that_differs_is_told_with_what_came() {
    said_as_written("differs", &differing(), 1);
}

#[test]
fn rules_that_do_not_load_are_told_with_all_their_errors() {
    let rules = Rules::new()
        .with("on_refused = \"drop\"", "on_refused = \"skip\"")
        .with("decision = \"allowed\"\nreasons", "decision = \"yes\"\nreasons");
    said_as_written("unloadable", &rules, 2);
}

#[test]
fn what_no_case_shows_is_told() {
    let rules = Rules::new().with("\"58010110001", "\"58010110002");
    let route = "[[route]]\nname = \"leave\"\nrequest = \"POST /courses/leave\"\n\
        to = \"/v1/leave\"\nendpoint = \"main\"\npurposes = [\"P09\"]\n\
        subject = \"$.iin\"\nscheme = \"kz-iin\"\nfields = { \"$.name\" = \"D01\" }\n\n[[case]]";
    let partner = rules.partner().replacen("[[case]]", route, 1);
    let (before, _) = partner.split_once("[[case]]\nname = \"a newer no\"").unwrap();
    rules.set("partners/courses.toml", before);
    rules.set("cases/old/left-over.json", "{}");
    said_as_written("unshown", &rules, 1);
}

#[test]
fn a_partner_needs_an_allowed_and_a_refused_case() {
    let whole = Rules::new().partner();
    let cases: Vec<&str> = whole.split("[[case]]").collect();
    let told = |kept: &[&str]| {
        let rules = Rules::new();
        rules.set("partners/courses.toml", &kept.join("[[case]]"));
        let (report, code) = checked(&rules);
        let found = report["diagnostics"].as_array().unwrap().iter();
        let errors = found.filter(|found| found["severity"] == "error");
        let errors: Vec<_> = errors.map(|e| e["message"].as_str().unwrap().to_owned()).collect();
        (errors, code)
    };
    let [left, refused] = ["no case shows what leaves", "no case shows what is refused"];
    assert_eq!(told(&cases), (vec![], 0));
    assert_eq!(told(&cases[..2]), (vec![refused.to_owned()], 1));
    assert_eq!(told(&[cases[0], cases[3]]), (vec![left.to_owned()], 1));
    assert_eq!(told(&cases[..1]), (vec![left.to_owned(), refused.to_owned()], 1));
}

#[test]
fn warnings_count_only_where_they_are_denied() {
    let rules = Rules::new();
    let late = ["--now", "2028-01-01T00:00:00Z"];
    assert_eq!(rules.check(&late).code, 0);
    let denied = rules.check(&[&late[..], &["--deny-warnings"]].concat());
    assert_eq!(denied.code, 1);
    assert!(denied.out.contains("warning: the agreement has expired"), "{}", denied.out);
    assert!(denied.out.contains("warnings count as errors: `--deny-warnings`"), "{}", denied.out);
    assert_eq!(rules.check(&["--deny-warnings"]).code, 0);
}

#[test]
fn a_case_has_a_time_of_its_own() {
    let rules =
        Rules::new().with("until = 2026-12-01T00:00:00+05:00", "until = 2026-11-01T00:00:00+05:00");
    let (report, code) = checked(&rules);
    assert_eq!((code, came(&report, 1)), (1, json!(["CONSENT_EXPIRED"])));
}

#[test]
fn what_leaves_is_compared_to_the_letter() {
    let sent = "\"learners\": [{\"name\": \"Сәрсенова Айгерім\"}]}'''";
    for (to, code) in [
        ("\n \"learners\"\t: [ { \"name\" :\"Сәрсенова Айгерім\" } ] } '''", 0),
        ("\"learners\": [{\"name\": \"Сәрсенова  Айгерім\"}]}'''", 1),
        ("\"learners\": [{\"n\\u0061me\": \"Сәрсенова Айгерім\"}]}'''", 1),
        ("\"learners\": [{\"name\": \"Сәрсенова Айгерім\"}, {}]}'''", 1),
        ("\"learners\": []}'''", 1),
    ] {
        assert_eq!(checked(&Rules::new().with(sent, to)).1, code, "{to}");
    }
    let order =
        "{\"learners\": [{\"name\": \"Сәрсенова Айгерім\"}], \"course\": {\"code\": \"PED-7\"}}'''";
    let rules = Rules::new().with(
        "{\"course\": {\"code\": \"PED-7\"}, \"learners\": [{\"name\": \"Сәрсенова Айгерім\"}]}'''",
        order,
    );
    assert_eq!(checked(&rules).1, 1, "the order of members");
}

#[test]
fn the_json_report_keeps_its_form() {
    let (report, code) = checked(&differing());
    assert_eq!(code, 1);
    let members = |value: &Value| {
        value.as_object().unwrap().keys().cloned().collect::<Vec<String>>().join(" ")
    };
    assert_eq!(members(&report), "cases diagnostics digest files folder outcome");
    assert_eq!(report["outcome"], "wrong");
    assert_eq!(report["digest"].as_str().unwrap().len(), 64);
    assert_eq!(report["files"]["partners/courses.toml"].as_str().unwrap().len(), 64);
    let case = &report["cases"][0];
    let expected = "came differences expected file line name outcome partner route";
    assert_eq!(members(case), expected);
    assert_eq!(members(&case["came"]), "decision place reasons sent");
    assert_eq!(members(&case["expected"]), "decision reasons sent");
    assert_eq!(
        (&case["name"], &case["partner"], &case["route"], &case["outcome"]),
        (
            &json!("one consent of two"),
            &json!("courses"),
            &json!("courses.enrol"),
            &json!("differs")
        )
    );
    let difference = &case["differences"][0];
    let diagnostic = "column end_column end_line file help line message severity";
    assert_eq!(members(difference), format!("aspect {diagnostic}"));
    assert_eq!(difference["aspect"], "sent");
    let line = Rules::new()
        .partner()
        .lines()
        .position(|l| l.starts_with("{\"course\": {\"code\": \"PED-7\"},"))
        .unwrap()
        + 1;
    assert_eq!(
        (&difference["file"], &difference["line"]),
        (&json!("partners/courses.toml"), &json!(line))
    );

    let rules = Rules::new().with("on_refused = \"drop\"", "on_refused = \"skip\"");
    let (report, code) = checked(&rules);
    assert_eq!(
        (code, &report["outcome"], &report["digest"]),
        (2, &json!("unloadable"), &Value::Null)
    );
    assert_eq!(report["cases"], json!([]));
    assert_eq!(report["files"]["register.toml"], Value::Null);
    let found = &report["diagnostics"][0];
    assert_eq!(members(found), diagnostic);
    assert_eq!((&found["severity"], &found["column"]), (&json!("error"), &json!(14)));
}

#[test]
fn the_junit_report_is_xml_that_says_the_same() {
    let counted = |rules: &Rules| {
        let path = rules.folder.join("../report.xml");
        let path = path.to_str().unwrap();
        let code = rules.check(&["--junit", path]).code;
        let script = "import sys, xml.etree.ElementTree as tree\n\
            root = tree.parse(sys.argv[1]).getroot()\n\
            assert root.tag == 'testsuites'\n\
            print(root.get('tests'), root.get('failures'))\n\
            for suite in root:\n\
            \x20   cases = suite.findall('testcase')\n\
            \x20   assert suite.get('tests') == str(len(cases))\n\
            \x20   for case in cases:\n\
            \x20       failure = case.find('failure')\n\
            \x20       text = 'ok' if failure is None else failure.get('message')\n\
            \x20       assert failure is None or failure.text.startswith('error: ')\n\
            \x20       print(suite.get('name'), '|', case.get('name'), '|', text)\n";
        let done = Command::new("python3").args(["-c", script, path]).output().unwrap();
        let told = String::from_utf8(done.stdout).unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        (told, code)
    };
    let odd = Rules::new().with("name = \"a newer no\"", "name = '<a> & \"no\" ]]> қ'");
    let expected = "7 0\nrules | load | ok\nrules | lint | ok\n\
        courses | one consent of two | ok\ncourses | a whole group | ok\n\
        courses | <a> & \"no\" ]]> қ | ok\ncourses | a blocked subject | ok\n\
        courses | not JSON at all | ok\n";
    assert_eq!(counted(&odd), (expected.to_owned(), 0));
    let (told, code) = counted(&differing());
    assert!(told.starts_with("7 5\n"), "{told}");
    assert!(told.contains("courses | a newer no | the case `a newer no` differs: "), "{told}");
    assert_eq!(code, 1);
    let broken = Rules::new().with("on_refused = \"drop\"", "on_refused = \"<skip>\"");
    let expected = "1 1\nrules | load | `<skip>` is not one of `drop`, `refuse`\n";
    assert_eq!(counted(&broken), (expected.to_owned(), 2));
    let bare = Rules::new();
    let partner = bare.partner();
    bare.set("partners/courses.toml", partner.split("[[case]]").next().unwrap());
    let (told, code) = counted(&bare);
    assert!(told.contains("rules | lint | no case shows what leaves"), "{told}");
    assert_eq!(code, 1);
}

#[test]
fn people_are_told_in_their_language() {
    let told = differing().check(&["--lang", "ru"]).out;
    assert!(told.contains("NO_CONSENT: согласие субъекта неизвестно"), "{told}");
}

#[test]
fn a_folder_that_is_not_there_cannot_be_checked() {
    let rules = Rules::new();
    let done = rules.run(&["check", "nowhere"]);
    let told = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(2));
    assert!(told.starts_with("otkel: the rules in `nowhere` cannot be read"), "{told}");
}

#[test]
fn every_error_of_a_case_has_its_place_and_cure() {
    let path = root().join("tests/check/broken.txt");
    let written = fs::read_to_string(&path).unwrap();
    let (head, edits) = written.split_once("\n\n").unwrap();
    let mut came = vec![head.to_owned()];
    for edit in edits.split("\n\n") {
        let part = |mark: &str| {
            let lines = edit.lines().filter_map(|line| line.strip_prefix(mark));
            lines.collect::<Vec<_>>().join("\n")
        };
        let found = Rules::new().with(&part("- "), &part("+ ")).read().unwrap_err();
        let is_edit = |line: &&str| line.starts_with(['-', '+']);
        let edit: Vec<&str> = edit.lines().filter(is_edit).collect();
        let told = found.iter().map(|found| format!("{found}\n  help: {}", found.help));
        came.push(format!("{}\n{}", edit.join("\n"), told.collect::<Vec<_>>().join("\n")));
    }
    assert!(came.len() > 25, "{} edits were read", came.len());
    as_written("broken", &(came.join("\n\n") + "\n"));
}

#[test]
fn a_case_of_a_route_with_several_purposes_names_those_of_its_consents() {
    let several = Rules::new()
        .with(
            "purposes = { P09 = [\"D01\", \"D07\"] }",
            "purposes = { P09 = [\"D01\", \"D07\"], P10a = [\"D07\"] }",
        )
        .with("purposes = [\"P09\"]\nsubjects", "purposes = [\"P09\", \"P10a\"]\nsubjects");
    let found = several.read().unwrap_err();
    let told: Vec<String> = found.iter().map(|found| found.message.to_string()).collect();
    assert_eq!(told, vec!["`purposes` is missing"; 4], "{found}");
}

/// Rules whose cases differ in every way.
fn differing() -> Rules {
    let rules = Rules::new()
        .with("[{\"name\": \"Сәрсенова Айгерім\"}]}'''", "[{\"name\": \"Сәрсенова Айгерима\"}]}'''")
        .with("given = 2026-11-21T00:00:00+05:00", "given = 2026-09-21T00:00:00+05:00")
        .with("[\"SUBJECT_BLOCKED\"]", "[\"CONSENT_REFUSED\"]")
        .with("reasons = [\"DOCUMENT_UNPARSABLE\"]", "reasons = [\"NO_SUBJECTS\"]");
    rules.set("cases/group-sent.json", "{\n  \"course\": {\"code\": \"PED-7\"}\n}\n");
    rules
}

/// A folder of rules: the register as it is shipped, and one partner.
struct Rules {
    folder: PathBuf,
}

/// What the program printed, and its exit code.
struct Said {
    out: String,
    code: i32,
}

impl Rules {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("otkel-check-{}-{number}", std::process::id());
        let rules = Self { folder: std::env::temp_dir().join(name).join("policies") };
        let shipped = root().join("policies");
        let register = fs::read_to_string(shipped.join("register.toml")).unwrap();
        // The partners that it names are not here.
        let register: Vec<&str> =
            register.lines().filter(|line| !line.starts_with("partners = [")).collect();
        rules.set("register.toml", &(register.join("\n") + "\n"));
        for notice in fs::read_dir(shipped.join("notices")).unwrap() {
            let path = notice.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            rules.set(&format!("notices/{name}"), &fs::read_to_string(&path).unwrap());
        }
        for (to, from) in [
            ("partners/courses.toml", "courses.toml"),
            ("cases/group.json", "cases/group.json"),
            ("cases/group-sent.json", "cases/group-sent.json"),
        ] {
            rules.set(to, &fs::read_to_string(root().join("tests/check").join(from)).unwrap());
        }
        rules
    }

    fn set(&self, path: &str, text: &str) {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn partner(&self) -> String {
        fs::read_to_string(self.folder.join("partners/courses.toml")).unwrap()
    }

    /// The same rules with another text in the place of the first that is so.
    fn with(self, from: &str, to: &str) -> Self {
        let partner = self.partner();
        assert!(partner.contains(from), "{from}");
        self.set("partners/courses.toml", &partner.replacen(from, to, 1));
        self
    }

    fn read(&self) -> Result<(Policy, Diagnostics), Diagnostics> {
        let files: BTreeMap<_, _> = otkel::gateway::rule_files(&self.folder).unwrap();
        Policy::read(&files, Timestamp::parse(NOW).unwrap())
    }

    fn check(&self, arguments: &[&str]) -> Said {
        let usual: &[&str] = if arguments.contains(&"--now") { &[] } else { &["--now", NOW] };
        let done = self.run(&[&["check"], usual, arguments].concat());
        assert_eq!(String::from_utf8(done.stderr).unwrap(), "");
        let (out, code) = (String::from_utf8(done.stdout).unwrap(), done.status.code().unwrap());
        Said { out, code }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_otkel"));
        command.args(arguments).current_dir(self.folder.parent().unwrap()).env_clear();
        command.output().unwrap()
    }
}

impl Drop for Rules {
    fn drop(&mut self) {
        // What cannot be removed from the folder of temporary files stays there.
        let _ = fs::remove_dir_all(self.folder.parent().unwrap());
    }
}

/// The JSON report and the exit code.
fn checked(rules: &Rules) -> (Value, i32) {
    let Said { out, code } = rules.check(&["--json"]);
    (serde_json::from_str(&out).unwrap(), code)
}

/// The reasons that came in a case.
fn came(report: &Value, case: usize) -> Value {
    report["cases"][case]["came"]["reasons"].clone()
}

fn said_as_written(name: &str, rules: &Rules, code: i32) {
    let said = rules.check(&[]);
    let digest = "digest of the rules: ";
    let mask = |line: &str| match line.strip_prefix(digest) {
        Some(hash) if hash.len() == 64 => format!("{digest}[hash]\n"),
        _ => format!("{line}\n"),
    };
    let came: String = said.out.lines().map(mask).collect();
    as_written(name, &came);
    assert_eq!(said.code, code);
}

fn as_written(name: &str, came: &str) {
    let path = root().join("tests/check").join(format!("{name}.txt"));
    if std::env::var_os("OTKEL_FREEZE").is_some() {
        fs::write(&path, came).unwrap();
    }
    assert_eq!(came, fs::read_to_string(&path).unwrap());
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

const NOW: &str = "2026-11-22T09:00:00Z";
