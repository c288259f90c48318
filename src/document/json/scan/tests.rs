//! Promises of the words.

use proptest::prelude::*;

use super::*;
use crate::document::text::find_noncharacter;

fn string(text: &str) -> Result<(bool, usize), (Fault, usize)> {
    let mut cursor = Cursor { body: text.as_bytes(), at: 0 };
    let escaped = cursor.string();
    escaped.map(|escaped| (escaped, cursor.at)).map_err(|fault| (fault, cursor.at))
}

fn number(text: &str) -> Result<(bool, usize), (Fault, usize)> {
    let mut cursor = Cursor { body: text.as_bytes(), at: 0 };
    let whole = cursor.number();
    whole.map(|whole| (whole, cursor.at)).map_err(|fault| (fault, cursor.at))
}

#[test]
fn a_string_ends_at_its_quote() {
    for length in 0..40 {
        let text = format!("\"{}\"", "я".repeat(length));
        assert_eq!(string(&format!("{text}\"tail\"")), Ok((false, text.len())));
    }
    assert_eq!(string(r#""a\"\\\/\b\f\n\r\t\u0041\ud83d\ude00" "#), Ok((true, 37)));
}

#[test]
fn a_string_is_refused_at_the_byte_at_fault() {
    for (text, fault, at) in [
        ("\"", Fault::Truncated, 1),
        ("\"abcdefghijkl", Fault::Truncated, 13),
        ("\"a\\", Fault::Truncated, 3),
        ("\"a\\u00", Fault::Truncated, 6),
        ("\"ab\ncd\"", Fault::ControlCharacter, 3),
        ("\"abcdefgh\u{1f}\"", Fault::ControlCharacter, 9),
        ("\"a\0\"", Fault::ControlCharacter, 2),
        (r#""a\x""#, Fault::BadEscape, 3),
        (r#""a\'""#, Fault::BadEscape, 3),
        (r#""a\u00G0""#, Fault::BadEscape, 6),
        (r#""a\ud83d""#, Fault::LoneSurrogate, 2),
        (r#""a\ud83d\n""#, Fault::LoneSurrogate, 2),
        (r#""a\ud83dA""#, Fault::LoneSurrogate, 2),
        (r#""a\ude00\ud83d""#, Fault::LoneSurrogate, 2),
        (r#""a\ud83d\ud83d\ude00""#, Fault::LoneSurrogate, 2),
        (r#""a\uffff""#, Fault::Noncharacter, 2),
        (r#""a\uFDD0""#, Fault::Noncharacter, 2),
        (r#""a\ud83f\udffe""#, Fault::Noncharacter, 2),
    ] {
        assert_eq!(string(text), Err((fault, at)), "{text:?}");
    }
}

#[test]
fn controls_are_seen_at_every_place_of_a_word() {
    for at in 1..24 {
        for control in 0..0x20_u8 {
            let mut text = "\"Ж23456789абвгдежзик\"".to_owned().into_bytes();
            text[at] = control;
            let mut cursor = Cursor { body: &text, at: 0 };
            assert_eq!((cursor.string(), cursor.at), (Err(Fault::ControlCharacter), at));
        }
    }
}

#[test]
fn numbers_are_those_of_rfc_8259() {
    for (text, whole) in [
        ("0", true),
        ("-0", true),
        ("10", true),
        ("-907", true),
        ("0.0", false),
        ("1e5", false),
        ("-1.50E+05", false),
        ("0e-999", false),
    ] {
        assert_eq!(number(&format!("{text},")), Ok((whole, text.len())), "{text}");
    }
    for (text, fault, at) in [
        ("01", Fault::BadNumber, 1),
        ("-01", Fault::BadNumber, 2),
        ("-a", Fault::BadNumber, 1),
        ("1.,", Fault::BadNumber, 2),
        ("1.e5", Fault::BadNumber, 2),
        ("1e+,", Fault::BadNumber, 3),
        ("1e,", Fault::BadNumber, 2),
        ("-", Fault::Truncated, 1),
        ("1.", Fault::Truncated, 2),
        ("1e", Fault::Truncated, 2),
        ("1e999", Fault::NumberRange, 0),
        ("-1e309", Fault::NumberRange, 0),
        (&"9".repeat(310), Fault::NumberRange, 0),
    ] {
        assert_eq!(number(text), Err((fault, at)), "{text}");
    }
}

#[test]
fn noncharacters_are_found_and_their_neighbours_are_not() {
    for code in (0..=0x10_FFFF).filter_map(char::from_u32) {
        let low = u32::from(code) & 0xFFFF;
        let is_one = low >= 0xFFFE || (0xFDD0..=0xFDEF).contains(&u32::from(code));
        assert_eq!(find_noncharacter(code.encode_utf8(&mut [0; 4])).is_some(), is_one);
    }
    assert_eq!(find_noncharacter("аб\u{FFFE}"), Some(4));
}

#[test]
fn literals_are_exact() {
    let literal = |text: &str| Cursor { body: text.as_bytes(), at: 0 }.literal(b"true");
    assert_eq!(literal("true,"), Ok(()));
    assert_eq!(literal("trUe"), Err(Fault::ValueMissing));
    assert_eq!(literal("tru"), Err(Fault::Truncated));
}

proptest! {
    #[test]
    fn what_serde_json_writes_is_scanned_and_read_back(text in any::<String>()) {
        prop_assume!(find_noncharacter(&text).is_none());
        let raw = serde_json::to_string(&text).unwrap();
        prop_assert_eq!(string(&raw), Ok((raw.contains('\\'), raw.len())));
        let inner = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap();
        prop_assert_eq!(unescape(inner), text);
    }

    #[test]
    fn every_double_is_in_range(value in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
        let text = format!("{value:e}");
        prop_assert_eq!(number(&text).map(|(_, at)| at), Ok(text.len()));
    }
}
