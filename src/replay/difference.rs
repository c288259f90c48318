//! What a decision that was made again comes to, held against what was recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::again::{Again, Made, Treatments, Untold};
use super::recorded::{Recorded, Told};
use crate::decision::Verdict;
use crate::reason::Reason;

/// How a decision comes out by other rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    /// As it was.
    Same,
    /// Otherwise.
    Differs(Difference),
    /// It cannot be told.
    Untold(Untold),
}

/// What is otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Why the transfer was refused, if it was.
    pub before: Option<Reason>,
    /// What would become of it as a whole.
    pub after: Whole,
    /// The records of which something is otherwise, those that are alike together.
    pub groups: Vec<Group>,
    /// Why not all of it can be told.
    pub untold: Option<Untold>,
}

/// What would become of a transfer as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// Something would leave.
    Sent,
    /// Nothing would.
    Refused(Reason),
    /// Nothing would, for a reason that cannot be told.
    Stays,
    /// It cannot be told.
    Untold,
}

/// Which way a difference goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Something would leave that did not.
    Wider,
    /// Something would stay that left.
    Narrower,
    /// Both.
    Both,
    /// Only reasons would be others.
    Reasons,
}

/// Records of which the same is otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Their numbers; empty for what is outside of all records.
    pub records: Numbers,
    /// Why each whole record stayed and would stay, if that is otherwise and the transfer went.
    pub record: Option<(Option<Reason>, Option<Reason>)>,
    /// The fields that are otherwise.
    pub fields: BTreeSet<Change>,
}

/// A field that is otherwise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Its path.
    pub field: String,
    /// Why it stayed, unless it left.
    pub before: Option<Reason>,
    /// Why it would stay, unless it would leave.
    pub after: Option<Reason>,
    /// How it left and would leave, where it does both and not alike.
    pub treatments: Option<Treatments>,
}

impl Change {
    fn lets_more_out(&self) -> bool {
        match &self.treatments {
            // What is neither more nor less is both.
            Some(treatments) => treatments.shows_more != Some(false),
            None => self.after.is_none(),
        }
    }

    fn lets_less_out(&self) -> bool {
        match &self.treatments {
            Some(treatments) => treatments.shows_more != Some(true),
            None => self.before.is_none(),
        }
    }
}

/// The numbers of records, counted from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers(Vec<(usize, usize)>);

impl Numbers {
    /// Adds a number above all that are there.
    pub fn push(&mut self, number: usize) {
        match self.0.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => self.0.push((number, number)),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (first, last)) in self.0.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            let more = if first == last { String::new() } else { format!("-{last}") };
            write!(f, "{comma}{first}{more}")?;
        }
        Ok(())
    }
}

impl Difference {
    /// Which way it goes.
    #[must_use]
    pub fn way(&self) -> Way {
        let changes = || self.groups.iter().flat_map(|group| &group.fields);
        let more = changes().any(Change::lets_more_out);
        let less = changes().any(Change::lets_less_out);
        match (more, less) {
            (true, true) => Way::Both,
            (true, false) => Way::Wider,
            (false, true) => Way::Narrower,
            (false, false) => Way::Reasons,
        }
    }
}

/// Holds what came of a decision against what was recorded.
#[must_use]
pub fn compare(recorded: &Recorded, again: &Again) -> Compared {
    let sides: Vec<Side<'_>> =
        again.made.iter().map(|made| Side { recorded, made, again }).collect();
    let mut alike: BTreeMap<(usize, Vec<Option<usize>>), Numbers> = BTreeMap::new();
    for (n, line) in recorded.lines.iter().flatten().enumerate() {
        let of = again.made.iter().map(|made| made.decision.of.get(n).copied()).collect();
        alike.entry((line.verdict, of)).or_default().push(n.saturating_add(1));
    }
    let nothing = Told::default();
    let mut groups = Vec::new();
    let mut is_sure = true;
    let mut take = |told: &Told, verdicts: Vec<Option<&Verdict>>, records: Numbers| {
        let held: Vec<Held> =
            (sides.iter().zip(verdicts)).map(|(side, verdict)| side.held(told, verdict)).collect();
        let Some((first, others)) = held.split_first() else { return };
        is_sure &= others.iter().all(|other| other.leaves == first.leaves);
        let known = |change: &Change| others.iter().all(|other| other.fields.contains(change));
        let fields: BTreeSet<Change> = first.fields.iter().filter(|c| known(c)).cloned().collect();
        let record = first.record.filter(|r| others.iter().all(|o| o.record == Some(*r)));
        if record.is_some() || !fields.is_empty() {
            groups.push(Group { records, record, fields });
        }
    };
    for ((verdict, of), records) in alike {
        let told = recorded.verdicts.get(verdict).unwrap_or(&nothing);
        let of = of.iter().zip(&again.made);
        let verdicts = of.map(|(n, made)| made.decision.verdicts.get((*n)?)).collect();
        take(told, verdicts, records);
    }
    let outside = again.made.iter().map(|made| Some(&made.decision.outside)).collect();
    take(&recorded.outside, outside, Numbers::default());

    let after = whole(&again.made);
    let as_it_was = match (recorded.reason, after) {
        (None, Whole::Sent) | (Some(_), Whole::Stays) | (_, Whole::Untold) => true,
        (Some(before), Whole::Refused(after)) => before == after,
        (None, _) | (Some(_), Whole::Sent) => false,
    };
    let untold = again.unknown.filter(|_| !is_sure || after == Whole::Untold);
    match untold {
        _ if !as_it_was || !groups.is_empty() => {
            Compared::Differs(Difference { before: recorded.reason, after, groups, untold })
        }
        Some(untold) => Compared::Untold(untold),
        None => Compared::Same,
    }
}

