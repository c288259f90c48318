//! An OpenAPI document becomes a starting partner file: what is written is frozen in
//! `openapi/*.toml`, does not load before a person has been through it, and loads once one has.
//!
//! `OTKEL_FREEZE=1` writes the frozen files anew: read the difference before keeping it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use otkel::diagnostic::{Diagnostics, Severity};
use otkel::document::{FieldPath, Segment};
use otkel::gateway::rule_files;
use otkel::openapi::{BYTES_MAX, BadDocument, Wishes, import};
use otkel::policy::Policy;
use otkel::time::Timestamp;
use otkel::vocabulary::{Name, PurposeId};
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn a_document_becomes_the_file_that_is_frozen() {
    for name in ["courses.yaml", "register.json", "hostile.json"] {
        let written = imported(name);
        let frozen = folder().join(name).with_extension("toml");
        if std::env::var_os("OTKEL_FREEZE").is_some() {
            fs::write(&frozen, &written).unwrap();
        }
        assert_eq!(written, fs::read_to_string(&frozen).unwrap(), "{name}");
        assert_eq!(written, imported(name), "{name}");
    }
}

#[test]
fn json_and_yaml_come_to_the_same() {
    let yaml = fs::read_to_string(folder().join("courses.yaml")).unwrap();
    let value: Value = yaml_serde::from_str(&yaml).unwrap();
    // The order of members is that of the document, which this value does not keep.
    let from_json = import(value.to_string().as_bytes(), &wishes("courses.yaml")).unwrap();
    let sorted = |text: &str| text.lines().map(ToOwned::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(sorted(&from_json), sorted(&imported("courses.yaml")));
}

// --- the way of a file from the import to the rules

#[test]
fn a_file_does_not_load_before_every_guess_and_blank_is_gone() {
    let written = imported("courses.yaml");
    let all = found(&written);
    let lines: BTreeSet<usize> = all
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .map(|found| found.source.line_and_column(found.span.start).0)
        .collect();
    let mut open = 0;
    for (number, line) in (1..).zip(written.lines()) {
        let said = line.split(" # ").next().unwrap();
        if !said.starts_with('#') && (said.contains("\"\"") || said.contains("guess = ")) {
            assert!(lines.contains(&number), "nothing is told of line {number}: {line}\n{all}");
            open += 1;
        }
    }
    assert!(open > 60, "{open}");
    let guesses = all.iter().filter(|found| {
        found.message.to_string().starts_with("a guess that nobody has confirmed: ")
    });
    assert_eq!(guesses.count(), written.matches("guess = ").count());
}

#[test]
fn a_file_loads_once_a_person_has_been_through_it() {
    let text = went_through(&imported("courses.yaml"));
    let told = found(&text);
    assert!(!told.has_errors(), "{told}\n{text}");
    let mut files = rule_files(&root().join("policies")).unwrap();
    files.insert("partners/courses.toml".to_owned(), text.clone().into_bytes());
    let (policy, _) = Policy::read(&files, now()).unwrap();
    let partner = &policy.partners[&Name::parse("courses").unwrap()];
    let routes: Vec<(&str, &str, usize)> =
        partner.routes.iter().map(|r| (r.name.as_str(), r.to.as_str(), r.fields.len())).collect();
    let expected = [
        ("courses.enrol-learners", "/api/v2/enrolments", 18),
        ("courses.patch-learners", "/api/v2/learners", 17),
        ("courses.pay", "/api/v2/payments", 3),
    ];
    assert_eq!(routes, expected);
    // One guess that came back is enough.
    let guessed = text.replacen("= \"D07\"", "= { category = \"D07\", guess = \"x\" }", 1);
    assert!(found(&guessed).has_errors());
}

/// What a person makes of an import: the guesses are right, and the blanks are known.
fn went_through(written: &str) -> String {
    let mut text = String::new();
    for line in written.lines() {
        let is_said = !line.starts_with('#');
        match line.split_once(" = { category = \"").filter(|_| is_said) {
            Some((path, rest)) => {
                let (category, _) = rest.split_once('"').unwrap();
                writeln!(text, "{path} = \"{category}\"").unwrap();
            }
            None => writeln!(text, "{line}").unwrap(),
        }
    }
    let filled = [
        ("seat = \"\"", "seat = \"KZ\""),
        ("processing = [\"\"]", "processing = [\"KZ\"]"),
        ("storage = [\"\"]", "storage = [\"KZ\"]"),
        ("type = \"\"", "type = \"third-party\""),
        ("party_id = \"\"", "party_id = \"570140000000\""),
        ("name = \"\", phone = \"\", email = \"\"", PERSON),
        ("\nname = \"\"", "\nname = \"Example Courses LLP\""),
        ("\naddress = \"\"", "\naddress = \"1 Example Street, Almaty\""),
        ("contact = \"\"", "contact = \"office@courses.example\""),
        ("confirm_days = \"\"", "confirm_days = 10"),
        ("notice_hours = \"\"", "notice_hours = 24"),
        ("status = \"\"", "status = \"active\""),
        ("valid_from = \"\"", "valid_from = 2026-09-01"),
        ("valid_to = \"\"", "valid_to = 2027-12-31"),
        ("review_due = \"\"", "review_due = 2027-11-01"),
        ("approved_by = [\"\", \"\"]", "approved_by = [\"A. First\", \"B. Second\"]"),
        ("onward_transfer = \"\"", "onward_transfer = false"),
        ("retention_days = \"\"", "retention_days = 365"),
        ("number = \"\"", "number = \"7\""),
        ("since = \"\"", "since = 2026-09-01"),
        ("until = \"\"", "until = 2027-12-31"),
        ("sha256 = \"\"", SHA256),
        ("duties = [\"\"]", "duties = [\"10\", \"11\", \"12(2)\", \"14\", \"15\", \"22\"]"),
        ("P09 = [\"\"]", "P09 = [\"D01\", \"D04\", \"D07\", \"D20\"]"),
        ("country = \"\"", "country = \"KZ\""),
        ("endpoint = \"\"", "endpoint = \"main\""),
        ("subjects = \"\"", ""),
        ("on_refused = \"\"", "on_refused = \"refuse\""),
        ("subject = \"\"", "subject = \"$.iin\""),
        ("scheme = \"\"", "scheme = \"kz-iin\""),
    ];
    for (blank, said) in filled {
        text = text.replace(blank, said);
    }
    text
}

const PERSON: &str =
    "name = \"C. Third\", phone = \"+7 727 000 00 00\", email = \"c@third.example\"";
const SHA256: &str =
    "sha256 = \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"";

// --- documents that are none, or that would do harm

#[test]
fn what_is_no_openapi_document_is_refused() {
    let syntax = |document: &str| match import(document.as_bytes(), &Wishes::default()) {
        Err(BadDocument::Syntax(_, why)) => why,
        other => panic!("{document}: {other:?}"),
    };
    for document in ["", "null", "[]", "{}", "openapi: 2.0", "{\"openapi\": \"4.0.0\"}", "hello"] {
        let refused = import(document.as_bytes(), &Wishes::default());
        assert_eq!(refused.unwrap_err(), BadDocument::NotOpenApi, "{document}");
    }
    assert_eq!(import(b"\xff", &Wishes::default()).unwrap_err(), BadDocument::NotUtf8);
    let large = vec![b' '; BYTES_MAX + 1];
    assert_eq!(import(&large, &Wishes::default()).unwrap_err(), BadDocument::TooLarge);
    assert!(syntax("{\"openapi\": \"3.0.0\"").contains("line 1 column"));
    assert!(syntax("{\"openapi\": \"3.0.0\", \"openapi\": \"3.0.0\"}").contains("stands twice"));
    assert!(syntax("openapi: 3.0.0\nopenapi: 3.0.0\n").contains("stands twice"));
    assert!(syntax("a: 1\n---\nb: 2\n").contains("more than one document"));
    assert!(syntax("a: &a {b: 1}\nc: {<<: *a}\n").contains("`<<` is not read"));
    assert!(syntax("? [a]\n: 1\n").contains("a key that is no text"));
    assert!(syntax("a: 'x").contains("at line 1"), "{}", syntax("a: 'x"));
}

#[test]
fn a_document_of_a_few_aliases_does_not_become_a_large_one() {
    let mut bomb = String::from("openapi: 3.0.0\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..12 {
        let ten = vec![format!("*a{}", n - 1); 10].join(", ");
        writeln!(bomb, "a{n}: &a{n} [{ten}]").unwrap();
    }
    let refused = import(bomb.as_bytes(), &Wishes::default()).unwrap_err().to_string();
    assert!(refused.contains("repetition limit exceeded"), "{refused}");
    let long = format!("x: &x {}\ny: [{}]\n", "x".repeat(1 << 20), "*x, ".repeat(250));
    let refused = import(long.as_bytes(), &Wishes::default()).unwrap_err().to_string();
    assert!(refused.contains("too many values, or aliases of them"), "{refused}");
    let many = format!("{{\"a\": [0{}]}}", ",0".repeat(2 << 20));
    let refused = import(many.as_bytes(), &Wishes::default()).unwrap_err().to_string();
    assert!(refused.contains("too many values"), "{refused}");
    // An alias that is used as people use it is read.
    let schema = "paths: {/a: {post: {requestBody: {content: {application/json: {schema: *s}}}}}}";
    let fine = format!("openapi: 3.0.0\nx: &s {{properties: {{email: {{}}}}}}\n{schema}\n");
    let written = import(fine.as_bytes(), &Wishes::default()).unwrap();
    assert!(written.contains("\"$.email\" = { category = \"D07\""), "{written}");
}

#[test]
fn deep_documents_end_at_a_bound() {
    for open in ["[", "{\"a\":", "{a: ", "- ", "? "] {
        let deep = open.repeat(100_000);
        assert!(import(deep.as_bytes(), &Wishes::default()).is_err(), "{open}");
    }
}

#[test]
fn schemas_that_multiply_end_at_a_bound() {
    let schemas = (0..30).map(|n| {
        let next = json!({ "$ref": format!("#/components/schemas/s{}", n + 1) });
        let many: Vec<Value> = (0..9).map(|_| next.clone()).collect();
        let properties = json!({ "a": next, "b": next });
        (format!("s{n}"), json!({ "properties": properties, "allOf": many, "anyOf": many }))
    });
    let schemas: serde_json::Map<String, Value> = schemas.collect();
    let mut document = with_schema(&json!({ "$ref": "#/components/schemas/s0" }));
    document["components"] = json!({ "schemas": schemas });
    let written = import(document.to_string().as_bytes(), &Wishes::default()).unwrap();
    assert!(written.contains("# The document has more fields than are looked at.\n"));
    assert!(written.len() < 32 << 20, "{}", written.len());
}

#[test]
fn a_route_maps_no_more_fields_than_it_can() {
    let properties = (0..300).map(|n| (format!("email_{n}"), json!({ "type": "string" })));
    let properties: serde_json::Map<String, Value> = properties.collect();
    let document = with_schema(&json!({ "properties": properties })).to_string();
    let written = import(document.as_bytes(), &Wishes::default()).unwrap();
    assert_eq!(written.matches("\n\"$.email_").count(), 256);
    assert_eq!(written.matches("\n# \"$.email_").count(), 300 - 256);
}

// --- whatever a document says

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Zа-я_.]{1,8}",
        "\\PC{0,6}",
        proptest::collection::vec(any::<char>(), 0..6).prop_map(|all| all.into_iter().collect()),
        Just("email".to_owned()),
        Just("a\"\n[[route]]\nname = \"b\"".to_owned()),
    ]
}

