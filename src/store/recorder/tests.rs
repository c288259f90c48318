use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::*;
use crate::consent::Terms;
use crate::envelope::key::KeyList;
use crate::envelope::list::SignedKeys;
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::entry;
use crate::ledger::entry::tests::{admin, consent, disclosure, outcome, time};
use crate::ledger::line::Lines;
use crate::ledger::verify::Report;
use crate::policy::Quota;
use crate::signing::{Sign as _, SigningKey};
use crate::store::audit::audit;
use crate::store::secret::StoreSecret;
use crate::store::{Head, ListOwner, Owner, StoredCheckpoint, Transaction, Used, sqlite};
use crate::time::Timestamp;
use crate::vocabulary::Name;

const ORIGIN: &str = "gw.example/disclosures";

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        time()
    }
}

/// A folder of its own, removed at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("otkel-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn store(&self) -> PathBuf {
        self.0.join("store.db")
    }

    fn published(&self) -> PathBuf {
        self.0.join("checkpoint")
    }

    /// Opens the store, as another process would.
    fn open(&self) -> (Box<dyn Store>, Reader) {
        sqlite::open(&self.store(), secret(), 100).unwrap()
    }

    /// A recorder whose commits, while the number is not 0, reach the disk and yet fail.
    pub(crate) fn start_failing(&self) -> (Recorder, Reader, Arc<AtomicU64>) {
        let (inner, reader) = self.open();
        let broken = Arc::new(AtomicU64::new(0));
        let store = Box::new(Failing { inner, broken: Arc::clone(&broken) });
        let recorder = Recorder::start(store, reader.clone(), self.options(), Arc::new(Still));
        (recorder.unwrap(), reader, broken)
    }

    pub(crate) fn start(&self) -> Recorder {
        self.try_start().unwrap()
    }

    fn try_start(&self) -> Result<Recorder, StoreError> {
        let (store, reader) = self.open();
        Recorder::start(store, reader, self.options(), Arc::new(Still))
    }

    fn options(&self) -> Options {
        Options {
            checkpoint_interval: Duration::from_millis(5),
            signer: Some(signer()),
            publish: Some(self.published()),
            ..Options::default()
        }
    }

    fn audit(&self) -> Result<Report, String> {
        let (_, reader) = self.open();
        let note = std::fs::read_to_string(self.published()).ok();
        let key = Some(signer().public().clone());
        audit(reader.snapshot().unwrap().as_mut(), key, note.as_deref()).map_err(|e| e.to_string())
    }

    fn sql(&self, sql: &str) {
        rusqlite::Connection::open(self.store()).unwrap().execute_batch(sql).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn secret() -> StoreSecret {
    StoreSecret::from_seed(&Zeroizing::new([3; 32]))
}

fn signer() -> LogKey {
    LogKey::from_seed(ORIGIN, &Zeroizing::new([4; 32])).unwrap()
}

/// A consent record's canonical JSON; each version has terms and a length of its own.
fn body(version: u64) -> String {
    let hash = "ab".repeat(32);
    let until = time().plus_millis(i64::try_from(version).unwrap() * 1000);
    let value = serde_json::json!({
        "schema_version": "https://w3id.org/dpv/schema/dpv-27560#record otkel/1",
        "record_id": Uuid::from_u128(1),
        "pii_principal_id": "00".repeat(16),
        "subject_name_present": true,
        "pii_controllers": [{
            "party_id": "500140000017", "name": "Center", "address": "Astana", "contact": "x@y.kz"
        }],
        "privacy_notice": {"uri": "https://gw.example/privacy", "version": "1", "sha256": hash},
        "language": "kk",
        "purposes": ["P09"],
        "pii_information": ["D01"],
        "recipient_third_parties": ["training-gb"],
        "cross_border": {"allowed": true, "countries": ["GB"]},
        "publication": {"allowed": false, "sources": []},
        "storage_locations": ["KZ"],
        "retention_period": "P5Y",
        "jurisdiction": "KZ",
        "lawful_basis": "dpv:Consent, 94-V Art. 7(1)",
        "withdrawal_method": "x".repeat(usize::try_from(version).unwrap()),
        "given_by": "subject",
        "notify_on_transfer": false,
        "events": [{
            "event_time": "2026-09-01T00:00:00.000Z", "event_type": "ExpressedConsent",
            "event_state": "ConsentGiven", "valid_until": until,
            "channel": "written", "evidence": {"reference": "box 4", "sha256": hash}
        }]
    });
    serde_json_canonicalizer::to_string(&value).unwrap()
}

/// A body that names its subject.
fn of(subject: SubjectRef, body: &str) -> String {
    body.replace(&"00".repeat(16), &data_encoding::HEXLOWER.encode(&subject.0))
}

fn terms(version: u64) -> Terms {
    Terms::read(body(version).as_bytes()).unwrap()
}

fn plain(by: &str) -> Append {
    Append::plain(admin(by))
}

/// An event that leaves a record with a body; the subject is new if asked for.
fn event(subject: SubjectRef, record: u128, body: &str, new: bool) -> Append {
    use sha2::Digest;
    let body = of(subject, body);
    let digest = data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(&body));
    let row = RecordRow { subject, record: Uuid::from_u128(record), body: body.into_bytes() };
    Append {
        new_subjects: new.then(|| NewSubject::random(subject).unwrap()).into_iter().collect(),
        record: Some(row),
        ..Append::plain(Entry::Consent(consent(record, &digest)))
    }
}

