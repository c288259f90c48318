//! NDJSON: one object or array a line, read as the elements of an array without brackets.
//!
//! A line ends at a line feed, which no JSON text has but as white space: what is left of a text
//! that goes on in the next line is refused as cut short.

use memchr::memchr;

use super::frame::Place;
use super::{Parser, Step};
use crate::document::fault::Fault;
use crate::document::shape::NodeId;

impl Parser<'_> {
    pub(super) fn lines(&mut self, root: NodeId) -> Result<(), Fault> {
        let body = self.cursor.body;
        if body.is_empty() {
            return Err(Fault::Empty);
        }
        self.open(Place::Mapped(root), Step::Element(0), false)?;
        let mut start = 0;
        while start < body.len() {
            let rest = body.get(start..).unwrap_or_default();
            let end = start + memchr(b'\n', rest).unwrap_or(rest.len());
            self.cursor.body = body.get(..end).unwrap_or_default();
            self.cursor.at = start;
            self.line()?;
            start = end + 1;
        }
        self.close()
    }

    fn line(&mut self) -> Result<(), Fault> {
        let start = self.cursor.at;
        self.top.count += 1;
        self.cursor.skip_space();
        if self.cursor.is_end() {
            self.cursor.at = start;
            return Err(Fault::EmptyLine);
        }
        self.check_root()?;
        self.element_value()?;
        while self.around.len() > 1 {
            if self.top.is_object { self.member()? } else { self.element()? }
        }
        self.cursor.skip_space();
        if self.cursor.is_end() { Ok(()) } else { Err(Fault::Trailing) }
    }
}
