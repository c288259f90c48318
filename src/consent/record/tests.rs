use serde_json::{Value, json};

use super::*;
use crate::consent::import;

fn now() -> Timestamp {
    Timestamp::parse("2026-11-22T09:00:00Z").unwrap()
}

pub(crate) fn handed_in() -> Value {
    json!({
        "schema_version": SCHEMA,
        "record_id": "0193a2b0-0000-7000-8000-000000000001",
        "subject": {"scheme": "kz-iin", "id": "580101100015"},
        "subject_name_present": true,
        "pii_controllers": [{
            "party_id": "500140000017", "name": "Center", "address": "Astana", "contact": "x@y.kz"
        }],
        "privacy_notice": {
            "uri": "https://cpm.kz/privacy", "version": "1", "sha256": "ab".repeat(32)
        },
        "language": "kk",
        "purposes": ["P09"],
        "pii_information": ["D01", "D04"],
        "recipient_third_parties": ["training-gb"],
        "cross_border": {"allowed": true, "countries": ["GB"]},
        "publication": {"allowed": false, "sources": []},
        "storage_locations": ["KZ"],
        "retention_period": "P5Y",
        "jurisdiction": "KZ",
        "lawful_basis": "dpv:Consent, 94-V Art. 7(1)",
        "withdrawal_method": "https://cpm.kz/withdraw",
        "given_by": "subject",
        "notify_on_transfer": false,
        "events": [{
            "event_time": "2026-09-01T00:00:00Z", "event_type": "ExpressedConsent",
            "event_state": "ConsentGiven", "valid_until": "2027-09-01T00:00:00Z",
            "channel": "written", "evidence": {"reference": "box 4", "sha256": "cd".repeat(32)}
        }]
    })
}

fn read(value: &Value) -> Result<(import::Identifier, Record), BadRecord> {
    import::read(&value.to_string(), now(), |_| "00".repeat(16))
}

#[test]
fn a_complete_record_is_read_and_its_bytes_read_back() {
    let (identifier, record) = read(&handed_in()).unwrap();
    assert_eq!(identifier.id, "580101100015");
    let bytes = record.bytes().unwrap();
    assert_eq!(serde_json::from_slice::<Record>(&bytes).unwrap(), record);
    assert!(!String::from_utf8(bytes).unwrap().contains("580101100015"));
}

#[test]
fn each_of_the_seven_items_is_missed_by_number() {
    let items: [(&str, u8); 6] = [
        ("pii_controllers", 1),
        ("subject_name_present", 2),
        ("recipient_third_parties", 4),
        ("cross_border", 5),
        ("publication", 6),
        ("pii_information", 7),
    ];
    for (member, item) in items {
        let mut value = handed_in();
        value.as_object_mut().unwrap().remove(member);
        let said = read(&value).unwrap_err().to_string();
        assert!(
            said.contains(&format!("`{member}` is missing (94-V Art. 8(4) item {item})")),
            "{said}"
        );
    }
    let mut value = handed_in();
    value["events"][0].as_object_mut().unwrap().remove("valid_until");
    let said = read(&value).unwrap_err().to_string();
    assert!(said.contains("`events[].valid_until` is missing (94-V Art. 8(4) item 3)"), "{said}");
}

#[test]
fn what_cannot_be_is_refused() {
    let cases: [(&str, Value, &str); 12] = [
        ("/events/0/evidence", Value::Null, "CONSENT_UNPROVEN"),
        ("/events/0/event_type", json!("ImpliedConsent"), "unknown variant"),
        ("/events/0/event_time", json!("2027-01-01T00:00:00Z"), "future"),
        ("/events/0/valid_until", json!("2026-01-01T00:00:00Z"), "must lie after"),
        ("/events/0/valid_until", json!("2199-01-01T00:00:00Z"), "must end"),
        ("/retention_period", json!("dpv:EndlessDuration"), "must end"),
        ("/cross_border/countries", json!([]), "item 5"),
        ("/storage_locations", json!(["DE"]), "must include `KZ`"),
        ("/subject", json!({"scheme": "kz-iin"}), "`subject` must hold"),
        ("/minor_until", json!("when grown up"), "not a consent record of this form"),
        ("/automated_processing", json!("yes"), "invalid type"),
        ("/given_by", json!(" "), "`given_by` is missing"),
    ];
    for (pointer, to, expected) in cases {
        let mut value = handed_in();
        match value.pointer_mut(pointer) {
            Some(place) => *place = to,
            None => value[pointer.trim_start_matches('/')] = to,
        }
        let said = read(&value).unwrap_err().to_string();
        assert!(said.contains(expected), "{pointer}: {said}");
    }
}

#[test]
fn who_gave_it_and_what_was_explained_may_be_said() {
    let (_, plain) = read(&handed_in()).unwrap();
    assert!(plain.is_by_subject() && plain.minor_until.is_none() && !plain.automated_processing);
    let bytes = String::from_utf8(plain.bytes().unwrap()).unwrap();
    assert!(!bytes.contains("minor_until") && !bytes.contains("automated"), "older records");
    let mut value = handed_in();
    value["minor_until"] = json!("2027-01-01T00:00:00+05:00");
    value["automated_processing"] = json!(true);
    value["given_by"] = json!("mother, birth certificate No. 12");
    let (_, record) = read(&value).unwrap();
    assert!(!record.is_by_subject() && record.automated_processing);
    assert_eq!(record.minor_until, Timestamp::parse("2026-12-31T19:00:00Z").ok());
    assert_eq!(serde_json::from_slice::<Record>(&record.bytes().unwrap()).unwrap(), record);
    for given_by in [" subject", "Subject", "SUBJECT "] {
        value["given_by"] = json!(given_by);
        assert!(read(&value).unwrap().1.is_by_subject(), "{given_by:?} is no representative");
    }
}

#[test]
fn a_member_twice_or_unknown_is_refused_without_its_value() {
    let text = handed_in().to_string();
    let twice = text.replacen('{', r#"{"purposes":["P07"],"#, 1);
    let said = import::read(&twice, now(), |_| String::new()).unwrap_err().to_string();
    assert!(said.contains("duplicate field `purposes`"), "{said}");
    let unknown = text.replacen('{', r#"{"580101100015":"Aigerim","#, 1);
    let said = import::read(&unknown, now(), |_| String::new()).unwrap_err().to_string();
    assert!(!said.contains("580101") && !said.contains("Aigerim"), "{said}");
}
