//! A configuration and the rule files to [`Rules`]: a whole set, or nothing and all that is wrong.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};

use super::folder::{self, Files, Look};
use super::lists::{self, Offer};
use super::{keys, signature};
use crate::config::{Config, PartnerFiles, ReportMode};
use crate::diagnostic::{Diagnostics, Source, text};
use crate::gateway::StartError;
use crate::policy::{Endpoint, Partner, Policy, Route};
use crate::proxy::rules::{Rules, Way};
use crate::proxy::upstream::{Settings, Upstream};
use crate::time::Timestamp;
use crate::tls::{self, Identity, Pin};
use crate::vocabulary::Name;

/// A set that may come into force.
pub struct Loaded {
    /// What transfers would be decided by.
    pub rules: Rules,
    /// The key lists that it comes with, not yet taken.
    pub(super) offers: Vec<Offer>,
    /// Who signed it, sorted.
    pub signed_by: Vec<Name>,
    /// What may not be as it was meant.
    pub warnings: Diagnostics,
    /// How the folder looked while its files were read.
    pub look: Look,
}

/// Reads the rules below a folder.
///
/// # Errors
/// A folder that cannot be read, or rules that do not load: all that is wrong with them.
pub fn read_rules(path: &Path, now: Timestamp) -> Result<(Policy, Diagnostics), StartError> {
    Policy::read(&rule_files(path)?, now).map_err(StartError::Rules)
}

/// The rule files below a folder, by their path within it.
///
/// # Errors
/// A folder or file that cannot be read.
pub fn rule_files(path: &Path) -> Result<BTreeMap<String, Vec<u8>>, StartError> {
    Ok(read_folder(path)?.rules)
}

/// Loads a whole set, with what the gateway keeps of its partners.
///
/// `start` is the configuration that the gateway was started with. `fresh` may be a later state of
/// the same file; callers, partners and addresses are taken from it. `before` is what is in force:
/// the rules stay the same value where nothing changed in them, and so do the connections to an
/// endpoint that is reached as before.
///
/// # Errors
/// All that keeps the set from coming into force.
pub fn load(
    (start, fresh): (&Config, &Config),
    before: Option<&Rules>,
    now: Timestamp,
) -> Result<Loaded, StartError> {
    let Files { look, rules: files, signatures } = read_folder(&start.policies)?;
    let (policy, mut warnings) = Policy::read(&files, now).map_err(StartError::Rules)?;
    warnings.append(fresh.fits(&policy).map_err(StartError::Config)?);
    keys::suffice(fresh, &policy).map_err(StartError::Rules)?;
    let signed_by = permitted(start, &policy, &signatures, now).map_err(StartError::Rules)?;
    let same = before.map(|before| &before.policy).filter(|old| old.digest == policy.digest);
    let policy = same.map_or_else(|| Arc::new(policy), Arc::clone);
    let offers = lists::of_files(fresh, &policy)?;
    let rules = Rules {
        keys: BTreeMap::new(),
        recipients: BTreeMap::new(),
        pseudonyms: keys::pseudonyms(fresh)?,
        signing: keys::signing(fresh, now)?,
        kept: keys::kept(&policy),
        identities: keys::identities(fresh),
        lists: keys::sources(fresh),
        ways: ways(fresh, &policy, before)?,
        credentials: credentials(fresh, &policy)?,
        callers: fresh.callers.clone(),
        hosts: start.hosts.clone(),
        policy,
    };
    Ok(Loaded { rules, offers, signed_by, warnings, look })
}

fn read_folder(path: &Path) -> Result<Files, StartError> {
    folder::read(path).map_err(|source| StartError::Folder { path: path.to_owned(), source })
}

/// Holds a set that loads against what the configuration asks of it; who signed it.
fn permitted(
    config: &Config,
    policy: &Policy,
    signatures: &BTreeMap<String, Vec<u8>>,
    now: Timestamp,
) -> Result<Vec<Name>, Diagnostics> {
    let mut found = Diagnostics::new();
    if config.rules.report_mode == ReportMode::Forbidden {
        for route in policy.partners.values().flat_map(|partner| &partner.routes) {
            if route.candidate.as_ref().is_some_and(|candidate| now < candidate.until) {
                on_trial(policy, route, &mut found);
            }
        }
    }
    let keys = config.officers.iter();
    let keys = keys.filter_map(|officer| Some((officer.name.clone(), officer.key.clone()?)));
    let needed = config.rules.signatures;
    match signature::check(&policy.digest, signatures, &keys.collect(), needed) {
        Ok(signed_by) if !found.has_errors() => return Ok(signed_by),
        Ok(_) => {}
        Err(wrong) => found.append(wrong),
    }
    Err(found)
}

