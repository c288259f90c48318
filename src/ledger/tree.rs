//! The Merkle tree of RFC 6962 section 2.1, over SHA-256 (FIPS 180-4).
//!
//! | what | hash |
//! |---|---|
//! | leaf | SHA-256(`0x00` ‖ bytes) |
//! | node | SHA-256(`0x01` ‖ left ‖ right) |
//! | empty tree | SHA-256 of nothing |
//!
//! A [`Frontier`] is the right edge of a tree: the roots of the perfect subtrees that the binary
//! digits of its size name, the largest first. It is all that appending needs, and it is stored as
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 8 | number of leaves, big-endian |
//! | 8 | 32 × ones in that number | subtree roots, the largest subtree first |

use sha2::{Digest, Sha256};

/// A SHA-256 hash of a leaf or node.
pub type Hash = [u8; 32];

/// The hash of a leaf: SHA-256(`0x00` ‖ bytes).
#[must_use]
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    Sha256::new().chain_update([0x00]).chain_update(bytes).finalize().into()
}

/// The hash of an inner node: SHA-256(`0x01` ‖ left ‖ right).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [0x01; 65];
    let (head, tail) = bytes.split_at_mut(33);
    if let Some(place) = head.get_mut(1..) {
        place.copy_from_slice(left);
    }
    tail.copy_from_slice(right);
    Sha256::digest(bytes).into()
}

/// The right edge of a growing tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

impl Frontier {
    /// The number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends the hash of one leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.roots.push(hash);
        self.size = self.size.saturating_add(1);
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        let Some(smallest) = roots.next() else { return Sha256::digest([]).into() };
        roots.fold(*smallest, |right, left| node_hash(left, &right))
    }

    /// The bytes of the table above.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + 32 * self.roots.len());
        bytes.extend_from_slice(&self.size.to_be_bytes());
        bytes.extend(self.roots.iter().flatten());
        bytes
    }

    /// Reads the bytes of the table above.
    ///
    /// # Errors
    /// Bytes whose number of hashes is not what the size asks for.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadFrontier> {
        let (size, roots) = bytes.split_first_chunk::<8>().ok_or(BadFrontier)?;
        let size = u64::from_be_bytes(*size);
        let (roots, rest) = roots.as_chunks::<32>();
        let fits = rest.is_empty() && roots.len() == size.count_ones() as usize;
        fits.then(|| Self { size, roots: roots.to_vec() }).ok_or(BadFrontier)
    }
}

impl FromIterator<Hash> for Frontier {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Self {
        let mut frontier = Self::default();
        leaves.into_iter().for_each(|leaf| frontier.push(leaf));
        frontier
    }
}

/// The bytes are not a frontier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the right edge of a Merkle tree")]
pub struct BadFrontier;

/// The root over leaf hashes.
#[must_use]
pub fn root_of(leaves: &[Hash]) -> Hash {
    leaves.iter().copied().collect::<Frontier>().root()
}

/// The audit path of one leaf, from its sibling upward (RFC 6962 section 2.1.1).
///
/// `None` when there is no such leaf.
#[must_use]
pub fn inclusion_proof(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    leaves.get(index)?;
    let (mut leaves, mut index, mut path) = (leaves, index, Vec::new());
    while leaves.len() > 1 {
        let (left, right) = leaves.split_at_checked(split(leaves.len()))?;
        if index < left.len() {
            path.push(root_of(right));
            leaves = left;
        } else {
            path.push(root_of(left));
            index = index.checked_sub(left.len())?;
            leaves = right;
        }
    }
    path.reverse();
    Some(path)
}

/// Whether an audit path leads from a leaf to a root (RFC 9162 section 2.1.3.2).
#[must_use]
pub fn verify_inclusion(root: &Hash, size: u64, index: u64, leaf: &Hash, path: &[Hash]) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// The proof that the first `old` leaves are a prefix of all (RFC 6962 section 2.1.2).
///
/// `None` when `old` is more than there are. Empty when `old` is none or all of them.
#[must_use]
pub fn consistency_proof(leaves: &[Hash], old: usize) -> Option<Vec<Hash>> {
    if old > leaves.len() {
        return None;
    }
    if old == 0 {
        return Some(Vec::new());
    }
    let (mut leaves, mut old, mut path, mut whole) = (leaves, old, Vec::new(), true);
    while old != leaves.len() {
        let (left, right) = leaves.split_at_checked(split(leaves.len()))?;
        if old <= left.len() {
            path.push(root_of(right));
            leaves = left;
        } else {
            path.push(root_of(left));
            old = old.checked_sub(left.len())?;
            leaves = right;
            whole = false;
        }
    }
    if !whole {
        path.push(root_of(leaves));
    }
    path.reverse();
    Some(path)
}

