//! A running gateway: everything that a configuration names, opened, checked and put together.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::activation::watch::watch;
use crate::activation::wipe::wipe;
use crate::activation::{Activation, NotActivated, load};
use crate::admin::{self, Admin};
use crate::config::Config;
use crate::diagnostic::{Diagnostics, Text};
use crate::envelope::list::BadList;
use crate::keys::{self, Unopened};
use crate::ledger::checkpoint::LogKey;
use crate::proxy::rate::Rates;
use crate::proxy::{Parts, Proxy, ReplyKeys};
use crate::server;
use crate::store::recorder::Options;
use crate::store::{
    Blocks, Consents, Reader, Recorder, StoreError, StoreSecret, Unrecorded, sqlite,
};
use crate::telemetry::Metrics;
use crate::time::{Clock, Timestamp};
use crate::tls::{self, FileFault, Identity, TlsFault};
use crate::vocabulary::Name;

pub use crate::activation::load::{read_rules, rule_files};

/// The system's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        Timestamp::EPOCH.plus_millis(millis)
    }
}

/// A store that is open for reading and writing.
pub struct OpenStore {
    /// The read side.
    pub reader: Reader,
    /// The way into the ledger.
    pub recorder: Recorder,
}

/// Opens the store of a configuration, made anew if it does not exist.
///
/// # Errors
/// A store that cannot be opened, does not keep what durability needs, or does not follow its
/// published checkpoint.
pub fn open_store(config: &Config, clock: Arc<dyn Clock>) -> Result<OpenStore, StartError> {
    let of = |path: &Path| {
        let path = path.to_owned();
        |source| StartError::Store { path, source }
    };
    let secret = StoreSecret::open(&config.store_secret).map_err(of(&config.store_secret))?;
    let cached = config.limits.cached_subjects_max;
    let (store, reader) = sqlite::open(&config.store, secret, cached).map_err(of(&config.store))?;
    let options = Options {
        queue_max: config.limits.queue_max,
        batch_max: config.limits.batch_max,
        checkpoint_interval: Duration::from_secs(1),
        signer: Some(ledger_key(config)?),
        publish: Some(config.checkpoint.clone()),
    };
    let recorder =
        Recorder::start(store, reader.clone(), options, clock).map_err(of(&config.store))?;
    Ok(OpenStore { reader, recorder })
}

/// A gateway that listens.
pub struct Gateway {
    /// Where it takes transfers.
    pub address: SocketAddr,
    /// Where the admin API is.
    pub admin: SocketAddr,
    /// The consents.
    pub consents: Consents,
    /// The blocks.
    pub blocks: Blocks,
    /// The read side of the store.
    pub reader: Reader,
    /// What puts rules into force.
    pub activation: Activation,
    recorder: Recorder,
    stop: CancellationToken,
    underway: TaskTracker,
    drain: Duration,
    tasks: Vec<JoinHandle<()>>,
}

impl Gateway {
    /// Opens and checks everything, records which rules came into force, and listens.
    ///
    /// # Errors
    /// Whatever would keep a promise from being kept: it then does not start.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let loaded = load::load((&config, &config), None, clock.now())?;
        let identity = Identity::load(&config.certificate, &config.key)?;
        let acceptor = tls::acceptor(&identity, &config.client_ca)?;
        let officers = admin::officers(&config.officers)?;
        let listener = listen(config.listen).await?;
        let admin_listener = listen(config.admin).await?;
        let store = open_store(&config, Arc::clone(&clock))?;
        let (name, limits) = (config.name.clone(), config.limits.clone());
        let watched = config.rules.watch.then(|| config.policies.clone());
        let activation = Activation::start(config, loaded, &store, Arc::clone(&clock)).await?;

