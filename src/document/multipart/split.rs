//! Dividing a multipart body into its parts (RFC 2046 section 5.1.1, RFC 7578), strictly.
//!
//! ```text
//! body      = [ CRLF ] delimiter part *( delimiter part ) closing [ CRLF ]
//! delimiter = "--" boundary CRLF
//! closing   = "--" boundary "--"
//! part      = *( name ":" OWS value OWS CRLF ) CRLF content CRLF
//! ```
//! Nothing stands before the first delimiter or after the closing one. The boundary stands nowhere
//! else, not even where a reader of the RFC would see that it is no delimiter, since others do not.

use std::ops::Range;

use memchr::memmem::Finder;

use super::super::fault::Fault;
use super::super::media::{self, MediaType};

/// A part as it stands in the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// What its header says.
    pub(crate) head: PartHead,
    /// Where it begins in the body.
    pub(crate) at: usize,
    /// Where its content stands in the body.
    pub(crate) content: Range<usize>,
}

/// The header of a part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartHead {
    /// The name of the field.
    pub(crate) name: Option<String>,
    /// Whether there is a file name.
    pub(crate) is_file: bool,
    /// The media type, if it says one.
    pub(crate) media: Option<MediaType>,
    disposition: bool,
    id: bool,
    encoding: Option<bool>,
    length: Option<usize>,
}

/// What is allowed besides the grammar.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Whether the parts are the fields of a form.
    pub(crate) is_form: bool,
    /// Parts of a body.
    pub(crate) parts_max: usize,
    /// Bytes of a name.
    pub(crate) name_bytes_max: usize,
}

/// A fault and where it stands in the body.
pub(crate) type Bad = (Fault, usize);

/// Whether a text can be a boundary (RFC 2046 section 5.1.1).
pub(crate) fn is_boundary(text: &str) -> bool {
    let is_taken = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    (1..=70).contains(&text.len()) && text.bytes().all(is_taken) && !text.ends_with(' ')
}

/// Divides a body.
pub(crate) fn split(body: &[u8], boundary: &str, bounds: Bounds) -> Result<Vec<Part>, Bad> {
    let delimiter = [b"--", boundary.as_bytes()].concat();
    let finder = Finder::new(&delimiter);
    let mut at = if body.starts_with(CRLF) { CRLF.len() } else { 0 };
    if !is_boundary(boundary) || !body.get(at..).unwrap_or_default().starts_with(&delimiter) {
        return Err((if body.is_empty() { Fault::Empty } else { Fault::BoundaryMissing }, at));
    }
    let mut parts = Vec::new();
    while let Some(start) = after_delimiter(body, at + delimiter.len())? {
        if parts.len() >= bounds.parts_max {
            return Err((Fault::TooManyParts, at));
        }
        let rest = body.get(start..).unwrap_or_default();
        let end = start + finder.find(rest).ok_or((Fault::Truncated, body.len()))?;
        let whole = body.get(start..end).unwrap_or_default();
        let whole = whole.strip_suffix(CRLF).ok_or((Fault::BoundaryInside, end))?;
        parts.push(part(whole, start, bounds)?);
        at = end;
    }
    if parts.is_empty() { Err((Fault::Empty, at)) } else { Ok(parts) }
}

/// Where the part after a delimiter begins, or `None` after the closing one.
fn after_delimiter(body: &[u8], at: usize) -> Result<Option<usize>, Bad> {
    match body.get(at..).unwrap_or_default() {
        [b'\r', b'\n', ..] => Ok(Some(at + 2)),
        b"--" | b"--\r\n" => Ok(None),
        [b'-', b'-', ..] => Err((Fault::Trailing, at + 2)),
        b"" | b"\r" | b"-" => Err((Fault::Truncated, body.len())),
        _ => Err((Fault::BoundaryInside, at)),
    }
}

