//! The register, the partners and their routes, as values that were checked when they were read.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::document::{FieldPath, FieldSet, Shape};
use crate::reason::Language;
use crate::time::Timestamp;
use crate::vocabulary::{CategoryId, CategorySet, Country, Name, PurposeId};

/// Everything in `policies/`, read and checked as a whole.
#[derive(Debug)]
pub struct Policy {
    /// The register.
    pub register: Register,
    /// The partners, by name.
    pub partners: BTreeMap<Name, Arc<Partner>>,
    /// Each file's path below the folder, with its SHA-256 in hexadecimal.
    pub files: BTreeMap<String, String>,
    /// SHA-256 over the names and digests of all files, in hexadecimal.
    pub digest: String,
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
    /// Categories that no consent can send to a country (94-V Art. 16(4)).
    pub prohibited: BTreeMap<Country, CategorySet>,
    /// Privacy notices, by their version.
    pub notices: BTreeMap<String, Notice>,
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
}

/// A country held to protect personal data, with the act that says so.
#[derive(Debug)]
pub struct Adequacy {
    /// The legal reference.
    pub reference: String,
    /// Its date.
    pub since: Timestamp,
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
    /// Where it receives.
    pub endpoints: BTreeMap<Name, Endpoint>,
    /// What may be sent.
    pub routes: Vec<Arc<Route>>,
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

/// What may be sent to a partner: one kind of request.
#[derive(Debug)]
pub struct Route {
    /// The route's name: the partner's and its own, such as `training-gb.enrol`.
    pub name: Name,
    /// The partner's name.
    pub partner: Name,
    /// The HTTP method, in capital letters.
    pub method: String,
    /// The path at the gateway's host.
    pub path: String,
    /// The path at the partner, which is also the path at the partner's virtual host.
    pub to: String,
    /// The endpoint.
    pub endpoint: Name,
    /// Every country the data go to: the partner's and the endpoint's, sorted.
    pub countries: Vec<Country>,
    /// The purposes that it serves; the only one is the default.
    pub purposes: Vec<PurposeId>,
    /// The field map, compiled; field `n` of it is `fields[n]`.
    pub shape: Arc<Shape>,
    /// The mapped fields.
    pub fields: Vec<Field>,
    /// The fields that the partner cannot do without.
    pub required: FieldSet,
    /// The namespace of the subjects' identifiers, such as `kz-iin`.
    pub scheme: Name,
    /// What happens to the transfer when a subject may not go.
    pub on_refused: OnRefused,
    /// What happens to members that no rule maps.
    pub unmapped: Unmapped,
    /// Names of the caller's headers that are passed on, in lower case.
    pub headers: Vec<String>,
}

impl Route {
    /// Whether data on this route leave the country.
    #[must_use]
    pub fn is_cross_border(&self) -> bool {
        self.countries.iter().any(|country| *country != Country::KZ)
    }
}

/// A mapped field.
#[derive(Debug)]
pub struct Field {
    /// Where it stands in the document, from the root.
    pub path: FieldPath,
    /// The path as text, as decisions and records write it.
    pub text: String,
    /// Its category, or `None` where it is not personal.
    pub category: Option<CategoryId>,
    /// Whether it belongs to a subject's record, not to the document as a whole.
    pub in_record: bool,
}

/// What happens to a transfer when one of its subjects may not go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRefused {
    /// That subject's record is left out.
    Drop,
    /// The whole transfer is refused.
    Refuse,
}

/// What happens to members that no rule maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmapped {
    /// They are left out.
    Remove,
    /// The whole transfer is refused.
    Refuse,
}
