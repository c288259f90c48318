//! What came of files, as a JUnit report: a suite for each file.

use super::{File, Report, text, why};
use crate::cli::junit::{self, Suite, Test};
use crate::reason::Language;
use crate::testkit::{Ending, Tried};

/// The whole report, as XML 1.0.
pub(super) fn report(report: &Report, language: Language) -> String {
    let suites: Vec<Suite<'_>> = report.files.iter().map(|file| suite(file, language)).collect();
    junit::report("otkel test", &suites)
}

fn suite(file: &File, language: Language) -> Suite<'_> {
    let tests = match &file.result {
        Ok(tried) => tried.iter().map(|tried| test(tried, language)).collect(),
        Err(error) => {
            let text = why(error, false, language);
            let message = text.lines().next().unwrap_or_default().to_owned();
            vec![Test { name: "run", ending: junit::Ending::Failed { message, text } }]
        }
    };
    Suite { name: &file.name, tests }
}

fn test(tried: &Tried, language: Language) -> Test<'_> {
    let ending = match &tried.ending {
        Ending::Well => junit::Ending::Well,
        Ending::Skipped => junit::Ending::Skipped,
        Ending::Differs(differences) => {
            let all: Vec<String> =
                differences.iter().map(|d| text::shown(d, false, language)).collect();
            let first = differences.first().map(|d| d.diagnostic.message.in_language(language));
            let message = first.unwrap_or_default();
            junit::Ending::Failed { message, text: all.join("\n\n") }
        }
    };
    Test { name: &tried.name, ending }
}
