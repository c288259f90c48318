//! Record streams: a body that is carried part by part, in constant memory.
//!
//! Each part is a transfer in itself: parsed, decided by the rules in force, redacted, sealed,
//! recorded. What was recorded goes as one frame of the stream's only request to the partner.
//!
//! Invariants:
//! * No part is sent before it is recorded, and each that was recorded gets its outcome: that of
//!   the answer, `unknown` if the connection took it and no answer came, `failed` if it did not.
//! * A part is sealed as the last one only where nothing follows it. So one part more is read
//!   before a part is decided, and never more than that.
//! * A partner that does not read, and a caller that does not write, stop the other side, and then
//!   end the stream: each wait has a limit.
//! * The request is made by the rules that its first part was recorded under. Where other rules
//!   would send a part elsewhere, the stream ends.

use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use sha2::{Digest as _, Sha256};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

use super::body::{self, Bounds, Source};
use super::head::Head;
use super::outgoing::{Outgoing, Signer};
use super::receipt::{Prefix, Sent};
use super::refusal::Refusal;
use super::returned::{Carried, Returned};
use super::rules::Rules;
use super::upstream::{AnswerBody, Closed, Failure, Feed, Load, Unknown, Unsent};
use super::{Answer, Proxy};
use crate::config::Limits;
use crate::document::{BadDocument, Charset, Content, Converter, Cutter, Records, Syntax};
use crate::reason::Reason;
use crate::store::{Disclosed, Fate, Recorded, Settled};
use crate::telemetry;
use crate::time::Timestamp;
use crate::transfer::{Claim, Refused, StreamPart};

impl Proxy {
    /// Carries a stream of records from request to answer, or as far as it may go.
    pub(super) async fn stream(&self, head: Head, body: Incoming) -> Result<Carried, Box<Refusal>> {
        let mut sending = Sending::new(head, &self.0.limits);
        let came = self.carry_all(&mut sending, body).await;
        let answer = sending.end(came).await;
        let left = sending.left();
        let ended = match answer {
            Ok(answer) => Ok(self.returned(sending.asked(), answer).await),
            Err(refusal) => Err(refusal),
        };
        self.0.recorder.settle_all(sending.settles(left, &ended)).await;
        if let Ok(returned) = &ended {
            self.renew_unknown(returned).await;
        }
        let carried = ended.and_then(Returned::carried);
        carried.map_err(|refusal| Refusal { parts: Some(left), ..*refusal }.into())
    }

    /// Carries one part after the other, each once it is known whether it is the last.
    async fn carry_all(&self, sending: &mut Sending, body: Incoming) -> Result<(), Stop> {
        let parts = Parts::of(&sending.head, body, &self.0.limits);
        let mut parts = parts.map_err(|why| sending.refused(why))?;
        let mut dropped = None;
        let mut next = parts.next().await.map_err(|why| sending.refused(why))?;
        if next.is_none() {
            return Err(sending.refused(Reason::NoSubjects.into()));
        }
        while let Some(body) = next {
            next = parts.next().await.map_err(|why| sending.refused(why))?;
            let claim = sending.claim(next.is_none());
            match self.carry(sending, claim, body).await {
                Err(Stop::Refused(refusal)) if refusal.is_dropped => {
                    self.tell(&refusal);
                    dropped = Some(refusal);
                }
                carried => carried?,
            }
        }
        match dropped {
            Some(refusal) if sending.sent.is_empty() => Err(Stop::Refused(refusal)),
            _ => Ok(()),
        }
    }

    /// Carries one part: as any transfer, up to its record.
    async fn carry(&self, sending: &mut Sending, claim: Claim, body: Bytes) -> Result<(), Stop> {
        let content = Content { body, ..sending.head.content.clone() };
        let transfer = self.parse(claim, content)?;
        let (recorded, rules) = self.record(transfer).await?;
        sending.send(&recorded, &rules, self.0.clock.now()).await
    }

    /// Tells of a part that was refused while its stream goes on.
    fn tell(&self, refusal: &Refusal) {
        self.0.metrics.refused(refusal.reason);
        telemetry::refused(refusal, Duration::ZERO);
    }
}

/// Why a stream ends before its time.
enum Stop {
    /// A part, or the rest of the stream, is refused.
    Refused(Box<Refusal>),
    /// The partner has answered, or failed to, before it had everything.
    Answered(Box<Result<Answer, Failure>>),
}

