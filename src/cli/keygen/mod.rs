//! `otkel keygen`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use zeroize::Zeroizing;

mod partner;
mod signing;

use super::Outcome;
use crate::activation::signature::OfficerSecret;
use crate::demo::certificates::write_secret;
use crate::demo::world::{ed25519_pem, random_hex};
use crate::ledger::checkpoint::LogKey;
use crate::redaction::treat::pseudonym;
use crate::signing::SigningKey;
use crate::store::StoreSecret;
use crate::time::Timestamp;
use crate::vocabulary::{Kem, Name};

/// The arguments of `otkel keygen`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Arguments {
    /// A partner's keys: `NAME.key` and `NAME.identity.key` stay with the partner, `NAME.keys.jws`
    /// goes to the gateway, with the line that is printed.
    ///
    /// If `NAME.keys.jws` is there, the new key is added to it, so that old and new overlap.
    Partner {
        /// The partner's name, as its rule file is called.
        #[arg(value_parser = Name::parse)]
        name: Name,
        /// A key for one of the partner's `[recipient.NAME]`, in a list of its own.
        #[arg(long, value_name = "NAME", value_parser = Name::parse)]
        recipient: Option<Name>,
        /// The folder to write to.
        #[arg(long, value_name = "FOLDER", default_value = ".")]
        dir: PathBuf,
        /// How long the gateway may seal to the key, in days.
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=825))]
        days: u16,
        /// How a secret is agreed on with the key.
        #[arg(long, default_value = Kem::X25519.word(), value_parser = kem)]
        kem: Kem,
    },
    /// An Ed25519 key that signs requests to partners; prints its line for the configuration.
    Signing {
        /// The file to write. It stays with the gateway.
        file: PathBuf,
        /// From when on it signs, such as `2026-12-01T00:00:00Z`; from now on if nothing is said.
        ///
        /// A key that follows another begins when all partners have the list that announces it.
        #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
        from: Option<Timestamp>,
        /// How long it signs, in days.
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=825))]
        days: u16,
    },
    /// The list of the keys that sign requests, signed by the one that signs now, for the partners.
    ///
    /// If the list is there, the new one gets the next number.
    SigningList {
        /// The gateway's configuration, whose `[signing]` names the keys.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The file to write.
        file: PathBuf,
    },
    /// The Ed25519 key that signs a gateway's checkpoints; prints the key that checks them.
    Ledger {
        /// The gateway's name, as `gateway.name` in its configuration.
        #[arg(long)]
        name: String,
        /// The file to write.
        file: PathBuf,
    },
    /// The Ed25519 key that an officer signs rules with; prints the line for the configuration.
    Officer {
        /// The file to write. It stays with the officer.
        file: PathBuf,
    },
    /// The 32 bytes that a store's keys come from.
    Store {
        /// The file to write.
        file: PathBuf,
    },
    /// The 32 bytes that pseudonyms come from. Without them no pseudonym can be made or revealed.
    Pseudonyms {
        /// The file to write.
        file: PathBuf,
    },
    /// An officer's token for the admin API.
    Token {
        /// The file to write.
        file: PathBuf,
    },
}

pub(super) fn run(arguments: Arguments) -> Outcome {
    match arguments {
        Arguments::Partner { name, recipient, dir, days, kem } => {
            partner::make(&name, recipient.as_ref(), &dir, (kem, days))?;
        }
        Arguments::Signing { file, from, days } => signing::make(&file, from, days)?,
        Arguments::SigningList { config, file } => signing::list(&config, &file)?,
        Arguments::Ledger { name, file } => {
            fresh(&file)?;
            let pem = ed25519_pem()?;
            let key = SigningKey::from_pem(&pem)?;
            let key = LogKey::new(&format!("{name}/disclosures"), Arc::new(key))?;
            write_secret(&file, pem.as_bytes())?;
            say!("{}", key.public());
        }
        Arguments::Officer { file } => {
            fresh(&file)?;
            let pem = ed25519_pem()?;
            let public = OfficerSecret::from_pem(&pem)?.public();
            write_secret(&file, pem.as_bytes())?;
            say!("public_key = \"{public}\"");
        }
        Arguments::Store { file } => {
            fresh(&file)?;
            StoreSecret::create(&file)?;
        }
        Arguments::Pseudonyms { file } => {
            fresh(&file)?;
            let mut seed = Zeroizing::new([0; pseudonym::SECRET]);
            getrandom::fill(&mut *seed)?;
            write_secret(&file, &*seed)?;
        }
        Arguments::Token { file } => {
            fresh(&file)?;
            write_secret(&file, random_hex()?.as_bytes())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn kem(word: &str) -> Result<Kem, String> {
    let known = Kem::ALL.into_iter().find(|kem| kem.word() == word);
    known.ok_or_else(|| format!("expected {}", Kem::ALL.map(Kem::word).join(" or ")))
}

fn fresh(file: &Path) -> Result<(), String> {
    if file.exists() {
        return Err(format!("`{}` exists: a key is never overwritten", file.display()));
    }
    Ok(())
}
