use zeroize::Zeroizing;

use super::*;
use crate::ledger::checkpoint::LogKey;
use crate::ledger::entry::tests::{
    accepted, admin, consent, disclosure, outcome, part, receipt, signed, time,
};
use crate::ledger::entry::{Entry, Proof, Refusal};
use crate::ledger::line::{Lines, Tag};
use crate::reason::Reason;
use crate::signing::receipt::Status;

const BODY: &[u8] = b"{}";

#[derive(Clone)]
struct Row {
    seq: u64,
    bytes: Vec<u8>,
    leaf: Hash,
    lines: Option<Vec<u8>>,
}

/// A log as an engine would keep it.
#[derive(Clone)]
struct Log {
    rows: Vec<Row>,
    checkpoints: Vec<(u64, String)>,
    published: Option<String>,
    records: Vec<(RecordKind, Uuid, u64, Vec<u8>)>,
    head: Frontier,
}

fn key() -> LogKey {
    LogKey::from_seed("gw.example/disclosures", &Zeroizing::new([9; 32])).unwrap()
}

fn two_lines() -> Lines {
    let mut lines = Lines::with_capacity(2);
    lines.push(&[Uuid::from_u128(70)], Tag([1; 16]), 0);
    lines.push(&[], Tag([2; 16]), 0);
    lines
}

fn refusal(did: u128) -> Entry {
    let disclosure = disclosure(did);
    Entry::Refusal(Refusal {
        basis: None,
        candidate: None,
        did: disclosure.did,
        time: disclosure.time,
        asked: disclosure.asked,
        reason: Reason::NoConsent,
        place: None,
        stream: None,
        subjects: Some(two_lines().finish().0),
        verdicts: vec![],
    })
}

/// Eight entries, one of most kinds, with checkpoints at 3, 5 and 8.
fn sound() -> Log {
    let digest = HEXLOWER.encode(&Sha256::digest(BODY));
    let mut sent = disclosure(1);
    sent.subjects = two_lines().finish().0;
    let mut open = disclosure(2);
    open.subjects = Lines::default().finish().0;
    let lines = || Some(two_lines().finish().1);
    let entries = [
        (admin("start"), None),
        (Entry::Consent(consent(70, &"00".repeat(32))), None),
        (Entry::Consent(consent(70, &digest)), None),
        (Entry::from(sent), lines()),
        (refusal(3), lines()),
        (Entry::Outcome(outcome(1, 3)), None),
        (Entry::from(open), None),
        (admin("end"), None),
    ];
    let mut log = Log {
        rows: Vec::new(),
        checkpoints: Vec::new(),
        published: None,
        records: vec![(RecordKind::Consent, Uuid::from_u128(70), 2, BODY.to_vec())],
        head: Frontier::default(),
    };
    for (entry, lines) in entries {
        log.push(entry.bytes(log.head.size(), time()), lines);
        if [3, 5, 8].contains(&log.head.size()) {
            log.sign();
        }
    }
    log.published = log.checkpoints.last().map(|(_, note)| note.clone());
    log
}

impl Log {
    fn push(&mut self, bytes: Vec<u8>, lines: Option<Vec<u8>>) {
        let (seq, leaf) = (self.head.size(), leaf_hash(&bytes));
        self.head.push(leaf);
        self.rows.push(Row { seq, bytes, leaf, lines });
    }

    fn sign(&mut self) {
        let (size, root) = (self.head.size(), self.head.root());
        let origin = "gw.example/disclosures".to_owned();
        self.checkpoints.push((size, Checkpoint { origin, size, root }.sign(&key()).unwrap()));
    }

    /// Replaces an entry and everything inside the store that depends on it.
    fn rewrite(&mut self, at: usize, from: &str, to: &str) {
        let text = String::from_utf8(self.rows[at].bytes.clone()).unwrap();
        assert!(text.contains(from));
        self.rows[at].bytes = text.replace(from, to).into_bytes();
        self.rows[at].leaf = leaf_hash(&self.rows[at].bytes);
        self.head = self.rows.iter().map(|row| row.leaf).collect();
    }

    fn renumber(&mut self) {
        (0..).zip(&mut self.rows).for_each(|(seq, row)| row.seq = seq);
        self.head = self.rows.iter().map(|row| row.leaf).collect();
    }

