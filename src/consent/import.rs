//! A consent as it is handed in: with the subject's identifier instead of the pseudonym.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::record::{BadRecord, Fault, Record};
use crate::time::Timestamp;
use crate::vocabulary::Name;

/// A subject as the outside knows it: never stored, never written.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identifier {
    /// The namespace, such as `kz-iin`.
    pub scheme: Name,
    /// The identifier in it.
    pub id: String,
}

impl std::fmt::Debug for Identifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identifier").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

/// Reads a consent as it is handed in: the members of [`Record`], with `subject` (`scheme` and
/// `id`) in the place of `pii_principal_id`. `pseudonym` makes the latter of the former.
///
/// # Errors
/// Everything that is missing or wrong, by member and item of Art. 8(4); no value is repeated.
pub fn read(
    text: &str,
    now: Timestamp,
    pseudonym: impl FnOnce(&Identifier) -> String,
) -> Result<(Identifier, Record), BadRecord> {
    // A struct cannot see a member twice behind `Value`, so duplicates are looked for first.
    let members: Members = serde_json::from_str(text).map_err(|e| form(&e))?;
    let missing = members.missing();
    if !missing.is_empty() {
        return Err(BadRecord(missing));
    }
    let mut value: Value = serde_json::from_str(text).map_err(|e| form(&e))?;
    let Some(object) = value.as_object_mut() else {
        return Err(BadRecord(vec![Fault::Subject]));
    };
    let subject = object.remove("subject").map(serde_json::from_value::<Identifier>);
    let Some(Ok(identifier)) = subject else { return Err(BadRecord(vec![Fault::Subject])) };
    if identifier.id.trim().is_empty() || identifier.id.len() > 128 {
        return Err(BadRecord(vec![Fault::Subject]));
    }
    object.insert("pii_principal_id".into(), pseudonym(&identifier).into());
    let record = Record::deserialize(&value).map_err(|e| form(&e))?;
    record.check(now)?;
    Ok((identifier, record))
}

macro_rules! members {
    ($($name:ident $item:expr;)*) => {
        /// The members of a consent, each present or not, none twice.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Members<'a> {
            $(#[serde(borrow)] $name: Option<&'a RawValue>,)*
            #[serde(borrow)]
            #[allow(dead_code, reason = "optional; listed so that it is known")]
            collection_method: Option<&'a RawValue>,
            #[serde(borrow)]
            #[allow(dead_code, reason = "optional; listed so that it is known")]
            minor_until: Option<&'a RawValue>,
            #[serde(borrow)]
            #[allow(dead_code, reason = "optional; listed so that it is known")]
            automated_processing: Option<&'a RawValue>,
        }

        impl Members<'_> {
            fn missing(&self) -> Vec<Fault> {
                let mut faults = Vec::new();
                $(if self.$name.is_none() {
                    faults.push(Fault::Missing(stringify!($name), $item));
                })*
                faults
            }
        }
    };
}

members! {
    schema_version None;
    record_id None;
    subject None;
    subject_name_present Some(2);
    pii_controllers Some(1);
    privacy_notice None;
    language None;
    purposes None;
    pii_information Some(7);
    recipient_third_parties Some(4);
    cross_border Some(5);
    publication Some(6);
    storage_locations None;
    retention_period None;
    jurisdiction None;
    lawful_basis None;
    withdrawal_method None;
    given_by None;
    notify_on_transfer None;
    events None;
}

/// What serde says, without the value that it quotes: only its own words and the place are kept.
fn form(error: &serde_json::Error) -> BadRecord {
    let said = error.to_string();
    let place = match (error.line(), error.column()) {
        (0, _) => String::new(),
        (line, column) => format!(" at line {line} column {column}"),
    };
    let known = ["duplicate field", "missing field", "unknown variant", "invalid type", "EOF"];
    let what = known.iter().find(|word| said.starts_with(**word)).copied();
    let member = said.split('`').nth(1).filter(|name| KNOWN.contains(name)).unwrap_or_default();
    let tick = if member.is_empty() { "" } else { "`" };
    let space = if member.is_empty() { "" } else { " " };
    let what = what.unwrap_or("not a consent record of this form");
    BadRecord(vec![Fault::Form(format!("{what}{space}{tick}{member}{tick}{place}"))])
}

const KNOWN: &[&str] = &[
    "schema_version",
    "record_id",
    "subject",
    "subject_name_present",
    "pii_controllers",
    "privacy_notice",
    "language",
    "purposes",
    "pii_information",
    "recipient_third_parties",
    "cross_border",
    "publication",
    "storage_locations",
    "retention_period",
    "jurisdiction",
    "lawful_basis",
    "withdrawal_method",
    "collection_method",
    "given_by",
    "minor_until",
    "automated_processing",
    "notify_on_transfer",
    "events",
    "event_time",
    "event_type",
    "event_state",
    "valid_until",
    "channel",
    "evidence",
    "reference",
    "sha256",
    "scope",
    "party_id",
    "name",
    "address",
    "contact",
    "uri",
    "version",
    "allowed",
    "countries",
    "sources",
    "scheme",
    "id",
];
