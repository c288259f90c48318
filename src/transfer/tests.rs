use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::*;
use crate::time::Timestamp;

/// The rules of the example, as they are shipped.
pub(crate) fn rules() -> Arc<Policy> {
    static RULES: LazyLock<Arc<Policy>> = LazyLock::new(read);
    Arc::clone(&RULES)
}

fn read() -> Arc<Policy> {
    let files = [
        ("register.toml", include_bytes!("../../policies/register.toml").as_slice()),
        ("notices/2026-09.txt", include_bytes!("../../policies/notices/2026-09.txt").as_slice()),
        (
            "partners/attestation-kz.toml",
            include_bytes!("../../policies/partners/attestation-kz.toml").as_slice(),
        ),
        (
            "partners/training-gb.toml",
            include_bytes!("../../policies/partners/training-gb.toml").as_slice(),
        ),
        (
            "partners/mailing-de.toml",
            include_bytes!("../../policies/partners/mailing-de.toml").as_slice(),
        ),
    ];
    let files: BTreeMap<String, Vec<u8>> =
        files.into_iter().map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).collect();
    let now = Timestamp::parse("2026-11-22T09:00:00Z").unwrap();
    Arc::new(Policy::read(&files, now).unwrap().0)
}

/// A claim of a caller that may use every route.
pub(crate) fn claim(method: &str, path: &str, purposes: &[&str]) -> Result<Claim, Reason> {
    claim_at(None, method, path, purposes)
}

fn claim_at(
    partner_host: Option<&str>,
    method: &str,
    path: &str,
    purposes: &[&str],
) -> Result<Claim, Reason> {
    let rules = rules();
    let routes = rules.partners.values().flat_map(|partner| &partner.routes);
    let routes = routes.map(|route| route.name.clone()).collect();
    let caller = Caller { name: Name::parse("lms").unwrap(), routes };
    let target = Target { partner_host, method, path, purposes, legal_request: None };
    Claim::read(&rules, &caller, &target, Uuid::from_u128(1)).map_err(|refused| refused.reason)
}

#[test]
fn a_route_is_found_at_the_gateway_and_at_the_partners_own_host() {
    let claim = claim("POST", "/training-gb/enrolments", &[]).unwrap();
    assert_eq!(claim.route().name.as_str(), "training-gb.enrol");
    assert_eq!(claim.purpose().to_string(), "P09");
    let host = Some("api.training-gb.example");
    let virtual_claim = claim_at(host, "POST", "/v1/enrolments", &["P09"]).unwrap();
    assert_eq!(virtual_claim.route().name, claim.route().name);
    for (host, path) in [(host, "/training-gb/enrolments"), (None, "/v1/enrolments")] {
        assert_eq!(claim_at(host, "POST", path, &[]).unwrap_err(), Reason::RouteUnknown);
    }
}

#[test]
fn what_no_route_declares_is_refused_by_name() {
    let mailing = "/mailing-de/subscribers";
    for (method, path, purposes, reason) in [
        ("POST", "/nowhere", &[][..], Reason::RouteUnknown),
        ("GET", "/training-gb/enrolments", &[], Reason::MethodNotAllowed),
        ("POST", "/training-gb/enrolments/", &[], Reason::RouteUnknown),
        ("PUT", mailing, &[], Reason::PurposeUnknown),
        ("PUT", mailing, &["P07", "P10a"], Reason::PurposeAmbiguous),
        ("PUT", mailing, &["P07", "P07"], Reason::PurposeAmbiguous),
        ("PUT", mailing, &["P09"], Reason::PurposeNotForRoute),
        ("PUT", mailing, &["P08"], Reason::PurposeUnknown),
        ("PUT", mailing, &["P11"], Reason::PurposeUnknown),
        ("PUT", mailing, &["P10"], Reason::PurposeUnknown),
        ("PUT", mailing, &["everything"], Reason::PurposeUnknown),
        ("PUT", mailing, &[""], Reason::PurposeUnknown),
    ] {
        assert_eq!(claim(method, path, purposes).unwrap_err(), reason, "{path} {purposes:?}");
    }
}

#[test]
fn a_caller_uses_the_routes_it_was_given_and_no_other() {
    let rules = rules();
    let caller = Caller {
        name: Name::parse("crm").unwrap(),
        routes: vec![Name::parse("mailing-de.subscribers").unwrap()],
    };
    let target = Target {
        partner_host: None,
        method: "POST",
        path: "/training-gb/enrolments",
        purposes: &[],
        legal_request: None,
    };
    let refused = Claim::read(&rules, &caller, &target, Uuid::nil()).unwrap_err();
    assert_eq!(refused.reason, Reason::CallerNotAllowed);
    assert_eq!(refused.known.route, Name::parse("training-gb.enrol").ok());
}
