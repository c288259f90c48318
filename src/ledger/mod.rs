//! One append-only Merkle log of everything that happened.
//!
//! Pure: bytes and values in, bytes and values out. [`entry`] says what is written, [`canonical`]
//! reads it back strictly, [`mod@line`] holds what concerns one subject, [`tree`] binds it all
//! into one hash, [`checkpoint`] signs that hash, and [`verify`] re-derives everything from bytes
//! alone.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod canonical;
pub mod checkpoint;
pub mod entry;
pub mod line;
pub mod tree;
pub mod verify;
