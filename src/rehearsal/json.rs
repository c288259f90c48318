//! Two JSON texts compared by their tokens: white space between these is all that does not count.
//!
//! Both texts must be JSON already; of anything else the answers are of no use, but they come.

use std::ops::Range;

use super::difference::{Departure, Line, compared};
use crate::document::Segment;

/// Where the text that came leaves the expected one, if it does.
pub(super) fn departure(expected: &str, came: &str) -> Option<Departure> {
    let (mut ours, mut theirs) = (tokens(expected), tokens(came));
    let mut walk = Walk::default();
    loop {
        let (our, their) = (ours.next(), theirs.next());
        let (our_token, their_token) = (our.as_ref().map(|t| t.text), their.map(|t| t.text));
        if our_token != their_token {
            let end = expected.len();
            let expected_token = our.map_or(end..end, |token| token.span);
            let path = walk.path(our_token.unwrap_or_default());
            let lines = compared(&lines(expected), &lines(came));
            return Some(Departure { expected: expected_token, path, lines });
        }
        walk.step(our_token?);
    }
}

/// A text that came where none was expected, as lines.
pub(super) fn arrival(came: &str) -> Vec<Line> {
    compared(&[], &lines(came))
}

/// A token and where it stands.
pub(crate) struct Token<'t> {
    /// Its text.
    pub(crate) text: &'t str,
    /// Its bytes.
    pub(crate) span: Range<usize>,
}

/// The tokens of a JSON text, in their order.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..)?;
        let start = at + rest.find(|c: char| !c.is_ascii_whitespace())?;
        let rest = text.get(start..)?;
        let length = match rest.as_bytes().first()? {
            b'{' | b'}' | b'[' | b']' | b':' | b',' => 1,
            b'"' => string_length(rest),
            _ => {
                let ends = |c: char| c.is_ascii_whitespace() || "{}[]:,\"".contains(c);
                rest.find(ends).unwrap_or(rest.len())
            }
        };
        at = start + length;
        Some(Token { text: text.get(start..at)?, span: start..at })
    })
}

// The length of the string that a text begins with, its quotes counted.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

/// Where in a document a walk along its tokens is.
#[derive(Default)]
struct Walk<'t> {
    open: Vec<Frame<'t>>,
}

/// An object or array that is open.
enum Frame<'t> {
    /// With the member that was named last.
    Object(Option<&'t str>),
    /// With the element that is under way.
    Array(u32),
}

impl<'t> Walk<'t> {
    fn step(&mut self, token: &'t str) {
        match (token, self.open.last_mut()) {
            ("{", _) => self.open.push(Frame::Object(None)),
            ("[", _) => self.open.push(Frame::Array(0)),
            ("}" | "]", _) => {
                self.open.pop();
            }
            (",", Some(Frame::Object(name))) => *name = None,
            (",", Some(Frame::Array(index))) => *index = index.saturating_add(1),
            (_, Some(Frame::Object(name @ None))) => *name = Some(token),
            _ => {}
        }
    }

    /// The path of the next token: of the value that it begins or is, of the member that it names,
    /// of the object or array that it ends.
    fn path(&self, token: &str) -> String {
        let mut segments: Vec<Segment> = self.open.iter().filter_map(Frame::segment).collect();
        match (token, self.open.last()) {
            ("}", Some(Frame::Object(Some(_)))) | ("]", Some(Frame::Array(_))) => {
                segments.pop();
            }
            (name, Some(Frame::Object(None))) => segments.extend(member(name)),
            _ => {}
        }
        segments.iter().fold("$".to_owned(), |path, segment| path + &segment.to_string())
    }
}

impl Frame<'_> {
    fn segment(&self) -> Option<Segment> {
        match self {
            Self::Object(name) => member((*name)?),
            Self::Array(index) => Some(Segment::Index(*index)),
        }
    }
}

fn member(token: &str) -> Option<Segment> {
    serde_json::from_str(token).ok().map(Segment::Name)
}

