//! Writing decisions into the ledger: the only place that makes a [`Recorded`].
//!
//! Nothing is sent without a `Recorded`, and a `Recorded` exists only after the commit that holds
//! its entry.

use std::collections::BTreeMap;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use uuid::Uuid;

use super::roll::Roll;
use super::{Append, Position, QuotaUse, Recorder, RuleFile, Unrecorded};
use crate::decision::{Decision, Denial, Trial, Verdict};
use crate::document::{FieldId, FieldSet};
use crate::envelope::{Kem, Mode, Sealed};
use crate::ledger::entry::{
    self, Asked, Basis, Disclosure, Entry, Notify, Payload, Proof, Recipient, Refusal, Request,
    Subjects,
};
use crate::ledger::line::Lines;
use crate::policy::legal::Number;
use crate::policy::{Partner, Policy, Quota, Route, Treaty};
use crate::reason::Reason;
use crate::redaction::{Manifest, Tally};
use crate::time::Timestamp;
use crate::transfer::{Claim, Known, Refused, StreamPart};
use crate::vocabulary::{Country, Kind, Name};

/// A disclosure that is on disk: what may be sent.
#[derive(Debug)]
pub struct Recorded {
    claim: Claim,
    envelope: Bytes,
    sha256: [u8; 32],
    kid: String,
    disclosed: Disclosed,
}

/// Where a disclosure stands in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disclosed {
    /// The disclosure's id.
    pub did: Uuid,
    /// Its position.
    pub seq: u64,
}

impl Recorded {
    /// What the caller claimed.
    #[must_use]
    pub const fn claim(&self) -> &Claim {
        &self.claim
    }

    /// The envelope to send.
    #[must_use]
    pub const fn envelope(&self) -> &Bytes {
        &self.envelope
    }

    /// SHA-256 of the envelope.
    #[must_use]
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// The id of the partner's key that it is sealed to.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Where it stands in the ledger.
    #[must_use]
    pub const fn disclosed(&self) -> Disclosed {
        self.disclosed
    }
}

/// What became of a disclosure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The partner answered, with this HTTP status.
    Delivered(u16),
    /// The partner answered so, and the caller did not get the answer for this reason.
    Withheld(u16, Reason),
    /// Surely nothing arrived.
    Failed(Reason),
    /// Something may have arrived.
    Unknown(Reason),
}

/// How a disclosure ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The disclosure.
    pub of: Disclosed,
    /// What became of it.
    pub fate: Fate,
    /// What came as its receipt, where one was asked for and the partner answered.
    pub receipt: Option<Proof>,
}

impl Settled {
    fn append(self) -> Append {
        let Self { of: Disclosed { did, seq: of }, fate, receipt } = self;
        let receipt = receipt.map(|proof| entry::Receipt { did, of, proof });
        Append { receipt, ..Append::plain(Entry::Outcome(outcome(self.of, fate))) }
    }
}

impl Recorder {
    /// Records a disclosure, and returns once it is on disk.
    ///
    /// # Errors
    /// [`Unrecorded::Stale`] when a consent or block of one of its subjects changed after the roll
    /// was read; [`Unrecorded::Quota`] when the partner would get more than it may on the day;
    /// anything else means that it cannot be recorded now. The transfer is handed back.
    pub async fn record(
        &self,
        sealed: Sealed,
        roll: &Roll,
    ) -> Result<Recorded, Box<(Sealed, Unrecorded)>> {
        let claim = sealed.claim().clone();
        let (subjects, lines) = lines(sealed.decision(), roll, &claim.did());
        let append = Append {
            lines: Some(lines),
            new_subjects: roll.new_subjects(),
            guard: Some(roll.guard()),
            quota: quota_use(&sealed, roll),
            ..Append::plain(Entry::from(disclosure(&sealed, roll.snapshot(), subjects)))
        };
        match self.append(append).await {
            Ok(Position { seq, .. }) => {
                let disclosed = Disclosed { did: claim.did(), seq };
                let (envelope, sha256) = (sealed.envelope().clone(), *sealed.sha256());
                let kid = sealed.kid().to_owned();
                Ok(Recorded { claim, envelope, sha256, kid, disclosed })
            }
            Err(why) => Err(Box::new((sealed, why))),
        }
    }

