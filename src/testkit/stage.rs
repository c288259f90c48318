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

use super::setup::cast;
use super::{Ask, Consent, Fault, Recording, Sent, Setup, ask};
use crate::config::Config;
use crate::consent::record::Evidence;
use crate::demo::trust::{self};
use crate::demo::world::{Setting, World};
use crate::gateway::{Gateway, StartError, SystemClock};
use crate::partner::mock::{self, MockPartner, Received, Script, Setup as Mock};
use crate::policy::Policy;
use crate::store::consents::Withdrawal;
use crate::store::{NewBlock, Reader};
use crate::time::{Clock, Timestamp};

/// The rules of a script that was read.
fn rules_of(script: &str) -> toml::Value {
    let table: toml::Table = toml::from_str(script).unwrap_or_default();
    table.get("rule").cloned().unwrap_or_else(|| toml::Value::Array(Vec::new()))
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

    pub(super) async fn with(setup: Setup) -> Result<Self, Fault> {
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

/// Who is named where somebody must be.
pub(super) const ACTOR: &str = "test";
const SETTLING_PAUSE: Duration = Duration::from_millis(5);
const SETTLING_TRIES: u32 = 1000;
