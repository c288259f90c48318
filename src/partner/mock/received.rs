//! What a mock partner received.

use bytes::Bytes;
use data_encoding::BASE64;
use serde::Serialize;
use uuid::Uuid;

use super::shown;
use crate::envelope::Header;
use crate::envelope::format::Part;
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

    /// All of it as a line of JSON, for programs: a body of text as `text`, any other as `base64`.
    #[must_use]
    pub fn json(&self) -> String {
        let header = &self.header;
        let inner = self.request();
        let inside = inner.as_ref().map(|inner| Inside {
            method: &inner.method,
            target: &inner.target,
            headers: &inner.headers,
            body: Content::of(&inner.body),
        });
        let line = Line {
            id: header.did,
            stream: header.stream,
            gateway: &header.iss,
            partner: &header.aud,
            method: &header.m,
            path: &header.p,
            purpose: &header.pur,
            sealed: header.iat,
            expires: header.exp,
            onward: header.onw,
            media: &header.cty,
            body: if inside.is_none() { Some(Content::of(&self.body)) } else { None },
            inside,
        };
        // A struct of texts and numbers can always be written.
        serde_json::to_string(&line).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Line<'a> {
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<Part>,
    gateway: &'a str,
    partner: &'a str,
    method: &'a str,
    path: &'a str,
    purpose: &'a str,
    sealed: i64,
    expires: i64,
    onward: bool,
    media: &'a str,
    #[serde(flatten)]
    body: Option<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inside: Option<Inside<'a>>,
}

#[derive(Serialize)]
struct Inside<'a> {
    method: &'a str,
    target: &'a str,
    headers: &'a [(String, String)],
    #[serde(flatten)]
    body: Content<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Content<'a> {
    Text(&'a str),
    Base64(String),
}

impl<'a> Content<'a> {
    fn of(body: &'a [u8]) -> Self {
        str::from_utf8(body).map_or_else(|_| Self::Base64(BASE64.encode(body)), Self::Text)
    }
}
