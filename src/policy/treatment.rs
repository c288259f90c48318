//! What is done to a value that may leave, and to what nobody expected in it.

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

impl fmt::Display for OnFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mask => "mask",
            Self::Drop => "drop",
            Self::Refuse => "refuse",
            Self::Keep => "keep",
        })
    }
}
