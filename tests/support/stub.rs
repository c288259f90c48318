//! A partner at the level of bytes: it hears one request a connection and then does as it was told.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use otkel::envelope::RecipientSecret;
use otkel::signing::SigningKey;
use rustls::crypto::aws_lc_rs;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use super::papers::{Pair, Papers};

/// How a partner behaves.
#[derive(Clone)]
pub(crate) struct Stub {
    pub(crate) papers: Papers,
    version: &'static SupportedProtocolVersion,
    act: Act,
}

/// What a partner does once it has heard a request.
#[derive(Clone)]
pub(crate) enum Act {
    /// Says this and closes.
    Says(&'static str),
    /// Says this and nothing more, and does not close.
    Stalls(&'static str),
    /// Resets the connection.
    Resets,
    /// Hears a chunked request to its end, says this and closes.
    Hears(&'static str),
    /// Takes a chunked request to its end without keeping it, says this and closes.
    Drains(&'static str),
    /// Waits at a gate, then says this and closes.
    Waits(Gate, &'static str),
    /// Hears a request to its end, says what this makes of it and closes.
    Answers(Answerer),
    /// Speaks in the clear, from the first byte.
    Plain(&'static str),
}

/// Makes an answer, head and body, of a request.
pub(crate) type Answerer = Arc<dyn Fn(&Request<'_>) -> Vec<u8> + Send + Sync>;

/// A request as a partner heard it, with what the partner answers by.
pub(crate) struct Request<'a> {
    /// The lines before the header fields' end.
    pub(crate) head: &'a str,
    /// The body, out of its chunks.
    pub(crate) body: Vec<u8>,
    pub(crate) desk: &'a Desk,
}

impl Request<'_> {
    /// The value of a header field that is there once, or an empty text.
    pub(crate) fn header(&self, name: &str) -> &str {
        let field = |line: &'_ str| line.to_lowercase().starts_with(&format!("{name}:"));
        let mut found = self.head.lines().filter(|line| field(line));
        let value = found.next().map_or("", |line| line.split_once(':').unwrap().1.trim());
        assert!(found.next().is_none(), "{name} comes twice: {}", self.head);
        value
    }

    fn read<'a>(whole: &'a [u8], desk: &'a Desk) -> Request<'a> {
        let end = whole.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let (head, body) = whole.split_at(end + 4);
        let head = std::str::from_utf8(head).unwrap();
        let mut request = Request { head, body: body.to_vec(), desk };
        if request.header("transfer-encoding") == "chunked" {
            request.body = unchunked(body);
        }
        request
    }
}

/// The keys of a partner.
pub(crate) struct Desk {
    pub(crate) identity: SigningKey,
    pub(crate) secret: RecipientSecret,
}

/// What is in the chunks of a body (RFC 9112 section 7.1).
pub(crate) fn unchunked(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = chunks.windows(2).position(|window| window == b"\r\n").unwrap();
        let (length, rest) = chunks.split_at(end);
        let length = usize::from_str_radix(std::str::from_utf8(length).unwrap(), 16).unwrap();
        if length == 0 {
            return body;
        }
        let (data, rest) = rest.get(2..).unwrap().split_at(length);
        body.extend_from_slice(data);
        chunks = rest.get(2..).unwrap();
    }
}

/// Where a partner waits, and where it tells that it has heard.
#[derive(Clone)]
pub(crate) struct Gate {
    heard: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self { heard: Arc::new(Semaphore::new(0)), open: Arc::new(Semaphore::new(0)) }
    }

    /// Waits until the partner has heard a whole request.
    pub(crate) async fn heard(&self) {
        self.heard.acquire().await.unwrap().forget();
    }

    /// Lets one answer out.
    pub(crate) fn open(&self) {
        self.open.add_permits(1);
    }
}

impl Stub {
    /// One that answers each request as this says.
    pub(crate) fn answering(
        answer: impl Fn(&Request<'_>) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        Self::that(Act::Answers(Arc::new(answer)))
    }

    /// One that shows the partner's own certificate over TLS 1.3.
    pub(crate) fn that(act: Act) -> Self {
        Self { papers: Papers::Proper, version: &TLS13, act }
    }

    /// One that would answer well, but shows this certificate.
    pub(crate) fn with(papers: Papers) -> Self {
        Self { papers, ..Self::that(Act::Says(WELL)) }
    }

    /// One that would answer well, but speaks TLS 1.2 only.
    pub(crate) fn old() -> Self {
        Self { version: &TLS12, ..Self::that(Act::Says(WELL)) }
    }

    pub(super) async fn start(&self, pair: Pair, desk: Desk) -> (Arc<Mutex<Vec<u8>>>, SocketAddr) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let host = Host {
            tls: self.tls(pair),
            act: self.act.clone(),
            heard: Arc::clone(&heard),
            desk: Arc::new(desk),
        };
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(host.clone().carry(stream));
            }
        });
        (heard, address)
    }

