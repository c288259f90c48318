//! `[[route]]`: one kind of request, its subjects and its field map.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::entry;
use super::fields;
use super::reach;
use super::table::{Item, Table};
use super::web;
use super::word;
use crate::diagnostic::text;
use crate::policy::model::{Basis, Endpoint, OnRefused, Register, Route, Unmapped};
use crate::vocabulary::{CategorySet, Country, Name, PurposeId};

/// The partner around a route, as far as it could be read.
pub(super) struct Frame<'p> {
    /// The partner's name.
    pub(super) partner: &'p Name,
    /// Its seat, processing and storage.
    pub(super) countries: Option<&'p [Country]>,
    /// Its purposes with what may go at most.
    pub(super) purposes: Option<&'p BTreeMap<PurposeId, CategorySet>>,
    /// Where it receives.
    pub(super) endpoints: Option<&'p BTreeMap<Name, Endpoint>>,
    /// The register.
    pub(super) register: Option<&'p Register>,
    /// What the routes before this one took.
    pub(super) taken: &'p mut Taken,
}

/// The requests and names that earlier routes took, each with the name of its route.
#[derive(Default)]
pub(super) struct Taken {
    names: BTreeSet<Name>,
    requests: BTreeMap<(String, String), Name>,
    arrivals: BTreeMap<(String, String), Name>,
}

