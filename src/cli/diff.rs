//! `otkel diff`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::{Value, json};

use super::paint::{Paint, padded};
use super::{Outcome, WRONG, revision};
use crate::comparison::{Cell, Change, Comparison, Cover, Covering, Setting, Stays, compare};
use crate::diagnostic::{Text, text};
use crate::gateway::SystemClock;
use crate::policy::Policy;
use crate::reason::{Language, Reason};
use crate::time::{Clock as _, Timestamp};
use crate::vocabulary::{Name, PurposeId};

/// The arguments of `otkel diff`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A folder of rules, or a git revision: `HEAD~1` (its folder `policies`), `v1:rules`.
    old: String,
    /// Another.
    new: String,
    /// The time at which both are looked at, RFC 3339; else now.
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    at: Option<Timestamp>,
    /// The gateway's configuration file: says how many recorded decisions would be others.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, language: Language) -> Outcome {
    let at = arguments.at.unwrap_or_else(|| SystemClock.now());
    let (old, _) = revision::read(&arguments.old, at)?;
    let (new, _) = revision::read(&arguments.new, at)?;
    let (old, new) = (Arc::new(old), Arc::new(new));
    let comparison = compare(&old, &new, at);
    if arguments.json {
        say!("{}", serde_json::to_string_pretty(&as_json(&comparison))?);
    } else {
        let view = View { paint: Paint::stdout(), language, policies: [&old, &new] };
        view.show(&comparison);
    }
    Ok(if comparison.is_same() { ExitCode::SUCCESS } else { WRONG })
}

/// How a comparison is shown to people.
struct View<'p> {
    paint: Paint,
    language: Language,
    policies: [&'p Policy; 2],
}

impl View<'_> {
    fn show(&self, comparison: &Comparison) {
        let Comparison { wider, narrower, settings, covers, texts } = comparison;
        if !wider.is_empty() {
            let title = self.told("WIDER: becomes allowed, given consent");
            say!("{}", self.paint.good(&title));
            self.changes(wider, |change| self.was("was", change.before.as_ref()));
        }
        if !narrower.is_empty() {
            let title = self.told("NARROWER: becomes refused");
            say!("{}", self.paint.bad(&title));
            self.changes(narrower, |change| self.was("now", change.after.as_ref()));
        }
        if !covers.is_empty() {
            say!("{}", self.paint.bold(&self.told("CONSENTS FROM BEFORE")));
            self.covers(covers);
        }
        if !settings.is_empty() {
            say!("{}", self.paint.bold(&self.told("OTHERWISE")));
            self.settings(settings);
        }
        if !texts.is_empty() {
            let title = self.told("SAME EFFECT: the files differ, the effect does not");
            say!("{}", self.paint.bold(&title));
            for path in texts {
                say!("  {path}");
            }
        }
        say!("{}", self.summary(comparison));
    }

    /// A line a field, under a heading a route and purpose.
    fn changes(&self, changes: &[Change], why: impl Fn(&Change) -> String) {
        let mut groups: BTreeMap<Group<'_>, Vec<(&Change, String)>> = BTreeMap::new();
        for change in changes {
            let of = groups.entry(Group::of(&change.cell)).or_default();
            let country = change.cell.country.to_string();
            match of.iter_mut().find(|(other, _)| alike(other, change)) {
                Some((_, countries)) => {
                    countries.push_str(", ");
                    countries.push_str(&country);
                }
                None => of.push((change, country)),
            }
        }
        for (group, changes) in groups {
            say!("  {}", self.paint.bold(&self.heading(&group)));
            let width = changes.iter().map(|(c, _)| c.cell.field.chars().count()).max();
            for (change, countries) in changes {
                let Cell { category, field, .. } = &change.cell;
                let category = category.map_or_else(|| "public".to_owned(), |id| id.to_string());
                let field = padded(field, width.unwrap_or(0));
                let to = text!("to {}", countries).in_language(self.language);
                let why = self.paint.dim(&why(change));
                say!("    {}  {field}  {}  {why}", padded(&category, 6), padded(&to, 6));
            }
        }
        say!("");
    }

    fn heading(&self, group: &Group<'_>) -> String {
        let title = self.title(group.purpose);
        let request = group.request.map_or_else(String::new, |request| {
            text!(", request {}", request).in_language(self.language)
        });
        format!("{}, {}{request}: {title}", group.route, group.purpose)
    }

    fn title(&self, purpose: PurposeId) -> &str {
        let of = |policy: &&'_ Policy| policy.register.purposes.contains_key(&purpose);
        let policy = self.policies.iter().rev().find(|policy| of(policy));
        let entry = policy.and_then(|policy| policy.register.purposes.get(&purpose));
        entry.map_or("", |entry| entry.title.in_language(self.language))
    }

    fn was(&self, when: &'static str, stays: Option<&Stays>) -> String {
        let Some(Stays { reason, because }) = stays else { return String::new() };
        let because = because.as_ref().map_or_else(String::new, |field| format!(" ({field})"));
        let words = reason.words(self.language);
        format!("{}: {reason}{because}, {words}", self.told(when))
    }

    fn covers(&self, covers: &[Cover]) {
        let mut groups: BTreeMap<_, Vec<&Cover>> = BTreeMap::new();
        for cover in covers {
            groups.entry((&cover.route, cover.purpose, cover.bundle)).or_default().push(cover);
        }
        for ((route, purpose, bundle), covers) in groups {
            let which =
                if bundle { "consents that name other purposes too" } else { "all consents" };
            say!("  {}", self.paint.bold(&format!("{route}, {purpose}: {}", self.told(which))));
            let width = covers.iter().map(|cover| cover.field.chars().count()).max();
            for cover in covers {
                let field = padded(&cover.field, width.unwrap_or(0));
                say!("    {field}  {}", self.covering(cover.what));
            }
        }
        say!("");
    }

    fn covering(&self, what: Covering) -> String {
        let with = |words: &'static str, reason: Reason| {
            format!("{}: {reason}, {}", self.told(words), reason.words(self.language))
        };
        match what {
            Covering::AtOnce => {
                self.paint.odd(&self.told("leaves at once, with nobody asked again"))
            }
            Covering::NoLonger(reason) => with("needs a new consent from now on", reason),
            Covering::NotYet(reason) => with("needs a new consent", reason),
        }
    }

    fn settings(&self, settings: &[Setting]) {
        let mut groups: BTreeMap<_, Vec<&Setting>> = BTreeMap::new();
        for setting in settings {
            groups.entry(&setting.owner).or_default().push(setting);
        }
        for (owner, settings) in groups {
            say!("  {}", self.paint.bold(&owner.to_string()));
            let width = settings.iter().map(|setting| setting.name.len()).max().unwrap_or(0);
            for setting in settings {
                let name = padded(setting.name, width);
                match (&setting.before, &setting.after) {
                    (Some(before), Some(after)) => {
                        say!("    {name}  {before} → {after}{}", self.mark(setting.wider));
                    }
                    (None, _) => say!("    {}", self.told("is new")),
                    (_, None) => say!("    {}", self.told("is gone")),
                }
            }
        }
        say!("");
    }

    fn mark(&self, wider: Option<bool>) -> String {
        match wider {
            Some(true) => format!("  {}", self.paint.good(&self.told("wider"))),
            Some(false) => format!("  {}", self.paint.bad(&self.told("narrower"))),
            None => String::new(),
        }
    }

    fn summary(&self, comparison: &Comparison) -> String {
        let text = if !comparison.is_same() {
            let Comparison { wider, narrower, settings, .. } = comparison;
            text!(
                "{} become allowed, {} become refused, {} settings differ",
                wider.len(),
                narrower.len(),
                settings.len()
            )
        } else if comparison.texts.is_empty() {
            "the rules are the same".into()
        } else {
            "the effect is the same".into()
        };
        text.in_language(self.language)
    }

    fn told(&self, words: &'static str) -> String {
        Text::from(words).in_language(self.language)
    }
}

