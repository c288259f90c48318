//! The keys that a set of rules needs: those that payloads and single values are sealed to, and
//! the secret that pseudonyms come from.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::load::has;
use crate::config::{Config, PartnerFiles};
use crate::diagnostic::{Diagnostics, text};
use crate::envelope::list::SignedKeys;
use crate::envelope::{Kept, RecipientKeys};
use crate::gateway::StartError;
use crate::keyfile;
use crate::keys::SigningKeys;
use crate::policy::{EnvelopeRules, Field, Partner, Policy, Treatment};
use crate::redaction::treat::pseudonym::PseudonymSecret;
use crate::signing::VerifyKey;
use crate::time::Timestamp;
use crate::tls;
use crate::vocabulary::{Kem, Name};

/// The key that each partner's lists and receipts are checked by.
pub(super) fn identities(config: &Config, policy: &Policy) -> BTreeMap<Name, VerifyKey> {
    let known = config.partners.iter().filter(|(name, _)| has(policy, name));
    known.map(|(name, files)| (name.clone(), files.identity.clone())).collect()
}

/// The keys of each partner.
pub(super) fn of_partners(
    config: &Config,
    policy: &Policy,
    now: Timestamp,
) -> Result<BTreeMap<Name, RecipientKeys>, StartError> {
    let mut keys = BTreeMap::new();
    for (name, files) in config.partners.iter().filter(|(name, _)| has(policy, name)) {
        let list = list((name, files), name, &files.keys)?;
        if list.current(now, kem(policy, name)).is_none() {
            tracing::warn!(partner = %name, "no key of the partner is valid now: it gets nothing");
        }
        keys.insert(name.clone(), list);
    }
    Ok(keys)
}

/// The keys of each recipient, by partner and recipient.
pub(super) fn of_recipients(
    config: &Config,
    policy: &Policy,
    now: Timestamp,
) -> Result<BTreeMap<(Name, Name), RecipientKeys>, StartError> {
    let mut keys = BTreeMap::new();
    for (partner, files) in config.partners.iter().filter(|(name, _)| has(policy, name)) {
        for (name, path) in &files.recipients {
            let list = list((partner, files), name, path)?;
            if list.current(now, kem(policy, partner)).is_none() {
                tracing::warn!(%partner, recipient = %name, "no key of the recipient is valid now");
            }
            keys.insert((partner.clone(), name.clone()), list);
        }
    }
    Ok(keys)
}

fn list(
    (partner, files): (&Name, &PartnerFiles),
    owner: &Name,
    path: &Path,
) -> Result<RecipientKeys, StartError> {
    let read = SignedKeys::read(&tls::read(path)?, owner.as_str(), &files.identity);
    let unfit = |why| StartError::Keys { partner: partner.clone(), path: path.to_owned(), why };
    Ok(read.map_err(unfit)?.keys)
}

/// The KEM that a partner and its recipients are sealed to by.
fn kem(policy: &Policy, partner: &Name) -> Kem {
    let rules = policy.partners.get(partner).map(|partner| partner.envelope.kem);
    rules.unwrap_or(EnvelopeRules::default().kem)
}

/// The secret that pseudonyms come from, if there is one.
pub(super) fn pseudonyms(config: &Config) -> Result<Option<PseudonymSecret>, StartError> {
    let Some(path) = &config.pseudonym_secret else { return Ok(None) };
    let read = keyfile::read_pseudonym_secret(path);
    let unfit = |why| StartError::Unfit(format!("the secret of pseudonyms cannot be used: {why}"));
    read.map(Some).map_err(unfit)
}

/// Room for what is agreed on with partners for more than one message.
pub(super) fn kept(policy: &Policy) -> BTreeMap<Name, Arc<Kept>> {
    let partners = policy.partners.iter();
    let kept = |(name, partner): (&Name, &Arc<Partner>)| {
        Some((name.clone(), Arc::new(Kept::new(partner.envelope.kept?))))
    };
    partners.filter_map(kept).collect()
}

/// The keys that sign requests.
pub(super) fn signing(config: &Config, now: Timestamp) -> Result<SigningKeys, StartError> {
    let keys = SigningKeys::open(&config.signing, now)
        .map_err(|why| StartError::Key { what: "signing", source: why })?;
    if !config.signing.is_empty() && keys.current(now).is_none() {
        tracing::warn!("no signing key is valid now: partners who want signatures get nothing");
    }
    Ok(keys)
}

/// Holds the treatments of all routes, and of their candidates, against the keys that there are.
///
/// # Errors
/// Fields that could never be pseudonymised.
pub(super) fn suffice(config: &Config, policy: &Policy) -> Result<(), Diagnostics> {
    if config.pseudonym_secret.is_some() {
        return Ok(());
    }
    let mut found = Diagnostics::new();
    for partner in policy.partners.values() {
        let candidates = partner.routes.iter().filter_map(|route| route.candidate.as_ref());
        let candidates = candidates.map(|candidate| &candidate.route);
        let fields = partner.routes.iter().chain(candidates).flat_map(|route| &route.fields);
        for field in fields.filter(|field| is_pseudonymised(field)) {
            let source = policy.source_of(partner);
            let message = text!("for the pseudonyms of `{}` there is no secret", field.text);
            let help = "make it with `otkel keygen pseudonyms FILE`, and write \
                `[pseudonyms] secret = \"FILE\"` in the configuration";
            found.error(&source, source.line_span(field.line), message, help);
        }
    }
    if found.has_errors() { Err(found) } else { Ok(()) }
}

fn is_pseudonymised(field: &Field) -> bool {
    matches!(field.treatment, Treatment::Pseudonymise { .. })
}
