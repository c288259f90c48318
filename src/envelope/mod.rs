//! The sealed payload: HPKE (RFC 9180) to the partner's own key, in the `OTK1` envelope.
//!
//! [`format`](mod@format) gives the bytes, [`frames`] those of several envelopes in one body,
//! [`key`] the keys, [`list`] lists of them, [`stream`] the chunks, [`field`] single values,
//! [`request`] a whole request as payload; `kem` agrees on the secret.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod field;
pub mod format;
pub mod frames;
mod kem;
pub mod key;
pub mod list;
pub mod request;
pub mod stream;
mod unique;

use std::borrow::Cow;

use bytes::Bytes;
use hpke::rand_core::CryptoRng;
use sha2::{Digest, Sha256};

pub use format::{BadEnvelope, Header, MEDIA_TYPE};
pub use key::{BadKey, RecipientKey, RecipientKeys, RecipientSecret};

use crate::decision::{Decision, Permitted, Trial};
use crate::redaction::{Manifest, Redacted};
use crate::time::Timestamp;
use crate::transfer::{Claim, Transfer};
use format::{Part, Recipient};
use request::Request;

/// A transfer whose payload only the partner can read.
#[derive(Debug)]
pub struct Sealed {
    redacted: Redacted,
    envelope: Bytes,
    sha256: [u8; 32],
    kid: String,
    media: String,
    time: Timestamp,
}

impl Sealed {
    /// The claim.
    #[must_use]
    pub const fn claim(&self) -> &Claim {
        self.redacted.permitted().transfer().claim()
    }

    /// What became of its values, where that is not what was decided.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        self.redacted.manifest()
    }

    /// What was decided.
    #[must_use]
    pub const fn decision(&self) -> &Decision {
        self.redacted.permitted().decision()
    }

    /// What the route's candidate would have done.
    #[must_use]
    pub const fn trial(&self) -> Option<&Trial> {
        self.redacted.permitted().trial()
    }

    /// The envelope.
    #[must_use]
    pub const fn envelope(&self) -> &Bytes {
        &self.envelope
    }

    /// SHA-256 of the envelope.
    #[must_use]
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// The id of the key that it is sealed to.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The media type of what is inside.
    #[must_use]
    pub fn media(&self) -> &str {
        &self.media
    }

    /// When it was decided and sealed.
    #[must_use]
    pub const fn time(&self) -> Timestamp {
        self.time
    }

    /// The transfer again, when it has to be decided anew.
    #[must_use]
    pub fn into_transfer(self) -> Transfer {
        self.redacted.into_transfer()
    }

    /// What was permitted, when it may not go after all.
    #[must_use]
    pub fn into_permitted(self) -> Permitted {
        self.redacted.into_permitted()
    }
}

/// Seals a redacted transfer to the partner's current key.
///
/// The envelope is bound to the partner, the route's method and path, the purpose and the
/// disclosure's id, and says until when the partner may keep the data: by its own entry or by the
/// purpose's, whichever ends first.
///
/// # Errors
/// No key of the partner is valid now; the transfer is handed back with the reason.
pub fn seal(
    redacted: Redacted,
    issuer: &str,
    keys: &RecipientKeys,
    now: Timestamp,
    random: &mut impl CryptoRng,
) -> Result<Sealed, Box<Unsealed>> {
    let unsealed = |redacted, why| Box::new(Unsealed { redacted, why });
    let Some(key) = keys.current(now) else { return Err(unsealed(redacted, NoKey::Expired)) };
    let (payload, media) = payload(&redacted);
    let claim = redacted.permitted().transfer().claim();
    let header = header(claim, issuer, key.kid(), media.clone(), now);
    let Ok(prefix) = format::prefix(&header) else {
        return Err(unsealed(redacted, NoKey::Header));
    };
    let sealed = stream::seal(&prefix, &payload, key, random);
    drop(payload);
    match sealed {
        Ok(envelope) => {
            let sha256 = Sha256::digest(&envelope).into();
            let kid = key.kid().to_owned();
            Ok(Sealed { redacted, envelope: envelope.into(), sha256, kid, media, time: now })
        }
        Err(_) => Err(unsealed(redacted, NoKey::Unusable)),
    }
}

/// What goes into the envelope, with its media type: the body, or the partner's own request with
/// the body in it.
fn payload(redacted: &Redacted) -> (Cow<'_, [u8]>, String) {
    let Some(inner) = redacted.inner() else {
        return (redacted.body().into(), redacted.media().to_owned());
    };
    let claim = redacted.permitted().transfer().claim();
    let endpoint = claim.partner().endpoints.get(&claim.route().endpoint);
    let authority = endpoint.map_or_else(String::new, |endpoint| match endpoint.port {
        443 => endpoint.host.clone(),
        port => format!("{}:{port}", endpoint.host),
    });
    let mut headers = inner.headers.clone();
    if !redacted.media().is_empty() {
        headers.push(("content-type".to_owned(), redacted.media().to_owned()));
    }
    let request = Request {
        method: inner.method.clone(),
        authority,
        target: inner.target.clone(),
        headers,
        body: redacted.body().to_vec(),
    };
    (request.encode().into(), request::MEDIA_TYPE.to_owned())
}

/// A transfer that could not be sealed.
#[derive(Debug)]
pub struct Unsealed {
    /// The transfer.
    pub redacted: Redacted,
    /// Why.
    pub why: NoKey,
}

/// Why a transfer could not be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// No key is valid now.
    #[error("no key of the partner is valid now")]
    Expired,
    /// No secret can be shared with the key.
    #[error("the partner's key is unusable")]
    Unusable,
    /// The header would be too long.
    #[error("the envelope's header would exceed 8192 bytes")]
    Header,
}

/// Opens an envelope with the recipient's private key.
///
/// # Errors
/// Bytes that are not a whole, unchanged envelope for this key.
pub fn open(envelope: &[u8], key: &RecipientSecret) -> Result<(Header, Vec<u8>), BadEnvelope> {
    let (header, prefix, sealed) = format::read_prefix(envelope)?;
    if header.rcpt.first().is_none_or(|recipient| recipient.kid != key.kid()) {
        return Err(BadEnvelope::Key);
    }
    let body = stream::open(prefix, sealed, key)?;
    Ok((header, body))
}

fn header(claim: &Claim, issuer: &str, kid: &str, cty: String, now: Timestamp) -> Header {
    let partner = claim.partner();
    let purpose = claim.purpose_entry().and_then(|purpose| purpose.retention_days);
    let days = i64::from(partner.retention_days.min(purpose.unwrap_or(u32::MAX)));
    Header {
        v: 1,
        did: claim.did(),
        iss: issuer.to_owned(),
        aud: partner.name.to_string(),
        m: claim.route().method_out().to_owned(),
        p: claim.route().to.clone(),
        cty,
        iat: now.seconds(),
        pur: claim.purpose().to_string(),
        exp: now.plus_millis(days.saturating_mul(MILLIS_A_DAY)).seconds(),
        onw: partner.onward_transfer,
        stream: claim.part().map(|part| Part { id: part.stream, n: part.n, last: part.last }),
        rcpt: vec![Recipient::x25519(kid.to_owned())],
    }
}

const MILLIS_A_DAY: i64 = 24 * 3600 * 1000;

#[cfg(test)]
mod tests;
