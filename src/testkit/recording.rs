//! What went through a kit or a demonstration, as a file of steps that says what came.
//!
//! Ids, hashes and keys are written as places that stand for them, all else as it came; an id that
//! comes more than once in a step has a name. The clock of what is recorded must stand still.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use data_encoding::BASE64;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE};
use serde_json::Value;
use uuid::Uuid;

use super::sent::inside;
use super::{Sent, pattern};
use crate::consent::record::Scope;
use crate::demo::world::Role;
use crate::partner::mock::Received;
use crate::store::NewBlock;
use crate::store::consents::Withdrawal;
use crate::time::Timestamp;

/// A recording under way.
#[derive(Debug)]
pub struct Recording {
    rules: PathBuf,
    files: BTreeMap<String, String>,
    limits: String,
    callers: Vec<Role>,
    start: Timestamp,
    now: Timestamp,
    told: Timestamp,
    first: String,
    steps: String,
    names: BTreeSet<String>,
    next: Option<String>,
    blocks: BTreeMap<Uuid, String>,
    playing: BTreeMap<String, toml::Value>,
}

impl Recording {
    /// A recording of nothing yet, with the rules of a folder, those who send, and the clock.
    #[must_use]
    pub fn new(rules: &Path, callers: &[Role], time: Timestamp) -> Self {
        Self {
            rules: rules.to_owned(),
            files: BTreeMap::new(),
            limits: String::new(),
            callers: callers.to_vec(),
            start: time,
            now: time,
            told: time,
            first: String::new(),
            steps: String::new(),
            names: BTreeSet::new(),
            next: None,
            blocks: BTreeMap::new(),
            playing: BTreeMap::new(),
        }
    }

    /// With changed files of the rules, and lines of `[limits]`.
    pub(super) fn with(self, files: &BTreeMap<String, String>, limits: &str) -> Self {
        Self { files: files.clone(), limits: limits.to_owned(), ..self }
    }

    /// Notes what the next step is called.
    pub fn name(&mut self, name: &str) {
        self.next = Some(name.to_owned());
    }

    /// Notes that the clock was set.
    pub fn time(&mut self, time: Timestamp) {
        self.now = time;
    }

    /// Notes a consent that was handed in whole.
    pub fn grant(&mut self, record: &str) {
        let record = quoted(record);
        if self.steps.is_empty() {
            self.next = None;
            self.first.extend(["\n[[consent]]\njson = ", &record, "\n"]);
        } else {
            self.step("a consent is given", &format!("grant.json = {record}\n"));
        }
    }

    /// Notes a withdrawal.
    pub fn withdraw(&mut self, record: Uuid, how: &Withdrawal) {
        let mut text = format!("withdraw = {{ consent = \"{record}\"");
        // Writing to a string cannot fail.
        let _ = write!(text, ", channel = {}", word(&how.channel));
        if let Some(scope) = how.scope.filter(|scope| *scope != Scope::All) {
            let _ = write!(text, ", scope = {}", word(&scope));
        }
        self.step("a consent is withdrawn", &(text + " }\n"));
    }

    /// Notes a block.
    pub fn block(&mut self, id: Uuid, block: &NewBlock) {
        let name = format!("block-{}", self.blocks.len() + 1);
        let mut keys = vec![format!("name = \"{name}\"")];
        if let Some(subject) = &block.subject {
            keys.push(format!("scheme = \"{}\"", subject.scheme));
            keys.push(format!("subject = {}", quoted(&subject.id)));
        }
        keys.extend(block.partner.as_ref().map(|partner| format!("partner = \"{partner}\"")));
        keys.extend(block.purpose.as_ref().map(|purpose| format!("purpose = \"{purpose}\"")));
        keys.push(format!("document = {}", quoted(&block.document)));
        self.blocks.insert(id, name);
        if self.steps.is_empty() {
            self.next = None;
            self.first.extend(["\n[[block]]\n", &keys.join("\n"), "\n"]);
        } else {
            self.step("transfers are blocked", &format!("block = {{ {} }}\n", keys.join(", ")));
        }
    }

    /// Notes that a block was lifted.
    pub fn lift(&mut self, block: Uuid) {
        let name = self.blocks.get(&block).cloned().unwrap_or_else(|| block.to_string());
        self.step("a block is lifted", &format!("lift = \"{name}\"\n"));
    }

    /// Notes by which rules a mock partner answers from now on.
    pub fn play(&mut self, partner: &str, rules: toml::Value) {
        if rules.as_array().is_some_and(Vec::is_empty) {
            self.playing.remove(partner);
        } else {
            self.playing.insert(partner.to_owned(), rules);
        }
    }

