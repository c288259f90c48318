//! `otkel consent`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use uuid::Uuid;

use super::{Outcome, WRONG, config};
use crate::consent::Identifier;
use crate::consent::record::{Channel, Scope};
use crate::gateway::{OpenStore, SystemClock, open_store};
use crate::store::{Consents, Withdrawal};

/// The arguments of `otkel consent`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Arguments {
    /// Import consents: one JSON object a line.
    Import {
        #[command(flatten)]
        desk: Desk,
        /// The file, or `-` for standard input.
        file: PathBuf,
    },
    /// Record one consent.
    Grant {
        #[command(flatten)]
        desk: Desk,
        /// The file with the JSON object, or `-` for standard input.
        file: PathBuf,
    },
    /// Withdraw a consent, at once.
    Withdraw {
        #[command(flatten)]
        desk: Desk,
        /// The consent record's id.
        record: String,
        /// How the subject told the operator: `written`, `digital-signature`, `state-service`,
        /// `non-state-service`, `one-time-code` or `form`.
        #[arg(long, value_parser = word::<Channel>)]
        channel: Channel,
        /// What is withdrawn: `all`, `third-party` or `cross-border`.
        #[arg(long, value_parser = word::<Scope>)]
        scope: Option<Scope>,
    },
    /// Show a consent record, or a subject's: {"scheme": "kz-iin", "id": …} on standard input.
    Show {
        #[command(flatten)]
        desk: Desk,
        /// The consent record's id.
        record: Option<String>,
    },
}

/// Where, and by whom.
#[derive(Debug, clap::Args)]
pub(super) struct Desk {
    /// The gateway's configuration file. The gateway may be running.
    #[arg(long, value_name = "FILE")]
    pub(super) config: PathBuf,
    /// Who does it, for the ledger.
    #[arg(long, env = "USER", default_value = "operator")]
    pub(super) by: String,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let (Arguments::Import { desk, .. }
    | Arguments::Grant { desk, .. }
    | Arguments::Withdraw { desk, .. }
    | Arguments::Show { desk, .. }) = arguments;
    let clock = Arc::new(SystemClock);
    let OpenStore { reader, recorder } = open_store(&config(&desk.config)?, clock.clone())?;
    let consents = Consents::new(reader, recorder.clone(), clock);
    let outcome = match arguments {
        Arguments::Import { desk, file } => import(&consents, &desk.by, file),
        Arguments::Grant { desk, file } => {
            let mut text = String::new();
            reading(file)?.read_to_string(&mut text)?;
            let changed = consents.grant(&text, &desk.by)?;
            say!("consent {} recorded as entry {}", changed.record, changed.seq);
            Ok(ExitCode::SUCCESS)
        }
        Arguments::Withdraw { desk, record, channel, scope } => {
            let withdrawal = Withdrawal { channel: *channel, scope: *scope, evidence: None };
            let changed = consents.withdraw(id(record)?, &withdrawal, &desk.by)?;
            say!("consent {} withdrawn as entry {}", changed.record, changed.seq);
            Ok(ExitCode::SUCCESS)
        }
        Arguments::Show { record, .. } => show(&consents, record.as_deref()),
    };
    recorder.close();
    outcome
}

fn import(consents: &Consents, by: &str, file: &Path) -> Outcome {
    let bar = progress(file);
    let (mut good, mut bad) = (0_u64, 0_u64);
    let mut lines = reading(file)?.lines();
    let mut number = 0_u64;
    loop {
        let batch: Vec<String> = lines.by_ref().take(BATCH).collect::<Result<_, _>>()?;
        if batch.is_empty() {
            break;
        }
        let texts: Vec<&str> = batch.iter().map(String::as_str).collect();
        let results = if batch.iter().any(|line| line.trim().is_empty()) {
            texts.iter().flat_map(|text| consents.grant_all(&[text], by)).collect()
        } else {
            consents.grant_all(&texts, by)
        };
        for (result, text) in results.into_iter().zip(&texts) {
            number = number.saturating_add(1);
            bar.inc(u64::try_from(text.len()).unwrap_or(0).saturating_add(1));
            match result {
                Ok(_) => good = good.saturating_add(1),
                Err(_) if text.trim().is_empty() => {}
                Err(why) => {
                    bad = bad.saturating_add(1);
                    bar.suspend(|| eprintln!("{}:{number}: {why}", file.display()));
                }
            }
        }
    }
    bar.finish_and_clear();
    say!("{good} consents imported, {bad} refused");
    Ok(if bad == 0 { ExitCode::SUCCESS } else { WRONG })
}

fn show(consents: &Consents, record: Option<&str>) -> Outcome {
    let shown = if let Some(record) = record {
        consents.show(id(record)?)?
    } else {
        let subject: Identifier = serde_json::from_reader(io::stdin().lock())
            .map_err(|_| "give {\"scheme\": \"kz-iin\", \"id\": …} on standard input")?;
        Some(Value::Array(consents.of_subject(&subject)?))
    };
    let Some(value) = shown else {
        eprintln!("no such consent record");
        return Ok(WRONG);
    };
    say!("{}", serde_json::to_string_pretty(&value)?);
    Ok(ExitCode::SUCCESS)
}

/// Reads a record's id. Where it is something else, that may be a person's, and is not repeated.
fn id(record: &str) -> Result<Uuid, &'static str> {
    Uuid::parse_str(record)
        .map_err(|_| "not a record id: `otkel consent show` finds those of a subject")
}

fn reading(file: &Path) -> Result<Box<dyn BufRead>, String> {
    if file == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let opened =
        File::open(file).map_err(|e| format!("`{}` cannot be read: {e}", file.display()))?;
    Ok(Box::new(BufReader::new(opened)))
}

/// A bar over the bytes of a file, on a terminal only.
fn progress(file: &Path) -> ProgressBar {
    let length = std::fs::metadata(file).map_or(0, |facts| facts.len());
    if length == 0 || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length);
    let style = "{bar:40} {bytes}/{total_bytes}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar
}

fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(Value::from(text)).map_err(|_| "see --help for the words".to_owned())
}

const BATCH: usize = 1000;
