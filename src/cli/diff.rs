//! `otkel diff`.

use std::path::PathBuf;

use super::Outcome;

/// The arguments of `otkel diff`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A folder of rules, or a git revision: `HEAD~1` (its folder `policies`), `v1:rules`.
    old: String,
    /// Another.
    new: String,
    /// The time at which both are looked at, RFC 3339; else now.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The gateway's configuration file: says how many recorded decisions would be others.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    Err(format!("{arguments:?}").into())
}
