use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::Bytes;

use super::*;
use crate::policy::{Inner, Template};
use crate::time::Timestamp;
use crate::vocabulary::CategoryId;

/// The rules of the example, as they are shipped.
pub(crate) fn rules() -> Arc<Policy> {
    static RULES: LazyLock<Arc<Policy>> = LazyLock::new(|| Arc::new(read()));
    Arc::clone(&RULES)
}

/// The rules of the example with a change that no file of theirs makes.
pub(crate) fn changed(change: impl FnOnce(&mut Policy)) -> Arc<Policy> {
    Arc::new(read().with(change))
}

/// A route that no rules have any more, to be changed.
pub(crate) fn taken(partner: &str, change: impl FnOnce(&mut Route)) -> Arc<Route> {
    let mut route = None;
    changed(|policy| route = self::partner(policy, partner).routes.drain(..).next());
    let mut route = route.unwrap();
    change(Arc::get_mut(&mut route).unwrap());
    route
}

/// A route of rules that are being changed.
pub(crate) fn route<'p>(policy: &'p mut Policy, name: &str) -> &'p mut Route {
    let mut routes = policy.partners.values_mut().flat_map(|partner| {
        Arc::get_mut(partner).unwrap().routes.iter_mut().map(|route| Arc::get_mut(route).unwrap())
    });
    routes.find(|route| route.name.as_str() == name).unwrap()
}

/// A partner of rules that are being changed.
pub(crate) fn partner<'p>(policy: &'p mut Policy, name: &str) -> &'p mut Partner {
    Arc::get_mut(policy.partners.get_mut(&Name::parse(name).unwrap()).unwrap()).unwrap()
}

/// A purpose of rules that are being changed.
pub(crate) fn purpose<'p>(policy: &'p mut Policy, id: &str) -> &'p mut Purpose {
    policy.register.purposes.get_mut(&PurposeId::parse(id).unwrap()).unwrap()
}

fn read() -> Policy {
    macro_rules! files {
        ($($path:literal)*) => {
            [$(($path, include_bytes!(concat!("../../policies/", $path)).as_slice()),)*]
        };
    }
    let files = files![
        "register.toml"
        "notices/2026-09.txt"
        "partners/attestation-kz.toml"
        "partners/learning-de.toml"
        "partners/mailing-de.toml"
        "partners/ministry-kz.toml"
        "partners/research-kz.toml"
        "partners/training-gb.toml"
    ];
    let files: BTreeMap<String, Vec<u8>> =
        files.into_iter().map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).collect();
    let now = Timestamp::parse("2026-11-22T09:00:00Z").unwrap();
    Policy::read(&files, now).unwrap().0
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
    let target = Target { partner_host, method, path, purposes, legal_request: None };
    claim_under(&rules(), &target).map_err(|refused| refused.reason)
}

