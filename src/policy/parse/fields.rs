//! `[route.fields]`: which members of a document are what, and whose.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::entry::{self, Known};
use super::format;
use super::table::{Item, Key, Table};
use super::treatment;
use super::way::Way;
use super::word;
use crate::diagnostic::{Text, text};
use crate::document::{BadShape, FieldId, FieldPath, FieldSet, Root, Shape, Syntax};
use crate::policy::{Field, FieldSource, OnFound, Recipient, Treatment};
use crate::time::Timestamp;
use crate::vocabulary::{CategoryId, CategorySet, Name, PurposeId};

/// A field map, checked as a whole.
pub(super) struct FieldMap {
    /// The paths, compiled.
    pub(super) shape: Arc<Shape>,
    /// The fields, in the order of the file.
    pub(super) fields: Vec<Field>,
    /// Where each field's path stands in the file.
    pub(super) spans: Vec<Range<usize>>,
    /// The fields that the partner's request cannot be written without.
    pub(super) needed: FieldSet,
}

impl FieldMap {
    /// The number of a field.
    pub(super) fn position(&self, path: &FieldPath) -> Option<FieldId> {
        let place = self.fields.iter().position(|field| field.path == *path)?;
        FieldId::try_from(place).ok()
    }
}

/// Whose the values of a document are.
pub(super) struct Whose {
    /// The subjects' records; `None` where the whole document is one subject's.
    pub(super) subjects: Option<FieldPath>,
    /// The value in a record that says whose it is, and where that stands in the file.
    pub(super) subject: Option<(FieldPath, Range<usize>)>,
    subjects_span: Range<usize>,
}

impl Whose {
    /// Reads a route's `subjects` and `subject`.
    pub(super) fn read(table: &mut Table<'_>) -> (Option<()>, Self) {
        let mut subjects_span = table.span();
        let subjects = table.optional(
            "subjects",
            "`subjects` is the path of the subjects' records, such as `$.learners[*]`; leave it \
             out where the whole request is one subject's",
            |item| {
                subjects_span = item.span();
                let path = word::path(item)?;
                if path.root() == Root::Body { Some(path) } else { item.wrong("not in the body") }
            },
        );
        let subject = table.required(
            "subject",
            "`subject` is the path, from the record, of the value that says whose it is: `$.iin`",
            |item| word::path(item).map(|path| (path, item.span())),
        );
        let sound = subjects.is_some().then_some(());
        (sound, Self { subjects: subjects.flatten(), subject, subjects_span })
    }

    // Whether records can stand where they are said to be in a body that is so written.
    fn has_records(&self, item: &Item<'_>, syntax: Option<&Syntax>) -> Option<()> {
        if let (Some(subjects), Some(syntax)) = (&self.subjects, syntax)
            && let Err((message, help)) = format::holds_records(syntax, subjects)
        {
            return item.wrong_at(self.subjects_span.clone(), message, help);
        }
        Some(())
    }

    // Whether something can say there whose a record is.
    fn has_subject(&self, item: &Item<'_>, syntax: &Syntax) -> Option<()> {
        let (subject, span) = self.subject.as_ref()?;
        let subject = subject.below(self.subjects.as_ref().unwrap_or(&FieldPath::ROOT));
        let found = match subject.root() {
            Root::Body => format::says_whose(syntax, &subject),
            _ => format::leads_into_head(&subject),
        };
        found.or_else(|(message, help)| item.wrong_at(span.clone(), message, help).ok_or(())).ok()
    }
}

/// What `fields` means.
pub(super) const MEANING: &str = "`[route.fields]` gives each path a category, \
    `\"$.learners[*].iin\" = \"D04\"`, or `public` where it is not personal; what it does not list \
    never leaves (94-V Art. 7(9))";

/// What a field map is read against, as far as it could be read.
pub(super) struct Around<'r> {
    /// Whose the values are.
    pub(super) whose: &'r Whose,
    /// How the body is written.
    pub(super) syntax: Option<&'r Syntax>,
    /// The way of the request.
    pub(super) way: &'r Way<'r>,
    /// The caller's headers that are passed on as they are.
    pub(super) headers: Option<&'r [String]>,
    /// The categories of the register.
    pub(super) known: Known<'r>,
    /// The holders of keys of their own within the partner.
    pub(super) recipients: Option<&'r BTreeMap<Name, Recipient>>,
}

