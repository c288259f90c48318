//! `partners/<id>.toml`: who receives, where, under which agreement, and what may be sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::agreement::{self, warn_if};
use super::case;
use super::entry;
use super::envelope;
use super::party;
use super::purpose;
use super::register::Parts;
use super::request;
use super::route;
use super::table::{Item, Key, Table};
use super::treatment::Recipients;
use super::way;
use super::web;
use super::word;
use crate::diagnostic::text;
use crate::policy::{
    Breach, Endpoint, Partner, PartnerKind, Party, Purpose, Quota, Responsible, StopNotice,
};
use crate::time::Timestamp;
use crate::vocabulary::{CategorySet, Country, Name, PurposeId};

/// What a partner's file is checked against.
pub(super) struct Surroundings<'r> {
    /// The register.
    pub(super) register: &'r Parts,
    /// The time that periods are measured against.
    pub(super) now: Timestamp,
    /// The requests that earlier routes take.
    pub(super) taken: way::Taken,
    /// The names of all partners.
    pub(super) names: &'r BTreeSet<Name>,
    /// The files below `cases/`, by their path.
    pub(super) cases: &'r BTreeMap<&'r str, &'r [u8]>,
}

/// Reads a partner.
pub(super) fn read(
    name: &Name,
    table: &mut Table<'_>,
    around: &mut Surroundings<'_>,
) -> Option<Partner> {
    let identity = identity(table);
    let countries = countries(table, identity.seat);
    let terms = terms(table, around.now);
    let endpoints = endpoints(table);
    let recipients = Recipients::read(table);
    let envelope = envelope::read(table, recipients.as_ref());
    let abroad = is_abroad(countries.as_deref(), endpoints.as_ref());
    let assessment = agreement::assessment(table, abroad);
    let agreement = agreement::agreement(table, around.now);
    let undertaking = agreement::undertaking(table, around.now);
    let purposes = purposes(table, around);
    let duties = duties(table, purposes.as_ref(), around.register);
    let requests = request::read(table, identity.kind, around.register, around.now);
    let routes = table.or(Vec::new(), "route", "routes are written as `[[route]]`", |item| {
        let mut frame = route::Frame {
            partner: name,
            kind: identity.kind,
            countries: countries.as_deref(),
            purposes: purposes.as_ref(),
            endpoints: endpoints.as_ref(),
            requests: requests.as_ref(),
            recipients: recipients.as_ref().map(|known| &known.all),
            register: around.register,
            now: around.now,
            taken: &mut around.taken,
        };
        item.list(|item| item.table(|table| route::read(table, &mut frame).map(Arc::new)))
    });
    Recipients::warn_of_idle(recipients.as_ref(), table, (routes.as_deref(), envelope.as_ref()));
    let frame = case::Frame {
        partner: name,
        routes: routes.as_deref(),
        register: around.register,
        partners: around.names,
        files: around.cases,
    };
    let (cases, terms, duties) = (case::read_all(table, &frame), terms?, duties?);
    Some(Partner {
        name: name.clone(),
        party: identity.party?,
        kind: identity.kind?,
        responsible: identity.responsible?,
        stop_notice: duties.stop_notice,
        breach: duties.breach,
        approved_by: terms.approved_by,
        assessment: assessment?,
        quota: duties.quota,
        requests: requests?,
        countries: countries?,
        active: terms.active,
        valid_from: terms.valid_from,
        valid_to: terms.valid_to,
        review_due: terms.review_due,
        agreement: agreement?,
        undertaking: undertaking?,
        onward_transfer: duties.onward_transfer,
        retention_days: duties.retention_days,
        purposes: purposes?,
        recipients: recipients?.all,
        envelope: envelope?,
        endpoints: endpoints?,
        routes: routes?,
        cases: cases?,
    })
}

fn is_abroad(countries: Option<&[Country]>, endpoints: Option<&BTreeMap<Name, Endpoint>>) -> bool {
    let places = endpoints.into_iter().flat_map(|all| all.values().map(|at| &at.country));
    countries.into_iter().flatten().chain(places).any(|country| *country != Country::KZ)
}

/// Who a partner is, as far as it could be read.
struct Identity {
    seat: Option<Country>,
    party: Option<Party>,
    kind: Option<PartnerKind>,
    responsible: Option<Responsible>,
}

