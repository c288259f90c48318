//! Every check of a request, in one place; an application gets only what has passed them all.
//!
//! | step | module | refused with |
//! |---|---|---|
//! | the gateway by its certificate; host, media type, id; signature | `head` | 403, 415, 421 |
//! | the body, to its end and with the digest that was signed | `whole`, `frames` | 400, 408, 413 |
//! | the envelope's header against gateway, partner, request and time | `head` | 403, 422 |
//! | its key, every chunk to the end, the padding, the request inside | `open` | 422 |
//! | the id, on disk, once | [`super::taken`] | 409, 503 |
//! | the application, which gets its first byte only here | [`super::application`] | its reply |
//! | the receipt, and the reply sealed where the gateway asks for it | `answer` | |
//!
//! From the moment that an id is taken the request is carried to its end, whether the gateway is
//! still there or not.

mod answer;
mod frames;
mod head;
mod open;
mod whole;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::application::{Application, Message, Payload};
use super::refusal::Refusal;
use super::taken::{Coming, Taken, Untaken};
use super::telemetry::{Known, Metrics};
use super::trust::{InForce, Trust};
use crate::envelope::Header;
use crate::proxy::front::HeadFault;
use crate::proxy::full;
use crate::reason::Reason;
use crate::server::{Body, Lease, Service};
use crate::time::Clock;
use crate::tls::Peer;
use answer::{Answered, Refused};
use head::{Form, Head};

pub use answer::{PASSED, RECEIPT};

/// What a receiver is made of.
pub struct Parts<A> {
    /// Keys and gateways.
    pub trust: InForce,
    /// Which messages were taken.
    pub taken: Taken,
    /// What messages are passed on to.
    pub application: A,
    /// How much and how long.
    pub limits: Limits,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// How much is taken, and how old it may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one envelope.
    pub body_bytes_max: usize,
    /// Bytes of a stream of envelopes, or of an envelope that is passed on as it comes.
    pub stream_bytes_max: u64,
    /// Time for a whole envelope to come, and from one piece of a stream to the next, in
    /// milliseconds.
    pub body_ms: u64,
    /// Time from the head of a stream to its end, in milliseconds.
    pub stream_ms: u64,
    /// The age of an envelope and of a signature, in seconds.
    pub age_s: i64,
    /// By how much two clocks may differ, in seconds.
    pub skew_s: i64,
    /// Requests under way at once.
    pub messages_max: usize,
    /// Whether an envelope is passed on before it has authenticated to its end.
    pub as_it_comes: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 16 << 20,
            stream_bytes_max: 16 << 30,
            body_ms: 30_000,
            stream_ms: 1_800_000,
            age_s: 300,
            skew_s: 30,
            messages_max: 64,
            as_it_comes: false,
        }
    }
}

/// Receives. Clones are the same receiver. It is what [`crate::server::serve`] serves.
pub struct Receiver<A>(Arc<Inside<A>>);

struct Inside<A> {
    trust: InForce,
    taken: Taken,
    application: A,
    limits: Limits,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    places: Arc<Semaphore>,
    underway: TaskTracker,
}

impl<A> Clone for Receiver<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A: Application> Receiver<A> {
    /// Puts a receiver together.
    #[must_use]
    pub fn new(parts: Parts<A>) -> Self {
        let Parts { trust, taken, application, limits, clock } = parts;
        let places = Arc::new(Semaphore::new(limits.messages_max.min(Semaphore::MAX_PERMITS)));
        let (metrics, underway) = (Metrics::default(), TaskTracker::new());
        let inside = Inside { trust, taken, application, limits, clock, metrics, places, underway };
        Self(Arc::new(inside))
    }

    /// What messages are passed on to.
    #[must_use]
    pub fn application(&self) -> &A {
        &self.0.application
    }

    /// What is counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Waits until the requests under way have ended, once nobody brings new ones.
    pub async fn finish(&self) {
        self.0.underway.close();
        self.0.underway.wait().await;
    }

