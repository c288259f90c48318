//! What stands in the head of a request besides its query: values of its path, and header fields.
//!
//! A value is read as the text that it stands for, and written anew in the form of its place.

use std::collections::HashMap;

use bytes::Bytes;

use super::Content;
use super::fault::{BadDocument, Fault};
use super::fields::FieldId;
use super::findings::Findings;
use super::limits::Limits;
use super::path::{FieldPath, Root, Segment};
use super::raw::{Lexis, Raw};
use super::shape::{NodeId, Shape};
use super::span::{Span, offset};
use super::{Piece, Tape as AnyTape};

/// The values that some rule maps: path, then header, each in its order.
pub(crate) struct Tape {
    /// The values.
    pub(crate) items: Vec<Item>,
}

/// A mapped value.
pub(crate) struct Item {
    /// The part of the head.
    pub(crate) root: Root,
    /// The name of the value.
    pub(crate) name: String,
    /// The field that it is.
    pub(crate) field: FieldId,
    value: Span,
}

impl Item {
    /// The value, in the bytes of its piece.
    pub(crate) fn raw<'a>(&self, bytes: &'a [u8]) -> Raw<'a> {
        Raw { bytes: self.value.of(bytes), lexis: Lexis::Plain }
    }
}

impl Tape {
    /// The values of the mapped fields.
    pub(crate) fn values<'a>(
        &'a self,
        bytes: &'a [u8],
    ) -> impl Iterator<Item = (FieldId, Raw<'a>)> + 'a {
        self.items.iter().map(|item| (item.field, item.raw(bytes)))
    }
}

/// Reads the head of a request, which is a piece of its own.
pub(super) fn parse(
    content: &Content,
    shape: &Shape,
    limits: &Limits,
    findings: &mut Findings,
) -> Result<Piece, BadDocument> {
    let reader = Reader { shape, limits, findings, text: String::new(), items: Vec::new() };
    reader.read(content)
}

struct Reader<'a> {
    shape: &'a Shape,
    limits: &'a Limits,
    findings: &'a mut Findings,
    text: String,
    items: Vec<Item>,
}

impl Reader<'_> {
    fn read(mut self, content: &Content) -> Result<Piece, BadDocument> {
        let mut met = HashMap::new();
        for (name, value) in &content.path {
            self.value(Root::Path, name, value, &mut met)?;
        }
        met.clear();
        for (name, value) in &content.headers {
            self.value(Root::Header, name, value, &mut met)?;
        }
        let tape = AnyTape::Head(Tape { items: self.items });
        Ok(Piece { bytes: Bytes::from(self.text), tape })
    }

    fn value(
        &mut self,
        root: Root,
        name: &str,
        value: &str,
        met: &mut HashMap<String, u32>,
    ) -> Result<(), BadDocument> {
        let path = || FieldPath::of(root, vec![Segment::Name(name.to_owned())]).to_string();
        let bad = |fault| BadDocument { fault, offset: 0, path: path() };
        // The names in the path are the rules' own, and other headers are not even looked at.
        let Some(node) = self.place(root, name, met).map_err(bad)? else { return Ok(()) };
        if value.len() > self.limits.string_bytes_max {
            return Err(bad(Fault::StringTooLong));
        }
        if value.contains(char::is_control) {
            return Err(bad(Fault::ControlCharacter));
        }
        let start = offset(self.text.len());
        self.text.push_str(value);
        let span = Span::new(start, offset(self.text.len()));
        let node = self.shape.node(node);
        if let Some(field) = self.findings.value(node, span, Lexis::Plain, !value.is_empty()) {
            self.items.push(Item { root, name: name.to_owned(), field, value: span });
        }
        Ok(())
    }

    /// Where a value of a name stands; one of several only under `[*]` or by its number.
    fn place(
        &self,
        root: Root,
        name: &str,
        met: &mut HashMap<String, u32>,
    ) -> Result<Option<NodeId>, Fault> {
        let names = self.shape.node(Shape::root(root));
        let Some(node) = names.child(name) else { return Ok(None) };
        let count = met.entry(name.to_owned()).or_default();
        let index = *count;
        *count += 1;
        let place = self.shape.node(node);
        match (place.is_array(), index) {
            (true, _) => Ok(place.element(index)),
            (false, 0) => Ok(Some(node)),
            (false, _) => Err(Fault::RepeatedName),
        }
    }
}

#[cfg(test)]
mod tests;
