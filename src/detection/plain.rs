//! A text as the detectors compare it: one byte for everything that looks the same.
//!
//! ASCII stands for itself and for what looks like it: digits of all scripts, compatibility forms,
//! blanks, hyphens, and Cyrillic and Greek letters. Zero-width characters and combining marks are
//! left out. Other Cyrillic letters have bytes of their own, in which capitals and small letters
//! are one.

use std::borrow::Cow;
use std::ops::Range;

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// A letter that is none of the others.
const LETTER: u8 = 0x80;
/// A sign that means nothing in an identifier.
const OTHER: u8 = 0x81;

/// The plain form of a text.
pub(crate) fn of(text: &str) -> Cow<'_, [u8]> {
    if text.is_ascii() {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut plain = Vec::with_capacity(text.len());
    for c in text.chars() {
        spell(c, &mut |byte| plain.push(byte));
    }
    Cow::Owned(plain)
}

pub(super) fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == LETTER || byte > OTHER
}

pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Where the parts of a plain form stand in its text; asked in the order of the text.
pub(super) struct Spans<'t> {
    text: &'t str,
    is_ascii: bool,
    /// How far it has come, in bytes of the text and of the plain form.
    at: usize,
    plain: usize,
}

impl<'t> Spans<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self { text, is_ascii: text.is_ascii(), at: 0, plain: 0 }
    }

    /// The bytes of the text that a part of the plain form stands for.
    pub(super) fn original(&mut self, part: Range<usize>) -> Range<usize> {
        if self.is_ascii {
            return part;
        }
        let mut start = None;
        let rest = self.text.get(self.at..).unwrap_or_default();
        for c in rest.chars() {
            spell(c, &mut |_| self.plain += 1);
            if start.is_none() && self.plain > part.start {
                start = Some(self.at);
            }
            self.at += c.len_utf8();
            if self.plain >= part.end {
                break;
            }
        }
        start.unwrap_or(self.at)..self.at
    }
}

/// Writes a character plainly, in no, one or several bytes.
#[inline]
fn spell(c: char, out: &mut impl FnMut(u8)) {
    match u32::from(c) {
        code @ 0..0x80 => out(code.to_le_bytes()[0]),
        code @ 0x400..0x500 => out(cyrillic(code)),
        _ => spell_other(c, out),
    }
}

fn spell_other(c: char, out: &mut impl FnMut(u8)) {
    if is_dropped(c) {
        return;
    }
    match c {
        _ if c.is_whitespace() => out(b' '),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2043}' | '\u{58a}' | '\u{5be}' | '\u{1806}' => {
            out(b'-');
        }
        '\u{3002}' | '\u{b7}' => out(b'.'),
        // Its compatibility form is a word, which would stand before the number as a letter does.
        '\u{2116}' => out(OTHER),
        _ => match decimal(c) {
            Some(digit) => out(b'0' + digit),
            None => decompose_compatible(c, |part| spell_part(part, out)),
        },
    }
}

/// Writes what a compatibility form consists of.
fn spell_part(c: char, out: &mut impl FnMut(u8)) {
    match u32::from(c) {
        code @ 0..0x80 => out(code.to_le_bytes()[0]),
        code @ 0x400..0x500 => out(cyrillic(code)),
        _ if is_dropped(c) => {}
        _ if matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}') => out(b'-'),
        _ if c == '\u{3002}' => out(b'.'),
        _ => match GREEK.iter().find(|(greek, _)| *greek == c) {
            Some((_, latin)) => out(*latin),
            None => out(if c.is_alphanumeric() { LETTER } else { OTHER }),
        },
    }
}

/// Whether a reader sees nothing of it, or a mark upon the character before.
fn is_dropped(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{e0000}'..='\u{e0fff}')
        || is_combining_mark(c)
}

fn decimal(c: char) -> Option<u8> {
    let code = u32::from(c);
    let before = ZEROS.partition_point(|zero| *zero <= code).checked_sub(1)?;
    let digit = code - ZEROS.get(before)?;
    u8::try_from(digit).ok().filter(|digit| *digit < 10)
}

fn cyrillic(code: u32) -> u8 {
    CYRILLIC.get((code - 0x400) as usize).copied().unwrap_or(LETTER)
}

