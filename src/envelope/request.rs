//! A whole request inside of an envelope: binary HTTP with known lengths (RFC 9292 section 3.1).
//!
//! ```text
//! request = 00 method scheme authority path fields content trailers *00
//! ```
//! Each of them is its length, as a variable-length integer of RFC 9000 section 16, and its bytes;
//! `fields` is a row of names and values of the same form. The scheme is `https`, there are no
//! trailers. A reader takes a message without its empty end, and zeros after it, as RFC 9292
//! section 3.8 says, and nothing else that this writer would not have written.

use std::fmt;

/// A request that a partner's own server is to take as if it had come to it directly.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The method, in capital letters.
    pub method: String,
    /// The partner's host, with its port where that is not 443.
    pub authority: String,
    /// The path, with its query where there is one, percent-encoded.
    pub target: String,
    /// Names, in lower case, and values of the header fields.
    pub headers: Vec<(String, String)>,
    /// The body; empty where there is none.
    pub body: Vec<u8>,
}

impl Request {
    /// The request as `message/bhttp`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut fields = Vec::new();
        for (name, value) in &self.headers {
            put(&mut fields, name.as_bytes());
            put(&mut fields, value.as_bytes());
        }
        let known = self.method.len() + self.authority.len() + self.target.len() + fields.len();
        let mut out = Vec::with_capacity(known + self.body.len() + FRAME_USUAL);
        out.push(KNOWN_LENGTH_REQUEST);
        for part in [&self.method, SCHEME, &self.authority, &self.target] {
            put(&mut out, part.as_bytes());
        }
        put(&mut out, &fields);
        put(&mut out, &self.body);
        put(&mut out, b"");
        out
    }

    /// Reads a request from `message/bhttp`.
    ///
    /// # Errors
    /// Bytes that are no request of known length, over `https` and without trailers.
    pub fn decode(message: &[u8]) -> Result<Self, BadRequest> {
        let Some((&KNOWN_LENGTH_REQUEST, mut rest)) = message.split_first() else {
            return Err(BadRequest::Framing);
        };
        let method = text(take(&mut rest)?)?;
        if take(&mut rest)? != SCHEME.as_bytes() {
            return Err(BadRequest::Scheme);
        }
        let authority = text(take(&mut rest)?)?;
        let target = text(take(&mut rest)?)?;
        if method.is_empty() || !target.starts_with('/') {
            return Err(BadRequest::Target);
        }
        let headers = fields(tail(&mut rest)?)?;
        let body = tail(&mut rest)?.to_vec();
        if !tail(&mut rest)?.is_empty() {
            return Err(BadRequest::Trailers);
        }
        if rest.iter().any(|byte| *byte != 0) {
            return Err(BadRequest::After);
        }
        Ok(Self { method, authority, target, headers, body })
    }

    /// The one value of a header field, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }
}

/// Says how large the request is, never what is in it.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Why bytes are not such a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// Not a request of known length.
    #[error("not a binary HTTP request of known length")]
    Framing,
    /// It ends inside of something.
    #[error("the request is cut off")]
    Short,
    /// A scheme other than `https`.
    #[error("the request's scheme is not `https`")]
    Scheme,
    /// No method, or no path.
    #[error("the request has no method or no path")]
    Target,
    /// A field without a name, with a name in capital letters, or bytes that are not UTF-8.
    #[error("a header field of the request is malformed")]
    Field,
    /// Trailers.
    #[error("the request has trailers")]
    Trailers,
    /// Something other than zeros after the request.
    #[error("something follows the request")]
    After,
}

fn fields(mut rest: &[u8]) -> Result<Vec<(String, String)>, BadRequest> {
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let (name, value) = (text(take(&mut rest)?)?, text(take(&mut rest)?)?);
        if name.is_empty() || name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(BadRequest::Field);
        }
        fields.push((name, value));
    }
    Ok(fields)
}

fn text(bytes: &[u8]) -> Result<String, BadRequest> {
    let is_control = |byte: &u8| *byte < b' ' || *byte == 0x7f;
    match str::from_utf8(bytes) {
        Ok(text) if !bytes.iter().any(is_control) => Ok(text.to_owned()),
        _ => Err(BadRequest::Field),
    }
}

/// Writes a length and the bytes.
fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = bytes.len() as u64;
    match length {
        0..0x40 => out.push(length.to_be_bytes()[7]),
        0x40..0x4000 => out.extend((length | 0x4000).to_be_bytes().into_iter().skip(6)),
        0x4000..0x4000_0000 => out.extend((length | 0x8000_0000).to_be_bytes().into_iter().skip(4)),
        _ => out.extend((length | 0xc000_0000_0000_0000).to_be_bytes()),
    }
    out.extend_from_slice(bytes);
}

