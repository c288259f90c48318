//! What a check found, as a JUnit report: a suite for the rules and one for each partner.

use std::fmt::Write as _;

use super::{Report, Verdict, text};
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
    let tests: usize = suites.iter().map(|suite| suite.tests.len()).sum();
    let failures: usize = suites.iter().map(Suite::failures).sum();
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    // Writing to a string cannot fail.
    let _ = writeln!(
        xml,
        "<testsuites name=\"otkel check\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" \
         time=\"0\">"
    );
    for suite in &suites {
        suite.write(&mut xml);
    }
    xml.push_str("</testsuites>\n");
    xml
}

/// The tests of the rules or of a partner.
struct Suite<'a> {
    name: &'a str,
    tests: Vec<Test<'a>>,
}

/// A test: a case, or that the rules load.
struct Test<'a> {
    name: &'a str,
    failure: Option<Failure>,
}

/// Why a test failed: in a line, and at length.
struct Failure {
    message: String,
    text: String,
}

impl Suite<'_> {
    fn failures(&self) -> usize {
        self.tests.iter().filter(|test| test.failure.is_some()).count()
    }

    fn write(&self, xml: &mut String) {
        let (name, tests, failures) = (escaped(self.name), self.tests.len(), self.failures());
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" \
             skipped=\"0\" time=\"0\">"
        );
        for test in &self.tests {
            let case = escaped(test.name);
            let _ =
                write!(xml, "    <testcase classname=\"otkel.{name}\" name=\"{case}\" time=\"0\"");
            match &test.failure {
                None => xml.push_str("/>\n"),
                Some(Failure { message, text }) => {
                    let (message, text) = (escaped(message), escaped(text));
                    let _ = writeln!(
                        xml,
                        ">\n      <failure message=\"{message}\">{text}</failure>\n    </testcase>"
                    );
                }
            }
        }
        xml.push_str("  </testsuite>\n");
    }
}

/// That the rules load, and that they have the cases they need.
fn rules(report: &Report<'_>, language: Language) -> Vec<Test<'static>> {
    let counts = |found: &&Diagnostic| found.severity == Severity::Error || report.warnings_denied;
    let failing: Vec<&Diagnostic> = report.found.iter().filter(counts).collect();
    let failure = failing.first().map(|first| {
        let texts: Vec<String> = failing.iter().map(|d| d.render(false, language)).collect();
        Failure { message: first.message.in_language(language), text: texts.join("\n\n") }
    });
    if report.outcome == Verdict::Unloadable {
        return vec![Test { name: "load", failure }];
    }
    vec![Test { name: "load", failure: None }, Test { name: "lint", failure }]
}

fn case<'a>(trial: &'a Trial<'_>, language: Language) -> Test<'a> {
    let failure = trial.differences.first().map(|first| {
        let shown = trial.differences.iter().map(|d| text::shown(d, false, language));
        let shown: Vec<String> = shown.collect();
        let text = shown.join("\n\n") + &text::reasons(trial, language);
        Failure { message: first.diagnostic.message.in_language(language), text }
    });
    Test { name: &trial.case.name, failure }
}

// XML 1.0 section 2.2: most control characters cannot stand in it, not even as a reference.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_taken_for_xml() {
        assert_eq!(escaped("a<b>&\"c\"'"), "a&lt;b&gt;&amp;&quot;c&quot;'");
        assert_eq!(escaped("\u{0}\u{1b}[0m\u{ffff}\u{7f}"), "\u{fffd}\u{fffd}[0m\u{fffd}\u{fffd}");
        assert_eq!(escaped("қала\n\t]]>"), "қала\n\t]]&gt;");
    }
}
