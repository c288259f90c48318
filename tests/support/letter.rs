//! What a gateway sends, made by hand, so that each piece of it can be wrong.
#![allow(dead_code, reason = "each test crate uses a part")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use getrandom::SysRng;
use hpke::rand_core::UnwrapErr;
use otkel::envelope::format::{self, Header, Mode, Part, Recipient, ReplyKey};
use otkel::envelope::pad::Text;
use otkel::envelope::stream::{self, To};
use otkel::envelope::{Kem, Padding, RecipientKey, RecipientSecret, frames};
use otkel::signing::receipt::Receipt;
use otkel::signing::request::{self, Covered, Message};
use otkel::signing::{Sign as _, SigningKey, VerifyKey};
use otkel::time::Timestamp;
use otkel::tls::{self, Identity};
use rustls::pki_types::ServerName;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use uuid::Uuid;
use zeroize::Zeroizing;

pub(crate) const GATEWAY: &str = "gw.example.kz";
pub(crate) const CLIENT: &str = "gw-client.example.kz";
pub(crate) const PARTNER: &str = "training-gb";
pub(crate) const HOST: &str = "api.training-gb.example";

/// A private key for envelopes.
pub(crate) fn secret(kem: Kem, seed: u8) -> RecipientSecret {
    RecipientSecret::read(kem, &[seed; 32]).unwrap()
}

/// A key that signs.
pub(crate) fn signer(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([seed; 32]))
}

/// One envelope and the request that carries it, before they are made.
#[derive(Clone)]
pub(crate) struct Letter {
    pub(crate) header: Header,
    pub(crate) text: Vec<u8>,
    /// The keys that it is sealed to; more than one in mode 2.
    pub(crate) to: Vec<(Kem, u8)>,
    pub(crate) pad: Option<Padding>,
    pub(crate) sent: Sent,
}

/// The request that carries an envelope or several.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) host: String,
    pub(crate) id: String,
    /// The key that signs, and when.
    pub(crate) signer: Option<u8>,
    pub(crate) created: Timestamp,
}

/// A request, ready to be sent.
#[derive(Clone)]
pub(crate) struct Post {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) host: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Letter {
    /// One that nothing is wrong with.
    pub(crate) fn new(now: Timestamp, text: &[u8]) -> Self {
        let did = Uuid::now_v7();
        let header = Header {
            v: 1,
            did,
            iss: GATEWAY.into(),
            aud: PARTNER.into(),
            m: "POST".into(),
            p: "/v1/enrolments".into(),
            cty: "application/json".into(),
            iat: now.seconds(),
            pur: "P09".into(),
            exp: now.seconds() + 86_400,
            onw: false,
            stream: None,
            pad: false,
            re: None,
            st: None,
            rcpt: Vec::new(),
        };
        let sent = Sent {
            method: header.m.clone(),
            path: header.p.clone(),
            host: HOST.into(),
            id: did.to_string(),
            signer: Some(SIGNER),
            created: now,
        };
        Self { header, text: text.to_vec(), to: vec![(Kem::X25519, KEY)], pad: None, sent }
    }

    /// The parts of a stream, each with one of the texts.
    pub(crate) fn parts(now: Timestamp, texts: &[&[u8]]) -> Vec<Self> {
        let mut parts: Vec<Self> = texts.iter().map(|text| Self::new(now, text)).collect();
        let (id, count) = (parts[0].header.did, parts.len());
        for (n, part) in parts.iter_mut().enumerate() {
            let n = n as u64;
            part.header.stream = Some(Part { id, n, last: n + 1 == count as u64 });
        }
        parts
    }

    pub(crate) fn asking_for_a_sealed_reply(mut self, secret: &RecipientSecret) -> Self {
        self.header.re = Some(ReplyKey::of(secret));
        self
    }

    /// The envelope.
    pub(crate) fn envelope(&self) -> Vec<u8> {
        let time = |seconds| Timestamp::from_seconds(seconds).unwrap();
        let keys: Vec<RecipientKey> = self
            .to
            .iter()
            .map(|(kem, seed)| {
                let secret = secret(*kem, *seed);
                RecipientKey::read(*kem, secret.public(), time(0), time(4_000_000_000)).unwrap()
            })
            .collect();
        let to = match &keys[..] {
            [key] => To::Direct(key),
            keys => To::Wrapped(keys.iter().collect()),
        };
        let rcpt = to.recipients();
        let header = Header { rcpt, pad: self.pad.is_some(), ..self.header.clone() };
        let prefix = format::prefix(to.mode(), &header).unwrap();
        let text = Text::new(&self.text, self.pad);
        stream::seal(&prefix, text, &to, &mut UnwrapErr(SysRng)).unwrap()
    }

    /// The request with the envelope.
    pub(crate) fn post(&self) -> Post {
        self.sent.post(self.envelope())
    }
}

impl Sent {
    /// A request with an envelope.
    pub(crate) fn post(&self, envelope: Vec<u8>) -> Post {
        let digest = Sha256::digest(&envelope).into();
        self.with("application/vnd.otkel", Covered::Digest(digest), envelope)
    }

