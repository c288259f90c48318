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
}

impl Relation {
    fn between(one: &FieldPath, other: &FieldPath) -> Self {
        let mut pairs = one.segments().iter().zip(other.segments());
        match pairs.find(|(one, other)| one != other) {
            Some((Segment::Every, Segment::Index(_)) | (Segment::Index(_), Segment::Every)) => {
                Self::Overlap
            }
            Some(_) => Self::Apart,
            None => match one.segments().len().cmp(&other.segments().len()) {
                Ordering::Less => Self::Around,
                Ordering::Equal => Self::Same,
                Ordering::Greater => Self::Inside,
            },
        }
    }
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
            }
        }
    }
    Ok(())
}

/// Checks that a record has one subject inside of it.
pub(super) fn subject(subjects: &FieldPath, subject: &FieldPath) -> Result<(), BadShape> {
    match subject.segments().strip_prefix(subjects.segments()) {
        None | Some([]) => Err(BadShape::SubjectOutside),
        Some(below) if below.contains(&Segment::Every) => Err(BadShape::SubjectMany),
        Some(_) => Ok(()),
    }
}

/// Checks that neither the records nor their subjects contradict a field.
pub(super) fn against_fields(
    fields: &[(FieldId, &FieldPath)],
    subjects: &FieldPath,
    subject: &FieldPath,
) -> Result<(), BadShape> {
    for (field, path) in fields {
        match Relation::between(subjects, path) {
            Relation::Same | Relation::Inside => return Err(BadShape::SubjectsMapped(*field)),
            Relation::Overlap => return Err(BadShape::EveryAndIndex(*field, *field)),
            Relation::Apart | Relation::Around => {}
        }
        match Relation::between(subject, path) {
            Relation::Inside | Relation::Around => return Err(BadShape::SubjectInside(*field)),
            Relation::Overlap => return Err(BadShape::EveryAndIndex(*field, *field)),
            Relation::Apart | Relation::Same => {}
        }
    }
    Ok(())
}
