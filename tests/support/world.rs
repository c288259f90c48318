//! A whole world in one process: mock partners, a gateway over real TLS, callers, and a clock that
//! stands still until it is told to move.
//!
//! ```text
//! let world = World::start().await;
//! world.send(enrol(&learners(&[NURLAN]))).await.is_refused("NO_CONSENT");
//! ```

#![allow(dead_code, unused_imports, reason = "each test uses a part of it")]

mod ask;
mod keys;
mod papers;
mod process;
mod sent;
mod stub;
mod wire;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use otkel::config::Config;
use otkel::demo::certificates::write_secret;
use otkel::demo::trust;
use otkel::demo::world::{PARTNERS, Setting, World as Folder};
use otkel::envelope::key::ListedKey;
use otkel::gateway::{Gateway, StartError, SystemClock};
use otkel::keyfile;
use otkel::partner::mock::{self, MockPartner, Received, Script, Setup};
use otkel::time::{Clock, Timestamp};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) use ask::*;
pub(crate) use papers::Papers;
pub(crate) use process::{Log, Process};
pub(crate) use sent::{Sent, count};
pub(crate) use stub::{Act, Desk, Gate, Request, Stub, WELL, unchunked};
pub(crate) use wire::{Wire, Words};

/// What a world is made with.
#[derive(Default)]
pub(crate) struct Plan {
    limits: String,
    more: String,
    rules: Vec<(String, String, String)>,
    secrets: Vec<(String, String)>,
    edits: Vec<(String, String)>,
    recipients: Vec<(String, String, ListedKey)>,
    own_rules: bool,
    stubs: BTreeMap<&'static str, Stub>,
    scripts: BTreeMap<&'static str, String>,
    real_time: bool,
}

/// A running world.
pub(crate) struct World {
    pub(crate) clock: Arc<Hands>,
    pub(crate) config: PathBuf,
    folder: Folder,
    gateway: Option<Gateway>,
    process: Option<Process>,
    partners: BTreeMap<&'static str, Partner>,
    stop: CancellationToken,
}

enum Partner {
    Mock(MockPartner),
    Stub(Arc<Mutex<Vec<u8>>>),
}

impl World {
    /// The demonstration's world, as it is.
    pub(crate) async fn start() -> Self {
        Self::plan().start().await
    }

    pub(crate) fn plan() -> Plan {
        Plan::default()
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }

    /// Starts the gateway again, on the store that is there.
    pub(crate) async fn run(&mut self) {
        self.try_run(self.clock.clone()).await.unwrap();
    }

    pub(crate) async fn try_run(&mut self, clock: Arc<dyn Clock>) -> Result<(), StartError> {
        let text = fs::read_to_string(&self.config).unwrap();
        let config = Config::read("gateway.toml", &text, self.folder());
        let config = config.unwrap_or_else(|wrong| panic!("{}", wrong.to_string()));
        self.gateway = Some(Gateway::start(config, clock).await?);
        Ok(())
    }

    /// Starts the gateway for the first time, the sample's consents imported.
    pub(crate) async fn begin(mut self, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        self.try_run(clock).await?;
        let text = fs::read_to_string(self.folder().join("consents.ndjson")).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let import = || self.gateway().consents.grant_all(&lines, "sample");
        let imported = tokio::task::block_in_place(import);
        assert!(imported.iter().all(Result::is_ok), "{imported:?}");
        Ok(self)
    }

    /// Stops the gateway, once every transfer is settled, and leaves the store.
    pub(crate) async fn stop(&mut self) {
        self.gateway.take().unwrap().stop().await;
    }

    /// Where the gateway takes transfers, and where its admin API is.
    pub(crate) fn addresses(&self) -> (SocketAddr, SocketAddr) {
        match (&self.gateway, &self.process) {
            (Some(gateway), _) => (gateway.address, gateway.admin),
            (None, Some(process)) => (process.address, process.admin),
            (None, None) => panic!("no gateway runs"),
        }
    }

    /// Runs `otkel serve` in the place of a gateway in this process.
    pub(crate) fn serve(&mut self, arguments: &[&str]) {
        let arguments = [&["serve"], arguments].concat();
        self.process = Some(tokio::task::block_in_place(|| Process::start(self, &arguments)));
    }

