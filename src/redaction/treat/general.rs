//! Generalising: a date becomes its year or month, an address its region, a number its band.
//!
//! What is not surely a date, a listed region or a number becomes nothing: it cannot be treated.

use crate::policy::DatePart;

/// The year or month of a date: `2001-02-03`, an RFC 3339 or ISO 8601 date and time, or
/// `03.02.2001`. White space around it does not count.
pub(super) fn date(text: &str, part: DatePart) -> Option<String> {
    let text = text.trim();
    let (year, month) = iso(text).or_else(|| with_points(text))?;
    Some(match part {
        DatePart::Year => format!("{year:04}"),
        DatePart::Month => format!("{year:04}-{month:02}"),
    })
}

/// The year and month of `2001-02-03`, alone or with a time after `T`.
fn iso(text: &str) -> Option<(i16, i8)> {
    let (date, time) = match text.split_once(['T', 't']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    if !time.is_none_or(is_time) {
        return None;
    }
    let mut parts = date.splitn(3, '-');
    calendar(parts.next()?, parts.next()?, parts.next()?)
}

fn with_points(text: &str) -> Option<(i16, i8)> {
    let mut parts = text.splitn(3, '.');
    let (day, month) = (parts.next()?, parts.next()?);
    calendar(parts.next()?, month, day)
}

/// A day that there is in the calendar.
fn calendar(year: &str, month: &str, day: &str) -> Option<(i16, i8)> {
    let (year, month, day) = (digits(year, 4)?, digits(month, 2)?, digits(day, 2)?);
    let (year, month) = (i16::try_from(year).ok()?, i8::try_from(month).ok()?);
    jiff::civil::Date::new(year, month, i8::try_from(day).ok()?).ok()?;
    Some((year, month))
}

/// `04:05`, `04:05:06`, `04:05:06.789`; `Z`, `+05:00` or nothing.
fn is_time(text: &str) -> bool {
    let clock = text.strip_suffix(['Z', 'z']).map_or_else(|| without_offset(text), Some);
    let Some(clock) = clock else { return false };
    let mut parts = clock.splitn(3, ':');
    let pair = |part: Option<&str>, most| part.and_then(|p| digits(p, 2)).is_some_and(|n| n < most);
    if !(pair(parts.next(), 24) && pair(parts.next(), 60)) {
        return false;
    }
    let Some(seconds) = parts.next() else { return true };
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
    // 60 is a leap second.
    pair(Some(whole), 61) && is_fraction
}

/// What stands before an offset such as `+05:00`, if what follows the sign is one.
fn without_offset(text: &str) -> Option<&str> {
    let Some((clock, offset)) = text.rsplit_once(['+', '-']) else { return Some(text) };
    let (hours, minutes) = offset.split_once(':')?;
    let is_offset = digits(hours, 2)? < 24 && digits(minutes, 2)? < 60;
    is_offset.then_some(clock)
}

fn digits(text: &str, length: usize) -> Option<u16> {
    if text.len() != length || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// The first of some regions that an address names, as the rule writes it.
///
/// A region is named where a part of the address between commas is it; case and white space do not
/// count, nor whether a letter and its mark are written as one or as two.
pub(super) fn region<'r>(address: &str, regions: &'r [String]) -> Option<&'r str> {
    let named: Vec<String> = address.split(',').map(folded).collect();
    let found = regions.iter().find(|region| named.contains(&folded(region)))?;
    Some(found)
}

/// A name as it is compared.
fn folded(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for word in name.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        for c in word.chars().flat_map(char::to_lowercase) {
            let composed = folded.chars().next_back().and_then(|last| composed(last, c));
            if composed.is_some() {
                folded.pop();
            }
            folded.push(composed.unwrap_or(c));
        }
    }
    folded
}

