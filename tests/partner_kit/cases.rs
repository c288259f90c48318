//! Envelopes for the receivers of the partner kit, and what must come of each.

use std::collections::{BTreeMap, BTreeSet};

use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use getrandom::SysRng;
use hpke::rand_core::UnwrapErr;
use otkel::envelope::format::{self, CHUNK, Recipient};
use otkel::envelope::pad::Text;
use otkel::envelope::stream::{self, To};
use otkel::envelope::{Header, Keeping, Kem, Kept, Padding, RecipientKey, RecipientSecret};
use otkel::keyfile;
use otkel::time::Timestamp;
use serde_json::{Value, json};

use super::edit::edited;
use super::sha256;
use super::tools::{Opens, root};

/// An envelope, and what must come of it.
pub(crate) struct Case {
    pub(crate) name: String,
    envelope: Vec<u8>,
    /// The name of the private key that it is opened with.
    key: String,
    request: [String; 5],
    body: Option<Vec<u8>>,
    kem: Kem,
    /// The bytes of body and padding, or a few more.
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
    fn new(name: &str, key: &str, envelope: Vec<u8>) -> Self {
        let (name, key, request) = (name.into(), key.into(), REQUEST.map(str::to_owned));
        Self { name, key, request, envelope, body: None, kem: Kem::X25519, inside: 0 }
    }

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

/// Everything for a receiver in `tests/vectors/envelope/index.json`; of the bytes that are flipped
/// one by one, and of the lengths that are cut to, some.
pub(crate) fn vectors() -> Vec<Case> {
    let index = index();
    let list = |kind: &str| index[kind].as_array().unwrap().clone();
    let new = |vector: &Value, name: &str, envelope| {
        Case::new(vector[name].as_str().unwrap(), vector["key"].as_str().unwrap(), envelope)
    };
    let opens = list("opens").into_iter().map(|vector| {
        let length = usize::try_from(vector["length"].as_u64().unwrap()).unwrap();
        let hex = vector["body"].as_str().map(|hex| HEXLOWER.decode(hex.as_bytes()).unwrap());
        let kem = Kem::from_id(u16::try_from(vector["kem"].as_u64().unwrap()).unwrap()).unwrap();
        let case = new(&vector, "file", file_of(&vector));
        Case { body: Some(hex.unwrap_or_else(|| pattern(length))), kem, inside: length, ..case }
    });
    let refused = list("refused").into_iter().map(|vector| {
        let envelope = match &vector["edit"] {
            Value::Null => file_of(&vector),
            edit => edited(file_of(&vector), edit),
        };
        new(&vector, "name", envelope)
    });
    let misdirected = list("misdirected").into_iter();
    let misdirected = misdirected.map(|vector| new(&vector, "name", file_of(&vector)));
    let swept = [("flips", "flip", 5), ("cuts", "cut", 37)].into_iter();
    let swept = swept.flat_map(|(kind, edit, step)| {
        list(kind).into_iter().flat_map(move |vector| {
            let at = |member: &str| usize::try_from(vector[member].as_u64().unwrap()).unwrap();
            let places = (at("from")..at("to")).step_by(step).chain([at("to") - 1]);
            let damaged = |n: usize| edited(file_of(&vector), &json!([edit, n]));
            places.map(|n| new(&vector, "of", damaged(n))).collect::<Vec<_>>()
        })
    });
    opens.chain(refused).chain(misdirected).chain(swept).collect()
}

/// A good envelope, held against requests that it was not made for.
pub(crate) fn other_requests() -> Vec<Case> {
    let others =
        ["gw.other", "mailing-de", "PUT", "/v1/marks", "01920000-0000-7000-8000-000000000008"];
    let other = |(n, other): (usize, &str)| {
        let mut case = Case::new(other, "x25519", read("one-byte.otk1"));
        other.clone_into(&mut case.request[n]);
        case
    };
    others.into_iter().enumerate().map(other).collect()
}

/// Writes each envelope, the private keys, and the list of it all; where that is.
pub(crate) fn write(cases: &[Case], folder: &Path) -> PathBuf {
    let keys: BTreeSet<&str> = cases.iter().map(|case| &*case.key).collect();
    for name in keys {
        write_key(folder, name);
    }
    let lines = cases.iter().enumerate().map(|(n, case)| {
        let file = folder.join(format!("{n}.otk1"));
        fs::write(&file, &case.envelope).unwrap();
        let key = folder.join(&case.key);
        format!("{}\t{}\t{}\n", file.display(), key.display(), case.request.join("\t"))
    });
    let list = folder.join("cases");
    fs::write(&list, lines.collect::<String>()).unwrap();
    list
}

/// Writes a private key of the vectors as `otkel keygen partner` does; where it is.
pub(crate) fn write_key(folder: &Path, name: &str) -> PathBuf {
    let file = folder.join(name);
    fs::write(&file, keyfile::pem(&secret(name)).as_bytes()).unwrap();
    file
}

pub(crate) fn secret(name: &str) -> RecipientSecret {
    let key = &index()["recipients"][name];
    let raw = HEXLOWER.decode(key["secret"].as_str().unwrap().as_bytes()).unwrap();
    let kem = Kem::from_id(u16::try_from(key["kem"].as_u64().unwrap()).unwrap()).unwrap();
    RecipientSecret::read(kem, &raw.try_into().unwrap()).unwrap()
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
    let key = |name: &str| {
        let secret = secret(name);
        RecipientKey::read(secret.kem(), secret.public(), time(0), time(4_000_000_000)).unwrap()
    };
    let name = match kem {
        Kem::X25519 => "x25519",
        Kem::MlKem768X25519 => "mlkem768-x25519",
    };
    let (ours, [first, last]) = (key(name), ["second", "second-mlkem768-x25519"].map(key));
    let kept = Kept::new(Keeping { seconds: 60, messages: 10 });
    let to = match mode {
        1 => To::Direct(&ours),
        2 => To::Wrapped(vec![&first, &ours, &last]),
        _ => To::Kept(kept.context(&ours, time(0), &mut random).unwrap()),
    };
    let body = pattern(length);
    let text = Text::new(&body, pad);
    let header = header(&to.recipients(), pad.is_some());
    let prefix = format::prefix(to.mode(), &header).unwrap();
    let envelope = stream::seal(&prefix, text, &to, &mut random).unwrap();
    let told = format!("{kem:?} mode {mode} {pad:?} {length}");
    let inside = usize::from(pad.is_some()) * 4096 + length;
    Case { body: Some(body), kem, inside, ..Case::new(&told, name, envelope) }
}

/// A header to these recipients.
pub(crate) fn header(rcpt: &[Recipient], pad: bool) -> Header {
    let json = serde_json::json!({
        "v": 1, "did": REQUEST[4], "iss": REQUEST[0], "aud": REQUEST[1], "m": REQUEST[2],
        "p": REQUEST[3], "cty": "application/json", "iat": 1, "pur": "P09", "exp": 2,
        "onw": false, "pad": pad, "rcpt": rcpt,
    });
    serde_json::from_value(json).unwrap()
}

/// A request's method, path and header fields, and its body.
pub(crate) fn split(heard: &[u8]) -> (BTreeMap<String, String>, &[u8]) {
    let end = heard.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let text = str::from_utf8(&heard[..end]).unwrap();
    let (first, fields) = text.split_once("\r\n").unwrap();
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

pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect()
}

fn index() -> Value {
    serde_json::from_slice(&read("index.json")).unwrap()
}

/// The file that a vector is about.
fn file_of(vector: &Value) -> Vec<u8> {
    read(vector["of"].as_str().or(vector["file"].as_str()).unwrap())
}

fn read(name: &str) -> Vec<u8> {
    fs::read(root().join("tests/vectors/envelope").join(name)).unwrap()
}

const KEMS: [Kem; 2] = [Kem::X25519, Kem::MlKem768X25519];
/// What the vectors' headers say: ISS, AUD, METHOD, PATH, ID.
pub(crate) const REQUEST: [&str; 5] =
    ["gw.example", "training-gb", "POST", "/v1/enrolments", "01920000-0000-7000-8000-000000000007"];
