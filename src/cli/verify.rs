//! `otkel verify`.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use super::{Outcome, WRONG, config};
use data_encoding::HEXLOWER;

use crate::gateway::ledger_key;
use crate::ledger::checkpoint::PublicKey;
use crate::ledger::verify::Report;
use crate::store::audit::{Unsound, audit};
use crate::store::sqlite;

/// The arguments of `otkel verify`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("where").required(true).args(["config", "store"]))]
pub(super) struct Arguments {
    /// The gateway's configuration file; store, key and published checkpoint are taken from it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A store's file, or a copy of one.
    #[arg(long, value_name = "FILE", requires = "key")]
    store: Option<PathBuf>,
    /// The key that checks checkpoints, as `otkel keygen ledger` printed it.
    #[arg(long, value_name = "NAME+HASH+KEY")]
    key: Option<String>,
    /// A checkpoint that was published before; shows whether the ledger's tail was cut since.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let (store, key, published) = if let Some(file) = &arguments.config {
        let config = config(file)?;
        let key = ledger_key(&config)?.public().clone();
        let published = config.checkpoint.exists().then(|| config.checkpoint.clone());
        (config.store, key, published)
    } else {
        let key = arguments.key.as_deref().unwrap_or_default();
        let key = PublicKey::parse(key).map_err(|_| "`--key` is not a verifier key")?;
        (arguments.store.clone().unwrap_or_default(), key, None)
    };
    let published = match arguments.checkpoint.clone().or(published) {
        Some(file) => Some(
            fs::read_to_string(&file)
                .map_err(|error| format!("`{}` cannot be read: {error}", file.display()))?,
        ),
        None => None,
    };
    if !store.exists() {
        return Err(format!("there is no store at `{}`", store.display()).into());
    }
    let mut snapshot = sqlite::snapshot(&store)?;
    match audit(&mut *snapshot, Some(key), published.as_deref()) {
        Ok(report) => {
            say!("{}", sound(&report));
            Ok(ExitCode::SUCCESS)
        }
        Err(Unsound::Fault(fault)) => {
            say!("NOT SOUND: {fault}");
            Ok(WRONG)
        }
        Err(Unsound::Store(error)) => Err(error.into()),
    }
}

/// What a sound ledger holds, in words.
pub(super) fn sound(report: &Report) -> String {
    let kinds: Vec<String> = report.kinds.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    let mut text = format!(
        "sound: {} entries ({}), signed up to entry {}\nroot {}",
        report.size,
        kinds.join(", "),
        report.signed,
        HEXLOWER.encode(&report.root)
    );
    if !report.receipts.is_empty() {
        let counts = report.receipts.iter().map(|(status, n)| format!("{n} {status}"));
        // Writing to a string cannot fail.
        let _ = write!(text, "\nreceipts: {}", counts.collect::<Vec<_>>().join(", "));
    }
    for open in &report.open {
        let _ =
            write!(text, "\noutcome unknown: entry {} of {}, {}", open.seq, open.time, open.did);
    }
    text
}
