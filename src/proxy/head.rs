//! The head of a request: who asks for which route, and what of it may be passed on.

use std::collections::BTreeSet;

use hyper::Request;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use super::body::{BadCoding, Coding};
use super::front::{self, HeadFault};
use super::rules::Rules;
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
    if let Some((reason, place)) = uninspectable(request) {
        return Err(refused(reason, Some(place.to_owned()), claim.known()));
    }
    let coding = coding(request.headers()).map_err(|_| {
        let place = Some("`Content-Encoding`".to_owned());
        refused(Reason::ContentUninspectable, place, claim.known())
    })?;
    Ok(Head { claim, headers: request.headers().clone(), coding })
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
fn partner_host<B>(rules: &Rules, request: &Request<B>) -> Result<Option<String>, Reason> {
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

/// What of the head says that the body, or the target, cannot be inspected.
fn uninspectable<B>(request: &Request<B>) -> Option<(Reason, &'static str)> {
    if request.uri().query().is_some() {
        return Some((Reason::QueryNotAllowed, "the query string"));
    }
    let headers = request.headers();
    if headers.contains_key(IDEMPOTENCY_KEY) {
        return Some((Reason::IdempotencyUnsupported, "`Idempotency-Key`"));
    }
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    match (types.next(), types.next()) {
        (Some(one), None) if is_json(one) => None,
        _ => Some((Reason::ContentUninspectable, "`Content-Type`")),
    }
}

fn coding(headers: &HeaderMap) -> Result<Option<Coding>, BadCoding> {
    if !headers.contains_key(header::CONTENT_ENCODING) {
        return Ok(None);
    }
    Coding::named(headers.get_all(header::CONTENT_ENCODING)).map(Some)
}

fn is_json(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    let mut parts = text.split(';').map(str::trim);
    let json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let utf8 = |parameter: &str| {
        parameter.eq_ignore_ascii_case("charset=utf-8")
            || parameter.eq_ignore_ascii_case("charset=\"utf-8\"")
    };
    let parameters: Vec<&str> = parts.collect();
    json && match parameters.as_slice() {
        [] => true,
        [only] => utf8(only),
        _ => false,
    }
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
