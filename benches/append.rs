//! What recording costs: entries to bytes, batches through the recorder, lines, verification.
//!
//! The CPU time of the recorder's thread for each entry, which other programs on the machine do not
//! change, is printed beside the wall time.
//! The store lies in `/dev/shm` where there is one: a sync costs nothing there, so wall time is CPU
//! time. Elsewhere the figures hold the disk's syncs too.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs, reason = "a bench")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use divan::Bencher;
use divan::counter::ItemsCount;
use otkel::ledger::entry::{
    Asked, Basis, ConsentEvent, Disclosure, Entry, Payload, Recipient, Subjects, Verdict,
};
use otkel::ledger::line::{Lines, SubjectKey, Tag};
use otkel::ledger::verify::Verifier;
use otkel::store::recorder::Options;
use otkel::store::{
    Append, Guard, NewSubject, Reader, RecordRow, Recorder, StoreSecret, SubjectRef, audit, sqlite,
};
use otkel::time::{Clock, Timestamp};
use otkel::vocabulary::{CategoryId, Country, Name, PurposeId};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

fn main() {
    divan::main();
}

/// One disclosure of one subject, from append to commit.
#[divan::bench(args = [1, 64, 256], sample_count = 20, sample_size = 1)]
fn append(bencher: Bencher<'_, '_>, batch: usize) {
    let (folder, recorder, _) = start(batch);
    bencher
        .counter(ItemsCount::new(MANY))
        .with_inputs(|| (0..MANY).map(|_| transfer(&recorder)).collect::<Vec<_>>())
        .bench_values(|appends| {
            let answers = recorder.append_blocking(appends);
            assert!(answers.iter().all(Result::is_ok));
        });
    report_cpu("append", batch, &recorder);
    recorder.close();
    std::fs::remove_dir_all(folder).unwrap();
}

/// One new subject's consent, from append to commit, with everything that is stored for it.
#[divan::bench(args = [256, 1024], sample_count = 20, sample_size = 1)]
fn import(bencher: Bencher<'_, '_>, batch: usize) {
    let (folder, recorder, reader) = start(batch);
    let body = "x".repeat(1200);
    bencher
        .counter(ItemsCount::new(MANY))
        .with_inputs(|| (0..MANY).map(|_| consent(&reader, &body)).collect::<Vec<_>>())
        .bench_values(|appends| {
            let answers = recorder.append_blocking(appends);
            assert!(answers.iter().all(Result::is_ok));
        });
    report_cpu("import", batch, &recorder);
    recorder.close();
    std::fs::remove_dir_all(folder).unwrap();
}

/// The canonical bytes of one disclosure.
#[divan::bench]
fn bytes(bencher: Bencher<'_, '_>) {
    let entry = Entry::from(disclosure(Uuid::from_u128(1), Subjects::default()));
    let time = now();
    bencher.bench_local(|| divan::black_box(&entry).bytes(1_000_000, time));
}

/// Tags, lines and root of a transfer of 500 subjects.
#[divan::bench]
fn lines_of_500(bencher: Bencher<'_, '_>) {
    let key = SubjectKey::from_bytes([5; 32]);
    let (consent, did) = (Uuid::from_u128(7), Uuid::from_u128(8));
    bencher.bench_local(|| {
        let mut lines = Lines::with_capacity(500);
        (0..500).for_each(|_| lines.push(&[consent], key.tag(&did), 0));
        lines.finish()
    });
}

/// Lines and root alone.
#[divan::bench]
fn lines_of_500_without_tags(bencher: Bencher<'_, '_>) {
    let consent = Uuid::from_u128(7);
    bencher.bench_local(|| {
        let mut lines = Lines::with_capacity(500);
        (0..500).for_each(|_| lines.push(&[consent], Tag([9; 16]), 0));
        lines.finish()
    });
}

/// Verification of entries that are in memory.
#[divan::bench(sample_count = 20)]
fn verify(bencher: Bencher<'_, '_>) {
    let (subjects, lines) = one_line(&Uuid::from_u128(9));
    let rows: Vec<_> = (0..10_000)
        .map(|seq| {
            let entry = disclosure(Uuid::from_u128(seq), subjects.clone());
            let bytes = Entry::from(entry).bytes(u64::try_from(seq).unwrap(), now());
            (otkel::ledger::tree::leaf_hash(&bytes), bytes)
        })
        .collect();
    bencher.counter(ItemsCount::new(rows.len())).bench_local(|| {
        let mut verifier = Verifier::new(None);
        for (seq, (leaf, bytes)) in (0..).zip(&rows) {
            verifier.entry(seq, bytes, leaf, Some(&lines)).unwrap();
        }
        verifier.size()
    });
}

/// Verification of a store, reading included.
#[divan::bench(sample_count = 5)]
fn audit_store(bencher: Bencher<'_, '_>) {
    let (folder, recorder, reader) = start(256);
    let appends = (0..50_000).map(|_| transfer(&recorder)).collect();
    assert!(recorder.append_blocking(appends).iter().all(Result::is_ok));
    recorder.close();
    bencher
        .counter(ItemsCount::new(50_000_usize))
        .bench_local(|| audit::audit(reader.snapshot().unwrap().as_mut(), None, None).unwrap());
    std::fs::remove_dir_all(folder).unwrap();
}

