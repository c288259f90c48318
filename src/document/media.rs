//! Header values with parameters: media types (RFC 9110 section 8.3.1) and dispositions (RFC 6266).
//!
//! ```text
//! value     = word *( OWS ";" OWS name "=" ( token / quoted ) )
//! quoted    = DQUOTE *( any character but DQUOTE, "\" and controls ) DQUOTE
//! ```
//! Narrower than the RFCs, so that no two readers differ: nothing is escaped, no parameter stands
//! twice, none is empty between two semicolons.

use super::charset::Charset;
use super::syntax::{Multipart, MultipartKind, Opaque, Syntax, Xml, XmlKind};

/// A media type as a header says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    /// Type and subtype in lower case, such as `text/csv`.
    pub essence: String,
    /// The parameters: names in lower case, and values.
    pub parameters: Vec<(String, String)>,
}

impl MediaType {
    /// Reads a media type.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (word, parameters) = split(text)?;
        let (kind, subtype) = word.split_once('/')?;
        let is_type = is_token(kind) && is_token(subtype);
        is_type.then(|| Self { essence: word.to_ascii_lowercase(), parameters })
    }

    /// The value of a parameter, by its name in lower case.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut named = self.parameters.iter().filter(|(known, _)| known == name);
        named.next().map(|(_, value)| value.as_str())
    }
}

impl Syntax {
    /// Whether a body that is written so can have a media type, whatever charset that names.
    #[must_use]
    pub fn has_type(&self, media: &MediaType) -> bool {
        let (types, parameters): (&[&str], &[&str]) = match self {
            Self::Json => (&["application/json"], &["charset"]),
            Self::Ndjson => {
                let types = &["application/x-ndjson", "application/jsonl", "application/ndjson"];
                (types, &["charset"])
            }
            Self::Csv(_) => (&["text/csv"], &["charset", "header"]),
            Self::Xml(Xml { kind: XmlKind::Plain, .. }) => {
                (&["application/xml", "text/xml"], &["charset"])
            }
            Self::Xml(Xml { kind: XmlKind::Soap11, .. }) => (&["text/xml"], &["charset"]),
            Self::Xml(Xml { kind: XmlKind::Soap12, .. }) => {
                (&["application/soap+xml"], &["charset", "action"])
            }
            Self::Form => (&["application/x-www-form-urlencoded"], &["charset"]),
            Self::Multipart(_) => (&[self.media()], &["boundary"]),
            Self::Text => (&["text/plain"], &["charset"]),
            Self::Opaque(_) => (&[self.media()], &[]),
            Self::Empty => (&[], &[]),
        };
        let header = media.parameter("header");
        types.contains(&media.essence.as_str())
            && media.parameters.iter().all(|(name, _)| parameters.contains(&name.as_str()))
            && header.is_none_or(|header| header.eq_ignore_ascii_case("present"))
            && media.parameter("boundary").is_some() == matches!(self, Self::Multipart(_))
    }

    /// The media type of such a body as it is sent on, with its parameters; a body of parts has a
    /// boundary.
    #[must_use]
    pub fn content_type(&self, boundary: Option<&str>) -> String {
        let media = self.media();
        match (self, boundary) {
            (Self::Csv(_), _) => format!("{media}; charset=utf-8; header=present"),
            (Self::Xml(_) | Self::Text, _) => format!("{media}; charset=utf-8"),
            (Self::Multipart(_), Some(boundary)) => format!("{media}; boundary={boundary}"),
            _ => media.to_owned(),
        }
    }

    /// How the name of a file ends that holds such a body.
    #[must_use]
    pub const fn extension(&self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv(_) => "csv",
            Self::Xml(_) => "xml",
            Self::Opaque(Opaque::Pdf) => "pdf",
            Self::Opaque(Opaque::Png) => "png",
            Self::Opaque(Opaque::Jpeg) => "jpg",
            Self::Form | Self::Multipart(_) | Self::Text | Self::Empty => "txt",
        }
    }
}

impl Multipart {
    /// Whether the parts are the fields of a form.
    #[must_use]
    pub fn is_form(&self) -> bool {
        self.kind == MultipartKind::FormData
    }
}

impl MediaType {
    /// Whether the charset that it names, if it names one, is this.
    #[must_use]
    pub fn is_in(&self, charset: Charset) -> bool {
        self.parameter("charset").is_none_or(|label| charset.is_named(label))
    }
}

/// Divides a value into its first word and its parameters, whose names become lower case.
pub(crate) fn split(text: &str) -> Option<(&str, Vec<(String, String)>)> {
    let end = text.find(';').unwrap_or(text.len());
    let (word, mut rest) = text.split_at_checked(end)?;
    let mut parameters: Vec<(String, String)> = Vec::new();
    while !rest.is_empty() {
        let (name, value) = parameter(&mut rest)?;
        if parameters.iter().any(|(known, _)| *known == name) {
            return None;
        }
        parameters.push((name, value.to_owned()));
    }
    Some((word.trim_matches(OWS), parameters))
}

