//! A partner's key list, read again: from where the partner publishes it, or from its file.
//!
//! That is done when the rules are read again, when no key of the partner is valid any more, and
//! when the partner does not know the key that was used; for one partner at most once a minute,
//! unless somebody asks for it. Whatever is wrong with it, the list that was taken last stays.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::header::{ACCEPT, HeaderMap, HeaderValue};
use hyper::{Method, StatusCode};
use tokio::task::JoinSet;

use super::lists::{NoList, Offer};
use super::{Activation, Inner};
use crate::envelope::list::SignedKeys;
use crate::proxy::rules::{ListSource, Rules};
use crate::proxy::upstream::{Failure, Load, Outbound};
use crate::signing::jws;
use crate::store::disclosure::GATEWAY;
use crate::store::{ListOwner, Unrecorded};
use crate::time::Timestamp;
use crate::tls::{self, FileFault};
use crate::vocabulary::Name;

/// When each partner's list was last read again. Who reads one holds its lock.
#[derive(Default)]
pub(super) struct Renewals(Mutex<BTreeMap<Name, Arc<tokio::sync::Mutex<Option<Timestamp>>>>>);

impl Renewals {
    fn of(&self, partner: &Name) -> Arc<tokio::sync::Mutex<Option<Timestamp>>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(partner.clone()).or_default())
    }
}

impl Activation {
    /// Reads a partner's key list again, unless that was done within the last minute, and puts it
    /// into force; the rules in force then.
    pub async fn renew(&self, partner: &Name) -> Arc<Rules> {
        self.0.renew(partner, false).await;
        self.0.in_force.now().await
    }
}

impl Inner {
    /// Reads the lists of all partners that publish theirs.
    pub(super) async fn renew_all(self: &Arc<Self>) {
        let rules = self.in_force.now().await;
        let published = rules.lists.iter().filter(|(_, source)| source.keys_at.is_some());
        let mut renewing = JoinSet::new();
        for (partner, _) in published {
            let (inner, partner) = (Arc::clone(self), partner.clone());
            renewing.spawn(async move { inner.renew(&partner, true).await });
        }
        renewing.join_all().await;
    }

    async fn renew(&self, partner: &Name, is_asked: bool) {
        let renewal = self.renewals.of(partner);
        let mut last = renewal.lock().await;
        let now = self.clock.now();
        let is_early = |last: Timestamp| last <= now && now < last.plus_millis(PAUSE_MILLIS);
        if !is_asked && last.is_some_and(is_early) {
            return;
        }
        *last = Some(now);
        match self.read_again(partner).await {
            Ok(()) => tracing::info!(%partner, "the partner's key list was read again"),
            Err(why) => tracing::error!(%partner, %why, "the key list that was taken last stays"),
        }
    }

    async fn read_again(&self, partner: &Name) -> Result<(), NotRenewed> {
        let rules = self.in_force.now().await;
        let (Some(source), Some(identity)) =
            (rules.lists.get(partner), rules.identities.get(partner))
        else {
            return Err(NotRenewed::NoSource);
        };
        let bytes = source.read(partner, &rules).await?;
        let owner = ListOwner::new(partner, None, identity);
        let list = SignedKeys::read(&bytes, partner.as_str(), identity).map_err(NoList::Bad)?;
        let (identity, file) = (identity.clone(), source.file.clone());
        let offer = Offer { owner, identity: identity.clone(), list, file, may_be_old: false };
        // From here on no other rules come into force.
        let _turn = self.turn.lock().await;
        let choice = offer.choose(&self.reader)?;
        let rules = self.in_force.now().await;
        if rules.identities.get(partner) != Some(&identity) {
            return Err(NotRenewed::NoSource);
        }
        let mut rules = (*rules).clone();
        let taken = choice.give(&mut rules);
        self.recorder.take_lists(taken, GATEWAY).await?;
        self.in_force.refresh(rules).await;
        Ok(())
    }
}

impl ListSource {
    async fn read(&self, partner: &Name, rules: &Rules) -> Result<Bytes, NotRenewed> {
        let Some(path) = &self.keys_at else {
            let file = self.file.clone();
            let read = tokio::task::spawn_blocking(move || tls::read(&file)).await;
            return Ok(read.map_err(|_| NotRenewed::NoSource)??.into());
        };
        let fetched = tokio::time::timeout(FETCH, fetch(partner, path, rules)).await;
        fetched.unwrap_or(Err(NotRenewed::Late))
    }
}

/// Fetches what a partner publishes at the first of its endpoints.
async fn fetch(partner: &Name, path: &str, rules: &Rules) -> Result<Bytes, NotRenewed> {
    let mut ways = rules.ways.iter().filter(|((name, _), _)| name == partner);
    let (_, way) = ways.next().ok_or(NotRenewed::NoSource)?;
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/jose"));
    if let Some((name, value)) = rules.credentials.get(partner) {
        headers.insert(name.clone(), value.clone());
    }
    let body = Load::Whole(None);
    let outbound = Outbound { method: Method::GET, path: path.to_owned(), headers, body };
    let answer = way.upstream.forward(outbound).await?;
    if answer.status() != StatusCode::OK {
        return Err(NotRenewed::Status(answer.status()));
    }
    let body = Limited::new(answer.into_body(), jws::LENGTH_MAX).collect().await;
    Ok(body.map_err(|_| NotRenewed::Cut)?.to_bytes())
}

/// Why a list could not be read again.
#[derive(Debug, thiserror::Error)]
enum NotRenewed {
    #[error("nothing says where it is")]
    NoSource,
    #[error(transparent)]
    File(#[from] FileFault),
    #[error(transparent)]
    Failure(#[from] Failure),
    #[error("the partner answered with {0}")]
    Status(StatusCode),
    #[error("it did not come whole, or is too long")]
    Cut,
    #[error("it did not come in time")]
    Late,
    #[error(transparent)]
    List(#[from] NoList),
    #[error("it could not be recorded: {0}")]
    Unrecorded(#[from] Unrecorded),
}

const PAUSE_MILLIS: i64 = 60_000;
const FETCH: Duration = Duration::from_secs(10);
