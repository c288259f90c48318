//! `register.toml`: the controller, the categories, the purposes, the countries and the notices.

use std::collections::{BTreeMap, BTreeSet};

use super::border;
use super::entry::{self, Known};
use super::law;
use super::party;
use super::purpose;
use super::table::{Item, Table};
use super::word;
use crate::diagnostic::text;
use crate::policy::calendar::Calendar;
use crate::policy::legal::{Legal, Number};
use crate::policy::{
    Adequacy, Category, Notice, Party, Purpose, Register, Responsible, Treaty, Words,
};
use crate::time::Timestamp;
use crate::vocabulary::{CategoryId, CategorySet, Country, Name, PurposeId};

/// What a register is checked against.
pub(super) struct Surroundings<'f> {
    /// The SHA-256 of the notices' texts, by their version.
    pub(super) texts: &'f BTreeMap<&'f str, String>,
    /// The partners that have a file.
    pub(super) partners: &'f BTreeSet<Name>,
    /// The time that periods are measured against.
    pub(super) now: Timestamp,
}

/// A register as far as it could be read: what is wrong in one part of it hides nothing in another,
/// nor in the partners' files.
#[derive(Default)]
pub(super) struct Parts {
    controller: Option<Party>,
    responsible: Option<Responsible>,
    categories: Option<BTreeMap<CategoryId, Category>>,
    purposes: Option<BTreeMap<PurposeId, Purpose>>,
    adequate: Option<BTreeMap<Country, Adequacy>>,
    treaties: Option<BTreeMap<Country, Treaty>>,
    prohibited: Option<BTreeMap<Country, CategorySet>>,
    bases: Option<BTreeMap<String, Words>>,
    legal: Option<BTreeMap<Number, Legal>>,
    calendar: Option<Calendar>,
    notices: Option<BTreeMap<String, Notice>>,
}

impl Parts {
    /// The categories in use.
    pub(super) fn categories(&self) -> Known<'_> {
        self.categories.as_ref()
    }

    /// The purposes.
    pub(super) fn purposes(&self) -> Option<&BTreeMap<PurposeId, Purpose>> {
        self.purposes.as_ref()
    }

    /// A purpose.
    pub(super) fn purpose(&self, id: PurposeId) -> Option<&Purpose> {
        self.purposes.as_ref()?.get(&id)
    }

    /// The items of Art. 9.
    pub(super) fn bases(&self) -> Option<&BTreeMap<String, Words>> {
        self.bases.as_ref()
    }

    /// Whether no consent can send a category to a country.
    pub(super) fn prohibits(&self, country: Country, category: CategoryId) -> bool {
        let held = self.prohibited.as_ref().and_then(|all| all.get(&country));
        held.is_some_and(|categories| categories.contains(category))
    }

    /// The notices.
    pub(super) fn notices(&self) -> Option<&BTreeMap<String, Notice>> {
        self.notices.as_ref()
    }

    /// The versions that have a text and no entry.
    pub(super) fn unlisted<'t>(&self, texts: &'t BTreeMap<&'t str, String>) -> Vec<&'t str> {
        let Some(notices) = &self.notices else { return Vec::new() };
        texts.keys().copied().filter(|version| !notices.contains_key(*version)).collect()
    }

    /// The register, if nothing is wrong with it.
    pub(super) fn whole(self) -> Option<Register> {
        Some(Register {
            controller: self.controller?,
            responsible: self.responsible?,
            categories: self.categories?,
            purposes: self.purposes?,
            adequate: self.adequate?,
            treaties: self.treaties?,
            prohibited: self.prohibited?,
            bases: self.bases?,
            legal: self.legal?,
            calendar: self.calendar?,
            notices: self.notices?,
        })
    }
}

/// Reads the register.
pub(super) fn read(table: &mut Table<'_>, around: &Surroundings<'_>) -> Parts {
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
    let (categories, purposes) = entries(table, around);
    let known = categories.as_ref();
    let adequate = table.required(
        "adequate",
        "write `[adequate]`, empty where no list of states that protect personal data has been \
         published (94-V Art. 16(2))",
        |item| item.map(word::country_key, |id, item| border::adequacy(*id, item)),
    );
    let meaning = "treaties are written as `[treaty.XX]` with `reference`, `since` and `until`";
    let treaties = table.or(BTreeMap::new(), "treaty", meaning, |item| {
        item.map(word::country_key, |id, item| border::treaty(*id, item, around.now))
    });
    let meaning = "prohibitions are written as `[prohibited.XX]` with `categories` and `reference`";
    let prohibited = table.or(BTreeMap::new(), "prohibited", meaning, |item| {
        item.map(word::country_key, |id, item| border::prohibition(*id, item, known))
    });
    let bases = law::bases(table);
    let legal = law::numbers(table);
    let calendar = law::calendar(table);
    let notices = table.required("notice", "list each notice as `[notice.VERSION]`", |item| {
        item.map(
            |key| word::name_key(key).map(|version| version.to_string()),
            |version, item| item.table(|table| notice(version, table, around.texts)),
        )
    });
    Parts {
        controller,
        responsible,
        categories,
        purposes,
        adequate,
        treaties,
        prohibited,
        bases,
        legal,
        calendar,
        notices,
    }
}

type Entries = (Option<BTreeMap<CategoryId, Category>>, Option<BTreeMap<PurposeId, Purpose>>);

fn entries(table: &mut Table<'_>, around: &Surroundings<'_>) -> Entries {
    let (mut places, mut taken) = (Vec::new(), BTreeMap::new());
    let categories = table.required("category", "list each category as `[category.D01]`", |item| {
        item.map(word::category_key, |id, item| {
            let category = item.table(|table| entry::category(*id, table, &mut taken));
            places.push((*id, item.clone()));
            category
        })
    });
    let categories: Option<BTreeMap<CategoryId, Category>> = categories
        .map(|all| all.into_iter().filter_map(|(id, category)| Some((id, category?))).collect());
    let purposes = table.required("purpose", "list each purpose as `[purpose.P01]`", |item| {
        item.map(word::purpose_key, |id, item| {
            item.table(|table| purpose::read(*id, table, categories.as_ref(), around.partners))
        })
    });
    if let (Some(categories), Some(purposes)) = (&categories, &purposes) {
        warn_of_idle(&places, categories, purposes);
    }
    (categories, purposes)
}

fn warn_of_idle(
    places: &[(CategoryId, Item<'_>)],
    categories: &BTreeMap<CategoryId, Category>,
    purposes: &BTreeMap<PurposeId, Purpose>,
) {
    let active = purposes.values().filter(|purpose| purpose.active);
    let used: CategorySet = active.flat_map(|purpose| purpose.categories.iter()).collect();
    let idle = |id: &CategoryId| categories.contains_key(id) && !used.contains(*id);
    for (id, item) in places.iter().filter(|(id, _)| idle(id)) {
        item.warn(
            text!("no active purpose uses `{}`", id),
            "remove the category, or add it to the purpose that needs it: nothing is collected \
             without a purpose (94-V Art. 7(9))",
        );
    }
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
