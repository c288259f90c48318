//! `[route.fields]`: which members of a document are what, and whose.

use std::ops::Range;

use super::entry;
use super::table::{Item, Key, Table};
use super::word;
use crate::diagnostic::{Text, text};
use crate::document::{BadShape, FieldId, FieldPath, FieldSet, Shape};
use crate::policy::model::{Field, FieldSource, Register};
use crate::vocabulary::CategoryId;

/// A field map, checked as a whole.
pub(super) struct FieldMap {
    /// The paths, compiled.
    pub(super) shape: Shape,
    /// The fields, in the order of the file.
    pub(super) fields: Vec<Field>,
    /// Where each field's path stands in the file.
    pub(super) spans: Vec<Range<usize>>,
    /// The fields that the partner cannot do without.
    pub(super) required: FieldSet,
}

/// Reads a route's `subject`, `fields` and `required`.
pub(super) fn read(
    table: &mut Table<'_>,
    subjects: Option<&FieldPath>,
    register: Option<&Register>,
) -> Option<FieldMap> {
    let subject = table.required(
        "subject",
        "`subject` is the path, from the record, of the value that says whose it is: `$.iin`",
        |item| word::path(item).map(|path| (path, item.span())),
    );
    let meaning = "`[route.fields]` gives each path a category, `\"$.learners[*].iin\" = \"D04\"`, \
        or `public` where it is not personal; what it does not list never leaves (94-V Art. 7(9))";
    let fields = table.required("fields", meaning, |item| {
        let lines = item.entries(|key, item| line(key, item, subjects, register))?;
        if lines.is_empty() {
            return item.wrong("no field: nothing could leave");
        }
        let (spans, fields): (Vec<_>, Vec<_>) = lines.into_iter().unzip();
        let (subject, subject_span) = subject?;
        let whose = subjects.map_or_else(|| subject.clone(), |records| subject.below(records));
        let paths: Vec<FieldPath> = fields.iter().map(|field: &Field| field.path.clone()).collect();
        match Shape::compile(&paths, subjects, &whose) {
            Ok(shape) => Some((shape, fields, spans)),
            Err(bad) => {
                let (at, help) = place(bad, &fields, &spans);
                let at = at.unwrap_or(subject_span);
                item.wrong_at(at, bad, help)
            }
        }
    });
    let required = required(table, fields.as_ref().map(|(_, fields, _)| fields.as_slice()));
    let (shape, fields, spans) = fields?;
    Some(FieldMap { shape, fields, spans, required: required? })
}

fn line(
    key: &Key<'_>,
    item: &Item<'_>,
    subjects: Option<&FieldPath>,
    register: Option<&Register>,
) -> Option<(Range<usize>, Field)> {
    let path = match FieldPath::parse(key.text) {
        Ok(path) => path,
        Err(bad) => return key.wrong(&bad, "write a path such as `$.learners[*].name`"),
    };
    let category = category(item, register)?;
    let in_record = subjects.is_none_or(|records| records.leads_to(&path));
    if let (Some(category), false) = (category, in_record) {
        return key.wrong(
            text!("`{}` outside of the subjects' records", category),
            "nobody's consent covers it there: map it below `subjects`, or not at all",
        );
    }
    let text = path.to_string();
    Some((
        key.span.clone(),
        Field { path, text, category, in_record, source: FieldSource::Own, since: None, line: 0 },
    ))
}

fn category(item: &Item<'_>, register: Option<&Register>) -> Option<Option<CategoryId>> {
    if item.text()? == "public" {
        return Some(None);
    }
    let id = word::category(item)?;
    entry::known_category(item, id, register.map(|register| &register.categories)).map(Some)
}

fn required(table: &mut Table<'_>, fields: Option<&[Field]>) -> Option<FieldSet> {
    let meaning = "`required` lists paths of the field map that the partner cannot do without";
    table.or(FieldSet::EMPTY, "required", meaning, |item| {
        let paths = word::distinct(item, |item| {
            let path = word::path(item)?;
            let place = fields?.iter().position(|field| field.path == path);
            match place.and_then(|place| FieldId::try_from(place).ok()) {
                Some(field) => Some(field),
                None => item.wrong(text!("`{}` is not in the field map", path)),
            }
        })?;
        let mut set = FieldSet::EMPTY;
        for field in paths {
            set.insert(field);
        }
        Some(set)
    })
}

// Of two lines that contradict each other the later one is shown, and the help names the other.
fn place(bad: BadShape, fields: &[Field], spans: &[Range<usize>]) -> (Option<Range<usize>>, Text) {
    let span = |field: FieldId| spans.get(usize::from(field)).cloned();
    match bad {
        BadShape::EveryAndIndex(a, b) if a == b => {
            (span(a), "`subjects` or `subject` addresses that array the other way".into())
        }
        BadShape::Twice(a, b) | BadShape::Inside(a, b) | BadShape::EveryAndIndex(a, b) => {
            let other = fields.get(usize::from(a.min(b)));
            let other = other.map(|field| field.text.as_str()).unwrap_or_default();
            (span(a.max(b)), text!("it contradicts `{}`: keep one of the two", other))
        }
        BadShape::SubjectInside(field) => {
            (span(field), "map what lies beside the identifying value, or that value itself".into())
        }
        BadShape::SubjectsMapped(field) => {
            (span(field), "map the members of a record, not the record".into())
        }
        BadShape::SubjectOutside | BadShape::SubjectMany => {
            (None, "`subject` is one value of each record, such as `$.iin`".into())
        }
        BadShape::TooMany => (spans.last().cloned(), "split the route".into()),
    }
}
