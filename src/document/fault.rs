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

/// Makes the type of the faults, and their words, from the list.
macro_rules! faults {
    ($($(#[$doc:meta])+ $name:ident $words:literal,)+) => {
        /// What is wrong with a body.
        ///
        /// JSON is RFC 8259, narrowed by I-JSON (RFC 7493 §2): UTF-8 only, no surrogates and no
        /// noncharacters, no member name twice in one object. A number must also lie in the range
        /// of a double (RFC 7493 §2.2), since readers differ about the others. XML is XML 1.0
        /// (fifth edition) with Namespaces (third edition), without document type declarations.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Fault {
            $($(#[$doc])+ $name,)+
        }

        impl Fault {
            /// What is wrong, in words.
            const fn words(self) -> &'static str {
                match self {
                    $(Self::$name => $words,)+
                }
            }
        }
    };
}

faults! {
    /// A character that XML does not allow, raw or as a reference.
    BadCharacter "character that XML does not allow",
    /// `--` in a comment.
    BadComment "`--` in a comment",
    /// An XML declaration in no form of XML 1.0 §2.8, of another version, or elsewhere than at
    /// the start.
    BadDeclaration "bad XML declaration",
    /// `\` before a character that it does not escape, or `\u` without four hexadecimal digits.
    BadEscape "bad escape",
    /// A name with a character that cannot stand there, or none.
    BadName "bad name",
    /// A reserved prefix or namespace is misused, or a prefix is declared without a namespace.
    BadNamespace "bad namespace declaration",
    /// A number in no form of RFC 8259 §6, such as `01`, `+1`, `.5` or `1.`.
    BadNumber "bad number",
    /// A line in the header of a part that is in no form of RFC 2046 or RFC 7578, or folded.
    BadPartHead "bad header of a part",
    /// `%` without two hexadecimal digits after it.
    BadPercent "`%` without two hexadecimal digits",
    /// `&` that begins no reference.
    BadReference "bad reference",
    /// A tag in no form of XML 1.0 §3.1.
    BadTag "bad tag",
    /// A carriage return in a CSV table without a line feed after it.
    BareReturn "carriage return without a line feed",
    /// The body has more bytes than allowed.
    BodyTooLong "body too long",
    /// The boundary where it does not divide two parts.
    BoundaryInside "boundary inside of a part",
    /// The boundary must stand here.
    BoundaryMissing "no boundary",
    /// The body begins with U+FEFF.
    ByteOrderMark "byte order mark",
    /// A colon must stand here.
    ColonMissing "no colon after the member name",
    /// A comma or the end of the object or array must stand here.
    CommaMissing "no comma, or no closing bracket",
    /// A character below U+0020 in a string.
    ControlCharacter "control character in a string",
    /// A document type declaration.
    DoctypeFound "document type declaration",
    /// The same attribute twice in one tag.
    DuplicateAttribute "duplicate attribute",
    /// The same member name twice in one object.
    DuplicateName "duplicate member name",
    /// Nothing but white space.
    Empty "empty body",
    /// An empty line between lines.
    EmptyLine "empty line",
    /// A column, or a name of a form or query, without a character.
    EmptyName "empty name",
    /// The XML declaration names another encoding than the one that the body has.
    EncodingMismatch "another encoding than the XML declaration says",
    /// `=` must stand between a name of a form or query and its value.
    EqualsMissing "no `=` after the name",
    /// A member name has more bytes than allowed.
    KeyTooLong "member name too long",
    /// Half of a surrogate pair, written as an escape.
    LoneSurrogate "lone surrogate",
    /// A line of a CSV table that ends otherwise than its header row.
    MixedLineEnds "line ends differ",
    /// A member name in double quotes must stand here.
    NameMissing "no member name",
    /// A code point that is not a character, such as U+FFFF, raw or as an escape.
    Noncharacter "noncharacter",
    /// The document of a record stream is not an array.
    NotAnArray "the document is not an array",
    /// Bytes that are no text of the declared charset.
    NotOfCharset "bytes that are not of the declared charset",
    /// The root is no SOAP envelope.
    NotSoap "not a SOAP envelope",
    /// Bytes that are not UTF-8.
    NotUtf8 "bytes that are not UTF-8",
    /// A number beyond the range of a double.
    NumberRange "number out of range",
    /// A number has more bytes than allowed.
    NumberTooLong "number too long",
    /// Content that is not what it is said to be, or more than that, or encrypted.
    OtherContent "content is not of the type that it is said to be",
    /// A part in a charset other than UTF-8.
    PartCharset "part not in UTF-8",
    /// A part in a transfer encoding, such as base64.
    PartEncoded "encoded part",
    /// The header of a part has more bytes than allowed.
    PartHeadTooLong "header of a part too long",
    /// The same header field twice in one part.
    PartHeaderTwice "header field of a part twice",
    /// A header field that a part may not have.
    PartHeaderUnknown "unknown header field of a part",
    /// The length that a part states is not its length.
    PartLength "wrong length of a part",
    /// The name of a part holds an escape that readers read in different ways.
    PartNameAmbiguous "ambiguous name of a part",
    /// A part of a form without a name.
    PartNameMissing "part without a name",
    /// The media type of a part is not that of the syntax that the rules declare.
    PartType "a part is of another type than declared",
    /// A double quote in a CSV cell that does not begin with one.
    QuoteInCell "quote in an unquoted cell",
    /// A CSV cell that begins with a double quote and has no closing one.
    QuoteOpen "quoted cell without a closing quote",
    /// A character of a form or query that must be percent-encoded.
    RawCharacter "character that must be percent-encoded",
    /// A record of a stream has more bytes than a part may have.
    RecordTooLong "record too long",
    /// An element stands again where rules expect one.
    RepeatedElement "repeated element",
    /// A name of a form or query once more, where no rule says `[*]`.
    RepeatedName "repeated name",
    /// A row of a CSV table has more cells than its header row.
    RowTooLong "more cells than columns",
    /// A row of a CSV table has fewer cells than its header row.
    RowTooShort "fewer cells than columns",
    /// The document is a single string, number or literal.
    ScalarRoot "the document is neither an object nor an array",
    /// `]]>` in a text.
    SectionEnd "`]]>` in a text",
    /// A CSV table begins with a line such as `sep=;`.
    SeparatorLine "`sep=` line",
    /// A SOAP envelope holds something else than one body after at most one header.
    SoapFrame "bad SOAP envelope",
    /// A processing instruction in a SOAP message.
    SoapInstruction "processing instruction in a SOAP message",
    /// An envelope of another version of SOAP.
    SoapVersion "another version of SOAP",
    /// A string has more bytes than allowed.
    StringTooLong "string too long",
    /// A syntax that this program cannot read.
    SyntaxUnknown "a syntax that cannot be read",
    /// `<` in the value of an attribute.
    TagInAttribute "`<` in an attribute",
    /// An end tag that is not the one of the element.
    TagMismatch "end tag of another element",
    /// Text in a CSV cell after its closing quote.
    TextAfterQuote "text after a closing quote",
    /// The mapped text of an element has elements between its pieces.
    TextInPieces "text in several pieces",
    /// Text before the root element.
    TextOutside "text outside of the root element",
    /// More objects and arrays inside each other than allowed.
    TooDeep "nested too deeply",
    /// A tag has more attributes than allowed.
    TooManyAttributes "too many attributes",
    /// An array has more elements than allowed.
    TooManyElements "too many elements",
    /// An object has more members than allowed.
    TooManyMembers "too many members",
    /// More namespaces are declared at one place than allowed.
    TooManyNamespaces "too many namespace declarations",
    /// The body has more parts than allowed.
    TooManyParts "too many parts",
    /// The document has more subject records than allowed.
    TooManyRecords "too many records",
    /// The document has more mapped values than allowed.
    TooManyValues "too many values",
    /// Something follows the document.
    Trailing "bytes after the document",
    /// The body ends inside the document.
    Truncated "body ends early",
    /// A prefix that is not declared.
    UnboundPrefix "prefix without a namespace",
    /// A reference to an entity that XML does not define.
    UnknownEntity "unknown entity",
    /// The root is no element that the rules name.
    UnknownRoot "root element that the rules do not name",
    /// A value must stand here.
    ValueMissing "no value",
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
