//! Frozen ledger bytes: `tests/vectors/ledger/*.txt`, each with what a verifier must say of it.
//!
//! A vector is UTF-8 text for any implementation to read. A line that begins with two spaces
//! belongs to the heading above it, without the spaces:
//!
//! | heading | content |
//! |---|---|
//! | `expect: sound`, or the fault's words | |
//! | `key: ` verifier key (C2SP signed note) | |
//! | `published:` | the checkpoint that was published outside |
//! | `checkpoint: ` size | a checkpoint as kept |
//! | `entry: ` position, leaf hash | the entry's canonical bytes |
//! | `lines:` | the subject lines of the entry above |
//! | `consent: ` or `block: ` record id, position of its last event | its canonical JSON |
//! | `head: ` right edge of the tree | |
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "ledger/receipts.rs"]
mod receipts;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use data_encoding::HEXLOWER;
use otkel::consent::block::{Block, Reach, State};
use otkel::consent::record::Evidence;
use otkel::ledger::checkpoint::{Checkpoint, LogKey, PublicKey};
use otkel::ledger::entry::{
    Activation, Admin, Asked, Basis, BlockEvent, Candidate, ConsentEvent, Disclosure, Entry,
    Notify, Outcome, Payload, Recipient, RecordKind, Refusal, Request, Verdict,
};
use otkel::ledger::line::{Lines, SubjectKey};
use otkel::ledger::tree::{Frontier, leaf_hash};
use otkel::ledger::verify::Verifier;
use otkel::reason::Reason;
use otkel::time::Timestamp;
use otkel::vocabulary::{CategoryId, Country, Name, PurposeId};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

#[test]
fn this_program_still_writes_the_frozen_bytes() {
    let frozen = std::fs::read_to_string(folder().join("sound.txt")).unwrap();
    assert_eq!(sound().text("sound"), frozen);
    let frozen = std::fs::read_to_string(folder().join("sound-receipts.txt")).unwrap();
    assert_eq!(receipts::sound().text("sound"), frozen);
}

#[test]
fn every_vector_is_judged_as_it_says() {
    let mut seen = 0;
    for file in std::fs::read_dir(folder()).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let expected = text.lines().next().unwrap().strip_prefix("expect: ").unwrap();
        assert_eq!(judge(&text), expected, "{}", path.display());
        seen += 1;
    }
    // One is of the time before entries named their basis.
    assert_eq!(seen, 3 + all_negatives().len());
}

/// `cargo test --test ledger -- --ignored` writes the vectors anew. They are frozen: a change in
/// `sound.txt` is a change of the format.
#[test]
#[ignore = "writes the vectors"]
fn write_vectors() {
    let write = |name: &str, text: &str| std::fs::write(folder().join(name), text).unwrap();
    write("sound.txt", &sound().text("sound"));
    write("sound-receipts.txt", &receipts::sound().text("sound"));
    for (name, vector) in all_negatives() {
        let fault = judge(&vector.text(""));
        assert_ne!(fault, "sound", "{name}");
        write(&format!("{name}.txt"), &vector.text(&fault));
    }
}

/// A log as it is kept.
#[derive(Clone, Default)]
struct Vector {
    entries: Vec<Row>,
    checkpoints: Vec<(u64, String)>,
    published: Option<String>,
    records: Vec<(RecordKind, Uuid, u64, String)>,
    head: Frontier,
}

#[derive(Clone)]
struct Row {
    seq: u64,
    bytes: String,
    leaf: String,
    lines: Option<String>,
}

impl Vector {
    fn push(&mut self, entry: &Entry, lines: Option<Vec<u8>>) {
        let seq = self.head.size();
        let bytes = entry.bytes(seq, time(seq));
        let leaf = leaf_hash(&bytes);
        self.head.push(leaf);
        self.entries.push(Row {
            seq,
            bytes: String::from_utf8(bytes).unwrap(),
            leaf: HEXLOWER.encode(&leaf),
            lines: lines.map(|lines| String::from_utf8(lines).unwrap()),
        });
    }

    fn sign(&mut self) {
        let (size, root) = (self.head.size(), self.head.root());
        let note = Checkpoint { origin: ORIGIN.into(), size, root }.sign(&key()).unwrap();
        self.checkpoints.push((size, note));
    }

    /// Makes the leaf hashes and the head fit the bytes again.
    fn hide(mut self) -> Self {
        self.head = Frontier::default();
        for row in &mut self.entries {
            let leaf = leaf_hash(row.bytes.as_bytes());
            row.leaf = HEXLOWER.encode(&leaf);
            self.head.push(leaf);
        }
        self
    }

