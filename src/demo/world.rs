//! The folder of a demonstration: certificates, keys, configuration and sample consents.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use super::certificates::{Authority, Unmade, Use, write_secret};
use super::sample;
use crate::envelope::Kem;
use crate::keyfile;
use crate::redaction::treat::pseudonym;
use crate::signing::{Sign as _, SigningKey};
use crate::store::StoreSecret;
use crate::time::Timestamp;

/// A partner of the demonstration: its name in the rules, its host and its port.
pub type PartnerHost = (&'static str, &'static str, u16);

/// The partners that the rules name.
pub const PARTNERS: [PartnerHost; 8] = [
    ("attestation-kz", "api.attestation-kz.example", 443),
    ("training-gb", "api.training-gb.example", 443),
    ("learning-de", "api.learning-de.example", 443),
    ("mailing-de", "in.mailing-de.example", 8443),
    ("research-kz", "intake.research-kz.example", 443),
    ("ministry-kz", "gate.ministry-kz.example", 443),
    ("archive-kz", "api.archive-kz.example", 443),
    ("verify-kz", "api.verify-kz.example", 443),
];

/// The gateway's name.
pub const GATEWAY: &str = "gw.demo.example";
/// The name in the gateway's client certificate.
pub const GATEWAY_CLIENT: &str = "gateway-client.demo.example";

/// Desks within partners that have keys of their own, as `partner.recipient` in the rules.
pub const RECIPIENTS: [(&str, &str); 2] = [("verify-kz", "accounts"), ("learning-de", "records")];

/// A folder that holds everything a gateway needs.
#[derive(Debug)]
pub struct World {
    /// The folder.
    pub folder: PathBuf,
    cast: Cast,
}

/// Who takes part in a world.
#[derive(Clone, Debug, Default)]
pub struct Cast {
    /// The partners.
    pub partners: Vec<Part>,
    /// The callers.
    pub callers: Vec<Role>,
    /// For how many days the partners' keys are valid.
    pub key_days: i64,
}

/// A partner of a world.
#[derive(Clone, Debug)]
pub struct Part {
    /// The name in the rules.
    pub name: String,
    /// Its hosts, each with a port: all of them are one mock.
    pub hosts: Vec<(String, u16)>,
    /// Holders of keys of their own within it.
    pub recipients: Vec<String>,
}

/// A caller of a world.
#[derive(Clone, Debug)]
pub struct Role {
    /// The name, which is that of its files too.
    pub name: String,
    /// The name in its certificate.
    pub certificate: String,
    /// The full names of the routes that it may use.
    pub routes: Vec<String>,
    /// How many requests it may send in a minute, where that is limited.
    pub requests_per_minute: Option<u32>,
}

impl Cast {
    /// The partners that the demonstration's rules name, and two systems that send.
    #[must_use]
    pub fn demonstration() -> Self {
        let part = |(name, host, port): PartnerHost| Part {
            name: name.to_owned(),
            hosts: vec![(host.to_owned(), port)],
            recipients: RECIPIENTS
                .iter()
                .filter(|(partner, _)| *partner == name)
                .map(|(_, desk)| (*desk).to_owned())
                .collect(),
        };
        let role = |name: &str, routes: &[&str]| Role {
            name: name.to_owned(),
            certificate: format!("{name}.demo.example"),
            routes: routes.iter().map(|route| (*route).to_owned()).collect(),
            requests_per_minute: None,
        };
        Self {
            partners: PARTNERS.map(part).into(),
            callers: vec![role("lms", &LMS_ROUTES), role("crm", &["mailing-de.subscribers"])],
            key_days: 90,
        }
    }
}

impl Cast {
    /// What the file says that marks a folder as one that may be made anew.
    fn marker(&self) -> String {
        let mut text = "Made by `otkel demo` or a mock partner, for:\n".to_owned();
        for part in &self.partners {
            for (host, port) in &part.hosts {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{} {host}:{port}", part.name);
            }
        }
        text
    }
}

