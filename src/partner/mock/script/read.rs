//! Reading a script: everything that is wrong with it, each at its place with its cure.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::{Act, Answer, Break, Deed, Note, Reply, Rule, Script, Target, When};
use crate::diagnostic::{Diagnostics, Source, Text, nearest, text};
use crate::document::{FieldPath, Root};
use crate::partner::Refusal;

impl Script {
    /// Reads a script; `name` is the file as errors name it, `folder` where the paths in it start.
    ///
    /// # Errors
    /// Everything that is wrong with it, each at its line and column with its cure.
    pub fn read(name: &str, text: &str, folder: &Path) -> Result<Self, Diagnostics> {
        let source = Source::new(name, text);
        let raw: Raw = toml::from_str(text).map_err(|e| Diagnostics::from_toml(&source, &e))?;
        let mut check = Check { source, found: Diagnostics::new(), folder };
        let mut rules = Vec::new();
        let mut takes_all = false;
        for raw in raw.rule {
            let span = raw.span();
            let rule = check.rule(raw.into_inner());
            if takes_all && !rule.is_early() {
                let help = "put it before the rule that takes everything";
                check.error(span, "no message comes to this rule", help);
            }
            takes_all |= rule.takes_all() && check.found.is_empty();
            rules.push(rule);
        }
        check.found.sort();
        if check.found.is_empty() { Ok(Self { rules }) } else { Err(check.found) }
    }
}

impl Rule {
    /// Whether every message that comes to it is answered by it.
    fn takes_all(&self) -> bool {
        let When { carried, inside, purpose, media, body, nth } = &self.when;
        let says_target = |target: &Target| target.method.is_some() || target.path.is_some();
        let says_more = purpose.is_some() || media.is_some() || !body.is_empty() || nth.is_some();
        let says = says_target(carried) || says_target(inside) || says_more;
        !says && self.times == u64::MAX && !self.is_early()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    rule: Vec<Spanned<RawRule>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    #[serde(default)]
    when: RawWhen,
    times: Option<Spanned<u64>>,
    delay_ms: Option<Spanned<u64>>,
    status: Option<Spanned<u16>>,
    headers: Option<BTreeMap<Spanned<String>, Spanned<String>>>,
    text: Option<Spanned<String>>,
    json: Option<Spanned<toml::Value>>,
    file: Option<Spanned<PathBuf>>,
    receipt: Option<Spanned<String>>,
    reply: Option<Spanned<String>>,
    cut_after: Option<Spanned<usize>>,
    drip_ms: Option<Spanned<u64>>,
    refuse: Option<Spanned<String>>,
    fault: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWhen {
    method: Option<Spanned<String>>,
    path: Option<Spanned<String>>,
    purpose: Option<Spanned<String>>,
    media: Option<Spanned<String>>,
    nth: Option<Spanned<u64>>,
    #[serde(default)]
    inside: RawTarget,
    #[serde(default)]
    body: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTarget {
    method: Option<Spanned<String>>,
    path: Option<Spanned<String>>,
}

/// What a rule's `fault` can be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Break(Break),
    Early,
}

/// What a rule's `fault` can be, by its words.
const FAULTS: [(&str, Fault); 5] = [
    ("reset", Fault::Break(Break::Reset)),
    ("hang", Fault::Break(Break::Hang)),
    ("close", Fault::Break(Break::Close)),
    ("garbage", Fault::Break(Break::Garbage)),
    ("early", Fault::Early),
];

struct Check<'a> {
    source: Arc<Source>,
    found: Diagnostics,
    folder: &'a Path,
}

impl Check<'_> {
    fn error(&mut self, at: Range<usize>, message: impl Into<Text>, help: impl Into<Text>) {
        self.found.error(&self.source, at, message, help);
    }

    fn rule(&mut self, raw: RawRule) -> Rule {
        let fault = raw.fault.as_ref().and_then(|word| self.word(word, &FAULTS));
        let is_early = matches!(fault, Some(Fault::Early | Fault::Break(Break::Close)));
        if is_early {
            self.knows_only_the_head(&raw.when);
        }
        self.says_one_thing(&raw, fault);
        let times = raw.times.as_ref().map_or(u64::MAX, |times| self.count(times));
        let delay = raw.delay_ms.as_ref().map_or(Duration::ZERO, |delay| self.time(delay));
        let refuse = raw.refuse.as_ref().and_then(|code| self.code(code));
        let deed = match (fault, refuse) {
            (Some(Fault::Break(way)), _) => Deed::Break(way),
            (_, Some(code)) => Deed::Refuse(code),
            _ => Deed::Answer(self.answer(&raw, is_early)),
        };
        Rule { when: self.when(raw.when), times, act: Act { delay, deed } }
    }

