//! Sealed answers: the keys that partners may seal them to, and opening what came back.
//!
//! The private keys live in memory only. A new one is offered every few minutes; an old one is
//! forgotten once no request that offered it can still be waiting. Anybody on the way to the
//! partner sees the public key and could seal to it, so an answer counts only where the partner's
//! receipt, which is signed, names its very bytes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hpke::rand_core::UnwrapErr;
use http_body_util::{BodyExt as _, Collected};
use hyper::StatusCode;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::http::response::Parts;
use sha2::{Digest as _, Sha256};

use super::answer::Withheld;
use super::outgoing;
use super::receipt::{Came, Sent};
use super::upstream::AnswerBody;
use crate::config::Limits;
use crate::envelope::reply::{self, Asked, BadReply};
use crate::envelope::{BadEnvelope, Kem, MEDIA_TYPE, RecipientSecret, ReplyKey, format};
use crate::policy::Reply;
use crate::signing::receipt;
use crate::time::Timestamp;

/// The keys that answers may be sealed to. Clones are the same.
#[derive(Clone, Debug)]
pub struct ReplyKeys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    keep_ms: i64,
    keys: Mutex<Vec<Pair>>,
}

#[derive(Debug)]
struct Pair {
    secret: Arc<RecipientSecret>,
    made: Timestamp,
}

impl ReplyKeys {
    /// No keys yet. Each is kept as long as a transfer may take.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let longest = limits.stream_ms.saturating_add(limits.answer_total_ms);
        let keep = i64::try_from(longest).unwrap_or(i64::MAX).saturating_add(OFFERED_MS);
        Self(Arc::new(Inner { keep_ms: keep, keys: Mutex::default() }))
    }

    /// Forgets the keys that nobody can wait with any more: to be called now and then, as without a
    /// further request nothing else would.
    pub fn forget(&self, now: Timestamp) {
        self.keys().retain(|pair| pair.age(now) < self.0.keep_ms);
    }

    /// The key to offer now; `None` where the system gives no random numbers.
    pub(super) fn offer(&self, kem: Kem, now: Timestamp) -> Option<ReplyKey> {
        self.forget(now);
        let mut keys = self.keys();
        let is_fresh =
            |pair: &&Pair| pair.secret.kem() == kem && (0..OFFERED_MS).contains(&pair.age(now));
        if let Some(pair) = keys.iter().find(is_fresh) {
            return Some(ReplyKey::of(&pair.secret));
        }
        let mut random = UnwrapErr(getrandom::SysRng);
        let secret = Arc::new(RecipientSecret::generate(kem, &mut random).ok()?);
        let offered = ReplyKey::of(&secret);
        keys.push(Pair { secret, made: now });
        Some(offered)
    }

    fn find(&self, kid: &str) -> Option<Arc<RecipientSecret>> {
        let keys = self.keys();
        keys.iter().find(|pair| pair.secret.kid() == kid).map(|pair| Arc::clone(&pair.secret))
    }

    fn keys(&self) -> MutexGuard<'_, Vec<Pair>> {
        self.0.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pair {
    fn age(&self, now: Timestamp) -> i64 {
        now.millis().saturating_sub(self.made.millis())
    }
}

/// The body of an answer.
pub(super) enum Content {
    /// As the partner sends it.
    Plain(AnswerBody),
    /// As it was sealed.
    Opened(Bytes),
}

