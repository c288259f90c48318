//! Identifiers that are numbers: which digits of a text make one, and what it is.

use std::ops::Range;

use super::check::{self, Digits};
use super::group::{self, Group, Window};
use super::plain::{is_blank, is_letter};
use super::{DIGITS_MIN, account, paper, phone};
use crate::vocabulary::Kind;

/// What digits are that stand alone as a value.
pub(super) fn kind_of_value(digits: &[u8]) -> Option<Kind> {
    match digits.len() {
        10 => phone::is_mobile(digits).then_some(Kind::Phone),
        11 => is_trunk_call(digits).then_some(Kind::Phone),
        12 => checked(digits),
        13..=DIGITS_MAX => check::is_card(digits).then_some(Kind::Card),
        _ => None,
    }
}

/// Finds the identifiers in a part of a text that has no e-mail address.
pub(super) fn find(plain: &[u8], part: Range<usize>, emit: &mut impl FnMut(Kind, Range<usize>)) {
    let end = part.end;
    let mut window = Window::new(plain, part);
    loop {
        let groups = window.next();
        let Some(first) = groups.first() else { return };
        let here = plain.get(..end).unwrap_or_default();
        if let Some(account) = account::at(here, first.start) {
            window.drop_until(account.end);
            emit(Kind::Iban, account);
            continue;
        }
        let skipped = group::skipped(groups, plain);
        if skipped > 0 {
            window.drop(skipped);
            continue;
        }
        let run = Run { plain, groups: group::run(groups, plain) };
        match run.best() {
            Some(found) => {
                window.drop(found.groups);
                emit(found.kind, found.span);
            }
            None => window.drop(1),
        }
    }
}

/// Groups that follow each other.
#[derive(Clone, Copy)]
struct Run<'p> {
    plain: &'p [u8],
    groups: &'p [Group],
}

/// A number that begins with the first group of a run.
struct Found {
    kind: Kind,
    span: Range<usize>,
    /// How many groups it has.
    groups: usize,
    /// Whether a check digit or a `+` says so.
    is_sure: bool,
}

