//! The cases of partners' files: each is rehearsed, and what came is held against what it says.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use memchr::memmem;

use super::difference::{Form, Line, arrival, departure};
use super::{Body, Ending, Head, Rehearsal, Rehearsed, boundary, rehearse};
use crate::consent::Terms;
use crate::diagnostic::{Diagnostic, Severity, Source, Text, text};
use crate::document::{BadDocument, Content, Document, Limits, Syntax};
use crate::policy::case::CaseText;
use crate::policy::{Case, Partner, Policy, Route};
use crate::reason::Reason;
use crate::vocabulary::Name;

/// A case that was tried.
#[derive(Debug)]
pub struct Trial<'p> {
    /// The partner.
    pub partner: &'p Arc<Partner>,
    /// The partner's file.
    pub source: Arc<Source>,
    /// The case.
    pub case: &'p Case,
    /// What came.
    pub rehearsed: Rehearsed,
    /// Where that is not what the case says.
    pub differences: Vec<Difference>,
}

/// Something that a case says and that did not come.
#[derive(Debug)]
pub struct Difference {
    /// What differs.
    pub aspect: Aspect,
    /// The place in the case, and what came.
    pub diagnostic: Diagnostic,
    /// Where another body leaves: some lines of both, or of the one that should not leave.
    pub lines: Vec<Line>,
}

/// A part of what a case says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// A body that cannot be read, so that the case says nothing.
    Form,
    /// Whether something leaves.
    Decision,
    /// The reasons.
    Reasons,
    /// What leaves.
    Sent,
}

/// Tries every case of every partner, in the order of the files.
#[must_use]
pub fn trials<'p>(policy: &'p Arc<Policy>, limits: &Limits) -> Vec<Trial<'p>> {
    let mut trials = Vec::new();
    for partner in policy.partners.values() {
        let source = policy.source_of(partner);
        let tried = partner.cases.iter().map(|case| {
            let rehearsed = rehearsed(policy, case, limits);
            let held = Held { case, source: &source, limits };
            let route = partner.routes.iter().find(|route| route.name == case.route);
            let differences = held.against(&rehearsed, route.map(|route| &**route));
            Trial { partner, source: Arc::clone(&source), case, rehearsed, differences }
        });
        trials.extend(tried);
    }
    trials
}

fn rehearsed(policy: &Arc<Policy>, case: &Case, limits: &Limits) -> Rehearsed {
    let purpose = case.purpose.map(|purpose| purpose.to_string());
    let consents = |subject: &str| -> Vec<Terms> {
        let given = case.consents.iter().filter(|consent| consent.subject == subject);
        given.map(|consent| consent.terms.clone()).collect()
    };
    let rehearsal = Rehearsal {
        route: &case.route,
        purpose: purpose.as_deref(),
        legal_request: case.legal_request.as_ref().map(Name::as_str),
        head: &case.head,
        body: match case.transfer.file {
            Some(_) => Body::Sent(&case.transfer.bytes),
            None => Body::Text(&case.transfer.bytes),
        },
        consents: &consents,
        blocks: &case.blocks,
        now: case.time,
        limits,
    };
    rehearse(policy, &rehearsal)
}

/// What a case says, to be held against what came.
struct Held<'a> {
    case: &'a Case,
    source: &'a Arc<Source>,
    limits: &'a Limits,
}

