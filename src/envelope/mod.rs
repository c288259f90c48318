//! The sealed payload: HPKE (RFC 9180) to the partner's own key, in the `OTK1` envelope.
//!
//! [`format`](mod@format) gives the bytes, [`frames`] those of several envelopes in one body,
//! [`key`] the keys, [`list`] lists of them, [`stream`] the whole, [`opener`] the same as it comes,
//! [`kept`] the mode that agrees on a secret for more than one message, [`pad`] the padding,
//! [`field`] single values, [`request`] a whole request as payload, [`reply`] sealed answers;
//! `context` seals the chunks and `kem` agrees on the secret.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod context;
pub mod field;
pub mod format;
pub mod frames;
mod kem;
pub mod kept;
pub mod key;
pub mod list;
pub mod opener;
pub mod pad;
pub mod reply;
pub mod request;
pub mod stream;
mod unique;

use std::borrow::Cow;

use bytes::Bytes;
use hpke::rand_core::CryptoRng;
use sha2::{Digest, Sha256};

pub use format::{BadEnvelope, Header, MEDIA_TYPE, Mode, ReplyKey};
pub use kept::Kept;
pub use key::{BadKey, RecipientKey, RecipientKeys, RecipientSecret};
pub use opener::{Next, Opener};

pub use crate::policy::{Keeping, Padding};
pub use crate::vocabulary::Kem;

use crate::decision::{Decision, Permitted, Trial};
use crate::redaction::{Manifest, Redacted};
use crate::time::Timestamp;
use crate::transfer::{Claim, Transfer};
use format::{Part, Recipient};
use pad::Text;
use request::Request;
use stream::To;

/// A transfer whose payload only the partner can read.
#[derive(Debug)]
pub struct Sealed {
    redacted: Redacted,
    envelope: Bytes,
    sha256: [u8; 32],
    mode: Mode,
    kem: Kem,
    recipients: Vec<Recipient>,
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

    /// How the recipients get its key.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The KEM of every key that it is sealed to.
    #[must_use]
    pub const fn kem(&self) -> Kem {
        self.kem
    }

    /// The id of the partner's key.
    #[must_use]
    pub fn kid(&self) -> &str {
        self.kids().next().unwrap_or_default()
    }

    /// The ids of all keys that it is sealed to, the partner's first.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.recipients.iter().map(|recipient| &*recipient.kid)
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

/// How a payload is sealed. By default to one X25519 key, each time anew and without padding.
#[derive(Clone, Debug)]
pub struct Sealing<'a> {
    /// The KEM of every key that it may be sealed to.
    pub kem: Kem,
    /// How its length is hidden, if it is.
    pub pad: Option<Padding>,
    /// The partner's context, where one may be kept. Not together with `also`.
    pub kept: Option<&'a Kept>,
    /// The keys of further recipients, each of whom can open all of it.
    pub also: Vec<&'a RecipientKeys>,
    /// The key that the answer may be sealed to, where it may be.
    pub reply: Option<ReplyKey>,
}

impl Default for Sealing<'_> {
    fn default() -> Self {
        Self { kem: Kem::X25519, pad: None, kept: None, also: Vec::new(), reply: None }
    }
}

impl Sealing<'_> {
    /// Whom to seal to: the partner, by its current key, and who else is to open it.
    fn to<'k>(
        &'k self,
        partner: &'k RecipientKeys,
        now: Timestamp,
        random: &mut impl CryptoRng,
    ) -> Result<To<'k>, NoKey> {
        let current = |keys: &'k RecipientKeys| keys.current(now, self.kem).ok_or(NoKey::Expired);
        let key = current(partner)?;
        match (self.kept, &*self.also) {
            (None, []) => Ok(To::Direct(key)),
            (None, also) => {
                let also = also.iter().map(|keys| current(keys));
                let mut all = also.collect::<Result<Vec<_>, _>>()?;
                all.insert(0, key);
                Ok(To::Wrapped(all))
            }
            (Some(kept), []) => {
                kept.context(key, now, random).map(To::Kept).map_err(|_| NoKey::Unusable)
            }
            (Some(_), _) => Err(NoKey::Unusable),
        }
    }
}

/// Seals a redacted transfer to the partner's current key, as `sealing` says.
///
/// The envelope is bound to the partner, the route's method and path, the purpose and the
/// disclosure's id, and says until when the partner may keep the data: by its own entry or by the
/// purpose's, whichever ends first.
///
/// # Errors
/// No key of the partner for that KEM is valid now; the transfer is handed back with the reason.
#[expect(clippy::too_many_arguments, reason = "what, from whom, to whom, how and when")]
pub fn seal(
    redacted: Redacted,
    issuer: &str,
    keys: &RecipientKeys,
    sealing: &Sealing<'_>,
    now: Timestamp,
    random: &mut impl CryptoRng,
) -> Result<Sealed, Box<Unsealed>> {
    let sealed = sealing.to(keys, now, random).and_then(|to| {
        let (payload, media) = payload(&redacted);
        let claim = redacted.permitted().transfer().claim();
        let header = Header {
            pad: sealing.pad.is_some(),
            re: sealing.reply.clone(),
            ..header(claim, issuer, to.recipients(), media.clone(), now)
        };
        let prefix = format::prefix(to.mode(), &header).map_err(|_| NoKey::Header)?;
        let text = Text::new(&payload, sealing.pad);
        let envelope = stream::seal(&prefix, text, &to, random).map_err(|_| NoKey::Unusable)?;
        Ok((envelope, media, to))
    });
    match sealed {
        Ok((envelope, media, to)) => Ok(Sealed {
            redacted,
            sha256: Sha256::digest(&envelope).into(),
            envelope: envelope.into(),
            mode: to.mode(),
            kem: sealing.kem,
            recipients: to.recipients(),
            media,
            time: now,
        }),
        Err(why) => Err(Box::new(Unsealed { redacted, why })),
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
    open_with(envelope, std::slice::from_ref(key))
}

/// Opens an envelope with whichever of the recipient's private keys it is sealed to.
///
/// # Errors
/// As [`open`].
pub fn open_with(
    envelope: &[u8],
    keys: &[RecipientSecret],
) -> Result<(Header, Vec<u8>), BadEnvelope> {
    let mut opener = Opener::new(keys);
    opener.push(envelope);
    opener.end();
    let mut body = Vec::with_capacity(envelope.len());
    while let Next::Text(text) = opener.next()? {
        body.extend_from_slice(&text);
    }
    let header = opener.into_header().ok_or(BadEnvelope::Short)?;
    Ok((header, body))
}

fn header(
    claim: &Claim,
    issuer: &str,
    rcpt: Vec<Recipient>,
    cty: String,
    now: Timestamp,
) -> Header {
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
        pad: false,
        re: None,
        st: None,
        rcpt,
    }
}

const MILLIS_A_DAY: i64 = 24 * 3600 * 1000;

#[cfg(test)]
mod tests;
