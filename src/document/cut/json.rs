//! Where the elements of an array at the root end.
//!
//! Brackets of both kinds are counted as one: an element whose brackets do not match is refused
//! where its part is parsed, and where they match, this count is the depth.

use memchr::memchr2;

use super::super::fault::Fault;
use super::{Input, Part};

/// Where the cutter stands in an array.
#[derive(Clone, Copy)]
pub(super) enum At {
    /// Before the array.
    Start,
    /// After its bracket or, which is told by the flag, after a comma.
    Before { is_comma: bool },
    /// In a number or word.
    Word,
    /// In so many brackets of an element.
    Inside(u32),
    /// In a string in so many brackets of an element, and whether after `\`.
    String(u32, bool),
    /// After an element.
    After,
    /// After the array.
    End,
}

impl At {
    pub(super) fn push(
        &mut self,
        from: &mut Input<'_>,
        part: &mut Part,
    ) -> Result<(), (Fault, usize)> {
        while let Some(byte) = from.peek() {
            match *self {
                Self::Word | Self::Inside(_) | Self::String(..) => self.element(from, part)?,
                _ if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') => from.at += 1,
                _ => self.between(byte, from, part)?,
            }
        }
        Ok(())
    }

    pub(super) fn finish(self, end: usize) -> Result<(), (Fault, usize)> {
        match self {
            Self::End => Ok(()),
            Self::Start => Err((Fault::Empty, end)),
            _ => Err((Fault::Truncated, end)),
        }
    }

    /// Reads a byte that stands outside of all elements.
    fn between(
        &mut self,
        byte: u8,
        from: &mut Input<'_>,
        part: &mut Part,
    ) -> Result<(), (Fault, usize)> {
        *self = match (*self, byte) {
            (Self::Start, b'[') => Self::Before { is_comma: false },
            (Self::Start, 0xEF) => return Err((Fault::ByteOrderMark, from.place())),
            (Self::Start, _) => return Err((Fault::NotAnArray, from.place())),
            (Self::After, b',') => Self::Before { is_comma: true },
            (Self::After | Self::Before { is_comma: false }, b']') => Self::End,
            (Self::After, _) => return Err((Fault::CommaMissing, from.place())),
            (Self::End, _) => return Err((Fault::Trailing, from.place())),
            (_, b',' | b']' | b'}' | b':') => return Err((Fault::ValueMissing, from.place())),
            _ => return self.open(byte, from, part),
        };
        from.at += 1;
        Ok(())
    }

    fn open(
        &mut self,
        byte: u8,
        from: &mut Input<'_>,
        part: &mut Part,
    ) -> Result<(), (Fault, usize)> {
        part.open(from.place());
        *self = match byte {
            b'[' | b'{' => Self::Inside(1),
            b'"' => Self::String(0, false),
            _ => Self::Word,
        };
        from.at += 1;
        part.add(&[byte])
    }

    /// Reads what is there of the element.
    fn element(&mut self, from: &mut Input<'_>, part: &mut Part) -> Result<(), (Fault, usize)> {
        let rest = from.rest();
        let length = self.skip(rest);
        from.at += length;
        part.add(rest.get(..length).unwrap_or_default())?;
        if matches!(self, Self::After) {
            part.close();
        }
        Ok(())
    }

    /// Goes to the end of the element or of the bytes; returns how many bytes it went past.
    fn skip(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() && !matches!(self, Self::After) {
            let rest = bytes.get(at..).unwrap_or_default();
            at += match *self {
                Self::String(depth, is_escaped) => self.skip_string(rest, depth, is_escaped),
                Self::Inside(depth) => self.skip_brackets(rest, depth),
                _ => self.skip_word(rest),
            };
        }
        at
    }

    fn skip_word(&mut self, bytes: &[u8]) -> usize {
        let is_end = |byte: &u8| b" \n\r\t,]}".contains(byte);
        let end = bytes.iter().position(is_end);
        if end.is_some() {
            *self = Self::After;
        }
        end.unwrap_or(bytes.len())
    }

    fn skip_string(&mut self, bytes: &[u8], depth: u32, is_escaped: bool) -> usize {
        if is_escaped {
            *self = Self::String(depth, false);
            return 1;
        }
        let Some(end) = memchr2(b'"', b'\\', bytes) else { return bytes.len() };
        *self = match (bytes.get(end), depth) {
            (Some(b'\\'), _) => Self::String(depth, true),
            (_, 0) => Self::After,
            _ => Self::Inside(depth),
        };
        end + 1
    }

    fn skip_brackets(&mut self, bytes: &[u8], mut depth: u32) -> usize {
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'"' => {
                    *self = Self::String(depth, false);
                    return at + 1;
                }
                b'[' | b'{' => depth = depth.saturating_add(1),
                b']' | b'}' => {
                    depth -= 1;
                    if depth == 0 {
                        *self = Self::After;
                        return at + 1;
                    }
                }
                _ => {}
            }
        }
        *self = Self::Inside(depth);
        bytes.len()
    }
}
