//! The rules in `policies/` load, and whatever is broken in rules is told with its place and cure.
//!
//! What is broken is a copy in `policies/rules/`, which uses every key of the language.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

#[path = "policies/broken.rs"]
mod broken;
#[path = "policies/said.rs"]
mod said;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use otkel::diagnostic::{Diagnostics, Severity};
use otkel::policy::Policy;
use otkel::time::Timestamp;
use otkel::vocabulary::{CategoryId, Name, PurposeId};
use proptest::prelude::*;
use toml::de::{DeTable, DeValue};

#[test]
fn the_rules_load_without_a_warning() {
    let (_, warnings) = read(&folder()).unwrap_or_else(|found| panic!("{found}"));
    assert!(warnings.is_empty(), "{warnings}");
    let (policy, warnings) = read(&shipped()).unwrap_or_else(|found| panic!("{found}"));
    assert!(warnings.is_empty(), "{warnings}");
    let partners: Vec<&str> = policy.partners.keys().map(Name::as_str).collect();
    let expected = [
        "archive-kz",
        "attestation-kz",
        "learning-de",
        "mailing-de",
        "ministry-kz",
        "research-kz",
        "training-gb",
        "verify-kz",
    ];
    assert_eq!(partners, expected);
    let routes = policy.partners.values().flat_map(|partner| &partner.routes);
    for route in routes {
        let at_home = route.partner.as_str().ends_with("-kz");
        assert_eq!(route.is_cross_border(), !at_home, "{}", route.name);
    }
}

#[test]
fn the_register_is_numbered_as_the_policy_is() {
    let (policy, _) = read(&shipped()).unwrap();
    let categories: Vec<String> =
        policy.register.categories.keys().map(ToString::to_string).collect();
    assert_eq!(categories, ["D01", "D02", "D03", "D04", "D06", "D07", "D08", "D20"]);
    let active = policy.register.purposes.iter().filter(|(_, purpose)| purpose.active);
    let active: Vec<String> = active.map(|(id, _)| id.to_string()).collect();
    let expected = ["P01", "P02", "P03", "P04", "P05", "P06", "P07", "P09", "P10a", "P10b", "P10c"];
    assert_eq!(active, expected);
    for id in ["P08", "P11"] {
        let purpose = &policy.register.purposes[&PurposeId::parse(id).unwrap()];
        assert!(!purpose.active && purpose.categories.is_empty() && !purpose.cross_border);
    }
    assert!(policy.register.adequate.is_empty(), "no list of such states has been published");
}

#[test]
fn what_comes_out_does_not_depend_on_the_time() {
    let at = |time| {
        let (policy, warnings) = Policy::read(&folder(), Timestamp::parse(time).unwrap()).unwrap();
        (format!("{policy:?}"), warnings.iter().count())
    };
    let (early, early_warnings) = at("2000-01-01T00:00:00Z");
    let (late, late_warnings) = at("2100-01-01T00:00:00Z");
    assert_eq!(early, late);
    assert!(early_warnings > 10 && late_warnings > 10);
}

#[test]
fn a_field_map_keeps_the_order_and_knows_whose_a_field_is() {
    let (policy, _) = read(&folder()).unwrap();
    let partner = &policy.partners[&Name::parse("training-gb").unwrap()];
    let route = &partner.routes[1];
    let fields: Vec<(&str, Option<String>, bool)> = route
        .fields
        .iter()
        .map(|field| (field.text.as_str(), field.category.map(|c| c.to_string()), field.in_record))
        .collect();
    assert_eq!(fields[0], ("$.course.code", None, false));
    assert_eq!(fields[1], ("$.groups[*].name", None, false));
    assert_eq!(fields[3], ("$.groups[*].learners[*].family_name", Some("D01".into()), true));
    assert!(route.required.contains(3) && !route.required.contains(0));
    let p09 = PurposeId::parse("P09").unwrap();
    assert!(!partner.purposes[&p09].contains(CategoryId::parse("D04").unwrap()));
}

#[test]
fn a_first_day_begins_and_a_last_day_ends_in_kazakhstan() {
    let (policy, _) = read(&folder()).unwrap();
    let partner = &policy.partners[&Name::parse("attestation-kz").unwrap()];
    assert_eq!(partner.valid_from.to_string(), "2026-08-31T19:00:00.000Z");
    assert_eq!(partner.valid_to.to_string(), "2027-12-31T19:00:00.000Z");
    let last_day_over = partner.valid_to;
    let warned = |now| Policy::read(&folder(), now).unwrap().1.iter().count();
    let before = warned(last_day_over.plus_millis(-1));
    assert_eq!(before, 5 + 4, "reviews; treaty, request, route and candidate");
    assert_eq!(warned(last_day_over), before + 5 * 3 + 3, "entries, agreements, undertakings; P09");
}

