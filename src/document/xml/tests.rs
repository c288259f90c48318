//! Promises of parsing.
