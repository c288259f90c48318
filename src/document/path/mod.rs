//! Field paths: the name, wildcard and index subset of JSONPath (RFC 9535), from the body or from
//! another part of a request.
//!
//! ```text
//! path    = ( "$" *segment / place 1*segment ) [ "~" ]
//! place   = "path" / "query" / "header"
//! segment = "." ( name / "*" ) / "[" ( quoted / number / "*" ) "]"
//! name    = a letter of ASCII, "_" or any character from U+0080, then those and digits;
//!           in a header also "-"
//! quoted  = a string literal of RFC 9535 §2.3.1.1, in single or double quotes
//! number  = "0" / a digit from 1 to 9, then digits; at most 4294967295
//! ```
//!
//! `.*` stands for every member of an object. Its name would leave although no rule names it, so a
//! shape takes `.*` only where the names are mapped too, by a path that ends in `~`.

use std::fmt::{self, Write as _};

use crate::diagnostic::Text;

/// The path of a field in a request, such as `$.learners[*].name.family` or `query.email`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath {
    root: Root,
    segments: Vec<Segment>,
    is_key: bool,
}

/// The part of a request that a path begins in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Root {
    /// The body: `$`.
    Body,
    /// The request's path, whose variable segments have names: `path`.
    Path,
    /// The query: `query`.
    Query,
    /// The header, by names in lower case: `header`.
    Header,
}

impl Root {
    /// Every part of a request that can hold fields.
    pub const ALL: [Self; 4] = [Self::Body, Self::Path, Self::Query, Self::Header];

    /// How a path begins that begins in it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Body => "$",
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A member of an object, by its name.
    Name(String),
    /// Every element of an array.
    Every,
    /// One element of an array, counted from 0.
    Index(u32),
    /// Every member of an object.
    Members,
}

impl FieldPath {
    /// The body itself: `$`.
    pub const ROOT: Self = Self { root: Root::Body, segments: Vec::new(), is_key: false };

    /// Reads a path.
    ///
    /// # Errors
    /// Any text outside the subset, with the byte at which it stops being a path.
    pub fn parse(text: &str) -> Result<Self, BadPath> {
        let mut reader = Reader { text, at: 0, root: Root::Body };
        reader.root()?;
        let mut segments = Vec::new();
        let mut is_key = false;
        while let Some(c) = reader.peek() {
            let can_be_key = matches!(segments.as_slice(), [] | [.., Segment::Members]);
            segments.push(match c {
                '.' => reader.dotted()?,
                '[' => reader.bracketed()?,
                '~' if can_be_key && reader.text.len() == reader.at + 1 => {
                    is_key = true;
                    break;
                }
                _ => return Err(reader.bad("`.`, `[` or the end")),
            });
        }
        let root = reader.root;
        if root != Root::Body && segments.is_empty() {
            return Err(reader.bad("`.` and a name"));
        }
        Ok(Self { root, segments, is_key })
    }

    /// The path of these steps from a part of the request.
    pub(crate) const fn of(root: Root, segments: Vec<Segment>) -> Self {
        Self { root, segments, is_key: false }
    }

    /// The part of the request that it begins in.
    #[must_use]
    pub const fn root(&self) -> Root {
        self.root
    }

    /// The steps from the root.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether it is the member's name that is meant, not its value.
    #[must_use]
    pub const fn is_key(&self) -> bool {
        self.is_key
    }

    /// This path below another: `$.learners[*]` and `$.iin` make `$.learners[*].iin`.
    ///
    /// A path that does not begin in the body stays what it is.
    #[must_use]
    pub fn below(&self, root: &Self) -> Self {
        if self.root != Root::Body {
            return self.clone();
        }
        let segments = root.segments.iter().chain(&self.segments).cloned().collect();
        Self { root: root.root, segments, is_key: self.is_key }
    }

    /// Whether the other path is this one or leads through it.
    #[must_use]
    pub fn leads_to(&self, other: &Self) -> bool {
        self.root == other.root
            && other.segments.starts_with(&self.segments)
            && (!self.is_key || self == other)
    }
}

/// The shortest form, by which a path is read back as itself.
impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.root.word())?;
        for segment in &self.segments {
            match segment {
                Segment::Name(name) if self.root == Root::Header && is_token(name) => {
                    write!(f, ".{name}")?;
                }
                segment => segment.fmt(f)?,
            }
        }
        if self.is_key { f.write_char('~') } else { Ok(()) }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) if is_plain(name) => write!(f, ".{name}"),
            Self::Name(name) => {
                f.write_str("['")?;
                name.chars().try_for_each(|c| write_quoted(f, c))?;
                f.write_str("']")
            }
            Self::Every => f.write_str("[*]"),
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Members => f.write_str(".*"),
        }
    }
}

/// The text is not a field path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", Text::from(self))]
pub struct BadPath {
    /// The byte offset in the text.
    pub at: usize,
    /// What should stand there.
    pub expected: &'static str,
}

impl From<&BadPath> for Text {
    fn from(bad: &BadPath) -> Self {
        let values = vec![bad.expected.into(), Self::value(&bad.at)];
        Self::Template("not a field path: {} expected at byte {}", values)
    }
}

