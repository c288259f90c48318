//! JPEG (ISO/IEC 10918-1): markers with their segments, from `SOI` to `EOI`.

/// Checks a picture; the error is where it stops being one.
pub(super) fn check(content: &[u8]) -> Result<(), usize> {
    let mut rest = content.strip_prefix(&[0xff, SOI]).ok_or(0_usize)?;
    let (mut has_frame, mut has_scan) = (false, false);
    loop {
        let at = content.len() - rest.len();
        let (marker, after) = marker(rest).ok_or(at)?;
        if marker == EOI {
            return if has_frame && has_scan && after.is_empty() { Ok(()) } else { Err(at) };
        }
        rest = segment(marker, after).ok_or(at)?;
        has_frame |= is_frame(marker);
        if marker == SOS {
            if !has_frame {
                return Err(at);
            }
            has_scan = true;
            rest = after_scan(rest).ok_or(content.len())?;
        }
    }
}

/// Reads a marker; any number of `FF` may stand before it.
fn marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let mut rest = bytes.strip_prefix(&[0xff])?;
    while let Some(after) = rest.strip_prefix(&[0xff]) {
        rest = after;
    }
    rest.split_first().map(|(marker, after)| (*marker, after))
}

/// Goes past the segment of a marker, which has its length in front.
fn segment(marker: u8, bytes: &[u8]) -> Option<&[u8]> {
    // The others have no segment, or are reserved; none may stand here.
    if !matches!(marker, 0xc0..=0xcf | 0xda..=0xdf | 0xe0..=0xef | 0xfe) {
        return None;
    }
    let length = usize::from(u16::from_be_bytes(*bytes.first_chunk::<2>()?));
    if length < 2 { None } else { bytes.get(length..) }
}

/// Whether a marker begins a frame: 16 marks from `C0`, of which three begin tables.
fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc)
}

/// Goes past the coded data of a scan, up to the marker after it.
fn after_scan(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes;
    loop {
        let at = rest.iter().position(|byte| *byte == 0xff)?;
        rest = rest.get(at..)?;
        match rest {
            [_, 0x00 | RST0..=RST7, after @ ..] => rest = after,
            [_, 0xff, ..] => rest = rest.get(1..)?,
            _ => return Some(rest),
        }
    }
}

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const RST0: u8 = 0xd0;
const RST7: u8 = 0xd7;
