//! How an entry becomes its canonical bytes (RFC 8785).
//!
//! Every function here writes its members sorted by name. The strings, integers and escapes that
//! `serde_json` writes are those of RFC 8785, and no entry holds any other number.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{
    Activation, Admin, BlockEvent, ConsentEvent, Disclosure, Entry, Outcome, Proof, Receipt,
    Refusal, VERSION, Verdict,
};
use crate::time::Timestamp;

/// The canonical bytes of an entry at a position.
pub(super) fn bytes(entry: &Entry, seq: u64, time: Timestamp) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1024);
    // Writing plain values with text keys into memory cannot fail.
    let written = serde_json::to_writer(&mut bytes, &Placed { entry, seq, time });
    debug_assert!(written.is_ok());
    bytes
}

/// Writes a map sorted by the UTF-16 units of its names, as RFC 8785 section 3.2.3 asks.
///
/// That is the map's own order, by UTF-8 bytes, unless names reach beyond U+E000.
pub(super) fn by_name<S: Serializer, V: Serialize>(
    map: &BTreeMap<String, V>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if map.keys().all(|name| name.chars().all(|c| c < '\u{e000}')) {
        return serializer.collect_map(map);
    }
    let mut members: Vec<_> = map.iter().collect();
    members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    serializer.collect_map(members)
}

struct Placed<'a> {
    entry: &'a Entry,
    seq: u64,
    time: Timestamp,
}

impl Serialize for Placed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut to = serializer.serialize_map(None)?;
        match self.entry {
            Entry::Activation(entry) => self.activation(entry, &mut to)?,
            Entry::Admin(entry) => self.admin(entry, &mut to)?,
            Entry::Block(entry) => self.block(entry, &mut to)?,
            Entry::Consent(entry) => self.consent(entry, &mut to)?,
            Entry::Disclosure(entry) => self.disclosure(entry, &mut to)?,
            Entry::Outcome(entry) => self.outcome(entry, &mut to)?,
            Entry::Receipt(entry) => self.receipt(entry, &mut to)?,
            Entry::Refusal(entry) => self.refusal(entry, &mut to)?,
        }
        to.end()
    }
}

