//! `otkel replay`.

use std::path::PathBuf;

use super::Outcome;

/// The arguments of `otkel replay`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The gateway's configuration file. The gateway may be running.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The folder of rules to try, or a git revision as for `otkel diff`; else the folder of the
    /// configuration.
    #[arg(value_name = "FOLDER")]
    rules: Option<String>,
    /// As JSON: one line for each decision that would be another, and one of numbers.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    Err(format!("{arguments:?}").into())
}
