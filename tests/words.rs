//! What people are told is there in Kazakh, Russian and English, and says the same in each.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use otkel::diagnostic::{Diagnostics, Text};
use otkel::policy::Policy;
use otkel::reason::Language;
use otkel::time::Timestamp;

#[path = "words/source.rs"]
mod source;

use source::{Literal, literals};

#[test]
fn every_template_of_the_source_is_translated() {
    let all = catalogue();
    let mut missing = BTreeSet::new();
    for (path, text) in sources() {
        let is_theirs = ["src/diagnostic/", "src/policy/parse/"].iter().any(|f| path.contains(f));
        let makes =
            ["Text", "text!(", ".error(", ".warning("].iter().any(|word| text.contains(word));
        if is_theirs || text.contains("diagnostic::") && makes {
            let templates = literals(&text).into_iter().filter(is_template);
            let untold = templates.filter(|literal| !all.iter().any(|e| e.en == literal.text));
            missing.extend(untold.map(|literal| format!("en {}", literal.text)));
        }
    }
    let missing: Vec<String> = missing.into_iter().collect();
    assert!(missing.is_empty(), "{} have no words:\n{}", missing.len(), missing.join("\n"));
}

#[test]
fn every_entry_is_a_text_of_the_source_and_stands_once() {
    let told: BTreeSet<String> =
        sources().flat_map(|(_, text)| literals(&text)).map(|literal| literal.text).collect();
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for Entry { en, .. } in catalogue() {
        if !told.contains(&en) {
            wrong.push(format!("nothing says: {en}"));
        }
        if !seen.insert(en.clone()) {
            wrong.push(format!("twice: {en}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_entry_is_read_as_it_stands() {
    for entry in catalogue() {
        let values = entry.en.matches("{}").enumerate();
        let values = values.map(|(n, _)| Text::from(format!("<{n}>"))).collect();
        let text = Text::Template(entry.en.clone().leak(), values);
        assert!(text.is_translated(), "{}", entry.en);
        for (language, words) in [(Language::Ru, &entry.ru), (Language::Kk, &entry.kk)] {
            let told = text.in_language(language);
            let first = words.split('{').next().unwrap();
            assert!(told.starts_with(first), "{told}\n{words}");
            for (n, _) in entry.en.matches("{}").enumerate() {
                assert_eq!(told.matches(&format!("<{n}>")).count(), 1, "{told}");
            }
        }
    }
}

#[test]
fn the_languages_say_the_same_each_in_its_own_letters() {
    let differing: Vec<String> = catalogue().iter().flat_map(differences).collect();
    assert!(differing.is_empty(), "{}", differing.join("\n\n"));
}

fn differences(entry: &Entry) -> Vec<String> {
    let Entry { en, ru, kk } = entry;
    let mut found = Vec::new();
    let mut hold = |rule: &str, holds: bool, text: &str| {
        if !holds {
            found.push(format!("{rule}\n  {en}\n  {text}"));
        }
    };
    for text in [ru, kk] {
        hold("other code", code(text) == code(en), text);
        hold("other numbers", numbers(text) == numbers(en), text);
        hold("a Latin word", latin(text).is_empty(), text);
        hold("a final period or blank", !text.ends_with('.') && text.trim() == text, text);
    }
    hold("Kazakh letters in Russian", !prose(ru).contains(is_kazakh), ru);
    let is_long = prose(kk).chars().filter(|c| c.is_alphabetic()).count() > 40;
    hold("no Kazakh letters", !is_long || prose(kk).contains(is_kazakh), kk);
    hold("not translated", !is_long || ru != kk, kk);
    found
}

#[test]
fn a_diagnostic_is_told_in_kazakh_and_russian() {
    let mut files = BTreeMap::new();
    for name in ["register.toml", "notices/2026-09.txt"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies").join(name);
        files.insert(name.to_owned(), fs::read(path).unwrap());
    }
    let register = String::from_utf8(files["register.toml"].clone()).unwrap();
    let broken = register.replacen("cross_border = true", "cross_border = \"yes\"", 1);
    let place = broken.find("\"yes\"").unwrap();
    let line = broken[..place].matches('\n').count() + 1;
    files.insert("register.toml".to_owned(), broken.into_bytes());
    let now = Timestamp::parse("2026-11-22T09:00:00Z").unwrap();
    let found: Diagnostics = Policy::read(&files, now).unwrap_err();

    let pad = " ".repeat(line.to_string().len());
    let told = |error: &str, help: &str| {
        format!(
            "{error}\n{pad}--> register.toml:{line}:16\n{pad} |\n{line} | cross_border = \
             \"yes\"\n{pad} |                ^^^^^\n{pad} |\n{pad} = {help}"
        )
    };
    let russian = told(
        "ошибка: ожидается значение true или false, а здесь текст в кавычках",
        "подсказка: `cross_border` — true, если для этой цели трансграничная передача вообще \
         допускается (94-V, ст. 16)",
    );
    assert_eq!(found.render(false, Language::Ru), russian);
    let kazakh = told(
        "қате: true немесе false мәні күтіледі, ал мұнда — тырнақшадағы мәтін",
        "кеңес: `cross_border` — осы мақсат үшін трансшекаралық беруге жалпы рұқсат етілсе, true \
         (94-V, 16-бап)",
    );
    assert_eq!(found.render(false, Language::Kk), kazakh);
    let everything = found.iter().flat_map(|found| [&found.message, &found.help]);
    assert!(everything.into_iter().all(Text::is_translated), "{found}");
}

/// A template in the three languages.
#[derive(Default)]
struct Entry {
    en: String,
    ru: String,
    kk: String,
}

fn catalogue() -> Vec<Entry> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/diagnostic/words");
    let mut entries = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap().replace("\n  ", " ");
        for block in text.trim_end().split("\n\n").filter(|block| !block.starts_with('#')) {
            let lines: Vec<&str> = block.lines().collect();
            let part = |n: usize, mark: &str| {
                let line = lines.get(n).and_then(|line| line.strip_prefix(mark));
                line.unwrap_or_else(|| panic!("{}: {block}", path.display())).to_owned()
            };
            assert_eq!(lines.len(), 3, "{}: {block}", path.display());
            entries.push(Entry { en: part(0, "en "), ru: part(1, "ru "), kk: part(2, "kk ") });
        }
    }
    assert!(entries.len() > 200, "{} entries were read", entries.len());
    entries
}

fn sources() -> impl Iterator<Item = (String, String)> {
    let mut folders = vec![PathBuf::from("src")];
    let mut files = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.insert(path.to_str().unwrap().to_owned(), text);
            }
        }
    }
    files.into_iter()
}

