//! The answer that no script says: in the form of what was received.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use uuid::Uuid;

use super::received::Received;

/// Headers and body of the answer to a message.
pub(super) fn answer(received: &Received) -> (HeaderMap, Bytes) {
    let header = &received.header;
    let id = header.stream.map_or(header.did, |part| part.id);
    if received.request().is_some_and(|request| request.method == "GET") {
        let found = r#""certificates":[{"number":"KZ-7-0001","clerk":"Архивова Сәуле"}]"#;
        return of(HeaderValue::from_static(JSON), format!(r#"{{"id":"{id}",{found}}}"#));
    }
    let media = header.cty.split(';').next().unwrap_or_default();
    let namespace = match media {
        "text/xml" => "http://schemas.xmlsoap.org/soap/envelope/",
        "application/soap+xml" => "http://www.w3.org/2003/05/soap-envelope",
        _ => return accepted(id),
    };
    let accepted = format!(r#"<accepted xmlns="urn:archive-kz:1"><id>{id}</id></accepted>"#);
    let text =
        format!(r#"<s:Envelope xmlns:s="{namespace}"><s:Body>{accepted}</s:Body></s:Envelope>"#);
    let media = HeaderValue::from_str(&format!("{media}; charset=utf-8"));
    of(media.unwrap_or(HeaderValue::from_static("text/xml")), text)
}

/// The answer to what is not known.
pub(super) fn accepted(id: Uuid) -> (HeaderMap, Bytes) {
    of(HeaderValue::from_static(JSON), format!(r#"{{"accepted":true,"id":"{id}"}}"#))
}

fn of(media: HeaderValue, text: String) -> (HeaderMap, Bytes) {
    (HeaderMap::from_iter([(CONTENT_TYPE, media)]), text.into())
}

const JSON: &str = "application/json";
