//! Rule files to a [`Policy`]: everything that is wrong in them is found in one reading.
//!
//! The language is described in `policies/README.md`. A function that reads gives `None` where it
//! reported an error; an entry that may be absent is an `Option` within that.
#![expect(clippy::option_option, reason = "wrong, absent and present are three things")]

mod agreement;
mod answer;
mod border;
mod candidate;
mod case;
mod consent;
mod entry;
mod envelope;
mod fields;
mod format;
mod law;
mod partner;
mod party;
mod purpose;
mod reach;
mod register;
mod request;
mod route;
mod table;
mod treatment;
mod way;
mod web;
mod word;

pub(crate) use web::{is_host, url_path};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use self::register::Parts;
use super::index::Index;
use crate::diagnostic::{Diagnostics, Source, text};
use crate::policy::{Partner, Policy};
use crate::time::Timestamp;
use crate::vocabulary::Name;

impl Policy {
    /// Reads a folder of rules: `register.toml`, `partners/<id>.toml`, `notices/<version>.txt`.
    ///
    /// The files come as bytes by their path below the folder, with `/` between its parts. Files
    /// below `cases/` are only counted in; a `README.md` and files below `signatures/`, which sign
    /// all the others, are passed over. `now` only decides whether periods are warned of as over:
    /// what comes out does not depend on it. With the policy come the warnings.
    ///
    /// # Errors
    /// All errors of all files, and the warnings, in the order of the files and places.
    pub fn read(
        files: &BTreeMap<String, Vec<u8>>,
        now: Timestamp,
    ) -> Result<(Self, Diagnostics), Diagnostics> {
        let mut found = Diagnostics::new();
        let folder = Folder::sort(files, &mut found);
        let register = folder.register(now, &mut found);
        let partners = folder.partners(&register, now, &mut found);
        found.sort();
        let (false, Some(register)) = (found.has_errors(), register.whole()) else {
            return Err(found);
        };
        let bytes: BTreeMap<String, Arc<[u8]>> = files
            .iter()
            .filter(|(path, _)| !is_beside(path))
            .map(|(path, bytes)| (path.clone(), bytes.as_slice().into()))
            .collect();
        let files = bytes.iter().map(|(path, bytes)| (path.clone(), sha256(bytes))).collect();
        let digest = sha256(manifest(&files).as_bytes());
        let sources = folder.sources();
        let index = Index::of(&partners);
        Ok((Self { register, partners, files, bytes, sources, digest, index }, found))
    }
}

/// The files of a folder by what they are.
#[derive(Default)]
struct Folder<'f> {
    register: Option<Arc<Source>>,
    partners: BTreeMap<Name, Arc<Source>>,
    // Those that have a file, even one that cannot be read.
    names: BTreeSet<Name>,
    notices: BTreeMap<&'f str, &'f [u8]>,
    cases: BTreeMap<&'f str, &'f [u8]>,
}

impl<'f> Folder<'f> {
    fn sort(files: &'f BTreeMap<String, Vec<u8>>, found: &mut Diagnostics) -> Self {
        let mut folder = Self::default();
        for (path, bytes) in files {
            if is_beside(path) {
                continue;
            }
            if path == REGISTER {
                folder.register = text(path, bytes, found);
            } else if let Some(version) = stem(path, "notices/", ".txt") {
                folder.notices.insert(version, bytes);
            } else if let Some(id) = stem(path, "partners/", ".toml") {
                folder.partner(path, id, bytes, found);
            } else if is_case(path) {
                folder.cases.insert(path, bytes);
            } else {
                let help = "the folder holds `register.toml`, `partners/<id>.toml`, \
                    `notices/<version>.txt`, `cases/…/<name>.json` (or `.xml`, `.csv`, …), \
                    `signatures/<name>.sig` and `README.md`; remove or rename the file";
                found.error(&Source::new(path, ""), 0..0, "not a rule file", help);
            }
        }
        folder
    }

    /// The texts that places are lines of, by path.
    fn sources(self) -> BTreeMap<String, Arc<Source>> {
        let all = self.register.into_iter().chain(self.partners.into_values());
        all.map(|source| (source.name.clone(), source)).collect()
    }

