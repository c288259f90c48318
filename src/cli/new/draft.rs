//! A partner's file while it is asked for: answers so far, and stand-ins for the rest.
//!
//! A draft loads at any time, so that whatever the reader of rules finds is of the last answer.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::question::{
    ASSESSMENT, ENDPOINT, Form, ON_REFUSED, PARTNER, PURPOSES, Question, REQUIRED, ROUTE,
};
use super::sample::Case;
use crate::vocabulary::{Country, Name};

/// A partner's file that is not finished.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    /// The partner's name.
    pub(super) id: Name,
    /// The answers, by their keys.
    pub(super) answers: BTreeMap<&'static str, String>,
    /// The categories of each purpose, as answered.
    pub(super) categories: BTreeMap<String, String>,
    /// Whether the route is being asked for.
    pub(super) has_route: bool,
    /// The field map, in the order of the answers.
    pub(super) fields: Vec<(String, String)>,
    /// The cases.
    pub(super) cases: Vec<Case>,
    /// A purpose of the register, for as long as none is named.
    pub(super) some_purpose: String,
    /// A key whose value is of no kind, so that the reader says what it would take.
    pub(super) probed: Option<&'static str>,
}

impl Draft {
    /// A draft without any answer.
    pub(super) fn new(id: Name, some_purpose: String) -> Self {
        Self {
            id,
            answers: BTreeMap::new(),
            categories: BTreeMap::new(),
            has_route: false,
            fields: Vec::new(),
            cases: Vec::new(),
            some_purpose,
            probed: None,
        }
    }

    /// Where the file lies, below the folder of rules.
    pub(super) fn path(&self) -> String {
        format!("partners/{}.toml", self.id)
    }

    /// The answer to a question, or what stands in for it.
    pub(super) fn answer(&self, key: &str) -> String {
        self.answers.get(key).cloned().unwrap_or_else(|| self.stand_in(key))
    }

    /// The parts of an answer that is a list.
    pub(super) fn list(&self, key: &str) -> Vec<String> {
        let answer = self.answer(key);
        let parts = answer.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(ToOwned::to_owned).collect()
    }

    /// The countries abroad that the data go to.
    pub(super) fn abroad(&self) -> Vec<String> {
        let keys = ["seat", "processing", "storage", "endpoint.country"];
        let mut all: Vec<String> = keys.iter().flat_map(|key| self.list(key)).collect();
        all.retain(|country| *country != Country::KZ.to_string());
        all.sort();
        all.dedup();
        all
    }

    /// Whether a route's documents hold many records.
    pub(super) fn has_records(&self) -> bool {
        self.answers.contains_key("route.subjects")
    }

    /// The file.
    pub(super) fn toml(&self) -> String {
        let mut text = String::new();
        let own = PARTNER.iter().filter(|question| !question.key.contains('.'));
        for question in own {
            self.line(&mut text, question, question.key);
        }
        for table in ["responsible", "stop_notice", "breach"] {
            self.inline(&mut text, table);
        }
        text.push_str("status = \"active\"\n");
        self.table(&mut text, "agreement", &PARTNER);
        self.table(&mut text, "undertaking", &PARTNER);
        if !self.abroad().is_empty() {
            self.table(&mut text, "assessment", &ASSESSMENT);
        }
        self.purposes(&mut text);
        text.push_str("\n[endpoint.main]\n");
        for question in &ENDPOINT {
            self.line(&mut text, question, own_key(question));
        }
        if self.has_route {
            self.route(&mut text);
        }
        for case in &self.cases {
            text.push_str(&case.toml(self));
        }
        text
    }

    fn line(&self, text: &mut String, question: &Question, key: &str) {
        let _ = writeln!(text, "{key} = {}", self.value(question));
    }

    fn value(&self, question: &Question) -> String {
        if self.probed == Some(question.key) {
            return PROBE.to_owned();
        }
        question.form.toml(&self.answer(question.key))
    }

    fn inline(&self, text: &mut String, table: &str) {
        let members =
            within(&PARTNER, table).map(|q| format!("{} = {}", own_key(q), self.value(q)));
        let _ = writeln!(text, "{table} = {{ {} }}", members.collect::<Vec<_>>().join(", "));
    }

    fn table(&self, text: &mut String, table: &str, questions: &'static [Question]) {
        let _ = writeln!(text, "\n[{table}]");
        for question in within(questions, table) {
            self.line(text, question, own_key(question));
        }
    }