    /// Sends the running program a signal.
    pub(crate) fn signal(&self, signal: &str) {
        self.process.as_ref().unwrap().signal(signal);
    }

    /// The most memory that the running program has had resident so far, in KiB.
    pub(crate) fn resident_max(&self) -> u64 {
        self.process.as_ref().unwrap().resident_max()
    }

    /// Takes the running program out, to stop it.
    pub(crate) fn process(&mut self) -> Process {
        self.process.take().unwrap()
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder.folder
    }

    pub(crate) fn certificates(&self) -> PathBuf {
        self.folder.certificate_folder()
    }

    /// Edits a file of the world; `from` must be there.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        replace(&self.folder().join(file), from, to);
    }

    /// Records a consent; its ledger position.
    pub(crate) fn grant(&self, consent: &Value) -> u64 {
        self.try_grant(consent).unwrap()
    }

    pub(crate) fn try_grant(&self, consent: &Value) -> Result<u64, String> {
        let grant = || self.gateway().consents.grant(&consent.to_string(), "officer");
        tokio::task::block_in_place(grant).map(|c| c.seq).map_err(|e| e.to_string())
    }

    /// Withdraws all of a consent.
    pub(crate) fn withdraw(&self, record: Uuid) -> u64 {
        self.withdraw_part(record, json!({"channel": "written"}))
    }

    pub(crate) fn withdraw_part(&self, record: Uuid, how: Value) -> u64 {
        let how = serde_json::from_value(how).unwrap();
        let withdraw = || self.gateway().consents.withdraw(record, &how, "officer");
        tokio::task::block_in_place(withdraw).unwrap().seq
    }

    /// What a mock partner received, oldest first.
    pub(crate) fn received(&self, partner: &str) -> Vec<Received> {
        match &self.partners[partner] {
            Partner::Mock(mock) => mock.received(),
            Partner::Stub(_) => panic!("{partner} is a stub: see `heard`"),
        }
    }

    /// The plain bytes that a stub heard.
    pub(crate) fn heard(&self, partner: &str) -> Vec<u8> {
        match &self.partners[partner] {
            Partner::Mock(_) => panic!("{partner} is a mock: see `received`"),
            Partner::Stub(heard) => heard.lock().unwrap().clone(),
        }
    }

    /// How much has reached the partners so far: payloads of mocks, bytes of stubs.
    pub(crate) fn arrived(&self) -> BTreeMap<&'static str, usize> {
        let size = |partner: &Partner| match partner {
            Partner::Mock(mock) => mock.received().len(),
            Partner::Stub(heard) => heard.lock().unwrap().len(),
        };
        self.partners.iter().map(|(name, partner)| (*name, size(partner))).collect()
    }

    /// The ledger's entries from a position on.
    pub(crate) fn entries(&self, from: u64) -> Vec<Value> {
        let stored = self.gateway().reader.entries(from).map(Result::unwrap);
        stored.map(|entry| serde_json::from_slice(&entry.bytes).unwrap()).collect()
    }

    /// The subject lines of the entries from a position on.
    pub(crate) fn lines(&self, from: u64) -> Vec<Vec<Value>> {
        let stored = self.gateway().reader.entries(from).map(Result::unwrap);
        stored.map(|entry| lines(entry.lines.as_deref().unwrap_or_default())).collect()
    }

    /// Runs the program itself on this world's configuration.
    pub(crate) fn otkel(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        tokio::task::block_in_place(|| command.output()).unwrap()
    }

    /// `otkel WORDS --config …`, with nothing of the test's own environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_otkel"));
        command
            .env_clear()
            .current_dir(self.folder())
            .args(arguments)
            .arg("--config")
            .arg(&self.config);
        command
    }

    /// Asks the admin API: status and JSON.
    pub(crate) async fn admin(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let token = fs::read_to_string(self.folder().join("keys/officer.token")).unwrap();
        self.admin_as(Some(&token), method, path, body).await
    }

    /// Sends a request where other things go on at once.
    pub(crate) async fn ask(&self, ask: Ask) -> Words {
        wire::send(self, &ask).await
    }

    /// Sends a request over HTTP/2 and hangs up as soon as `heard` says so.
    pub(crate) async fn hang_up(&self, ask: Ask, heard: impl Future<Output = ()>) {
        wire::hang_up(self, &ask, heard).await;
    }

    /// Asks for a transfer without a client certificate.
    pub(crate) async fn knock_without_certificate(&self) -> std::io::Result<()> {
        wire::knock(self).await
    }

    pub(crate) async fn admin_as(
        &self,
        token: Option<&str>,
        method: &str,
        path: &str,
        body: &str,
    ) -> (u16, Value) {
        let words = wire::admin(self.addresses().1, token, (method, path), body).await;
        let text = String::from_utf8(words.body).unwrap();
        (words.status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(self.folder());
        }
    }
}

