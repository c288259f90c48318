//! The stage: a gateway, mock partners for all whom the rules name, and a clock that stands still.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Ask, Consent, Recording, Sent, ask};
use crate::config::Config;
use crate::consent::record::Evidence;
use crate::demo::trust::{self, Untrusted};
use crate::demo::world::{Cast, NoWorld, Part, Role, Setting, World};
use crate::gateway::{Gateway, StartError, SystemClock, rule_files};
use crate::partner::mock::{self, MockPartner, NoPartner, Received, Script, Setup as Mock};
use crate::policy::Policy;
use crate::store::consents::{Unchanged, Withdrawal};
use crate::store::{NewBlock, Reader, StoreError, Unblocked};
use crate::time::{Clock, Timestamp};
use crate::tls::TlsFault;

/// What a kit is made with.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// The folder of rules.
    pub rules: PathBuf,
    /// Files that take the place of those of the folder, or stand beside them, by their paths.
    pub files: BTreeMap<String, String>,
    /// Where the clock stands at first; at the time of the start where it is not said.
    pub time: Option<Timestamp>,
    /// Who sends. Without any, a caller `app` may use all routes.
    pub callers: Vec<Role>,
    /// Lines of the gateway's `[limits]`.
    pub limits: String,
}

impl Setup {
    /// A kit with the rules of a folder.
    #[must_use]
    pub fn new(rules: impl AsRef<Path>) -> Self {
        Self { rules: rules.as_ref().to_owned(), ..Self::default() }
    }

    /// With the clock at a time.
    #[must_use]
    pub fn at(self, time: Timestamp) -> Self {
        Self { time: Some(time), ..self }
    }

    /// With a caller, whose certificate bears `<name>.test.example`, and its routes.
    #[must_use]
    pub fn caller(mut self, name: &str, routes: &[&str]) -> Self {
        let routes = routes.iter().map(|route| (*route).to_owned()).collect();
        self.callers.push(Role { routes, ..role(name) });
        self
    }

    /// With a text in the place of another, which must stand once in a file of the rules.
    ///
    /// # Errors
    /// A file that is not there, or that does not hold the text once.
    pub fn edit(mut self, file: &str, from: &str, to: &str) -> Result<Self, Fault> {
        let bad = |why: &str| Fault::Edit { file: file.to_owned(), why: why.to_owned() };
        let text = match self.files.get(file) {
            Some(text) => text.clone(),
            None => fs::read_to_string(self.rules.join(file))
                .map_err(|error| bad(&format!("it cannot be read: {error}")))?,
        };
        match text.matches(from).count() {
            1 => self.files.insert(file.to_owned(), text.replacen(from, to, 1)),
            0 => return Err(bad("it does not hold the text")),
            _ => return Err(bad("it holds the text more than once")),
        };
        Ok(self)
    }

    /// Starts it all.
    ///
    /// # Errors
    /// Rules that do not load, or whatever keeps the gateway or a partner from starting.
    pub async fn start(self) -> Result<Testkit, Fault> {
        Testkit::with(self).await
    }

    /// The rules, with the changes made.
    fn rules(&self, now: Timestamp) -> Result<(BTreeMap<String, Vec<u8>>, Policy), Fault> {
        let mut files = rule_files(&self.rules)?;
        let changed = self.files.iter().map(|(path, text)| (path.clone(), text.clone().into()));
        files.extend(changed);
        let (policy, _) = Policy::read(&files, now).map_err(StartError::Rules)?;
        Ok((files, policy))
    }
}

/// The rules of a script that was read.
fn rules_of(script: &str) -> toml::Value {
    let table: toml::Table = toml::from_str(script).unwrap_or_default();
    table.get("rule").cloned().unwrap_or_else(|| toml::Value::Array(Vec::new()))
}

/// A caller that may use no route yet.
pub(super) fn role(name: &str) -> Role {
    Role {
        name: name.to_owned(),
        certificate: format!("{name}.test.example"),
        routes: Vec::new(),
        requests_per_minute: None,
    }
}

