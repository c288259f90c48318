//! Carrying out a decision on the document: what may not leave is left out.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

#[cfg(test)]
mod changes;
mod csv;
mod detect;
mod edit;
mod editor;
mod form;
mod head;
mod json;
mod multipart;
pub mod treat;
mod whole;
mod xml;

use std::fmt;

use crate::decision::{Decision, Denial, Permitted};
use crate::document::{Document, FieldSet, Piece, Tape};
use crate::policy::Route;
use crate::reason::Reason;
use crate::transfer::Transfer;
pub use detect::{Screen, Watch};
use edit::{Edits, Untouched};
use editor::Editor;
pub use editor::{Manifest, Tally, treated};
use head::Head;
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

/// Writes what a selection keeps of a document's body, as it stands.
#[must_use]
pub fn select(document: &Document, selection: &Selection<'_>) -> Vec<u8> {
    write(document, selection, &mut Untouched).body
}

/// What is left of a document.
#[derive(Default)]
struct Written {
    body: Vec<u8>,
    /// What stands between the parts of the body, where it has several.
    boundary: Option<String>,
    head: Head,
    query: Vec<u8>,
}

/// Writes what a selection keeps of a document's body, without the identifiers that may not be in
/// it; a value that would stop a transfer is left out.
#[must_use]
pub fn select_screened(document: &Document, selection: &Selection<'_>, screen: &Screen) -> Vec<u8> {
    write(document, selection, &mut detect::Screened(screen)).body
}

/// Writes what a selection keeps of a document, as the edits would have it.
fn write(document: &Document, selection: &Selection<'_>, edits: &mut impl Edits) -> Written {
    let kept = Kept { selection: *selection, is_whole: document.shape().is_whole() };
    if kept.is_left_out() {
        return Written::default();
    }
    let mut written = Written::default();
    if let Some((body, parts)) = document.pieces().split_first() {
        if let Tape::Multipart(tape) = &body.tape {
            let (body, boundary) = multipart::write(tape, parts, &kept, edits);
            written = Written { body, boundary: Some(boundary), ..written };
        } else {
            written.body = write_one(&body.tape, &body.bytes, &kept, edits);
        }
    }
    for Piece { bytes, tape } in document.pieces() {
        match tape {
            Tape::Head(tape) => written.head = head::write(tape, bytes, &kept, edits),
            Tape::Query(tape) => written.query = form::write(tape, bytes, &kept, edits),
            _ => {}
        }
    }
    written
}

/// Writes what is kept of one content.
fn write_one(tape: &Tape, bytes: &[u8], kept: &Kept<'_>, edits: &mut impl Edits) -> Vec<u8> {
    match tape {
        Tape::Csv(tape) => csv::write(tape, bytes, kept, edits),
        Tape::Form(tape) => form::write(tape, bytes, kept, edits),
        Tape::Json(tape) => json::write(tape, bytes, kept, edits),
        Tape::Whole(tape) => whole::write(tape, bytes, kept, edits),
        Tape::Xml(tape) => xml::write(tape, bytes, kept, edits),
        Tape::Multipart(_) | Tape::Head(_) | Tape::Query(_) | Tape::Empty => Vec::new(),
    }
}

/// A permitted transfer with the body that may leave.
#[derive(Debug)]
pub struct Redacted {
    permitted: Permitted,
    body: Vec<u8>,
    media: String,
    inner: Option<Inner>,
    manifest: Manifest,
}

/// What the head of the partner's own request says, where it goes sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct Inner {
    /// The method, in capital letters.
    pub method: String,
    /// The path, with its query where there is one, percent-encoded.
    pub target: String,
    /// Names, in lower case, and values of header fields.
    pub headers: Vec<(String, String)>,
}

/// Nothing of it: its values are somebody's.
impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").finish_non_exhaustive()
    }
}

impl Inner {
    /// The head that is left for a route's own request; `None` where the path lacks a value.
    fn of(route: &Route, head: Head, query: &[u8]) -> Option<Self> {
        let inner = route.inner.as_ref()?;
        let path = inner.path.fill(|name| head.in_path(name))?;
        let target = match str::from_utf8(query).ok()? {
            "" => path,
            query => format!("{path}?{query}"),
        };
        Some(Self { method: inner.method.clone(), target, headers: head.headers })
    }
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

    /// The media type of the body, with its parameters; empty where there is none.
    #[must_use]
    pub fn media(&self) -> &str {
        &self.media
    }

    /// The head of the partner's own request, where it goes sealed with the body.
    #[must_use]
    pub const fn inner(&self) -> Option<&Inner> {
        self.inner.as_ref()
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
    let Written { body, boundary, head, query } =
        write(transfer.document(), &selection, &mut editor);
    let manifest = match editor.finish() {
        Ok(manifest) => manifest,
        Err((reason, field)) => return Err(Box::new(permitted.deny(reason, Some(field)))),
    };
    let route = transfer.claim().route();
    let inner = Inner::of(route, head, &query);
    if route.inner.is_some() && inner.is_none() {
        return Err(Box::new(permitted.deny(Reason::RequiredFieldRemoved, None)));
    }
    let media = route.shape.syntax().content_type(boundary.as_deref());
    Ok(Redacted { permitted, body, media, inner, manifest })
}

fn kept_records(decision: &Decision) -> Vec<Option<usize>> {
    let kept = |n: &usize| decision.verdicts.get(*n).is_some_and(|v| v.refused.is_none());
    decision.of.iter().map(|n| kept(n).then_some(*n)).collect()
}

#[cfg(test)]
mod tests;
