//! `otkel keygen`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::Outcome;
use crate::activation::signature::OfficerSecret;
use crate::demo::certificates::write_secret;
use crate::demo::world::{ed25519_pem, random_hex};
use crate::gateway::SystemClock;
use crate::keyfile;
use crate::ledger::checkpoint::LogKey;
use crate::redaction::treat::pseudonym;
use crate::signing::SigningKey;
use crate::store::StoreSecret;
use crate::time::Clock as _;
use crate::vocabulary::{Kem, Name};

/// The arguments of `otkel keygen`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Arguments {
    /// A partner's key pair: `NAME.key` stays with the partner, `NAME.json` goes to the gateway.
    ///
    /// If `NAME.json` is there, the new key is added to it, so that old and new overlap.
    Partner {
        /// The partner's name, as its rule file is called.
        #[arg(value_parser = Name::parse)]
        name: Name,
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
        Arguments::Partner { name, dir, days, kem } => partner(&name, &dir, days, kem)?,
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

fn partner(name: &Name, dir: &Path, days: u16, kem: Kem) -> Result<(), Box<dyn std::error::Error>> {
    let now = SystemClock.now();
    let until = now.plus_millis(i64::from(days) * 24 * 3600 * 1000);
    let (pem, entry) = keyfile::generate(kem, now, until)?;
    let kid = entry.kid.clone();
    let list_file = dir.join(format!("{name}.json"));
    let old = list_file.exists().then(|| fs::read(&list_file)).transpose()?;
    let list = keyfile::list_with(old.as_deref(), name.as_str(), entry)?;
    let key_file = match old {
        None => dir.join(format!("{name}.key")),
        Some(_) => dir.join(format!("{name}-{kid}.key")),
    };
    fresh(&key_file)?;
    let unwritten = |file: &Path| {
        let file = file.display().to_string();
        move |error| format!("`{file}` cannot be written: {error}")
    };
    write_secret(&key_file, pem.as_bytes()).map_err(unwritten(&key_file))?;
    fs::write(&list_file, list).map_err(unwritten(&list_file))?;
    say!("private key  {}  (stays with the partner)", key_file.display());
    say!("key list     {}  (goes to the gateway; key {kid} until {until})", list_file.display());
    Ok(())
}

fn fresh(file: &Path) -> Result<(), String> {
    if file.exists() {
        return Err(format!("`{}` exists: a key is never overwritten", file.display()));
    }
    Ok(())
}
