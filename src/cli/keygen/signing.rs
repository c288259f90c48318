//! `otkel keygen signing` and `otkel keygen signing-list`.

use std::fs;
use std::path::Path;

use super::fresh;
use crate::cli::config;
use crate::demo::certificates::write_secret;
use crate::demo::world::ed25519_pem;
use crate::gateway::SystemClock;
use crate::keys::SigningKeys;
use crate::signing::list::{BadList, Listed, SigningList};
use crate::signing::{Sign as _, SigningKey, VerifyKey};
use crate::time::{Clock as _, Timestamp};

type Fault = Box<dyn std::error::Error>;

/// Makes a key that signs requests for some days.
pub(super) fn make(file: &Path, from: Option<Timestamp>, days: u16) -> Result<(), Fault> {
    fresh(file)?;
    let from = from.unwrap_or_else(|| SystemClock.now());
    let until = from.plus_millis(i64::from(days) * 24 * 3600 * 1000);
    let pem = ed25519_pem()?;
    let key = SigningKey::from_pem(&pem)?;
    write_secret(file, pem.as_bytes())?;
    say!("key {}, for `keys` in `[signing]` of the configuration:", key.key().kid());
    say!("{{ file = \"{}\", from = {from}, until = {until} }}", file.display());
    Ok(())
}

/// Writes the list of a gateway's signing keys, signed by the one that signs now.
pub(super) fn list(config_file: &Path, file: &Path) -> Result<(), Fault> {
    let config = config(config_file)?;
    let now = SystemClock.now();
    let keys = SigningKeys::open(&config.signing, now)?;
    let current = keys.current(now).ok_or("no key of `[signing]` signs now: there must be one")?;
    let before = before(file, &config.name)?;
    if let Some(before) = &before {
        known(before, current.key(), now, file)?;
    }
    let next = SigningList::following(before.as_ref(), &config.name, keys.listed(), now);
    if before.as_ref().is_some_and(|before| before.keys == next.keys) {
        say!("key list  {}  has these keys already", file.display());
        return Ok(());
    }
    let text = next.sign(&*current)?;
    fs::write(file, format!("{text}\n"))
        .map_err(|error| format!("`{}` cannot be written: {error}", file.display()))?;
    say!("key list  {}  (number {}; goes to the partners)", file.display(), next.seq);
    for key in &next.keys {
        say!("key       {}  ({})", key.kid, state(key, current.key(), now));
    }
    if before.is_none() {
        say!(
            "For its first list a partner must know the key from elsewhere, in its `[[gateway]]`:"
        );
        say!("keys = [\"{}\"]", current.key());
    }
    Ok(())
}

fn state(key: &Listed, current: &VerifyKey, now: Timestamp) -> &'static str {
    if key.kid == current.kid() {
        "signs now"
    } else if key.exp <= now.seconds() {
        "is over"
    } else if now.seconds() < key.nbf {
        "is announced"
    } else {
        "is still taken"
    }
}

/// The list so far, if there is one.
fn before(file: &Path, name: &str) -> Result<Option<SigningList>, Fault> {
    if !file.exists() {
        return Ok(None);
    }
    let of = |why: &dyn std::fmt::Display| format!("`{}` cannot be used: {why}", file.display());
    let text = fs::read_to_string(file).map_err(|why| of(&why))?;
    let read = SigningList::read_own(&text, name).map_err(|why: BadList| of(&why))?;
    Ok(Some(read))
}

/// Whether partners who have the list so far can check what the key signs.
fn known(before: &SigningList, key: &VerifyKey, now: Timestamp, file: &Path) -> Result<(), String> {
    if before.valid(now, 0).contains(key) {
        return Ok(());
    }
    let file = file.display();
    Err(format!(
        "`{file}` has no key {} that is valid now, so partners would refuse the next list: let a \
         key that it has sign until they have the next one, or remove `{file}` and give each \
         partner the new key from elsewhere",
        key.kid()
    ))
}
