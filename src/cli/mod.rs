//! The command line. Only this module writes to standard output.
//!
//! Exit codes: 0 as asked; 1 something is wrong with what was looked at; 2 it could not be done.

#![allow(clippy::print_stderr, reason = "this is where people are told")]

/// Writes a line to standard output; a reader that went away is no fault.
macro_rules! say {
    ($($word:tt)*) => {{
        use std::io::Write as _;
        // A closed pipe, as behind `| head`, leaves nobody to tell.
        let _ = writeln!(std::io::stdout(), $($word)*);
    }};
}

mod block;
mod check;
mod consent;
mod demo;
mod diff;
mod explain;
mod import;
mod junit;
mod keygen;
mod mock;
mod new;
mod open;
mod paint;
mod partner;
mod pseudonym;
mod replay;
mod revision;
mod rules;
mod schema;
mod serve;
mod table;
mod test;
mod verify;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Config;
use crate::gateway::StartError;
use crate::partner::NoStart;
use crate::reason::Language;
use crate::telemetry;

/// An encrypted cross-border transfer gateway: checks, redacts, seals and records every transfer
/// of personal data before its first byte leaves.
#[derive(Debug, Parser)]
#[command(name = "otkel", version, about, arg_required_else_help = true)]
struct Arguments {
    /// What to log: a level, or a filter such as `otkel=debug`. `info` for `serve` and `partner`,
    /// else `warn`.
    #[arg(long, env = "OTKEL_LOG", global = true)]
    log: Option<String>,
    /// Log as JSON lines.
    #[arg(long, global = true)]
    log_json: bool,
    /// The language in which rules and configuration are spoken of: `kk`, `ru` or `en`.
    #[arg(long, env = "OTKEL_LANG", global = true, default_value = "en")]
    lang: Language,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the whole of it on this machine, with mock partners.
    Demo(demo::Arguments),
    /// Check the rules and run their cases.
    Check(check::Arguments),
    /// Run files of requests against the rules, with mock partners: what arrives, what is recorded.
    Test(test::Arguments),
    /// Run the gateway.
    Serve(serve::Arguments),
    /// Give, withdraw, import and show consents.
    #[command(subcommand)]
    Consent(consent::Arguments),
    /// Block transfers of a subject, to a partner or for a purpose, and lift blocks.
    #[command(subcommand)]
    Block(block::Arguments),
    /// Make keys.
    #[command(subcommand)]
    Keygen(keygen::Arguments),
    /// Print, sign and look back on sets of rules.
    #[command(subcommand)]
    Rules(rules::Arguments),
    /// Open an envelope, or a stream of them: from standard input, bodies to standard output.
    Open(open::Arguments),
    /// Run the partner's side: open what gateways send, and pass it on to an application.
    Partner(partner::Arguments),
    /// Say which value a pseudonym stands for.
    #[command(subcommand)]
    Pseudonym(pseudonym::Arguments),
    /// Say for every subject and field what happens to it, by which rule, and what would change it.
    Explain(explain::Arguments),
    /// Compare two sets of rules by effect: exit code 0 for the same, 1 for another, 2 for trouble.
    Diff(diff::Arguments),
    /// Make recorded decisions again by other rules: exit code 1 if any would be another.
    Replay(replay::Arguments),
    /// Re-derive the ledger from its stored bytes and name the first entry that is wrong.
    Verify(verify::Arguments),
    /// Write a starting partner file from a description that the partner has.
    #[command(subcommand)]
    Import(import::Arguments),
    /// Write a rule file by questions and answers.
    #[command(subcommand)]
    New(new::Arguments),
    /// Print a JSON Schema, by which editors complete and check the files.
    Schema(schema::Arguments),
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nothing is left to be told when even this cannot be written.
            let _ = error.print();
            return if error.use_stderr() { undone() } else { ExitCode::SUCCESS };
        }
    };
    let usual = match arguments.command {
        Command::Serve(_) | Command::Partner(_) => "info",
        // What a gateway warns of is what is tested.
        Command::Test(_) => "error",
        _ => "warn",
    };
    telemetry::start(arguments.log.as_deref().unwrap_or(usual), arguments.log_json);
    let language = arguments.lang;
    let result = match arguments.command {
        Command::Demo(arguments) => demo::run(arguments),
        Command::Check(command) => check::run(&command, language),
        Command::Test(arguments) => test::run(&arguments, language),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Consent(arguments) => consent::run(&arguments),
        Command::Block(arguments) => block::run(&arguments),
        Command::Keygen(arguments) => keygen::run(arguments),
        Command::Rules(arguments) => rules::run(&arguments),
        Command::Open(arguments) => open::run(&arguments),
        Command::Partner(arguments) => partner::run(&arguments),
        Command::Pseudonym(arguments) => pseudonym::run(arguments),
        Command::Explain(arguments) => explain::run(&arguments, language),
        Command::Diff(arguments) => diff::run(&arguments, language),
        Command::Replay(arguments) => replay::run(&arguments, language),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Import(arguments) => import::run(arguments),
        Command::New(arguments) => new::run(&arguments, language),
        Command::Schema(arguments) => schema::run(&arguments),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("otkel: {}", told(error.as_ref(), language));
            let mut cause = error.source();
            while let Some(deeper) = cause {
                eprintln!("  because {deeper}");
                cause = deeper.source();
            }
            undone()
        }
    }
}

/// What a command comes to.
type Outcome = Result<ExitCode, Box<dyn std::error::Error>>;

fn config(path: &Path) -> Result<Config, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
    let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let read = Config::read(&path.to_string_lossy(), &text, &folder);
    read.map_err(|wrong| StartError::Unread(wrong).into())
}

/// What went wrong, with what was found in rules and configuration in the language.
fn told(error: &(dyn std::error::Error + 'static), language: Language) -> String {
    let ours = error.downcast_ref().and_then(StartError::diagnostics);
    let theirs = || error.downcast_ref().and_then(NoStart::diagnostics);
    let found =
        ours.or_else(theirs).or_else(|| error.downcast_ref().map(mock::Unread::diagnostics));
    found.map_or_else(
        || error.to_string(),
        |(frame, found)| {
            let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
            format!("{}\n{}", frame.in_language(language), found.render(terminal, language))
        },
    )
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// Something is wrong with what was looked at.
const WRONG: ExitCode = ExitCode::FAILURE;

/// It could not be done.
fn undone() -> ExitCode {
    ExitCode::from(2)
}
