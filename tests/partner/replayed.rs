//! No message is taken twice, whatever happens in between.

use otkel::signing::Sign as _;

use crate::application::Act;
use crate::letter::{SIGNER, signer};
use crate::world::{World, gateway};

#[tokio::test]
async fn a_message_is_taken_once_and_its_receipt_is_told_again() {
    let world = World::new().await;
    let post = world.letter("{}").post();
    let first = world.way.send(&post).await;
    assert_eq!(first.status, 201);
    world.refuses(&post, 409, "replayed").await;
    let again = world.way.send(&post).await;
    assert_eq!(again.field("otkel-receipt"), first.field("otkel-receipt"));
    assert_eq!(world.app.counts().into_values().collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn the_same_id_with_other_bytes_gets_no_receipt() {
    let world = World::new().await;
    let letter = world.letter("{}");
    assert_eq!(world.send(&letter).await.status, 201);
    // Sealed anew it is another envelope.
    let again = world.send(&letter).await;
    assert_eq!(again.refusal(), (409, "replayed"));
    assert_eq!(again.field("otkel-receipt"), None);
}

#[tokio::test]
async fn a_restart_forgets_nothing() {
    let world = World::new().await;
    let post = world.letter("{}").post();
    let first = world.way.send(&post).await;
    let world = world.restarted().await;
    world.refuses(&post, 409, "replayed").await;
    let again = world.way.send(&post).await;
    assert_eq!(again.field("otkel-receipt"), first.field("otkel-receipt"));
    world.takes().await;
}

#[tokio::test]
async fn of_many_at_once_one_is_taken() {
    let world = World::new().await;
    let post = world.letter("{}").post();
    let sending: Vec<_> = (0..16)
        .map(|_| {
            let (way, post) = (world.way.clone(), post.clone());
            tokio::spawn(async move { way.send(&post).await.status })
        })
        .collect();
    let mut statuses = Vec::new();
    for sent in sending {
        statuses.push(sent.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (201, &[409; 15][..]));
    assert_eq!(world.app.counts().into_values().collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn a_message_whose_application_failed_stays_taken() {
    let world = World::new().await;
    for act in [Act::Closes, Act::Says(503, Vec::new(), Vec::new())] {
        world.app.act(act);
        let post = world.letter("{}").post();
        assert!(world.way.send(&post).await.status >= 500);
        world.refuses(&post, 409, "replayed").await;
    }
}

#[tokio::test]
async fn what_was_refused_before_it_was_taken_may_come_again() {
    let mut world = World::with(&gateway(&format!("keys = [\"{}\"]", signer(50).key()))).await;
    let post = world.letter("{}").post();
    world.refuses(&post, 403, "bad-signature").await;
    let path = world.folder.join("partner.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let keys = [signer(50).key().to_string(), signer(SIGNER).key().to_string()];
    std::fs::write(&path, text.replace(&keys[0], &keys[1])).unwrap();
    world.partner.reload().await.unwrap();
    assert_eq!(world.way.send(&post).await.status, 201);
}

/// What is forgotten stays refused, even when the clock goes back to when it was fresh.
#[tokio::test]
async fn a_clock_that_goes_back_lets_nothing_in_again() {
    let world = World::with("[limits]\nkeep_s = 330\n").await;
    let post = world.letter("{}").post();
    assert_eq!(world.way.send(&post).await.status, 201);
    world.clock.move_by(1000);
    // This one makes room: the first is too old to be kept.
    world.takes().await;
    world.refuses(&post, 403, "not-fresh").await;
    world.clock.move_by(-1000);
    world.refuses(&post, 403, "not-fresh").await;
    let world = world.restarted().await;
    world.refuses(&post, 403, "not-fresh").await;
    let fresh = world.letter("{}").post();
    world.refuses(&fresh, 403, "not-fresh").await;
    world.clock.move_by(1000);
    world.takes().await;
}

#[tokio::test]
async fn a_lost_file_lets_no_old_message_in() {
    let world = World::new().await;
    let post = world.letter("{}").post();
    assert_eq!(world.way.send(&post).await.status, 201);
    world.clock.move_by(1);
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(world.folder.join(format!("taken.db{ending}")));
    }
    let world = world.restarted().await;
    world.refuses(&post, 403, "not-fresh").await;
    world.takes().await;
}