impl Held<'_> {
    fn against(&self, came: &Rehearsed, route: Option<&Route>) -> Vec<Difference> {
        if let Some(unread) = self.unread(came, route) {
            return vec![unread];
        }
        let mut differences = Vec::new();
        differences.extend(self.decision(came, route).or_else(|| self.reasons(came)));
        differences.extend(self.sent(came, route));
        differences.extend(self.request(came));
        differences
    }

    /// The place at which the transfer could not be read, unless that is what the case shows.
    fn unread(&self, came: &Rehearsed, route: Option<&Route>) -> Option<Difference> {
        let Ending::Refused(refused) = &came.ending else { return None };
        let is_meant = self.case.expected.reasons.contains(&refused.reason);
        let transfer = &self.case.transfer;
        let bad = self.bad(transfer, &self.case.head, route?).filter(|_| !is_meant)?;
        let values = vec![Text::value(&self.case.name), bad.fault.into()];
        let message = Text::Template("the transfer of the case `{}` cannot be read: {}", values);
        Some(self.form(transfer, &bad, message))
    }

    fn decision(&self, came: &Rehearsed, route: Option<&Route>) -> Option<Difference> {
        let name = &self.case.name;
        let (message, help) = match (self.case.expected.is_allowed, came.sent()) {
            (true, Some(_)) | (false, None) => return None,
            (true, None) => {
                let codes = quoted(&came.reasons());
                let message = text!("the case `{}` differs: it is refused: {}", name, codes);
                let help = "mend the rules, or the case's transfer and consents; if the refusal is \
                    right, write `decision = \"refused\"` and its `reasons`";
                (message, help)
            }
            (false, Some(_)) => {
                let help = "mend the rules, or the case's transfer and consents; if something may \
                    leave, write `decision = \"allowed\"` and what is `sent`";
                (text!("the case `{}` differs: something leaves", name), help)
            }
        };
        let place = self.case.expected.decision_span.clone();
        let form = route.map_or(Form::Lines, form);
        let lines = came.sent().map(|sent| arrival(form, &String::from_utf8_lossy(sent)));
        let difference = self.difference(Aspect::Decision, place, message, help);
        Some(Difference { lines: lines.unwrap_or_default(), ..difference })
    }

    fn reasons(&self, came: &Rehearsed) -> Option<Difference> {
        let expected = &self.case.expected;
        let reasons = came.reasons();
        if reasons == expected.reasons {
            return None;
        }
        let name = &self.case.name;
        let message = if reasons.is_empty() {
            text!("the case `{}` differs: there is no reason", name)
        } else {
            text!("the case `{}` differs: the reasons are {}", name, quoted(&reasons))
        };
        let codes: Vec<String> = reasons.iter().map(|code| format!("\"{code}\"")).collect();
        let help = text!(
            "mend the rules, or the case's transfer and consents; if this is right, write \
             `reasons = [{}]`",
            codes.join(", ")
        );
        let place = expected.reasons_span.clone();
        let place = place.unwrap_or_else(|| expected.decision_span.clone());
        Some(self.difference(Aspect::Reasons, place, message, help))
    }

    fn sent(&self, came: &Rehearsed, route: Option<&Route>) -> Option<Difference> {
        let expected = self.case.expected.sent.as_ref()?;
        let name = &self.case.name;
        let (route, came) = (route?, came.sent()?);
        if let Some(bad) = self.bad(expected, &Head::default(), route) {
            let values = vec![Text::value(name), bad.fault.into()];
            let message =
                Text::Template("what the case `{}` says is sent cannot be read: {}", values);
            return Some(self.form(expected, &bad, message));
        }
        let came = &divided_as(&expected.bytes, came, route);
        if expected.bytes == **came {
            return None;
        }
        let ours = String::from_utf8_lossy(&expected.bytes);
        let departure = departure(form(route), &ours, &String::from_utf8_lossy(came));
        let (bytes, message, lines) = match departure {
            Some(found) => {
                let message = text!(
                    "the case `{}` differs: something else leaves, first at `{}`",
                    name,
                    found.path
                );
                (found.expected, message, found.lines)
            }
            None if is_text(&expected.bytes) && is_text(came) => return None,
            None => (0..0, text!("the case `{}` differs: other bytes leave", name), Vec::new()),
        };
        let (source, span) = expected.place(self.source, bytes);
        let help = "below, `-` is what the case says and `+` what leaves";
        let diagnostic = diagnostic(&source, span, message, help);
        Some(Difference { aspect: Aspect::Sent, diagnostic, lines })
    }

    /// Where another request is sealed than the case says.
    fn request(&self, came: &Rehearsed) -> Option<Difference> {
        let (expected, span) = self.case.expected.request.as_ref()?;
        let came = came.request()?;
        if came == *expected {
            return None;
        }
        let name = &self.case.name;
        let message = text!("the case `{}` differs: another request is sealed: `{}`", name, came);
        let help = "mend the rules, or the case's `path` and `query`; if this is right, write it \
            as `sent_request`";
        Some(self.difference(Aspect::Sent, span.clone(), message, help))
    }

    fn bad(&self, text: &CaseText, head: &Head, route: &Route) -> Option<BadDocument> {
        let shape = Arc::clone(&route.shape);
        let path = head.path.as_deref().and_then(|path| route.template.values(path));
        let content = Content {
            path: path.unwrap_or_default(),
            query: head.query.clone(),
            headers: head.headers.clone(),
            boundary: boundary(route, &text.bytes),
            charset: None,
            body: text.bytes.clone(),
        };
        Document::parse(content, shape, self.limits).err()
    }

    fn form(&self, text: &CaseText, bad: &BadDocument, message: Text) -> Difference {
        let (source, span) = text.place(self.source, bad.offset..bad.offset);
        let diagnostic = diagnostic(&source, span, message, "mend it here");
        Difference { aspect: Aspect::Form, diagnostic, lines: Vec::new() }
    }

    fn difference(
        &self,
        aspect: Aspect,
        span: Range<usize>,
        message: Text,
        help: impl Into<Text>,
    ) -> Difference {
        let diagnostic = diagnostic(self.source, span, message, help);
        Difference { aspect, diagnostic, lines: Vec::new() }
    }
}

/// What came, with the boundary of what was expected: none says more than another.
fn divided_as<'c>(expected: &[u8], came: &'c [u8], route: &Route) -> Cow<'c, [u8]> {
    match (boundary(route, expected), boundary(route, came)) {
        (Some(ours), Some(theirs)) if ours != theirs => {
            let (ours, theirs) = (format!("--{ours}"), format!("--{theirs}"));
            let mut bytes = Vec::with_capacity(came.len());
            let mut rest = came;
            while let Some(at) = memmem::find(rest, theirs.as_bytes()) {
                let (before, after) = rest.split_at_checked(at).unwrap_or((rest, &[]));
                bytes.extend_from_slice(before);
                bytes.extend_from_slice(ours.as_bytes());
                rest = after.get(theirs.len()..).unwrap_or_default();
            }
            bytes.extend_from_slice(rest);
            bytes.into()
        }
        _ => came.into(),
    }
}

/// How what leaves on a route is compared.
fn form(route: &Route) -> Form {
    match route.shape.syntax() {
        Syntax::Json | Syntax::Ndjson => Form::Json,
        Syntax::Xml(_) => Form::Xml,
        Syntax::Csv(_)
        | Syntax::Form
        | Syntax::Multipart(_)
        | Syntax::Text
        | Syntax::Opaque(_)
        | Syntax::Empty => Form::Lines,
    }
}

fn is_text(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).is_ok()
}

fn diagnostic(
    source: &Arc<Source>,
    span: Range<usize>,
    message: Text,
    help: impl Into<Text>,
) -> Diagnostic {
    let (source, help) = (Arc::clone(source), help.into());
    Diagnostic { severity: Severity::Error, source, span, message, help }
}

fn quoted(reasons: &BTreeSet<Reason>) -> String {
    let codes: Vec<String> = reasons.iter().map(|reason| format!("`{reason}`")).collect();
    codes.join(", ")
}
