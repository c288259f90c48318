//! The sample: people, their consents, transfers, and what must become of each.
//!
//! Every IIN is synthetic: its seventh digit is of the nineteenth century or reserved.

mod formats;

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
    /// The headers: `Content-Type`, the purpose and the state body's request among them.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The body.
    pub body: Vec<u8>,
    /// What must become of it.
    pub expect: Expect,
    /// What the caller gets of the partner's answer, where that is shown: `…` stands for anything.
    pub answer: Option<&'static str>,
}

impl Sample {
    /// A JSON document that the LMS sends.
    fn new(
        title: &'static str,
        request: (&'static str, &'static str),
        body: impl Into<Vec<u8>>,
        expect: Expect,
    ) -> Self {
        Self {
            title,
            caller: "lms",
            request,
            headers: vec![("content-type", "application/json")],
            body: body.into(),
            expect,
            answer: None,
        }
    }

    fn by(self, caller: &'static str) -> Self {
        Self { caller, ..self }
    }

    /// The same of another media type; without a body it has none.
    fn of(mut self, media: &'static str) -> Self {
        self.headers.clear();
        if !media.is_empty() {
            self.headers.push(("content-type", media));
        }
        self
    }

    /// The same with what the caller must get of the partner's answer.
    fn answered(self, answer: &'static str) -> Self {
        Self { answer: Some(answer), ..self }
    }

    fn purpose(mut self, purpose: &'static str) -> Self {
        self.headers.push(("otkel-purpose", purpose));
        self
    }

    fn legal_request(mut self, name: &'static str) -> Self {
        self.headers.push(("otkel-legal-request", name));
        self
    }

    /// The value of a header, if it is sent.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'static str> {
        let mut named = self.headers.iter().filter(|(known, _)| *known == name);
        named.next().map(|(_, value)| *value)
    }
}

/// Whether a text is one that is expected: `…` in that stands for anything.
#[must_use]
pub fn fits(expected: &str, text: &str) -> bool {
    let mut pieces = expected.split('…');
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        let Some((_, after)) = rest.split_once(piece) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

/// What must become of a transfer.
#[derive(Debug)]
pub enum Expect {
    /// The partner receives exactly this text, where `…` stands for anything; of several payloads,
    /// each stands on lines of its own.
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
        Consent::new(11, AIGERIM).to("archive-kz", &[]),
        Consent::new(12, DANIYAR).to("archive-kz", &[]).lists(&["D01", "D04"]),
        Consent::new(13, AIGERIM).to("verify-kz", &[]).purposes(&["P04"]).lists(&CHECKED),
    ];
    people.iter().map(|consent| consent.json(now).to_string() + "\n").collect()
}

/// The sample transfers.
#[must_use]
pub fn transfers() -> Vec<Sample> {
    let json = [permitted(), permitted_otherwise(), refused_by_consent(), refused_by_rule()];
    json.into_iter().flatten().chain(formats::transfers()).collect()
}

