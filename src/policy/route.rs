//! Routes: what may be sent to a partner, field by field.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::template::Template;
use super::treatment::{OnFound, Treatment};
use crate::document::{FieldPath, FieldSet, Shape};
use crate::time::Timestamp;
use crate::vocabulary::{CategoryId, CategorySet, Country, Name, PurposeId};

/// What may be sent to a partner: one kind of request.
#[derive(Clone, Debug)]
pub struct Route {
    /// The route's name: the partner's and its own, such as `training-gb.enrol`.
    pub name: Name,
    /// The partner's name.
    pub partner: Name,
    /// The HTTP method, in capital letters.
    pub method: String,
    /// The path at the gateway's host, as the rules write it.
    pub path: String,
    /// That path, with the places of its values.
    pub template: Template,
    /// The path at the partner; without `inner` it is also the path at the partner's virtual host.
    pub to: String,
    /// The request that the partner finds sealed, where values of the path, the query or headers
    /// are mapped, or the request has no body (RFC 9292).
    pub inner: Option<Inner>,
    /// The endpoint.
    pub endpoint: Name,
    /// Every country the data go to: the partner's and the endpoint's, sorted.
    pub countries: Vec<Country>,
    /// The purposes that it serves; the only one is the default.
    pub purposes: Vec<PurposeId>,
    /// The charset of text bodies by its name in the WHATWG Encoding Standard; `None` is UTF-8.
    pub charset: Option<String>,
    /// The field map, compiled; field `n` of it is `fields[n]`.
    pub shape: Arc<Shape>,
    /// The mapped fields.
    pub fields: Vec<Field>,
    /// The fields that the partner cannot do without.
    pub required: FieldSet,
    /// The namespace of the subjects' identifiers, such as `kz-iin`.
    pub scheme: Name,
    /// What happens to the transfer when a subject may not go.
    pub on_refused: OnRefused,
    /// What happens to members that no rule maps.
    pub unmapped: Unmapped,
    /// What happens to an identifier in a value whose field may not hold it.
    pub found: OnFound,
    /// How the body is cut into parts that go one by one; `None` where it goes as a whole.
    pub stream: Option<Stream>,
    /// What the caller gets of the partner's answer; `None` where it gets all.
    pub answer: Option<AnswerRules>,
    /// Names of the caller's headers that are passed on, in lower case.
    pub headers: Vec<String>,
    /// On what its transfers rest.
    pub basis: Basis,
    /// From when it takes transfers, if it waits.
    pub opens: Option<Timestamp>,
    /// From when it takes none, if it ends.
    pub closes: Option<Timestamp>,
    /// For some purposes, the only fields that leave.
    pub only: BTreeMap<PurposeId, FieldSet>,
    /// The rules that are tried beside these, without effect.
    pub candidate: Option<Candidate>,
    /// The line of its table, counted from 1.
    pub line: usize,
}

/// The request that the partner finds inside of the envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inner {
    /// The HTTP method, in capital letters.
    pub method: String,
    /// The path, which is also the path at the partner's virtual host.
    pub path: Template,
}

/// How much goes in one part of a record stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// At most so many records.
    pub records_max: u32,
    /// At most so many bytes of the caller's body, unless one record has more.
    pub bytes_max: u32,
}

/// What the caller gets of a partner's answer.
#[derive(Clone, Debug)]
pub struct AnswerRules {
    /// The field map, compiled; field `n` of it is `fields[n]`.
    pub shape: Arc<Shape>,
    /// The fields that it gets; nothing else of the body.
    pub fields: Vec<AnswerField>,
    /// Names of the partner's headers that are passed on, in lower case.
    pub headers: Vec<String>,
    /// The line of its table, counted from 1.
    pub line: usize,
}

/// A field of a partner's answer that the caller gets.
#[derive(Clone, Debug)]
pub struct AnswerField {
    /// Where it stands in the answer.
    pub path: FieldPath,
    /// The path as text.
    pub text: String,
    /// The line in the partner's file, counted from 1.
    pub line: usize,
}

/// On what a route's transfers rest (94-V Art. 7(5), 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Each subject's consent.
    Consent,
    /// A state body's request, which the caller names.
    StateRequest,
}

/// Rules that are tried beside a route's own: their verdict is recorded and nothing more.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// When the trial is over.
    pub until: Timestamp,
    /// The route as it would be.
    pub route: Arc<Route>,
}

impl Route {
    /// Whether data on this route leave the country.
    #[must_use]
    pub fn is_cross_border(&self) -> bool {
        self.countries.iter().any(|country| *country != Country::KZ)
    }

    /// The method that callers ask with, at the partner's virtual host or the gateway's own.
    #[must_use]
    pub fn method_at(&self, partner_host: bool) -> &str {
        match &self.inner {
            Some(inner) if partner_host => &inner.method,
            _ => &self.method,
        }
    }

    /// The method of the request that the partner gets: `POST` where its own request is sealed.
    #[must_use]
    pub fn method_out(&self) -> &str {
        if self.inner.is_some() { "POST" } else { &self.method }
    }

    /// The path that callers ask for, at the partner's virtual host or the gateway's own.
    #[must_use]
    pub fn template_at(&self, partner_host: bool) -> Cow<'_, Template> {
        match &self.inner {
            _ if !partner_host => Cow::Borrowed(&self.template),
            Some(inner) => Cow::Borrowed(&inner.path),
            None => Cow::Owned(Template::literal(&self.to)),
        }
    }
}

/// A mapped field.
#[derive(Clone, Debug)]
pub struct Field {
    /// Where it stands in the document, from the root.
    pub path: FieldPath,
    /// The path as text, as decisions and records write it.
    pub text: String,
    /// Its category, or `None` where it is not personal.
    pub category: Option<CategoryId>,
    /// Other categories that its text may hold: it leaves only where all of them may.
    pub holds: CategorySet,
    /// Whether it belongs to a subject's record, not to the document as a whole.
    pub in_record: bool,
    /// Where its values come from.
    pub source: FieldSource,
    /// What is done to its values.
    pub treatment: Treatment,
    /// What happens to an identifier that it may not hold, where that is not as on the route.
    pub found: Option<OnFound>,
    /// From when it is mapped: a consent given before does not cover it.
    pub since: Option<Timestamp>,
    /// The line in the partner's file, counted from 1.
    pub line: usize,
}

impl Field {
    /// All categories that must be let through for it to leave; empty where it is not personal.
    #[must_use]
    pub fn categories(&self) -> CategorySet {
        self.category.map_or(self.holds, |category| self.holds.with(category))
    }
}

/// Where the values of a field come from (94-V Art. 8(1), 8-1, 10(4)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldSource {
    /// The subject, or the controller's own work.
    Own,
    /// A state system: only a consent given through the state service covers it.
    State,
}

/// What happens to a transfer when one of its subjects may not go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRefused {
    /// That subject's record is left out.
    Drop,
    /// The whole transfer is refused.
    Refuse,
}

/// What happens to members that no rule maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmapped {
    /// They are left out.
    Remove,
    /// The whole transfer is refused.
    Refuse,
}
