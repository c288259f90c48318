//! Two processes write one store: an import beside the gateway.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use otkel::ledger::checkpoint::{Checkpoint, PublicKey};
use rusqlite::Connection;

use crate::dice::Dice;
use crate::record::{check_with_program, run};
use crate::serve::Stage;
use crate::work::prepared;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_beside_the_gateway_shares_one_order() {
    let stage = Stage::new("together").await;
    let notes = prepared(&stage).await;
    let server = stage.serve().await;
    let watch = Watch::over(&stage);
    let mut import = import(&stage);

    let importing = tokio::task::spawn_blocking(move || run(&mut import));
    let (mut carried, mut refused) = (0, 0);
    let caller = stage.caller(&server);
    while !importing.is_finished() {
        for people in [[0], [1], [99]] {
            match notes.send(&caller, &people).await.unwrap().status {
                200 => carried += 1,
                403 => refused += 1,
                status => panic!("{status}"),
            }
        }
        assert_eq!(notes.grant(&stage, &server.desk()).await, Some(201));
    }
    let said = importing.await.unwrap();
    assert_eq!(said.trim(), format!("{PEOPLE} consents imported, 0 refused"));
    println!("{carried} carried and {refused} refused beside {PEOPLE} consents");
    assert!(carried > 20 && refused > 10);

    // What was imported counts at once.
    let reply = notes.send(&caller, &[FIRST + PEOPLE - 1]).await.unwrap();
    assert_eq!(reply.status, 200);
    assert!(server.stop().success());
    let record = check_with_program(&stage, &notes.told());
    assert!(record.size > PEOPLE);
    assert!(record.unfinished().is_empty());
    println!("{} checkpoints seen", watch.end());
}

/// An import that is killed leaves nothing locked and nothing by halves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_does_not_hold_up_the_gateway() {
    let mut dice = Dice::new("import kills");
    let stage = Stage::new("together-kill").await;
    let notes = prepared(&stage).await;
    let server = stage.serve().await;
    let caller = stage.caller(&server);
    for committed in [0, BATCH] {
        let mut importing = import(&stage).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let importing = importing.as_mut().unwrap();
        while consents(&stage) <= committed + 2 {
            assert_eq!(notes.send(&caller, &[0]).await.unwrap().status, 200);
        }
        tokio::time::sleep(dice.time(400)).await;
        importing.kill().unwrap();
        importing.wait().unwrap();
        assert_eq!(notes.send(&caller, &[0]).await.unwrap().status, 200);
        check_with_program(&stage, &notes.told());
    }
}

/// The number of consents in the store.
fn consents(stage: &Stage) -> u64 {
    let connection = Connection::open(stage.store()).unwrap();
    let count = "SELECT count(*) FROM records";
    connection.query_row(count, [], |row| row.get::<_, u32>(0)).unwrap().into()
}

/// An import of thousands of people's consents.
fn import(stage: &Stage) -> Command {
    let file = stage.world.folder.join("import.ndjson");
    let lines = (FIRST..FIRST + PEOPLE).fold(String::new(), |mut lines, person| {
        writeln!(lines, "{}", stage.consent(person).1).unwrap();
        lines
    });
    fs::write(&file, lines).unwrap();
    let mut import = Stage::program();
    import.args(["consent", "import", "--by", "import", "--config"]).arg(stage.config()).arg(file);
    import
}

/// Reads the published checkpoint all the time: it is always whole, and never goes back.
struct Watch {
    end: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Watch {
    fn over(stage: &Stage) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&end);
        let (file, key) = (stage.checkpoint(), PublicKey::parse(&stage.key()).unwrap());
        let thread = std::thread::spawn(move || {
            let (mut size, mut seen) = (0, 0);
            while !ended.load(Ordering::Relaxed) {
                let Ok(note) = fs::read_to_string(&file) else { continue };
                let checkpoint = Checkpoint::open(&note, &key).unwrap();
                assert!(checkpoint.size >= size, "{size} entries, then {}", checkpoint.size);
                seen += u64::from(checkpoint.size > size);
                size = checkpoint.size;
            }
            seen
        });
        Self { end, thread }
    }

    fn end(self) -> u64 {
        self.end.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

const FIRST: u64 = 1000;
const PEOPLE: u64 = 3000;
/// Lines that an import commits at once.
const BATCH: u64 = 1000;
