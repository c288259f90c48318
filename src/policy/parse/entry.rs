//! What entries of the register have in common, and `[category.…]`.

use std::collections::BTreeMap;

use super::table::{Item, Table};
use super::word;
use crate::diagnostic::{Text, text};
use crate::policy::{Abroad, Category, Words};
use crate::vocabulary::{CategoryId, CategorySet, Kind, Kinds};

/// The categories that the register has in use, unless they could not be read.
pub(super) type Known<'r> = Option<&'r BTreeMap<CategoryId, Category>>;

/// Reads a category. A closed one is checked like any other and left out: nothing can name it.
/// `taken` are the identifiers of the categories before.
pub(super) fn category(
    id: CategoryId,
    table: &mut Table<'_>,
    taken: &mut BTreeMap<Kind, CategoryId>,
) -> Option<Option<Category>> {
    let words =
        [("active", Status::Active), ("reserved", Status::Closed), ("never", Status::Closed)];
    let status = status(table, &id.to_string(), &words);
    let clause = clause(table);
    let title = title(table);
    if status == Some(Status::Closed) {
        return clause.and(title).map(|_| None);
    }
    let abroad = table.required(
        "abroad",
        "`abroad` is `allow`, `deny`, or `if-required` (only for a purpose that lists the \
         category as `required`)",
        |item| {
            item.one_of(&[
                ("allow", Abroad::Allow),
                ("if-required", Abroad::IfRequired),
                ("deny", Abroad::Deny),
            ])
        },
    );
    let identifies = table.or(
        true,
        "identifies",
        "`identifies` is false where the category alone does not tell who somebody is: only then \
         a study may have it (94-V Art. 17(1))",
        Item::flag,
    );
    let meaning = "`identifiers` lists the identifiers that belong to the category and to no \
        other: `iin`, `bin`, `card`, `iban`, `phone`, `email`, `id-card`, `passport`";
    let kinds = table.or(Kinds::EMPTY, "identifiers", meaning, |item| identifiers(item, id, taken));
    status?;
    Some(Some(Category {
        clause: clause?,
        title: title?,
        abroad: abroad?,
        identifies: identifies?,
        identifiers: kinds?,
        line: table.line(),
    }))
}

fn identifiers(
    item: &Item<'_>,
    id: CategoryId,
    taken: &mut BTreeMap<Kind, CategoryId>,
) -> Option<Kinds> {
    let words = Kind::ALL.map(|kind| (kind.word(), kind));
    let kinds = word::distinct(item, |item| item.one_of(&words))?;
    let first = kinds.iter().find_map(|kind| Some((kind, taken.get(kind)?)));
    if let Some((kind, first)) = first {
        return item.wrong_since(
            text!("`{}` belongs to `{}`", kind, first),
            "an identifier belongs to one category: remove it from one of the two",
        );
    }
    taken.extend(kinds.iter().map(|kind| (*kind, id)));
    Some(kinds.into_iter().collect())
}

/// Reads a list of categories that the register has.
pub(super) fn category_set(item: &Item<'_>, known: Known<'_>) -> Option<CategorySet> {
    let list = word::distinct(item, |item| {
        let id = word::category(item)?;
        known_category(item, id, known)
    })?;
    Some(list.into_iter().collect())
}

/// The category, if the register has it.
pub(super) fn known_category(
    item: &Item<'_>,
    id: CategoryId,
    known: Known<'_>,
) -> Option<CategoryId> {
    if known.is_some_and(|known| known.contains_key(&id)) {
        return Some(id);
    }
    let text = id.to_string();
    if let Some((_, why)) = closed(&text) {
        return item.wrong_since(text!("`{}` can never be used", text), why);
    }
    if known.is_none() {
        return Some(id);
    }
    item.wrong_since(
        text!("the register has no category `{}` in use", text),
        text!("use a category of `register.toml`, or list it there as `[category.{}]`", text),
    )
}

/// Refuses the empty set.
pub(super) fn not_empty(item: &Item<'_>, set: CategorySet) -> Option<CategorySet> {
    if set.is_empty() { item.wrong("no category") } else { Some(set) }
}

/// What an entry of the register may be used for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// Transfers may use it.
    Active,
    /// It was used once; old consents and records still name it.
    Retired,
    /// Its number is kept free and was never used, or can never be valid.
    Closed,
}

/// Reads the status of a category or purpose.
pub(super) fn status(table: &mut Table<'_>, id: &str, words: &[(&str, Status)]) -> Option<Status> {
    let meaning = "`status` is `active`, `retired` (purposes only), `reserved` (the number stays \
        free) or `never` (it can never be valid)";
    let Some((due, why)) = closed(id) else {
        return table.or(Status::Active, "status", meaning, |item| item.one_of(words));
    };
    let message = text!("`{}` cannot be active", id);
    let help = Text::Template("{}: `status = \"{}\"`", vec![why.into(), due.to_owned().into()]);
    let given = table.or(false, "status", meaning, |item| {
        if item.text()? == due {
            Some(true)
        } else {
            item.wrong_since(message.clone(), help.clone())
        }
    });
    if given == Some(false) {
        table.wrong::<()>(message, help);
    }
    Some(Status::Closed)
}

// The status that a number must have, and why, if it can never be active; with all its parts.
fn closed(id: &str) -> Option<(&'static str, &'static str)> {
    let whole = id.trim_end_matches(|c: char| c.is_ascii_lowercase());
    CLOSED.iter().find(|(closed, ..)| *closed == whole).map(|(_, due, why)| (*due, *why))
}

/// Reads where the privacy policy has an entry.
pub(super) fn clause(table: &mut Table<'_>) -> Option<String> {
    let meaning = "`clause` is the item of the privacy policy, such as `2.2 1)`";
    table.required("clause", meaning, word::text)
}

/// Reads a title in three languages.
pub(super) fn title(table: &mut Table<'_>) -> Option<Words> {
    let meaning = "`title` is a table with the title in `kk`, `ru` and `en`";
    table.required("title", meaning, |item| {
        item.table(|table| {
            let kk = table.required("kk", "`kk` is the title in Kazakh", word::text);
            let ru = table.required("ru", "`ru` is the title in Russian", word::text);
            let en = table.required("en", "`en` is the title in English", word::text);
            Some(Words { kk: kk?, ru: ru?, en: en? })
        })
    })
}

// Numbers that the policy leaves out or that cover everything, the status they must have, and why.
const CLOSED: [(&str, &str, &str); 4] = [
    ("D05", "reserved", "the policy has no item 2.2 5), so the number stays free"),
    (
        "D09",
        "never",
        "item 2.2 9), any other data, is no category: the list is closed (94-V Art. 7(9))",
    ),
    ("P08", "reserved", "the policy has no item 3.1 8), so the number stays free"),
    (
        "P11",
        "never",
        "item 3.1 11), other purposes, is no purpose: each is specific (94-V Art. 7(8))",
    ),
];
