//! The files of a set of rules: read whole, and only when nobody is writing them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::signature;

/// The files of a set of rules.
#[derive(Debug)]
pub struct Files {
    /// How the folder looked while they were read.
    pub look: Look,
    /// The bytes of each rule file by its path below the folder.
    pub rules: BTreeMap<String, Vec<u8>>,
    /// Those of the files below `signatures/`.
    pub signatures: BTreeMap<String, Vec<u8>>,
}

/// Reads the files below a folder, all of one moment.
///
/// Names that begin with a dot are passed over; links are followed.
///
/// # Errors
/// A file or folder that cannot be read, or a folder that somebody is writing to.
pub fn read(folder: &Path) -> Result<Files, io::Error> {
    let mut before = look(folder)?;
    for _ in 0..TRIES {
        let (mut rules, mut signatures) = (BTreeMap::new(), BTreeMap::new());
        for path in before.0.keys() {
            let bytes = fs::read(folder.join(path)).map_err(|error| named(path, &error))?;
            let is_signature = path.starts_with(signature::FOLDER);
            let kind = if is_signature { &mut signatures } else { &mut rules };
            kind.insert(path.clone(), bytes);
        }
        let after = look(folder)?;
        if before == after {
            return Ok(Files { look: after, rules, signatures });
        }
        before = after;
    }
    Err(io::Error::other("the files change while they are read: wait until they are written"))
}

/// What the files below a folder look like from outside: two looks are equal where nothing changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look(BTreeMap<String, Facts>);

/// A file's length in bytes, and when its content and its entry changed (seconds, nanoseconds).
type Facts = (u64, (i64, i64), (i64, i64));

/// Looks at the files below a folder.
///
/// # Errors
/// A file or folder that cannot be looked at.
pub fn look(folder: &Path) -> Result<Look, io::Error> {
    let mut look = Look(BTreeMap::new());
    below(folder, "", DEPTH_MAX, &mut look)?;
    Ok(look)
}

fn below(folder: &Path, parents: &str, depth: usize, look: &mut Look) -> Result<(), io::Error> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{parents}{name}");
        let facts = fs::metadata(entry.path()).map_err(|error| named(&path, &error))?;
        if !facts.is_dir() {
            let changed = (facts.mtime(), facts.mtime_nsec());
            look.0.insert(path, (facts.len(), changed, (facts.ctime(), facts.ctime_nsec())));
        } else if depth == 0 {
            return Err(io::Error::other("folders lie too deep inside each other"));
        } else {
            below(&entry.path(), &format!("{path}/"), depth - 1, look)?;
        }
    }
    Ok(())
}

fn named(path: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{path}`: {error}"))
}

const TRIES: usize = 3;
const DEPTH_MAX: usize = 8;
