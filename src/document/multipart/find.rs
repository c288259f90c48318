//! Finding a short row of bytes in a long one.

/// A row of at most 255 bytes that is looked for (Horspool's way: most bytes are never looked at).
pub(crate) struct Finder<'a> {
    needle: &'a [u8],
    /// How far to go on when the window ends in this byte.
    shifts: [u8; 256],
}

impl<'a> Finder<'a> {
    pub(crate) fn new(needle: &'a [u8]) -> Self {
        let length = u8::try_from(needle.len()).unwrap_or(u8::MAX).max(1);
        let mut shifts = [length; 256];
        for (at, byte) in (1..length).zip(needle) {
            if let Some(shift) = shifts.get_mut(usize::from(*byte)) {
                *shift = length - at;
            }
        }
        Self { needle, shifts }
    }

    /// Where the row stands first in `text`, from `from` on.
    pub(crate) fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        while let Some(window) = text.get(at..at.checked_add(self.needle.len())?) {
            if window == self.needle {
                return Some(at);
            }
            let last = usize::from(*window.last()?);
            at += self.shifts.get(last).map_or(1, |shift| usize::from(*shift));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_there_is_found(
            needle in "[-ab]{1,6}",
            text in "[-abc]{0,60}",
            from in 0_usize..8,
        ) {
            let expected = text.get(from..).and_then(|rest| rest.find(&needle)).map(|at| at + from);
            let found = Finder::new(needle.as_bytes()).find(text.as_bytes(), from);
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn the_longest_row_is_found_too() {
        let needle = [b'-'; 255];
        let text = [&[b'x'; 300][..], &needle, b"x"].concat();
        assert_eq!(Finder::new(&needle).find(&text, 0), Some(300));
        assert_eq!(Finder::new(&needle).find(&text, 301), None);
    }
}
