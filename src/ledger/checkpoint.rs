//! Checkpoints: the log's size and root, signed.
//!
//! A checkpoint is a C2SP signed note (signed-note v1, tlog-checkpoint v1), UTF-8 text:
//!
//! | line | content |
//! |---|---|
//! | 1 | origin: the log's name, such as `gw.example/disclosures`; also the key's name |
//! | 2 | number of entries, decimal, without leading zeros |
//! | 3 | RFC 6962 root, base64 (RFC 4648 section 4, padded) |
//! | 4 | empty |
//! | 5… | `— `, the key's name, a space, base64(key id, 4 bytes ‖ Ed25519 signature, 64 bytes) |
//!
//! The signature (RFC 8032) is over lines 1 to 3 with their line feeds. The key id is the first
//! 4 bytes of SHA-256(name ‖ `0x0A` ‖ `0x01` ‖ public key). Signatures of other keys, such as a
//! witness's, are left alone; so are further lines before the empty one.

use std::fmt;
use std::sync::Arc;

use data_encoding::{BASE64, HEXLOWER};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::tree::Hash;
use crate::signing::{SIGNATURE, Sign, SigningKey, Unsigned, VerifyKey};

/// The log's size and root at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// The number of entries.
    pub size: u64,
    /// The RFC 6962 root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The signed note, with one signature.
    ///
    /// # Errors
    /// The key did not sign.
    pub fn sign(&self, key: &LogKey) -> Result<String, Unsigned> {
        let text = self.text();
        let signature = key.secret.sign(text.as_bytes())?;
        let line = BASE64.encode(&[&key.public.id()[..], &signature[..]].concat());
        Ok(format!("{text}\n\u{2014} {} {line}\n", key.public.name))
    }

    /// Reads a signed note of the key's own log and checks that key's signature.
    ///
    /// # Errors
    /// Text that is no checkpoint, of another log, without this key's signature, or with a wrong
    /// one.
    pub fn open(note: &str, key: &PublicKey) -> Result<Self, BadCheckpoint> {
        if note.chars().any(|c| c.is_ascii_control() && c != '\n') {
            return Err(BadCheckpoint::Malformed);
        }
        let (body, signatures) = note.rsplit_once("\n\n").ok_or(BadCheckpoint::Malformed)?;
        let text = note.get(..body.len().saturating_add(1)).ok_or(BadCheckpoint::Malformed)?;
        let checkpoint = Self::read(body)?;
        if checkpoint.origin != key.name {
            return Err(BadCheckpoint::OfAnotherLog);
        }
        let signatures = signatures.strip_suffix('\n').ok_or(BadCheckpoint::Malformed)?;
        let mut signed = false;
        for line in signatures.split('\n') {
            if let Some(signature) = key.signature_in(line)? {
                let valid = key.key.verify(text.as_bytes(), &signature);
                signed = valid.then_some(true).ok_or(BadCheckpoint::WrongSignature)?;
            }
        }
        signed.then_some(checkpoint).ok_or(BadCheckpoint::Unsigned)
    }

    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(&self.root))
    }

    fn read(body: &str) -> Result<Self, BadCheckpoint> {
        let mut lines = body.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(BadCheckpoint::Malformed);
        };
        let plain =
            size.bytes().all(|b| b.is_ascii_digit()) && (size == "0" || !size.starts_with('0'));
        let size = size.parse().ok().filter(|_| plain);
        let root = BASE64.decode(root.as_bytes()).ok().and_then(|root| root.try_into().ok());
        match (origin.is_empty(), size, root) {
            (false, Some(size), Some(root)) => Ok(Self { origin: origin.to_owned(), size, root }),
            _ => Err(BadCheckpoint::Malformed),
        }
    }
}

/// The key that signs checkpoints.
pub struct LogKey {
    secret: Arc<dyn Sign>,
    public: PublicKey,
}

impl LogKey {
    /// Takes the log's name and a private key.
    ///
    /// # Errors
    /// A name that cannot stand in a signed note: empty, with white space or with `+`.
    pub fn new(origin: &str, secret: Arc<dyn Sign>) -> Result<Self, BadKey> {
        let public = PublicKey::new(origin, secret.key().clone())?;
        Ok(Self { secret, public })
    }

    /// Takes the log's name and 32 random bytes.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn from_seed(origin: &str, seed: &Zeroizing<[u8; 32]>) -> Result<Self, BadKey> {
        Self::new(origin, Arc::new(SigningKey::from_seed(seed)))
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }
}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogKey({})", self.public)
    }
}

/// The key that checkpoints are checked with.
///
/// Its text form is a C2SP verifier key: name, `+`, key id in hexadecimal, `+`, base64 of `0x01`
/// and the public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    key: VerifyKey,
}

