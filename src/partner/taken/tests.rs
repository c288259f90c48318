use std::path::PathBuf;

use super::*;

/// A file that is removed when it goes out of scope.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let name = format!("otkel-taken-{}-{name}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn open(&self, keep_s: i64, now: i64) -> Taken {
        Taken::open(&self.0, keep_s, at(now)).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for ending in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{ending}", self.0.display()));
        }
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

fn coming(gateway: &str, did: u128, iat: i64) -> Coming {
    let (gateway, did) = (gateway.to_owned(), Uuid::from_u128(did));
    Coming { gateway, did, iat, sha256: [7; 32], now: at(iat) }
}

#[tokio::test]
async fn an_id_is_taken_once_for_each_gateway() {
    let place = Place::new("once");
    let taken = place.open(1000, 0);
    assert_eq!(taken.take(coming("a", 1, 10)).await, Ok(()));
    assert_eq!(taken.take(coming("a", 1, 11)).await, Err(Untaken::Again(None)));
    assert_eq!(taken.take(coming("b", 1, 10)).await, Ok(()));
    taken.answered("a", Uuid::from_u128(1), "receipt".to_owned()).await;
    let again = Err(Untaken::Again(Some("receipt".to_owned())));
    assert_eq!(taken.take(coming("a", 1, 10)).await, again);
    assert_eq!(taken.take(coming("b", 1, 10)).await, Err(Untaken::Again(None)));
    let other = Coming { sha256: [8; 32], ..coming("a", 1, 10) };
    assert_eq!(taken.take(other).await, Err(Untaken::Again(None)));
    taken.close().await;
    let taken = place.open(1000, 10_000);
    assert_eq!(taken.take(coming("a", 1, 10)).await, again);
}

#[tokio::test]
async fn what_is_forgotten_is_refused_whatever_the_clock_says() {
    let place = Place::new("forgotten");
    let taken = place.open(100, 0);
    assert_eq!(taken.take(coming("a", 1, 10)).await, Ok(()));
    assert_eq!(taken.take(coming("a", 2, 200)).await, Ok(()));
    // Everything before 100 is forgotten now, and so is refused: taken before or not.
    assert_eq!(taken.take(coming("a", 1, 10)).await, Err(Untaken::Forgotten));
    assert_eq!(taken.take(coming("a", 3, 99)).await, Err(Untaken::Forgotten));
    assert_eq!(taken.take(coming("a", 3, 100)).await, Ok(()));
    assert_eq!(taken.take(coming("a", 2, 200)).await, Err(Untaken::Again(None)));
    taken.close().await;
    let taken = place.open(100, 0);
    assert_eq!(taken.take(coming("a", 1, 10)).await, Err(Untaken::Forgotten));
    let rows = rusqlite::Connection::open(&place.0).unwrap();
    let rows: i64 = rows.query_row("SELECT count(*) FROM taken", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 2);
}

#[tokio::test]
async fn a_new_file_takes_nothing_from_before_it_was_made() {
    let place = Place::new("new");
    let taken = place.open(1000, 500);
    assert_eq!(taken.take(coming("a", 1, 499)).await, Err(Untaken::Forgotten));
    assert_eq!(taken.take(coming("a", 1, 500)).await, Ok(()));
    let memory = Taken::in_memory().unwrap();
    assert_eq!(memory.take(coming("a", 1, 499)).await, Ok(()));
    assert_eq!(memory.take(coming("a", 1, 499)).await, Err(Untaken::Again(None)));
}

#[tokio::test]
async fn two_proxies_on_one_file_take_an_id_once() {
    let place = Place::new("two");
    let (one, other) = (place.open(1000, 0), place.open(1000, 0));
    for did in 0..20 {
        let both = tokio::join!(one.take(coming("a", did, 1)), other.take(coming("a", did, 1)));
        assert!(matches!(both, (Ok(()), Err(_)) | (Err(_), Ok(()))), "{both:?}");
    }
}

#[tokio::test]
async fn a_list_never_goes_back() {
    let place = Place::new("list");
    let taken = place.open(1000, 0);
    assert_eq!(taken.newest_list("a").await, None);
    assert_eq!(taken.list("a", 3, "three").await, Ok(()));
    assert_eq!(taken.list("a", 3, "three").await, Ok(()));
    assert_eq!(taken.list("a", 3, "another").await, Err(OldList::Changed));
    assert_eq!(taken.list("a", 2, "two").await, Err(OldList::Older(3)));
    assert_eq!(taken.list("b", 1, "one").await, Ok(()));
    assert_eq!(taken.list("a", 4, "four").await, Ok(()));
    assert_eq!(taken.newest_list("a").await.as_deref(), Some("four"));
}

#[tokio::test]
async fn a_file_of_another_program_is_left_alone() {
    let place = Place::new("other");
    let other = rusqlite::Connection::open(&place.0).unwrap();
    other.pragma_update(None, "user_version", 7).unwrap();
    drop(other);
    assert!(matches!(Taken::open(&place.0, 1, at(0)), Err(StoreError::Schema(_))));
    std::fs::write(
        &place.0,
        "not a database, but longer than its header would have to be".repeat(9),
    )
    .unwrap();
    assert!(Taken::open(&place.0, 1, at(0)).is_err());
}
