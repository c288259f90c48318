//! What can be said of a request before its body has come: who sent it, for whom, and when.

use hyper::Method;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName};
use hyper::http::request::Parts;
use uuid::Uuid;

use super::super::forward;
use super::super::refusal::Refusal;
use super::super::trust::{Gateway, Trust};
use super::Limits;
use crate::envelope::{self, Header, frames};
use crate::proxy::ID_HEADER;
use crate::signing::VerifyKey;
use crate::signing::request::{self, BadSignature, Covered, Freshness};
use crate::time::Timestamp;
use crate::tls::Peer;

/// A request whose head has passed every check.
pub(super) struct Head<'a> {
    pub(super) gateway: &'a Gateway,
    /// `Otkel-Id`: the disclosure's id, or the stream's.
    pub(super) id: Uuid,
    pub(super) form: Form,
    /// The digest that the body must have.
    pub(super) digest: Option<[u8; 32]>,
    method: Method,
    path: String,
    host: String,
    /// When the head had come.
    pub(super) now: Timestamp,
}

/// What the body is.
pub(super) enum Form {
    /// One envelope.
    One,
    /// Frames of envelopes, each with a signature by the key, where there is one.
    Frames(Option<Box<VerifyKey>>),
}

impl<'a> Head<'a> {
    /// Checks a head.
    pub(super) fn read(
        trust: &'a Trust,
        parts: &Parts,
        peer: &Peer,
        (limits, now): (&Limits, Timestamp),
    ) -> Result<Self, Refusal> {
        let gateway = trust.gateway(peer).ok_or(Refusal::UnknownGateway)?;
        let host = host(parts).ok_or(Refusal::OtherHost)?;
        if !trust.hosts.is_empty() && !trust.hosts.contains(&host) {
            return Err(Refusal::OtherHost);
        }
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let media = only(&parts.headers, &CONTENT_TYPE).ok().flatten();
        let media = media.ok_or(Refusal::MediaType)?;
        let kind = Kind::of(media).ok_or(Refusal::MediaType)?;
        let id = only(&parts.headers, &ID_HEADER).ok().flatten().ok_or(Refusal::BadId)?;
        let did = Uuid::try_parse(id).ok().filter(|did| did.to_string() == id);
        let did = did.ok_or(Refusal::BadId)?;
        let digest = digest(&parts.headers)?;
        let message = request::Message {
            method: parts.method.as_str(),
            target_uri: &format!("https://{host}{path}"),
            content_type: media,
            id,
            body: match (kind, digest) {
                (Kind::One, Some(digest)) => Covered::Digest(digest),
                _ => Covered::Parts,
            },
        };
        let fresh = Freshness { now, age_max: limits.age_s, skew_max: limits.skew_s };
        let key = signer(gateway, &parts.headers, &message, fresh)?;
        let form = match (kind, key) {
            (Kind::One, Some(_)) if digest.is_none() => return Err(Refusal::BadSignature),
            (Kind::One, _) => Form::One,
            (Kind::SignedFrames, None) => return Err(Refusal::Unsigned),
            (Kind::Frames, Some(_)) => return Err(Refusal::BadSignature),
            (Kind::Frames | Kind::SignedFrames, key) => Form::Frames(key.map(Box::new)),
        };
        Ok(Self {
            gateway,
            id: did,
            form,
            digest,
            method: parts.method.clone(),
            path: path.to_owned(),
            host,
            now,
        })
    }

    /// Holds the header of an envelope against the request that carries it, and against the time.
    pub(super) fn fits(
        &self,
        trust: &Trust,
        header: &Header,
        (limits, now): (&Limits, Timestamp),
    ) -> Result<(), Refusal> {
        let of_stream = header.stream.map_or(header.did, |part| part.id);
        let fits = header.iss == self.gateway.name
            && header.aud == trust.name
            && header.m == self.method.as_str()
            && header.p == self.path
            && of_stream == self.id
            && header.st.is_none();
        if !fits {
            return Err(Refusal::OtherRequest);
        }
        let can_reply = header.re.as_ref().is_none_or(|re| re.read().is_ok());
        if !can_reply || !forward::is_sayable(header) {
            return Err(Refusal::CannotOpen);
        }
        let age = now.seconds().saturating_sub(header.iat);
        if age >= limits.age_s.saturating_add(limits.skew_s) || age < -limits.skew_s {
            return Err(Refusal::NotFresh);
        }
        if header.exp <= now.seconds() { Err(Refusal::Expired) } else { Ok(()) }
    }

    /// Holds the digest of the body that came against the one that was signed.
    pub(super) fn has_digest(&self, sha256: &[u8; 32]) -> Result<(), Refusal> {
        if self.digest.is_none_or(|digest| digest == *sha256) {
            Ok(())
        } else {
            Err(Refusal::BadDigest)
        }
    }

    /// The method and path of the request, and the host that it was for.
    pub(super) fn line(&self) -> (&Method, &str, &str) {
        (&self.method, &self.path, &self.host)
    }
}

/// What the media type says that the body is.
#[derive(Clone, Copy)]
enum Kind {
    One,
    Frames,
    SignedFrames,
}

impl Kind {
    fn of(media: &str) -> Option<Self> {
        match media {
            envelope::MEDIA_TYPE => Some(Self::One),
            frames::MEDIA_TYPE => Some(Self::Frames),
            frames::MEDIA_TYPE_SIGNED => Some(Self::SignedFrames),
            _ => None,
        }
    }
}

/// The key that signed the request; `None` where it is not signed and need not be.
fn signer(
    gateway: &Gateway,
    headers: &HeaderMap,
    message: &request::Message<'_>,
    fresh: Freshness,
) -> Result<Option<VerifyKey>, Refusal> {
    let field = |name| only(headers, name).map_err(|()| Refusal::BadSignature);
    let (input, signature) = match (field(&INPUT)?, field(&SIGNATURE_FIELD)?) {
        (Some(input), Some(signature)) => (input, signature),
        (None, None) if !gateway.signed => return Ok(None),
        (None, None) => return Err(Refusal::Unsigned),
        _ => return Err(Refusal::BadSignature),
    };
    let keys = gateway.keys.valid(fresh.now, fresh.skew_max);
    match request::verify(message, (input, signature), &keys, fresh) {
        Ok(key) => Ok(Some(key.clone())),
        Err(BadSignature::Old | BadSignature::Future) => Err(Refusal::NotFresh),
        Err(BadSignature::Form | BadSignature::Key | BadSignature::Wrong) => {
            Err(Refusal::BadSignature)
        }
    }
}

fn digest(headers: &HeaderMap) -> Result<Option<[u8; 32]>, Refusal> {
    let field = only(headers, &DIGEST).map_err(|()| Refusal::BadDigest)?;
    let read = |field| request::read_digest(field).ok_or(Refusal::BadDigest);
    field.map(read).transpose()
}

/// The host of a request, in lower case and with its port unless that is 443.
fn host(parts: &Parts) -> Option<String> {
    let named = match parts.uri.authority() {
        Some(authority) => authority.as_str(),
        None => only(&parts.headers, &HOST).ok()??,
    };
    let named = named.to_ascii_lowercase();
    Some(named.strip_suffix(":443").map_or(named.clone(), ToOwned::to_owned))
}

/// The one value of a field; `Err` where it stands twice or is no text.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        (Some(_), Some(_)) => Err(()),
    }
}

const DIGEST: HeaderName = HeaderName::from_static("content-digest");
const INPUT: HeaderName = HeaderName::from_static("signature-input");
const SIGNATURE_FIELD: HeaderName = HeaderName::from_static("signature");
