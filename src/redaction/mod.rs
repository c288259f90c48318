//! Carrying out a decision on the document: what may not leave is left out.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod json;

use crate::decision::{Decision, Permitted};
use crate::document::FieldSet;
use crate::transfer::Transfer;
use json::Selection;

/// A permitted transfer with the body that may leave.
#[derive(Debug)]
pub struct Redacted {
    permitted: Permitted,
    body: Vec<u8>,
}

impl Redacted {
    /// The permitted transfer.
    #[must_use]
    pub const fn permitted(&self) -> &Permitted {
        &self.permitted
    }

    /// The body that may leave: what was kept, byte for byte as the caller wrote it.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// What was permitted, when it may not go after all.
    #[must_use]
    pub fn into_permitted(self) -> Permitted {
        self.permitted
    }

    /// The transfer again, when it has to be decided anew.
    #[must_use]
    pub fn into_transfer(self) -> Transfer {
        self.permitted.into_transfer()
    }
}

/// Writes the part of a transfer's document that was permitted, in one pass.
#[must_use]
pub fn redact(permitted: Permitted) -> Redacted {
    let decision = permitted.decision();
    let verdicts: Vec<FieldSet> = decision.verdicts.iter().map(|verdict| verdict.keep).collect();
    let records = kept_records(decision);
    let selection =
        Selection { outside: &decision.outside.keep, records: &records, verdicts: &verdicts };
    let body = json::write(permitted.transfer().document(), &selection);
    Redacted { permitted, body }
}

fn kept_records(decision: &Decision) -> Vec<Option<usize>> {
    let kept = |n: &usize| decision.verdicts.get(*n).is_some_and(|v| v.refused.is_none());
    decision.of.iter().map(|n| kept(n).then_some(*n)).collect()
}

#[cfg(test)]
mod tests;