fn identity(table: &mut Table<'_>) -> Identity {
    let seat = table.required("seat", "`seat` is the country of registration", word::country);
    let party = party::read(table, seat);
    let meaning = "`type` is `third-party`, `processor` (the law makes no difference between the \
        two), `state-body` of Kazakhstan, or `public-source` where the data are published";
    let kind = table.required("type", meaning, |item| {
        let kind = item.one_of(&[
            ("third-party", PartnerKind::ThirdParty),
            ("processor", PartnerKind::Processor),
            ("state-body", PartnerKind::StateBody),
            ("public-source", PartnerKind::PublicSource),
        ])?;
        if kind == PartnerKind::StateBody && seat.is_some_and(|seat| seat != Country::KZ) {
            return item.wrong("a state body of another country");
        }
        Some(kind)
    });
    let meaning = "`responsible = { name = \"…\", phone = \"…\", email = \"…\" }` is who answers \
        for personal data at the partner (94-V Art. 22(1), 25(3))";
    let read = |item: &Item<'_>| item.table(party::responsible);
    let responsible = table.required("responsible", meaning, read);
    Identity { seat, party, kind, responsible }
}

/// What the partner owes.
struct Duties {
    stop_notice: StopNotice,
    breach: Breach,
    onward_transfer: bool,
    retention_days: u32,
    quota: Quota,
}

fn duties(
    table: &mut Table<'_>,
    purposes: Option<&BTreeMap<PurposeId, CategorySet>>,
    register: &Parts,
) -> Option<Duties> {
    let stop_notice = party::stop_notice(table);
    let breach = party::breach(table);
    let onward_transfer = table.required(
        "onward_transfer",
        "`onward_transfer` is false unless the agreement lets the partner pass the data on \
         (94-V Art. 11, 14, 15)",
        Item::flag,
    );
    let meaning = "`retention_days` is how many days the partner may keep the data, 1 to 36500 \
        (94-V Art. 12(2))";
    let retention_days = table.required("retention_days", meaning, |item| {
        let days = word::count(item, 36_500)?;
        let listed = purposes.into_iter().flat_map(BTreeMap::keys);
        for id in listed {
            let most = register.purpose(*id).and_then(|purpose| purpose.retention_days);
            if let Some(most) = most.filter(|most| days > *most) {
                item.warn(
                    text!("longer than the {} days of the purpose `{}`", most, id),
                    "shorten it: the purpose ends the keeping (94-V Art. 12(2))",
                );
            }
        }
        Some(days)
    });
    let quota = table.or(
        Quota::default(),
        "quota",
        "`quota` has `subjects_per_day` and `records_per_day`, one of them or both",
        |item| item.table(quota),
    );
    Some(Duties {
        stop_notice: stop_notice?,
        breach: breach?,
        onward_transfer: onward_transfer?,
        retention_days: retention_days?,
        quota: quota?,
    })
}

fn quota(table: &mut Table<'_>) -> Option<Quota> {
    let at_least_one = |item: &Item<'_>| match item.whole()? {
        0 => item.wrong_since("no transfer would ever go", "write `status = \"suspended\"`"),
        limit => Some(limit),
    };
    let subjects = table.optional(
        "subjects_per_day",
        "`subjects_per_day` is how many distinct subjects may go in a day, at least 1",
        at_least_one,
    );
    let records = table.optional(
        "records_per_day",
        "`records_per_day` is how many subjects' records may go in a day, at least 1",
        at_least_one,
    );
    Some(Quota { subjects_per_day: subjects?, records_per_day: records? })
}

/// The entry's own standing.
struct Terms {
    active: bool,
    approved_by: Vec<String>,
    valid_from: Timestamp,
    valid_to: Timestamp,
    review_due: Timestamp,
}

