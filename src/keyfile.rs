//! Files of recipients' keys: PKCS#8 PEM (RFC 8410) for the private key, a JSON list for the
//! public. And the file of the secret that pseudonyms come from: 32 bytes.

use std::path::Path;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use crate::envelope::RecipientSecret;
use crate::envelope::key::{BadKey, KeyList, ListedKey, kid};
use crate::redaction::treat::pseudonym::PseudonymSecret;
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

/// The text of a partner's key list with one more key; `old` is the list so far, if there is one.
///
/// # Errors
/// A list that is not this partner's, or not of this form.
pub fn list_with(old: Option<&[u8]>, partner: &str, key: ListedKey) -> Result<String, BadKeyFile> {
    let mut list = match old {
        Some(json) => serde_json::from_slice(json).map_err(|_| BadKey::Form)?,
        None => KeyList { v: 1, iss: partner.to_owned(), seq: 0, keys: Vec::new() },
    };
    if list.iss != partner {
        return Err(BadKey::Issuer.into());
    }
    list.seq = list.seq.saturating_add(1);
    list.keys.push(key);
    let mut text = serde_json::to_string_pretty(&list).map_err(|_| BadKey::Form)?;
    text.push('\n');
    Ok(text)
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
    /// The key or list cannot be used.
    #[error(transparent)]
    Key(#[from] BadKey),
}

// SEQUENCE { version 0, AlgorithmIdentifier id-X25519, OCTET STRING { OCTET STRING of 32 bytes } }.
const PKCS8_X25519: &[u8] =
    &[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20];
