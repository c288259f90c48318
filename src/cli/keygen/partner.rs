//! `otkel keygen partner`.

use std::fs;
use std::path::Path;

use super::fresh;
use crate::demo::certificates::write_secret;
use crate::demo::world::ed25519_pem;
use crate::gateway::SystemClock;
use crate::keyfile;
use crate::keys;
use crate::signing::{Sign as _, SigningKey};
use crate::time::Clock as _;
use crate::vocabulary::{Kem, Name};

/// Makes a key for a partner, or for a holder of a key of its own within it, and the signed list
/// that has it.
pub(super) fn make(
    name: &Name,
    recipient: Option<&Name>,
    dir: &Path,
    (kem, days): (Kem, u16),
) -> Result<(), Box<dyn std::error::Error>> {
    let (owner, stem) = match recipient {
        Some(recipient) => (recipient, format!("{name}.{recipient}")),
        None => (name, name.to_string()),
    };
    let now = SystemClock.now();
    let until = now.plus_millis(i64::from(days) * 24 * 3600 * 1000);
    let (pem, entry) = keyfile::generate(kem, now, until)?;
    let kid = entry.kid.clone();
    let list_file = dir.join(format!("{stem}.keys.jws"));
    let old = list_file.exists().then(|| fs::read_to_string(&list_file)).transpose()?;
    let key_file = match old {
        None => dir.join(format!("{stem}.key")),
        Some(_) => dir.join(format!("{stem}-{kid}.key")),
    };
    fresh(&key_file)?;
    let identity_file = dir.join(format!("{name}.identity.key"));
    if old.is_some() && !identity_file.exists() {
        let file = identity_file.display();
        return Err(format!("`{file}` is missing: the list so far is signed with it").into());
    }
    let identity = identity(&identity_file)?;
    let list = keyfile::list_with(old.as_deref(), owner.as_str(), entry, &identity, now)?;
    write_secret(&key_file, pem.as_bytes()).map_err(unwritten(&key_file))?;
    fs::write(&list_file, list).map_err(unwritten(&list_file))?;
    say!("private key  {}  (stays with the partner)", key_file.display());
    say!("identity     {}  (stays with the partner)", identity_file.display());
    say!("key list     {}  (goes to the gateway; key {kid} until {until})", list_file.display());
    say!("{}", keyfile::identity_line(identity.key()));
    Ok(())
}

/// The key that the partner's lists and receipts are signed with: the one that is there, or a new
/// one.
fn identity(file: &Path) -> Result<SigningKey, Box<dyn std::error::Error>> {
    if file.exists() {
        return Ok(keys::read(file)?);
    }
    let pem = ed25519_pem()?;
    let key = SigningKey::from_pem(&pem)?;
    write_secret(file, pem.as_bytes()).map_err(unwritten(file))?;
    Ok(key)
}

fn unwritten(file: &Path) -> impl Fn(std::io::Error) -> String {
    let file = file.display().to_string();
    move |error| format!("`{file}` cannot be written: {error}")
}
