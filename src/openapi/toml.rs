//! Words out of a document, as TOML takes them.

use std::fmt::Write as _;

/// A basic string. What an editor would not show, or show in another order, is escaped.
pub(super) fn string(text: &str) -> String {
    let mut written = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => written.extend(['\\', c]),
            _ => push_seen(&mut written, c),
        }
    }
    written.push('"');
    written
}

/// A text for a comment: one line, escaped as a string, and cut where it is long.
pub(super) fn comment(text: &str) -> String {
    let mut written = String::new();
    for (n, c) in text.trim().chars().enumerate() {
        if n == COMMENT_CHARS_MAX {
            written.push('…');
            break;
        }
        push_seen(&mut written, c);
    }
    written
}

/// A name of small letters, digits and `-` made of a text: `enrolLearners` is `enrol-learners`.
pub(super) fn name(text: &str, chars_max: usize) -> String {
    let mut name = String::new();
    let mut before = '-';
    for c in text.chars() {
        let begins = c.is_ascii_uppercase() && before.is_ascii_lowercase();
        if begins || !c.is_ascii_alphanumeric() {
            name.push('-');
        }
        if c.is_ascii_alphanumeric() {
            name.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    let parts: Vec<&str> = name.split('-').filter(|part| !part.is_empty()).collect();
    let short: String = parts.join("-").chars().take(chars_max).collect();
    short.trim_end_matches('-').to_owned()
}

fn push_seen(written: &mut String, c: char) {
    let code = u32::from(c);
    let hidden = c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
        );
    if !hidden {
        written.push(c);
    } else if let Ok(short) = u16::try_from(code) {
        let _ = write!(written, "\\u{short:04X}");
    } else {
        let _ = write!(written, "\\U{code:08X}");
    }
}

// Characters of a document's text that a comment repeats.
const COMMENT_CHARS_MAX: usize = 80;
