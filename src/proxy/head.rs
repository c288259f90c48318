//! The head of a request: who asks for which route, and what of it may be passed on.

use std::collections::BTreeSet;

use bytes::Bytes;
use hyper::Request;
use hyper::header::{self, HeaderMap, HeaderName};
use uuid::Uuid;

use super::body::Coding;
use super::front::{self, HeadFault};
use super::rules::Rules;
use crate::document::{Charset, Content, MediaType, Root, Syntax};
use crate::policy::Route;
use crate::reason::Reason;
use crate::tls::Peer;
use crate::transfer::{Caller, Claim, Known, Refused, Target};

/// A request whose head was accepted.
#[derive(Debug)]
pub struct Head {
    /// What the caller claims.
    pub claim: Claim,
    /// The caller's headers, of which a route passes on those that it lists.
    pub headers: HeaderMap,
    /// How the body is compressed, if it is.
    pub coding: Option<Coding>,
    /// What of the head a route's rules look at, and how the body is divided; without the body.
    pub content: Content,
}

/// Reads the head of a request.
///
/// # Errors
/// A malformed head, a caller, host, route or purpose that is not known or allowed, a query, or a
/// body of a kind that cannot be inspected. No value of the request is repeated.
pub fn read<B>(
    rules: &Rules,
    request: &Request<B>,
    peer: &Peer,
    fault: Option<HeadFault>,
    did: Uuid,
) -> Result<Head, Refused> {
    let caller = caller(rules, peer)?;
    let known = Known { caller: Some(caller.name.clone()), ..Known::default() };
    if let Some(fault) = fault {
        return Err(refused(Reason::HeadMalformed, Some(fault.to_string()), known));
    }
    let partner_host =
        partner_host(rules, request).map_err(|reason| refused(reason, None, known.clone()))?;
    let purposes = purposes(request.headers())
        .map_err(|reason| refused(reason, Some("`Otkel-Purpose`".to_owned()), known))?;
    let target = Target {
        partner_host: partner_host.as_deref(),
        method: request.method().as_str(),
        path: request.uri().path(),
        purposes: &purposes,
        legal_request: legal_request(request.headers()),
    };
    let claim = Claim::read(&rules.policy, caller, &target, did)?;
    let bad = |(reason, place): Bad| refused(reason, Some(place.to_owned()), claim.known());
    let content = content(request, &claim).map_err(bad)?;
    let coding = coding(request.headers(), claim.route()).map_err(bad)?;
    Ok(Head { claim, headers: request.headers().clone(), coding, content })
}

fn refused(reason: Reason, place: Option<String>, known: Known) -> Refused {
    Refused { reason, place, known }
}

/// The one caller that the certificate's names belong to.
///
/// # Errors
/// A certificate that belongs to no caller, or to several.
pub fn caller<'a>(rules: &'a Rules, peer: &Peer) -> Result<&'a Caller, Refused> {
    let found: Vec<&Caller> =
        peer.names.iter().filter_map(|name| rules.callers.get(name)).collect();
    let distinct: BTreeSet<&str> = found.iter().map(|caller| caller.name.as_str()).collect();
    match found.first() {
        Some(caller) if distinct.len() == 1 => Ok(caller),
        _ => Err(refused(Reason::CallerUnknown, None, Known::default())),
    }
}

/// The partner's host that was asked for, or `None` for the gateway's own.
///
/// # Errors
/// A host that is neither, or none.
pub fn partner_host<B>(rules: &Rules, request: &Request<B>) -> Result<Option<String>, Reason> {
    let named = front::authority(request).ok_or(Reason::HeadMalformed)?;
    let host = named.rsplit_once(':').map_or(named, |(host, _)| host).to_ascii_lowercase();
    if rules.hosts.contains(&host) {
        return Ok(None);
    }
    if rules.policy.is_partner_host(&host) { Ok(Some(host)) } else { Err(Reason::HostUnknown) }
}

