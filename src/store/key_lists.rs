//! The newest key list that was taken from each partner, and from each holder of a key of its own
//! within one: so that no older list is taken again, across threads, processes and restarts.
//!
//! A list is kept in the transaction of the entry that says it was taken, and is used only after
//! that. What is kept is bound to the identity that signed it: a partner that gets another identity
//! begins anew, by a change of the configuration.

use std::collections::{BTreeSet, HashMap};

use data_encoding::HEXLOWER;

use super::recorder::{Append, Recorder, Unrecorded};
use super::{Reader, StoreError, Transaction};
use crate::envelope::list::{Mark, SignedKeys};
use crate::ledger::entry::{Admin, Entry};
use crate::signing::VerifyKey;
use crate::vocabulary::Name;

/// Whose list it is, and by which identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListOwner {
    /// The partner.
    pub partner: Name,
    /// The holder within the partner, where it is not the partner's own.
    pub recipient: Option<Name>,
    /// The id of the key that signs it.
    pub identity: String,
}

impl ListOwner {
    /// The owner of a partner's own list, or of that of a holder within it.
    #[must_use]
    pub fn new(partner: &Name, recipient: Option<&Name>, identity: &VerifyKey) -> Self {
        let identity = identity.kid().to_owned();
        Self { partner: partner.clone(), recipient: recipient.cloned(), identity }
    }

    /// Who the list itself says that its issuer is.
    #[must_use]
    pub fn issuer(&self) -> &Name {
        self.recipient.as_ref().unwrap_or(&self.partner)
    }
}

/// A list that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenList {
    /// Whose.
    pub owner: ListOwner,
    /// Its number and digest.
    pub mark: Mark,
    /// The JWS.
    pub text: String,
}

impl Append {
    /// The entry that a key list was taken, with the list.
    #[must_use]
    pub fn key_list(owner: ListOwner, list: &SignedKeys, by: &str) -> Self {
        let Mark { seq, sha256 } = list.mark;
        let holder = owner.recipient.as_ref().map_or_else(String::new, |name| format!("{name} "));
        let object = format!("{holder}seq {seq} sha256:{}", HEXLOWER.encode(&sha256));
        let (object, partner) = (Some(object), Some(owner.partner.clone()));
        let admin = Admin { object, partner, ..Admin::plain(ACT, by.to_owned()) };
        let taken = TakenList { owner, mark: list.mark, text: list.text.clone() };
        Self { key_list: Some(taken), ..Self::plain(Entry::Admin(admin)) }
    }
}

impl Recorder {
    /// Records that key lists were taken, and returns once all are on disk.
    ///
    /// # Errors
    /// One could not be recorded; others may have been.
    pub async fn take_lists(
        &self,
        lists: impl IntoIterator<Item = (ListOwner, SignedKeys)>,
        by: &str,
    ) -> Result<(), Unrecorded> {
        let lists = lists.into_iter();
        let answers = lists.map(|(owner, list)| self.begin(Append::key_list(owner, &list, by)));
        // All of them wait for the same commit.
        for answer in answers.collect::<Vec<_>>() {
            answer.await.unwrap_or(Err(Unrecorded::Stopped))?;
        }
        Ok(())
    }
}

impl Reader {
    /// The newest list that was taken of an owner.
    ///
    /// # Errors
    /// The store failed.
    pub fn key_list(&self, owner: &ListOwner) -> Result<Option<TakenList>, StoreError> {
        self.lookup().key_list(owner)
    }
}

/// The numbers of the lists that the appends of a batch are about, kept up as they are staged.
#[derive(Default)]
pub(super) struct Numbers(HashMap<ListOwner, u64>);

impl Numbers {
    pub(super) fn look_up(
        transaction: &mut dyn Transaction,
        appends: &[Append],
    ) -> Result<Self, StoreError> {
        let lists = appends.iter().filter_map(|append| append.key_list.as_ref());
        let owners: BTreeSet<_> = lists.map(|list| list.owner.clone()).collect();
        let owners = Vec::from_iter(owners);
        let numbers = transaction.list_numbers(&owners)?;
        Ok(Self(owners.into_iter().zip(numbers).filter_map(|(o, n)| Some((o, n?))).collect()))
    }

    /// Whether a list is not newer than the one that was taken last.
    pub(super) fn has_passed(&self, list: &TakenList) -> bool {
        self.0.get(&list.owner).is_some_and(|last| list.mark.seq <= *last)
    }

    pub(super) fn take(&mut self, list: &TakenList) {
        self.0.insert(list.owner.clone(), list.mark.seq);
    }
}

/// The act of taking a key list.
const ACT: &str = "partner-keys-accepted";
