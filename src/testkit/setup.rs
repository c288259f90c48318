//! What a kit is made with: rules, callers, a time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Fault, Testkit};
use crate::demo::world::{Cast, Part, Role};
use crate::gateway::{StartError, rule_files};
use crate::policy::{Partner, Policy};
use crate::time::Timestamp;

/// What a kit is made with.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// The folder of rules.
    pub rules: PathBuf,
    /// Files that take the place of those of the folder, or stand beside them, by their paths.
    pub files: BTreeMap<String, String>,
    /// Where the clock stands at first; at the time of the start where it is not said.
    pub time: Option<Timestamp>,
    /// Who sends. Without any, a caller `app` may use all routes.
    pub callers: Vec<Role>,
    /// Lines of the gateway's `[limits]`.
    pub limits: String,
}

impl Setup {
    /// A kit with the rules of a folder.
    #[must_use]
    pub fn new(rules: impl AsRef<Path>) -> Self {
        Self { rules: rules.as_ref().to_owned(), ..Self::default() }
    }

    /// With the clock at a time.
    #[must_use]
    pub fn at(self, time: Timestamp) -> Self {
        Self { time: Some(time), ..self }
    }

    /// With a caller, whose certificate bears `<name>.test.example`, and its routes.
    #[must_use]
    pub fn caller(mut self, name: &str, routes: &[&str]) -> Self {
        let routes = routes.iter().map(|route| (*route).to_owned()).collect();
        self.callers.push(Role { routes, ..role(name) });
        self
    }

    /// With a text in the place of another, which must stand once in a file of the rules.
    ///
    /// # Errors
    /// A file that is not there, or that does not hold the text once.
    pub fn edit(mut self, file: &str, from: &str, to: &str) -> Result<Self, Fault> {
        let bad = |why: &str| Fault::Edit { file: file.to_owned(), why: why.to_owned() };
        let text = match self.files.get(file) {
            Some(text) => text.clone(),
            None => fs::read_to_string(self.rules.join(file))
                .map_err(|error| bad(&format!("it cannot be read: {error}")))?,
        };
        match text.matches(from).count() {
            1 => self.files.insert(file.to_owned(), text.replacen(from, to, 1)),
            0 => return Err(bad("it does not hold the text")),
            _ => return Err(bad("it holds the text more than once")),
        };
        Ok(self)
    }

    /// Starts it all.
    ///
    /// # Errors
    /// Rules that do not load, or whatever keeps the gateway or a partner from starting.
    pub async fn start(self) -> Result<Testkit, Fault> {
        Testkit::with(self).await
    }

    /// The rules, with the changes made.
    pub(super) fn rules(
        &self,
        now: Timestamp,
    ) -> Result<(BTreeMap<String, Vec<u8>>, Policy), Fault> {
        let mut files = rule_files(&self.rules)?;
        let changed = self.files.iter().map(|(path, text)| (path.clone(), text.clone().into()));
        files.extend(changed);
        let (policy, _) = Policy::read(&files, now).map_err(StartError::Rules)?;
        Ok((files, policy))
    }
}

/// A caller that may use no route yet.
pub(super) fn role(name: &str) -> Role {
    Role {
        name: name.to_owned(),
        certificate: format!("{name}.test.example"),
        routes: Vec::new(),
        requests_per_minute: None,
    }
}

/// Everyone whom the rules name.
pub(super) fn cast(policy: &Policy, callers: &[Role]) -> Result<Cast, Fault> {
    let part = |partner: &Arc<Partner>| {
        let hosts = partner.endpoints.values().map(|at| (at.host.clone(), at.port));
        Part {
            name: partner.name.to_string(),
            hosts: hosts.collect(),
            recipients: partner.recipients.keys().map(ToString::to_string).collect(),
        }
    };
    let partners: Vec<Part> = policy.partners.values().map(part).collect();
    let mut callers = callers.to_vec();
    if callers.is_empty() {
        callers.push(role("app"));
    }
    let routes = policy.partners.values().flat_map(|partner| &partner.routes);
    let all: Vec<String> = routes.map(|route| route.name.to_string()).collect();
    for caller in &mut callers {
        let is_taken = partners.iter().any(|part| part.name == caller.name)
            || ["authority", "gateway", "gateway-client"].contains(&caller.name.as_str());
        if is_taken {
            return Err(Fault::Caller(caller.name.clone()));
        }
        if caller.routes.is_empty() {
            caller.routes.clone_from(&all);
        }
    }
    Ok(Cast { partners, callers, key_days: KEY_DAYS })
}

/// Long enough for every term that a test may want to see the end of.
const KEY_DAYS: i64 = 40 * 365;
