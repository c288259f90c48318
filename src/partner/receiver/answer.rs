//! The answer to a gateway: the application's reply, with the signed receipt of what was taken.

use std::sync::Arc;

use hpke::rand_core::UnwrapErr;
use hyper::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LAST_MODIFIED,
    LOCATION, RETRY_AFTER,
};
use hyper::{Response, StatusCode};

use sha2::{Digest as _, Sha256};

use super::super::application::{NoReply, Reply};
use super::super::refusal::Refusal;
use super::super::trust::Trust;
use super::head::Head;
use crate::envelope::{Header, MEDIA_TYPE, Padding, reply};
use crate::proxy::full;
use crate::server::Body;
use crate::signing::receipt::{Bytes as Digested, Receipt, Status};
use crate::time::Timestamp;

/// What was taken of a request: all of it, or of a stream as many parts as were passed on.
#[derive(Clone, Copy)]
pub(super) struct Came {
    pub(super) sha256: [u8; 32],
    pub(super) bytes: u64,
    pub(super) parts: Option<u64>,
}

/// An answer with the application's reply in it.
pub(super) struct Answered {
    pub(super) status: Status,
    pub(super) receipt: Option<String>,
    pub(super) response: Response<Body>,
}

/// A refusal, with a receipt where something was passed on before it, or the application failed.
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    pub(super) receipt: Option<String>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, receipt: None }
    }
}

impl Refused {
    pub(super) fn respond(&self) -> Response<Body> {
        let mut response = self.refusal.respond();
        acknowledge(&mut response, self.receipt.as_deref());
        response
    }
}

/// What a reply of this status comes to.
pub(super) fn status(reply: StatusCode) -> Status {
    if reply.is_success() {
        Status::Accepted
    } else if reply.is_client_error() {
        Status::Rejected
    } else {
        Status::Deferred
    }
}

/// What the gateway is told where there was no reply, and what that comes to.
pub(super) const fn unanswered(why: NoReply) -> (Refusal, Status) {
    match why {
        NoReply::Unreached => (Refusal::Unreached, Status::Rejected),
        NoReply::Broken => (Refusal::Broken, Status::Deferred),
        NoReply::Late => (Refusal::Late, Status::Deferred),
        NoReply::Cut => (Refusal::CannotOpen, Status::Rejected),
    }
}

/// Makes the answer out of a reply; sealed, where the request has a key for that.
///
/// # Errors
/// A reply whose media type is too long for an envelope: it cannot be passed on.
pub(super) async fn answer(
    trust: &Trust,
    head: &Head<'_>,
    (came, now): (Came, Timestamp),
    (asked, reply): (&Header, Reply),
) -> Result<Answered, Refused> {
    let status = status(reply.status);
    let mut response = Response::new(());
    *response.status_mut() = reply.status;
    let passed: &[HeaderName] = if asked.re.is_some() { &PASSED_BESIDE_SEALED } else { &PASSED };
    for name in passed {
        if let Some(value) = reply.headers.get(name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    let (body, digested) = if asked.re.is_some() {
        let Some(sealed) = sealed(head, (asked, now), reply) else {
            return Err(unreplied(trust, head, (came, now), NoReply::Broken).await);
        };
        let digested = Digested::new(&Sha256::digest(&sealed).into(), sealed.len() as u64);
        // The status inside is the application's; the one outside must allow for a body.
        if !may_have_body(response.status()) {
            *response.status_mut() = StatusCode::OK;
        }
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        (sealed.into(), Some(digested))
    } else {
        (reply.body, None)
    };
    let mut response = response.map(|()| full(body));
    let receipt = receipt(trust, head, (came, now), (status, digested)).await;
    acknowledge(&mut response, receipt.as_deref());
    Ok(Answered { status, receipt, response })
}

/// What the gateway gets where the application gave no reply, or none that can be passed on.
pub(super) async fn unreplied(
    trust: &Trust,
    head: &Head<'_>,
    came: (Came, Timestamp),
    why: NoReply,
) -> Refused {
    let (refusal, status) = unanswered(why);
    let receipt = receipt(trust, head, came, (status, None)).await;
    Refused { refusal, receipt }
}

/// Seals a reply to the key in the request, which was read before the message was taken. Where the
/// request was padded, so is the reply. `None` where the header would be too long.
fn sealed(head: &Head<'_>, (asked, now): (&Header, Timestamp), reply: Reply) -> Option<Vec<u8>> {
    let media = reply.headers.get(CONTENT_TYPE).and_then(|media| media.to_str().ok());
    let answer = reply::Answer {
        status: reply.status.as_u16(),
        media: media.unwrap_or_default().to_owned(),
        body: reply.body.into(),
    };
    let asked = Header { did: head.id, ..asked.clone() };
    let pad = asked.pad.then_some(Padding::Padme);
    let mut random = UnwrapErr(getrandom::SysRng);
    reply::seal(&asked, &answer, pad, now, &mut random).ok()
}

fn may_have_body(status: StatusCode) -> bool {
    !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::RESET_CONTENT)
}

/// Signs the receipt for what was taken.
///
/// Without one the answer goes all the same: the message was passed on, and its gateway records
/// that a receipt is missing.
pub(super) async fn receipt(
    trust: &Trust,
    head: &Head<'_>,
    (came, now): (Came, Timestamp),
    (status, reply): (Status, Option<Digested>),
) -> Option<String> {
    let receipt = Receipt {
        v: 1,
        iss: trust.name.clone(),
        aud: head.gateway.name.clone(),
        iat: now.seconds(),
        did: head.id,
        env: Digested::new(&came.sha256, came.bytes),
        status,
        opened: true,
        parts: came.parts,
        reply,
    };
    let identity = Arc::clone(&trust.identity);
    // A key in a token may take its time, which no other request should have to wait for.
    let signed = tokio::task::spawn_blocking(move || receipt.sign(&*identity)).await;
    let signed = signed.ok().and_then(Result::ok);
    if signed.is_none() {
        tracing::error!(did = %head.id, "a receipt could not be signed");
    }
    signed
}

fn acknowledge(response: &mut Response<Body>, receipt: Option<&str>) {
    if let Some(Ok(receipt)) = receipt.map(HeaderValue::from_str) {
        response.headers_mut().insert(RECEIPT, receipt);
    }
}

/// The fields of an application's reply that are passed on.
pub const PASSED: [HeaderName; 7] =
    [CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, ETAG, LAST_MODIFIED, LOCATION, RETRY_AFTER];
/// Those that are passed on beside a sealed body, as they say nothing of it.
const PASSED_BESIDE_SEALED: [HeaderName; 2] = [CACHE_CONTROL, RETRY_AFTER];
/// The header with the receipt.
pub const RECEIPT: HeaderName = HeaderName::from_static("otkel-receipt");
