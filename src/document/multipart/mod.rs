//! Multipart bodies: the fields of a form (RFC 7578), or parts in a row (RFC 2046 section 5.1.3).
//!
//! A part is a piece of its own, in the syntax that the rules declare for it. One that no rule maps
//! is counted and otherwise not read; it never leaves.

mod split;

use std::collections::HashMap;
use std::ops::Range;

use bytes::Bytes;

use super::charset::Charset;
use super::fault::{BadDocument, Fault};
use super::findings::Findings;
use super::limits::Limits;
use super::media::MediaType;
use super::path::Segment;
use super::shape::{Node, NodeId, Shape};
use super::syntax::{Multipart, MultipartKind, Syntax};
use super::{At, Piece, read};
use split::Bounds;

/// The parts that some rule maps, in the order of the body, which is that of their pieces.
pub(crate) struct Tape {
    /// The parts.
    pub(crate) parts: Vec<MappedPart>,
    /// Whether the place of a part is its name.
    pub(crate) is_numbered: bool,
}

/// A part that some rule maps.
pub(crate) struct MappedPart {
    /// Its name; empty in a sequence.
    pub(crate) name: String,
    /// Its place among all parts, counted from 0.
    pub(crate) number: u32,
    /// Whether it came with a file name.
    pub(crate) is_file: bool,
    /// How it is written.
    pub(crate) syntax: Syntax,
}

/// Reads a body: its parts, and the pieces that they are.
pub(super) fn parse(
    body: &Bytes,
    boundary: &str,
    shape: &Shape,
    limits: &Limits,
    findings: &mut Findings,
) -> Result<(Tape, Vec<Piece>), BadDocument> {
    let Syntax::Multipart(syntax) = shape.syntax() else {
        return Err(BadDocument::whole(Fault::SyntaxUnknown));
    };
    if body.len() > limits.bytes_max.min(u32::MAX as usize) {
        return Err(BadDocument::whole(Fault::BodyTooLong));
    }
    let bounds = Bounds {
        is_form: syntax.is_form(),
        parts_max: limits.members_max,
        name_bytes_max: limits.key_bytes_max,
    };
    let parts = split::split(body, boundary, bounds)
        .map_err(|(fault, offset)| BadDocument { offset, ..BadDocument::whole(fault) })?;
    let root = shape.node(Shape::ROOT);
    let mut reader = Reader {
        body,
        shape,
        syntax,
        root,
        limits: limits.clone(),
        met: HashMap::new(),
        tape: Tape { parts: Vec::new(), is_numbered: root.is_numbered() },
        pieces: Vec::new(),
    };
    for (number, part) in (0..).zip(parts) {
        reader.part(number, part, findings)?;
    }
    Ok((reader.tape, reader.pieces))
}

struct Reader<'a> {
    body: &'a Bytes,
    shape: &'a Shape,
    syntax: &'a Multipart,
    root: &'a Node,
    /// What is left of the limits.
    limits: Limits,
    /// How many parts of each mapped name there were.
    met: HashMap<String, u32>,
    tape: Tape,
    pieces: Vec<Piece>,
}

impl Reader<'_> {
    fn part(
        &mut self,
        number: u32,
        part: split::Part,
        findings: &mut Findings,
    ) -> Result<(), BadDocument> {
        let split::Part { head, at, content } = part;
        let place = match head.name.as_deref() {
            Some(name) => self.root.child(name),
            None => self.root.element(number),
        };
        let Some(node) = place else {
            findings.unmapped();
            return Ok(());
        };
        let name = head.name.unwrap_or_default();
        let step = match self.syntax.kind {
            MultipartKind::FormData => Segment::Name(name.clone()),
            MultipartKind::Mixed => Segment::Index(number),
        };
        let bad = |fault| BadDocument { fault, offset: at, path: format!("${step}") };
        let syntax = self.declared(&name, number);
        if !has_type(head.media.as_ref(), &syntax) {
            return Err(bad(Fault::PartType));
        }
        let Some(node) = self.repeated(&name, node, &syntax).map_err(bad)? else {
            findings.unmapped();
            return Ok(());
        };
        let bytes = self.body.slice(content.clone());
        findings.next_piece();
        let at = At { syntax: &syntax, node, charset: None };
        let read = read(&bytes, at, self.shape, &self.limits, findings);
        let tape = read.map_err(|bad| below(&bad, &step, &content))?;
        let piece = Piece { bytes, tape };
        self.limits.values_max = self.limits.values_max.saturating_sub(piece.values().count());
        self.tape.parts.push(MappedPart { name, number, is_file: head.is_file, syntax });
        self.pieces.push(piece);
        Ok(())
    }

    /// The syntax of a part: a plain text where the rules declare nothing else.
    fn declared(&self, name: &str, number: u32) -> Syntax {
        let parts = &self.syntax.parts;
        let declared = match self.syntax.kind {
            MultipartKind::FormData => parts.iter().find(|part| part.name == name),
            MultipartKind::Mixed if self.root.is_numbered() => {
                parts.iter().find(|part| part.name == number.to_string())
            }
            MultipartKind::Mixed => parts.first(),
        };
        declared.map_or(Syntax::Text, |part| part.syntax.clone())
    }

    /// Where a part of a name stands: one of several only under `[*]` or by its number, and only
    /// where the part has no elements of its own.
    fn repeated(
        &mut self,
        name: &str,
        node: NodeId,
        syntax: &Syntax,
    ) -> Result<Option<NodeId>, Fault> {
        if self.syntax.kind == MultipartKind::Mixed {
            return Ok(Some(node));
        }
        let before = self.met.entry(name.to_owned()).or_default();
        let index = *before;
        *before += 1;
        let place = self.shape.node(node);
        let is_value = matches!(syntax, Syntax::Text | Syntax::Opaque(_));
        match (is_value && place.is_array(), index) {
            (true, _) => Ok(place.element(index)),
            (false, 0) => Ok(Some(node)),
            (false, _) => Err(Fault::DuplicateName),
        }
    }
}

/// Whether a part's type is that of its syntax. A part without a type is a plain text.
fn has_type(media: Option<&MediaType>, syntax: &Syntax) -> bool {
    match media {
        None => *syntax == Syntax::Text,
        Some(media) => syntax.has_type(media) && media.is_in(Charset::UTF_8),
    }
}

/// A fault of a part, as one of the body.
fn below(bad: &BadDocument, step: &Segment, content: &Range<usize>) -> BadDocument {
    let path = bad.path.strip_prefix('$').unwrap_or_default();
    BadDocument {
        fault: bad.fault,
        offset: content.start.saturating_add(bad.offset),
        path: format!("${step}{path}"),
    }
}
