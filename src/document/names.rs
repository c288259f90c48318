//! Member names: their prints, and whether one stands twice in an object.
//!
//! Invariants:
//! - a print is a hint: equal names have equal prints, and every decision compares the names;
//! - names are compared as characters, after their escapes, so `"a"` and `"\u0061"` are the same;
//! - no input makes this slow: few names are compared pair by pair, many are sorted once.

/// A short digest of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Print(u32);

impl Print {
    /// The print of a name, which has no escapes any more.
    #[inline]
    pub(crate) fn of(name: &[u8]) -> Self {
        let (head, tail) = match (name.first_chunk(), name.last_chunk()) {
            (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
            _ => (short(name), 0),
        };
        let mixed = (head ^ tail.rotate_left(29) ^ name.len() as u64).wrapping_mul(MIXER);
        Self(u32::try_from(mixed >> 32).unwrap_or(0))
    }
}

/// A member name that was met.
#[derive(Clone, Copy)]
pub(super) struct Name {
    /// Where it begins in the body, at its quote.
    pub(super) at: u32,
    /// Where its characters begin and end.
    pub(super) start: u32,
    pub(super) end: u32,
    /// Whether they stand among the names that had escapes, not in the body.
    pub(super) is_unescaped: bool,
}

/// A name with its print.
#[derive(Clone, Copy)]
struct Met {
    name: Name,
    print: Print,
}

/// An object that is open.
#[derive(Clone, Copy)]
pub(super) struct Opened {
    /// Where its names begin.
    from: usize,
    /// One bit for each name's print: a name whose bit is not here is new.
    seen: u64,
}

impl Opened {
    /// No object.
    pub(super) const NONE: Self = Self { from: 0, seen: 0 };
}

/// The names of the objects that are open, those of the innermost last.
pub(super) struct Names<'a> {
    body: &'a [u8],
    unescaped: String,
    met: Vec<Met>,
}

impl<'a> Names<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { body, unescaped: String::new(), met: Vec::with_capacity(NAMES_USUAL) }
    }

    /// Keeps the characters of a name that has escapes.
    pub(super) fn unescape(&mut self, at: u32, name: &str) -> Name {
        let start = offset(self.unescaped.len());
        self.unescaped.push_str(name);
        Name { at, start, end: offset(self.unescaped.len()), is_unescaped: true }
    }

    /// The characters of a name.
    #[inline]
    pub(super) fn text(&self, name: Name) -> &[u8] {
        let all = if name.is_unescaped { self.unescaped.as_bytes() } else { self.body };
        all.get(name.start as usize..name.end as usize).unwrap_or_default()
    }

    /// Opens an object, which is the innermost one now.
    #[inline]
    pub(super) fn open(&self) -> Opened {
        Opened { from: self.met.len(), seen: 0 }
    }

    /// Adds a name to the innermost object; false where it is seen to stand there already.
    #[inline]
    pub(super) fn add(&mut self, object: &mut Opened, name: Name, print: Print) -> bool {
        let bit = 1 << (print.0 & 63);
        let is_new = object.seen & bit == 0 || self.is_new(object.from, name, print);
        object.seen |= bit;
        self.met.push(Met { name, print });
        is_new
    }

    /// Forgets the innermost object; returns the first duplicate that was not seen before.
    #[inline]
    pub(super) fn close(&mut self, object: Opened) -> Option<Name> {
        let is_large = self.met.len() - object.from > PAIRED_MAX;
        let duplicate = if is_large { self.sort(object.from) } else { None };
        self.met.truncate(object.from);
        duplicate
    }

    fn is_new(&self, from: usize, name: Name, print: Print) -> bool {
        let known = self.met.get(from..).unwrap_or_default();
        let mut twins = known.iter().filter(|other| other.print == print);
        known.len() >= PAIRED_MAX || !twins.any(|other| self.text(other.name) == self.text(name))
    }

    #[cold]
    fn sort(&self, from: usize) -> Option<Name> {
        let names = self.met.get(from..).unwrap_or_default().iter();
        let mut sorted: Vec<_> =
            names.map(|met| (met.print, self.text(met.name), met.name)).collect();
        sorted.sort_unstable_by_key(|(print, text, name)| (*print, *text, name.at));
        sorted
            .array_windows()
            .filter(|[one, other]| (one.0, one.1) == (other.0, other.1))
            .map(|[_, other]| other.2)
            .min_by_key(|name| name.at)
    }
}

/// A name of at most seven bytes as one number.
#[inline]
fn short(name: &[u8]) -> u64 {
    match (name.first_chunk(), name.last_chunk()) {
        (Some(head), Some(tail)) => {
            u64::from(u32::from_le_bytes(*head)) << 32 | u64::from(u32::from_le_bytes(*tail))
        }
        _ => name.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)),
    }
}

