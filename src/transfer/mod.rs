//! One transfer: what the caller claims, and the document it sent.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use uuid::Uuid;

use crate::document::{BadDocument, Content, Document, Fault, Limits, Shape};
use crate::policy::{Basis, LegalRequest, Partner, Place, Policy, Purpose, Route};
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
    /// Which part of a record stream it is, where it is one.
    pub part: Option<StreamPart>,
}

/// One part of a record stream: a transfer in itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamPart {
    /// The stream's id: the decision's id of its first part.
    pub stream: Uuid,
    /// Its number among those that go, counted from 0. A part that does not go leaves its number
    /// to the next.
    pub n: u64,
    /// Whether it is the last.
    pub last: bool,
}

/// Someone who may ask for transfers.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The operator's name for it.
    pub name: Name,
    /// The routes that it may use.
    pub routes: Arc<HashSet<Name>>,
    /// How many requests it may send in a minute; no limit where absent.
    pub requests_per_minute: Option<u32>,
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
    /// The value of `Otkel-Legal-Request`; empty where it is not one readable value.
    pub legal_request: Option<&'a str>,
}

/// A caller and its target, kept so that they can be read again.
#[derive(Debug)]
struct Asked {
    caller: Caller,
    partner_host: Option<String>,
    method: String,
    path: String,
    purposes: Vec<String>,
    legal_request: Option<String>,
}

impl Asked {
    fn of(caller: &Caller, target: &Target<'_>) -> Self {
        Self {
            caller: caller.clone(),
            partner_host: target.partner_host.map(str::to_owned),
            method: target.method.to_owned(),
            path: target.path.to_owned(),
            purposes: target.purposes.iter().map(|purpose| (*purpose).to_owned()).collect(),
            legal_request: target.legal_request.map(str::to_owned),
        }
    }
}

/// What a caller declares: who, by which route, for which purpose.
#[derive(Clone, Debug)]
pub struct Claim {
    did: Uuid,
    asked: Arc<Asked>,
    policy: Arc<Policy>,
    partner: Arc<Partner>,
    route: Arc<Route>,
    path_values: Vec<(String, String)>,
    purpose: PurposeId,
    legal_request: Option<Name>,
    part: Option<StreamPart>,
    first: Option<Uuid>,
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

impl Refused {
    /// The refusal of a claim whose body is no document.
    #[must_use]
    pub fn unreadable(claim: &Claim, bad: &BadDocument) -> Self {
        Self { reason: reason_of(bad), place: Some(bad.to_string()), known: claim.known() }
    }
}

impl Claim {
    /// Finds the route and settles the purpose (94-V Art. 7(8): exactly one, active, declared).
    ///
    /// # Errors
    /// A target that no route has, a caller that may not use it, a state body's request that is
    /// missing, unknown or out of place, or a purpose that is missing, unknown, reserved,
    /// ambiguous or not the route's.
    pub fn read(
        policy: &Arc<Policy>,
        caller: &Caller,
        target: &Target<'_>,
        did: Uuid,
    ) -> Result<Self, Refused> {
        Self::find(policy, &Arc::new(Asked::of(caller, target)), did)
    }

    /// The claim on a route that is known by its name, where nobody sends a request.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn on_route(
        policy: &Arc<Policy>,
        route: &Name,
        purpose: PurposeId,
        legal_request: Option<&Name>,
    ) -> Result<Self, Refused> {
        let Some(Place { route: found, .. }) = policy.route(route) else {
            let known = Known::default();
            return Err(Refused { reason: Reason::RouteUnknown, place: None, known });
        };
        let routes = Arc::new([route.clone()].into());
        let asked = Asked {
            caller: Caller { name: route.clone(), routes, requests_per_minute: None },
            partner_host: None,
            method: found.method.clone(),
            path: found.path.clone(),
            purposes: vec![purpose.to_string()],
            legal_request: legal_request.map(ToString::to_string),
        };
        Self::find(policy, &Arc::new(asked), Uuid::nil())
    }

