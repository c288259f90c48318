//! Places in expected values that stand for what differs from run to run.
//!
//! | place | what fits |
//! |---|---|
//! | `{{any}}` | anything, nothing too; alone in a JSON string, any value |
//! | `{{uuid}}` | a UUID |
//! | `{{time}}` | a time, RFC 3339 |
//! | `{{hash}}` | 64 hexadecimal digits |
//! | `{{base64}}` | one or more characters of base64 or base64url |
//! | `{{jws}}` | a signed text in three parts, as a receipt |
//! | `{{number}}` | a number; alone in a JSON string, a JSON number |
//! | `{{open}}` | `{{` itself |
//!
//! A name behind the word, `{{uuid did}}`, holds all places of that name in a step to one value.

use serde_json::Value;
use uuid::Uuid;

use crate::rehearsal::json::tokens;
use crate::time::Timestamp;

/// The values of named places, in the order in which they were met.
#[derive(Debug, Default)]
pub(super) struct Bound(Vec<(String, String)>);

/// A piece of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'p> {
    Text(&'p str),
    Place(Kind, Option<&'p str>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Any,
    Uuid,
    Time,
    Hash,
    Base64,
    Jws,
    Number,
}

impl Kind {
    fn takes(self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Uuid => text.len() == 36 && Uuid::parse_str(text).is_ok(),
            Self::Time => Timestamp::parse(text).is_ok(),
            Self::Hash => text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()),
            Self::Base64 => !text.is_empty() && text.bytes().all(is_base64),
            Self::Jws => {
                let is_part = |part: &str| !part.is_empty() && part.bytes().all(is_base64);
                text.split('.').count() == 3 && text.split('.').all(is_part)
            }
            Self::Number => serde_json::from_str::<serde_json::Number>(text).is_ok(),
        }
    }
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_+/=".contains(&byte)
}

/// The first place of a pattern that is none.
///
/// # Errors
/// That place, without its braces.
pub(super) fn check(pattern: &str) -> Result<(), String> {
    pieces(pattern).map(drop)
}

/// A text with its own `{{` written so that they stand for themselves.
pub(super) fn escaped(text: &str) -> String {
    text.replace("{{", "{{open}}")
}

