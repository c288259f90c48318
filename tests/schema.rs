//! The JSON Schemas that editors use say what the readers say: the same keys, at the same places,
//! and nothing that a reader refuses passes where a schema can tell.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

#[path = "support/python.rs"]
mod python;
#[path = "schema/walk.rs"]
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use otkel::config::{self, Config};
use otkel::diagnostic::Diagnostics;
use otkel::partner::mock::script::{self, Script};
use otkel::partner::{self, Refusal};
use otkel::policy::legal::{Number, Unit};
use otkel::policy::{Policy, schema};
use otkel::reason::Reason;
use otkel::testkit;
use otkel::time::Timestamp;
use serde_json::json;
use walk::{Place, Schema};

#[test]
fn every_example_fits_its_schema() {
    let mut asked = File::all().to_vec();
    for file in &asked {
        assert!(!file.is_refused(), "{}", file.found());
    }
    for folder in ["policies/partners", "tests/policies/rules/partners"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            asked.push(File { kind: Kind::Partner, text });
        }
    }
    let text = fs::read_to_string(root().join("tests/policies/rules/register.toml")).unwrap();
    asked.push(File { kind: Kind::Register, text });
    for (file, told) in asked.iter().zip(held(&asked, false)) {
        assert_eq!(told, None, "{:?}\n{}", file.kind, file.text);
    }
}

#[test]
fn every_snippet_of_the_readme_fits_a_schema() {
    let readme = fs::read_to_string(root().join("policies/README.md")).unwrap();
    let snippets = readme.split("```toml\n").skip(1);
    let mut asked = Vec::new();
    for text in snippets.map(|rest| rest.split_once("```").unwrap().0.to_owned()) {
        asked.extend(Kind::ALL.map(|kind| File { kind, text: text.clone() }));
    }
    let told = held(&asked, true);
    assert!(!asked.is_empty());
    for (files, told) in asked.chunks(Kind::ALL.len()).zip(told.chunks(Kind::ALL.len())) {
        assert!(told.iter().any(Option::is_none), "{}\n{told:#?}", files[0].text);
    }
}

#[test]
fn a_reader_asks_for_the_keys_that_its_schema_has_and_for_no_others() {
    for file in File::all() {
        let schema = file.kind.schema();
        let mut asked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for place in schema.places(&file.value()) {
            if schema.keys(&place.pointer).is_some() {
                asked.entry(place.pointer.clone()).or_default().extend(file.keys_at(&place));
            }
        }
        for pointer in schema.tables() {
            let keys = schema.keys(&pointer).unwrap();
            let read = asked.get(&pointer).unwrap_or_else(|| panic!("{pointer} was not visited"));
            assert_eq!(*read, keys, "{:?} at {pointer}", file.kind);
        }
    }
}

#[test]
fn what_a_schema_refuses_a_reader_refuses() {
    let mut asked = Vec::new();
    for file in File::all() {
        asked.extend(file.broken());
    }
    let files: Vec<File> = asked.iter().map(|(_, file)| file.clone()).collect();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for ((how, file), told) in asked.iter().zip(held(&files, false)) {
        assert!(told.is_some(), "{how}: the schema takes\n{}", file.text);
        assert!(file.is_refused(), "{how}: the reader takes\n{}", file.text);
        *kinds.entry(how.split(' ').next().unwrap()).or_default() += 1;
    }
    let enough = [("key", 30), ("lack", 80), ("type", 150), ("word", 20)];
    for (how, least) in enough {
        assert!(kinds[how] >= least, "{kinds:?}");
    }
}

#[test]
fn words_and_bounds_are_those_of_the_reader() {
    let (mut refused, mut words, mut bounds) = (Vec::new(), 0, 0);
    for file in File::all() {
        let schema = file.kind.schema();
        let whole = file.value();
        let mut done = BTreeSet::new();
        let places = schema.places(&whole).into_iter();
        for place in places.filter(|place| done.insert(place.pointer.clone())) {
            let with = |new: toml::Value| {
                let mut value = whole.clone();
                *place.value_in(&mut value) = new;
                file.with(&value)
            };
            for word in schema.words(&place.pointer).into_iter().take(100) {
                let said = with(word.clone().into()).found().to_string();
                let unknown = ["is not one of", "unknown duty", "unknown reason", "not a country"];
                assert!(!unknown.iter().any(|no| said.contains(no)), "{word}: {said}");
                words += 1;
            }
            let Some([least, most]) = schema.bounds(&place.pointer) else { continue };
            // Each number of the law narrows it further.
            if place.pointer == "/$defs/legal/properties/value" {
                continue;
            }
            for bound in [least, most.or((file.kind != Kind::Config).then_some(i64::MAX))] {
                let Some(bound) = bound else { continue };
                let said = with(bound.into()).found().to_string();
                assert!(!said.contains("out of range"), "{}: {bound}: {said}", place.pointer);
                bounds += 1;
            }
            let outside = [least.map(|least| least - 1), most.map(|most| most + 1)];
            refused.extend(outside.into_iter().flatten().map(|bound| with(bound.into())));
        }
    }
    for (file, told) in refused.iter().zip(held(&refused, false)) {
        assert!(told.is_some() && file.is_refused(), "{told:?}\n{}", file.text);
    }
    assert!(words > 200 && bounds > 15, "{words} words and {bounds} bounds were tried");
}

