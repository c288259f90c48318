//! Key lists: what is offered, held against what was taken before.
//!
//! An offer is a list that its partner's identity signed. It is taken if it is the one that was
//! taken last, or one with a higher number, which is then recorded before anything is sealed to its
//! keys. An older one is refused, but for a file of a partner that publishes its list: there the
//! file is only where the gateway began, and the list that was taken last goes on.

use std::path::{Path, PathBuf};

use super::load::{Loaded, has};
use crate::config::{Config, PartnerFiles};
use crate::diagnostic::{Diagnostics, text};
use crate::envelope::list::{BadList, SignedKeys};
use crate::gateway::StartError;
use crate::policy::Policy;
use crate::policy::origin::{Origins, Step};
use crate::proxy::rules::Rules;
use crate::signing::VerifyKey;
use crate::store::{ListOwner, Reader, StoreError};
use crate::time::Timestamp;
use crate::tls;
use crate::vocabulary::Name;

/// A list that its owner's identity signed.
pub(super) struct Offer {
    pub(super) owner: ListOwner,
    pub(super) identity: VerifyKey,
    pub(super) list: SignedKeys,
    /// Where it was read.
    pub(super) file: PathBuf,
    /// Whether a list that was taken later goes on in its place.
    pub(super) may_be_old: bool,
}

/// A list to be used.
pub(super) struct Choice {
    owner: ListOwner,
    list: SignedKeys,
    is_new: bool,
}

/// Why there is no list to be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoList {
    /// It cannot be taken.
    #[error(transparent)]
    Bad(#[from] BadList),
    /// It is not known what was taken before.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A list that must be recorded before anything is sealed to its keys.
pub(super) type Taken = (ListOwner, SignedKeys);

impl Choice {
    /// Gives its keys to rules; the list, where it must be recorded.
    pub(super) fn give(self, rules: &mut Rules) -> Option<Taken> {
        let Self { owner, list, is_new } = self;
        let (partner, keys) = (owner.partner.clone(), list.keys.clone());
        match owner.recipient.clone() {
            None => rules.keys.insert(partner, keys),
            Some(recipient) => rules.recipients.insert((partner, recipient), keys),
        };
        is_new.then_some((owner, list))
    }
}

impl Offer {
    /// Holds the list against the one that was taken last.
    pub(super) fn choose(self, reader: &Reader) -> Result<Choice, NoList> {
        let Self { owner, identity, list, may_be_old, .. } = self;
        let Some(before) = reader.key_list(&owner)? else {
            return Ok(Choice { owner, list, is_new: true });
        };
        match list.follows(&before.mark) {
            Ok(()) => Ok(Choice { is_new: list.mark.seq > before.mark.seq, owner, list }),
            Err(BadList::Older { .. }) if may_be_old => {
                let text = before.text.as_bytes();
                let list = SignedKeys::read(text, owner.issuer().as_str(), &identity)?;
                Ok(Choice { owner, list, is_new: false })
            }
            Err(bad) => Err(bad.into()),
        }
    }
}

/// The lists of all partners of the rules, and of their recipients, from their files.
pub(super) fn of_files(config: &Config, policy: &Policy) -> Result<Vec<Offer>, StartError> {
    let mut offers = Vec::new();
    for (partner, files) in config.partners.iter().filter(|(name, _)| has(policy, name)) {
        offers.push(of_file((partner, files), None, &files.keys)?);
        for (recipient, path) in &files.recipients {
            offers.push(of_file((partner, files), Some(recipient), path)?);
        }
    }
    Ok(offers)
}

fn of_file(
    (partner, files): (&Name, &PartnerFiles),
    recipient: Option<&Name>,
    path: &Path,
) -> Result<Offer, StartError> {
    let owner = ListOwner::new(partner, recipient, &files.identity);
    let read = SignedKeys::read(&tls::read(path)?, owner.issuer().as_str(), &files.identity);
    let list = read.map_err(|why| unfit(&owner, path, why))?;
    let may_be_old = recipient.is_none() && files.keys_at.is_some();
    Ok(Offer { owner, identity: files.identity.clone(), list, file: path.to_owned(), may_be_old })
}

fn unfit(owner: &ListOwner, path: &Path, why: BadList) -> StartError {
    StartError::Keys { partner: owner.partner.clone(), path: path.to_owned(), why }
}

/// Gives the keys of the lists that a set of rules comes with to the rules; which of the lists must
/// be recorded before anything is sealed to them.
///
/// # Errors
/// A list that may not be taken, or does not have what the rules need.
pub(super) fn settle(
    loaded: &mut Loaded,
    reader: &Reader,
    now: Timestamp,
) -> Result<Vec<Taken>, StartError> {
    let choose = |offer: Offer| {
        let (owner, file) = (offer.owner.clone(), offer.file.clone());
        offer.choose(reader).map_err(|why| match why {
            NoList::Bad(why) => unfit(&owner, &file, why),
            NoList::Store(source) => StartError::Store { path: file, source },
        })
    };
    let offers = std::mem::take(&mut loaded.offers);
    let choices = offers.into_iter().map(choose).collect::<Result<Vec<_>, _>>()?;
    loaded.warnings.append(fit(&loaded.rules, &choices, now).map_err(StartError::Rules)?);
    Ok(choices.into_iter().filter_map(|choice| choice.give(&mut loaded.rules)).collect())
}

/// Holds the lists against the KEMs of the rules; with it come the warnings.
///
/// # Errors
/// A partner, or one of its recipients, without a key that it could be sealed to by. Where the
/// partner publishes its list, that is a warning: the next one may have such a key.
fn fit(rules: &Rules, choices: &[Choice], now: Timestamp) -> Result<Diagnostics, Diagnostics> {
    let policy = &rules.policy;
    let mut found = Diagnostics::new();
    for Choice { owner, list, .. } in choices {
        let Some(partner) = policy.partners.get(&owner.partner) else { continue };
        let kem = partner.envelope.kem;
        if list.keys.current(now, kem).is_none() {
            let issuer = owner.issuer();
            tracing::warn!(partner = %owner.partner, %issuer, "no key of the list is valid now");
        }
        if list.keys.has(kem) {
            continue;
        }
        let file = format!("partners/{}.toml", owner.partner);
        let origins = Origins::of(policy, &[&file]);
        let line = origins.find(&file, &[Step::Key("envelope"), Step::Key("kem")]).line;
        let source = policy.source_of(partner);
        let message = text!("the key list of `{}` has no key for `{}`", owner.issuer(), kem.word());
        let help = text!(
            "ask for a list with one: `otkel keygen partner {} --kem {}` makes it",
            owner.partner,
            kem.word()
        );
        let source_of = rules.lists.get(&owner.partner);
        let is_published = source_of.is_some_and(|source| source.keys_at.is_some());
        if is_published && owner.recipient.is_none() {
            found.warning(&source, source.line_span(line), message, help);
        } else {
            found.error(&source, source.line_span(line), message, help);
        }
    }
    if found.has_errors() { Err(found) } else { Ok(found) }
}
