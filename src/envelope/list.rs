//! Key lists as they are exchanged: a JWS of type `otkel-keys+jws` by the partner's identity key.
//!
//! The payload is a [`KeyList`]. Its `iss` is the partner, or the holder of a key of its own within
//! the partner, whose list the same identity signs. Its `seq` rises with each list. A list whose
//! number is lower than one that was taken is an old one that somebody shows again, so whoever
//! takes lists keeps [`Mark`]s and asks [`SignedKeys::follows`].

use sha2::{Digest, Sha256};

use super::key::{BadKey, KeyList, RecipientKeys};
use crate::signing::jws::{self, BadJws};
use crate::signing::{Sign, Unsigned, VerifyKey};

/// A key list that its owner's identity signed.
#[derive(Clone, Debug)]
pub struct SignedKeys {
    /// The keys.
    pub keys: RecipientKeys,
    /// What is remembered of it.
    pub mark: Mark,
    /// The JWS, as it is kept.
    pub text: String,
}

/// What is remembered of a list that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The number of the list.
    pub seq: u64,
    /// SHA-256 of its payload.
    pub sha256: [u8; 32],
}

impl SignedKeys {
    /// Reads the list of `owner`, signed by `identity`.
    ///
    /// # Errors
    /// A list that is not signed so, is another's, or holds a key that cannot be used.
    pub fn read(bytes: &[u8], owner: &str, identity: &VerifyKey) -> Result<Self, BadList> {
        let bytes = bytes.trim_ascii();
        if bytes.first() == Some(&b'{') {
            return Err(BadList::Plain);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| BadJws::Form)?;
        let (payload, _) = jws::read(text, TYPE, [identity])?;
        let list: KeyList = jws::object(&payload).ok_or(BadKey::Form)?;
        if list.seq > SEQ_MAX {
            return Err(BadKey::Form.into());
        }
        let keys = RecipientKeys::read(&payload, owner)?;
        let mark = Mark { seq: list.seq, sha256: Sha256::digest(&payload).into() };
        Ok(Self { keys, mark, text: text.to_owned() })
    }

    /// Holds the list against the last one that was taken: it must be that one, or a later one.
    ///
    /// # Errors
    /// An older list, or another of the same number.
    pub fn follows(&self, last: &Mark) -> Result<(), BadList> {
        if self.mark.seq < last.seq {
            return Err(BadList::Older { seq: self.mark.seq, last: last.seq });
        }
        if self.mark.seq == last.seq && self.mark.sha256 != last.sha256 {
            return Err(BadList::Altered { seq: last.seq });
        }
        Ok(())
    }
}

impl KeyList {
    /// Signs the list.
    ///
    /// # Errors
    /// The key did not sign.
    pub fn sign(&self, by: &dyn Sign) -> Result<String, Unsigned> {
        let payload = serde_json::to_vec(self).map_err(|_| Unsigned)?;
        jws::sign(TYPE, &payload, by)
    }

    /// Reads a signed list as it is, to add to it.
    ///
    /// # Errors
    /// A list that is not signed so, or is another's.
    pub fn read_signed(text: &str, owner: &str, identity: &VerifyKey) -> Result<Self, BadList> {
        let (payload, _) = jws::read(text.trim_ascii(), TYPE, [identity])?;
        let list: Self = jws::object(&payload).ok_or(BadKey::Form)?;
        if list.iss == owner { Ok(list) } else { Err(BadKey::Issuer.into()) }
    }
}

