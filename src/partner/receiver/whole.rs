//! One envelope: taken whole, or passed on as it comes where the configuration says so.

use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, timeout};

use super::super::application::{Application, Message, Payload};
use super::super::refusal::Refusal;
use super::super::trust::Trust;
use super::answer::{Answered, Came, Refused, answer, unreplied};
use super::head::Head;
use super::open::{Opened, inner, open, refusal_of};
use super::{Limits, Receiver, came_not, message};
use crate::envelope::{Header, Next, Opener, RecipientSecret, request};
use crate::proxy::body::{self, Bounds, Source};
use crate::proxy::upstream::{Feed, Load};

impl<A: Application> Receiver<A> {
    /// Takes one envelope, of which nothing is passed on before all of it has come and opened.
    pub(super) async fn whole(
        &self,
        trust: &Trust,
        head: &Head<'_>,
        body: Incoming,
    ) -> Result<Answered, Refused> {
        let limits = &self.0.limits;
        let time = Duration::from_millis(limits.body_ms);
        let bytes = body::read(body, limits.body_bytes_max, time).await.map_err(came_not)?;
        let sha256 = Sha256::digest(&bytes).into();
        head.has_digest(&sha256)?;
        let opened = open(trust, head, &bytes, (limits, head.now))?;
        let came = Came { sha256, bytes: bytes.len() as u64, parts: None };
        drop(bytes);
        self.pass_on(trust, head, (opened, came)).await
    }

    /// Takes one envelope, of which each piece is passed on as soon as it has authenticated.
    ///
    /// A request that is inside of it is still taken whole: its head and body are one message.
    pub(super) async fn pieces(
        &self,
        trust: &Trust,
        head: &Head<'_>,
        body: Incoming,
    ) -> Result<Answered, Refused> {
        let limits = &self.0.limits;
        let mut arriving = Arriving::new(&trust.secrets, body, limits);
        let first = arriving.text().await?;
        let header = arriving.opener.header().cloned().ok_or(Refusal::CannotOpen)?;
        head.fits(trust, &header, (limits, head.now))?;
        let first = match first {
            Some(first) if header.cty != request::MEDIA_TYPE => first,
            first => {
                let opened = arriving.rest(head, (header, first), limits.body_bytes_max).await?;
                return self.pass_on(trust, head, (opened, arriving.came())).await;
            }
        };
        is_one(&header)?;
        self.take(head, &header, head.digest.unwrap_or_default()).await?;

        let (feed, load) = Load::fed();
        let asked = header.clone();
        let taken = Message { payload: Payload::Pieces(load), ..message(head, header) };
        let taking = self.0.application.take(taken);
        let wait = Duration::from_millis(limits.body_ms);
        let (reply, passed) = tokio::join!(taking, arriving.feed(head, (feed, first), wait));
        passed?;
        self.answered(trust, head, (&asked, arriving.came()), reply).await
    }

    /// Takes the id of an envelope that has come whole and opened, and passes it on.
    async fn pass_on(
        &self,
        trust: &Trust,
        head: &Head<'_>,
        (opened, came): (Opened, Came),
    ) -> Result<Answered, Refused> {
        let Opened { header, inner, payload } = opened;
        is_one(&header)?;
        self.take(head, &header, came.sha256).await?;
        let asked = header.clone();
        let payload = Payload::Whole(payload);
        let message = Message { inner, payload, ..message(head, header) };
        let reply = self.0.application.take(message).await;
        self.answered(trust, head, (&asked, came), reply).await
    }

    /// Makes the answer, and keeps its receipt for whoever asks again.
    async fn answered(
        &self,
        trust: &Trust,
        head: &Head<'_>,
        (asked, came): (&Header, Came),
        reply: Result<super::super::Reply, super::super::NoReply>,
    ) -> Result<Answered, Refused> {
        let now = self.0.clock.now();
        let result = match reply {
            Ok(reply) => answer(trust, head, (came, now), (asked, reply)).await,
            Err(why) => Err(unreplied(trust, head, (came, now), why).await),
        };
        let receipt = match &result {
            Ok(answered) => answered.receipt.clone(),
            Err(refused) => refused.receipt.clone(),
        };
        if let Some(receipt) = receipt {
            self.0.taken.answered(&head.gateway.name, head.id, receipt).await;
        }
        result
    }
}

/// Sees to it that an envelope by itself is no part of a stream.
fn is_one(header: &Header) -> Result<(), Refusal> {
    if header.stream.is_none() { Ok(()) } else { Err(Refusal::BadStream) }
}

/// An envelope that is opened as it comes.
struct Arriving<'t> {
    source: Source,
    opener: Opener<&'t [RecipientSecret]>,
    hash: Sha256,
    bytes: u64,
}

impl<'t> Arriving<'t> {
    fn new(secrets: &'t [RecipientSecret], body: Incoming, limits: &Limits) -> Self {
        let bounds = Bounds {
            bytes_max: limits.stream_bytes_max,
            ratio_max: u64::MAX,
            idle: Duration::from_millis(limits.body_ms),
            until: Instant::now() + Duration::from_millis(limits.stream_ms),
        };
        let source = Source::new(body, None, bounds);
        Self { source, opener: Opener::new(secrets), hash: Sha256::new(), bytes: 0 }
    }

    /// The next piece of the text, never an empty one; `None` at its authenticated end.
    async fn text(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            match self.opener.next().map_err(refusal_of)? {
                Next::Text(text) if text.is_empty() => {}
                Next::Text(text) => return Ok(Some(text)),
                Next::Whole => return Ok(None),
                Next::More => match self.source.next().await.map_err(came_not)? {
                    Some(piece) => {
                        self.hash.update(&piece);
                        self.bytes = self.bytes.saturating_add(piece.len() as u64);
                        self.opener.push(&piece);
                    }
                    None => self.opener.end(),
                },
            }
        }
    }

    /// All of the text, from its first piece on.
    async fn rest(
        &mut self,
        head: &Head<'_>,
        (header, first): (Header, Option<Bytes>),
        bytes_max: usize,
    ) -> Result<Opened, Refusal> {
        let mut payload = Vec::new();
        let mut next = first;
        while let Some(text) = next {
            if text.len() > bytes_max.saturating_sub(payload.len()) {
                return Err(Refusal::TooLarge);
            }
            payload.extend_from_slice(&text);
            next = self.text().await?;
        }
        head.has_digest(&self.came().sha256)?;
        let inner = inner(head, &header, &payload)?;
        Ok(Opened { header, inner, payload: payload.into() })
    }

    /// Hands the text on, piece by piece, and ends it only at its authenticated end.
    ///
    /// Dropping `feed` before that is what cuts the request to the application. Of a request that
    /// takes no more, the rest is still read, so that the receipt is about all of it.
    async fn feed(
        &mut self,
        head: &Head<'_>,
        (feed, first): (Feed, Bytes),
        wait: Duration,
    ) -> Result<(), Refusal> {
        let mut next = Some(first);
        let mut is_open = true;
        while let Some(text) = next {
            if is_open {
                let pushed = timeout(wait, feed.push(text)).await;
                is_open = pushed.map_err(|_| Refusal::Late)?.is_ok();
            }
            next = self.text().await?;
        }
        head.has_digest(&self.came().sha256)?;
        if is_open {
            // A request that took no more of it has a reply, or why there is none.
            let _ = timeout(wait, feed.finish()).await.map_err(|_| Refusal::Late)?;
        }
        Ok(())
    }

    fn came(&self) -> Came {
        Came { sha256: self.hash.clone().finalize().into(), bytes: self.bytes, parts: None }
    }
}
