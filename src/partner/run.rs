//! A receiving proxy that runs: everything that its configuration names, opened and put together.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::config::{Config, GatewayFiles};
use super::forward::Http;
use super::status;
use super::taken::{OldList, Taken};
use super::trust::{Gateway, GatewayKeys, InForce, Trust};
use super::{Parts, Receiver};
use crate::diagnostic::{Diagnostics, Text};
use crate::envelope::RecipientSecret;
use crate::envelope::key::KeyList;
use crate::envelope::list::{BadList, SignedKeys};
use crate::keyfile::{self, BadKeyFile};
use crate::keys::{self, Unopened};
use crate::server;
use crate::signing::Sign;
use crate::signing::list::{self, SigningList};
use crate::store::StoreError;
use crate::time::{Clock, Timestamp};
use crate::tls::{self, FileFault, Identity, TlsFault};
use crate::vocabulary::Name;

/// A proxy that listens.
pub struct Partner {
    /// Where it takes messages.
    pub address: SocketAddr,
    /// Where it tells of its health and counters, if it does.
    pub status: Option<SocketAddr>,
    config: Config,
    trust: InForce,
    taken: Taken,
    clock: Arc<dyn Clock>,
    receiver: Receiver<Http>,
    stop: CancellationToken,
    drain: Duration,
    tasks: Vec<JoinHandle<()>>,
}

impl Partner {
    /// Opens and checks everything, and listens.
    ///
    /// # Errors
    /// Whatever would keep a promise from being kept: it then does not start.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Self, NoStart> {
        let identity = Identity::load(&config.certificate, &config.key)?;
        let acceptor = tls::acceptor(&identity, &config.client_ca)?;
        let listener = listen(config.listen).await?;
        let status_listener = match config.status {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let taken = open_taken(&config, clock.now())?;
        let trust = InForce::new(trust(&config, &taken, clock.now()).await?);
        let receiver = Receiver::new(Parts {
            trust: trust.clone(),
            taken: taken.clone(),
            application: Http::new(&config.limits.application(&config.application)),
            limits: config.limits.receiver(config.as_it_comes),
            clock: Arc::clone(&clock),
        });
        let stop = CancellationToken::new();
        let address = local(&listener, config.listen)?;
        let limits = config.limits.server();
        let serving = server::serve(listener, acceptor, limits, receiver.clone(), stop.clone());
        let mut tasks = vec![tokio::spawn(serving)];
        let mut status = None;
        if let (Some(listener), Some(asked)) = (status_listener, config.status) {
            status = Some(local(&listener, asked)?);
            let metrics = receiver.metrics().clone();
            let telling = status::serve(listener, taken.clone(), metrics, stop.clone());
            tasks.push(tokio::spawn(telling));
        }
        tracing::info!(%address, "listening");
        let drain = Duration::from_millis(config.limits.drain_ms);
        Ok(Self { address, status, config, trust, taken, clock, receiver, stop, drain, tasks })
    }

    /// Reads the configuration again and puts its keys and gateways into force. Addresses, the
    /// certificate and limits stay those of the start.
    ///
    /// # Errors
    /// What cannot be used; everything stays as it was.
    pub async fn reload(&mut self) -> Result<(), NoStart> {
        let config = self.config.again().map_err(NoStart::Config)?;
        let trust = trust(&config, &self.taken, self.clock.now()).await?;
        self.trust.replace(trust);
        self.config = config;
        Ok(())
    }

    /// Stops taking messages, lets those under way finish, and closes the file of those taken.
    pub async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            if task.await.is_err() {
                tracing::error!("a listener ended by a fault of its own");
            }
        }
        if tokio::time::timeout(self.drain, self.receiver.finish()).await.is_err() {
            tracing::error!("messages were still under way at the end of `limits.drain_ms`");
        }
        drop(self.receiver);
        self.taken.close().await;
        tracing::info!("stopped");
    }
}

fn open_taken(config: &Config, now: Timestamp) -> Result<Taken, NoStart> {
    let path = &config.taken;
    Taken::open(path, config.limits.keep_s.into(), now)
        .map_err(|source| NoStart::Taken { path: path.clone(), source })
}

/// The keys and the gateways that a configuration names, for a mock: nothing is remembered.
///
/// # Errors
/// A file that cannot be used.
pub async fn mock_trust(config: &Config, now: Timestamp) -> Result<Trust, NoStart> {
    let path = config.taken.clone();
    let taken = Taken::in_memory().map_err(|source| NoStart::Taken { path, source })?;
    let trust = trust(config, &taken, now).await;
    taken.close().await;
    trust
}

/// Reads the keys and the gateways that a configuration names.
async fn trust(config: &Config, taken: &Taken, now: Timestamp) -> Result<Trust, NoStart> {
    let identity = keys::open(&config.identity)?;
    let secrets: Vec<RecipientSecret> =
        config.secrets.iter().map(|path| secret(path)).collect::<Result<_, _>>()?;
    let list = config.list.as_ref().map(|path| list(path, &config.name, &*identity, &secrets));
    let mut gateways = Vec::with_capacity(config.gateways.len());
    for files in &config.gateways {
        gateways.push(gateway(files, taken, now).await?);
    }
    Ok(Trust {
        name: config.name.to_string(),
        hosts: config.hosts.clone(),
        secrets,
        identity,
        list: list.transpose()?,
        gateways,
    })
}