    fn text(&self, expect: &str) -> String {
        let mut text = format!("expect: {expect}\nkey: {}\n", key().public());
        let mut put = |heading: &str, content: &str| {
            writeln!(text, "{heading}").unwrap();
            content.lines().for_each(|line| writeln!(text, "  {line}").unwrap());
        };
        if let Some(note) = &self.published {
            put("published:", note);
        }
        for (size, note) in &self.checkpoints {
            put(&format!("checkpoint: {size}"), note);
        }
        for Row { seq, bytes, leaf, lines } in &self.entries {
            put(&format!("entry: {seq} {leaf}"), bytes);
            if let Some(lines) = lines {
                put("lines:", lines);
            }
        }
        for (kind, record, seq, body) in &self.records {
            put(&format!("{}: {record} {seq}", kind.word()), body);
        }
        put(&format!("head: {}", HEXLOWER.encode(&self.head.to_bytes())), "");
        text
    }
}

/// What the verifier says of a vector.
fn judge(text: &str) -> String {
    let mut sections: Vec<(&str, String)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("  "), sections.last_mut()) {
            (Some(content), Some((_, text))) => writeln!(text, "{content}").unwrap(),
            _ => sections.push((line, String::new())),
        }
    }
    let all = |name: &'static str| {
        let named = sections.iter().enumerate();
        named.filter_map(move |(at, (heading, text))| {
            Some((at, heading.strip_prefix(name)?.trim(), text.as_str()))
        })
    };
    let verdict = (|| {
        let (_, key, _) = all("key: ").next().unwrap();
        let mut verifier = Verifier::new(Some(PublicKey::parse(key).unwrap()));
        if let Some((_, _, note)) = all("published:").next() {
            verifier.published(note)?;
        }
        let mut checkpoints =
            all("checkpoint: ").map(|(_, size, note)| (size.parse().unwrap(), note)).peekable();
        for (at, heading, bytes) in all("entry: ") {
            while let Some((size, note)) = checkpoints.next_if(|kept| kept.0 <= verifier.size()) {
                verifier.checkpoint(size, note)?;
            }
            let (seq, leaf) = heading.split_once(' ').unwrap();
            let lines = sections.get(at + 1).filter(|(heading, _)| *heading == "lines:");
            let lines = lines.map(|(_, lines)| lines.as_bytes());
            let (bytes, leaf) = (bytes.trim_end_matches('\n'), HEXLOWER.decode(leaf.as_bytes()));
            verifier.entry(seq.parse().unwrap(), bytes.as_bytes(), &leaf.unwrap(), lines)?;
        }
        for (size, note) in checkpoints {
            verifier.checkpoint(size, note)?;
        }
        for (name, kind) in [("consent: ", RecordKind::Consent), ("block: ", RecordKind::Block)] {
            for (_, heading, body) in all(name) {
                let (record, seq) = heading.split_once(' ').unwrap();
                let (record, seq) = (record.parse().unwrap(), seq.parse().unwrap());
                let body = body.trim_end_matches('\n').as_bytes();
                verifier.record(kind, &record, seq, body)?;
            }
        }
        let (_, head, _) = all("head: ").next().unwrap();
        let head = HEXLOWER.decode(head.as_bytes()).unwrap();
        verifier.finish(&Frontier::from_bytes(&head).unwrap())
    })();
    verdict.map_or_else(|fault| fault.to_string(), |_| "sound".into())
}

/// Nine entries of all kinds, with checkpoints after 3, 5 and 9.
fn sound() -> Vector {
    let (first, second) = (Uuid::from_u128(0xd1), Uuid::from_u128(0xd2));
    let mut vector = Vector::default();
    let body = r#"{"record_id":"00000000-0000-0000-0000-0000000000c1"}"#;
    let digest = HEXLOWER.encode(&Sha256::digest(body));
    vector.records.push((RecordKind::Consent, Uuid::from_u128(0xc1), 1, body.into()));
    let (subjects, lines) = lines(&first);
    let files = [("register.toml".to_owned(), "aa".repeat(32))].into();
    let policy = "ab".repeat(32);
    let activation = Activation { by: "start".into(), files, policy, signed_by: Vec::new() };
    vector.push(&Entry::Activation(activation), None);
    vector.push(&Entry::Consent(consent(digest)), None);
    let by = "Айгүл \"II\" \u{1}".to_owned();
    let object = Some("c\\1".to_owned());
    vector.push(
        &Entry::Admin(Admin { act: "consent-import", by, document: None, object, partner: None }),
        None,
    );
    vector.sign();
    vector.push(&Entry::from(Disclosure { subjects, ..disclosure(first) }), Some(lines));
    vector.push(&Entry::Refusal(refusal(Uuid::from_u128(0xd3))), None);
    vector.sign();
    let outcome =
        |did, of| Outcome { did, of, result: "delivered", reason: None, status: Some(200) };
    vector.push(&Entry::Outcome(outcome(first, 3)), None);
    let (subjects, lines) = self::lines(&second);
    vector.push(&Entry::from(Disclosure { subjects, ..disclosure(second) }), Some(lines));
    let reason = Some(Reason::LogBusy);
    let failed = Outcome { result: "failed", reason, status: None, ..outcome(second, 6) };
    vector.push(&Entry::Outcome(failed), None);
    let (block, body) = lifted();
    vector.records.push((RecordKind::Block, block.record, 8, body));
    vector.push(&Entry::Block(block), None);
    vector.sign();
    vector.published = vector.checkpoints.last().map(|(_, note)| note.clone());
    vector
}