    /// Records that a transfer was denied, with one line a subject.
    ///
    /// # Errors
    /// As [`Self::record`].
    pub async fn deny(
        &self,
        denial: &Denial,
        roll: &Roll,
        now: Timestamp,
    ) -> Result<Position, Unrecorded> {
        let claim = denial.transfer.claim();
        let alike;
        let decision = if denial.decision.of.is_empty() {
            alike = Decision::alike(denial.transfer.document(), denial.reason);
            &alike
        } else {
            &denial.decision
        };
        let (subjects, lines) = lines(decision, roll, &claim.did());
        let entry = Refusal {
            did: claim.did(),
            time: now,
            asked: asked(claim.known(), Some(claim.policy())),
            basis: Some(basis(claim)),
            candidate: denial.trial.as_ref().map(candidate).map(Box::new),
            reason: denial.reason,
            place: denial.field.map(|field| text(claim.route(), field)),
            stream: stream(claim.part()),
            subjects: Some(subjects),
            verdicts: verdicts(decision, claim.route(), None),
        };
        let append = Append {
            lines: Some(lines),
            new_subjects: roll.new_subjects(),
            guard: Some(roll.guard()),
            ..Append::plain(Entry::Refusal(entry))
        };
        self.append(append).await
    }

    /// Records that a request was refused before its subjects were known.
    ///
    /// # Errors
    /// It cannot be recorded now.
    pub async fn refuse(
        &self,
        did: Uuid,
        refused: Refused,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Position, Unrecorded> {
        let Refused { reason, place, known } = refused;
        let stream = stream(known.part);
        let asked = asked(known, Some(policy));
        let entry = Refusal {
            did,
            time: now,
            asked,
            basis: None,
            candidate: None,
            reason,
            place,
            stream,
            subjects: None,
            verdicts: Vec::new(),
        };
        self.append(Append::plain(Entry::Refusal(entry))).await
    }

    /// Records what became of a disclosure. If even that fails, it stays open: `verify` lists it
    /// as "outcome unknown", which is what is then true.
    pub async fn settle(&self, settled: Settled) {
        self.settle_all(vec![settled]).await;
    }

    /// As [`Self::settle`], for many at once.
    pub async fn settle_all(&self, settled: Vec<Settled>) {
        let mut settled = settled.into_iter().peekable();
        while settled.peek().is_some() {
            let batch = settled.by_ref().take(self.batch_max());
            let begun = batch.map(|settled| (settled.of.did, self.begin(settled.append())));
            // All of a batch wait for the same commit.
            for (did, answer) in begun.collect::<Vec<_>>() {
                if let Err(why) = answer.await.unwrap_or(Err(Unrecorded::Stopped)) {
                    tracing::error!(%did, %why, "an outcome could not be recorded");
                }
            }
        }
    }
}

fn outcome(of: Disclosed, fate: Fate) -> entry::Outcome {
    let (result, reason, status) = match fate {
        Fate::Delivered(status) => ("delivered", None, Some(status)),
        Fate::Withheld(status, reason) => ("delivered", Some(reason), Some(status)),
        Fate::Failed(reason) => ("failed", Some(reason), None),
        Fate::Unknown(reason) => ("unknown", Some(reason), None),
    };
    entry::Outcome { did: of.did, of: of.seq, result, reason, status }
}

fn disclosure(sealed: &Sealed, snapshot: u64, subjects: Subjects) -> Disclosure {
    let claim = sealed.claim();
    Disclosure {
        did: claim.did(),
        time: sealed.time(),
        again: claim.first(),
        asked: asked(claim.known(), Some(claim.policy())),
        basis: basis(claim),
        border: border(claim, sealed.time()),
        candidate: sealed.trial().map(candidate).map(Box::new),
        cross_border: claim.route().is_cross_border(),
        exporter: claim.policy().register.controller.party_id.clone(),
        notify: notify(claim.policy(), sealed.decision().told, sealed.time()),
        payload: payload(sealed),
        recipient: recipient(claim.partner(), claim.route()),
        snapshot,
        stream: stream(claim.part()),
        subjects,
        verdicts: verdicts(sealed.decision(), claim.route(), Some(sealed.manifest())),
    }
}

/// What is not as it is by default is named.
fn payload(sealed: &Sealed) -> Payload {
    let kids: Vec<String> = sealed.kids().map(str::to_owned).collect();
    Payload {
        bytes: sealed.envelope().len() as u64,
        kem: (sealed.kem() != Kem::X25519).then(|| sealed.kem().word()),
        kid: sealed.kid().to_owned(),
        kids: if kids.len() > 1 { kids } else { Vec::new() },
        media: sealed.media().to_owned(),
        mode: (sealed.mode() != Mode::Direct).then(|| sealed.mode().word()),
        sha256: HEXLOWER.encode(sealed.sha256()),
    }
}

/// What a disclosure takes of its partner's quota, where there is one.
fn quota_use(sealed: &Sealed, roll: &Roll) -> Option<QuotaUse> {
    let (partner, decision) = (sealed.claim().partner(), sealed.decision());
    if partner.quota == Quota::default() {
        return None;
    }
    let goes = |verdict: &usize| {
        decision.verdicts.get(*verdict).is_some_and(|verdict| verdict.refused.is_none())
    };
    let going = decision.of.iter().zip(roll.references()).filter(|(verdict, _)| goes(verdict));
    Some(QuotaUse {
        partner: partner.name.clone(),
        day: sealed.time().day(),
        quota: partner.quota,
        subjects: going.filter_map(|(_, subject)| subject).collect(),
    })
}

fn recipient(partner: &Partner, route: &Route) -> Recipient {
    Recipient {
        address: partner.party.address.clone(),
        countries: route.countries.clone(),
        name: partner.party.name.clone(),
        party: partner.party.party_id.clone(),
    }
}

fn basis(claim: &Claim) -> Basis {
    let Some((name, request)) = claim.legal_request() else { return Basis::Consent };
    Basis::Request(Box::new(Request {
        article: request.article.clone(),
        date: request.date.day(),
        document: request.document.clone(),
        officer: request.officer.clone(),
        request: name.clone(),
    }))
}

/// Under which item of 94-V Art. 16 data may go to each country abroad. The subject's consent is
/// asked for in any case; where no act and no treaty speaks of the country, it is all there is.
fn border(claim: &Claim, now: Timestamp) -> BTreeMap<String, &'static str> {
    let register = &claim.policy().register;
    let ground = |country: &Country| {
        let adequate = register.adequate.get(country).is_some_and(|entry| entry.since <= now);
        let in_force =
            |treaty: &Treaty| treaty.since <= now && treaty.until.is_none_or(|until| now < until);
        if adequate {
            "16(2)"
        } else if register.treaties.get(country).is_some_and(in_force) {
            "16(3)(2)"
        } else {
            "16(3)(1)"
        }
    };
    let abroad = claim.route().countries.iter().filter(|country| **country != Country::KZ);
    abroad.map(|country| (country.to_string(), ground(country))).collect()
}

