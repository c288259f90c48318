//! The signature of a gateway under a request: RFC 9421, by Ed25519, over a digest (RFC 9530).
//!
//! ```text
//! Content-Digest: sha-256=:<base64 of SHA-256 of the body>:
//! Signature-Input: gw=("@method" "@target-uri" "content-type" "content-digest" "otkel-id");
//!     created=<seconds>;expires=<seconds>;keyid="<kid>";alg="ed25519";tag="otk1"
//! Signature: gw=:<base64 of 64 bytes>:
//! ```
//! On the wire `Signature-Input` is one line. The components and their order are always these. A
//! body that comes in parts ([`crate::envelope::frames`]) has no digest beforehand: its request is
//! signed without `content-digest`, its media type says `parts=signed`, and behind each envelope
//! stand the 64 bytes of a signature by the same key over [`part`].

use data_encoding::BASE64;

use super::{SIGNATURE, Sign, Unsigned, VerifyKey};
use crate::time::Timestamp;

/// What of a request is signed.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The method, in capital letters.
    pub method: &'a str,
    /// Where it goes: `https://`, the host, its port unless it is 443, and the path.
    pub target_uri: &'a str,
    /// The media type.
    pub content_type: &'a str,
    /// The disclosure's id, or the stream's.
    pub id: &'a str,
    /// The body.
    pub body: Covered,
}

/// What a signature says of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covered {
    /// Its SHA-256.
    Digest([u8; 32]),
    /// Nothing yet: its parts are signed one by one.
    Parts,
}

/// The header fields of a signed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// `Content-Digest`, where the body is covered.
    pub digest: Option<String>,
    /// `Signature-Input`.
    pub input: String,
    /// `Signature`.
    pub signature: String,
}

/// How old a request may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// The time at the receiver.
    pub now: Timestamp,
    /// The longest time from signing to arrival, in seconds.
    pub age_max: i64,
    /// By how much two clocks may differ, in seconds.
    pub skew_max: i64,
}

/// Signs a request.
///
/// # Errors
/// The key did not sign.
pub fn sign(message: &Message<'_>, now: Timestamp, by: &dyn Sign) -> Result<Signed, Unsigned> {
    let created = now.seconds();
    let params = params(message.body, created, created.saturating_add(LIFETIME), by.key().kid());
    let signature = by.sign(base(message, &params).as_bytes())?;
    Ok(Signed {
        digest: message.body.field(),
        input: format!("{LABEL}={params}"),
        signature: format!("{LABEL}=:{}:", BASE64.encode(&signature)),
    })
}

/// Checks the signature under a request as it was received; by which key it is.
///
/// That the body has the digest is for the caller to see.
///
/// # Errors
/// Anything but one signature of this very form, by one of the keys, made just now.
pub fn verify<'a>(
    message: &Message<'_>,
    (input, signature): (&str, &str),
    keys: impl IntoIterator<Item = &'a VerifyKey>,
    fresh: Freshness,
) -> Result<&'a VerifyKey, BadSignature> {
    let params = input.strip_prefix(LABEL).and_then(|rest| rest.strip_prefix('='));
    let params = params.ok_or(BadSignature::Form)?;
    let read = read_params(params, message.body).ok_or(BadSignature::Form)?;
    let signature = signature.strip_prefix(LABEL).and_then(|rest| rest.strip_prefix("=:"));
    let signature = signature.and_then(|rest| rest.strip_suffix(':')).ok_or(BadSignature::Form)?;
    let signature = BASE64.decode(signature.as_bytes()).map_err(|_| BadSignature::Form)?;
    let signature: [u8; SIGNATURE] = signature.try_into().map_err(|_| BadSignature::Form)?;
    let key = keys.into_iter().find(|key| key.kid() == read.keyid).ok_or(BadSignature::Key)?;
    if !key.verify(base(message, params).as_bytes(), &signature) {
        return Err(BadSignature::Wrong);
    }
    fresh.check(&read)?;
    Ok(key)
}

