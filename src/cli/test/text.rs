//! What came of files, for people: a line a step, and below it what differs.

use super::{File, Report, Verdict, why};
use crate::cli::check::text::with_lines;
use crate::diagnostic::{Text, text};
use crate::reason::Language;
use crate::testkit::{Difference, Ending, Tried};

/// What came of a file, without its last line break.
pub(super) fn file(file: &File, terminal: bool, language: Language) -> String {
    match &file.result {
        Ok(tried) => {
            let steps: Vec<String> =
                tried.iter().map(|tried| step(&file.name, tried, terminal, language)).collect();
            steps.join("\n")
        }
        Err(error) => {
            let head = text!("`{}` cannot be run", file.name).in_language(language);
            format!("{head}\n{}\n", why(error, terminal, language))
        }
    }
}

fn step(file: &str, tried: &Tried, terminal: bool, language: Language) -> String {
    let words = ["ok", "differs", "skipped"].map(|word| Text::from(word).in_language(language));
    let width = words.iter().map(|word| word.chars().count()).max().unwrap_or_default();
    let [well, differs, skipped] = &words;
    let label = match &tried.ending {
        Ending::Well => well,
        Ending::Differs(_) => differs,
        Ending::Skipped => skipped,
    };
    let mut shown = format!("{label:width$}  {file}: {}", tried.name);
    if let Ending::Differs(differences) = &tried.ending {
        for difference in differences {
            shown.push_str("\n\n");
            shown.push_str(&self::shown(difference, terminal, language));
        }
        shown.push('\n');
    }
    shown
}

/// A difference with the lines around it.
pub(super) fn shown(difference: &Difference, terminal: bool, language: Language) -> String {
    with_lines(difference.diagnostic.render(terminal, language), &difference.lines)
}

/// What it all comes to.
pub(super) fn summary(report: &Report, language: Language) -> String {
    let counts = text!(
        "files: {}, not run: {}; steps: {}, differing: {}, skipped: {}",
        report.files.len(),
        report.unrunnable(),
        report.steps().count(),
        report.differing(),
        report.skipped()
    );
    let mut lines = vec![counts];
    if report.verdict() == Verdict::Unrunnable && report.unrunnable() == 0 {
        lines.push("no step was run: look at `--filter`".into());
    }
    let lines: Vec<String> = lines.iter().map(|line| line.in_language(language)).collect();
    lines.join("\n")
}
