//! What one transfer is decided by, from its first byte to its last: one snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::envelope::RecipientKeys;
use crate::policy::Policy;
use crate::transfer::Caller;
use crate::vocabulary::Name;

/// The rules in force, with the callers and the partners' keys.
#[derive(Debug)]
pub struct Rules {
    /// The rules.
    pub policy: Arc<Policy>,
    /// The callers, by a DNS or URI name of their certificates.
    pub callers: BTreeMap<String, Caller>,
    /// The gateway's own host names, in lower case.
    pub hosts: Vec<String>,
    /// The keys of each partner.
    pub keys: BTreeMap<Name, RecipientKeys>,
}