/// A gateway with mock partners, ready for requests; see the [module](super).
pub struct Testkit {
    gateway: Option<Gateway>,
    policy: Policy,
    clock: Arc<Standing>,
    world: World,
    partners: Vec<(String, MockPartner)>,
    first_caller: String,
    numbers: AtomicU64,
    recording: Mutex<Recording>,
    stop: CancellationToken,
    folder: Option<Folder>,
}

impl Testkit {
    /// A kit with the rules of a folder, the time of now, and one caller for all routes.
    ///
    /// # Errors
    /// As [`Setup::start`].
    pub async fn start(rules: impl AsRef<Path>) -> Result<Self, Fault> {
        Self::with(Setup::new(rules)).await
    }

    async fn with(setup: Setup) -> Result<Self, Fault> {
        let now = setup.time.unwrap_or_else(|| SystemClock.now());
        let (files, policy) = setup.rules(now)?;
        let cast = cast(&policy, &setup.callers)?;
        let recording = Recording::new(&setup.rules, &cast.callers, now);
        let recording = recording.with(&setup.files, &setup.limits);
        let first_caller = cast.callers.first().map(|caller| caller.name.clone());
        let names: Vec<String> = cast.partners.iter().map(|part| part.name.clone()).collect();
        let folder = Folder::make()?;
        let policies = if setup.files.is_empty() {
            fs::canonicalize(&setup.rules)?
        } else {
            write_rules(&folder.0.join("policies"), &files)?
        };
        let world = World::make_for(&folder.0.join("world"), now, cast)?;
        world.use_known_pseudonyms()?;
        let stop = CancellationToken::new();
        let clock = Arc::new(Standing::at(now));
        let mut partners = Vec::new();
        for name in names {
            let mock = start_mock(&world, &name, &clock, &stop).await?;
            partners.push((name, mock));
        }
        let config = configure(&world, &policies, &partners, &setup.limits)?;
        let gateway = Gateway::start(config, clock.clone()).await?;
        Ok(Self {
            gateway: Some(gateway),
            policy,
            clock,
            world,
            partners,
            first_caller: first_caller.unwrap_or_default(),
            numbers: AtomicU64::new(0),
            recording: Mutex::new(recording),
            stop,
            folder: Some(folder),
        })
    }

    /// The rules.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What the clock says.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Sets the clock.
    pub fn set_time(&self, time: Timestamp) {
        self.clock.set(time);
        self.recorded(|recording| recording.time(time));
    }

