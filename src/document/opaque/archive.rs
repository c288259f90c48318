//! Whether a reader of ZIP archives would find one in the content: it reads from the end, so that
//! an archive can stand inside of a picture's or document's last part.

/// Where the end of an archive's directory stands that covers the content to its end.
pub(super) fn find(content: &[u8]) -> Option<usize> {
    let from = content.len().saturating_sub(RECORD_MAX);
    let tail = content.get(from..)?;
    let ends = |window: &[u8], at: usize| match window {
        [b'P', b'K', 5, 6, .., low, high] => {
            tail.len() - at - RECORD == usize::from(u16::from_le_bytes([*low, *high]))
        }
        _ => false,
    };
    let mut windows = tail.windows(RECORD).enumerate();
    windows.find(|(at, window)| ends(window, *at)).map(|(at, _)| from + at)
}

/// The end of the directory without the comment that may follow.
const RECORD: usize = 22;
const RECORD_MAX: usize = RECORD + u16::MAX as usize;
