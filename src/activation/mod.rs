//! How rules come into force: a whole set or nothing, recorded, and one at a time.
//!
//! | module | what |
//! |---|---|
//! | [`folder`] | the files of a set, and whether they are at rest |
//! | `keys` | the keys that a set needs |
//! | `lists` | the key lists of its partners, held against those that were taken before |
//! | `renew` | a partner's key list, read again |
//! | [`load`] | configuration and files to what transfers are decided by |
//! | [`signature`] | officers' signatures under a set |
//! | [`watch`] | reloads when the files change |
//! | [`wipe`] | wipes kept agreements and keys once their time is over |
//! | [`report`] | what is in force, and what went wrong, as JSON |
//!
//! A set that does not load, is not signed as the configuration asks, or cannot be recorded leaves
//! the one before in force. Who asked for it is told all that is wrong with it, and the ledger gets
//! the entry `rules-refused`.

pub mod folder;
mod keys;
mod lists;
pub mod load;
mod renew;
pub mod report;
pub mod signature;
pub mod watch;
pub mod wipe;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::Config;
use crate::diagnostic::Diagnostics;
use crate::gateway::{OpenStore, StartError};
use crate::ledger::entry::{Admin, Entry};
use crate::policy::Policy;
use crate::proxy::rules::InForce;
use crate::store::disclosure::activation;
use crate::store::{Append, Position, Reader, Recorder, Unrecorded};
use crate::time::{Clock, Timestamp};
use crate::vocabulary::Name;
use folder::Look;
use load::Loaded;
use renew::Renewals;

/// Puts rules into force. Clones are the same.
#[derive(Clone)]
pub struct Activation(Arc<Inner>);

struct Inner {
    config: Config,
    in_force: InForce,
    reader: Reader,
    recorder: Recorder,
    clock: Arc<dyn Clock>,
    turn: tokio::sync::Mutex<()>,
    renewals: Renewals,
    status: Mutex<Status>,
}

/// What is known of the rules in force and of the last attempt to change them.
#[derive(Clone, Debug)]
pub struct Status {
    /// The rules.
    pub policy: Arc<Policy>,
    /// Where the ledger holds their activation.
    pub entry: u64,
    /// When they came into force.
    pub time: Timestamp,
    /// Who put them into force.
    pub by: String,
    /// Who signed them, sorted.
    pub signed_by: Vec<Name>,
    /// What may not be as it was meant.
    pub warnings: Diagnostics,
    /// The newest attempt, where it was refused.
    pub refused: Option<Attempt>,
    looked: Option<Look>,
}

/// An attempt to put rules into force that was refused.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// When.
    pub time: Timestamp,
    /// By whom.
    pub by: String,
    /// Why.
    pub why: Arc<NotActivated>,
}

/// What a reload came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// Other rules are in force now, by the entry at this position.
    Activated(Position),
    /// The rules are those that were in force already; keys and certificates were read again.
    Unchanged,
}

