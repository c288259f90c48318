//! Lines of a field map that no consent could ever let out, as the register and the partner stand.

use std::collections::BTreeMap;
use std::ops::Range;

use super::register::Parts;
use super::route::Frame;
use super::table::File;
use crate::diagnostic::{Text, text};
use crate::document::FieldId;
use crate::policy::{Abroad, Basis, Field, LegalRequest, OnFound, Purpose, Route};
use crate::time::Timestamp;
use crate::vocabulary::{CategoryId, CategorySet, Name, PurposeId};

/// What stands around a route, as far as it could be read.
pub(super) struct Bounds<'p> {
    file: &'p File,
    register: &'p Parts,
    partner: Option<&'p BTreeMap<PurposeId, CategorySet>>,
    requests: Option<&'p BTreeMap<Name, LegalRequest>>,
    now: Timestamp,
}

impl<'p> Bounds<'p> {
    /// What stands around the routes of a partner's file.
    pub(super) fn of(file: &'p File, frame: &Frame<'p>) -> Self {
        let Frame { register, purposes: partner, requests, now, .. } = *frame;
        Self { file, register, partner, requests, now }
    }
}

/// Warns of each field that can never leave; `spans` are the places of the route's fields.
pub(super) fn warn(route: &Route, spans: &[Range<usize>], bounds: &Bounds<'_>) {
    for (number, (field, span)) in (0..=FieldId::MAX).zip(route.fields.iter().zip(spans)) {
        let is_required = route.required.contains(number);
        if is_required && field.found.unwrap_or(route.found) == OnFound::Drop {
            let message = "the route requires this field, and an identifier in it drops it";
            let help = "write `found = \"mask\"` or `refuse`, or list what it may hold in `holds`";
            bounds.file.warning(span.clone(), message, help);
        }
        let Some((why, help)) = obstacle(route, (number, field), bounds) else { continue };
        let message = if is_required {
            "`{}` can never leave here: {}; the route requires it, so every transfer is refused"
        } else {
            "`{}` can never leave here: {}"
        };
        let what = field.category.map_or_else(|| "public".to_owned(), |id| id.to_string());
        bounds.file.warning(span.clone(), Text::Template(message, vec![what.into(), why]), help);
    }
}

// What stands against the field for each purpose that could be used; nothing, if one lets it go.
fn obstacle(
    route: &Route,
    (number, field): (FieldId, &Field),
    bounds: &Bounds<'_>,
) -> Option<(Text, Text)> {
    let (register, partner) = (bounds.register, bounds.partner?);
    let usable = route.purposes.iter().filter_map(|id| {
        let purpose = register.purpose(*id)?;
        let fits = purpose.active
            && !purpose.has_ended(bounds.now)
            && purpose.may_go_to(&route.partner)
            && route.countries.iter().all(|country| purpose.may_cross_to(*country));
        fits.then_some((*id, purpose, *partner.get(id)?))
    });
    let mut obstacles = usable.map(|(id, purpose, listed)| {
        let left_out = || left_out(route, id, number);
        let against = |category| {
            let against = match route.basis {
                Basis::Consent => unlisted((id, purpose), listed, category)
                    .or_else(|| abroad(route, (id, purpose), category, register)),
                Basis::StateRequest => unasked(category, bounds.requests?),
            };
            named(id, purpose, category, register)
                .or(against)
                .or_else(|| prohibited(route, category, register))
        };
        let held = |category: CategoryId| {
            let (why, help) = against(category)?;
            let words = "it may hold `{}`, and {}";
            Some((Text::Template(words, vec![category.to_string().into(), why]), help))
        };
        (field.category.and_then(against))
            .or_else(|| field.holds.iter().find_map(held))
            .or_else(left_out)
    });
    let first = obstacles.next()??;
    obstacles.all(|obstacle| obstacle.is_some()).then_some(first)
}

fn named(
    id: PurposeId,
    purpose: &Purpose,
    category: CategoryId,
    register: &Parts,
) -> Option<(Text, Text)> {
    let identifies = register.categories()?.get(&category)?.identifies;
    (purpose.depersonalise && identifies).then(|| {
        (
            text!("it identifies a person, so `{}` refuses the transfer that holds it", id),
            "remove the line: a study gets nothing that tells who somebody is (94-V Art. 17(1))"
                .into(),
        )
    })
}

fn left_out(route: &Route, id: PurposeId, number: FieldId) -> Option<(Text, Text)> {
    let only = route.only.get(&id)?;
    (!only.contains(number)).then(|| {
        (
            text!("`only` does not list it for `{}`", id),
            text!("remove the line, or add the field to `{}` in `only`", id),
        )
    })
}

fn unasked(category: CategoryId, requests: &BTreeMap<Name, LegalRequest>) -> Option<(Text, Text)> {
    let asked = requests.values().any(|request| request.categories.contains(category));
    (!asked && !requests.is_empty()).then(|| {
        (
            "no request asks for it".into(),
            "remove the line, or see what the request's document asks for (94-V Art. 9)".into(),
        )
    })
}

fn unlisted(
    (id, purpose): (PurposeId, &Purpose),
    listed: CategorySet,
    category: CategoryId,
) -> Option<(Text, Text)> {
    if !listed.contains(category) {
        return Some((
            text!("the partner's `{}` does not list it", id),
            text!("remove the line, or add the category to `{}` in `[purposes]`", id),
        ));
    }
    (!purpose.categories.contains(category)).then(|| {
        (
            text!("the purpose `{}` does not use it", id),
            text!("remove the line, or add it to `[purpose.{}]` in `register.toml`", id),
        )
    })
}

fn abroad(
    route: &Route,
    (id, purpose): (PurposeId, &Purpose),
    category: CategoryId,
    register: &Parts,
) -> Option<(Text, Text)> {
    let help = text!("remove the line, or change `[category.{}]` in `register.toml`", category);
    match register.categories()?.get(&category)?.abroad {
        _ if !route.is_cross_border() => None,
        Abroad::Allow => None,
        Abroad::IfRequired if purpose.required.contains(category) => None,
        Abroad::IfRequired => {
            Some((text!("`{}` can do without it, so it stays in the country", id), help))
        }
        Abroad::Deny => Some(("the register keeps it in the country".into(), help)),
    }
}

fn prohibited(route: &Route, category: CategoryId, register: &Parts) -> Option<(Text, Text)> {
    let mut countries = route.countries.iter();
    let country = countries.find(|country| register.prohibits(**country, category))?;
    Some((
        text!("the register prohibits it in `{}`", country),
        "remove the line: no consent can lift a prohibition (94-V Art. 16(4))".into(),
    ))
}