// A line for each value and each bracket.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut depth: usize = 0;
    let mut is_fresh = true;
    let mut is_empty = false;
    for Token { text: token, .. } in tokens(text) {
        let closes = matches!(token, "}" | "]");
        if closes {
            depth = depth.saturating_sub(1);
        }
        let breaks = (is_fresh || closes) && !(closes && is_empty);
        match lines.last_mut().filter(|_| !breaks) {
            Some(line) => line.push_str(if token == ":" { ": " } else { token }),
            None => lines.push("  ".repeat(depth) + token),
        }
        let opens = matches!(token, "{" | "[");
        depth = depth.saturating_add(usize::from(opens));
        is_fresh = opens || token == ",";
        is_empty = opens;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::difference::LINES_MAX;
    use super::*;

    fn path(expected: &str, came: &str) -> Option<(String, String)> {
        let departure = departure(expected, came)?;
        Some((departure.path, expected.get(departure.expected).unwrap().to_owned()))
    }

    #[test]
    fn white_space_between_tokens_is_all_that_does_not_count() {
        let text = r#"{"a":[1,"b c",null],"d":{}}"#;
        let spread = "\n{ \"a\" :\t[ 1 ,\"b c\", null ] , \"d\" : { } }\r\n";
        assert_eq!(departure(text, spread), None);
        assert_eq!(departure(spread, text), None);
        for other in [
            r#"{"a":[1,"b  c",null],"d":{}}"#,
            r#"{"a":[1.0,"b c",null],"d":{}}"#,
            r#"{"a":[1,"b\u0020c",null],"d":{}}"#,
            r#"{"d":{},"a":[1,"b c",null]}"#,
            r#"{"a":[1,"b c"],"d":{}}"#,
            r#"{"a":[1,"b c",null],"d":{},"e":1}"#,
        ] {
            assert!(departure(text, other).is_some(), "{other}");
            assert!(departure(other, text).is_some(), "{other}");
        }
    }

    #[test]
    fn the_first_place_that_differs_is_named() {
        let text = r#"{"a": [{"b": "x\"y"}, 2], "ф ы": {"c": 1}}"#;
        let told = |came| path(text, came).unwrap();
        let is = |path: &str, token: &str| (path.to_owned(), token.to_owned());
        assert_eq!(told("[]"), is("$", "{"));
        assert_eq!(told(r#"{"b":1}"#), is("$.a", "\"a\""));
        assert_eq!(told(r#"{"a":[{"b":"x"},2]}"#), is("$.a[0].b", r#""x\"y""#));
        assert_eq!(told(r#"{"a":[{"b":"x\"y","c":1},2]}"#), is("$.a[0]", "}"));
        assert_eq!(told(r#"{"a":[{"b":"x\"y"},2,3]}"#), is("$.a", "]"));
        assert_eq!(told(r#"{"a":[{"b":"x\"y"}]}"#), is("$.a[0]", ","));
        assert_eq!(told(r#"{"a":[{"b":"x\"y"},2],"ф ы":{"c":2}}"#), is("$['ф ы'].c", "1"));
        assert_eq!(told(r#"{"a":[{"b":"x\"y"},2],"ф ы":{}}"#), is("$['ф ы'].c", "\"c\""));
    }

    #[test]
    fn the_lines_around_it_are_shown_and_no_more() {
        let expected = r#"{"a":{"b":[1,2,3,4,{},[]],"c":5}}"#;
        let came = r#"{"a":{"b":[1,2,3,9,{},[]],"c":5,"d":6}}"#;
        let shown: Vec<String> = departure(expected, came)
            .unwrap()
            .lines
            .into_iter()
            .map(|line| match line {
                Line::Same(line) => format!("  {line}"),
                Line::Expected(line) => format!("- {line}"),
                Line::Came(line) => format!("+ {line}"),
            })
            .collect();
        let told = [
            "        1,",
            "        2,",
            "        3,",
            "-       4,",
            "-       {},",
            "-       []",
            "-     ],",
            "-     \"c\": 5",
            "+       9,",
            "+       {},",
            "+       []",
            "+     ],",
            "+     \"c\": 5,",
            "+     \"d\": 6",
            "    }",
            "  }",
        ];
        assert_eq!(shown, told);
    }

    #[test]
    fn a_long_difference_is_cut() {
        let many = |n: usize| format!("[{}]", vec!["1"; n].join(","));
        let lines = departure(&many(100), &many(1)).unwrap().lines;
        let expected = lines.iter().filter(|line| matches!(line, Line::Expected(_))).count();
        assert_eq!(expected, LINES_MAX + 1);
        assert!(lines.contains(&Line::Expected("…".to_owned())));
    }

    #[test]
    fn texts_that_are_not_json_bring_nothing_down() {
        for text in ["", "}", "]]", "\"", "{\"a", ",,", "{]", "\\", "{\"a\":}", "[\"ф"] {
            assert_eq!(departure(text, text), None);
            assert!(departure(text, "{}").is_some());
        }
    }
}
