//! Cases: transfers of which a partner's file says what must come out.
//!
//! They stand beside the rules and never act on them: only `otkel check` runs them.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::consent::Terms;
use crate::consent::block;
use crate::diagnostic::Source;
use crate::policy::model::{Partner, Policy};
use crate::reason::Reason;
use crate::time::Timestamp;
use crate::vocabulary::{Name, PurposeId};

/// A transfer, and what must come out of it.
#[derive(Debug)]
pub struct Case {
    /// What it shows; no two of a partner have the same.
    pub name: String,
    /// The route's full name.
    pub route: Name,
    /// The purpose, where the caller names it.
    pub purpose: Option<PurposeId>,
    /// The state body's request, where the caller names it.
    pub legal_request: Option<Name>,
    /// The time of the transfer.
    pub time: Timestamp,
    /// What stands before the body.
    pub head: Head,
    /// The body; empty where the route takes none.
    pub transfer: CaseText,
    /// The subjects' consents.
    pub consents: Vec<CaseConsent>,
    /// What is blocked.
    pub blocks: Vec<Block>,
    /// What must come out.
    pub expected: Expected,
    /// Where it begins, as bytes of the partner's file.
    pub span: Range<usize>,
}

/// What stands before a request's body, where rules map values of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The path, where that of the route has places for values.
    pub path: Option<String>,
    /// The query, without `?`.
    pub query: Option<String>,
    /// The headers: names in lower case, and values.
    pub headers: Vec<(String, String)>,
}

/// A consent in a case.
#[derive(Debug)]
pub struct CaseConsent {
    /// The subject's identifier.
    pub subject: String,
    /// Its terms.
    pub terms: Terms,
    /// Where its subject stands, as bytes of the partner's file.
    pub span: Range<usize>,
}

/// A block that was never stored, with the identifier of its subject in the place of a pseudonym.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The identifier of the only subject that it is about; everyone where there is none.
    pub subject: Option<String>,
    /// The partner and the purpose that it is about.
    pub terms: block::Terms,
}

/// What must come out of a case.
#[derive(Debug)]
pub struct Expected {
    /// Whether something leaves.
    pub is_allowed: bool,
    /// The body that leaves; where nothing does, or the route takes none, there is none.
    pub sent: Option<CaseText>,
    /// The first line of the request that is sealed with it, where the case says it, such as
    /// `GET /v1/learners/580101100015`; and where it stands.
    pub request: Option<(String, Range<usize>)>,
    /// Every reason: of the whole, of refused records and of removed fields.
    pub reasons: BTreeSet<Reason>,
    /// Where the decision stands, as bytes of the partner's file.
    pub decision_span: Range<usize>,
    /// Where the reasons stand, if they do.
    pub reasons_span: Option<Range<usize>>,
}

/// A body of a case, in the partner's file or in one of its own. Its form is not checked.
#[derive(Debug)]
pub struct CaseText {
    /// The body: text of the partner's file is UTF-8, whatever the route's charset.
    pub bytes: Bytes,
    /// The path of its own file below the folder, if it has one.
    pub file: Option<String>,
    /// Where the text, or the name of its file, stands, as bytes of the partner's file.
    pub span: Range<usize>,
}

impl Policy {
    /// The text of a partner's file.
    #[must_use]
    pub fn source_of(&self, partner: &Partner) -> Arc<Source> {
        let path = format!("partners/{}.toml", partner.name);
        self.sources.get(&path).cloned().unwrap_or_else(|| Source::new(path, ""))
    }
}

impl CaseText {
    /// No body, at a place of the partner's file.
    #[must_use]
    pub const fn empty(span: Range<usize>) -> Self {
        Self { bytes: Bytes::new(), file: None, span }
    }

    /// The place of some of its bytes: in its own file, or in the partner's.
    ///
    /// Where the partner's file writes the text with escapes, all of it is the place.
    #[must_use]
    pub fn place(&self, partner: &Arc<Source>, bytes: Range<usize>) -> (Arc<Source>, Range<usize>) {
        if let Some(file) = &self.file {
            return (Source::new(file, String::from_utf8_lossy(&self.bytes)), bytes);
        }
        let text = str::from_utf8(&self.bytes).unwrap_or_default();
        let written = partner.text.get(self.span.clone()).unwrap_or_default();
        let span = written.find(text).map(|before| {
            let start = self.span.start.saturating_add(before);
            start.saturating_add(bytes.start)..start.saturating_add(bytes.end)
        });
        (Arc::clone(partner), span.unwrap_or_else(|| self.span.clone()))
    }
}
