//! Carrying out a decision on the document: what may not leave is left out.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod edit;
mod editor;
mod json;
pub mod treat;

use crate::decision::{Decision, Denial, Permitted};
use crate::document::{Document, FieldSet, Tape};
use crate::transfer::Transfer;
use edit::{Edits, Untouched};
use editor::Editor;
pub use editor::{Manifest, Tally, treated};
use treat::Treating;

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
    manifest: Manifest,
}

impl Redacted {
    /// The permitted transfer.
    #[must_use]
    pub const fn permitted(&self) -> &Permitted {
        &self.permitted
    }

    /// The body that may leave: what was kept, byte for byte as the caller wrote it, but for the
    /// values that were treated.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// What became of its values, where that is not what was decided.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
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

/// Writes the part of a transfer's document that was permitted, its values treated, in one pass.
///
/// # Errors
/// A denial: a value that the partner cannot do without has no treatment, or no key is there to
/// encrypt one to.
pub fn redact(permitted: Permitted, treating: &mut Treating<'_>) -> Result<Redacted, Box<Denial>> {
    let decision = permitted.decision();
    let verdicts: Vec<FieldSet> = decision.verdicts.iter().map(|verdict| verdict.keep).collect();
    let records = kept_records(decision);
    let selection =
        Selection { outside: &decision.outside.keep, records: &records, verdicts: &verdicts };
    let transfer = permitted.transfer();
    let mut editor = Editor::new(transfer.claim(), treating, verdicts.len());
    let body = write(transfer.document(), &selection, &mut editor);
    match editor.finish() {
        Ok(manifest) => Ok(Redacted { permitted, body, manifest }),
        Err((reason, field)) => Err(Box::new(permitted.deny(reason, Some(field)))),
    }
}

fn kept_records(decision: &Decision) -> Vec<Option<usize>> {
    let kept = |n: &usize| decision.verdicts.get(*n).is_some_and(|v| v.refused.is_none());
    decision.of.iter().map(|n| kept(n).then_some(*n)).collect()
}

#[cfg(test)]
mod tests;