    /// Notes a request and all that came of it.
    pub fn sent(&mut self, sent: &Sent) {
        let mut text = String::new();
        for (partner, rules) in &self.playing {
            text.extend(["mock.", &key(partner), " = ", &rules.to_string(), "\n"]);
        }
        text.push_str(&Told::of(sent).step());
        self.step(&format!("{} {}", sent.ask.method, sent.ask.path), &text);
    }

    fn step(&mut self, usual: &str, text: &str) {
        let base = self.next.take().unwrap_or_else(|| usual.to_owned());
        let mut name = base.clone();
        let mut number = 1;
        while !self.names.insert(name.clone()) {
            number += 1;
            name = format!("{base} ({number})");
        }
        self.steps.extend(["\n[[step]]\nname = ", &quoted(&name), "\n"]);
        if self.told != self.now {
            // Writing to a string cannot fail.
            let _ = writeln!(self.steps, "time = {}", self.now);
            self.told = self.now;
        }
        self.steps.push_str(text);
    }

    /// The text of a file at a path, from whose folder the rules are named.
    #[must_use]
    pub fn text(&self, file: &Path) -> String {
        let rules = relative(file.parent().unwrap_or(Path::new("")), &self.rules);
        let rules = quoted(&rules.to_string_lossy());
        let mut text = format!("# Recorded by otkel.\nrules = {rules}\ntime = {}\n", self.start);
        if !self.limits.is_empty() {
            text.extend(["\n[limits]\n", self.limits.trim_end(), "\n"]);
        }
        for (file, whole) in &self.files {
            let (file, whole) = (quoted(file), quoted(whole));
            text.extend(["\n[[edit]]\nfile = ", &file, "\ntext = ", &whole, "\n"]);
        }
        for caller in &self.callers {
            let routes: Vec<String> = caller.routes.iter().map(|name| quoted(name)).collect();
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\n[[caller]]\nname = {}\ncertificate = {}\nroutes = [\n    {},\n]\n",
                quoted(&caller.name),
                quoted(&caller.certificate),
                routes.join(",\n    ")
            );
            if let Some(requests) = caller.requests_per_minute {
                let _ = writeln!(text, "requests_per_minute = {requests}");
            }
        }
        text + &self.first + &self.steps
    }
}

/// A request and what came of it, while it is told.
struct Told<'s> {
    sent: &'s Sent,
    // Ids that come more than once, with their names.
    ids: BTreeMap<String, String>,
}

impl<'s> Told<'s> {
    fn of(sent: &'s Sent) -> Self {
        let mut counts: Vec<(String, usize)> = Vec::new();
        let mut count = |text: &str| {
            for (_, id) in ids_in(text) {
                match counts.iter_mut().find(|(known, _)| known == id) {
                    Some((_, number)) => *number += 1,
                    None => counts.push((id.to_owned(), 1)),
                }
            }
        };
        for value in sent.headers.values() {
            count(&String::from_utf8_lossy(value.as_bytes()));
        }
        count(&String::from_utf8_lossy(&sent.body));
        for (_, received) in &sent.received {
            count(&serde_json::to_string(&received.header).unwrap_or_default());
            count(&String::from_utf8_lossy(&inside(received)));
        }
        sent.entries.iter().for_each(|entry| count(&entry.to_string()));
        let again = counts.into_iter().filter(|(_, number)| *number > 1).enumerate();
        let ids = again.map(|(n, (id, _))| (id, format!("id{}", n + 1))).collect();
        Self { sent, ids }
    }

    fn step(&self) -> String {
        let ask = &self.sent.ask;
        let mut text = format!(
            "caller = {}\nrequest = {}\n",
            quoted(&ask.caller),
            quoted(&format!("{} {}", ask.method, ask.path))
        );
        let (is_json, body) = plain_body(ask);
        let is_implied = |name: &str, value: &str| {
            is_json && name == CONTENT_TYPE && value == "application/json"
        };
        for (name, value) in ask.headers.iter().filter(|(name, value)| !is_implied(name, value)) {
            text.extend(["headers.", &key(name), " = ", &quoted(value), "\n"]);
        }
        text.push_str(&body);
        self.answer(&mut text);
        match self.sent.refusal().and_then(|code| self.refused(code)) {
            Some(refused) => text.push_str(&refused),
            None if self.sent.received.is_empty() => text.push_str("received = []\n"),
            None => {}
        }
        // Writing to a string cannot fail.
        let _ = writeln!(text, "records = {}", self.sent.entries.len());
        for (partner, received) in &self.sent.received {
            self.received(partner, received, &mut text);
        }
        for entry in &self.sent.entries {
            let whole = format!("{:#}\n", self.value(entry));
            let whole = quoted(&whole);
            text.extend(["[[step.record]]\njson = ", &whole, "\n"]);
        }
        text
    }

