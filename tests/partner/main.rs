//! The receiving proxy of a partner: what gateways, and those who pretend to be one, can send to
//! it, over real TLS in one process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::indexing_slicing, clippy::string_slice, reason = "tests")]

#[path = "../support/application.rs"]
mod application;
#[path = "../support/edit.rs"]
mod edit;
#[path = "../support/letter.rs"]
mod letter;
#[path = "../support/tls.rs"]
mod tls;

mod applications;
mod documented;
mod good;
mod keys;
mod pieces;
mod refused;
mod replayed;
mod slow;
mod smuggled;
mod streams;
mod vectors;
mod world;
