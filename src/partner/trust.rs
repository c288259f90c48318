//! Whom the partner trusts, and by which keys it is known itself.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::envelope::RecipientSecret;
use crate::signing::list::SigningList;
use crate::signing::{Sign, VerifyKey};
use crate::time::Timestamp;
use crate::tls::Peer;

/// The partner's keys, and the gateways that it knows.
pub struct Trust {
    /// The partner's name, which envelopes for it bear.
    pub name: String,
    /// The hosts that gateways call it by, in lower case, with the port where that is not 443;
    /// empty for any.
    pub hosts: Vec<String>,
    /// The private keys that envelopes may be sealed to; several while one replaces another.
    pub secrets: Vec<RecipientSecret>,
    /// The key that signs receipts.
    pub identity: Arc<dyn Sign>,
    /// The signed list of the public keys, as it is told to gateways.
    pub list: Option<String>,
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
    /// The keys that it signs with.
    pub keys: GatewayKeys,
}

/// The keys that a gateway signs with.
#[derive(Debug)]
pub enum GatewayKeys {
    /// These, at any time.
    Pinned(Vec<VerifyKey>),
    /// Those of a list, each in its time.
    Listed(SigningList),
}

impl GatewayKeys {
    /// The keys that may have signed something just now.
    #[must_use]
    pub fn valid(&self, now: Timestamp, skew_s: i64) -> Vec<VerifyKey> {
        match self {
            Self::Pinned(keys) => keys.clone(),
            Self::Listed(list) => list.valid(now, skew_s),
        }
    }
}

impl Trust {
    /// The gateway of a connection.
    #[must_use]
    pub fn gateway(&self, peer: &Peer) -> Option<&Gateway> {
        self.gateways.iter().find(|gateway| peer.names.contains(&gateway.certificate))
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").field("name", &self.name).finish_non_exhaustive()
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
