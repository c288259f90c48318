//! The framing of a chunked body (RFC 9112, 7.1), without what no transfer has a use for.
//!
//! ```text
//! body  = *( size CRLF data CRLF ) "0" CRLF CRLF
//! size  = 1*8 HEXDIG, of which the value 0 ends the body
//! ```
//! Extensions and trailer fields are refused: programs read them differently.

use super::BodyFault;

/// Where in a chunked body the next byte stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunks {
    step: Step,
    size: u64,
    digits: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Size,
    SizeEnd,
    Data,
    DataReturn,
    DataEnd,
    LastReturn,
    LastEnd,
}

/// What a piece of a chunked body came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The body goes on.
    More,
    /// The body has ended.
    Done,
    /// The next byte is one that the framing does not allow.
    Bad(BodyFault),
}

impl Chunks {
    pub(super) const START: Self = Self { step: Step::Size, size: 0, digits: 0 };

    /// How many bytes of data may pass before the framing has to be looked at again.
    pub(super) const fn data(&self) -> u64 {
        match self.step {
            Step::Data => self.size,
            _ => 0,
        }
    }

    /// Passes over so many bytes of data, at most as many as [`Self::data`] gave.
    pub(super) const fn pass(&mut self, data: u64) {
        self.size = self.size.saturating_sub(data);
        if self.size == 0 {
            self.step = Step::DataReturn;
        }
    }

    /// Follows the framing through a piece of the body, and tells how many of its bytes are good.
    pub(super) fn follow(&mut self, piece: &[u8]) -> (usize, Progress) {
        let mut at = 0_usize;
        while let Some(byte) = piece.get(at) {
            if self.step == Step::Data {
                let left = piece.len() - at;
                let data = usize::try_from(self.size).map_or(left, |size| size.min(left));
                self.pass(data as u64);
                at += data;
            } else {
                match self.follow_byte(*byte) {
                    Ok(false) => at += 1,
                    Ok(true) => return (at + 1, Progress::Done),
                    Err(fault) => return (at, Progress::Bad(fault)),
                }
            }
        }
        (at, Progress::More)
    }

    /// Follows one byte of the framing; true after the last one of the body.
    fn follow_byte(&mut self, byte: u8) -> Result<bool, BodyFault> {
        self.step = match (self.step, byte) {
            (Step::Size, b'\r') if self.digits > 0 => Step::SizeEnd,
            (Step::Size, b';' | b' ' | b'\t') if self.digits > 0 => {
                return Err(BodyFault::ChunkExtension);
            }
            (Step::Size, digit) => self.size_digit(digit)?,
            (Step::SizeEnd, b'\n') if self.size > 0 => Step::Data,
            (Step::SizeEnd, b'\n') => Step::LastReturn,
            (Step::DataReturn, b'\r') => Step::DataEnd,
            (Step::DataEnd, b'\n') => {
                *self = Self::START;
                Step::Size
            }
            (Step::LastReturn, b'\r') => Step::LastEnd,
            (Step::LastEnd, b'\n') => return Ok(true),
            (Step::SizeEnd, _) => return Err(BodyFault::ChunkSize),
            (Step::LastReturn, _) => return Err(BodyFault::Trailer),
            (Step::Data | Step::DataReturn | Step::DataEnd | Step::LastEnd, _) => {
                return Err(BodyFault::ChunkEnd);
            }
        };
        Ok(false)
    }

    fn size_digit(&mut self, byte: u8) -> Result<Step, BodyFault> {
        let digit = char::from(byte).to_digit(16).ok_or(BodyFault::ChunkSize)?;
        self.digits += 1;
        if self.digits > SIZE_DIGITS_MAX {
            return Err(BodyFault::ChunkSize);
        }
        self.size = self.size << 4 | u64::from(digit);
        Ok(Step::Size)
    }
}

const SIZE_DIGITS_MAX: u8 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(body: &[u8]) -> (usize, Progress) {
        let mut chunks = Chunks::START;
        chunks.follow(body)
    }

    #[test]
    fn good_framing_ends_exactly_at_its_last_byte() {
        for body in ["0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "a\r\n0123456789\r\n00\r\n\r\n"] {
            assert_eq!(whole(body.as_bytes()), (body.len(), Progress::Done), "{body:?}");
            let more = format!("{body}GET / HTTP/1.1\r\n");
            assert_eq!(whole(more.as_bytes()), (body.len(), Progress::Done), "{body:?}");
        }
    }

    #[test]
    fn the_same_bytes_in_two_pieces_give_the_same_end() {
        let body = b"5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n";
        for cut in 0..body.len() {
            let mut chunks = Chunks::START;
            assert_eq!(chunks.follow(&body[..cut]), (cut, Progress::More));
            assert_eq!(chunks.follow(&body[cut..]), (body.len() - cut, Progress::Done));
        }
    }

    #[test]
    fn odd_framing_is_refused() {
        use BodyFault::{ChunkEnd, ChunkExtension, ChunkSize, Trailer};
        for (body, fault) in [
            ("\r\n", ChunkSize),
            ("g\r\n", ChunkSize),
            ("-1\r\n", ChunkSize),
            ("+1\r\n", ChunkSize),
            ("0x1\r\n", ChunkSize),
            ("1\n", ChunkSize),
            ("1\rx", ChunkSize),
            (" 1\r\n", ChunkSize),
            ("123456789\r\n", ChunkSize),
            ("000000001\r\n", ChunkSize),
            ("1;a\r\n", ChunkExtension),
            ("1 \r\n", ChunkExtension),
            ("1\t;\r\n", ChunkExtension),
            ("1\r\nab\r\n", ChunkEnd),
            ("2\r\na\r\n", ChunkEnd),
            ("1\r\na\n", ChunkEnd),
            ("0\r\nhost: a\r\n\r\n", Trailer),
            ("0\r\n\n", Trailer),
            ("0\r\n\rx", ChunkEnd),
        ] {
            assert_eq!(whole(body.as_bytes()).1, Progress::Bad(fault), "{body:?}");
        }
    }
}
