//! Writing what remains of the head of a request, but for its query.

use super::Kept;
use super::edit::{Edit, Edits, New};
use crate::document::Root;
use crate::document::head::Tape;

/// What of the head of a request may leave, as texts.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Values of the path, by name.
    pub(super) path: Vec<(String, String)>,
    /// Names, in lower case, and values of header fields.
    pub(super) headers: Vec<(String, String)>,
}

impl Head {
    /// The value of a name in the path.
    pub(super) fn in_path(&self, name: &str) -> Option<&str> {
        self.path.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Writes what is kept of the head.
pub(super) fn write(tape: &Tape, bytes: &[u8], kept: &Kept<'_>, edits: &mut impl Edits) -> Head {
    let fields = kept.base(edits);
    let mut head = Head::default();
    for item in tape.items.iter().filter(|item| fields.contains(item.field)) {
        let raw = item.raw(bytes);
        let value = match edits.edit(item.field, raw) {
            Edit::Keep => str::from_utf8(raw.bytes).unwrap_or_default().to_owned(),
            Edit::Put(New::Text(text) | New::Number(text)) => text,
            Edit::Put(New::Null) => String::new(),
            Edit::Remove => continue,
        };
        // What a field of a header cannot hold would end it.
        if value.contains(char::is_control) {
            continue;
        }
        let values = match item.root {
            Root::Path => &mut head.path,
            Root::Query | Root::Header | Root::Body => &mut head.headers,
        };
        values.push((item.name.clone(), value));
    }
    head
}
