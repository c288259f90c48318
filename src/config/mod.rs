//! The gateway's configuration: one TOML file, read whole, unknown keys refused.
//!
//! It says where things are and how much is allowed; what may be sent, to whom and why is in
//! `policies/`. Paths are relative to the file.

mod limits;
mod partner;
mod rules;
mod signing;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

pub use limits::Limits;
pub use partner::PartnerFiles;
pub use rules::{ReportMode, RuleSettings};
pub(crate) use signing::RawToken;
pub use signing::{KeySource, ScheduledKey, TokenKey, TokenObject};

use crate::activation::signature::OfficerKey;
use crate::diagnostic::{Diagnostics, Source, Text, text};
use crate::policy::Policy;
use crate::transfer::Caller;
use crate::vocabulary::{Country, Name};

/// The JSON Schema (draft 2020-12) of the file, by which editors complete and check it.
pub const SCHEMA: &str = include_str!("schema.json");

/// The configuration, checked.
#[derive(Debug)]
pub struct Config {
    /// The gateway's own name: the issuer of envelopes and the origin of checkpoints.
    pub name: String,
    /// The host names that callers use, in lower case.
    pub hosts: Vec<String>,
    /// Where it listens for transfers.
    pub listen: SocketAddr,
    /// The folder of rule files.
    pub policies: PathBuf,
    /// How rules come into force.
    pub rules: RuleSettings,
    /// The gateway's certificate chain (PEM), as callers see it.
    pub certificate: PathBuf,
    /// Its private key (PEM).
    pub key: PathBuf,
    /// The CA (PEM) that callers' certificates must come from.
    pub client_ca: PathBuf,
    /// The store's file.
    pub store: PathBuf,
    /// The 32 bytes that the store's keys come from.
    pub store_secret: PathBuf,
    /// The key that signs checkpoints.
    pub ledger_key: KeySource,
    /// Where the newest checkpoint is published; best on another machine.
    pub checkpoint: PathBuf,
    /// The keys that sign requests to partners, each in its time.
    pub signing: Vec<ScheduledKey>,
    /// The 32 bytes that pseudonyms come from, where rules make any.
    pub pseudonym_secret: Option<PathBuf>,
    /// Where the admin API listens: a loopback address.
    pub admin: SocketAddr,
    /// Who may use the admin API and sign rules.
    pub officers: Vec<Officer>,
    /// Who may ask for transfers, by a DNS or URI name of the client certificate.
    pub callers: BTreeMap<String, Caller>,
    /// What is kept of each partner outside its rule file.
    pub partners: BTreeMap<Name, PartnerFiles>,
    /// Addresses for `host:port`, as curl's `--resolve`; names and certificates stay verified.
    pub resolve: BTreeMap<String, SocketAddr>,
    /// How much and how long.
    pub limits: Limits,
    places: Places,
}

/// Someone who may use the admin API and, with a key, sign rules.
#[derive(Debug)]
pub struct Officer {
    /// The operator's name for the officer.
    pub name: Name,
    /// The file of the officer's token.
    pub token_file: PathBuf,
    /// The key that the officer's signatures are checked with.
    pub key: Option<OfficerKey>,
}

/// Where the file is, and where it names things that only the rules can know.
#[derive(Debug)]
struct Places {
    file: PathBuf,
    folder: PathBuf,
    source: Arc<Source>,
    routes: Vec<(Name, Range<usize>)>,
    partners: Vec<(Name, Range<usize>)>,
    recipients: Vec<(Name, Name, Range<usize>)>,
}

impl Config {
    /// Reads a configuration; `name` is the file as errors name it, `folder` where its paths start
    /// and where the file is when it is read again.
    ///
    /// # Errors
    /// Everything that is wrong with it, each at its line and column with its cure.
    pub fn read(name: &str, text: &str, folder: &Path) -> Result<Self, Diagnostics> {
        let source = Source::new(name, text);
        let raw: Raw = toml::from_str(text).map_err(|e| Diagnostics::from_toml(&source, &e))?;
        let places = Places {
            file: folder.join(Path::new(name).file_name().unwrap_or_default()),
            folder: folder.to_owned(),
            source: Arc::clone(&source),
            routes: Vec::new(),
            partners: Vec::new(),
            recipients: Vec::new(),
        };
        let mut check = Check { source, found: Diagnostics::new(), folder, places: Some(places) };
        let config = check.config(raw);
        match config {
            Some(config) if !check.found.has_errors() => Ok(config),
            _ => Err(check.found),
        }
    }
}

