//! The program itself, and how much memory a stream takes of it.

use std::time::Instant;

use super::*;

/// Whatever the length of a stream, the program holds a few parts of it.
///
/// `OTKEL_STREAM_MIB` makes the long stream longer, and tells how it went.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_stream_takes_no_more_memory_than_a_short_one() {
    let long = std::env::var("OTKEL_STREAM_MIB").ok().map(|text| text.parse().unwrap());
    let well = Stub::that(Act::Drains(WELL));
    let plan = plan_of("ndjson", 500).real_time().limits("answer_ms = 120000");
    let plan = plan.rule("partners/training-gb.toml", "bytes = 65536", "bytes = 1048576");
    let mut world = plan.stub(GB, well).prepare().await;
    assert!(world.otkel(&["consent", "import", "consents.ndjson"]).status.success());
    world.serve(&[]);
    pour(&world, 8).await;
    let before = world.resident_max();
    let begun = Instant::now();
    pour(&world, long.unwrap_or(64)).await;
    let after = world.resident_max();
    if let Some(long) = long {
        let taken = begun.elapsed().as_secs_f64();
        println!(
            "{long} MiB in {taken:.1} s; {before} KiB resident at most after 8 MiB, {after} after"
        );
    }
    // The store's caches fill meanwhile.
    assert!(after < before + 16 * 1024, "{before} KiB, then {after} KiB");
}

/// Sends so many MiB of records, made as they go.
async fn pour(world: &World, mib: usize) {
    let record = format!(
        r#"{{"iin":"{AIGERIM}","family_name":"Сәрсенова","email":"some@example.kz","note":"{}"}}"#,
        "not mapped, so it stays; ".repeat(120)
    );
    let piece = (record + "\n").repeat(20);
    let ask = stream("").header("content-type", "application/x-ndjson");
    let mut pour = Pour::begin_with(world, ask).await;
    for _ in 0..(mib << 20) / piece.len() {
        pour.send(&piece).await;
    }
    assert_eq!(pour.end().await.status, 200);
}
