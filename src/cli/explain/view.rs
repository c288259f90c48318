//! An explanation as people read it.

use super::super::paint::{Paint, padded};
use crate::diagnostic::{Text, text};
use crate::explain::{Change, Explained, FieldExplained, Group, Step, Why};
use crate::policy::origin::Origin;
use crate::reason::Language;

/// How an explanation is shown.
pub(super) struct View {
    pub(super) paint: Paint,
    pub(super) language: Language,
}

impl View {
    pub(super) fn of(&self, explained: &Explained) -> String {
        let mut lines = Vec::new();
        self.head(explained, &mut lines);
        if !explained.gates.is_empty() {
            lines.push(String::new());
            lines.push(self.paint.bold(&self.told("the whole transfer")));
            self.steps("  ", &explained.gates, &mut lines);
        }
        for group in &explained.records {
            lines.push(String::new());
            self.group(group, &mut lines);
        }
        lines.join("\n")
    }

    fn head(&self, explained: &Explained, lines: &mut Vec<String>) {
        let result = match &explained.reason {
            None => self.paint.good(&self.told("sent")),
            Some(why) => {
                let refused = format!("{} {}", self.told("refused"), why.reason);
                format!("{}: {}", self.paint.bad(&refused), why.reason.words(self.language))
            }
        };
        lines.push(format!("{result}{}", self.rule(explained.rule.as_ref())));
        if let Some(why) = &explained.reason {
            if let Some(place) = &explained.place {
                lines.push(format!("  {} {place}", self.told("at")));
            }
            lines.push(format!("  {} {}", self.told("clause"), why.reason.clause()));
            lines.push(format!("  {} {}", self.told("cure:"), why.reason.cure(self.language)));
        }
        let title = explained.purpose_title.as_ref();
        let title = title.map_or("", |title| title.in_language(self.language));
        let facts = [
            ("decision", explained.decision.map(|did| did.to_string())),
            ("entry", explained.entry.map(|seq| seq.to_string())),
            ("time", explained.time.map(|time| time.to_string())),
            ("caller", explained.caller.as_ref().map(ToString::to_string)),
            ("route", explained.route.as_ref().map(ToString::to_string)),
            ("purpose", explained.purpose.map(|purpose| format!("{purpose}  {title}"))),
            ("rules", Some(self.rules(explained))),
            ("again", explained.again.as_ref().map(|first| self.said(&again(first)))),
            ("outcome", explained.outcome.as_ref().map(outcome)),
            ("receipt", explained.receipt.as_ref().map(|it| self.said(&receipt(it)))),
        ];
        for (name, fact) in facts {
            if let Some(fact) = fact {
                let name = padded(&self.told(name), 9);
                lines.push(format!("{} {fact}", self.paint.dim(&name)).trim_end().to_owned());
            }
        }
    }

    fn rules(&self, explained: &Explained) -> String {
        let kept = if explained.rules_kept {
            String::new()
        } else {
            let words = self.told("not kept: only what is recorded can be told");
            format!("  {}", self.paint.odd(&words))
        };
        format!("{}{kept}", explained.policy.get(..16).unwrap_or(&explained.policy))
    }

    fn group(&self, group: &Group, lines: &mut Vec<String>) {
        let title = if group.subjects.is_empty() {
            self.told("outside of the records").into()
        } else if group.records == 1 {
            text!("record {}", group.subjects)
        } else {
            text!("records {}", group.subjects)
        };
        let title = self.paint.bold(&title.in_language(self.language));
        let outcome = match &group.reason {
            Some(why) => {
                let refused = self.paint.bad(&format!("{} {}", self.told("stays"), why.reason));
                let field = group.reason_field.as_ref();
                let field = field.map_or_else(String::new, |field| format!(" ({field})"));
                format!("{refused}{field}: {}", why.reason.words(self.language))
            }
            None if group.decision == "withheld" => self.told("stays with the transfer"),
            None => self.paint.good(&self.told("goes")),
        };
        lines.push(format!("{title}  {outcome}{}", self.rule(group.rule.as_ref())));
        self.steps("  ", &group.gates, lines);
        for consent in &group.consents {
            lines.push(self.consent(consent, group.records > 1));
        }
        let width = group.fields.iter().map(|field| field.field.chars().count()).max();
        for field in &group.fields {
            self.field(field, width.unwrap_or(0), lines);
        }
        if group.unmapped_members_removed > 0 {
            let words = text!("members that no rule maps: {}", group.unmapped_members_removed);
            let words = words.in_language(self.language);
            let stay = self.paint.bad(&self.told("stay"));
            lines.push(format!("  {words}  {stay}{}", self.rule(group.unmapped_rule.as_ref())));
        }
    }

