//! The way back: a partner's answer as the caller gets it.
//!
//! Where the route has no rules for answers, the body streams through untouched. Where it has, the
//! body is read whole and parsed as strictly as a request's, and only the fields that the rules
//! list go on, whatever the status says. Nothing of an answer that cannot be inspected goes on.
//! Of the headers, only listed ones do in either case. An answer that is sealed is opened first.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Response, StatusCode};

use super::receipt::{Came, Sent};
use super::reply::{self, Content, ReplyKeys};
use super::upstream::{AnswerBody, AnswerFault, Failure};
use super::{Answer, again, full};
use crate::document::{
    BadDocument, Charset, Document, FieldId, FieldSet, Limits, MediaType, Syntax,
};
use crate::envelope::reply::BadReply;
use crate::policy::AnswerRules;
use crate::reason::Reason;
use crate::redaction::{Selection, select};
use crate::server::Body;

/// What the caller gets.
pub(super) enum Back {
    /// The answer, or what is left of it.
    Passed(Response<Body>),
    /// An answer of this status was withheld.
    Withheld(StatusCode, Withheld),
}

/// Why an answer is withheld. No message holds a value of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Withheld {
    /// It did not come whole.
    #[error("{0}")]
    Body(AnswerFault),
    /// It is compressed, though that was not asked for.
    #[error("the partner's answer is compressed")]
    Coding,
    /// It is of another media type than the rules say, or of none.
    #[error("the partner's answer is of another media type than the route says")]
    MediaType,
    /// It is not what its media type says, or beyond the limits.
    #[error("{0}")]
    Document(BadDocument),
    /// It is not sealed, though it must be.
    #[error("the partner's answer is not sealed")]
    Unsealed,
    /// It is sealed, but no receipt says that it is the partner's.
    #[error("no receipt of the partner names the sealed answer")]
    Unbound,
    /// It is sealed, and not for this request.
    #[error("{0}")]
    Reply(BadReply),
    /// It says that the partner could not open what was sent.
    #[error("the partner does not know the key that was sealed to")]
    UnknownKey,
}

impl Withheld {
    /// The reason that the caller gets.
    pub(super) const fn reason(&self) -> Reason {
        match self {
            Self::Body(_) | Self::Coding | Self::MediaType | Self::Document(_) => {
                Reason::AnswerUninspectable
            }
            Self::Unsealed | Self::Unbound | Self::Reply(_) => Reason::AnswerUnproven,
            Self::UnknownKey => Reason::PartnerKeyUnavailable,
        }
    }
}

/// Takes an answer back to the caller by the rules of the route.
pub(super) async fn back(
    answer: Result<Answer, Failure>,
    sent: &Sent,
    came: Option<&mut Came>,
    (keys, gateway): (&ReplyKeys, &str),
    limits: &Limits,
) -> Result<Back, Failure> {
    let rules = sent.claim.route().answer.as_ref();
    let (mut parts, body) = answer?.into_parts();
    if again::is_key_unknown(parts.status, &parts.headers) {
        let _ = came.map(|came| came.binds(None));
        return Ok(Back::Withheld(parts.status, Withheld::UnknownKey));
    }
    let opened = reply::opened((&mut parts, body), sent, came, (keys, gateway)).await;
    let inspected = match (opened, rules) {
        (Err(why), _) => Err(why),
        (Ok(Content::Plain(body)), None) => Ok(body.map_err(io::Error::other).boxed()),
        (Ok(Content::Opened(body)), None) => Ok(full(body)),
        (Ok(body), Some(rules)) => inspected(&parts.headers, body, rules, limits).await.map(full),
    };
    let body = match inspected {
        Ok(body) => body,
        Err(why) => return Ok(Back::Withheld(parts.status, why)),
    };
    let listed = rules.map_or(&[][..], |rules| &rules.headers);
    let mut response = Response::new(body);
    *response.status_mut() = parts.status;
    let listed = listed.iter().filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok());
    for name in HEADERS.into_iter().chain(listed) {
        for value in parts.headers.get_all(&name) {
            response.headers_mut().append(name.clone(), value.clone());
        }
    }
    Ok(Back::Passed(response))
}

/// What the rules keep of an answer's body; an empty one stays empty.
async fn inspected(
    headers: &HeaderMap,
    body: Content,
    rules: &AnswerRules,
    limits: &Limits,
) -> Result<Bytes, Withheld> {
    let body = match body {
        Content::Plain(body) => whole(body, limits.bytes_max).await.map_err(Withheld::Body)?,
        Content::Opened(body) => body,
    };
    if body.is_empty() {
        return Ok(body);
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Withheld::Coding);
    }
    if !is_of_type(headers, rules.shape.syntax()) {
        return Err(Withheld::MediaType);
    }
    let document = Document::parse(body, Arc::clone(&rules.shape), limits);
    Ok(all_mapped(&document.map_err(Withheld::Document)?).into())
}

async fn whole(body: AnswerBody, bytes_max: usize) -> Result<Bytes, AnswerFault> {
    let body = Limited::new(body, bytes_max).collect().await.map_err(|error| {
        let fault = error.downcast_ref::<AnswerFault>().copied();
        let is_long = error.is::<LengthLimitError>();
        let other = if is_long { AnswerFault::TooLarge } else { AnswerFault::Broken };
        fault.unwrap_or(other)
    })?;
    Ok(body.to_bytes())
}

/// Whether headers name one media type: the one of a syntax, in UTF-8.
fn is_of_type(headers: &HeaderMap, syntax: &Syntax) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(one), None) = (types.next(), types.next()) else { return false };
    let media = one.to_str().ok().and_then(MediaType::parse);
    media.is_some_and(|media| syntax.has_type(&media) && media.is_in(Charset::UTF_8))
}

/// Writes every mapped field of an answer, which is one record.
fn all_mapped(answer: &Document) -> Vec<u8> {
    let all: FieldSet = (0..=FieldId::MAX).collect();
    select(answer, &Selection { outside: &all, records: &[Some(0)], verdicts: &[all] })
}

/// What of a partner's headers goes on in any case.
const HEADERS: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::CONTENT_LANGUAGE,
    header::CONTENT_DISPOSITION,
    header::ETAG,
    header::RETRY_AFTER,
];
