//! Digits that stand together, and which of their neighbours may belong to the same number.

use std::ops::Range;

use super::check::number;
use super::plain::is_blank;

/// Digits that stand together.
#[derive(Clone, Copy, Default)]
pub(super) struct Group {
    pub(super) start: usize,
    pub(super) end: usize,
    /// What stands between it and the digits before, blanks as blanks; `None` where it is too long
    /// or has other signs.
    pub(super) gap: Option<[u8; GAP_MAX]>,
}

impl Group {
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(super) fn digits<'p>(&self, plain: &'p [u8]) -> &'p [u8] {
        plain.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether one sign stands before it, this one.
    fn is_after(&self, sign: u8) -> bool {
        self.gap == Some([sign, 0, 0])
    }

    pub(super) fn is_after_one_sign(&self) -> bool {
        matches!(self.gap, Some([_, 0, 0]))
    }

    /// The hyphen or dot before it, if nothing else stands there.
    fn sign(&self) -> Option<u8> {
        match self.gap {
            Some([sign @ (b'-' | b'.'), 0, 0]) => Some(sign),
            _ => None,
        }
    }

    pub(super) fn is_year(&self, plain: &[u8]) -> bool {
        self.len() == 4 && (1900..2100).contains(&number(self.digits(plain)))
    }

    fn is_within(&self, to: u32, plain: &[u8]) -> bool {
        self.len() == 2 && (1..=to).contains(&number(self.digits(plain)))
    }
}

/// The next groups of a part of a text.
pub(super) struct Window<'p> {
    plain: &'p [u8],
    /// Where the next group is looked for, and where none is any more.
    at: usize,
    end: usize,
    groups: [Group; AHEAD],
    len: usize,
}

impl<'p> Window<'p> {
    pub(super) fn new(plain: &'p [u8], part: Range<usize>) -> Self {
        let (at, end) = (part.start, part.end);
        Self { plain, at, end, groups: [Group::default(); AHEAD], len: 0 }
    }

    /// The next groups, as many as may make one number.
    pub(super) fn next(&mut self) -> &[Group] {
        while self.len < AHEAD {
            let before = self.at;
            let Some(group) = self.group() else { break };
            if let Some(place) = self.groups.get_mut(self.len) {
                *place = Group { gap: gap(self.plain.get(before..group.start)), ..group };
            }
            self.len += 1;
        }
        self.groups.get(..self.len).unwrap_or_default()
    }

    /// Goes past groups.
    pub(super) fn drop(&mut self, n: usize) {
        let n = n.min(self.len);
        self.groups.copy_within(n..self.len, 0);
        self.len -= n;
    }

    /// Goes past all groups before a place, which is in no group.
    pub(super) fn drop_until(&mut self, end: usize) {
        let groups = self.groups.get(..self.len).unwrap_or_default();
        let n = groups.iter().take_while(|group| group.start < end).count();
        self.drop(n);
        self.at = self.at.max(end);
    }

    fn group(&mut self) -> Option<Group> {
        let rest = self.plain.get(self.at..self.end)?;
        let start = self.at + rest.iter().position(u8::is_ascii_digit)?;
        let rest = self.plain.get(start..self.end)?;
        let length = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        self.at = start + length;
        Some(Group { start, end: self.at, gap: None })
    }
}

fn gap(between: Option<&[u8]>) -> Option<[u8; GAP_MAX]> {
    let between = between.filter(|between| (1..=GAP_MAX).contains(&between.len()))?;
    let mut gap = [0; GAP_MAX];
    for (place, byte) in gap.iter_mut().zip(between) {
        *place = match byte {
            b'-' | b'.' | b'(' | b')' | b'[' | b']' => *byte,
            blank if is_blank(*blank) => b' ',
            _ => return None,
        };
    }
    Some(gap)
}

/// The groups that follow each other from the first on, up to a date or a decimal.
pub(super) fn run<'g>(groups: &'g [Group], plain: &[u8]) -> &'g [Group] {
    let goes_on = |n: &usize| {
        let rest = groups.get(*n..).unwrap_or_default();
        rest.first().is_some_and(|group| group.gap.is_some()) && skipped(rest, plain) == 0
    };
    let length = 1 + (1..groups.len()).take_while(goes_on).count();
    groups.get(..length).unwrap_or_default()
}

/// How many of the first groups make a date or a decimal.
pub(super) fn skipped(groups: &[Group], plain: &[u8]) -> usize {
    let Some(sign) = groups.get(1).and_then(Group::sign) else { return 0 };
    let goes_on = |next: Option<&Group>| next.is_some_and(|next| next.is_after(sign));
    let is_date = |a: &Group, b: &Group, c: &Group| {
        (a.is_year(plain) && b.is_within(12, plain) && c.is_within(31, plain))
            || (a.is_within(31, plain) && b.is_within(12, plain) && c.is_year(plain))
    };
    match groups {
        [a, b, c, after @ ..]
            if c.is_after(sign)
                && !a.is_after(sign)
                && !goes_on(after.first())
                && is_date(a, b, c) =>
        {
            3
        }
        [whole, part, after @ ..]
            if sign == b'.' && !goes_on(after.first()) && (whole.len() <= 3 && part.len() >= 5) =>
        {
            2
        }
        _ => 0,
    }
}

/// How many characters stand between the groups of one number at most.
const GAP_MAX: usize = 3;
/// A number in twelve groups has a digit in each.
const AHEAD: usize = 13;
