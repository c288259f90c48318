//! The register and the partners, as values that were checked when they were read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::calendar::Calendar;
use super::case::Case;
use super::envelope::EnvelopeRules;
use super::index::Index;
use super::legal::{Legal, Number};
use super::route::Route;
use crate::consent::Notices;
use crate::diagnostic::Source;
use crate::reason::Language;
use crate::time::Timestamp;
use crate::vocabulary::{CategoryId, CategorySet, Country, Kinds, Name, PurposeId};

/// Everything in `policies/`, read and checked as a whole.
#[derive(Debug)]
pub struct Policy {
    /// The register.
    pub register: Register,
    /// The partners, by name.
    pub partners: BTreeMap<Name, Arc<Partner>>,
    /// Each file's path below the folder, with its SHA-256 in hexadecimal.
    pub files: BTreeMap<String, String>,
    /// Each file's bytes, by the same paths.
    pub bytes: BTreeMap<String, Arc<[u8]>>,
    /// The texts of `register.toml` and of the partners' files, by path: places are lines of them.
    pub sources: BTreeMap<String, Arc<Source>>,
    /// SHA-256 over the names and digests of all files, in hexadecimal.
    pub digest: String,
    /// Where each route is found.
    pub(super) index: Index,
}

/// The controller's register of categories, purposes, countries and notices.
#[derive(Debug)]
pub struct Register {
    /// The controller (94-V Art. 1: owner and operator).
    pub controller: Party,
    /// The responsible person of the controller (94-V Art. 25(3)).
    pub responsible: Responsible,
    /// The categories of personal data, by number.
    pub categories: BTreeMap<CategoryId, Category>,
    /// The purposes, by number.
    pub purposes: BTreeMap<PurposeId, Purpose>,
    /// Countries held to protect personal data (94-V Art. 16(2)); empty unless a list is published.
    pub adequate: BTreeMap<Country, Adequacy>,
    /// International treaties under which data may go to a country (94-V Art. 16(3)(2)).
    pub treaties: BTreeMap<Country, Treaty>,
    /// Categories that no consent can send to a country (94-V Art. 16(4)).
    pub prohibited: BTreeMap<Country, CategorySet>,
    /// The items of 94-V Art. 9 on which a state body may ask without consent, such as `9(1)`.
    pub bases: BTreeMap<String, Words>,
    /// The numbers that the law sets: deadlines, terms and thresholds.
    pub legal: BTreeMap<Number, Legal>,
    /// Working days.
    pub calendar: Calendar,
    /// Privacy notices, by their version.
    pub notices: BTreeMap<String, Notice>,
}

impl Notices for Register {
    fn has(&self, version: &str, sha256: &str) -> bool {
        let same = |known: &str| known == sha256 || known.eq_ignore_ascii_case(sha256);
        self.notices.get(version).is_some_and(|known| same(&known.sha256))
    }
}

/// A legal person.
#[derive(Clone, Debug)]
pub struct Party {
    /// The BIN, or the registration number with its country.
    pub party_id: String,
    /// The legal name.
    pub name: String,
    /// The postal address.
    pub address: String,
    /// An e-mail address, telephone number or URL.
    pub contact: String,
}

/// The person who answers for the controller's personal data.
#[derive(Clone, Debug)]
pub struct Responsible {
    /// Surname and given name.
    pub name: String,
    /// Telephone number.
    pub phone: String,
    /// E-mail address.
    pub email: String,
}

/// A title in three languages.
#[derive(Clone, Debug)]
pub struct Words {
    /// Kazakh.
    pub kk: String,
    /// Russian.
    pub ru: String,
    /// English.
    pub en: String,
}

impl Words {
    /// The title in one language.
    #[must_use]
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::Kk => &self.kk,
            Language::Ru => &self.ru,
            Language::En => &self.en,
        }
    }
}

/// A category of personal data.
#[derive(Debug)]
pub struct Category {
    /// The clause of the seed policy, such as `2.2 1)`.
    pub clause: String,
    /// What it is called.
    pub title: Words,
    /// Whether it may leave the country.
    pub abroad: Abroad,
    /// Whether it identifies a person by itself (94-V Art. 17(1)): no study gets it.
    pub identifies: bool,
    /// The identifiers that belong to it, which no other category has.
    pub identifiers: Kinds,
    /// The line of its entry, counted from 1.
    pub line: usize,
}

