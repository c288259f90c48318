//! Masking and truncating: how much of a value is shown, and never more.
//!
//! A character is a Unicode scalar value with the combining marks, variation selectors and joiners
//! that follow it, so that `й` written as two is one, and no accent is left without its letter.

use crate::policy::{Mask, OnNumber};

use super::super::edit::New;

/// A text of which the first and last characters stay and each other one is a `*`.
///
/// A text with no more characters than would stay is masked whole.
pub(super) fn text(text: &str, mask: Mask) -> String {
    let starts = characters(text);
    let shown = Shown::of(mask, starts.len());
    let mut masked = String::with_capacity(text.len());
    for (n, part) in parts(text, &starts).enumerate() {
        masked.push_str(if shown.has(n) { part } else { "*" });
    }
    masked
}

/// A masked number; `None` where none of its form can be made of it.
pub(super) fn number(number: &str, mask: Mask) -> Option<New> {
    match mask.numbers {
        OnNumber::Text => Some(New::Text(text(number, mask))),
        OnNumber::Nines => nines(number, mask).map(New::Number),
        OnNumber::Null => Some(New::Null),
    }
}

/// A number in which the masked digits are 9: sign and point stay where they are.
///
/// One with an exponent is none: nines there could make it too large for any reader.
fn nines(number: &str, mask: Mask) -> Option<String> {
    if number.contains(['e', 'E']) {
        return None;
    }
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let shown = Shown::of(mask, digits);
    let mut n = 0;
    let masked = number.chars().map(|c| {
        if !c.is_ascii_digit() {
            return c;
        }
        n += 1;
        if shown.has(n - 1) { c } else { '9' }
    });
    Some(masked.collect())
}

/// The first characters of a text.
pub(super) fn truncated(text: &str, chars: u32) -> &str {
    let end = characters(text).get(usize::try_from(chars).unwrap_or(usize::MAX)).copied();
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

/// Which characters stay.
struct Shown {
    first: usize,
    /// The number of the first one at the end that stays.
    last_from: usize,
}

impl Shown {
    fn of(mask: Mask, characters: usize) -> Self {
        let [first, last] =
            [mask.first, mask.last].map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        if first.saturating_add(last) >= characters {
            return Self { first: 0, last_from: characters };
        }
        Self { first, last_from: characters.saturating_sub(last) }
    }

    fn has(&self, n: usize) -> bool {
        n < self.first || n >= self.last_from
    }
}

/// Where each character begins.
fn characters(text: &str) -> Vec<usize> {
    let mut starts = Vec::with_capacity(text.len());
    let mut joins = false;
    for (at, c) in text.char_indices() {
        if starts.is_empty() || !(joins || follows(c)) {
            starts.push(at);
        }
        joins = c == JOINER;
    }
    starts
}

fn parts<'a>(text: &'a str, starts: &'a [usize]) -> impl Iterator<Item = &'a str> {
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| text.get(*start..end).unwrap_or_default())
}

/// Whether a scalar value belongs to the character before it. The blocks of combining marks are
/// those of Latin, Cyrillic and Arabic, of symbols and emoji; others are characters of their own.
fn follows(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}'
            | '\u{483}'..='\u{489}'
            | '\u{610}'..='\u{61a}'
            | '\u{64b}'..='\u{65f}'
            | '\u{670}'
            | '\u{1ab0}'..='\u{1aff}'
            | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20ff}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{fe20}'..='\u{fe2f}'
            | '\u{1f3fb}'..='\u{1f3ff}'
    ) || c == JOINER
}

