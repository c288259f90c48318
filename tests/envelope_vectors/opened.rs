//! `otkel open` opens every file that opens, and refuses every other.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use otkel::keyfile;

use super::*;

/// A folder with the private keys, gone at the end.
struct Keys(PathBuf);

impl Keys {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("otkel-vectors-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for name in KEYS {
            let mut options = fs::OpenOptions::new();
            let options = options.create(true).write(true).truncate(true).mode(0o600);
            let mut file = options.open(folder.join(name)).unwrap();
            file.write_all(keyfile::pem(&secret(name)).as_bytes()).unwrap();
        }
        Self(folder)
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn otkel_open(keys: &Path, vector: &Value, input: &[u8], more: &[String]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_otkel"));
    let key = keys.join(vector["key"].as_str().unwrap_or(OURS));
    command.arg("open").arg("--key").arg(key).args(more);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may refuse before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

#[test]
fn otkel_open_tells_every_good_file_from_every_bad_one() {
    let (index, keys) = (frozen_index(), Keys::new());
    let expected = index["request"].as_object().unwrap().iter();
    let expected: Vec<String> = expected
        .map(|(name, value)| format!("--expect={name}={}", value.as_str().unwrap()))
        .collect();
    for vector in list(&index, "opens") {
        let output = otkel_open(&keys.0, vector, &read(word(vector, "file")), &expected);
        assert!(output.status.success(), "{vector}: {output:?}");
        assert_eq!(json!(output.stdout.len()), vector["length"]);
    }
    let signed_by = &index["signed"][0]["signed_by"];
    let signed_by = [format!("--signed-by={}", signed_by.as_str().unwrap())];
    let signed = read(word(&index["signed"][0], "file"));
    assert!(otkel_open(&keys.0, &json!({}), &signed, &signed_by).status.success());
    let none: &[String] = &[];
    for (kind, options) in
        [("refused", none), ("misdirected", &expected), ("badly_signed", &signed_by)]
    {
        for vector in list(&index, kind) {
            let bytes = match vector["of"].as_str() {
                Some(of) => edited(read(of), &vector["edit"]),
                None => read(word(vector, "file")),
            };
            let output = otkel_open(&keys.0, vector, &bytes, options);
            assert_eq!(output.status.code(), Some(1), "{vector}: {output:?}");
            let is_single = kind != "badly_signed";
            assert!(!is_single || output.stdout.is_empty(), "{vector}: something came out");
        }
    }
}
