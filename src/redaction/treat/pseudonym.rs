//! Pseudonyms: AES-SIV (RFC 5297) with two keys of 256 bits, deterministic and authenticated.
//!
//! The key of a partner and a scope is HKDF-SHA-256 (RFC 5869) of the gateway's secret, with empty
//! salt and `otkel pseudonym v1 ‖ 0x00 ‖ partner ‖ 0x00 ‖ scope` as info: 64 bytes. So the same
//! value is the same pseudonym in every document to this partner, and two partners or scopes have
//! nothing in common to join by. Only who has the secret can make or read one; a pseudonym that
//! was changed, or is another partner's, does not open.
//!
//! A pseudonym is `p1.` and, in base64url without padding, the SIV of 16 bytes and the ciphertext
//! of the value's UTF-8 bytes, filled up to a multiple of 16 by 0x80 and zeros (ISO/IEC 7816-4),
//! so that it tells of the value's length only which multiple. `p1` is its associated data.

use std::fmt;

use aes_siv::KeyInit as _;
use aes_siv::siv::Aes256Siv;
use data_encoding::BASE64URL_NOPAD;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::vocabulary::Name;

/// The secret that all pseudonyms of a gateway come from; wiped from memory when dropped.
#[derive(Clone)]
pub struct PseudonymSecret(Zeroizing<[u8; SECRET]>);

impl PseudonymSecret {
    /// Takes 32 random bytes; `None` where they are those of rehearsals, which everybody knows.
    #[must_use]
    pub fn new(seed: Zeroizing<[u8; SECRET]>) -> Option<Self> {
        let known = Self::rehearsal();
        (*seed != *known.0).then_some(Self(seed))
    }

    /// The published secret of rehearsals, the bytes 00 to 1f: what cases compare with.
    #[must_use]
    pub fn rehearsal() -> Self {
        let mut seed = Zeroizing::new([0; SECRET]);
        (0..).zip(&mut *seed).for_each(|(n, byte)| *byte = n);
        Self(seed)
    }

    /// The pseudonyms of a partner in a scope.
    #[must_use]
    pub fn of(&self, partner: &Name, scope: &Name) -> Pseudonyms {
        let hkdf = Hkdf::<Sha256>::new(None, &self.0[..]);
        let info: [&[u8]; 5] =
            [LABEL, b"\0", partner.as_str().as_bytes(), b"\0", scope.as_str().as_bytes()];
        let mut key = Zeroizing::new([0; 64]);
        // HKDF refuses only more than 255 hashes of output.
        let expanded = hkdf.expand_multi_info(&info, &mut *key);
        debug_assert!(expanded.is_ok());
        Pseudonyms(Aes256Siv::new((&*key).into()))
    }
}

impl fmt::Debug for PseudonymSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PseudonymSecret")
    }
}

/// The pseudonyms of one partner in one scope.
pub struct Pseudonyms(Aes256Siv);

impl Pseudonyms {
    /// The pseudonym of a value; `None` only if memory for it cannot be had.
    pub fn make(&mut self, value: &str) -> Option<String> {
        let mut bytes = Vec::with_capacity(value.len().saturating_add(2 * BLOCK));
        bytes.extend_from_slice(value.as_bytes());
        bytes.push(FILL);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        self.0.encrypt_in_place([VERSION], &mut bytes).ok()?;
        Some(format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&bytes)))
    }

    /// The value that a pseudonym stands for.
    ///
    /// # Errors
    /// A text that is no pseudonym, or not one of this secret, partner and scope.
    pub fn reveal(&mut self, pseudonym: &str) -> Result<Zeroizing<String>, BadPseudonym> {
        let text = pseudonym.strip_prefix(PREFIX).ok_or(BadPseudonym::Form)?;
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| BadPseudonym::Form)?;
        let mut bytes = Zeroizing::new(bytes);
        self.0.decrypt_in_place([VERSION], &mut *bytes).map_err(|_| BadPseudonym::Key)?;
        let end = bytes.iter().rposition(|byte| *byte != 0).ok_or(BadPseudonym::Key)?;
        let value = bytes.get(..end).filter(|_| bytes.get(end) == Some(&FILL));
        let value = value.and_then(|value| str::from_utf8(value).ok());
        value.map(|value| Zeroizing::new(value.to_owned())).ok_or(BadPseudonym::Key)
    }
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonyms")
    }
}

/// Why a text does not reveal a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPseudonym {
    /// It has not the form of one.
    #[error("not a pseudonym: it is `p1.` and base64url without padding")]
    Form,
    /// It was changed, or made for another partner or scope, or with another secret.
    #[error("it does not open: it was changed, or is another partner's, scope's or secret's")]
    Key,
}

