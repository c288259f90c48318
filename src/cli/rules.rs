//! `otkel rules`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::{Outcome, config};
use crate::activation::signature::{self, OfficerSecret};
use crate::config::Config;
use crate::gateway::{OpenStore, SystemClock, open_store, read_rules};
use crate::policy::{Policy, manifest};
use crate::store::{Reader, StoredEntry, sqlite};
use crate::time::Clock as _;
use crate::tls;
use crate::vocabulary::Name;

/// The arguments of `otkel rules`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Arguments {
    /// Print the digest of a set of rules, then the lines it is the SHA-256 of: one for each file,
    /// as `sha256sum` writes and checks them.
    Digest {
        /// The folder of rules.
        #[arg(default_value = "policies")]
        folder: PathBuf,
    },
    /// Sign a set of rules as an officer: writes `signatures/NAME.sig` below the folder.
    ///
    /// What is signed is `otkel-rules-v1`, a line feed, the digest and a line feed. openssl can do
    /// the same:
    ///
    ///   { echo otkel-rules-v1; otkel rules digest policies | head -n 1; } >message
    ///   openssl pkeyutl -sign -rawin -inkey NAME.key -in message \
    ///     | base64 -w 0 >policies/signatures/NAME.sig
    #[command(verbatim_doc_comment)]
    Sign {
        /// The folder of rules.
        #[arg(default_value = "policies")]
        folder: PathBuf,
        /// The officer's name, as in the configuration.
        #[arg(long, value_name = "NAME", value_parser = Name::parse)]
        officer: Name,
        /// The officer's private key, as `otkel keygen officer` made it.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Print every activation in the ledger, and which files it changed.
    History {
        /// The gateway's configuration file. The gateway may be running.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Print the files of a set that was in force, as `digest` does, or write them to a folder.
    Show {
        /// The entry of its activation, or its digest.
        #[arg(value_name = "ENTRY|DIGEST")]
        set: String,
        /// The gateway's configuration file. The gateway may be running.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// A folder to make, for the files.
        #[arg(long, value_name = "FOLDER")]
        to: Option<PathBuf>,
    },
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    match arguments {
        Arguments::Digest { folder } => {
            let policy = read(folder)?;
            say!("{}\n{}", policy.digest, manifest(&policy.files).trim_end());
        }
        Arguments::Sign { folder, officer, key } => sign(folder, officer, key)?,
        Arguments::History { config: file } => history(&config(file)?.store)?,
        Arguments::Show { set, config: file, to } => show(&config(file)?, set, to.as_deref())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn read(folder: &Path) -> Result<Policy, Box<dyn std::error::Error>> {
    Ok(read_rules(folder, SystemClock.now())?.0)
}

fn sign(folder: &Path, officer: &Name, key: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let policy = read(folder)?;
    let pem = tls::read_secret(key)?;
    let pem = std::str::from_utf8(pem.expose_secret()).unwrap_or_default();
    let secret = OfficerSecret::from_pem(pem)
        .map_err(|bad| format!("`{}` cannot be used: {bad}", key.display()))?;
    let file = folder.join(format!("{}{officer}{}", signature::FOLDER, signature::ENDING));
    let unwritten = |error| format!("`{}` cannot be written: {error}", file.display());
    fs::create_dir_all(folder.join(signature::FOLDER)).map_err(unwritten)?;
    fs::write(&file, secret.sign(&policy.digest)).map_err(unwritten)?;
    say!("signed {} as `{}`", policy.digest, file.display());
    Ok(())
}

fn show(config: &Config, set: &str, to: Option<&Path>) -> Result<(), Box<dyn std::error::Error>> {
    let OpenStore { reader, recorder } = open_store(config, Arc::new(SystemClock))?;
    let digest = match set.parse() {
        Ok(seq) if set.len() < DIGEST_LENGTH => digest_at(&reader, seq)?.unwrap_or_default(),
        _ => set.to_owned(),
    };
    let files = reader.rules(&digest)?;
    recorder.close();
    let files = files.ok_or("no such set was ever in force here: see `otkel rules history`")?;
    let Some(to) = to else {
        let sha256 = |bytes: &Vec<u8>| HEXLOWER.encode(&Sha256::digest(bytes));
        let files = files.iter().map(|(path, bytes)| (path.clone(), sha256(bytes))).collect();
        say!("{digest}\n{}", manifest(&files).trim_end());
        return Ok(());
    };
    fs::create_dir(to).map_err(|error| format!("`{}` cannot be made: {error}", to.display()))?;
    for (path, bytes) in &files {
        let file = to.join(path);
        fs::create_dir_all(file.parent().unwrap_or(to))?;
        fs::write(&file, bytes)?;
    }
    say!("{} files in `{}`", files.len(), to.display());
    Ok(())
}

/// The digest that the activation at a position names.
fn digest_at(reader: &Reader, seq: u64) -> Result<Option<String>, Box<dyn std::error::Error>> {
    let Some(entry) = reader.entries(seq).next().transpose()? else { return Ok(None) };
    let activation = activation(&entry).filter(|_| entry.seq == seq).transpose()?;
    Ok(activation.map(|activation| activation.policy))
}

/// An activation as the ledger holds it.
#[derive(Deserialize)]
struct Activation {
    seq: u64,
    time: String,
    by: String,
    policy: String,
    files: BTreeMap<String, String>,
    #[serde(default)]
    signed_by: Vec<String>,
}

fn history(store: &Path) -> Result<(), Box<dyn std::error::Error>> {
    if !store.exists() {
        return Err(format!("there is no store at `{}`", store.display()).into());
    }
    let mut snapshot = sqlite::snapshot(store)?;
    let mut before: Option<Activation> = None;
    let mut next = 0;
    loop {
        let page = snapshot.entries(next, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        next = last.seq.saturating_add(1);
        for activation in page.iter().filter_map(activation) {
            let activation = activation?;
            tell(&activation, before.as_ref());
            before = Some(activation);
        }
    }
}

fn activation(entry: &StoredEntry) -> Option<serde_json::Result<Activation>> {
    // Within a string the quotes would be escaped.
    let mut windows = entry.bytes.windows(KIND.len());
    windows.any(|window| window == KIND).then(|| serde_json::from_slice(&entry.bytes))
}

fn tell(activation: &Activation, before: Option<&Activation>) {
    let Activation { seq, time, by, policy, files, signed_by } = activation;
    say!("entry {seq}  {time}  by {by}");
    say!("  digest {policy}");
    if !signed_by.is_empty() {
        say!("  signed by {}", signed_by.join(", "));
    }
    let Some(before) = before else {
        say!("  {} files", files.len());
        return;
    };
    for (path, sha256) in files {
        match before.files.get(path) {
            None => say!("  added {path}"),
            Some(old) if old != sha256 => say!("  changed {path}"),
            Some(_) => {}
        }
    }
    for path in before.files.keys().filter(|path| !files.contains_key(*path)) {
        say!("  removed {path}");
    }
    if *files == before.files {
        say!("  the same files");
    }
}

const KIND: &[u8] = br#""type":"activation""#;
const PAGE: usize = 512;
// A digest of digits alone is no position.
const DIGEST_LENGTH: usize = 64;
