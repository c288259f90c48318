//! `otkel new`.

mod desk;
mod draft;
mod interview;
mod question;
mod sample;

use std::fs::{self, OpenOptions};
use std::io::{self, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use desk::Desk;
use draft::Draft;

use super::Outcome;
use crate::gateway::{StartError, SystemClock, rule_files};
use crate::policy::Policy;
use crate::reason::Language;
use crate::time::Clock as _;

/// The arguments of `otkel new`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Arguments {
    /// Ask for all that a partner's file says, and write `partners/<id>.toml`.
    ///
    /// The questions come on standard error and the answers from standard input, a line each. An
    /// empty line takes what stands in brackets. At the end of input nothing is written.
    Partner {
        /// The folder of rule files.
        #[arg(default_value = "policies")]
        dir: PathBuf,
    },
}

pub(super) fn run(arguments: &Arguments, language: Language) -> Outcome {
    let Arguments::Partner { dir } = arguments;
    let files = rule_files(dir)?;
    let now = SystemClock.now();
    let (policy, _) = Policy::read(&files, now).map_err(StartError::Rules)?;
    let input = BufReader::new(io::stdin().lock());
    let mut desk = Desk::new(input, files, now, language);
    let draft = interview::partner(&mut desk, &policy.register)?;
    let path = dir.join(draft.path());
    write(&path, &draft).map_err(|why| format!("`{}` is not written: {why}", path.display()))?;
    say!("written: {}", path.display());
    Ok(ExitCode::SUCCESS)
}

// Whatever may have come there meanwhile stays.
fn write(path: &Path, draft: &Draft) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(draft.toml().as_bytes())
}
