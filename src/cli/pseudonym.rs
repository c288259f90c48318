//! `otkel pseudonym`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use super::{Outcome, config};
use crate::gateway::{OpenStore, SystemClock, open_store};
use crate::keyfile;
use crate::store::reveal::Reveal;
use crate::vocabulary::Name;

/// The arguments of `otkel pseudonym`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Arguments {
    /// Say which value a pseudonym stands for. The ledger tells that it was asked, by whom and on
    /// which document; where it cannot, nothing is said.
    Reveal {
        /// The gateway's configuration file. The gateway may be running.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The partner that got the pseudonym.
        #[arg(long, value_parser = Name::parse)]
        partner: Name,
        /// Its scope, as the partner's rule file names it.
        #[arg(long, value_parser = Name::parse)]
        scope: Name,
        /// The document that it rests on, by its number or place.
        #[arg(long, value_name = "REFERENCE")]
        document: String,
        /// Who asks, for the ledger.
        #[arg(long, env = "USER", default_value = "operator")]
        by: String,
        /// The pseudonym.
        pseudonym: String,
    },
}

pub(super) fn run(arguments: Arguments) -> Outcome {
    let Arguments::Reveal { config: file, partner, scope, document, by, pseudonym } = arguments;
    let config = config(&file)?;
    let path = config.pseudonym_secret.as_ref();
    let path = path.ok_or("the configuration names no secret: `[pseudonyms]`, `secret`")?;
    let secret = keyfile::read_pseudonym_secret(path)?;
    let OpenStore { recorder, .. } = open_store(&config, Arc::new(SystemClock))?;
    let revealed = recorder.reveal(&secret, Reveal { partner, scope, document, by }, &pseudonym);
    recorder.close();
    let revealed = revealed?;
    eprintln!("recorded as entry {}", revealed.position.seq);
    say!("{}", revealed.value.as_str());
    Ok(ExitCode::SUCCESS)
}