/// The bytes of the secret.
pub const SECRET: usize = 32;

const LABEL: &[u8] = b"otkel pseudonym v1";
const VERSION: &[u8] = b"p1";
const PREFIX: &str = "p1.";
const BLOCK: usize = 16;
const FILL: u8 = 0x80;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn made(seed: u8, partner: &str, scope: &str, value: &str) -> String {
        let secret = PseudonymSecret::new(Zeroizing::new([seed; SECRET])).unwrap();
        secret.of(&name(partner), &name(scope)).make(value).unwrap()
    }

    #[test]
    fn siv_is_that_of_rfc_5297() {
        // Appendix A.1, whose key is of the smaller size.
        let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
        let key: [u8; 32] = hex("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
            .try_into()
            .unwrap();
        let mut bytes = hex("112233445566778899aabbccddee");
        let data = [hex("101112131415161718191a1b1c1d1e1f2021222324252627")];
        aes_siv::siv::Aes128Siv::new(&key.into()).encrypt_in_place(&data, &mut bytes).unwrap();
        let expected = "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c";
        assert_eq!(bytes, hex(expected));
    }

    #[test]
    fn a_pseudonym_is_of_its_secret_partner_and_scope() {
        let one = made(1, "training-gb", "iin", "580101100015");
        assert_eq!(one, made(1, "training-gb", "iin", "580101100015"));
        for other in [
            made(2, "training-gb", "iin", "580101100015"),
            made(1, "training-kz", "iin", "580101100015"),
            made(1, "training-gb", "phone", "580101100015"),
            made(1, "training-gb", "iin", "580101100016"),
        ] {
            assert_ne!(one, other);
        }
        // One name that runs into the other is not the same two names.
        assert_ne!(made(1, "ab", "c", "x"), made(1, "a", "bc", "x"));
    }

    /// As HKDF and AES-SIV of other libraries make it too.
    const PSEUDONYM: &str = "p1.nlmfPuB677cs_ATm8t8YlorTZZZi6aGsJmt5t_YDSiM";

    #[test]
    fn the_published_secret_of_rehearsals_gives_these() {
        let secret = PseudonymSecret::rehearsal();
        let mut pseudonyms = secret.of(&name("training-gb"), &name("iin"));
        assert_eq!(pseudonyms.make("580101100015").unwrap(), PSEUDONYM);
        let mut known = Zeroizing::new([0; SECRET]);
        (0..).zip(&mut *known).for_each(|(n, byte)| *byte = n);
        assert!(PseudonymSecret::new(known).is_none(), "everybody knows it");
    }

    #[test]
    fn what_is_not_a_pseudonym_of_this_scope_reveals_nothing() {
        let secret = PseudonymSecret::new(Zeroizing::new([1; SECRET])).unwrap();
        let mut ours = secret.of(&name("training-gb"), &name("iin"));
        let pseudonym = ours.make("580101100015").unwrap();
        assert_eq!(ours.reveal(&pseudonym).unwrap().as_str(), "580101100015");
        let mut others = secret.of(&name("training-kz"), &name("iin"));
        assert_eq!(others.reveal(&pseudonym), Err(BadPseudonym::Key));
        for n in 3..pseudonym.len() {
            let mut changed = pseudonym.clone().into_bytes();
            changed[n] = if changed[n] == b'A' { b'B' } else { b'A' };
            assert!(ours.reveal(str::from_utf8(&changed).unwrap()).is_err(), "{n}");
        }
        for text in [
            "",
            "p1.",
            "p1.AAAA",
            "p2.AAAA",
            "580101100015",
            "p1.AAAA=",
            pseudonym.get(3..).unwrap(),
        ] {
            assert!(ours.reveal(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_was_made_reveals_the_value_and_only_its_length_class(
            value in "\\PC{0,40}|[0\u{80}\0]{0,40}", other in "\\PC{0,40}",
        ) {
            let secret = PseudonymSecret::new(Zeroizing::new([7; SECRET])).unwrap();
            let mut pseudonyms = secret.of(&name("a"), &name("b"));
            let made = pseudonyms.make(&value).unwrap();
            let revealed = pseudonyms.reveal(&made).unwrap();
            prop_assert_eq!(revealed.as_str(), &value);
            let length = BASE64URL_NOPAD.decode(&made.as_bytes()[3..]).unwrap().len();
            prop_assert_eq!(length, BLOCK + (value.len() + 1).next_multiple_of(BLOCK));
            let is_safe = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            prop_assert!(made.bytes().all(is_safe));
            prop_assert_eq!(made == pseudonyms.make(&other).unwrap(), value == other);
        }
    }
}
