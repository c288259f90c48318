//! The demonstration: a whole world on one machine, with nothing in it that serving lacks.
//!
//! | module | what |
//! |---|---|
//! | [`certificates`] | an authority for development and what it signs |
//! | [`world`] | the folder: certificates, keys, configuration, sample consents |
//! | [`trust`] | what mock partners are made of, out of the folder |
//! | [`sample`] | the people, their consents, the transfers and what must become of them |
//! | [`caller`] | an information system that sends |

pub mod caller;
pub mod certificates;
pub mod sample;
pub mod trust;
pub mod world;
