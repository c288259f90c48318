use std::sync::Arc;

use super::*;
use crate::consent::{Grant, Grants, Standing};
use crate::decision::tests::{ENROL, decided, now, under};
use crate::decision::{Denial, Permitted};
use crate::document::{FieldId, Lexis, Raw};
use crate::policy::{DatePart, Mask, OnNumber, Policy};
use crate::redaction::edit::{Edit, Edits as _};
use crate::redaction::editor::Editor;
use crate::redaction::{Redacted, redact};
use crate::time::Timestamp;
use crate::transfer::tests::{changed, route};
use uuid::Uuid;

const NAME: &str = "$.learners[*].family_name";
const MAIL: &str = "$.learners[*].email";

/// The shipped rules with treatments of the training partner's fields.
fn rules(treatments: &[(&str, Treatment)]) -> Arc<Policy> {
    changed(|policy| {
        let route = route(policy, "training-gb.enrol");
        for (text, treatment) in treatments {
            let field = route.fields.iter_mut().find(|field| field.text == *text).unwrap();
            field.treatment = treatment.clone();
        }
    })
}

fn permitted(rules: &Arc<Policy>, body: &str) -> Permitted {
    let categories = rules.register.categories.keys().copied().collect();
    let grant = Grant {
        record: Uuid::nil(),
        categories,
        given: Timestamp::EPOCH,
        through_state: false,
        notify: false,
    };
    let transfer = under(rules, ENROL, body);
    let yes = Some(Standing::Granted(Grants::one(grant)));
    let standings = vec![yes; transfer.document().records().len()];
    decided(transfer, &standings, now()).unwrap()
}

fn redacted(rules: &Arc<Policy>, body: &str) -> Result<Redacted, Box<Denial>> {
    let secret = PseudonymSecret::rehearsal();
    let mut treating = Treating { pseudonyms: Some(&secret), seals: &mut Unsealed };
    redact(permitted(rules, body), &mut treating)
}

