//! Streams that end before their time: what left is what the ledger says.

use std::ops::RangeInclusive;
use std::time::Instant;

use super::*;

/// The parts that the partner got are those that left by the ledger, and it can tell that more was
/// to come.
async fn breaks_off(world: &World, from: u64, left: usize, reason: &str) {
    let outcomes = outcomes(world, from).await;
    let gone = results(&outcomes).iter().filter(|result| **result == "unknown").count();
    assert_eq!(gone, left, "{outcomes:?}");
    assert!(results(&outcomes).iter().all(|result| *result == "unknown" || *result == "failed"));
    assert!(outcomes.iter().all(|(_, outcome)| outcome["reason"] == reason), "{outcomes:?}");
    assert!(numbers(world).len() <= gone, "no more arrives than has left");
    assert!(numbers(world).iter().all(|(_, last)| !last));
}

/// How many parts had left by what the caller is told: that depends on how fast the partner takes
/// the last one.
#[track_caller]
fn parts(problem: &Value, expected: RangeInclusive<usize>) -> usize {
    let left = usize::try_from(problem["parts"].as_u64().unwrap()).unwrap();
    assert!(expected.contains(&left), "{problem}");
    left
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_no_document_ends_the_stream() {
    let world = plan_with(1).start().await;
    let from = size(&world);
    let mut pour = Pour::begin(&world).await;
    let person = person(AIGERIM, "A");
    pour.send(format!("[{person},{person},{person},")).await;
    arrived(&world, 2).await;
    pour.send(r#"{"iin":1,"iin":2},{}]"#).await;
    let words = pour.answer().await;
    let problem = problem(&words);
    assert_eq!((words.status, &problem["code"]), (400, &"DOCUMENT_UNPARSABLE".into()));
    assert_eq!(problem["place"], "duplicate member name at byte 10, in `$[0].iin`");
    breaks_off(&world, from, parts(&problem, 2..=3), "DOCUMENT_UNPARSABLE").await;
    let refusal = &entries(&world, from, "refusal")[0];
    assert_eq!(refusal["stream"], json!({"id": problem["stream"], "n": 3}));
    assert_eq!(refusal["did"], problem["decision"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_between_records_is_checked_too() {
    let world = plan_with(1).start().await;
    let from = size(&world);
    let mut pour = Pour::begin(&world).await;
    let person = person(AIGERIM, "A");
    pour.send(format!("[{person},{person},")).await;
    arrived(&world, 1).await;
    pour.send(format!("{person}] x")).await;
    let words = pour.answer().await;
    assert_eq!(problem(&words)["code"], "DOCUMENT_UNPARSABLE");
    let left = parts(&problem(&words), 1..=2);
    breaks_off(&world, from, left, "DOCUMENT_UNPARSABLE").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_may_be_left_out_one_refusal_ends_the_stream() {
    let strict = ("on_refused = \"drop\"\nunmapped = \"remove\"\nrequired = [\"$[*]", "refuse");
    let strict = (strict.0, strict.0.replace("drop", strict.1));
    let world = plan_with(1).start().await;
    world.edit(GB_FILE, strict.0, &strict.1);
    assert_eq!(world.admin("POST", "/rules/reload", "").await.0, 200);
    let from = size(&world);
    let mut pour = Pour::begin(&world).await;
    let [a, n] = [person(AIGERIM, "A"), person(NURLAN, "N")];
    pour.send(format!("[{a},{a},")).await;
    arrived(&world, 1).await;
    pour.send(format!("{n},{a},{a},{a}]")).await;
    let words = pour.answer().await;
    let problem = problem(&words);
    assert_eq!(problem["code"], "NO_CONSENT");
    breaks_off(&world, from, parts(&problem, 1..=2), "NO_CONSENT").await;
    assert_eq!(entries(&world, from, "refusal").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_hangs_up_leaves_an_incomplete_stream() {
    let world = plan_with(1).start().await;
    let from = size(&world);
    let mut pour = Pour::begin(&world).await;
    let person = person(AIGERIM, "A");
    pour.send(format!("[{person},{person},{person},")).await;
    arrived(&world, 2).await;
    drop(pour);
    until("the end is recorded", || entries(&world, from, "refusal").len() == 1).await;
    assert_eq!(entries(&world, from, "refusal")[0]["reason"], "BODY_INCOMPLETE");
    breaks_off(&world, from, 2, "BODY_INCOMPLETE").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_falls_silent_ends_its_stream() {
    let world = plan_with(1).limits("body_ms = 400").start().await;
    let from = size(&world);
    let mut pour = Pour::begin(&world).await;
    let person = person(AIGERIM, "A");
    pour.send(format!("[{person},{person},")).await;
    let words = pour.answer().await;
    assert_eq!((words.status, &problem(&words)["code"]), (408, &"BODY_TOO_SLOW".into()));
    breaks_off(&world, from, 1, "BODY_TOO_SLOW").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_may_not_go_on_for_ever() {
    for (limits, code) in [
        ("stream_ms = 500", "BODY_TOO_SLOW"),
        ("stream_parts_max = 20", "DOCUMENT_BEYOND_LIMITS"),
        ("stream_bytes_max = 1000", "BODY_TOO_LARGE"),
    ] {
        let world = plan_with(1).limits(limits).start().await;
        let from = size(&world);
        let mut pour = Pour::begin(&world).await;
        pour.send("[").await;
        let dripping = async {
            loop {
                pour.send(format!("{},", person(AIGERIM, "A"))).await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let ended = until("the stream ends", || entries(&world, from, "refusal").len() == 1);
        tokio::select! { () = dripping => {}, () = ended => {} }
        let refusal = &entries(&world, from, "refusal")[0];
        assert_eq!(refusal["reason"], code, "{limits}");
        let words = pour.answer().await;
        assert_eq!(problem(&words)["code"], code, "{limits}");
        outcomes(&world, from).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_is_not_there_gets_nothing_and_the_ledger_says_so() {
    let stub = Stub::with(Papers::OtherName);
    let world = plan_with(1).stub(GB, stub).start().await;
    let from = size(&world);
    let people = vec![person(AIGERIM, "A"); 20];
    let words = world.ask(stream(array(&people))).await;
    let problem = problem(&words);
    assert_eq!((&problem["code"], &problem["parts"]), (&"PARTNER_UNREACHABLE".into(), &0.into()));
    let outcomes = outcomes(&world, from).await;
    assert!(results(&outcomes).iter().all(|result| *result == "failed"), "{outcomes:?}");
    assert!(outcomes.len() < 20, "it does not go on without a partner");
    assert!(entries(&world, from, "refusal").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_breaks_off_ends_the_stream() {
    let world = plan_with(1).stub(GB, Stub::that(Act::Resets)).start().await;
    let from = size(&world);
    let people = vec![person(AIGERIM, "A"); 500];
    let words = world.ask(stream(array(&people))).await;
    let problem = problem(&words);
    assert_eq!(problem["code"], "PARTNER_ANSWER_BAD");
    let left = parts(&problem, 1..=499);
    breaks_off_unseen(&world, from, left).await;
}

/// As [`breaks_off`], where the partner does not tell what it got.
async fn breaks_off_unseen(world: &World, from: u64, left: usize) {
    let outcomes = outcomes(world, from).await;
    let results = results(&outcomes);
    assert!(results[..left].iter().all(|result| *result == "unknown"), "{results:?}");
    assert!(results[left..].iter().all(|result| *result == "failed"), "{results:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_refuses_early_gets_no_more() {
    let no = "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno";
    let world = plan_with(1).stub(GB, Stub::that(Act::Stalls(no))).start().await;
    let from = size(&world);
    let mut pour = Pour::begin(&world).await;
    let person = person(AIGERIM, "A");
    pour.send(format!("[{person},{person},")).await;
    let mut sent = 0;
    while outcomes_so_far(&world, from) == 0 {
        pour.send(format!("{person},")).await;
        sent += 1;
        assert!(sent < 10_000, "the answer is never looked at");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let words = pour.answer().await;
    assert_eq!((words.status, &words.body[..]), (403, &b"no"[..]));
    let outcomes = outcomes(&world, from).await;
    let kept = outcomes.iter().filter(|(result, _)| result == "failed").count();
    assert!(kept <= 1, "{outcomes:?}");
    assert!(outcomes.iter().all(|(result, outcome)| {
        (result == "delivered" && outcome["status"] == 403) || result == "failed"
    }));
}

fn outcomes_so_far(world: &World, from: u64) -> usize {
    entries(world, from, "outcome").len()
}

/// The partner takes the head and then nothing: what the gateway takes from the caller is bounded,
/// and so is the time.
#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_does_not_read_stops_the_caller() {
    let world =
        plan_with(100).limits("part_ms = 1000").stub(GB, Stub::that(Act::Stalls(""))).start().await;
    let from = size(&world);
    let mut pour = Pour::begin(&world).await;
    let long = format!(r#"{{"iin":"{AIGERIM}","family_name":"{}"}},"#, "A".repeat(40_000));
    let mut accepted = 0;
    pour.send("[").await;
    let pouring = async {
        while accepted < OFFERED {
            pour.send(&long).await;
            accepted += long.len();
        }
    };
    let ended = until("the stream ends", || outcomes_so_far(&world, from) > 0);
    tokio::select! { () = pouring => {}, () = ended => {} }
    // What sockets hold on both sides is no more than this.
    assert!(accepted < OFFERED / 2, "{accepted} bytes were taken");
    let outcomes = outcomes(&world, from).await;
    let kept = outcomes.iter().filter(|(result, _)| result == "failed").count();
    assert_eq!(kept, 2, "one that waited, and one that found no place: {outcomes:?}");
    assert!(outcomes.iter().all(|(_, outcome)| outcome["reason"] == "PARTNER_TIMEOUT"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_would_send_the_rest_elsewhere_end_the_stream() {
    let world = plan_with(1).start().await;
    let from = size(&world);
    let mut pour = Pour::begin(&world).await;
    let person = person(AIGERIM, "A");
    pour.send(format!("[{person},{person},")).await;
    arrived(&world, 1).await;
    world.edit(GB_FILE, "\"/v1/enrolment-streams\"", "\"/v2/enrolment-streams\"");
    assert_eq!(world.admin("POST", "/rules/reload", "").await.0, 200);
    pour.send(format!("{person},{person}]")).await;
    let words = pour.answer().await;
    let problem = problem(&words);
    assert_eq!((&problem["code"], &problem["parts"]), (&"RULES_CHANGING".into(), &1.into()));
    let outcomes = outcomes(&world, from).await;
    assert_eq!(results(&outcomes), ["unknown", "failed"]);
    assert_eq!(numbers(&world), [(0, false)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_a_stream_in_time_and_settles_its_parts() {
    let mut world = plan_with(1).limits("drain_ms = 500").start().await;
    let from = size(&world);
    let mut pour = Pour::begin(&world).await;
    let person = person(AIGERIM, "A");
    pour.send(format!("[{person},{person},")).await;
    arrived(&world, 1).await;
    world.stop().await;
    world.run().await;
    breaks_off(&world, from, 1, "BODY_INCOMPLETE").await;
    assert_eq!(entries(&world, from, "refusal")[0]["reason"], "BODY_INCOMPLETE");
}

/// What the partner got is in the ledger, and of none of it more is said than is known.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_loses_no_part() {
    let mut world = plan_with(1).real_time().prepare().await;
    assert!(world.otkel(&["consent", "import", "consents.ndjson"]).status.success());
    world.serve(&[]);
    let mut pour = Pour::begin(&world).await;
    let person = person(AIGERIM, "A");
    pour.send(format!("[{person},{person},{person},{person},")).await;
    arrived(&world, 3).await;
    world.signal("KILL");
    let process = world.process();
    assert!(!tokio::task::block_in_place(|| process.wait()).success());
    drop(pour);
    let verified = String::from_utf8(world.otkel(&["verify"]).stdout).unwrap();
    assert!(verified.starts_with("sound: "), "{verified}");
    assert!(verified.contains("3 disclosure)"), "{verified}");
    for received in world.received(GB) {
        let open = format!(", {}", received.header.did);
        assert!(
            verified
                .lines()
                .any(|line| { line.starts_with("outcome unknown: ") && line.ends_with(&open) }),
            "{verified}"
        );
    }
    assert_eq!(numbers(&world), [(0, false), (1, false), (2, false)]);
}

/// The time of a request is not that of a stream.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_may_take_longer_than_a_request() {
    let limits = "request_ms = 500\nstream_ms = 20000";
    let world = plan_with(1).limits(limits).start().await;
    let mut pour = Pour::begin(&world).await;
    let (begun, person) = (Instant::now(), person(AIGERIM, "A"));
    pour.send("[").await;
    while begun.elapsed() < Duration::from_millis(1500) {
        pour.send(format!("{person},")).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    pour.send(format!("{person}]")).await;
    assert_eq!(pour.end().await.status, 200);
}

const OFFERED: usize = 96 << 20;
