//! What callers ask, and the consents and documents that tests speak of.

use otkel::demo::sample;
use otkel::time::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::NOON;

/// One request of a caller.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) caller: &'static str,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) host: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) http2: bool,
}

/// `POST` or `PUT` of a JSON document over HTTP/1.1 by the system that usually asks for this.
fn ask(caller: &'static str, method: &str, path: &str, body: impl AsRef<[u8]>) -> Ask {
    Ask {
        caller,
        method: method.to_owned(),
        path: path.to_owned(),
        host: "localhost".to_owned(),
        headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
        body: body.as_ref().to_vec(),
        http2: false,
    }
}

/// Enrols learners with the training partner in GB.
pub(crate) fn enrol(body: impl AsRef<[u8]>) -> Ask {
    ask("lms", "POST", "/training-gb/enrolments", body)
}

/// Enrols groups of learners with the training partner in GB.
pub(crate) fn enrol_groups(body: impl AsRef<[u8]>) -> Ask {
    ask("lms", "POST", "/training-gb/group-enrolments", body)
}

/// Sends one result to the attestation body in KZ.
pub(crate) fn result(body: impl AsRef<[u8]>) -> Ask {
    ask("lms", "POST", "/attestation-kz/results", body)
}

/// Sends a course's results to the attestation body in KZ.
pub(crate) fn results(body: impl AsRef<[u8]>) -> Ask {
    ask("lms", "POST", "/attestation-kz/result-batches", body)
}

/// Puts subscribers on the list of the mailing provider whose machines are in DE.
pub(crate) fn subscribe(body: impl AsRef<[u8]>) -> Ask {
    ask("crm", "PUT", "/mailing-de/subscribers", body)
}

/// A transfer of the sample.
pub(crate) fn sampled(sample: &sample::Sample) -> Ask {
    let (method, path) = sample.request;
    let headers = sample.headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
    Ask { headers: headers.collect(), ..ask(sample.caller, method, path, &sample.body) }
}

impl Ask {
    pub(crate) fn by(mut self, caller: &'static str) -> Self {
        self.caller = caller;
        self
    }

    pub(crate) fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    pub(crate) fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    pub(crate) fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    pub(crate) fn purpose(self, purpose: &str) -> Self {
        self.header("otkel-purpose", purpose)
    }

    /// Adds a header; `content-type` takes the place of the one that is there.
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        if name == "content-type" {
            self.headers.clear();
        }
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn without_type(mut self) -> Self {
        self.headers.clear();
        self
    }

    pub(crate) fn http2(mut self) -> Self {
        self.http2 = true;
        self
    }

    /// The head of the request as HTTP/1.1, up to where its length would be told.
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: {}\r\n", self.method, self.path, self.host)
            .into_bytes();
        for (name, value) in &self.headers {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        }
        head
    }

    /// The whole request as HTTP/1.1.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let length = format!("content-length: {}\r\n\r\n", self.body.len());
        [&self.head(), length.as_bytes(), &self.body].concat()
    }
}

/// A document of learners, each with a surname.
pub(crate) fn learners(subjects: &[&str]) -> String {
    let learner = |iin: &&str| format!(r#"{{"iin":"{iin}","family_name":"Тест"}}"#);
    let all: Vec<String> = subjects.iter().map(learner).collect();
    format!(r#"{{"learners":[{}]}}"#, all.join(","))
}

/// What is left of [`learners`] at a partner abroad.
pub(crate) fn surnames(number: usize) -> String {
    let all = vec![r#"{"family_name":"Тест"}"#; number];
    format!(r#"{{"learners":[{}]}}"#, all.join(","))
}

/// A document of subscribers.
pub(crate) fn subscribers(iin: &str) -> String {
    format!(r#"{{"subscribers":[{{"iin":"{iin}","email":"someone@example.kz"}}]}}"#)
}

/// A consent of a subject to the training partner in GB, with a record id of its own; `edit`
/// changes it.
pub(crate) fn consent(number: u64, iin: &str, edit: impl FnOnce(&mut Value)) -> Value {
    consent_at(NOON, number, iin, edit)
}

/// As [`consent`], given sixty days before a time.
pub(crate) fn consent_at(
    time: &str,
    number: u64,
    iin: &str,
    edit: impl FnOnce(&mut Value),
) -> Value {
    let sample = sample::consents(Timestamp::parse(time).unwrap());
    let mut consent: Value = serde_json::from_str(sample.lines().nth(1).unwrap()).unwrap();
    consent["record_id"] = record(number).to_string().into();
    consent["subject"]["id"] = iin.into();
    edit(&mut consent);
    consent
}

/// The id of a consent record; the sample has 1 to 10.
pub(crate) fn record(number: u64) -> Uuid {
    format!("01920000-0000-7000-8000-{number:012}").parse().unwrap()
}
