//! The entries of the register: `[category.…]` and `[purpose.…]`.

use std::collections::BTreeMap;

use super::table::{Item, Table};
use super::word;
use crate::diagnostic::{Text, text};
use crate::policy::model::{Abroad, Category, Purpose, Words};
use crate::vocabulary::{CategoryId, CategorySet, PurposeId};

/// Reads a category. A closed one is checked like any other and left out: nothing can name it.
pub(super) fn category(id: CategoryId, table: &mut Table<'_>) -> Option<Option<Category>> {
    let words =
        [("active", Status::Active), ("reserved", Status::Closed), ("never", Status::Closed)];
    let status = status(table, &id.to_string(), &words);
    let clause = clause(table);
    let title = table.required("title", TITLE, title);
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
    status?;
    Some(Some(Category {
        clause: clause?,
        title: title?,
        abroad: abroad?,
        identifies: true,
        line: 0,
    }))
}

/// Reads a purpose; a closed one has no categories.
pub(super) fn purpose(
    id: PurposeId,
    table: &mut Table<'_>,
    known: Option<&BTreeMap<CategoryId, Category>>,
) -> Option<Purpose> {
    let words = [
        ("active", Status::Active),
        ("retired", Status::Retired),
        ("reserved", Status::Closed),
        ("never", Status::Closed),
    ];
    let status = status(table, &id.to_string(), &words);
    let clause = clause(table);
    let title = table.required("title", TITLE, title);
    if status == Some(Status::Closed) {
        return Some(Purpose {
            clause: clause?,
            title: title?,
            active: false,
            categories: CategorySet::EMPTY,
            required: CategorySet::EMPTY,
            cross_border: false,
            separate_consent: true,
            depersonalise: false,
            automated_decision: false,
            notify_on_transfer: false,
            retention_days: None,
            end_event: None,
            ended: None,
            partners: None,
            countries: None,
            dpv: Vec::new(),
            line: 0,
        });
    }
    let categories = table.required(
        "categories",
        "`categories` is the closed list of what the purpose may use (94-V Art. 7(9), 25(2)(1))",
        |item| category_set(item, known).and_then(|set| not_empty(item, set)),
    );
    let required = table.or(
        CategorySet::EMPTY,
        "required",
        "`required` lists the categories that the purpose cannot do without",
        |item| {
            let set = category_set(item, known)?;
            let strange = categories.and_then(|all| set.minus(all).iter().next());
            match strange {
                Some(strange) => item.wrong(text!("`{}` is not among the `categories`", strange)),
                None => Some(set),
            }
        },
    );
    let cross_border = table.required(
        "cross_border",
        "`cross_border` is true where the purpose may go abroad at all (94-V Art. 16)",
        Item::flag,
    );
    let separate_consent = separate_consent(id, table);
    Some(Purpose {
        clause: clause?,
        title: title?,
        active: status? == Status::Active,
        categories: categories?,
        required: required?,
        cross_border: cross_border?,
        separate_consent: separate_consent?,
        depersonalise: false,
        automated_decision: false,
        notify_on_transfer: false,
        retention_days: None,
        end_event: None,
        ended: None,
        partners: None,
        countries: None,
        dpv: Vec::new(),
        line: 0,
    })
}

/// Reads a list of categories that the register has.
pub(super) fn category_set(
    item: &Item<'_>,
    known: Option<&BTreeMap<CategoryId, Category>>,
) -> Option<CategorySet> {
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
    known: Option<&BTreeMap<CategoryId, Category>>,
) -> Option<CategoryId> {
    let text = id.to_string();
    if let Some((_, why)) = closed(&text) {
        return item.wrong_since(text!("`{}` can never be used", text), why);
    }
    if known.is_some_and(|known| !known.contains_key(&id)) {
        return item.wrong_since(
            text!("the register has no category `{}` in use", text),
            text!("use a category of `register.toml`, or list it there as `[category.{}]`", text),
        );
    }
    Some(id)
}

/// Refuses the empty set.
pub(super) fn not_empty(item: &Item<'_>, set: CategorySet) -> Option<CategorySet> {
    if set.is_empty() { item.wrong("no category") } else { Some(set) }
}

/// Whether a purpose is reserved or can never be valid; a retired one still has its categories.
pub(super) fn is_closed(purpose: &Purpose) -> bool {
    !purpose.active && purpose.categories.is_empty()
}

/// What an entry of the register may be used for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    /// Transfers may use it.
    Active,
    /// It was used once; old consents and records still name it.
    Retired,
    /// Its number is kept free and was never used, or can never be valid.
    Closed,
}

fn status(table: &mut Table<'_>, id: &str, words: &[(&str, Status)]) -> Option<Status> {
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

fn clause(table: &mut Table<'_>) -> Option<String> {
    let meaning = "`clause` is the item of the privacy policy, such as `2.2 1)`";
    table.required("clause", meaning, word::text)
}

fn title(item: &Item<'_>) -> Option<Words> {
    item.table(|table| {
        let kk = table.required("kk", "`kk` is the title in Kazakh", word::text);
        let ru = table.required("ru", "`ru` is the title in Russian", word::text);
        let en = table.required("en", "`en` is the title in English", word::text);
        Some(Words { kk: kk?, ru: ru?, en: en? })
    })
}

const TITLE: &str = "`title` is a table with the title in `kk`, `ru` and `en`";

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
