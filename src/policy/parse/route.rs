//! `[[route]]`: one kind of request, its subjects and its field map.

use std::collections::BTreeMap;

use super::agreement::warn_if;
use super::answer;
use super::candidate::{self, Base};
use super::fields::{self, Whose};
use super::format;
use super::purpose;
use super::reach::{self, Bounds};
use super::register::Parts;
use super::table::{Item, Table};
use super::treatment;
use super::way::{Taken, Way};
use super::web;
use super::word;
use crate::diagnostic::text;
use crate::document::FieldSet;
use crate::policy::{
    AnswerRules, Basis, Endpoint, LegalRequest, OnFound, OnRefused, PartnerKind, Recipient, Route,
    Unmapped,
};
use crate::time::Timestamp;
use crate::vocabulary::{CategorySet, Country, Name, PurposeId};

/// The partner around a route, as far as it could be read.
pub(super) struct Frame<'p> {
    /// The partner's name.
    pub(super) partner: &'p Name,
    /// What the partner is.
    pub(super) kind: Option<PartnerKind>,
    /// Its seat, processing and storage.
    pub(super) countries: Option<&'p [Country]>,
    /// Its purposes with what may go at most.
    pub(super) purposes: Option<&'p BTreeMap<PurposeId, CategorySet>>,
    /// Where it receives.
    pub(super) endpoints: Option<&'p BTreeMap<Name, Endpoint>>,
    /// The requests of a state body.
    pub(super) requests: Option<&'p BTreeMap<Name, LegalRequest>>,
    /// The holders of keys of their own.
    pub(super) recipients: Option<&'p BTreeMap<Name, Recipient>>,
    /// The register.
    pub(super) register: &'p Parts,
    /// The time that periods are measured against.
    pub(super) now: Timestamp,
    /// What the routes before this one took.
    pub(super) taken: &'p mut Taken,
}

/// Reads a route.
pub(super) fn read(table: &mut Table<'_>, frame: &mut Frame<'_>) -> Option<Route> {
    let way = Way::read(table, frame);
    let syntax = format::read(table, way.is_empty());
    let charset = format::charset(table, syntax.as_ref());
    let countries = way.countries.as_deref();
    let purposes = table.required("purposes", PURPOSES, |item| purposes(item, countries, frame));
    let (whose_is_sound, whose) = Whose::read(table);
    let on_refused = refusal(table, !matches!((whose_is_sound, &whose.subjects), (Some(()), None)));
    let terms = Terms::read(table, countries, frame);
    let around = fields::Around {
        whose: &whose,
        syntax: syntax.as_ref(),
        way: &way,
        headers: terms.headers.as_deref(),
        known: frame.register.categories(),
        recipients: frame.recipients,
    };
    let map = table.required("fields", fields::MEANING, |item| fields::read(item, &around));
    let needed = map.as_ref().map_or(FieldSet::EMPTY, |map| map.needed);
    let required = fields::required(table, map.as_ref()).map(|set| set.unwrap_or(needed));
    let only = fields::only(table, map.as_ref(), required, purposes.as_deref());
    let base = Base {
        around: &around,
        countries,
        purposes: purposes.as_deref(),
        map: map.as_ref(),
        required,
    };
    let candidate = candidate::tried(table, &base, frame);
    let inner = way.inner.as_ref().and_then(Option::as_ref);
    let stream = answer::stream(table, syntax.as_ref(), whose.subjects.as_ref(), inner);
    whose_is_sound?;
    let (method, template) = way.request?;
    let map = map?;
    let mut route = Route {
        name: way.name?,
        partner: frame.partner.clone(),
        method,
        path: template.to_string(),
        template,
        to: way.to?,
        inner: way.inner?,
        charset: charset?,
        endpoint: way.endpoint?.0,
        countries: way.countries?,
        purposes: purposes?,
        shape: map.shape,
        fields: map.fields,
        required: required?,
        scheme: terms.scheme?,
        on_refused: on_refused?,
        unmapped: terms.unmapped?,
        found: terms.found?,
        stream: stream?,
        answer: terms.answer?,
        headers: terms.headers?,
        basis: terms.basis?,
        opens: terms.opens?,
        closes: terms.closes?,
        only: only?.unwrap_or_default(),
        candidate: None,
        line: table.line(),
    };
    let bounds = Bounds::of(table.file(), frame);
    reach::warn(&route, &map.spans, &bounds);
    route.candidate = candidate?.map(|(changes, item)| changes.apply(&route, &item, &bounds));
    Some(route)
}

/// What a route says besides its way, its body and its fields, as far as it could be read.
struct Terms {
    basis: Option<Basis>,
    opens: Day,
    closes: Day,
    scheme: Option<Name>,
    headers: Option<Vec<String>>,
    unmapped: Option<Unmapped>,
    found: Option<OnFound>,
    answer: Option<Option<AnswerRules>>,
}

impl Terms {
    fn read(table: &mut Table<'_>, countries: Option<&[Country]>, frame: &Frame<'_>) -> Self {
        let basis = basis(table, countries, frame);
        let (opens, closes) = days(table, frame.now);
        let unmapped = table.or(Unmapped::Remove, "unmapped", UNMAPPED, unmapped);
        let found = table.or(OnFound::Mask, "found", treatment::FOUND, treatment::found);
        let (scheme, headers) = (scheme(table), headers(table));
        let answer = answer::answer(table);
        Self { basis, opens, closes, scheme, headers, unmapped, found, answer }
    }
}

