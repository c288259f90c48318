//! Working days of Kazakhstan, as the register lists its holidays (Labour Code; Law 267-II).

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};

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
        let _ = (self, Weekday::Monday, day);
        true
    }

    /// The day that lies a number of working days after another, which is not counted.
    #[must_use]
    pub fn working_days_after(&self, day: Date, days: u32) -> Date {
        let _ = days;
        day
    }
}
