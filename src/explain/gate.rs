//! Each gate in words, and the line of the rules that opens or shuts it.

use crate::decision::gates::Gate;
use crate::policy::origin::{Origin, Origins, Step};
use crate::policy::{Field, Partner, Route};
use crate::reason::Reason;
use crate::time::Timestamp;
use crate::transfer::Claim;
use crate::vocabulary::Country;

/// What a gate asks for.
#[must_use]
pub(super) const fn words(gate: Gate) -> &'static str {
    match gate {
        Gate::Blocks => "no block of the partner or the purpose is in force",
        Gate::PartnerStatus => "the partner is active",
        Gate::PartnerDays => "the partner's entry is within its days",
        Gate::PartnerReview => "the partner's entry is reviewed",
        Gate::Agreement => "the agreement binds",
        Gate::Undertaking => "the undertaking binds",
        Gate::PurposeEnd => "the purpose has not ended",
        Gate::RouteDays => "the route is open on this day",
        Gate::StateRequest => "the state body's request is in force",
        Gate::PurposeAbroad => "the purpose may go abroad",
        Gate::PurposeCountries => "the purpose may go to these countries",
        Gate::PurposePartners => "the purpose may go to this partner",
        Gate::Records => "there is a subject's record",
        Gate::Subject => "the record says whose it is",
        Gate::SubjectBlocks => "no block of the subject is in force",
        Gate::Consent => "a consent of the subject says yes",
        Gate::Prohibition => "no country prohibits the category",
        Gate::CategoryAbroad => "the register lets the category abroad",
        Gate::PurposeCategory => "the purpose uses the category",
        Gate::PartnerCategory => "the partner may have the category",
        Gate::RouteOnly => "the route sends the field for this purpose",
        Gate::Study => "the category identifies nobody",
        Gate::RequestCategory => "the request lists the category",
        Gate::ConsentCategory => "a consent lists the category",
        Gate::ConsentDay => "a consent is not older than the field",
        Gate::ConsentChannel => "a consent was given through the state service",
    }
}

/// A gate's name in JSON.
#[must_use]
pub(super) const fn name(gate: Gate) -> &'static str {
    match gate {
        Gate::Blocks => "blocks",
        Gate::PartnerStatus => "partner-status",
        Gate::PartnerDays => "partner-days",
        Gate::PartnerReview => "partner-review",
        Gate::Agreement => "agreement",
        Gate::Undertaking => "undertaking",
        Gate::PurposeEnd => "purpose-end",
        Gate::RouteDays => "route-days",
        Gate::StateRequest => "state-request",
        Gate::PurposeAbroad => "purpose-abroad",
        Gate::PurposeCountries => "purpose-countries",
        Gate::PurposePartners => "purpose-partners",
        Gate::Records => "records",
        Gate::Subject => "subject",
        Gate::SubjectBlocks => "subject-blocks",
        Gate::Consent => "consent",
        Gate::Prohibition => "prohibition",
        Gate::CategoryAbroad => "category-abroad",
        Gate::PurposeCategory => "purpose-category",
        Gate::PartnerCategory => "partner-category",
        Gate::RouteOnly => "route-only",
        Gate::Study => "study",
        Gate::RequestCategory => "request-category",
        Gate::ConsentCategory => "consent-category",
        Gate::ConsentDay => "consent-day",
        Gate::ConsentChannel => "consent-channel",
    }
}

/// The rules of a claim, by their lines.
pub(super) struct Rules<'c> {
    claim: &'c Claim,
    origins: Origins<'c>,
    file: String,
    now: Timestamp,
}

const REGISTER: &str = "register.toml";

impl<'c> Rules<'c> {
    pub(super) fn of(claim: &'c Claim, now: Timestamp) -> Self {
        let file = format!("partners/{}.toml", claim.partner().name);
        let origins = Origins::of(claim.policy(), &[REGISTER, &file]);
        Self { claim, origins, file, now }
    }

