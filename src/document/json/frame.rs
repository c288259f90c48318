//! The parser's stack.

use crate::document::names::Opened;
use crate::document::path::Segment;
use crate::document::shape::{NodeId, Shape};
use crate::document::span::Span;

/// An object or array that is being read.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) is_object: bool,
    pub(super) is_record: bool,
    /// Where it stands in the shape; `None` where nothing in it is mapped.
    pub(super) node: Option<NodeId>,
    /// Its `Open` on the tape; only the root may have one without a node.
    pub(super) open: Option<u32>,
    /// How many of its members or elements have begun.
    pub(super) count: u32,
    /// Which child of the node the current member is.
    pub(super) child: Option<u32>,
    /// Which child of the node the next member probably is.
    pub(super) hint: u32,
    pub(super) names: Opened,
    /// The name of the current member, where it belongs to the record that the member may be.
    pub(super) key: Option<Span>,
}

/// Where a value stands.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// Where no path leads, inside of what was counted.
    Inside,
    /// Where some path leads.
    Mapped(NodeId),
    /// Where no path leads, to be counted.
    Unmapped,
}

impl Frame {
    /// No container: what is around the document.
    pub(super) const NONE: Self = Self {
        is_object: false,
        is_record: false,
        node: None,
        open: None,
        count: 0,
        child: None,
        hint: 0,
        names: Opened::NONE,
        key: None,
    };

    /// The step of a path to the member or element that has begun last, in names that the shape
    /// knows.
    pub(super) fn step(&self, shape: &Shape) -> Option<String> {
        let index = self.count.checked_sub(1)?;
        if !self.is_object {
            return Some(Segment::Index(index).to_string());
        }
        let name = self.node.zip(self.child).and_then(|(node, child)| shape.node(node).name(child));
        Some(
            name.map_or_else(|| ".?".to_owned(), |name| Segment::Name(name.to_owned()).to_string()),
        )
    }
}
