//! Two sets of rules compared by what they let out, not by what they are written as.
//!
//! The decision itself is asked, for every partner, route, purpose, country and field, given that
//! the subject consents to everything: what it lets go under the one set and not under the other
//! is a difference. Then what else the rules say, and what consents given before still cover.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod settings;

use std::fmt;

use crate::vocabulary::{CategoryId, Name, PurposeId};

/// Whose a setting is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// The register.
    Register,
    /// A category of it.
    Category(CategoryId),
    /// A purpose of it.
    Purpose(PurposeId),
    /// A partner.
    Partner(Name),
    /// What may go to a partner for a purpose at most.
    PartnerPurpose(Name, PurposeId),
    /// A request of a state body.
    Request(Name, Name),
    /// A route, by its full name.
    Route(Name),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Register => f.write_str("register"),
            Self::Category(id) => write!(f, "category {id}"),
            Self::Purpose(id) => write!(f, "purpose {id}"),
            Self::Partner(name) => write!(f, "partner {name}"),
            Self::PartnerPurpose(name, purpose) => write!(f, "partner {name}, {purpose}"),
            Self::Request(name, request) => write!(f, "partner {name}, request {request}"),
            Self::Route(name) => write!(f, "route {name}"),
        }
    }
}

/// A setting that differs, besides what leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Whose it is.
    pub owner: Owner,
    /// Its name; empty where its owner as a whole is only on one side.
    pub name: &'static str,
    /// What it was, unless its owner was not there.
    pub before: Option<String>,
    /// What it is now, unless its owner is not there any more.
    pub after: Option<String>,
    /// Whether it now lets more out, or less; `None` where it cannot be said.
    pub wider: Option<bool>,
}
