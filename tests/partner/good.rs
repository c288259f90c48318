//! What nothing is wrong with arrives as it was, and is acknowledged.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use otkel::envelope::reply::{self, Asked};
use otkel::envelope::request::Request as Inner;
use otkel::envelope::{Kem, Padding};
use otkel::signing::Sign as _;
use otkel::signing::receipt::{Receipt, Status};
use otkel::tls;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::application::Act;
use crate::letter::{CLIENT, GATEWAY, HOST, IDENTITY, PARTNER, secret, signer};
use crate::world::{World, write_secret};

#[tokio::test]
async fn a_message_arrives_as_it_was() {
    let world = World::new().await;
    let text = r#"{"learners":[{"iin":"580101100015"}]}"#;
    let post = world.letter(text).post().field("accept", Some("text/csv"));
    let reply = world.way.send(&post).await;
    assert_eq!((reply.status, &*reply.body), (201, &b"done"[..]));
    let receipt = world.receipt(&reply, &post, None);
    assert_eq!((receipt.status, receipt.reply), (Status::Accepted, None));

    let asked = world.app.asked().remove(0);
    assert_eq!(asked.line, "POST /v1/enrolments");
    assert_eq!(asked.body, Ok(text.as_bytes().to_vec()));
    let fields: Vec<(&str, &str)> =
        asked.fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    let address = world.app.address.to_string();
    // The whole of it: nothing that the gateway sent besides, no signature, no digest.
    assert_eq!(
        fields,
        [
            ("accept-encoding", "identity"),
            ("content-length", "37"),
            ("content-type", "application/json"),
            ("host", &*address),
            ("otkel-expires", "2026-11-23T14:00:00.000Z"),
            ("otkel-gateway", GATEWAY),
            ("otkel-id", post.value("otkel-id")),
            ("otkel-onward", "no"),
            ("otkel-purpose", "P09"),
        ]
    );
}

#[tokio::test]
async fn a_reply_comes_back_with_its_status_and_what_it_means() {
    let world = World::new().await;
    for (status, means) in [
        (200, Status::Accepted),
        (204, Status::Accepted),
        (302, Status::Deferred),
        (400, Status::Rejected),
        (404, Status::Rejected),
        (500, Status::Deferred),
        (503, Status::Deferred),
    ] {
        let body = if status == 204 { Vec::new() } else { b"why".to_vec() };
        let fields = vec![
            ("content-type", "text/plain"),
            ("retry-after", "7"),
            ("set-cookie", "a=b"),
            ("otkel-receipt", "forged"),
            ("otkel-error", "unknown-kid"),
        ];
        world.app.act(Act::Says(status, fields, body.clone()));
        let post = world.letter("{}").post();
        let reply = world.way.send(&post).await;
        assert_eq!((reply.status, reply.body.clone()), (status, body));
        assert_eq!(world.receipt(&reply, &post, None).status, means, "{status}");
        assert_eq!(reply.field("content-type"), Some("text/plain"));
        assert_eq!(reply.field("retry-after"), Some("7"));
        // Neither the application's own fields for browsers, nor any that speaks for the proxy.
        assert_eq!((reply.field("set-cookie"), reply.field("otkel-error")), (None, None));
    }
}

