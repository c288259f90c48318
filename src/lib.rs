//! Otkel, an encrypted cross-border transfer gateway.
//!
//! A caller sends its ordinary request; what may leave of it goes, sealed, to a partner, and the
//! ledger says so before the first byte does.
//!
//! # The path of one transfer
//! Each stage consumes the value of the last, and only its own module can make it, so that no stage
//! can be skipped: a [`transfer::Claim`] becomes a [`transfer::Transfer`], that a
//! [`decision::Permitted`], a [`redaction::Redacted`], an [`envelope::Sealed`], a
//! [`store::Recorded`]; and only a `Recorded` can be sent. `proxy::Proxy::transfer` is the path,
//! a dozen lines long.
//!
//! | stage | where | refuses with |
//! |---|---|---|
//! | accept | [`server`], [`tls`] | a handshake alert |
//! | read the head | [`proxy::front`], [`proxy::head`] | 400, 403, 404, 405, 415, 421, 429 |
//! | read the body | [`proxy::body`] | 400, 408, 413 |
//! | parse | [`transfer`], [`document`] | 400, 422 |
//! | look up consents | [`store::roll`], [`consent`] | (an answer in four values, not an error) |
//! | decide | [`decision`] by the rules of [`policy`] | 403 |
//! | redact | [`redaction`] | nothing: what may not leave is left out |
//! | seal | [`envelope`] | 503 |
//! | record | [`store::disclosure`], [`ledger`] | 429, 503; *decide* again when a consent changed |
//! | forward, signed | [`proxy::upstream`], [`signing`] | 502, 503, 504 |
//! | acknowledge | [`signing::receipt`] | (what came is recorded and told) |
//! | open and filter the answer | [`envelope::reply`] | 502 |
//! | settle | [`store::disclosure`] | nothing: an open entry is reported by `otkel verify` |
//!
//! Every refusal is recorded too, then told by [`proxy::refusal`].
//!
//! # Directions
//! The vocabulary knows nothing else, the core knows the vocabulary and what stands before it, the
//! shell knows all. The core is pure: bytes and values in, values out, with time, randomness and
//! snapshots as arguments. A lint and `tests/tidy.rs` hold it to that.
//!
//! A compiler proves the order of the path: a `Recorded` has no constructor outside the store.
//!
//! ```compile_fail
//! use otkel::{store::{Disclosed, Recorded}, transfer::Claim};
//!
//! fn forge(claim: Claim, disclosed: Disclosed) -> Recorded {
//!     Recorded { claim, envelope: bytes::Bytes::new(), sha256: [0; 32], disclosed }
//! }
//! ```

// vocabulary: pure, depends on nothing here
pub mod diagnostic;
pub mod document;
pub mod reason;
pub mod time;
pub mod vocabulary;

// core: pure, in the order of the path
pub mod consent;
pub mod policy;
pub mod transfer;
pub mod detection;
pub mod decision;
pub mod redaction;
pub mod rehearsal;
pub mod comparison;
pub mod signing;
pub mod envelope;
pub mod ledger;

// shell: IO, may use everything above
pub mod config;
pub mod store;
pub mod tls;
pub mod proxy;
pub mod server;
pub mod replay;
pub mod explain;
pub mod activation;
pub mod admin;
pub mod gateway;
pub mod telemetry;
pub mod keyfile;
pub mod keys;
pub mod openapi;
pub mod partner;
pub mod demo;
pub mod testkit;
pub mod cli;
