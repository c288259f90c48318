//! Record streams: frames that are signed one by one, and one receipt of them all.

use bytes::BytesMut;
use otkel::demo::sample::{MADINA, NURLAN};
use otkel::envelope::frames;
use otkel::signing::request::{self, Covered, Freshness, Message};

use super::*;

const ROUTE: &str = r#"
[[route]]
name = "enrol-stream"
request = "POST /training-gb/enrolment-streams"
to = "/v1/enrolment-streams"
endpoint = "main"
format = "json"
purposes = ["P09"]
subjects = "$[*]"
subject = "$.iin"
scheme = "kz-iin"
on_refused = "drop"
unmapped = "remove"
[route.stream]
records = 1
bytes = 65536
[route.fields]
"$[*].family_name" = "D01"
"#;

fn plan(stub: Stub) -> Plan {
    let before = "# The same listeners in groups";
    let known = "    \"training-gb.enrol\",\n";
    World::plan()
        .rule(GB_FILE, before, &format!("{ROUTE}\n{before}"))
        .edit(known, &format!("{known}    \"training-gb.enrol-stream\",\n"))
        .stub(GB, stub)
}

/// A stream of one part for each of the subjects.
fn stream(subjects: &[&str]) -> Ask {
    let person = |iin: &&str| format!(r#"{{"iin":"{iin}","family_name":"A"}}"#);
    let people: Vec<String> = subjects.iter().map(person).collect();
    enrol(format!("[{}]", people.join(","))).path("/training-gb/enrolment-streams")
}

/// The receipt of a stream of so many parts.
fn of_stream(request: &Request<'_>, parts: u64) -> String {
    signed(request, |receipt| receipt.parts = Some(parts))
}

/// Checks every signature of a stream, by the key that signed its request; the number of parts.
fn check(request: &Request<'_>, key: &SigningKey) -> u64 {
    let line: Vec<&str> = request.head.lines().next().unwrap().split(' ').collect();
    let message = Message {
        method: line[0],
        target_uri: &format!("https://{}{}", request.header("host"), line[1]),
        content_type: frames::MEDIA_TYPE_SIGNED,
        id: request.header("otkel-id"),
        body: Covered::Parts,
    };
    assert_eq!(request.header("content-type"), frames::MEDIA_TYPE_SIGNED);
    assert_eq!(request.header("content-digest"), "");
    let fields = (request.header("signature-input"), request.header("signature"));
    let now = Timestamp::parse(NOON).unwrap();
    let fresh = Freshness { now, age_max: 300, skew_max: 0 };
    request::verify(&message, fields, [key.key()], fresh).unwrap();
    let (mut buffer, mut parts) = (BytesMut::from(&*request.body), 0);
    while let Some((envelope, signature)) = frames::next_signed(&mut buffer).unwrap() {
        let digest: [u8; 32] = Sha256::digest(&envelope).into();
        assert!(key.key().verify(&request::part(&digest), &signature));
        let another = request::part(&Sha256::digest(&envelope[1..]).into());
        assert!(!key.key().verify(&another, &signature));
        parts += 1;
    }
    assert!(buffer.is_empty());
    parts
}

#[tokio::test(flavor = "multi_thread")]
async fn each_part_of_a_stream_is_signed_and_the_whole_is_acknowledged() {
    let key = Arc::new(Mutex::new(None::<SigningKey>));
    let known = Arc::clone(&key);
    let stub = Stub::answering(move |request| {
        let parts = check(request, known.lock().unwrap().as_ref().unwrap());
        with_receipt(&of_stream(request, parts))
    });
    let mut world = plan(stub).start().await;
    let pem = std::fs::read_to_string(world.folder().join("keys/signing.key")).unwrap();
    *key.lock().unwrap() = Some(SigningKey::from_pem(&pem).unwrap());
    let sent = world.send(stream(&[AIGERIM, MADINA, AIGERIM])).await;
    assert_eq!((sent.status, status(&sent)), (200, Some("accepted")), "{sent:#?}");
    let [receipt] = sent.receipts.as_slice() else { panic!("{sent:#?}") };
    assert_eq!(
        (&receipt["did"], &receipt["status"]),
        (&sent.decision().into(), &"accepted".into())
    );
    assert_eq!(receipt["of"], sent.entries[0]["seq"]);
    let parts: Vec<String> = sent.entries.iter().map(|it| it["did"].to_string()).collect();
    world.stop().await;
    let verify = world.otkel(&["verify"]);
    let text = String::from_utf8(verify.stdout).unwrap();
    assert!(text.contains("\nreceipts: 1 accepted"), "{text}");
    // The receipt is told of every part.
    let last = parts[2].trim_matches('"');
    let explain = world.otkel(&["explain", last]);
    let text = String::from_utf8(explain.stdout).unwrap();
    assert!(text.contains("the partner signed that it accepted it"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_another_stream_is_wrong() {
    let edits: [(&str, Edit); 4] = [
        ("parts", |it| it.parts = Some(1)),
        ("parts", |it| it.parts = None),
        ("envelope", |it| it.env.len -= 1),
        ("id", |it| it.did = uuid::Uuid::from_u128(7)),
    ];
    for (why, edit) in edits {
        let stub = Stub::answering(move |request| {
            with_receipt(&signed(request, |receipt| {
                receipt.parts = Some(2);
                edit(receipt);
            }))
        });
        let sent = plan(stub).start().await.send(stream(&[AIGERIM, MADINA])).await;
        assert_eq!((sent.status, status(&sent)), (200, Some("wrong")), "{why}");
        let [receipt] = sent.receipts.as_slice() else { panic!("{sent:#?}") };
        assert_eq!(receipt["why"], why);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_refuses_in_the_midst_acknowledges_what_it_took() {
    let refusing = |edit: Edit| {
        Stub::answering(move |request| {
            let mut buffer = BytesMut::from(&*request.body);
            frames::next_signed(&mut buffer).unwrap().unwrap();
            let first = &request.body[..request.body.len() - buffer.len()];
            let receipt = signed(request, |receipt| {
                receipt.parts = Some(1);
                receipt.env = bytes(first);
                receipt.status = Status::Rejected;
                edit(receipt);
            });
            let answer = String::from_utf8(with_receipt(&receipt)).unwrap();
            answer.replace("200 OK", "422 No").into()
        })
    };
    let sent = plan(refusing(|_| {})).start().await.send(stream(&[AIGERIM, MADINA])).await;
    assert_eq!((sent.status, status(&sent)), (422, Some("rejected")), "{sent:#?}");
    let edits: [Edit; 3] =
        [|it| it.parts = Some(2), |it| it.parts = Some(0), |it| it.parts = Some(3)];
    for edit in edits {
        let sent = plan(refusing(edit)).start().await.send(stream(&[AIGERIM, MADINA])).await;
        assert_eq!(status(&sent), Some("wrong"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_whose_first_record_stays_is_acknowledged_by_the_streams_id() {
    let stub = Stub::answering(|request| with_receipt(&of_stream(request, 1)));
    let sent = plan(stub).start().await.send(stream(&[NURLAN, AIGERIM])).await;
    assert_eq!((sent.status, status(&sent)), (200, Some("accepted")), "{sent:#?}");
    let [refusal, disclosure, _] = sent.entries.as_slice() else { panic!("{sent:#?}") };
    assert_eq!((&refusal["type"], &refusal["did"]), (&"refusal".into(), &sent.decision().into()));
    assert_eq!(sent.receipts[0]["did"], disclosure["did"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_can_go_unsigned() {
    let stub = Stub::answering(|request| {
        assert_eq!(request.header("content-type"), frames::MEDIA_TYPE);
        assert_eq!(request.header("signature"), "");
        let mut buffer = BytesMut::from(&*request.body);
        assert!(frames::next(&mut buffer).unwrap().is_some() && buffer.is_empty());
        with_receipt(&of_stream(request, 1))
    });
    let world = with_rules(plan(stub), "signed = false").start().await;
    assert_eq!(status(&world.send(stream(&[AIGERIM])).await), Some("accepted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_does_not_begin_without_a_key_that_signs() {
    let later = r#"{ file = "keys/signing.key", from = 2026-11-22T08:00:00Z }"#;
    let keys = r#"{ file = "keys/signing.key" }"#;
    let world = plan(Stub::that(Act::Hears(WELL))).edit(keys, later).start().await;
    let sent = world.send(stream(&[AIGERIM, MADINA])).await;
    assert_eq!(sent.problem()["code"], "SIGNING_KEY_UNAVAILABLE");
    assert_eq!((sent.heard, sent.receipts.len()), (0, 0));
    sent.is_settled("failed");
}
