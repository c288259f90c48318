//! The cells of a table (RFC 4180 §2): plain ones, quoted ones, and the ends of lines.
//!
//! Invariant: where something is refused, the scanner stands at the byte that is at fault.

use std::borrow::Cow;

use crate::document::fault::Fault;
use crate::document::span::{Span, offset};

/// A place in a body, which is UTF-8.
pub(super) struct Scanner<'a> {
    pub(super) body: &'a [u8],
    pub(super) at: usize,
    /// What stands between two cells.
    pub(super) delimiter: u8,
    /// How the header row ends: with two bytes, with one, or with the body.
    pub(super) line_end: &'static [u8],
}

impl Scanner<'_> {
    /// The byte here; 0, which can stand nowhere, at the end of the body.
    #[inline]
    pub(super) fn peek(&self) -> u8 {
        self.body.get(self.at).copied().unwrap_or(0)
    }

    /// Whether nothing is left.
    #[inline]
    pub(super) fn is_end(&self) -> bool {
        self.at >= self.body.len()
    }

    /// Goes past a cell, up to a delimiter, the end of a line or of the body.
    #[inline]
    pub(super) fn cell(&mut self) -> Result<Span, Fault> {
        let start = self.at;
        if self.peek() == b'"' {
            self.quoted(start)?;
        } else {
            self.plain()?;
        }
        Ok(Span::new(offset(start), offset(self.at)))
    }

    #[inline]
    fn plain(&mut self) -> Result<(), Fault> {
        loop {
            self.skip_to(self.delimiter);
            match self.peek() {
                byte if byte == self.delimiter => return Ok(()),
                b'\n' | b'\r' => return Ok(()),
                b'"' => return Err(Fault::QuoteInCell),
                b'\t' => self.at += 1,
                _ if self.is_end() => return Ok(()),
                _ => return Err(Fault::ControlCharacter),
            }
        }
    }

    fn quoted(&mut self, start: usize) -> Result<(), Fault> {
        self.at += 1;
        loop {
            self.skip_to(b'"');
            match self.peek() {
                b'"' => {
                    self.at += 1;
                    match self.peek() {
                        b'"' => {}
                        byte if byte == self.delimiter => return Ok(()),
                        b'\n' | b'\r' => return Ok(()),
                        _ if self.is_end() => return Ok(()),
                        _ => return Err(Fault::TextAfterQuote),
                    }
                }
                b'\r' if self.body.get(self.at + 1) != Some(&b'\n') => {
                    return Err(Fault::BareReturn);
                }
                b'\t' | b'\n' | b'\r' => {}
                _ if self.is_end() => {
                    self.at = start;
                    return Err(Fault::QuoteOpen);
                }
                _ => return Err(Fault::ControlCharacter),
            }
            self.at += 1;
        }
    }

    /// Goes past the end of a line, or of the body; it is that of the header row.
    #[inline]
    pub(super) fn end_line(&mut self) -> Result<(), Fault> {
        let end = self.line_end_here()?;
        if end != self.line_end && !end.is_empty() {
            return Err(Fault::MixedLineEnds);
        }
        self.at += end.len();
        Ok(())
    }

    /// How the line ends that ends here.
    #[inline]
    pub(super) fn line_end_here(&self) -> Result<&'static [u8], Fault> {
        match (self.peek(), self.body.get(self.at + 1)) {
            (b'\n', _) => Ok(b"\n"),
            (b'\r', Some(b'\n')) => Ok(b"\r\n"),
            (b'\r', _) => Err(Fault::BareReturn),
            _ => Ok(b""),
        }
    }

    /// Goes on to the next byte that is this one, a quote or a control.
    #[inline]
    fn skip_to(&mut self, other: u8) {
        let rest = self.body.get(self.at..).unwrap_or_default();
        let (blocks, tail) = rest.as_chunks();
        for block in blocks {
            let specials = specials(u128::from_le_bytes(*block), other);
            if specials != 0 {
                self.at += (specials.trailing_zeros() >> 3) as usize;
                return;
            }
            self.at += size_of::<u128>();
        }
        let is_special = |byte: &u8| *byte == other || matches!(byte, b'"' | 0..0x20);
        self.at += tail.iter().position(is_special).unwrap_or(tail.len());
    }
}

/// The text of a cell.
pub(in crate::document) fn text(cell: &[u8]) -> Cow<'_, str> {
    let cell = str::from_utf8(cell).unwrap_or_default();
    match cell.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(text) if text.contains('"') => text.replace("\"\"", "\"").into(),
        Some(text) => text.into(),
        None => cell.into(),
    }
}

/// Marks the top bit of the first byte, from the low end, that is `other`, a quote or a control;
/// the bits above that one mean nothing.
///
/// As for JSON: what is less than the subtrahend borrows from above only, and the flip moves a
/// quote (22) next to the controls.
#[inline]
fn specials(block: u128, other: u8) -> u128 {
    let controls_or_quotes = (block ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let others = (block ^ (ONES * u128::from(other))).wrapping_sub(ONES);
    (controls_or_quotes | others) & !block & TOPS
}

/// The lowest bit of each byte.
const ONES: u128 = u128::MAX / 0xFF;
/// The highest bit of each byte.
const TOPS: u128 = ONES << 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_special_byte_is_found_wherever_it_stands() {
        for special in (0..0x20).chain(*b"\";") {
            for at in 0..40 {
                let mut body: Vec<u8> = (0..64).map(|n| b"\xD0\xB0 !#~:<\x7F"[n % 9]).collect();
                body[at] = special;
                body[at + 3..at + 9].fill(b'"');
                let mut scanner = Scanner { body: &body, at: 0, delimiter: b';', line_end: b"" };
                scanner.skip_to(b';');
                assert_eq!(scanner.at, at, "{special}");
            }
        }
    }

    #[test]
    fn the_text_of_a_cell_is_without_its_quotes() {
        for (cell, expected) in [
            ("", ""),
            ("a b", "a b"),
            ("\"\"", ""),
            ("\"a,b\"", "a,b"),
            ("\"a\"\"b\"\"\"", "a\"b\""),
            ("\"\"\"\"", "\""),
            ("\"\"\"\"\"\"", "\"\""),
        ] {
            assert_eq!(text(cell.as_bytes()), expected, "{cell}");
        }
    }
}
