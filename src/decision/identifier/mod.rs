//! What a value looks like that points to a person, wherever it stands in a text.
//!
//! Studies get nothing of the kind (94-V Art. 17(1)). What has a check digit is held against it;
//! what has none is known by its shape, so that here and there an innocent number is taken for an
//! identifier, and an identifier is not taken for an innocent number.
//!
//! | what | how it is known |
//! |---|---|
//! | IIN, BIN | 12 digits with the check digit of both |
//! | bank card | 13 to 19 digits with the check digit of ISO/IEC 7812-1 (Luhn) |
//! | bank account | an IBAN with the check digits of ISO 13616 |
//! | telephone | `+` and 8 to 15 digits; `7` or `8` and 10 digits; 10 digits of a mobile number |
//! | e-mail address | something, `@`, a domain name |
//! | keyed hash, UUID | 32 or more hexadecimal digits |
//! | token | 22 or more characters of base64 that mix letters and digits |
//!
//! Blanks, hyphens, dots and brackets between digits do not count, and other forms of a digit are
//! that digit. Dates, decimals and lists of years are not numbers of this kind.

use std::borrow::Cow;

/// Whether a text has something in it that points to a person.
#[must_use]
pub fn is_in(text: &str) -> bool {
    let text = plain(text);
    has_address(&text)
        || has_number(&text)
        || has_hash(&text)
        || has_token(&text)
        || has_account(&text)
}

/// Whether a number, as JSON writes it, is one that points to a person.
#[must_use]
pub fn is_number(text: &str) -> bool {
    let Some(digits) = whole(text) else { return false };
    // A number has lost the zeros that an IIN of somebody born after 1999 begins with.
    let padded = format!("{digits:0>12}");
    let lost = digits.len() < 12 && is_dated(&padded) && is_iin(&padded);
    lost || points(&digits) || digits.len() >= HASH_DIGITS
}

/// The text with other forms of digits, blanks and hyphens written as ASCII has them.
fn plain(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let ascii = |base: u32, c: char, zero: char| {
        char::from_u32(u32::from(c) - base + u32::from(zero)).unwrap_or(c)
    };
    let plain = |c: char| match c {
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => None,
        '\u{ff01}'..='\u{ff5e}' => Some(ascii(0xff01, c, '!')),
        '\u{660}'..='\u{669}' => Some(ascii(0x660, c, '0')),
        '\u{6f0}'..='\u{6f9}' => Some(ascii(0x6f0, c, '0')),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => Some('-'),
        c if c.is_whitespace() => Some(' '),
        c => Some(c),
    };
    text.chars().filter_map(plain).collect()
}

fn has_address(text: &str) -> bool {
    let mut parts = text.split('@');
    let mut before = parts.next().unwrap_or_default();
    parts.any(|after| {
        let named = before.ends_with(|c: char| !c.is_whitespace() && !"(<[,;:\"'".contains(c));
        before = after;
        let end = after.find(|c: char| !c.is_alphanumeric() && c != '-' && c != '.');
        let domain = after.get(..end.unwrap_or(after.len())).unwrap_or_default();
        let top = domain.trim_end_matches('.').rsplit_once('.');
        let is_top = |top: &str| top.len() > 1 && !top.starts_with(|c: char| c.is_numeric());
        named && top.is_some_and(|(rest, top)| !rest.is_empty() && is_top(top))
    })
}

/// Digits that stand together, and what stands between them and the digits before.
#[derive(Clone, Copy)]
struct Group<'t> {
    gap: &'t str,
    digits: &'t str,
}

impl Group<'_> {
    /// Whether it goes on where the group before ended.
    fn follows(&self) -> bool {
        (1..=GAP_MAX).contains(&self.gap.len()) && self.gap.chars().all(|c| " -.()[]".contains(c))
    }

    fn number(&self) -> usize {
        self.digits.parse().unwrap_or(usize::MAX)
    }

    fn is_year(&self) -> bool {
        self.digits.len() == 4 && (1900..2100).contains(&self.number())
    }

    fn is_within(&self, to: usize) -> bool {
        self.digits.len() == 2 && (1..=to).contains(&self.number())
    }
}

fn has_number(text: &str) -> bool {
    let groups = groups(text);
    let alone = !text.contains(char::is_alphabetic);
    runs(&groups).iter().any(|run| {
        let is_whole = alone && run.len() == groups.len();
        let is_called = run.first().is_some_and(|first| first.gap.ends_with('+'));
        (is_called && calls(run)) || (is_whole && is_number_of(run)) || holds_number(run)
    })
}

fn groups(text: &str) -> Vec<Group<'_>> {
    let mut groups = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (gap, from) = rest.split_at(start);
        let end = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
        let (digits, after) = from.split_at(end);
        groups.push(Group { gap, digits });
        rest = after;
    }
    groups
}

