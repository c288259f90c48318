//! What writing should do, said once more and slowly, over trees.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::document::{FieldId, FieldPath, FieldSet, Segment, Shape, Syntax, Xml, XmlKind};

use super::tree::{Item, Tree, is_blank};
use super::{Choice, NAMESPACES};

/// The paths of a shape.
#[derive(Clone, Debug)]
pub(super) struct Model {
    fields: Vec<FieldPath>,
    subjects: Option<FieldPath>,
    subject: FieldPath,
}

/// The parser refuses the document, because of the rules alone.
#[derive(Debug, PartialEq)]
pub(super) struct Refused;

impl Model {
    pub(super) fn new(fields: &[&str], subjects: Option<&str>, subject: &str) -> Self {
        let path = |text: &str| FieldPath::parse(text).unwrap();
        let fields = fields.iter().map(|text| path(text)).collect();
        Self { fields, subjects: subjects.map(path), subject: path(subject) }
    }

    pub(super) fn shape(&self) -> Arc<Shape> {
        let owned = |(prefix, uri): &(&str, &str)| ((*prefix).to_owned(), (*uri).to_owned());
        let namespaces = NAMESPACES.iter().map(owned).collect();
        let syntax = Syntax::Xml(Xml { kind: XmlKind::Plain, namespaces });
        Arc::new(Shape::of(syntax, &self.fields, self.subjects.as_ref(), &self.subject).unwrap())
    }

    /// What is written; nothing at all where the whole document is a record that is left out.
    pub(super) fn redact(&self, root: &Tree, choice: &Choice) -> Result<Option<Tree>, Refused> {
        let (outside, records, verdicts) = choice;
        let verdict = |record: usize| {
            records.get(record).copied().flatten().and_then(|verdict| verdicts.get(verdict))
        };
        let kept = if self.subjects.is_some() { Some(outside) } else { verdict(0) };
        let mut walk = Walk { model: self, verdict: &verdict, records: 0 };
        let place = vec![Segment::Name(root.name.clone())];
        if walk.onward(&place).is_empty() && !walk.is_leaf(&place) {
            return Err(Refused);
        }
        let rest = walk.element(root, &place, kept.unwrap_or(&FieldSet::EMPTY))?;
        let name = root.name.clone();
        let rest = rest.unwrap_or_else(|| Tree { name, ..Tree::default() });
        Ok(kept.is_some().then_some(rest))
    }
}

/// Whether a path leads through a place.
fn leads(path: &[Segment], place: &[Segment]) -> bool {
    let same = |(step, here): (&Segment, &Segment)| {
        step == here || (*step == Segment::Every && matches!(here, Segment::Index(_)))
    };
    path.len() >= place.len() && path.iter().zip(place).all(same)
}

struct Walk<'a> {
    model: &'a Model,
    verdict: &'a dyn Fn(usize) -> Option<&'a FieldSet>,
    records: usize,
}

impl<'a> Walk<'a> {
    fn field(&self, place: &[Segment]) -> Option<FieldId> {
        let is_it = |path: &FieldPath| {
            path.segments().len() == place.len() && leads(path.segments(), place)
        };
        let position = self.model.fields.iter().position(is_it);
        position.map(|position| FieldId::try_from(position).unwrap())
    }

    fn is_leaf(&self, place: &[Segment]) -> bool {
        let subject = self.model.subject.segments();
        self.field(place).is_some() || (subject.len() == place.len() && leads(subject, place))
    }