impl World {
    /// Makes a world in a folder that is empty, missing, or of an earlier demonstration.
    ///
    /// # Errors
    /// A folder that holds something else, or a file that cannot be written.
    pub fn make(folder: &Path, now: Timestamp) -> Result<Self, NoWorld> {
        let world = Self::make_for(folder, now, Cast::demonstration())?;
        fs::write(world.folder.join("consents.ndjson"), sample::consents(now))?;
        Ok(world)
    }

    /// As [`Self::make`] for others than those of the demonstration, and without any consents.
    ///
    /// # Errors
    /// As [`Self::make`].
    pub fn make_for(folder: &Path, now: Timestamp, cast: Cast) -> Result<Self, NoWorld> {
        let marker = folder.join(MARKER);
        if marker.exists() {
            fs::remove_dir_all(folder)?;
        } else if folder.exists() && fs::read_dir(folder)?.next().is_some() {
            return Err(NoWorld::Taken(folder.to_owned()));
        }
        fs::create_dir_all(folder.join("certificates"))?;
        fs::create_dir_all(folder.join("keys"))?;
        fs::create_dir_all(folder.join("store"))?;
        fs::write(marker, cast.marker())?;
        let world = Self { folder: fs::canonicalize(folder)?, cast };
        world.certificates()?;
        world.keys(now)?;
        Ok(world)
    }

    /// The world that was made in a folder, if it was for the same partners and hosts.
    #[must_use]
    pub fn open(folder: &Path, cast: Cast) -> Option<Self> {
        let folder = fs::canonicalize(folder).ok()?;
        let marked = fs::read_to_string(folder.join(MARKER)).ok()?;
        (marked == cast.marker()).then_some(Self { folder, cast })
    }

