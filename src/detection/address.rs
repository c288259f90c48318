//! E-mail addresses, internationalised ones too (RFC 5321, RFC 6531).

use std::ops::Range;

use super::plain::is_letter;

/// The first address that begins at or after a place.
pub(super) fn next(plain: &[u8], from: usize) -> Option<Range<usize>> {
    let mut at = from;
    loop {
        at += plain.get(at..)?.iter().position(|byte| *byte == b'@')?;
        let (before, after) = (plain.get(from..at)?, plain.get(at + 1..)?);
        if let (Some(name), Some(domain)) = (name(before), domain(after)) {
            return Some(at - name..at + 1 + domain);
        }
        at += 1;
    }
}

/// How long the name is with which a text ends.
fn name(before: &[u8]) -> Option<usize> {
    if let [quoted @ .., b'"'] = before {
        let length = quoted.iter().rev().take(NAME_MAX).position(|byte| *byte == b'"')?;
        return Some(length + 2);
    }
    let is_part = |byte: &u8| is_word(*byte) || b"!#$%'*+-^_~.".contains(byte);
    let name = before.iter().rev().take(NAME_MAX).take_while(|byte| is_part(byte));
    let length = name.clone().count();
    let trimmed = before.get(before.len() - length..)?.iter().position(|byte| is_word(*byte));
    // A name may consist of signs alone, though nobody has such a one.
    if length == 0 { None } else { Some(length - trimmed.unwrap_or(0)) }
}

/// How long the domain is with which a text begins: two labels or more.
fn domain(after: &[u8]) -> Option<usize> {
    let is_part = |byte: &&u8| is_word(**byte) || matches!(byte, b'-' | b'.');
    let length = after.iter().take(DOMAIN_MAX).take_while(is_part).count();
    let mut domain = after.get(..length)?;
    while let [rest @ .., b'.' | b'-'] = domain {
        domain = rest;
    }
    let dot = domain.iter().rposition(|byte| *byte == b'.')?;
    let (first, top) = (domain.first()?, domain.get(dot + 1..)?);
    let is_top = top.len() > 1 && !top.first()?.is_ascii_digit();
    (is_word(*first) && is_top).then_some(domain.len())
}

fn is_word(byte: u8) -> bool {
    is_letter(byte) || byte.is_ascii_digit()
}

/// How long a name is at most, in characters (RFC 5321 §4.5.3.1.1).
const NAME_MAX: usize = 64;
const DOMAIN_MAX: usize = 255;
