//! The rule files of every set that came into force, by their SHA-256, so that a decision can be
//! explained and made again under the rules of its time.
//!
//! A set is found by its digest alone: the list of its files, which that digest is the SHA-256 of,
//! is kept beside them.

use std::collections::BTreeMap;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::{Reader, Snapshot, StoreError};
use crate::ledger::tree::Hash;
use crate::policy::{Policy, manifest};

/// A rule file as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFile {
    /// The SHA-256 of its bytes.
    pub sha256: Hash,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
}

impl RuleFile {
    /// A file of these bytes.
    #[must_use]
    pub fn new(bytes: Arc<[u8]>) -> Self {
        Self { sha256: Sha256::digest(&bytes).into(), bytes }
    }

    /// The files of a set of rules, and the list of them.
    #[must_use]
    pub fn all(policy: &Policy) -> Vec<Self> {
        let list = manifest(&policy.files).into_bytes().into();
        policy.bytes.values().cloned().chain([list]).map(Self::new).collect()
    }

    /// Whether the bytes are those that the SHA-256 was made of.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        Sha256::digest(&self.bytes).as_slice() == self.sha256
    }
}

impl Reader {
    /// The bytes of a rule file, by their SHA-256; `None` when no such file was ever in force here.
    ///
    /// # Errors
    /// The store failed, or holds other bytes.
    pub fn rule_file(&self, sha256: &Hash) -> Result<Option<Vec<u8>>, StoreError> {
        whole(sha256, self.lookup().rule_file(sha256)?)
    }

    /// The files of the set of rules with this digest ([`Policy::digest`], in hexadecimal), by
    /// their paths, as [`Policy::read`] takes them; `None` when it was never in force here.
    ///
    /// # Errors
    /// The store failed, or holds other bytes.
    pub fn rules(&self, digest: &str) -> Result<Option<Files>, StoreError> {
        files(digest, |sha256| self.lookup().rule_file(sha256))
    }
}

/// As [`Reader::rules`], in one consistent state of a store.
///
/// # Errors
/// As [`Reader::rules`].
pub fn rules(snapshot: &mut dyn Snapshot, digest: &str) -> Result<Option<Files>, StoreError> {
    files(digest, |sha256| snapshot.rule_bytes(sha256))
}

/// The bytes of a set's files, by their paths.
pub type Files = BTreeMap<String, Vec<u8>>;

fn files(
    digest: &str,
    mut read: impl FnMut(&Hash) -> Result<Option<Vec<u8>>, StoreError>,
) -> Result<Option<Files>, StoreError> {
    const DAMAGED: StoreError = StoreError::Damaged("a set of rules is not whole");
    let mut read = |sha256: &Hash| whole(sha256, read(sha256)?);
    let Some(digest) = hash(digest) else { return Ok(None) };
    let Some(list) = read(&digest)? else { return Ok(None) };
    let list = String::from_utf8(list).map_err(|_| DAMAGED)?;
    let file = |line: &str| {
        let (sha256, path) = line.split_once("  ").ok_or(DAMAGED)?;
        let bytes = read(&hash(sha256).ok_or(DAMAGED)?)?.ok_or(DAMAGED)?;
        Ok((path.to_owned(), bytes))
    };
    list.lines().map(file).collect::<Result<_, _>>().map(Some)
}

fn whole(sha256: &Hash, bytes: Option<Vec<u8>>) -> Result<Option<Vec<u8>>, StoreError> {
    match bytes {
        Some(bytes) if Sha256::digest(&bytes).as_slice() != sha256 => {
            Err(StoreError::Damaged("a rule file is not the one that its digest names"))
        }
        bytes => Ok(bytes),
    }
}

fn hash(hex: &str) -> Option<Hash> {
    HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok()
}
