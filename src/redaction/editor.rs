//! The edits of one transfer: what becomes of each value that the decision keeps.

use std::collections::BTreeMap;

use super::detect::{Look, Screen};
use super::edit::{Edit, Edits, New};
use super::treat::{Treated, Treating, Treatments};
use crate::document::{FieldId, FieldSet, Lexis, Raw};
use crate::policy::{Field, Route, Treatment};
use crate::reason::Reason;
use crate::transfer::Claim;
use crate::vocabulary::Kind;

/// What became of the values of one or more records, where that is not what was decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The values that were to leave and stayed, by field and reason.
    pub lost: BTreeMap<FieldId, BTreeMap<Reason, u64>>,
    /// The identifiers that were found where they may not be, by field and kind.
    pub found: BTreeMap<FieldId, BTreeMap<Kind, u64>>,
}

/// What became of the values of a transfer, where that is not what was decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// For each verdict of the decision.
    pub verdicts: Vec<Tally>,
    /// Outside of all records.
    pub outside: Tally,
}

/// Edits the values of one transfer: treats each, then looks for identifiers in it.
pub(super) struct Editor<'a> {
    route: &'a Route,
    /// The fields whose values are treated.
    touched: FieldSet,
    screen: Screen,
    treatments: Treatments<'a>,
    manifest: Manifest,
    /// The verdict under which the values are that come.
    verdict: Option<usize>,
    denied: Option<(Reason, FieldId)>,
}

impl<'a> Editor<'a> {
    /// The edits of a transfer with so many verdicts.
    pub(super) fn new(claim: &'a Claim, treating: &'a mut Treating<'_>, verdicts: usize) -> Self {
        let route: &Route = claim.route();
        let verdicts = vec![Tally::default(); verdicts];
        Self {
            route,
            touched: treated(route),
            screen: Screen::of(&claim.policy().register, route),
            treatments: Treatments::new(claim, treating),
            manifest: Manifest { verdicts, outside: Tally::default() },
            verdict: None,
            denied: None,
        }
    }

    /// What became of the values.
    ///
    /// # Errors
    /// Why the whole transfer stays, with the field that it is about.
    pub(super) fn finish(self) -> Result<Manifest, (Reason, FieldId)> {
        self.denied.map_or(Ok(self.manifest), Err)
    }

    #[inline(never)]
    fn touch(&mut self, id: FieldId, raw: Raw<'_>) -> Edit {
        let Some(field) = self.route.fields.get(usize::from(id)) else { return Edit::Remove };
        // Bytes that are no text, as of a picture, have no treatment.
        if raw.lexis == Lexis::Opaque {
            return self.lose(id, Reason::TreatmentImpossible);
        }
        match self.treatments.treat(field, &raw.scalar()) {
            Treated::Kept => self.search(id, raw),
            Treated::Put(New::Text(text)) => self.search_left(id, field, text),
            Treated::Put(new) => Edit::Put(new),
            Treated::Impossible => self.lose(id, Reason::TreatmentImpossible),
            Treated::Denied(reason) => self.deny(id, reason),
        }
    }

    /// Looks for identifiers in a value that would leave as it is.
    #[inline(never)]
    fn search(&mut self, id: FieldId, raw: Raw<'_>) -> Edit {
        let mut kinds = Vec::new();
        let look = self.screen.look(id, raw, |kind| kinds.push(kind));
        self.found(id, look, &kinds, Edit::Keep)
    }

    /// Looks for identifiers in what a treatment left of a text.
    fn search_left(&mut self, id: FieldId, field: &Field, text: String) -> Edit {
        let mut kinds = Vec::new();
        let look = match field.treatment {
            Treatment::Mask(_) | Treatment::Truncate { .. } => {
                self.screen.look_at_text(id, &text, |kind| kinds.push(kind))
            }
            _ => Look::Clean,
        };
        self.found(id, look, &kinds, Edit::Put(New::Text(text)))
    }

    /// Does what the rules say about identifiers; `clean` is what becomes of a value without.
    fn found(&mut self, id: FieldId, look: Look, kinds: &[Kind], clean: Edit) -> Edit {
        for kind in kinds {
            let found = self.tally().found.entry(id).or_default();
            let count = found.entry(*kind).or_default();
            *count = count.saturating_add(1);
        }
        match look {
            Look::Clean | Look::Kept => clean,
            Look::Masked(text) => Edit::Put(New::Text(text)),
            Look::Dropped => self.lose(id, Reason::IdentifierFound),
            Look::Refused => self.deny(id, Reason::IdentifierFound),
        }
    }

    /// Leaves a value out, and with it the whole transfer if the partner cannot do without it.
    fn lose(&mut self, id: FieldId, reason: Reason) -> Edit {
        let reasons = self.tally().lost.entry(id).or_default();
        let count = reasons.entry(reason).or_default();
        *count = count.saturating_add(1);
        if self.route.required.contains(id) { self.deny(id, reason) } else { Edit::Remove }
    }

    /// Sees to it that nothing of the transfer leaves.
    fn deny(&mut self, id: FieldId, reason: Reason) -> Edit {
        self.denied.get_or_insert((reason, id));
        Edit::Remove
    }

    fn tally(&mut self) -> &mut Tally {
        let Manifest { verdicts, outside } = &mut self.manifest;
        self.verdict.and_then(|n| verdicts.get_mut(n)).unwrap_or(outside)
    }
}

impl Edits for Editor<'_> {
    fn enter(&mut self, verdict: Option<usize>) {
        self.verdict = verdict;
    }

    fn clash(&mut self, field: FieldId) {
        self.lose(field, Reason::TreatmentImpossible);
    }

    fn formula(&mut self, field: FieldId) {
        self.deny(field, Reason::FormulaFound);
    }

    #[inline]
    fn edit(&mut self, field: FieldId, raw: Raw<'_>) -> Edit {
        if self.touched.contains(field) {
            self.touch(field, raw)
        } else if self.screen.passes(field, raw) {
            Edit::Keep
        } else {
            self.search(field, raw)
        }
    }
}

/// The fields of a route whose values do not leave as they are.
#[must_use]
pub fn treated(route: &Route) -> FieldSet {
    let fields = (0..=FieldId::MAX).zip(&route.fields);
    fields.filter(|(_, field)| !field.treatment.is_keep()).map(|(id, _)| id).collect()
}