    /// Takes a secret for pseudonyms that everybody knows, so that they are the same in every run.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn use_known_pseudonyms(&self) -> Result<(), NoWorld> {
        Ok(write_secret(&self.folder.join(PSEUDONYMS), KNOWN_PSEUDONYMS)?)
    }

    /// The folder of certificates.
    #[must_use]
    pub fn certificate_folder(&self) -> PathBuf {
        self.folder.join("certificates")
    }

    /// The file of a partner's private key.
    #[must_use]
    pub fn partner_key(&self, partner: &str) -> PathBuf {
        self.folder.join("keys").join(format!("{partner}.key"))
    }

    /// The file of a partner's private key for the post-quantum hybrid.
    #[must_use]
    pub fn hybrid_key(&self, partner: &str) -> PathBuf {
        self.folder.join("keys").join(format!("{partner}.hybrid.key"))
    }

    /// The file of the key by which the gateway signs its requests.
    #[must_use]
    pub fn signing_key(&self) -> PathBuf {
        self.folder.join("keys/signing.key")
    }

    /// The file of the key that a partner signs its lists and receipts with.
    #[must_use]
    pub fn partner_identity(&self, partner: &str) -> PathBuf {
        self.folder.join("keys").join(format!("{partner}.identity.key"))
    }

    /// The file of the key list of a partner, or of `partner.recipient`.
    #[must_use]
    pub fn partner_list(&self, holder: &str) -> PathBuf {
        self.folder.join("keys").join(format!("{holder}.keys.jws"))
    }

    /// Writes the configuration, with each partner's host pointed at its mock.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn configure(&self, setting: &Setting<'_>) -> Result<PathBuf, NoWorld> {
        let mut text = CONFIG
            .replace("@LISTEN@", &setting.listen.to_string())
            .replace("@ADMIN@", &setting.admin.to_string())
            .replace("@POLICIES@", &toml_text(setting.policies));
        self.cast.callers.iter().for_each(|caller| caller.write(&mut text));
        // Writing to a string cannot fail.
        for Part { name, recipients, .. } in &self.cast.partners {
            let pem = Zeroizing::new(fs::read_to_string(self.partner_identity(name))?);
            let identity = SigningKey::from_pem(&pem).map_err(|_| NoWorld::Key)?;
            let line = keyfile::identity_line(identity.key());
            text.push_str(&PARTNER.replace("@NAME@", name).replace("@IDENTITY@", &line));
            for desk in recipients {
                let _ = write!(text, "\n[partner.{name}.recipient.{desk}]\n");
                let _ = writeln!(text, "keys = \"keys/{name}.{desk}.keys.jws\"");
            }
        }
        text.push_str("\n# The mock partners; names and certificates stay verified.\n[resolve]\n");
        for (partner, address) in self.cast.partners.iter().zip(setting.mocks) {
            for (host, port) in &partner.hosts {
                let _ = writeln!(text, "\"{host}:{port}\" = \"{address}\"");
            }
        }
        text.push_str(setting.more);
        let path = self.folder.join("gateway.toml");
        fs::write(&path, text)?;
        Ok(path)
    }

    fn certificates(&self) -> Result<(), Unmade> {
        let authority = Authority::make(&self.certificate_folder(), "authority")?;
        authority.sign("gateway", &["localhost", GATEWAY], Use::Server)?;
        for Part { name, hosts, .. } in &self.cast.partners {
            let hosts: Vec<&str> = hosts.iter().map(|(host, _)| host.as_str()).collect();
            authority.sign(name, &hosts, Use::Server)?;
        }
        authority.sign("gateway-client", &[GATEWAY_CLIENT], Use::Client)?;
        for Role { name, certificate, .. } in &self.cast.callers {
            authority.sign(name, &[certificate], Use::Client)?;
        }
        Ok(())
    }

    fn keys(&self, now: Timestamp) -> Result<(), NoWorld> {
        let keys = self.folder.join("keys");
        for part in &self.cast.partners {
            let pem = ed25519_pem()?;
            write_secret(&self.partner_identity(&part.name), pem.as_bytes())?;
            let identity = SigningKey::from_pem(&pem).map_err(|_| NoWorld::Key)?;
            for (holder, owner) in part.holders() {
                self.list(&holder, owner, &identity, now)?;
            }
        }
        let mut seed = Zeroizing::new([0; pseudonym::SECRET]);
        getrandom::fill(&mut *seed).map_err(|_| NoWorld::Key)?;
        write_secret(&self.folder.join(PSEUDONYMS), &*seed)?;
        StoreSecret::create(&keys.join("store.secret")).map_err(|_| NoWorld::Key)?;
        for key in ["ledger.key", "signing.key"] {
            write_secret(&keys.join(key), ed25519_pem()?.as_bytes())?;
        }
        write_secret(&keys.join("officer.token"), random_hex()?.as_bytes())?;
        Ok(())
    }

    /// Makes the keys of a holder, one of each kind, and the list of its owner that has them.
    fn list(
        &self,
        holder: &str,
        owner: &str,
        identity: &SigningKey,
        now: Timestamp,
    ) -> Result<(), NoWorld> {
        let until = now.plus_millis(self.cast.key_days.saturating_mul(DAY_MILLIS));
        let plain = (Kem::X25519, self.partner_key(holder));
        let hybrid = (Kem::MlKem768X25519, self.hybrid_key(holder));
        let mut list: Option<String> = None;
        for (kem, file) in [plain, hybrid] {
            let made = keyfile::generate(kem, now, until);
            let (pem, entry) = made.map_err(|_| NoWorld::Key)?;
            write_secret(&file, pem.as_bytes())?;
            let longer = keyfile::list_with(list.as_deref(), owner, entry, identity, now);
            list = Some(longer.map_err(|_| NoWorld::Key)?);
        }
        fs::write(self.partner_list(holder), list.unwrap_or_default())?;
        Ok(())
    }
}

impl Part {
    /// Those that have a key: the name of the file, and the name in its list.
    fn holders(&self) -> impl Iterator<Item = (String, &str)> {
        let desk = |desk: &'_ String| format!("{}.{desk}", self.name);
        let desks = self.recipients.iter().map(move |name| (desk(name), name.as_str()));
        std::iter::once((self.name.clone(), self.name.as_str())).chain(desks)
    }
}

