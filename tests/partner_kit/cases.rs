//! Envelopes for the receivers of the partner kit, and what must come of each.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use otkel::envelope::{Kem, RecipientSecret};
use otkel::keyfile;
use serde_json::Value;

use super::{root, sha256};

/// An envelope, and what must come of it.
pub(crate) struct Case {
    pub(crate) name: String,
    envelope: Vec<u8>,
    request: [String; 4],
    body: Option<Vec<u8>>,
    /// Whether the first receiver, for mode 1 and X25519 alone, opens such envelopes.
    is_plain: bool,
}

/// What a receiver must make of an envelope.
#[derive(Debug)]
pub(crate) enum Expected {
    /// A body with this SHA-256.
    Body(String),
    Refused,
}

impl Case {
    pub(crate) fn refuses(&self) -> bool {
        self.body.is_none()
    }

    pub(crate) fn expected(&self, module: &str) -> Expected {
        match &self.body {
            Some(body) if self.is_plain || module != "receive" => Expected::Body(sha256(body)),
            _ => Expected::Refused,
        }
    }
}

/// Everything of `tests/vectors/envelope/index.json`.
pub(crate) fn vectors() -> Vec<Case> {
    let index = index();
    let list = |kind: &str| index[kind].as_array().unwrap().clone();
    let open = list("opens").into_iter().map(|vector| {
        let name = vector["file"].as_str().unwrap();
        let length = usize::try_from(vector["length"].as_u64().unwrap()).unwrap();
        Case { body: Some(pattern(length)), ..case(name, read(name)) }
    });
    let refused = list("refused").into_iter().map(|vector| {
        let envelope = match vector["of"].as_str() {
            Some(of) => edited(read(of), &vector["edit"]),
            None => read(vector["file"].as_str().unwrap()),
        };
        case(vector["name"].as_str().unwrap(), envelope)
    });
    open.chain(refused).collect()
}

/// A good envelope, held against requests that it was not made for.
pub(crate) fn other_requests() -> Vec<Case> {
    let others = ["mailing-de", "PUT", "/v1/marks", "01920000-0000-7000-8000-000000000008"];
    let other = |(n, other): (usize, &str)| {
        let mut case = case(other, read("one-byte.otk1"));
        other.clone_into(&mut case.request[n]);
        case
    };
    others.into_iter().enumerate().map(other).collect()
}

fn case(name: &str, envelope: Vec<u8>) -> Case {
    let request = REQUEST.map(str::to_owned);
    let is_plain = envelope.get(4) == Some(&1);
    Case { name: name.to_owned(), envelope, request, body: None, is_plain }
}

/// Writes each envelope, and their list; where that is.
pub(crate) fn write(cases: &[Case], folder: &Path) -> PathBuf {
    let lines = cases.iter().enumerate().map(|(n, case)| {
        let file = folder.join(format!("{n}.otk1"));
        fs::write(&file, &case.envelope).unwrap();
        format!("{}\t{}\n", file.display(), case.request.join("\t"))
    });
    let list = folder.join("cases");
    fs::write(&list, lines.collect::<String>()).unwrap();
    list
}

/// Writes the private keys that the vectors are for, as `otkel keygen partner` does.
pub(crate) fn keys(folder: &Path) -> Vec<PathBuf> {
    let secret = index()["recipient"]["secret"].as_str().unwrap().to_owned();
    let raw = HEXLOWER.decode(secret.as_bytes()).unwrap().try_into().unwrap();
    let secret = RecipientSecret::read(Kem::X25519, &raw).unwrap();
    let file = folder.join("x25519.pem");
    fs::write(&file, keyfile::pem(&secret).as_bytes()).unwrap();
    vec![file]
}

/// A request's method, path and header fields, and its body.
pub(crate) fn split(heard: &[u8]) -> (BTreeMap<String, String>, &[u8]) {
    let end = heard.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = str::from_utf8(&heard[..end]).unwrap();
    let (first, fields) = head.split_once("\r\n").unwrap();
    let words: Vec<&str> = first.split(' ').collect();
    let field = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_ascii_lowercase(), value.to_owned())
    };
    let mut fields: BTreeMap<String, String> = fields.split("\r\n").map(field).collect();
    fields.insert("method".to_owned(), words[0].to_owned());
    fields.insert("path".to_owned(), words[1].to_owned());
    (fields, &heard[end + 4..])
}

fn edited(mut bytes: Vec<u8>, edit: &Value) -> Vec<u8> {
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

pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect()
}

fn index() -> Value {
    serde_json::from_slice(&read("index.json")).unwrap()
}

fn read(name: &str) -> Vec<u8> {
    fs::read(root().join("tests/vectors/envelope").join(name)).unwrap()
}

/// What the vectors' headers say: AUD, METHOD, PATH, ID.
pub(crate) const REQUEST: [&str; 4] =
    ["training-gb", "POST", "/v1/enrolments", "01920000-0000-7000-8000-000000000007"];