    fn answer(&mut self, raw: &RawRule, is_early: bool) -> Answer {
        Answer {
            status: raw.status.as_ref().map_or(StatusCode::OK, |status| self.status(status)),
            headers: self.headers(raw),
            body: self.body(raw),
            receipt: raw.receipt.as_ref().and_then(|word| self.word(word, &Note::ALL)),
            reply: raw.reply.as_ref().and_then(|word| self.word(word, &Reply::ALL)),
            is_early,
            cut_after: raw.cut_after.as_ref().map(|bytes| *bytes.get_ref()),
            drip: raw.drip_ms.as_ref().map(|drip| self.time(drip)),
        }
    }

    /// A rule that acts before the body is read can know nothing of the message.
    fn knows_only_the_head(&mut self, when: &RawWhen) {
        let inside = [&when.inside.method, &when.inside.path];
        let said = [&when.purpose, &when.media].into_iter().chain(inside);
        let said = said.filter_map(|said| said.as_ref().map(Spanned::span));
        let spans: Vec<_> = said.chain(when.body.keys().map(Spanned::span)).collect();
        for span in spans {
            let message = "this rule acts before the message has opened";
            self.error(span, message, "say `method`, `path` and `nth` only");
        }
    }

    /// A rule answers in one way, with one body.
    fn says_one_thing(&mut self, raw: &RawRule, fault: Option<Fault>) {
        let (all, bodies) = keys(raw);
        if let Some([_, (key, span)]) = bodies.first_chunk() {
            let help = "keep one of `text`, `json` and `file`";
            self.error(span.clone(), text!("`{}` is a second body", key), help);
        }
        let (other, alone) = match (fault, &raw.fault, &raw.refuse) {
            (Some(fault), Some(word), _) => (word, fault != Fault::Early),
            (None, _, Some(code)) => (code, true),
            _ => return,
        };
        let key = if fault.is_some() { "fault" } else { "refuse" };
        let strange = |name: &str| alone || ["receipt", "reply", "refuse"].contains(&name);
        for (name, span) in all.into_iter().filter(|(name, _)| *name != key && strange(name)) {
            let message = text!("`{}` does not go with `{} = \"{}\"`", name, key, other.get_ref());
            self.error(span, message, "remove one of the two");
        }
    }

    fn when(&mut self, raw: RawWhen) -> When {
        let carried = RawTarget { method: raw.method, path: raw.path };
        When {
            carried: self.target(carried),
            inside: self.target(raw.inside),
            purpose: raw.purpose.map(Spanned::into_inner),
            media: raw.media.map(|media| self.media(&media)),
            body: raw.body.iter().filter_map(|(path, value)| self.field(path, value)).collect(),
            nth: raw.nth.as_ref().map(|nth| self.count(nth)),
        }
    }

    fn target(&mut self, raw: RawTarget) -> Target {
        if let Some(path) = raw.path.as_ref().filter(|path| !path.get_ref().starts_with(['/', '*']))
        {
            let help = "begin it with `/`; `*` stands for any characters";
            self.error(path.span(), "not a path", help);
        }
        let method = raw.method.as_ref().filter(|method| {
            let is_letter = |b: u8| b.is_ascii_uppercase();
            method.get_ref().is_empty() || !method.get_ref().bytes().all(is_letter)
        });
        if let Some(method) = method {
            self.error(method.span(), "not a method", "write it in capitals, such as `POST`");
        }
        Target {
            method: raw.method.map(Spanned::into_inner),
            path: raw.path.map(Spanned::into_inner),
        }
    }

    fn media(&mut self, media: &Spanned<String>) -> String {
        let parts = media.get_ref().split_once('/');
        if parts.is_none_or(|(kind, name)| kind.is_empty() || name.is_empty())
            || media.get_ref().contains([';', ' '])
        {
            let help = "write it without parameters, such as `application/json`";
            self.error(media.span(), "not a media type", help);
        }
        media.get_ref().clone()
    }

    fn field(
        &mut self,
        path: &Spanned<String>,
        value: &Spanned<toml::Value>,
    ) -> Option<(FieldPath, Value)> {
        let read = FieldPath::parse(path.get_ref());
        let read = read.ok().filter(|path| path.root() == Root::Body && !path.is_key());
        if read.is_none() {
            let help = "begin at `$`, such as `$.learners[*].iin`";
            self.error(path.span(), "not the path of a field in the body", help);
        }
        Some((read?, json(value.get_ref())))
    }

    /// A word out of a list.
    fn word<T: Copy>(&mut self, word: &Spanned<String>, all: &[(&str, T)]) -> Option<T> {
        let known = all.iter().find(|(known, _)| known == word.get_ref());
        if known.is_none() {
            let words: Vec<&str> = all.iter().map(|(word, _)| *word).collect();
            let help = match nearest(word.get_ref(), &words) {
                Some(near) => text!("did you mean `{}`?", near),
                None => text!("the words here are `{}`", words.join("`, `")),
            };
            self.error(word.span(), text!("unknown word `{}`", word.get_ref()), help);
        }
        known.map(|(_, value)| *value)
    }

