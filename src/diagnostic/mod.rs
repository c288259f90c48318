//! What is wrong in a file that people write, shown where it stands and with its cure.
//!
//! Rule files and the configuration hold no personal data, so their text may be quoted.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod foreign;
mod wording;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub use wording::Text;
pub(crate) use wording::{text, translated};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::reason::Language;

/// A file's name and text.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The name to show, such as `partners/training-gb.toml`.
    pub name: String,
    /// The whole text; empty where there is none to show.
    pub text: String,
    // Where each line begins, so that nobody counts them from the start for every place.
    lines: Vec<usize>,
}

impl Source {
    /// A file of that name and text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        let text = text.into();
        let after = text.match_indices('\n').map(|(newline, _)| newline + 1);
        let lines = std::iter::once(0).chain(after).collect();
        Arc::new(Self { name: name.into(), text, lines })
    }

    /// Line and column of a byte offset, counted from 1; columns count characters.
    #[must_use]
    pub fn line_and_column(&self, at: usize) -> (usize, usize) {
        let at = self.boundary(at);
        let line = self.line(at);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let column = self.text.get(start..at).unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    /// The bytes of a line, counted from 1, without its indentation; of the first where there is
    /// no such line.
    #[must_use]
    pub fn line_span(&self, line: usize) -> Range<usize> {
        let start = line.checked_sub(1).and_then(|before| self.lines.get(before)).copied();
        let end = self.lines.get(line).copied().unwrap_or(self.text.len());
        let Some(start) = start.filter(|start| *start < end) else { return 0..0 };
        let text = self.text.get(start..end).unwrap_or_default();
        let start = end - text.trim_start().len();
        start..start + text.trim().len()
    }

    /// The line of a byte offset, counted from 1.
    #[must_use]
    pub fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at).max(1)
    }

    // The last character boundary that is not after the offset; the end of a text belongs to its
    // last line, not to the empty one after it.
    fn boundary(&self, at: usize) -> usize {
        let end = self.text.strip_suffix('\n').map_or(self.text.len(), str::len);
        let at = at.min(end);
        (0..=at).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0)
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The files are not taken.
    Error,
    /// The files are taken; what they say may not be what was meant.
    Warning,
}

impl Severity {
    /// The word before a message.
    pub(crate) fn label(self) -> Text {
        match self {
            Self::Error => "error".into(),
            Self::Warning => "warning".into(),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The file.
    pub source: Arc<Source>,
    /// The bytes of the file's text that it is about.
    pub span: Range<usize>,
    /// What is wrong: lower case, no final period.
    pub message: Text,
    /// What to do about it, in the same form.
    pub help: Text,
}

impl Diagnostic {
    /// The diagnostic as text: message, file, line and column, the span underlined, and the help.
    #[must_use]
    pub fn render(&self, terminal: bool, language: Language) -> String {
        let renderer = if terminal { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[self.report(language)])
    }

    fn report(&self, language: Language) -> Group<'_> {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let level = level.with_name(self.severity.label().in_language(language));
        let help = Level::HELP.with_name(Text::from("help").in_language(language));
        let title = level.primary_title(self.message.in_language(language));
        let name = self.source.name.as_str();
        let group = if self.source.text.is_empty() {
            title.element(Origin::path(name))
        } else {
            let start = self.source.boundary(self.span.start);
            let end = self.source.boundary(self.span.end).max(start);
            let underlined = AnnotationKind::Primary.span(start..end);
            let snippet = Snippet::source(self.source.text.as_str()).path(name);
            title.element(snippet.annotation(underlined))
        };
        group.element(help.message(self.help.in_language(language)))
    }
}

impl fmt::Display for Diagnostic {
    /// `file:line:column: error: message`, on one line and without the help.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.source.line_and_column(self.span.start);
        let severity = self.severity.label();
        write!(f, "{}:{line}:{column}: {severity}: {}", self.source.name, self.message)
    }
}

/// Everything found in the files of one reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    found: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Nothing found yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { found: Vec::new() }
    }

    /// What the `toml` crate found wrong, with a cure where its message tells one.
    #[must_use]
    pub fn from_toml(source: &Arc<Source>, error: &toml::de::Error) -> Self {
        let mut found = Self::new();
        found.toml(source, error);
        found
    }

    /// Adds what the `toml` crate found wrong.
    pub fn toml(&mut self, source: &Arc<Source>, error: &toml::de::Error) {
        let (message, help) = foreign::in_our_words(error.message());
        self.error(source, error.span().unwrap_or(0..0), message, help);
    }

    /// Adds an error.
    pub fn error(
        &mut self,
        source: &Arc<Source>,
        span: Range<usize>,
        message: impl Into<Text>,
        help: impl Into<Text>,
    ) {
        self.push(Severity::Error, source, span, (message.into(), help.into()));
    }

    /// Adds a warning.
    pub fn warning(
        &mut self,
        source: &Arc<Source>,
        span: Range<usize>,
        message: impl Into<Text>,
        help: impl Into<Text>,
    ) {
        self.push(Severity::Warning, source, span, (message.into(), help.into()));
    }

    fn push(
        &mut self,
        severity: Severity,
        source: &Arc<Source>,
        span: Range<usize>,
        (message, help): (Text, Text),
    ) {
        let source = Arc::clone(source);
        self.found.push(Diagnostic { severity, source, span, message, help });
    }

    /// Adds all that was found elsewhere.
    pub fn append(&mut self, other: Self) {
        self.found.extend(other.found);
    }

    /// Whether any of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|found| found.severity == Severity::Error)
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Puts them in the order of the files' names and, within a file, of their places.
    pub fn sort(&mut self) {
        self.found
            .sort_by(|a, b| (&a.source.name, a.span.start).cmp(&(&b.source.name, b.span.start)));
    }

    /// The diagnostics, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.found.iter()
    }

    /// All of them as text, with colours where it goes to a terminal.
    #[must_use]
    pub fn render(&self, terminal: bool, language: Language) -> String {
        let texts: Vec<String> =
            self.iter().map(|found| found.render(terminal, language)).collect();
        texts.join("\n\n")
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false, Language::En))
    }
}

