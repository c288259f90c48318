//! Partners that are not what they should be, or do not do what they should.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Collected};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode};
use otkel::proxy::upstream::{
    AnswerBody, AnswerFault, Deadlines, Failure, Outbound, Settings, Unknown, Unsent, Upstream,
};
use otkel::tls::{Pin, connector};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::tls::{Authority, Issued};

const PARTNER: &str = "partner.example";
const DEADLINES: Deadlines =
    Deadlines { connect_ms: 500, answer_ms: 500, answer_idle_ms: 400, answer_total_ms: 1_500 };

/// What a partner does with a connection whose TLS handshake is done.
#[derive(Clone, Copy)]
enum Act {
    /// Reads a request, sends these bytes, and waits.
    Say(&'static str),
    /// The same, and closes with a proper end of the TLS stream.
    SayAndClose(&'static str),
    /// The same, and cuts the connection.
    SayAndCut(&'static str),
    /// Sends this much head, and then this piece again and again.
    Repeat(&'static str, &'static str, Duration),
    /// Closes before it has read anything.
    CloseAtOnce,
}

/// A partner, and what it saw.
struct Partner {
    authority: Authority,
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Partner {
    async fn new(act: Act) -> Self {
        Self::with(act, |authority| authority.issue(&[PARTNER]), |_| {}).await
    }

    async fn with(
        act: Act,
        certificate: impl Fn(&Authority) -> Issued,
        change: impl Fn(&mut ServerConfig),
    ) -> Self {
        let authority = Authority::new("partner");
        let mut config = server_config(&certificate(&authority), &TLS13);
        change(&mut config);
        Self::start(authority, config, act).await
    }

    async fn start(authority: Authority, config: ServerConfig, act: Act) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let partner =
            Self { authority, address, requests: Arc::default(), connections: Arc::default() };
        let (requests, connections) =
            (Arc::clone(&partner.requests), Arc::clone(&partner.connections));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (acceptor, requests) = (acceptor.clone(), Arc::clone(&requests));
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        play(stream, act, &requests).await;
                    }
                });
            }
        });
        partner
    }

    fn settings(&self) -> Settings {
        let tls = connector(None, &self.authority.file(), &[]).unwrap();
        let mut settings = Settings::new(PARTNER, 443, tls);
        settings.resolve = vec![self.address];
        settings.deadlines = DEADLINES;
        settings.answer_bytes_max = 1_000;
        settings
    }

    async fn ask(&self) -> Result<Response<AnswerBody>, Failure> {
        Upstream::new(&self.settings()).unwrap().forward(request()).await
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn server_config(
    issued: &Issued,
    version: &'static rustls::SupportedProtocolVersion,
) -> ServerConfig {
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![issued.der.clone().into()],
            PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes()).unwrap(),
        )
        .unwrap()
}

async fn play(mut stream: TlsStream<TcpStream>, act: Act, requests: &Mutex<Vec<String>>) {
    if matches!(act, Act::CloseAtOnce) {
        let _ = stream.shutdown().await;
        return;
    }
    while let Some(request) = read_request(&mut stream).await {
        requests.lock().unwrap().push(request);
        let (Act::Say(answer)
        | Act::SayAndClose(answer)
        | Act::SayAndCut(answer)
        | Act::Repeat(answer, ..)) = act
        else {
            return;
        };
        if stream.write_all(answer.as_bytes()).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        match act {
            Act::SayAndClose(_) => return drop(stream.shutdown().await),
            Act::SayAndCut(_) => return,
            Act::Repeat(_, piece, pause) => {
                while stream.write_all(piece.as_bytes()).await.is_ok() {
                    let _ = stream.flush().await;
                    tokio::time::sleep(pause).await;
                }
            }
            Act::Say(_) | Act::CloseAtOnce => {}
        }
    }
}

/// Reads a head and a body of 7 bytes.
async fn read_request(stream: &mut TlsStream<TcpStream>) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n{\"a\":1}") {
        match stream.read_u8().await {
            Ok(byte) => bytes.push(byte),
            Err(_) => return None,
        }
    }
    Some(String::from_utf8(bytes).unwrap())
}

fn request() -> Outbound {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    Outbound {
        method: Method::POST,
        path: "/transfers?x=1".to_owned(),
        headers,
        body: Bytes::from_static(b"{\"a\":1}").into(),
    }
}

