//! The receiving proxy, killed at any point, and on a disk that fails: no message that was
//! acknowledged is lost, and none is accepted twice.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use otkel::envelope::Kem;
use otkel::gateway::SystemClock;
use otkel::keyfile;
use otkel::signing::Sign as _;
use otkel::signing::receipt::Status;
use otkel::time::Clock as _;

use crate::application::App;
use crate::dice::Dice;
use crate::fault::Fault;
use crate::letter::{
    CLIENT, GATEWAY, HOST, IDENTITY, KEY, Letter, PARTNER, Post, Reply, SIGNER, Way, secret, signer,
};
use crate::tls::{Authority, Folder};

/// A folder with everything that a proxy needs, its application and its gateway.
struct Stage {
    folder: PathBuf,
    fault: Fault,
    app: App,
    authority: Authority,
    client: otkel::tls::Identity,
    _papers: Folder,
}

/// A proxy in a process of its own, which is killed when this is dropped.
struct Proxy {
    child: Child,
    status: SocketAddr,
    way: Way,
    stdout: BufReader<ChildStdout>,
}

impl Stage {
    async fn new(name: &str) -> Self {
        let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join("partner").join(name);
        let _ = fs::remove_dir_all(&base);
        let folder = base.join("world");
        fs::create_dir_all(folder.join("taken")).unwrap();
        let (app, authority) = (App::start().await, Authority::new("gateways"));
        let server = authority.issue(&[HOST]);
        let client = authority.issue(&[CLIENT]).identity();
        let papers = Folder::new();
        let ca = fs::read_to_string(authority.file()).unwrap();
        let paper = |name, text: &str| papers.write(name, text).display().to_string();
        let config = format!(
            "[partner]\nname = \"{PARTNER}\"\nhosts = [\"{HOST}\"]\nlisten = \"127.0.0.1:0\"\n\
             status = \"127.0.0.1:0\"\ntaken = \"taken/taken.db\"\n\
             [tls]\ncertificate = \"{}\"\nkey = \"{}\"\nclient_ca = \"{}\"\n\
             [identity]\nfile = \"{}\"\n\
             [keys]\nprivate = [\"{}\"]\n\
             [application]\naddress = \"{}\"\n\
             [[gateway]]\nname = \"{GATEWAY}\"\ncertificate = \"{CLIENT}\"\nkeys = [\"{}\"]\n",
            server.certificate.display(),
            server.key.display(),
            paper("ca.pem", &ca),
            paper("identity.key", &signer(IDENTITY).to_pem().unwrap()),
            paper("partner.key", &keyfile::pem(&secret(Kem::X25519, KEY))),
            app.address,
            signer(SIGNER).key(),
        );
        fs::write(folder.join("partner.toml"), config).unwrap();
        let fault = Fault::over(&folder);
        Self { folder, fault, app, authority, client, _papers: papers }
    }

    async fn start(&self) -> Proxy {
        let started = self.try_start(Command::new(PROGRAM)).await;
        started.unwrap_or_else(|status| panic!("it did not start: {status}\n{}", self.log()))
    }

    /// Starts the proxy, which suffers faults as they are planned; `Err` if it ends before it
    /// listens.
    async fn start_with_faults(&self) -> Result<Proxy, ExitStatus> {
        self.try_start(self.fault.command(PROGRAM)).await
    }

    async fn try_start(&self, mut program: Command) -> Result<Proxy, ExitStatus> {
        let log = File::create(self.folder.with_extension("log")).unwrap();
        program.args(["partner", "--config"]).arg(self.folder.join("partner.toml"));
        let mut child =
            program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let reading = tokio::task::spawn_blocking(move || {
            let mut stdout = BufReader::new(stdout);
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            (stdout, line)
        });
        let (stdout, line) = reading.await.unwrap();
        let told = line.trim().strip_prefix("listening on https://");
        let Some((address, status)) = told.and_then(|told| told.split_once(", status on http://"))
        else {
            return Err(child.wait().unwrap());
        };
        let address = address.parse().unwrap();
        let way = Way::new(address, &self.client, &self.authority.file());
        Ok(Proxy { child, status: status.parse().unwrap(), way, stdout })
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.with_extension("log")).unwrap()
    }

    /// Takes away the file of taken messages.
    fn forget(&self) {
        fs::remove_dir_all(self.folder.join("taken")).unwrap();
        fs::create_dir(self.folder.join("taken")).unwrap();
    }
}

