//! Where private signing keys are kept, and when each signs.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use super::Check;
use crate::time::Timestamp;

/// Where a private Ed25519 key is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In a file: PKCS#8 PEM (RFC 8410) that only its owner may read.
    File(PathBuf),
    /// In a token, which it never leaves.
    Token(TokenKey),
}

/// A private key in a PKCS#11 token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenKey {
    /// The token's driver: a shared library with the PKCS#11 interface.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// Which of its keys.
    pub key: TokenObject,
    /// The file of the user's PIN.
    pub pin_file: PathBuf,
}

/// How a token knows a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenObject {
    /// By its label (`CKA_LABEL`).
    Label(String),
    /// By its identifier (`CKA_ID`).
    Id(Vec<u8>),
}

impl fmt::Display for TokenObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(label) => write!(f, "labelled `{label}`"),
            Self::Id(id) => write!(f, "with the id `{}`", HEXLOWER.encode(id)),
        }
    }
}

/// A key that signs requests, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledKey {
    /// Where it is kept.
    pub source: KeySource,
    /// From when on it signs, unless a later key does.
    pub from: Timestamp,
    /// From when on it no longer signs, if ever.
    pub until: Option<Timestamp>,
}

/// A token's key as it stands in a file: the table `pkcs11`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawToken {
    module: PathBuf,
    token: String,
    key: Option<String>,
    id: Option<String>,
    pin_file: PathBuf,
}

impl KeySource {
    /// Takes the file or the token that a table names; paths start at `folder`.
    ///
    /// # Errors
    /// What is wrong, and its cure.
    pub(crate) fn read(
        folder: &Path,
        file: Option<PathBuf>,
        token: Option<RawToken>,
    ) -> Result<Self, (&'static str, &'static str)> {
        match (file, token) {
            (Some(file), None) => Ok(Self::File(folder.join(file))),
            (None, Some(token)) => token.read(folder).map(Self::Token),
            (Some(_), Some(_)) => Err((
                "a key is kept in a file or in a token, not in both",
                "remove the file's name, or the table `pkcs11`",
            )),
            (None, None) => Err((
                "nothing says where the key is kept",
                "name its file, or write `pkcs11 = { module = …, token = …, key = …, \
                 pin_file = … }`",
            )),
        }
    }
}

impl RawToken {
    fn read(self, folder: &Path) -> Result<TokenKey, (&'static str, &'static str)> {
        let key = match (self.key, self.id) {
            (Some(label), None) if !label.is_empty() => TokenObject::Label(label),
            (None, Some(id)) => match HEXLOWER_PERMISSIVE.decode(id.as_bytes()) {
                Ok(id) if !id.is_empty() => TokenObject::Id(id),
                _ => return Err(("not the identifier of a key", "write it in hexadecimal: `01`")),
            },
            _ => {
                let help = "write `key = \"LABEL\"` or `id = \"HEXADECIMAL\"`";
                return Err(("the token's key has one label or one identifier", help));
            }
        };
        let (module, pin_file) = (folder.join(self.module), folder.join(self.pin_file));
        Ok(TokenKey { module, token: self.token, key, pin_file })
    }
}

/// The table `[signing]`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    #[serde(default)]
    keys: Vec<Spanned<RawKey>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKey {
    file: Option<PathBuf>,
    pkcs11: Option<RawToken>,
    from: Option<Spanned<Datetime>>,
    until: Option<Spanned<Datetime>>,
}

impl Check<'_> {
    pub(super) fn signing(&mut self, raw: Raw) -> Vec<ScheduledKey> {
        let mut keys: Vec<ScheduledKey> = Vec::new();
        for raw in raw.keys {
            let at = raw.span();
            let RawKey { file, pkcs11, from, until } = raw.into_inner();
            let from = from.map_or(Some(Timestamp::EPOCH), |time| self.time(&time));
            let until = until.map(|time| self.time(&time));
            let source = self.key_source(at.clone(), file, pkcs11);
            let (Some(source), Some(from)) = (source, from) else { continue };
            let until = until.flatten();
            if until.is_some_and(|until| until <= from) {
                let message = "the key ends before it begins";
                self.found.error(&self.source, at.clone(), message, "write a later `until`");
            }
            if keys.iter().any(|other| other.from == from) {
                let help = "give each key its own `from`: the latest one that has begun signs";
                self.found.error(&self.source, at, "two keys begin at the same time", help);
            }
            keys.push(ScheduledKey { source, from, until });
        }
        keys
    }

    pub(crate) fn key_source(
        &mut self,
        at: Range<usize>,
        file: Option<PathBuf>,
        token: Option<RawToken>,
    ) -> Option<KeySource> {
        match KeySource::read(self.folder, file, token) {
            Ok(source) => Some(source),
            Err((message, help)) => {
                self.found.error(&self.source, at, message, help);
                None
            }
        }
    }

    fn time(&mut self, text: &Spanned<Datetime>) -> Option<Timestamp> {
        let time = Timestamp::parse(&text.get_ref().to_string()).ok();
        if time.is_none() {
            self.error(
                text,
                "not a point in time",
                "write date, time and offset: 2026-11-22T09:00:00Z",
            );
        }
        time
    }
}