        let OpenStore { reader, recorder } = store;
        let metrics = Metrics::new();
        let (underway, replies) = (TaskTracker::new(), ReplyKeys::new(&limits));
        let consents = Consents::new(reader.clone(), recorder.clone(), Arc::clone(&clock));
        let blocks = Blocks::new(reader.clone(), recorder.clone(), Arc::clone(&clock));
        let proxy = Proxy::new(Parts {
            name,
            in_force: activation.in_force().clone(),
            activation: activation.clone(),
            limits: limits.clone(),
            clock,
            reader: reader.clone(),
            recorder: recorder.clone(),
            metrics: metrics.clone(),
            underway: underway.clone(),
            places: Arc::new(Semaphore::new(limits.transfers_max)),
            rates: Rates::default(),
            replies: replies.clone(),
        });
        let admin = Admin {
            consents: consents.clone(),
            blocks: blocks.clone(),
            reader: reader.clone(),
            recorder: recorder.clone(),
            activation: activation.clone(),
            metrics,
            officers: Arc::new(officers),
        };
        let stop = CancellationToken::new();
        let address = local(&listener)?;
        let admin_address = local(&admin_listener)?;
        let server = server::serve(listener, acceptor, limits.server(), proxy, stop.clone());
        let mut tasks = vec![
            tokio::spawn(server),
            tokio::spawn(admin::serve(admin_listener, admin, stop.clone())),
            tokio::spawn(wipe(activation.clone(), replies, stop.clone())),
        ];
        if let Some(folder) = watched {
            tasks.push(tokio::spawn(watch(activation.clone(), folder, stop.clone())));
        }
        tracing::info!(%address, admin = %admin_address, "listening");
        let drain = Duration::from_millis(limits.drain_ms);
        Ok(Self {
            address,
            admin: admin_address,
            consents,
            blocks,
            reader,
            activation,
            recorder,
            stop,
            underway,
            drain,
            tasks,
        })
    }

    /// Stops taking transfers, lets those under way finish and settle, and closes the ledger.
    pub async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            if task.await.is_err() {
                tracing::error!("a listener ended by a fault of its own");
            }
        }
        self.underway.close();
        if tokio::time::timeout(self.drain, self.underway.wait()).await.is_err() {
            tracing::error!("transfers were still under way at the end of `limits.drain_ms`");
        }
        let recorder = self.recorder;
        let closed = tokio::task::spawn_blocking(move || recorder.close()).await;
        if closed.is_err() {
            tracing::error!("the ledger was not closed cleanly");
        }
        tracing::info!("stopped");
    }
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A folder cannot be read.
    #[error("the rules in `{path}` cannot be read: check the folder, or `gateway.policies`")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The configuration does not load.
    #[error("{UNREAD}\n{}", .0)]
    Unread(Diagnostics),
    /// The rules do not load.
    #[error("{RULES}\n{}", .0)]
    Rules(Diagnostics),
    /// The configuration names what the rules do not have.
    #[error("{CONFIG}\n{}", .0)]
    Config(Diagnostics),
    /// Something that a file holds cannot be used.
    #[error("{0}")]
    Unfit(String),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileFault),
    /// A certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsFault),
    /// A partner's key list cannot be used.
    #[error("the key list `{path}` of partner `{partner}` cannot be used: {why}")]
    Keys {
        /// The partner.
        partner: Name,
        /// The file.
        path: PathBuf,
        /// Why.
        why: BadList,
    },
    /// A private signing key cannot be used.
    #[error("the {what} key cannot be used: {source}")]
    Key {
        /// What it signs.
        what: &'static str,
        /// Why.
        source: Unopened,
    },
    /// The store, or the secret of its keys, cannot be used.
    #[error("the store cannot be used: see `{path}`")]
    Store {
        /// The file.
        path: PathBuf,
        /// Why.
        source: StoreError,
    },
    /// The activation of the rules, or a key list, could not be recorded.
    #[error("the start could not be recorded")]
    Unrecorded(#[from] Unrecorded),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: end what uses it, or choose another address")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl From<NotActivated> for StartError {
    fn from(why: NotActivated) -> Self {
        match why {
            NotActivated::Refused(refused) => refused,
            NotActivated::Unrecorded(why) => Self::Unrecorded(why),
        }
    }
}

impl StartError {
    /// What was found in rules or configuration, and the words before it, where that is the fault.
    #[must_use]
    pub fn diagnostics(&self) -> Option<(Text, &Diagnostics)> {
        match self {
            Self::Unread(found) => Some((UNREAD.into(), found)),
            Self::Rules(found) => Some((RULES.into(), found)),
            Self::Config(found) => Some((CONFIG.into(), found)),
            _ => None,
        }
    }
}

const UNREAD: &str = "the configuration does not load";
const RULES: &str = "the rules do not load";
const CONFIG: &str = "the configuration does not fit the rules";

/// Opens the key that signs checkpoints.
///
/// # Errors
/// A key that cannot be used.
pub fn ledger_key(config: &Config) -> Result<LogKey, StartError> {
    let key = keys::open(&config.ledger_key)
        .map_err(|why| StartError::Key { what: "ledger", source: why })?;
    // The configuration has only names that can stand in a signed note.
    LogKey::new(&origin(config), key).map_err(|why| StartError::Unfit(why.to_string()))
}

/// The origin of a gateway's checkpoints (C2SP tlog-checkpoint).
#[must_use]
pub fn origin(config: &Config) -> String {
    format!("{}/disclosures", config.name)
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })
}

fn local(listener: &TcpListener) -> Result<SocketAddr, StartError> {
    let any = SocketAddr::from(([0, 0, 0, 0], 0));
    listener.local_addr().map_err(|source| StartError::Listen { address: any, source })
}