/// A sentence, unless it goes into a log or into an error that only operators see.
fn is_template(literal: &Literal) -> bool {
    const OTHERS: [&str; 9] = [
        "#",
        "#!",
        "reasons!",
        "format!",
        "write!",
        "writeln!",
        "say!",
        "eprintln!",
        "include_str!",
    ];
    let is_other = |callee: &String| {
        OTHERS.contains(&callee.as_str())
            || callee.starts_with("tracing::")
            || [".starts_with", ".strip_prefix", "with_template"]
                .iter()
                .any(|end| callee.ends_with(end))
    };
    let text = literal.text.as_str();
    let is_sentence =
        text.trim() == text && text.contains(' ') && text.contains(char::is_lowercase);
    let callee = literal.within.last().map(String::as_str).unwrap_or_default();
    let is_text = literal.is_first
        && ["text!", "Text::from", ".wrong", ".warn", ".told"]
            .iter()
            .any(|end| callee.ends_with(end));
    (is_sentence || is_text) && !literal.within.iter().any(is_other)
}

/// What stands in backticks and is a word or the place of a value, in the order of the alphabet.
fn code(text: &str) -> Vec<String> {
    let text = unnumbered(text);
    let code = text.split('`').skip(1).step_by(2);
    let is_word = |code: &&str| code.contains(char::is_alphanumeric) || code.contains("{}");
    let mut code: Vec<String> = code.filter(is_word).map(str::to_owned).collect();
    code.sort();
    code
}

/// What stands outside of backticks.
fn prose(text: &str) -> String {
    text.split('`').step_by(2).collect()
}

/// The numbers of the prose, in the order of their digits.
fn numbers(text: &str) -> Vec<String> {
    let prose = prose(&unnumbered(text)).replace("SHA-256", "");
    let numbers = prose.split(|c: char| !c.is_ascii_digit()).filter(|word| !word.is_empty());
    let mut numbers: Vec<String> = numbers.map(str::to_owned).collect();
    numbers.sort();
    numbers
}

/// The places of values without their numbers.
fn unnumbered(text: &str) -> String {
    ["{1}", "{2}", "{3}", "{4}"].iter().fold(text.to_owned(), |text, n| text.replace(n, "{}"))
}

/// Words in Latin letters that are not names of things.
fn latin(text: &str) -> Vec<&str> {
    const NAMES: &str = "TOML JSON NDJSON XML SOAP CSV URI UTF SHA RFC ISO BIN TCP HTTP HTTPS IP \
        SSH UTC Ed25519 base64 WHATWG Encoding V a z f A Z https toml io en v1 true false Data \
        Privacy Vocabulary";
    let words = text.split('`').step_by(2).flat_map(|prose| {
        prose.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
    });
    words
        .filter(|word| word.contains(|c: char| c.is_ascii_alphabetic()))
        .filter(|word| !NAMES.split_ascii_whitespace().any(|name| name == *word))
        .collect()
}

fn is_kazakh(c: char) -> bool {
    "әғқңөұүһіӘҒҚҢӨҰҮҺІ".contains(c)
}
