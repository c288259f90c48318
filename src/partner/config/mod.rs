//! The configuration of `otkel partner`: one TOML file, read whole, unknown keys refused.
//!
//! Paths are relative to the file.

mod limits;

use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

pub use limits::Limits;

use crate::config::{Check, KeySource, RawToken, read_again};
use crate::diagnostic::{Diagnostics, Source};
use crate::signing::VerifyKey;
use crate::vocabulary::Name;

/// The JSON Schema (draft 2020-12) of the file, by which editors complete and check it.
pub const SCHEMA: &str = include_str!("schema.json");

/// The configuration, checked.
#[derive(Debug)]
pub struct Config {
    /// The partner's name, which envelopes for it bear.
    pub name: Name,
    /// The hosts that gateways call it by, in lower case, with the port where that is not 443.
    pub hosts: Vec<String>,
    /// Where it listens for gateways.
    pub listen: SocketAddr,
    /// Where it tells of its health and counters, if it does: a loopback address.
    pub status: Option<SocketAddr>,
    /// The file of the messages that were taken.
    pub taken: PathBuf,
    /// The certificate chain (PEM) that gateways see.
    pub certificate: PathBuf,
    /// Its private key (PEM).
    pub key: PathBuf,
    /// The CA (PEM) that gateways' certificates must come from.
    pub client_ca: PathBuf,
    /// The key that signs receipts and key lists.
    pub identity: KeySource,
    /// The private keys (PEM) that envelopes are sealed to.
    pub secrets: Vec<PathBuf>,
    /// The signed list (JWS) of the public keys, as it is told to gateways.
    pub list: Option<PathBuf>,
    /// The application's address, `host:port`.
    pub application: String,
    /// Whether an envelope is passed on before it has authenticated to its end.
    pub as_it_comes: bool,
    /// The gateways that may send.
    pub gateways: Vec<GatewayFiles>,
    /// How much and how long.
    pub limits: Limits,
    file: PathBuf,
    folder: PathBuf,
    source: Arc<Source>,
}