fn terms(table: &mut Table<'_>, now: Timestamp) -> Option<Terms> {
    let active = table.required(
        "status",
        "`status` is `active`, or `suspended` to stop all transfers (94-V Art. 22(2))",
        |item| item.one_of(&[("active", true), ("suspended", false)]),
    );
    let meaning = "`approved_by` names at least two persons, as the list of data and recipients \
        is approved, not only written (94-V Art. 25(2)(1))";
    let approved_by = table.required("approved_by", meaning, |item| {
        let persons = word::distinct(item, word::text)?;
        if persons.len() < 2 { item.wrong("fewer than two approvers") } else { Some(persons) }
    });
    let valid_from =
        table.required("valid_from", "`valid_from` is the first day of the entry", |item| {
            let start = word::day_start(item)?;
            let wait = "transfers are refused until then";
            warn_if(start > now, item, "the entry is not yet in force", wait);
            Some(start)
        });
    let renew = "transfers are refused until the entry is reviewed and renewed";
    let valid_to = table.required("valid_to", "`valid_to` is the last day of the entry", |item| {
        let end = word::day_end_after(item, valid_from)?;
        warn_if(end <= now, item, "the entry is no longer in force", renew);
        Some(end)
    });
    let review_due = table.required(
        "review_due",
        "`review_due` is the last day by which the entry is reviewed",
        |item| {
            let end = word::day_end_after(item, valid_from)?;
            warn_if(end <= now, item, "the review is overdue", renew);
            Some(end)
        },
    );
    Some(Terms {
        active: active?,
        approved_by: approved_by?,
        valid_from: valid_from?,
        valid_to: valid_to?,
        review_due: review_due?,
    })
}

fn countries(table: &mut Table<'_>, seat: Option<Country>) -> Option<Vec<Country>> {
    let meaning = "`processing` and `storage` list the countries where the data are worked on and \
        kept (94-V Art. 12(2), 16(1))";
    let read = |item: &Item<'_>| {
        let list = word::distinct(item, word::country)?;
        if list.is_empty() { item.wrong("no country") } else { Some(list) }
    };
    let processing = table.required("processing", meaning, read);
    let storage = table.required("storage", meaning, read);
    let mut all = vec![seat?];
    all.extend(processing?);
    all.extend(storage?);
    all.sort();
    all.dedup();
    Some(all)
}

fn purposes(
    table: &mut Table<'_>,
    around: &Surroundings<'_>,
) -> Option<BTreeMap<PurposeId, CategorySet>> {
    let meaning = "`[purposes]` lists, for each purpose, the categories that may go at most: \
        `P09 = [\"D01\"]`";
    table.required("purposes", meaning, |item| {
        let entries = item.entries(|key, item| {
            let id = word::purpose_key(key)?;
            let set = entry::category_set(item, around.register.categories());
            let Some(known) = around.register.purposes() else { return set.map(|set| (id, set)) };
            let purpose = listed(key, id, known, around.now)?;
            let set = set?;
            if let Some(beyond) = set.minus(purpose.categories).iter().next() {
                item.warn(
                    text!("`{}` can never leave: the purpose `{}` does not use it", beyond, id),
                    text!("remove it, or add it to `[purpose.{}]` in `register.toml`", id),
                );
            }
            Some((id, set))
        })?;
        if entries.is_empty() {
            item.wrong("no purpose")
        } else {
            Some(entries.into_iter().collect())
        }
    })
}

fn listed<'r>(
    key: &Key<'_>,
    id: PurposeId,
    known: &'r BTreeMap<PurposeId, Purpose>,
    now: Timestamp,
) -> Option<&'r Purpose> {
    let Some(purpose) = known.get(&id) else {
        return key.wrong(
            text!("the register has no purpose `{}`", id),
            text!("list it in `register.toml` as `[purpose.{}]`, or remove it here", id),
        );
    };
    if purpose::is_closed(purpose) {
        return key.wrong(
            text!("`{}` can never be used", id),
            "name a specific purpose of the register (94-V Art. 7(8))",
        );
    }
    let help = "remove it here and from the routes";
    if !purpose.active {
        key.warn(text!("the purpose `{}` is retired: its transfers are refused", id), help);
    } else if purpose.has_ended(now) {
        key.warn(text!("the purpose `{}` has ended: its transfers are refused", id), help);
    }
    Some(purpose)
}

fn endpoints(table: &mut Table<'_>) -> Option<BTreeMap<Name, Endpoint>> {
    let meaning = "list each endpoint as `[endpoint.main]` with `host` and `country`";
    table.required("endpoint", meaning, |item| {
        item.map(word::name_key, |_, item| {
            item.table(|table| {
                let host = table.required(
                    "host",
                    "`host` is the name that the endpoint's certificate carries, in lower case",
                    web::host,
                );
                let port = table.or(443, "port", "`port` is a TCP port, 1 to 65535", |item| {
                    match u16::try_from(item.whole()?) {
                        Ok(port @ 1..) => Some(port),
                        _ => item.wrong("out of range"),
                    }
                });
                let country = table.required(
                    "country",
                    "`country` is where the machine stands (94-V Art. 16(1))",
                    word::country,
                );
                Some(Endpoint { host: host?, port: port?, country: country? })
            })
        })
    })
}
