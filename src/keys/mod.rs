//! The private signing keys: from wherever they are kept to what signs.
//!
//! A key is in a file that only its owner may read, or in a PKCS#11 token, which it never leaves.
//! Whoever signs does not see the difference, but that a token may take its time and may fail.

#[cfg(feature = "hsm")]
mod token;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::ExposeSecret as _;

use crate::config::{KeySource, ScheduledKey, TokenKey};
use crate::signing::list::Listed;
use crate::signing::{BadSigningKey, Sign, SigningKey};
use crate::time::Timestamp;
use crate::tls::{self, FileFault};

#[cfg(feature = "hsm")]
pub use token::BadToken;

/// Opens a private key.
///
/// # Errors
/// A key that cannot be used, and what to do about it.
pub fn open(source: &KeySource) -> Result<Arc<dyn Sign>, Unopened> {
    match source {
        KeySource::File(path) => Ok(Arc::new(read(path)?)),
        KeySource::Token(key) => open_token(key),
    }
}

/// Reads a private key from its file.
///
/// # Errors
/// A file that cannot be read, is open to others, or holds no Ed25519 key in PKCS#8 PEM.
pub fn read(path: &Path) -> Result<SigningKey, Unopened> {
    let pem = tls::read_secret(path)?;
    let text = std::str::from_utf8(pem.expose_secret()).unwrap_or_default();
    SigningKey::from_pem(text).map_err(|_| Unopened::NotAKey { path: path.to_owned() })
}

#[cfg(feature = "hsm")]
fn open_token(key: &TokenKey) -> Result<Arc<dyn Sign>, Unopened> {
    Ok(Arc::new(token::Token::open(key)?))
}

#[cfg(not(feature = "hsm"))]
fn open_token(_: &TokenKey) -> Result<Arc<dyn Sign>, Unopened> {
    Err(Unopened::NoTokens)
}

/// The keys that sign requests, each in its time.
#[derive(Clone, Default)]
pub struct SigningKeys(Vec<Scheduled>);

#[derive(Clone)]
struct Scheduled {
    from: Timestamp,
    until: Option<Timestamp>,
    key: Arc<dyn Sign>,
}

impl SigningKeys {
    /// Opens the keys of a configuration, but for those whose time is over.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub fn open(keys: &[ScheduledKey], now: Timestamp) -> Result<Self, Unopened> {
        let ahead = keys.iter().filter(|key| key.until.is_none_or(|until| now < until));
        let open = |key: &ScheduledKey| {
            Ok(Scheduled { from: key.from, until: key.until, key: open(&key.source)? })
        };
        ahead.map(open).collect::<Result<_, _>>().map(Self)
    }

    /// The keys with their times, as partners are told.
    #[must_use]
    pub fn listed(&self) -> Vec<Listed> {
        let listed = |scheduled: &Scheduled| {
            let until = scheduled.until.unwrap_or(Timestamp::LAST);
            Listed::new(scheduled.key.key(), scheduled.from, until)
        };
        self.0.iter().map(listed).collect()
    }

    /// The key that signs now: of those that have begun and not ended, the one that began last.
    #[must_use]
    pub fn current(&self, now: Timestamp) -> Option<Arc<dyn Sign>> {
        let valid = |key: &&Scheduled| key.from <= now && key.until.is_none_or(|until| now < until);
        let newest = self.0.iter().filter(valid).max_by_key(|key| key.from);
        newest.map(|scheduled| Arc::clone(&scheduled.key))
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|scheduled| scheduled.key.key())).finish()
    }
}

/// Why a private key cannot be used. None of them has anything of a key or a PIN.
#[derive(Debug, thiserror::Error)]
pub enum Unopened {
    /// Its file cannot be read.
    #[error(transparent)]
    File(#[from] FileFault),
    /// Its file holds something else.
    #[error(
        "`{}` holds no Ed25519 private key in PKCS#8 PEM: make one with `otkel keygen`",
        path.display()
    )]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// The token is of no use.
    #[cfg(feature = "hsm")]
    #[error(transparent)]
    Token(#[from] BadToken),
    /// The token's public key is none to verify with.
    #[error("the token's key cannot be used: {0}")]
    Public(#[from] BadSigningKey),
    /// There is no PKCS#11 in this program.
    #[cfg(not(feature = "hsm"))]
    #[error(
        "this program was built without PKCS#11: build it with the feature `hsm`, or use a file"
    )]
    NoTokens,
}
