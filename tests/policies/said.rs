//! What comes out of rules that use every key.

use std::sync::Arc;

use otkel::document::{Csv, Formula, Multipart, MultipartKind, Opaque, Part, Syntax, Xml, XmlKind};
use otkel::policy::legal::{Number, Unit};
use otkel::policy::{
    Basis, DatePart, EnvelopeRules, FieldSource, Generalisation, Keeping, Mask, OnFound, OnNumber,
    OnRefused, Padding, PartnerKind, Policy, Reply, Route, Stream, Treatment, Unmapped,
};
use otkel::reason::Language;
use otkel::time::Timestamp;
use otkel::vocabulary::{CategoryId, CategorySet, Country, Kem, Kind, Kinds, Name, PurposeId};

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
fn an_envelope_is_made_as_the_partner_says() {
    let (policy, _) = read(&folder()).unwrap();
    let of = |name| &policy.partners[&Name::parse(name).unwrap()].envelope;
    let default = EnvelopeRules::default();
    assert_eq!(*of("training-gb"), default);
    assert!(default.signed && default.receipts && default.kept.is_none() && default.pad.is_none());
    assert_eq!((default.kem, default.reply), (Kem::X25519, Reply::Plain));
    let formats = EnvelopeRules {
        kem: Kem::MlKem768X25519,
        pad: Some(Padding::Padme),
        also: vec![Name::parse("escrow").unwrap()],
        reply: Reply::Required,
        ..EnvelopeRules::default()
    };
    assert_eq!(*of("formats-kz"), formats);
    let mailing = EnvelopeRules {
        pad: Some(Padding::Multiple(4096)),
        kept: Some(Keeping { seconds: 60, messages: 10_000 }),
        receipts: false,
        ..EnvelopeRules::default()
    };
    assert_eq!(*of("mailing-de"), mailing);
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

#[test]
fn a_format_is_what_the_rules_say() {
    let (policy, _) = read(&folder()).unwrap();
    let syntax = |route: &str| formats(&policy, route).shape.syntax().clone();
    let csv = |delimiter, formula| Syntax::Csv(Csv { delimiter, formula });
    assert_eq!(syntax("learner"), Syntax::Empty);
    assert_eq!(syntax("forget"), Syntax::Empty, "of a `DELETE`");
    assert_eq!(syntax("table"), csv(b';', Formula::Neutralise));
    assert_eq!(syntax("lines"), Syntax::Ndjson);
    assert_eq!(syntax("form"), Syntax::Form);
    assert_eq!(syntax("scan"), Syntax::Opaque(Opaque::Png));
    let xml = |kind, namespaces: &[(&str, &str)]| {
        let named = namespaces.iter().map(|(prefix, uri)| ((*prefix).into(), (*uri).into()));
        Syntax::Xml(Xml { kind, namespaces: named.collect() })
    };
    let soap = ("s", "http://www.w3.org/2003/05/soap-envelope");
    assert_eq!(syntax("soap"), xml(XmlKind::Soap12, &[soap, ("e", "urn:example:enrol")]));
    let soap = ("s", "http://schemas.xmlsoap.org/soap/envelope/");
    assert_eq!(syntax("old-soap"), xml(XmlKind::Soap11, &[soap, ("", "urn:example")]));
    assert_eq!(syntax("document"), xml(XmlKind::Plain, &[]));
    let part = |name: &str, syntax| Part { name: name.to_owned(), syntax };
    let parts = vec![
        part("learner", Syntax::Json),
        part("table", csv(b'\t', Formula::Refuse)),
        part("order", xml(XmlKind::Plain, &[("o", "urn:example:order")])),
        part("scan", Syntax::Opaque(Opaque::Pdf)),
    ];
    let form = Multipart { kind: MultipartKind::FormData, parts };
    assert_eq!(syntax("parts"), Syntax::Multipart(form));
    let mixed = Multipart { kind: MultipartKind::Mixed, parts: vec![part("0", Syntax::Json)] };
    assert_eq!(syntax("mixed"), Syntax::Multipart(mixed));
    let charset = |route: &str| formats(&policy, route).charset.clone();
    assert_eq!(charset("table").as_deref(), Some("windows-1251"));
    let utf8 = edited("partners/formats-kz.toml", "\"windows-1251\"", "\"utf8\"");
    let (policy, _) = read(&utf8).unwrap();
    assert_eq!(formats(&policy, "table").charset, None, "UTF-8 is what there is without it");
}

#[test]
fn a_request_in_the_envelope_is_what_the_rules_say() {
    let (policy, _) = read(&folder()).unwrap();
    let learner = formats(&policy, "learner");
    let inner = learner.inner.as_ref().unwrap();
    assert_eq!((learner.method.as_str(), learner.to.as_str()), ("GET", "/otkel"));
    assert_eq!(learner.path, "/formats/learners/{iin}/results");
    assert_eq!(inner.path.to_string(), "/v1/learners/{iin}/results");
    assert_eq!(learner.required.iter().collect::<Vec<_>>(), [0], "the path cannot do without it");
    assert!(learner.fields.iter().all(|field| field.in_record), "one subject's request");
    let answer = learner.answer.as_ref().unwrap();
    let texts: Vec<&str> = answer.fields.iter().map(|field| field.text.as_str()).collect();
    assert_eq!(texts, ["$.results[*].score", "$.status"]);
    assert_eq!((answer.headers.as_slice(), answer.line), (["etag".to_owned()].as_slice(), 61));
    assert_eq!(answer.shape.syntax(), &Syntax::Json);
    let scan = formats(&policy, "scan");
    assert_eq!((scan.method_at(false), scan.method_at(true)), ("PATCH", "PUT"));
    assert_eq!(scan.template_at(true).to_string(), "/v1/{iin}/scan");
    assert_eq!(formats(&policy, "table").template_at(true).to_string(), "/v1/table");
}

#[test]
fn a_treatment_is_what_the_rules_say() {
    let (policy, _) = read(&folder()).unwrap();
    let [learner, table, scan] = ["learner", "table", "scan"].map(|name| formats(&policy, name));
    let treatment = |route: &Route, field: usize| route.fields[field].treatment.clone();
    let mask = |first, last, numbers| Treatment::Mask(Mask { first, last, numbers });
    let [iin, payroll] = ["iin", "payroll"].map(|name| Name::parse(name).unwrap());
    assert_eq!(treatment(&learner, 0), Treatment::Pseudonymise { scope: iin });
    assert_eq!(treatment(&learner, 1), Treatment::Encrypt { to: None });
    assert_eq!(treatment(&learner, 2), Treatment::Keep);
    assert_eq!(treatment(&table, 0), Treatment::Truncate { chars: 1 });
    let year = Generalisation::Date(DatePart::Year);
    let regions = Generalisation::Region(vec!["Алматы".to_owned(), "Астана".to_owned()]);
    let generalised = [year, regions].map(Treatment::Generalise);
    assert_eq!([treatment(&table, 1), treatment(&table, 2)], generalised);
    assert_eq!(treatment(&table, 3), mask(2, 4, OnNumber::Nines));
    let band = Generalisation::Band { width: 5 };
    assert_eq!(treatment(&table, 4), Treatment::Generalise(band));
    assert_eq!(treatment(&table, 5), Treatment::Encrypt { to: Some(payroll.clone()) });
    assert_eq!(treatment(&scan, 1), mask(0, 0, OnNumber::Text));
    let categories = |ids: &[&str]| -> CategorySet {
        ids.iter().map(|id| CategoryId::parse(id).unwrap()).collect()
    };
    assert_eq!(table.fields[6].holds, categories(&["D02", "D07"]));
    assert_eq!(table.fields[6].categories(), categories(&["D01", "D02", "D07"]));
    assert_eq!((learner.found, table.found), (OnFound::Refuse, OnFound::Mask));
    assert_eq!((table.fields[4].found, table.fields[0].found), (Some(OnFound::Drop), None));
    assert_eq!(table.stream, Some(Stream { records_max: 500, bytes_max: 1_048_576 }));
    let partner = &policy.partners[&Name::parse("formats-kz").unwrap()];
    assert_eq!(partner.recipients[&payroll].title, "Payroll of the head office");
    let identifiers = |id| policy.register.categories[&CategoryId::parse(id).unwrap()].identifiers;
    let kinds: Kinds = [Kind::Iin, Kind::IdCard, Kind::Passport].into_iter().collect();
    assert_eq!(identifiers("D04"), kinds);
    assert_eq!(identifiers("D01"), Kinds::EMPTY);
}

fn formats(policy: &Policy, route: &str) -> Arc<Route> {
    let name = Name::parse(&format!("formats-kz.{route}")).unwrap();
    Arc::clone(policy.route(&name).unwrap().route)
}
