//! Two sets of rules compared by what they let out, not by what they are written as.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]
