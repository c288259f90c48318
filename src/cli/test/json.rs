//! What came of files, as one JSON object.

use serde_json::{Value, json};

use super::{File, Report, Verdict, found, why};
use crate::cli::check::json::diagnostic;
use crate::diagnostic::Diagnostics;
use crate::reason::Language;
use crate::rehearsal::difference::Line;
use crate::testkit::{Difference, Ending, Tried};

/// The whole report; lines and columns are counted from 1, columns in characters.
///
/// | member | what |
/// |---|---|
/// | `outcome` | `good`, `wrong` or `unrunnable`: exit codes 0, 1 and 2 |
/// | `files` | each file: its `steps`, or the `error` that kept it from being run |
/// | `steps` | `name`, `line`, `outcome` (`ok`, `differs`, `skipped`) and `differences` |
/// | `differences` | diagnostics, with `path`, `expected`, `came` and `lines` where there are any |
pub(super) fn report(report: &Report, language: Language) -> String {
    let outcome = match report.verdict() {
        Verdict::Good => "good",
        Verdict::Wrong => "wrong",
        Verdict::Unrunnable => "unrunnable",
    };
    let files: Vec<Value> = report.files.iter().map(|one| file(one, language)).collect();
    format!("{:#}", json!({ "outcome": outcome, "files": files }))
}

fn file(file: &File, language: Language) -> Value {
    match &file.result {
        Ok(tried) => {
            let steps: Vec<Value> = tried.iter().map(|tried| step(tried, language)).collect();
            json!({ "file": file.name, "steps": steps })
        }
        Err(error) => {
            let found = found(error).into_iter().flat_map(Diagnostics::iter);
            let found: Vec<Value> = found.map(|d| diagnostic(d, language)).collect();
            json!({ "file": file.name, "error": why(error, false, language), "diagnostics": found })
        }
    }
}

fn step(tried: &Tried, language: Language) -> Value {
    let (outcome, differences) = match &tried.ending {
        Ending::Well => ("ok", &[][..]),
        Ending::Skipped => ("skipped", &[][..]),
        Ending::Differs(differences) => ("differs", &differences[..]),
    };
    let differences: Vec<Value> = differences.iter().map(|d| difference(d, language)).collect();
    json!({
        "name": tried.name, "line": tried.line, "outcome": outcome, "differences": differences,
    })
}

fn difference(difference: &Difference, language: Language) -> Value {
    let line = |line: &Line| match line {
        Line::Same(line) => format!("  {line}"),
        Line::Expected(line) => format!("- {line}"),
        Line::Came(line) => format!("+ {line}"),
    };
    let lines: Vec<String> = difference.lines.iter().map(line).collect();
    let mut told = diagnostic(&difference.diagnostic, language);
    if let Some(members) = told.as_object_mut() {
        members.insert("path".to_owned(), json!(difference.path));
        members.insert("expected".to_owned(), json!(difference.expected));
        members.insert("came".to_owned(), json!(difference.came));
        members.insert("lines".to_owned(), json!(lines));
    }
    told
}
