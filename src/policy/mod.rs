//! What the privacy officer wrote: the register, the partners and their routes; and the decision.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod calendar;
pub mod case;
mod envelope;
mod index;
pub mod legal;
mod model;
mod parse;
pub mod origin;
mod paths;
mod route;
pub mod schema;
mod template;
mod treatment;

pub use calendar::Calendar;
pub use case::Case;
pub use envelope::{EnvelopeRules, Keeping, Padding, Reply};
pub use index::Place;
pub use model::*;
pub use parse::manifest;
pub(crate) use parse::{is_host, url_path};
pub use route::*;
pub use template::{Part, Template};
pub use treatment::*;

/// Where the gateway's own resources are at its own host: no route's path begins so.
pub const OWN_PATH: &str = "/.well-known/otkel/";
