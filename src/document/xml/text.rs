//! The values of XML: what their bytes stand for, and how a text is written.

use std::borrow::Cow;

use super::scan::{COMMENT, Cursor, INSTRUCTION, SECTION, is_char};

/// The characters of what stands between the tags of an element that holds no other element:
/// references are resolved, line ends are `\n` (XML 1.0 §2.11), comments and instructions are
/// left out.
///
/// The bytes are those of a body that was parsed.
#[must_use]
pub(crate) fn decode_text(raw: &[u8]) -> Cow<'_, str> {
    let text = str::from_utf8(raw).unwrap_or_default();
    if !text.contains(['<', '&', '\r']) {
        return text.into();
    }
    let mut decoded = String::with_capacity(text.len());
    let mut cursor = Cursor { text, at: 0 };
    loop {
        let start = cursor.at;
        cursor.skip_text();
        push_lines(&mut decoded, text.get(start..cursor.at).unwrap_or_default());
        let start = cursor.at;
        let went = match cursor.rest() {
            [] => return decoded.into(),
            [b'&', ..] => cursor.reference().map(|c| decoded.push(c)),
            rest if rest.starts_with(COMMENT) => cursor.comment(),
            rest if rest.starts_with(INSTRUCTION) => cursor.instruction(),
            _ => cursor.section().map(|_| {
                let section = text.get(start + SECTION.len()..cursor.at - 3);
                push_lines(&mut decoded, section.unwrap_or_default());
            }),
        };
        if went.is_err() {
            return decoded.into();
        }
    }
}

/// The characters of what stands between the quotes of an attribute: references are resolved, and
/// every white space character that is no reference is a space (XML 1.0 §3.3.3).
///
/// The bytes are those of a body that was parsed.
#[must_use]
pub(crate) fn decode_attribute(raw: &[u8]) -> Cow<'_, str> {
    let text = str::from_utf8(raw).unwrap_or_default();
    if !text.contains(['&', '\r', '\n', '\t']) {
        return text.into();
    }
    let mut decoded = String::with_capacity(text.len());
    let mut cursor = Cursor { text, at: 0 };
    loop {
        let start = cursor.at;
        cursor.skip_text();
        let lines = text.get(start..cursor.at).unwrap_or_default().replace("\r\n", " ");
        decoded.push_str(&lines.replace(['\r', '\n', '\t'], " "));
        match cursor.peek() {
            b'&' => match cursor.reference() {
                Ok(c) => decoded.push(c),
                Err(_) => return decoded.into(),
            },
            _ => return decoded.into(),
        }
    }
}

/// Writes a text as the content of an element. What XML cannot hold becomes U+FFFD.
pub(crate) fn encode_text(text: &str, out: &mut Vec<u8>) {
    for c in text.chars() {
        match c {
            '&' => out.extend_from_slice(b"&amp;"),
            '<' => out.extend_from_slice(b"&lt;"),
            '>' => out.extend_from_slice(b"&gt;"),
            '\r' => out.extend_from_slice(b"&#13;"),
            c => push_char(c, out),
        }
    }
}

/// Writes a text as the value of an attribute in double quotes. What XML cannot hold becomes
/// U+FFFD.
pub(crate) fn encode_attribute(text: &str, out: &mut Vec<u8>) {
    for c in text.chars() {
        match c {
            '&' => out.extend_from_slice(b"&amp;"),
            '<' => out.extend_from_slice(b"&lt;"),
            '"' => out.extend_from_slice(b"&quot;"),
            '\t' => out.extend_from_slice(b"&#9;"),
            '\n' => out.extend_from_slice(b"&#10;"),
            '\r' => out.extend_from_slice(b"&#13;"),
            c => push_char(c, out),
        }
    }
}

/// Writes the content of an element without its comments and instructions.
pub(crate) fn copy_without_remarks(raw: &[u8], out: &mut Vec<u8>) {
    let text = str::from_utf8(raw).unwrap_or_default();
    let mut cursor = Cursor { text, at: 0 };
    loop {
        let start = cursor.at;
        cursor.skip_text();
        let is_kept = match cursor.rest() {
            [b'&', ..] => cursor.reference().is_ok(),
            rest if rest.starts_with(SECTION) => cursor.section().is_ok(),
            _ => false,
        };
        out.extend_from_slice(raw.get(start..cursor.at).unwrap_or_default());
        if is_kept {
            continue;
        }
        let went = match cursor.rest() {
            rest if rest.starts_with(COMMENT) => cursor.comment(),
            rest if rest.starts_with(INSTRUCTION) => cursor.instruction(),
            _ => return,
        };
        if went.is_err() {
            return;
        }
    }
}

fn push_lines(decoded: &mut String, text: &str) {
    if text.contains('\r') {
        decoded.push_str(&text.replace("\r\n", "\n").replace('\r', "\n"));
    } else {
        decoded.push_str(text);
    }
}

fn push_char(c: char, out: &mut Vec<u8>) {
    let c = if is_char(c) { c } else { char::REPLACEMENT_CHARACTER };
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_decoded_as_the_standard_says() {
        for (raw, text) in [
            ("", ""),
            ("Сәрсен", "Сәрсен"),
            ("a&amp;b&lt;c&gt;&quot;&apos;", "a&b<c>\"'"),
            ("&#1057;&#x4D9;&#13;&#x1F600;", "Сә\r\u{1F600}"),
            ("a\r\nb\rc\n\rd", "a\nb\nc\n\nd"),
            ("8501<!-- x -->01<?y z?>300", "850101300"),
            ("<![CDATA[a&amp;\r\n<b>]]]]>c<![CDATA[]]>", "a&amp;\n<b>]]c"),
            ("<!-- a --><!-- b -->", ""),
        ] {
            assert_eq!(decode_text(raw.as_bytes()), text, "{raw}");
        }
    }

    #[test]
    fn an_attribute_is_decoded_as_the_standard_says() {
        for (raw, text) in [
            ("", ""),
            ("a  b", "a  b"),
            ("a\r\nb\rc\n\rd\te", "a b c  d e"),
            ("&#10;&#9;&#xD;&amp;lt;", "\n\t\r&lt;"),
        ] {
            assert_eq!(decode_attribute(raw.as_bytes()), text, "{raw}");
        }
    }

    #[test]
    fn what_is_encoded_is_decoded_to_the_same() {
        let text = "a&b<c>]]>\"'\t\n\r Сә\u{1F600}";
        let (mut content, mut attribute) = (Vec::new(), Vec::new());
        encode_text(text, &mut content);
        encode_attribute(text, &mut attribute);
        assert_eq!(decode_text(&content), text);
        assert_eq!(decode_attribute(&attribute), text);
        assert!(!attribute.contains(&b'"') && !attribute.contains(&b'<'));
        let mut bad = Vec::new();
        encode_text("\0\u{1B}\u{FFFF}", &mut bad);
        assert_eq!(str::from_utf8(&bad), Ok("\u{FFFD}\u{FFFD}\u{FFFD}"));
    }

    #[test]
    fn remarks_are_left_out_and_nothing_else() {
        for (raw, kept) in [
            ("a<!-- b -->c<?d e?>f", "acf"),
            ("<![CDATA[<!-- b -->]]>&lt;!-- c --&gt;", "<![CDATA[<!-- b -->]]>&lt;!-- c --&gt;"),
            ("<!--a-->", ""),
            ("a\r\n&amp;", "a\r\n&amp;"),
        ] {
            let mut out = Vec::new();
            copy_without_remarks(raw.as_bytes(), &mut out);
            assert_eq!(str::from_utf8(&out), Ok(kept), "{raw}");
        }
    }
}
