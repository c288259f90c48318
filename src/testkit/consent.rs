//! Consents in short, and the whole records that the store takes.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::consent::record::{Channel, SCHEMA};
use crate::policy::{Notice, Policy};
use crate::time::Timestamp;

/// A consent in short. Where it says nothing more it was given by the subject in writing, thirty
/// days ago and for a year, on the newest notice, and lets nothing go abroad.
#[derive(Clone, Debug)]
pub struct Consent {
    /// The subject's identifier: one that nobody has.
    pub subject: String,
    /// The kind of that identifier; without it, that of the partners' routes.
    pub scheme: Option<String>,
    /// The partners (94-V Art. 8(4)4)).
    pub recipients: Vec<String>,
    /// The purposes.
    pub purposes: Vec<String>,
    /// The data that it lists (94-V Art. 8(4)7)).
    pub categories: Vec<String>,
    /// Where the data may go abroad (94-V Art. 8(4)5)).
    pub countries: Vec<String>,
    /// The public sources that may show the data (94-V Art. 8(4)6)).
    pub publication: Vec<String>,
    /// When it was given.
    pub given: Option<Timestamp>,
    /// When it ends.
    pub until: Option<Timestamp>,
    /// What was said last.
    pub state: Given,
    /// How it was given (94-V Art. 8(1)).
    pub channel: Channel,
    /// The version of the notice that was shown.
    pub notice: Option<String>,
    /// `subject`, or the authority of a representative.
    pub given_by: String,
    /// When the subject comes of age.
    pub minor_until: Option<Timestamp>,
    /// Whether decisions without a person were accepted (94-V Art. 19-1).
    pub automated: bool,
    /// Whether the subject is told of each transfer (94-V Art. 19(1)).
    pub notify: bool,
}

/// What was said last of a consent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Given {
    /// It was given.
    #[default]
    Given,
    /// It was asked for and refused.
    Refused,
    /// It was given and withdrawn.
    Withdrawn,
    /// It was given and has expired.
    Expired,
}

impl Consent {
    /// A consent of a subject to a partner, for nothing yet.
    #[must_use]
    pub fn new(subject: &str, recipient: &str) -> Self {
        Self {
            subject: subject.to_owned(),
            scheme: None,
            recipients: vec![recipient.to_owned()],
            purposes: Vec::new(),
            categories: Vec::new(),
            countries: Vec::new(),
            publication: Vec::new(),
            given: None,
            until: None,
            state: Given::Given,
            channel: Channel::Written,
            notice: None,
            given_by: SUBJECT.to_owned(),
            minor_until: None,
            automated: false,
            notify: false,
        }
    }

    /// For these purposes and categories of data.
    #[must_use]
    pub fn of(self, purposes: &[&str], categories: &[&str]) -> Self {
        Self { purposes: owned(purposes), categories: owned(categories), ..self }
    }

    /// To a transfer to these countries.
    #[must_use]
    pub fn abroad(self, countries: &[&str]) -> Self {
        Self { countries: owned(countries), ..self }
    }

    /// The whole record, as it is handed in.
    ///
    /// # Errors
    /// A name that the rules do not have, or one of several schemes that the partners' routes use.
    pub fn record(&self, policy: &Policy, now: Timestamp, id: Uuid) -> Result<Value, String> {
        self.names(policy)?;
        let scheme = self.scheme(policy)?;
        let (version, notice) = self.notice(policy)?;
        let controller = &policy.register.controller;
        let mut record = json!({
            "schema_version": SCHEMA,
            "record_id": id,
            "subject": {"scheme": scheme, "id": self.subject},
            "subject_name_present": true,
            "pii_controllers": [{
                "party_id": controller.party_id, "name": controller.name,
                "address": controller.address, "contact": controller.contact,
            }],
            "privacy_notice": {"uri": notice.uri, "version": version, "sha256": notice.sha256},
            "language": "kk",
            "purposes": self.purposes,
            "pii_information": self.categories,
            "recipient_third_parties": self.recipients,
            "cross_border": {"allowed": !self.countries.is_empty(), "countries": self.countries},
            "publication": {
                "allowed": !self.publication.is_empty(), "sources": self.publication,
            },
            "storage_locations": ["KZ"],
            "retention_period": "P5Y",
            "jurisdiction": "KZ",
            "lawful_basis": "dpv:Consent, 94-V Art. 7(1)",
            "withdrawal_method": controller.contact,
            "given_by": self.given_by,
            "automated_processing": self.automated,
            "notify_on_transfer": self.notify,
            "events": self.events(now),
        });
        if let (Some(until), Some(members)) = (self.minor_until, record.as_object_mut()) {
            members.insert("minor_until".to_owned(), until.to_string().into());
        }
        Ok(record)
    }

