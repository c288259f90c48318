//! The head of an HTTP/1.1 request, read as RFC 9112 writes it and not otherwise.
//!
//! ```text
//! head   = method SP target SP "HTTP/1.1" CRLF *( field CRLF ) CRLF
//! method = 1*16 tchar, neither CONNECT nor TRACE
//! field  = 1*tchar ":" OWS value OWS
//! value  = *( HTAB / SP / VCHAR / %x80-FF )
//! ```
//! A head is at most 16 KiB with at most 64 fields. `Host` is there once, a length of the body at
//! most once: one `Content-Length` or one `Transfer-Encoding: chunked`.

use std::io::BufRead as _;

use super::{HeadFault, target};

/// How the bytes after the head are divided into this request's body and the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes are the body.
    Length(u64),
    /// The body is a row of chunks.
    Chunked,
}

/// Finds where the first head in `bytes` ends, or the first thing that cannot be in one.
///
/// `seen` is how many bytes an earlier call has looked at; it is moved on.
pub(super) fn find_end(bytes: &[u8], seen: &mut usize) -> Result<Option<usize>, HeadFault> {
    while let Some(unseen) = bytes.get(*seen..).filter(|unseen| !unseen.is_empty()) {
        let end = seen.saturating_add(line_length(unseen));
        *seen = end;
        match bytes.get(..end) {
            Some([.., b'\n', b'\r', b'\n']) => return Ok(Some(end)),
            Some([b'\r', b'\n']) => return Err(HeadFault::RequestLine),
            Some([.., b'\r', b'\n']) => {}
            Some([.., b'\n']) => return Err(HeadFault::BareLineFeed),
            _ => break,
        }
    }
    Ok(None)
}

/// Reads a whole head, from the method to the empty line.
pub(super) fn read(head: &[u8]) -> Result<Framing, HeadFault> {
    let mut rest = head.strip_suffix(b"\r\n").ok_or(HeadFault::RequestLine)?;
    request_line(next_line(&mut rest)?)?;
    let mut fields = Fields::default();
    while !rest.is_empty() {
        fields.take(next_line(&mut rest)?)?;
    }
    fields.framing()
}

/// What the fields of one head have said so far.
#[derive(Default)]
struct Fields {
    count: usize,
    has_host: bool,
    has_expectation: bool,
    is_chunked: bool,
    length: Option<u64>,
}

impl Fields {
    fn take(&mut self, line: &[u8]) -> Result<(), HeadFault> {
        self.count += 1;
        if self.count > FIELDS_MAX {
            return Err(HeadFault::FieldsTooMany);
        }
        let (name, value) = split_field(line)?;
        match name.len() {
            4 if is(name, b"host") => self.host(value),
            6 if is(name, b"expect") => self.expectation(value),
            7 if is(name, b"upgrade") => Err(HeadFault::Upgrade),
            10 if is(name, b"connection") => connection(value),
            14 if is(name, b"content-length") => self.length(value),
            17 if is(name, b"transfer-encoding") => self.coding(value),
            _ => Ok(()),
        }
    }

    fn host(&mut self, value: &[u8]) -> Result<(), HeadFault> {
        if std::mem::replace(&mut self.has_host, true) {
            return Err(HeadFault::HostRepeated);
        }
        target::check_host(value)
    }

    fn expectation(&mut self, value: &[u8]) -> Result<(), HeadFault> {
        let is_repeated = std::mem::replace(&mut self.has_expectation, true);
        if is_repeated || !is(value, b"100-continue") {
            return Err(HeadFault::Expectation);
        }
        Ok(())
    }

    fn length(&mut self, value: &[u8]) -> Result<(), HeadFault> {
        if self.length.is_some() {
            return Err(HeadFault::LengthRepeated);
        }
        self.length = Some(length(value)?);
        Ok(())
    }

    fn coding(&mut self, value: &[u8]) -> Result<(), HeadFault> {
        let is_repeated = std::mem::replace(&mut self.is_chunked, true);
        if is_repeated || !is(value, b"chunked") { Err(HeadFault::CodingList) } else { Ok(()) }
    }

    const fn framing(&self) -> Result<Framing, HeadFault> {
        match (self.has_host, self.length, self.is_chunked) {
            (false, ..) => Err(HeadFault::HostAbsent),
            (true, Some(_), true) => Err(HeadFault::BothLengths),
            (true, Some(length), false) => Ok(Framing::Length(length)),
            (true, None, true) => Ok(Framing::Chunked),
            (true, None, false) => Ok(Framing::Length(0)),
        }
    }
}