/// The groups that follow each other, without those that make a date or a decimal.
fn runs<'t>(groups: &[Group<'t>]) -> Vec<Vec<Group<'t>>> {
    let mut runs = Vec::new();
    let mut run = Vec::new();
    let mut rest = groups;
    while let [first, after @ ..] = rest {
        let skipped = skipped(rest);
        if skipped > 0 || !first.follows() {
            runs.push(std::mem::take(&mut run));
        }
        if skipped > 0 {
            rest = rest.get(skipped..).unwrap_or_default();
        } else {
            run.push(*first);
            rest = after;
        }
    }
    runs.push(run);
    runs
}

/// How many of the first groups make a date or a decimal.
fn skipped(groups: &[Group<'_>]) -> usize {
    let goes_on = |gap, next: Option<&Group<'_>>| next.is_some_and(|next| next.gap == gap);
    match groups {
        [a, b, c, after @ ..]
            if matches!(b.gap, "-" | ".")
                && (b.gap == c.gap && a.gap != b.gap && !goes_on(b.gap, after.first()))
                && ((a.is_year() && b.is_within(12) && c.is_within(31))
                    || (a.is_within(31) && b.is_within(12) && c.is_year())) =>
        {
            3
        }
        [whole, part, after @ ..]
            if part.gap == "."
                && !goes_on(".", after.first())
                && (whole.digits.len() <= 3 && part.digits.len() >= 5) =>
        {
            2
        }
        _ => 0,
    }
}

/// Whether the digits after a `+` are those of a telephone number (ITU-T E.164).
fn calls(run: &[Group<'_>]) -> bool {
    let mut digits = 0;
    run.iter().any(|group| {
        digits += group.digits.len();
        (8..=15).contains(&digits)
    })
}

/// Whether groups are one number, however they are parted.
fn is_number_of(groups: &[Group<'_>]) -> bool {
    let digits: String = groups.iter().map(|group| group.digits).collect();
    !is_list(groups) && points(&digits)
}

/// Whether some neighbours among groups are written as one number.
fn holds_number(groups: &[Group<'_>]) -> bool {
    (0..groups.len()).any(|start| {
        let from = groups.get(start..).unwrap_or_default();
        let ends = 1..=from.len().min(GROUPS_MAX);
        ends.filter_map(|end| from.get(..end)).any(|together| match together {
            [one] => points(one.digits),
            several => is_written_so(several) && is_number_of(several),
        })
    })
}

/// Whether groups are the way in which somebody writes one number, not several.
fn is_written_so(groups: &[Group<'_>]) -> bool {
    let [_, second, more @ ..] = groups else { return false };
    let alike = more.iter().all(|group| group.gap == second.gap);
    let long = groups.iter().rev().skip(1).all(|group| group.digits.len() >= 4);
    length(groups) == PHONE_DIGITS || (alike && long)
}

/// Whether groups are years or small numbers, not one number.
fn is_list(groups: &[Group<'_>]) -> bool {
    let [first, second, ..] = groups else { return false };
    if length(groups) == PHONE_DIGITS {
        // A trunk or country digit, then an area code, which begins with a 3 or more.
        let area = first.digits.get(1..).filter(|rest| !rest.is_empty()).unwrap_or(second.digits);
        return groups.len() > GROUPS_MAX || area.starts_with(['0', '1', '2']);
    }
    let is_small = first.digits.len() <= 3;
    let same = groups.iter().all(|group| group.digits == first.digits);
    (is_small && same) || groups.iter().all(Group::is_year)
}

fn length(groups: &[Group<'_>]) -> usize {
    groups.iter().map(|group| group.digits.len()).sum()
}

/// Whether digits without anything between them are an IIN, a BIN, a card or a telephone number.
fn points(digits: &str) -> bool {
    match digits.len() {
        10 => MOBILE.iter().any(|code| digits.starts_with(code)),
        PHONE_DIGITS => digits.starts_with(['7', '8']),
        12 => is_iin(digits),
        // Times since 1970 begin with a 1 too; cards of that kind have 15 digits.
        13 | 14 | 16..=19 => !digits.starts_with('1') && is_card(digits),
        15 => is_card(digits),
        _ => false,
    }
}

/// The check digit of an IIN and of a BIN; neither the date nor the sex in it is looked at.
fn is_iin(digits: &str) -> bool {
    let values: Vec<u32> = digits.chars().filter_map(|c| c.to_digit(10)).collect();
    let Some((check, values)) = values.split_last() else { return false };
    let sum = |weights: [u32; 11]| {
        values.iter().zip(weights).map(|(value, weight)| value * weight).sum::<u32>() % 11
    };
    let sum = match sum([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) {
        10 => sum([3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]),
        sum => sum,
    };
    values.len() == 11 && sum == *check && values.iter().any(|value| *value != 0)
}

/// Whether an IIN begins with a day that there is in some year.
fn is_dated(digits: &str) -> bool {
    let number = |at: std::ops::Range<usize>| digits.get(at).and_then(|n| n.parse().ok());
    matches!((number(2..4), number(4..6)), (Some(1..=12), Some(1..=31)))
}

fn is_card(digits: &str) -> bool {
    let doubled = |value: u32| if value > 4 { value * 2 - 9 } else { value * 2 };
    let values = digits.chars().rev().filter_map(|c| c.to_digit(10)).enumerate();
    let sum: u32 = values.map(|(n, value)| if n % 2 == 1 { doubled(value) } else { value }).sum();
    let first = digits.chars().next();
    sum.is_multiple_of(10) && !digits.chars().all(|c| Some(c) == first)
}

fn has_hash(text: &str) -> bool {
    let runs = text.split(|c: char| !c.is_ascii_hexdigit() && c != '-');
    runs.map(|run| run.bytes().filter(|byte| *byte != b'-').count()).any(|n| n >= HASH_DIGITS)
}

/// A token mixes letters and digits everywhere; words and numbers that hyphens join do not.
fn has_token(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+/_-=".contains(c);
    text.split(|c| !is_part(c)).filter(|run| run.len() >= TOKEN_BYTES).any(|run| {
        let words = run.split(|c: char| !c.is_ascii_alphanumeric());
        let mixed = words.filter(|word| changes(word) >= 2).map(str::len).sum::<usize>();
        mixed >= TOKEN_BYTES / 2
    })
}

/// How often letters and digits take turns.
fn changes(word: &str) -> usize {
    word.as_bytes()
        .windows(2)
        .filter(|pair| matches!(pair, [a, b] if a.is_ascii_digit() != b.is_ascii_digit()))
        .count()
}

fn has_account(text: &str) -> bool {
    let mut starts = text.char_indices().filter(|(_, c)| c.is_ascii_alphabetic());
    starts.any(|(at, _)| {
        let (before, from) = text.split_at(at);
        !before.ends_with(|c: char| c.is_ascii_alphanumeric()) && starts_with_account(from)
    })
}

fn starts_with_account(text: &str) -> bool {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
    let (word, _) = text.split_at(end);
    if word.len() > 4 {
        return is_account(word);
    }
    // As it is printed: groups of four, the last one perhaps shorter.
    let mut groups = text.split([' ', '-']);
    let mut account = String::new();
    loop {
        let Some(group) = groups.next() else { return false };
        let end = group.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(group.len());
        let (letters, after) = group.split_at(end);
        account.push_str(letters);
        if is_account(&account) {
            return true;
        }
        if letters.len() != 4 || !after.is_empty() || account.len() > ACCOUNT_MAX {
            return false;
        }
    }
}

/// Country, two check digits, an account of up to 30 characters (ISO 13616-1).
fn is_account(word: &str) -> bool {
    let letters = |part: Option<&str>| {
        part.is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_alphabetic()))
    };
    let digits = |part: Option<&str>| {
        part.is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if !(15..=ACCOUNT_MAX).contains(&word.len())
        || !letters(word.get(..2))
        || !digits(word.get(2..4))
    {
        return false;
    }
    let (head, account) = word.split_at(4);
    let values = account.chars().chain(head.chars()).filter_map(|c| c.to_digit(36));
    let left = values.fold(0, |left, value| {
        if value > 9 { (left * 100 + value) % 97 } else { (left * 10 + value) % 97 }
    });
    left == 1
}

/// The digits of a JSON number that is whole, whichever way it is written.
fn whole(number: &str) -> Option<String> {
    let number = number.trim_start_matches('-');
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (digits, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = format!("{digits}{part}");
    let shift = exponent.trim_start_matches('+').parse::<i64>().ok()?;
    let shift = shift.checked_sub(i64::try_from(part.len()).ok()?)?;
    let places = usize::try_from(shift.unsigned_abs()).ok()?;
    if shift >= 0 {
        if places > NUMBER_DIGITS_MAX {
            return None;
        }
        digits.extend(std::iter::repeat_n('0', places));
    } else {
        let cut = digits.len().checked_sub(places)?;
        if digits.get(cut..)?.bytes().any(|digit| digit != b'0') {
            return None;
        }
        digits.truncate(cut);
    }
    Some(digits.trim_start_matches('0').to_owned())
}

/// How many characters stand between the groups of one number at most.
const GAP_MAX: usize = 3;
/// In how many groups a number is written at most.
const GROUPS_MAX: usize = 5;
const PHONE_DIGITS: usize = 11;
const HASH_DIGITS: usize = 32;
const TOKEN_BYTES: usize = 22;
const ACCOUNT_MAX: usize = 34;
/// No number that points to a person has more zeros at its end.
const NUMBER_DIGITS_MAX: usize = 64;
/// How the mobile numbers of Kazakhstan begin.
const MOBILE: [&str; 19] = [
    "700", "701", "702", "705", "706", "707", "708", "747", "760", "761", "762", "763", "764",
    "771", "775", "776", "777", "778", "785",
];

#[cfg(test)]
mod tests;
