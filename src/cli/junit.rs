//! JUnit reports, as CI systems read them.

use std::fmt::Write as _;

/// The tests of one thing.
pub(super) struct Suite<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Its tests.
    pub(super) tests: Vec<Test<'a>>,
}

/// One test.
pub(super) struct Test<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// How it ended.
    pub(super) ending: Ending,
}

/// How a test ended.
pub(super) enum Ending {
    /// Well.
    Well,
    /// Not as it says: in a line, and at length.
    Failed {
        /// In a line.
        message: String,
        /// At length.
        text: String,
    },
    /// It was left out.
    Skipped,
}

/// A whole report, as XML 1.0.
pub(super) fn report(command: &str, suites: &[Suite<'_>]) -> String {
    let tests: usize = suites.iter().map(|suite| suite.tests.len()).sum();
    let failures: usize = suites.iter().map(Suite::failures).sum();
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    // Writing to a string cannot fail.
    let _ = writeln!(
        xml,
        "<testsuites name=\"{command}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" \
         time=\"0\">"
    );
    for suite in suites {
        suite.write(&mut xml);
    }
    xml.push_str("</testsuites>\n");
    xml
}

impl Suite<'_> {
    fn failures(&self) -> usize {
        self.tests.iter().filter(|test| matches!(test.ending, Ending::Failed { .. })).count()
    }

    fn skipped(&self) -> usize {
        self.tests.iter().filter(|test| matches!(test.ending, Ending::Skipped)).count()
    }

    fn write(&self, xml: &mut String) {
        let (name, tests, failures) = (escaped(self.name), self.tests.len(), self.failures());
        let skipped = self.skipped();
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" \
             skipped=\"{skipped}\" time=\"0\">"
        );
        for test in &self.tests {
            let case = escaped(test.name);
            let _ =
                write!(xml, "    <testcase classname=\"otkel.{name}\" name=\"{case}\" time=\"0\"");
            match &test.ending {
                Ending::Well => xml.push_str("/>\n"),
                Ending::Skipped => xml.push_str("><skipped/></testcase>\n"),
                Ending::Failed { message, text } => {
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
