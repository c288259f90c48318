//! Subject lines: what a transfer of many subjects says of each of them.
//!
//! One line is one canonical JSON object (RFC 8785) and a line feed:
//!
//! ```text
//! {"consent":"0193…","tag":"5f2c…","verdict":0}
//! ```
//!
//! | member | what |
//! |---|---|
//! | `consent` | id of the consent record that decided; left out when there was not one |
//! | `consents` | ids of the consent records that decided together, where they were several |
//! | `tag` | the subject's tag in this transfer, 32 hexadecimal digits |
//! | `verdict` | index into the entry's `verdicts` |
//!
//! The entry holds the number of lines and the RFC 6962 root over them, each without its line feed,
//! so one line can be shown and proven alone.
//!
//! A tag is HMAC-SHA-256 (RFC 2104) under the subject's own random key of the 16 bytes of the
//! transfer's id, cut to 16 bytes. Without the key it says nothing, not even that two tags are of
//! one person; once the key is destroyed nobody can tell.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::entry::Subjects;
use super::tree::{Frontier, Hash, leaf_hash};

/// A subject's own random key, wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct SubjectKey([u8; 32]);

impl SubjectKey {
    /// Takes 32 random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes, to be wrapped for storage.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The subject's tag under an id that occurs once: a transfer's or a consent event's.
    #[must_use]
    pub fn tag(&self, id: &Uuid) -> Tag {
        // HMAC takes keys of any length, so the error cannot be.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return Tag([0; 16]) };
        mac.update(id.as_bytes());
        Tag(first_half(mac.finalize().into_bytes().into()))
    }
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectKey")
    }
}

/// A subject's tag in one entry: 16 bytes, written as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tag(pub [u8; 16]);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

/// The subject lines of one transfer, as they are written.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    bytes: Vec<u8>,
    tree: Frontier,
}

impl Lines {
    /// No lines yet, with room for a number of them.
    #[must_use]
    pub fn with_capacity(lines: usize) -> Self {
        let bytes = Vec::with_capacity(lines.saturating_mul(LINE_BYTES));
        Self { bytes, tree: Frontier::default() }
    }

    /// Appends the line of one subject.
    pub fn push(&mut self, consents: &[Uuid], tag: Tag, verdict: usize) {
        let start = self.bytes.len();
        self.bytes.push(b'{');
        match consents {
            [] => {}
            [consent] => {
                self.bytes.extend_from_slice(b"\"consent\":");
                self.id(consent);
                self.bytes.push(b',');
            }
            [first, more @ ..] => {
                self.bytes.extend_from_slice(b"\"consents\":[");
                self.id(first);
                for consent in more {
                    self.bytes.push(b',');
                    self.id(consent);
                }
                self.bytes.extend_from_slice(b"],");
            }
        }
        let mut text = [0; 32];
        data_encoding::HEXLOWER.encode_mut(&tag.0, &mut text);
        self.bytes.extend_from_slice(b"\"tag\":\"");
        self.bytes.extend_from_slice(&text);
        self.bytes.extend_from_slice(b"\",\"verdict\":");
        self.bytes.extend_from_slice(verdict.to_string().as_bytes());
        self.bytes.push(b'}');
        if let Some(line) = self.bytes.get(start..) {
            self.tree.push(leaf_hash(line));
        }
        self.bytes.push(b'\n');
    }

    fn id(&mut self, id: &Uuid) {
        let mut text = Uuid::encode_buffer();
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(id.hyphenated().encode_lower(&mut text).as_bytes());
        self.bytes.push(b'"');
    }

    /// What the entry says of the lines, and the lines themselves.
    #[must_use]
    pub fn finish(self) -> (Subjects, Vec<u8>) {
        let root = data_encoding::HEXLOWER.encode(&self.tree.root());
        (Subjects { n: self.tree.size(), root }, self.bytes)
    }
}

/// The leaf hash of each line of stored lines, for the root or for a proof.
///
/// A last line without its line feed counts as a line.
pub fn leaves(lines: &[u8]) -> impl Iterator<Item = Hash> {
    split(lines).map(leaf_hash)
}

/// Each line of stored lines, without its line feed.
pub fn split(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
    let empty = lines.is_empty();
    lines.split(|byte| *byte == b'\n').filter(move |_| !empty)
}

fn first_half(hash: Hash) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    half
}

// `{"consent":"…36…","tag":"…32…","verdict":…}` and a line feed, with four digits to spare.
const LINE_BYTES: usize = 104;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::tree::root_of;

    #[test]
    fn a_line_is_canonical_and_the_root_binds_them_all() {
        let mut lines = Lines::with_capacity(3);
        lines.push(&[Uuid::from_u128(7)], Tag([0xab; 16]), 0);
        lines.push(&[], Tag([0x01; 16]), 12);
        lines.push(&[Uuid::from_u128(7), Uuid::from_u128(3)], Tag([0x02; 16]), 0);
        let (subjects, bytes) = lines.finish();
        let text = String::from_utf8(bytes.clone()).unwrap();
        let expected = format!(
            "{{\"consent\":\"00000000-0000-0000-0000-000000000007\",\
             \"tag\":\"{}\",\"verdict\":0}}\n\
             {{\"tag\":\"{}\",\"verdict\":12}}\n\
             {{\"consents\":[\"00000000-0000-0000-0000-000000000007\",\
             \"00000000-0000-0000-0000-000000000003\"],\
             \"tag\":\"{}\",\"verdict\":0}}\n",
            "ab".repeat(16),
            "01".repeat(16),
            "02".repeat(16)
        );
        assert_eq!(text, expected);
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json_canonicalizer::to_string(&value).unwrap(), line);
        }
        let hashes: Vec<Hash> = leaves(&bytes).collect();
        assert_eq!(subjects.n, 3);
        assert_eq!(subjects.root, data_encoding::HEXLOWER.encode(&root_of(&hashes)));
        assert_eq!(split(b"").count(), 0);
    }

    #[test]
    fn a_tag_is_the_mac_of_the_id_and_debug_says_nothing() {
        let key = SubjectKey::from_bytes([7; 32]);
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        // python3 -c 'import hmac;print(hmac.digest(b"\7"*32,b"\0"*15+b"\1","sha256")[:16].hex())'
        assert_eq!(key.tag(&one).to_string(), TAG);
        assert_ne!(key.tag(&one), key.tag(&two));
        assert_eq!(format!("{key:?}"), "SubjectKey");
    }

    const TAG: &str = "620355dd837c780900a9e7896f4cf86f";
}
