//! How many requests each caller has sent in the minute that runs, kept in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::time::Timestamp;
use crate::transfer::Caller;
use crate::vocabulary::Name;

/// The requests of all callers.
#[derive(Debug, Default)]
pub struct Rates(Mutex<BTreeMap<Name, Window>>);

#[derive(Debug, Default)]
struct Window {
    minute: i64,
    requests: u32,
}

impl Rates {
    /// Counts a request; whether the caller may still send it in this minute.
    #[must_use]
    pub fn take(&self, caller: &Caller, now: Timestamp) -> bool {
        let Some(max) = caller.requests_per_minute else { return true };
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(caller.name.clone()).or_default();
        if window.minute != now.minute() {
            *window = Window { minute: now.minute(), requests: 0 };
        }
        window.requests = window.requests.saturating_add(1);
        window.requests <= max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_has_its_own_number_of_requests_a_minute() {
        let caller = |name, requests_per_minute| Caller {
            name: Name::parse(name).unwrap(),
            routes: std::sync::Arc::default(),
            requests_per_minute,
        };
        let [lms, crm, free] =
            [caller("lms", Some(2)), caller("crm", Some(1)), caller("free", None)];
        let rates = Rates::default();
        let at = |seconds: i64| Timestamp::from_seconds(1_800_000_000 + seconds).unwrap();
        let took = |caller, seconds| rates.take(caller, at(seconds));
        assert_eq!([took(&lms, 0), took(&lms, 59), took(&lms, 59)], [true, true, false]);
        assert_eq!([took(&crm, 59), took(&crm, 59)], [true, false]);
        assert_eq!([took(&lms, 60), took(&lms, 60), took(&lms, 119)], [true, true, false]);
        assert!((0..1000).all(|_| took(&free, 0)));
    }
}
