//! The edits that make a bad file of a good one, as `index.json` of the envelopes' vectors writes
//! them; `tests/envelope_vectors.rs` says what each does.

use serde_json::Value;

/// The bytes after an edit.
pub(crate) fn edited(mut bytes: Vec<u8>, edit: &Value) -> Vec<u8> {
    let number = |n: usize| usize::try_from(edit[n].as_u64().unwrap()).unwrap();
    let byte = |n: usize| u8::try_from(number(n)).unwrap();
    match edit[0].as_str().unwrap() {
        "cut" => bytes.truncate(number(1)),
        "flip" => bytes[number(1)] ^= 1,
        "set" => bytes[number(1)] = byte(2),
        "drop" => drop(bytes.drain(number(1)..number(2))),
        "swap" => bytes[number(1)..number(3)].rotate_left(number(2) - number(1)),
        "append" => bytes.push(byte(1)),
        other => panic!("{other} is no edit"),
    }
    bytes
}
