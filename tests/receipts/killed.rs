//! A gateway that is killed after the partner's answer and before the record of it.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_the_answer_and_its_record_leaves_an_open_outcome() {
    let store = Arc::new(Mutex::new((PathBuf::new(), None)));
    let held = Arc::clone(&store);
    // The partner answers while somebody holds the store, so that nothing can be recorded.
    let stub = Stub::answering(move |_| {
        let mut store = held.lock().unwrap();
        let other = Connection::open(&store.0).unwrap();
        other.busy_timeout(Duration::from_secs(20)).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        store.1 = Some(other);
        with_receipt("none")
    });
    let mut world = World::plan().real_time().stub(GB, stub).prepare().await;
    store.lock().unwrap().0 = world.folder().join("store/otkel.db");
    assert!(world.otkel(&["consent", "import", "consents.ndjson"]).status.success());
    world.serve(&[]);
    let mut wire = Wire::of(&world).await;
    let process = world.process();
    wire.write(&enrol(learners(&[AIGERIM])).bytes()).await;
    while !process.log.text().contains("what came as a receipt proves nothing") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    process.signal("KILL");
    assert!(!tokio::task::block_in_place(|| process.wait()).success());
    drop(store.lock().unwrap().1.take());
    let verified = String::from_utf8(world.otkel(&["verify"]).stdout).unwrap();
    assert!(verified.starts_with("sound: ") && verified.contains("1 disclosure)"), "{verified}");
    assert!(verified.contains("\noutcome unknown: "), "{verified}");
    assert!(!verified.contains("receipt"), "{verified}");
}