/// An offset in the body, or in what is shorter than the body.
#[inline]
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Up to this many names of one object are compared pair by pair.
const PAIRED_MAX: usize = 32;
/// So many names are open at once in most documents.
const NAMES_USUAL: usize = 64;
/// An odd number without pattern: 2^64 divided by the golden ratio.
const MIXER: u64 = 0x9E37_79B9_7F4A_7C15;

/// Two names with one print.
#[cfg(test)]
pub(super) const TWINS: [&str; 2] = ["abcdefghijklmnop", "`bcdefghijklenop"];

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// The offset of the first duplicate, whether it is seen at once or at the end.
    fn duplicate(count: usize, twin: Option<(usize, usize)>) -> Option<usize> {
        let mut body = String::new();
        (0..count).for_each(|n| write!(body, "{n:04}").unwrap());
        let mut names = Names::new(body.as_bytes());
        let mut object = names.open();
        for n in 0..count {
            let text = twin.filter(|(_, later)| *later == n).map_or(n, |(first, _)| first);
            let (at, start) = (offset(n), offset(4 * text));
            let name = Name { at, start, end: start + 4, is_unescaped: false };
            if !names.add(&mut object, name, Print::of(names.text(name))) {
                return Some(n);
            }
        }
        names.close(object).map(|name| name.at as usize)
    }

    #[test]
    fn a_duplicate_is_found_in_small_and_large_objects() {
        for count in [2, PAIRED_MAX, PAIRED_MAX + 1, PAIRED_MAX + 2, 1000] {
            assert_eq!(duplicate(count, None), None, "{count}");
            for later in [1, count / 2, count - 1].into_iter().filter(|later| *later > 0) {
                assert_eq!(duplicate(count, Some((later - 1, later))), Some(later), "{count}");
                assert_eq!(duplicate(count, Some((0, later))), Some(later), "{count}");
            }
        }
    }

    #[test]
    fn an_escaped_name_is_the_same_as_a_plain_one() {
        let mut names = Names::new(b"abc");
        let plain = Name { at: 0, start: 0, end: 3, is_unescaped: false };
        let escaped = names.unescape(9, "abc");
        let mut object = names.open();
        assert!(names.add(&mut object, plain, Print::of(names.text(plain))));
        assert!(!names.add(&mut object, escaped, Print::of(names.text(escaped))));
    }

    #[test]
    fn different_names_with_one_print_are_not_duplicates() {
        let mut names = Names::new(b"ab");
        let name = |start| Name { at: start, start, end: start + 1, is_unescaped: false };
        let (mut object, print) = (names.open(), Print::of(b"a"));
        assert!(names.add(&mut object, name(0), print) && names.add(&mut object, name(1), print));
        assert!(!names.add(&mut object, name(1), print));
    }

    #[test]
    fn many_names_with_one_print_are_not_duplicates() {
        let [one, other] = TWINS;
        let body: String = [one, other].into_iter().chain(["x"; 40]).collect();
        let mut names = Names::new(body.as_bytes());
        let mut object = names.open();
        let mut add = |start, end| {
            let name = Name { at: start, start, end, is_unescaped: false };
            names.add(&mut object, name, Print::of(names.text(name)))
        };
        assert!(add(0, 16) && add(16, 32));
        assert!((33..70).all(|end| add(32, end)));
        assert!(names.close(object).is_none());
    }

    #[test]
    fn objects_do_not_see_each_others_names() {
        let mut names = Names::new(b"a");
        let name = Name { at: 0, start: 0, end: 1, is_unescaped: false };
        let (mut outer, print) = (names.open(), Print::of(b"a"));
        assert!(names.add(&mut outer, name, print));
        let mut inner = names.open();
        assert!(names.add(&mut inner, name, print));
        assert!(names.close(inner).is_none());
        assert!(!names.add(&mut outer, name, print));
    }

    #[test]
    fn the_twins_have_one_print() {
        assert_eq!(Print::of(TWINS[0].as_bytes()), Print::of(TWINS[1].as_bytes()));
    }

    #[test]
    fn prints_differ_for_names_that_differ_a_little() {
        let texts = ["", "a", "b", "ab", "ba", "abc", "line_1", "line_2", "address1", "address2"];
        let long = ["address_line_1", "address_line_2", "address_lines_1"];
        let prints: std::collections::HashSet<u32> =
            texts.iter().chain(&long).map(|text| Print::of(text.as_bytes()).0).collect();
        assert_eq!(prints.len(), texts.len() + long.len());
    }
}