/// Reads a route.
pub(super) fn read(table: &mut Table<'_>, frame: &mut Frame<'_>) -> Option<Route> {
    let name = name(table, frame);
    let request = request(table, name.as_ref(), frame);
    let endpoint = endpoint(table, frame);
    let to = arrival(table, name.as_ref(), request.as_ref(), endpoint.as_ref(), frame);
    let countries = frame.countries.zip(endpoint.as_ref());
    let countries = countries.map(|(partner, (_, endpoint))| all_countries(partner, endpoint));
    let purposes = purposes(table, countries.as_deref(), frame);
    let subjects = table.optional(
        "subjects",
        "`subjects` is the path of the subjects' records, such as `$.learners[*]`; leave it out \
         where the whole document is one subject's",
        word::path,
    );
    let on_refused = on_refused(table, !matches!(subjects, Some(None)));
    let unmapped = unmapped(table);
    let map = fields::read(table, subjects.as_ref().and_then(Option::as_ref), frame.register);
    let scheme = table.required(
        "scheme",
        "`scheme` names the kind of identifier that `subject` holds, such as `kz-iin`",
        word::name,
    );
    let headers = table.or(
        Vec::new(),
        "headers",
        "`headers` lists the caller's headers that are passed on, in lower case",
        |item| word::distinct(item, web::header),
    );
    subjects?;
    let (method, path) = request?;
    let map = map?;
    let route = Route {
        name: name?,
        partner: frame.partner.clone(),
        method,
        path,
        to: to?,
        endpoint: endpoint?.0,
        countries: countries?,
        purposes: purposes?,
        shape: Arc::new(map.shape),
        fields: map.fields,
        required: map.required,
        scheme: scheme?,
        on_refused: on_refused?,
        unmapped: unmapped?,
        headers: headers?,
        basis: Basis::Consent,
        opens: None,
        closes: None,
        only: BTreeMap::new(),
        candidate: None,
        line: 0,
    };
    if let (Some(register), Some(partner)) = (frame.register, frame.purposes) {
        reach::warn(table.file(), &route, &map.spans, (register, partner));
    }
    Some(route)
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

fn request(
    table: &mut Table<'_>,
    name: Option<&Name>,
    frame: &mut Frame<'_>,
) -> Option<(String, String)> {
    let meaning = "`request` is the method and path at the gateway: `POST /training-gb/enrolments`";
    table.required("request", meaning, |item| {
        let Some((method, path)) = item.text()?.split_once(' ') else {
            return item.wrong("expected a method, a blank and a path");
        };
        if !METHODS.contains(&method) {
            return item.wrong("not a method that carries a document: `POST`, `PUT` or `PATCH`");
        }
        let request = (method.to_owned(), url_path(item, path)?);
        take(item, &mut frame.taken.requests, &request, name)?;
        Some(request)
    })
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

fn arrival(
    table: &mut Table<'_>,
    name: Option<&Name>,
    request: Option<&(String, String)>,
    endpoint: Option<&(Name, &Endpoint)>,
    frame: &mut Frame<'_>,
) -> Option<String> {
    let meaning = "`to` is the path at the partner, which is also the one at the partner's host \
        when the caller uses that";
    table.required("to", meaning, |item| {
        let to = url_path(item, item.text()?)?;
        if let (Some((method, _)), Some((_, endpoint))) = (request, endpoint) {
            let arrival = (method.clone(), format!("{}{to}", endpoint.host));
            take(item, &mut frame.taken.arrivals, &arrival, name)?;
        }
        Some(to)
    })
}

// The first route of a request has it; a route without a name cannot be told from itself.
fn take(
    item: &Item<'_>,
    taken: &mut BTreeMap<(String, String), Name>,
    request: &(String, String),
    name: Option<&Name>,
) -> Option<()> {
    let Some(name) = name else { return Some(()) };
    let first = taken.entry(request.clone()).or_insert_with(|| name.clone());
    if first == name {
        return Some(());
    }
    item.wrong_since(
        text!("unreachable: the route `{}` takes `{} {}`", first, request.0, request.1),
        "give the route a method and path of its own",
    )
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

fn purposes(
    table: &mut Table<'_>,
    countries: Option<&[Country]>,
    frame: &Frame<'_>,
) -> Option<Vec<PurposeId>> {
    let meaning = "`purposes` lists what the route serves; where it is one, callers need not name \
        it (94-V Art. 7(8))";
    let abroad = countries.is_some_and(|all| all.iter().any(|country| *country != Country::KZ));
    table.required("purposes", meaning, |item| {
        let list = word::distinct(item, |item| purpose(item, abroad, frame))?;
        if list.is_empty() { item.wrong("no purpose") } else { Some(list) }
    })
}

fn purpose(item: &Item<'_>, abroad: bool, frame: &Frame<'_>) -> Option<PurposeId> {
    let id = word::purpose(item)?;
    let registered = frame.register.and_then(|register| register.purposes.get(&id));
    if registered.is_some_and(entry::is_closed) {
        return item.wrong(text!("`{}` can never be used", id));
    }
    if frame.purposes.is_some_and(|listed| !listed.contains_key(&id)) {
        return item.wrong_since(
            text!("the partner's `[purposes]` do not list `{}`", id),
            "add it there, with the categories that may go for it",
        );
    }
    if abroad && registered.is_some_and(|purpose| !purpose.cross_border) {
        item.warn(
            text!("the purpose `{}` may not go abroad: its transfers are refused", id),
            "remove it here, or change its `cross_border` in `register.toml`",
        );
    }
    Some(id)
}

fn on_refused(table: &mut Table<'_>, many: bool) -> Option<OnRefused> {
    let meaning = "`on_refused` says what happens when a subject may not go: `drop` its record, or \
        `refuse` the whole transfer";
    let read = |item: &Item<'_>| match item
        .one_of(&[("drop", OnRefused::Drop), ("refuse", OnRefused::Refuse)])?
    {
        OnRefused::Drop if !many => item.wrong_since(
            "nothing is left to send where the document is one subject's",
            "write `refuse`, or name the records with `subjects`",
        ),
        on_refused => Some(on_refused),
    };
    if many {
        table.required("on_refused", meaning, read)
    } else {
        table.or(OnRefused::Refuse, "on_refused", meaning, read)
    }
}

fn unmapped(table: &mut Table<'_>) -> Option<Unmapped> {
    let meaning = "`unmapped` says what happens to members that no line of the field map names: \
        `remove` them, or `refuse` the transfer (94-V Art. 7(9), 8(4)7))";
    table.or(Unmapped::Remove, "unmapped", meaning, |item| {
        item.one_of(&[("remove", Unmapped::Remove), ("refuse", Unmapped::Refuse)])
    })
}

fn all_countries(partner: &[Country], endpoint: &Endpoint) -> Vec<Country> {
    let mut all = partner.to_vec();
    all.push(endpoint.country);
    all.sort();
    all.dedup();
    all
}

const METHODS: [&str; 3] = ["POST", "PUT", "PATCH"];
