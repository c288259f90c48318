//! A transfer whose partner does not know the key that it was sealed to: it may go once more.
//!
//! A partner that has taken a key out of use answers 422 with `Otkel-Error: unknown-kid`. Its key
//! list is then read again. If there is another key to seal to, the transfer goes through the whole
//! path once more, as a disclosure of its own that names the first. That is all: a second such
//! answer ends it, and so does a list without another key.

use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderName};
use uuid::Uuid;

use super::Proxy;
use super::returned::Returned;
use super::rules::Rules;
use crate::transfer::Claim;

impl Proxy {
    /// The claim under which a transfer goes once more; `None` where it does not.
    pub(super) async fn again(&self, returned: &Returned) -> Option<Claim> {
        let (claim, kid) = returned.unknown_key()?;
        let rules = self.0.activation.renew(&claim.partner().name).await;
        let other = self.current(&rules, claim).filter(|current| current != kid)?;
        tracing::warn!(did = %claim.did(), kid, other, "the partner does not know the key");
        Some(claim.once_more(Uuid::now_v7()))
    }

    /// Reads the key list of a partner again that does not know the key of a record stream. What
    /// was streamed is gone; the next stream is sealed to another key.
    pub(super) async fn renew_unknown(&self, returned: &Returned) {
        if let Some((claim, _)) = returned.unknown_key() {
            self.0.activation.renew(&claim.partner().name).await;
        }
    }

    /// Reads the key list of a claim's partner again where no key of it is valid any more.
    pub(super) async fn renew_ended(&self, claim: &Claim) {
        let rules = self.0.in_force.now().await;
        if self.current(&rules, claim).is_none() {
            self.0.activation.renew(&claim.partner().name).await;
        }
    }

    /// The id of the key that a claim's partner is sealed to now.
    fn current(&self, rules: &Rules, claim: &Claim) -> Option<String> {
        let partner = claim.partner();
        let keys = rules.keys.get(&partner.name)?;
        let current = keys.current(self.0.clock.now(), partner.envelope.kem)?;
        Some(current.kid().to_owned())
    }
}

/// Whether an answer says that the partner does not know the key that was sealed to.
pub(super) fn is_key_unknown(status: StatusCode, headers: &HeaderMap) -> bool {
    let mut errors = headers.get_all(ERROR_HEADER).iter();
    let (one, more) = (errors.next(), errors.next());
    status == StatusCode::UNPROCESSABLE_ENTITY
        && more.is_none()
        && one.is_some_and(|error| error == UNKNOWN_KEY)
}

/// The header in which a partner's receiver says what is wrong with a request.
const ERROR_HEADER: HeaderName = HeaderName::from_static("otkel-error");
const UNKNOWN_KEY: &str = "unknown-kid";