    fn events(&self, now: Timestamp) -> Value {
        let given = self.given.unwrap_or_else(|| now.plus_millis(-30 * DAY_MILLIS));
        let until = self.until.unwrap_or_else(|| given.plus_millis(365 * DAY_MILLIS));
        let event = |time: Timestamp, state: &str| {
            json!({
                "event_time": time, "event_type": "ExpressedConsent", "event_state": state,
                "channel": self.channel,
            })
        };
        if self.state == Given::Refused {
            return json!([event(given, "ConsentRefused")]);
        }
        let mut first = event(given, "ConsentGiven");
        if let Some(members) = first.as_object_mut() {
            members.insert("valid_until".to_owned(), json!(until));
            let evidence = json!({"reference": "a test", "sha256": "5e".repeat(32)});
            members.insert("evidence".to_owned(), evidence);
        }
        match self.state {
            Given::Given | Given::Refused => json!([first]),
            Given::Withdrawn => json!([first, event(given, "ConsentWithdrawn")]),
            Given::Expired => json!([first, event(given, "ConsentExpired")]),
        }
    }

    /// Holds the names against the rules: a consent to a name that they lack is one to nothing.
    fn names(&self, policy: &Policy) -> Result<(), String> {
        let register = &policy.register;
        let known = |name: &str, mut names: Box<dyn Iterator<Item = String> + '_>| {
            names.any(|known| known == name)
        };
        for name in &self.recipients {
            let names = policy.partners.keys().map(ToString::to_string);
            if !known(name, Box::new(names)) {
                return Err(format!("there is no partner `{name}`"));
            }
        }
        for name in &self.purposes {
            let names = register.purposes.keys().map(ToString::to_string);
            if !known(name, Box::new(names)) {
                return Err(format!("the register has no purpose `{name}`"));
            }
        }
        for name in &self.categories {
            let names = register.categories.keys().map(ToString::to_string);
            if !known(name, Box::new(names)) {
                return Err(format!("the register has no category `{name}`"));
            }
        }
        Ok(())
    }

    fn scheme(&self, policy: &Policy) -> Result<String, String> {
        if let Some(scheme) = &self.scheme {
            return Ok(scheme.clone());
        }
        let of = |name: &String| policy.partners.iter().find(|(known, _)| known.as_str() == name);
        let partners = self.recipients.iter().filter_map(of).map(|(_, partner)| partner);
        let mut schemes: Vec<&str> = partners
            .flat_map(|partner| partner.routes.iter().map(|route| route.scheme.as_str()))
            .collect();
        schemes.sort_unstable();
        schemes.dedup();
        match schemes.as_slice() {
            [scheme] => Ok((*scheme).to_owned()),
            _ => Err("the routes of the partners use several schemes, or none: name the `scheme`"
                .to_owned()),
        }
    }

    fn notice<'p>(&self, policy: &'p Policy) -> Result<(&'p str, &'p Notice), String> {
        let notices = &policy.register.notices;
        let found = match &self.notice {
            Some(version) => notices.get_key_value(version),
            None => notices.last_key_value(),
        };
        let none = || "the register has no such notice".to_owned();
        found.map(|(version, notice)| (version.as_str(), notice)).ok_or_else(none)
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

const SUBJECT: &str = "subject";
const DAY_MILLIS: i64 = 24 * 3600 * 1000;
