//! Small damage to bodies, for the property tests of all syntaxes.

use std::ops::Range;

use proptest::prelude::*;
use proptest::sample::Index;

/// Where a byte is written, or removed.
pub(super) type Changes = Vec<(Index, Option<u8>)>;

/// A byte to write, or `None` to remove one, so many times; bytes that tell more often.
pub(super) fn changes_of(telling: &[u8], count: Range<usize>) -> impl Strategy<Value = Changes> {
    let byte = prop_oneof![prop::sample::select(telling.to_vec()), any::<u8>()];
    prop::collection::vec((any::<Index>(), prop::option::weighted(0.8, byte)), count)
}

/// Does the damage.
pub(super) fn change(body: &mut Vec<u8>, changes: Changes) {
    for (place, change) in changes {
        let at = place.index(body.len());
        match change {
            Some(byte) => body[at] = byte,
            None if body.len() > 1 => drop(body.remove(at)),
            None => {}
        }
    }
}
