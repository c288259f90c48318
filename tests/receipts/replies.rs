//! Answers that come sealed.

use hpke::rand_core::UnwrapErr;
use otkel::envelope::reply::{self, Answer};
use otkel::envelope::{self, Header, RecipientSecret};

use super::*;

/// What a partner sends back: the envelope, and the receipt that names it.
struct Back {
    status: u16,
    envelope: Vec<u8>,
    receipt: Receipt,
}

/// Seals an answer to a request as it should be, after an edit of the header that it is sealed by.
fn sealed(request: &Request<'_>, answer: &Answer, edit: impl Fn(&mut Header)) -> Back {
    let (mut header, _) = envelope::open(&request.body, &request.desk.secret).unwrap();
    edit(&mut header);
    let now = Timestamp::parse(NOON).unwrap();
    let mut random = UnwrapErr(getrandom::SysRng);
    let envelope = reply::seal(&header, answer, None, now, &mut random).unwrap();
    let receipt = Receipt { reply: Some(bytes(&envelope)), ..receipt(request) };
    Back { status: answer.status, envelope, receipt }
}

fn json_answer(body: &str) -> Answer {
    Answer { status: 200, media: "application/json".into(), body: body.into() }
}

impl Back {
    fn send(&self, request: &Request<'_>) -> Vec<u8> {
        let receipt = self.receipt.sign(&request.desk.identity).unwrap();
        let head = format!(
            "HTTP/1.1 {} Sealed\r\ncontent-type: application/vnd.otkel\r\n\
             otkel-receipt: {receipt}\r\ncontent-length: {}\r\n\r\n",
            self.status,
            self.envelope.len()
        );
        [head.as_bytes(), &self.envelope].concat()
    }
}