const JOINER: char = '\u{200d}';

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mask(first: u32, last: u32) -> Mask {
        Mask { first, last, numbers: OnNumber::Nines }
    }

    #[test]
    fn the_ends_stay_and_a_short_value_is_masked_whole() {
        for (value, first, last, masked) in [
            ("4400430245678901", 0, 4, "************8901"),
            ("+77011234567", 2, 2, "+7********67"),
            ("Айгүл", 1, 0, "А****"),
            ("1234", 0, 4, "****"),
            ("12345", 3, 2, "*****"),
            ("123456", 3, 2, "123*56"),
            ("", 1, 1, ""),
            ("abc", 0, 0, "***"),
            ("abc", u32::MAX, u32::MAX, "***"),
            // What is written as a letter and a mark is one character.
            ("Кай\u{306}рат", 3, 0, "Кай\u{306}***"),
            ("e\u{301}e\u{301}e\u{301}", 0, 1, "**e\u{301}"),
            ("👩\u{200d}👩\u{200d}👧ab", 0, 1, "**b"),
            ("\u{301}ab", 1, 0, "\u{301}**"),
        ] {
            assert_eq!(text(value, mask(first, last)), masked, "{value}");
        }
    }

    #[test]
    fn a_number_stays_one_by_nines() {
        for (value, first, last, masked) in [
            ("580101100015", 0, 4, Some("999999990015")),
            ("-12.50", 0, 2, Some("-99.50")),
            ("0.5", 1, 0, Some("0.9")),
            ("10", 1, 1, Some("99")),
            ("0", 0, 0, Some("9")),
            ("1e400", 0, 1, None),
            ("1E4", 0, 1, None),
        ] {
            assert_eq!(nines(value, mask(first, last)).as_deref(), masked, "{value}");
        }
    }

    #[test]
    fn the_first_characters_are_left() {
        assert_eq!(truncated("050010", 3), "050");
        assert_eq!(truncated("ab", 3), "ab");
        assert_eq!(truncated("", 3), "");
        assert_eq!(truncated("и\u{306}ы", 1), "и\u{306}");
        assert_eq!(truncated("abc", u32::MAX), "abc");
    }

    proptest! {
        #[test]
        fn no_more_is_ever_shown_than_the_rule_says(
            value in "[a-zа-я0-9\u{301}\u{200d}👧*]{0,12}", first in 0_u32..8, last in 0_u32..8,
        ) {
            let masked = text(&value, mask(first, last));
            let (old, new) = (characters(&value), characters(&masked));
            prop_assert_eq!(old.len(), new.len());
            let pairs: Vec<(&str, &str)> =
                parts(&value, &old).zip(parts(&masked, &new)).collect();
            let shown = |pair: &&(&str, &str)| pair.1 != "*" || pair.0 == "*" ;
            let stars = pairs.iter().filter(|pair| pair.0 == "*").count();
            prop_assert!(pairs.iter().all(|(old, new)| *new == "*" || new == old));
            let most = usize::try_from(first + last).unwrap() + stars;
            prop_assert!(pairs.iter().filter(shown).count() <= most);
            let is_short = old.len() <= usize::try_from(first + last).unwrap();
            prop_assert!(!is_short || pairs.iter().all(|(_, new)| *new == "*"));
        }

        #[test]
        fn a_masked_number_is_json_of_the_same_shape(
            value in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,9})?", first in 0_u32..9, last in 0_u32..9,
        ) {
            let masked = nines(&value, mask(first, last)).unwrap();
            prop_assert!(serde_json::from_str::<serde_json::Number>(&masked).is_ok());
            prop_assert_eq!(masked.len(), value.len());
            let digits = value.bytes().filter(u8::is_ascii_digit).count();
            let shown = value.chars().zip(masked.chars()).filter(|(old, new)| {
                old.is_ascii_digit() && old == new && *old != '9'
            });
            prop_assert!(shown.count() <= digits.min(usize::try_from(first + last).unwrap()));
        }

        #[test]
        fn a_truncated_text_is_a_beginning_of_it(value in "\\PC{0,12}", chars in 1_u32..9) {
            let cut = truncated(&value, chars);
            prop_assert!(value.starts_with(cut));
            prop_assert!(characters(cut).len() <= usize::try_from(chars).unwrap());
        }
    }
}
