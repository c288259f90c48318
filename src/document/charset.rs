//! Charsets: from what a route declares to UTF-8.
//!
//! Invariants:
//! - no replacement character is ever made: bytes that are no text of the charset are a fault;
//! - nothing is guessed: no byte of the text chooses the charset;
//! - UTF-8 is passed on as it is, and checked by the parsers.

use bytes::Bytes;
use encoding_rs::{Decoder, DecoderResult, Encoding, REPLACEMENT, UTF_8, X_USER_DEFINED};

use super::fault::{BadDocument, Fault};

/// A charset that a route declares: one of the WHATWG Encoding Standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charset(&'static Encoding);

impl Charset {
    /// What is meant where no route and no header says more.
    pub const UTF_8: Self = Self(UTF_8);

    /// The charset with this label (Encoding Standard §4.2), in any case, such as `windows-1251`.
    ///
    /// `None` where there is none, or none that a text can be read from.
    #[must_use]
    pub fn named(label: &str) -> Option<Self> {
        let encoding = Encoding::for_label_no_replacement(label.as_bytes())?;
        (encoding != X_USER_DEFINED && encoding != REPLACEMENT).then_some(Self(encoding))
    }

    /// Its name, such as `windows-1251`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// Whether a `charset` parameter of a media type, without its quotes, means this charset.
    #[must_use]
    pub fn is_named(self, label: &str) -> bool {
        Self::named(label) == Some(self)
    }

    /// Converts a whole body to UTF-8.
    ///
    /// # Errors
    /// Bytes that are no text of this charset, and a text of more than `bytes_max` bytes.
    pub fn convert(self, body: Bytes, bytes_max: usize) -> Result<Bytes, BadDocument> {
        if self.0 == UTF_8 {
            return Ok(body);
        }
        let mut out = Vec::with_capacity(body.len().saturating_mul(2).min(bytes_max));
        let mut converter = self.converter();
        converter.push(&body, &mut out)?;
        converter.finish(&mut out)?;
        if out.len() > bytes_max {
            return Err(bad(Fault::BodyTooLong, bytes_max));
        }
        Ok(out.into())
    }

    /// Converts a body to UTF-8 while it comes in.
    #[must_use]
    pub fn converter(self) -> Converter {
        let is_converted = self.0 != UTF_8;
        Converter {
            decoder: is_converted.then(|| self.0.new_decoder_with_bom_removal()),
            is_single_byte: self.0.is_single_byte(),
            read: 0,
        }
    }
}

/// Converts a stream of bytes to UTF-8.
pub struct Converter {
    /// `None` where the bytes are UTF-8 already.
    decoder: Option<Decoder>,
    /// Whether each byte is a character.
    is_single_byte: bool,
    read: usize,
}

impl Converter {
    /// Converts the next bytes, and puts the text that is complete behind `out`.
    ///
    /// # Errors
    /// Bytes that are no text of the charset, by their offset in the stream. After an error no more
    /// may be pushed.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), BadDocument> {
        self.decode(bytes, false, out)
    }

    /// Says that the stream ends here.
    ///
    /// # Errors
    /// A character of which bytes are missing.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), BadDocument> {
        self.decode(&[], true, out)
    }

    fn decode(&mut self, bytes: &[u8], last: bool, out: &mut Vec<u8>) -> Result<(), BadDocument> {
        let Some(decoder) = &mut self.decoder else {
            out.extend_from_slice(bytes);
            return Ok(());
        };
        let mut rest = bytes;
        loop {
            let start = out.len();
            out.resize(start + rest.len().clamp(ROOM_MIN, ROOM_MAX), 0);
            let room = out.get_mut(start..).unwrap_or_default();
            let (result, read, written) =
                decoder.decode_to_utf8_without_replacement(rest, room, last);
            out.truncate(start + written);
            if self.is_single_byte {
                let text = out.get(start..).unwrap_or_default();
                if let Some(before) = find_c1(text) {
                    return Err(bad(Fault::NotOfCharset, self.read + before));
                }
            }
            self.read += read;
            rest = rest.get(read..).unwrap_or_default();
            match result {
                DecoderResult::InputEmpty => return Ok(()),
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(length, after) => {
                    let length = usize::from(length) + usize::from(after);
                    return Err(bad(Fault::NotOfCharset, self.read.saturating_sub(length)));
                }
            }
        }
    }
}

/// How many characters stand before the first one from U+0080 to U+009F.
///
/// The Encoding Standard gives these to bytes that a charset leaves open, such as 98 of
/// windows-1251.
fn find_c1(text: &[u8]) -> Option<usize> {
    let is_c1 = |at: &usize| text.get(at + 1).is_some_and(|byte| *byte < 0xA0);
    let at = memchr::memchr_iter(0xC2, text).find(is_c1)?;
    Some(String::from_utf8_lossy(text.get(..at).unwrap_or_default()).chars().count())
}

fn bad(fault: Fault, offset: usize) -> BadDocument {
    BadDocument { fault, offset, path: "$".to_owned() }
}

