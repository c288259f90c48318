//! What a mock partner answers: rules in their order, of which the first that fits is taken.
//!
//! A rule that answers or closes before the request's body is read is looked for first, by method,
//! path and count alone; any other once a message has opened.

mod read;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::document::{FieldPath, Segment};
use crate::envelope::Header;
use crate::envelope::request::Request as Inner;
use crate::partner::{self, Refusal};

/// The JSON Schema (draft 2020-12) of a script, by which editors complete and check it.
pub const SCHEMA: &str = include_str!("schema.json");

/// The rules of a mock partner. Without any it takes and answers everything.
#[derive(Clone, Debug, Default)]
pub struct Script {
    rules: Vec<Rule>,
}

impl Script {
    /// Whether any rule does to a connection what an HTTP server cannot.
    pub(super) fn breaks_connections(&self) -> bool {
        let breaks = |rule: &Rule| matches!(rule.act.deed, Deed::Break(way) if way != Break::Hang);
        self.rules.iter().any(breaks)
    }
}

/// For which messages it is, how often, and what is done then.
#[derive(Clone, Debug)]
struct Rule {
    when: When,
    times: u64,
    act: Act,
}

impl Rule {
    /// Whether it acts before the request's body is read.
    fn is_early(&self) -> bool {
        match &self.act.deed {
            Deed::Answer(answer) => answer.is_early,
            Deed::Break(way) => *way == Break::Close,
            Deed::Refuse(_) => false,
        }
    }
}

/// For which messages a rule is: all that is said must fit.
#[derive(Clone, Debug, Default)]
struct When {
    carried: Target,
    inside: Target,
    purpose: Option<String>,
    media: Option<String>,
    body: Vec<(FieldPath, Value)>,
    nth: Option<u64>,
}

/// A method and a path with `*` for any characters.
#[derive(Clone, Debug, Default)]
struct Target {
    method: Option<String>,
    path: Option<String>,
}

impl Target {
    fn fits(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted == method)
            && self.path.as_deref().is_none_or(|pattern| fits(pattern, path))
    }
}

impl When {
    fn fits(&self, message: &Message<'_>) -> bool {
        let Message { header, inside, body } = message;
        let says_inside = self.inside.method.is_some() || self.inside.path.is_some();
        let media = inside.map_or(Some(header.cty.as_str()), |inner| inner.header("content-type"));
        let essence = media.and_then(|media| media.split(';').next()).unwrap_or_default().trim();
        self.carried.fits(&header.m, &header.p)
            && inside.map_or(!says_inside, |inner| self.inside.fits(&inner.method, path_of(inner)))
            && self.purpose.as_deref().is_none_or(|purpose| purpose == header.pur)
            && self.media.as_deref().is_none_or(|media| media.eq_ignore_ascii_case(essence))
            && self.has_body(inside.map_or(body, |inner| &inner.body))
    }

    fn has_body(&self, body: &[u8]) -> bool {
        if self.body.is_empty() {
            return true;
        }
        let Ok(document) = serde_json::from_slice::<Value>(body) else { return false };
        self.body.iter().all(|(path, wanted)| holds(&document, path.segments(), wanted))
    }
}

fn path_of(inner: &Inner) -> &str {
    inner.target.split('?').next().unwrap_or_default()
}

/// An opened message, as the rules see it.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    /// What the envelope says about itself.
    pub(super) header: &'a Header,
    /// The request inside, where there is one.
    pub(super) inside: Option<&'a Inner>,
    /// What was inside.
    pub(super) body: &'a [u8],
}

/// What a mock partner does with a request, after a time.
#[derive(Clone, Debug)]
pub(super) struct Act {
    pub(super) delay: Duration,
    pub(super) deed: Deed,
}

/// What a mock partner does with a request.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    /// Answers it.
    Answer(Answer),
    /// Refuses it with this code, as a receiver does.
    Refuse(Refusal),
    /// Gives no whole answer.
    Break(Break),
}

