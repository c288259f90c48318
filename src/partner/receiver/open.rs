//! What is inside of an envelope, once the envelope has passed every check.

use bytes::Bytes;
use hyper::Method;

use super::super::forward;
use super::super::refusal::Refusal;
use super::super::trust::Trust;
use super::Limits;
use super::head::Head;
use crate::envelope::request::{self, Request as Inner};
use crate::envelope::{self, Header, RecipientSecret, format};
use crate::proxy::front;
use crate::time::Timestamp;

/// An envelope that was for this very request, and opened.
pub(super) struct Opened {
    pub(super) header: Header,
    pub(super) inner: Option<Inner>,
    pub(super) payload: Bytes,
}

/// Opens a whole envelope.
pub(super) fn open(
    trust: &Trust,
    head: &Head<'_>,
    bytes: &[u8],
    (limits, now): (&Limits, Timestamp),
) -> Result<Opened, Refusal> {
    let prefix = format::prefix_length(bytes).ok().and_then(|length| bytes.get(..length));
    let prefix = prefix.ok_or(Refusal::CannotOpen)?;
    let (_, header) = format::read_prefix(prefix).map_err(|_| Refusal::CannotOpen)?;
    head.fits(trust, &header, (limits, now))?;
    let secret = secret(trust, &header)?;
    let (header, payload) = envelope::open(bytes, secret).map_err(|_| Refusal::CannotOpen)?;
    let inner = inner(head, &header, &payload)?;
    Ok(Opened { header, inner, payload: payload.into() })
}

/// The private key that an envelope is sealed to.
fn secret<'t>(trust: &'t Trust, header: &Header) -> Result<&'t RecipientSecret, Refusal> {
    let is_named = |secret: &&RecipientSecret| {
        let kid = secret.kid();
        header.rcpt.iter().any(|recipient| recipient.kid == kid)
    };
    trust.secrets.iter().find(is_named).ok_or(Refusal::UnknownKid)
}

/// The request that is inside, where there is one: for the same host, and one that can be passed
/// on.
fn inner(head: &Head<'_>, header: &Header, payload: &[u8]) -> Result<Option<Inner>, Refusal> {
    if header.cty != request::MEDIA_TYPE {
        return Ok(None);
    }
    let inner = Inner::decode(payload).map_err(|_| Refusal::BadInner)?;
    let (_, _, host) = head.line();
    let is_plain = inner.authority.eq_ignore_ascii_case(host)
        && front::check_target(inner.target.as_bytes()).is_ok()
        && is_method(&inner.method)
        && forward::is_passable(&inner);
    if is_plain { Ok(Some(inner)) } else { Err(Refusal::BadInner) }
}

fn is_method(method: &str) -> bool {
    let method = Method::from_bytes(method.as_bytes());
    method.is_ok_and(|method| method != Method::CONNECT && method != Method::TRACE)
}