struct System;

impl Clock for System {
    fn now(&self) -> Timestamp {
        now()
    }
}

fn now() -> Timestamp {
    Timestamp::parse("2026-11-22T09:45:00.007Z").unwrap()
}

fn start(batch_max: usize) -> (PathBuf, Recorder, Reader) {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let memory = PathBuf::from("/dev/shm");
    let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = parent.join(format!("otkel-bench-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let secret = StoreSecret::from_seed(&Zeroizing::new([1; 32]));
    let (store, reader) = sqlite::open(&folder.join("store.db"), secret, 1000).unwrap();
    let options = Options { batch_max, ..Options::default() };
    let recorder = Recorder::start(store, reader.clone(), options, Arc::new(System)).unwrap();
    (folder, recorder, reader)
}

/// Says how long the recorder's thread has run for each entry, where the system says it.
fn report_cpu(bench: &str, batch: usize, recorder: &Recorder) {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return };
    for task in tasks.filter_map(|task| task.ok().map(|task| task.path())) {
        let read = |name| std::fs::read_to_string(task.join(name)).unwrap_or_default();
        if read("comm").trim() != "recorder" {
            continue;
        }
        let on_cpu = read("schedstat").split(' ').next().and_then(|text| text.parse::<u64>().ok());
        if let Some(each) = on_cpu.and_then(|ns| ns.checked_div(recorder.size())) {
            eprintln!("{bench} at batch {batch}: {each} ns of the recorder's CPU for each entry");
        }
    }
}

/// Ids that rise with time, as version 7 does.
fn next_id() -> Uuid {
    static LAST: AtomicU64 = AtomicU64::new(1);
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    Uuid::from_u128(u128::from(number) << 64 | u128::from(number.wrapping_mul(0x9e37_79b9)))
}

fn transfer(recorder: &Recorder) -> Append {
    let did = next_id();
    let (subjects, lines) = one_line(&did);
    let guard = Guard { snapshot: recorder.size(), subjects: vec![SubjectRef([7; 16])] };
    Append {
        lines: Some(lines),
        guard: Some(guard),
        ..Append::plain(Entry::from(disclosure(did, subjects)))
    }
}

fn one_line(did: &Uuid) -> (Subjects, Vec<u8>) {
    let mut lines = Lines::with_capacity(1);
    lines.push(&[Uuid::from_u128(7)], SubjectKey::from_bytes([5; 32]).tag(did), 0);
    lines.finish()
}

fn disclosure(did: Uuid, subjects: Subjects) -> Disclosure {
    let name = |text| Some(Name::parse(text).unwrap());
    let fields = ["$.name", "$.surname", "$.course", "$.grade"].map(str::to_owned).to_vec();
    Disclosure {
        did,
        time: now(),
        again: None,
        asked: Asked {
            caller: name("portal"),
            partner: name("training-gb"),
            policy: Some("ab".repeat(32)),
            purpose: Some(PurposeId::parse("P09").unwrap()),
            route: name("enrol"),
        },
        basis: Basis::Consent,
        border: [("GB".to_owned(), "16(3)(1)")].into(),
        candidate: None,
        cross_border: true,
        exporter: "500140000017".into(),
        notify: None,
        payload: Payload {
            bytes: 2338,
            kem: None,
            kid: "Dn6lLqtecEtelT6pj9dM-w".into(),
            kids: Vec::new(),
            media: "application/json".to_owned(),
            mode: None,
            sha256: "cd".repeat(32),
        },
        recipient: Recipient {
            address: "1 Example Street, London".into(),
            countries: vec![Country::parse("GB").unwrap()],
            name: "Example Training Ltd".into(),
            party: "GB 01234567".into(),
        },
        snapshot: 41,
        stream: None,
        subjects,
        verdicts: vec![Verdict {
            decision: "redacted",
            found: BTreeMap::new(),
            lost: BTreeMap::new(),
            n: 1,
            present: vec![],
            reason: None,
            reason_field: None,
            removed: [("$.iin".to_owned(), otkel::reason::Reason::CategoryNotConsented)].into(),
            sent: [("D01".to_owned(), fields)].into(),
            treated: BTreeMap::new(),
            unmapped: 0,
        }],
    }
}

fn consent(reader: &Reader, body: &str) -> Append {
    let record = next_id();
    let subject = reader.reference("kz-iin", &record.to_string());
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(body));
    let event = ConsentEvent {
        by: "import".into(),
        categories: vec![CategoryId::parse("D01").unwrap()],
        countries: vec![Country::parse("GB").unwrap()],
        digest,
        purposes: vec![PurposeId::parse("P09").unwrap()],
        recipients: vec![Name::parse("training-gb").unwrap()],
        record,
        state: "ConsentGiven",
        subject: "5f".repeat(16),
        valid_until: now(),
        when: now(),
    };
    Append {
        new_subjects: vec![NewSubject::random(subject).unwrap()],
        record: Some(RecordRow { subject, record, body: body.into() }),
        ..Append::plain(Entry::Consent(event))
    }
}

const MANY: usize = 4096;
