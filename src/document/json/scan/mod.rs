//! The words of JSON (RFC 8259): strings, numbers, literals, white space.
//!
//! Invariant: where a word is refused, the cursor stands at the byte that is at fault.

use crate::document::fault::Fault;
use crate::document::text::is_noncharacter;

/// A place in a body, which is UTF-8.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) body: &'a [u8],
    pub(super) at: usize,
}

impl Cursor<'_> {
    /// The byte here; 0, which can stand nowhere outside of a string, at the end of the body.
    #[inline]
    pub(super) fn peek(&self) -> u8 {
        self.body.get(self.at).copied().unwrap_or(0)
    }

    /// Whether nothing is left.
    #[inline]
    pub(super) fn is_end(&self) -> bool {
        self.at >= self.body.len()
    }

    /// The fault, or that the body ends early if it does.
    #[cold]
    pub(super) fn fault(&self, fault: Fault) -> Fault {
        if self.is_end() { Fault::Truncated } else { fault }
    }

    /// Goes past white space (RFC 8259 §2).
    #[inline]
    pub(super) fn skip_space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    /// Goes past `true`, `false` or `null`.
    #[inline]
    pub(super) fn literal(&mut self, word: &[u8]) -> Result<(), Fault> {
        let rest = self.body.get(self.at..).unwrap_or_default();
        if rest.starts_with(word) {
            self.at += word.len();
            return Ok(());
        }
        if word.starts_with(rest) {
            self.at = self.body.len();
        }
        Err(self.fault(Fault::ValueMissing))
    }

    /// Goes past a string; returns whether it has escapes.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "most strings are so short that a call costs as much")]
    pub(super) fn string(&mut self) -> Result<bool, Fault> {
        self.at += 1;
        self.skip_plain();
        if self.peek() == b'"' {
            self.at += 1;
            return Ok(false);
        }
        self.rest_of_string()?;
        Ok(true)
    }

    /// Goes past a number (RFC 8259 §6); returns whether it is whole, without `.` or exponent.
    #[inline]
    pub(super) fn number(&mut self) -> Result<bool, Fault> {
        let start = self.at;
        if self.peek() == b'-' {
            self.at += 1;
        }
        if self.peek() == b'0' {
            self.at += 1;
            if self.peek().is_ascii_digit() {
                return Err(Fault::BadNumber);
            }
        } else {
            self.digits()?;
        }
        let whole = self.at;
        if self.peek() == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.exponent()?;
            self.check_range(start)?;
        } else if self.at - start > DIGITS_SAFE {
            self.check_range(start)?;
        }
        Ok(self.at == whole)
    }

    /// Goes past an escape (RFC 8259 §7); returns the character it stands for.
    pub(super) fn escape(&mut self) -> Result<char, Fault> {
        let start = self.at;
        self.at += 1;
        let c = match self.peek() {
            c @ (b'"' | b'\\' | b'/') => char::from(c),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(start),
            _ => return Err(self.fault(Fault::BadEscape)),
        };
        self.at += 1;
        Ok(c)
    }

    /// Goes on to the next byte that means something in a string: a quote, `\` or a control.
    #[inline]
    fn skip_plain(&mut self) {
        let rest = self.body.get(self.at..).unwrap_or_default();
        let (blocks, tail) = rest.as_chunks();
        for block in blocks {
            let specials = specials(u128::from_le_bytes(*block));
            if specials != 0 {
                self.at += (specials.trailing_zeros() >> 3) as usize;
                return;
            }
            self.at += size_of::<u128>();
        }
        let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
        self.at += tail.iter().position(is_special).unwrap_or(tail.len());
    }

    fn rest_of_string(&mut self) -> Result<(), Fault> {
        loop {
            match self.peek() {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => {
                    self.escape()?;
                }
                _ => return Err(self.fault(Fault::ControlCharacter)),
            }
            self.skip_plain();
        }
    }

    fn unicode(&mut self, start: usize) -> Result<char, Fault> {
        let high = self.hex()?;
        let code = match high {
            0xD800..0xDC00 if self.body.get(self.at..).unwrap_or_default().starts_with(b"\\u") => {
                self.at += 1;
                match self.hex()? {
                    low @ 0xDC00..0xE000 => 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00),
                    _ => high,
                }
            }
            _ => high,
        };
        let c = char::from_u32(code).ok_or(Fault::LoneSurrogate);
        let c = c.and_then(|c| if is_noncharacter(c) { Err(Fault::Noncharacter) } else { Ok(c) });
        if c.is_err() {
            self.at = start;
        }
        c
    }

    /// Goes past `u` and four hexadecimal digits.
    fn hex(&mut self) -> Result<u32, Fault> {
        self.at += 1;
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = char::from(self.peek()).to_digit(16) else {
                return Err(self.fault(Fault::BadEscape));
            };
            code = code << 4 | digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn exponent(&mut self) -> Result<(), Fault> {
        self.at += 1;
        if matches!(self.peek(), b'+' | b'-') {
            self.at += 1;
        }
        self.digits()
    }

    #[inline]
    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        if self.at == start { Err(self.fault(Fault::BadNumber)) } else { Ok(()) }
    }

    /// Checks that the number from `start` to here is in the range of a double.
    fn check_range(&mut self, start: usize) -> Result<(), Fault> {
        let number = self.body.get(start..self.at).and_then(|text| str::from_utf8(text).ok());
        if number.and_then(|text| text.parse().ok()).is_some_and(f64::is_finite) {
            return Ok(());
        }
        self.at = start;
        Err(Fault::NumberRange)
    }
}

/// The characters of what stands between the quotes of a string that was scanned before.
pub(super) fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut cursor = Cursor { body: raw.as_bytes(), at: 0 };
    loop {
        let start = cursor.at;
        cursor.skip_plain();
        text.push_str(raw.get(start..cursor.at).unwrap_or_default());
        match cursor.peek() {
            b'\\' => text.extend(cursor.escape()),
            _ => return text,
        }
    }
}

/// Marks the top bit of the first byte, from the low end, that is a quote, `\` or a control; the
/// bits above that one mean nothing.
///
/// A byte that is less than what is subtracted from it borrows from those above, never below. The
/// flip turns a quote (22) into 20, next to the controls, and moves no other ASCII across 21.
#[inline]
fn specials(block: u128) -> u128 {
    let controls_or_quotes = (block ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let escapes = (block ^ (ONES * 0x5C)).wrapping_sub(ONES);
    (controls_or_quotes | escapes) & !block & TOPS
}

/// The lowest bit of each byte.
const ONES: u128 = u128::MAX / 0xFF;
/// The highest bit of each byte.
const TOPS: u128 = ONES << 7;
/// Numbers with no more digits than this are in the range of a double, without an exponent.
const DIGITS_SAFE: usize = 300;

#[cfg(test)]
mod tests;
