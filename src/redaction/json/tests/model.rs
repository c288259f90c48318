//! What writing should do, said once more and slowly, over values of `serde_json`.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::document::{FieldId, FieldPath, Segment, Shape, Syntax};

use super::Choice;

/// The paths of a shape.
#[derive(Clone, Debug)]
pub(super) struct Model {
    fields: Vec<FieldPath>,
    subjects: Option<FieldPath>,
    subject: FieldPath,
}

/// What remains of a value.
enum Rest {
    Kept(Value),
    /// An object or array that lost everything it had.
    Lost(Value),
    Gone,
}

impl Model {
    pub(super) fn new(fields: &[&str], subjects: Option<&str>, subject: &str) -> Self {
        let path = |text: &str| FieldPath::parse(text).unwrap();
        let fields = fields.iter().map(|text| path(text)).collect();
        Self { fields, subjects: subjects.map(path), subject: path(subject) }
    }

    pub(super) fn shape(&self) -> Arc<Shape> {
        self.shape_of(Syntax::Json)
    }

    pub(super) fn shape_of(&self, syntax: Syntax) -> Arc<Shape> {
        let subjects = self.subjects.as_ref();
        Arc::new(Shape::of(syntax, &self.fields, subjects, &self.subject).unwrap())
    }

    /// The field at a place of a document.
    pub(super) fn field_at(&self, place: &str) -> Option<FieldId> {
        self.field(FieldPath::parse(place).unwrap().segments())
    }

    /// Whether any record, or the document, keeps the field.
    pub(super) fn is_kept(&self, field: FieldId, (outside, records, verdicts): &Choice) -> bool {
        let path = &self.fields[usize::from(field)];
        let in_record = self.subjects.as_ref().is_none_or(|subjects| subjects.leads_to(path));
        let mut sets = records.iter().flatten().map(|verdict| &verdicts[*verdict]);
        if in_record { sets.any(|set| set.contains(field)) } else { outside.contains(field) }
    }

    pub(super) fn redact(&self, value: &Value, choice: &Choice) -> Value {
        let mut walk = Walk { model: self, choice, place: Vec::new(), record: None, records: 0 };
        match walk.rest(value) {
            Rest::Kept(value) | Rest::Lost(value) => value,
            Rest::Gone => empty(value.is_object()),
        }
    }

    fn field(&self, place: &[Segment]) -> Option<FieldId> {
        let position = self
            .fields
            .iter()
            .position(|path| path.segments().len() == place.len() && leads(path.segments(), place));
        position.map(|position| FieldId::try_from(position).unwrap())
    }

    /// The steps that lead on from a place.
    fn onward<'a>(&'a self, place: &'a [Segment]) -> impl Iterator<Item = &'a Segment> {
        let paths = self.fields.iter().chain([&self.subject]).map(FieldPath::segments);
        paths.filter(|path| leads(path, place)).filter_map(|path| path.get(place.len()))
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
    choice: &'a Choice,
    place: Vec<Segment>,
    record: Option<usize>,
    records: usize,
}

impl Walk<'_> {
    fn rest(&mut self, value: &Value) -> Rest {
        let is_way = match value {
            Value::Object(_) => |step: &Segment| matches!(step, Segment::Name(_)),
            Value::Array(_) => |step: &Segment| !matches!(step, Segment::Name(_)),
            _ => return if self.keeps_here() { Rest::Kept(value.clone()) } else { Rest::Gone },
        };
        if !self.model.onward(&self.place).any(is_way) {
            return Rest::Gone;
        }
        if !self.is_record() {
            return self.inside(value);
        }
        self.record = Some(self.records);
        self.records += 1;
        let verdict = self.verdict();
        let rest = if verdict.is_some() { self.inside(value) } else { Rest::Gone };
        self.record = None;
        rest
    }

    fn inside(&mut self, value: &Value) -> Rest {
        let (rest, had) = match value {
            Value::Object(members) => (self.members(members), !members.is_empty()),
            Value::Array(elements) => (self.elements(elements), !elements.is_empty()),
            _ => unreachable!(),
        };
        if had && rest == empty(value.is_object()) { Rest::Lost(rest) } else { Rest::Kept(rest) }
    }

    fn members(&mut self, members: &Map<String, Value>) -> Value {
        let mut kept = Map::new();
        for (name, value) in members {
            self.place.push(Segment::Name(name.clone()));
            if let Rest::Kept(value) = self.rest(value) {
                kept.insert(name.clone(), value);
            }
            self.place.pop();
        }
        kept.into()
    }

