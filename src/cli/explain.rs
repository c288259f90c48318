//! `otkel explain`.

use std::path::PathBuf;

use super::Outcome;

/// The arguments of `otkel explain`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A decision's id, or the file of a transfer's body (`-` for standard input).
    #[arg(value_name = "DECISION-ID|FILE")]
    what: String,
    /// The gateway's configuration file: where decisions and consents are, and the rules.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of rules for a file; else the configuration's, else `policies`.
    #[arg(long, value_name = "FOLDER")]
    rules: Option<PathBuf>,
    /// The route of a file, such as `training-gb.enrol`.
    #[arg(long)]
    route: Option<String>,
    /// The purpose, as a caller names it in `Otkel-Purpose`.
    #[arg(long)]
    purpose: Option<String>,
    /// The state body's request, as a caller names it in `Otkel-Legal-Request`.
    #[arg(long, value_name = "NAME")]
    legal_request: Option<String>,
    /// The subjects' consents, as `otkel consent import` takes them; else those of the store.
    #[arg(long, value_name = "FILE")]
    consents: Option<PathBuf>,
    /// When the transfer would be made, RFC 3339; else now.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    Err(format!("{arguments:?}").into())
}