    /// The same claim under other rules.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn again(&self, policy: &Arc<Policy>) -> Result<Self, Refused> {
        let again = Self::find(policy, &self.asked, self.did);
        again.map(|claim| Self { part: self.part, first: self.first, ..claim })
    }

    fn find(policy: &Arc<Policy>, asked: &Arc<Asked>, did: Uuid) -> Result<Self, Refused> {
        let mut known = Known { caller: Some(asked.caller.name.clone()), ..Known::default() };
        let refused = |reason, known: &Known| Refused { reason, place: None, known: known.clone() };
        let (Place { partner, route }, path_values) =
            find(policy, asked).map_err(|reason| refused(reason, &known))?;
        known.partner = Some(partner.name.clone());
        known.route = Some(route.name.clone());
        if !asked.caller.routes.contains(&route.name) {
            return Err(refused(Reason::CallerNotAllowed, &known));
        }
        let legal_request = settle_request(partner, route, asked.legal_request.as_deref())
            .map_err(|reason| Refused {
                place: Some("`Otkel-Legal-Request`".to_owned()),
                ..refused(reason, &known)
            })?;
        let purpose = settle_purpose(policy, route, &asked.purposes)
            .map_err(|reason| refused(reason, &known))?;
        Ok(Self {
            did,
            asked: Arc::clone(asked),
            policy: Arc::clone(policy),
            partner: Arc::clone(partner),
            route: Arc::clone(route),
            path_values,
            purpose,
            legal_request,
            part: None,
            first: None,
        })
    }

    /// The same claim on the same transfer, which goes once more with an id of its own.
    #[must_use]
    pub fn once_more(&self, did: Uuid) -> Self {
        Self { did, first: Some(self.did), ..self.clone() }
    }

    /// The id under which the transfer went first, where it goes once more.
    #[must_use]
    pub const fn first(&self) -> Option<Uuid> {
        self.first
    }

    /// The same claim on one part of a record stream, which is a transfer with an id of its own.
    #[must_use]
    pub fn of_part(&self, did: Uuid, part: StreamPart) -> Self {
        Self { did, part: Some(part), ..self.clone() }
    }

    /// Which part of a record stream it is, where it is one.
    #[must_use]
    pub const fn part(&self) -> Option<StreamPart> {
        self.part
    }

    /// What is known of the transfer: all of it.
    #[must_use]
    pub fn known(&self) -> Known {
        Known {
            caller: Some(self.asked.caller.name.clone()),
            partner: Some(self.partner.name.clone()),
            route: Some(self.route.name.clone()),
            purpose: Some(self.purpose),
            part: self.part,
        }
    }

    /// The caller.
    #[must_use]
    pub fn caller(&self) -> &Name {
        &self.asked.caller.name
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

    /// The values in the request's path, decoded, with their names in the route's template, in the
    /// order of the path.
    #[must_use]
    pub fn path_values(&self) -> &[(String, String)] {
        &self.path_values
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

    /// The state body's request that the caller named, on a route that rests on one.
    #[must_use]
    pub fn legal_request(&self) -> Option<(&Name, &LegalRequest)> {
        let name = self.legal_request.as_ref()?;
        self.partner.requests.get_key_value(name)
    }

    /// The categories that the route's fields belong to or may hold.
    #[must_use]
    pub fn wanted(&self) -> CategorySet {
        self.route.fields.iter().flat_map(|field| field.categories().iter()).collect()
    }
}

/// One parsed request: the claim and the document, split into subject records.
#[derive(Debug)]
pub struct Transfer {
    claim: Claim,
    document: Document,
    limits: Limits,
}

impl Transfer {
    /// Parses the body of a claim by the shape of its route.
    ///
    /// # Errors
    /// A body that is not strict JSON, or is beyond the limits; the place is a byte offset and the
    /// path as far as the route knows it.
    pub fn parse(
        claim: Claim,
        content: impl Into<Content>,
        limits: &Limits,
    ) -> Result<Self, Refused> {
        let shape = Arc::clone(&claim.route.shape);
        match Document::parse(content, shape, limits) {
            Ok(document) => Ok(Self { claim, document, limits: limits.clone() }),
            Err(bad) => Err(Refused::unreadable(&claim, &bad)),
        }
    }

    /// The same transfer under other rules: claimed again, and its body parsed again.
    ///
    /// # Errors
    /// As [`Claim::read`] and [`Self::parse`]; and where the body would have to be read as another
    /// type or charset than the one that it was let in by.
    pub fn under(self, policy: &Arc<Policy>, limits: &Limits) -> Result<Self, Refused> {
        let claim = self.claim.again(policy)?;
        let way = |claim: &Claim| (claim.route.shape.syntax().media(), claim.route.charset.clone());
        if way(&claim) != way(&self.claim) {
            let reason = Reason::RulesChanging;
            return Err(Refused { reason, place: None, known: claim.known() });
        }
        let mut content = self.document.content().clone();
        if !claim.path_values.is_empty() {
            content.path.clone_from(&claim.path_values);
        }
        Self::parse(claim, content, limits)
    }

    /// The document as another shape reads it.
    ///
    /// # Errors
    /// By that shape it is beyond the limits.
    pub fn read_as(&self, shape: &Arc<Shape>) -> Result<Document, Reason> {
        let content = self.document.content().clone();
        Document::parse(content, Arc::clone(shape), &self.limits).map_err(|bad| reason_of(&bad))
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

type Found<'a> = (Place<'a>, Vec<(String, String)>);

fn find<'a>(policy: &'a Policy, asked: &Asked) -> Result<Found<'a>, Reason> {
    let at_partner = asked.partner_host.is_some();
    let mut unknown = Reason::RouteUnknown;
    for place in policy.routes_at(asked.partner_host.as_deref(), &asked.path) {
        let template = place.route.template_at(at_partner);
        let values = match template.values(&asked.path) {
            Some(values) => values,
            // A claim on a route by its name, where nobody sends a path.
            None if asked.path == template.to_string() => Vec::new(),
            None => continue,
        };
        if place.route.method_at(at_partner) == asked.method {
            return Ok((place, values));
        }
        unknown = Reason::MethodNotAllowed;
    }
    Err(unknown)
}

fn settle_request(
    partner: &Partner,
    route: &Route,
    named: Option<&str>,
) -> Result<Option<Name>, Reason> {
    match (route.basis, named) {
        (Basis::Consent, None) => Ok(None),
        (Basis::Consent, Some(_)) => Err(Reason::LegalRequestNotForRoute),
        (Basis::StateRequest, named) => {
            let name = named.and_then(|text| Name::parse(text).ok());
            name.filter(|name| partner.requests.contains_key(name))
                .map(Some)
                .ok_or(Reason::LegalRequestIncomplete)
        }
    }
}

fn settle_purpose(policy: &Policy, route: &Route, named: &[String]) -> Result<PurposeId, Reason> {
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
    match bad.fault {
        Fault::OtherContent | Fault::PartType => Reason::ContentMismatch,
        Fault::PartCharset => Reason::CharsetNotDeclared,
        Fault::PartEncoded | Fault::SyntaxUnknown => Reason::ContentUninspectable,
        fault if fault.is_limit() => Reason::DocumentBeyondLimits,
        _ => Reason::DocumentUnparsable,
    }
}

#[cfg(test)]
pub(crate) mod tests;
