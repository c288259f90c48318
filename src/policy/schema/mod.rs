//! JSON Schemas (draft 2020-12) of the rule files, by which editors complete and check them.
//!
//! They cannot say all that the reader holds a file to: names that must exist, dates in their
//! order. What they refuse, the reader refuses too.

/// The schema of `register.toml`.
pub const REGISTER: &str = include_str!("register.json");

/// The schema of `partners/<id>.toml`.
pub const PARTNER: &str = include_str!("partner.json");