fn permitted() -> Vec<Sample> {
    vec![
        Sample::new(
            "a result, to the letter",
            RESULT,
            RESULT_BODY,
            Expect::Receives("attestation-kz", RESULT_BODY),
        ),
        Sample::new(
            "fields that may not leave are removed",
            ENROL,
            format!(r#"{{"course":{{"code":"PED-7"}},"learners":[{DANIYAR_RECORD}]}}"#),
            Expect::Receives(
                "training-gb",
                r#"{"course":{"code":"PED-7"},"learners":[{"family_name":"Ахметов"}]}"#,
            ),
        ),
        Sample::new(
            "of a batch, one stays",
            ENROL,
            format!(
                r#"{{"learners":[{},{},{}]}}"#,
                learner(AIGERIM, "Сәрсенова"),
                learner(MADINA, "Оспанова"),
                learner(DANIYAR, "Ахметов")
            ),
            Expect::Receives(
                "training-gb",
                r#"{"learners":[{"family_name":"Сәрсенова"},{"family_name":"Ахметов"}]}"#,
            ),
        ),
        Sample::new(
            "advertising, with a consent of its own",
            SUBSCRIBERS,
            subscriber(AIGERIM),
            Expect::Receives("mailing-de", r#"{"subscribers":[{"email":"someone@example.kz"}]}"#),
        )
        .by("crm")
        .purpose("P10a"),
    ]
}

/// Transfers whose rules are not those of everyday: a purpose's own fields, a study, the state.
fn permitted_otherwise() -> Vec<Sample> {
    vec![
        Sample::new(
            "an account abroad, with what it needs and no more",
            ACCOUNTS,
            format!(
                r#"{{"learners":[{{"iin":"{AIGERIM}","given_name":"Айгерім",{}}}]}}"#,
                r#""family_name":"Сәрсенова","email":"a@example.kz""#
            ),
            Expect::Receives(
                "learning-de",
                r#"{"learners":[{"given_name":"Айгерім","email":"a@example.kz"}]}"#,
            ),
        )
        .purpose("P05"),
        Sample::new(
            "a study, without anything that says who",
            STUDY,
            answer("ауыл мектебі"),
            Expect::Receives(
                "research-kz",
                r#"{"answers":[{"position":"мұғалім","score":87.50,"comment":"ауыл мектебі"}]}"#,
            ),
        ),
        Sample::new(
            "the state, by a request that was accepted",
            CERTIFICATES,
            CERTIFICATES_BODY,
            Expect::Receives("ministry-kz", CERTIFICATES_BODY),
        )
        .legal_request("2026-114"),
    ]
}

fn refused_by_consent() -> Vec<Sample> {
    let enrol = |title, iin: &str, code| {
        Sample::new(
            title,
            ENROL,
            format!(r#"{{"learners":[{{"iin":"{iin}","family_name":"Тест"}}]}}"#),
            Expect::Refused(code),
        )
    };
    let mail = |title, iin, purpose, code| {
        Sample::new(title, SUBSCRIBERS, subscriber(iin), Expect::Refused(code))
            .by("crm")
            .purpose(purpose)
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
        Sample::new(
            "an e-mail address in a study",
            STUDY,
            answer("жазыңыз: a@example.kz"),
            Expect::Refused("IDENTIFIER_IN_STUDY"),
        ),
        Sample::new(
            "the state, without naming its request",
            CERTIFICATES,
            CERTIFICATES_BODY,
            Expect::Refused("LEGAL_REQUEST_INCOMPLETE"),
        ),
        Sample::new(
            "a purpose that is never valid",
            SUBSCRIBERS,
            subscriber(AIGERIM),
            Expect::Refused("PURPOSE_UNKNOWN"),
        )
        .by("crm")
        .purpose("P11"),
        Sample::new(
            "only a field that no rule maps",
            RESULT,
            format!(r#"{{"iin":"{AIGERIM}","blood_group":"A+"}}"#),
            Expect::Refused("FIELD_UNKNOWN"),
        ),
        Sample::new(
            "a member that stands twice",
            ENROL,
            format!(
                r#"{{"learners":[{{"iin":"{AIGERIM}","family_name":"a","family_n\u0061me":"b"}}]}}"#
            ),
            Expect::Refused("DOCUMENT_UNPARSABLE"),
        ),
        Sample::new(
            "a system that may not use the route",
            ENROL,
            format!(r#"{{"learners":[{{"iin":"{AIGERIM}","family_name":"Тест"}}]}}"#),
            Expect::Refused("CALLER_NOT_ALLOWED"),
        )
        .by("crm"),
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
const CHECKED: [&str; 6] = ["D01", "D02", "D03", "D04", "D06", "D07"];
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

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn an_ellipsis_stands_for_anything() {
        for (expected, text) in [("", ""), ("a", "a"), ("…", ""), ("a…c", "abc"), ("a…c…", "acac")]
        {
            assert!(fits(expected, text), "{expected} {text}");
        }
        for (expected, text) in
            [("", "a"), ("a", "ab"), ("a…c", "abcd"), ("a…b…c", "ac"), ("aa…aa", "aaa")]
        {
            assert!(!fits(expected, text), "{expected} {text}");
        }
    }
}