fn guarded(did: u128, snapshot: u64, subjects: &[SubjectRef]) -> Append {
    let mut lines = Lines::default();
    for subject in subjects {
        let key = SubjectKey::from_bytes([subject.0[0]; 32]);
        lines.push(&[], key.tag(&Uuid::from_u128(did)), 0);
    }
    let mut entry = disclosure(did);
    let (bound, lines) = lines.finish();
    entry.subjects = bound;
    let guard = Guard { snapshot, subjects: subjects.to_vec() };
    let entry = Entry::from(entry);
    Append { lines: Some(lines), guard: Some(guard), ..Append::plain(entry) }
}

/// Waits for something that the recorder's thread does by itself.
fn until(mut done: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("it did not happen");
}

fn one(recorder: &Recorder, append: Append) -> Result<u64, Unrecorded> {
    recorder.append_blocking(vec![append]).remove(0).map(|position| position.seq)
}

#[test]
fn many_at_once_get_one_position_each_and_the_log_is_sound() {
    let folder = Folder::new();
    let recorder = folder.start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let mut seqs = runtime.block_on(async {
        let tasks: Vec<_> = (0..300)
            .map(|n| {
                let recorder = recorder.clone();
                tokio::spawn(async move { recorder.append(plain(&n.to_string())).await })
            })
            .collect();
        let mut seqs = Vec::new();
        for task in tasks {
            seqs.push(task.await.unwrap().unwrap().seq);
        }
        seqs
    });
    seqs.sort_unstable();
    assert_eq!(seqs, (0..300).collect::<Vec<_>>());
    assert_eq!(recorder.size(), 300);
    recorder.close();
    assert_eq!(one(&recorder, plain("late")), Err(Unrecorded::Stopped));
    let report = folder.audit().unwrap();
    assert_eq!((report.size, report.signed), (300, 300));
    assert_eq!(report.kinds["admin"], 300);
}

#[test]
fn a_restart_goes_on_where_the_last_run_ended() {
    let folder = Folder::new();
    let first = folder.start();
    assert_eq!(one(&first, plain("a")), Ok(0));
    drop(first);
    let second = folder.start();
    assert_eq!(second.size(), 1);
    assert_eq!(one(&second, plain("b")), Ok(1));
    drop(second);
    assert_eq!(folder.audit().unwrap().checkpoints, 2);
}

#[test]
fn a_receipt_is_written_with_its_outcome_or_not_at_all() {
    let folder = Folder::new();
    let (store, reader) = folder.open();
    let recorder =
        Recorder::start(store, reader.clone(), folder.options(), Arc::new(Still)).unwrap();
    let settle = |of, receipt_of| {
        let proof = entry::Proof::Missing;
        let receipt = Receipt { did: Uuid::from_u128(9), of: receipt_of, proof };
        Append { receipt: Some(receipt), ..Append::plain(Entry::Outcome(outcome(9, of))) }
    };
    assert_eq!(one(&recorder, guarded(9, 0, &[])), Ok(0));
    assert_eq!(one(&recorder, settle(0, 1)), Err(Unrecorded::RecordMismatch));
    let lone = Append { entry: admin("x"), ..settle(0, 0) };
    assert_eq!(one(&recorder, lone), Err(Unrecorded::RecordMismatch));
    let answers = recorder.append_blocking(vec![settle(0, 0), settle(0, 0), plain("y")]);
    let placed = |seq| Ok(Position { seq });
    assert_eq!(answers, [placed(2), Err(Unrecorded::Settled), placed(3)]);
    recorder.close();
    let found = reader.decision(&Uuid::from_u128(9)).unwrap().unwrap();
    assert!(String::from_utf8(found.receipt.unwrap()).unwrap().contains("missing"));
    let report = folder.audit().unwrap();
    assert_eq!((report.size, report.open), (4, vec![]));
    assert_eq!(report.receipts, [("missing".to_owned(), 1)].into());
}