/// The letter that a letter and a mark are, of the alphabets of Kazakh, Russian and English (NFC).
fn composed(letter: char, mark: char) -> Option<char> {
    match (letter, mark) {
        ('и', '\u{306}') => Some('й'),
        ('е', '\u{308}') => Some('ё'),
        _ => None,
    }
}

/// The band of a number: `80-89` for 85 and a width of 10. Of a fraction the whole number below it
/// counts, so that 89.5 is in `80-89` and −0.5 in `-10--1`.
///
/// A number is written as in JSON (RFC 8259) and has at most 38 digits before the point, its
/// exponent carried out; white space around it does not count.
pub(super) fn band(number: &str, width: u32) -> Option<String> {
    let floor = floor(number.trim())?;
    let width = i128::from(width);
    let lower = floor.checked_div_euclid(width)?.checked_mul(width)?;
    let upper = lower.checked_add(width.checked_sub(1)?)?;
    Some(format!("{lower}-{upper}"))
}

/// The largest whole number that is not above a number.
fn floor(number: &str) -> Option<i128> {
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, self::exponent(exponent)?),
        None => (number, 0),
    };
    let (is_negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (mantissa, ""),
    };
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let leads = whole.len() > 1 && whole.starts_with('0');
    if whole.is_empty() || leads || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let (magnitude, has_rest) = shifted(whole, fraction, exponent)?;
    if !is_negative {
        return Some(magnitude);
    }
    magnitude.checked_neg()?.checked_sub(i128::from(has_rest))
}

/// The whole part of a number of these digits with its point moved to the right, and whether
/// anything but zeros follows it.
fn shifted(whole: &str, fraction: &str, exponent: i64) -> Option<(i128, bool)> {
    let digits = || whole.bytes().chain(fraction.bytes());
    if digits().all(|b| b == b'0') {
        return Some((0, false));
    }
    let point = i64::try_from(whole.len()).ok()?.checked_add(exponent)?;
    let point = usize::try_from(point).unwrap_or(0);
    let has_rest = digits().skip(point).any(|b| b != b'0');
    let mut magnitude: i128 = 0;
    // Digits that lead nowhere are not counted out: beyond 38 it is too large anyway.
    let zeros = digits().take_while(|b| *b == b'0').count();
    if point.saturating_sub(zeros) > DIGITS_MAX {
        return None;
    }
    for digit in digits().chain(std::iter::repeat(b'0')).take(point).skip(zeros) {
        magnitude = magnitude.checked_mul(10)?.checked_add(i128::from(digit.wrapping_sub(b'0')))?;
    }
    Some((magnitude, has_rest))
}