    /// Records a consent; the id of its record.
    ///
    /// # Errors
    /// A consent that the rules or the store do not take.
    pub async fn consent(&self, consent: &Consent) -> Result<Uuid, Fault> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let id = record_id(number);
        let record = consent.record(&self.policy, self.now(), id).map_err(Fault::Consent)?;
        self.grant(&record.to_string()).await
    }

    /// Records a consent that is handed in whole, as `otkel consent import` takes it.
    ///
    /// # Errors
    /// A consent that the store does not take.
    pub async fn grant(&self, record: &str) -> Result<Uuid, Fault> {
        let (consents, text) = (self.gateway()?.consents.clone(), record.to_owned());
        let changed = blocking(move || consents.grant(&text, ACTOR)).await??;
        self.recorded(|recording| recording.grant(record));
        Ok(changed.record)
    }

    /// Withdraws a consent.
    ///
    /// # Errors
    /// A consent that is not there, or is withdrawn already.
    pub async fn withdraw(&self, record: Uuid, how: &Withdrawal) -> Result<(), Fault> {
        let (consents, withdrawal) = (self.gateway()?.consents.clone(), how.clone());
        blocking(move || consents.withdraw(record, &withdrawal, ACTOR)).await??;
        self.recorded(|recording| recording.withdraw(record, how));
        Ok(())
    }

    /// Blocks transfers; the id of the block.
    ///
    /// # Errors
    /// A block of nothing, or of a name that the rules do not have.
    pub async fn block(&self, new: &NewBlock) -> Result<Uuid, Fault> {
        new.fits(&self.policy)?;
        let (blocks, block) = (self.gateway()?.blocks.clone(), new.clone());
        let changed = blocking(move || blocks.add(&block, ACTOR)).await??;
        self.recorded(|recording| recording.block(changed.record, new));
        Ok(changed.record)
    }

    /// Lifts a block.
    ///
    /// # Errors
    /// A block that is not there, or is lifted already.
    pub async fn lift(&self, block: Uuid) -> Result<(), Fault> {
        let blocks = self.gateway()?.blocks.clone();
        let decision = Evidence { reference: "a test".to_owned(), sha256: "5e".repeat(32) };
        blocking(move || blocks.lift(block, &decision, ACTOR)).await??;
        self.recorded(|recording| recording.lift(block));
        Ok(())
    }

    /// Lets a mock partner play a script from now on; an empty one takes and answers everything.
    ///
    /// # Errors
    /// A partner that the rules do not have, or a script that cannot be read.
    pub fn play(&self, partner: &str, script: &str) -> Result<(), Fault> {
        self.play_in(Path::new(""), partner, script)
    }

    /// As [`Self::play`], with the paths of the script starting at a folder.
    pub(super) fn play_in(&self, folder: &Path, partner: &str, script: &str) -> Result<(), Fault> {
        let read = Script::read(partner, script, folder)
            .map_err(|found| Fault::Script(partner.to_owned(), found.to_string()))?;
        let mock = self.partners.iter().find(|(name, _)| name == partner);
        let (_, mock) = mock.ok_or_else(|| Fault::Unnamed(partner.to_owned()))?;
        mock.play(read);
        let rules = rules_of(script);
        self.recorded(|recording| recording.play(partner, rules));
        Ok(())
    }

    /// Sends a JSON document as the first caller, as to `POST /training-gb/enrolments`, and waits
    /// for all that comes of it.
    ///
    /// # Errors
    /// A request that cannot be written, or no answer.
    pub async fn send(&self, request: &str, json: impl ToString) -> Result<Sent, Fault> {
        self.ask(Ask::new(request).json(json.to_string())).await
    }

    /// Sends any request and waits for all that comes of it.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn ask(&self, mut ask: Ask) -> Result<Sent, Fault> {
        if ask.caller.is_empty() {
            ask.caller.clone_from(&self.first_caller);
        }
        let gateway = self.gateway()?;
        let (before, from) = (self.counts(), gateway.reader.size());
        let folder = self.world.certificate_folder();
        let answer = ask::send(&ask, &folder, gateway.address).await?;
        let entries = settled(&gateway.reader, from).await?;
        let sent = Sent {
            ask,
            status: answer.status,
            headers: answer.headers,
            body: answer.body,
            is_whole: answer.is_whole,
            received: self.received_since(&before),
            entries,
        };
        self.recorded(|recording| recording.sent(&sent));
        Ok(sent)
    }

    /// The number of entries that the ledger holds.
    ///
    /// # Errors
    /// The kit was stopped.
    pub fn size(&self) -> Result<u64, Fault> {
        Ok(self.gateway()?.reader.size())
    }

    /// The ledger's entries from a position on.
    ///
    /// # Errors
    /// The store failed.
    pub fn entries(&self, from: u64) -> Result<Vec<Value>, Fault> {
        entries_from(&self.gateway()?.reader, from)
    }

    /// Writes all that went through so far as a file for `otkel test`.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn record(&self, file: &Path) -> Result<(), Fault> {
        let recording = self.recording.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(fs::write(file, recording.text(file))?)
    }

    /// Stops the gateway, once every transfer is settled.
    pub async fn stop(mut self) {
        if let Some(gateway) = self.gateway.take() {
            gateway.stop().await;
        }
    }

    fn gateway(&self) -> Result<&Gateway, Fault> {
        self.gateway.as_ref().ok_or(Fault::Stopped)
    }

    pub(super) fn recorded(&self, note: impl FnOnce(&mut Recording)) {
        note(&mut self.recording.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn counts(&self) -> Vec<usize> {
        self.partners.iter().map(|(_, mock)| mock.received().len()).collect()
    }

    fn received_since(&self, counts: &[usize]) -> Vec<(String, Received)> {
        let of = |((name, mock), count): (&(String, MockPartner), &usize)| {
            let new = mock.received().into_iter().skip(*count);
            new.map(|received| (name.clone(), received)).collect::<Vec<_>>()
        };
        self.partners.iter().zip(counts).flat_map(of).collect()
    }
}

impl Drop for Testkit {
    fn drop(&mut self) {
        self.stop.cancel();
        let (gateway, folder) = (self.gateway.take(), self.folder.take());
        if let (Some(gateway), Ok(runtime)) = (gateway, tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                gateway.stop().await;
                drop(folder);
            });
        }
    }
}

