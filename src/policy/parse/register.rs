//! `register.toml`: the controller, the categories, the purposes, the countries and the notices.

use std::collections::{BTreeMap, BTreeSet};

use super::entry;
use super::party;
use super::table::{Item, Table};
use super::word;
use crate::diagnostic::text;
use crate::policy::calendar::Calendar;
use crate::policy::model::{Adequacy, Category, Notice, Register};
use crate::vocabulary::{CategoryId, CategorySet, Country};

/// Reads the register; `texts` are the SHA-256 of the notices' texts, by their version.
pub(super) fn read(table: &mut Table<'_>, texts: &BTreeMap<&str, String>) -> Option<Register> {
    let controller = table.required(
        "controller",
        "`[controller]` is the owner and operator of the data, with its BIN (94-V Art. 1)",
        |item| item.table(|table| party::read(table, Some(Country::KZ))),
    );
    let responsible = table.required(
        "responsible",
        "add `[responsible]` with `name`, `phone` and `email`: a legal person names who answers \
         for its personal data (94-V Art. 25(3))",
        |item| item.table(party::responsible),
    );
    let categories = table.required("category", "list each category as `[category.D01]`", |item| {
        item.map(word::category_key, |id, item| item.table(|table| entry::category(*id, table)))
    });
    let categories = categories
        .map(|all| all.into_iter().filter_map(|(id, category)| Some((id, category?))).collect());
    let purposes = table.required("purpose", "list each purpose as `[purpose.P01]`", |item| {
        item.map(word::purpose_key, |id, item| {
            item.table(|table| entry::purpose(*id, table, categories.as_ref()))
        })
    });
    let adequate = table.required(
        "adequate",
        "write `[adequate]`, empty where no list of states that protect personal data has been \
         published (94-V Art. 16(2))",
        |item| item.map(word::country_key, |_, item| item.table(adequacy)),
    );
    let prohibited = table.or(
        BTreeMap::new(),
        "prohibited",
        "prohibitions are written as `[prohibited.XX]` with `categories` and `reference`",
        |item| item.map(word::country_key, |id, item| prohibition(*id, item, categories.as_ref())),
    );
    let notices = table.required("notice", "list each notice as `[notice.VERSION]`", |item| {
        item.map(
            |key| word::name_key(key).map(|version| version.to_string()),
            |version, item| item.table(|table| notice(version, table, texts)),
        )
    });
    Some(Register {
        controller: controller?,
        responsible: responsible?,
        categories: categories?,
        purposes: purposes?,
        adequate: adequate?,
        prohibited: prohibited?,
        treaties: BTreeMap::new(),
        bases: BTreeMap::new(),
        legal: BTreeMap::new(),
        calendar: Calendar::default(),
        notices: notices?,
    })
}

/// The versions that have a text and no entry.
pub(super) fn unlisted<'t>(
    register: &Register,
    texts: &'t BTreeMap<&'t str, String>,
) -> BTreeSet<&'t str> {
    texts.keys().copied().filter(|v| !register.notices.contains_key(*v)).collect()
}

fn adequacy(table: &mut Table<'_>) -> Option<Adequacy> {
    let reference = table.required(
        "reference",
        "`reference` is the act that lists the country (94-V Art. 16(2))",
        word::text,
    );
    let since = table.required("since", "`since` is the date of that act", word::day_start);
    Some(Adequacy { reference: reference?, since: since? })
}

fn prohibition(
    country: Country,
    item: &Item<'_>,
    known: Option<&BTreeMap<CategoryId, Category>>,
) -> Option<CategorySet> {
    if country == Country::KZ {
        return item.wrong_since(
            "`KZ` is not abroad",
            "remove the entry: a prohibition stops data at the border (94-V Art. 16(4))",
        );
    }
    item.table(|table| {
        let categories =
            table.required("categories", "`categories` lists what may not go there", |item| {
                entry::category_set(item, known).and_then(|set| entry::not_empty(item, set))
            });
        let reference = table.required(
            "reference",
            "`reference` is the act that prohibits or limits the transfer (94-V Art. 16(4))",
            word::text,
        );
        reference.and(categories)
    })
}

fn notice(version: &str, table: &mut Table<'_>, texts: &BTreeMap<&str, String>) -> Option<Notice> {
    let uri = table.required("uri", "`uri` is where the notice is published, https", |item| {
        let text = word::text(item)?;
        if text.starts_with("https://") { Some(text) } else { item.wrong("not an https URL") }
    });
    let sha256 = table.required(
        "sha256",
        "`sha256` is the SHA-256 of the notice's exact text (94-V Art. 25(2)(1-1))",
        |item| {
            let stated = word::sha256(item)?;
            match texts.get(version) {
                Some(computed) if *computed == stated => Some(stated),
                Some(computed) => item.wrong_since(
                    text!("`notices/{}.txt` has another text", version),
                    text!(
                        "a changed text is a new version, which old consents do not cover; the \
                         file's SHA-256 is {}",
                        computed
                    ),
                ),
                None => item.wrong_since(
                    text!("there is no `notices/{}.txt`", version),
                    "put the notice's exact text there",
                ),
            }
        },
    );
    Some(Notice { uri: uri?, sha256: sha256? })
}
