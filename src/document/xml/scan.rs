//! The words of XML 1.0 (fifth edition): names, references, comments, instructions, sections.
//!
//! Invariant: where a word is refused, the cursor stands at the byte that is at fault.

use memchr::memmem;

use super::super::fault::Fault;
use super::super::span::{Span, offset};

/// A place in a body, which is UTF-8 and holds only characters that XML allows.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

/// A qualified name (Namespaces in XML 1.0 §4), by its offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QName {
    pub(super) start: u32,
    /// Where the part without the prefix begins.
    local: u32,
    end: u32,
}

impl QName {
    /// The prefix; nothing where there is none.
    #[inline]
    pub(super) fn prefix(self) -> Span {
        Span::new(self.start, self.local.saturating_sub(1).max(self.start))
    }

    /// The name without its prefix.
    #[inline]
    pub(super) fn local(self) -> Span {
        Span::new(self.local, self.end)
    }

    /// The whole name.
    #[inline]
    pub(super) fn whole(self) -> Span {
        Span::new(self.start, self.end)
    }
}

impl<'a> Cursor<'a> {
    #[inline]
    pub(super) fn body(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// What is left.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.body().get(self.at..).unwrap_or_default()
    }

    /// The byte here; 0, which can stand nowhere in XML, at the end of the body.
    #[inline]
    pub(super) fn peek(&self) -> u8 {
        self.body().get(self.at).copied().unwrap_or(0)
    }

    /// Whether nothing is left.
    #[inline]
    pub(super) fn is_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// The fault, or that the body ends early if it does.
    #[cold]
    pub(super) fn fault(&self, fault: Fault) -> Fault {
        if self.is_end() { Fault::Truncated } else { fault }
    }

    /// The fault, or that the body ends early if what is left is only the start of the word.
    #[cold]
    pub(super) fn fault_in(&mut self, word: &[u8], fault: Fault) -> Fault {
        if word.starts_with(self.rest()) {
            self.at = self.text.len();
        }
        self.fault(fault)
    }

    /// Goes past a word if it stands here.
    #[inline]
    pub(super) fn eat(&mut self, word: &[u8]) -> bool {
        let eats = self.rest().starts_with(word);
        if eats {
            self.at += word.len();
        }
        eats
    }

    /// Goes past white space (§2.3); returns whether there was any.
    #[inline]
    pub(super) fn skip_space(&mut self) -> bool {
        let start = self.at;
        while is_space(self.peek()) {
            self.at += 1;
        }
        self.at > start
    }

    /// Goes past a name without colon.
    #[inline]
    pub(super) fn plain_name(&mut self) -> Result<(), Fault> {
        match class(self.peek()) {
            Class::Letter => self.at += 1,
            Class::Wide => self.skip_char(is_name_start)?,
            Class::Digit | Class::Other => return Err(self.fault(Fault::BadName)),
        }
        loop {
            match class(self.peek()) {
                Class::Letter | Class::Digit => self.at += 1,
                Class::Wide => self.skip_char(is_name)?,
                Class::Other => return Ok(()),
            }
        }
    }

    /// Goes past a name that may have a prefix.
    #[inline]
    pub(super) fn name(&mut self) -> Result<QName, Fault> {
        let start = self.at;
        let mut local = start;
        self.plain_name()?;
        if self.peek() == b':' {
            self.at += 1;
            local = self.at;
            self.plain_name()?;
            if self.peek() == b':' {
                return Err(Fault::BadName);
            }
        }
        Ok(QName { start: offset(start), local: offset(local), end: offset(self.at) })
    }

