//! What the path would do with a transfer, without a store, a seal or a partner.
//!
//! A rehearsal takes the steps of the path by the same functions: the claim, the document, the
//! subjects' standings, the decision, the body that may leave. Nothing is recorded, nothing leaves.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod case;
pub mod difference;
pub(crate) mod json;
mod lines;
pub mod lint;
mod xml;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

pub use crate::policy::case::{Block, Head};

use crate::consent::block;
use crate::consent::{Question, Standing, Terms};
use crate::decision::{Circumstances, Decision, Denial, decide, question};
use crate::document::{Charset, Content, FieldId, Limits, Syntax};
use crate::policy::{Place, Policy, Route};
use crate::reason::Reason;
use crate::redaction::treat::pseudonym::PseudonymSecret;
use crate::redaction::treat::{Treating, Unsealed};
use crate::redaction::{Manifest, Redacted, redact};
use crate::time::Timestamp;
use crate::transfer::{Caller, Claim, Known, Refused, Target, Transfer};
use crate::vocabulary::Name;

/// A transfer to rehearse, with all that its decision rests on.
#[derive(Clone, Copy)]
pub struct Rehearsal<'a> {
    /// The route's full name, such as `training-gb.enrol`.
    pub route: &'a Name,
    /// The value of `Otkel-Purpose`, where the caller sends it.
    pub purpose: Option<&'a str>,
    /// The value of `Otkel-Legal-Request`, where the caller sends it.
    pub legal_request: Option<&'a str>,
    /// What stands before the body.
    pub head: &'a Head,
    /// The body.
    pub body: Body<'a>,
    /// The terms of a subject's consents, by its identifier in the route's scheme.
    pub consents: &'a dyn Fn(&str) -> Vec<Terms>,
    /// The blocks in force.
    pub blocks: &'a [Block],
    /// The time of the transfer.
    pub now: Timestamp,
    /// How large the document may be.
    pub limits: &'a Limits,
}

/// A body to rehearse.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// As the caller sends it, in the route's charset.
    Sent(&'a Bytes),
    /// A text in UTF-8, whatever the route's charset.
    Text(&'a Bytes),
}

/// What the path would have done.
#[derive(Debug)]
pub struct Rehearsed {
    /// The subjects' standings, one a record; `None` where a record does not say whose it is.
    /// Empty where the transfer was not read.
    pub standings: Vec<Option<Standing>>,
    /// How it ended.
    pub ending: Ending,
}

/// How a rehearsal ended.
#[derive(Debug)]
pub enum Ending {
    /// The claim or the document was refused before anything was decided.
    Refused(Refused),
    /// Nothing of the transfer may leave.
    Denied(Box<Denial>),
    /// A body may leave.
    Permitted(Box<Redacted>),
}

/// Takes a transfer along the path by the rules of a policy.
#[must_use]
pub fn rehearse(policy: &Arc<Policy>, rehearsal: &Rehearsal<'_>) -> Rehearsed {
    let refused = |refused| Rehearsed { standings: Vec::new(), ending: Ending::Refused(refused) };
    let Some(Place { route, .. }) = policy.route(rehearsal.route) else {
        let known = Known::default();
        return refused(Refused { reason: Reason::RouteUnknown, place: None, known });
    };
    let transfer = match read(policy, route, rehearsal) {
        Ok(transfer) => transfer,
        Err(why) => return refused(why),
    };
    let question = question(transfer.claim(), rehearsal.now);
    let circumstances = rehearsal.circumstances(&transfer, &question);
    let standings = circumstances.standings.clone();
    // Everybody knows this secret, so cases can say what comes out.
    let secret = PseudonymSecret::rehearsal();
    let mut treating = Treating { pseudonyms: Some(&secret), seals: &mut Unsealed };
    let redacted = decide(transfer, &circumstances).and_then(|p| redact(p, &mut treating));
    let ending = match redacted {
        Ok(redacted) => Ending::Permitted(Box::new(redacted)),
        Err(denial) => Ending::Denied(denial),
    };
    Rehearsed { standings, ending }
}

impl Rehearsed {
    /// The transfer, unless it was not read.
    #[must_use]
    pub fn transfer(&self) -> Option<&Transfer> {
        match &self.ending {
            Ending::Refused(_) => None,
            Ending::Denied(denial) => Some(&denial.transfer),
            Ending::Permitted(redacted) => Some(redacted.permitted().transfer()),
        }
    }

    /// What was decided record by record, unless the transfer was not read.
    #[must_use]
    pub fn decision(&self) -> Option<&Decision> {
        match &self.ending {
            Ending::Refused(_) => None,
            Ending::Denied(denial) => Some(&denial.decision),
            Ending::Permitted(redacted) => Some(redacted.permitted().decision()),
        }
    }

    /// Why nothing leaves, if nothing does.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match &self.ending {
            Ending::Refused(refused) => Some(refused.reason),
            Ending::Denied(denial) => Some(denial.reason),
            Ending::Permitted(_) => None,
        }
    }

    /// The body that leaves, if one does.
    #[must_use]
    pub fn sent(&self) -> Option<&[u8]> {
        match &self.ending {
            Ending::Refused(_) | Ending::Denied(_) => None,
            Ending::Permitted(redacted) => Some(redacted.body()),
        }
    }

    /// The first line of the request that is sealed with the body, if one is.
    #[must_use]
    pub fn request(&self) -> Option<String> {
        let Ending::Permitted(redacted) = &self.ending else { return None };
        redacted.inner().map(|inner| format!("{} {}", inner.method, inner.target))
    }

    /// What became of the values that leave, where that is not what was decided.
    #[must_use]
    pub fn manifest(&self) -> Option<&Manifest> {
        match &self.ending {
            Ending::Refused(_) | Ending::Denied(_) => None,
            Ending::Permitted(redacted) => Some(redacted.manifest()),
        }
    }

    /// The fields of which values stayed for what they are.
    fn lost(&self) -> impl Iterator<Item = (FieldId, Reason)> {
        let tallies = self.manifest().into_iter();
        let tallies = tallies.flat_map(|all| all.verdicts.iter().chain([&all.outside]));
        let lost = tallies.flat_map(|tally| &tally.lost);
        lost.flat_map(|(field, reasons)| reasons.keys().map(|reason| (*field, *reason)))
    }

    /// Every reason in it: of the whole, of refused records, of removed fields and lost values.
    #[must_use]
    pub fn reasons(&self) -> BTreeSet<Reason> {
        let verdicts = self.decision().into_iter();
        let verdicts = verdicts.flat_map(|d| d.verdicts.iter().chain([&d.outside]));
        let of_verdicts = verdicts.flat_map(|verdict| {
            let removed = verdict.removed.iter().map(|(_, reason)| *reason);
            removed.chain(verdict.refused.map(|(reason, _)| reason))
        });
        let lost = self.lost().map(|(_, reason)| reason);
        self.reason().into_iter().chain(of_verdicts).chain(lost).collect()
    }

    /// The fields that a reason is about, as their rules name them.
    #[must_use]
    pub fn fields(&self, reason: Reason) -> BTreeSet<&str> {
        let verdicts = self.decision().into_iter();
        let verdicts = verdicts.flat_map(|d| d.verdicts.iter().chain([&d.outside]));
        let of_verdicts = verdicts.flat_map(|verdict| {
            let refused = verdict.refused.and_then(|(reason, field)| Some((field?, reason)));
            verdict.removed.iter().copied().chain(refused)
        });
        let whole = match &self.ending {
            Ending::Denied(denial) => denial.field.map(|field| (field, denial.reason)),
            Ending::Refused(_) | Ending::Permitted(_) => None,
        };
        let about = of_verdicts.chain(whole).chain(self.lost());
        let about = about.filter(|(_, why)| *why == reason);
        let route = self.transfer().map(|transfer| transfer.claim().route());
        let name = |(field, _)| Some(route?.fields.get(usize::from(field))?.text.as_str());
        about.filter_map(name).collect()
    }
}

