//! The proxy: carries transfers from callers to partners, or refuses them.
//!
//! `Proxy::transfer` is the path. Everything before the record can be refused without a trace at
//! the partner; everything after it is settled, whatever the caller does.

mod again;
mod answer;
pub mod body;
pub mod front;
pub mod head;
pub mod manifest;
mod outgoing;
pub mod rate;
mod receipt;
pub mod refusal;
mod reply;
mod returned;
pub mod rules;
mod sealing;
mod stream;
pub mod upstream;

use bytes::Bytes;
use hpke::rand_core::UnwrapErr;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::activation::Activation;
use crate::config::Limits;
use crate::decision::{Denial, Permitted, decide, question};
use crate::document::Content;
use crate::envelope::field::ValueSeals;
use crate::reason::{Language, Reason};
use crate::redaction::treat::Treating;
use crate::redaction::{Redacted, redact};
use crate::server::{Body, Lease, Service};
use crate::store::{Position, Reader, Recorded, Recorder, Roll, Unrecorded};
use crate::telemetry::{self, Metrics};
use crate::time::{Clock, Timestamp};
use crate::tls::Peer;
use crate::transfer::{Claim, Known, Refused, Transfer};
use body::Bounds;
use front::HeadFault;
use head::Head;
use outgoing::Outgoing;
use rate::Rates;
use receipt::Sent;
use refusal::Refusal;
pub use reply::ReplyKeys;
use returned::{Carried, Returned};
use rules::{Held, InForce, Rules};
use upstream::{AnswerBody, Failure};

/// Carries transfers. Clones are the same proxy.
#[derive(Clone)]
pub struct Proxy(Arc<Parts>);

/// What a proxy is made of.
pub struct Parts {
    /// The gateway's name: the issuer of envelopes.
    pub name: String,
    /// What transfers are decided by.
    pub in_force: InForce,
    /// What reads partners' key lists again.
    pub activation: Activation,
    /// How much and how long.
    pub limits: Limits,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who the subjects are and what they allowed.
    pub reader: Reader,
    /// The way into the ledger.
    pub recorder: Recorder,
    /// What is counted.
    pub metrics: Metrics,
    /// The transfers under way, which outlive their callers' connections.
    pub underway: TaskTracker,
    /// The places for transfers.
    pub places: Arc<Semaphore>,
    /// The requests of each caller in the minute that runs.
    pub rates: Rates,
    /// The keys that partners may seal their answers to.
    pub replies: ReplyKeys,
}

type Answer = Response<AnswerBody>;

impl Proxy {
    /// Puts a proxy together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Carries one transfer from request to answer, or refuses it.
    ///
    /// Nothing is sent before its disclosure is on disk: `forward` takes a [`Recorded`],
    /// and only the recorder makes one. A refusal before that leaves no byte beyond this process.
    async fn transfer(&self, did: Uuid, asked: Asked) -> Result<Carried, Box<Refusal>> {
        let (head, body) = self.read_head(did, asked).await?;
        if head.claim.route().stream.is_some() {
            return self.stream(head, body).await;
        }
        let content = self.read_content(&head, body).await?;
        let returned = self.send(&head.headers, head.claim, content.clone()).await?;
        match self.again(&returned).await {
            None => returned.carried(),
            Some(claim) => self.send(&head.headers, claim, content).await?.carried(),
        }
    }

    /// Carries what was read to its partner, and settles what came of it.
    async fn send(
        &self,
        asked: &HeaderMap,
        claim: Claim,
        content: Content,
    ) -> Result<Returned, Box<Refusal>> {
        let transfer = self.parse(claim, content)?;
        let (recorded, rules) = self.record(transfer).await?;

        let (of, sent) = (recorded.disclosed(), Sent::whole(&recorded, &rules));
        let answer = self.forward(recorded, asked, &rules).await;
        let returned = self.returned(sent, answer).await;
        self.0.recorder.settle(returned.settles(of)).await;
        Ok(returned)
    }

    /// Sends what was recorded, by the rules that it was recorded under.
    async fn forward(
        &self,
        recorded: Recorded,
        asked: &HeaderMap,
        rules: &Rules,
    ) -> Result<Answer, Failure> {
        let outgoing = Outgoing::whole(&recorded, asked, rules, self.0.clock.now());
        let Outgoing { upstream, outbound, .. } = outgoing.map_err(Failure::Unsent)?;
        upstream.forward(outbound).await
    }

    async fn read_head(&self, did: Uuid, asked: Asked) -> Result<(Head, Incoming), Box<Refusal>> {
        let rules = self.0.in_force.now().await;
        self.count(&rules, did, &asked.peer)?;
        let head = head::read(&rules, &asked.request, &asked.peer, asked.fault, did)
            .map_err(|refused| Refusal::of(did, refused))?;
        if let Some(lease) = asked.request.extensions().get::<Lease>()
            && head.claim.route().stream.is_some()
        {
            lease.extend(self.0.limits.stream());
        }
        Ok((head, asked.request.into_body()))
    }

