//! The shape of a route's documents: its field paths compiled into one tree.
//!
//! Invariants:
//! - the first nodes are the parts of a request, the body before all; every other node has one
//!   parent, with a smaller number;
//! - a node with a field has no children, so a field never holds an object or array;
//! - a node has children by `[*]` or by number, never both, and by `.*` or by name, never both;
//! - where a node has a child by `.*`, the members' names are mapped as a field.

mod check;

use std::fmt;

use super::fields::{FieldId, FieldSet};
use super::names::Print;
use super::path::{FieldPath, Root, Segment};
use super::syntax::Syntax;
use crate::diagnostic::Text;

/// The field paths of a route, compiled.
#[derive(Debug)]
pub struct Shape {
    syntax: Syntax,
    nodes: Vec<Node>,
    in_record: FieldSet,
    is_whole: bool,
}

/// A place in a document that some path leads to.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// The field that stands here.
    pub(crate) field: Option<FieldId>,
    /// Whether a subject's record stands here.
    pub(crate) is_record: bool,
    /// Whether the value that identifies the subject stands here.
    pub(crate) is_subject: bool,
    /// The field that the member's own name is, and whether it identifies the subject.
    pub(crate) key: Option<(FieldId, bool)>,
    /// Where every element of an array here is found.
    pub(crate) every: Option<NodeId>,
    /// Where every member of an object here is found.
    members: Option<NodeId>,
    numbered: Vec<(u32, NodeId)>,
    named: Vec<Child>,
}

/// The number of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeId(u32);

#[derive(Debug)]
struct Child {
    name: String,
    print: Print,
    node: NodeId,
}

impl Shape {
    /// Compiles the paths of fields of JSON bodies; see [`Self::of`].
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn compile(
        fields: &[FieldPath],
        subjects: Option<&FieldPath>,
        subject: &FieldPath,
    ) -> Result<Self, BadShape> {
        Self::of(Syntax::Json, fields, subjects, subject)
    }

    /// Compiles the paths of a route's fields.
    ///
    /// `subjects` is the path of the subject records, or `None` where the whole request is one
    /// subject's; `subject` is the path, from the root, of the value that identifies the subject,
    /// and need not be among the fields.
    ///
    /// # Errors
    /// Paths that contradict each other, named by their positions.
    pub fn of(
        syntax: Syntax,
        fields: &[FieldPath],
        subjects: Option<&FieldPath>,
        subject: &FieldPath,
    ) -> Result<Self, BadShape> {
        let fields = check::number(fields)?;
        check::fields(&fields)?;
        if !matches!(syntax, Syntax::Opaque(_) | Syntax::Text)
            && let Some((field, _)) = fields.iter().find(|(_, path)| **path == FieldPath::ROOT)
        {
            return Err(BadShape::SubjectsMapped(*field));
        }
        check::keys(&fields)?;
        check::subject(subjects, subject)?;
        check::against_fields(&fields, subjects, subject)?;

        let roots = Root::ALL.map(|_| Node::default()).into();
        let is_whole = subjects.is_none();
        let mut shape = Self { syntax, nodes: roots, in_record: FieldSet::EMPTY, is_whole };
        for (field, path) in fields {
            let is_subject = path == subject;
            shape.grow(path, |node| {
                if path.is_key() {
                    node.key = Some((field, is_subject));
                } else {
                    node.field = Some(field);
                }
            });
            if subjects.is_none_or(|subjects| subjects.leads_to(path)) {
                shape.in_record.insert(field);
            }
        }
        if let Some(subjects) = subjects {
            shape.grow(subjects, |node| node.is_record = true);
        }
        if !subject.is_key() {
            shape.grow(subject, |node| node.is_subject = true);
        }
        Ok(shape)
    }

    /// Compiles the paths of the fields of bodies that are about nobody, as partners' answers are:
    /// the whole of one is a record without a subject.
    ///
    /// # Errors
    /// Paths that contradict each other, named by their positions.
    pub fn of_nobody(syntax: Syntax, fields: &[FieldPath]) -> Result<Self, BadShape> {
        let fields = check::number(fields)?;
        check::fields(&fields)?;
        check::keys(&fields)?;
        let roots = Root::ALL.map(|_| Node::default()).into();
        let mut shape = Self { syntax, nodes: roots, in_record: FieldSet::EMPTY, is_whole: true };
        for (field, path) in fields {
            shape.grow(path, |node| {
                if path.is_key() {
                    node.key = Some((field, false));
                } else {
                    node.field = Some(field);
                }
            });
            shape.in_record.insert(field);
        }
        Ok(shape)
    }

