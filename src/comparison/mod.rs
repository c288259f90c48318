//! Two sets of rules compared by what they let out, not by what they are written as.
//!
//! The decision itself is asked, for every partner, route, purpose, country and field, given that
//! the subject consents to everything: what it lets go under the one set and not under the other
//! is a difference. Then what else the rules say, and what consents given before still cover.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod cell;
mod cover;
mod settings;
mod trial;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

pub use cell::{Cell, Change, Lack};
pub use cover::{Cover, Covering};
pub use trial::Stays;

use crate::policy::Policy;
use crate::time::Timestamp;
use crate::vocabulary::{CategoryId, Name, PurposeId};

/// How two sets of rules differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What becomes allowed.
    pub wider: Vec<Change>,
    /// What becomes refused.
    pub narrower: Vec<Change>,
    /// What else the rules say otherwise.
    pub settings: Vec<Setting>,
    /// What consents from before now cover otherwise.
    pub covers: Vec<Cover>,
    /// The files whose texts differ without any effect.
    pub texts: Vec<String>,
}

impl Comparison {
    /// Whether the two sets have the same effect, however they are written.
    #[must_use]
    pub fn is_same(&self) -> bool {
        let Self { wider, narrower, settings, covers, texts: _ } = self;
        wider.is_empty() && narrower.is_empty() && settings.is_empty() && covers.is_empty()
    }

    /// The partners that something of it is about, and whether any of it stands in the register.
    fn touched(&self) -> (BTreeSet<&str>, bool) {
        let changes = self.wider.iter().chain(&self.narrower);
        let routes = changes.map(|c| &c.cell.route).chain(self.covers.iter().map(|c| &c.route));
        let mut partners: BTreeSet<&str> = routes.filter_map(partner_of).collect();
        let mut register = false;
        for setting in &self.settings {
            match setting.owner.partner() {
                Some(partner) => partners.insert(partner),
                None => std::mem::replace(&mut register, true),
            };
        }
        (partners, register)
    }
}

/// The partner in a route's full name.
fn partner_of(route: &Name) -> Option<&str> {
    route.as_str().split_once('.').map(|(partner, _)| partner)
}

/// Compares two sets of rules as they are at a time.
#[must_use]
pub fn compare(old: &Arc<Policy>, new: &Arc<Policy>, at: Timestamp) -> Comparison {
    let (wider, narrower) = cell::changes(old, new, at);
    let settings = settings::differing(old, new);
    let covers = cover::covers(old, new, at);
    let mut comparison = Comparison { wider, narrower, settings, covers, texts: Vec::new() };
    let (partners, register) = comparison.touched();
    let paths: BTreeSet<&String> = old.files.keys().chain(new.files.keys()).collect();
    let differs = |path: &&&String| old.files.get(**path) != new.files.get(**path);
    let explained = |path: &&&String| match path.strip_prefix("partners/") {
        Some(file) => partners.contains(file.trim_end_matches(".toml")),
        None => register && !path.starts_with("cases/"),
    };
    let texts = paths.iter().filter(differs).filter(|path| !explained(path));
    comparison.texts = texts.map(|path| (*path).clone()).collect();
    comparison
}

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

impl Owner {
    fn partner(&self) -> Option<&str> {
        match self {
            Self::Register | Self::Category(_) | Self::Purpose(_) => None,
            Self::Partner(name) | Self::PartnerPurpose(name, _) | Self::Request(name, _) => {
                Some(name.as_str())
            }
            Self::Route(name) => partner_of(name),
        }
    }
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
