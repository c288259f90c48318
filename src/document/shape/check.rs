//! Whether the paths of a shape contradict each other.

use std::cmp::Ordering;

use super::super::fields::FieldId;
use super::super::path::{FieldPath, Segment};
use super::BadShape;

/// How two paths stand to each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Relation {
    /// They lead to different places.
    Apart,
    /// They are the same.
    Same,
    /// The first leads through the second.
    Inside,
    /// The second leads through the first.
    Around,
    /// They part at an array, one by `[*]`, the other by number.
    Overlap,
    /// They part at an object, one by `.*`, the other by name.
    Members,
}

impl Relation {
    fn between(one: &FieldPath, other: &FieldPath) -> Self {
        if one.root() != other.root() {
            return Self::Apart;
        }
        let mut pairs = one.segments().iter().zip(other.segments());
        match pairs.find(|(one, other)| one != other) {
            Some((Segment::Every, Segment::Index(_)) | (Segment::Index(_), Segment::Every)) => {
                Self::Overlap
            }
            Some((Segment::Members, Segment::Name(_)) | (Segment::Name(_), Segment::Members)) => {
                Self::Members
            }
            Some(_) => Self::Apart,
            None if is_beside(one, other) || is_beside(other, one) => Self::Apart,
            None => match one.segments().len().cmp(&other.segments().len()) {
                Ordering::Less => Self::Around,
                Ordering::Equal => Self::Same,
                Ordering::Greater => Self::Inside,
            },
        }
    }
}

/// Whether the first is the name of a member, and the second its value or something inside of that.
fn is_beside(name: &FieldPath, value: &FieldPath) -> bool {
    name.is_key() && name != value && name.segments().len() <= value.segments().len()
}

/// The fields with their numbers.
pub(super) fn number(fields: &[FieldPath]) -> Result<Vec<(FieldId, &FieldPath)>, BadShape> {
    let id = |position| FieldId::try_from(position).map_err(|_| BadShape::TooMany);
    fields.iter().enumerate().map(|(position, path)| Ok((id(position)?, path))).collect()
}

/// Checks that no two fields contradict each other.
pub(super) fn fields(fields: &[(FieldId, &FieldPath)]) -> Result<(), BadShape> {
    for (position, (b, second)) in fields.iter().enumerate() {
        for (a, first) in fields.iter().take(position) {
            match Relation::between(first, second) {
                Relation::Apart => {}
                Relation::Same => return Err(BadShape::Twice(*a, *b)),
                Relation::Inside => return Err(BadShape::Inside(*a, *b)),
                Relation::Around => return Err(BadShape::Inside(*b, *a)),
                Relation::Overlap => return Err(BadShape::EveryAndIndex(*a, *b)),
                Relation::Members => return Err(BadShape::Members(*a, *b)),
            }
        }
    }
    Ok(())
}

/// Checks that the names of all members that `.*` stands for are mapped.
pub(super) fn keys(fields: &[(FieldId, &FieldPath)]) -> Result<(), BadShape> {
    let is_mapped = |segments: &[Segment]| {
        fields.iter().any(|(_, path)| path.is_key() && path.segments() == segments)
    };
    for (field, path) in fields {
        let segments = path.segments();
        for (end, _) in segments.iter().enumerate().filter(|(_, s)| **s == Segment::Members) {
            if !segments.get(..=end).is_some_and(is_mapped) {
                return Err(BadShape::Members(*field, *field));
            }
        }
    }
    Ok(())
}

/// Checks that a record has one subject inside of it.
pub(super) fn subject(subjects: Option<&FieldPath>, subject: &FieldPath) -> Result<(), BadShape> {
    let Some(subjects) = subjects else {
        return if subject == &FieldPath::ROOT {
            Err(BadShape::SubjectOutside)
        } else {
            check_one(subject.segments())
        };
    };
    match subject.segments().strip_prefix(subjects.segments()) {
        Some([]) if subject.is_key() => Ok(()),
        Some(below @ [_, ..]) if subject.root() == subjects.root() => check_one(below),
        Some(_) | None => Err(BadShape::SubjectOutside),
    }
}

fn check_one(segments: &[Segment]) -> Result<(), BadShape> {
    let is_many = segments.iter().any(|s| matches!(s, Segment::Every | Segment::Members));
    if is_many { Err(BadShape::SubjectMany) } else { Ok(()) }
}

/// Checks that neither the records nor their subjects contradict a field, and that a member's name
/// identifies a subject only where it is mapped.
pub(super) fn against_fields(
    fields: &[(FieldId, &FieldPath)],
    subjects: Option<&FieldPath>,
    subject: &FieldPath,
) -> Result<(), BadShape> {
    for (field, path) in fields {
        match subjects.map(|subjects| Relation::between(subjects, path)) {
            Some(Relation::Same | Relation::Inside) => {
                return Err(BadShape::SubjectsMapped(*field));
            }
            Some(Relation::Overlap) => return Err(BadShape::EveryAndIndex(*field, *field)),
            Some(Relation::Members) => return Err(BadShape::Members(*field, *field)),
            Some(Relation::Apart | Relation::Around) | None => {}
        }
        match Relation::between(subject, path) {
            Relation::Inside | Relation::Around => return Err(BadShape::SubjectInside(*field)),
            Relation::Overlap => return Err(BadShape::EveryAndIndex(*field, *field)),
            Relation::Members => return Err(BadShape::Members(*field, *field)),
            Relation::Apart | Relation::Same => {}
        }
    }
    if subject.is_key() && !fields.iter().any(|(_, path)| *path == subject) {
        return Err(BadShape::SubjectOutside);
    }
    Ok(())
}
