//! The languages that people are spoken to in.

/// A language that Otkel speaks to people (BCP 47: `kk`, `ru`, `en`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Kazakh.
    Kk,
    /// Russian.
    Ru,
    /// English.
    En,
}

impl Language {
    /// Every language there is.
    pub const ALL: [Self; 3] = [Self::Kk, Self::Ru, Self::En];

    /// Reads a language tag (BCP 47) or the value of a POSIX `LANG`: `ru`, `ru-KZ`, `ru_RU.UTF-8`.
    ///
    /// # Errors
    /// Any text that begins with none of the three.
    pub fn parse(text: &str) -> Result<Self, BadLanguage> {
        let primary = text.split(['-', '_', '.', '@']).next().unwrap_or_default();
        let is_it = |language: &Self| primary.eq_ignore_ascii_case(language.tag());
        Self::ALL.into_iter().find(is_it).ok_or(BadLanguage)
    }

    /// The first of the three that an `Accept-Language` value (RFC 9110 section 12.5.4) names;
    /// English where it names none. Its weights are not looked at.
    #[must_use]
    pub fn accepted(value: Option<&str>) -> Self {
        let ranges = value.unwrap_or_default().split(',');
        let mut tags = ranges.map(|range| range.split(';').next().unwrap_or_default().trim());
        tags.find_map(|tag| Self::parse(tag).ok()).unwrap_or(Self::En)
    }

    /// The tag: `kk`, `ru` or `en`.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Kk => "kk",
            Self::Ru => "ru",
            Self::En => "en",
        }
    }
}

impl std::str::FromStr for Language {
    type Err = BadLanguage;

    fn from_str(text: &str) -> Result<Self, BadLanguage> {
        Self::parse(text)
    }
}

/// The text names none of the languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `kk`, `ru` or `en`, or a locale of one of them such as `ru_RU.UTF-8`")]
pub struct BadLanguage;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_read_from_a_tag_or_a_locale() {
        for language in Language::ALL {
            assert_eq!(language.tag().parse(), Ok(language));
        }
        for (text, language) in [
            ("ru_RU.UTF-8", Language::Ru),
            ("kk_KZ", Language::Kk),
            ("kk-Cyrl-KZ", Language::Kk),
            ("EN", Language::En),
            ("ru@euro", Language::Ru),
        ] {
            assert_eq!(Language::parse(text), Ok(language), "{text}");
        }
        for text in ["", "C", "de_DE.UTF-8", "rus", "r", "k k", "_ru"] {
            assert_eq!(Language::parse(text), Err(BadLanguage), "{text}");
        }
        let accepted = |value| Language::accepted(Some(value));
        assert_eq!(accepted("de-DE, kk-KZ;q=0.8 , ru;q=0.9"), Language::Kk);
        assert_eq!(
            (accepted("de, *;q=0.1"), Language::accepted(None)),
            (Language::En, Language::En)
        );
    }
}
