//! `[route.candidate]`: rules that are tried beside a route's own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::agreement::warn_if;
use super::fields::{self, Around, FieldMap};
use super::reach::{self, Bounds};
use super::route::{self, Frame};
use super::table::{Item, Table};
use super::word;
use crate::diagnostic::text;
use crate::document::{FieldId, FieldPath, FieldSet};
use crate::policy::{Candidate, FieldSource, OnRefused, Route, Unmapped};
use crate::time::Timestamp;
use crate::vocabulary::{CategorySet, Country, PurposeId};

/// A route's own keys that a candidate is read against, as far as they could be read.
pub(super) struct Base<'r> {
    /// What its field map is read against.
    pub(super) around: &'r Around<'r>,
    /// The countries that the data go to.
    pub(super) countries: Option<&'r [Country]>,
    /// The purposes.
    pub(super) purposes: Option<&'r [PurposeId]>,
    /// The field map.
    pub(super) map: Option<&'r FieldMap>,
    /// The fields that the partner cannot do without.
    pub(super) required: Option<FieldSet>,
}

/// What a candidate would change.
pub(super) struct Changes {
    until: Timestamp,
    map: Option<FieldMap>,
    required: Option<FieldSet>,
    unmapped: Option<Unmapped>,
    on_refused: Option<OnRefused>,
    purposes: Option<Vec<PurposeId>>,
    only: Option<BTreeMap<PurposeId, FieldSet>>,
    line: usize,
}

/// Reads a route's candidate, if it has one, with its place.
pub(super) fn tried<'f>(
    table: &mut Table<'f>,
    base: &Base<'_>,
    frame: &Frame<'_>,
) -> Option<Option<(Changes, Item<'f>)>> {
    table.optional("candidate", CANDIDATE, |item| {
        let changes = item.table(|table| read(table, base, frame))?;
        Some((changes, item.clone()))
    })
}

fn read(table: &mut Table<'_>, base: &Base<'_>, frame: &Frame<'_>) -> Option<Changes> {
    let until = table.required("until", "`until` is the last day of the trial", |item| {
        let end = word::day_end(item)?;
        let help = "make the candidate the rule, or remove it";
        warn_if(end <= frame.now, item, "the trial is over", help);
        Some(end)
    });
    let purposes = table
        .optional("purposes", route::PURPOSES, |item| route::purposes(item, base.countries, frame));
    let map = table.optional("fields", fields::MEANING, |item| fields::read(item, base.around));
    let tried = map.as_ref().and_then(Option::as_ref).or(base.map);
    let required = fields::required(table, tried);
    let served = purposes.as_ref().and_then(Option::as_deref).or(base.purposes);
    let same_map = matches!(map, Some(None));
    let bound = required.flatten().or(base.required.filter(|_| same_map));
    let only = fields::only(table, tried, bound, served);
    let on_refused = table.optional("on_refused", route::ON_REFUSED, |item| {
        route::on_refused(item, base.around.whose.subjects.is_some())
    });
    let unmapped = table.optional("unmapped", route::UNMAPPED, route::unmapped);
    let (map, required) = (map?, required?);
    let required = match (required, &map) {
        (None, Some(map)) => Some(kept(table, map, base)?),
        (required, _) => required,
    };
    Some(Changes {
        until: until?,
        map,
        required,
        unmapped: unmapped?,
        on_refused: on_refused?,
        purposes: purposes?,
        only: only?,
        line: table.line(),
    })
}

impl Changes {
    /// The route as it would be; a candidate that would change nothing is warned of at `item`.
    pub(super) fn apply(self, base: &Route, item: &Item<'_>, bounds: &Bounds<'_>) -> Candidate {
        let mut route = Route { candidate: None, line: self.line, ..base.clone() };
        if let Some(purposes) = self.purposes {
            route.only.retain(|id, _| purposes.contains(id));
            route.purposes = purposes;
        }
        let mut spans = Vec::new();
        if let Some(map) = self.map {
            for left in route.only.values_mut() {
                *left = left.iter().filter_map(|id| map.position(path(base, id)?)).collect();
            }
            (route.shape, route.fields, spans) = (map.shape, map.fields, map.spans);
        }
        route.required = self.required.unwrap_or(route.required);
        route.unmapped = self.unmapped.unwrap_or(route.unmapped);
        route.on_refused = self.on_refused.unwrap_or(route.on_refused);
        route.only = self.only.unwrap_or(route.only);
        reach::warn(&route, &spans, bounds);
        if said(&route) == said(base) {
            item.warn(
                "the candidate changes nothing",
                "remove it, or give it the keys that are tried: `fields`, `required`, `unmapped`, \
                 `on_refused`, `purposes`, `only`",
            );
        }
        Candidate { until: self.until, route: Arc::new(route) }
    }
}

// What the route requires, as the candidate's own map numbers it.
fn kept(table: &Table<'_>, map: &FieldMap, base: &Base<'_>) -> Option<FieldSet> {
    let fields = &base.map?.fields;
    let required = base.required?;
    let mut kept = FieldSet::EMPTY;
    for field in required.iter().filter_map(|id| fields.get(usize::from(id))) {
        let Some(id) = map.position(&field.path) else {
            return table.wrong(
                text!("the candidate does not map `{}`, which the route requires", field.text),
                "map it in the candidate's `fields`, or give the candidate a `required` of its own",
            );
        };
        kept.insert(id);
    }
    Some(kept)
}

/// All that a candidate can change, in a form that does not depend on the order of the file.
#[derive(PartialEq, Eq)]
struct Said<'r> {
    fields: BTreeMap<&'r FieldPath, (CategorySet, FieldSource, Option<Timestamp>)>,
    required: BTreeSet<&'r FieldPath>,
    only: BTreeMap<PurposeId, BTreeSet<&'r FieldPath>>,
    purposes: BTreeSet<PurposeId>,
    unmapped: Unmapped,
    on_refused: OnRefused,
}

fn said(route: &Route) -> Said<'_> {
    let fields = route.fields.iter();
    let paths = |set: &FieldSet| set.iter().filter_map(|id| path(route, id)).collect();
    Said {
        fields: fields.map(|f| (&f.path, (f.categories(), f.source, f.since))).collect(),
        required: paths(&route.required),
        only: route.only.iter().map(|(id, left)| (*id, paths(left))).collect(),
        purposes: route.purposes.iter().copied().collect(),
        unmapped: route.unmapped,
        on_refused: route.on_refused,
    }
}

fn path(route: &Route, id: FieldId) -> Option<&FieldPath> {
    route.fields.get(usize::from(id)).map(|field| &field.path)
}

const CANDIDATE: &str = "`[route.candidate]` has `until` and the keys that are tried beside the \
    rules in force: `fields`, `required`, `unmapped`, `on_refused`, `purposes`, `only`";