impl Plan {
    /// Sets limits: lines of `[limits]`.
    pub(crate) fn limits(mut self, lines: &str) -> Self {
        self.limits = format!("\n[limits]\n{lines}\n");
        self
    }

    /// More of the configuration: whole tables.
    pub(crate) fn configure(mut self, tables: &str) -> Self {
        self.more.push_str(tables);
        self
    }

    /// Edits the configuration; `from` must be there, and `@CERTIFICATE_PIN@` in `to` becomes the
    /// pin of the training partner's certificate.
    pub(crate) fn edit(mut self, from: &str, to: &str) -> Self {
        self.edits.push((from.to_owned(), to.to_owned()));
        self
    }

    /// Writes a file that only its owner may read.
    pub(crate) fn secret(mut self, file: &str, text: &str) -> Self {
        self.secrets.push((file.to_owned(), text.to_owned()));
        self
    }

    /// Edits a copy of the rules; `from` must be there.
    pub(crate) fn rule(mut self, file: &str, from: &str, to: &str) -> Self {
        self.rules.push((file.to_owned(), from.to_owned(), to.to_owned()));
        self
    }

    /// Takes a copy of the rules, which the test may change while the gateway runs: it reads them
    /// again when it is told to.
    pub(crate) fn own_rules(mut self) -> Self {
        self.own_rules = true;
        self.configure("\n[rules]\nwatch = false\n")
    }

    /// Puts a stub in the place of a mock partner.
    pub(crate) fn stub(mut self, partner: &'static str, stub: Stub) -> Self {
        self.stubs.insert(partner, stub);
        self
    }

    /// Gives a mock partner a script.
    pub(crate) fn script(mut self, partner: &'static str, text: &str) -> Self {
        self.scripts.insert(partner, text.to_owned());
        self
    }

    /// Takes the system's clock, and rules that hold for as long as the test may be run.
    pub(crate) fn real_time(mut self) -> Self {
        self.real_time = true;
        for (name, _, _) in PARTNERS {
            let file = format!("partners/{name}.toml");
            for what in ["valid_to = ", "review_due = ", "\nuntil = "] {
                let (from, to) = (format!("{what}2027-"), format!("{what}2099-"));
                self = self.rule(&file, &from, &to);
            }
        }
        self
    }

    /// Starts it all, the sample's consents imported.
    pub(crate) async fn start(self) -> World {
        self.try_start().await.unwrap_or_else(|why| panic!("the gateway does not start: {why}"))
    }

    /// As [`Self::start`], where it may be that the gateway does not start.
    pub(crate) async fn try_start(self) -> Result<World, StartError> {
        let real_time = self.real_time;
        let world = self.prepare().await;
        let clock: Arc<dyn Clock> =
            if real_time { Arc::new(SystemClock) } else { world.clock.clone() };
        world.begin(clock).await
    }

