//! What a caller is told when nothing was sent: problem details (RFC 9457) without any value.

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER,
};
use hyper::{Response, StatusCode};
use serde::Serialize;
use uuid::Uuid;

use super::body::ACCEPTED;
use super::{Body, full, told};
use crate::decision::{Decision, Denial};
use crate::policy::OnRefused;
use crate::reason::{Language, Reason};
use crate::time::Timestamp;
use crate::transfer::{Claim, Known, Refused};

/// A transfer that was refused.
#[derive(Debug)]
pub struct Refusal {
    /// The decision's id.
    pub did: Uuid,
    /// Why.
    pub reason: Reason,
    /// Where: a rule's path, a byte offset or a header name, never a value.
    pub place: Option<String>,
    /// What was known of the transfer.
    pub known: Known,
    /// How many subjects' records were refused for which reason, when it came to that.
    pub subjects: BTreeMap<&'static str, u64>,
    /// Whether the ledger holds it already.
    pub recorded: bool,
    /// Whether nobody of a part of a record stream may go, which the route says to leave out.
    pub is_dropped: bool,
    /// How many parts of the record stream had left by then, where it is one.
    pub parts: Option<u64>,
    /// When what was exceeded is counted anew.
    pub resets: Option<Reset>,
    /// What came as the partner's receipt, in a word, where it answered.
    pub receipt: Option<&'static str>,
}

/// When a quota or a limit is counted anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// The first moment of the next day, or minute.
    pub at: Timestamp,
    /// The seconds until then, rounded up.
    pub seconds: i64,
}

impl Refusal {
    /// A refusal of which nothing but the reason is known.
    #[must_use]
    pub fn new(did: Uuid, reason: Reason, known: Known) -> Self {
        let subjects = BTreeMap::new();
        Self {
            did,
            reason,
            place: None,
            known,
            subjects,
            recorded: false,
            is_dropped: false,
            parts: None,
            resets: None,
            receipt: None,
        }
    }

    /// As [`Self::new`], where a result carries it.
    #[must_use]
    pub fn boxed(did: Uuid, reason: Reason, known: Known) -> Box<Self> {
        Box::new(Self::new(did, reason, known))
    }

    /// A refusal of which the reason and the claim are known.
    #[must_use]
    pub fn claimed(claim: &Claim, reason: Reason) -> Box<Self> {
        Self::boxed(claim.did(), reason, claim.known())
    }

    /// A refusal before the decision.
    #[must_use]
    pub fn of(did: Uuid, refused: Refused) -> Self {
        Self { place: refused.place, ..Self::new(did, refused.reason, refused.known) }
    }

    /// A refusal by the decision, which the ledger holds already.
    #[must_use]
    pub fn denied(denial: &Denial) -> Self {
        let claim = denial.transfer.claim();
        let field = denial.field.and_then(|n| claim.route().fields.get(usize::from(n)));
        Self {
            place: field.map(|field| field.text.clone()),
            subjects: count(&denial.decision),
            recorded: true,
            is_dropped: claim.part().is_some() && is_of_subjects_only(denial),
            ..Self::new(claim.did(), denial.reason, claim.known())
        }
    }

    /// The same refusal, with the time at which what was exceeded is counted anew.
    #[must_use]
    pub fn resetting(self, now: Timestamp) -> Self {
        let at = match self.reason {
            Reason::QuotaExceeded => Some(now.next_day()),
            Reason::RequestsExceeded => Some(now.next_minute()),
            _ => None,
        };
        let seconds = |at: Timestamp| at.millis().saturating_sub(now.millis()).div_euclid(1000) + 1;
        Self { resets: at.map(|at| Reset { at, seconds: seconds(at) }), ..self }
    }

    /// A failure after the disclosure was recorded; its outcome is recorded too.
    #[must_use]
    pub fn after(did: Uuid, reason: Reason, known: Known) -> Self {
        Self { recorded: true, ..Self::new(did, reason, known) }
    }

    /// The same refusal, when not even it could be recorded.
    #[must_use]
    pub fn unrecorded(self, reason: Reason) -> Self {
        Self { parts: self.parts, ..Self::new(self.did, reason, self.known) }
    }

    /// The answer to the caller.
    #[must_use]
    pub fn respond(&self, language: Language) -> Response<Body> {
        let problem = Problem::of(self, language);
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = Response::new(full(Bytes::from(body)));
        *response.status_mut() =
            StatusCode::from_u16(self.reason.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        told(self.did, self.receipt, headers);
        match self.reason.status() {
            503 => drop(headers.insert(RETRY_AFTER, HeaderValue::from_static("2"))),
            429 => {
                let seconds = self.resets.map_or(1, |reset| reset.seconds);
                headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            // RFC 9110 section 12.5.3.
            415 => drop(headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(ACCEPTED))),
            405 => drop(
                headers.insert(ALLOW, HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE")),
            ),
            _ => {}
        }
        response
    }
}

/// The members of RFC 9457, with those of this program beside them.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    code: Reason,
    clause: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    decision: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    subjects: &'a BTreeMap<&'static str, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resets: Option<Timestamp>,
    cure: &'static str,
}

impl<'a> Problem<'a> {
    fn of(refusal: &'a Refusal, language: Language) -> Self {
        let reason = refusal.reason;
        Self {
            r#type: format!("urn:otkel:refusal:{}", reason.code()),
            title: reason.words(language),
            status: reason.status(),
            code: reason,
            clause: reason.clause(),
            rule: refusal.known.route.as_ref().map(crate::vocabulary::Name::as_str),
            decision: refusal.did,
            place: refusal.place.as_deref(),
            subjects: &refusal.subjects,
            stream: refusal.known.part.map(|part| part.stream),
            parts: refusal.parts,
            resets: refusal.resets.map(|reset| reset.at),
            cure: reason.cure(language),
        }
    }
}

/// Whether each record is refused for its own sake, and a route leaves such records out.
fn is_of_subjects_only(denial: &Denial) -> bool {
    let (decision, route) = (&denial.decision, denial.transfer.claim().route());
    let mut verdicts = decision.verdicts.iter().map(|verdict| verdict.refused);
    route.on_refused == OnRefused::Drop
        && decision.outside.refused.is_none()
        && verdicts.clone().all(|refused| refused.is_some())
        && verdicts.any(|refused| refused.is_some_and(|(reason, _)| reason == denial.reason))
}

fn count(decision: &Decision) -> BTreeMap<&'static str, u64> {
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    for verdict in &decision.verdicts {
        let word = verdict.refused.map_or("PERMITTED", |(reason, _)| reason.code());
        let count = counts.entry(word).or_default();
        *count = count.saturating_add(verdict.records);
    }
    counts
}
