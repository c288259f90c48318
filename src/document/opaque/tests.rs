//! Promises of opaque content.

use super::*;

/// A picture of one grey point.
pub(crate) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\
    \x3a\x7e\x9b\x55\
    \0\0\0\x0aIDAT\x78\xda\x63\x68\0\0\0\x82\0\x81\xda\x45\x08\x3b\0\0\0\0IEND\xaeB`\x82";

/// A frame and a scan, of which no picture can be made.
pub(crate) const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x07JFIF\0\xff\xc0\0\x0b\x08\0\x01\0\x01\x01\
    \x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0\xd2\xff\0\xcf\xff\xd0\x20\xff\xd9";

pub(crate) const PDF: &[u8] =
    b"%PDF-1.4\n1 0 obj\n<</Type/Catalog>>\nendobj\nxref\n0 1\n0000000000 65535 f \ntrailer\n\
    <</Root 1 0 R/Size 1>>\nstartxref\n42\n%%EOF\n";

fn is(kind: Opaque, content: &[u8]) -> bool {
    check(kind, content).is_ok()
}

#[test]
fn content_is_what_it_says() {
    let all = [(Opaque::Png, PNG), (Opaque::Jpeg, JPEG), (Opaque::Pdf, PDF)];
    for (kind, _) in all {
        for (other, content) in all {
            assert_eq!(is(kind, content), kind == other, "{other:?} as {kind:?}");
        }
    }
}

#[test]
fn nothing_stands_before_or_after() {
    for (kind, content) in [(Opaque::Png, PNG), (Opaque::Jpeg, JPEG), (Opaque::Pdf, PDF)] {
        assert!(!is(kind, &[b" ", content].concat()), "{kind:?}");
        assert!(!is(kind, &[content, b" x"].concat()), "{kind:?}");
        let twice = [content, content].concat();
        assert!(kind == Opaque::Pdf || !is(kind, &twice), "{kind:?}");
        // A line end after `%%EOF` is the only thing that a document can do without.
        let shortest = content.trim_ascii_end().len();
        for end in 0..shortest {
            assert!(!is(kind, &content[..end]), "{kind:?} cut at {end}");
        }
    }
}

#[test]
fn a_picture_with_a_changed_byte_is_none() {
    for at in 0..PNG.len() {
        let mut content = PNG.to_vec();
        content[at] ^= 1;
        assert!(!is(Opaque::Png, &content), "{at}");
    }
}

#[test]
fn chunks_stand_in_their_order() {
    let chunks: Vec<&[u8]> = vec![&PNG[8..33], &PNG[33..55], &PNG[55..]];
    let picture = |order: &[usize]| {
        let chunks = order.iter().flat_map(|n| chunks[*n].iter().copied());
        PNG[..8].iter().copied().chain(chunks).collect::<Vec<u8>>()
    };
    assert!(is(Opaque::Png, &picture(&[0, 1, 2])) && is(Opaque::Png, &picture(&[0, 1, 1, 2])));
    for order in [&[1, 0, 2][..], &[0, 2], &[0, 0, 1, 2], &[0, 1, 2, 2], &[1, 2], &[0, 1]] {
        assert!(!is(Opaque::Png, &picture(order)), "{order:?}");
    }
}

#[test]
fn a_marker_that_may_not_stand_there_ends_a_picture() {
    let scan = JPEG.windows(2).position(|two| two == [0xff, 0xda]).unwrap();
    let frame = JPEG.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    let with = |at: usize, bytes: &[u8]| [&JPEG[..at], bytes, &JPEG[at..]].concat();
    assert!(is(Opaque::Jpeg, &with(frame, b"\xff\xff\xfe\0\x03x")));
    assert!(!is(Opaque::Jpeg, &with(frame, b"\xff\xd8")));
    assert!(!is(Opaque::Jpeg, &with(frame, b"\xff\x01")));
    assert!(!is(Opaque::Jpeg, &with(frame, b"\xff\xfe\0\x01")));
    assert!(!is(Opaque::Jpeg, &with(frame, b"x")));
    assert!(!is(Opaque::Jpeg, &with(frame, b"\xff\xd9")));
    assert!(!is(Opaque::Jpeg, &[&JPEG[..frame], &JPEG[scan..]].concat()));
    assert!(!is(Opaque::Jpeg, &[&JPEG[..scan], b"\xff\xd9"].concat()));
}

#[test]
fn a_document_names_its_cross_references_and_is_not_encrypted() {
    let text = str::from_utf8(PDF).unwrap();
    for (from, to) in [
        ("%PDF-1.4\n", "%PDF-2.0\r"),
        ("%PDF-1.4\n", "%PDF-1.7\n"),
        ("xref\n0 1", "9 0 obj\n"),
        ("%%EOF\n", "%%EOF"),
        ("/Size", "/EncryptMetadata"),
    ] {
        assert!(is(Opaque::Pdf, text.replacen(from, to, 1).as_bytes()), "{to}");
    }
    for (from, to) in [
        ("%PDF-1.4\n", "%PDF-1.9\n"),
        ("%PDF-1.4\n", "%PDF-1.4x"),
        ("\n42\n", "\n43\n"),
        ("\n42\n", "\n999999\n"),
        ("\n42\n", "\n\n"),
        ("startxref", "startxreg"),
        ("%%EOF\n", "%%EOF\n\n"),
        ("/Size", "/Encrypt 2 0 R/Size"),
        ("/Size", "/Encrypt<<>>/Size"),
    ] {
        let text = text.replacen(from, to, 1);
        assert!(!is(Opaque::Pdf, text.as_bytes()), "{to:?}");
    }
}

#[test]
fn content_that_is_an_archive_too_is_refused() {
    // The comment of the archive is the rest of the document.
    let (before, rest) = PDF.split_at(PDF.len() - 6);
    let length = u16::try_from(rest.len()).unwrap().to_le_bytes();
    let record = [b"PK\x05\x06", &[0; 16][..], &length].concat();
    let text = [&PDF[..9], b"%", &PDF[9..]].concat();
    assert!(!is(Opaque::Pdf, &text));
    let mut both = before.to_vec();
    let at = before.windows(9).position(|word| word == b"startxref").unwrap();
    let length = u16::try_from(PDF.len() - at).unwrap().to_le_bytes();
    both.splice(at..at, [b"PK\x05\x06", &[0; 16][..], &length].concat());
    both.extend_from_slice(rest);
    assert!(pdf::check(&both).is_ok() && !is(Opaque::Pdf, &both));
    assert_eq!(archive::find(&[b"x", &record[..], rest].concat()), Some(1));
    assert_eq!(archive::find(&[b"x", &record[..], rest, b"x"].concat()), None);
}
