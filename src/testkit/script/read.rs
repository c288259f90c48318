//! Raw values on their way to checked ones; what is wrong is collected, not thrown.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use data_encoding::BASE64;
use toml::Spanned;
use toml::value::Datetime;

use super::raw::{Raw, RawBody, RawCaller, RawEdit, RawMocks, RawStep};
use super::{Act, Change, Edit, Mocked, Script, Step};
use crate::consent::record::Channel;
use crate::demo::world::Role;
use crate::diagnostic::{Diagnostics, Source, Text, text};
use crate::partner::mock;
use crate::store::consents::Withdrawal;
use crate::testkit::setup::role;
use crate::testkit::{Ask, Setup};
use crate::time::Timestamp;
use crate::vocabulary::Name;

impl Script {
    /// Reads a file; `name` is the file as it is spoken of, `folder` where its paths start.
    ///
    /// A request must say what comes of it; with `is_draft` it need not, as where that is yet to be
    /// recorded.
    ///
    /// # Errors
    /// Everything that is wrong with it, each at its line and column with its cure.
    pub fn read(
        name: &str,
        text: &str,
        folder: &Path,
        is_draft: bool,
    ) -> Result<Self, Diagnostics> {
        let source = Source::new(name, text);
        let raw: Raw = toml::from_str(text).map_err(|e| Diagnostics::from_toml(&source, &e))?;
        let names = BTreeSet::new();
        let found = Diagnostics::new();
        let mut check = Check { source, found, folder, is_draft, names, callers: Vec::new() };
        match check.script(raw) {
            Some(script) if !check.found.has_errors() => Ok(script),
            _ => Err(check.found),
        }
    }
}

pub(super) struct Check<'a> {
    source: Arc<Source>,
    found: Diagnostics,
    folder: &'a Path,
    pub(super) is_draft: bool,
    // Those of consents and blocks, of which steps may speak.
    pub(super) names: BTreeSet<String>,
    callers: Vec<String>,
}

