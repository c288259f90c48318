//! What came back of a request: the answer for the caller, and what the ledger is told of it.

use hyper::Response;

use super::answer::{self, Back, Withheld};
use super::receipt::Sent;
use super::refusal::Refusal;
use super::upstream::{Failure, Unknown, Unsent};
use super::{Answer, Proxy};
use crate::ledger::entry::Proof;
use crate::reason::Reason;
use crate::server::Body;
use crate::store::{Disclosed, Fate, Settled};
use crate::transfer::{Claim, Known};
use uuid::Uuid;

/// What came back of a request.
pub(super) struct Returned {
    claim: Claim,
    /// The key that it was sealed to.
    kid: String,
    back: Result<Back, Failure>,
    /// What came as the receipt, where one was asked for.
    receipt: Option<Proof>,
}

/// A transfer that was carried.
pub(super) struct Carried {
    /// The id of the disclosure that the answer is to.
    pub(super) did: Uuid,
    pub(super) known: Known,
    pub(super) answer: Response<Body>,
    /// What came as its receipt, in a word.
    pub(super) receipt: Option<&'static str>,
}

impl Proxy {
    /// Holds an answer against what was sent.
    pub(super) async fn returned(&self, sent: Sent, answer: Result<Answer, Failure>) -> Returned {
        let mut came = self.came(&sent, &answer);
        let ours = (&self.0.replies, &*self.0.name);
        let limits = self.0.limits.document();
        let back = answer::back(answer, &sent, came.as_mut(), ours, &limits).await;
        let Sent { claim, kid, .. } = sent;
        let receipt = came.map(|came| came.proof);
        if let Some(proof) = &receipt {
            self.0.metrics.receipt(proof.status());
        }
        if let Some(Proof::Wrong { why, .. }) = &receipt {
            tracing::warn!(did = %claim.did(), why, "what came as a receipt proves nothing");
        }
        Returned { claim, kid, back, receipt }
    }
}

impl Returned {
    /// The claim and the key, where the partner does not know the key.
    pub(super) fn unknown_key(&self) -> Option<(&Claim, &str)> {
        let is_unknown = matches!(self.back, Ok(Back::Withheld(_, Withheld::UnknownKey)));
        is_unknown.then_some((&self.claim, self.kid.as_str()))
    }

    /// What became of the disclosure of a request that had one.
    pub(super) fn settles(&self, of: Disclosed) -> Settled {
        Settled { of, fate: self.fate(), receipt: self.receipt.clone() }
    }

    /// What became of what the connection took.
    pub(super) fn fate(&self) -> Fate {
        match &self.back {
            Ok(Back::Passed(answer)) => Fate::Delivered(answer.status().as_u16()),
            Ok(Back::Withheld(status, why)) => Fate::Withheld(status.as_u16(), why.reason()),
            Err(failed @ Failure::Unsent(_)) => Fate::Failed(reason_of(*failed)),
            Err(failed @ Failure::Unknown(_)) => Fate::Unknown(reason_of(*failed)),
        }
    }

    /// Why nothing came back, if nothing did.
    pub(super) fn failure(&self) -> Option<Reason> {
        self.back.as_ref().err().map(|failed| reason_of(*failed))
    }

    /// What came as the receipt.
    pub(super) const fn receipt(&self) -> Option<&Proof> {
        self.receipt.as_ref()
    }

    /// The answer for the caller, or why it gets none.
    pub(super) fn carried(self) -> Result<Carried, Box<Refusal>> {
        let (did, known) = (self.claim.did(), self.claim.known());
        let receipt = self.receipt.as_ref().map(Proof::status);
        let reason = match self.back {
            Ok(Back::Passed(answer)) => return Ok(Carried { did, known, answer, receipt }),
            Ok(Back::Withheld(_, why)) => {
                tracing::warn!(%did, %why, "an answer was withheld");
                why.reason()
            }
            Err(failed) => {
                tracing::warn!(%did, %failed, "the partner did not answer");
                reason_of(failed)
            }
        };
        Err(Refusal { receipt, ..Refusal::after(did, reason, known) }.into())
    }
}

fn reason_of(failed: Failure) -> Reason {
    match failed {
        Failure::Unsent(Unsent::Busy) => Reason::Overloaded,
        Failure::Unsent(Unsent::Unsigned) => Reason::SigningKeyUnavailable,
        Failure::Unsent(_) => Reason::PartnerUnreachable,
        Failure::Unknown(Unknown::Timeout) => Reason::PartnerTimeout,
        Failure::Unknown(Unknown::AnswerForm | Unknown::Broken) => Reason::PartnerAnswerBad,
    }
}
