//! Files of recipients' keys: PEM for the private key, a signed list for the public. And the file
//! of the secret that pseudonyms come from: 32 bytes.
//!
//! An X25519 private key is in PKCS#8 (RFC 8410). For MLKEM768-X25519 no object identifier is
//! registered that PKCS#8 could name it by, so its file holds the 32 bytes of the seed under a PEM
//! label of our own, `OTKEL MLKEM768-X25519 PRIVATE KEY`.

use std::path::Path;

use data_encoding::BASE64;
use getrandom::SysRng;
use hpke::rand_core::UnwrapErr;
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use crate::envelope::key::{BadKey, KeyList, ListedKey};
use crate::envelope::list::BadList;
use crate::envelope::{Kem, RecipientSecret};
use crate::redaction::treat::pseudonym::PseudonymSecret;
use crate::signing::{Sign, Unsigned, VerifyKey};
use crate::time::Timestamp;
use crate::tls::{self, FileFault};

/// Reads a recipient's private key.
///
/// # Errors
/// A file that cannot be read, is open to others, or holds no such key in PEM.
pub fn read_secret(path: &Path) -> Result<RecipientSecret, BadKeyFile> {
    let pem = tls::read_secret(path)?;
    parse_secret(pem.expose_secret()).ok_or(BadKeyFile::NoPrivateKey)
}

/// Takes a private key from PEM text.
fn parse_secret(pem: &[u8]) -> Option<RecipientSecret> {
    let text = str::from_utf8(pem).ok()?.trim();
    let label = text.strip_prefix("-----BEGIN ")?.split_once("-----")?.0;
    let body = text.strip_prefix(&*format!("-----BEGIN {label}-----"))?;
    let body = body.strip_suffix(&*format!("-----END {label}-----"))?;
    let mut body = Zeroizing::new(body.as_bytes().to_vec());
    body.retain(|byte| !byte.is_ascii_whitespace());
    let der = Zeroizing::new(BASE64.decode(&body).ok()?);
    let (kem, raw) = match label {
        PKCS8 => (Kem::X25519, der.strip_prefix(PKCS8_X25519)?),
        HYBRID => (Kem::MlKem768X25519, der.as_slice()),
        _ => return None,
    };
    RecipientSecret::read(kem, raw.try_into().ok()?).ok()
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
///
/// # Errors
/// The library's own check of the key.
pub fn generate(
    kem: Kem,
    from: Timestamp,
    until: Timestamp,
) -> Result<(Zeroizing<String>, ListedKey), BadKey> {
    let secret = RecipientSecret::generate(kem, &mut UnwrapErr(SysRng))?;
    Ok((pem(&secret), ListedKey::of(&secret, from, until)))
}

/// A private key as PEM text.
#[must_use]
pub fn pem(secret: &RecipientSecret) -> Zeroizing<String> {
    let (label, algorithm): (_, &[u8]) = match secret.kem() {
        Kem::X25519 => (PKCS8, PKCS8_X25519),
        Kem::MlKem768X25519 => (HYBRID, &[]),
    };
    let der = Zeroizing::new([algorithm, &*secret.raw()].concat());
    let text = Zeroizing::new(BASE64.encode(&der));
    Zeroizing::new(format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", *text))
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
    #[error("not a recipient's private key in PEM: make one with `otkel keygen partner`")]
    NoPrivateKey,
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
const PKCS8: &str = "PRIVATE KEY";
const HYBRID: &str = "OTKEL MLKEM768-X25519 PRIVATE KEY";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_is_read_as_it_was_written() {
        for kem in Kem::ALL {
            let secret = RecipientSecret::read(kem, &[7; 32]).unwrap();
            let text = pem(&secret);
            let read = parse_secret(text.as_bytes()).unwrap();
            assert_eq!((read.kem(), read.public()), (kem, secret.public()));
            let folded = text.replacen("MC", "M\nC", 1) + "\n";
            assert_eq!(parse_secret(folded.as_bytes()).unwrap().kid(), secret.kid());
        }
    }

    #[test]
    fn what_is_no_private_key_is_refused() {
        let [x25519, hybrid] = Kem::ALL.map(|kem| {
            let secret = RecipientSecret::read(kem, &[7; 32]).unwrap();
            String::clone(&pem(&secret))
        });
        for bad in [
            String::new(),
            x25519.replace("PRIVATE", "PUBLIC"),
            x25519.replace("-----END PRIVATE KEY-----", ""),
            x25519.replacen("MC4C", "MC4D", 1),
            x25519.replace("PRIVATE KEY", HYBRID),
            hybrid.replace(HYBRID, PKCS8),
            hybrid.replacen("Bwc", "", 1),
            x25519.clone() + &hybrid,
        ] {
            assert!(parse_secret(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