/// Whether a category may leave the country, given consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abroad {
    /// It may.
    Allow,
    /// It may for a purpose that requires it.
    IfRequired,
    /// It may not.
    Deny,
}

/// A purpose of processing.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the register has these yes-or-no questions")]
pub struct Purpose {
    /// The clause of the seed policy, such as `3.1 9)`.
    pub clause: String,
    /// What it is called.
    pub title: Words,
    /// Whether transfers may name it: reserved, retired and never-valid purposes are not active.
    pub active: bool,
    /// The categories that it may use.
    pub categories: CategorySet,
    /// The categories that it cannot do without.
    pub required: CategorySet,
    /// Whether it may go abroad at all.
    pub cross_border: bool,
    /// Whether a bundle of purposes never covers it.
    pub separate_consent: bool,
    /// Whether nothing that identifies a person may go for it (94-V Art. 17(1)).
    pub depersonalise: bool,
    /// Whether decisions about the subject are made without a person (94-V Art. 19-1).
    pub automated_decision: bool,
    /// Whether each subject is told of each transfer (94-V Art. 19(1)).
    pub notify_on_transfer: bool,
    /// The longest time that a partner may keep what it got for this purpose, in days.
    pub retention_days: Option<u32>,
    /// The event that ends the purpose, in words.
    pub end_event: Option<String>,
    /// When the purpose ended (94-V Art. 18); nothing goes for it from then on.
    pub ended: Option<Timestamp>,
    /// The only partners that it may go to, if it is limited to some.
    pub partners: Option<BTreeSet<Name>>,
    /// The only countries abroad that it may go to, if it is limited to some.
    pub countries: Option<Vec<Country>>,
    /// The terms of the Data Privacy Vocabulary, with their prefix.
    pub dpv: Vec<String>,
    /// The line of its entry, counted from 1.
    pub line: usize,
}

impl Purpose {
    /// Whether what is used for it may go to a country; within the country it always may.
    #[must_use]
    pub fn may_cross_to(&self, country: Country) -> bool {
        let listed = || self.countries.as_ref().is_none_or(|all| all.contains(&country));
        country == Country::KZ || (self.cross_border && listed())
    }

    /// Whether what is used for it may go to a partner.
    #[must_use]
    pub fn may_go_to(&self, partner: &Name) -> bool {
        self.partners.as_ref().is_none_or(|all| all.contains(partner))
    }

    /// Whether it is over.
    #[must_use]
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.ended.is_some_and(|ended| ended <= now)
    }
}

/// A country held to protect personal data, with the act that says so.
#[derive(Debug)]
pub struct Adequacy {
    /// The legal reference.
    pub reference: String,
    /// Its date.
    pub since: Timestamp,
}

/// An international treaty under which data may go to a country.
#[derive(Debug)]
pub struct Treaty {
    /// The legal reference.
    pub reference: String,
    /// From when it is in force.
    pub since: Timestamp,
    /// Until when it is in force, if that is known.
    pub until: Option<Timestamp>,
}

/// A privacy notice that consents point to.
#[derive(Debug)]
pub struct Notice {
    /// Where it is published.
    pub uri: String,
    /// SHA-256 of its exact text, in hexadecimal.
    pub sha256: String,
}