fn request_line(line: &[u8]) -> Result<(), HeadFault> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(HeadFault::RequestLine);
    };
    match version {
        b"HTTP/1.1" => {}
        [b'H', b'T', b'T', b'P', b'/', ..] => return Err(HeadFault::Version),
        _ => return Err(HeadFault::RequestLine),
    }
    check_method(method)?;
    target::check(target)
}

/// Checks a method: a token of at most 16 bytes with which a request can be carried.
pub(super) fn check_method(method: &[u8]) -> Result<(), HeadFault> {
    let is_token =
        (1..=METHOD_BYTES_MAX).contains(&method.len()) && method.iter().all(|byte| is_tchar(*byte));
    if is_token && !matches!(method, b"CONNECT" | b"TRACE") {
        Ok(())
    } else {
        Err(HeadFault::Method)
    }
}

/// Reads a `Content-Length`: 1 to 18 digits and nothing else.
pub(super) fn length(value: &[u8]) -> Result<u64, HeadFault> {
    if !(1..=LENGTH_DIGITS_MAX).contains(&value.len()) || !value.iter().all(u8::is_ascii_digit) {
        return Err(HeadFault::LengthForm);
    }
    let digits = value.iter().map(|digit| u64::from(digit - b'0'));
    Ok(digits.fold(0, |length: u64, digit| length.saturating_mul(10).saturating_add(digit)))
}

fn split_field(line: &[u8]) -> Result<(&[u8], &[u8]), HeadFault> {
    if let Some(b' ' | b'\t') = line.first() {
        return Err(HeadFault::ObsFold);
    }
    let colon = line.iter().position(|byte| !is_tchar(*byte)).ok_or(HeadFault::FieldName)?;
    let (name, rest) = line.split_at_checked(colon).ok_or(HeadFault::FieldName)?;
    match (name, rest) {
        ([_, ..], [b':', value @ ..]) => Ok((name, check_value(value)?)),
        ([_, ..], [b' ' | b'\t', ..]) => Err(HeadFault::SpaceBeforeColon),
        _ => Err(HeadFault::FieldName),
    }
}

fn check_value(value: &[u8]) -> Result<&[u8], HeadFault> {
    let is_control = |byte: u8| matches!(byte, 0..=8 | 10..=31 | 127);
    // Without a way out of the loop it is done many bytes at a time.
    if !value.iter().fold(false, |found, byte| found | is_control(*byte)) {
        return Ok(value.trim_ascii());
    }
    match value.iter().find(|byte| is_control(**byte)) {
        Some(b'\r') => Err(HeadFault::BareCarriageReturn),
        _ => Err(HeadFault::FieldValue),
    }
}

fn connection(value: &[u8]) -> Result<(), HeadFault> {
    for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        if is(option, b"upgrade") {
            return Err(HeadFault::Upgrade);
        }
        if !is(option, b"close") && !is(option, b"keep-alive") && !is(option, b"te") {
            return Err(HeadFault::ConnectionOption);
        }
    }
    Ok(())
}

fn is(bytes: &[u8], word: &[u8]) -> bool {
    bytes.eq_ignore_ascii_case(word)
}

/// The length of the first line, with its line feed if it has one.
fn line_length(bytes: &[u8]) -> usize {
    // The library's search, which looks at many bytes at a time. On a slice it cannot fail.
    let mut rest = bytes;
    rest.skip_until(b'\n').unwrap_or_default()
}

fn next_line<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], HeadFault> {
    let (line, after) = rest.split_at_checked(line_length(rest)).ok_or(HeadFault::RequestLine)?;
    *rest = after;
    line.strip_suffix(b"\r\n").ok_or(HeadFault::BareLineFeed)
}

/// A character of a token (RFC 9110, 5.6.2).
const fn is_tchar(byte: u8) -> bool {
    matches!(byte,
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'!' | b'#'..=b'\''
        | b'*' | b'+' | b'^' | b'`' | b'|' | b'~')
}

pub(super) const FIELDS_MAX: usize = 64;
const METHOD_BYTES_MAX: usize = 16;
const LENGTH_DIGITS_MAX: usize = 18;