    /// Answers a request, and tells of it.
    async fn handle(
        self,
        request: Request<Incoming>,
        peer: Arc<Peer>,
        fault: Option<HeadFault>,
    ) -> Response<Body> {
        let started = Instant::now();
        let trust = self.0.trust.now();
        if fault.is_none() && asks_for_keys(&request) {
            return keys(&trust);
        }
        let mut known = Known::default();
        let result = match (fault, Arc::clone(&self.0.places).try_acquire_owned()) {
            (Some(fault), _) => Err(Refusal::BadHead(fault.status()).into()),
            (None, Err(_)) => Err(Refusal::Busy.into()),
            (None, Ok(_place)) => self.receive(&trust, request, &peer, &mut known).await,
        };
        match result {
            Ok(answered) => {
                let told = (answered.status, answered.response.status().as_u16());
                self.0.metrics.answered(&known, told, started.elapsed());
                answered.response
            }
            Err(refused) => {
                self.0.metrics.refused(&known, refused.refusal, started.elapsed());
                refused.respond()
            }
        }
    }

    /// Makes every check, and passes on what has passed them.
    async fn receive(
        &self,
        trust: &Trust,
        request: Request<Incoming>,
        peer: &Peer,
        known: &mut Known,
    ) -> Result<Answered, Refused> {
        let (parts, body) = request.into_parts();
        known.gateway = trust.gateway(peer).map(|gateway| gateway.name.clone());
        let head = Head::read(trust, &parts, peer, (&self.0.limits, self.0.clock.now()))?;
        known.did = Some(head.id);
        match &head.form {
            Form::One if !self.0.limits.as_it_comes => self.whole(trust, &head, body).await,
            form => {
                if let Some(lease) = parts.extensions.get::<Lease>() {
                    lease.extend(Duration::from_millis(self.0.limits.stream_ms));
                }
                match form {
                    Form::One => self.pieces(trust, &head, body).await,
                    Form::Frames(key) => self.frames(trust, &head, (key.as_deref(), body)).await,
                }
            }
        }
    }

    /// Takes the id of an envelope, on disk. Only after that may a byte of it be passed on.
    async fn take(
        &self,
        head: &Head<'_>,
        header: &Header,
        sha256: [u8; 32],
    ) -> Result<(), Refused> {
        let gateway = head.gateway.name.clone();
        let now = self.0.clock.now();
        let coming = Coming { gateway, did: header.did, iat: header.iat, sha256, now };
        self.0.taken.take(coming).await.map_err(|untaken| match untaken {
            Untaken::Again(receipt) => Refused { refusal: Refusal::Replayed, receipt },
            Untaken::Forgotten => Refusal::NotFresh.into(),
            Untaken::Unwritten => Refusal::Unwritten.into(),
        })
    }
}

impl<A: Application> Service for Receiver<A> {
    async fn call(
        &self,
        request: Request<Incoming>,
        peer: Arc<Peer>,
        fault: Option<HeadFault>,
    ) -> Response<Body> {
        // In a task of its own: a gateway that hangs up does not end what was taken.
        let handled = self.0.underway.spawn(self.clone().handle(request, peer, fault));
        handled.await.unwrap_or_else(|_| {
            tracing::error!("a request ended by a fault of the receiver's own");
            Refusal::Broken.respond()
        })
    }
}

/// The message of an envelope, still without what is inside.
fn message(head: &Head<'_>, header: Header) -> Message {
    let (method, path, _) = head.line();
    Message {
        gateway: head.gateway.name.clone(),
        method: method.clone(),
        path: path.to_owned(),
        header,
        inner: None,
        payload: Payload::Whole(Bytes::new()),
    }
}

fn asks_for_keys(request: &Request<Incoming>) -> bool {
    request.method() == Method::GET && request.uri().path() == KEYS_PATH
}

fn keys(trust: &Trust) -> Response<Body> {
    let Some(list) = &trust.list else {
        let mut response = Response::new(full(Bytes::new()));
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let mut response = Response::new(full(Bytes::from(list.clone())));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/jose"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// Why a body has not come.
fn came_not(reason: Reason) -> Refusal {
    match reason {
        Reason::BodyTooLarge => Refusal::TooLarge,
        Reason::BodyTooSlow => Refusal::TooSlow,
        _ => Refusal::Incomplete,
    }
}

/// Where the partner's key list is.
pub const KEYS_PATH: &str = "/.well-known/otkel/keys";
