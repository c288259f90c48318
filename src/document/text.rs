//! What every syntax asks of a text: UTF-8, of characters only, and no longer than allowed.

use super::fault::{BadDocument, Fault};
use super::limits::Limits;

/// Checks what can be seen of a body without knowing its syntax.
pub(super) fn check<'a>(body: &'a [u8], limits: &Limits) -> Result<&'a str, BadDocument> {
    let text = utf8(body, limits)?;
    match find_noncharacter(text) {
        Some(at) => Err(bad(Fault::Noncharacter, at)),
        None => Ok(text),
    }
}

/// The same where the syntax says itself which characters there are.
pub(super) fn utf8<'a>(body: &'a [u8], limits: &Limits) -> Result<&'a str, BadDocument> {
    check_length(body, limits)?;
    simdutf8::compat::from_utf8(body).map_err(|error| bad(Fault::NotUtf8, error.valid_up_to()))
}

/// Checks that a body is no longer than allowed, and that its offsets are 32-bit numbers.
pub(super) fn check_length(body: &[u8], limits: &Limits) -> Result<(), BadDocument> {
    if body.len() > limits.bytes_max.min(u32::MAX as usize) {
        return Err(bad(Fault::BodyTooLong, limits.bytes_max));
    }
    Ok(())
}

fn bad(fault: Fault, offset: usize) -> BadDocument {
    BadDocument { offset, ..BadDocument::whole(fault) }
}

/// The first noncharacter of a text, by its offset.
pub(super) fn find_noncharacter(text: &str) -> Option<usize> {
    // In UTF-8 every noncharacter begins with one of the bytes from EF, which few texts have.
    if text.bytes().fold(0, u8::max) < 0xEF {
        return None;
    }
    text.char_indices().find(|(_, c)| is_noncharacter(*c)).map(|(at, _)| at)
}

/// Whether Unicode keeps the code point from being a character (RFC 7493 §2.1).
pub(super) fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    code & 0xFFFE == 0xFFFE || (0xFDD0..0xFDF0).contains(&code)
}
