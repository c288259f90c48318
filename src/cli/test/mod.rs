//! `otkel test`: files of steps, each run on a gateway of its own with mock partners.

mod json;
mod junit;
mod text;

use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{Outcome, WRONG, runtime, undone};
use crate::diagnostic::Diagnostics;
use crate::reason::Language;
use crate::testkit::{self, Ending, Script, Tried, Unrun};

/// The arguments of `otkel test`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 all came as the files say; 1 something differs; 2 a file \
    cannot be run, or no step was.")]
pub(super) struct Arguments {
    /// Files, or folders whose `*.test.toml` are taken, those below too.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// Write a JUnit report too, as CI systems read it.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Send only the requests of steps with this text in `FILE: STEP`; other steps are done.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Write what came of one file as a new file, whose steps then say so. Steps of the first need
    /// not say what comes of them.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, language: Language) -> Outcome {
    let files = files(&arguments.files)?;
    if arguments.record.is_some() && files.len() != 1 {
        return Err("`--record` takes one file: name it alone".into());
    }
    let runtime = runtime()?;
    let mut report = Report { files: Vec::new() };
    for path in files {
        let file = runtime.block_on(try_file(arguments, &path))?;
        if !arguments.json {
            let terminal = std::io::stdout().is_terminal();
            if let Some(file) = &file {
                say!("{}", text::file(file, terminal, language));
            }
        }
        report.files.extend(file);
    }
    if let Some(path) = &arguments.junit {
        fs::write(path, junit::report(&report, language))
            .map_err(|error| format!("`{}` cannot be written: {error}", path.display()))?;
    }
    if arguments.json {
        say!("{}", json::report(&report, language));
    } else {
        say!("{}", text::summary(&report, language));
    }
    Ok(match report.verdict() {
        Verdict::Good => ExitCode::SUCCESS,
        Verdict::Wrong => WRONG,
        Verdict::Unrunnable => undone(),
    })
}

/// What came of all files.
struct Report {
    files: Vec<File>,
}

/// What came of a file.
struct File {
    /// Its name, as it was given.
    name: String,
    /// Its steps, or why it was not run.
    result: Result<Vec<Tried>, Unrun>,
}

/// What a run of files comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// All came as the files say.
    Good,
    /// Something differs.
    Wrong,
    /// A file cannot be run, or nothing was.
    Unrunnable,
}

impl Report {
    fn steps(&self) -> impl Iterator<Item = &Tried> {
        self.files.iter().filter_map(|file| file.result.as_ref().ok()).flatten()
    }

    fn count(&self, is_it: impl Fn(&Ending) -> bool) -> usize {
        self.steps().filter(|tried| is_it(&tried.ending)).count()
    }

    fn differing(&self) -> usize {
        self.count(|ending| matches!(ending, Ending::Differs(_)))
    }

    fn skipped(&self) -> usize {
        self.count(|ending| matches!(ending, Ending::Skipped))
    }

    fn unrunnable(&self) -> usize {
        self.files.iter().filter(|file| file.result.is_err()).count()
    }

    fn verdict(&self) -> Verdict {
        if self.unrunnable() > 0 || self.count(|ending| !matches!(ending, Ending::Skipped)) == 0 {
            Verdict::Unrunnable
        } else if self.differing() > 0 {
            Verdict::Wrong
        } else {
            Verdict::Good
        }
    }
}

/// Runs a file; `None` where the filter takes none of its steps.
async fn try_file(
    arguments: &Arguments,
    path: &Path,
) -> Result<Option<File>, Box<dyn std::error::Error>> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path)
        .map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let script = match Script::read(&name, &text, folder, arguments.record.is_some()) {
        Ok(script) => script,
        Err(found) => return Ok(Some(unread(name, found))),
    };
    let label = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let filter = arguments.filter.as_deref().unwrap_or_default();
    let wanted = |step: &str| format!("{label}: {step}").contains(filter);
    if !script.steps().any(wanted) {
        return Ok(None);
    }
    let run = testkit::run(&script, &wanted, arguments.record.as_deref()).await;
    Ok(Some(File { name, result: run.map(|run| run.tried) }))
}

/// Why a file was not run.
fn why(error: &Unrun, terminal: bool, language: Language) -> String {
    let error = match error {
        Unrun::File(found) => return found.render(terminal, language),
        Unrun::Gateway(error) => error,
    };
    if let Some((frame, found)) = error.diagnostics() {
        return format!("{}\n{}", frame.in_language(language), found.render(terminal, language));
    }
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause {
        words.extend(["\n  because ", &deeper.to_string()]);
        cause = deeper.source();
    }
    words
}

/// What is wrong in a file, or in its rules.
fn found(error: &Unrun) -> Option<&Diagnostics> {
    match error {
        Unrun::File(found) => Some(found),
        Unrun::Gateway(error) => error.diagnostics().map(|(_, found)| found),
    }
}

fn unread(name: String, found: Diagnostics) -> File {
    File { name, result: Err(found.into()) }
}

/// The files to run: those named, and those in folders in the order of their names.
fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        below(path, &mut files)
            .map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
        if files.len() == before {
            return Err(format!("there is no `*.test.toml` below `{}`", path.display()));
        }
    }
    Ok(files)
}

fn below(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let entries: std::io::Result<Vec<_>> = fs::read_dir(folder)?.collect();
    let mut paths: Vec<PathBuf> = entries?.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            below(&path, files)?;
        } else if path.to_string_lossy().ends_with(SUFFIX) {
            files.push(path);
        }
    }
    Ok(())
}

const SUFFIX: &str = ".test.toml";