fn pieces(pattern: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("{{") {
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        let (inside, after) = after.split_once("}}").ok_or_else(|| first_line(after))?;
        let (word, name) = match inside.split_once(' ') {
            Some((word, name)) if is_name(name) => (word, Some(name)),
            Some(_) => return Err(first_line(inside)),
            None => (inside, None),
        };
        let known = WORDS.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind);
        pieces.push(match (known, word, name) {
            (Some(kind), _, name) => Piece::Place(kind, name),
            (None, "open", None) => Piece::Text("{{"),
            _ => return Err(first_line(inside)),
        });
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(40).collect()
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Whether a text is what a pattern says; a pattern that is none is a text like any other.
pub(super) fn fits(pattern: &str, text: &str, bound: &mut Bound) -> bool {
    match pieces(pattern) {
        Ok(pieces) => matches(&pieces, text, bound),
        Err(_) => pattern == text,
    }
}

fn matches(pieces: &[Piece<'_>], text: &str, bound: &mut Bound) -> bool {
    match pieces.split_first() {
        None => text.is_empty(),
        Some((Piece::Text(wanted), rest)) => {
            text.strip_prefix(wanted).is_some_and(|text| matches(rest, text, bound))
        }
        Some((Piece::Place(kind, name), [])) => bound.take(*kind, *name, text),
        Some((Piece::Place(kind, name), rest)) => {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            for (value, after) in ends.filter_map(|end| text.split_at_checked(end)) {
                let before = bound.0.len();
                if bound.take(*kind, *name, value) && matches(rest, after, bound) {
                    return true;
                }
                bound.0.truncate(before);
            }
            false
        }
    }
}

impl Bound {
    fn take(&mut self, kind: Kind, name: Option<&str>, value: &str) -> bool {
        if !kind.takes(value) {
            return false;
        }
        let Some(name) = name else { return true };
        if let Some((_, known)) = self.0.iter().find(|(known, _)| known == name) {
            return known == value;
        }
        self.0.push((name.to_owned(), value.to_owned()));
        true
    }
}

/// An expected text with each line that fits taken from the text that came.
pub(super) fn resolved_lines(expected: &str, came: &str, bound: &mut Bound) -> String {
    if fits(expected, came, bound) {
        return came.to_owned();
    }
    let mut theirs = came.split_inclusive('\n');
    let line = |line: &str| {
        let their = theirs.next().unwrap_or_default();
        let (ours, theirs) = (line.trim_end_matches('\n'), their.trim_end_matches('\n'));
        if fits(ours, theirs, bound) { line.replace(ours, theirs) } else { line.to_owned() }
    };
    expected.split_inclusive('\n').map(line).collect()
}

/// An expected JSON text with each string that fits taken from the text that came, token by token.
pub(super) fn resolved_json(expected: &str, came: &str, bound: &mut Bound) -> String {
    let mut resolved = String::with_capacity(expected.len());
    let mut theirs = tokens(came).map(|token| token.text);
    let mut end = 0;
    for token in tokens(expected) {
        resolved.push_str(expected.get(end..token.span.start).unwrap_or_default());
        end = token.span.end;
        let their = theirs.next().unwrap_or_default();
        let value = match (serde_json::from_str::<String>(token.text), their) {
            (Ok(pattern), "{" | "[") if is_any(&pattern) => Some(container(their, &mut theirs)),
            (Ok(pattern), _) => {
                let came = serde_json::from_str(their).ok();
                came.filter(|came| fits_value(&pattern, came, bound)).map(|_| their.to_owned())
            }
            (Err(_), _) => None,
        };
        resolved.push_str(value.as_deref().unwrap_or(token.text));
    }
    resolved.push_str(expected.get(end..).unwrap_or_default());
    resolved
}

fn is_any(pattern: &str) -> bool {
    matches!(pieces(pattern).as_deref(), Ok([Piece::Place(Kind::Any, None)]))
}

/// The rest of an object or array whose first token was read.
fn container<'t>(first: &str, tokens: &mut impl Iterator<Item = &'t str>) -> String {
    let mut text = first.to_owned();
    let mut depth = 1_usize;
    while depth > 0 {
        let Some(token) = tokens.next() else { break };
        text.push_str(token);
        match token {
            "{" | "[" => depth = depth.saturating_add(1),
            "}" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    text
}

/// An expected value with each string that fits taken from the value that came.
pub(super) fn resolved(expected: &Value, came: &Value, bound: &mut Bound) -> Value {
    match (expected, came) {
        (Value::String(pattern), came) if fits_value(pattern, came, bound) => came.clone(),
        (Value::Object(expected), Value::Object(came)) => {
            let member = |(name, value): (&String, &Value)| {
                let ours = match came.get(name) {
                    Some(came) => resolved(value, came, bound),
                    None => value.clone(),
                };
                (name.clone(), ours)
            };
            Value::Object(expected.iter().map(member).collect())
        }
        (Value::Array(expected), Value::Array(came)) => {
            let element = |(at, value): (usize, &Value)| match came.get(at) {
                Some(came) => resolved(value, came, bound),
                None => value.clone(),
            };
            Value::Array(expected.iter().enumerate().map(element).collect())
        }
        _ => expected.clone(),
    }
}

fn fits_value(pattern: &str, came: &Value, bound: &mut Bound) -> bool {
    match (came, pieces(pattern).as_deref()) {
        (Value::String(text), _) => fits(pattern, text, bound),
        (_, Ok([Piece::Place(Kind::Any, None)])) => true,
        (Value::Number(number), Ok([Piece::Place(Kind::Number | Kind::Any, _)])) => {
            fits(pattern, &number.to_string(), bound)
        }
        _ => false,
    }
}

/// What an expected value speaks of in the value that came: members that it does not name are left
/// out, at every depth.
pub(super) fn spoken_of(expected: &Value, came: &Value) -> Value {
    match (expected, came) {
        (Value::Object(expected), Value::Object(came)) => {
            let member = |(name, value): (&String, &Value)| {
                Some((name.clone(), spoken_of(value, came.get(name)?)))
            };
            Value::Object(expected.iter().filter_map(member).collect())
        }
        (Value::Array(expected), Value::Array(came)) if expected.len() == came.len() => {
            Value::Array(expected.iter().zip(came).map(|(e, c)| spoken_of(e, c)).collect())
        }
        _ => came.clone(),
    }
}

const WORDS: [(&str, Kind); 7] = [
    ("any", Kind::Any),
    ("uuid", Kind::Uuid),
    ("time", Kind::Time),
    ("hash", Kind::Hash),
    ("base64", Kind::Base64),
    ("jws", Kind::Jws),
    ("number", Kind::Number),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "01920000-0000-7000-8000-000000000001";

    fn fit(pattern: &str, text: &str) -> bool {
        fits(pattern, text, &mut Bound::default())
    }

    #[test]
    fn a_place_takes_what_it_says_and_nothing_else() {
        assert!(fit("{{uuid}}", ID) && !fit("{{uuid}}", "0192") && !fit("{{uuid}}", ""));
        assert!(fit("at {{time}}!", "at 2026-11-22T07:00:00Z!") && !fit("{{time}}", "noon"));
        assert!(fit("{{hash}}", &"5e".repeat(32)) && !fit("{{hash}}", "5e"));
        assert!(
            fit("p1.{{base64}}", "p1.aZ-_")
                && !fit("p1.{{base64}}", "p1.")
                && !fit("{{base64}}", "a b")
        );
        assert!(
            fit("{{jws}}", "eyJ.e30.c2ln") && !fit("{{jws}}", "eyJ.e30") && !fit("{{jws}}", "..")
        );
        assert!(fit("{{number}}", "-9.50") && !fit("{{number}}", "1a"));
        assert!(
            fit("{{any}}", "") && fit("a{{any}}b{{any}}", "axxbyy") && !fit("a{{any}}b", "axx")
        );
        assert!(fit("{{open}}any}}", "{{any}}") && !fit("{{open}}any}}", "x"));
        assert!(fit(&escaped("a {{any}} {{"), "a {{any}} {{"));
        assert!(fit("plain", "plain") && !fit("plain", "plain "));
    }

    #[test]
    fn a_name_holds_its_places_to_one_value() {
        let mut bound = Bound::default();
        let pattern = "{{any a}}-{{any a}}";
        assert!(fits(pattern, "xy-xy", &mut bound) && !fit(pattern, "xy-x"));
        assert!(fits("{{any a}}", "xy", &mut bound) && !fits("{{any a}}", "z", &mut bound));
        assert!(fit("{{any a}}{{any b}}{{any a}}", "112211"));
    }

    #[test]
    fn a_place_that_is_none_is_found() {
        assert_eq!(check("{{uuid}} {{any x-1}} {{open}}"), Ok(()));
        for (pattern, bad) in [
            ("a {{uid}}", "uid"),
            ("{{any", "any"),
            ("{{any a b}}", "any a b"),
            ("{{open a}}", "open a"),
            ("{{}}", ""),
        ] {
            assert_eq!(check(pattern), Err(bad.to_owned()), "{pattern}");
        }
    }

    #[test]
    fn json_takes_what_fits_from_the_text_that_came() {
        let of = |expected: &str, came: &str| resolved_json(expected, came, &mut Bound::default());
        let came = format!(r#"{{"id":"{ID}","n":7,"all":[{{"a":1}},2],"x":"ә"}}"#);
        let expected = r#"{"id": "{{uuid}}", "n": "{{number}}", "all": "{{any}}", "x": "ә"}"#;
        let spread = format!(r#"{{"id": "{ID}", "n": 7, "all": [{{"a":1}},2], "x": "ә"}}"#);
        assert_eq!(of(expected, &came), spread);
        assert_eq!(of(r#"{"id":"{{uuid}}"}"#, r#"{"id":"x"}"#), r#"{"id":"{{uuid}}"}"#);
        assert_eq!(of(r#"["{{number}}"]"#, r#"["7"]"#), r#"["7"]"#);
        assert_eq!(of(r#"["{{any}}"]"#, "[null]"), "[null]");
        assert_eq!(of("[1.0]", "[1]"), "[1.0]");
    }

    #[test]
    fn a_value_speaks_only_of_its_own_members() {
        let came = json!({"a": {"b": 1, "c": 2}, "d": [{"e": 3, "f": 4}], "g": ID});
        let expected = json!({"a": {"c": 2}, "d": [{"e": "{{number}}"}], "g": "{{uuid}}"});
        let ours = resolved(&expected, &came, &mut Bound::default());
        assert_eq!(ours, spoken_of(&expected, &came));
        for other in [
            json!({"a": {"c": 3}}),
            json!({"d": []}),
            json!({"z": null}),
            json!({"z": "{{any}}"}),
            json!({"d": [{"e": 3}, "{{any}}"]}),
            json!({"d": [{"e": "{{uuid}}"}]}),
            json!({"a": "{{number}}"}),
        ] {
            let ours = resolved(&other, &came, &mut Bound::default());
            assert_ne!(ours, spoken_of(&other, &came), "{other}");
        }
    }

    #[test]
    fn lines_take_what_fits_one_by_one() {
        let of = |expected: &str, came: &str| resolved_lines(expected, came, &mut Bound::default());
        assert_eq!(of("a {{number}}\nb\n", "a 1\nc\n"), "a 1\nb\n");
        assert_eq!(of("{{any}}z", "a\nb\nz"), "a\nb\nz");
        assert_eq!(of("a\n{{uuid}}", "a\nx"), "a\n{{uuid}}");
    }
}
