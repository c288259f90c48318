//! `[[case]]`: a transfer and what must come out of it. The form of its bodies is not checked here.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::consent;
use super::register::Parts;
use super::table::{Item, Table};
use super::word;
use crate::consent::block;
use crate::diagnostic::{nearest, text};
use crate::document::Syntax;
use crate::policy::Route;
use crate::policy::case::{Block, Case, CaseText, Expected, Head};
use crate::reason::Reason;
use crate::vocabulary::{Name, PurposeId};

/// The partner around a case, as far as it could be read.
pub(super) struct Frame<'p> {
    /// The partner's name.
    pub(super) partner: &'p Name,
    /// Its routes.
    pub(super) routes: Option<&'p [Arc<Route>]>,
    /// The register.
    pub(super) register: &'p Parts,
    /// The names of all partners.
    pub(super) partners: &'p BTreeSet<Name>,
    /// The files below `cases/`, by their path.
    pub(super) files: &'p BTreeMap<&'p str, &'p [u8]>,
}

/// Reads the cases of a partner.
pub(super) fn read_all(table: &mut Table<'_>, frame: &Frame<'_>) -> Option<Vec<Case>> {
    table.or(Vec::new(), "case", "cases are written as `[[case]]`", |item| {
        let mut names = BTreeSet::new();
        item.list(|item| item.table(|table| read(table, frame, &mut names)))
    })
}

fn read(table: &mut Table<'_>, frame: &Frame<'_>, names: &mut BTreeSet<String>) -> Option<Case> {
    let name = table.required("name", "`name` says what the case shows", |item| {
        let name = word::text(item)?;
        if names.insert(name.clone()) {
            Some(name)
        } else {
            item.wrong_since(text!("a second case `{}`", name), "give it a name of its own")
        }
    });
    let route = route(table, frame);
    let purpose = table.optional(
        "purpose",
        "`purpose` is what the caller names in `Otkel-Purpose`; leave it out where the route \
         serves one",
        |item| registered(item, frame.register),
    );
    let legal_request = table.optional(
        "legal_request",
        "`legal_request` is what the caller names in `Otkel-Legal-Request`",
        word::name,
    );
    let time = table.required(
        "time",
        "`time` is when the transfer is made: `2026-11-22T10:00:00+05:00`",
        word::moment,
    );
    let head = head(table, route);
    let bodies = Bodies { route, frame };
    let transfer = bodies.read(table, ("transfer", "transfer_file"), TRANSFER_MEANING, true);
    let expected = expected(table, &bodies);
    let around = consent::Around { frame, route, purpose: purpose.flatten(), time };
    let consents = consent::read_all(table, &around);
    let blocks = blocks(table, frame);
    Some(Case {
        name: name?,
        route: route?.name.clone(),
        purpose: purpose?,
        legal_request: legal_request?,
        time: time?,
        head: head?,
        transfer: transfer?.unwrap_or_else(|| CaseText::empty(table.span())),
        consents: consents?,
        blocks: blocks?,
        expected: expected?,
        span: table.span(),
    })
}

fn route<'p>(table: &mut Table<'_>, frame: &Frame<'p>) -> Option<&'p Route> {
    table.required("route", "`route` names one of the partner's routes", |item| {
        let own = word::own_name(item)?;
        let full = format!("{}.{own}", frame.partner);
        let route = frame.routes?.iter().find(|route| route.name.as_str() == full);
        route.map_or_else(
            || item.wrong(text!("the partner has no route `{}`", own)),
            |route| Some(&**route),
        )
    })
}

/// A purpose of the register.
pub(super) fn registered(item: &Item<'_>, register: &Parts) -> Option<PurposeId> {
    let id = word::purpose(item)?;
    if register.purposes().is_some_and(|known| !known.contains_key(&id)) {
        return item.wrong(text!("the register has no purpose `{}`", id));
    }
    Some(id)
}

