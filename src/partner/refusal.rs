//! What a gateway is told when nothing was passed on: problem details (RFC 9457) without any value.

use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

use crate::proxy::full;
use crate::server::Body;

/// Why a request was refused, or why there is no reply of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The head is not one of HTTP as it must be.
    BadHead(StatusCode),
    /// The certificate is none of a known gateway.
    UnknownGateway,
    /// The host is none of this partner's.
    OtherHost,
    /// The media type is not that of an envelope or of a stream of them.
    MediaType,
    /// `Otkel-Id` is missing, given twice or no id.
    BadId,
    /// There is no signature.
    Unsigned,
    /// The signature is not one of this gateway over this request.
    BadSignature,
    /// The request or its envelope is too old, or of the future.
    NotFresh,
    /// The body is not the one that was signed.
    BadDigest,
    /// The body did not come to its end.
    Incomplete,
    /// The body did not come in time.
    TooSlow,
    /// The body is larger than is taken.
    TooLarge,
    /// The bytes are not an envelope, or do not open.
    CannotOpen,
    /// The envelope is sealed to a key that is not here.
    UnknownKid,
    /// The envelope is for another partner, request or gateway.
    OtherRequest,
    /// The time in which the data may be kept is over.
    Expired,
    /// What is inside is not the request that it says it is.
    BadInner,
    /// Frames are not a whole stream in its order.
    BadStream,
    /// The message was taken before.
    Replayed,
    /// The message cannot be written down as taken.
    Unwritten,
    /// As many requests as are allowed are under way.
    Busy,
    /// The application takes no connection.
    Unreached,
    /// The application broke off.
    Broken,
    /// The application did not answer in time.
    Late,
}

impl Refusal {
    /// Every refusal, for the documentation and its test.
    pub const ALL: [Self; 24] = [
        Self::BadHead(StatusCode::BAD_REQUEST),
        Self::UnknownGateway,
        Self::OtherHost,
        Self::MediaType,
        Self::BadId,
        Self::Unsigned,
        Self::BadSignature,
        Self::NotFresh,
        Self::BadDigest,
        Self::Incomplete,
        Self::TooSlow,
        Self::TooLarge,
        Self::CannotOpen,
        Self::UnknownKid,
        Self::OtherRequest,
        Self::Expired,
        Self::BadInner,
        Self::BadStream,
        Self::Replayed,
        Self::Unwritten,
        Self::Busy,
        Self::Unreached,
        Self::Broken,
        Self::Late,
    ];