/// What every way in which the decision could have gone comes to.
fn whole(made: &[Made]) -> Whole {
    let mut reasons = made.iter().map(|made| made.denied);
    let Some(first) = reasons.next() else { return Whole::Untold };
    let (mut same, mut stays) = (true, first.is_some());
    for reason in reasons {
        same &= reason == first;
        stays &= reason.is_some();
    }
    match (same, stays, first) {
        (true, _, Some(reason)) => Whole::Refused(reason),
        (true, _, None) => Whole::Sent,
        (false, true, _) => Whole::Stays,
        (false, false, _) => Whole::Untold,
    }
}

/// One way in which the decision could have gone.
struct Side<'a> {
    recorded: &'a Recorded,
    made: &'a Made,
    again: &'a Again,
}

/// What is otherwise in a record, or outside of all.
struct Held {
    leaves: BTreeSet<String>,
    record: Option<(Option<Reason>, Option<Reason>)>,
    fields: BTreeSet<Change>,
}

impl Side<'_> {
    fn held(&self, told: &Told, verdict: Option<&Verdict>) -> Held {
        let nothing = Verdict::default();
        let verdict = verdict.unwrap_or(&nothing);
        let was = told.refused.as_ref().map(|(reason, _)| *reason);
        let is = verdict.refused.map(|(reason, _)| reason);
        let went = self.recorded.reason.is_none();
        let goes = self.made.denied.is_none();
        let left: BTreeSet<&str> =
            (told.sent.keys().filter(|_| went && was.is_none())).map(String::as_str).collect();
        let fields = &self.again.route.fields;
        let text = |field| fields.get(usize::from(field)).map(|f| f.text.as_str());
        let leaves: BTreeSet<&str> =
            verdict.keep.iter().filter(|_| goes && is.is_none()).filter_map(text).collect();
        let removed: BTreeMap<&str, Reason> = (verdict.removed.iter())
            .filter_map(|(field, reason)| Some((text(*field)?, *reason)))
            .collect();
        // The reason that is nearest to the field.
        let before = |field: &str| {
            let own = was.or_else(|| told.removed.get(field).copied());
            own.or(self.recorded.reason).unwrap_or(Reason::FieldUnknown)
        };
        let after = |field: &str| {
            let own = is.or_else(|| removed.get(field).copied());
            own.or(self.made.denied).unwrap_or(Reason::FieldUnknown)
        };
        let change = |field: &str, before, after| Change {
            field: field.to_owned(),
            before,
            after,
            treatments: None,
        };
        let otherwise = self.again.treatments.iter().filter_map(|(field, treatments)| {
            let stays = left.contains(field.as_str()) && leaves.contains(field.as_str());
            let treatments = stays.then(|| Some(treatments.clone()))?;
            Some(Change { treatments, ..change(field, None, None) })
        });
        let lost = left.difference(&leaves).map(|f| change(f, None, Some(after(f))));
        let won = leaves.difference(&left).map(|f| change(f, Some(before(f)), None));
        let both_go = went && goes && was.is_none() && is.is_none();
        let other = removed.iter().filter_map(|(field, reason)| {
            let before = told.removed.get(*field).filter(|before| *before != reason)?;
            both_go.then(|| change(field, Some(*before), Some(*reason)))
        });
        Held {
            record: (went && goes && was != is).then_some((was, is)),
            fields: lost.chain(won).chain(otherwise).chain(other).collect(),
            leaves: leaves.iter().map(|field| (*field).to_owned()).collect(),
        }
    }
}