impl Run<'_> {
    /// The number that begins with the first group, unless a surer one begins inside it.
    fn best(self) -> Option<Found> {
        let found = self.first()?;
        let inside = 1..if found.is_sure { 1 } else { found.groups };
        let is_sure = |from: usize| self.from(from).first().is_some_and(|other| other.is_sure);
        if inside.into_iter().any(is_sure) { None } else { Some(found) }
    }

    fn from(self, from: usize) -> Self {
        Self { groups: self.groups.get(from..).unwrap_or_default(), ..self }
    }

    fn to(self, n: usize) -> Self {
        Self { groups: self.groups.get(..n).unwrap_or_default(), ..self }
    }

    /// The surest number that begins with the first group, and the longest of several.
    fn first(self) -> Option<Found> {
        if self.groups.iter().map(Group::len).sum::<usize>() < DIGITS_MIN {
            return None;
        }
        let is_called = self.is_called();
        let mut digits = Digits::default();
        let mut best: Option<Found> = None;
        for (n, group) in (1..).zip(self.groups) {
            if digits.add(group.digits(self.plain)).is_none() {
                break;
            }
            if digits.as_slice().len() < DIGITS_MIN {
                continue;
            }
            let found = self.to(n).kind(digits.as_slice(), is_called);
            let was_sure = best.as_ref().is_some_and(|best| best.is_sure);
            if let Some(found) = found.filter(|found| found.is_sure || !was_sure) {
                best = Some(found);
            }
        }
        best.filter(|found| !self.is_in_hash(&found.span))
    }

    /// What all groups of the run are together.
    fn kind(self, digits: &[u8], is_called: bool) -> Option<Found> {
        if is_called && self.is_call(digits) {
            return self.found(Kind::Phone, true);
        }
        let sure = match digits.len() {
            12 => checked(digits),
            13..=DIGITS_MAX => check::is_card(digits).then_some(Kind::Card),
            _ => None,
        };
        if let Some(kind) = sure.filter(|_| self.is_one(digits) || self.is_spelt_out(digits)) {
            return self.found(kind, true);
        }
        if self.is_phone(digits) && !is_called {
            return self.found(Kind::Phone, false);
        }
        self.paper(digits)
    }

    fn found(self, kind: Kind, is_sure: bool) -> Option<Found> {
        Some(Found { kind, span: self.span()?, groups: self.groups.len(), is_sure })
    }

    fn span(self) -> Option<Range<usize>> {
        let (first, last) = (self.groups.first()?, self.groups.last()?);
        // The sign and the bracket before a telephone number are a part of it.
        let start = if self.is_called() { self.plus()? } else { first.start };
        Some(start..last.end)
    }

    /// Where the `+` stands that makes a number an international one.
    fn plus(self) -> Option<usize> {
        let start = self.groups.first()?.start;
        let mut before = self.plain.get(..start)?;
        while let [rest @ .., b' ' | b'('] = before
            && start - before.len() < 2
        {
            before = rest;
        }
        match before {
            [.., digit, b'+'] if digit.is_ascii_digit() => None,
            [.., b'+'] => Some(before.len() - 1),
            _ => None,
        }
    }

    fn is_called(self) -> bool {
        self.plus().is_some()
    }

    /// Whether digits after a `+` are a telephone number, not an amount.
    fn is_call(self, digits: &[u8]) -> bool {
        let is_amount = self.groups.iter().skip(1).all(|group| group.len() == 3)
            && digits.ends_with(b"000")
            && self.groups.len() > 1;
        !is_amount && self.groups.len() <= CALL_GROUPS_MAX && phone::is_international(digits)
    }

    /// Whether groups are the way in which somebody writes one number, not several.
    fn is_one(self, digits: &[u8]) -> bool {
        let [first, others @ ..] = self.groups else { return false };
        let Some((last, before)) = self.groups.split_last() else { return false };
        let alike = others.windows(2).all(|pair| matches!(pair, [a, b] if a.gap == b.gap));
        let sized = before.iter().all(|group| (4..=8).contains(&group.len()));
        let even = others.iter().all(|group| group.len() == first.len());
        let years = self.groups.iter().filter(|group| group.is_year(self.plain)).count();
        let parted = match digits.len() {
            12 => last.len() >= 4,
            _ => last.len() >= 3 && others.iter().all(Group::is_after_one_sign),
        };
        others.is_empty()
            || (alike && sized && parted && years < self.groups.len() && (even || years == 0))
    }

    /// Whether groups are an IIN in small parts: where it is announced, or the whole text.
    fn is_spelt_out(self, digits: &[u8]) -> bool {
        let [first, others @ ..] = self.groups else { return false };
        let gap = others.first().and_then(|second| second.gap);
        let is_even = others.iter().all(|group| group.gap == gap && group.len() == first.len());
        let is_host = others.len() == 3 && gap == Some([b'.', 0, 0]);
        digits.len() == 12
            && is_even
            && !is_host
            && check::is_dated(digits)
            && (self.is_alone() || paper::is_announced(self.plain, first.start))
    }

    /// Whether nothing else with a meaning stands in the text.
    fn is_alone(self) -> bool {
        let (Some(first), Some(last)) = (self.groups.first(), self.groups.last()) else {
            return false;
        };
        let before = self.plain.get(..first.start).unwrap_or_default();
        let after = self.plain.get(last.end..).unwrap_or_default();
        !before.iter().rev().chain(after).any(|byte| is_letter(*byte) || byte.is_ascii_digit())
    }

    /// Whether groups are a telephone number without a `+`.
    fn is_phone(self, digits: &[u8]) -> bool {
        if self.groups.len() > PHONE_GROUPS_MAX || self.is_in_word() {
            return false;
        }
        match digits {
            [b'0', b'0', number @ ..] => self.begins(&[2]) && phone::is_international(number),
            [b'8', b'1', b'0', number @ ..] if digits.len() > 11 => {
                (self.begins(&[3]) || self.begins(&[1, 2])) && phone::is_international(number)
            }
            [_, national @ ..] if digits.len() == 11 => {
                is_trunk_call(digits)
                    && (self.has_code(1) || self.has_code_apart())
                    && (!national.starts_with(b"9") || self.is_parted_at(4))
            }
            _ if digits.len() == 10 && self.has_code(0) => {
                // The code of a mobile number has three digits, that of a town four or five.
                let is_parted =
                    matches!(self.groups, [first, _, ..] if matches!(first.len(), 4 | 5));
                let in_brackets = self.plain_before() == Some(b'(');
                (phone::is_mobile(digits) && !is_parted && !self.is_in_code())
                    || (phone::is_fixed(digits) && in_brackets)
            }
            _ => false,
        }
    }

    /// Whether the first groups are these many digits long, or all is one group.
    fn begins(self, lengths: &[usize]) -> bool {
        let is_long = self.groups.iter().any(|group| group.len() >= 3);
        let first = self.groups.iter().map(Group::len).take(lengths.len());
        is_long && (self.groups.len() <= 2 || first.eq(lengths.iter().copied()))
    }

    /// Whether groups begin with a prefix and an area code, and go on as people part the rest.
    fn has_code(self, prefix: usize) -> bool {
        let [first, others @ ..] = self.groups else { return false };
        let code = first.len().saturating_sub(prefix);
        // A mobile number goes on with three digits; an area code of five leaves five.
        let least = match code {
            0..3 => return false,
            3 => 3,
            4 => 2,
            _ => 1,
        };
        others.first().is_none_or(|next| next.len() >= least)
    }

    /// Whether groups are a prefix alone, then a code of three digits or more.
    fn has_code_apart(self) -> bool {
        matches!(self.groups, [first, second, ..] if first.len() == 1 && second.len() >= 3)
    }

    /// Whether groups are one, or a new one begins after so many digits.
    fn is_parted_at(self, digits: usize) -> bool {
        let mut length = 0;
        self.groups.len() == 1
            || self.groups.iter().any(|group| {
                length += group.len();
                length == digits
            })
    }

    fn plain_before(self) -> Option<u8> {
        let start = self.groups.first()?.start;
        self.plain.get(..start)?.last().copied()
    }

    /// Whether digits stand in the middle of a word, such as a product's number.
    fn is_in_word(self) -> bool {
        let after = self.groups.last().and_then(|last| self.plain.get(last.end));
        self.plain_before().is_some_and(is_letter) && after.is_some_and(|byte| is_letter(*byte))
    }

    /// Whether digits are a part of a longer code, such as `ORD-7010000000`.
    fn is_in_code(self) -> bool {
        let before = self.groups.first().and_then(|first| self.plain.get(..first.start));
        matches!(before, Some([.., a, b'-' | b'_' | b'/'])
            if is_letter(*a) || a.is_ascii_digit())
    }

    /// Whether groups are the number of a paper that is named near by.
    fn paper(self, digits: &[u8]) -> Option<Found> {
        let series = self.series();
        let is_paper = matches!(
            (series, digits.len(), self.groups.len()),
            (Some(_), 7..=9, 1..=2) | (None, 9, 1..=3) | (_, 10, 1..=3)
        );
        if !is_paper || self.is_in_word() {
            return None;
        }
        let mut found = self.found(Kind::IdCard, false)?;
        found.span.start = series.unwrap_or(found.span.start);
        found.kind = paper::near(self.plain, found.span.clone())?;
        // Ten digits are the series and number of a Russian passport.
        (digits.len() != 10 || found.kind == Kind::Passport).then_some(found)
    }

    /// Where the one or two letters begin that stand before a passport's number.
    fn series(self) -> Option<usize> {
        let before = self.plain.get(..self.groups.first()?.start)?;
        let letters = match before {
            [rest @ .., gap] if is_blank(*gap) || *gap == b'-' => rest,
            _ => before,
        };
        let n = letters.iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let start = letters.len().checked_sub(n).filter(|_| (1..=2).contains(&n))?;
        let word = letters.get(..start)?.last();
        (!word.is_some_and(|byte| is_letter(*byte) || byte.is_ascii_digit())).then_some(start)
    }

    /// Whether a part is in a UUID or in a hash of 32 or more hexadecimal digits.
    fn is_in_hash(self, part: &Range<usize>) -> bool {
        let is_part = |byte: &&u8| byte.is_ascii_hexdigit() || **byte == b'-';
        let before = self.plain.get(..part.start).unwrap_or_default();
        let before = before.iter().rev().take(HASH_MAX).take_while(is_part).count();
        let after = self.plain.get(part.end..).unwrap_or_default();
        let after = after.iter().take(HASH_MAX).take_while(is_part).count();
        let token = self.plain.get(part.start - before..part.end + after).unwrap_or_default();
        let mut parts = token.split(|byte| *byte == b'-').map(<[u8]>::len);
        let is_hash = |part: &[u8]| part.len() >= 32 && part.iter().any(u8::is_ascii_alphabetic);
        (token.len() == 36 && [8, 4, 4, 4, 12].iter().all(|length| parts.next() == Some(*length)))
            || token.split(|byte| *byte == b'-').any(is_hash)
    }
}

/// Whether 11 digits are a national number of Kazakhstan or Russia after a prefix.
fn is_trunk_call(digits: &[u8]) -> bool {
    matches!(digits, [b'7' | b'8', national @ ..] if phone::is_national(national))
}

/// What 12 digits are by their check digit; an IIN where it is not sure.
fn checked(digits: &[u8]) -> Option<Kind> {
    let kind = if check::is_of_organisation(digits) { Kind::Bin } else { Kind::Iin };
    check::has_check_digit(digits).then_some(kind)
}

const DIGITS_MAX: usize = check::DIGITS_MAX;
/// In how many groups a telephone number is written at most: with its country, and without.
const CALL_GROUPS_MAX: usize = 8;
const PHONE_GROUPS_MAX: usize = 6;
const HASH_MAX: usize = 64;
