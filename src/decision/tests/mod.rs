mod gates;
mod law;

use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::consent::{Grant, Grants};
use crate::document::Limits;
use crate::policy::Policy;
use crate::transfer::Target;
use crate::transfer::tests::{changed, claim, claim_under, purpose, route};
use crate::vocabulary::{CategoryId, CategorySet};

pub(crate) const ENROL: &str = "/training-gb/enrolments";
const RESULT: &str = "/attestation-kz/results";
const BATCH: &str = "/attestation-kz/result-batches";

pub(crate) fn now() -> Timestamp {
    Timestamp::parse("2026-11-22T09:00:00Z").unwrap()
}

fn transfer(path: &str, body: &str) -> Transfer {
    parsed(claim("POST", path, &[]).unwrap(), body)
}

/// A transfer by `POST` under changed rules.
pub(crate) fn under(rules: &Arc<Policy>, path: &str, body: &str) -> Transfer {
    let target =
        Target { partner_host: None, method: "POST", path, purposes: &[], legal_request: None };
    parsed(claim_under(rules, &target).unwrap(), body)
}

fn parsed(claim: Claim, body: &str) -> Transfer {
    Transfer::parse(claim, Bytes::copy_from_slice(body.as_bytes()), &Limits::default()).unwrap()
}

#[allow(clippy::unnecessary_wraps, reason = "as a record's standing is given")]
fn granted(categories: &[&str]) -> Option<Standing> {
    Some(Standing::Granted(Grants::one(grant(9, categories))))
}

fn grant(record: u128, categories: &[&str]) -> Grant {
    Grant {
        record: Uuid::from_u128(record),
        categories: set(categories),
        given: Timestamp::EPOCH,
        through_state: false,
        notify: false,
    }
}

fn set(categories: &[&str]) -> CategorySet {
    categories.iter().map(|text| CategoryId::parse(text).unwrap()).collect()
}

pub(crate) fn decided(
    transfer: Transfer,
    standings: &[Option<Standing>],
    now: Timestamp,
) -> Result<Permitted, Box<Denial>> {
    decide(transfer, &Circumstances { standings: standings.to_vec(), blocked: None, now })
}

fn kept(permitted: &Permitted, record: usize) -> Vec<String> {
    let decision = permitted.decision();
    let route = permitted.transfer().claim().route();
    let verdict = &decision.verdicts[decision.of[record]];
    verdict.keep.iter().map(|field| route.fields[usize::from(field)].text.clone()).collect()
}

#[test]
fn a_field_leaves_only_if_the_consent_lists_its_category() {
    let body = r#"{"learners":[{"iin":"1","family_name":"a","email":"b","phone":"c"}]}"#;
    let permitted = decided(transfer(ENROL, body), &[granted(&["D01"])], now()).unwrap();
    assert_eq!(kept(&permitted, 0), ["$.learners[*].family_name"]);
    let verdict = &permitted.decision().verdicts[0];
    assert!(matches!(verdict.removed.as_slice(), [(_, Reason::CategoryNotConsented)]));
    assert_eq!(verdict.unmapped, 1, "the telephone number");
}

#[test]
fn a_field_that_may_hold_others_leaves_only_if_all_of_them_may() {
    let with = |holds: &[&str], used: &[&str]| {
        changed(|policy| {
            let enrol = route(policy, "training-gb.enrol");
            enrol.required = FieldSet::EMPTY;
            let mut fields = enrol.fields.iter_mut();
            let name = fields.find(|field| field.text == "$.learners[*].family_name").unwrap();
            name.holds = set(holds);
            purpose(policy, "P09").categories = set(used);
        })
    };
    let body = r#"{"learners":[{"iin":"1","family_name":"a","given_name":"b"}]}"#;
    let left = |rules: &Arc<Policy>, consents: &[&[&str]]| {
        let mut grants = consents.iter().zip(0..).map(|(consent, n)| grant(n, consent));
        let mut all = Grants::one(grants.next().unwrap());
        grants.for_each(|grant| all.add(grant));
        let standing = Some(Standing::Granted(all));
        let permitted = decided(under(rules, ENROL, body), &[standing], now());
        let permitted = permitted.map_err(|denial| denial.reason)?;
        assert!(permitted.transfer().claim().wanted().contains_all(set(&["D01", "D07"])));
        Ok::<_, Reason>(kept(&permitted, 0).contains(&"$.learners[*].family_name".to_owned()))
    };
    let all = &["D01", "D04", "D07", "D08", "D20"][..];
    let rules = with(&["D07"], all);
    assert_eq!(left(&rules, &[&["D01", "D07"]]), Ok(true));
    assert_eq!(left(&rules, &[&["D01"]]), Ok(false));
    assert_eq!(left(&rules, &[&["D01"], &["D07"]]), Ok(false), "one consent covers all of it");
    assert_eq!(left(&with(&["D07"], &["D01", "D04"]), &[all]), Ok(false), "not of the purpose");
    assert_eq!(left(&with(&[], all), &[&["D01"]]), Ok(true));
}

