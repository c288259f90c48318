//! `[basis.…]`, `[legal.…]` and `[calendar]`: what the law sets, and when it was checked.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Weekday};

use super::entry;
use super::table::{Item, Key, Table};
use super::word;
use crate::diagnostic::text;
use crate::policy::Words;
use crate::policy::calendar::{Calendar, Yearly};
use crate::policy::legal::{Legal, Number, Unit};
use crate::time::Timestamp;

/// Reads the bases, by their items of Art. 9.
pub(super) fn bases(table: &mut Table<'_>) -> Option<BTreeMap<String, Words>> {
    let meaning = "`[basis.\"9(1)\"]` is an item of the law's closed list, with `title`, `source` \
        and `checked_on` (94-V Art. 9)";
    table.or(BTreeMap::new(), "basis", meaning, |item| {
        item.map(basis_key, |_, item| {
            item.table(|table| {
                let title = entry::title(table);
                let checked = checked(table);
                checked.and(title)
            })
        })
    })
}

/// Reads the numbers, every one of which must be there.
pub(super) fn numbers(table: &mut Table<'_>) -> Option<BTreeMap<Number, Legal>> {
    let meaning = "list each number of the law as `[legal.withdrawal]`, with `value`, `unit`, \
        `source` and `checked_on`";
    table.required("legal", meaning, |item| {
        item.table(|table| {
            let read = Number::ALL.iter().map(|number| {
                let legal = table.required(number.key(), LEGAL, |item| {
                    item.table(|table| legal(*number, table))
                });
                Some((*number, legal?))
            });
            let read: Vec<_> = read.collect();
            let numbers: BTreeMap<Number, Legal> = read.into_iter().collect::<Option<_>>()?;
            let subjects = |number| numbers.get(&number).map(|legal: &Legal| legal.value);
            if subjects(Number::ClassSmall) >= subjects(Number::ClassLarge) {
                let help = "operators are small up to the one and large from the other \
                    (94-V Art. 10-1)";
                return table.wrong("`class-small` is not below `class-large`", help);
            }
            Some(numbers)
        })
    })
}

/// Reads the calendar.
pub(super) fn calendar(table: &mut Table<'_>) -> Option<Calendar> {
    let meaning = "`[calendar]` lists the holidays: deadlines are counted in working days";
    table.required("calendar", meaning, |item| {
        item.table(|table| {
            let checked = checked(table);
            let yearly = table.required("yearly", YEARLY, holidays);
            let rest = table.or(
                BTreeSet::new(),
                "rest",
                "`rest` lists days off of one year, which do not move: `[2026-05-27]`",
                |item| Some(word::distinct(item, word::date)?.into_iter().collect()),
            );
            let worked = worked(table, rest.as_ref());
            checked?;
            Some(Calendar { yearly: yearly?, rest: rest?, worked: worked? })
        })
    })
}

/// Whether a text is the number of an item of Art. 9: `9(1)`, `9(9-1)`.
pub(super) fn is_item(text: &str) -> bool {
    let number = |text: &str| {
        (1..=2).contains(&text.len())
            && !text.starts_with('0')
            && text.bytes().all(|b| b.is_ascii_digit())
    };
    let item = text.strip_prefix("9(").and_then(|rest| rest.strip_suffix(')'));
    item.is_some_and(|item| match item.split_once('-') {
        Some((item, part)) => number(item) && number(part),
        None => number(item),
    })
}

fn basis_key(key: &Key<'_>) -> Option<String> {
    if is_item(key.text) {
        return Some(key.text.to_owned());
    }
    key.wrong(
        text!("`{}` is no item of 94-V Art. 9", key.text),
        "name an item such as `9(1)` or `9(9-1)`: the law's list of bases without consent is \
         closed, without contract and legitimate interest (94-V Art. 7(5), 9)",
    )
}