    fn partner(&mut self, path: &str, id: &str, bytes: &[u8], found: &mut Diagnostics) {
        match Name::parse(id) {
            Ok(name) if !id.contains('.') => {
                self.names.insert(name.clone());
                self.partners.extend(text(path, bytes, found).map(|source| (name, source)));
            }
            _ => {
                let help = "name it by 1 to 64 of a-z, 0-9, `-` and `_`, a letter or digit first";
                found.error(&Source::new(path, ""), 0..0, "the file's name is no partner's", help);
            }
        }
    }

    fn register(&self, now: Timestamp, found: &mut Diagnostics) -> Parts {
        let Some(source) = &self.register else {
            if !found.iter().any(|found| found.source.name == REGISTER) {
                let help =
                    "write it: controller, responsible person, categories, purposes, notices";
                found.error(&Source::new(REGISTER, ""), 0..0, "there is no register", help);
            }
            return Parts::default();
        };
        let texts: BTreeMap<&str, String> =
            self.notices.iter().map(|(version, bytes)| (*version, sha256(bytes))).collect();
        let around = register::Surroundings { texts: &texts, partners: &self.names, now };
        let mut register = Parts::default();
        table::read_file(source, found, |table| {
            register = register::read(table, &around);
            Some(())
        });
        for version in register.unlisted(&texts) {
            let source = Source::new(format!("notices/{version}.txt"), "");
            let help = text!(
                "list it in `register.toml` as `[notice.{}]`, or remove it",
                format!("{version:?}")
            );
            found.error(&source, 0..0, "the register lists no such notice", help);
        }
        register
    }

    fn partners(
        &self,
        register: &Parts,
        now: Timestamp,
        found: &mut Diagnostics,
    ) -> BTreeMap<Name, Arc<Partner>> {
        let taken = way::Taken::default();
        let (names, cases) = (&self.names, &self.cases);
        let mut around = partner::Surroundings { register, now, taken, names, cases };
        let read = self.partners.iter().filter_map(|(name, source)| {
            let read = |table: &mut table::Table<'_>| partner::read(name, table, &mut around);
            let partner = table::read_file(source, found, read)?;
            Some((name.clone(), Arc::new(partner)))
        });
        read.collect()
    }
}

// What lies beside the rules and is none: no part of the digest.
fn is_beside(path: &str) -> bool {
    path == README || stem(path, "signatures/", ".sig").is_some_and(|id| Name::parse(id).is_ok())
}

// A document of a case.
fn is_case(path: &str) -> bool {
    let ending = path.rsplit_once('.').map(|(_, ending)| ending);
    path.starts_with("cases/") && ending.is_some_and(|ending| CASE_ENDINGS.contains(&ending))
}

fn stem<'p>(path: &'p str, folder: &str, ending: &str) -> Option<&'p str> {
    let stem = path.strip_prefix(folder)?.strip_suffix(ending)?;
    (!stem.is_empty() && !stem.contains('/')).then_some(stem)
}

fn text(path: &str, bytes: &[u8], found: &mut Diagnostics) -> Option<Arc<Source>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(Source::new(path, text)),
        Err(bad) => {
            let valid = bytes.get(..bad.valid_up_to()).unwrap_or_default();
            let source = Source::new(path, String::from_utf8_lossy(valid));
            let end = valid.len();
            found.error(&source, end..end, "not UTF-8 from here on", "save the file as UTF-8");
            None
        }
    }
}

/// The list of a set's files that its digest is made of: as `sha256sum` writes it, so that it can
/// check them. Digest, two blanks, path.
#[must_use]
pub fn manifest(files: &BTreeMap<String, String>) -> String {
    let mut lines = String::new();
    for (path, sha256) in files {
        let _ = writeln!(lines, "{sha256}  {path}");
    }
    lines
}

fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

const CASE_ENDINGS: [&str; 10] =
    ["json", "ndjson", "xml", "csv", "txt", "form", "multipart", "pdf", "png", "jpeg"];
const REGISTER: &str = "register.toml";
const README: &str = "README.md";