fn part(whole: &[u8], start: usize, bounds: Bounds) -> Result<Part, Bad> {
    let (mut head, mut rest) = (PartHead::default(), whole);
    loop {
        let at = start + (whole.len() - rest.len());
        if at - start > HEAD_BYTES_MAX {
            return Err((Fault::PartHeadTooLong, start));
        }
        let end = rest.iter().position(|byte| *byte == b'\r').ok_or((Fault::BadPartHead, at))?;
        let (line, after) = rest.split_at_checked(end).ok_or((Fault::BadPartHead, at))?;
        rest = after.strip_prefix(CRLF).ok_or((Fault::BadPartHead, at))?;
        if line.is_empty() {
            break;
        }
        head.take(line, bounds).map_err(|fault| (fault, at))?;
    }
    head.check(rest, bounds).map_err(|fault| (fault, start))?;
    let content = start + (whole.len() - rest.len())..start + whole.len();
    Ok(Part { head, at: start, content })
}

impl PartHead {
    /// Takes one line of the header.
    fn take(&mut self, line: &[u8], bounds: Bounds) -> Result<(), Fault> {
        let line = str::from_utf8(line).map_err(|_| Fault::NotUtf8)?;
        let (name, value) = line.split_once(':').ok_or(Fault::BadPartHead)?;
        if !media::is_token(name) || value.contains(|c: char| c.is_control() && c != '\t') {
            return Err(Fault::BadPartHead);
        }
        let value = value.trim_matches([' ', '\t']);
        let is_new = match name.to_ascii_lowercase().as_str() {
            "content-disposition" => {
                self.disposition(value, bounds)?;
                !std::mem::replace(&mut self.disposition, true)
            }
            "content-type" => {
                let media = MediaType::parse(value).ok_or(Fault::BadPartHead)?;
                self.media.replace(media).is_none()
            }
            "content-transfer-encoding" => self.encoding.replace(encoding(value)?).is_none(),
            "content-length" => self.length.replace(length(value)?).is_none(),
            "content-id" if !bounds.is_form => !std::mem::replace(&mut self.id, true),
            _ => return Err(Fault::PartHeaderUnknown),
        };
        if is_new { Ok(()) } else { Err(Fault::PartHeaderTwice) }
    }

    fn disposition(&mut self, value: &str, bounds: Bounds) -> Result<(), Fault> {
        let (word, parameters) = media::split(value).ok_or(Fault::BadPartHead)?;
        let word = word.to_ascii_lowercase();
        let words: &[&str] =
            if bounds.is_form { &["form-data"] } else { &["attachment", "inline"] };
        if !words.contains(&word.as_str()) {
            return Err(Fault::BadPartHead);
        }
        for (parameter, value) in parameters {
            match parameter.as_str() {
                "name" if bounds.is_form => self.name = Some(name(value, bounds)?),
                "filename" | "filename*" => self.is_file = true,
                _ => return Err(Fault::BadPartHead),
            }
        }
        Ok(())
    }

    /// Checks what can be seen only when the header is complete.
    fn check(&self, content: &[u8], bounds: Bounds) -> Result<(), Fault> {
        if bounds.is_form && self.name.is_none() {
            return Err(Fault::PartNameMissing);
        }
        if self.length.is_some_and(|length| length != content.len()) {
            return Err(Fault::PartLength);
        }
        if self.encoding == Some(true) && !content.is_ascii() {
            return Err(Fault::PartEncoded);
        }
        let is_charset = self.name.as_deref() == Some("_charset_");
        if is_charset && !content.eq_ignore_ascii_case(b"utf-8") {
            return Err(Fault::PartCharset);
        }
        Ok(())
    }
}

/// The name of a field. Clients write a quote and line ends in it in different ways.
fn name(value: String, bounds: Bounds) -> Result<String, Fault> {
    let lower = value.to_ascii_lowercase();
    if ["%22", "%0d", "%0a", "%5c"].iter().any(|escape| lower.contains(escape)) {
        return Err(Fault::PartNameAmbiguous);
    }
    if value.len() > bounds.name_bytes_max { Err(Fault::KeyTooLong) } else { Ok(value) }
}

/// Whether the content may have bytes of ASCII only.
fn encoding(value: &str) -> Result<bool, Fault> {
    match value.to_ascii_lowercase().as_str() {
        "7bit" => Ok(true),
        "8bit" | "binary" => Ok(false),
        _ => Err(Fault::PartEncoded),
    }
}

fn length(value: &str) -> Result<usize, Fault> {
    let is_number = value.len() <= LENGTH_DIGITS_MAX && value.bytes().all(|b| b.is_ascii_digit());
    value.parse().ok().filter(|_| is_number).ok_or(Fault::BadPartHead)
}