    fn answer(&self, text: &mut String) {
        let sent = self.sent;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "answer.status = {}", sent.status);
        for (name, value) in &sent.headers {
            if ![DATE, CONTENT_LENGTH].contains(name) {
                let value = self.text(&String::from_utf8_lossy(value.as_bytes()));
                text.extend(["answer.headers.", &key(name.as_str()), " = ", &quoted(&value)]);
                text.push('\n');
            }
        }
        text.push_str(&self.body("answer.", &sent.body));
    }

    fn refused(&self, code: &str) -> Option<String> {
        let problem = self.sent.json();
        if !self.sent.received.is_empty() || problem.get("code")?.as_str()? != code {
            return None;
        }
        let mut text = format!("refused.code = \"{code}\"\n");
        for name in ["clause", "place"] {
            if let Some(value) = problem.get(name).and_then(Value::as_str) {
                text.extend(["refused.", name, " = ", &quoted(&self.text(value)), "\n"]);
            }
        }
        for (code, number) in
            problem.get("subjects").and_then(Value::as_object).into_iter().flatten()
        {
            text.extend(["refused.subjects.", code, " = ", &number.to_string(), "\n"]);
        }
        Some(text)
    }

    fn received(&self, partner: &str, received: &Received, text: &mut String) {
        let header = &received.header;
        text.extend(["[[step.received]]\npartner = ", &quoted(partner), "\n"]);
        text.extend(["purpose = ", &quoted(&pattern::escaped(&header.pur)), "\n"]);
        if let Some(expires) = Timestamp::from_seconds(header.exp) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "expires = {expires}\nonward = {}", header.onw);
        }
        if let Some(request) = received.request() {
            let line = pattern::escaped(&format!("{} {}", request.method, request.target));
            text.extend(["request = ", &quoted(&line), "\n"]);
            for (name, value) in &request.headers {
                text.extend(["headers.", &key(name), " = ", &quoted(&self.text(value)), "\n"]);
            }
        } else {
            text.extend(["media = ", &quoted(&self.text(&header.cty)), "\n"]);
        }
        text.push_str(&self.body("", &inside(received)));
    }

    /// An expected body, in the way that shows it best.
    fn body(&self, before: &str, body: &[u8]) -> String {
        let line = |how: &str, text: &str| format!("{before}body.{how} = {}\n", quoted(text));
        let Ok(text) = str::from_utf8(body) else { return line("base64", &BASE64.encode(body)) };
        if text.is_empty() {
            return line("text", "");
        }
        let is_json = serde_json::from_str::<Value>(text).is_ok();
        if is_json && (text.starts_with('{') || text.starts_with('[')) {
            return line("json", &self.text(text));
        }
        line("text", &self.text(text))
    }

    fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.text(text).into(),
            Value::Array(all) => all.iter().map(|value| self.value(value)).collect(),
            Value::Object(members) => {
                let member = |(name, value): (&String, &Value)| {
                    let place = place_of(name, value);
                    (name.clone(), place.unwrap_or_else(|| self.value(value)))
                };
                Value::Object(members.iter().map(member).collect())
            }
            _ => value.clone(),
        }
    }

    /// A text with places for ids, hashes and what is sealed.
    fn text(&self, text: &str) -> String {
        let mut told = String::new();
        let mut rest = text;
        while let Some((start, word, place)) = self.next_place(rest) {
            told.push_str(&pattern::escaped(rest.get(..start).unwrap_or_default()));
            told.push_str(&place);
            rest = rest.get(start + word..).unwrap_or_default();
        }
        told + &pattern::escaped(rest)
    }

    /// The next word that differs from run to run: where it is, how long, and what stands for it.
    fn next_place(&self, text: &str) -> Option<(usize, usize, String)> {
        let mut at = 0;
        for word in text.split(|c: char| !is_of_word(c)) {
            let start = at;
            // What splits may be longer than one byte.
            at = start + word.len();
            at += text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
            let place = if let Some(name) = self.ids.get(word) {
                Some(format!("{{{{uuid {name}}}}}"))
            } else if is_id(word) {
                Some("{{uuid}}".to_owned())
            } else if word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit()) {
                Some("{{hash}}".to_owned())
            } else if word.starts_with("T1RLM") && word.len() > SEALED_LEAST {
                Some("{{base64}}".to_owned())
            } else {
                None
            };
            if let Some(place) = place {
                return Some((start, word.len(), place));
            }
        }
        None
    }
}