#[test]
fn a_schema_is_no_stricter_than_the_reader() {
    let cases = fs::read_to_string(root().join("tests/policies/broken.txt")).unwrap();
    let mut asked = Vec::new();
    for case in cases.split("\n@ ").skip(1) {
        let (name, rest) = case.split_once('\n').unwrap();
        let part = |mark: &str| {
            let lines = rest.lines().filter_map(|line| line.strip_prefix(mark));
            lines.collect::<Vec<_>>().join("\n")
        };
        let path = root().join("tests/policies/rules").join(name);
        let (whole, from) = (fs::read_to_string(path).unwrap(), part("- "));
        assert!(whole.contains(&from), "{name} does not hold {from}");
        let text = whole.replacen(&from, &part("+ "), 1);
        let kind = if name == "register.toml" { Kind::Register } else { Kind::Partner };
        let is_error = rest.contains(": error: ");
        if toml::from_str::<toml::Table>(&text).is_ok() {
            asked.push((File { kind, text }, is_error, rest));
        }
    }
    let files: Vec<File> = asked.iter().map(|(file, ..)| file.clone()).collect();
    let (mut found, mut errors) = (0, 0);
    for ((_, is_error, case), told) in asked.iter().zip(held(&files, false)) {
        assert!(told.is_none() || *is_error, "{told:?}\n{case}");
        found += usize::from(told.is_some());
        errors += usize::from(*is_error);
    }
    assert!(found * 2 > errors, "the schemas find only {found} of {errors} mistakes");
}

#[test]
fn a_guess_is_shown_until_somebody_has_confirmed_it() {
    let text = fs::read_to_string(root().join("tests/openapi/courses.toml")).unwrap();
    let import = File { kind: Kind::Partner, text };
    let plain = "{ category = \"D08\" }";
    let everything = File::everything();
    assert!(everything.text.contains(plain));
    let guess = everything.text.replacen(plain, "{ category = \"D08\", guess = \"x\" }", 1);
    let guess = File { kind: Kind::Partner, text: guess };
    assert!(held(&[import, guess], false).iter().all(Option::is_some));
}

#[test]
fn every_key_is_described() {
    for kind in Kind::ALL {
        let schema = kind.schema();
        for pointer in schema.tables() {
            for key in schema.keys(&pointer).unwrap() {
                let property = format!("{pointer}/properties/{}", walk::escaped(&key));
                assert!(schema.describes(&property), "{kind:?}: {property}");
            }
        }
    }
}

#[test]
fn lists_of_words_are_those_of_the_program() {
    let partner = Kind::Partner.schema();
    let words = |schema: &Schema, pointer: &str| -> Vec<String> {
        serde_json::from_value(schema.root.pointer(pointer).unwrap().clone()).unwrap()
    };
    let codes: Vec<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(words(&partner, "/$defs/reason/enum"), codes);
    let of_tests = words(&Kind::Test.schema(), "/$defs/refused/properties/code/enum");
    assert_eq!(
        BTreeSet::from_iter(&of_tests),
        codes.iter().map(ToString::to_string).collect::<BTreeSet<_>>().iter().collect()
    );

    let countries = words(&partner, "/$defs/country/enum");
    assert_eq!(countries.len(), 249);
    let all = File::everything().text.replacen(
        "processing = [\"KZ\"]",
        &format!("processing = {countries:?}"),
        1,
    );
    let wrong = File { kind: Kind::Partner, text: all }.found().to_string();
    assert!(!wrong.contains("not a country"), "{wrong}");
    let abroad = words(&Kind::Register.schema(), "/$defs/abroad/enum");
    assert!(countries.iter().filter(|country| *country != "KZ").eq(&abroad));

    let codes = Refusal::ALL.map(Refusal::code);
    assert_eq!(words(&Kind::Mock.schema(), "/$defs/rule/properties/refuse/enum"), codes);

    let register = Kind::Register.schema();
    let unit = |unit| match unit {
        Unit::WorkingDays => "#/$defs/working_days",
        Unit::Days => "#/$defs/days",
        Unit::Years => "#/$defs/years",
        Unit::Subjects => "#/$defs/subjects",
    };
    for number in Number::ALL {
        let pointer = format!("/$defs/numbers/properties/{}/$ref", number.key());
        assert_eq!(register.root.pointer(&pointer).unwrap(), unit(number.unit()), "{pointer}");
    }
    let required = words(&register, "/$defs/numbers/required");
    assert!(Number::ALL.iter().map(|number| number.key()).eq(&required));
}

