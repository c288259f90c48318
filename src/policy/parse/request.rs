//! `[request.…]`: what a state body asked for and was granted (94-V Art. 9).

use std::collections::BTreeMap;

use super::agreement::warn_if;
use super::entry;
use super::law;
use super::register::Parts;
use super::table::{Item, Table};
use super::word;
use crate::diagnostic::text;
use crate::policy::{LegalRequest, PartnerKind};
use crate::time::Timestamp;
use crate::vocabulary::Name;

/// Reads a partner's requests; only a state body has any.
pub(super) fn read(
    table: &mut Table<'_>,
    kind: Option<PartnerKind>,
    register: &Parts,
    now: Timestamp,
) -> Option<BTreeMap<Name, LegalRequest>> {
    let meaning = "an accepted request is written as `[request.NAME]` with `article`, `document`, \
        `date`, `until`, `officer` and `categories` (94-V Art. 9)";
    table.or(BTreeMap::new(), "request", meaning, |item| {
        if kind.is_some_and(|kind| kind != PartnerKind::StateBody) {
            return item.wrong_since(
                "a legal request of a partner that is no state body",
                "remove it: the law's bases without consent are for state bodies, and the list is \
                 closed, without contract and legitimate interest (94-V Art. 7(5), 9)",
            );
        }
        item.map(word::name_key, |_, item| item.table(|table| request(table, register, now)))
    })
}

fn request(table: &mut Table<'_>, register: &Parts, now: Timestamp) -> Option<LegalRequest> {
    let article = table.required(
        "article",
        "`article` is one of the register's bases, such as `9(1)`",
        |item| article(item, register),
    );
    let document =
        table.required("document", "`document` is the number of its document", word::text);
    let date = table.required("date", "`date` is that of its document", |item| {
        let date = word::day_start(item)?;
        let wait = "its transfers are refused until then";
        warn_if(date > now, item, "the request is of a day to come", wait);
        Some(date)
    });
    let until = table.required("until", "`until` is the last day for answering it", |item| {
        let end = word::day_end_after(item, date)?;
        let help = "remove it, or renew it on a new document: its transfers are refused";
        warn_if(end <= now, item, "the request is over", help);
        Some(end)
    });
    let officer = table.required(
        "officer",
        "`officer` names, in small letters, who approved the request: `a.mysalova`",
        word::name,
    );
    let categories = table.required(
        "categories",
        "`categories` lists what it asks for at most (94-V Art. 7(9))",
        |item| {
            entry::category_set(item, register.categories())
                .and_then(|set| entry::not_empty(item, set))
        },
    );
    Some(LegalRequest {
        article: article?,
        document: document?,
        date: date?,
        until: until?,
        officer: officer?,
        categories: categories?,
        line: table.line(),
    })
}

fn article(item: &Item<'_>, register: &Parts) -> Option<String> {
    let text = word::text(item)?;
    if !law::is_item(&text) {
        return item.wrong_since(
            text!("`{}` is no item of 94-V Art. 9", text),
            "name one of the register's bases, such as `9(1)`: the law's list is closed, without \
             contract and legitimate interest (94-V Art. 7(5), 9)",
        );
    }
    if register.bases().is_some_and(|bases| !bases.contains_key(&text)) {
        return item.wrong_since(
            text!("the register has no basis `{}`", text),
            text!("name one of its bases, or list the item there as `[basis.\"{}\"]`", text),
        );
    }
    Some(text)
}
