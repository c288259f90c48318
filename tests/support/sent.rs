//! One transfer and all that came of it: the answer, the partners, the ledger.

use std::time::Duration;

use hyper::header::HeaderMap;
use otkel::partner::mock::Received;
use otkel::reason::Reason;
use serde_json::Value;

use super::{Ask, Partner, World, wire};

/// What came of one request, with nothing else going on.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) is_whole: bool,
    /// What mock partners received of it.
    pub(crate) received: Vec<(&'static str, Received)>,
    /// How many bytes stubs heard of it.
    pub(crate) heard: usize,
    /// The ledger's entries about it, but for receipts.
    pub(crate) entries: Vec<Value>,
    /// The ledger's entries of receipts.
    pub(crate) receipts: Vec<Value>,
    /// The subject lines of each entry.
    pub(crate) lines: Vec<Vec<Value>>,
}

impl World {
    /// Sends a request and sees what comes of it.
    pub(crate) async fn send(&self, ask: Ask) -> Sent {
        self.watch(Box::pin(wire::send(self, &ask))).await
    }

    /// Writes bytes as the LMS over HTTP/1.1 and sees what comes of it.
    pub(crate) async fn send_raw(&self, bytes: &[u8]) -> Sent {
        self.watch(Box::pin(wire::send_raw(self, bytes))).await
    }

    pub(crate) async fn watch(&self, asking: impl Future<Output = wire::Words>) -> Sent {
        let (before, from) = (self.arrived(), self.gateway().reader.size());
        let answer = asking.await;
        self.settled(from).await;
        let (mut received, mut heard) = (Vec::new(), 0);
        for (name, partner) in &self.partners {
            match partner {
                Partner::Mock(mock) => {
                    let new = mock.received().into_iter().skip(before[name]);
                    received.extend(new.map(|payload| (*name, payload)));
                }
                Partner::Stub(bytes) => heard += bytes.lock().unwrap().len() - before[name],
            }
        }
        let is_receipt = |entry: &Value| entry["type"] == "receipt";
        let (entries, lines) = (self.entries(from), self.lines(from));
        let of_entries = entries.iter().zip(lines).filter(|(entry, _)| !is_receipt(entry));
        let lines = of_entries.map(|(_, lines)| lines).collect();
        let (receipts, entries) = entries.into_iter().partition(is_receipt);
        Sent {
            status: answer.status,
            headers: answer.headers,
            body: answer.body,
            is_whole: answer.is_whole,
            received,
            heard,
            entries,
            receipts,
            lines,
        }
    }
}

impl World {
    /// Waits until each disclosure has its outcome, for which no answer waits.
    async fn settled(&self, from: u64) {
        let is_open = |entries: &[Value]| {
            let count = |kind| entries.iter().filter(|entry| entry["type"] == kind).count();
            count("disclosure") > count("outcome")
        };
        for _ in 0..400 {
            if !is_open(&self.entries(from)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Sent {
    /// The partner got exactly this text, once, after its disclosure was recorded.
    #[track_caller]
    pub(crate) fn reaches(&self, partner: &str, text: &str) -> &Self {
        assert_eq!(self.status, 200, "{self:#?}");
        let [(name, payload)] = self.received.as_slice() else { panic!("{self:#?}") };
        assert_eq!((*name, std::str::from_utf8(&payload.body).unwrap()), (partner, text));
        let entry = self.is_settled("delivered");
        assert_eq!(entry["did"], payload.header.did.to_string());
        assert_eq!(entry["partner"], partner);
        assert_eq!(self.outcome()["status"], 200);
        self
    }

    /// Nothing left; the caller was told this code, and the ledger has it once.
    #[track_caller]
    pub(crate) fn is_refused(&self, code: &str) -> &Self {
        let reason = Reason::parse(code).unwrap();
        assert!(self.received.is_empty() && self.heard == 0, "a partner got something: {self:#?}");
        let problem = self.problem();
        assert_eq!((problem["code"].as_str(), self.status), (Some(code), reason.status()));
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["clause"], reason.clause());
        assert_eq!(problem["decision"], self.decision(), "{problem}");
        let [entry] = self.entries.as_slice() else { panic!("{self:#?}") };
        assert_eq!((&entry["type"], &entry["reason"]), (&"refusal".into(), &code.into()));
        assert_eq!(entry["did"], self.decision());
        self
    }

    /// It was recorded and then did not come to a partner's answer: this code, and this outcome.
    #[track_caller]
    pub(crate) fn fails(&self, code: &str, outcome: &str) -> &Self {
        assert!(self.received.is_empty(), "{self:#?}");
        assert_eq!(self.problem()["code"], code);
        assert_eq!(self.status, Reason::parse(code).unwrap().status());
        self.is_settled(outcome);
        assert_eq!(self.outcome()["reason"], code);
        self
    }

    /// The ledger holds a disclosure and its outcome, in this order; the disclosure.
    #[track_caller]
    pub(crate) fn is_settled(&self, result: &str) -> &Value {
        let [entry, outcome] = self.entries.as_slice() else { panic!("{self:#?}") };
        assert_eq!((&entry["type"], &outcome["type"]), (&"disclosure".into(), &"outcome".into()));
        assert_eq!((&outcome["of"], &outcome["did"]), (&entry["seq"], &entry["did"]));
        assert_eq!(outcome["result"], result, "{outcome}");
        assert_eq!(entry["did"], self.decision());
        entry
    }

    /// The ledger has one line a subject record: this many.
    #[track_caller]
    pub(crate) fn has_lines(&self, number: usize) -> &Self {
        let entry = &self.entries[0];
        assert_eq!(entry["subjects"]["n"].as_u64(), u64::try_from(number).ok(), "{entry:#}");
        assert_eq!(self.lines[0].len(), number);
        self
    }

    /// The problem names this place.
    #[track_caller]
    pub(crate) fn at(&self, place: &str) -> &Self {
        assert_eq!(self.problem()["place"], place);
        assert_eq!(self.entries[0]["place"], place);
        self
    }

    /// The problem details, of the media type that RFC 9457 gives them.
    #[track_caller]
    pub(crate) fn problem(&self) -> Value {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:#?}");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The decision's id, from `Otkel-Decision`.
    #[track_caller]
    pub(crate) fn decision(&self) -> &str {
        self.headers["otkel-decision"].to_str().unwrap()
    }

    /// The disclosure or refusal.
    pub(crate) fn entry(&self) -> &Value {
        &self.entries[0]
    }

    pub(crate) fn outcome(&self) -> &Value {
        &self.entries[1]
    }

    /// The verdicts of the disclosure or refusal.
    pub(crate) fn verdicts(&self) -> &[Value] {
        self.entry()["verdicts"].as_array().unwrap()
    }
}

/// How often a needle is in a haystack.
pub(crate) fn count(haystack: &[u8], needle: &[u8]) -> usize {
    haystack.windows(needle.len()).filter(|window| *window == needle).count()
}