/// Takes a length and so many bytes.
fn take<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], BadRequest> {
    let first = *rest.first().ok_or(BadRequest::Short)?;
    let size = 1_usize << (first >> 6);
    let (integer, after) = rest.split_at_checked(size).ok_or(BadRequest::Short)?;
    let whole = integer.iter().fold(0_u64, |whole, byte| whole << 8 | u64::from(*byte));
    let length = whole & (u64::MAX >> (66 - 8 * size));
    let length = usize::try_from(length).map_err(|_| BadRequest::Short)?;
    let (bytes, after) = after.split_at_checked(length).ok_or(BadRequest::Short)?;
    *rest = after;
    Ok(bytes)
}

/// As [`take`], where the end of the message stands for nothing.
fn tail<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], BadRequest> {
    if rest.is_empty() { Ok(&[]) } else { take(rest) }
}

/// The media type of such a request.
pub const MEDIA_TYPE: &str = "message/bhttp";

const KNOWN_LENGTH_REQUEST: u8 = 0;
const SCHEME: &str = "https";
/// More than all lengths and the scheme take in most requests.
const FRAME_USUAL: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Request {
        Request {
            method: "GET".into(),
            authority: "api.example".into(),
            target: "/v1/learners/850101300123?lang=kk".into(),
            headers: vec![("accept".into(), "application/json".into())],
            body: Vec::new(),
        }
    }

    #[test]
    fn what_was_written_is_read() {
        for length in [0, 1, 0x3f, 0x40, 0x3fff, 0x4000, 0x10_0000] {
            let request = Request { body: vec![7; length], ..sample() };
            assert_eq!(Request::decode(&request.encode()), Ok(request), "{length}");
        }
    }

    #[test]
    fn another_program_reads_what_was_written() {
        for length in [0, 0x40, 0x4000] {
            let request = Request { body: vec![7; length], ..sample() };
            let bytes = request.encode();
            let read = bhttp::Message::read_bhttp(&mut std::io::Cursor::new(&bytes)).unwrap();
            let control = read.control();
            assert_eq!(control.method(), Some(&b"GET"[..]));
            assert_eq!(control.scheme(), Some(&b"https"[..]));
            assert_eq!(control.authority(), Some(&b"api.example"[..]));
            assert_eq!(control.path(), Some(request.target.as_bytes()));
            assert_eq!(read.header().get(b"accept"), Some(&b"application/json"[..]));
            assert_eq!((read.header().len(), read.content()), (1, &request.body[..]));
            let mut again = Vec::new();
            read.write_bhttp(bhttp::Mode::KnownLength, &mut again).unwrap();
            assert_eq!(again, bytes);
        }
    }

    #[test]
    fn an_empty_end_may_be_left_out_and_zeros_may_follow() {
        let request = sample();
        let bytes = request.encode();
        assert!(bytes.ends_with(&[0, 0]));
        for cut in 1..=2 {
            let short = &bytes[..bytes.len() - cut];
            assert_eq!(Request::decode(short), Ok(request.clone()), "{cut}");
        }
        let padded = [&bytes[..], &[0; 9]].concat();
        assert_eq!(Request::decode(&padded), Ok(request));
    }

    #[test]
    fn what_is_no_such_request_is_named() {
        use BadRequest::{After, Field, Framing, Scheme, Short, Target, Trailers};
        let with = |change: fn(&mut Request)| {
            let mut request = sample();
            change(&mut request);
            request.encode()
        };
        let bytes = with(|_| {});
        let scheme = bytes.iter().position(|byte| *byte == b'h').unwrap();
        let mut plain = bytes.clone();
        plain[scheme + 4] = b'x';
        for (bytes, expected) in [
            (Vec::new(), Framing),
            ([&[2], &bytes[1..]].concat(), Framing),
            ([&[1], &bytes[1..]].concat(), Framing),
            (bytes[..20].to_vec(), Short),
            (bytes[..1].to_vec(), Short),
            (plain, Scheme),
            (with(|request| request.method.clear()), Target),
            (with(|request| request.target = "v1".into()), Target),
            (with(|request| request.headers[0].0 = "Accept".into()), Field),
            (with(|request| request.headers[0].0.clear()), Field),
            (with(|request| request.headers[0].1 = "a\r\nb: c".into()), Field),
            ([&bytes[..bytes.len() - 1], b"\x04\x01a\x01b"].concat(), Trailers),
            ([&bytes[..], b"x"].concat(), After),
        ] {
            assert_eq!(Request::decode(&bytes), Err(expected), "{bytes:?}");
        }
        // Cut before its fields it is another request, one without fields.
        for end in (0..bytes.len() - 2).filter(|end| *end != bytes.len() - 27) {
            assert!(Request::decode(&bytes[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn a_request_does_not_show_what_is_in_it() {
        assert_eq!(format!("{:?}", sample()), "Request { headers: 1, body_bytes: 0, .. }");
    }
}
