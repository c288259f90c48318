//! Vector files of documents: some `name: value` lines, an empty line, and a body.
//!
//! Every syntax has these names, and may have others:
//! - `expect`: `accepted`, or the fault in lower case with hyphens; the file's name begins with it;
//! - `at` and `in`: the offset and path of the fault;
//! - `output`: what is written of an accepted document when every field is kept;
//! - `form`: `hex` where the body is written as hexadecimal bytes, `escaped` where `\\r`, `\\n`,
//!   `\\t`, `\\\\` and `\\x00` stand in it for those bytes.

use std::collections::BTreeMap;
use std::path::Path;

use otkel::document::{BadDocument, Document, FieldSet};
use otkel::redaction::{Selection, select};

/// One vector.
pub(crate) struct Vector<'a> {
    pub(crate) name: &'a str,
    pub(crate) head: BTreeMap<&'a str, &'a str>,
    /// The body as it stands in the file, without the last line feed.
    pub(crate) text: &'a str,
}

impl<'a> Vector<'a> {
    fn read(file: &'a str, name: &'a str) -> Self {
        let (head, text) = file.split_once("\n\n").expect(name);
        let head = head.lines().map(|line| line.split_once(": ").expect(name)).collect();
        Self { name, head, text: text.strip_suffix('\n').expect(name) }
    }

    /// The bytes of the body.
    pub(crate) fn body(&self) -> Vec<u8> {
        match self.head.get("form") {
            Some(&"hex") => bytes(self.text),
            Some(&"escaped") => unescape(self.text),
            _ => self.text.into(),
        }
    }

    /// What it expects: the output, or the fault with its place.
    fn expected(&self, output: fn(&str) -> String) -> String {
        let expect = *self.head.get("expect").expect(self.name);
        assert!(self.name.starts_with(expect), "{} is named for what it expects", self.name);
        match expect {
            "accepted" => output(self.head["output"]),
            fault => format!("{fault} at {} in {}", self.head["at"], self.head["in"]),
        }
    }
}

/// Holds every vector of a folder against what is found, the output or the fault, and counts them;
/// `output` reads the output that a vector has.
pub(crate) fn hold(
    folder: &str,
    least: usize,
    output: fn(&str) -> String,
    found: impl Fn(&Vector<'_>) -> Result<String, BadDocument>,
) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(folder);
    let (mut count, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy();
        let vector = Vector::read(&file, &name);
        let (expected, found) =
            (vector.expected(output), found(&vector).unwrap_or_else(|bad| told(&bad)));
        count += 1;
        if expected != found {
            wrong.push(format!("{name}:\n  {found}\n  not\n  {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= least, "{count} vectors");
}

/// What is written of a document when every one of so many fields is kept.
pub(crate) fn all_of(document: &Document, fields: u8) -> Vec<u8> {
    let all: FieldSet = (0..fields).collect();
    let records = vec![Some(0); document.records().len()];
    let selection = Selection { outside: &all, records: &records, verdicts: &[all] };
    select(document, &selection)
}

fn told(bad: &BadDocument) -> String {
    format!("{} at {} in {}", hyphened(&format!("{:?}", bad.fault)), bad.offset, bad.path)
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

/// The bytes behind the escapes of a text.
pub(crate) fn unescape(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        let (byte, length) = match (first, after) {
            (b'\\', [b'r', ..]) => (b'\r', 1),
            (b'\\', [b'n', ..]) => (b'\n', 1),
            (b'\\', [b't', ..]) => (b'\t', 1),
            (b'\\', [b'\\', ..]) => (b'\\', 1),
            (b'\\', [b'x', high, low, ..]) => {
                let digits = [*high, *low].map(char::from).iter().collect::<String>();
                (u8::from_str_radix(&digits, 16).unwrap(), 3)
            }
            _ => (*first, 0),
        };
        bytes.push(byte);
        rest = &after[length..];
    }
    bytes
}

/// `DuplicateName` as `duplicate-name`.
fn hyphened(name: &str) -> String {
    let mut text = String::new();
    for (at, c) in name.char_indices() {
        if c.is_ascii_uppercase() && at > 0 {
            text.push('-');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}
