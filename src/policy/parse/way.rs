//! The way of a request, from the caller to the partner.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::fields::Whose;
use super::route::Frame;
use super::table::{Item, Table};
use super::web;
use super::word;
use crate::diagnostic::text;
use crate::document::{FieldId, FieldPath, FieldSet, Root, Segment};
use crate::policy::paths::Paths;
use crate::policy::{Endpoint, Field, Inner, OWN_PATH, Template};
use crate::vocabulary::{Country, Name};

/// The requests and names that earlier routes took, each with the name of its route.
#[derive(Default)]
pub(super) struct Taken {
    names: BTreeSet<Name>,
    requests: BTreeMap<String, Requests>,
    arrivals: BTreeMap<(String, String), Requests>,
}

/// The requests of one method and host, with the routes that take them.
type Requests = Paths<(Template, Name)>;

/// The way of a request, as far as it could be read.
pub(super) struct Way<'p> {
    /// The route's name.
    pub(super) name: Option<Name>,
    /// The method and path at the gateway.
    pub(super) request: Option<(String, Template)>,
    /// The endpoint.
    pub(super) endpoint: Option<(Name, &'p Endpoint)>,
    /// The path at the partner.
    pub(super) to: Option<String>,
    /// The request that the partner finds sealed.
    pub(super) inner: Option<Option<Inner>>,
    /// Every country that the data go to.
    pub(super) countries: Option<Vec<Country>>,
    request_span: Range<usize>,
    inner_span: Range<usize>,
}

impl<'p> Way<'p> {
    /// Reads a route's way.
    pub(super) fn read(table: &mut Table<'_>, frame: &mut Frame<'p>) -> Self {
        let (mut request_span, mut inner_span) = (table.span(), table.span());
        let name = name(table, frame);
        let request = table.required("request", REQUEST, |item| {
            request_span = item.span();
            let (method, path) = request(item)?;
            if path.to_string().starts_with(OWN_PATH) {
                return item.wrong_since(
                    text!("`{}` is where the gateway's own resources are", OWN_PATH),
                    "choose another path",
                );
            }
            let taken = frame.taken.requests.entry(method.clone()).or_default();
            take(item, taken, (&method, "", &path), name.as_ref())?;
            Some((method, path))
        });
        let endpoint = endpoint(table, frame);
        let inner = table.optional("inner", INNER, |item| {
            inner_span = item.span();
            let inner = inner(item, request.as_ref())?;
            let at = endpoint.as_ref().map(|(_, endpoint)| *endpoint);
            arrive(item, (&inner.method, &inner.path), at, name.as_ref(), frame)?;
            Some(inner)
        });
        let has_inner = !matches!(inner, Some(None));
        let to = table.required("to", TO, |item| {
            let to = url_path(item, item.text()?)?;
            if let (false, Some((method, _))) = (has_inner, &request) {
                let at = endpoint.as_ref().map(|(_, endpoint)| *endpoint);
                let path = Template::parse(&to)?;
                arrive(item, (method, &path), at, name.as_ref(), frame)?;
            }
            Some(to)
        });
        let countries = frame.countries.zip(endpoint.as_ref());
        let countries = countries.map(|(partner, (_, endpoint))| all_countries(partner, endpoint));
        Self { name, request, endpoint, to, inner, countries, request_span, inner_span }
    }

    /// Whether the caller's request has no body; unknown where it could not be read.
    pub(super) fn is_empty(&self) -> Option<bool> {
        self.request.as_ref().map(|(method, _)| is_empty(method))
    }

    /// The fields that `inner` cannot be written without: those in its path.
    pub(super) fn needs(&self, fields: &[Field]) -> FieldSet {
        let Some(Some(inner)) = &self.inner else { return FieldSet::EMPTY };
        let fields = (0..=FieldId::MAX).zip(fields);
        let needed = fields.filter(|(_, field)| {
            value(&field.path).is_some_and(|name| inner.path.names().any(|known| known == name))
        });
        needed.map(|(id, _)| id).collect()
    }