/// Why a key list is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadList {
    /// It is the JSON of a list without a signature.
    #[error(
        "it is not signed: ask for the signed list, `NAME.keys.jws`, which `otkel keygen partner` \
         writes"
    )]
    Plain,
    /// It is not signed as it must be.
    #[error("{0}: ask for a list that the partner's `identity` signed")]
    Jws(#[from] BadJws),
    /// It is no list, is another's, or a key in it cannot be used.
    #[error(transparent)]
    Key(#[from] BadKey),
    /// A later one was taken already.
    #[error(
        "its `seq` is {seq}, and the list with `seq` {last} was taken already: ask for the newest"
    )]
    Older {
        /// Its number.
        seq: u64,
        /// The number of the last one that was taken.
        last: u64,
    },
    /// Another one of its number was taken already.
    #[error("another list with `seq` {seq} was taken already: ask for one with a higher `seq`")]
    Altered {
        /// The number of both.
        seq: u64,
    },
}

/// The largest integer that every reader of JSON takes (RFC 8259 section 6).
const SEQ_MAX: u64 = (1 << 53) - 1;

/// The JWS type of such lists.
pub const TYPE: &str = "otkel-keys+jws";

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::signing::SigningKey;

    fn identity(seed: u8) -> SigningKey {
        SigningKey::from_seed(&Zeroizing::new([seed; 32]))
    }

    fn list(seq: u64) -> KeyList {
        KeyList { v: 1, iss: "partner".to_owned(), seq, keys: Vec::new() }
    }

    fn read(text: &str, seed: u8) -> Result<SignedKeys, BadList> {
        SignedKeys::read(text.as_bytes(), "partner", identity(seed).key())
    }

    #[test]
    fn a_list_is_taken_only_as_its_owner_signed_it() {
        let signed = list(3).sign(&identity(1)).unwrap();
        let taken = read(&format!("{signed}\n"), 1).unwrap();
        assert_eq!((taken.mark.seq, &taken.text), (3, &signed));
        assert_eq!(read(&signed, 2).unwrap_err(), BadList::Jws(BadJws::Key));
        let plain = serde_json::to_string_pretty(&list(3)).unwrap();
        assert_eq!(read(&plain, 1).unwrap_err(), BadList::Plain);
        let other = SignedKeys::read(signed.as_bytes(), "other", identity(1).key());
        assert_eq!(other.unwrap_err(), BadList::Key(BadKey::Issuer));
        let (rest, signature) = signed.rsplit_once('.').unwrap();
        let (header, _) = rest.split_once('.').unwrap();
        let payload = serde_json::to_vec(&list(4)).unwrap();
        let payload = data_encoding::BASE64URL_NOPAD.encode(&payload);
        let forged = format!("{header}.{payload}.{signature}");
        assert_eq!(read(&forged, 1).unwrap_err(), BadList::Jws(BadJws::Signature));
        let receipt = jws::sign("otkel-receipt+jws", b"{}", &identity(1)).unwrap();
        assert_eq!(read(&receipt, 1).unwrap_err(), BadList::Jws(BadJws::Type));
        assert_eq!(read("", 1).unwrap_err(), BadList::Jws(BadJws::Form));
        assert!(read(&list(SEQ_MAX).sign(&identity(1)).unwrap(), 1).is_ok());
        let beyond = list(SEQ_MAX + 1).sign(&identity(1)).unwrap();
        assert_eq!(read(&beyond, 1).unwrap_err(), BadList::Key(BadKey::Form));
    }

    #[test]
    fn a_list_never_goes_back_and_never_changes() {
        let taken = |list: KeyList| read(&list.sign(&identity(1)).unwrap(), 1).unwrap();
        let last = taken(list(5));
        assert_eq!(last.follows(&last.mark), Ok(()));
        assert_eq!(taken(list(6)).follows(&last.mark), Ok(()));
        let older = taken(list(4)).follows(&last.mark);
        assert_eq!(older, Err(BadList::Older { seq: 4, last: 5 }));
        let spaced = serde_json::to_vec_pretty(&list(5)).unwrap();
        let spaced = jws::sign(TYPE, &spaced, &identity(1)).unwrap();
        let altered = read(&spaced, 1).unwrap().follows(&last.mark);
        assert_eq!(altered, Err(BadList::Altered { seq: 5 }));
    }
}
