//! Forms and queries: `application/x-www-form-urlencoded` (URL Standard §5.1), read strictly.
//!
//! A form is an object; a name that a path with `[*]` leads to is an array of its values, and one
//! without must not stand there twice. Names are compared after their escapes.

use std::borrow::Cow;

use memchr::memchr;

use super::fault::{BadDocument, Fault};
use super::fields::FieldId;
use super::findings::Findings;
use super::limits::Limits;
use super::names::Print;
use super::path::Segment;
use super::raw::{Lexis, Raw};
use super::shape::{NodeId, Shape};
use super::span::{Span, offset};
use super::text::{check_length, find_noncharacter};

/// What of a form is mapped, in its order.
pub(crate) struct Tape {
    /// The pairs of names and values that are fields.
    pub(crate) pairs: Vec<(FieldId, Pair)>,
}

/// A name and its value, with `=` between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    /// The name as it is written.
    pub(crate) name: Span,
    /// The value as it is written.
    pub(crate) value: Span,
}

impl Tape {
    /// The values of the mapped fields.
    pub(crate) fn values<'a>(&'a self, body: &'a [u8]) -> impl Iterator<Item = (FieldId, Raw<'a>)> {
        let raw = |span: Span| Raw { bytes: span.of(body), lexis: Lexis::Percent };
        self.pairs.iter().map(move |(field, pair)| (*field, raw(pair.value)))
    }
}

/// Reads a form, or a query, that stands at a node of the shape.
pub(super) fn parse(
    body: &[u8],
    root: NodeId,
    shape: &Shape,
    limits: &Limits,
    findings: &mut Findings,
) -> Result<Tape, BadDocument> {
    check_length(body, limits)?;
    let mut reader = Reader { shape, limits, findings, root, met: Vec::new(), pairs: Vec::new() };
    for (count, pair) in pairs(body).enumerate() {
        let pair = pair.map_err(|(fault, offset, name)| {
            let path = name.map_or_else(|| "$.?".to_owned(), |name| reader.path(body, name));
            BadDocument { fault, offset, path }
        })?;
        reader.pair(body, pair, count).map_err(|(fault, at)| {
            let path = reader.path(body, pair.name);
            BadDocument { fault, offset: at as usize, path }
        })?;
    }
    Ok(Tape { pairs: reader.pairs })
}

struct Reader<'a> {
    shape: &'a Shape,
    limits: &'a Limits,
    findings: &'a mut Findings,
    root: NodeId,
    /// Where a mapped name was met, and how often.
    met: Vec<(NodeId, u32)>,
    pairs: Vec<(FieldId, Pair)>,
}

impl Reader<'_> {
    fn pair(&mut self, body: &[u8], pair: Pair, count: usize) -> Result<(), (Fault, u32)> {
        if count >= self.limits.members_max {
            return Err((Fault::TooManyMembers, pair.name.start));
        }
        if pair.name.len() > self.limits.key_bytes_max {
            return Err((Fault::KeyTooLong, pair.name.start));
        }
        if pair.value.len() > self.limits.string_bytes_max {
            return Err((Fault::StringTooLong, pair.value.start));
        }
        let Some(at) = self.place(body, pair.name) else {
            self.findings.unmapped();
            return Ok(());
        };
        let is_first = self.count(at);
        let node = self.shape.node(at);
        let value = match node.every {
            Some(every) => self.shape.node(every),
            None if is_first => node,
            None => return Err((Fault::RepeatedName, pair.name.start)),
        };
        let identifies = pair.value.len() > 0;
        if let Some(field) = self.findings.value(value, pair.value, Lexis::Percent, identifies) {
            self.pairs.push((field, pair));
        }
        Ok(())
    }

    /// Where a name leads to. A name is never a key of a record: it is nobody's.
    fn place(&self, body: &[u8], name: Span) -> Option<NodeId> {
        let name = decode(name.of(body));
        let root = self.shape.node(self.root);
        let (at, _) = root.member(Print::of(name.as_bytes()), name.as_bytes(), 0)?;
        self.shape.node(at).key.is_none().then_some(at)
    }

    /// Counts a mapped name; whether it is the first time.
    fn count(&mut self, at: NodeId) -> bool {
        match self.met.iter_mut().find(|(node, _)| *node == at) {
            Some((_, count)) => *count += 1,
            None => self.met.push((at, 1)),
        }
        self.met.iter().any(|(node, count)| *node == at && *count == 1)
    }

    /// The place of a pair, in names that the shape knows.
    #[cold]
    fn path(&self, body: &[u8], name: Span) -> String {
        let name = decode(name.of(body));
        let root = self.shape.node(self.root);
        let member = root.member(Print::of(name.as_bytes()), name.as_bytes(), 0);
        match member.and_then(|(_, child)| root.name(child)) {
            Some(name) => format!("${}", Segment::Name(name.to_owned())),
            None => "$.?".to_owned(),
        }
    }
}