fn any_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({ "type": "string", "format": "email" })),
        Just(json!({ "type": ["integer", "null"], "readOnly": true })),
        Just(json!({})),
        Just(json!(true)),
        Just(json!({ "$ref": "#/components/schemas/A" })),
        Just(json!({ "$ref": "elsewhere.json" })),
        any_name().prop_map(|name| json!({ "type": "string", "format": name, "pattern": name })),
        any_name().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec((any_name(), inner.clone()), 0..4).prop_map(|all| {
                let names: Vec<&String> = all.iter().map(|(name, _)| name).collect();
                let properties: serde_json::Map<String, Value> = all.iter().cloned().collect();
                json!({ "type": "object", "required": names, "properties": properties })
            }),
            inner.clone().prop_map(|items| json!({ "type": "array", "items": items })),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(|all| json!({ "allOf": all })),
            proptest::collection::vec(inner, 0..3).prop_map(|all| json!({ "oneOf": all })),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn nothing_is_mapped_by_accident(
        schema in any_schema(),
        other in any_schema(),
        path in any_name(),
        id in any_name(),
        title in any_name(),
        url in any_name(),
    ) {
        let mut document = with_schema(&schema);
        document["info"] = json!({ "title": title, "version": url });
        document["servers"] = json!([{ "url": url }, { "url": format!("https://{url}/{url}") }]);
        document["components"] = json!({ "schemas": { "A": other } });
        let operation = json!({
            "operationId": id,
            "summary": title,
            "requestBody": { "content": { "application/json": { "schema": other } } },
        });
        document["paths"][format!("/{path}")] = json!({ "put": operation });
        let written = import(document.to_string().as_bytes(), &Wishes::default()).unwrap();
        let read: toml::Table = toml::from_str(&written).unwrap();
        for route in read.get("route").and_then(toml::Value::as_array).into_iter().flatten() {
            for (path, field) in route["fields"].as_table().unwrap() {
                let field = field.as_table().unwrap();
                prop_assert!(field.contains_key("guess"), "{path} is mapped:\n{written}");
                prop_assert!(FieldPath::parse(path).is_ok(), "{path}");
            }
        }
        prop_assert!(found(&written).has_errors());
        let hidden = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}');
        prop_assert!(!written.contains(hidden), "{written:?}");
    }

    #[test]
    fn a_name_is_written_so_that_it_is_read_back(name in any_name()) {
        let schema = json!({ "properties": { &name: { "type": "string", "format": "email" } } });
        let document = with_schema(&schema).to_string();
        let written = import(document.as_bytes(), &Wishes::default()).unwrap();
        let read: toml::Table = toml::from_str(&written).unwrap();
        let fields = read["route"][0]["fields"].as_table().unwrap();
        let (path, _) = fields.iter().next().unwrap();
        let path = FieldPath::parse(path).unwrap();
        prop_assert_eq!(path.segments(), [Segment::Name(name)]);
    }

    #[test]
    fn whatever_bytes_come_an_error_or_a_file_comes_out(
        bytes in proptest::collection::vec(any::<u8>(), 0..64),
        place in 0_usize..8_000,
        cut in 0_usize..64,
        text in "[\\[\\]\"'={}:&*<|>#,?!%@` \n\t-]{0,8}",
        which in 0_usize..3,
    ) {
        let _ = import(&bytes, &Wishes::default());
        let name = ["courses.yaml", "register.json", "hostile.json"][which];
        let mut document = fs::read(folder().join(name)).unwrap();
        let start = place % document.len();
        let end = document.len().min(start + cut);
        document.splice(start..end, text.bytes());
        if let Ok(written) = import(&document, &wishes(name)) {
            prop_assert!(toml::from_str::<toml::Table>(&written).is_ok(), "{written}");
        }
    }
}

