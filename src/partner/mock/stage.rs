//! A script at play: what it says of a message goes between the receiver's answer and the wire.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Collected};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::received::Received;
use super::script::{self, Act, Answer, Break, Deed, Play, Script};
use super::{Told, body, receipts, usual};
use crate::envelope::MEDIA_TYPE;
use crate::partner::receiver::RECEIPT;
use crate::partner::refusal::ERROR;
use crate::partner::{
    Application, Gateway, GatewayKeys, Message, NoReply, Receiver, Refusal, Reply, Trust,
};
use crate::proxy::front::HeadFault;
use crate::proxy::{ID_HEADER, full};
use crate::server::{Body, Service};
use crate::signing::Sign;
use crate::tls::Peer;

/// What happens in a mock partner.
pub(super) struct Stage {
    play: Mutex<Arc<Play>>,
    identity: Arc<dyn Sign>,
    /// What the script says of the messages that are under way, by the id of their requests.
    turns: Mutex<HashMap<Uuid, Turn>>,
    received: Mutex<Vec<Received>>,
    tell: Option<mpsc::UnboundedSender<Told>>,
    /// Whether no gateway's keys are known, so that nobody's signature can be checked.
    is_trusting: bool,
}

/// What the script says of a message, and the reply that was given to the receiver for it.
struct Turn {
    act: Act,
    reply: Option<Reply>,
}

impl Stage {
    pub(super) fn new(
        script: Script,
        tell: Option<mpsc::UnboundedSender<Told>>,
        trust: &Trust,
    ) -> Self {
        Self {
            play: Mutex::new(Arc::new(Play::new(script))),
            identity: Arc::clone(&trust.identity),
            turns: Mutex::new(HashMap::new()),
            received: Mutex::new(Vec::new()),
            tell,
            is_trusting: trust.gateways.iter().all(is_unknown),
        }
    }

    /// Plays another script from now on.
    pub(super) fn play(&self, script: Script) {
        let new = Arc::new(Play::new(script));
        *self.play.lock().unwrap_or_else(PoisonError::into_inner) = new;
    }

