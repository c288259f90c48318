//! `[[case.consent]]`: the terms of a consent, in short.

use std::ops::Range;

use uuid::Uuid;

use super::case::{Frame, registered};
use super::entry;
use super::register::Parts;
use super::table::{Item, Table};
use super::word;
use crate::consent::Terms;
use crate::consent::record::{Channel, State};
use crate::diagnostic::text;
use crate::policy::Route;
use crate::policy::case::CaseConsent;
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
    let form = form(table, around.frame.register);
    let (subject, span): (String, Range<usize>) = subject?;
    let (scope, period, form) = (scope?, period?, form?);
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
        notice: form.notice.0,
        notice_sha256: form.notice.1,
        given_by_subject: form.given_by_subject,
        minor_until: form.minor_until,
        publication: scope.publication,
        automated: scope.automated,
        through_state: form.through_state,
        notify: scope.notify,
    };
    Some(CaseConsent { subject, terms, span })
}

/// What a consent is for.
struct Scope {
    purposes: Vec<PurposeId>,
    categories: CategorySet,
    recipients: Vec<Name>,
    countries: Vec<Country>,
    publication: Vec<String>,
    automated: bool,
    notify: bool,
}

fn scope(table: &mut Table<'_>, around: &Around<'_>) -> Option<Scope> {
    let Frame { partner, register, partners, .. } = *around.frame;
    let purposes = purposes(table, around);
    let categories = table.required(
        "categories",
        "`categories` lists the data that the consent lists (94-V Art. 8(4)7))",
        |item| {
            let set = entry::category_set(item, register.categories());
            set.and_then(|set| entry::not_empty(item, set))
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
    let publication = table.or(
        Vec::new(),
        "publication",
        "`publication` lists the public sources that may show the data (94-V Art. 8(4)6))",
        |item| word::distinct(item, word::text),
    );
    let automated = table.or(
        false,
        "automated",
        "`automated` is true where decisions without a person were accepted (94-V Art. 19-1)",
        Item::flag,
    );
    let notify = table.or(
        false,
        "notify",
        "`notify` is true where the subject is told of each transfer (94-V Art. 19(1))",
        Item::flag,
    );
    Some(Scope {
        purposes: purposes?,
        categories: categories?,
        recipients: recipients?,
        countries: countries?,
        publication: publication?,
        automated: automated?,
        notify: notify?,
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
    let usual = || time.map(|time| time.plus_millis(-30 * DAY_MILLIS));
    let start = given.and_then(|given| given.or_else(usual));
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

/// How a consent was given.
struct Form {
    notice: (String, String),
    given_by_subject: bool,
    minor_until: Option<Timestamp>,
    through_state: bool,
}

fn form(table: &mut Table<'_>, register: &Parts) -> Option<Form> {
    let channel = table.or(
        Channel::Written,
        "channel",
        "`channel` is how it was given (94-V Art. 8(1)); without it, in writing",
        |item| item.one_of(&CHANNELS),
    );
    let given_by_subject = table.or(
        true,
        "given_by",
        "`given_by` is `subject`, or `representative` (94-V Art. 7(1), 8(1))",
        |item| item.one_of(&[("subject", true), ("representative", false)]),
    );
    let minor_until = table.optional(
        "minor_until",
        "`minor_until` is when the subject comes of age",
        word::moment,
    );
    let notice = notice(table, register);
    Some(Form {
        notice: notice?,
        given_by_subject: given_by_subject?,
        minor_until: minor_until?,
        through_state: channel? == Channel::StateService,
    })
}

fn notice(table: &mut Table<'_>, register: &Parts) -> Option<(String, String)> {
    let meaning = "`notice` is a version of the register; without it, the last by name";
    let named = table.optional("notice", meaning, |item| {
        let version = item.text()?;
        match register.notices().map(|known| known.get(version)) {
            Some(None) => item.wrong(text!("the register has no notice `{}`", version)),
            _ => Some(version),
        }
    });
    let notices = register.notices()?;
    let last = || notices.last_key_value().map(|(version, _)| version.as_str());
    let Some(version) = named?.or_else(last) else {
        return table.wrong(
            "the register has no notice that the consent could have been given to",
            "list the notice in `register.toml` as `[notice.VERSION]`",
        );
    };
    Some((version.to_owned(), notices.get(version)?.sha256.clone()))
}

const CHANNELS: [(&str, Channel); 6] = [
    ("written", Channel::Written),
    ("digital-signature", Channel::DigitalSignature),
    ("state-service", Channel::StateService),
    ("non-state-service", Channel::NonStateService),
    ("one-time-code", Channel::OneTimeCode),
    ("form", Channel::Form),
];

const STATES: [(&str, State); 4] = [
    ("given", State::ConsentGiven),
    ("refused", State::ConsentRefused),
    ("withdrawn", State::ConsentWithdrawn),
    ("expired", State::ConsentExpired),
];

const DAY_MILLIS: i64 = 86_400_000;
