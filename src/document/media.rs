//! Header values with parameters: media types (RFC 9110 section 8.3.1) and dispositions (RFC 6266).
//!
//! ```text
//! value     = word *( OWS ";" OWS name "=" ( token / quoted ) )
//! quoted    = DQUOTE *( any character but DQUOTE, "\" and controls ) DQUOTE
//! ```
//! Narrower than the RFCs, so that no two readers differ: nothing is escaped, no parameter stands
//! twice, none is empty between two semicolons.

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

    /// Whether it has no parameters but these.
    #[must_use]
    pub fn has_only(&self, names: &[&str]) -> bool {
        self.parameters.iter().all(|(name, _)| names.contains(&name.as_str()))
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
        assert!(csv.has_only(&["charset", "header"]) && !csv.has_only(&["charset"]));
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
}
