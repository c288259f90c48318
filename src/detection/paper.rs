//! Words near which a number is that of an identity card, a passport or a person.

use std::ops::Range;
use std::sync::LazyLock;

use super::plain::{self, is_letter};
use crate::vocabulary::Kind;

/// The paper whose word stands nearest to a number, if one is near.
pub(super) fn near(plain: &[u8], number: Range<usize>) -> Option<Kind> {
    let before = plain.get(number.start.saturating_sub(NEAR)..number.start)?;
    let after = plain.get(number.end..plain.len().min(number.end + NEAR))?;
    let last = words(before).last().map(|(at, kind)| (before.len() - at, kind));
    let first = words(after).next().map(|(at, kind)| (at + 1, kind));
    last.into_iter().chain(first).min_by_key(|(distance, _)| *distance).map(|(_, kind)| kind)
}

/// Whether a word for the number of a person or organisation stands before this place.
pub(super) fn is_announced(plain: &[u8], at: usize) -> bool {
    let before = plain.get(at.saturating_sub(ANNOUNCED)..at).unwrap_or_default();
    starts_of_words(before).any(|rest| NUMBER_STEMS.iter().any(|stem| begins(rest, stem)))
}

/// The words for papers in a text, with their places.
fn words(text: &[u8]) -> impl Iterator<Item = (usize, Kind)> {
    starts_of_words(text).filter_map(|rest| {
        let (_, kind) = STEMS.iter().find(|(stem, _)| begins(rest, stem))?;
        Some((text.len() - rest.len(), *kind))
    })
}

/// What follows from the start of each word on.
fn starts_of_words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut inside = false;
    let starts = text.iter().enumerate().filter_map(move |(at, byte)| {
        let was_inside = std::mem::replace(&mut inside, is_letter(*byte));
        (inside && !was_inside).then_some(at)
    });
    starts.filter_map(|at| text.get(at..))
}

fn begins(text: &[u8], stem: &[u8]) -> bool {
    let same = |(byte, stem): (&u8, &u8)| {
        byte.to_ascii_lowercase() == *stem || (*stem == b' ' && matches!(byte, b'-' | b'_'))
    };
    text.len() >= stem.len() && text.iter().zip(stem).all(same)
}

/// How far from a number its word stands, in characters.
const NEAR: usize = 40;
const ANNOUNCED: usize = 16;

/// How the words begin, whatever their endings, in Kazakh, Russian and English.
const PAPERS: [(&str, Kind); 20] = [
    ("куәлі", Kind::IdCard),
    ("куәланд", Kind::IdCard),
    ("куали", Kind::IdCard),
    ("куәлик", Kind::IdCard),
    ("kuäl", Kind::IdCard),
    ("kýál", Kind::IdCard),
    ("kualik", Kind::IdCard),
    ("удостовер", Kind::IdCard),
    ("удост", Kind::IdCard),
    ("уд л", Kind::IdCard),
    ("id card", Kind::IdCard),
    ("identity", Kind::IdCard),
    ("identification", Kind::IdCard),
    ("паспорт", Kind::Passport),
    ("төлқұж", Kind::Passport),
    ("толкуж", Kind::Passport),
    ("tölqu", Kind::Passport),
    ("tólqu", Kind::Passport),
    ("tolqu", Kind::Passport),
    ("passport", Kind::Passport),
];

const NUMBERS: [&str; 6] = ["жсн", "бсн", "иин", "бин", "iin", "bin"];

static STEMS: LazyLock<Vec<(Vec<u8>, Kind)>> =
    LazyLock::new(|| PAPERS.iter().map(|(word, kind)| (stem(word), *kind)).collect());
static NUMBER_STEMS: LazyLock<Vec<Vec<u8>>> =
    LazyLock::new(|| NUMBERS.iter().map(|word| stem(word)).collect());

fn stem(word: &str) -> Vec<u8> {
    plain::of(word).into_owned()
}