    fn verify(&self) -> Result<Report, Fault> {
        self.verify_with(Some(key().public().clone()))
    }

    fn verify_with(&self, key: Option<PublicKey>) -> Result<Report, Fault> {
        let mut verifier = Verifier::new(key);
        if let Some(note) = &self.published {
            verifier.published(note)?;
        }
        let mut checkpoints = self.checkpoints.iter().peekable();
        for Row { seq, bytes, leaf, lines } in &self.rows {
            while let Some((size, note)) = checkpoints.next_if(|it| it.0 <= verifier.size()) {
                verifier.checkpoint(*size, note)?;
            }
            verifier.entry(*seq, bytes, leaf, lines.as_deref())?;
        }
        for (size, note) in checkpoints {
            verifier.checkpoint(*size, note)?;
        }
        for (kind, record, seq, body) in &self.records {
            verifier.record(*kind, record, *seq, body)?;
        }
        verifier.finish(&self.head)
    }
}

/// The fault after one change.
fn after(change: impl FnOnce(&mut Log)) -> Fault {
    let mut log = sound();
    change(&mut log);
    log.verify().unwrap_err()
}

#[test]
fn a_sound_log_is_counted() {
    let report = sound().verify().unwrap();
    assert_eq!((report.size, report.checkpoints, report.signed), (8, 3, 8));
    assert_eq!(report.root, sound().head.root());
    let kinds: Vec<_> = report.kinds.iter().map(|(kind, n)| (kind.as_str(), *n)).collect();
    let expected =
        [("admin", 2), ("consent", 2), ("disclosure", 2), ("outcome", 1), ("refusal", 1)];
    assert_eq!(kinds, expected);
    let (did, time) = (Uuid::from_u128(2), time().to_string());
    assert_eq!(report.open, [OpenDisclosure { seq: 6, did, time }]);
    assert_eq!(Verifier::new(None).finish(&Frontier::default()).unwrap().size, 0);
}

#[test]
fn every_flipped_byte_of_every_entry_is_named() {
    for at in 0..8 {
        for bit in [0_u32, 77, 300] {
            let fault = after(|log| {
                let place = bit as usize % log.rows[at].bytes.len();
                log.rows[at].bytes[place] ^= 1;
            });
            assert_eq!(fault, Fault::Altered(at as u64));
        }
        assert_eq!(after(|log| log.rows[at].leaf[5] ^= 1), Fault::Altered(at as u64));
    }
}

#[test]
fn missing_moved_and_cut_entries_are_named() {
    for at in 0..8 {
        let gone = after(|log| drop(log.rows.remove(at)));
        let expected =
            if at == 7 { Fault::Cut { size: 7, signed: 8 } } else { Fault::Missing(at as u64) };
        assert_eq!(gone, expected);
    }
    let swapped = after(|log| {
        log.rows.swap(3, 4);
        log.renumber();
    });
    assert_eq!(swapped, Fault::OutOfOrder { seq: 3, says: 4 });
    let twice = after(|log| log.rows.insert(4, log.rows[3].clone()));
    assert_eq!(twice, Fault::OutOfOrder { seq: 4, says: 3 });
    // Cut as someone would who knows the store, but not the place outside.
    let cut = after(|log| {
        log.rows.truncate(5);
        log.checkpoints.truncate(2);
        log.renumber();
    });
    assert_eq!(cut, Fault::Cut { size: 5, signed: 8 });
    let mut unpublished = sound();
    unpublished.published = None;
    unpublished.checkpoints.clear();
    unpublished.rows.truncate(7);
    assert_eq!(unpublished.verify(), Err(Fault::Missing(7)));
}

#[test]
fn a_rewritten_entry_is_found_between_two_checkpoints() {
    let rewrite = |at, from, to| after(|log| log.rewrite(at, from, to));
    assert_eq!(rewrite(0, "start", "stand"), Fault::Rewritten { after: 0, before: 3 });
    assert_eq!(rewrite(3, "GB 01234567", "GB 01234568"), Fault::Rewritten { after: 3, before: 5 });
    assert_eq!(rewrite(7, "end", "and"), Fault::Rewritten { after: 5, before: 8 });
    let unsigned = after(|log| {
        log.rewrite(7, "end", "and");
        log.checkpoints.truncate(2);
    });
    assert_eq!(unsigned, Fault::Rewritten { after: 5, before: 8 }, "the published one");
    assert_eq!(after(|log| log.head.push([0; 32])), Fault::Missing(8));
    assert_eq!(after(|log| log.head = [[0; 32]; 8].into_iter().collect()), Fault::Head(8));
}

