//! Check digits, and numbers that only look like identifiers.

/// The digits of a number, in ASCII: as many as an identifier has at most.
#[derive(Clone, Copy, Default)]
pub(super) struct Digits {
    bytes: [u8; DIGITS_MAX],
    len: usize,
}

impl Digits {
    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Adds digits; `None` where they are too many.
    pub(super) fn add(&mut self, digits: &[u8]) -> Option<()> {
        let end = self.len + digits.len();
        self.bytes.get_mut(self.len..end)?.copy_from_slice(digits);
        self.len = end;
        Some(())
    }

    fn add_zeros(&mut self, n: usize) -> Option<()> {
        (0..n).try_for_each(|_| self.add(b"0"))
    }

    /// The digits of fewer than 12 with zeros before them.
    pub(super) fn padded(&self) -> Option<[u8; 12]> {
        let mut padded = [b'0'; 12];
        let start = 12_usize.checked_sub(self.len).filter(|lost| *lost > 0)?;
        padded.get_mut(start..)?.copy_from_slice(self.as_slice());
        Some(padded)
    }
}

/// The digits of a JSON number that is whole, whichever way it is written; `None` where it is not,
/// or too long for an identifier.
pub(super) fn whole(number: &str, digits: &mut Digits) -> Option<()> {
    let number = number.trim_start_matches('-');
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let mut exponent = exponent.trim_start_matches('+').parse::<i64>().ok()?;
    let (mut zeros, mut is_part) = (0, false);
    for byte in mantissa.bytes() {
        match byte {
            b'.' => is_part = true,
            b'0' if digits.len == 0 => {}
            b'0' => zeros += 1,
            b'1'..=b'9' => {
                digits.add_zeros(zeros)?;
                digits.add(&[byte])?;
                zeros = 0;
            }
            _ => return None,
        }
        exponent = exponent.checked_sub(i64::from(is_part && byte != b'.'))?;
    }
    let zeros = usize::try_from(exponent.checked_add(i64::try_from(zeros).ok()?)?).ok()?;
    digits.add_zeros(zeros.min(DIGITS_MAX + 1))
}

/// Whether 12 digits end with the check digit of an IIN or BIN, which have the same one.
pub(super) fn has_check_digit(digits: &[u8]) -> bool {
    let Some((check, values)) = digits.split_last().filter(|(_, rest)| rest.len() == 11) else {
        return false;
    };
    let sum = |weights: [u32; 11]| {
        values.iter().zip(weights).map(|(digit, weight)| value(*digit) * weight).sum::<u32>() % 11
    };
    let sum = match sum([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) {
        10 => sum([3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]),
        sum => sum,
    };
    sum == value(*check) && values.iter().any(|digit| *digit != b'0')
}

/// Whether 12 digits say that they are a BIN: the month of registration, the type, the part.
pub(super) fn is_of_organisation(digits: &[u8]) -> bool {
    let month = digits.get(2..4).map_or(0, number);
    (1..=12).contains(&month) && matches!(digits.get(4..6), Some([b'4'..=b'6', b'0'..=b'3']))
}

/// Whether 12 digits begin with a day that there is in some year.
pub(super) fn is_dated(digits: &[u8]) -> bool {
    let part = |at: std::ops::Range<usize>| digits.get(at).map_or(0, number);
    (1..=12).contains(&part(2..4)) && (1..=31).contains(&part(4..6))
}

/// Whether 13 to 19 digits are the number of a card, and not a time or the number of a book.
pub(super) fn is_card(digits: &[u8]) -> bool {
    // Times since 1970 begin with a 1 too; cards of that kind have 15 digits.
    let begins = match digits {
        [b'0', ..] => false,
        [b'1', ..] => digits.len() == 15,
        _ => true,
    };
    let is_book = digits.len() == 13 && digits.starts_with(b"97");
    begins && !is_book && has_luhn_digit(digits) && !is_time(digits)
}

fn has_luhn_digit(digits: &[u8]) -> bool {
    let doubled = |value: u32| if value > 4 { value * 2 - 9 } else { value * 2 };
    let values = digits.iter().rev().map(|digit| value(*digit)).enumerate();
    let sum: u32 = values.map(|(n, value)| if n % 2 == 1 { doubled(value) } else { value }).sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| Some(digit) != digits.first())
}

/// Whether digits are year, month, day, hour, minute and perhaps second, with nothing between.
fn is_time(digits: &[u8]) -> bool {
    let part = |at: std::ops::Range<usize>| digits.get(at).map_or(0, number);
    digits.len() >= 14
        && (1900..2100).contains(&part(0..4))
        && (1..=12).contains(&part(4..6))
        && (1..=31).contains(&part(6..8))
        && part(8..10) < 24
        && part(10..12) < 60
        && part(12..14) < 60
}

/// The value of a few digits.
pub(super) fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0_u32, |n, digit| n.saturating_mul(10).saturating_add(value(*digit)))
}

fn value(digit: u8) -> u32 {
    u32::from(digit & 0xF)
}

/// The longest number of a card.
pub(super) const DIGITS_MAX: usize = 19;
