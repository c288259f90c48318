//! `[adequate.…]`, `[treaty.…]` and `[prohibited.…]`: what the law says of a country.

use super::agreement::warn_if;
use super::entry::{self, Known};
use super::table::{Item, Table};
use super::word;
use crate::policy::{Adequacy, Treaty};
use crate::time::Timestamp;
use crate::vocabulary::{CategorySet, Country};

/// Reads why a country is held to protect personal data.
pub(super) fn adequacy(country: Country, item: &Item<'_>) -> Option<Adequacy> {
    abroad(country, item)?;
    item.table(|table| {
        let reference = table.required(
            "reference",
            "`reference` is the act that lists the country (94-V Art. 16(2))",
            word::text,
        );
        let since = table.required("since", "`since` is the date of that act", word::day_start);
        Some(Adequacy { reference: reference?, since: since? })
    })
}

/// Reads a treaty.
pub(super) fn treaty(country: Country, item: &Item<'_>, now: Timestamp) -> Option<Treaty> {
    abroad(country, item)?;
    item.table(|table| {
        let reference = table.required(
            "reference",
            "`reference` is the treaty, which Kazakhstan has ratified (94-V Art. 16(3)(2))",
            word::text,
        );
        let since =
            table.required("since", "`since` is the first day of its force", word::day_start);
        let until = until(table, since, now);
        Some(Treaty { reference: reference?, since: since?, until: until? })
    })
}

/// Reads what no consent can send to a country.
pub(super) fn prohibition(
    country: Country,
    item: &Item<'_>,
    known: Known<'_>,
) -> Option<CategorySet> {
    abroad(country, item)?;
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

fn until(
    table: &mut Table<'_>,
    since: Option<Timestamp>,
    now: Timestamp,
) -> Option<Option<Timestamp>> {
    let meaning = "`until` is the last day of its force; leave it out where none is set";
    table.optional("until", meaning, |item| {
        let end = word::day_end_after(item, since)?;
        let help = "remove the entry: transfers go by consent alone from then on";
        warn_if(end <= now, item, "the treaty is no longer in force", help);
        Some(end)
    })
}

fn abroad(country: Country, item: &Item<'_>) -> Option<()> {
    if country == Country::KZ {
        return item.wrong_since(
            "`KZ` is not abroad",
            "remove the entry: it is about data that cross the border (94-V Art. 16)",
        );
    }
    Some(())
}