#[test]
fn the_digest_is_the_one_that_sha256sum_makes() {
    let mut files = shipped();
    let case = |name: &str| (format!("cases/{name}"), b"{}".to_vec());
    files.extend(["a.json", "gb/enrol.1.ndjson"].map(case));
    let (policy, _) = read(&files).unwrap();
    assert!(policy.files.contains_key("cases/gb/enrol.1.ndjson"));
    assert!(!policy.files.contains_key("README.md"));
    let lines = policy.files.iter().map(|(name, sha256)| format!("{sha256}  {name}\n"));
    assert_eq!(policy.digest, sha256(lines.collect::<Vec<_>>().concat().as_bytes()));
    assert_eq!(policy.files["register.toml"], sha256(&files["register.toml"]));

    let mut reworded = files.clone();
    reworded.get_mut("README.md").unwrap().push(b'\n');
    reworded.insert("signatures/a.mysalova.sig".to_owned(), b"a signature".to_vec());
    assert_eq!(read(&reworded).unwrap().0.digest, policy.digest);
    assert_eq!(read(&reworded).unwrap().0.files, policy.files);
    let mut other = reworded.clone();
    other.insert("cases/a.json".to_owned(), b"[]".to_vec());
    assert_ne!(read(&other).unwrap().0.digest, policy.digest);
    reworded.get_mut("partners/training-gb.toml").unwrap().push(b'\n');
    assert_ne!(read(&reworded).unwrap().0.digest, policy.digest);
}

#[test]
fn every_misspelt_key_of_every_table_is_refused() {
    let whole = folder();
    let mut count = 0;
    for (file, bytes) in rule_files(&whole) {
        let text = std::str::from_utf8(bytes).unwrap();
        let keys = keys(text);
        count += keys.len();
        for key in keys {
            let name = &text[key.clone()];
            for misspelt in [format!("{name}_"), name[1..].to_owned()] {
                // TOML itself refuses a table and an array of tables of one name.
                let broken = match name {
                    "route" | "case" if text[..key.start].ends_with("[[") => {
                        text.replace(&format!("[{name}"), &format!("[{misspelt}"))
                    }
                    _ => [&text[..key.start], &misspelt, &text[key.end..]].concat(),
                };
                // Alone it is read faster, and other errors do not hide the one.
                let files = Files::from([(file.clone(), broken.into_bytes())]);
                let found = Policy::read(&files, now()).expect_err(&misspelt);
                let told = found.iter().any(|found| {
                    found.message.to_string() == format!("unknown key `{misspelt}`")
                        && found.source.name == *file
                        && found.span.start == key.start
                });
                assert!(told, "`{name}` misspelt `{misspelt}` in {file}: {found}");
            }
        }
    }
    assert!(count > 200, "{count} keys were misspelt");
}

#[test]
fn every_key_is_described() {
    let readme = std::fs::read_to_string(root().join("policies/README.md")).unwrap();
    for (file, bytes) in rule_files(&folder()) {
        let text = std::str::from_utf8(bytes).unwrap();
        for key in keys(text) {
            let name = &text[key];
            let forms = [format!("`{name}`"), format!("[{name}"), format!(".{name}]")];
            assert!(forms.iter().any(|form| readme.contains(form)), "`{name}` of {file}");
        }
    }
}

#[test]
fn the_partner_that_the_bench_sends_to_loads() {
    let mut files = shipped();
    let partner = std::fs::read_to_string(root().join("benches/path/partner.toml")).unwrap();
    let partner = partner.replace("@PARTNER@", "partner.test").replace("@PATH@", "/enrol");
    files.insert("partners/partner.toml".to_owned(), partner.into_bytes());
    let (_, warnings) = read(&files).unwrap_or_else(|found| panic!("{found}"));
    assert!(warnings.is_empty(), "{warnings}");
}

#[test]
fn the_examples_in_the_readme_load() {
    let readme = std::fs::read_to_string(root().join("policies/README.md")).unwrap();
    let examples: Vec<&str> = readme.split("```toml\n").skip(1).collect();
    let [partner, register] = examples.as_slice() else { panic!("two examples") };
    let example = |text: &str| text.split_once("```").unwrap().0.to_owned();

    let mut files = shipped();
    files.insert("partners/courses.toml".to_owned(), example(partner).into_bytes());
    let (policy, warnings) = read(&files).unwrap_or_else(|found| panic!("{found}"));
    assert!(warnings.is_empty(), "{warnings}");
    assert_eq!(policy.partners[&Name::parse("courses").unwrap()].routes.len(), 1);

    // Its entries, in the place of the register's own.
    let shipped = std::str::from_utf8(&files["register.toml"]).unwrap();
    let mut whole: toml::Table = shipped.parse().unwrap();
    for (kind, entries) in example(register).parse::<toml::Table>().unwrap() {
        for (id, entry) in entries.as_table().unwrap() {
            whole[&kind].as_table_mut().unwrap().insert(id.clone(), entry.clone());
        }
    }
    files.insert("register.toml".to_owned(), toml::to_string(&whole).unwrap().into_bytes());
    let (policy, _) = read(&files).unwrap_or_else(|found| panic!("{found}"));
    let purpose = &policy.register.purposes[&PurposeId::parse("P09").unwrap()];
    assert_eq!(purpose.end_event.as_deref(), Some("the certificate is issued"));
}

