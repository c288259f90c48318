//! Sets of mapped fields.

/// A mapped field of a shape: the position of its path in the list the shape was compiled from.
pub type FieldId = u8;

/// A set of the mapped fields of one shape, which has at most 256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldSet([u64; 4]);

impl FieldSet {
    /// The set with nothing in it.
    pub const EMPTY: Self = Self([0; 4]);

    /// Puts a field into the set.
    pub fn insert(&mut self, field: FieldId) {
        if let Some(word) = self.0.get_mut(usize::from(field >> 6)) {
            *word |= 1 << (field & 63);
        }
    }

    /// Takes a field out of the set.
    pub fn remove(&mut self, field: FieldId) {
        if let Some(word) = self.0.get_mut(usize::from(field >> 6)) {
            *word &= !(1 << (field & 63));
        }
    }

    /// Whether the field is in the set.
    #[must_use]
    pub fn contains(&self, field: FieldId) -> bool {
        let word = self.0.get(usize::from(field >> 6)).copied().unwrap_or(0);
        word >> (field & 63) & 1 == 1
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }

    /// The fields in the set, by rising number.
    pub fn iter(&self) -> impl Iterator<Item = FieldId> {
        let bases = (0..).step_by(64);
        self.0.iter().zip(bases).flat_map(|(word, base)| bits(*word).map(move |bit| base | bit))
    }
}

impl FromIterator<FieldId> for FieldSet {
    fn from_iter<I: IntoIterator<Item = FieldId>>(fields: I) -> Self {
        let mut set = Self::EMPTY;
        fields.into_iter().for_each(|field| set.insert(field));
        set
    }
}

/// The positions of the bits that are set, from the low end.
fn bits(mut word: u64) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let bit = u8::try_from(word.trailing_zeros()).ok().filter(|bit| *bit < 64)?;
        word &= word - 1;
        Some(bit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_all_256_fields() {
        let mut set: FieldSet = (0..=255).collect();
        assert_eq!(set.iter().count(), 256);
        set.remove(64);
        assert!(!set.contains(64) && set.contains(0) && set.contains(63) && set.contains(255));
        assert_eq!(FieldSet::from_iter([200, 3, 64]).iter().collect::<Vec<_>>(), [3, 64, 200]);
        assert!(FieldSet::EMPTY.is_empty() && !set.is_empty());
    }
}
