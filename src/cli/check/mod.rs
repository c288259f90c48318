//! `otkel check`: whether rules load, and whether their cases come out as they say.

pub(super) mod json;
mod junit;
pub(super) mod text;

use std::collections::BTreeMap;
use std::fs;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use super::{Outcome, WRONG, undone};
use crate::diagnostic::{Diagnostics, Severity};
use crate::document::Limits;
use crate::gateway::{SystemClock, rule_files};
use crate::policy::Policy;
use crate::reason::Language;
use crate::rehearsal::case::{Trial, trials};
use crate::rehearsal::lint::lint;
use crate::time::{Clock as _, Timestamp};

/// The arguments of `otkel check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 all is well; 1 a case differs or is missing, or with \
    `--deny-warnings` there are warnings; 2 the rules do not load.")]
pub(super) struct Arguments {
    /// The folder of the rules.
    #[arg(value_name = "FOLDER", default_value = "policies")]
    rules: PathBuf,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// Write a JUnit report too, as CI systems read it.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// When periods are looked at, RFC 3339; else now. Cases have times of their own.
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    now: Option<Timestamp>,
    /// Let warnings count as errors.
    #[arg(long)]
    deny_warnings: bool,
}

pub(super) fn run(arguments: &Arguments, language: Language) -> Outcome {
    let files = rule_files(&arguments.rules)?;
    let now = arguments.now.unwrap_or_else(|| SystemClock.now());
    let read = Policy::read(&files, now).map(|(policy, found)| (Arc::new(policy), found));
    let report = match &read {
        Ok((policy, found)) => Report::loaded(arguments, policy, found.clone()),
        Err(found) => Report::unloadable(arguments, &files, found.clone()),
    };
    if let Some(path) = &arguments.junit {
        fs::write(path, junit::report(&report, language))
            .map_err(|error| format!("`{}` cannot be written: {error}", path.display()))?;
    }
    if arguments.json {
        say!("{}", json::report(&report, language));
    } else {
        say!("{}", text::report(&report, std::io::stdout().is_terminal(), language));
    }
    Ok(match report.outcome {
        Verdict::Good => ExitCode::SUCCESS,
        Verdict::Wrong => WRONG,
        Verdict::Unloadable => undone(),
    })
}

/// Everything that a check found.
struct Report<'p> {
    /// The folder.
    folder: String,
    /// The files, with their SHA-256 where they loaded.
    files: Vec<(&'p str, Option<&'p str>)>,
    /// The digest of the rules, where they loaded.
    digest: Option<&'p str>,
    /// What is wrong with them, cases apart.
    found: Diagnostics,
    /// The cases.
    trials: Vec<Trial<'p>>,
    /// What it comes to.
    outcome: Verdict,
    /// Whether warnings made it worse.
    warnings_denied: bool,
}

/// What a check comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The rules load, and every case is as it says.
    Good,
    /// The rules load; a case differs or is missing, or a denied warning is there.
    Wrong,
    /// The rules do not load.
    Unloadable,
}

impl<'p> Report<'p> {
    fn loaded(arguments: &Arguments, policy: &'p Arc<Policy>, mut found: Diagnostics) -> Self {
        let trials = trials(policy, &Limits::default());
        found.append(lint(policy, &trials));
        found.sort();
        let differs = trials.iter().any(|trial| !trial.differences.is_empty());
        let warnings_denied = arguments.deny_warnings && !found.is_empty();
        let is_wrong = differs || found.has_errors() || warnings_denied;
        let files = policy.files.iter().map(|(path, sha256)| (&**path, Some(&**sha256)));
        Self {
            folder: arguments.rules.display().to_string(),
            files: files.collect(),
            digest: Some(&policy.digest),
            found,
            trials,
            outcome: if is_wrong { Verdict::Wrong } else { Verdict::Good },
            warnings_denied,
        }
    }

    fn unloadable(
        arguments: &Arguments,
        files: &'p BTreeMap<String, Vec<u8>>,
        found: Diagnostics,
    ) -> Self {
        Self {
            folder: arguments.rules.display().to_string(),
            files: files.keys().map(|path| (&**path, None)).collect(),
            digest: None,
            found,
            trials: Vec::new(),
            outcome: Verdict::Unloadable,
            warnings_denied: false,
        }
    }

    fn count(&self, severity: Severity) -> usize {
        self.found.iter().filter(|found| found.severity == severity).count()
    }

    /// How many cases differ.
    fn differing(&self) -> usize {
        self.trials.iter().filter(|trial| !trial.differences.is_empty()).count()
    }
}
