//! Where a person answers. Whether an answer will do, and why not, the reader of rules says.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use std::sync::Arc;

use super::draft::{Draft, PROBE};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, Text};
use crate::policy::Policy;
use crate::reason::Language;
use crate::time::Timestamp;

/// A person's answers, and what they are held against.
pub(super) struct Desk<R> {
    input: R,
    files: BTreeMap<String, Vec<u8>>,
    now: Timestamp,
    language: Language,
    /// The warnings that the person has seen and let be.
    kept: BTreeSet<String>,
}

/// Why there are no more answers.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    /// The input ended.
    #[error("the answers ended before the questions: nothing is written")]
    Ended,
    /// The input cannot be read.
    #[error("the answers cannot be read")]
    Unread(#[from] std::io::Error),
    /// The register has no purpose that a partner could serve.
    #[error("the register has no purpose in use")]
    NoPurpose,
}

/// What an empty line stands for.
pub(super) enum Empty {
    /// Nothing: there must be an answer.
    Refused,
    /// That there is no answer.
    Absent,
    /// An answer.
    Stands(String),
}

impl<R: BufRead> Desk<R> {
    /// A desk beside a folder of rules that loads.
    pub(super) fn new(
        input: R,
        files: BTreeMap<String, Vec<u8>>,
        now: Timestamp,
        language: Language,
    ) -> Self {
        Self { input, files, now, language, kept: BTreeSet::new() }
    }

    /// The language that is spoken.
    pub(super) const fn language(&self) -> Language {
        self.language
    }

    /// The day on which it is asked.
    pub(super) fn today(&self) -> String {
        self.now.day().to_string()
    }

    /// Whether the folder has a file.
    pub(super) fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Asks until there is an answer that will do, and puts it into the draft; false where there
    /// is to be none.
    pub(super) fn settle(
        &mut self,
        draft: &mut Draft,
        key: &str,
        empty: &Empty,
        put: impl Fn(&mut Draft, String),
    ) -> Result<bool, Stop> {
        let mut before = None;
        loop {
            let mut answer = self.line(key, empty)?;
            match empty {
                _ if !answer.is_empty() => {}
                Empty::Stands(offer) => answer.clone_from(offer),
                Empty::Absent => return Ok(false),
                Empty::Refused => {
                    self.tell(&"an answer is needed".into());
                    continue;
                }
            }
            let mut tried = draft.clone();
            put(&mut tried, answer.clone());
            if self.accepts(&tried, before.as_ref() == Some(&answer)) {
                *draft = tried;
                return Ok(true);
            }
            before = Some(answer);
        }
    }

    /// Says what a key is, in the words in which its reader refuses a value of no kind.
    pub(super) fn explain(&self, draft: &Draft, key: &'static str, how: Option<Text>) {
        let mut probe = draft.clone();
        probe.probed = Some(key);
        let place = probe.toml().find(PROBE);
        let found = self.read(&probe).err().unwrap_or_default();
        let mut errors = found.iter().filter(|found| found.severity == Severity::Error);
        eprintln!();
        if let Some(refused) = errors.find(|found| place.is_none_or(|at| at == found.span.start)) {
            self.tell(&refused.help);
        }
        if let Some(how) = how {
            self.tell(&how);
        }
    }

    /// Reads the folder with the draft in it; with the rules come the warnings about the draft.
    pub(super) fn read(&self, draft: &Draft) -> Result<(Arc<Policy>, Diagnostics), Diagnostics> {
        let mut files = self.files.clone();
        files.insert(draft.path(), draft.toml().into_bytes());
        let (policy, found) = Policy::read(&files, self.now)?;
        Ok((Arc::new(policy), found))
    }

    /// Reads a line, without blanks at its ends.
    pub(super) fn line(&mut self, key: &str, empty: &Empty) -> Result<String, Stop> {
        match empty {
            Empty::Stands(offer) => eprint!("{key} [{offer}]: "),
            Empty::Absent => eprint!("{key} []: "),
            Empty::Refused => eprint!("{key}: "),
        }
        let mut line = String::new();
        if self.input.read_line(&mut line)? == 0 {
            eprintln!();
            return Err(Stop::Ended);
        }
        Ok(line.trim().to_owned())
    }

    /// Tells the person something.
    pub(super) fn tell(&self, words: &Text) {
        eprintln!("{}", words.in_language(self.language));
    }

    // A warning is let be by the same answer again. It may be about any answer, so that one which
    // was let be is not told again.
    fn accepts(&mut self, draft: &Draft, again: bool) -> bool {
        let (found, loads) = match self.read(draft) {
            Ok((_, found)) => (found, true),
            Err(found) => (found, false),
        };
        let path = draft.path();
        let is_new = |found: &&Diagnostic| match found.severity {
            // Without the draft there is none, so that it is of the draft wherever it shows.
            Severity::Error => true,
            Severity::Warning => {
                found.source.name == path && !self.kept.contains(&found.message.to_string())
            }
        };
        let new: Vec<&Diagnostic> = found.iter().filter(is_new).collect();
        if loads && (again || new.is_empty()) {
            self.kept.extend(new.iter().map(|found| found.message.to_string()));
            return true;
        }
        for found in new {
            let words = [&found.severity.label(), &found.message, &"help".into(), &found.help];
            let [severity, message, mark, help] = words.map(|w| w.in_language(self.language));
            eprintln!("{severity}: {message}\n  {mark}: {help}");
        }
        if loads {
            self.tell(&"the same answer again lets it be".into());
        }
        false
    }
}
