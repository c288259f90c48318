//! What is done to a value that may leave, and to what nobody expected in it.

use std::cmp::Ordering;
use std::fmt;

use crate::vocabulary::Name;

/// What is done to the values of a field that may leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Treatment {
    /// They leave as they are.
    #[default]
    Keep,
    /// All but some of their characters become `*`.
    Mask(Mask),
    /// Only the first characters of a text are left.
    Truncate {
        /// How many, at least 1.
        chars: u32,
    },
    /// They become less exact.
    Generalise(Generalisation),
    /// They become a keyed pseudonym: the same for the same value, other for every partner.
    Pseudonymise {
        /// What the values are: fields of one scope get the same pseudonym for the same value.
        scope: Name,
    },
    /// They are encrypted by themselves.
    Encrypt {
        /// To which `[recipient.NAME]` of the partner, or to the partner's own key.
        to: Option<Name>,
    },
}

impl Treatment {
    /// The word that rule files, records and people have for it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Mask(_) => "mask",
            Self::Truncate { .. } => "truncate",
            Self::Generalise(_) => "generalise",
            Self::Pseudonymise { .. } => "pseudonymise",
            Self::Encrypt { .. } => "encrypt",
        }
    }

    /// Whether values leave as they are.
    #[must_use]
    pub fn is_keep(&self) -> bool {
        *self == Self::Keep
    }
}

impl Treatment {
    /// Whether this shows more of a value than another treatment does: `Some(false)` if it shows
    /// less, `None` where it shows something else.
    #[must_use]
    pub fn shows_more(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            (Self::Keep, _) => Some(true),
            (_, Self::Keep) => Some(false),
            (Self::Mask(this), Self::Mask(that)) if this.numbers == that.numbers => {
                more(this.last.cmp(&that.last), this.first.cmp(&that.first))
            }
            (Self::Truncate { chars }, Self::Truncate { chars: other }) => Some(chars > other),
            (Self::Generalise(this), Self::Generalise(that)) => this.shows_more(that),
            _ => None,
        }
    }
}

/// Whether there is more of two things, where no less of the one answers for more of the other.
fn more(one: Ordering, other: Ordering) -> Option<bool> {
    match (one, other) {
        (Ordering::Less, Ordering::Greater) | (Ordering::Greater, Ordering::Less) => None,
        (one, other) => Some(one.then(other).is_gt()),
    }
}

/// As rule files write it.
impl fmt::Display for Treatment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep => f.write_str("keep"),
            Self::Mask(mask) => write!(f, "mask = {mask}"),
            Self::Truncate { chars } => write!(f, "truncate = {chars}"),
            Self::Generalise(how) => write!(f, "generalise = {how}"),
            Self::Pseudonymise { scope } => write!(f, "pseudonymise = \"{scope}\""),
            Self::Encrypt { to: None } => f.write_str("encrypt = \"partner\""),
            Self::Encrypt { to: Some(to) } => write!(f, "encrypt = \"{to}\""),
        }
    }
}

/// Which characters of a masked value stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mask {
    /// So many at the end.
    pub last: u32,
    /// So many at the beginning.
    pub first: u32,
    /// What a number becomes.
    pub numbers: OnNumber,
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{ first = {}, last = {}", self.first, self.last)?;
        f.write_str(match self.numbers {
            OnNumber::Text => " }",
            OnNumber::Nines => ", numbers = \"nines\" }",
            OnNumber::Null => ", numbers = \"null\" }",
        })
    }
}

/// What a masked number becomes, so that the partner's schema still allows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnNumber {
    /// A text of `*` and the digits that stay.
    #[default]
    Text,
    /// A number with 9 in the place of each masked digit.
    Nines,
    /// Null.
    Null,
}

/// How a value becomes less exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Generalisation {
    /// Of a date only the year or the month is left.
    Date(DatePart),
    /// An address becomes the first of these regions that it names.
    Region(Vec<String>),
    /// A number becomes the band that it lies in.
    Band {
        /// How wide each band is, at least 2; the first begins at 0.
        width: u32,
    },
}

impl Generalisation {
    fn shows_more(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            (Self::Date(this), Self::Date(_)) => Some(*this == DatePart::Month),
            (Self::Region(own), Self::Region(other)) => {
                let within = |some: &[String], all: &[String]| some.iter().all(|r| all.contains(r));
                if within(other, own) { Some(true) } else { within(own, other).then_some(false) }
            }
            (Self::Band { width }, Self::Band { width: other }) if other % width == 0 => Some(true),
            (Self::Band { width }, Self::Band { width: other }) if width % other == 0 => {
                Some(false)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Generalisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(DatePart::Year) => f.write_str("{ date = \"year\" }"),
            Self::Date(DatePart::Month) => f.write_str("{ date = \"month\" }"),
            Self::Region(regions) => write!(f, "{{ regions = {regions:?} }}"),
            Self::Band { width } => write!(f, "{{ band = {width} }}"),
        }
    }
}

/// What is left of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatePart {
    /// `2026`.
    Year,
    /// `2026-11`.
    Month,
}

/// What happens to an identifier in a value whose field may not hold it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFound {
    /// Each of its characters becomes `*`; a number is dropped.
    #[default]
    Mask,
    /// The field is dropped.
    Drop,
    /// The transfer is refused.
    Refuse,
    /// It leaves, and is counted.
    Keep,
}

impl OnFound {
    /// The word that rule files have for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mask => "mask",
            Self::Drop => "drop",
            Self::Refuse => "refuse",
            Self::Keep => "keep",
        }
    }
}

impl fmt::Display for OnFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_treatments_one_may_show_more() {
        let mask = |first, last| Treatment::Mask(Mask { last, first, ..Mask::default() });
        let cut = |chars| Treatment::Truncate { chars };
        let band = |width| Treatment::Generalise(Generalisation::Band { width });
        let date = |part| Treatment::Generalise(Generalisation::Date(part));
        let regions = |all: &[&str]| {
            let all = all.iter().map(|region| (*region).to_owned()).collect();
            Treatment::Generalise(Generalisation::Region(all))
        };
        let sealed = Treatment::Encrypt { to: None };
        for (more, less, shows) in [
            (Treatment::Keep, sealed.clone(), Some(true)),
            (Treatment::Keep, mask(9, 9), Some(true)),
            (mask(0, 4), mask(0, 3), Some(true)),
            (mask(1, 4), mask(0, 4), Some(true)),
            (mask(1, 3), mask(0, 4), None),
            (cut(4), cut(3), Some(true)),
            (date(DatePart::Month), date(DatePart::Year), Some(true)),
            (band(5), band(10), Some(true)),
            (band(4), band(10), None),
            (regions(&["a", "b"]), regions(&["b"]), Some(true)),
            (regions(&["a"]), regions(&["b"]), None),
            (sealed, mask(0, 4), None),
            (cut(4), mask(0, 4), None),
            (band(4), date(DatePart::Year), None),
        ] {
            assert_eq!(more.shows_more(&less), shows, "{more} {less}");
            assert_eq!(less.shows_more(&more), shows.map(|is| !is), "{less} {more}");
        }
    }
}