#[tokio::test]
async fn a_reply_is_sealed_where_the_gateway_asks_for_it() {
    let world = World::new().await;
    let key = secret(Kem::X25519, 77);
    for (status, pad) in [(200, None), (404, Some(Padding::Padme)), (204, None)] {
        let body = if status == 204 { Vec::new() } else { br#"{"iin":"580101100015"}"#.to_vec() };
        let fields = vec![("content-type", "application/json"), ("location", "/secret")];
        world.app.act(Act::Says(status, fields, body.clone()));
        let mut letter = world.letter("{}").asking_for_a_sealed_reply(&key);
        letter.pad = pad;
        let post = letter.post();
        let reply = world.way.send(&post).await;
        assert_eq!(reply.status, if status == 204 { 200 } else { status });
        assert_eq!(reply.field("content-type"), Some("application/vnd.otkel"));
        assert_eq!(reply.field("location"), None);
        assert!(!reply.body.windows(4).any(|window| window == b"5801"));
        let asked = Asked {
            did: letter.header.did,
            gateway: GATEWAY,
            partner: PARTNER,
            method: "POST",
            path: "/v1/enrolments",
        };
        let opened = reply::open(&reply.body, &key, &asked).unwrap();
        let media = "application/json".to_owned();
        assert_eq!(opened, reply::Answer { status, media, body });
        let receipt = world.receipt(&reply, &post, None);
        let digest = receipt.reply.expect("the reply is bound");
        assert_eq!(digest.len, reply.body.len() as u64);
    }
}

#[tokio::test]
async fn a_request_inside_is_unpacked() {
    let world = World::new().await;
    let inner = Inner {
        method: "GET".into(),
        authority: HOST.into(),
        target: "/v1/learners/850101300123?lang=kk".into(),
        headers: vec![
            ("accept".into(), "application/json".into()),
            ("x-two".into(), "a".into()),
            ("x-two".into(), "b".into()),
        ],
        body: Vec::new(),
    };
    let mut letter = world.letter("");
    letter.header.cty = "message/bhttp".into();
    letter.text = inner.encode();
    assert_eq!(world.send(&letter).await.status, 201);
    let put = Inner { method: "PUT".into(), body: b"x=1".to_vec(), ..inner };
    let mut letter = world.letter("");
    letter.header.cty = "message/bhttp".into();
    letter.text = put.encode();
    assert_eq!(world.send(&letter).await.status, 201);

    let [get, put] = world.app.asked().try_into().unwrap();
    assert_eq!(get.line, "GET /v1/learners/850101300123?lang=kk");
    assert_eq!((get.field("accept"), get.field("content-type")), ("application/json", ""));
    assert_eq!(get.body, Ok(Vec::new()));
    assert_eq!(get.field("otkel-purpose"), "P09");
    assert_eq!(
        (&*put.line, put.body),
        ("PUT /v1/learners/850101300123?lang=kk", Ok(b"x=1".to_vec()))
    );
}

#[tokio::test]
async fn every_mode_kem_and_padding_opens() {
    let mut world = World::with("[keys]\nprivate = [\"9.key\"]\n").await;
    write_secret(&world.folder, Kem::MlKem768X25519, 10);
    let path = world.folder.join("partner.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("[\"9.key\"]", "[\"9.key\", \"10.key\"]");
    std::fs::write(&path, text).unwrap();
    world.partner.reload().await.unwrap();
    let long = "x".repeat(100_000);
    let (plain, hybrid, other) = ((Kem::X25519, 9), (Kem::MlKem768X25519, 10), (Kem::X25519, 33));
    for to in [vec![plain], vec![hybrid], vec![plain, other], vec![other, hybrid]] {
        for pad in [None, Some(Padding::Padme), Some(Padding::Multiple(4096))] {
            let mut letter = world.letter(&long);
            (letter.to, letter.pad) = (to.clone(), pad);
            let post = letter.post();
            let reply = world.way.send(&post).await;
            assert_eq!(reply.status, 201, "{to:?} {pad:?}");
            world.receipt(&reply, &post, None);
            let asked = world.app.asked().pop().unwrap();
            assert_eq!(asked.body, Ok(long.clone().into_bytes()), "{to:?} {pad:?}");
        }
    }
}

#[tokio::test]
async fn http_2_is_spoken_too() {
    let world = World::new().await;
    let client = world.authority.issue(&[CLIENT]).identity();
    let mut tls = (*tls::connector(Some(&client), &world.authority.file(), &[]).unwrap()).clone();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(world.partner.address).await.unwrap();
    let name = ServerName::try_from(HOST).unwrap();
    let stream = TlsConnector::from(Arc::new(tls)).connect(name, stream).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let post = world.letter("{}").post();
    let mut request =
        hyper::Request::builder().method("POST").uri(format!("https://{HOST}{}", post.path));
    for (name, value) in &post.fields {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::from(post.body.clone()))).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.status(), 201);
    let text = answer.headers()["otkel-receipt"].to_str().unwrap();
    assert!(Receipt::read(text, [signer(IDENTITY).key()]).is_ok());
    assert_eq!(world.app.asked().len(), 1);
}

#[tokio::test]
async fn a_reply_that_cannot_be_sealed_is_no_empty_one() {
    let world = World::new().await;
    let long: &'static str = format!("text/plain; x={}", "x".repeat(8192)).leak();
    world.app.act(Act::Says(200, vec![("content-type", long)], b"found".to_vec()));
    let key = secret(Kem::X25519, 30);
    let post = world.letter("{}").asking_for_a_sealed_reply(&key).post();
    let reply = world.way.send(&post).await;
    assert_eq!(reply.refusal(), (502, "application-broke-off"));
    assert_eq!(world.receipt(&reply, &post, None).status, Status::Deferred);
}
