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
const FAULTS: [&str; 63] = [
    "`_` may only go between digits",
    "cannot recurse further; max recursion depth met",
    "carriage return must be followed by newline",
    "duplicate key",
    "extra `=`",
    "extra assignment between key-value pairs",
    "extra comma in array",
    "extra comma in inline table",
    "integers with a radix cannot be signed",
    "invalid basic string",
    "invalid binary number",
    "invalid boolean",
    "invalid comment character",
    "invalid date",
    "invalid date-time",
    "invalid datetime",
    "invalid exponent",
    "invalid float",
    "invalid fraction",
    "invalid hexadecimal number",
    "invalid inline table element",
    "invalid integer number",
    "invalid key-value pair",
    "invalid literal string",
    "invalid mantissa",
    "invalid multi-line basic string",
    "invalid multi-line literal string",
    "invalid octal number",
    "invalid offset",
    "invalid string",
    "invalid time",
    "invalid unquoted key",
    "invalid value",
    "key with no value",
    "keys cannot be multi-line basic strings",
    "keys cannot be multi-line literal strings",
    "missing array opening",
    "missing assignment between key-value pairs",
    "missing comma between array elements",
    "missing comma between key-value pairs",
    "missing escaped value",
    "missing inline table opening",
    "missing key for inline table element",
    "missing opening quote",
    "missing table open",
    "missing value",
    "missing value for key",
    "radix must be lowercase",
    "recursion limit",
    "redundant integer number prefix",
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
    "unexpected sign",
    "unquoted keys cannot be empty",
];

/// What it names as expected, where that is not a character.
const EXPECTED: [&str; 39] = [
    "`-` (MM-DD)",
    "`-` (YYYY-MM) or `:` (HH:MM)",
    "`:` (HH:MM)",
    "`T` between date and time",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Language;

    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code, reason = "only its errors are of interest")]
    struct Limits {
        port: u16,
        hosts: Vec<String>,
        on: bool,
    }

    fn told(text: &str) -> Vec<Text> {
        let (_, errors) = toml::de::DeTable::parse_recoverable(text);
        let mut messages: Vec<String> = errors.iter().map(|e| e.message().to_owned()).collect();
        if messages.is_empty() {
            messages.push(toml::from_str::<Limits>(text).unwrap_err().message().to_owned());
        }
        messages.iter().map(|message| in_our_words(message).0).collect()
    }

    #[test]
    fn what_the_parser_says_is_told_in_three_languages() {
        let cases = [
            ("a = [1, 2", "unclosed array, expected `]`", "список не закрыт, ожидается `]`"),
            ("a = 1\na = 2", "duplicate key", "ключ повторяется"),
            (
                "a = abc",
                "string values must be quoted, expected literal string",
                "текст пишется в кавычках, ожидается текст в одинарных кавычках",
            ),
            (
                "a = 2026-02-30",
                "invalid date, expected day between 01 and 28",
                "неверная дата, ожидается день от 01 до 28",
            ),
            (
                "a.b = 1\na.b.c = 2",
                "the key has a value already, so nothing can stand below it",
                "у ключа уже есть значение, поэтому под ним ничего стоять не может",
            ),
            (
                "port = '1'",
                "expected an integer, found a string",
                "ожидается целое число, а здесь текст в кавычках",
            ),
            ("port = 70000", "out of range", "число вне допустимых пределов"),
            (
                "port = 1\nhosts = 1",
                "expected an array, found an integer",
                "ожидается список, а здесь целое число",
            ),
            ("port = 1\nhosts = []", "`on` is missing", "не хватает `on`"),
        ];
        for (text, english, russian) in cases {
            let first = &told(text)[0];
            assert_eq!(first.to_string(), english, "{text}");
            assert_eq!(first.in_language(Language::Ru), russian);
            assert!(first.is_translated(), "{english}");
        }
        let unknown = in_our_words("the cat sat on it").0;
        assert_eq!(unknown.to_string(), "the TOML is wrong here: the cat sat on it");
        assert!(FAULTS.iter().chain(&EXPECTED).all(|words| Text::from(*words).is_translated()));
    }
}