impl Config {
    /// Reads the same file as it is now.
    ///
    /// # Errors
    /// As [`Self::read`]; so is a file that cannot be read.
    pub fn again(&self) -> Result<Self, Diagnostics> {
        let Places { file, folder, source, .. } = &self.places;
        Self::read(&source.name, &read_again(source, file)?, folder)
    }

    /// Holds the names of the file against those of the rules; with it come the warnings.
    ///
    /// A route or partner that the rules do not have is warned of: it may be withdrawn, or yet to
    /// come, and nothing can be sent by it.
    ///
    /// # Errors
    /// A partner of the rules, or one of its recipients, that is missing here.
    pub fn fits(&self, policy: &Policy) -> Result<Diagnostics, Diagnostics> {
        let mut found = Diagnostics::new();
        let source = &self.places.source;
        let routes = || policy.partners.values().flat_map(|partner| &partner.routes);
        for (name, place) in &self.places.routes {
            if policy.route(name).is_none() {
                let known: Vec<&str> = routes().map(|route| route.name.as_str()).collect();
                let help = text!("the routes are `{}`", known.join("`, `"));
                let message = text!("no partner's file declares the route `{}`", name);
                found.warning(source, place.clone(), message, help);
            }
        }
        self.fits_partners(policy, &mut found);
        if found.has_errors() { Err(found) } else { Ok(found) }
    }
}