async fn body(answer: Response<AnswerBody>) -> Result<Bytes, AnswerFault> {
    answer.into_body().collect().await.map(Collected::to_bytes)
}

const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn a_request_is_made_of_what_was_given_and_nothing_else() {
    let partner = Partner::new(Act::Say(GOOD)).await;
    let upstream = Upstream::new(&partner.settings()).unwrap();
    let mut outbound = request();
    for name in ["host", "connection", "transfer-encoding", "content-length", "upgrade", "te"] {
        let name = HeaderName::from_static(name);
        outbound.headers.insert(name, HeaderValue::from_static("99"));
    }
    let answer = upstream.forward(outbound).await.unwrap();
    assert_eq!(body(answer).await.unwrap(), "ok");
    let sent = partner.requests().remove(0);
    let (head, _) = sent.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head.split("\r\n").collect();
    assert_eq!(lines.remove(0), "POST /transfers?x=1 HTTP/1.1");
    lines.sort_unstable();
    let expected = ["content-length: 7", "content-type: application/json", "host: partner.example"];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_connection_is_used_again_and_a_closed_one_replaced() {
    let partner = Partner::new(Act::Say(GOOD)).await;
    let upstream = Upstream::new(&partner.settings()).unwrap();
    for _ in 0..3 {
        body(upstream.forward(request()).await.unwrap()).await.unwrap();
    }
    assert_eq!(partner.connections.load(Ordering::SeqCst), 1);

    let partner = Partner::new(Act::SayAndClose(GOOD)).await;
    let upstream = Upstream::new(&partner.settings()).unwrap();
    for _ in 0..3 {
        body(upstream.forward(request()).await.unwrap()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(partner.connections.load(Ordering::SeqCst), 3);
    assert_eq!(partner.requests().len(), 3, "and nothing is sent twice");
}

#[tokio::test]
async fn http2_is_spoken_where_the_partner_does() {
    use crate::world::{GATEWAY, World};
    let world = World::new().await;
    let identity = world.authority.issue(&["us.example"]).identity();
    let tls = connector(Some(&identity), &world.authority.file(), &[]).unwrap();
    let mut settings = Settings::new(GATEWAY, 8443, tls);
    settings.resolve = vec![world.address];
    let upstream = Arc::new(Upstream::new(&settings).unwrap());
    let answer = upstream.forward(request()).await.unwrap();
    assert_eq!(answer.version(), hyper::Version::HTTP_2);
    assert_eq!(body(answer).await.unwrap(), "answer");
    assert_eq!(world.service.calls()[0].body, Ok(7));
    assert_eq!(world.service.peers()[0].names, ["us.example"]);
}

#[tokio::test]
async fn a_certificate_that_is_not_the_partners_stops_everything() {
    type Certificate = fn(&Authority) -> Issued;
    let cases: [(&str, Certificate, Unsent); 4] = [
        ("ended", |ca| ca.issue_expired(&[PARTNER]), Unsent::CertificateExpired),
        ("self-signed", |ca| ca.issue_self_signed(&[PARTNER]), Unsent::CertificateAuthority),
        ("another name", |ca| ca.issue(&["other.example"]), Unsent::CertificateName),
        (
            "another authority",
            |_| Authority::new("elsewhere").issue(&[PARTNER]),
            Unsent::CertificateAuthority,
        ),
    ];
    for (what, certificate, unsent) in cases {
        let partner = Partner::with(Act::Say(GOOD), certificate, |_| {}).await;
        assert_eq!(partner.ask().await.unwrap_err(), Failure::Unsent(unsent), "{what}");
        assert!(partner.requests().is_empty(), "{what}");
    }
}

#[tokio::test]
async fn a_pin_is_checked_besides_the_chain() {
    let authority = Authority::new("partner");
    let issued = authority.issue(&[PARTNER]);
    let right = Pin::of_certificate(&issued.der).unwrap();
    let wrong = Pin::of_certificate(&authority.issue(&[PARTNER]).der).unwrap();
    let config = server_config(&issued, &TLS13);
    let partner = Partner::start(authority, config, Act::Say(GOOD)).await;
    for (pins, outcome) in [
        (vec![right], None),
        (vec![wrong, right], None),
        (vec![wrong], Some(Failure::Unsent(Unsent::CertificatePin))),
    ] {
        let mut settings = partner.settings();
        settings.tls = connector(None, &partner.authority.file(), &pins).unwrap();
        let answer = Upstream::new(&settings).unwrap().forward(request()).await;
        assert_eq!(answer.err(), outcome, "{pins:?}");
    }
    let elsewhere = Authority::new("elsewhere");
    let mut settings = partner.settings();
    settings.tls = connector(None, &elsewhere.file(), &[right]).unwrap();
    let answer = Upstream::new(&settings).unwrap().forward(request()).await;
    assert_eq!(answer.unwrap_err(), Failure::Unsent(Unsent::CertificateAuthority));
}

#[tokio::test]
async fn old_tls_and_no_tls_get_nothing() {
    let authority = Authority::new("partner");
    let config = server_config(&authority.issue(&[PARTNER]), &TLS12);
    let old = Partner::start(authority, config, Act::Say(GOOD)).await;
    assert_eq!(old.ask().await.unwrap_err(), Failure::Unsent(Unsent::Version));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = old.settings();
    settings.resolve = vec![listener.local_addr().unwrap()];
    let plain = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = vec![0; 4096];
        let length = stream.read(&mut bytes).await.unwrap();
        stream.write_all(GOOD.as_bytes()).await.unwrap();
        bytes.truncate(length);
        bytes
    });
    let upstream = Upstream::new(&settings).unwrap();
    assert_eq!(upstream.forward(request()).await.unwrap_err(), Failure::Unsent(Unsent::NotTls));
    let seen = plain.await.unwrap();
    assert_eq!(seen[0], 0x16, "a TLS handshake is all that was sent");
    assert!(!String::from_utf8_lossy(&seen).contains("transfers"));
}

#[tokio::test]
async fn what_is_not_there_gets_nothing() {
    let partner = Partner::new(Act::Say(GOOD)).await;
    let mut settings = partner.settings();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    settings.resolve = vec![closed];
    let answer = Upstream::new(&settings).unwrap().forward(request()).await;
    assert_eq!(answer.unwrap_err(), Failure::Unsent(Unsent::ConnectionRefused));

    settings.resolve = vec![closed, partner.address];
    let answer = Upstream::new(&settings).unwrap().forward(request()).await;
    assert_eq!(answer.unwrap().status(), StatusCode::OK, "the second address serves");

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    settings.resolve = vec![silent.local_addr().unwrap()];
    let begun = Instant::now();
    let answer = Upstream::new(&settings).unwrap().forward(request()).await;
    assert_eq!(answer.unwrap_err(), Failure::Unsent(Unsent::ConnectTimeout));
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_name_in_our_own_network_is_not_called_unless_allowed() {
    let partner = Partner::new(Act::Say(GOOD)).await;
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let mut settings = partner.settings();
        settings.host = host.to_owned();
        settings.port = partner.address.port();
        settings.resolve.clear();
        let answer = Upstream::new(&settings).unwrap().forward(request()).await;
        assert_eq!(answer.unwrap_err(), Failure::Unsent(Unsent::AddressPrivate), "{host}");
    }
    assert_eq!(partner.connections.load(Ordering::SeqCst), 0);
    let mut settings = partner.settings();
    settings.host = "localhost".to_owned();
    settings.port = partner.address.port();
    settings.resolve.clear();
    settings.private_addresses = true;
    let answer = Upstream::new(&settings).unwrap().forward(request()).await;
    assert_eq!(answer.unwrap_err(), Failure::Unsent(Unsent::CertificateName), "it was called");
    for host in ["", "a b", "a/b", "a?b", "u@a"] {
        assert!(Upstream::new(&Settings { host: host.to_owned(), ..partner.settings() }).is_err());
    }
}

#[tokio::test]
async fn an_answer_that_fails_leaves_the_outcome_unknown() {
    use Act::{Repeat, Say, SayAndClose, SayAndCut};
    use Unknown::{AnswerForm, Broken, Timeout};
    let quick = Duration::from_millis(1);
    let long = "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n".repeat(50).leak();
    for (act, unknown) in [
        (Say(""), Timeout),
        (Say("HTTP/1.1 200 OK\r\nContent-Le"), Timeout),
        (
            Repeat("HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n", quick),
            Timeout,
        ),
        (Repeat("HTTP/1.1 200 OK\r\n", "X: y\r\n", Duration::from_millis(50)), Timeout),
        (Repeat("HTTP/1.1 200 OK\r\n", long, quick), Broken),
        (SayAndClose(""), Broken),
        (SayAndCut(""), Broken),
        (SayAndCut("HTTP/1.1 200 OK\r\nContent-Le"), Broken),
        (Say("\x15\x03\x03 garbage\r\n\r\n"), Broken),
        (Say("HTTP/0.9 what\r\n\r\n"), Broken),
        (Say("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok"), Broken),
        (Say("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nok"), Broken),
        (Say("HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 2\r\n\r\nok"), Broken),
        (
            Say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
            AnswerForm,
        ),
        (
            Say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\
                 Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            AnswerForm,
        ),
    ] {
        let partner = Partner::new(act).await;
        let failure = partner.ask().await.unwrap_err();
        let (Say(text) | SayAndClose(text) | SayAndCut(text) | Repeat(text, ..)) = act else {
            panic!("every act here says something")
        };
        assert_eq!(failure, Failure::Unknown(unknown), "{text:?}");
        assert_eq!(partner.requests().len(), 1, "sent once: {text:?}");
    }
}

#[tokio::test]
async fn a_partner_that_hangs_up_before_reading_is_never_called_again_for_it() {
    let partner = Partner::new(Act::CloseAtOnce).await;
    let failure = partner.ask().await.unwrap_err();
    let is_known = matches!(
        failure,
        Failure::Unknown(Unknown::Broken) | Failure::Unsent(Unsent::ConnectionLost)
    );
    assert!(is_known, "{failure:?}");
    assert_eq!(partner.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_body_that_fails_ends_in_an_error() {
    use Act::{Repeat, Say, SayAndClose, SayAndCut};
    use AnswerFault::{Broken, Late, Stalled, TooLarge};
    let (quick, slow) = (Duration::from_millis(1), Duration::from_millis(100));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (act, fault) in [
        (SayAndClose("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), Broken),
        (SayAndCut("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), Broken),
        (SayAndClose("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"), Broken),
        (Say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), Broken),
        // An end without the end of the TLS stream may be anyone's doing.
        (SayAndCut("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf"), Broken),
        (Say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), Stalled),
        (Repeat(chunked, "1\r\nx\r\n", slow), Late),
        (Repeat(chunked, "1e\r\n012345678901234567890123456789\r\n", quick), TooLarge),
    ] {
        let partner = Partner::new(act).await;
        let answer = partner.ask().await.unwrap();
        let begun = Instant::now();
        let failed = body(answer).await;
        assert_eq!(failed, Err(fault), "{fault:?}");
        assert!(begun.elapsed() < Duration::from_secs(3), "{fault:?}");
        assert_eq!(std::io::Error::from(fault).to_string(), fault.to_string());
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let partner = Partner::new(Act::Say(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: https://elsewhere.example/\r\n\
         Content-Length: 0\r\n\r\n",
    ))
    .await;
    let answer = partner.ask().await.unwrap();
    assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(partner.requests().len(), 1);
}

#[tokio::test]
async fn more_requests_than_allowed_wait_for_nobody() {
    let partner = Partner::new(Act::Say("")).await;
    let upstream = Upstream::new(&Settings { open_max: 1, ..partner.settings() }).unwrap();
    let (one, other) = tokio::join!(upstream.forward(request()), upstream.forward(request()));
    assert_eq!(one.unwrap_err(), Failure::Unknown(Unknown::Timeout));
    assert_eq!(other.unwrap_err(), Failure::Unsent(Unsent::Busy));
}

#[tokio::test]
async fn a_request_that_cannot_be_written_is_not_sent() {
    let partner = Partner::new(Act::Say(GOOD)).await;
    let upstream = Upstream::new(&partner.settings()).unwrap();
    for path in ["", "transfers", "*", "https://elsewhere.example/", "/a b", "/a\r\nx: y"] {
        let outbound = Outbound { path: path.to_owned(), ..request() };
        let failure = upstream.forward(outbound).await.unwrap_err();
        assert_eq!(failure, Failure::Unsent(Unsent::Request), "{path:?}");
    }
    let outbound = Outbound { method: Method::CONNECT, ..request() };
    assert_eq!(upstream.forward(outbound).await.unwrap_err(), Failure::Unsent(Unsent::Request));
    assert_eq!(partner.connections.load(Ordering::SeqCst), 0);
}
