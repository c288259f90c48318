//! `otkel explain`.

mod view;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::paint::Paint;
use super::{Outcome, config, revision};
use crate::config::Config;
use crate::consent::block::{self, Block};
use crate::consent::{Terms, import};
use crate::explain::{Asked, Explained, Facts, decision, file};
use crate::gateway::SystemClock;
use crate::ledger::entry::RecordKind;
use crate::policy::Policy;
use crate::reason::Language;
use crate::rehearsal::Head;
use crate::store::{Snapshot, StoreSecret, SubjectRef, sqlite};
use crate::time::{Clock as _, Timestamp};
use crate::vocabulary::Name;
use view::View;

/// The arguments of `otkel explain`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A decision's id, or the file of a transfer's body (`-` for standard input).
    #[arg(value_name = "DECISION-ID|FILE")]
    what: String,
    /// The gateway's configuration file: where decisions and consents are, and the rules.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The rules for a file: a folder, or a git revision as for `otkel diff`; else those of the
    /// configuration, else `policies`.
    #[arg(long, value_name = "FOLDER")]
    rules: Option<String>,
    /// The route of a file, such as `training-gb.enrol`.
    #[arg(long)]
    route: Option<String>,
    /// The request's path, where that of the route has values in it.
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// The request's query, without `?`.
    #[arg(long)]
    query: Option<String>,
    /// A header of the request; may be given several times.
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// The purpose, as a caller names it in `Otkel-Purpose`.
    #[arg(long)]
    purpose: Option<String>,
    /// The state body's request, as a caller names it in `Otkel-Legal-Request`.
    #[arg(long, value_name = "NAME")]
    legal_request: Option<String>,
    /// The subjects' consents, as `otkel consent import` takes them; else those of the store.
    #[arg(long, value_name = "FILE")]
    consents: Option<PathBuf>,
    /// When the transfer would be made, RFC 3339; else now.
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    at: Option<Timestamp>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

type Failed = Box<dyn std::error::Error>;

pub(super) fn run(arguments: &Arguments, language: Language) -> Outcome {
    let config = arguments.config.as_deref().map(config).transpose()?;
    let explained = match Uuid::try_parse(&arguments.what) {
        Ok(did) => recorded(config.as_ref(), &did)?,
        Err(_) => rehearsed(arguments, config.as_ref())?,
    };
    if arguments.json {
        say!("{}", serde_json::to_string_pretty(&explained)?);
    } else {
        let view = View { paint: Paint::stdout(), language };
        say!("{}", view.of(&explained));
    }
    Ok(ExitCode::SUCCESS)
}

fn recorded(config: Option<&Config>, did: &Uuid) -> Result<Explained, Failed> {
    let config = config.ok_or("a recorded decision is in a store: give `--config`")?;
    let mut snapshot = snapshot(config)?;
    let explained = decision(&mut *snapshot, did)?;
    Ok(explained.ok_or("no such decision: give the id of `Otkel-Decision`, or of a refusal")?)
}

fn snapshot(config: &Config) -> Result<Box<dyn Snapshot>, Failed> {
    if !config.store.exists() {
        return Err(format!("there is no store at `{}`", config.store.display()).into());
    }
    Ok(sqlite::snapshot(&config.store)?)
}

fn rehearsed(arguments: &Arguments, config: Option<&Config>) -> Result<Explained, Failed> {
    let now = arguments.at.unwrap_or_else(|| SystemClock.now());
    let folder = config.map(|config| config.policies.to_string_lossy().into_owned());
    let rules = arguments.rules.clone().or(folder).unwrap_or_else(|| "policies".to_owned());
    let body = Bytes::from(read(Path::new(&arguments.what))?);
    let (policy, _) = revision::read(&rules, now)?;
    let policy = Arc::new(policy);
    let route = route(&policy, arguments.route.as_deref())?;
    let scheme = policy.route(&route).map(|place| place.route.scheme.clone());
    let scheme = scheme.ok_or("no such route")?;
    let limits = config.map(|config| config.limits.document()).unwrap_or_default();
    let head = Head {
        path: arguments.path.clone(),
        query: arguments.query.clone(),
        headers: arguments.headers.clone(),
    };
    let asked = Asked {
        route: &route,
        purpose: arguments.purpose.as_deref(),
        legal_request: arguments.legal_request.as_deref(),
        head: &head,
        body: &body,
        now,
        limits: &limits,
    };
    let given = arguments.consents.as_deref().map(|path| given(path, now)).transpose()?;
    let kept = config.map(|config| Kept::open(config, scheme.clone())).transpose()?;
    let consents = |id: &str| match (&given, &kept) {
        (Some(given), _) => {
            given.get(&(scheme.clone(), id.to_owned())).cloned().unwrap_or_default()
        }
        (None, Some(kept)) => kept.consents(id),
        (None, None) => Vec::new(),
    };
    let blocks = |id: Option<&str>| kept.as_ref().map(|kept| kept.blocks(id)).unwrap_or_default();
    let explained = file(&policy, &asked, &Facts { consents: &consents, blocks: &blocks });
    match kept.and_then(|kept| kept.unread.into_inner()) {
        Some(error) => Err(error),
        None => Ok(explained),
    }
}

