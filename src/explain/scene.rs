//! A decided transfer, wherever it comes from, and how it is explained.

use super::gate::{self, Rules};
use super::{Consent, Explained, FieldExplained, Group, Step, Why};
use crate::consent::{Question, Standing, Terms};
use crate::decision::gates::{Asked, Gates};
use crate::decision::{Circumstances, Found, question};
use crate::document::{FieldId, Presence, Record};
use crate::policy::Field;
use crate::policy::origin::Origin;
use crate::reason::Reason;
use crate::replay::recorded::Told;
use crate::time::Timestamp;
use crate::transfer::Claim;

/// A transfer that was claimed, and what became of it.
pub(super) struct Scene<'a> {
    pub(super) claim: &'a Claim,
    pub(super) now: Timestamp,
    /// Why nothing left, if nothing did, with the field or place that it is about.
    pub(super) denied: Option<(Reason, Option<String>)>,
    pub(super) verdicts: &'a [Told],
    pub(super) outside: &'a Told,
    /// The records, in their order.
    pub(super) people: &'a [Seen],
}

/// A record as it was seen.
pub(super) struct Seen {
    /// The position of its verdict.
    pub(super) verdict: usize,
    /// What is known of its subject.
    pub(super) subject: Subject,
}

/// What is known of a record's subject.
pub(super) enum Subject {
    /// The consents, at that time.
    Consents(Vec<Terms>),
    /// What they answered.
    Said(Reason),
    /// The record did not say who.
    Unidentified,
    /// Nobody looked.
    Unknown,
}

/// What records that are explained alike have in common.
#[derive(PartialEq)]
struct Alike {
    verdict: usize,
    gates: Vec<Asked>,
    fields: Vec<Vec<Asked>>,
    says: Vec<Vec<Reason>>,
}

impl Scene<'_> {
    /// Puts what is known into words, beside what is known already.
    pub(super) fn explain(&self, explained: &mut Explained) {
        let rules = Rules::of(self.claim, self.now);
        let records = vec![Record::default(); self.people.len()];
        let outside = Presence::default();
        let found = Found { records: &records, outside: &outside };
        // A claim has a purpose that the register has.
        let Some(gates) = Gates::of(self.claim, found) else { return };
        let asked = gates.whole(&self.circumstances());
        explained.rule = None;
        explained.gates = asked.iter().map(|asked| rules.step(*asked, None)).collect();
        if let Some((reason, place)) = &self.denied {
            explained.reason = Some(Why::of(*reason));
            explained.place.clone_from(place);
            let shut = explained.gates.iter().find(|step| step.is_shut());
            explained.rule = match shut {
                Some(step) => step.rule.clone(),
                None => rules.of_reason(*reason).or_else(|| self.stopped(&rules)),
            };
        }
        self.groups(&rules, &gates, explained);
    }

    /// The line by which one refused record stops the others, where that is what happened.
    fn stopped(&self, rules: &Rules<'_>) -> Option<Origin> {
        let mut refused = self.verdicts.iter().map(|told| told.refused.is_some());
        let (some, all) = (refused.clone().any(|is| is), refused.all(|is| is));
        (some && !all).then(|| rules.of_route("on_refused"))
    }

    fn circumstances(&self) -> Circumstances {
        let blocks = [Reason::PartnerBlocked, Reason::PurposeBlocked];
        let reason = self.denied.as_ref().map(|(reason, _)| *reason);
        let blocked = reason.filter(|reason| blocks.contains(reason));
        Circumstances { standings: Vec::new(), blocked, now: self.now }
    }

    fn groups(&self, rules: &Rules<'_>, gates: &Gates<'_>, explained: &mut Explained) {
        let question = question(self.claim, self.now);
        let nothing = Told::default();
        let mut alike: Vec<(Alike, Group)> = Vec::new();
        for (number, seen) in (1_usize..).zip(self.people) {
            let told = self.verdicts.get(seen.verdict).unwrap_or(&nothing);
            let Answers { gates: passed, standing, consents } =
                seen.subject.answers(gates, &question, number);
            let says = |consent: &Consent| consent.obstacles.iter().map(|why| why.reason).collect();
            let of_field = |(id, _): &(FieldId, &Field)| gates.field(*id, standing.as_ref());
            let same = Alike {
                verdict: seen.verdict,
                gates: passed,
                fields: self.fields().iter().map(of_field).collect(),
                says: consents.iter().map(says).collect(),
            };
            if let Some((_, group)) = alike.iter_mut().find(|(other, _)| *other == same) {
                group.take(number, consents);
                continue;
            }
            let mut group = self.group(rules, told, &same);
            group.take(number, consents);
            alike.push((same, group));
        }
        explained.records = alike.into_iter().map(|(_, group)| group).collect();
        let own: Vec<_> = self.fields().into_iter().filter(|(_, f)| !f.in_record).collect();
        if !own.is_empty() || *self.outside != Told::default() {
            let asked = own.iter().map(|(id, _)| gates.field(*id, None)).collect::<Vec<_>>();
            let fields = own
                .iter()
                .zip(&asked)
                .map(|((_, field), asked)| self.field(rules, self.outside, field, asked));
            let fields = fields.collect();
            explained.records.push(self.outcome(rules, self.outside, Vec::new(), fields));
        }
    }

    fn fields(&self) -> Vec<(FieldId, &Field)> {
        (0..=FieldId::MAX).zip(&self.claim.route().fields).collect()
    }

    fn group(&self, rules: &Rules<'_>, told: &Told, alike: &Alike) -> Group {
        let gates = alike.gates.iter().map(|asked| rules.step(*asked, None)).collect();
        let fields = self.fields().into_iter().zip(&alike.fields).filter(|((_, f), _)| f.in_record);
        let fields = fields.map(|((_, field), asked)| self.field(rules, told, field, asked));
        let fields = fields.collect();
        self.outcome(rules, told, gates, fields)
    }

    fn outcome(
        &self,
        rules: &Rules<'_>,
        told: &Told,
        gates: Vec<Step>,
        fields: Vec<FieldExplained>,
    ) -> Group {
        let mut group = Group::of(told, self.denied.is_none());
        if let Some((reason, _)) = &told.refused {
            let shut = gates.iter().find(|step| step.is_shut());
            group.rule = shut.map_or_else(|| rules.of_reason(*reason), |step| step.rule.clone());
        }
        group.unmapped_rule = (told.unmapped > 0).then(|| rules.of_route("unmapped"));
        group.gates = gates;
        group.fields = fields;
        group
    }

    fn field(
        &self,
        rules: &Rules<'_>,
        told: &Told,
        field: &Field,
        asked: &[Asked],
    ) -> FieldExplained {
        let policy = self.claim.policy();
        let mut explained = FieldExplained::of(&field.text, told, self.denied.is_none());
        if explained.treatment.is_some() {
            // The entry has the word of it, the rules say all of it.
            explained.treatment = Some(field.treatment.to_string());
        }
        explained.category = field.category.map(|id| id.to_string());
        let entry = field.category.and_then(|id| policy.register.categories.get(&id));
        explained.category_title = entry.map(|entry| entry.title.clone());
        explained.line = Some(rules.of_field(field));
        explained.rule = None;
        explained.gates = asked.iter().map(|asked| rules.step(*asked, Some(field))).collect();
        let shut = explained.gates.iter().find(|step| step.is_shut());
        let rule = shut.and_then(|step| step.rule.clone());
        let is_shape = told.removed.get(&field.text) == Some(&Reason::FieldShape);
        explained.rule = rule.or_else(|| explained.line.clone().filter(|_| is_shape));
        explained
    }
}

