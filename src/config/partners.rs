//! What the gateway keeps of each partner outside its rule file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::Check;
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
    /// The partner's key list (JSON).
    pub keys: PathBuf,
    /// The key lists (JSON) of its recipients, by the names that its rule file gives them.
    pub recipients: BTreeMap<Name, PathBuf>,
    /// A header that the gateway adds for the partner, with the file of its value.
    pub credential: Option<(String, PathBuf)>,
}

/// A table `[partner.NAME]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    ca: PathBuf,
    #[serde(default)]
    pins: Vec<Spanned<String>>,
    certificate: PathBuf,
    key: PathBuf,
    keys: PathBuf,
    #[serde(default)]
    recipients: BTreeMap<Spanned<String>, PathBuf>,
    credential: Option<RawCredential>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCredential {
    header: Spanned<String>,
    file: PathBuf,
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
            let credential = partner.credential.and_then(|raw| self.credential(&raw));
            let files = PartnerFiles {
                ca: self.path(&partner.ca),
                pins: partner.pins.iter().filter_map(|pin| self.pin(pin)).collect(),
                certificate: self.path(&partner.certificate),
                key: self.path(&partner.key),
                keys: self.path(&partner.keys),
                recipients: self.recipients(&partner.recipients),
                credential,
            };
            partners.insert(name, files);
        }
        partners
    }

    fn recipients(&mut self, raw: &BTreeMap<Spanned<String>, PathBuf>) -> BTreeMap<Name, PathBuf> {
        let recipients = raw.iter();
        recipients.filter_map(|(name, keys)| Some((self.name(name)?, self.path(keys)))).collect()
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
