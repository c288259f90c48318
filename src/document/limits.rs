//! How large a document may be.

/// How large a document may be, and how large its parts.
///
/// Every limit is inclusive. The defaults let a thousand records of a few kilobytes pass and stop
/// what only an attack or a mistake would send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole body: 4 MiB. Never more than 4 GiB, whatever is set.
    pub bytes_max: usize,
    /// Objects and arrays inside each other, the root counted: 32.
    pub depth_max: usize,
    /// Members of one object: 1024.
    pub members_max: usize,
    /// Elements of one array: 100 000.
    pub elements_max: usize,
    /// Bytes of one string value, as they stand between the quotes: 64 KiB.
    pub string_bytes_max: usize,
    /// Bytes of one member name, as they stand between the quotes: 256.
    pub key_bytes_max: usize,
    /// Bytes of one number: 64.
    pub number_bytes_max: usize,
    /// Subject records: 10 000.
    pub records_max: usize,
    /// Values, objects and arrays on the way to what rules map: 250 000. It bounds the memory that
    /// a small body of many tiny values can take.
    pub values_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes_max: 4 << 20,
            depth_max: 32,
            members_max: 1024,
            elements_max: 100_000,
            string_bytes_max: 64 << 10,
            key_bytes_max: 256,
            number_bytes_max: 64,
            records_max: 10_000,
            values_max: 250_000,
        }
    }
}
