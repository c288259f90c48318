//! What is done to the values of a field that may leave.
//!
//! | treatment | text | number | `true`, `false` |
//! |---|---|---|---|
//! | mask | `*` for all but its ends | a text, nines or null, by rule | – |
//! | truncate | its first characters | the same, as a text | – |
//! | generalise a date | its year or month | – | – |
//! | generalise an address | a region that the rule lists | – | – |
//! | generalise a number | its band | its band, as a text | – |
//! | pseudonymise | a pseudonym | the pseudonym of the same text | as a text of that word |
//! | encrypt | an envelope in base64url | the same | the same |
//!
//! Null and the empty text tell nothing and stay what they are. Where the table has a dash, and
//! for every value that is not what the treatment is made for, there is no treatment: such a value
//! does not leave.

mod general;
mod mask;
pub mod pseudonym;

use std::collections::BTreeMap;

use super::edit::New;
use crate::document::Scalar;
use crate::policy::{Field, Generalisation, Treatment};
use crate::reason::Reason;
use crate::transfer::Claim;
use crate::vocabulary::Name;
use pseudonym::{PseudonymSecret, Pseudonyms};

/// What redaction needs besides the decision.
pub struct Treating<'a> {
    /// The secret that pseudonyms come from; without it no pseudonymised value leaves.
    pub pseudonyms: Option<&'a PseudonymSecret>,
    /// What encrypts single values.
    pub seals: &'a mut dyn SealValue,
}

/// Encrypts single values.
pub trait SealValue {
    /// The text that stands for a value of a field; only the recipient of that name, or the
    /// partner, can read it. `None` where no key of that recipient is valid now.
    fn seal(
        &mut self,
        claim: &Claim,
        to: Option<&Name>,
        field: &Field,
        value: &str,
    ) -> Option<String>;
}

/// What a rehearsal puts in the place of an encrypted value.
#[derive(Clone, Copy, Debug)]
pub struct Unsealed;

impl SealValue for Unsealed {
    fn seal(&mut self, _: &Claim, _: Option<&Name>, _: &Field, _: &str) -> Option<String> {
        Some("<encrypted>".to_owned())
    }
}

/// What became of a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Treated {
    /// It leaves as it is.
    Kept,
    /// This leaves in its place.
    Put(New),
    /// There is no treatment of it, so it stays.
    Impossible,
    /// The whole transfer stays.
    Denied(Reason),
}

/// The treatments of one transfer's values.
pub(super) struct Treatments<'a> {
    claim: &'a Claim,
    pseudonyms: Option<&'a PseudonymSecret>,
    /// The pseudonyms of the scopes that came up so far.
    scopes: BTreeMap<Name, Pseudonyms>,
    seals: &'a mut dyn SealValue,
}

impl<'a> Treatments<'a> {
    pub(super) fn new(claim: &'a Claim, treating: &'a mut Treating<'_>) -> Self {
        let Treating { pseudonyms, seals } = treating;
        Self { claim, pseudonyms: *pseudonyms, scopes: BTreeMap::new(), seals: &mut **seals }
    }

    /// What becomes of a value of a field.
    pub(super) fn treat(&mut self, field: &Field, value: &Scalar<'_>) -> Treated {
        match value {
            Scalar::Word("null") => return Treated::Kept,
            // Written anew, so that nothing rests on how the body wrote it.
            Scalar::Text(text) if text.is_empty() => return Treated::text(""),
            _ => {}
        }
        match &field.treatment {
            Treatment::Keep => Treated::Kept,
            Treatment::Pseudonymise { scope } => self.pseudonym(scope, content(value)),
            Treatment::Encrypt { to } => self.sealed(to.as_ref(), field, content(value)),
            Treatment::Mask(mask) => match value {
                Scalar::Text(text) => Treated::text(mask::text(text, *mask)),
                Scalar::Number(number) => Treated::of(mask::number(number, *mask)),
                Scalar::Word(_) => Treated::Impossible,
            },
            Treatment::Truncate { chars } => match value {
                Scalar::Text(text) => match mask::truncated(text, *chars) {
                    cut if cut.len() == text.len() => Treated::Kept,
                    cut => Treated::text(cut),
                },
                Scalar::Number(number) => Treated::text(mask::truncated(number, *chars)),
                Scalar::Word(_) => Treated::Impossible,
            },
            Treatment::Generalise(how) => Treated::of(general(how, value).map(New::Text)),
        }
    }

    fn pseudonym(&mut self, scope: &Name, value: &str) -> Treated {
        let Some(secret) = self.pseudonyms else { return Treated::Impossible };
        let partner = &self.claim.partner().name;
        let scope = self.scopes.entry(scope.clone()).or_insert_with_key(|s| secret.of(partner, s));
        Treated::of(scope.make(value).map(New::Text))
    }

    fn sealed(&mut self, to: Option<&Name>, field: &Field, value: &str) -> Treated {
        match self.seals.seal(self.claim, to, field, value) {
            Some(sealed) => Treated::text(sealed),
            None => Treated::Denied(Reason::PartnerKeyUnavailable),
        }
    }
}

impl Treated {
    fn text(text: impl Into<String>) -> Self {
        Self::Put(New::Text(text.into()))
    }

    fn of(new: Option<New>) -> Self {
        new.map_or(Self::Impossible, Self::Put)
    }
}

fn general(how: &Generalisation, value: &Scalar<'_>) -> Option<String> {
    match (how, value) {
        (Generalisation::Date(part), Scalar::Text(text)) => general::date(text, *part),
        (Generalisation::Region(regions), Scalar::Text(text)) => {
            general::region(text, regions).map(str::to_owned)
        }
        (Generalisation::Band { width }, Scalar::Text(text)) => general::band(text, *width),
        (Generalisation::Band { width }, Scalar::Number(number)) => general::band(number, *width),
        (_, Scalar::Number(_) | Scalar::Word(_)) => None,
    }
}

/// The text of a value, by which equal values are told in every syntax.
fn content<'v>(value: &'v Scalar<'_>) -> &'v str {
    match value {
        Scalar::Text(text) => text,
        Scalar::Number(text) | Scalar::Word(text) => text,
    }
}

#[cfg(test)]
mod tests;
