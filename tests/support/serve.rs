//! The real program as a process of its own: `otkel serve` in a world of its own, with one partner
//! and any number of callers in the test.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use otkel::demo::caller::{Caller, Reply};
use otkel::demo::world::{Setting, World};
use otkel::envelope::{self, RecipientSecret};
use otkel::gateway::SystemClock;
use otkel::keyfile;
use otkel::keys;
use otkel::ledger::checkpoint::LogKey;
use otkel::proxy::body;
use otkel::proxy::front::HeadFault;
use otkel::proxy::upstream::Failure;
use otkel::server::{self, Body, Limits, Service};
use otkel::time::Clock as _;
use otkel::tls::{self, Identity, Peer};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::fault::Fault;

/// A folder with everything that a gateway needs, and its partner, which listens.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) partner: Partner,
    pub(crate) fault: Fault,
    /// Bytes by which each consent is made longer.
    pub(crate) padding: usize,
    config: PathBuf,
}

impl Stage {
    /// A stage of this name, made anew.
    pub(crate) async fn new(name: &str) -> Self {
        let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join("serve").join(name);
        let _ = fs::remove_dir_all(&base);
        fs::create_dir_all(&base).unwrap();
        let world = World::make(&base.join("world"), SystemClock.now()).unwrap();
        let partner = Partner::start(&world).await;
        let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let config = world
            .configure(&Setting {
                listen: ([127, 0, 0, 1], 0).into(),
                admin: ([127, 0, 0, 1], 0).into(),
                policies: &policies,
                mocks: &[partner.address; 3],
                more: "",
            })
            .unwrap();
        let fault = Fault::over(&world.folder);
        Self { world, partner, fault, padding: 0, config }
    }

    /// The program, not yet told what to do.
    pub(crate) fn program() -> Command {
        Command::new(PROGRAM)
    }

    /// The configuration file.
    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    /// The store's file.
    pub(crate) fn store(&self) -> PathBuf {
        self.world.folder.join(STORE)
    }

    /// The file in which checkpoints are published.
    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.world.folder.join("checkpoint")
    }

    /// The key that checks checkpoints, as `--key` takes it.
    pub(crate) fn key(&self) -> String {
        let key = keys::read(&self.world.folder.join("keys/ledger.key")).unwrap();
        let key = LogKey::new("gw.demo.example/disclosures", Arc::new(key)).unwrap();
        key.public().to_string()
    }

    /// Starts the gateway.
    pub(crate) async fn serve(&self) -> Server {
        let started = start(Self::program(), &self.config).await;
        started.unwrap_or_else(|ended| panic!("it did not start: {ended:?}"))
    }

    /// Starts the gateway, which suffers faults as they are planned; `Err` if it ends before it
    /// listens.
    pub(crate) async fn serve_with_faults(&self) -> Result<Server, Ended> {
        start(self.fault.command(PROGRAM), &self.config).await
    }

    /// Starts the process that serves, without waiting until it listens.
    pub(crate) fn spawn(&self) -> Child {
        child(Self::program(), &self.config)
    }

    /// Takes away the store and what was published of it, and forgets what the partner has seen.
    pub(crate) fn forget(&self) {
        fs::remove_dir_all(self.world.folder.join("store")).unwrap();
        fs::create_dir(self.world.folder.join("store")).unwrap();
        let _ = fs::remove_file(self.checkpoint());
        *self.partner.seen.lock().unwrap() = Seen::default();
    }

    /// An information system that may send to the gateway's partner abroad.
    pub(crate) fn caller(&self, server: &Server) -> Caller {
        Caller::new(&self.world.certificate_folder(), "lms", server.address).unwrap()
    }

    /// The id of a numbered person's consent record.
    pub(crate) fn record(number: u64) -> Uuid {
        Uuid::from_u128((0x0192_0000_0000_7000_9000 << 48) | u128::from(number))
    }

    /// A consent of a person, numbered, as it is handed in: to the partner abroad, names only.
    pub(crate) fn consent(&self, number: u64) -> (Uuid, String) {
        let lines = fs::read_to_string(self.world.folder.join("consents.ndjson")).unwrap();
        let mut consent: Value = serde_json::from_str(lines.lines().nth(2).unwrap()).unwrap();
        let record = Self::record(number);
        consent["record_id"] = record.to_string().into();
        consent["subject"]["id"] = person(number).into();
        if self.padding > 0 {
            consent["withdrawal_method"] = "x".repeat(self.padding).into();
        }
        (record, consent.to_string())
    }
}