#[test]
fn checkpoints_must_be_the_keys_own() {
    let forged = LogKey::from_seed("gw.example/disclosures", &Zeroizing::new([8; 32])).unwrap();
    let other = |log: &Log, size: u64| {
        let root = log.rows[..5].iter().map(|row| row.leaf).collect::<Frontier>().root();
        Checkpoint { origin: "gw.example/disclosures".into(), size, root }
    };
    let by_another = after(|log| log.checkpoints[1].1 = other(log, 5).sign(&forged).unwrap());
    assert_eq!(by_another, Fault::Checkpoint { size: 5, why: BadCheckpoint::Unsigned });
    let of_another_size = after(|log| log.checkpoints[1].1 = other(log, 4).sign(&key()).unwrap());
    assert_eq!(of_another_size, Fault::Checkpoint { size: 5, why: BadCheckpoint::Malformed });
    let published = after(|log| log.published = Some("nothing".into()));
    assert_eq!(published, Fault::Published(BadCheckpoint::Malformed));
    let mut log = sound();
    assert_eq!(log.verify_with(None), Err(Fault::Published(BadCheckpoint::Unsigned)));
    log.published = None;
    assert_eq!(log.verify_with(None).unwrap().signed, 0);
}

#[test]
fn entries_must_be_canonical_and_of_this_version() {
    let rewrite = |from, to| after(|log| log.rewrite(0, from, to));
    assert_eq!(rewrite(":", ": "), Fault::NotCanonical(0));
    assert_eq!(rewrite("\"v\":1", "\"v\":2"), Fault::NotAnEntry(0));
    assert_eq!(rewrite("\"type\"", "\"typf\""), Fault::NotAnEntry(0));
    assert_eq!(
        after(|log| log.rewrite(2, "\"digest\":\"", "\"digest\":\"z")),
        Fault::NotAnEntry(2)
    );
}

#[test]
fn lines_outcomes_and_records_must_agree_with_their_entries() {
    let lines = |change: fn(&mut Row)| after(|log| change(&mut log.rows[3]));
    assert_eq!(lines(|row| row.lines = None), Fault::Lines(3));
    assert_eq!(lines(|row| row.lines.as_mut().unwrap()[60] ^= 1), Fault::Lines(3));
    assert_eq!(lines(|row| row.lines.as_mut().unwrap().extend(b"{}\n")), Fault::Lines(3));
    assert_eq!(after(|log| log.rows[0].lines = Some(b"{}\n".to_vec())), Fault::Lines(0));

    let settled = |from, to| after(|log| log.rewrite(5, from, to));
    assert_eq!(settled("\"of\":3", "\"of\":4"), Fault::Outcome(5));
    assert_eq!(settled("000000000001", "000000000002"), Fault::Outcome(5));
    let twice = after(|log| {
        log.push(Entry::Outcome(outcome(1, 3)).bytes(8, time()), None);
    });
    assert_eq!(twice, Fault::Outcome(8));

    let record = Uuid::from_u128(70);
    let changed = Fault::Record { kind: RecordKind::Consent, record, seq: 2 };
    assert_eq!(after(|log| log.records[0].3.push(b' ')), changed);
    assert_eq!(after(|log| log.records[0].2 = 1), changed);
    assert_eq!(after(|log| log.records[0].0 = RecordKind::Block), changed);
    assert_eq!(after(|log| log.records.clear()), changed);
    let other = Uuid::from_u128(71);
    let unknown = after(|log| log.records.push((RecordKind::Block, other, 2, BODY.to_vec())));
    assert_eq!(unknown, Fault::RecordUnrecorded(other, RecordKind::Block));
    let both = after(|log| log.rewrite(1, "\"type\":\"consent\"", "\"type\":\"block\""));
    assert_eq!(both, Fault::NotAnEntry(2));
}

