//! Killed at any point: what was sent is recorded, and what was acknowledged is not lost.

use std::sync::Arc;
use std::time::Instant;

use crate::dice::Dice;
use crate::record::{Record, Told, check, check_with_program};
use crate::serve::{Server, Stage};
use crate::work::{Notes, keep_recording, keep_sending, prepared};

/// Callers send, an officer records, and the process is killed at a random moment, again and again
/// on the same store; also while it starts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_moment_loses_nothing() {
    let kills: u64 = std::env::var("OTKEL_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let mut dice = Dice::new("kills");
    let stage = Arc::new(Stage::new("kill").await);
    let (mut notes, mut counts, mut done) = (Notes::default(), Counts::default(), 0);
    let started = Instant::now();
    while done < kills {
        // A start on no store at all, which leaves none that could be looked at, is walked below.
        let killed = if stage.store().exists() && dice.one_in(6) {
            kill_a_start(&stage, &mut dice)
        } else {
            kill_at_work(&stage, &notes, &mut dice).await
        };
        done += u64::from(killed);
        let fits = if dice.one_in(8) { check_with_program } else { check };
        counts.add(&fits(&stage, &notes.told()), &notes.told());
        if killed && done.is_multiple_of(100) {
            println!("{done} kills in {:?}", started.elapsed());
        }
        if dice.one_in(KILLS_A_STORE) {
            check_with_program(&stage, &notes.told());
            counts.close();
            stage.forget();
            notes = Notes::default();
        }
    }
    counts.close();
    println!("{done} kills in {:?}: {counts:?}", started.elapsed());
    assert!(counts.everything_happened(), "{counts:?}");
}

async fn kill_at_work(stage: &Arc<Stage>, notes: &Notes, dice: &mut Dice) -> bool {
    let server = stage.serve().await;
    let mut people = Vec::new();
    for _ in 0..3 {
        let sending = keep_sending(notes.clone(), stage.caller(&server), dice.fork());
        people.push(tokio::spawn(sending));
    }
    let recording = keep_recording(notes.clone(), Arc::clone(stage), server.desk(), dice.fork());
    people.push(tokio::spawn(recording));
    // Now and then long enough for the second checkpoint, which comes after a second.
    let time = if dice.one_in(20) { 1300 } else { 200 };
    tokio::time::sleep(dice.time(time)).await;
    let killed = server.kill();
    for person in people {
        person.await.unwrap();
    }
    killed
}

fn kill_a_start(stage: &Stage, dice: &mut Dice) -> bool {
    let mut child = stage.spawn();
    std::thread::sleep(dice.time(200));
    child.kill().unwrap();
    std::os::unix::process::ExitStatusExt::signal(&child.wait().unwrap()) == Some(9)
}

/// What the stores held when they were looked at last, and how often a kill left something open.
#[derive(Debug, Default)]
struct Counts {
    entries: u64,
    carried: u64,
    consents: u64,
    unfinished: u64,
    last: [u64; 4],
}

impl Counts {
    fn add(&mut self, record: &Record, told: &Told) {
        let counts = [told.carried.len(), told.records.len(), record.unfinished().len()];
        let [carried, consents, unfinished] = counts.map(|n| n.try_into().unwrap());
        self.last = [record.size, carried, consents, unfinished];
    }

    fn close(&mut self) {
        let [entries, carried, consents, unfinished] = std::mem::take(&mut self.last);
        self.entries += entries;
        self.carried += carried;
        self.consents += consents;
        self.unfinished += unfinished;
    }

    /// A run in which nothing was carried, recorded or interrupted shows nothing.
    const fn everything_happened(&self) -> bool {
        self.carried > 0 && self.consents > 0 && self.unfinished > 0
    }
}

