//! What each rule of the law and of the policy lets through and stops.

use super::*;
use crate::consent::{Grant, Grants};
use crate::policy::{Basis, Candidate, FieldSource};
use crate::transfer::tests::{changed, partner, purpose, request, route, taken};
use crate::vocabulary::{Country, Name, PurposeId};

const ONE: &str = r#"{"learners":[{"iin":"1","family_name":"a","email":"b"}]}"#;
const SCORED: &str = r#"{"iin":"1","family_name":"a","result":{"score":1}}"#;

/// Why a transfer of one learner to the training partner stays under changed rules.
fn denied(change: impl FnOnce(&mut Policy)) -> Option<Reason> {
    let transfer = under(&changed(change), ENROL, ONE);
    decided(transfer, &[granted(&["D01", "D07"])], now()).err().map(|denial| denial.reason)
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[test]
fn what_the_register_closes_is_closed_from_that_millisecond() {
    let after = now().plus_millis(1);
    assert_eq!(denied(|_| {}), None);
    assert_eq!(denied(|p| purpose(p, "P09").ended = Some(after)), None);
    assert_eq!(denied(|p| purpose(p, "P09").ended = Some(now())), Some(Reason::PurposeEnded));
    let enrol = |change: fn(&mut Route, Timestamp), at| {
        denied(|policy| change(route(policy, "training-gb.enrol"), at))
    };
    assert_eq!(enrol(|r, at| r.opens = Some(at), after), Some(Reason::RouteClosed));
    assert_eq!(enrol(|r, at| r.opens = Some(at), now()), None);
    assert_eq!(enrol(|r, at| r.closes = Some(at), after), None);
    assert_eq!(enrol(|r, at| r.closes = Some(at), now()), Some(Reason::RouteClosed));
}

#[test]
fn a_purpose_goes_only_to_its_partners_and_countries() {
    let names = |names: &[&str]| names.iter().map(|name| Name::parse(name).unwrap()).collect();
    let countries = |ids: &[&str]| ids.iter().map(|id| Country::parse(id).unwrap()).collect();
    let to = |all: &[&str]| denied(|p| purpose(p, "P09").partners = Some(names(all)));
    let into = |all: &[&str]| denied(|p| purpose(p, "P09").countries = Some(countries(all)));
    assert_eq!(to(&["mailing-de", "training-gb"]), None);
    assert_eq!(to(&["mailing-de"]), Some(Reason::PartnerNotForPurpose));
    assert_eq!(to(&[]), Some(Reason::PartnerNotForPurpose));
    assert_eq!(into(&["DE", "GB"]), None);
    assert_eq!(into(&["DE"]), Some(Reason::CountryNotForPurpose));
    let abroad = denied(|p| purpose(p, "P09").cross_border = false);
    assert_eq!(abroad, Some(Reason::PurposeNotCrossBorder));
    // At home no list of countries matters.
    let rules = changed(|p| purpose(p, "P09").countries = Some(vec![]));
    let all = granted(&["D01", "D04", "D20"]);
    assert!(decided(under(&rules, RESULT, SCORED), &[all], now()).is_ok());
}

#[test]
fn a_block_stops_the_transfer_or_the_one_record_before_anything_else() {
    let two = r#"{"learners":[{"iin":"1","family_name":"a"},{"iin":"2","family_name":"b"}]}"#;
    let blocked = Some(Standing::Refused(Reason::SubjectBlocked));
    let standings = vec![granted(&["D01"]), blocked];
    let permitted = decided(transfer(ENROL, two), &standings, now()).unwrap();
    let refused = permitted.decision().verdicts[1].refused;
    assert_eq!(refused, Some((Reason::SubjectBlocked, None)));
    let circumstances =
        Circumstances { standings, blocked: Some(Reason::PartnerBlocked), now: Timestamp::EPOCH };
    let denial = decide(transfer(ENROL, two), &circumstances).unwrap_err();
    assert_eq!(denial.reason, Reason::PartnerBlocked, "and not that the partner is not yet open");
}

// --- several consents

fn granted_by(grants: &[Grant]) -> Option<Standing> {
    let mut all = grants.iter().copied();
    let mut grants = Grants::one(all.next()?);
    all.for_each(|grant| grants.add(grant));
    Some(Standing::Granted(grants))
}

fn consents(permitted: &Permitted) -> Vec<u128> {
    let all = permitted.decision().consents.iter().next().unwrap();
    all.iter().map(Uuid::as_u128).collect()
}

#[test]
fn what_any_consent_covers_leaves_and_the_line_names_those_that_were_needed() {
    let (name, mail, both) = (grant(1, &["D01"]), grant(2, &["D07"]), grant(3, &["D01", "D07"]));
    let sent = |grants: &[Grant]| {
        let permitted = decided(transfer(ENROL, ONE), &[granted_by(grants)], now()).unwrap();
        (kept(&permitted, 0).len(), consents(&permitted))
    };
    assert_eq!(sent(&[name]), (1, vec![1]));
    assert_eq!(sent(&[name, mail]), (2, vec![1, 2]));
    assert_eq!(sent(&[both, name, mail]), (2, vec![3]));
    assert_eq!(sent(&[name, grant(4, &["D03"]), mail]), (2, vec![1, 2]));
    let told = Grant { notify: true, ..name };
    assert_eq!(sent(&[both, told]), (2, vec![3, 1]), "the wish to be told counts too");
}

#[test]
fn a_record_like_the_one_before_is_decided_for_itself() {
    let since = now();
    let rules = changed(|policy| {
        for field in &mut route(policy, "training-gb.enrol").fields {
            field.since = (field.text == "$.learners[*].email").then_some(since);
            let is_state = field.text == "$.learners[*].employment.position";
            field.source = if is_state { FieldSource::State } else { FieldSource::Own };
        }
    });
    let both = r#"{"iin":"1","family_name":"a","email":"b"}"#;
    let work = r#"{"iin":"1","family_name":"a","employment":{"position":"c"}}"#;
    let name = r#"{"iin":"1","family_name":"a"}"#;
    let late = Grant { given: since, ..grant(1, &["D01", "D07", "D08"]) };
    let early = Grant { given: since.plus_millis(-1), ..late };
    let state = Grant { through_state: true, ..late };
    let narrow = Grant { categories: set(&["D01"]), ..late };
    let told = Grant { notify: true, ..late };
    let of = |grants: &[Grant]| granted_by(grants);
    let no = Some(Standing::Unknown(Reason::NoConsent));
    let all = [
        (name, of(&[late])),
        (both, of(&[late])),
        (both, of(&[early])),
        (both, of(&[narrow])),
        (both, of(&[late])),
        (both, of(&[narrow, late])),
        (both, no.clone()),
        (both, of(&[told])),
        (both, None),
        (name, of(&[late])),
        (name, of(&[early])),
        (work, of(&[late])),
        (work, of(&[state])),
        (work, of(&[late])),
        (name, of(&[state])),
        (work.replace("\"c\"", "{}").leak() as &str, of(&[state])),
        (work, no),
    ];
    let decide = |some: &[(&str, Option<Standing>)]| {
        let body = some.iter().map(|(body, _)| *body).collect::<Vec<_>>().join(",");
        let standings: Vec<_> = some.iter().map(|(_, standing)| standing.clone()).collect();
        let transfer = under(&rules, ENROL, &format!(r#"{{"learners":[{body}]}}"#));
        match decided(transfer, &standings, now()) {
            Ok(permitted) => permitted.decision,
            Err(denial) => denial.decision,
        }
    };
    let together = decide(&all);
    let mut consents = together.consents.iter();
    for (n, one) in all.iter().enumerate() {
        let alone = decide(std::slice::from_ref(one));
        let [was, is] = [(&alone, 0), (&together, n)].map(|(d, n)| &d.verdicts[d.of[n]]);
        assert_eq!(
            (was.refused, was.keep, &was.removed),
            (is.refused, is.keep, &is.removed),
            "{n}"
        );
        assert_eq!(alone.consents.iter().next(), consents.next(), "{n}");
    }
    assert_eq!(together.verdicts.iter().map(|v| v.records).sum::<u64>(), 17);
    assert_eq!(together.told, 1);
}

#[test]
fn who_is_told_of_a_transfer_is_counted() {
    let two = r#"{"learners":[{"iin":"1","family_name":"a"},{"iin":"2","family_name":"b"}]}"#;
    let told = Grant { notify: true, ..grant(1, &["D01"]) };
    let standings = [granted_by(&[told]), granted(&["D01"])];
    let count = |rules: &Arc<Policy>, standings: &[Option<Standing>]| {
        decided(under(rules, ENROL, two), standings, now()).unwrap().decision().told
    };
    let quiet = changed(|_| {});
    assert_eq!(count(&quiet, &standings), 1);
    assert_eq!(count(&quiet, &[granted(&["D01"]), granted(&["D01"])]), 0);
    let all = changed(|policy| purpose(policy, "P09").notify_on_transfer = true);
    assert_eq!(count(&all, &standings), 2);
    let refused = Some(Standing::Unknown(Reason::NoConsent));
    assert_eq!(count(&all, &[granted(&["D01"]), refused]), 1);
}

#[test]
fn a_field_mapped_after_the_consent_stays_until_a_later_consent() {
    let since = time("2026-09-10T00:00:00+05:00");
    let rules = changed(|policy| {
        for field in &mut route(policy, "training-gb.enrol").fields {
            field.since = (field.text == "$.learners[*].email").then_some(since);
        }
    });
    let decide = |grants: &[Grant]| {
        decided(under(&rules, ENROL, ONE), &[granted_by(grants)], now()).unwrap()
    };
    let old = Grant { given: since.plus_millis(-1), ..grant(1, &["D01", "D07"]) };
    let permitted = decide(&[old]);
    assert_eq!(kept(&permitted, 0), ["$.learners[*].family_name"]);
    let removed = &permitted.decision().verdicts[0].removed;
    assert!(matches!(removed.as_slice(), [(_, Reason::FieldNewerThanConsent)]));
    assert_eq!(kept(&decide(&[Grant { given: since, ..old }]), 0).len(), 2);
    let new = Grant { given: since, ..grant(2, &["D07"]) };
    let permitted = decide(&[old, new]);
    assert_eq!((kept(&permitted, 0).len(), consents(&permitted)), (2, vec![1, 2]));
}

#[test]
fn data_of_a_state_system_need_a_consent_through_the_state_service() {
    let rules = changed(|policy| {
        let email = &mut route(policy, "training-gb.enrol").fields;
        let email = email.iter_mut().find(|f| f.text == "$.learners[*].email").unwrap();
        email.source = FieldSource::State;
    });
    let decide = |body: &str, grants: &[Grant]| {
        decided(under(&rules, ENROL, body), &[granted_by(grants)], now())
    };
    let form = grant(1, &["D01", "D07"]);
    let state = Grant { through_state: true, ..grant(2, &["D07"]) };
    for grants in [&[form][..], &[grant(1, &["D01"])]] {
        let denial = decide(ONE, grants).unwrap_err();
        let field = denial.field.map(usize::from);
        let route = denial.transfer.claim().route();
        assert_eq!(denial.reason, Reason::StateConsentRequired);
        assert_eq!(route.fields[field.unwrap()].text, "$.learners[*].email");
    }
    let permitted = decide(ONE, &[form, state]).unwrap();
    assert_eq!((kept(&permitted, 0).len(), consents(&permitted)), (2, vec![1, 2]));
    let without = r#"{"learners":[{"iin":"1","family_name":"a"}]}"#;
    assert!(decide(without, &[form]).is_ok());
}

#[test]
fn for_some_purposes_a_route_sends_some_fields_only() {
    let rules = changed(|policy| {
        let route = route(policy, "training-gb.enrol");
        let names = ["$.learners[*].family_name"];
        let fields = (0..).zip(&route.fields).filter(|(_, f)| names.contains(&&*f.text));
        let only = fields.map(|(id, _)| id).collect();
        route.only.insert(PurposeId::parse("P09").unwrap(), only);
    });
    let body = r#"{"course":{"code":"x"},"learners":[{"iin":"1","family_name":"a","email":"b"}]}"#;
    let all = granted(&["D01", "D07"]);
    let permitted = decided(under(&rules, ENROL, body), &[all], now()).unwrap();
    assert_eq!(kept(&permitted, 0), ["$.learners[*].family_name"]);
    let Decision { verdicts, outside, .. } = permitted.decision();
    for removed in [&verdicts[0].removed, &outside.removed] {
        assert!(matches!(removed.as_slice(), [(_, Reason::FieldNotForPurpose)]));
    }
}

// --- a state body's request

fn for_the_state(change: impl FnOnce(&mut Policy)) -> Transfer {
    let rules = changed(|policy| {
        route(policy, "attestation-kz.result").basis = Basis::StateRequest;
        let body = partner(policy, "attestation-kz");
        body.kind = PartnerKind::StateBody;
        body.purposes.values_mut().for_each(|set| *set = CategorySet::EMPTY);
        body.requests.insert(Name::parse("2026-114").unwrap(), request());
        purpose(policy, "P09").categories = CategorySet::EMPTY;
        route(policy, "attestation-kz.result").required = FieldSet::EMPTY;
        route(policy, "attestation-kz.result").on_refused = OnRefused::Drop;
        change(policy);
    });
    let target = Target {
        partner_host: None,
        method: "POST",
        path: RESULT,
        purposes: &[],
        legal_request: Some("2026-114"),
    };
    parsed(claim_under(&rules, &target).unwrap(), SCORED)
}

#[test]
fn a_state_bodys_request_needs_no_consent_and_lets_out_what_it_lists() {
    let nobody_asked = [Some(Standing::Unknown(Reason::NoConsent))];
    let permitted = decided(for_the_state(|_| {}), &nobody_asked, now()).unwrap();
    assert_eq!(kept(&permitted, 0), ["$.iin", "$.family_name"]);
    assert_eq!(consents(&permitted), [0; 0]);
    let withdrawn = [Some(Standing::Lapsed(Reason::ConsentWithdrawn))];
    assert!(decided(for_the_state(|_| {}), &withdrawn, now()).is_ok());
    let said = |standing, at| {
        decided(for_the_state(|_| {}), &[standing], at).map_err(|denial| denial.reason)
    };
    assert_eq!(said(None, now()).unwrap_err(), Reason::SubjectUnidentified);
    let blocked = Some(Standing::Refused(Reason::SubjectBlocked));
    assert_eq!(said(blocked, now()).unwrap_err(), Reason::SubjectBlocked);
    let told = Grant { notify: true, ..grant(1, &["D01"]) };
    let permitted = said(granted_by(&[told]), now()).unwrap();
    assert_eq!(permitted.decision().told, 0, "94-V Art. 19(2)");
}

#[test]
fn a_state_bodys_request_counts_while_it_is_in_force_and_of_a_state_body() {
    let nobody_asked = [Some(Standing::Unknown(Reason::NoConsent))];
    let said = |change: fn(&mut Policy), at| {
        let decided = decided(for_the_state(change), &nobody_asked, at);
        decided.err().map(|denial| denial.reason)
    };
    let (from, until) = (request().date, request().until);
    assert_eq!(said(|_| {}, until.plus_millis(-1)), None);
    assert_eq!(said(|_| {}, until), Some(Reason::LegalRequestIncomplete));
    assert_eq!(said(|_| {}, from.plus_millis(-1)), Some(Reason::LegalRequestIncomplete));
    let third = |p: &mut Policy| partner(p, "attestation-kz").kind = PartnerKind::ThirdParty;
    assert_eq!(said(third, now()), Some(Reason::LegalRequestIncomplete));
}

// --- studies: 94-V Art. 17(1)

fn study(body: &str, standings: &[Option<Standing>]) -> Result<Permitted, (Reason, String)> {
    let rules = changed(|policy| {
        let study = purpose(policy, "P09");
        study.depersonalise = true;
        study.categories = set(&["D08", "D20"]);
        partner(policy, "training-gb").purposes.values_mut().for_each(|all| *all = set(&["D08"]));
        for category in ["D08", "D20"] {
            let id = CategoryId::parse(category).unwrap();
            policy.register.categories.get_mut(&id).unwrap().identifies = false;
        }
        let route = route(policy, "training-gb.enrol");
        route.required = FieldSet::EMPTY;
        route.on_refused = OnRefused::Drop;
    });
    let decided = decided(under(&rules, ENROL, body), standings, now());
    decided.map_err(|denial| {
        let route = denial.transfer.claim().route();
        let field = denial.field.map(|n| route.fields[usize::from(n)].text.clone());
        (denial.reason, field.unwrap_or_default())
    })
}

#[test]
fn a_study_gets_nothing_that_identifies() {
    let work = |position: &str| {
        format!(
            r#"{{"course":{{"code":"PED-7","start_date":"2026-11-22"}},
            "learners":[{{"iin":"1","employment":{{"position":{position}}}}}]}}"#
        )
    };
    let yes = [granted(&["D01", "D08"])];
    let found = |body: &str| study(body, &yes).unwrap_err();
    assert!(study(&work(r#""мұғалім""#), &yes).is_ok());
    assert!(study(&work("7"), &yes).is_ok());
    let position = (Reason::IdentifierInStudy, "$.learners[*].employment.position".to_owned());
    for identifier in [
        r#""a@b.kz""#,
        r#""a\u0040b.kz""#,
        r#""\u0035801011000\u00315""#,
        "580101100015",
        "5.80101100015e11",
        r#""5f2c7a10b3d94e8896aa01c2d3e4f506""#,
    ] {
        assert_eq!(found(&work(identifier)), position, "{identifier}");
    }
    let named = r#"{"learners":[{"iin":"1","family_name":null,"employment":{"position":"a"}}]}"#;
    let family_name = (Reason::IdentifierInStudy, "$.learners[*].family_name".to_owned());
    assert_eq!(found(named), family_name);
    assert_eq!(found(&named.replace("null", "{}")), family_name);
    let course = work(r#""a""#).replace("PED-7", "call 87770000000");
    assert_eq!(found(&course).1, "$.course.code", "public fields too");
}

#[test]
fn whose_consent_would_let_an_identifier_out_of_a_study_does_not_matter() {
    let body = r#"{"learners":[{"iin":"1","employment":{"position":"a"}},
        {"iin":"2","employment":{"position":"a@b.kz"}}]}"#;
    let yes = || granted(&["D08"]);
    let no = || Some(Standing::Unknown(Reason::NoConsent));
    for standings in [[yes(), yes()], [yes(), no()]] {
        assert_eq!(study(body, &standings).unwrap_err().0, Reason::IdentifierInStudy);
    }
    let unmapped = body.replace("position", "nickname");
    assert_eq!(study(&unmapped, &[yes(), yes()]).unwrap_err().0, Reason::FieldUnknown);
}

// --- candidates

/// The training partner's rules, with a candidate that is a changed copy of its route.
fn tried(until: Timestamp, change: impl FnOnce(&mut Route)) -> Arc<Policy> {
    let copy = taken("training-gb", change);
    assert_eq!(copy.name.as_str(), "training-gb.enrol");
    changed(|policy| {
        let candidate = Candidate { until, route: copy };
        route(policy, "training-gb.enrol").candidate = Some(candidate);
    })
}

fn trial(rules: &Arc<Policy>, body: &str, standing: Option<Standing>) -> Option<Trial> {
    let standings = [standing];
    let plain = decided(under(&changed(|_| {}), ENROL, body), &standings, now());
    match (decided(under(rules, ENROL, body), &standings, now()), plain) {
        (Ok(permitted), Ok(plain)) => {
            assert_eq!(permitted.decision(), plain.decision());
            permitted.trial
        }
        (Err(denial), Err(plain)) => {
            assert_eq!((denial.reason, &denial.decision), (plain.reason, &plain.decision));
            denial.trial
        }
        _ => panic!("the candidate changed what happens"),
    }
}

#[test]
fn a_candidate_is_tried_and_changes_nothing() {
    let later = now().plus_millis(1);
    let strict = tried(later, |route| {
        route.required = (0..).take(route.fields.len()).collect();
    });
    let yes = || granted(&["D01", "D07"]);
    let found = trial(&strict, ONE, yes()).unwrap();
    assert_eq!(found.reason, Some(Reason::RequiredFieldRemoved));
    let no = Some(Standing::Unknown(Reason::NoConsent));
    assert_eq!(trial(&strict, ONE, no).unwrap().reason, Some(Reason::RequiredFieldRemoved));
    let other = tried(later, |route| route.purposes = vec![PurposeId::parse("P07").unwrap()]);
    let found = trial(&other, ONE, yes()).unwrap();
    assert_eq!(
        (found.reason, found.decision),
        (Some(Reason::PurposeNotForRoute), Decision::default())
    );
    let wide = tried(later, |route| route.required = FieldSet::EMPTY);
    let nameless = r#"{"learners":[{"iin":"1","email":"b"}]}"#;
    let found = trial(&wide, nameless, yes()).unwrap();
    assert_eq!((found.reason, found.decision.of.len()), (None, 1));
    let over = tried(now(), |_| {});
    assert!(trial(&over, ONE, yes()).is_none());
}

#[test]
fn what_was_there_is_said_of_a_transfer_of_which_nothing_was_looked_at() {
    let body = r#"{"course":{"code":"x"},"learners":[{"iin":"1","family_name":"a"},
        {"iin":"2","email":"b","x":1},{"iin":"3","family_name":"c","email":{}}]}"#;
    let document = transfer(ENROL, body);
    let alike = Decision::alike(document.document(), Reason::PartnerBlocked);
    assert_eq!((alike.of.as_slice(), alike.verdicts.len()), (&[0, 1, 0][..], 2));
    assert_eq!(alike.consents.iter().collect::<Vec<_>>(), [&[] as &[Uuid]; 3]);
    let counts: Vec<_> = alike.verdicts.iter().map(|v| (v.records, v.unmapped)).collect();
    assert_eq!(counts, [(2, 0), (1, 1)]);
    assert_eq!(alike.outside.present.iter().count(), 1);
}