#[test]
fn a_receipt_is_of_the_open_disclosure_whose_outcome_follows() {
    let with = |entries: &[Entry]| {
        let mut log = sound();
        for entry in entries {
            log.push(entry.bytes(log.head.size(), time()), None);
        }
        log.verify()
    };
    let (good, settled) = (receipt(2, 6, accepted(2)), Entry::Outcome(outcome(2, 6)));
    let report = with(&[good.clone(), settled.clone()]).unwrap();
    assert_eq!(report.receipts, [("accepted".to_owned(), 1)].into());
    assert_eq!((report.kinds["receipt"], report.open.len()), (1, 0));
    let missing = with(&[receipt(2, 6, Proof::Missing), settled.clone()]).unwrap();
    assert_eq!(missing.receipts, [("missing".to_owned(), 1)].into());

    let at = |seq| Err(Fault::Receipt(seq));
    assert_eq!(with(&[receipt(2, 7, accepted(2)), settled.clone()]), at(8), "of no disclosure");
    assert_eq!(with(&[receipt(1, 3, accepted(1)), settled.clone()]), at(8), "of a settled one");
    assert_eq!(with(&[receipt(1, 6, accepted(1)), settled.clone()]), at(8), "of another id");
    assert_eq!(with(&[good.clone(), good.clone(), settled.clone()]), at(8), "two");
    assert_eq!(with(&[good.clone(), admin("x"), settled.clone()]), at(8), "something between");
    assert_eq!(with(&[good.clone(), Entry::Outcome(outcome(1, 3))]), at(8), "another's outcome");
    assert_eq!(with(&[settled, good.clone()]), at(9), "after the outcome");
    assert_eq!(with(&[good]), at(8), "no outcome");
}

#[test]
fn a_receipt_says_what_its_entry_says() {
    let with = |proof: Proof| {
        let mut log = sound();
        log.push(receipt(2, 6, proof).bytes(8, time()), None);
        log.push(Entry::Outcome(outcome(2, 6)).bytes(9, time()), None);
        log.verify().map(|report| report.receipts)
    };
    let fault = Err(Fault::Receipt(8));
    assert!(with(accepted(2)).is_ok());
    assert_eq!(with(accepted(1)), fault, "another disclosure");
    assert_eq!(with(signed(2, |it| it.env.len = 1)), fault, "other bytes");
    assert_eq!(with(signed(2, |it| it.env.sha256 = "ce".repeat(32))), fault, "other bytes");
    assert_eq!(with(signed(2, |it| it.status = Status::Rejected)), fault, "another status");
    assert_eq!(with(Proof::Good { status: "accepted", jws: "e30.e30.AA".into() }), fault);
    let Proof::Good { jws, .. } = accepted(2) else { unreachable!() };
    assert_eq!(with(Proof::Good { status: "missing", jws: jws.clone() }), fault);
    assert_eq!(with(Proof::Good { status: "other", jws }), fault);
    assert!(with(Proof::Wrong { why: "key", sha256: "cd".repeat(32) }).is_ok());
    assert_eq!(with(Proof::Wrong { why: "key", sha256: "cd".into() }), fault, "no digest");
}

#[test]
fn a_stream_has_the_receipt_of_all_its_parts() {
    let with = |edit: fn(&mut Receipt)| {
        let mut log = sound();
        let mut first = disclosure(20);
        first.stream = Some(part(0));
        let (subjects, lines) = two_lines().finish();
        first.subjects = subjects;
        log.push(Entry::from(first).bytes(8, time()), Some(lines));
        log.push(receipt(20, 8, signed(7, edit)).bytes(9, time()), None);
        log.push(Entry::Outcome(outcome(20, 8)).bytes(10, time()), None);
        log.verify().map(drop)
    };
    assert_eq!(with(|it| it.parts = Some(2)), Ok(()));
    let others = |it: &mut Receipt| {
        it.parts = Some(1);
        it.env.len = 1;
    };
    assert_eq!(with(others), Ok(()), "its bytes are those of frames");
    assert_eq!(with(|_| {}), Err(Fault::Receipt(9)), "of one envelope");
    let another = |it: &mut Receipt| {
        it.parts = Some(1);
        it.did = Uuid::from_u128(20);
    };
    assert_eq!(with(another), Err(Fault::Receipt(9)), "of another stream");
}
