//! What a step says, held against what came of it.

use std::ops::Range;
use std::sync::Arc;

use hyper::header::HeaderMap;
use serde_json::{Value, json};

use super::pattern::{self, Bound};
use super::script::{Arrival, Body, Expected, Form, Refused, Said};
use super::sent::inside;
use super::{Sent, script};
use crate::diagnostic::{Diagnostic, Severity, Source, Text, text};
use crate::partner::mock::Received;
use crate::rehearsal::difference::{self, Line, arrival, departure};
use crate::time::Timestamp;

/// Something that a step says and that did not come.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The place in the file, and what came.
    pub diagnostic: Diagnostic,
    /// Where in a body or record it is first, as a JSON path or a line.
    pub path: Option<String>,
    /// What was expected, where that is one value.
    pub expected: Option<String>,
    /// What came in its place.
    pub came: Option<String>,
    /// Where a body or record differs: some lines of both.
    pub lines: Vec<Line>,
}

/// A step while it is held against what came.
pub(super) struct Held<'a> {
    source: &'a Arc<Source>,
    bound: Bound,
    found: Vec<Difference>,
}

/// Where what came of a request is not what a step says.
pub(super) fn request(source: &Arc<Source>, step: &script::Step, sent: &Sent) -> Vec<Difference> {
    let mut held = Held { source, bound: Bound::default(), found: Vec::new() };
    held.answer(&step.expected, sent);
    if let Some(refused) = &step.expected.refused {
        held.refused(refused, sent);
    }
    match &step.expected.received {
        Some(received) => held.received(received, sent, &step.span),
        None if step.expected.refused.is_some() => held.received(&[], sent, &step.span),
        None => {}
    }
    held.records(&step.expected, &sent.entries);
    held.found
}

/// Where the entries of another step are not what it says.
pub(super) fn entries(
    source: &Arc<Source>,
    step: &script::Step,
    entries: &[Value],
) -> Vec<Difference> {
    let mut held = Held { source, bound: Bound::default(), found: Vec::new() };
    held.records(&step.expected, entries);
    held.found
}

/// A difference without a comparison.
pub(super) fn plain(
    source: &Arc<Source>,
    span: Range<usize>,
    message: impl Into<Text>,
    help: impl Into<Text>,
) -> Difference {
    let diagnostic = Diagnostic {
        severity: Severity::Error,
        source: Arc::clone(source),
        span,
        message: message.into(),
        help: help.into(),
    };
    Difference { diagnostic, path: None, expected: None, came: None, lines: Vec::new() }
}

