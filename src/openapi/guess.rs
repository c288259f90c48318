//! What a field may be, by its name and its format: a guess that a person confirms or mends.

use std::sync::LazyLock;

use super::fields::{Leaf, Path};
use super::toml::comment;
use crate::document::Segment;

/// A category that a field may belong to, and what speaks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Guess {
    /// The category, by its number in the seed's register.
    pub(super) category: &'static str,
    /// What it was told by, such as ``name `email` ``.
    pub(super) why: String,
}

/// The category that a field may belong to, if its name, its format, its pattern or the name of
/// something around it tells one.
pub(super) fn category(leaf: &Leaf) -> Option<Guess> {
    let names: Vec<&str> = names(&leaf.path);
    let (own, around) = names.split_last()?;
    let by_name = |name: &str| {
        let category = by_words(&words(name))?;
        Some(Guess { category, why: format!("name `{}`", comment(name)) })
    };
    if is_silent(&words(own)) {
        return None;
    }
    by_name(own)
        .or_else(|| by_format(leaf))
        .or_else(|| of_a_person(own, around))
        .or_else(|| around.iter().rev().find_map(|name| by_name(name)))
}

/// Whether a field may hold the IIN, by its name or pattern.
pub(super) fn is_iin(leaf: &Leaf) -> bool {
    let own = names(&leaf.path).last().map(|name| words(name)).unwrap_or_default();
    leaf.twelve_digits || phrases("iin").any(|word| holds(&own, word))
}

fn names(path: &Path) -> Vec<&str> {
    let mut names = Vec::new();
    for step in path {
        if let Segment::Name(name) = step {
            names.push(name.as_str());
        }
    }
    names
}

fn by_format(leaf: &Leaf) -> Option<Guess> {
    let known = |format: &str| FORMATS.iter().find(|(known, _)| *known == format);
    let told = leaf.formats.iter().find_map(|format| known(format));
    let told = told.map(|(format, category)| Guess { category, why: format!("format `{format}`") });
    told.or_else(|| {
        let why = "a pattern of twelve digits".to_owned();
        leaf.twelve_digits.then_some(Guess { category: "D04", why })
    })
}

// `name` alone is a person's where a person stands around it.
fn of_a_person(own: &str, around: &[&str]) -> Option<Guess> {
    let is_name = phrases("name").any(|word| holds(&words(own), word));
    let person = around.last().filter(|name| {
        let words = words(name);
        phrases("person").any(|person| holds(&words, person))
    })?;
    is_name.then(|| Guess {
        category: "D01",
        why: format!("name `{}` in `{}`", comment(own), comment(person)),
    })
}

/// The category with the longest phrase among the words.
fn by_words(words: &[String]) -> Option<&'static str> {
    let categories = PHRASES.iter().filter(|phrase| phrase.mark.starts_with('D'));
    let held = categories.filter(|phrase| holds(words, phrase));
    held.max_by_key(|phrase| phrase.joined.len()).map(|phrase| phrase.mark)
}

/// Whether the words say that a value is not what they would otherwise name.
fn is_silent(words: &[String]) -> bool {
    phrases("none").any(|phrase| holds(words, phrase))
}

/// Whether a phrase stands among the words, or is written as one of them.
fn holds(words: &[String], phrase: &Phrase) -> bool {
    let same = |word: &String, part: &str| word == part || singular(word) == part;
    let all = |window: &[String]| window.iter().zip(&phrase.parts).all(|(w, part)| same(w, part));
    words.windows(phrase.parts.len()).any(all) || words.iter().any(|w| same(w, &phrase.joined))
}

fn singular(word: &str) -> &str {
    let stem = word.strip_suffix("es").filter(|stem| stem.ends_with('s'));
    stem.or_else(|| word.strip_suffix('s')).unwrap_or(word)
}

/// The words of a name, in small letters: `lastName`, `LAST_NAME` and `last-name` have the same.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    let mut before = None;
    for (place, c) in letters.iter().copied().enumerate() {
        let after = letters.get(place + 1).copied();
        let begins = c.is_uppercase()
            && (before.is_some_and(|b: char| b.is_lowercase() || b.is_numeric())
                || before.is_some_and(char::is_uppercase) && after.is_some_and(char::is_lowercase));
        if begins || !c.is_alphabetic() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphabetic()) {
            word.extend(c.to_lowercase());
        }
        before = Some(c);
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A phrase of the word list.
struct Phrase {
    /// What it speaks for, such as `D07` or `person`.
    mark: &'static str,
    /// Its words.
    parts: Vec<&'static str>,
    /// Its words as one.
    joined: String,
}

/// The phrases of the word list under a mark.
fn phrases(mark: &str) -> impl Iterator<Item = &'static Phrase> {
    PHRASES.iter().filter(move |phrase| phrase.mark == mark)
}

static PHRASES: LazyLock<Vec<Phrase>> = LazyLock::new(|| {
    let lines = WORDS.lines().filter(|line| !line.starts_with('#'));
    let lines = lines.filter_map(|line| line.split_once(' '));
    let phrases =
        lines.flat_map(|(mark, phrases)| phrases.split(", ").map(move |phrase| (mark, phrase)));
    let phrase = |(mark, phrase): (_, &'static str)| {
        let parts: Vec<&str> = phrase.split(' ').collect();
        Phrase { mark, joined: parts.concat(), parts }
    };
    phrases.map(phrase).collect()
});

const WORDS: &str = include_str!("words.txt");

const FORMATS: [(&str, &str); 6] = [
    ("email", "D07"),
    ("idn-email", "D07"),
    ("phone", "D02"),
    ("tel", "D02"),
    ("iban", "D03"),
    ("iin", "D04"),
];
