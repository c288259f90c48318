//! Content that is kept or removed whole: checked to be what it is said to be, from its first byte
//! to its last, and nothing else besides.
//!
//! The check is of the frame: that a reader of the format reads all of it, and that nothing stands
//! before or after it that a reader of another format would take. What is drawn or written in it is
//! not looked at.

mod archive;
mod jpeg;
mod pdf;
mod png;

use super::fault::Fault;
use super::syntax::Opaque;

/// Checks that content is of a kind.
pub(crate) fn check(kind: Opaque, content: &[u8]) -> Result<(), (Fault, usize)> {
    let checked = match kind {
        Opaque::Pdf => pdf::check(content),
        Opaque::Png => png::check(content),
        Opaque::Jpeg => jpeg::check(content),
    };
    checked.map_err(|at| (Fault::OtherContent, at))?;
    archive::find(content).map_or(Ok(()), |at| Err((Fault::OtherContent, at)))
}

#[cfg(test)]
pub(crate) mod tests;
