//! Every broken edit of `broken.txt` is told as it says there.

use std::collections::BTreeSet;

use otkel::diagnostic::Diagnostics;
use otkel::reason::Language;

use super::{edited, found, root};

#[test]
fn every_broken_edit_is_told_with_its_place_and_cure() {
    let mut count = 0;
    for (file, from, to, told) in broken() {
        let found = found(&edited(&file, &from, &to));
        let mut lines = Vec::new();
        for diagnostic in found.iter() {
            lines.push(diagnostic.to_string());
            lines.push(format!("  help: {}", diagnostic.help));
        }
        assert_eq!(lines, told, "{from}\n=>\n{to}");
        shows_its_places(&found);
        count += 1;
    }
    assert!(count > 150, "{count} cases were read");
}

#[test]
fn what_is_told_of_a_broken_edit_is_told_in_every_language() {
    let mut untold = BTreeSet::new();
    for (file, from, to, _) in broken() {
        let found = found(&edited(&file, &from, &to));
        let texts = found.iter().flat_map(|found| [&found.message, &found.help]);
        untold.extend(texts.filter(|text| !text.is_translated()).map(ToString::to_string));
    }
    assert!(untold.is_empty(), "{untold:#?}");
}

/// The broken edits: a file, what is replaced in it, by what, and what is told of it.
fn broken() -> Vec<(String, String, String, Vec<String>)> {
    let cases = std::fs::read_to_string(root().join("tests/policies/broken.txt")).unwrap();
    let read = |case: &str| {
        let (file, rest) = case.split_once('\n').unwrap();
        let part = |mark: &str| {
            let lines = rest.lines().filter_map(|line| line.strip_prefix(mark));
            lines.collect::<Vec<_>>().join("\n")
        };
        let is_told = |line: &&str| !line.is_empty() && !line.starts_with(['-', '+']);
        let told = rest.lines().filter(is_told).map(ToOwned::to_owned).collect();
        (file.to_owned(), part("- "), part("+ "), told)
    };
    cases.split("\n@ ").skip(1).map(read).collect()
}

// The place that is shown is the place that is counted.
pub(crate) fn shows_its_places(found: &Diagnostics) {
    for diagnostic in found.iter() {
        let (line, column) = diagnostic.source.line_and_column(diagnostic.span.start);
        let shown = format!("--> {}:{line}:{column}\n", diagnostic.source.name);
        let rendered = diagnostic.render(false, Language::En);
        let untold = diagnostic.source.text.is_empty();
        assert!(rendered.contains(&shown) || untold, "{shown}{rendered}");
    }
}
