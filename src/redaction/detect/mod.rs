//! The second net under the field map: identifiers in values whose fields may not hold them.
//!
//! Every text and number that is kept is looked at, without its escapes. A field may hold the
//! identifiers that belong to its categories; one that belongs to no category is not personal.

use std::ops::Range;

use super::edit::{Edit, Edits, New};
use crate::detection;
use crate::document::{FieldId, Lexis, Raw, Scalar};
use crate::policy::{OnFound, Register, Route};
use crate::vocabulary::{CategorySet, Kind, Kinds};

/// For each field, the identifiers that may not be in it and what happens to one that is.
#[derive(Clone, Debug, Default)]
pub struct Screen {
    fields: Vec<Watch>,
}

/// What is watched for in a field.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// The identifiers that may not be in it.
    pub kinds: Kinds,
    /// What happens to one that is.
    pub found: OnFound,
}

/// What a look at a value came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// There is nothing in it that may not be.
    Clean,
    /// There is, and the value leaves all the same.
    Kept,
    /// This leaves in its place.
    Masked(String),
    /// It does not leave.
    Dropped,
    /// The whole transfer stays.
    Refused,
}

impl Screen {
    /// What the fields of a route may not hold.
    #[must_use]
    pub fn of(register: &Register, route: &Route) -> Self {
        let all = |set: CategorySet| {
            let categories = register.categories.iter().filter(|(id, _)| set.contains(**id));
            categories.fold(Kinds::EMPTY, |kinds, (_, category)| kinds.or(category.identifiers))
        };
        let personal = all(register.categories.keys().copied().collect());
        let fields = route.fields.iter().map(|field| {
            let own = field.category.into_iter().fold(field.holds, CategorySet::with);
            let found = field.found.unwrap_or(route.found);
            Watch { kinds: personal.minus(all(own)), found }
        });
        Self { fields: fields.collect() }
    }

    /// What these fields may not hold, by their numbers.
    #[must_use]
    pub fn new(fields: Vec<Watch>) -> Self {
        Self { fields }
    }

    /// Whether a value can be seen to have nothing in it that may not be, at a quick look.
    #[inline]
    pub(super) fn passes(&self, field: FieldId, raw: Raw<'_>) -> bool {
        let watch = self.fields.get(usize::from(field));
        watch.is_some_and(|watch| watch.kinds.is_empty() || !may_hold(raw))
    }

    /// Looks at a value as it stands in a body; each hit is told.
    pub(super) fn look(&self, field: FieldId, raw: Raw<'_>, on_hit: impl FnMut(Kind)) -> Look {
        let Some(watch) = self.fields.get(usize::from(field)) else { return Look::Dropped };
        match raw.scalar() {
            _ if raw.lexis == Lexis::Opaque => Look::Clean,
            Scalar::Text(text) if raw.lexis == Lexis::Json => watch.text(&text, on_hit),
            Scalar::Text(text) => watch.untyped(&text, on_hit),
            Scalar::Number(number) => watch.number(number, on_hit),
            Scalar::Word(_) => Look::Clean,
        }
    }

    /// Looks at a text that leaves in the place of a value.
    pub(super) fn look_at_text(
        &self,
        field: FieldId,
        text: &str,
        on_hit: impl FnMut(Kind),
    ) -> Look {
        let Some(watch) = self.fields.get(usize::from(field)) else { return Look::Dropped };
        watch.text(text, on_hit)
    }
}

impl Watch {
    fn text(self, text: &str, mut on_hit: impl FnMut(Kind)) -> Look {
        let mut masked = Masked { text, done: 0, out: String::new() };
        let mut is_hit = false;
        detection::scan(text, |hit| {
            if self.kinds.contains(hit.kind) {
                is_hit = true;
                on_hit(hit.kind);
                if self.found == OnFound::Mask {
                    masked.mask(hit.span);
                }
            }
        });
        match self.found {
            _ if !is_hit => Look::Clean,
            OnFound::Keep => Look::Kept,
            OnFound::Mask => Look::Masked(masked.finish()),
            OnFound::Drop => Look::Dropped,
            OnFound::Refuse => Look::Refused,
        }
    }

