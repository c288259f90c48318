//! What the record must hold, held against what it does hold.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use otkel::ledger::checkpoint::PublicKey;
use otkel::ledger::verify::Report;
use otkel::store::audit::audit;
use otkel::store::sqlite;
use rusqlite::Connection;
use serde_json::Value;
use uuid::Uuid;

use crate::serve::{STORE, Seen, Stage};

/// What callers and officers were told. The record must hold it from then on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Decisions that were answered with success, each with the people whose data went.
    pub(crate) carried: HashMap<String, Vec<u64>>,
    /// Decisions that were answered with a refusal by the rules.
    pub(crate) refused: BTreeSet<String>,
    /// The last event of each record that was acknowledged: its position and state.
    pub(crate) records: HashMap<Uuid, (u64, &'static str)>,
}

/// What a store holds, read from its tables without the program.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) size: u64,
    /// By disclosure id: position and SHA-256 of the envelope.
    disclosures: HashMap<String, (u64, String)>,
    /// By disclosure id.
    outcomes: BTreeSet<String>,
    refusals: BTreeSet<String>,
    /// By position: record and state.
    events: BTreeMap<u64, (Uuid, String)>,
    /// The position that each record names.
    rows: HashMap<Uuid, u64>,
}

impl Record {
    pub(crate) fn read(store: &Path) -> Self {
        let connection = Connection::open(store).unwrap();
        let mut record = Self::default();
        let mut entries =
            connection.prepare("SELECT seq, bytes FROM entries ORDER BY seq").unwrap();
        let mut rows = entries.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let (seq, bytes): (u32, Vec<u8>) = (row.get(0).unwrap(), row.get(1).unwrap());
            assert_eq!(u64::from(seq), record.size, "a gap");
            record.take(u64::from(seq), &serde_json::from_slice(&bytes).unwrap());
            record.size += 1;
        }
        let mut records = connection.prepare("SELECT record, seq FROM records").unwrap();
        let records = records
            .query_map([], |row| Ok((Uuid::from_bytes(row.get(0)?), row.get::<_, u32>(1)?.into())));
        record.rows = records.unwrap().map(Result::unwrap).collect();
        record
    }

    fn take(&mut self, seq: u64, entry: &Value) {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        match entry["type"].as_str().unwrap() {
            "disclosure" => {
                let sealed = (seq, text(&entry["payload"]["sha256"]));
                self.disclosures.insert(text(&entry["did"]), sealed);
            }
            "outcome" => assert!(self.outcomes.insert(text(&entry["did"])), "settled twice"),
            "refusal" => drop(self.refusals.insert(text(&entry["did"]))),
            "consent" | "block" => {
                let record = entry["record"].as_str().unwrap().parse().unwrap();
                self.events.insert(seq, (record, text(&entry["state"])));
            }
            _ => {}
        }
    }

    /// Disclosures without an outcome.
    pub(crate) fn unfinished(&self) -> BTreeSet<String> {
        let open = self.disclosures.keys().filter(|did| !self.outcomes.contains(*did));
        open.cloned().collect()
    }

    /// Holds what others were told and got against the record.
    pub(crate) fn bears_out(&self, told: &Told, seen: &Seen) {
        for did in &seen.begun {
            assert!(self.disclosures.contains_key(did), "bytes of {did} left unrecorded");
        }
        for (did, sha256) in &seen.whole {
            assert_eq!(&self.disclosures[did].1, sha256, "another envelope was recorded");
        }
        for (did, people) in &told.carried {
            assert!(self.disclosures.contains_key(did), "{did} was answered, and is lost");
            assert!(self.outcomes.contains(did), "{did} was answered, and has no outcome");
            self.no_withdrawal_before(did, people);
        }
        for did in &told.refused {
            assert!(self.refusals.contains(did), "refusal {did} was answered, and is lost");
        }
        for (record, (seq, state)) in &told.records {
            let event = (*record, (*state).to_owned());
            assert_eq!(
                self.events.get(seq),
                Some(&event),
                "an event was acknowledged, and is lost"
            );
            assert!(self.rows[record] >= *seq, "the record is older than its event");
        }
    }

    fn no_withdrawal_before(&self, did: &str, people: &[u64]) {
        let (disclosed, _) = self.disclosures[did];
        let before = self.events.range(..disclosed);
        let withdrawn: Vec<Uuid> = before
            .filter(|(_, (_, state))| state == "ConsentWithdrawn")
            .map(|(_, e)| e.0)
            .collect();
        for person in people {
            let record = Stage::record(*person);
            assert!(!withdrawn.contains(&record), "{did} left after a withdrawal");
        }
    }
}