    /// The steps that lead on from a place.
    fn onward(&self, place: &[Segment]) -> Vec<&'a Segment> {
        let paths = self.model.fields.iter().chain([&self.model.subject]);
        let paths = paths.map(FieldPath::segments).filter(|path| leads(path, place));
        paths.filter_map(|path| path.get(place.len())).collect()
    }

    fn is_kept(&self, place: &[Segment], kept: &FieldSet) -> bool {
        self.field(place).is_some_and(|field| kept.contains(field))
    }

    fn below(place: &[Segment], name: &str) -> Vec<Segment> {
        place.iter().cloned().chain([Segment::Name(name.to_owned())]).collect()
    }

    /// What remains of an element to which some path leads.
    fn element(
        &mut self,
        tree: &Tree,
        place: &[Segment],
        kept: &FieldSet,
    ) -> Result<Option<Tree>, Refused> {
        let mut rest = Tree { name: tree.name.clone(), ..Tree::default() };
        if self.is_leaf(place) {
            let is_misshapen = tree.elements().next().is_some();
            if is_misshapen || !self.is_kept(place, kept) {
                return Ok(None);
            }
            rest.content.extend(tree.content.iter().cloned());
            return Ok(Some(rest));
        }
        let subjects = self.model.subjects.as_ref().map(FieldPath::segments);
        let is_record =
            subjects.is_some_and(|path| path.len() == place.len() && leads(path, place));
        let mut is_left_out = false;
        let kept = if is_record {
            self.records += 1;
            let verdict = (self.verdict)(self.records - 1);
            is_left_out = verdict.is_none();
            verdict.unwrap_or(&FieldSet::EMPTY)
        } else {
            kept
        };
        for (name, value) in &tree.attributes {
            if self.is_kept(&Self::below(place, &format!("@{name}")), kept) {
                rest.attributes.push((name.clone(), value.clone()));
            }
        }
        let text = Self::below(place, "#text");
        let has_elements = tree.elements().next().is_some();
        let is_text = |text: &&str| !has_elements || !is_blank(text);
        if self.is_leaf(&text) && tree.texts().filter(is_text).count() > 1 {
            return Err(Refused);
        }
        let keeps_text = self.is_kept(&text, kept);
        let keeps = |text: &str| keeps_text && is_text(&text);
        rest.content = self.content(tree, place, kept, keeps)?;
        let had_nothing = tree.attributes.is_empty()
            && !has_elements
            && tree.texts().all(|one| is_blank(one) && !self.is_leaf(&text));
        let is_lost = rest.attributes.is_empty() && rest.content.is_empty() && !had_nothing;
        Ok((!is_lost && !is_left_out).then_some(rest))
    }

    fn content(
        &mut self,
        tree: &Tree,
        place: &[Segment],
        kept: &FieldSet,
        keeps: impl Fn(&str) -> bool,
    ) -> Result<Vec<Item>, Refused> {
        let mut rest = Vec::new();
        let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for item in &tree.content {
            let child = match item {
                Item::Text(text) => {
                    rest.extend(keeps(text).then(|| item.clone()));
                    continue;
                }
                Item::Element(child) => child,
            };
            let mut below = Self::below(place, &child.name);
            let steps = self.onward(&below);
            if steps.is_empty() && !self.is_leaf(&below) {
                continue;
            }
            let (count, written) = counts.entry(&child.name).or_default();
            let is_numbered = steps.iter().any(|step| matches!(step, Segment::Index(_)));
            if is_numbered || steps.contains(&&Segment::Every) {
                below.push(Segment::Index(u32::try_from(*count).unwrap()));
            } else if *count > 0 {
                return Err(Refused);
            }
            *count += 1;
            if !self.is_leaf(&below) && !self.is_container(&below) {
                continue;
            }
            let Some(child) = self.element(child, &below, kept)? else { continue };
            if is_numbered {
                let gap = Tree { name: child.name.clone(), ..Tree::default() };
                let gaps = std::iter::repeat_n(Item::Element(gap), *count - 1 - *written);
                rest.extend(gaps);
                *written = *count;
            }
            rest.push(Item::Element(child));
        }
        Ok(rest)
    }

    fn is_container(&self, place: &[Segment]) -> bool {
        self.onward(place).iter().any(|step| matches!(step, Segment::Name(_)))
    }
}
