//! The tags of elements, and where elements stand in the shape.

use super::super::fault::Fault;
use super::super::names::Print;
use super::super::shape::NodeId;
use super::super::span::{Span, offset};
use super::Parser;
use super::frame::{Frame, Kind, Step};
use super::scan::{QName, is_space};
use super::soap::Part;
use super::space::Space;
use super::tape::{Listed, Name, Op};

/// Where an element stands.
struct Place {
    kind: Kind,
    node: NodeId,
    step: Step,
    label: Name,
    list: Option<Listed>,
}

impl Parser<'_, '_> {
    /// Goes past the name of an element or attribute.
    #[inline]
    pub(super) fn name(&mut self) -> Result<QName, Fault> {
        let name = self.cursor.name()?;
        if name.end - name.start > self.context.limits.key_bytes_max {
            self.cursor.at = name.start;
            return Err(Fault::KeyTooLong);
        }
        Ok(name)
    }

    /// Goes past a start tag, or the tag of an empty element.
    #[inline]
    pub(super) fn start(&mut self) -> Result<(), Fault> {
        if self.around.len() >= self.context.limits.depth_max {
            return Err(Fault::TooDeep);
        }
        if self.top.children as usize >= self.context.limits.elements_max {
            return Err(Fault::TooManyElements);
        }
        self.top.children += 1;
        self.top.has_content = true;
        self.cursor.at += 1;
        let name = self.name()?;
        self.spaces.open();
        let is_empty = self.attributes()?;
        let after = std::mem::replace(&mut self.cursor.at, name.start);
        let space = self.spaces.of_element(&name)?;
        if !self.attributes.is_empty() {
            self.check_attributes()?;
            self.cursor.at = name.start;
        }
        let part = self.soap_part(&name, space)?;
        let mut place = self.place(&name, space)?;
        if part == Part::Body && place.kind == Kind::Inside {
            place.label = self.label(&name, space).unwrap_or(Name::NONE);
        }
        self.open(&name, place, part)?;
        self.cursor.at = after;
        if is_empty {
            self.top.value = Span::new(offset(after), offset(after));
            return self.leave();
        }
        Ok(())
    }

    /// Finds the place of an element in the shape.
    #[inline]
    fn place(&mut self, name: &QName, space: Space) -> Result<Place, Fault> {
        let shape = self.context.shape;
        let parent = self.top.node;
        let mut place = Place {
            kind: Kind::Inside,
            node: parent,
            step: Step::default(),
            label: Name::NONE,
            list: None,
        };
        if self.top.kind != Kind::Container {
            return Ok(place);
        }
        let composed = self.tape.composed.len();
        let label = self.label(name, space);
        let found = label.and_then(|label| {
            let member = self.tape.name(label, self.cursor.body());
            let (node, child) =
                shape.node(parent).named(Print::of(member), member, self.top.hint)?;
            Some((label, node, child))
        });
        let Some((label, mut node, child)) = found else {
            self.tape.composed.truncate(composed);
            return self.unmapped(place);
        };
        self.top.hint = child + 1;
        place.step.child = Some((parent, child));
        let number = self.count(child);
        let is_numbered = shape.node(node).is_numbered();
        if shape.node(node).is_array() {
            place.step.index = Some(number);
            match shape.node(node).element(number) {
                Some(element) => node = element,
                None => return self.unmapped(place),
            }
        } else if number > 0 {
            self.ahead = Some(place.step);
            return Err(Fault::RepeatedElement);
        }
        place.list = is_numbered.then_some(Listed { list: child, number });
        (place.node, place.label) = (node, label);
        place.kind = match shape.node(node) {
            node if node.is_leaf() => Kind::Leaf,
            node if node.is_object() => Kind::Container,
            _ => return self.unmapped(Place { kind: Kind::Inside, ..place }),
        };
        Ok(place)
    }

    /// Counts an element that no rule maps. It cannot be the root: nothing of such a document
    /// could be written, not even the name of its root.
    fn unmapped(&mut self, place: Place) -> Result<Place, Fault> {
        if self.around.is_empty() {
            return Err(Fault::UnknownRoot);
        }
        self.findings.unmapped();
        Ok(place)
    }

    /// How the rules spell a name, if they know its namespace.
    #[inline]
    pub(super) fn label(&mut self, name: &QName, space: Space) -> Option<Name> {
        let prefix = self.spaces.element_prefix(space)?;
        let body = self.cursor.body();
        if name.prefix(body) == prefix.as_bytes() {
            let span = Span::new(offset(name.start), offset(name.end));
            return Some(Name { span, is_composed: false });
        }
        let start = offset(self.tape.composed.len());
        self.tape.compose(prefix, name.local(body));
        let span = Span::new(start, offset(self.tape.composed.len()));
        Some(Name { span, is_composed: true })
    }

