//! Why a transfer is refused: one code a reason, with its clause and its words in three languages.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod language;
mod table;

use serde::Serialize;

pub use language::{BadLanguage, Language};
pub use table::Reason;

impl Reason {
    /// Reads a code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.code() == code)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Reason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_back_and_names_one_reason() {
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.code()), Some(*reason));
            assert!((400..600).contains(&reason.status()));
            let told =
                Language::ALL.map(|language| (reason.words(language), reason.cure(language)));
            let [(kk, kk_cure), (ru, ru_cure), (en, en_cure)] = told;
            assert!(kk != en && ru != en && kk != ru, "{reason}");
            assert!(kk_cure != en_cure && ru_cure != en_cure && kk_cure != ru_cure, "{reason}");
        }
    }
}
