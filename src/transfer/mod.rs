//! One transfer: what the caller claims, and the document it sent.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use crate::document::{BadDocument, Document, Limits};
use crate::policy::{Partner, Place, Policy, Purpose, Route};
use crate::reason::Reason;
use crate::vocabulary::{CategorySet, Name, PurposeId};

/// What is known of a transfer so far; each stage fills in what it settles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The caller, unless its certificate belongs to nobody known.
    pub caller: Option<Name>,
    /// The partner.
    pub partner: Option<Name>,
    /// The route.
    pub route: Option<Name>,
    /// The purpose.
    pub purpose: Option<PurposeId>,
}

/// Someone who may ask for transfers.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The operator's name for it.
    pub name: Name,
    /// The routes that it may use.
    pub routes: HashSet<Name>,
}

/// The parts of a request's head that choose a route.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The partner whose virtual host was asked, in lower case; `None` at the gateway's own host.
    pub partner_host: Option<&'a str>,
    /// The method.
    pub method: &'a str,
    /// The path, without a query.
    pub path: &'a str,
    /// The values of `Otkel-Purpose`, split at commas.
    pub purposes: &'a [&'a str],
}

/// What a caller declares: who, by which route, for which purpose.
#[derive(Clone, Debug)]
pub struct Claim {
    did: Uuid,
    caller: Name,
    policy: Arc<Policy>,
    partner: Arc<Partner>,
    route: Arc<Route>,
    purpose: PurposeId,
}

/// A claim or document that was refused, with what was known by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub reason: Reason,
    /// Where: a rule's path, a byte offset or a header name, never a value.
    pub place: Option<String>,
    /// What was known.
    pub known: Known,
}

impl Claim {
    /// Finds the route and settles the purpose (94-V Art. 7(8): exactly one, active, declared).
    ///
    /// # Errors
    /// A target that no route has, a caller that may not use it, or a purpose that is missing,
    /// unknown, reserved, ambiguous or not the route's.
    pub fn read(
        policy: &Arc<Policy>,
        caller: &Caller,
        target: &Target<'_>,
        did: Uuid,
    ) -> Result<Self, Refused> {
        let mut known = Known { caller: Some(caller.name.clone()), ..Known::default() };
        let refused = |reason, known: &Known| Refused { reason, place: None, known: known.clone() };
        let Place { partner, route } =
            find(policy, target).map_err(|reason| refused(reason, &known))?;
        known.partner = Some(partner.name.clone());
        known.route = Some(route.name.clone());
        if !caller.routes.contains(&route.name) {
            return Err(refused(Reason::CallerNotAllowed, &known));
        }
        let purpose = settle_purpose(policy, route, target.purposes)
            .map_err(|reason| refused(reason, &known))?;
        Ok(Self {
            did,
            caller: caller.name.clone(),
            policy: Arc::clone(policy),
            partner: Arc::clone(partner),
            route: Arc::clone(route),
            purpose,
        })
    }

    /// What is known of the transfer: all of it.
    #[must_use]
    pub fn known(&self) -> Known {
        Known {
            caller: Some(self.caller.clone()),
            partner: Some(self.partner.name.clone()),
            route: Some(self.route.name.clone()),
            purpose: Some(self.purpose),
        }
    }

    /// The decision's id.
    #[must_use]
    pub const fn did(&self) -> Uuid {
        self.did
    }

    /// The rules in force when the transfer began; they decide it to its end.
    #[must_use]
    pub const fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// The recipient.
    #[must_use]
    pub const fn partner(&self) -> &Arc<Partner> {
        &self.partner
    }

    /// The route.
    #[must_use]
    pub const fn route(&self) -> &Arc<Route> {
        &self.route
    }

    /// The purpose.
    #[must_use]
    pub const fn purpose(&self) -> PurposeId {
        self.purpose
    }

    /// The purpose's entry in the register.
    #[must_use]
    pub fn purpose_entry(&self) -> Option<&Purpose> {
        self.policy.register.purposes.get(&self.purpose)
    }

    /// The categories that the route's fields belong to.
    #[must_use]
    pub fn wanted(&self) -> CategorySet {
        self.route.fields.iter().filter_map(|field| field.category).collect()
    }
}

/// One parsed request: the claim and the document, split into subject records.
#[derive(Debug)]
pub struct Transfer {
    claim: Claim,
    document: Document,
}

impl Transfer {
    /// Parses the body of a claim by the shape of its route.
    ///
    /// # Errors
    /// A body that is not strict JSON, or is beyond the limits; the place is a byte offset and the
    /// path as far as the route knows it.
    pub fn parse(claim: Claim, body: Bytes, limits: &Limits) -> Result<Self, Refused> {
        let shape = Arc::clone(&claim.route.shape);
        match Document::parse(body, shape, limits) {
            Ok(document) => Ok(Self { claim, document }),
            Err(bad) => Err(Refused {
                reason: reason_of(&bad),
                place: Some(bad.to_string()),
                known: claim.known(),
            }),
        }
    }

    /// The claim.
    #[must_use]
    pub const fn claim(&self) -> &Claim {
        &self.claim
    }

    /// The document.
    #[must_use]
    pub const fn document(&self) -> &Document {
        &self.document
    }

    /// The subjects' identifiers, one a record, `None` where a record does not say whose it is.
    pub fn subjects(&self) -> impl Iterator<Item = Option<Cow<'_, str>>> {
        (0..self.document.records().len()).map(|record| self.document.subject(record))
    }
}

fn find<'a>(policy: &'a Policy, target: &Target<'_>) -> Result<&'a Place, Reason> {
    let places = policy.routes_at(target.partner_host, target.path);
    let unknown = if places.is_empty() { Reason::RouteUnknown } else { Reason::MethodNotAllowed };
    places.iter().find(|place| place.route.method == target.method).ok_or(unknown)
}

fn settle_purpose(policy: &Policy, route: &Route, named: &[&str]) -> Result<PurposeId, Reason> {
    let purpose = match named {
        [] => match route.purposes.as_slice() {
            [only] => *only,
            _ => return Err(Reason::PurposeUnknown),
        },
        [one] => PurposeId::parse(one).map_err(|_| Reason::PurposeUnknown)?,
        _ => return Err(Reason::PurposeAmbiguous),
    };
    if !policy.register.purposes.get(&purpose).is_some_and(|entry| entry.active) {
        return Err(Reason::PurposeUnknown);
    }
    if !route.purposes.contains(&purpose) {
        return Err(Reason::PurposeNotForRoute);
    }
    Ok(purpose)
}

fn reason_of(bad: &BadDocument) -> Reason {
    if bad.fault.is_limit() { Reason::DocumentBeyondLimits } else { Reason::DocumentUnparsable }
}

#[cfg(test)]
pub(crate) mod tests;
