//! `otkel replay`.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::paint::{Paint, padded};
use super::{Outcome, WRONG, config, revision};
use crate::diagnostic::{Text, text};
use crate::gateway::SystemClock;
use crate::policy::Policy;
use crate::reason::{Language, Reason};
use crate::replay::again::{Treatments, Untold};
use crate::replay::difference::{Compared, Difference, Group, Way, Whole};
use crate::replay::recorded::Recorded;
use crate::replay::{Totals, replay};
use crate::store::{Snapshot, sqlite};
use crate::time::Clock as _;

/// The arguments of `otkel replay`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The gateway's configuration file. The gateway may be running.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The folder of rules to try, or a git revision as for `otkel diff`; else the folder of the
    /// configuration.
    #[arg(value_name = "FOLDER")]
    rules: Option<String>,
    /// As JSON: one line for each decision that would be another, and one of numbers.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, language: Language) -> Outcome {
    let config = config(&arguments.config)?;
    let folder = config.policies.to_string_lossy().into_owned();
    let name = arguments.rules.as_deref().unwrap_or(&folder);
    let (policy, _) = revision::read(name, SystemClock.now())?;
    let view = View { paint: Paint::stdout(), language };
    let totals = through(&config.store, &Arc::new(policy), |bar, recorded, compared| {
        let told = if arguments.json {
            as_json(recorded, compared).map(|value| value.to_string())
        } else {
            view.decision(recorded, compared)
        };
        if let Some(told) = told {
            bar.suspend(|| say!("{told}"));
        }
    })?;
    if arguments.json {
        say!("{}", json!({ "totals": totals_as_json(&totals) }));
    } else {
        say!("{}", view.summary(&totals));
    }
    Ok(if totals.differing() == 0 { ExitCode::SUCCESS } else { WRONG })
}

/// Makes every decision of a store again, with a bar on a terminal.
pub(super) fn through(
    store: &Path,
    policy: &Arc<Policy>,
    mut each: impl FnMut(&ProgressBar, &Recorded, &Compared),
) -> Result<Totals, Box<dyn std::error::Error>> {
    if !store.exists() {
        return Err(format!("there is no store at `{}`", store.display()).into());
    }
    let mut snapshot = sqlite::snapshot(store)?;
    let is_terminal = std::io::stderr().is_terminal();
    let bar = if is_terminal { long(&mut *snapshot)? } else { ProgressBar::hidden() };
    let totals = replay(&mut *snapshot, policy, |seq, made| {
        bar.set_position(seq);
        if let Some((recorded, compared)) = made {
            each(&bar, recorded, compared);
        }
    })?;
    bar.finish_and_clear();
    Ok(totals)
}

fn long(snapshot: &mut dyn Snapshot) -> Result<ProgressBar, Box<dyn std::error::Error>> {
    let bar = ProgressBar::new(snapshot.head()?.size());
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} entries, {eta} left")?);
    Ok(bar)
}

/// How a replay is shown to people.
pub(super) struct View {
    pub(super) paint: Paint,
    pub(super) language: Language,
}

impl View {
    /// A decision that comes out otherwise, or of which it cannot be told.
    fn decision(&self, recorded: &Recorded, compared: &Compared) -> Option<String> {
        let route = recorded.route.as_ref().map(ToString::to_string);
        let purpose = recorded.purpose.map(|purpose| purpose.to_string());
        let asked = [recorded.time.to_string(), recorded.did.to_string()];
        let words: Vec<String> = asked.into_iter().chain(route).chain(purpose).collect();
        let mut lines = vec![self.paint.bold(&words.join("  "))];
        match compared {
            Compared::Same => return None,
            Compared::Untold(untold) => {
                let words = untold.words().in_language(self.language);
                let cannot = self.told("cannot be told");
                lines.push(format!("  {}: {words}", self.paint.odd(&cannot)));
            }
            Compared::Differs(difference) => self.difference(difference, &mut lines),
        }
        Some(lines.join("\n"))
    }

    fn difference(&self, difference: &Difference, lines: &mut Vec<String>) {
        let before = self.outcome(difference.before);
        let after = match difference.after {
            Whole::Sent => self.outcome(None),
            Whole::Refused(reason) => self.outcome(Some(reason)),
            Whole::Stays => self.paint.bad(&self.told("refused")),
            Whole::Untold => self.paint.odd(&self.told("cannot be told")),
        };
        lines.push(format!("  {before} → {after}"));
        for group in &difference.groups {
            self.group(group, lines);
        }
        if let Some(untold) = difference.untold {
            let words = untold.words().in_language(self.language);
            let rest = self.told("the rest cannot be told");
            lines.push(format!("    {}: {words}", self.paint.odd(&rest)));
        }
    }

