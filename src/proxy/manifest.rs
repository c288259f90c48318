//! The manifest of a decision: what was sent, treated and removed, for the caller that asked.
//!
//! `GET /.well-known/otkel/manifests/{did}` at the gateway's own host answers with the entry of the
//! ledger, as far as it is about what the caller sent: categories, paths, counts and reasons, no
//! value. It is no transfer, so it is not recorded, but it counts as one of the caller's requests.

use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::rules::Rules;
use super::{Asked, Proxy, full, head};
use crate::policy::OWN_PATH;
use crate::server::Body;
use crate::store::{StoreError, StoredDecision};
use crate::vocabulary::Name;

impl Proxy {
    /// The answer to a request for a manifest; `None` where the request asks for something else.
    pub(super) async fn manifest(&self, asked: &Asked) -> Option<Response<Body>> {
        if asked.fault.is_some() {
            return None;
        }
        let rules = self.0.in_force.now().await;
        let id = asked_for(&rules, &asked.request)?.to_owned();
        let Ok(caller) = head::caller(&rules, &asked.peer) else {
            return Some(problem(StatusCode::NOT_FOUND));
        };
        if !self.0.rates.take(caller, self.0.clock.now()) {
            return Some(problem(StatusCode::TOO_MANY_REQUESTS));
        }
        let Ok(_place) = self.0.places.try_acquire() else {
            return Some(problem(StatusCode::SERVICE_UNAVAILABLE));
        };
        let found = did(&id).map_or(Ok(None), |did| self.0.reader.decision(&did));
        Some(answer(found, &caller.name))
    }
}

/// What a request names as the id of a decision, if it asks for a manifest.
fn asked_for<'r, B>(rules: &Rules, request: &'r Request<B>) -> Option<&'r str> {
    let id = request.uri().path().strip_prefix(OWN_PATH)?.strip_prefix("manifests/")?;
    let is_own = matches!(head::partner_host(rules, request), Ok(None));
    let is_plain = request.method() == Method::GET && request.uri().query().is_none();
    (is_own && is_plain).then_some(id)
}

/// The id as `Otkel-Decision` writes it; other forms of it are none.
fn did(id: &str) -> Option<Uuid> {
    let did = Uuid::parse_str(id).ok();
    did.filter(|did| did.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == id)
}

fn answer(found: Result<Option<StoredDecision>, StoreError>, caller: &Name) -> Response<Body> {
    let manifest = found.map(|stored| stored.and_then(|stored| manifest(&stored, caller)));
    match manifest {
        Ok(Some(manifest)) => {
            respond(StatusCode::OK, "application/json", manifest.to_string().into())
        }
        Ok(None) => problem(StatusCode::NOT_FOUND),
        Err(error) => {
            tracing::error!(%error, "the store could not be read");
            problem(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

/// What an entry says of its transfer, if the caller made it.
fn manifest(stored: &StoredDecision, caller: &Name) -> Option<Value> {
    let mut entry: Map<String, Value> = serde_json::from_slice(&stored.entry).ok()?;
    if entry.get("caller").and_then(Value::as_str) != Some(caller.as_str()) {
        return None;
    }
    let mut manifest = Map::new();
    for member in MEMBERS {
        manifest.extend(entry.remove(member).map(|value| (member.to_owned(), value)));
    }
    for (name, bytes, members) in [
        ("outcome", &stored.outcome, &OUTCOME_MEMBERS),
        ("receipt", &stored.receipt, &RECEIPT_MEMBERS),
    ] {
        if let Some(bytes) = bytes {
            let mut told: Map<String, Value> = serde_json::from_slice(bytes).ok()?;
            told.retain(|member, _| members.contains(&member.as_str()));
            manifest.insert(name.to_owned(), told.into());
        }
    }
    Some(manifest.into())
}

fn problem(status: StatusCode) -> Response<Body> {
    let title = status.canonical_reason().unwrap_or_default();
    let body = serde_json::json!({ "title": title, "status": status.as_u16() });
    let mut response = respond(status, "application/problem+json", body.to_string().into());
    let retry = match status {
        StatusCode::TOO_MANY_REQUESTS => 60,
        StatusCode::SERVICE_UNAVAILABLE => 2,
        _ => return response,
    };
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry));
    response
}

fn respond(status: StatusCode, media: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What of an entry is in its manifest: nothing about subjects, nor about rules on trial.
const MEMBERS: [&str; 12] = [
    "again", "did", "payload", "partner", "place", "policy", "purpose", "reason", "route",
    "stream", "time", "verdicts",
];
const OUTCOME_MEMBERS: [&str; 4] = ["reason", "result", "status", "time"];
const RECEIPT_MEMBERS: [&str; 4] = ["jws", "status", "time", "why"];

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(entry: &str, outcome: Option<&str>) -> StoredDecision {
        let outcome = outcome.map(|text| text.as_bytes().to_vec());
        let entry = entry.as_bytes().to_vec();
        StoredDecision { seq: 1, entry, lines: None, outcome, receipt: None }
    }

    fn shown(stored: &StoredDecision, caller: &str) -> Option<String> {
        manifest(stored, &Name::parse(caller).unwrap()).map(|manifest| manifest.to_string())
    }

    #[test]
    fn a_manifest_is_for_the_caller_of_its_entry_and_says_what_the_entry_does() {
        let entry = r#"{"caller":"lms","candidate":{"decision":"refused"},"did":"x","seq":4,
            "subjects":{"n":1,"root":"ab"},"verdicts":[{"decision":"permitted","n":1}]}"#;
        let outcome = r#"{"did":"x","of":4,"result":"delivered","seq":5,"status":200}"#;
        let both = stored(entry, Some(outcome));
        let told = concat!(
            r#"{"did":"x","outcome":{"result":"delivered","status":200},"#,
            r#""verdicts":[{"decision":"permitted","n":1}]}"#
        );
        assert_eq!(shown(&both, "lms").as_deref(), Some(told));
        let receipt = r#"{"did":"x","jws":"e30.e30.AA","of":4,"seq":4,"status":"accepted"}"#;
        let signed = StoredDecision { receipt: Some(receipt.into()), ..both.clone() };
        let receipt = r#","receipt":{"jws":"e30.e30.AA","status":"accepted"},"verdicts":"#;
        assert!(shown(&signed, "lms").unwrap().contains(receipt));
        assert_eq!(shown(&both, "crm"), None);
        assert!(!shown(&stored(entry, None), "lms").unwrap().contains("outcome"));
        assert_eq!(shown(&stored(r#"{"did":"x"}"#, None), "lms"), None, "nobody's");
        assert_eq!(shown(&stored("{", None), "lms"), None);
    }
}
