//! The small words that every later module speaks: purposes, categories, countries, names.
//!
//! Each is parsed once, by its one constructor, and never checked again.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::diagnostic::Text;

/// A purpose of the register: `P` and the seed policy's number, with a letter where a purpose is
/// split (`P09`, `P10a`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PurposeId {
    number: u8,
    part: Option<u8>,
}

impl PurposeId {
    /// Reads `P`, two digits and at most one letter from `a` to `z`.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(text: &str) -> Result<Self, BadWord> {
        let bad = BadWord("not a purpose: expected `P01`…`P99`, with one letter where it is split");
        let (number, part) = match text.as_bytes() {
            [b'P', tens, ones] => (two_digits(*tens, *ones), None),
            [b'P', tens, ones, part @ b'a'..=b'z'] => (two_digits(*tens, *ones), Some(*part)),
            _ => return Err(bad),
        };
        number.map(|number| Self { number, part }).ok_or(bad)
    }
}

impl fmt::Display for PurposeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P{:02}", self.number)?;
        self.part.map_or(Ok(()), |part| write!(f, "{}", char::from(part)))
    }
}

/// A category of personal data in the register: `D` and a number from 01 to 63.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CategoryId(u8);

impl CategoryId {
    /// Reads `D01` to `D63`.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(text: &str) -> Result<Self, BadWord> {
        match text.as_bytes() {
            [b'D', tens, ones] => two_digits(*tens, *ones).filter(|number| *number <= 63),
            _ => None,
        }
        .map(Self)
        .ok_or(BadWord("not a category: expected `D01`…`D63`"))
    }
}

impl fmt::Display for CategoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "D{:02}", self.0)
    }
}

/// A set of categories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CategorySet(u64);

impl CategorySet {
    /// The set with nothing in it.
    pub const EMPTY: Self = Self(0);

    /// This set with one more category.
    #[must_use]
    pub const fn with(self, category: CategoryId) -> Self {
        Self(self.0 | 1 << category.0)
    }

    /// Whether the category is in the set.
    #[must_use]
    pub const fn contains(self, category: CategoryId) -> bool {
        self.0 & (1 << category.0) != 0
    }

    /// Whether every category of the other set is in this one.
    #[must_use]
    pub const fn contains_all(self, other: Self) -> bool {
        other.minus(self).is_empty()
    }

    /// The categories that are in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The categories that are in this set and not in the other.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The categories in the set, by rising number.
    pub fn iter(self) -> impl Iterator<Item = CategoryId> {
        (0..64).map(CategoryId).filter(move |category| self.contains(*category))
    }
}

impl FromIterator<CategoryId> for CategorySet {
    fn from_iter<I: IntoIterator<Item = CategoryId>>(categories: I) -> Self {
        categories.into_iter().fold(Self::EMPTY, Self::with)
    }
}

/// A kind of identifier of a person or organisation that can be told by its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The individual identification number (IIN) of Kazakhstan.
    Iin,
    /// The business identification number (BIN) of Kazakhstan.
    Bin,
    /// The number of a payment card (ISO/IEC 7812).
    Card,
    /// An international bank account number (ISO 13616).
    Iban,
    /// A telephone number (ITU-T E.164, or as people write it in Kazakhstan).
    Phone,
    /// An e-mail address.
    Email,
    /// The number of an identity card of Kazakhstan.
    IdCard,
    /// The number of a passport.
    Passport,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Iin,
        Self::Bin,
        Self::Card,
        Self::Iban,
        Self::Phone,
        Self::Email,
        Self::IdCard,
        Self::Passport,
    ];

    /// The word that rule files and records have for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Iin => "iin",
            Self::Bin => "bin",
            Self::Card => "card",
            Self::Iban => "iban",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::IdCard => "id-card",
            Self::Passport => "passport",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A set of kinds of identifiers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Kinds(u8);

impl Kinds {
    /// The set with nothing in it.
    pub const EMPTY: Self = Self(0);
    /// The set of all kinds.
    pub const ALL: Self = Self(u8::MAX);

    /// This set with one more kind.
    #[must_use]
    pub const fn with(self, kind: Kind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    /// Whether the kind is in the set.
    #[must_use]
    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }

