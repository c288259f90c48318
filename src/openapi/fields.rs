//! The fields of a document, from its schema.

use std::collections::{BTreeMap, BTreeSet};

use super::document::Document;
use super::node::Node;
use crate::document::Segment;

/// The steps from a document's root to one place of it.
pub(super) type Path = Vec<Segment>;

/// What a schema says of a document's places.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// The places where a value stands, in the order of the schema.
    pub(super) leaves: Vec<Leaf>,
    /// The places of which nothing can be mapped, and why.
    pub(super) gaps: Vec<(Path, &'static str)>,
    /// Whether there are more than were looked at.
    pub(super) cut: bool,
}

/// A place where a string, number or truth value stands.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "a schema says these things of a place")]
pub(super) struct Leaf {
    /// Where.
    pub(super) path: Path,
    /// What: the types of JSON, and `any` where the schema does not say.
    pub(super) kinds: BTreeSet<String>,
    /// The formats that the schema names.
    pub(super) formats: BTreeSet<String>,
    /// Whether a pattern asks for twelve digits.
    pub(super) twelve_digits: bool,
    /// Whether it is there in every document.
    pub(super) required: bool,
    /// Whether it is only in answers.
    pub(super) read_only: bool,
    /// Whether it can also be an object or array that has fields of its own.
    pub(super) contains_others: bool,
}

/// The fields of a document with a schema; `steps` are those that may still be taken.
pub(super) fn read(document: &Document, schema: &Node, steps: &mut usize) -> Fields {
    let mut walk = Walk {
        document,
        steps,
        open: Vec::new(),
        deep: 0,
        places: BTreeMap::new(),
        gaps: BTreeSet::new(),
        seen: 0,
        fields: Fields::default(),
    };
    walk.place(schema, &mut Path::new(), true);
    let mut fields = walk.fields;
    let paths: BTreeSet<Path> = fields.leaves.iter().map(|leaf| leaf.path.clone()).collect();
    for leaf in &mut fields.leaves {
        let mut after = paths.range(leaf.path.clone()..).skip(1);
        leaf.contains_others = after.next().is_some_and(|next| next.starts_with(&leaf.path));
    }
    fields
}

/// A walk over a schema.
struct Walk<'d, 's> {
    document: &'d Document,
    steps: &'s mut usize,
    /// The references that are being followed.
    open: Vec<&'d str>,
    /// How many schemas inside one another are being read.
    deep: usize,
    /// Which leaf stands at a path.
    places: BTreeMap<Path, usize>,
    gaps: BTreeSet<(Path, &'static str)>,
    /// How much was found, again or anew.
    seen: usize,
    fields: Fields,
}

impl<'d> Walk<'d, '_> {
    /// Reads what stands at a place.
    fn place(&mut self, schema: &'d Node, path: &mut Path, required: bool) {
        let before = self.seen;
        let mut names = BTreeSet::new();
        self.required_names(schema, &mut names, NAMES_DEEP);
        self.part(schema, path, required, &names);
        let nothing = self.seen == before && !self.fields.cut;
        if nothing && !matches!(schema, Node::Flag(false)) {
            self.leaf(schema, path, "any", required);
        }
    }

    /// Reads one of the schemas that a place has.
    fn part(
        &mut self,
        schema: &'d Node,
        path: &mut Path,
        required: bool,
        names: &BTreeSet<&'d str>,
    ) {
        if !self.take_step() {
            return;
        }
        if self.deep >= PARTS_DEEP {
            return self.gap(path, "its schema is nested too deeply, and is cut here");
        }
        self.deep += 1;
        if let Some(reference) = schema.text("$ref") {
            self.reference(reference, path, required, names);
        }
        for part in schema.list("allOf") {
            self.part(part, path, required, names);
        }
        for keyword in ["oneOf", "anyOf"] {
            for branch in schema.list(keyword) {
                self.branch(branch, path, names);
            }
        }
        for branch in ["then", "else"].iter().filter_map(|keyword| schema.get(keyword)) {
            self.branch(branch, path, names);
        }
        self.object(schema, path, required, names);
        self.array(schema, path, required);
        for kind in kinds(schema) {
            self.leaf(schema, path, kind, required);
        }
        self.deep -= 1;
    }

    /// Reads one of the schemas that a place may have.
    fn branch(&mut self, schema: &'d Node, path: &mut Path, outer: &BTreeSet<&'d str>) {
        let mut names = outer.clone();
        self.required_names(schema, &mut names, NAMES_DEEP);
        self.part(schema, path, false, &names);
    }

    fn reference(
        &mut self,
        reference: &'d str,
        path: &mut Path,
        required: bool,
        names: &BTreeSet<&'d str>,
    ) {
        if self.open.contains(&reference) {
            return self.gap(path, "it contains itself, and is cut here");
        }
        match self.document.target(reference) {
            Ok(target) => {
                self.open.push(reference);
                self.part(target, path, required, names);
                self.open.pop();
            }
            Err(why) => self.gap(path, why),
        }
    }

