//! Where each route is found, so that finding one does not cost more the more there are.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use super::model::{Partner, Policy};
use super::route::Route;
use crate::vocabulary::Name;

/// A route with its partner.
#[derive(Clone, Debug)]
pub struct Place {
    /// The partner.
    pub partner: Arc<Partner>,
    /// The route.
    pub route: Arc<Route>,
}

/// The routes by what a caller asks for.
#[derive(Default)]
pub(super) struct Index {
    names: HashMap<Name, Place>,
    paths: HashMap<String, Vec<Place>>,
    hosts: HashMap<String, HashMap<String, Vec<Place>>>,
}

impl Index {
    pub(super) fn of(partners: &BTreeMap<Name, Arc<Partner>>) -> Self {
        let mut index = Self::default();
        for partner in partners.values() {
            for endpoint in partner.endpoints.values() {
                index.hosts.entry(endpoint.host.clone()).or_default();
            }
            for route in &partner.routes {
                let place = Place { partner: Arc::clone(partner), route: Arc::clone(route) };
                index.insert(place);
            }
        }
        index
    }

    fn insert(&mut self, place: Place) {
        let Place { partner, route } = &place;
        if let Some(endpoint) = partner.endpoints.get(&route.endpoint) {
            let paths = self.hosts.entry(endpoint.host.clone()).or_default();
            paths.entry(route.to.clone()).or_default().push(place.clone());
        }
        self.paths.entry(route.path.clone()).or_default().push(place.clone());
        self.names.insert(route.name.clone(), place);
    }
}

impl fmt::Debug for Index {
    /// Nothing: the partners say it all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index").finish_non_exhaustive()
    }
}

impl Policy {
    /// The route of a name, such as `training-gb.enrol`.
    #[must_use]
    pub fn route(&self, name: &Name) -> Option<&Place> {
        self.index.names.get(name)
    }

    /// The routes that a path leads to, one a method: at a partner's host, in lower case, or at the
    /// gateway's own.
    #[must_use]
    pub fn routes_at(&self, partner_host: Option<&str>, path: &str) -> &[Place] {
        let paths = match partner_host {
            None => Some(&self.index.paths),
            Some(host) => self.index.hosts.get(host),
        };
        paths.and_then(|paths| paths.get(path)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a host, in lower case, is one of a partner's endpoints.
    #[must_use]
    pub fn is_partner_host(&self, host: &str) -> bool {
        self.index.hosts.contains_key(host)
    }
}

#[cfg(test)]
impl Policy {
    /// These rules with a change, and the routes found anew.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        // The index holds every route, and nobody else may while one is changed.
        self.index = Index::default();
        change(&mut self);
        self.index = Index::of(&self.partners);
        self
    }
}
