//! Identifiers of persons and organisations in a text, known by their form.
//!
//! | kind | how it is known |
//! |---|---|
//! | IIN, BIN | 12 digits with the check digit of both; a BIN has its type where an IIN has a day |
//! | bank card | 13 to 19 digits with the check digit of ISO/IEC 7812-1 (Luhn) |
//! | bank account | an IBAN (ISO 13616) with its country's structure and its check digits |
//! | telephone | `+`, `00` or `810` and a number of E.164; the forms people write in Kazakhstan |
//! | e-mail address | a name, `@`, a domain name, of any script (RFC 6531) |
//! | identity card, passport | a number of the usual form, near a word for such a paper |
//!
//! A text is compared without what makes no difference to a reader: compatibility forms (NFKC),
//! digits of other scripts, soft hyphens, zero-width characters, letters that look alike, and
//! blanks, hyphens, dots and brackets between digits. Dates, decimals, amounts, lists of years and
//! UUIDs are no identifiers.
//!
//! Invariants: hits come in the order of the text, do not overlap, and are parts of the text as it
//! was handed in, from the first character of an identifier to its last one.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod account;
mod address;
mod check;
mod group;
mod number;
mod paper;
mod phone;
mod plain;
mod sign;

use std::borrow::Cow;
use std::ops::Range;

use crate::vocabulary::Kind;
use plain::Spans;
use sign::Signs;

/// An identifier in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// What it is.
    pub kind: Kind,
    /// Where it is: bytes of the text.
    pub span: Range<usize>,
}

/// Finds the identifiers of a text, in their order.
pub fn scan(text: &str, mut on_hit: impl FnMut(Hit)) {
    let signs = Signs::of(text.as_bytes());
    if !signs.may_hold() {
        return;
    }
    let mut spans = Spans::of(text);
    let plain = plain::of(text);
    find(&plain, signs.has_at, &mut |kind, span| on_hit(Hit { kind, span: spans.original(span) }));
}

/// Whether [`scan`] could find anything in this text; a quick look that errs to `true` only.
///
/// The bytes are those of a text in UTF-8, without escapes of any syntax.
#[must_use]
pub fn may_hold(bytes: &[u8]) -> bool {
    Signs::of(bytes).may_hold()
}

/// What a number is, as JSON writes numbers, if it is an identifier: it has no separators, and an
/// IIN in it may have lost the zeros in front.
#[must_use]
pub fn scan_number(number: &str) -> Option<Kind> {
    let mut digits = check::Digits::default();
    check::whole(number, &mut digits)?;
    number::kind_of_value(digits.as_slice()).or_else(|| {
        // Of somebody born after 1999 an IIN begins with zeros, which a number does not keep.
        let padded = digits.padded()?;
        (check::is_dated(&padded) && check::has_check_digit(&padded)).then_some(Kind::Iin)
    })
}

/// A text as the detectors compare it: what looks like ASCII in ASCII, all else in bytes above it.
pub(crate) fn plain(text: &str) -> Cow<'_, [u8]> {
    plain::of(text)
}

fn find(plain: &[u8], has_at: bool, emit: &mut impl FnMut(Kind, Range<usize>)) {
    let mut from = 0;
    while let Some(address) = has_at.then(|| address::next(plain, from)).flatten() {
        number::find(plain, from..address.start, emit);
        from = address.end;
        emit(Kind::Email, address);
    }
    number::find(plain, from..plain.len(), emit);
}

/// No identifier has fewer digits, but for e-mail addresses.
const DIGITS_MIN: usize = 7;

#[cfg(test)]
pub(crate) mod tests;