#[test]
fn paths_and_names_have_the_form_that_the_reader_asks_for() {
    let good = ["$.a", "$._1", "$.ә.b", "$['a b']", "$[\"a'b\"]", "$[*].a", "$[0]", "$.a\\u00e9"];
    let bad = ["a", "$.", "$.*", "$.1", "$..a", "$[01]", "$[a]", "$['a]", "$.a b", "$[-1]", "$ .a"];
    let with = |path: &str| {
        let text = File::everything().text;
        let text = text.replacen("subject = \"$.iin\"", &format!("subject = '''{path}'''"), 1);
        File { kind: Kind::Partner, text }
    };
    let asked: Vec<File> = good.iter().chain(&bad).map(|path| with(path)).collect();
    let told = held(&asked, false);
    for ((path, file), told) in good.iter().chain(&bad).zip(&asked).zip(told) {
        let is_path = !file.found().to_string().contains("not a field path");
        assert_eq!(told.is_none(), is_path, "{path}: {told:?}");
    }
}

#[test]
fn a_limit_has_the_default_that_is_shown() {
    let schema = Kind::Config.schema();
    let limits = format!("{:#?}", config::Limits::default());
    let mut count = 0;
    for line in limits.lines().filter_map(|line| line.trim().strip_suffix(',')) {
        let (key, value) = line.split_once(": ").unwrap();
        let shown = schema.root.pointer(&format!("/$defs/limits/properties/{key}/default"));
        assert_eq!(shown.map(ToString::to_string).as_deref(), Some(value), "{key}");
        count += 1;
    }
    assert_eq!(count, schema.keys("/$defs/limits").unwrap().len());
}

// --- files, and how they are read

/// Which reader and schema a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Register,
    Partner,
    Config,
    Mock,
    Proxy,
    Test,
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::Register, Self::Partner, Self::Config, Self::Mock, Self::Proxy, Self::Test];

    const fn text(self) -> &'static str {
        match self {
            Self::Register => schema::REGISTER,
            Self::Partner => schema::PARTNER,
            Self::Config => config::SCHEMA,
            Self::Mock => script::SCHEMA,
            Self::Proxy => partner::config::SCHEMA,
            Self::Test => testkit::SCHEMA,
        }
    }

    fn schema(self) -> Schema {
        Schema { root: serde_json::from_str(self.text()).unwrap() }
    }
}

#[derive(Clone, Debug)]
struct File {
    kind: Kind,
    text: String,
}

impl File {
    /// A file of each kind with every key that there is.
    fn all() -> [Self; 6] {
        let (mock, proxy) = (Self::mock(), Self::proxy());
        [Self::register(), Self::everything(), Self::config(), mock, proxy, Self::test()]
    }

    fn register() -> Self {
        let text = fs::read_to_string(root().join("policies/register.toml")).unwrap();
        let seldom = "[adequate.AQ]\nreference = \"an act\"\nsince = 2026-10-01\n\
            [treaty.BV]\nreference = \"a treaty\"\nsince = 2026-10-01\nuntil = 2036-10-01\n\
            [prohibited.BV]\ncategories = [\"D04\"]\nreference = \"an act\"\n";
        Self { kind: Kind::Register, text: text.replace("[adequate]\n", seldom) }
    }

    fn everything() -> Self {
        let text = fs::read_to_string(root().join("tests/schema/partner.toml")).unwrap();
        Self { kind: Kind::Partner, text }
    }

    fn config() -> Self {
        let text = fs::read_to_string(root().join("tests/schema/config.toml")).unwrap();
        Self { kind: Kind::Config, text }
    }

    fn mock() -> Self {
        let text = fs::read_to_string(root().join("tests/schema/mock.toml")).unwrap();
        Self { kind: Kind::Mock, text }
    }

    fn proxy() -> Self {
        let text = fs::read_to_string(root().join("tests/schema/proxy.toml")).unwrap();
        Self { kind: Kind::Proxy, text }
    }

    fn test() -> Self {
        let text = fs::read_to_string(root().join("tests/schema/all.test.toml")).unwrap();
        Self { kind: Kind::Test, text }
    }

    fn value(&self) -> toml::Value {
        toml::Value::Table(toml::from_str(&self.text).unwrap())
    }

