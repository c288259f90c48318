//! The same strictness for HTTP/2 requests, after hyper has parsed them (RFC 9113, 8).
//!
//! The library drops a fragment from `:path` before this can see it. What is left is all that a
//! route is chosen by, and nothing of the target is passed on, so no two readers can differ.

use hyper::Request;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, TE, TRANSFER_ENCODING, UPGRADE,
};

use hyper::http::HeaderValue;
use hyper::http::uri::Authority;

use super::{HeadFault, head, target};

/// Checks the head of a request that came by HTTP/2.
///
/// # Errors
/// The first fault found.
pub fn check_h2<B>(request: &Request<B>) -> Result<(), HeadFault> {
    let uri = request.uri();
    head::check_method(request.method().as_str().as_bytes())?;
    if uri.scheme_str() != Some("https") {
        return Err(HeadFault::Scheme);
    }
    let path = uri.path_and_query().ok_or(HeadFault::TargetForm)?;
    target::check(path.as_str().as_bytes())?;
    check_authority(uri.authority().map(Authority::as_str), request.headers())?;
    check_fields(request.headers())
}

/// The host that a checked request is for, with its port if one is given.
#[must_use]
pub fn authority<B>(request: &Request<B>) -> Option<&str> {
    match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => request.headers().get(HOST).and_then(|host| host.to_str().ok()),
    }
}

fn check_authority(authority: Option<&str>, headers: &HeaderMap) -> Result<(), HeadFault> {
    let mut hosts = headers.get_all(HOST).iter().map(HeaderValue::as_bytes);
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(HeadFault::HostRepeated);
    }
    match (authority.map(str::as_bytes), host) {
        (None, None) => Err(HeadFault::HostAbsent),
        (Some(authority), Some(host)) if !authority.eq_ignore_ascii_case(host) => {
            Err(HeadFault::HostConflict)
        }
        (Some(name), _) | (None, Some(name)) => target::check_host(name),
    }
}

fn check_fields(headers: &HeaderMap) -> Result<(), HeadFault> {
    if headers.len() > head::FIELDS_MAX {
        return Err(HeadFault::FieldsTooMany);
    }
    if CONNECTION_FIELDS.iter().any(|name| headers.contains_key(name)) {
        return Err(HeadFault::ConnectionField);
    }
    if headers.get_all(TE).iter().any(|te| !te.as_bytes().eq_ignore_ascii_case(b"trailers")) {
        return Err(HeadFault::Te);
    }
    let mut expectations = headers.get_all(EXPECT).iter();
    let first = expectations.next();
    if expectations.next().is_some()
        || first.is_some_and(|first| !first.as_bytes().eq_ignore_ascii_case(b"100-continue"))
    {
        return Err(HeadFault::Expectation);
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    if let Some(length) = lengths.next() {
        head::length(length.as_bytes())?;
    }
    if lengths.next().is_some() { Err(HeadFault::LengthRepeated) } else { Ok(()) }
}

static CONNECTION_FIELDS: [HeaderName; 6] = [
    CONNECTION,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TRANSFER_ENCODING,
    UPGRADE,
];

#[cfg(test)]
mod tests {
    use super::*;

    type Fields<'a> = &'a [(&'a str, &'a str)];

    fn request(uri: &str, fields: Fields<'_>) -> Request<()> {
        let mut builder = Request::builder().uri(uri);
        for (name, value) in fields {
            builder = builder.header(*name, *value);
        }
        builder.body(()).unwrap()
    }

    #[test]
    fn a_plain_request_is_taken_and_its_host_known() {
        let fields = [("te", "trailers"), ("content-length", "3"), ("host", "A.example")];
        let request = request("https://a.example/x?y", &fields);
        assert_eq!(check_h2(&request), Ok(()));
        assert_eq!(authority(&request), Some("a.example"));
    }

    #[test]
    fn each_trick_is_named() {
        use HeadFault::{
            ConnectionField, Expectation, HostAbsent, HostConflict, HostForm, HostRepeated,
            LengthForm, LengthRepeated, Scheme, TargetCharacter, TargetForm, TargetSegment, Te,
        };
        let cases: [(_, Fields<'_>, _); 20] = [
            ("https://a/", &[("host", "b")], HostConflict),
            ("https://a/", &[("host", "a:443")], HostConflict),
            ("https://a/", &[("host", "a"), ("host", "a")], HostRepeated),
            ("https://u@a/", &[], HostForm),
            ("http://a/", &[], Scheme),
            ("/", &[("host", "a")], Scheme),
            ("https://a/../b", &[], TargetSegment),
            ("https://a//b", &[], TargetSegment),
            ("https://a/%2e%2e/b", &[], TargetCharacter),
            ("https://a/x", &[("te", "gzip")], Te),
            ("https://a/x", &[("te", "trailers, gzip")], Te),
            ("https://a/x", &[("content-length", "1"), ("content-length", "1")], LengthRepeated),
            ("https://a/x", &[("content-length", "+1")], LengthForm),
            ("https://a/x", &[("content-length", "1,1")], LengthForm),
            ("https://a/x", &[("connection", "close")], ConnectionField),
            ("https://a/x", &[("transfer-encoding", "chunked")], ConnectionField),
            ("https://a/x", &[("upgrade", "websocket")], ConnectionField),
            ("https://a/x", &[("keep-alive", "1")], ConnectionField),
            ("https://a/x", &[("proxy-connection", "close")], ConnectionField),
            ("https://a/x", &[("expect", "200-ok")], Expectation),
        ];
        for (uri, fields, fault) in cases {
            assert_eq!(check_h2(&request(uri, fields)), Err(fault), "{uri} {fields:?}");
        }
        let mut bare = request("/", &[]);
        *bare.uri_mut() = "*".parse().unwrap();
        assert_eq!(check_h2(&bare), Err(Scheme));
        assert_eq!(check_authority(None, bare.headers()), Err(HostAbsent));
        assert_eq!(target::check(b"*"), Err(TargetForm));
    }
}