/// A clock that stands still until it is set.
#[derive(Debug)]
pub struct Standing(AtomicI64);

impl Standing {
    /// A clock at a time.
    #[must_use]
    pub const fn at(time: Timestamp) -> Self {
        Self(AtomicI64::new(time.millis()))
    }

    /// Sets it.
    pub fn set(&self, time: Timestamp) {
        self.0.store(time.millis(), Ordering::SeqCst);
    }
}

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH.plus_millis(self.0.load(Ordering::SeqCst))
    }
}

/// The entries from a position on, once each disclosure among them has its outcome, for which no
/// answer waits.
///
/// # Errors
/// The store failed.
pub async fn settled(reader: &Reader, from: u64) -> Result<Vec<Value>, Fault> {
    let count = |entries: &[Value], kind: &str| {
        let is_it = |entry: &&Value| entry.get("type").and_then(Value::as_str) == Some(kind);
        entries.iter().filter(is_it).count()
    };
    let mut entries = entries_from(reader, from)?;
    for _ in 0..SETTLING_TRIES {
        if count(&entries, "disclosure") <= count(&entries, "outcome") {
            break;
        }
        tokio::time::sleep(SETTLING_PAUSE).await;
        entries = entries_from(reader, from)?;
    }
    Ok(entries)
}

fn entries_from(reader: &Reader, from: u64) -> Result<Vec<Value>, Fault> {
    let read = reader.entries(from).map(|stored| {
        let entry = serde_json::from_slice(&stored?.bytes);
        entry.map_err(|_| Fault::Entry)
    });
    read.collect()
}

/// Everyone whom the rules name.
fn cast(policy: &Policy, callers: &[Role]) -> Result<Cast, Fault> {
    let part = |partner: &Arc<crate::policy::Partner>| {
        let hosts = partner.endpoints.values().map(|at| (at.host.clone(), at.port));
        Part {
            name: partner.name.to_string(),
            hosts: hosts.collect(),
            recipients: partner.recipients.keys().map(ToString::to_string).collect(),
        }
    };
    let partners: Vec<Part> = policy.partners.values().map(part).collect();
    let mut callers = callers.to_vec();
    if callers.is_empty() {
        callers.push(role("app"));
    }
    let routes = policy.partners.values().flat_map(|partner| &partner.routes);
    let all: Vec<String> = routes.map(|route| route.name.to_string()).collect();
    for caller in &mut callers {
        let is_taken = partners.iter().any(|part| part.name == caller.name)
            || ["authority", "gateway", "gateway-client"].contains(&caller.name.as_str());
        if is_taken {
            return Err(Fault::Caller(caller.name.clone()));
        }
        if caller.routes.is_empty() {
            caller.routes.clone_from(&all);
        }
    }
    Ok(Cast { partners, callers, key_days: KEY_DAYS })
}