impl Check<'_> {
    fn script(&mut self, raw: Raw) -> Option<Script> {
        let time = self.moment(&raw.time);
        let callers: Vec<Role> = raw.caller.iter().map(|caller| self.caller(caller)).collect();
        self.callers = callers.iter().map(|caller| caller.name.clone()).collect();
        let edits = raw.edit.iter().filter_map(|edit| self.edit(edit)).collect();
        let mut consents = self.consents_file(raw.consents_file.as_ref());
        consents.extend(raw.consent.into_iter().filter_map(|consent| self.consent(consent)));
        let blocks = raw.block.into_iter().filter_map(|block| self.block(block)).collect();
        let mocks = self.mocks(raw.mock);
        let steps = self.steps(raw.step);
        let setup = Setup {
            rules: self.folder.join(raw.rules.get_ref()),
            files: BTreeMap::new(),
            time: Some(time?),
            callers,
            limits: limits(&self.source.text),
        };
        let (source, rules) = (Arc::clone(&self.source), raw.rules.span());
        let folder = self.folder.to_owned();
        Some(Script { source, folder, rules, setup, edits, consents, blocks, mocks, steps })
    }

    pub(super) fn error<T>(
        &mut self,
        span: Range<usize>,
        message: impl Into<Text>,
        help: impl Into<Text>,
    ) -> Option<T> {
        self.found.error(&self.source, span, message, help);
        None
    }

    pub(super) fn moment(&mut self, raw: &Spanned<Datetime>) -> Option<Timestamp> {
        Timestamp::parse(&raw.get_ref().to_string()).ok().or_else(|| {
            self.error(
                raw.span(),
                "expected a date with a time and its offset",
                "write it as `2026-11-22T10:00:00+05:00`",
            )
        })
    }

    fn caller(&mut self, raw: &RawCaller) -> Role {
        let name = raw.name.get_ref();
        if Name::parse(name).is_err() || self.callers.contains(name) {
            let help = "give each caller a name of its own, of a-z, 0-9, `-` and `_`";
            self.error::<()>(raw.name.span(), text!("`{}` cannot be its name", name), help);
        }
        self.callers.push(name.clone());
        let usual = role(name);
        let routes = raw.routes.iter().flatten().map(|route| route.get_ref().clone()).collect();
        let certificate = raw.certificate.as_ref().map(|name| name.get_ref().clone());
        Role {
            certificate: certificate.unwrap_or(usual.certificate),
            routes,
            requests_per_minute: raw.requests_per_minute,
            name: usual.name,
        }
    }

    fn edit(&mut self, raw: &RawEdit) -> Option<Edit> {
        let text = |text: &Spanned<String>| text.get_ref().clone();
        let change = match (&raw.from, &raw.to, &raw.text) {
            (Some(from), Some(to), None) => Change::Replace(text(from), text(to)),
            (None, None, Some(whole)) => Change::Text(text(whole)),
            _ => {
                let help = "write `from`, a text that stands once in the file, and `to`, what \
                    takes its place; or `text`, a whole file";
                return self.error(raw.file.span(), "an edit says what is changed", help);
            }
        };
        let file = raw.file.get_ref().clone();
        let is_below = Path::new(&file)
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        if !is_below {
            let help = "write it from the folder of rules: `partners/courses.toml`";
            return self.error(raw.file.span(), "not a file of the rules", help);
        }
        Some(Edit { file, change, span: raw.from.as_ref().unwrap_or(&raw.file).span() })
    }

    fn steps(&mut self, raw: Vec<Spanned<RawStep>>) -> Vec<Step> {
        if raw.is_empty() {
            let help = "write what happens and what must come of it as `[[step]]`";
            self.error::<()>(0..0, "there is no step", help);
        }
        let mut names = BTreeSet::new();
        let mut steps = Vec::new();
        for step in raw {
            let name = &step.get_ref().name;
            if !names.insert(name.get_ref().clone()) {
                let message = text!("a second step `{}`", name.get_ref());
                self.error::<()>(name.span(), message, "give it a name of its own");
            }
            steps.extend(self.step(step));
        }
        steps
    }

    fn step(&mut self, raw: Spanned<RawStep>) -> Option<Step> {
        let mut raw = raw.into_inner();
        let span = raw.name.span();
        let time = match raw.time.take() {
            Some(time) => Some(self.moment(&time)?),
            None => None,
        };
        let expected = self.expected(&mut raw, &span);
        if raw.request.is_none() && !raw.mock.is_empty() {
            let help = "write it in the step with the request, or above the steps for all of them";
            self.error::<()>(span.clone(), "a mock partner answers requests", help);
        }
        let mocks = self.mocks(std::mem::take(&mut raw.mock));
        let act = self.act(&mut raw, &span, time.is_some());
        let name = raw.name.into_inner();
        Some(Step { name, span, time, mocks, act: act?, expected: expected? })
    }

    fn act(&mut self, raw: &mut RawStep, span: &Range<usize>, moves: bool) -> Option<Act> {
        let acts = [
            raw.request.is_some(),
            raw.grant.is_some(),
            raw.withdraw.is_some(),
            raw.block.is_some(),
            raw.lift.is_some(),
        ];
        let number = acts.iter().filter(|is_there| **is_there).count();
        if number > 1 || number == 0 && !moves {
            let help = "write one of `request`, `grant`, `withdraw`, `block` and `lift`, or only a \
                `time` to which the clock is set";
            return self.error(span.clone(), "a step does one thing", help);
        }
        if raw.request.is_none()
            && (raw.body.is_some() || raw.caller.is_some() || !raw.headers.is_empty())
        {
            let help = "write the `request`, as `POST /courses/enrolments`";
            return self.error(
                span.clone(),
                "`caller`, `headers` and `body` are a request's",
                help,
            );
        }
        if let Some(grant) = raw.grant.take() {
            return self.consent(grant).map(Act::Grant);
        }
        if let Some(withdraw) = raw.withdraw.take() {
            let how = Withdrawal {
                channel: withdraw.channel.unwrap_or(Channel::Written),
                scope: withdraw.scope,
                evidence: None,
            };
            return self.named(withdraw.consent).map(|named| Act::Withdraw(named, how));
        }
        if let Some(block) = raw.block.take() {
            return self.block(block).map(Act::Block);
        }
        if let Some(lift) = raw.lift.take() {
            return self.named(lift).map(Act::Lift);
        }
        match raw.request.take() {
            Some(request) => self.ask(&request, raw).map(Act::Ask),
            None => Some(Act::Wait),
        }
    }

    /// Scripts of mock partners: their rules are read as in a file of their own.
    fn mocks(&mut self, raw: RawMocks) -> Vec<Mocked> {
        let mut mocks = Vec::new();
        for (partner, rules) in raw {
            let span = rules.span();
            let rules = rules.into_inner().into_iter().map(toml::Value::Table).collect();
            let script = toml::Table::from_iter([("rule".to_owned(), toml::Value::Array(rules))]);
            let text = toml::to_string(&script).unwrap_or_default();
            if let Err(found) = mock::Script::read(partner.get_ref(), &text, self.folder) {
                for wrong in found.iter() {
                    let (message, help) = (wrong.message.clone(), wrong.help.clone());
                    self.error::<()>(span.clone(), message, help);
                }
            }
            mocks.push(Mocked { partner: partner.into(), text });
        }
        mocks
    }

    fn ask(&mut self, request: &Spanned<String>, raw: &mut RawStep) -> Option<Ask> {
        let (method, path) = match request.get_ref().split_once(' ') {
            Some((method, path)) if path.starts_with('/') => (method, path),
            _ => {
                let help = "write a method and a path: `POST /courses/enrolments`";
                return self.error(request.span(), "not a request", help);
            }
        };
        let mut headers = self.headers(std::mem::take(&mut raw.headers));
        let caller = raw.caller.take();
        if let Some(caller) = &caller
            && !self.callers.contains(caller.get_ref())
        {
            let help = text!("the callers are `{}`", self.callers.join("`, `"));
            let message = text!("there is no caller `{}`", caller.get_ref());
            return self.error(caller.span(), message, help);
        }
        let mut body = Bytes::new();
        if let Some(raw) = raw.body.take() {
            let is_json = raw.get_ref().json.is_some();
            body = self.bytes(raw)?.into();
            if is_json && !headers.iter().any(|(name, _)| name == "content-type") {
                headers.push(("content-type".to_owned(), "application/json".to_owned()));
            }
        }
        Some(Ask {
            caller: caller.map(Spanned::into_inner).unwrap_or_default(),
            method: method.to_owned(),
            path: path.to_owned(),
            headers,
            body,
        })
    }

    fn headers(
        &mut self,
        raw: BTreeMap<Spanned<String>, Spanned<String>>,
    ) -> Vec<(String, String)> {
        let mut headers: Vec<_> = raw.into_iter().collect();
        headers.sort_by_key(|(name, _)| name.span().start);
        let pair = |(name, value): (Spanned<String>, Spanned<String>)| {
            self.lower(&name)?;
            Some((name.into_inner(), value.into_inner()))
        };
        headers.into_iter().filter_map(pair).collect()
    }

    pub(super) fn lower(&mut self, name: &Spanned<String>) -> Option<()> {
        if name.get_ref().bytes().any(|byte| byte.is_ascii_uppercase()) {
            let message = text!("the name `{}` has capital letters", name.get_ref());
            return self.error(name.span(), message, "write names of headers in lower case");
        }
        Some(())
    }

    /// A body as the caller sends it.
    fn bytes(&mut self, raw: Spanned<RawBody>) -> Option<Vec<u8>> {
        let span = raw.span();
        let raw = raw.into_inner();
        self.only_one(&raw, &span)?;
        if let Some(json) = raw.json {
            self.plain_json(&json)?;
            return Some(json.into_inner().into_bytes());
        }
        if let Some(text) = raw.text {
            return Some(text.into_inner().into_bytes());
        }
        if let Some(generated) = raw.generated {
            return self.generated(&generated).map(String::into_bytes);
        }
        if let Some(has) = raw.has {
            let help = "write the whole body as `json`; `has` is for what must come";
            return self.error(has.span(), "a request has a whole body", help);
        }
        self.stored(raw.file.as_ref(), raw.base64.as_ref())
    }

    /// The bytes of a file, or of base64.
    pub(super) fn stored(
        &mut self,
        file: Option<&Spanned<PathBuf>>,
        base64: Option<&Spanned<String>>,
    ) -> Option<Vec<u8>> {
        if let Some(base64) = base64 {
            let compact: String = base64.get_ref().split_ascii_whitespace().collect();
            return BASE64.decode(compact.as_bytes()).ok().or_else(|| {
                self.error(base64.span(), "not base64", "write it with `+`, `/` and `=`")
            });
        }
        self.file(file?)
    }

    pub(super) fn file(&mut self, raw: &Spanned<PathBuf>) -> Option<Vec<u8>> {
        match fs::read(self.folder.join(raw.get_ref())) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                let message = text!("`{}` cannot be read: {}", raw.get_ref().display(), error);
                self.error(raw.span(), message, "paths start at the folder of this file")
            }
        }
    }
}

/// The lines of `[limits]` in a file that was read already.
fn limits(text: &str) -> String {
    let file: toml::Table = toml::from_str(text).unwrap_or_default();
    let limits = file.get("limits").and_then(toml::Value::as_table);
    limits.and_then(|limits| toml::to_string(limits).ok()).unwrap_or_default()
}
