//! Officers' signatures under a set of rules.
//!
//! An officer signs, with Ed25519 (RFC 8032), these bytes: `otkel-rules-v1`, a line feed, the
//! set's digest in 64 small hexadecimal digits, a line feed. The 64 bytes of the signature stand in
//! base64 (RFC 4648 section 4) in `signatures/NAME.sig` beside the rules, and are no part of the
//! digest. `otkel rules sign` does it; so does openssl:
//!
//! ```text
//! { echo otkel-rules-v1; otkel rules digest policies | head -n 1; } >message
//! openssl pkeyutl -sign -rawin -inkey aigul.key -in message \
//!   | base64 -w 0 >policies/signatures/aigul.sig
//! ```
//!
//! A signature is for one digest only: after any change of a rule file it must be given anew. What
//! lies in `signatures/` is always checked, whether signatures are asked for or not.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use data_encoding::BASE64;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use crate::diagnostic::{Diagnostics, Source, Text, text};
use crate::vocabulary::Name;

/// The key that an officer's signatures are checked with; as text, base64 of its 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficerKey(VerifyingKey);

impl OfficerKey {
    /// Reads base64 (RFC 4648 section 4) of the 32 bytes of an Ed25519 public key.
    ///
    /// # Errors
    /// Any other text, or a weak key.
    pub fn parse(text: &str) -> Result<Self, BadOfficerKey> {
        let bytes = BASE64.decode(text.as_bytes()).map_err(|_| BadOfficerKey)?;
        let key = VerifyingKey::try_from(bytes.as_slice()).map_err(|_| BadOfficerKey)?;
        if key.is_weak() { Err(BadOfficerKey) } else { Ok(Self(key)) }
    }

    /// Whether the key signed the digest of a set of rules.
    #[must_use]
    pub fn signed(&self, digest: &str, signature: &Signature) -> bool {
        self.0.verify_strict(message(digest).as_bytes(), signature).is_ok()
    }
}

impl fmt::Display for OfficerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(self.0.as_bytes()))
    }
}

/// The key that an officer signs with, wiped from memory when dropped.
pub struct OfficerSecret(SigningKey);

impl OfficerSecret {
    /// Reads a PKCS #8 private key (RFC 8410) in PEM (RFC 7468).
    ///
    /// # Errors
    /// Text that is no Ed25519 private key.
    pub fn from_pem(pem: &str) -> Result<Self, BadOfficerKey> {
        SigningKey::from_pkcs8_pem(pem).map(Self).map_err(|_| BadOfficerKey)
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> OfficerKey {
        OfficerKey(self.0.verifying_key())
    }

    /// The text of a signature file for the digest of a set of rules.
    #[must_use]
    pub fn sign(&self, digest: &str) -> String {
        let signature = self.0.sign(message(digest).as_bytes());
        format!("{}\n", BASE64.encode(&signature.to_bytes()))
    }
}

/// Not an Ed25519 key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 key: make one with `otkel keygen officer`")]
pub struct BadOfficerKey;

/// Checks the signatures that lie beside a set of rules; who signed it, sorted.
///
/// `signatures` holds the files below `signatures/` by their names, `officers` the keys of those
/// who may sign. No two officers have one key: the configuration sees to that.
///
/// # Errors
/// Any signature that is not good, or fewer good ones than `needed`.
pub fn check(
    digest: &str,
    signatures: &BTreeMap<String, Vec<u8>>,
    officers: &BTreeMap<Name, OfficerKey>,
    needed: usize,
) -> Result<Vec<Name>, Diagnostics> {
    let mut found = Diagnostics::new();
    let mut signed_by = Vec::new();
    for (path, bytes) in signatures {
        match signer(digest, path, bytes, officers) {
            Ok(name) => signed_by.push(name),
            Err((message, help)) => found.error(&file(path), 0..0, message, help),
        }
    }
    if signed_by.len() < needed {
        let message = text!("{} officers must sign the rules and {} did", needed, signed_by.len());
        let help = text!(
            "let {} more of the configured officers run `otkel rules sign`",
            needed - signed_by.len()
        );
        found.error(&file(FOLDER), 0..0, message, help);
    }
    if found.has_errors() { Err(found) } else { Ok(signed_by) }
}

/// The officer who gave a signature, or what is wrong with it and its cure.
fn signer(
    digest: &str,
    path: &str,
    bytes: &[u8],
    officers: &BTreeMap<Name, OfficerKey>,
) -> Result<Name, (Text, Text)> {
    let stem = path.strip_prefix(FOLDER).and_then(|name| name.strip_suffix(ENDING));
    let Some(name) = stem.and_then(|stem| Name::parse(stem).ok()) else {
        return Err((
            "not a signature file".into(),
            "the folder holds one file `<officer>.sig` for each officer who signed".into(),
        ));
    };
    let Some(key) = officers.get(&name) else {
        return Err((
            text!("the configuration has no officer `{}` with a key", name),
            "remove the signature, or give that officer's `public_key` in the configuration".into(),
        ));
    };
    let signature = BASE64.decode(bytes.trim_ascii()).ok();
    let Some(signature) = signature.and_then(|bytes| Signature::from_slice(&bytes).ok()) else {
        return Err((
            "not a signature: expected base64 of 64 bytes".into(),
            "sign with `otkel rules sign`".into(),
        ));
    };
    if !key.signed(digest, &signature) {
        return Err((
            text!("the signature is not by `{}` for the digest {}", name, digest),
            "look at what changed since it was given; then sign again or remove it".into(),
        ));
    }
    Ok(name)
}

fn file(path: &str) -> Arc<Source> {
    Source::new(path, "")
}

fn message(digest: &str) -> String {
    format!("otkel-rules-v1\n{digest}\n")
}

/// The folder of signatures, below that of the rules.
pub const FOLDER: &str = "signatures/";
/// How a signature file's name ends.
pub const ENDING: &str = ".sig";

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "00000000000000000000000000000000000000000000000000000000000000ab";

