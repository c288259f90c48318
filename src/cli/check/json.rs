//! What a check found, as one JSON object.

use serde_json::{Map, Value, json};

use super::{Report, Verdict};
use crate::diagnostic::{Diagnostic, Severity};
use crate::reason::Language;
use crate::rehearsal::Ending;
use crate::rehearsal::case::{Aspect, Difference, Trial};

/// The whole report; lines and columns are counted from 1, columns in characters.
///
/// | member | what |
/// |---|---|
/// | `outcome` | `good`, `wrong` or `unloadable`: exit codes 0, 1 and 2 |
/// | `folder` | the folder of the rules; files are named from it |
/// | `digest` | the digest of the rules; null where they do not load |
/// | `files` | each file's SHA-256 by its path; null where the rules do not load |
/// | `diagnostics` | what is wrong with the rules, cases apart |
/// | `cases` | each case: what it says, what came, and the differences as diagnostics |
pub(super) fn report(report: &Report<'_>, language: Language) -> String {
    let files: Map<String, Value> =
        report.files.iter().map(|(path, sha256)| ((*path).to_owned(), json!(sha256))).collect();
    let found: Vec<Value> = report.found.iter().map(|d| diagnostic(d, language)).collect();
    let cases: Vec<Value> = report.trials.iter().map(|trial| case(trial, language)).collect();
    let outcome = match report.outcome {
        Verdict::Good => "good",
        Verdict::Wrong => "wrong",
        Verdict::Unloadable => "unloadable",
    };
    let report = json!({
        "outcome": outcome,
        "folder": report.folder,
        "digest": report.digest,
        "files": files,
        "diagnostics": found,
        "cases": cases,
    });
    format!("{report:#}")
}

/// A diagnostic, with its place.
pub(in crate::cli) fn diagnostic(found: &Diagnostic, language: Language) -> Value {
    let (line, column) = found.source.line_and_column(found.span.start);
    let (end_line, end_column) = found.source.line_and_column(found.span.end);
    json!({
        "file": found.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "severity": match found.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "message": found.message.in_language(language),
        "help": found.help.in_language(language),
    })
}

fn case(trial: &Trial<'_>, language: Language) -> Value {
    let expected = &trial.case.expected;
    let sent = expected.sent.as_ref().map(|sent| String::from_utf8_lossy(&sent.bytes));
    let came = trial.rehearsed.sent().map(String::from_utf8_lossy);
    let place = match &trial.rehearsed.ending {
        Ending::Refused(refused) => refused.place.as_deref(),
        Ending::Denied(_) | Ending::Permitted(_) => None,
    };
    let difference = |difference: &Difference| {
        let mut told = diagnostic(&difference.diagnostic, language);
        let members = told.as_object_mut();
        members.map(|told| told.insert("aspect".into(), aspect(difference.aspect).into()));
        told
    };
    let differences: Vec<Value> = trial.differences.iter().map(difference).collect();
    json!({
        "partner": trial.partner.name,
        "route": trial.case.route,
        "name": trial.case.name,
        "file": trial.source.name,
        "line": trial.source.line_and_column(trial.case.span.start).0,
        "outcome": if differences.is_empty() { "ok" } else { "differs" },
        "expected": {
            "decision": decision(expected.is_allowed),
            "reasons": expected.reasons,
            "sent": sent,
        },
        "came": {
            "decision": decision(came.is_some()),
            "reasons": trial.rehearsed.reasons(),
            "place": place,
            "sent": came,
        },
        "differences": differences,
    })
}

fn decision(is_allowed: bool) -> &'static str {
    if is_allowed { "allowed" } else { "refused" }
}

fn aspect(aspect: Aspect) -> &'static str {
    match aspect {
        Aspect::Form => "form",
        Aspect::Decision => "decision",
        Aspect::Reasons => "reasons",
        Aspect::Sent => "sent",
    }
}