/// Starts a gateway with the configuration in a world's folder; `Err` if it ends before it listens.
pub(crate) async fn start(program: Command, config: &Path) -> Result<Server, Ended> {
    let mut child = child(program, config);
    let stdout = child.stdout.take().unwrap();
    let reading = tokio::task::spawn_blocking(move || {
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        (stdout, line)
    });
    let (stdout, line) = reading.await.unwrap();
    let Some((address, admin)) = addresses(&line) else {
        let status = child.wait().unwrap();
        let said = fs::read_to_string(log(config)).unwrap();
        return Err(Ended { status, said });
    };
    let token = config.with_file_name("keys").join("officer.token");
    let token = fs::read_to_string(token).unwrap();
    Ok(Server { child, address, admin, token, _stdout: stdout })
}

fn child(mut program: Command, config: &Path) -> Child {
    let log = File::create(log(config)).unwrap();
    program.args(["serve", "--config"]).arg(config);
    program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().unwrap()
}

/// Beside the world's folder, so that no fault meets it.
fn log(config: &Path) -> PathBuf {
    config.parent().unwrap().with_extension("log")
}

/// The identifier of a numbered person; its seventh digit is reserved, so it is nobody's.
pub(crate) fn person(number: u64) -> String {
    format!("5801010{number:05}")
}

/// A transfer of numbered people to the partner abroad.
pub(crate) fn enrolment(people: &[u64]) -> String {
    let learner = |n: &u64| format!(r#"{{"iin":"{}","family_name":"Тест"}}"#, person(*n));
    let learners: Vec<String> = people.iter().map(learner).collect();
    format!(r#"{{"learners":[{}]}}"#, learners.join(","))
}

/// Sends a transfer of numbered people.
pub(crate) async fn send(caller: &Caller, people: &[u64]) -> Result<Reply, Failure> {
    let headers = [("content-type", "application/json")];
    caller.send(("POST", "/training-gb/enrolments"), &headers, enrolment(people)).await
}

/// The code of a problem document.
pub(crate) fn code(reply: &Reply) -> String {
    let problem: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    problem["code"].as_str().unwrap_or_default().to_owned()
}

/// A gateway that listens, in a process of its own, which is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    token: String,
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Kills the process, and says whether it was still alive.
    pub(crate) fn kill(mut self) -> bool {
        self.child.kill().unwrap();
        self.child.wait().unwrap().signal() == Some(SIGKILL)
    }

    /// Waits until the process has ended by itself or by its plan.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Whether the process has ended.
    pub(crate) fn is_dead(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until every thread of the process stands still after `STOP`.
    pub(crate) fn is_stopped(&self) {
        let tasks = format!("/proc/{}/task", self.child.id());
        let stands = |task: io::Result<fs::DirEntry>| {
            let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
            stat.rsplit_once(") ").unwrap().1.starts_with('T')
        };
        while !fs::read_dir(&tasks).unwrap().all(stands) {
            std::thread::yield_now();
        }
    }

    /// Sends the process a signal, such as `STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", signal, &pid]).status().unwrap();
        assert!(status.success());
    }

    /// Asks for an end, and waits for it.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        self.ended()
    }

    /// Whom to ask on the admin API; outlives the server.
    pub(crate) fn desk(&self) -> Desk {
        Desk { admin: self.admin, token: self.token.clone() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a process ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) said: String,
}

impl Ended {
    /// Whether it was killed.
    pub(crate) fn was_killed(&self) -> bool {
        self.status.signal() == Some(SIGKILL)
    }
}

/// An officer at the admin API.
#[derive(Clone)]
pub(crate) struct Desk {
    admin: SocketAddr,
    token: String,
}

impl Desk {
    pub(crate) async fn health(&self) -> io::Result<(u16, Value)> {
        self.ask("GET", "/health", "").await
    }

    pub(crate) async fn grant(&self, consent: &str) -> io::Result<(u16, Value)> {
        self.ask("POST", "/consents", consent).await
    }

    pub(crate) async fn withdraw(&self, record: Uuid) -> io::Result<(u16, Value)> {
        let path = format!("/consents/{record}/withdraw");
        self.ask("POST", &path, r#"{"channel":"written"}"#).await
    }

    /// Blocks transfers of a person's data; the block's id, its entry and the status.
    pub(crate) async fn block(&self, number: u64) -> io::Result<(u16, Value)> {
        let id = person(number);
        let block = json!({"subject": {"scheme": "kz-iin", "id": id}, "document": "No. 7"});
        self.ask("POST", "/blocks", &block.to_string()).await
    }

    /// Lifts a block.
    pub(crate) async fn lift(&self, block: Uuid) -> io::Result<(u16, Value)> {
        let decision = json!({"reference": "No. 8", "sha256": "5e".repeat(32)});
        self.ask("POST", &format!("/blocks/{block}/lift"), &decision.to_string()).await
    }

    /// Waits until the ledger can be written, or fails after some seconds.
    pub(crate) async fn well(&self) {
        let well = async {
            while self.health().await.unwrap().0 != 200 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), well).await.expect("it did not recover");
    }

    /// One request; `Err` unless the whole answer came.
    async fn ask(&self, method: &str, path: &str, body: &str) -> io::Result<(u16, Value)> {
        let mut stream = TcpStream::connect(self.admin).await?;
        let (token, length) = (&self.token, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let broken = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(broken)?;
        let status = head.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(broken)?;
        Ok((status, serde_json::from_str(body)?))
    }
}

/// The partner: takes envelopes, and notes what reached it as soon as it does.
pub(crate) struct Partner {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    gate: Arc<RwLock<()>>,
    _stop: DropGuard,
}

/// What reached a partner.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The disclosure id of every request, noted before anything of its body was read.
    pub(crate) begun: Vec<String>,
    /// The disclosure id, and the SHA-256 of the envelope, of every request that came whole.
    pub(crate) whole: Vec<(String, String)>,
}

impl Partner {
    async fn start(world: &World) -> Self {
        let certificates = world.certificate_folder();
        let file = |name: &str| certificates.join(name);
        let identity = Identity::load(&file("training-gb.pem"), &file("training-gb.key")).unwrap();
        let acceptor = tls::acceptor(&identity, &file("authority.pem")).unwrap();
        let secret = keyfile::read_secret(&world.partner_key("training-gb")).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let gate = Arc::new(RwLock::new(()));
        let (secret, noted, passed) = (Arc::new(secret), Arc::clone(&seen), Arc::clone(&gate));
        let counter = Counter { secret, seen: noted, gate: passed };
        let stop = CancellationToken::new();
        tokio::spawn(server::serve(listener, acceptor, Limits::default(), counter, stop.clone()));
        Self { address, seen, gate, _stop: stop.drop_guard() }
    }

    /// Keeps the partner from answering, though not from taking, until the guard is dropped.
    pub(crate) async fn hold(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.gate).write_owned().await
    }

    /// Waits until so many requests have come whole.
    pub(crate) async fn whole(&self, number: usize) {
        let come = async {
            while self.seen().whole.len() < number {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), come).await.expect("it did not come");
    }

    /// What has reached it so far.
    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}