/// A recipient.
#[derive(Debug)]
pub struct Partner {
    /// The operator's name for it: the name of its file.
    pub name: Name,
    /// Who it is.
    pub party: Party,
    /// What it is to the controller.
    pub kind: PartnerKind,
    /// Who answers for personal data there.
    pub responsible: Responsible,
    /// Where it is told to stop or destroy, and how fast it confirms (94-V Art. 8(7), 18).
    pub stop_notice: StopNotice,
    /// Where and how fast it tells of a breach (94-V Art. 25(2)(8)).
    pub breach: Breach,
    /// Who approved the entry: two persons or more (94-V Art. 25(2)(1)).
    pub approved_by: Vec<String>,
    /// The transfer impact assessment, where a country is abroad.
    pub assessment: Option<Assessment>,
    /// How much may go in a day.
    pub quota: Quota,
    /// The requests of a state body that were accepted, by the name that callers give.
    pub requests: BTreeMap<Name, LegalRequest>,
    /// Seat, processing and storage countries.
    pub countries: Vec<Country>,
    /// Whether transfers are open: false when suspended by hand.
    pub active: bool,
    /// From when the entry holds.
    pub valid_from: Timestamp,
    /// Until when the entry holds.
    pub valid_to: Timestamp,
    /// When the entry must be reviewed; past it, the partner is suspended.
    pub review_due: Timestamp,
    /// The agreement (94-V Art. 22(1)).
    pub agreement: Option<Agreement>,
    /// The partner's undertaking of the Law's duties (94-V Art. 10(1), 11(1)).
    pub undertaking: Option<Undertaking>,
    /// Whether it may pass the data on.
    pub onward_transfer: bool,
    /// How many days it may keep the data.
    pub retention_days: u32,
    /// The purposes and, for each, the categories that may go at most.
    pub purposes: BTreeMap<PurposeId, CategorySet>,
    /// Holders of keys of their own within the partner, by the names that fields give.
    pub recipients: BTreeMap<Name, Recipient>,
    /// How what goes to it is sealed, signed and acknowledged.
    pub envelope: EnvelopeRules,
    /// Where it receives.
    pub endpoints: BTreeMap<Name, Endpoint>,
    /// What may be sent.
    pub routes: Vec<Arc<Route>>,
    /// What must come out of some transfers: checked on demand, without effect on others.
    pub cases: Vec<Case>,
}

/// A holder of a key of its own within a partner: the same legal person, other eyes.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// Who it is, in words.
    pub title: String,
    /// The line of its entry, counted from 1.
    pub line: usize,
}

/// What a partner is to the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartnerKind {
    /// A third party that receives for purposes of its own.
    ThirdParty,
    /// One that works on the controller's behalf; before the law a third party too.
    Processor,
    /// A state body of Kazakhstan (94-V Art. 9).
    StateBody,
    /// A public source: what goes there is published (94-V Art. 7(3), 8(4)6)).
    PublicSource,
}

/// Where a partner is told to stop, correct or destroy.
#[derive(Debug)]
pub struct StopNotice {
    /// An e-mail address, telephone number or URL.
    pub contact: String,
    /// Within how many days it confirms.
    pub confirm_days: u32,
}

/// Where a partner tells of a breach.
#[derive(Debug)]
pub struct Breach {
    /// An e-mail address, telephone number or URL.
    pub contact: String,
    /// Within how many hours it tells.
    pub notice_hours: u32,
}

/// A transfer impact assessment, kept on paper.
#[derive(Debug)]
pub struct Assessment {
    /// Its reference.
    pub reference: String,
    /// Its date.
    pub date: Timestamp,
}

/// How much may go to a partner in one day of Kazakhstan; no limit where absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Distinct subjects.
    pub subjects_per_day: Option<u64>,
    /// Subjects' records.
    pub records_per_day: Option<u64>,
}

/// A state body's request that was accepted (94-V Art. 9; clause 4.2 of the policy).
#[derive(Debug)]
pub struct LegalRequest {
    /// The item of Art. 9, one of the register's bases.
    pub article: String,
    /// The number of its document.
    pub document: String,
    /// The date of its document.
    pub date: Timestamp,
    /// When it is answered in full: nothing goes from then on.
    pub until: Timestamp,
    /// The operator's name for the officer who approved it.
    pub officer: Name,
    /// What it asks for, at most.
    pub categories: CategorySet,
    /// The line of its entry, counted from 1.
    pub line: usize,
}

/// An agreement with a partner.
#[derive(Debug)]
pub struct Agreement {
    /// Its number.
    pub number: String,
    /// From when it binds.
    pub since: Timestamp,
    /// Until when it binds.
    pub until: Timestamp,
    /// SHA-256 of its text, in hexadecimal.
    pub sha256: String,
}

/// A partner's undertaking.
#[derive(Debug)]
pub struct Undertaking {
    /// From when it binds.
    pub since: Timestamp,
    /// Until when it binds.
    pub until: Timestamp,
}

/// Where a partner receives.
#[derive(Debug)]
pub struct Endpoint {
    /// The host name, which its certificate must carry.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The country where the machine stands.
    pub country: Country,
}
