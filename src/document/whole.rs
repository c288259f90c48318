//! Contents that are one value: a plain text, or what no rule looks into.

use super::fault::{BadDocument, Fault};
use super::fields::FieldId;
use super::findings::Findings;
use super::limits::Limits;
use super::opaque;
use super::raw::{Lexis, Raw};
use super::shape::Node;
use super::span::{Span, offset};
use super::syntax::Opaque;
use super::text::find_noncharacter;

/// The field that the content is, if it is one.
pub(crate) struct Tape {
    field: Option<FieldId>,
    lexis: Lexis,
}

impl Tape {
    /// The field that the content is, with the content.
    pub(crate) fn value<'a>(&self, bytes: &'a [u8]) -> Option<(FieldId, Raw<'a>)> {
        self.field.map(|field| (field, Raw { bytes, lexis: self.lexis }))
    }
}

/// Reads a plain text: UTF-8, with no control characters but tabs and line ends.
pub(super) fn text(
    bytes: &[u8],
    node: &Node,
    limits: &Limits,
    findings: &mut Findings,
) -> Result<Tape, BadDocument> {
    check_text(bytes, limits)
        .map_err(|(fault, offset)| BadDocument { offset, ..BadDocument::whole(fault) })?;
    Ok(tape(bytes, Lexis::Plain, node, findings))
}

/// Reads a content that is kept or left out whole.
pub(super) fn opaque(
    kind: Opaque,
    bytes: &[u8],
    node: &Node,
    limits: &Limits,
    findings: &mut Findings,
) -> Result<Tape, BadDocument> {
    if bytes.len() > limits.bytes_max.min(u32::MAX as usize) {
        return Err(BadDocument::whole(Fault::BodyTooLong));
    }
    opaque::check(kind, bytes)
        .map_err(|(fault, offset)| BadDocument { offset, ..BadDocument::whole(fault) })?;
    Ok(tape(bytes, Lexis::Opaque, node, findings))
}

fn tape(bytes: &[u8], lexis: Lexis, node: &Node, findings: &mut Findings) -> Tape {
    let span = Span::new(0, offset(bytes.len()));
    let identifies = lexis == Lexis::Plain && !bytes.is_empty();
    Tape { field: findings.value(node, span, lexis, identifies), lexis }
}

fn check_text(bytes: &[u8], limits: &Limits) -> Result<(), (Fault, usize)> {
    if bytes.len() > limits.string_bytes_max {
        return Err((Fault::StringTooLong, 0));
    }
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err((Fault::ByteOrderMark, 0));
    }
    let text = simdutf8::compat::from_utf8(bytes)
        .map_err(|error| (Fault::NotUtf8, error.valid_up_to()))?;
    let is_control = |c: char| c.is_control() && !matches!(c, '\t' | '\r' | '\n');
    if let Some(at) = text.find(is_control) {
        return Err((Fault::ControlCharacter, at));
    }
    find_noncharacter(text).map_or(Ok(()), |at| Err((Fault::Noncharacter, at)))
}