    fn secret(seed: u8) -> OfficerSecret {
        OfficerSecret(SigningKey::from_bytes(&[seed; 32]))
    }

    fn officers() -> BTreeMap<Name, OfficerKey> {
        let officer = |(name, seed)| (Name::parse(name).unwrap(), secret(seed).public());
        [("aigul", 1), ("daniyar", 2)].map(officer).into()
    }

    /// What comes of signatures, two being needed.
    fn checked(signatures: &[(&str, String)]) -> Result<String, String> {
        let file = |(name, text): &(&str, String)| {
            (format!("signatures/{name}"), text.clone().into_bytes())
        };
        let signatures = signatures.iter().map(file).collect();
        let names = check(DIGEST, &signatures, &officers(), 2).map_err(|found| {
            let told: Vec<String> = found.iter().map(ToString::to_string).collect();
            told.join("\n")
        })?;
        Ok(names.iter().map(Name::as_str).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn two_officers_sign_and_each_other_way_is_told() {
        let (one, two) = (secret(1).sign(DIGEST), secret(2).sign(DIGEST));
        let good = [("daniyar.sig", two.clone()), ("aigul.sig", one.clone())];
        assert_eq!(checked(&good), Ok("aigul daniyar".to_owned()));
        let cases = [
            (&[][..], "2 officers must sign the rules and 0 did"),
            (&[("aigul.sig", one.clone())], "2 officers must sign the rules and 1 did"),
            (&[("aigul.sig", one.clone()), ("daniyar.sig", one.clone())], "not by `daniyar`"),
            (&[("aigul.sig", one.clone()), ("other.sig", two.clone())], "no officer `other`"),
            (&[("aigul.sig", secret(1).sign("ab"))], "not by `aigul` for the digest 0000"),
            (&[("aigul.sig", "AAAA".to_owned())], "not a signature"),
            (&[("aigul.txt", one.clone())], "not a signature file"),
            (&[("more/aigul.sig", one.clone())], "not a signature file"),
        ];
        for (signatures, words) in cases {
            let told = checked(signatures).unwrap_err();
            assert!(told.contains(words), "{words}:\n{told}");
        }
    }

    #[test]
    fn a_bad_signature_beside_enough_good_ones_is_not_passed_over() {
        let mut signatures = BTreeMap::new();
        signatures.insert("signatures/aigul.sig".to_owned(), secret(1).sign(DIGEST).into_bytes());
        signatures.insert("signatures/daniyar.sig".to_owned(), b"old".to_vec());
        for needed in [0, 1] {
            assert!(check(DIGEST, &signatures, &officers(), needed).is_err());
        }
    }

    #[test]
    fn a_key_reads_back_and_a_weak_one_is_not_taken() {
        let key = secret(3).public();
        assert_eq!(OfficerKey::parse(&key.to_string()), Ok(key));
        for bytes in [&[0; 32][..], &[1; 31], &[]] {
            assert_eq!(OfficerKey::parse(&BASE64.encode(bytes)), Err(BadOfficerKey));
        }
        assert_eq!(OfficerKey::parse("not base64"), Err(BadOfficerKey));
    }
}
