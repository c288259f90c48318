//! Where each route is found, so that finding one does not cost more the more there are.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use super::model::{Partner, Policy};
use super::paths::Paths;
use super::route::Route;
use crate::vocabulary::Name;

/// A route with its partner.
#[derive(Clone, Copy, Debug)]
pub struct Place<'p> {
    /// The partner.
    pub partner: &'p Arc<Partner>,
    /// The route.
    pub route: &'p Arc<Route>,
}

/// The routes by what a caller asks for.
#[derive(Default)]
pub(super) struct Index {
    names: HashMap<Name, At>,
    paths: Paths<At>,
    hosts: HashMap<String, Paths<At>>,
}

/// A partner's name, and the position of the route among its routes.
#[derive(Clone)]
struct At(Name, usize);

impl Index {
    pub(super) fn of(partners: &BTreeMap<Name, Arc<Partner>>) -> Self {
        let mut index = Self::default();
        for partner in partners.values() {
            for endpoint in partner.endpoints.values() {
                index.hosts.entry(endpoint.host.clone()).or_default();
            }
            for (position, route) in partner.routes.iter().enumerate() {
                index.insert(partner, route, &At(partner.name.clone(), position));
            }
        }
        index
    }

    fn insert(&mut self, partner: &Partner, route: &Route, at: &At) {
        self.paths.insert(&route.template, at.clone());
        if let Some(endpoint) = partner.endpoints.get(&route.endpoint) {
            let paths = self.hosts.entry(endpoint.host.clone()).or_default();
            paths.insert(&route.template_at(true), at.clone());
        }
        self.names.insert(route.name.clone(), at.clone());
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
    pub fn route(&self, name: &Name) -> Option<Place<'_>> {
        self.place(self.index.names.get(name)?)
    }

    /// The routes that a path leads to, one a method, whatever the values in it are: at a partner's
    /// host, in lower case, or at the gateway's own.
    pub fn routes_at(
        &self,
        partner_host: Option<&str>,
        path: &str,
    ) -> impl Iterator<Item = Place<'_>> {
        let paths = match partner_host {
            None => Some(&self.index.paths),
            Some(host) => self.index.hosts.get(host),
        };
        let found = paths.into_iter().flat_map(move |paths| paths.at(path));
        found.filter_map(|at| self.place(at))
    }

    /// Whether a host, in lower case, is one of a partner's endpoints.
    #[must_use]
    pub fn is_partner_host(&self, host: &str) -> bool {
        self.index.hosts.contains_key(host)
    }

    fn place(&self, At(partner, position): &At) -> Option<Place<'_>> {
        let partner = self.partners.get(partner)?;
        Some(Place { partner, route: partner.routes.get(*position)? })
    }
}

#[cfg(test)]
impl Policy {
    /// These rules with a change, and the routes found anew.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self.index = Index::of(&self.partners);
        self
    }
}