fn secret(path: &Path) -> Result<RecipientSecret, NoStart> {
    keyfile::read_secret(path).map_err(|why| NoStart::Secret { path: path.to_owned(), why })
}

/// Reads the list that gateways are told. Each key in it must be one that this proxy opens with.
fn list(
    path: &Path,
    name: &Name,
    identity: &dyn Sign,
    secrets: &[RecipientSecret],
) -> Result<String, NoStart> {
    let of = |why| NoStart::List { path: path.to_owned(), why };
    let read = SignedKeys::read(&tls::read(path)?, name.as_str(), identity.key());
    let read = read.map_err(|why| of(WrongList::Bad(why)))?;
    let list = KeyList::read_signed(&read.text, name.as_str(), identity.key());
    let is_here = |kid: &str| secrets.iter().any(|secret| secret.kid() == kid);
    let list = list.map_err(|why| of(WrongList::Bad(why)))?;
    match list.keys.into_iter().find(|key| !is_here(&key.kid)) {
        Some(key) => Err(of(WrongList::NoPrivateKey(key.kid))),
        None => Ok(read.text),
    }
}

async fn gateway(files: &GatewayFiles, taken: &Taken, now: Timestamp) -> Result<Gateway, NoStart> {
    let keys = match &files.list {
        None => GatewayKeys::Pinned(files.keys.clone()),
        Some(path) => GatewayKeys::Listed(signers(files, path, taken, now).await?),
    };
    Ok(Gateway {
        name: files.name.clone(),
        certificate: files.certificate.clone(),
        signed: files.signed,
        keys,
    })
}

/// Reads the list of a gateway's signing keys: signed by one of the newest list that was seen, or
/// by a key of the configuration that is not in it.
async fn signers(
    files: &GatewayFiles,
    path: &Path,
    taken: &Taken,
    now: Timestamp,
) -> Result<SigningList, NoStart> {
    let of = |why| NoStart::Signers { path: path.to_owned(), why };
    let text = String::from_utf8(tls::read(path)?).unwrap_or_default();
    let before = taken.newest_list(&files.name).await;
    let before = before.map(|said| serde_json::from_str::<SigningList>(&said)).transpose();
    let before = before.map_err(|_| of(WrongSigners::Bad(list::BadList::Form)))?;
    let list = SigningList::read_next(&text, &files.name, (&files.keys, before.as_ref()), now);
    let list = list.map_err(|why| of(WrongSigners::Bad(why)))?;
    // What was signed is not kept, only what it says: it is trusted from here on.
    let said = serde_json::to_string(&list).map_err(|_| of(WrongSigners::Old(OldList::Unwritten)));
    let newest = taken.list(&files.name, list.seq, &said?).await;
    newest.map_err(|why| of(WrongSigners::Old(why)))?;
    Ok(list)
}

async fn listen(address: SocketAddr) -> Result<TcpListener, NoStart> {
    TcpListener::bind(address).await.map_err(|source| NoStart::Listen { address, source })
}

fn local(listener: &TcpListener, address: SocketAddr) -> Result<SocketAddr, NoStart> {
    listener.local_addr().map_err(|source| NoStart::Listen { address, source })
}

/// Why a proxy does not start, or does not take up another configuration.
#[derive(Debug, thiserror::Error)]
pub enum NoStart {
    /// The configuration does not load.
    #[error("{UNREAD}\n{}", .0)]
    Config(Diagnostics),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileFault),
    /// A certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsFault),
    /// The key that signs receipts cannot be used.
    #[error("the identity key cannot be used: {0}")]
    Identity(#[from] Unopened),
    /// A private key cannot be used.
    #[error("the private key `{}` cannot be used: {why}", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// Why.
        why: BadKeyFile,
    },
    /// The partner's key list cannot be told to gateways.
    #[error("the key list `{}` cannot be used: {why}", path.display())]
    List {
        /// The file.
        path: PathBuf,
        /// Why.
        why: WrongList,
    },
    /// A gateway's list of signing keys cannot be used.
    #[error("the signing keys `{}` cannot be used: {why}", path.display())]
    Signers {
        /// The file.
        path: PathBuf,
        /// Why.
        why: WrongSigners,
    },
    /// The file of the messages that were taken cannot be used.
    #[error("the file of taken messages cannot be used: see `{}`", path.display())]
    Taken {
        /// The file.
        path: PathBuf,
        /// Why.
        source: StoreError,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: end what uses it, or choose another address")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl NoStart {
    /// What was found in the configuration, and the words before it, where that is the fault.
    #[must_use]
    pub fn diagnostics(&self) -> Option<(Text, &Diagnostics)> {
        match self {
            Self::Config(found) => Some((UNREAD.into(), found)),
            _ => None,
        }
    }
}

/// Why a list of the partner's keys cannot be told to gateways.
#[derive(Debug, thiserror::Error)]
pub enum WrongList {
    /// It is not signed as it must be, or no list.
    #[error(transparent)]
    Bad(#[from] BadList),
    /// It has a key that nothing here could open with.
    #[error("the private key of `{0}` is not among `keys.private`: add its file")]
    NoPrivateKey(String),
}

/// Why a list of a gateway's signing keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WrongSigners {
    /// It is not signed as it must be, or no list.
    #[error("{0}: ask the gateway's operator for its newest list")]
    Bad(#[from] list::BadList),
    /// It is not the newest.
    #[error("{0}: ask the gateway's operator for its newest list")]
    Old(#[from] OldList),
}

const UNREAD: &str = "the configuration does not load";