impl std::error::Error for Diagnostics {}

/// What to say about a key that its table does not have.
#[must_use]
pub(crate) fn help_on_unknown(key: &str, known: &[&str]) -> Text {
    match nearest(key, known) {
        Some(near) => text!("did you mean `{}`?", near),
        None if known.is_empty() => "nothing more may stand here".into(),
        None => text!("the keys here are `{}`", known.join("`, `")),
    }
}

/// The known word that differs from a word by the fewest letters, if they are few.
#[must_use]
pub(crate) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    let measured = known.iter().map(|candidate| (edits(word, candidate), *candidate));
    measured.filter(|(edits, _)| *edits <= allowed).min().map(|(_, candidate)| candidate)
}

// The Levenshtein distance: letters to put in, leave out or change; letters that only stand in
// another order count as one.
fn edits(from: &str, to: &str) -> usize {
    let sorted = |text: &str| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        letters
    };
    if from != to && sorted(from) == sorted(to) {
        return 1;
    }
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, letter) in from.chars().enumerate() {
        let mut diagonal = above;
        let mut left = above + 1;
        let mut next = vec![left];
        for (cell, other) in row.iter().skip(1).zip(&to) {
            let changed = diagonal + usize::from(letter != *other);
            left = changed.min(left + 1).min(cell + 1);
            diagonal = *cell;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_counted_in_lines_and_characters() {
        let source = Source::new("a.toml", "қала = 1\nb = 2");
        assert_eq!(source.line_and_column(0), (1, 1));
        assert_eq!(source.line_and_column("қала = ".len()), (1, 8));
        assert_eq!(source.line_and_column(1), (1, 1), "inside a character is the character");
        assert_eq!(source.line_and_column("қала = 1\n".len()), (2, 1));
        assert_eq!(source.line_and_column(999), (2, 6));
        assert_eq!(Source::new("a.toml", "a = 1\n").line_and_column(6), (1, 6));
    }

    #[test]
    fn a_diagnostic_shows_file_place_and_cure() {
        let source = Source::new("a.toml", "name = \"x\"\nnmae = 1\n");
        let mut found = Diagnostics::new();
        found.error(&source, 11..15, "unknown key `nmae`", "did you mean `name`?");
        let expected = "\
error: unknown key `nmae`
 --> a.toml:2:1
  |
2 | nmae = 1
  | ^^^^
  |
  = help: did you mean `name`?";
        assert_eq!(found.to_string(), expected);
        let plain = found.iter().next().unwrap().to_string();
        assert_eq!(plain, "a.toml:2:1: error: unknown key `nmae`");
        assert!(found.render(true, Language::En).contains("\u{1b}["), "a terminal gets colours");
    }

    #[test]
    fn a_span_outside_the_text_is_still_shown() {
        for (text, span) in [("", 0..0), ("a = 1", 5..5), ("a = 1\n", 90..99), ("ққ", 1..3)] {
            let mut found = Diagnostics::new();
            found.warning(&Source::new("a.toml", text), span, "odd", "mend it");
            let rendered = found.to_string();
            assert!(rendered.contains("a.toml") && rendered.contains("mend it"), "{rendered}");
        }
    }

    #[test]
    fn serde_errors_are_told_in_our_words() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(dead_code, reason = "only its errors are of interest")]
        struct Listener {
            address: String,
            backlog: u32,
        }
        let told = |text: &str| {
            let error = toml::from_str::<Listener>(text).unwrap_err();
            let found = Diagnostics::from_toml(&Source::new("c.toml", text), &error);
            let first = found.iter().next().unwrap().clone();
            (first.to_string(), first.help.to_string())
        };
        let (message, help) = told("address = 'a'\nbakclog = 1\n");
        assert_eq!(message, "c.toml:2:1: error: unknown key `bakclog`");
        assert_eq!(help, "did you mean `backlog`?");
        let (message, help) = told("address = 'a'\nzzz = 1\n");
        assert_eq!(message, "c.toml:2:1: error: unknown key `zzz`");
        assert_eq!(help, "the keys here are `address`, `backlog`");
        let (message, _) = told("address = 'a'\n");
        assert_eq!(message, "c.toml:1:1: error: `backlog` is missing");
        let (message, _) = told("address = 'a'\naddress = 'b'\n");
        assert_eq!(message, "c.toml:2:1: error: duplicate key");
    }

    #[test]
    fn the_nearest_word_is_near() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(nearest("recuired", &["required", "request"]), Some("required"));
        assert_eq!(nearest("seta", &["seat", "scheme"]), Some("seat"));
        assert_eq!(nearest("host", &["port", "country"]), None);
    }
}