/// What leaves as an e-mail address that is this JSON value; nothing where it stays.
fn mail(treatment: &Treatment, value: &str) -> Option<String> {
    let rules = rules(&[(MAIL, treatment.clone())]);
    let body = format!(r#"{{"learners":[{{"iin":"1","family_name":"a","email":{value}}}]}}"#);
    let redacted = redacted(&rules, &body).unwrap();
    let sent: serde_json::Value = serde_json::from_slice(redacted.body()).unwrap();
    let lost = redacted.manifest().verdicts[0].lost.values().map(BTreeMap::len).sum::<usize>();
    let value = sent["learners"][0].get("email").map(ToString::to_string);
    assert_eq!(lost, usize::from(value.is_none()), "a loss is counted");
    value
}

fn mask(last: u32, numbers: OnNumber) -> Treatment {
    Treatment::Mask(Mask { last, first: 0, numbers })
}

#[test]
fn every_kind_of_value_is_treated_or_stays() {
    let date = Treatment::Generalise(Generalisation::Date(DatePart::Year));
    let region = Treatment::Generalise(Generalisation::Region(vec!["Алматы".to_owned()]));
    let band = Treatment::Generalise(Generalisation::Band { width: 10 });
    let (text, nines) = (mask(2, OnNumber::Text), mask(2, OnNumber::Nines));
    let (null, cut) = (mask(2, OnNumber::Null), Treatment::Truncate { chars: 2 });
    let encrypt = Treatment::Encrypt { to: None };
    for (treatment, value, left) in [
        (&text, r#""\u0061b\"cd""#, Some(r#""***cd""#)),
        (&text, "12345", Some(r#""***45""#)),
        (&nines, "12345", Some("99945")),
        (&nines, "-1.55", Some("-9.55")),
        (&nines, "1e3", None),
        (&null, "12345", Some("null")),
        (&null, r#""12345""#, Some(r#""***45""#)),
        (&text, "true", None),
        (&cut, r#""abc""#, Some(r#""ab""#)),
        (&cut, r#""a\u0062""#, Some(r#""ab""#)),
        (&cut, "123", Some(r#""12""#)),
        (&cut, "12", Some(r#""12""#)),
        (&cut, "false", None),
        (&date, r#""2001-02-03""#, Some(r#""2001""#)),
        (&date, r#""yesterday""#, None),
        (&date, "20010203", None),
        (&region, r#""Алматы, Абай 1""#, Some(r#""Алматы""#)),
        (&region, r#""Астана""#, None),
        (&band, "85", Some(r#""80-89""#)),
        (&band, r#""85""#, Some(r#""80-89""#)),
        (&band, r#""many""#, None),
        (&band, "true", None),
        (&encrypt, r#""a""#, Some(r#""<encrypted>""#)),
        (&encrypt, "true", Some(r#""<encrypted>""#)),
    ] {
        assert_eq!(mail(treatment, value).as_deref(), left, "{} {value}", treatment.word());
    }
    for treatment in [&text, &nines, &null, &cut, &date, &region, &band, &encrypt] {
        assert_eq!(mail(treatment, "null").as_deref(), Some("null"));
        assert_eq!(mail(treatment, r#""""#).as_deref(), Some(r#""""#));
    }
}

#[test]
fn a_number_and_its_text_have_one_pseudonym() {
    let scope = Name::parse("iin").unwrap();
    let treatment = Treatment::Pseudonymise { scope: scope.clone() };
    let one = mail(&treatment, r#""580101100015""#).unwrap();
    assert_eq!(mail(&treatment, "580101100015").unwrap(), one);
    assert_eq!(mail(&treatment, r#""58010110001\u0035""#).unwrap(), one);
    let partner = Name::parse("training-gb").unwrap();
    let made = PseudonymSecret::rehearsal().of(&partner, &scope).make("580101100015").unwrap();
    assert_eq!(one, format!("\"{made}\""));
    let other = Treatment::Pseudonymise { scope: Name::parse("mail").unwrap() };
    assert_ne!(mail(&other, "580101100015").unwrap(), one);
    assert_ne!(mail(&treatment, "true").unwrap(), one);
}

#[test]
fn a_value_that_the_partner_needs_and_that_cannot_be_treated_stops_the_transfer() {
    let date = Treatment::Generalise(Generalisation::Date(DatePart::Year));
    let rules = rules(&[(NAME, date)]);
    let body = r#"{"learners":[{"iin":"1","family_name":"2001-02-03"},
        {"iin":"2","family_name":"b"}]}"#;
    let denial = redacted(&rules, body).unwrap_err();
    let field: FieldId = denial.field.unwrap();
    let route = denial.transfer.claim().route();
    assert_eq!(denial.reason, Reason::TreatmentImpossible);
    assert_eq!(route.fields[usize::from(field)].text, NAME);
}

#[test]
fn what_is_no_text_has_no_treatment() {
    let rules = rules(&[(MAIL, Treatment::Encrypt { to: None })]);
    let permitted = permitted(&rules, r#"{"learners":[{"iin":"1","family_name":"a"}]}"#);
    let claim = permitted.transfer().claim();
    let mail = claim.route().fields.iter().position(|field| field.text == MAIL).unwrap();
    let mail = FieldId::try_from(mail).unwrap();
    let mut treating = Treating { pseudonyms: None, seals: &mut Unsealed };
    let mut editor = Editor::new(claim, &mut treating, 1);
    let mut edit = |bytes: &[u8], lexis| editor.edit(mail, Raw { bytes, lexis });
    assert_eq!(edit(b"%PDF-1.7", Lexis::Opaque), Edit::Remove);
    assert_eq!(edit(b"", Lexis::Plain), Edit::Put(New::Text(String::new())));
    assert_eq!(edit(b"a", Lexis::Plain), Edit::Put(New::Text("<encrypted>".to_owned())));
}

#[test]
fn losses_are_counted_by_verdict_and_field() {
    let rules = rules(&[(MAIL, Treatment::Truncate { chars: 1 })]);
    let body = r#"{"learners":[{"iin":"1","family_name":"a","email":true},
        {"iin":"2","family_name":"b","email":false},{"iin":"3","family_name":"c","email":"dd"}]}"#;
    let redacted = redacted(&rules, body).unwrap();
    let left =
        r#"{"learners":[{"family_name":"a"},{"family_name":"b"},{"family_name":"c","email":"d"}]}"#;
    assert_eq!(str::from_utf8(redacted.body()).unwrap(), left);
    let [tally] = redacted.manifest().verdicts.as_slice() else { panic!("one verdict") };
    let counts: Vec<_> = tally.lost.values().collect();
    assert_eq!(counts, [&[(Reason::TreatmentImpossible, 2)].into()]);
}

#[test]
fn without_a_secret_nothing_is_pseudonymised_and_nothing_of_it_leaves() {
    let scope = Name::parse("iin").unwrap();
    let rules = rules(&[(MAIL, Treatment::Pseudonymise { scope })]);
    let body = r#"{"learners":[{"iin":"1","family_name":"a","email":"b@example.kz"}]}"#;
    let mut treating = Treating { pseudonyms: None, seals: &mut Unsealed };
    let redacted = redact(permitted(&rules, body), &mut treating).unwrap();
    assert_eq!(redacted.body(), br#"{"learners":[{"family_name":"a"}]}"#);
}

struct NoKey;

impl SealValue for NoKey {
    fn seal(&mut self, _: &Claim, _: Option<&Name>, _: &Field, _: &str) -> Option<String> {
        None
    }
}

#[test]
fn without_a_key_to_encrypt_to_nothing_leaves_at_all() {
    let rules = rules(&[(MAIL, Treatment::Encrypt { to: None })]);
    let body = r#"{"learners":[{"iin":"1","family_name":"a","email":"b@example.kz"}]}"#;
    let mut treating = Treating { pseudonyms: None, seals: &mut NoKey };
    let denial = redact(permitted(&rules, body), &mut treating).unwrap_err();
    assert_eq!(denial.reason, Reason::PartnerKeyUnavailable);
}
