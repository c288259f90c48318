//! Lines of rule files: where the rule stands that decided something.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::{Serialize, Serializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::model::Policy;
use crate::diagnostic::Source;

/// A line of a rule file, written as `partners/training-gb.toml:53`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The file's path below the folder of rules.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The places of some files of a policy.
#[derive(Debug, Default)]
pub struct Origins<'p>(BTreeMap<&'p str, (&'p Source, DeTable<'p>)>);

impl<'p> Origins<'p> {
    /// The places of files, named by their paths below the folder of rules.
    #[must_use]
    pub fn of(policy: &'p Policy, files: &[&str]) -> Self {
        let read = |file: &&str| {
            let source = policy.sources.get(*file)?;
            // What loaded has no errors here.
            let (root, _) = DeTable::parse_recoverable(&source.text);
            Some((source.name.as_str(), (&**source, root.into_inner())))
        };
        Self(files.iter().filter_map(read).collect())
    }

    /// The line of a key, reached from the root by the keys before it; where one of them is
    /// missing, the line of the one before that, for there it would have to be added.
    #[must_use]
    pub fn find(&self, file: &str, way: &[Step<'_>]) -> Origin {
        let line = self.0.get(file).map_or(1, |(source, root)| {
            source.line_and_column(deepest(root, way).map_or(0, |span| span.start)).0
        });
        Origin { file: file.to_owned(), line }
    }
}

/// A step into a rule file.
#[derive(Clone, Copy, Debug)]
pub enum Step<'s> {
    /// Into a table, by a key.
    Key(&'s str),
    /// Into a list, by the position of an element, counted from 0.
    Nth(usize),
}

fn deepest(root: &DeTable<'_>, way: &[Step<'_>]) -> Option<Range<usize>> {
    let (first, rest) = way.split_first()?;
    let Step::Key(key) = first else { return None };
    let (name, value) = root.get_key_value(*key)?;
    Some(inside(value, rest).unwrap_or_else(|| name.span()))
}

fn inside(value: &Spanned<DeValue<'_>>, way: &[Step<'_>]) -> Option<Range<usize>> {
    match (value.get_ref(), way) {
        (DeValue::Table(table), [Step::Key(_), ..]) => deepest(table, way),
        (DeValue::Array(list), [Step::Nth(n), rest @ ..]) => {
            let element = list.get(*n)?;
            Some(inside(element, rest).unwrap_or_else(|| element.span()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::transfer::tests::rules;

    #[test]
    fn a_key_is_found_and_what_is_missing_where_it_would_stand() {
        let policy: Arc<Policy> = rules();
        let file = "partners/training-gb.toml";
        let places = Origins::of(&policy, &["register.toml", file]);
        let line = |file: &str, way: &[Step<'_>]| {
            let place = places.find(file, way);
            let text = policy.sources.get(file).unwrap().text.lines().nth(place.line - 1).unwrap();
            assert_eq!(place.to_string(), format!("{file}:{}", place.line));
            text.to_owned()
        };
        let key = Step::Key;
        assert!(line(file, &[key("purposes"), key("P09")]).starts_with("P09 = "));
        assert_eq!(line(file, &[key("purposes"), key("P77")]), "[purposes]");
        let route = [key("route"), Step::Nth(1), key("purposes")];
        assert_eq!(line(file, &route), "purposes = [\"P09\"]");
        assert!(places.find(file, &route).line > places.find(file, &[key("route")]).line);
        assert_eq!(line("register.toml", &[key("purpose"), key("P09")]), "[purpose.P09]");
        assert_eq!(places.find(file, &[key("nothing")]).line, 1);
        assert_eq!(places.find("partners/nobody.toml", &[key("a")]).line, 1);
    }
}
