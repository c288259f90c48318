//! What transfers are decided by: one snapshot, and the one that is in force.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use tokio::sync::{RwLock, RwLockReadGuard};

use super::upstream::Upstream;
use crate::envelope::{Kept, RecipientKeys};
use crate::keys::SigningKeys;
use crate::policy::Policy;
use crate::redaction::treat::pseudonym::PseudonymSecret;
use crate::signing::VerifyKey;
use crate::store::{Append, Position, Recorder, Unrecorded};
use crate::transfer::{Caller, Claim};
use crate::vocabulary::Name;

/// The rules, with the callers and what the gateway keeps of the partners.
#[derive(Clone)]
pub struct Rules {
    /// The rules.
    pub policy: Arc<Policy>,
    /// The callers, by a DNS or URI name of their certificates.
    pub callers: BTreeMap<String, Caller>,
    /// The gateway's own host names, in lower case.
    pub hosts: Vec<String>,
    /// The keys of each partner.
    pub keys: BTreeMap<Name, RecipientKeys>,
    /// The keys of the partners' recipients, by partner and recipient.
    pub recipients: BTreeMap<(Name, Name), RecipientKeys>,
    /// What was agreed on with partners for more than one message, where their rules say so.
    pub kept: BTreeMap<Name, Arc<Kept>>,
    /// The secret that pseudonyms come from; there is one wherever the rules make any.
    pub pseudonyms: Option<PseudonymSecret>,
    /// The keys that sign requests.
    pub signing: SigningKeys,
    /// The key by which each partner signs its key lists and receipts.
    pub identities: BTreeMap<Name, VerifyKey>,
    /// Where each partner's key list comes from.
    pub lists: BTreeMap<Name, ListSource>,
    /// The way to each partner's endpoints, by partner and endpoint.
    pub ways: BTreeMap<(Name, Name), Way>,
    /// The header that each partner expects a credential in.
    pub credentials: BTreeMap<Name, (HeaderName, HeaderValue)>,
}

impl Rules {
    /// Whether the caller of a claim may use its route.
    #[must_use]
    pub fn allow(&self, claim: &Claim) -> bool {
        let (caller, route) = (claim.caller(), &claim.route().name);
        let mut callers = self.callers.values();
        callers.any(|known| known.name == *caller && known.routes.contains(route))
    }
}

/// Where a partner's key list comes from.
#[derive(Clone, Debug)]
pub struct ListSource {
    /// The file.
    pub file: PathBuf,
    /// The path at the first of the partner's endpoints, where it publishes its list.
    pub keys_at: Option<String>,
}

/// The way to an endpoint.
#[derive(Clone)]
pub struct Way {
    /// The connections.
    pub upstream: Arc<Upstream>,
    /// A digest of all that they are made of.
    pub made_of: [u8; 32],
}

/// The rules in force. Clones are the same.
///
/// Invariants:
/// 1. Rules are in force from their activation in the ledger to the next one: whoever records a
///    decision holds the rules that it is made by, and others come into force only when nobody
///    does.
/// 2. Where it is not known whether an activation was written, nothing is decided until one is.
#[derive(Clone)]
pub struct InForce(Arc<Shared>);

struct Shared {
    recorder: Recorder,
    state: RwLock<State>,
}

struct State {
    rules: Arc<Rules>,
    activation: Append,
    in_doubt: bool,
}

/// The rules in force, which stay in force until this is dropped.
pub struct Held<'a>(RwLockReadGuard<'a, State>);

impl Held<'_> {
    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &Arc<Rules> {
        &self.0.rules
    }
}

impl InForce {
    /// Records the first activation, and so puts rules into force.
    ///
    /// # Errors
    /// It was not recorded.
    pub async fn start(
        rules: Rules,
        activation: Append,
        recorder: Recorder,
    ) -> Result<(Self, Position), Unrecorded> {
        let position = recorder.append(activation.clone()).await?;
        let state = State { rules: Arc::new(rules), activation, in_doubt: false };
        Ok((Self(Arc::new(Shared { recorder, state: RwLock::new(state) })), position))
    }

    /// The rules that are in force now; they may be replaced at any time.
    pub async fn now(&self) -> Arc<Rules> {
        Arc::clone(&self.0.state.read().await.rules)
    }

