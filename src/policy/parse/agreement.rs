//! What binds a partner: agreement, undertaking, and the assessment of transfers abroad.

use super::table::{Item, Table};
use super::word;
use crate::diagnostic::{Text, text};
use crate::policy::{Agreement, Assessment, Undertaking};
use crate::time::Timestamp;

/// Reads the agreement, if there is one.
pub(super) fn agreement(table: &mut Table<'_>, now: Timestamp) -> Option<Option<Agreement>> {
    let meaning = "`[agreement]` has `number`, `since`, `until` and the `sha256` of its text \
        (94-V Art. 22(1))";
    let read = |item: &Item<'_>| {
        item.table(|table| {
            let number = table.required("number", "`number` is the agreement's number", word::text);
            let (since, until) = period(table, now, &AGREEMENT);
            let sha256 = table.required("sha256", "`sha256` is that of its text", word::sha256);
            Some(Agreement { number: number?, since: since?, until: until?, sha256: sha256? })
        })
    };
    let agreement = table.optional("agreement", meaning, read)?;
    if agreement.is_none() {
        table.warn("there is no agreement: all transfers are refused", meaning);
    }
    Some(agreement)
}

/// Reads the undertaking, if there is one.
pub(super) fn undertaking(table: &mut Table<'_>, now: Timestamp) -> Option<Option<Undertaking>> {
    let meaning = "`[undertaking]` has `since`, `until` and the `duties` that the partner took \
        (94-V Art. 10(1), 11(1))";
    let read = |item: &Item<'_>| {
        item.table(|table| {
            let (since, until) = period(table, now, &UNDERTAKING);
            let duties = table.required("duties", DUTIES_MEANING, duties);
            duties.and(Some(Undertaking { since: since?, until: until? }))
        })
    };
    let undertaking = table.optional("undertaking", meaning, read)?;
    if undertaking.is_none() {
        table.warn("there is no undertaking: all transfers are refused", meaning);
    }
    Some(undertaking)
}

/// Reads the assessment of transfers abroad, which is kept on paper and only referred to here.
pub(super) fn assessment(table: &mut Table<'_>, abroad: bool) -> Option<Option<Assessment>> {
    let meaning = "a partner with data abroad has `[assessment]` with the `reference` and `date` \
        of the transfer impact assessment";
    let read = |item: &Item<'_>| {
        item.table(|table| {
            let reference = table.required("reference", meaning, word::text);
            let date = table.required("date", meaning, word::day_start);
            Some(Assessment { reference: reference?, date: date? })
        })
    };
    if abroad {
        table.required("assessment", meaning, read).map(Some)
    } else {
        table.optional("assessment", meaning, read)
    }
}

/// Adds a warning, if it is due.
pub(super) fn warn_if(
    condition: bool,
    item: &Item<'_>,
    message: impl Into<Text>,
    help: &'static str,
) {
    if condition {
        item.warn(message, help);
    }
}

fn duties(item: &Item<'_>) -> Option<()> {
    let taken = word::distinct(item, |item| {
        let text = item.text()?;
        DUTIES.contains(&text).then_some(text).or_else(|| item.wrong("unknown duty"))
    })?;
    let lacking: Vec<_> = DUTIES.iter().filter(|duty| !taken.contains(*duty)).collect();
    match lacking.first() {
        Some(duty) => item.wrong(text!("the partner has not taken the duties of Art. {}", duty)),
        None => Some(()),
    }
}

fn period(
    table: &mut Table<'_>,
    now: Timestamp,
    words: &Words,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let since = table.required("since", "`since` is the first day on which it binds", |item| {
        let start = word::day_start(item)?;
        warn_if(start > now, item, words.early, "transfers are refused until then");
        Some(start)
    });
    let until = table.required("until", "`until` is the last day on which it binds", |item| {
        let end = word::day_end_after(item, since)?;
        warn_if(end <= now, item, words.late, "transfers are refused until it is renewed");
        Some(end)
    });
    (since, until)
}

/// What is said of a period that does not run.
struct Words {
    early: &'static str,
    late: &'static str,
}

const AGREEMENT: Words =
    Words { early: "the agreement is not yet in force", late: "the agreement has expired" };
const UNDERTAKING: Words =
    Words { early: "the undertaking is not yet in force", late: "the undertaking has expired" };

// The articles of 94-V that bind a third party as they bind the owner and operator.
const DUTIES: [&str; 6] = ["10", "11", "12(2)", "14", "15", "22"];
const DUTIES_MEANING: &str = "`duties` lists the articles of 94-V that the partner undertook to \
    keep, all of them: `[\"10\", \"11\", \"12(2)\", \"14\", \"15\", \"22\"]` \
    (94-V Art. 10(1), 11(1), 22(1))";