    /// A request with frames of envelopes.
    pub(crate) fn frames<'a>(&self, envelopes: impl IntoIterator<Item = &'a Vec<u8>>) -> Post {
        let mut body = Vec::new();
        for envelope in envelopes {
            let signature = self.signer.map(|seed| behind(seed, envelope));
            body.extend(frames::frame(envelope, signature.as_ref()).unwrap());
        }
        let media = match self.signer {
            None => frames::MEDIA_TYPE,
            Some(_) => frames::MEDIA_TYPE_SIGNED,
        };
        self.with(media, Covered::Parts, body)
    }

    fn with(&self, media: &str, covered: Covered, body: Vec<u8>) -> Post {
        let mut fields = vec![
            ("content-type".to_owned(), media.to_owned()),
            ("otkel-id".to_owned(), self.id.clone()),
        ];
        if let Some(seed) = self.signer {
            let message = Message {
                method: &self.method,
                target_uri: &format!("https://{}{}", self.host, self.path),
                content_type: media,
                id: &self.id,
                body: covered,
            };
            let signed = request::sign(&message, self.created, &signer(seed)).unwrap();
            fields.extend(signed.digest.map(|digest| ("content-digest".to_owned(), digest)));
            fields.push(("signature-input".to_owned(), signed.input));
            fields.push(("signature".to_owned(), signed.signature));
        }
        let (method, path, host) = (self.method.clone(), self.path.clone(), self.host.clone());
        Post { method, path, host, fields, body }
    }
}

/// The signature behind an envelope among several.
pub(crate) fn behind(seed: u8, envelope: &[u8]) -> [u8; 64] {
    signer(seed).sign(&request::part(&Sha256::digest(envelope).into())).unwrap()
}

impl Post {
    /// The same, with this field, or without it.
    pub(crate) fn field(mut self, name: &str, value: Option<&str>) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.fields.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        self
    }

    pub(crate) fn value(&self, name: &str) -> &str {
        &self.fields.iter().find(|(known, _)| known == name).unwrap().1
    }

    /// The head of the request.
    pub(crate) fn head(&self, framing: &str) -> String {
        let Self { method, path, host, .. } = self;
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{framing}\r\n");
        for (name, value) in &self.fields {
            head = head + name + ": " + value + "\r\n";
        }
        head + "\r\n"
    }

    /// The request, with its length before it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let head = self.head(&format!("content-length: {}", self.body.len()));
        [head.as_bytes(), &self.body].concat()
    }
}

/// How a gateway reaches the partner.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) address: SocketAddr,
    tls: Arc<rustls::ClientConfig>,
}

impl Way {
    /// With a certificate, for a partner that an authority vouches for.
    pub(crate) fn new(address: SocketAddr, identity: &Identity, authority: &Path) -> Self {
        let mut tls = (*tls::connector(Some(identity), authority, &[]).unwrap()).clone();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { address, tls: Arc::new(tls) }
    }

    pub(crate) async fn try_connect(&self) -> std::io::Result<Line> {
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from(HOST).unwrap();
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await?;
        Ok(Line(stream))
    }

    pub(crate) async fn connect(&self) -> Line {
        self.try_connect().await.unwrap()
    }

    /// Sends a request on a connection of its own, and gives the answer.
    pub(crate) async fn send(&self, post: &Post) -> Reply {
        self.try_send(post).await.expect("no answer")
    }

    /// As [`Self::send`]; `None` where no answer came.
    pub(crate) async fn try_send(&self, post: &Post) -> Option<Reply> {
        let mut line = self.try_connect().await.ok()?;
        // A proxy that has heard enough may answer before it has heard all.
        let _ = line.write(&post.bytes()).await;
        line.read().await
    }
}

/// A connection to the partner.
pub(crate) struct Line(pub(crate) TlsStream<TcpStream>);

impl Line {
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.write_all(bytes).await?;
        self.0.flush().await
    }

    /// Reads one answer; `None` where the connection ends before its end.
    pub(crate) async fn read(&mut self) -> Option<Reply> {
        let mut bytes = Vec::new();
        loop {
            if let Some(reply) = Reply::parse(&bytes) {
                return Some(reply);
            }
            let mut part = vec![0; 16384];
            let length = self.0.read(&mut part).await.unwrap_or(0);
            if length == 0 {
                return None;
            }
            bytes.extend_from_slice(&part[..length]);
        }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let fields: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = fields.iter().find(|(name, _)| name == "content-length");
        let length = length.map_or(0, |(_, length)| length.parse().unwrap());
        let body = bytes[end + 4..].get(..length)?.to_vec();
        Some(Self { status, fields, body })
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// The status and the code of a refusal.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, self.field("otkel-error").unwrap_or_default())
    }

    /// The receipt, which the partner's identity must have signed.
    pub(crate) fn receipt(&self) -> Option<Receipt> {
        let text = self.field("otkel-receipt")?;
        let identity: VerifyKey = signer(IDENTITY).key().clone();
        Some(Receipt::read(text, [&identity]).unwrap())
    }
}

/// The mode byte of an envelope.
pub(crate) fn mode(envelope: &[u8]) -> Option<Mode> {
    Mode::ALL.into_iter().find(|mode| Some(&mode.byte()) == envelope.get(4))
}

/// A recipient as headers name it.
pub(crate) fn recipient(kem: Kem, seed: u8) -> Recipient {
    Recipient::new(kem, secret(kem, seed).kid().to_owned())
}

/// The seeds of the keys that are used unless a test says otherwise.
pub(crate) const SIGNER: u8 = 21;
pub(crate) const IDENTITY: u8 = 22;
pub(crate) const KEY: u8 = 9;
