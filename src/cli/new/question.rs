//! What is asked of a partner, in the order in which it is asked.

use crate::diagnostic::Text;

/// A key of the file that a person gives a value for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    /// The key, after that of its table.
    pub(super) key: &'static str,
    /// What kind of value it has.
    pub(super) form: Form,
    /// What an empty line stands for.
    pub(super) offer: Offer,
}

/// What kind of value a key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A string.
    Text,
    /// Strings, with commas between them.
    List,
    /// A day, `2026-09-01`.
    Day,
    /// A whole number.
    Whole,
    /// Yes or no, in three languages.
    Flag,
    /// A SHA-256, or the path of the file whose SHA-256 is meant.
    Digest,
}

/// What an empty line stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Offer {
    /// Nothing: there must be an answer.
    None,
    /// That the key is left out.
    Absent,
    /// A value.
    Fixed(&'static str),
    /// The answer to an earlier question.
    Same(&'static str),
    /// The day on which it is asked.
    Today,
    /// The method and a path that begins with the partner's name.
    Request,
}

const fn question(key: &'static str, form: Form, offer: Offer) -> Question {
    Question { key, form, offer }
}

/// Who the partner is, what binds it, and where it receives.
pub(super) const PARTNER: [Question; 28] = [
    question("name", Form::Text, Offer::None),
    question("seat", Form::Text, Offer::Fixed("KZ")),
    question("type", Form::Text, Offer::Fixed("third-party")),
    question("processing", Form::List, Offer::Same("seat")),
    question("storage", Form::List, Offer::Same("processing")),
    question("party_id", Form::Text, Offer::None),
    question("address", Form::Text, Offer::None),
    question("contact", Form::Text, Offer::None),
    question("responsible.name", Form::Text, Offer::None),
    question("responsible.phone", Form::Text, Offer::None),
    question("responsible.email", Form::Text, Offer::None),
    question("stop_notice.contact", Form::Text, Offer::Same("responsible.email")),
    question("stop_notice.confirm_days", Form::Whole, Offer::Fixed("10")),
    question("breach.contact", Form::Text, Offer::Same("stop_notice.contact")),
    question("breach.notice_hours", Form::Whole, Offer::Fixed("24")),
    question("valid_from", Form::Day, Offer::Today),
    question("valid_to", Form::Day, Offer::None),
    question("review_due", Form::Day, Offer::Same("valid_to")),
    question("approved_by", Form::List, Offer::None),
    question("onward_transfer", Form::Flag, Offer::Fixed("no")),
    question("retention_days", Form::Whole, Offer::Fixed("365")),
    question("agreement.number", Form::Text, Offer::None),
    question("agreement.since", Form::Day, Offer::Same("valid_from")),
    question("agreement.until", Form::Day, Offer::Same("valid_to")),
    question("agreement.sha256", Form::Digest, Offer::None),
    question("undertaking.since", Form::Day, Offer::Same("agreement.since")),
    question("undertaking.until", Form::Day, Offer::Same("agreement.until")),
    question("undertaking.duties", Form::List, Offer::Fixed("10, 11, 12(2), 14, 15, 22")),
];

/// Where it receives.
pub(super) const ENDPOINT: [Question; 3] = [
    question("endpoint.host", Form::Text, Offer::None),
    question("endpoint.port", Form::Whole, Offer::Fixed("443")),
    question("endpoint.country", Form::Text, Offer::Same("seat")),
];

/// Of a partner with data abroad.
pub(super) const ASSESSMENT: [Question; 2] = [
    question("assessment.reference", Form::Text, Offer::None),
    question("assessment.date", Form::Day, Offer::Today),
];

/// For what it gets data.
pub(super) const PURPOSES: Question = question("purposes", Form::List, Offer::None);

/// What may be sent, but for the field map.
pub(super) const ROUTE: [Question; 7] = [
    question("route.purposes", Form::List, Offer::Same("purposes")),
    question("route.name", Form::Text, Offer::Fixed("send")),
    question("route.request", Form::Text, Offer::Request),
    question("route.to", Form::Text, Offer::None),
    question("route.subjects", Form::Text, Offer::Absent),
    question("route.subject", Form::Text, Offer::Fixed("$.iin")),
    question("route.scheme", Form::Text, Offer::Fixed("kz-iin")),
];

/// Of a route with many subjects' records.
pub(super) const ON_REFUSED: Question =
    question("route.on_refused", Form::Text, Offer::Fixed("refuse"));

/// What the partner cannot do without.
pub(super) const REQUIRED: Question = question("route.required", Form::List, Offer::Absent);

impl Form {
    /// An answer as TOML writes it. What is no value of the form becomes a string, which the
    /// reader of rules refuses in its own words.
    pub(super) fn toml(self, answer: &str) -> String {
        let string = |text: &str| toml::Value::from(text).to_string();
        match self {
            Self::List => {
                let parts = answer.split(',').map(str::trim).filter(|part| !part.is_empty());
                format!("[{}]", parts.map(string).collect::<Vec<_>>().join(", "))
            }
            Self::Whole if answer.parse::<u32>().is_ok() => answer.to_owned(),
            Self::Day if answer.parse::<jiff::civil::Date>().is_ok() && answer.len() == 10 => {
                answer.to_owned()
            }
            Self::Flag if YES.contains(&answer) => "true".to_owned(),
            Self::Flag if NO.contains(&answer) => "false".to_owned(),
            Self::Text | Self::Digest | Self::Whole | Self::Day | Self::Flag => string(answer),
        }
    }

    /// How such an answer is written.
    pub(super) fn hint(self) -> Option<Text> {
        match self {
            Self::Text => None,
            Self::List => Some("several with commas between them".into()),
            Self::Day => Some("a day, such as 2026-09-01".into()),
            Self::Whole => Some("a whole number".into()),
            Self::Flag => Some("yes or no".into()),
            Self::Digest => Some("64 hexadecimal digits, or the path of the file itself".into()),
        }
    }
}

const YES: [&str; 5] = ["yes", "true", "да", "иә", "y"];
const NO: [&str; 5] = ["no", "false", "нет", "жоқ", "n"];
