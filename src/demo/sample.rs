//! The sample: people, their consents, transfers, and what must become of each.
//!
//! Every IIN is synthetic: its seventh digit is of the nineteenth century or reserved.

use serde_json::{Value, json};

use crate::consent::record::SCHEMA;
use crate::time::Timestamp;

/// One transfer of the sample.
#[derive(Debug)]
pub struct Sample {
    /// What it shows.
    pub title: &'static str,
    /// The caller's certificate.
    pub caller: &'static str,
    /// The method and path.
    pub request: (&'static str, &'static str),
    /// The purpose, where it is named.
    pub purpose: Option<&'static str>,
    /// The state body's request, where it is named.
    pub legal_request: Option<&'static str>,
    /// The body.
    pub body: String,
    /// What must become of it.
    pub expect: Expect,
}

/// What must become of a transfer.
#[derive(Debug)]
pub enum Expect {
    /// The partner receives exactly this text.
    Receives(&'static str, &'static str),
    /// It is refused with this code.
    Refused(&'static str),
}

/// The sample consents as NDJSON, with times around `now`.
#[must_use]
pub fn consents(now: Timestamp) -> String {
    let people = [
        Consent::new(1, AIGERIM).to("attestation-kz", &[]),
        Consent::new(2, AIGERIM).to("training-gb", &["GB"]),
        Consent::new(3, DANIYAR).to("training-gb", &["GB"]).lists(&["D01", "D08"]),
        Consent::new(4, MADINA).to("training-gb", &[]),
        Consent::new(5, YERLAN).to("training-gb", &["GB"]).withdrawn(),
        Consent::new(6, SALTANAT).to("training-gb", &["GB"]).expired(),
        Consent::new(7, AIGERIM).to("mailing-de", &["DE"]).purposes(&["P10a"]),
        Consent::new(8, DANIYAR).to("mailing-de", &["GB"]).purposes(&["P10a"]),
        Consent::new(9, AIGERIM).to("learning-de", &["DE"]).purposes(&["P05"]),
        Consent::new(10, AIGERIM).to("research-kz", &[]).purposes(&["P10c"]),
    ];
    people.iter().map(|consent| consent.json(now).to_string() + "\n").collect()
}

/// The sample transfers.
#[must_use]
pub fn transfers() -> Vec<Sample> {
    let all = [permitted(), permitted_otherwise(), refused_by_consent(), refused_by_rule()];
    all.into_iter().flatten().collect()
}

fn permitted() -> Vec<Sample> {
    vec![
        Sample {
            title: "a result, to the letter",
            caller: "lms",
            request: RESULT,
            purpose: None,
            legal_request: None,
            body: RESULT_BODY.to_owned(),
            expect: Expect::Receives("attestation-kz", RESULT_BODY),
        },
        Sample {
            title: "fields that may not leave are removed",
            caller: "lms",
            request: ENROL,
            purpose: None,
            legal_request: None,
            body: format!(r#"{{"course":{{"code":"PED-7"}},"learners":[{DANIYAR_RECORD}]}}"#),
            expect: Expect::Receives(
                "training-gb",
                r#"{"course":{"code":"PED-7"},"learners":[{"family_name":"Ахметов"}]}"#,
            ),
        },
        Sample {
            title: "of a batch, one stays",
            caller: "lms",
            request: ENROL,
            purpose: None,
            legal_request: None,
            body: format!(
                r#"{{"learners":[{},{},{}]}}"#,
                learner(AIGERIM, "Сәрсенова"),
                learner(MADINA, "Оспанова"),
                learner(DANIYAR, "Ахметов")
            ),
            expect: Expect::Receives(
                "training-gb",
                r#"{"learners":[{"family_name":"Сәрсенова"},{"family_name":"Ахметов"}]}"#,
            ),
        },
        Sample {
            title: "advertising, with a consent of its own",
            caller: "crm",
            request: SUBSCRIBERS,
            purpose: Some("P10a"),
            legal_request: None,
            body: subscriber(AIGERIM),
            expect: Expect::Receives(
                "mailing-de",
                r#"{"subscribers":[{"email":"someone@example.kz"}]}"#,
            ),
        },
    ]
}

/// Transfers whose rules are not those of everyday: a purpose's own fields, a study, the state.
fn permitted_otherwise() -> Vec<Sample> {
    vec![
        Sample {
            title: "an account abroad, with what it needs and no more",
            caller: "lms",
            request: ACCOUNTS,
            purpose: Some("P05"),
            legal_request: None,
            body: format!(
                r#"{{"learners":[{{"iin":"{AIGERIM}","given_name":"Айгерім",{}}}]}}"#,
                r#""family_name":"Сәрсенова","email":"a@example.kz""#
            ),
            expect: Expect::Receives(
                "learning-de",
                r#"{"learners":[{"given_name":"Айгерім","email":"a@example.kz"}]}"#,
            ),
        },
        Sample {
            title: "a study, without anything that says who",
            caller: "lms",
            request: STUDY,
            purpose: None,
            legal_request: None,
            body: answer("ауыл мектебі"),
            expect: Expect::Receives(
                "research-kz",
                r#"{"answers":[{"position":"мұғалім","score":87.50,"comment":"ауыл мектебі"}]}"#,
            ),
        },
        Sample {
            title: "the state, by a request that was accepted",
            caller: "lms",
            request: CERTIFICATES,
            purpose: None,
            legal_request: Some("2026-114"),
            body: CERTIFICATES_BODY.to_owned(),
            expect: Expect::Receives("ministry-kz", CERTIFICATES_BODY),
        },
    ]
}

fn refused_by_consent() -> Vec<Sample> {
    let enrol = |title, iin: &str, code| Sample {
        title,
        caller: "lms",
        request: ENROL,
        purpose: None,
        legal_request: None,
        body: format!(r#"{{"learners":[{{"iin":"{iin}","family_name":"Тест"}}]}}"#),
        expect: Expect::Refused(code),
    };
    let mail = |title, iin, purpose, code| Sample {
        title,
        caller: "crm",
        request: SUBSCRIBERS,
        purpose: Some(purpose),
        legal_request: None,
        body: subscriber(iin),
        expect: Expect::Refused(code),
    };
    vec![
        enrol("nobody asked this person", NURLAN, "NO_CONSENT"),
        enrol("the consent was withdrawn", YERLAN, "CONSENT_WITHDRAWN"),
        enrol("the consent has expired", SALTANAT, "CONSENT_EXPIRED"),
        enrol("no consent to a transfer abroad", MADINA, "CROSS_BORDER_NOT_CONSENTED"),
        mail("a country that was not named", DANIYAR, "P10a", "COUNTRY_NOT_CONSENTED"),
        mail("a purpose that was not named", AIGERIM, "P07", "PURPOSE_NOT_CONSENTED"),
    ]
}

fn refused_by_rule() -> Vec<Sample> {
    vec![
        Sample {
            title: "an e-mail address in a study",
            caller: "lms",
            request: STUDY,
            purpose: None,
            legal_request: None,
            body: answer("жазыңыз: a@example.kz"),
            expect: Expect::Refused("IDENTIFIER_IN_STUDY"),
        },
        Sample {
            title: "the state, without naming its request",
            caller: "lms",
            request: CERTIFICATES,
            purpose: None,
            legal_request: None,
            body: CERTIFICATES_BODY.to_owned(),
            expect: Expect::Refused("LEGAL_REQUEST_INCOMPLETE"),
        },
        Sample {
            title: "a purpose that is never valid",
            caller: "crm",
            request: SUBSCRIBERS,
            purpose: Some("P11"),
            legal_request: None,
            body: subscriber(AIGERIM),
            expect: Expect::Refused("PURPOSE_UNKNOWN"),
        },
        Sample {
            title: "only a field that no rule maps",
            caller: "lms",
            request: RESULT,
            purpose: None,
            legal_request: None,
            body: format!(r#"{{"iin":"{AIGERIM}","blood_group":"A+"}}"#),
            expect: Expect::Refused("FIELD_UNKNOWN"),
        },
        Sample {
            title: "a member that stands twice",
            caller: "lms",
            request: ENROL,
            purpose: None,
            legal_request: None,
            body: format!(
                r#"{{"learners":[{{"iin":"{AIGERIM}","family_name":"a","family_n\u0061me":"b"}}]}}"#
            ),
            expect: Expect::Refused("DOCUMENT_UNPARSABLE"),
        },
        Sample {
            title: "a system that may not use the route",
            caller: "crm",
            request: ENROL,
            purpose: None,
            legal_request: None,
            body: format!(r#"{{"learners":[{{"iin":"{AIGERIM}","family_name":"Тест"}}]}}"#),
            expect: Expect::Refused("CALLER_NOT_ALLOWED"),
        },
    ]
}

fn learner(iin: &str, family_name: &str) -> String {
    format!(r#"{{"iin":"{iin}","family_name":"{family_name}"}}"#)
}

fn subscriber(iin: &str) -> String {
    format!(r#"{{"subscribers":[{{"iin":"{iin}","email":"someone@example.kz"}}]}}"#)
}

fn answer(comment: &str) -> String {
    let said = format!(r#""position":"мұғалім","score":87.50,"comment":"{comment}""#);
    format!(r#"{{"answers":[{{"iin":"{AIGERIM}",{said}}}]}}"#)
}

/// One sample consent.
struct Consent {
    number: u8,
    iin: &'static str,
    recipient: &'static str,
    countries: &'static [&'static str],
    purposes: &'static [&'static str],
    categories: &'static [&'static str],
    expired: bool,
    withdrawn: bool,
}

impl Consent {
    const fn new(number: u8, iin: &'static str) -> Self {
        Self {
            number,
            iin,
            recipient: "",
            countries: &[],
            purposes: &["P09"],
            categories: &["D01", "D04", "D07", "D08", "D20"],
            expired: false,
            withdrawn: false,
        }
    }

    const fn to(self, recipient: &'static str, countries: &'static [&'static str]) -> Self {
        Self { recipient, countries, ..self }
    }

    const fn purposes(self, purposes: &'static [&'static str]) -> Self {
        Self { purposes, ..self }
    }

    const fn lists(self, categories: &'static [&'static str]) -> Self {
        Self { categories, ..self }
    }

    const fn expired(self) -> Self {
        Self { expired: true, ..self }
    }

    const fn withdrawn(self) -> Self {
        Self { withdrawn: true, ..self }
    }

    fn json(&self, now: Timestamp) -> Value {
        let given = now.plus_millis(-60 * DAY_MILLIS);
        let until = now.plus_millis(if self.expired { -DAY_MILLIS } else { 365 * DAY_MILLIS });
        let mut events = vec![json!({
            "event_time": given, "event_type": "ExpressedConsent", "event_state": "ConsentGiven",
            "valid_until": until, "channel": "written",
            "evidence": {
                "reference": format!("folder 12, sheet {}", self.number),
                "sha256": "5e".repeat(32),
            },
        })];
        if self.withdrawn {
            events.push(json!({
                "event_time": now.plus_millis(-DAY_MILLIS), "event_type": "ExpressedConsent",
                "event_state": "ConsentWithdrawn", "channel": "form",
            }));
        }
        json!({
            "schema_version": SCHEMA,
            "record_id": format!("01920000-0000-7000-8000-{:012}", self.number),
            "subject": {"scheme": "kz-iin", "id": self.iin},
            "subject_name_present": true,
            "pii_controllers": [{
                "party_id": "500140000017",
                "name": "«Педагогикалық шеберлік орталығы» жекеменшік мекемесі",
                "address": "Қазақстан, Астана қаласы", "contact": "support@cpm.kz",
            }],
            "privacy_notice": {
                "uri": "https://cpm.example/notices/2026-09.txt", "version": "2026-09",
                "sha256": "ae64cae5332be91250ab98d1457e19c04564d67ba96337b642eb120a66050d0d",
            },
            "language": "kk",
            "purposes": self.purposes,
            "pii_information": self.categories,
            "recipient_third_parties": [self.recipient],
            "cross_border": {"allowed": !self.countries.is_empty(), "countries": self.countries},
            "publication": {"allowed": false, "sources": []},
            "storage_locations": ["KZ"],
            "retention_period": "P5Y",
            "jurisdiction": "KZ",
            "lawful_basis": "dpv:Consent, 94-V Art. 7(1)",
            "withdrawal_method": "support@cpm.kz",
            "given_by": "subject",
            "notify_on_transfer": false,
            "events": events,
        })
    }
}

const DANIYAR_RECORD: &str = concat!(
    r#"{"iin":"911231200429","family_name":"Ахметов","#,
    r#""email":"d.ahmetov@example.kz","phone":"+7 701 000 00 00"}"#
);
const RESULT_BODY: &str = concat!(
    r#"{"iin":"580101100015","family_name":"Сәрсенова","given_name":"Айгерім","#,
    r#""result":{"score":92.50,"passed":true}}"#
);
const CERTIFICATES_BODY: &str = concat!(
    r#"{"teachers":[{"iin":"580101100015","family_name":"Сәрсенова","#,
    r#""certificate_number":"KZ-7-0001"}]}"#
);
const ACCOUNTS: (&str, &str) = ("PUT", "/learning-de/learners");
const CERTIFICATES: (&str, &str) = ("POST", "/ministry-kz/certificates");
const STUDY: (&str, &str) = ("POST", "/research-kz/autumn-study");
const ENROL: (&str, &str) = ("POST", "/training-gb/enrolments");
const RESULT: (&str, &str) = ("POST", "/attestation-kz/results");
const SUBSCRIBERS: (&str, &str) = ("PUT", "/mailing-de/subscribers");

/// Consented to the attestation body, to the training partner in GB, and to advertising from DE.
pub const AIGERIM: &str = "580101100015";
/// Consented to the training partner in GB without the e-mail address; to advertising only from GB.
pub const DANIYAR: &str = "911231200429";
/// Consented to the training partner, but not to a transfer abroad.
pub const MADINA: &str = "120630207774";
/// Withdrew.
pub const YERLAN: &str = "580101100611";
/// Let the consent expire.
pub const SALTANAT: &str = "580101100660";
/// Was never asked.
pub const NURLAN: &str = "580101000019";

const DAY_MILLIS: i64 = 24 * 3600 * 1000;
