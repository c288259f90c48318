//! Mode 3, kept: what was agreed on with a recipient's key serves for more than one message.
//!
//! The sender agrees once on an HPKE context (RFC 9180, base mode, `info = "OTK1 kept" 000000`, 12
//! bytes) and keeps it for a bounded time and number of messages. It seals nothing under that
//! context. For each message it draws a fresh random salt of 24 bytes and takes
//! ```text
//! ik = Context.Export("OTK1 kept" 000000 || SHA-256(prefix) || salt, 32)
//! ```
//! From there on it is as mode 2: key, base nonce and commitment come from `ik`, the salt and
//! `info = "OTK1 kept" 000000 || SHA-256(prefix)`. Every envelope carries `enc`, so a recipient
//! needs no state, and one agreement with the key (two multiplications on the curve, or ML-KEM and
//! these) is paid for many messages. It is off unless a partner's rules turn it on.
//!
//! # Why it is safe, and what it costs
//!
//! - **No nonce comes twice under one key.** Key and base nonce are new for each message; within a
//!   message they differ by the number of the chunk. Two messages have the same `ik` only if prefix
//!   and salt are the same. The salt alone repeats among n messages with a probability below
//!   n² / 2¹⁹³: 2⁻¹⁵³ for the most that rules allow, a million. Should random numbers fail, the
//!   prefix still differs by the disclosure's id. There is no counter to be set back, by a restart
//!   or by a copy of the machine: nothing but the exporter secret is kept, and it never changes.
//! - **One message again.** A message that is sealed a second time under the same id, whatever its
//!   body, has a new salt, and so another key.
//! - **Messages are independent.** Export is HKDF-Expand, a pseudorandom function of its label
//!   (RFC 9180 sections 5.3 and 9.1): the key of one message, even in wrong hands, says nothing of
//!   the exporter secret or of another message. Limits on the use of one key (RFC 8439) count for
//!   one message, as in mode 1.
//! - **The key is committed to.** The commitment is 32 bytes of the same HKDF-Expand and is checked
//!   before any chunk: to open one envelope by two keys takes a collision of SHA-256. Without it
//!   ChaCha20-Poly1305 would allow that.
//! - **Everything is bound.** `enc` and the recipient's key are bound by the KEM, the mode, flags
//!   and header by SHA-256 of the prefix, in the label and in `info` alike. An envelope whose
//!   header, salt or `enc` is another's fails at the commitment.
//! - **Nothing here is used elsewhere.** The `info` of this context has 12 bytes, that of modes 1
//!   and 2 has 44 and other labels; a context that exports never seals, one that seals never
//!   exports; HPKE derives `key` and `exp` under labels of their own. All parts of the export label
//!   have fixed lengths, so no two messages spell the same label.
//! - **A thief of the gateway's memory** gets the exporter secret, and with it every message under
//!   this context: those already sent, if their envelopes were recorded, and those to come until
//!   it is replaced. In mode 1 it is only the messages that are in memory at that moment. This is
//!   the price of the mode, the reason for both bounds, and why it is off by default. The secret is
//!   wiped when another replaces it, or by [`Kept::forget`] when its time is over and no message
//!   comes.
//! - **A thief of the recipient's key** opens all that was sealed to it, as in every mode; against
//!   that only new keys help.
//! - **An observer** sees by `enc` that two envelopes have one sender and one recipient. The header
//!   says so in the clear anyway.
//! - **The recipient** could seal under the context too. HPKE's base mode says of no envelope who
//!   made it; the request's signature does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hpke::rand_core::CryptoRng;
use sha2::{Digest, Sha256};

use super::context::{self, Export, SALT, Secret32, Sender};
use super::format::LABEL_KEPT;
use super::key::{BadKey, RecipientKey};
use crate::policy::Keeping;
use crate::time::Timestamp;
use crate::vocabulary::Kem;

/// The context that is kept for one recipient. What it holds is wiped when it is replaced.
pub struct Kept {
    bounds: Keeping,
    current: Mutex<Option<Current>>,
}

struct Current {
    context: Arc<KeptContext>,
    since: Timestamp,
    left: u32,
}

impl Kept {
    /// Nothing yet, and how long what comes may serve.
    #[must_use]
    pub const fn new(bounds: Keeping) -> Self {
        Self { bounds, current: Mutex::new(None) }
    }

    /// The context for one more message to a key: the one that is kept, or a new one where it was
    /// for another key or has served its time or its number of messages.
    ///
    /// # Errors
    /// A key that no secret can be shared with.
    pub fn context(
        &self,
        key: &RecipientKey,
        now: Timestamp,
        random: &mut impl CryptoRng,
    ) -> Result<Arc<KeptContext>, BadKey> {
        let mut current = self.current();
        if let Some(kept) = current
            .as_mut()
            .filter(|kept| kept.context.kid == key.kid() && kept.is_fresh(now, self.bounds))
        {
            kept.left -= 1;
            return Ok(Arc::clone(&kept.context));
        }
        *current = None;
        let context = Arc::new(KeptContext::agree(key, random)?);
        let left = self.bounds.messages.saturating_sub(1);
        *current = Some(Current { context: Arc::clone(&context), since: now, left });
        Ok(context)
    }

    /// Wipes the context if it may not serve any more: to be called now and then, as without a
    /// further message nothing else would.
    pub fn forget(&self, now: Timestamp) {
        let mut current = self.current();
        if current.as_ref().is_some_and(|kept| !kept.is_fresh(now, self.bounds)) {
            *current = None;
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Current {
    fn is_fresh(&self, now: Timestamp, bounds: Keeping) -> bool {
        // A clock that was set back must not prolong it.
        let until = self.since.plus_millis(i64::from(bounds.seconds) * 1000);
        self.left > 0 && self.since <= now && now < until
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

/// A context that was agreed on with a key once.
pub struct KeptContext {
    pub(super) kid: String,
    pub(super) kem: Kem,
    pub(super) enc: Vec<u8>,
    context: Box<dyn Sender>,
}

impl KeptContext {
    fn agree(key: &RecipientKey, random: &mut impl CryptoRng) -> Result<Self, BadKey> {
        let (enc, context) = context::sender(key, LABEL_KEPT, random)?;
        Ok(Self { kid: key.kid().to_owned(), kem: key.kem(), enc, context })
    }

    pub(super) fn input(&self, prefix: &[u8], salt: &[u8; SALT]) -> Option<Secret32> {
        input(&*self.context, prefix, salt)
    }
}

impl std::fmt::Debug for KeptContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptContext").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// The input key of one message.
pub(super) fn input(
    context: &(impl Export + ?Sized),
    prefix: &[u8],
    salt: &[u8; SALT],
) -> Option<Secret32> {
    let digest: [u8; 32] = Sha256::digest(prefix).into();
    context.export(&[LABEL_KEPT.as_slice(), &digest, salt].concat())
}
