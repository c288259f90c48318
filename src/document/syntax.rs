//! How a body is written, and what of that a rule decides.

/// How a body, or a part of one, is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Syntax {
    /// One JSON text (RFC 8259).
    #[default]
    Json,
    /// One JSON text a line.
    Ndjson,
    /// Rows of cells below a header row (RFC 4180).
    Csv(Csv),
    /// An XML 1.0 document, or a SOAP message.
    Xml(Xml),
    /// Names and values as HTML forms send them, `application/x-www-form-urlencoded`.
    Form,
    /// Several contents in one body (RFC 2046).
    Multipart(Multipart),
    /// One plain text.
    Text,
    /// A content that is kept or left out whole.
    Opaque(Opaque),
    /// No body.
    Empty,
}

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Csv {
    /// What stands between two cells: a byte of ASCII.
    pub delimiter: u8,
    /// What becomes of a cell that a spreadsheet would take for a formula.
    pub formula: Formula,
}

impl Default for Csv {
    fn default() -> Self {
        Self { delimiter: b',', formula: Formula::Refuse }
    }
}

/// What becomes of a cell that a spreadsheet would take for a formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formula {
    /// The transfer is refused.
    Refuse,
    /// An apostrophe is put before it.
    Neutralise,
    /// It leaves as it is.
    Keep,
}

/// How an XML document is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Xml {
    /// What the document is.
    pub kind: XmlKind,
    /// The namespaces, by the prefix that paths use; no prefix is the default namespace.
    pub namespaces: Vec<(String, String)>,
}

/// What an XML document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XmlKind {
    /// Any document.
    Plain,
    /// A SOAP 1.1 message.
    Soap11,
    /// A SOAP 1.2 message.
    Soap12,
}

/// How several contents stand in one body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multipart {
    /// What the parts are.
    pub kind: MultipartKind,
    /// The parts that are not plain texts.
    pub parts: Vec<Part>,
}

/// What the parts of a body are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MultipartKind {
    /// The fields of a form, by name (RFC 7578).
    FormData,
    /// A sequence (RFC 2046 section 5.1.3).
    Mixed,
}

/// A part that is not a plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name; in a sequence, the number of its place.
    pub name: String,
    /// How it is written.
    pub syntax: Syntax,
}

/// A kind of content that is kept or left out whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opaque {
    /// A document of ISO 32000.
    Pdf,
    /// An image of ISO/IEC 15948.
    Png,
    /// An image of ISO/IEC 10918.
    Jpeg,
}

impl Syntax {
    /// The media type (RFC 6838) under which such a body is sent on, without its parameters.
    #[must_use]
    pub const fn media(&self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Csv(_) => "text/csv",
            Self::Xml(Xml { kind: XmlKind::Plain, .. }) => "application/xml",
            Self::Xml(Xml { kind: XmlKind::Soap11, .. }) => "text/xml",
            Self::Xml(Xml { kind: XmlKind::Soap12, .. }) => "application/soap+xml",
            Self::Form => "application/x-www-form-urlencoded",
            Self::Multipart(Multipart { kind: MultipartKind::FormData, .. }) => {
                "multipart/form-data"
            }
            Self::Multipart(Multipart { kind: MultipartKind::Mixed, .. }) => "multipart/mixed",
            Self::Text => "text/plain",
            Self::Opaque(Opaque::Pdf) => "application/pdf",
            Self::Opaque(Opaque::Png) => "image/png",
            Self::Opaque(Opaque::Jpeg) => "image/jpeg",
            Self::Empty => "",
        }
    }
}