fn basis(table: &mut Table<'_>, countries: Option<&[Country]>, frame: &Frame<'_>) -> Option<Basis> {
    let meaning = "`basis` is `consent`, or `state-request` on a route of a state body within the \
        country; the law's list of bases is closed, without contract and legitimate interest \
        (94-V Art. 7(5), 9)";
    table.or(Basis::Consent, "basis", meaning, |item| {
        let basis =
            item.one_of(&[("consent", Basis::Consent), ("state-request", Basis::StateRequest)])?;
        if basis == Basis::Consent {
            return Some(basis);
        }
        if frame.kind.is_some_and(|kind| kind != PartnerKind::StateBody) {
            return item.wrong("a state request on a route of a partner that is no state body");
        }
        let mut abroad = countries.into_iter().flatten().filter(|country| **country != Country::KZ);
        if let Some(country) = abroad.next() {
            return item.wrong(text!("a state request on a route to `{}`", country));
        }
        if frame.requests.is_some_and(BTreeMap::is_empty) {
            item.warn(
                "the state body has no request: all transfers of the route are refused",
                "add the accepted request as `[request.NAME]`",
            );
        }
        Some(basis)
    })
}

type Day = Option<Option<Timestamp>>;

fn days(table: &mut Table<'_>, now: Timestamp) -> (Day, Day) {
    let meaning = "`open_from` is the first day on which the route takes transfers";
    let opens = table.optional("open_from", meaning, word::day_start);
    let meaning = "`open_until` is the last day on which the route takes transfers";
    let closes = table.optional("open_until", meaning, |item| {
        let end = word::day_end_after(item, opens.flatten())?;
        let help = "set other days, or remove the route: its transfers are refused";
        warn_if(end <= now, item, "the route is closed", help);
        Some(end)
    });
    (opens, closes)
}

/// What `purposes` means.
pub(super) const PURPOSES: &str = "`purposes` lists what the route serves; where it is one, \
    callers need not name it (94-V Art. 7(8))";

/// Reads what a route serves.
pub(super) fn purposes(
    item: &Item<'_>,
    countries: Option<&[Country]>,
    frame: &Frame<'_>,
) -> Option<Vec<PurposeId>> {
    let list = word::distinct(item, |item| purpose(item, countries, frame))?;
    if list.is_empty() { item.wrong("no purpose") } else { Some(list) }
}

fn purpose(item: &Item<'_>, countries: Option<&[Country]>, frame: &Frame<'_>) -> Option<PurposeId> {
    let id = word::purpose(item)?;
    let registered = frame.register.purpose(id);
    if registered.is_some_and(purpose::is_closed) {
        return item.wrong(text!("`{}` can never be used", id));
    }
    if frame.purposes.is_some_and(|listed| !listed.contains_key(&id)) {
        return item.wrong_since(
            text!("the partner's `[purposes]` do not list `{}`", id),
            "add it there, with the categories that may go for it",
        );
    }
    let Some(purpose) = registered else { return Some(id) };
    let mut countries = countries.unwrap_or_default().iter();
    let barred = countries.find(|country| !purpose.may_cross_to(**country));
    if let Some(country) = barred.filter(|_| purpose.cross_border) {
        item.warn(
            text!("the purpose `{}` may not go to `{}`: its transfers are refused", id, country),
            "remove it here, or add the country to its `countries` in `register.toml`",
        );
    } else if barred.is_some() {
        item.warn(
            text!("the purpose `{}` may not go abroad: its transfers are refused", id),
            "remove it here, or change its `cross_border` in `register.toml`",
        );
    }
    if !purpose.may_go_to(frame.partner) {
        item.warn(
            text!("the purpose `{}` may not go to this partner: its transfers are refused", id),
            "remove it here, or add the partner to its `partners` in `register.toml`",
        );
    }
    Some(id)
}

fn refusal(table: &mut Table<'_>, many: bool) -> Option<OnRefused> {
    if many {
        table.required("on_refused", ON_REFUSED, |item| on_refused(item, many))
    } else {
        table.or(OnRefused::Refuse, "on_refused", ON_REFUSED, |item| on_refused(item, many))
    }
}

/// What `on_refused` means.
pub(super) const ON_REFUSED: &str = "`on_refused` says what happens when a subject may not go: \
    `drop` its record, or `refuse` the whole transfer";

/// Reads what happens to the others when a subject may not go; there are none but where a document
/// may hold `many` records.
pub(super) fn on_refused(item: &Item<'_>, many: bool) -> Option<OnRefused> {
    match item.one_of(&[("drop", OnRefused::Drop), ("refuse", OnRefused::Refuse)])? {
        OnRefused::Drop if !many => item.wrong_since(
            "nothing is left to send where the document is one subject's",
            "write `refuse`, or name the records with `subjects`",
        ),
        on_refused => Some(on_refused),
    }
}

/// What `unmapped` means.
pub(super) const UNMAPPED: &str = "`unmapped` says what happens to members that no line of the \
    field map names: `remove` them, or `refuse` the transfer (94-V Art. 7(9), 8(4)7))";

/// Reads what happens to members that no line of the field map names.
pub(super) fn unmapped(item: &Item<'_>) -> Option<Unmapped> {
    item.one_of(&[("remove", Unmapped::Remove), ("refuse", Unmapped::Refuse)])
}

fn scheme(table: &mut Table<'_>) -> Option<Name> {
    let meaning = "`scheme` names the kind of identifier that `subject` holds, such as `kz-iin`";
    table.required("scheme", meaning, word::name)
}

fn headers(table: &mut Table<'_>) -> Option<Vec<String>> {
    let meaning = "`headers` lists the caller's headers that are passed on, in lower case";
    table.or(Vec::new(), "headers", meaning, |item| word::distinct(item, web::header))
}