impl Around<'_> {
    fn leads(&self, path: &FieldPath) -> Result<(), (Text, Text)> {
        match (path.root(), self.syntax) {
            // That there is no body is told once, not of each line.
            (Root::Body, None | Some(Syntax::Empty)) => Ok(()),
            (Root::Body, Some(syntax)) => format::leads_into(syntax, path),
            (Root::Path | Root::Query | Root::Header, _) => format::leads_into_head(path),
        }
    }

    // Of a content that nobody looks into nothing can be treated or found.
    fn can_be(&self, told: Value, key: &Key<'_>, path: &FieldPath) -> Option<Value> {
        let syntax = self.syntax.filter(|_| path.root() == Root::Body);
        let is_opaque = syntax.is_some_and(|syntax| format::is_opaque(syntax, path));
        if is_opaque && (told.found.is_some() || !told.treatment.is_keep()) {
            return key.wrong(
                "an opaque content leaves whole or not at all",
                "list all categories that it holds in `holds`, and nothing else",
            );
        }
        Some(told)
    }
}

/// Reads a field map.
pub(super) fn read(item: &Item<'_>, around: &Around<'_>) -> Option<FieldMap> {
    let whose = around.whose;
    let subjects = whose.subjects.as_ref();
    whose.has_records(item, around.syntax)?;
    let lines = item.entries(|key, item| line(key, item, around))?;
    if lines.is_empty() {
        return item.wrong("no field: nothing could leave");
    }
    let (spans, fields): (Vec<_>, Vec<_>) = lines.into_iter().unzip();
    let syntax = around.syntax?;
    let whose_is_said = whose.has_subject(item, syntax);
    let (subject, subject_span) = whose.subject.as_ref()?;
    let subject = subjects.map_or_else(|| subject.clone(), |records| subject.below(records));
    let paths: Vec<FieldPath> = fields.iter().map(|field: &Field| field.path.clone()).collect();
    let needed = around.way.needs(&fields);
    let bodiless = fields.iter().position(|field| field.path.root() == Root::Body);
    if let (Syntax::Empty, Some(span)) = (syntax, bodiless.and_then(|first| spans.get(first))) {
        let (message, help) = format::no_body();
        return item.wrong_at(span.clone(), message, help);
    }
    let fits = around.way.check(item, (&fields, &spans), whose, around.headers.unwrap_or_default());
    whose_is_said.and(fits)?;
    match Shape::of(syntax.clone(), &paths, subjects, &subject) {
        Ok(shape) => Some(FieldMap { shape: Arc::new(shape), fields, spans, needed }),
        Err(bad) => {
            let (at, help) = place(bad, &fields, &spans);
            item.wrong_at(at.unwrap_or_else(|| subject_span.clone()), bad, help)
        }
    }
}

/// Reads the fields that the partner cannot do without.
pub(super) fn required(table: &mut Table<'_>, map: Option<&FieldMap>) -> Option<Option<FieldSet>> {
    let meaning = "`required` lists paths of the field map that the partner cannot do without";
    let needed = map.map_or(FieldSet::EMPTY, |map| map.needed);
    let with_needed = |set: FieldSet| set.iter().chain(needed.iter()).collect();
    table.optional("required", meaning, |item| paths(item, map).map(with_needed))
}

/// Reads, for some of the purposes, the only fields that leave.
pub(super) fn only(
    table: &mut Table<'_>,
    map: Option<&FieldMap>,
    required: Option<FieldSet>,
    purposes: Option<&[PurposeId]>,
) -> Option<Option<BTreeMap<PurposeId, FieldSet>>> {
    let meaning = "`only` lists, for some of the route's purposes, the only fields that leave: \
        `{ P10a = [\"$.subscribers[*].email\"] }`";
    table.optional("only", meaning, |item| {
        let entries = item.entries(|key, item| {
            let id = word::purpose_key(key)?;
            let left = paths(item, map);
            if purposes.is_some_and(|served| !served.contains(&id)) {
                let help = "name one of its `purposes`";
                return key.wrong(text!("the route does not serve `{}`", id), help);
            }
            let left = left?;
            if left.is_empty() {
                return item.wrong("no field: nothing could leave");
            }
            if let Some(field) = required.and_then(|all| all.iter().find(|id| !left.contains(*id)))
            {
                let field = map.and_then(|map| map.fields.get(usize::from(field)));
                let field = field.map(|field| field.text.as_str()).unwrap_or_default();
                item.warn(
                    text!("`{}` is required and left out, so transfers are refused", field),
                    text!("add it to the list of `{}`, or remove it from `required`", id),
                );
            }
            Some((id, left))
        })?;
        Some(entries.into_iter().collect())
    })
}

fn paths(item: &Item<'_>, map: Option<&FieldMap>) -> Option<FieldSet> {
    let fields = word::distinct(item, |item| {
        let path = word::path(item)?;
        match map?.position(&path) {
            Some(field) => Some(field),
            None => item.wrong(text!("`{}` is not in the field map", path)),
        }
    })?;
    Some(fields.into_iter().collect())
}