    fn group(&self, group: &Group, lines: &mut Vec<String>) {
        let title = if group.records.is_empty() {
            self.told("outside of the records")
        } else {
            text!("records {}", group.records).in_language(self.language)
        };
        let record = group
            .record
            .map(|(before, after)| format!(": {} → {}", self.passes(before), self.passes(after)));
        lines.push(format!("    {title}{}", record.unwrap_or_default()));
        let width = group.fields.iter().map(|change| change.field.chars().count()).max();
        for change in &group.fields {
            let field = padded(&change.field, width.unwrap_or(0));
            let (before, after) = match &change.treatments {
                Some(how) => (how.before.clone(), how.after.clone()),
                None => (self.leaves(change.before), self.leaves(change.after)),
            };
            lines.push(format!("      {field}  {before} → {after}"));
        }
    }

    fn outcome(&self, reason: Option<Reason>) -> String {
        self.way(&self.told("sent"), &self.told("refused"), reason)
    }

    fn passes(&self, reason: Option<Reason>) -> String {
        self.way(&self.told("goes"), &self.told("stays"), reason)
    }

    fn leaves(&self, reason: Option<Reason>) -> String {
        self.way(&self.told("leaves"), &self.told("stays"), reason)
    }

    fn way(&self, good: &str, bad: &str, reason: Option<Reason>) -> String {
        match reason {
            None => self.paint.good(good),
            Some(reason) => self.paint.bad(&format!("{bad} {reason}")),
        }
    }

    /// How many came to what.
    pub(super) fn summary(&self, totals: &Totals) -> String {
        let Totals { decisions, same, differing, untold, beside } = totals;
        let head = text!(
            "{} decisions: {} as they were, {} otherwise, {} cannot be told, {} not for the rules",
            decisions,
            same,
            totals.differing(),
            totals.untold(),
            beside
        );
        let mut lines = vec![self.paint.bold(&head.in_language(self.language))];
        for (way, count) in differing {
            lines.push(self.count(*count, way_words(*way)));
        }
        for (untold, count) in untold {
            lines.push(self.count(*count, untold.words()));
        }
        lines.join("\n")
    }

    fn count(&self, count: u64, what: Text) -> String {
        let counted = Text::Template("{} {}", vec![Text::value(&count), what]);
        format!("  {}", counted.in_language(self.language))
    }

    fn told(&self, words: &'static str) -> String {
        Text::from(words).in_language(self.language)
    }
}

fn way_words(way: Way) -> Text {
    let words = match way {
        Way::Wider => "would send more",
        Way::Narrower => "would send less",
        Way::Both => "would send more of one and less of another",
        Way::Reasons => "would send the same for another reason",
    };
    words.into()
}

const fn way_code(way: Way) -> &'static str {
    match way {
        Way::Wider => "wider",
        Way::Narrower => "narrower",
        Way::Both => "both",
        Way::Reasons => "reasons",
    }
}

fn as_json(recorded: &Recorded, compared: &Compared) -> Option<Value> {
    let mut value = json!({
        "decision": recorded.did, "entry": recorded.seq, "time": recorded.time,
        "route": recorded.route, "purpose": recorded.purpose,
    });
    let more = match compared {
        Compared::Same => return None,
        Compared::Untold(untold) => json!({ "cannot_be_told": untold.code() }),
        Compared::Differs(difference) => {
            let (after, reason) = match difference.after {
                Whole::Sent => ("sent", None),
                Whole::Refused(reason) => ("refused", Some(reason)),
                Whole::Stays => ("refused", None),
                Whole::Untold => ("cannot-be-told", None),
            };
            let before = if difference.before.is_some() { "refused" } else { "sent" };
            json!({
                "way": way_code(difference.way()),
                "before": {"decision": before, "code": difference.before},
                "after": {"decision": after, "code": reason},
                "groups": difference.groups.iter().map(group_as_json).collect::<Vec<_>>(),
                "cannot_be_told": difference.untold.map(Untold::code),
            })
        }
    };
    if let (Some(value), Value::Object(more)) = (value.as_object_mut(), more) {
        value.extend(more);
    }
    Some(value)
}

fn group_as_json(group: &Group) -> Value {
    let fields = group.fields.iter().map(|change| match &change.treatments {
        Some(Treatments { before, after, .. }) => {
            json!({"field": change.field, "treatment": {"before": before, "after": after}})
        }
        None => json!({"field": change.field, "before": change.before, "after": change.after}),
    });
    let record = group.record.map(|(before, after)| json!({"before": before, "after": after}));
    json!({
        "records": group.records.to_string(),
        "record": record,
        "fields": fields.collect::<Vec<_>>(),
    })
}

/// The numbers, as JSON.
pub(super) fn totals_as_json(totals: &Totals) -> Value {
    let differing: Value =
        totals.differing.iter().map(|(way, n)| (way_code(*way).to_owned(), json!(n))).collect();
    let untold: Value =
        totals.untold.iter().map(|(untold, n)| (untold.code().to_owned(), json!(n))).collect();
    json!({
        "decisions": totals.decisions, "same": totals.same, "differing": differing,
        "cannot_be_told": untold, "not_for_the_rules": totals.beside,
    })
}