impl Rehearsal<'_> {
    fn circumstances(&self, transfer: &Transfer, question: &Question<'_>) -> Circumstances {
        let (partner, purpose) = (question.partner, question.purpose);
        let standing = |id: &str| {
            let mut blocks =
                self.blocks.iter().filter(|block| block.subject.as_deref() == Some(id));
            if blocks.any(|block| block.terms.covers(partner, purpose)) {
                return Standing::Refused(Reason::SubjectBlocked);
            }
            Standing::of(&(self.consents)(id), question)
        };
        let standings = transfer.subjects().map(|id| id.map(|id| standing(&id))).collect();
        let everyone = self.blocks.iter().filter(|block| block.subject.is_none());
        let everyone: Vec<block::Terms> = everyone.map(|block| block.terms.clone()).collect();
        let blocked = block::barrier(&everyone, partner, purpose);
        Circumstances { standings, blocked, now: self.now }
    }
}

fn read(
    policy: &Arc<Policy>,
    route: &Route,
    rehearsal: &Rehearsal<'_>,
) -> Result<Transfer, Refused> {
    let unknown = |_| Refused {
        reason: Reason::CallerUnknown,
        place: None,
        known: Known { route: Some(route.name.clone()), ..Known::default() },
    };
    let name = Name::parse(CALLER).map_err(unknown)?;
    let routes = Arc::new(HashSet::from([route.name.clone()]));
    let caller = Caller { name, routes, requests_per_minute: None };
    let target = Target {
        partner_host: None,
        method: &route.method,
        path: rehearsal.head.path.as_deref().unwrap_or(&route.path),
        purposes: rehearsal.purpose.as_slice(),
        legal_request: rehearsal.legal_request,
    };
    let claim = Claim::read(policy, &caller, &target, Uuid::nil())?;
    if claim.route().name != route.name {
        let known = claim.known();
        return Err(Refused { reason: Reason::RouteUnknown, place: None, known });
    }
    let body = match (rehearsal.body, charset(route)) {
        (Body::Sent(body), Some(charset)) => {
            let converted = charset.convert(body.clone(), rehearsal.limits.bytes_max);
            converted.map_err(|bad| Refused::unreadable(&claim, &bad))?
        }
        (Body::Sent(body) | Body::Text(body), _) => body.clone(),
    };
    let content = content(&claim, rehearsal.head, body);
    Transfer::parse(claim, content, rehearsal.limits)
}

fn charset(route: &Route) -> Option<Charset> {
    Charset::named(route.charset.as_deref()?)
}

/// What a body in UTF-8 and what stands before it hold.
pub(crate) fn content(claim: &Claim, head: &Head, body: Bytes) -> Content {
    let boundary = boundary(claim.route(), &body);
    let (query, headers) = (head.query.clone(), head.headers.clone());
    let charset = claim.route().charset.clone();
    Content { path: claim.path_values().to_vec(), query, headers, boundary, charset, body }
}

/// The boundary of a multipart body, with which it begins.
pub(crate) fn boundary(route: &Route, body: &[u8]) -> Option<String> {
    let Syntax::Multipart(_) = route.shape.syntax() else { return None };
    let line = body.strip_prefix(b"--")?.split(|byte| *byte == b'\r').next()?;
    String::from_utf8(line.to_vec()).ok()
}

/// The caller of every rehearsal: one that may use the route.
const CALLER: &str = "rehearsal";

#[cfg(test)]
mod tests;
