//! Whatever is changed in a store by hand, `otkel verify` says what and where, and a gateway does
//! not start on a store that is not its own or lacks what was published.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "support/fault.rs"]
mod fault;
#[path = "support/serve.rs"]
mod serve;
#[path = "tamper/original.rs"]
mod original;
#[path = "tamper/start.rs"]
mod start;

use otkel::ledger::checkpoint::PublicKey;
use otkel::ledger::tree::{Frontier, leaf_hash};
use otkel::ledger::verify::Fault as Wrong;
use otkel::store::audit::{Unsound, audit};
use otkel::store::sqlite;
use proptest::prelude::*;
use rusqlite::{Connection, params};

use original::{Copy, Said, original};

#[test]
fn the_original_is_sound_and_holds_every_kind() {
    let original = original();
    let said = original.copy("untouched").verify();
    assert_eq!(said.code, 0, "{}", said.text);
    for kind in ["activation", "admin", "block", "consent", "disclosure", "outcome", "refusal"] {
        assert!(said.text.contains(&format!(" {kind}")), "{}", said.text);
    }
    assert!(said.text.contains("\noutcome unknown: entry "), "{}", said.text);
    assert!((40..80).contains(&original.size) && original.signed.len() > 3, "{original:?}");
    assert_eq!(*original.signed.last().unwrap(), original.size);
}