    /// How the bodies are written.
    #[must_use]
    pub const fn syntax(&self) -> &Syntax {
        &self.syntax
    }

    /// Whether the whole request is one subject's record.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Where a part of the request stands.
    #[must_use]
    pub(crate) const fn root(root: Root) -> NodeId {
        NodeId(root as u32)
    }

    /// Whether something in a part of a request is mapped.
    #[must_use]
    pub fn maps(&self, root: Root) -> bool {
        self.names(root).next().is_some()
    }

    /// The names that rules map in a part of a request.
    pub fn names(&self, root: Root) -> impl Iterator<Item = &str> {
        self.node(Self::root(root)).named.iter().map(|child| child.name.as_str())
    }

    /// Whether the field belongs to a subject's record, not to the document as a whole.
    #[must_use]
    pub fn in_record(&self, field: FieldId) -> bool {
        self.in_record.contains(field)
    }

    /// Whether documents of another shape have the same records, of the same subjects.
    #[must_use]
    pub fn has_records_of(&self, other: &Self) -> bool {
        let way = |shape: &Self, mark: fn(&Node) -> bool| {
            let mut way = Vec::new();
            let mut roots = Root::ALL.into_iter();
            let root = roots.find(|root| shape.leads_to(Self::root(*root), mark, &mut way));
            root.map(|root| (root, way))
        };
        let same = |mark| way(self, mark) == way(other, mark);
        let is_subject = |node: &Node| node.is_subject || node.key.is_some_and(|(_, is)| is);
        self.syntax == other.syntax && same(|node| node.is_record) && same(is_subject)
    }

    /// Finds the way from a node to the one that is marked.
    fn leads_to(&self, from: NodeId, mark: fn(&Node) -> bool, way: &mut Vec<Segment>) -> bool {
        let node = self.node(from);
        if mark(node) {
            return true;
        }
        let every = node.every.map(|id| (Segment::Every, id));
        let numbered = node.numbered.iter().map(|(n, id)| (Segment::Index(*n), *id));
        let named = node.named.iter().map(|child| (Segment::Name(child.name.clone()), child.node));
        let members = node.members.map(|id| (Segment::Members, id));
        let children = every.into_iter().chain(numbered).chain(named).chain(members);
        children.into_iter().any(|(segment, id)| {
            way.push(segment);
            let found = self.leads_to(id, mark, way);
            if !found {
                way.pop();
            }
            found
        })
    }

    /// Where the body itself stands.
    pub(crate) const ROOT: NodeId = Self::root(Root::Body);

    /// A node; an unknown number is a place that nothing leads to.
    #[inline]
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id.0 as usize).unwrap_or(&NOWHERE)
    }

    /// Makes the way to a path and marks its end.
    fn grow(&mut self, path: &FieldPath, mark: impl FnOnce(&mut Node)) {
        let mut at = Self::root(path.root());
        for segment in path.segments() {
            let next = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
            let Some(node) = self.nodes.get_mut(at.0 as usize) else { return };
            at = node.step(segment, next);
            if at == next {
                self.nodes.push(Node::default());
            }
        }
        if let Some(node) = self.nodes.get_mut(at.0 as usize) {
            mark(node);
        }
    }
}

impl Node {
    /// Whether an object here holds something that is mapped.
    #[inline]
    pub(crate) fn is_object(&self) -> bool {
        !self.named.is_empty() || self.members.is_some()
    }

    /// Whether a value here is a field, or identifies the subject.
    #[inline]
    pub(crate) fn is_leaf(&self) -> bool {
        self.field.is_some() || self.is_subject
    }

    /// How many members of an object here are known.
    #[inline]
    pub(crate) fn children(&self) -> usize {
        self.named.len()
    }

    /// Whether an array here holds something that is mapped.
    #[inline]
    pub(crate) fn is_array(&self) -> bool {
        self.every.is_some() || self.is_numbered()
    }

    /// Whether the elements of an array here are mapped by their numbers.
    #[inline]
    pub(crate) fn is_numbered(&self) -> bool {
        !self.numbered.is_empty()
    }

    /// The place of an element of an array here.
    #[inline]
    pub(crate) fn element(&self, index: u32) -> Option<NodeId> {
        self.every.or_else(|| {
            self.numbered.iter().find(|(number, _)| *number == index).map(|(_, node)| *node)
        })
    }

    /// The place of a member of an object here, and its position among the children; the one at
    /// `hint` is tried first.
    #[inline]
    pub(crate) fn member(&self, print: Print, name: &[u8], hint: u32) -> Option<(NodeId, u32)> {
        self.named(print, name, hint).or(self.members.map(|node| (node, 0)))
    }