const CRLF: &[u8] = b"\r\n";
/// Bytes of one part's header: names and file names of 255 characters fit in.
const HEAD_BYTES_MAX: usize = 4096;
const LENGTH_DIGITS_MAX: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Bounds = Bounds { is_form: true, parts_max: 3, name_bytes_max: 8 };
    const MIXED: Bounds = Bounds { is_form: false, ..FORM };

    /// `\n` in a pattern stands for CRLF, `B` for the boundary.
    fn body(pattern: &str) -> Vec<u8> {
        pattern.replace('\n', "\r\n").replace('B', "--bound").into_bytes()
    }

    fn run(pattern: &str, bounds: Bounds) -> Result<Vec<Part>, Bad> {
        split(&body(pattern), "bound", bounds)
    }

    fn contents(pattern: &str, bounds: Bounds) -> Vec<(Option<String>, String)> {
        let body = body(pattern);
        let text = |part: &Part| String::from_utf8(body[part.content.clone()].to_vec()).unwrap();
        let parts = split(&body, "bound", bounds).unwrap();
        parts.iter().map(|part| (part.head.name.clone(), text(part))).collect()
    }

    #[test]
    fn parts_are_found_with_their_names_and_contents() {
        let found = contents(
            "B\nContent-Disposition: form-data; name=\"a\"\n\none\nB\n\
            content-type:text/csv;charset=utf-8\nCONTENT-DISPOSITION: form-data;name=b;\
            filename=\"Сәрсен.csv\"\nContent-Length: 7\n\n2\n\n--\nB--\n",
            FORM,
        );
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(found, [(named("a"), "one".into()), (named("b"), "2\r\n\r\n--".into())]);
    }

    #[test]
    fn a_mixed_body_has_parts_without_names() {
        let pattern = "\nB\n\n\nB\nContent-Type: image/png\nContent-ID: <a@b>\n\
            Content-Disposition: attachment; filename=a.png\n\nx\nB--";
        assert_eq!(contents(pattern, MIXED), [(None, String::new()), (None, "x".into())]);
        let parts = run(pattern, MIXED).unwrap();
        assert_eq!([parts[0].head.is_file, parts[1].head.is_file], [false, true]);
        assert_eq!(parts[1].head.media.as_ref().unwrap().essence, "image/png");
    }

    #[test]
    fn what_readers_may_divide_differently_is_refused() {
        use Fault::{BoundaryInside, BoundaryMissing, Empty, TooManyParts, Trailing, Truncated};
        for (pattern, fault) in [
            ("", Empty),
            ("B--\n", Empty),
            ("x\nB\n\nx\nB--", BoundaryMissing),
            ("\n\nB\n\nx\nB--", BoundaryMissing),
            ("--other\n\nx\n--other--", BoundaryMissing),
            ("B \n\nx\nB--", BoundaryInside),
            ("B\n\nx\nB--x", Trailing),
            ("B\n\nx\nB--\n\n", Trailing),
            ("B\n\nx\nB--\nx", Trailing),
            ("B\n\nx\nB-- ", Trailing),
            ("B\n\nx", Truncated),
            ("B\n\nx\nB", Truncated),
            ("B\n\nx\nB-", Truncated),
            ("B\n\nx\nB\n", Truncated),
            ("B", Truncated),
            ("B\n\nx B y\nB--", BoundaryInside),
            ("B\n\nx\nBx\nB--", BoundaryInside),
            ("B\n\nx\nB \nB--", BoundaryInside),
            ("B\n\nxB--", BoundaryInside),
            ("B\n\n\nB\n\n\nB\n\n\nB\n\n\nB--", TooManyParts),
        ] {
            assert_eq!(run(pattern, MIXED).unwrap_err().0, fault, "{pattern}");
        }
        let bare = body("B\n\nx\nB--").iter().filter(|b| **b != b'\r').copied().collect::<Vec<_>>();
        assert!(split(&bare, "bound", MIXED).is_err());
    }

    #[test]
    fn a_header_of_a_part_is_strict() {
        use Fault::{
            BadPartHead, KeyTooLong, PartCharset, PartEncoded, PartHeadTooLong, PartHeaderTwice,
            PartHeaderUnknown, PartLength, PartNameAmbiguous, PartNameMissing,
        };
        let named = "Content-Disposition: form-data; name=a";
        let long = format!("{named}; filename=\"{}\"", "x".repeat(5000));
        for (head, fault) in [
            ("Content-Type: text/plain", PartNameMissing),
            ("Content-Disposition: form-data", PartNameMissing),
            ("Content-Disposition: attachment; name=a", BadPartHead),
            ("Content-Disposition: form-data; name=a; name=b", BadPartHead),
            ("Content-Disposition: form-data; name*=utf-8''a", BadPartHead),
            ("Content-Disposition: form-data; name=a; size=3", BadPartHead),
            ("Content-Disposition: form-data; name=\"a\\\"b\"", BadPartHead),
            ("Content-Disposition: form-data; name=\"a\\\\\"", BadPartHead),
            ("Content-Disposition: form-data; name=\"a%22b\"", PartNameAmbiguous),
            ("Content-Disposition: form-data; name=\"a%0D%0A\"", PartNameAmbiguous),
            ("Content-Disposition: form-data; name=\"123456789\"", KeyTooLong),
            ("Content-Disposition: form-data;\n name=a", BadPartHead),
            (" Content-Disposition: form-data; name=a", BadPartHead),
            ("Content-Disposition : form-data; name=a", BadPartHead),
            ("Content-Disposition form-data", BadPartHead),
            ("Content-Disposition: form-data; name=a\rX: y", BadPartHead),
            ("Content-Disposition: form-data; name=\"a\0\"", BadPartHead),
            (&format!("{named}\n{named}"), PartHeaderTwice),
            (&format!("{named}\nContent-Type: a/b\ncontent-type: a/b"), PartHeaderTwice),
            (&format!("{named}\nContent-Type: a/b; c=\"\\d\""), BadPartHead),
            (&format!("{named}\nContent-Transfer-Encoding: base64"), PartEncoded),
            (&format!("{named}\nContent-Transfer-Encoding: quoted-printable"), PartEncoded),
            (&format!("{named}\nContent-ID: <a>"), PartHeaderUnknown),
            (&format!("{named}\nContent-Encoding: gzip"), PartHeaderUnknown),
            (&format!("{named}\nX-Iin: 850101300123"), PartHeaderUnknown),
            (&format!("{named}\nContent-Length: 2"), PartLength),
            (&format!("{named}\nContent-Length: +1"), BadPartHead),
            ("Content-Disposition: form-data; name=_charset_", KeyTooLong),
            (&long, PartHeadTooLong),
        ] {
            let found = run(&format!("B\n{head}\n\nx\nB--"), FORM);
            assert_eq!(found.unwrap_err().0, fault, "{head}");
        }
        let wide = Bounds { name_bytes_max: 99, ..FORM };
        let charset = "B\nContent-Disposition: form-data; name=_charset_\n\n";
        assert_eq!(run(&format!("{charset}koi8-r\nB--"), wide).unwrap_err().0, PartCharset);
        assert!(run(&format!("{charset}UTF-8\nB--"), wide).is_ok());
        let seven = format!("B\n{named}\nContent-Transfer-Encoding: 7bit\n\n");
        assert_eq!(run(&format!("{seven}é\nB--"), FORM).unwrap_err().0, PartEncoded);
        assert!(run(&format!("{seven}e\nB--"), FORM).is_ok());
        let latin = [b"--bound\r\nContent-Disposition: form-data; name=\"", &b"\xe9\"\r\n\r\n"[..]];
        let latin = [&latin.concat()[..], b"x\r\n--bound--"].concat();
        assert_eq!(split(&latin, "bound", FORM).unwrap_err(), (Fault::NotUtf8, 9));
    }

    #[test]
    fn a_boundary_has_1_to_70_legal_characters() {
        for good in ["a", "a b", "'()+_,-./:=?", &"x".repeat(70)] {
            assert!(is_boundary(good), "{good}");
        }
        for bad in ["", "a ", "a\"", "a;", "é", &"x".repeat(71)] {
            assert!(!is_boundary(bad), "{bad}");
        }
    }
}