#[test]
fn all_errors_of_all_files_are_found_at_once() {
    let mut files = edited("register.toml", "abroad = \"deny\"", "abroad = \"no\"");
    let mut edit = |file: &str, edits: &[(&str, &str)]| {
        let text = String::from_utf8(files[file].clone()).unwrap();
        let text = edits.iter().fold(text, |text, (from, to)| text.replace(from, to));
        files.insert(file.to_owned(), text.into_bytes());
    };
    edit(
        "partners/training-gb.toml",
        &[("seat = \"GB\"", "seat = \"UK\""), ("\"drop\"", "\"skip\"")],
    );
    edit("partners/training-gb.toml", &[("until = 2026-12-31", "until = 2026")]);
    edit("partners/ministry-kz.toml", &[("9(1)", "9(2)"), ("state-request", "need")]);
    edit("register.toml", &[("05-09", "05-32"), ("unit = \"years\"", "unit = \"days\"")]);
    let messages: Vec<String> = found(&files).iter().map(ToString::to_string).collect();
    let expected = [
        "partners/ministry-kz.toml:43:11: error: the register has no basis `9(2)`",
        "partners/ministry-kz.toml:52:9: error: `need` is not one of `consent`, `state-request`",
        "partners/training-gb.toml:3:8: error: not a country of ISO 3166-1",
        "partners/training-gb.toml:59:14: error: `skip` is not one of `drop`, `refuse`",
        "partners/training-gb.toml:84:14: error: `skip` is not one of `drop`, `refuse`",
        "partners/training-gb.toml:98:9: error: expected a date, found an integer",
        "register.toml:35:10: error: `no` is not one of `allow`, `if-required`, `deny`",
        "register.toml:319:8: error: `consent-term` counts `years`",
        "register.toml:337:8: error: `log-keeping` counts `years`",
        "register.toml:343:8: error: `majority` counts `years`",
        "register.toml:388:12: error: `05-32` is a day of no year",
    ];
    assert_eq!(messages, expected);
}

#[test]
fn a_diagnostic_is_shown_with_its_line_underlined() {
    let found = found(&edited("partners/training-gb.toml", "name = \"enrol\"", "nmae = \"enrol\""));
    let expected = "\
error: unknown key `nmae`
  --> partners/training-gb.toml:51:1
   |
51 | nmae = \"enrol\"
   | ^^^^
   |
   = help: did you mean `name`?";
    assert_eq!(found.to_string(), expected);
}

#[test]
fn a_notice_cannot_change_under_its_version() {
    let mut files = folder();
    files.get_mut("notices/2026-09.txt").unwrap().push(b' ');
    let message = found(&files).iter().next().unwrap().to_string();
    assert_eq!(message, "register.toml:401:10: error: `notices/2026-09.txt` has another text");
    let mut files = folder();
    files.insert("notices/2027-01.txt".to_owned(), b"text".to_vec());
    let message = found(&files).iter().next().unwrap().to_string();
    assert_eq!(message, "notices/2027-01.txt:1:1: error: the register lists no such notice");
}

#[test]
fn nothing_else_may_lie_in_the_folder() {
    let strange: [(&str, &[u8], &str); 11] = [
        ("cases/enrol.toml", b"", "not a rule file"),
        ("cases.json", b"{}", "not a rule file"),
        ("notices/old/2026-09.txt", b"", "not a rule file"),
        ("signatures/a.mysalova", b"", "not a rule file"),
        ("signatures/2026/a.sig", b"", "not a rule file"),
        ("signatures/Mysalova.sig", b"", "not a rule file"),
        ("partners/Training.toml", b"", "the file's name is no partner's"),
        ("partners/training-gb.toml.bak", b"", "not a rule file"),
        ("partners/eu/de.toml", b"", "not a rule file"),
        ("registre.toml", b"", "not a rule file"),
        ("partners/latin.toml", b"name = \"\xe9\"", "not UTF-8 from here on"),
    ];
    for (name, bytes, message) in strange {
        let mut files = folder();
        files.insert(name.to_owned(), bytes.to_vec());
        let found = found(&files);
        let told: Vec<(&str, String)> = found
            .iter()
            .map(|found| (found.source.name.as_str(), found.message.to_string()))
            .collect();
        assert_eq!(told, [(name, message.to_owned())]);
    }
    let found = found(&Files::new());
    assert_eq!(found.iter().next().unwrap().message.to_string(), "there is no register");
}

