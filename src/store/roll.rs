//! The subjects of one transfer, as the store knows them.

use std::collections::BTreeMap;

use super::{Facts, Guard, NewSubject, Reader, StoreError, SubjectRef};
use crate::consent::block;
use crate::consent::{Question, Standing};
use crate::decision::Circumstances;
use crate::ledger::line::{SubjectKey, Tag};
use crate::reason::Reason;
use crate::transfer::Transfer;

/// The subjects of one transfer, one a record, read at one snapshot of the ledger.
#[derive(Debug)]
pub struct Roll {
    snapshot: u64,
    everyone: Facts,
    people: Vec<Option<Person>>,
    new: Vec<NewSubject>,
}

#[derive(Debug)]
struct Person {
    reference: SubjectRef,
    key: SubjectKey,
    facts: Facts,
}

impl Roll {
    /// What a decision on the transfer rests on.
    #[must_use]
    pub fn circumstances(&self, question: &Question<'_>) -> Circumstances {
        let (partner, purpose) = (question.partner, question.purpose);
        let standing = |person: &Person| {
            let Some(facts) = &person.facts else { return Standing::of(&[], question) };
            if facts.blocks.iter().any(|block| block.covers(partner, purpose)) {
                return Standing::Refused(Reason::SubjectBlocked);
            }
            Standing::of(&facts.consents, question)
        };
        let standings = self.people.iter().map(|person| person.as_ref().map(standing)).collect();
        let everyone = self.everyone.as_ref().map(|facts| facts.blocks.as_slice());
        let blocked = block::barrier(everyone.unwrap_or_default(), partner, purpose);
        Circumstances { standings, blocked, now: question.now }
    }

    /// The subject of each record; `None` where a record does not say whose it is.
    pub(super) fn references(&self) -> impl Iterator<Item = Option<SubjectRef>> {
        self.people.iter().map(|person| person.as_ref().map(|person| person.reference))
    }

    /// The size of the ledger when the subjects were read.
    #[must_use]
    pub const fn snapshot(&self) -> u64 {
        self.snapshot
    }

    /// What an append checks before it writes a decision that rests on this roll.
    #[must_use]
    pub fn guard(&self) -> Guard {
        let subjects = self.references().flatten().chain([SubjectRef::EVERYONE]).collect();
        Guard { snapshot: self.snapshot, subjects }
    }

    /// The subjects that the store does not know yet.
    #[must_use]
    pub fn new_subjects(&self) -> Vec<NewSubject> {
        self.new.clone()
    }

    /// The tag of each record's subject; zeros where a record does not say whose it is.
    pub fn tags(&self, did: &uuid::Uuid) -> impl Iterator<Item = Tag> {
        self.people
            .iter()
            .map(|person| person.as_ref().map_or(Tag([0; 16]), |person| person.key.tag(did)))
    }
}

impl Reader {
    /// Looks up the subjects of a transfer.
    ///
    /// # Errors
    /// The store failed; nothing is then known of anybody.
    pub fn roll(&self, transfer: &Transfer) -> Result<Roll, StoreError> {
        let scheme = transfer.claim().route().scheme.as_str();
        let references: Vec<Option<SubjectRef>> =
            transfer.subjects().map(|id| id.map(|id| self.reference(scheme, &id))).collect();
        let mut known: Vec<SubjectRef> = references.iter().flatten().copied().collect();
        known.push(SubjectRef::EVERYONE);
        let (snapshot, mut facts) = self.facts(&known)?;
        let everyone = facts.pop().flatten();
        let mut facts = facts.into_iter();
        let mut new = BTreeMap::new();
        let mut people = Vec::with_capacity(references.len());
        for reference in references {
            let person = match reference {
                Some(reference) => Some(person(reference, facts.next().flatten(), &mut new)?),
                None => None,
            };
            people.push(person);
        }
        Ok(Roll { snapshot, everyone, people, new: new.into_values().collect() })
    }
}

fn person(
    reference: SubjectRef,
    facts: Facts,
    new: &mut BTreeMap<SubjectRef, NewSubject>,
) -> Result<Person, StoreError> {
    if let Some(known) = &facts {
        return Ok(Person { reference, key: known.key.clone(), facts });
    }
    // A subject that nobody has met gets its key now: the refusal must be reportable to it later.
    let subject = match new.get(&reference) {
        Some(subject) => subject.clone(),
        None => NewSubject::random(reference)?,
    };
    let key = subject.key.clone();
    new.insert(reference, subject);
    Ok(Person { reference, key, facts: None })
}
