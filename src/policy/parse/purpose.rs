//! `[purpose.…]`: what may be used for what, where to, and how long.

use std::collections::BTreeSet;

use super::entry::{self, Known, Status};
use super::table::{Item, Table};
use super::word;
use crate::diagnostic::text;
use crate::policy::Purpose;
use crate::time::Timestamp;
use crate::vocabulary::{CategorySet, Country, Name, PurposeId};

/// Reads a purpose; a closed one has no categories. `partners` are those that have a file.
pub(super) fn read(
    id: PurposeId,
    table: &mut Table<'_>,
    known: Known<'_>,
    partners: &BTreeSet<Name>,
) -> Option<Purpose> {
    let words = [
        ("active", Status::Active),
        ("retired", Status::Retired),
        ("reserved", Status::Closed),
        ("never", Status::Closed),
    ];
    let status = entry::status(table, &id.to_string(), &words);
    let clause = entry::clause(table);
    let title = entry::title(table);
    let closed = status == Some(Status::Closed);
    let uses = if closed { Some(Uses::default()) } else { uses(id, table, known) };
    let reach = if closed { Some(Reach::default()) } else { reach(table, partners) };
    let end = if closed { Some(End::default()) } else { end(table) };
    let (uses, reach, end) = (uses?, reach?, end?);
    Some(Purpose {
        clause: clause?,
        title: title?,
        active: status? == Status::Active,
        categories: uses.categories,
        required: uses.required,
        cross_border: reach.cross_border,
        separate_consent: closed || uses.separate_consent,
        depersonalise: uses.depersonalise,
        automated_decision: uses.automated_decision,
        notify_on_transfer: uses.notify_on_transfer,
        retention_days: end.retention_days,
        end_event: end.event,
        ended: end.ended,
        partners: reach.partners,
        countries: reach.countries,
        dpv: uses.dpv,
        line: table.line(),
    })
}

/// Whether a purpose is reserved or can never be valid; a retired one still has its categories.
pub(super) fn is_closed(purpose: &Purpose) -> bool {
    !purpose.active && purpose.categories.is_empty()
}

/// What a purpose uses, and how.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "the register has these yes-or-no questions")]
struct Uses {
    categories: CategorySet,
    required: CategorySet,
    separate_consent: bool,
    depersonalise: bool,
    automated_decision: bool,
    notify_on_transfer: bool,
    dpv: Vec<String>,
}

fn uses(id: PurposeId, table: &mut Table<'_>, known: Known<'_>) -> Option<Uses> {
    let categories = table.required(
        "categories",
        "`categories` is the closed list of what the purpose may use (94-V Art. 7(9), 25(2)(1))",
        |item| entry::category_set(item, known).and_then(|set| entry::not_empty(item, set)),
    );
    let required = table.or(
        CategorySet::EMPTY,
        "required",
        "`required` lists the categories that the purpose cannot do without",
        |item| {
            let set = entry::category_set(item, known)?;
            let strange = categories.and_then(|all| set.minus(all).iter().next());
            match strange {
                Some(strange) => item.wrong(text!("`{}` is not among the `categories`", strange)),
                None => Some(set),
            }
        },
    );
    let separate_consent = separate_consent(id, table);
    let depersonalise = depersonalise(table, categories, known);
    let automated_decision = table.or(
        false,
        "automated_decision",
        "`automated_decision` is true where no person decides: the consent must say so \
         (94-V Art. 19-1)",
        Item::flag,
    );
    let notify_on_transfer = table.or(
        false,
        "notify_on_transfer",
        "`notify_on_transfer` is true where each subject is told of each transfer \
         (94-V Art. 19(1))",
        Item::flag,
    );
    let meaning = "`dpv` lists terms of the Data Privacy Vocabulary: `dpv:Marketing`, \
        `edu:StudentManagement`";
    let dpv = table.or(Vec::new(), "dpv", meaning, |item| word::distinct(item, term));
    Some(Uses {
        categories: categories?,
        required: required?,
        separate_consent: separate_consent?,
        depersonalise: depersonalise?,
        automated_decision: automated_decision?,
        notify_on_transfer: notify_on_transfer?,
        dpv: dpv?,
    })
}