    fn code(&mut self, code: &Spanned<String>) -> Option<Refusal> {
        let words = Refusal::ALL.map(|refusal| (refusal.code(), refusal));
        self.word(code, &words)
    }

    fn count(&mut self, number: &Spanned<u64>) -> u64 {
        if *number.get_ref() == 0 {
            self.error(number.span(), "out of range", "count from 1");
        }
        *number.get_ref()
    }

    fn time(&mut self, time: &Spanned<u64>) -> Duration {
        if *time.get_ref() > MILLIS_MAX {
            let help = text!("give at most {} milliseconds", MILLIS_MAX);
            self.error(time.span(), "out of range", help);
        }
        Duration::from_millis(*time.get_ref())
    }

    fn status(&mut self, status: &Spanned<u16>) -> StatusCode {
        if !(200..=599).contains(status.get_ref()) {
            self.error(status.span(), "out of range", "give a status from 200 to 599");
        }
        StatusCode::from_u16(*status.get_ref()).unwrap_or_default()
    }

    fn headers(&mut self, raw: &RawRule) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in raw.headers.iter().flatten() {
            let read = HeaderName::try_from(name.get_ref().as_str());
            let Ok(read) = read else {
                let help = "write a name such as `retry-after`";
                self.error(name.span(), "not a header's name", help);
                continue;
            };
            if is_ours(read.as_str()) {
                let message = text!("the mock writes `{}` itself", read);
                self.error(name.span(), message, "remove it");
            }
            let Ok(value) = HeaderValue::from_str(value.get_ref()) else {
                let help = "write one line of text";
                self.error(value.span(), "not a header's value", help);
                continue;
            };
            headers.insert(read, value);
        }
        let media = match (&raw.text, &raw.json) {
            (Some(_), _) => "text/plain;charset=utf-8",
            (_, Some(_)) => "application/json",
            _ => return headers,
        };
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(media));
        headers
    }

    fn body(&mut self, raw: &RawRule) -> Option<Bytes> {
        if let Some(text) = &raw.text {
            return Some(text.get_ref().clone().into());
        }
        if let Some(value) = &raw.json {
            return Some(json(value.get_ref()).to_string().into());
        }
        let file = raw.file.as_ref()?;
        let mut names = raw.headers.iter().flatten().map(|(name, _)| name.get_ref());
        if !names.any(|name| name.eq_ignore_ascii_case("content-type")) {
            let help = "add `content-type` to `headers`";
            self.error(file.span(), "nothing says of which media type the file is", help);
        }
        match std::fs::read(self.folder.join(file.get_ref())) {
            Ok(bytes) => Some(bytes.into()),
            Err(error) => {
                let message = text!("the file cannot be read: {}", error);
                self.error(file.span(), message, "name a file beside the script");
                None
            }
        }
    }
}

type Key = (&'static str, Range<usize>);

/// The keys by which a rule says what is done, and those among them that give a body.
fn keys(raw: &RawRule) -> (Vec<Key>, Vec<Key>) {
    let headers = raw.headers.iter().flatten().next().map(|(name, _)| name.span());
    let bodies = [
        ("text", raw.text.as_ref().map(Spanned::span)),
        ("json", raw.json.as_ref().map(Spanned::span)),
        ("file", raw.file.as_ref().map(Spanned::span)),
    ];
    let others = [
        ("status", raw.status.as_ref().map(Spanned::span)),
        ("headers", headers),
        ("receipt", raw.receipt.as_ref().map(Spanned::span)),
        ("reply", raw.reply.as_ref().map(Spanned::span)),
        ("cut_after", raw.cut_after.as_ref().map(Spanned::span)),
        ("drip_ms", raw.drip_ms.as_ref().map(Spanned::span)),
        ("refuse", raw.refuse.as_ref().map(Spanned::span)),
        ("fault", raw.fault.as_ref().map(Spanned::span)),
    ];
    let said = |keys: &[(&'static str, Option<Range<usize>>)]| -> Vec<Key> {
        keys.iter().filter_map(|(key, span)| Some((*key, span.clone()?))).collect()
    };
    let bodies = said(&bodies);
    ([bodies.clone(), said(&others)].concat(), bodies)
}

/// A value of TOML as JSON: dates and times are strings.
fn json(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.clone().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(yes) => (*yes).into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(all) => all.iter().map(json).collect(),
        toml::Value::Table(table) => {
            Value::Object(table.iter().map(|(key, value)| (key.clone(), json(value))).collect())
        }
    }
}

/// Whether a header is part of how an answer is carried, or belongs to receipts and refusals.
fn is_ours(name: &str) -> bool {
    name.starts_with("otkel-")
        || matches!(name, "connection" | "content-length" | "transfer-encoding" | "upgrade")
}

/// The longest time that a rule may ask for.
const MILLIS_MAX: u64 = 600_000;