/// A gateway that may send.
#[derive(Debug)]
pub struct GatewayFiles {
    /// Its name, which its envelopes bear.
    pub name: String,
    /// The DNS or URI name of its client certificate, in lower case.
    pub certificate: String,
    /// Whether its requests must be signed.
    pub signed: bool,
    /// Keys that are trusted: to sign requests, or the list of those that do.
    pub keys: Vec<VerifyKey>,
    /// The signed list (JWS) of the keys that it signs requests with.
    pub list: Option<PathBuf>,
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
        let file = folder.join(Path::new(name).file_name().unwrap_or_default());
        let mut check = Check::new(source, folder);
        let config = check.partner_config(raw, (file, folder.to_owned()));
        match config {
            Some(config) if !check.found.has_errors() => Ok(config),
            _ => Err(check.found),
        }
    }

    /// Reads the same file as it is now.
    ///
    /// # Errors
    /// As [`Self::read`]; so is a file that cannot be read.
    pub fn again(&self) -> Result<Self, Diagnostics> {
        let text = read_again(&self.source, &self.file)?;
        Self::read(&self.source.name, &text, &self.folder)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    partner: RawPartner,
    tls: RawTls,
    identity: Spanned<RawIdentity>,
    keys: RawKeys,
    application: RawApplication,
    #[serde(default)]
    stream: RawStream,
    #[serde(default)]
    gateway: Vec<Spanned<RawGateway>>,
    limits: Option<Spanned<Limits>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPartner {
    name: Spanned<String>,
    hosts: Spanned<Vec<Spanned<String>>>,
    listen: Spanned<String>,
    status: Option<Spanned<String>>,
    taken: PathBuf,
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
struct RawIdentity {
    file: Option<PathBuf>,
    pkcs11: Option<RawToken>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKeys {
    private: Spanned<Vec<PathBuf>>,
    list: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawApplication {
    address: Spanned<String>,
    #[serde(default)]
    beyond_this_machine: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStream {
    #[serde(default)]
    pass: Pass,
}

/// When an envelope is passed on.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Pass {
    /// Once it has authenticated to its end.
    #[default]
    Whole,
    /// Each piece as soon as it has.
    AsItComes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGateway {
    name: Spanned<String>,
    certificate: Spanned<String>,
    #[serde(default)]
    keys: Vec<Spanned<String>>,
    list: Option<PathBuf>,
    signed: Option<bool>,
}

impl Check<'_> {
    fn partner_config(&mut self, raw: Raw, place: (PathBuf, PathBuf)) -> Option<Config> {
        let (file, folder) = place;
        let name = self.name(&raw.partner.name);
        let hosts = self.hosts(&raw.partner.hosts);
        let listen = self.address(&raw.partner.listen);
        let status = raw.partner.status.as_ref().and_then(|status| self.status(status));
        let at = raw.identity.span();
        let RawIdentity { file: key_file, pkcs11 } = raw.identity.into_inner();
        let identity = self.key_source(at, key_file, pkcs11);
        if raw.keys.private.get_ref().is_empty() {
            let help = "name the private key's file, as `otkel keygen partner` wrote it";
            self.error(&raw.keys.private, "no key can be sealed to", help);
        }
        let application = self.application(&raw.application);
        let gateways = self.gateways(&raw.gateway);
        let limits = raw.limits.map_or_else(Limits::default, |limits| self.limits(limits));
        Some(Config {
            name: name?,
            hosts,
            listen: listen?,
            status,
            taken: self.path(&raw.partner.taken),
            certificate: self.path(&raw.tls.certificate),
            key: self.path(&raw.tls.key),
            client_ca: self.path(&raw.tls.client_ca),
            identity: identity?,
            secrets: raw.keys.private.get_ref().iter().map(|path| self.path(path)).collect(),
            list: raw.keys.list.map(|path| self.path(&path)),
            application: application?,
            as_it_comes: raw.stream.pass == Pass::AsItComes,
            gateways,
            limits,
            file,
            folder,
            source: Arc::clone(&self.source),
        })
    }

    fn hosts(&mut self, raw: &Spanned<Vec<Spanned<String>>>) -> Vec<String> {
        if raw.get_ref().is_empty() {
            let help = "write the host of the endpoints in the gateways' rules";
            self.error(raw, "no host can be called", help);
        }
        raw.get_ref().iter().filter_map(|host| self.host_and_port(host)).collect()
    }

    /// A host as a request names it: with the port unless that is 443.
    fn host_and_port(&mut self, text: &Spanned<String>) -> Option<String> {
        let Some((host, port)) = text.get_ref().split_once(':') else { return self.host(text) };
        if !port.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == port) {
            self.error(text, "not a port", "write `api.partner.example:8443`");
            return None;
        }
        let host = self.host(&Spanned::new(text.span(), host.to_owned()))?;
        Some(if port == "443" { host } else { format!("{host}:{port}") })
    }

    fn status(&mut self, text: &Spanned<String>) -> Option<SocketAddr> {
        let address = self.address(text)?;
        if !address.ip().is_loopback() {
            let help = "write `127.0.0.1:9464`, and let something on this machine collect it";
            self.error(text, "health and counters are told on a loopback address only", help);
        }
        Some(address)
    }

    fn application(&mut self, raw: &RawApplication) -> Option<String> {
        let address = &raw.address;
        let text = address.get_ref();
        let number = text.parse::<SocketAddr>();
        if number.is_err() {
            let (host, port) = text.rsplit_once(':').unwrap_or_default();
            self.host(&Spanned::new(address.span(), host.to_owned()))?;
            if port.parse::<u16>().is_err() {
                self.error(address, "not `host:port`", "write `127.0.0.1:8080`");
                return None;
            }
        }
        let is_near = number.is_ok_and(|address| address.ip().is_loopback());
        if !is_near && !raw.beyond_this_machine {
            let message = "the opened data would leave this machine in the clear";
            let help = "write a loopback address: `127.0.0.1:8080`, or, where the way is safe by \
                        other means, `beyond_this_machine = true`";
            self.error(address, message, help);
        }
        Some(text.clone())
    }

    fn gateways(&mut self, raw: &[Spanned<RawGateway>]) -> Vec<GatewayFiles> {
        let mut gateways: Vec<GatewayFiles> = Vec::new();
        for raw in raw {
            let (at, raw) = (raw.span(), raw.get_ref());
            let Some(name) = self.host(&raw.name) else { continue };
            let certificate = raw.certificate.get_ref().to_ascii_lowercase();
            if gateways.iter().any(|other| other.name == name) {
                self.error(&raw.name, "this name is taken", "give each gateway its own name");
            }
            if gateways.iter().any(|other| other.certificate == certificate) {
                let help = "each gateway has a certificate with a name of its own";
                self.error(&raw.certificate, "this certificate belongs to another gateway", help);
            }
            let keys = raw.keys.iter().filter_map(|key| self.verify_key(key)).collect();
            let signed = raw.signed.unwrap_or(true);
            self.can_verify(at, raw, signed);
            let list = raw.list.as_ref().map(|path| self.path(path));
            gateways.push(GatewayFiles { name, certificate, signed, keys, list });
        }
        gateways
    }

    fn verify_key(&mut self, text: &Spanned<String>) -> Option<VerifyKey> {
        let key = VerifyKey::parse(text.get_ref());
        if let Err(bad) = &key {
            let help = "write the base64 of 32 bytes that the gateway's `otkel keygen` printed";
            self.error(text, bad.to_string(), help);
        }
        key.ok()
    }

    fn can_verify(&mut self, at: Range<usize>, raw: &RawGateway, signed: bool) {
        if raw.keys.is_empty() && (signed || raw.list.is_some()) {
            let message = "no key is known that this gateway's signatures are checked with";
            let help = "write its public key: `keys = [\"…\"]`, or, where it does not sign, \
                        `signed = false`";
            self.found.error(&self.source, at, message, help);
        }
    }

    fn limits(&mut self, limits: Spanned<Limits>) -> Limits {
        if let Err((message, help)) = limits.get_ref().agree() {
            self.error(&limits, message, help);
        }
        limits.into_inner()
    }
}

#[cfg(test)]
mod tests;
