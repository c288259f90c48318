//! The path of a request with places for values: `/learners/{iin}`.
//!
//! Invariants:
//! - a value stands for one whole segment, never for a part of one or for several;
//! - a value that was read from a path is not empty, no dot segment, and has no `/` and no control
//!   characters, so that no path can be made of it but the one that it stood in.

use std::collections::BTreeSet;
use std::fmt;

use super::url_path;

/// A path of literal segments and places for values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Template(pub(super) Vec<Part>);

/// One segment of a template.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// These characters.
    Literal(String),
    /// Any value, by its name.
    Value(String),
}

impl Template {
    /// Reads a path whose segments are plain or `{name}`; names are `a`–`z`, then `a`–`z`, `0`–`9`
    /// and `_`, no two the same, and there are at most eight. `None` for any other text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let segments = text.strip_prefix('/').filter(|_| text.len() <= PATH_BYTES_MAX)?;
        if segments.is_empty() {
            return Some(Self(Vec::new()));
        }
        let parts: Option<Vec<Part>> = segments.split('/').map(Part::parse).collect();
        let template = Self(parts?);
        let names: BTreeSet<&str> = template.names().collect();
        let sound = names.len() == template.names().count() && names.len() <= NAMES_MAX;
        sound.then_some(template)
    }

    /// The segments.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The names of the values, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Value(name) => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }

    /// Whether it has no values.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.names().next().is_none()
    }
}

impl Part {
    fn parse(segment: &str) -> Option<Self> {
        let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            return url_path(&format!("/{segment}")).map(|_| Self::Literal(segment.to_owned()));
        };
        let is_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let fits = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(is_name);
        (fits && name.len() <= NAME_BYTES_MAX).then(|| Self::Value(name.to_owned()))
    }
}

/// The template as rule files write it.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("/");
        }
        self.0.iter().try_for_each(|part| match part {
            Part::Literal(text) => write!(f, "/{text}"),
            Part::Value(name) => write!(f, "/{{{name}}}"),
        })
    }
}

const PATH_BYTES_MAX: usize = 1024;
const NAME_BYTES_MAX: usize = 64;
const NAMES_MAX: usize = 8;
