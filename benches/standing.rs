//! What it costs to look up a subject's key and consents, cached and not, among many subjects.
//!
//! `OTKEL_BENCH_SUBJECTS` says among how many, a million by default.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench")]

use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use divan::Bencher;
use otkel::ledger::line::SubjectKey;
use otkel::store::{Reader, StoreSecret, SubjectRef, sqlite};
use rusqlite::{Connection, params};
use uuid::Uuid;
use zeroize::Zeroizing;

fn main() {
    divan::main();
    if let Some(store) = LazyLock::get(&STORE) {
        std::fs::remove_dir_all(&store.folder).unwrap();
    }
}

/// One subject out of a thousand that are asked for again and again.
#[divan::bench(threads = [1, 2])]
fn cached(bencher: Bencher<'_, '_>) {
    let reader = STORE.reader(2000);
    let hot: Vec<_> = STORE.refs.iter().take(1000).copied().collect();
    reader.facts(&hot).unwrap();
    let next = AtomicUsize::new(0);
    bencher.bench(|| {
        let at = next.fetch_add(1, Ordering::Relaxed) % hot.len();
        reader.facts(hot.get(at..=at).unwrap()).unwrap()
    });
}

/// One subject out of all, none of which is cached by the program; the system may have the page.
#[divan::bench(sample_count = 1000)]
fn cold(bencher: Bencher<'_, '_>) {
    let reader = STORE.reader(1);
    let next = AtomicUsize::new(0);
    bencher.bench(|| {
        let at = next.fetch_add(7_919, Ordering::Relaxed) % STORE.refs.len();
        reader.facts(STORE.refs.get(at..=at).unwrap()).unwrap()
    });
}

static STORE: LazyLock<Filled> = LazyLock::new(Filled::new);

struct Filled {
    folder: PathBuf,
    refs: Vec<SubjectRef>,
}

impl Filled {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("otkel-standing-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = Self { folder, refs: Vec::new() };
        drop(store.reader(1));
        let count = std::env::var("OTKEL_BENCH_SUBJECTS").map_or(1_000_000, |n| n.parse().unwrap());
        let mut refs: Vec<_> =
            (0..count).map(|n: u64| secret().reference("kz-iin", &n.to_string())).collect();
        refs.sort_unstable();
        store.fill(&refs);
        // In another order than that of the file.
        refs.sort_unstable_by_key(|reference| reference.0.map(u8::reverse_bits));
        Self { refs, ..store }
    }

    fn path(&self) -> PathBuf {
        self.folder.join("store.db")
    }

    fn reader(&self, subjects_max: usize) -> Reader {
        sqlite::open(&self.path(), secret(), subjects_max).unwrap().1
    }

    fn fill(&self, refs: &[SubjectRef]) {
        let (secret, body) = (secret(), BODY.replace('\n', ""));
        let connection = Connection::open(self.path()).unwrap();
        connection.execute_batch("PRAGMA synchronous = OFF; BEGIN").unwrap();
        let mut subject = connection.prepare("INSERT INTO subjects VALUES (?1, ?2)").unwrap();
        let sql = "INSERT INTO records (subject, seq, record, body) VALUES (?1, 0, ?2, ?3)";
        let mut consent = connection.prepare(sql).unwrap();
        for (number, reference) in (1_u128..).zip(refs) {
            let key = secret.wrap(reference, &SubjectKey::from_bytes([5; 32])).unwrap();
            subject.execute(params![reference.0, key]).unwrap();
            let record = Uuid::from_u128(number);
            consent.execute(params![reference.0, record.as_bytes(), body.as_bytes()]).unwrap();
        }
        drop((subject, consent));
        connection.execute_batch("COMMIT").unwrap();
    }
}

fn secret() -> StoreSecret {
    StoreSecret::from_seed(&Zeroizing::new([1; 32]))
}

const BODY: &str = r#"{"cross_border":{"allowed":true,"countries":["GB"]},
"events":[{"channel":"written","event_state":"ConsentGiven",
"event_time":"2026-09-01T00:00:00.000Z","event_type":"ExpressedConsent",
"evidence":{"reference":"box 4","sha256":
"abababababababababababababababababababababababababababababababab"},
"valid_until":"2027-09-01T00:00:00.000Z"}],"given_by":"subject","jurisdiction":"KZ",
"language":"kk","lawful_basis":"dpv:Consent, 94-V Art. 7(1)","notify_on_transfer":false,
"pii_controllers":[{"address":"Astana","contact":"x@y.kz","name":"Center",
"party_id":"500140000017"}],"pii_information":["D01","D04"],
"pii_principal_id":"00000000000000000000000000000000",
"privacy_notice":{"sha256":"abababababababababababababababababababababababababababababababab",
"uri":"https://gw.example/privacy","version":"1"},"publication":{"allowed":false,"sources":[]},
"purposes":["P09"],"recipient_third_parties":["training-gb"],
"record_id":"0193a2b0-0000-7000-8000-000000000001","retention_period":"P5Y",
"schema_version":"https://w3id.org/dpv/schema/dpv-27560#record otkel/1",
"storage_locations":["KZ"],"subject_name_present":true,
"withdrawal_method":"https://cpm.kz/withdraw"}"#;