    /// How many elements of the parent were this child before.
    #[inline]
    fn count(&mut self, child: u32) -> u32 {
        let position = self.top.counts.saturating_add(child) as usize;
        self.counts.get_mut(position).map_or(0, |count| {
            *count += 1;
            *count - 1
        })
    }

    /// Makes room for how often each child of a node is met; returns where.
    #[inline]
    pub(super) fn count_children(&mut self, node: NodeId) -> u32 {
        let start = self.counts.len();
        self.counts.resize(start + self.context.shape.node(node).children(), 0);
        offset(start)
    }

    #[inline]
    fn open(&mut self, name: &QName, place: Place, part: Part) -> Result<(), Fault> {
        let node = self.context.shape.node(place.node);
        let is_fixed = self.around.is_empty() || part == Part::Body;
        let is_mapped = place.kind != Kind::Inside;
        let is_record = match self.around.is_empty() {
            true => self.context.shape.node(self.top.node).is_record || node.is_record,
            false => is_mapped && node.is_record,
        };
        let record = if is_record { Some(self.findings.open_record()?) } else { None };
        let is_open = is_fixed || place.kind == Kind::Container;
        let frame = Frame {
            kind: place.kind,
            name: *name,
            node: place.node,
            step: place.step,
            label: place.label,
            list: place.list,
            is_open,
            is_record,
            spaces: self.spaces.opened(),
            has_content: !self.attributes.is_empty(),
            ..Frame::document(place.node)
        };
        self.around.push(std::mem::replace(&mut self.top, frame));
        self.top.counts = offset(self.counts.len());
        if is_open {
            self.check_room()?;
            let bytes = 2 * place.label.span.len() + 5;
            let Place { label: name, list, .. } = place;
            self.push(Op::Open { name, list, record, is_fixed }, bytes);
        }
        match place.kind {
            Kind::Inside => Ok(()),
            Kind::Leaf => {
                self.unmapped_attributes();
                Ok(())
            }
            Kind::Container => {
                self.count_children(place.node);
                self.record_attributes(place.node)
            }
        }
    }

    /// The element that is read is a field, but holds an element.
    #[cold]
    pub(super) fn misshapen(&mut self) {
        match self.context.shape.node(self.top.node).field {
            Some(field) => self.findings.misshapen(field),
            None => self.findings.unmapped(),
        }
        self.top.kind = Kind::Inside;
    }

    /// Goes past an end tag.
    #[inline]
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        let at = self.cursor.at;
        self.cursor.at += 2;
        let name = self.top.name.of(self.cursor.body());
        if !self.cursor.eat(name) {
            return Err(self.cursor.fault_in(name, Fault::TagMismatch));
        }
        if self.cursor.peek() != b'>' {
            if !is_space(self.cursor.peek()) {
                return Err(self.cursor.fault(Fault::TagMismatch));
            }
            self.cursor.skip_space();
            if self.cursor.peek() != b'>' {
                return Err(self.cursor.fault(Fault::BadTag));
            }
        }
        let after = std::mem::replace(&mut self.cursor.at, at);
        self.leave()?;
        self.cursor.at = after + 1;
        Ok(())
    }

    /// Leaves the element that is read.
    #[inline]
    fn leave(&mut self) -> Result<(), Fault> {
        self.check_soap_end()?;
        let Frame { kind, value, has_remarks, .. } = self.top;
        if kind == Kind::Leaf {
            self.check_room()?;
            let node = self.context.shape.node(self.top.node);
            if let Some(field) = self.found(node, value) {
                let Frame { label: name, list, is_open, .. } = self.top;
                if is_open {
                    self.push(Op::Text { field, value, has_remarks }, value.len());
                } else {
                    let bytes = 2 * name.span.len() + value.len() + 5;
                    self.push(Op::Field { name, list, field, value, has_remarks }, bytes);
                }
            }
        }
        if self.top.is_open {
            let Frame { has_content, is_record, .. } = self.top;
            self.push(Op::Close { is_empty: !has_content, is_record }, 0);
        }
        if self.top.is_record {
            self.findings.close_record();
        }
        self.counts.truncate(self.top.counts as usize);
        self.spaces.close(self.top.spaces);
        if let Some(outer) = self.around.pop() {
            self.top = outer;
        }
        Ok(())
    }
}
