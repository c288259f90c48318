//! Several envelopes in one body: how a record stream is sent.
//!
//! | size | what |
//! |---|---|
//! | 4 | the length of the envelope that follows, big-endian, 1 to 268 435 456 |
//! | … | the envelope |
//!
//! and so on to the end of the body, which has the media type of [`MEDIA_TYPE`]. Where the gateway
//! signs, it has [`MEDIA_TYPE_SIGNED`], and behind each envelope stand 64 bytes: the signature of
//! [`crate::signing::request::part`] by the key that signed the request. The length does not count
//! them.
//!
//! Each envelope is whole in itself: it has its own `did` and its own entry in the sender's ledger.
//! Its header bears `stream`: the stream's id, the number of this part, counted from 0 without
//! gaps, and whether it is the last. A stream whose last part has not come is incomplete, whatever
//! ended it.
//!
//! No length begins as an envelope does, so the first byte tells frames from one envelope.

use bytes::{Buf as _, Bytes, BytesMut};
use uuid::Uuid;

use super::format::Header;
use crate::signing::SIGNATURE;

/// Makes the frame of an envelope, with the signature behind it where the gateway signs. `None`
/// where it is longer than a frame may be.
#[must_use]
pub fn frame(envelope: &[u8], signature: Option<&[u8; SIGNATURE]>) -> Option<Vec<u8>> {
    let length = u32::try_from(envelope.len()).ok().filter(|length| *length <= ENVELOPE_MAX)?;
    let signature = signature.map_or(&[][..], |signature| signature);
    Some([&length.to_be_bytes(), envelope, signature].concat())
}

/// Reads the length that a frame begins with: that of its envelope, in bytes.
///
/// # Errors
/// No length that an envelope has.
pub fn length(bytes: [u8; LENGTH]) -> Result<usize, BadStream> {
    let length = u32::from_be_bytes(bytes);
    let length = Some(length).filter(|length| (1..=ENVELOPE_MAX).contains(length));
    length.and_then(|length| usize::try_from(length).ok()).ok_or(BadStream::Length)
}

/// Whether frames may begin with this byte, with which no envelope begins and no text.
#[must_use]
pub const fn begin_with(first: u8) -> bool {
    first <= ENVELOPE_MAX.to_be_bytes()[0]
}

/// Takes the next envelope out of bytes that come piece by piece; `None` until it is whole.
///
/// # Errors
/// A length that no envelope has.
pub fn next(buffer: &mut BytesMut) -> Result<Option<Bytes>, BadStream> {
    Ok(split(buffer, 0)?.map(BytesMut::freeze))
}

/// Takes the next envelope and its signature out of bytes that come piece by piece; `None` until
/// both are whole.
///
/// # Errors
/// A length that no envelope has.
pub fn next_signed(buffer: &mut BytesMut) -> Result<Option<(Bytes, [u8; SIGNATURE])>, BadStream> {
    let Some(mut envelope) = split(buffer, SIGNATURE)? else { return Ok(None) };
    let signature = envelope.split_off(envelope.len().saturating_sub(SIGNATURE));
    let signature = *signature.first_chunk().ok_or(BadStream::Short)?;
    Ok(Some((envelope.freeze(), signature)))
}

/// Takes the next envelope, with so many bytes behind it.
fn split(buffer: &mut BytesMut, behind: usize) -> Result<Option<BytesMut>, BadStream> {
    let Some((start, rest)) = buffer.split_first_chunk::<LENGTH>() else { return Ok(None) };
    let length = length(*start)? + behind;
    if rest.len() < length {
        buffer.reserve(length.min(ROOM_MAX));
        return Ok(None);
    }
    buffer.advance(LENGTH);
    Ok(Some(buffer.split_to(length)))
}

/// The parts of a stream that came so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sequence {
    stream: Option<Uuid>,
    next: u64,
    is_whole: bool,
}

impl Sequence {
    /// Takes the header of the next envelope.
    ///
    /// # Errors
    /// It is not the next part of this stream.
    pub fn take(&mut self, header: &Header) -> Result<(), BadStream> {
        let part = header.stream.ok_or(BadStream::NoPart)?;
        if self.is_whole {
            return Err(BadStream::AfterLast);
        }
        if self.stream.is_some_and(|stream| stream != part.id) {
            return Err(BadStream::Another);
        }
        if part.n != self.next {
            return Err(BadStream::Order);
        }
        *self = Self { stream: Some(part.id), next: self.next + 1, is_whole: part.last };
        Ok(())
    }

    /// Says that nothing more comes.
    ///
    /// # Errors
    /// The last part is missing.
    pub const fn finish(self) -> Result<(), BadStream> {
        if self.is_whole { Ok(()) } else { Err(BadStream::Incomplete) }
    }
}

/// Why frames are not a whole stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadStream {
    /// A part follows the last one.
    #[error("the stream goes on after its last part")]
    AfterLast,
    /// A part belongs to another stream.
    #[error("a part belongs to another stream")]
    Another,
    /// The last part is missing.
    #[error("the stream is incomplete: its last part is missing")]
    Incomplete,
    /// A frame's length is none that an envelope has.
    #[error("not a stream of envelopes: a frame's length is out of range")]
    Length,
    /// An envelope does not say which part of a stream it is.
    #[error("an envelope of the stream does not say which part it is")]
    NoPart,
    /// A part is missing, comes twice or is out of its place.
    #[error("a part of the stream is missing, comes twice or is out of its place")]
    Order,
    /// A frame is cut off.
    #[error("the stream is cut off inside a frame")]
    Short,
}

/// The bytes of a frame's length.
pub const LENGTH: usize = 4;
/// The media type of frames.
pub const MEDIA_TYPE: &str = "application/vnd.otkel.envelopes";
/// The media type of frames that are signed one by one.
pub const MEDIA_TYPE_SIGNED: &str = "application/vnd.otkel.envelopes; parts=signed";
const ROOM_MAX: usize = 64 << 10;
/// The bytes of the longest envelope in a frame: 256 MiB.
pub const ENVELOPE_MAX: u32 = 256 << 20;