    fn purposes(&self, text: &mut String) {
        text.push_str("\n[purposes]\n");
        if self.probed == Some(PURPOSES.key) {
            return;
        }
        for purpose in self.list(PURPOSES.key) {
            let key = toml::Value::from(purpose.as_str()).to_string();
            let is_plain =
                purpose.bytes().all(|b| b.is_ascii_alphanumeric()) && !purpose.is_empty();
            let listed = self.categories.get(&purpose).map_or("", String::as_str);
            let listed = Form::List.toml(listed);
            let _ = writeln!(text, "{} = {listed}", if is_plain { &purpose } else { &key });
        }
    }

    fn route(&self, text: &mut String) {
        let (purposes, rest) = ROUTE.split_at(1);
        let (way, subjects) = rest.split_at(3);
        text.push_str("\n[[route]]\n");
        for question in way {
            self.line(text, question, own_key(question));
        }
        text.push_str("endpoint = \"main\"\n");
        for question in purposes.iter().chain(subjects) {
            let is_absent = question.key == "route.subjects" && !self.has_records();
            if !is_absent || self.probed == Some(question.key) {
                self.line(text, question, own_key(question));
            }
        }
        if self.has_records() {
            self.line(text, &ON_REFUSED, own_key(&ON_REFUSED));
        }
        if self.answers.contains_key(REQUIRED.key) || self.probed == Some(REQUIRED.key) {
            self.line(text, &REQUIRED, own_key(&REQUIRED));
        }
        if self.probed == Some(FIELDS) {
            let _ = writeln!(text, "fields = {PROBE}");
            return;
        }
        text.push_str("[route.fields]\n");
        if self.fields.is_empty() {
            text.push_str("\"$.stand_in\" = \"public\"\n");
        }
        for (path, category) in &self.fields {
            let [path, category] = [path, category].map(|t| toml::Value::from(t.as_str()));
            let _ = writeln!(text, "{path} = {category}");
        }
    }

    // A value that loads, whatever was answered before.
    fn stand_in(&self, key: &str) -> String {
        match key {
            "processing" | "storage" | "endpoint.country" => self.answer("seat"),
            "party_id" if self.answer("seat") != Country::KZ.to_string() => {
                format!("{}-0", self.answer("seat"))
            }
            "agreement.sha256" => "0".repeat(64),
            "purposes" => self.some_purpose.clone(),
            "route.purposes" => self.answer("purposes"),
            "route.request" => format!("POST /{}/stand-in", self.id),
            _ => {
                let found = STAND_INS.iter().find(|(of, _)| *of == key);
                found.map_or("stand-in", |(_, value)| value).to_owned()
            }
        }
    }
}

fn own_key(question: &Question) -> &'static str {
    question.key.rsplit('.').next().unwrap_or_default()
}

fn within<'q>(
    questions: &'q [Question],
    table: &'q str,
) -> impl Iterator<Item = &'q Question> + 'q {
    let is_within = move |question: &&Question| {
        question.key.split_once('.').is_some_and(|(name, _)| name == table)
    };
    questions.iter().filter(is_within)
}

/// A value that no key takes.
pub(super) const PROBE: &str = "{}";

// Of keys that do not take every text.
const STAND_INS: [(&str, &str); 27] = [
    ("seat", "KZ"),
    ("type", "third-party"),
    ("party_id", "570140000000"),
    ("contact", CONTACT),
    ("responsible.phone", "+70000000000"),
    ("responsible.email", CONTACT),
    ("stop_notice.contact", CONTACT),
    ("stop_notice.confirm_days", "1"),
    ("breach.contact", CONTACT),
    ("breach.notice_hours", "1"),
    ("valid_from", FIRST_DAY),
    ("valid_to", LAST_DAY),
    ("review_due", LAST_DAY),
    ("approved_by", "a, b"),
    ("onward_transfer", "no"),
    ("retention_days", "1"),
    ("agreement.since", FIRST_DAY),
    ("agreement.until", LAST_DAY),
    ("undertaking.since", FIRST_DAY),
    ("undertaking.until", LAST_DAY),
    ("undertaking.duties", "10, 11, 12(2), 14, 15, 22"),
    ("assessment.date", FIRST_DAY),
    ("endpoint.host", "stand-in.example"),
    ("endpoint.port", "443"),
    ("route.to", "/stand-in"),
    ("route.subject", "$.stand_in_subject"),
    ("route.on_refused", "refuse"),
];

const CONTACT: &str = "a@stand-in.example";
const FIRST_DAY: &str = "2000-01-01";
const LAST_DAY: &str = "2999-12-31";

/// The field map, as a key that can be probed.
pub(super) const FIELDS: &str = "route.fields";