fn notify(policy: &Policy, told: u64, now: Timestamp) -> Option<Notify> {
    if told == 0 {
        return None;
    }
    let term = policy.register.legal.get(&Number::TransferNotice)?;
    Some(Notify { due: policy.register.calendar.due(now, term.value), n: told })
}

fn candidate(trial: &Trial) -> entry::Candidate {
    // Nothing is written of what is only tried, so no value of it is looked at.
    let manifest = Manifest::default();
    let passed = trial.reason.is_none().then_some(&manifest);
    entry::Candidate {
        decision: if trial.reason.is_none() { "permitted" } else { "refused" },
        place: trial.field.map(|field| text(&trial.route, field)),
        reason: trial.reason,
        verdicts: verdicts(&trial.decision, &trial.route, passed),
    }
}

fn stream(part: Option<StreamPart>) -> Option<entry::StreamPart> {
    part.map(|part| entry::StreamPart { id: part.stream, n: part.n })
}

fn asked(known: Known, policy: Option<&Policy>) -> Asked {
    Asked {
        caller: known.caller,
        partner: known.partner,
        policy: policy.map(|policy| policy.digest.clone()),
        purpose: known.purpose,
        route: known.route,
    }
}

fn lines(decision: &Decision, roll: &Roll, did: &Uuid) -> (Subjects, Vec<u8>) {
    let mut lines = Lines::with_capacity(decision.of.len());
    let decided = decision.of.iter().zip(decision.consents.iter());
    for (tag, (verdict, consents)) in roll.tags(did).zip(decided) {
        lines.push(consents, tag, *verdict);
    }
    lines.finish()
}