    fn with(&self, value: &toml::Value) -> Self {
        Self { kind: self.kind, text: toml::to_string(value).unwrap() }
    }

    /// All that its reader finds.
    fn found(&self) -> Diagnostics {
        let name = match self.kind {
            Kind::Register => "register.toml",
            Kind::Partner => "partners/body.toml",
            Kind::Mock => {
                let read = Script::read("script.toml", &self.text, root());
                return read.err().unwrap_or_default();
            }
            Kind::Proxy => {
                let read = partner::Config::read("proxy.toml", &self.text, root());
                return read.err().unwrap_or_default();
            }
            Kind::Config => {
                let read = Config::read("gateway.toml", &self.text, Path::new(""));
                return read.err().unwrap_or_default();
            }
            Kind::Test => {
                let read = testkit::Script::read("all.test.toml", &self.text, root(), false);
                return read.err().unwrap_or_default();
            }
        };
        let mut files = policies();
        files.insert(name.to_owned(), self.text.clone().into_bytes());
        match Policy::read(&files, now()) {
            Ok((_, found)) | Err(found) => found,
        }
    }

    fn is_refused(&self) -> bool {
        self.found().has_errors()
    }

    /// The keys that the reader asks for at a place: it names them where it finds a strange one.
    fn keys_at(&self, place: &Place) -> BTreeSet<String> {
        let mut value = self.value();
        place.table_in(&mut value).insert(STRANGER.to_owned(), 1.into());
        let found = self.with(&value).found();
        let message = format!("unknown key `{STRANGER}`");
        let strange = found.iter().find(|found| found.message.to_string() == message);
        let help = strange.unwrap_or_else(|| panic!("{place:?}\n{found}")).help.to_string();
        help.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect()
    }

    /// The file broken in every way that a schema can find, each once for each place of the schema.
    fn broken(&self) -> Vec<(String, Self)> {
        let schema = self.kind.schema();
        let whole = self.value();
        let mut done = BTreeSet::new();
        let mut broken = Vec::new();
        for place in schema.places(&whole) {
            if !done.insert(place.pointer.clone()) {
                continue;
            }
            let how = |way: &str| format!("{way} {} {:?}", place.pointer, place.steps);
            let mut add = |how: String, change: &dyn Fn(&mut toml::Value)| {
                let mut value = whole.clone();
                change(&mut value);
                broken.push((how, self.with(&value)));
            };
            if !place.steps.is_empty() {
                let wrong = schema.of_another_type(&place);
                add(how("type"), &|value| *place.value_in(value) = wrong.clone());
            }
            if schema.keys(&place.pointer).is_some() {
                add(how("key"), &|value| {
                    place.table_in(value).insert(STRANGER.to_owned(), 1.into());
                });
            }
            for key in schema.required(&place.pointer) {
                add(how("lack"), &|value| drop(place.table_in(value).remove(&key)));
            }
            if schema.has_words(&place.pointer) {
                add(how("word"), &|value| *place.value_in(value) = "Q Q".into());
            }
        }
        broken
    }
}

/// What the schemas say of files: nothing, or what is wrong first.
fn held(files: &[File], part: bool) -> Vec<Option<String>> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("schema");
    fs::create_dir_all(&folder).unwrap();
    for kind in Kind::ALL {
        let file = folder.join(format!("{kind:?}.json"));
        fs::write(file, kind.text()).unwrap();
    }
    let thread = std::thread::current();
    let input = folder.join(format!("{}.lines", thread.name().unwrap()));
    let mut lines = fs::File::create(&input).unwrap();
    for File { kind, text } in files {
        let line = json!({ "schema": format!("{kind:?}"), "toml": text, "part": part });
        writeln!(lines, "{line}").unwrap();
    }
    let input = fs::File::open(&input).unwrap();
    let done = python::python("schema.py", &[folder.as_os_str()], input.into());
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let told = String::from_utf8(done.stdout).unwrap();
    let told: Vec<Option<String>> =
        told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told.len(), files.len());
    told
}

fn policies() -> BTreeMap<String, Vec<u8>> {
    let mut files = otkel::gateway::rule_files(&root().join("policies")).unwrap();
    files.retain(|name, _| !name.starts_with("partners/"));
    files.insert("cases/one.json".to_owned(), b"{}".to_vec());
    files.insert("cases/one-sent.json".to_owned(), b"{}".to_vec());
    files
}

fn now() -> Timestamp {
    Timestamp::parse("2026-11-22T09:00:00Z").unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

// Far from every key, so that no reader takes it for one that was meant.
const STRANGER: &str = "qqqqqqqqqqqqqqqqqqqqqqqq";
