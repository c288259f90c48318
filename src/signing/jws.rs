//! Compact JWS (RFC 7515) by Ed25519 (RFC 8037, RFC 9864).
//!
//! Stricter than the RFC: the header has `alg`, `typ` and `kid` and nothing else, so there is
//! nothing to negotiate; base64url is canonical; the whole is at most [`LENGTH_MAX`] bytes.

use data_encoding::BASE64URL_NOPAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{SIGNATURE, Sign, Unsigned, VerifyKey};

/// The bytes of the longest text that is read.
pub const LENGTH_MAX: usize = 64 << 10;

/// Signs a payload.
///
/// # Errors
/// The key did not sign.
pub fn sign(typ: &str, payload: &[u8], by: &dyn Sign) -> Result<String, Unsigned> {
    let header =
        Header { alg: ALG.to_owned(), typ: typ.to_owned(), kid: by.key().kid().to_owned() };
    let header = serde_json::to_vec(&header).map_err(|_| Unsigned)?;
    let signed = format!("{}.{}", BASE64URL_NOPAD.encode(&header), BASE64URL_NOPAD.encode(payload));
    let signature = by.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature)))
}

/// Reads a text of a type that one of the keys signed: its payload, and the key.
///
/// # Errors
/// Text that is not exactly such a JWS, or is signed by none of the keys.
pub fn read<'a>(
    text: &str,
    typ: &str,
    keys: impl IntoIterator<Item = &'a VerifyKey>,
) -> Result<(Vec<u8>, &'a VerifyKey), BadJws> {
    let Taken { signed, kid, payload, signature } = take(text, typ)?;
    let key = keys.into_iter().find(|key| key.kid() == kid).ok_or(BadJws::Key)?;
    if !key.verify(signed.as_bytes(), &signature) {
        return Err(BadJws::Signature);
    }
    Ok((payload, key))
}

/// The payload of a text of a type, whoever signed it: for what was checked when it came.
///
/// # Errors
/// Text that is not exactly such a JWS.
pub fn unproven(text: &str, typ: &str) -> Result<Vec<u8>, BadJws> {
    Ok(take(text, typ)?.payload)
}

/// What JSON says that is an object: serde alone would take the members in an array as well, which
/// no other reader does.
pub(crate) fn object<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    let json = json.trim_ascii_start();
    json.starts_with(b"{").then(|| serde_json::from_slice(json).ok()).flatten()
}

struct Taken<'a> {
    signed: &'a str,
    kid: String,
    payload: Vec<u8>,
    signature: [u8; SIGNATURE],
}

fn take<'a>(text: &'a str, typ: &str) -> Result<Taken<'a>, BadJws> {
    if text.len() > LENGTH_MAX {
        return Err(BadJws::Form);
    }
    let (signed, signature) = text.rsplit_once('.').ok_or(BadJws::Form)?;
    let (header, payload) = signed.split_once('.').ok_or(BadJws::Form)?;
    let decode = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| BadJws::Form);
    let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
    let signature: [u8; SIGNATURE] = signature.try_into().map_err(|_| BadJws::Form)?;
    let Header { alg, typ: named, kid } = object(&header).ok_or(BadJws::Header)?;
    if alg != ALG && alg != ALG_BEFORE {
        return Err(BadJws::Algorithm);
    }
    if named != typ {
        return Err(BadJws::Type);
    }
    Ok(Taken { signed, kid, payload, signature })
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

/// Why a text is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadJws {
    /// Not three parts in base64url.
    #[error("not a compact JWS")]
    Form,
    /// The header has other members than `alg`, `typ` and `kid`, or not all of them.
    #[error("the JWS header must have `alg`, `typ` and `kid` and nothing else")]
    Header,
    /// Signed by something else than Ed25519.
    #[error("the JWS must be signed with `Ed25519`")]
    Algorithm,
    /// Another type of text.
    #[error("the JWS is of another `typ`")]
    Type,
    /// By a key that is not known, or not to be trusted now.
    #[error("the JWS is signed by a key that is not known here")]
    Key,
    /// The signature is not that of the key.
    #[error("the signature of the JWS is wrong")]
    Signature,
}

const ALG: &str = "Ed25519";
/// The name that RFC 8037 gave it, before RFC 9864.
const ALG_BEFORE: &str = "EdDSA";