#[test]
fn a_decision_is_found_with_its_lines_and_outcome() {
    let folder = Folder::new();
    let (store, reader) = folder.open();
    let recorder =
        Recorder::start(store, reader.clone(), folder.options(), Arc::new(Still)).unwrap();
    let subject = reader.reference("iin", "850101300123");
    let append = guarded(9, 0, &[subject]);
    let lines = append.lines.clone();
    assert_eq!(one(&recorder, append), Ok(0));
    let found = reader.decision(&Uuid::from_u128(9)).unwrap().unwrap();
    assert_eq!((found.seq, found.lines, found.outcome), (0, lines, None));
    recorder.close();
    let open: Vec<_> = folder.audit().unwrap().open.iter().map(|it| (it.seq, it.did)).collect();
    assert_eq!(open, [(0, Uuid::from_u128(9))]);

    let recorder = folder.start();
    let settle = || Append::plain(Entry::Outcome(outcome(9, 0)));
    let answers = recorder.append_blocking(vec![settle(), settle()]);
    assert_eq!(answers, [Ok(Position { seq: 1 }), Err(Unrecorded::Settled)]);
    assert_eq!(one(&recorder, settle()), Err(Unrecorded::Settled));
    recorder.close();
    let found = reader.decision(&Uuid::from_u128(9)).unwrap().unwrap();
    assert!(String::from_utf8(found.outcome.unwrap()).unwrap().contains("delivered"));
    assert_eq!(reader.decision(&Uuid::from_u128(8)).unwrap(), None);
    assert_eq!(folder.audit().unwrap().open, []);
    let note = reader.latest_checkpoint().unwrap().unwrap();
    assert_eq!(Checkpoint::open(&note, signer().public()).unwrap().size, 2);
    let seqs: Vec<_> = reader.entries(1).map(|entry| entry.unwrap().seq).collect();
    assert_eq!(seqs, [1]);
}

#[test]
fn a_guard_stops_what_was_decided_before_an_event() {
    let folder = Folder::new();
    let (store, reader) = folder.open();
    let recorder =
        Recorder::start(store, reader.clone(), folder.options(), Arc::new(Still)).unwrap();
    let [a, b] = ["a", "b"].map(|id| reader.reference("iin", id));
    assert_eq!(one(&recorder, event(a, 1, &body(1), true)), Ok(0));
    assert_eq!(one(&recorder, guarded(10, 0, &[a])), Err(Unrecorded::Stale));
    assert_eq!(one(&recorder, guarded(11, 0, &[b])), Ok(1));
    assert_eq!(one(&recorder, guarded(12, 1, &[a, b])), Ok(2));
    // In one batch, only what follows the event is stale, and the rest goes on.
    let batch = vec![
        guarded(13, 3, &[a]),
        event(a, 1, &body(2), false),
        guarded(14, 3, &[b, a]),
        guarded(15, 3, &[b]),
        event(b, 2, &body(1), true),
        event(b, 3, &body(1), true),
    ];
    let answers: Vec<_> =
        recorder.append_blocking(batch).into_iter().map(|a| a.map(|it| it.seq)).collect();
    let stale = Err(Unrecorded::Stale);
    assert_eq!(answers, [Ok(3), Ok(4), stale, Ok(5), Ok(6), stale]);
    assert_eq!(one(&recorder, event(b, 1, &body(1), false)), Err(Unrecorded::RecordTaken));
    let lone = Append { record: None, ..event(b, 5, &body(1), false) };
    assert_eq!(one(&recorder, lone), Err(Unrecorded::RecordMismatch));
    assert_eq!(reader.consents(&b).unwrap(), [(Uuid::from_u128(2), of(b, &body(1)).into_bytes())]);
    assert_eq!(reader.record(&Uuid::from_u128(1)).unwrap().unwrap().seq, 4);
    recorder.close();
    assert_eq!(folder.audit().unwrap().kinds["consent"], 3);
}

