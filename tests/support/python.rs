//! Python with libraries that we did not write, from the environment that `tests/run` makes.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Runs a script of `tests/` to its end.
pub(crate) fn python(script: &str, arguments: &[&OsStr], input: Stdio) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let venv = || root.join("target/venv/bin/python");
    let program = std::env::var_os("OTKEL_PYTHON").map_or_else(venv, PathBuf::from);
    let mut command = Command::new(&program);
    command.arg(root.join("tests").join(script)).args(arguments).stdin(input);
    let ran = command.output();
    let done =
        ran.unwrap_or_else(|why| panic!("{} does not run: {why}. {CURE}", program.display()));
    let missing = String::from_utf8_lossy(&done.stderr).contains("ModuleNotFoundError");
    assert!(!missing, "{} lacks a library. {CURE}", program.display());
    done
}

const CURE: &str = "Run tests/run, which installs it in target/venv, or name a Python with \
                    `cryptography` 47 or later, `http-message-signatures`, `joserfc`, \
                    `rfc8785`, `jsonschema`, `requests` and \
                    `zeep` in OTKEL_PYTHON";
