//! The strict front: no request reaches the HTTP library that it and a stricter reader could
//! take for different requests.
//!
//! [`Front`] stands between the TLS stream of an HTTP/1.1 connection and hyper. It reads each
//! head itself, by the grammar of RFC 9112, and follows the framing of each body so that it knows
//! where the next head begins. [`check_h2`] is its counterpart for HTTP/2, after hyper has parsed.
//!
//! Invariants of a [`Front`]:
//! * hyper is given whole heads that were found good, the bodies they announce, and nothing more.
//! * A bad head ends the connection. In its place hyper is given one harmless request, and the
//!   [`Verdict`] says which request that is, so that it is answered with the fault.
//! * A body with bad framing ends in an error, never early.

mod chunks;
mod fault;
mod h2;
mod head;
mod stream;
mod target;

pub use fault::{BodyFault, HeadFault};
pub use h2::{authority, check_h2};
pub use stream::{Front, Verdict};
pub(crate) use target::check as check_target;

#[cfg(test)]
mod tests;
