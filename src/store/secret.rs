//! The store's secret: 32 random bytes in a file of their own, beside but not inside the store.
//!
//! Two keys come from it by HKDF-SHA-256 (RFC 5869), with empty salt:
//!
//! | info | key for |
//! |---|---|
//! | `otkel store lookup v1` | finding subjects: HMAC-SHA-256 of scheme ‖ `0x00` ‖ identifier |
//! | `otkel store wrap v1` | subject keys at rest: XChaCha20-Poly1305, the reference as its data |
//! | `otkel store mark v1` | nothing secret: 16 bytes by which a store knows its secret |
//!
//! Without the file nobody can tell whose entries a store holds, not even by trying every
//! identifier there is.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use secrecy::ExposeSecret as _;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{StoreError, WrappedKey};
use crate::ledger::line::SubjectKey;
use crate::tls;

/// How the store knows a subject: a keyed hash of the identifier, which is itself never kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectRef(pub [u8; 16]);

impl SubjectRef {
    /// What blocks hang on that name no subject; that a subject's hash is this is out of the
    /// question.
    pub const EVERYONE: Self = Self([0; 16]);
}

/// The keys that come from the store's secret, wiped from memory when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct StoreSecret {
    /// The MAC with its key taken in; wipes itself.
    #[zeroize(skip)]
    lookup: Hmac<Sha256>,
    wrap: [u8; 32],
    mark: [u8; 16],
}

impl StoreSecret {
    /// Reads the secret from its file.
    ///
    /// # Errors
    /// A file that others than its owner may touch, or that does not hold exactly 32 bytes.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let secret = tls::read_secret(path)?;
        let wrong = StoreError::Secret("it does not hold exactly 32 bytes");
        let seed = secret.expose_secret().try_into().map_err(|_| wrong)?;
        Ok(Self::from_seed(&Zeroizing::new(seed)))
    }

    /// Makes a new secret and its file, mode 0600, synced.
    ///
    /// # Errors
    /// The file exists already, or cannot be written.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed).map_err(|_| StoreError::Randomness)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(&*seed)?;
        file.sync_all()?;
        super::publish::sync_folder_of(path)?;
        Ok(Self::from_seed(&seed))
    }

    /// Takes 32 random bytes.
    #[must_use]
    pub fn from_seed(seed: &Zeroizing<[u8; 32]>) -> Self {
        let hkdf = Hkdf::<Sha256>::new(None, &seed[..]);
        let mut lookup = Zeroizing::new([0; 32]);
        let (mut wrap, mut mark) = ([0; 32], [0; 16]);
        // HKDF refuses only more than 255 hashes of output.
        let expanded = [
            hkdf.expand(b"otkel store lookup v1", &mut *lookup),
            hkdf.expand(b"otkel store wrap v1", &mut wrap),
            hkdf.expand(b"otkel store mark v1", &mut mark),
        ];
        debug_assert!(expanded.iter().all(Result::is_ok));
        // HMAC fills a short key up with zeros (RFC 2104).
        let mut block = Zeroizing::new([0; 64]);
        block.iter_mut().zip(lookup.iter()).for_each(|(to, from)| *to = *from);
        Self { lookup: Hmac::new((&*block).into()), wrap, mark }
    }

    /// How the store knows the subject with this identifier in this scheme, such as `iin`.
    #[must_use]
    pub fn reference(&self, scheme: &str, identifier: &str) -> SubjectRef {
        let mut mac = self.lookup.clone();
        mac.update(scheme.as_bytes());
        mac.update(&[0]);
        mac.update(identifier.as_bytes());
        let mut reference = [0; 16];
        reference.iter_mut().zip(mac.finalize().into_bytes()).for_each(|(to, from)| *to = from);
        SubjectRef(reference)
    }

    /// By what a store knows that this is its secret; not secret itself.
    #[must_use]
    pub const fn mark(&self) -> [u8; 16] {
        self.mark
    }

    /// Wraps a subject's key for storage.
    ///
    /// # Errors
    /// The operating system gave no random bytes.
    pub fn wrap(&self, of: &SubjectRef, key: &SubjectKey) -> Result<WrappedKey, StoreError> {
        let mut nonce = [0; 24];
        getrandom::fill(&mut nonce).map_err(|_| StoreError::Randomness)?;
        let payload = Payload { msg: key.as_bytes(), aad: &of.0 };
        let sealed = XChaCha20Poly1305::new(&self.wrap.into())
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| StoreError::Damaged("a subject's key cannot be wrapped"))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Unwraps a subject's key.
    ///
    /// # Errors
    /// Bytes that were not wrapped for this subject with this secret.
    pub fn unwrap(&self, of: &SubjectRef, wrapped: &[u8]) -> Result<SubjectKey, StoreError> {
        const DAMAGED: StoreError = StoreError::Damaged("a subject's key does not unwrap");
        let (nonce, sealed) = wrapped.split_first_chunk::<24>().ok_or(DAMAGED)?;
        let payload = Payload { msg: sealed, aad: &of.0 };
        let key = XChaCha20Poly1305::new(&self.wrap.into())
            .decrypt(&XNonce::from(*nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| DAMAGED)?;
        let key: [u8; 32] = key.as_slice().try_into().map_err(|_| DAMAGED)?;
        Ok(SubjectKey::from_bytes(key))
    }
}

impl fmt::Debug for StoreSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreSecret")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn secret(seed: u8) -> StoreSecret {
        StoreSecret::from_seed(&Zeroizing::new([seed; 32]))
    }

    #[test]
    fn a_reference_depends_on_secret_scheme_and_identifier() {
        let it = secret(1).reference("iin", "850101300123");
        assert_eq!(it, secret(1).reference("iin", "850101300123"));
        assert_ne!(it, secret(2).reference("iin", "850101300123"));
        assert_ne!(it, secret(1).reference("ii", "n850101300123"));
        assert_ne!(secret(1).mark(), secret(2).mark());
    }

    #[test]
    fn a_wrapped_key_opens_for_its_subject_only() {
        let (one, two) = (SubjectRef([1; 16]), SubjectRef([2; 16]));
        let key = SubjectKey::from_bytes([9; 32]);
        let wrapped = secret(1).wrap(&one, &key).unwrap();
        assert_eq!(secret(1).unwrap(&one, &wrapped).unwrap(), key);
        assert!(secret(1).unwrap(&two, &wrapped).is_err());
        assert!(secret(2).unwrap(&one, &wrapped).is_err());
        assert!(secret(1).unwrap(&one, &wrapped[..40]).is_err());
        assert_ne!(secret(1).wrap(&one, &key).unwrap(), wrapped);
    }

    #[test]
    fn the_file_must_be_the_owners_alone() {
        let folder = std::env::temp_dir().join(format!("otkel-secret-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("store.secret");
        let made = StoreSecret::create(&path).unwrap();
        assert_eq!(StoreSecret::open(&path).unwrap().mark(), made.mark());
        assert!(StoreSecret::create(&path).is_err());
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        assert!(matches!(StoreSecret::open(&path), Err(StoreError::SecretFile(_))));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        std::fs::write(&path, [0; 31]).unwrap();
        assert!(matches!(StoreSecret::open(&path), Err(StoreError::Secret(_))));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