fn line(key: &Key<'_>, item: &Item<'_>, around: &Around<'_>) -> Option<(Range<usize>, Field)> {
    let path = FieldPath::parse(key.text);
    let told = if item.is_table() {
        item.table(|table| value(table, around))
    } else {
        category(item, around.known).map(Value::plain)
    };
    let path = match path {
        Ok(path) => path,
        Err(bad) => return key.wrong(&bad, "write a path such as `$.learners[*].name`"),
    };
    if let Err((message, help)) = around.leads(&path) {
        return key.wrong(message, help);
    }
    let told = told.and_then(|told| around.can_be(told, key, &path));
    let Value { category, holds, source, treatment, found, since } = told?;
    let records = around.whose.subjects.as_ref();
    let in_record = records.is_none_or(|records| records.leads_to(&path));
    if let (Some(category), false) = (category, in_record) {
        return key.wrong(
            text!("`{}` outside of the subjects' records", category),
            "nobody's consent covers it there: map it below `subjects`, or not at all",
        );
    }
    let text = path.to_string();
    let line = key.line();
    let field =
        Field { path, text, category, holds, in_record, source, treatment, found, since, line };
    Some((key.span.clone(), field))
}

/// What a line of the map says of its path.
struct Value {
    category: Option<CategoryId>,
    holds: CategorySet,
    source: FieldSource,
    treatment: Treatment,
    found: Option<OnFound>,
    since: Option<Timestamp>,
}

impl Value {
    fn plain(category: Option<CategoryId>) -> Self {
        Self {
            category,
            holds: CategorySet::EMPTY,
            source: FieldSource::Own,
            treatment: Treatment::Keep,
            found: None,
            since: None,
        }
    }
}

fn value(table: &mut Table<'_>, around: &Around<'_>) -> Option<Value> {
    let category =
        table.required("category", "`category` is one of the register's, or `public`", |item| {
            category(item, around.known)
        });
    let personal = |item: &Item<'_>| {
        if category == Some(None) {
            return item.wrong_since(
                "a public field is asked of no consent",
                "give the field a category, or remove the key",
            );
        }
        Some(())
    };
    let meaning = "`source` is `own`, or `state` where the value came from a state system: only a \
        consent given through the state service covers it then (94-V Art. 8(1), 10(4))";
    let source = table.or(FieldSource::Own, "source", meaning, |item| {
        let source = item.one_of(&[("own", FieldSource::Own), ("state", FieldSource::State)]);
        personal(item).and(source)
    });
    let meaning = "`since` is the first day of the field: a consent given before does not cover it \
        (94-V Art. 15(2))";
    let since = table.optional("since", meaning, |item| {
        let since = word::day_start(item);
        personal(item).and(since)
    });
    let meaning = "`holds` lists other categories that the value may hold, as a remark does: it \
        leaves only where all of them may";
    let holds = table.or(CategorySet::EMPTY, "holds", meaning, |item| {
        let holds = entry::category_set(item, around.known);
        personal(item)?;
        let own = category.flatten().filter(|own| holds.is_some_and(|holds| holds.contains(*own)));
        match own {
            Some(own) => item.wrong(text!("`{}` is the field's own category", own)),
            None => holds,
        }
    });
    let is_public = category == Some(None);
    let treatment = treatment::read(table, is_public, around.recipients);
    let found = table.optional("found", treatment::FOUND, treatment::found);
    let guess = table.optional("guess", "`guess` says what a category was guessed from", |item| {
        item.wrong_since::<()>(
            text!("a guess that nobody has confirmed: {}", word::text(item)?),
            "see that the category is right, then remove `guess`",
        )
    });
    guess?;
    Some(Value {
        category: category?,
        holds: holds?,
        source: source?,
        treatment: treatment?,
        found: found?,
        since: since?,
    })
}

fn category(item: &Item<'_>, known: Known<'_>) -> Option<Option<CategoryId>> {
    if item.text()? == "public" {
        return Some(None);
    }
    let id = word::category(item)?;
    entry::known_category(item, id, known).map(Some)
}

// Of two lines that contradict each other the later one is shown, and the help names the other.
fn place(bad: BadShape, fields: &[Field], spans: &[Range<usize>]) -> (Option<Range<usize>>, Text) {
    let span = |field: FieldId| spans.get(usize::from(field)).cloned();
    match bad {
        BadShape::Members(a, b) if a == b => {
            (span(a), "map the names too: `\"$.scores.*~\" = \"D04\"`".into())
        }
        BadShape::EveryAndIndex(a, b) if a == b => {
            (span(a), "`subjects` or `subject` addresses that array the other way".into())
        }
        BadShape::Twice(a, b)
        | BadShape::Inside(a, b)
        | BadShape::Members(a, b)
        | BadShape::EveryAndIndex(a, b) => {
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
