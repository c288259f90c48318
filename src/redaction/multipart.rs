//! Writing what remains of a multipart body.
//!
//! What is written is the parts of which something is kept, in their order:
//! - headers are made from the rules: the name and the media type; `part-1.pdf` and so on stands
//!   for a file name, which may say anything;
//! - a part that lost everything it had is removed; among parts that have a place for a name, an
//!   empty one stands in its place where a kept one follows;
//! - the boundary is made from the content, so that the same content is written in the same way.

use data_encoding::HEXLOWER;
use memchr::memmem;
use sha2::{Digest as _, Sha256};

use super::edit::{Edit, Edits};
use super::{Kept, write_one};
use crate::document::multipart::{MappedPart, Tape};
use crate::document::{FieldId, Piece, Raw, Syntax};

/// Writes what the selection keeps of the parts; returns the body and its boundary.
pub(super) fn write(
    tape: &Tape,
    pieces: &[Piece],
    kept: &Kept<'_>,
    edits: &mut impl Edits,
) -> (Vec<u8>, String) {
    let mut parts: Vec<(String, Vec<u8>)> = Vec::with_capacity(pieces.len());
    for (part, piece) in tape.parts.iter().zip(pieces) {
        let mut counted = Counted { edits, kept: false };
        let content = write_one(&piece.tape, &piece.bytes, kept, &mut counted);
        if !counted.kept && piece.values().next().is_some() {
            continue;
        }
        while tape.is_numbered && parts.len() < part.number as usize {
            parts.push((typed(&Syntax::Text), Vec::new()));
        }
        parts.push((head(part, parts.len() + 1), content));
    }
    let boundary = boundary(&parts);
    (assemble(&parts, &boundary), boundary)
}

/// Asks for edits, and remembers whether something was kept.
struct Counted<'a, E> {
    edits: &'a mut E,
    kept: bool,
}

impl<E: Edits> Edits for Counted<'_, E> {
    fn enter(&mut self, verdict: Option<usize>) {
        self.edits.enter(verdict);
    }

    fn edit(&mut self, field: FieldId, raw: Raw<'_>) -> Edit {
        let edit = self.edits.edit(field, raw);
        self.kept |= edit != Edit::Remove;
        edit
    }

    fn clash(&mut self, field: FieldId) {
        self.edits.clash(field);
    }

    fn formula(&mut self, field: FieldId) {
        self.edits.formula(field);
    }
}

/// The header of a part.
fn head(part: &MappedPart, number: usize) -> String {
    let MappedPart { name, is_file, syntax, .. } = part;
    let file = if *is_file {
        format!("; filename=\"part-{number}.{}\"", syntax.extension())
    } else {
        String::new()
    };
    let disposition = match (name.as_str(), is_file) {
        ("", false) => String::new(),
        ("", true) => format!("Content-Disposition: attachment{file}\r\n"),
        (name, _) => format!("Content-Disposition: form-data; name=\"{name}\"{file}\r\n"),
    };
    disposition + &typed(syntax)
}

fn typed(syntax: &Syntax) -> String {
    format!("Content-Type: {}\r\n", syntax.content_type(None))
}

/// A boundary that stands nowhere in the parts.
fn boundary(parts: &[(String, Vec<u8>)]) -> String {
    let mut digest = Sha256::new();
    for (head, content) in parts {
        digest.update(head);
        digest.update(content);
    }
    let mut digest = digest.finalize();
    loop {
        let name = HEXLOWER.encode(digest.get(..16).unwrap_or_default());
        let boundary = format!("otkel-{name}");
        let is_in =
            |(_, content): &(_, Vec<u8>)| memmem::find(content, boundary.as_bytes()).is_some();
        if !parts.iter().any(is_in) {
            return boundary;
        }
        digest = Sha256::digest(digest);
    }
}

fn assemble(parts: &[(String, Vec<u8>)], boundary: &str) -> Vec<u8> {
    let frame = boundary.len() + 8;
    let size = parts.iter().map(|(head, content)| head.len() + content.len() + frame);
    let mut out = Vec::with_capacity(size.sum::<usize>() + frame);
    for (head, content) in parts {
        out.extend_from_slice(format!("--{boundary}\r\n{head}\r\n").as_bytes());
        out.extend_from_slice(content);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    out
}