async fn start_mock(
    world: &World,
    name: &str,
    clock: &Arc<Standing>,
    stop: &CancellationToken,
) -> Result<MockPartner, Fault> {
    let setup = Mock {
        tls: mock::tls(&world.certificate_folder(), name)?,
        trust: trust::of(world, name)?,
        script: Script::default(),
        listen: ([127, 0, 0, 1], 0).into(),
        clock: clock.clone(),
        tell: None,
    };
    Ok(MockPartner::start_playing(setup, stop.clone()).await?)
}

fn configure(
    world: &World,
    policies: &Path,
    partners: &[(String, MockPartner)],
    limits: &str,
) -> Result<Config, Fault> {
    let mocks: Vec<SocketAddr> = partners.iter().map(|(_, mock)| mock.address).collect();
    let limits = if limits.is_empty() { String::new() } else { format!("\n[limits]\n{limits}\n") };
    let path = world.configure(&Setting {
        listen: ([127, 0, 0, 1], 0).into(),
        admin: ([127, 0, 0, 1], 0).into(),
        policies,
        mocks: &mocks,
        more: &format!("\n[rules]\nwatch = false\n{limits}"),
    })?;
    let text = fs::read_to_string(&path)?;
    Ok(Config::read("gateway.toml", &text, &world.folder).map_err(StartError::Unread)?)
}

fn write_rules(folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<PathBuf, Fault> {
    for (path, bytes) in files {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().unwrap_or(folder))?;
        fs::write(file, bytes)?;
    }
    Ok(folder.to_owned())
}

/// The id of the consent with a number: the same in every run, so that a file can name it.
pub(super) fn record_id(number: u64) -> Uuid {
    Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 | u128::from(number))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Fault::Stopped)
}

/// A folder that only its owner may look into, and that goes with this value.
struct Folder(PathBuf);

impl Folder {
    fn make() -> io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("otkel-test-{}-{number}-{}", std::process::id(), Uuid::now_v7());
        let path = std::env::temp_dir().join(name);
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own care for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Why a kit does not start, or does not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The gateway does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The folder cannot be made.
    #[error(transparent)]
    World(#[from] NoWorld),
    /// A mock partner does not start.
    #[error(transparent)]
    Partner(#[from] NoPartner),
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] Untrusted),
    /// A certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsFault),
    /// A file of the rules cannot be changed so.
    #[error("`{file}` cannot be edited: {why}")]
    Edit {
        /// The file.
        file: String,
        /// Why.
        why: String,
    },
    /// A caller's name is taken.
    #[error("a caller cannot be named `{0}`: a partner or the gateway is")]
    Caller(String),
    /// A consent does not fit the rules.
    #[error("the consent does not fit the rules: {0}")]
    Consent(String),
    /// A step speaks of what was never made.
    #[error("there is nothing of the name `{0}`")]
    Unnamed(String),
    /// A script of a mock partner cannot be read.
    #[error("the script of `{0}` cannot be read\n{1}")]
    Script(String, String),
    /// The consents were not changed.
    #[error(transparent)]
    Unchanged(#[from] Unchanged),
    /// The blocks were not changed.
    #[error(transparent)]
    Unblocked(#[from] Unblocked),
    /// The request cannot be written.
    #[error("`{0}` cannot be written as a request: check the method, the path and the headers")]
    Request(String),
    /// The gateway does not take the connection.
    #[error("the gateway took no connection: {0}")]
    Silent(io::Error),
    /// The gateway hung up without an answer.
    #[error("the gateway hung up without an answer")]
    Hung,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An entry of the ledger is not JSON.
    #[error("an entry of the ledger cannot be read")]
    Entry,
    /// The kit was stopped.
    #[error("the kit was stopped")]
    Stopped,
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] io::Error),
}

/// Who is named where somebody must be.
pub(super) const ACTOR: &str = "test";
/// Long enough for every term that a test may want to see the end of.
const KEY_DAYS: i64 = 40 * 365;
const SETTLING_PAUSE: Duration = Duration::from_millis(5);
const SETTLING_TRIES: u32 = 1000;
