//! Whom the partner trusts, and by which keys it is known itself.

use std::sync::{Arc, PoisonError, RwLock};

use crate::envelope::RecipientSecret;
use crate::tls::Peer;

/// The partner's keys, and the gateways that it knows.
#[derive(Debug)]
pub struct Trust {
    /// The partner's name, which envelopes for it bear.
    pub name: String,
    /// The hosts that gateways call it by, with the port where that is not 443; empty for any.
    pub hosts: Vec<String>,
    /// The private keys that envelopes may be sealed to; several while one replaces another.
    pub secrets: Vec<RecipientSecret>,
    /// The gateways.
    pub gateways: Vec<Gateway>,
}

/// A gateway that may send.
#[derive(Debug)]
pub struct Gateway {
    /// Its name, which its envelopes bear.
    pub name: String,
    /// The DNS or URI name of its client certificate, in lower case.
    pub certificate: String,
    /// Whether its requests must be signed.
    pub signed: bool,
}

impl Trust {
    /// The gateway of a connection.
    #[must_use]
    pub fn gateway(&self, peer: &Peer) -> Option<&Gateway> {
        self.gateways.iter().find(|gateway| peer.names.contains(&gateway.certificate))
    }
}

/// What is trusted now. It can be replaced while requests are under way; each keeps what it began
/// with. Clones are the same.
#[derive(Clone, Debug)]
pub struct InForce(Arc<RwLock<Arc<Trust>>>);

impl InForce {
    /// Puts it into force.
    #[must_use]
    pub fn new(trust: Trust) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(trust))))
    }

    /// What is in force.
    #[must_use]
    pub fn now(&self) -> Arc<Trust> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another into force.
    pub fn replace(&self, trust: Trust) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(trust);
    }
}