    /// Goes past a character that must be of a class.
    fn skip_char(&mut self, is_one: fn(char) -> bool) -> Result<(), Fault> {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(c) if is_one(c) => {
                self.at += c.len_utf8();
                Ok(())
            }
            _ => Err(Fault::BadName),
        }
    }

    /// Goes on to the next `<` or `&`, or to the end of the body.
    #[inline]
    pub(super) fn skip_text(&mut self) {
        let rest = self.rest();
        let (blocks, tail) = rest.as_chunks();
        for block in blocks {
            let marks = marks(u128::from_le_bytes(*block));
            if marks != 0 {
                self.at += (marks.trailing_zeros() >> 3) as usize;
                return;
            }
            self.at += size_of::<u128>();
        }
        let is_mark = |byte: &u8| matches!(byte, b'<' | b'&');
        self.at += tail.iter().position(is_mark).unwrap_or(tail.len());
    }

    /// Goes past a reference to a character or to one of the five entities (§4.1, §4.6).
    pub(super) fn reference(&mut self) -> Result<char, Fault> {
        let start = self.at;
        let found = self.reference_from();
        if matches!(found, Err(Fault::BadCharacter | Fault::UnknownEntity)) {
            self.at = start;
        }
        found
    }

    fn reference_from(&mut self) -> Result<char, Fault> {
        self.at += 1;
        if self.peek() == b'#' {
            self.at += 1;
            let code = if self.peek() == b'x' {
                self.at += 1;
                self.digits(16)?
            } else {
                self.digits(10)?
            };
            return char::from_u32(code).filter(|c| is_char(*c)).ok_or(Fault::BadCharacter);
        }
        let start = self.at;
        self.plain_name().map_err(|fault| match fault {
            Fault::Truncated => fault,
            _ => Fault::BadReference,
        })?;
        let name = self.text.get(start..self.at).unwrap_or_default();
        self.semicolon()?;
        match name {
            "amp" => Ok('&'),
            "lt" => Ok('<'),
            "gt" => Ok('>'),
            "quot" => Ok('"'),
            "apos" => Ok('\''),
            _ => Err(Fault::UnknownEntity),
        }
    }

    /// Goes past digits and `;`; a number that is too large stays so.
    fn digits(&mut self, radix: u32) -> Result<u32, Fault> {
        let start = self.at;
        let mut code = 0_u32;
        while let Some(digit) = char::from(self.peek()).to_digit(radix) {
            code = code.saturating_mul(radix).saturating_add(digit);
            self.at += 1;
        }
        if self.at == start {
            return Err(self.fault(Fault::BadReference));
        }
        self.semicolon()?;
        Ok(code)
    }

    fn semicolon(&mut self) -> Result<(), Fault> {
        if self.peek() != b';' {
            return Err(self.fault(Fault::BadReference));
        }
        self.at += 1;
        Ok(())
    }

    /// Goes past a comment (§2.5), which begins here.
    pub(super) fn comment(&mut self) -> Result<(), Fault> {
        self.at += COMMENT.len();
        match memmem::find(self.rest(), b"--") {
            Some(length) => self.at += length,
            None => self.at = self.text.len(),
        }
        if self.eat(b"-->") { Ok(()) } else { Err(self.fault_in(b"-->", Fault::BadComment)) }
    }

    /// Goes past a processing instruction (§2.6), which begins here. The target has no colon
    /// (Namespaces in XML 1.0 §7) and is not `xml` in any spelling.
    pub(super) fn instruction(&mut self) -> Result<(), Fault> {
        let opened = self.at;
        self.at += INSTRUCTION.len();
        let start = self.at;
        self.plain_name()?;
        let target = self.text.get(start..self.at).unwrap_or_default();
        if target.eq_ignore_ascii_case("xml") {
            self.at = opened;
            return Err(Fault::BadDeclaration);
        }
        if !is_space(self.peek()) && !self.rest().starts_with(b"?>") {
            return Err(self.fault_in(b"?>", Fault::BadName));
        }
        self.skip_past(b"?>")
    }

    /// Goes past a CDATA section (§2.7), which begins here; returns whether it holds more
    /// than white space.
    pub(super) fn section(&mut self) -> Result<bool, Fault> {
        self.at += SECTION.len();
        let start = self.at;
        self.skip_past(b"]]>")?;
        let text = self.body().get(start..self.at - 3).unwrap_or_default();
        Ok(!text.iter().all(|byte| is_space(*byte)))
    }

    fn skip_past(&mut self, word: &[u8]) -> Result<(), Fault> {
        if let Some(length) = memmem::find(self.rest(), word) {
            self.at += length + word.len();
            return Ok(());
        }
        self.at = self.text.len();
        Err(Fault::Truncated)
    }
}

/// What begins a comment.
pub(super) const COMMENT: &[u8] = b"<!--";
/// What begins a processing instruction.
pub(super) const INSTRUCTION: &[u8] = b"<?";
/// What begins a CDATA section.
pub(super) const SECTION: &[u8] = b"<![CDATA[";

/// What a byte is in a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Anywhere.
    Letter,
    /// Not at its start.
    Digit,
    /// Part of a character beyond ASCII.
    Wide,
    /// Not in a name.
    Other,
}