impl Held<'_> {
    fn add(&mut self, span: &Range<usize>, message: impl Into<Text>, help: impl Into<Text>) {
        self.found.push(plain(self.source, span.clone(), message, help));
    }

    /// A value that is not the expected one.
    fn value(&mut self, span: &Range<usize>, what: Text, expected: &str, came: &str) {
        let values = vec![what, Text::value(came)];
        let message = Text::Template("{} is `{}`", values);
        let help = text!("the step says `{}`", expected);
        let plain = plain(self.source, span.clone(), message, help);
        let (expected, came) = (Some(expected.to_owned()), Some(came.to_owned()));
        self.found.push(Difference { expected, came, ..plain });
    }

    fn text(&mut self, said: &Said<String>, what: Text, came: &str) {
        if !pattern::fits(&said.value, came, &mut self.bound) {
            self.value(&said.span, what, &said.value, came);
        }
    }

    fn answer(&mut self, expected: &Expected, sent: &Sent) {
        if let Some(status) = &expected.status
            && status.value != sent.status
        {
            let (expected, came) = (status.value.to_string(), sent.status.to_string());
            let code = sent.json();
            let what = match code.get("code").and_then(Value::as_str) {
                Some(code) => text!("with the code `{}`, the status", code),
                None => "the status".into(),
            };
            self.value(&status.span, what, &expected, &came);
        }
        for (name, said) in &expected.headers {
            let came = header(&sent.headers, name);
            self.text(said, text!("the answer's header `{}`", name), &came);
        }
        if let Some(body) = &expected.body {
            self.body(body, &"the answer".into(), &sent.body);
        }
        if !sent.is_whole && expected.body.is_some() {
            let span = expected.body.as_ref().map_or(0..0, |body| body.span.clone());
            self.add(&span, "the answer broke off", "look at the records for why");
        }
    }

    fn refused(&mut self, refused: &Refused, sent: &Sent) {
        let problem = sent.json();
        let member = |name: &str| problem.get(name).and_then(Value::as_str);
        let code = refused.code.value.code();
        match member("code") {
            Some(came) if came == code => {}
            Some(came) => self.value(&refused.code.span, "the code".into(), code, came),
            None => {
                let message = text!("it is not refused: the status is `{}`", sent.status);
                let help = "mend the rules, the consents or the request; if it may go, write what \
                    is `received`";
                self.add(&refused.code.span, message, help);
                return;
            }
        }
        for (said, name) in [(&refused.clause, "clause"), (&refused.place, "place")] {
            let Some(said) = said else { continue };
            let came = member(name).unwrap_or("none").to_owned();
            self.text(said, text!("the `{}` of the refusal", name), &came);
        }
        if let Some(said) = &refused.subjects {
            let came = problem.get("subjects").cloned().unwrap_or_else(|| json!({}));
            self.whole(&said.value, &said.span, &"the refusal's `subjects`".into(), &came);
        }
        let in_ledger = sent.refusal().map(ToOwned::to_owned);
        if in_ledger.as_deref() != member("code") {
            let came = in_ledger.unwrap_or_else(|| "none".to_owned());
            let what = "the refusal in the ledger".into();
            self.value(&refused.code.span, what, code, &came);
        }
    }

    fn received(&mut self, expected: &[Arrival], sent: &Sent, step: &Range<usize>) {
        for (arrival, (name, received)) in expected.iter().zip(&sent.received) {
            if arrival.partner.value == *name {
                self.arrival(arrival, name, received);
            } else {
                let said = arrival.partner.value.clone();
                self.value(&arrival.partner.span, "the partner".into(), &said, name);
            }
        }
        for missing in expected.iter().skip(sent.received.len()) {
            let partner = &missing.partner.value;
            let told = sent.json();
            let message = match told.get("code").and_then(Value::as_str) {
                Some(code) => {
                    text!("`{}` received nothing: the caller was told `{}`", partner, code)
                }
                None => {
                    text!("`{}` received nothing: the status is `{}`", partner, sent.status)
                }
            };
            let help = "mend the rules, the consents or the request; if the refusal is right, \
                write its code as `refused.code`";
            self.add(&missing.span, message, help);
        }
        for (name, received) in sent.received.iter().skip(expected.len()) {
            let span = expected.last().map_or(step, |last| &last.span).clone();
            let message = text!("`{}` received more than the step says", name);
            let body = inside(received);
            let lines = arrival(form_of(&body), &String::from_utf8_lossy(&body));
            let help = "mend the rules, the consents or the request; if it may go, write it as \
                `[[step.received]]`";
            let plain = plain(self.source, span, message, help);
            self.found.push(Difference { lines, ..plain });
        }
    }

    fn arrival(&mut self, expected: &Arrival, name: &str, received: &Received) {
        let header = &received.header;
        let of = |member: &'static str| text!("the `{}` of what `{}` received", member, name);
        if let Some(said) = &expected.purpose {
            self.text(said, of("purpose"), &header.pur);
        }
        if let Some(said) = &expected.onward
            && said.value != header.onw
        {
            let (ours, came) = (said.value.to_string(), header.onw.to_string());
            self.value(&said.span, of("onward"), &ours, &came);
        }
        if let Some(said) = &expected.expires
            && said.value.seconds() != header.exp
        {
            let came = Timestamp::from_seconds(header.exp).unwrap_or(Timestamp::EPOCH);
            self.value(&said.span, of("expires"), &said.value.to_string(), &came.to_string());
        }
        if let Some(said) = &expected.header {
            let came = serde_json::to_value(header).unwrap_or_default();
            self.some(&said.value, &said.span, &of("header"), &came);
        }
        let request = received.request();
        if let Some(said) = &expected.request {
            let came = request.as_ref().map(|inner| format!("{} {}", inner.method, inner.target));
            self.text(said, of("request"), came.as_deref().unwrap_or("none"));
        }
        for (key, said) in &expected.headers {
            let came = request.as_ref().and_then(|inner| inner.header(key)).unwrap_or("none");
            self.text(said, text!("the header `{}` of the request in it", key), came);
        }
        let media = match &request {
            Some(inner) => inner.header("content-type").unwrap_or("none"),
            None => &header.cty,
        };
        if let Some(said) = &expected.media {
            self.text(said, of("media"), media);
        }
        if let Some(body) = &expected.body {
            self.body(body, &text!("what `{}` received", name), &inside(received));
        }
    }

    /// Each record that the step says must be among the entries, in their order.
    fn records(&mut self, expected: &Expected, entries: &[Value]) {
        if let Some(count) = &expected.count
            && u64::try_from(entries.len()).ok() != Some(count.value)
        {
            let kind = |entry: &'_ Value| entry.get("type")?.as_str().map(ToOwned::to_owned);
            let kinds: Vec<String> = entries.iter().filter_map(kind).collect();
            let came = format!("{} ({})", entries.len(), kinds.join(", "));
            let (span, said) = (count.span.clone(), count.value.to_string());
            self.value(&span, "the number of records".into(), &said, &came);
        }
        let mut left = entries.iter();
        for said in &expected.records {
            let wanted = kind(&said.value);
            let next = left.find(|entry| wanted.is_none() || entry.get("type") == wanted.as_ref());
            let Some(entry) = next else {
                let kind = wanted.as_ref().and_then(Value::as_str).unwrap_or("any");
                let message = text!("there is no more record of the type `{}`", kind);
                self.add(&said.span, message, "the records of a step are said in their order");
                continue;
            };
            match &said.value {
                Form::Whole(text) => {
                    let value = serde_json::from_str(text).unwrap_or_default();
                    self.whole(&value, &said.span, &"the record".into(), entry);
                }
                Form::Has(value) => self.some(value, &said.span, &"the record".into(), entry),
            }
        }
    }

    fn body(&mut self, expected: &Said<Body>, what: &Text, came: &[u8]) {
        let text = String::from_utf8_lossy(came);
        let span = &expected.span;
        match &expected.value {
            Body::Json(Form::Whole(json)) => {
                let ours = pattern::resolved_json(json, &text, &mut self.bound);
                self.compare(difference::Form::Json, (&ours, &text), span, what);
            }
            Body::Json(Form::Has(value)) => match serde_json::from_slice(came) {
                Ok(came) => self.some(value, span, what, &came),
                Err(_) => {
                    self.compare(difference::Form::Lines, (&value.to_string(), &text), span, what);
                }
            },
            Body::Text(pattern) if str::from_utf8(came).is_ok() => {
                let ours = pattern::resolved_lines(pattern, &text, &mut self.bound);
                self.exactly(ours.as_bytes(), came, span, what);
            }
            Body::Text(text) => self.exactly(text.as_bytes(), came, span, what),
            Body::Bytes(bytes) => self.exactly(bytes, came, span, what),
        }
    }

    /// The same bytes, shown as lines where they are texts.
    fn exactly(&mut self, expected: &[u8], came: &[u8], span: &Range<usize>, what: &Text) {
        if expected == came {
            return;
        }
        if let (Ok(ours), Ok(theirs)) = (str::from_utf8(expected), str::from_utf8(came)) {
            let before = self.found.len();
            self.compare(difference::Form::Lines, (ours, theirs), span, what);
            if self.found.len() == before {
                let message = Text::Template("{} has other ends of lines", vec![what.clone()]);
                let help = "write them as they come: `\\r\\n` in a string of double quotes";
                self.add(span, message, help);
            }
            return;
        }
        let at = expected.iter().zip(came).take_while(|(ours, theirs)| ours == theirs).count();
        let values = vec![what.clone(), Text::value(&came.len()), Text::value(&at)];
        let message = Text::Template("{} has other bytes: {} of them, first other at {}", values);
        let help = text!("the step says {} bytes", expected.len());
        let plain = plain(self.source, span.clone(), message, help);
        self.found.push(Difference { path: Some(format!("byte {at}")), ..plain });
    }

    /// All members are those expected.
    fn whole(&mut self, expected: &Value, span: &Range<usize>, what: &Text, came: &Value) {
        let ours = pattern::resolved(expected, came, &mut self.bound);
        let texts = (&*ours.to_string(), &*came.to_string());
        self.compare(difference::Form::Json, texts, span, what);
    }

    /// The members that are spoken of are those expected.
    fn some(&mut self, expected: &Value, span: &Range<usize>, what: &Text, came: &Value) {
        let ours = pattern::resolved(expected, came, &mut self.bound);
        let theirs = pattern::spoken_of(expected, came);
        let texts = (&*ours.to_string(), &*theirs.to_string());
        self.compare(difference::Form::Json, texts, span, what);
    }

    fn compare(
        &mut self,
        form: difference::Form,
        (expected, came): (&str, &str),
        span: &Range<usize>,
        what: &Text,
    ) {
        let Some(departure) = departure(form, expected, came) else { return };
        let values = vec![what.clone(), Text::value(&departure.path)];
        let message = Text::Template("{} differs, first at `{}`", values);
        let help = "below, `-` is what the step says and `+` what came";
        let plain = plain(self.source, span.clone(), message, help);
        let expected = expected.get(departure.expected).map(ToOwned::to_owned);
        let (path, lines) = (Some(departure.path), departure.lines);
        self.found.push(Difference { path, expected, lines, ..plain });
    }
}

fn header(headers: &HeaderMap, name: &str) -> String {
    let values = headers.get_all(name).iter();
    let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    if values.is_empty() { "none".to_owned() } else { values.join(", ") }
}

fn kind(form: &Form) -> Option<Value> {
    let value = match form {
        Form::Whole(text) => &serde_json::from_str(text).unwrap_or_default(),
        Form::Has(value) => value,
    };
    value.get("type").cloned()
}

fn form_of(body: &[u8]) -> difference::Form {
    let is_json = serde_json::from_slice::<Value>(body).is_ok();
    if is_json { difference::Form::Json } else { difference::Form::Lines }
}
