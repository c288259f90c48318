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
pub struct Template(Vec<Part>);

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
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let segments = text.strip_prefix('/').filter(|_| text.len() <= PATH_BYTES_MAX)?;
        if segments.is_empty() {
            return Some(Self::literal(text));
        }
        let parts: Option<Vec<Part>> = segments.split('/').map(Part::parse).collect();
        let template = Self(parts?);
        let names: BTreeSet<&str> = template.names().collect();
        let sound = names.len() == template.names().count() && names.len() <= NAMES_MAX;
        sound.then_some(template)
    }

    /// A plain path, without values.
    pub(super) fn literal(path: &str) -> Self {
        Self(segments(path).map(|segment| Part::Literal(segment.to_owned())).collect())
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

    /// The values of a request's path, decoded, with their names.
    ///
    /// `None` where the path is another one, or a value is empty, a dot segment, no UTF-8 behind
    /// its percent signs, or has a `/` or a control character.
    #[must_use]
    pub fn values(&self, path: &str) -> Option<Vec<(String, String)>> {
        let mut segments = segments(path);
        let mut values = Vec::new();
        for part in &self.0 {
            let segment = segments.next()?;
            match part {
                Part::Literal(text) if text == segment => {}
                Part::Literal(_) => return None,
                Part::Value(name) => values.push((name.clone(), decode(segment)?)),
            }
        }
        segments.next().is_none().then_some(values)
    }

    /// The path with these values in their places, each character but the unreserved ones of RFC
    /// 3986 encoded. `None` where a value is missing or could make another path.
    #[must_use]
    pub fn fill<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> Option<String> {
        let mut path = String::new();
        for part in &self.0 {
            path.push('/');
            match part {
                Part::Literal(text) => path.push_str(text),
                Part::Value(name) => encode(sound(value(name)?)?, &mut path),
            }
        }
        Some(if path.is_empty() { "/".to_owned() } else { path })
    }
}

impl Part {
    fn parse(segment: &str) -> Option<Self> {
        let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            let path = format!("/{segment}");
            let is_plain = !segment.is_empty() && url_path(&path).is_some();
            return is_plain.then(|| Self::Literal(segment.to_owned()));
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

/// The segments of a path; `/` has none.
pub(super) fn segments(path: &str) -> impl Iterator<Item = &str> {
    let below = path.strip_prefix('/').unwrap_or(path);
    below.split('/').take(if below.is_empty() { 0 } else { usize::MAX })
}

/// The value in a segment (RFC 3986 section 2.1), where it is sound.
fn decode(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            b'{' | b'}' => return None,
            _ => byte,
        });
    }
    let text = String::from_utf8(bytes).ok()?;
    sound(&text)?;
    Some(text)
}

fn sound(value: &str) -> Option<&str> {
    let breaks_out = |c: char| c == '/' || c.is_control();
    (!matches!(value, "" | "." | "..") && !value.contains(breaks_out)).then_some(value)
}

fn encode(value: &str, path: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            let digit = |nibble| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
            let digits = [digit(byte >> 4), digit(byte & 15)];
            path.push('%');
            path.extend(digits.map(|digit| digit.to_ascii_uppercase()));
        }
    }
}

fn hex(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

const PATH_BYTES_MAX: usize = 1024;
const NAME_BYTES_MAX: usize = 64;
const NAMES_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Template {
        Template::parse(text).unwrap()
    }

    #[test]
    fn a_value_is_a_whole_segment_with_a_name_of_its_own() {
        for text in ["/", "/a/b.c", "/{a}", "/learners/{iin}/results/{no_2}"] {
            assert_eq!(template(text).to_string(), text);
        }
        let nine = "/{v1}/{v2}/{v3}/{v4}/{v5}/{v6}/{v7}/{v8}/{v9}";
        for text in [
            "", "a", "/a/", "//", "/{}", "/{A}", "/{1}", "/x{a}", "/{a}x", "/{a}/{a}", "/{a",
            "/a}", "/{a-b}", "/%41", "/..", nine,
        ] {
            assert_eq!(Template::parse(text), None, "{text}");
        }
        assert_eq!(template("/learners/{iin}/{b}").names().collect::<Vec<_>>(), ["iin", "b"]);
    }

    #[test]
    fn values_come_out_of_a_path_as_they_went_in() {
        let route = template("/learners/{iin}/{name}");
        for (iin, name) in
            [("580101100015", "a"), ("a@b.kz", "Әлия Б"), ("%", "..."), ("a;b+c", "\u{10ffff}\\")]
        {
            let path = route.fill(|key| Some(if key == "iin" { iin } else { name })).unwrap();
            assert!(path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-._~%".contains(&b)));
            let values = route.values(&path).unwrap();
            assert_eq!(values, [("iin", iin), ("name", name)].map(|(k, v)| (k.into(), v.into())));
        }
        assert_eq!(template("/").values("/"), Some(Vec::new()));
        assert_eq!(template("/").fill(|_| None).as_deref(), Some("/"));
        assert_eq!(route.fill(|key| (key == "iin").then_some("1")), None);
    }

    #[test]
    fn what_could_be_another_path_is_no_value() {
        let route = template("/learners/{iin}");
        for path in [
            "/learners",
            "/learners/",
            "/learners/1/",
            "/learners/1/2",
            "/Learners/1",
            "/learners/%2e%2e",
            "/learners/%2E",
            "/learners/..",
            "/learners/a%2fb",
            "/learners/a%00",
            "/learners/a%0a",
            "/learners/%c2%85",
            "/learners/%ff",
            "/learners/%c0%af",
            "/learners/%",
            "/learners/%4",
            "/learners/%zz",
            "/learners/%+1",
            "/learners/{iin}",
        ] {
            assert_eq!(route.values(path), None, "{path}");
        }
        for value in ["", ".", "..", "a/b", "\u{1}", "\u{7f}"] {
            assert_eq!(route.fill(|_| Some(value)), None, "{value:?}");
        }
    }
}
