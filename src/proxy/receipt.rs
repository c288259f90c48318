//! What comes back with an answer as its receipt, held against what was sent.
//!
//! Only a receipt of this very request, by the partner's own key and of the closed form of
//! [`crate::signing::receipt`], is kept as it came. Of anything else the ledger has the SHA-256
//! and a word for what is wrong, so nothing that a partner writes can hide there.

use data_encoding::HEXLOWER;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest as _, Sha256};

use super::rules::Rules;
use super::upstream::Failure;
use super::{Answer, Proxy, outgoing};
use crate::ledger::entry::Proof;
use crate::policy::Reply;
use crate::signing::VerifyKey;
use crate::signing::receipt::{BadReceipt, Bytes, Expected, Receipt};
use crate::store::Recorded;
use crate::transfer::Claim;

/// What was sent, and so may be acknowledged.
pub(super) struct Sent {
    /// The claim that it was sent for.
    pub(super) claim: Claim,
    /// Whether an answer is to be sealed.
    pub(super) reply: Reply,
    body: Bytes,
    parts: Option<u64>,
    is_asked: bool,
    /// The key that the partner signs with.
    key: Option<VerifyKey>,
}

/// What came as a receipt.
#[derive(Debug)]
pub(super) struct Came {
    /// What the ledger gets to know of it.
    pub(super) proof: Proof,
    /// What it says, where it is a good one.
    pub(super) receipt: Option<Receipt>,
}

impl Came {
    /// Holds the receipt against a sealed answer, or against there being none; whether it binds it.
    pub(super) fn binds(&mut self, answer: Option<&Bytes>) -> bool {
        let Some(receipt) = &self.receipt else { return false };
        if receipt.reply.as_ref() == answer {
            return answer.is_some();
        }
        if receipt.reply.is_some()
            && let Proof::Good { jws, .. } = &self.proof
        {
            let why = BadReceipt::Reply.word();
            *self = Self { proof: wrong(why, [jws.as_bytes()].into_iter()), receipt: None };
        }
        false
    }
}

impl Sent {
    /// One envelope, by the rules that it was recorded under.
    pub(super) fn whole(recorded: &Recorded, rules: &Rules) -> Self {
        let length = recorded.envelope().len() as u64;
        let body = Bytes::new(recorded.sha256(), length);
        let nothing = Self::nothing(recorded.claim().clone());
        Self { body, ..nothing.by(recorded.claim(), rules) }
    }

    /// Nothing, for which no answer is expected.
    pub(super) fn nothing(claim: Claim) -> Self {
        Self {
            claim,
            reply: Reply::Plain,
            body: Bytes { sha256: String::new(), len: 0 },
            parts: None,
            is_asked: false,
            key: None,
        }
    }

    /// The same, with what the rules expect of an answer to what was recorded under them.
    pub(super) fn by(self, claim: &Claim, rules: &Rules) -> Self {
        let partner = claim.partner();
        Self {
            reply: partner.envelope.reply,
            is_asked: partner.envelope.receipts,
            key: rules.identities.get(&partner.name).cloned(),
            ..self
        }
    }

    /// The same, of so many parts in a body.
    pub(super) fn of_parts(self, parts: u64, body: Bytes) -> Self {
        Self { body, parts: Some(parts), ..self }
    }
}

impl Proxy {
    /// What came as the receipt; `None` where none was asked for, or no answer came.
    pub(super) fn came(&self, sent: &Sent, answer: &Result<Answer, Failure>) -> Option<Came> {
        let answer = answer.as_ref().ok().filter(|_| sent.is_asked)?;
        let expected = Expected {
            iss: sent.claim.partner().name.as_str(),
            aud: &self.0.name,
            did: outgoing::id(&sent.claim),
            env: sent.body.clone(),
            parts: sent.parts,
            now: self.0.clock.now().seconds(),
        };
        Some(read(answer.headers(), sent.key.as_ref(), &expected))
    }
}

fn read(headers: &HeaderMap, key: Option<&VerifyKey>, expected: &Expected<'_>) -> Came {
    let mut values = headers.get_all(RECEIPT_HEADER).iter();
    let (one, more) = (values.next(), values.next());
    let Some(one) = one else { return Came { proof: Proof::Missing, receipt: None } };
    let read = match (one.to_str(), more) {
        (_, Some(_)) => Err("several"),
        (Err(_), None) => Err(BadReceipt::Jws(crate::signing::jws::BadJws::Form).word()),
        (Ok(text), None) => good(text, key, expected).map_err(BadReceipt::word),
    };
    match read {
        Ok((jws, receipt)) => {
            let proof = Proof::Good { status: receipt.status.word(), jws };
            Came { proof, receipt: Some(receipt) }
        }
        Err(why) => {
            let values = headers.get_all(RECEIPT_HEADER);
            Came { proof: wrong(why, values.iter().map(HeaderValue::as_bytes)), receipt: None }
        }
    }
}

/// The SHA-256 is over all that came, one after the other.
fn wrong<'a>(why: &'static str, came: impl Iterator<Item = &'a [u8]>) -> Proof {
    let mut sha256 = Sha256::new();
    came.for_each(|bytes| sha256.update(bytes));
    Proof::Wrong { why, sha256: HEXLOWER.encode(&sha256.finalize()) }
}

fn good(
    text: &str,
    key: Option<&VerifyKey>,
    expected: &Expected<'_>,
) -> Result<(String, Receipt), BadReceipt> {
    let receipt = Receipt::read(text, key)?;
    receipt.check(expected)?;
    Ok((text.to_owned(), receipt))
}

/// The header in which a partner acknowledges.
const RECEIPT_HEADER: HeaderName = HeaderName::from_static("otkel-receipt");
