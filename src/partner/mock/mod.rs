//! A mock partner.

pub mod script;
pub(crate) mod shown;