    fn playing(&self) -> Arc<Play> {
        Arc::clone(&self.play.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn turns(&self) -> MutexGuard<'_, HashMap<Uuid, Turn>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, told: Told) {
        if let Some(tell) = &self.tell {
            // Nobody listens any more when the demonstration is over.
            let _ = tell.send(told);
        }
    }

    fn keep(&self, received: Received) {
        self.tell(Told::Received(Box::new(received.clone())));
        self.received.lock().unwrap_or_else(PoisonError::into_inner).push(received);
    }

    /// The reply to a message that has opened; of a stream, its first part decides for all.
    fn reply(&self, received: Received) -> Reply {
        let header = &received.header;
        let (id, is_first, is_last) = match header.stream {
            Some(part) => (part.id, part.n == 0, part.last),
            None => (header.did, true, true),
        };
        if is_first {
            let inside = received.request();
            let message = script::Message { header, inside: inside.as_ref(), body: &received.body };
            if let Some(act) = self.playing().at_message(&message) {
                self.turns().insert(id, Turn { act, reply: None });
            }
        }
        let (headers, body) = usual::answer(&received);
        let mut reply = Reply { status: StatusCode::OK, headers, body };
        let mut turns = self.turns();
        if let Some(turn) = turns.get_mut(&id) {
            // A stream goes on for as long as its parts are accepted.
            if let Deed::Answer(answer) = &turn.act.deed
                && is_last
            {
                answer.put_into(&mut reply);
            }
            turn.reply = Some(reply.clone());
        }
        let is_refused =
            turns.get(&id).is_some_and(|turn| matches!(turn.act.deed, Deed::Refuse(_)));
        drop(turns);
        if !is_refused {
            self.keep(received);
        }
        reply
    }

    /// Makes of the receiver's answer what the script says.
    async fn finish(&self, given: Response<Body>, turn: Turn) -> Response<Body> {
        tokio::time::sleep(turn.act.delay).await;
        match turn.act.deed {
            Deed::Refuse(refusal) => refusal.respond(),
            Deed::Break(way) => broken(way).await,
            Deed::Answer(answer) => self.dressed(given, &answer, turn.reply).await,
        }
    }

    async fn dressed(
        &self,
        given: Response<Body>,
        answer: &Answer,
        plain: Option<Reply>,
    ) -> Response<Body> {
        let (mut head, body) = given.into_parts();
        // The receiver's bodies are in memory, so that they cannot break.
        let mut body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
        let media = head.headers.get(CONTENT_TYPE);
        let mut is_sealed = media.is_some_and(|media| media == MEDIA_TYPE);
        match (answer.reply, plain) {
            (Some(script::Reply::Plain), Some(plain)) if is_sealed => {
                is_sealed = false;
                head.headers.remove(CONTENT_TYPE);
                head.headers.extend(plain.headers);
                body = plain.body;
            }
            (Some(script::Reply::Broken), _) if is_sealed => body = changed(&body),
            _ => {}
        }
        if let Some(receipt) = head.headers.remove(RECEIPT) {
            let sealed = is_sealed.then_some(body.as_ref());
            let receipt = receipt.to_str().unwrap_or_default();
            let receipt = receipts::instead(receipt, answer.receipt, sealed, &*self.identity);
            let receipt = receipt.and_then(|text| HeaderValue::try_from(text).ok());
            if let Some(receipt) = receipt {
                head.headers.insert(RECEIPT, receipt);
            }
        }
        let media = head.headers.get(CONTENT_TYPE).cloned();
        head.headers.extend(answer.headers.clone());
        if let Some(media) = media {
            head.headers.insert(CONTENT_TYPE, media);
        }
        head.headers.remove(CONTENT_LENGTH);
        Response::from_parts(head, body::sent(body, answer))
    }
}

/// No answer, in this way.
async fn broken(way: Break) -> Response<Body> {
    if way == Break::Hang {
        pending::<()>().await;
    }
    let mut marked = Response::new(full(Bytes::new()));
    marked.extensions_mut().insert(way);
    marked
}

/// The bytes with the last one changed.
fn changed(body: &[u8]) -> Bytes {
    let mut body = body.to_vec();
    if let Some(last) = body.last_mut() {
        *last ^= 1;
    }
    body.into()
}

/// The application of a mock partner.
pub(super) struct Actor(pub(super) Arc<Stage>);

impl Application for Actor {
    async fn take(&self, message: Message) -> Result<Reply, NoReply> {
        let body = message.payload.whole().await.map_err(|_| NoReply::Cut)?;
        Ok(self.0.reply(Received { header: message.header, body }))
    }
}

/// What stands between the wire and the receiver.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) receiver: Receiver<Actor>,
    pub(super) stage: Arc<Stage>,
}

impl Service for Desk {
    async fn call(
        &self,
        mut request: Request<Incoming>,
        peer: Arc<Peer>,
        fault: Option<HeadFault>,
    ) -> Response<Body> {
        let id = request.headers().get(ID_HEADER).and_then(|id| id.to_str().ok()?.parse().ok());
        let early = self.stage.playing().at_head(request.method().as_str(), request.uri().path());
        if let Some(act) = early {
            let (headers, body) = usual::accepted(id.unwrap_or_default());
            let mut reply = Reply { status: StatusCode::OK, headers, body };
            if let Deed::Answer(answer) = &act.deed {
                answer.put_into(&mut reply);
            }
            let given = respond(reply.clone());
            return self.stage.finish(given, Turn { act, reply: None }).await;
        }
        if self.stage.is_trusting {
            request.headers_mut().remove(SIGNATURE_INPUT);
            request.headers_mut().remove(SIGNATURE);
        }
        let given = self.receiver.call(request, peer, fault).await;
        let turn = id.and_then(|id| self.stage.turns().remove(&id));
        if let Some(turn) = turn {
            return self.stage.finish(given, turn).await;
        }
        if let Some(refusal) = refusal(&given) {
            self.stage.tell(Told::Refused(refusal));
        }
        given
    }
}

fn respond(reply: Reply) -> Response<Body> {
    let mut response = Response::new(full(reply.body));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

fn is_unknown(gateway: &Gateway) -> bool {
    matches!(&gateway.keys, GatewayKeys::Pinned(keys) if keys.is_empty())
}

/// Why the receiver refused, if it did.
fn refusal(given: &Response<Body>) -> Option<Refusal> {
    let code = given.headers().get(ERROR)?;
    Refusal::ALL.into_iter().find(|refusal| code == refusal.code())
}

const SIGNATURE_INPUT: &str = "signature-input";
const SIGNATURE: &str = "signature";
