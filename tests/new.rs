//! A partner's file by questions and answers: it passes `otkel check`, bad answers are asked again
//! in the reader's own words, and nothing is written before the last answer.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use otkel::gateway::rule_files;

// Who the partner is. Of the answers that are wrong, each is followed by one that is right.
const PARTNER: [&str; 31] = [
    "courses",
    "«Example» Courses \"Limited\"",
    "",
    "",
    "",
    "KZ, KZ\nKZ",
    "12\n570140000000",
    "1 Example Street, Almaty",
    "nowhere\noffice@courses.example",
    "C. Third",
    "+7 727 000 00 00",
    "dpo@courses.example",
    "",
    "ten\n",
    "",
    "24",
    "01.09.2026\n2026-09-01",
    "2026-08-01\n2027-12-31",
    "",
    "A. First\nA. First, B. Second",
    "maybe\nno",
    "0\n365",
    "No. 7",
    "",
    "",
    "notices/2026-09.txt",
    "",
    "",
    "10, 11\n",
    "https://in.courses.example\nin.courses.example",
    "\n",
];

const ROUTE: [&str; 12] = [
    "P08\nP09",
    "D21\nD01, D07",
    "",
    "a.b\nenrol",
    "GET /x\n",
    "v1\n/v1/enrolments",
    "learners\n$.learners[*]",
    "",
    "",
    "drop",
    "$.name D01\n$.course.code public\n$.learners[*].name D01\n$.learners[*]['e-mail'] = D07\n",
    "$.name\n$.learners[*].name",
];

#[test]
fn what_is_answered_becomes_a_file_that_passes_the_check() {
    let rules = Rules::new("passes");
    let told = rules.ask(&[PARTNER.join("\n"), ROUTE.join("\n")].join("\n"), &[]);
    let words = String::from_utf8(told.stderr).unwrap();
    assert!(told.status.success(), "{words}");
    for refused in [
        "error: named twice",
        "error: not a valid BIN: expected 12 digits with their check digit",
        "error: neither an e-mail address nor a telephone number nor an https URL",
        "error: expected an integer, found a string",
        "error: expected a date, found a string",
        "error: the period ends before it begins",
        "error: fewer than two approvers",
        "error: expected a boolean, found a string",
        "error: out of range",
        "error: the partner has not taken the duties of Art. 12(2)",
        "error: not a host name: expected letters a-z, digits, `-` and at least one dot",
        "error: `P08` can never be used",
        "error: the register has no category `D21` in use",
        "error: a name with a dot",
        "error: the request has no body",
        "error: not a plain path",
        "error: not a field path",
        "error: `D01` outside of the subjects' records",
        "error: `$.name` is not in the field map",
    ] {
        assert!(words.contains(refused), "{refused}\n{words}");
    }
    assert!(words.contains("`seat` is the country of registration\nseat [KZ]: "), "{words}");
    assert!(words.contains("the path of the subjects' records"), "{words}");
    let path = rules.folder.join("partners/courses.toml");
    assert_eq!(String::from_utf8(told.stdout).unwrap(), format!("written: {}\n", path.display()));
    let written = fs::read_to_string(&path).unwrap();
    let expected = fs::read_to_string(root().join("tests/new/courses.toml")).unwrap();
    assert_eq!(written, expected);
    let checked = otkel(&["check", rules.path()], "");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    let checked = String::from_utf8(checked.stdout).unwrap();
    for case in ["courses: the subject has consented", "courses: nobody has consented"] {
        assert!(checked.contains(&format!("ok       {case}")), "{checked}");
    }
}

