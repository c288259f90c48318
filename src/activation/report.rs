//! What is in force, and what went wrong, as JSON for officers and their tools.

use serde_json::{Value, json};

use super::{Attempt, NotActivated, Status};
use crate::diagnostic::{Diagnostic, Severity};

/// The rules in force, with the newest attempt to change them where it was refused.
#[must_use]
pub fn in_force(status: &Status) -> Value {
    let warnings: Vec<Value> = status.warnings.iter().map(diagnostic).collect();
    json!({
        "digest": status.policy.digest,
        "files": status.policy.files,
        "entry": status.entry,
        "time": status.time.to_string(),
        "by": status.by,
        "signed_by": status.signed_by,
        "warnings": warnings,
        "refused": status.refused.as_ref().map(attempt),
    })
}

/// Why rules did not come into force: one member for each thing that is wrong.
#[must_use]
pub fn problems(why: &NotActivated) -> Vec<Value> {
    let found = match why {
        NotActivated::Refused(refused) => refused.diagnostics(),
        NotActivated::Unrecorded(_) => None,
    };
    found.map_or_else(
        || vec![json!({"severity": "error", "message": in_full(why)})],
        |(_, found)| found.iter().map(diagnostic).collect(),
    )
}

fn attempt(attempt: &Attempt) -> Value {
    json!({
        "time": attempt.time.to_string(),
        "by": attempt.by,
        "problems": problems(&attempt.why),
    })
}

fn diagnostic(found: &Diagnostic) -> Value {
    let (line, column) = found.source.line_and_column(found.span.start);
    json!({
        "file": found.source.name,
        "line": line,
        "column": column,
        "severity": match found.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "message": found.message.to_string(),
        "help": found.help.to_string(),
    })
}

/// An error with its causes on one line.
fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let causes = causes.map(|cause| format!(": {cause}"));
    std::iter::once(error.to_string()).chain(causes).collect()
}
