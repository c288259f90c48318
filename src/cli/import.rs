//! `otkel import`.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::Outcome;
use crate::document::FieldPath;
use crate::openapi::{self, BYTES_MAX, Wishes};
use crate::vocabulary::{Name, PurposeId};

/// The arguments of `otkel import`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Arguments {
    /// Print a starting partner file, from an OpenAPI document (3.0, 3.1; Swagger 2.0).
    ///
    /// It does not load as it is: every guess is to be confirmed, and every `""` to be filled in.
    Openapi {
        /// The document, in JSON or YAML, or `-` for standard input.
        file: PathBuf,
        /// The partner's name, as its rule file will be called.
        #[arg(long, value_name = "ID", value_parser = partner)]
        name: Option<Name>,
        /// The purposes that the routes serve.
        #[arg(long, value_name = "P", num_args = 1.., value_parser = PurposeId::parse)]
        purpose: Vec<PurposeId>,
        /// The path, from the root, of the value that says whose a record is:
        /// `$.learners[*].iin`.
        #[arg(long, value_name = "PATH", value_parser = FieldPath::parse)]
        subject: Vec<FieldPath>,
    },
}

pub(super) fn run(arguments: Arguments) -> Outcome {
    let Arguments::Openapi { file, name, purpose, subject } = arguments;
    let document =
        read(&file).map_err(|error| format!("`{}` cannot be read: {error}", file.display()))?;
    let wishes = Wishes { name, purposes: purpose, subjects: subject };
    let written = openapi::import(&document, &wishes)
        .map_err(|why| format!("`{}` is not imported: {why}", file.display()))?;
    say!("{}", written.trim_end());
    Ok(ExitCode::SUCCESS)
}

fn partner(text: &str) -> Result<Name, String> {
    match Name::parse(text) {
        Ok(name) if !text.contains('.') => Ok(name),
        Ok(_) => Err("a partner's name has no dot".to_owned()),
        Err(bad) => Err(bad.to_string()),
    }
}

// One byte more than is taken tells that there are too many.
fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    if file == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
    } else {
        std::fs::File::open(file)?.take(limit).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
