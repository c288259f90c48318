//! The power is cut: what was not synced is gone, or is there in part, and nothing told is lost.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{ChildStdout, Stdio};
use std::sync::Arc;

use rusqlite::Connection;

use crate::dice::Dice;
use crate::fault::Fault;
use crate::record::{Moment, check, check_in};
use crate::serve::{STORE, Server, Stage};
use crate::work::{Notes, keep_recording, keep_sending};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_at_any_moment_loses_nothing_that_was_told() {
    let mut dice = Dice::new("power cuts");
    // Heavy consents fill the log, so that it is copied into the database in between.
    let mut stage = Stage::new("power").await;
    stage.padding = 20_000;
    let stage = Arc::new(stage);
    let notes = Notes::default();
    let server = stage.serve_with_faults().await.unwrap();
    let mut people = Vec::new();
    for _ in 0..2 {
        let sending = keep_sending(notes.clone(), stage.caller(&server), dice.fork());
        people.push(tokio::spawn(sending));
    }
    for _ in 0..2 {
        let (desk, dice) = (server.desk(), dice.fork());
        let recording = keep_recording(notes.clone(), Arc::clone(&stage), desk, dice);
        people.push(tokio::spawn(recording));
    }

    let (mut cuts, mut copied) = (Vec::new(), 0);
    let mut waited = 0;
    while cuts.len() < CUTS || copied < 1 << 16 {
        tokio::time::sleep(dice.time(600)).await;
        if cuts.len() < 2 * CUTS {
            let folder = stage.world.folder.with_file_name(format!("cut-{}", cuts.len()));
            cuts.push((frozen(&stage, &server, &notes, &folder), folder));
        }
        copied = fs::metadata(stage.fault.shadow().join(STORE)).unwrap().len();
        // A busy machine writes slowly, and cuts beyond these would only take time to check.
        waited += 1;
        assert!(waited < 400, "the log was never copied into the database");
    }
    assert!(server.kill());
    for person in people {
        person.await.unwrap();
    }
    let number = cuts.len();
    let behind = cuts.iter().filter(|(moment, folder)| cut(&stage, &mut dice, moment, folder));
    let behind = behind.count();
    println!("{number} cuts, {behind} with something not on disk");
    assert!(behind > 0);
    starts_again(&stage, &notes).await;
}

/// Stops the process for as long as it takes to copy its files, and says what was told before.
fn frozen(stage: &Stage, server: &Server, notes: &Notes, folder: &Path) -> Moment {
    let told = notes.told();
    let seen = stage.partner.seen();
    server.signal("STOP");
    server.is_stopped();
    let moment = Moment::of(stage, told, seen);
    for (from, to) in [(stage.world.folder.as_path(), "live"), (stage.fault.shadow(), "hard")] {
        let to = folder.join(to);
        fs::create_dir_all(to.join("store")).unwrap();
        for name in FILES {
            let _ = fs::copy(from.join(name), to.join(name));
        }
    }
    server.signal("CONT");
    moment
}

/// Checks the store with only what was synced, then with some of the rest as well; whether there
/// was any rest.
fn cut(stage: &Stage, dice: &mut Dice, moment: &Moment, folder: &Path) -> bool {
    let [live, hard, torn] = ["live", "hard", "torn"].map(|name| folder.join(name));
    check_in(stage, &hard, moment);
    fs::create_dir_all(torn.join("store")).unwrap();
    for _ in 0..2 {
        for name in FILES {
            let read = |folder: &Path| fs::read(folder.join(name)).unwrap_or_default();
            let mixed = mix(&read(&hard), &read(&live), dice);
            fs::write(torn.join(name), mixed).unwrap();
        }
        check_in(stage, &torn, moment);
    }
    let differs = |name: &&str| fs::read(live.join(name)).ok() != fs::read(hard.join(name)).ok();
    let behind = FILES.iter().any(differs);
    fs::remove_dir_all(folder).unwrap();
    behind
}

/// A file of which some sectors have reached the disk since its last sync, and others have not.
fn mix(hard: &[u8], live: &[u8], dice: &mut Dice) -> Vec<u8> {
    let length = if dice.one_in(2) { live.len() } else { hard.len() };
    let mut mixed = live.to_vec();
    mixed.resize(length, 0);
    for (mine, old) in mixed.chunks_mut(SECTOR).zip(hard.chunks(SECTOR)) {
        if dice.one_in(2) {
            let both = mine.len().min(old.len());
            mine[..both].copy_from_slice(&old[..both]);
        }
    }
    mixed
}

/// The gateway starts on what a power cut left, and carries on.
async fn starts_again(stage: &Stage, notes: &Notes) {
    for name in FILES {
        let _ = fs::remove_file(stage.world.folder.join(name));
        let _ = fs::copy(stage.fault.shadow().join(name), stage.world.folder.join(name));
    }
    assert!(check(stage, &notes.told()).size > 100);
    let server = stage.serve().await;
    notes.grant(stage, &server.desk()).await.unwrap();
    let reply = notes.send(&stage.caller(&server), &[notes.people() - 1]).await.unwrap();
    assert_eq!(reply.status, 200);
    assert!(server.stop().success());
    check(stage, &notes.told());
}

/// The same cut takes rows that a writer has acknowledged, unless it syncs as the store does: so
/// the test above can fail, and only `synchronous = FULL` (2) passes it.
#[test]
fn a_cut_shows_a_writer_that_does_not_sync() {
    let lost = ["0", "1", "2"].map(|synchronous| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("power").join(synchronous);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("data")).unwrap();
        let fault = Fault::over(&folder.join("data"));
        let mut python = fault.command("python3");
        python.args(["-c", WRITER, synchronous]).arg(folder.join("data/rows.db"));
        let mut writer = python.stdout(Stdio::piped()).spawn().unwrap();
        let acknowledged = last_line(writer.stdout.take().unwrap(), ROWS);
        writer.kill().unwrap();
        writer.wait().unwrap();
        let left = Connection::open(fault.shadow().join("rows.db")).unwrap();
        let count = "SELECT count(*) FROM rows";
        acknowledged.saturating_sub(left.query_row(count, [], |row| row.get(0)).unwrap_or(0))
    });
    println!("rows lost with OFF, NORMAL, FULL: {lost:?}");
    assert!(lost[0] > 0 && lost[1] > 0, "{lost:?}");
    assert_eq!(lost[2], 0);
}

fn last_line(stdout: ChildStdout, lines: usize) -> u32 {
    let lines = BufReader::new(stdout).lines().take(lines);
    lines.last().unwrap().unwrap().parse().unwrap()
}

const WRITER: &str = "
import itertools, sqlite3, sys
rows = sqlite3.connect(sys.argv[2], isolation_level=None)
rows.execute('PRAGMA journal_mode = wal')
rows.execute('PRAGMA synchronous = 2')
rows.execute('CREATE TABLE rows (n INTEGER PRIMARY KEY)')
rows.execute('PRAGMA synchronous = ' + sys.argv[1])
for n in itertools.count(1):
    rows.execute('INSERT INTO rows VALUES (?)', (n,))
    print(n, flush=True)
";
const ROWS: usize = 50;
const CUTS: usize = 15;
const FILES: [&str; 2] = [STORE, "store/otkel.db-wal"];
const SECTOR: usize = 512;