    /// The rules in force, kept so: for deciding and recording, never for waiting on a peer.
    ///
    /// # Errors
    /// The ledger cannot say which rules are in force.
    pub async fn hold(&self) -> Result<Held<'_>, Unrecorded> {
        let state = self.0.state.read().await;
        if !state.in_doubt {
            return Ok(Held(state));
        }
        drop(state);
        let mut state = self.0.state.write().await;
        if state.in_doubt {
            self.0.recorder.append(state.activation.clone()).await?;
            state.in_doubt = false;
        }
        Ok(Held(state.downgrade()))
    }

    /// Records an activation and puts its rules into force, once nobody holds those before.
    ///
    /// Must run to its end.
    ///
    /// # Errors
    /// It was not recorded, and the rules before stay in force.
    pub async fn activate(&self, rules: Rules, activation: Append) -> Result<Position, Unrecorded> {
        let mut state = self.0.state.write().await;
        let recorded = self.0.recorder.append(activation.clone()).await;
        match recorded {
            Ok(_) => *state = State { rules: Arc::new(rules), activation, in_doubt: false },
            // INVARIANT 2: an entry whose commit failed may have been written.
            Err(Unrecorded::Stopped) => state.in_doubt = true,
            Err(_) => {}
        }
        recorded
    }

    /// Puts the same rules into force with fresh facts of callers and partners.
    pub async fn refresh(&self, rules: Rules) {
        self.0.state.write().await.rules = Arc::new(rules);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use super::*;
    use crate::reason::Reason;
    use crate::store::Reader;
    use crate::store::disclosure::activation;
    use crate::store::recorder::tests::Folder;
    use crate::time::Timestamp;
    use crate::transfer::{Known, Refused};
    use uuid::Uuid;

    fn rules() -> Rules {
        Rules {
            policy: crate::transfer::tests::rules(),
            callers: BTreeMap::new(),
            hosts: Vec::new(),
            keys: BTreeMap::new(),
            recipients: BTreeMap::new(),
            kept: BTreeMap::new(),
            pseudonyms: None,
            signing: SigningKeys::default(),
            identities: BTreeMap::new(),
            lists: BTreeMap::new(),
            ways: BTreeMap::new(),
            credentials: BTreeMap::new(),
        }
    }

    fn by(who: &str) -> Append {
        activation(&rules().policy, who, &[])
    }

    /// Who put rules into force, and what else there is, in the order of the ledger.
    fn story(reader: &Reader) -> Vec<String> {
        let entries = reader.entries(0).map(|entry| {
            let entry: serde_json::Value = serde_json::from_slice(&entry.unwrap().bytes).unwrap();
            let word = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
            format!("{}{}", word("by"), word("reason"))
        });
        entries.collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn others_come_into_force_only_when_nobody_holds_these() {
        let folder = Folder::new();
        let recorder = folder.start();
        let (in_force, _) = InForce::start(rules(), by("start"), recorder).await.unwrap();
        let held = in_force.hold().await.unwrap();
        let other = in_force.clone();
        let activating = tokio::spawn(async move { other.activate(rules(), by("officer")).await });
        // It is given every chance to come too early.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!activating.is_finished());
        let before = Arc::clone(held.rules());
        drop(held);
        assert_eq!(activating.await.unwrap().unwrap().seq, 1);
        assert!(!Arc::ptr_eq(&before, &in_force.now().await));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn after_an_activation_in_doubt_the_ledger_says_what_is_in_force_before_all_else() {
        let folder = Folder::new();
        let (recorder, reader, broken) = folder.start_failing();
        let started = InForce::start(rules(), by("start"), recorder.clone()).await;
        let (in_force, _) = started.unwrap();
        let before = in_force.now().await;
        broken.store(1, Ordering::SeqCst);
        let failed = in_force.activate(rules(), by("officer")).await;
        assert_eq!(failed, Err(Unrecorded::Stopped));
        assert!(in_force.hold().await.is_err(), "nobody knows what is in force");
        broken.store(0, Ordering::SeqCst);
        while recorder.is_stopped() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let held = in_force.hold().await.unwrap();
        assert!(Arc::ptr_eq(held.rules(), &before));
        let (reason, known) = (Reason::RouteUnknown, Known::default());
        let refused = Refused { reason, place: None, known };
        let now = Timestamp::EPOCH;
        recorder.refuse(Uuid::nil(), refused, &held.rules().policy, now).await.unwrap();
        drop(held);
        drop(in_force.hold().await.unwrap());
        let written = ["start", "officer", "recorder", "start", "ROUTE_UNKNOWN"];
        assert_eq!(story(&reader), written, "the failed one had reached the disk");
    }
}
