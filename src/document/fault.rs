//! Why a body is not a document.

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

/// What is wrong with a body.
///
/// The grammar is RFC 8259, narrowed by I-JSON (RFC 7493 §2): UTF-8 only, no surrogates and no
/// noncharacters, no member name twice in one object. A number must also lie in the range of a
/// double (RFC 7493 §2.2), since readers differ about the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    /// `\` before a character that it does not escape, or `\u` without four hexadecimal digits.
    #[error("bad escape")]
    BadEscape,
    /// A number in no form of RFC 8259 §6, such as `01`, `+1`, `.5` or `1.`.
    #[error("bad number")]
    BadNumber,
    /// The body has more bytes than allowed.
    #[error("body too long")]
    BodyTooLong,
    /// The body begins with U+FEFF.
    #[error("byte order mark")]
    ByteOrderMark,
    /// A colon must stand here.
    #[error("no colon after the member name")]
    ColonMissing,
    /// A comma or the end of the object or array must stand here.
    #[error("no comma, or no closing bracket")]
    CommaMissing,
    /// A character below U+0020 in a string.
    #[error("control character in a string")]
    ControlCharacter,
    /// The same member name twice in one object.
    #[error("duplicate member name")]
    DuplicateName,
    /// Nothing but white space.
    #[error("empty body")]
    Empty,
    /// A member name has more bytes than allowed.
    #[error("member name too long")]
    KeyTooLong,
    /// Half of a surrogate pair, written as an escape.
    #[error("lone surrogate")]
    LoneSurrogate,
    /// A member name in double quotes must stand here.
    #[error("no member name")]
    NameMissing,
    /// A code point that is not a character, such as U+FFFF, raw or as an escape.
    #[error("noncharacter")]
    Noncharacter,
    /// Bytes that are not UTF-8.
    #[error("bytes that are not UTF-8")]
    NotUtf8,
    /// A number beyond the range of a double.
    #[error("number out of range")]
    NumberRange,
    /// A number has more bytes than allowed.
    #[error("number too long")]
    NumberTooLong,
    /// The document is a single string, number or literal.
    #[error("the document is neither an object nor an array")]
    ScalarRoot,
    /// A string has more bytes than allowed.
    #[error("string too long")]
    StringTooLong,
    /// More objects and arrays inside each other than allowed.
    #[error("nested too deeply")]
    TooDeep,
    /// An array has more elements than allowed.
    #[error("too many elements")]
    TooManyElements,
    /// An object has more members than allowed.
    #[error("too many members")]
    TooManyMembers,
    /// The document has more subject records than allowed.
    #[error("too many records")]
    TooManyRecords,
    /// The document has more mapped values than allowed.
    #[error("too many values")]
    TooManyValues,
    /// Something follows the document.
    #[error("bytes after the document")]
    Trailing,
    /// The body ends inside the document.
    #[error("body ends early")]
    Truncated,
    /// A value must stand here.
    #[error("no value")]
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
}
