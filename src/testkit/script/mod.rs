//! A file of steps: `NAME.test.toml`, read whole, strange keys refused.

mod expect;
mod given;
mod raw;
mod read;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::{Ask, Consent, Setup};
use crate::diagnostic::Source;
use crate::reason::Reason;
use crate::store::NewBlock;
use crate::store::consents::Withdrawal;
use crate::time::Timestamp;

/// The JSON Schema (draft 2020-12) of the file, by which editors complete and check it.
pub const SCHEMA: &str = include_str!("../schema.json");

/// A file of steps, checked.
#[derive(Debug)]
pub struct Script {
    /// The file, for what is said of it.
    pub(super) source: Arc<Source>,
    /// The folder where its paths start.
    pub(super) folder: PathBuf,
    /// Where it names the folder of rules.
    pub(super) rules: Range<usize>,
    /// What its kit is made with.
    pub(super) setup: Setup,
    /// Texts to put in the place of others, each with its place in this file.
    pub(super) edits: Vec<Edit>,
    /// The consents that are there at first.
    pub(super) consents: Vec<Consented>,
    /// The blocks that are there at first.
    pub(super) blocks: Vec<Blocked>,
    /// By what mock partners answer.
    pub(super) mocks: Vec<Mocked>,
    /// The steps, in their order.
    pub(super) steps: Vec<Step>,
}

/// A change to a file of the rules.
#[derive(Debug)]
pub(super) struct Edit {
    pub(super) file: String,
    pub(super) change: Change,
    pub(super) span: Range<usize>,
}

#[derive(Debug)]
pub(super) enum Change {
    /// A text in the place of another.
    Replace(String, String),
    /// A whole file.
    Text(String),
}

/// A consent with the name by which steps speak of it.
#[derive(Debug)]
pub(super) struct Consented {
    pub(super) name: Option<String>,
    pub(super) consent: Handed,
    pub(super) span: Range<usize>,
}

#[derive(Debug)]
pub(super) enum Handed {
    /// In short.
    Short(Box<Consent>),
    /// A whole record as JSON.
    Whole(String),
}

/// A block with the name by which steps speak of it.
#[derive(Debug)]
pub(super) struct Blocked {
    pub(super) name: Option<String>,
    pub(super) block: NewBlock,
    pub(super) span: Range<usize>,
}

/// By what a mock partner answers.
#[derive(Debug)]
pub(super) struct Mocked {
    pub(super) partner: Said<String>,
    /// The script, as it stands.
    pub(super) text: String,
}

/// Something that happens, and what must come of it.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) span: Range<usize>,
    pub(super) time: Option<Timestamp>,
    /// By what mock partners answer in this step only.
    pub(super) mocks: Vec<Mocked>,
    pub(super) act: Act,
    pub(super) expected: Expected,
}

#[derive(Debug)]
pub(super) enum Act {
    /// Nothing but time passes.
    Wait,
    Ask(Ask),
    Grant(Consented),
    Withdraw(Named, Withdrawal),
    Block(Blocked),
    Lift(Named),
}

/// A consent or block by its name in the file, or by its record's id.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) id: Option<Uuid>,
}

/// What must come of a step.
#[derive(Debug, Default)]
pub(super) struct Expected {
    pub(super) status: Option<Said<u16>>,
    pub(super) headers: Vec<(String, Said<String>)>,
    pub(super) body: Option<Said<Body>>,
    pub(super) refused: Option<Refused>,
    /// What partners receive; `None` where the step says nothing of it.
    pub(super) received: Option<Vec<Arrival>>,
    pub(super) records: Vec<Said<Form>>,
    pub(super) count: Option<Said<u64>>,
}

/// A value with the place where the file says it.
#[derive(Clone, Debug)]
pub(super) struct Said<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// An expected body.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// JSON, token by token, or only some members.
    Json(Form),
    /// A text, to the byte.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// Expected JSON.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// All of it.
    Whole(String),
    /// Members that must be there, at any depth; others may be.
    Has(Value),
}

/// An expected refusal.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) code: Said<Reason>,
    pub(super) clause: Option<Said<String>>,
    pub(super) place: Option<Said<String>>,
    pub(super) subjects: Option<Said<Value>>,
}

/// An expected payload at a partner.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) partner: Said<String>,
    pub(super) purpose: Option<Said<String>>,
    pub(super) expires: Option<Said<Timestamp>>,
    pub(super) onward: Option<Said<bool>>,
    pub(super) media: Option<Said<String>>,
    pub(super) header: Option<Said<Value>>,
    pub(super) request: Option<Said<String>>,
    pub(super) headers: Vec<(String, Said<String>)>,
    pub(super) body: Option<Said<Body>>,
    pub(super) span: Range<usize>,
}

impl Script {
    /// The names of its steps.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(|step| step.name.as_str())
    }
}