fn legal(number: Number, table: &mut Table<'_>) -> Option<Legal> {
    let meaning = "`value` is a whole number of at least 1, of days and years at most 36500";
    let value = table.required("value", meaning, |item| {
        word::count(item, if number.unit() == Unit::Subjects { u32::MAX } else { 36_500 })
    });
    let unit = table.required("unit", LEGAL, |item| {
        let unit = item.one_of(&UNITS)?;
        let due = UNITS.iter().find(|(_, unit)| *unit == number.unit());
        match due {
            Some((word, due)) if unit != *due => {
                item.wrong(text!("`{}` counts `{}`", number.key(), word))
            }
            _ => Some(unit),
        }
    });
    let checked = checked(table);
    let (source, checked_on) = checked?;
    Some(Legal { value: value?, unit: unit?, source, checked_on })
}

// Where the law says so, and when somebody last looked.
fn checked(table: &mut Table<'_>) -> Option<(String, Timestamp)> {
    let source = table.required("source", "`source` is the article that says so", word::text);
    let checked_on = table.required(
        "checked_on",
        "`checked_on` is the day on which somebody last held it against its source",
        word::day_start,
    );
    Some((source?, checked_on?))
}

fn holidays(item: &Item<'_>) -> Option<Vec<Yearly>> {
    let mut before: Vec<Yearly> = Vec::new();
    item.list(|item| {
        let holiday = item.table(holiday)?;
        let meets = |other: &&Yearly| {
            (other.month, other.day) == (holiday.month, holiday.day)
                && other.since.unwrap_or(i16::MIN) <= holiday.until.unwrap_or(i16::MAX)
                && holiday.since.unwrap_or(i16::MIN) <= other.until.unwrap_or(i16::MAX)
        };
        if before.iter().find(meets).is_some() {
            return item.wrong("named twice");
        }
        before.push(holiday);
        Some(holiday)
    })
}

fn holiday(table: &mut Table<'_>) -> Option<Yearly> {
    let on = table.required("on", "`on` is a month and a day: `03-15`", month_and_day);
    let since = table.optional("since", "`since` is the first year of the holiday", year);
    let until = table.optional("until", "`until` is the last year of the holiday", |item| {
        let until = year(item)?;
        match since.flatten() {
            Some(since) if until < since => item.wrong("the period ends before it begins"),
            _ => Some(until),
        }
    });
    let meaning = "`moves` is true where the next working day is free when the holiday falls on a \
        weekend";
    let moves = table.or(false, "moves", meaning, Item::flag);
    let (month, day) = on?;
    Some(Yearly { month, day, since: since?, until: until?, moves: moves? })
}

// A leap year has every day that some year has.
fn month_and_day(item: &Item<'_>) -> Option<(i8, i8)> {
    let text = item.text()?;
    let two_digits = |text: &str| text.parse::<i8>().ok().filter(|_| text.len() == 2);
    let read = text.split_once('-').and_then(|(month, day)| {
        let (month, day) = (two_digits(month)?, two_digits(day)?);
        Date::new(2024, month, day).ok()
    });
    match read {
        Some(date) => Some((date.month(), date.day())),
        None => item.wrong(text!("`{}` is a day of no year", text)),
    }
}

fn year(item: &Item<'_>) -> Option<i16> {
    match i16::try_from(item.whole()?) {
        Ok(year @ word::YEAR_MIN..=9999) => Some(year),
        _ => item.wrong("out of range"),
    }
}

fn worked(table: &mut Table<'_>, rest: Option<&BTreeSet<Date>>) -> Option<BTreeSet<Date>> {
    let meaning = "`worked` lists the days of a weekend that the government made working days";
    table.or(BTreeSet::new(), "worked", meaning, |item| {
        let days = word::distinct(item, |item| {
            let day = word::date(item)?;
            if !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
                return item.wrong(text!("`{}` is no day of a weekend", day));
            }
            if rest.is_some_and(|rest| rest.contains(&day)) {
                return item.wrong(text!("`{}` is in `rest` too", day));
            }
            Some(day)
        })?;
        Some(days.into_iter().collect())
    })
}

const LEGAL: &str = "a number of the law has its `value`, its `unit`, which is `working-days`, \
    `days`, `years` or `subjects` and each number's own, its `source` and `checked_on`";

const YEARLY: &str = "`yearly` lists the holidays of every year: `{ on = \"03-15\", since = 2027, \
    moves = true }`";

const UNITS: [(&str, Unit); 4] = [
    ("working-days", Unit::WorkingDays),
    ("days", Unit::Days),
    ("years", Unit::Years),
    ("subjects", Unit::Subjects),
];
