//! Any bytes as an envelope, and as frames of envelopes: no crash, the same answer however the
//! bytes come, and a prefix that is read is the prefix that is written.

use std::sync::OnceLock;

use bytes::BytesMut;
use otkel::envelope::{BadEnvelope, Kem, Next, Opener, RecipientSecret, format, frames, open_with};

/// Holds the promises against one input.
pub(crate) fn run(input: &[u8]) {
    static KEYS: OnceLock<Vec<RecipientSecret>> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        Kem::ALL.into_iter().map(|kem| RecipientSecret::read(kem, &[9; 32]).unwrap()).collect()
    });
    let whole = open_with(input, keys).map(|(_, body)| body);
    let size = input.first().map_or(1, |first| usize::from(*first) + 1);
    assert!(in_pieces(input, size, keys) == whole, "pieces of {size} open otherwise");

    if let Ok(length) = format::prefix_length(input)
        && let Some(prefix) = input.get(..length)
        && let Ok((mode, header)) = format::read_prefix(prefix)
        && let Ok(written) = format::prefix(mode, &header)
    {
        assert!(format::read_prefix(&written) == Ok((mode, header)), "written differently");
    }

    let (mut at_once, mut by_bytes) = (BytesMut::from(input), BytesMut::new());
    for byte in input {
        by_bytes.extend_from_slice(&[*byte]);
        let Ok(Some(envelope)) = frames::next(&mut by_bytes) else { continue };
        assert!(frames::next(&mut at_once) == Ok(Some(envelope)), "frames came apart");
    }
}

fn in_pieces(input: &[u8], size: usize, keys: &[RecipientSecret]) -> Result<Vec<u8>, BadEnvelope> {
    let (mut opener, mut pieces) = (Opener::new(keys), input.chunks(size));
    let mut body = Vec::new();
    loop {
        match opener.next()? {
            Next::More => match pieces.next() {
                Some(piece) => opener.push(piece),
                None => opener.end(),
            },
            Next::Text(text) => body.extend_from_slice(&text),
            Next::Whole => return Ok(body),
        }
    }
}
