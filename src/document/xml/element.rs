//! The tags of elements, and where elements stand in the shape.

use super::super::fault::Fault;
use super::super::fields::FieldId;
use super::super::names::Print;
use super::super::shape::NodeId;
use super::super::span::{Span, offset};
use super::Parser;
use super::frame::{Frame, Kind};
use super::scan::{QName, is_same, is_space};
use super::soap::Part;
use super::space::Space;
use super::tape::{Listed, Name, Op};

impl Parser<'_, '_> {
    /// Goes past the name of an element or attribute.
    #[inline]
    pub(super) fn name(&mut self) -> Result<QName, Fault> {
        let name = self.cursor.name()?;
        if name.whole().len() > self.context.limits.key_bytes_max {
            self.cursor.at = name.start as usize;
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
        let after = std::mem::replace(&mut self.cursor.at, name.start as usize);
        let space = self.spaces.of_element(name)?;
        if !self.attributes.is_empty() {
            self.check_attributes()?;
            self.cursor.at = name.start as usize;
        }
        let part = self.soap_part(name, space)?;
        self.next = Frame::new(Kind::Inside, self.top.node);
        self.place(name, space)?;
        if part == Part::Body && self.next.kind == Kind::Inside {
            self.next.label = self.label(name, space).unwrap_or(Name::NONE);
        }
        if self.next.kind != Kind::Container
            && part == Part::None
            && !is_empty
            && !self.around.is_empty()
            && self.short(name, after)?
        {
            return Ok(());
        }
        self.open(name, part)?;
        self.cursor.at = after;
        if is_empty {
            self.top.value = Span::new(offset(after), offset(after));
            return self.leave();
        }
        Ok(())
    }

    /// Reads an element at once that holds only text without references, as most do; false where
    /// it holds more, or something in it may be wrong.
    #[inline]
    fn short(&mut self, name: QName, start: usize) -> Result<bool, Fault> {
        let before = std::mem::replace(&mut self.cursor.at, start);
        self.cursor.skip_text();
        let end = self.cursor.at;
        let is_short = self.cursor.eat(b"</")
            && self.cursor.eat(name.whole().of(self.cursor.body()))
            && self.cursor.eat(b">")
            && !self.has_section_end
            && end - start <= self.context.limits.string_bytes_max;
        let after = std::mem::replace(&mut self.cursor.at, before);
        if !is_short {
            return Ok(false);
        }
        if self.next.kind == Kind::Leaf {
            self.unmapped_attributes();
            self.cursor.at = end;
            let value = Span::new(offset(start), offset(end));
            let Frame { node, label: name, list, .. } = self.next;
            let has_remarks = false;
            self.leaf(node, value, |field| Op::Field { name, list, field, value, has_remarks })?;
        }
        self.spaces.close(self.spaces.opened());
        self.cursor.at = after;
        Ok(true)
    }

    /// Records the value of an element that is a field, or identifies the subject.
    #[inline]
    fn leaf(
        &mut self,
        node: NodeId,
        value: Span,
        op: impl FnOnce(FieldId) -> Op,
    ) -> Result<(), Fault> {
        self.check_room()?;
        let shape = self.context.shape;
        if let Some(field) = self.found(shape.node(node), value) {
            self.push(op(field), value.len());
        }
        Ok(())
    }

    /// Finds the place of the next element in the shape.
    #[inline]
    fn place(&mut self, name: QName, space: Space) -> Result<(), Fault> {
        if self.top.kind != Kind::Container {
            return Ok(());
        }
        let shape = self.context.shape;
        let parent = shape.node(self.top.node);
        let composed = self.tape.composed.len();
        let Some(label) = self.label(name, space) else { return self.unmapped() };
        let member = self.tape.name(label, self.cursor.body());
        let Some((node, child)) = parent.named(Print::of(member), member, self.top.hint) else {
            self.tape.composed.truncate(composed);
            return self.unmapped();
        };
        self.top.hint = child + 1;
        self.next.label = label;
        self.next.step.child = Some((self.top.node, child));
        let number = self.count(child);
        let mut place = (shape.node(node), node);
        if place.0.is_array() {
            self.next.step.index = Some(number);
            self.next.list = place.0.is_numbered().then_some(Listed { list: child, number });
            let Some(element) = place.0.element(number) else { return self.unmapped() };
            place = (shape.node(element), element);
        } else if number > 0 {
            self.is_next_bad = true;
            return Err(Fault::RepeatedElement);
        }
        self.next.node = place.1;
        self.next.kind = match place.0 {
            node if node.is_leaf() => Kind::Leaf,
            node if node.is_object() => Kind::Container,
            _ => return self.unmapped(),
        };
        Ok(())
    }

    /// Counts an element that no rule maps. It cannot be the root: nothing of such a document
    /// could be written, not even the name of its root.
    fn unmapped(&mut self) -> Result<(), Fault> {
        if self.around.is_empty() {
            return Err(Fault::UnknownRoot);
        }
        self.findings.unmapped();
        Ok(())
    }

    /// How the rules spell a name, if they know its namespace.
    #[inline]
    pub(super) fn label(&mut self, name: QName, space: Space) -> Option<Name> {
        let prefix = self.spaces.element_prefix(space)?;
        let body = self.cursor.body();
        if is_same(name.prefix().of(body), prefix.as_bytes()) {
            return Some(Name { span: name.whole(), is_composed: false });
        }
        let start = offset(self.tape.composed.len());
        self.tape.compose(prefix, name.local().of(body));
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

    /// Makes room for how often each child of a node is met.
    #[inline]
    pub(super) fn count_children(&mut self, node: NodeId) {
        let count = self.counts.len() + self.context.shape.node(node).children();
        self.counts.resize(count, 0);
    }

    /// Opens the next element.
    #[inline]
    fn open(&mut self, name: QName, part: Part) -> Result<(), Fault> {
        let shape = self.context.shape;
        let kind = self.next.kind;
        let is_root = self.around.is_empty();
        let is_fixed = is_root || part == Part::Body;
        let is_record = (kind == Kind::Container && shape.node(self.next.node).is_record)
            || (is_root && shape.node(self.top.node).is_record);
        let record = if is_record { Some(self.findings.open_record()?) } else { None };
        self.next.name = name.whole();
        self.next.is_open = is_fixed || kind == Kind::Container;
        self.next.is_record = is_record;
        self.next.spaces = self.spaces.opened();
        self.next.has_content = !self.attributes.is_empty();
        self.next.counts = offset(self.counts.len());
        self.around.push(self.top);
        self.top = self.next;
        if self.top.is_open {
            self.check_room()?;
            let Frame { label: name, list, .. } = self.top;
            self.push(Op::Open { name, list, record, is_fixed }, 0);
        }
        match kind {
            Kind::Inside => Ok(()),
            Kind::Leaf => {
                self.unmapped_attributes();
                Ok(())
            }
            Kind::Container => {
                self.count_children(self.top.node);
                self.record_attributes(self.top.node)
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
        let Frame { label: name, list, has_remarks, is_open, .. } = self.top;
        if self.top.kind == Kind::Leaf {
            let value = self.top.value;
            self.leaf(self.top.node, value, |field| {
                if is_open {
                    Op::Text { field, value, has_remarks }
                } else {
                    Op::Field { name, list, field, value, has_remarks }
                }
            })?;
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