/// The pairs of a form, in their order; after a fault nothing follows.
///
/// A fault comes with its offset, and with the name where it stands in a value.
pub(crate) fn pairs(body: &[u8]) -> impl Iterator<Item = Result<Pair, Bad>> {
    let mut next = (!body.is_empty()).then_some(0);
    std::iter::from_fn(move || {
        let start = next.take()?;
        let rest = body.get(start..).unwrap_or_default();
        let end = start + memchr(b'&', rest).unwrap_or(rest.len());
        let pair = pair(body, start, end);
        if pair.is_ok() && end < body.len() {
            next = Some(end + 1);
        }
        Some(pair)
    })
}

/// A fault with its offset, and the name whose value it stands in.
pub(crate) type Bad = (Fault, usize, Option<Span>);

fn pair(body: &[u8], start: usize, end: usize) -> Result<Pair, Bad> {
    let bytes = body.get(start..end).unwrap_or_default();
    let Some(equals) = memchr(b'=', bytes) else {
        return Err((Fault::EqualsMissing, start, None));
    };
    if equals == 0 {
        return Err((Fault::EmptyName, start, None));
    }
    let (middle, after) = (start + equals, start + equals + 1);
    let name = Span::new(offset(start), offset(middle));
    let value = Span::new(offset(after), offset(end));
    check(name.of(body)).map_err(|(fault, at)| (fault, start + at, None))?;
    check(value.of(body)).map_err(|(fault, at)| (fault, after + at, Some(name)))?;
    Ok(Pair { name, value })
}

/// Checks a name or value: its bytes, its escapes, and that it is a text of characters.
fn check(text: &[u8]) -> Result<(), (Fault, usize)> {
    let mut is_plain = true;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'%' if hex(text, at).is_none() => return Err((Fault::BadPercent, at)),
            b'%' => is_plain = false,
            _ if is_plain_byte(*byte) => {}
            _ => return Err((Fault::RawCharacter, at)),
        }
    }
    if is_plain {
        return Ok(());
    }
    let decoded = unescape(text);
    let at = |place: usize| escaped_offset(text, place);
    let decoded =
        str::from_utf8(&decoded).map_err(|error| (Fault::NotUtf8, at(error.valid_up_to())))?;
    if let Some(place) = find_noncharacter(decoded) {
        return Err((Fault::Noncharacter, at(place)));
    }
    let is_control = |byte: &u8| *byte < b' ' && !b"\t\n\r".contains(byte);
    match decoded.as_bytes().iter().position(is_control) {
        Some(place) => Err((Fault::ControlCharacter, at(place))),
        None => Ok(()),
    }
}

/// Whether a byte means itself to every reader, or a blank. Readers differ about `;`, and a second
/// `=` is for most of them part of the value.
fn is_plain_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$'()*,:@/?+".contains(&byte)
}

/// The byte that the escape at `at` stands for.
fn hex(text: &[u8], at: usize) -> Option<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    u8::try_from(digit(at + 1)? << 4 | digit(at + 2)?).ok()
}

/// The bytes that a name or value stands for, which was checked before.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let escaped = if *byte == b'%' { hex(text, at) } else { None };
        bytes.push(escaped.unwrap_or(if *byte == b'+' { b' ' } else { *byte }));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    bytes
}

/// Where the byte with this number begins, that a name or value stands for.
#[cold]
fn escaped_offset(text: &[u8], place: usize) -> usize {
    (0..place).fold(0, |at, _| at + if text.get(at) == Some(&b'%') { 3 } else { 1 })
}

/// The text of a name or value.
pub(crate) fn decode(text: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(text) {
        Ok(text) if !text.contains(['%', '+']) => text.into(),
        _ => String::from_utf8(unescape(text)).unwrap_or_default().into(),
    }
}

/// Writes a text as a name or value (URL Standard §5.2).
pub(crate) fn encode(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b' ' => out.push(b'+'),
            b'*' | b'-' | b'.' | b'_' => out.push(byte),
            _ if byte.is_ascii_alphanumeric() => out.push(byte),
            _ => out.extend([b'%', digit(byte >> 4), digit(byte & 15)]),
        }
    }
}

fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'A' + value - 10 }
}

#[cfg(test)]
mod tests;