    /// Holds the values of the path, the query and headers against the field map.
    pub(super) fn check(
        &self,
        item: &Item<'_>,
        (fields, spans): (&[Field], &[Range<usize>]),
        whose: &Whose,
        headers: &[String],
    ) -> Option<()> {
        let (Some((method, path)), Some(inner)) = (&self.request, &self.inner) else {
            return Some(());
        };
        let mut sound = Some(());
        for (field, span) in fields.iter().zip(spans) {
            sound = sound.and(self.fits(item, &field.path, span, headers));
        }
        if let Some((subject, span)) = &whose.subject
            && let Some(name) = value(subject)
            && !path.names().any(|known| known == name)
        {
            sound = unknown(item, span, name);
        }
        let mapped = || fields.iter().filter_map(|field| value(&field.path));
        let subject = whose.subject.as_ref().and_then(|(subject, _)| value(subject));
        for name in path.names().filter(|name| !mapped().chain(subject).any(|known| known == *name))
        {
            sound = item.wrong_at(
                self.request_span.clone(),
                text!("nothing says what `{}` in the path is", name),
                text!("map `path.{}` below `[route.fields]`, or make it the `subject`", name),
            );
        }
        let inner_names = inner.iter().flat_map(|inner| inner.path.names());
        for name in inner_names.filter(|name| !mapped().any(|known| known == *name)) {
            sound = item.wrong_at(
                self.inner_span.clone(),
                text!("`{}` can never stand in the path of `inner`", name),
                text!("map `path.{}` below `[route.fields]`: nothing else leaves", name),
            );
        }
        let outside = fields.iter().any(|field| field.path.root() != Root::Body);
        if inner.is_none() && (outside || is_empty(method)) {
            return item.wrong_at(self.request_span.clone(), "`inner` is missing", INNER);
        }
        sound
    }

    fn fits(
        &self,
        item: &Item<'_>,
        path: &FieldPath,
        span: &Range<usize>,
        headers: &[String],
    ) -> Option<()> {
        let (_, request) = self.request.as_ref()?;
        if let Some(name) = value(path) {
            if !request.names().any(|known| known == name) {
                return unknown(item, span, name);
            }
            let inner = self.inner.as_ref().and_then(Option::as_ref);
            if inner.is_some_and(|inner| !inner.path.names().any(|known| known == name)) {
                return item.wrong_at(
                    span.clone(),
                    text!("`inner` has no place for `{}`", name),
                    "add it to the path of `inner`, or remove the line",
                );
            }
        }
        let (Root::Header, [Segment::Name(name)]) = (path.root(), path.segments()) else {
            return Some(());
        };
        let (message, help) = if headers.contains(name) {
            (text!("`headers` passes on `{}` as it is", name), "keep one of the two".into())
        } else {
            match web::header_name(name) {
                Ok(()) => return Some(()),
                Err(why) => why,
            }
        };
        item.wrong_at(span.clone(), message, help)
    }
}

fn unknown(item: &Item<'_>, span: &Range<usize>, name: &str) -> Option<()> {
    item.wrong_at(
        span.clone(),
        text!("the path of `request` has no value `{}`", name),
        "write it there as a whole segment: `GET /learners/{iin}`",
    )
}

/// The name of a value of the path.
fn value(path: &FieldPath) -> Option<&str> {
    match (path.root(), path.segments()) {
        (Root::Path, [Segment::Name(name)]) => Some(name),
        _ => None,
    }
}

fn name(table: &mut Table<'_>, frame: &mut Frame<'_>) -> Option<Name> {
    let meaning = "`name` is a word for this route; with the partner's name and a dot before it, \
        it is what callers are given";
    table.required("name", meaning, |item| {
        let own = word::own_name(item)?;
        let Ok(full) = Name::parse(&format!("{}.{own}", frame.partner)) else {
            return item.wrong("too long together with the partner's name");
        };
        if frame.taken.names.insert(full.clone()) {
            Some(full)
        } else {
            item.wrong(text!("a second route `{}`", own))
        }
    })
}

