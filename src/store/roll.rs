//! The subjects of one transfer, as the store knows them.

use std::collections::BTreeMap;

use super::{Facts, Guard, NewSubject, Reader, StoreError, SubjectRef};
use crate::consent::{Question, Standing};
use crate::decision::Circumstances;
use crate::ledger::line::{SubjectKey, Tag};
use crate::transfer::Transfer;

/// The subjects of one transfer, one a record, read at one snapshot of the ledger.
#[derive(Debug)]
pub struct Roll {
    snapshot: u64,
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
        let standing = |person: &Person| {
            let consents = person.facts.as_ref().map(|facts| facts.consents.as_slice());
            Standing::of(consents.unwrap_or_default(), question)
        };
        let standings = self.people.iter().map(|person| person.as_ref().map(standing)).collect();
        Circumstances { standings, blocked: None, now: question.now }
    }

    /// The size of the ledger when the subjects were read.
    #[must_use]
    pub const fn snapshot(&self) -> u64 {
        self.snapshot
    }

    /// What an append checks before it writes a decision that rests on this roll.
    #[must_use]
    pub fn guard(&self) -> Guard {
        let subjects = self.people.iter().flatten().map(|person| person.reference).collect();
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
        let known: Vec<SubjectRef> = references.iter().flatten().copied().collect();
        let (snapshot, facts) = self.facts(&known)?;
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
        Ok(Roll { snapshot, people, new: new.into_values().collect() })
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
