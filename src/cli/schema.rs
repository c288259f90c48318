//! `otkel schema`.

use std::process::ExitCode;

use super::Outcome;
use crate::partner::mock::script;
use crate::{config, partner, policy, testkit};

/// The arguments of `otkel schema`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The file that the schema is for.
    #[arg(value_enum)]
    file: File,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum File {
    /// `register.toml`.
    Register,
    /// `partners/<id>.toml`.
    Partner,
    /// The gateway's configuration.
    Config,
    /// A file for `otkel test`.
    Test,
    /// The script of `otkel partner --mock`.
    Mock,
    /// The configuration of `otkel partner`.
    Proxy,
}

#[expect(clippy::unnecessary_wraps, reason = "every command has an outcome")]
pub(super) fn run(arguments: &Arguments) -> Outcome {
    let schema = match arguments.file {
        File::Register => policy::schema::REGISTER,
        File::Partner => policy::schema::PARTNER,
        File::Config => config::SCHEMA,
        File::Test => testkit::SCHEMA,
        File::Mock => script::SCHEMA,
        File::Proxy => partner::config::SCHEMA,
    };
    say!("{}", schema.trim_end());
    Ok(ExitCode::SUCCESS)
}
