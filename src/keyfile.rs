//! Files of recipients' keys: PKCS#8 PEM (RFC 8410) for the private key, a signed list for the
//! public. And the file of the secret that pseudonyms come from: 32 bytes.

use std::path::Path;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use crate::envelope::RecipientSecret;
use crate::envelope::key::{BadKey, KeyList, ListedKey, kid};
use crate::envelope::list::BadList;
use crate::redaction::treat::pseudonym::PseudonymSecret;
use crate::signing::{Sign, Unsigned, VerifyKey};
use crate::time::Timestamp;
use crate::tls::{self, FileFault};

/// Reads a recipient's private key.
///
/// # Errors
/// A file that cannot be read, is open to others, or holds no X25519 key in PKCS#8 PEM.
pub fn read_secret(path: &Path) -> Result<RecipientSecret, BadKeyFile> {
    let pem = tls::read_secret(path)?;
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem.expose_secret())
        .map_err(|_| BadKeyFile::NotX25519)?;
    let raw = der.secret_pkcs8_der().strip_prefix(PKCS8_X25519).ok_or(BadKeyFile::NotX25519)?;
    let raw: [u8; 32] = raw.try_into().map_err(|_| BadKeyFile::NotX25519)?;
    Ok(RecipientSecret::read(raw)?)
}

/// Reads the secret that pseudonyms come from.
///
/// # Errors
/// A file that cannot be read, is open to others, or does not hold exactly 32 bytes that nobody
/// knows.
pub fn read_pseudonym_secret(path: &Path) -> Result<PseudonymSecret, BadKeyFile> {
    let bytes = tls::read_secret(path)?;
    let seed = bytes.expose_secret().try_into().map_err(|_| BadKeyFile::NotPseudonyms)?;
    PseudonymSecret::new(Zeroizing::new(seed)).ok_or(BadKeyFile::NotPseudonyms)
}

/// A new private key as PEM text, with its entry for the partner's key list.
#[must_use]
pub fn generate(from: Timestamp, until: Timestamp) -> (String, ListedKey) {
    let (secret, public) = RecipientSecret::generate();
    let der = [PKCS8_X25519, secret.as_bytes()].concat();
    let text = BASE64.encode(&der);
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
    let entry = ListedKey {
        kid: kid(public.as_bytes()),
        kem: 0x0020,
        pk: BASE64URL_NOPAD.encode(public.as_bytes()),
        nbf: from.seconds(),
        exp: until.seconds(),
    };
    (pem, entry)
}

/// A key list with one more key, signed; `old` is the list so far, if there is one. Keys whose time
/// is over are left out.
///
/// # Errors
/// A list that is not this owner's, is not signed by this identity, or is not of this form; an
/// identity that does not sign.
pub fn list_with(
    old: Option<&str>,
    owner: &str,
    key: ListedKey,
    identity: &dyn Sign,
    now: Timestamp,
) -> Result<String, BadKeyFile> {
    let mut list = match old {
        Some(text) => KeyList::read_signed(text, owner, identity.key())?,
        None => KeyList { v: 1, iss: owner.to_owned(), seq: 0, keys: Vec::new() },
    };
    list.seq = list.seq.saturating_add(1);
    list.keys.retain(|key| now.seconds() < key.exp);
    list.keys.push(key);
    Ok(list.sign(identity)? + "\n")
}

/// The line of a configuration that says by which key lists and receipts are checked.
#[must_use]
pub fn identity_line(identity: &VerifyKey) -> String {
    format!("identity = \"{identity}\"")
}

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadKeyFile {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileFault),
    /// It holds something else.
    #[error("not an X25519 private key in PKCS#8 PEM: make one with `otkel keygen partner`")]
    NotX25519,
    /// It holds something else.
    #[error("not 32 bytes that nobody knows: make them with `otkel keygen pseudonyms`")]
    NotPseudonyms,
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] BadKey),
    /// The list cannot be used.
    #[error("the key list cannot be used: {0}")]
    List(#[from] BadList),
    /// The identity key did not sign.
    #[error(transparent)]
    Unsigned(#[from] Unsigned),
}

// SEQUENCE { version 0, AlgorithmIdentifier id-X25519, OCTET STRING { OCTET STRING of 32 bytes } }.
const PKCS8_X25519: &[u8] =
    &[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20];
