//! What travels beside an envelope: the gateway's signature under its request, the partner's
//! receipt, and answers that come sealed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

#[path = "../support/world.rs"]
mod world;

mod kept;
mod killed;
mod replies;
mod requests;
mod streams;

use std::sync::{Arc, Mutex};

use data_encoding::HEXLOWER;
use otkel::demo::sample::AIGERIM;
use otkel::signing::receipt::{Bytes, Receipt, Status, TYPE};
use otkel::signing::{Sign, SigningKey, jws};
use otkel::time::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use world::*;
use zeroize::Zeroizing;

const GB: &str = "training-gb";
const GB_FILE: &str = "partners/training-gb.toml";

/// The receipt of a request, as a partner should make it.
fn receipt(request: &Request<'_>) -> Receipt {
    Receipt {
        v: 1,
        iss: GB.into(),
        aud: "gw.demo.example".into(),
        iat: Timestamp::parse(NOON).unwrap().seconds(),
        did: request.header("otkel-id").parse().unwrap(),
        env: bytes(&request.body),
        status: Status::Accepted,
        opened: true,
        parts: None,
        reply: None,
    }
}

fn bytes(body: &[u8]) -> Bytes {
    Bytes::new(&Sha256::digest(body).into(), body.len() as u64)
}

/// An answer with more of a head.
fn answer(more: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\n{more}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn with_receipt(text: &str) -> Vec<u8> {
    answer(&format!("otkel-receipt: {text}\r\n"), b"{}")
}

fn signed(request: &Request<'_>, edit: impl Fn(&mut Receipt)) -> String {
    let mut receipt = receipt(request);
    edit(&mut receipt);
    receipt.sign(&request.desk.identity).unwrap()
}

/// A plan in which the partner's answers carry receipts that are made so.
fn answering(text: impl Fn(&Request<'_>) -> String + Send + Sync + 'static) -> Plan {
    let stub = Stub::answering(move |request| with_receipt(&text(request)));
    World::plan().stub(GB, stub)
}

/// The same plan, where the partner's rules say this of its envelopes.
fn with_rules(plan: Plan, rules: &str) -> Plan {
    plan.rule(GB_FILE, "[endpoint.main]", &format!("[envelope]\n{rules}\n\n[endpoint.main]"))
}

async fn send(world: &World) -> Sent {
    world.send(enrol(learners(&[AIGERIM]))).await
}

fn status(sent: &Sent) -> Option<&str> {
    sent.headers.get("otkel-receipt-status").map(|value| value.to_str().unwrap())
}

/// The one receipt in the ledger, which stands between its disclosure and the outcome.
#[track_caller]
fn recorded(sent: &Sent) -> &Value {
    let disclosure = sent.is_settled("delivered");
    let [receipt] = sent.receipts.as_slice() else { panic!("{sent:#?}") };
    assert_eq!((&receipt["of"], &receipt["did"]), (&disclosure["seq"], &disclosure["did"]));
    let seq = |entry: &Value| entry["seq"].as_u64().unwrap();
    assert_eq!(seq(receipt) + 1, seq(sent.outcome()));
    receipt
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_receipt_is_kept_as_it_came_and_told_everywhere() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let all = [Status::Accepted, Status::Rejected, Status::Deferred];
    let answers = Arc::clone(&told);
    let plan = answering(move |request| {
        let mut told = answers.lock().unwrap();
        let text = signed(request, |receipt| receipt.status = all[told.len()]);
        told.push(text.clone());
        text
    });
    let mut world = plan.start().await;
    let mut dids = Vec::new();
    for (n, expected) in all.iter().enumerate() {
        let sent = send(&world).await;
        assert_eq!((sent.status, status(&sent)), (200, Some(expected.word())));
        let receipt = recorded(&sent);
        let jws = told.lock().unwrap()[n].clone();
        assert_eq!((&receipt["status"], &receipt["jws"]), (&expected.word().into(), &jws.into()));
        assert_eq!((receipt.get("why"), receipt.get("sha256")), (None, None));
        let manifest = format!("/.well-known/otkel/manifests/{}", sent.decision());
        let ask = enrol("").without_type().method("GET").path(&manifest);
        let manifest: Value = serde_json::from_slice(&world.send(ask).await.body).unwrap();
        assert_eq!(manifest["receipt"]["jws"], receipt["jws"]);
        dids.push(sent.decision().to_owned());
    }
    let metrics = metrics(&world).await;
    for status in ["accepted", "rejected", "deferred"] {
        assert!(metrics.contains(&format!("otkel_receipts_total{{status=\"{status}\"}} 1\n")));
    }
    world.stop().await;
    let verify = world.otkel(&["verify"]);
    let text = String::from_utf8(verify.stdout).unwrap();
    assert!(text.contains("\nreceipts: 1 accepted, 1 deferred, 1 rejected"), "{text}");
    let explain = world.otkel(&["explain", &dids[1]]);
    let text = String::from_utf8(explain.stdout).unwrap();
    assert!(text.contains("the partner signed that it rejected it"), "{text}");
    let explain = world.otkel(&["explain", "--json", &dids[1]]);
    let json: Value = serde_json::from_slice(&explain.stdout).unwrap();
    assert_eq!(json["receipt"]["status"], "rejected");
}

async fn metrics(world: &World) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(world.gateway().admin).await.unwrap();
    let token = std::fs::read_to_string(world.folder().join("keys/officer.token")).unwrap();
    let head = "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
    let request = format!("{head}authorization: Bearer {}\r\n\r\n", token.trim());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

type Edit = fn(&mut Receipt);

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_anything_else_is_wrong_and_kept_by_its_hash_only() {
    let edits: [(&str, Edit); 11] = [
        ("payload", |it| it.v = 2),
        ("issuer", |it| it.iss = "learning-de".into()),
        ("audience", |it| it.aud = "gw.other.example".into()),
        ("id", |it| it.did = uuid::Uuid::from_u128(7)),
        ("envelope", |it| it.env.sha256 = HEXLOWER.encode(&[0; 32])),
        ("envelope", |it| it.env.sha256 = it.env.sha256.to_uppercase()),
        ("envelope", |it| it.env.len += 1),
        ("parts", |it| it.parts = Some(1)),
        ("reply", |it| it.reply = Some(bytes(b"{}"))),
        ("time", |it| it.iat -= 301),
        ("time", |it| it.iat += 301),
    ];
    let world = cases(edits.map(|(why, edit)| {
        (why, Box::new(move |request: &Request<'_>| signed(request, edit)) as Case)
    }));
    world.await;
}

/// Makes a receipt of a request.
type Case = Box<dyn Fn(&Request<'_>) -> String + Send + Sync>;

/// Sends once for each case: what comes is wrong for that reason, and leaves nothing but its hash.
async fn cases(cases: impl IntoIterator<Item = (&'static str, Case)>) {
    let (reasons, makers): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    let told = Arc::new(Mutex::new(Vec::<String>::new()));
    let answers = Arc::clone(&told);
    let plan = answering(move |request| {
        let mut told = answers.lock().unwrap();
        let text = makers[told.len()](request);
        told.push(text.clone());
        text
    });
    let mut world = plan.start().await;
    for (n, why) in reasons.iter().enumerate() {
        let sent = send(&world).await;
        let text = told.lock().unwrap()[n].clone();
        assert_eq!((sent.status, status(&sent)), (200, Some("wrong")), "{why}");
        let receipt = recorded(&sent);
        assert_eq!((&receipt["status"], &receipt["why"]), (&"wrong".into(), &(*why).into()));
        let sha256 = HEXLOWER.encode(&Sha256::digest(text.trim()));
        assert_eq!((&receipt["sha256"], receipt.get("jws")), (&sha256.into(), None), "{text}");
    }
    world.stop().await;
    assert!(world.otkel(&["verify"]).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_is_not_signed_as_it_must_be_is_wrong() {
    let other = || SigningKey::from_seed(&Zeroizing::new([9; 32]));
    let own: [(&str, Case); 9] = [
        ("key", Box::new(move |request| receipt(request).sign(&other()).unwrap())),
        (
            "signature",
            Box::new(|request| {
                let text = signed(request, |_| {});
                let (signed, signature) = text.rsplit_once('.').unwrap();
                let first = if signature.starts_with('A') { "B" } else { "A" };
                format!("{signed}.{first}{}", &signature[1..])
            }),
        ),
        (
            "type",
            Box::new(|request| {
                let payload = serde_json::to_vec(&receipt(request)).unwrap();
                jws::sign("otkel-keys+jws", &payload, &request.desk.identity).unwrap()
            }),
        ),
        (
            "payload",
            Box::new(|request| {
                let mut payload = serde_json::to_value(receipt(request)).unwrap();
                payload["note"] = json!("received of Aigerim, 850101300123");
                let payload = payload.to_string();
                jws::sign(TYPE, payload.as_bytes(), &request.desk.identity).unwrap()
            }),
        ),
        (
            "payload",
            Box::new(|request| {
                let mut payload = serde_json::to_value(receipt(request)).unwrap();
                payload["status"] = json!("accepted for 850101300123");
                jws::sign(TYPE, payload.to_string().as_bytes(), &request.desk.identity).unwrap()
            }),
        ),
        (
            "header",
            Box::new(|request| {
                let text = signed(request, |_| {});
                let header =
                    json!({"alg": "Ed25519", "typ": TYPE, "kid": "850101300123", "jku": ""});
                let header = data_encoding::BASE64URL_NOPAD.encode(header.to_string().as_bytes());
                format!("{header}.{}", text.split_once('.').unwrap().1)
            }),
        ),
        (
            "algorithm",
            Box::new(|request| {
                let text = signed(request, |_| {});
                let header =
                    json!({"alg": "none", "typ": TYPE, "kid": request.desk.identity.key().kid()});
                let header = data_encoding::BASE64URL_NOPAD.encode(header.to_string().as_bytes());
                format!("{header}.{}", text.split_once('.').unwrap().1)
            }),
        ),
        ("form", Box::new(|_| "850101300123".into())),
        ("length", Box::new(|_| "850101300123".repeat(400))),
    ];
    cases(own).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_receipt_is_told_and_two_are_none() {
    let world = World::plan().stub(GB, Stub::that(Act::Says(WELL))).start().await;
    let sent = send(&world).await;
    assert_eq!((sent.status, status(&sent)), (200, Some("missing")));
    let receipt = recorded(&sent);
    assert_eq!(receipt["status"], "missing");
    let members: Vec<_> = receipt.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["did", "of", "seq", "status", "time", "type", "v"]);

    let twice = Stub::answering(|request| {
        let text = signed(request, |_| {});
        answer(&format!("otkel-receipt: {text}\r\notkel-receipt: {text}\r\n"), b"{}")
    });
    let world = World::plan().stub(GB, twice).start().await;
    let sent = send(&world).await;
    assert_eq!(recorded(&sent)["why"], "several");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_receipt_is_asked_of_a_partner_that_gives_none() {
    let plan = with_rules(answering(|request| signed(request, |_| {})), "receipts = \"none\"");
    let sent = send(&plan.start().await).await;
    assert_eq!((sent.status, status(&sent), sent.receipts.len()), (200, None, 0));
    sent.is_settled("delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_there_is_no_receipt() {
    let world = World::plan().stub(GB, Stub::that(Act::Resets)).start().await;
    let sent = send(&world).await;
    sent.fails("PARTNER_ANSWER_BAD", "unknown");
    assert_eq!((status(&sent), sent.receipts.len()), (None, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_withheld_leaves_its_receipt() {
    let stub = Stub::answering(|request| {
        let receipt = format!("otkel-receipt: {}\r\n", signed(request, |_| {}));
        answer(&format!("{receipt}content-type: text/html\r\n"), b"<p>")
    });
    let rules =
        ("[route.fields]\n\"$.course.code\"", "[route.answer.fields]\n\"$.id\" = \"keep\"\n");
    let plan = World::plan().rule(GB_FILE, rules.0, &format!("{}{}", rules.1, rules.0));
    let sent = send(&plan.stub(GB, stub).start().await).await;
    assert_eq!((sent.status, status(&sent)), (502, Some("accepted")));
    assert_eq!(sent.problem()["code"], "ANSWER_UNINSPECTABLE");
    assert_eq!(recorded(&sent)["status"], "accepted");
}
