//! The keys that a set of rules needs besides those of the lists: what signs requests, and the
//! secret that pseudonyms come from.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{Config, PartnerFiles};
use crate::diagnostic::{Diagnostics, text};
use crate::envelope::Kept;
use crate::gateway::StartError;
use crate::keyfile;
use crate::keys::SigningKeys;
use crate::policy::{Field, Partner, Policy, Treatment};
use crate::proxy::rules::ListSource;
use crate::redaction::treat::pseudonym::PseudonymSecret;
use crate::signing::VerifyKey;
use crate::time::Timestamp;
use crate::vocabulary::Name;

/// The secret that pseudonyms come from, if there is one.
pub(super) fn pseudonyms(config: &Config) -> Result<Option<PseudonymSecret>, StartError> {
    let Some(path) = &config.pseudonym_secret else { return Ok(None) };
    let read = keyfile::read_pseudonym_secret(path);
    let unfit = |why| StartError::Unfit(format!("the secret of pseudonyms cannot be used: {why}"));
    read.map(Some).map_err(unfit)
}

/// The key by which each partner signs its lists and receipts.
pub(super) fn identities(config: &Config) -> BTreeMap<Name, VerifyKey> {
    let partners = config.partners.iter();
    partners.map(|(name, files)| (name.clone(), files.identity.clone())).collect()
}

/// Where each partner's own list is read again.
pub(super) fn sources(config: &Config) -> BTreeMap<Name, ListSource> {
    let source = |(name, files): (&Name, &PartnerFiles)| {
        let (file, keys_at) = (files.keys.clone(), files.keys_at.clone());
        (name.clone(), ListSource { file, keys_at })
    };
    config.partners.iter().map(source).collect()
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