#[test]
fn one_flipped_byte_names_its_entry() {
    for (name, at) in [("first", 0), ("middle", 200), ("last", usize::MAX)] {
        for seq in original().telling() {
            let copy = original().copy(&format!("flip-{name}-{seq}"));
            copy.bytes(seq, |bytes| {
                let at = at.min(bytes.len() - 1);
                bytes[at] ^= 1;
            });
            copy.is_named(&format!("entry {seq} was altered"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_flipped_bit_names_its_entry(
        seq in 0..original().size,
        at in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let copy = original().copy("bit");
        copy.bytes(seq, |bytes| {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        });
        let key = PublicKey::parse(&original().key).unwrap();
        let mut snapshot = sqlite::snapshot(&copy.store).unwrap();
        match audit(snapshot.as_mut(), Some(key), None) {
            Err(Unsound::Fault(Wrong::Altered(named))) => prop_assert_eq!(named, seq),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

#[test]
fn a_deleted_entry_is_missed() {
    let last = original().size - 1;
    for seq in original().telling() {
        let copy = original().copy(&format!("deleted-{seq}"));
        copy.sql(&format!("DELETE FROM entries WHERE seq = {seq}"));
        let covers = format!("; a checkpoint covers {}", original().size);
        if seq == last {
            copy.is_named(&format!("entry {seq} and what follows are missing{covers}"));
            continue;
        }
        copy.is_named(&format!("entry {seq} is missing"));
        copy.sql(&format!(
            "UPDATE entries SET seq = -seq WHERE seq > {seq};
             UPDATE entries SET seq = -seq - 1 WHERE seq < 0"
        ));
        let next = seq + 1;
        copy.is_named(&format!("entry {seq} is out of order: it says that it is entry {next}"));
        for seq in seq..last {
            copy.bytes(seq, |bytes| renumber(bytes, seq + 1, seq));
        }
        copy.mend();
        // Whatever is mended, outcomes lack their disclosure, and the signed roots stay.
        let said = copy.verify();
        assert_eq!(said.code, 1, "{}", said.text);
    }
}

#[test]
fn two_entries_in_each_others_place_are_seen() {
    let [one, other] = [5, 20];
    let copy = original().copy("swapped");
    copy.sql(&format!(
        "UPDATE entries SET seq = -1 WHERE seq = {one};
         UPDATE entries SET seq = {one} WHERE seq = {other};
         UPDATE entries SET seq = {other} WHERE seq = -1"
    ));
    copy.is_named(&format!("entry {one} is out of order: it says that it is entry {other}"));
    copy.bytes(one, |bytes| renumber(bytes, other, one));
    copy.bytes(other, |bytes| renumber(bytes, one, other));
    copy.mend();
    let said = copy.verify();
    assert_eq!(said.code, 1, "{}", said.text);
}

#[test]
fn an_entry_that_was_rewritten_with_its_hash_is_seen_by_the_next_checkpoint() {
    for seq in original().telling() {
        let copy = original().copy(&format!("rewritten-{seq}"));
        copy.bytes(seq, |bytes| rewrite(bytes));
        copy.leaf(seq);
        copy.is_named(&original().between(seq));
        // With the head as well, and without the checkpoints that are kept, only the published
        // one is left, which is why it belongs on another machine.
        copy.mend();
        copy.is_named(&original().between(seq));
        copy.sql("DELETE FROM checkpoints");
        assert_eq!(copy.verify().code, 0);
        let whole = format!("entries were rewritten between 0 and {}", original().size);
        assert!(copy.verify_published().is(1, &whole));
    }
}

#[test]
fn a_cut_tail_is_seen_by_a_checkpoint() {
    let size = original().size;
    for left in [0, original().signed[1], size - 3] {
        let copy = original().copy(&format!("cut-{left}"));
        copy.sql(&format!("DELETE FROM entries WHERE seq >= {left}"));
        let next = original().signed.iter().find(|signed| **signed > left).unwrap();
        let missing = |covers| {
            format!("entry {left} and what follows are missing; a checkpoint covers {covers}")
        };
        copy.is_named(&missing(*next));
        copy.mend();
        copy.is_named(&missing(*next));
        copy.sql(&format!("DELETE FROM checkpoints WHERE size > {left}"));
        copy.sql(&format!("DELETE FROM records WHERE seq >= {left}"));
        assert!(copy.verify_published().is(1, &missing(size)));
    }
}

#[test]
fn a_forged_checkpoint_is_refused() {
    let original = original();
    let size = original.signed[1];
    let note = |copy: &Copy, sql: &str| {
        copy.sql(&format!("UPDATE checkpoints SET note = {sql} WHERE size = {size}"));
    };
    let copy = original.copy("forged-size");
    note(&copy, &format!("replace(note, '\n{size}\n', '\n{}\n')", size + 1));
    copy.is_named(&format!("the checkpoint at size {size}: a checkpoint with a wrong signature"));

    let copy = original.copy("forged-text");
    note(&copy, "'x'");
    copy.is_named(&format!("the checkpoint at size {size}: not a checkpoint"));

    let copy = original.copy("forged-other");
    note(&copy, "(SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1)");
    copy.is_named(&format!("the checkpoint at size {size}: not a checkpoint"));

    let copy = original.copy("forged-key");
    let forged = original.forge(size);
    copy.sql(&format!("UPDATE checkpoints SET note = '{forged}' WHERE size = {size}"));
    copy.is_named(&format!("the checkpoint at size {size}: a checkpoint that this key did not"));

    let published = copy.folder.join("forged");
    std::fs::write(&published, forged).unwrap();
    let said = original.copy("forged-published").verify_with(&published);
    assert!(said.is(1, "the published checkpoint: a checkpoint that this key did not sign"));
}

#[test]
fn altered_subject_lines_are_seen() {
    let seq = original().of_kind("disclosure")[0];
    let lines = [
        ("changed", "replace(lines, '\"verdict\":0', '\"verdict\":1')"),
        ("lost", "substr(lines, 1, 50)"),
        ("more", "lines || lines"),
        ("gone", "NULL"),
    ];
    for (name, lines) in lines {
        let copy = original().copy(&format!("lines-{name}"));
        let cast =
            if lines == "NULL" { lines.to_owned() } else { format!("CAST({lines} AS BLOB)") };
        copy.sql(&format!("UPDATE entries SET lines = {cast} WHERE seq = {seq}"));
        copy.is_named(&format!("the subject lines of entry {seq} are not those that it binds"));
    }
    let copy = original().copy("lines-added");
    copy.sql("UPDATE entries SET lines = x'7b7d0a' WHERE seq = 0");
    copy.is_named("the subject lines of entry 0 are not those that it binds");
}

#[test]
fn an_altered_consent_is_seen() {
    let (record, seq) = original().consent();
    let named = format!("consent record {record} is not the one that entry {seq} left");
    let changes = [
        ("body", "SET body = CAST(replace(body, 'ConsentWithdrawn', 'ConsentGiven') AS BLOB)"),
        ("event", "SET seq = seq - 1"),
        ("person", "SET subject = (SELECT subject FROM records ORDER BY seq LIMIT 1)"),
    ];
    let only = format!("WHERE seq = {seq}");
    for (name, change) in changes {
        let copy = original().copy(&format!("consent-{name}"));
        copy.sql(&format!("UPDATE records {change} {only}"));
        copy.is_named(&named);
    }
    let copy = original().copy("consent-gone");
    copy.sql(&format!("DELETE FROM records {only}"));
    copy.is_named(&named);

    let copy = original().copy("consent-added");
    copy.sql(&format!(
        "INSERT INTO records (subject, seq, record, body)
         SELECT subject, seq, zeroblob(16), body FROM records {only}"
    ));
    copy.is_named("consent record 00000000-0000-0000-0000-000000000000 has no entry");
}

/// As the record of a block that was lifted, this would no longer be one in force.
#[test]
fn an_altered_block_is_seen() {
    let seqs = original().of_kind("block");
    let [blocked, _, lifted] = seqs.as_slice() else { panic!("{seqs:?}") };
    let changes = [
        ("body", blocked, "SET body = CAST(replace(body, 'blocked', 'lifted') AS BLOB)"),
        ("byte", lifted, "SET body = CAST(replace(body, 'No. 8', 'No. 9') AS BLOB)"),
        ("event", blocked, "SET seq = seq - 1"),
        ("person", blocked, "SET subject = zeroblob(16)"),
        ("kind", blocked, "SET kind = 'consent'"),
        ("gone", blocked, ""),
    ];
    for (name, seq, change) in changes {
        let copy = original().copy(&format!("block-{name}"));
        let sql = "SELECT record FROM records WHERE seq = ?1";
        let connection = Connection::open(&copy.store).unwrap();
        let number = i64::try_from(*seq).unwrap();
        let record: [u8; 16] = connection.query_row(sql, [number], |row| row.get(0)).unwrap();
        let verb = if change.is_empty() { "DELETE FROM" } else { "UPDATE" };
        copy.sql(&format!("{verb} records {change} WHERE seq = {seq}"));
        let record = uuid::Uuid::from_bytes(record);
        copy.is_named(&format!("block record {record} is not the one that entry {seq} left"));
    }
}

#[test]
fn an_altered_rule_file_is_seen() {
    let copy = original().copy("rule-file");
    copy.sql("UPDATE rule_files SET bytes = CAST(bytes || ' ' AS BLOB) WHERE rowid = 1");
    copy.is_named("the rule file kept as ");
}

/// With a lower number here, a transfer decided before a withdrawal would pass.
#[test]
fn an_altered_head_is_seen() {
    let size = original().size;
    let copy = original().copy("head-consents");
    copy.sql("UPDATE head SET records = 1");
    copy.is_named(&format!("the head row is not what the {size} entries lead to"));
    let copy = original().copy("head-tree");
    let mut tree = Frontier::default();
    (0..size).for_each(|_| tree.push([7; 32]));
    let connection = Connection::open(&copy.store).unwrap();
    connection.execute("UPDATE head SET frontier = ?1", [tree.to_bytes()]).unwrap();
    copy.is_named(&format!("the head row is not what the {size} entries lead to"));
}

impl Copy {
    /// Changes an entry's bytes and nothing else.
    fn bytes(&self, seq: u64, change: impl FnOnce(&mut Vec<u8>)) {
        let connection = Connection::open(&self.store).unwrap();
        let number = i64::try_from(seq).unwrap();
        let sql = "SELECT bytes FROM entries WHERE seq = ?1";
        let mut bytes: Vec<u8> = connection.query_row(sql, [number], |row| row.get(0)).unwrap();
        change(&mut bytes);
        let sql = "UPDATE entries SET bytes = ?1 WHERE seq = ?2";
        assert_eq!(connection.execute(sql, params![bytes, number]).unwrap(), 1);
    }

    /// Makes an entry's leaf hash fit its bytes.
    fn leaf(&self, seq: u64) {
        let connection = Connection::open(&self.store).unwrap();
        let number = i64::try_from(seq).unwrap();
        let sql = "SELECT bytes FROM entries WHERE seq = ?1";
        let bytes: Vec<u8> = connection.query_row(sql, [number], |row| row.get(0)).unwrap();
        let sql = "UPDATE entries SET leaf = ?1 WHERE seq = ?2";
        connection.execute(sql, params![leaf_hash(&bytes), number]).unwrap();
    }

    /// Makes every leaf hash and the head fit the entries' bytes, as a forger would.
    fn mend(&self) {
        let mut snapshot = sqlite::snapshot(&self.store).unwrap();
        let mut tree = Frontier::default();
        let mut consents = 0_i64;
        let entries = snapshot.entries(0, 1000).unwrap();
        drop(snapshot);
        for entry in entries {
            self.leaf(entry.seq);
            tree.push(leaf_hash(&entry.bytes));
            let entry: serde_json::Value = serde_json::from_slice(&entry.bytes).unwrap();
            if entry["type"] == "consent" || entry["type"] == "block" {
                consents = i64::try_from(tree.size()).unwrap();
            }
        }
        let connection = Connection::open(&self.store).unwrap();
        let head = params![tree.to_bytes(), consents];
        connection.execute("UPDATE head SET frontier = ?1, records = ?2", head).unwrap();
    }

    /// Verification fails, with these words.
    fn is_named(&self, words: &str) {
        let said = self.verify();
        assert!(said.is(1, words), "{words}\n{said:?}");
    }
}

impl Said {
    fn is(&self, code: i32, words: &str) -> bool {
        self.code == code && self.text.starts_with(&format!("NOT SOUND: {words}"))
    }
}

/// Changes a time by one digit, which leaves the bytes canonical.
fn rewrite(bytes: &mut [u8]) {
    let at = bytes.windows(8).position(|window| window == b"\"time\":\"").unwrap() + 8;
    bytes[at + 3] = if bytes[at + 3] == b'5' { b'6' } else { b'5' };
}

fn renumber(bytes: &mut Vec<u8>, from: u64, to: u64) {
    let text = String::from_utf8(std::mem::take(bytes)).unwrap();
    let [from, to] = [from, to].map(|seq| format!("\"seq\":{seq},"));
    assert_eq!(text.matches(&from).count(), 1, "{text}");
    *bytes = text.replace(&from, &to).into_bytes();
}