/// The verdicts as the ledger writes them; members outside of all records come last, with `n` 0.
/// Where the transfer leaves, the manifest says what became of its values.
fn verdicts(decision: &Decision, route: &Route, passed: Option<&Manifest>) -> Vec<entry::Verdict> {
    let none = Tally::default();
    let tally = |n: usize| passed.map(|manifest| manifest.verdicts.get(n).unwrap_or(&none));
    let verdicts = decision.verdicts.iter().enumerate();
    let mut written: Vec<entry::Verdict> =
        verdicts.map(|(n, verdict)| written(verdict, route, tally(n))).collect();
    if decision.outside != Verdict::default() {
        let outside = self::written(&decision.outside, route, passed.map(|m| &m.outside));
        written.push(entry::Verdict { n: 0, ..outside });
    }
    written
}

fn written(verdict: &Verdict, route: &Route, passed: Option<&Tally>) -> entry::Verdict {
    let leaving = passed.filter(|_| verdict.refused.is_none());
    let mut written = entry::Verdict {
        decision: "permitted",
        found: BTreeMap::new(),
        lost: BTreeMap::new(),
        n: verdict.records,
        present: Vec::new(),
        reason: verdict.refused.map(|(reason, _)| reason),
        reason_field: verdict.refused.and_then(|(_, field)| field).map(|f| text(route, f)),
        removed: verdict.removed.iter().map(|(f, reason)| (text(route, *f), *reason)).collect(),
        sent: BTreeMap::new(),
        treated: BTreeMap::new(),
        unmapped: verdict.unmapped,
    };
    if let Some(tally) = leaving {
        written.sent = sent(verdict, route);
        written.treated = treatments(verdict, route);
        written.lost = counts(&tally.lost, route, Reason::code);
        written.found = counts(&tally.found, route, Kind::word);
    } else {
        written.present = texts(verdict.present, route);
    }
    let is_as_it_was = written.removed.is_empty()
        && written.unmapped == 0
        && written.treated.is_empty()
        && written.lost.is_empty()
        && written.found.is_empty();
    written.decision = match (verdict.refused, passed) {
        (Some(_), _) => "refused",
        (None, None) => "withheld",
        (None, Some(_)) if is_as_it_was => "permitted",
        (None, Some(_)) => "redacted",
    };
    written
}

/// The fields that leave, but not as they were, with what was done to them.
fn treatments(verdict: &Verdict, route: &Route) -> BTreeMap<String, String> {
    let fields = verdict.keep.iter().filter_map(|field| route.fields.get(usize::from(field)));
    let treated = fields.filter(|field| !field.treatment.is_keep());
    treated.map(|field| (field.text.clone(), field.treatment.word().to_owned())).collect()
}

fn counts<K: Copy>(
    counted: &BTreeMap<FieldId, BTreeMap<K, u64>>,
    route: &Route,
    word: impl Fn(K) -> &'static str,
) -> BTreeMap<String, BTreeMap<&'static str, u64>> {
    let words = |counts: &BTreeMap<K, u64>| counts.iter().map(|(k, n)| (word(*k), *n)).collect();
    counted.iter().map(|(field, counts)| (text(route, *field), words(counts))).collect()
}

fn sent(verdict: &Verdict, route: &Route) -> BTreeMap<String, Vec<String>> {
    let mut sent: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for field in verdict.keep.iter().filter_map(|n| route.fields.get(usize::from(n))) {
        let category = field.category.map_or_else(|| "-".to_owned(), |c| c.to_string());
        sent.entry(category).or_default().push(field.text.clone());
    }
    sent
}

fn texts(fields: FieldSet, route: &Route) -> Vec<String> {
    fields.iter().map(|field| text(route, field)).collect()
}

fn text(route: &Route, field: FieldId) -> String {
    route.fields.get(usize::from(field)).map_or_else(String::new, |field| field.text.clone())
}

/// The name under which the gateway itself acts.
pub const GATEWAY: &str = "gateway";

/// The entry that says which rules came into force, by whom, and who signed them, with their files.
#[must_use]
pub fn activation(policy: &Policy, by: &str, signed_by: &[Name]) -> Append {
    let entry = Entry::Activation(entry::Activation {
        by: by.to_owned(),
        files: policy.files.clone(),
        policy: policy.digest.clone(),
        signed_by: signed_by.to_vec(),
    });
    Append { rule_files: RuleFile::all(policy), ..Append::plain(entry) }
}
