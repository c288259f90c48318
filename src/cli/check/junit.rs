//! What a check found, as a JUnit report: a suite for the rules and one for each partner.

use super::{Report, Verdict, text};
use crate::cli::junit::{self, Ending, Suite, Test};
use crate::diagnostic::{Diagnostic, Severity};
use crate::reason::Language;
use crate::rehearsal::case::Trial;

/// The whole report, as XML 1.0.
pub(super) fn report(report: &Report<'_>, language: Language) -> String {
    let mut suites = vec![Suite { name: "rules", tests: rules(report, language) }];
    for trials in report.trials.chunk_by(|a, b| a.partner.name == b.partner.name) {
        let Some(first) = trials.first() else { continue };
        let tests = trials.iter().map(|trial| case(trial, language)).collect();
        suites.push(Suite { name: first.partner.name.as_str(), tests });
    }
    junit::report("otkel check", &suites)
}

/// That the rules load, and that they have the cases they need.
fn rules(report: &Report<'_>, language: Language) -> Vec<Test<'static>> {
    let counts = |found: &&Diagnostic| found.severity == Severity::Error || report.warnings_denied;
    let failing: Vec<&Diagnostic> = report.found.iter().filter(counts).collect();
    let ending = failing.first().map_or(Ending::Well, |first| {
        let texts: Vec<String> = failing.iter().map(|d| d.render(false, language)).collect();
        Ending::Failed { message: first.message.in_language(language), text: texts.join("\n\n") }
    });
    if report.outcome == Verdict::Unloadable {
        return vec![Test { name: "load", ending }];
    }
    vec![Test { name: "load", ending: Ending::Well }, Test { name: "lint", ending }]
}

fn case<'a>(trial: &'a Trial<'_>, language: Language) -> Test<'a> {
    let ending = trial.differences.first().map_or(Ending::Well, |first| {
        let shown = trial.differences.iter().map(|d| text::shown(d, false, language));
        let shown: Vec<String> = shown.collect();
        let text = shown.join("\n\n") + &text::reasons(trial, language);
        Ending::Failed { message: first.diagnostic.message.in_language(language), text }
    });
    Test { name: &trial.case.name, ending }
}
