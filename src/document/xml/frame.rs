//! The parser's stack.

use super::super::path::Segment;
use super::super::shape::{NodeId, Shape};
use super::super::span::Span;
use super::tape::{Listed, Name};

/// An element that is being read.
#[derive(Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) name: Span,
    /// Where it stands in the shape, unless nothing in it is mapped.
    pub(super) node: NodeId,
    pub(super) step: Step,
    /// How the rules spell it, and its place in a list that is mapped by number.
    pub(super) label: Name,
    pub(super) list: Option<Listed>,
    /// Whether it has an `Open` on the tape.
    pub(super) is_open: bool,
    pub(super) is_record: bool,
    /// Which child of the node the next element probably is.
    pub(super) hint: u32,
    /// How many counters of siblings, and declarations of namespaces, there were before it.
    pub(super) counts: u32,
    pub(super) spaces: u32,
    /// How many child elements have begun.
    pub(super) children: u32,
    /// Whether it has attributes, elements or text that is not blank.
    pub(super) has_content: bool,
    /// Whether its mapped text was found.
    pub(super) has_text: bool,
    /// What stands between the tags of a leaf.
    pub(super) value: Span,
    pub(super) has_remarks: bool,
}

impl Frame {
    /// An element of which nothing is known yet. As a container, what is around the root.
    pub(super) fn new(kind: Kind, node: NodeId) -> Self {
        Self {
            kind,
            name: Span::new(0, 0),
            node,
            step: Step::default(),
            label: Name::NONE,
            list: None,
            is_open: false,
            is_record: false,
            hint: 0,
            counts: 0,
            spaces: 0,
            children: 0,
            has_content: false,
            has_text: false,
            value: Span::new(0, 0),
            has_remarks: false,
        }
    }
}

/// What an element is to the shape.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing in it is mapped.
    Inside,
    /// Its text is mapped as the element.
    Leaf,
    /// Something in it may be mapped.
    Container,
}

/// The step of a path to an element.
#[derive(Clone, Copy, Default)]
pub(super) struct Step {
    /// The node of the parent, and which child of it this is.
    pub(super) child: Option<(NodeId, u32)>,
    /// Its number, where it is one of a list.
    pub(super) index: Option<u32>,
}

impl Step {
    /// The step in names that the shape knows.
    pub(super) fn text(&self, shape: &Shape) -> String {
        let name = self.child.and_then(|(node, child)| shape.node(node).name(child));
        let index = self.index.map(|index| Segment::Index(index).to_string());
        let name = name.map(|name| Segment::Name(name.to_owned()).to_string());
        name.unwrap_or_else(|| ".?".to_owned()) + &index.unwrap_or_default()
    }
}
