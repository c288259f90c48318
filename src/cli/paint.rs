//! Colours, on a terminal only.

use std::io::IsTerminal as _;

/// What writes colours, or leaves them out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint(bool);

impl Paint {
    /// For standard output: colours on a terminal, unless `NO_COLOR` is set (no-color.org).
    pub(super) fn stdout() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self(std::io::stdout().is_terminal() && !unwanted)
    }

    /// A heading.
    pub(super) fn bold(self, text: &str) -> String {
        self.code("1", text)
    }

    /// What leaves, or lets more out.
    pub(super) fn good(self, text: &str) -> String {
        self.code("32", text)
    }

    /// What stays, or goes wrong.
    pub(super) fn bad(self, text: &str) -> String {
        self.code("31", text)
    }

    /// What cannot be told, or asks for care.
    pub(super) fn odd(self, text: &str) -> String {
        self.code("33", text)
    }

    /// What is only beside.
    pub(super) fn dim(self, text: &str) -> String {
        self.code("2", text)
    }

    fn code(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// A text filled up with blanks to a width in characters.
pub(super) fn padded(text: &str, width: usize) -> String {
    let blanks = width.saturating_sub(text.chars().count());
    let mut padded = text.to_owned();
    padded.extend(std::iter::repeat_n(' ', blanks));
    padded
}
