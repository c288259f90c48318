//! What a message is passed on to once every check has passed: the partner's application.

use bytes::Bytes;
use hyper::header::HeaderMap;
use hyper::{Method, StatusCode};

use crate::envelope::Header;
use crate::envelope::request::Request as Inner;
use crate::proxy::upstream::{Cut, Load};

/// What takes messages.
pub trait Application: Send + Sync + 'static {
    /// Takes one message: a whole envelope, or one part of a stream.
    ///
    /// The message's id is on disk as taken before this is called, so it is called at most once
    /// for each id. Parts of a stream come in their order, each after the reply to the one before.
    ///
    /// # Errors
    /// The application gave no reply.
    fn take(&self, message: Message) -> impl Future<Output = Result<Reply, NoReply>> + Send;
}

/// A message that has passed every check; only the receiver makes one.
#[derive(Debug)]
pub struct Message {
    /// What the envelope says about itself: id, purpose, expiry, onward mark, part of a stream.
    pub header: Header,
    /// The gateway, by the name that its envelopes bear.
    pub gateway: String,
    /// The method of the request that carried it.
    pub method: Method,
    /// The path of that request.
    pub path: String,
    /// The request that was inside, where the envelope holds one (`message/bhttp`).
    pub inner: Option<Inner>,
    /// What was inside, without padding.
    pub payload: Payload,
}

/// What was inside of an envelope.
#[derive(Debug)]
pub enum Payload {
    /// All of it, authenticated to its end.
    Whole(Bytes),
    /// Piece by piece, each authenticated, and the end not yet: an envelope that was changed or cut
    /// further on ends this body in an error. Only where the configuration asks for it.
    Pieces(Load),
}

impl Payload {
    /// All of it.
    ///
    /// # Errors
    /// It is cut off: the envelope did not authenticate to its end.
    pub async fn whole(self) -> Result<Bytes, Cut> {
        use http_body_util::BodyExt as _;
        match self {
            Self::Whole(bytes) => Ok(bytes),
            Self::Pieces(load) => Ok(load.collect().await?.to_bytes()),
        }
    }
}

/// The application's answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status. 2xx is acknowledged as accepted, 4xx as rejected, all others as deferred.
    pub status: StatusCode,
    /// The fields of the answer. Those that are passed on are listed in [`super::forward`].
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// Why an application gave no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReply {
    /// It takes no connection. Nothing of the message has reached it.
    #[error("the application takes no connection")]
    Unreached,
    /// The connection broke off, or the answer cannot be passed on.
    #[error("the application's answer broke off or cannot be passed on")]
    Broken,
    /// It did not answer in time.
    #[error("the application did not answer in time")]
    Late,
    /// The message broke off before its end, which was [`Payload::Pieces`].
    #[error("the message did not authenticate to its end")]
    Cut,
}
