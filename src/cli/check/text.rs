//! What a check found, for people.

use std::fmt::Write as _;

use super::{Report, Verdict};
use crate::diagnostic::{Severity, Text, text};
use crate::reason::Language;
use crate::rehearsal::case::{Difference, Trial};
use crate::rehearsal::difference::Line;

/// The whole report, without its last line break.
pub(super) fn report(report: &Report<'_>, terminal: bool, language: Language) -> String {
    let mut parts = Vec::new();
    if !report.found.is_empty() {
        parts.push(report.found.render(terminal, language) + "\n");
    }
    parts.extend(report.trials.iter().map(|trial| case(trial, terminal, language)));
    if report.trials.last().is_some_and(|trial| trial.differences.is_empty()) {
        parts.push(String::new());
    }
    parts.push(summary(report, language));
    parts.join("\n")
}

fn case(trial: &Trial<'_>, terminal: bool, language: Language) -> String {
    let [well, differs] =
        [Text::from("ok"), Text::from("differs")].map(|word| word.in_language(language));
    let label = if trial.differences.is_empty() { &well } else { &differs };
    let width = well.chars().count().max(differs.chars().count());
    let mut told = format!("{label:width$}  {}: {}", trial.partner.name, trial.case.name);
    for difference in &trial.differences {
        told.push_str("\n\n");
        told.push_str(&shown(difference, terminal, language));
    }
    if !trial.differences.is_empty() {
        told.push_str(&reasons(trial, language));
        told.push('\n');
    }
    told
}

/// A difference as its diagnostic, and the lines of the bodies where these differ.
pub(super) fn shown(difference: &Difference, terminal: bool, language: Language) -> String {
    with_lines(difference.diagnostic.render(terminal, language), &difference.lines)
}

/// A text with lines that differ below it.
pub(in crate::cli) fn with_lines(mut shown: String, lines: &[Line]) -> String {
    if !lines.is_empty() {
        shown.push('\n');
    }
    for line in lines {
        let (mark, line) = match line {
            Line::Same(line) => (' ', line),
            Line::Expected(line) => ('-', line),
            Line::Came(line) => ('+', line),
        };
        // Writing to a string cannot fail.
        let _ = write!(shown, "\n{mark} {line}");
    }
    shown
}

/// The reasons that came, each with its words, clause, place and fields.
pub(super) fn reasons(trial: &Trial<'_>, language: Language) -> String {
    let mut told = String::new();
    for reason in trial.rehearsed.reasons() {
        let words = reason.words(language);
        let fields = trial.rehearsed.fields(reason);
        let fields: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
        let _ = write!(told, "\n{reason}: {words} ({})", reason.clause());
        if !fields.is_empty() {
            let _ = write!(told, ": {}", fields.join(", "));
        }
    }
    if told.is_empty() { told } else { format!("\n{told}") }
}

fn summary(report: &Report<'_>, language: Language) -> String {
    let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
    let counts = text!(
        "cases: {}, differing: {}; errors: {}, warnings: {}",
        report.trials.len(),
        report.differing(),
        errors,
        warnings
    );
    let mut lines = Vec::new();
    if report.outcome == Verdict::Unloadable {
        lines.push("the rules do not load".into());
        lines.push(text!("errors: {}, warnings: {}", errors, warnings));
    } else {
        lines.push(counts);
    }
    if report.warnings_denied {
        lines.push(text!("warnings count as errors: `{}`", "--deny-warnings"));
    }
    lines.extend(report.digest.map(|digest| text!("digest of the rules: {}", digest)));
    let lines: Vec<String> = lines.iter().map(|line| line.in_language(language)).collect();
    lines.join("\n")
}