/// An answer: what it does not say is as without a script.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
    pub(super) receipt: Option<Note>,
    pub(super) reply: Option<Reply>,
    pub(super) is_early: bool,
    /// After so many bytes of the body the connection ends.
    pub(super) cut_after: Option<usize>,
    /// The time before each byte of the body.
    pub(super) drip: Option<Duration>,
}

impl Answer {
    /// Puts what it says in the place of what a reply has.
    pub(super) fn put_into(&self, reply: &mut partner::Reply) {
        reply.status = self.status;
        if let Some(body) = &self.body {
            reply.headers.clear();
            reply.body = body.clone();
        }
        for (name, value) in &self.headers {
            reply.headers.insert(name, value.clone());
        }
    }
}

/// The receipt with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Note {
    Accepted,
    Rejected,
    Deferred,
    None,
    WrongSignature,
    OtherId,
    OtherBytes,
    Garbage,
}

impl Note {
    pub(super) const ALL: [(&'static str, Self); 8] = [
        ("accepted", Self::Accepted),
        ("rejected", Self::Rejected),
        ("deferred", Self::Deferred),
        ("none", Self::None),
        ("wrong-signature", Self::WrongSignature),
        ("other-id", Self::OtherId),
        ("other-bytes", Self::OtherBytes),
        ("garbage", Self::Garbage),
    ];
}

/// How an answer's body goes back to a gateway that offers a key for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// As it is.
    Plain,
    /// Sealed, with a byte changed afterwards.
    Broken,
}

impl Reply {
    pub(super) const ALL: [(&'static str, Self); 2] =
        [("plain", Self::Plain), ("broken", Self::Broken)];
}

/// How a request is left without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Break {
    /// The connection is reset.
    Reset,
    /// Nothing more comes.
    Hang,
    /// The connection is closed before the body is read.
    Close,
    /// What comes is not HTTP.
    Garbage,
}

/// A script as it is played: what has been answered so far decides too.
pub(super) struct Play {
    rules: Vec<Rule>,
    counts: Mutex<Vec<Count>>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    met: u64,
    taken: u64,
}

impl Play {
    pub(super) fn new(script: Script) -> Self {
        let counts = Mutex::new(vec![Count::default(); script.rules.len()]);
        Self { rules: script.rules, counts }
    }

    /// What is done before the body of a request is read, if anything is.
    pub(super) fn at_head(&self, method: &str, path: &str) -> Option<Act> {
        self.take(|rule| rule.is_early() && rule.when.carried.fits(method, path))
    }

    /// What is done with a message that has opened, if a rule says so.
    pub(super) fn at_message(&self, message: &Message<'_>) -> Option<Act> {
        self.take(|rule| !rule.is_early() && rule.when.fits(message))
    }

    /// The first rule that fits and whose turn it is; each that fits has met one more.
    fn take(&self, fits: impl Fn(&Rule) -> bool) -> Option<Act> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = None;
        for (rule, count) in self.rules.iter().zip(&mut *counts).filter(|(rule, _)| fits(rule)) {
            count.met += 1;
            let is_turn = rule.when.nth.is_none_or(|nth| nth == count.met);
            if taken.is_none() && is_turn && count.taken < rule.times {
                count.taken += 1;
                taken = Some(rule.act.clone());
            }
        }
        taken
    }
}

/// Whether a text is one of a pattern, in which `*` stands for any characters.
fn fits(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
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

/// Whether a document has the value at a path, of several at any.
fn holds(value: &Value, path: &[Segment], wanted: &Value) -> bool {
    let Some((first, rest)) = path.split_first() else { return is_same(value, wanted) };
    let below = |value: &Value| holds(value, rest, wanted);
    match first {
        Segment::Name(name) => value.get(name).is_some_and(below),
        Segment::Index(at) => {
            usize::try_from(*at).ok().and_then(|at| value.get(at)).is_some_and(below)
        }
        Segment::Every => value.as_array().is_some_and(|all| all.iter().any(below)),
        Segment::Members => value.as_object().is_some_and(|all| all.values().any(below)),
    }
}

/// Whether two values are the same; 1 and 1.0 are.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || one.as_f64() == other.as_f64()
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests;
