//! Mode 3, kept: what was agreed on with a recipient's key serves for more than one message.

use std::sync::{Arc, Mutex, PoisonError};

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
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = current.as_mut().filter(|kept| kept.may_serve(key, now, self.bounds)) {
            kept.left -= 1;
            return Ok(Arc::clone(&kept.context));
        }
        *current = None;
        let context = Arc::new(KeptContext::agree(key, random)?);
        let left = self.bounds.messages.saturating_sub(1);
        *current = Some(Current { context: Arc::clone(&context), since: now, left });
        Ok(context)
    }
}

impl Current {
    fn may_serve(&self, key: &RecipientKey, now: Timestamp, bounds: Keeping) -> bool {
        let until = self.since.plus_millis(i64::from(bounds.seconds) * 1000);
        let in_time = self.since <= now && now < until;
        in_time && self.left > 0 && self.context.kid == key.kid()
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
