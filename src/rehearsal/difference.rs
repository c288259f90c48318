//! Where what leaves is not what a case says, in the form of the body.

use std::ops::Range;

use super::{json, lines, xml};

/// How texts are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// By the tokens of JSON: white space between them does not count.
    Json,
    /// By tags: white space between them does not count.
    Xml,
    /// By lines: how they end does not count.
    Lines,
}

/// The first place at which a text is not the expected one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// The bytes of the expected text's token there.
    pub expected: Range<usize>,
    /// Its path, such as `$.learners[0].name`.
    pub path: String,
    /// Some lines around it, indented: what both say, what was expected, what came.
    pub lines: Vec<Line>,
}

/// A line of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// It stands in both.
    Same(String),
    /// It was expected.
    Expected(String),
    /// It came.
    Came(String),
}

/// Where the text that came leaves the expected one, if it does.
#[must_use]
pub fn departure(form: Form, expected: &str, came: &str) -> Option<Departure> {
    match form {
        Form::Json => json::departure(expected, came),
        Form::Xml => xml::departure(expected, came),
        Form::Lines => lines::departure(expected, came),
    }
}

/// A text that came where none was expected, as lines.
#[must_use]
pub fn arrival(form: Form, came: &str) -> Vec<Line> {
    match form {
        Form::Json => json::arrival(came),
        Form::Xml => xml::arrival(came),
        Form::Lines => lines::arrival(came),
    }
}

// What two texts have in common before and after the lines that differ is cut to a few lines.
pub(super) fn compared(expected: &[String], came: &[String]) -> Vec<Line> {
    // A comma says only that something follows.
    let same = |(ours, theirs): &(&String, &String)| {
        ours.trim_end_matches(',') == theirs.trim_end_matches(',')
    };
    let before = expected.iter().zip(came).take_while(same).count();
    let rest = expected.len().min(came.len()).saturating_sub(before);
    let after = expected.iter().rev().zip(came.iter().rev()).take(rest).take_while(same).count();
    let part = |all: &[String], wrap: fn(String) -> Line| {
        let changed = all.len().saturating_sub(before + after);
        let lines = all.iter().skip(before).take(changed.min(LINES_MAX)).cloned().map(wrap);
        let more = (changed > LINES_MAX).then(|| wrap("…".to_owned()));
        lines.chain(more).collect::<Vec<_>>()
    };
    let shared = |lines: &mut dyn Iterator<Item = &String>| {
        lines.cloned().map(Line::Same).collect::<Vec<_>>()
    };
    let skipped = before.saturating_sub(CONTEXT_LINES);
    let mut all = shared(&mut expected.iter().take(before).skip(skipped));
    all.extend(part(expected, Line::Expected));
    all.extend(part(came, Line::Came));
    let end = expected.len().saturating_sub(after);
    all.extend(shared(&mut expected.iter().skip(end).take(CONTEXT_LINES)));
    all
}

/// So many lines are shown before and after those that differ.
const CONTEXT_LINES: usize = 3;
/// So many lines that differ are shown of each text.
pub(super) const LINES_MAX: usize = 20;