    fn tls(&self, (chain, key): Pair) -> TlsAcceptor {
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[self.version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

#[derive(Clone)]
struct Host {
    tls: TlsAcceptor,
    act: Act,
    heard: Arc<Mutex<Vec<u8>>>,
    desk: Arc<Desk>,
}

impl Host {
    async fn carry(self, mut stream: TcpStream) {
        if let Act::Plain(answer) = self.act {
            let mut first = vec![0; 4096];
            let length = stream.read(&mut first).await.unwrap_or(0);
            // A greeting of TLS is not a request; anything else is.
            if first.first() != Some(&0x16) {
                self.heard.lock().unwrap().extend_from_slice(first.get(..length).unwrap());
            }
            let _ = stream.write_all(answer.as_bytes()).await;
            return;
        }
        // A gateway that does not like the certificate goes away here.
        let Ok(mut stream) = self.tls.accept(stream).await else { return };
        let whole = match self.act {
            Act::Hears(_) | Act::Drains(_) => Vec::new(),
            _ => self.hear(&mut stream).await,
        };
        match self.act {
            Act::Says(answer) => {
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
            Act::Stalls(answer) => {
                let _ = stream.write_all(answer.as_bytes()).await;
                pending::<()>().await;
            }
            Act::Hears(answer) => {
                let heard = |part: &[u8]| self.heard.lock().unwrap().extend_from_slice(part);
                drain(&mut stream, heard).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
            Act::Drains(answer) => {
                drain(&mut stream, |_| {}).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
            Act::Answers(answer) if is_whole(&whole, true) => {
                let answer = answer(&Request::read(&whole, &self.desk));
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
            // The request broke off.
            Act::Answers(_) => {}
            Act::Resets => stream.get_ref().0.set_zero_linger().unwrap(),
            Act::Waits(gate, answer) => {
                gate.heard.add_permits(1);
                gate.open.acquire().await.unwrap().forget();
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
            Act::Plain(_) => unreachable!(),
        }
    }

    /// Takes one request whole: its head, and the body that it announces.
    async fn hear(&self, stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
        let (mut whole, mut part) = (Vec::new(), vec![0; 16384]);
        while !is_whole(&whole, matches!(self.act, Act::Answers(_))) {
            let length = stream.read(&mut part).await.unwrap_or(0);
            if length == 0 {
                break;
            }
            let part = part.get(..length).unwrap();
            whole.extend_from_slice(part);
            self.heard.lock().unwrap().extend_from_slice(part);
        }
        whole
    }
}

/// Reads a request up to the end of its chunked body.
async fn drain(stream: &mut (impl AsyncRead + Unpin), heard: impl Fn(&[u8])) {
    let (mut part, mut end) = (vec![0; 1 << 16], Vec::new());
    while !end.ends_with(b"\r\n0\r\n\r\n") {
        let length = stream.read(&mut part).await.unwrap_or(0);
        assert!(length > 0, "the body ends before its end");
        heard(part.get(..length).unwrap());
        end.extend_from_slice(part.get(length.saturating_sub(7)..length).unwrap());
        end.drain(..end.len().saturating_sub(7));
    }
}

/// Of a chunked body nothing is waited for, unless `to_the_end`.
fn is_whole(bytes: &[u8], to_the_end: bool) -> bool {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(bytes.get(..end).unwrap()).to_lowercase();
    if to_the_end && head.contains("transfer-encoding: chunked") {
        return bytes.ends_with(b"\r\n0\r\n\r\n");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    bytes.len() - end - 4 >= length.unwrap_or("0").parse().unwrap()
}

/// An answer that nothing is wrong with.
pub(crate) const WELL: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