#[test]
fn no_guarded_append_follows_a_withdrawal_that_races_it() {
    let folder = Folder::new();
    let (store, reader) = folder.open();
    let recorder =
        Recorder::start(store, reader.clone(), folder.options(), Arc::new(Still)).unwrap();
    let subject = reader.reference("iin", "a");
    one(&recorder, event(subject, 1, &body(1), true)).unwrap();
    let sender = |base: u128| {
        let (recorder, reader) = (recorder.clone(), reader.clone());
        std::thread::spawn(move || {
            let mut last = 0;
            for n in 0..100_000 {
                let (snapshot, facts) = reader.facts(&[subject]).unwrap();
                if facts[0].as_ref().unwrap().consents != [terms(1)] {
                    return (last, n);
                }
                match one(&recorder, guarded(base + n, snapshot, &[subject])) {
                    Ok(seq) => last = seq,
                    Err(refusal) => assert_eq!(refusal, Unrecorded::Stale),
                }
            }
            panic!("the withdrawal was never seen");
        })
    };
    let senders = [sender(1 << 64), sender(1 << 65)];
    until(|| recorder.size() > 20);
    let withdrawn = one(&recorder, event(subject, 1, &body(2), false)).unwrap();
    for sender in senders {
        let (last, tries) = sender.join().unwrap();
        assert!(tries > 0 && last < withdrawn, "{last} follows {withdrawn}");
    }
}

#[test]
fn facts_are_never_older_than_an_acknowledged_event() {
    const VERSIONS: u64 = 150;
    let folder = Folder::new();
    let (store, reader) = folder.open();
    let recorder =
        Recorder::start(store, reader.clone(), folder.options(), Arc::new(Still)).unwrap();
    let subject = reader.reference("iin", "a");
    assert_eq!(reader.facts(&[subject]).unwrap(), (0, vec![None]));
    one(&recorder, event(subject, 1, &body(1), true)).unwrap();
    let done = Arc::new(AtomicU64::new(1));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (reader, done) = (reader.clone(), Arc::clone(&done));
            std::thread::spawn(move || {
                loop {
                    let version = done.load(Ordering::SeqCst);
                    let (_, facts) = reader.facts(&[subject]).unwrap();
                    let seen = &facts[0].as_ref().unwrap().consents;
                    let current = (version..=VERSIONS).any(|n| *seen == [terms(n)]);
                    assert!(current, "facts from before an event that was acknowledged");
                    if version >= VERSIONS {
                        break;
                    }
                }
            })
        })
        .collect();
    for version in 2..=VERSIONS {
        one(&recorder, event(subject, 1, &body(version), false)).unwrap();
        done.store(version, Ordering::SeqCst);
    }
    for reader in readers {
        reader.join().unwrap();
    }
}

#[test]
fn two_processes_share_one_order() {
    let folder = Folder::new();
    let (store, reader) = folder.open();
    let serve = Recorder::start(store, reader.clone(), folder.options(), Arc::new(Still)).unwrap();
    let (store, _) = folder.open();
    let other =
        Recorder::start(store, folder.open().1, Options::default(), Arc::new(Still)).unwrap();
    let [a, b] = ["a", "b"].map(|id| reader.reference("iin", id));
    assert_eq!(one(&other, event(a, 1, &body(1), true)), Ok(0));
    until(|| reader.size() == 1);
    let (snapshot, facts) = reader.facts(&[a, b]).unwrap();
    assert!(facts[0].is_some() && facts[1].is_none());
    // The other process withdraws; whatever this one has cached, its append finds out.
    assert_eq!(one(&other, event(a, 1, &body(2), false)), Ok(1));
    assert_eq!(one(&serve, guarded(1, snapshot, &[a])), Err(Unrecorded::Stale));
    let (snapshot, facts) = reader.facts(&[a]).unwrap();
    assert_eq!(snapshot, 2);
    let withdrawn = terms(2);
    assert_eq!(facts[0].as_ref().unwrap().consents, [withdrawn]);
    // A subject that both make is made once.
    let (_, facts) = reader.facts(&[b]).unwrap();
    assert_eq!(facts, [None]);
    let first = Append { new_subjects: vec![NewSubject::random(b).unwrap()], ..plain("x") };
    assert_eq!(one(&other, first.clone()), Ok(2));
    assert_eq!(one(&serve, first), Err(Unrecorded::Stale));
    assert!(reader.facts(&[b]).unwrap().1[0].is_some());
    let both = |recorder: &Recorder| {
        let recorder = recorder.clone();
        std::thread::spawn(move || {
            for _ in 0..50 {
                one(&recorder, plain("both")).unwrap();
            }
        })
    };
    let threads = [both(&serve), both(&other)];
    for thread in threads {
        thread.join().unwrap();
    }
    other.close();
    serve.close();
    let report = folder.audit().unwrap();
    assert_eq!((report.size, report.signed), (103, 103));
}