/// Reads what stands before the body.
fn head(table: &mut Table<'_>, route: Option<&Route>) -> Option<Head> {
    let path = path(table, route);
    let query = table.optional("query", "`query` is the request's query, without `?`", |item| {
        let text = item.text()?;
        if text.starts_with('?') {
            return item.wrong_since("a query without its `?` stands here", "remove the `?`");
        }
        Some(text.to_owned())
    });
    let meaning = "`headers = { name = \"value\" }` are headers that the caller sends, their names \
        in lower case";
    let headers = table.or(Vec::new(), "headers", meaning, |item| {
        item.entries(|key, value| {
            if key.text != key.text.to_ascii_lowercase() {
                return key.wrong(text!("the name `{}` has capital letters", key.text), meaning);
            }
            Some((key.text.to_owned(), word::text(value)?))
        })
    });
    Some(Head { path: path?, query: query?, headers: headers? })
}

/// The path of the request, which must be one of the route's.
fn path(table: &mut Table<'_>, route: Option<&Route>) -> Option<Option<String>> {
    let meaning = "`path` is the request's path, with a value in each place of the route's path";
    let read = |item: &Item<'_>| {
        let text = item.text()?;
        match route {
            Some(route) if route.template.values(text).is_none() => item.wrong_since(
                text!("`{}` is no path of this route", text),
                text!("its path is `{}`", &route.path),
            ),
            _ => Some(text.to_owned()),
        }
    };
    if route.is_some_and(|route| route.template.names().next().is_some()) {
        return table.required("path", meaning, read).map(Some);
    }
    table.optional("path", meaning, read)
}

/// How the bodies of a case are read.
struct Bodies<'a, 'p> {
    route: Option<&'a Route>,
    frame: &'a Frame<'p>,
}

impl Bodies<'_, '_> {
    fn syntax(&self) -> Option<&Syntax> {
        self.route.map(|route| route.shape.syntax())
    }

    /// Whether the route takes no body.
    fn is_without(&self) -> bool {
        matches!(self.syntax(), Some(Syntax::Empty))
    }

    /// Reads a body that stands in the file, or in one of its own.
    fn read(
        &self,
        table: &mut Table<'_>,
        (own_key, file_key): (&'static str, &'static str),
        meaning: &'static str,
        is_needed: bool,
    ) -> Option<Option<CaseText>> {
        let from_file = table.optional(file_key, meaning, |item| file(item, self.frame.files));
        let is_alone = matches!(from_file, Some(None));
        let read = |item: &Item<'_>| {
            let text = item.text()?;
            if !is_alone {
                return item.wrong_since(
                    text!("`{}` stands beside `{}`", own_key, file_key),
                    "keep one of the two",
                );
            }
            Some(CaseText { bytes: self.written(text), file: None, span: item.span() })
        };
        let own = if is_alone && is_needed && !self.is_without() {
            table.required(own_key, meaning, read).map(Some)
        } else {
            table.optional(own_key, meaning, read)
        };
        let (own, from_file) = (own?, from_file?);
        let body = own.or(from_file);
        match &body {
            Some(body) if self.is_without() => table.wrong_at(
                body.span.clone(),
                text!("a body, but the route takes none: `{}`", own_key),
                "remove it",
            ),
            _ => Some(body),
        }
    }

    /// A text as the caller sends it: the lines of multipart bodies end in CR LF (RFC 2046), which
    /// no editor of rule files writes.
    fn written(&self, text: &str) -> Bytes {
        match self.syntax() {
            Some(Syntax::Multipart(_)) => text.replace("\r\n", "\n").replace('\n', "\r\n").into(),
            _ => Bytes::copy_from_slice(text.as_bytes()),
        }
    }
}

fn file(item: &Item<'_>, files: &BTreeMap<&str, &[u8]>) -> Option<CaseText> {
    let path = item.text()?;
    match files.get(path) {
        Some(bytes) => Some(CaseText {
            bytes: Bytes::copy_from_slice(bytes),
            file: Some(path.to_owned()),
            span: item.span(),
        }),
        None => item.wrong_since(
            text!("there is no file `{}`", path),
            "the path is written from the folder of the rules: `cases/one.json`",
        ),
    }
}