fn all_negatives() -> Vec<(&'static str, Vector)> {
    [negatives(), receipts::negatives()].concat()
}

/// One thing wrong in each.
fn negatives() -> Vec<(&'static str, Vector)> {
    let case = |name, change: fn(&mut Vector)| {
        let mut vector = sound();
        change(&mut vector);
        (name, vector)
    };
    let hidden = |name, change: fn(&mut Vector)| {
        let (name, vector) = case(name, change);
        (name, vector.hide())
    };
    vec![
        case("entry-altered", |v| edit(v, 3, "London", "Londom")),
        case("entry-deleted", |v| drop(v.entries.remove(4))),
        case("entry-twice", |v| v.entries.insert(4, v.entries[3].clone())),
        hidden("entry-altered-with-its-hash", |v| edit(v, 4, "NO_CONSENT", "LOG_BUSY")),
        hidden("entries-swapped", |v| {
            v.entries.swap(3, 4);
            (0..).zip(&mut v.entries).for_each(|(seq, row)| row.seq = seq);
        }),
        hidden("entry-not-canonical", |v| edit(v, 0, "\"by\":", "\"by\": ")),
        hidden("tail-cut-inside", |v| v.entries.truncate(7)),
        hidden("tail-cut-with-its-checkpoints", |v| {
            v.entries.truncate(5);
            v.checkpoints.truncate(2);
            v.records.truncate(1);
        }),
        hidden("outcome-of-nothing", |v| edit(v, 5, "\"of\":3", "\"of\":4")),
        case("line-altered", |v| {
            let lines = v.entries[3].lines.as_mut().unwrap();
            *lines = lines.replace("\"verdict\":0", "\"verdict\":1");
        }),
        case("lines-lost", |v| v.entries[3].lines = None),
        case("checkpoint-forged", |v| {
            v.checkpoints[0].1 = v.checkpoints[0].1.replace("\n3\n", "\n2\n");
        }),
        case("consent-altered", |v| v.records[0].3 = "{}".into()),
        case("consent-lost", |v| drop(v.records.remove(0))),
        case("block-altered", |v| v.records[1].3 = v.records[1].3.replace("lifted", "blocked")),
        case("block-lost", |v| drop(v.records.pop())),
        case("block-as-a-consent", |v| v.records[1].0 = RecordKind::Consent),
        case("head-of-another-log", |v| v.head = std::iter::repeat_n([0; 32], 9).collect()),
    ]
}

/// A block of all three things that was lifted.
fn lifted() -> (BlockEvent, String) {
    let reach = Reach {
        subject: Some("5f".repeat(16)),
        partner: Some(Name::parse("training-gb").unwrap()),
        purpose: Some(PurposeId::parse("P10a").unwrap()),
    };
    let id = Uuid::from_u128(0xb1);
    let mut block = Block::new(id, reach, "No. 7", ("officer", time(8))).unwrap();
    let decision = Evidence { reference: "No. 8".into(), sha256: "ef".repeat(32) };
    block.lift(&decision, ("officer", time(9))).unwrap();
    let body = String::from_utf8(block.bytes().unwrap()).unwrap();
    let event = BlockEvent {
        by: "officer".into(),
        decision: Some(decision.sha256),
        digest: HEXLOWER.encode(&Sha256::digest(&body)),
        partner: block.partner,
        purpose: block.purpose,
        record: id,
        state: State::Lifted.word(),
        subject: Some("5f".repeat(16)),
        when: time(9),
    };
    (event, body)
}