impl From<Box<Refusal>> for Stop {
    fn from(refusal: Box<Refusal>) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Unsent> for Stop {
    fn from(why: Unsent) -> Self {
        Err(Failure::Unsent(why)).into()
    }
}

impl From<Result<Answer, Failure>> for Stop {
    fn from(answer: Result<Answer, Failure>) -> Self {
        Self::Answered(answer.into())
    }
}

/// What is sent of a stream.
struct Sending {
    head: Head,
    part_time: Duration,
    /// Whether the stream's id is the id of a part already.
    is_begun: bool,
    /// Every part that was recorded, in the order of the stream.
    sent: Vec<Disclosed>,
    request: Option<Request>,
}

/// The request to the partner.
struct Request {
    feed: Feed,
    answer: JoinHandle<Result<Answer, Failure>>,
    /// The answer, where it came before everything was sent.
    early: Option<Answer>,
    way: Way,
    /// What signs its parts.
    signer: Signer,
    asked: Sent,
    /// SHA-256 and length of what was handed over, and what they were after each part.
    digest: Sha256,
    length: u64,
    prefixes: Vec<Prefix>,
}

/// Where a request goes: as long as this is the same, so is the request.
#[derive(PartialEq, Eq)]
struct Way {
    made_of: [u8; 32],
    method: String,
    to: String,
}

impl Way {
    fn of(claim: &Claim, rules: &Rules) -> Option<Self> {
        let route = claim.route();
        let way = rules.ways.get(&(claim.partner().name.clone(), route.endpoint.clone()))?;
        let (method, to) = (route.method_out().to_owned(), route.to.clone());
        Some(Self { made_of: way.made_of, method, to })
    }
}

impl Sending {
    fn new(head: Head, limits: &Limits) -> Self {
        Self {
            head,
            part_time: Duration::from_millis(limits.part_ms),
            is_begun: false,
            sent: Vec::new(),
            request: None,
        }
    }

    /// The claim on the part that would go next.
    fn claim(&mut self, last: bool) -> Claim {
        let stream = self.head.claim.did();
        let did = if self.is_begun { Uuid::now_v7() } else { stream };
        self.is_begun = true;
        let n = self.sent.len() as u64;
        self.head.claim.of_part(did, StreamPart { stream, n, last })
    }

    /// The end of the stream before its next part.
    fn refused(&mut self, why: Uncut) -> Stop {
        let claim = self.claim(false);
        match why {
            Uncut::Body(reason) => Refusal::claimed(&claim, reason).into(),
            Uncut::Document(bad) => {
                let refused = Refused::unreadable(&claim, &bad);
                Box::new(Refusal::of(claim.did(), refused)).into()
            }
        }
    }

    /// Sends a part that was recorded; the first one begins the request.
    async fn send(
        &mut self,
        recorded: &Recorded,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<(), Stop> {
        self.sent.push(recorded.disclosed());
        let claim = recorded.claim();
        let way = Way::of(claim, rules).ok_or(Unsent::Request)?;
        let request = match &mut self.request {
            Some(request) if request.way != way || claim.route().stream.is_none() => {
                let (did, known) = (claim.did(), claim.known());
                return Err(Box::new(Refusal::after(did, Reason::RulesChanging, known)).into());
            }
            Some(request) => request,
            none => none.insert(Request::begin(&self.head, claim, rules, way, now)?),
        };
        let frame = request.signer.frame(recorded)?;
        request.push(frame.into(), self.part_time).await
    }

    /// Ends the request: the answer to it, or why there is to be none.
    async fn end(
        &mut self,
        came: Result<(), Stop>,
    ) -> Result<Result<Answer, Failure>, Box<Refusal>> {
        let answer = match (came, &mut self.request) {
            (Ok(()), Some(request)) => request.finish(self.part_time).await,
            (Ok(()), None) => Err(Failure::Unsent(Unsent::Request)),
            (Err(Stop::Answered(answer)), _) => *answer,
            (Err(Stop::Refused(refusal)), _) => return Err(refusal),
        };
        Ok(answer.map(|answer| answer.map(AnswerBody::from_now)))
    }

    /// How many parts left; from here on the connection takes nothing more.
    fn left(&self) -> u64 {
        self.request.as_ref().map_or(0, |request| request.feed.cut())
    }

    /// What was sent, as far as its answer is held against it.
    fn asked(&mut self) -> Sent {
        let nothing = || Sent::nothing(self.head.claim.clone());
        self.request.take().map_or_else(nothing, |request| request.asked.of_parts(request.prefixes))
    }

    /// What became of each part: of those that left, and of those that did not. The receipt is of
    /// the whole, and stands with the first.
    fn settles(self, left: u64, ended: &Result<Returned, Box<Refusal>>) -> Vec<Settled> {
        let reason = match ended {
            Ok(returned) => returned.failure(),
            Err(refusal) => Some(refusal.reason),
        };
        let (taken, kept) = match (ended, reason) {
            (Ok(returned), None) => (returned.fate(), Fate::Failed(Reason::PartnerAnswerBad)),
            (_, reason) => {
                let reason = reason.unwrap_or(Reason::PartnerAnswerBad);
                (Fate::Unknown(reason), Fate::Failed(reason))
            }
        };
        let mut receipt = ended.as_ref().ok().and_then(Returned::receipt).cloned();
        let settled = self.sent.into_iter().zip(0..);
        let fate = |n: u64| if n < left { taken } else { kept };
        settled.map(|(of, n)| Settled { of, fate: fate(n), receipt: receipt.take() }).collect()
    }
}

impl Request {
    fn begin(
        head: &Head,
        claim: &Claim,
        rules: &Rules,
        way: Way,
        now: Timestamp,
    ) -> Result<Self, Unsent> {
        let (feed, load) = Load::fed();
        let outgoing = Outgoing::parts(claim, &head.headers, rules, now, load)?;
        let Outgoing { upstream, outbound, signer } = outgoing;
        let answer = tokio::spawn(async move { upstream.forward(outbound).await });
        let asked = Sent::nothing(head.claim.clone()).by(claim, rules);
        Ok(Self {
            feed,
            answer,
            early: None,
            way,
            signer,
            asked,
            digest: Sha256::new(),
            length: 0,
            prefixes: Vec::new(),
        })
    }