fn on_trial(policy: &Policy, route: &Route, found: &mut Diagnostics) {
    let file = format!("partners/{}.toml", route.partner);
    let source = policy.sources.get(&file).map_or_else(|| Source::new(file, ""), Arc::clone);
    let message = text!("the route `{}` tries a candidate, which is forbidden here", route.name);
    let help = "remove `[route.candidate]`, or try it on a gateway whose configuration has \
        `rules.report_mode = \"allowed\"`";
    found.error(&source, source.line_span(route.line), message, help);
}

/// The way to every endpoint; one that is reached as before keeps its connections.
fn ways(
    config: &Config,
    policy: &Policy,
    before: Option<&Rules>,
) -> Result<BTreeMap<(Name, Name), Way>, StartError> {
    let mut ways = BTreeMap::new();
    for (name, partner) in &policy.partners {
        let Some(files) = config.partners.get(name) else { continue };
        let identity = Identity::load(&files.certificate, &files.key)?;
        let pins: Vec<Pin> = files.pins.iter().filter_map(|pin| Pin::parse(pin).ok()).collect();
        let tls = tls::connector(Some(&identity), &files.ca, &pins)?;
        for (id, endpoint) in &partner.endpoints {
            let mut settings = Settings::new(&endpoint.host, endpoint.port, Arc::clone(&tls));
            settings.resolve = resolved(config, endpoint);
            settings.deadlines = config.limits.deadlines();
            settings.answer_bytes_max = config.limits.answer_bytes_max;
            settings.open_max = config.limits.partner_transfers_max;
            let made_of = made_of(files, &settings)?;
            let key = (name.clone(), id.clone());
            let old = before.and_then(|before| before.ways.get(&key));
            let way = match old.filter(|old| old.made_of == made_of) {
                Some(old) => old.clone(),
                None => Way {
                    made_of,
                    upstream: Upstream::new(&settings)
                        .map(Arc::new)
                        .map_err(|bad| unfit(partner, &bad))?,
                },
            };
            ways.insert(key, way);
        }
    }
    Ok(ways)
}

/// A digest of all that the way to an endpoint is made of and that a reload may change.
fn made_of(files: &PartnerFiles, settings: &Settings) -> Result<[u8; 32], StartError> {
    let mut digest = Sha256::new();
    let mut take = |part: &[u8]| {
        digest.update(Sha256::digest(part));
    };
    take(settings.host.as_bytes());
    take(&settings.port.to_be_bytes());
    take(format!("{:?} {:?}", settings.resolve, files.pins).as_bytes());
    take(&tls::read(&files.ca)?);
    take(&tls::read(&files.certificate)?);
    take(tls::read_secret(&files.key)?.expose_secret());
    Ok(digest.finalize().into())
}

fn unfit(partner: &Partner, why: &dyn std::error::Error) -> StartError {
    StartError::Unfit(format!("partner `{}` cannot be reached: {why}", partner.name))
}

fn resolved(config: &Config, endpoint: &Endpoint) -> Vec<SocketAddr> {
    let target = format!("{}:{}", endpoint.host, endpoint.port);
    config.resolve.get(&target).copied().into_iter().collect()
}

fn credentials(
    config: &Config,
    policy: &Policy,
) -> Result<BTreeMap<Name, (HeaderName, HeaderValue)>, StartError> {
    let mut credentials = BTreeMap::new();
    for (partner, files) in config.partners.iter().filter(|(name, _)| has(policy, name)) {
        let Some((header, file)) = &files.credential else { continue };
        let bad = || {
            let file = file.display();
            StartError::Unfit(format!("`{file}` must hold one line that fits a header"))
        };
        let secret = tls::read_secret(file)?;
        let name = HeaderName::from_bytes(header.as_bytes()).map_err(|_| bad())?;
        let mut value =
            HeaderValue::from_bytes(secret.expose_secret().trim_ascii()).map_err(|_| bad())?;
        value.set_sensitive(true);
        credentials.insert(partner.clone(), (name, value));
    }
    Ok(credentials)
}

pub(super) fn has(policy: &Policy, partner: &Name) -> bool {
    policy.partners.contains_key(partner)
}