/// A method and a path, which may have values.
fn request(item: &Item<'_>) -> Option<(String, Template)> {
    let Some((method, path)) = item.text()?.split_once(' ') else {
        return item.wrong("expected a method, a blank and a path");
    };
    if !METHODS.contains(&method) {
        return item
            .wrong("not a method: `POST`, `PUT`, `PATCH`, or `GET`, `DELETE` without a body");
    }
    if !path.contains(['{', '}']) {
        url_path(item, path)?;
    }
    match Template::parse(path) {
        Some(path) => Some((method.to_owned(), path)),
        None => item.wrong_since(
            "not a path with values",
            "each `{name}` is a whole segment with a name of its own, of a-z, 0-9 and `_`; there \
             are at most eight, between plain segments",
        ),
    }
}

fn inner(item: &Item<'_>, outer: Option<&(String, Template)>) -> Option<Inner> {
    let (method, path) = request(item)?;
    let Some((outer_method, outer_path)) = outer else { return Some(Inner { method, path }) };
    if is_empty(outer_method) != is_empty(&method) {
        return item.wrong_since(
            text!("a `{}` cannot become a `{}`", outer_method, method),
            "both requests have a body, or neither",
        );
    }
    let strange = path.names().find(|name| !outer_path.names().any(|known| known == *name));
    if let Some(name) = strange {
        return item.wrong_since(
            text!("the path of `request` has no value `{}`", name),
            "write it there as a whole segment: `GET /learners/{iin}`",
        );
    }
    Some(Inner { method, path })
}

fn is_empty(method: &str) -> bool {
    matches!(method, "GET" | "DELETE")
}

fn endpoint<'p>(table: &mut Table<'_>, frame: &Frame<'p>) -> Option<(Name, &'p Endpoint)> {
    table.required("endpoint", "`endpoint` names one of the partner's `[endpoint.…]`", |item| {
        let name = word::name(item)?;
        match frame.endpoints?.get(&name) {
            Some(endpoint) => Some((name, endpoint)),
            None => item.wrong(text!("the partner has no endpoint `{}`", name)),
        }
    })
}

fn arrive(
    item: &Item<'_>,
    request: (&str, &Template),
    endpoint: Option<&Endpoint>,
    name: Option<&Name>,
    frame: &mut Frame<'_>,
) -> Option<()> {
    let Some(endpoint) = endpoint else { return Some(()) };
    let (method, path) = request;
    let at = (method.to_owned(), endpoint.host.clone());
    let taken = frame.taken.arrivals.entry(at).or_default();
    take(item, taken, (method, &endpoint.host, path), name)
}

// The first route of a request has it; a route without a name cannot be told from itself.
fn take(
    item: &Item<'_>,
    taken: &mut Requests,
    (method, host, path): (&str, &str, &Template),
    name: Option<&Name>,
) -> Option<()> {
    let Some(name) = name else { return Some(()) };
    if let Some((other, first)) = taken.overlapping(path).next() {
        let taken_path = format!("{host}{other}");
        let message = if other == path {
            text!("unreachable: the route `{}` takes `{} {}`", first, method, taken_path)
        } else {
            text!("ambiguous: the route `{}` takes `{} {}`", first, method, taken_path)
        };
        return item.wrong_since(message, "give the route a method and path of its own");
    }
    taken.insert(path, (path.clone(), name.clone()));
    Some(())
}

fn url_path(item: &Item<'_>, path: &str) -> Option<String> {
    match web::url_path(path) {
        Some(path) => Some(path.to_owned()),
        None => item.wrong(
            "not a plain path: expected `/` and segments of A-Z, a-z, 0-9, `-`, `.`, `_` and `~`, \
             without `..`, `//`, `%`, `?` and `#`",
        ),
    }
}

fn all_countries(partner: &[Country], endpoint: &Endpoint) -> Vec<Country> {
    let mut all = partner.to_vec();
    all.push(endpoint.country);
    all.sort();
    all.dedup();
    all
}

const REQUEST: &str =
    "`request` is the method and path at the gateway: `POST /training-gb/enrolments`";
const TO: &str = "`to` is the path at the partner, which is also the one at the partner's host \
    when the caller uses that";
const INNER: &str = "`inner` is the request that the partner finds in the envelope, as values of \
    a path, query or header never stand outside of it: `inner = \"GET /v1/learners/{iin}\"`";
const METHODS: [&str; 5] = ["POST", "PUT", "PATCH", "GET", "DELETE"];