/// Why rules did not come into force.
#[derive(Debug, thiserror::Error)]
pub enum NotActivated {
    /// The set may not come into force, or what it needs is not there.
    #[error(transparent)]
    Refused(#[from] StartError),
    /// It could not be recorded.
    #[error("the activation could not be recorded")]
    Unrecorded(#[from] Unrecorded),
}

impl Activation {
    /// Records the activation of the rules that a gateway starts with.
    ///
    /// # Errors
    /// It was not recorded, or a key list may not be taken.
    pub async fn start(
        config: Config,
        mut loaded: Loaded,
        store: &OpenStore,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, NotActivated> {
        let (reader, recorder) = (store.reader.clone(), store.recorder.clone());
        let time = clock.now();
        let taken = lists::settle(&mut loaded, &reader, time)?;
        let Loaded { rules, signed_by, warnings, look, .. } = loaded;
        let looked = Some(look);
        let append = activation(&rules.policy, BY_START, &signed_by);
        let policy = Arc::clone(&rules.policy);
        let (in_force, position) = InForce::start(rules, append, recorder.clone()).await?;
        // Nobody decides anything before this returns.
        recorder.take_lists(taken, BY_START).await?;
        let (entry, by) = (position.seq, BY_START.to_owned());
        let refused = None;
        let status = Status { policy, entry, time, by, signed_by, warnings, refused, looked };
        tell(&status);
        let (turn, status) = (tokio::sync::Mutex::new(()), Mutex::new(status));
        let renewals = Renewals::default();
        let inner = Inner { config, in_force, reader, recorder, clock, turn, renewals, status };
        Ok(Self(Arc::new(inner)))
    }

    /// The rules in force, for those who decide by them.
    #[must_use]
    pub fn in_force(&self) -> &InForce {
        &self.0.in_force
    }

    /// What is known of them.
    #[must_use]
    pub fn status(&self) -> Status {
        self.0.status().clone()
    }

    /// Reads the folder of rules again and puts them into force, whole or not at all; then fetches
    /// the key lists that partners publish.
    ///
    /// # Errors
    /// Why the rules before stay in force.
    pub async fn reload(&self, by: &str) -> Result<Reloaded, Arc<NotActivated>> {
        // A task of its own: whoever asked and goes away cannot cancel between record and swap.
        let (inner, by) = (Arc::clone(&self.0), by.to_owned());
        let turned = tokio::spawn(async move {
            let reloaded = Arc::clone(&inner).attempt(by).await?;
            inner.renew_all().await;
            Ok(reloaded)
        });
        turned.await.unwrap_or_else(|_| Err(Arc::new(Unrecorded::Stopped.into())))
    }

    /// How the folder looked when it was last tried to activate it.
    fn looked(&self) -> Option<Look> {
        self.0.status().looked.clone()
    }
}

impl Inner {
    async fn attempt(self: Arc<Self>, by: String) -> Result<Reloaded, Arc<NotActivated>> {
        let _turn = self.turn.lock().await;
        let time = self.clock.now();
        let failed = match self.load().await {
            Ok(loaded) => match self.put(loaded, &by, time).await {
                Ok(reloaded) => {
                    self.status().refused = None;
                    return Ok(reloaded);
                }
                Err(why) => why,
            },
            Err(why) => NotActivated::Refused(why),
        };
        tracing::error!(by, "the rules before stay in force: {failed}");
        let why = Arc::new(failed);
        self.status().refused = Some(Attempt { time, by: by.clone(), why: Arc::clone(&why) });
        let entry = Entry::Admin(Admin::plain("rules-refused", by));
        if let Err(why) = self.recorder.append(Append::plain(entry)).await {
            tracing::error!(%why, "the refusal of the rules could not be recorded");
        }
        Err(why)
    }

    async fn load(self: &Arc<Self>) -> Result<Loaded, StartError> {
        let (inner, before) = (Arc::clone(self), self.in_force.now().await);
        let loading = tokio::task::spawn_blocking(move || {
            inner.status().looked = folder::look(&inner.config.policies).ok();
            let fresh = inner.config.again().map_err(StartError::Unread)?;
            load::load((&inner.config, &fresh), Some(&*before), inner.clock.now())
        });
        loading.await.unwrap_or_else(|_| Err(StartError::Unfit("loading failed".to_owned())))
    }

    async fn put(
        &self,
        mut loaded: Loaded,
        by: &str,
        time: Timestamp,
    ) -> Result<Reloaded, NotActivated> {
        let taken = lists::settle(&mut loaded, &self.reader, time)?;
        self.recorder.take_lists(taken, by).await?;
        let Loaded { rules, signed_by, warnings, look, .. } = loaded;
        let policy = Arc::clone(&rules.policy);
        if Arc::ptr_eq(&policy, &self.in_force.now().await.policy) {
            self.in_force.refresh(rules).await;
            let mut status = self.status();
            (status.warnings, status.looked) = (warnings, Some(look));
            tracing::info!(policy.digest, by, "the rules are those in force; keys were read again");
            return Ok(Reloaded::Unchanged);
        }
        let activation = activation(&policy, by, &signed_by);
        let position = self.in_force.activate(rules, activation).await?;
        let (entry, by, looked, refused) = (position.seq, by.to_owned(), Some(look), None);
        let status = Status { policy, entry, time, by, signed_by, warnings, refused, looked };
        tell(&status);
        *self.status() = status;
        Ok(Reloaded::Activated(position))
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell(status: &Status) {
    let Status { policy, entry, by, .. } = status;
    tracing::info!(policy.digest, entry, by, "rules are in force");
    for warning in status.warnings.iter() {
        tracing::warn!("{}", warning.to_string());
    }
}

/// Who puts the first rules into force.
pub const BY_START: &str = "start";