/// A claim under some rules of a caller that may use every route.
pub(crate) fn claim_under(rules: &Arc<Policy>, target: &Target<'_>) -> Result<Claim, Refused> {
    let routes = rules.partners.values().flat_map(|partner| &partner.routes);
    let routes = Arc::new(routes.map(|route| route.name.clone()).collect());
    let caller = Caller { name: Name::parse("lms").unwrap(), routes, requests_per_minute: None };
    Claim::read(rules, &caller, target, Uuid::from_u128(1))
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
fn values_of_a_path_come_with_the_claim() {
    let template = |path| Template::parse(path).unwrap();
    let rules = changed(|policy| {
        let enrol = route(policy, "training-gb.enrol");
        (enrol.method, enrol.template) = ("GET".into(), template("/learners/{iin}/{name}"));
        enrol.inner = Some(Inner { method: "GET".into(), path: template("/v1/{name}/{iin}") });
        route(policy, "training-gb.enrol-groups").template = template("/learners/{iin}/{n}");
    });
    let read = |partner_host, method, path| {
        let target = Target { partner_host, method, path, purposes: &["P09"], legal_request: None };
        let claim = claim_under(&rules, &target).map_err(|refused| refused.reason)?;
        let values = claim.path_values().iter().map(|(name, value)| format!("{name}={value}"));
        let values = values.collect::<Vec<_>>().join(" ");
        Ok::<_, Reason>((claim.route().name.as_str().to_owned(), values))
    };
    let enrol = |values: &str| Ok(("training-gb.enrol".to_owned(), values.to_owned()));
    let groups = |values: &str| Ok(("training-gb.enrol-groups".to_owned(), values.to_owned()));
    assert_eq!(read(None, "GET", "/learners/1/%D3%99"), enrol("iin=1 name=ә"));
    assert_eq!(read(None, "POST", "/learners/1/b"), groups("iin=1 n=b"));
    let host = Some("api.training-gb.example");
    assert_eq!(read(host, "GET", "/v1/b/1"), enrol("name=b iin=1"));
    assert_eq!(read(host, "POST", "/v1/enrolments"), Err(Reason::RouteUnknown), "not without it");
    assert_eq!(read(None, "PUT", "/learners/1/b"), Err(Reason::MethodNotAllowed));
    for path in ["/learners/1", "/learners/1/", "/learners/1/%2E%2e", "/learners/1/%00"] {
        assert_eq!(read(None, "GET", path), Err(Reason::RouteUnknown), "{path}");
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
        routes: Arc::new(HashSet::from([Name::parse("mailing-de.subscribers").unwrap()])),
        requests_per_minute: None,
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

#[test]
fn a_state_bodys_request_is_named_where_it_counts_and_nowhere_else() {
    let rules = changed(|policy| {
        route(policy, "attestation-kz.result").basis = Basis::StateRequest;
        let name = Name::parse("2026-114").unwrap();
        partner(policy, "attestation-kz").requests.insert(name, request());
    });
    let read = |path, legal_request| {
        let target =
            Target { partner_host: None, method: "POST", path, purposes: &[], legal_request };
        claim_under(&rules, &target)
    };
    let state = "/attestation-kz/results";
    let claim = read(state, Some("2026-114")).unwrap();
    assert_eq!(claim.legal_request().unwrap().0.as_str(), "2026-114");
    for named in [None, Some(""), Some("2026-115"), Some("2026-114, 2026-114"), Some("a b")] {
        let refused = read(state, named).unwrap_err();
        assert_eq!(refused.reason, Reason::LegalRequestIncomplete, "{named:?}");
        assert_eq!(refused.place.as_deref(), Some("`Otkel-Legal-Request`"));
    }
    let by_consent = "/attestation-kz/result-batches";
    assert!(read(by_consent, None).unwrap().legal_request().is_none());
    for named in ["2026-114", "", "nonsense"] {
        let refused = read(by_consent, Some(named)).unwrap_err();
        assert_eq!(refused.reason, Reason::LegalRequestNotForRoute, "{named:?}");
    }
}

/// A request of a state body, in force in November 2026.
pub(crate) fn request() -> LegalRequest {
    let time = |text| Timestamp::parse(text).unwrap();
    LegalRequest {
        article: "9(1)".into(),
        document: "No. 03-114/26".into(),
        date: time("2026-10-01T00:00:00+05:00"),
        until: time("2027-01-01T00:00:00+05:00"),
        officer: Name::parse("a.mysalova").unwrap(),
        categories: ["D01", "D04"].iter().map(|id| CategoryId::parse(id).unwrap()).collect(),
        line: 1,
    }
}

#[test]
fn a_claim_read_again_obeys_the_other_rules_and_keeps_what_was_asked() {
    let enrol = "/training-gb/enrolments";
    let body = || Bytes::from_static(br#"{"learners":[{"iin":"1","family_name":"a"}]}"#);
    let parse =
        |limits: &Limits| Transfer::parse(claim("POST", enrol, &["P09"]).unwrap(), body(), limits);
    let again = |rules: &Arc<Policy>| {
        let transfer = parse(&Limits::default()).unwrap();
        transfer.under(rules, &Limits::default()).map_err(|refused| refused.reason)
    };
    let moved = changed(|policy| {
        route(policy, "training-gb.enrol").purposes = vec![PurposeId::parse("P07").unwrap()];
    });
    let same = again(&rules()).unwrap();
    assert_eq!(same.claim().did(), Uuid::from_u128(1));
    assert_eq!(
        (same.claim().purpose().to_string(), same.document().records().len()),
        ("P09".to_owned(), 1)
    );
    assert_eq!(again(&moved).unwrap_err(), Reason::PurposeNotForRoute);
    let gone = changed(|policy| partner(policy, "training-gb").routes.clear());
    assert_eq!(again(&gone).unwrap_err(), Reason::RouteUnknown);
    let taken = changed(|policy| {
        let template = |path| Template::parse(path).unwrap();
        route(policy, "training-gb.enrol").template = template("/elsewhere");
        route(policy, "training-gb.enrol-groups").template = template(enrol);
    });
    assert_eq!(again(&taken).unwrap().claim().route().name.as_str(), "training-gb.enrol-groups");
}