impl Role {
    fn write(&self, text: &mut String) {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n[[caller]]\nname = \"{}\"\n", self.name);
        let _ = write!(text, "certificate = \"{}\"\nroutes = [\n", self.certificate);
        for route in &self.routes {
            let _ = writeln!(text, "    \"{route}\",");
        }
        text.push_str("]\n");
        if let Some(requests) = self.requests_per_minute {
            let _ = writeln!(text, "requests_per_minute = {requests}");
        }
    }
}

/// What a configuration is written with.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// Where the gateway listens.
    pub listen: SocketAddr,
    /// Where its admin API listens.
    pub admin: SocketAddr,
    /// The folder of rules.
    pub policies: &'a Path,
    /// The address of each mock partner, in the order of [`PARTNERS`].
    pub mocks: &'a [SocketAddr],
    /// More text for the end of the file, such as `[limits]`.
    pub more: &'a str,
}

/// A new Ed25519 key for a ledger or an officer, as PKCS#8 PEM of the first version (RFC 5208),
/// which every openssl reads.
///
/// # Errors
/// The system gave no random numbers.
pub fn ed25519_pem() -> Result<Zeroizing<String>, NoWorld> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(|_| NoWorld::Key)?;
    SigningKey::from_seed(&seed).to_pem().map_err(|_| NoWorld::Key)
}

/// 256 random bits in hexadecimal.
///
/// # Errors
/// The system gave no random numbers.
pub fn random_hex() -> Result<Zeroizing<String>, NoWorld> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes).map_err(|_| NoWorld::Key)?;
    Ok(Zeroizing::new(HEXLOWER.encode(&*bytes)))
}

/// Why a world cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum NoWorld {
    /// The folder holds something that is not a demonstration's.
    #[error("`{0}` is not empty and was not made by `otkel demo`: give another `--dir`")]
    Taken(PathBuf),
    /// A certificate could not be made.
    #[error(transparent)]
    Certificate(#[from] Unmade),
    /// A key could not be made.
    #[error("a key could not be made")]
    Key,
    /// A file could not be written.
    #[error("the folder cannot be written: {0}")]
    File(#[from] io::Error),
}

fn toml_text(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"")
}

const PSEUDONYMS: &str = "keys/pseudonyms.secret";
const KNOWN_PSEUDONYMS: &[u8; 32] = b"the test kit's; never in service";
const MARKER: &str = ".otkel-demo";
const DAY_MILLIS: i64 = 24 * 3600 * 1000;

const CONFIG: &str = r#"# Made by `otkel demo`. Paths are relative to this file.

[gateway]
name = "gw.demo.example"
hosts = ["localhost", "127.0.0.1", "gw.demo.example"]
listen = "@LISTEN@"
policies = "@POLICIES@"

[tls]
certificate = "certificates/gateway.pem"
key = "certificates/gateway.key"
client_ca = "certificates/authority.pem"

[store]
path = "store/otkel.db"
secret = "keys/store.secret"
country = "KZ"

[ledger]
key = "keys/ledger.key"
checkpoint = "checkpoint"

[signing]
keys = [{ file = "keys/signing.key" }]

[pseudonyms]
secret = "keys/pseudonyms.secret"

[admin]
listen = "@ADMIN@"

[[admin.officer]]
name = "officer"
token_file = "keys/officer.token"
"#;

const PARTNER: &str = r#"
[partner.@NAME@]
ca = "certificates/authority.pem"
certificate = "certificates/gateway-client.pem"
key = "certificates/gateway-client.key"
@IDENTITY@
keys = "keys/@NAME@.keys.jws"
"#;

const LMS_ROUTES: [&str; 15] = [
    "attestation-kz.result",
    "attestation-kz.results-batch",
    "training-gb.enrol",
    "training-gb.enrol-groups",
    "learning-de.learners",
    "research-kz.autumn-study",
    "ministry-kz.certificates",
    "archive-kz.enrol",
    "archive-kz.certificate",
    "archive-kz.listeners",
    "archive-kz.marks",
    "archive-kz.request",
    "archive-kz.document",
    "archive-kz.certificates",
    "verify-kz.check",
];