#[test]
fn a_store_that_is_behind_or_beside_its_checkpoint_is_refused() {
    let folder = Folder::new();
    let recorder = folder.start();
    for n in 0..4 {
        one(&recorder, plain(&n.to_string())).unwrap();
        let size = n + 1;
        until(|| {
            let note = std::fs::read_to_string(folder.published()).unwrap_or_default();
            Checkpoint::open(&note, signer().public()).is_ok_and(|it| it.size == size)
        });
    }
    drop(recorder);
    let copy = |from: &Path, to: &Path| std::fs::copy(from, to).map(drop).unwrap();
    let kept = folder.0.join("kept");
    copy(&folder.store(), &kept);

    let shorter = Folder::new();
    drop(shorter.start().append_blocking(vec![plain("0")]));
    copy(&folder.published(), &shorter.published());
    let refused = shorter.try_start().unwrap_err();
    assert!(matches!(refused, StoreError::Checkpoint(_)), "{refused}");
    assert!(shorter.audit().unwrap_err().contains("entry 1 and what follows"));

    let other = Folder::new();
    let recorder = other.start();
    for n in ["0", "1", "2", "other", "4"] {
        one(&recorder, plain(n)).unwrap();
    }
    drop(recorder);
    copy(&folder.published(), &other.published());
    let refused = other.try_start().unwrap_err();
    assert!(matches!(refused, StoreError::Checkpoint(_)), "{refused}");
    assert!(other.audit().unwrap_err().contains("rewritten between"));

    folder.sql("DELETE FROM entries WHERE seq = 3");
    let refused = folder.try_start();
    assert!(refused.is_ok(), "what a checkpoint covers is for `verify`");
    drop(refused);
    assert_eq!(
        folder.audit().unwrap_err(),
        "entry 3 and what follows are missing; a checkpoint covers 4"
    );
    copy(&kept, &folder.store());
    assert_eq!(folder.audit().unwrap().size, 4);
}

/// A disclosure to a partner with a quota, of one record for each subject.
fn taking(did: u128, day: i8, quota: Quota, subjects: &[SubjectRef]) -> Append {
    let take = QuotaUse {
        partner: Name::parse("training-gb").unwrap(),
        day: jiff::civil::date(2026, 11, day),
        quota,
        subjects: subjects.to_vec(),
    };
    Append { quota: Some(take), ..guarded(did, 0, subjects) }
}

const fn quota(subjects: Option<u64>, records: Option<u64>) -> Quota {
    Quota { subjects_per_day: subjects, records_per_day: records }
}