/// The exponent of a number: digits with or without a sign.
fn exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Whole numbers of so many digits fit.
const DIGITS_MAX: usize = 38;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_date_becomes_its_year_or_month() {
        for (text, month) in [
            ("2001-02-03", Some("2001-02")),
            (" 2001-02-03\n", Some("2001-02")),
            ("03.02.2001", Some("2001-02")),
            ("2001-02-03T04:05:06Z", Some("2001-02")),
            ("2001-02-03t04:05:06.789+05:00", Some("2001-02")),
            ("2001-02-03T04:05:06-05:00", Some("2001-02")),
            ("2001-02-03T04:05", Some("2001-02")),
            ("2016-12-31T23:59:60Z", Some("2016-12")),
            ("2004-02-29", Some("2004-02")),
            ("2001-02-29", None),
            ("2001-13-01", None),
            ("2001-2-3", None),
            ("3.2.2001", None),
            ("02/03/2001", None),
            ("2001", None),
            ("20010203", None),
            ("2001-02-03 04:05:06", None),
            ("2001-02-03T25:00:00Z", None),
            ("2001-02-03T04:05:06+5", None),
            ("2001-02-03T", None),
            ("born 2001-02-03", None),
            ("", None),
        ] {
            assert_eq!(date(text, DatePart::Month).as_deref(), month, "{text}");
            let year = month.and_then(|month| month.get(..4));
            assert_eq!(date(text, DatePart::Year).as_deref(), year, "{text}");
        }
    }

    #[test]
    fn an_address_becomes_a_region_that_the_rule_lists() {
        let regions = ["Алматы облысы", "Алматы", "Абай облысы"].map(String::from);
        for (address, found) in [
            ("Қазақстан, Алматы облысы, Талғар ауданы, Абай көшесі 5", Some("Алматы облысы")),
            ("алматы , көше 1", Some("Алматы")),
            ("1 көше,АБАЙ   облысы", Some("Абай облысы")),
            ("Абаи\u{306} облысы, Семей", Some("Абай облысы")),
            ("Алматы қаласы, көше 1", None),
            ("Алматыда", None),
            ("Абай", None),
            ("", None),
        ] {
            assert_eq!(region(address, &regions), found, "{address}");
        }
        assert_eq!(region("Алматы, Алматы облысы", &regions), Some("Алматы облысы"));
        assert_eq!(region("Алматы", &[]), None);
    }

    #[test]
    fn a_number_becomes_its_band() {
        for (number, band) in [
            ("85", Some("80-89")),
            ("80", Some("80-89")),
            ("89.999", Some("80-89")),
            ("90", Some("90-99")),
            ("0", Some("0-9")),
            ("-0", Some("0-9")),
            ("-0.0", Some("0-9")),
            ("-0.5", Some("-10--1")),
            ("-10", Some("-10--1")),
            ("-10.5", Some("-20--11")),
            ("8.5e1", Some("80-89")),
            ("850E-1", Some("80-89")),
            ("0.00085e+5", Some("80-89")),
            ("1e-9999999", Some("0-9")),
            ("-1e-9999999", Some("-10--1")),
            ("0e99999999999999", Some("0-9")),
            (" 7 ", Some("0-9")),
            (
                "12345678901234567890123456789012345678",
                Some(
                    "12345678901234567890123456789012345670-\
                    12345678901234567890123456789012345679",
                ),
            ),
            ("1e38", None),
            ("1e99999999999999999999", None),
            ("123456789012345678901234567890123456789", None),
            ("085", None),
            ("8,5", None),
            ("85 kg", None),
            (".5", None),
            ("5.", None),
            ("+5", None),
            ("1e", None),
            ("-", None),
            ("", None),
            ("٣", None),
        ] {
            assert_eq!(super::band(number, 10).as_deref(), band, "{number}");
        }
    }

    proptest! {
        #[test]
        fn a_band_contains_its_number(
            whole in any::<i64>(), fraction in 0_u32..1000, width in 2_u32..,
        ) {
            let number = format!("{whole}.{fraction:03}");
            let band = band(&number, width).unwrap();
            let split = band.get(1..).unwrap().find('-').unwrap() + 1;
            let lower: i128 = band.get(..split).unwrap().parse().unwrap();
            let upper: i128 = band.get(split + 1..).unwrap().parse().unwrap();
            // In thousandths, where the upper end is open.
            let sign = if number.starts_with('-') { -1 } else { 1 };
            let thousandths = i128::from(whole) * 1000 + sign * i128::from(fraction);
            prop_assert!(lower * 1000 <= thousandths && thousandths < (upper + 1) * 1000);
            prop_assert_eq!(upper - lower + 1, i128::from(width));
            prop_assert_eq!(lower.rem_euclid(i128::from(width)), 0);
        }

        #[test]
        fn no_text_brings_a_generalisation_down(
            text in "\\PC{0,20}", number in "[-+.eE0-9]{0,12}",
        ) {
            for text in [text, number] {
                let _ = (date(&text, DatePart::Year), band(&text, 10));
                let read = serde_json::from_str::<serde_json::Number>(text.trim());
                prop_assert!(read.is_ok() || band(&text, 10).is_none(), "{}", text);
            }
        }
    }
}
