//! The keys of a file, as serde takes them: strange ones are refused.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use crate::config::Limits;
use crate::consent::record::{Channel, Scope};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) rules: Spanned<PathBuf>,
    pub(super) time: Spanned<Datetime>,
    /// Taken again from the file as it stands, once they are known to be right.
    #[serde(default, rename = "limits")]
    pub(super) _limits: Limits,
    #[serde(default)]
    pub(super) edit: Vec<RawEdit>,
    #[serde(default)]
    pub(super) caller: Vec<RawCaller>,
    pub(super) consents_file: Option<Spanned<PathBuf>>,
    #[serde(default)]
    pub(super) consent: Vec<Spanned<RawConsent>>,
    #[serde(default)]
    pub(super) block: Vec<Spanned<RawBlock>>,
    #[serde(default)]
    pub(super) mock: RawMocks,
    #[serde(default)]
    pub(super) step: Vec<Spanned<RawStep>>,
}

/// The rules by which mock partners answer.
pub(super) type RawMocks = BTreeMap<Spanned<String>, Spanned<Vec<toml::Table>>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEdit {
    pub(super) file: Spanned<String>,
    pub(super) from: Option<Spanned<String>>,
    pub(super) to: Option<Spanned<String>>,
    pub(super) text: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCaller {
    pub(super) name: Spanned<String>,
    pub(super) certificate: Option<Spanned<String>>,
    pub(super) routes: Option<Vec<Spanned<String>>>,
    pub(super) requests_per_minute: Option<u32>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawState {
    Given,
    Refused,
    Withdrawn,
    Expired,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConsent {
    pub(super) name: Option<Spanned<String>>,
    pub(super) json: Option<Spanned<String>>,
    pub(super) subject: Option<Spanned<String>>,
    pub(super) scheme: Option<Spanned<String>>,
    pub(super) recipients: Option<Vec<String>>,
    pub(super) purposes: Option<Vec<String>>,
    pub(super) categories: Option<Vec<String>>,
    pub(super) countries: Option<Vec<String>>,
    pub(super) publication: Option<Vec<String>>,
    pub(super) given: Option<Spanned<Datetime>>,
    pub(super) until: Option<Spanned<Datetime>>,
    pub(super) state: Option<RawState>,
    pub(super) channel: Option<Channel>,
    pub(super) notice: Option<String>,
    pub(super) given_by: Option<String>,
    pub(super) minor_until: Option<Spanned<Datetime>>,
    pub(super) automated: Option<bool>,
    pub(super) notify: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBlock {
    pub(super) name: Option<Spanned<String>>,
    pub(super) subject: Option<Spanned<String>>,
    pub(super) scheme: Option<Spanned<String>>,
    pub(super) partner: Option<Spanned<String>>,
    pub(super) purpose: Option<Spanned<String>>,
    pub(super) document: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWithdrawal {
    pub(super) consent: Spanned<String>,
    pub(super) channel: Option<Channel>,
    pub(super) scope: Option<Scope>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStep {
    pub(super) name: Spanned<String>,
    pub(super) time: Option<Spanned<Datetime>>,
    pub(super) request: Option<Spanned<String>>,
    pub(super) caller: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) headers: BTreeMap<Spanned<String>, Spanned<String>>,
    pub(super) body: Option<Spanned<RawBody>>,
    pub(super) grant: Option<Spanned<RawConsent>>,
    pub(super) withdraw: Option<RawWithdrawal>,
    pub(super) block: Option<Spanned<RawBlock>>,
    pub(super) lift: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) mock: RawMocks,
    pub(super) answer: Option<RawAnswer>,
    pub(super) refused: Option<RawRefused>,
    pub(super) received: Option<Vec<Spanned<RawReceived>>>,
    pub(super) records: Option<Spanned<u64>>,
    #[serde(default)]
    pub(super) record: Vec<Spanned<RawRecord>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBody {
    pub(super) json: Option<Spanned<String>>,
    pub(super) has: Option<Spanned<String>>,
    pub(super) text: Option<Spanned<String>>,
    pub(super) file: Option<Spanned<PathBuf>>,
    pub(super) base64: Option<Spanned<String>>,
    pub(super) generated: Option<Spanned<RawGenerated>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGenerated {
    #[serde(default)]
    pub(super) before: String,
    pub(super) each: String,
    #[serde(default)]
    pub(super) between: String,
    #[serde(default)]
    pub(super) after: String,
    pub(super) times: Spanned<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAnswer {
    pub(super) status: Option<Spanned<u16>>,
    #[serde(default)]
    pub(super) headers: BTreeMap<Spanned<String>, Spanned<String>>,
    pub(super) body: Option<Spanned<RawBody>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRefused {
    pub(super) code: Spanned<String>,
    pub(super) clause: Option<Spanned<String>>,
    pub(super) place: Option<Spanned<String>>,
    pub(super) subjects: Option<Spanned<BTreeMap<String, u64>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReceived {
    pub(super) partner: Spanned<String>,
    pub(super) purpose: Option<Spanned<String>>,
    pub(super) expires: Option<Spanned<Datetime>>,
    pub(super) onward: Option<Spanned<bool>>,
    pub(super) media: Option<Spanned<String>>,
    pub(super) header: Option<Spanned<String>>,
    pub(super) request: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) headers: BTreeMap<Spanned<String>, Spanned<String>>,
    pub(super) body: Option<Spanned<RawBody>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRecord {
    pub(super) json: Option<Spanned<String>>,
    pub(super) has: Option<Spanned<String>>,
}
