//! Why a body is not a document.

use std::fmt;

use crate::diagnostic::Text;

/// The body is not a document: what is wrong, and where.
///
/// Holds nothing of the body: its path names only members that the shape names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at byte {offset}, in `{path}`")]
pub struct BadDocument {
    /// What is wrong.
    pub fault: Fault,
    /// Where: bytes from the start of the body.
    pub offset: usize,
    /// The place in the document; a member that the shape does not name is written `?`.
    pub path: String,
}

impl BadDocument {
    /// A fault of the document as a whole.
    pub(crate) fn whole(fault: Fault) -> Self {
        Self { fault, offset: 0, path: "$".to_owned() }
    }
}

/// What is wrong with a body.
///
/// The grammar is RFC 8259, narrowed by I-JSON (RFC 7493 §2): UTF-8 only, no surrogates and no
/// noncharacters, no member name twice in one object. A number must also lie in the range of a
/// double (RFC 7493 §2.2), since readers differ about the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// `\` before a character that it does not escape, or `\u` without four hexadecimal digits.
    BadEscape,
    /// A number in no form of RFC 8259 §6, such as `01`, `+1`, `.5` or `1.`.
    BadNumber,
    /// The body has more bytes than allowed.
    BodyTooLong,
    /// The body begins with U+FEFF.
    ByteOrderMark,
    /// A colon must stand here.
    ColonMissing,
    /// A comma or the end of the object or array must stand here.
    CommaMissing,
    /// A character below U+0020 in a string.
    ControlCharacter,
    /// The same member name twice in one object.
    DuplicateName,
    /// Nothing but white space.
    Empty,
    /// A member name has more bytes than allowed.
    KeyTooLong,
    /// Half of a surrogate pair, written as an escape.
    LoneSurrogate,
    /// A member name in double quotes must stand here.
    NameMissing,
    /// A code point that is not a character, such as U+FFFF, raw or as an escape.
    Noncharacter,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// A number beyond the range of a double.
    NumberRange,
    /// A number has more bytes than allowed.
    NumberTooLong,
    /// The document is a single string, number or literal.
    ScalarRoot,
    /// A string has more bytes than allowed.
    StringTooLong,
    /// A syntax that this program cannot read.
    SyntaxUnknown,
    /// More objects and arrays inside each other than allowed.
    TooDeep,
    /// An array has more elements than allowed.
    TooManyElements,
    /// An object has more members than allowed.
    TooManyMembers,
    /// The document has more subject records than allowed.
    TooManyRecords,
    /// The document has more mapped values than allowed.
    TooManyValues,
    /// Something follows the document.
    Trailing,
    /// The body ends inside the document.
    Truncated,
    /// A value must stand here.
    ValueMissing,
}

impl Fault {
    /// Whether the document may be well formed, but is larger than allowed.
    #[must_use]
    pub fn is_limit(self) -> bool {
        matches!(
            self,
            Self::BodyTooLong
                | Self::KeyTooLong
                | Self::NumberTooLong
                | Self::StringTooLong
                | Self::TooDeep
                | Self::TooManyElements
                | Self::TooManyMembers
                | Self::TooManyRecords
                | Self::TooManyValues
        )
    }

    /// What is wrong, in words.
    const fn words(self) -> &'static str {
        match self {
            Self::BadEscape => "bad escape",
            Self::BadNumber => "bad number",
            Self::BodyTooLong => "body too long",
            Self::ByteOrderMark => "byte order mark",
            Self::ColonMissing => "no colon after the member name",
            Self::CommaMissing => "no comma, or no closing bracket",
            Self::ControlCharacter => "control character in a string",
            Self::DuplicateName => "duplicate member name",
            Self::Empty => "empty body",
            Self::KeyTooLong => "member name too long",
            Self::LoneSurrogate => "lone surrogate",
            Self::NameMissing => "no member name",
            Self::Noncharacter => "noncharacter",
            Self::NotUtf8 => "bytes that are not UTF-8",
            Self::NumberRange => "number out of range",
            Self::NumberTooLong => "number too long",
            Self::ScalarRoot => "the document is neither an object nor an array",
            Self::StringTooLong => "string too long",
            Self::SyntaxUnknown => "a syntax that cannot be read",
            Self::TooDeep => "nested too deeply",
            Self::TooManyElements => "too many elements",
            Self::TooManyMembers => "too many members",
            Self::TooManyRecords => "too many records",
            Self::TooManyValues => "too many values",
            Self::Trailing => "bytes after the document",
            Self::Truncated => "body ends early",
            Self::ValueMissing => "no value",
        }
    }
}

impl From<Fault> for Text {
    fn from(fault: Fault) -> Self {
        fault.words().into()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl std::error::Error for Fault {}