/// What has come out of a gateway up to a moment.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    told: Told,
    seen: Seen,
    published: Option<String>,
}

impl Moment {
    /// This moment. What others were told is taken first, so a store read later must hold it.
    pub(crate) fn now(stage: &Stage, told: Told) -> Self {
        Self::of(stage, told, stage.partner.seen())
    }

    /// What others were told and got, with the checkpoint that is published now.
    pub(crate) fn of(stage: &Stage, told: Told, seen: Seen) -> Self {
        Self { told, seen, published: fs::read_to_string(stage.checkpoint()).ok() }
    }
}

/// Checks all promises on the stage's store, which is not touched, and gives what it holds.
pub(crate) fn check(stage: &Stage, told: &Told) -> Record {
    check_in(stage, &stage.world.folder, &Moment::now(stage, told.clone()))
}

/// Checks all promises of a moment on a copy of the store that lies in a folder as in a world.
pub(crate) fn check_in(stage: &Stage, world: &Path, moment: &Moment) -> Record {
    let copy = copy(stage, world);
    let report = sound(stage, &copy, moment.published.as_deref());
    let record = Record::read(&copy);
    assert_eq!(report.size, record.size);
    let open: BTreeSet<String> = report.open.iter().map(|open| open.did.to_string()).collect();
    assert_eq!(open, record.unfinished(), "open disclosures");
    record.bears_out(&moment.told, &moment.seen);
    record
}

/// [`check`], and `otkel verify` must say the same.
pub(crate) fn check_with_program(stage: &Stage, told: &Told) -> Record {
    let record = check(stage, told);
    let copy = copy(stage, &stage.world.folder);
    let mut verify = Stage::program();
    verify.args(["verify", "--key", &stage.key(), "--store"]).arg(&copy);
    if stage.checkpoint().exists() {
        verify.arg("--checkpoint").arg(stage.checkpoint());
    }
    let said = run(&mut verify);
    assert!(said.starts_with(&format!("sound: {} entries", record.size)), "{said}");
    let unknown = said.lines().filter(|line| line.starts_with("outcome unknown: "));
    let unknown: BTreeSet<String> =
        unknown.map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect();
    assert_eq!(unknown, record.unfinished(), "{said}");
    record
}

/// What a program that succeeds prints.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let [out, error] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{command:?}: {out}{error}");
    out
}

/// Verifies a store against a checkpoint that was published.
fn sound(stage: &Stage, store: &Path, published: Option<&str>) -> Report {
    let key = PublicKey::parse(&stage.key()).unwrap();
    let mut snapshot = sqlite::snapshot(store).unwrap();
    let report = audit(snapshot.as_mut(), Some(key), published);
    report.unwrap_or_else(|unsound| panic!("not sound: {unsound}"))
}

/// Copies a store, without the index to its log, which a restart would not have either.
fn copy(stage: &Stage, world: &Path) -> PathBuf {
    let folder = stage.world.folder.with_file_name("copy");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let copy = folder.join("otkel.db");
    for suffix in ["", "-wal"] {
        let beside = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        let from = beside(&world.join(STORE));
        if from.exists() {
            fs::copy(from, beside(&copy)).unwrap();
        }
    }
    copy
}