/// Whether a consistency proof joins two roots (RFC 9162 section 2.1.4.2).
#[must_use]
pub fn verify_consistency(old: (u64, &Hash), new: (u64, &Hash), path: &[Hash]) -> bool {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size == 0 || old_size >= new_size {
        let nothing = path.is_empty() && old_size <= new_size;
        return nothing && (old_size == 0 || old_root == new_root);
    }
    // A perfect old tree is a node of the new one, so its root is left out of the proof.
    let (start, rest) = match path.split_first() {
        _ if old_size.is_power_of_two() => (old_root, path),
        Some((first, rest)) => (first, rest),
        None => return false,
    };
    let skip = (old_size - 1).trailing_ones();
    let (mut at, mut last) = ((old_size - 1) >> skip, (new_size - 1) >> skip);
    let (mut was, mut is) = (*start, *start);
    for hash in rest {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            was = node_hash(hash, &was);
            is = node_hash(hash, &is);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            is = node_hash(&is, hash);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && was == *old_root && is == *new_root
}

/// The largest power of two below `count`, which is 2 or more.
const fn split(count: usize) -> usize {
    (count / 2 + count % 2).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use proptest::prelude::*;

    use super::*;

    fn both(count: usize) -> (Vec<Hash>, MemoryBackedTree<Sha256, Vec<u8>>) {
        let mut oracle = MemoryBackedTree::new();
        let texts = (0..count).map(|i| format!("leaf {i}").into_bytes());
        let leaves = texts.map(|text| {
            let hash = leaf_hash(&text);
            oracle.push(text);
            hash
        });
        (leaves.collect(), oracle)
    }

    #[test]
    fn roots_are_those_of_an_independent_tree() {
        for count in (0..70).chain([127, 128, 129, 255, 256, 257]) {
            let (leaves, oracle) = both(count);
            let root = root_of(&leaves);
            assert_eq!(root[..], oracle.root().as_bytes()[..], "{count}");
            let edge: Frontier = leaves.iter().copied().collect();
            assert_eq!(Frontier::from_bytes(&edge.to_bytes()), Ok(edge));
        }
        assert_eq!(Frontier::from_bytes(&[0; 40]), Err(BadFrontier));
        assert_eq!(Frontier::from_bytes(&[0; 7]), Err(BadFrontier));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn proofs_are_those_of_an_independent_tree(count in 1usize..300, a: usize, b: u8) {
            let (leaves, oracle) = both(count);
            let (root, size, index) = (root_of(&leaves), count as u64, a % count);
            let path = inclusion_proof(&leaves, index).unwrap();
            let expected = oracle.prove_inclusion(index);
            prop_assert_eq!(path.concat(), expected.as_bytes());
            let holds = |i: usize, path: &[Hash]| {
                verify_inclusion(&root, size, i as u64, &leaves[index], path)
            };
            prop_assert!(holds(index, &path));
            prop_assert!(!holds(index + 1, &path) && !holds(count, &path));
            if !path.is_empty() {
                let mut bad = path.clone();
                let at = usize::from(b) % bad.len();
                bad[at][0] ^= 1;
                prop_assert!(!holds(index, &bad));
                prop_assert!(!holds(index, &path[1..]));
            }
        }

        #[test]
        fn prefixes_are_proven_as_by_an_independent_tree(count in 1usize..300, a: usize, b: u8) {
            let (leaves, oracle) = both(count);
            let old = 1 + a % count;
            let path = consistency_proof(&leaves, old).unwrap();
            let expected = oracle.prove_consistency(count - old);
            prop_assert_eq!(path.concat(), expected.as_bytes());
            let (was, is) = (root_of(&leaves[..old]), root_of(&leaves));
            let holds = |was: &Hash, path: &[Hash]| {
                verify_consistency((old as u64, was), (count as u64, &is), path)
            };
            prop_assert!(holds(&was, &path));
            let mut bad = was;
            bad[usize::from(b) % 32] ^= 1;
            prop_assert!(!holds(&bad, &path));
            if old < count {
                prop_assert!(!holds(&was, &path[1..]));
            }
        }
    }
}
