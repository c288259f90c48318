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
use crate::signing::jws::BadJws;
use crate::signing::receipt::{BadReceipt, Bytes, Expected, Receipt};
use crate::store::Recorded;
use crate::transfer::Claim;

/// What was sent, and so may be acknowledged.
pub(super) struct Sent {
    /// The claim that it was sent for.
    pub(super) claim: Claim,
    /// The key that it was sealed to.
    pub(super) kid: String,
    /// Whether an answer is to be sealed.
    pub(super) reply: Reply,
    body: Body,
    is_asked: bool,
    /// The key that the partner signs with.
    key: Option<VerifyKey>,
}

/// The bodies that a receipt can be of.
enum Body {
    /// One envelope.
    Whole(Bytes),
    /// Envelopes one after the other. The partner may refuse in the midst of them, and then
    /// acknowledges what it took, so here is what ends with each.
    Parts(Vec<Prefix>),
}

/// SHA-256 and length of what was handed over so far of a body.
#[derive(Clone, Copy)]
pub(super) struct Prefix {
    pub(super) sha256: [u8; 32],
    pub(super) length: u64,
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
        let body = Body::Whole(Bytes::new(recorded.sha256(), length));
        let kid = recorded.kid().to_owned();
        let nothing = Self::nothing(recorded.claim().clone());
        Self { kid, body, ..nothing.by(recorded.claim(), rules) }
    }

    /// Nothing, for which no answer is expected.
    pub(super) fn nothing(claim: Claim) -> Self {
        Self {
            claim,
            kid: String::new(),
            reply: Reply::Plain,
            body: Body::Parts(Vec::new()),
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
    pub(super) fn of_parts(self, parts: Vec<Prefix>) -> Self {
        Self { body: Body::Parts(parts), ..self }
    }

    /// The body that a receipt of so many parts must be of. One that comes with success is of all.
    fn body(&self, parts: Option<u64>, is_success: bool) -> Option<Bytes> {
        match (&self.body, parts) {
            (Body::Whole(body), None) => Some(body.clone()),
            (Body::Parts(all), Some(parts)) => {
                let parts = usize::try_from(parts).ok()?;
                let prefix = all.get(parts.checked_sub(1)?)?;
                let is_whole = parts == all.len();
                (is_whole || !is_success).then(|| Bytes::new(&prefix.sha256, prefix.length))
            }
            _ => None,
        }
    }

    fn good(&self, text: &str, (gateway, now): (&str, i64), is_success: bool) -> Read {
        let receipt = Receipt::read(text, self.key.as_ref())?;
        let expected = Expected {
            iss: self.claim.partner().name.as_str(),
            aud: gateway,
            did: outgoing::id(&self.claim),
            env: self.body(receipt.parts, is_success).ok_or(BadReceipt::Parts)?,
            parts: receipt.parts,
            now,
        };
        receipt.check(&expected)?;
        Ok((text.to_owned(), receipt))
    }
}

impl Proxy {
    /// What came as the receipt; `None` where none was asked for, or no answer came.
    pub(super) fn came(&self, sent: &Sent, answer: &Result<Answer, Failure>) -> Option<Came> {
        let answer = answer.as_ref().ok().filter(|_| sent.is_asked)?;
        let ours = (&*self.0.name, self.0.clock.now().seconds());
        let is_success = answer.status().is_success();
        Some(read(answer.headers(), |text| sent.good(text, ours, is_success)))
    }
}

/// A receipt that is good, as it came and as it reads.
type Read = Result<(String, Receipt), BadReceipt>;

fn read(headers: &HeaderMap, good: impl Fn(&str) -> Read) -> Came {
    let mut values = headers.get_all(RECEIPT_HEADER).iter();
    let (one, more) = (values.next(), values.next());
    let Some(one) = one else { return Came { proof: Proof::Missing, receipt: None } };
    let read = match (one.to_str(), more) {
        (_, Some(_)) => Err("several"),
        (Err(_), None) => Err(BadReceipt::Jws(BadJws::Form).word()),
        (Ok(text), None) => good(text).map_err(BadReceipt::word),
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

/// The header in which a partner acknowledges.
const RECEIPT_HEADER: HeaderName = HeaderName::from_static("otkel-receipt");