/// Takes one parameter, with the semicolon before it and the white space after it.
fn parameter<'a>(rest: &mut &'a str) -> Option<(String, &'a str)> {
    let text = rest.strip_prefix(';')?.trim_start_matches(OWS);
    let (name, after) = text.split_once('=')?;
    let (value, after) = match after.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?,
        None => after.split_at_checked(after.find([';', ' ', '\t']).unwrap_or(after.len()))?,
    };
    let is_quoted = after.len() + value.len() < text.len() - name.len() - 1;
    let is_good = if is_quoted { is_quotable(value) } else { is_token(value) };
    *rest = after.trim_start_matches(OWS);
    (is_token(name) && is_good).then(|| (name.to_ascii_lowercase(), value))
}

/// Whether a text is a token (RFC 9110 section 5.6.2).
pub(crate) fn is_token(text: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_tchar)
}

fn is_quotable(text: &str) -> bool {
    !text.chars().any(|c| c == '\\' || c.is_control())
}

const OWS: [char; 2] = [' ', '\t'];

#[cfg(test)]
mod tests {
    use super::super::syntax::Csv;
    use super::*;

    #[test]
    fn a_media_type_is_read() {
        for (text, essence, parameters) in [
            ("text/csv", "text/csv", vec![]),
            ("Application/JSON ; Charset=UTF-8", "application/json", vec![("charset", "UTF-8")]),
            (
                "text/csv;header=present ; charset=\"utf-8\"",
                "text/csv",
                vec![("header", "present"), ("charset", "utf-8")],
            ),
            (
                "multipart/form-data; boundary=\"a b;=c\"",
                "multipart/form-data",
                vec![("boundary", "a b;=c")],
            ),
            ("a/b;c=\"\"", "a/b", vec![("c", "")]),
        ] {
            let found = MediaType::parse(text).expect(text);
            let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
            assert_eq!(found.essence, essence);
            assert_eq!(found.parameters, parameters.into_iter().map(owned).collect::<Vec<_>>());
        }
        let csv = MediaType::parse("text/csv; header=present").unwrap();
        assert_eq!((csv.parameter("header"), csv.parameter("charset")), (Some("present"), None));
    }

    #[test]
    fn what_two_readers_may_read_differently_is_none() {
        for text in [
            "",
            "text",
            "text/",
            "/csv",
            "text/csv/x",
            "te xt/csv",
            "text/csv,text/html",
            "text/csv;",
            "text/csv; ",
            "text/csv;;a=b",
            "text/csv;a",
            "text/csv;a=",
            "text/csv;=b",
            "text/csv;a =b",
            "text/csv;a= b",
            "text/csv;a=b c",
            "text/csv;a=\"b",
            "text/csv;a=b\"",
            "text/csv;a=\"b\"c",
            "text/csv;a=\"b\\\"c\"",
            "text/csv;a=\"\\b\"",
            "text/csv;a=1;A=2",
            "text/csv;a=1;a=1",
            "text/csv a=b",
            "text/csv;a=é",
            "text/csv;a=\"\u{7f}\"",
        ] {
            assert_eq!(MediaType::parse(text), None, "{text}");
        }
    }

    #[test]
    fn each_syntax_has_its_types() {
        let (soap11, soap12) = (xml(XmlKind::Soap11), xml(XmlKind::Soap12));
        let form = multipart(MultipartKind::FormData);
        let all = [
            Syntax::Json,
            Syntax::Ndjson,
            Syntax::Csv(Csv::default()),
            xml(XmlKind::Plain),
            soap11.clone(),
            soap12.clone(),
            Syntax::Form,
            form.clone(),
            multipart(MultipartKind::Mixed),
            Syntax::Text,
            Syntax::Opaque(Opaque::Pdf),
            Syntax::Opaque(Opaque::Png),
            Syntax::Opaque(Opaque::Jpeg),
        ];
        for syntax in &all {
            let own = MediaType::parse(&syntax.content_type(Some("b"))).unwrap();
            let takers = all.iter().filter(|other| other.has_type(&own));
            // A SOAP 1.1 message is an XML document.
            assert_eq!(takers.count(), if *syntax == soap11 { 2 } else { 1 }, "{syntax:?}");
        }
        let takes = |syntax: &Syntax, text| syntax.has_type(&MediaType::parse(text).unwrap());
        assert!(takes(&Syntax::Ndjson, "application/jsonl; charset=utf-8"));
        assert!(takes(&Syntax::Csv(Csv::default()), "text/csv; header=Present"));
        assert!(!takes(&Syntax::Csv(Csv::default()), "text/csv; header=absent"));
        assert!(takes(&soap12, "application/soap+xml; action=\"urn:x\"; charset=utf-8"));
        assert!(!takes(&soap11, "text/xml; action=\"urn:x\""));
        assert!(!takes(&form, "multipart/form-data"));
        assert!(!takes(&form, "multipart/form-data; boundary=b; charset=utf-8"));
        assert!(!takes(&Syntax::Json, "application/problem+json"));
        assert!(!takes(&Syntax::Json, "application/json; profile=x"));
        assert!(!takes(&Syntax::Opaque(Opaque::Png), "image/png; x=y"));
        assert!(!takes(&Syntax::Empty, "text/plain"));
    }

    fn xml(kind: XmlKind) -> Syntax {
        Syntax::Xml(Xml { kind, namespaces: Vec::new() })
    }

    fn multipart(kind: MultipartKind) -> Syntax {
        Syntax::Multipart(Multipart { kind, parts: Vec::new() })
    }
}
