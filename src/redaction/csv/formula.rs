//! Cells that a spreadsheet would take for formulas (CWE-1236).

use crate::document::{Lexis, Raw, Scalar};

/// Whether a spreadsheet may take a cell, as it stands in a body, for a formula.
#[inline]
pub(super) fn is_formula(cell: &[u8]) -> bool {
    // Nearly every cell begins with a letter or digit of ASCII, or a Cyrillic letter.
    let first = cell.iter().find(|byte| **byte != b'"');
    match first {
        None | Some(b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | 0xD0..=0xD3) => false,
        Some(_) => match (Raw { bytes: cell, lexis: Lexis::Csv }).scalar() {
            Scalar::Text(text) => is_formula_text(&text),
            Scalar::Number(_) | Scalar::Word(_) => false,
        },
    }
}

/// Whether a spreadsheet may take a text for a formula: it begins, after blanks, with a sign that
/// formulas begin with, or with a tab or line end, and is no plain number with a sign.
pub(super) fn is_formula_text(text: &str) -> bool {
    if text.starts_with(['\t', '\r', '\n']) {
        return true;
    }
    let text = text.trim_start_matches(is_blank);
    match text.chars().next() {
        Some('-' | '+') => !is_number(text),
        Some(c) => SIGNS.contains(&c),
        None => false,
    }
}

fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}')
}

/// Whether a text that begins with a sign is a number and no more: digits in groups, or a phone
/// number as E.164 has it, in which brackets and hyphens may stand too.
fn is_number(text: &str) -> bool {
    let text = text.trim_end();
    let (is_plus, rest) = (text.starts_with('+'), text.get(1..).unwrap_or_default());
    let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let is_group = |c: char| matches!(c, '0'..='9' | '.' | ',' | ' ' | '\u{A0}' | '\u{202F}');
    let is_ended = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_digit())
            && text.ends_with(|c: char| c.is_ascii_digit())
    };
    let is_grouped = is_ended(mantissa) && mantissa.chars().all(is_group);
    let is_exponent = is_ended(exponent) && exponent.bytes().all(|byte| byte.is_ascii_digit());
    let is_dialled = |c: char| matches!(c, '0'..='9' | ' ' | '\u{A0}' | '(' | ')' | '-');
    let digits = rest.bytes().filter(u8::is_ascii_digit).count();
    let is_phone =
        is_plus && is_ended(rest) && rest.chars().all(is_dialled) && (7..=15).contains(&digits);
    is_grouped && is_exponent || is_phone
}

/// What formulas begin with besides plus and minus, and the forms of all four in which NFKC finds
/// the same.
const SIGNS: [char; 10] = ['=', '@', '＝', '＋', '－', '＠', '﹦', '﹢', '﹣', '﹫'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_like_a_formula_is_one() {
        let signs = "=1+1 @SUM(A1) +A1 -A1 -2+3 +1-2 --1 +-1 - + -=1 ＝1 ＋1 －1 ＠a ﹦1 +\"a\"";
        let numbers = "-1e -1e5+1 -1, -5% +1(2) +7(701)A1 -7(701)123-45-67";
        let blanks = [
            " =1",
            "\u{A0}=1",
            "\u{FEFF}=1",
            "\u{200B}@a",
            "\u{3000}=1",
            "  ＝1",
            "\tx",
            "\rx",
            "\n=1",
            "\t",
            "=cmd|' /C calc'!A0",
        ];
        for formula in signs.split(' ').chain(numbers.split(' ')).chain(blanks) {
            assert!(is_formula_text(formula), "{formula:?}");
            let quoted = format!("\"{}\"", formula.replace('"', "\"\""));
            assert!(is_formula(quoted.as_bytes()), "{formula:?}");
            assert!(formula.contains('"') || is_formula(formula.as_bytes()), "{formula:?}");
        }
    }

    #[test]
    fn signed_numbers_and_plain_texts_are_no_formulas() {
        let plain = "-5 +77011234567 -1,5 -1.5E-05 +1-202-555-0143 Сәрсен a=b '=1 «=» — 5 é (1) *";
        let blanks = ["", " ", "+7 701 123 45 67", "-1 234,50", "+7 (701) 123-45-67", " -5", "-5 "];
        for text in plain.split(' ').chain(blanks) {
            assert!(!is_formula_text(text), "{text:?}");
            assert!(!is_formula(text.as_bytes()), "{text:?}");
            assert!(!is_formula(format!("\"{text}\"").as_bytes()), "{text:?}");
        }
        assert!(!is_formula(b"\"\"\"\""), "a quote");
    }
}
