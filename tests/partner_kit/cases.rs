//! Envelopes for the receivers of the partner kit, and what must come of each.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use getrandom::SysRng;
use hpke::rand_core::UnwrapErr;
use otkel::envelope::format::{self, CHUNK};
use otkel::envelope::pad::Text;
use otkel::envelope::stream::{self, To};
use otkel::envelope::{Header, Keeping, Kem, Kept, Padding, RecipientKey, RecipientSecret};
use otkel::keyfile;
use otkel::time::Timestamp;
use serde_json::Value;

use super::sha256;
use super::tools::{Language, Opens, root};

/// An envelope, and what must come of it.
pub(crate) struct Case {
    pub(crate) name: String,
    envelope: Vec<u8>,
    request: [String; 4],
    body: Option<Vec<u8>>,
    kem: Kem,
    /// The bytes of body and padding.
    inside: usize,
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

    /// What a receiver must make of it, that opens envelopes like these.
    pub(crate) fn expected(&self, opens: Opens) -> Expected {
        match &self.body {
            Some(body) if opens(self.envelope[4], self.kem, self.inside) => {
                Expected::Body(sha256(body))
            }
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
        Case { body: Some(pattern(length)), inside: length, ..case(name, read(name)) }
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
    Case { name: name.to_owned(), envelope, request, body: None, kem: Kem::X25519, inside: 0 }
}

/// Envelopes that this program makes now: of every mode and KEM, with and without padding, of
/// sizes around a chunk's.
pub(crate) fn made() -> Vec<Case> {
    let mut cases = Vec::new();
    for (kem, mode) in KEMS.into_iter().flat_map(|kem| [1, 2, 3].map(|mode| (kem, mode))) {
        for pad in [None, Some(Padding::Multiple(4096)), Some(Padding::Padme)] {
            for length in [0, 1, CHUNK - 1, CHUNK, 3 * CHUNK + 700] {
                cases.push(sealed(kem, mode, pad, length));
            }
        }
    }
    cases
}

/// An envelope to our key of a KEM; in mode 2 it is the second of three.
fn sealed(kem: Kem, mode: u8, pad: Option<Padding>, length: usize) -> Case {
    let mut random = UnwrapErr(SysRng);
    let time = |seconds| Timestamp::from_seconds(seconds).unwrap();
    let key = |kem, byte| {
        let secret = RecipientSecret::read(kem, &[byte; 32]).unwrap();
        RecipientKey::read(kem, secret.public(), time(0), time(4_000_000_000)).unwrap()
    };
    let (ours, [first, last]) = (key(kem, OURS), KEMS.map(|kem| key(kem, OTHER)));
    let kept = Kept::new(Keeping { seconds: 60, messages: 10 });
    let to = match mode {
        1 => To::Direct(&ours),
        2 => To::Wrapped(vec![&first, &ours, &last]),
        _ => To::Kept(kept.context(&ours, time(0), &mut random).unwrap()),
    };
    let body = pattern(length);
    let text = Text::new(&body, pad);
    let json = serde_json::json!({
        "v": 1, "did": REQUEST[3], "iss": "gw.example", "aud": REQUEST[0], "m": REQUEST[1],
        "p": REQUEST[2], "cty": "application/json", "iat": 1, "pur": "P09", "exp": 2,
        "onw": false, "pad": pad.is_some(), "rcpt": to.recipients(),
    });
    let header: Header = serde_json::from_value(json).unwrap();
    let prefix = format::prefix(to.mode(), &header).unwrap();
    let envelope = stream::seal(&prefix, text, &to, &mut random).unwrap();
    let name = format!("{kem:?} mode {mode} {pad:?} {length}");
    let inside = usize::from(pad.is_some()) * 4096 + length;
    Case { body: Some(body), kem, inside, ..case(&name, envelope) }
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

/// Writes the private keys that the vectors are for, of KEMs that a language knows.
pub(crate) fn keys(folder: &Path, language: &Language) -> Vec<PathBuf> {
    let write = |kem| {
        let secret = RecipientSecret::read(kem, &[OURS; 32]).unwrap();
        let file = folder.join(format!("{kem:?}.pem"));
        fs::write(&file, keyfile::pem(&secret).as_bytes()).unwrap();
        file
    };
    KEMS.into_iter().filter(|kem| language.knows(*kem)).map(write).collect()
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

const KEMS: [Kem; 2] = [Kem::X25519, Kem::MlKem768X25519];
/// Every byte of the vectors' private keys.
const OURS: u8 = 9;
const OTHER: u8 = 8;
/// What the vectors' headers say: AUD, METHOD, PATH, ID.
pub(crate) const REQUEST: [&str; 4] =
    ["training-gb", "POST", "/v1/enrolments", "01920000-0000-7000-8000-000000000007"];