/// The bytes that are signed for an envelope among several: 44 bytes.
#[must_use]
pub fn part(envelope_sha256: &[u8; 32]) -> [u8; 44] {
    let mut bytes = [0; 44];
    let (label, digest) = bytes.split_at_mut(PART.len());
    label.copy_from_slice(PART);
    digest.copy_from_slice(envelope_sha256);
    bytes
}

/// The SHA-256 in a `Content-Digest` field that has just this one.
#[must_use]
pub fn read_digest(field: &str) -> Option<[u8; 32]> {
    let text = field.strip_prefix("sha-256=:")?.strip_suffix(':')?;
    BASE64.decode(text.as_bytes()).ok()?.try_into().ok()
}

impl Covered {
    /// `Content-Digest` for it.
    fn field(self) -> Option<String> {
        match self {
            Self::Digest(sha256) => Some(format!("sha-256=:{}:", BASE64.encode(&sha256))),
            Self::Parts => None,
        }
    }

    const fn components(self) -> &'static str {
        match self {
            Self::Digest(_) => {
                r#"("@method" "@target-uri" "content-type" "content-digest" "otkel-id")"#
            }
            Self::Parts => r#"("@method" "@target-uri" "content-type" "otkel-id")"#,
        }
    }
}

impl Freshness {
    fn check(&self, read: &Params<'_>) -> Result<(), BadSignature> {
        let now = self.now.seconds();
        let (skew, age) = (self.skew_max, self.age_max);
        if read.created > now.saturating_add(skew) {
            return Err(BadSignature::Future);
        }
        let until = read.created.saturating_add(age).min(read.expires).saturating_add(skew);
        if now >= until { Err(BadSignature::Old) } else { Ok(()) }
    }
}

struct Params<'a> {
    created: i64,
    expires: i64,
    keyid: &'a str,
}

fn params(body: Covered, created: i64, expires: i64, keyid: &str) -> String {
    let components = body.components();
    format!(r#"{components};created={created};expires={expires};keyid="{keyid}";{PARAMS_END}"#)
}

/// Reads what [`params`] writes, and nothing else.
fn read_params(text: &str, body: Covered) -> Option<Params<'_>> {
    let rest = text.strip_prefix(body.components())?.strip_prefix(";created=")?;
    let (created, rest) = rest.split_once(";expires=")?;
    let (expires, rest) = rest.split_once(r#";keyid=""#)?;
    let (keyid, rest) = rest.split_once(r#"";"#)?;
    let (created, expires) = (created.parse().ok()?, expires.parse().ok()?);
    let same = params(body, created, expires, keyid) == text && rest == PARAMS_END;
    same.then_some(Params { created, expires, keyid })
}

/// The signature base of RFC 9421 section 2.5.
fn base(message: &Message<'_>, params: &str) -> String {
    let Message { method, target_uri, content_type, id, body } = message;
    let digest = body.field().map(|field| format!("\"content-digest\": {field}\n"));
    format!(
        "\"@method\": {method}\n\"@target-uri\": {target_uri}\n\"content-type\": {content_type}\n\
         {}\"otkel-id\": {id}\n\"@signature-params\": {params}",
        digest.unwrap_or_default()
    )
}

/// Why a request is not taken for the gateway's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// Not a signature of this form over these components.
    #[error("the request is not signed as it must be: RFC 9421, label `gw`, tag `otk1`")]
    Form,
    /// By a key that is not known, or not to be trusted now.
    #[error("the request is signed by a key that is not known here")]
    Key,
    /// The signature is not that of the key under this request.
    #[error("the signature is wrong: the request was changed, or somebody else signed it")]
    Wrong,
    /// Signed too long ago.
    #[error("the request was signed too long ago")]
    Old,
    /// Signed in the future.
    #[error("the request was signed in the future: compare the clocks")]
    Future,
}

const LABEL: &str = "gw";
const PARAMS_END: &str = r#"alg="ed25519";tag="otk1""#;
const PART: &[u8; 12] = b"OTK1 part\0\0\0";
/// How long a request may be taken after it was signed, in seconds.
const LIFETIME: i64 = 300;
