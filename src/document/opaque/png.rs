//! PNG (ISO/IEC 15948): a signature and chunks, each with its checksum, from `IHDR` to `IEND`.

/// Checks a picture; the error is where it stops being one.
pub(super) fn check(content: &[u8]) -> Result<(), usize> {
    let mut rest = content.strip_prefix(SIGNATURE).ok_or(0_usize)?;
    let mut state = State::Begin;
    while state != State::End {
        let at = content.len() - rest.len();
        let (chunk, after) = chunk(rest).ok_or(at)?;
        state = state.next(&chunk).ok_or(at)?;
        rest = after;
    }
    if rest.is_empty() { Ok(()) } else { Err(content.len() - rest.len()) }
}

struct Chunk<'a> {
    kind: [u8; 4],
    data: &'a [u8],
}

/// How far a picture has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Begin,
    Header,
    Palette,
    Data,
    /// Something other than data has followed the data.
    AfterData,
    End,
}

impl State {
    fn next(self, chunk: &Chunk<'_>) -> Option<Self> {
        match (self, &chunk.kind) {
            (Self::Begin, b"IHDR") => is_header(chunk.data).then_some(Self::Header),
            (Self::Header, b"PLTE") => {
                let is_palette =
                    (3..=768).contains(&chunk.data.len()) && chunk.data.len().is_multiple_of(3);
                is_palette.then_some(Self::Palette)
            }
            (Self::Header | Self::Palette | Self::Data, b"IDAT") => Some(Self::Data),
            (Self::Data | Self::AfterData, b"IEND") => chunk.data.is_empty().then_some(Self::End),
            // A chunk with a small first letter can be left out without harm; no other is known.
            (Self::Header | Self::Palette | Self::AfterData, [b'a'..=b'z', ..]) => Some(self),
            (Self::Data, [b'a'..=b'z', ..]) => Some(Self::AfterData),
            _ => None,
        }
    }
}

/// Reads a chunk whose checksum is right.
fn chunk(bytes: &[u8]) -> Option<(Chunk<'_>, &[u8])> {
    let (length, checked) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (checked, after) = checked.split_at_checked(length.checked_add(4)?)?;
    let (sum, after) = after.split_first_chunk::<4>()?;
    let (kind, data) = checked.split_first_chunk::<4>()?;
    let is_good = kind.iter().all(u8::is_ascii_alphabetic) && crc(checked).to_be_bytes() == *sum;
    is_good.then_some((Chunk { kind: *kind, data }, after))
}

/// Width, height, depth and colour, compression, filter and interlacing.
fn is_header(data: &[u8]) -> bool {
    let [w0, w1, w2, w3, h0, h1, h2, h3, depth, colour, 0, 0, 0 | 1] = *data else { return false };
    let is_size = |size| (1..=0x7fff_ffff_u32).contains(&size);
    is_size(u32::from_be_bytes([w0, w1, w2, w3]))
        && is_size(u32::from_be_bytes([h0, h1, h2, h3]))
        && matches!(
            (colour, depth),
            (0, 1 | 2 | 4 | 8 | 16) | (3, 1 | 2 | 4 | 8) | (2 | 4 | 6, 8 | 16)
        )
}

/// The CRC-32 of ISO 3309.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        let [low, ..] = crc.to_le_bytes();
        let row = TABLE.get(usize::from(low ^ byte)).copied().unwrap_or_default();
        row ^ crc >> 8
    })
}

const TABLE: [u32; 256] = table();

#[allow(clippy::indexing_slicing, reason = "computed while compiling")]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0_u32;
    while byte < 256 {
        let (mut crc, mut bit) = (byte, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { 0xedb8_8320 ^ crc >> 1 } else { crc >> 1 };
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
}

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_known_one() {
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc(b"IEND"), 0xae42_6082);
    }
}
