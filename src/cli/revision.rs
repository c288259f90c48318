//! Rules as people name them: a folder, or a revision of a git repository.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::diagnostic::Diagnostics;
use crate::gateway::{StartError, read_rules};
use crate::policy::Policy;
use crate::time::Timestamp;

type Failed = Box<dyn std::error::Error>;

/// Reads the rules that a name stands for: a folder if there is one, else `REVISION:FOLDER` of the
/// repository around, where `REVISION` alone is its `policies`.
///
/// # Errors
/// Neither of them is there, or the rules do not load.
pub(super) fn read(name: &str, now: Timestamp) -> Result<(Policy, Diagnostics), Failed> {
    if Path::new(name).is_dir() {
        return Ok(read_rules(Path::new(name), now)?);
    }
    let tree = match name.split_once(':') {
        Some(_) => name.to_owned(),
        None => format!("{name}:./policies"),
    };
    let files = files(&tree).map_err(|why| {
        format!("`{name}` is neither a folder nor a git revision with rules: {why}")
    })?;
    Ok(Policy::read(&files, now).map_err(StartError::Rules)?)
}

/// The files of a folder in a revision, by their paths below it; those that begin with a dot stay.
fn files(tree: &str) -> Result<BTreeMap<String, Vec<u8>>, Failed> {
    if tree.starts_with('-') {
        return Err("a revision does not begin with `-`".into());
    }
    let listed = git(["ls-tree", "-rz", "--full-tree", tree])?;
    let mut blobs = Vec::new();
    for line in listed.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
        let line = str::from_utf8(line)?;
        let (about, path) = line.split_once('\t').ok_or("git said what is not understood")?;
        let mut about = about.split(' ').skip(1);
        let is_file = about.next() == Some("blob");
        let id = about.next().unwrap_or_default();
        if is_file && !path.split('/').any(|part| part.starts_with('.')) {
            blobs.push((path.to_owned(), id.to_owned()));
        }
    }
    contents(blobs)
}

fn git(arguments: [&str; 4]) -> Result<Vec<u8>, Failed> {
    let done = Command::new("git").args(arguments).stdin(Stdio::null()).output().map_err(absent)?;
    if done.status.success() {
        return Ok(done.stdout);
    }
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    Err(said.lines().next().unwrap_or("git failed").to_owned().into())
}

/// The bytes of blobs, all asked of one process.
fn contents(blobs: Vec<(String, String)>) -> Result<BTreeMap<String, Vec<u8>>, Failed> {
    let mut git = Command::new("git")
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(absent)?;
    let (asks, answers) =
        git.stdin.take().zip(git.stdout.take()).ok_or("git takes no questions")?;
    let ids: String = blobs.iter().flat_map(|(_, id)| [id.as_str(), "\n"]).collect();
    // Beside the reading: git stops to listen while nobody takes its answers.
    let asking = std::thread::spawn(move || { asks }.write_all(ids.as_bytes()));
    let mut answers = BufReader::new(answers);
    let mut files = BTreeMap::new();
    for (path, id) in blobs {
        files.insert(path, content(&mut answers, &id)?);
    }
    asking.join().map_err(|_| "git was not asked")??;
    git.wait()?;
    Ok(files)
}

// `ID blob LENGTH`, a line feed, the bytes, a line feed.
fn content(answers: &mut impl io::BufRead, id: &str) -> Result<Vec<u8>, Failed> {
    let mut head = String::new();
    answers.read_line(&mut head)?;
    let length = head.strip_prefix(id).and_then(|rest| rest.trim_end().strip_prefix(" blob "));
    let length: u64 = length.ok_or("git does not have a file of it")?.parse()?;
    let mut bytes = Vec::new();
    answers.by_ref().take(length.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.pop() {
        Some(b'\n') if u64::try_from(bytes.len())? == length => Ok(bytes),
        _ => Err("git ended within a file".into()),
    }
}

fn absent(error: io::Error) -> Failed {
    match error.kind() {
        io::ErrorKind::NotFound => "the program `git` is not there".into(),
        _ => error.into(),
    }
}
