//! What is inside of an envelope, once the envelope has passed every check.

use bytes::Bytes;
use hyper::Method;

use super::super::forward;
use super::super::refusal::Refusal;
use super::super::trust::Trust;
use super::Limits;
use super::head::Head;
use crate::envelope::request::{self, Request as Inner};
use crate::envelope::{BadEnvelope, Header, Next, Opener, format};
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
    let mut opener = Opener::new(&trust.secrets);
    opener.push(bytes);
    opener.end();
    let header = header(bytes).map_err(refusal_of)?;
    head.fits(trust, &header, (limits, now))?;
    let mut payload = Vec::with_capacity(bytes.len());
    while let Next::Text(text) = opener.next().map_err(refusal_of)? {
        payload.extend_from_slice(&text);
    }
    let inner = inner(head, &header, &payload)?;
    Ok(Opened { header, inner, payload: payload.into() })
}

/// What an envelope says about itself, before it is known to be authentic.
fn header(bytes: &[u8]) -> Result<Header, BadEnvelope> {
    let length = format::prefix_length(bytes)?;
    let (_, header) = format::read_prefix(bytes.get(..length).ok_or(BadEnvelope::Short)?)?;
    Ok(header)
}

pub(super) const fn refusal_of(bad: BadEnvelope) -> Refusal {
    match bad {
        BadEnvelope::Key => Refusal::UnknownKid,
        _ => Refusal::CannotOpen,
    }
}

/// The request that is inside, where there is one: for the same host, and one that can be passed
/// on.
pub(super) fn inner(
    head: &Head<'_>,
    header: &Header,
    payload: &[u8],
) -> Result<Option<Inner>, Refusal> {
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