static CYRILLIC: [u8; 256] = {
    let mut table = [LETTER; 256];
    let mut rest = table.as_mut_slice();
    let mut code = 0x400;
    while let Some((place, more)) = rest.split_first_mut() {
        *place = cyrillic_letter(code);
        rest = more;
        code += 1;
    }
    table
};

const fn cyrillic_letter(code: u32) -> u8 {
    let small = match code {
        0x400..0x410 => code + 0x50,
        0x410..0x430 => code + 0x20,
        0x48A..0x4C0 | 0x4D0.. => code | 1,
        _ => code,
    };
    match char::from_u32(small) {
        Some('а' | 'ӑ') => b'a',
        Some('в') => b'b',
        Some('е' | 'ё') => b'e',
        Some('к') => b'k',
        Some('м') => b'm',
        Some('н' | 'һ') => b'h',
        Some('о') => b'o',
        Some('р') => b'p',
        Some('с') => b'c',
        Some('т') => b't',
        Some('у' | 'ү') => b'y',
        Some('х') => b'x',
        Some('і' | 'ї') => b'i',
        Some('ј') => b'j',
        Some('ѕ') => b's',
        Some('ә') => 0xC1,
        Some('ғ') => 0xC2,
        Some('қ') => 0xC3,
        Some('ң') => 0xC4,
        Some('ө') => 0xC5,
        Some('ұ') => 0xC6,
        Some('б'..='я') => (small - 0x430).to_le_bytes()[0] + 0x90,
        Some('\u{482}') => OTHER,
        _ => LETTER,
    }
}

/// Greek letters that look like Latin ones.
const GREEK: [(char, u8); 15] = [
    ('Α', b'a'),
    ('Β', b'b'),
    ('Ε', b'e'),
    ('Ζ', b'z'),
    ('Η', b'h'),
    ('Ι', b'i'),
    ('Κ', b'k'),
    ('Μ', b'm'),
    ('Ν', b'n'),
    ('Ο', b'o'),
    ('Ρ', b'p'),
    ('Τ', b't'),
    ('Υ', b'y'),
    ('Χ', b'x'),
    ('ο', b'o'),
];

/// The digits 0 of the scripts that count by ten, each followed by its 1 to 9 (Unicode 16).
const ZEROS: [u32; 74] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6,
    0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50,
    0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
    0x104a0, 0x10d30, 0x10d40, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0,
    0x11650, 0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0, 0x11950, 0x11bf0, 0x11c50, 0x11d50,
    0x11da0, 0x11f50, 0x16a60, 0x16ac0, 0x16b50, 0x16d70, 0x1ccf0, 0x1d7ce, 0x1d7d8, 0x1d7e2,
    0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e5f1, 0x1e950, 0x1fbf0,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn plainly(text: &str) -> String {
        of(text).iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '~' }).collect()
    }

    #[test]
    fn what_looks_the_same_is_the_same() {
        assert_eq!(plainly("５８٠۱०𝟗⑤⑩²"), "5801".to_owned() + "095102");
        assert_eq!(plainly("ＫＺ КZ ΚΖ"), "KZ kZ kz");
        assert_eq!(plainly("5\u{ad}8\u{200b}0\u{feff}1\u{332}7\u{fe0f}\u{20e3}"), "58017");
        assert_eq!(plainly("1\u{a0}2\u{202f}3\u{2009}4‑5–6−7·8（9）"), "1 2 3 4-5-6-7.8(9)");
        assert_eq!(plainly("a＠b。c"), "a@b.c");
        assert_eq!(plainly("№5"), "~5");
        assert_eq!(of("ӨЛҰЖ"), of("өлұж"));
        assert_ne!(of("ө"), of("о"));
    }

    #[test]
    fn a_part_is_found_where_it_stands_in_the_text() {
        let text = "ә\u{200b}⑩\u{ad}5 й";
        let mut spans = Spans::of(text);
        assert_eq!(of(text).len(), 6);
        assert_eq!(text.get(spans.original(1..4)).unwrap(), "⑩\u{ad}5");
        assert_eq!(text.get(spans.original(5..6)).unwrap(), "й");
    }
}
