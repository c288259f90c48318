//! `[[case.consent]]`: the terms of a consent, in short.

use std::ops::Range;

use uuid::Uuid;

use super::case::{Frame, registered};
use super::entry;
use super::table::{Item, Table};
use super::word;
use crate::consent::Terms;
use crate::consent::record::State;
use crate::diagnostic::text;
use crate::policy::case::CaseConsent;
use crate::policy::model::Route;
use crate::time::Timestamp;
use crate::vocabulary::{CategorySet, Country, Name, PurposeId};

/// The case around a consent, as far as it could be read.
pub(super) struct Around<'p> {
    /// The partner around the case.
    pub(super) frame: &'p Frame<'p>,
    /// The case's route.
    pub(super) route: Option<&'p Route>,
    /// The purpose that it names.
    pub(super) purpose: Option<PurposeId>,
    /// The time of its transfer.
    pub(super) time: Option<Timestamp>,
}

/// Reads the consents of a case.
pub(super) fn read_all(table: &mut Table<'_>, around: &Around<'_>) -> Option<Vec<CaseConsent>> {
    table.or(Vec::new(), "consent", "consents are written as `[[case.consent]]`", |item| {
        let mut number = 0;
        item.list(|item| {
            number += 1;
            item.table(|table| read(table, Uuid::from_u128(number), around))
        })
    })
}

fn read(table: &mut Table<'_>, record: Uuid, around: &Around<'_>) -> Option<CaseConsent> {
    let subject = table.required(
        "subject",
        "`subject` is the subject's identifier, as the transfer holds it",
        |item| Some((word::text(item)?, item.span())),
    );
    let scope = scope(table, around);
    let period = period(table, around.time);
    let state = table.or(
        State::ConsentGiven,
        "state",
        "`state` is what was said last: `given`, `refused`, `withdrawn` or `expired`",
        |item| item.one_of(&STATES),
    );
    let (subject, span): (String, Range<usize>) = subject?;
    let (scope, period) = (scope?, period?);
    let terms = Terms {
        record,
        state: state?,
        given: period.start,
        changed: period.start,
        valid_until: period.end,
        purposes: scope.purposes,
        categories: scope.categories,
        recipients: scope.recipients,
        countries: scope.countries,
        third_party_withdrawn: false,
        cross_border_withdrawn: false,
    };
    Some(CaseConsent { subject, terms, span })
}

/// What a consent is for.
struct Scope {
    purposes: Vec<PurposeId>,
    categories: CategorySet,
    recipients: Vec<Name>,
    countries: Vec<Country>,
}

fn scope(table: &mut Table<'_>, around: &Around<'_>) -> Option<Scope> {
    let Frame { partner, register, partners, .. } = *around.frame;
    let purposes = purposes(table, around);
    let categories = table.required(
        "categories",
        "`categories` lists the data that the consent lists (94-V Art. 8(4)7))",
        |item| {
            let known = register.map(|register| &register.categories);
            entry::category_set(item, known).and_then(|set| entry::not_empty(item, set))
        },
    );
    let recipients = table.or(
        vec![partner.clone()],
        "recipients",
        "`recipients` lists partners; without it, the consent names this one (94-V Art. 8(4)4))",
        |item| {
            word::distinct(item, |item| {
                let name = word::name(item)?;
                if partners.contains(&name) {
                    Some(name)
                } else {
                    item.wrong(text!("there is no partner `{}`", name))
                }
            })
        },
    );
    let countries = table.or(
        Vec::new(),
        "countries",
        "`countries` lists where the data may go; without it, nowhere abroad (94-V Art. 8(4)5))",
        |item| word::distinct(item, word::country),
    );
    Some(Scope {
        purposes: purposes?,
        categories: categories?,
        recipients: recipients?,
        countries: countries?,
    })
}

fn purposes(table: &mut Table<'_>, around: &Around<'_>) -> Option<Vec<PurposeId>> {
    let meaning = "`purposes` lists what the consent is for; without it, the case's purpose";
    let read = |item: &Item<'_>| {
        let list = word::distinct(item, |item| registered(item, around.frame.register))?;
        if list.is_empty() { item.wrong("no purpose") } else { Some(list) }
    };
    match (around.purpose, around.route.map(|route| route.purposes.as_slice())) {
        (Some(purpose), _) | (None, Some(&[purpose])) => {
            table.or(vec![purpose], "purposes", meaning, read)
        }
        (None, Some(_)) => table.required("purposes", meaning, read),
        // The route is wrong, which is told elsewhere.
        (None, None) => table.optional("purposes", meaning, read)?,
    }
}

fn period(table: &mut Table<'_>, time: Option<Timestamp>) -> Option<Range<Timestamp>> {
    let given = table.optional(
        "given",
        "`given` is when it was given, or said last; without it, 30 days before the transfer",
        word::moment,
    );
    let start = given?.or_else(|| Some(time?.plus_millis(-30 * DAY_MILLIS)));
    let meaning = "`until` is when it ends; without it, a year after it was given";
    let until = table.optional("until", meaning, |item| {
        let until = word::moment(item)?;
        if start.is_some_and(|start| until <= start) {
            return item.wrong("the period ends before it begins");
        }
        Some(until)
    });
    let start = start?;
    Some(start..until?.unwrap_or_else(|| start.plus_millis(365 * DAY_MILLIS)))
}

const STATES: [(&str, State); 4] = [
    ("given", State::ConsentGiven),
    ("refused", State::ConsentRefused),
    ("withdrawn", State::ConsentWithdrawn),
    ("expired", State::ConsentExpired),
];

const DAY_MILLIS: i64 = 86_400_000;
