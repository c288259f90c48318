//! A quick look at a text: whether there is enough in it for an identifier.

use super::DIGITS_MIN;

/// What the bytes of a text have.
pub(super) struct Signs {
    /// At most so many digits are in it, in whichever form; one that is there is counted.
    digits: usize,
    /// Whether there is an `@`, in whichever form; true where it is not sure.
    pub(super) has_at: bool,
}

impl Signs {
    pub(super) fn of(text: &[u8]) -> Self {
        let (blocks, rest) = text.as_chunks::<BLOCK>();
        let (mut digits, mut flags) = look(rest);
        for block in blocks {
            let (n, more) = look(block);
            digits += n;
            flags |= more;
        }
        let mut signs = Self { digits, has_at: flags & AT != 0 };
        if flags & OTHER != 0 && !(signs.has_at && signs.digits >= DIGITS_MIN) {
            signs.add_others(text);
        }
        signs
    }

    /// Whether an identifier may be in the text.
    pub(super) fn may_hold(&self) -> bool {
        self.has_at || self.digits >= DIGITS_MIN
    }

    /// Adds what stands for digits and `@` outside of ASCII.
    fn add_others(&mut self, text: &[u8]) {
        let mut rest = text;
        while let [lead, after @ ..] = rest {
            rest = after;
            if is_other(*lead) {
                let (digits, is_at) = others(*lead, after);
                self.digits += digits;
                self.has_at |= is_at;
            }
        }
    }
}

/// How many ASCII digits a few bytes have, and what else.
#[inline]
fn look(bytes: &[u8]) -> (usize, u8) {
    let (mut digits, mut flags) = (0_u8, 0);
    for byte in bytes {
        digits += u8::from(byte.is_ascii_digit());
        flags |= if *byte == b'@' { AT } else { 0 };
        flags |= if is_other(*byte) { OTHER } else { 0 };
    }
    (usize::from(digits), flags)
}

/// Whether a character that begins so may be a digit or an `@`.
#[inline]
fn is_other(lead: u8) -> bool {
    lead == 0xC2 || lead > LETTERS_LAST
}

/// How many digits a character stands for at most, and whether it may stand for an `@`; by its
/// first byte and those after it.
fn others(lead: u8, after: &[u8]) -> (usize, bool) {
    let digits = match (lead, after) {
        // ² ³ ¹ ¼ ½ ¾
        (0xC2, [0xB2 | 0xB3 | 0xB9 | 0xBC..=0xBE, ..]) => 2,
        // full-width forms, and the small ones that have an @ too
        (0xEF, [0xBC | 0xB9, ..]) => return (1, true),
        _ if is_bare(lead, after) => 0,
        _ => 3,
    };
    (digits, false)
}

/// Whether a character is none of those that stand for digits.
fn is_bare(lead: u8, after: &[u8]) -> bool {
    match lead {
        // dashes and quotes, № and ™, arrows and signs without numbers; currencies
        0xE2 => matches!(
            after,
            [0x80 | 0x84 | 0x87..=0x90 | 0x94..=0xBF, ..] | [0x82, 0x8A..=0xBF, ..]
        ),
        // Japanese, Chinese and Korean, but for numbers in rings and of months
        0xE3 => matches!(after, [0x80..=0x87, ..]),
        // pictures
        0xF0 => matches!(after, [0x9F, 0x85..=0xAE, ..]),
        0x80..=0xBF | 0xC2 | 0xE4..=0xE9 | 0xEB..=0xEF => true,
        _ => false,
    }
}

/// The first bytes of letters that are never digits end here: Latin, Greek, Cyrillic, Hebrew.
const LETTERS_LAST: u8 = 0xD8;
const BLOCK: usize = 16;
const AT: u8 = 1;
const OTHER: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::plain;

    #[test]
    fn no_digit_and_no_at_sign_is_overlooked_in_any_character() {
        for c in (char::MIN..=char::MAX).filter(|c| *c != '\0') {
            let text = c.to_string();
            let plain = plain::of(&text);
            let digits = plain.iter().filter(|byte| byte.is_ascii_digit()).count();
            let signs = Signs::of(text.as_bytes());
            assert!(signs.digits >= digits, "{c:?} {:x}", u32::from(c));
            assert!(signs.has_at || !plain.contains(&b'@'), "{c:?} {:x}", u32::from(c));
        }
    }

    #[test]
    fn ordinary_text_is_passed_over() {
        for text in [
            "",
            "Абай даңғылы, 52 — «Қазақ білім» ЖШС, № 12/2, 5 ₸",
            "“Learner’s” mark: 92.5 – 95 % … ™",
            "教育課程 第三章 2026年",
            "1994-03",
            "🙂🙂🙂🙂",
        ] {
            assert!(!Signs::of(text.as_bytes()).may_hold(), "{text}");
        }
        for text in ["a@b", "1234567", "１２３４５６７", "٠١٢٣٤٥٦", "a＠b", "a﹫b", "⑩⑩⑩⑩"]
        {
            assert!(Signs::of(text.as_bytes()).may_hold(), "{text}");
        }
    }
}