// --- what stands around

fn with_schema(schema: &Value) -> Value {
    let content = json!({ "application/json": { "schema": schema } });
    json!({
        "openapi": "3.1.0",
        "paths": { "/a": { "post": { "requestBody": { "content": content } } } },
    })
}

fn imported(name: &str) -> String {
    import(&fs::read(folder().join(name)).unwrap(), &wishes(name)).unwrap()
}

fn wishes(name: &str) -> Wishes {
    if name != "courses.yaml" {
        return Wishes::default();
    }
    Wishes {
        name: Some(Name::parse("courses").unwrap()),
        purposes: vec![PurposeId::parse("P09").unwrap()],
        subjects: vec![FieldPath::parse("$.learners[*].iin").unwrap()],
    }
}

fn found(text: &str) -> Diagnostics {
    let mut files = rule_files(&root().join("policies")).unwrap();
    files.retain(|name, _| !name.starts_with("partners/"));
    files.insert("partners/courses.toml".to_owned(), text.as_bytes().to_vec());
    match Policy::read(&files, now()) {
        Ok((_, found)) | Err(found) => found,
    }
}

fn now() -> Timestamp {
    Timestamp::parse("2026-11-22T09:00:00Z").unwrap()
}

fn folder() -> PathBuf {
    root().join("tests/openapi")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
