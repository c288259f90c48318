//! How much has gone to each partner on a day of Kazakhstan, counted and held to its quota inside
//! the recorder's transaction, so exactly: across threads, processes and restarts.
//!
//! A disclosure counts on the day of its decision, from the moment it is recorded, whatever becomes
//! of it. Only a partner with a quota is counted, from the first disclosure under one.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::civil::Date;

use super::recorder::Append;
use super::{StoreError, SubjectRef, Transaction};
use crate::policy::Quota;
use crate::vocabulary::Name;

/// What a disclosure takes of its partner's quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaUse {
    /// The partner.
    pub partner: Name,
    /// The day of the decision.
    pub day: Date,
    /// How much may go on one day.
    pub quota: Quota,
    /// The subject of each record that goes.
    pub subjects: Vec<SubjectRef>,
}

/// How much has gone to a partner on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Distinct subjects.
    pub subjects: u64,
    /// Subjects' records.
    pub records: u64,
}

impl Used {
    fn fits(self, quota: Quota) -> bool {
        quota.subjects_per_day.is_none_or(|max| self.subjects <= max)
            && quota.records_per_day.is_none_or(|max| self.records <= max)
    }
}

/// What a batch takes.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// How much has gone to each partner on a day, after the batch.
    pub used: BTreeMap<(Name, Date), Used>,
    /// The subjects whose data go to a partner on a day for the first time.
    pub new: BTreeSet<(Name, Date, SubjectRef)>,
}

/// The quotas that the appends of a batch fall under, kept up as they are staged.
#[derive(Default)]
pub(super) struct Quotas {
    used: BTreeMap<(Name, Date), Used>,
    counted: HashSet<(Name, Date, SubjectRef)>,
}

impl Quotas {
    pub(super) fn look_up(
        transaction: &mut dyn Transaction,
        appends: &[Append],
    ) -> Result<Self, StoreError> {
        let takes: Vec<&QuotaUse> = appends.iter().filter_map(|it| it.quota.as_ref()).collect();
        let days: BTreeSet<_> = takes.iter().map(|it| (it.partner.clone(), it.day)).collect();
        let subjects: BTreeSet<_> = takes.iter().flat_map(|it| it.each()).collect();
        let (days, subjects) = (Vec::from_iter(days), Vec::from_iter(subjects));
        let used = transaction.used(&days)?;
        let counted = transaction.counted(&subjects)?;
        Ok(Self {
            used: days.into_iter().zip(used).collect(),
            counted: subjects
                .into_iter()
                .zip(counted)
                .filter_map(|(s, is)| is.then_some(s))
                .collect(),
        })
    }

    /// Whether more would go than may.
    pub(super) fn would_exceed(&self, take: &QuotaUse) -> bool {
        !self.after(take).0.fits(take.quota)
    }

    /// Counts what goes.
    pub(super) fn take(&mut self, take: &QuotaUse, taken: &mut Taken) {
        let (used, new) = self.after(take);
        let day = (take.partner.clone(), take.day);
        self.used.insert(day.clone(), used);
        taken.used.insert(day, used);
        self.counted.extend(new.iter().cloned());
        taken.new.extend(new);
    }

    /// How much will have gone, and to whom of the subjects for the first time.
    fn after(&self, take: &QuotaUse) -> (Used, BTreeSet<(Name, Date, SubjectRef)>) {
        let used = self.used.get(&(take.partner.clone(), take.day)).copied().unwrap_or_default();
        let new: BTreeSet<_> = take.each().filter(|one| !self.counted.contains(one)).collect();
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let after = Used {
            subjects: used.subjects.saturating_add(count(new.len())),
            records: used.records.saturating_add(count(take.subjects.len())),
        };
        (after, new)
    }
}

impl QuotaUse {
    fn each(&self) -> impl Iterator<Item = (Name, Date, SubjectRef)> {
        self.subjects.iter().map(|subject| (self.partner.clone(), self.day, *subject))
    }
}