/// What stands under one heading.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Group<'c> {
    route: &'c Name,
    purpose: PurposeId,
    request: Option<&'c Name>,
}

impl<'c> Group<'c> {
    fn of(cell: &'c Cell) -> Self {
        Self { route: &cell.route, purpose: cell.purpose, request: cell.request.as_ref() }
    }
}

/// Whether two changes of one group differ in their countries alone.
fn alike(a: &Change, b: &Change) -> bool {
    let of = |change: &Change| (change.before.clone(), change.after.clone());
    a.cell.field == b.cell.field && a.cell.category == b.cell.category && of(a) == of(b)
}

fn as_json(comparison: &Comparison) -> Value {
    let Comparison { wider, narrower, settings, covers, texts } = comparison;
    let stays = |stays: &Option<Stays>| {
        let of = |stays: &Stays| json!({"code": stays.reason, "because": stays.because});
        stays.as_ref().map_or(Value::Null, of)
    };
    let change = |change: &Change| {
        let Cell { route, purpose, request, country, category, field } = &change.cell;
        json!({
            "route": route, "purpose": purpose, "request": request, "country": country,
            "category": category, "field": field,
            "before": stays(&change.before), "after": stays(&change.after),
        })
    };
    let setting = |setting: &Setting| {
        json!({
            "of": setting.owner.to_string(), "setting": setting.name,
            "before": setting.before, "after": setting.after, "wider": setting.wider,
        })
    };
    let cover = |cover: &Cover| {
        let (word, reason) = match cover.what {
            Covering::AtOnce => ("at-once", None),
            Covering::NoLonger(reason) => ("no-longer", Some(reason)),
            Covering::NotYet(reason) => ("not-yet", Some(reason)),
        };
        json!({
            "route": cover.route, "purpose": cover.purpose, "category": cover.category,
            "field": cover.field, "bundle": cover.bundle, "covers": word, "code": reason,
        })
    };
    json!({
        "same": comparison.is_same(),
        "wider": wider.iter().map(change).collect::<Vec<_>>(),
        "narrower": narrower.iter().map(change).collect::<Vec<_>>(),
        "settings": settings.iter().map(setting).collect::<Vec<_>>(),
        "consents": covers.iter().map(cover).collect::<Vec<_>>(),
        "texts": texts,
    })
}