#[test]
fn a_quota_counts_records_and_distinct_subjects_of_a_day() {
    const FULL: Result<u64, Unrecorded> = Err(Unrecorded::Quota);
    let folder = Folder::new();
    let (store, reader) = folder.open();
    let recorder =
        Recorder::start(store, reader.clone(), folder.options(), Arc::new(Still)).unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|id| reader.reference("iin", id));
    let (people, records) = (quota(Some(2), None), quota(None, Some(6)));
    let batch = vec![
        taking(1, 7, people, &[a, a]),
        taking(2, 7, people, &[a, b, c]),
        taking(3, 7, people, &[b]),
        taking(4, 7, people, &[c]),
        taking(5, 7, records, &[c, c]),
        taking(6, 7, records, &[a, a]),
        taking(7, 7, records, &[a]),
        taking(8, 7, records, &[a]),
    ];
    let seqs = |answers: Vec<Result<Position, _>>| -> Vec<_> {
        answers.into_iter().map(|answer| answer.map(|position| position.seq)).collect()
    };
    let answers = seqs(recorder.append_blocking(batch));
    assert_eq!(answers, [Ok(0), FULL, Ok(1), FULL, Ok(2), FULL, Ok(3), FULL]);
    recorder.close();

    // A restart forgets nothing, another day and another partner are counted for themselves.
    let recorder = folder.start();
    let mut other = taking(10, 7, quota(Some(1), Some(1)), &[a]);
    other.quota.as_mut().unwrap().partner = Name::parse("mailing-de").unwrap();
    let batch = vec![
        taking(9, 7, records, &[a]),
        other,
        taking(11, 8, quota(Some(1), Some(1)), &[a]),
        // Decided before midnight, recorded after it.
        taking(12, 7, records, &[a]),
        taking(13, 8, quota(Some(1), Some(2)), &[a]),
        taking(14, 8, quota(Some(1), Some(3)), &[b]),
    ];
    assert_eq!(seqs(recorder.append_blocking(batch)), [FULL, Ok(4), Ok(5), FULL, Ok(6), FULL]);
    assert_eq!(one(&recorder, taking(15, 9, records, &[a])), Ok(7));
    let days = "SELECT group_concat(day) FROM
                (SELECT day FROM quota_used UNION SELECT day FROM quota_subjects)";
    let kept: String = rusqlite::Connection::open(folder.store())
        .unwrap()
        .query_row(days, [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, "2026-11-08,2026-11-09");
    folder.audit().unwrap();
}

#[test]
fn what_is_not_recorded_takes_nothing_of_a_quota() {
    let folder = Folder::new();
    let (store, reader) = folder.open();
    let recorder =
        Recorder::start(store, reader.clone(), folder.options(), Arc::new(Still)).unwrap();
    let [a, b] = ["a", "b"].map(|id| reader.reference("iin", id));
    let one_record = quota(Some(1), Some(1));
    assert_eq!(one(&recorder, event(a, 1, &body(1), true)), Ok(0));
    let batch = vec![
        taking(1, 7, one_record, &[a]),
        taking(2, 7, one_record, &[b, b]),
        taking(3, 7, one_record, &[b]),
    ];
    let answers: Vec<_> = recorder.append_blocking(batch);
    let refused = [Err(Unrecorded::Stale), Err(Unrecorded::Quota)];
    assert_eq!(answers, [&refused[..], &[Ok(Position { seq: 1 })]].concat());
}

#[test]
fn processes_share_a_quota_to_the_last_record() {
    let folder = Folder::new();
    let recorders = [folder.start(), {
        let (store, reader) = folder.open();
        Recorder::start(store, reader, Options::default(), Arc::new(Still)).unwrap()
    }];
    let subject = SubjectRef([7; 16]);
    let senders = recorders.each_ref().map(|recorder| {
        let recorder = recorder.clone();
        std::thread::spawn(move || {
            let send = |did| one(&recorder, taking(did, 7, quota(None, Some(60)), &[subject]));
            (0..50).filter(|did| send(*did) != Err(Unrecorded::Quota)).count()
        })
    });
    let sent: usize = senders.into_iter().map(|sender| sender.join().unwrap()).sum();
    assert_eq!(sent, 60);
    recorders.iter().for_each(Recorder::close);
    assert_eq!(folder.audit().unwrap().kinds["disclosure"], 60);
}

#[test]
fn a_set_of_rules_is_found_by_its_digest_and_no_other_bytes_are() {
    let folder = Folder::new();
    let (store, reader) = folder.open();
    let recorder =
        Recorder::start(store, reader.clone(), folder.options(), Arc::new(Still)).unwrap();
    let policy = crate::transfer::tests::rules();
    assert_eq!(reader.rules(&policy.digest).unwrap(), None);
    for by in ["start", "officer"] {
        one(&recorder, crate::store::disclosure::activation(&policy, by, &[])).unwrap();
    }
    let kept = reader.rules(&policy.digest).unwrap().unwrap();
    let with_readme = kept.clone().into_iter().chain([("README.md".to_owned(), vec![1])]).collect();
    let (again, _) = crate::policy::Policy::read(&with_readme, time()).unwrap();
    assert_eq!((&again.digest, &again.bytes), (&policy.digest, &policy.bytes));
    assert_eq!(reader.rules("x").unwrap(), None);
    let register = RuleFile::new(kept["register.toml"].as_slice().into());
    assert_eq!(reader.rule_file(&register.sha256).unwrap().unwrap(), kept["register.toml"]);
    recorder.close();
    folder.audit().unwrap();
    let hex = data_encoding::HEXLOWER.encode(&register.sha256);
    folder.sql(&format!("UPDATE rule_files SET bytes = x'00' WHERE hex(sha256) = upper('{hex}')"));
    assert!(matches!(reader.rules(&policy.digest), Err(StoreError::Damaged(_))));
    let said = folder.audit().unwrap_err();
    assert_eq!(
        said,
        format!("the rule file kept as {hex} was altered: its bytes have another SHA-256")
    );
    folder.sql(&format!("DELETE FROM rule_files WHERE hex(sha256) = upper('{hex}')"));
    assert!(matches!(reader.rules(&policy.digest), Err(StoreError::Damaged(_))));
}

