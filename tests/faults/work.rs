//! What callers and an officer do to a gateway, and what they are told.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use otkel::demo::caller::{Caller, Reply};
use serde_json::Value;

use crate::dice::Dice;
use crate::record::Told;
use crate::serve::{Desk, Stage, send};

/// The notes of everybody who asks something of a gateway.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    told: Told,
    people: u64,
}

impl Notes {
    /// What everybody was told so far.
    pub(crate) fn told(&self) -> Told {
        self.inside().told.clone()
    }

    /// The number of people that the officer has asked for their consent.
    pub(crate) fn people(&self) -> u64 {
        self.inside().people
    }

    /// Sends a transfer of numbered people; whether an answer came.
    pub(crate) async fn send(&self, caller: &Caller, people: &[u64]) -> Option<Reply> {
        let reply = send(caller, people).await.ok()?;
        let told = &mut self.inside().told;
        match reply.status {
            200 => {
                // Of several people, those who may not go stay behind.
                let gone = if people.len() == 1 { people.to_vec() } else { Vec::new() };
                told.carried.insert(reply.decision.clone().unwrap(), gone);
            }
            403 => {
                let problem: Value = serde_json::from_slice(&reply.body).unwrap();
                told.refused.insert(problem["decision"].as_str().unwrap().to_owned());
            }
            _ => {}
        }
        Some(reply)
    }

    /// Sends a transfer whose outcome the record need not hold; the status of the answer.
    pub(crate) async fn try_send(&self, caller: &Caller, people: &[u64]) -> Option<u16> {
        send(caller, people).await.ok().map(|reply| reply.status)
    }

    /// Asks the next person for a consent, and records it; whether an answer came.
    pub(crate) async fn grant(&self, stage: &Stage, desk: &Desk) -> Option<u16> {
        let person = {
            let mut inside = self.inside();
            inside.people += 1;
            inside.people - 1
        };
        let (_, consent) = stage.consent(person);
        let answer = desk.grant(&consent).await.ok()?;
        Some(self.event(person, &answer, (201, "ConsentGiven")))
    }

    /// Withdraws a person's consent; whether an answer came.
    pub(crate) async fn withdraw(&self, desk: &Desk, person: u64) -> Option<u16> {
        let answer = desk.withdraw(Stage::record(person)).await.ok()?;
        Some(self.event(person, &answer, (200, "ConsentWithdrawn")))
    }

    /// Blocks transfers of a person's data; whether an answer came.
    pub(crate) async fn block(&self, desk: &Desk, person: u64) -> Option<u16> {
        let (status, body) = desk.block(person).await.ok()?;
        if status == 201 {
            let block = body["block"].as_str().unwrap().parse().unwrap();
            let event = (body["entry"].as_u64().unwrap(), "blocked");
            self.inside().told.records.insert(block, event);
        }
        Some(status)
    }

    /// Notes an event if it was acknowledged; the status of the answer.
    fn event(&self, person: u64, answer: &(u16, Value), good: (u16, &'static str)) -> u16 {
        let (status, body) = answer;
        if *status == good.0 {
            let event = (body["entry"].as_u64().unwrap(), good.1);
            self.inside().told.records.insert(Stage::record(person), event);
        }
        *status
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A store with two people's consents, and a gateway that was stopped.
pub(crate) async fn prepared(stage: &Stage) -> Notes {
    let notes = Notes::default();
    let server = stage.serve().await;
    for _ in 0..2 {
        assert_eq!(notes.grant(stage, &server.desk()).await, Some(201));
    }
    assert!(server.stop().success());
    notes
}

/// Sends transfers one after the other until one is not answered.
pub(crate) async fn keep_sending(notes: Notes, caller: Caller, mut dice: Dice) {
    loop {
        let end = notes.people() + 2;
        let people: Vec<u64> = (0..=dice.below(3)).map(|_| dice.below(end)).collect();
        if notes.send(&caller, &people).await.is_none() {
            return;
        }
    }
}

/// Records consents and withdrawals until one is not answered.
pub(crate) async fn keep_recording(notes: Notes, stage: Arc<Stage>, desk: Desk, mut dice: Dice) {
    loop {
        let people = notes.people();
        let answered = if people < 5 || dice.one_in(2) {
            notes.grant(&stage, &desk).await
        } else {
            notes.withdraw(&desk, dice.below(people)).await
        };
        if answered.is_none() {
            return;
        }
    }
}