    /// Counts a request as one of its caller's in this minute.
    fn count(&self, rules: &Rules, did: Uuid, peer: &Peer) -> Result<(), Box<Refusal>> {
        let caller = head::caller(rules, peer).map_err(|refused| Refusal::of(did, refused))?;
        let now = self.0.clock.now();
        if self.0.rates.take(caller, now) {
            return Ok(());
        }
        let known = Known { caller: Some(caller.name.clone()), ..Known::default() };
        Err(Refusal::new(did, Reason::RequestsExceeded, known).resetting(now).into())
    }

    /// Reads the body, and converts it to UTF-8 where its route declares another charset.
    async fn read_content(&self, head: &Head, body: Incoming) -> Result<Content, Box<Refusal>> {
        let limits = &self.0.limits;
        let read = match head.coding {
            None => body::read(body, limits.body_bytes_max, limits.body()).await,
            Some(coding) => body::inflate(body, coding, Bounds::whole(limits)).await,
        };
        let claim = &head.claim;
        let body = read.map_err(|reason| Refusal::claimed(claim, reason))?;
        let charset = body::charset(claim.route());
        let body = match charset.map_err(|reason| Refusal::claimed(claim, reason))? {
            None => body,
            Some(charset) => charset
                .convert(body, limits.body_bytes_max)
                .map_err(|bad| Refusal::of(claim.did(), Refused::unreadable(claim, &bad)))?,
        };
        Ok(Content { body, ..head.content.clone() })
    }

    fn parse(&self, claim: Claim, content: Content) -> Result<Transfer, Box<Refusal>> {
        let did = claim.did();
        Transfer::parse(claim, content, &self.0.limits.document())
            .map_err(|refused| Refusal::of(did, refused).into())
    }

    /// Decides, redacts, seals and records a transfer by the rules in force, which stay in force
    /// until it is recorded.
    ///
    /// It does so anew when a consent or block of one of its subjects changed in the meantime, so
    /// that a withdrawal or block that was committed first always counts.
    async fn record(&self, transfer: Transfer) -> Result<(Recorded, Arc<Rules>), Box<Refusal>> {
        self.renew_ended(transfer.claim()).await;
        let held = self.hold(transfer.claim()).await?;
        let rules = held.rules();
        let mut transfer = self.under(rules, transfer)?;
        let (did, known) = (transfer.claim().did(), transfer.claim().known());
        for _ in 0..self.0.limits.decide_max {
            let now = self.0.clock.now();
            let roll = self.roll(&transfer)?;
            let circumstances = roll.circumstances(&question(transfer.claim(), now));
            let permitted = decide(transfer, &circumstances);
            transfer = match permitted.and_then(|permitted| self.redact(permitted, rules, now)) {
                Ok(redacted) => {
                    let sealed = self.seal(redacted, rules, now)?;
                    match self.0.recorder.record(sealed, &roll).await {
                        Ok(recorded) => return Ok((recorded, Arc::clone(rules))),
                        Err(failed) if failed.1 == Unrecorded::Quota => {
                            let denial =
                                failed.0.into_permitted().deny(Reason::QuotaExceeded, None);
                            self.deny(denial, &roll, now).await?
                        }
                        Err(failed) => again(failed.0.into_transfer(), failed.1)?,
                    }
                }
                Err(denial) => self.deny(*denial, &roll, now).await?,
            };
        }
        Err(Refusal::boxed(did, Reason::ConsentsChanging, known))
    }