/// A header as `curl` takes it.
fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write a header as `name: value`")?;
    Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
}

fn route(policy: &Policy, named: Option<&str>) -> Result<Name, Failed> {
    let known = || {
        let routes = policy.partners.values().flat_map(|partner| &partner.routes);
        routes.map(|route| route.name.to_string()).collect::<Vec<_>>().join("`, `")
    };
    let Some(named) = named else {
        return Err(format!("say which route it is, with `--route`: one of `{}`", known()).into());
    };
    let name = Name::parse(named).ok().filter(|name| policy.route(name).is_some());
    Ok(name
        .ok_or_else(|| format!("no partner has that route: `--route` is one of `{}`", known()))?)
}

fn read(path: &Path) -> Result<Vec<u8>, Failed> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    // What was given may be a person's, and is not repeated.
    fs::read(path).map_err(|error| {
        format!("it is neither a decision's id nor a file that can be read: {error}").into()
    })
}

/// The terms of consents in a file, by subject.
fn given(path: &Path, now: Timestamp) -> Result<BTreeMap<(Name, String), Vec<Terms>>, Failed> {
    let shown = path.display();
    let text =
        fs::read_to_string(path).map_err(|error| format!("`{shown}` cannot be read: {error}"))?;
    let mut given: BTreeMap<_, Vec<Terms>> = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        // The pseudonym is the store's; here nothing is stored.
        let read = import::read(line, now, |_| String::new());
        let (subject, record) = read.map_err(|bad| format!("{shown}:{number}: {bad}"))?;
        let terms = Terms::of(&record).ok_or("a consent without an event")?;
        given.entry((subject.scheme, subject.id)).or_default().push(terms);
    }
    Ok(given)
}

/// The consents of a store.
struct Kept {
    snapshot: std::cell::RefCell<Box<dyn Snapshot>>,
    secret: StoreSecret,
    scheme: Name,
    unread: std::cell::RefCell<Option<Failed>>,
}

impl Kept {
    fn open(config: &Config, scheme: Name) -> Result<Self, Failed> {
        let secret = StoreSecret::open(&config.store_secret)?;
        let (snapshot, unread) = (snapshot(config)?.into(), None.into());
        Ok(Self { snapshot, secret, scheme, unread })
    }

    fn consents(&self, id: &str) -> Vec<Terms> {
        self.read(Some(id), RecordKind::Consent, |body| Ok(Some(Terms::read(body)?)))
    }

    fn blocks(&self, id: Option<&str>) -> Vec<block::Terms> {
        self.read(id, RecordKind::Block, |body| {
            let block: Block = serde_json::from_slice(body)?;
            Ok(block::Terms::of(&block))
        })
    }

    /// What the records of one kind of a subject, or of nobody, say; what cannot be read is kept.
    fn read<T>(
        &self,
        id: Option<&str>,
        kind: RecordKind,
        terms: impl Fn(&[u8]) -> Result<Option<T>, Failed>,
    ) -> Vec<T> {
        let of = |id| self.secret.reference(self.scheme.as_str(), id);
        let subject = id.map_or(SubjectRef::EVERYONE, of);
        let stored = self.snapshot.borrow_mut().records_of(&subject).map_err(Failed::from);
        let all = stored.and_then(|records| {
            let of_kind = records.iter().filter(|record| record.kind == kind);
            of_kind.filter_map(|record| terms(&record.body).transpose()).collect()
        });
        all.unwrap_or_else(|error| {
            self.unread.replace(Some(error));
            Vec::new()
        })
    }
}
