//! What is in force, and what went wrong, as JSON for officers and their tools.

use serde_json::{Value, json};

use super::{Attempt, NotActivated, Status};
use crate::diagnostic::{Diagnostic, Severity};
use crate::reason::Language;

/// The rules in force, with the newest attempt to change them where it was refused.
#[must_use]
pub fn in_force(status: &Status, language: Language) -> Value {
    let warnings: Vec<Value> =
        status.warnings.iter().map(|found| diagnostic(found, language)).collect();
    json!({
        "digest": status.policy.digest,
        "files": status.policy.files,
        "entry": status.entry,
        "time": status.time.to_string(),
        "by": status.by,
        "signed_by": status.signed_by,
        "warnings": warnings,
        "refused": status.refused.as_ref().map(|refused| attempt(refused, language)),
    })
}

/// Why rules did not come into force: one member for each thing that is wrong.
#[must_use]
pub fn problems(why: &NotActivated, language: Language) -> Vec<Value> {
    let found = match why {
        NotActivated::Refused(refused) => refused.diagnostics(),
        NotActivated::Unrecorded(_) => None,
    };
    found.map_or_else(
        || vec![json!({"severity": "error", "message": in_full(why)})],
        |(_, found)| found.iter().map(|found| diagnostic(found, language)).collect(),
    )
}

fn attempt(attempt: &Attempt, language: Language) -> Value {
    json!({
        "time": attempt.time.to_string(),
        "by": attempt.by,
        "problems": problems(&attempt.why, language),
    })
}

fn diagnostic(found: &Diagnostic, language: Language) -> Value {
    let (line, column) = found.source.line_and_column(found.span.start);
    json!({
        "file": found.source.name,
        "line": line,
        "column": column,
        "severity": match found.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "message": found.message.in_language(language),
        "help": found.help.in_language(language),
    })
}

/// An error with its causes on one line.
fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let causes = causes.map(|cause| format!(": {cause}"));
    std::iter::once(error.to_string()).chain(causes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Diagnostics, Source};
    use crate::gateway::StartError;

    #[test]
    fn what_is_wrong_is_told_in_the_language_of_the_officer() {
        let mut found = Diagnostics::new();
        let help = "write it: controller, responsible person, categories, purposes, notices";
        found.error(&Source::new("register.toml", ""), 0..0, "there is no register", help);
        let why = NotActivated::Refused(StartError::Rules(found));
        for (language, message) in [
            (Language::En, "there is no register"),
            (Language::Ru, "реестра нет"),
            (Language::Kk, "тізілім жоқ"),
        ] {
            let told = problems(&why, language);
            assert_eq!(
                (&told[0]["message"], &told[0]["severity"]),
                (&json!(message), &json!("error"))
            );
        }
    }
}
