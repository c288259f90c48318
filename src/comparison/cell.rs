//! The product of routes, purposes, requests, countries and fields, and what changes in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::trial::{Stays, Trial, full};
use crate::diagnostic::{Text, text};
use crate::policy::{Basis, Partner, Place, Policy, Route, Treatment};
use crate::reason::Language;
use crate::time::Timestamp;
use crate::vocabulary::{CategoryId, Country, Name, PurposeId};

/// One thing that may or may not go: a field, for a purpose, to a country.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// The route, by its full name.
    pub route: Name,
    /// The purpose.
    pub purpose: PurposeId,
    /// The state body's request, on a route that rests on one.
    pub request: Option<Name>,
    /// A country that the data go to.
    pub country: Country,
    /// The field's category, unless it is not personal.
    pub category: Option<CategoryId>,
    /// The field's path.
    pub field: String,
}

/// A cell that is not on both sides what it is on one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The cell.
    pub cell: Cell,
    /// Why it stayed before, unless it left.
    pub before: Option<Lack>,
    /// Why it stays now, unless it leaves.
    pub after: Option<Lack>,
}

/// What keeps a cell from leaving.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// There is no such route.
    Route,
    /// The route does not serve the purpose.
    Purpose,
    /// The route rests on another basis, or the partner's file has no such request.
    Request,
    /// The route does not go to the country.
    Country,
    /// The route does not map the field.
    Field,
    /// The route maps the field as another category, or as none.
    Category,
    /// It leaves by one treatment, and on the other side by one that shows more.
    Treated {
        /// The treatment, as rule files write it.
        by: String,
        /// The treatment on the other side.
        not: String,
    },
    /// The decision refuses it.
    Refused(Stays),
}

impl Lack {
    /// The refusal's code, or a word for what is not there.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Route => "no-route",
            Self::Purpose => "no-purpose",
            Self::Request => "no-request",
            Self::Country => "no-country",
            Self::Field => "no-field",
            Self::Category => "no-category",
            Self::Treated { .. } => "treated",
            Self::Refused(stays) => stays.reason.code(),
        }
    }

    /// What it says to people.
    #[must_use]
    pub fn words(&self, language: Language) -> String {
        let text: Text = match self {
            Self::Route => "there is no such route".into(),
            Self::Purpose => "the route does not serve this purpose".into(),
            Self::Request => "there is no such request".into(),
            Self::Country => "the route does not go to this country".into(),
            Self::Field => "the route does not map the field".into(),
            Self::Category => "the route maps the field as another category".into(),
            Self::Treated { by, not } => text!("it leaves by `{}`, not by `{}`", by, not),
            Self::Refused(Stays { reason, because }) => {
                let because = because.as_ref().map_or_else(String::new, |f| format!(" ({f})"));
                Text::Plain(format!("{reason}{because}, {}", reason.words(language)))
            }
        };
        text.in_language(language)
    }
}

/// The cells that become allowed, and those that become refused.
pub(super) fn changes(
    old: &Arc<Policy>,
    new: &Arc<Policy>,
    at: Timestamp,
) -> (Vec<Change>, Vec<Change>) {
    let names: BTreeSet<&Name> = old.partners.keys().chain(new.partners.keys()).collect();
    let (mut wider, mut narrower) = (Vec::new(), Vec::new());
    // Partner by partner, so that the whole product is never held at once.
    for name in names {
        let (before, after) = (cells(old, name, at), cells(new, name, at));
        let both: BTreeSet<&Cell> = before.keys().chain(after.keys()).collect();
        for cell in both {
            let why = |cells: &Cells, policy| match cells.get(cell) {
                Some(verdict) => verdict.clone().err().map(Lack::Refused),
                None => Some(absence(policy, cell)),
            };
            let (was, is) = (why(&before, old), why(&after, new));
            let cell = cell.clone();
            match (was.is_none(), is.is_none()) {
                (false, true) => wider.push(Change { cell, before: was, after: is }),
                (true, false) => narrower.push(Change { cell, before: was, after: is }),
                (true, true) => match treated_otherwise(&before, &after, cell) {
                    Some((change, false)) => narrower.push(change),
                    Some((change, true)) => wider.push(change),
                    None => {}
                },
                (false, false) => {}
            }
        }
    }
    (wider, narrower)
}

type Cells = BTreeMap<Cell, Result<Treatment, Stays>>;

/// A cell that leaves before and after by other treatments, and whether more of it leaves; what
/// neither is more nor less counts as more, for somebody should look at it.
fn treated_otherwise(before: &Cells, after: &Cells, cell: Cell) -> Option<(Change, bool)> {
    let (Ok(was), Ok(is)) = (before.get(&cell)?, after.get(&cell)?) else { return None };
    if was == is {
        return None;
    }
    let treated = |this: &Treatment, other: &Treatment| {
        Some(Lack::Treated { by: this.to_string(), not: other.to_string() })
    };
    let shows_more = is.shows_more(was).unwrap_or(true);
    let (before, after) =
        if shows_more { (treated(was, is), None) } else { (None, treated(is, was)) };
    Some((Change { cell, before, after }, shows_more))
}

fn cells(policy: &Arc<Policy>, partner: &Name, at: Timestamp) -> Cells {
    let mut cells = Cells::new();
    let Some(partner) = policy.partners.get(partner) else { return cells };
    for route in &partner.routes {
        for purpose in &route.purposes {
            for request in requests(partner, route) {
                let verdicts = verdicts(policy, route, *purpose, request, at);
                for (field, verdict) in route.fields.iter().zip(verdicts) {
                    for country in &route.countries {
                        let cell = Cell {
                            route: route.name.clone(),
                            purpose: *purpose,
                            request: request.cloned(),
                            country: *country,
                            category: field.category,
                            field: field.text.clone(),
                        };
                        cells.insert(cell, verdict.clone().map(|()| field.treatment.clone()));
                    }
                }
            }
        }
    }
    cells
}

/// What a caller can name on a route besides its purpose.
fn requests<'p>(partner: &'p Partner, route: &Route) -> Vec<Option<&'p Name>> {
    match route.basis {
        Basis::Consent => vec![None],
        Basis::StateRequest => partner.requests.keys().map(Some).collect(),
    }
}

fn verdicts(
    policy: &Arc<Policy>,
    route: &Route,
    purpose: PurposeId,
    request: Option<&Name>,
    at: Timestamp,
) -> Vec<Result<(), Stays>> {
    match Trial::on(policy, &route.name, purpose, request, at) {
        Ok(trial) => {
            let consent = full(&trial.question(), &policy.register, at);
            trial.fields(Some(&consent))
        }
        Err(reason) => vec![Err(Stays { reason, because: None }); route.fields.len()],
    }
}

/// Why there is no such cell.
fn absence(policy: &Policy, cell: &Cell) -> Lack {
    let Some(Place { partner, route }) = policy.route(&cell.route) else { return Lack::Route };
    let request = |name: &Name| partner.requests.contains_key(name);
    if !route.purposes.contains(&cell.purpose) {
        Lack::Purpose
    } else if cell.request.is_some() != (route.basis == Basis::StateRequest)
        || !cell.request.as_ref().is_none_or(request)
    {
        Lack::Request
    } else if !route.countries.contains(&cell.country) {
        Lack::Country
    } else if route.fields.iter().any(|field| field.text == cell.field) {
        Lack::Category
    } else {
        Lack::Field
    }
}