fn separate_consent(id: PurposeId, table: &mut Table<'_>) -> Option<bool> {
    let id = id.to_string();
    let separate = id.starts_with("P07") || id.starts_with("P10");
    let why = "offers and marketing need a choice of their own: `separate_consent = true` \
        (94-V Art. 7(8), 15(2))";
    if separate {
        table.required("separate_consent", why, |item| {
            if item.flag()? { Some(true) } else { item.wrong(text!("`{}` cannot be bundled", id)) }
        })
    } else {
        let meaning = "`separate_consent` is true where a bundle of purposes never covers it";
        table.or(false, "separate_consent", meaning, Item::flag)
    }
}

fn depersonalise(
    table: &mut Table<'_>,
    categories: Option<CategorySet>,
    known: Known<'_>,
) -> Option<bool> {
    let meaning = "`depersonalise` is true for studies: nothing that tells who somebody is goes \
        for them (94-V Art. 17(1))";
    table.or(false, "depersonalise", meaning, |item| {
        let depersonalise = item.flag()?;
        let mut used = categories.filter(|_| depersonalise).into_iter().flat_map(CategorySet::iter);
        let identifies =
            |id: &_| known.and_then(|known| known.get(id)).is_some_and(|c| c.identifies);
        match used.find(identifies) {
            Some(id) => item.wrong_since(
                text!("a study without names cannot use `{}`, which identifies a person", id),
                text!(
                    "remove it from `categories`, or write `identifies = false` in `[category.{}]` \
                     if it does not tell who somebody is (94-V Art. 17(1))",
                    id
                ),
            ),
            None => Some(depersonalise),
        }
    })
}

fn term(item: &Item<'_>) -> Option<String> {
    let text = item.text()?;
    let known = |(prefix, name): &(&str, &str)| {
        ["dpv", "pd", "edu"].contains(prefix)
            && name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    match text.split_once(':').filter(known) {
        Some(_) => Some(text.to_owned()),
        None => item.wrong("not a term: expected `dpv:`, `pd:` or `edu:` and a name"),
    }
}

/// Where to it may go.
#[derive(Default)]
struct Reach {
    cross_border: bool,
    countries: Option<Vec<Country>>,
    partners: Option<BTreeSet<Name>>,
}

fn reach(table: &mut Table<'_>, known: &BTreeSet<Name>) -> Option<Reach> {
    let cross_border = table.required(
        "cross_border",
        "`cross_border` is true where the purpose may go abroad at all (94-V Art. 16)",
        Item::flag,
    );
    let meaning = "`countries` lists the only countries abroad that the purpose may go to; leave \
        it out where consent alone decides";
    let countries = table.optional("countries", meaning, |item| {
        let list = word::distinct(item, |item| match word::country(item)? {
            Country::KZ => item.wrong("`KZ` is not abroad"),
            country => Some(country),
        })?;
        if cross_border == Some(false) {
            return item.wrong_since(
                "countries of a purpose that may not go abroad",
                "remove them, or write `cross_border = true`",
            );
        }
        if list.is_empty() { item.wrong("no country") } else { Some(list) }
    });
    let meaning = "`partners` lists the only partners that the purpose may go to, by the names of \
        their files; leave it out where consent alone decides";
    let partners = table.optional("partners", meaning, |item| {
        let list = word::distinct(item, |item| {
            let name = word::name(item)?;
            if known.contains(&name) {
                return Some(name);
            }
            item.wrong_since(
                text!("there is no partner `{}`", name),
                text!("add `partners/{}.toml`, or remove the name", name),
            )
        })?;
        if list.is_empty() { item.wrong("no partner") } else { Some(list.into_iter().collect()) }
    });
    Some(Reach { cross_border: cross_border?, countries: countries?, partners: partners? })
}

/// When it is over.
#[derive(Default)]
struct End {
    retention_days: Option<u32>,
    event: Option<String>,
    ended: Option<Timestamp>,
}

fn end(table: &mut Table<'_>) -> Option<End> {
    let retention_days = table.optional(
        "retention_days",
        "`retention_days` is the longest time that a partner may keep what it got, 1 to 36500 \
         (94-V Art. 12(2))",
        |item| word::count(item, 36_500),
    );
    let event = table.optional(
        "end_event",
        "`end_event` says in words what ends the purpose (94-V Art. 12(2), 18)",
        word::text,
    );
    let ended = table.optional(
        "ended",
        "`ended` is the day from which nothing goes for the purpose any more (94-V Art. 18)",
        word::day_start,
    );
    Some(End { retention_days: retention_days?, event: event?, ended: ended? })
}