impl PublicKey {
    /// Reads a verifier key, holding its key id against name and key.
    ///
    /// # Errors
    /// Any other text, or a weak key.
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        let (name, rest) = text.split_once('+').ok_or(BadKey::Unreadable)?;
        let (id, key) = rest.split_once('+').ok_or(BadKey::Unreadable)?;
        let key = BASE64.decode(key.as_bytes()).map_err(|_| BadKey::Unreadable)?;
        let Some((&ED25519, key)) = key.split_first() else { return Err(BadKey::Unreadable) };
        let key = VerifyKey::from_bytes(key).map_err(|_| BadKey::Unreadable)?;
        let public = Self::new(name, key)?;
        (HEXLOWER.encode(&public.id()) == id).then_some(public).ok_or(BadKey::Unreadable)
    }

    /// The log's name.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.name
    }

    fn new(name: &str, key: VerifyKey) -> Result<Self, BadKey> {
        let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if name.is_empty() || name.contains(bad) {
            return Err(BadKey::Name);
        }
        Ok(Self { name: name.to_owned(), key })
    }

    fn id(&self) -> [u8; 4] {
        let hash = Sha256::new()
            .chain_update(&self.name)
            .chain_update([b'\n', ED25519])
            .chain_update(self.key.as_bytes())
            .finalize();
        let [a, b, c, d, ..]: [u8; 32] = hash.into();
        [a, b, c, d]
    }

    fn signature_in(&self, line: &str) -> Result<Option<[u8; SIGNATURE]>, BadCheckpoint> {
        let (name, signature) = line
            .strip_prefix("\u{2014} ")
            .and_then(|line| line.split_once(' '))
            .ok_or(BadCheckpoint::Malformed)?;
        let bytes = BASE64.decode(signature.as_bytes()).map_err(|_| BadCheckpoint::Malformed)?;
        let (id, signature) = bytes.split_first_chunk::<4>().ok_or(BadCheckpoint::Malformed)?;
        if name != self.name || *id != self.id() {
            return Ok(None);
        }
        signature.try_into().map(Some).map_err(|_| BadCheckpoint::WrongSignature)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = BASE64.encode(&[&[ED25519], &self.key.as_bytes()[..]].concat());
        write!(f, "{}+{}+{key}", self.name, HEXLOWER.encode(&self.id()))
    }
}

/// Why a checkpoint is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCheckpoint {
    /// The text has another form.
    #[error("not a checkpoint")]
    Malformed,
    /// The first line names another log.
    #[error("a checkpoint of another log")]
    OfAnotherLog,
    /// No signature is by this key.
    #[error("a checkpoint that this key did not sign")]
    Unsigned,
    /// The signature that claims to be by this key is not.
    #[error("a checkpoint with a wrong signature")]
    WrongSignature,
}

/// Why a key is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// The log's name cannot stand in a signed note.
    #[error("a log's name is not empty and has no white space and no `+`")]
    Name,
    /// The text holds no such key.
    #[error("not an Ed25519 key")]
    Unreadable,
}

// The algorithm's number in C2SP signed notes.
const ED25519: u8 = 0x01;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> LogKey {
        LogKey::from_seed("gw.example/disclosures", &Zeroizing::new([seed; 32])).unwrap()
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: "gw.example/disclosures".into(), size: 70_000, root: [0x5a; 32] }
    }

    #[test]
    fn a_note_reads_back_and_every_flipped_byte_is_found() {
        let note = checkpoint().sign(&key(1)).unwrap();
        assert_eq!(Checkpoint::open(&note, key(1).public()), Ok(checkpoint()));
        assert_eq!(Checkpoint::open(&note, key(2).public()), Err(BadCheckpoint::Unsigned));
        for at in 0..note.len() {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1;
            if let Ok(text) = String::from_utf8(bytes) {
                assert!(Checkpoint::open(&text, key(1).public()).is_err(), "{at}");
            }
            if let Some(cut) = note.get(..at) {
                assert!(Checkpoint::open(cut, key(1).public()).is_err(), "cut at {at}");
            }
        }
    }

    #[test]
    fn signatures_of_others_are_left_alone() {
        let note = checkpoint().sign(&key(1)).unwrap();
        let witness = BASE64.encode(&[0x17; 76]);
        let more = format!("{note}\u{2014} witness.example/w1 {witness}\n");
        assert_eq!(Checkpoint::open(&more, key(1).public()), Ok(checkpoint()));
        let other = Checkpoint { origin: "other.example".into(), ..checkpoint() };
        let other = other.sign(&key(1)).unwrap();
        assert_eq!(Checkpoint::open(&other, key(1).public()), Err(BadCheckpoint::OfAnotherLog));
    }

    #[test]
    fn keys_read_back_and_show_nothing_secret() {
        let again = key(3);
        let text = again.public().to_string();
        assert_eq!(PublicKey::parse(&text).as_ref(), Ok(key(3).public()));
        assert_eq!(format!("{again:?}"), format!("LogKey({text})"));
        assert_eq!(PublicKey::parse(&text.replace("gw.", "gx.")), Err(BadKey::Unreadable));
        let named = |name| LogKey::from_seed(name, &Zeroizing::new([3; 32])).unwrap_err();
        assert_eq!(
            (named("a b"), named("a+b"), named("")),
            (BadKey::Name, BadKey::Name, BadKey::Name)
        );
    }

    #[test]
    fn the_key_id_is_that_of_a_published_verifier_key() {
        let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        assert_eq!(PublicKey::parse(text).unwrap().to_string(), text);
    }
}