    async fn hold(&self, claim: &Claim) -> Result<Held<'_>, Box<Refusal>> {
        let held = self.0.in_force.hold().await;
        held.map_err(|why| Refusal::claimed(claim, unrecorded(why)))
    }

    /// The transfer by the rules in force, claimed and parsed again where they are not those that
    /// it was claimed by.
    fn under(&self, rules: &Rules, transfer: Transfer) -> Result<Transfer, Box<Refusal>> {
        let did = transfer.claim().did();
        let transfer = if Arc::ptr_eq(transfer.claim().policy(), &rules.policy) {
            transfer
        } else {
            let again = transfer.under(&rules.policy, &self.0.limits.document());
            again.map_err(|refused| Refusal::of(did, refused))?
        };
        if rules.allow(transfer.claim()) {
            Ok(transfer)
        } else {
            Err(Refusal::claimed(transfer.claim(), Reason::CallerNotAllowed))
        }
    }

    fn roll(&self, transfer: &Transfer) -> Result<Roll, Box<Refusal>> {
        self.0.reader.roll(transfer).map_err(|error| {
            tracing::error!(%error, "the store could not be read");
            Refusal::claimed(transfer.claim(), Reason::LogUnavailable)
        })
    }

    fn redact(
        &self,
        permitted: Permitted,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<Redacted, Box<Denial>> {
        let mut seals = ValueSeals {
            issuer: &self.0.name,
            partner: rules.keys.get(&permitted.transfer().claim().partner().name),
            recipients: &rules.recipients,
            kem: permitted.transfer().claim().partner().envelope.kem,
            now,
            random: UnwrapErr(getrandom::SysRng),
        };
        let pseudonyms = rules.pseudonyms.as_ref();
        redact(permitted, &mut Treating { pseudonyms, seals: &mut seals })
    }

    /// Records a denial; hands the transfer back when it must be decided anew.
    async fn deny(
        &self,
        denial: Denial,
        roll: &Roll,
        now: Timestamp,
    ) -> Result<Transfer, Box<Refusal>> {
        match self.0.recorder.deny(&denial, roll, now).await {
            Ok(_) => Err(Refusal::denied(&denial).resetting(now).into()),
            Err(why) => again(denial.transfer, why),
        }
    }

    /// Carries a transfer, records a refusal that is not yet recorded, and makes the answer.
    async fn handle(self, asked: Asked) -> Response<Body> {
        if let Some(manifest) = self.manifest(&asked).await {
            return manifest;
        }
        let did = Uuid::now_v7();
        let language = language(asked.request.headers());
        let started = std::time::Instant::now();
        let result = match Arc::clone(&self.0.places).try_acquire_owned() {
            Ok(_place) => self.transfer(did, asked).await,
            Err(_) => Err(Refusal::boxed(did, Reason::Overloaded, Known::default())),
        };
        match result {
            Ok(Carried { did, known, mut answer, receipt }) => {
                self.0.metrics.carried(started.elapsed());
                let status = answer.status().as_u16();
                telemetry::carried(did, &known, (status, receipt), started.elapsed());
                told(did, receipt, answer.headers_mut());
                answer
            }
            Err(refusal) => {
                let refusal = self.recorded(*refusal).await;
                self.0.metrics.refused(refusal.reason);
                telemetry::refused(&refusal, started.elapsed());
                refusal.respond(language)
            }
        }
    }

    /// Sees to it that a refusal is in the ledger; one that cannot be recorded becomes a 503.
    async fn recorded(&self, refusal: Refusal) -> Refusal {
        if refusal.recorded {
            return refusal;
        }
        let refused = Refused {
            reason: refusal.reason,
            place: refusal.place.clone(),
            known: refusal.known.clone(),
        };
        match self.refuse(refusal.did, refused).await {
            Ok(_) => Refusal { recorded: true, ..refusal },
            Err(why) => refusal.unrecorded(unrecorded(why)),
        }
    }

    async fn refuse(&self, did: Uuid, refused: Refused) -> Result<Position, Unrecorded> {
        let held = self.0.in_force.hold().await?;
        let now = self.0.clock.now();
        self.0.recorder.refuse(did, refused, &held.rules().policy, now).await
    }
}

impl Service for Proxy {
    async fn call(
        &self,
        request: Request<Incoming>,
        peer: Arc<Peer>,
        fault: Option<HeadFault>,
    ) -> Response<Body> {
        // A task of its own: a caller that hangs up cannot cancel between record and settle.
        let proxy = self.clone();
        let asked = Asked { request, peer, fault };
        match self.0.underway.spawn(proxy.handle(asked)).await {
            Ok(response) => response,
            Err(_) => Refusal::new(Uuid::now_v7(), Reason::LogUnavailable, Known::default())
                .respond(Language::En),
        }
    }
}

/// A request as the listener hands it over.
struct Asked {
    request: Request<Incoming>,
    peer: Arc<Peer>,
    fault: Option<HeadFault>,
}

/// The transfer again, if it was refused only because consents or blocks changed.
fn again(transfer: Transfer, why: Unrecorded) -> Result<Transfer, Box<Refusal>> {
    if why == Unrecorded::Stale {
        Ok(transfer)
    } else {
        Err(Refusal::claimed(transfer.claim(), unrecorded(why)))
    }
}

fn unrecorded(why: Unrecorded) -> Reason {
    match why {
        Unrecorded::Busy => Reason::LogBusy,
        Unrecorded::Quota => Reason::QuotaExceeded,
        Unrecorded::RecordMismatch
        | Unrecorded::Stale
        | Unrecorded::Stopped
        | Unrecorded::RecordTaken
        | Unrecorded::Settled
        | Unrecorded::Superseded => Reason::LogUnavailable,
    }
}

/// Puts in what every answer tells a caller: the decision's id, and what came as the receipt.
fn told(did: Uuid, receipt: Option<&'static str>, headers: &mut HeaderMap) {
    if let Ok(did) = HeaderValue::from_str(&did.to_string()) {
        headers.insert(DECISION_HEADER, did);
    }
    if let Some(receipt) = receipt {
        headers.insert(RECEIPT_STATUS_HEADER, HeaderValue::from_static(receipt));
    }
}

/// The language that a caller would like refusals in; English where it says nothing.
fn language(headers: &HeaderMap) -> Language {
    let asked = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Language::accepted(asked)
}

pub(crate) fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

/// The header in which a caller gets the decision's id.
pub const DECISION_HEADER: HeaderName = HeaderName::from_static("otkel-decision");
/// The header in which a caller gets what came as the partner's receipt: `accepted`, `rejected`,
/// `deferred`, `missing` or `wrong`.
pub const RECEIPT_STATUS_HEADER: HeaderName = HeaderName::from_static("otkel-receipt-status");
/// The header in which a partner gets the disclosure's id.
pub const ID_HEADER: HeaderName = HeaderName::from_static("otkel-id");
