//! A running proxy with its application, and a gateway that can send anything.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use otkel::envelope::Kem;
use otkel::keyfile;
use otkel::partner::{Config, NoStart, Partner};
use otkel::signing::Sign as _;
use otkel::signing::receipt::{Bytes, Expected, Receipt};
use otkel::time::{Clock, Timestamp};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::application::App;
use crate::letter::{
    CLIENT, GATEWAY, HOST, IDENTITY, KEY, Letter, PARTNER, Post, Reply, SIGNER, Way, secret, signer,
};
use crate::tls::{Authority, Issued};

pub(crate) struct World {
    pub(crate) folder: Home,
    pub(crate) app: App,
    pub(crate) clock: Hands,
    pub(crate) partner: Partner,
    pub(crate) way: Way,
    pub(crate) authority: Authority,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with("").await
    }

    /// With more tables, or other ones, at the end of the configuration.
    pub(crate) async fn with(more: &str) -> Self {
        let app = App::start().await;
        let address = app.address;
        Self::configured(app, &configuration(address, more)).await.unwrap()
    }

    pub(crate) async fn configured(app: App, text: &str) -> Result<Self, NoStart> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("otkel-partner-{}-{number}", std::process::id());
        let folder = Home(std::env::temp_dir().join(name));
        fs::create_dir_all(&*folder).unwrap();
        let authority = Authority::new("gateways");
        let server = authority.issue(&[HOST]);
        for (name, path) in [
            ("server.pem", &server.certificate),
            ("server.key", &server.key),
            ("ca.pem", &authority.file()),
        ] {
            write(&folder, name, &fs::read_to_string(path).unwrap());
        }
        write(&folder, "identity.key", &signer(IDENTITY).to_pem().unwrap());
        write_secret(&folder, Kem::X25519, KEY);
        let clock = Hands::new();
        let config = Config::read("partner.toml", text, &folder).map_err(NoStart::Config)?;
        write(&folder, "partner.toml", text);
        let partner = Partner::start(config, Arc::new(clock.clone())).await?;
        let client = authority.issue(&[CLIENT]).identity();
        let way = Way::new(partner.address, &client, &authority.file());
        Ok(Self { folder, app, clock, partner, way, authority })
    }

    /// Stops the proxy and starts it again, with the same files.
    pub(crate) async fn restarted(self) -> Self {
        let Self { folder, app, clock, partner, authority, .. } = self;
        partner.stop().await;
        let text = fs::read_to_string(folder.join("partner.toml")).unwrap();
        let config = Config::read("partner.toml", &text, &folder).unwrap();
        let partner = Partner::start(config, Arc::new(clock.clone())).await.unwrap();
        let client = authority.issue(&[CLIENT]).identity();
        let way = Way::new(partner.address, &client, &authority.file());
        Self { folder, app, clock, partner, way, authority }
    }

    /// A way in with another certificate.
    pub(crate) fn way_with(&self, issued: &Issued) -> Way {
        let identity = otkel::tls::Identity::load(&issued.certificate, &issued.key).unwrap();
        Way::new(self.partner.address, &identity, &self.authority.file())
    }

    /// A letter that nothing is wrong with.
    pub(crate) fn letter(&self, text: &str) -> Letter {
        Letter::new(self.clock.now(), text.as_bytes())
    }

    pub(crate) async fn send(&self, letter: &Letter) -> Reply {
        self.way.send(&letter.post()).await
    }

    /// Sends what must be refused with this, and sees that nothing reached the application.
    pub(crate) async fn refuses(&self, post: &Post, status: u16, code: &str) {
        let before = self.app.asked().len();
        let reply = self.way.send(post).await;
        assert_eq!(reply.refusal(), (status, code), "{}", String::from_utf8_lossy(&reply.body));
        assert_eq!(reply.field("content-type"), Some("application/problem+json"));
        assert_eq!(self.app.asked().len(), before, "{code}: it reached the application");
    }

    /// Holds the receipt of an answer against what was sent.
    pub(crate) fn receipt(&self, reply: &Reply, post: &Post, parts: Option<u64>) -> Receipt {
        let receipt = reply.receipt().expect("no receipt");
        let expected = Expected {
            iss: PARTNER,
            aud: GATEWAY,
            did: Uuid::parse_str(post.value("otkel-id")).unwrap(),
            env: Bytes::new(&Sha256::digest(&post.body).into(), post.body.len() as u64),
            parts,
            now: self.clock.now().seconds(),
        };
        receipt.check(&expected).unwrap();
        assert!(receipt.opened);
        receipt
    }

    /// Whether the proxy still takes what nothing is wrong with.
    pub(crate) async fn takes(&self) {
        let reply = self.send(&self.letter("{}")).await;
        assert_eq!(reply.status, 201, "{}", String::from_utf8_lossy(&reply.body));
    }
}

/// A folder that is removed when it goes out of scope.
pub(crate) struct Home(PathBuf);

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl std::ops::Deref for Home {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

/// A configuration with one gateway, whose signing key is pinned.
pub(crate) fn configuration(application: SocketAddr, more: &str) -> String {
    let mut text = format!(
        "[partner]\nname = \"{PARTNER}\"\nhosts = [\"{HOST}\"]\nlisten = \"127.0.0.1:0\"\n\
         taken = \"taken.db\"\n\
         [tls]\ncertificate = \"server.pem\"\nkey = \"server.key\"\nclient_ca = \"ca.pem\"\n\
         [identity]\nfile = \"identity.key\"\n\
         [application]\naddress = \"{application}\"\n"
    );
    if !more.contains("[keys]") {
        text = text + "[keys]\nprivate = [\"" + &KEY.to_string() + ".key\"]\n";
    }
    if !more.contains("[[gateway]]") {
        text.push_str(&gateway(&format!("keys = [\"{}\"]", signer(SIGNER).key())));
    }
    text + more
}

/// A gateway of a configuration.
pub(crate) fn gateway(keys: &str) -> String {
    format!("[[gateway]]\nname = \"{GATEWAY}\"\ncertificate = \"{CLIENT}\"\n{keys}\n")
}

pub(crate) fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
}

/// Writes `<seed>.key`.
pub(crate) fn write_secret(folder: &Path, kem: Kem, seed: u8) {
    write(folder, &format!("{seed}.key"), &keyfile::pem(&secret(kem, seed)));
}

/// A clock that stands until it is moved.
#[derive(Clone)]
pub(crate) struct Hands(Arc<AtomicI64>);

impl Hands {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(START)))
    }

    pub(crate) fn move_by(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

const START: i64 = 1_795_356_000;