    /// Hands a frame over, as soon as the one before was taken.
    async fn push(&mut self, frame: Bytes, time: Duration) -> Result<(), Stop> {
        self.digest.update(&frame);
        self.length = self.length.saturating_add(frame.len() as u64);
        let sha256 = self.digest.clone().finalize().into();
        self.prefixes.push(Prefix { sha256, length: self.length });
        if self.early.is_none() && self.answer.is_finished() {
            match self.answer().await {
                Ok(answer) if answer.status().is_success() => self.early = Some(answer),
                answer => return Err(answer.into()),
            }
        }
        let stop = match timeout(time, self.feed.push(frame)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(Closed)) => self.answer().await,
            Err(_) => Err(Failure::Unknown(Unknown::Timeout)),
        };
        Err(stop.into())
    }

    /// Ends the body, and waits for the answer to all of it.
    async fn finish(&mut self, time: Duration) -> Result<Answer, Failure> {
        match timeout(time, self.feed.finish()).await {
            Ok(_) => self.answer().await,
            Err(_) => Err(Failure::Unknown(Unknown::Timeout)),
        }
    }

    async fn answer(&mut self) -> Result<Answer, Failure> {
        match self.early.take() {
            Some(answer) => Ok(answer),
            None => (&mut self.answer).await.unwrap_or(Err(Failure::Unknown(Unknown::Broken))),
        }
    }
}

/// The parts of a caller's body.
struct Parts {
    source: Source,
    converter: Option<Converter>,
    cutter: Cutter,
    left: u64,
    is_over: bool,
}

/// Why there is no next part.
enum Uncut {
    /// The body did not come, or is no text of its coding, or too much.
    Body(Reason),
    /// It is no stream of records.
    Document(BadDocument),
}

impl From<Reason> for Uncut {
    fn from(reason: Reason) -> Self {
        Self::Body(reason)
    }
}

impl From<BadDocument> for Uncut {
    fn from(bad: BadDocument) -> Self {
        Self::Document(bad)
    }
}

impl Parts {
    /// The parts of a body, by the rules that its head was read by.
    fn of(head: &Head, body: Incoming, limits: &Limits) -> Result<Self, Uncut> {
        let route = head.claim.route();
        let uncut = || Uncut::Body(Reason::ContentUninspectable);
        let stream = route.stream.ok_or_else(uncut)?;
        let records = records(route.shape.syntax()).ok_or_else(uncut)?;
        let charset = body::charset(route)?;
        let most = |max: u32, limit: usize| usize::try_from(max).unwrap_or(limit).min(limit);
        let records_max = most(stream.records_max, limits.records_max);
        let bytes_max = most(stream.bytes_max, limits.body_bytes_max);
        Ok(Self {
            source: Source::new(body, head.coding, Bounds::stream(limits)),
            converter: charset.map(Charset::converter),
            cutter: Cutter::new(records, records_max, bytes_max),
            left: limits.stream_parts_max,
            is_over: false,
        })
    }

    /// The next part; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Uncut> {
        loop {
            if let Some(part) = self.cutter.next_part() {
                let left = self.left.checked_sub(1).ok_or(Reason::DocumentBeyondLimits)?;
                self.left = left;
                return Ok(Some(part?));
            }
            if self.is_over {
                return Ok(None);
            }
            let piece = self.source.next().await?;
            self.is_over = piece.is_none();
            self.push(piece.as_deref())?;
        }
    }

    /// Takes a piece of the body, or its end.
    fn push(&mut self, piece: Option<&[u8]>) -> Result<(), BadDocument> {
        let mut text = Vec::new();
        match (&mut self.converter, piece) {
            (None, Some(piece)) => self.cutter.push(piece),
            (None, None) => {}
            (Some(converter), Some(piece)) => converter.push(piece, &mut text)?,
            (Some(converter), None) => converter.finish(&mut text)?,
        }
        self.cutter.push(&text);
        if piece.is_none() {
            self.cutter.finish();
        }
        Ok(())
    }
}

/// How a body of this syntax is cut, if it can be.
const fn records(syntax: &Syntax) -> Option<Records> {
    match syntax {
        Syntax::Csv(_) => Some(Records::Csv),
        Syntax::Json => Some(Records::Json),
        Syntax::Ndjson => Some(Records::Ndjson),
        Syntax::Xml(_)
        | Syntax::Form
        | Syntax::Multipart(_)
        | Syntax::Text
        | Syntax::Opaque(_)
        | Syntax::Empty => None,
    }
}
