//! The keys of a world's partners, as they publish them and take them into use.

use std::fs;
use std::path::Path;

use otkel::demo::certificates::write_secret;
use otkel::demo::trust;
use otkel::envelope::Kem;
use otkel::envelope::key::{KeyList, ListedKey};
use otkel::keyfile;
use otkel::signing::{Sign as _, SigningKey};
use otkel::time::{Clock as _, Timestamp};

use super::{Folder, Partner, Plan, World};

impl World {
    /// Adds a key to the list of a partner, or of `partner.recipient`, as the partner does.
    pub(crate) fn publish(&self, holder: &str, key: ListedKey) {
        let file = self.folder.partner_list(holder);
        let old = fs::read_to_string(&file).unwrap();
        let (partner, owner) = holder.split_once('.').unwrap_or((holder, holder));
        let identity = self.identity(partner);
        let list = keyfile::list_with(Some(&old), owner, key, &identity, self.clock.now());
        fs::write(file, list.unwrap()).unwrap();
    }

    /// Writes a list of a partner, signed by its identity.
    pub(crate) fn write_list(&self, partner: &str, list: &KeyList) {
        let text = list.sign(&self.identity(partner)).unwrap();
        fs::write(self.folder.partner_list(partner), text).unwrap();
    }

    /// The list of a partner, as it is in its file.
    pub(crate) fn list(&self, partner: &str) -> KeyList {
        let text = fs::read_to_string(self.folder.partner_list(partner)).unwrap();
        KeyList::read_signed(&text, partner, self.identity(partner).key()).unwrap()
    }

    /// Has a mock partner use a new key from a time on, beside those that it has: in its list, and
    /// where it opens. The key's id.
    pub(crate) fn add_key(&self, partner: &str, from: Timestamp) -> String {
        let until = from.plus_millis(90 * 24 * 3600 * 1000);
        let (pem, entry) = keyfile::generate(Kem::X25519, from, until).unwrap();
        let kid = entry.kid.clone();
        let file = self.folder().join(format!("keys/{kid}.key"));
        write_secret(&file, pem.as_bytes()).unwrap();
        self.publish(partner, entry);
        self.use_keys(partner, &[&self.folder.partner_key(partner), &file]);
        kid
    }

    /// As [`Self::add_key`], from now on, in the place of those that it has.
    pub(crate) fn rotate(&self, partner: &str) -> String {
        let kid = self.add_key(partner, self.clock.now());
        self.use_keys(partner, &[&self.folder().join(format!("keys/{kid}.key"))]);
        kid
    }

    /// Has a mock partner open with these keys only, and serve its list as it is in the file.
    pub(crate) fn use_keys(&self, partner: &str, files: &[&Path]) {
        let Partner::Mock(mock) = &self.partners[partner] else { panic!("{partner} is a stub") };
        let mut trust = trust::of(&self.folder, partner).unwrap();
        trust.secrets = files.iter().map(|file| keyfile::read_secret(file).unwrap()).collect();
        mock.replace(trust);
    }

    /// The key that a partner signs its lists and receipts with.
    pub(crate) fn identity(&self, partner: &str) -> SigningKey {
        identity(&self.folder, partner)
    }
}

impl Plan {
    /// Gives a recipient within a partner a list with one key.
    pub(crate) fn recipient(mut self, partner: &str, name: &str, key: ListedKey) -> Self {
        self.recipients.push((partner.to_owned(), name.to_owned(), key));
        self.configure(&format!(
            "\n[partner.{partner}.recipient.{name}]\nkeys = \"keys/{partner}.{name}.keys.jws\"\n"
        ))
    }
}

pub(super) fn identity(folder: &Folder, partner: &str) -> SigningKey {
    let pem = fs::read_to_string(folder.partner_identity(partner)).unwrap();
    SigningKey::from_pem(&pem).unwrap()
}