#[test]
fn a_key_list_is_kept_with_its_entry_and_never_goes_back() {
    let folder = Folder::new();
    let (store, reader) = folder.open();
    let recorder =
        Recorder::start(store, reader.clone(), folder.options(), Arc::new(Still)).unwrap();
    let identity = |seed| SigningKey::from_seed(&Zeroizing::new([seed; 32]));
    let (gb, payroll) = (Name::parse("gb").unwrap(), Name::parse("payroll").unwrap());
    let owner = |recipient, seed| ListOwner::new(&gb, recipient, identity(seed).key());
    let list = |owner: &ListOwner, seq, seed| {
        let iss = owner.issuer().to_string();
        let list = KeyList { v: 1, iss: iss.clone(), seq, keys: Vec::new() };
        let text = list.sign(&identity(seed)).unwrap();
        SignedKeys::read(text.as_bytes(), &iss, identity(seed).key()).unwrap()
    };
    let take = |owner: &ListOwner, seq, seed| {
        one(&recorder, Append::key_list(owner.clone(), &list(owner, seq, seed), "start"))
    };
    let (own, desk, other) = (owner(None, 1), owner(Some(&payroll), 1), owner(None, 2));
    assert_eq!(reader.key_list(&own).unwrap(), None);
    assert_eq!(take(&own, 5, 1), Ok(0));
    for seq in [5, 4] {
        assert_eq!(take(&own, seq, 1), Err(Unrecorded::Superseded));
    }
    assert_eq!((take(&desk, 1, 1), take(&other, 1, 2)), (Ok(1), Ok(2)), "each has its own");
    // Within one batch, too.
    let both = [7, 6].map(|seq| Append::key_list(own.clone(), &list(&own, seq, 1), "start"));
    let answers = recorder.append_blocking(both.to_vec());
    assert_eq!(answers[1], Err(Unrecorded::Superseded));
    recorder.close();
    let (_, reader) = folder.open();
    let kept = reader.key_list(&own).unwrap().unwrap();
    assert_eq!((kept.mark, kept.text), (list(&own, 7, 1).mark, list(&own, 7, 1).text));
    assert_eq!(reader.key_list(&desk).unwrap().unwrap().mark.seq, 1);
    let told = reader.entries(1).next().unwrap().unwrap();
    let told = String::from_utf8(told.bytes).unwrap();
    let sha256 = data_encoding::HEXLOWER.encode(&list(&desk, 1, 1).mark.sha256);
    for words in ["partner-keys-accepted", &format!("payroll seq 1 sha256:{sha256}"), "\"gb\""] {
        assert!(told.contains(words), "{words}: {told}");
    }
    folder.audit().unwrap();
}

/// A store whose commits fail while told to.
struct Failing {
    inner: Box<dyn Store>,
    broken: Arc<AtomicU64>,
}

struct FailingTransaction<'s>(Box<dyn Transaction + 's>, bool);

fn failure() -> StoreError {
    StoreError::File(std::io::Error::other("injected"))
}

impl Store for Failing {
    fn begin(&mut self) -> Result<Box<dyn Transaction + '_>, StoreError> {
        let broken = self.broken.load(Ordering::SeqCst) != 0;
        Ok(Box::new(FailingTransaction(self.inner.begin()?, broken)))
    }

    fn head(&mut self) -> Result<Head, StoreError> {
        self.inner.head()
    }

    fn checkpoints(&mut self, max: usize) -> Result<Vec<StoredCheckpoint>, StoreError> {
        self.inner.checkpoints(max)
    }

    fn keep(&mut self, checkpoint: &StoredCheckpoint, published: u64) -> Result<(), StoreError> {
        self.inner.keep(checkpoint, published)
    }

    fn recover(&mut self) -> Result<(), StoreError> {
        self.inner.recover()
    }
}