/// Killed before the first call that changes a file or sends bytes, then before the second, and so
/// on, until the whole of it is done without a kill; then the same with a call half done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_call_of_a_transfer_loses_nothing() {
    let stage = Stage::new("kill-transfer").await;
    let notes = prepared(&stage).await;
    let carried = async |server: &Server| {
        let reply = notes.send(&stage.caller(server), &[0, 1]).await;
        reply.inspect(|reply| assert_eq!(reply.status, 200)).is_some()
    };
    let mut points = walk(&stage, &notes, "kill", carried).await;
    points += walk(&stage, &notes, "tear", carried).await;
    let unfinished = check(&stage, &notes.told()).unfinished().len();
    println!("{points} points, {unfinished} outcomes unknown");
    assert!(unfinished > 0, "no kill fell between record and settle");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_call_of_a_refusal_loses_nothing() {
    let stage = Stage::new("kill-refusal").await;
    let notes = prepared(&stage).await;
    let refused = async |server: &Server| {
        let reply = notes.send(&stage.caller(server), &[99]).await;
        reply.inspect(|reply| assert_eq!(reply.status, 403)).is_some()
    };
    println!("{} points", walk(&stage, &notes, "kill", refused).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_call_of_a_consent_loses_nothing() {
    let stage = Stage::new("kill-consent").await;
    let notes = prepared(&stage).await;
    let changed = async |server: &Server| {
        let (desk, person) = (server.desk(), notes.people());
        notes.grant(&stage, &desk).await.is_some_and(|status| status == 201)
            && notes.withdraw(&desk, person).await.is_some()
    };
    let mut points = walk(&stage, &notes, "kill", changed).await;
    points += walk(&stage, &notes, "tear", changed).await;
    println!("{points} points");
}

/// Whoever was told that a block is in force gets no more of that person's data.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_call_of_a_block_loses_nothing() {
    let stage = Stage::new("kill-block").await;
    let notes = prepared(&stage).await;
    let blocked = async |server: &Server| {
        notes.block(&server.desk(), 0).await.is_some_and(|status| status == 201)
    };
    let points = walk(&stage, &notes, "kill", blocked).await;
    let server = stage.serve().await;
    assert_eq!(notes.try_send(&stage.caller(&server), &[0]).await, Some(403));
    assert_eq!(notes.try_send(&stage.caller(&server), &[1]).await, Some(200));
    println!("{points} points");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_call_of_a_stop_loses_nothing() {
    let stage = Stage::new("kill-stop").await;
    let notes = prepared(&stage).await;
    let mut points = 0;
    for n in 1.. {
        stage.fault.calm();
        let server = stage.serve_with_faults().await.unwrap();
        let reply = notes.send(&stage.caller(&server), &[0]).await.unwrap();
        assert_eq!(reply.status, 200);
        stage.fault.plan(&format!("kill any {n}"));
        let status = server.stop();
        check(&stage, &notes.told());
        if status.success() {
            break;
        }
        points += 1;
    }
    println!("{points} points");
    assert!(points > 5, "{points}");
}

/// Also of the very first one, when there is no store yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_call_of_a_start_loses_nothing() {
    let stage = Stage::new("kill-start").await;
    let mut points = 0;
    for action in ["kill", "tear"] {
        for n in 1.. {
            stage.forget();
            stage.fault.plan(&format!("{action} any {n}"));
            let first = stage.serve_with_faults().await;
            stage.fault.calm();
            let passed = first.as_ref().is_ok();
            drop(first.map_err(|ended| assert!(ended.was_killed(), "{ended:?}")));
            let notes = prepared(&stage).await;
            check(&stage, &notes.told());
            if passed {
                break;
            }
            points += 1;
        }
    }
    println!("{points} points");
    assert!(points > 20, "{points}");
}

/// Does the same with kills at the first call, the second and so on, until it is done; how many.
async fn walk(
    stage: &Stage,
    notes: &Notes,
    action: &str,
    work: impl AsyncFn(&Server) -> bool,
) -> u64 {
    for n in 1..=CALLS_MAX {
        stage.fault.calm();
        let mut server = stage.serve_with_faults().await.unwrap();
        stage.fault.plan(&format!("{action} any {n}"));
        let done = work(&server).await;
        stage.fault.calm();
        if done && !server.is_dead() {
            check_with_program(stage, &notes.told());
            assert!(n > 5, "only {n} calls");
            return n - 1;
        }
        drop(server);
        check(stage, &notes.told());
    }
    panic!("it was not done within {CALLS_MAX} calls");
}

// Some 60 s on two cores.
const KILLS: u64 = 150;
const KILLS_A_STORE: u64 = 15;
const CALLS_MAX: u64 = 500;