#[test]
fn a_record_without_consent_is_dropped_or_stops_the_transfer_as_the_route_says() {
    let body = r#"{"learners":[{"iin":"1","family_name":"a"},{"iin":"2","family_name":"b"}]}"#;
    let no = Some(Standing::Unknown(Reason::NoConsent));
    let standings = [granted(&["D01", "D04"]), no];
    let permitted = decided(transfer(ENROL, body), &standings, now()).unwrap();
    let refused = |n: usize| permitted.decision().verdicts[permitted.decision().of[n]].refused;
    assert_eq!((refused(0), refused(1)), (None, Some((Reason::NoConsent, None))));
    let denial = decided(transfer(BATCH, body), &standings, now()).unwrap_err();
    assert_eq!(denial.reason, Reason::NoConsent);
    assert_eq!(denial.decision.of.len(), 2, "each subject has its line");
}

#[test]
fn records_that_are_treated_alike_share_a_verdict() {
    let record = r#"{"iin":"1","family_name":"a"}"#;
    let body = format!(r#"{{"learners":[{}]}}"#, [record; 500].join(","));
    let standings = vec![granted(&["D01"]); 500];
    let permitted = decided(transfer(ENROL, &body), &standings, now()).unwrap();
    assert_eq!(permitted.decision().verdicts.len(), 1);
    assert_eq!(permitted.decision().verdicts[0].records, 500);
}

#[test]
fn nothing_goes_when_something_is_missing_or_too_much() {
    let all = &["D01", "D04", "D08", "D20"][..];
    let whole = r#"{"iin":"1","family_name":"a","result":{"score":1}}"#;
    let denied = |path, body, standings: &[Option<Standing>], now| {
        let denial = decided(transfer(path, body), standings, now).unwrap_err();
        let route = denial.transfer.claim().route();
        let field = denial.field.map(|field| route.fields[usize::from(field)].text.clone());
        (denial.reason, field)
    };
    assert!(decided(transfer(RESULT, whole), &[granted(all)], now()).is_ok());
    let extra = r#"{"iin":"1","family_name":"a","result":{"score":1},"blood_group":"A"}"#;
    let unscored = r#"{"iin":"1","family_name":"a"}"#;
    let score = Some("$.result.score".to_owned());
    let iin = Some("$.iin".to_owned());
    let empty = r#"{"learners":[]}"#;
    let nameless = r#"{"learners":[{"family_name":"a"}]}"#;
    for (expected, found) in [
        ((Reason::FieldUnknown, None), denied(RESULT, extra, &[granted(all)], now())),
        ((Reason::RequiredFieldRemoved, score), denied(RESULT, unscored, &[granted(all)], now())),
        (
            (Reason::RequiredFieldRemoved, iin),
            denied(RESULT, whole, &[granted(&["D01", "D20"])], now()),
        ),
        ((Reason::NoSubjects, None), denied(ENROL, empty, &[], now())),
        ((Reason::SubjectUnidentified, None), denied(ENROL, nameless, &[None], now())),
    ] {
        assert_eq!(found, expected);
    }
}

#[test]
fn a_partner_that_is_not_bound_or_not_reviewed_gets_nothing() {
    let body = r#"{"learners":[{"iin":"1","family_name":"a"}]}"#;
    let at = |text| {
        let time = Timestamp::parse(text).unwrap();
        decided(transfer(ENROL, body), &[granted(&["D01"])], time).map_err(|denial| denial.reason)
    };
    // Reviewed until the end of 2027-11-01 in Almaty, five hours ahead.
    assert!(at("2027-11-01T18:59:59.999Z").is_ok());
    assert_eq!(at("2027-11-01T19:00:00Z").unwrap_err(), Reason::PartnerSuspended);
    assert_eq!(at("2026-08-31T18:59:59Z").unwrap_err(), Reason::PartnerSuspended);
}