    fn consent(&self, consent: &crate::explain::Consent, of_many: bool) -> String {
        let of = if of_many {
            let of = text!("of record {}", consent.of);
            format!(" {}", of.in_language(self.language))
        } else {
            String::new()
        };
        let head = format!("    {} {}{of}", self.told("consent"), consent.record);
        if consent.obstacles.is_empty() {
            let categories: Vec<String> =
                consent.categories.iter().map(ToString::to_string).collect();
            let yes = text!("says yes to {}", categories.join(", "));
            return format!("{head}  {}", self.paint.good(&yes.in_language(self.language)));
        }
        let why = |why: &Why| {
            let code = self.paint.bad(why.reason.code());
            format!("\n      {code}: {}", why.reason.words(self.language))
        };
        head + &consent.obstacles.iter().map(why).collect::<String>()
    }

    fn field(&self, field: &FieldExplained, width: usize, lines: &mut Vec<String>) {
        let category = field.category.as_deref().unwrap_or("public");
        let did = match field.did {
            "sent" => match &field.treatment {
                Some(how) => self.paint.odd(&self.said(&text!("leaves by `{}`", how))),
                None => self.paint.good(&self.told("leaves")),
            },
            "absent" => self.paint.dim(&self.told("was not there")),
            "removed" => {
                let code = field.reason.as_ref().map_or("", |why| why.reason.code());
                self.paint.bad(&format!("{} {code}", self.told("stays")))
            }
            _ => self.paint.bad(&self.told("stays with the rest")),
        };
        let name = padded(&field.field, width);
        let line = self.rule(field.line.as_ref());
        lines.push(format!("  {name}  {}  {did}{line}", padded(category, 6)));
        if field.did == "absent" {
            return;
        }
        if let Some(title) = &field.category_title {
            let title = title.in_language(self.language);
            lines.push(format!("      {}", self.paint.dim(title)));
        }
        for (reason, n) in &field.lost {
            let stay = self.paint.bad(&self.said(&text!("{} values stay {}", n, reason)));
            lines.push(format!("      {stay}"));
        }
        for (kind, n) in &field.found {
            let found = self.paint.odd(&self.said(&text!("found in it {} times: {}", n, kind)));
            lines.push(format!("      {found}"));
        }
        self.steps("      ", &field.gates, lines);
        for Change { because, rule } in &field.to_change {
            let cure = because.reason.cure(self.language);
            let head = self.paint.odd(&self.told("to change:"));
            lines.push(format!("      {head} {cure}{}", self.rule(rule.as_ref())));
        }
    }

    /// A line a gate, the rules' lines under each other.
    fn steps(&self, indent: &str, steps: &[Step], lines: &mut Vec<String>) {
        let words: Vec<String> = steps.iter().map(|step| self.told(step.what)).collect();
        let width = words.iter().map(|words| words.chars().count()).max().unwrap_or(0);
        for (step, words) in steps.iter().zip(words) {
            let mark = match &step.shut {
                None => self.paint.good("✓"),
                Some(_) => self.paint.bad("✗"),
            };
            let rule = self.rule(step.rule.as_ref());
            let shut = step.shut.as_ref().map_or_else(String::new, |why| {
                let code = self.paint.bad(why.reason.code());
                let clause = self.paint.dim(why.reason.clause());
                format!("  {code}  {clause}")
            });
            let words =
                if rule.is_empty() && shut.is_empty() { words } else { padded(&words, width) };
            lines.push(format!("{indent}{mark} {words}{rule}{shut}"));
        }
    }

    fn rule(&self, rule: Option<&Origin>) -> String {
        rule.map_or_else(String::new, |rule| format!("  {}", self.paint.dim(&rule.to_string())))
    }

    fn said(&self, words: &Text) -> String {
        words.in_language(self.language)
    }

    fn told(&self, words: &'static str) -> String {
        Text::from(words).in_language(self.language)
    }
}

fn outcome(outcome: &serde_json::Value) -> String {
    let text = |name: &str| outcome.get(name).and_then(serde_json::Value::as_str);
    match (outcome.as_str(), text("result"), text("reason")) {
        (Some(words), ..) => words.to_owned(),
        (None, Some(result), Some(reason)) => format!("{result}, {reason}"),
        (None, result, _) => result.unwrap_or_default().to_owned(),
    }
}

/// What the partner signed.
fn again(first: &serde_json::Value) -> Text {
    let first = first.as_str().unwrap_or_default();
    text!("the partner did not know the key of the decision {}, which went first", first)
}

fn receipt(receipt: &serde_json::Value) -> Text {
    let text = |name: &str| receipt.get(name).and_then(serde_json::Value::as_str);
    match text("status").unwrap_or_default() {
        "accepted" => "the partner signed that it accepted it".into(),
        "rejected" => "the partner signed that it rejected it".into(),
        "deferred" => "the partner signed that it has yet to decide".into(),
        "missing" => "the partner signed nothing".into(),
        _ => text!("what came is not a receipt of this: `{}`", text("why").unwrap_or_default()),
    }
}
