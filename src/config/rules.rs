//! How rules come into force, and who signs them.

use serde::Deserialize;
use toml::Spanned;

use super::{Check, Officer, RawOfficer};
use crate::activation::signature::OfficerKey;
use crate::diagnostic::text;

/// How rules come into force.
#[derive(Clone, Copy, Debug)]
pub struct RuleSettings {
    /// Whether a change in the folder of rules activates them: by default it does.
    pub watch: bool,
    /// Whether a route may try a candidate: by default it may.
    pub report_mode: ReportMode,
    /// How many officers must have signed a set before it is activated: by default none.
    pub signatures: usize,
}

/// Whether a route may try a candidate beside its rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportMode {
    /// It may.
    #[default]
    Allowed,
    /// A set with a candidate that is not over does not come into force.
    Forbidden,
}

/// The table `[rules]`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    watch: Option<bool>,
    #[serde(default)]
    report_mode: ReportMode,
    signatures: Option<Spanned<u8>>,
}

impl Check<'_> {
    pub(super) fn rules(&mut self, raw: &Raw, officers: &[Officer]) -> RuleSettings {
        let needed = raw.signatures.as_ref().map_or(0, |number| usize::from(*number.get_ref()));
        let keys = officers.iter().filter(|officer| officer.key.is_some()).count();
        if let Some(number) = raw.signatures.as_ref().filter(|_| needed > keys) {
            let message = text!("{} signatures are asked for and {} can be given", needed, keys);
            let help = "give as many officers a `public_key`: `otkel keygen officer` makes one";
            self.error(number, message, help);
        }
        RuleSettings {
            watch: raw.watch.unwrap_or(true),
            report_mode: raw.report_mode,
            signatures: needed,
        }
    }

    pub(super) fn officers(&mut self, raw: &[RawOfficer]) -> Vec<Officer> {
        let mut officers: Vec<Officer> = Vec::new();
        for raw in raw {
            let Some(name) = self.name(&raw.name) else { continue };
            if officers.iter().any(|other| other.name == name) {
                self.error(&raw.name, "this name is taken", "give each officer its own name");
            }
            let key = raw.public_key.as_ref().and_then(|text| self.officer_key(text, &officers));
            officers.push(Officer { name, token_file: self.path(&raw.token_file), key });
        }
        officers
    }

    fn officer_key(&mut self, text: &Spanned<String>, others: &[Officer]) -> Option<OfficerKey> {
        let Ok(key) = OfficerKey::parse(text.get_ref()) else {
            let help = "write the base64 of 32 bytes that `otkel keygen officer` printed";
            self.error(text, "not an Ed25519 public key", help);
            return None;
        };
        let same = others.iter().find(|other| other.key.as_ref() == Some(&key));
        if let Some(other) = same {
            let message = text!("this is the key of `{}` too", other.name);
            self.error(text, message, "each officer makes a key of their own: two must sign");
        }
        Some(key)
    }
}
