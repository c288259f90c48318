//! What the `toml` crate and serde say of a file, in words that are translated.

use super::help_on_unknown;
use super::wording::{Text, text};

/// A message of theirs and a cure: serde and toml speak of fields; people who write the files
/// speak of keys.
pub(super) fn in_our_words(message: &str) -> (Text, Text) {
    let message = message.lines().next().unwrap_or_default();
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let (key, expected) = rest.split_once('`').unwrap_or((rest, ""));
        let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        return (text!("unknown key `{}`", key), help_on_unknown(key, &known));
    }
    if let Some(rest) = message.strip_prefix("missing field `") {
        let key = rest.trim_end_matches('`');
        return (text!("`{}` is missing", key), text!("add `{}` to this table", key));
    }
    let help = if message.starts_with("duplicate key") {
        "a key may stand once in a table: keep one of them"
    } else if message.starts_with("invalid type") || message.starts_with("invalid value: ") {
        "give a value of the kind that the key asks for"
    } else {
        "mend the TOML here: strings, and keys with other characters than \
         `A-Z a-z 0-9 _ -`, stand in quotes (https://toml.io/en/v1.0.0)"
    };
    (sentence(message), help.into())
}

fn sentence(message: &str) -> Text {
    let (fault, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    if fault.starts_with("cannot extend value of type ") {
        return "the key has a value already, so nothing can stand below it".into();
    }
    if fault.starts_with("invalid value: integer") {
        return "out of range".into();
    }
    if let Some(found) = fault.strip_prefix("invalid type: ")
        && let (Some(found), Some(expected)) = (kind(found), kind(expected))
    {
        let values = vec![expected.into(), found.into()];
        return Text::Template("expected {}, found {}", values);
    }
    let Some(fault) = known(&FAULTS, fault) else {
        return text!("the TOML is wrong here: {}", message);
    };
    let listed = expected.split(", ");
    let listed = listed.map(|one| known(&EXPECTED, one).unwrap_or_else(|| Text::value(one)));
    let list = listed.reduce(|list, one| Text::Template("{}, {}", vec![list, one]));
    match list.filter(|_| !expected.is_empty()) {
        Some(list) => Text::Template("{}, expected {}", vec![fault, list]),
        None => fault,
    }
}

fn known(all: &[&'static str], words: &str) -> Option<Text> {
    all.iter().find(|known| **known == words).map(|known| Text::from(*known))
}

// serde names a value with its text, `string "x"`, and an integer by Rust's word for it.
fn kind(words: &str) -> Option<&'static str> {
    let words = words.strip_prefix("a ").unwrap_or(words);
    match words.split(' ').next()? {
        "string" | "path" => Some("a string"),
        "integer" | "u16" | "u32" | "u64" | "usize" => Some("an integer"),
        "floating" => Some("a float"),
        "boolean" => Some("a boolean"),
        "sequence" => Some("an array"),
        "map" | "struct" => Some("a table"),
        _ => None,
    }
}

/// What the TOML parser finds wrong.
const FAULTS: [&str; 50] = [
    "`_` may only go between digits",
    "carriage return must be followed by newline",
    "duplicate key",
    "extra `=`",
    "extra assignment between key-value pairs",
    "extra comma in array",
    "extra comma in inline table",
    "integers with a radix cannot be signed",
    "invalid basic string",
    "invalid boolean",
    "invalid comment character",
    "invalid date",
    "invalid date-time",
    "invalid datetime",
    "invalid float",
    "invalid inline table element",
    "invalid integer number",
    "invalid key-value pair",
    "invalid literal string",
    "invalid multi-line basic string",
    "invalid multi-line literal string",
    "invalid string",
    "invalid time",
    "invalid offset",
    "invalid unquoted key",
    "invalid value",
    "key with no value",
    "keys cannot be multi-line basic strings",
    "keys cannot be multi-line literal strings",
    "missing assignment between key-value pairs",
    "missing comma between array elements",
    "missing comma between key-value pairs",
    "missing escaped value",
    "missing key for inline table element",
    "missing opening quote",
    "missing value",
    "missing value for key",
    "radix must be lowercase",
    "redundant numeric sign",
    "string values must be quoted",
    "too few unicode value digits",
    "unclosed array",
    "unclosed array table",
    "unclosed inline table",
    "unclosed table",
    "unexpected `=` in array",
    "unexpected content",
    "unexpected key or value",
    "unexpected leading zero",
    "unquoted keys cannot be empty",
];

/// What it names as expected, where that is not a character.
const EXPECTED: [&str; 35] = [
    "a four-digit year (YYYY)",
    "a two-digit day (DD)",
    "a two-digit hour (HH)",
    "a two-digit minute (MM)",
    "a two-digit month (MM)",
    "a two-digit second (SS)",
    "basic string",
    "characters",
    "day",
    "day between 01 and 28",
    "day between 01 and 29",
    "day between 01 and 30",
    "day between 01 and 31",
    "digits",
    "hour",
    "hour between 00 and 23",
    "key",
    "letters",
    "literal string",
    "minute",
    "minute between 00 and 59",
    "month",
    "month between 01 and 12",
    "multi-line basic string",
    "newline",
    "non-double-quote visible characters",
    "non-single-quote characters",
    "non-single-quote visible characters",
    "nothing",
    "numbers",
    "printable characters",
    "second",
    "unicode hexadecimal value",
    "value",
    "year or hour",
];