/// A place in the text of a path.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    root: Root,
}

impl Reader<'_> {
    fn root(&mut self) -> Result<(), BadPath> {
        let root = Root::ALL.into_iter().find(|root| self.text.starts_with(root.word()));
        self.root = root.ok_or(self.bad("`$`, `path`, `query` or `header`"))?;
        self.at = self.root.word().len();
        Ok(())
    }

    fn dotted(&mut self) -> Result<Segment, BadPath> {
        self.eat('.');
        match self.peek() {
            Some('*') => {
                self.eat('*');
                return Ok(Segment::Members);
            }
            Some(c) if is_name_first(c) => {}
            _ => return Err(self.bad("a member's name")),
        }
        let mut name = String::new();
        let in_header = self.root == Root::Header;
        let goes_on = |c: &char| is_name(*c) || (*c == '-' && in_header);
        while let Some(c) = self.peek().filter(goes_on) {
            self.eat(c);
            name.push(c);
        }
        Ok(Segment::Name(name))
    }

    fn bracketed(&mut self) -> Result<Segment, BadPath> {
        self.eat('[');
        let segment = match self.peek() {
            Some('*') => {
                self.eat('*');
                Segment::Every
            }
            Some(quote @ ('\'' | '"')) => Segment::Name(self.quoted(quote)?),
            Some('0'..='9') => Segment::Index(self.index()?),
            _ => return Err(self.bad("`*`, a quoted name or a number counted from 0")),
        };
        if self.eat(']') { Ok(segment) } else { Err(self.bad("`]`")) }
    }

    fn index(&mut self) -> Result<u32, BadPath> {
        let start = self.at;
        let too_large = BadPath { at: start, expected: "a number up to 4294967295" };
        let mut index = 0_u32;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            if index == 0 && self.at > start {
                return Err(self.bad("`]`"));
            }
            index = index
                .checked_mul(10)
                .and_then(|tens| tens.checked_add(digit))
                .ok_or(too_large.clone())?;
            self.at += 1;
        }
        Ok(index)
    }

    fn quoted(&mut self, quote: char) -> Result<String, BadPath> {
        self.eat(quote);
        let mut name = String::new();
        loop {
            match self.peek() {
                Some(c) if c == quote => {
                    self.eat(c);
                    return Ok(name);
                }
                Some('\\') => name.push(self.escape(quote)?),
                Some(c) if c >= ' ' => {
                    self.eat(c);
                    name.push(c);
                }
                Some(_) => return Err(self.bad("an escape for the control character")),
                None => return Err(self.bad("a closing quote")),
            }
        }
    }

    fn escape(&mut self, quote: char) -> Result<char, BadPath> {
        self.eat('\\');
        let c = match self.peek() {
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some(c @ ('/' | '\\')) => c,
            Some(c) if c == quote => c,
            Some('u') => return self.unicode(),
            _ => return Err(self.bad("an escape of RFC 9535")),
        };
        self.at += 1;
        Ok(c)
    }

    fn unicode(&mut self) -> Result<char, BadPath> {
        let lone = BadPath { at: self.at, expected: "a code point that is no lone surrogate" };
        let high = self.hex()?;
        let code = match high {
            0xD800..0xDC00 => {
                if !self.eat('\\') {
                    return Err(lone);
                }
                match self.hex()? {
                    low @ 0xDC00..0xE000 => 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00),
                    _ => return Err(lone),
                }
            }
            _ => high,
        };
        char::from_u32(code).ok_or(lone)
    }

    /// Reads `u` and four hexadecimal digits.
    fn hex(&mut self) -> Result<u32, BadPath> {
        if !self.eat('u') {
            return Err(self.bad("the second half of a surrogate pair"));
        }
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|c| c.to_digit(16));
            code = code << 4 | digit.ok_or(self.bad("a hexadecimal digit"))?;
            self.at += 1;
        }
        Ok(code)
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn eat(&mut self, c: char) -> bool {
        let eats = self.peek() == Some(c);
        if eats {
            self.at += c.len_utf8();
        }
        eats
    }

    fn bad(&self, expected: &'static str) -> BadPath {
        BadPath { at: self.at, expected }
    }
}

/// Whether a name needs no quotes.
fn is_plain(name: &str) -> bool {
    name.starts_with(is_name_first) && name.chars().all(is_name)
}

/// Whether a header's name needs no quotes.
fn is_token(name: &str) -> bool {
    name.starts_with(is_name_first) && name.chars().all(|c| is_name(c) || c == '-')
}

fn is_name_first(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

fn is_name(c: char) -> bool {
    is_name_first(c) || c.is_ascii_digit()
}

/// Writes one character of a name in single quotes, as a normalized path does (RFC 9535 §2.7).
fn write_quoted(f: &mut fmt::Formatter<'_>, c: char) -> fmt::Result {
    match c {
        '\'' | '\\' => write!(f, "\\{c}"),
        '\u{8}' => f.write_str("\\b"),
        '\u{c}' => f.write_str("\\f"),
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        '\0'..' ' => write!(f, "\\u{:04x}", u32::from(c)),
        _ => f.write_char(c),
    }
}

#[cfg(test)]
mod tests;
