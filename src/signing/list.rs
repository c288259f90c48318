//! The keys that a gateway signs its requests with, as it tells its partners.
//!
//! A list is a compact JWS ([`super::jws`]) of type `otkel-signing-keys+jws`. It is signed by a key
//! that its reader trusts already: that of a list before, while it is valid. So keys are rotated
//! without a meeting: the new one is announced, from then on both are taken, the old one expires.

use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde::{Deserialize, Serialize};

use super::jws::{self, BadJws};
use super::{Sign, Unsigned, VerifyKey};
use crate::time::Timestamp;

/// A gateway's signing keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningList {
    /// The version of the list, 1.
    pub v: u8,
    /// The gateway.
    pub iss: String,
    /// The number of this list; it never goes back.
    pub seq: u64,
    /// The keys.
    pub keys: Vec<Listed>,
}

/// A key of such a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// The key's id: its JWK thumbprint (RFC 7638).
    pub kid: String,
    /// The 32 bytes of the public key in base64.
    pub pk: String,
    /// From when it signs, in seconds since the Unix epoch.
    pub nbf: i64,
    /// From when it does not sign any more, in seconds since the Unix epoch.
    pub exp: i64,
}

impl Listed {
    /// The entry for a key that signs for this time.
    #[must_use]
    pub fn new(key: &VerifyKey, from: Timestamp, until: Timestamp) -> Self {
        let pk = BASE64.encode(key.as_bytes());
        Self { kid: key.kid().to_owned(), pk, nbf: from.seconds(), exp: until.seconds() }
    }

    fn key(&self) -> Option<VerifyKey> {
        VerifyKey::parse(&self.pk).ok().filter(|key| key.kid() == self.kid)
    }
}

impl SigningList {
    /// The list that follows `before`, where there is one.
    ///
    /// A key of the list before that is not among these stays, and ends now at the latest: so a
    /// partner who was given it in another way does not trust it any longer either.
    #[must_use]
    pub fn following(
        before: Option<&Self>,
        gateway: &str,
        mut keys: Vec<Listed>,
        now: Timestamp,
    ) -> Self {
        for old in before.map(|before| before.keys.as_slice()).unwrap_or_default() {
            if !keys.iter().any(|key| key.kid == old.kid) {
                keys.push(Listed { exp: old.exp.min(now.seconds()), ..old.clone() });
            }
        }
        keys.sort_by(|a, b| (a.nbf, &a.kid).cmp(&(b.nbf, &b.kid)));
        let seq = before.map_or(0, |before| before.seq).saturating_add(1);
        Self { v: 1, iss: gateway.to_owned(), seq, keys }
    }

    /// Signs the list.
    ///
    /// # Errors
    /// The key did not sign.
    pub fn sign(&self, by: &dyn Sign) -> Result<String, Unsigned> {
        let payload = serde_json::to_vec(self).map_err(|_| Unsigned)?;
        jws::sign(TYPE, &payload, by)
    }

    /// Reads a gateway's list that one of the trusted keys signed.
    ///
    /// # Errors
    /// Any other text, or a list with a key that cannot be used.
    pub fn read<'a>(
        text: &str,
        gateway: &str,
        trusted: impl IntoIterator<Item = &'a VerifyKey>,
    ) -> Result<Self, BadList> {
        let (payload, _) = jws::read(text.trim_ascii(), TYPE, trusted)?;
        let list: Self = jws::object(&payload).ok_or(BadList::Form)?;
        if list.v != 1 || list.keys.iter().any(|listed| listed.key().is_none()) {
            return Err(BadList::Form);
        }
        if list.iss == gateway { Ok(list) } else { Err(BadList::Issuer) }
    }

    /// Reads the list that a gateway wrote itself: signed by a key that it has.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_own(text: &str, gateway: &str) -> Result<Self, BadList> {
        let payload = text.split('.').nth(1).unwrap_or_default();
        let payload = BASE64URL_NOPAD.decode(payload.as_bytes()).map_err(|_| BadList::Form)?;
        let list: Self = jws::object(&payload).ok_or(BadList::Form)?;
        let keys: Vec<VerifyKey> = list.keys.iter().filter_map(Listed::key).collect();
        Self::read(text, gateway, &keys)
    }

    /// Reads a gateway's newest list as its partner: signed by a key that the list before says is
    /// valid now, or by one of the `given`, which came to the partner in another way. Of a key that
    /// the list before has, the list is believed: a given key does not outlive it.
    ///
    /// # Errors
    /// As [`Self::read`], and a list that goes back.
    pub fn read_next(
        text: &str,
        gateway: &str,
        (given, before): (&[VerifyKey], Option<&Self>),
        now: Timestamp,
    ) -> Result<Self, BadList> {
        let is_listed = |key: &VerifyKey| {
            before.is_some_and(|before| before.keys.iter().any(|listed| listed.kid == key.kid()))
        };
        let mut trusted = before.map(|before| before.valid(now, 0)).unwrap_or_default();
        trusted.extend(given.iter().filter(|key| !is_listed(key)).cloned());
        // The same list may be read for as long as nothing follows it.
        if let Some(before) = before
            && Self::read_own(text, gateway).as_ref() == Ok(before)
        {
            return Ok(before.clone());
        }
        let list = Self::read(text, gateway, &trusted)?;
        match before {
            Some(before) if list.seq < before.seq => Err(BadList::Older(before.seq)),
            Some(before) if list.seq == before.seq => Err(BadList::Changed),
            _ => Ok(list),
        }
    }

    /// The keys that may have signed something just now; `skew` is how many seconds two clocks may
    /// differ by.
    #[must_use]
    pub fn valid(&self, now: Timestamp, skew: i64) -> Vec<VerifyKey> {
        let now = now.seconds();
        let is_valid = |listed: &&Listed| {
            listed.nbf.saturating_sub(skew) <= now && now < listed.exp.saturating_add(skew)
        };
        self.keys.iter().filter(is_valid).filter_map(Listed::key).collect()
    }
}

/// Why a list is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadList {
    /// It is not signed as it must be.
    #[error(transparent)]
    Jws(#[from] BadJws),
    /// It is not a list of version 1, or a key in it cannot be used.
    #[error("not a list of signing keys of version 1")]
    Form,
    /// It is another gateway's.
    #[error("the list's `iss` is another gateway")]
    Issuer,
    /// It does not follow the one that was seen before.
    #[error("a list with the number {0} was seen before")]
    Older(u64),
    /// It has the number of another one that was seen before.
    #[error("another list with the same number was seen before")]
    Changed,
}

/// The JWS type of such lists.
pub const TYPE: &str = "otkel-signing-keys+jws";