    /// The code, as in `Otkel-Error`. It never changes its meaning.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::BadHead(_) => "bad-head",
            Self::UnknownGateway => "unknown-gateway",
            Self::OtherHost => "other-host",
            Self::MediaType => "media-type",
            Self::BadId => "bad-id",
            Self::Unsigned => "unsigned",
            Self::BadSignature => "bad-signature",
            Self::NotFresh => "not-fresh",
            Self::BadDigest => "bad-digest",
            Self::Incomplete => "incomplete",
            Self::TooSlow => "too-slow",
            Self::TooLarge => "too-large",
            Self::CannotOpen => "cannot-open",
            Self::UnknownKid => "unknown-kid",
            Self::OtherRequest => "not-for-this-request",
            Self::Expired => "expired",
            Self::BadInner => "bad-inner-request",
            Self::BadStream => "bad-stream",
            Self::Replayed => "replayed",
            Self::Unwritten => "not-recorded",
            Self::Busy => "busy",
            Self::Unreached => "application-unreachable",
            Self::Broken => "application-broke-off",
            Self::Late => "application-too-slow",
        }
    }

    /// The status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::BadHead(status) => status,
            Self::UnknownGateway | Self::Unsigned | Self::BadSignature | Self::NotFresh => {
                StatusCode::FORBIDDEN
            }
            Self::OtherHost => StatusCode::MISDIRECTED_REQUEST,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BadId | Self::BadDigest | Self::Incomplete | Self::BadStream => {
                StatusCode::BAD_REQUEST
            }
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::CannotOpen
            | Self::UnknownKid
            | Self::OtherRequest
            | Self::Expired
            | Self::BadInner => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Replayed => StatusCode::CONFLICT,
            Self::Unwritten | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreached | Self::Broken => StatusCode::BAD_GATEWAY,
            Self::Late => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// What is wrong, for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::BadHead(_) => "the head of the request is malformed",
            Self::UnknownGateway => "the client certificate is not that of a known gateway",
            Self::OtherHost => "the request is for a host that is not served here",
            Self::MediaType => "the body is neither an envelope nor a stream of envelopes",
            Self::BadId => "`Otkel-Id` is not exactly one id",
            Self::Unsigned => "the request is not signed",
            Self::BadSignature => "the signature is not one of this gateway over this request",
            Self::NotFresh => "the request or its envelope is too old, or of the future",
            Self::BadDigest => "the body is not the one that was signed",
            Self::Incomplete => "the body ended before it was complete",
            Self::TooSlow => "the body did not come in time",
            Self::TooLarge => "the body is larger than is taken here",
            Self::CannotOpen => "the envelope is malformed, was changed, or does not open",
            Self::UnknownKid => "the envelope is sealed to a key that is not in use here",
            Self::OtherRequest => "the envelope is for another gateway, partner or request",
            Self::Expired => "the time for which the data may be kept is over",
            Self::BadInner => "the request inside of the envelope cannot be passed on",
            Self::BadStream => "the envelopes are not one whole stream in its order",
            Self::Replayed => "this disclosure was taken before",
            Self::Unwritten => "the message could not be written down as taken",
            Self::Busy => "too many requests are under way",
            Self::Unreached => "the partner's application takes no connection",
            Self::Broken => "the partner's application broke off its answer",
            Self::Late => "the partner's application did not answer in time",
        }
    }

    /// What to do, for whoever runs the gateway or the partner.
    #[must_use]
    pub const fn cure(self) -> &'static str {
        match self {
            Self::BadHead(_) => "send HTTP as RFC 9112 or RFC 9113 says, through the gateway",
            Self::UnknownGateway => "the partner adds the certificate's name as a `[[gateway]]`",
            Self::OtherHost => "call the partner by a host of its `partner.hosts`",
            Self::MediaType => "send `application/vnd.otkel`, or frames of envelopes",
            Self::BadId => "send the disclosure's id once, as a UUID in lower case",
            Self::Unsigned => "sign requests, or agree with the partner on unsigned ones",
            Self::BadSignature => "check which keys the partner has of this gateway",
            Self::NotFresh => "set both clocks by NTP, and send a message when it is sealed",
            Self::BadDigest => "send the bytes that the digest was made of",
            Self::TooSlow => "send the body faster, or the partner raises `limits.body_ms`",
            Self::TooLarge => "send less at once, or the partner raises its limits",
            Self::Incomplete | Self::CannotOpen => {
                "look at what stands between gateway and partner"
            }
            Self::UnknownKid => "fetch the partner's key list again, and seal anew",
            Self::OtherRequest => "send the envelope in the request that it was sealed for",
            Self::Expired => "check the retention of the agreement, and both clocks",
            Self::BadInner => "check the route's `inner` request",
            Self::BadStream => "send every part once, in its order, up to the last",
            Self::Replayed => "never send a disclosure twice; the receipt given first counts",
            Self::Unwritten => "the partner looks at its disk; then send it as a new disclosure",
            Self::Busy => "send fewer requests at once; then send it as a new disclosure",
            Self::Unreached | Self::Broken | Self::Late => {
                "the partner looks at its application; then send it as a new disclosure"
            }
        }
    }

    /// The answer to the gateway.
    #[must_use]
    pub fn respond(self) -> Response<Body> {
        let problem = Problem {
            r#type: format!("urn:otkel:partner:{}", self.code()),
            title: self.title(),
            status: self.status().as_u16(),
            code: self.code(),
            cure: self.cure(),
        };
        let mut response = Response::new(full(Bytes::from(
            // A struct of texts and a number can always be written.
            serde_json::to_vec(&problem).unwrap_or_default(),
        )));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(ERROR, HeaderValue::from_static(self.code()));
        response
    }
}

/// The members of RFC 9457, with those of this program beside them.
#[derive(Serialize)]
struct Problem {
    r#type: String,
    title: &'static str,
    status: u16,
    code: &'static str,
    cure: &'static str,
}

/// The header with the code of a refusal.
pub const ERROR: HeaderName = HeaderName::from_static("otkel-error");
