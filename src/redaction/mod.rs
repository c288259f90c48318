//! Carrying out a decision on the document: what may not leave is left out.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod detect;
mod edit;
mod json;

use crate::decision::{Decision, Permitted};
use crate::document::{Document, FieldSet, Tape};
use crate::transfer::Transfer;
pub use detect::{Screen, Watch};
use edit::{Edits, Untouched};

/// What of a document is kept. What it does not mention is left out.
#[derive(Clone, Copy, Debug)]
pub struct Selection<'a> {
    /// The fields that are kept outside of records.
    pub outside: &'a FieldSet,
    /// For each record, the verdict on it, or `None` where it is left out.
    pub records: &'a [Option<usize>],
    /// The verdicts: the fields of a record that are kept.
    pub verdicts: &'a [FieldSet],
}

/// What of a document is kept, as the writers of all syntaxes ask for it.
struct Kept<'a> {
    selection: Selection<'a>,
    /// Whether the whole document is one record.
    is_whole: bool,
}

impl<'a> Kept<'a> {
    /// The verdict on a record and the fields that are kept of it, or `None` where it is left out.
    fn verdict(&self, record: u32) -> Option<(usize, &'a FieldSet)> {
        let verdict = (*self.selection.records.get(record as usize)?)?;
        Some((verdict, self.selection.verdicts.get(verdict)?))
    }

    /// Whether the whole document is a record that is left out.
    fn is_left_out(&self) -> bool {
        self.is_whole && self.verdict(0).is_none()
    }

    /// The verdict on what is around the records that a syntax has: on the whole document where
    /// that is the record.
    fn around(&self) -> Option<usize> {
        if self.is_whole { self.verdict(0).map(|(verdict, _)| verdict) } else { None }
    }

    /// The fields that are kept around the records, where every writer begins.
    fn base(&self, edits: &mut impl Edits) -> &'a FieldSet {
        edits.enter(self.around());
        match (self.is_whole, self.verdict(0)) {
            (false, _) => self.selection.outside,
            (true, Some((_, fields))) => fields,
            (true, None) => const { &FieldSet::EMPTY },
        }
    }
}

/// Writes what a selection keeps of a document, as it stands.
#[must_use]
pub fn select(document: &Document, selection: &Selection<'_>) -> Vec<u8> {
    write(document, selection, &mut Untouched)
}

/// Writes what a selection keeps of a document, without the identifiers that may not be in it; what
/// would refuse a transfer is left out.
#[must_use]
pub fn select_screened(document: &Document, selection: &Selection<'_>, screen: &Screen) -> Vec<u8> {
    write(document, selection, &mut detect::Screened(screen))
}

/// Writes what a selection keeps of a document, as the edits would have it.
fn write(document: &Document, selection: &Selection<'_>, edits: &mut impl Edits) -> Vec<u8> {
    let kept = Kept { selection: *selection, is_whole: document.shape().is_whole() };
    let Some(piece) = document.pieces().first() else { return Vec::new() };
    if kept.is_left_out() {
        return Vec::new();
    }
    match &piece.tape {
        Tape::Json(tape) => json::write(tape, &piece.bytes, &kept, edits),
    }
}

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
    let body = write(permitted.transfer().document(), &selection, &mut Untouched);
    Redacted { permitted, body }
}

fn kept_records(decision: &Decision) -> Vec<Option<usize>> {
    let kept = |n: &usize| decision.verdicts.get(*n).is_some_and(|v| v.refused.is_none());
    decision.of.iter().map(|n| kept(n).then_some(*n)).collect()
}

#[cfg(test)]
mod tests;
