//! What a request can have wrong in its head or in the framing of its body.

use std::error::Error;

use hyper::StatusCode;

/// Why the head of a request is not carried further.
///
/// Each variant is a fact about the bytes; none holds any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum HeadFault {
    /// A carriage return that no line feed follows (RFC 9112, 2.2).
    #[error("a carriage return stands alone")]
    BareCarriageReturn,
    /// A line feed that no carriage return precedes (RFC 9112, 2.2).
    #[error("a line ends in a bare line feed")]
    BareLineFeed,
    /// `Content-Length` and `Transfer-Encoding` in one head (RFC 9112, 6.1).
    #[error("both content-length and transfer-encoding are given")]
    BothLengths,
    /// A transfer coding that is not exactly one `chunked` (RFC 9112, 6.1).
    #[error("the only transfer coding taken is `chunked`, once")]
    CodingList,
    /// A field of HTTP/1.1 connections in HTTP/2 (RFC 9113, 8.2.2).
    #[error("a connection-specific field has no place in HTTP/2")]
    ConnectionField,
    /// A `Connection` option that is not `close`, `keep-alive` or `te` (RFC 9110, 7.6.1).
    #[error("the connection options taken are `close`, `keep-alive` and `te`")]
    ConnectionOption,
    /// An expectation that is not exactly one `100-continue` (RFC 9110, 10.1.1).
    #[error("the only expectation taken is `100-continue`, once")]
    Expectation,
    /// A field line without a name, or with a name that is no token (RFC 9110, 5.1).
    #[error("a field name is not a token")]
    FieldName,
    /// A control character in a field value (RFC 9110, 5.5).
    #[error("a field value holds a control character")]
    FieldValue,
    /// More field lines than are read.
    #[error("there are more than 64 fields")]
    FieldsTooMany,
    /// A head longer than is read.
    #[error("the head is longer than 16 KiB")]
    HeadTooLong,
    /// No `Host`, or in HTTP/2 no `:authority` either (RFC 9112, 3.2).
    #[error("no host is named")]
    HostAbsent,
    /// `Host` and `:authority` that differ (RFC 9113, 8.3.1).
    #[error("host and :authority differ")]
    HostConflict,
    /// A host that is not a name or address with at most a port.
    #[error("the host is not a name or address with at most a port")]
    HostForm,
    /// More than one `Host` (RFC 9112, 3.2).
    #[error("the host is named more than once")]
    HostRepeated,
    /// A `Content-Length` that is not a plain number (RFC 9110, 8.6).
    #[error("content-length is not a number")]
    LengthForm,
    /// More than one `Content-Length`, be they equal.
    #[error("content-length is given more than once")]
    LengthRepeated,
    /// A method that is no token, is longer than 16 bytes, or is `CONNECT` or `TRACE`.
    #[error("the method is not one that is taken")]
    Method,
    /// A field continued on the next line (RFC 9112, 5.2).
    #[error("a field is folded over several lines")]
    ObsFold,
    /// A first line that is not method, target and version with one space between.
    #[error("the request line is not method, target and version")]
    RequestLine,
    /// A scheme other than `https` in HTTP/2.
    #[error("the scheme is not https")]
    Scheme,
    /// White space between a field name and its colon (RFC 9112, 5.1).
    #[error("white space stands before a colon")]
    SpaceBeforeColon,
    /// A character in the target that RFC 3986 does not allow, or a bad or dangerous `%` code.
    #[error("the target holds a character or a percent code that is not taken")]
    TargetCharacter,
    /// A target that is not a path from the root with at most a query (RFC 9112, 3.2.1).
    #[error("the target is not a path with at most a query")]
    TargetForm,
    /// An empty or dot segment in the path (RFC 3986, 3.3).
    #[error("the path has an empty segment or a dot segment")]
    TargetSegment,
    /// A target longer than is read.
    #[error("the target is longer than 2 KiB")]
    TargetTooLong,
    /// A `TE` other than `trailers` in HTTP/2 (RFC 9113, 8.2.2).
    #[error("te is not `trailers`")]
    Te,
    /// A wish to leave HTTP (RFC 9110, 7.8).
    #[error("an upgrade of the connection is asked for")]
    Upgrade,
    /// A version other than HTTP/1.1 on a connection that is not HTTP/2.
    #[error("the version is not HTTP/1.1")]
    Version,
}

impl HeadFault {
    /// The status with which RFC 9110 or RFC 6585 answers the fault.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::CodingList => StatusCode::NOT_IMPLEMENTED,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::FieldsTooMany | Self::HeadTooLong => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::BareCarriageReturn
            | Self::BareLineFeed
            | Self::BothLengths
            | Self::ConnectionField
            | Self::ConnectionOption
            | Self::FieldName
            | Self::FieldValue
            | Self::HostAbsent
            | Self::HostConflict
            | Self::HostForm
            | Self::HostRepeated
            | Self::LengthForm
            | Self::LengthRepeated
            | Self::Method
            | Self::ObsFold
            | Self::RequestLine
            | Self::Scheme
            | Self::SpaceBeforeColon
            | Self::TargetCharacter
            | Self::TargetForm
            | Self::TargetSegment
            | Self::Te
            | Self::Upgrade => StatusCode::BAD_REQUEST,
        }
    }
}

/// Why the body of a request ends in an error: its chunks are not framed as RFC 9112, 7.1 says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// A chunk whose data is not followed by the end of a line.
    #[error("a chunk does not end where its size says")]
    ChunkEnd,
    /// An extension after a chunk size, for which no transfer has a use.
    #[error("a chunk has an extension")]
    ChunkExtension,
    /// A chunk size that is not 1 to 8 hexadecimal digits and the end of a line.
    #[error("a chunk size is not 1 to 8 hexadecimal digits")]
    ChunkSize,
    /// A field after the last chunk, for which no transfer has a use.
    #[error("there are trailer fields")]
    Trailer,
}

impl BodyFault {
    /// Finds this fault among the causes of an error that reading a body gave.
    #[must_use]
    pub fn of(error: &hyper::Error) -> Option<Self> {
        let mut cause = error.source();
        while let Some(error) = cause {
            let inner = error
                .downcast_ref::<std::io::Error>()
                .and_then(std::io::Error::get_ref)
                .and_then(|inner| inner.downcast_ref());
            if let Some(fault) = inner {
                return Some(*fault);
            }
            cause = error.source();
        }
        None
    }
}
