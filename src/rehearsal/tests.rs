use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::consent::import;
use crate::demo::sample::{AIGERIM, Expect, NURLAN, consents, fits, transfers};
use crate::vocabulary::PurposeId;

fn now() -> Timestamp {
    Timestamp::parse("2026-11-22T09:00:00Z").unwrap()
}

/// The rules as they are shipped.
fn rules() -> Arc<Policy> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    Arc::new(crate::gateway::read_rules(&folder, now()).unwrap().0)
}

/// The terms of the sample's consents, by their subject.
fn sample_terms() -> BTreeMap<String, Vec<Terms>> {
    let mut terms: BTreeMap<String, Vec<Terms>> = BTreeMap::new();
    for line in consents(now()).lines() {
        let (subject, record) = import::read(line, now(), |_| String::new()).unwrap();
        terms.entry(subject.id).or_default().push(Terms::of(&record).unwrap());
    }
    terms
}

/// A rehearsal of a request that names a purpose and a state body's request, or neither.
fn rehearsed(
    route: &str,
    named: (Option<&str>, Option<&str>),
    body: &str,
    blocks: &[Block],
) -> Rehearsed {
    let body = Bytes::copy_from_slice(body.as_bytes());
    rehearsed_with(route, named, &Head::default(), Body::Text(&body), blocks)
}

fn rehearsed_with(
    route: &str,
    (purpose, legal_request): (Option<&str>, Option<&str>),
    head: &Head,
    body: Body<'_>,
    blocks: &[Block],
) -> Rehearsed {
    let terms = sample_terms();
    let rehearsal = Rehearsal {
        route: &Name::parse(route).unwrap(),
        purpose,
        legal_request,
        head,
        body,
        consents: &|subject| terms.get(subject).cloned().unwrap_or_default(),
        blocks,
        now: now(),
        limits: &Limits::default(),
    };
    rehearse(&rules(), &rehearsal)
}

fn learners(people: &[&str]) -> String {
    let record = |iin: &&str| format!(r#"{{"iin":"{iin}","family_name":"{iin}","email":"e"}}"#);
    format!(r#"{{"learners":[{}]}}"#, people.iter().map(record).collect::<Vec<_>>().join(","))
}

fn block(subject: Option<&str>, partner: Option<&str>, purpose: Option<&str>) -> Block {
    let terms = block::Terms {
        record: Uuid::nil(),
        partner: partner.map(|name| Name::parse(name).unwrap()),
        purpose: purpose.map(|id| PurposeId::parse(id).unwrap()),
    };
    Block { subject: subject.map(str::to_owned), terms }
}

#[test]
fn a_rehearsal_ends_as_the_path_does() {
    // What a whole gateway does with the same transfers is held against the same sample elsewhere.
    for sample in transfers()
        .iter()
        .filter(|sample| !matches!(sample.expect, Expect::Refused("CALLER_NOT_ALLOWED")))
    {
        let rules = rules();
        let mut routes = rules.partners.values().flat_map(|partner| &partner.routes);
        let (method, target) = sample.request;
        let (path, query) = target.split_once('?').unzip();
        let path = path.unwrap_or(target);
        let takes =
            |route: &&Arc<Route>| route.method == method && route.template.values(path).is_some();
        let route = routes.find(takes).unwrap();
        let named = (sample.header("otkel-purpose"), sample.header("otkel-legal-request"));
        let query = query.map(str::to_owned);
        let head = Head { path: Some(path.to_owned()), query, headers: Vec::new() };
        let body = Bytes::copy_from_slice(&sample.body);
        let came = rehearsed_with(route.name.as_str(), named, &head, Body::Sent(&body), &[]);
        let is_text = !matches!(route.shape.syntax(), Syntax::Multipart(_));
        match sample.expect {
            Expect::Receives(_, text) => {
                let body = String::from_utf8_lossy(came.sent().expect(sample.title));
                let sent = came.request().unwrap_or_else(|| body.trim_end().to_owned());
                assert!(!is_text || fits(text, &sent), "{}: {sent}", sample.title);
            }
            Expect::Refused(code) => {
                assert_eq!(came.reason().map(Reason::code), Some(code), "{}", sample.title);
                assert_eq!(came.sent(), None);
            }
        }
    }
}

#[test]
fn every_reason_is_told_with_its_fields() {
    let people = [AIGERIM, NURLAN, "911231200429"];
    let came = rehearsed("training-gb.enrol", (None, None), &learners(&people), &[]);
    assert_eq!(came.standings.len(), 3);
    assert!(matches!(came.standings[1], Some(Standing::Unknown(Reason::NoConsent))));
    let reasons: Vec<Reason> = came.reasons().into_iter().collect();
    assert_eq!(reasons, [Reason::CategoryNotConsented, Reason::NoConsent]);
    let fields: Vec<&str> = came.fields(Reason::CategoryNotConsented).into_iter().collect();
    assert_eq!(fields, ["$.learners[*].email"]);
    assert!(came.fields(Reason::NoConsent).is_empty());
}

#[test]
fn a_block_stops_what_it_covers() {
    let body = learners(&[AIGERIM]);
    let reason = |block| rehearsed("training-gb.enrol", (None, None), &body, &[block]).reason();
    assert_eq!(reason(block(Some(AIGERIM), None, None)), Some(Reason::SubjectBlocked));
    assert_eq!(reason(block(Some(NURLAN), None, None)), None);
    assert_eq!(reason(block(Some(AIGERIM), None, Some("P10a"))), None);
    assert_eq!(reason(block(None, Some("training-gb"), None)), Some(Reason::PartnerBlocked));
    assert_eq!(reason(block(None, Some("mailing-de"), None)), None);
    assert_eq!(reason(block(None, None, Some("P09"))), Some(Reason::PurposeBlocked));
}

#[test]
fn what_is_not_read_is_refused_with_its_place() {
    let came = rehearsed("training-gb.enrol", (None, None), r#"{"learners":[}"#, &[]);
    let Ending::Refused(refused) = &came.ending else { panic!("{came:?}") };
    assert_eq!(refused.reason, Reason::DocumentUnparsable);
    assert!(refused.place.as_deref().unwrap().contains("at byte 13"), "{:?}", refused.place);
    assert!(came.transfer().is_none() && came.decision().is_none() && came.standings.is_empty());

    let body = learners(&[AIGERIM]);
    let reason = |route, purpose| rehearsed(route, (purpose, None), &body, &[]).reason();
    assert_eq!(reason("training-gb.leave", None), Some(Reason::RouteUnknown));
    assert_eq!(reason("training-gb.enrol", Some("P07")), Some(Reason::PurposeNotForRoute));
    assert_eq!(reason("mailing-de.subscribers", None), Some(Reason::PurposeUnknown));
}
