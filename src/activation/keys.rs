//! The keys that a set of rules needs: those that payloads and single values are sealed to, and
//! the secret that pseudonyms come from.

use std::collections::BTreeMap;
use std::path::Path;

use super::load::has;
use crate::config::Config;
use crate::diagnostic::{Diagnostics, Text, text};
use crate::envelope::RecipientKeys;
use crate::gateway::StartError;
use crate::keyfile;
use crate::policy::{Field, Partner, Policy, Route, Treatment};
use crate::redaction::treat::pseudonym::PseudonymSecret;
use crate::time::Timestamp;
use crate::tls;
use crate::vocabulary::Name;

/// The keys of each partner.
pub(super) fn of_partners(
    config: &Config,
    policy: &Policy,
    now: Timestamp,
) -> Result<BTreeMap<Name, RecipientKeys>, StartError> {
    let mut keys = BTreeMap::new();
    for (name, files) in config.partners.iter().filter(|(name, _)| has(policy, name)) {
        let list = list(name, name, &files.keys)?;
        if list.current(now).is_none() {
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
            let list = list(partner, name, path)?;
            if list.current(now).is_none() {
                tracing::warn!(%partner, recipient = %name, "no key of the recipient is valid now");
            }
            keys.insert((partner.clone(), name.clone()), list);
        }
    }
    Ok(keys)
}

fn list(partner: &Name, owner: &Name, path: &Path) -> Result<RecipientKeys, StartError> {
    let json = tls::read(path)?;
    RecipientKeys::read(&json, owner.as_str()).map_err(|why| StartError::Keys {
        partner: partner.clone(),
        path: path.to_owned(),
        why,
    })
}

/// The secret that pseudonyms come from, if there is one.
pub(super) fn pseudonyms(config: &Config) -> Result<Option<PseudonymSecret>, StartError> {
    let Some(path) = &config.pseudonym_secret else { return Ok(None) };
    let read = keyfile::read_pseudonym_secret(path);
    let unfit = |why| StartError::Unfit(format!("the secret of pseudonyms cannot be used: {why}"));
    read.map(Some).map_err(unfit)
}

/// Holds the treatments of all routes against the keys that the configuration has.
///
/// # Errors
/// Fields that could never be pseudonymised or encrypted.
pub(super) fn suffice(config: &Config, policy: &Policy) -> Result<(), Diagnostics> {
    let mut found = Diagnostics::new();
    for partner in policy.partners.values() {
        let candidates = partner.routes.iter().filter_map(|route| route.candidate.as_ref());
        let candidates = candidates.map(|candidate| &candidate.route);
        for route in partner.routes.iter().chain(candidates) {
            for field in &route.fields {
                if let Some((message, help)) = lacking(config, partner, route, field) {
                    let source = policy.source_of(partner);
                    found.error(&source, source.line_span(field.line), message, help);
                }
            }
        }
    }
    if found.has_errors() { Err(found) } else { Ok(()) }
}

/// What a field's treatment needs and the configuration does not have, with the cure.
fn lacking(
    config: &Config,
    partner: &Partner,
    route: &Route,
    field: &Field,
) -> Option<(Text, Text)> {
    match &field.treatment {
        Treatment::Pseudonymise { .. } if config.pseudonym_secret.is_none() => Some((
            text!("the route `{}` makes pseudonyms, for which there is no secret", route.name),
            "make it with `otkel keygen pseudonyms`, and name its file in the configuration: \
             `[pseudonyms]`, `secret`"
                .into(),
        )),
        Treatment::Encrypt { to: Some(to) } => {
            let has =
                config.partners.get(&partner.name).is_some_and(|f| f.recipients.contains_key(to));
            (!has).then(|| {
                let help = text!(
                    "add the recipient's key list to the configuration: \
                     `[partner.{}.recipients]`, `{}`",
                    partner.name,
                    to
                );
                (
                    text!(
                        "the route `{}` encrypts to `{}`, whose keys are missing",
                        route.name,
                        to
                    ),
                    help,
                )
            })
        }
        _ => None,
    }
}