fn edit(vector: &mut Vector, at: usize, from: &str, to: &str) {
    let bytes = &mut vector.entries[at].bytes;
    assert!(bytes.contains(from));
    *bytes = bytes.replace(from, to);
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/ledger")
}

fn key() -> LogKey {
    LogKey::from_seed(ORIGIN, &Zeroizing::new([0x11; 32])).unwrap()
}

fn time(seq: u64) -> Timestamp {
    let start = Timestamp::parse("2026-11-22T09:45:00.007Z").unwrap();
    start.plus_millis(i64::try_from(seq).unwrap() * 1000)
}

fn lines(did: &Uuid) -> (otkel::ledger::entry::Subjects, Vec<u8>) {
    let mut lines = Lines::with_capacity(3);
    let keys = [1, 2, 3].map(|byte| SubjectKey::from_bytes([byte; 32]));
    let (one, two) = (Uuid::from_u128(0xc1), Uuid::from_u128(0xc2));
    let consents = [&[one][..], &[], &[two, one]];
    for (key, consents) in keys.iter().zip(consents) {
        lines.push(consents, key.tag(did), 0);
    }
    lines.finish()
}

fn consent(digest: String) -> ConsentEvent {
    ConsentEvent {
        by: "import".into(),
        categories: ["D01", "D20"].map(|text| CategoryId::parse(text).unwrap()).to_vec(),
        countries: vec![Country::parse("GB").unwrap()],
        digest,
        purposes: vec![PurposeId::parse("P09").unwrap()],
        recipients: vec![Name::parse("training-gb").unwrap()],
        record: Uuid::from_u128(0xc1),
        state: "ConsentGiven",
        subject: SubjectKey::from_bytes([1; 32]).tag(&Uuid::from_u128(0xc1)).to_string(),
        valid_until: time(100_000),
        when: time(0),
    }
}

fn asked() -> Asked {
    let name = |text| Some(Name::parse(text).unwrap());
    Asked {
        caller: name("portal"),
        partner: name("training-gb"),
        policy: Some("ab".repeat(32)),
        purpose: Some(PurposeId::parse("P10a").unwrap()),
        route: name("enrol"),
    }
}

fn disclosure(did: Uuid) -> Disclosure {
    let fields = ["$.learners[*].name", "$.learners[*].course"].map(str::to_owned).to_vec();
    Disclosure {
        did,
        time: time(3),
        again: None,
        asked: asked(),
        basis: Basis::Consent,
        border: ["GB", "IE"].map(|country| (country.to_owned(), "16(3)(1)")).into(),
        candidate: None,
        cross_border: true,
        exporter: "500140000017".into(),
        notify: Some(Notify { due: jiff::civil::date(2026, 12, 4), n: 1 }),
        payload: Payload {
            bytes: 2338,
            kem: None,
            kid: "Dn6lLqtecEtelT6pj9dM-w".into(),
            kids: vec![],
            media: "application/json".to_owned(),
            mode: None,
            sha256: "cd".repeat(32),
        },
        recipient: Recipient {
            address: "1 Example Street, London".into(),
            countries: ["GB", "IE"].map(|text| Country::parse(text).unwrap()).to_vec(),
            name: "Example Training Ltd".into(),
            party: "GB 01234567".into(),
        },
        snapshot: 2,
        stream: None,
        subjects: lines(&did).0,
        verdicts: vec![Verdict {
            decision: "redacted",
            found: BTreeMap::new(),
            lost: BTreeMap::new(),
            n: 3,
            present: vec![],
            reason: None,
            reason_field: None,
            removed: [("$.learners[*].iin".to_owned(), Reason::CategoryNotConsented)].into(),
            sent: [("D01".to_owned(), fields)].into(),
            treated: BTreeMap::new(),
            unmapped: 2,
        }],
    }
}

fn refusal(did: Uuid) -> Refusal {
    let reason = Reason::NoConsent;
    Refusal {
        did,
        time: time(4),
        asked: asked(),
        basis: Some(Basis::Request(Box::new(Request {
            article: "9(1)".into(),
            date: jiff::civil::date(2026, 10, 1),
            document: "No. 03-114/26".into(),
            officer: Name::parse("a.mysalova").unwrap(),
            request: Name::parse("2026-114").unwrap(),
        }))),
        candidate: Some(Box::new(Candidate {
            decision: "refused",
            place: None,
            reason: Some(Reason::PurposeNotForRoute),
            verdicts: vec![],
        })),
        reason,
        place: None,
        stream: None,
        subjects: None,
        verdicts: vec![],
    }
}

const ORIGIN: &str = "gw.example/disclosures";
