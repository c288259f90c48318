//! Sealing, as the partner's rules say.

use std::sync::Arc;

use hpke::rand_core::UnwrapErr;

use super::Proxy;
use super::refusal::Refusal;
use super::rules::Rules;
use crate::envelope::{self, RecipientKeys, Sealing, Unsealed};
use crate::policy::{Partner, Reply};
use crate::reason::Reason;
use crate::redaction::Redacted;
use crate::time::Timestamp;

impl Proxy {
    /// Seals what may leave to the keys of its partner.
    pub(super) fn seal(
        &self,
        redacted: Redacted,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<envelope::Sealed, Box<Refusal>> {
        let claim = redacted.permitted().transfer().claim();
        let none = RecipientKeys::default();
        let keys = rules.keys.get(&claim.partner().name).unwrap_or(&none);
        let Some(sealing) = self.sealing(claim.partner(), rules, now) else {
            return Err(Refusal::claimed(claim, Reason::PartnerKeyUnavailable));
        };
        let mut random = UnwrapErr(getrandom::SysRng);
        let sealed = envelope::seal(redacted, &self.0.name, keys, &sealing, now, &mut random);
        sealed.map_err(|unsealed| {
            let Unsealed { redacted, why } = *unsealed;
            let claim = redacted.into_transfer().claim().clone();
            tracing::error!(partner = %claim.partner().name, %why, "a payload was not sealed");
            Refusal::claimed(&claim, Reason::PartnerKeyUnavailable)
        })
    }

    /// How what goes to a partner is sealed; `None` where a key is missing.
    fn sealing<'r>(
        &self,
        partner: &Partner,
        rules: &'r Rules,
        now: Timestamp,
    ) -> Option<Sealing<'r>> {
        let said = &partner.envelope;
        let kept = rules.kept.get(&partner.name).map(Arc::as_ref);
        if kept.is_some() != said.kept.is_some() {
            return None;
        }
        let key = |desk: &_| rules.recipients.get(&(partner.name.clone(), Clone::clone(desk)));
        let reply = match said.reply {
            Reply::Plain => None,
            Reply::Offered | Reply::Required => Some(self.0.replies.offer(said.kem, now)?),
        };
        let also = said.also.iter().map(key).collect::<Option<_>>()?;
        Some(Sealing { kem: said.kem, pad: said.pad, kept, also, reply })
    }
}
