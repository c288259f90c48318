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
    /// A character that XML does not allow, raw or as a reference.
    BadCharacter,
    /// `--` in a comment.
    BadComment,
    /// An XML declaration in no form of XML 1.0 §2.8, of another version, or elsewhere than at
    /// the start.
    BadDeclaration,
    /// `\` before a character that it does not escape, or `\u` without four hexadecimal digits.
    BadEscape,
    /// A name with a character that cannot stand there, or none.
    BadName,
    /// A reserved prefix or namespace is misused, or a prefix is declared without a namespace.
    BadNamespace,
    /// A number in no form of RFC 8259 §6, such as `01`, `+1`, `.5` or `1.`.
    BadNumber,
    /// A line in the header of a part that is in no form of RFC 2046 or RFC 7578, or folded.
    BadPartHead,
    /// `%` without two hexadecimal digits after it.
    BadPercent,
    /// `&` that begins no reference.
    BadReference,
    /// A tag in no form of XML 1.0 §3.1.
    BadTag,
    /// A carriage return in a CSV table without a line feed after it.
    BareReturn,
    /// The body has more bytes than allowed.
    BodyTooLong,
    /// The boundary where it does not divide two parts.
    BoundaryInside,
    /// The boundary must stand here.
    BoundaryMissing,
    /// The body begins with U+FEFF.
    ByteOrderMark,
    /// A colon must stand here.
    ColonMissing,
    /// A comma or the end of the object or array must stand here.
    CommaMissing,
    /// A character below U+0020 in a string.
    ControlCharacter,
    /// A document type declaration.
    DoctypeFound,
    /// The same attribute twice in one tag.
    DuplicateAttribute,
    /// The same member name twice in one object.
    DuplicateName,
    /// Nothing but white space.
    Empty,
    /// An empty line between lines.
    EmptyLine,
    /// A column, or a name of a form or query, without a character.
    EmptyName,
    /// The XML declaration names another encoding than the one that the body has.
    EncodingMismatch,
    /// `=` must stand between a name of a form or query and its value.
    EqualsMissing,
    /// A member name has more bytes than allowed.
    KeyTooLong,
    /// Half of a surrogate pair, written as an escape.
    LoneSurrogate,
    /// A line of a CSV table that ends otherwise than its header row.
    MixedLineEnds,
    /// A member name in double quotes must stand here.
    NameMissing,
    /// A code point that is not a character, such as U+FFFF, raw or as an escape.
    Noncharacter,
    /// The document of a record stream is not an array.
    NotAnArray,
    /// Bytes that are no text of the declared charset.
    NotOfCharset,
    /// The root is no SOAP envelope.
    NotSoap,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// A number beyond the range of a double.
    NumberRange,
    /// A number has more bytes than allowed.
    NumberTooLong,
    /// Content that is not what it is said to be, or more than that, or encrypted.
    OtherContent,
    /// A part in a charset other than UTF-8.
    PartCharset,
    /// A part in a transfer encoding, such as base64.
    PartEncoded,
    /// The header of a part has more bytes than allowed.
    PartHeadTooLong,
    /// The same header field twice in one part.
    PartHeaderTwice,
    /// A header field that a part may not have.
    PartHeaderUnknown,
    /// The length that a part states is not its length.
    PartLength,
    /// The name of a part holds an escape that readers read in different ways.
    PartNameAmbiguous,
    /// A part of a form without a name.
    PartNameMissing,
    /// The media type of a part is not that of the syntax that the rules declare.
    PartType,
    /// A double quote in a CSV cell that does not begin with one.
    QuoteInCell,
    /// A CSV cell that begins with a double quote and has no closing one.
    QuoteOpen,
    /// A character of a form or query that must be percent-encoded.
    RawCharacter,
    /// A record of a stream has more bytes than a part may have.
    RecordTooLong,
    /// An element stands again where rules expect one.
    RepeatedElement,
    /// A name of a form or query once more, where no rule says `[*]`.
    RepeatedName,
    /// A row of a CSV table has more cells than its header row.
    RowTooLong,
    /// A row of a CSV table has fewer cells than its header row.
    RowTooShort,
    /// The document is a single string, number or literal.
    ScalarRoot,
    /// `]]>` in a text.
    SectionEnd,
    /// A CSV table begins with a line such as `sep=;`.
    SeparatorLine,
    /// A SOAP envelope holds something else than one body after at most one header.
    SoapFrame,
    /// A processing instruction in a SOAP message.
    SoapInstruction,
    /// An envelope of another version of SOAP.
    SoapVersion,
    /// A string has more bytes than allowed.
    StringTooLong,
    /// A syntax that this program cannot read.
    SyntaxUnknown,
    /// `<` in the value of an attribute.
    TagInAttribute,
    /// An end tag that is not the one of the element.
    TagMismatch,
    /// Text in a CSV cell after its closing quote.
    TextAfterQuote,
    /// The mapped text of an element has elements between its pieces.
    TextInPieces,
    /// Text before the root element.
    TextOutside,
    /// More objects and arrays inside each other than allowed.
    TooDeep,
    /// A tag has more attributes than allowed.
    TooManyAttributes,
    /// An array has more elements than allowed.
    TooManyElements,
    /// An object has more members than allowed.
    TooManyMembers,
    /// More namespaces are declared at one place than allowed.
    TooManyNamespaces,
    /// The body has more parts than allowed.
    TooManyParts,
    /// The document has more subject records than allowed.
    TooManyRecords,
    /// The document has more mapped values than allowed.
    TooManyValues,
    /// Something follows the document.
    Trailing,
    /// The body ends inside the document.
    Truncated,
    /// A prefix that is not declared.
    UnboundPrefix,
    /// A reference to an entity that XML does not define.
    UnknownEntity,
    /// The root is no element that the rules name.
    UnknownRoot,
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
                | Self::PartHeadTooLong
                | Self::RecordTooLong
                | Self::StringTooLong
                | Self::TooDeep
                | Self::TooManyAttributes
                | Self::TooManyElements
                | Self::TooManyMembers
                | Self::TooManyNamespaces
                | Self::TooManyParts
                | Self::TooManyRecords
                | Self::TooManyValues
        )
    }

    /// What is wrong, in words.
    const fn words(self) -> &'static str {
        match self {
            Self::BadCharacter => "character that XML does not allow",
            Self::BadComment => "`--` in a comment",
            Self::BadDeclaration => "bad XML declaration",
            Self::BadEscape => "bad escape",
            Self::BadName => "bad name",
            Self::BadNamespace => "bad namespace declaration",
            Self::BadNumber => "bad number",
            Self::BadPartHead => "bad header of a part",
            Self::BadPercent => "`%` without two hexadecimal digits",
            Self::BadReference => "bad reference",
            Self::BadTag => "bad tag",
            Self::BareReturn => "carriage return without a line feed",
            Self::BodyTooLong => "body too long",
            Self::BoundaryInside => "boundary inside of a part",
            Self::BoundaryMissing => "no boundary",
            Self::ByteOrderMark => "byte order mark",
            Self::ColonMissing => "no colon after the member name",
            Self::CommaMissing => "no comma, or no closing bracket",
            Self::ControlCharacter => "control character in a string",
            Self::DoctypeFound => "document type declaration",
            Self::DuplicateAttribute => "duplicate attribute",
            Self::DuplicateName => "duplicate member name",
            Self::Empty => "empty body",
            Self::EmptyLine => "empty line",
            Self::EmptyName => "empty name",
            Self::EncodingMismatch => "another encoding than the XML declaration says",
            Self::EqualsMissing => "no `=` after the name",
            Self::KeyTooLong => "member name too long",
            Self::LoneSurrogate => "lone surrogate",
            Self::MixedLineEnds => "line ends differ",
            Self::NameMissing => "no member name",
            Self::Noncharacter => "noncharacter",
            Self::NotAnArray => "the document is not an array",
            Self::NotOfCharset => "bytes that are not of the declared charset",
            Self::NotSoap => "not a SOAP envelope",
            Self::NotUtf8 => "bytes that are not UTF-8",
            Self::NumberRange => "number out of range",
            Self::NumberTooLong => "number too long",
            Self::OtherContent => "content is not of the type that it is said to be",
            Self::PartCharset => "part not in UTF-8",
            Self::PartEncoded => "encoded part",
            Self::PartHeadTooLong => "header of a part too long",
            Self::PartHeaderTwice => "header field of a part twice",
            Self::PartHeaderUnknown => "unknown header field of a part",
            Self::PartLength => "wrong length of a part",
            Self::PartNameAmbiguous => "ambiguous name of a part",
            Self::PartNameMissing => "part without a name",
            Self::PartType => "a part is of another type than declared",
            Self::QuoteInCell => "quote in an unquoted cell",
            Self::QuoteOpen => "quoted cell without a closing quote",
            Self::RawCharacter => "character that must be percent-encoded",
            Self::RecordTooLong => "record too long",
            Self::RepeatedElement => "repeated element",
            Self::RepeatedName => "repeated name",
            Self::RowTooLong => "more cells than columns",
            Self::RowTooShort => "fewer cells than columns",
            Self::ScalarRoot => "the document is neither an object nor an array",
            Self::SectionEnd => "`]]>` in a text",
            Self::SeparatorLine => "`sep=` line",
            Self::SoapFrame => "bad SOAP envelope",
            Self::SoapInstruction => "processing instruction in a SOAP message",
            Self::SoapVersion => "another version of SOAP",
            Self::StringTooLong => "string too long",
            Self::SyntaxUnknown => "a syntax that cannot be read",
            Self::TagInAttribute => "`<` in an attribute",
            Self::TagMismatch => "end tag of another element",
            Self::TextAfterQuote => "text after a closing quote",
            Self::TextInPieces => "text in several pieces",
            Self::TextOutside => "text outside of the root element",
            Self::TooDeep => "nested too deeply",
            Self::TooManyAttributes => "too many attributes",
            Self::TooManyElements => "too many elements",
            Self::TooManyMembers => "too many members",
            Self::TooManyNamespaces => "too many namespace declarations",
            Self::TooManyParts => "too many parts",
            Self::TooManyRecords => "too many records",
            Self::TooManyValues => "too many values",
            Self::Trailing => "bytes after the document",
            Self::Truncated => "body ends early",
            Self::UnboundPrefix => "prefix without a namespace",
            Self::UnknownEntity => "unknown entity",
            Self::UnknownRoot => "root element that the rules do not name",
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
