//! What proves who wrote something: Ed25519 (RFC 8032) over requests, receipts and lists of keys.
//!
//! | what | form | who signs |
//! |---|---|---|
//! | [`request`] | HTTP message signature (RFC 9421), digest of the body (RFC 9530) | the gateway |
//! | [`receipt`] | JWS (RFC 7515) in `Otkel-Receipt` | the partner |
//! | [`list`] | JWS, the keys that a gateway signs requests with | the gateway |
//!
//! [`jws`] is the form of the last two. A private key is whatever [`Sign`]s: a file or a token.
//! No two of these texts can be taken for one another: the bytes that are signed begin with
//! `"@method"`, with `OTK1 part`, or with a JWS header that names its own type.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod jws;
mod key;
pub mod list;
pub mod receipt;
pub mod request;

pub use key::{BadSigningKey, SIGNATURE, Sign, SigningKey, Unsigned, VerifyKey};

#[cfg(test)]
mod tests;