#[derive(Clone)]
struct Counter {
    secret: Arc<RecipientSecret>,
    seen: Arc<Mutex<Seen>>,
    gate: Arc<RwLock<()>>,
}

impl Service for Counter {
    async fn call(
        &self,
        request: Request<Incoming>,
        _peer: Arc<Peer>,
        fault: Option<HeadFault>,
    ) -> Response<Body> {
        assert!(fault.is_none(), "the gateway sent a bad head");
        let (parts, incoming) = request.into_parts();
        let did = parts.headers["otkel-id"].to_str().unwrap().to_owned();
        self.seen.lock().unwrap().begun.push(did.clone());
        let read = body::read(incoming, 1 << 20, Duration::from_secs(30)).await;
        let Ok(envelope) = read else { return answer(StatusCode::BAD_REQUEST) };
        let sha256 = HEXLOWER.encode(&Sha256::digest(&envelope));
        self.seen.lock().unwrap().whole.push((did.clone(), sha256));
        drop(self.gate.read().await);
        let opened = envelope::open(&envelope, &self.secret);
        let fits = opened.is_ok_and(|(header, _)| header.did.to_string() == did);
        answer(if fits { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY })
    }
}

fn answer(status: StatusCode) -> Response<Body> {
    let body = Full::new(Bytes::from_static(b"{}")).map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let rest = line.trim().strip_prefix("listening on https://")?;
    let (address, admin) = rest.split_once(", admin on http://")?;
    Some((address.parse().ok()?, admin.parse().ok()?))
}

/// Where the store is in the world's folder.
pub(crate) const STORE: &str = "store/otkel.db";
const PROGRAM: &str = env!("CARGO_BIN_EXE_otkel");
const SIGKILL: i32 = 9;
