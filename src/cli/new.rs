//! `otkel new`.

use std::path::PathBuf;

use super::Outcome;
use crate::reason::Language;

/// The arguments of `otkel new`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Arguments {
    /// Ask for all that a partner's file says, and write `partners/<id>.toml`.
    ///
    /// The questions come on standard error and the answers from standard input, a line each. An
    /// empty line takes what is offered. At the end of input nothing is written.
    Partner {
        /// The folder of rule files.
        #[arg(default_value = "policies")]
        dir: PathBuf,
    },
}

pub(super) fn run(arguments: &Arguments, language: Language) -> Outcome {
    let Arguments::Partner { dir } = arguments;
    let _ = language;
    Err(format!("`{}`: no questions yet", dir.display()).into())
}
