//! `otkel open`.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use super::{Outcome, WRONG};
use crate::envelope;
use crate::keyfile;

/// The arguments of `otkel open`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The private key of the partner, or of its recipient.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Show what the envelope says about itself on standard error.
    #[arg(long)]
    header: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let key = keyfile::read_secret(&arguments.key)?;
    let mut envelope = Vec::new();
    std::io::stdin().lock().read_to_end(&mut envelope)?;
    if !envelope.starts_with(b"OTK1")
        && let Ok(decoded) = envelope::field::decode(&envelope)
    {
        envelope = decoded;
    }
    match envelope::open(&envelope, &key) {
        Ok((header, body)) => {
            if arguments.header {
                eprintln!("{}", serde_json::to_string_pretty(&header)?);
            }
            std::io::stdout().lock().write_all(&body)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(bad) => {
            eprintln!("otkel: {bad}");
            Ok(WRONG)
        }
    }
}