impl Placed<'_> {
    fn activation<M: SerializeMap>(&self, entry: &Activation, to: &mut M) -> Result<(), M::Error> {
        to.serialize_entry("by", &entry.by)?;
        to.serialize_entry("files", &ByName(&entry.files))?;
        to.serialize_entry("policy", &entry.policy)?;
        to.serialize_entry("seq", &self.seq)?;
        if !entry.signed_by.is_empty() {
            to.serialize_entry("signed_by", &entry.signed_by)?;
        }
        self.time_type_version(to)
    }

    fn admin<M: SerializeMap>(&self, entry: &Admin, to: &mut M) -> Result<(), M::Error> {
        to.serialize_entry("act", entry.act)?;
        to.serialize_entry("by", &entry.by)?;
        optional(to, "document", entry.document.as_ref())?;
        optional(to, "object", entry.object.as_ref())?;
        optional(to, "partner", entry.partner.as_ref())?;
        to.serialize_entry("seq", &self.seq)?;
        self.time_type_version(to)
    }

    fn block<M: SerializeMap>(&self, entry: &BlockEvent, to: &mut M) -> Result<(), M::Error> {
        to.serialize_entry("by", &entry.by)?;
        optional(to, "decision", entry.decision.as_ref())?;
        to.serialize_entry("digest", &entry.digest)?;
        optional(to, "partner", entry.partner.as_ref())?;
        optional(to, "purpose", entry.purpose.as_ref())?;
        to.serialize_entry("record", &entry.record)?;
        to.serialize_entry("seq", &self.seq)?;
        to.serialize_entry("state", entry.state)?;
        optional(to, "subject", entry.subject.as_ref())?;
        self.time_type_version(to)?;
        to.serialize_entry("when", &entry.when)
    }

    fn consent<M: SerializeMap>(&self, entry: &ConsentEvent, to: &mut M) -> Result<(), M::Error> {
        to.serialize_entry("by", &entry.by)?;
        to.serialize_entry("categories", &entry.categories)?;
        to.serialize_entry("countries", &entry.countries)?;
        to.serialize_entry("digest", &entry.digest)?;
        to.serialize_entry("purposes", &entry.purposes)?;
        to.serialize_entry("recipients", &entry.recipients)?;
        to.serialize_entry("record", &entry.record)?;
        to.serialize_entry("seq", &self.seq)?;
        to.serialize_entry("state", entry.state)?;
        to.serialize_entry("subject", &entry.subject)?;
        self.time_type_version(to)?;
        to.serialize_entry("valid_until", &entry.valid_until)?;
        to.serialize_entry("when", &entry.when)
    }

    fn disclosure<M: SerializeMap>(&self, entry: &Disclosure, to: &mut M) -> Result<(), M::Error> {
        let asked = &entry.asked;
        optional(to, "again", entry.again.as_ref())?;
        to.serialize_entry("basis", &entry.basis)?;
        if !entry.border.is_empty() {
            to.serialize_entry("border", &ByName(&entry.border))?;
        }
        optional(to, "caller", asked.caller.as_ref())?;
        optional(to, "candidate", entry.candidate.as_ref())?;
        to.serialize_entry("cross_border", &entry.cross_border)?;
        to.serialize_entry("did", &entry.did)?;
        to.serialize_entry("exporter", &entry.exporter)?;
        optional(to, "notify", entry.notify.as_ref())?;
        optional(to, "partner", asked.partner.as_ref())?;
        to.serialize_entry("payload", &entry.payload)?;
        optional(to, "policy", asked.policy.as_ref())?;
        optional(to, "purpose", asked.purpose.as_ref())?;
        to.serialize_entry("recipient", &entry.recipient)?;
        optional(to, "route", asked.route.as_ref())?;
        to.serialize_entry("seq", &self.seq)?;
        to.serialize_entry("snapshot", &entry.snapshot)?;
        optional(to, "stream", entry.stream.as_ref())?;
        to.serialize_entry("subjects", &entry.subjects)?;
        self.decided(entry.time, &entry.verdicts, to)
    }

    fn outcome<M: SerializeMap>(&self, entry: &Outcome, to: &mut M) -> Result<(), M::Error> {
        to.serialize_entry("did", &entry.did)?;
        to.serialize_entry("of", &entry.of)?;
        optional(to, "reason", entry.reason.as_ref())?;
        to.serialize_entry("result", entry.result)?;
        to.serialize_entry("seq", &self.seq)?;
        optional(to, "status", entry.status.as_ref())?;
        self.time_type_version(to)
    }

    fn receipt<M: SerializeMap>(&self, entry: &Receipt, to: &mut M) -> Result<(), M::Error> {
        let (jws, wrong) = match &entry.proof {
            Proof::Good { jws, .. } => (Some(jws), None),
            Proof::Missing => (None, None),
            Proof::Wrong { why, sha256 } => (None, Some((why, sha256))),
        };
        to.serialize_entry("did", &entry.did)?;
        optional(to, "jws", jws)?;
        to.serialize_entry("of", &entry.of)?;
        to.serialize_entry("seq", &self.seq)?;
        optional(to, "sha256", wrong.map(|(_, sha256)| sha256))?;
        to.serialize_entry("status", entry.proof.status())?;
        self.time_type_version(to)?;
        optional(to, "why", wrong.map(|(why, _)| why))
    }

    fn refusal<M: SerializeMap>(&self, entry: &Refusal, to: &mut M) -> Result<(), M::Error> {
        let asked = &entry.asked;
        optional(to, "basis", entry.basis.as_ref())?;
        optional(to, "caller", asked.caller.as_ref())?;
        optional(to, "candidate", entry.candidate.as_ref())?;
        to.serialize_entry("did", &entry.did)?;
        optional(to, "partner", asked.partner.as_ref())?;
        optional(to, "place", entry.place.as_ref())?;
        optional(to, "policy", asked.policy.as_ref())?;
        optional(to, "purpose", asked.purpose.as_ref())?;
        to.serialize_entry("reason", &entry.reason)?;
        optional(to, "route", asked.route.as_ref())?;
        to.serialize_entry("seq", &self.seq)?;
        optional(to, "stream", entry.stream.as_ref())?;
        optional(to, "subjects", entry.subjects.as_ref())?;
        self.decided(entry.time, &entry.verdicts, to)
    }

    fn time_type_version<M: SerializeMap>(&self, to: &mut M) -> Result<(), M::Error> {
        to.serialize_entry("time", &self.time)?;
        to.serialize_entry("type", self.entry.kind())?;
        to.serialize_entry("v", &VERSION)
    }

    fn decided<M: SerializeMap>(
        &self,
        time: Timestamp,
        verdicts: &[Verdict],
        to: &mut M,
    ) -> Result<(), M::Error> {
        to.serialize_entry("time", &time)?;
        to.serialize_entry("type", self.entry.kind())?;
        to.serialize_entry("v", &VERSION)?;
        to.serialize_entry("verdicts", verdicts)
    }
}

/// Writes the basis that has no more to say.
pub(super) fn consent<S: Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("consent")
}

struct ByName<'a, V>(&'a BTreeMap<String, V>);

impl<V: Serialize> Serialize for ByName<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        by_name(self.0, serializer)
    }
}

fn optional<M: SerializeMap, V: Serialize>(
    to: &mut M,
    name: &'static str,
    value: Option<&V>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| to.serialize_entry(name, value))
}
