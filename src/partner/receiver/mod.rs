//! Every check of a request, in one place; an application gets only what has passed them all.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};

use super::application::Application;
use super::refusal::Refusal;
use super::taken::Taken;
use super::trust::InForce;
use crate::proxy::front::HeadFault;
use crate::server::{Body, Service};
use crate::time::Clock;
use crate::tls::Peer;

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
    /// Time from one piece of a body to the next, and for a whole envelope to come, in
    /// milliseconds.
    pub body_ms: u64,
    /// Time from the head of a stream to its end, in milliseconds.
    pub stream_ms: u64,
    /// The age of an envelope and of a signature, in seconds.
    pub age_s: i64,
    /// How far the gateway's clock may be ahead, or its signature over, in seconds.
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
pub struct Receiver<A>(Arc<Parts<A>>);

impl<A> Clone for Receiver<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A: Application> Receiver<A> {
    /// Puts a receiver together.
    #[must_use]
    pub fn new(parts: Parts<A>) -> Self {
        Self(Arc::new(parts))
    }

    /// What messages are passed on to.
    #[must_use]
    pub fn application(&self) -> &A {
        &self.0.application
    }
}

impl<A: Application> Service for Receiver<A> {
    async fn call(
        &self,
        _request: Request<Incoming>,
        peer: Arc<Peer>,
        fault: Option<HeadFault>,
    ) -> Response<Body> {
        let status = fault.map_or(StatusCode::BAD_REQUEST, HeadFault::status);
        match self.0.trust.now().gateway(&peer) {
            Some(_) => Refusal::BadHead(status).respond(),
            None => Refusal::UnknownGateway.respond(),
        }
    }
}