#[test]
fn a_partner_without_agreement_loads_with_a_warning() {
    let text = String::from_utf8(folder()["partners/attestation-kz.toml"].clone()).unwrap();
    let start = text.find("[agreement]").unwrap();
    let end = text.find("[purposes]").unwrap();
    let mut files = folder();
    let bare = [&text[..start], &text[end..]].concat();
    files.insert("partners/attestation-kz.toml".to_owned(), bare.into_bytes());
    let (policy, warnings) = read(&files).unwrap();
    let partner = &policy.partners[&Name::parse("attestation-kz").unwrap()];
    assert!(partner.agreement.is_none() && partner.undertaking.is_none());
    let messages: Vec<String> =
        warnings.iter().map(|warning| warning.message.to_string()).collect();
    let expected = [
        "there is no agreement: all transfers are refused",
        "there is no undertaking: all transfers are refused",
    ];
    assert_eq!(messages, expected);
    assert!(warnings.iter().all(|warning| warning.severity == Severity::Warning));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn damaged_files_are_told_and_never_bring_the_reader_down(
        place in 0_usize..20_000,
        cut in 0_usize..40,
        text in "[\\[\\]\"'={}.,#$*\\\\ \n\u{0}\u{7f}0-9a-zа-я-]{0,6}",
        which in 0_usize..5,
    ) {
        let mut files = folder();
        let name = rule_files(&files).nth(which).unwrap().0.clone();
        let bytes = files.get_mut(&name).unwrap();
        let start = place % bytes.len();
        let end = bytes.len().min(start + cut);
        bytes.splice(start..end, text.bytes());
        let found = found(&files);
        broken::shows_its_places(&found);
    }
}

type Files = BTreeMap<String, Vec<u8>>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The rules that tests break.
fn folder() -> Files {
    files_below("tests/policies/rules")
}

/// The rules as they are shipped.
fn shipped() -> Files {
    files_below("policies")
}

fn files_below(folder: &str) -> Files {
    let root = root().join(folder);
    let mut files = Files::new();
    for folder in ["", "partners", "notices", "cases"] {
        for entry in std::fs::read_dir(root.join(folder)).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

fn rule_files(files: &Files) -> impl Iterator<Item = (&String, &Vec<u8>)> {
    files.iter().filter(|(name, _)| name.strip_suffix(".toml").is_some())
}

fn now() -> Timestamp {
    Timestamp::parse("2026-11-22T09:00:00Z").unwrap()
}

fn read(files: &Files) -> Result<(Policy, Diagnostics), Diagnostics> {
    Policy::read(files, now())
}

fn found(files: &Files) -> Diagnostics {
    match read(files) {
        Ok((_, warnings)) => warnings,
        Err(found) => found,
    }
}

fn edited(file: &str, from: &str, to: &str) -> Files {
    let mut files = folder();
    let text = String::from_utf8(files[file].clone()).unwrap();
    assert!(text.contains(from), "{file} does not hold {from}");
    files.insert(file.to_owned(), text.replacen(from, to, 1).into_bytes());
    files
}

// Where the keys stand that the language defines, as against ids, names, countries and paths.
fn keys(text: &str) -> Vec<Range<usize>> {
    fn walk(table: &DeTable<'_>, own_words: bool, keys: &mut Vec<Range<usize>>) {
        for (key, value) in table {
            if !own_words {
                keys.push(key.span());
            }
            let name: &str = key.get_ref();
            let opens = [
                "category",
                "purpose",
                "adequate",
                "prohibited",
                "treaty",
                "basis",
                "notice",
                "endpoint",
                "request",
                "recipient",
            ];
            let own_words = !own_words && (opens.contains(&name) && value.get_ref().is_table())
                || !own_words && ["fields", "purposes", "only", "namespaces"].contains(&name);
            match value.get_ref() {
                DeValue::Table(table) => walk(table, own_words, keys),
                DeValue::Array(array) => {
                    for table in array.iter().filter_map(|value| value.get_ref().as_table()) {
                        walk(table, false, keys);
                    }
                }
                _ => {}
            }
        }
    }
    let mut keys = Vec::new();
    walk(DeTable::parse(text).unwrap().get_ref(), false, &mut keys);
    keys
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(bytes))
}
