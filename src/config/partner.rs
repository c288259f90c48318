//! What the gateway keeps of each partner outside its rule file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::{Check, Config};
use crate::diagnostic::{Diagnostics, text};
use crate::policy::{Policy, url_path};
use crate::signing::VerifyKey;
use crate::vocabulary::Name;

/// What the gateway keeps of a partner outside its rule file.
#[derive(Debug)]
pub struct PartnerFiles {
    /// The CA (PEM) that the partner's server certificate must come from.
    pub ca: PathBuf,
    /// SHA-256 pins of the server's public key (`sha256:` and 64 hexadecimal digits), if any.
    pub pins: Vec<String>,
    /// The gateway's client certificate (PEM) for the partner.
    pub certificate: PathBuf,
    /// Its private key (PEM).
    pub key: PathBuf,
    /// The partner's own key: its key lists and receipts are signed by it.
    pub identity: VerifyKey,
    /// The partner's key list (JWS), as it was when somebody put it there.
    pub keys: PathBuf,
    /// The path at its first endpoint where the partner publishes its key list.
    pub keys_at: Option<String>,
    /// A header that the gateway adds for the partner, with the file of its value.
    pub credential: Option<(String, PathBuf)>,
    /// The key lists (JWS) of those within the partner who hold keys of their own.
    pub recipients: BTreeMap<Name, PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    ca: PathBuf,
    #[serde(default)]
    pins: Vec<Spanned<String>>,
    certificate: PathBuf,
    key: PathBuf,
    identity: Spanned<String>,
    keys: PathBuf,
    keys_at: Option<Spanned<String>>,
    credential: Option<RawCredential>,
    #[serde(default)]
    recipient: BTreeMap<Spanned<String>, RawRecipient>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCredential {
    header: Spanned<String>,
    file: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRecipient {
    keys: PathBuf,
}

impl Config {
    /// Holds the partners of the file, and their recipients, against those of the rules.
    pub(super) fn fits_partners(&self, policy: &Policy, found: &mut Diagnostics) {
        let source = &self.places.source;
        for (name, place) in &self.places.partners {
            if !policy.partners.contains_key(name) {
                let help = text!("remove the table, or add `partners/{}.toml`", name);
                let message = text!("the rules have no partner `{}`", name);
                found.warning(source, place.clone(), message, help);
            }
        }
        for name in policy.partners.keys().filter(|name| !self.partners.contains_key(*name)) {
            let help = text!("add `[partner.{}]` with its CA, client certificate and keys", name);
            let message = text!("the partner `{}` of the rules is missing here", name);
            found.error(source, source.text.len()..source.text.len(), message, help);
        }
        for (partner, name, place) in &self.places.recipients {
            let known = policy.partners.get(partner);
            if known.is_some_and(|known| !known.recipients.contains_key(name)) {
                let message = text!("the partner `{}` has no recipient `{}`", partner, name);
                let help = text!("remove the table, or add `[recipient.{}]` to its file", name);
                found.warning(source, place.clone(), message, help);
            }
        }
        for (name, files) in &self.partners {
            let known = policy.partners.get(name).into_iter().flat_map(|p| p.recipients.keys());
            for recipient in known.filter(|recipient| !files.recipients.contains_key(*recipient)) {
                let message = text!("the recipient `{}` of `{}` is missing here", recipient, name);
                let help = text!("add `[partner.{}.recipient.{}]` with its keys", name, recipient);
                found.error(source, source.text.len()..source.text.len(), message, help);
            }
        }
    }
}

impl Check<'_> {
    pub(super) fn partners(
        &mut self,
        raw: BTreeMap<Spanned<String>, Raw>,
    ) -> BTreeMap<Name, PartnerFiles> {
        let mut partners = BTreeMap::new();
        for (key, partner) in raw {
            let Some(name) = self.name(&key) else { continue };
            if let Some(places) = &mut self.places {
                places.partners.push((name.clone(), key.span()));
            }
            let recipients = self.recipients(&name, partner.recipient);
            let credential = partner.credential.and_then(|raw| self.credential(&raw));
            let keys_at = partner.keys_at.and_then(|raw| self.keys_at(&raw));
            let Some(identity) = self.identity(&partner.identity) else { continue };
            let files = PartnerFiles {
                ca: self.path(&partner.ca),
                pins: partner.pins.iter().filter_map(|pin| self.pin(pin)).collect(),
                certificate: self.path(&partner.certificate),
                key: self.path(&partner.key),
                identity,
                keys: self.path(&partner.keys),
                keys_at,
                credential,
                recipients,
            };
            partners.insert(name, files);
        }
        partners
    }

    fn recipients(
        &mut self,
        partner: &Name,
        raw: BTreeMap<Spanned<String>, RawRecipient>,
    ) -> BTreeMap<Name, PathBuf> {
        let mut recipients = BTreeMap::new();
        for (key, recipient) in raw {
            let Some(name) = self.name(&key) else { continue };
            if let Some(places) = &mut self.places {
                places.recipients.push((partner.clone(), name.clone(), key.span()));
            }
            recipients.insert(name, self.path(&recipient.keys));
        }
        recipients
    }

    fn identity(&mut self, text: &Spanned<String>) -> Option<VerifyKey> {
        let key = VerifyKey::parse(text.get_ref());
        if let Err(bad) = &key {
            let help = "write the line that the partner's `otkel keygen partner` printed";
            self.error(text, bad.to_string(), help);
        }
        key.ok()
    }

    fn keys_at(&mut self, text: &Spanned<String>) -> Option<String> {
        let path = url_path(text.get_ref());
        if path.is_none() {
            let help = "write where the partner publishes its list: `/.well-known/otkel/keys`";
            self.error(text, "not the path of a URL", help);
        }
        path.map(str::to_owned)
    }

    fn pin(&mut self, text: &Spanned<String>) -> Option<String> {
        let digits = text.get_ref().strip_prefix("sha256:").unwrap_or_default();
        if digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Some(text.get_ref().to_ascii_lowercase());
        }
        let help = "write `sha256:` and the 64 hexadecimal digits of the public key's SHA-256";
        self.error(text, "not a pin", help);
        None
    }

    fn credential(&mut self, raw: &RawCredential) -> Option<(String, PathBuf)> {
        let header = raw.header.get_ref().to_ascii_lowercase();
        if hyper::header::HeaderName::from_bytes(header.as_bytes()).is_err() || is_ours(&header) {
            let help = "name the header in which the partner expects it, such as `authorization`";
            self.error(&raw.header, "not a header that a credential can go in", help);
            return None;
        }
        Some((header, self.path(&raw.file)))
    }
}

fn is_ours(header: &str) -> bool {
    header.starts_with("otkel-")
        || header.starts_with("signature")
        || header.starts_with("content-")
        || matches!(header, "host" | "connection" | "transfer-encoding" | "te" | "upgrade")
}