    fn elements(&mut self, elements: &[Value]) -> Value {
        let is_number = |step: &Segment| matches!(step, Segment::Index(_));
        let is_numbered = self.model.onward(&self.place).any(is_number);
        let mut kept = Vec::new();
        for (index, value) in elements.iter().enumerate() {
            self.place.push(Segment::Index(u32::try_from(index).unwrap()));
            match self.rest(value) {
                Rest::Kept(value) if !is_numbered => kept.push(value),
                Rest::Kept(value) | Rest::Lost(value) if is_numbered => {
                    kept.resize(index, Value::Null);
                    kept.push(value);
                }
                _ => {}
            }
            self.place.pop();
        }
        kept.into()
    }

    fn is_record(&self) -> bool {
        let subjects = self.model.subjects.as_ref().map_or(&[][..], FieldPath::segments);
        subjects.len() == self.place.len() && leads(subjects, &self.place)
    }

    fn verdict(&self) -> Option<usize> {
        self.choice.1.get(self.record?).copied().flatten()
    }

    fn keeps_here(&self) -> bool {
        let (outside, _, verdicts) = self.choice;
        let set = match self.record {
            Some(_) => self.verdict().map(|verdict| &verdicts[verdict]),
            None => Some(outside),
        };
        let field = self.model.field(&self.place);
        set.zip(field).is_some_and(|(set, field)| set.contains(field))
    }
}

/// An empty object or array.
pub(super) fn empty(is_object: bool) -> Value {
    if is_object { Map::new().into() } else { Vec::<Value>::new().into() }
}

/// Every scalar of a document with its path.
pub(super) fn leaves(value: &Value) -> Vec<(String, Value)> {
    let below = |step: Segment, value: &Value| {
        let of = |(path, leaf): (String, Value)| (path.replacen('$', &format!("${step}"), 1), leaf);
        leaves(value).into_iter().map(of).collect::<Vec<_>>()
    };
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| below(Segment::Name(name.clone()), value))
            .collect(),
        Value::Array(elements) => (0..)
            .zip(elements)
            .flat_map(|(index, value)| below(Segment::Index(index), value))
            .collect(),
        scalar => vec![("$".to_owned(), scalar.clone())],
    }
}

/// Whether an object or array in the document is empty.
pub(super) fn has_empty(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.is_empty() || members.values().any(has_empty),
        Value::Array(elements) => elements.is_empty() || elements.iter().any(has_empty),
        _ => false,
    }
}

/// Writes a document with white space and escapes where the noise says so.
pub(super) fn spell(value: &Value, noise: &[u8]) -> String {
    let compact = serde_json::to_string(value).unwrap();
    let mut noise = noise.iter().chain([&255; 40]).cycle();
    let (mut text, mut in_string, mut is_escaped) = (String::new(), false, false);
    for c in compact.chars() {
        let roll = *noise.next().unwrap();
        match c {
            _ if is_escaped => text.push(c),
            'a'..='z' | 'а'..='я' if in_string && roll < 16 => {
                write!(text, "\\u{:04x}", u32::from(c)).unwrap();
            }
            '{' | '}' | '[' | ']' | ',' | ':' if !in_string && roll < 64 => {
                text.extend([['\n', ' ', '\t', '\r'][usize::from(roll & 3)], c, ' ']);
            }
            _ => text.push(c),
        }
        in_string ^= c == '"' && !is_escaped;
        is_escaped = in_string && c == '\\' && !is_escaped;
    }
    text
}

/// The members of all objects of a document, as they stand in its text, with their offsets.
pub(super) fn members(body: &str) -> Vec<(usize, &str)> {
    let (mut found, mut starts) = (Vec::new(), Vec::new());
    let (mut in_string, mut is_escaped) = (false, false);
    for (at, c) in body.char_indices() {
        match c {
            _ if in_string => {}
            '{' => starts.push(Some(at + 1)),
            '[' => starts.push(None),
            ',' | '}' | ']' => {
                if let Some(Some(start)) = starts.last() {
                    let member = body.get(*start..at).unwrap();
                    found.extend((!member.trim().is_empty()).then_some((*start, member)));
                }
                if c == ',' {
                    let in_object = starts.last().is_some_and(Option::is_some);
                    starts.pop();
                    starts.push(in_object.then_some(at + 1));
                } else {
                    starts.pop();
                }
            }
            _ => {}
        }
        in_string ^= c == '"' && !is_escaped;
        is_escaped = in_string && c == '\\' && !is_escaped;
    }
    found
}