    /// Looks at a text that may be a number, which has lost the zeros in front in a spreadsheet.
    fn untyped(self, text: &str, mut on_hit: impl FnMut(Kind)) -> Look {
        match self.text(text, &mut on_hit) {
            Look::Clean => match self.number(text.trim(), on_hit) {
                Look::Dropped if self.found == OnFound::Mask => {
                    Look::Masked("*".repeat(text.trim().len()))
                }
                look => look,
            },
            look => look,
        }
    }

    fn number(self, number: &str, mut on_hit: impl FnMut(Kind)) -> Look {
        let kind = detection::scan_number(number).filter(|kind| self.kinds.contains(*kind));
        let Some(kind) = kind else { return Look::Clean };
        on_hit(kind);
        match self.found {
            OnFound::Keep => Look::Kept,
            OnFound::Mask | OnFound::Drop => Look::Dropped,
            OnFound::Refuse => Look::Refused,
        }
    }
}

/// A text with `*` for each character of what is found in it.
struct Masked<'t> {
    text: &'t str,
    done: usize,
    out: String,
}

impl Masked<'_> {
    fn mask(&mut self, span: Range<usize>) {
        let found = self.text.get(span.clone()).unwrap_or_default();
        self.out.push_str(self.text.get(self.done..span.start).unwrap_or_default());
        self.out.extend(found.chars().map(|_| '*'));
        self.done = span.end;
    }

    fn finish(mut self) -> String {
        self.out.push_str(self.text.get(self.done..).unwrap_or_default());
        self.out
    }
}

/// Whether there may be an identifier in a value, before its escapes are read.
#[inline]
fn may_hold(raw: Raw<'_>) -> bool {
    let bytes = raw.bytes;
    bytes.len() >= BYTES_MIN
        && match raw.lexis {
            Lexis::Json if bytes.first() == Some(&b'"') => {
                detection::may_hold(bytes) || has_unicode_escape(bytes)
            }
            Lexis::Json => {
                bytes.len() >= NUMBER_MIN || bytes.contains(&b'e') || bytes.contains(&b'E')
            }
            Lexis::Csv | Lexis::Plain => detection::may_hold(bytes),
            Lexis::Percent => detection::may_hold(bytes) || bytes.contains(&b'%'),
            Lexis::XmlText | Lexis::XmlAttribute => {
                detection::may_hold(bytes) || bytes.contains(&b'&')
            }
            Lexis::Opaque => false,
        }
}

/// Whether any character stands in a JSON string by its number; other escapes are never digits.
fn has_unicode_escape(bytes: &[u8]) -> bool {
    bytes.contains(&b'\\') && bytes.windows(2).any(|pair| pair == br"\u")
}

/// Masks, drops or keeps what a screen says, and counts nothing.
pub(super) struct Screened<'a>(pub(super) &'a Screen);

impl Edits for Screened<'_> {
    fn enter(&mut self, _verdict: Option<usize>) {}

    fn formula(&mut self, _field: FieldId) {}

    #[inline]
    fn edit(&mut self, field: FieldId, raw: Raw<'_>) -> Edit {
        if self.0.passes(field, raw) {
            return Edit::Keep;
        }
        match self.0.look(field, raw, |_| {}) {
            Look::Clean | Look::Kept => Edit::Keep,
            Look::Masked(text) => Edit::Put(New::Text(text)),
            Look::Dropped | Look::Refused => Edit::Remove,
        }
    }
}

/// No value that is an identifier has fewer bytes: `a@b.kz`.
const BYTES_MIN: usize = 6;
/// No number without an exponent that is an identifier has fewer digits.
const NUMBER_MIN: usize = 9;

#[cfg(test)]
mod tests;
