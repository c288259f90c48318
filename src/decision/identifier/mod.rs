//! What a value looks like that points to a person, wherever it stands in a text.
//!
//! Studies get nothing of the kind (94-V Art. 17(1)): no identifier that [`detection`] knows, and
//! none of what replaces one. The latter is known by its shape, so that here and there an innocent
//! text is taken for an identifier, and an identifier is not taken for an innocent text.
//!
//! | what | how it is known |
//! |---|---|
//! | keyed hash, UUID | 32 or more hexadecimal digits |
//! | token | 22 or more characters of base64 that mix letters and digits |

use crate::detection;

/// Whether a text has something in it that points to a person.
#[must_use]
pub fn is_in(text: &str) -> bool {
    let mut is_found = false;
    detection::scan(text, |_| is_found = true);
    let plain = detection::plain(text);
    is_found || has_hash(&plain) || has_token(&plain)
}

/// Whether a number, as JSON writes it, is one that points to a person.
#[must_use]
pub fn is_number(number: &str) -> bool {
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    digits >= HASH_DIGITS || detection::scan_number(number).is_some()
}

fn has_hash(text: &[u8]) -> bool {
    let runs = text.split(|byte| !byte.is_ascii_hexdigit() && *byte != b'-');
    runs.map(|run| run.iter().filter(|byte| **byte != b'-').count()).any(|n| n >= HASH_DIGITS)
}

/// A token mixes letters and digits everywhere; words and numbers that hyphens join do not.
fn has_token(text: &[u8]) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+/_-=".contains(&byte);
    text.split(|byte| !is_part(*byte)).filter(|run| run.len() >= TOKEN_BYTES).any(|run| {
        let words = run.split(|byte| !byte.is_ascii_alphanumeric());
        let mixed = words.filter(|word| changes(word) >= 2).map(<[u8]>::len).sum::<usize>();
        mixed >= TOKEN_BYTES / 2
    })
}

/// How often letters and digits take turns.
fn changes(word: &[u8]) -> usize {
    word.windows(2)
        .filter(|pair| matches!(pair, [a, b] if a.is_ascii_digit() != b.is_ascii_digit()))
        .count()
}

const HASH_DIGITS: usize = 32;
const TOKEN_BYTES: usize = 22;

#[cfg(test)]
mod tests;