impl Transaction for FailingTransaction<'_> {
    fn head(&self) -> &Head {
        self.0.head()
    }

    fn entries(
        &mut self,
        from: u64,
        max: usize,
    ) -> Result<Vec<super::super::StoredEntry>, StoreError> {
        self.0.entries(from, max)
    }

    fn newest_events(&mut self, of: &[SubjectRef]) -> Result<Vec<Option<u64>>, StoreError> {
        self.0.newest_events(of)
    }

    fn known(&mut self, subjects: &[SubjectRef]) -> Result<Vec<bool>, StoreError> {
        self.0.known(subjects)
    }

    fn owners(&mut self, records: &[Uuid]) -> Result<Vec<Option<Owner>>, StoreError> {
        self.0.owners(records)
    }

    fn settled(&mut self, disclosures: &[u64]) -> Result<Vec<bool>, StoreError> {
        self.0.settled(disclosures)
    }

    fn used(&mut self, of: &[(Name, Date)]) -> Result<Vec<Used>, StoreError> {
        self.0.used(of)
    }

    fn counted(&mut self, of: &[(Name, Date, SubjectRef)]) -> Result<Vec<bool>, StoreError> {
        self.0.counted(of)
    }

    fn list_numbers(&mut self, of: &[ListOwner]) -> Result<Vec<Option<u64>>, StoreError> {
        self.0.list_numbers(of)
    }

    fn write(&mut self, batch: &super::super::Batch) -> Result<(), StoreError> {
        self.0.write(batch)
    }

    /// Fails after the entries were written, as a sync that fails late does.
    fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.0.commit()?;
        if self.1 { Err(failure()) } else { Ok(()) }
    }
}

#[test]
fn after_a_failed_commit_nothing_is_accepted_until_the_store_is_well() {
    let folder = Folder::new();
    let (recorder, reader, broken) = folder.start_failing();
    let subject = reader.reference("iin", "a");
    assert_eq!(one(&recorder, event(subject, 1, &body(1), true)), Ok(0));
    let (snapshot, _) = reader.facts(&[subject]).unwrap();
    broken.store(1, Ordering::SeqCst);
    let refused = recorder.append_blocking(vec![event(subject, 1, &body(2), false), plain("lost")]);
    assert_eq!(refused, [Err(Unrecorded::Stopped); 2]);
    assert!(recorder.is_stopped());
    assert_eq!(one(&recorder, plain("refused")), Err(Unrecorded::Stopped));
    assert_eq!(recorder.size(), 1);
    broken.store(0, Ordering::SeqCst);
    until(|| !recorder.is_stopped());
    // The failed commit had reached the disk: its withdrawal counts, and nothing is lost.
    assert_eq!(one(&recorder, guarded(1, snapshot, &[subject])), Err(Unrecorded::Stale));
    let withdrawn = terms(2);
    let (_, facts) = reader.facts(&[subject]).unwrap();
    assert_eq!(facts[0].as_ref().unwrap().consents, [withdrawn]);
    recorder.close();
    let last = reader.entries(2).last().unwrap().unwrap();
    assert!(String::from_utf8(last.bytes).unwrap().contains("store-recovered"));
    folder.audit().unwrap();
}

#[test]
fn more_than_the_queue_holds_is_refused_as_busy() {
    let folder = Folder::new();
    let (store, reader) = folder.open();
    let options = Options { queue_max: 1, ..Options::default() };
    let recorder = Recorder::start(store, reader, options, Arc::new(Still)).unwrap();
    // Another process holds the store, so the first batch waits for it.
    let (mut other, _) = folder.open();
    let held = other.begin().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let first = tokio::task::unconstrained(recorder.append(plain("first")));
        let mut first = std::pin::pin!(first);
        assert!(futures_poll(&mut first).await.is_none());
        until(|| recorder.waiting() == 0);
        let mut second = std::pin::pin!(recorder.append(plain("second")));
        assert!(futures_poll(&mut second).await.is_none());
        assert_eq!(recorder.append(plain("third")).await, Err(Unrecorded::Busy));
        drop(held);
        assert_eq!(first.await, Ok(Position { seq: 0 }));
        assert_eq!(second.await, Ok(Position { seq: 1 }));
    });
}

/// Polls a future once.
async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|cx| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(cx) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}
