//! What a partner opened, for a person to read.

use std::fmt::Write as _;

use memchr::memmem;

use crate::document::MediaType;
use crate::envelope::request::Request;

/// A request: its first line, its headers and its body.
#[must_use]
pub(crate) fn request(request: &Request) -> String {
    let mut text = format!("{} {}", request.method, request.target);
    for (name, value) in request.headers.iter().filter(|(name, _)| name != CONTENT_TYPE) {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{name}: {value}");
    }
    if !request.body.is_empty() {
        let media = request.header(CONTENT_TYPE).unwrap_or_default();
        text.push('\n');
        text.push_str(&body(media, &request.body));
    }
    text
}

/// A body: text as it is, the parts of a multipart body one a line, of bytes how many there are.
#[must_use]
pub(crate) fn body(media: &str, body: &[u8]) -> String {
    let parsed = MediaType::parse(media);
    let boundary = parsed.as_ref().and_then(|media| media.parameter("boundary"));
    if let Some(boundary) = boundary {
        return parts(boundary, body).unwrap_or_else(|| bytes(media, body));
    }
    match str::from_utf8(body) {
        Ok(text) if !text.contains('\0') => text.trim_end().to_owned(),
        _ => bytes(media, body),
    }
}

fn bytes(media: &str, body: &[u8]) -> String {
    format!("{} bytes of {media}", body.len())
}

/// The parts of a body that the gateway wrote.
fn parts(boundary: &str, body: &[u8]) -> Option<String> {
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = body.strip_prefix(format!("--{boundary}").as_bytes())?;
    let mut lines = Vec::new();
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let end = memmem::find(part, delimiter.as_bytes())?;
        let (part, after) = part.split_at_checked(end)?;
        lines.push(self::part(part)?);
        rest = after.get(delimiter.len()..)?;
    }
    Some(lines.join("\n"))
}

fn part(part: &[u8]) -> Option<String> {
    let (head, content) = if let Some(content) = part.strip_prefix(b"\r\n") {
        ("", content)
    } else {
        let end = memmem::find(part, b"\r\n\r\n")?;
        (str::from_utf8(part.get(..end)?).ok()?, part.get(end.checked_add(4)?..)?)
    };
    let mut label = String::new();
    let mut media = "text/plain";
    for line in head.split("\r\n") {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("content-disposition") {
            let name = value.split_once("name=\"").and_then(|(_, rest)| rest.split_once('"'));
            label = format!("{}: ", name?.0);
        } else if name.eq_ignore_ascii_case(CONTENT_TYPE) {
            media = value.trim();
        }
    }
    Some(label + &body(media, content))
}

const CONTENT_TYPE: &str = "content-type";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_as_it_is_and_bytes_are_counted() {
        assert_eq!(body("text/csv", "a;б\r\n".as_bytes()), "a;б");
        assert_eq!(body("image/png", b"\x89PNG"), "4 bytes of image/png");
        assert_eq!(body("application/pdf", b"%PDF\0"), "5 bytes of application/pdf");
    }

    #[test]
    fn each_part_has_its_line() {
        let form = "--b\r\nContent-Disposition: form-data; name=\"data\"\r\n\
            Content-Type: application/json\r\n\r\n{\"a\":1}\r\n--b\r\n\
            Content-Disposition: form-data; name=\"scan\"\r\nContent-Type: image/png\r\n\r\n\
            \0\0\r\n--b--\r\n";
        let shown = body("multipart/form-data; boundary=b", form.as_bytes());
        assert_eq!(shown, "data: {\"a\":1}\nscan: 2 bytes of image/png");
        let mixed = "--b\r\nContent-Type: text/csv\r\n\r\na;b\r\n--b\r\n\r\nplain\r\n--b--";
        assert_eq!(body("multipart/mixed; boundary=\"b\"", mixed.as_bytes()), "a;b\nplain");
        assert_eq!(
            body("multipart/mixed; boundary=x", b"--b"),
            "3 bytes of multipart/mixed; boundary=x"
        );
    }

    #[test]
    fn a_request_is_shown_with_its_headers_and_body() {
        let mut asked = Request {
            method: "GET".into(),
            authority: "a.example".into(),
            target: "/v1/learners/9?course=1".into(),
            headers: vec![("accept".into(), "*/*".into())],
            body: Vec::new(),
        };
        assert_eq!(request(&asked), "GET /v1/learners/9?course=1\naccept: */*");
        asked.headers = vec![(CONTENT_TYPE.into(), "application/json".into())];
        asked.body = b"{}".to_vec();
        assert_eq!(request(&asked), "GET /v1/learners/9?course=1\n{}");
    }
}
