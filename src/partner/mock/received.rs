//! What a mock partner received.

use bytes::Bytes;
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::shown;
use crate::envelope::Header;
use crate::envelope::request::{self, Request as Inner};

/// A payload that a partner opened.
#[derive(Clone, Debug)]
pub struct Received {
    /// What the envelope says about itself.
    pub header: Header,
    /// What was inside.
    pub body: Bytes,
}

impl Received {
    /// The request that was inside, where it was one.
    #[must_use]
    pub fn request(&self) -> Option<Inner> {
        (self.header.cty == request::MEDIA_TYPE).then(|| Inner::decode(&self.body).ok()).flatten()
    }

    /// What was inside, for a person to read: text as it is, of anything else how much there is.
    #[must_use]
    pub fn shown(&self) -> String {
        match self.request() {
            Some(request) => shown::request(&request),
            None => shown::body(&self.header.cty, &self.body),
        }
    }

    /// All of it as a JSON object, for programs: a body of text as `text`, any other as `base64`.
    #[must_use]
    pub fn json(&self) -> Value {
        let header = &self.header;
        let mut all = json!({
            "id": header.did,
            "gateway": header.iss,
            "partner": header.aud,
            "method": header.m,
            "path": header.p,
            "purpose": header.pur,
            "sealed": header.iat,
            "expires": header.exp,
            "onward": header.onw,
            "media": header.cty,
        });
        if let Some(part) = header.stream {
            all["stream"] = json!({ "id": part.id, "n": part.n, "last": part.last });
        }
        let Some(inner) = self.request() else {
            let (key, body) = text(&self.body);
            all[key] = body.into();
            return all;
        };
        let headers: Vec<Value> =
            inner.headers.iter().map(|(name, value)| json!([name, value])).collect();
        let (key, body) = text(&inner.body);
        all["inside"] = json!({ "method": inner.method, "target": inner.target });
        all["inside"]["headers"] = headers.into();
        all["inside"][key] = body.into();
        all
    }
}

fn text(body: &[u8]) -> (&'static str, String) {
    match str::from_utf8(body) {
        Ok(text) => ("text", text.to_owned()),
        Err(_) => ("base64", BASE64.encode(body)),
    }
}