    /// The place of a member, as [`Self::member`], but never by `.*`.
    #[inline]
    pub(crate) fn named(&self, print: Print, name: &[u8], hint: u32) -> Option<(NodeId, u32)> {
        let is_named = |child: &Child| child.print == print && child.name.as_bytes() == name;
        if let Some(child) = self.named.get(hint as usize).filter(|child| is_named(child)) {
            return Some((child.node, hint));
        }
        let mut children = (0..).zip(&self.named);
        let child = children.find(|(_, child)| is_named(child));
        child.map(|(position, child)| (child.node, position))
    }

    /// The place of a member that a rule names.
    pub(crate) fn child(&self, name: &str) -> Option<NodeId> {
        self.named.iter().find(|child| child.name == name).map(|child| child.node)
    }

    /// The name of a child, by its position; nothing of one that no rule names.
    pub(crate) fn name(&self, position: u32) -> Option<&str> {
        self.named.get(position as usize).map(|child| child.name.as_str())
    }

    /// The child at one more step, which becomes `next` where there is none.
    fn step(&mut self, segment: &Segment, next: NodeId) -> NodeId {
        match segment {
            Segment::Every => *self.every.get_or_insert(next),
            Segment::Members => *self.members.get_or_insert(next),
            Segment::Index(index) => {
                if let Some(node) = self.element(*index) {
                    return node;
                }
                self.numbered.push((*index, next));
                next
            }
            Segment::Name(name) => {
                if let Some(child) = self.named.iter().find(|child| child.name == *name) {
                    return child.node;
                }
                let print = Print::of(name.as_bytes());
                self.named.push(Child { name: name.clone(), print, node: next });
                next
            }
        }
    }
}

/// Paths that contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadShape {
    /// An array is addressed both element by element and by number: by two fields, or by a field
    /// and `subjects` or `subject`, when both positions are that field's.
    EveryAndIndex(FieldId, FieldId),
    /// Members are addressed both by `.*` and by name, or by `.*` without their names being mapped
    /// by a path that ends in `~`; both positions may be the same field's.
    Members(FieldId, FieldId),
    /// The first field lies inside the second.
    Inside(FieldId, FieldId),
    /// The value that identifies the subject lies inside a field, or the field inside it.
    SubjectInside(FieldId),
    /// `subject` passes through an array below the record, so a record would have several subjects.
    SubjectMany,
    /// The value that identifies the subject does not lie in the subject's record.
    SubjectOutside,
    /// `subjects` itself is mapped as a field, or lies inside one.
    SubjectsMapped(FieldId),
    /// More fields than a shape can hold.
    TooMany,
    /// The same field is mapped twice.
    Twice(FieldId, FieldId),
}

impl BadShape {
    /// The field that is shown: of two, the later one.
    #[must_use]
    pub fn field(self) -> Option<FieldId> {
        match self {
            Self::EveryAndIndex(a, b)
            | Self::Members(a, b)
            | Self::Inside(a, b)
            | Self::Twice(a, b) => Some(a.max(b)),
            Self::SubjectInside(field) | Self::SubjectsMapped(field) => Some(field),
            Self::SubjectMany | Self::SubjectOutside | Self::TooMany => None,
        }
    }
}

impl From<BadShape> for Text {
    fn from(bad: BadShape) -> Self {
        let words = match bad {
            BadShape::EveryAndIndex(..) => "the same array is addressed by `[*]` and by number",
            BadShape::Members(a, b) if a == b => {
                "`.*` lets names through that no rule maps: map them by a path that ends in `~`"
            }
            BadShape::Members(..) => "the same members are addressed by `.*` and by name",
            BadShape::Inside(..) => {
                "one field lies inside another, which would hold an object or array"
            }
            BadShape::SubjectInside(_) => "`subject` and a field lie one inside the other",
            BadShape::SubjectMany => "`subject` must name one value in a record, without `[*]`",
            BadShape::SubjectOutside => "`subject` does not lie below `subjects`",
            BadShape::SubjectsMapped(_) => "`subjects` is mapped as a field",
            BadShape::TooMany => "more than 256 fields",
            BadShape::Twice(..) => "the same field is mapped twice",
        };
        words.into()
    }
}

impl fmt::Display for BadShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Text::from(*self).fmt(f)
    }
}

impl std::error::Error for BadShape {}

static NOWHERE: Node = Node {
    field: None,
    is_record: false,
    is_subject: false,
    key: None,
    every: None,
    members: None,
    numbered: Vec::new(),
    named: Vec::new(),
};

#[cfg(test)]
mod tests;
