//! A mock partner: receives as every partner does, and answers by a script.
//!
//! | module | what |
//! |---|---|
//! | [`script`] | what is answered, to which message |
//! | `stage` | the script at play: between the receiver and the wire |
//! | `usual` | the answer that no script says, in the form of what was received |
//! | `receipts` | receipts that prove nothing |
//! | `body`, `wire` | answers and connections that break |
//! | `received`, `shown` | what was received, for programs and for people |

mod body;
mod receipts;
mod received;
pub mod script;
pub(crate) mod shown;
mod stage;
mod usual;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use received::Received;
pub use script::Script;

use super::{InForce, Limits, Parts, Receiver, Refusal, Taken, Trust};
use crate::server;
use crate::store::StoreError;
use crate::time::Clock;
use crate::tls::{self, Identity, TlsFault};
use stage::{Actor, Desk, Stage};

/// A mock partner that listens.
pub struct MockPartner {
    /// Where it listens.
    pub address: SocketAddr,
    stage: Arc<Stage>,
    trust: InForce,
}

/// What a mock partner is made of.
pub struct Setup {
    /// How connections are accepted.
    pub tls: Arc<ServerConfig>,
    /// Its name and keys, and the gateways that it knows.
    pub trust: Trust,
    /// What it answers.
    pub script: Script,
    /// Where it listens; port 0 for one that the system chooses.
    pub listen: SocketAddr,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where to say what was received, as it comes.
    pub tell: Option<mpsc::UnboundedSender<Told>>,
}

impl MockPartner {
    /// Starts a mock partner.
    ///
    /// # Errors
    /// No port, or no memory of what was taken.
    pub async fn start(setup: Setup, stop: CancellationToken) -> Result<Self, NoPartner> {
        let breaks = setup.script.breaks_connections();
        Self::start_as(setup, breaks, stop).await
    }

    /// As [`Self::start`], for scripts of any kind that follow one another. It speaks HTTP/1.1.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_playing(setup: Setup, stop: CancellationToken) -> Result<Self, NoPartner> {
        Self::start_as(setup, true, stop).await
    }

    async fn start_as(
        setup: Setup,
        breaks: bool,
        stop: CancellationToken,
    ) -> Result<Self, NoPartner> {
        let listener = TcpListener::bind(setup.listen).await?;
        let address = listener.local_addr()?;
        let stage = Arc::new(Stage::new(setup.script, setup.tell, &setup.trust));
        let trust = InForce::new(setup.trust);
        let receiver = Receiver::new(Parts {
            trust: trust.clone(),
            taken: Taken::in_memory()?,
            application: Actor(Arc::clone(&stage)),
            limits: limits(),
            clock: setup.clock,
        });
        let desk = Desk { receiver, stage: Arc::clone(&stage) };
        if breaks {
            tokio::spawn(async move { wire::serve(listener, &setup.tls, desk, stop).await });
        } else {
            let limits = server::Limits::default();
            tokio::spawn(server::serve(listener, setup.tls, limits, desk, stop));
        }
        Ok(Self { address, stage, trust })
    }

    /// Takes other keys into use.
    pub fn replace(&self, trust: Trust) {
        self.trust.replace(trust);
    }

    /// Plays another script from now on; what this one has counted is forgotten.
    pub fn play(&self, script: Script) {
        self.stage.play(script);
    }

    /// Everything received so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.stage.received()
    }
}

/// What a mock partner tells, as it happens.
#[derive(Clone, Debug)]
pub enum Told {
    /// A payload has opened.
    Received(Box<Received>),
    /// A request was refused, before any script.
    Refused(Refusal),
}

/// How a mock partner with the certificate `<name>.pem` and the key `<name>.key` of a folder
/// accepts those whom `authority.pem` there vouches for.
///
/// # Errors
/// A file that cannot be used.
pub fn tls(folder: &Path, name: &str) -> Result<Arc<ServerConfig>, TlsFault> {
    let file = |name: &str, ending: &str| folder.join(format!("{name}.{ending}"));
    let identity = Identity::load(&file(name, "pem"), &file(name, "key"))?;
    tls::acceptor(&identity, &file("authority", "pem"))
}

/// Why a mock partner does not start.
#[derive(Debug, thiserror::Error)]
pub enum NoPartner {
    /// No port.
    #[error("the mock cannot listen: end what uses the address, or choose another")]
    Port(#[from] io::Error),
    /// What was taken cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A mock turns nobody away: what it is tried with decides how much comes.
fn limits() -> Limits {
    let usual = Limits::default();
    Limits { body_bytes_max: BODY_BYTES_MAX, messages_max: usize::MAX, ..usual }
}

const BODY_BYTES_MAX: usize = 256 << 20;