    /// The line that a gate is about; `None` where it is about no rule.
    pub(super) fn of_gate(&self, gate: Gate, field: Option<&Field>) -> Option<Origin> {
        let key = Step::Key;
        let partner = |way: &[Step<'_>]| Some(self.partner(way));
        let category = field.and_then(|field| field.category).map(|id| id.to_string());
        let category = category.as_deref().unwrap_or_default();
        let purpose = self.claim.purpose().to_string();
        let of_purpose = |name| Some(self.register(&[key("purpose"), key(&purpose), key(name)]));
        let request = self.claim.legal_request().map(|(name, _)| name.as_str());
        match gate {
            Gate::Blocks | Gate::SubjectBlocks | Gate::Consent | Gate::ConsentCategory => None,
            Gate::PartnerStatus => partner(&[key("status")]),
            Gate::PartnerDays => partner(&[key(self.days(self.claim.partner()))]),
            Gate::PartnerReview => partner(&[key("review_due")]),
            Gate::Agreement => partner(&[key("agreement"), key("until")]),
            Gate::Undertaking => partner(&[key("undertaking"), key("until")]),
            Gate::PurposeEnd => of_purpose("ended"),
            Gate::RouteDays => Some(self.of_route(self.open(self.claim.route()))),
            Gate::StateRequest => match request {
                Some(name) => partner(&[key("request"), key(name), key("until")]),
                None => partner(&[key("request")]),
            },
            Gate::RequestCategory => {
                let name = request.unwrap_or_default();
                partner(&[key("request"), key(name), key("categories")])
            }
            Gate::PurposeAbroad => of_purpose("cross_border"),
            Gate::PurposeCountries => of_purpose("countries"),
            Gate::PurposePartners => of_purpose("partners"),
            Gate::PurposeCategory => of_purpose("categories"),
            Gate::Records => Some(self.of_route("subjects")),
            Gate::Subject => Some(self.of_route("subject")),
            Gate::Prohibition => {
                let country = self.prohibiting(field)?.to_string();
                let way = [key("prohibited"), key(&country), key("categories")];
                Some(self.register(&way))
            }
            Gate::CategoryAbroad => {
                Some(self.register(&[key("category"), key(category), key("abroad")]))
            }
            Gate::Study => {
                Some(self.register(&[key("category"), key(category), key("identifies")]))
            }
            Gate::PartnerCategory => partner(&[key("purposes"), key(&purpose)]),
            Gate::RouteOnly => Some(self.of_route("only")),
            Gate::ConsentDay | Gate::ConsentChannel => Some(self.of_field(field?)),
        }
    }

    /// The line of the rule for which a whole transfer or record stays, where no gate is shut.
    pub(super) fn of_reason(&self, reason: Reason) -> Option<Origin> {
        let name = match reason {
            Reason::RequiredFieldRemoved => "required",
            Reason::FieldUnknown => "unmapped",
            Reason::FieldShape => "fields",
            Reason::QuotaExceeded => return Some(self.partner(&[Step::Key("quota")])),
            Reason::IdentifierInStudy => {
                let purpose = self.claim.purpose().to_string();
                let way = [Step::Key("purpose"), Step::Key(&purpose), Step::Key("depersonalise")];
                return Some(self.register(&way));
            }
            _ => return None,
        };
        Some(self.of_route(name))
    }

    /// The line of a route's key.
    pub(super) fn of_route(&self, name: &str) -> Origin {
        let route = self.claim.route();
        let routes = &self.claim.partner().routes;
        let place = routes.iter().position(|other| other.name == route.name).unwrap_or_default();
        self.partner(&[Step::Key("route"), Step::Nth(place), Step::Key(name)])
    }

    /// The line of a mapped field.
    pub(super) fn of_field(&self, field: &Field) -> Origin {
        Origin { file: self.file.clone(), line: field.line }
    }

    fn partner(&self, way: &[Step<'_>]) -> Origin {
        self.origins.find(&self.file, way)
    }

    fn register(&self, way: &[Step<'_>]) -> Origin {
        self.origins.find(REGISTER, way)
    }

    fn days(&self, partner: &Partner) -> &'static str {
        if self.now < partner.valid_from { "valid_from" } else { "valid_to" }
    }

    fn open(&self, route: &Route) -> &'static str {
        let waits = route.opens.is_some_and(|opens| self.now < opens);
        if waits || route.closes.is_none() { "open_from" } else { "open_until" }
    }

    /// The first country of the route that prohibits a field's category.
    fn prohibiting(&self, field: Option<&Field>) -> Option<&Country> {
        let category = field?.category?;
        let prohibited = &self.claim.policy().register.prohibited;
        let countries = &self.claim.route().countries;
        countries.iter().find(|c| prohibited.get(c).is_some_and(|set| set.contains(category)))
    }
}