    fn object(
        &mut self,
        schema: &'d Node,
        path: &mut Path,
        required: bool,
        names: &BTreeSet<&'d str>,
    ) {
        for (name, property) in schema.members("properties") {
            let required = required && names.contains(name);
            self.step(Segment::Name(name.to_owned()), property, path, required);
        }
        let more = schema.get("additionalProperties");
        let any_name = matches!(more, Some(Node::Flag(true) | Node::Table(_)));
        if any_name || schema.members("patternProperties").next().is_some() {
            self.gap(path, "it may have members of any name, and only named ones can be mapped");
        } else if is_kind(schema, "object") && schema.members("properties").next().is_none() {
            self.gap_if_bare(schema, path, "an object of which the document tells no members");
        }
    }

    fn array(&mut self, schema: &'d Node, path: &mut Path, required: bool) {
        match schema.get("items") {
            Some(items @ (Node::Table(_) | Node::Flag(true))) => {
                self.step(Segment::Every, items, path, required);
            }
            Some(Node::List(_)) => self.gap(path, BY_PLACE),
            _ if schema.get("prefixItems").is_some() => self.gap(path, BY_PLACE),
            _ if is_kind(schema, "array") => {
                self.gap_if_bare(schema, path, "an array of which the document tells no elements");
            }
            _ => {}
        }
    }

    fn step(&mut self, segment: Segment, schema: &'d Node, path: &mut Path, required: bool) {
        let long = matches!(&segment, Segment::Name(name) if name.len() > NAME_BYTES_MAX);
        if long || path.len() >= STEPS_DEEP {
            return self.gap(path, "what lies deeper, or has too long a name, is left out");
        }
        path.push(segment);
        self.place(schema, path, required);
        path.pop();
    }

    fn leaf(&mut self, schema: &Node, path: &Path, kind: &str, required: bool) {
        self.seen += 1;
        let next = self.fields.leaves.len();
        let place = *self.places.entry(path.clone()).or_insert(next);
        if place == next {
            self.fields.leaves.push(Leaf { path: path.clone(), ..Leaf::default() });
        }
        let Some(leaf) = self.fields.leaves.get_mut(place) else { return };
        leaf.kinds.insert(kind.to_owned());
        leaf.formats.extend(schema.text("format").map(ToOwned::to_owned));
        leaf.twelve_digits |= schema.text("pattern").is_some_and(is_twelve_digits);
        leaf.required |= required;
        leaf.read_only |= schema.flag("readOnly");
    }

    /// Whether one more schema may be looked at.
    fn take_step(&mut self) -> bool {
        let left = self.steps.checked_sub(1);
        self.fields.cut |= left.is_none();
        *self.steps = left.unwrap_or(0);
        left.is_some()
    }

    // Parts of one place often say only that it is an object, and another part of which members.
    fn gap_if_bare(&mut self, schema: &Node, path: &Path, why: &'static str) {
        let parts = ["$ref", "allOf", "oneOf", "anyOf"];
        if parts.iter().all(|keyword| schema.get(keyword).is_none()) {
            self.gap(path, why);
        }
    }

    fn gap(&mut self, path: &Path, why: &'static str) {
        self.seen += 1;
        let gap = (path.clone(), why);
        if self.gaps.insert(gap.clone()) {
            self.fields.gaps.push(gap);
        }
    }

    /// The members that every document has at a place with these schemas.
    fn required_names(&mut self, schema: &'d Node, names: &mut BTreeSet<&'d str>, deep: usize) {
        let (Some(deeper), true) = (deep.checked_sub(1), self.take_step()) else { return };
        names.extend(schema.list("required").iter().filter_map(Node::as_text));
        if let Some(Ok(target)) = schema.text("$ref").map(|r| self.document.target(r)) {
            self.required_names(target, names, deeper);
        }
        for part in schema.list("allOf") {
            self.required_names(part, names, deeper);
        }
    }
}

/// The types of values that a schema lets stand; no objects and arrays.
fn kinds(schema: &Node) -> Vec<&str> {
    let one = schema.text("type");
    let many = schema.list("type").iter().filter_map(Node::as_text);
    let told: Vec<&str> = one.into_iter().chain(many).collect();
    if !told.is_empty() {
        let values = ["string", "number", "integer", "boolean", "file"];
        return told.into_iter().filter(|kind| values.contains(kind)).collect();
    }
    let a_value = ["format", "pattern", "enum", "const", "minLength", "maxLength"];
    if a_value.iter().any(|keyword| schema.get(keyword).is_some()) {
        return vec!["string"];
    }
    Vec::new()
}

fn is_kind(schema: &Node, kind: &str) -> bool {
    schema.text("type") == Some(kind)
        || schema.list("type").iter().any(|one| one.as_text() == Some(kind))
}

fn is_twelve_digits(pattern: &str) -> bool {
    let core = pattern.trim_start_matches('^').trim_end_matches('$');
    matches!(core, "\\d{12}" | "[0-9]{12}")
}

const BY_PLACE: &str = "its elements differ by their place: map them as `[0]`, `[1]`";

// Bounds of what is looked at, so that schemas which multiply come to an end.
const PARTS_DEEP: usize = 128;
const NAMES_DEEP: usize = 8;
const STEPS_DEEP: usize = 16;
const NAME_BYTES_MAX: usize = 128;
