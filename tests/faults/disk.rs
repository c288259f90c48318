//! A disk that is full, read-only or failing: nothing leaves until it is well again.

use crate::record::{Moment, check_in, check_with_program};
use crate::serve::{Server, Stage, code};
use crate::work::{Notes, prepared};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_transfers_until_there_is_room() {
    outage("full", "fail write 1 ENOSPC").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_stops_transfers_until_one_succeeds() {
    outage("sync", "fail sync 1 EIO").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_disk_stops_transfers_until_it_is_not() {
    outage("read-only", "fail write 1 EROFS; fail sync 1 EROFS").await;
}

/// A transfer passes, is refused while the fault lasts, and passes again.
async fn outage(name: &str, plan: &str) {
    let stage = Stage::new(&format!("disk-{name}")).await;
    let notes = prepared(&stage).await;
    let server = stage.serve_with_faults().await.unwrap();
    passes(&stage, &notes, &server, 1).await;

    stage.fault.plan(plan);
    refuses(&stage, &notes, &server).await;
    assert_eq!(stage.partner.seen().begun.len(), 1, "a byte left unrecorded");
    let (status, health) = server.desk().health().await.unwrap();
    assert_eq!((status, &health["status"]), (503, &"the ledger cannot be written".into()));

    stage.fault.calm();
    server.desk().well().await;
    passes(&stage, &notes, &server, 2).await;
    assert_eq!(notes.grant(&stage, &server.desk()).await, Some(201));
    assert!(server.stop().success());
    check_with_program(&stage, &notes.told());
}

async fn passes(stage: &Stage, notes: &Notes, server: &Server, so_far: usize) {
    let reply = notes.send(&stage.caller(server), &[0]).await.unwrap();
    assert_eq!(reply.status, 200, "{:?}", reply.body);
    assert_eq!(stage.partner.seen().whole.len(), so_far);
}

/// Whatever the rules would say, nothing is done that cannot be recorded.
async fn refuses(stage: &Stage, notes: &Notes, server: &Server) {
    for people in [&[0][..], &[99], &[1], &[0, 1]] {
        let reply = notes.send(&stage.caller(server), people).await.unwrap();
        assert_eq!((reply.status, code(&reply).as_str()), (503, "LOG_UNAVAILABLE"));
    }
    assert_eq!(notes.grant(stage, &server.desk()).await, Some(503));
    assert_eq!(notes.withdraw(&server.desk(), 1).await, Some(503));
}

/// The disk fills up at each call in turn, so that commits stop half way; then it is killed too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_at_any_call_of_a_commit_leaves_a_sound_record() {
    let stage = Stage::new("disk-any").await;
    let notes = prepared(&stage).await;
    for (n, fault) in (1..).zip(["write", "sync"].repeat(6)) {
        let server = stage.serve_with_faults().await.unwrap();
        passes(&stage, &notes, &server, stage.partner.seen().whole.len() + 1).await;
        stage.fault.plan(&format!("fail {fault} {} ENOSPC", n / 2 + 1));
        while notes.try_send(&stage.caller(&server), &[1]).await != Some(503) {}
        let seen = stage.partner.seen().begun.len();
        refuses(&stage, &notes, &server).await;
        assert_eq!(stage.partner.seen().begun.len(), seen);
        if n % 3 == 0 {
            assert!(server.kill());
            stage.fault.calm();
        } else {
            stage.fault.calm();
            server.desk().well().await;
            assert!(server.stop().success());
        }
        check_with_program(&stage, &notes.told());
    }
}

/// The data have left, and what became of them is known, but cannot be written down.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_that_cannot_be_recorded_stays_unknown() {
    let stage = Stage::new("disk-outcome").await;
    let notes = prepared(&stage).await;
    let server = stage.serve_with_faults().await.unwrap();
    let held = stage.partner.hold().await;
    let caller = stage.caller(&server);
    let (reply, ()) = tokio::join!(notes.try_send(&caller, &[0]), async {
        stage.partner.whole(1).await;
        stage.fault.plan("fail write 1 ENOSPC");
        drop(held);
    });
    assert_eq!(reply, Some(200));
    stage.fault.calm();
    server.desk().well().await;
    let record = check_with_program(&stage, &notes.told());
    let (did, _) = stage.partner.seen().whole.remove(0);
    assert_eq!(record.unfinished().into_iter().collect::<Vec<_>>(), [did]);
    passes(&stage, &notes, &server, 2).await;
}

/// It does not start on a disk that it cannot write, and starts when it can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_needs_a_disk_that_can_be_written() {
    let stage = Stage::new("disk-start").await;
    let notes = prepared(&stage).await;
    let before = check_with_program(&stage, &notes.told()).size;
    for plan in ["fail write 1 ENOSPC", "fail sync 1 EIO", "fail write 1 EROFS"] {
        stage.fault.plan(plan);
        let Err(ended) = stage.serve_with_faults().await else { panic!("it started: {plan}") };
        assert_eq!(ended.status.code(), Some(2), "{}", ended.said);
        assert!(ended.said.contains("otkel: the st"), "{}", ended.said);
        stage.fault.calm();
        let moment = Moment::now(&stage, notes.told());
        // A start whose commit failed may have been written after all.
        assert!(check_in(&stage, &stage.world.folder, &moment).size <= before + 3);
    }
    let server = stage.serve_with_faults().await.unwrap();
    passes(&stage, &notes, &server, 1).await;
}