fn expected(table: &mut Table<'_>, bodies: &Bodies<'_, '_>) -> Option<Expected> {
    let decision = table.required(
        "decision",
        "`decision` is `allowed` where something leaves, else `refused`",
        |item| Some((item.one_of(&[("allowed", true), ("refused", false)])?, item.span())),
    );
    let is_refused = matches!(decision, Some((false, _)));
    let meaning = "`reasons` lists each code of the case: of the whole transfer, of records that \
        stay and of fields that are removed";
    let reasons = if is_refused {
        table.required("reasons", meaning, |item| {
            let (reasons, span) = reasons(item)?;
            if reasons.is_empty() { item.wrong("no reason") } else { Some(Some((reasons, span))) }
        })
    } else {
        table.optional("reasons", meaning, reasons)
    };
    let is_allowed = matches!(decision, Some((true, _)));
    let sent = bodies.read(table, ("sent", "sent_file"), SENT_MEANING, is_allowed);
    let request = request(table, bodies, is_allowed);
    let (_, decision_span) = decision?;
    let (sent, request) = (sent?, request?);
    let span = sent.as_ref().map(|sent| sent.span.clone());
    let span = span.or_else(|| request.as_ref().map(|(_, span)| span.clone()));
    if let (true, Some(span)) = (is_refused, span) {
        return table.wrong_at(
            span,
            "nothing leaves of a refused transfer",
            "remove it, or write `decision = \"allowed\"`",
        );
    }
    let (reasons, reasons_span) = reasons?.unzip();
    let reasons = reasons.unwrap_or_default();
    Some(Expected { is_allowed, sent, request, reasons, decision_span, reasons_span })
}

type Line = (String, Range<usize>);

/// The first line of the request that is sealed with the body.
fn request(
    table: &mut Table<'_>,
    bodies: &Bodies<'_, '_>,
    is_allowed: bool,
) -> Option<Option<Line>> {
    let meaning = "`sent_request` is the method and target of the request that the partner finds \
        in the envelope: `GET /v1/learners/580101100015`";
    let has_none = bodies.route.is_some_and(|route| route.inner.is_none());
    let read = |item: &Item<'_>| {
        if has_none {
            return item.wrong_since("the route seals no request with the body", "remove it");
        }
        Some((word::text(item)?, item.span()))
    };
    if is_allowed && bodies.is_without() {
        return table.required("sent_request", meaning, read).map(Some);
    }
    table.optional("sent_request", meaning, read)
}

type Reasons = (BTreeSet<Reason>, Range<usize>);

fn reasons(item: &Item<'_>) -> Option<Reasons> {
    let all = word::distinct(item, |item| {
        let code = item.text()?;
        Reason::parse(code).or_else(|| {
            let codes: Vec<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
            let message = text!("unknown reason `{}`", code);
            match nearest(code, &codes) {
                Some(near) => item.wrong_since(message, text!("did you mean `{}`?", near)),
                None => item.wrong(message),
            }
        })
    })?;
    Some((all.into_iter().collect(), item.span()))
}

fn blocks(table: &mut Table<'_>, frame: &Frame<'_>) -> Option<Vec<Block>> {
    let meaning = "blocks of this partner are written as `[[case.block]]`, with the `subject` and \
        `purpose` that they are about, if they are about one";
    let read = |table: &mut Table<'_>| {
        let subject = table.optional("subject", meaning, word::text);
        let purpose = table.optional("purpose", meaning, |item| registered(item, frame.register));
        let partner = Some(frame.partner.clone());
        let terms = block::Terms { record: Uuid::nil(), partner, purpose: purpose? };
        Some(Block { subject: subject?, terms })
    };
    table.or(Vec::new(), "block", meaning, |item| item.list(|item| item.table(read)))
}

const TRANSFER_MEANING: &str = "`transfer` is the body that the caller sends; `transfer_file` \
    names a file of it below `cases/`";
const SENT_MEANING: &str = "`sent` is the exact body that leaves, white space between members of \
    JSON or elements of XML apart; `sent_file` names a file of it below `cases/`";
