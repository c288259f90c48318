//! PDF (ISO 32000-2): the header at the first byte, the end of file at the last, and between them
//! the place of the cross-references that the end names.

use memchr::memmem;

/// Checks a document; the error is where it stops being one.
///
/// An encrypted one is refused: nobody could ever tell what was in it.
pub(super) fn check(content: &[u8]) -> Result<(), usize> {
    header(content).ok_or(0_usize)?;
    let end = content.len();
    let references = references(content).ok_or(end)?;
    let found = content.get(references..).unwrap_or_default();
    if !found.starts_with(b"xref") && !is_object(found) {
        return Err(references);
    }
    match find_name(content, b"/Encrypt") {
        Some(at) => Err(at),
        None => Ok(()),
    }
}

/// `%PDF-1.0` to `%PDF-2.0` and the end of the line.
fn header(content: &[u8]) -> Option<()> {
    match content.strip_prefix(b"%PDF-")? {
        [b'1', b'.', b'0'..=b'7', end, ..] | [b'2', b'.', b'0', end, ..] => {
            matches!(end, b'\r' | b'\n').then_some(())
        }
        _ => None,
    }
}

/// The offset that stands between `startxref` and `%%EOF`, with which the content ends.
fn references(content: &[u8]) -> Option<usize> {
    let content = strip_line_end(content);
    let content = strip_line_end(content.strip_suffix(b"%%EOF")?);
    let digits = content.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (before, digits) = content.split_at_checked(content.len() - digits)?;
    let before = before.trim_ascii_end();
    let is_there = before.ends_with(b"startxref") && digits.len() <= 10;
    let offset = str::from_utf8(digits).ok()?.parse().ok()?;
    (is_there && offset < before.len()).then_some(offset)
}

fn strip_line_end(content: &[u8]) -> &[u8] {
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    content.strip_suffix(b"\r").unwrap_or(content)
}

/// Whether an object stands here, such as `12 0 obj`: the stream of cross-references.
fn is_object(bytes: &[u8]) -> bool {
    let line = bytes.get(..bytes.len().min(OBJECT_BYTES_MAX)).unwrap_or_default();
    let mut words = line.split(u8::is_ascii_whitespace);
    let is_number = |word: Option<&[u8]>| {
        word.is_some_and(|word| !word.is_empty() && word.iter().all(u8::is_ascii_digit))
    };
    is_number(words.next())
        && is_number(words.next())
        && words.next().is_some_and(|word| word.starts_with(b"obj"))
}

/// Where a name stands that is not the beginning of a longer one.
fn find_name(content: &[u8], name: &[u8]) -> Option<usize> {
    let is_whole =
        |at: &usize| !content.get(at + name.len()).is_some_and(u8::is_ascii_alphanumeric);
    memmem::find_iter(content, name).find(is_whole)
}

const OBJECT_BYTES_MAX: usize = 32;