fn plan(rule: &str, answer: impl Fn(&Request<'_>) -> Vec<u8> + Send + Sync + 'static) -> Plan {
    let rule = format!("reply = \"{rule}\"");
    with_rules(World::plan().stub(GB, Stub::answering(answer)), &rule)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_answer_is_opened_and_comes_back() {
    for rule in ["offered", "required"] {
        let plan = plan(rule, |request| {
            sealed(request, &json_answer(r#"{"id":"7"}"#), |_| {}).send(request)
        });
        let sent = send(&plan.start().await).await;
        assert_eq!((sent.status, &*sent.body), (200, &br#"{"id":"7"}"#[..]), "{sent:#?}");
        assert_eq!(sent.headers["content-type"], "application/json");
        assert_eq!(status(&sent), Some("accepted"));
        assert_eq!(recorded(&sent)["status"], "accepted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_answer_goes_through_the_rules_of_the_route() {
    let rules = "[route.answer.fields]\n\"$.id\" = \"keep\"\n[route.fields]\n\"$.course.code\"";
    let plan = |answer: Answer| {
        let plan = plan("required", move |request| sealed(request, &answer, |_| {}).send(request));
        plan.rule(GB_FILE, "[route.fields]\n\"$.course.code\"", rules)
    };
    let body = r#"{"id":"7","iin":"850101300123"}"#;
    let sent = send(&plan(json_answer(body)).start().await).await;
    assert_eq!((sent.status, &*sent.body), (200, &br#"{"id":"7"}"#[..]), "{sent:#?}");
    let html = Answer { media: "text/html".into(), ..json_answer("<p>850101300123</p>") };
    let sent = send(&plan(html).start().await).await;
    assert_eq!((sent.status, &sent.problem()["code"]), (502, &"ANSWER_UNINSPECTABLE".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_can_be_sealed_too() {
    let plan = plan("required", |request| {
        let answer = Answer { status: 422, ..json_answer(r#"{"error":"no"}"#) };
        sealed(request, &answer, |_| {}).send(request)
    });
    let sent = send(&plan.start().await).await;
    assert_eq!((sent.status, &*sent.body), (422, &br#"{"error":"no"}"#[..]));
    assert_eq!(sent.outcome()["status"], 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_has_no_body_is_sealed_with_its_status() {
    let plan = plan("required", |request| {
        let answer = Answer { status: 204, media: String::new(), body: Vec::new() };
        Back { status: 200, ..sealed(request, &answer, |_| {}) }.send(request)
    });
    let sent = send(&plan.start().await).await;
    assert_eq!((sent.status, sent.body.len(), status(&sent)), (204, 0, Some("accepted")));
    assert!(!sent.headers.contains_key("content-type"));
}

type Made = fn(&Request<'_>) -> Back;

const SECRET: &str = r#"{"note":"zqsecretzq"}"#;

/// Answers that are not this partner's to this request, and whether their receipt is a good one.
const FORGED: [(&str, Made, &str); 9] = [
    (
        "another disclosure",
        |r| sealed(r, &json_answer(SECRET), |h| h.did = uuid::Uuid::max()),
        "accepted",
    ),
    (
        "another partner",
        |r| sealed(r, &json_answer(SECRET), |h| h.aud = "other".into()),
        "accepted",
    ),
    (
        "another gateway",
        |r| sealed(r, &json_answer(SECRET), |h| h.iss = "other".into()),
        "accepted",
    ),
    ("another path", |r| sealed(r, &json_answer(SECRET), |h| h.p = "/v2".into()), "accepted"),
    ("another method", |r| sealed(r, &json_answer(SECRET), |h| h.m = "PUT".into()), "accepted"),
    (
        "another status",
        |r| {
            let answer = Answer { status: 201, ..json_answer(SECRET) };
            Back { status: 200, ..sealed(r, &answer, |_| {}) }
        },
        "accepted",
    ),
    (
        "not named by the receipt",
        |r| {
            let back = sealed(r, &json_answer(SECRET), |_| {});
            Back { receipt: receipt(r), ..back }
        },
        "accepted",
    ),
    (
        "other bytes than the receipt names",
        |r| {
            let (one, other) =
                (sealed(r, &json_answer("{}"), |_| {}), sealed(r, &json_answer(SECRET), |_| {}));
            Back { receipt: one.receipt, ..other }
        },
        "wrong",
    ),
    (
        "sealed to another key",
        |r| {
            sealed(r, &json_answer(SECRET), |h| {
                let mut random = UnwrapErr(getrandom::SysRng);
                let own = RecipientSecret::generate(envelope::Kem::X25519, &mut random).unwrap();
                h.re = Some(envelope::ReplyKey::of(&own));
            })
        },
        "accepted",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_to_this_request_is_withheld() {
    let next = Mutex::new(0);
    let plan = plan("offered", move |request| {
        let mut next = next.lock().unwrap();
        *next += 1;
        (FORGED[*next - 1].1)(request).send(request)
    });
    let world = plan.start().await;
    for (what, _, receipt) in FORGED {
        let sent = send(&world).await;
        withheld(&sent, what);
        assert_eq!((status(&sent), &recorded(&sent)["status"]), (Some(receipt), &receipt.into()));
    }
}

/// Nothing of the answer came back.
#[track_caller]
fn withheld(sent: &Sent, what: &str) {
    assert_eq!(sent.status, 502, "{what}: {sent:#?}");
    assert_eq!(sent.problem()["code"], "ANSWER_UNPROVEN", "{what}");
    assert_eq!(count(&sent.body, b"zqsecretzq"), 0, "{what}");
    sent.is_settled("delivered");
    assert_eq!(sent.outcome()["reason"], "ANSWER_UNPROVEN", "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_an_earlier_request_is_withheld() {
    let kept = Mutex::new(None);
    let plan = plan("offered", move |request| {
        let mut kept = kept.lock().unwrap();
        let now = sealed(request, &json_answer(SECRET), |_| {});
        let before: &Vec<u8> = kept.get_or_insert_with(|| now.envelope.clone());
        let receipt = Receipt { reply: Some(bytes(before)), ..now.receipt };
        Back { envelope: before.clone(), receipt, ..now }.send(request)
    });
    let world = plan.start().await;
    assert_eq!(send(&world).await.status, 200);
    withheld(&send(&world).await, "replayed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_answer_without_its_receipt_is_withheld() {
    let plan = plan("offered", |request| {
        let back = sealed(request, &json_answer(SECRET), |_| {});
        answer("content-type: application/vnd.otkel\r\n", &back.envelope)
    });
    let sent = send(&plan.start().await).await;
    withheld(&sent, "no receipt");
    assert_eq!(recorded(&sent)["status"], "missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_or_cut_sealed_answer_is_withheld() {
    let edits: [fn(&mut Vec<u8>); 3] = [
        |envelope| *envelope.last_mut().unwrap() ^= 1,
        |envelope| envelope.truncate(envelope.len() - 1),
        |envelope| envelope.clear(),
    ];
    for edit in edits {
        let plan = plan("offered", move |request| {
            let mut back = sealed(request, &json_answer(SECRET), |_| {});
            edit(&mut back.envelope);
            back.receipt.reply = Some(bytes(&back.envelope));
            back.send(request)
        });
        withheld(&send(&plan.start().await).await, "changed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_the_clear_comes_back_only_where_it_may() {
    let clear = |request: &Request<'_>| {
        let head = format!("otkel-receipt: {}\r\n", signed(request, |_| {}));
        answer(&head, SECRET.as_bytes())
    };
    let sent = send(&plan("offered", clear).start().await).await;
    assert_eq!((sent.status, &*sent.body), (200, SECRET.as_bytes()));
    withheld(&send(&plan("required", clear).start().await).await, "in the clear");
    let plan = with_rules(World::plan().stub(GB, Stub::answering(clear)), "reply = \"plain\"");
    assert_eq!(send(&plan.start().await).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_that_is_offered_changes_and_an_earlier_one_still_opens() {
    let keys = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&keys);
    let plan = plan("required", move |request| {
        let (header, _) = envelope::open(&request.body, &request.desk.secret).unwrap();
        let mut seen = seen.lock().unwrap();
        seen.push(header.re.unwrap());
        // As if the first of them had been long on the way.
        let first = seen[0].clone();
        let back = sealed(request, &json_answer("{}"), |h| h.re = Some(first.clone()));
        back.send(request)
    });
    let world = plan.start().await;
    // The partner's clock stays, within what is borne.
    for minutes in [0, 5] {
        world.clock.set(Timestamp::parse(NOON).unwrap().plus_millis(minutes * 60_000));
        assert_eq!(send(&world).await.status, 200);
    }
    let keys = keys.lock().unwrap();
    assert_ne!(keys[0].kid, keys[1].kid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_beside_an_unknown_key_names_no_sealed_answer() {
    let stub = Stub::answering(|request| {
        let note = Bytes { sha256: "received of Aigerim, 850101300123".into(), len: 1 };
        let text = signed(request, |receipt| receipt.reply = Some(note.clone()));
        let head = "HTTP/1.1 422 No\r\notkel-error: unknown-kid\r\ncontent-length: 0\r\n";
        format!("{head}otkel-receipt: {text}\r\n\r\n").into_bytes()
    });
    for rule in ["plain", "offered", "required"] {
        let plan = with_rules(World::plan().stub(GB, stub.clone()), &format!("reply = \"{rule}\""));
        let sent = send(&plan.start().await).await;
        assert_eq!((sent.status, status(&sent)), (503, Some("wrong")), "{sent:#?}");
        let [receipt] = sent.receipts.as_slice() else { panic!("{sent:#?}") };
        assert_eq!((&receipt["why"], receipt.get("jws")), (&"reply".into(), None));
    }
}
