use zeroize::Zeroizing;

use super::*;
use crate::signing::{SigningKey, receipt};

/// Text with everything that an escape could get wrong.
const HARD: &str =
    "\"\\/ \u{0}\u{1}\u{8}\t\n\u{b}\u{c}\r\u{1f}\u{7f}\u{80} Өткел \u{2028}\u{1f600}";

fn set<T>(
    values: &[&str],
    parse: impl Fn(&str) -> Result<T, crate::vocabulary::BadWord>,
) -> Vec<T> {
    values.iter().map(|text| parse(text).unwrap()).collect()
}

pub(crate) fn time() -> Timestamp {
    Timestamp::parse("2026-11-22T09:45:00.007Z").unwrap()
}

pub(crate) fn asked() -> Asked {
    Asked {
        caller: Some(Name::parse("portal").unwrap()),
        partner: Some(Name::parse("training-gb").unwrap()),
        policy: Some("ab".repeat(32)),
        purpose: Some(PurposeId::parse("P10a").unwrap()),
        route: Some(Name::parse("enrol").unwrap()),
    }
}

pub(crate) const fn part(n: u64) -> StreamPart {
    StreamPart { id: Uuid::from_u128(7), n }
}

pub(crate) fn disclosure(did: u128) -> Disclosure {
    let fields = vec!["$.learners[*].name".to_owned(), "$.learners[*].course".to_owned()];
    Disclosure {
        did: Uuid::from_u128(did),
        time: time(),
        again: None,
        asked: asked(),
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
            kids: vec![],
            media: "application/json".to_owned(),
            mode: None,
            sha256: "cd".repeat(32),
        },
        recipient: Recipient {
            address: "1 Example Street, London".into(),
            countries: set(&["GB", "IE"], Country::parse),
            name: "Example Training Ltd".into(),
            party: "GB 01234567".into(),
        },
        snapshot: 41,
        stream: None,
        subjects: Subjects::default(),
        verdicts: vec![Verdict {
            decision: "redacted",
            found: BTreeMap::new(),
            lost: BTreeMap::new(),
            n: 1,
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

pub(crate) fn consent(record: u128, digest: &str) -> ConsentEvent {
    ConsentEvent {
        by: "import".into(),
        categories: set(&["D01", "D20"], CategoryId::parse),
        countries: set(&["GB"], Country::parse),
        digest: digest.to_owned(),
        purposes: set(&["P09"], PurposeId::parse),
        recipients: set(&["training-gb"], Name::parse),
        record: Uuid::from_u128(record),
        state: "ConsentGiven",
        subject: "5f".repeat(16),
        valid_until: time().plus_millis(86_400_000),
        when: time(),
    }
}

pub(crate) fn block(record: u128, digest: &str) -> BlockEvent {
    BlockEvent {
        by: "officer".into(),
        decision: None,
        digest: digest.to_owned(),
        partner: Some(Name::parse("training-gb").unwrap()),
        purpose: None,
        record: Uuid::from_u128(record),
        state: "blocked",
        subject: None,
        when: time(),
    }
}

pub(crate) fn outcome(did: u128, of: u64) -> Outcome {
    let did = Uuid::from_u128(did);
    Outcome { did, of, result: "delivered", reason: None, status: Some(200) }
}

pub(crate) fn receipt(did: u128, of: u64, proof: Proof) -> Entry {
    Entry::Receipt(Receipt { did: Uuid::from_u128(did), of, proof })
}

/// What a partner would sign of [`disclosure`].
pub(crate) fn signed(did: u128, edit: impl FnOnce(&mut receipt::Receipt)) -> Proof {
    let mut receipt = receipt::Receipt {
        v: 1,
        iss: "training-gb".into(),
        aud: "gw.example".into(),
        iat: time().seconds(),
        did: Uuid::from_u128(did),
        env: receipt::Bytes::new(&[0xcd; 32], 2338),
        status: receipt::Status::Accepted,
        opened: true,
        parts: None,
        reply: None,
    };
    edit(&mut receipt);
    let jws = receipt.sign(&SigningKey::from_seed(&Zeroizing::new([7; 32]))).unwrap();
    Proof::Good { status: "accepted", jws }
}

pub(crate) fn accepted(did: u128) -> Proof {
    signed(did, |_| {})
}

pub(crate) fn admin(by: &str) -> Entry {
    Entry::Admin(Admin::plain("keygen", by.into()))
}

/// Events of records, with all members and with as few as they can have.
fn events() -> Vec<Entry> {
    let lifted = BlockEvent {
        by: HARD.into(),
        decision: Some("ef".repeat(32)),
        purpose: Some(PurposeId::parse("P10a").unwrap()),
        subject: Some("5f".repeat(16)),
        state: "lifted",
        ..block(7, "00")
    };
    vec![Entry::Block(block(7, "00")), Entry::Block(lifted), Entry::Consent(consent(7, "00"))]
}

/// One of files with odd names, and one that officers signed.
fn activations(odd: &[&str]) -> [Entry; 2] {
    let files = odd.iter().chain(&["b/ө.toml"]).map(|n| ((*n).to_owned(), HARD.to_owned()));
    let policy = "p".to_owned();
    let signed_by = ["aigul", "daniyar"].map(|name| Name::parse(name).unwrap()).into();
    let (none, by) = (BTreeMap::new(), "start".to_owned());
    [
        Activation {
            by: HARD.into(),
            files: files.collect(),
            policy: policy.clone(),
            signed_by: [].into(),
        },
        Activation { by, files: none, policy, signed_by },
    ]
    .map(Entry::Activation)
}

/// A verdict with all members, and one with as few as it can have.
fn verdicts(odd: &[&str]) -> [Verdict; 2] {
    let sent = || disclosure(1).verdicts.remove(0);
    let full = Verdict {
        reason: Some(Reason::RequiredFieldRemoved),
        reason_field: Some(HARD.into()),
        present: vec![HARD.into(), "$.b".into()],
        removed: odd.iter().map(|name| ((*name).to_owned(), Reason::FieldUnknown)).collect(),
        found: odd
            .iter()
            .map(|name| ((*name).to_owned(), [("iin", 1), ("phone", 2)].into()))
            .collect(),
        lost: odd.iter().map(|name| ((*name).to_owned(), [("NO_CONSENT", 3)].into())).collect(),
        treated: odd.iter().map(|name| ((*name).to_owned(), "mask".to_owned())).collect(),
        ..sent()
    };
    let (removed, sent) = (BTreeMap::new(), sent());
    [full, Verdict { removed, sent: BTreeMap::new(), unmapped: 0, ..sent }]
}

fn request() -> Request {
    Request {
        article: "9(1)".into(),
        date: jiff::civil::date(2026, 10, 1),
        document: HARD.into(),
        officer: Name::parse("a.mysalova").unwrap(),
        request: Name::parse("2026-114").unwrap(),
    }
}

/// A refusal of which as little as can be is known.
fn refusal() -> Refusal {
    Refusal {
        did: Uuid::from_u128(1 << 100),
        time: time(),
        asked: Asked::default(),
        basis: None,
        candidate: None,
        reason: Reason::NoConsent,
        place: None,
        stream: None,
        subjects: None,
        verdicts: vec![],
    }
}

/// One entry of each kind with all members, and one with as few as it can have.
fn samples() -> Vec<Entry> {
    // In UTF-16 the smiley's surrogates come before U+FFFD, in UTF-8 after.
    let odd = ["\u{fffd}", "\u{1f600}", "a", "\""];
    let [activation, signed] = activations(&odd);
    let [full, bare] = verdicts(&odd);
    let candidate = Box::new(Candidate {
        decision: "refused",
        place: Some(HARD.into()),
        reason: Some(Reason::RequiredFieldRemoved),
        verdicts: vec![full.clone()],
    });
    let short = Candidate { place: None, verdicts: vec![], ..*candidate.clone() };
    let request = Basis::Request(Box::new(request()));
    let mut samples = events();
    samples.extend([
        activation,
        signed,
        Entry::Admin(Admin {
            document: Some(HARD.into()),
            object: Some(HARD.into()),
            partner: Some(Name::parse("training-gb").unwrap()),
            ..Admin::plain("erase", HARD.into())
        }),
        admin("Айгүл"),
        Entry::from(disclosure(u128::MAX)),
        Entry::from(Disclosure {
            asked: Asked::default(),
            border: [].into(),
            candidate: Some(Box::new(short)),
            verdicts: vec![],
            ..disclosure(0)
        }),
        Entry::from(Disclosure {
            basis: request.clone(),
            border: [("GB".to_owned(), "16(2)"), ("DE".to_owned(), "16(3)(2)")].into(),
            candidate: Some(candidate.clone()),
            payload: Payload {
                kem: Some("mlkem768-x25519"),
                kids: vec!["a".into(), HARD.into()],
                mode: Some("wrapped"),
                ..disclosure(2).payload
            },
            notify: Some(Notify { due: jiff::civil::date(2026, 12, 4), n: 12 }),
            ..disclosure(2)
        }),
        Entry::Outcome(Outcome { reason: Some(Reason::LogBusy), ..outcome(5, (1 << 53) - 1) }),
        Entry::Outcome(Outcome { status: None, ..outcome(5, 0) }),
        receipt(5, 0, accepted(5)),
        receipt(5, (1 << 53) - 1, Proof::Missing),
        receipt(5, 1, Proof::Wrong { why: "signature", sha256: "cd".repeat(32) }),
        Entry::Refusal(Refusal {
            asked: asked(),
            basis: Some(request),
            candidate: Some(candidate),
            place: Some(HARD.into()),
            subjects: Some(Subjects { n: 3, root: "ef".repeat(32) }),
            verdicts: vec![full, bare],
            ..refusal()
        }),
        Entry::Refusal(refusal()),
        Entry::Refusal(Refusal { stream: Some(part(3)), ..refusal() }),
        Entry::from(Disclosure { stream: Some(part((1 << 53) - 1)), ..disclosure(2) }),
        Entry::from(Disclosure { again: Some(Uuid::from_u128(1)), ..disclosure(2) }),
    ]);
    samples
}

#[test]
fn every_kind_is_written_as_an_independent_canonicaliser_writes_it() {
    for entry in samples() {
        let bytes = entry.bytes(70_000, time());
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let canonical = serde_json_canonicalizer::to_vec(&value).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text, String::from_utf8(canonical).unwrap());
        assert_eq!(value["type"], entry.kind());
        assert_eq!(value["seq"], 70_000);
        assert_eq!(value["v"], 1);
        let members = crate::ledger::canonical::Members::read(text.as_bytes()).unwrap();
        assert_eq!(members.text("time"), Some("2026-11-22T09:45:00.007Z"));
    }
}

#[test]
fn a_disclosure_reads_as_documented() {
    let mut entry = disclosure(0x0193_5f2c);
    entry.subjects = Subjects { n: 1, root: "99".repeat(32) };
    let text = String::from_utf8(Entry::from(entry).bytes(3, time())).unwrap();
    let expected = format!(
        "{{\"basis\":\"consent\",\"border\":{{\"GB\":\"16(3)(1)\"}},\"caller\":\"portal\",\
         \"cross_border\":true,\"did\":\"00000000-0000-0000-0000-000001935f2c\",\
         \"exporter\":\"500140000017\",\"partner\":\"training-gb\",\
         \"payload\":{{\"bytes\":2338,\"kid\":\"Dn6lLqtecEtelT6pj9dM-w\",\
         \"media\":\"application/json\",\"sha256\":\"{}\"}},\"policy\":\"{}\",\"purpose\":\"P10a\",\
         \"recipient\":{{\"address\":\"1 Example Street, London\",\"countries\":[\"GB\",\"IE\"],\
         \"name\":\"Example Training Ltd\",\"party\":\"GB 01234567\"}},\"route\":\"enrol\",\
         \"seq\":3,\"snapshot\":41,\"subjects\":{{\"n\":1,\"root\":\"{}\"}},\
         \"time\":\"2026-11-22T09:45:00.007Z\",\"type\":\"disclosure\",\"v\":1,\
         \"verdicts\":[{{\"decision\":\"redacted\",\"n\":1,\
         \"removed\":{{\"$.learners[*].iin\":\"CATEGORY_NOT_CONSENTED\"}},\
         \"sent\":{{\"D01\":[\"$.learners[*].name\",\"$.learners[*].course\"]}},\
         \"unmapped\":2}}]}}",
        "cd".repeat(32),
        "ab".repeat(32),
        "99".repeat(32),
    );
    assert_eq!(text, expected);
}
