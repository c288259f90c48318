//! The request to a partner: what it bears, and the gateway's signature under it.

use std::sync::Arc;

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::rules::Rules;
use super::upstream::{Load, Outbound, Unsent, Upstream};
use super::{ID_HEADER, head};
use crate::envelope::{self, frames};
use crate::signing::Sign;
use crate::signing::request::{self, Covered, Message};
use crate::store::Recorded;
use crate::time::Timestamp;
use crate::transfer::Claim;
use uuid::Uuid;

/// A request that is ready to be sent.
pub(super) struct Outgoing {
    /// The way that it goes.
    pub(super) upstream: Arc<Upstream>,
    /// The request.
    pub(super) outbound: Outbound,
    /// What signs the parts of its body, where they are signed one by one.
    pub(super) signer: Signer,
}

/// What signs frames, where the partner takes signatures.
#[derive(Clone)]
pub(super) struct Signer(Option<Arc<dyn Sign>>);

impl Outgoing {
    /// The request for one envelope.
    ///
    /// # Errors
    /// It cannot be made, or not be signed.
    pub(super) fn whole(
        recorded: &Recorded,
        asked: &HeaderMap,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<Self, Unsent> {
        let body = Covered::Digest(*recorded.sha256());
        let load = recorded.envelope().clone().into();
        Self::new(recorded.claim(), asked, rules, now, (body, load))
    }

    /// The request for a stream of envelopes, at its first part.
    ///
    /// # Errors
    /// It cannot be made, or not be signed.
    pub(super) fn parts(
        first: &Claim,
        asked: &HeaderMap,
        rules: &Rules,
        now: Timestamp,
        load: Load,
    ) -> Result<Self, Unsent> {
        Self::new(first, asked, rules, now, (Covered::Parts, load))
    }

    fn new(
        claim: &Claim,
        asked: &HeaderMap,
        rules: &Rules,
        now: Timestamp,
        (covered, body): (Covered, Load),
    ) -> Result<Self, Unsent> {
        let (partner, route) = (claim.partner(), claim.route());
        let way = rules.ways.get(&(partner.name.clone(), route.endpoint.clone()));
        let upstream = Arc::clone(&way.ok_or(Unsent::Request)?.upstream);
        let (method, path) = (route.method_out(), route.to.clone());
        let signer = Signer::of(claim, rules, now)?;
        let id = id(claim).to_string();
        let media = match (covered, &signer.0) {
            (Covered::Digest(_), _) => envelope::MEDIA_TYPE,
            (Covered::Parts, None) => frames::MEDIA_TYPE,
            (Covered::Parts, Some(_)) => frames::MEDIA_TYPE_SIGNED,
        };
        let mut headers = head::passed(asked, route);
        if route.answer.is_some() {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        if let Some((name, value)) = rules.credentials.get(&partner.name) {
            headers.insert(name.clone(), value.clone());
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        headers.insert(ID_HEADER, value(&id)?);
        if let Some(key) = &signer.0 {
            let target_uri = &upstream.target_uri(&path);
            let message =
                Message { method, target_uri, content_type: media, id: &id, body: covered };
            sign(&message, now, &**key, &mut headers)?;
        }
        let method = method.parse().map_err(|_| Unsent::Request)?;
        Ok(Self { upstream, outbound: Outbound { method, path, headers, body }, signer })
    }
}

impl Signer {
    /// What signs for a partner now.
    fn of(claim: &Claim, rules: &Rules, now: Timestamp) -> Result<Self, Unsent> {
        if !claim.partner().envelope.signed {
            return Ok(Self(None));
        }
        rules.signing.current(now).map(|key| Self(Some(key))).ok_or(Unsent::Unsigned)
    }

    /// The frame of an envelope in a stream.
    ///
    /// # Errors
    /// It is too long, or cannot be signed.
    pub(super) fn frame(&self, recorded: &Recorded) -> Result<Vec<u8>, Unsent> {
        let sign = |key: &Arc<dyn Sign>| key.sign(&request::part(recorded.sha256()));
        let signature = self.0.as_ref().map(sign).transpose().map_err(|_| Unsent::Unsigned)?;
        let frame = frames::frame(recorded.envelope(), signature.as_ref());
        frame.ok_or(Unsent::Request)
    }
}

fn sign(
    message: &Message<'_>,
    now: Timestamp,
    key: &dyn Sign,
    headers: &mut HeaderMap,
) -> Result<(), Unsent> {
    let signed = request::sign(message, now, key).map_err(|_| Unsent::Unsigned)?;
    if let Some(digest) = signed.digest {
        headers.insert(DIGEST_HEADER, value(&digest)?);
    }
    headers.insert(INPUT_HEADER, value(&signed.input)?);
    headers.insert(SIGNATURE_HEADER, value(&signed.signature)?);
    Ok(())
}

fn value(text: &str) -> Result<HeaderValue, Unsent> {
    HeaderValue::from_str(text).map_err(|_| Unsent::Request)
}

/// The id that a request bears: that of its disclosure, or of its stream.
pub(super) fn id(claim: &Claim) -> Uuid {
    claim.part().map_or_else(|| claim.did(), |part| part.stream)
}

const DIGEST_HEADER: HeaderName = HeaderName::from_static("content-digest");
const INPUT_HEADER: HeaderName = HeaderName::from_static("signature-input");
const SIGNATURE_HEADER: HeaderName = HeaderName::from_static("signature");
