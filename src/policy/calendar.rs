//! Working days of Kazakhstan, as the register lists its holidays (Labour Code; Law 267-II).

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use crate::time::Timestamp;

/// Which days are worked on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// Holidays that come every year.
    pub yearly: Vec<Yearly>,
    /// Days of rest of one year, which do not move.
    pub rest: BTreeSet<Date>,
    /// Days of a weekend that the government made working days.
    pub worked: BTreeSet<Date>,
}

/// A holiday that comes every year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Yearly {
    /// The month, 1 to 12.
    pub month: i8,
    /// The day of the month.
    pub day: i8,
    /// The first year.
    pub since: Option<i16>,
    /// The last year.
    pub until: Option<i16>,
    /// Whether the next working day is free instead when it falls on a weekend.
    pub moves: bool,
}

impl Calendar {
    /// Whether a day is worked on.
    #[must_use]
    pub fn is_working(&self, day: Date) -> bool {
        self.days_about(day).find(|(each, _)| *each == day).is_some_and(|(_, working)| working)
    }

    /// The day that lies a number of working days after another, which is not counted.
    #[must_use]
    pub fn working_days_after(&self, day: Date, days: u32) -> Date {
        let Some(before) = days.checked_sub(1) else { return day };
        let after = self.days_about(day).filter(|(each, working)| *each > day && *working);
        let mut after = after.map(|(each, _)| each);
        after.nth(usize::try_from(before).unwrap_or(usize::MAX)).unwrap_or(Date::MAX)
    }

    /// The last day for what is due a number of working days after an event; the day of the event,
    /// in Kazakhstan, is not counted.
    #[must_use]
    pub fn due(&self, event: Timestamp, days: u32) -> Date {
        self.working_days_after(event.day(), days)
    }

    // The days from a while before the given one, with whether each is worked on. A holiday on a
    // weekend takes the next working day, so whether a day is worked on depends on those before it.
    fn days_about(&self, day: Date) -> impl Iterator<Item = (Date, bool)> {
        let start = day.saturating_sub(LOOK_BACK_DAYS.days());
        let mut moved = 0_u32;
        start.series(1.day()).map(move |day| {
            let weekend = is_weekend(day) && !self.worked.contains(&day);
            let holiday = self.holiday(day);
            moved += u32::from(weekend && holiday.is_some_and(|holiday| holiday.moves));
            let mut free = weekend || holiday.is_some() || self.rest.contains(&day);
            if !free && moved > 0 {
                moved -= 1;
                free = true;
            }
            (day, !free)
        })
    }

    fn holiday(&self, day: Date) -> Option<&Yearly> {
        self.yearly.iter().find(|holiday| {
            (holiday.month, holiday.day) == (day.month(), day.day())
                && holiday.since.is_none_or(|since| since <= day.year())
                && holiday.until.is_none_or(|until| day.year() <= until)
                && !self.worked.contains(&day)
        })
    }
}

fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

// Longer than holidays and weekends can push a day off.
const LOOK_BACK_DAYS: i64 = 31;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::tests::rules;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn deadlines_pass_over_weekends_holidays_and_the_days_they_move_to() {
        for line in VECTORS.lines() {
            let days: Vec<Date> = line.split_whitespace().map(day).collect();
            let calendar = &rules().register.calendar;
            let counted = [1, 3, 10, 15].map(|n| calendar.working_days_after(days[0], n));
            assert_eq!(counted, days[1..], "{line}");
        }
    }

    #[test]
    fn a_day_is_worked_on_or_not() {
        let mut calendar = rules().register.calendar.clone();
        let free = ["2026-11-22", "2026-12-16", "2027-01-04", "2026-05-27", "2025-09-01"];
        for text in free {
            assert!(!calendar.is_working(day(text)), "{text}");
        }
        for text in ["2026-11-23", "2026-03-16", "2026-08-31", "2027-05-17", "2027-01-08"] {
            assert!(calendar.is_working(day(text)), "{text}");
        }
        calendar.worked.insert(day("2027-01-02"));
        assert!(calendar.is_working(day("2027-01-02")));
        assert!(calendar.is_working(day("2027-01-04")), "nothing is left to move there");
    }

    #[test]
    fn the_day_of_the_event_is_the_one_in_kazakhstan() {
        let calendar = &rules().register.calendar;
        let late = Timestamp::parse("2026-12-15T18:59:59Z").unwrap();
        assert_eq!(calendar.due(late, 1), day("2026-12-17"));
        assert_eq!(calendar.due(late.plus_millis(1000), 1), day("2026-12-17"));
        assert_eq!(calendar.due(late, 0), day("2026-12-15"));
        assert_eq!(calendar.due(late.plus_millis(1000), 0), day("2026-12-16"));
    }

    #[test]
    fn the_end_of_time_is_the_last_day() {
        let calendar = Calendar::default();
        assert_eq!(calendar.working_days_after(Date::MAX, 1), Date::MAX);
        assert!(calendar.is_working(Date::MIN), "a Monday");
    }

    const VECTORS: &str = "\
2026-08-28 2026-08-31 2026-09-02 2026-09-11 2026-09-18
2026-10-23 2026-10-27 2026-10-29 2026-11-09 2026-11-16
2026-12-15 2026-12-17 2026-12-21 2026-12-30 2027-01-11
2026-12-30 2026-12-31 2027-01-06 2027-01-18 2027-01-25
2027-03-12 2027-03-16 2027-03-18 2027-04-01 2027-04-08
2027-03-19 2027-03-25 2027-03-29 2027-04-07 2027-04-14";
}