/// What stands for a member of an entry that differs from run to run whatever its value.
fn place_of(name: &str, value: &Value) -> Option<Value> {
    match (name, value) {
        ("seq" | "of" | "bytes" | "snapshot", Value::Number(_)) => Some("{{number}}".into()),
        ("kid" | "subject" | "tag", Value::String(_)) => Some("{{base64}}".into()),
        ("kids", Value::Array(all)) => Some(all.iter().map(|_| "{{base64}}").collect()),
        ("jws", Value::String(_)) => Some("{{jws}}".into()),
        _ => None,
    }
}

/// The body of a request, and whether that is JSON.
fn plain_body(ask: &super::Ask) -> (bool, String) {
    let is_said = |media: &str| {
        ask.headers.iter().any(|(name, value)| CONTENT_TYPE == name.as_str() && value == media)
    };
    match str::from_utf8(&ask.body) {
        Ok("") => (false, String::new()),
        Ok(text) if is_said("application/json") && serde_json::from_str::<Value>(text).is_ok() => {
            (true, format!("body.json = {}\n", quoted(text)))
        }
        Ok(text) => (false, format!("body.text = {}\n", quoted(text))),
        Err(_) => (false, format!("body.base64 = \"{}\"\n", BASE64.encode(&ask.body))),
    }
}

fn ids_in(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let words = text.split(|c: char| !is_of_word(c));
    words.filter(|word| is_id(word)).map(|word| (0, word))
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// Whether it is an id that the program made, not one of a test's own records.
fn is_id(word: &str) -> bool {
    word.len() == 36 && Uuid::parse_str(word).is_ok() && !word.starts_with("01920000-0000-")
}

/// A word of a closed list, as serde writes it.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A key of TOML.
fn key(name: &str) -> String {
    if !name.is_empty() && name.chars().all(is_of_word) { name.to_owned() } else { quoted(name) }
}

/// A string of TOML, in the way that is read best.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| !c.is_control() || c == '\t';
    if text.chars().all(|c| is_plain(c) || c == '\n') && !text.contains("'''") {
        let is_line = text.chars().all(is_plain) && !text.contains('\'');
        if is_line {
            return if text.contains('"') || text.contains('\\') {
                format!("'{text}'")
            } else {
                format!("\"{text}\"")
            };
        }
        if !text.ends_with('\'') {
            return format!("'''\n{text}'''");
        }
    }
    toml::Value::String(text.to_owned()).to_string()
}

/// A path from a folder, where both are there; else as it is.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let from = if from.as_os_str().is_empty() { Path::new(".") } else { from };
    let (Ok(from), Ok(to)) = (from.canonicalize(), to.canonicalize()) else {
        return to.to_owned();
    };
    let (mut ours, mut theirs) = (from.components().peekable(), to.components().peekable());
    while ours.peek().is_some() && ours.peek() == theirs.peek() {
        ours.next();
        theirs.next();
    }
    let up = ours.map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(theirs).collect();
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path }
}

/// A value sealed to somebody is longer than this.
const SEALED_LEAST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_quoted_so_that_toml_reads_it_back() {
        for text in [
            "",
            "plain",
            "a \"b\" \\c",
            "it's",
            "two\nlines",
            "\n",
            "\nfirst",
            "ends with '",
            "'''",
            "a\r\nb",
            "\u{0}\u{7f}\u{1b}",
            "tab\tқала",
            "'",
            "''\n",
        ] {
            let read: toml::Table = toml::from_str(&format!("a = {}", quoted(text))).unwrap();
            assert_eq!(read["a"].as_str(), Some(text), "{}", quoted(text));
        }
    }

    #[test]
    fn rules_are_named_from_the_folder_of_the_file() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let to = |from: &str| relative(&root.join(from), &root.join("policies"));
        assert_eq!(to(""), Path::new("policies"));
        assert_eq!(to("src"), Path::new("../policies"));
        assert_eq!(to("src/testkit"), Path::new("../../policies"));
        assert_eq!(to("policies"), Path::new("."));
        assert_eq!(relative(root, Path::new("nowhere")), Path::new("nowhere"));
    }
}
