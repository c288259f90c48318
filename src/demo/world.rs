//! The folder of a demonstration: certificates, keys, configuration and sample consents.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{EncodePrivateKey as _, KeypairBytes};
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

/// A desk within a partner that has a key of its own, as `partner.recipient` in the rules.
pub const RECIPIENT: (&str, &str) = ("verify-kz", "accounts");

/// A folder that holds everything a gateway needs.
#[derive(Debug)]
pub struct World {
    /// The folder.
    pub folder: PathBuf,
}

impl World {
    /// Makes a world in a folder that is empty, missing, or of an earlier demonstration.
    ///
    /// # Errors
    /// A folder that holds something else, or a file that cannot be written.
    pub fn make(folder: &Path, now: Timestamp) -> Result<Self, NoWorld> {
        let marker = folder.join(MARKER);
        if marker.exists() {
            fs::remove_dir_all(folder)?;
        } else if folder.exists() && fs::read_dir(folder)?.next().is_some() {
            return Err(NoWorld::Taken(folder.to_owned()));
        }
        fs::create_dir_all(folder.join("certificates"))?;
        fs::create_dir_all(folder.join("keys"))?;
        fs::create_dir_all(folder.join("store"))?;
        fs::write(marker, "This folder was made by `otkel demo` and is made anew by it.\n")?;
        let world = Self { folder: fs::canonicalize(folder)? };
        world.certificates()?;
        world.keys(now)?;
        fs::write(world.folder.join("consents.ndjson"), sample::consents(now))?;
        Ok(world)
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
        for (name, _, _) in PARTNERS {
            let pem = Zeroizing::new(fs::read_to_string(self.partner_identity(name))?);
            let identity = SigningKey::from_pem(&pem).map_err(|_| NoWorld::Key)?;
            let line = keyfile::identity_line(identity.key());
            text.push_str(&PARTNER.replace("@NAME@", name).replace("@IDENTITY@", &line));
        }
        let (partner, desk) = RECIPIENT;
        // Writing to a string cannot fail.
        let _ = write!(text, "\n[partner.{partner}.recipient.{desk}]\n");
        let _ = writeln!(text, "keys = \"keys/{partner}.{desk}.keys.jws\"");
        text.push_str("\n# The mock partners; names and certificates stay verified.\n[resolve]\n");
        for ((_, host, port), address) in PARTNERS.iter().zip(setting.mocks) {
            let _ = writeln!(text, "\"{host}:{port}\" = \"{address}\"");
        }
        text.push_str(setting.more);
        let path = self.folder.join("gateway.toml");
        fs::write(&path, text)?;
        Ok(path)
    }

    fn certificates(&self) -> Result<(), Unmade> {
        let authority = Authority::make(&self.certificate_folder(), "authority")?;
        authority.sign("gateway", &["localhost", "gw.demo.example"], Use::Server)?;
        for (name, host, _) in PARTNERS {
            authority.sign(name, &[host], Use::Server)?;
        }
        for client in ["gateway-client", "lms", "crm"] {
            authority.sign(client, &[&format!("{client}.demo.example")], Use::Client)?;
        }
        Ok(())
    }

    fn keys(&self, now: Timestamp) -> Result<(), NoWorld> {
        let keys = self.folder.join("keys");
        for (name, _, _) in PARTNERS {
            let pem = Zeroizing::new(ed25519_pem()?);
            write_secret(&self.partner_identity(name), pem.as_bytes())?;
            let identity = SigningKey::from_pem(&pem).map_err(|_| NoWorld::Key)?;
            self.list(name, name, &identity, now)?;
            if let (partner, desk) = RECIPIENT
                && partner == name
            {
                self.list(&format!("{partner}.{desk}"), desk, &identity, now)?;
            }
        }
        let mut seed = Zeroizing::new([0; pseudonym::SECRET]);
        getrandom::fill(&mut *seed).map_err(|_| NoWorld::Key)?;
        write_secret(&keys.join("pseudonyms.secret"), &*seed)?;
        StoreSecret::create(&keys.join("store.secret")).map_err(|_| NoWorld::Key)?;
        for key in ["ledger.key", "signing.key"] {
            write_secret(&keys.join(key), ed25519_pem()?.as_bytes())?;
        }
        write_secret(&keys.join("officer.token"), random_hex()?.as_bytes())?;
        Ok(())
    }

    /// Makes the key of a holder, and the list of its owner that has it.
    fn list(
        &self,
        holder: &str,
        owner: &str,
        identity: &SigningKey,
        now: Timestamp,
    ) -> Result<(), NoWorld> {
        let made = keyfile::generate(Kem::X25519, now, now.plus_millis(KEY_MILLIS));
        let (pem, entry) = made.map_err(|_| NoWorld::Key)?;
        write_secret(&self.partner_key(holder), pem.as_bytes())?;
        let list = keyfile::list_with(None, owner, entry, identity, now);
        fs::write(self.partner_list(holder), list.map_err(|_| NoWorld::Key)?)?;
        Ok(())
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
pub fn ed25519_pem() -> Result<String, NoWorld> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| NoWorld::Key)?;
    let key = KeypairBytes { secret_key: seed, public_key: None };
    let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|_| NoWorld::Key)?;
    Ok(pem.to_string())
}

/// 256 random bits in hexadecimal.
///
/// # Errors
/// The system gave no random numbers.
pub fn random_hex() -> Result<String, NoWorld> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| NoWorld::Key)?;
    Ok(HEXLOWER.encode(&bytes))
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

const MARKER: &str = ".otkel-demo";
const KEY_MILLIS: i64 = 90 * 24 * 3600 * 1000;

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

[[caller]]
name = "lms"
certificate = "lms.demo.example"
routes = [
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
]

[[caller]]
name = "crm"
certificate = "crm.demo.example"
routes = ["mailing-de.subscribers"]
"#;

const PARTNER: &str = r#"
[partner.@NAME@]
ca = "certificates/authority.pem"
certificate = "certificates/gateway-client.pem"
key = "certificates/gateway-client.key"
@IDENTITY@
keys = "keys/@NAME@.keys.jws"
"#;
