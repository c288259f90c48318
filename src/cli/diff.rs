//! `otkel diff`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::{Value, json};

use super::paint::{Paint, padded};
use super::{Outcome, WRONG, config, replay, revision};
use crate::comparison::{Cell, Change, Comparison, Cover, Covering, Lack, Setting, compare};
use crate::diagnostic::{Text, text};
use crate::gateway::{StartError, SystemClock};
use crate::policy::Policy;
use crate::reason::{Language, Reason};
use crate::time::{Clock as _, Timestamp};
use crate::vocabulary::PurposeId;

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
    let read = |name: &str| {
        let read = revision::read(name, at).map(|(policy, _)| Arc::new(policy));
        read.inspect_err(|error| {
            // Both have files of the same names.
            if error.is::<StartError>() {
                eprintln!("{name}:");
            }
        })
    };
    let (old, new) = (read(&arguments.old)?, read(&arguments.new)?);
    let comparison = compare(&old, &new, at);
    let totals = match &arguments.config {
        Some(file) => Some(replay::through(&config(file)?.store, &new, |_, _, _| ())?),
        None => None,
    };
    if arguments.json {
        let mut value = as_json(&comparison);
        if let (Some(object), Some(totals)) = (value.as_object_mut(), &totals) {
            object.insert("decisions".into(), replay::totals_as_json(totals));
        }
        say!("{}", serde_json::to_string_pretty(&value)?);
    } else {
        let paint = Paint::stdout();
        View { paint, language, policies: [&old, &new] }.show(&comparison);
        if let Some(totals) = totals {
            let recorded = Text::from("recorded decisions by the new rules");
            say!("\n{}", paint.bold(&recorded.in_language(language)));
            say!("{}", replay::View { paint, language }.summary(&totals));
        }
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
            self.changes(wider, &self.told("before"), |change| change.before.as_ref());
        }
        if !narrower.is_empty() {
            let title = self.told("NARROWER: becomes refused");
            say!("{}", self.paint.bad(&title));
            self.changes(narrower, &self.told("now"), |change| change.after.as_ref());
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

    /// A line a field, under why it stays and under its route and purpose.
    fn changes<'c>(
        &self,
        changes: &'c [Change],
        when: &str,
        why: impl Fn(&'c Change) -> Option<&'c Lack>,
    ) {
        // A field goes to all countries of its route at once, or to none.
        let mut countries: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for change in changes {
            let Cell { route, purpose, request, category, field, country } = &change.cell;
            let of = (route, purpose, request, why(change), category, field);
            countries.entry(of).or_default().push(country.to_string());
        }
        let mut groups: BTreeMap<_, BTreeMap<_, Vec<_>>> = BTreeMap::new();
        for ((route, purpose, request, why, category, field), countries) in countries {
            let heading = (route, purpose, request, countries.join(", "));
            groups.entry(heading).or_default().entry(why).or_default().push((category, field));
        }
        for ((route, purpose, request, countries), reasons) in groups {
            let heading = match request {
                Some(name) => text!("{}, {}, request {}, to {}", route, purpose, name, countries),
                None => text!("{}, {}, to {}", route, purpose, countries),
            };
            let heading = self.paint.bold(&heading.in_language(self.language));
            say!("  {heading}  {}", self.paint.dim(self.title(*purpose)));
            for (why, fields) in reasons {
                let why = why.map(|lack| lack.words(self.language)).unwrap_or_default();
                say!("    {when}: {why}");
                for (category, field) in fields {
                    let category = category.map_or("public".to_owned(), |id| id.to_string());
                    say!("      {}  {field}", padded(&category, 6));
                }
            }
        }
        say!("");
    }

    fn title(&self, purpose: PurposeId) -> &str {
        let entry = |policy: &&'_ Policy| policy.register.purposes.contains_key(&purpose);
        let policy = self.policies.iter().rev().find(|policy| entry(policy));
        let entry = policy.and_then(|policy| policy.register.purposes.get(&purpose));
        entry.map_or("", |entry| entry.title.in_language(self.language))
    }

    fn covers(&self, covers: &[Cover]) {
        let mut groups: BTreeMap<_, BTreeMap<_, Vec<&str>>> = BTreeMap::new();
        for cover in covers {
            let heading = (&cover.route, cover.purpose, cover.bundle);
            let of = groups.entry(heading).or_default().entry(cover.what).or_default();
            of.push(&cover.field);
        }
        for ((route, purpose, bundle), whats) in groups {
            let which =
                if bundle { "consents that name other purposes too" } else { "all consents" };
            say!("  {}", self.paint.bold(&format!("{route}, {purpose}: {}", self.told(which))));
            for (what, fields) in whats {
                say!("    {}", self.covering(what));
                for field in fields {
                    say!("      {field}");
                }
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

fn as_json(comparison: &Comparison) -> Value {
    let Comparison { wider, narrower, settings, covers, texts } = comparison;
    let lack = |lack: &Option<Lack>| match lack {
        Some(Lack::Refused(stays)) => json!({"code": stays.reason, "because": stays.because}),
        Some(lack @ Lack::Treated { by, not }) => {
            json!({"code": lack.code(), "by": by, "not": not})
        }
        Some(lack) => json!({"code": lack.code()}),
        None => Value::Null,
    };
    let change = |change: &Change| {
        let Cell { route, purpose, request, country, category, field } = &change.cell;
        json!({
            "route": route, "purpose": purpose, "request": request, "country": country,
            "category": category, "field": field,
            "before": lack(&change.before), "after": lack(&change.after),
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
