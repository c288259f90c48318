//! What comes out of rules that use every key.

use otkel::policy::legal::{Number, Unit};
use otkel::policy::{Basis, FieldSource, OnRefused, PartnerKind, Unmapped};
use otkel::reason::Language;
use otkel::time::Timestamp;
use otkel::vocabulary::{CategoryId, Country, Name, PurposeId};

use super::{edited, folder, read};

#[test]
fn every_key_says_what_it_says() {
    let (policy, _) = read(&folder()).unwrap();
    let register = &policy.register;
    let purpose = |id| &register.purposes[&PurposeId::parse(id).unwrap()];
    let (p07, p09, p10c) = (purpose("P07"), purpose("P09"), purpose("P10c"));
    let (de, no) = (Country::parse("DE").unwrap(), Country::parse("NO").unwrap());
    let mailing = Name::parse("mailing-de").unwrap();
    assert!(p07.may_cross_to(de) && p07.may_cross_to(Country::KZ) && !p07.may_cross_to(no));
    assert!(p07.may_go_to(&mailing) && !p07.may_go_to(&Name::parse("training-gb").unwrap()));
    assert!(p09.may_cross_to(no) && p09.may_go_to(&mailing) && !p10c.may_cross_to(de));
    assert!(p07.notify_on_transfer && p09.automated_decision && p10c.depersonalise);
    assert!(!p09.notify_on_transfer && !p07.automated_decision && !p07.depersonalise);
    assert_eq!(
        (p07.retention_days, p07.end_event.as_deref()),
        (Some(365), Some("the subject opts out"))
    );
    let ended = Timestamp::parse("2028-01-01T00:00:00+05:00").unwrap();
    assert!(p09.has_ended(ended) && !p09.has_ended(ended.plus_millis(-1)) && !p07.has_ended(ended));
    assert!(!register.categories[&CategoryId::parse("D20").unwrap()].identifies);
    assert!(register.categories[&CategoryId::parse("D01").unwrap()].identifies);
    let (aq, bv) = (Country::parse("AQ").unwrap(), Country::parse("BV").unwrap());
    assert_eq!((register.adequate.len(), register.adequate[&aq].reference.as_str()), (1, "an act"));
    let treaty = &register.treaties[&no];
    assert_eq!(treaty.since.to_string(), "2026-09-30T19:00:00.000Z");
    assert_eq!(treaty.until.unwrap().to_string(), "2027-10-01T19:00:00.000Z");
    assert!(register.prohibited[&bv].contains(CategoryId::parse("D04").unwrap()));
    let withdrawal = &register.legal[&Number::Withdrawal];
    assert_eq!((withdrawal.value, withdrawal.unit), (15, Unit::WorkingDays));
    assert_eq!(register.legal.len(), Number::ALL.len());
    assert_eq!(
        register.bases["9(10)"].in_language(Language::En),
        "other cases that laws of the Republic of Kazakhstan set"
    );
    assert!(register.calendar.is_working(jiff::civil::date(2026, 12, 19)), "a Saturday, worked");

    let ministry = &policy.partners[&Name::parse("ministry-kz").unwrap()];
    assert_eq!((ministry.kind, ministry.stop_notice.confirm_days), (PartnerKind::StateBody, 10));
    let request = &ministry.requests[&Name::parse("2026-114").unwrap()];
    assert_eq!((request.article.as_str(), request.line), ("9(1)", 42));
    let [inquiry, survey] = ministry.routes.as_slice() else { panic!() };
    assert_eq!((inquiry.basis, survey.basis), (Basis::StateRequest, Basis::Consent));
    assert_eq!((inquiry.fields[1].source, inquiry.fields[1].line), (FieldSource::State, 61));
    let training = &policy.partners[&Name::parse("training-gb").unwrap()];
    assert_eq!(
        (training.quota.subjects_per_day, training.quota.records_per_day),
        (Some(1000), Some(5000))
    );
    assert_eq!((training.breach.notice_hours, training.approved_by.len()), (24, 2));
}

#[test]
fn a_candidate_is_the_route_with_the_keys_that_it_gives() {
    let (policy, _) = read(&folder()).unwrap();
    let route = |name| policy.route(&Name::parse(name).unwrap()).unwrap().route;
    let groups = route("training-gb.enrol-groups");
    assert_eq!(groups.opens.unwrap().to_string(), "2026-08-31T19:00:00.000Z");
    assert_eq!(groups.closes.unwrap().to_string(), "2027-06-30T19:00:00.000Z");
    let candidate = groups.candidate.as_ref().unwrap();
    assert_eq!(candidate.until.to_string(), "2026-12-31T19:00:00.000Z");
    let tried = &candidate.route;
    let names: Vec<&str> = tried.fields.iter().map(|field| field.text.as_str()).collect();
    assert_eq!(names, ["$.groups[*].learners[*].family_name"]);
    assert!(tried.shape.in_record(0) && !groups.shape.in_record(0), "the shape is its own");
    assert!(tried.required.is_empty() && tried.only.len() == 1 && tried.candidate.is_none());
    assert_eq!((tried.unmapped, tried.on_refused), (Unmapped::Refuse, OnRefused::Refuse));
    assert_eq!((&tried.name, &tried.path, tried.line), (&groups.name, &groups.path, 97));

    // What it does not give follows the route into the candidate's own numbering.
    let given = r#"purposes = ["P09"]
required = []
unmapped = "refuse"
on_refused = "refuse"
only = { P09 = ["$.groups[*].learners[*].family_name"] }
"#;
    let files = edited("partners/training-gb.toml", given, "");
    let (policy, _) = read(&files).unwrap();
    let groups = policy.route(&Name::parse("training-gb.enrol-groups").unwrap()).unwrap().route;
    let tried = &groups.candidate.as_ref().unwrap().route;
    assert_eq!(groups.required.iter().collect::<Vec<_>>(), [3]);
    assert_eq!(tried.required.iter().collect::<Vec<_>>(), [0]);
    assert_eq!((tried.unmapped, tried.on_refused), (groups.unmapped, groups.on_refused));
    assert_eq!(tried.purposes, groups.purposes);
    let none = route("mailing-de.subscribers");
    assert!(none.candidate.is_none() && none.only.len() == 1);
}