/// What a record's subject answers.
struct Answers {
    gates: Vec<Asked>,
    /// The standing, where there is a subject that somebody looked at.
    standing: Option<Standing>,
    consents: Vec<Consent>,
}

impl Subject {
    fn answers(&self, gates: &Gates<'_>, question: &Question<'_>, number: usize) -> Answers {
        let mut consents = Vec::new();
        let standing = match self {
            Self::Consents(all) => {
                let consent = |terms: &Terms| Consent {
                    of: number,
                    record: terms.record,
                    categories: terms.categories.iter().collect(),
                    given: terms.given,
                    valid_until: terms.valid_until,
                    obstacles: terms.obstacles(question).map(Why::of).collect(),
                };
                consents.extend(all.iter().map(consent));
                // The store's order is that of their last events, which may be of later.
                consents.sort_by_key(|consent: &Consent| consent.record);
                Standing::of(all, question)
            }
            Self::Said(Reason::SubjectBlocked) => Standing::Refused(Reason::SubjectBlocked),
            Self::Said(reason) => Standing::no(*reason),
            Self::Unidentified => {
                return Answers { gates: gates.record(None), standing: None, consents };
            }
            Self::Unknown => return Answers { gates: Vec::new(), standing: None, consents },
        };
        Answers { gates: gates.record(Some(&standing)), standing: Some(standing), consents }
    }
}

impl Rules<'_> {
    fn step(&self, (gate, reason): Asked, field: Option<&Field>) -> Step {
        Step {
            gate: gate::name(gate),
            what: gate::words(gate),
            shut: reason.map(Why::of),
            rule: self.of_gate(gate, field),
        }
    }
}

impl Group {
    fn take(&mut self, number: usize, consents: Vec<Consent>) {
        self.subjects.push(number);
        self.records = self.records.saturating_add(1);
        self.consents.extend(consents);
    }
}
