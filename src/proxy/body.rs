//! The body of a request: read whole, under a limit and a deadline.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Incoming};

use crate::reason::Reason;

/// Reads a body.
///
/// # Errors
/// A body beyond `max` bytes, one that takes longer than `deadline`, or one that ends before it
/// is complete.
pub async fn read(body: Incoming, max: usize, deadline: Duration) -> Result<Bytes, Reason> {
    let announced = body.size_hint().lower();
    if usize::try_from(announced).map_or(true, |announced| announced > max) {
        return Err(Reason::BodyTooLarge);
    }
    match tokio::time::timeout(deadline, collect(body, max)).await {
        Ok(read) => read,
        Err(_) => Err(Reason::BodyTooSlow),
    }
}

async fn collect(mut body: Incoming, max: usize) -> Result<Bytes, Reason> {
    let expected = body.size_hint().exact().and_then(|exact| usize::try_from(exact).ok());
    let mut whole = Bytes::new();
    let mut parts = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Reason::BodyIncomplete)?.into_data() else { continue };
        if data.len() > max.saturating_sub(whole.len().max(parts.len())) {
            return Err(Reason::BodyTooLarge);
        }
        if whole.is_empty() && parts.is_empty() {
            whole = data;
            continue;
        }
        if parts.is_empty() {
            parts.reserve(expected.unwrap_or(whole.len() * 2));
            parts.extend_from_slice(&whole);
        }
        parts.extend_from_slice(&data);
    }
    Ok(if parts.is_empty() { whole } else { parts.freeze() })
}
