//! Field paths: the name, wildcard and index subset of JSONPath (RFC 9535).
//!
//! ```text
//! path    = "$" *segment
//! segment = "." name / "[" ( quoted / number / "*" ) "]"
//! name    = a letter of ASCII, "_" or any character from U+0080, then those and digits
//! quoted  = a string literal of RFC 9535 §2.3.1.1, in single or double quotes
//! number  = "0" / a digit from 1 to 9, then digits; at most 4294967295
//! ```
//!
//! There is no `.*`: a wildcard over members would let members through that no rule names.

use std::fmt::{self, Write as _};

use crate::diagnostic::Text;

/// The path of a field in a document, such as `$.learners[*].name.family`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Vec<Segment>);

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A member of an object, by its name.
    Name(String),
    /// Every element of an array.
    Every,
    /// One element of an array, counted from 0.
    Index(u32),
}

impl FieldPath {
    /// The document itself: `$`.
    pub const ROOT: Self = Self(Vec::new());

    /// Reads a path.
    ///
    /// # Errors
    /// Any text outside the subset, with the byte at which it stops being a path.
    pub fn parse(text: &str) -> Result<Self, BadPath> {
        let mut reader = Reader { text, at: 0 };
        if !reader.eat('$') {
            return Err(reader.bad("`$`"));
        }
        let mut segments = Vec::new();
        while let Some(c) = reader.peek() {
            segments.push(match c {
                '.' => reader.dotted()?,
                '[' => reader.bracketed()?,
                _ => return Err(reader.bad("`.`, `[` or the end")),
            });
        }
        Ok(Self(segments))
    }

    /// The steps from the root.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// This path below another: `$.learners[*]` and `$.iin` make `$.learners[*].iin`.
    #[must_use]
    pub fn below(&self, root: &Self) -> Self {
        Self(root.0.iter().chain(&self.0).cloned().collect())
    }

    /// Whether the other path is this one or leads through it.
    #[must_use]
    pub fn leads_to(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
}

/// The shortest form, by which a path is read back as itself.
impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('$')?;
        self.0.iter().try_for_each(|segment| segment.fmt(f))
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
}

impl Reader<'_> {
    fn dotted(&mut self) -> Result<Segment, BadPath> {
        self.eat('.');
        match self.peek() {
            Some('*') => return Err(self.bad("a member's name, since `.*` is not allowed,")),
            Some(c) if is_name_first(c) => {}
            _ => return Err(self.bad("a member's name")),
        }
        let mut name = String::new();
        while let Some(c) = self.peek().filter(|c| is_name(*c)) {
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