fn purposes(headers: &HeaderMap) -> Result<Vec<&str>, Reason> {
    let mut purposes = Vec::new();
    for value in headers.get_all(PURPOSE_HEADER) {
        let text = value.to_str().map_err(|_| Reason::PurposeUnknown)?;
        purposes.extend(text.split(',').map(str::trim));
    }
    Ok(purposes)
}

/// The one request of a state body that is named, or an empty text where it is not one text.
fn legal_request(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(LEGAL_REQUEST_HEADER).iter();
    match (values.next()?, values.next()) {
        (one, None) => Some(one.to_str().unwrap_or_default()),
        _ => Some(""),
    }
}

/// A reason, and the place in the head.
type Bad = (Reason, &'static str);

/// What of the head the rules look at.
///
/// # Errors
/// A query that no rule maps, or a body that is not written as the route says.
fn content<B>(request: &Request<B>, claim: &Claim) -> Result<Content, Bad> {
    let (headers, route) = (request.headers(), claim.route());
    let query = request.uri().query();
    if query.is_some() && !route.shape.maps(Root::Query) {
        return Err((Reason::QueryNotAllowed, "the query string"));
    }
    if headers.contains_key(IDEMPOTENCY_KEY) {
        return Err((Reason::IdempotencyUnsupported, "`Idempotency-Key`"));
    }
    let media = media(headers, route)?;
    Ok(Content {
        path: claim.path_values().to_vec(),
        query: query.map(str::to_owned),
        headers: mapped(headers, route)?,
        boundary: media.and_then(|media| media.parameter("boundary").map(str::to_owned)),
        charset: route.charset.clone(),
        body: Bytes::new(),
    })
}

/// The media type of the body: one that the route's syntax has, in the charset that it declares.
fn media(headers: &HeaderMap, route: &Route) -> Result<Option<MediaType>, Bad> {
    let bad = |reason| Err((reason, "`Content-Type`"));
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let media = match (types.next(), types.next()) {
        (None, None) if *route.shape.syntax() == Syntax::Empty => return Ok(None),
        (Some(one), None) => one.to_str().ok().and_then(MediaType::parse),
        _ => None,
    };
    let Some(media) = media.filter(|media| route.shape.syntax().has_type(media)) else {
        return bad(Reason::ContentUninspectable);
    };
    let charset = route.charset.as_deref().map_or(Some(Charset::UTF_8), Charset::named);
    if charset.is_some_and(|charset| media.is_in(charset)) {
        Ok(Some(media))
    } else {
        bad(Reason::CharsetNotDeclared)
    }
}

/// The header fields that the rules map. No other is looked at.
fn mapped(headers: &HeaderMap, route: &Route) -> Result<Vec<(String, String)>, Bad> {
    let mut mapped = Vec::new();
    for name in route.shape.names(Root::Header) {
        for value in headers.get_all(name) {
            let text = str::from_utf8(value.as_bytes());
            let text = text.map_err(|_| (Reason::HeadMalformed, "a header field"))?;
            mapped.push((name.to_owned(), text.to_owned()));
        }
    }
    Ok(mapped)
}

fn coding(headers: &HeaderMap, route: &Route) -> Result<Option<Coding>, Bad> {
    let bad = (Reason::ContentUninspectable, "`Content-Encoding`");
    if !headers.contains_key(header::CONTENT_ENCODING) {
        return Ok(None);
    }
    if *route.shape.syntax() == Syntax::Empty {
        return Err(bad);
    }
    Coding::named(headers.get_all(header::CONTENT_ENCODING)).map(Some).map_err(|_| bad)
}

/// The headers that a route passes on.
#[must_use]
pub fn passed(headers: &HeaderMap, route: &Route) -> HeaderMap {
    let mut passed = HeaderMap::new();
    for name in &route.headers {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { continue };
        for value in headers.get_all(&name) {
            passed.append(name.clone(), value.clone());
        }
    }
    passed
}

const LEGAL_REQUEST_HEADER: &str = "otkel-legal-request";
const PURPOSE_HEADER: &str = "otkel-purpose";
const IDEMPOTENCY_KEY: &str = "idempotency-key";