#[inline]
fn class(byte: u8) -> Class {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(Class::Other)
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Other; 256];
    let mut rest: &mut [Class] = &mut classes;
    let mut byte = 0_u8;
    while let [class, after @ ..] = rest {
        *class = match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => Class::Letter,
            b'0'..=b'9' | b'-' | b'.' => Class::Digit,
            0x80.. => Class::Wide,
            _ => Class::Other,
        };
        rest = after;
        byte = byte.wrapping_add(1);
    }
    classes
};

/// Whether two short words are the same; quicker for them than a call.
#[inline]
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one == other)
}

/// White space (§2.3).
#[inline]
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// The first character of a text that XML does not allow (§2.2), by its offset.
pub(super) fn find_bad_character(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (controls, top) = bytes.iter().fold((false, 0), |(controls, top), byte| {
        (controls | is_control(*byte), u8::max(top, *byte))
    });
    // U+FFFE and U+FFFF begin with EF, which few texts have.
    if !controls && top < 0xEF {
        return None;
    }
    text.char_indices().find(|(_, c)| !is_char(*c)).map(|(at, _)| at)
}

#[inline]
fn is_control(byte: u8) -> bool {
    byte < 0x20 && byte != b'\t' && byte != b'\n' && byte != b'\r'
}

/// Whether XML allows the character (§2.2).
pub(super) fn is_char(c: char) -> bool {
    !matches!(c, '\0'..='\x08' | '\x0B' | '\x0C' | '\x0E'..='\x1F' | '\u{FFFE}' | '\u{FFFF}')
}

/// Whether a name without colon may begin with the character, which is not ASCII (§2.3).
fn is_name_start(c: char) -> bool {
    matches!(c,
        '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}'
        | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}'
        | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

/// Whether the character, which is not ASCII, may stand in a name (§2.3).
fn is_name(c: char) -> bool {
    is_name_start(c) || matches!(c, '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// Marks the top bit of the first byte, from the low end, that is `<` or `&`; the bits above that
/// one mean nothing.
///
/// Subtracting one from each byte borrows into the top bit only of a byte that is 0, and of those
/// above it.
#[inline]
fn marks(block: u128) -> u128 {
    let tags = (block ^ (ONES * 0x3C)).wrapping_sub(ONES);
    let references = (block ^ (ONES * 0x26)).wrapping_sub(ONES);
    (tags | references) & !block & TOPS
}

/// The lowest bit of each byte.
const ONES: u128 = u128::MAX / 0xFF;
/// The highest bit of each byte.
const TOPS: u128 = ONES << 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ends_at_the_first_mark_wherever_it_stands() {
        for length in 0..40 {
            for mark in ['<', '&'] {
                let text = format!("{}{mark}<&", "ж;:=\u{7F}%'\u{FFFD}".repeat(9));
                let start = (0..=length).rev().find(|at| text.is_char_boundary(*at)).unwrap();
                let mut cursor = Cursor { text: &text, at: start };
                cursor.skip_text();
                assert_eq!(text.find(mark), Some(cursor.at));
            }
        }
    }

    #[test]
    fn characters_are_those_of_the_standard() {
        let allowed = |c: u32| {
            matches!(c, 0x9 | 0xA | 0xD | 0x20..=0xD7FF | 0xE000..=0xFFFD)
                || (0x10000..=0x0010_FFFF).contains(&c)
        };
        for c in (0..0x0011_0000).filter_map(char::from_u32) {
            assert_eq!(is_char(c), allowed(u32::from(c)), "{c:?}");
            if !is_char(c) {
                assert_eq!(find_bad_character(&format!("ab{c}")), Some(2));
            }
        }
        assert_eq!(find_bad_character("\u{FEFF}\t\r\n ~\u{7F}\u{80}\u{FFFD}\u{1FFFE}"), None);
    }

    #[test]
    fn names_are_those_of_the_standard() {
        let is_name = |text: &str| {
            let mut cursor = Cursor { text, at: 0 };
            cursor.name().is_ok() && cursor.is_end()
        };
        for good in ["a", "_", "a:b", "имя", "a-1.b", "ə·", "a\u{300}", "\u{10000}", "тег:әріп"]
        {
            assert!(is_name(good), "{good}");
        }
        for bad in [
            "",
            "1a",
            "-a",
            ".a",
            ":a",
            "a:",
            "a:1",
            "a:b:c",
            "a::b",
            "·a",
            "\u{300}a",
            "×",
            "a÷",
            "\u{37E}",
            "a\u{2000}",
            "\u{E000}",
            "\u{F0000}",
            "a\u{203E}",
            "a b",
            "a/b",
            "a\u{1FFF}\u{2001}",
        ] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
