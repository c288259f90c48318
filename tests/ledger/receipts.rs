//! Receipts, good and out of place.

use otkel::ledger::entry::{Proof, Receipt};
use otkel::signing::SigningKey;
use otkel::signing::receipt::{self as signing, Status};

use super::*;

/// Disclosures with a receipt of each kind.
pub(crate) fn sound() -> Vector {
    let mut vector = Vector::default();
    let wrong = Proof::Wrong { why: "signature", sha256: "ef".repeat(32) };
    let statuses = [Status::Accepted, Status::Rejected, Status::Deferred];
    let good = (0..).zip(statuses).map(|(n, status)| signed(did_of(n), status));
    let proofs = good.chain([Proof::Missing, wrong]);
    for (n, proof) in (0_u64..).zip(proofs) {
        let did = did_of(n);
        let (subjects, lines) = lines(&did);
        vector.push(&Entry::from(Disclosure { subjects, ..disclosure(did) }), Some(lines));
        let of = 3 * n;
        vector.push(&Entry::Receipt(Receipt { did, of, proof }), None);
        let (result, status) = ("delivered", Some(200));
        vector.push(&Entry::Outcome(Outcome { did, of, result, reason: None, status }), None);
    }
    vector.sign();
    vector
}

fn did_of(n: u64) -> Uuid {
    Uuid::from_u128(0xd1 + u128::from(n))
}

fn signed(did: Uuid, status: Status) -> Proof {
    Proof::Good { status: status.word(), jws: jws(did, status) }
}

/// What a partner signed of a [`disclosure`].
fn jws(did: Uuid, status: Status) -> String {
    let receipt = signing::Receipt {
        v: 1,
        iss: "training-gb".into(),
        aud: "gw.example".into(),
        iat: time(4).seconds(),
        did,
        env: signing::Bytes { sha256: "cd".repeat(32), len: 2338 },
        status,
        opened: true,
        parts: None,
        reply: None,
    };
    receipt.sign(&SigningKey::from_seed(&Zeroizing::new([0x22; 32]))).unwrap()
}

/// One thing wrong in each.
pub(crate) fn negatives() -> Vec<(&'static str, Vector)> {
    let acknowledged = |name, change: fn(&mut Vector)| {
        let mut vector = sound();
        change(&mut vector);
        (name, vector.hide())
    };
    vec![
        acknowledged("receipt-of-another-id", |v| edit(v, 1, "d1\"", "d2\"")),
        acknowledged("receipt-of-nothing", |v| edit(v, 1, "\"of\":0", "\"of\":3")),
        acknowledged("receipt-of-a-settled-one", |v| {
            v.entries.swap(1, 2);
            edit(v, 1, "\"seq\":2", "\"seq\":1");
            edit(v, 2, "\"seq\":1", "\"seq\":2");
            (0..).zip(&mut v.entries).for_each(|(seq, row)| row.seq = seq);
        }),
        acknowledged("receipt-twice", |v| {
            v.entries[2] = Row { seq: 2, ..v.entries[1].clone() };
            edit(v, 2, "\"seq\":1", "\"seq\":2");
        }),
        acknowledged("receipt-without-its-outcome", |v| {
            v.entries.truncate(2);
            v.checkpoints.clear();
        }),
        acknowledged("receipt-of-another-status", |v| edit(v, 1, "accepted", "rejected")),
        acknowledged("receipt-of-other-bytes", |v| edit(v, 0, "cdcd", "cdce")),
        acknowledged("receipt-of-another-disclosure", |v| {
            let [own, other] = [0, 1].map(|n| jws(did_of(n), Status::Accepted));
            edit(v, 1, &own, &other);
        }),
        acknowledged("receipt-missing-and-there", |v| {
            edit(v, 4, "rejected", "missing");
        }),
    ]
}
