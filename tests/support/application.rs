//! A partner's application: it keeps what it is asked, and answers as it is told.
#![allow(dead_code, reason = "each test crate uses a part")]

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// An application that listens.
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    inside: Arc<Inside>,
    task: JoinHandle<()>,
}

struct Inside {
    act: Mutex<Act>,
    asked: Mutex<Vec<Asked>>,
    begun: Semaphore,
    gate: Semaphore,
}

/// How it answers.
#[derive(Clone)]
pub(crate) enum Act {
    /// With this status, these fields and this body.
    Says(u16, Vec<(&'static str, &'static str)>, Vec<u8>),
    /// As the first, once [`App::open`] was called.
    Waits,
    /// Closes the connection instead.
    Closes,
    /// Never.
    Hangs,
    /// With 201, but with this status to the request of this number.
    Refuses(usize, u16),
}

/// A request that it got.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) fields: BTreeMap<String, String>,
    /// The body; `Err` with what came of one that was cut.
    pub(crate) body: Result<Vec<u8>, Vec<u8>>,
}

impl Asked {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    pub(crate) async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let inside = Arc::new(Inside {
            act: Mutex::new(Act::Says(201, Vec::new(), b"done".to_vec())),
            asked: Mutex::new(Vec::new()),
            begun: Semaphore::new(0),
            gate: Semaphore::new(0),
        });
        let serving = Arc::clone(&inside);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let inside = Arc::clone(&serving);
                tokio::spawn(async move {
                    let answer = service_fn(move |request| answer(Arc::clone(&inside), request));
                    let io = TokioIo::new(stream);
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(io, answer)
                        .await;
                });
            }
        });
        Self { address, inside, task }
    }

    pub(crate) fn act(&self, act: Act) {
        *self.inside.act.lock().unwrap() = act;
    }

    /// Every request so far, in the order in which they ended.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.inside.asked.lock().unwrap().clone()
    }

    /// How often each id was asked with a whole body.
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for asked in self.asked().iter().filter(|asked| asked.body.is_ok()) {
            *counts.entry(asked.field("otkel-id").to_owned()).or_default() += 1;
        }
        counts
    }

    /// Waits until one more request has come, or so much of it as came.
    pub(crate) async fn begun(&self) {
        self.inside.begun.acquire().await.unwrap().forget();
    }

    /// Lets one answer out.
    pub(crate) fn open(&self) {
        self.inside.gate.add_permits(1);
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    inside: Arc<Inside>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, io::Error> {
    let (parts, mut body) = request.into_parts();
    let fields = parts.headers.iter();
    let fields = fields.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let (mut whole, mut is_whole) = (Vec::new(), true);
    while let Some(frame) = body.frame().await {
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) => whole.extend_from_slice(&data),
            Ok(Err(_)) => {}
            Err(_) => is_whole = false,
        }
    }
    let asked = Asked {
        line: format!("{} {}", parts.method, parts.uri),
        fields: fields.collect(),
        body: if is_whole { Ok(whole) } else { Err(whole) },
    };
    let number = {
        let mut all = inside.asked.lock().unwrap();
        all.push(asked);
        all.len()
    };
    inside.begun.add_permits(1);
    let act = inside.act.lock().unwrap().clone();
    let (status, fields, body) = match act {
        Act::Says(status, fields, body) => (status, fields, body),
        Act::Waits => {
            inside.gate.acquire().await.unwrap().forget();
            (201, Vec::new(), b"done".to_vec())
        }
        Act::Closes => return Err(io::ErrorKind::ConnectionReset.into()),
        Act::Hangs => std::future::pending().await,
        Act::Refuses(refused, status) if refused == number => (status, Vec::new(), Vec::new()),
        Act::Refuses(..) => (201, Vec::new(), b"done".to_vec()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status.try_into().unwrap();
    for (name, value) in fields {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    Ok(response)
}
