//! What callers and partners can do wrong, on purpose or not, over real TLS in one process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::indexing_slicing, clippy::string_slice, reason = "tests")]
#![allow(missing_docs, reason = "tests")]

#[path = "../support/tls.rs"]
mod tls;

mod drain;
mod flood;
mod partner;
mod peer;
mod smuggling;
mod waiting;
mod world;