/// A text is converted in steps of at least and at most so many bytes.
const ROOM_MIN: usize = 64;
const ROOM_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn charset(label: &str) -> Charset {
        Charset::named(label).unwrap()
    }

    fn convert(label: &str, body: &[u8]) -> Result<String, (Fault, usize)> {
        let converted = charset(label).convert(Bytes::copy_from_slice(body), 1 << 20);
        let text = |body: Bytes| String::from_utf8(body.to_vec()).unwrap();
        converted.map(text).map_err(|bad| (bad.fault, bad.offset))
    }

    #[test]
    fn text_of_a_declared_charset_becomes_utf_8() {
        for (label, bytes, text) in [
            ("windows-1251", &b"\xc0\xe9\xe3\xe5\xf0\xb3\xec"[..], "Айгерім"),
            ("cp1251", b"\xb9 1 \xab\xa0\xbb \x85", "№ 1 «\u{a0}» …"),
            ("koi8-r", b"\xe1\xcb", "Ак"),
            ("ibm866", b"\x80\xaa", "Ак"),
            ("ISO-8859-5", b"\xb0\xda", "Ак"),
            ("latin1", b"\x80\xe9", "€é"),
            ("utf-16le", b"\xff\xfea\0\x3d\xd8\0\xde", "a\u{1F600}"),
            ("utf-16be", b"\x04\x10", "А"),
            ("gb18030", b"\xc4\xe3", "你"),
            ("shift_jis", b"\x82\xa0", "あ"),
        ] {
            assert_eq!(convert(label, bytes).as_deref(), Ok(text), "{label}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_a_fault() {
        for (label, bytes, offset) in [
            ("windows-1251", &b"ab\xe3\x98c"[..], 3),
            ("windows-1252", b"\x81", 0),
            ("iso-8859-5", b"a\x9f", 1),
            ("iso-8859-3", b"ab\xa5", 2),
            ("utf-16le", b"a\0\0\xd8a\0", 2),
            ("utf-16le", b"a\0a", 2),
            ("gb18030", b"a\xff", 1),
            ("shift_jis", b"a\x82", 1),
        ] {
            assert_eq!(convert(label, bytes), Err((Fault::NotOfCharset, offset)), "{label}");
        }
    }

    #[test]
    fn no_byte_of_the_text_chooses_the_charset() {
        assert_eq!(convert("windows-1251", b"\xef\xbb\xbfa").as_deref(), Ok("п»їa"));
        assert_eq!(convert("windows-1251", b"\xff\xfea").as_deref(), Ok("яюa"));
        assert_eq!(convert("utf-16le", b"\xfe\xffa\0").as_deref(), Ok("\u{fffe}a"));
    }

    #[test]
    fn utf_8_is_passed_on_unread() {
        let body = Bytes::from_static(b"\xef\xbb\xbf\xff");
        assert_eq!(Charset::UTF_8.convert(body.clone(), 1).unwrap(), body);
        let mut out = Vec::new();
        let mut converter = Charset::UTF_8.converter();
        converter.push(&body, &mut out).and_then(|()| converter.finish(&mut out)).unwrap();
        assert_eq!(out, body);
    }

    #[test]
    fn a_text_that_becomes_too_long_is_refused() {
        let body = Bytes::from(vec![0xC0; 100_000]);
        assert!(charset("windows-1251").convert(body.clone(), 200_000).is_ok());
        let bad = charset("windows-1251").convert(body, 199_999).unwrap_err();
        assert_eq!(bad.fault, Fault::BodyTooLong);
    }

    #[test]
    fn labels_are_those_of_the_standard() {
        assert!(charset("Windows-1251").is_named("cp1251"));
        assert!(charset("UTF-8").is_named("utf8"));
        assert!(!charset("windows-1251").is_named("utf-8"));
        assert!(!charset("utf-16le").is_named("utf-16be"));
        for none in ["", "windows-1251;", "hz-gb-2312", "iso-2022-kr", "x-user-defined", "utf-7"] {
            assert_eq!(Charset::named(none), None, "{none}");
            assert!(!Charset::UTF_8.is_named(none));
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_a_body_is_cut(
            body in prop::collection::vec(any::<u8>(), 0..200),
            label in prop::sample::select(
                vec!["windows-1251", "utf-16le", "gb18030", "shift_jis", "iso-2022-jp", "big5"]
            ),
            step in 1_usize..9,
        ) {
            let whole = convert(label, &body);
            let (mut out, mut converter) = (Vec::new(), charset(label).converter());
            let pushed = body.chunks(step).try_for_each(|bytes| converter.push(bytes, &mut out));
            let result = pushed.and_then(|()| converter.finish(&mut out));
            let text = String::from_utf8(out).unwrap();
            prop_assert_eq!(result.map(|()| text).map_err(|bad| (bad.fault, bad.offset)), whole);
        }

        #[test]
        fn text_survives_the_way_there_and_back(text in "[ -~А-яёі№«»…]{0,300}") {
            let (bytes, _, is_lossy) = encoding_rs::WINDOWS_1251.encode(&text);
            prop_assert!(!is_lossy);
            prop_assert_eq!(convert("windows-1251", &bytes), Ok(text));
        }
    }
}