impl Proxy {
    fn is_dead(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
    }

    fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().unwrap()
    }

    /// The next line that it says.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Whether it can write down messages, as it says itself.
    async fn is_well(&self) -> bool {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(self.status).await.unwrap();
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text.starts_with("HTTP/1.1 200")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was sent, and the ids that the gateway was given a receipt of acceptance for.
#[derive(Default)]
struct Notes {
    sent: Vec<String>,
    accepted: Vec<String>,
}

impl Notes {
    /// Notes a message that is about to be sent.
    fn sends(&mut self, ids: &[String]) {
        self.sent.extend_from_slice(ids);
    }

    /// Notes what came of it. A stream is accepted as far as its receipt counts.
    fn hears(&mut self, ids: &[String], reply: Option<&Reply>) {
        let Some(receipt) = reply.and_then(Reply::receipt) else { return };
        if receipt.status == Status::Accepted {
            let parts = receipt.parts.map_or(ids.len(), |parts| parts.try_into().unwrap());
            self.accepted.extend_from_slice(&ids[..parts]);
        }
    }

    /// The promise: at most once each, and exactly once where it was acknowledged.
    fn hold(&self, counts: &BTreeMap<String, usize>) {
        for id in &self.sent {
            let count = counts.get(id).copied().unwrap_or_default();
            assert!(count <= 1, "{id} was accepted {count} times");
        }
        for id in &self.accepted {
            assert_eq!(counts.get(id), Some(&1), "{id} was acknowledged and is lost");
        }
    }
}

fn message() -> (Vec<String>, Post) {
    let letter = Letter::new(SystemClock.now(), br#"{"n":1}"#);
    (vec![letter.header.did.to_string()], letter.post())
}

fn stream() -> (Vec<String>, Post) {
    let parts = Letter::parts(SystemClock.now(), &[b"[1]", b"[2]", b"[3]"]);
    let envelopes: Vec<_> = parts.iter().map(Letter::envelope).collect();
    let ids = parts.iter().map(|part| part.header.did.to_string()).collect();
    (ids, parts[0].sent.frames(&envelopes))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_call_of_a_received_message_loses_nothing_and_repeats_nothing() {
    let stage = Stage::new("message").await;
    for action in ["kill", "tear"] {
        println!("{} points", walk(&stage, action, message).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_call_of_a_received_stream_loses_nothing_and_repeats_nothing() {
    let stage = Stage::new("stream").await;
    for action in ["kill", "tear"] {
        println!("{} points", walk(&stage, action, stream).await);
    }
}

/// Sends with a kill at the first call, the second and so on, until it is answered without one; and
/// each time once more, to the proxy that was started again.
async fn walk(stage: &Stage, action: &str, made: fn() -> (Vec<String>, Post)) -> u64 {
    let mut notes = Notes::default();
    let (mut unanswered, mut burned) = (0, 0);
    for n in 1..=CALLS_MAX {
        stage.fault.calm();
        let mut proxy = stage.start_with_faults().await.unwrap();
        let (ids, post) = made();
        notes.sends(&ids);
        stage.fault.plan(&format!("{action} any {n}"));
        let reply = proxy.way.try_send(&post).await;
        notes.hears(&ids, reply.as_ref());
        // The plan may have struck after the answer: then all of it is done.
        let done = reply.is_some() && !proxy.is_dead();
        stage.fault.calm();
        drop(proxy);
        unanswered += u64::from(reply.is_none());
        let proxy = stage.start().await;
        let before = stage.app.counts();
        let again = proxy.way.send(&post).await;
        notes.hears(&ids, Some(&again));
        notes.hold(&stage.app.counts());
        if let Some(reply) = reply {
            assert_eq!((reply.status, again.refusal()), (201, (409, "replayed")));
        } else if again.status == 409 && !ids.iter().all(|id| before.contains_key(id)) {
            burned += 1;
        }
        assert!(proxy.stop().success());
        if done {
            assert!(n > 5 && unanswered > 2, "only {n} calls");
            println!("{burned} messages were taken and not passed on");
            return n - 1;
        }
    }
    panic!("it was not done within {CALLS_MAX} calls");
}

/// Gateways send, some of it twice, and the proxy is killed at a random moment, again and again on
/// the same file; also while it starts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_of_the_proxy_at_any_moment_loses_nothing_and_repeats_nothing() {
    let kills: u64 = std::env::var("OTKEL_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let mut dice = Dice::new("partner kills");
    let stage = Stage::new("random").await;
    let notes = Arc::new(Mutex::new(Notes::default()));
    let unanswered = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..kills {
        let proxy = stage.start().await;
        let mut people = Vec::new();
        for _ in 0..3 {
            let sending = keep_sending(
                proxy.way.clone(),
                (Arc::clone(&notes), Arc::clone(&unanswered)),
                dice.fork(),
            );
            people.push(tokio::spawn(sending));
        }
        tokio::time::sleep(dice.time(800)).await;
        proxy.kill();
        for person in people {
            person.await.unwrap();
        }
        notes.lock().unwrap().hold(&stage.app.counts());
        if dice.one_in(4) {
            let mut child = Command::new(PROGRAM)
                .args(["partner", "--config"])
                .arg(stage.folder.join("partner.toml"))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            tokio::time::sleep(dice.time(50)).await;
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
    let (notes, open) = (notes.lock().unwrap(), unanswered.lock().unwrap());
    println!("{} sent, {} accepted, {} open", notes.sent.len(), notes.accepted.len(), open.len());
    assert!(notes.accepted.len() > 10);
}

type Shared = (Arc<Mutex<Notes>>, Arc<Mutex<Vec<(Vec<String>, Post)>>>);

/// Sends until the proxy is gone: new messages, and those again that no answer came to.
async fn keep_sending(way: Way, (notes, unanswered): Shared, mut dice: Dice) {
    loop {
        let old = if dice.one_in(2) { unanswered.lock().unwrap().pop() } else { None };
        let (ids, post) = old.unwrap_or_else(|| {
            let new = if dice.one_in(4) { stream() } else { message() };
            notes.lock().unwrap().sends(&new.0);
            new
        });
        let reply = way.try_send(&post).await;
        notes.lock().unwrap().hears(&ids, reply.as_ref());
        if reply.is_none() {
            unanswered.lock().unwrap().push((ids, post));
            return;
        }
    }
}

/// Also of the very first one, when there is no file yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_call_of_a_start_of_the_proxy_leaves_one_that_starts() {
    let stage = Stage::new("start").await;
    let mut points = 0;
    for action in ["kill", "tear"] {
        for n in 1.. {
            stage.forget();
            stage.fault.plan(&format!("{action} any {n}"));
            let first = stage.start_with_faults().await;
            stage.fault.calm();
            let passed = first.is_ok();
            drop(first);
            let proxy = stage.start().await;
            let (_, post) = message();
            assert_eq!(proxy.way.send(&post).await.status, 201);
            assert_eq!(proxy.way.send(&post).await.refusal(), (409, "replayed"));
            if passed {
                break;
            }
            points += 1;
        }
    }
    println!("{points} points");
    assert!(points > 10, "{points}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_disk_that_fails_nothing_is_taken_until_it_is_well() {
    let stage = Stage::new("disk").await;
    let mut notes = Notes::default();
    let proxy = stage.start_with_faults().await.unwrap();
    for plan in [
        "fail write 1 ENOSPC",
        "fail sync 1 EIO",
        "fail write 1 EROFS; fail sync 1 EROFS",
        "fail write 2 EIO",
        "fail sync 2 ENOSPC",
    ] {
        let (ids, first) = message();
        notes.sends(&ids);
        let reply = proxy.way.send(&first).await;
        assert_eq!(reply.status, 201, "{plan}: {:?}", reply.refusal());
        notes.hears(&ids, Some(&reply));
        // The receipt of the message is written too, before the fault is counted.
        assert!(proxy.way.send(&first).await.receipt().is_some());

        stage.fault.plan(plan);
        let before = stage.app.asked().len();
        let mut refused = Vec::new();
        for _ in 0..3 {
            let (ids, post) = message();
            notes.sends(&ids);
            let reply = proxy.way.send(&post).await;
            notes.hears(&ids, Some(&reply));
            refused.push((reply.refusal() == (503, "not-recorded"), post));
        }
        assert!(refused.iter().any(|(refused, _)| *refused), "{plan}: the fault was not met");
        let passed = refused.iter().filter(|(refused, _)| !refused).count();
        assert_eq!(stage.app.asked().len() - before, passed, "{plan}: a byte was passed on");
        assert!(!proxy.is_well().await, "{plan}");

        stage.fault.calm();
        let (ids, post) = message();
        notes.sends(&ids);
        let reply = proxy.way.send(&post).await;
        assert_eq!(reply.status, 201, "{plan}: it did not recover");
        notes.hears(&ids, Some(&reply));
        assert!(proxy.is_well().await);
        for (_, post) in refused {
            let again = proxy.way.send(&post).await;
            assert!(matches!(again.status, 201 | 409));
        }
        notes.hold(&stage.app.counts());
    }
    assert!(proxy.stop().success());
    let proxy = stage.start().await;
    notes.hold(&stage.app.counts());
    drop(proxy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_does_not_start_on_a_disk_that_cannot_be_written() {
    let stage = Stage::new("disk-start").await;
    for plan in ["fail write 1 ENOSPC", "fail sync 1 EIO", "fail write 1 EROFS"] {
        stage.forget();
        stage.fault.plan(plan);
        let Err(status) = stage.start_with_faults().await else { panic!("it started: {plan}") };
        assert_eq!(status.code(), Some(2), "{}", stage.log());
        assert!(stage.log().contains("otkel: the file of taken messages"), "{}", stage.log());
        stage.fault.calm();
    }
    drop(stage.start().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_take_up_other_keys_and_end_the_proxy() {
    let stage = Stage::new("signals").await;
    let mut proxy = stage.start().await;
    let mut other = Letter::new(SystemClock.now(), b"{}");
    other.to = vec![(Kem::X25519, 10)];
    assert_eq!(proxy.way.send(&other.post()).await.refusal(), (422, "unknown-kid"));
    let config = stage.folder.join("partner.toml");
    let text = fs::read_to_string(&config).unwrap();
    let papers = Folder::new();
    let key = papers.write("other.key", &keyfile::pem(&secret(Kem::X25519, 10)));
    let both = text.replace("private = [", &format!("private = [\"{}\", ", key.display()));
    fs::write(&config, &both).unwrap();
    proxy.signal("HUP");
    assert_eq!(proxy.line(), "reloaded: keys and gateways are in force");
    assert_eq!(proxy.way.send(&other.post()).await.status, 201);

    fs::write(&config, both.replace("[keys]", "[keys]\nlost = 1")).unwrap();
    proxy.signal("HUP");
    while !stage.log().contains("unknown key `lost`") {
        tokio::task::yield_now().await;
    }
    assert!(stage.log().contains("otkel: not reloaded: the configuration does not load"));
    let again = Letter { to: vec![(Kem::X25519, 10)], ..Letter::new(SystemClock.now(), b"{}") };
    assert_eq!(proxy.way.send(&again.post()).await.status, 201);
    proxy.signal("TERM");
    assert_eq!(proxy.line(), "stopping: messages under way are finished");
    assert!(proxy.stop().success());
}

/// What was answered is on the disk itself, not only on its way there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_lets_no_message_in_again() {
    let stage = Stage::new("power").await;
    for _ in 0..5 {
        let proxy = stage.start_with_faults().await.unwrap();
        let mut posts = Vec::new();
        for _ in 0..4 {
            let (_, post) = message();
            assert_eq!(proxy.way.send(&post).await.status, 201);
            posts.push(post);
        }
        proxy.kill();
        for ending in ["", "-wal", "-shm"] {
            let name = format!("taken/taken.db{ending}");
            let _ = fs::remove_file(stage.folder.join(&name));
            let _ = fs::copy(stage.fault.shadow().join(&name), stage.folder.join(&name));
        }
        let proxy = stage.start().await;
        for post in posts {
            let reply = tokio::time::timeout(Duration::from_secs(10), proxy.way.send(&post)).await;
            assert_eq!(reply.unwrap().refusal(), (409, "replayed"));
        }
        drop(proxy);
    }
    assert!(stage.app.counts().values().all(|count| *count == 1));
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_otkel");
// Some 30 s on two cores.
const KILLS: u64 = 40;
const CALLS_MAX: u64 = 500;
