//! One value of a field in an envelope of its own, as text.
//!
//! It is an ordinary envelope (mode 1) in base64url without padding, and begins with `T1RLMQ`. Its
//! header differs from that of the payload around it in three members: `aud` is the recipient where
//! that is not the partner itself, `cty` is `text/plain`, and `p` is the field's path.

use std::collections::BTreeMap;

use data_encoding::BASE64URL_NOPAD;
use hpke::rand_core::CryptoRng;

use super::format::{self, BadEnvelope, Header};
use super::pad::Text;
use super::stream::{self, To};
use super::{Kem, RecipientKeys, header};
use crate::policy::Field;
use crate::redaction::treat::SealValue;
use crate::time::Timestamp;
use crate::transfer::Claim;
use crate::vocabulary::Name;

/// Seals single values by the keys of a partner and of its recipients.
pub struct ValueSeals<'a, R> {
    /// The gateway's name.
    pub issuer: &'a str,
    /// The partner's keys.
    pub partner: Option<&'a RecipientKeys>,
    /// The keys of its recipients, by partner and recipient.
    pub recipients: &'a BTreeMap<(Name, Name), RecipientKeys>,
    /// The KEM of every key that it may be sealed to.
    pub kem: Kem,
    /// The time of the transfer.
    pub now: Timestamp,
    /// Random numbers.
    pub random: R,
}

impl<R: CryptoRng> SealValue for ValueSeals<'_, R> {
    fn seal(
        &mut self,
        claim: &Claim,
        to: Option<&Name>,
        field: &Field,
        value: &str,
    ) -> Option<String> {
        let partner = &claim.partner().name;
        let keys = match to {
            None => self.partner?,
            Some(name) => self.recipients.get(&(partner.clone(), name.clone()))?,
        };
        let key = keys.current(self.now, self.kem)?;
        let aud = to.unwrap_or(partner);
        let to = To::Direct(key);
        let header = Header {
            aud: aud.to_string(),
            p: field.text.clone(),
            ..header(claim, self.issuer, to.recipients(), "text/plain".to_owned(), self.now)
        };
        let prefix = format::prefix(to.mode(), &header).ok()?;
        let text = Text::new(value.as_bytes(), None);
        let sealed = stream::seal(&prefix, text, &to, &mut self.random).ok()?;
        Some(BASE64URL_NOPAD.encode(&sealed))
    }
}

/// The envelope in a text that [`ValueSeals`] wrote.
///
/// # Errors
/// Anything but base64url without padding.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, BadEnvelope> {
    BASE64URL_NOPAD.decode(text.trim_ascii()).map_err(|_| BadEnvelope::Magic)
}
