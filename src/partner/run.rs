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
use crate::envelope::{BadKey, RecipientSecret};
use crate::keyfile::{self, BadKeyFile};
use crate::keys::{self, Unopened};
use crate::server;
use crate::signing::jws::{self, BadJws};
use crate::signing::list::{BadList, SigningList};
use crate::store::StoreError;
use crate::time::{Clock, Timestamp};
use crate::tls::{self, FileFault, Identity, TlsFault};

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

/// Reads the keys and the gateways that a configuration names.
async fn trust(config: &Config, taken: &Taken, now: Timestamp) -> Result<Trust, NoStart> {
    let identity = keys::open(&config.identity)?;
    let secrets: Vec<RecipientSecret> =
        config.secrets.iter().map(|path| secret(path)).collect::<Result<_, _>>()?;
    let list = config.list.as_ref().map(|path| {
        let of = |why| NoStart::List { path: path.clone(), why };
        let bytes = tls::read(path)?;
        let text = String::from_utf8(bytes).map_err(|_| of(WrongList::Jws(BadJws::Form)))?;
        let text = text.trim_ascii().to_owned();
        check_list(&text, config.name.as_str(), (&*identity, &secrets), now).map_err(of)?;
        Ok::<_, NoStart>(text)
    });
    let mut gateways = Vec::with_capacity(config.gateways.len());
    for files in &config.gateways {
        gateways.push(gateway(files, taken).await?);
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

async fn gateway(files: &GatewayFiles, taken: &Taken) -> Result<Gateway, NoStart> {
    let keys = match &files.list {
        None => GatewayKeys::Pinned(files.keys.clone()),
        Some(path) => {
            let of = |why| NoStart::Gateway { name: files.name.clone(), path: path.clone(), why };
            let text = String::from_utf8(tls::read(path)?).unwrap_or_default();
            let list = SigningList::read(&text, &files.name, &files.keys);
            let list = list.map_err(|why| of(WrongSigners::List(why)))?;
            taken
                .list(&files.name, list.seq, text.trim_ascii())
                .await
                .map_err(|why| of(WrongSigners::Old(why)))?;
            GatewayKeys::Listed(list)
        }
    };
    Ok(Gateway {
        name: files.name.clone(),
        certificate: files.certificate.clone(),
        signed: files.signed,
        keys,
    })
}

async fn listen(address: SocketAddr) -> Result<TcpListener, NoStart> {
    TcpListener::bind(address).await.map_err(|source| NoStart::Listen { address, source })
}

fn local(listener: &TcpListener, address: SocketAddr) -> Result<SocketAddr, NoStart> {
    listener.local_addr().map_err(|source| NoStart::Listen { address, source })
}
