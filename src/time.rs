//! Points in time, and the one place a clock is named.
//!
//! The core takes `now` as an argument; only the shell owns a [`Clock`].

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use std::fmt;

use jiff::Span;
use jiff::civil::Date;
use jiff::tz::{Offset, offset};
use serde::{Deserialize, Serialize};

/// A point in time: whole milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// Written and read as RFC 3339 in UTC with exactly three decimals (`2026-11-22T14:45:00.123Z`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The last time that RFC 3339 text can carry.
    pub const LAST: Self = Self(MILLIS_MAX);

    /// Takes milliseconds since the Unix epoch, or `None` outside the years 0001 to 9999.
    #[must_use]
    pub fn from_millis(millis: i64) -> Option<Self> {
        (MILLIS_MIN..=MILLIS_MAX).contains(&millis).then_some(Self(millis))
    }

    /// Takes whole seconds since the Unix epoch, or `None` outside the years 0001 to 9999.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        seconds.checked_mul(1000).and_then(Self::from_millis)
    }

    /// Reads an RFC 3339 date and time with an offset, cutting anything below a millisecond.
    ///
    /// # Errors
    /// Any text that is not such a time.
    pub fn parse(text: &str) -> Result<Self, BadTime> {
        let read: jiff::Timestamp = text.parse().map_err(|_| BadTime)?;
        Self::from_millis(read.as_millisecond()).ok_or(BadTime)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The day in Kazakhstan on which this time falls.
    #[must_use]
    pub fn day(self) -> Date {
        let time = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default();
        KAZAKHSTAN.to_datetime(time).date()
    }

    /// The first moment of a day in Kazakhstan, held within the years 0001 to 9999.
    #[must_use]
    pub fn start_of(day: Date) -> Self {
        let midnight = KAZAKHSTAN.to_timestamp(day.at(0, 0, 0, 0)).unwrap_or_default();
        Self(midnight.as_millisecond().clamp(MILLIS_MIN, MILLIS_MAX))
    }

    /// The same time of the same day in Kazakhstan a number of years before, or of the last day of
    /// that month; held within the years 0001 to 9999.
    #[must_use]
    pub fn years_before(self, years: u32) -> Self {
        let time = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default();
        let span = Span::new().try_years(years).unwrap_or_else(|_| Span::new().years(YEARS_MAX));
        let then = KAZAKHSTAN.to_datetime(time).saturating_sub(span);
        let then =
            KAZAKHSTAN.to_timestamp(then).map_or(MILLIS_MIN, jiff::Timestamp::as_millisecond);
        Self(then.clamp(MILLIS_MIN, MILLIS_MAX))
    }

    /// The first moment of the next day in Kazakhstan.
    #[must_use]
    pub fn next_day(self) -> Self {
        Self::start_of(self.day().saturating_add(Span::new().days(1)))
    }

    /// The first moment of the next minute.
    #[must_use]
    pub fn next_minute(self) -> Self {
        Self::EPOCH.plus_millis(self.minute().saturating_add(1).saturating_mul(MINUTE_MILLIS))
    }

    /// Whole minutes since the Unix epoch, rounded down.
    #[must_use]
    pub const fn minute(self) -> i64 {
        self.0.div_euclid(MINUTE_MILLIS)
    }

    /// This time moved by a number of milliseconds, held within the years 0001 to 9999.
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis).clamp(MILLIS_MIN, MILLIS_MAX))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => Err(fmt::Error),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The text is not an RFC 3339 time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time such as `2026-11-22T09:00:00Z`")]
pub struct BadTime;

/// Where the shell takes the time from.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
}

// Kazakhstan has one time zone, UTC+5 all year, since 2024-03-01 (IANA tz database, 2024a).
const KAZAKHSTAN: Offset = offset(5);

/// More years than there are between any two times.
const YEARS_MAX: i16 = 9999;
// 0001-01-01T00:00:00Z and 9999-12-30T22:00:00Z, the range that RFC 3339 text can carry.
const MILLIS_MIN: i64 = -62_135_596_800_000;
const MILLIS_MAX: i64 = 253_402_207_200_000;

const MINUTE_MILLIS: i64 = 60 * 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_three_decimals() {
        let time = Timestamp::parse("2026-11-22T14:45:00+05:00").unwrap();
        assert_eq!(time.to_string(), "2026-11-22T09:45:00.000Z");
        assert_eq!(Timestamp::parse(&time.to_string()), Ok(time));
        assert_eq!(Timestamp::parse("2026-11-22"), Err(BadTime));
    }

    #[test]
    fn a_day_of_kazakhstan_begins_at_19_utc() {
        let before = Timestamp::parse("2026-11-21T18:59:59.999Z").unwrap();
        let first = before.plus_millis(1);
        assert_eq!(before.day(), jiff::civil::date(2026, 11, 21));
        assert_eq!(first.day(), jiff::civil::date(2026, 11, 22));
        assert_eq!(Timestamp::start_of(jiff::civil::date(2026, 11, 22)), first);
        assert_eq!(before.next_day(), first);
        assert_eq!((before.next_minute(), first.minute() - before.minute()), (first, 1));
        for millis in [MILLIS_MIN, MILLIS_MAX] {
            let time = Timestamp(millis);
            assert!(Timestamp::start_of(time.day()) <= time);
        }
    }

    #[test]
    fn years_before_a_day_is_the_same_day_or_the_last_of_its_month() {
        let before = |text, years| Timestamp::parse(text).unwrap().years_before(years).to_string();
        assert_eq!(before("2026-11-22T09:00:00.007Z", 10), "2016-11-22T09:00:00.007Z");
        assert_eq!(before("2028-02-28T19:00:00Z", 1), "2027-02-27T19:00:00.000Z");
        assert_eq!(before("2026-11-22T09:00:00Z", 0), "2026-11-22T09:00:00.000Z");
        for years in [9999, u32::MAX] {
            assert_eq!(before("2026-11-22T09:00:00Z", years), "0001-01-01T00:00:00.000Z");
        }
    }

    #[test]
    fn the_range_is_what_text_can_carry() {
        for millis in [MILLIS_MIN, -1, 0, MILLIS_MAX] {
            let time = Timestamp::from_millis(millis).unwrap();
            assert_eq!(Timestamp::parse(&time.to_string()), Ok(time));
        }
        assert_eq!(Timestamp::from_millis(MILLIS_MAX + 1), None);
        assert_eq!(Timestamp::from_millis(MILLIS_MIN - 1), None);
    }
}