    /// All but the gateway: for those who run the program itself.
    pub(crate) async fn prepare(self) -> World {
        let clock = Arc::new(Hands::at(NOON));
        let time: Arc<dyn Clock> =
            if self.real_time { Arc::new(SystemClock) } else { clock.clone() };
        let now = time.now();
        let folder = Folder::make(&fresh(), now).unwrap();
        for (file, text) in &self.secrets {
            write_secret(&folder.folder.join(file), text.as_bytes()).unwrap();
        }
        for (partner, name, key) in self.recipients {
            let identity = keys::identity(&folder, &partner);
            let list = keyfile::list_with(None, &name, key, &identity, now).unwrap();
            fs::write(folder.partner_list(&format!("{partner}.{name}")), list).unwrap();
        }
        let papers = Papers::make(&folder.certificate_folder());
        let stop = CancellationToken::new();
        let (mut partners, mut addresses) = (BTreeMap::new(), Vec::new());
        for (name, host, _) in PARTNERS {
            let (partner, address) = if let Some(stub) = self.stubs.get(name) {
                let pair = papers.of(stub.papers, name, host);
                let (heard, address) = stub.start(pair, desk(&folder, name)).await;
                (Partner::Stub(heard), address)
            } else {
                let script = self.scripts.get(name).map_or("", String::as_str);
                let script = Script::read("script.toml", script, &folder.folder);
                let script = script.unwrap_or_else(|wrong| panic!("{wrong}"));
                let mock = start(&folder, (name, script), Arc::clone(&time), &stop).await;
                let address = mock.address;
                (Partner::Mock(mock), address)
            };
            partners.insert(name, partner);
            addresses.push(address);
        }
        let setting = Setting {
            listen: ([127, 0, 0, 1], 0).into(),
            admin: ([127, 0, 0, 1], 0).into(),
            policies: &rules(&folder.folder, &self.rules, self.own_rules),
            mocks: &addresses,
            more: &format!("{}{}", self.more, self.limits),
        };
        let config = folder.configure(&setting).unwrap();
        for (from, to) in &self.edits {
            replace(&config, from, &to.replace("@CERTIFICATE_PIN@", &papers.pin("training-gb")));
        }
        World { clock, config, folder, gateway: None, process: None, partners, stop }
    }
}

fn desk(folder: &Folder, name: &str) -> Desk {
    let secret = keyfile::read_secret(&folder.partner_key(name)).unwrap();
    Desk { identity: keys::identity(folder, name), secret }
}

async fn start(
    folder: &Folder,
    (name, script): (&str, Script),
    clock: Arc<dyn Clock>,
    stop: &CancellationToken,
) -> MockPartner {
    let setup = Setup {
        tls: mock::tls(&folder.certificate_folder(), name).unwrap(),
        trust: trust::of(folder, name).unwrap(),
        script,
        listen: ([127, 0, 0, 1], 0).into(),
        clock,
        tell: None,
    };
    MockPartner::start(setup, stop.clone()).await.unwrap()
}

/// A copy of the rules with each edit made, or the rules themselves where nobody changes them.
fn rules(folder: &Path, edits: &[(String, String, String)], own: bool) -> PathBuf {
    let origin = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    if edits.is_empty() && !own {
        return origin;
    }
    let copy = folder.join("policies");
    for below in ["", "partners", "notices"] {
        fs::create_dir_all(copy.join(below)).unwrap();
        for entry in fs::read_dir(origin.join(below)).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), copy.join(below).join(entry.file_name())).unwrap();
            }
        }
    }
    for (file, from, to) in edits {
        replace(&copy.join(file), from, to);
    }
    copy
}

fn replace(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{} does not hold {from:?}", file.display());
    fs::write(file, text.replace(from, to)).unwrap();
}

/// A folder that nobody else has.
pub(crate) fn fresh() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("world-{}-{number}", std::process::id());
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Subject lines as they are stored, one JSON object each.
pub(crate) fn lines(stored: &[u8]) -> Vec<Value> {
    otkel::ledger::line::split(stored).map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// A clock that somebody sets.
pub(crate) struct Hands(AtomicI64);

impl Hands {
    fn at(time: &str) -> Self {
        Self(AtomicI64::new(Timestamp::parse(time).unwrap().millis()))
    }

    pub(crate) fn set(&self, time: Timestamp) {
        self.0.store(time.millis(), Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// When every scripted world begins.
pub(crate) const NOON: &str = "2026-11-22T07:00:00Z";
