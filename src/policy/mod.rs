//! What the privacy officer wrote: the register, the partners and their routes; and the decision.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod model;
mod parse;

pub use model::*;
