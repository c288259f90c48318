//! Opens an envelope as it comes, in constant memory.

use bytes::{Bytes, BytesMut};
use hpke::inout::InOutBuf;

use super::context::OpenChunk;
use super::format::{self, BadEnvelope, CHUNK, Header, Mode, TAG};
use super::key::RecipientSecret;
use super::pad::Unpad;
use super::stream;

/// Takes the bytes of an envelope piece by piece, and gives its header and its body.
///
/// Every [`Next::Text`] is authenticated for itself and in its place. Only [`Next::Whole`] says
/// that nothing is missing: an envelope that is cut at the edge of a chunk gives all the chunks
/// before it. Who acts on text before that must be able to take it back.
///
/// Memory stays below the longest piece and two chunks.
///
/// ```text
/// loop { match opener.next()? {
///     Next::More => if let Some(piece) = body.next() { opener.push(piece) } else { opener.end() },
///     Next::Text(text) => store(text),
///     Next::Whole => break,
/// } }
/// ```
pub struct Opener<K> {
    secrets: K,
    pub(super) buffer: BytesMut,
    is_ended: bool,
    state: State,
}

enum State {
    Prefix,
    Key { mode: Mode, header: Box<Header>, prefix: Bytes },
    Chunks { header: Box<Header>, chunks: Box<dyn OpenChunk + Send + Sync>, text: Unpad },
    Last { header: Box<Header>, text: Unpad },
    Bad(BadEnvelope),
}

/// What a step gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// More bytes are needed, or word that there are none.
    More,
    /// The next bytes of the body.
    Text(Bytes),
    /// The body is complete, and all of it was authentic.
    Whole,
}

impl<K: AsRef<[RecipientSecret]>> Opener<K> {
    /// Begins with the keys that envelopes may be sealed to.
    pub fn new(secrets: K) -> Self {
        Self { secrets, buffer: BytesMut::new(), is_ended: false, state: State::Prefix }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// Takes word that no more bytes come.
    pub const fn end(&mut self) {
        self.is_ended = true;
    }

    /// The header, once it has come. It is authentic once text or the end has come.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        match &self.state {
            State::Key { header, .. }
            | State::Chunks { header, .. }
            | State::Last { header, .. } => Some(header),
            State::Prefix | State::Bad(_) => None,
        }
    }

    /// The header of an envelope that was whole.
    #[must_use]
    pub fn into_header(self) -> Option<Header> {
        match self.state {
            State::Last { header, .. } => Some(*header),
            _ => None,
        }
    }

    /// The next thing that can be told from the bytes so far.
    ///
    /// # Errors
    /// Bytes that are not an envelope for these keys; the same again at each further call.
    #[expect(clippy::should_implement_trait, reason = "a step can fail, and be asked for again")]
    pub fn next(&mut self) -> Result<Next, BadEnvelope> {
        loop {
            match self.step() {
                Ok(Some(next)) => return Ok(next),
                Ok(None) => {}
                Err(why) => {
                    self.state = State::Bad(why);
                    return Err(why);
                }
            }
        }
    }

    /// One step; `None` where another can follow at once.
    fn step(&mut self) -> Result<Option<Next>, BadEnvelope> {
        match &mut self.state {
            State::Prefix => {
                let length = match format::prefix_length(&self.buffer) {
                    Err(BadEnvelope::Short) if !self.is_ended => return Ok(Some(Next::More)),
                    length => length?,
                };
                let Some(prefix) = self.take(length)? else { return Ok(Some(Next::More)) };
                let (mode, header) = format::read_prefix(&prefix)?;
                self.state = State::Key { mode, header: header.into(), prefix };
                Ok(None)
            }
            State::Key { mode, header, .. } => {
                let length = stream::key_length(*mode, header)?;
                let Some(bytes) = self.take(length)? else { return Ok(Some(Next::More)) };
                self.unlock(&bytes).map(|()| None)
            }
            State::Chunks { chunks, text, .. } => {
                if let Some(text) = text.next() {
                    return Ok(Some(Next::Text(text)));
                }
                if self.buffer.len() >= CHUNK + TAG {
                    text.take(open(&mut **chunks, self.buffer.split_to(CHUNK + TAG))?);
                    return Ok(None);
                }
                if !self.is_ended {
                    return Ok(Some(Next::More));
                }
                text.take(open(&mut **chunks, self.buffer.split())?);
                text.end()?;
                self.finish();
                Ok(None)
            }
            State::Last { text, .. } => Ok(Some(text.next().map_or(Next::Whole, Next::Text))),
            State::Bad(why) => Err(*why),
        }
    }

    /// So many bytes; `None` until they are there.
    fn take(&mut self, length: usize) -> Result<Option<Bytes>, BadEnvelope> {
        if self.buffer.len() >= length {
            return Ok(Some(self.buffer.split_to(length).freeze()));
        }
        if self.is_ended { Err(BadEnvelope::Short) } else { Ok(None) }
    }

    fn unlock(&mut self, bytes: &[u8]) -> Result<(), BadEnvelope> {
        let State::Key { mode, header, prefix } = std::mem::replace(&mut self.state, State::Prefix)
        else {
            return Err(BadEnvelope::Header);
        };
        let chunks = stream::unlock((mode, &header), &prefix, bytes, self.secrets.as_ref())?;
        let text = Unpad::new(header.pad);
        self.state = State::Chunks { header, chunks, text };
        Ok(())
    }

    fn finish(&mut self) {
        if let State::Chunks { header, text, .. } =
            std::mem::replace(&mut self.state, State::Bad(BadEnvelope::Header))
        {
            self.state = State::Last { header, text };
        }
    }
}

/// Opens one chunk in its place.
fn open(chunks: &mut dyn OpenChunk, mut chunk: BytesMut) -> Result<Bytes, BadEnvelope> {
    let text = chunk.len().checked_sub(TAG).ok_or(BadEnvelope::Short)?;
    let tag = chunk.split_off(text);
    let tag = tag.first_chunk().ok_or(BadEnvelope::Short)?;
    chunks.open(InOutBuf::from(&mut chunk[..]), tag).ok_or(BadEnvelope::Sealed)?;
    Ok(chunk.freeze())
}

impl<K> std::fmt::Debug for Opener<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").field("buffered", &self.buffer.len()).finish_non_exhaustive()
    }
}
