//! The partner's side.

pub mod mock;
