//! Two texts compared line by line: how a line ends is all that does not count.

use super::difference::{Departure, Line, compared};

/// Where the text that came leaves the expected one, if it does.
pub(super) fn departure(expected: &str, came: &str) -> Option<Departure> {
    let (ours, theirs) = (lines(expected), lines(came));
    let same = ours.iter().zip(&theirs).take_while(|(our, their)| our == their).count();
    if same == ours.len() && same == theirs.len() {
        return None;
    }
    let start: usize = expected.split_inclusive('\n').take(same).map(str::len).sum();
    let end = start.saturating_add(ours.get(same).map_or(0, String::len));
    let path = format!("line {}", same.saturating_add(1));
    Some(Departure { expected: start..end, path, lines: compared(&ours, &theirs) })
}

/// A text that came where none was expected, as lines.
pub(super) fn arrival(came: &str) -> Vec<Line> {
    compared(&[], &lines(came))
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_lines_are_all_that_does_not_count() {
        let text = "a;b\r\nӘ;2\r\n";
        for same in ["a;b\nӘ;2", "a;b\nӘ;2\n", "a;b\r\nӘ;2\n"] {
            assert_eq!(departure(text, same), None, "{same:?}");
            assert_eq!(departure(same, text), None, "{same:?}");
        }
        for other in ["a;b", "a;b\nӘ;2\n\n", "a;b\nӘ; 2", "a;b\n\nӘ;2", " a;b\nӘ;2", ""] {
            assert!(departure(text, other).is_some(), "{other:?}");
            assert!(departure(other, text).is_some(), "{other:?}");
        }
    }

    #[test]
    fn the_first_line_that_differs_is_named() {
        let text = "a;b\r\nӘ;2\r\n3;4";
        let told = |came| {
            let departure = departure(text, came).unwrap();
            (departure.path, text.get(departure.expected).unwrap())
        };
        assert_eq!(told("a;b\nӘ;3\n3;4"), ("line 2".to_owned(), "Ә;2"));
        assert_eq!(told("a;b\nӘ;2\n3;4\n5;6"), ("line 4".to_owned(), ""));
        assert_eq!(told(""), ("line 1".to_owned(), "a;b"));
    }
}