    /// The kinds that are in one of the sets or in both.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The kinds that are in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The kinds that are in this set and not in the other.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The kinds in the set, in their order.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::EMPTY, Self::with)
    }
}

/// A country: ISO 3166-1 alpha-2, capital letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// Kazakhstan, the jurisdiction that the data leave.
    pub const KZ: Self = Self(*b"KZ");

    /// Reads two capital letters from A to Z.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(text: &str) -> Result<Self, BadWord> {
        match text.as_bytes() {
            [a @ b'A'..=b'Z', b @ b'A'..=b'Z'] => Ok(Self([*a, *b])),
            _ => Err(BadWord(
                "not a country: expected two capital letters of ISO 3166-1, such as `KZ`",
            )),
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = self.0;
        write!(f, "{}{}", char::from(a), char::from(b))
    }
}

/// A name that the operator gave to a caller, partner, route or endpoint.
///
/// 1 to 64 of `a`–`z`, `0`–`9`, `-`, `_` and `.`, starting with a letter or digit: safe in paths,
/// logs and ledger entries, and never a personal value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// Reads a name.
    ///
    /// # Errors
    /// Any text outside the form above.
    pub fn parse(text: &str) -> Result<Self, BadWord> {
        let starts = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        let fits = text.len() <= 64
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'));
        if starts && fits {
            Ok(Self(text.into()))
        } else {
            Err(BadWord(
                "not a name: expected 1 to 64 of a-z, 0-9, `-`, `_`, `.`, a letter or digit first",
            ))
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a secret is agreed on with a key (HPKE, RFC 9180 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kem {
    /// X25519 with HKDF-SHA-256 (RFC 7748).
    X25519,
    /// ML-KEM-768 with X25519, which stands even if one of the two falls
    /// (draft-ietf-hpke-pq: MLKEM768-X25519).
    MlKem768X25519,
}

impl Kem {
    /// Both.
    pub const ALL: [Self; 2] = [Self::X25519, Self::MlKem768X25519];

    /// Its number in the register of HPKE KEM identifiers.
    #[must_use]
    pub const fn id(self) -> u16 {
        match self {
            Self::X25519 => 0x0020,
            Self::MlKem768X25519 => 0x647a,
        }
    }

    /// The one with this number.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kem| kem.id() == id)
    }

    /// The word that rule files, records and people have for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::X25519 => "x25519",
            Self::MlKem768X25519 => "mlkem768-x25519",
        }
    }
}

/// A text that is not what its place asks for; the text itself is left out, as it may be personal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadWord(&'static str);

impl From<BadWord> for Text {
    fn from(bad: BadWord) -> Self {
        bad.0.into()
    }
}

macro_rules! as_text {
    ($($word:ty),*) => {$(
        impl Serialize for $word {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $word {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

as_text!(PurposeId, CategoryId, Country, Name);

fn two_digits(tens: u8, ones: u8) -> Option<u8> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_and_categories_are_numbered_as_the_policy_numbers_them() {
        for text in ["P01", "P10a", "P99"] {
            assert_eq!(PurposeId::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "P1", "p01", "P010", "P10A", "P10ab", "Ｐ01"] {
            assert!(PurposeId::parse(text).is_err(), "{text}");
        }
        assert_eq!(CategoryId::parse("D20").unwrap().to_string(), "D20");
        assert!(CategoryId::parse("D64").is_err());
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set: CategorySet =
            ["D01", "D63"].iter().map(|t| CategoryId::parse(t).unwrap()).collect();
        assert_eq!(set.iter().map(|c| c.to_string()).collect::<Vec<_>>(), ["D01", "D63"]);
        assert!(!set.contains(CategoryId::parse("D02").unwrap()));
        assert!(set.minus(set).is_empty() && set.contains_all(set));
        assert!(set.contains_all(CategorySet::EMPTY) && !CategorySet::EMPTY.contains_all(set));
    }

    #[test]
    fn names_cannot_carry_a_path_or_a_line_break() {
        assert!(Name::parse("training-gb.enrol_2").is_ok());
        for text in ["", "-a", "a/b", "A", "a b", "a\n", &"a".repeat(65)] {
            assert!(Name::parse(text).is_err(), "{text:?}");
        }
    }
}