/// Opens an answer that is sealed, and puts its media type into the head.
///
/// # Errors
/// An answer that is sealed and not for this request, or not sealed where it must be.
pub(super) async fn opened(
    (head, body): (&mut Parts, AnswerBody),
    sent: &Sent,
    came: Option<&mut Came>,
    (keys, gateway): (&ReplyKeys, &str),
) -> Result<Content, Withheld> {
    if sent.reply == Reply::Plain || !is_sealed(&head.headers) {
        let _ = came.map(|came| came.binds(None));
        let must = sent.reply == Reply::Required;
        return if must { Err(Withheld::Unsealed) } else { Ok(Content::Plain(body)) };
    }
    let envelope = body.collect().await.map(Collected::to_bytes);
    let digest = envelope.as_ref().ok().map(|envelope| {
        receipt::Bytes::new(&Sha256::digest(envelope).into(), envelope.len() as u64)
    });
    let is_bound = came.is_some_and(|came| came.binds(digest.as_ref()));
    let envelope = envelope.map_err(Withheld::Body)?;
    if !is_bound {
        return Err(Withheld::Unbound);
    }
    let (claim, route) = (&sent.claim, sent.claim.route());
    let asked = Asked {
        did: outgoing::id(claim),
        gateway,
        partner: claim.partner().name.as_str(),
        method: route.method_out(),
        path: &route.to,
    };
    let answer = open(&envelope, keys, &asked).map_err(Withheld::Reply)?;
    head.status = status(head.status, &answer).ok_or(Withheld::Reply(BadReply::Status))?;
    let media = HeaderValue::from_str(&answer.media).map_err(|_| Withheld::MediaType)?;
    head.headers.remove(CONTENT_ENCODING);
    head.headers.remove(CONTENT_TYPE);
    if !answer.media.is_empty() {
        head.headers.insert(CONTENT_TYPE, media);
    }
    Ok(Content::Opened(answer.body.into()))
}

/// The status of a sealed answer: that of its head, but for those with which no body can come.
fn status(head: StatusCode, answer: &reply::Answer) -> Option<StatusCode> {
    let sealed = StatusCode::from_u16(answer.status).ok()?;
    let is_empty = matches!(sealed.as_u16(), 204 | 205 | 304) && answer.body.is_empty();
    (sealed == head || (head == StatusCode::OK && is_empty)).then_some(sealed)
}

fn open(envelope: &[u8], keys: &ReplyKeys, asked: &Asked<'_>) -> Result<reply::Answer, BadReply> {
    let prefix = envelope.get(..format::prefix_length(envelope)?);
    let (_, header) = format::read_prefix(prefix.ok_or(BadEnvelope::Short)?)?;
    let kid = header.rcpt.first().map_or("", |recipient| &recipient.kid);
    let secret = keys.find(kid).ok_or(BadEnvelope::Key)?;
    reply::open(envelope, &secret, asked)
}

fn is_sealed(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_TYPE).iter().any(|media| media.as_bytes() == MEDIA_TYPE.as_bytes())
}

/// For how long a key is offered.
const OFFERED_MS: i64 = 5 * 60 * 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_key_is_offered_for_a_while_and_forgotten_when_nobody_can_wait() {
        let limits = Limits { stream_ms: 600_000, answer_total_ms: 60_000, ..Limits::default() };
        let keys = ReplyKeys::new(&limits);
        let offer = |kem, seconds| keys.offer(kem, at(seconds)).unwrap().kid;
        let first = offer(Kem::X25519, 0);
        assert_eq!(offer(Kem::X25519, 299), first);
        let second = offer(Kem::X25519, 300);
        assert_ne!(second, first);
        assert_eq!(offer(Kem::X25519, 599), second, "not the old one again");
        assert!(keys.find(&first).is_some());
        let _ = offer(Kem::X25519, 959);
        assert!(keys.find(&first).is_some(), "one who got it at 299 may wait until 959");
        let _ = offer(Kem::X25519, 960);
        assert!(keys.find(&first).is_none() && keys.find(&second).is_some());
        assert!(keys.find("").is_none());
    }

    #[test]
    fn a_key_is_forgotten_though_no_other_is_offered() {
        let keys = ReplyKeys::new(&Limits::default());
        let kid = keys.offer(Kem::X25519, at(0)).unwrap().kid;
        keys.forget(at(keys.0.keep_ms / 1000 - 1));
        assert!(keys.find(&kid).is_some());
        keys.forget(at(keys.0.keep_ms / 1000));
        assert!(keys.find(&kid).is_none());
    }

    #[test]
    fn each_kem_has_a_key_of_its_own_and_a_clock_may_go_back() {
        let keys = ReplyKeys::new(&Limits::default());
        let [plain, hybrid] = Kem::ALL.map(|kem| keys.offer(kem, at(100)).unwrap());
        assert_eq!((plain.kem, hybrid.kem), (Kem::X25519.id(), Kem::MlKem768X25519.id()));
        assert_eq!(keys.offer(Kem::MlKem768X25519, at(101)).unwrap(), hybrid);
        let before = keys.offer(Kem::X25519, at(0)).unwrap();
        assert_ne!(before, plain);
        assert!(keys.find(&plain.kid).is_some());
    }
}
