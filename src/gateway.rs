//! A running gateway: everything that a configuration names, opened, checked and put together.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::header::{HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::{self, Admin};
use crate::config::Config;
use crate::diagnostic::{Diagnostics, Text};
use crate::envelope::{BadKey, RecipientKeys};
use crate::ledger::checkpoint::LogKey;
use crate::policy::{Endpoint, Partner, Policy};
use crate::proxy::rules::Rules;
use crate::proxy::upstream::{Settings, Upstream};
use crate::proxy::{Parts, Proxy};
use crate::server;
use crate::store::disclosure::activation;
use crate::store::recorder::Options;
use crate::store::{Consents, Reader, Recorder, StoreError, StoreSecret, Unrecorded, sqlite};
use crate::telemetry::Metrics;
use crate::time::{Clock, Timestamp};
use crate::tls::{self, FileFault, Identity, Pin, TlsFault};
use crate::vocabulary::Name;

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

/// Reads the rules below a folder.
///
/// # Errors
/// A folder that cannot be read, or rules that do not load: all that is wrong with them.
pub fn read_rules(folder: &Path, now: Timestamp) -> Result<(Policy, Diagnostics), StartError> {
    Policy::read(&rule_files(folder)?, now).map_err(StartError::Rules)
}

/// The files below a folder of rules, by their path within it.
///
/// # Errors
/// A folder or file that cannot be read.
pub fn rule_files(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, StartError> {
    let mut files = BTreeMap::new();
    collect(folder, "", &mut files)
        .map_err(|source| StartError::Folder { path: folder.to_owned(), source })?;
    Ok(files)
}

/// A gateway that listens.
pub struct Gateway {
    /// Where it takes transfers.
    pub address: SocketAddr,
    /// Where the admin API is.
    pub admin: SocketAddr,
    /// The consents.
    pub consents: Consents,
    /// The read side of the store.
    pub reader: Reader,
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
        let now = clock.now();
        let (policy, warnings) = read_rules(&config.policies, now)?;
        for warning in warnings.iter() {
            tracing::warn!("{}", warning.to_string());
        }
        let policy = Arc::new(policy);
        config.fits(&policy).map_err(StartError::Config)?;
        let identity = Identity::load(&config.certificate, &config.key)?;
        let acceptor = tls::acceptor(&identity, &config.client_ca)?;
        let upstreams = upstreams(&config, &policy)?;
        let rules = Rules {
            keys: keys(&config, now)?,
            callers: config.callers.clone(),
            hosts: config.hosts.clone(),
            policy: Arc::clone(&policy),
        };
        let officers = admin::officers(&config.officers)?;
        let listener = listen(config.listen).await?;
        let admin_listener = listen(config.admin).await?;
        let OpenStore { reader, recorder } = open_store(&config, Arc::clone(&clock))?;
        recorder.append(activation(&policy, "start")).await?;

        let metrics = Metrics::new();
        let underway = TaskTracker::new();
        let consents = Consents::new(reader.clone(), recorder.clone(), Arc::clone(&clock));
        let proxy = Proxy::new(Parts {
            name: config.name.clone(),
            rules,
            limits: config.limits.clone(),
            clock,
            reader: reader.clone(),
            recorder: recorder.clone(),
            upstreams,
            credentials: credentials(&config)?,
            metrics: metrics.clone(),
            underway: underway.clone(),
            places: Arc::new(Semaphore::new(config.limits.transfers_max)),
        });
        let admin = Admin {
            consents: consents.clone(),
            reader: reader.clone(),
            recorder: recorder.clone(),
            policy,
            metrics,
            officers: Arc::new(officers),
        };
        let stop = CancellationToken::new();
        let address = local(&listener)?;
        let admin_address = local(&admin_listener)?;
        let limits = config.limits.server();
        let tasks = vec![
            tokio::spawn(server::serve(listener, acceptor, limits, proxy, stop.clone())),
            tokio::spawn(admin::serve(admin_listener, admin, stop.clone())),
        ];
        tracing::info!(%address, admin = %admin_address, "listening");
        let drain = Duration::from_millis(config.limits.drain_ms);
        Ok(Self {
            address,
            admin: admin_address,
            consents,
            reader,
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
        why: BadKey,
    },
    /// The ledger's key cannot be used.
    #[error("the ledger key `{path}` cannot be used: it must be an Ed25519 key in PKCS#8 PEM")]
    LedgerKey {
        /// The file.
        path: PathBuf,
    },
    /// The store, or the secret of its keys, cannot be used.
    #[error("the store cannot be used: see `{path}`")]
    Store {
        /// The file.
        path: PathBuf,
        /// Why.
        source: StoreError,
    },
    /// The activation of the rules could not be recorded.
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

fn upstreams(
    config: &Config,
    policy: &Policy,
) -> Result<BTreeMap<(Name, Name), Upstream>, StartError> {
    let mut upstreams = BTreeMap::new();
    for (name, partner) in &policy.partners {
        let Some(files) = config.partners.get(name) else { continue };
        let identity = Identity::load(&files.certificate, &files.key)?;
        let pins: Vec<Pin> = files.pins.iter().filter_map(|pin| Pin::parse(pin).ok()).collect();
        let tls = tls::connector(Some(&identity), &files.ca, &pins)?;
        for (id, endpoint) in &partner.endpoints {
            let mut settings = Settings::new(&endpoint.host, endpoint.port, Arc::clone(&tls));
            settings.resolve = resolved(config, endpoint);
            settings.deadlines = config.limits.deadlines();
            settings.answer_bytes_max = config.limits.answer_bytes_max;
            settings.open_max = config.limits.partner_transfers_max;
            let upstream = Upstream::new(&settings).map_err(|bad| unfit(partner, &bad))?;
            upstreams.insert((name.clone(), id.clone()), upstream);
        }
    }
    Ok(upstreams)
}

fn unfit(partner: &Partner, why: &dyn std::error::Error) -> StartError {
    StartError::Unfit(format!("partner `{}` cannot be reached: {why}", partner.name))
}

fn resolved(config: &Config, endpoint: &Endpoint) -> Vec<SocketAddr> {
    let target = format!("{}:{}", endpoint.host, endpoint.port);
    config.resolve.get(&target).copied().into_iter().collect()
}

fn credentials(config: &Config) -> Result<BTreeMap<Name, (HeaderName, HeaderValue)>, StartError> {
    let mut credentials = BTreeMap::new();
    for (partner, files) in &config.partners {
        let Some((header, file)) = &files.credential else { continue };
        let bad = || {
            let file = file.display();
            StartError::Unfit(format!("`{file}` must hold one line that fits a header"))
        };
        let secret = tls::read_secret(file)?;
        let name = HeaderName::from_bytes(header.as_bytes()).map_err(|_| bad())?;
        let mut value =
            HeaderValue::from_bytes(secret.expose_secret().trim_ascii()).map_err(|_| bad())?;
        value.set_sensitive(true);
        credentials.insert(partner.clone(), (name, value));
    }
    Ok(credentials)
}

fn keys(config: &Config, now: Timestamp) -> Result<BTreeMap<Name, RecipientKeys>, StartError> {
    let mut keys = BTreeMap::new();
    for (name, files) in &config.partners {
        let path = files.keys.clone();
        let json = tls::read(&path)?;
        let list = RecipientKeys::read(&json, name.as_str()).map_err(|why| StartError::Keys {
            partner: name.clone(),
            path,
            why,
        })?;
        if list.current(now).is_none() {
            tracing::warn!(partner = %name, "no key of the partner is valid now: it gets nothing");
        }
        keys.insert(name.clone(), list);
    }
    Ok(keys)
}

/// Reads the key that signs checkpoints.
///
/// # Errors
/// A file that cannot be read, is open to others, or holds no such key.
pub fn ledger_key(config: &Config) -> Result<LogKey, StartError> {
    let path = config.ledger_key.clone();
    let pem = tls::read_secret(&path)?;
    let text = std::str::from_utf8(pem.expose_secret()).unwrap_or_default();
    let origin = origin(config);
    LogKey::from_pem(&origin, text).map_err(|_| StartError::LedgerKey { path })
}

/// The origin of a gateway's checkpoints (C2SP tlog-checkpoint).
#[must_use]
pub fn origin(config: &Config) -> String {
    format!("{}/disclosures", config.name)
}

fn collect(
    folder: &Path,
    below: &str,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), io::Error> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{below}{name}");
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.insert(path, fs::read(entry.path())?);
        }
    }
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })
}

fn local(listener: &TcpListener) -> Result<SocketAddr, StartError> {
    let any = SocketAddr::from(([0, 0, 0, 0], 0));
    listener.local_addr().map_err(|source| StartError::Listen { address: any, source })
}
