//! Texts for people in three languages: an English template, the values that stand in it, and the
//! words of `words/` for the other two.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use crate::reason::Language;

/// A text for people, told in any of the three languages.
///
/// It is written in English where it arises; `words/` holds the same in Russian and Kazakh. A
/// text that it does not have is told in English.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// A value out of a file, or a text that is the same in every language.
    Plain(String),
    /// An English template and the texts that stand at each `{}` of it.
    Template(&'static str, Vec<Text>),
}

impl Text {
    /// A value as it is written.
    #[must_use]
    pub fn value(value: &(impl fmt::Display + ?Sized)) -> Self {
        Self::Plain(value.to_string())
    }

    /// The text in a language.
    #[must_use]
    pub fn in_language(&self, language: Language) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Template(template, values) => {
                let values: Vec<String> =
                    values.iter().map(|value| value.in_language(language)).collect();
                fill(translated(template, language), &values)
            }
        }
    }

    /// Whether its words, and those of the texts in it, are there in every language.
    #[must_use]
    pub fn is_translated(&self) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Template(template, values) => {
                WORDS.contains_key(*template) && values.iter().all(Self::is_translated)
            }
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_language(Language::En))
    }
}

impl From<&'static str> for Text {
    fn from(template: &'static str) -> Self {
        Self::Template(template, Vec::new())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Plain(text)
    }
}

/// A [`Text`] of a template and values: `text!("the register has no purpose `{}`", id)`.
macro_rules! text {
    ($template:literal $(, $value:expr)* $(,)?) => {
        $crate::diagnostic::Text::Template(
            $template,
            vec![$($crate::diagnostic::Text::value(&$value)),*],
        )
    };
}
pub(crate) use text;

/// The words of a template in a language; English where the catalogue does not have it.
#[must_use]
pub(crate) fn translated(template: &'static str, language: Language) -> &'static str {
    let words = WORDS.get(template);
    match (language, words) {
        (Language::Ru, Some((ru, _))) => ru,
        (Language::Kk, Some((_, kk))) => kk,
        _ => template,
    }
}

// `{}` takes the next value, `{1}` the first, so that a translation can change their order.
fn fill(template: &str, values: &[String]) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut next = 0;
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((number, behind)) = after.split_once('}') else {
            rest = after;
            filled.push('{');
            continue;
        };
        let place = number.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
        let is_place = number.is_empty() || place.is_some();
        if let Some(value) = values.get(place.unwrap_or(next)).filter(|_| is_place) {
            filled.push_str(value);
            next += usize::from(number.is_empty());
            rest = behind;
        } else {
            filled.push('{');
            rest = after;
        }
    }
    filled.push_str(rest);
    filled
}

/// English to Russian and Kazakh.
static WORDS: LazyLock<HashMap<String, (String, String)>> = LazyLock::new(|| {
    let entry = |entry: &str| {
        let part = |mark: &str| {
            let mut lines = entry.lines().skip_while(|line| !line.starts_with(mark));
            let mut part = lines.next()?.strip_prefix(mark)?.to_owned();
            for line in lines.map_while(|line| line.strip_prefix("  ")) {
                part.push(' ');
                part.push_str(line);
            }
            Some(part)
        };
        Some((part("en ")?, (part("ru ")?, part("kk ")?)))
    };
    let entries = CATALOGUE.iter().flat_map(|subject| subject.split("\n\n"));
    entries.filter(|entry| !entry.starts_with('#')).filter_map(entry).collect()
});

// An entry is three texts and an empty line: the English template as it stands in the source, the
// same in Russian and in Kazakh. `{}` is the next value, `{1}` the first; a line that begins with
// two blanks continues the one before.
const CATALOGUE: [&str; 12] = [
    include_str!("words/activation.txt"),
    include_str!("words/case.txt"),
    include_str!("words/common.txt"),
    include_str!("words/config.txt"),
    include_str!("words/document.txt"),
    include_str!("words/explain.txt"),
    include_str!("words/partner.txt"),
    include_str!("words/reasons.txt"),
    include_str!("words/register.txt"),
    include_str!("words/route.txt"),
    include_str!("words/toml.txt"),
    include_str!("words/tools.txt"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_where_the_translation_puts_them() {
        let values = ["a".to_owned(), "b".to_owned()];
        assert_eq!(fill("{} before {}", &values), "a before b");
        assert_eq!(fill("{2} after {1}", &values), "b after a");
        assert_eq!(fill("{\"channel\": 1} {x} {", &values), "{\"channel\": 1} {x} {");
        assert_eq!(text!("no `{}` here", 7).to_string(), "no `7` here");
    }
}