/// The text that a configuration's file has now.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn read_again(source: &Source, file: &Path) -> Result<String, Diagnostics> {
    std::fs::read_to_string(file).map_err(|error| {
        let mut found = Diagnostics::new();
        let message = text!("the configuration cannot be read: {}", error);
        found.error(&Source::new(&source.name, ""), 0..0, message, "put it back in its place");
        found
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    gateway: RawGateway,
    tls: RawTls,
    store: RawStore,
    ledger: Spanned<RawLedger>,
    #[serde(default)]
    signing: signing::Raw,
    pseudonyms: Option<RawPseudonyms>,
    admin: RawAdmin,
    #[serde(default)]
    caller: Vec<RawCaller>,
    #[serde(default)]
    partner: BTreeMap<Spanned<String>, partner::Raw>,
    #[serde(default)]
    resolve: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    rules: rules::Raw,
    #[serde(default)]
    limits: Limits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGateway {
    name: Spanned<String>,
    hosts: Vec<Spanned<String>>,
    listen: Spanned<String>,
    policies: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTls {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStore {
    path: PathBuf,
    secret: PathBuf,
    country: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLedger {
    key: Option<PathBuf>,
    pkcs11: Option<RawToken>,
    checkpoint: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPseudonyms {
    secret: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAdmin {
    listen: Spanned<String>,
    #[serde(default)]
    officer: Vec<RawOfficer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOfficer {
    name: Spanned<String>,
    token_file: PathBuf,
    public_key: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCaller {
    name: Spanned<String>,
    certificate: Spanned<String>,
    routes: Vec<Spanned<String>>,
    requests_per_minute: Option<Spanned<i64>>,
}

/// Raw values on their way to checked ones; what is wrong is collected, not thrown.
pub(crate) struct Check<'a> {
    pub(crate) source: Arc<Source>,
    pub(crate) found: Diagnostics,
    folder: &'a Path,
    places: Option<Places>,
}

impl<'a> Check<'a> {
    /// Begins with a file of another kind; its paths start at `folder`.
    pub(crate) fn new(source: Arc<Source>, folder: &'a Path) -> Self {
        Self { source, found: Diagnostics::new(), folder, places: None }
    }

    fn config(&mut self, raw: Raw) -> Option<Config> {
        let listen = self.address(&raw.gateway.listen);
        let admin = self.loopback(&raw.admin.listen);
        self.country(&raw.store.country);
        let hosts = raw.gateway.hosts.iter().filter_map(|host| self.host(host)).collect();
        let name = self.host(&raw.gateway.name);
        let officers = self.officers(&raw.admin.officer);
        let rules = self.rules(&raw.rules, &officers);
        let callers = self.callers(&raw.caller);
        let partners = self.partners(raw.partner);
        let resolve = self.resolve(&raw.resolve);
        let at = raw.ledger.span();
        let RawLedger { key, pkcs11, checkpoint } = raw.ledger.into_inner();
        let ledger_key = self.key_source(at, key, pkcs11);
        let signing = self.signing(raw.signing);
        Some(Config {
            name: name?,
            hosts,
            listen: listen?,
            policies: self.path(&raw.gateway.policies),
            rules,
            certificate: self.path(&raw.tls.certificate),
            key: self.path(&raw.tls.key),
            client_ca: self.path(&raw.tls.client_ca),
            store: self.path(&raw.store.path),
            store_secret: self.path(&raw.store.secret),
            ledger_key: ledger_key?,
            checkpoint: self.path(&checkpoint),
            signing,
            pseudonym_secret: raw.pseudonyms.map(|raw| self.path(&raw.secret)),
            admin: admin?,
            officers,
            callers,
            partners,
            resolve,
            limits: raw.limits,
            places: self.places.take()?,
        })
    }

    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    pub(crate) fn error<T>(
        &mut self,
        at: &Spanned<T>,
        message: impl Into<Text>,
        help: &'static str,
    ) {
        self.found.error(&self.source, at.span(), message, help);
    }

    pub(crate) fn address(&mut self, text: &Spanned<String>) -> Option<SocketAddr> {
        let address = text.get_ref().parse().ok();
        if address.is_none() {
            self.error(text, "not an address", "write an IP address and a port: `127.0.0.1:8443`");
        }
        address
    }

    fn loopback(&mut self, text: &Spanned<String>) -> Option<SocketAddr> {
        let address = self.address(text)?;
        if !address.ip().is_loopback() {
            self.error(
                text,
                "the admin API may only listen on a loopback address",
                "write `127.0.0.1:8444`, and reach it from elsewhere through an SSH tunnel",
            );
        }
        Some(address)
    }

    fn country(&mut self, text: &Spanned<String>) {
        if Country::parse(text.get_ref()) != Ok(Country::KZ) {
            self.error(
                text,
                "the store must be kept in Kazakhstan (94-V Art. 12(2))",
                "keep store, keys and backups on machines in Kazakhstan and write `KZ`",
            );
        }
    }

    pub(crate) fn host(&mut self, text: &Spanned<String>) -> Option<String> {
        let host = text.get_ref();
        let label = |l: &str| {
            !l.is_empty()
                && l.len() <= 63
                && !l.starts_with('-')
                && !l.ends_with('-')
                && l.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        };
        if host.len() <= 253 && host.split('.').all(label) {
            return Some(host.clone());
        }
        self.error(text, "not a host name", "write a name in lower case, such as `gw.example.kz`");
        None
    }

    pub(crate) fn name(&mut self, text: &Spanned<String>) -> Option<Name> {
        let name = Name::parse(text.get_ref());
        if let Err(bad) = &name {
            self.error(text, bad.to_string(), "rename it");
        }
        name.ok()
    }

    fn callers(&mut self, raw: &[RawCaller]) -> BTreeMap<String, Caller> {
        let mut callers: BTreeMap<String, Caller> = BTreeMap::new();
        for caller in raw {
            let certificate = caller.certificate.get_ref().to_ascii_lowercase();
            let Some(name) = self.name(&caller.name) else { continue };
            if callers.values().any(|other| other.name == name) {
                self.error(&caller.name, "this name is taken", "give each caller its own name");
            }
            let routes = caller.routes.iter().filter_map(|route| self.route(route)).collect();
            let routes = Arc::new(routes);
            let requests = caller.requests_per_minute.as_ref();
            let requests_per_minute = requests.and_then(|requests| self.requests(requests));
            let read = Caller { name, routes, requests_per_minute };
            if callers.insert(certificate, read).is_some() {
                self.error(
                    &caller.certificate,
                    "this certificate name belongs to another caller",
                    "give each caller a certificate with a name of its own",
                );
            }
        }
        callers
    }

    fn requests(&mut self, raw: &Spanned<i64>) -> Option<u32> {
        let requests = u32::try_from(*raw.get_ref()).ok().filter(|requests| *requests > 0);
        if requests.is_none() {
            let help = "write 1 or more, remove the line to set no limit, or remove the caller";
            self.error(raw, "not a number of requests that a caller may send", help);
        }
        requests
    }

    fn route(&mut self, text: &Spanned<String>) -> Option<Name> {
        let name = self.name(text)?;
        if let Some(places) = &mut self.places {
            places.routes.push((name.clone(), text.span()));
        }
        Some(name)
    }

    fn resolve(
        &mut self,
        raw: &BTreeMap<Spanned<String>, Spanned<String>>,
    ) -> BTreeMap<String, SocketAddr> {
        let mut resolve = BTreeMap::new();
        for (target, address) in raw {
            let port = target.get_ref().rsplit_once(':').and_then(|(_, p)| p.parse::<u16>().ok());
            if port.is_none() {
                self.error(target, "not `host:port`", "write `api.partner.example:443`");
            }
            if let Some(address) = self.address(address) {
                resolve.insert(target.get_ref().to_ascii_lowercase(), address);
            }
        }
        resolve
    }
}

#[cfg(test)]
mod tests;