#[test]
fn a_partner_abroad_is_asked_for_its_assessment_and_gets_a_consent_with_countries() {
    let rules = Rules::new("abroad");
    let mut answers: Vec<&str> = PARTNER.to_vec();
    (answers[2], answers[6]) = ("GB", "GB-1");
    let assessment = ["TIA-1", "2026-08-20"];
    let route = ["P09", "D01", "", "", "", "/v1/x", "", "", "", "$.name D01\n", ""];
    let answers = [answers.join("\n"), assessment.join("\n"), route.join("\n")].join("\n");
    let told = rules.ask(&answers, &[]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let written = fs::read_to_string(rules.folder.join("partners/courses.toml")).unwrap();
    assert!(written.contains("[assessment]\nreference = \"TIA-1\"\n"), "{written}");
    assert!(written.contains("countries = [\"GB\"]"), "{written}");
    assert!(otkel(&["check", rules.path()], "").status.success());
}

#[test]
fn a_warning_is_let_be_by_the_same_answer_again() {
    let rules = Rules::new("warning");
    let mut answers: Vec<&str> = PARTNER.to_vec();
    answers[17] = "2020-01-01\n2020-01-01\n2026-08-01\n2027-12-31";
    answers[16] = "2019-01-01";
    let told = rules.ask(&answers.join("\n"), &[]);
    let words = String::from_utf8(told.stderr).unwrap();
    let twice = "warning: the entry is no longer in force";
    assert_eq!(words.matches(twice).count(), 1, "{words}");
    assert!(words.contains("the same answer again lets it be"), "{words}");
}

#[test]
fn a_route_by_which_nothing_could_leave_is_asked_for_again() {
    let rules = Rules::new("nothing");
    // P01 may not go abroad, and the file would have no allowed case.
    let mut answers: Vec<&str> = PARTNER.to_vec();
    (answers[2], answers[6]) = ("GB", "GB-1");
    let never = ["P01", "D01", "\n", "", "", "/v1/x", "", "", "", "$.name D01\n", ""];
    let then = ["P09", "D01", "", "", "", "/v1/x", "", "", "", "$.name D01\n", ""];
    let parts = [&answers[..], &["TIA-1", ""], &never, &then].map(|part| part.join("\n"));
    let told = rules.ask(&parts.join("\n"), &[]);
    let words = String::from_utf8(told.stderr).unwrap();
    assert!(told.status.success(), "{words}");
    let why = "nothing could ever leave by this route: `PURPOSE_NOT_CROSS_BORDER`";
    assert!(words.contains(why), "{words}");
    let written = fs::read_to_string(rules.folder.join("partners/courses.toml")).unwrap();
    assert!(!written.contains("P01"), "{written}");
}

#[test]
fn a_request_that_another_partner_s_route_takes_is_asked_for_again() {
    let rules = Rules::new("taken");
    let mut answers: Vec<&str> = PARTNER.to_vec();
    // The reader finds it in the file that comes later by name, which is not the new one.
    answers[0] = "a";
    let route = ["P09", "D01", "", "", "POST /training-gb/enrolments\n", "/v1/x"];
    let told = rules.ask(&[answers.join("\n"), route.join("\n")].join("\n"), &[]);
    let words = String::from_utf8(told.stderr).unwrap();
    let why = "error: unreachable: the route `a.send` takes `POST /training-gb/enrolments`";
    assert!(words.contains(why), "{words}");
    assert!(words.contains("route.subjects []: "), "{words}");
}

#[test]
fn nothing_is_written_where_the_answers_end_early() {
    let rules = Rules::new("early");
    let before = rule_files(&rules.folder).unwrap();
    let answers = [PARTNER.join("\n"), ROUTE.join("\n")].join("\n");
    let lines: Vec<&str> = answers.split('\n').collect();
    for end in [0, 1, 20, lines.len() - 1] {
        let told = rules.ask(&lines[..end].join("\n"), &[]);
        assert_eq!(told.status.code(), Some(2), "{end}");
        assert!(told.stdout.is_empty());
        let words = String::from_utf8(told.stderr).unwrap();
        let why = "otkel: the answers ended before the questions: nothing is written\n";
        assert!(words.ends_with(why), "{end}: {words}");
        assert_eq!(rule_files(&rules.folder).unwrap(), before, "{end}");
    }
}

#[test]
fn a_file_that_is_there_stays() {
    let rules = Rules::new("there");
    let before = rule_files(&rules.folder).unwrap();
    let told = rules.ask("training-gb\nTraining\na.b", &[]);
    let words = String::from_utf8(told.stderr).unwrap();
    assert!(words.contains("`partners/training-gb.toml` is there already, and stays as it is"));
    assert_eq!(words.matches("the file's name is no partner's").count(), 2, "{words}");
    assert_eq!(rule_files(&rules.folder).unwrap(), before);
}

#[test]
fn rules_that_do_not_load_are_to_be_mended_first() {
    let rules = Rules::new("broken");
    fs::write(rules.folder.join("partners/broken.toml"), "seat = 1\n").unwrap();
    let told = rules.ask("courses\n", &[]);
    assert_eq!(told.status.code(), Some(2));
    let words = String::from_utf8(told.stderr).unwrap();
    assert!(words.contains("partners/broken.toml:1:8"), "{words}");
}

#[test]
fn the_reader_s_words_come_in_the_language_that_is_asked_for() {
    let rules = Rules::new("language");
    let told = rules.ask("courses\nA\nUK\n", &["--lang", "ru"]);
    let words = String::from_utf8(told.stderr).unwrap();
    assert!(words.contains("страна"), "{words}");
    assert!(!words.contains("country of registration"), "{words}");
}

/// A copy of the rules.
struct Rules {
    folder: PathBuf,
}

impl Rules {
    fn new(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("new").join(name);
        let _ = fs::remove_dir_all(&folder);
        for (path, bytes) in rule_files(&root().join("policies")).unwrap() {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        Self { folder }
    }

    fn path(&self) -> &str {
        self.folder.to_str().unwrap()
    }

    fn ask(&self, answers: &str, more: &[&str]) -> Output {
        let arguments = [&["new", "partner", self.path()], more].concat();
        otkel(&arguments, &format!("{answers}\n"))
    }
}

fn otkel(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_otkel"));
    command.args(arguments).current_dir(root().join("policies")).env_remove("OTKEL_LANG");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that ends before it has read everything closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
