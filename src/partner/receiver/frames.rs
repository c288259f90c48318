//! A stream of envelopes: each is checked, taken and passed on by itself, in its order.
//!
//! The last part is passed on only when the body ends behind it, so whoever gets it has the whole
//! stream. A stream that breaks off, or that the application refuses a part of, ends there; what
//! was passed on by then is what the receipt is about.

use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use hyper::body::Incoming;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::super::application::{Application, Message, Payload, Reply};
use super::super::refusal::Refusal;
use super::super::trust::Trust;
use super::answer::{Answered, Came, Refused, answer, receipt, unanswered};
use super::head::Head;
use super::open::{Opened, open};
use super::{Limits, Receiver, came_not, message};
use crate::envelope::Header;
use crate::envelope::frames::{self, LENGTH, Sequence};
use crate::proxy::body::{Bounds, Source};
use crate::signing::receipt::Status;
use crate::signing::{SIGNATURE, VerifyKey, request};

impl<A: Application> Receiver<A> {
    /// Takes a stream, part by part.
    pub(super) async fn frames(
        &self,
        trust: &Trust,
        head: &Head<'_>,
        (key, body): (Option<&VerifyKey>, Incoming),
    ) -> Result<Answered, Refused> {
        let mut reading = Reading::new(body, &self.0.limits, key.is_some());
        let mut progress = Progress::default();
        let ended = self.parts(trust, head, (key, &mut reading), &mut progress).await;
        let came = (progress.came(), self.0.clock.now());
        match ended {
            Ok((asked, reply)) => answer(trust, head, came, (&asked, reply)).await,
            Err((refusal, status)) => {
                let receipt = match progress.parts {
                    0 => None,
                    _ => receipt(trust, head, came, (status, None)).await,
                };
                Err(Refused { refusal, receipt })
            }
        }
    }

    /// Passes on one part after the other; the reply to the last of them, and that one's header.
    async fn parts(
        &self,
        trust: &Trust,
        head: &Head<'_>,
        (key, reading): (Option<&VerifyKey>, &mut Reading),
        progress: &mut Progress,
    ) -> Result<(Header, Reply), (Refusal, Status)> {
        let refused = |refusal| (refusal, Status::Accepted);
        loop {
            let frame = reading.next().await.map_err(refused)?;
            let frame = frame.ok_or_else(|| refused(Refusal::BadStream))?;
            let sha256 = Sha256::digest(&frame.envelope).into();
            if !frame.is_signed(key, &sha256) {
                return Err(refused(Refusal::BadSignature));
            }
            let now = self.0.clock.now();
            let opened = open(trust, head, &frame.envelope, (&self.0.limits, now));
            let opened = opened.map_err(refused)?;
            let is_last = progress.is_next(&opened).map_err(refused)?;
            if is_last && reading.next().await.map_err(refused)?.is_some() {
                return Err(refused(Refusal::BadStream));
            }
            let taken = self.take(head, &opened.header, sha256).await;
            taken.map_err(|why| refused(why.refusal))?;
            let Opened { header, inner, payload } = opened;
            let asked = header.clone();
            let payload = Payload::Whole(payload);
            let message = Message { inner, payload, ..message(head, header) };
            match self.0.application.take(message).await {
                Ok(reply) => {
                    progress.add(&frame);
                    if is_last || !reply.status.is_success() {
                        return Ok((asked, reply));
                    }
                }
                Err(why) => {
                    let (refusal, status) = unanswered(why);
                    // A part that surely has not reached the application is not among those taken.
                    if status == Status::Rejected {
                        return Err(refused(refusal));
                    }
                    progress.add(&frame);
                    return Err((refusal, status));
                }
            }
        }
    }
}

/// How far a stream has come.
#[derive(Default)]
struct Progress {
    sequence: Sequence,
    hash: Sha256,
    bytes: u64,
    parts: u64,
}

impl Progress {
    /// Whether this is the last part, if it is the next one.
    fn is_next(&mut self, opened: &Opened) -> Result<bool, Refusal> {
        self.sequence.take(&opened.header).map_err(|_| Refusal::BadStream)?;
        Ok(opened.header.stream.is_some_and(|part| part.last))
    }

    fn add(&mut self, frame: &Frame) {
        self.hash.update(frame.length);
        self.hash.update(&frame.envelope);
        self.hash.update(&frame.signature);
        let bytes = LENGTH + frame.envelope.len() + frame.signature.len();
        self.bytes = self.bytes.saturating_add(bytes as u64);
        self.parts = self.parts.saturating_add(1);
    }

    fn came(&self) -> Came {
        let sha256 = self.hash.clone().finalize().into();
        Came { sha256, bytes: self.bytes, parts: Some(self.parts) }
    }
}

/// A frame, as it came.
struct Frame {
    length: [u8; LENGTH],
    envelope: Bytes,
    /// Empty where parts are not signed.
    signature: Bytes,
}

impl Frame {
    fn is_signed(&self, key: Option<&VerifyKey>, sha256: &[u8; 32]) -> bool {
        let Some(key) = key else { return true };
        let signature = self.signature.first_chunk();
        signature.is_some_and(|signature| key.verify(&request::part(sha256), signature))
    }
}

/// The frames of a body.
struct Reading {
    source: Source,
    buffer: BytesMut,
    envelope_max: usize,
    signature: usize,
}

impl Reading {
    fn new(body: Incoming, limits: &Limits, is_signed: bool) -> Self {
        let bounds = Bounds {
            bytes_max: limits.stream_bytes_max,
            ratio_max: u64::MAX,
            idle: Duration::from_millis(limits.body_ms),
            until: Instant::now() + Duration::from_millis(limits.stream_ms),
        };
        Self {
            source: Source::new(body, None, bounds),
            buffer: BytesMut::new(),
            envelope_max: limits.body_bytes_max,
            signature: if is_signed { SIGNATURE } else { 0 },
        }
    }

    /// The next frame; `None` where the body ends before one.
    async fn next(&mut self) -> Result<Option<Frame>, Refusal> {
        loop {
            if let Some(frame) = self.cut()? {
                return Ok(Some(frame));
            }
            match self.source.next().await.map_err(came_not)? {
                Some(piece) => self.buffer.extend_from_slice(&piece),
                None if self.buffer.is_empty() => return Ok(None),
                None => return Err(Refusal::BadStream),
            }
        }
    }

    /// The next frame, if all of it is there.
    fn cut(&mut self) -> Result<Option<Frame>, Refusal> {
        let Some(start) = self.buffer.first_chunk::<LENGTH>() else { return Ok(None) };
        let start = *start;
        let length = frames::length(start).map_err(|_| Refusal::BadStream)?;
        if length > self.envelope_max {
            return Err(Refusal::TooLarge);
        }
        if self.buffer.len() < LENGTH + length + self.signature {
            return Ok(None);
        }
        self.buffer.advance(LENGTH);
        let envelope = self.buffer.split_to(length).freeze();
        let signature = self.buffer.split_to(self.signature).freeze();
        Ok(Some(Frame { length: start, envelope, signature }))
    }
}
